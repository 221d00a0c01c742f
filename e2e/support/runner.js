// The headless runner, asked for what the tests loop over and for what a run must come to.
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../..", import.meta.url));

/** Runs `sim` with these words and returns the JSON it prints. */
export function sim(...words) {
  const [program, ...first] = process.env.SIM
    ? [process.env.SIM]
    : ["cargo", "run", "-q", "-p", "sim", "--"];
  const out = execFileSync(program, [...first, ...words], { cwd: root, encoding: "utf8", maxBuffer: 1 << 26 });
  return JSON.parse(out);
}

/** Every question with its declaration: `slug`, `knobs`, `acts`, `numbers`. */
export const questions = sim("list", "--json").map(({ slug }) => sim("describe", slug, "--json"));

/** What the reader can break: the acts shown in the bar. */
export const faultsOf = (question) => question.acts.filter((act) => act.fault);
