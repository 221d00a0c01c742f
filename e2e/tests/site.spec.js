// The site as a whole: every address works under a path prefix, says what it should, and asks nobody else.
import { AxeBuilder } from "@axe-core/playwright";
import { expect, test } from "../support/test.js";
import { questions } from "../support/runner.js";
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
  await expect(page.getByText("No question matches.")).toBeVisible();
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
      await page.waitForFunction(() => !document.getElementById("app").hasAttribute("data-static"));
      await expect(page.getByRole("heading", { level: 1 })).toContainText("no page");
      const back = page.getByRole("link", { name: "To the library" });
      expect(await back.evaluate((link) => new URL(link.href).pathname)).toBe("/some/prefix/");
      const style = await page.evaluate(() => getComputedStyle(document.body).getPropertyValue("font-family"));
      expect(style, "the style sheet was found").not.toMatch(/^"?Times/);
    });
  }
});

for (const path of ["./", ...questions.flatMap(({ slug }) => [`q/${slug}/`, `embed/${slug}/`])]) {
  test(`${path} is readable without JavaScript`, async ({ browser, baseURL }) => {
    const context = await browser.newContext({ javaScriptEnabled: false, baseURL });
    const page = await context.newPage();
    await page.goto(path);
    if (path.startsWith("embed/")) {
      await expect(page.locator("svg.scene").first()).toBeVisible();
    } else {
      await expect(page.getByRole("heading", { level: 1 })).toBeVisible();
    }
    if (path.startsWith("q/")) {
      // Folded parts count: a fold opens without JavaScript.
      const parts = await page.locator("[data-article]").allTextContents();
      expect(parts.join("").length, "the whole article").toBeGreaterThan(2000);
      await expect(page.locator("svg.scene").first(), "the picture").toBeVisible();
    }
    await context.close();
  });

  test(`${path} fits a phone`, async ({ page }) => {
    await page.setViewportSize({ width: 390, height: 844 });
    await page.goto(path);
    await page.waitForFunction(() => !document.getElementById("app").hasAttribute("data-static"));
    for (const where of ["start", "end"]) {
      if (where === "end") {
        await page.evaluate(() => scrollTo(0, document.body.scrollHeight));
      }
      const widest = await page.evaluate(() => {
        const wide = [...document.querySelectorAll("body *")].find(
          (element) => element.getBoundingClientRect().right > 391 && getComputedStyle(element).position !== "fixed" &&
            !element.closest("pre, table, svg, [data-scrolls], .visually-hidden") ,
        );
        return { width: document.documentElement.scrollWidth, wide: wide?.outerHTML.slice(0, 200) };
      });
      expect(widest.width, `${where}: ${widest.wide}`).toBeLessThanOrEqual(390);
    }
  });

  for (const colorScheme of ["light", "dark"]) {
    test(`${path} has nothing for axe to find, ${colorScheme}, still and mid-run`, async ({ page }) => {
      await page.emulateMedia({ colorScheme });
      await page.goto(path === "./" ? path : `${path}?autoplay=0`);
      await page.waitForFunction(() => !document.getElementById("app").hasAttribute("data-static"));
      expect(await findings(page), "at the start").toEqual([]);
      if (path !== "./") {
        const stage = new Stage(page);
        await stage.faults.getByRole("button").first().click();
        await stage.seek(0.4);
        if (await stage.pause.isVisible()) {
          await stage.pause.click();
        }
        expect(await findings(page), "mid-run").toEqual([]);
      }
    });
  }
}

/** What axe finds, one line each. */
async function findings(page) {
  const { violations } = await new AxeBuilder({ page }).analyze();
  return violations.flatMap(({ id, nodes }) => nodes.map((node) => `${id}: ${node.target.join(" ")}: ${node.failureSummary}`));
}
