// A real SQLite in the page: the reader's SQL against tables that are large enough for an index to matter.
//
// This module is fetched when the reader opens the lab, and brings its own style. SQLite runs in a thread of
// its own (sql-worker.js), reached through sql-database.js. Nothing that is typed leaves the page, and
// nothing is kept.

import { count, counted, h, styled } from "./elements.js";
import { Database, Refused, Stopped } from "./sql-database.js";
import { EXAMPLES, FIRST } from "./sql-examples.js";
import { HEAP_BYTES_MAX, PAGES_MAX, SQL_CHARS_MAX, STATEMENT_MS_MAX } from "./sql-limits.js";
import { indexesIn, planInShort, planTree } from "./sql-plan.js";
import { TABLES } from "./sql-seed.js";
import { difference, indexesView, legendView, markedLine, measuresView, planView, rowsOf, rowsView, tablesView, time } from "./sql-view.js";

/** Queries that the table of measurements keeps, and plans of each. */
const QUERIES_KEPT = 6;
const PLANS_KEPT = 6;
/** Messages of SQLite that are due to this place and not to the reader's SQL. */
const LIMITS = {
  "not authorized": " Other files cannot be attached here.",
  "out of memory": ` There are ${HEAP_BYTES_MAX / 2 ** 20} MB here.`,
  "database or disk is full": ` There is room for ${Math.round((PAGES_MAX * 8) / 1024)} MB here.`,
};
/** A wait that is shorter is not worth a word. */
const WORTH_SAYING_MS = 300;

/** Builds the lab inside `place` and starts SQLite. */
export function mount(place) {
  styled(new URL("./sql-lab.css", import.meta.url).href);
  new Lab(place).start();
}

class Lab {
  #database = new Database();
  /** What keeps the buttons: "starting", "ready", "busy" or "failed". */
  #state = "starting";
  #schema = { indexes: [], tables: [] };
  /** `{ key, sql, lines }`, the newest query first. */
  #groups = [];
  /** What was in the box without being written by the reader, and what the reader wrote before it. */
  #given = new Set([FIRST]);
  #own = "";
  /** The last query that can be measured again without the indexes. */
  #again = null;

  constructor(place) {
    const button = (label, act, more = {}) => h("button", { type: "button", class: "button", onclick: act, ...more }, label);
    this.status = h("p", { class: "lab-status", role: "status" });
    this.bar = h("progress", { max: "1", "aria-label": "Progress", hidden: true });
    this.sql = h("textarea", {
      id: "lab-sql",
      class: "field",
      rows: "6",
      maxlength: String(SQL_CHARS_MAX),
      spellcheck: "false",
      autocapitalize: "off",
      autocomplete: "off",
      "aria-describedby": "lab-hint",
      onkeydown: (event) => {
        if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
          event.preventDefault();
          this.#run(this.sql.value);
        }
      },
    });
    this.sql.value = FIRST;
    this.runs = button("Run", () => this.#run(this.sql.value), { class: "button lab-run" });
    this.back = button("Bring back my SQL", () => this.#bringBack(), { hidden: true });
    this.stops = button("Stop", () => this.#stop());
    this.fresh = button("Start over", () => this.#startOver());
    this.compare = button("Measure it without the indexes", () => this.#measureWithout());
    this.mistake = h("div", { class: "lab-mistake", hidden: true });
    this.results = h("div", { class: "lab-results" });
    this.measures = h("div", {});
    this.legend = legendView();
    this.indexes = h("div", {});
    this.indexesTitle = h("h3", { tabindex: "-1" }, "Your indexes");

    place.replaceChildren(
      h(
        "div",
        { class: "lab-body" },
        h("details", { class: "lab-tables" }, h("summary", {}, "The tables: 250,000 orders of 20,000 customers"), tablesView(TABLES)),
        EXAMPLES.map(({ title, items }) =>
          h(
            "div",
            { class: "lab-examples", role: "group", "aria-label": title },
            h("span", { "aria-hidden": "true" }, title),
            items.map(([label, sql]) => button(label, () => this.#example(sql))),
          ),
        ),
        h("label", { for: "lab-sql" }, "SQL"),
        this.sql,
        h("p", { id: "lab-hint", class: "quiet" }, h("kbd", {}, "Ctrl"), " ", h("kbd", {}, "Enter"), " runs it. What you type stays on this page."),
        h("div", { class: "lab-buttons" }, this.runs, this.stops, this.fresh, this.back),
        this.bar,
        this.status,
        this.mistake,
        this.results,
        this.measures,
        this.indexesTitle,
        this.indexes,
      ),
    );
    this.#show();
  }

  /** Starts SQLite with what the reader has changed; says `then` when it stands. */
  async start(then = "") {
    this.#become("starting");
    try {
      const { version, rows, seconds, lost, schema } = await this.#database.open((text, part) => this.#progress(text, part));
      this.#schema = schema;
      this.#become("ready");
      const stands = `SQLite ${version} is ready: ${count(rows)} orders, made in ${time(seconds * 1000)}.`;
      const gone = lost ? ` One of your changes could not be repeated: ${lost.message}.` : "";
      this.#say((then || stands) + gone, lost ? "bad" : "");
    } catch (error) {
      if (error instanceof Stopped && error.why === "fresh") return;
      console.warn(error);
      this.#become("failed");
      this.#say(`SQLite could not be started: ${error.message || "it took too long"}. “Start over” tries again.`, "bad");
    }
    this.#show();
  }

  /** Puts `sql` into the box; what the reader wrote there can be had back. */
  #put(sql) {
    const own = this.sql.value;
    if (own.trim() && !this.#given.has(own)) {
      this.#own = own;
      this.back.hidden = false;
    }
    this.#given.add(sql);
    this.sql.value = sql;
  }

  /** Runs a query that is not written by the reader now. */
  #example(sql) {
    this.#put(sql);
    this.#run(sql);
  }

  #bringBack() {
    this.sql.value = this.#own;
    this.back.hidden = true;
    this.sql.focus();
  }

  async #run(sql) {
    if (this.#state !== "ready") return;
    if (!sql.trim()) {
      this.#say("There is no SQL in the box.", "bad");
      return;
    }
    const done = await this.#busy(() => this.#database.run(sql), sql);
    if (!done) return;
    this.#tell(done.statements, done.inTransaction);
  }

  async #measureWithout() {
    const sql = this.#again;
    if (this.#state !== "ready" || !sql || !this.#schema.indexes.length) return;
    const done = await this.#busy(() => this.#database.without(sql), sql);
    const [outcome] = done?.statements ?? [];
    if (!outcome) return;
    const line = this.#keep(outcome, { without: true });
    this.#say(`Without the indexes: ${rowsOf(outcome)} in ${time(outcome.ms)}, ${counted(outcome.steps, "step")}.${line.against} Your indexes are still there.`);
    this.#show();
  }

  async #drop(name) {
    if (this.#state !== "ready") return;
    const done = await this.#busy(() => this.#database.dropIndex(name), "");
    if (!done) return;
    this.#say(`${name} is gone.`);
    this.#show();
    // The button that had the focus is gone too.
    (this.indexes.querySelector("button") ?? this.indexesTitle).focus();
  }

  async #stop() {
    if (this.#state !== "busy") return;
    this.#database.stop();
  }

  async #startOver() {
    this.#database.forget();
    this.#again = null;
    this.results.replaceChildren();
    this.mistake.hidden = true;
    await this.start("Started over: the tables are as they were made, without any index.");
  }

  /** Asks the database for something; shows what went wrong, and resolves to nothing then. */
  async #busy(ask, sql) {
    this.#become("busy");
    this.mistake.hidden = true;
    const slow = setTimeout(() => this.#say("Running. “Stop” ends it."), WORTH_SAYING_MS);
    try {
      const done = await ask();
      this.#schema = done.schema;
      clearTimeout(slow);
      this.#become("ready");
      return done;
    } catch (error) {
      clearTimeout(slow);
      if (error instanceof Refused) {
        this.#schema = error.about.schema;
        this.#become("ready");
        this.#refused(error.about, sql);
      } else if (error instanceof Stopped) {
        // "Start over" has begun the next one already.
        if (error.why !== "fresh") await this.#startAgain(error);
      } else {
        throw error;
      }
      return null;
    }
  }

  /** Starts SQLite anew after its thread was ended, with everything as it was before the last statement. */
  async #startAgain({ why, message }) {
    const reason = {
      reader: "Stopped.",
      time: "Stopped: it took too long and did not answer.",
      broken: `SQLite itself failed (${message}).`,
    }[why];
    const kept = this.#database.changes;
    const changes = kept ? `your ${counted(kept, "change")} ${kept === 1 ? "was" : "were"} repeated` : "the tables are as they were";
    this.#again = null;
    this.results.replaceChildren();
    this.#say(`${reason} Starting SQLite again.`);
    await this.start(`${reason} SQLite was started again, and ${changes}.`);
  }

  /** Tells of a statement that SQLite refused, and of those before it. */
  #refused({ message, place = null, isInterrupted, sql: statement, statements = [] }, sql) {
    this.#again = null;
    this.results.replaceChildren();
    if (statements.length) this.#tell(statements, false);
    const before = statements.length ? `${counted(statements.length, "statement")} done. ` : "";
    if (isInterrupted) {
      this.#say(`${before}Stopped after ${STATEMENT_MS_MAX / 1000} seconds, the most that a statement gets here. The tables are as before it.`, "bad");
    } else if (place !== null) {
      const mark = markedLine(sql, place);
      this.#say(`${before}SQLite says: ${message} (line ${mark.line}, column ${mark.column}).`, "bad");
      this.mistake.replaceChildren(h("pre", { "aria-hidden": "true" }, mark.text));
      this.mistake.hidden = false;
      if (this.sql.value === sql) this.sql.setSelectionRange(place, place);
    } else {
      this.#say(`${before}SQLite says: ${message}.${LIMITS[message] ?? ""}`, "bad");
    }
    if (isInterrupted || place === null) {
      this.mistake.replaceChildren(h("pre", {}, statement));
      this.mistake.hidden = !statement || statement === sql.trim().replace(/;$/, "");
    }
    this.#show();
  }

  /** Shows what statements did: the plan and the rows of the last one that has them, measurements of all. */
  #tell(statements, inTransaction) {
    const outcomes = statements.map((outcome) => ({ ...outcome, tree: outcome.plan && planTree(outcome.plan) }));
    const shown = outcomes.findLast((outcome) => outcome.tree || outcome.columnsTotal) ?? outcomes.at(-1);
    let line = null;
    for (const outcome of outcomes.filter(({ tree, word }) => tree && word !== "EXPLAIN")) {
      const kept = this.#keep(outcome);
      if (outcome === shown) line = kept;
    }
    if (!shown) {
      this.#say("There is no statement in the box, only comments.", "bad");
      return;
    }
    this.#again = shown.readonly && shown.tree && shown.word !== "EXPLAIN" ? shown.sql : null;
    this.results.replaceChildren(
      ...(shown.tree?.length ? [h("h3", {}, "Plan"), planView(shown.word, shown.tree)] : []),
      ...(shown.indexed ? [h("p", { class: "quiet" }, `SQLite built an index of ${counted(shown.indexed, "row")} for this one run.`)] : []),
      ...(shown.columnsTotal && shown.rows ? [h("h3", {}, "Rows"), rowsView(shown)] : []),
    );
    const many = outcomes.length > 1 ? `${counted(outcomes.length, "statement")} done. ` : "";
    const open = inTransaction ? " A transaction is open: COMMIT or ROLLBACK ends it." : "";
    this.#say(`${many}${sentence(shown)}${line?.against ?? ""}${open}`);
    this.#show();
  }

  /** Puts a measurement into the table; the newest of the same query and plan stays. */
  #keep(outcome, { without = false } = {}) {
    const tree = outcome.tree ?? planTree(outcome.plan);
    const used = indexesIn(tree);
    const others = without ? 0 : this.#schema.indexes.length;
    const line = {
      ...outcome,
      short: planInShort(tree),
      // A write pays for every index, whether its own search uses one or not.
      label: outcome.readonly ? used.join(", ") || "no index" : counted(others, "index", "indexes"),
      rowsOut: outcome.readonly ? outcome.rows : outcome.changed,
      against: "",
      isLast: true,
    };
    line.key = `${line.label} ${line.short}`;
    const key = outcome.sql.replace(/\s+/g, " ").toLowerCase();
    const group = this.#groups.find((each) => each.key === key) ?? { key, sql: outcome.sql, lines: [] };
    this.#groups.forEach(({ lines }) => lines.forEach((each) => (each.isLast = false)));
    const before = group.lines.findLast((each) => each.key !== line.key);
    if (before) line.against = against(before, line);
    const same = group.lines.findIndex((each) => each.key === line.key);
    if (same >= 0) group.lines[same] = line;
    else group.lines.push(line);
    group.lines.splice(0, group.lines.length - PLANS_KEPT);
    this.#groups = [group, ...this.#groups.filter((each) => each !== group)].slice(0, QUERIES_KEPT);
    return line;
  }

  /** Brings everything that depends on the state up to date. */
  #show() {
    const enabled = (button, is) => button.setAttribute("aria-disabled", String(!is));
    const ready = this.#state === "ready";
    enabled(this.runs, ready);
    enabled(this.stops, this.#state === "busy");
    enabled(this.fresh, true);
    enabled(this.compare, ready && this.#again && this.#schema.indexes.length > 0);
    // Kept as it is while something runs: what has the focus must not vanish under it.
    if (this.#state === "busy") return;
    const focus = this.measures.contains(document.activeElement) ? document.activeElement : null;
    this.measures.replaceChildren(
      ...(this.#groups.length
        ? [
            h("h3", {}, "Measured"),
            measuresView(this.#groups, (sql) => this.#example(sql)),
            this.legend,
            this.compare,
          ]
        : []),
    );
    if (focus === this.compare) focus.focus({ preventScroll: true });
    // The button of a query that ran again: its query is the first now.
    else if (focus && !focus.isConnected) this.measures.querySelector(".bare")?.focus({ preventScroll: true });
    this.indexes.replaceChildren(indexesView(this.#schema.indexes, this.#schema.tables, (name) => this.#drop(name)));
  }

  #become(state) {
    this.#state = state;
    this.bar.hidden = state !== "starting";
    const enabled = (button, is) => button.setAttribute("aria-disabled", String(!is));
    enabled(this.runs, state === "ready");
    enabled(this.stops, state === "busy");
  }

  #progress(text, part) {
    if (!text) return;
    if (part === null) this.bar.removeAttribute("value");
    else this.bar.value = part;
    // One sentence for each thing that is done: a live region must not count aloud.
    if (this.status.textContent !== `${text} …`) this.#say(`${text} …`);
  }

  #say(text, tone = "") {
    this.status.textContent = text;
    this.status.className = `lab-status ${tone}`;
  }
}

/** How much work `line` is against `before`, the same query with another plan. */
function against(before, line) {
  const steps = difference(before.steps, line.steps, "steps");
  if (steps) return ` ${steps} than with ${before.label}.`;
  // An index that leaves most rows saves nothing, and jumps about in the table for each of them.
  const pages = difference(before.pages, line.pages, "looks at pages");
  return ` About as many steps as with ${before.label}${pages ? `, and ${pages}` : ""}.`;
}

/** What one statement did. */
function sentence(outcome) {
  const { sql, word, columnsTotal, readonly, changed, ms, tree, steps } = outcome;
  const took = time(ms);
  if (word === "EXPLAIN") return "Explained; nothing was run.";
  if (readonly && tree) return `${capital(rowsOf(outcome))} in ${took}, ${counted(steps, "step")}: ${planInShort(tree)}.`;
  if (columnsTotal) return `${capital(rowsOf(outcome))} in ${took}.`;
  if (tree) return `${counted(changed, "row")} changed in ${took}, ${counted(steps, "step")}.`;
  const what = /^(CREATE|DROP|ALTER)$/.test(word) ? sql.split(/\s+/, 2).join(" ").toUpperCase() : word;
  return `${what} done in ${took}.`;
}

const capital = (text) => text[0].toUpperCase() + text.slice(1);
