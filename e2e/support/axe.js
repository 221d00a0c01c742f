// What axe has to say of a page: all of WCAG 2.2, A and AA, and what its authors hold to be good practice.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { expect } from "./test.js";
import { frames } from "./frames.js";
import { resize } from "./resize.js";

// Put into the page once and called there: the wrapper for Playwright opens another page for each look and carries
// every element that has passed back and forth, which took most of its time.
const source = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];

/** What axe finds, one line each: on the whole page or `within` a selector, by all rules or by some. */
export async function findings(page, { within, rules } = {}) {
  if (!(await page.evaluate(() => "axe" in window))) {
    await page.evaluate(source);
  }
  return page.evaluate(
    async ({ within, runOnly }) => {
      const { violations } = await window.axe.run(within ?? document, { runOnly, resultTypes: ["violations"] });
      return violations.flatMap(({ id, nodes }) =>
        nodes.map((node) => `${id}: ${node.target.join(" ")}: ${node.failureSummary.replace(/\s+/g, " ")}`),
      );
    },
    { within, runOnly: rules ?? TAGS },
  );
}

/**
 * Holds what stands on the page against axe, without another load: all rules in light; in the dark and with forced
 * colours what has to do with colours; on a phone what has to do with sizes, and that nothing sticks out. Leaves the
 * page light and as wide as it was.
 */
export async function expectNothingFound(page, { within, what = "" } = {}) {
  const said = (which) => `axe, ${what} ${which}`;
  const colours = { within, rules: ["color-contrast", "link-in-text-block"] };
  const look = async (media) => {
    const wanted = { forcedColors: "none", ...media };
    await page.emulateMedia(wanted);
    // The browser answers before the page knows; two frames after that all of it has its new colours.
    await page.waitForFunction(({ colorScheme, forcedColors }) => {
      const on = [matchMedia(`(prefers-color-scheme: ${colorScheme})`), matchMedia(`(forced-colors: ${forcedColors})`)];
      window.wantedMedia = { on, lost: false };
      const mine = window.wantedMedia;
      for (const query of on) query.onchange = () => (mine.lost = true);
      return on.every((query) => query.matches);
    }, wanted);
    await frames(page);
  };
  /** What axe finds in these colours. A busy browser may let go of them while axe looks, half of it then in others. */
  const found = async (media, options) => {
    for (let time = 1; ; time += 1) {
      await look(media);
      const found = await findings(page, options);
      if (time === 3 || !(await page.evaluate(() => window.wantedMedia.lost))) {
        return found;
      }
    }
  };
  expect(await found({ colorScheme: "light" }, { within }), said("light")).toEqual([]);
  expect(await found({ colorScheme: "dark" }, colours), said("dark")).toEqual([]);
  expect(await found({ colorScheme: "light", forcedColors: "active" }, colours), said("forced colours")).toEqual([]);
  await look({ colorScheme: "light" });
  const wide = page.viewportSize();
  for (const width of [390, 320]) {
    await resize(page, { width, height: 844 });
    await expectToFit(page, width);
  }
  expect(await findings(page, { within, rules: ["target-size"] }), said("at 320 px")).toEqual([]);
  await resize(page, wide);
}

/** Nothing of the page is wider than the window; tables, code and pictures may scroll within themselves. */
export async function expectToFit(page, width) {
  // Two frames: the drawings follow the width of the window in the second.
  await frames(page);
  const widest = await page.evaluate((width) => {
    const wide = [...document.querySelectorAll("body *")].find(
      (element) =>
        element.getBoundingClientRect().right > width + 1 &&
        getComputedStyle(element).position !== "fixed" &&
        !element.closest("pre, table, svg, [data-scrolls], .break-row, .tabs, .visually-hidden"),
    );
    return { width: document.documentElement.scrollWidth, wide: wide?.outerHTML.slice(0, 200) };
  }, width);
  expect(widest.width, `at ${width} px: ${widest.wide}`).toBeLessThanOrEqual(width);
}
