// The engine in WebAssembly comes to the same bits as the native one.
import { readFileSync } from "node:fs";
import { expect, test } from "../support/test.js";
import { questions, sim } from "../support/runner.js";

const native = process.env.GOLDEN ? JSON.parse(readFileSync(process.env.GOLDEN, "utf8")) : sim("golden");

test("golden digests were taken of every question", () => {
  expect(Object.keys(native)).toHaveLength(2 * questions.length);
});

for (const { slug } of questions) {
  test(`${slug}: golden digests are the same natively and in the browser`, async ({ page }) => {
    test.setTimeout(120_000);
    await page.goto(`q/${slug}/?autoplay=0`);
    await page.waitForFunction(() => !document.getElementById("app").hasAttribute("data-static"));
    const browser = await page.evaluate(async () => {
      const module = document.querySelector('link[rel="modulepreload"]').href;
      // The module the page runs: importing it again gives the same instance.
      const app = await import(module);
      return JSON.parse(app.golden_digests());
    });
    const expected = Object.fromEntries(Object.entries(native).filter(([run]) => run.startsWith(`${slug}/`)));
    expect(Object.keys(expected)).toHaveLength(2);
    expect(browser).toEqual(expected);
  });
}
