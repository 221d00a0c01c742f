// Shows the reader's theme before the first paint; src/prefs.rs does the same when the app has started, and
// src/records.rs says what is kept and how. The address decides for one visit, else what is kept. An embed says
// data-keeps-nothing and reads no storage, nor does any page within somebody's page.
{
  const root = document.documentElement;
  const query = new URLSearchParams(location.search);
  let kept = "";
  let earlier = null;
  if (!("keepsNothing" in document.currentScript.dataset) && self === parent) {
    try {
      kept = localStorage.getItem("breakable.kept") ?? "";
      // Where the versions that wrote none kept it.
      earlier = localStorage.getItem("breakable.theme");
    } catch {
      // Blocked storage is the same as an empty one.
    }
  }
  // What a newer version has written is not for this one to read.
  if (/^breakable (?!1$)\d+$/m.test(kept.split("\n", 1)[0])) {
    kept = "";
  }
  const get = (name) => kept.match(new RegExp(`^\\d+ ${name}=(.*)$`, "m"))?.[1];
  const asked = query.get("theme");
  const theme = ["system", "auto", "light", "dark"].includes(asked) ? asked : get("theme") ?? earlier;
  if (theme === "light" || theme === "dark") {
    root.dataset.theme = theme;
  }
  if (get("motion") === "still") {
    root.dataset.still = "";
  }
  // An interview hides the answers before anybody sees them: src/pages/interview.rs.
  if (query.has("interview") && location.pathname.includes("/q/")) {
    root.dataset.interview = "";
  }
}
