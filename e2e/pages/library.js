// The library: all questions.
import { mounted } from "../support/mounted.js";

export class Library {
  constructor(page) {
    this.page = page;
    this.search = page.getByRole("searchbox");
    this.main = page.getByRole("main");
  }

  static async open(page) {
    const library = new Library(page);
    await page.goto("./");
    await mounted(page);
    return library;
  }

  /** The link to one question's page. */
  question(slug) {
    return this.main.locator(`a[href$="q/${slug}/"]`).first();
  }
}
