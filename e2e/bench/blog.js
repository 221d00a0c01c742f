// The post with ten embeds while it is scrolled: frames, shifts, and what embeds out of sight cost.
import { readFileSync } from "node:fs";
import { counted, host } from "../support/foreign.js";

const SCROLL_PX_A_FRAME = 12;

/**
 * Scrolls through the post of `examples/blog/` twice, the first time while its embeds load, then stands where none of
 * them is seen. Gaps between frames in ms; busy shares of one; how the page complained.
 */
export async function embeds(browser, { site: address, watched_s }) {
  const site = await counted(address);
  const html = readFileSync(new URL("../../examples/blog/index.html", import.meta.url), "utf8");
  const post = await host({ "/": html.replaceAll("http://127.0.0.1:8080/", site.url) });
  const page = await browser.newPage({ viewport: { width: 1440, height: 900 } });
  try {
    const complaints = [];
    page.on("console", (message) => complaints.push(message.text()));
    await page.addInitScript(() => {
      window.shifts = [];
      const seen = (list) => list.getEntries().forEach(({ value }) => shifts.push(value));
      new PerformanceObserver(seen).observe({ type: "layout-shift", buffered: true });
    });
    await page.goto(post.origin);
    const loading = await page.evaluate(scrolled, SCROLL_PX_A_FRAME);
    await page.waitForTimeout(3_000);
    const there = await page.evaluate(scrolled, SCROLL_PX_A_FRAME);
    const idle = await outOfSight(page, watched_s);
    const shift = (await page.evaluate(() => shifts)).reduce((sum, value) => sum + value, 0);
    const wasm = Object.entries(site.counts).filter(([path]) => path.endsWith(".wasm"));
    return {
      loading,
      there,
      ...idle,
      shift,
      wasm_files: wasm.length,
      wasm_twice: wasm.filter(([, count]) => count > 1).length,
      complaints,
    };
  } finally {
    await page.close();
    await Promise.all([site.close(), post.close()]);
  }
}

/** In the page: scrolls through at an even pace and gives the gaps between frames. */
function scrolled(step) {
  return new Promise((done) => {
    scrollTo({ top: 0, behavior: "instant" });
    const gaps = [];
    let last;
    requestAnimationFrame(function frame(now) {
      if (last !== undefined) gaps.push(now - last);
      last = now;
      scrollBy({ top: step, behavior: "instant" });
      if (scrollY + innerHeight >= document.documentElement.scrollHeight - 1) done(gaps);
      else requestAnimationFrame(frame);
    });
  });
}

/** How busy the main thread is while all ten are out of sight. */
async function outOfSight(page, seconds) {
  await page.evaluate(() => {
    document.querySelector("main").style.paddingBottom = "3000px";
    scrollTo({ top: document.documentElement.scrollHeight, behavior: "instant" });
  });
  await page.waitForTimeout(1_500);
  const session = await page.context().newCDPSession(page);
  await session.send("Performance.enable", { timeDomain: "threadTicks" });
  const busy = async () => {
    const { metrics } = await session.send("Performance.getMetrics");
    const value = (name) => metrics.find((metric) => metric.name === name).value;
    return { at: performance.now() / 1e3, task: value("TaskDuration"), script: value("ScriptDuration") };
  };
  const before = await busy();
  await page.waitForTimeout(seconds * 1_000);
  const after = await busy();
  const share = (name) => (after[name] - before[name]) / (after.at - before.at);
  return { busy: share("task"), busy_scripts: share("script") };
}
