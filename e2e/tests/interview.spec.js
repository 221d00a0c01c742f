// "Interview me": a question at random, a clock, hidden answers, and grades that the reader gives herself.
import { expectNothingFound } from "../support/axe.js";
import { expect, test } from "../support/test.js";
import { questions } from "../support/runner.js";
import { mounted } from "../support/mounted.js";
import { Library } from "../pages/library.js";
import { Stage } from "../pages/stage.js";

const [first] = questions;
const panel = (page) => page.getByRole("region", { name: "Interview", exact: true });

test("the library draws a question of the level that was asked for", async ({ page }) => {
  await Library.open(page);
  const level = page.getByRole("combobox", { name: "Level of the interview" });
  await level.selectOption("Senior");
  await page.getByRole("combobox", { name: "Length of the interview" }).selectOption("30");
  await page.getByRole("region", { name: "Interview me" }).getByRole("button", { name: "Start" }).click();
  await expect(page).toHaveURL(/\/q\/[a-z0-9-]+\/\?interview=30$/);
  await new Stage(page).ready();
  await expect(page.locator(".question-head")).toContainText("Senior");
  await expect(page.getByRole("timer")).toHaveText(/^(30:00|29:5\d)$/);
});

test("no answer shows before the reader has answered, while the app is on its way or after", async ({ page }) => {
  // The script that hides the answers runs before anything is painted. The program waits until that has been seen.
  let open;
  const gate = new Promise((done) => (open = done));
  await page.route(/\.wasm$/, (route) => gate.then(() => route.continue()));
  await page.goto(`q/${first.slug}/?interview=20`, { waitUntil: "commit" });
  await expect(page.locator("#app[data-static] #short-answer")).toBeAttached();
  await expect(page.locator("#short-answer")).toBeHidden();
  open();
  await new Stage(page).ready();
  await expect(panel(page)).toBeVisible();
  for (const hidden of ["#short-answer", "#follow-ups", ".tries", ".read-next"]) {
    await expect(page.locator(hidden).first(), hidden).toBeHidden();
  }
  await expect(page.locator("#question")).toBeVisible();
  await expect(page.locator("svg.scene").first()).toBeVisible();
});

test("the reader answers, grades herself, and the result is kept", async ({ page }) => {
  await page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
  await page.goto(`q/${first.slug}/?interview=10`);
  await new Stage(page).ready();
  await page.getByRole("textbox", { name: "Your notes" }).fill("Count, then refuse.");
  await page.getByRole("button", { name: /Show the answer/ }).click();
  await expect(page.getByRole("heading", { name: "How did you do?" })).toBeFocused();
  await expect(page.locator("#short-answer")).toBeVisible();
  await expect(page.locator(".tries")).toBeVisible();
  await expect(page.getByRole("textbox", { name: "Your notes" }), "notes stay").toHaveValue("Count, then refuse.");

  const rows = panel(page).getByRole("group");
  const count = await page.locator(".followup").count();
  await expect(rows).toHaveCount(count);
  await rows.nth(0).getByRole("radio", { name: "Had it" }).check();
  await rows.nth(1).getByRole("radio", { name: "Partly" }).check();
  await rows.nth(2).getByRole("radio", { name: "Missed it" }).check();
  const result = panel(page).locator(".interview-result");
  await expect(result).toContainText(`You had 1 of ${count}, 1 more in part`);
  await expect(result).toContainText(`${count - 3} not graded yet`);
  await panel(page).getByRole("button", { name: "Copy the result" }).click();
  await expect(panel(page).getByText("Copied.")).toBeVisible();
  expect(await page.evaluate(() => navigator.clipboard.readText())).toContain(`You had 1 of ${count}`);

  // A follow-up leads to its answer.
  const [link] = await rows.nth(0).getByRole("link").all();
  await link.click();
  await expect(page.locator(await link.getAttribute("href"))).toBeInViewport();

  await panel(page).getByRole("link", { name: "Another question" }).click();
  await mounted(page);
  const card = page.locator("li", { has: page.locator(`a[href$="q/${first.slug}/"]`) });
  await expect(card).toContainText(`interview 1 of ${count}`);
  await page.getByRole("button", { name: "Forget it" }).click();
  await expect(card).not.toContainText("interview");
});

test("minutes that make no sense are twenty", async ({ page }) => {
  await page.goto(`q/${first.slug}/?interview=%3Cb%3E`);
  await new Stage(page).ready();
  await expect(page.getByRole("timer")).toHaveText(/^(20:00|19:5\d)$/);
});

test("axe finds nothing, before the answer and after it", async ({ page }) => {
  await page.goto(`q/${first.slug}/?interview=20&autoplay=0`);
  await new Stage(page).ready();
  await expectNothingFound(page, { within: ".interview" });
  await page.getByRole("button", { name: /Show the answer/ }).click();
  await expectNothingFound(page, { within: ".interview" });
});
