// The strongest thing that can be said of a page after a monkey: the run it stands at is the run that the native runner
// comes to from the link to it, and every conservation law holds in it.
import { execFile } from "node:child_process";
import { runner } from "../support/runner.js";

/** What a monkey finds wrong, with what it had done. */
export class Found extends Error {}

/** Runs the native runner; what it says to people must be nothing. */
const run = (words) =>
  new Promise((done, failed) => {
    execFile(...runner(words), (error, out, said) => {
      if (error || said.trim()) failed(new Found(`sim ${words.join(" ")}: ${said.trim() || error.message}`));
      else done(JSON.parse(out));
    });
  });

/** The digests of the moment are those of the native run; the runner refuses a run that breaks a law. */
export async function replayed({ slug, links, seen }, { digest, link }) {
  const code = link.slice(link.indexOf("#"));
  for (const [at, side] of ["a", "b"].slice(0, digest.length / 16).entries()) {
    const words = ["run", slug, "--link", code, "--side", side, "--json"];
    const native = (await run(words)).digest;
    const shown = digest.slice(16 * at, 16 * at + 16);
    if (native !== shown) {
      throw new Found(`sim ${words.join(" ")}: digest ${native}; the page shows ${shown}`);
    }
    seen.moments += 1;
  }
  links.push(code);
}
