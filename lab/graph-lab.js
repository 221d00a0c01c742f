// The reader's own GraphQL query, executed in the page: what it asks the database, and what comes back.
//
// This module is fetched when the reader opens the lab, with the crate of labs/graph as WebAssembly. What is typed goes
// there and back, and nowhere else.

import { bar, checkbox, count, counted, h, input, labelled, scrolls, select, styled } from "./elements.js";
import start, { execute, schema } from "./graph.js";
import { EXAMPLES, FIRST } from "./graph-examples.js";

const FAILS = {
  nothing: "nothing",
  authors: "every query to authors",
  one_author: "author 3 alone",
  comments: "every query to comments",
};
/** Rows and characters that are drawn; what is beyond is counted. */
const STATEMENTS_SHOWN = 60;
const CHARACTERS_SHOWN = 20_000;
/** How long after the last key a query is executed. */
const PAUSE_MS = 150;

/** Builds the lab inside `place`. */
export async function mount(place) {
  styled(new URL("./graph-lab.css", import.meta.url).href);
  await start({ module_or_path: new URL("./graph.wasm", import.meta.url) });
  new Lab(place);
}

class Lab {
  #timer = 0;

  constructor(place) {
    const later = () => this.#later();
    const now = () => this.#execute();
    const code = { class: "field", spellcheck: "false", autocomplete: "off", autocapitalize: "off", oninput: later };
    this.query = h("textarea", { id: "graph-query", rows: "12", "aria-describedby": "graph-mistakes", ...code });
    this.variables = h("textarea", { id: "graph-variables", rows: "3", "aria-describedby": "graph-mistakes", ...code });
    this.operation = input("graph-operation", { "aria-describedby": "graph-mistakes", oninput: later });
    this.loader = checkbox("graph-loader", true, now);
    this.fails = select("graph-fails", FAILS, now);
    this.depth = input("graph-depth", { inputmode: "numeric", "aria-describedby": "graph-mistakes", oninput: later });
    this.cost = input("graph-cost", { inputmode: "numeric", "aria-describedby": "graph-mistakes", oninput: later });
    this.boxes = { query: this.query, variables: this.variables, operation: this.operation, depth: this.depth, cost: this.cost };
    this.status = h("p", { class: "lab-status", role: "status" });
    this.mistakes = h("ul", { class: "graph-mistakes", id: "graph-mistakes" });
    this.facts = h("div", {});
    this.statements = h("div", {});
    this.notes = h("div", {});
    this.response = h("pre", { class: "graph-response" });
    place.replaceChildren(
      h(
        "div",
        { class: "lab-body" },
        EXAMPLES.map(({ title, items }) =>
          h(
            "div",
            { class: "lab-examples", role: "group", "aria-label": title },
            h("span", { "aria-hidden": "true" }, title),
            items.map(([label, form]) => h("button", { type: "button", class: "button", onclick: () => this.#example(form) }, label)),
          ),
        ),
        h("div", {}, labelled("Query", this.query)),
        h("label", { class: "lab-check" }, this.loader, " Use a loader"),
        h(
          "div",
          { class: "lab-fields" },
          labelled("What fails", this.fails),
          labelled("Depth limit", this.depth, h("small", {}, "empty: none")),
          labelled("Cost limit", this.cost, h("small", {}, "objects; empty: none")),
        ),
        h(
          "details",
          { class: "graph-more" },
          h("summary", {}, "Variables and operation"),
          labelled("Variables, as JSON", this.variables),
          labelled("Operation to run", this.operation, h("small", {}, "needed where the query holds several")),
        ),
        h(
          "details",
          { class: "graph-more" },
          h("summary", {}, "The schema"),
          h("pre", { class: "graph-schema", tabindex: "0", role: "region", "aria-label": "The schema" }, schema()),
        ),
        this.status,
        this.mistakes,
        this.facts,
        this.notes,
        h("h3", {}, "What the database was asked"),
        this.statements,
        h("h3", {}, "The answer"),
        scrolls("The answer", this.response),
      ),
    );
    this.#example(FIRST);
  }

  #example(form) {
    for (const [name, box] of Object.entries(this.boxes)) box.value = form[name];
    this.loader.checked = form.loader;
    this.fails.value = form.fails;
    const folded = this.variables.closest("details");
    if (form.variables) folded.open = true;
    this.#execute();
  }

  #later() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#execute(), PAUSE_MS);
  }

  #execute() {
    clearTimeout(this.#timer);
    const typed = Object.fromEntries(Object.entries(this.boxes).map(([name, box]) => [name, box.value]));
    const answer = JSON.parse(execute(JSON.stringify({ ...typed, loader: this.loader.checked, fails: this.fails.value })));
    const mistakes = answer.mistakes ?? [];
    for (const [name, box] of Object.entries(this.boxes)) {
      if (mistakes.some(({ within }) => within === name)) box.setAttribute("aria-invalid", "true");
      else box.removeAttribute("aria-invalid");
    }
    this.mistakes.replaceChildren(...mistakes.map((mistake) => this.#mistake(mistake)));
    if (mistakes.length) {
      const below = this.response.textContent ? " Below is the last one that was executed." : "";
      this.#say(`Status 400: nothing was executed.${below}`, "bad");
      return;
    }
    this.#show(answer);
  }

  /** One mistake; where it has a place, the place leads there. */
  #mistake({ within, line, column, says }) {
    const box = this.boxes[within];
    const where = line ? `${within === "query" ? "" : `${within}, `}line ${line}, column ${column}` : "";
    const go = () => {
      const at = box.value.split("\n").slice(0, line - 1).reduce((sum, each) => sum + each.length + 1, 0);
      // Columns count characters, the box counts UTF-16 units.
      const before = [...(box.value.split("\n")[line - 1] ?? "")].slice(0, column - 1).join("").length;
      box.closest("details")?.setAttribute("open", "");
      box.focus();
      box.setSelectionRange(at + before, at + before + 1);
    };
    const place = where ? h("button", { type: "button", class: "button", onclick: go }, where.replace(/^./, (first) => first.toUpperCase())) : null;
    return h("li", {}, place, h("span", {}, says));
  }

  #show({ status, response, bytes, errors, depth, cost, objects, statements, otherwise, resources, notes }) {
    const queries = statements.length;
    const wrong = errors ? `, with ${counted(errors, "error")} inside` : "";
    this.#say(`Status ${status}${wrong}. ${counted(queries, "database query", "database queries")}, ${counted(bytes, "byte")}.`, errors ? "bad" : "");
    const most = Math.max(bytes, resources.bytes, 1);
    const against = this.loader.checked ? "without a loader" : "with a loader";
    const row = (name, size, requests, trips) =>
      h(
        "tr",
        {},
        h("th", { scope: "row" }, name),
        h("td", {}, count(size), bar(size, most)),
        h("td", {}, count(requests)),
        h("td", {}, count(trips)),
      );
    this.facts.replaceChildren(
      scrolls(
        "Sizes",
        h(
          "table",
          { class: "graph-sizes" },
          h("thead", {}, h("tr", {}, ["The same screen", "Bytes", "Requests", "Round trips"].map((name) => h("th", { scope: "col" }, name)))),
          h("tbody", {}, row("This query", bytes, 1, 1), row("Whole resources", resources.bytes, resources.calls, resources.trips)),
        ),
      ),
      h(
        "dl",
        {},
        h("dt", {}, "Database queries"),
        h("dd", {}, `${count(queries)}; ${against} ${count(otherwise)}`),
        h("dt", {}, "Depth, cost"),
        h("dd", {}, `${counted(depth, "level")}, up to ${counted(cost, "object")}; ${count(objects)} came`),
      ),
    );
    this.notes.replaceChildren(...notes.map((note) => h("p", { class: "quiet" }, note)));
    this.#statements(statements);
    const cut = response.length > CHARACTERS_SHOWN;
    this.response.textContent = cut ? `${response.slice(0, CHARACTERS_SHOWN)}\n… and ${count(response.length - CHARACTERS_SHOWN)} more characters` : response;
  }

  #statements(statements) {
    const shown = statements.slice(0, STATEMENTS_SHOWN);
    const cell = (text) => h("td", {}, text);
    const rows = shown.map(({ tick, sql, keys, rows, ok }) =>
      h("tr", {}, cell(count(tick)), h("td", {}, h("code", {}, sql)), cell(count(keys)), cell(ok ? count(rows) : "failed")),
    );
    const more = statements.length - shown.length;
    this.statements.replaceChildren(
      scrolls(
        "Database queries",
        h(
          "table",
          { class: "graph-statements" },
          h("caption", {}, "Queries of the same tick are under way together."),
          h("thead", {}, h("tr", {}, ["Tick", "Query", "Keys", "Rows"].map((name) => h("th", { scope: "col" }, name)))),
          h("tbody", {}, rows),
        ),
      ),
      ...(more > 0 ? [h("p", { class: "quiet" }, `And ${counted(more, "more query", "more queries")} like these.`)] : []),
    );
  }

  #say(text, tone = "") {
    this.status.textContent = text;
    this.status.className = `lab-status ${tone}`;
  }
}
