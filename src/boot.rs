//! The browser's entry: puts the running app where the prerendered page stands.

use crate::app::{self, Asked, Place, Root};
use crate::entries;
use crate::pages::{article, focus_quietly, is_typing, lists};
use crate::prefs::Prefs;
use crate::stage::load_more;
use crate::ui::{document, for_ever, location, on_window, window};
use wasm_bindgen::{JsCast, JsValue, prelude::wasm_bindgen};
use wasm_split_helpers::SplitLoaderError;
use web_sys::{Element, HtmlElement};

/// Replaces the prerendered content of `#app` by the running app.
///
/// Everything happens within one task, so nothing is painted in between: the new view is built
/// beside the old one, the article's nodes move over, and only then is the old view removed. The
/// scroll position survives because the height of the page is the same at the next layout. If
/// building the view fails, the prerendered page is still there to be read.
///
/// Before that, the page's own part of the program is downloaded. When that fails, `failed` is called with a message.
#[wasm_bindgen]
pub fn start(failed: js_sys::Function) {
    // Released code carries no messages of panics; the console has the stack.
    #[cfg(debug_assertions)]
    console_error_panic_hook::set_once();
    wasm_bindgen_futures::spawn_local(async move {
        if let Err(why) = run().await {
            _ = failed.call1(&JsValue::NULL, &JsValue::from_str(why));
        }
    });
}

async fn run() -> Result<(), &'static str> {
    let host = document().get_element_by_id("app").and_then(|e| e.dyn_into::<HtmlElement>().ok());
    let host = host.ok_or("the page has no element with the id \"app\", so there is nowhere to put the app")?;
    let root = Root::from_document(&host);
    forget_index_html();
    let pathname = location().pathname().unwrap_or_default();
    let path = root.strip(&pathname).to_owned();
    let asked = Asked::at(&path);
    let place = place(asked).await.map_err(|_| "a part of it could not be downloaded")?;
    // A page that opens at somebody's moment starts there, not at the beginning.
    let shared = location().hash().unwrap_or_default().starts_with("#r=");
    if let (true, Place::Question(entry) | Place::Embed(entry)) = (shared, place) {
        load_more(entry).await.map_err(|_| "a part of it could not be downloaded")?;
    }
    for_ever(|| {
        let prefs = Prefs::open(asked, &location().search().unwrap_or_default());
        go_to_search_on_slash(root.clone());
        refresh_when_shown_again(prefs);
        let old: Vec<Element> = children_of(&host);
        let focus = focused_path(&host);
        let text = article::parts_in(&host);
        app::app(root, prefs, place, &path).mount(&host);
        article::take_over(&host, &text);
        for e in old {
            e.remove();
        }
        _ = host.remove_attribute("data-static");
        restore_focus(&host, focus);
    });
    let hash = location().hash().unwrap_or_default();
    if hash == "#search" {
        focus_search();
    } else {
        article::follow_address(&hash);
    }
    Ok(())
}

/// What the address asks for, with what it is made of.
async fn place(asked: Asked<'_>) -> Result<Place, SplitLoaderError> {
    let entry = match asked {
        Asked::Question(slug) => entries::load(slug).await.map(|entry| entry.map(Place::Question)),
        Asked::Embed(slug) => entries::load(slug).await.map(|entry| entry.map(Place::Embed)),
        Asked::Library => return Ok(Place::Library(lists().await?)),
        Asked::Unknown => None,
    };
    match entry {
        Some(place) => place,
        None => Ok(Place::NotFound(lists().await?)),
    }
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
    on_window("keydown", move |ev: web_sys::KeyboardEvent| {
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
    on_window("pageshow", move |ev: web_sys::PageTransitionEvent| {
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
        _ = history.replace_state_with_url(&JsValue::NULL, "", Some(&format!("{folder}{rest}")));
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
