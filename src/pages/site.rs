//! What the site's own pages have around the stage: the header, the text, the way to the search, what is kept on the
//! device. An embed has none of it and does not download it; the pages of a question share one part of the program with
//! it, and the other pages have it in theirs.

use super::{article, candidate, focus_quietly, header, is_typing, question};
use crate::app::Root;
use crate::content::ArticleMeta;
use crate::entries::Entry;
use crate::keeping::care;
use crate::pages::interview::{Interview, interview};
use crate::prefs::{KEY, Prefs};
use crate::ui::{Kept, asked, batch, document, effect, location, on_window};
use std::pin::Pin;
use web_sys::Element;

/// The door of that part.
pub struct Site {
    pub around: &'static Around,
    pub question: fn(&'static Entry) -> crate::ui::el::Piece,
    pub candidate: fn(&'static Entry) -> crate::ui::el::Piece,
    /// The interview that the address of a question's page asks for.
    pub interview: fn(&'static Entry) -> Asking,
}

/// An interview on its way.
pub type Asking = Pin<Box<dyn Future<Output = Option<Asked>>>>;

/// An interview that was asked for, with its minutes.
pub type Asked = (&'static Interview, &'static ArticleMeta, String);

/// What a page needs besides what it shows.
pub struct Around {
    /// Before the page is built: the search's key, and what is kept.
    pub begin: fn(Root, Prefs),
    /// The prerendered text.
    pub text: fn(&Element) -> Vec<Element>,
    /// Moves that into the page that was built.
    pub take_over: fn(&Element, &[Element]),
    /// Once it stands: goes where the address points.
    pub arrive: fn(&str),
}

static SITE: Site = Site {
    around: &AROUND,
    question: |entry| [header::header(header::Above::Question), question::question(entry)].into(),
    candidate: candidate::candidate,
    interview: |entry| Box::pin(interview_asked(entry)),
};

pub static AROUND: Around = Around { begin, text: article::parts_in, take_over: article::take_over, arrive };

/// The part of the program of a question's pages.
#[wasm_split_helpers::wasm_split(site, fallible)]
pub fn site() -> Result<&'static Site, wasm_split_helpers::SplitLoaderError> {
    Ok(&SITE)
}

fn begin(root: Root, prefs: Prefs) {
    go_to_search_on_slash(root, prefs);
    look_after(prefs);
}

fn arrive(hash: &str) {
    if hash == "#search" {
        focus_search();
    } else {
        article::follow_address(hash);
    }
}

/// The interview that the address asks for, with its minutes. Without it there is nothing to hide the answers for.
async fn interview_asked(entry: &'static Entry) -> Option<Asked> {
    let minutes = asked("interview")?;
    let part = interview().await.ok().map(|part| (part, entry.meta, minutes));
    if part.is_none() {
        _ = document().document_element().map(|html| html.remove_attribute("data-interview"));
    }
    part
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
fn go_to_search_on_slash(root: Root, prefs: Prefs) {
    on_window("keydown", move |ev: web_sys::KeyboardEvent| {
        let plain =
            prefs.keys.get_untracked() && !(ev.ctrl_key() || ev.meta_key() || ev.alt_key() || ev.default_prevented());
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
            prefs.refresh(false);
        }
    });
    // And what another page writes while this one stands.
    on_window("storage", move |ev: web_sys::StorageEvent| {
        let key = ev.key();
        if key.is_none() || key.as_deref() == Some(KEY) {
            prefs.refresh(ev.new_value().is_none());
        }
    });
}

/// Reads what is kept. What has to be said about it, or mended, is said and mended by a part of the program of its own.
pub fn look_after(prefs: Prefs) {
    prefs.refresh(false);
    refresh_when_shown_again(prefs);
    let begun = Kept::new(false);
    effect(move || {
        if !prefs.needs_care() || begun.with(|begun| *begun) {
            return;
        }
        begun.set(true);
        wasm_bindgen_futures::spawn_local(async move {
            match care().await {
                Ok(care) => batch(|| (care.begin)(prefs)),
                // With the next change it is tried again.
                Err(_) => begun.set(false),
            }
        });
    });
}
