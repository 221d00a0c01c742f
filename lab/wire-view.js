// What the wire lab shows of the bytes: the table of sizes, and every byte as two hexadecimal digits.

import { bar, count, h, scrolls } from "./elements.js";

/** Parts that are drawn at once; the rest comes when it is asked for. */
const PARTS_SHOWN = 700;
const PAGE = 10;
const MOVES = {
  ArrowRight: (at) => at + 1,
  ArrowDown: (at) => at + 1,
  ArrowLeft: (at) => at - 1,
  ArrowUp: (at) => at - 1,
  PageDown: (at) => at + PAGE,
  PageUp: (at) => at - PAGE,
  Home: () => 0,
  End: () => Infinity,
};

/** The encodings with their sizes, each against plain JSON. */
export function sizesView(encodings) {
  const most = Math.max(...encodings.map(({ size }) => size), 1);
  const json = encodings[1].size;
  return scrolls(
    "Sizes",
    h(
      "table",
      { class: "wire-sizes" },
      h("thead", {}, h("tr", {}, ["Encoding", "Bytes", "Of plain JSON"].map((name) => h("th", { scope: "col" }, name)))),
      h(
        "tbody",
        {},
        encodings.map(({ name, size }) =>
          h("tr", {}, h("th", { scope: "row" }, name), h("td", {}, count(size), bar(size, most)), h("td", {}, `${((100 * size) / json).toFixed(1)} %`)),
        ),
      ),
    ),
  );
}

/** The bytes of one encoding. One stop for the Tab key; the arrow keys move inside. */
export class Bytes {
  #encoding = null;
  #options = [];
  #at = 0;
  /** Where the pointer was last. */
  #pointer = "";

  constructor(name, explain) {
    this.explain = explain;
    this.id = `wire-${name.toLowerCase().replace(/\W+/g, "-")}`;
    this.title = h("h4", { id: `${this.id}-title` }, name);
    this.list = h("div", {
      class: "wire-bytes",
      role: "listbox",
      tabindex: "0",
      "aria-labelledby": `${this.id}-title`,
      onkeydown: (event) => this.#key(event),
      onfocus: () => this.choose(this.#at),
      onpointerover: (event) => this.#point(event),
      onclick: (event) => this.#point(event),
    });
    this.more = h("button", { type: "button", class: "button", onclick: () => this.#draw(Infinity) }, "");
    this.element = h("div", {}, this.title, this.list, this.more);
  }

  show(encoding) {
    this.#encoding = encoding;
    this.title.textContent = `${encoding.name}: ${count(encoding.size)} bytes`;
    this.#at = 0;
    this.#draw(PARTS_SHOWN);
  }

  /** Marks what belongs to the field at `path`, and the part that is explained. */
  mark(path, chosen) {
    this.#encoding.parts.slice(0, this.#options.length).forEach((part, at) => {
      const option = this.#options[at];
      option.classList.toggle("wire-same", path !== null && part.path === path);
      option.setAttribute("aria-selected", String(part === chosen));
    });
  }

  /** Explains the part number `at`; `quietly` if nobody asked for it. */
  choose(at, { quietly = false } = {}) {
    if (!this.#options.length) return;
    this.#at = Math.max(0, Math.min(at, this.#options.length - 1));
    const option = this.#options[this.#at];
    this.list.setAttribute("aria-activedescendant", option.id);
    if (!quietly) {
      const { top, bottom } = option.getBoundingClientRect();
      const box = this.list.getBoundingClientRect();
      if (top < box.top) this.list.scrollTop -= box.top - top;
      else if (bottom > box.bottom) this.list.scrollTop += Math.min(bottom - box.bottom, top - box.top);
    }
    this.explain({ encoding: this.#encoding, part: this.#encoding.parts[this.#at] });
  }

  #draw(most) {
    const { hex, parts, size } = this.#encoding;
    const shown = parts.slice(0, most);
    this.#options = shown.map(({ from, to, kind, says }, at) => {
      const bytes = hex.slice(2 * from, 2 * to).match(/../g);
      return h(
        "span",
        { id: `${this.id}-${at}`, role: "option", class: `wire-part wire-${kind}`, "aria-selected": "false", "aria-label": `${bytes.slice(0, 10).join(" ")}, ${kind}. ${says}`, "data-at": String(at) },
        bytes.join(" "),
      );
    });
    this.list.replaceChildren(...this.#options.flatMap((option) => [option, " "]));
    if (!shown.length) this.list.replaceChildren(h("span", { class: "quiet" }, "No bytes at all."));
    this.list.removeAttribute("aria-activedescendant");
    const left = size - (shown.at(-1)?.to ?? 0);
    this.more.hidden = left === 0;
    this.more.textContent = `Show the other ${count(left)} bytes`;
    if (most === Infinity) this.list.focus();
  }

  #key(event) {
    const move = MOVES[event.key];
    if (!move || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    this.choose(move(this.#at));
  }

  #point(event) {
    // What scrolls under a pointer that rests is not pointed at.
    const pointer = `${event.clientX} ${event.clientY}`;
    if (event.type === "pointerover" && pointer === this.#pointer) return;
    this.#pointer = pointer;
    const at = event.target.closest?.("[data-at]")?.dataset.at;
    if (at !== undefined) this.choose(Number(at), { quietly: true });
  }
}
