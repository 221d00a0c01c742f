// Lighthouse on the finished site, as a phone on a slow line sees it: `node e2e/bench/lighthouse.js [dist]`, after
// `cargo xtask dist`. Prints a Markdown table and fails when a page is below what is promised.
//
// Lighthouse and its hundred packages are no dependency of the project: npx fetches this version when the command runs.
// CHROMIUM names the browser.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { serve } from "../support/static.js";

const LIGHTHOUSE = process.env.LIGHTHOUSE ?? "lighthouse@13.0.1";
const PAGES = ["", "q/million-rpm-architecture/", "q/saga-consistency/", "embed/rate-limiter-design/"];
/** What is promised, by category, and the longest time that the page may not answer. */
const LEAST = { performance: 95, accessibility: 100, "best-practices": 100, seo: 100 };
const BLOCKED_MS_MAX = 150;
/** Odd, so that the middle one of them by performance is what counts. */
const RUNS = 3;

const dist = resolve(process.argv[2] ?? new URL("../../dist", import.meta.url).pathname);
const server = await serve(dist);
const { port } = server.address();
const folder = mkdtempSync(join(tmpdir(), "lighthouse-"));

const measure = async (path) => {
  const report = join(folder, "report.json");
  const chrome = "--headless=new --no-sandbox --disable-gpu --disable-background-networking --no-first-run --disable-component-update --disable-sync --disable-quic";
  const command = LIGHTHOUSE.includes("/") ? ["node", LIGHTHOUSE] : ["npx", "--yes", LIGHTHOUSE];
  const args = [
    `http://127.0.0.1:${port}/${path}`,
    "--quiet",
    "--output=json",
    `--output-path=${report}`,
    `--only-categories=${Object.keys(LEAST).join(",")}`,
    `--chrome-flags=${chrome}`,
  ];
  // Not in step with it: the site that it looks at is served by this process.
  const lighthouse = spawn(command[0], [...command.slice(1), ...args], {
    stdio: ["ignore", "inherit", "inherit"],
    env: { ...process.env, CHROME_PATH: process.env.CHROMIUM ?? process.env.CHROME_PATH ?? "/usr/bin/chromium" },
  });
  const [status] = await once(lighthouse, "exit");
  if (status !== 0) {
    throw new Error(`Lighthouse ended with ${status} on ${path || "the library"}`);
  }
  const { categories, audits } = JSON.parse(readFileSync(report, "utf8"));
  return {
    scores: Object.fromEntries(Object.keys(LEAST).map((name) => [name, Math.round(categories[name].score * 100)])),
    paint: audits["first-contentful-paint"].numericValue,
    largest: audits["largest-contentful-paint"].numericValue,
    blocked: audits["total-blocking-time"].numericValue,
    shift: audits["cumulative-layout-shift"].numericValue,
    bytes: audits["total-byte-weight"].numericValue,
    // What a page may not be: an embed is for the page around it to be found by, not for itself.
    failed: Object.values(audits).filter(({ score, scoreDisplayMode }) => score !== null && score < 0.9 && ["binary", "numeric", "metricSavings"].includes(scoreDisplayMode)).map(({ id }) => id),
  };
};

let short = false;
try {
  console.log(`\`node e2e/bench/lighthouse.js\`, ${new Date().toISOString().slice(0, 10)}, ${cpus().length} x ${cpus()[0].model}, ${RUNS} runs a page, the middle one by performance.\n`);
  console.log("| page | performance | accessibility | best practices | SEO | first paint, ms | largest paint, ms | blocked, ms | shift | kB |");
  console.log("|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|");
  for (const path of PAGES) {
    const runs = [];
    for (let run = 0; run < RUNS; run++) {
      runs.push(await measure(path));
    }
    runs.sort((a, b) => a.scores.performance - b.scores.performance);
    const { scores, paint, largest, blocked, shift, bytes, failed } = runs[(RUNS - 1) / 2];
    const row = [`\`/${path}\``, ...Object.values(scores), paint.toFixed(0), largest.toFixed(0), blocked.toFixed(0), shift.toFixed(3), (bytes / 1000).toFixed(0)];
    console.log(`| ${row.join(" | ")} |`);
    const below = Object.entries(LEAST).filter(([name, least]) => scores[name] < least).map(([name]) => name);
    if (below.length > 0 || blocked > BLOCKED_MS_MAX) {
      short = true;
      console.error(`${path || "the library"} is below what is promised: ${[...below, ...failed].join(", ")}`);
    }
  }
} finally {
  rmSync(folder, { recursive: true });
  server.close();
}
process.exitCode = short ? 1 : 0;
