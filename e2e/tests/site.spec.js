// The site as a whole: every address works under a path prefix, says what it should, and asks nobody else.
import { expect, test } from "../support/test.js";
import { expectNothingFound, findings } from "../support/axe.js";
import { questions } from "../support/runner.js";
import { mounted } from "../support/mounted.js";
import { Library } from "../pages/library.js";
import { Stage } from "../pages/stage.js";

test("there are questions to test", () => {
  expect(questions.length).toBeGreaterThan(0);
});

test("the library leads to every question", async ({ page }) => {
  const library = await Library.open(page);
  await expect(page.getByRole("heading", { level: 1 })).toBeVisible();
  for (const { slug } of questions) {
    await expect(library.question(slug), slug).toBeVisible();
  }
  await library.question(questions[0].slug).click();
  await expect(page).toHaveURL(new RegExp(`/some/prefix/q/${questions[0].slug}/$`));
  await new Stage(page).ready();
  await expect(page.locator("[data-part=rest]")).toContainText(/thirty seconds/i);
  await page.goBack();
  await expect(library.question(questions[0].slug)).toBeVisible();
});

test("the library can be searched", async ({ page }) => {
  const library = await Library.open(page);
  await library.search.fill("no such thing at all");
  await expect(page.getByText("Nothing matches.")).toBeVisible();
  await library.search.fill(questions[0].slug);
  await expect(library.question(questions[0].slug)).toBeVisible();
});

test.describe("an address that does not exist", () => {
  // The status of the page itself is the point.
  test.use({ expectedComplaints: [/404/] });

  for (const address of ["q/no-such-question/", "no-such-page", "embed/", "q/a/b/c/"]) {
    test(`${address} says so and leads back`, async ({ page }) => {
      const response = await page.goto(address);
      expect(response.status()).toBe(404);
      await mounted(page);
      await expect(page.getByRole("heading", { level: 1 })).toContainText("no page");
      const back = page.getByRole("link", { name: "To the library" });
      expect(await back.evaluate((link) => new URL(link.href).pathname)).toBe("/some/prefix/");
      const style = await page.evaluate(() => getComputedStyle(document.body).getPropertyValue("font-family"));
      expect(style, "the style sheet was found").not.toMatch(/^"?Times/);
    });
  }
});

// One load for all of it: what is still, what runs, each theme and each width are looks at one page.
for (const path of ["./", ...questions.flatMap(({ slug }) => [`q/${slug}/`, `embed/${slug}/`])]) {
  test(`${path} has nothing for axe to find and fits, still and mid-run, in every theme and width`, async ({ page }) => {
    test.setTimeout(120_000);
    await page.goto(path === "./" ? path : `${path}?autoplay=0`);
    await mounted(page);
    // Folds hide most of the text from axe.
    await page.evaluate(() => document.querySelectorAll(".article details").forEach((fold) => (fold.open = true)));
    if (path === "./") {
      await expectNothingFound(page);
      return;
    }
    expect(await findings(page), "axe, at the start").toEqual([]);
    const stage = new Stage(page);
    if (path.startsWith("embed/")) {
      await page.getByRole("button", { name: "Knobs and numbers" }).click();
      // They are downloaded first.
      await expect(page.getByRole("group", { name: "Knobs", exact: true })).toBeVisible();
    }
    await stage.faults.getByRole("button").first().click();
    await stage.seek(0.4);
    await expectNothingFound(page, { within: ".stage", what: "mid-run," });
  });
}

test("every page is readable without JavaScript", async ({ browser, baseURL }) => {
  test.setTimeout(180_000);
  const context = await browser.newContext({ javaScriptEnabled: false, baseURL });
  const page = await context.newPage();
  await page.goto("./");
  await expect(page.getByRole("heading", { level: 1 })).toBeVisible();
  for (const { slug } of questions) {
    await page.goto(`embed/${slug}/`);
    await expect(page.locator("svg.scene").first(), `the picture of embed/${slug}/`).toBeVisible();
    await page.goto(`q/${slug}/`);
    await expect(page.getByRole("heading", { level: 1 })).toBeVisible();
    // Folded parts count: a fold opens without JavaScript.
    const parts = await page.locator("[data-article]").allTextContents();
    expect(parts.join("").length, `the whole article of ${slug}`).toBeGreaterThan(2000);
    await expect(page.locator("svg.scene").first(), `the picture of ${slug}`).toBeVisible();
  }
  await context.close();
});
