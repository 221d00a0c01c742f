// Chromium, through Playwright, behind the same few commands as the other engines. What Playwright has no words for,
// fingers and pens, goes through the DevTools protocol.
import { chromium } from "@playwright/test";
import { launchOptions } from "../playwright.config.js";
import { KEYS } from "./actions.js";

export async function launch() {
  const browser = await chromium.launch(launchOptions);
  return {
    name: "chromium",
    version: `Chromium ${browser.version()}`,
    async isolated() {
      return new Isolated(await browser.newContext({ hasTouch: true, permissions: ["clipboard-read", "clipboard-write"] }));
    },
    close: () => browser.close(),
  };
}

class Isolated {
  complaints = [];

  constructor(context) {
    this.context = context;
    context.on("console", (message) => {
      if (["error", "warning"].includes(message.type())) {
        this.complaints.push(`console ${message.type()}: ${message.text()}`);
      }
    });
    context.on("weberror", (error) => this.complaints.push(`uncaught: ${error.error().message}`));
  }

  async tab() {
    return new Tab(await this.context.newPage());
  }

  tabs() {
    return this.context.pages();
  }

  opened(before) {
    const page = this.context.pages().find((one) => !before.includes(one));
    return page && new Tab(page);
  }

  close() {
    return this.context.close();
  }
}

class Tab {
  constructor(page) {
    this.page = page;
  }

  async goto(url) {
    await this.page.goto(url);
  }

  evaluate(expression) {
    return this.page.evaluate(expression);
  }

  /** The W3C's words for what hands do, in this protocol's. */
  async act(sources) {
    for (const source of sources) {
      const turn = source.type === "key" ? this.#key : this.#pointers[source.parameters.pointerType];
      for (const action of source.actions) {
        await (action.type === "pause" ? this.page.waitForTimeout(action.duration) : turn.call(this, action));
      }
    }
  }

  #key({ type, value }) {
    const key = Object.entries(KEYS).find(([, code]) => code === value)?.[0] ?? value;
    return this.page.keyboard[type === "keyDown" ? "down" : "up"](key);
  }

  #pointers = { mouse: this.#mouse, touch: this.#touch, pen: this.#pen };

  async #mouse({ type, x, y }) {
    const { mouse } = this.page;
    await { pointerMove: () => mouse.move(x, y), pointerDown: () => mouse.down(), pointerUp: () => mouse.up() }[type]();
  }

  async #touch({ type, x, y }) {
    if (type === "pointerMove") {
      this.at = { x, y };
    }
    const kind = { pointerDown: "touchStart", pointerMove: this.down && "touchMove", pointerUp: "touchEnd" }[type];
    this.down = type === "pointerDown" || (this.down && type !== "pointerUp");
    if (kind) {
      const touchPoints = kind === "touchEnd" ? [] : [this.at];
      await (await this.#devtools()).send("Input.dispatchTouchEvent", { type: kind, touchPoints });
    }
  }

  async #pen({ type, x, y }) {
    if (type === "pointerMove") {
      this.at = { x, y };
    }
    this.down = type === "pointerDown" || (this.down && type !== "pointerUp");
    const kind = { pointerDown: "mousePressed", pointerMove: "mouseMoved", pointerUp: "mouseReleased" }[type];
    if (kind) {
      const button = kind === "mouseMoved" && !this.down ? "none" : "left";
      const event = { type: kind, ...this.at, button, buttons: this.down ? 1 : 0, clickCount: 1, pointerType: "pen" };
      await (await this.#devtools()).send("Input.dispatchMouseEvent", event);
    }
  }

  async #devtools() {
    this.session ??= await this.page.context().newCDPSession(this.page);
    return this.session;
  }

  resize(width, height) {
    return this.page.setViewportSize({ width, height });
  }

  screenshot() {
    return this.page.screenshot();
  }

  close() {
    return this.page.close();
  }
}
