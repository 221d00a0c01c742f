// What a first visit costs, as a host with brotli would send it.
import { brotliCompressSync, constants } from "node:zlib";
import { expect, test } from "../support/test.js";
import { questions } from "../support/runner.js";

// What a first load of a question page may weigh.
const FIRST_LOAD_BYTES_MAX = 180_000;

const brotli = (bytes) =>
  brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length } }).length;

for (const { slug } of questions) {
  test(`${slug}: page, style, script and wasm together stay within the budget`, async ({ page }) => {
    const loads = [];
    page.on("response", (response) => loads.push(response));
    await page.goto(`q/${slug}/?autoplay=0`);
    await page.waitForFunction(() => !document.getElementById("app").hasAttribute("data-static"));
    await page.waitForLoadState("networkidle");

    const sizes = {};
    for (const response of loads) {
      let body = await response.body();
      if (response.url().includes("/q/")) {
        // The text of the article is what the visit is for; it is not counted.
        const shell = await page.evaluate((html) => {
          const document = new DOMParser().parseFromString(html, "text/html");
          document.querySelectorAll("[data-article]").forEach((part) => part.remove());
          return document.documentElement.outerHTML;
        }, body.toString("utf8"));
        body = Buffer.from(shell);
      }
      sizes[new URL(response.url()).pathname.split("/").at(-1) || "page"] = brotli(body);
    }
    const total = Object.values(sizes).reduce((sum, size) => sum + size, 0);
    test.info().annotations.push({ type: "bytes after brotli", description: `${total} ${JSON.stringify(sizes)}` });
    console.log(`${slug}: ${(total / 1000).toFixed(1)} kB after brotli`, sizes);
    expect(Object.keys(sizes).some((name) => name.endsWith(".wasm")), "the wasm was among the loads").toBe(true);
    expect(total, JSON.stringify(sizes)).toBeLessThanOrEqual(FIRST_LOAD_BYTES_MAX);
  });
}
