// The reader's own account events, and the states that they fold to.
//
// This module is fetched when the reader opens the lab, with the crate of labs/events as WebAssembly: the store, the
// fold and the upcaster of the simulation. What is typed goes there and back, and nowhere else.

import { checkbox, count, counted, h, input, labelled, scrolls, select, styled } from "./elements.js";
import start, { append, fold } from "./events.js";
import { EXAMPLES, FIRST } from "./events-examples.js";

const KINDS = {
  Opened: "Opened",
  Deposited: "Deposited: money came",
  Withdrawn: "Withdrawn: money went",
  Corrected: "Corrected: plus or minus",
  Closed: "Closed",
  Forgotten: "Forgotten: erase the name",
};
const WITH_AMOUNT = ["Deposited", "Withdrawn", "Corrected"];
const SETTINGS = { upcaster: true, snapshot: "", kept_in: 2, expects: 2, checks: true };
/** What another writer does meanwhile. */
const SOMEBODY = { kind: "Deposited", amount: "10", schema: 2 };

/** Builds the lab inside `place`. */
export async function mount(place) {
  styled(new URL("./events-lab.css", import.meta.url).href);
  await start({ module_or_path: new URL("./events.wasm", import.meta.url) });
  new Lab(place);
}

class Lab {
  #events = structuredClone(FIRST);
  #settings = { ...SETTINGS };
  /** The event that is being edited, or null. */
  #editing = null;
  /** The hash before the last change, to say what an edit does. */
  #hash = null;

  constructor(place) {
    this.kind = select("events-kind", KINDS, () => this.#drawAmount());
    this.amount = input("events-amount", { inputmode: "decimal" });
    this.schema = select("events-schema", { 1: "v1: whole euros", 2: "v2: cents" });
    this.expected = input("events-expected", { inputmode: "numeric", "aria-describedby": "events-expected-about" });
    this.decide = checkbox("events-decide", true);
    this.submit = h("button", { type: "submit", class: "button lab-run" }, "Append");
    this.cancel = h("button", { type: "button", class: "button", onclick: () => this.#leaveEdit() }, "Cancel");
    this.other = h("button", { type: "button", class: "button", onclick: () => this.#somebody() }, "Let somebody else append first");
    this.onlyNew = h(
      "div",
      { class: "lab-fields" },
      labelled("Expected version", this.expected, h("small", { id: "events-expected-about" }, "the one that you decided on")),
      h("label", { class: "lab-check" }, this.decide, " Ask the rules first, as a command does"),
    );
    this.title = h("h3", {}, "Next event");
    this.form = h(
      "form",
      { class: "events-form", novalidate: true, onsubmit: (event) => this.#send(event) },
      h("div", { class: "lab-fields" }, labelled("Event", this.kind), labelled("Euros", this.amount), labelled("Written as", this.schema)),
      this.onlyNew,
      h("div", { class: "lab-buttons" }, this.submit, this.cancel, this.other),
    );
    this.mistake = h("p", { class: "lab-status bad", role: "alert", id: "events-mistake" });
    this.status = h("p", { class: "lab-status", role: "status" });
    this.table = h("div", {});
    this.upcaster = checkbox("events-upcaster", true, () => this.#set({ upcaster: this.upcaster.checked }));
    this.snapshot = input("events-snapshot", { inputmode: "numeric", oninput: () => this.#set({ snapshot: this.snapshot.value }) });
    this.keptIn = select("events-kept", { 1: "layout 1: euros", 2: "layout 2: cents" }, () => this.#set({ kept_in: Number(this.keptIn.value) }));
    this.expects = select("events-expects", { 1: "layout 1: euros", 2: "layout 2: cents" }, () => this.#set({ expects: Number(this.expects.value) }));
    this.checks = checkbox("lab-checks", true, () => this.#set({ checks: this.checks.checked }));
    this.wrongSnapshot = h("p", { class: "lab-status bad", role: "alert", id: "events-wrong-snapshot" });
    this.ways = h("div", { "aria-live": "polite" });
    place.replaceChildren(
      h(
        "div",
        { class: "lab-body" },
        h(
          "div",
          { class: "lab-examples", role: "group", "aria-label": "Begin with" },
          h("span", { "aria-hidden": "true" }, "Begin with"),
          EXAMPLES.map(([label, events, settings]) =>
            h("button", { type: "button", class: "button", onclick: () => this.#example(events, settings) }, label),
          ),
        ),
        this.title,
        this.form,
        this.mistake,
        h("h3", {}, "The stream"),
        this.status,
        this.table,
        h("label", { class: "lab-check" }, this.upcaster, " The code of today has the upcaster from v1 to v2"),
        h("h3", {}, "A snapshot against the whole fold"),
        h(
          "div",
          { class: "lab-fields" },
          labelled("Taken after event", this.snapshot, h("small", {}, "empty: none is kept")),
          labelled("Kept in", this.keptIn),
          labelled("The code expects", this.expects),
        ),
        this.wrongSnapshot,
        h("label", { class: "lab-check" }, this.checks, " Check the layout, and ignore a snapshot of another one"),
        this.ways,
      ),
    );
    this.#example(FIRST, {});
  }

  #example(events, settings) {
    this.#events = structuredClone(events);
    this.#settings = { ...SETTINGS, ...settings };
    this.upcaster.checked = this.#settings.upcaster;
    this.snapshot.value = this.#settings.snapshot;
    this.keptIn.value = String(this.#settings.kept_in);
    this.expects.value = String(this.#settings.expects);
    this.checks.checked = this.#settings.checks;
    this.#hash = null;
    this.#fill(events.length ? { kind: "Withdrawn", amount: "20", schema: 2 } : { kind: "Opened", amount: "", schema: 2 });
    this.expected.value = String(events.length);
    this.#leaveEdit({ quietly: true });
    this.#draw();
  }

  #request(more = {}) {
    return JSON.stringify({ events: this.#events, ...this.#settings, ...more });
  }

  /** What stands in the form. */
  #draft() {
    const kind = this.kind.value;
    return { kind, amount: WITH_AMOUNT.includes(kind) ? this.amount.value : "", schema: Number(this.schema.value) };
  }

  #fill({ kind, amount, schema }) {
    this.kind.value = kind;
    this.amount.value = amount;
    this.schema.value = String(schema);
    this.#drawAmount();
  }

  #drawAmount() {
    this.amount.disabled = !WITH_AMOUNT.includes(this.kind.value);
  }

  #send(event) {
    event.preventDefault();
    if (this.#editing !== null) return this.#save();
    const answer = JSON.parse(append(this.#request({ draft: this.#draft(), expected: this.expected.value, decide: this.decide.checked })));
    if (!this.#complain(answer.mistake)) return;
    this.#events.push(this.#draft());
    this.expected.value = String(answer.version);
    this.#draw();
  }

  /** Another writer was faster: the version that the form expects is not the stream's any more. */
  #somebody() {
    if (!this.#complain(JSON.parse(append(this.#request({ draft: SOMEBODY, expected: String(this.#events.length), decide: false }))).mistake)) return;
    this.#events.push({ ...SOMEBODY });
    this.#draw(`Somebody else has appended a deposit of 10. You still expect version ${this.expected.value || "nothing"}.`);
  }

  #save() {
    const events = this.#events.with(this.#editing, this.#draft());
    const { mistake } = JSON.parse(fold(JSON.stringify({ events, ...this.#settings })));
    if (!this.#complain(mistake)) return;
    const at = this.#editing + 1;
    this.#events = events;
    const before = this.#hash;
    this.#leaveEdit();
    this.#draw();
    if (before !== this.#hash) {
      this.#say(`Event ${at} is another one now. So is the log, from there on, and whoever has read it disagrees. A correction would have left it.`, "bad");
    }
  }

  #edit(at) {
    this.#editing = at;
    this.#fill(this.#events[at]);
    this.#drawForm();
    this.kind.focus();
  }

  #leaveEdit({ quietly = false } = {}) {
    this.#editing = null;
    this.#drawForm();
    this.#complain(null);
    if (!quietly) this.kind.focus();
  }

  #drawForm() {
    const edits = this.#editing !== null;
    this.title.textContent = edits ? `Edit event ${this.#editing + 1}` : "Next event";
    this.submit.textContent = edits ? "Overwrite it" : "Append";
    this.cancel.hidden = !edits;
    this.other.hidden = edits;
    this.onlyNew.hidden = edits;
  }

  /** Puts the correction of an event into the form: to be looked at, and appended. */
  #correct(undo) {
    this.#leaveEdit();
    this.#fill({ kind: "Corrected", amount: undo.replaceAll(",", ""), schema: 2 });
    this.expected.value = String(this.#events.length);
    this.amount.focus();
  }

  #removeLast() {
    this.#events.pop();
    // A snapshot of an event that is gone goes with it.
    if (Number(this.#settings.snapshot) > this.#events.length) {
      this.#settings.snapshot = this.snapshot.value = this.#events.length ? String(this.#events.length) : "";
    }
    this.#leaveEdit({ quietly: true });
    this.expected.value = String(this.#events.length);
    this.#draw("The last event is gone. No event store does that: here it is for trying things out.");
    (this.table.querySelector("[data-remove]") ?? this.kind).focus();
  }

  #set(change) {
    Object.assign(this.#settings, change);
    this.#draw();
  }

  /** Shows a mistake beside its field, or takes the last one away. True: there is none. */
  #complain(mistake) {
    const { kind, amount, schema, expected, snapshot } = this;
    const boxes = { kind, amount, schema, expected, snapshot };
    for (const box of Object.values(boxes)) {
      box.removeAttribute("aria-invalid");
      box.removeAttribute("aria-errormessage");
    }
    const field = mistake?.path.split(".").at(-1);
    const place = field === "snapshot" ? this.wrongSnapshot : this.mistake;
    this.mistake.textContent = this.wrongSnapshot.textContent = "";
    if (!mistake) return true;
    place.textContent = mistake.says;
    boxes[field]?.setAttribute("aria-invalid", "true");
    boxes[field]?.setAttribute("aria-errormessage", place.id);
    return false;
  }

  #say(text, tone = "") {
    this.status.textContent = text;
    this.status.className = `lab-status ${tone}`;
  }

  #draw(words) {
    const report = JSON.parse(fold(this.#request()));
    if (!this.#complain(report.mistake)) return;
    const { version, hash, rows, whole } = report;
    this.#hash = hash;
    const state = whole.balance === null ? "it cannot be folded" : `${whole.balance}, ${whole.open ? "open" : "not open"}`;
    this.#say(words ?? `Version ${count(version)}: ${state}. Hash of the log: ${hash}.`);
    this.table.replaceChildren(rows.length ? this.#tableView(rows) : h("p", { class: "quiet" }, "No events yet. The fold of nothing is an account that is not open."));
    this.ways.replaceChildren(waysView(report));
  }

  #tableView(rows) {
    const last = rows.length;
    const head = ["Version", "In the log", "As today's code reads it", "State after it", ""];
    return scrolls(
      "Events",
      h(
        "table",
        { class: "events-table" },
        h("thead", {}, h("tr", {}, head.map((name) => h("th", { scope: "col" }, name || h("span", { class: "visually-hidden" }, "What to do"))))),
        h(
          "tbody",
          {},
          rows.map(({ version, kind, stored, read, after, open, refused, undo }) =>
            h(
              "tr",
              {},
              h("th", { scope: "row" }, String(version)),
              h("td", {}, h("code", {}, spaced(stored))),
              h("td", {}, read === null ? h("span", { class: "bad" }, "cannot be read") : read === stored ? "the same" : h("code", {}, spaced(read))),
              h(
                "td",
                {},
                after === null ? h("span", { class: "bad" }, "unknown") : h("strong", {}, after),
                after === null || open ? null : h("small", {}, "not open"),
                refused ? h("small", {}, `a command would be refused: ${refused}`) : null,
              ),
              h(
                "td",
                { class: "events-acts" },
                button("Edit", `Edit event ${version}, ${kind}`, () => this.#edit(version - 1)),
                undo === null ? null : button("Correct", `Correct event ${version}, ${kind}`, () => this.#correct(undo)),
                version === last ? button("Remove", `Remove event ${version}, the last`, () => this.#removeLast(), { "data-remove": true }) : null,
              ),
            ),
          ),
        ),
      ),
    );
  }
}

/** Both ways to the state, side by side. */
function waysView({ whole, kept, stale, same }) {
  const way = (name, { balance, open, folded, reads }) =>
    h(
      "tr",
      {},
      h("th", { scope: "row" }, name),
      h("td", {}, balance === null ? h("span", { class: "bad" }, "cannot be read") : `${balance}${open ? "" : ", not open"}`),
      h("td", {}, balance === null ? "" : `${counted(reads, "read")}, ${counted(folded, "event")} folded`),
    );
  const verdict = () => {
    if (!kept) return "No snapshot is kept: say after which event.";
    if (stale) return "The snapshot is of another layout. It was found and ignored, and everything was folded.";
    if (same) return "Both come to the same.";
    if (whole.balance === null) return "The snapshot hides that older events cannot be read any more.";
    return "They differ: the snapshot's bytes were taken at their word.";
  };
  const bad = kept && !same;
  return h(
    "div",
    {},
    scrolls(
      "A snapshot against the whole fold",
      h(
        "table",
        {},
        h("thead", {}, h("tr", {}, ["Way", "State", "What it takes"].map((name) => h("th", { scope: "col" }, name)))),
        h("tbody", {}, way("All events", whole), kept ? way("Snapshot and the rest", kept) : null),
      ),
    ),
    h("p", { class: bad ? "lab-status bad" : "lab-status" }, verdict()),
  );
}

/** JSON that can break between its fields. */
const spaced = (json) => json.replaceAll(",", ", ");

function button(text, label, onclick, attributes = {}) {
  return h("button", { type: "button", class: "button", "aria-label": label, onclick, ...attributes }, text);
}
