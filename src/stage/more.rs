//! What of the stage is wanted later, if at all: the log, a request's story, the words, the code and the dialogs. It is
//! a part of the program of its own, downloaded when the reader first turns to the stage. What the question says in
//! words comes with it. What reads an address that says more than which page is another part, downloaded with such a
//! page.

use super::player::Player;
use super::{Columns, Handle, Panel, embedding, keys, panels, share, tries};
use crate::content::Tries;
use crate::prefs::Prefs;
use crate::ui::el::Piece;
use sim::kernel::Told;

/// The doors of that part.
pub struct More {
    /// Knobs and numbers of an embed, which has neither before somebody unfolds them.
    pub columns: Columns,
    pub panel: fn(Handle, &'static Told, Panel) -> Piece,
    /// All dialogs, closed.
    pub dialogs: fn(Handle) -> Piece,
    /// The experiments, once the player has them.
    pub tries: fn(Handle) -> Piece,
    /// A press on one of the experiments as the page brought them.
    pub press_try: fn(Handle, &'static Tries, &web_sys::Element),
    /// Notes an experiment, given by its id, as done and reads out what it has measured.
    pub tell_measured: fn(Handle, Prefs, &str),
    pub show_help: fn(),
    pub open_embed: fn(Handle),
    pub copy_link: fn(Handle),
}

/// What an address may hold beside its path.
pub struct Address {
    /// Its query, with its question mark.
    pub query: fn(&mut Player, &str),
    /// A whole run in its fragment.
    pub link: fn(&mut Player, &str),
}

#[cfg(feature = "csr")]
static ADDRESS: Address = Address { query: super::share::load_query, link: Player::load_link };

/// All that comes later, once it is there.
#[derive(Clone, Copy)]
pub struct Later {
    pub more: &'static More,
    pub told: &'static Told,
}

static MORE: More = More {
    columns: super::columns,
    panel: panels::panel,
    dialogs: |h| [share::dialog(), embedding::dialog(h), keys::help(h)].into(),
    tries: tries::live,
    press_try: tries::press,
    tell_measured: tries::tell_measured,
    show_help: keys::show_help,
    open_embed: embedding::open,
    copy_link: share::copy_link,
};

#[cfg(feature = "csr")]
pub use browser::{
    begin, listen_to_host, load_address, open_sharing, sharing_dialog, with, with_address, with_link, with_tries,
};

#[cfg(feature = "csr")]
mod browser {
    use super::super::host::{HOST, Host};
    use super::{ADDRESS, Address, Handle, Later, MORE, More};
    use crate::content::Tries;
    use crate::entries::Entry;
    use crate::prefs::Prefs;
    use crate::stage::sharing::{SHARING, Sharing};
    use crate::ui::NodeRef;
    use crate::ui::el::{Piece, part};
    use std::cell::Cell;
    use wasm_split_helpers::SplitLoaderError;
    use web_sys::HtmlElement;

    #[wasm_split_helpers::wasm_split(more, fallible)]
    fn more() -> Result<&'static More, SplitLoaderError> {
        Ok(&MORE)
    }

    #[wasm_split_helpers::wasm_split(address, fallible)]
    fn address() -> Result<&'static Address, SplitLoaderError> {
        Ok(&ADDRESS)
    }

    thread_local! {
        static READER: Cell<Option<&'static Address>> = const { Cell::new(None) };
    }

    /// Nothing of it is there when the stage is made.
    pub fn begin() -> Option<Later> {
        None
    }

    /// Downloads it for this question, unless it is there.
    async fn load(entry: &'static Entry) -> Result<Later, SplitLoaderError> {
        Ok(Later { more: more().await?, told: (entry.told)().await? })
    }

    /// Downloads what reads an address, unless it is there.
    pub async fn load_address() -> Result<&'static Address, SplitLoaderError> {
        let address = address().await?;
        READER.set(Some(address));
        Ok(address)
    }

    /// Calls `then` with it, at once if it is there.
    pub fn with_address(h: Handle, then: impl FnOnce(&'static Address) + 'static) {
        if let Some(address) = READER.get() {
            return then(address);
        }
        wasm_bindgen_futures::spawn_local(async move {
            match load_address().await {
                Ok(address) => crate::ui::batch(|| then(address)),
                Err(_) => h.say(MISSING),
            }
        });
    }

    /// Calls `then` with it for a link over the address of the page that stands, and first fetches the experiments that
    /// the link may name.
    pub fn with_link(h: Handle, tries: bool, then: impl FnOnce(&'static Address) + 'static) {
        wasm_bindgen_futures::spawn_local(async move {
            if tries && let Ok(tries) = (h.entry.tries)().await {
                h.quietly(|p| p.tries = tries.0);
            }
            with_address(h, then);
        });
    }

    /// Calls `then` with it and the experiments, which come with it when somebody turns to them.
    pub fn with_tries(h: Handle, then: impl FnOnce(&'static More, &'static Tries) + 'static) {
        wasm_bindgen_futures::spawn_local(async move {
            match (h.entry.tries)().await {
                Ok(tries) => with(h, move |more| then(more, tries)),
                Err(_) => h.say(MISSING),
            }
        });
    }

    #[wasm_split_helpers::wasm_split(host, fallible)]
    fn host() -> Result<&'static Host, SplitLoaderError> {
        Ok(&HOST)
    }

    /// Lets the page around this one drive the stage, if there is such a page. Where it cannot be downloaded, the reader
    /// still can.
    pub fn listen_to_host(h: Handle, prefs: Prefs, root: NodeRef<HtmlElement>) {
        if !crate::ui::is_framed() {
            return;
        }
        wasm_bindgen_futures::spawn_local(async move {
            let Ok(host) = host().await else { return };
            // A host may ask for an experiment by its id.
            if let Ok(tries) = (h.entry.tries)().await {
                h.quietly(|p| p.tries = tries.0);
            }
            crate::ui::batch(|| (host.open)(h, prefs, root));
        });
    }

    const MISSING: &str = "A part of the page could not be downloaded. Try again when the network is back.";

    #[wasm_split_helpers::wasm_split(share, fallible)]
    fn share() -> Result<&'static Sharing, SplitLoaderError> {
        Ok(&SHARING)
    }

    /// Opens the dialog that shares.
    pub fn open_sharing(h: Handle) {
        wasm_bindgen_futures::spawn_local(async move {
            let Ok(sharing) = share().await else {
                return h.say(MISSING);
            };
            crate::ui::batch(|| {
                if h.sharing.get_untracked().is_none() {
                    h.sharing.set(Some(sharing));
                }
            });
            crate::ui::batch(|| (sharing.open)(h));
        });
    }

    /// The dialog that shares, once its part is there.
    pub fn sharing_dialog(h: Handle) -> Piece {
        part(move || h.sharing.get().map(|sharing| (sharing.dialog)(h)))
    }

    /// Calls `then` with it, at once if it is there.
    pub fn with(h: Handle, then: impl FnOnce(&'static More) + 'static) {
        if let Some(later) = h.more.get_untracked() {
            return then(later.more);
        }
        wasm_bindgen_futures::spawn_local(async move {
            let Ok(later) = load(h.entry).await else {
                return h.say(MISSING);
            };
            if h.more.get_untracked().is_none() {
                h.more.set(Some(later));
            }
            crate::ui::batch(|| then(later.more));
        });
    }
}

/// Natively there is nothing to share with.
#[cfg(not(feature = "csr"))]
pub fn sharing_dialog(_: Handle) -> Piece {
    Piece::List(Vec::new())
}

#[cfg(not(feature = "csr"))]
pub fn open_sharing(_: Handle) {}

/// Natively nothing is downloaded, and nothing of this is shown before somebody asks.
#[cfg(not(feature = "csr"))]
pub fn begin() -> Option<Later> {
    None
}

#[cfg(not(feature = "csr"))]
pub fn with(_: Handle, then: impl FnOnce(&'static More) + 'static) {
    then(&MORE);
}
