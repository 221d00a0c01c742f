// `cargo xtask test` builds and serves the site and starts Playwright with the addresses in the
// environment. Started by hand in e2e/ (`npx playwright test`), it serves the finished dist/ itself.
import { defineConfig } from "@playwright/test";

const baseURL = process.env.BASE_URL ?? "http://127.0.0.1:4173/some/prefix/";

export const launchOptions = {
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--no-first-run",
    "--disable-component-update",
    "--disable-sync",
    "--disable-quic",
  ],
};

export default defineConfig({
  testDir: "tests",
  outputDir: "test-results",
  // Two at most: a simulation wants a core of its own.
  workers: 2,
  fullyParallel: true,
  forbidOnly: true,
  // A test that fails is begun once more, and one that then passes is named as flaky at the end: it is to be mended like
  // a broken one, but it does not keep back what else is in the run. What is broken fails twice. By hand and to look for
  // races, `--retries=0`.
  retries: 1,
  timeout: 60_000,
  expect: { timeout: 10_000 },
  reporter: [["list"]],
  use: {
    baseURL,
    viewport: { width: 1440, height: 900 },
    // The engine's own pace is under test, not a person's patience.
    actionTimeout: 10_000,
    // A trace keeps a copy of the page for every step, and these pages are large: it is made when asked for.
    trace: process.env.TRACE ? "retain-on-failure" : "off",
    // Every test has a browser of its own, and each would keep the whole site for offline; offline.spec.js allows it.
    serviceWorkers: "block",
    launchOptions,
  },
  webServer: process.env.BASE_URL
    ? undefined
    : {
        command: "cargo xtask serve --dist --prefix /some/prefix/ --port 4173",
        url: baseURL,
        timeout: 120_000,
      },
});
