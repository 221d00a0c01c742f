// Any plan and any statement: what the SQL lab makes of them by itself, without a browser.
import { expect, test } from "../support/test.js";
import { difference, markedLine, time } from "../../lab/sql-view.js";
import { indexesIn, nodesOf, planInShort, planTree } from "../../lab/sql-plan.js";

/** So many of each; FUZZ_CASES=1000000 tries a million. */
const CASES = Number(process.env.FUZZ_CASES ?? 20_000);

/** The same numbers every time. */
function* draws(state) {
  for (;;) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    yield state / 2 ** 32;
  }
}

const PIECES = [
  "SCAN", "SEARCH", " ", " orders", " USING", " INDEX", " COVERING INDEX", " AUTOMATIC", " PARTIAL", " INTEGER PRIMARY KEY",
  " ROWID SEARCH", " sqlite_autoindex_a_1", " by_customer", " (a=? AND b>?)", " (ANY(a) AND b=?)", "(", ")", " LEFT-JOIN",
  " VIRTUAL TABLE", "USE TEMP B-TREE FOR ", "ORDER BY", "GROUP BY", "DISTINCT", "LAST TERM OF ", "LAST 2 TERMS OF ",
  "MULTI-INDEX OR", "INDEX 1", "COMPOUND QUERY", "CO-ROUTINE ", "<b>", "$&", "\n", "é", "\u0000", "a".repeat(300),
];

/** Texts of pieces, and whole numbers below a bound. */
function maker(seed) {
  const random = draws(seed);
  const below = (n) => Math.floor(random.next().value * n);
  const text = (most) => Array.from({ length: below(most) }, () => PIECES[below(PIECES.length)]).join("");
  return { below, text };
}

test("any rows become a tree that has each of them once, with words", () => {
  const { below, text } = maker(1);
  for (let i = 0; i < CASES; i++) {
    const rows = Array.from({ length: below(6) }, (_, at) => ({ id: at + 1, parent: below(at + 1), detail: text(8) }));
    const tree = planTree(rows);
    const nodes = [...nodesOf(tree)];
    const details = nodes.map((node) => node.detail).sort();
    if (details.join("|") !== rows.map((row) => row.detail).sort().join("|")) throw new Error(`lost a row of ${JSON.stringify(rows)}`);
    const odd = nodes.find(({ kind, says }) => !["scan", "search", "sort", "other"].includes(kind) || typeof says !== "string" || /undefined|null/.test(says));
    if (odd) throw new Error(`${JSON.stringify(odd)} of ${JSON.stringify(rows)}`);
    const indexes = indexesIn(tree);
    if (indexes.some((index) => !index) || new Set(indexes).size !== indexes.length) throw new Error(`indexes ${indexes} of ${JSON.stringify(rows)}`);
    if (!planInShort(tree)) throw new Error(`no words for ${JSON.stringify(rows)}`);
  }
});


test("the mark stands under the place of the mistake", () => {
  const { below, text } = maker(2);
  for (let i = 0; i < CASES; i++) {
    const sql = text(12);
    const place = below(sql.length + 1);
    const { line, column, text: marked } = markedLine(sql, place);
    const [shown, mark] = marked.split("\n");
    const inLine = sql.split("\n")[line - 1];
    if (shown !== inLine || mark !== `${" ".repeat(column - 1)}^` || column < 1 || column > inLine.length + 1) {
      throw new Error(`${JSON.stringify({ sql, place, line, column, marked })}`);
    }
  }
});

test("any measurement is told in at most three digits and a unit", () => {
  const { below } = maker(3);
  for (let i = 0; i < CASES; i++) {
    const ms = below(1e9) / 10 ** below(9);
    if (!/^(under 0\.1|\d[\d.]*) (ms|s)$/.test(time(ms))) throw new Error(`${ms}: ${time(ms)}`);
    const words = difference(below(1e6), below(1e6), "steps");
    if (!/^$|^[\d.,]+ times (fewer|more) steps$/.test(words)) throw new Error(words);
  }
});
