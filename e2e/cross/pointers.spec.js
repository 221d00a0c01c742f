// Mouse, pen and finger do the same.
import { expect, test } from "./test.js";
import { Stage } from "../drivers/page.js";
import { faultsOf, questions } from "../support/runner.js";

const SLUG = "rate-limiter-design";
const [FAULT] = faultsOf(questions.find(({ slug }) => slug === SLUG));
const PHONE = [390, 844];

for (const type of ["mouse", "pen", "touch"]) {
  test.describe(type, () => {
    test("scrubs the timeline, moves what was done, and sets a knob", async ({ page }) => {
      const stage = await Stage.open(page, `q/${SLUG}/?autoplay=0`);
      const at = async () => (await stage.seconds()) / Number(await stage.timeline.attribute("aria-valuemax"));
      await stage.timeline.drag([0.1, 0.1], [0.6, 0.1], { with: type });
      await expect.poll(at, "the clock follows").toBeCloseTo(0.6, 1);

      await stage.seek(0.3, { with: type });
      await stage.fault(FAULT.label).click({ with: type });
      await stage.stand();
      const mark = page.spot({ css: ".stage-timeline [data-hit]" });
      const before = await stage.digest();
      await page.drag(await mark.point(), await stage.timeline.point(0.2, 0.5), { with: type });
      await stage.stand();
      await expect.poll(() => stage.digest(), "what was done was done earlier").not.toBe(before);

      const slider = stage.knob("Limit N");
      const value = await slider.value();
      await slider.click({ x: 0.9, with: type });
      await expect.poll(async () => Number(await slider.value())).toBeGreaterThan(Number(value));
    });

    test("carries a module into another service", async ({ page }) => {
      const stage = await Stage.open(page, "q/monolith-vs-microservices/?autoplay=0");
      const tile = page.spot({ css: "[data-hit^=carry]" });
      const from = await tile.point();
      const to = await page.run(({ x, y }) => {
        const boxes = [...document.querySelectorAll("[data-hit^=onto]")].map((box) => box.getBoundingClientRect());
        const other = boxes.find((box) => x < box.left || x > box.right || y < box.top || y > box.bottom);
        return { x: other.left + other.width / 2, y: other.top + other.height / 2 };
      }, from);
      const before = await stage.digest();
      await page.drag(from, to, { with: type, moves: 8 });
      await stage.stand();
      await expect.poll(() => stage.digest(), "another cut").not.toBe(before);
    });

    test("opens and closes what is folded, the tabs and the dialogs", async ({ page }) => {
      const stage = await Stage.open(page, `q/${SLUG}/?autoplay=0`);
      await stage.share.click({ with: type });
      const dialog = await page.spot({ role: "dialog", name: "Share" }).appears();
      await dialog.spot({ role: "button", name: "Close" }).click({ with: type });
      await dialog.disappears();
      const log = page.spot({ role: "tab", name: "Log" });
      await log.click({ with: type });
      await expect.poll(() => log.attribute("aria-selected")).toBe("true");
      const fold = page.spot({ css: ".knobs details" });
      await page.spot({ css: ".knobs details > summary" }).click({ with: type });
      await expect.poll(() => fold.read((details) => details.open)).toBe(true);
    });
  });
}

test("a finger on the picture scrolls the page, and two may zoom it", async ({ tabs, engine }) => {
  const page = await tabs.open(PHONE);
  const stage = await Stage.open(page, `q/${SLUG}/?autoplay=0`);
  const allowed = await page.run(() => {
    const without = (pattern) =>
      [...document.querySelectorAll("body *")]
        .filter((element) => !pattern.test(getComputedStyle(element).touchAction))
        .map((element) => element.outerHTML.slice(0, 100));
    return {
      viewport: document.querySelector("meta[name=viewport]").content,
      holdsScroll: without(/auto|manipulation|pan-y/),
      holdsZoom: without(/auto|manipulation|pinch-zoom/),
    };
  });
  expect(allowed.viewport).not.toMatch(/user-scalable|maximum-scale/);
  expect(allowed.holdsScroll).toEqual([]);
  expect(allowed.holdsZoom).toEqual([]);
  if (engine.name === "chromium") {
    // Here a finger's way through the driver is the one through the screen; in the others it ends at the page.
    const { x, y } = await stage.picture().point();
    await page.drag({ x, y }, { x, y: y - 200 }, { with: "touch", moves: 10 });
    await expect.poll(() => page.run(() => scrollY)).toBeGreaterThan(50);
  }
});

test("what a mouse finds by hovering, fingers and keys find too", async ({ page, engine }) => {
  const stage = await Stage.open(page, `q/${SLUG}/?autoplay=0`);
  const hint = page.spot({ css: ".hint" });
  await stage.timeline.focus();
  await page.press("Shift+Tab");
  await hint.appears();
  const first = await hint.text();
  await page.press("Escape");
  await hint.disappears();
  if (engine.name === "webkit") {
    return;
  }
  // A number's card does nothing when it is tapped; a fault does, so it says what when the press is long.
  const card = await page.spot({ css: ".num[title]" }).appears();
  await card.click({ with: "touch" });
  await expect.poll(() => hint.text()).toBe(await card.attribute("title"));
  expect(await hint.text()).not.toBe(first);
  const fault = stage.fault(FAULT.label);
  const before = await stage.digest();
  await page.hold(await fault.point(), 700, { with: "touch" });
  await expect.poll(() => hint.text()).toBe(await fault.attribute("title"));
  expect(await stage.digest(), "it says what it would do, and does not").toBe(before);
  await fault.click({ with: "touch" });
  await hint.disappears();
  await stage.stand();
});
