// <breakable-widget question="rate-limiter-design">: a question's simulation on any page. Loaded from any origin, as a
// classic script or a module, as often as a page likes. embed.d.ts has the types, README.md the messages.
// It writes only into its own element, and asks for nothing but the site's own files.
(() => {
  if (!globalThis.customElements || customElements.get("breakable-widget")) return;

  // Filled in when the site is made: for each question the heights of its picture (wide, narrow, and both for each side
  // of an A|B), then its presets, the first one first, those of two sides with a star.
  const QUESTIONS = {};
  // What stands around the picture, bars and buttons and the captions of an A|B, in CSS pixels; and its two layouts.
  const [BARS, CAPTIONS] = [BARS_PX, CAPTIONS_PX], NARROW_BELOW = 560, WIDTHS = [860, 390];
  const PATIENCE_MS = 20_000;

  // A module has no current script; the stack names its file, also when another module imported it.
  const file = /https?:\/\/[^\s()@]+\/embed\.js/;
  const own =
    document.currentScript?.src || file.exec(new Error().stack)?.[0] || [...document.scripts].find((s) => file.test(s.src))?.src;
  const site = new URL("./", own || document.baseURI);

  const sheet = new CSSStyleSheet();
  sheet.replaceSync(`:host{display:block}:host([hidden]){display:none}
.box{position:relative;overflow:hidden}
iframe{position:absolute;inset:0;width:100%;height:100%;border:0;opacity:0}
.on iframe{opacity:1}
img{position:absolute;inset:0;width:100%;margin:auto;opacity:.7}
p{position:absolute;inset:auto 0 0;margin:0;padding:12px 16px;font:14px/1.5 system-ui,sans-serif;text-align:center}
.on p,.on img,.no img{display:none}.no p{inset:0;display:grid;place-content:center}`);

  const dark = matchMedia("(prefers-color-scheme: dark)");
  const parent = (e) => e.assignedSlot ?? e.parentElement ?? e.getRootNode().host;
  const known = (theme) => (theme === "light" || theme === "dark" ? theme : null);

  /** What the page looks like where the element stands: what it says, or else the colour behind it. */
  const scheme = (element) => {
    for (let e = element; e; e = parent(e)) {
      const said = known(e.dataset.theme) ?? known(e.dataset.colorScheme);
      if (said) return said;
    }
    const colours = getComputedStyle(element).colorScheme;
    const [isLight, isDark] = [colours.includes("light"), colours.includes("dark")];
    if (isLight || isDark) return isDark && (!isLight || dark.matches) ? "dark" : "light";
    for (let e = element; e; e = parent(e)) {
      const [r, g, b, a = 1] = /^rgba?\((.*)\)/.exec(getComputedStyle(e).backgroundColor)?.[1].split(/[ ,/]+/).map(Number) ?? [0, 0, 0, 0];
      if (a > 0.5) return r * 0.3 + g * 0.6 + b * 0.1 < 128 ? "dark" : "light";
    }
    return "light";
  };

  class Widget extends HTMLElement {
    // One of each for all widgets of the page.
    static #all = new Set();
    static #near = new IntersectionObserver((list) => list.forEach((e) => e.isIntersecting && e.target.#start()), {
      rootMargin: "100% 0px",
    });
    static #shown = new IntersectionObserver((list) => list.forEach((e) => e.isIntersecting || e.target.#moved()));
    static #size = new ResizeObserver((list) => list.forEach((e) => e.target.#moved()));
    static #changes = new MutationObserver(Widget.#followAll);
    static {
      Widget.#changes.observe(document.documentElement, { attributes: true });
      Widget.#changes.observe(document.head, { attributes: true, childList: true, subtree: true });
      dark.addEventListener("change", Widget.#followAll);
      addEventListener("transitionend", Widget.#followAll);
      addEventListener("message", (event) => Widget.#all.forEach((w) => w.#hear(event)));
    }

    static #followAll() {
      Widget.#all.forEach((w) => w.#follow());
    }

    static observedAttributes = ["question", "preset", "query", "link", "height", "theme", "autoplay"];

    #root = this.attachShadow({ mode: "open" });
    #box;
    #poster;
    #why;
    #frame;
    #ready;
    #timer;
    #theme;
    #height;
    #late;
    #calls = 0;
    #asked = new Map();
    #queue = [];

    constructor() {
      super();
      this.#root.adoptedStyleSheets = [sheet];
      // Element by element: a page may forbid scripts to make markup of texts.
      const make = (name, attributes, ...kids) => {
        const element = document.createElement(name);
        for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
        element.append(...kids);
        return element;
      };
      this.#poster = make("img", { alt: "", loading: "lazy" });
      const words = make("p", {}, make("span", { role: "status" }), " ", make("slot", {}, make("a", {})));
      this.#box = make("div", { class: "box" }, this.#poster, words);
      this.#root.append(this.#box);
      this.#poster.onerror = () => this.#poster.removeAttribute("src");
    }

    connectedCallback() {
      Widget.#all.add(this);
      for (let e = this; e; e = parent(e)) Widget.#changes.observe(e, { attributes: true });
      this.#begin();
    }

    disconnectedCallback() {
      Widget.#all.delete(this);
      for (const observer of [Widget.#near, Widget.#shown, Widget.#size]) observer.unobserve(this);
      this.#stop();
    }

    attributeChangedCallback(name, before, now) {
      if (!this.isConnected || before === now) return;
      if (name === "theme") return this.#follow();
      if (name === "height") return this.#reserve();
      // All that changes together is one change.
      if (!this.#late) {
        this.#late = new Set();
        queueMicrotask(() => this.#changed(this.#late));
      }
      this.#late.add(name);
    }

    #changed(names) {
      this.#late = null;
      if (!this.isConnected) return;
      if (!this.#ready || names.has("question")) return this.#begin();
      if (names.has("autoplay")) this.#send({ type: this.#still ? "pause" : "play" });
      if (names.size > names.has("autoplay")) this.#send({ type: "load", ...this.#wanted });
    }

    get #still() {
      return /^(0|off|false)$/.test(this.getAttribute("autoplay"));
    }

    /** What the attributes ask for, as a message has it. */
    get #wanted() {
      const [link, preset] = [this.getAttribute("link"), this.getAttribute("preset")];
      if (link) return { link };
      const query = new URLSearchParams(this.getAttribute("query") ?? "");
      if (this.#still) query.set("autoplay", "0");
      return { ...(preset && { preset }), query: String(query) };
    }

    /** The picture's heights and the presets of the question. */
    get #question() {
      const text = QUESTIONS[this.getAttribute("question")]?.split("|");
      return text && { heights: text[0].split(",").map(Number), presets: text[1].split(",") };
    }

    #begin() {
      this.#stop();
      const slug = this.getAttribute("question");
      const link = this.#root.querySelector("a");
      link.textContent = "Open the simulation";
      link.href = site;
      if (!this.#question) {
        return this.#fail(slug ? `There is no question "${slug.slice(0, 60)}".` : 'This widget needs a question, such as question="rate-limiter-design".');
      }
      link.href = new URL(`q/${slug}/`, site);
      this.#follow();
      this.#reserve();
      for (const observer of [Widget.#near, Widget.#shown, Widget.#size]) observer.observe(this);
    }

    #stop() {
      clearTimeout(this.#timer);
      this.#frame?.remove();
      this.#frame = this.#ready = this.#why = this.#height = null;
      this.#box.className = "box";
      this.#root.querySelector("span").textContent = "";
      this.#refuse("The simulation was taken off the page.");
      this.#queue = [];
    }

    /** Keeps the room that the simulation will need, so that nothing on the page moves when it comes. */
    #reserve() {
      const fixed = Number(this.getAttribute("height"));
      if (fixed >= 100 && fixed <= 4000) {
        this.#box.style.height = `${fixed}px`;
        return this.#show();
      }
      const width = this.clientWidth;
      if (!width || !this.#question || this.#height) return this.#height && this.#fit();
      const { heights, presets } = this.#question;
      const narrow = Number(width < NARROW_BELOW);
      const [, preset, two] = this.#preset(presets);
      const picture = ((two ? 2 * heights[2 + narrow] : heights[narrow]) * width) / WIDTHS[narrow];
      // A page that has kept room of its own, before this script came, keeps it.
      const kept = parseFloat(getComputedStyle(this).minHeight) || 0;
      this.#box.style.height = `${Math.max(kept, Math.ceil(picture + BARS + (two && CAPTIONS)))}px`;
      this.#show(`posters/${this.getAttribute("question")}/${preset}${narrow ? "-narrow" : ""}.svg`);
    }

    #preset(presets) {
      const asked = this.getAttribute("preset");
      const entry = presets.find((p) => p.replace("*", "") === asked) ?? presets[0];
      return [entry, entry.replace("*", ""), entry.endsWith("*")];
    }

    #show(poster) {
      if (poster && !this.#ready) this.#poster.src = new URL(poster, site);
    }

    /** Downloads and shows the simulation. */
    #start() {
      if (this.#frame || this.#why || !this.isConnected) return;
      const { link, query } = this.#wanted;
      const url = new URL(`embed/${this.getAttribute("question")}/`, site);
      url.search = query ?? "";
      if (!link && this.getAttribute("preset")) url.searchParams.set("preset", this.getAttribute("preset"));
      if (link && this.#still) url.searchParams.set("autoplay", "0");
      url.searchParams.set("theme", this.#theme);
      if (link) url.hash = link.replace(/^.*#/s, "");
      const frame = (this.#frame = document.createElement("iframe"));
      frame.title = this.textContent.trim() || `${this.getAttribute("question")}: a simulation you can break`;
      frame.allow = "fullscreen; clipboard-write";
      frame.src = url;
      this.#box.prepend(frame);
      this.#timer = setTimeout(() => this.#fail(`The simulation did not answer within ${PATIENCE_MS / 1000} seconds.`), PATIENCE_MS);
    }

    #fail(why) {
      this.#why = why;
      this.#box.className = "box no";
      if (!this.#box.style.height) this.#box.style.height = "120px";
      this.#root.querySelector("span").textContent = why;
      this.#refuse(why);
      this.#tell("error", { breakable: 1, type: "error", message: why });
    }

    #refuse(why) {
      for (const [, failed] of this.#asked.values()) failed(new Error(why));
      this.#asked.clear();
    }

    #tell(type, detail) {
      this.dispatchEvent(new CustomEvent(`breakable-${type}`, { detail, bubbles: true, composed: true }));
    }

    #send(message) {
      if (this.#ready) this.#frame.contentWindow.postMessage({ breakable: 1, ...message }, site.origin);
      else this.#queue.push(message);
    }

    #hear({ source, origin, data }) {
      if (!this.#frame || source !== this.#frame.contentWindow || origin !== site.origin || data?.breakable !== 1) return;
      if (data.type === "ready") {
        clearTimeout(this.#timer);
        // Better late than never.
        this.#why = null;
        this.#ready = true;
        this.#box.className = "box on";
        this.#queue.splice(0).forEach((message) => this.#send(message));
      }
      if (data.type === "height") {
        this.#height = data.height;
        this.#fit(data.asked);
      }
      const [done, failed] = this.#asked.get(data.id) ?? [];
      this.#asked.delete(data.id);
      if (data.type === "error") failed?.(new Error(data.message));
      else done?.(data);
      this.#tell(data.type, data);
    }

    /** The height that the simulation needs. What a reader looks at moves only when they have asked for it. */
    #fit(asked) {
      const { top, bottom } = this.getBoundingClientRect();
      const below = top > innerHeight, above = bottom < 0 && CSS.supports("overflow-anchor", "auto");
      if (this.#height && !this.getAttribute("height") && (asked || below || above)) this.#box.style.height = `${this.#height}px`;
    }

    /** Shows the page's colours. */
    #follow() {
      const theme = known(this.getAttribute("theme")) ?? scheme(this);
      if (theme === this.#theme) return;
      this.#theme = this.#box.style.colorScheme = theme;
      if (this.#ready) this.#send({ type: "set", theme });
    }

    #moved() {
      if (this.#height) this.#fit();
      else this.#reserve();
    }

    #ask(type, fields) {
      return new Promise((done, failed) => {
        if (this.#why) return failed(new Error(this.#why));
        const id = ++this.#calls;
        this.#asked.set(id, [done, failed]);
        this.#send({ ...fields, type, id });
        this.#start();
      });
    }
    play() {
      return this.#ask("play");
    }
    pause() {
      return this.#ask("pause");
    }
    /** Seconds, or `{us, events}` as a state has it. */
    seek(to) {
      return this.#ask("seek", typeof to === "object" ? { exact: to } : { time: to });
    }
    set(changes) {
      return this.#ask("set", changes);
    }
    act(name, args, at) {
      return this.#ask("act", { name, args, at });
    }
    load(what) {
      return this.#ask("load", what);
    }
    query(every) {
      return this.#ask("query", { every });
    }
  }

  customElements.define("breakable-widget", Widget);
})();
