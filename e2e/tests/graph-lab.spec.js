// The graph lab: the reader's own GraphQL query, parsed and executed in the page, fetched when it is opened.
import { expectNothingFound, expectToFit } from "../support/axe.js";
import { expect, test } from "../support/test.js";
import { questionsWith } from "../support/labs.js";
import { fetchedWhenOpened, saysThatItDidNotCome, watched } from "../support/opened-lab.js";
import { GraphLab } from "../pages/graph-lab.js";
import { resize } from "../support/resize.js";

const slugs = questionsWith("graph");
const [slug] = slugs;

fetchedWhenOpened({ name: "graph", Lab: GraphLab, slugs, of: /^(graph|elements)/, within: 0.05 });
saysThatItDidNotCome({ Lab: GraphLab, slug, program: /assets\/graph-.*\.wasm$/ });

test("one and N queries without a loader, two with it, and the same answer", async ({ page }) => {
  const lab = await GraphLab.open(page, slug);
  await expect(lab.loader).not.toBeChecked();
  expect(await lab.keys()).toEqual(Array(21).fill(1));
  const without = await lab.json();
  expect(without.data.articles).toHaveLength(20);
  await lab.loader.check();
  await expect(lab.status).toContainText("2 database queries");
  expect(await lab.keys()).toEqual([1, 5]);
  expect(await lab.json()).toEqual(without);
  const [asked, whole] = await lab.bytes();
  expect(asked).toBe(Buffer.byteLength(JSON.stringify(without)));
  expect(whole).toBeGreaterThan(50 * asked);
});

test("editing the query changes what is asked and what comes", async ({ page }) => {
  const lab = await GraphLab.open(page, slug);
  await lab.query.fill("{ one: article(id: 7) { title author { name } } }");
  await expect(lab.status).toContainText("Status 200. 2 database queries");
  expect(await lab.json()).toEqual({ data: { one: { title: "What we know about paper", author: { name: "Chidi Danso" } } } });
  await lab.button("Fragments, variables").click();
  await expect(lab.field("Variables, as JSON")).toBeVisible();
  expect(Object.keys((await lab.json()).data)).toEqual(["newest", "byOneAuthor"]);
  expect((await lab.json()).data.newest).toHaveLength(4);
  await lab.field("Variables, as JSON").fill('{ "many": 2, "names": false }');
  await expect.poll(async () => (await lab.json()).data.newest.length).toBe(2);
});

test("half an answer has status 200 and says where it is missing", async ({ page }) => {
  const lab = await GraphLab.open(page, slug);
  await lab.button("Authors down").click();
  await expect(lab.status).toContainText("Status 200, with 20 errors inside");
  const { data, errors } = await lab.json();
  expect(data.articles[3].author).toBeNull();
  expect(errors[3].path).toEqual(["articles", 3, "author"]);
  await expect(lab.fold).toContainText("A monitor that counts statuses sees nothing.");
  await lab.fails.selectOption({ label: "author 3 alone" });
  await expect(lab.status).toContainText("with 4 errors inside");
});

test("limits refuse a query before it runs", async ({ page }) => {
  const lab = await GraphLab.open(page, slug);
  await lab.button("Greedy").click();
  await expect(lab.fold).toContainText("up to 1,020,200 objects");
  await lab.button("Greedy, with a limit").click();
  await expect(lab.status).toContainText("Status 400: nothing was executed.");
  await expect(lab.mistakes).toContainText("and the limit is 1,000");
  await expect(lab.field("Cost limit")).toHaveAttribute("aria-invalid", "true");
  await lab.field("Cost limit").fill("many");
  await expect(lab.mistakes).toContainText("“many” is no limit.");
});

test("mistakes have a place and a plain sentence", async ({ page }) => {
  const lab = await GraphLab.open(page, slug);
  await lab.button("A wrong name").click();
  await expect(lab.mistakes.first()).toContainText("An Article has no field titel. Did you mean title?");
  await expect(lab.mistakes.nth(1)).toContainText("An Author has no field fullName.");
  await expect(lab.query).toHaveAttribute("aria-invalid", "true");
  await lab.button("Line 3, column 5").click();
  await expect(lab.query).toBeFocused();
  expect(await lab.query.evaluate((box) => box.value.slice(box.selectionStart, box.selectionStart + 5))).toBe("titel");
  await lab.button("A missing brace").click();
  await expect(lab.mistakes).toContainText("One { is not closed.");
  await lab.query.fill("");
  await expect(lab.mistakes).toContainText("There is no query yet.");
  await lab.button("The screen").click();
  await expect(lab.mistakes).toHaveCount(0);
  await expect(lab.query).not.toHaveAttribute("aria-invalid");
});

test("works by keyboard alone", async ({ page }) => {
  const lab = await GraphLab.page(page, slug);
  await lab.summary.focus();
  await page.keyboard.press("Enter");
  await lab.ready();
  await lab.loader.focus();
  await page.keyboard.press("Space");
  await expect(lab.status).toContainText("2 database queries");
  await lab.query.focus();
  await page.keyboard.press("Control+A");
  await page.keyboard.type("{ authors { name } }");
  await expect(lab.status).toContainText("1 database query");
});

test("nothing that is typed leaves the page, and nothing is kept", async ({ page }) => {
  const lab = await GraphLab.open(page, slug);
  const { asked, kept } = await watched(page);
  await lab.query.fill('{ article(id: "a secret") { title } }');
  await expect(lab.status).toContainText("Status 200. 1 database query");
  expect(asked).toEqual([]);
  expect(await kept()).not.toContain("secret");
});

test("axe finds nothing in it, and it fits", async ({ page }) => {
  const lab = await GraphLab.open(page, slug);
  await lab.fold.getByText("The schema", { exact: true }).click();
  await lab.button("A wrong name").click();
  await expectNothingFound(page, { within: "details[data-lab]" });
  for (const width of [1440, 390]) {
    await resize(page, { width, height: 844 });
    for (const example of ["The screen", "With comments", "Everything", "Authors down", "Greedy", "A missing brace"]) {
      await lab.button(example).click();
      await expectToFit(page, width);
    }
  }
});
