// Only while developing: reloads the page after each successful build, and says why one failed.
const news = new EventSource(new URL("./__reload", import.meta.url));
news.addEventListener("built", () => location.reload());
news.addEventListener("problem", (event) => console.error(`The last change did not build:\n${event.data}`));
