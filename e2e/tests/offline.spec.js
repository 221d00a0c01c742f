// Without a network: after one visit every question works from this device; a new version comes when the reader wants
// it; what goes wrong on the way leaves everything as it was.
//
// The site is served by a host of the test's own, which can go away, change its site and answer wrongly.
import { readFileSync } from "node:fs";
import { findings } from "../support/axe.js";
import { chromium } from "@playwright/test";
import { expect, test as watched, unexpected, watch } from "../support/test.js";
import { Host, keptBy, nextVersion, siteAt } from "../support/host.js";
import { draw, fileOf, icons } from "../support/icons.js";
import { questions, sim } from "../support/runner.js";
import { mounted } from "../support/mounted.js";
import { Library } from "../pages/library.js";
import { Settings } from "../pages/settings.js";
import { SqlLab } from "../pages/sql-lab.js";
import { Stage } from "../pages/stage.js";

// What takes the place of the network's errors in the console is not the site's to say.
const NETWORK = [/net::ERR_|404|Failed to load resource|error occurred when fetching the script/];

const test = watched.extend({
  /** The site as it was built. */
  site: [async ({}, use, { project }) => use(await siteAt(project.use.baseURL)), { scope: "worker" }],
  host: async ({ site }, use) => {
    const host = await new Host(site).open();
    await use(host);
    if (host.server.listening) {
      await host.close();
    }
  },
  baseURL: async ({ host }, use) => use(host.address),
});
test.use({ serviceWorkers: "allow", expectedComplaints: NETWORK });
// Keeping the whole site takes a slow machine its time.
test.describe.configure({ timeout: 120_000 });

/** What a question's page loads when it is wanted. The next version has them under other names. */
const LATE_PARTS = ["more", "address", "share", "embed", "embedding"];

/** Asks the module that keeps the site for something and waits until it says this of it. */
const ask = (page, action, state, { update } = {}) =>
  page.evaluate(
    ([action, state, update]) =>
      new Promise((done) => {
        document.addEventListener("breakable-offline", ({ detail }) => {
          if (detail.state === state && (update === undefined || detail.update === update)) {
            done(detail);
          }
        });
        document.dispatchEvent(new CustomEvent("breakable-offline-ask", { detail: action }));
      }),
    [action, state, update],
  );

/** Opens a page and waits until the site is on this device. */
async function visit(page, path = "./") {
  await page.goto(path);
  return ask(page, "save", "ready");
}

const caches = (page) =>
  page.evaluate(async () => {
    const found = {};
    for (const name of await window.caches.keys()) {
      found[name] = (await (await window.caches.open(name)).keys()).map(({ url }) => url);
    }
    return found;
  });

const edition = (page) => page.evaluate(() => document.documentElement.dataset.edition);
/** The last line of the texts that a page is given to search in. */
const lastText = (page) =>
  page.evaluate(async () => {
    const { base } = document.getElementById("app").dataset;
    const texts = await (await fetch(new URL(`${base}texts.txt`, location.href))).text();
    return texts.trimEnd().split("\n").at(-1);
  });
const bar = (page) => page.getByRole("complementary", { name: "New version" });

/** Opens a dialog whose part of the program is loaded with it; returns the modules that were. */
async function useLatePart(page) {
  const modules = [];
  page.on("request", (request) => /assets\/.*\.wasm$/.test(request.url()) && modules.push(request.url()));
  await new Stage(page).region.getByRole("button", { name: "Embed", exact: true }).click();
  await expect(page.getByRole("dialog")).toBeVisible();
  return modules;
}

// One visit serves all of them: keeping the site is what takes long.
test.describe("after one visit, with the host gone", () => {
  test.describe.configure({ mode: "serial", timeout: 240_000 });
  let host, context, complaints;

  test.beforeAll(async ({ browser, site }) => {
    host = await new Host(site).open();
    context = await browser.newContext({ serviceWorkers: "allow", baseURL: host.address });
    complaints = watch(context, host.address);
  });

  test.afterAll(async () => {
    await context.close();
    expect(unexpected(complaints, NETWORK), "what the pages complained about").toEqual([]);
  });

  test("the site is kept when the page has long been there, each file once", async ({ site }) => {
    const page = await context.newPage();
    const start = performance.now();
    await page.goto("./");
    await mounted(page);
    expect(host.requests.filter((path) => /^sw\.js|offline-/.test(path)), "the first load comes alone").toEqual([]);
    // On a busy machine the keeping begins before the network has been idle.
    await page.waitForLoadState("networkidle");
    const first = host.requests.length;
    // Nobody asks for it.
    await expect(page.locator("html")).toHaveAttribute("data-offline", "ready", { timeout: 60_000 });
    const kept = keptBy(site);
    const said = await ask(page, "check", "ready");
    expect(said).toMatchObject({ done: kept.length, all: kept.length, update: "" });
    expect(said.bytes).toBe(kept.reduce((sum, [, , bytes]) => sum + bytes, 0));
    expect(said.message).toContain(`${(said.bytes / 1e6).toFixed(1)} MB`);
    const later = host.requests.slice(first);
    const addresses = kept.map(([path]) => path.replace(/(^|\/)index\.html$/, "$1"));
    for (const address of addresses) {
      expect(later.filter((path) => path === address).length, address).toBeLessThanOrEqual(1);
    }
    const seconds = ((performance.now() - start) / 1000).toFixed(1);
    console.log(`kept: ${kept.length} files, ${said.bytes} bytes, ${later.length} requests, ready after ${seconds} s`);
    await host.close();
    await page.close();
  });

  test("every question starts cold and comes to the runner's digest", async () => {
    const golden = sim("golden");
    for (const { slug } of questions) {
      const [, run] = Object.entries(golden).find(([name]) => name.startsWith(`${slug}/`));
      const page = await context.newPage();
      const stage = await Stage.open(page, slug, { hash: run.link });
      await expect.poll(() => stage.digest(), slug).toBe(run.digest);
      await expect(page.locator("[data-part=rest]"), slug).toContainText(/thirty seconds/i);
      await page.close();
    }
  });

  test("a question runs, a lab answers, the code is shown", async () => {
    const page = await context.newPage();
    const stage = await Stage.open(page, "rate-limiter-design");
    await expect.poll(() => stage.seconds()).toBeGreaterThan(0);
    await page.goto("q/slow-db-queries/?autoplay=0");
    await mounted(page);
    const lab = new SqlLab(page);
    await lab.summary.click();
    await lab.ready();
    expect(await lab.ask("select 6 * 7 as answer")).toMatch(/1 row/);
    await page.close();
  });

  test("the library has its pictures and searches the articles", async () => {
    const page = await context.newPage();
    const library = await Library.open(page);
    await expect
      .poll(() => page.evaluate(() => [...document.images].filter((image) => image.complete && image.naturalWidth > 0).length))
      .toBeGreaterThan(5);
    // A word of the articles; no title has it.
    await library.search.fill("jitter");
    await expect(library.main.locator("a[href*='q/']").filter({ visible: true }).first()).toBeVisible();
    await expect(page.getByText("Nothing matches.")).toBeHidden();
    await page.close();
  });

  test("addresses mean what they mean with a host", async () => {
    const page = await context.newPage();
    const slug = questions[0].slug;
    await page.goto(`q/${slug}?autoplay=0#numbers`);
    await expect(page).toHaveURL(`${host.address}q/${slug}/?autoplay=0#numbers`);
    await new Stage(page).ready();
    await page.goto(`q/${slug}/index.html?autoplay=0`);
    await new Stage(page).ready();
    await expect(page).toHaveURL(`${host.address}q/${slug}/?autoplay=0`);
    for (const unknown of ["no-such-page", "q/no-such-question/", "?whole/"]) {
      const response = await page.goto(unknown);
      await mounted(page);
      if (unknown.startsWith("?")) {
        expect(response.status(), "a query is no other page").toBe(200);
      } else {
        expect(response.status(), unknown).toBe(404);
        await expect(page.getByRole("heading", { level: 1 })).toContainText("no page");
      }
    }
    await page.close();
  });

  test("an embed is shown and keeps nothing", async () => {
    const page = await context.newPage();
    await page.goto("./");
    const before = await caches(page);
    await page.evaluate(() => localStorage.clear());
    await page.goto(`embed/${questions[0].slug}/`);
    await mounted(page);
    await expect(page.getByRole("slider", { name: "Timeline" })).toBeVisible();
    // It has no module to ask, so it never comes to know where things stand.
    await expect(page.locator("#app")).not.toHaveAttribute("data-offline");
    await expect(page.locator("link[rel=manifest]")).toHaveCount(0);
    expect(await caches(page)).toEqual(before);
    expect(await page.evaluate(() => localStorage.length)).toBe(0);
    await page.close();
  });

  test("it is removed when the reader says so, and saved again when asked", async () => {
    const page = await context.newPage();
    const { offline } = await Settings.open(page);
    await expect(offline.getByRole("status")).toContainText("All questions work without a network");
    await offline.getByRole("button", { name: "Remove" }).click();
    await expect(offline.getByRole("status")).toContainText("is removed");
    expect(await caches(page)).toEqual({});
    await host.open();
    await page.goto("./");
    await mounted(page);
    expect((await ask(page, "check", "off")).message).toContain("as you asked");
    expect(Object.keys(await caches(page))).toEqual([]);

    // Also in the middle of it.
    host.fault = (path) => (path.startsWith("code/") ? "hang" : undefined);
    await ask(page, "save", "saving");
    await expect.poll(async () => Object.keys(await caches(page)).length).toBe(1);
    await ask(page, "remove", "off");
    expect(await caches(page)).toEqual({});
    await expect(page.locator("html")).toHaveAttribute("data-offline", "off");
    host.fault = () => undefined;
    await Settings.open(page);
    await offline.getByRole("button", { name: "Save for offline" }).click();
    await expect(page.locator("html")).toHaveAttribute("data-offline", "ready", { timeout: 60_000 });
    await host.close();
    await page.goto(`q/${questions[0].slug}/`);
    await new Stage(page).ready();
  });
});

test("a new version is announced, comes when asked for, and leaves open pages as they are", async ({ context, host, page, site }) => {
  test.setTimeout(120_000);
  const path = `q/${questions[0].slug}/?autoplay=0`;
  await visit(page, path);
  const other = await context.newPage();
  await other.goto(path);
  await new Stage(other).ready();

  // The parts that pages load late have other names now, and the old ones are gone.
  host.site = nextVersion(site, LATE_PARTS, "2");
  const changed = keptBy(host.site).filter(([file, hash]) => !keptBy(site).some(([f, h]) => f === file && h === hash));
  host.requests.length = 0;
  await ask(page, "check", "ready", { update: "ready" });
  await expect(bar(page).getByRole("status")).toContainText("A new version of Breakable is ready.");
  expect(host.requests.filter((asked) => asked !== "sw.js").length, "what is the same is not fetched again").toBe(changed.length);
  console.log(`update: ${host.requests.length} requests for ${changed.length} changed files of ${keptBy(host.site).length}`);
  expect(await findings(page, { within: ".new-version" })).toEqual([]);
  for (const button of await bar(page).getByRole("button").all()) {
    expect((await button.boundingBox()).height).toBeGreaterThanOrEqual(32);
  }

  // A page opened meanwhile is of the version that answers.
  const third = await context.newPage();
  await third.goto(path);
  expect(await edition(third)).toBeUndefined();
  await expect(bar(third)).toBeVisible({ timeout: 20_000 });
  await bar(third).getByRole("button", { name: "Later" }).click();
  await expect(bar(third)).toBeHidden();
  await third.close();

  await bar(page).getByRole("button", { name: "Reload" }).click();
  await expect.poll(() => edition(page).catch(() => null), { timeout: 30_000 }).toBe("2");
  await new Stage(page).ready();
  await useLatePart(page);
  // Still the old page, with a part of its own version that no host has any more, and with its texts; also when the
  // browser has stopped the worker in between, as it does after half a minute.
  const devtools = await context.newCDPSession(page);
  await devtools.send("ServiceWorker.enable");
  await devtools.send("ServiceWorker.stopAllWorkers");
  expect(await edition(other)).toBeUndefined();
  const modules = await useLatePart(other);
  const gone = modules.filter((module) => !host.site.has(module.slice(host.address.length)));
  expect(gone.length, `some of ${modules} is of the old version only`).toBeGreaterThan(0);
  expect(await lastText(other)).not.toBe("edition\t2");
  expect(await lastText(page)).toBe("edition\t2");
  expect(Object.keys(await caches(page))).toHaveLength(2);

  await other.close();
  // The worker looks who is there when a page is opened, and may still see the one that has just been closed.
  const left = async () => {
    await page.goto(path);
    return Object.keys(await caches(page)).length;
  };
  await expect.poll(left, { message: "the old version goes with its last page", timeout: 20_000 }).toBe(1);
});

test("a new version comes at a click, whatever the page fetches meanwhile", async ({ host, page, site }) => {
  test.setTimeout(120_000);
  await visit(page);
  for (const next of ["2", "3"]) {
    host.site = nextVersion(site, LATE_PARTS, next);
    await ask(page, "check", "ready", { update: "ready" });
    await page.evaluate(() => setInterval(() => fetch("texts.txt").catch(() => {}), 10));
    await bar(page).getByRole("button", { name: "Reload" }).click();
    await expect.poll(() => edition(page).catch(() => null)).toBe(next);
    await mounted(page);
    expect((await ask(page, null, "ready")).update, "the page is of the newest version").toBe("");
    await expect(bar(page)).toHaveCount(0);
  }
  // Without a network, and with the browser's own way of changing workers, too.
  await host.close();
  const { context, url } = { context: page.context(), url: page.url() };
  await page.close();
  const later = await context.newPage();
  await later.goto(url);
  expect(await edition(later)).toBe("3");
  expect((await ask(later, null, "ready")).update).toBe("");
  await expect.poll(async () => Object.keys(await caches(later)).length).toBe(1);
});

test("an update that breaks off leaves the old version whole, and goes on later", async ({ host, page, site }) => {
  test.setTimeout(120_000);
  await visit(page);
  const slug = questions[0].slug;
  host.site = nextVersion(site, LATE_PARTS, "2");
  const all = keptBy(host.site);
  const isFile = (path) => path !== "sw.js";
  for (const fault of ["drop", "truncate", "error-page"]) {
    let asked = 0;
    // The first files come as they should, the rest does not.
    host.fault = (path) => (isFile(path) && ++asked > 8 ? fault : undefined);
    const broken = ask(page, "check", "ready", { update: "saving" });
    await broken;
    await expect.poll(async () => (await ask(page, null, "ready")).update, fault).toBe("");
    await host.close();
    await page.goto(`q/${slug}/?autoplay=0`);
    await new Stage(page).ready();
    expect(await edition(page), fault).toBeUndefined();
    await useLatePart(page);
    await expect(bar(page)).toHaveCount(0);
    await page.goto("./");
    await mounted(page);
    await host.open();
  }
  host.fault = () => undefined;
  host.requests.length = 0;
  await ask(page, "check", "ready", { update: "ready" });
  const changed = all.filter(([file, hash]) => !keptBy(site).some(([f, h]) => f === file && h === hash));
  expect(host.requests.filter(isFile).length, "what had arrived is not fetched again").toBeLessThan(changed.length - 20);
  await bar(page).getByRole("button", { name: "Reload" }).click();
  await expect.poll(() => edition(page).catch(() => null), { timeout: 30_000 }).toBe("2");
});

test("a first visit that breaks off says so, and the next one goes on", async ({ host, page, site }) => {
  let asked = 0;
  await page.goto("./");
  await mounted(page);
  host.fault = (path) => (path !== "sw.js" && ++asked > 60 ? "drop" : undefined);
  expect((await ask(page, "save", "failed")).message).toContain("The download broke off");
  host.fault = () => undefined;
  host.requests.length = 0;
  await page.reload();
  await mounted(page);
  await ask(page, "save", "ready");
  expect(host.requests.length).toBeLessThan(keptBy(site).length - 20);
});

test("a site that is being developed removes what a finished one kept at its address", async ({ host, page, site }) => {
  // The page would look after its worker when it is idle, and register it again while it is being removed.
  await page.addInitScript(() => (window.requestIdleCallback = () => {}));
  await visit(page);
  host.site = new Map(site).set("sw.js", readFileSync(new URL("../../xtask/web/sw-off.js", import.meta.url)));
  for (const [path, bytes] of site) {
    if (path.endsWith(".html")) {
      const developed = bytes.toString().replace(/ data-offline="[^"]*"/, "").replace("<html", '<html data-edition="developed"');
      host.site.set(path, Buffer.from(developed));
    }
  }
  // What was kept answers first; the browser finds the other worker behind it.
  await page.goto("./");
  expect(await edition(page)).toBeUndefined();
  // The worker's answer is that it opens the page anew, which may cut this short.
  await page.evaluate(() => void navigator.serviceWorker.ready.then((kept) => kept.update())).catch(() => {});
  await expect.poll(() => edition(page).catch(() => null), { timeout: 30_000 }).toBe("developed");
  await expect
    .poll(() => page.evaluate(async () => (await navigator.serviceWorker.getRegistrations()).length).catch(() => null))
    .toBe(0);
  await expect.poll(() => caches(page).catch(() => null)).toEqual({});
});

test.describe("where nothing can be kept, the page says so and works", () => {
  /** The worker begins with this. */
  const withPrelude = (site, prelude) => new Map(site).set("sw.js", Buffer.from(prelude + site.get("sw.js")));

  test("no room", async ({ host, page, site }) => {
    host.site = withPrelude(
      site,
      `let n = 0; const put = Cache.prototype.put;
       Cache.prototype.put = function (...of) { if (++n > 5) throw new DOMException("full", "QuotaExceededError"); return put.apply(this, of); };\n`,
    );
    await page.goto(`q/${questions[0].slug}/`);
    expect((await ask(page, "save", "failed")).message).toContain("not enough room");
    // The page may just be trying again by itself.
    await expect.poll(() => caches(page), "what was taken is given back").toEqual({});
    await new Stage(page).ready();
  });

  test("storage is blocked", async ({ host, page, site }) => {
    host.site = withPrelude(site, `CacheStorage.prototype.open = () => Promise.reject(new DOMException("no", "SecurityError"));\n`);
    await page.addInitScript(() => {
      Object.defineProperty(window, "localStorage", {
        get() {
          throw new DOMException("no", "SecurityError");
        },
      });
    });
    await page.goto(`q/${questions[0].slug}/`);
    expect((await ask(page, "save", "failed")).message).toContain("does not let the site keep");
    await new Stage(page).ready();
  });

  test("no service workers", async ({ page }) => {
    await page.addInitScript(() => delete Navigator.prototype.serviceWorker);
    await page.goto("./");
    expect((await ask(page, "check", "unavailable")).message).toContain("cannot keep a site");
    await mounted(page);
  });

  test("an address without https", async ({ host }) => {
    const { launchOptions } = test.info().project.use;
    const args = [...launchOptions.args, "--host-resolver-rules=MAP plain.test 127.0.0.1"];
    const browser = await chromium.launch({ ...launchOptions, args });
    try {
      const page = await browser.newPage({ baseURL: host.address.replace("127.0.0.1", "plain.test") });
      await page.goto(`q/${questions[0].slug}/?autoplay=0`);
      expect((await ask(page, "check", "unavailable")).message).toContain("over https");
      await new Stage(page).ready();
    } finally {
      await browser.close();
    }
  });

  test("a host without the worker", async ({ host, page, site }) => {
    host.site = new Map(site);
    host.site.delete("sw.js");
    await page.goto("./");
    expect((await ask(page, "check", "unavailable")).message).toContain("could not be kept");
    await mounted(page);
  });

  test("data is to be saved: only when asked", async ({ host, page }) => {
    await page.addInitScript(() => Object.defineProperty(navigator, "connection", { value: { saveData: true } }));
    await page.goto("./");
    expect((await ask(page, "check", "off")).message).toContain("save data");
    expect(host.requests).not.toContain("sw.js");
    await ask(page, "save", "saving");
    expect(host.requests).toContain("sw.js");
  });
});

test("it can be installed", async ({ host }) => {
  // Not in a private window, which every other test's context is.
  const context = await chromium.launchPersistentContext("", {
    ...test.info().project.use.launchOptions,
    baseURL: host.address,
    serviceWorkers: "allow",
  });
  try {
    const page = await context.newPage();
    await page.goto(`q/${questions[0].slug}/`);
    const devtools = await context.newCDPSession(page);
    const { url, errors, data } = await devtools.send("Page.getAppManifest");
    expect(errors).toEqual([]);
    expect(url).toBe(`${host.address}manifest.webmanifest`);
    const manifest = JSON.parse(data);
    expect(manifest).toMatchObject({ short_name: "Breakable", display: "standalone" });
    expect(new URL(manifest.start_url, url).href).toBe(host.address);
    expect(new URL(manifest.scope, url).href).toBe(host.address);
    for (const { src, sizes, type } of manifest.icons) {
      const response = await page.request.get(new URL(src, url).href);
      expect(response.status(), src).toBe(200);
      expect(response.headers()["content-type"]).toBe(type);
      if (type === "image/png") {
        // Width and height, of the header of a PNG.
        const bytes = await response.body();
        expect(`${bytes.readUInt32BE(16)}x${bytes.readUInt32BE(20)}`).toBe(sizes);
      }
    }
    expect((await devtools.send("Page.getInstallabilityErrors")).installabilityErrors).toEqual([]);
  } finally {
    await context.close();
  }
});

for (const icon of icons) {
  test(`${icon.name}.png is a picture of icon.svg`, async ({ page }) => {
    const kept = readFileSync(fileOf(icon)).toString("base64");
    const drawn = (await draw(page, icon)).toString("base64");
    const difference = await page.evaluate(
      async (pictures) => {
        const [a, b] = await Promise.all(
          pictures.map(async (base64) => {
            const image = new Image();
            image.src = `data:image/png;base64,${base64}`;
            await image.decode();
            const canvas = new OffscreenCanvas(image.width, image.height).getContext("2d");
            canvas.drawImage(image, 0, 0);
            return canvas.getImageData(0, 0, image.width, image.height).data;
          }),
        );
        if (a.length !== b.length) {
          return Infinity;
        }
        return a.reduce((sum, value, at) => sum + Math.abs(value - b[at]), 0) / a.length;
      },
      [kept, drawn],
    );
    // Another version of the browser may smooth an edge differently.
    expect(difference, "mean difference of 255 a channel; `node support/icons.js` draws it anew").toBeLessThan(0.5);
  });
}
