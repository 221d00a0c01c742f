//! The player that every question shares: transport, timeline, knobs, numbers, log, A|B, sharing.
//!
//! [`player`] holds the runs and knows nothing of the web. The components here show it and pass the
//! reader's wishes on. Two signals carry changes: `shape` when something other than time changed
//! (a knob, a preset, play or pause), `tick` about ten times a second while time passes. The
//! drawings do not go through signals: `frame` mutates them once per animation frame.

// Natively only the first picture is drawn; what the browser calls is dead code there.
#![cfg_attr(not(feature = "csr"), allow(dead_code))]

mod bar;
#[cfg(any(test, feature = "csr"))]
mod beat;
#[cfg(test)]
mod budgets;
mod chart;
#[cfg(feature = "csr")]
mod clip;
mod embedding;
#[cfg(feature = "csr")]
mod frame;
mod hall;
#[cfg(feature = "csr")]
mod host;
mod keys;
mod knobs;
mod more;
mod numbers;
mod panels;
mod picture;
mod player;
#[cfg(all(feature = "ssr", not(feature = "csr")))]
pub mod probe;
mod protocol;
mod report;
mod share;
#[cfg(feature = "csr")]
mod sharing;
mod sheet;
mod timeline;
mod tries;
mod words;

pub use hall::Hall;
use more::Later;
#[cfg(feature = "csr")]
pub use more::load_address;
#[cfg(not(feature = "csr"))]
pub use picture::poster;
pub use player::{Player, Reflection, Side};
#[cfg(feature = "csr")]
pub use tries::load_tries;
pub use tries::tries;

use crate::content::ArticleMeta;
use crate::entries::Entry;
#[cfg(feature = "csr")]
use crate::prefs::Prefs;
use crate::prefs::use_prefs;
use crate::ui::el::{Piece, Tag, each, el, live, part};
use crate::ui::{self, Kept, NodeRef, Signal};
#[cfg(feature = "csr")]
use beat::{Beat, Beats};
use sim::Number;
use sim::declare::Help;
use sim::kernel::Us;
use web_sys::HtmlElement;

/// Where the stage stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StageMode {
    /// Beside its article.
    Page,
    /// For somebody who is asked: as on the page, and nothing leads to the answers.
    Candidate,
    /// In a frame on somebody's page: compact, nothing remembered.
    Embed,
}

/// What the lower right of the stage shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Panel {
    Numbers,
    Log,
    Request,
    Words,
    Code,
}

/// The request that the reader has clicked, and about when it was there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Selected {
    pub side: Side,
    pub request: u32,
    pub near: Us,
}

/// The player and the signals around it: one for a question page, shared by stage and experiments.
#[derive(Clone, Copy)]
pub struct Handle {
    player: Kept<Player>,
    #[cfg(feature = "csr")]
    entry: &'static Entry,
    pub meta: &'static ArticleMeta,
    pub shape: Signal<u32>,
    pub tick: Signal<u32>,
    pub panel: Signal<Panel>,
    pub selected: Signal<Option<Selected>>,
    /// Whose knobs are shown.
    pub edited: Signal<Side>,
    /// Read out to screen readers.
    pub said: Signal<String>,
    /// Whether knobs and numbers are in sight; an embed begins without.
    pub unfolded: Signal<bool>,
    /// Where to seek in the next frame: dragging asks more often than frames come.
    pub seek_to: Signal<Option<Us>>,
    #[cfg(feature = "csr")]
    beats: Kept<Beats>,
    /// Whether single keys act.
    pub keys: Signal<bool>,
    /// The part of the stage that is downloaded later, once it is there.
    pub more: Signal<Option<Later>>,
    /// The part that shares, once it is there.
    #[cfg(feature = "csr")]
    sharing: Signal<Option<&'static sharing::Sharing>>,
}

impl Handle {
    pub fn new(entry: &'static Entry) -> Handle {
        Handle {
            player: Kept::new(Player::new(entry)),
            #[cfg(feature = "csr")]
            entry,
            meta: entry.meta,
            shape: Signal::new(0),
            tick: Signal::new(0),
            panel: Signal::new(Panel::Numbers),
            selected: Signal::new(None),
            edited: Signal::new(Side::A),
            said: Signal::new(String::new()),
            unfolded: Signal::new(true),
            seek_to: Signal::new(None),
            #[cfg(feature = "csr")]
            beats: Kept::new(Beats::default()),
            keys: use_prefs().keys,
            more: Signal::new(more::begin()),
            #[cfg(feature = "csr")]
            sharing: Signal::new(None),
        }
    }

    /// What the `i`-th entry of a list is for, once that is there.
    pub fn help(self, list: fn(&Help) -> &'static [&'static str], i: usize) -> String {
        self.more.get().and_then(|later| list(&later.told.help).get(i).copied()).unwrap_or_default().to_owned()
    }

    /// What is drawn in the frame of this time, in ms.
    #[cfg(feature = "csr")]
    fn beat(self, now: f64) -> Beat {
        self.beats.update(|beats| beats.at(now))
    }

    /// Reads the player without telling anybody.
    pub fn with<T>(self, read: impl FnOnce(&Player) -> T) -> T {
        self.player.with(read)
    }

    /// Reads the player, again whenever something other than time has changed.
    pub fn shape<T>(self, read: impl FnOnce(&Player) -> T) -> T {
        self.shape.track();
        self.player.with(read)
    }

    /// Reads the player, again several times a second.
    pub fn live<T>(self, read: impl FnOnce(&Player) -> T) -> T {
        self.shape.track();
        self.tick.track();
        self.player.with(read)
    }

    /// Changes the player and tells everybody.
    pub fn change<T>(self, change: impl FnOnce(&mut Player) -> T) -> T {
        let result = self.quietly(change);
        self.changed();
        result
    }

    pub fn changed(self) {
        if !self.with(Player::two_sided) && self.edited.get_untracked() == Side::B {
            self.edited.set(Side::A);
        }
        self.shape.update(|n| *n = n.wrapping_add(1));
    }

    /// Changes the player without telling anybody; the caller does.
    pub fn quietly<T>(self, change: impl FnOnce(&mut Player) -> T) -> T {
        self.player.update(change)
    }

    /// Whether its page still stands.
    #[cfg(feature = "csr")]
    fn alive(self) -> bool {
        self.player.alive()
    }

    /// Reads something out.
    pub fn say(self, text: impl Into<String>) {
        self.said.set(text.into());
    }
}

/// The handle of this page, made once and shared by its parts.
pub fn provide(entry: &'static Entry) -> Handle {
    ui::context().unwrap_or_else(|| {
        let handle = Handle::new(entry);
        ui::provide(handle);
        handle
    })
}

/// What stands below the picture: knobs, and numbers with what shares their place.
type Columns = fn(Handle, &'static Lent) -> Piece;

fn columns(h: Handle, lent: &'static Lent) -> Piece {
    [knobs::view(h), panels::view(h, lent)].into()
}

/// What the main module gives to the part that has them: most pictures are drawn and written with the same as the chart
/// and the numbers, and it should be there once.
pub struct Lent {
    chart: fn(Handle, NodeRef<HtmlElement>, Signal<&'static str>),
    shown: fn(&Number, Option<f64>) -> String,
}

static LENT: Lent = Lent {
    #[cfg(feature = "csr")]
    chart: frame::mount_chart,
    // Natively nothing moves.
    #[cfg(not(feature = "csr"))]
    chart: |_, _, _| (),
    shown: numbers::shown,
};

/// The stage of a page: with everything in sight.
pub fn page(entry: &'static Entry, mode: StageMode) -> Piece {
    stage(entry, mode, Some(columns))
}

/// The stage of an embed: knobs and numbers are downloaded and made when they are first unfolded.
pub fn embed(entry: &'static Entry) -> Piece {
    stage(entry, StageMode::Embed, None)
}

/// The simulation of a question with everything that drives it.
fn stage(entry: &'static Entry, mode: StageMode, columns: Option<Columns>) -> Piece {
    let (h, prefs) = (provide(entry), use_prefs());
    let root = NodeRef::<HtmlElement>::new();
    h.unfolded.set(columns.is_some());
    let columns = Signal::new(columns);
    let embed = mode == StageMode::Embed;
    #[cfg(feature = "csr")]
    {
        share::read_address(h, mode);
        stand_if_wished(h, prefs);
        keys::listen(h, root);
        if embed {
            more::listen_to_host(h, prefs, root);
        }
    }
    tries::watch(h, prefs);
    let stage = el("div").class(if embed { "stage stage-embed" } else { "stage" }).attr("data-slug", h.meta.slug);
    let cols = el("div").class("stage-cols").toggle("folded", move || !h.unfolded.get());
    let unfold = embed.then(|| bar::unfold(h, columns));
    let said = el("p").attrs(&[("class", "visually-hidden"), ("aria-live", "polite"), ("role", "status")]);
    // For tests. An output that is not hidden is read out whenever it changes.
    let digest = el("output").attrs(&[("hidden", ""), ("data-testid", "digest")]);
    stage
        .node_ref(root)
        .kid(bar::head(h, mode, root))
        .kid(notes(h))
        .kid(picture::view(h))
        .kid(bar::transport(h))
        .kid(cols.kid(part(move || columns.get().map(|columns| columns(h, &LENT)))))
        .kid(bar::faults(h).kid(unfold))
        .kid(said.kid(live(move || h.said.get())))
        .kid(digest.kid(live(move || h.live(Player::digest))))
        .kid(part(move || h.more.get().map(|later| (later.more.dialogs)(h))))
        .kid(more::sharing_dialog(h))
        .on("pointerenter", move |_| more::with(h, |_| ()))
        .on("focusin", move |_| more::with(h, |_| ()))
        .into()
}

/// A reader who wants simulations to wait, or as little motion as can be, gets them so, unless the address asks for more.
#[cfg(feature = "csr")]
fn stand_if_wished(h: Handle, prefs: Prefs) {
    let asked = || matches!(ui::asked("autoplay").as_deref(), Some("1" | "on" | "true"));
    if (!prefs.wants_autoplay() || frame::reduced_motion()) && !asked() {
        h.quietly(|p| p.playing = false);
    }
}

/// What of an address or a link was ignored, and why.
fn notes(h: Handle) -> Piece {
    part(move || {
        let notes = h.shape(|p| p.notes.clone());
        (!notes.is_empty()).then(|| {
            el("div")
                .attrs(&[("class", "stage-notes"), ("role", "alert")])
                .kid(el("ul").kid(each(notes, |n| el("li").kid(n))))
                .kid(button("Close").click(move || {
                    h.change(|p| p.notes.clear());
                    // The button that had the focus is gone.
                    if let Ok(Some(play)) = ui::document().query_selector(".play") {
                        crate::pages::focus_quietly(&play);
                    }
                }))
        })
    })
}

/// A button with words on it.
fn button(words: impl Into<Piece>) -> Tag {
    el("button").class("button").kid(words)
}
