// What a first visit to a route costs: bytes as a host with brotli would send them, and the time until it can be used.
import { brotliCompressSync, constants } from "node:zlib";
import { parsed } from "../support/parsed.js";

const brotli = (bytes) =>
  brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length } }).length;

// What keeps the site for offline comes by itself seconds later, when the page is idle.
const LATER = /\/offline-[^/]*\.js$/;
const known = new Map();

/** Until the app has taken over, or, on a page without one, until it has loaded. */
const usable = (page) =>
  page.waitForFunction(() => !document.getElementById("app")?.hasAttribute("data-static"), undefined, { timeout: 30_000 });

/** A visit with nothing cached. Milliseconds since the visit began: first text, usable. */
export async function load(browser, { site, route }) {
  const context = await browser.newContext({ viewport: { width: 412, height: 915 } });
  try {
    const page = await context.newPage();
    // Where the app takes over is seen in the page itself, not from here.
    await page.addInitScript(() => {
      new MutationObserver((_, observer) => {
        const app = document.getElementById("app");
        if (app && app.hasAttribute("data-static")) window.benchStatic = true;
        else if (app && window.benchStatic) {
          window.benchUsable = performance.now();
          observer.disconnect();
        }
      }).observe(document, { subtree: true, childList: true, attributes: true, attributeFilter: ["data-static"] });
    });
    await page.goto(new URL(route, site).href, { waitUntil: "load" });
    await usable(page);
    return await page.evaluate(async () => {
      const paint = () => performance.getEntriesByName("first-contentful-paint")[0]?.startTime;
      for (let tries = 0; tries < 40 && paint() === undefined; tries += 1) await new Promise((done) => setTimeout(done, 50));
      const loaded = performance.getEntriesByType("navigation")[0].loadEventEnd;
      return { text: paint() ?? null, usable: window.benchUsable ?? loaded };
    });
  } finally {
    await context.close();
  }
}

/** Bytes after brotli of all that a first visit asks for, by kind; the text of an article apart. */
export async function weights(browser, { site, route }) {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 } });
  try {
    const page = await context.newPage();
    const responses = [];
    page.on("response", (response) => LATER.test(response.url()) || responses.push(response));
    await page.goto(new URL(route, site).href);
    await usable(page);
    await page.waitForLoadState("networkidle");
    const kinds = { page: 0, style: 0, script: 0, wasm: 0, other: 0, article: 0 };
    for (const response of responses) {
      const path = new URL(response.url()).pathname;
      const body = await response.body();
      const kind = { css: "style", js: "script", wasm: "wasm" }[path.split(".").at(-1)];
      if (kind === undefined && response.request().resourceType() === "document") {
        const shell = await parsed(context, body.toString("utf8"), "text/html", (document) => {
          document.querySelectorAll("[data-article]").forEach((part) => part.remove());
          return document.documentElement.outerHTML;
        });
        const without = brotli(Buffer.from(shell));
        kinds.page += without;
        kinds.article += Math.max(0, brotli(body) - without);
        continue;
      }
      if (!known.has(path)) known.set(path, brotli(body));
      kinds[kind ?? "other"] += known.get(path);
    }
    return { ...kinds, requests: responses.length };
  } finally {
    await context.close();
  }
}
