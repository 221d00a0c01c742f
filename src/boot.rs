//! The browser's entry: puts the running app where the prerendered page stands.

use crate::app::{self, Place, Root};
use crate::pages::{article, focus_quietly, is_typing};
use crate::prefs::Prefs;
use leptos::prelude::*;
use wasm_bindgen::{JsCast, prelude::wasm_bindgen};
use web_sys::{Element, HtmlElement};

/// Replaces the prerendered content of `#app` by the running app.
///
/// Everything happens within one task, so nothing is painted in between: the new view is built
/// beside the old one, the article's nodes move over, and only then is the old view removed. The
/// scroll position survives because the height of the page is the same at the next layout. If
/// building the view fails, the prerendered page is still there to be read.
#[wasm_bindgen(start)]
pub fn start() {
    console_error_panic_hook::set_once();
    let Some(host) = document().get_element_by_id("app").and_then(|e| e.dyn_into::<HtmlElement>().ok()) else {
        leptos::logging::error!("The page has no element with the id \"app\", so there is nowhere to put the app.");
        return;
    };
    let root = Root::from_document(&host);
    forget_index_html();
    let pathname = location().pathname().unwrap_or_default();
    let path = root.strip(&pathname).to_owned();
    let prefs = Prefs::open(&Place::at(&path), &location().search().unwrap_or_default());
    go_to_search_on_slash(root.clone());

    let old: Vec<Element> = children_of(&host);
    let focus = focused_path(&host);
    let text = article::parts_in(&host);
    leptos::mount::mount_to(host.clone(), move || app::app(root, prefs, &path)).forget();
    article::take_over(&host, &text);
    for e in old {
        e.remove();
    }
    _ = host.remove_attribute("data-static");
    restore_focus(&host, focus);
    let hash = location().hash().unwrap_or_default();
    if hash == "#search" {
        focus_search();
    } else {
        article::follow_address(&hash);
    }
    refresh_when_shown_again(prefs);
}

/// Whether there is a search field, which now has the focus.
fn focus_search() -> bool {
    let field = document().get_element_by_id("search");
    if let Some(field) = &field {
        focus_quietly(field);
    }
    field.is_some()
}

/// `/` goes to the library's search field from everywhere, except while something is being typed.
fn go_to_search_on_slash(root: Root) {
    _ = window_event_listener(leptos::ev::keydown, move |ev| {
        let plain = !(ev.ctrl_key() || ev.meta_key() || ev.alt_key() || ev.default_prevented());
        // An embed has no header, and a frame does not lead away from its page.
        if ev.key() != "/" || !plain || is_typing() || document().get_element_by_id("app-header").is_none() {
            return;
        }
        ev.prevent_default();
        if !focus_search() {
            _ = location().set_href(&root.link("#search"));
        }
    });
}

/// Going back may show a page as it was left, without starting it anew. What was remembered since on other
/// pages is read again.
fn refresh_when_shown_again(prefs: Prefs) {
    _ = window_event_listener(leptos::ev::pageshow, move |ev| {
        if ev.persisted() {
            prefs.refresh();
        }
    });
}

/// A page opened as `.../index.html` is the page of its folder; relative links and routes agree on that.
fn forget_index_html() {
    let path = location().pathname().unwrap_or_default();
    let Some(folder) = path.strip_suffix("index.html") else { return };
    let rest = location().search().unwrap_or_default() + &location().hash().unwrap_or_default();
    if let Ok(history) = window().history() {
        _ = history.replace_state_with_url(&wasm_bindgen::JsValue::NULL, "", Some(&format!("{folder}{rest}")));
    }
}

fn children_of(host: &Element) -> Vec<Element> {
    let list = host.children();
    (0..list.length()).filter_map(|i| list.item(i)).collect()
}

/// Where the focus is inside `host`, as child indexes, with the tag found there.
///
/// Somebody on a slow line may already be tabbing through the prerendered page when the app arrives.
fn focused_path(host: &Element) -> Option<(Vec<u32>, String)> {
    let mut at = document().active_element()?;
    let tag = at.tag_name();
    let mut path = Vec::new();
    while !at.is_same_node(Some(host)) {
        let mut index = 0;
        let mut before = at.previous_element_sibling();
        while let Some(e) = before {
            index += 1;
            before = e.previous_element_sibling();
        }
        path.push(index);
        at = at.parent_element()?;
    }
    path.reverse();
    (!path.is_empty()).then_some((path, tag))
}

fn restore_focus(host: &Element, focus: Option<(Vec<u32>, String)>) {
    let Some((path, tag)) = focus else { return };
    let mut at = host.clone();
    for index in path {
        let Some(next) = at.children().item(index) else { return };
        at = next;
    }
    if at.tag_name() == tag {
        focus_quietly(&at);
    }
}

/// The digests of the golden runs as this engine computes them, for the test that compares engines.
#[wasm_bindgen]
pub fn golden_digests() -> String {
    sim::golden::json()
}
