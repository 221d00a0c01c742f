// What every lab that is fetched when it is opened has to do.
import { brotliCompressSync } from "node:zlib";
import { expect, test } from "./test.js";

/**
 * The tests that each of them passes: a question has it, nothing `of` it is fetched before it is opened, and its summary
 * says to within so many megabytes what that loads.
 */
export function fetchedWhenOpened({ name, Lab, slugs, of, within }) {
  const [slug] = slugs;
  const file = (url) => new URL(url).pathname.split("/").at(-1);

  test("a question has the lab", () => {
    expect(slugs.length).toBeGreaterThan(0);
  });

  test("nothing of the lab is fetched until it is opened", async ({ page }) => {
    const asked = [];
    page.on("request", (request) => asked.push(file(request.url())));
    const lab = await Lab.page(page, slug);
    await page.waitForLoadState("networkidle");
    const ofLab = () => asked.filter((name) => of.test(name));
    expect(ofLab()).toEqual([]);
    expect(asked.some((name) => /^lab-/.test(name)), "the loader is there").toBe(true);
    await lab.summary.click();
    await lab.ready();
    expect(ofLab().filter((name) => name.endsWith(".wasm"))).toHaveLength(1);
  });

  test(`what opening it loads is said within ${within} MB`, async ({ page }) => {
    const loads = [];
    const lab = await Lab.page(page, slug);
    page.on("response", (response) => loads.push(response));
    await lab.summary.click();
    await lab.ready();
    const sizes = {};
    for (const response of loads) sizes[file(response.url())] = brotliCompressSync(await response.body()).length;
    const total = Object.values(sizes).reduce((sum, size) => sum + size, 0);
    console.log(`the ${name} lab: ${(total / 1000).toFixed(1)} kB after brotli`, sizes);
    const said = Number(/about ([\d.]+) MB/.exec(await lab.summary.innerText())[1]);
    expect(Math.abs(total / 1e6 - said)).toBeLessThan(within);
  });
}

/** A lab whose program does not come says so. */
export function saysThatItDidNotCome({ Lab, slug, program }) {
  test.describe("without the host", () => {
    test.use({ expectedComplaints: [/ERR_FAILED|Failed to fetch|Failed to load/] });

    test("there is a sentence", async ({ page }) => {
      const lab = await Lab.page(page, slug);
      await page.route(program, (route) => route.abort());
      await lab.summary.click();
      await expect(lab.fold.getByRole("alert")).toContainText("could not be loaded");
    });
  });
}

/** What leaves the page from now on, and all that the browser keeps of it, as text. */
export async function watched(page) {
  await page.waitForLoadState("networkidle");
  const asked = [];
  // What keeps the site for offline comes five seconds after the page, whatever is done in it.
  page.on("request", (request) => /\/offline-[^/?]*\.js$/.test(request.url()) || asked.push(request.url()));
  page.on("websocket", (socket) => asked.push(socket.url()));
  const kept = () =>
    page.evaluate(async () => JSON.stringify([{ ...localStorage }, { ...sessionStorage }, await indexedDB.databases()]));
  return { asked, kept };
}
