//! `?` shows which keys there are, on every page. Where there is a stage, it has a list of its own.

use crate::prefs::use_prefs;
use crate::ui::el::{Piece, Tag, each, el};
use crate::ui::{NodeRef, document, on_window};
use web_sys::{HtmlDialogElement, KeyboardEvent};

/// The keys of a page without a stage.
pub fn keys() -> Piece {
    let node = NodeRef::<HtmlDialogElement>::new();
    let prefs = use_prefs();
    on_window("keydown", move |ev: KeyboardEvent| {
        let plain =
            prefs.keys.get_untracked() && !(ev.ctrl_key() || ev.meta_key() || ev.alt_key() || ev.default_prevented());
        let open = document().query_selector("dialog[open]").is_ok_and(|d| d.is_some());
        if ev.key() == "?" && plain && !open && !super::is_typing() {
            ev.prevent_default();
            if let Some(dialog) = node.get_untracked() {
                _ = dialog.show_modal();
            }
        }
    });
    let all = [("/", "search"), ("Tab", "from one thing to the next"), ("Enter", "open it"), ("?", "these keys")];
    let own = "On a question's page there are more: ? shows them there.";
    dialog(node, all.iter().map(|(k, what)| ((*k).to_owned(), *what)).collect())
        .kid(el("p").class("quiet").kid(own))
        .into()
}

/// A dialog with keys, closed.
pub fn dialog(node: NodeRef<HtmlDialogElement>, all: Vec<(String, &'static str)>) -> Tag {
    let rows = each(all, |(key, what)| {
        el("tr").kid(el("th").attr("scope", "row").kid(el("kbd").kid(key))).kid(el("td").kid(what))
    });
    let close = el("button").attrs(&[("type", "button"), ("class", "button"), ("autofocus", "")]).click(move || {
        if let Some(d) = node.get_untracked() {
            d.close();
        }
    });
    el("dialog")
        .attrs(&[("class", "stage-dialog"), ("aria-label", "Keys")])
        .node_ref(node)
        .kid(el("h2").kid("Keys"))
        .kid(el("table").class("keys").kid(el("tbody").kid(rows)))
        .kid(el("p").kid(close.kid("Close")))
}
