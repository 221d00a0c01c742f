// Frames of a question: what the page works for each, and when they come.

/** In the page before anything else: every callback of a frame is timed, whoever asked for it. */
function meter() {
  const frames = (window.benchFrames = { on: false, at: [], work: [], first: undefined });
  const native = window.requestAnimationFrame.bind(window);
  window.requestAnimationFrame = (callback) =>
    native((now) => {
      const begun = performance.now();
      callback(now);
      const took = performance.now() - begun;
      frames.first = Math.max(frames.first ?? 0, took);
      if (!frames.on) return;
      // The stage, its timeline and its chart each ask for frames; those of one frame are told the same time.
      const last = frames.at.length - 1;
      if (frames.at[last] === now) frames.work[last] += took;
      else {
        frames.at.push(now);
        frames.work.push(took);
      }
    });
}

/** What the browser's main thread has done so far, in ms of processor time, by kind. */
async function spent(session) {
  const { metrics } = await session.send("Performance.getMetrics");
  const ms = (name) => 1e3 * (metrics.find((metric) => metric.name === name)?.value ?? 0);
  return { script: ms("ScriptDuration"), style: ms("RecalcStyleDuration"), layout: ms("LayoutDuration"), task: ms("TaskDuration") };
}

/**
 * One run of a preset, watched for a while at each rate of throttling: `{ throttle, first, frames, restarts, work, gaps,
 * cpu }` each. `work` is what the page did in each frame, `gaps` lie between frames, both in ms; `cpu` is what the whole
 * main thread spent on a frame, by kind; `first` is the longest callback before the watch began.
 */
export async function frames(browser, { site, slug, preset, windows }) {
  // A first visit also keeps the site for offline, once and in the background: that is not the run's.
  const page = await browser.newPage({ viewport: { width: 1440, height: 900 }, serviceWorkers: "block" });
  try {
    await page.addInitScript(meter);
    const session = await page.context().newCDPSession(page);
    // Processor time: what else the machine does is not counted.
    await session.send("Performance.enable", { timeDomain: "threadTicks" });
    await page.goto(`${site}q/${slug}/?preset=${preset}`);
    await page.waitForFunction(() => !document.getElementById("app").hasAttribute("data-static"), undefined, { timeout: 30_000 });
    // Nor is what a page does once when it has come, the compiling of its hot code included.
    await page.waitForTimeout(3_000);
    const first = await page.evaluate(() => window.benchFrames.first);
    const measured = [];
    for (const { throttle, seconds } of windows) {
      await session.send("Emulation.setCPUThrottlingRate", { rate: throttle });
      await page.waitForTimeout(250);
      measured.push({ throttle, first, ...(await watch(page, session, seconds)) });
    }
    return measured;
  } finally {
    await page.close();
  }
}

/** So many seconds of a run that plays; one that ends is started again. */
async function watch(page, session, seconds) {
  const before = await spent(session);
  const seen = await page.evaluate(async (ms) => {
    const frames = window.benchFrames;
    Object.assign(frames, { at: [], work: [] });
    const button = (name) =>
      [...document.querySelectorAll("button")].find((b) => (b.ariaLabel ?? b.textContent).trim() === name);
    const until = performance.now() + ms;
    let restarts = 0;
    frames.on = true;
    while (performance.now() < until) {
      await new Promise((done) => setTimeout(done, 50));
      if (button("Play")) {
        restarts += 1;
        frames.on = false;
        button("Start again")?.click();
        await new Promise((done) => setTimeout(done, 50));
        button("Play")?.click();
        // The gap to the frame before is nobody's.
        frames.at.push(NaN);
        frames.work.push(0);
        frames.on = true;
      }
    }
    frames.on = false;
    return { at: frames.at, work: frames.work, restarts };
  }, seconds * 1_000);
  const after = await spent(session);
  const gaps = seen.at.slice(1).map((at, i) => at - seen.at[i]).filter((gap) => gap > 0);
  const work = seen.work.filter((_, i) => seen.at[i] > 0);
  if (work.length < 2) {
    throw new Error(`${work.length} frames in ${seconds} s; the run does not play`);
  }
  const cpu = Object.fromEntries(Object.keys(before).map((kind) => [kind, (after[kind] - before[kind]) / work.length]));
  return { frames: work.length, restarts: seen.restarts, work, gaps, cpu };
}
