//! What of the stage is wanted later, if at all: the log, a request's story, the words, the code, the dialogs, and
//! links to a moment. It is a part of the program of its own, downloaded when the reader first touches the stage, or
//! with the page when its address holds a moment.

use super::player::Player;
use super::{Handle, Panel, keys, panels, share};
use crate::ui::el::Piece;

/// The doors of that part.
pub struct More {
    pub panel: fn(Handle, Panel) -> Piece,
    /// All dialogs, closed.
    pub dialogs: fn(Handle) -> Piece,
    pub show_help: fn(),
    pub open_embed: fn(Handle),
    pub copy_link: fn(Handle),
    pub load_link: fn(&mut Player, &str),
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
    use super::{Handle, MORE, More};
    use std::cell::Cell;
    use wasm_split_helpers::SplitLoaderError;

    #[wasm_split_helpers::wasm_split(more, fallible)]
    fn more() -> Result<&'static More, SplitLoaderError> {
        Ok(&MORE)
    }

    thread_local! {
        static LOADED: Cell<Option<&'static More>> = const { Cell::new(None) };
    }

    /// What of it is there when the stage is made.
    pub fn begin() -> Option<&'static More> {
        LOADED.get()
    }

    /// Downloads it, unless it is there.
    pub async fn load() -> Result<&'static More, SplitLoaderError> {
        let more = more().await?;
        LOADED.set(Some(more));
        Ok(more)
    }

    /// Calls `then` with it, at once if it is there.
    pub fn with(h: Handle, then: impl FnOnce(&'static More) + 'static) {
        if let Some(more) = h.more.get_untracked() {
            return then(more);
        }
        wasm_bindgen_futures::spawn_local(async move {
            match load().await {
                Ok(more) => {
                    if h.more.get_untracked().is_none() {
                        h.more.set(Some(more));
                    }
                    crate::ui::batch(|| then(more));
                }
                Err(_) => h.say("A part of the page could not be downloaded. Try again when the network is back."),
            }
        });
    }
}

/// Natively nothing is downloaded, and nothing of this is shown before somebody asks.
#[cfg(not(feature = "csr"))]
pub fn begin() -> Option<&'static More> {
    _ = &MORE;
    None
}

#[cfg(not(feature = "csr"))]
pub fn with(_: Handle, then: impl FnOnce(&'static More) + 'static) {
    then(&MORE);
}
