//! Export and import: a file or a text, out and in.

use super::button;
use super::exchange::{self, BYTES_MAX, Json, Site};
use crate::content::{CARDS, Listed};
use crate::prefs::Prefs;
use crate::records;
use crate::ui::el::{Piece, each, el, live, part};
use crate::ui::{NodeRef, Signal, batch, document, window};
use js_sys::{Array, JSON, Object};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::{JsFuture, spawn_local};
use web_sys::{Blob, BlobPropertyBag, HtmlAnchorElement, HtmlInputElement, HtmlTextAreaElement, Url};

/// What the file is called that the browser saves.
const FILE: &str = "breakable.json";
/// Beyond this, the reader is told how many sentences there are more.
const SENTENCES_MAX: usize = 12;

struct Questions;

impl Questions {
    fn card(slug: &str) -> Option<&'static Listed> {
        CARDS.iter().copied().find(|card| card.slug == slug)
    }
}

impl Site for Questions {
    fn has(&self, slug: &str) -> bool {
        Questions::card(slug).is_some()
    }

    fn has_experiment(&self, slug: &str, id: &str) -> bool {
        Questions::card(slug).is_some_and(|card| card.experiments.contains(&id))
    }
}

pub fn view(prefs: Prefs) -> Piece {
    [out(prefs), back(prefs)].into()
}

fn exported(prefs: Prefs) -> String {
    let now = js_sys::Date::new_0().to_iso_string();
    exchange::export(&prefs.text(), &String::from(now))
}

fn out(prefs: Prefs) -> Piece {
    let said = Signal::new("");
    // Shown where the clipboard is closed.
    let by_hand = Signal::new(None::<String>);
    let field = NodeRef::<HtmlTextAreaElement>::new();
    let save = move || match save_file(&exported(prefs)) {
        Ok(()) => said.set("Saved as breakable.json, where your browser puts its downloads."),
        Err(_) => said.set("The browser does not save files from this page. Copy it as text instead."),
    };
    let copy = move || {
        let text = exported(prefs);
        spawn_local(async move {
            let navigator = window().navigator();
            // Absent outside secure contexts.
            let there = js_sys::Reflect::get(&navigator, &"clipboard".into()).is_ok_and(|c| c.is_object());
            let copied = there && JsFuture::from(navigator.clipboard().write_text(&text)).await.is_ok();
            batch(|| {
                said.set(if copied {
                    "Copied."
                } else {
                    "The browser keeps the clipboard closed. Here is the text to copy."
                });
                by_hand.set((!copied).then_some(text));
                if !copied && let Some(field) = field.get_untracked() {
                    _ = field.focus();
                    field.select();
                }
            });
        });
    };
    let text = part(move || {
        by_hand.get().map(|text| {
            el("textarea")
                .attrs(&[
                    ("class", "field"),
                    ("rows", "6"),
                    ("readonly", ""),
                    ("aria-label", "Your settings and progress as text"),
                ])
                .node_ref(field)
                .kid(text)
        })
    });
    [
        Piece::from(el("p").kid(
            "One small file holds your settings, your progress and your notes. Read it in another browser, or keep it \
             in case this one is emptied.",
        )),
        el("div")
            .class("setting-buttons")
            .kid(button("Save as a file").click(save))
            .kid(button("Copy as text").click(copy))
            .into(),
        el("p").attr("role", "status").kid(live(move || said.get().to_owned())).into(),
        text,
    ]
    .into()
}

fn save_file(text: &str) -> Result<(), JsValue> {
    let kind = BlobPropertyBag::new();
    kind.set_type("application/json");
    let blob = Blob::new_with_str_sequence_and_options(&Array::of1(&text.into()), &kind)?;
    let url = Url::create_object_url_with_blob(&blob)?;
    let link: HtmlAnchorElement = document().create_element("a")?.unchecked_into();
    link.set_href(&url);
    link.set_download(FILE);
    link.click();
    // The browser has taken what it needs of it when the download has begun, which is not at once.
    crate::ui::after(10_000, move || _ = Url::revoke_object_url(&url));
    Ok(())
}

/// What an import came to.
#[derive(Clone, Default)]
struct Outcome {
    said: Vec<String>,
    ignored: Vec<String>,
    /// What was here before, if anything has changed.
    before: Option<String>,
}

fn back(prefs: Prefs) -> Piece {
    let replace = Signal::new(false);
    let outcome = Signal::new(Outcome::default());
    let pasted = NodeRef::<HtmlTextAreaElement>::new();
    let modes = each([(false, "Add to what is here"), (true, "Replace what is here")], move |(value, words)| {
        let choice = el("input")
            .attrs(&[("type", "radio"), ("name", "import-mode")])
            .checked(move || replace.get() == value)
            .on("change", move |_| replace.set(value));
        el("label").kid(choice).kid(el("span").kid(words))
    });
    let mode = el("fieldset")
        .class("setting")
        .kid(el("legend").kid("Bring it back"))
        .kid(el("p").kid("Adding keeps the later of two; what is done on either side stays done."))
        .kid(el("div").class("segmented").kid(modes));
    let take = move |text: &str| outcome.set(taken(prefs, text, replace.get_untracked()));
    let file = el("input")
        .attrs(&[("type", "file"), ("accept", ".json,.txt,application/json,text/plain"), ("class", "field")])
        .on("change", move |ev| read_file(ev, outcome, take));
    let text = el("textarea").attrs(&[("class", "field"), ("rows", "4"), ("spellcheck", "false")]).node_ref(pasted);
    let import = button("Import this text").click(move || {
        if let Some(field) = pasted.get_untracked() {
            take(&field.value());
        }
    });
    [
        Piece::from(mode),
        el("label").class("labelled").kid(el("span").kid("A saved file")).kid(file).into(),
        el("label").class("labelled").kid(el("span").kid("Or its text")).kid(text).into(),
        el("div").class("setting-buttons").kid(import).into(),
        el("div").attr("role", "status").kid(part(move || told(prefs, outcome))).into(),
    ]
    .into()
}

/// Reads the file that was chosen, if it is small enough to be an export.
fn read_file(ev: web_sys::Event, outcome: Signal<Outcome>, take: impl Fn(&str) + Copy + 'static) {
    let Some(field) = ev.target().and_then(|t| t.dyn_into::<HtmlInputElement>().ok()) else { return };
    let Some(file) = field.files().and_then(|files| files.get(0)) else { return };
    if file.size() > BYTES_MAX as f64 {
        outcome.set(refused(&format!("{} is {} large.", file.name(), megabytes(file.size() as usize))));
        return;
    }
    spawn_local(async move {
        let text = JsFuture::from(file.text()).await;
        batch(|| match text {
            Ok(text) => take(&text.as_string().unwrap_or_default()),
            Err(_) => outcome.set(Outcome {
                said: vec![format!("{} could not be read: the browser says no. Nothing was changed.", file.name())],
                ..Outcome::default()
            }),
        });
        // The same file, mended, is a new choice.
        field.set_value("");
    });
}

fn refused(what: &str) -> Outcome {
    let most = megabytes(BYTES_MAX);
    let said = format!("{what} An export of this site is far below {most}, so it was not read. Nothing was changed.");
    Outcome { said: vec![said], ..Outcome::default() }
}

fn megabytes(bytes: usize) -> String {
    format!("{} MB", sim::decimal::fixed(bytes as f64 / 1e6, 1))
}

/// Takes an export into what is here, and says what that did.
fn taken(prefs: Prefs, text: &str, replace: bool) -> Outcome {
    let nothing = |why: &str| Outcome { said: vec![format!("{why} Nothing was changed.")], ..Outcome::default() };
    if text.len() > BYTES_MAX {
        return refused(&format!("The text is {} large.", megabytes(text.len())));
    }
    if text.trim().is_empty() {
        return nothing("There is no text to import.");
    }
    let Ok(parsed) = JSON::parse(text.trim()) else {
        return nothing("That is not JSON: expected a whole file that this page has saved.");
    };
    let now = (js_sys::Date::now() / 1000.0) as u64;
    let imported = match exchange::import(&json(&parsed, 0), &Questions, now) {
        Ok(imported) => imported,
        Err(why) => return nothing(&why),
    };
    let before = prefs.text();
    prefs.change(&|here| {
        if replace {
            // What a later version may keep besides is none of this file's business.
            records::merged(&imported.text, &records::without(here, &exchange::is_exported))
        } else {
            records::merged(here, &imported.text)
        }
    });
    let after = prefs.text();
    let said = exchange::said(&before, &imported.text, &after);
    Outcome { said, ignored: imported.ignored, before: (before != after).then_some(before) }
}

/// Deeper than an export goes, nothing is looked at.
const DEPTH_MAX: u32 = 6;

fn json(value: &JsValue, depth: u32) -> Json {
    if let Some(n) = value.as_f64() {
        return Json::Number(n);
    }
    if let Some(text) = value.as_string() {
        return Json::Text(text);
    }
    if !value.is_object() || Array::is_array(value) || depth > DEPTH_MAX {
        return Json::Other;
    }
    let entries = Object::entries(value.unchecked_ref());
    let entries = entries.iter().filter_map(|entry| {
        let entry: Array = entry.dyn_into().ok()?;
        Some((entry.get(0).as_string()?, json(&entry.get(1), depth + 1)))
    });
    Json::Map(entries.collect())
}

fn told(prefs: Prefs, outcome: Signal<Outcome>) -> Piece {
    let Outcome { said, ignored, before } = outcome.get();
    if said.is_empty() {
        return Piece::List(Vec::new());
    }
    let left_out = (!ignored.is_empty()).then(|| {
        let more = (ignored.len() > SENTENCES_MAX)
            .then(|| el("li").kid(format!("And {} more.", ignored.len() - SENTENCES_MAX)));
        el("div")
            .kid(el("p").kid("Left out:"))
            .kid(el("ul").kid(each(ignored.into_iter().take(SENTENCES_MAX), |why| el("li").kid(why))).kid(more))
    });
    let undo = before.map(|before| {
        button("Undo the import").click(move || {
            prefs.change(&|_| before.clone());
            outcome.set(Outcome {
                said: vec!["Undone. All is as it was before the import.".to_owned()],
                ..Outcome::default()
            });
        })
    });
    el("div").class("notice").kid(each(said, |sentence| el("p").kid(sentence))).kid(left_out).kid(undo).into()
}
