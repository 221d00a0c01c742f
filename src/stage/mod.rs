//! The player that every question shares: transport, timeline, knobs, numbers, log, A|B, sharing.
//!
//! [`player`] holds the runs and knows nothing of the web. The components here show it and pass the
//! reader's wishes on. Two signals carry changes: `shape` when something other than time changed
//! (a knob, a preset, play or pause), `tick` about ten times a second while time passes. The
//! drawings do not go through signals: `frame` mutates them once per animation frame.

// Natively only the first picture is drawn; what the browser calls is dead code there.
#![cfg_attr(not(feature = "csr"), allow(dead_code))]

mod bar;
mod chart;
#[cfg(feature = "csr")]
mod frame;
mod keys;
mod knobs;
mod numbers;
mod panels;
mod picture;
mod player;
mod share;
mod timeline;
mod tries;

pub use picture::poster;
pub use player::{Player, Side};
pub use tries::TryList;

use crate::app::article;
use crate::content::ArticleMeta;
use crate::prefs::{Prefs, use_prefs};
use leptos::prelude::*;
use sim::kernel::Us;
use sim::questions;

/// Where the stage stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StageMode {
    /// Beside its article.
    Page,
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
    player: StoredValue<Player, LocalStorage>,
    pub meta: &'static ArticleMeta,
    pub shape: RwSignal<u32>,
    pub tick: RwSignal<u32>,
    pub panel: RwSignal<Panel>,
    pub selected: RwSignal<Option<Selected>>,
    /// Whose knobs are shown.
    pub edited: RwSignal<Side>,
    /// Read out to screen readers.
    pub said: RwSignal<String>,
    /// Where to seek in the next frame: dragging asks more often than frames come.
    pub seek_to: RwSignal<Option<Us>>,
    /// Whether single keys act.
    pub keys: RwSignal<bool>,
}

impl Handle {
    /// For a slug that has both a model and an article.
    pub fn new(slug: &str) -> Option<Handle> {
        let question = questions::find(slug).ok()?;
        let meta = article(slug)?;
        Some(Handle {
            player: StoredValue::new_local(Player::new(question, meta)),
            meta,
            shape: RwSignal::new(0),
            tick: RwSignal::new(0),
            panel: RwSignal::new(Panel::Numbers),
            selected: RwSignal::new(None),
            edited: RwSignal::new(Side::A),
            said: RwSignal::new(String::new()),
            seek_to: RwSignal::new(None),
            keys: RwSignal::new(true),
        })
    }

    /// Reads the player without telling anybody.
    pub fn with<T>(self, read: impl FnOnce(&Player) -> T) -> T {
        self.player.with_value(read)
    }

    /// Reads the player, again whenever something other than time has changed.
    pub fn shape<T>(self, read: impl FnOnce(&Player) -> T) -> T {
        self.shape.track();
        self.player.with_value(read)
    }

    /// Reads the player, again several times a second.
    pub fn live<T>(self, read: impl FnOnce(&Player) -> T) -> T {
        self.shape.track();
        self.tick.track();
        self.player.with_value(read)
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
        self.player.try_update_value(change).expect("the player lives as long as its page")
    }

    /// Reads something out.
    pub fn say(self, text: impl Into<String>) {
        self.said.set(text.into());
    }
}

/// The handle of this page, made once and shared by its parts.
pub fn provide(slug: &str) -> Option<Handle> {
    let handle = use_context::<Handle>().filter(|h| h.meta.slug == slug).or_else(|| Handle::new(slug))?;
    provide_context(handle);
    Some(handle)
}

/// The simulation of the question `slug` with everything that drives it.
#[component]
pub fn Stage(slug: &'static str, mode: StageMode) -> impl IntoView {
    let prefs = use_prefs();
    provide(slug).map(|handle| stage(handle, mode, prefs).into_any())
}

fn stage(h: Handle, mode: StageMode, prefs: Prefs) -> impl IntoView {
    let root = NodeRef::<leptos::html::Div>::new();
    let details = RwSignal::new(mode != StageMode::Embed);
    let embed = mode == StageMode::Embed;
    #[cfg(feature = "csr")]
    {
        share::read_address(h);
        keys::listen(h, root);
    }
    tries::watch(h, prefs);
    // Each part is boxed: one type for the whole stage is deeper than the compiler follows.
    view! {
        <div class="stage"
            class:stage-embed=embed data-slug=h.meta.slug node_ref=root>
            {bar::head(h, mode, root).into_any()}
            {notes(h)}
            {picture::view(h).into_any()}
            {bar::transport(h).into_any()}
            <div class="stage-cols" class:folded=move || !details.get()>
                {knobs::view(h).into_any()}
                {panels::view(h).into_any()}
            </div>
            {bar::faults(h, details, embed).into_any()}
            <p class="visually-hidden" aria-live="polite" role="status">{move || h.said.get()}</p>
            <output class="visually-hidden" data-testid="digest">{move || h.live(Player::digest)}</output>
            {share::dialogs(h).into_any()}
            {keys::help(h).into_any()}
        </div>
    }
}

/// What of an address or a link was ignored, and why.
fn notes(h: Handle) -> impl IntoView {
    move || {
        let notes = h.shape(|p| p.notes.clone());
        (!notes.is_empty()).then(|| {
            view! {
                <div class="stage-notes" role="alert">
                    <ul>{notes.into_iter().map(|n| view! { <li>{n}</li> }).collect_view()}</ul>
                    <button class="button" on:click=move |_| h.change(|p| p.notes.clear())>"Close"</button>
                </div>
            }
        })
    }
}
