// What a mouse finds by hovering, fingers and keys find here: the words of `title`, and of the `<title>` in a drawing.
// Loaded with the reader's first press or key.
//
// A tap shows the hint of what does nothing else when it is tapped; a long press that of anything, and then does not
// press it; the focus of the keyboard that of a control. Escape, the next press and scrolling close it.

const LONG_PRESS_MS = 500;
const ACTS = "a[href], button, input, select, textarea, summary, label, [role=slider], [data-hit]";

let bubble;
let focused;
let pressed;
let swallow = false;

/** The words for an element: its own, those around it, or all of the knob that it sets. */
function wordsOf(element, isFocus) {
  const knob = isFocus && element.closest(".knob");
  if (knob) {
    return [...knob.querySelectorAll("[title]")].map(({ title }) => title).filter(Boolean).join(" ");
  }
  for (let at = element; at instanceof Element; at = at.parentElement) {
    const inside = at instanceof SVGElement && at.querySelector(":scope > title");
    const words = (inside && inside.textContent) || at.getAttribute("title");
    if (words) {
      return words;
    }
    if (at.matches(ACTS) && at !== element) {
      return "";
    }
  }
  return "";
}

function close() {
  bubble?.remove();
  bubble = undefined;
  focused = undefined;
}

function show(words, box) {
  close();
  bubble = document.createElement("div");
  bubble.className = "hint";
  bubble.textContent = words;
  // It says to the eye what the title already says to a screen reader.
  bubble.setAttribute("aria-hidden", "true");
  bubble.style.cssText = `position:fixed;z-index:99;left:0;top:0;max-width:min(300px,calc(100vw - 16px));padding:6px 10px;
    border:1px solid var(--edge);border-radius:6px;background:var(--paper);color:var(--ink);font:13px/1.4 var(--sans);
    pointer-events:none`;
  // A dialog, or what fills the screen, lies over everything that is not in it.
  const open = [...document.querySelectorAll("dialog[open]")].pop();
  (open ?? document.fullscreenElement ?? document.body).append(bubble);
  const { width, height } = bubble.getBoundingClientRect();
  const left = Math.max(8, Math.min(box.left + box.width / 2 - width / 2, innerWidth - width - 8));
  const above = box.top - height - 8;
  bubble.style.left = `${left}px`;
  bubble.style.top = `${above >= 8 ? above : Math.min(box.bottom + 8, innerHeight - height - 8)}px`;
}

function letGo() {
  clearTimeout(pressed?.timer);
  pressed = undefined;
}

function pointerdown({ target, pointerType, isPrimary, clientX, clientY }) {
  close();
  letGo();
  swallow = false;
  if (pointerType === "mouse" || !isPrimary || !(target instanceof Element)) {
    return;
  }
  const timer = setTimeout(() => {
    swallow = say();
  }, LONG_PRESS_MS);
  pressed = { target, timer, clientX, clientY };
}

/** Shows the hint of what is pressed; says whether there is one. Some come with the press itself, so it is asked late. */
function say() {
  const words = wordsOf(pressed.target, false);
  if (words) {
    show(words, pressed.target.getBoundingClientRect());
  }
  return words !== "";
}

function focusin({ target }) {
  if (target instanceof Element && target.matches(":focus-visible")) {
    const words = wordsOf(target, true);
    if (words) {
      show(words, target.getBoundingClientRect());
      focused = target;
    }
  }
}

/** The event that this module was loaded for. By now the focus may have gone on. */
export function begin(event) {
  if (event.type === "focusin") {
    focusin({ target: document.activeElement });
  } else {
    pointerdown(event);
  }
}

addEventListener("pointerdown", pointerdown, true);
addEventListener("focusin", focusin);
// A tap takes the focus from where it was, and its hint stays.
addEventListener("focusout", ({ target }) => target === focused && close());
addEventListener("pointermove", ({ clientX, clientY }) => {
  if (pressed && Math.hypot(clientX - pressed.clientX, clientY - pressed.clientY) > 10) {
    letGo();
  }
}, true);
addEventListener("pointercancel", letGo, true);
addEventListener("pointerup", () => {
  if (pressed && !swallow && !pressed.target.closest(ACTS)) {
    say();
  }
  letGo();
}, true);
addEventListener("click", (event) => {
  if (swallow) {
    swallow = false;
    event.preventDefault();
    event.stopImmediatePropagation();
  }
}, true);
addEventListener("keydown", ({ key }) => key === "Escape" && close());
addEventListener("scroll", close, true);
