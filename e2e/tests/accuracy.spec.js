// The page that shows what the simulation is held against: complete without JavaScript, and the same with it.
import { readFileSync } from "node:fs";
import { expectNothingFound } from "../support/axe.js";
import { expect, test } from "../support/test.js";
import { questions, sim } from "../support/runner.js";
import { mounted } from "../support/mounted.js";

const results = process.env.RESULTS;
const measured = (name, ...command) =>
  results ? JSON.parse(readFileSync(`${results}/${name}.json`, "utf8")) : sim(...command, "--json");
const laws = measured("laws", "accuracy").flatMap((family) => family.laws);
const experiments = measured("experiments", "check");
const golden = measured("golden", "golden");

const address = "accuracy/";

test("every law, every experiment and every digest is there without JavaScript", async ({ browser, baseURL }) => {
  const context = await browser.newContext({ javaScriptEnabled: false, baseURL });
  const page = await context.newPage();
  await page.goto(address);
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("Simulation against theory");
  await expect(page.locator(".law")).toHaveCount(laws.length);
  await expect(page.locator(".law tbody tr")).toHaveCount(laws.flatMap((law) => law.cases).length);
  const claims = new Set(experiments.map(({ slug, experiment, claim }) => `${slug}/${experiment}/${claim}`));
  await expect(page.locator(".of-question tbody tr")).toHaveCount(claims.size);
  const text = await page.locator("main").textContent();
  for (const { digest } of Object.values(golden)) {
    expect(text).toContain(digest);
  }
  expect(text).toContain("All of them hold.");
  expect(text).not.toContain("NaN");
  await context.close();
});

test("the app leaves the text where it is and asks for no part of a question", async ({ page }) => {
  const loads = [];
  page.on("request", (request) => loads.push(new URL(request.url()).pathname.split("/").at(-1)));
  await page.addInitScript(() => {
    document.addEventListener("readystatechange", () => {
      if (document.readyState === "interactive") document.querySelector(".law").marked = true;
    });
  });
  await page.goto(`${address}#caches`);
  await mounted(page);
  expect(await page.evaluate(() => document.querySelector(".law").marked)).toBe(true);
  await expect(page.locator("#caches")).toBeInViewport();
  await expect(page.locator("main")).toHaveCount(1);
  const parts = questions.map(({ slug }) => slug.replaceAll("-", "_"));
  expect(loads.filter((name) => parts.some((part) => name.startsWith(part)))).toEqual([]);
});

test("an experiment leads to its question, and back from there", async ({ page }) => {
  await page.goto(address);
  await mounted(page);
  const [{ slug, experiment }] = experiments;
  await page.locator(`.of-question a[href$="q/${slug}/#try-${experiment}"]`).first().click();
  await expect(page).toHaveURL(new RegExp(`/q/${slug}/#try-${experiment}$`));
  await mounted(page);
  await expect(page.locator(`#try-${experiment}`)).toBeInViewport();
  const back = page.locator("[data-part=rest] > .held-against a");
  expect(await back.evaluate((link) => new URL(link.href).pathname)).toBe("/some/prefix/accuracy/");
});

test("the library leads to it", async ({ page }) => {
  await page.goto("./");
  await mounted(page);
  await page.getByRole("link", { name: "Simulation against theory" }).click();
  await expect(page).toHaveURL(/\/accuracy\/$/);
});

test("on a phone wide tables scroll in their own boxes", async ({ page }) => {
  await page.setViewportSize({ width: 390, height: 844 });
  await page.goto(address);
  await mounted(page);
  await page.evaluate(() => document.querySelectorAll("details").forEach((fold) => (fold.open = true)));
  expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(390);
  const small = await page.evaluate(() => {
    const texts = [...document.querySelectorAll("main *")].filter((e) => [...e.childNodes].some((n) => n.nodeType === 3));
    return Math.min(...texts.map((e) => parseFloat(getComputedStyle(e).fontSize)));
  });
  expect(small).toBeGreaterThanOrEqual(11);
});

test("nothing for axe to find", async ({ page }) => {
  await page.goto(address);
  await mounted(page);
  // Hundreds of laws and rows are alike, and axe looks at every cell: a few of each kind stand for them.
  await page.evaluate(() => {
    document.querySelectorAll("details").forEach((fold) => (fold.open = true));
    const more = ".law ~ .law ~ .law, .of-question ~ .of-question ~ .of-question, tbody tr:nth-child(n + 4)";
    document.querySelectorAll(more).forEach((part) => part.remove());
  });
  await expectNothingFound(page);
});
