// A static host in this process, for tests that need one that goes away, changes its site, or answers wrongly.
import { createHash } from "node:crypto";
import { createServer } from "node:http";
import { extname } from "node:path";
import { TYPES } from "./types.js";

const PREFIX = "/some/prefix/";

export const sha256 = (bytes) => createHash("sha256").update(bytes).digest("hex");

/** The site that is served at an address, as a map from path to bytes. */
export async function siteAt(baseURL) {
  const get = async (path) => {
    const response = await fetch(new URL(path, baseURL));
    if (!response.ok) {
      throw new Error(`${response.status} for ${response.url}`);
    }
    return Buffer.from(await response.arrayBuffer());
  };
  const list = await get("build.json");
  const site = new Map([["build.json", list]]);
  const queue = JSON.parse(list).files.values();
  const line = async () => {
    for (const { path, sha256: hash } of queue) {
      const bytes = await get(path);
      if (sha256(bytes) !== hash) {
        throw new Error(`${path} is not what build.json says; is the site one that keeps itself (dist, or serve --offline)?`);
      }
      site.set(path, bytes);
    }
  };
  await Promise.all(Array.from({ length: 8 }, line));
  return site;
}

/** The files that the worker of a site keeps: path, hash, bytes. */
export const keptBy = (site) => JSON.parse(listOf(site));

/** The list in the worker, as it is written. */
function listOf(site) {
  const found = site.get("sw.js").toString().match(/"files": (\[[^]*?\n\])/);
  if (!found) {
    throw new Error("this site has no worker that keeps it; serve the finished one, or with `cargo xtask serve --offline`");
  }
  return found[1];
}

/**
 * The next version of a site: the parts of the app named here have new names, and so have all files that name them;
 * every page says `data-edition`, and so do the texts. The rest is as it was. Lists and ids follow the rules of xtask/src/offline.rs.
 */
export function nextVersion(site, parts, edition) {
  const next = new Map(site);
  // Some files name each other; each is renamed once.
  const renamedAlready = new Set();
  const queue = [...site.keys()].filter((path) => parts.some((part) => path.startsWith(`assets/${part}-`)));
  for (const path of queue) {
    const [, start, hash, end] = path.match(/^(assets\/.*-)([0-9a-f]{12})(\..*)$/);
    const renamed = `${start}${sha256(hash + edition).slice(0, 12)}${end}`;
    next.set(renamed, next.get(path));
    next.delete(path);
    renamedAlready.add(renamed);
    const [from, to] = [path, renamed].map((name) => name.slice("assets/".length));
    for (const [other, bytes] of next) {
      if (/\.(js|html)$/.test(other) && other !== "sw.js" && bytes.includes(from)) {
        next.set(other, Buffer.from(bytes.toString().replaceAll(from, to)));
        if (other.startsWith("assets/") && !renamedAlready.has(other) && !queue.includes(other)) {
          queue.push(other);
        }
      }
    }
  }
  for (const [path, bytes] of next) {
    if (path.endsWith("index.html")) {
      next.set(path, Buffer.from(bytes.toString().replace(/<html lang="en"[^>]*>/, `<html lang="en" data-edition="${edition}">`)));
    }
  }
  next.set("texts.txt", Buffer.concat([next.get("texts.txt"), Buffer.from(`edition\t${edition}\n`)]));
  next.set("404.html", withPolicy(next.get("404.html").toString()));
  relist(next, keptBy(site).map(([path]) => path));
  return next;
}

/** The only page with a script of its own: its policy names the script's hash. */
function withPolicy(html) {
  const [, script] = html.match(/<script>([^]*?)<\/script>/);
  return Buffer.from(html.replace(/'sha256-[^']*'/, `'sha256-${createHash("sha256").update(script).digest("base64")}'`));
}

function relist(site, kept) {
  const paths = [...site.keys()].filter((path) => path.startsWith("assets/") || kept.includes(path)).sort();
  const entry = (path) => JSON.stringify([path, sha256(site.get(path)), site.get(path).length]);
  const list = `[\n${paths.map(entry).join(",\n")}\n]`;
  const worker = site.get("sw.js").toString().replace(listOf(site), () => list);
  const id = sha256(list).slice(0, 12);
  site.set("sw.js", Buffer.from(worker.replace(/"id": "\w+"/, `"id": "${id}"`)));
  const files = [...site.keys()].filter((path) => path !== "build.json").sort();
  const said = files.map((path) => ({ path, bytes: site.get(path).length, sha256: sha256(site.get(path)) }));
  site.set("build.json", Buffer.from(JSON.stringify({ ...JSON.parse(site.get("build.json")), files: said })));
}

export class Host {
  /** Paths asked for, in order. */
  requests = [];
  /** What goes wrong with a path: "hang", "drop", "truncate", "error-page"; nothing for a good answer. */
  fault = () => undefined;

  constructor(site) {
    this.site = site;
  }

  /** Begins to listen, at the same address as before if there was one. */
  async open() {
    this.server = createServer((request, response) => this.#answer(request, response));
    await new Promise((done) => this.server.listen(this.port ?? 0, "127.0.0.1", done));
    this.port = this.server.address().port;
    return this;
  }

  get address() {
    return `http://127.0.0.1:${this.port}${PREFIX}`;
  }

  /** Is gone: what is connected is cut off, and nobody answers any more. */
  async close() {
    const closed = new Promise((done) => this.server.close(done));
    this.server.closeAllConnections();
    await closed;
  }

  #answer(request, response) {
    const { pathname, search } = new URL(request.url, "http://host");
    const path = pathname.slice(PREFIX.length);
    this.requests.push(path);
    const folder = path === "" || path.endsWith("/");
    const file = folder ? `${path}index.html` : path;
    if (!folder && this.site.has(`${path}/index.html`)) {
      response.writeHead(301, { location: `${pathname}/${search}` }).end();
      return;
    }
    const bytes = this.site.get(file) ?? this.site.get("404.html");
    const headers = {
      "content-type": TYPES[extname(this.site.has(file) ? file : ".html")] ?? "application/octet-stream",
      "cache-control": file.startsWith("assets/") ? "public, max-age=31536000, immutable" : "no-cache",
    };
    switch (this.fault(path)) {
      case "hang":
        break;
      case "drop":
        request.socket.destroy();
        break;
      case "truncate":
        response.writeHead(200, { ...headers, "content-length": bytes.length });
        response.write(bytes.subarray(0, bytes.length / 2), () => request.socket.destroy());
        break;
      case "error-page":
        response.writeHead(200, { "content-type": "text/html" }).end("<h1>We are updating. Back soon.</h1>");
        break;
      default:
        response.writeHead(this.site.has(file) ? 200 : 404, { ...headers, "content-length": bytes.length }).end(bytes);
    }
  }
}
