// What a monkey puts into the page before it starts, and what it reads of its memory.

/** The clipboard of a test is the page's own: no permission, and nothing shared with the tests beside it. */
export function keepCopies() {
  if (navigator.clipboard) {
    navigator.clipboard.writeText = async (text) => {
      globalThis.monkeyCopied = text;
    };
  }
  // The linear memory of the page's program, to see how large it grows.
  const { instantiate, instantiateStreaming } = WebAssembly;
  const noted = (made) => {
    globalThis.monkeyMemory ??= (made.instance ?? made).exports.memory;
    return made;
  };
  WebAssembly.instantiate = (...all) => instantiate(...all).then(noted);
  WebAssembly.instantiateStreaming = (...all) => instantiateStreaming(...all).then(noted);
}

/** Sources of an article are links to other hosts; a monkey stays here. */
export function silenceForeignLinks() {
  addEventListener(
    "click",
    (event) => {
      const link = event.target?.closest?.("a[href]");
      if (link && link.origin !== location.origin) {
        event.preventDefault();
      }
    },
    true,
  );
}

/** A tab that can be hidden: without a screen no browser hides one by itself. */
export function tabVisibility() {
  let hidden = false;
  Object.defineProperty(document, "hidden", { get: () => hidden });
  Object.defineProperty(document, "visibilityState", { get: () => (hidden ? "hidden" : "visible") });
  globalThis.monkeyShowTab = (show) => {
    hidden = !show;
    document.dispatchEvent(new Event("visibilitychange"));
  };
}

/** Memory of the page after its garbage is collected. */
export async function measure(page) {
  const session = await page.context().newCDPSession(page);
  try {
    await session.send("HeapProfiler.collectGarbage");
    const { usedSize } = await session.send("Runtime.getHeapUsage");
    const { nodes } = await session.send("Memory.getDOMCounters");
    const wasm = await page.evaluate(() => globalThis.monkeyMemory?.buffer.byteLength ?? 0);
    return { wasmMiB: wasm / 2 ** 20, heapMiB: usedSize / 2 ** 20, nodes };
  } finally {
    await session.detach();
  }
}
