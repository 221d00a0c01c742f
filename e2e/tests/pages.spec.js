// Around the simulation: what survives when the app takes the prerendered page over, moving between
// pages, what the reader set, and what happens when something is missing.
import { parsed } from "../support/parsed.js";
import { expect, test } from "../support/test.js";
import { questions } from "../support/runner.js";
import { mounted } from "../support/mounted.js";
import { Library } from "../pages/library.js";
import { Stage } from "../pages/stage.js";

const [first] = questions;
const text = (page) => page.locator("#short-answer");

test.describe("taking the prerendered page over", () => {
  test("the reader's place, folds and focus survive, and nothing jumps", async ({ page }) => {
    await page.addInitScript(() => {
      window.shifted = 0;
      new PerformanceObserver((list) => list.getEntries().forEach((entry) => (window.shifted += entry.value))).observe({
        type: "layout-shift",
        buffered: true,
      });
      // Before the app: module scripts run after this event at the earliest.
      document.addEventListener("readystatechange", () => {
        if (document.readyState !== "interactive") return;
        const section = document.getElementById("long-answer");
        section.marked = true;
        section.querySelector("details").open = true;
        document.querySelector(".brand").focus();
        scrollTo(0, 120);
      });
    });
    await page.goto(`q/${first.slug}/?autoplay=0`);
    await mounted(page);
    const after = await page.evaluate(() => ({
      same: document.getElementById("long-answer").marked === true,
      open: document.querySelector("#long-answer details").open,
      focus: document.activeElement.className,
      scroll: scrollY,
      mains: document.querySelectorAll("main").length,
    }));
    expect(after).toEqual({ same: true, open: true, focus: "brand", scroll: 120, mains: 1 });
    expect(await page.evaluate(() => window.shifted), "cumulative layout shift").toBeLessThan(0.02);
  });

  test("index.html in the address is the same page", async ({ page }) => {
    await page.goto(`q/${first.slug}/index.html?autoplay=0`);
    await mounted(page);
    await expect(page).toHaveURL(new RegExp(`/q/${first.slug}/\\?autoplay=0$`));
    await expect(text(page)).toBeVisible();
  });
});

test("from page to page and back, each page has its title and its text", async ({ page }) => {
  const library = await Library.open(page);
  const titles = [await page.title()];
  // A few of them: each question's page is opened by its own tests.
  const some = questions.filter((_, at) => at % 5 === 0);
  for (const { slug } of some) {
    await library.question(slug).click();
    await expect(page).toHaveURL(new RegExp(`/q/${slug}/$`));
    await mounted(page);
    await expect(text(page)).toBeVisible();
    expect(await page.title()).toContain(await page.locator("main h1").innerText());
    titles.push(await page.title());
    await page.locator(".brand").click();
    await mounted(page);
    await expect(library.search).toBeVisible();
  }
  await page.goBack();
  await expect(page).toHaveURL(new RegExp(`/q/${some.at(-1).slug}/$`));
  await mounted(page);
  await expect(text(page)).toBeVisible();
  expect(new Set(titles).size).toBe(some.length + 1);
});

test("a link inside the text opens the fold it leads into", async ({ page }) => {
  await page.goto(`q/${first.slug}/?autoplay=0`);
  await mounted(page);
  const cite = text(page).locator('sup a[href^="#source-"]').first();
  await cite.click();
  const source = page.locator(await cite.getAttribute("href"));
  await expect(source).toBeInViewport();
  await expect(source).toBeFocused();
});

test("an address that leads into a fold opens it", async ({ page }) => {
  await page.goto(`q/${first.slug}/?autoplay=0`);
  const cite = await text(page).locator('sup a[href^="#source-"]').first().getAttribute("href");
  await page.goto("./");
  await page.goto(`q/${first.slug}/?autoplay=0${cite}`);
  await mounted(page);
  await expect(page.locator(cite)).toBeInViewport();
});

test("what came after the start of the visit is known to a page that the browser kept", async ({ page }) => {
  await Library.open(page);
  const card = page.locator("li", { has: page.locator(`a[href$="q/${first.slug}/"]`) });
  await expect(card).not.toContainText("opened");
  // What the browser does when going back, done by hand: automated browsers keep no pages.
  await page.evaluate((slug) => {
    localStorage.setItem("breakable.kept", `breakable 1\n5 seen/${slug}=\n5 theme=dark`);
    dispatchEvent(new PageTransitionEvent("pageshow", { persisted: true }));
  }, first.slug);
  await expect(card).toContainText("opened");
  expect(await page.evaluate(() => document.documentElement.dataset.theme)).toBe("dark");
});

test.describe("the library", () => {
  test("a slash from anywhere goes to the search", async ({ page }) => {
    await page.goto(`q/${first.slug}/?autoplay=0`);
    await mounted(page);
    await page.keyboard.press("/");
    const library = new Library(page);
    await expect(library.search).toBeFocused();
    await page.keyboard.type("/");
    await expect(library.search).toHaveValue("/");
  });

  test("the filter is in the address, and back brings it back", async ({ page }) => {
    const library = await Library.open(page);
    const shown = library.main.locator("a[href*='/q/']:visible");
    const all = await shown.count();
    const level = page.getByRole("group", { name: "Level" }).getByRole("radio").nth(1);
    const name = (await level.evaluate((input) => input.parentElement.innerText)).toLowerCase();
    await level.check();
    await expect(page).toHaveURL(new RegExp(`\\?level=${name}$`));
    const count = await shown.count();
    expect(count).toBeGreaterThan(0);
    await shown.first().click();
    await mounted(page);
    await expect(text(page)).toBeVisible();
    await page.goBack();
    await mounted(page);
    await expect(level).toBeChecked();
    await expect(shown).toHaveCount(count);
    await page.getByRole("button", { name: "Show all" }).click();
    await expect(shown).toHaveCount(all);
    await expect(page).toHaveURL(/\/$/);
  });

  test("the search looks into the texts, and a place that it finds is opened", async ({ page }) => {
    const library = await Library.open(page);
    // A heading inside a fold of the first question's text, from its own page.
    const html = await (await page.request.get(`q/${first.slug}/`)).text();
    const heading = await parsed(page.context(), html, "text/html", (document) => {
      const found = document.querySelector("#long-answer h3[id]");
      return { id: found.id, text: found.textContent };
    });
    await library.search.fill(heading.text);
    const place = page.getByRole("region", { name: "In the texts" }).locator(`a[href$="q/${first.slug}/#${heading.id}"]`);
    await expect(place).toContainText(heading.text);
    await expect(page.getByRole("status")).toContainText(/in the texts/);
    await place.click();
    await mounted(page);
    await expect(page.locator(`#${heading.id}`)).toBeInViewport();
  });

  test.describe("texts that cannot be downloaded", () => {
    test.use({ expectedComplaints: [/ERR_FAILED|Failed to load/] });

    test("leave the search of the titles, and a sentence", async ({ page }) => {
      await page.route("**/texts.txt", (route) => route.abort());
      const library = await Library.open(page);
      await library.search.fill(first.slug);
      await expect(library.question(first.slug)).toBeVisible();
      await expect(page.getByText("Only titles and summaries are searched")).toContainText("could not be reached");
      await page.unroute("**/texts.txt");
      await library.search.fill("retry");
      await expect(page.getByRole("region", { name: "In the texts" })).toBeVisible();
    });
  });

  test("unknown filters in the address are left out", async ({ page }) => {
    const found = page.getByRole("status");
    await Library.open(page);
    const all = await found.innerText();
    await page.goto("./?level=wizard&topic=%3Cb%3E");
    await mounted(page);
    await expect(found).toHaveText(all);
  });

  test("what was opened is remembered until it is to be forgotten", async ({ page }) => {
    await page.goto(`q/${first.slug}/?autoplay=0`);
    await mounted(page);
    const library = await Library.open(page);
    const card = page.locator("li", { has: page.locator(`a[href$="q/${first.slug}/"]`) });
    await expect(card).toContainText("opened");
    await page.getByRole("button", { name: "Forget it" }).click();
    await expect(card).not.toContainText("opened");
    await page.reload();
    await mounted(page);
    await expect(card).not.toContainText("opened");
  });
});

test.describe("the theme", () => {
  const theme = (page) => page.evaluate(() => document.documentElement.dataset.theme ?? "system");

  test("goes round, is kept, and gives way to the address", async ({ page }) => {
    await Library.open(page);
    const button = page.getByRole("button", { name: /^Theme/ });
    expect(await theme(page)).toBe("system");
    await button.click();
    expect(await theme(page)).toBe("light");
    await button.click();
    expect(await theme(page)).toBe("dark");
    await page.reload();
    await mounted(page);
    expect(await theme(page)).toBe("dark");
    await page.goto("./?theme=light");
    await mounted(page);
    expect(await theme(page)).toBe("light");
    await page.goto("./");
    await mounted(page);
    expect(await theme(page), "the address decided for one visit").toBe("dark");
  });

  for (const broken of ["blocked", "full"]) {
    test(`works while storage is ${broken}`, async ({ page }) => {
      await page.addInitScript((broken) => {
        const refuse = () => {
          throw new DOMException("refused", broken === "full" ? "QuotaExceededError" : "SecurityError");
        };
        if (broken === "full") Storage.prototype.setItem = refuse;
        else Object.defineProperty(window, "localStorage", { get: refuse });
      }, broken);
      await page.goto(`q/${first.slug}/?autoplay=0`);
      await mounted(page);
      await page.getByRole("button", { name: /^Theme/ }).click();
      expect(await theme(page)).toBe("light");
    });
  }
});

test("what knobs, numbers and faults are for comes when the reader turns to the stage", async ({ page }) => {
  const loads = [];
  page.on("request", (request) => loads.push(request.url()));
  const stage = await Stage.still(page, first.slug);
  await page.waitForLoadState("networkidle");
  expect(loads.filter((url) => /\/(more|told_)/.test(url)), "not before").toEqual([]);
  await stage.play.hover();
  const label = stage.knobs.locator("label").first();
  const named = await label.innerText();
  await expect(label).toHaveAttribute("title", first.knobs.find((knob) => knob.label === named).help);
  const fault = first.acts.find(({ fault }) => fault);
  await expect(stage.fault(fault.label)).toHaveAttribute("title", fault.help);
});

test("an embed reads and keeps nothing", async ({ page }) => {
  await page.addInitScript(() => {
    window.touched = 0;
    const real = window.localStorage;
    Object.defineProperty(window, "localStorage", { get: () => (window.touched++, real) });
  });
  await page.goto(`embed/${first.slug}/?theme=dark`);
  await mounted(page);
  expect(await page.evaluate(() => document.documentElement.dataset.theme)).toBe("dark");
  expect(await page.evaluate(() => window.touched)).toBe(0);
});

test.describe("a mistyped question", () => {
  test.use({ expectedComplaints: [/404/] });

  test("is answered with the one that was meant", async ({ page }) => {
    const typed = first.slug.slice(0, -2) + first.slug.at(-1) + first.slug.at(-2);
    await page.goto(`q/${typed}/`);
    await mounted(page);
    await expect(page.getByText(`No question is called “${typed}”.`)).toBeVisible();
    await page.getByText("Did you mean").getByRole("link").click();
    await expect(page).toHaveURL(new RegExp(`/q/${first.slug}/$`));
    await expect(text(page)).toBeVisible();
  });
});
