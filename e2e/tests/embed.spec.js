// The simulation in somebody else's page: the messages, the element of embed.js, the dialog that writes the lines, and a
// long post with ten of them. Every host here is another origin than the site.
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { brotliCompressSync } from "node:zlib";
import { expect, test as base } from "../support/test.js";
import { counted, host } from "../support/foreign.js";
import { frames as drawn } from "../support/frames.js";
import { questions, sim } from "../support/runner.js";
import { Stage } from "../pages/stage.js";

const file = (path) => fileURLToPath(new URL(`../../${path}`, import.meta.url));
const LIMITER = "rate-limiter-design";

const test = base.extend({
  // The hosts are other origins by design; what an embed itself asks for is looked at where it is counted.
  expectedComplaints: [[/^request to another host: http:\/\/127\.0\.0\.1:\d+\//], { option: true }],
  /** Serves a page from an origin of its own and opens it. */
  visit: async ({ page }, use) => {
    const servers = [];
    await use(async (body, head = "", waitUntil = "load") => {
      const html = `<!DOCTYPE html><html lang="en"><meta charset="utf-8"><title>Host</title>${head}<body>${body}`;
      const server = await host({ "/": html });
      servers.push(server);
      await page.goto(server.origin, { waitUntil });
      return server;
    });
    for (const server of servers) await server.close();
  },
  /** The site's address as hosts write it. */
  site: async ({ baseURL }, use) => use(baseURL),
});

/** Keeps what the frames say, and lets the test speak: `say(message)` is answered by its mark. */
const RECORDER = `<script>
const heard = [];
addEventListener("message", ({ data, origin }) => heard.push({ ...data, origin }));
let marks = 0;
const say = (message, frame = document.querySelector("iframe")) => {
  const id = message?.id ?? ++marks;
  frame.contentWindow.postMessage({ breakable: 1, id, ...message }, "*");
  return new Promise((done) => addEventListener("message", function answer({ data }) {
    if (data?.id === id) { removeEventListener("message", answer); done(data); }
  }));
};
</script>`;

/** A plain frame with a question in it, and the talk to it. */
async function framed(page, visit, site, slug, query = "?autoplay=0") {
  await visit(`<iframe src="${site}embed/${slug}/${query}" width="700" height="700" title="embed"></iframe>`, RECORDER);
  const heard = (type) => page.evaluate((type) => heard.filter((message) => message.type === type), type);
  await expect.poll(async () => (await heard("ready")).length, { message: "the embed is ready", timeout: 30_000 }).toBe(1);
  return { say: (message) => page.evaluate((message) => say(message), message), heard };
}

test.describe("messages", () => {
  test("a host drives a run through the whole protocol, and it is the runner's run", async ({ page, visit, site }) => {
    const { say, heard } = await framed(page, visit, site, LIMITER);
    const [ready] = await heard("ready");
    expect(ready.question).toBe(LIMITER);
    const { knobs, acts, numbers } = questions.find((question) => question.slug === LIMITER);
    expect(ready.knobs.map((knob) => knob.key)).toEqual(knobs.map((knob) => knob.key));
    expect(ready.acts.map((act) => act.key)).toEqual(acts.map((act) => act.key));
    expect(ready.numbers.map((number) => number.key)).toEqual(numbers.map((number) => number.key));

    await say({ type: "load", query: "autoplay=0" });
    const defaults = Object.fromEntries(knobs.map((knob) => [knob.key, knob.default]));
    const set = { ...defaults, algorithm: "gcra", limit: 20, window: 2, pattern: "poisson" };
    const changed = await say({ type: "set", knobs: set, seed: 7, speed: 2 });
    expect(changed).toMatchObject({ type: "state", seed: 7, speed: 2, playing: false, time: 0, preset: "edge" });
    await say({ type: "act", name: "burst", args: { count: 30 }, at: 2 });
    await say({ type: "act", name: "burst", args: { count: 15 }, at: "7.5s" });
    const state = await say({ type: "seek", time: 12 });

    const args = Object.entries(set).flatMap(([key, value]) => ["--set", `${key}=${value}`]);
    const acted = ["--act", "2s burst count=30", "--act", "7.5s burst count=15"];
    const native = sim("run", LIMITER, ...args, "--seed", "7", ...acted, "--for", "12s", "--json");
    expect(state.digest).toBe(native.digest);
    for (const [key, value] of Object.entries(native.numbers)) {
      if (value === null) expect(state.numbers[key]).toBe(null);
      else expect(state.numbers[key], key).toBeCloseTo(value, 6);
    }

    // An act in the past makes another future; the exact moment brings the first one's place back.
    const later = await say({ type: "act", name: "burst", args: { count: 3 }, at: 9 });
    expect(later.time).toBe(12);
    expect(later.digest).not.toBe(state.digest);
    const again = await say({ type: "load", link: `https://anywhere.example/embed/x/${state.link}` });
    expect(again).toMatchObject({ digest: state.digest, exact: state.exact, notes: [] });
    await say({ type: "seek", time: 3 });
    expect((await say({ type: "seek", exact: state.exact })).digest).toBe(state.digest);

    await say({ type: "play", id: "started" });
    await expect.poll(async () => (await say({ type: "query" })).time).toBeGreaterThan(12);
    expect((await say({ type: "pause" })).playing).toBe(false);
    const names = (await heard("event")).map((event) => event.name);
    expect(names.filter((name) => name === "act")).toHaveLength(3);
    for (const name of ["load", "seek", "play", "pause"]) expect(names).toContain(name);
    expect((await heard("error")).map((error) => error.message)).toEqual([]);
    expect(new Set((await heard("state")).map(({ origin }) => origin))).toEqual(new Set([new URL(site).origin]));
  });

  test("two sides, an experiment that is measured, and being told without asking", async ({ page, visit, site }) => {
    const { say, heard } = await framed(page, visit, site, LIMITER);
    const two = await say({ type: "load", preset: "edge-gcra", query: "autoplay=0" });
    expect(two.b.knobs.algorithm).toBe("gcra");
    const moved = await say({ type: "set", side: "b", knobs: { limit: 50 } });
    expect([moved.knobs.limit, moved.b.knobs.limit]).toEqual([100, 50]);

    await say({ type: "load", preset: "boundary", query: "autoplay=0" });
    await say({ type: "query", every: 100 });
    const before = (await heard("state")).length;
    await say({ type: "play" });
    await expect.poll(async () => (await heard("state")).length).toBeGreaterThan(before + 2);
    await say({ type: "query", every: 0 });
    await say({ type: "pause" });
    await say({ type: "seek", time: 80 });
    await expect.poll(async () => (await heard("event")).map((event) => event.name)).toContain("measured");
    const measured = (await heard("event")).find((event) => event.name === "measured");
    expect(measured).toMatchObject({ experiment: "boundary", choice: expect.any(Number), value: expect.any(Number) });
  });

  test("what is wrong with a message is said, and changes nothing", async ({ page, visit, site }) => {
    const { say, heard } = await framed(page, visit, site, LIMITER);
    const before = await say({ type: "query" });
    const wrong = [
      [{ type: "explode" }, /no message "explode"; expected one of load, set/],
      [{ breakable: 2, type: "play" }, /breakable is 2; this embed speaks version 1/],
      [{ type: "set", knobs: { limit: "many" } }, /limit=many: not a number; expected a whole number from/],
      [{ type: "set", knobs: { limit: -1, seed: 3 } }, /expected a whole number from|unknown knob/],
      [{ type: "set", knobs: [] }, /knobs is a list; expected an object/],
      [{ type: "set", seed: 7, nosuch: 1 }, /set has no field "nosuch"; expected knobs, side, seed, speed, theme/],
      [{ type: "act", name: "burst", args: { count: 1e12 } }, /count/],
      [{ type: "seek", time: Number.NaN }, /time is NaN; expected seconds/],
      [{ type: "seek", time: -1 }, /time is -1; expected seconds from 0/],
      [{ type: "load", preset: "nowhere" }, /no preset "nowhere"; expected one of edge/],
      [{ type: "load", link: `#r=${"A".repeat(1_000_000)}` }, /longer than any link|at most/],
      [{ type: "load", link: "#r=%%%" }, /damaged/],
      [{ type: "query", every: 1 }, /every is 1; expected milliseconds from 100/],
      [{ type: "x".repeat(100_000) }, /no message "x{40}…"/],
    ];
    for (const [message, sentence] of wrong) {
      const answer = await say(message);
      expect(answer.type, JSON.stringify(message).slice(0, 80)).toBe("error");
      expect(answer.message).toMatch(sentence);
    }
    const odd = await page.evaluate(() => {
      const frame = document.querySelector("iframe").contentWindow;
      const wide = Object.fromEntries(Array.from({ length: 5_000 }, (_, i) => [`k${i}`, i]));
      const deep = { breakable: 1, type: "set", knobs: { limit: { a: { b: { c: { d: {} } } } } } };
      // Not for us: nobody answers.
      for (const other of [null, 7, "hello", [], [1, 2], { type: "play" }, wide, new Date(), new Map(), 10n]) frame.postMessage(other, "*");
      frame.postMessage(deep, "*");
      frame.postMessage({ breakable: 1, type: "set", knobs: wide }, "*");
      return heard.filter(({ type }) => type === "error").length;
    });
    await expect.poll(async () => (await heard("error")).length).toBe(odd + 2);
    const after = await say({ type: "query" });
    for (const key of ["digest", "time", "seed", "speed", "playing", "knobs", "theme"]) {
      expect(after[key], key).toEqual(before[key]);
    }
  });

  test("a flood does not hold the stage up", async ({ page, visit, site }) => {
    const { say, heard } = await framed(page, visit, site, LIMITER);
    const begun = performance.now();
    await page.evaluate(() => {
      const frame = document.querySelector("iframe").contentWindow;
      for (let i = 0; i < 20_000; i += 1) frame.postMessage({ breakable: 1, type: "seek", time: (i % 50) + 1 }, "*");
    });
    await expect.poll(async () => (await heard("error")).map((error) => error.message).join("\n")).toContain("more than 500 messages in a second");
    // One sentence a second, not one a message. The first of these seconds may have begun with a message before the flood,
    // on a slow machine the flood takes more of them, and in each one 500 messages are read, of which most find no room.
    const errors = await heard("error");
    const further = 1 + Math.floor((performance.now() - begun) / 1000);
    expect(errors.length).toBeLessThan(400 + 501 * further);
    expect(errors.filter(({ message }) => message.includes("more than 500")).length).toBeLessThanOrEqual(1 + further);
    const stage = page.frameLocator("iframe");
    await stage.getByRole("button", { name: "Step forward" }).click();
    await expect.poll(async () => {
      const answer = page.evaluate(() => Promise.race([say({ type: "query" }), new Promise((none) => setTimeout(none, 500))]));
      return (await answer)?.type;
    }).toBe("state");
  });

  test("only the page around it is heard, and outside of a frame nobody", async ({ page, visit, site }) => {
    const { heard } = await framed(page, visit, site, LIMITER);
    const child = page.frames().find((frame) => frame.url().includes("/embed/"));
    const digest = await page.frameLocator("iframe").getByTestId("digest").textContent();
    // A neighbour on the same page, and the frame itself.
    await page.evaluate(() => {
      const neighbour = document.createElement("iframe");
      neighbour.srcdoc = '<script>parent.frames[0].postMessage({ breakable: 1, type: "seek", time: 5, id: "neighbour" }, "*")<' + "/script>";
      document.body.append(neighbour);
      return new Promise((loaded) => (neighbour.onload = loaded));
    });
    await child.evaluate(() => postMessage({ breakable: 1, type: "seek", time: 5, id: "itself" }, "*"));
    const answer = await page.evaluate(() => say({ type: "query", id: "parent" }));
    expect(answer.digest).toBe(digest);
    expect((await heard("state")).map((state) => state.id)).toEqual(["parent"]);

    const asked = [];
    page.on("request", (request) => asked.push(new URL(request.url()).pathname.split("/").at(-1)));
    const stage = await Stage.open(page, LIMITER, { kind: "embed", query: "?autoplay=0" });
    await page.evaluate(() => postMessage({ breakable: 1, type: "seek", time: 5 }, "*"));
    await stage.frames();
    expect(await stage.seconds()).toBe(0);
    expect(asked.filter((name) => name.startsWith("host-"))).toEqual([]);
  });

  test("an embed in a frame touches no storage", async ({ page, visit, site, context }) => {
    await context.addInitScript(() => {
      globalThis.touched = [];
      const watch = (object, name) => {
        const { get, ...rest } = Object.getOwnPropertyDescriptor(object, name);
        Object.defineProperty(object, name, { ...rest, get() { touched.push(name); return get.call(this); } });
      };
      for (const name of ["localStorage", "sessionStorage", "indexedDB", "caches"]) watch(Window.prototype[name] === undefined && name in window && Object.getOwnPropertyDescriptor(window, name) ? window : Window.prototype, name);
      watch(Document.prototype, "cookie");
    });
    const { say } = await framed(page, visit, site, LIMITER, "?theme=dark");
    await say({ type: "set", theme: "light", speed: 4 });
    await say({ type: "load", preset: "boundary" });
    await say({ type: "seek", time: 80 });
    await page.frameLocator("iframe").getByRole("button", { name: "Knobs and numbers" }).click();
    const child = page.frames().find((frame) => frame.url().includes("/embed/"));
    expect(await child.evaluate(() => touched)).toEqual([]);
    expect(await child.evaluate(() => document.documentElement.dataset.theme)).toBe("light");
  });
});

const widget = (site, attributes = `question="${LIMITER}" autoplay="0"`) =>
  `<breakable-widget ${attributes}><a href="${site}q/${LIMITER}/">The simulation</a></breakable-widget>`;
const script = (site) => `<script src="${site}embed.js"></script>`;

test.describe("the element", () => {
  test("included twice, as a script and as a module, it is one, and its methods are promises", async ({ page, visit, baseURL }) => {
    const { url: site, close } = await counted(baseURL);
    const twice = `${script(site)}${script(site)}<script type="module" src="${site}embed.js"></script>
      <script type="module">import "${site}embed.js?again";</script>`;
    await visit(widget(site), twice);
    const state = await page.evaluate(async () => {
      const element = document.querySelector("breakable-widget");
      const events = [];
      document.addEventListener("breakable-event", ({ detail }) => events.push(detail.name));
      await element.load({ preset: "edge", query: "autoplay=0&seed=3" });
      await element.act("burst", { count: 9 }, 1);
      await element.set({ speed: 2 });
      const state = await element.seek(4);
      const why = await element.act("nosuch").catch((error) => error.message);
      return { state, why, events };
    });
    expect(state.state).toMatchObject({ time: 4, seed: 3, speed: 2, question: LIMITER });
    expect(state.why).toContain('unknown act "nosuch"; expected one of');
    await expect.poll(() => page.evaluate(() => document.querySelector("breakable-widget").shadowRoot.querySelectorAll("iframe").length)).toBe(1);
    expect(state.events).toContain("act");
    await close();
  });

  test("as a module alone it finds its site, and what changes later is followed", async ({ page, visit, baseURL }) => {
    const { url: site, close } = await counted(baseURL);
    await visit(widget(site), `<script type="module">import "${site}embed.js";</script>`);
    const query = () => page.evaluate(() => document.querySelector("breakable-widget").query());
    const change = (name, value) => page.evaluate(([name, value]) => document.querySelector("breakable-widget").setAttribute(name, value), [name, value]);
    expect((await query()).preset).toBe("edge");
    await change("preset", "bucket-trap");
    await expect.poll(async () => (await query()).preset).toBe("bucket-trap");
    await change("query", "limit=7");
    await expect.poll(async () => (await query()).knobs.limit).toBe(7);
    await change("theme", "dark");
    await expect.poll(async () => (await query()).theme).toBe("dark");
    expect((await query()).playing).toBe(false);
    await change("autoplay", "1");
    await expect.poll(async () => (await query()).playing).toBe(true);
    const link = (await query()).link;
    await change("question", "backpressure");
    await expect.poll(async () => (await query()).question).toBe("backpressure");
    await change("question", LIMITER);
    await change("link", link);
    await expect.poll(async () => (await query()).knobs.limit).toBe(7);
    await close();
  });

  test("the page's colours are followed live, and its own word wins", async ({ page, visit, site }) => {
    await page.emulateMedia({ colorScheme: "light" });
    await visit(`<main>${widget(site)}</main>`, `${script(site)}<style>:root { color-scheme: light dark }</style>`);
    const theme = () => page.evaluate(() => document.querySelector("breakable-widget").query().then((state) => state.theme));
    expect(await theme()).toBe("light");
    await page.emulateMedia({ colorScheme: "dark" });
    await expect.poll(theme, "the system's").toBe("dark");
    await page.evaluate(() => (document.documentElement.style.colorScheme = "light"));
    await expect.poll(theme, "the page's color-scheme").toBe("light");
    await page.evaluate(() => (document.querySelector("main").dataset.theme = "dark"));
    await expect.poll(theme, "data-theme around it").toBe("dark");
    await page.evaluate(() => document.querySelector("breakable-widget").setAttribute("theme", "light"));
    await expect.poll(theme, "its own").toBe("light");
    await page.evaluate(() => {
      document.querySelector("breakable-widget").removeAttribute("theme");
      delete document.querySelector("main").dataset.theme;
      document.documentElement.style.colorScheme = "normal";
      document.body.style.background = "#111";
    });
    await expect.poll(theme, "the colour behind it, where the page says nothing").toBe("dark");
  });

  test("a question that is not there, or none at all, is said in a sentence", async ({ page, visit, site }) => {
    await visit(widget(site, 'question="no-such"') + widget(site, ""), script(site));
    const [first, second] = await page.locator("breakable-widget").all();
    await expect(first).toContainText("The simulation");
    await expect(first.getByRole("status")).toHaveText('There is no question "no-such".');
    await expect(second.getByRole("status")).toContainText("This widget needs a question");
    expect(await first.evaluate((element) => element.play().catch((error) => error.message))).toContain("no-such");
    await first.evaluate((element, slug) => element.setAttribute("question", slug), LIMITER);
    expect(await first.evaluate((element) => element.query().then((state) => state.question))).toBe(LIMITER);
  });

  test("a frame that does not answer leaves a sentence and the link", async ({ page, visit, site }) => {
    await page.clock.install();
    await page.route("**/embed/**", () => {});
    // A frame that is on its way when the rest has come holds back the page's load event, here for ever.
    await visit(widget(site), script(site), "domcontentloaded");
    const element = page.locator("breakable-widget");
    await expect.poll(() => element.evaluate((e) => e.shadowRoot.querySelectorAll("iframe").length)).toBe(1);
    // Asked before the clock goes on, which another call would not be sure to be.
    await element.evaluate((e) => void (globalThis.asked = e.query().catch((error) => error.message)));
    await page.clock.fastForward(21_000);
    expect(await page.evaluate(() => asked)).toBe("The simulation did not answer within 20 seconds.");
    await expect(element.getByRole("status")).toHaveText("The simulation did not answer within 20 seconds.");
    await expect(element.getByRole("link", { name: "The simulation" })).toBeVisible();
    await page.unrouteAll({ behavior: "ignoreErrors" });
  });

  test("without scripts the link stands in its place", async ({ browser, site }) => {
    const context = await browser.newContext({ javaScriptEnabled: false });
    const server = await host({ "/": `<!DOCTYPE html><title>Host</title>${script(site)}${widget(site)}` });
    const page = await context.newPage();
    await page.goto(server.origin);
    await expect(page.getByRole("link", { name: "The simulation" })).toBeVisible();
    await context.close();
    await server.close();
  });

  test("it is small, and keeps the room that each question needs", async ({ page, visit, site }) => {
    const source = Buffer.from(await (await page.request.get("embed.js")).body());
    const sent = brotliCompressSync(source).length;
    test.info().annotations.push({ type: "embed.js after brotli", description: String(sent) });
    expect(sent).toBeLessThan(6_000);

    for (const [width, slugs] of [[720, [LIMITER, "saga-consistency", "monolith-vs-microservices"]], [360, [LIMITER, "caching-benefits"]]]) {
      for (const slug of slugs) {
        await page.setViewportSize({ width, height: 900 });
        const listen = '<script>addEventListener("breakable-height", ({ detail }) => (globalThis.needed ??= detail.height))</' + "script>";
        await visit(widget(site, `question="${slug}" autoplay="0"`), `${listen}${script(site)}<style>body { margin: 0 }</style>`);
        const kept = await page.locator("breakable-widget").evaluate((element) => element.offsetHeight);
        const needed = await (await page.waitForFunction(() => globalThis.needed, undefined, { timeout: 30_000 })).jsonValue();
        expect(kept - needed, `${slug} at ${width} px: kept ${kept}, needed ${needed}`).toBeGreaterThanOrEqual(0);
        expect(kept - needed, `${slug} at ${width} px: kept ${kept}, needed ${needed}`).toBeLessThanOrEqual(4);
      }
    }
  });

  test("what the reader unfolds gets its room at once", async ({ page, visit, site }) => {
    await visit(widget(site), script(site));
    const height = () => page.locator("breakable-widget").evaluate((element) => element.offsetHeight);
    await page.evaluate(() => document.querySelector("breakable-widget").query());
    const before = await height();
    const frame = page.locator("breakable-widget").locator("iframe").contentFrame();
    await frame.getByRole("button", { name: "Knobs and numbers" }).click();
    await expect.poll(height).toBeGreaterThan(before + 100);
    await frame.getByRole("button", { name: "Knobs and numbers" }).click();
    await expect.poll(height).toBeLessThan(before + 30);
  });
});

test.describe("the dialog", () => {
  test("shows what it writes, and asks for nothing before it is opened", async ({ page, context }) => {
    const embeds = [];
    page.on("request", (request) => request.url().includes("/embed/") && embeds.push(request.url()));
    const stage = await Stage.still(page, LIMITER, "?preset=edge-gcra");
    await stage.region.hover();
    await page.waitForLoadState("networkidle");
    expect(embeds).toEqual([]);
    const steps = () => page.evaluate(() => history.length);
    const before = await steps();
    await stage.region.getByRole("button", { name: "Embed" }).click();
    const dialog = page.getByRole("dialog", { name: "Embed" });
    const code = dialog.getByRole("textbox", { name: "HTML for the post" });
    const frame = dialog.frameLocator("iframe");
    await expect(frame.getByRole("slider", { name: "Timeline" })).toBeVisible();
    await expect(code).toHaveValue(new RegExp(`<script async src="[^"]+/embed.js"></script>\\n<breakable-widget question="${LIMITER}" preset="edge-gcra"`));

    // The height is the preview's own, until the reader wants another.
    const height = dialog.getByRole("spinbutton", { name: "Height" });
    const wide = Number(await height.inputValue());
    await dialog.getByRole("combobox", { name: "Try at" }).selectOption("Phone, 390 px");
    await expect.poll(async () => Number(await height.inputValue())).not.toBe(wide);
    await dialog.getByRole("combobox", { name: "As" }).selectOption("<iframe>");
    await height.fill("512");
    await height.blur();
    await dialog.getByRole("combobox", { name: "Theme" }).selectOption("dark");
    await dialog.getByRole("checkbox", { name: "Plays by itself" }).uncheck();
    await expect(code).toHaveValue(/<iframe src="[^"]+\/embed\/[^"]+\?preset=edge-gcra&amp;autoplay=0&amp;theme=dark" title="[^"]+"\n\s+width="100%" height="512"/);
    await expect(frame.locator("html")).toHaveAttribute("data-theme", "dark");
    await dialog.getByRole("combobox", { name: "Show" }).selectOption("this very moment");
    await expect(code).toHaveValue(/#r=[\w-]+"/);

    await context.grantPermissions(["clipboard-read", "clipboard-write"]);
    await dialog.getByRole("button", { name: "Copy" }).click();
    await expect.poll(() => page.evaluate(() => navigator.clipboard.readText())).toBe(await code.inputValue());
    await page.keyboard.press("Escape");
    await expect(dialog).toBeHidden();
    await expect.poll(() => page.frames().filter((f) => f.url().includes("/embed/")).length, "a closed dialog runs nothing").toBe(0);
    await expect(stage.region.getByRole("button", { name: "Embed" })).toBeFocused();
    expect(await steps(), "the way back is as long as it was, whatever the preview has shown").toBe(before);
  });

  test("on a phone it fits, and the keyboard reaches all of it", async ({ page }) => {
    await page.setViewportSize({ width: 390, height: 844 });
    const stage = await Stage.still(page, LIMITER);
    await stage.region.getByRole("button", { name: "Embed" }).click();
    const dialog = page.getByRole("dialog", { name: "Embed" });
    await expect(dialog.frameLocator("iframe").getByRole("slider", { name: "Timeline" })).toBeVisible();
    const box = await dialog.boundingBox();
    expect(box.x).toBeGreaterThanOrEqual(0);
    expect(box.x + box.width).toBeLessThanOrEqual(390);
    expect(await dialog.evaluate((element) => element.scrollWidth <= element.clientWidth)).toBe(true);
    await dialog.getByRole("combobox", { name: "As" }).focus();
    for (const [role, name] of [["combobox", "Show"], ["combobox", "Theme"], ["combobox", "Try at"], ["spinbutton", "Height"], ["checkbox", "Plays by itself"]]) {
      await page.keyboard.press("Tab");
      await expect(dialog.getByRole(role, { name })).toBeFocused();
    }
  });
});

test.describe("a post with ten embeds", () => {
  /** The post from one origin, the site behind a counter as another. */
  const open = async (page, baseURL) => {
    const site = await counted(baseURL);
    const html = readFileSync(file("examples/blog/index.html"), "utf8").replaceAll("http://127.0.0.1:8080/", site.url);
    const post = await host({ "/": html });
    await page.addInitScript(() => {
      window.shifts = [];
      new PerformanceObserver((list) => list.getEntries().forEach(({ value, sources }) => shifts.push([value, sources.map(({ node }) => node?.nodeName)]))).observe({ type: "layout-shift", buffered: true });
    });
    await page.goto(post.origin);
    return { site, close: () => Promise.all([site.close(), post.close()]) };
  };
  const frames = (page) => page.frames().filter((frame) => frame.url().includes("/embed/"));
  const standing = (frame) => frame.evaluate(() => document.getElementById("app")?.hasAttribute("data-static") === false).catch(() => false);

  /** Through the whole post as a reader would, a good part of a screen at a time, until each embed on the way stands. */
  async function scroll(page) {
    const end = await page.evaluate(() => document.documentElement.scrollHeight);
    for (let y = 0; y < end; y += 600) {
      await page.evaluate((top) => scrollTo({ top, behavior: "instant" }), y);
      await drawn(page);
    }
    await expect.poll(async () => (await Promise.all(frames(page).map(standing))).filter(Boolean).length, { timeout: 40_000 }).toBe(10);
  }

  test("one download, no shift, no word in the console", async ({ page, baseURL }) => {
    test.setTimeout(120_000);
    const { site, close } = await open(page, baseURL);
    await expect.poll(() => frames(page).length, "those near the top").toBeGreaterThan(0);
    expect(frames(page).length, "the others wait until they come near").toBeLessThan(10);
    await scroll(page);
    const wasm = Object.entries(site.counts).filter(([path]) => path.endsWith(".wasm"));
    expect(wasm.length).toBeGreaterThan(10);
    expect(wasm.filter(([, count]) => count > 1), "each part of the program is downloaded once").toEqual([]);
    expect(await page.evaluate(() => shifts), "layout shifts").toEqual([]);
    // And back up, past all of them.
    await page.evaluate(() => scrollTo({ top: 0, behavior: "instant" }));
    await drawn(page);
    expect(await page.evaluate(() => shifts), "layout shifts").toEqual([]);
    await close();
  });

  test("only what is seen runs", async ({ page, baseURL }) => {
    test.setTimeout(120_000);
    const { close } = await open(page, baseURL);
    await scroll(page);
    const first = page.locator("breakable-widget").first();
    await first.scrollIntoViewIfNeeded();
    const seen = frames(page).find((frame) => frame.url().includes("traffic-spike-10x"));
    const digest = (frame) => frame.getByTestId("digest").textContent();
    const away = frames(page).filter((frame) => /eventual-consistency|queue-vs-direct-call|caching-benefits/.test(frame.url()));
    expect(away).toHaveLength(3);
    const time = (frame) => frame.getByTestId("time").textContent();
    // The far ones stand still when their observers have noticed, each in a frame of its own.
    let before;
    await expect(async () => {
      const here = await time(seen);
      const last = await Promise.all(away.map(digest));
      await expect.poll(() => time(seen)).not.toBe(here);
      before = await Promise.all(away.map(digest));
      expect(before).toEqual(last);
    }).toPass({ timeout: 20_000 });
    const then = await time(seen);
    await expect.poll(() => time(seen), "the one in sight goes on").not.toBe(then);
    expect(await Promise.all(away.map(digest)), "those out of sight stand still").toEqual(before);
    await page.locator("#ask").click();
    await expect(page.locator("#answer")).toContainText("digest");
    await close();
  });
});

test("oEmbed: one answer a question, as the specification has it", async ({ request }) => {
  for (const { slug } of questions) {
    const response = await request.get(`oembed/${slug}.json`);
    expect(response.ok(), slug).toBe(true);
    const answer = await response.json();
    expect(answer).toMatchObject({ type: "rich", version: "1.0", width: expect.any(Number), height: expect.any(Number), title: expect.any(String) });
    expect(answer.html).toMatch(new RegExp(`^<iframe src="[^"]*embed/${slug}/" title="[^"]+" width="${answer.width}" height="${answer.height}"`));
    expect((await request.get(new URL(answer.thumbnail_url, response.url()).href)).ok()).toBe(true);
  }
});

test("the types accept what is right and refuse what is wrong", async ({ request }) => {
  expect((await (await request.get("embed.d.ts")).text())).toBe(readFileSync(file("xtask/web/embed.d.ts"), "utf8"));
  const check = (name) => {
    const words = ["--noEmit", "--strict", "--target", "es2022", "--lib", "es2022,dom", "--module", "esnext", "--moduleResolution", "bundler", "--allowImportingTsExtensions", "--noUncheckedIndexedAccess"];
    try {
      execFileSync(process.execPath, [file("e2e/node_modules/typescript/bin/tsc"), ...words, file(`e2e/types/${name}`)], { encoding: "utf8", cwd: file("e2e") });
      return [];
    } catch (refused) {
      return [...refused.stdout.matchAll(/^types\/[\w.]+\((\d+),/gm)].map(([, line]) => Number(line));
    }
  };
  expect(check("right.ts")).toEqual([]);
  const marked = readFileSync(file("e2e/types/wrong.ts"), "utf8").split("\n").flatMap((line, at) => (line.endsWith("// wrong") ? [at + 1] : []));
  expect(marked.length).toBeGreaterThan(10);
  expect(check("wrong.ts")).toEqual(marked);
});
