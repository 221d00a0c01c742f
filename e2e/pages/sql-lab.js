// The SQL lab: SQLite in the page, driven the way a reader drives it.
import { expect } from "@playwright/test";
import { mounted } from "../support/mounted.js";

export class SqlLab {
  constructor(page) {
    this.page = page;
    this.fold = page.locator("details[data-lab=sql]");
    this.summary = this.fold.locator(":scope > summary");
    this.sql = this.fold.getByRole("textbox", { name: "SQL", exact: true });
    this.status = this.fold.getByRole("status");
    this.run = this.button("Run");
    this.stop = this.button("Stop");
    this.plan = this.fold.getByRole("list", { name: "Query plan" });
    this.rows = this.fold.getByRole("region", { name: "Rows" });
    this.measured = this.fold.getByRole("region", { name: "Measurements" });
  }

  /** Opens the page of a question, with its lab still folded. */
  static async page(page, slug) {
    const lab = new SqlLab(page);
    await page.goto(`q/${slug}/?autoplay=0`);
    await mounted(page);
    return lab;
  }

  /** Opens the page and the lab, and waits until its tables are made. */
  static async open(page, slug) {
    const lab = await SqlLab.page(page, slug);
    await lab.summary.click();
    await lab.ready();
    return lab;
  }

  button(name) {
    return this.fold.getByRole("button", { name, exact: true });
  }

  /** Waits until it can be asked something. */
  async ready() {
    await expect(this.run).toHaveAttribute("aria-disabled", "false", { timeout: 30_000 });
  }

  /** Runs SQL; returns what the lab says about it. */
  async ask(sql) {
    await this.sql.fill(sql);
    await this.sql.press("Control+Enter");
    await this.ready();
    return this.status.innerText();
  }

  /** The cells of the first rows. */
  async cells() {
    const rows = await this.rows.getByRole("row").all();
    const texts = await Promise.all(rows.slice(1).map((row) => row.getByRole("cell").allInnerTexts()));
    return texts;
  }

  /** The measurements of the newest query, one for each plan: what they were made with, and their numbers. */
  async measurements() {
    const rows = await this.measured.locator("tbody").first().getByRole("row").all();
    return Promise.all(
      rows.slice(1).map(async (row) => {
        const numbers = (await row.getByRole("cell").allInnerTexts()).map((text) => Number(text.replace(/[^\d.]/g, "")));
        const [steps, scanned, pages, rowsOut] = numbers;
        return { label: (await row.getByRole("rowheader").innerText()).split("\n")[0], steps, scanned, pages, rowsOut };
      }),
    );
  }
}
