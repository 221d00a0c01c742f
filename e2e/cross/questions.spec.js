// What every question does, in every engine: it plays by itself, is changed by a knob and a fault, comes to the same
// bits again, and its link brings somebody else to the same moment.
import { expect, test } from "./test.js";
import { Stage } from "../drivers/page.js";
import { faultsOf, questions, sim } from "../support/runner.js";

for (const question of questions) {
  const { slug } = question;

  test(`${slug}: plays, breaks, rewinds and is shared`, async ({ page, site }) => {
    const stage = await Stage.open(page, `q/${slug}/`);
    await stage.pause.appears();
    const start = await stage.seconds();
    await expect.poll(() => stage.seconds(), { message: "the clock moves on" }).toBeGreaterThan(start);
    const drawn = await stage.picture().read((svg) => {
      const { width, height } = svg.getBoundingClientRect();
      return { width, height, shapes: svg.querySelectorAll("path, rect, circle, text").length };
    });
    expect(drawn.width).toBeGreaterThan(200);
    expect(drawn.height).toBeGreaterThan(100);
    expect(drawn.shapes).toBeGreaterThan(10);
    const twice = Object.entries(site.counts).filter(([path, count]) => path.includes("/assets/") && count > 1);
    expect(twice, "files that were asked for twice: what is preloaded is not what is used").toEqual([]);

    await stage.stand();
    if ((await stage.digest()).length > 16) {
      // The first preset compares two sides; the runner prints one.
      await stage.sides.click();
      await expect.poll(async () => (await stage.digest()).length).toBe(16);
    }
    await stage.seek(0.3);
    const first = await stage.moment();
    await stage.seek(0.6);
    expect(await stage.digest()).not.toBe(first.digest);
    await stage.seek(0.3);
    expect(await stage.moment(), "back from the future").toEqual(first);

    // A slider that shows, pressed at the end where it does not stand.
    const sliders = question.knobs.filter(({ max }) => max !== undefined);
    const shown = async () => {
      const all = await Promise.all(sliders.map(({ label }) => stage.knob(label).is()));
      return sliders[all.indexOf(true)];
    };
    if (!(await shown())) {
      // All that shows are lists to choose from; the sliders are in a fold.
      await page.spot({ css: ".knobs details:not([open]) > summary" }).click();
      await expect.poll(shown).toBeTruthy();
    }
    const knob = await shown();
    const slider = stage.knob(knob.label);
    const value = await slider.value();
    const [low, high] = await slider.read(({ min, max, value }) => [value - min, max - value]);
    await slider.click({ x: low > high ? 0.1 : 0.9 });
    await expect.poll(() => slider.value()).not.toBe(value);

    await stage.seek(0.2);
    await stage.fault(faultsOf(question)[0].label).click();
    await stage.seek(0.3);
    const broken = await stage.moment();
    expect(broken.digest, "another run").not.toBe(first.digest);

    // The link, from the clipboard, means the same to the runner and to a page that is opened with it.
    await stage.copyLink.click();
    const said = () => page.run(() => document.querySelector(".stage p[role=status]").textContent);
    await expect.poll(said, { message: "it is in the clipboard before the page is left" }).toContain("copied");
    await page.goto("./");
    const field = await page.spot({ css: "#search" }).appears();
    await field.click();
    await page.press("Control+v");
    await expect.poll(() => field.value()).toContain("#r=");
    const link = await field.value();
    const native = sim("run", slug, "--link", link.slice(link.indexOf("#")), "--json");
    expect(native.digest).toBe(broken.digest);
    expect(native.knobs[knob.key]).not.toBe(knob.default);
    const there = await Stage.open(page, link);
    await expect.poll(() => there.moment()).toEqual(broken);
    expect(await there.notes.count(), "nothing of the link was left aside").toBe(0);
  });
}
