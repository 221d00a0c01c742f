// Firefox, through WebDriver BiDi: its remote agent speaks it over a WebSocket, without a driver in between.
// https://www.w3.org/TR/webdriver-bidi/
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
// Node 20 has no WebSocket of its own.
import WebSocket from "ws";
import { start } from "./process.js";

// Beyond what the remote agent sets by itself for tests: nothing is asked of the network, and fingers are heard.
const PREFERENCES = {
  "app.normandy.enabled": false,
  "browser.backup.enabled": false,
  "browser.backup.scheduled.enabled": false,
  "datareporting.policy.dataSubmissionEnabled": false,
  "dom.w3c_touch_events.enabled": 1,
  "network.captive-portal-service.enabled": false,
  "network.connectivity-service.enabled": false,
  "services.settings.server": "data:,#remote-settings-dummy/v1",
  "toolkit.telemetry.enabled": false,
};

/** Starts it without a window. */
export async function launch(program = process.env.FIREFOX ?? "firefox-esr") {
  const profile = mkdtempSync(join(tmpdir(), "breakable-firefox-"));
  const preferences = Object.entries(PREFERENCES).map(([name, set]) => `user_pref("${name}", ${JSON.stringify(set)});\n`);
  writeFileSync(join(profile, "user.js"), preferences.join(""));
  const words = ["--headless", "--no-remote", "--profile", profile, "--remote-debugging-port", "0", "about:blank"];
  const browser = start(program, words, { env: { MOZ_CRASHREPORTER_DISABLE: "1" } });
  const [, address] = await browser.said(/WebDriver BiDi listening on (ws:\/\/\S+)/);
  const wire = await Wire.open(`${address}/session`);
  const session = await wire.send("session.new", { capabilities: {} });
  await wire.send("session.subscribe", { events: ["log.entryAdded", "browsingContext.contextCreated"] });
  const version = `${session.capabilities.browserName} ${session.capabilities.browserVersion}`;
  return {
    name: "firefox",
    version,
    /** Tabs that share what a site keeps, and nothing with any other tabs. */
    async isolated() {
      const { userContext } = await wire.send("browser.createUserContext", {});
      return new Isolated(wire, userContext);
    },
    async close() {
      wire.close();
      await browser.end();
      rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

/** Commands and their answers over one WebSocket, and the events in between. */
class Wire {
  #next = 0;
  #open = new Map();
  #listeners = new Set();

  static async open(address) {
    const wire = new Wire();
    wire.socket = new WebSocket(address, { perMessageDeflate: false });
    await new Promise((done, failed) => wire.socket.once("open", done).once("error", failed));
    wire.socket.on("message", (text) => wire.#hear(JSON.parse(text)));
    wire.socket.on("close", () => wire.#open.forEach(({ failed }) => failed(new Error("Firefox is gone"))));
    return wire;
  }

  #hear(message) {
    const asked = this.#open.get(message.id);
    this.#open.delete(message.id);
    if (message.type === "event") {
      this.#listeners.forEach((listen) => listen(message));
    } else if (message.type === "success") {
      asked.done(message.result);
    } else {
      asked?.failed(new Error(`${asked.method}: ${message.error}: ${message.message}`));
    }
  }

  send(method, params) {
    this.#next += 1;
    const id = this.#next;
    return new Promise((done, failed) => {
      this.#open.set(id, { method, done, failed });
      this.socket.send(JSON.stringify({ id, method, params }));
    });
  }

  /** Is told every event until the function that this returns is called. */
  listen(listener) {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  close() {
    this.#open.clear();
    this.socket.close();
  }
}

class Isolated {
  complaints = [];
  #tabs = [];

  constructor(wire, userContext) {
    this.wire = wire;
    this.userContext = userContext;
    // The protocol tells of whose tab a page is when it opens, and of the tab only when a page complains.
    const own = new Set();
    this.stop = wire.listen(({ method, params }) => {
      if (method === "browsingContext.contextCreated" && (params.userContext === userContext || own.has(params.parent))) {
        own.add(params.context);
        if (!params.parent) {
          this.#tabs.push(params.context);
        }
      }
      if (method === "log.entryAdded" && own.has(params.source.context) && ["error", "warn"].includes(params.level)) {
        this.complaints.push(`${params.type} ${params.level}: ${params.text}`);
      }
    });
  }

  async tab() {
    // Each in a window: a page in a hidden tab stands still.
    const { context } = await this.wire.send("browsingContext.create", { type: "window", userContext: this.userContext });
    return new Tab(this, context);
  }

  /** The tab that a page has opened. */
  opened(before) {
    const context = this.#tabs.find((one) => !before.includes(one));
    return context && new Tab(this, context);
  }

  tabs() {
    return [...this.#tabs];
  }

  async close() {
    await this.wire.send("browser.removeUserContext", { userContext: this.userContext });
    this.stop();
  }
}

class Tab {
  constructor(isolated, context) {
    this.isolated = isolated;
    this.context = context;
  }

  #send(method, params) {
    return this.isolated.wire.send(method, { context: this.context, ...params });
  }

  async goto(url) {
    await this.#send("browsingContext.navigate", { url, wait: "complete" });
  }

  /** What an expression of JavaScript comes to, when it is a text. */
  async evaluate(expression) {
    const { result, exceptionDetails } = await this.isolated.wire.send("script.evaluate", {
      expression,
      awaitPromise: true,
      target: { context: this.context },
    });
    if (exceptionDetails) {
      throw new Error(exceptionDetails.text);
    }
    return result.value;
  }

  async act(actions) {
    await this.#send("input.performActions", { actions });
  }

  async resize(width, height) {
    await this.#send("browsingContext.setViewport", { viewport: { width, height } });
  }

  async screenshot() {
    const { data } = await this.#send("browsingContext.captureScreenshot", { origin: "viewport" });
    return Buffer.from(data, "base64");
  }

  async close() {
    await this.#send("browsingContext.close", {});
  }
}
