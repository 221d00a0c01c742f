// What the site remembers: that it survives older and newer versions, damage, a full disk and two tabs; that it can be
// taken along, brought back and thrown away; and that the pages do what was set.
import { expectNothingFound } from "../support/axe.js";
import { expect, test } from "../support/test.js";
import { questions } from "../support/runner.js";
import { mounted } from "../support/mounted.js";
import { KEY, Settings } from "../pages/settings.js";
import { Library } from "../pages/library.js";
import { Stage } from "../pages/stage.js";
import { resize } from "../support/resize.js";

const [first, second] = questions;
const card = (page, slug) => page.locator("li", { has: page.locator(`a[href$="q/${slug}/"]`) });
const theme = (page) => page.evaluate(() => document.documentElement.dataset.theme ?? "system");

/** A promise that is kept from outside; Node 20 has no `Promise.withResolvers`. */
function withResolvers() {
  let resolve;
  const promise = new Promise((done) => (resolve = done));
  return { promise, resolve };
}

/** Puts values into storage before the first page of this context starts. */
const keep = (page, values) =>
  page.addInitScript((values) => {
    if (sessionStorage.getItem("begun")) return;
    sessionStorage.setItem("begun", "");
    for (const [key, value] of Object.entries(values)) localStorage.setItem(key, value);
  }, values);

/** Everything in storage but what tells this test's first page from the later ones. */
const storage = (page) => page.evaluate(() => ({ ...localStorage }));

/** A reader who has been here: settings other than at first, progress, an interview and notes. */
const READER = [
  "breakable 1",
  "1700000001 theme=dark",
  "1700000002 keys=off",
  "1700000003 motion=still",
  `1700000004 seen/${first.slug}=`,
  `1700000005 interview/${first.slug}=2 5`,
  `1700000006 notes/${first.slug}=Count, then "refuse".\\nTwo \\\\ data centres?`,
].join("\n");

test.describe("what earlier versions kept", () => {
  test("is taken over, and goes when it has been", async ({ page }) => {
    await keep(page, {
      "breakable.theme": "dark",
      "breakable.progress": `${first.slug} no-such-experiment\n${second.slug}\n`,
      "breakable.interviews": `${first.slug} 2 5\n`,
    });
    // The program waits until the page has been looked at without it.
    const { promise: gate, resolve: open } = withResolvers();
    await page.route(/\.wasm$/, (route) => gate.then(() => route.continue()));
    await page.goto("./", { waitUntil: "commit" });
    await expect(page.locator("#app[data-static]")).toBeAttached();
    expect(await theme(page), "before the app has started").toBe("dark");
    open();
    await mounted(page);
    await expect(card(page, first.slug)).toContainText("interview 2 of 5");
    await expect(card(page, second.slug)).toContainText("opened");
    expect(await theme(page)).toBe("dark");
    await expect.poll(async () => Object.keys(await storage(page))).toEqual([KEY]);
    expect((await storage(page))[KEY]).toMatch(/^breakable 1\n/);
    await page.reload();
    await mounted(page);
    await expect(card(page, first.slug)).toContainText("interview 2 of 5");
    expect(await theme(page)).toBe("dark");
  });

  test("leaves aside what nobody can read, and says so", async ({ page }) => {
    await keep(page, { "breakable.theme": "blue", "breakable.progress": `${first.slug} <b>\n` });
    await Library.open(page);
    await expect(card(page, first.slug)).toContainText("opened");
    const notice = page.getByRole("status").filter({ hasText: "could not be read" });
    await expect(notice).toContainText("2 lines");
    await notice.getByRole("link").click();
    const settings = new Settings(page);
    await settings.ready();
    await page.getByText("2 lines could not be read and were set aside").click();
    await expect(page.getByLabel("Lines that could not be read")).toContainText("theme: blue");
    await settings.button("Throw these lines away").click();
    await expect(page.getByText("could not be read and were set aside")).toHaveCount(0);
    expect(Object.keys(await storage(page))).toEqual([KEY]);
  });
});

test("damage costs the lines that it is in and no others", async ({ page }) => {
  const damaged = READER.replace("breakable 1", "brea\u0000kable").replace("1700000002 keys=off", "17000\u0001 ke") + "\n{";
  await keep(page, { [KEY]: damaged });
  const settings = await Settings.open(page);
  expect(await theme(page)).toBe("dark");
  await expect(settings.still).toBeChecked();
  await expect(settings.keys).toBeChecked();
  await expect(settings.remembered).toContainText("last interview: 2 of 5 follow-ups");
  await page.getByText("3 lines could not be read and were set aside").click();
  await expect(page.getByLabel("Lines that could not be read")).toContainText("17000\u0001 ke");
  expect((await storage(page))[KEY]).toMatch(/^breakable 1\n/);
});

test("what a newer version has written is left alone", async ({ page }) => {
  const newer = `breakable 2\n1 theme=dark\nwhatever that is\n`;
  await keep(page, { [KEY]: newer });
  await page.goto(`q/${first.slug}/?autoplay=0`);
  await mounted(page);
  await expect(page.locator(".kept-notice", { hasText: "A newer version of this site" })).toBeVisible();
  expect(await theme(page), "its records may mean something else").toBe("system");
  await page.getByRole("button", { name: /^Theme/ }).click();
  expect(await theme(page)).toBe("light");
  const settings = await Settings.open(page);
  await settings.autoplay.uncheck();
  await expect(settings.autoplay).not.toBeChecked();
  await settings.paste(`{"format": "breakable", "version": 1, "settings": {"keys": {"value": "off", "at": 5}}}`);
  expect(await storage(page)).toEqual({ [KEY]: newer });
});

test("what shows before the app has started is what it shows then", async ({ page }) => {
  const cases = [
    [READER, "dark still"],
    [READER.replace("breakable 1", "brea\u0000kable"), "dark still"],
    [READER.replace("breakable 1", "breakable 2"), "system"],
    [READER.replace("breakable 1", "breakable 10"), "system"],
    [READER.replace("=dark", "=<b>").replace("=still", "=perhaps"), "system"],
    ["breakable 1\nx theme=dark\n1700000001 theme=light", "light"],
  ];
  const look = () =>
    page.evaluate(() => {
      const { theme = "system", still } = document.documentElement.dataset;
      return still === undefined ? theme : `${theme} still`;
    });
  // The program waits at this gate until the page has been looked at without it.
  let gate = withResolvers();
  await page.route(/\.wasm$/, (route) => gate.promise.then(() => route.continue()));
  await page.goto("texts.txt");
  for (const [kept, expected] of cases) {
    await page.evaluate(([key, kept]) => localStorage.setItem(key, kept), [KEY, kept]);
    gate = withResolvers();
    await page.goto("settings/", { waitUntil: "commit" });
    // What is in the head has run when the body is there.
    await expect(page.locator("#app[data-static]")).toBeAttached();
    expect(await look(), `before: ${kept}`).toBe(expected);
    gate.resolve();
    await mounted(page);
    expect(await look(), `after: ${kept}`).toBe(expected);
  }
});

test("without JavaScript the page says what it lacks", async ({ browser, baseURL }) => {
  const context = await browser.newContext({ javaScriptEnabled: false, baseURL });
  const page = await context.newPage();
  await page.goto("settings/");
  // What is in a noscript is no text for getByText.
  await expect(page.locator("main noscript p")).toBeVisible();
  await expect(page.locator("main noscript p")).toContainText("need JavaScript");
  await context.close();
});

test("a full disk is told once, costs nothing while the page is open, and is tried again", async ({ page }) => {
  await page.addInitScript(() => {
    window.full = !sessionStorage.getItem("room");
    const set = Storage.prototype.setItem;
    Storage.prototype.setItem = function (...pair) {
      if (window.full && this === localStorage) throw new DOMException("no more room", "QuotaExceededError");
      return set.apply(this, pair);
    };
  });
  const settings = await Settings.open(page);
  await settings.theme("Dark").check({ force: true });
  await settings.keys.uncheck();
  const notice = page.locator(".kept-notice");
  await expect(notice).toContainText("This browser's storage is full");
  await expect(notice).toHaveCount(1);
  await notice.getByRole("button", { name: "Close" }).click();
  await settings.autoplay.uncheck();
  await expect(settings.main.getByText("This browser's storage is full")).toBeVisible();
  await expect(notice, "once a page").toHaveCount(0);
  expect(await theme(page)).toBe("dark");
  await expect(settings.keys).not.toBeChecked();
  expect(JSON.parse(await settings.save()).settings.theme.value, "it can be taken along").toBe("dark");
  expect(await storage(page)).toEqual({});

  // Meanwhile another tab writes, and then there is room.
  await page.evaluate((key) => {
    window.full = false;
    localStorage.setItem(key, "breakable 1\n1700000000 seen/elsewhere=\n1700000000 theme=light");
  }, KEY);
  await settings.button("Try to store it again").click();
  await expect(settings.main.getByText("This browser's storage is full")).toHaveCount(0);
  expect(await settings.kept(), "both").toEqual(["autoplay=off", "keys=off", "seen/elsewhere=", "theme=dark"]);
});

test("blocked storage: all works for the visit, and the settings say so", async ({ page }) => {
  await page.addInitScript(() => {
    Object.defineProperty(window, "localStorage", {
      get() {
        throw new DOMException("refused", "SecurityError");
      },
    });
  });
  const settings = await Settings.open(page);
  await expect(settings.main.getByText("This browser gives the site no storage")).toBeVisible();
  await settings.theme("Dark").check({ force: true });
  expect(await theme(page)).toBe("dark");
  await settings.still.check();
  expect(JSON.parse(await settings.save()).settings.motion.value).toBe("still");
  await settings.button("Forget everything").click();
  await settings.button("Yes, forget it").click();
  await expect(settings.still).not.toBeChecked();
  expect(await theme(page)).toBe("system");
  await page.goto(`q/${first.slug}/?autoplay=0`);
  await mounted(page);
  await expect(page.locator(".kept-notice")).toHaveCount(0);
});

test("two tabs show the same and take nothing from each other", async ({ context, page }) => {
  const one = await Settings.open(page);
  const other = await context.newPage();
  const two = await Settings.open(other);
  await one.theme("Dark").check({ force: true });
  await expect.poll(() => theme(other)).toBe("dark");
  await expect(two.theme("Dark")).toBeChecked();
  await two.keys.uncheck();
  await expect(one.keys).not.toBeChecked();
  await other.goto(`q/${first.slug}/?autoplay=0`);
  await mounted(other);
  await expect(one.remembered.getByRole("link")).toHaveCount(1);
  await one.autoplay.uncheck();
  expect(await one.kept()).toEqual(["autoplay=off", "keys=off", `seen/${first.slug}=`, "theme=dark"]);
  // What one throws away, the other does not write again.
  await one.button("Forget everything").click();
  await one.button("Yes, forget it").click();
  await expect.poll(() => theme(other)).toBe("system");
  await other.getByRole("button", { name: /^Theme/ }).click();
  await expect.poll(() => one.kept()).toEqual(["theme=light"]);
});

test("saved, forgotten and imported: all is as it was", async ({ page }) => {
  await keep(page, { [KEY]: READER });
  const settings = await Settings.open(page);
  const before = (await storage(page))[KEY];
  const kept = await settings.kept();
  await page.getByText("Your notes, 7 words").click();
  await expect(settings.remembered).toContainText('Count, then "refuse".\nTwo \\ data centres?', { useInnerText: true });
  const file = await settings.save();
  expect(JSON.parse(file)).toMatchObject({ format: "breakable", version: 1 });

  await settings.button("Forget progress").click();
  await expect(settings.button("Keep it"), "nothing is lost by a key too many").toBeFocused();
  await page.keyboard.press("Escape");
  await expect(settings.button("Forget progress")).toBeFocused();
  expect(await settings.kept()).toEqual(kept);
  await settings.button("Forget progress").click();
  await settings.button("Yes, forget it").click();
  expect(await settings.kept()).toEqual(kept.filter((record) => !/^(seen|interview)/.test(record)));
  // What the page that keeps the site for offline was told.
  await page.evaluate(() => localStorage.setItem("breakable.offline", "off"));
  await settings.button("Forget everything").click();
  await expect(settings.forgetting.getByRole("group")).toContainText("1 page of notes");
  await settings.button("Yes, forget it").click();
  await expect(settings.forgetting.getByRole("status")).toHaveText("Forgotten.");
  expect(await storage(page)).toEqual({});
  expect(await theme(page)).toBe("system");

  const chosen = { name: "breakable.json", mimeType: "application/json", buffer: Buffer.from(file) };
  await settings.transfer.getByLabel("A saved file").setInputFiles(chosen);
  await expect(settings.outcome).toContainText("Taken over: 1 opened question, 1 interview, 1 page of notes, the theme, the setting of single keys and the setting of motion.");
  expect(await settings.kept()).toEqual(kept);
  expect((await storage(page))[KEY].split("\n").sort(), "with its times").toEqual(before.split("\n").sort());
  expect(await theme(page)).toBe("dark");

  // A copy of a copy, by the clipboard; replacing; and back.
  await page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
  await settings.button("Copy as text").click();
  await expect(settings.transfer.getByText("Copied.")).toBeVisible();
  const copied = JSON.parse(await page.evaluate(() => navigator.clipboard.readText()));
  expect(copied.questions).toEqual(JSON.parse(file).questions);
  await page.getByRole("radio", { name: "Replace what is here" }).check({ force: true });
  const said = await settings.paste(`{"format": "breakable", "version": 1, "settings": {"theme": {"value": "light", "at": 5}}}`);
  expect(said).toContain("Taken over: the theme.");
  expect(said).toContain("no longer here: 1 opened question");
  expect(await settings.kept()).toEqual(["theme=light"]);
  await settings.button("Undo the import").click();
  expect(await settings.kept()).toEqual(kept);
});

test("files that are no export, or in part, get a sentence", async ({ page }) => {
  const settings = await Settings.open(page);
  const kept = await settings.kept();
  const deep = "[".repeat(50_000) + "]".repeat(50_000);
  const refused = [
    ["", "no text to import"],
    ["<html>", "not JSON"],
    ["[1, 2]", "not an export"],
    [deep, "not an export"],
    ['{"format": "other"}', '"format" is not "breakable"'],
    ['{"format": "breakable", "version": 9}', "version 9"],
    ["x".repeat(1_000_001), "1.0 MB large"],
  ];
  for (const [text, says] of refused) {
    const said = await settings.paste(text);
    expect(said, text.slice(0, 40)).toContain(says);
    expect(said).toContain("Nothing was changed");
  }
  const large = { name: "film.json", mimeType: "application/json", buffer: Buffer.alloc(3_000_000, "x") };
  await settings.transfer.getByLabel("A saved file").setInputFiles(large);
  await expect(settings.outcome).toContainText("film.json is 3.0 MB large");
  expect(await settings.kept()).toEqual(kept);

  const many = Object.fromEntries(Array.from({ length: 40 }, (_, i) => [`<img src=x onerror=alert(${i})>`, { opened: 1 }]));
  const said = await settings.paste(
    JSON.stringify({ format: "breakable", version: 1, questions: { ...many, [first.slug]: { opened: 5, interview: { had: 7, of: 2, at: 1 } } } }),
  );
  expect(said).toContain("Taken over: 1 opened question.");
  expect(said).toContain("questions.<img src=x onerror=alert(0)>: this site has no such question.");
  expect(said).toContain("And 29 more.");
  expect(await settings.kept()).toEqual([`seen/${first.slug}=`]);
});

test("a question does as the settings say, after a reload too", async ({ page }) => {
  const settings = await Settings.open(page);
  await settings.autoplay.uncheck();
  await settings.still.check();
  const stage = await Stage.open(page, first.slug);
  await expect(stage.play, "it waits").toBeVisible();
  expect(await page.evaluate(() => "still" in document.documentElement.dataset)).toBe(true);
  const start = await stage.seconds();
  await page.keyboard.press("]");
  await expect.poll(() => stage.seconds()).toBeGreaterThan(start);

  // The switch among the keys is the same one.
  await page.keyboard.press("?");
  const keys = page.getByRole("dialog", { name: "Keys" });
  await keys.getByRole("switch").uncheck();
  await keys.getByRole("button", { name: "Close" }).click();
  await page.reload();
  await stage.ready();
  await stage.timeline.blur();
  await page.keyboard.press("]");
  await page.keyboard.press("/");
  await page.keyboard.press("?");
  await stage.frames();
  await expect(keys, "nor the one that lists them").toBeHidden();
  expect(await stage.seconds(), "single keys do nothing").toBe(start);
  await expect(page, "also not the slash").toHaveURL(new RegExp(`/q/${first.slug}/$`));

  // An address that asks for more gets it.
  await page.goto(`q/${first.slug}/?autoplay=1`);
  await stage.ready();
  await expect(stage.pause).toBeVisible();
});

test("notes of an interview survive a closed tab, and can be put aside", async ({ context, page }) => {
  const address = `q/${first.slug}/?interview=20&autoplay=0`;
  await page.goto(address);
  await mounted(page);
  const notes = page.getByRole("textbox", { name: "Your notes" });
  await notes.fill("Count \\ then refuse.\nAsk about clocks.");
  // This kind of closing is not waited for, and what was typed is kept on the way.
  const closed = page.waitForEvent("close");
  await page.close({ runBeforeUnload: true });
  await closed;
  const again = await context.newPage();
  await again.goto(address);
  const kept = again.getByRole("textbox", { name: "Your notes" });
  await expect(kept).toHaveValue("Count \\ then refuse.\nAsk about clocks.");
  await again.getByRole("button", { name: "Begin with empty notes" }).click();
  await expect(kept).toHaveValue("");
  await again.getByRole("button", { name: "Bring the notes back" }).click();
  await expect(kept).toHaveValue("Count \\ then refuse.\nAsk about clocks.");
  expect(await kept.getAttribute("maxlength")).toBe("4000");
});

test("all of it works from the keyboard", async ({ page }) => {
  await Library.open(page);
  await page.getByRole("banner").getByRole("link", { name: "Settings" }).focus();
  await page.keyboard.press("Enter");
  const settings = new Settings(page);
  await settings.ready();
  await settings.theme("As the system").focus();
  await page.keyboard.press("ArrowRight");
  await page.keyboard.press("ArrowRight");
  expect(await theme(page)).toBe("dark");
  for (const box of [settings.autoplay, settings.still, settings.keys]) {
    await page.keyboard.press("Tab");
    await expect(box).toBeFocused();
    await page.keyboard.press("Space");
  }
  expect(await settings.kept()).toEqual(["autoplay=off", "keys=off", "motion=still", "theme=dark"]);
  await settings.button("Forget everything").focus();
  await page.keyboard.press("Enter");
  await expect(settings.button("Keep it")).toBeFocused();
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  await expect(settings.button("Forget progress")).toBeFocused();
  expect(await storage(page)).toEqual({});
});

test("what is kept for offline is shown and can be asked for", async ({ page }) => {
  // The module's part is played here, as its contract says; its own tests play it for real.
  await page.route("**/assets/offline-*.js", (route) =>
    route.fulfill({ contentType: "text/javascript", body: "export const keep = () => {};" }),
  );
  await page.addInitScript(() => {
    window.asked = [];
    const tell = (detail) => document.dispatchEvent(new CustomEvent("breakable-offline", { detail }));
    const states = {
      check: { state: "ready", message: "Every page works without a network.", bytes: 8.2e6, bytesAll: 8.2e6, version: "0.1.0 (a1b2c3d)", update: "" },
      remove: { state: "off", message: "Nothing is kept for offline.", bytes: 0, bytesAll: 8.2e6, version: "", update: "" },
      save: { state: "saving", message: "Saving.", bytes: 2e6, bytesAll: 8.2e6, version: "", update: "" },
    };
    document.addEventListener("breakable-offline-ask", (event) => {
      event.stopImmediatePropagation();
      window.asked.push(event.detail);
      tell(states[event.detail]);
    });
    document.addEventListener("readystatechange", () => {
      document.getElementById("app").dataset.offline ||= "offline-played.js";
    });
  });
  const { offline } = await Settings.open(page);
  await expect(offline.getByRole("status")).toHaveText("Every page works without a network.");
  await expect(offline).toContainText("8.2 MB on this device. Version 0.1.0 (a1b2c3d).");
  await offline.getByRole("button", { name: "Look for a new version" }).click();
  await offline.getByRole("button", { name: "Remove" }).click();
  await expect(offline.getByRole("status")).toHaveText("Nothing is kept for offline.");
  await offline.getByRole("button", { name: "Save for offline" }).click();
  await expect(offline).toContainText("2.0 of 8.2 MB");
  expect(await page.evaluate(() => window.asked)).toEqual(["check", "check", "remove", "save"]);
});

test("an embed touches no storage, whatever is done in it", async ({ page }) => {
  await page.addInitScript(() => {
    window.touched = 0;
    const real = window.localStorage;
    Object.defineProperty(window, "localStorage", { get: () => (window.touched++, real) });
  });
  const stage = await Stage.open(page, first.slug, { kind: "embed", query: "?autoplay=0" });
  await page.keyboard.press("?");
  await page.getByRole("dialog", { name: "Keys" }).getByRole("switch").uncheck();
  await page.getByRole("dialog", { name: "Keys" }).getByRole("button", { name: "Close" }).click();
  const start = await stage.seconds();
  await page.keyboard.press("]");
  expect(await stage.seconds(), "it counts for the visit").toBe(start);
  expect(await page.evaluate(() => window.touched)).toBe(0);
  await expect(page.getByRole("link", { name: "Settings" })).toHaveCount(0);
});

test("nothing for axe to find, and a phone's targets are 44 px", async ({ page }) => {
  await keep(page, { [KEY]: `${READER.replace("theme=dark", "theme=system")}\ndamage` });
  const settings = await Settings.open(page);
  await settings.paste('{"format": "breakable", "version": 1, "x": 1}');
  await settings.button("Forget everything").click();
  for (const summary of await settings.main.locator("summary").all()) await summary.click();
  await expectNothingFound(page);
  await resize(page, { width: 390, height: 844 });
  const small = await page.evaluate(() =>
    [...document.querySelectorAll("main :is(button, summary, .switch, .segmented label), header :is(a, button)")]
      .filter((e) => e.checkVisibility() && e.getBoundingClientRect().height < 44)
      .map((e) => e.innerText),
  );
  expect(small, "targets of 44 px").toEqual([]);
});
