// The site behind a host of the tests' own, which lets every page tell what goes wrong in it. Engines differ in what
// their protocols say of a page's console, and WebKit's says nothing.
import { counted } from "../support/foreign.js";

// Runs before anything else of the page. The site's policy allows it: it comes from its own origin.
const RECORDER = `(() => {
  const where = new URL("__complaints", document.currentScript.src);
  const tell = (text) => navigator.sendBeacon(where, location.pathname + ": " + text);
  for (const level of ["error", "warn"]) {
    const say = console[level];
    console[level] = (...words) => {
      tell("console." + level + ": " + words.map(String).join(" "));
      say.apply(console, words);
    };
  }
  addEventListener("error", ({ message, filename, lineno, error, target }) =>
    tell(message === undefined ? "could not load " + (target.src ?? target.href) : [message, "at", filename + ":" + lineno, error?.stack].join(" ")), true);
  addEventListener("unhandledrejection", ({ reason }) => tell("not caught: " + (reason?.stack ?? reason)));
  addEventListener("securitypolicyviolation", ({ violatedDirective, blockedURI, sample }) =>
    tell("against the policy: " + violatedDirective + " " + blockedURI + " " + sample));
})();`;

/** The site at this address; `complaints` has what its pages told, and what was asked for and is not there. */
export async function watched(site) {
  const complaints = [];
  const server = await counted(site, {
    async answer(path, request) {
      if (path.endsWith("/__complaints")) {
        complaints.push(Buffer.concat(await request.toArray()).toString());
        return { status: 204 };
      }
      return path.endsWith("/__recorder.js") ? { type: "text/javascript; charset=utf-8", body: RECORDER } : null;
    },
    change(path, { status, type, body }) {
      if (status >= 400) {
        complaints.push(`${status} for ${path}`);
      }
      const prefix = new URL(site).pathname;
      if (!type?.startsWith("text/html")) {
        return body;
      }
      // Every test has a browser as good as new, and each would keep the whole site for offline.
      const alone = body.toString().replace(/ data-offline="[^"]*"/, "");
      return alone.replace("<head>", `<head><script src="${prefix}__recorder.js"></script>`);
    },
  });
  return { ...server, complaints };
}
