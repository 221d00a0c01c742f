// A page in any of the engines, found and used by roles and names as a person would. It stands on the few commands that
// all drivers have: open an address, evaluate an expression, let hands do something, take a picture.
import { expect } from "@playwright/test";
import { keys, pointer } from "./actions.js";

/** In the page: the elements that are shown and have this role and name, or match this selector. */
function find({ within, css, role, name }) {
  const roles = {
    button: "button, [role=button]",
    combobox: "select",
    dialog: "dialog[open]",
    group: "[role=group], fieldset",
    heading: "h1, h2, h3",
    link: "a[href]",
    region: "[role=region]",
    slider: "[role=slider], input[type=range]",
    tab: "[role=tab]",
    textbox: "input:not([type]), input[type=text], input[type=search], input[type=url], textarea",
  };
  const plain = (element) => {
    const copy = element.cloneNode(true);
    copy.querySelectorAll("[aria-hidden=true]").forEach((hidden) => hidden.remove());
    return copy.textContent.replace(/\s+/g, " ").trim();
  };
  const called = (element) =>
    element.getAttribute("aria-label") ??
    (element.getAttribute("aria-labelledby") ?? "")
      .split(" ")
      .flatMap((id) => document.getElementById(id) ?? [])
      .concat([...(element.labels ?? [])])
      .map(plain)
      .concat(plain(element))[0];
  const shown = (element) => element.checkVisibility({ visibilityProperty: true }) && element.getClientRects().length > 0;
  const roots = within ? find(within) : [document];
  const matches = roots.flatMap((root) => [...root.querySelectorAll(css ?? roles[role])]);
  return matches.filter((element) => shown(element) && (name === undefined || called(element) === name));
}

/** One element: what it is called is looked up anew each time. */
class Spot {
  constructor(page, what) {
    this.page = page;
    this.what = what;
  }

  /** Inside of this one. */
  spot(what) {
    return new Spot(this.page, { within: this.what, ...what });
  }

  /** What `of(element, ...args)` says of the first that is there. */
  read(of, ...args) {
    return this.page.evaluate(
      `((find) => { const [found] = find(${JSON.stringify(this.what)});
          return found ? (${of})(found, ...${JSON.stringify(args)}) : null; })(${find})`,
    );
  }

  async is() {
    return (await this.read(() => true)) === true;
  }

  count() {
    return this.page.evaluate(`(${find})(${JSON.stringify(this.what)}).length`);
  }

  text() {
    return this.read((element) => element.innerText ?? element.textContent);
  }

  value() {
    return this.read((element) => element.value);
  }

  attribute(name) {
    return this.read((element, name) => element.getAttribute(name), name);
  }

  async appears(timeout = 20_000) {
    await expect.poll(() => this.is(), { message: `${JSON.stringify(this.what)} is shown`, timeout }).toBe(true);
    return this;
  }

  async disappears() {
    await expect.poll(() => this.is(), { message: `${JSON.stringify(this.what)} is hidden` }).toBe(false);
  }

  /** Where a hand would reach it: a point of its box, in parts of its width and height, that nothing lies over. */
  async point(x = 0.5, y = 0.5) {
    let at;
    const where = async () => {
      at = await this.read(
        async (element, x, y) => {
          const frame = () => new Promise((done) => requestAnimationFrame(done));
          const box = element.getBoundingClientRect();
          await frame();
          await frame();
          const later = element.getBoundingClientRect();
          const at = { x: later.left + x * later.width, y: later.top + y * later.height };
          const over = document.elementFromPoint(at.x, at.y);
          if (over === null || !(element.contains(over) || element.labels?.[0]?.contains(over))) {
            // Beyond an edge of the window, or of what scrolls in it.
            element.scrollIntoView({ block: "center", inline: "nearest", behavior: "instant" });
            return { over: over?.outerHTML.slice(0, 120) };
          }
          return box.left === later.left && box.top === later.top ? at : { moves: true };
        },
        x,
        y,
      );
      return at?.x === undefined ? JSON.stringify(at) : "free";
    };
    await expect.poll(where, { message: `${JSON.stringify(this.what)} can be reached` }).toBe("free");
    return at;
  }

  async click({ with: type = "mouse", x, y } = {}) {
    await this.page.tab.act(pointer(type, [await this.point(x, y)]));
  }

  /** From one point of its box to another, by the given number of moves. */
  async drag(from, to, { with: type = "mouse", moves = 5 } = {}) {
    const [start, end] = [await this.point(...from), await this.point(...to)];
    await this.page.drag(start, end, { with: type, moves });
  }

  async focus() {
    await this.read((element) => element.focus());
  }
}

export class Page {
  constructor(tab, baseURL) {
    this.tab = tab;
    this.baseURL = baseURL;
  }

  async goto(path) {
    await this.tab.goto(new URL(path, this.baseURL).href);
  }

  spot(what) {
    return new Spot(this, what);
  }

  /** What an expression comes to. Promises are waited for. */
  async evaluate(expression) {
    const text = await this.tab.evaluate(`Promise.resolve(${expression}).then((value) => JSON.stringify(value ?? null))`);
    return JSON.parse(text);
  }

  /** What a function comes to in the page. */
  run(of, ...args) {
    return this.evaluate(`(${of})(...${JSON.stringify(args)})`);
  }

  async press(combination) {
    await this.tab.act(keys(combination.split("+")));
  }

  async type(text) {
    for (const key of text) {
      await this.tab.act(keys([key]));
    }
  }

  async drag(start, end, { with: type = "mouse", moves = 5 } = {}) {
    const between = (i) => ({ x: start.x + ((end.x - start.x) * i) / moves, y: start.y + ((end.y - start.y) * i) / moves });
    await this.tab.act(pointer(type, Array.from({ length: moves + 1 }, (_, i) => between(i))));
  }

  /** Pressed for so long at a point. */
  async hold(point, ms, { with: type = "mouse" } = {}) {
    await this.tab.act(pointer(type, [point], { hold: ms }));
  }

  /** Two frames: what was asked for in between has been done and drawn. */
  frames() {
    return this.run(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done()))));
  }
}

/** The player that every question shares, as in `pages/stage.js`. */
export class Stage {
  constructor(page) {
    this.page = page;
    const stage = { css: ".stage" };
    const inside = (what) => page.spot({ within: stage, ...what });
    this.region = page.spot(stage);
    this.play = inside({ role: "button", name: "Play" });
    this.pause = inside({ role: "button", name: "Pause" });
    this.timeline = inside({ role: "slider", name: "Timeline" });
    this.copyLink = inside({ role: "button", name: "Copy link" });
    this.sides = inside({ role: "button", name: "A | B" });
    this.share = inside({ role: "button", name: "Share" });
    this.knobs = inside({ css: ".knobs" });
    this.notes = inside({ css: "[role=alert]" });
  }

  static async open(page, path) {
    const stage = new Stage(page);
    await page.goto(path);
    await stage.ready();
    return stage;
  }

  async ready() {
    const mounted = () => document.getElementById("app")?.hasAttribute("data-static") === false;
    await expect.poll(() => this.page.run(mounted), { message: "the app has taken over", timeout: 30_000 }).toBe(true);
    await this.timeline.appears();
  }

  /** A fault's button, by its label. */
  fault(label) {
    return this.page.spot({ within: this.region.what, role: "button", name: label });
  }

  /** A knob's slider, by its label. */
  knob(label) {
    return this.page.spot({ within: this.knobs.what, role: "slider", name: label });
  }

  digest() {
    return this.page.run(() => document.querySelector("[data-testid=digest]").textContent);
  }

  time() {
    return this.page.run(() => document.querySelector("[data-testid=time]").innerText);
  }

  async moment() {
    return { time: await this.time(), digest: await this.digest() };
  }

  async seconds() {
    return Number(await this.timeline.attribute("aria-valuenow"));
  }

  /** Stops the clock if it runs. */
  async stand() {
    await this.page.frames();
    if (await this.pause.is()) {
      await this.pause.click();
      await this.play.appears();
    }
  }

  /** Stops the run and clicks the timeline at this part of its length, above the marks. */
  async seek(part, { with: type } = {}) {
    await this.stand();
    await this.timeline.click({ x: part, y: 0.1, with: type });
    const there = async () => (await this.seconds()) / Number(await this.timeline.attribute("aria-valuemax"));
    await expect.poll(there, { message: "the clock is where it was sent" }).toBeCloseTo(part, 1);
    await this.page.frames();
  }

  /** The drawing of side A. */
  picture() {
    return this.page.spot({ within: this.region.what, css: "svg.scene" });
  }
}
