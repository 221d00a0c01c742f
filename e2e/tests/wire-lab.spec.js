// The wire lab: prost and serde_json in the page, fetched when it is opened, with every byte explained.
import { readFileSync } from "node:fs";
import { expectNothingFound, expectToFit } from "../support/axe.js";
import { expect, test } from "../support/test.js";
import { questionsWith } from "../support/labs.js";
import { fetchedWhenOpened, saysThatItDidNotCome, watched } from "../support/opened-lab.js";
import { WireLab } from "../pages/wire-lab.js";
import { resize } from "../support/resize.js";

const slugs = questionsWith("wire");
const [slug] = slugs;

/** Bytes that Python's protobuf package wrote. */
const written = (name) => readFileSync(new URL(`../../labs/wire/tests/bytes/${name}.hex`, import.meta.url), "utf8").replace(/\s/g, "");

fetchedWhenOpened({ name: "wire", Lab: WireLab, slugs, of: /^(wire|elements)/, within: 0.05 });
saysThatItDidNotCome({ Lab: WireLab, slug, program: /assets\/wire-.*\.wasm$/ });

test("the three examples have the bytes of another encoder", async ({ page }) => {
  const lab = await WireLab.open(page, slug);
  expect((await lab.bytes()).slice(0, 2)).toEqual([79, 282]);
  expect(await lab.hex(lab.protobuf)).toBe(written("three-items"));

  await lab.button("100 items").click();
  const [protobuf, json, smallProtobuf, smallJson] = await lab.bytes();
  expect([protobuf, json]).toEqual([1923, 5909]);
  expect(Math.abs(smallProtobuf - 259)).toBeLessThanOrEqual(8);
  expect(Math.abs(smallJson - 387)).toBeLessThanOrEqual(12);
  await lab.protobuf.locator("xpath=..").getByRole("button", { name: /^Show the other/ }).click();
  await expect(lab.protobuf).toBeFocused();
  expect(await lab.hex(lab.protobuf)).toBe(written("hundred-items"));

  await lab.button("One long text").click();
  expect((await lab.bytes()).slice(0, 2)).toEqual([1085, 1098]);
  expect(await lab.hex(lab.protobuf)).toBe(written("long-text"));

  await lab.button("150 in field 1").click();
  expect(await lab.hex(lab.protobuf)).toBe("089601");
});

test("editing the order changes its bytes at once", async ({ page }) => {
  const lab = await WireLab.open(page, slug);
  await lab.field("currency").fill("SEK");
  expect((await lab.bytes())[0]).toBe(79);
  expect(await lab.hex(lab.protobuf)).toContain("1a0353454b");
  await lab.field("note").fill("ring twice");
  expect((await lab.bytes())[0]).toBe(79 + 12);
  await lab.field("note").fill("");

  await lab.button("Add an item").click();
  await expect(lab.button("Remove item 4")).toBeVisible();
  expect(await lab.field("total_cents").inputValue(), "a total that was right stays right").toBe("12993");
  for (const item of [4, 3, 2, 1]) await lab.button(`Remove item ${item}`).click();
  await expect(lab.button("Add an item"), "the focus stays").toBeFocused();
  expect((await lab.bytes())[0]).toBeLessThan(30);
  await lab.field("order_id").fill("0");
  await expect(lab.fold).toContainText("Not in the protobuf bytes at all: order_id and total_cents.");
});

test("a byte says what it is for, and where its field is in the other encoding", async ({ page }) => {
  const lab = await WireLab.open(page, slug);
  await lab.protobuf.getByRole("option").nth(1).hover();
  await expect(lab.meaning).toContainText("order_id = 123,456,789, as a varint of 4 bytes");
  await expect(lab.meaning).toContainText("order_id takes 5 bytes as protobuf and 20 as JSON.");
  await expect(lab.json.locator(".wire-same")).toHaveText(["22 6f 72 64 65 72 5f 69 64 22 3a", "31 32 33 34 35 36 37 38 39"]);
  await lab.fold.getByText("The deflated bytes").click();
  const deflated = lab.fold.getByRole("listbox", { name: /^JSON, deflated/ });
  await deflated.getByRole("option").first().hover();
  await expect(lab.meaning).toContainText("Begins here: the last block");
});

test("bad input gets a plain sentence", async ({ page }) => {
  const lab = await WireLab.open(page, slug);
  const quantity = lab.field("quantity of item 2");
  await quantity.fill("4294967296");
  await expect(lab.status).toContainText("“4294967296” is too large. items[1].quantity is a uint32: a whole number from 0 to 4,294,967,295.");
  await expect(quantity).toHaveAttribute("aria-invalid", "true");
  await quantity.fill("two");
  await expect(lab.status).toContainText("“two” is not a whole number.");
  await quantity.fill("-1");
  await expect(lab.status).toContainText("“-1” is negative.");
  expect((await lab.bytes())[0], "the last bytes stay").toBe(79);
  await quantity.fill("2");
  await expect(lab.status).toContainText("Protobuf 79 bytes");
  await expect(quantity).not.toHaveAttribute("aria-invalid");
  await lab.button("A large number").click();
  await expect(lab.fold).toContainText("does not survive JSON.parse");
});

test("works by keyboard alone", async ({ page }) => {
  const lab = await WireLab.page(page, slug);
  await lab.summary.focus();
  await page.keyboard.press("Enter");
  await lab.ready();
  await lab.protobuf.focus();
  await page.keyboard.press("End");
  await expect(lab.meaning).toContainText("created_at = 1,700,000,000");
  await page.keyboard.press("ArrowLeft");
  await expect(lab.meaning).toContainText("Tag of created_at");
  await page.keyboard.press("Home");
  await expect(lab.meaning).toContainText("Tag of order_id");
  await page.keyboard.press("PageDown");
  await expect(lab.protobuf.getByRole("option", { selected: true })).toHaveCount(1);
  // One stop for the whole list.
  await page.keyboard.press("Tab");
  await expect(lab.json).toBeFocused();
});

test("nothing that is typed leaves the page, and nothing is kept", async ({ page }) => {
  const lab = await WireLab.open(page, slug);
  const { asked, kept } = await watched(page);
  await lab.field("note").fill("a secret");
  await lab.button("One long text").click();
  expect(asked).toEqual([]);
  expect(await kept()).not.toContain("secret");
});

test("axe finds nothing in it, and it fits", async ({ page }) => {
  const lab = await WireLab.open(page, slug);
  await lab.fold.getByText("The deflated bytes").click();
  await lab.field("order_id").fill("x".repeat(60));
  await expectNothingFound(page, { within: "details[data-lab]" });
  for (const width of [1440, 390]) {
    await resize(page, { width, height: 844 });
    for (const example of ["3 items", "100 items", "One long text", "A large number"]) {
      await lab.button(example).click();
      await expectToFit(page, width);
    }
  }
});
