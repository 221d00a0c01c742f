// The test function of this suite: every page is watched, and a test fails when its page complained,
// asked another host for something, or asked for something that is not there.
import { test as base, expect } from "@playwright/test";

export { expect };

export const test = base.extend({
  /** What the test expects the page to complain about, as regular expressions. Empty unless it says so. */
  expectedComplaints: [[], { option: true }],

  context: async ({ context, baseURL, expectedComplaints }, use) => {
    const complaints = watch(context, baseURL);
    await context.addInitScript(tellViolations);
    await use(context);
    expect(unexpected(complaints, expectedComplaints), "what the page complained about").toEqual([]);
  },
});

/** In every page and frame of a context: what the policy has stopped becomes a complaint, whatever the console says. */
export function tellViolations() {
  addEventListener("securitypolicyviolation", ({ effectiveDirective, blockedURI, sample }) => {
    console.error(`policy violated: ${effectiveDirective} by ${blockedURI} ${sample}`);
  });
}

/** What the pages of a context complain about from now on. */
export function watch(context, baseURL) {
  const complaints = [];
  const origin = new URL(baseURL).origin;
  context.on("console", (message) => {
    if (message.type() !== "info" && message.type() !== "debug") {
      complaints.push(`console ${message.type()}: ${message.text()}`);
    }
  });
  context.on("weberror", (error) => complaints.push(`uncaught: ${error.error().message}`));
  context.on("request", (request) => {
    if (new URL(request.url()).origin !== origin) {
      complaints.push(`request to another host: ${request.url()}`);
    }
  });
  context.on("response", (response) => {
    if (response.status() >= 400) {
      complaints.push(`${response.status()} for ${response.url()}`);
    }
  });
  return complaints;
}

// Says Playwright itself, since the configuration blocks workers.
const BLOCKED_WORKER = /Service Worker registration blocked by Playwright/;

/** The complaints that no pattern expects. */
export const unexpected = (complaints, patterns) =>
  complaints.filter((text) => ![BLOCKED_WORKER, ...patterns].some((pattern) => pattern.test(text)));
