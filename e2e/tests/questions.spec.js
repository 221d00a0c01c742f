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

    // That each of them alone makes another run is the engine's own test; here it is that the page's faults are the run's.
    test("every fault changes the run, by its button and by its key", async ({ page }) => {
      test.setTimeout(120_000);
      const stage = await Stage.still(page, slug);
      const faults = faultsOf(question);
      await expect(stage.faults.getByRole("button")).toHaveCount(faults.length);
      await stage.seek(0.2);
      const untouched = await stage.moment();
      // All at one moment, in one order: a key that did something else would show.
      const all = async (press) => {
        await stage.again.click();
        await stage.pause.click();
        // Far enough from the start that what plays in between is not taken for it.
        await stage.seek(0.05);
        for (const fault of faults) {
          await test.step(fault.label, async () => {
            await press(fault);
            await stage.stand();
            // What was done may have set the clock going.
            await stage.seek(0.05);
          });
        }
        await stage.seek(0.2);
        const moment = await stage.moment();
        expect(moment.time, "the same moment").toBe(untouched.time);
        expect(moment.digest, "another run").not.toBe(untouched.digest);
        return { digest: moment.digest, inputs: await stage.inputs() };
      };
      // Some presets come with acts of their own.
      const given = (await stage.inputs()).length;
      const clicked = await all((fault) => stage.fault(fault.label).click());
      const told = clicked.inputs;
      expect(told.length, "the log tells of each").toBe(given + faults.length);
      for (const { label } of faults) {
        expect(told.some((line) => line.startsWith(`You: ${label}`)), `the log tells of "${label}"`).toBe(true);
      }
      const pressed = await all(async ({ hotkey }) => {
        await stage.region.getByTestId("time").click();
        await page.keyboard.press(hotkey);
      });
      expect(pressed, "the keys do what the buttons do, and come to the same").toEqual(clicked);
    });

    // Which knob matters in which mode is the engine's own test; here it is that the page's knobs are the run's.
    test("every knob reaches the model", async ({ page }) => {
      test.setTimeout(120_000);
      const stage = await Stage.still(page, slug);
      if ((await stage.digest()).length > 16) {
        await stage.sides.click();
      }
      await stage.seek(0.2);
      const untouched = await stage.moment();
      const before = replay(slug, await stage.link());
      expect(before.digest, "the runner comes to the same run").toBe(untouched.digest);
      await stage.timeline.press("Home");
      for (const knob of question.knobs) {
        await test.step(knob.label, async () => {
          const value = await stage.knobValue(knob);
          for (let attempt = 0; attempt < 2 && (await stage.knobValue(knob)) === value; attempt += 1) {
            await stage.moveKnob(knob, attempt);
          }
          expect(await stage.knobValue(knob), "the control moved").not.toBe(value);
        });
      }
      await stage.seek(0.2);
      const moved = replay(slug, await stage.link());
      for (const { key } of question.knobs) {
        expect(moved.knobs[key], `the run's ${key}`).not.toEqual(before.knobs[key]);
      }
      expect(moved.digest, "the runner comes to the same run").toBe(await stage.digest());
      expect(moved.digest).not.toBe(untouched.digest);
    });

    test("an experiment that is guessed is run, measured and kept as done", async ({ page }) => {
      const stage = await Stage.still(page, slug);
      const card = page.getByRole("listitem").filter({ has: page.getByRole("group", { name: "Your guess" }) }).first();
      const guess = card.getByRole("group", { name: "Your guess" }).getByRole("button").first();
      const label = await guess.innerText();
      await guess.click();
      await expect(guess).toHaveAttribute("aria-pressed", "true");
      // Or it has ended by itself, on a machine that was busy elsewhere.
      await stage.timeline.press("End");
      await expect(card).toContainText(`You guessed ${label}`);
      await expect(card.getByRole("heading")).toContainText("(done)");
      await page.reload();
      await stage.ready();
      await expect(card.getByRole("heading"), "next time").toContainText("(done)");
    });

    test("a copied link brings somebody else to the same moment", async ({ page, context }) => {
      const stage = await Stage.still(page, slug);
      await stage.seek(0.15);
      for (const fault of faultsOf(question).slice(0, 2)) {
        await stage.fault(fault.label).click();
        // Or the next is done far from here on a slow machine.
        await stage.stand();
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
      // The log is a part of the page that comes when somebody turns to the stage.
      await expect.poll(() => other.inputs()).toEqual(inputs);
      await expect(other.play, "a shared moment stands still").toBeVisible();
    });

    test("the runner replays a shared link to the same digest", async ({ page }) => {
      const stage = await Stage.still(page, slug, "?seed=11");
      await expect(stage.notes, "nothing of the address was ignored").toHaveCount(0);
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
      const bad = [
        [`no-such-knob=1`, /no-such-knob/],
        [`${knob.key}=nonsense`, named],
        [`preset=no-such-preset`, /no-such-preset/],
        ["seed=-1", /seed/],
        ["speed=1000", /speed/],
        ["autoplay=perhaps", /autoplay/],
      ];
      const stage = await Stage.open(page, slug, { query: `?${bad.map(([text]) => text).join("&")}`, hash: "#r=AAAAAAAA" });
      for (const [text, words] of bad) {
        await expect(stage.notes, text).toContainText(words);
      }
      await expect(stage.notes).toContainText(/link/i);
      await expect.poll(() => stage.seconds(), { message: "the page works" }).toBeGreaterThan(0);
      // Pasted over the address of the page that stands.
      for (const hash of ["#r=", "#r=not*a*link", "#r=_____w"]) {
        await test.step(hash, async () => {
          await stage.notes.getByRole("button", { name: "Close" }).click();
          await expect(stage.notes).toHaveCount(0);
          await page.evaluate((hash) => (location.hash = hash), hash);
          await expect(stage.notes).toContainText(/link/i);
        });
      }
      // From the start: on a slow machine the run may be at its end by now.
      await stage.stand();
      await stage.timeline.press("Home");
      await stage.play.click();
      await expect.poll(() => stage.seconds(), { message: "the page works" }).toBeGreaterThan(0);
      // Out of range, and the run begins all the same.
      await page.goto("about:blank");
      const next = await Stage.open(page, slug, { query: `?${knob.key}=${knob.max * 10 + 1}` });
      await expect(next.notes).toContainText(named);
      await expect.poll(() => next.seconds(), { message: "the page works" }).toBeGreaterThan(0);
    });
  });
}

/** What the runner makes of a link. */
const replay = (slug, link) => sim("run", slug, "--link", link.slice(link.indexOf("#")), "--json");
