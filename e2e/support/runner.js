// The headless runner, asked for what the tests loop over and for what a run must come to.
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../..", import.meta.url));

/** The runner as Node starts it with these words: a program, its words, and how. */
export function runner(words) {
  const [program, ...first] = process.env.SIM
    ? [process.env.SIM]
    : ["cargo", "run", "-q", "-p", "sim", "--"];
  return [program, [...first, ...words], { cwd: root, encoding: "utf8", maxBuffer: 1 << 26 }];
}

/** Runs `sim` with these words and returns the JSON it prints. */
export const sim = (...words) => JSON.parse(execFileSync(...runner(words)));

/** Every question with its declaration: `slug`, `knobs`, `acts`, `numbers`. */
export const questions = sim("list", "--json").map(({ slug }) => sim("describe", slug, "--json"));

/** What the reader can break: the acts shown in the bar. */
export const faultsOf = (question) => question.acts.filter((act) => act.fault);
