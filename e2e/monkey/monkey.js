// A monkey at the stage: random mouse, touch, keys, faults, knobs, seeks, themes, sizes and reloads, from a seed. After
// every burst the page must still answer and must have complained about nothing, and the run that it stands at must be
// the one that the native runner comes to, with every conservation law intact.
//
// What it does is a function of the seed alone: a choice among what happens to be on screen is kept as a fraction. A
// session begins with a new browser context and its own seed, so what it found is found again from that seed.
import { actions } from "./actions.js";
import { questions } from "../support/runner.js";
import { tellViolations, unexpected, watch } from "../support/test.js";
import { mounted } from "../support/mounted.js";
import { keepCopies, measure, silenceForeignLinks, tabVisibility } from "./page.js";
import { Found, replayed } from "./replay.js";

export { Found };

/** So many bursts, then a new context: what is found is found again within minutes. */
export const BURSTS_A_SESSION = 40;
const ACTIONS_A_BURST = 25;
/** How long a page may take to do one thing. Generous: machines are busy, and this is not a test of speed. */
const PATIENCE_MS = 90_000;
/** What a page may hold, after its garbage is collected. Checkpoints may take 64 MiB a side, and linear memory never
 * shrinks; JavaScript holds the drawings and little else. */
export const BOUNDS = { wasmMiB: 512, heapMiB: 64, nodes: 40_000 };

/** Numbers in [0, 1) from a seed: mulberry32, https://gist.github.com/tommyettinger/46a874533244883189143505d203312c */
export function random(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** The page answers within a patience, or the monkey has found something. */
const within = (what, work) => {
  let timer;
  const late = new Promise((_, failed) => {
    timer = setTimeout(() => failed(new Found(`${what}: no answer within ${PATIENCE_MS / 1000} s`)), PATIENCE_MS);
  });
  return Promise.race([work, late]).finally(() => clearTimeout(timer));
};

/**
 * One session. `bursts` ends it, or `until()` when it returns true. Returns what was seen; throws `Found`.
 * `sim` is the path of the native runner.
 */
export async function session({ browser, baseURL, slug, kind = "q", seed, bursts = BURSTS_A_SESSION, until = () => false }) {
  const question = questions.find((q) => q.slug === slug);
  const context = await browser.newContext({ baseURL, hasTouch: true, viewport: { width: 1440, height: 900 }, serviceWorkers: "block" });
  const complaints = watch(context, baseURL);
  for (const script of [tellViolations, keepCopies, silenceForeignLinks, tabVisibility]) {
    await context.addInitScript(script);
  }
  const page = await context.newPage();
  page.on("crash", () => complaints.push("the page crashed"));
  context.on("page", (other) => other !== page && other.close());
  const monkey = { page, question, slug, address: `${kind}/${slug}/`, links: [], rand: random(seed), seen: empty(), done: [] };
  try {
    await within("opening the page", open(monkey));
    for (let burst = 0; burst < bursts && !until(); burst += 1) {
      await within(`burst ${burst}`, aBurst(monkey));
      const moment = await within("coming to rest", atRest(monkey));
      complain(complaints);
      await replayed(monkey, moment);
      bounded(monkey, await within("measuring", measure(page)));
      monkey.seen.bursts += 1;
    }
    return monkey.seen;
  } catch (error) {
    // A page that crashed takes the promise down with an error of Playwright's, and says why by itself.
    const why = [error.message, ...unexpected(complaints, EXPECTED)].join("\n  ");
    const from = monkey.links.at(-1) ?? "the start";
    throw Object.assign(new Found(`${slug}, seed ${seed}, after ${monkey.seen.bursts} bursts: ${why}\n  the last moment that was well: ${from}\n  last actions:\n    ${monkey.done.slice(-30).join("\n    ")}`), { seen: monkey.seen });
  } finally {
    await context.close();
  }
}

const empty = () => ({ bursts: 0, actions: 0, moments: 0, wasmMiB: 0, heapMiB: 0, nodes: 0, slowestMs: 0 });

/** Leaving a page breaks off what it was downloading, and Chromium says so. */
const EXPECTED = [/net::ERR_ABORTED/];

/** What Playwright says of an action whose page has gone to another one meanwhile. */
const LEFT = /Execution context was destroyed|Cannot find context|frame was detached|Frame has been detached|interrupted by another navigation|net::ERR_ABORTED/;

function complain(complaints) {
  const found = unexpected(complaints, EXPECTED);
  if (found.length > 0) {
    throw new Found("the page complained");
  }
}

async function open({ page, address }, rest = "") {
  await page.goto(address + rest);
  await mounted(page);
}

async function aBurst(monkey) {
  for (let i = 0; i < ACTIONS_A_BURST; i += 1) {
    const { name, act } = actions[Math.floor(monkey.rand() * actions.length)];
    // Three numbers for each, used or not: what one action does with its own leaves the next ones as they are.
    const dice = [monkey.rand(), monkey.rand(), monkey.rand()];
    monkey.done.push(`${name} ${dice.map((die) => die.toFixed(4)).join(" ")}`);
    const begun = performance.now();
    await act(monkey, dice).catch(unlessLeft);
    monkey.seen.slowestMs = Math.max(monkey.seen.slowestMs, performance.now() - begun);
    monkey.seen.actions += 1;
  }
}

const unlessLeft = (error) => {
  if (!LEFT.test(error.message)) throw error;
};

/** The moment that the stage stands at after a burst. What was pressed last may still lead to another page. */
async function atRest(monkey) {
  for (;;) {
    const moment = await settle(monkey).then(() => standing(monkey)).catch(unlessLeft);
    if (moment) {
      return moment;
    }
  }
}

/** Back to the stage, whatever the burst has left: dialogs closed, the whole screen given back, the tab in sight. */
async function settle(monkey) {
  const { page, address } = monkey;
  await page.waitForLoadState();
  if (!new URL(page.url()).pathname.endsWith(`/${address}`)) {
    await open(monkey);
  }
  await mounted(page);
  await page.evaluate(async () => {
    globalThis.monkeyShowTab(true);
    if (document.fullscreenElement) {
      await document.exitFullscreen();
    }
    document.querySelectorAll("dialog[open]").forEach((dialog) => dialog.close());
    document.querySelectorAll('.stage [aria-label="Pause"]').forEach((button) => button.click());
  });
}

/** The moment at which the stage stands, once it does: digest and link belong to each other; none if it is gone. A clip
 * that was being recorded goes back to where it began, and has changed both until then. */
async function standing({ page }) {
  return page.evaluate(async () => {
    const frame = () => new Promise((done) => requestAnimationFrame(done));
    const copy = () => [...document.querySelectorAll(".stage-head button")].find((b) => b.textContent === "Copy link");
    const read = async () => {
      // Pressing again is nothing to a stage that stands.
      document.querySelectorAll('.stage [aria-label="Pause"]').forEach((button) => button.click());
      for (let frames = 0; frames < 4; frames += 1) {
        await frame();
      }
      globalThis.monkeyCopied = "";
      // What was pressed last may have led to another page only now.
      if (!copy()) {
        return null;
      }
      copy().click();
      while (!globalThis.monkeyCopied) {
        await frame();
      }
      return { digest: document.querySelector("[data-testid=digest]").textContent, link: globalThis.monkeyCopied };
    };
    for (let before = await read(); ; ) {
      const now = before && (await read());
      if (!now || (now.digest === before.digest && now.link === before.link)) {
        return now;
      }
      before = now;
    }
  });
}

function bounded(monkey, now) {
  for (const [what, bound] of Object.entries(BOUNDS)) {
    monkey.seen[what] = Math.max(monkey.seen[what], now[what]);
    if (now[what] > bound) {
      throw new Found(`${what} is ${now[what].toFixed(0)}, more than ${bound}`);
    }
  }
}
