// The settings: how the site behaves, what it remembers, and how that is taken along.
import { expect } from "@playwright/test";
import { mounted } from "../support/mounted.js";

/** The key under which everything is kept. */
export const KEY = "breakable.kept";

export class Settings {
  constructor(page) {
    this.page = page;
    this.main = page.getByRole("main");
    this.remembered = page.getByRole("region", { name: "What is remembered" });
    this.transfer = page.getByRole("region", { name: "Take it with you" });
    this.forgetting = page.getByRole("region", { name: "Forget", exact: true });
    this.offline = page.getByRole("region", { name: "Without a network" });
    this.keys = page.getByRole("switch", { name: "Single keys act" });
    this.still = page.getByRole("switch", { name: "Still pictures instead of motion" });
    this.autoplay = page.getByRole("switch", { name: "Simulations begin to run by themselves" });
    this.outcome = this.transfer.locator(".notice");
  }

  static async open(page) {
    const settings = new Settings(page);
    await page.goto("settings/");
    await settings.ready();
    return settings;
  }

  async ready() {
    // First that it is this page: the one that a link was on has an app that stands, too.
    await expect(this.keys).toBeVisible();
    await mounted(this.page);
  }

  theme(name) {
    return this.page.getByRole("group", { name: "Colours" }).getByRole("radio", { name });
  }

  button(name) {
    return this.main.getByRole("button", { name });
  }

  /** Imports a text, by pasting it. */
  async paste(text) {
    await this.transfer.getByRole("textbox", { name: "Or its text" }).fill(text);
    await this.button("Import this text").click();
    await expect(this.outcome).toBeVisible();
    return this.outcome.innerText();
  }

  /** Saves everything as a file; returns its text. */
  async save() {
    const download = this.page.waitForEvent("download");
    await this.button("Save as a file").click();
    const chunks = [];
    for await (const chunk of await (await download).createReadStream()) chunks.push(chunk);
    return Buffer.concat(chunks).toString("utf8");
  }

  /** The records that are kept, without their times, in order. */
  kept() {
    return this.page.evaluate((key) => {
      const text = localStorage.getItem(key) ?? "";
      return text.split("\n").slice(1).map((line) => line.replace(/^\d+ /, "")).sort();
    }, KEY);
  }
}
