// The same tests in three engines. `cargo xtask test` starts this after the tests of `tests/`, which are for Chromium
// alone, and names the engines that it has found; by hand, `npx playwright test -c cross.config.js --project firefox`.
import { defineConfig } from "@playwright/test";
import base from "./playwright.config.js";

// What an engine's driver cannot do: Firefox's has no pen, and WebKit's takes a finger for a mouse.
const hands = { firefox: / pen /, webkit: / touch / };

const engines = (process.env.ENGINES ?? "chromium,firefox,webkit").split(",");

export default defineConfig({
  ...base,
  testDir: "cross",
  use: { ...base.use, serviceWorkers: "allow" },
  // Browsers start slowly: a worker keeps its own for all tests of a file.
  fullyParallel: false,
  timeout: 120_000,
  expect: { timeout: 20_000 },
  projects: engines.map((engine) => ({
    name: engine,
    metadata: { engine },
    grepInvert: hands[engine],
    // What these ask of Chromium, and more, is among its own tests.
    testIgnore: engine === "chromium" ? /(questions|smoke)\.spec\.js/ : [],
  })),
});
