// WebKit as GNOME has it, through its W3C WebDriver: WebKitWebDriver starts MiniBrowser, which wants a display.
// https://www.w3.org/TR/webdriver2/
import { existsSync } from "node:fs";
import { request } from "node:http";
import { freePort, start } from "./process.js";

// Debian's place for programs that are no commands.
const MINI_BROWSER = [
  process.env.MINI_BROWSER,
  "/usr/lib/x86_64-linux-gnu/webkit2gtk-4.1/MiniBrowser",
  "/usr/lib/aarch64-linux-gnu/webkit2gtk-4.1/MiniBrowser",
  "/usr/libexec/webkit2gtk-4.1/MiniBrowser",
  "/usr/lib/webkit2gtk-4.1/MiniBrowser",
].find((path) => path && existsSync(path));

/** Starts it on a display of its own. */
export async function launch(driver = process.env.WEBKIT_DRIVER ?? "WebKitWebDriver") {
  if (!MINI_BROWSER) {
    throw new Error("WebKitGTK's MiniBrowser is not installed; set MINI_BROWSER to its path");
  }
  const screen = start("Xvfb", ["-displayfd", "1", "-screen", "0", "1600x1300x24", "-nolisten", "tcp", "-noreset"]);
  const [display] = await screen.said(/^\d+$/);
  const port = await freePort();
  const env = {
    DISPLAY: `:${display}`,
    GDK_BACKEND: "x11",
    // There is no graphics card: drawing straight to the window is five times as fast as imitating one.
    LIBGL_ALWAYS_SOFTWARE: "1",
    WEBKIT_DISABLE_COMPOSITING_MODE: "1",
    NO_AT_BRIDGE: "1",
  };
  const program = start(driver, [`--port=${port}`, "--host=127.0.0.1"], { env });
  const wire = new Wire(`http://127.0.0.1:${port}`);
  await wire.ready();
  const options = { binary: MINI_BROWSER, args: ["--automation"] };
  const { sessionId, capabilities } = await wire.send("POST", "/session", {
    capabilities: { alwaysMatch: { "webkitgtk:browserOptions": options, timeouts: { script: 60_000, pageLoad: 60_000 } } },
  });
  wire.session = `/session/${sessionId}`;
  const blank = await wire.send("GET", `${wire.session}/window`);
  return {
    name: "webkit",
    version: `${capabilities.browserName} ${capabilities.browserVersion}`,
    async isolated() {
      return new Isolated(wire, blank);
    },
    async close() {
      await wire.send("DELETE", wire.session);
      await program.end();
      await screen.end();
    },
  };
}

/** One command at a time: the protocol knows one current window. */
class Wire {
  session = "";
  #last = Promise.resolve();

  constructor(address) {
    this.address = address;
  }

  /** Waits until the driver answers. */
  async ready() {
    const patience = Date.now() + 20_000;
    for (;;) {
      if (await this.#ask("GET", "/status").then(({ status }) => status === 200, () => false)) {
        return;
      }
      if (Date.now() > patience) {
        throw new Error("WebKitWebDriver does not answer");
      }
      await new Promise((done) => setTimeout(done, 50));
    }
  }

  async send(method, path, body) {
    const { status, value } = await this.#ask(method, path, body);
    if (status >= 400) {
      throw new Error(`${path.split("/").slice(3).join("/")}: ${value.error}: ${value.message}`);
    }
    return value;
  }

  /** Each command on a connection of its own: the driver closes idle ones, at times when something is on the way. */
  #ask(method, path, body) {
    return new Promise((done, failed) => {
      const asked = request(this.address + path, { method, agent: false }, async (response) => {
        const text = Buffer.concat(await response.toArray()).toString();
        done({ status: response.statusCode, value: JSON.parse(text).value });
      });
      asked.on("error", (error) => failed(new Error(`${method} ${path}: ${error.message}`)));
      asked.end(method === "POST" ? JSON.stringify(body ?? {}) : undefined);
    });
  }

  /** Commands to one window, with none to another in between. */
  in(window, commands) {
    const turn = this.#last.then(async () => {
      if (this.current !== window) {
        await this.send("POST", `${this.session}/window`, { handle: window });
        this.current = window;
      }
      return commands((method, path, body) => this.send(method, this.session + path, body));
    });
    this.#last = turn.catch(() => {});
    return turn;
  }
}

class Isolated {
  // The protocol does not tell of the console, and the browser writes none in automation.
  complaints = [];

  constructor(wire, blank) {
    this.wire = wire;
    this.blank = blank;
  }

  async tab() {
    const { handle } = await this.wire.in(this.blank, (send) => send("POST", "/window/new", { type: "window" }));
    return new Tab(this.wire, handle);
  }

  tabs() {
    return this.wire.in(this.blank, (send) => send("GET", "/window/handles"));
  }

  async opened(before) {
    const window = (await this.tabs()).find((one) => !before.includes(one));
    return window && new Tab(this.wire, window);
  }

  async close() {
    for (const window of await this.tabs()) {
      if (window !== this.blank) {
        await new Tab(this.wire, window).close();
      }
    }
  }
}

class Tab {
  constructor(wire, window) {
    this.wire = wire;
    this.window = window;
  }

  #send(method, path, body) {
    return this.wire.in(this.window, (send) => send(method, path, body));
  }

  async goto(url) {
    await this.#send("POST", "/url", { url });
  }

  async evaluate(expression) {
    const script = `const done = arguments[arguments.length - 1];
      Promise.resolve().then(() => ${expression}).then((value) => done({ value }), (error) => done({ error: String(error) }));`;
    const { value, error } = await this.#send("POST", "/execute/async", { script, args: [] });
    if (error) {
      throw new Error(error);
    }
    return value;
  }

  async act(actions) {
    await this.#send("POST", "/actions", { actions });
  }

  /** The page's own size: the window has a bar above it. */
  async resize(width, height) {
    const rect = await this.#send("GET", "/window/rect");
    const inner = JSON.parse(await this.evaluate("JSON.stringify([innerWidth, innerHeight])"));
    const [frameX, frameY] = [rect.width - inner[0], rect.height - inner[1]];
    await this.#send("POST", "/window/rect", { x: 0, y: 0, width: width + frameX, height: height + frameY });
  }

  async screenshot() {
    return Buffer.from(await this.#send("GET", "/screenshot"), "base64");
  }

  async close() {
    await this.#send("DELETE", "/window");
    this.wire.current = undefined;
  }
}
