// What a monkey can do. Each takes three numbers in [0, 1) and does something a reader's hands could do; what is not
// there to be done is not done.
import { mounted } from "../support/mounted.js";

const STAGE = ".stage, .tries, dialog[open]";
const CONTROLS = ":is(button, select, input, summary, [role=tab], [role=slider])";
const KEYS = [
  ..."kjl[]<>0ns12345?", " ", "Enter", "Escape", "Tab", "Shift+Tab", "Home", "End", "PageUp", "PageDown",
  "ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown", "/",
];
const SIZES = [[1440, 900], [390, 844], [320, 640], [768, 1024], [844, 390], [1920, 1080]];
/** What somebody, or something, may type. */
const TEXTS = [
  "7", "-1", "1e308", "18446744073709551616", "NaN", "", "timeout", "<img src=x onerror=alert(1)>", "a".repeat(3000), "\u202eabc\u0000",
  "select * from orders", "SELECT", "{ products { name } }", "\u{1f9ea}\u0301",
];
const PAUSES_MS = [20, 60, 150, 400];

const pick = (list, die) => list[Math.floor(die * list.length)];

/** A point of what is on screen, or nothing: `where` is a selector, or the window if it is empty. */
const point = (page, where, dice) =>
  page.evaluate(
    ([where, [which, x, y]]) => {
      const seen = [...document.querySelectorAll(where)].filter((element) => element.checkVisibility());
      const box = (where ? seen[Math.floor(which * seen.length)] : document.documentElement)?.getBoundingClientRect();
      if (!box) return null;
      const inside = (v, most) => Math.min(Math.max(v, 0), most - 1);
      return { x: inside(box.x + x * box.width, innerWidth), y: inside(box.y + y * box.height, innerHeight) };
    },
    [where, dice],
  );

/** Presses a control, in view or not: the element's own click, as assistive technology does it. */
const press = (within) => ({ page }, [which]) =>
  page.evaluate(
    ([within, controls, which]) => {
      const all = [...document.querySelectorAll(within)].flatMap((place) => [...place.querySelectorAll(controls)]);
      const seen = all.filter((control) => control.checkVisibility() && !control.disabled);
      const control = seen[Math.floor(which * seen.length)];
      control?.focus();
      control?.click();
    },
    [within, CONTROLS, which],
  );

async function click(monkey, dice) {
  const at = await point(monkey.page, ".stage", dice);
  if (at) await monkey.page.mouse.click(at.x, at.y);
}

async function tap(monkey, dice) {
  const at = await point(monkey.page, STAGE, dice);
  if (at) await monkey.page.touchscreen.tap(at.x, at.y);
}

async function drag(monkey, [which, x, y]) {
  const { page } = monkey;
  const where = pick([".stage-picture", "[role=slider]", ".stage", "input[type=range]"], which);
  const [from, to] = [await point(page, where, [y, x, y]), await point(page, where, [y, 1 - x, which])];
  if (!from || !to) return;
  await page.mouse.move(from.x, from.y);
  await page.mouse.down();
  await page.mouse.move(to.x, to.y, { steps: 4 });
  await page.mouse.up();
}

/** Moves a slider or picks of a list, as the browser's own control would tell it. */
const knob = ({ page }, [which, value]) =>
  page.evaluate(
    ([which, value]) => {
      const all = [...document.querySelectorAll(".stage input[type=range], .stage select, .stage input[type=checkbox]")];
      const control = all.filter((c) => c.checkVisibility())[Math.floor(which * all.length)];
      if (!control) return;
      if (control.type === "checkbox") return control.click();
      if (control.type === "range") control.value = Number(control.min) + value * (Number(control.max) - Number(control.min));
      else control.selectedIndex = Math.floor(value * control.options.length);
      for (const name of ["input", "change"]) control.dispatchEvent(new Event(name, { bubbles: true }));
    },
    [which, value],
  );

const type = ({ page }, [which, what, end]) =>
  page.evaluate(
    ([which, text, end]) => {
      const fields = ":is(.stage, dialog[open], main) :is(input:not([type]), input[type=text], input[type=search], textarea)";
      const all = [...document.querySelectorAll(fields)].filter((f) => f.checkVisibility() && !f.readOnly && !f.disabled);
      const field = all[Math.floor(which * all.length)];
      if (!field) return;
      field.focus();
      field.value = text;
      for (const name of ["input", "change"]) field.dispatchEvent(new Event(name, { bubbles: true }));
      if (end < 0.5) field.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", bubbles: true, cancelable: true }));
    },
    [which, pick(TEXTS, what), end],
  );

const fault = ({ page, question }, [which, how]) => {
  const faults = question.acts.filter((act) => act.fault);
  return how < 0.5 ? page.keyboard.press(pick(faults, which).hotkey) : press(".break-row")({ page }, [which]);
};

/** Loads a page and waits until its app stands, or until it is clear that it is another kind of page. */
const loaded = ({ page }, load) =>
  load.then(() => mounted(page));

/** The app's own link to a moment seen before: over the address of the page that stands, or as a page of its own. */
async function link(monkey, [which, how]) {
  const { page, links, address } = monkey;
  const code = pick(links, which);
  if (!code) return;
  if (how < 0.6) await page.evaluate((code) => (location.hash = code), code);
  else await loaded(monkey, page.goto("about:blank").then(() => page.goto(address + code)));
}

async function travel(monkey, [which]) {
  const { page } = monkey;
  if (which < 0.3) await page.goBack();
  else if (which < 0.6) await page.goForward();
  else if (which < 0.8) await page.reload();
  else await page.goto("./").then(() => page.goBack());
  // The first page of a tab is an empty one.
  if (page.url() !== "about:blank") await loaded(monkey, page.waitForLoadState());
}

const media = ({ page }, [which, how]) =>
  page.emulateMedia({
    colorScheme: pick(["light", "dark", "no-preference"], which),
    reducedMotion: how < 0.25 ? "reduce" : "no-preference",
    forcedColors: how > 0.85 ? "active" : "none",
  });

const key = ({ page }, [which]) => page.keyboard.press(pick(KEYS, which));
const wheel = ({ page }, [x, y]) => page.mouse.wheel(100 * (x - 0.5), 2000 * (y - 0.5));
const wait = ({ page }, [how]) => page.waitForTimeout(pick(PAUSES_MS, how));
const tab = ({ page }, [which]) => page.evaluate((show) => globalThis.monkeyShowTab?.(show), which < 0.6);
const resize = ({ page }, [which]) => {
  const [width, height] = pick(SIZES, which);
  return page.setViewportSize({ width, height });
};
const seek = async ({ page }, [x]) => {
  const at = await point(page, ".stage [role=slider]", [0, x, 0.1]);
  if (at) await page.mouse.click(at.x, at.y);
};

/** How often each, as weights: what is done most often is what a reader does most often. */
const WEIGHTS = [
  [8, "click", click], [4, "tap", tap], [5, "drag", drag], [10, "press", press(STAGE)], [2, "press anywhere", press("main")],
  [10, "key", key], [8, "fault", fault], [10, "knob", knob], [8, "seek", seek], [3, "type", type], [9, "wait", wait],
  [2, "wheel", wheel], [2, "resize", resize], [2, "media", media], [2, "tab", tab], [2, "link", link], [1, "travel", travel],
];

export const actions = WEIGHTS.flatMap(([weight, name, act]) => Array.from({ length: weight }, () => ({ name, act })));
