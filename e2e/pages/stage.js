// The stage: the player that every question shares, driven the way a reader drives it.
import { expect } from "@playwright/test";
import { frames } from "../support/frames.js";
import { mounted } from "../support/mounted.js";

export class Stage {
  constructor(page) {
    this.page = page;
    this.region = page.getByRole("region", { name: /simulation/i });
    this.play = this.region.getByRole("button", { name: "Play", exact: true });
    this.pause = this.region.getByRole("button", { name: "Pause", exact: true });
    this.again = this.region.getByRole("button", { name: "Start again" });
    this.stepBack = this.region.getByRole("button", { name: "Step back" });
    this.stepForward = this.region.getByRole("button", { name: "Step forward" });
    this.timeline = this.region.getByRole("slider", { name: "Timeline" });
    this.copyLink = this.region.getByRole("button", { name: "Copy link" });
    this.sides = this.region.getByRole("button", { name: "A | B" });
    this.preset = this.region.getByRole("combobox", { name: "Preset" });
    this.faults = this.region.getByRole("group", { name: "Break it" });
    this.knobs = this.region.getByRole("group", { name: "Knobs" });
    this.notes = this.region.getByRole("alert");
  }

  /** Opens a question's page; `query` and `hash` with their `?` and `#`. Waits for the app to stand. */
  static async open(page, slug, { query = "", hash = "", kind = "q" } = {}) {
    const stage = new Stage(page);
    await page.goto(`${kind}/${slug}/${query}${hash}`);
    await stage.ready();
    return stage;
  }

  /** Opens it standing still at the start. */
  static still(page, slug, query = "") {
    return Stage.open(page, slug, { query: query ? `${query}&autoplay=0` : "?autoplay=0" });
  }

  /** Waits until the app has taken over from the prerendered page. After a link the page may not even have begun. */
  async ready() {
    await mounted(this.page);
    await expect(this.timeline).toBeVisible();
  }

  time() {
    return this.region.getByTestId("time").innerText();
  }

  digest() {
    return this.region.getByTestId("digest").textContent();
  }

  /** Time and digest of one moment; the same moment of the same run has the same two. */
  async moment() {
    return { time: await this.time(), digest: await this.digest() };
  }

  /** Seconds on the timeline. */
  async seconds() {
    return Number(await this.timeline.getAttribute("aria-valuenow"));
  }

  /** Stops the run and clicks the timeline at this part of its length, above the marks: the same part is the same
   * moment. A run that went on would be elsewhere by the time a busy machine looks. */
  async seek(part) {
    // What was clicked just before may start the run only in the next frame.
    await this.frames();
    await this.stand();
    const box = await this.timeline.boundingBox();
    await this.timeline.click({ position: { x: Math.round(box.width * part), y: 4 } });
    // The next frame seeks.
    await this.frames();
    await expect
      .poll(async () => (await this.seconds()) / Number(await this.timeline.getAttribute("aria-valuemax")))
      .toBeCloseTo(part, 1);
  }

  /** Two frames: what was asked for in between has been done and drawn. */
  frames() {
    return frames(this.page);
  }

  /** Stops the clock if it runs. */
  async stand() {
    if (await this.pause.isVisible()) {
      await this.pause.click({ timeout: 5_000 }).catch(async (error) => {
        // It has come to its end by itself meanwhile.
        if (!(await this.play.isVisible())) {
          throw error;
        }
      });
    }
  }

  /** A fault's button, by its label; its hotkey stands beside it and is not part of the name. */
  fault(label) {
    return this.faults.getByRole("button", { name: label, exact: true });
  }

  /** Unfolds the knobs that are not shown at first. */
  async showAllKnobs() {
    for (const more of await this.knobs.locator("details:not([open]) > summary").all()) {
      await more.click();
    }
  }

  /** What a knob's control stands at. */
  async knobValue(knob) {
    await this.showAllKnobs();
    const named = { name: knob.label, exact: true };
    if (knob.choices?.join() === "off,on") {
      return this.knobs.getByRole("switch", named).isChecked();
    }
    return this.knobs.getByRole(knob.choices ? "combobox" : "slider", named).inputValue();
  }

  /** Moves a knob to its `attempt`-th other value; false when it has no more. */
  async moveKnob(knob, attempt) {
    await this.showAllKnobs();
    if (knob.choices?.join() === "off,on") {
      await this.knobs.getByRole("switch", { name: knob.label, exact: true }).click();
      return attempt === 0;
    }
    if (knob.choices) {
      // Other than what it is now: a preset may have moved it from its default.
      const choice = this.knobs.getByRole("combobox", { name: knob.label, exact: true });
      const now = await choice.inputValue();
      const others = knob.choices.map((_, at) => String(at)).filter((at) => at !== now);
      if (attempt >= others.length) {
        return false;
      }
      await choice.selectOption(others[attempt]);
      return true;
    }
    // Down first: at their upper ends some loads keep a machine busy for longer than a test should take.
    const presses = [["Home"], ["PageUp"], ["End"], ["ArrowLeft"]][attempt];
    if (!presses) {
      return false;
    }
    const slider = this.knobs.getByRole("slider", { name: knob.label, exact: true });
    for (const key of presses) {
      await slider.press(key);
    }
    return true;
  }

  /** The link to this moment, from the clipboard. */
  async link() {
    await this.page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
    await this.page.evaluate(() => navigator.clipboard.writeText(""));
    await this.copyLink.click();
    await expect.poll(() => this.page.evaluate(() => navigator.clipboard.readText())).toContain("#r=");
    return this.page.evaluate(() => navigator.clipboard.readText());
  }

  /** The reader's own inputs as the log tells them, newest first. */
  async inputs() {
    await this.region.getByRole("tab", { name: "Log" }).click();
    // The log is fetched when it is first wanted: without it there would be no line, which is not "nothing done".
    await this.region.getByRole("tabpanel").getByRole("combobox", { name: "Show" }).waitFor();
    const rows = await this.region.getByRole("tabpanel").getByText(/^You: /).allInnerTexts();
    return rows;
  }
}
