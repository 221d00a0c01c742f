// Keeps the site on this device, so that every page works without a network: registers sw.js, shows how far it is, and
// announces a new version. boot.js imports this file when a page has long been there, or when it is asked something.
//
// # What other code may count on
//
// Where things stand is on the root element, `<html data-offline="...">`, absent until it is known:
//
//   unavailable  this browser keeps nothing here: no service worker, blocked storage, an address without https
//   off          nothing is kept, because the reader said so or asked the browser to save data
//   saving       the files are being fetched; those that are here already are not used yet
//   ready        every page works without a network
//   failed       saving broke off; what has arrived stays, and the next visit goes on from there
//
// Each change, and each answer, is a CustomEvent `breakable-offline` on `document`. Its `detail`:
//
//   state     as above
//   message   one or two plain sentences that say so, to be shown as they are
//   done, all            files on this device, and files in all
//   bytes, bytesAll      their sizes unpacked; about a quarter of it travels when the host compresses
//   version   what is on this device, or would be: "0.1.0 (a1b2c3d)"
//   update    "" | "saving" | "ready": a newer version than the one this page runs on
//
// The figures are 0 and the version is "" while nobody has told them.
//
// A page asks with `document.dispatchEvent(new CustomEvent("breakable-offline-ask", { detail: action }))`, where the
// action is a string:
//
//   check     say where things stand, and look for a newer version
//   save      keep the site on this device, also when data is to be saved; tries again after a failure
//   remove    take it off this device, and do not save it again until asked
//   reload    show the newer version, if `update` is "ready"
//
// Every ask is answered by at least one `breakable-offline`. Pages that keep nothing (embeds, presentations) and the
// site while it is being developed have no `data-offline` on `#app` and answer nothing.
//
// The choice is in local storage under `breakable.offline`: `on` or `off`; absent, the site is saved unless the
// browser was asked to save data.

const SITE = new URL("../", import.meta.url);
const CHOICE = "breakable.offline";
// Where browsers know trusted types, a page may hand them the address of a worker only through such a policy, and this
// one knows a single address.
const WORKER = new URL("sw.js", SITE).href;
const trusted = globalThis.trustedTypes?.createPolicy("breakable-offline", { createScriptURL: () => WORKER });
const CACHES = `breakable ${SITE.pathname} `;
/** A page that stays open looks for a newer version when it is looked at again, at most this often. */
const LOOK_EVERY_MS = 60 * 60 * 1000;

const status = { state: "", message: "", done: 0, all: 0, bytes: 0, bytesAll: 0, version: "", update: "" };
let registration;
let looked = performance.now();
/** Why saving broke off, in a worker's word; "" if it did not. */
let trouble = "";
/** Whether the reader has removed everything: what workers say then is of the past. */
let isOff = false;

/** Does what is asked: "check", "save", "remove", "reload"; with nothing asked, what is right for a visit. */
export async function keep(action) {
  try {
    await ({ save, remove, reload, check }[action] ?? visit)();
  } catch (error) {
    // Blocked storage throws wherever it is touched.
    report("unavailable", `This browser does not let the site keep anything here: ${error.message}`);
  }
}

async function visit() {
  if (!(await find())) {
    return;
  }
  if (choice() === "off") {
    report("off", "Nothing is kept on this device, as you asked. Questions need the network.");
  } else if (!registration && navigator.connection?.saveData && choice() !== "on") {
    report("off", "This browser was asked to save data, so nothing is fetched ahead. Questions need the network.");
  } else {
    await register();
  }
}

async function check() {
  // Another tab may have been told to remove everything.
  if (!registration || choice() === "off") {
    await visit();
    return;
  }
  await look();
  // Offline there is nothing newer to be had, and that is no news.
  await registration.update().catch(() => {});
  looked = performance.now();
}

async function save() {
  choose("on");
  isOff = false;
  if (await find()) {
    await register();
    registration?.installing?.postMessage("hurry");
  }
}

async function remove() {
  choose("off");
  isOff = true;
  if (!(await find())) {
    return;
  }
  const { installing, waiting, active } = registration ?? {};
  const gone = registration?.unregister();
  registration = undefined;
  for (const worker of [installing, waiting, active]) {
    if (worker) {
      // One that has just ended does not answer.
      await Promise.race([ask(worker, "forget"), later(2000)]);
    }
  }
  await gone;
  for (const name of await caches.keys()) {
    if (name.startsWith(CACHES)) {
      await caches.delete(name);
    }
  }
  Object.assign(status, { done: 0, bytes: 0, update: "" });
  report("off", "What was kept on this device is removed. Questions need the network.");
}

/** From now on new pages are of the waiting worker's version; they come from the worker that is there. */
async function show(active, waiting) {
  const { id } = await ask(waiting, "state");
  return ask(active, `show ${id}`);
}

/** Starts this page anew in the newer version. */
async function reload() {
  const { active, waiting } = registration ?? {};
  if (active && waiting) {
    await Promise.race([show(active, waiting), later(2000)]);
  }
  location.reload();
}

/** Finds what is registered already; says whether anything can be. */
async function find() {
  if (!navigator.serviceWorker) {
    const why = isSecureContext
      ? "This browser, or this kind of window, cannot keep a site for offline."
      : "A site can be kept for offline only when it comes over https.";
    report("unavailable", `${why} Everything else works as usual.`);
    return false;
  }
  const found = await navigator.serviceWorker.getRegistration(SITE);
  if (found?.scope === SITE.href) {
    registration = found;
  }
  return true;
}

async function register() {
  listen();
  try {
    const made = await navigator.serviceWorker.register(trusted?.createScriptURL("") ?? WORKER, { scope: SITE.href, updateViaCache: "none" });
    if (!made) {
      throw new Error("service workers are turned off");
    }
    registration = made;
  } catch (error) {
    // Without a network there is nothing to register; what is here goes on.
    if (!registration) {
      const why = navigator.onLine ? `This browser did not accept it: ${error.message}.` : "There is no network.";
      report("unavailable", `The site could not be kept for offline. ${why}`);
      return;
    }
  }
  watch();
  await look();
}

let watched;
/** Follows what the workers do. A registration whose first worker failed is gone, and the next one is another. */
function watch() {
  if (watched === registration) {
    return;
  }
  watched = registration;
  const follow = (worker) => worker?.addEventListener("statechange", () => look());
  follow(registration.installing);
  follow(registration.waiting);
  registration.addEventListener("updatefound", () => {
    follow(registration.installing);
    look();
  });
}

let listens = false;
/** Hears what workers say by themselves, and looks for a newer version now and then. */
function listen() {
  if (listens) {
    return;
  }
  listens = true;
  navigator.serviceWorker.addEventListener("message", ({ data, source }) => {
    // What a worker says of an update does not concern what is here already.
    if (data?.breakable === "offline" && source?.scriptURL.startsWith(SITE.href) && isNow(source)) {
      figures(data);
    }
  });
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden && registration && performance.now() - looked > LOOK_EVERY_MS) {
      keep("check");
    }
  });
}

/** Whether it is this worker's files that the site works with, or will at first. */
const isNow = ({ state }) => !registration?.active || state === "activated" || state === "activating";

/** Says where things stand. */
async function look() {
  const { active, installing, waiting } = registration ?? {};
  // A page that no worker serves came over the network: it is the newest there is.
  const isServed = Boolean(navigator.serviceWorker.controller);
  const next = active && isServed ? (waiting ? "ready" : installing ? "saving" : "") : "";
  if (active) {
    const said = await ask(active, "state");
    // The newer worker waits until no page is open; its version may be the one that this page is of already.
    const isOwn = next === "ready" && (await ask(waiting, "state")).id === said.own;
    status.update = isOwn ? "" : next;
    figures(said);
    if (!said.whole && registration && choice() !== "off") {
      // What an older worker is of, the host may no longer have.
      figures(await (waiting ? show(active, waiting) : ask(active, "save")));
    }
  } else if (installing ?? waiting) {
    status.update = "";
    figures(await ask(installing ?? waiting, "state"));
  } else if (registration) {
    // The worker is gone. Why, it has said itself, or nobody will.
    status.update = "";
    await later(200);
    figures({ ...status, why: trouble || "network" });
  }
  if (status.update === "ready") {
    announce();
  }
}

const TROUBLE = {
  network: "The download broke off. What has arrived stays, and the next visit goes on from there.",
  altered: "What arrived is not what was published, so it is not used. The next visit tries again.",
  full: "There is not enough room on this device. Nothing is kept; questions need the network.",
  blocked: "This browser does not let the site keep its files. Questions need the network.",
};

/** Takes over what a worker says. */
function figures({ done, all, bytes, bytesAll, version, why, whole }) {
  if (isOff) {
    return;
  }
  Object.assign(status, { done, all, bytes, bytesAll, version });
  trouble = why;
  if (whole) {
    report("ready", `All questions work without a network: ${megabytes(bytesAll)} on this device.`);
  } else if (why) {
    report("failed", TROUBLE[why]);
  } else {
    report("saving", `Being kept for offline: ${megabytes(bytes)} of ${megabytes(bytesAll)}.`);
  }
}

const megabytes = (bytes) => `${(bytes / 1e6).toFixed(1)} MB`;

function report(state, message) {
  Object.assign(status, { state, message });
  document.documentElement.dataset.offline = state;
  document.dispatchEvent(new CustomEvent("breakable-offline", { detail: { ...status } }));
}

/** Asks a worker and waits for its answer. */
function ask(worker, question) {
  return new Promise((answered) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = ({ data }) => answered(data);
    worker.postMessage(question, [port2]);
  });
}

const later = (ms) => new Promise((over) => setTimeout(over, ms));

function choice() {
  try {
    return localStorage.getItem(CHOICE);
  } catch {
    return null;
  }
}

function choose(value) {
  try {
    localStorage.setItem(CHOICE, value);
  } catch {
    // It holds for this visit.
  }
}

const STYLE = `
.new-version {
  position: fixed; z-index: 20; bottom: var(--s4); left: var(--s4);
  display: flex; flex-wrap: wrap; gap: var(--s2) var(--s4); align-items: center; justify-content: flex-end;
  box-sizing: border-box; max-width: calc(100vw - 2 * var(--s4)); padding: var(--s3) var(--s4);
  border: 1px solid var(--edge); border-radius: var(--radius); background: var(--panel); color: var(--ink);
  font-size: 14px; box-shadow: 0 4px 16px rgb(0 0 0 / 0.18);
}
.new-version p { margin: 0; flex: 1 0 auto; max-width: 100%; }
.new-version div { display: flex; gap: var(--s2); }
.new-version .button:first-child { border-color: var(--accent); background: var(--accent); color: var(--accent-ink); }
@media print { .new-version { display: none; } }
`;

let bar;
/**
 * A line at the foot of the page, beside the stage where there is room; once a page, for as long as the reader likes.
 * Not during an interview.
 */
function announce() {
  if (bar || "interview" in document.documentElement.dataset) {
    return;
  }
  // The line is rare, so its style is not in every page's.
  const style = new CSSStyleSheet();
  style.replaceSync(STYLE);
  document.adoptedStyleSheets.push(style);
  bar = document.createElement("aside");
  bar.className = "new-version";
  bar.setAttribute("aria-label", "New version");
  const says = document.createElement("p");
  says.setAttribute("role", "status");
  const button = (name, act) => {
    const made = Object.assign(document.createElement("button"), { type: "button", className: "button", textContent: name });
    made.addEventListener("click", act);
    return made;
  };
  const buttons = document.createElement("div");
  buttons.append(button("Reload", () => keep("reload")), button("Later", () => bar.remove()));
  bar.append(says, buttons);
  document.body.append(bar);
  // A status is read out when it changes, so it has to be there first.
  requestAnimationFrame(() => {
    says.textContent = "A new version of Breakable is ready.";
  });
}
