// Nothing that a reader, a link, a message, a file or a page around an embed supplies becomes markup, and nothing of it
// runs. That no policy was violated, and that no other host was asked, the fixture of every test sees to.
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "../support/test.js";
import { host } from "../support/foreign.js";
import { questionsWith } from "../support/labs.js";
import { questions } from "../support/runner.js";
import { mounted } from "../support/mounted.js";
import { GraphLab } from "../pages/graph-lab.js";
import { KEY, Settings } from "../pages/settings.js";
import { SqlLab } from "../pages/sql-lab.js";

const [{ slug }] = questions;
const RUN = "globalThis.ran=1";
/** Leaves an attribute, an element and a script, whichever it stands in. */
const MARKUP = `'"></p></script><img src=x onerror=${RUN}><svg onload=${RUN}><a href=javascript:${RUN}>x</a><script>${RUN}</script>`;
const HOSTILE = [MARKUP, `javascript:${RUN}`, "{{7*7}}${7*7}", "\u202e\u2066gnp.exe\u2069", "a\u0000b", "\ufffd\ud800", "x".repeat(20_000)];

/** Fails where anything hostile has become an element or has run, in the page and in the roots within it. */
async function harmless(page, where) {
  const found = await page.evaluate(() => {
    const bad = "[onerror], [onload], [onclick], img[src='x'], a[href^='javascript:' i], script:not([src])";
    // 404.html has a script of its own in it.
    const own = (element) => element.localName === "script" && !element.textContent.includes("globalThis.ran");
    const within = (root) => [
      ...[...root.querySelectorAll(bad)].filter((element) => !own(element)),
      ...[...root.querySelectorAll("*")].flatMap((element) => (element.shadowRoot ? within(element.shadowRoot) : [])),
    ];
    return { ran: globalThis.ran, markup: within(document).map((element) => element.outerHTML.slice(0, 200)) };
  });
  expect(found, where).toEqual({ ran: undefined, markup: [] });
}

for (const kind of ["q", "embed", "candidate", "present", "speaker"]) {
  test(`an address says what it likes: ${kind}`, async ({ page }) => {
    const query = new URLSearchParams(["preset", "seed", "speed", "autoplay", "theme", "interview", MARKUP].map((key) => [key, MARKUP]));
    await page.goto(`${kind}/${slug}/?${query}#r=${encodeURIComponent(MARKUP)}`);
    await mounted(page);
    if (kind !== "speaker") {
      await expect(page.locator(".stage-notes"), "it is told as what it is").toContainText("<img src=x");
    }
    await harmless(page, "query");
    for (const text of HOSTILE) {
      await page.evaluate((text) => (location.hash = `#r=${text}`), text);
      await page.evaluate((text) => (location.hash = text), text);
    }
    await harmless(page, "fragment");
  });
}

test.describe("an address that does not exist", () => {
  test.use({ expectedComplaints: [/404/] });
  test("may be spelled in markup", async ({ page }) => {
    await page.goto(`q/${encodeURIComponent(MARKUP)}/?${encodeURIComponent(MARKUP)}#${MARKUP}`);
    await mounted(page);
    await harmless(page, "404");
  });
});

test("messages to an embed are answered in words", async ({ page }) => {
  await page.goto("settings/");
  const answers = await page.evaluate(
    async ([address, hostile]) => {
      const frame = document.createElement("iframe");
      const heard = [];
      const ready = new Promise((done) => addEventListener("message", ({ data }) => (heard.push(data), data.type === "ready" && done())));
      frame.src = address;
      document.body.append(frame);
      await ready;
      let id = 0;
      for (const text of hostile) {
        const all = [
          { type: text }, { type: "load", preset: text }, { type: "load", query: `preset=${text}&${text}=${text}` }, { type: "load", link: text },
          { type: "set", knobs: { [text]: text } }, { type: "set", theme: text, seed: text, speed: text, side: text },
          { type: "act", name: text, args: { [text]: text }, at: text }, { type: "seek", time: text, exact: text }, { type: "query", every: text },
          { type: "query", id: text },
        ];
        for (const message of all) frame.contentWindow.postMessage({ breakable: 1, id: (id += 1), ...message }, "*");
      }
      frame.contentWindow.postMessage({ breakable: 1, type: "query", id: "last" }, "*");
      while (!heard.some((message) => message.id === "last")) await new Promise((next) => setTimeout(next, 20));
      return heard.filter((message) => message.type === "error").map((message) => message.message);
    },
    [new URL(`../embed/${slug}/?autoplay=0`, page.url()).href, HOSTILE],
  );
  expect(answers.length).toBeGreaterThan(HOSTILE.length);
  expect(answers.every((answer) => answer.length < 1_000), "no answer throws a whole message back").toBe(true);
  await harmless(page, "the host");
  await harmless(page.frames()[1], "the embed");
});

test.describe("in a post", () => {
  // The post is another origin by design.
  test.use({ expectedComplaints: [/^request to another host: http:\/\/127\.0\.0\.1:\d+\/$/] });

  test("what a post's author writes into the element stays in its place", async ({ page, baseURL }) => {
    // As careful as a host can be: no text becomes markup there either.
    const policy = `<meta http-equiv="Content-Security-Policy" content="script-src ${new URL(baseURL).origin}; require-trusted-types-for 'script'; trusted-types 'none'">`;
    const quoted = MARKUP.replaceAll("&", "&amp;").replaceAll('"', "&quot;").replaceAll("<", "&lt;");
    const names = ["preset", "query", "link", "theme", "autoplay", "height"];
    const widgets = [
      `<breakable-widget question="${quoted}">${quoted}</breakable-widget>`,
      ...names.map((name) => `<breakable-widget question="${slug}" autoplay="0" ${name}="${quoted}">${quoted}</breakable-widget>`),
      `<breakable-widget question="${slug}" link="javascript:${RUN}"></breakable-widget>`,
    ];
    const server = await host({ "/": `<!DOCTYPE html><title>Post</title>${policy}<script src="${baseURL}embed.js"></script>${widgets.join("")}` });
    await page.goto(server.origin);
    const frames = () =>
      page.evaluate(() => [...document.querySelectorAll("breakable-widget")].flatMap((e) => [...e.shadowRoot.querySelectorAll("iframe")].map((f) => f.src)));
    await expect(page.locator("breakable-widget").first().getByRole("status")).toContainText('There is no question "');
    for (const widget of (await page.locator("breakable-widget").all()).slice(1)) await widget.scrollIntoViewIfNeeded();
    await expect.poll(async () => (await frames()).length).toBe(widgets.length - 1);
    for (const src of await frames()) expect(new URL(src).href.startsWith(`${baseURL}embed/${slug}/`), src).toBe(true);
    await harmless(page, "the post");
    await server.close();
  });
});

/** Everything that takes text on a page is given all of it. */
async function fillAll(page, where) {
  const fields = page.locator(`${where} :is(input:not([type]), input[type=text], input[type=search], textarea)`);
  for (const text of HOSTILE) {
    await fields.evaluateAll((all, text) => {
      for (const field of all.filter((f) => f.checkVisibility() && !f.readOnly && !f.disabled)) {
        field.focus();
        field.value = text;
        for (const name of ["input", "change"]) field.dispatchEvent(new Event(name, { bubbles: true }));
        field.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", bubbles: true, cancelable: true }));
      }
    }, text);
  }
  return fields.count();
}

test("fields of the library, the stage, the speaker and an interview take anything", async ({ page }) => {
  for (const [address, before] of [
    ["./", undefined],
    [`q/${slug}/?autoplay=0&interview=10`, undefined],
    [`q/${slug}/?autoplay=0`, (p) => p.getByRole("tab", { name: "Log" }).click()],
    [`speaker/${slug}/`, undefined],
  ]) {
    await test.step(address, async () => {
      await page.goto(address);
      await mounted(page);
      await before?.(page);
      expect(await fillAll(page, "body"), "there are fields").toBeGreaterThan(0);
      await harmless(page, address);
      await page.reload();
      await mounted(page);
      await harmless(page, `${address} again`);
    });
  }
});

test("what is kept, and what is imported, is shown as text", async ({ page }) => {
  const kept = ["breakable 1", `1 notes/${slug}=${MARKUP}`, `1 theme=${MARKUP}`, `1 ${MARKUP}=${MARKUP}`, MARKUP, `1 done/${slug}/${MARKUP}=`];
  await page.addInitScript(([key, text]) => localStorage.getItem(key) === null && localStorage.setItem(key, text), [KEY, kept.join("\n")]);
  const settings = await Settings.open(page);
  await page.getByText(/^Your notes, /).click();
  await expect(settings.remembered).toContainText("<img src=x");
  await harmless(page, "settings");
  const file = { format: "breakable", version: 1, settings: { [MARKUP]: { value: MARKUP, time: 1 }, theme: { value: MARKUP, time: 1 } }, notes: { [slug]: { value: MARKUP, time: 9e9 }, [MARKUP]: { value: MARKUP, time: 1 } }, [MARKUP]: MARKUP };
  for (const text of [JSON.stringify(file), ...HOSTILE]) await settings.paste(text);
  await harmless(page, "after imports");
});

test("SQL and GraphQL, what they answer and what they refuse, are shown as text", async ({ page }) => {
  const quoted = MARKUP.replaceAll("'", "''");
  const sql = await SqlLab.open(page, questionsWith("sql")[0]);
  await sql.ask(`SELECT '${quoted}' AS "${MARKUP.replaceAll('"', '""')}"`);
  await expect(sql.rows).toContainText("<img src=x");
  for (const text of [MARKUP, `SELECT * FROM "${MARKUP.replaceAll('"', '""')}"`, `CREATE INDEX "<img src=x onerror=${RUN}>" ON orders (status)`]) await sql.ask(text);
  await harmless(page, "SQL");
  const graph = await GraphLab.open(page, questionsWith("graph")[0]);
  for (const text of HOSTILE) await graph.query.fill(`{ product(id: ${JSON.stringify(text)}) { ${text} } }`);
  await graph.query.fill(MARKUP);
  await expect(graph.mistakes.first()).toBeVisible();
  await fillAll(page, "details[data-lab]");
  await harmless(page, "GraphQL");
});

test("within another page the settings do nothing, and nothing is kept", async ({ page }) => {
  await page.addInitScript((key) => localStorage.getItem(key) ?? localStorage.setItem(key, "breakable 1\n1 theme=dark"), KEY);
  await page.goto("accuracy/");
  const before = await page.evaluate(() => ({ ...localStorage }));
  for (const path of ["settings/", `q/${slug}/?interview=10`, `speaker/${slug}/`]) {
    const frame = await page.evaluateHandle(async (src) => {
      const frame = Object.assign(document.createElement("iframe"), { src, width: 1000, height: 900 });
      document.body.prepend(frame);
      await new Promise((loaded) => frame.addEventListener("load", loaded));
      return frame;
    }, new URL(`../${path}`, page.url()).href);
    const inside = await frame.asElement().contentFrame();
    await mounted(inside);
    if (path === "settings/") {
      await expect(inside.getByRole("main")).toContainText("Within another page the settings do nothing.");
      await expect(inside.getByRole("button", { name: /Forget/ })).toHaveCount(0);
    }
    await inside.locator("button.theme").evaluateAll((all) => all.forEach((button) => button.click()));
    await fillAll(inside, "body");
  }
  expect(await page.evaluate(() => ({ ...localStorage }))).toEqual(before);
});

test.describe("a page of another origin", () => {
  test.use({ expectedComplaints: [[/^request to another host: http:\/\/127\.0\.0\.1:\d+\/$/, /frame-ancestors/, /chrome-error/], { option: true }] });

  test("may frame an embed and nothing else", async ({ page, baseURL }) => {
    const paths = ["embed", "q", "present", "speaker", "candidate"].map((kind) => `${kind}/${slug}/`);
    const frames = [...paths, "settings/", "accuracy/", "./"].map((path) => `<iframe src="${new URL(path, baseURL)}"></iframe>`);
    const server = await host({ "/": `<!DOCTYPE html><title>Host</title>${frames.join("")}` });
    await page.goto(server.origin);
    // Each has been loaded or refused by now; its address may be told a little later.
    const shown = () => page.frames().slice(1).map((frame) => frame.url()).filter((url) => url.startsWith(baseURL));
    await expect.poll(shown, "what is shown").toEqual([`${baseURL}embed/${slug}/`]);
    await server.close();
  });
});

test("every answer of the server says what every host is asked to say", async ({ request, baseURL }) => {
  const list = readFileSync(fileURLToPath(new URL("../../dist/_headers", import.meta.url)), "utf8");
  expect(list).toContain("embed/*\n  Cross-Origin-Embedder-Policy: require-corp");
  for (const [path, framed] of [["./", true], [`q/${slug}/`, true], ["settings/", true], [`embed/${slug}/`, false], ["embed.js", false]]) {
    const headers = (await request.get(new URL(path, baseURL).href)).headers();
    expect(headers["content-security-policy"], path).toBe(framed ? "frame-ancestors 'self'" : undefined);
    expect(headers["referrer-policy"], path).toBe("no-referrer");
    expect(headers["x-content-type-options"], path).toBe("nosniff");
    expect(headers["cross-origin-resource-policy"], path).toBe(framed ? "same-origin" : "cross-origin");
  }
  // Parameters of an oEmbed request are not looked at: the answer is a file.
  const answer = await request.get(new URL(`oembed/${slug}.json?callback=${encodeURIComponent(MARKUP)}&format=xml`, baseURL).href);
  expect(answer.headers()["content-type"]).toBe("application/json");
  expect(await answer.text()).not.toContain("onerror");
});
