// What hands do, as the W3C's WebDriver says it; WebDriver BiDi says it in the same words.

// https://www.w3.org/TR/webdriver2/#keyboard-actions
export const KEYS = {
  ArrowDown: "\uE015",
  ArrowLeft: "\uE012",
  ArrowRight: "\uE014",
  ArrowUp: "\uE013",
  Control: "\uE009",
  End: "\uE010",
  Enter: "\uE007",
  Escape: "\uE00C",
  Home: "\uE011",
  PageDown: "\uE00F",
  PageUp: "\uE00E",
  Shift: "\uE008",
  Tab: "\uE004",
};

const value = (key) => KEYS[key] ?? key;

/** A key, or several held together: ["Enter"], ["Control", "v"]. */
export function keys(together) {
  const all = together.map(value);
  const actions = [
    ...all.map((key) => ({ type: "keyDown", value: key })),
    ...all.toReversed().map((key) => ({ type: "keyUp", value: key })),
  ];
  return [{ type: "key", id: "keyboard", actions }];
}

/** A pointer put down at the first of these points, moved over the others, and held there; `type` is mouse, touch or pen. */
export function pointer(type, [first, ...others], { hold = 0 } = {}) {
  const move = ({ x, y }) => ({ type: "pointerMove", x: Math.round(x), y: Math.round(y), duration: 0, origin: "viewport" });
  const actions = [
    move(first),
    { type: "pointerDown", button: 0 },
    ...others.flatMap((point) => [{ type: "pause", duration: 10 }, move(point)]),
    ...(hold > 0 ? [{ type: "pause", duration: hold }] : []),
    { type: "pointerUp", button: 0 },
  ];
  return [{ type: "pointer", id: type, parameters: { pointerType: type }, actions }];
}
