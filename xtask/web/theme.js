// Shows the reader's theme before the first paint; src/prefs.rs does the same when the app has started.
// The address decides for one visit, else what is kept. An embed says data-keeps-nothing and reads no storage.
{
  const asked = new URLSearchParams(location.search).get("theme");
  let theme = ["system", "auto", "light", "dark"].includes(asked) ? asked : null;
  if (theme === null && !("keepsNothing" in document.currentScript.dataset)) {
    try {
      theme = localStorage.getItem("breakable.theme");
    } catch {
      // Blocked storage is the same as an empty one.
    }
  }
  if (theme === "light" || theme === "dark") {
    document.documentElement.dataset.theme = theme;
  }
}
