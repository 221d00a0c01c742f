// Every engine comes to the same bits as the native one: at the end of a golden run, with everything broken on the way,
// it has the digest that the runner had there.
import { readFileSync } from "node:fs";
import { expect, test } from "./test.js";
import { host } from "../support/foreign.js";
import { questions, sim } from "../support/runner.js";

const results = process.env.RESULTS;
const native = results ? JSON.parse(readFileSync(`${results}/golden.json`, "utf8")) : sim("golden");
const golden = Object.entries(native);

test("golden runs were made of every question", () => {
  expect(golden).toHaveLength(2 * questions.length);
});

for (const { slug } of questions) {
  test(`${slug}: the golden runs have the runner's digests`, async ({ page, site }) => {
    // As a host of the embed: it is answered when the run is there, so nothing is waited for by the clock.
    const post = `<!DOCTYPE html><html lang="en"><meta charset="utf-8"><title>Host</title><script>${HOST}</script>
      <iframe src="${site.url}embed/${slug}/?autoplay=0" width="700" height="700" title="embed"></iframe>`;
    const server = await host({ "/": post });
    await page.goto(server.origin);
    await expect.poll(() => page.evaluate("ready"), { message: "the embed is ready", timeout: 40_000 }).toBe(true);
    const runs = golden.filter(([name]) => name.startsWith(`${slug}/`));
    expect(runs).toHaveLength(2);
    for (const [name, { digest, link }] of runs) {
      const state = await page.run((link) => say({ type: "load", link }), link);
      expect(state, name).toMatchObject({ type: "state", digest, notes: [] });
    }
    await server.close();
  });
}

/** The other end of the messages. */
const HOST = `let ready = false, asked = 0;
addEventListener("message", ({ data }) => { ready ||= data?.type === "ready"; });
const say = (message) => {
  const id = ++asked;
  document.querySelector("iframe").contentWindow.postMessage({ breakable: 1, id, ...message }, "*");
  return new Promise((done) => addEventListener("message", function answer({ data }) {
    if (data?.id === id) { removeEventListener("message", answer); done(data); }
  }));
};`;
