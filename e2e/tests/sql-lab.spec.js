// The SQL lab: a real SQLite, fetched when it is opened, that shows plans and what an index changes.
import { expectNothingFound } from "../support/axe.js";
import { expect, test } from "../support/test.js";
import { questionsWith } from "../support/labs.js";
import { fetchedWhenOpened, watched } from "../support/opened-lab.js";
import { mounted } from "../support/mounted.js";
import { SqlLab } from "../pages/sql-lab.js";

const slugs = questionsWith("sql");
const [slug] = slugs;

const ONE_CUSTOMER = "SELECT id, total_cents FROM orders WHERE customer_id = 4711 ORDER BY id";
const ENDLESS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n";

fetchedWhenOpened({ name: "SQL", Lab: SqlLab, slugs, of: /^sql/, within: 0.1 });

test.describe("while the app is still on its way", () => {
  // What the app asks for waits for it, and the browser wonders whether it is wanted at all.
  test.use({ expectedComplaints: [/was preloaded using link preload but not used/] });

  test("the lab opened before the app stands works on", async ({ page }) => {
    const lab = new SqlLab(page);
    let release;
    const held = new Promise((resolve) => (release = resolve));
    await page.route(/assets\/app-.*\.wasm$/, async (route) => {
      await held;
      await route.continue();
    });
    await page.goto(`q/${slug}/?autoplay=0`, { waitUntil: "commit" });
    await lab.summary.click();
    await lab.ready();
    await lab.sql.fill("SELECT 6 * 7");
    release();
    await mounted(page);
    await expect(lab.sql).toHaveValue("SELECT 6 * 7");
    await lab.run.click();
    await lab.ready();
    expect(await lab.cells()).toEqual([["42"]]);
  });
});

test("the tables are large, skewed, and the same for everybody", async ({ page }) => {
  const lab = await SqlLab.open(page, slug);
  await lab.ask("SELECT count(*) FROM orders");
  const [[orders]] = await lab.cells();
  expect(Number(orders)).toBeGreaterThanOrEqual(200_000);
  await lab.ask("SELECT sum(customer_id), sum(total_cents), count(*) FILTER (WHERE status = 'pending') FROM orders");
  expect(await lab.cells()).toEqual([["1244255291", "12520878255", "478"]]);
  await lab.ask("SELECT count(*) AS n FROM orders GROUP BY customer_id ORDER BY n DESC LIMIT 1");
  expect(Number((await lab.cells())[0][0]), "the busiest customer").toBeGreaterThan(5_000);
});

test("an index turns the scan into a search, and the work falls", async ({ page }) => {
  const lab = await SqlLab.open(page, slug);
  await lab.ask(ONE_CUSTOMER);
  await expect(lab.plan).toContainText("SCAN orders");
  await expect(lab.plan).toContainText("reads all");
  const before = await lab.cells();

  await lab.ask("CREATE INDEX orders_customer ON orders (customer_id)");
  await expect(lab.button("Drop orders_customer")).toBeVisible();
  expect(await lab.ask(ONE_CUSTOMER)).toContain("times fewer steps than with no index");
  await expect(lab.plan).toContainText("SEARCH orders USING INDEX orders_customer (customer_id=?)");
  await expect(lab.plan).toContainText("looks up");
  expect(await lab.cells(), "the same rows").toEqual(before);

  const [without, indexed] = await lab.measurements();
  expect([without.label, indexed.label]).toEqual(["no index", "orders_customer"]);
  expect(without.rowsOut).toBe(indexed.rowsOut);
  expect(indexed.steps * 100, "steps of the virtual machine").toBeLessThan(without.steps);
  expect(indexed.pages * 10, "pages looked at").toBeLessThan(without.pages);
  expect(without.scanned).toBeGreaterThanOrEqual(200_000 - 1);
  expect(indexed.scanned).toBe(0);

  await lab.button("Drop orders_customer").click();
  await lab.ready();
  await expect(lab.button("Drop orders_customer")).toHaveCount(0);
  await lab.ask(ONE_CUSTOMER);
  await expect(lab.plan).toContainText("SCAN orders");
});

test("a query is measured without the indexes, which stay", async ({ page }) => {
  const lab = await SqlLab.open(page, slug);
  await lab.ask("CREATE INDEX orders_customer ON orders (customer_id)");
  await lab.ask(ONE_CUSTOMER);
  await lab.button("Measure it without the indexes").click();
  await lab.ready();
  await expect(lab.status).toContainText("Your indexes are still there");
  const [indexed, without] = await lab.measurements();
  expect([indexed.label, without.label]).toEqual(["orders_customer", "no index"]);
  expect(indexed.steps * 100).toBeLessThan(without.steps);
  await lab.ask(ONE_CUSTOMER);
  await expect(lab.plan).toContainText("SEARCH orders");
});

test("every example runs", async ({ page }) => {
  const lab = await SqlLab.open(page, slug);
  for (const group of ["Queries", "Indexes", "Writes"]) {
    for (const example of await lab.fold.getByRole("group", { name: group }).getByRole("button").all()) {
      const name = await example.innerText();
      if (name === "It never ends") continue;
      await example.click();
      await lab.ready();
      await expect(lab.status, name).not.toContainText("SQLite says");
      await expect(lab.status, name).toContainText(/ in \d|done/);
    }
  }
});

test("a mistake shows SQLite's own message and where it is", async ({ page }) => {
  const lab = await SqlLab.open(page, slug);
  expect(await lab.ask("SELECT 1;\nSELECT * FORM orders")).toBe(
    '1 statement done. SQLite says: near "FORM": syntax error (line 2, column 10).',
  );
  expect(await lab.ask("SELECT * FROM nowhere")).toContain("SQLite says: no such table: nowhere");
  expect(await lab.ask("INSERT INTO orders (id) VALUES (1)")).toContain("SQLite says: NOT NULL constraint failed: orders.customer_id");
  expect(await lab.ask("ATTACH 'elsewhere.db' AS e")).toContain("SQLite says: not authorized");
  expect(await lab.ask("-- nothing")).toContain("only comments");
  expect(await lab.ask("SELECT 6 * 7")).toMatch(/^1 row in /);
  expect(await lab.cells()).toEqual([["42"]]);
});

test("results are capped, and a join of everything with everything does not eat the memory", async ({ page }) => {
  const lab = await SqlLab.open(page, slug);
  expect(await lab.ask("SELECT a.id, b.id FROM orders AS a, orders AS b")).toContain("More than 100,000 rows");
  expect(await lab.cells()).toHaveLength(100);
  expect(await lab.ask("SELECT a.note || b.note AS n FROM orders AS a, orders AS b ORDER BY n")).toMatch(/out of memory|Stopped after/);
  const endless = "INSERT INTO customers WITH RECURSIVE n(i) AS (SELECT 30000 UNION ALL SELECT i + 1 FROM n) SELECT i, 'e', 'c' FROM n";
  expect(await lab.ask(endless)).toMatch(/database or disk is full|Stopped after/);
  await lab.ask("SELECT count(*) FROM customers");
  expect(await lab.cells(), "undone").toEqual([["20000"]]);
});

test("a query that never ends is stopped by the reader, and everything is as before", async ({ page }) => {
  const lab = await SqlLab.open(page, slug);
  await lab.ask("CREATE INDEX orders_customer ON orders (customer_id); DELETE FROM orders WHERE id > 210000");
  await lab.sql.fill(ENDLESS);
  await lab.run.click();
  await expect(lab.status).toContainText("Running");
  await lab.stop.click();
  await expect(lab.status).toContainText("Stopped. SQLite was started again, and your 2 changes were repeated.", { timeout: 30_000 });
  await expect(lab.sql, "the reader's SQL is kept").toHaveValue(ENDLESS);
  await expect(lab.stop, "the focus stays").toBeFocused();
  await expect(lab.button("Drop orders_customer")).toBeVisible();
  await lab.ask("SELECT count(*) FROM orders");
  expect(await lab.cells()).toEqual([["210000"]]);
  await lab.ask(ONE_CUSTOMER);
  await expect(lab.plan).toContainText("SEARCH orders");

  await lab.button("Start over").click();
  await expect(lab.status).toContainText("Started over", { timeout: 30_000 });
  await expect(lab.button("Drop orders_customer")).toHaveCount(0);
  await lab.ask(ONE_CUSTOMER);
  await expect(lab.plan).toContainText("SCAN orders");
});

test("a query that never ends is stopped by itself when its time is up", async ({ page }) => {
  const lab = await SqlLab.open(page, slug);
  expect(await lab.ask(ENDLESS)).toContain("Stopped after 10 seconds");
  expect(await lab.ask("SELECT count(*) FROM orders")).toMatch(/^1 row in /);
});

test("a step that never looks at the clock is stopped from outside", async ({ page }) => {
  await page.clock.install();
  const lab = await SqlLab.open(page, slug);
  // One LIKE on a long text is a single step of SQLite's, and this one takes minutes.
  await lab.sql.fill("SELECT printf('%.*c', 900000, 'a') LIKE '%' || printf('%.*c', 40000, 'a') || 'b'");
  await lab.run.click();
  await page.clock.fastForward(15_000);
  await expect(lab.status).toContainText("Stopped: it took too long and did not answer. SQLite was started again", { timeout: 30_000 });
  await lab.ready();
  expect(await lab.ask("SELECT 1")).toMatch(/^1 row in /);
});

test("nothing that is typed leaves the page, and nothing is kept", async ({ page }) => {
  const lab = await SqlLab.open(page, slug);
  const { asked, kept } = await watched(page);
  await lab.ask("SELECT 'a secret' AS s; CREATE INDEX secret ON orders (note)");
  await lab.ask("SELECT * FORM mistakes");
  await lab.button("Drop secret").click();
  await lab.ready();
  expect(asked).toEqual([]);
  expect(await kept()).not.toMatch(/secret|sqlite/);
});

test.describe("without the host", () => {
  test.use({ expectedComplaints: [/ERR_FAILED|Failed to fetch/] });

  test("there is a sentence, and another try", async ({ page }) => {
    const lab = await SqlLab.page(page, slug);
    await page.route(/assets\/sqlite3-.*\.wasm$/, (route) => route.abort());
    await lab.summary.click();
    await expect(lab.status).toContainText("SQLite could not be started");
    await page.unroute(/assets\/sqlite3-.*\.wasm$/);
    await lab.button("Start over").click();
    await lab.ready();
    expect(await lab.ask("SELECT 1")).toMatch(/^1 row in /);
  });
});

test("works by keyboard alone", async ({ page }) => {
  const lab = await SqlLab.page(page, slug);
  await lab.summary.focus();
  await page.keyboard.press("Enter");
  await lab.ready();
  await tabTo(page, lab.button("One customer"));
  await page.keyboard.press("Enter");
  await expect(lab.plan).toContainText("SCAN orders");
  await expect(lab.button("One customer"), "the focus stays").toBeFocused();
  await tabTo(page, lab.sql);
  // Keys of the stage are text in here.
  await page.keyboard.press("Control+a");
  await page.keyboard.type("CREATE INDEX k ON orders (customer_id)");
  await page.keyboard.press("Control+Enter");
  // Until the index is there, what the Tab key walks over is still being made.
  await expect(lab.button("Drop k")).toBeVisible();
  const again = lab.measured.getByRole("button").first();
  await tabTo(page, again);
  await page.keyboard.press("Enter");
  await expect(lab.plan).toContainText("SEARCH orders");
  await expect(again, "the focus stays with the query").toBeFocused();
  await expect(lab.sql).toHaveValue(/^SELECT/);
  await tabTo(page, lab.button("Bring back my SQL"), { backwards: true });
  await page.keyboard.press("Enter");
  await expect(lab.sql).toHaveValue("CREATE INDEX k ON orders (customer_id)");
  await expect(lab.sql).toBeFocused();
  await tabTo(page, lab.button("Drop k"));
  await page.keyboard.press("Space");
  await expect(lab.status).toContainText("k is gone");
  await expect(lab.fold.getByRole("heading", { name: "Your indexes" })).toBeFocused();
});

test("axe finds nothing in it, and it fits", async ({ page }) => {
  const lab = await SqlLab.open(page, slug);
  await lab.fold.getByText("The tables:").click();
  await lab.ask("CREATE INDEX orders_customer_and_date_of_the_order ON orders (customer_id, placed_at)");
  await lab.ask("SELECT * FROM orders JOIN customers ON customers.id = customer_id WHERE customer_id < 50 ORDER BY note, total_cents");
  await lab.fold.getByText("What the columns mean").click();
  await lab.ask("SELECT * FROM orders WHERE customer_id = 4711 ORDER BY FORM nothing");
  await expectNothingFound(page, { within: "details[data-lab]" });
});

/** Presses Tab until this control has the focus, as somebody without a mouse has to. */
async function tabTo(page, control, { backwards = false } = {}) {
  for (let presses = 0; presses < 60; presses += 1) {
    if (await control.evaluate((element) => element === document.activeElement)) {
      return;
    }
    await page.keyboard.press(backwards ? "Shift+Tab" : "Tab");
  }
  throw new Error("the control cannot be reached with the Tab key");
}
