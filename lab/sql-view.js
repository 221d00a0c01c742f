// What the SQL lab shows, as elements: the plan's tree, the rows, the measurements, the indexes.

import { count, counted, h, scrolls } from "./elements.js";
import { COLUMNS_SHOWN_MAX, ROWS_COUNTED_MAX } from "./sql-limits.js";

/** A time with three digits: `0.021 ms`, `12.4 ms`, `1.25 s`. */
export function time(ms) {
  // Browsers round their clocks; a single run may come out as nothing.
  if (ms < 0.0005) return "under 0.1 ms";
  const [value, unit] = ms < 1000 ? [ms, "ms"] : [ms / 1000, "s"];
  const digits = value < 1 ? 3 : Math.max(0, 2 - Math.floor(Math.log10(value)));
  return `${value.toFixed(digits)} ${unit}`;
}

export const megabytes = (bytes) => `${(bytes / 1e6).toFixed(1)} MB`;

/** How two counts of work differ, in words: `1,240 times fewer steps`. Nothing if they are much the same. */
export function difference(before, after, what) {
  const [more, less, word] = before > after ? [before, after, "fewer"] : [after, before, "more"];
  const times = more / Math.max(1, less);
  if (times < 1.2) return "";
  return `${times >= 10 ? count(Math.round(times)) : times.toFixed(1)} times ${word} ${what}`;
}

const KINDS = { scan: "reads all", search: "looks up", sort: "sorts" };

/** The plan as a tree; its root is the statement itself. */
export function planView(word, tree) {
  const step = (node) =>
    h(
      "li",
      {},
      h(
        "div",
        { class: `lab-step lab-${node.kind}` },
        h("code", {}, node.detail),
        KINDS[node.kind] ? h("span", { class: "lab-kind" }, KINDS[node.kind]) : null,
        node.says ? h("p", {}, node.says) : null,
      ),
      node.children.length ? h("ul", {}, node.children.map(step)) : null,
    );
  const root = h("li", {}, h("div", { class: "lab-step lab-root" }, h("code", {}, word)), h("ul", {}, tree.map(step)));
  return h("ul", { class: "lab-plan", "aria-label": "Query plan" }, root);
}

/** How many rows came: `20 rows`, `more than 100,000 rows`. */
export const rowsOf = ({ rows, isMore }) => (isMore ? `more than ${count(ROWS_COUNTED_MAX)} rows` : counted(rows, "row"));

/** The first rows of a result. */
export function rowsView(outcome) {
  const { columns, columnsTotal, shown, rows } = outcome;
  const left = columnsTotal > columns.length ? `, the first ${COLUMNS_SHOWN_MAX} of ${columnsTotal} columns` : "";
  const caption = `${rowsOf(outcome)}${shown.length < rows ? `, the first ${shown.length} shown` : ""}${left}`;
  return scrolls(
    "Rows",
    h(
      "table",
      { class: "lab-rows" },
      h("caption", {}, caption),
      h("thead", {}, h("tr", {}, columns.map((name) => h("th", { scope: "col" }, name)))),
      h("tbody", {}, shown.map((row) => h("tr", {}, row.map(({ kind, text }) => h("td", { class: `lab-${kind}` }, text))))),
    ),
  );
}

/** The bar under a number: its part of the largest in its group. */
function bar(value, most) {
  const width = most > 0 ? Math.max(0.5, (100 * value) / most) : 0;
  return h(
    "svg",
    { class: "lab-bar", viewBox: "0 0 100 3", preserveAspectRatio: "none", "aria-hidden": "true" },
    h("rect", { width: width.toFixed(2), height: "3" }),
  );
}

const MEASURES = [
  ["Steps", "Instructions of SQLite's virtual machine. The same on every computer, so this is the number to compare."],
  ["Scanned", "Rows that a full scan stepped over, of a table or of an index."],
  ["Pages", "How often a page of the database was looked at; pages have 8 KiB."],
  ["Rows", "Rows in the result, or rows changed."],
  ["Time", "On this computer: the median of several runs, or one run for what changes rows."],
];

/** What the columns of the measurements mean. */
export const legendView = () =>
  h(
    "details",
    { class: "lab-legend" },
    h("summary", {}, "What the columns mean"),
    h("dl", {}, MEASURES.map(([name, what]) => [h("dt", {}, name), h("dd", {}, what)])),
  );

/** Every query measured, each with a line for every plan it had. */
export function measuresView(groups, again) {
  const head = h(
    "thead",
    {},
    h("tr", {}, h("th", { scope: "col" }, "With"), MEASURES.map(([name]) => h("th", { scope: "col", class: "right" }, name))),
  );
  const bodies = groups.map(({ sql, lines }) => {
    const most = Math.max(...lines.map((line) => line.steps));
    return h(
      "tbody",
      {},
      h(
        "tr",
        { class: "lab-query" },
        h("th", { scope: "rowgroup", colspan: "6" }, h("button", { type: "button", class: "bare", title: "Run it again", onclick: () => again(sql) }, h("code", {}, shortened(sql)))),
      ),
      lines.map((line) =>
        h(
          "tr",
          { class: line.isLast ? "lab-last" : null },
          h("th", { scope: "row" }, line.label, h("small", {}, line.short)),
          h("td", {}, `${line.isMore ? "> " : ""}${count(line.steps)}`, bar(line.steps, most)),
          h("td", {}, count(line.scanned)),
          h("td", {}, count(line.pages)),
          h("td", {}, `${line.isMore ? "> " : ""}${count(line.rowsOut)}`),
          h("td", {}, time(line.ms), line.runs > 1 ? h("small", {}, `${line.runs} runs`) : null),
        ),
      ),
    );
  });
  return scrolls("Measurements", h("table", { class: "lab-measures" }, h("caption", { class: "visually-hidden" }, "Measurements, the newest query first"), head, bodies));
}

/** A query on one line, cut. */
function shortened(sql) {
  const line = sql.replace(/\s+/g, " ");
  return line.length > 90 ? `${line.slice(0, 88)}…` : line;
}

/** The reader's indexes, each with a button that drops it. */
export function indexesView(indexes, tables, drop) {
  if (!indexes.length) {
    return h("p", { class: "quiet" }, "None yet. Each table can be read in the order of its primary key, and that is all.");
  }
  return h(
    "ul",
    { class: "lab-indexes" },
    indexes.map(({ name, table, sql, bytes }) => {
      const whole = tables.find((each) => each.name === table)?.bytes;
      const part = whole ? `, ${Math.round((100 * bytes) / whole)} % of its table` : "";
      return h(
        "li",
        {},
        h("span", {}, h("code", {}, sql.replace(/\s+/g, " ").replace(/^CREATE /i, "")), h("small", {}, `${megabytes(bytes)}${part}`)),
        h("button", { type: "button", class: "button", "aria-label": `Drop ${name}`, onclick: () => drop(name) }, "Drop"),
      );
    }),
  );
}

/** The columns of the seeded tables. */
export function tablesView(tables) {
  return tables.map(({ name, rows, columns }) => [
    h("h3", {}, h("code", {}, name), ` ${counted(rows, "row")}`),
    h("dl", {}, columns.map(([column, what]) => [h("dt", {}, h("code", {}, column)), h("dd", {}, what)])),
  ]);
}

/** The line of `sql` that `place` is in, with a mark under it. */
export function markedLine(sql, place) {
  const before = sql.slice(0, place);
  const start = before.lastIndexOf("\n") + 1;
  const line = sql.slice(start).split("\n", 1)[0];
  return {
    line: before.split("\n").length,
    column: place - start + 1,
    text: `${line}\n${" ".repeat(place - start)}^`,
  };
}
