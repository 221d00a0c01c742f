// A static host with brotli, as a site is published: for measurements, where what goes over the line counts.
import { createReadStream, existsSync, readFileSync, statSync } from "node:fs";
import { createServer } from "node:http";
import { extname, join, normalize } from "node:path";
import { brotliCompressSync, constants } from "node:zlib";
import { TYPES } from "./types.js";

/** Serves the folder `root` at `http://127.0.0.1:<port>/`; port 0 takes any. Resolves to the server. */
export const serve = (root, port = 0) => {
  const packed = new Map();
  const pack = (file) => {
    const stamp = statSync(file).mtimeMs;
    if (packed.get(file)?.stamp !== stamp) {
      const params = { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: statSync(file).size };
      packed.set(file, { stamp, bytes: brotliCompressSync(readFileSync(file), { params }) });
    }
    return packed.get(file).bytes;
  };
  const server = createServer((request, response) => {
    const path = decodeURIComponent(new URL(request.url, "http://host").pathname);
    let file = join(root, normalize(path));
    let status = 200;
    if (file.startsWith(root) && existsSync(file) && statSync(file).isDirectory()) {
      file = join(file, "index.html");
    }
    if (!file.startsWith(root) || !existsSync(file)) {
      [file, status] = [join(root, "404.html"), 404];
    }
    const type = TYPES[extname(file)] ?? "application/octet-stream";
    const keeps = /-[0-9a-f]{12}\.\w+$/.test(file) ? "public, max-age=31536000, immutable" : "no-cache";
    const headers = { "Content-Type": type, "Cache-Control": keeps };
    if (/\bbr\b/.test(request.headers["accept-encoding"] ?? "") && extname(file) !== ".png") {
      const bytes = pack(file);
      response.writeHead(status, { ...headers, "Content-Encoding": "br", "Content-Length": bytes.length }).end(bytes);
    } else {
      response.writeHead(status, headers);
      createReadStream(file).pipe(response);
    }
  });
  return new Promise((resolve) => server.listen(port, "127.0.0.1", () => resolve(server)));
};

if (process.argv[1] === new URL(import.meta.url).pathname) {
  const [root, port] = process.argv.slice(2);
  await serve(root, Number(port));
}
