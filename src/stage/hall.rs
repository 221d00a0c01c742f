//! The stage of a talk: for the audience the picture and little else, for the speaker everything.
//!
//! Both are made of the parts of the ordinary stage. They belong to the part of the program that is downloaded for a
//! talk, so that no other page carries them.

use super::player::{Player, Reflection, Side};
use super::{Handle, LENT, bar, columns, more, notes, numbers, picture, provide};
use crate::content::TryMeta;
use crate::entries::Entry;
use crate::ui::el::{Tag, each, el, live, part};
use crate::ui::{NodeRef, effect};
use sim::kernel::Us;
use sim::script;
use web_sys::HtmlElement;

/// The player of a talk's window, in the words of a talk.
#[derive(Clone, Copy)]
pub struct Hall(Handle);

impl Hall {
    pub fn new(entry: &'static Entry) -> Hall {
        Hall(provide(entry))
    }

    pub fn reflection(self) -> Reflection {
        self.0.with(Player::reflection)
    }

    /// The fragment of a link to this moment.
    pub fn link(self) -> String {
        self.0.with(Player::link)
    }

    /// The same for somebody who is to see no answer.
    pub fn bare_link(self) -> String {
        self.0.with(Player::bare_link)
    }

    pub fn now_us(self) -> u64 {
        self.0.with(|p| p.now().0)
    }

    pub fn playing(self) -> bool {
        self.0.with(|p| p.playing)
    }

    /// Runs again when something other than time changes, and after each seek.
    pub fn watch(self, f: impl Fn() + 'static) {
        let h = self.0;
        let mut seeking = false;
        effect(move || {
            h.shape.track();
            h.tick.track();
            let asked = h.seek_to.get().is_some();
            // Time that merely passes is no news.
            let shape = h.shape.get();
            let seeked = seeking && !asked;
            seeking = asked;
            if seeked || LAST.replace(shape) != shape {
                f();
            }
        });
    }

    /// Shows what the other window shows. Who watches this one is not told: it is no news, and told back it would
    /// undo what the other does next.
    pub fn follow(self, other: &Reflection, slack_s: f64) {
        self.0.change(|p| p.follow(other, slack_s));
        LAST.set(self.0.shape.get_untracked());
    }

    /// Does what the other window did. Returns the acts that are new: when, and what in words.
    pub fn take(self, other: &Reflection, slack_s: f64) -> Vec<(u64, String)> {
        self.0.change(|p| {
            let new = p.take(other, slack_s);
            p.hidden.extend(new.iter().map(|i| i.at));
            new.iter().map(|i| (i.at.0, script::tell_input(p.question, i))).collect()
        })
    }

    pub fn know(self, tries: &'static [TryMeta]) {
        self.0.change(|p| p.tries = tries);
    }

    /// The first preset from its beginning.
    pub fn open(self) {
        self.0.change(|p| {
            p.hidden.clear();
            p.load_preset(0);
        });
    }

    /// The experiment at its beginning, standing.
    pub fn prepare(self, id: &str, guess: Option<usize>) {
        self.0.change(|p| {
            if let Some(t) = p.experiment(id) {
                p.hidden.clear();
                p.load_experiment(t, guess);
                p.playing = false;
            }
        });
    }

    /// Runs the experiment, on from where it is if it is on stage already.
    pub fn run(self, id: &str, guess: Option<usize>) {
        let on_stage = self.0.with(|p| p.trial.is_some_and(|t| t.experiment.id == id && t.measured.is_none()));
        if !on_stage {
            self.prepare(id, guess);
        }
        self.0.change(|p| {
            if let Some(t) = &mut p.trial {
                t.guess = guess;
            }
            p.playing = true;
        });
    }

    /// Brings the experiment to its end, where it is measured.
    pub fn finish(self, id: &str, guess: Option<usize>) {
        let measured = self.0.with(|p| p.trial.is_some_and(|t| t.experiment.id == id && t.measured.is_some()));
        if measured {
            return;
        }
        self.run(id, guess);
        self.0.change(|p| {
            p.playing = false;
            if let Some(t) = p.trial {
                p.seek(Us(t.experiment.until_us));
            }
        });
    }

    /// What the experiment on stage has measured: the number as people read it and the choice that it makes right.
    /// Follows the run.
    pub fn measured(self, id: &str) -> Option<(String, Option<usize>)> {
        let measured = self.0.live(|p| p.trial.filter(|t| t.experiment.id == id)?.measured.map(|m| (p.trial, m)));
        let (trial, value) = measured?;
        Some(match value {
            Some(v) => (super::tries::shown(v), trial.and_then(|t| t.experiment.right_choice(v))),
            None => ("nothing: something in the run was changed".to_owned(), None),
        })
    }

    /// The acts of the run: when, and what in words. Follows them.
    pub fn acts(self) -> Vec<(u64, String)> {
        let h = self.0;
        h.shape(|p| p.inputs().iter().map(|i| (i.at.0, script::tell_input(p.question, i))).collect())
    }

    pub fn say(self, text: impl Into<String>) {
        self.0.say(text);
    }

    /// Every fault with its key, for the list of keys.
    pub fn faults(self) -> Vec<(String, &'static str)> {
        let acts = self.0.with(|p| p.question.acts).iter().filter(|a| a.fault);
        acts.map(|a| (a.hotkey.to_ascii_uppercase().to_string(), a.label)).collect()
    }

    /// What the audience sees. While `numbers` says no, their place is kept and empty.
    pub fn for_audience(self, numbers: impl Fn() -> bool + Copy + 'static) -> Tag {
        let h = self.0;
        let root = NodeRef::<HtmlElement>::new();
        #[cfg(feature = "csr")]
        {
            super::share::read_address(h, super::StageMode::Page);
            super::keys::listen(h, root);
        }
        let all = h.with(|p| p.question.numbers).iter().enumerate().filter(|(_, n)| n.main);
        let tiles = each(all.take(6), move |(i, n)| {
            let value =
                move |side| live(move || if numbers() { numbers::value(h, i, n, side) } else { "?".to_owned() });
            let second = part(move || {
                h.shape(Player::two_sided).then(|| el("dd").kid(el("em").kid("B")).kid(" ").kid(value(Side::B)))
            });
            let first = el("dd")
                .kid(part(move || h.shape(Player::two_sided).then(|| el("em").kid("A"))))
                .kid(" ")
                .kid(value(Side::A));
            el("div").class("hall-num").kid(el("dt").kid(n.label)).kid(first).kid(second)
        });
        base(h, root)
            .class("stage hall")
            .kid(notes(h))
            .kid(picture::view(h))
            .kid(
                el("dl")
                    .class("hall-numbers")
                    .flag("data-hidden", move || !numbers())
                    .attr("aria-label", "Numbers")
                    .kid(tiles),
            )
            .kid(bar::transport(h))
            .kid(bar::faults(h))
    }

    /// What the speaker sees: all of it.
    pub fn for_speaker(self) -> Tag {
        let h = self.0;
        let root = NodeRef::<HtmlElement>::new();
        #[cfg(feature = "csr")]
        super::keys::listen(h, root);
        base(h, root)
            .class("stage desk")
            .kid(picture::view(h))
            .kid(bar::transport(h))
            .kid(bar::faults(h))
            .kid(el("div").class("stage-cols").kid(columns(h, &LENT)))
    }
}

thread_local! {
    /// The shape that the watcher saw last: a window has one hall.
    static LAST: std::cell::Cell<u32> = const { std::cell::Cell::new(u32::MAX) };
}

/// What is on every stage and cannot be seen.
fn base(h: Handle, root: NodeRef<HtmlElement>) -> Tag {
    let said = el("p").attrs(&[("class", "visually-hidden"), ("aria-live", "polite"), ("role", "status")]);
    let digest = el("output").attrs(&[("hidden", ""), ("data-testid", "digest")]);
    el("div")
        .attr("data-slug", h.meta.slug)
        .node_ref(root)
        .kid(said.kid(live(move || h.said.get())))
        .kid(digest.kid(live(move || h.live(Player::digest))))
        .kid(part(move || h.more.get().map(|later| (later.more.dialogs)(h))))
        .on("pointerenter", move |_| more::with(h, |_| ()))
        .on("focusin", move |_| more::with(h, |_| ()))
}
