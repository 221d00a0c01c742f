// In Chromium: the queue, seeking in a ten-minute run of every question, and the frames of the heaviest page.
// `node browser.js <address of the bench folder> <address of the site> <customers> <rounds>`, prints JSON.
import { chromium } from "@playwright/test";

const [bench, site] = process.argv.slice(2, 4);
const [customers, rounds] = process.argv.slice(4, 6).map(Number);

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM,
  args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run", "--disable-component-update", "--disable-sync", "--disable-quic"],
});
try {
  const page = await browser.newPage({ viewport: { width: 1440, height: 900 } });
  await page.goto(bench);
  const engine = await page.evaluate(measureEngine, { customers, rounds });
  const frames = await measureFrames(page);
  console.log(JSON.stringify({ ...engine, frames }));
} finally {
  await browser.close();
}

/** Runs in the page. */
async function measureEngine({ customers, rounds }) {
  const module = await import("./bench.js");
  await module.default({ module_or_path: new URL("bench_bg.wasm", location.href) });
  const timed = (work) => {
    const begun = performance.now();
    work();
    return performance.now() - begun;
  };
  module.by_engine(100_000, 1);
  module.by_hand(100_000, 1);
  const [queue, hand] = [[], []];
  for (let round = 0; round < rounds; round += 1) {
    queue.push(timed(() => module.by_engine(customers, round + 1)));
    hand.push(timed(() => module.by_hand(customers, round + 1)));
  }
  const seeks = module.slugs().map((slug) => {
    let seeker;
    const run_ms = timed(() => {
      seeker = new module.Seeker(slug, 600);
    });
    // A low-discrepancy walk: every part of the run, forwards and backwards.
    const ms = Array.from({ length: 200 }, (_, step) => timed(() => seeker.seek((step * 0.6180339887498949) % 1)));
    return { slug, run_ms, ms, length_s: seeker.length_s(), events: seeker.events(), checkpoint_bytes: seeker.checkpoint_bytes() };
  });
  return { queue, hand, seeks };
}

/** The frames of the traffic spike at its full load, as the page itself counts them. */
async function measureFrames(page) {
  await page.goto(`${site}q/traffic-spike-10x/`);
  const host = page.locator("[data-frame-ms]").first();
  await host.waitFor({ state: "attached", timeout: 30_000 });
  const notes = [];
  const until = Date.now() + 15_000;
  while (Date.now() < until) {
    await page.waitForTimeout(250);
    const note = await host.getAttribute("data-frame-ms");
    if (note !== notes.at(-1)) {
      notes.push(note);
    }
  }
  return notes;
}
