// Without a mouse, without sight, without colour: what every question must give all the same.
import { expect, test } from "../support/test.js";
import { expectNothingFound, expectToFit, findings } from "../support/axe.js";
import { focused, tabbables } from "../support/focus.js";
import { faultsOf, questions, sim } from "../support/runner.js";
import { mounted } from "../support/mounted.js";
import { Stage } from "../pages/stage.js";
import { resize } from "../support/resize.js";

const [first] = questions;
const NOWHERE = "the focus is somewhere";

/** A fold of the panel "In words", opened with the keyboard. */
async function unfold(stage, title) {
  const fold = stage.region.getByRole("tabpanel").locator("details", { hasText: title });
  await fold.locator("summary").focus();
  await stage.page.keyboard.press("Enter");
  await expect(fold).toHaveAttribute("open", "");
  // What is in it is made when it has been unfolded, which the page hears a little later.
  await expect(fold.locator(":scope > summary + *")).toBeVisible();
  return fold;
}

/** Puts the focus on a control and presses it. */
async function press(control, key = "Enter") {
  await control.focus();
  await control.press(key);
}

/** The cells of a part of the page as the accessibility tree has them. */
async function accessible(page, selector, role) {
  const devtools = await page.context().newCDPSession(page);
  const { root } = await devtools.send("DOM.getDocument");
  const { nodeId } = await devtools.send("DOM.querySelector", { nodeId: root.nodeId, selector });
  const { nodes } = await devtools.send("Accessibility.queryAXTree", { nodeId, role });
  await devtools.detach();
  return nodes.filter((node) => !node.ignored).map((node) => node.name.value);
}

for (const question of questions) {
  const { slug } = question;

  test.describe(slug, () => {
    test("every control is reached by keyboard, in order, seen and not hidden", async ({ page }) => {
      const stage = await Stage.still(page, slug);
      await page.keyboard.press("Tab");
      await expect(page.getByRole("link", { name: "Skip to the simulation" })).toBeFocused();
      await page.keyboard.press("Enter");
      await expect(stage.region).toBeFocused();
      // What comes when somebody turns to the stage is there before the controls are counted.
      await page.keyboard.press("Tab");
      await expect(stage.knobs.locator("label").first()).toHaveAttribute("title", /./);
      await page.keyboard.press("Shift+Tab");
      const all = await tabbables(page, ".stage");
      expect(new Set(all).size, "each has a name of its own").toBe(all.length);
      const reached = [];
      for (let presses = 0; presses < all.length + 10; presses += 1) {
        await page.keyboard.press("Tab");
        const at = await focused(page);
        if (!at.inside) {
          break;
        }
        // What scrolls can be reached too.
        if (at.stop === undefined && at.scrolls) {
          continue;
        }
        reached.push(at.stop ?? at.what);
        expect(at.ring, `a ring round ${at.what}`).toBe(true);
        expect(at.contrast, `the contrast of the ring round ${at.what}`).toBeGreaterThanOrEqual(3);
        expect(at.seen, `nothing hides ${at.what}`).toBeGreaterThan(0);
      }
      expect(reached, "all, in the order of the page, and out again").toEqual(all);
    });

    test("works by keyboard alone, and the focus is never lost", async ({ page }) => {
      test.setTimeout(120_000);
      const stage = await Stage.still(page, slug);
      const stays = async (control) => {
        await stage.frames();
        await expect(control, NOWHERE).toBeFocused();
      };
      await stage.timeline.focus();
      await page.keyboard.press("PageUp");
      await page.keyboard.press("ArrowRight");
      expect(await stage.seconds()).toBeGreaterThan(0);
      await page.keyboard.press("Home");
      expect(await stage.seconds()).toBe(0);
      const before = await stage.digest();
      await page.keyboard.press("]");
      await expect.poll(() => stage.digest()).not.toBe(before);
      await page.keyboard.press("[");
      await stays(stage.timeline);

      await press(stage.play);
      await expect.poll(() => stage.seconds()).toBeGreaterThan(0);
      await page.keyboard.press("Enter");
      await expect(stage.play).toBeFocused();
      for (let times = 0; times < 2; times += 1) {
        await press(stage.sides);
        await stays(stage.sides);
      }
      await page.keyboard.press("?");
      await expect(page.getByRole("dialog", { name: "Keys" })).toBeVisible();
      await page.keyboard.press("Escape");
      await stays(stage.sides);

      // Each act by its form, also those that are otherwise done in the picture.
      const given = (await stage.inputs()).length;
      await page.keyboard.press("4");
      const form = await unfold(stage, "Do something, with its settings");
      const act = form.getByRole("combobox", { name: "Act" });
      const go = form.getByRole("button", { name: "Do it" });
      for (const { label } of question.acts) {
        await act.selectOption({ label });
        await press(go);
        await stays(go);
      }
      const numeric = question.acts.find(({ args }) => args.some(({ max }) => max !== undefined));
      if (numeric) {
        const arg = numeric.args.find(({ max }) => max !== undefined);
        await act.selectOption({ label: numeric.label });
        await form.getByLabel(arg.label, { exact: true }).fill(String(arg.max * 10 + 1));
        await press(go);
        await expect(form.getByRole("alert")).toContainText(arg.label);
      }
      const done = question.acts.length;
      expect((await stage.inputs()).length, "the log tells of each").toBe(given + done);

      // What is dragged along the timeline with a mouse.
      await page.keyboard.press("4");
      const list = await unfold(stage, "What you did");
      const lines = list.getByRole("listitem");
      const count = await lines.count();
      const moved = await lines.last().innerText();
      await press(lines.last().getByRole("button", { name: "Later" }));
      await stage.frames();
      await expect.poll(async () => (await focused(page)).nowhere, NOWHERE).toBe(false);
      expect(await lines.last().innerText()).not.toBe(moved);
      await press(lines.last().getByRole("button", { name: "Take back" }));
      await expect(lines).toHaveCount(count - 1);
      await stage.frames();
      await expect.poll(async () => (await focused(page)).nowhere, NOWHERE).toBe(false);

      const fault = stage.fault(faultsOf(question)[0].label);
      await press(fault);
      await stays(fault);
      await page.keyboard.press("k");
      await expect(stage.play).toBeVisible();
    });

    test("what the picture shows can be read, with the numbers of this run", async ({ page }) => {
      const stage = await Stage.still(page, slug);
      await stage.seek(0.2);
      await stage.fault(faultsOf(question)[0].label).click();
      await stage.seek(0.4);
      const two = (await stage.digest()).length > 16;
      const link = await stage.link();
      const fragment = link.slice(link.indexOf("#"));

      const values = await accessible(page, ".nums", "definition");
      const shown = question.numbers.filter(({ main }) => main).length;
      expect(values.length, "each large number, on each side").toBeGreaterThanOrEqual(shown);

      await stage.region.getByRole("tab", { name: "In words" }).click();
      await expect(stage.region.getByRole("table", { name: /Side A|What the picture shows/ })).toBeVisible();
      const [heads, cells] = [await accessible(page, "#stage-panel", "rowheader"), await accessible(page, "#stage-panel", "cell")];
      const told = heads.map((what, i) => [what, cells[i]]);
      const sides = two ? ["a", "b"] : ["a"];
      const words = sides.flatMap((side) => sim("run", slug, "--link", fragment, "--side", side, "--json").words);
      // White space is not read.
      const read = (rows) => rows.map((row) => row.map((text) => text.replace(/\s+/g, " ").trim()));
      expect(read(told), "as the runner tells the same moment").toEqual(read(words));

      const charts = await unfold(stage, "Charts as tables");
      for (const plot of new Set(question.numbers.map((n) => n.plot).filter(Boolean))) {
        const table = charts.getByRole("table", { name: plot, exact: true });
        await expect(table.getByRole("columnheader")).toHaveCount(
          1 + question.numbers.filter((n) => n.plot === plot).length * sides.length,
        );
        expect(await table.getByRole("row").count(), "some moments").toBeGreaterThan(1);
        expect((await table.getByRole("cell").allInnerTexts()).every((text) => text !== ""), "each with a value").toBe(true);
      }
    });
  });
}

const words = (stage) => stage.region.getByRole("tabpanel").getByRole("table").first();
/** What was read out last. */
const said = (stage) => stage.region.locator("p[role=status]").first();

test("the words are held still while they are read, and read out now or at a steady pace", async ({ page }) => {
  const stage = await Stage.still(page, first.slug);
  await stage.seek(0.2);
  await page.keyboard.press("4");
  const panel = stage.region.getByRole("tabpanel");
  // The words are fetched when somebody first turns to the stage.
  await expect(words(stage)).toBeVisible();
  const rows = await words(stage).getByRole("row").allInnerTexts();
  await press(panel.getByRole("button", { name: "Read out now" }));
  for (const row of rows) {
    const [what, how] = row.split("\t");
    await expect(said(stage)).toContainText(`${what}: ${how}.`);
  }
  const hold = panel.getByRole("checkbox", { name: "Hold this text" });
  await press(hold, "Space");
  await stage.seek(0.6);
  expect(await words(stage).getByRole("row").allInnerTexts(), "held").toEqual(rows);
  await press(hold, "Space");
  await expect.poll(() => words(stage).getByRole("row").allInnerTexts(), "let go").not.toEqual(rows);

  // Not a flood: what has changed, cut short, no sooner than the pace says.
  await stage.timeline.press("Home");
  await panel.getByRole("combobox", { name: "Read out" }).selectOption("every 5 s");
  const times = page.evaluate(
    () =>
      new Promise((done) => {
        const at = [];
        new MutationObserver(() => {
          at.push(performance.now());
          if (at.length === 3) done(at);
        }).observe(document.querySelector(".stage p[role=status]"), { characterData: true, childList: true, subtree: true });
      }),
  );
  await stage.play.click();
  const [one, two, three] = await times;
  expect(Math.min(two - one, three - two), "milliseconds between two sentences").toBeGreaterThan(4_900);
  expect((await said(stage).innerText()).split(/(?<=\.) /).length, "sentences at once").toBeLessThanOrEqual(12);
});

test("letters that are typed are no commands", async ({ page }) => {
  const stage = await Stage.still(page, first.slug);
  await stage.seek(0.3);
  const digest = await stage.digest();
  await page.keyboard.press("3");
  const request = stage.region.getByRole("textbox", { name: "Request number" });
  await request.focus();
  await page.keyboard.type(`0nsk[]<>?${faultsOf(first).map(({ hotkey }) => hotkey).join("")}`);
  expect(await stage.digest()).toBe(digest);
  await expect(stage.play, "still standing").toBeVisible();
  await expect(page.getByRole("dialog")).toBeHidden();
  await request.fill("0");
  await press(stage.region.getByRole("button", { name: "Show", exact: true }));
  await expect(stage.region.getByRole("tabpanel")).toContainText("Request 0");
});

/** What stands in a panel once all of it has been fetched. */
const CONTENT = { Log: ".log", Request: ".log-head", "In words": "table", Code: ".source" };

test("nothing for axe to find in what is open, pressed, wrong or done", async ({ page }) => {
  test.setTimeout(120_000);
  const stage = await Stage.open(page, "observability", { query: "?autoplay=0&no-such-knob=1" });
  await stage.sides.click();
  await stage.seek(0.2);
  await stage.showAllKnobs();
  await expectNothingFound(page, { within: ".stage", what: "two sides and a note," });
  await stage.notes.getByRole("button", { name: "Close" }).click();
  await stage.frames();
  expect((await focused(page)).nowhere, NOWHERE).toBe(false);
  for (const name of ["Log", "Request", "In words", "Code"]) {
    await stage.region.getByRole("tab", { name }).click();
    await expect(stage.region.getByRole("tabpanel").locator(CONTENT[name]).filter({ visible: true }).first()).toBeVisible();
    if (name === "In words") {
      for (const title of ["Charts as tables", "Do something, with its settings", "What you did"]) {
        await unfold(stage, title);
      }
    }
    expect(await findings(page, { within: ".panels" }), name).toEqual([]);
  }
  await page.locator(".guess button").first().click();
  await expect(page.locator(".try.on")).toBeVisible();
  await stage.timeline.press("End");
  await expect(page.locator(".try.done .outcome")).toContainText(/your run/i);
  await expectNothingFound(page, { within: ".tries", what: "an experiment done," });
  await stage.timeline.focus();
  await page.keyboard.press("?");
  await expect(page.getByRole("dialog", { name: "Keys" })).toBeVisible();
  await expectNothingFound(page, { within: "dialog[open]", what: "Keys," });
  await page.keyboard.press("Escape");
  await expect(stage.timeline, NOWHERE).toBeFocused();
  for (const name of ["Share", "Embed"]) {
    const button = stage.region.getByRole("button", { name, exact: true });
    await press(button);
    await expect(page.getByRole("dialog")).toBeVisible();
    await expectNothingFound(page, { within: "dialog[open]", what: `${name},` });
    await page.keyboard.press("Escape");
    await expect(button, NOWHERE).toBeFocused();
  }
});

test("nothing for axe to find where a candidate looks, nor in what a search finds", async ({ page }) => {
  await page.goto(`candidate/${first.slug}/?autoplay=0`);
  await new Stage(page).ready();
  await expectNothingFound(page);
  await page.goto("./");
  await mounted(page);
  await page.getByRole("searchbox").fill("retry");
  await expect(page.getByRole("region", { name: "In the texts" })).toBeVisible();
  await expectNothingFound(page);
});

test.describe("an address that does not exist", () => {
  test.use({ expectedComplaints: [/404/] });

  test("has nothing for axe to find", async ({ page }) => {
    await page.goto("no-such-page");
    await mounted(page);
    await expectNothingFound(page);
  });
});

for (const path of ["./", `q/${first.slug}/?autoplay=0`, "settings/"]) {
  test(`${path} loses nothing when its text is spaced out`, async ({ page }) => {
    await page.goto(path);
    await mounted(page);
    // The spacing of success criterion 1.4.12. As a sheet made by script: the policy allows no style of its own here.
    await page.evaluate(() => {
      const sheet = new CSSStyleSheet();
      sheet.replaceSync("* { line-height: 1.5 !important; letter-spacing: 0.12em !important; word-spacing: 0.16em !important; } p { margin-bottom: 2em !important; }");
      document.adoptedStyleSheets.push(sheet);
    });
    for (const width of [1440, 390, 320]) {
      await resize(page, { width, height: 900 });
      await expectToFit(page, width);
      const cut = await page.evaluate(() =>
        [...document.querySelectorAll("body *:not(select, option, svg, svg *, .visually-hidden)")]
          .filter((e) => e.checkVisibility() && ["hidden", "clip"].includes(getComputedStyle(e).overflowX) && e.innerText)
          .filter((e) => e.scrollWidth > e.clientWidth + 1 || e.scrollHeight > e.clientHeight + 1)
          .map((e) => e.outerHTML.slice(0, 100)),
      );
      expect(cut, `cut off at ${width} px`).toEqual([]);
    }
  });
}

test("with less motion nothing moves by itself, and a run is shown in stills", async ({ page }) => {
  await page.emulateMedia({ reducedMotion: "reduce" });
  const stage = await Stage.open(page, first.slug);
  await expect(stage.play, "it waits").toBeVisible();
  const start = await stage.digest();
  await stage.frames();
  expect(await stage.digest()).toBe(start);
  await stage.play.click();
  await expect.poll(() => stage.digest()).not.toBe(start);
  const moving = await page.evaluate(() => document.getAnimations().filter((a) => a.effect.getTiming().duration > 1).length);
  expect(moving, "animations").toBe(0);
});

test.describe("forced colours", () => {
  // Reading the pixels is what this test is for.
  test.use({ expectedComplaints: [/willReadFrequently/] });

  test("the pictures' signs take the colours that the system forces", async ({ page }) => {
    const stage = await Stage.still(page, "rate-limiter-design");
    await page.emulateMedia({ colorScheme: "dark" });
    await stage.seek(0.5);
    const colours = () =>
      page.evaluate(() => {
        const canvas = document.querySelector(".stage-picture .scene-particles");
        const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
        const seen = new Set();
        for (let i = 0; i < data.length; i += 4) {
          if (data[i + 3] === 255) seen.add(data.slice(i, i + 3).join());
        }
        return [...seen].sort();
      });
    const normal = await colours();
    await page.emulateMedia({ colorScheme: "dark", forcedColors: "active" });
    await stage.stepForward.click();
    await stage.frames();
    const forced = await colours();
    expect(normal.length, "there are signs").toBeGreaterThan(0);
    expect(forced).not.toEqual(normal);
    expect(forced, "none is the grey of a colour that was not understood").not.toContain("128,128,128");
  });
});

test("an article is printed whole", async ({ page }) => {
  await page.goto(`q/${first.slug}/?autoplay=0`);
  await new Stage(page).ready();
  await page.emulateMedia({ media: "print" });
  const folded = await page.evaluate(() =>
    [...document.querySelectorAll(".article details:not([open]) > :is(p, ul, ol)")].filter((e) => e.getBoundingClientRect().height === 0).length,
  );
  expect(folded, "paragraphs that are left out").toBe(0);
  await expect(page.locator(".break-row")).toBeHidden();
});
