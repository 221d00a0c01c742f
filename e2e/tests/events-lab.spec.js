// The events lab: the reader's own events, folded by the engine's code, fetched when it is opened.
import { expectNothingFound } from "../support/axe.js";
import { expect, test } from "../support/test.js";
import { questionsWith } from "../support/labs.js";
import { mounted } from "../support/mounted.js";

const [slug] = questionsWith("events");

async function open(page) {
  await page.goto(`q/${slug}/?autoplay=0`);
  // The app moves the article, and a click in between would be nobody's.
  await mounted(page);
  const fold = page.locator('details[data-lab="events"]');
  await fold.locator("summary").first().click();
  await expect(fold.locator(".events-table")).toBeVisible({ timeout: 30_000 });
  const button = (name) => fold.getByRole("button", { name, exact: true });
  return {
    fold,
    button,
    append: button("Append"),
    euros: fold.getByLabel("Euros"),
    expected: fold.getByLabel("Expected version"),
    status: fold.getByRole("status"),
    mistake: fold.locator("#events-mistake"),
    verdict: fold.locator("[aria-live] .lab-status"),
  };
}

test("a question has the lab", () => {
  expect(slug).toBeTruthy();
});

test("a command is decided on a version, and a stream that has moved refuses it", async ({ page }) => {
  const lab = await open(page);
  await expect(lab.status).toContainText("Version 4: 120.25, open");
  await lab.append.click();
  await expect(lab.status).toContainText("Version 5: 100.25");
  await lab.euros.fill("10000");
  await lab.append.click();
  await expect(lab.mistake).toContainText("the balance is too low");
  await lab.euros.fill("5");
  await lab.button("Let somebody else append first").click();
  await lab.append.click();
  await expect(lab.mistake).toContainText("Conflict: expected version 5, but the stream is at 6.");
  await expect(lab.expected).toHaveAttribute("aria-invalid", "true");
  await lab.expected.fill("6");
  await lab.append.click();
  await expect(lab.status).toContainText("Version 7: 105.25");
});

test("an edit changes the log, a correction is one more event", async ({ page }) => {
  const lab = await open(page);
  await lab.button("Edit event 2, Deposited").click();
  await lab.euros.fill("90.5");
  await lab.button("Overwrite it").click();
  await expect(lab.mistake).toContainText("v1 has no room for them");
  await lab.euros.fill("90");
  await lab.button("Overwrite it").click();
  await expect(lab.status).toContainText("Event 2 is another one now");
  await lab.button("Correct event 3, Withdrawn").click();
  await expect(lab.euros).toBeFocused();
  await page.keyboard.press("Enter");
  await expect(lab.status).toContainText("Version 5: 140.25");
  await lab.button("Remove event 5, the last").click();
  await expect(lab.fold.locator(".events-table tbody tr")).toHaveCount(4);
});

test("a snapshot is held against the whole fold", async ({ page }) => {
  const lab = await open(page);
  await lab.fold.getByLabel("Taken after event").fill("3");
  await expect(lab.verdict).toHaveText("Both come to the same.");
  await lab.fold.getByLabel("Kept in").selectOption("1");
  await expect(lab.verdict).toContainText("found and ignored");
  await lab.fold.getByLabel("Check the layout").uncheck();
  await expect(lab.verdict).toContainText("They differ");
  await lab.fold.getByLabel("Taken after event").fill("30");
  await expect(lab.fold.locator("#events-wrong-snapshot")).toContainText("There is no event 30 yet.");
  await lab.fold.getByLabel("Taken after event").fill("");
  await lab.fold.getByLabel("The code of today").uncheck();
  await expect(lab.status).toContainText("it cannot be folded");
});

test("it can be used without a mouse and without sight", async ({ page }) => {
  const lab = await open(page);
  await expectNothingFound(page, { within: 'details[data-lab="events"]' });
  await lab.euros.focus();
  await page.keyboard.press("Enter");
  await expect(lab.status).toContainText("Version 5");
});
