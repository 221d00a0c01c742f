// What stands at sw.js while the site is being developed: a worker of an earlier, finished site at the same address
// would go on answering with that. This one takes its place, removes what it kept, and is gone.
self.addEventListener("install", () => self.skipWaiting());

self.addEventListener("activate", (event) => {
  const clean = async () => {
    const prefix = `breakable ${new URL(self.registration.scope).pathname} `;
    for (const name of await caches.keys()) {
      if (name.startsWith(prefix)) {
        await caches.delete(name);
      }
    }
    await self.registration.unregister();
    for (const page of await self.clients.matchAll({ type: "window" })) {
      // Not awaited: the page is answered when this has ended. It may have been closed by now.
      page.navigate(page.url).catch(() => {});
    }
  };
  event.waitUntil(clean());
});

// A page of the finished site that was still open may have registered this worker again while it went.
self.addEventListener("fetch", () => self.registration.unregister());
