//! What of the stage is wanted later, if at all: the log, a request's story, the words, the code, the dialogs, and
//! links to a moment. It is a part of the program of its own, downloaded when the reader first turns to the stage, or
//! with the page when its address holds a moment. What the question says in words comes with it.

use super::player::Player;
use super::{Handle, Panel, keys, panels, share};
use crate::ui::el::Piece;
use sim::kernel::Told;

/// The doors of that part.
pub struct More {
    pub panel: fn(Handle, &'static Told, Panel) -> Piece,
    /// All dialogs, closed.
    pub dialogs: fn(Handle) -> Piece,
    pub show_help: fn(),
    pub open_embed: fn(Handle),
    pub copy_link: fn(Handle),
    pub load_link: fn(&mut Player, &str),
}

/// All that comes later, once it is there.
#[derive(Clone, Copy)]
pub struct Later {
    pub more: &'static More,
    pub told: &'static Told,
}

static MORE: More = More {
    panel: panels::panel,
    dialogs: |h| [share::dialogs(h), keys::help(h)].into(),
    show_help: keys::show_help,
    open_embed: share::open_embed,
    copy_link: share::copy_link,
    load_link: Player::load_link,
};

#[cfg(feature = "csr")]
pub use browser::{begin, load, with};

#[cfg(feature = "csr")]
mod browser {
    use super::{Handle, Later, MORE, More};
    use crate::entries::Entry;
    use std::cell::Cell;
    use wasm_split_helpers::SplitLoaderError;

    #[wasm_split_helpers::wasm_split(more, fallible)]
    fn more() -> Result<&'static More, SplitLoaderError> {
        Ok(&MORE)
    }

    thread_local! {
        static LOADED: Cell<Option<Later>> = const { Cell::new(None) };
    }

    /// What of it is there when the stage is made.
    pub fn begin() -> Option<Later> {
        LOADED.get()
    }

    /// Downloads it for this question, unless it is there.
    pub async fn load(entry: &'static Entry) -> Result<Later, SplitLoaderError> {
        let later = Later { more: more().await?, told: (entry.told)().await? };
        LOADED.set(Some(later));
        Ok(later)
    }

    /// Calls `then` with it, at once if it is there.
    pub fn with(h: Handle, then: impl FnOnce(&'static More) + 'static) {
        if let Some(later) = h.more.get_untracked() {
            return then(later.more);
        }
        wasm_bindgen_futures::spawn_local(async move {
            let Ok(later) = load(h.entry).await else {
                return h.say("A part of the page could not be downloaded. Try again when the network is back.");
            };
            if h.more.get_untracked().is_none() {
                h.more.set(Some(later));
            }
            crate::ui::batch(|| then(later.more));
        });
    }
}

/// Natively nothing is downloaded, and nothing of this is shown before somebody asks.
#[cfg(not(feature = "csr"))]
pub fn begin() -> Option<Later> {
    None
}

#[cfg(not(feature = "csr"))]
pub fn with(_: Handle, then: impl FnOnce(&'static More) + 'static) {
    then(&MORE);
}
