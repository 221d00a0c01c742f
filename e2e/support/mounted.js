// The page as it is served is complete, and deaf: nothing that is clicked in it before this counts.

/** Waits until the app has taken over from the prerendered page. After a link there may not even be a page yet. */
export const mounted = (page) =>
  page.waitForFunction(() => document.getElementById("app")?.hasAttribute("data-static") === false);
