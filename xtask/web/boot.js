// Starts the app. The prerendered page stays as it is until the app is ready to replace it, and for
// good when it cannot start. Names in capitals are filled in by xtask; everything is found relative to
// this file, so that the site works under any path.
const start = async () => {
  if (typeof WebAssembly !== "object") {
    throw new Error("this browser has no WebAssembly");
  }
  const app = await import("./APP_JS");
  // As the page's preload asks for it: WebKit takes what is preloaded for no other kind of request, and asks again.
  await app.default({ module_or_path: fetch(new URL("./APP_WASM", import.meta.url), { mode: "no-cors", credentials: "include" }) });
  app.start(fail);
};

// Moving inside the app changes the page's address, and browsers then look for these relative to the new one.
for (const link of document.querySelectorAll('link[rel$="icon"], link[rel="manifest"]')) {
  link.href = new URL(link.href, document.baseURI).href;
}

const fail = (why) => {
  const note = document.createElement("p");
  note.className = "boot-error";
  note.setAttribute("role", "alert");
  note.textContent = `The simulation could not start: ${why}. The text on this page is complete without it.`;
  document.getElementById("app")?.prepend(note);
};

start().catch((error) => {
  console.error(error);
  fail(error?.message ?? error);
});

// What keeps the site for offline comes when the page has long been there, or when it is asked something.
const page = document.getElementById("app");
const offline = page?.dataset.offline;
if (offline && self === parent) {
  const keep = (ask) => import(`./${offline}`).then((module) => module.keep(ask?.detail), () => {});
  document.addEventListener("breakable-offline-ask", keep);
  const whenIdle = () =>
    setTimeout(() => {
      if ("static" in page.dataset) {
        whenIdle();
      } else {
        (window.requestIdleCallback ?? setTimeout)(() => keep());
      }
    }, 5000);
  whenIdle();
}

// What a mouse finds by hovering, fingers and keys find with a module that comes with the first of them.
for (const type of ["pointerdown", "focusin"]) {
  addEventListener(type, (event) => import("./HINTS_JS").then(({ begin }) => begin(event), () => {}), { once: true });
}
