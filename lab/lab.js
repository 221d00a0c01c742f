// Puts a lab into a page: what is behind `<details data-lab="...">` is fetched when the reader opens it,
// and not before.
const LABS = {
  sql: () => import("./sql-lab.js"),
  wire: () => import("./wire-lab.js"),
  events: () => import("./events-lab.js"),
  graph: () => import("./graph-lab.js"),
};

for (const fold of document.querySelectorAll("details[data-lab]")) {
  const open = async () => {
    if (!fold.open) return;
    fold.removeEventListener("toggle", open);
    const place = fold.querySelector("[data-lab-place]");
    try {
      const lab = await LABS[fold.dataset.lab]();
      await lab.mount(place);
    } catch (error) {
      console.warn(error);
      const note = document.createElement("p");
      note.setAttribute("role", "alert");
      note.textContent = "This part could not be loaded. The text on this page is complete without it; to try again, reload the page.";
      place.replaceChildren(note);
    }
  };
  fold.addEventListener("toggle", open);
  open();
}
