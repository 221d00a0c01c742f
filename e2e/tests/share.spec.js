// Passing a moment on: links, pictures, clips and numbers, and what happens where the browser refuses.
import { readFileSync } from "node:fs";
import { findings } from "../support/axe.js";
import { parsed } from "../support/parsed.js";
import { expect, test } from "../support/test.js";
import { faultsOf, questions, sim } from "../support/runner.js";
import { Stage } from "../pages/stage.js";

const SLUG = "rate-limiter-design";
const question = questions.find((q) => q.slug === SLUG);
const fragment = (url) => url.slice(url.indexOf("#"));
const replay = (link) => sim("run", SLUG, "--link", fragment(link), "--json");

/** The Share dialog, open. */
async function share(stage) {
  await stage.region.getByRole("button", { name: "Share", exact: true }).click();
  const dialog = stage.page.getByRole("dialog", { name: "Share" });
  await expect(dialog).toBeVisible();
  return {
    dialog,
    press: (name) => dialog.getByRole("button", { name, exact: true }).click(),
    said: dialog.getByRole("status"),
    address: () => dialog.getByRole("textbox", { name: "Link" }).inputValue(),
    /** What is downloaded when this button is pressed: its name and its bytes. */
    async download(name, { timeout = 30_000 } = {}) {
      const [file] = await Promise.all([
        stage.page.waitForEvent("download", { timeout }),
        dialog.getByRole("button", { name, exact: true }).click(),
      ]);
      return { name: file.suggestedFilename(), bytes: readFileSync(await file.path()) };
    },
  };
}

/** Two sides, one future left behind, standing within what was seen. */
async function forked(page) {
  const stage = await Stage.still(page, SLUG);
  if ((await stage.digest()).length === 16) {
    await stage.sides.click();
  }
  await stage.seek(0.5);
  for (const [i, fault] of faultsOf(question).slice(0, 2).entries()) {
    await stage.seek(0.2 + 0.1 * i);
    await stage.fault(fault.label).click();
    await stage.stand();
    await stage.seek(0.5);
  }
  await stage.region.getByRole("combobox", { name: "Speed" }).selectOption("0.25");
  await stage.seek(0.4);
  return stage;
}

const futures = (stage) => stage.region.getByRole("button", { name: /^Future left at/ }).allInnerTexts();

test("a link restores both sides, what was done, forks, time, speed, preset and timeline", async ({ page, context }) => {
  const stage = await forked(page);
  const all = async (of) => ({
    ...(await of.moment()),
    inputs: await of.inputs(),
    futures: await futures(of),
    speed: await of.region.getByRole("combobox", { name: "Speed" }).inputValue(),
    preset: await of.preset.inputValue(),
    end: await of.timeline.getAttribute("aria-valuemax"),
  });
  const seen = await all(stage);
  expect(seen.futures.length).toBeGreaterThan(0);
  expect(seen.digest).toHaveLength(32);
  const link = await stage.link();
  expect(fragment(link).length).toBeLessThanOrEqual(200);

  const tab = await context.newPage();
  await tab.goto(link);
  const other = new Stage(tab);
  await other.ready();
  await expect.poll(() => other.moment()).toEqual(await stage.moment());
  await expect.poll(() => all(other)).toEqual(seen);
  await expect(other.play).toBeVisible();
  // What was left behind is a run and not only a name.
  await other.region.getByRole("button", { name: seen.futures[0] }).click();
  await stage.region.getByRole("button", { name: seen.futures[0] }).click();
  await expect.poll(() => other.digest()).toBe(await stage.digest());
});

test("links of every version are read; forged, cut and endless ones are refused in words", async ({ page }) => {
  const v1 =
    "#r=AXNlZWQgOQphdCA2MS41cwpsaW1pdD01MAo1OS45cyBidXJzdCBjb3VudD00MAo2MC4yNXMgc2V0IGxvYWQ9MgpiOnNlZWQgOQpiOmxpbWl0PTYwCmI6NTkuOXMgYnVyc3QgY291bnQ9NDA";
  const v2 = "#r=AgEJAQFkAALggMgcAQNQAAAAAgCwrhWFAQQAAQkBAXgAAeCAyBwBA1AAAAACAODUqR2JBqsE9AMA";
  const stage = await Stage.still(page, SLUG);
  for (const link of [v1, v2]) {
    await page.evaluate((hash) => { location.hash = hash; }, link);
    await expect(stage.region.getByTestId("time")).toHaveText("1:01.500");
    const { digest } = replay(link);
    // Both are of the same moment, so the time does not say which of them is shown.
    await expect.poll(async () => (await stage.digest()).slice(0, 16)).toBe(digest);
    await expect(stage.notes).toBeHidden();
  }
  const good = fragment(await stage.link());
  for (const [hash, words] of [
    ["#r=CQEC", /newer version of this page \(format 9/],
    [good.slice(0, -6), /damaged/],
    ["#r=%%%", /damaged/],
    [`#r=${"A".repeat(1 << 20)}`, /1048576 characters long/],
  ]) {
    await page.evaluate((hash) => { location.hash = hash; }, hash);
    await expect(stage.notes).toContainText(words);
    await stage.notes.getByRole("button", { name: "Close" }).click();
  }
  // Nothing else has stopped working.
  const before = await stage.digest();
  await stage.stepForward.click();
  expect(await stage.digest()).not.toBe(before);
});

test("the picture has the drawing, what it is of and where it is", async ({ page, context }) => {
  await context.grantPermissions(["clipboard-read", "clipboard-write"]);
  const stage = await forked(page);
  const { dialog, press, said, download } = await share(stage);
  expect(await findings(page, { within: "dialog[open]" })).toEqual([]);

  const svg = await download("Download SVG");
  expect(svg.name).toMatch(/^rate-limiter-design-[\d.]+s\.svg$/);
  const text = svg.bytes.toString("utf8");
  const seen = await parsed(page.context(), text, "image/svg+xml", (file) => ({
    root: file.documentElement.nodeName,
    errors: file.querySelectorAll("parsererror").length,
    drawings: file.querySelectorAll("svg > svg").length,
    says: file.documentElement.textContent,
    size: ["width", "height"].map((name) => Number(file.documentElement.getAttribute(name))),
  }));
  expect(seen).toMatchObject({ root: "svg", errors: 0, drawings: 3 });
  for (const words of ["Rate limiter", `at ${await stage.time()}`, "seed 1", "Limit N 10 req", "#r="]) {
    expect(seen.says).toContain(words);
  }
  expect(text, "colours and fonts are its own").not.toMatch(/var\(|class=|<style|href/);

  const png = await download("Download PNG");
  const size = [png.bytes.readUInt32BE(16), png.bytes.readUInt32BE(20)];
  expect(size, "twice the size of the drawing").toEqual(seen.size.map((px) => px * 2));
  const colors = await page.evaluate(async (base64) => {
    const bytes = Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
    const image = await createImageBitmap(new Blob([bytes], { type: "image/png" }));
    const on = new OffscreenCanvas(image.width, image.height).getContext("2d");
    on.drawImage(image, 0, 0);
    const { data } = on.getImageData(0, 0, image.width, image.height);
    return new Set(new Uint32Array(data.buffer)).size;
  }, png.bytes.toString("base64"));
  expect(colors, "text and outcomes in their colours").toBeGreaterThan(50);

  await press("Copy picture");
  await expect(said).toHaveText("Picture copied.");
  const kinds = await page.evaluate(async () => (await navigator.clipboard.read()).flatMap((item) => item.types));
  expect(kinds).toContain("image/png");
  await page.keyboard.press("Escape");
  await expect(dialog).toBeHidden();
  await expect(stage.region.getByRole("button", { name: "Share", exact: true })).toBeFocused();
});

test("a page that may not use the clipboard downloads instead, and says so", async ({ page }) => {
  await page.addInitScript(() => Object.defineProperty(navigator, "clipboard", { value: undefined }));
  const stage = await Stage.still(page, SLUG);
  await stage.seek(0.3);
  const { press, said, download, dialog } = await share(stage);
  await press("Copy the link");
  await expect(said).toContainText("may not use the clipboard");
  await expect(dialog.getByRole("textbox", { name: "Link" })).toBeFocused();
  expect(await page.evaluate(() => getSelection().toString() || document.activeElement.value)).toContain("#r=");
  for (const [button, ending] of [["Copy picture", "png"], ["Copy series (CSV)", "csv"], ["Copy table (Markdown)", "md"]]) {
    const file = await download(button);
    expect(file.name).toMatch(new RegExp(`\\.${ending}$`));
    expect(file.bytes.length).toBeGreaterThan(100);
    await expect(said).toContainText("may not use the clipboard. Downloaded as");
  }
});

test("the numbers are those of the run", async ({ page, context }) => {
  await context.grantPermissions(["clipboard-read", "clipboard-write"]);
  const stage = await forked(page);
  const { press, said, address } = await share(stage);
  const link = await address();
  const run = replay(link);
  await press("Copy series (CSV)");
  await expect(said).toContainText("CSV");
  const csv = await page.evaluate(() => navigator.clipboard.readText());
  const lines = csv.trim().split("\r\n");
  const head = lines.filter((line) => /^"?# /.test(line)).join("\n");
  for (const words of ["Seed: 1", "Done to it: ", link]) {
    expect(head).toContain(words);
  }
  const [names, ...rows] = lines.filter((line) => !/^"?# /.test(line)).map((line) => line.split(","));
  expect(rows.length).toBeGreaterThan(5);
  const last = Object.fromEntries(names.map((name, i) => [name.replace(/ \(.*\)$/, ""), rows.at(-1)[i]]));
  for (const [key, value] of Object.entries(run.numbers)) {
    const shown = last[`A ${key}`];
    if (value === null) {
      expect(shown, key).toBe("");
    } else {
      expect(Number(shown), key).toBeCloseTo(value, 6);
    }
  }
  await press("Copy table (Markdown)");
  await expect(said).toContainText("Markdown");
  const table = await page.evaluate(() => navigator.clipboard.readText());
  expect(table).toContain(`<${link}>`);
  for (const { label } of question.numbers) {
    expect(table).toContain(`| ${label} |`);
  }
});

test("a clip is a video of the run, and leaves the stage where it was", async ({ page, browser }) => {
  // It is recorded and played at the pace of the clock, and a busy machine takes its time to write it down.
  test.setTimeout(120_000);
  const stage = await forked(page);
  const moment = await stage.moment();
  const { dialog, download, press, said } = await share(stage);
  await dialog.getByRole("combobox", { name: "Length of the clip" }).selectOption({ label: "5 seconds" });
  const { name, bytes } = await download("Record a clip", { timeout: 60_000 });
  expect(name).toMatch(/\.webm$/);
  expect([...bytes.subarray(0, 4)], "WebM begins so").toEqual([0x1a, 0x45, 0xdf, 0xa3]);
  await expect(said).toContainText(/s at \d+ frames a second/);
  await expect.poll(() => stage.moment()).toEqual(moment);

  // A page without the site's policy plays it.
  const player = await browser.newContext();
  const video = await (await player.newPage()).evaluate(async (base64) => {
    const element = document.createElement("video");
    element.muted = true;
    const bytes = Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
    element.src = URL.createObjectURL(new Blob([bytes], { type: "video/webm" }));
    document.body.append(element);
    let frames = 0;
    const count = () => {
      frames += 1;
      element.requestVideoFrameCallback(count);
    };
    element.requestVideoFrameCallback(count);
    await element.play();
    await new Promise((done) => element.addEventListener("ended", done));
    // Of those that are in the file a busy machine shows only some.
    frames = Math.max(frames, element.getVideoPlaybackQuality().totalVideoFrames);
    return { width: element.videoWidth, height: element.videoHeight, seconds: element.currentTime, frames };
  }, bytes.toString("base64"));
  await player.close();
  expect(video.width).toBe(1280);
  expect(video.seconds).toBeGreaterThan(3);
  expect(video.frames).toBeGreaterThan(20);

  await dialog.getByRole("combobox", { name: "Length of the clip" }).selectOption({ label: "60 seconds" });
  await press("Record a clip");
  const recorded = dialog.getByRole("progressbar", { name: "Recorded" });
  await expect(recorded).toBeVisible();
  // A second of it: what has just begun may have no picture in it yet.
  await expect.poll(() => recorded.evaluate((bar) => (60 * bar.value) / bar.max), { timeout: 30_000 }).toBeGreaterThan(1);
  const stopped = await download("Stop");
  expect(stopped.bytes.length, "what was recorded until then").toBeGreaterThan(1_000);

  // Who closes the dialog meanwhile has the stage at once, although the last frame is held for a while.
  await press("Record a clip");
  await expect.poll(() => recorded.evaluate((bar) => (60 * bar.value) / bar.max), { timeout: 30_000 }).toBeGreaterThan(1);
  await dialog.evaluate(async (open) => {
    open.close();
    for (let frames = 0; frames < 8; frames += 1) {
      await new Promise((done) => requestAnimationFrame(done));
    }
  });
  expect(replay(await stage.link()).digest, "the run is where it was").toBe(moment.digest.slice(0, 16));
});

test("a browser that cannot record says so, and the rest works", async ({ page }) => {
  await page.addInitScript(() => { delete window.MediaRecorder; });
  const stage = await Stage.still(page, SLUG);
  const { dialog, download } = await share(stage);
  await expect(dialog.getByRole("button", { name: "This browser cannot record" })).toBeDisabled();
  await expect(dialog.getByText("A clip needs a browser with MediaRecorder.")).toBeVisible();
  expect((await download("Download SVG")).bytes.length).toBeGreaterThan(1_000);
});

test("a link to a moment of an experiment, pasted over a page that stands, brings the experiment", async ({ page, context }) => {
  const stage = await Stage.still(page, SLUG, "?preset=herd");
  const name = await stage.preset.locator("option:checked").innerText();
  await stage.seek(0.4);
  const [moment, link] = [await stage.moment(), await stage.link()];

  const tab = await context.newPage();
  const other = await Stage.still(tab, SLUG);
  expect(await other.preset.locator("option:checked").innerText()).not.toBe(name);
  await tab.evaluate((hash) => (location.hash = hash), fragment(link));
  await expect.poll(() => other.moment()).toEqual(moment);
  await expect(other.preset.locator("option:checked")).toHaveText(name);
});
