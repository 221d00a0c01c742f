//! Addresses: what one says when the page opens, and how a moment is passed on.

#[cfg(feature = "csr")]
use super::more;
use super::player::Player;
use super::{Handle, button};
use crate::app::use_root;
use crate::ui::el::{Piece, el};
use crate::ui::{NodeRef, Signal, after, document, window};
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
pub fn read_address(h: Handle) {
    let apply = move || {
        let location = window().location();
        let query = pairs(&location.search().unwrap_or_default());
        let hash = location.hash().unwrap_or_default();
        h.change(|p| {
            if !query.is_empty() {
                p.load_query(&query);
            }
        });
        if hash.starts_with("#r=") {
            more::with(h, move |m| h.change(|p| (m.load_link)(p, &hash)));
        }
    };
    apply();
    // Another link pasted over this one.
    crate::ui::on_window("hashchange", move |_: web_sys::Event| {
        let hash = window().location().hash().unwrap_or_default();
        if hash.starts_with("#r=") {
            more::with(h, move |m| h.change(|p| (m.load_link)(p, &hash)));
        }
    });
}

/// The page's address without query and fragment.
fn here() -> String {
    let location = window().location();
    format!("{}{}", location.origin().unwrap_or_default(), location.pathname().unwrap_or_default())
}

thread_local! {
    static SHARE: Dialogs =
        const { Dialogs { link: std::cell::RefCell::new(None), embed: std::cell::RefCell::new(None) } };
}

/// The open dialogs' elements, for the functions that show them.
struct Dialogs {
    link: std::cell::RefCell<Option<(NodeRef<HtmlDialogElement>, NodeRef<HtmlInputElement>)>>,
    embed: std::cell::RefCell<Option<(NodeRef<HtmlDialogElement>, Signal<String>)>>,
}

/// Copies a link to this exact moment; where the clipboard is closed, shows it for copying by hand.
pub fn copy_link(h: Handle) {
    let url = format!("{}{}", here(), h.with(Player::link));
    copy(h, url, "Link to this moment copied.");
}

fn copy(h: Handle, text: String, done: &'static str) {
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

async fn write_clipboard(text: &str) -> bool {
    let navigator = window().navigator();
    // Absent outside secure contexts and in frames that may not use it.
    let present = js_sys::Reflect::get(&navigator, &"clipboard".into()).is_ok_and(|c| c.is_object());
    present && wasm_bindgen_futures::JsFuture::from(navigator.clipboard().write_text(text)).await.is_ok()
}

fn show_for_copying(text: &str) {
    SHARE.with(|s| {
        let Some((dialog, field)) = *s.link.borrow() else { return };
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

/// Opens the dialog with the two lines for a blog post.
pub fn open_embed(h: Handle) {
    SHARE.with(|s| {
        let Some((dialog, moment)) = *s.embed.borrow() else { return };
        moment.set(h.with(Player::link));
        if let Some(dialog) = dialog.get_untracked() {
            _ = dialog.show_modal();
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

/// The dialogs of sharing, closed.
pub fn dialogs(h: Handle) -> Piece {
    let link = NodeRef::<HtmlDialogElement>::new();
    let field = NodeRef::<HtmlInputElement>::new();
    let embed = NodeRef::<HtmlDialogElement>::new();
    let moment = Signal::new(String::new());
    let this_moment = Signal::new(false);
    let theme = Signal::new("");
    let height = Signal::new(480u32);
    SHARE.with(|s| {
        *s.link.borrow_mut() = Some((link, field));
        *s.embed.borrow_mut() = Some((embed, moment));
    });
    let root = use_root();
    let slug = h.meta.slug;
    let src = move || {
        let path = root.link(&format!("embed/{slug}/"));
        let origin =
            if cfg!(feature = "csr") { window().location().origin().unwrap_or_default() } else { String::new() };
        let preset = h.shape(|p| p.preset.map(|i| p.meta.presets[i].id));
        let mut query: Vec<String> = Vec::new();
        if !this_moment.get()
            && let Some(id) = preset
        {
            query.push(format!("preset={id}"));
        }
        if !theme.get().is_empty() {
            query.push(format!("theme={}", theme.get()));
        }
        let query = if query.is_empty() { String::new() } else { format!("?{}", query.join("&")) };
        let fragment = if this_moment.get() { moment.get() } else { String::new() };
        format!("{origin}{path}{query}{fragment}")
    };
    let code = {
        let src = src.clone();
        move || {
            format!(
                "<iframe src=\"{}\" title=\"{}: a simulation you can break\"\n  width=\"100%\" height=\"{}\" loading=\"lazy\" allow=\"fullscreen; clipboard-write\"></iframe>",
                src().replace('&', "&amp;"),
                h.meta.short,
                height.get()
            )
        }
    };
    let text = code.clone();
    let close = move |dialog: NodeRef<HtmlDialogElement>| {
        button("Close").click(move || {
            if let Some(d) = dialog.get_untracked() {
                d.close();
            }
        })
    };
    let dialog = |node: NodeRef<HtmlDialogElement>, label: &'static str| {
        el("dialog").class("stage-dialog").attr("aria-label", label).node_ref(node)
    };
    let choice = |label: &'static str, options: &[(&'static str, &'static str)], chosen: fn(&str) -> &'static str| {
        let options = crate::ui::el::each(options, |(value, words)| el("option").attr("value", *value).kid(*words));
        let select = el("select").class("field").kid(options).change(move |value| {
            let value = chosen(&value);
            match value {
                "moment" | "preset" => this_moment.set(value == "moment"),
                _ => theme.set(value),
            }
        });
        el("label").kid(label).kid(select)
    };
    let px = el("input")
        .attrs(&[("class", "field"), ("type", "number"), ("min", "320"), ("max", "1200"), ("step", "10")])
        .value(move || height.get().to_string())
        .change(move |value| {
            if let Ok(px) = value.parse() {
                height.set(px);
            }
        });
    let choices = el("p")
        .class("dialog-row")
        .kid(choice("Show ", &[("preset", "the preset"), ("moment", "this very moment")], |value| {
            if value == "moment" { "moment" } else { "preset" }
        }))
        .kid(choice("Theme ", &[("", "as the reader's"), ("light", "light"), ("dark", "dark")], |value| match value {
            "light" => "light",
            "dark" => "dark",
            _ => "",
        }))
        .kid(el("label").kid("Height ").kid(px));
    let area = el("textarea")
        .attrs(&[("class", "field wide"), ("rows", "4"), ("readonly", ""), ("aria-label", "HTML for the post")])
        .value(text);
    let by_hand = el("input")
        .attrs(&[("class", "field wide"), ("type", "text"), ("readonly", ""), ("aria-label", "Link")])
        .node_ref(field);
    let link = dialog(link, "Link to this moment")
        .kid(el("p").kid("This page may not use the clipboard. Copy the link by hand:"))
        .kid(by_hand)
        .kid(el("p").kid(close(link)));
    let embed = dialog(embed, "Embed").kid(el("h2").kid("Put this into a post")).kid(choices).kid(area).kid(
        el("p")
            .class("dialog-row")
            .kid(button("Copy").click(move || copy(h, code(), "HTML copied.")))
            .kid(close(embed)),
    );
    Piece::List(vec![link.into(), embed.into()])
}
