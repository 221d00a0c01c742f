// The test function of this suite: every page is watched, and a test fails when its page complained,
// asked another host for something, or asked for something that is not there.
import { test as base, expect } from "@playwright/test";

export { expect };

export const test = base.extend({
  /** What the test expects the page to complain about, as regular expressions. Empty unless it says so. */
  expectedComplaints: [[], { option: true }],

  context: async ({ context, baseURL, expectedComplaints }, use) => {
    const complaints = [];
    const origin = new URL(baseURL).origin;
    context.on("console", (message) => {
      if (message.type() !== "info" && message.type() !== "debug") {
        complaints.push(`console ${message.type()}: ${message.text()}`);
      }
    });
    context.on("weberror", (error) => complaints.push(`uncaught: ${error.error().message}`));
    context.on("request", (request) => {
      if (!request.url().startsWith(origin)) {
        complaints.push(`request to another host: ${request.url()}`);
      }
    });
    context.on("response", (response) => {
      if (response.status() >= 400) {
        complaints.push(`${response.status()} for ${response.url()}`);
      }
    });
    await use(context);
    const unexpected = complaints.filter((text) => !expectedComplaints.some((pattern) => pattern.test(text)));
    expect(unexpected, "what the page complained about").toEqual([]);
  },
});
