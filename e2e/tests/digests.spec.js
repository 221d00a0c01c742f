// The engine in WebAssembly comes to the same bits as the native one.
import { readFileSync } from "node:fs";
import { expect, test } from "../support/test.js";
import { questions, sim } from "../support/runner.js";

test("golden digests are the same natively and in the browser", async ({ page }) => {
  test.setTimeout(120_000);
  const native = process.env.GOLDEN ? JSON.parse(readFileSync(process.env.GOLDEN, "utf8")) : sim("golden");
  expect(Object.keys(native)).toHaveLength(2 * questions.length);
  await page.goto("./");
  await page.waitForFunction(() => !document.getElementById("app").hasAttribute("data-static"));
  const browser = await page.evaluate(async () => {
    const module = document.querySelector('link[rel="modulepreload"]').href;
    // The module the page runs: importing it again gives the same instance.
    const app = await import(module);
    return JSON.parse(app.golden_digests());
  });
  expect(browser).toEqual(native);
});
