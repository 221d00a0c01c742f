// What is drawn when: nothing jumps while a page comes, and a page that plays rests in every other frame.
import { questions } from "../support/runner.js";
import { expect, test } from "../support/test.js";
import { Stage } from "../pages/stage.js";

/** Adds up how far what is seen moves by itself: https://web.dev/articles/cls; 0.1 and less counts as good there. */
const watchShifts = (page) =>
  page.addInitScript(() => {
    window.shifts = [];
    const named = (node) => (node?.nodeType === Node.TEXT_NODE ? node.parentElement : node)?.className;
    new PerformanceObserver((list) => {
      for (const { value, sources } of list.getEntries()) {
        window.shifts.push({ value, of: sources.map(({ node }) => String(named(node))) });
      }
    }).observe({ type: "layout-shift", buffered: true });
  });

// The page comes with a picture in both layouts, and with both sides of an A|B.
for (const { slug } of questions) {
  for (const [kind, width, height] of [["q", 412, 823], ["q", 1440, 900], ["embed", 412, 823]]) {
    test(`${kind}/${slug}/: nothing jumps while it comes to a window of ${width} px`, async ({ page }) => {
      await page.setViewportSize({ width, height });
      await watchShifts(page);
      const stage = await Stage.open(page, slug, { kind });
      await expect.poll(() => stage.seconds()).toBeGreaterThan(0.5);
      const shifts = await page.evaluate(() => window.shifts);
      const sum = shifts.reduce((sum, { value }) => sum + value, 0);
      expect(sum, JSON.stringify(shifts)).toBeLessThan(0.01);
    });
  }
}

test("a page that plays touches what is on it in every other frame at most", async ({ page }) => {
  const stage = await Stage.open(page, "api-versioning");
  await expect.poll(() => stage.seconds()).toBeGreaterThan(0.2);
  const touched = await stage.region.evaluate(
    (region) =>
      new Promise((done) => {
        const frames = [];
        let changes = 0;
        const count = (records) => (changes += records.length);
        const observer = new MutationObserver(count);
        observer.observe(region, { subtree: true, childList: true, attributes: true, characterData: true });
        const frame = () => {
          count(observer.takeRecords());
          frames.push(changes);
          changes = 0;
          if (frames.length < 120) {
            requestAnimationFrame(frame);
          } else {
            done(frames);
          }
        };
        requestAnimationFrame(frame);
      }),
  );
  const busy = touched.filter((changes) => changes > 0).length;
  expect(busy, "it plays").toBeGreaterThan(20);
  expect(busy, String(touched)).toBeLessThanOrEqual(66);
});

test("a name goes where its row goes, in the same frame", async ({ page }) => {
  // The pipelines with most waiting come first, and a phone has room for three.
  await page.setViewportSize({ width: 390, height: 844 });
  await Stage.open(page, "monolith-vs-microservices", { query: "?layout=services&speed=2" });
  const orders = await page.evaluate(
    () =>
      new Promise((done) => {
        const seen = new Set();
        let frames = 0;
        const frame = () => {
          const texts = [...document.querySelector("svg.scene").querySelectorAll("text")];
          const column = texts.find((text) => text.textContent === "Pipelines").getAttribute("x");
          const rows = texts.filter((text) => text.getAttribute("x") === column && /^[A-Z][a-z]+$/.test(text.textContent));
          seen.add(rows.map((text) => text.textContent).join(" "));
          if (++frames < 300) {
            requestAnimationFrame(frame);
          } else {
            done([...seen]);
          }
        };
        requestAnimationFrame(frame);
      }),
  );
  expect(orders.length, "rows change places").toBeGreaterThan(3);
  for (const order of orders) {
    const names = order.split(" ");
    expect(new Set(names).size, order).toBe(names.length);
  }
});
