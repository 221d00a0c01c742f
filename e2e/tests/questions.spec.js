// What holds for every question, read off its declaration. The tests drive the page as a reader does and
// hold what it shows against the headless runner.
import { expect, test } from "../support/test.js";
import { faultsOf, questions, sim } from "../support/runner.js";
import { Stage } from "../pages/stage.js";

for (const question of questions) {
  const { slug } = question;

  test.describe(slug, () => {
    test("loads and plays by itself", async ({ page }) => {
      const stage = await Stage.open(page, slug);
      await expect(stage.pause).toBeVisible();
      const start = await stage.seconds();
      await expect.poll(() => stage.seconds(), { message: "the clock moves on" }).toBeGreaterThan(start);
      await expect(page.getByRole("heading", { level: 1 })).toBeVisible();
    });

    test("the embed plays by itself and keeps nothing", async ({ page }) => {
      const stage = await Stage.open(page, slug, { kind: "embed" });
      await expect.poll(() => stage.seconds()).toBeGreaterThan(0);
      expect(await page.evaluate(() => localStorage.length + sessionStorage.length)).toBe(0);
    });

    test("rewinding and replaying gives the same run", async ({ page }) => {
      const stage = await Stage.still(page, slug);
      await stage.seek(0.3);
      const moment = await stage.moment();
      await stage.seek(0.6);
      expect(await stage.digest()).not.toBe(moment.digest);
      await stage.seek(0.3);
      expect(await stage.moment(), "back from the future").toEqual(moment);
      await stage.timeline.press("Home");
      const start = await stage.digest();
      await stage.play.click();
      await expect.poll(() => stage.digest()).not.toBe(start);
      await stage.pause.click();
      await stage.seek(0.3);
      expect(await stage.moment(), "after playing from the start").toEqual(moment);
    });

    test("single steps go back and forth over the same moments", async ({ page }) => {
      const stage = await Stage.still(page, slug);
      await stage.seek(0.3);
      const there = [];
      for (let step = 0; step < 4; step += 1) {
        await stage.stepForward.click();
        there.push(await stage.digest());
      }
      expect(new Set(there).size, "each step changes something").toBe(4);
      for (const digest of there.slice(0, -1).reverse()) {
        await stage.stepBack.click();
        expect(await stage.digest()).toBe(digest);
      }
    });

    test("every fault changes the run, by its button and by its key", async ({ page }) => {
      test.setTimeout(120_000);
      const stage = await Stage.still(page, slug);
      await stage.seek(0.2);
      const untouched = await stage.moment();
      // Some presets come with acts of their own.
      const given = (await stage.inputs()).length;
      await expect(stage.faults.getByRole("button")).toHaveCount(faultsOf(question).length);
      for (const fault of faultsOf(question)) {
        await test.step(fault.label, async () => {
          const after = async (press) => {
            // It plays from the start.
            await stage.again.click();
            await stage.pause.click();
            // Far enough from there that what plays in between is not taken for it.
            await stage.seek(0.05);
            await press();
            if (await stage.pause.isVisible()) {
              await stage.pause.click();
            }
            await stage.seek(0.2);
            return stage.moment();
          };
          const broken = await after(() => stage.fault(fault.label).click());
          expect(broken.time, "the same moment").toBe(untouched.time);
          expect(broken.digest, "another run").not.toBe(untouched.digest);
          expect((await stage.inputs()).length, "the log tells of it").toBe(given + 1);
          const pressed = await after(async () => {
            await stage.region.getByTestId("time").click();
            await page.keyboard.press(fault.hotkey);
          });
          expect(pressed, "the key does what the button does").toEqual(broken);
        });
      }
    });

    // Which knob matters in which mode is the engine's own test; here it is that the page's knob is the run's.
    test("every knob reaches the model", async ({ page }) => {
      test.setTimeout(180_000);
      const stage = await Stage.still(page, slug);
      if ((await stage.digest()).length > 16) {
        await stage.sides.click();
      }
      await stage.seek(0.2);
      const untouched = await stage.moment();
      await stage.timeline.press("Home");
      let run = replay(slug, await stage.link());
      let changed = 0;
      for (const knob of question.knobs) {
        await test.step(knob.label, async () => {
          const before = run.knobs[knob.key];
          expect(before, "the runner reports the knob").toBeDefined();
          for (let attempt = 0; attempt < 2 && run.knobs[knob.key] === before; attempt += 1) {
            await stage.moveKnob(knob, attempt);
            run = replay(slug, await stage.link());
          }
          expect(run.knobs[knob.key], "the run has the new value").not.toEqual(before);
          await stage.seek(0.2);
          const moment = await stage.moment();
          changed += Number(moment.digest !== untouched.digest);
          await stage.timeline.press("Home");
        });
      }
      expect(changed).toBeGreaterThan(question.knobs.length / 2);
      // Every knob has another value by now.
      await stage.seek(0.2);
      expect(replay(slug, await stage.link()).digest, "the runner comes to the same run").toBe(await stage.digest());
    });

    test("a copied link brings somebody else to the same moment", async ({ page, context }) => {
      const stage = await Stage.still(page, slug);
      await stage.seek(0.15);
      for (const fault of faultsOf(question).slice(0, 2)) {
        await stage.fault(fault.label).click();
      }
      if (await stage.pause.isVisible()) {
        await stage.pause.click();
      }
      await stage.seek(0.4);
      await stage.stepForward.click();
      const moment = await stage.moment();
      const inputs = await stage.inputs();
      expect(inputs.length).toBeGreaterThanOrEqual(2);
      const link = await stage.link();

      const tab = await context.newPage();
      await tab.goto(link);
      const other = new Stage(tab);
      await other.ready();
      await expect.poll(() => other.moment()).toEqual(moment);
      expect(await other.inputs()).toEqual(inputs);
      await expect(other.play, "a shared moment stands still").toBeVisible();
    });

    test("the runner replays a shared link to the same digest", async ({ page }) => {
      const stage = await Stage.still(page, slug, "?seed=11");
      await stage.seek(0.3);
      if ((await stage.digest()).length > 16) {
        // The first preset compares two sides; the runner prints one.
        await stage.sides.click();
      }
      await stage.stepForward.click();
      const link = await stage.link();
      const replayed = replay(slug, link);
      expect(replayed.digest).toBe(await stage.digest());
      expect(replayed.seed).toBe(11);
    });

    test("works by keyboard alone", async ({ page }) => {
      const stage = await Stage.still(page, slug);
      await tabTo(page, stage.timeline);
      await page.keyboard.press("PageUp");
      await page.keyboard.press("ArrowRight");
      expect(await stage.seconds()).toBeGreaterThan(0);
      await page.keyboard.press("Home");
      expect(await stage.seconds()).toBe(0);

      await tabTo(page, stage.play, { backwards: true });
      await page.keyboard.press("Enter");
      await expect.poll(() => stage.seconds()).toBeGreaterThan(0);
      await page.keyboard.press("Enter");
      await expect(stage.play).toBeVisible();

      const before = await stage.digest();
      await page.keyboard.press("]");
      await expect.poll(() => stage.digest()).not.toBe(before);
      await page.keyboard.press("[");

      const { label } = faultsOf(question)[0];
      // Only lines of this fault: a preset may have acts of its own that come while the run plays on.
      const told = async () => (await stage.inputs()).filter((line) => line.startsWith(`You: ${label}`)).length;
      const already = await told();
      await tabTo(page, stage.fault(label));
      await page.keyboard.press("Enter");
      await page.keyboard.press("k");
      await expect.poll(told).toBeGreaterThan(already);
    });

    test("A and B share the traffic and show what differs", async ({ page }) => {
      const stage = await Stage.still(page, slug);
      if ((await stage.digest()).length === 16) {
        await stage.sides.click();
      }
      await stage.seek(0.2);
      expect((await stage.digest()).length).toBe(32);
      await stage.sides.click();
      await expect.poll(async () => (await stage.digest()).length).toBe(16);
      await stage.sides.click();
      const digest = await stage.digest();
      expect(digest.slice(16), "B begins as a copy of A").toBe(digest.slice(0, 16));
    });

    test("bad parameters and links get a sentence and the page works", async ({ page }) => {
      const knob = question.knobs.find(({ max }) => max !== undefined);
      const named = new RegExp(`${knob.key}|${knob.label}`, "i");
      for (const [query, hash, said] of [
        [`?no-such-knob=1&${knob.key}=nonsense`, "", [/no-such-knob/, named]],
        [`?${knob.key}=${knob.max * 10 + 1}&preset=no-such-preset`, "", [named, /no-such-preset/]],
        ["?seed=-1&speed=1000&autoplay=perhaps", "", [/seed/, /speed/, /autoplay/]],
        ["", "#r=AAAAAAAA", [/link/i]],
      ]) {
        await test.step(`${query}${hash}`, async () => {
          await page.goto("about:blank");
          const stage = await Stage.open(page, slug, { query, hash });
          for (const words of said) {
            await expect(stage.notes).toContainText(words);
          }
          await expect.poll(() => stage.seconds(), { message: "the page works" }).toBeGreaterThan(0);
        });
      }
      // Pasted over the address of the page that stands.
      const stage = new Stage(page);
      for (const hash of ["#r=", "#r=not*a*link", "#r=_____w"]) {
        await test.step(hash, async () => {
          await stage.notes.getByRole("button", { name: "Close" }).click();
          await expect(stage.notes).toHaveCount(0);
          await page.evaluate((hash) => (location.hash = hash), hash);
          await expect(stage.notes).toContainText(/link/i);
          const before = await stage.seconds();
          await expect.poll(() => stage.seconds(), { message: "the page works" }).toBeGreaterThan(before);
        });
      }
    });

    test("readable parameters set the run", async ({ page }) => {
      const stage = await Stage.still(page, slug, "?seed=5");
      const five = await stage.link();
      expect(replay(slug, five).seed).toBe(5);
      await expect(stage.notes).toHaveCount(0);
    });
  });
}

/** What the runner makes of a link. */
const replay = (slug, link) => sim("run", slug, "--link", link.slice(link.indexOf("#")), "--json");

/** Presses Tab until this control has the focus, as somebody without a mouse has to. */
async function tabTo(page, control, { backwards = false } = {}) {
  for (let presses = 0; presses < 120; presses += 1) {
    if (await control.evaluate((element) => element === document.activeElement)) {
      return;
    }
    await page.keyboard.press(backwards ? "Shift+Tab" : "Tab");
  }
  throw new Error("the control cannot be reached with the Tab key");
}
