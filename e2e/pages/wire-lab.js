// The wire lab: a message as protobuf and as JSON, driven the way a reader drives it.
import { expect } from "@playwright/test";
import { mounted } from "../support/mounted.js";

export class WireLab {
  constructor(page) {
    this.page = page;
    this.fold = page.locator("details[data-lab=wire]");
    this.summary = this.fold.locator(":scope > summary");
    this.status = this.fold.getByRole("status");
    this.sizes = this.fold.getByRole("region", { name: "Sizes" });
    this.meaning = this.fold.locator(".wire-meaning");
    this.protobuf = this.fold.getByRole("listbox", { name: /^Protobuf: / });
    this.json = this.fold.getByRole("listbox", { name: /^JSON: / });
  }

  /** Opens the page of a question, with its lab still folded. */
  static async page(page, slug) {
    const lab = new WireLab(page);
    await page.goto(`q/${slug}/?autoplay=0`);
    await mounted(page);
    return lab;
  }

  /** Opens the page and the lab, and waits until it has encoded its first message. */
  static async open(page, slug) {
    const lab = await WireLab.page(page, slug);
    await lab.summary.click();
    await lab.ready();
    return lab;
  }

  async ready() {
    await expect(this.status).toContainText("Protobuf", { timeout: 30_000 });
  }

  button(name) {
    return this.fold.getByRole("button", { name, exact: true });
  }

  field(name) {
    return this.fold.getByRole("textbox", { name, exact: true });
  }

  /** Bytes of the four encodings: protobuf, JSON, and both deflated. */
  async bytes() {
    const cells = await this.sizes.locator("tbody tr td:nth-child(2)").allInnerTexts();
    return cells.map((text) => Number(text.replace(/\D/g, "")));
  }

  /** What is drawn of an encoding, as hexadecimal digits. */
  async hex(list) {
    return (await list.getByRole("option").allInnerTexts()).join("").replace(/\s/g, "");
  }
}
