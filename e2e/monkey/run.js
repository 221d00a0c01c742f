// Monkeys for a time, question by question: what `cargo xtask monkey` starts. Prints a Markdown table at the end.
//   BASE_URL=... CHROMIUM=... SIM=... node e2e/monkey/run.js --minutes 10 --seed 1 --jobs 1 [--question slug]...
import { parseArgs } from "node:util";
import { chromium } from "@playwright/test";
import { questions } from "../support/runner.js";
import config from "../playwright.config.js";
import { Found, session } from "./monkey.js";

const { values } = parseArgs({
  options: {
    minutes: { type: "string", default: "10" },
    seed: { type: "string", default: "1" },
    jobs: { type: "string", default: "1" },
    question: { type: "string", multiple: true, default: [] },
  },
});
const [minutes, seed, jobs] = [Number(values.minutes), Number(values.seed), Number(values.jobs)];
const waiting = questions.map(({ slug }) => slug).filter((slug) => values.question.length === 0 || values.question.includes(slug));
const rows = [];
const found = [];

/** Every fourth session is at an embed. */
const kindOf = (session) => (session % 4 === 3 ? "embed" : "q");

function add(all, seen) {
  for (const sum of ["bursts", "actions", "moments"]) all[sum] += seen[sum];
  for (const most of ["wasmMiB", "heapMiB", "nodes", "slowestMs"]) all[most] = Math.max(all[most], seen[most]);
}

/** Sessions at one question, each from the seed after the last one's, for the minutes that were asked for. */
async function atQuestion(slug) {
  const begun = performance.now();
  const gone = () => (performance.now() - begun) / 60_000;
  const all = { slug, sessions: 0, bursts: 0, actions: 0, moments: 0, wasmMiB: 0, heapMiB: 0, nodes: 0, slowestMs: 0 };
  const { launchOptions, baseURL } = config.use;
  const browser = await chromium.launch(launchOptions);
  try {
    while (gone() < minutes) {
      const now = seed + all.sessions;
      all.sessions += 1;
      try {
        const seen = await session({ browser, baseURL, slug, kind: kindOf(now), seed: now, until: () => gone() >= minutes });
        add(all, seen);
      } catch (error) {
        if (!(error instanceof Found)) throw error;
        add(all, error.seen);
        found.push(error.message);
        console.error(`FOUND ${error.message}\n  again: cargo xtask monkey --question ${slug} --seed ${now}`);
      }
    }
  } finally {
    await browser.close();
  }
  rows.push({ ...all, minutes: gone() });
  console.error(`${slug}: ${gone().toFixed(1)} min, ${all.sessions} sessions, ${all.bursts} bursts, ${all.actions} actions`);
}

async function job() {
  for (let slug = waiting.shift(); slug; slug = waiting.shift()) await atQuestion(slug);
}
await Promise.all(Array.from({ length: jobs }, job));

console.log("| question | min | sessions | bursts | actions | moments replayed natively | wasm MiB | JS heap MiB | DOM nodes | slowest action ms |");
console.log("|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|");
for (const r of rows.sort((a, b) => a.slug.localeCompare(b.slug))) {
  const figures = [r.minutes.toFixed(1), r.sessions, r.bursts, r.actions, r.moments, r.wasmMiB.toFixed(0), r.heapMiB.toFixed(0), r.nodes, r.slowestMs.toFixed(0)];
  console.log(`| ${[r.slug, ...figures].join(" | ")} |`);
}
if (found.length > 0) {
  console.error(`${found.length} found`);
  process.exitCode = 1;
}
