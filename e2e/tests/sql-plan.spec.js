// What the SQL lab makes of SQLite's own words, without a browser.
import { expect, test } from "../support/test.js";
import { indexesIn, planInShort, planTree } from "../../lab/sql-plan.js";
import { ORDERS, orders } from "../../lab/sql-seed.js";
import { difference, markedLine, time } from "../../lab/sql-view.js";

const one = (detail) => planTree([{ id: 1, parent: 0, detail }])[0];

test("steps become a tree by their parents", () => {
  const tree = planTree([
    { id: 3, parent: 0, detail: "SCAN c" },
    { id: 9, parent: 0, detail: "CORRELATED SCALAR SUBQUERY 1" },
    { id: 13, parent: 9, detail: "SEARCH o USING INDEX by_customer (customer_id=?)" },
    { id: 40, parent: 0, detail: "USE TEMP B-TREE FOR ORDER BY" },
  ]);
  expect(tree.map(({ detail, children }) => [detail, children.length])).toEqual([
    ["SCAN c", 0],
    ["CORRELATED SCALAR SUBQUERY 1", 1],
    ["USE TEMP B-TREE FOR ORDER BY", 0],
  ]);
  expect(planInShort(tree)).toBe("SCAN c; SEARCH o by by_customer; sort");
  expect(indexesIn(tree)).toEqual(["by_customer"]);
});

for (const [detail, kind, index, says] of [
  ["SCAN orders", "scan", null, /every row of orders/],
  ["SCAN orders USING COVERING INDEX k", "scan", "k", /never the table/],
  ["SCAN orders USING INDEX k", "scan", "k", /in its order/],
  ["SEARCH orders USING INDEX k (a=? AND b>?)", "search", "k", /a=\? and b>\? .* then fetches/],
  ["SEARCH orders USING COVERING INDEX k (a=?)", "search", "k", /every column/],
  ["SEARCH orders USING INDEX k (ANY(a) AND b=?)", "search", "k", /every value of a in turn/],
  ["SEARCH orders USING INTEGER PRIMARY KEY (rowid=?)", "search", null, /straight/],
  ["SEARCH p USING AUTOMATIC COVERING INDEX (note=?)", "search", null, /one query/],
  ["SEARCH p USING AUTOMATIC PARTIAL COVERING INDEX (note=?) LEFT-JOIN", "search", null, /one query/],
  ["USE TEMP B-TREE FOR LAST TERM OF ORDER BY", "sort", undefined, /partly in order/],
  ["MULTI-INDEX OR", "other", undefined, /each side of OR/],
  ["SOMETHING NEW", "other", undefined, /^$/],
]) {
  test(`${detail} is understood`, () => {
    const node = one(detail);
    expect(node.kind).toBe(kind);
    expect(node.index).toBe(index);
    expect(node.says).toMatch(says);
    expect(indexesIn([node])).toEqual(index ? [index] : []);
  });
}

test("the seed is the same every time, and complete", () => {
  const sums = [0, 0, 0];
  for (const [, customer, , total] of orders()) {
    sums[0] += 1;
    sums[1] += customer;
    sums[2] += total;
  }
  expect(sums).toEqual([ORDERS, 1_244_255_291, 12_520_878_255]);
});

test("numbers are told in words of three digits", () => {
  expect([0, 0.0214, 0.5, 12.41, 250, 1250].map(time)).toEqual(["under 0.1 ms", "0.021 ms", "0.500 ms", "12.4 ms", "250 ms", "1.25 s"]);
  expect(difference(750_106, 131, "steps")).toBe("5,726 times fewer steps");
  expect(difference(100, 350, "steps")).toBe("3.5 times more steps");
  expect(difference(100, 110, "steps")).toBe("");
});

test("a mistake is marked on its line", () => {
  expect(markedLine("SELECT 1;\nSELECT * FORM t\nWHERE x", 19)).toEqual({ line: 2, column: 10, text: "SELECT * FORM t\n         ^" });
});
