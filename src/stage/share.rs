//! Addresses: what one says when the page opens, and how a moment is passed on.

use super::Handle;
use super::player::Player;
use crate::app::use_root;
use leptos::html::{Dialog, Div, Input};
use leptos::prelude::*;
use wasm_bindgen::JsCast;

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
            if hash.starts_with("#r=") {
                p.load_link(&hash);
            }
        });
    };
    apply();
    // Another link pasted over this one.
    let listener = window_event_listener(leptos::ev::hashchange, move |_| {
        let hash = window().location().hash().unwrap_or_default();
        if hash.starts_with("#r=") {
            h.change(|p| p.load_link(&hash));
        }
    });
    on_cleanup(move || listener.remove());
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
    link: std::cell::RefCell<Option<(NodeRef<Dialog>, NodeRef<Input>)>>,
    embed: std::cell::RefCell<Option<(NodeRef<Dialog>, RwSignal<String>)>>,
}

/// Copies a link to this exact moment; where the clipboard is closed, shows it for copying by hand.
pub fn copy_link(h: Handle) {
    let url = format!("{}{}", here(), h.with(Player::link));
    copy(h, url, "Link to this moment copied.");
}

fn copy(h: Handle, text: String, done: &'static str) {
    leptos::task::spawn_local(async move {
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
        set_timeout(
            move || {
                _ = el.remove_attribute("data-done");
            },
            std::time::Duration::from_millis(1_600),
        );
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
pub fn full_screen(root: NodeRef<Div>) {
    if document().fullscreen_element().is_some() {
        document().exit_fullscreen();
    } else if let Some(el) = root.get_untracked() {
        _ = el.request_fullscreen();
    }
}

/// The dialogs of sharing, closed.
pub fn dialogs(h: Handle) -> impl IntoView {
    let link = NodeRef::<Dialog>::new();
    let field = NodeRef::<Input>::new();
    let embed = NodeRef::<Dialog>::new();
    let moment = RwSignal::new(String::new());
    let this_moment = RwSignal::new(false);
    let theme = RwSignal::new("");
    let height = RwSignal::new(480u32);
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
    let close = move |dialog: NodeRef<Dialog>| {
        move |_| {
            if let Some(d) = dialog.get_untracked() {
                d.close();
            }
        }
    };
    view! {
        <dialog class="stage-dialog" node_ref=link aria-label="Link to this moment">
            <p>"This page may not use the clipboard. Copy the link by hand:"</p>
            <input class="field wide" type="text" readonly=true aria-label="Link" node_ref=field/>
            <p><button class="button" on:click=close(link)>"Close"</button></p>
        </dialog>
        <dialog class="stage-dialog" node_ref=embed aria-label="Embed">
            <h2>"Put this into a post"</h2>
            <p class="dialog-row">
                <label>"Show "<select class="field" on:change=move |ev| this_moment.set(event_target_value(&ev) == "moment")>
                    <option value="preset">"the preset"</option><option value="moment">"this very moment"</option></select></label>
                <label>"Theme "<select class="field" on:change=move |ev| theme.set(match event_target_value(&ev).as_str() { "light" => "light", "dark" => "dark", _ => "" })>
                    <option value="">"as the reader's"</option><option value="light">"light"</option><option value="dark">"dark"</option></select></label>
                <label>"Height "<input class="field" type="number" min="320" max="1200" step="10" prop:value=move || height.get().to_string()
                    on:change=move |ev| if let Ok(px) = event_target_value(&ev).parse() { height.set(px) }/></label>
            </p>
            <textarea class="field wide" rows="4" readonly=true aria-label="HTML for the post" prop:value=text></textarea>
            <p class="dialog-row">
                <button class="button" on:click=move |_| copy(h, code(), "HTML copied.")>"Copy"</button>
                <button class="button" on:click=close(embed)>"Close"</button>
            </p>
        </dialog>
    }
}
