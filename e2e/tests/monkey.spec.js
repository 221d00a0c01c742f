// A short visit of the monkey, always the same one: `cargo xtask monkey` lets it stay. RELIABILITY.md says for how long
// it has been.
import { expect, test } from "@playwright/test";
import { session } from "../monkey/monkey.js";

// A run that lost its start, and one that was slow to step back: what monkeys have found before.
for (const [slug, seed] of [["saga-consistency", 1], ["event-sourcing", 2]]) {
  test(`${slug}: random hands leave a page that answers and a run that replays natively`, async ({ browser, baseURL }) => {
    test.setTimeout(300_000);
    const seen = await session({ browser, baseURL, slug, seed, bursts: 4 });
    expect(seen.bursts).toBe(4);
    expect(seen.moments).toBeGreaterThanOrEqual(4);
  });
}
