// The test function of the tests that run in every engine.
import { expect, test as runner } from "@playwright/test";
import base from "../playwright.config.js";
import { Page } from "../drivers/page.js";
import { watched } from "../drivers/watched.js";

export { expect };

const SITE = base.use.baseURL;

export const test = runner.extend({
  /** The browser, one for all tests of a worker. */
  engine: [
    async ({}, use, { project }) => {
      const { launch } = await import(`../drivers/${project.metadata.engine}.js`);
      const engine = await launch();
      console.log(`${engine.name}: ${engine.version}`);
      await use(engine);
      await engine.close();
    },
    { scope: "worker", timeout: 120_000 },
  ],

  /** The site, told of what goes wrong in its pages. */
  site: async ({}, use) => {
    const site = await watched(SITE);
    await use(site);
    await site.close();
  },

  /** What the test expects pages to complain about, as regular expressions. */
  expectedComplaints: [[], { option: true }],

  /** Tabs that share what the site keeps, with nothing kept at first. */
  tabs: async ({ engine, site, expectedComplaints }, use) => {
    const own = await engine.isolated();
    const tabs = {
      /** A new one, of the size of a laptop's window. */
      async open([width, height] = [1440, 900]) {
        const page = new Page(await own.tab(), site.url);
        await page.tab.resize(width, height);
        return page;
      },
      /** The one that a page opens when this is done. */
      async opened(doing) {
        const before = await own.tabs();
        await doing();
        let tab;
        await expect.poll(async () => (tab = await own.opened(before)) !== undefined, { message: "a window opens" }).toBe(true);
        return new Page(tab, site.url);
      },
    };
    await use(tabs);
    await own.close();
    const unexpected = [...site.complaints, ...own.complaints].filter(
      (complaint) => !expectedComplaints.some((pattern) => pattern.test(complaint)),
    );
    expect(unexpected, "what the pages complained about").toEqual([]);
  },

  page: async ({ tabs }, use) => use(await tabs.open()),
});
