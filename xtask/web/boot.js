// Starts the app. The prerendered page stays as it is until the app is ready to replace it, and for
// good when it cannot start. Names in capitals are filled in by xtask; everything is found relative to
// this file, so that the site works under any path.
const start = async () => {
  if (typeof WebAssembly !== "object") {
    throw new Error("this browser has no WebAssembly");
  }
  const app = await import("./APP_JS");
  await app.default({ module_or_path: new URL("./APP_WASM", import.meta.url) });
  app.start(fail);
};

// Moving inside the app changes the page's address, and browsers then look for the icon relative to the new one.
for (const icon of document.querySelectorAll('link[rel="icon"]')) {
  icon.href = new URL(icon.href, document.baseURI).href;
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
