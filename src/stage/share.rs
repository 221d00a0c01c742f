//! Addresses: what one says when the page opens, and how a moment is passed on.

#[cfg(feature = "csr")]
use super::StageMode;
#[cfg(feature = "csr")]
use super::more;
use super::player::Player;
use super::{Handle, button};
use crate::ui::el::{Piece, Tag, el};
use crate::ui::{NodeRef, after, document, window};
use wasm_bindgen::JsCast;
use web_sys::{HtmlDialogElement, HtmlElement, HtmlInputElement};

/// The parts of a query string, decoded.
#[cfg(feature = "csr")]
fn pairs(search: &str) -> Vec<(String, String)> {
    let Ok(params) = web_sys::UrlSearchParams::new_with_str(search) else { return Vec::new() };
    js_sys::Array::from(&js_sys::Object::from(params).unchecked_into::<wasm_bindgen::JsValue>())
        .iter()
        .filter_map(|entry| {
            let entry: js_sys::Array = entry.dyn_into().ok()?;
            Some((entry.get(0).as_string()?, entry.get(1).as_string()?))
        })
        .collect()
}

/// Sets the player up as the address says: `?limit=5&seed=7`, `#r=...`. Plays unless told not to.
#[cfg(feature = "csr")]
pub fn read_address(h: Handle, mode: StageMode) {
    let location = window().location();
    let query = location.search().unwrap_or_default();
    if !query.is_empty() {
        more::with_address(h, move |address| h.change(|p| (address.query)(p, &query)));
    }
    let link = || Some(window().location().hash().unwrap_or_default()).filter(|hash| hash.starts_with("#r="));
    if let Some(hash) = link() {
        more::with_address(h, move |address| h.change(|p| (address.link)(p, &hash)));
    }
    // Another link pasted over this one. Its run may have begun as an experiment, which a candidate's page does not know.
    crate::ui::on_window("hashchange", move |_: web_sys::Event| {
        if let Some(hash) = link() {
            more::with_link(h, mode != StageMode::Candidate, move |address| h.change(|p| (address.link)(p, &hash)));
        }
    });
}

/// What the address's query asks for, with its question mark.
#[cfg(feature = "csr")]
pub fn load_query(p: &mut Player, query: &str) {
    p.load_query(&pairs(query));
}

/// The page's address without query and fragment.
fn here() -> String {
    let location = window().location();
    format!("{}{}", location.origin().unwrap_or_default(), location.pathname().unwrap_or_default())
}

/// The address of the moment that is shown.
pub fn address(h: Handle) -> String {
    format!("{}{}", here(), h.with(Player::link))
}

type LinkDialog = (NodeRef<HtmlDialogElement>, NodeRef<HtmlInputElement>);

thread_local! {
    /// The dialog with a link to copy by hand, for the function that shows it.
    static LINK: std::cell::RefCell<Option<LinkDialog>> = const { std::cell::RefCell::new(None) };
}

/// Copies a link to this exact moment; where the clipboard is closed, shows it for copying by hand.
pub fn copy_link(h: Handle) {
    copy(h, address(h), "Link to this moment copied.");
}

/// Puts a text into the clipboard and says so; where that is closed, shows the text for copying by hand.
pub fn copy(h: Handle, text: String, done: &'static str) {
    wasm_bindgen_futures::spawn_local(async move {
        if write_clipboard(&text).await {
            h.say(done);
            toast(h, done);
        } else {
            show_for_copying(&text);
        }
    });
}

/// Shows a sentence for a moment, in the button that was pressed last.
fn toast(_h: Handle, _text: &str) {
    if let Some(el) = document().active_element()
        && let Ok(el) = el.dyn_into::<web_sys::HtmlElement>()
        && el.tag_name() == "BUTTON"
    {
        _ = el.set_attribute("data-done", "Copied");
        after(1_600, move || {
            _ = el.remove_attribute("data-done");
        });
    }
}

/// Whether the text is in the clipboard now.
pub async fn write_clipboard(text: &str) -> bool {
    let navigator = window().navigator();
    // Absent outside secure contexts and in frames that may not use it.
    let present = js_sys::Reflect::get(&navigator, &"clipboard".into()).is_ok_and(|c| c.is_object());
    present && wasm_bindgen_futures::JsFuture::from(navigator.clipboard().write_text(text)).await.is_ok()
}

fn show_for_copying(text: &str) {
    LINK.with(|link| {
        let Some((dialog, field)) = *link.borrow() else { return };
        if let Some(field) = field.get_untracked() {
            field.set_value(text);
        }
        if let Some(dialog) = dialog.get_untracked() {
            _ = dialog.show_modal();
        }
        if let Some(field) = field.get_untracked() {
            field.select();
        }
    });
}

/// The whole screen for the stage, and back.
pub fn full_screen(root: NodeRef<HtmlElement>) {
    if document().fullscreen_element().is_some() {
        document().exit_fullscreen();
    } else if let Some(el) = root.get_untracked() {
        _ = el.request_fullscreen();
    }
}

/// The dialog with a link to copy by hand, closed.
pub fn dialog() -> Piece {
    let link = NodeRef::<HtmlDialogElement>::new();
    let field = NodeRef::<HtmlInputElement>::new();
    LINK.with(|l| *l.borrow_mut() = Some((link, field)));
    let by_hand = el("input")
        .attrs(&[("class", "field wide"), ("type", "text"), ("readonly", ""), ("aria-label", "Link")])
        .node_ref(field);
    dialog_of(link, "Link to this moment")
        .kid(el("p").kid("This page may not use the clipboard. Copy the link by hand:"))
        .kid(by_hand)
        .kid(el("p").kid(close_button(link)))
        .into()
}

/// A dialog of the stage, closed and empty.
pub fn dialog_of(node: NodeRef<HtmlDialogElement>, label: &'static str) -> Tag {
    el("dialog").class("stage-dialog").attr("aria-label", label).node_ref(node)
}

/// The button that closes a dialog.
pub fn close_button(dialog: NodeRef<HtmlDialogElement>) -> Tag {
    button("Close").click(move || {
        if let Some(d) = dialog.get_untracked() {
            d.close();
        }
    })
}
