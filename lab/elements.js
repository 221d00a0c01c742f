// What the labs share: elements, and numbers in words.

const SVG = "http://www.w3.org/2000/svg";

/** An element; `on...` are listeners, `true` is an attribute without a value, what is `null` or `false` is left out. */
export function h(tag, attributes = {}, ...children) {
  const element = ["svg", "rect"].includes(tag) ? document.createElementNS(SVG, tag) : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value !== null && value !== false) element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== false));
  return element;
}

export const count = (number) => number.toLocaleString("en");
export const counted = (number, one, many = `${one}s`) => `${count(number)} ${number === 1 ? one : many}`;

/** A box that scrolls sideways, which the keyboard must reach. */
export const scrolls = (label, ...children) =>
  h("div", { class: "lab-scroll", role: "region", "aria-label": label, tabindex: "0", "data-scrolls": true }, ...children);

/** Fetches the style of a lab, and what the labs share of it. */
export function styled(...addresses) {
  for (const href of [new URL("./lab.css", import.meta.url).href, ...addresses]) {
    if (!document.querySelector(`link[href="${href}"]`)) document.head.append(h("link", { rel: "stylesheet", href }));
  }
}

/** How much of the most. */
export function bar(size, most) {
  return h(
    "svg",
    { class: "lab-bar", viewBox: "0 0 100 3", preserveAspectRatio: "none", "aria-hidden": "true" },
    h("rect", { width: ((100 * size) / most).toFixed(2), height: "3" }),
  );
}

export function select(id, options, onchange = null) {
  const element = h("select", { id, class: "field" }, Object.entries(options).map(([value, label]) => h("option", { value }, label)));
  if (onchange) element.addEventListener("change", onchange);
  return element;
}

export function input(id, attributes) {
  return h("input", { id, class: "field", type: "text", autocomplete: "off", spellcheck: "false", ...attributes });
}

export function checkbox(id, checked, onchange = null) {
  const element = h("input", { id, type: "checkbox" });
  element.checked = checked;
  if (onchange) element.addEventListener("change", onchange);
  return element;
}

export function labelled(text, box, more = null) {
  return h("div", {}, h("label", { for: box.id }, text), box, more);
}
