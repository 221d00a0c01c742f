// The engine alone in a page: no stage, no drawing.

export class Engine {
  static async open(browser, address) {
    const page = await browser.newPage();
    await page.goto(address);
    await page.evaluate(async () => {
      window.bench = await import("./bench.js");
      await bench.default({ module_or_path: new URL("bench_bg.wasm", location.href) });
      // The compiler of the virtual machine has seen the code before the clock starts.
      bench.by_engine(100_000, 1);
      bench.by_hand(100_000, 1);
      bench.topology(3, 1);
    });
    return Object.assign(new Engine(), { page });
  }

  timed(which, amount, seed) {
    return this.page.evaluate(
      ([which, amount, seed]) => {
        const work = { hand: bench.by_hand, engine: bench.by_engine, topology: bench.topology }[which];
        const begun = performance.now();
        const value = work(amount, seed);
        return { ms: performance.now() - begun, value };
      },
      [which, amount, seed],
    );
  }

  /** Jumps through a run of ten minutes. */
  seeks(slug) {
    return this.page.evaluate((slug) => {
      const timed = (work) => {
        const begun = performance.now();
        work();
        return performance.now() - begun;
      };
      let seeker;
      const run_ms = timed(() => {
        seeker = new bench.Seeker(slug, 600);
      });
      // A low-discrepancy walk: every part of the run, forwards and backwards.
      const ms = Array.from({ length: 200 }, (_, step) => timed(() => seeker.seek((step * 0.6180339887498949) % 1)));
      const told = { run_ms, ms, length_s: seeker.length_s(), events: seeker.events(), bytes: seeker.checkpoint_bytes() };
      seeker.free();
      return told;
    }, slug);
  }
}
