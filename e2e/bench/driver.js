// The browser's half of `cargo xtask bench`: does what it is told on standard input, a line of JSON at a time, and
// answers each with a line. `{ "do": "frames", ... }` gives `{ "ok": ... }` or `{ "error": "..." }`.
import { createInterface } from "node:readline";
import { launch } from "./chromium.js";
import { embeds } from "./blog.js";
import { Engine } from "./engine.js";
import { frames } from "./frames.js";
import { load, weights } from "./load.js";

const browser = await launch();
let engine;
const work = {
  version: async () => browser.version(),
  /** `which` of hand, engine, topology; its milliseconds. */
  engine: async ({ address, which, amount, seed }) => {
    engine ??= await Engine.open(browser, address);
    return engine.timed(which, amount, seed);
  },
  seeks: async ({ address, slug }) => {
    engine ??= await Engine.open(browser, address);
    return engine.seeks(slug);
  },
  frames: (ask) => frames(browser, ask),
  load: (ask) => load(browser, ask),
  weights: (ask) => weights(browser, ask),
  embeds: (ask) => embeds(browser, ask),
};

for await (const line of createInterface({ input: process.stdin })) {
  const ask = JSON.parse(line);
  let answer;
  try {
    answer = { ok: await work[ask.do](ask) };
  } catch (error) {
    answer = { error: String(error?.message ?? error).split("\n")[0] };
  }
  console.log(JSON.stringify(answer));
}
await browser.close();
