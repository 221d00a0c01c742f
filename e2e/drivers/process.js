// Programs that a driver starts, and that end with it.
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { createServer } from "node:net";

const running = new Set();
process.on("exit", () => running.forEach((child) => child.kill("SIGKILL")));

/**
 * Starts a program. `lines(text)` is told each line that it writes; a promise of `said(pattern)` is kept by the first
 * line that matches, and broken, with what was written, when the program ends without it.
 */
export function start(program, words, { env = {}, lines = () => {} } = {}) {
  const child = spawn(program, words, { env: { ...process.env, ...env }, stdio: ["ignore", "pipe", "pipe"] });
  running.add(child);
  const written = [];
  const waiting = new Set();
  const hear = (line) => {
    written.push(line);
    lines(line);
    for (const wait of waiting) {
      const found = line.match(wait.pattern);
      if (found) {
        waiting.delete(wait);
        wait.done(found);
      }
    }
  };
  createInterface({ input: child.stdout }).on("line", hear);
  createInterface({ input: child.stderr }).on("line", hear);
  const gone = (why) => {
    running.delete(child);
    for (const wait of waiting) {
      wait.failed(new Error(`${program}: ${why}. It wrote:\n${written.slice(-20).join("\n")}`));
    }
    waiting.clear();
  };
  const ended = new Promise((done) => child.once("close", done));
  child.once("error", (error) => gone(error.message));
  child.once("close", (code, signal) => gone(`ended with ${signal ?? code}`));
  return {
    said: (pattern) => new Promise((done, failed) => waiting.add({ pattern, done, failed })),
    /** Ends it and waits until it is gone. */
    async end(signal = "SIGTERM") {
      if (running.has(child)) {
        child.kill(signal);
        await ended;
      }
    },
  };
}

/** A port that nothing listens on. */
export async function freePort() {
  const server = createServer();
  await new Promise((done) => server.listen(0, "127.0.0.1", done));
  const { port } = server.address();
  await new Promise((done) => server.close(done));
  return port;
}
