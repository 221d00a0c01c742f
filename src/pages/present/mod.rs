//! A talk: a question presented to others, in two windows.
//!
//! The audience's window is shared on a screen: the stage, large, and one step of the talk beside it; no answer
//! before it is asked for. The speaker's window shows everything else: notes, answers, a rubric, the clock. It is kept
//! in step over a `BroadcastChannel` whose name holds the talk's session. The audience's window decides: the speaker's
//! asks ([`wire`]) and shows what the other says. Both hold the same run, since a run is a value.
//!
//! What a question has to say is read from its own page when a talk begins, so it is written once and nothing of it
//! is in the audience's page before it is shown.

// Natively only the first step is drawn; what the browser calls is dead code there.
#![cfg_attr(not(feature = "csr"), allow(dead_code, unused_imports))]

mod audience;
mod speaker;
mod talk;
mod wire;

#[cfg(feature = "csr")]
mod material;

use crate::app::{Root, use_root};
use crate::entries::Entry;
use crate::stage::Hall;
use crate::ui::el::{Piece, Tag, el, live, part};
use crate::ui::markup::Markup;
use crate::ui::{Kept, NodeRef, Signal, after, batch, window};
use std::rc::Rc;
use talk::{Material, Step, Talk};
use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;
use web_sys::{Element, KeyboardEvent};
use wire::{Command, Message};

/// The doors of this part.
pub struct Present {
    pub audience: fn(&'static Entry) -> Piece,
    pub speaker: fn(&'static Entry) -> Piece,
    #[cfg(feature = "csr")]
    pub look_after: fn(crate::prefs::Prefs),
}

pub static PRESENT: Present = Present {
    audience: audience::page,
    speaker: speaker::page,
    #[cfg(feature = "csr")]
    look_after: crate::pages::site::look_after,
};

/// The talk's part of the program.
#[cfg(feature = "csr")]
#[wasm_split_helpers::wasm_split(present, fallible)]
pub fn present() -> Result<&'static Present, wasm_split_helpers::SplitLoaderError> {
    Ok(&PRESENT)
}

/// What a window without the other says.
const NO_CHANNEL: &str = "This browser cannot keep two windows in step: it has no BroadcastChannel. The talk goes on \
                          in this window alone, and the summary at its end is complete.";

/// How far two playing windows may be apart, in seconds of the reader's time.
const SLACK_S: f64 = 0.4;

/// One window of a talk.
#[derive(Clone, Copy)]
struct Desk {
    hall: Hall,
    entry: &'static Entry,
    root: Kept<Root>,
    talk: Signal<Talk>,
    material: Signal<Rc<Material>>,
    /// Why there is no material.
    missing: Signal<String>,
    /// A sentence about the other window.
    notice: Signal<String>,
    /// Milliseconds since 1970, twice a second.
    now: Signal<u64>,
    channel: Kept<Option<web_sys::BroadcastChannel>>,
    /// What cannot be copied by itself, and the dialog for it.
    by_hand: Signal<String>,
    dialog: NodeRef<web_sys::HtmlDialogElement>,
}

impl Desk {
    fn new(entry: &'static Entry, talk: Talk) -> Desk {
        let mut material = Material { title: entry.meta.title.to_owned(), ..Material::default() };
        material.prompt = prompt(entry.meta.slug);
        Desk {
            hall: Hall::new(entry),
            entry,
            root: Kept::new(use_root()),
            now: Signal::new(talk.entered_ms),
            talk: Signal::new(talk),
            material: Signal::new(Rc::new(material)),
            missing: Signal::new(String::new()),
            notice: Signal::new(String::new()),
            channel: Kept::new(None),
            by_hand: Signal::new(String::new()),
            dialog: NodeRef::new(),
        }
    }

    fn steps(self) -> Vec<Step> {
        self.material.with(|m| m.steps())
    }

    /// The present step. Follows it.
    fn step(self) -> Step {
        let at = self.talk.with(|t| t.at);
        self.steps().get(at).copied().unwrap_or(Step::Question)
    }

    /// Whether the question has been read. Before, a talk that goes on after a reload shows no step. Follows that.
    fn is_read(self) -> bool {
        self.material.with(|m| !m.tries.is_empty())
    }

    fn step_untracked(self) -> Step {
        let at = self.talk.with_untracked(|t| t.at);
        self.material.with_untracked(|m| m.steps()).get(at).copied().unwrap_or(Step::Question)
    }

    /// `3 of 9`, once the steps are known.
    fn progress(self) -> String {
        if !self.is_read() {
            return String::new();
        }
        format!("{} of {}", self.talk.with(|t| t.at) + 1, self.steps().len())
    }

    fn send(self, message: &Message) {
        self.channel.with(|c| {
            if let Some(channel) = c {
                _ = channel.post_message(&message.to_text().into());
            }
        });
    }

    /// Whole addresses, for other windows and other people.
    fn address(self, path: &str) -> String {
        let path = self.root.with(|r| r.link(path));
        let location = window().location();
        web_sys::Url::new_with_base(&path, &location.href().unwrap_or_default()).map_or(path, |url| url.href())
    }

    fn slug(self) -> &'static str {
        self.entry.meta.slug
    }

    /// The address of this moment for somebody who is to see no answer.
    fn candidate_address(self) -> String {
        self.address(&format!("candidate/{}/", self.slug())) + &self.hall.bare_link()
    }

    fn summary(self) -> String {
        let link = self.address(&format!("q/{}/", self.slug())) + &self.hall.link();
        self.talk.with_untracked(|t| self.material.with_untracked(|m| m.summary(t, now_ms(), &link)))
    }

    /// Copies a text, or shows it where the clipboard is closed.
    fn copy(self, text: String, done: &'static str) {
        wasm_bindgen_futures::spawn_local(async move {
            let navigator = window().navigator();
            let open = js_sys::Reflect::get(&navigator, &"clipboard".into()).is_ok_and(|c| c.is_object());
            let copied =
                open && wasm_bindgen_futures::JsFuture::from(navigator.clipboard().write_text(&text)).await.is_ok();
            if copied {
                self.notice.set(done.to_owned());
                return;
            }
            self.by_hand.set(text);
            if let Some(dialog) = self.dialog.get_untracked() {
                _ = dialog.show_modal();
            }
        });
    }

    fn copy_dialog(self) -> Tag {
        let close = move || {
            if let Some(d) = self.dialog.get_untracked() {
                d.close();
            }
        };
        let area = el("textarea")
            .attrs(&[("class", "field wide"), ("rows", "14"), ("readonly", ""), ("aria-label", "Text to copy")])
            .value(move || self.by_hand.get());
        el("dialog")
            .attrs(&[("class", "stage-dialog"), ("aria-label", "Copy by hand")])
            .node_ref(self.dialog)
            .kid(el("p").kid("This page may not use the clipboard. Copy the text by hand:"))
            .kid(area)
            .kid(el("p").kid(button("Close").click(close)))
    }

    /// What the other window, the clipboard or the network has come to.
    fn notices(self) -> Tag {
        el("p").attrs(&[("class", "talk-notice"), ("role", "status")]).kid(live(move || self.notice.get()))
    }

    /// Keeps the clock going.
    fn tick(self, each: impl Fn() + Clone + 'static) {
        after(500, move || {
            self.now.set(now_ms());
            each();
            self.tick(each);
        });
    }

    /// Reads what the question has to say. `then` is called when all of it is there.
    #[cfg(feature = "csr")]
    fn read(self, then: impl FnOnce() + 'static) {
        self.missing.set(String::new());
        wasm_bindgen_futures::spawn_local(async move {
            let url = self.root.with(|r| r.question(self.slug()));
            let tries = (self.entry.tries)().await.map_err(|_| "a part of it could not be downloaded".to_owned());
            let read = material::read(&url, self.entry).await;
            batch(|| match (tries, read) {
                (Ok(tries), Ok(material)) => {
                    self.hall.know(tries.0);
                    self.material.set(Rc::new(material));
                    then();
                }
                (Err(why), _) | (_, Err(why)) => self.missing.set(format!(
                    "The experiments and follow-ups could not be read: {why}. The simulation works without them."
                )),
            });
        });
    }

    /// Opens the channel and hands what arrives to `hear`. `false` where there is none.
    #[cfg(feature = "csr")]
    fn connect(self, hear: impl Fn(Message) + 'static) -> bool {
        let name = self.talk.with_untracked(|t| format!("breakable-talk-{}", t.session));
        let Ok(channel) = web_sys::BroadcastChannel::new(&name) else { return false };
        let heard = Closure::<dyn Fn(web_sys::MessageEvent)>::new(move |ev: web_sys::MessageEvent| {
            if let Some(message) = ev.data().as_string().and_then(|text| Message::parse(&text)) {
                batch(|| hear(message));
            }
        });
        channel.set_onmessage(Some(heard.as_ref().unchecked_ref()));
        // Lives as long as the window.
        heard.forget();
        self.channel.set(Some(channel));
        true
    }
}

/// Listens to keys before everybody else: a remote steps through the talk wherever the focus is. `press` gets the key,
/// whether the focus is on a control that has arrows of its own, and whether on one that Enter presses.
fn listen(press: impl Fn(&str, bool, bool) -> bool + 'static) {
    if !cfg!(feature = "csr") {
        return;
    }
    let closure = Closure::<dyn Fn(KeyboardEvent)>::new(move |ev: KeyboardEvent| {
        if ev.ctrl_key() || ev.alt_key() || ev.meta_key() {
            return;
        }
        let target = ev.target().and_then(|t| t.dyn_into::<Element>().ok());
        let inside = |selector: &str| target.as_ref().is_some_and(|t| t.closest(selector).ok().flatten().is_some());
        if inside("dialog[open], textarea, input:not([type=range]):not([type=radio]):not([type=checkbox])") {
            return;
        }
        let own = inside("[role=slider], select, input, [role=tab]");
        if batch(|| press(&ev.key(), own, inside("button, a, summary"))) {
            ev.prevent_default();
            ev.stop_propagation();
        }
    });
    _ = window().add_event_listener_with_callback_and_bool("keydown", closure.as_ref().unchecked_ref(), true);
    // Lives as long as the window.
    closure.forget();
}

/// What a key of a remote asks for. `own`: the focus is on a control that has arrows of its own.
fn remote(desk: Desk, key: &str, own: bool) -> Option<Command> {
    let (at, blank) = desk.talk.with_untracked(|t| (t.at, t.blank));
    let last = desk.material.with_untracked(|m| m.steps().len()) - 1;
    let (next, before) = (Command::Go((at + 1).min(last)), Command::Go(at.saturating_sub(1)));
    Some(match key {
        "PageDown" => next,
        "PageUp" => before,
        "ArrowRight" | "ArrowDown" if !own => next,
        "ArrowLeft" | "ArrowUp" if !own => before,
        "Home" if !own => Command::Go(0),
        "End" if !own => Command::Go(last),
        "." => Command::Blank(!blank),
        "Escape" if blank => Command::Blank(false),
        _ => return None,
    })
}

/// What is asked, as markup.
#[cfg(not(feature = "csr"))]
fn prompt(slug: &str) -> Markup {
    crate::pages::article::question_markup(slug)
}

/// The page brings it.
#[cfg(feature = "csr")]
fn prompt(_slug: &str) -> Markup {
    let place = crate::ui::document().query_selector(".talk-prompt").ok().flatten();
    place.map(|p| Markup::inside(&p)).unwrap_or_default()
}

fn button(words: impl Into<Piece>) -> Tag {
    el("button").attrs(&[("type", "button"), ("class", "button needs-app")]).kid(words)
}

/// Markup that follows signals: a text of the site's own pages.
fn markup(class: &'static str, html: impl Fn() -> Markup + 'static) -> Piece {
    part(move || el("div").class(class).html(html()))
}

#[cfg(feature = "csr")]
fn now_ms() -> u64 {
    js_sys::Date::now() as u64
}

#[cfg(not(feature = "csr"))]
fn now_ms() -> u64 {
    0
}

/// The storage of this tab, whose every failure is the same as an empty one.
#[cfg(feature = "csr")]
mod kept {
    fn storage() -> Option<web_sys::Storage> {
        // Within somebody's page nothing is kept.
        if crate::ui::is_framed() { None } else { crate::ui::window().session_storage().ok().flatten() }
    }

    pub fn read(key: &str) -> Option<String> {
        storage()?.get_item(key).ok().flatten()
    }

    pub fn write(key: &str, text: &str) {
        if let Some(storage) = storage() {
            _ = storage.set_item(key, text);
        }
    }

    pub fn forget(key: &str) {
        if let Some(storage) = storage() {
            _ = storage.remove_item(key);
        }
    }
}

/// The choices of an experiment with what was guessed and raised for each. While they are `open`, picking one is the
/// guess.
fn choices(desk: Desk, i: usize, open: bool, pick: impl Fn(Command) + Copy + 'static) -> Piece {
    part(move || {
        let texts = desk.material.with(|m| m.tries.get(i).map_or(Vec::new(), |t| t.choices.clone()));
        let id = desk.material.with(|m| m.tries.get(i).map_or(String::new(), |t| t.id.clone()));
        let rows = crate::ui::el::each(texts.into_iter().enumerate(), |(c, label)| {
            let picked = move || desk.talk.with(|t| t.heard(i).choice() == Some(c));
            let id = id.clone();
            let right = move || {
                desk.step() == Step::Happened(i) && desk.hall.measured(&id).is_some_and(|(_, right)| right == Some(c))
            };
            let hands_label = format!("Hands for {label}");
            let hands = el("input")
                .attrs(&[("class", "field talk-hands"), ("type", "number"), ("min", "0"), ("max", "9999")])
                .attrs(&[("placeholder", "hands"), ("inputmode", "numeric")])
                .attr("aria-label", hands_label)
                .value(move || {
                    let n = desk.talk.with(|t| t.heard(i).hands.get(c).copied().unwrap_or(0));
                    if n == 0 { String::new() } else { n.to_string() }
                })
                .change(move |text| pick(Command::Hands(i, c, text.trim().parse().unwrap_or(0))));
            let words: Piece = [
                el("kbd").attr("aria-hidden", "true").kid((c + 1).to_string()),
                el("span").kid(label),
                el("span").class("mark").kid(live({
                    let right = right.clone();
                    move || if right() { "✓ measured" } else { "" }.to_owned()
                })),
            ]
            .into();
            let choice = el(if open { "button" } else { "div" })
                .class("talk-choice")
                .toggle("picked", picked)
                .toggle("right", right)
                .kid(words);
            if !open {
                let n = desk.talk.with(|t| t.heard(i).hands.get(c).copied().unwrap_or(0));
                let raised = (n > 0).then(|| el("span").class("talk-raised").kid(format!("{n} hands")));
                return el("li").kid(choice).kid(raised);
            }
            let choice = choice
                .attr("type", "button")
                .live("aria-pressed", move || picked().to_string())
                .click(move || pick(Command::Guess(i, c)));
            el("li").kid(choice).kid(hands)
        });
        el("ol").attrs(&[("class", "talk-choices"), ("aria-label", "Choices")]).kid(rows)
    })
}

/// The result of an experiment in words: what was guessed and what the run says. Follows the run.
fn verdict(desk: Desk, i: usize) -> String {
    let (id, texts) =
        desk.material.with(|m| m.tries.get(i).map_or_else(Default::default, |t| (t.id.clone(), t.choices.clone())));
    let label = |c: usize| texts.get(c).cloned().unwrap_or_default();
    let Some((value, right)) = desk.hall.measured(&id) else { return "The run is not at its end yet.".into() };
    let said = right.map_or(value, label);
    match desk.talk.with(|t| t.heard(i).choice()) {
        Some(guess) if Some(guess) == right => format!("You said {}, and the run agrees.", label(guess)),
        Some(guess) => format!("You said {}. The run says {said}.", label(guess)),
        None => format!("The run says {said}."),
    }
}
