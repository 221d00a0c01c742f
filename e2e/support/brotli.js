// How many bytes files have as a host with brotli would send them: `node brotli.js a b` prints a line for each.
import { readFileSync } from "node:fs";
import { brotliCompressSync, constants } from "node:zlib";

/** The size of `bytes` after brotli at its best, which is what static hosts prepare. */
export const brotli = (bytes) =>
  brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length } }).length;

if (process.argv[1] === new URL(import.meta.url).pathname) {
  for (const path of process.argv.slice(2)) {
    console.log(brotli(readFileSync(path)));
  }
}
