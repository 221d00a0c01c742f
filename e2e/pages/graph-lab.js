// The graph lab: a GraphQL query that is executed in the page, driven the way a reader drives it.
import { expect } from "@playwright/test";
import { mounted } from "../support/mounted.js";

export class GraphLab {
  constructor(page) {
    this.page = page;
    this.fold = page.locator("details[data-lab=graph]");
    this.summary = this.fold.locator(":scope > summary");
    this.status = this.fold.getByRole("status");
    this.query = this.fold.getByRole("textbox", { name: "Query", exact: true });
    this.loader = this.fold.getByRole("checkbox", { name: "Use a loader" });
    this.fails = this.fold.getByRole("combobox", { name: "What fails" });
    this.mistakes = this.fold.locator("#graph-mistakes li");
    this.statements = this.fold.getByRole("region", { name: "Database queries" });
    this.sizes = this.fold.getByRole("region", { name: "Sizes" });
    this.answer = this.fold.getByRole("region", { name: "The answer" });
  }

  /** Opens the page of a question, with its lab still folded. */
  static async page(page, slug) {
    const lab = new GraphLab(page);
    await page.goto(`q/${slug}/?autoplay=0`);
    await mounted(page);
    return lab;
  }

  /** Opens the page and the lab, and waits until its first query has been executed. */
  static async open(page, slug) {
    const lab = await GraphLab.page(page, slug);
    await lab.summary.click();
    await lab.ready();
    return lab;
  }

  async ready() {
    await expect(this.status).toContainText("Status 200", { timeout: 30_000 });
  }

  button(name) {
    return this.fold.getByRole("button", { name, exact: true });
  }

  field(name) {
    return this.fold.getByRole("textbox", { name });
  }

  /** The keys of each database query that is listed. */
  async keys() {
    const cells = await this.statements.locator("tbody tr td:nth-child(3)").allInnerTexts();
    return cells.map((text) => Number(text.replace(/\D/g, "")));
  }

  /** Bytes of the answer, and of the same rows as whole resources. */
  async bytes() {
    const cells = await this.sizes.locator("tbody tr td:nth-child(2)").allInnerTexts();
    return cells.map((text) => Number(text.replace(/\D/g, "")));
  }

  /** The answer, parsed. */
  async json() {
    return JSON.parse(await this.answer.innerText());
  }
}
