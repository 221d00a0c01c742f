//! The browser's entry: puts the running app where the prerendered page stands.

use crate::app::{self, Asked, Place, Root};
use crate::entries::{self, Entry};
use crate::pages::present::present;
use crate::pages::question::INTERVIEW_PLACE;
use crate::pages::settings::settings;
use crate::pages::site::site;
use crate::pages::{focus_quietly, lists};
use crate::prefs::Prefs;
use crate::stage::{load_address, load_tries};
use crate::ui::{after, asked as asked_for, document, for_ever, location, window};
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
    // A page whose address says how the run begins starts there, not at the question's own beginning.
    let says =
        !location().search().unwrap_or_default().is_empty() || location().hash().unwrap_or_default().starts_with("#r=");
    if let (true, Place::Question(..) | Place::Embed(_) | Place::Candidate(..) | Place::Present(..)) = (says, place) {
        load_address().await.map_err(|_| "a part of it could not be downloaded")?;
        if let Some(entry) = experiment_asked(place) {
            load_tries(entry).await.map_err(|_| "a part of it could not be downloaded")?;
        }
    }
    let interview = match place {
        Place::Question(entry, site) => (site.interview)(entry).await,
        _ => None,
    };
    let around = place.around();
    for_ever(|| {
        let prefs = Prefs::open(asked, &location().search().unwrap_or_default());
        match (place, around) {
            (_, Some(around)) => (around.begin)(root.clone(), prefs),
            (Place::Present(_, present) | Place::Speaker(_, present), None) => (present.look_after)(prefs),
            _ => {}
        }
        let old: Vec<Element> = children_of(&host);
        let focus = focused_path(&host);
        let text = around.map(|around| (around.text)(&host));
        hold_still();
        app::app(root, prefs, place, &path).mount(&host);
        if let (Some(around), Some(text)) = (around, text) {
            (around.take_over)(&host, &text);
        }
        for e in old {
            e.remove();
        }
        if let (Some((interview, meta, minutes)), Some(place)) =
            (interview, document().get_element_by_id(INTERVIEW_PLACE))
        {
            (interview.begin)(&place, meta, &minutes);
        }
        _ = host.remove_attribute("data-static");
        restore_focus(&host, focus);
    });
    if let Some(around) = around {
        (around.arrive)(&location().hash().unwrap_or_default());
    }
    Ok(())
}

/// The question, if its address may ask for one of the experiments: they have an address as presets have, and a link
/// says if its run began as one.
fn experiment_asked(place: Place) -> Option<&'static Entry> {
    let (Place::Question(entry, _) | Place::Embed(entry) | Place::Present(entry, _)) = place else { return None };
    if location().hash().unwrap_or_default().starts_with("#r=") {
        return Some(entry);
    }
    let id = asked_for("preset")?;
    entry.meta.preset(&id).is_none().then_some(entry)
}

/// What the address asks for, with what it is made of.
async fn place(asked: Asked<'_>) -> Result<Place, SplitLoaderError> {
    // Each await is a state with code of its own, so what several pages need is awaited in one place.
    let entry = match asked.slug() {
        Some(slug) => entries::load(slug).await.transpose()?,
        None => None,
    };
    Ok(match (asked, entry) {
        (Asked::Embed(_), Some(entry)) => Place::Embed(entry),
        (Asked::Question(_) | Asked::Candidate(_), Some(entry)) => {
            let site = site().await?;
            match asked {
                Asked::Candidate(_) => Place::Candidate(entry, site),
                _ => Place::Question(entry, site),
            }
        }
        (Asked::Present(_) | Asked::Speaker(_), Some(entry)) => {
            let present = present().await?;
            match asked {
                Asked::Speaker(_) => Place::Speaker(entry, present),
                _ => Place::Present(entry, present),
            }
        }
        (Asked::Settings, _) => Place::Settings(settings().await?),
        _ => {
            let lists = lists().await?;
            match asked {
                Asked::Library => Place::Library(lists),
                Asked::Accuracy => Place::Accuracy(lists),
                _ => Place::NotFound(lists),
            }
        }
    })
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

/// Nothing moves on screen when the page is taken over, but nodes go and come: a browser that follows one of them with
/// its scroll position would leave the reader's place.
fn hold_still() {
    const ANCHOR: &str = "overflow-anchor";
    let Some(html) = document().document_element().and_then(|e| e.dyn_into::<HtmlElement>().ok()) else { return };
    _ = html.style().set_property(ANCHOR, "none");
    after(200, move || _ = html.style().remove_property(ANCHOR));
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
