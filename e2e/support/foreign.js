// Pages that embed the site, from an origin of their own; and the site behind a counter, so that a test sees what a
// server is asked for.
import { createServer } from "node:http";

/** Starts a server on a free port. `answer(path, request)` gives `{ type, body, status, headers }`, or a promise of it. */
async function serve(answer) {
  const server = createServer(async (request, response) => {
    const { status = 200, type = "text/html; charset=utf-8", headers = {}, body } = await answer(request.url, request);
    response.writeHead(status, { "Content-Type": type, ...headers });
    response.end(body);
  });
  await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
  const origin = `http://127.0.0.1:${server.address().port}`;
  const close = () => {
    server.closeAllConnections();
    return new Promise((closed) => server.close(closed));
  };
  return { origin, close };
}

/** A host that serves these pages, `{ "/post": html }`. Browsers ask for an icon by themselves. */
export function host(pages) {
  return serve((url) => {
    const page = pages[new URL(url, "http://host").pathname];
    return page === undefined ? { status: 204 } : { body: page };
  });
}

/**
 * The site as another origin, with how often each file was asked for: `counts["/embed.js"]`. What it does not have,
 * `answer(path, request)` may; what it has, `change(path, found)` may change.
 */
export async function counted(site, { answer = () => null, change = (_, { body }) => body } = {}) {
  const counts = {};
  const server = await serve(async (url, request) => {
    const path = url.split("?")[0];
    const own = await answer(path, request);
    if (own) return own;
    // The development server's news for open pages: a line held for each frame, and a browser has six of them.
    if (path.endsWith("/__reload")) return { status: 204 };
    counts[path] = (counts[path] ?? 0) + 1;
    const found = await fetch(new URL(url, site));
    const [status, type] = [found.status, found.headers.get("content-type")];
    const body = Buffer.from(await found.arrayBuffer());
    return {
      status,
      type,
      // What the browser keeps is under test too. Modules of another origin are loaded only where the host allows it.
      headers: { "Cache-Control": found.headers.get("cache-control"), "Access-Control-Allow-Origin": "*" },
      body: change(path, { status, type, body }),
    };
  });
  return { ...server, counts, url: new URL(new URL(site).pathname, server.origin).href };
}
