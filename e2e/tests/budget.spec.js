// What a first visit costs, as a host with brotli would send it.
import { parsed } from "../support/parsed.js";
import { expect, test } from "../support/test.js";
import { brotli } from "../support/brotli.js";
import { questions } from "../support/runner.js";
import { mounted } from "../support/mounted.js";

// What a first load may weigh, by the first word of the address. Each part of the program that comes later costs the
// first load what it asks of the browser: the main module names it, and its glue calls it.
const BUDGETS = {
  q: 175_500,
  embed: 150_000,
};

// Files whose names carry the hash of their content weigh the same on every page.
const weighed = new Map();
const weigh = (name, body) => {
  if (!/-[0-9a-f]{12}\./.test(name)) {
    return brotli(body);
  }
  if (!weighed.has(name)) {
    weighed.set(name, brotli(body));
  }
  return weighed.get(name);
};

/** The size of everything that a first visit of `path` loads, by file. */
const firstLoad = async (page, path) => {
  const loads = [];
  // What keeps the site for offline comes by itself seconds later, when the page is idle: on a busy machine that is
  // before the network has been idle.
  const later = /\/offline-[^/]*\.js$/;
  page.on("response", (response) => later.test(response.url()) || loads.push(response));
  await page.goto(path);
  await mounted(page);
  await page.waitForLoadState("networkidle");
  const sizes = {};
  for (const response of loads) {
    const name = new URL(response.url()).pathname.split("/").at(-1) || "page";
    let body = await response.body();
    if (name === "page") {
      // The text of the article is what the visit is for; it is not counted.
      const shell = await parsed(page.context(), body.toString("utf8"), "text/html", (document) => {
        document.querySelectorAll("[data-article]").forEach((part) => part.remove());
        return document.documentElement.outerHTML;
      });
      body = Buffer.from(shell);
    }
    sizes[name] = weigh(name, body);
  }
  return sizes;
};

const holds = (path, budget) =>
  test(`${path || "the library"}: page, style, script and wasm together stay within the budget`, async ({ page }) => {
    // As most come to it. An address that says how the run begins brings the part that reads it, 9 kB.
    const sizes = await firstLoad(page, path);
    const total = Object.values(sizes).reduce((sum, size) => sum + size, 0);
    test.info().annotations.push({ type: "bytes after brotli", description: `${total} ${JSON.stringify(sizes)}` });
    console.log(`${path || "the library"}: ${(total / 1000).toFixed(1)} kB after brotli`, sizes);
    expect(Object.keys(sizes).some((name) => name.endsWith(".wasm")), "the wasm was among the loads").toBe(true);
    expect(total, JSON.stringify(sizes)).toBeLessThanOrEqual(budget);
  });

for (const { slug } of questions) {
  for (const [kind, budget] of Object.entries(BUDGETS)) {
    holds(`${kind}/${slug}/`, budget);
  }
}

// The other pages: what they weighed when this was written, and up to 2 % more.
const OTHERS = {
  "": 178_500,
  "settings/": 137_000,
  "accuracy/": 141_500,
  "present/rest-vs-graphql/": 217_000,
  "speaker/rest-vs-graphql/": 217_000,
  "candidate/rest-vs-graphql/": 156_500,
};
for (const [path, budget] of Object.entries(OTHERS)) {
  holds(path, budget);
}
