//! Looking after what is kept: what earlier versions wrote is taken over, what cannot be read is set aside, what could
//! not be written is tried again, and the reader is told, once a page, in words.
//!
//! [`crate::prefs`] downloads this part of the program when there is something of that kind, which is seldom.

pub mod mend;

use crate::app::use_root;
use crate::prefs::storage::{self, Refused};
use crate::prefs::{EARLIER_KEYS, KEY, Keeping, Prefs};
use crate::records;
use crate::ui::el::{Piece, el, part};
use crate::ui::{Kept, Signal, after, document, effect, on_window};
use mend::Mended;

/// Where lines are set aside that could not be read, for the reader to look at in the settings.
pub const ASIDE_KEY: &str = "breakable.aside";
/// Beyond this, nothing more is set aside, and what cannot be read stays where it is.
const ASIDE_BYTES_MAX: usize = 64 * 1024;
/// How often a page tries to write what could not be written.
const AGAIN_MS: i32 = 20_000;

/// The door of this part.
pub struct Care {
    pub begin: fn(Prefs),
}

pub static CARE: Care = Care { begin };

/// This part of the program.
#[cfg(feature = "csr")]
#[wasm_split_helpers::wasm_split(keeping, fallible)]
pub fn care() -> Result<&'static Care, wasm_split_helpers::SplitLoaderError> {
    Ok(&CARE)
}

/// What the reader is told on this page.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Told {
    Full,
    /// What could not be written has been.
    Room,
    Newer,
    /// So many lines could not be read.
    Aside(usize),
}

fn begin(prefs: Prefs) {
    let told = Signal::new(None::<Told>);
    let closed = Signal::new(false);
    let aside = mend(prefs);
    if aside > 0 {
        told.set(Some(Told::Aside(aside)));
    }
    let full = Kept::new(false);
    effect(move || {
        let was_full = full.with(|full| *full);
        match prefs.keeping() {
            Keeping::Full if !was_full => {
                full.set(true);
                told.set(Some(Told::Full));
                try_again(prefs);
            }
            Keeping::Stored if was_full => {
                full.set(false);
                told.set(Some(Told::Room));
            }
            Keeping::Newer => told.set(Some(Told::Newer)),
            _ => {}
        }
    });
    // Somebody who comes back may have made room, and somebody who leaves has no other chance.
    for name in ["focus", "pagehide"] {
        on_window(name, move |_: web_sys::Event| {
            if prefs.keeping() == Keeping::Full {
                prefs.change(&str::to_owned);
            }
        });
    }
    if let Some(body) = document().body() {
        notice(told, closed).mount(&body);
    }
}

fn try_again(prefs: Prefs) {
    after(AGAIN_MS, move || {
        if prefs.keeping() == Keeping::Full {
            prefs.change(&str::to_owned);
            try_again(prefs);
        }
    });
}

/// Takes over what earlier versions wrote and sets aside what cannot be read. How many lines that were.
pub fn mend(prefs: Prefs) -> usize {
    let earlier = EARLIER_KEYS.map(|key| storage::read(key).ok().flatten());
    let Mended { text: old, unread } = mend::earlier(earlier.each_ref().map(Option::as_deref));
    let damaged = mend::kept(&prefs.text()).unread;
    let aside: Vec<&str> = unread.iter().chain(&damaged).map(String::as_str).collect();
    // Where there is no room for them elsewhere, they stay where they are.
    let moved = aside.is_empty() || set_aside(&aside).is_ok();
    prefs.change(&|text| {
        let text = if moved && !damaged.is_empty() { mend::kept(text).text } else { text.to_owned() };
        if old.is_empty() { text } else { records::merged(&text, &old) }
    });
    if moved && prefs.is_stored() {
        for key in EARLIER_KEYS {
            _ = storage::write(key, None);
        }
    }
    if moved { aside.len() } else { 0 }
}

/// The lines that were set aside.
pub fn aside() -> String {
    storage::read(ASIDE_KEY).ok().flatten().unwrap_or_default()
}

fn set_aside(lines: &[&str]) -> Result<(), Refused> {
    // A newer version's lines are in nobody's way.
    if matches!(storage::read(KEY), Ok(Some(found)) if records::opened(&found).is_none()) {
        return Err(Refused);
    }
    let mut all = aside();
    for line in lines {
        if !all.split('\n').any(|other| other == *line) {
            all.push_str(line);
            all.push('\n');
        }
    }
    if all.len() > ASIDE_BYTES_MAX {
        return Err(Refused);
    }
    storage::write(ASIDE_KEY, Some(&all))
}

/// `1 line`, `2 lines`.
pub fn counted(n: usize, one: &str, many: &str) -> String {
    if n == 1 { format!("1 {one}") } else { format!("{n} {many}") }
}

/// What has become of what the reader does, if it is not simply stored.
pub fn sentence(keeping: Keeping) -> Option<&'static str> {
    Some(match keeping {
        Keeping::Stored => return None,
        Keeping::Full => {
            "This browser's storage is full. What you do from now on is remembered only until you close this page."
        }
        Keeping::Blocked => {
            "This browser gives the site no storage. Settings and progress last until you leave the page."
        }
        Keeping::Newer => {
            "A newer version of this site has written what this browser remembers. This page leaves it as it is and \
             remembers nothing itself. Reload the page to get the newer version."
        }
    })
}

/// A sentence at the lower edge of the window, with a button that closes it.
fn notice(told: Signal<Option<Told>>, closed: Signal<bool>) -> Piece {
    let root = use_root();
    let words = move |told| -> Piece {
        let settings = |words: &'static str| el("a").attr("href", root.link("settings/")).kid(words);
        match told {
            Told::Full => [
                Piece::from(sentence(Keeping::Full).unwrap_or_default()),
                " ".into(),
                settings("Save it as a file").into(),
                ", or make room: the page tries again by itself.".into(),
            ]
            .into(),
            Told::Room => "There is room again. Everything is stored.".into(),
            Told::Newer => sentence(Keeping::Newer).unwrap_or_default().into(),
            Told::Aside(n) => [
                Piece::from(format!(
                    "{} of what this browser remembers could not be read. Nothing is lost: ",
                    counted(n, "line", "lines")
                )),
                settings("it is set aside in the settings").into(),
                ".".into(),
            ]
            .into(),
        }
    };
    let shown = part(move || {
        told.get().filter(|_| !closed.get()).map(|told| {
            let close = el("button").attrs(&[("type", "button"), ("class", "button")]);
            let close = close.click(move || closed.set(true)).kid("Close");
            el("div").class("kept-notice").kid(el("p").kid(words(told))).kid(close)
        })
    });
    // The region is there before it speaks, so that it is heard.
    el("div").attr("role", "status").kid(shown).into()
}
