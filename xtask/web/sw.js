// The service worker: the whole site on this device, one version at a time. offline.js registers it and shows what it
// says; xtask/src/offline.rs fills in the list of files.
//
//   install   fetches every file of the list into a cache of this version's own, checks each against its hash, and
//             marks the cache as whole. Broken off, it leaves what was used before as it is; the next try goes on.
//   wait      pages that are open keep the version that they began with, and new ones get it, too.
//   show      when the reader asks for the new version, the worker that answers gives it to new pages, from the new
//             cache. Pages that are still open go on with the files of their own version, which stay until they are
//             closed.
//   activate  when the last page is closed, the new version's worker takes the place of the old one.
//
// So a worker may serve the files of a version after its own. It is not replaced while pages are open (skipWaiting):
// a page that fetches anything in the second that this takes starts the old worker again, and Chromium then leaves the
// new one waiting; nothing would come of the reader's click.
//
// A cache is used only when it is whole. What it does not have comes from the network, as without a worker. Answering
// a page writes nothing.

/** `version` as people say it, the `id` of exactly these files, and every file: path, SHA-256, bytes. */
const SITE = SITE_FILES;

const ROOT = self.registration.scope;
/** Other sites may live on the same host, below other paths. */
const PREFIX = `breakable ${new URL(ROOT).pathname} `;
const NAME = PREFIX + SITE.id;
/** The entry that says that a cache is whole: what it is `of`, `since` when pages get it, and which pages that are `open`
 * are of which older cache. */
const MARK = new URL("?whole", ROOT).href;
/** So many downloads at a time. */
const AT_ONCE = 4;
/** Whether somebody waits for it. Otherwise the page that is being read comes first, and each download is followed by a
 * rest of three times its length, within limits. */
let isAwaited = false;
const REST_MS_MAX = 150;
const rest = (ms) => !isAwaited && new Promise((over) => setTimeout(over, Math.min(ms, REST_MS_MAX)));

const TYPES = {
  css: "text/css; charset=utf-8",
  html: "text/html; charset=utf-8",
  js: "text/javascript; charset=utf-8",
  json: "application/json",
  png: "image/png",
  svg: "image/svg+xml",
  txt: "text/plain; charset=utf-8",
  wasm: "application/wasm",
  webmanifest: "application/manifest+json",
};

/** Where a file is asked for. A page is asked for by its folder: some hosts redirect from `index.html`. */
const addressOf = (path) => new URL(path.replace(/(^|\/)index\.html$/, "$1"), ROOT).href;

const VERSION = `${SITE.version} (${SITE.id.slice(0, 7)})`;
const BYTES_ALL = SITE.files.reduce((sum, [, , bytes]) => sum + bytes, 0);

/** How far saving is, and why it broke off: "network", "altered", "full", "blocked". */
let progress = { done: 0, bytes: 0, why: "" };

// Saving.

/** Why saving broke off, for people to be told. */
class Trouble extends Error {
  constructor(why, message) {
    super(message);
    this.why = why;
  }
}

/** Stops what is being fetched. */
let stop = new AbortController();
/** What stops it when the reader wants nothing to be kept. The page that was told so needs no news of it. */
const REMOVED = new Trouble("removed", "nothing is to be kept");
let saving;
/** Fills this version's cache, once at a time. */
function save() {
  saving ??= fill().finally(() => {
    saving = undefined;
  });
  return saving;
}

async function fill() {
  stop = new AbortController();
  try {
    const cache = await caches.open(NAME);
    if (await cache.match(MARK)) {
      return;
    }
    await forgetHalfMade();
    const older = await wholeCaches();
    const have = new Set((await cache.keys()).map(({ url }) => url));
    const missing = SITE.files.filter(([path]) => !have.has(addressOf(path)));
    const bytesMissing = missing.reduce((sum, [, , bytes]) => sum + bytes, 0);
    progress = { done: SITE.files.length - missing.length, bytes: BYTES_ALL - bytesMissing, why: "" };
    await tell();
    await fetchAll(cache, older, missing);
    const of = { version: VERSION, all: SITE.files.length, bytesAll: BYTES_ALL };
    await setMark(NAME, { of });
    await tell();
  } catch (error) {
    if (error === REMOVED) {
      throw error;
    }
    progress.why = whyOf(error);
    if (progress.why === "full") {
      // What was just taken is given back: the reader's own things may need the room.
      await caches.delete(NAME).catch(() => {});
    }
    await tell();
    throw error;
  }
}

/** Fetches the files, a few at a time. The first that cannot be had stops the others. */
async function fetchAll(cache, older, missing) {
  const queue = missing.values();
  const one = async () => {
    for (const [path, hash, bytes] of queue) {
      stop.signal.throwIfAborted();
      const begun = performance.now();
      await cache.put(addressOf(path), await obtain(path, hash, older, stop.signal));
      await rest(3 * (performance.now() - begun));
      progress.done += 1;
      progress.bytes += bytes;
      if (progress.done % 16 === 0) {
        await tell();
      }
    }
  };
  const lines = Array.from({ length: AT_ONCE }, () =>
    one().catch((error) => {
      stop.abort(error);
      throw error;
    }),
  );
  // All of them have ended before anybody is told, and the reason is the first one's.
  await Promise.allSettled(lines);
  if (stop.signal.aborted) {
    throw stop.signal.reason;
  }
}

/** A file that is what the list says: from an older version's cache if it is the same there, else from the host. */
async function obtain(path, hash, older, signal) {
  const url = addressOf(path);
  for (const cache of older) {
    const kept = await cache.match(url);
    if (kept && (await sha256(await kept.clone().arrayBuffer())) === hash) {
      return kept;
    }
  }
  // Names in assets/ carry the hash, so what the browser has at hand will do. A wrong answer is asked for once more,
  // past all caches: the host may have been between two versions.
  for (const cache of [path.startsWith("assets/") ? "default" : "no-cache", "reload"]) {
    const response = await fetch(url, { cache, signal }).catch((error) => {
      throw new Trouble("network", error.message);
    });
    const bytes = await response.arrayBuffer().catch((error) => {
      throw new Trouble("network", error.message);
    });
    if (response.ok && (await sha256(bytes)) === hash) {
      return new Response(bytes, { headers: headersFor(path, response.headers) });
    }
  }
  throw new Trouble("altered", `${url} is not what was published`);
}

/** What the host said, about a body that is no longer packed, is the same for all, and whose type is known. */
function headersFor(path, said) {
  const headers = new Headers(said);
  for (const name of ["content-encoding", "content-length", "transfer-encoding", "vary"]) {
    headers.delete(name);
  }
  const type = TYPES[path.split(".").at(-1)];
  if (type) {
    headers.set("content-type", type);
  }
  return headers;
}

async function sha256(bytes) {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function whyOf(error) {
  return error instanceof Trouble ? error.why : error?.name === "QuotaExceededError" ? "full" : "blocked";
}

// Caches: ours are those whose name begins with PREFIX, one a version.

const ours = async () => (await caches.keys()).filter((name) => name.startsWith(PREFIX));

/** What the mark of a cache says; nothing if the cache is not whole. */
async function markOf(name) {
  const mark = await caches.match(MARK, { cacheName: name });
  return mark?.json();
}

/** The older versions' caches that are whole. */
async function wholeCaches() {
  const found = [];
  for (const name of await ours()) {
    if (name !== NAME && (await markOf(name))) {
      found.push(await caches.open(name));
    }
  }
  return found;
}

/** Takes away what tries at other versions left behind. */
async function forgetHalfMade() {
  for (const name of await ours()) {
    if (name !== NAME && !(await markOf(name))) {
      await caches.delete(name);
    }
  }
}

let shown;
/**
 * The version that new pages get: the one that was shown last. `name` is its cache, `open` says which pages that are
 * open are of which other cache. Read once; nothing while nothing has been shown.
 */
function current() {
  shown ??= findShown().catch(() => {
    // It is looked for again.
    shown = undefined;
  });
  return shown;
}

async function findShown() {
  let last;
  for (const name of await ours()) {
    const said = await markOf(name);
    if (said?.since > (last?.since ?? 0)) {
      last = { ...said, name };
    }
  }
  return last;
}

async function setMark(name, said) {
  const cache = await caches.open(name);
  await cache.put(MARK, new Response(JSON.stringify(said)));
  shown = undefined;
}

/** From now on new pages get the version of this cache, if it is whole. Those that are open keep theirs. */
async function show(name) {
  const [before, said] = [await current(), await markOf(name)];
  if (!said || before?.name === name) {
    return;
  }
  const open = { ...before?.open };
  if (before) {
    for (const { id } of await self.clients.matchAll({ type: "all" })) {
      open[id] ??= before.name;
    }
  }
  // Later than the one before, also where the clock was set back.
  await setMark(name, { of: said.of, since: Math.max(Date.now(), (before?.since ?? 0) + 1), open });
}

/** This worker answers from now on. */
async function takeOver() {
  shown = undefined;
  if (await markOf(NAME)) {
    // Unless the worker before has done so.
    await show(NAME);
    await tidy();
    if (!self.registration.installing) {
      // A version that was superseded before anybody saw it.
      for (const name of await ours()) {
        if (name !== NAME && !(await markOf(name))?.since) {
          await caches.delete(name);
        }
      }
    }
  }
  // The page of the first visit is served from here at once: it may lose the network too.
  await self.clients.claim();
}

/** Takes away the versions that no open page is of any more. */
async function tidy() {
  const now = await current();
  if (!now) {
    return;
  }
  const ids = new Set((await self.clients.matchAll({ type: "all", includeUncontrolled: true })).map(({ id }) => id));
  const open = Object.fromEntries(Object.entries(now.open).filter(([id]) => ids.has(id)));
  const needed = new Set([now.name, ...Object.values(open)]);
  for (const name of await ours()) {
    if (!needed.has(name) && (await markOf(name))?.since) {
      await caches.delete(name);
    }
  }
  if (Object.keys(open).length < Object.keys(now.open).length) {
    await setMark(now.name, { of: now.of, since: now.since, open });
  }
}

// Answering.

/** The page at this address. */
async function page(url, request) {
  const now = await current();
  if (!now) {
    return fetch(request);
  }
  const find = (address) => caches.match(address, { cacheName: now.name });
  const address = url.origin + url.pathname.replace(/\/index\.html$/, "/");
  const kept = await find(address);
  if (kept) {
    return kept;
  }
  if (!address.endsWith("/") && (await find(`${address}/`))) {
    return Response.redirect(`${address}/${url.search}`);
  }
  try {
    return await fetch(request);
  } catch (error) {
    const notFound = await find(addressOf("404.html"));
    if (!notFound) {
      throw error;
    }
    return new Response(notFound.body, { status: 404, headers: notFound.headers });
  }
}

/** A file that a page asks for, in the page's own version. */
async function file(url, request, clientId) {
  const address = url.origin + url.pathname;
  const now = await current();
  if (now) {
    const kept = await caches.match(address, { cacheName: now.open[clientId] ?? now.name });
    if (kept) {
      return kept;
    }
  }
  // A name with a hash means the same everywhere.
  const kept = address.startsWith(`${ROOT}assets/`) ? await caches.match(address) : undefined;
  return kept ?? fetch(request);
}

/** The network's answer when the storage does not work. */
const orNetwork = (answer, request) =>
  answer.catch((error) => {
    // A download that failed, which would only fail again.
    if (error instanceof TypeError) {
      throw error;
    }
    return fetch(request);
  });

self.addEventListener("fetch", (event) => {
  const { request, clientId } = event;
  if (request.method !== "GET" || !request.url.startsWith(ROOT)) {
    return;
  }
  const url = new URL(request.url);
  if (request.mode !== "navigate") {
    event.respondWith(orNetwork(file(url, request, clientId), request));
    return;
  }
  event.respondWith(orNetwork(page(url, request), request));
  // Opening an embed changes nothing on this device, not even for the better.
  if (!request.url.startsWith(`${ROOT}embed/`)) {
    event.waitUntil(current().then((now) => Object.keys(now?.open ?? {}).length > 0 && tidy()));
  }
});

self.addEventListener("install", (event) => event.waitUntil(save()));

self.addEventListener("activate", (event) => event.waitUntil(takeOver()));

// Talking with the pages.

function says() {
  return {
    breakable: "offline",
    id: SITE.id,
    version: VERSION,
    all: SITE.files.length,
    bytesAll: BYTES_ALL,
    ...progress,
  };
}

async function tell() {
  const windows = await self.clients.matchAll({ type: "window", includeUncontrolled: true });
  for (const window of windows) {
    window.postMessage(says());
  }
}

/** What pages may ask; each answer goes to the port that came with the question. */
const asked = {
  /** What new pages get is what is on this device; `own` is the id of the version that the asking page is of. */
  async state(page) {
    const now = await current();
    const kept = now ?? (await markOf(NAME).catch(() => undefined));
    const told = { ...says(), ...kept?.of, whole: Boolean(kept) };
    if (kept) {
      Object.assign(told, { done: told.all, bytes: told.bytesAll, why: "" });
    }
    const own = now?.open[page?.id] ?? now?.name;
    return { ...told, own: own?.slice(PREFIX.length) };
  },
  async hurry() {
    isAwaited = true;
    return says();
  },
  async save(page) {
    isAwaited = true;
    if (!(await current())) {
      // A cache that was removed while its worker answered is made anew, and pages get it at once.
      await save();
      await show(NAME);
    }
    return asked.state(page);
  },
  async forget() {
    stop.abort(REMOVED);
    await saving?.catch(() => {});
    shown = undefined;
    progress = { done: 0, bytes: 0, why: "" };
    return asked.state();
  },
  async show(page, id) {
    await show(PREFIX + id);
    return asked.state(page);
  },
};

self.addEventListener("message", (event) => {
  const [question, about] = String(event.data).split(" ");
  const answer = Object.hasOwn(asked, question) && asked[question];
  if (answer) {
    const answered = answer(event.source ?? undefined, about).catch(() => asked.state());
    event.waitUntil(answered.then((said) => event.ports[0]?.postMessage(said)).catch(() => {}));
  }
});
