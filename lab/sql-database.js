// The page's side of the thread that runs SQLite: starts it, asks it, ends it, and starts it again as it was.

import { GRACE_MS, STATEMENT_MS_MAX } from "./sql-limits.js";

// Where browsers know trusted types, a page may hand them the address of a worker only through such a policy, and this
// one knows a single address.
const WORKER = new URL("./sql-worker.js", import.meta.url).href;
const trusted = globalThis.trustedTypes?.createPolicy("breakable-lab", { createScriptURL: () => WORKER });

/** The thread was ended while it was asked something. `why` is "reader", "fresh", "time" or "broken". */
export class Stopped extends Error {
  constructor(why, message = "") {
    super(message);
    this.why = why;
  }
}

/** SQLite refused. `about` has its `message`, and what was done before. */
export class Refused extends Error {
  constructor(about) {
    super(about.message);
    this.about = about;
  }
}

export class Database {
  #worker = null;
  /** The compiled program: another thread needs no second download. */
  #module = null;
  #asked = null;
  #ids = 0;
  /** Counts the threads: an answer to an earlier start is none to this one. */
  #turn = 0;
  /** Every statement that changed something, in order: what makes the next thread's tables the same. */
  #journal = [];

  get changes() {
    return this.#journal.length;
  }

  /** Starts SQLite and brings it to where it was. `progress` is told `(text, part)`. */
  async open(progress) {
    const turn = (this.#turn += 1);
    if (!this.#module) {
      progress("Loading SQLite", null);
      this.#module = await compiled(new URL("./sqlite3.wasm", import.meta.url));
      if (turn !== this.#turn) throw new Stopped("fresh");
    }
    progress("Starting SQLite", null);
    this.#worker = new Worker(trusted?.createScriptURL("") ?? WORKER, { type: "module" });
    this.#worker.onmessage = ({ data }) => this.#heard(data);
    this.#worker.onerror = (event) => {
      event.preventDefault();
      this.#end(new Stopped("broken", event.message || "its thread could not be started"));
    };
    const done = await this.#ask("open", { module: this.#module, journal: this.#journal }, progress);
    if (done.lost) {
      // What could not be repeated, and what came after it, is gone.
      this.#journal.splice(this.#journal.indexOf(done.lost.sql));
    }
    return done;
  }

  /** Runs SQL; resolves to what it did, rejects with [`Refused`] or [`Stopped`]. */
  run(sql) {
    return this.#ask("run", { sql });
  }

  /** Measures one query as it would be without the reader's indexes. */
  without(sql) {
    return this.#ask("without", { sql });
  }

  dropIndex(index) {
    return this.#ask("drop", { index });
  }

  /** Ends the thread, whatever it does. [`open`] starts the next one. */
  stop() {
    this.#end(new Stopped("reader"));
  }

  /** Forgets the reader's changes: the next thread starts with the tables as they were made. */
  forget() {
    this.#turn += 1;
    this.#end(new Stopped("fresh"));
    this.#journal = [];
  }

  #ask(op, words, progress = () => {}) {
    const id = (this.#ids += 1);
    return new Promise((resolve, reject) => {
      this.#asked = { id, resolve, reject, progress, timer: 0 };
      this.#wait();
      this.#worker.postMessage({ id, op, ...words });
    });
  }

  /** The thread has from now on this long until it is given up. */
  #wait() {
    clearTimeout(this.#asked.timer);
    this.#asked.timer = setTimeout(() => this.#end(new Stopped("time")), STATEMENT_MS_MAX + GRACE_MS);
  }

  #heard({ id, progress, done, failed, broken }) {
    const asked = this.#asked;
    if (asked?.id !== id) return;
    if (progress) {
      this.#wait();
      asked.progress(progress.text, progress.part);
      return;
    }
    if (broken) {
      this.#end(new Stopped("broken", broken));
      return;
    }
    clearTimeout(asked.timer);
    this.#asked = null;
    this.#journal.push(...((done ?? failed).journal ?? []));
    if (done) asked.resolve(done);
    else asked.reject(new Refused(failed));
  }

  #end(stopped) {
    this.#worker?.terminate();
    this.#worker = null;
    const asked = this.#asked;
    this.#asked = null;
    clearTimeout(asked?.timer);
    asked?.reject(stopped);
  }
}

/** The program at `url`; a host that gives it the wrong type costs some time and no more. */
async function compiled(url) {
  const response = await fetch(url);
  if (!response.ok) {
    throw new Error(`the host answered with status ${response.status}`);
  }
  const isTyped = response.headers.get("Content-Type")?.startsWith("application/wasm");
  return isTyped ? WebAssembly.compileStreaming(response) : WebAssembly.compile(await response.arrayBuffer());
}
