// What the site does beside the questions themselves, once in every engine: embeds, offline, sharing, presenting, labs.
import { expect, test } from "./test.js";
import { Page, Stage } from "../drivers/page.js";
import { host } from "../support/foreign.js";
import { Host, siteAt } from "../support/host.js";
import { questionsWith } from "../support/labs.js";
import { faultsOf, questions, sim } from "../support/runner.js";
import base from "../playwright.config.js";

const SLUG = "rate-limiter-design";
const [FAULT] = faultsOf(questions.find(({ slug }) => slug === SLUG));

test("an embed runs in somebody else's page and answers", async ({ page, site }) => {
  const post = `<!DOCTYPE html><html lang="en"><meta charset="utf-8"><title>Post</title>
    <script src="${site.url}embed.js"></script>
    <breakable-widget question="${SLUG}" autoplay="0"><a href="${site.url}q/${SLUG}/">The simulation</a></breakable-widget>`;
  const server = await host({ "/": post });
  await page.goto(server.origin);
  const state = await page.run(async () => {
    const widget = document.querySelector("breakable-widget");
    await widget.load({ query: "autoplay=0" });
    await widget.set({ knobs: { limit: 20 }, seed: 7 });
    await widget.act("burst", { count: 30 }, "2s");
    await widget.seek(12);
    return widget.query();
  });
  const native = sim("run", SLUG, "--link", state.link, "--json");
  expect(native).toMatchObject({ seed: 7, knobs: { limit: 20 } });
  expect(state).toMatchObject({ digest: native.digest, seed: 7, time: 12, notes: [] });
  const frame = await page.run(() => {
    const { width, height } = document.querySelector("breakable-widget").shadowRoot.querySelector("iframe").getBoundingClientRect();
    return { width, height };
  });
  expect(frame.height, "the height that it needs").toBeGreaterThan(400);
  await server.close();
});

test("two sides run under the same traffic", async ({ page }) => {
  const stage = await Stage.open(page, `q/${SLUG}/?autoplay=0`);
  await stage.seek(0.2);
  const one = await stage.digest();
  await stage.sides.click();
  await expect.poll(() => stage.digest()).toBe(one + one);
  await stage.timeline.focus();
  await page.press("Home");
  await stage.knob("Limit N").click({ x: 0.9 });
  await stage.seek(0.4);
  const two = await stage.digest();
  expect(two.slice(0, 16)).not.toBe(two.slice(16));
});

test("a moment is shared, as a link and as a picture", async ({ page, tabs }) => {
  const stage = await Stage.open(page, `q/${SLUG}/?autoplay=0`);
  await stage.seek(0.4);
  await stage.share.click();
  const dialog = await page.spot({ role: "dialog", name: "Share" }).appears();
  const link = await dialog.spot({ role: "textbox", name: "Link" }).value();
  expect(link).toContain("#r=");
  await dialog.spot({ role: "button", name: "Copy picture" }).click();
  await expect.poll(() => dialog.spot({ css: "[role=status]" }).text()).toBe("Picture copied.");
  await page.press("Escape");
  await dialog.disappears();
  const focused = () => page.run(() => document.activeElement.textContent);
  await expect.poll(focused, { message: "the focus is where it was" }).toContain("Share");
  const other = await tabs.open();
  const there = await Stage.open(other, link);
  await expect.poll(() => there.moment()).toEqual(await stage.moment());
});

test("a talk: the speaker's window has the same run", async ({ page, tabs }) => {
  const stage = await Stage.open(page, `present/${SLUG}/?autoplay=0`);
  const progress = page.spot({ css: ".talk-bar .talk-progress" });
  await expect.poll(() => progress.text()).toMatch(/^1 of \d+$/);
  await stage.seek(0.3);
  const speaker = await tabs.opened(() => page.press("n"));
  const desk = new Stage(speaker);
  await desk.ready();
  await expect.poll(() => desk.digest()).toBe(await stage.digest());
  const before = await stage.digest();
  await desk.fault(FAULT.label).click();
  await desk.stand();
  await expect.poll(() => stage.digest()).not.toBe(before);
  await expect.poll(async () => (await desk.digest()) === (await stage.digest())).toBe(true);
  await speaker.spot({ role: "button", name: "Next" }).click();
  await expect.poll(() => progress.text()).toMatch(/^2 of \d+$/);
});

/** What a lab says when it has begun to work. The modules of the larger ones take a slow machine their time. */
const PATIENCE = { timeout: 60_000 };
const status = (fold) => expect.poll(() => fold.spot({ css: "[role=status]" }).text(), PATIENCE);
const LABS = {
  events: (fold) => fold.spot({ css: ".events-table" }).appears(),
  graph: (fold) => status(fold).toContain("Status 200"),
  wire: (fold) => status(fold).toContain("Protobuf"),
  async sql(fold, page) {
    const run = fold.spot({ role: "button", name: "Run" });
    const idle = () => expect.poll(() => run.attribute("aria-disabled"), PATIENCE).toBe("false");
    await idle();
    await fold.spot({ role: "textbox", name: "SQL" }).click();
    await page.press("Control+a");
    await page.type("SELECT 40 + 2 AS answer");
    await run.click();
    await expect.poll(() => fold.spot({ css: "[role=region][aria-label=Rows] td" }).text(), PATIENCE).toBe("42");
  },
};

for (const [lab, works] of Object.entries(LABS)) {
  for (const slug of questionsWith(lab)) {
    test(`${slug}: the lab opens and works`, async ({ page }) => {
      await Stage.open(page, `q/${slug}/?autoplay=0`);
      await page.spot({ css: `details[data-lab=${lab}] > summary` }).click();
      await works(page.spot({ css: `details[data-lab=${lab}]` }), page);
    });
  }
}

test.describe("without a network", () => {
  // What the browsers say of a host that is gone.
  test.use({ expectedComplaints: [/NetworkError|Failed to load|Load failed|net::ERR/i] });

  test("every question starts after one visit", async ({ tabs }) => {
    const gone = await new Host(await siteAt(base.use.baseURL)).open();
    const { tab } = await tabs.open();
    const page = new Page(tab, gone.address);
    await page.goto("./");
    const kept = await page.run(
      () =>
        new Promise((done) => {
          document.addEventListener("breakable-offline", ({ detail }) => detail.state === "ready" && done(detail.message));
          document.dispatchEvent(new CustomEvent("breakable-offline-ask", { detail: "save" }));
        }),
    );
    expect(kept).toContain("without a network");
    await gone.close();
    const golden = Object.entries(sim("golden"));
    for (const slug of [SLUG, "saga-consistency"]) {
      const [, { link, digest }] = golden.find(([name]) => name.startsWith(`${slug}/`));
      const stage = await Stage.open(page, `q/${slug}/${link}`);
      await expect.poll(() => stage.digest(), slug).toBe(digest);
    }
  });
});
