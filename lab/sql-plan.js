// What EXPLAIN QUERY PLAN says, as a tree with a plain sentence for each step.
//
// SQLite's wording is documented at https://sqlite.org/eqp.html, and as text for people it may change between
// releases: a line that is not recognised is shown as it is.

/**
 * The rows of EXPLAIN QUERY PLAN as a tree.
 *
 * @param {{id: number, parent: number, detail: string}[]} rows
 * @returns nodes `{ detail, kind, table, index, own, says, children }`, outermost first
 */
export function planTree(rows) {
  const nodes = new Map();
  const roots = [];
  for (const { id, parent, detail } of rows) {
    const node = { detail, ...understood(detail), children: [] };
    nodes.set(id, node);
    (nodes.get(parent)?.children ?? roots).push(node);
  }
  return roots;
}

/** All nodes of a tree, each before its children. */
export function* nodesOf(tree) {
  for (const node of tree) {
    yield node;
    yield* nodesOf(node.children);
  }
}

/** The plan in a few words, for a table's cell: `SEARCH orders by orders_customer; sort`. */
export function planInShort(tree) {
  const words = [];
  for (const { kind, table, index } of nodesOf(tree)) {
    const through = index ? ` by ${index}` : "";
    if (kind === "scan" || kind === "search") words.push(`${kind.toUpperCase()} ${table}${through}`);
    if (kind === "sort") words.push("sort");
  }
  return [...new Set(words)].join("; ") || "no table read";
}

/** Names of the indexes that the plan uses and that somebody created. */
export const indexesIn = (tree) => [...new Set([...nodesOf(tree)].filter((node) => node.own).map((node) => node.index))];

const ACCESS =
  /^(SCAN|SEARCH) (.+?)(?: USING (?:(AUTOMATIC (?:PARTIAL )?)?(COVERING )?INDEX(?: ([^(].*?))?|(INTEGER PRIMARY KEY|PRIMARY KEY|ROWID SEARCH.*?)))?(?: \((.*)\))?( LEFT-JOIN)?$/;

/** The kind of a step and a sentence about it. */
function understood(detail) {
  if (detail === "SCAN CONSTANT ROW") return { kind: "other", says: "A single row that needs no table." };
  const access = ACCESS.exec(detail);
  if (access && !/VIRTUAL TABLE/.test(detail)) return accessOf(access);
  const sorted = /^USE TEMP B-TREE FOR (.+)$/.exec(detail);
  if (sorted) return { kind: "sort", says: sorting(sorted[1]) };
  for (const [pattern, says] of OTHERS) {
    if (pattern.test(detail)) return { kind: "other", says };
  }
  return { kind: "other", says: "" };
}

function accessOf([, verb, table, automatic, covering, index, key, terms]) {
  const kind = verb.toLowerCase();
  const made = Boolean(index) && !automatic && !index.startsWith("sqlite_autoindex_");
  const about = { kind, table, index: automatic ? null : (index ?? null), own: made };
  if (kind === "scan") {
    if (covering && index) return { ...about, says: `Reads every entry of the index ${index}, and never the table.` };
    if (index) return { ...about, says: `Walks all of the index ${index} in its order and fetches every row from the table.` };
    return { ...about, says: `Reads every row of ${table}.` };
  }
  const what = terms ? terms.replaceAll(" AND ", " and ") : "each value";
  const skip = /^ANY\((.+?)\)/.exec(what);
  if (automatic) return { ...about, says: `Builds an index for this one query, looks up ${what}, then throws the index away.` };
  if (skip && index) return { ...about, says: `Takes every value of ${skip[1]} in turn and looks up the rest in the index ${index}.` };
  if (covering && index) return { ...about, says: `Looks up ${what} in the index ${index}, which holds every column that is needed.` };
  if (index) return { ...about, says: `Looks up ${what} in the index ${index}, then fetches each row from ${table}.` };
  if (key) return { ...about, says: `Goes straight to the place in the table: ${what}.` };
  return { ...about, says: `Looks up ${what}.` };
}

function sorting(what) {
  const last = /^LAST (\d+ TERMS|TERM) OF ORDER BY$/.exec(what);
  if (last) return "Rows come partly in order; sorts within groups of equal ones.";
  if (what === "ORDER BY") return "Collects all rows found and sorts them.";
  if (what === "GROUP BY") return "Sorts the rows to bring each group together.";
  if (what.startsWith("DISTINCT")) return "Remembers what was seen, to leave out repetitions.";
  return "Keeps rows in a sorted table of its own on the way.";
}

const OTHERS = [
  [/^MULTI-INDEX OR$/, "Looks up each side of OR on its own and merges the rows."],
  [/^INDEX \d+$/, "One side of the OR."],
  [/^COMPOUND QUERY$/, "Several SELECTs, combined."],
  [/^LEFT-MOST SUBQUERY$/, "The first SELECT."],
  [/^(UNION|INTERSECT|EXCEPT)\b/, "The next SELECT, combined with those before it."],
  [/^MERGE \(/, "Both sides come sorted and are merged."],
  [/^(LEFT|RIGHT)$/, "One side of the merge."],
  [/^CO-ROUTINE /, "Runs alongside and hands over row by row."],
  [/^MATERIALIZE /, "Is computed once and kept in a table for this query."],
  [/^SCALAR SUBQUERY/, "Computed once, one value."],
  [/^CORRELATED (SCALAR|LIST) SUBQUERY/, "Computed again for every row around it."],
  [/^LIST SUBQUERY/, "Computed once, a list to look values up in."],
  [/^SETUP$/, "The rows that the recursion starts from."],
  [/^RECURSIVE STEP$/, "Once for every row in the queue, until the queue is empty."],
  [/^BLOOM FILTER ON /, "A small filter that discards most rows before the lookup."],
  [/^RIGHT-JOIN /, "Afterwards, the rows that found no partner."],
];
