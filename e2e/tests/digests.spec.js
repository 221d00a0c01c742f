// The engine in WebAssembly comes to the same bits as the native one: a page that is opened at the end of a golden
// run, with everything broken on the way, shows the digest that the runner had there.
import { readFileSync } from "node:fs";
import { expect, test } from "../support/test.js";
import { questions, sim } from "../support/runner.js";
import { Stage } from "../pages/stage.js";

const native = process.env.GOLDEN ? JSON.parse(readFileSync(process.env.GOLDEN, "utf8")) : sim("golden");

test("golden runs were made of every question", () => {
  expect(Object.keys(native)).toHaveLength(2 * questions.length);
});

for (const [name, { digest, link }] of Object.entries(native)) {
  test(`${name}: the digest is the same natively and in the browser`, async ({ page }) => {
    const [slug] = name.split("/");
    const stage = await Stage.open(page, slug, { hash: link });
    await expect.poll(() => stage.digest()).toBe(digest);
    await expect(stage.notes).toHaveCount(0);
  });
}
