// A talk: the window that the audience sees, the speaker's window, and the page for a candidate.
import { expectNothingFound } from "../support/axe.js";
import { expect, test } from "../support/test.js";
import { faultsOf, questions } from "../support/runner.js";
import { mounted } from "../support/mounted.js";
import { Stage } from "../pages/stage.js";
import { resize } from "../support/resize.js";

const slugs = ["rate-limiter-design", "debug-latency", "saga-consistency", "observability"];
const question = (slug) => questions.find((q) => q.slug === slug);

const progress = (page) => page.locator(".talk-bar .talk-progress");
const card = (page) => page.getByRole("region", { name: "The talk" });
const heading = (page) => card(page).getByRole("heading", { level: 1 });

/** The audience's window, standing, with everything that the question has to say. */
async function present(page, slug, query = "?autoplay=0") {
  const stage = new Stage(page);
  await page.goto(`present/${slug}/${query}`);
  await stage.ready();
  await expect(progress(page)).toHaveText(/^\d+ of \d+$/);
  return stage;
}

/** The speaker's window, opened by its key. */
async function speak(page) {
  const [popup] = await Promise.all([page.waitForEvent("popup"), page.keyboard.press("n")]);
  await mounted(popup);
  await expect(popup.locator(".desk-bar .talk-progress")).toHaveText(await progress(page).innerText());
  return { popup, stage: new Stage(popup) };
}

/** Waits until both windows stand at the same moment of the same run. */
const together = (stage, desk) =>
  expect.poll(async () => (await desk.digest()) === (await stage.digest()), "both windows show the same").toBe(true);

/** What a question's page says that a candidate is not to read, as plain text without spaces at the ends. */
async function answers(page, slug) {
  await page.goto(`q/${slug}/`);
  return page.evaluate(() => {
    const texts = [...document.querySelectorAll("#short-answer p, #short-answer li, .followup p, .followup li")];
    const plain = texts.map((e) => {
      const copy = e.cloneNode(true);
      copy.querySelectorAll("sup").forEach((s) => s.remove());
      return copy.textContent;
    });
    const after = [...document.querySelectorAll(".try")].map((e) => e.getAttribute("data-after"));
    return [...plain, ...after].map((t) => t.replace(/\s+/g, " ").trim()).filter((t) => t.length > 25);
  });
}

for (const slug of slugs) {
  test(`${slug}: a talk goes from the question to the numbers one key at a time`, async ({ page }) => {
    const stage = await present(page, slug);
    await expect(progress(page)).toHaveText(/^1 of \d+$/);
    const steps = Number((await progress(page).innerText()).split(" of ")[1]);
    await expect(page.locator(".talk-prompt")).not.toBeEmpty();

    // A remote's key works wherever the focus is.
    await stage.timeline.focus();
    await page.keyboard.press("PageDown");
    await expect(card(page)).toContainText("Prediction");
    const numbers = page.locator(".hall-numbers");
    await expect(numbers.locator("dd").first()).toBeHidden();
    await page.keyboard.press("1");
    await expect(card(page).getByRole("button", { pressed: true })).toHaveCount(1);
    await expect(numbers.locator("dd").first()).toBeVisible();
    expect(await stage.seconds()).toBe(0);

    await page.keyboard.press("PageDown");
    await expect(progress(page)).toHaveText(`3 of ${steps}`);
    await page.keyboard.press("PageDown");
    await expect(card(page)).toContainText("What happened");
    await expect(card(page)).toContainText(/You said .*run (agrees|says)/);
    await expect(page.locator(".talk-after")).not.toBeEmpty();
    await page.keyboard.press("PageUp");
    await expect(progress(page)).toHaveText(`3 of ${steps}`);

    await page.keyboard.press("End");
    await expect(progress(page)).toHaveText(`${steps} of ${steps}`);
    await page.keyboard.press("ArrowLeft");
    await expect(card(page)).toContainText("Follow-up");
    await expect(page.locator(".talk-answer")).toHaveCount(0);
    await page.keyboard.press("Enter");
    await expect(page.locator(".talk-answer")).not.toBeEmpty();
    await page.keyboard.press("Home");
    await expect(progress(page)).toHaveText(`1 of ${steps}`);

    await page.keyboard.press(".");
    await expect(page.locator(".talk-blank")).toBeVisible();
    await page.keyboard.press(".");
    await expect(page.locator(".talk-blank")).toHaveCount(0);
    await page.keyboard.press(".");
    await page.keyboard.press("Escape");
    await expect(page.locator(".talk-blank")).toHaveCount(0);
  });

  test(`${slug}: the speaker's window shows the same run, and what it breaks is not announced`, async ({ page }) => {
    const stage = await present(page, slug);
    await stage.seek(0.3);
    const { popup, stage: desk } = await speak(page);
    await expect.poll(() => desk.digest()).toBe(await stage.digest());

    // One of its faults, by the speaker's hand.
    const fault = faultsOf(question(slug))[0];
    const marks = () => page.locator(".stage-timeline [data-hit]").count();
    const [before, marksBefore] = [await stage.digest(), await marks()];
    await desk.fault(fault.label).click();
    await expect.poll(() => stage.digest()).not.toBe(before);
    await desk.stand();
    await expect(stage.play).toBeVisible();
    await expect.poll(async () => (await desk.digest()) === (await stage.digest())).toBe(true);
    expect(await marks(), "no mark tells of it").toBe(marksBefore);
    await expect(page.getByText(`${fault.label} at`)).toHaveCount(0);

    // One more, by the audience's key: it shows in both.
    const now = await desk.digest();
    await page.bringToFront();
    await page.keyboard.press(fault.hotkey);
    await expect.poll(() => desk.digest()).not.toBe(now);
    await stage.stand();
    await expect.poll(async () => (await desk.digest()) === (await stage.digest())).toBe(true);

    // The speaker steps, seeks and notes; the audience's window follows, and a reload of either loses nothing.
    await popup.getByRole("button", { name: "Next", exact: true }).click();
    await expect(progress(page)).toHaveText(/^2 of/);
    await popup.getByRole("textbox", { name: "Note on the whole" }).fill("Thinks aloud.");
    // The step has its own run: what is done at the desk before it has come would be done to the one before.
    await together(stage, desk);
    await desk.seek(0.5);
    await expect.poll(async () => (await desk.digest()) === (await stage.digest())).toBe(true);
    const moment = await stage.moment();
    await page.reload();
    await stage.ready();
    await expect(progress(page)).toHaveText(/^2 of/);
    await expect.poll(() => stage.moment()).toEqual(moment);
    await popup.reload();
    await mounted(popup);
    await expect(popup.getByRole("textbox", { name: "Note on the whole" })).toHaveValue("Thinks aloud.");
    await expect.poll(() => desk.digest()).toBe(moment.digest);
  });

  test(`${slug}: a candidate's page holds no answer, nor does anything that it loads`, async ({ page, context }) => {
    const secrets = await answers(page, slug);
    expect(secrets.length).toBeGreaterThan(8);
    const text = (bytes) => bytes.toString("utf8").replace(/<sup.*?<\/sup>/gs, "").replace(/<[^>]+>/g, "");
    const plain = (text) => text.replace(/&quot;/g, '"').replace(/&lt;/g, "<").replace(/&gt;/g, ">").replace(/&amp;/g, "&").replace(/\s+/g, " ");
    const whole = plain(text(Buffer.from(await page.content())) + (await page.content()));
    expect(secrets.filter((s) => !whole.includes(s)), "the question's own page says all of it").toEqual([]);

    // A moment in the middle of an experiment.
    const stage = await present(page, slug);
    await page.keyboard.press("PageDown");
    await expect(progress(page)).toHaveText(/^2 of/);
    await stage.seek(0.4);
    await context.grantPermissions(["clipboard-read", "clipboard-write"]);
    const { popup, stage: desk } = await speak(page);
    await together(stage, desk);
    await popup.getByRole("button", { name: "Copy a link for the candidate" }).click();
    await expect(popup.getByText("without answers, is copied")).toBeVisible();
    const link = await popup.evaluate(() => navigator.clipboard.readText());
    expect(link).toMatch(new RegExp(`/candidate/${slug}/#r=[\\w-]+$`));
    const digest = await stage.digest();

    const fresh = await context.newPage();
    const loads = [];
    fresh.on("response", (response) => loads.push(response));
    await fresh.goto(link);
    const candidate = new Stage(fresh);
    await candidate.ready();
    await expect.poll(() => candidate.digest()).toBe(digest);
    // All that can be opened there is downloaded.
    for (const name of ["Log", "Request", "In words", "Code", "Numbers"]) {
      await candidate.region.getByRole("tab", { name }).click();
    }
    await fresh.keyboard.press("?");
    await fresh.keyboard.press("Escape");
    await fresh.waitForLoadState("networkidle");
    expect(loads.some((r) => r.url().endsWith(".wasm"))).toBe(true);
    const all = [["the document", await fresh.content()]];
    // The bodies once more: the browser keeps none of what it only compiled.
    const ends = (response) => response.headers()["content-type"] !== "text/event-stream";
    for (const url of new Set(loads.filter(ends).map((response) => response.url()))) {
      all.push([url, (await (await context.request.get(url)).body()).toString("utf8")]);
    }
    for (const [where, body] of all) {
      const said = plain(`${body}\n${text(Buffer.from(body))}`);
      expect(secrets.filter((s) => said.includes(s)), where).toEqual([]);
    }
    await expect(fresh.getByRole("link")).toHaveCount(0);
    await expect(fresh.locator(".try, .followup, #short-answer")).toHaveCount(0);
  });
}

test("the stage is in sight without scrolling, and axe finds nothing", async ({ page }) => {
  const stage = await present(page, "saga-consistency");
  for (const [width, height] of [[1280, 720], [1440, 900], [1920, 1080]]) {
    await resize(page, { width, height });
    for (const key of ["Home", "PageDown", "PageDown"]) {
      await page.keyboard.press(key);
      await expect(stage.faults).toBeInViewport({ ratio: 1 });
      await expect(page.locator(".stage-picture")).toBeInViewport({ ratio: 1 });
      // The picture takes the new size in the next frame.
      const scrolls = () => page.evaluate(() => document.scrollingElement.scrollHeight > innerHeight);
      await expect.poll(scrolls, `${width}x${height}`).toBe(false);
    }
    await stage.stand();
  }
  const { popup } = await speak(page);
  await expect(popup.locator(".desk-text, .desk-step h2").first()).toBeVisible();
  for (const window of [page, popup]) {
    await expectNothingFound(window);
  }
});

test("the summary says what was guessed, measured, graded, broken and where it ended", async ({ page, context }) => {
  await context.grantPermissions(["clipboard-read", "clipboard-write"]);
  const slug = "saga-consistency";
  const stage = await present(page, slug);
  await page.keyboard.press("PageDown");
  const asks = await page.locator(".talk-ask").innerText();
  await card(page).getByRole("spinbutton").nth(1).fill("3");
  await card(page).getByRole("spinbutton").nth(1).press("Tab");
  const guess = await card(page).getByRole("button", { pressed: true }).locator("span").first().innerText();
  const { popup, stage: desk } = await speak(page);
  await page.bringToFront();
  await page.keyboard.press("PageDown");
  await stage.stand();
  const [first, second] = faultsOf(question(slug));
  await page.keyboard.press(first.hotkey);
  await stage.stand();
  // Each window tells the other its whole run: what is done before that has come would take the place of it.
  await together(stage, desk);
  await desk.fault(second.label).click();
  await desk.stand();
  await expect(stage.play).toBeVisible();
  await together(stage, desk);
  await page.keyboard.press("PageDown");
  await expect(card(page)).toContainText("What happened");
  await popup.getByRole("listitem").getByRole("button").last().click();
  await expect(card(page)).toContainText("Follow-up");
  await popup.getByRole("radio", { name: "Partly" }).check();
  await popup.getByRole("textbox", { name: /^Note: / }).fill("Named two of three.");
  await popup.getByRole("button", { name: "Copy the summary" }).click();
  await expect(popup.getByText("The summary is copied.")).toBeVisible();
  const summary = await popup.evaluate(() => navigator.clipboard.readText());
  const asked = await heading(page).innerText();
  for (const part of [asks, `Guess: ${guess} (hands: 3 for ${guess})`, "Measured: ", `${asked} **Partly**`, "Named two of three.", first.label, "unannounced", "1 partly", `/q/${slug}/#r=`]) {
    expect(summary).toContain(part);
  }
  // The audience's window has the same, after a reload too.
  await page.reload();
  await stage.ready();
  await expect(progress(page)).toHaveText(/^\d+ of \d+$/);
  await page.keyboard.press("End");
  await page.getByRole("button", { name: "Copy the summary" }).click();
  await expect(page.getByText("The summary is copied.")).toBeVisible();
  expect(await page.evaluate(() => navigator.clipboard.readText())).toContain("Named two of three.");
});

test("without BroadcastChannel, storage or clipboard the audience's window works alone", async ({ page }) => {
  await page.addInitScript(() => {
    delete globalThis.BroadcastChannel;
    const closed = () => {
      throw new DOMException("blocked", "SecurityError");
    };
    for (const name of ["sessionStorage", "localStorage"]) {
      Object.defineProperty(globalThis, name, { get: closed });
    }
    Object.defineProperty(navigator, "clipboard", { value: undefined });
  });
  await present(page, "rate-limiter-design");
  await page.keyboard.press("n");
  await expect(page.getByText("it has no BroadcastChannel")).toBeVisible();
  await page.keyboard.press("PageDown");
  await page.keyboard.press("2");
  await expect(card(page).getByRole("button", { pressed: true })).toHaveCount(1);
  await page.keyboard.press("End");
  await page.getByRole("button", { name: "Copy the summary" }).click();
  await expect(page.getByRole("textbox", { name: "Text to copy" })).toHaveValue(/^# /);
  await page.getByRole("button", { name: "Close" }).click();
});

test("a blocked window is said with a link, and two speakers see the same", async ({ page }) => {
  await page.addInitScript(() => {
    globalThis.open = () => null;
  });
  await present(page, "observability");
  await page.keyboard.press("n");
  await expect(page.getByText("The browser has blocked the speaker's window.")).toBeVisible();
  const open = page.getByRole("link", { name: "Open it from here" });
  const opened = async () => {
    const [other] = await Promise.all([page.context().waitForEvent("page"), open.click()]);
    await mounted(other);
    await expect(other.locator(".desk-bar .talk-progress")).toHaveText(await progress(page).innerText());
    return other;
  };
  const one = await opened();
  await page.bringToFront();
  await page.keyboard.press("n");
  const two = await opened();
  await two.getByRole("button", { name: "Next", exact: true }).click();
  for (const window of [one, two]) {
    await expect(window.locator(".desk-bar .talk-progress")).toHaveText(/^2 of/);
  }
  await page.close();
  await expect(one.getByText("The audience's window is closed.")).toBeVisible();
});

test("what a question has to say can be fetched again when the network is back", async ({ browser, baseURL }) => {
  const context = await browser.newContext({ baseURL, serviceWorkers: "block" });
  const page = await context.newPage();
  await page.route("**/q/rate-limiter-design/", (route) => route.abort());
  await page.goto("present/rate-limiter-design/?autoplay=0");
  await expect(page.getByText("could not be read: the host could not be reached")).toBeVisible();
  await page.unroute("**/q/rate-limiter-design/");
  await page.getByRole("button", { name: "Try again" }).click();
  await expect(progress(page)).toHaveText(/^1 of/);
  await page.keyboard.press("PageDown");
  await expect(card(page)).toContainText("Prediction");
  await context.close();
});

for (const path of ["", "accuracy/", "q/saga-consistency/", "candidate/saga-consistency/", "present/saga-consistency/", "speaker/saga-consistency/"]) {
  test(`? shows the keys on /${path}`, async ({ page }) => {
    await page.goto(`./${path}`);
    await mounted(page);
    await page.keyboard.press("?");
    await expect(page.getByRole("dialog", { name: "Keys" })).toBeVisible();
    await page.keyboard.press("Escape");
    await expect(page.getByRole("dialog", { name: "Keys" })).toHaveCount(0);
  });
}
