// One message as protobuf and as JSON, with every byte explained.
//
// This module is fetched when the reader opens the lab, with the crate of labs/wire as WebAssembly: prost, serde_json
// and miniz_oxide write the bytes. What is typed goes there and back, and nowhere else.

import { count, counted, h, styled } from "./elements.js";
import start, { encode } from "./wire.js";
import { EXAMPLES, FIRST } from "./wire-examples.js";
import { Bytes, sizesView } from "./wire-view.js";

const ITEM = { sku: "SKU-", quantity: "1", unit_price_cents: "999" };
const ABOUT = {
  order_id: "uint64, field 1",
  user_id: "uint64, field 2",
  currency: "string, field 3",
  total_cents: "uint64, field 4",
  created_at: "uint64, field 6: seconds since 1970",
  note: "string, field 7; left out when empty",
  id: "uint64, field 1",
  text: "string, field 2",
};
const LONG_TEXTS = ["note", "text"];

/** Builds the lab inside `place`. */
export async function mount(place) {
  styled(new URL("./wire-lab.css", import.meta.url).href);
  await start({ module_or_path: new URL("./wire.wasm", import.meta.url) });
  new Lab(place);
}

class Lab {
  /** What is in the form, as it is sent to be encoded. */
  #form = structuredClone(FIRST);
  // Whether the total is what the items cost.
  #follows = true;
  /** The boxes of the form, by path: `items[2].sku`. */
  #boxes = new Map();

  constructor(place) {
    this.fields = h("div", { class: "wire-form" });
    this.status = h("p", { class: "lab-status", role: "status" });
    this.notes = h("div", {});
    this.sizes = h("div", {});
    this.meaning = h("div", { class: "wire-meaning" });
    const explain = (part) => this.#explain(part);
    this.bytes = ["Protobuf", "JSON", "Protobuf, deflated", "JSON, deflated"].map((name) => new Bytes(name, explain));
    const [protobuf, json, ...deflated] = this.bytes;
    place.replaceChildren(
      h(
        "div",
        { class: "lab-body" },
        EXAMPLES.map(({ title, items }) =>
          h(
            "div",
            { class: "lab-examples", role: "group", "aria-label": title },
            h("span", { "aria-hidden": "true" }, title),
            items.map(([label, form]) => h("button", { type: "button", class: "button", onclick: () => this.#example(form) }, label)),
          ),
        ),
        this.fields,
        h("h3", {}, "Sizes"),
        this.status,
        this.sizes,
        this.notes,
        h("h3", {}, "Bytes"),
        h("p", { class: "quiet" }, "Point at a byte, or move with the arrow keys. What is the same field in the other encoding is marked too."),
        this.meaning,
        protobuf.element,
        json.element,
        h(
          "details",
          { class: "wire-deflated" },
          h("summary", {}, "The deflated bytes"),
          h("p", { class: "quiet" }, "Deflate writes bits. A byte says what begins in it, and may end in the middle of the next."),
          deflated.map(({ element }) => element),
        ),
      ),
    );
    this.#drawForm();
    this.#encode();
  }

  #example(form) {
    this.#form = structuredClone(form);
    this.#drawForm();
    this.#encode();
  }

  /** Encodes what is in the form and shows it; with a mistake the last bytes stay. */
  #encode() {
    const { mistake, encodings, notes } = JSON.parse(encode(JSON.stringify(this.#form)));
    for (const [path, box] of this.#boxes) {
      if (mistake?.path === path) box.setAttribute("aria-invalid", "true");
      else box.removeAttribute("aria-invalid");
    }
    if (mistake) {
      this.#say(`${mistake.says} Below is the last message that could be encoded.`, "bad");
      return;
    }
    this.encodings = encodings;
    const [protobuf, json, smallProtobuf, smallJson] = encodings.map(({ size }) => size);
    this.#say(
      `Protobuf ${counted(protobuf, "byte")}, JSON ${count(json)}: ${times(json, protobuf)}. Deflated ${count(smallProtobuf)} against ${count(smallJson)}: ${times(smallJson, smallProtobuf)}.`,
    );
    this.sizes.replaceChildren(sizesView(encodings));
    this.notes.replaceChildren(...notes.map((note) => h("p", { class: "quiet" }, note)));
    encodings.forEach((encoding, at) => this.bytes[at].show(encoding));
    this.bytes[0].choose(0, { quietly: true });
  }

  /** Says what a part is for, and marks its field in the other encoding. */
  #explain({ encoding, part }) {
    const [protobuf, json] = this.encodings;
    const { path, from, to, kind, says } = part;
    const place = to - from === 1 ? `Byte ${count(from)}` : `Bytes ${count(from)} to ${count(to - 1)}`;
    const bytes = encoding.hex.slice(2 * from, 2 * Math.min(to, from + 10)).match(/../g).join(" ");
    const spent = ({ parts }) => parts.filter((each) => each.path === path).reduce((sum, each) => sum + each.to - each.from, 0);
    const isBoth = path && (encoding === protobuf || encoding === json);
    const against = isBoth ? h("p", { class: "quiet" }, `${path} takes ${counted(spent(protobuf), "byte")} as protobuf and ${count(spent(json))} as JSON.`) : null;
    this.meaning.replaceChildren(
      h("p", { class: "wire-place" }, h("span", {}, `${encoding.name}. ${place}: `), h("code", {}, to - from > 10 ? `${bytes} …` : bytes), h("span", { class: `wire-kind wire-${kind}` }, kind)),
      h("p", {}, says),
      ...(against ? [against] : []),
    );
    for (const each of this.bytes) each.mark(isBoth ? path : null, part);
  }

  #drawForm() {
    this.#boxes.clear();
    const { message, items, ...fields } = this.#form;
    const field = (name) => [
      h("label", { for: `wire-${name}` }, h("code", {}, name)),
      this.#box(name, this.#form, name, { id: `wire-${name}`, "aria-describedby": `wire-${name}-about` }),
      h("small", { id: `wire-${name}-about` }, ABOUT[name]),
    ];
    const names = Object.keys(fields);
    const short = names.filter((name) => !LONG_TEXTS.includes(name));
    const long = names.filter((name) => LONG_TEXTS.includes(name));
    this.fields.replaceChildren(
      h("div", { class: "wire-fields" }, short.map((name) => h("div", {}, field(name)))),
      ...(message === "order" ? [this.#itemsView(items)] : []),
      ...long.map((name) => h("div", {}, field(name))),
    );
  }

  #itemsView(items) {
    const head = ["sku", "quantity", "unit_price_cents"].map((name) => h("th", { scope: "col" }, h("code", {}, name)));
    const rows = items.map((item, at) =>
      h(
        "tr",
        {},
        ["sku", "quantity", "unit_price_cents"].map((name) =>
          h("td", {}, this.#box(`items[${at}].${name}`, item, name, { "aria-label": `${name} of item ${at + 1}` })),
        ),
        h("td", {}, h("button", { type: "button", class: "button", "aria-label": `Remove item ${at + 1}`, onclick: () => this.#remove(at) }, "Remove")),
      ),
    );
    this.add = h("button", { type: "button", class: "button", onclick: () => this.#add() }, "Add an item");
    return h(
      "div",
      { class: "wire-items" },
      h("p", {}, h("code", {}, "items"), h("small", {}, `repeated Item, field 5: ${counted(items.length, "item")}`)),
      items.length
        ? h(
            "div",
            { class: "lab-scroll", role: "region", "aria-label": "Items", tabindex: "0" },
            h("table", {}, h("thead", {}, h("tr", {}, head, h("th", { scope: "col" }, h("span", { class: "visually-hidden" }, "Remove")))), h("tbody", {}, rows)),
          )
        : null,
      this.add,
    );
  }

  /** A box that writes into `target[name]`. */
  #box(path, target, name, attributes) {
    const isLong = LONG_TEXTS.includes(name);
    const isNumber = !isLong && !["sku", "currency"].includes(name);
    const box = h(isLong ? "textarea" : "input", {
      class: "field",
      autocomplete: "off",
      spellcheck: "false",
      ...(isLong ? { rows: name === "text" ? "5" : "2" } : { type: "text", inputmode: isNumber ? "numeric" : null }),
      ...attributes,
      oninput: () => this.#changed(() => (target[name] = box.value)),
    });
    box.value = target[name];
    this.#boxes.set(path, box);
    return box;
  }

  #add() {
    const { items } = this.#form;
    const sku = `${ITEM.sku}${String(items.length + 1).padStart(6, "0")}`;
    this.#changed(() => items.push({ ...ITEM, sku }));
    this.#drawForm();
    this.add.focus();
  }

  #remove(at) {
    const { items } = this.#form;
    this.#changed(() => items.splice(at, 1));
    this.#drawForm();
    // The button that had the focus is gone.
    const next = this.fields.querySelectorAll(".wire-items tbody button")[Math.min(at, items.length - 1)];
    (next ?? this.add).focus();
  }

  /** Does it and encodes again. A total that was right stays right. */
  #changed(act) {
    const before = this.#total();
    const typedInTotal = document.activeElement === this.#boxes.get("total_cents");
    // While an item is no number nobody can say, and what was known before holds.
    if (before !== null) this.#follows = before === this.#form.total_cents;
    if (typedInTotal) this.#follows = false;
    act();
    const total = this.#total();
    if (this.#follows && total !== null) {
      this.#form.total_cents = total;
      this.#boxes.get("total_cents").value = total;
    }
    this.#encode();
  }

  /** What the items cost, if that can be said. */
  #total() {
    const { items } = this.#form;
    if (!items?.every(({ quantity, unit_price_cents }) => /^\d+$/.test(quantity) && /^\d+$/.test(unit_price_cents))) return null;
    return String(items.reduce((sum, item) => sum + BigInt(item.quantity) * BigInt(item.unit_price_cents), 0n));
  }

  #say(text, tone = "") {
    this.status.textContent = text;
    this.status.className = `lab-status ${tone}`;
  }
}

/** How two sizes compare: `3.6 times as many`. */
function times(more, less) {
  if (!less) return "protobuf has nothing to say here";
  const ratio = more / less;
  if (ratio < 0.995) return `JSON has ${ratio.toFixed(2)} times as many`;
  return `${ratio < 1.1 ? ratio.toFixed(2) : ratio.toFixed(1)} times as many`;
}
