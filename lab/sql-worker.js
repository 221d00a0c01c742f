// SQLite in a thread of its own: seeds the tables, runs the reader's SQL, measures it.
//
//   page ── { id, op: "open", module, journal } ──> worker      page <── { id, progress } ── worker
//        ── { id, op: "run", sql } ─────────────>                    <── { id, done } ──────
//        ── { id, op: "without", sql } ─────────>                    <── { id, failed } ────
//        ── { id, op: "drop", index } ──────────>
//
// A statement that runs runs to its end here: no message gets through until then. So it is stopped from
// within when its time is up, and from outside, at any moment, by ending this thread. The page starts
// another one and hands it the journal: every statement that changed something, in order.

import sqlite3InitModule from "./sqlite3.js";
import { COLUMNS_SHOWN_MAX, HEAP_BYTES_MAX, PAGES_MAX, ROWS_COUNTED_MAX, ROWS_SHOWN_MAX, STATEMENT_MS_MAX } from "./sql-limits.js";
import { INSERT_CUSTOMERS, INSERT_ORDER, ORDERS, TABLES, orders } from "./sql-seed.js";

/** Steps of SQLite's virtual machine between two looks at the clock: about a millisecond's worth. */
const STEPS_PER_LOOK = 20_000;
const CELL_BYTES_MAX = 300;
const VALUE_BYTES_MAX = 1_000_000;
/** Runs that the median is taken of, and what they may take together before there are fewer. */
const RUNS = 5;
const RUNS_MS_MAX = 1_500;
/** Clocks in browsers are coarse: a run that is shorter is repeated until it takes this long. */
const RUN_MS_MIN = 4;
const REPEATS_MAX = 4_096;

let sqlite3, capi, wasm, db;
/** When the statement that runs now is stopped. */
let deadline = Infinity;

self.onmessage = async ({ data: { id, op, ...words } }) => {
  const progress = (text, part) => self.postMessage({ id, progress: { text, part } });
  try {
    try {
      const done = await OPS[op](words, progress);
      self.postMessage({ id, done: { ...done, schema: schema() } });
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      self.postMessage({ id, failed: { ...error.about, schema: schema() } });
    }
  } catch (error) {
    // The program itself failed, and what state SQLite is in nobody knows.
    self.postMessage({ id, broken: String(error?.message ?? error) });
  }
};

const OPS = { open, run, without, drop };

/** SQLite said no: its message, and what was done before. */
class Refused extends Error {
  constructor(about) {
    super(about.message);
    this.about = about;
  }
}

async function open({ module, journal }, progress) {
  // No storage of the browser: nothing is kept, and nothing has to be cleaned up.
  self.sqlite3ApiConfig = {
    disable: { vfs: { kvvfs: true, opfs: true, "opfs-vfs": true, "opfs-wl": true, "opfs-sahpool": true } },
  };
  sqlite3 = await sqlite3InitModule({
    instantiateWasm: (imports, done) => {
      WebAssembly.instantiate(module, imports).then((instance) => done(instance, module));
      return {};
    },
  });
  ({ capi, wasm } = sqlite3);
  db = new sqlite3.oo1.DB(":memory:");
  db.exec(`PRAGMA hard_heap_limit = ${HEAP_BYTES_MAX}`);
  db.exec(`PRAGMA max_page_count = ${PAGES_MAX}`);
  capi.sqlite3_limit(db, capi.SQLITE_LIMIT_LENGTH, VALUE_BYTES_MAX);
  capi.sqlite3_db_config(db, capi.SQLITE_DBCONFIG_DEFENSIVE, 1, 0);
  const start = performance.now();
  seed(progress);
  const seconds = (performance.now() - start) / 1000;
  capi.sqlite3_progress_handler(db, STEPS_PER_LOOK, () => (performance.now() > deadline ? 1 : 0), 0);
  capi.sqlite3_set_authorizer(db, authorize, 0);
  const lost = replay(journal, progress);
  return { version: sqlite3.version.libVersion, rows: ORDERS, seconds, lost };
}

/** Files would lie outside of the memory that is counted. VACUUM attaches one without a name. */
function authorize(_, action, name) {
  return action === capi.SQLITE_ATTACH && name !== "" ? capi.SQLITE_DENY : capi.SQLITE_OK;
}

function seed(progress) {
  db.exec("BEGIN");
  for (const table of TABLES) {
    db.exec(table.sql);
  }
  db.exec(INSERT_CUSTOMERS);
  const insert = db.prepare(INSERT_ORDER);
  for (const order of orders()) {
    if (order[0] % 10_000 === 1) {
      progress(`Writing ${ORDERS.toLocaleString("en")} orders`, order[0] / ORDERS);
    }
    order.forEach((value, at) => capi.sqlite3_bind_int(insert, at + 1, value));
    capi.sqlite3_step(insert);
    capi.sqlite3_reset(insert);
  }
  insert.finalize();
  db.exec("COMMIT");
}

/** Does again what the reader had done; returns the statement that failed this time, if one did. */
function replay(journal, progress) {
  for (const [at, sql] of journal.entries()) {
    progress("Repeating your changes", at / journal.length);
    try {
      for (const statement of statementsOf(sql)) {
        stepAll(statement, ROWS_COUNTED_MAX);
      }
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      return { sql, message: error.message };
    }
  }
  return null;
}

/** Runs the statements of `sql` one after the other, up to the first that fails. */
function run({ sql }, progress) {
  const done = [];
  const journal = [];
  try {
    for (const statement of statementsOf(sql)) {
      progress(null, null);
      const outcome = measured(statement);
      done.push(outcome);
      if (changes(statement, outcome.word)) {
        journal.push(outcome.sql);
      }
    }
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    // A failure may have undone the transaction that the journal tells of.
    const rolledBack = error.about.wasInTransaction && !inTransaction();
    throw new Refused({ ...error.about, statements: done, journal: rolledBack ? [...journal, "ROLLBACK"] : journal });
  }
  return { statements: done, journal, inTransaction: inTransaction() };
}

/** Measures one query as it would be without the indexes that the reader made, and leaves them in place. */
function without({ sql }, progress) {
  progress(null, null);
  db.exec("SAVEPOINT lab_without");
  try {
    for (const { name } of ownIndexes()) {
      db.exec(`DROP INDEX ${quoted(name)}`);
    }
    for (const statement of statementsOf(sql)) {
      return { statements: [measured(statement)] };
    }
    return { statements: [] };
  } finally {
    db.exec("ROLLBACK TO lab_without");
    db.exec("RELEASE lab_without");
  }
}

function drop({ index }, progress) {
  return run({ sql: `DROP INDEX ${quoted(index)}` }, progress);
}

const quoted = (name) => `"${name.replaceAll('"', '""')}"`;
const inTransaction = () => capi.sqlite3_get_autocommit(db) === 0;

/** Whether the statement belongs into the journal. */
function changes(statement, word) {
  const moves = ["BEGIN", "COMMIT", "END", "ROLLBACK", "SAVEPOINT", "RELEASE", "PRAGMA"];
  return !capi.sqlite3_stmt_readonly(statement.pointer) || moves.includes(word);
}

/**
 * Prepares the statements of a text one after the other. Each is finished when the next one is asked for.
 * Yields `{ pointer, sql, start }`; `start` is where in the text it begins, in UTF-16 units.
 */
function* statementsOf(text) {
  const scope = wasm.scopedAllocPush();
  try {
    const [begin, bytes] = wasm.scopedAllocCString(text, true);
    const end = Number(begin) + bytes;
    const slots = wasm.scopedAllocPtr(2);
    const decode = (from, to) => new TextDecoder().decode(wasm.heap8u().slice(Number(from), Number(to)));
    let at = begin;
    // A NUL ends the text for SQLite, which then does not move on.
    let last = null;
    while (Number(at) < end && at !== last) {
      last = at;
      wasm.pokePtr(slots, 0);
      const code = capi.sqlite3_prepare_v3(db, at, -1, 0, slots[0], slots[1]);
      const pointer = wasm.peekPtr(slots[0]);
      if (code) {
        const offset = capi.sqlite3_error_offset(db);
        const place = offset >= 0 ? decode(begin, Number(at) + offset).length : null;
        throw refusal({ sql: decode(at, end).trim(), place });
      }
      const next = wasm.peekPtr(slots[1]);
      // Nothing but spaces and comments makes no statement.
      if (pointer) {
        try {
          yield { pointer, sql: decode(at, next).trim().replace(/;$/, "") };
        } finally {
          capi.sqlite3_finalize(pointer);
        }
      }
      at = next;
    }
  } finally {
    wasm.scopedAllocPop(scope);
  }
}

/** What SQLite says about the call that just failed. */
function refusal(about) {
  return new Refused({ message: capi.sqlite3_errmsg(db), code: capi.sqlite3_errcode(db), ...about });
}

/** Runs a statement and tells of it: its rows, its plan, and what it cost. */
function measured(statement) {
  const { pointer, sql } = statement;
  const word = /^(?:\s|--[^\n]*\n|\/\*.*?\*\/)*([a-z]+)/is.exec(sql)?.[1].toUpperCase() ?? "";
  const explains = capi.sqlite3_stmt_isexplain(pointer);
  const readonly = Boolean(capi.sqlite3_stmt_readonly(pointer));
  const plan = hasPlan(word) && !explains ? planOf(sql) : null;
  const changesBefore = Number(capi.sqlite3_total_changes(db));
  pagesRead(true);
  for (const counter of Object.values(COUNTERS)) {
    capi.sqlite3_stmt_status(pointer, capi[counter], 1);
  }

  const first = stepAll(statement, ROWS_COUNTED_MAX, reader(pointer));
  const cost = { pages: pagesRead(false) };
  for (const [name, counter] of Object.entries(COUNTERS)) {
    cost[name] = capi.sqlite3_stmt_status(pointer, capi[counter], 0);
  }
  // What changes nothing can be repeated. A plan tells queries from PRAGMA, which may change the connection.
  const times = readonly && plan ? repeated(statement, first.ms) : { ms: first.ms, runs: 1 };
  return {
    sql,
    word,
    readonly,
    plan: explains === 2 ? first.shown.map(planRow) : plan,
    columns: first.columns,
    columnsTotal: capi.sqlite3_column_count(pointer),
    shown: first.shown,
    rows: first.rows,
    isMore: first.isMore,
    changed: readonly ? 0 : Number(capi.sqlite3_total_changes(db)) - changesBefore,
    ...cost,
    ...times,
  };
}

/** Counters of one run, by SQLite's names. */
const COUNTERS = {
  steps: "SQLITE_STMTSTATUS_VM_STEP",
  scanned: "SQLITE_STMTSTATUS_FULLSCAN_STEP",
  indexed: "SQLITE_STMTSTATUS_AUTOINDEX",
};

const hasPlan = (word) => ["SELECT", "WITH", "VALUES", "INSERT", "REPLACE", "UPDATE", "DELETE"].includes(word);

function planOf(sql) {
  for (const statement of statementsOf(`EXPLAIN QUERY PLAN ${sql}`)) {
    return stepAll(statement, ROWS_COUNTED_MAX, reader(statement.pointer)).shown.map(planRow);
  }
  return null;
}

const planRow = ([id, parent, , detail]) => ({ id: Number(id.text), parent: Number(parent.text), detail: detail.text });

/** Pages of the database looked at since the last reset: SQLite's page cache is asked for each of them. */
function pagesRead(reset) {
  const scope = wasm.scopedAllocPush();
  try {
    const [now, most] = wasm.scopedAllocPtr(2);
    return ["SQLITE_DBSTATUS_CACHE_HIT", "SQLITE_DBSTATUS_CACHE_MISS"].reduce((sum, counter) => {
      capi.sqlite3_db_status(db, capi[counter], now, most, reset ? 1 : 0);
      return sum + wasm.peek32(now);
    }, 0);
  } finally {
    wasm.scopedAllocPop(scope);
  }
}

/** Runs a statement once, to its end or to `rowsMax` rows, and leaves it ready for the next run. */
function stepAll({ pointer, sql }, rowsMax, read) {
  const wasInTransaction = inTransaction();
  const shown = [];
  let rows = 0;
  let code;
  const start = performance.now();
  deadline = start + STATEMENT_MS_MAX;
  while ((code = capi.sqlite3_step(pointer)) === capi.SQLITE_ROW && rows < rowsMax) {
    rows += 1;
    if (read && rows <= ROWS_SHOWN_MAX) {
      shown.push(read.row());
    }
  }
  const ms = performance.now() - start;
  deadline = Infinity;
  if (code !== capi.SQLITE_ROW && code !== capi.SQLITE_DONE) {
    const about = refusal({ sql, ms, place: null, wasInTransaction, isInterrupted: code === capi.SQLITE_INTERRUPT });
    capi.sqlite3_reset(pointer);
    throw about;
  }
  capi.sqlite3_reset(pointer);
  return { ms, rows, shown, columns: read?.columns ?? [], isMore: code === capi.SQLITE_ROW };
}

/** The median time of several runs, in milliseconds. */
function repeated(statement, firstMs) {
  const several = (count) => {
    const start = performance.now();
    for (let at = 0; at < count; at += 1) {
      stepAll(statement, ROWS_COUNTED_MAX);
    }
    return performance.now() - start;
  };
  let repeats = 1;
  let last = firstMs;
  while (last < RUN_MS_MIN && repeats < REPEATS_MAX) {
    repeats *= 2;
    last = several(repeats);
  }
  const runs = Math.max(1, Math.min(RUNS, Math.floor(RUNS_MS_MAX / last)));
  // The first run filled no cache, for everything is in memory: it counts like the others.
  const times = repeats === 1 ? [firstMs] : [];
  while (times.length < runs) {
    times.push(several(repeats) / repeats);
  }
  times.sort((a, b) => a - b);
  const middle = (times.length - 1) / 2;
  return { ms: (times[Math.floor(middle)] + times[Math.ceil(middle)]) / 2, runs: times.length, repeats };
}

/** Reads rows of a statement as texts, each cut to what a table shows. */
function reader(pointer) {
  const count = Math.min(capi.sqlite3_column_count(pointer), COLUMNS_SHOWN_MAX);
  const places = Array.from({ length: count }, (_, at) => at);
  return {
    columns: places.map((at) => capi.sqlite3_column_name(pointer, at)),
    row: () => places.map((at) => cell(pointer, at)),
  };
}

function cell(pointer, at) {
  const kind = capi.sqlite3_column_type(pointer, at);
  if (kind === capi.SQLITE_NULL) return { kind: "null", text: "NULL" };
  const isBlob = kind === capi.SQLITE_BLOB;
  const isNumber = kind === capi.SQLITE_INTEGER || kind === capi.SQLITE_FLOAT;
  // The raw functions: the wrapped ones would copy all of a long value.
  const begin = Number(isBlob ? wasm.exports.sqlite3_column_blob(pointer, at) : wasm.exports.sqlite3_column_text(pointer, at));
  const size = capi.sqlite3_column_bytes(pointer, at);
  const bytes = wasm.heap8u().slice(begin, begin + Math.min(size, CELL_BYTES_MAX));
  const cut = size > CELL_BYTES_MAX ? `… (${size.toLocaleString("en")} bytes)` : "";
  if (isBlob) {
    const hex = Array.from(bytes.slice(0, 32), (byte) => byte.toString(16).padStart(2, "0")).join("");
    return { kind: "blob", text: `x'${hex}'${size > 32 ? `… (${size.toLocaleString("en")} bytes)` : ""}` };
  }
  // A cut may go through the middle of a character.
  const text = new TextDecoder().decode(bytes).replace(cut ? /\ufffd+$/ : /$^/, "");
  return { kind: isNumber ? "number" : "text", text: text + cut };
}

/** The indexes that the reader made. */
const ownIndexes = () =>
  db.selectObjects("SELECT name, tbl_name AS 'table', sql FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL ORDER BY rowid");

/** What the reader has made of the database. */
function schema() {
  const bytesOf = "SELECT pgsize FROM dbstat WHERE aggregate = 1 AND name = ?";
  return {
    indexes: ownIndexes().map((index) => ({ ...index, bytes: Number(db.selectValue(bytesOf, index.name) ?? 0) })),
    tables: TABLES.map(({ name }) => ({ name, bytes: Number(db.selectValue(bytesOf, name) ?? 0) })),
  };
}
