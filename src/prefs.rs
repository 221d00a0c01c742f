//! What is remembered on this device: the reader's settings, and how far she has come.
//!
//! Everything stays in this browser's local storage, as the records of [`crate::records`] under one key. An embed
//! neither reads nor writes storage.
//!
//! | record | value |
//! |---|---|
//! | `theme` | `light`, `dark` or `system` |
//! | `keys` | `off` if single keys do nothing |
//! | `motion` | `still` if pictures move in steps whatever the system says |
//! | `autoplay` | `off` if simulations wait for the play button |
//! | `seen/<slug>` | nothing; the question was opened |
//! | `done/<slug>/<id>` | nothing; the experiment is done |
//! | `interview/<slug>` | how many of how many follow-ups were had last time: `3 8` |
//! | `notes/<slug>` | the notes of the last interview, their lines folded into one |
//!
//! Storage is the truth as long as it can be written: another page may have changed it since, so it is read before every
//! change. When a write fails, what this page knows stays in memory, is merged with what is in storage, and is written
//! with the next change or when [`crate::keeping`] tries again. That part of the program is downloaded when there is
//! something to say or to mend; `xtask/web/theme.js` reads theme and motion before the first paint.

use crate::app::Asked;
use crate::records;
use crate::ui::{Signal, context, document, is_framed};
use sim::text::joined;

/// The key in local storage. `xtask/web/theme.js` has it too.
pub const KEY: &str = "breakable.kept";
/// Where earlier versions, which wrote none, kept theme, progress and interviews.
pub const EARLIER_KEYS: [&str; 3] = ["breakable.theme", "breakable.progress", "breakable.interviews"];

/// Which colours are shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Theme {
    /// What the operating system says.
    #[default]
    System,
    Light,
    Dark,
}

impl Theme {
    pub fn parse(text: &str) -> Option<Theme> {
        match text {
            "system" | "auto" => Some(Theme::System),
            "light" => Some(Theme::Light),
            "dark" => Some(Theme::Dark),
            _ => None,
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            Theme::System => "system",
            Theme::Light => "light",
            Theme::Dark => "dark",
        }
    }

    /// The next one when the theme button is pressed.
    pub fn next(self) -> Theme {
        match self {
            Theme::System => Theme::Light,
            Theme::Light => Theme::Dark,
            Theme::Dark => Theme::System,
        }
    }
}

/// A setting that is on or off. Its record holds one word when it is other than at first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Switch {
    /// Whether single keys act.
    Keys,
    /// Whether pictures move in still steps, whatever the system says.
    Still,
    /// Whether simulations begin to run by themselves.
    Autoplay,
}

impl Switch {
    /// Its record's name, and the value that says on and the one that says off.
    pub fn words(self) -> [&'static str; 3] {
        match self {
            Switch::Keys => ["keys", "on", "off"],
            Switch::Still => ["motion", "still", "system"],
            Switch::Autoplay => ["autoplay", "on", "off"],
        }
    }

    /// Whether it is on in a text.
    pub fn read(self, text: &str) -> bool {
        let [name, on, off] = self.words();
        match records::get(text, name) {
            Some(value) if value == on => true,
            Some(value) if value == off => false,
            _ => self != Switch::Still,
        }
    }
}

/// What has become of the last change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keeping {
    /// Storage has it, or nothing was changed yet.
    Stored,
    /// The browser took no more.
    Full,
    /// There is no storage to be had.
    Blocked,
    /// A newer version of the site has written, and this one leaves it alone.
    Newer,
}

/// The reader's preferences and progress, as signals. One value for the whole app, in the context.
#[derive(Clone, Copy)]
pub struct Prefs {
    /// What is known, as [`records`].
    kept: Signal<String>,
    keeping: Signal<Keeping>,
    theme: Signal<Theme>,
    /// Whether single keys act.
    pub keys: Signal<bool>,
    still: Signal<bool>,
    autoplay: Signal<bool>,
    /// Whether storage may be touched.
    stored: bool,
    /// Whether the address decided on the theme.
    told: bool,
}

impl Prefs {
    /// Nothing remembered, nothing kept: what a prerendered page shows.
    pub fn none() -> Prefs {
        Prefs {
            kept: Signal::new(String::new()),
            keeping: Signal::new(Keeping::Stored),
            theme: Signal::new(Theme::System),
            keys: Signal::new(true),
            still: Signal::new(false),
            autoplay: Signal::new(true),
            stored: false,
            told: false,
        }
    }

    /// As at first, with the theme of the address applied to the document. A page that may read the storage does so by
    /// [`Prefs::refresh`], before it builds what it shows; an embed does without the code for that.
    ///
    /// `?theme=` in `search` (a query string with or without its question mark) decides for this visit
    /// and is not remembered.
    pub fn open(asked: Asked, search: &str) -> Prefs {
        // Within somebody's page nothing is kept: not what an embed is told, nor what a hand was led to.
        let stored = !matches!(asked, Asked::Embed(_)) && !is_framed();
        let told = search
            .trim_start_matches('?')
            .split('&')
            .find_map(|pair| pair.strip_prefix("theme="))
            .and_then(Theme::parse);
        let prefs = Prefs { stored, told: told.is_some(), ..Prefs::none() };
        prefs.theme.set(told.unwrap_or_default());
        show_theme(told.unwrap_or_default());
        prefs
    }

    /// Reads the storage, if the page may: another page may have written since, or thrown everything away.
    pub fn refresh(self, emptied: bool) {
        if !self.stored {
            return;
        }
        if emptied {
            self.keeping.set(Keeping::Stored);
        }
        let (text, found) = self.found();
        // What is in memory alone stays so until it is written.
        let unsaved = self.keeping.get_untracked() == Keeping::Full && found == Keeping::Stored;
        self.show(text, if unsaved { Keeping::Full } else { found });
    }

    /// What storage has, with what this page could not write.
    fn found(self) -> (String, Keeping) {
        let mine = self.kept.get_untracked();
        let unsaved = self.keeping.get_untracked() != Keeping::Stored;
        match storage::read(KEY) {
            Err(_) => (mine, Keeping::Blocked),
            Ok(None) => (if unsaved { mine } else { String::new() }, Keeping::Stored),
            Ok(Some(found)) => match records::opened(&found) {
                None => (mine, Keeping::Newer),
                Some(text) => (if unsaved { records::merged(&text, &mine) } else { text }, Keeping::Stored),
            },
        }
    }

    /// Makes `text` what is known.
    fn show(self, text: String, keeping: Keeping) {
        if !self.told {
            let theme = records::get(&text, "theme").and_then(Theme::parse).unwrap_or_default();
            set(self.theme, theme);
            show_theme(theme);
        }
        set(self.keys, Switch::Keys.read(&text));
        set(self.still, Switch::Still.read(&text));
        mark("data-still", Switch::Still.read(&text).then_some(""));
        set(self.autoplay, Switch::Autoplay.read(&text));
        set(self.kept, text);
        set(self.keeping, keeping);
    }

    /// Changes what is known, here and in storage. Writes again what could not be written before.
    pub fn change(self, change: &dyn Fn(&str) -> String) {
        let (before, mut keeping) =
            if self.stored { self.found() } else { (self.kept.get_untracked(), Keeping::Blocked) };
        let text = change(&before);
        let unsaved = self.keeping.get_untracked() != Keeping::Stored;
        if keeping == Keeping::Stored && (unsaved || text != before) && storage::write(KEY, Some(&text)).is_err() {
            keeping = Keeping::Full;
        }
        self.show(text, keeping);
    }

    /// Sets a record, as of now.
    pub fn put(self, name: &str, value: &str) {
        let now = (js_sys::Date::now() / 1000.0) as u64;
        self.change(&|text| records::put(text, name, value, now));
    }

    /// Everything that is known, as [`records`]. Tracks.
    pub fn kept<T>(self, read: impl FnOnce(&str) -> T) -> T {
        self.kept.with(|text| read(text))
    }

    /// Everything that is known, as [`records`], without telling who reads it.
    pub fn text(self) -> String {
        self.kept.get_untracked()
    }

    /// What has become of the last change. Tracks.
    pub fn keeping(self) -> Keeping {
        self.keeping.get()
    }

    /// Whether storage has all that is known, without telling who asks.
    pub fn is_stored(self) -> bool {
        self.keeping.get_untracked() == Keeping::Stored
    }

    /// Whether there is something that only [`crate::keeping`] knows how to say or to mend. Tracks.
    pub fn needs_care(self) -> bool {
        let said = matches!(self.keeping.get(), Keeping::Full | Keeping::Newer);
        let damaged = self.kept(|text| records::lines(text).any(|line| records::Record::of(line).is_none()));
        self.stored && (said || damaged || EARLIER_KEYS.iter().any(|key| matches!(storage::read(key), Ok(Some(_)))))
    }

    pub fn theme(self) -> Theme {
        self.theme.get()
    }

    /// Shows a theme and remembers it.
    pub fn set_theme(self, theme: Theme) {
        self.put("theme", theme.name());
        self.theme.set(theme);
        show_theme(theme);
    }

    /// Whether a setting is on. Tracks.
    pub fn is_on(self, switch: Switch) -> bool {
        self.kept(|text| switch.read(text))
    }

    /// Turns a setting on or off and remembers it.
    pub fn turn(self, switch: Switch, on: bool) {
        let [name, yes, no] = switch.words();
        self.put(name, if on { yes } else { no });
    }

    /// Whether simulations begin to run by themselves.
    pub fn wants_autoplay(self) -> bool {
        self.autoplay.get_untracked()
    }

    /// Whether the reader wants stills, whatever the system says.
    pub fn wants_stills(self) -> bool {
        self.still.get_untracked()
    }

    /// The experiments done of a question, or nothing if it was never opened. Tracks.
    pub fn done(self, slug: &str) -> Option<Vec<String>> {
        self.kept(|text| {
            let done = records::below(text, "done/").filter_map(|(rest, _)| rest.strip_prefix(slug)?.strip_prefix('/'));
            let done: Vec<String> = done.map(str::to_owned).collect();
            (!done.is_empty() || records::get(text, &joined(&["seen", slug], "/")).is_some()).then_some(done)
        })
    }

    /// Whether an experiment of a question is done. Tracks.
    pub fn is_done(self, slug: &str, id: &str) -> bool {
        self.kept(|text| records::get(text, &joined(&["done", slug, id], "/")).is_some())
    }

    /// Whether anything at all is remembered of the reader's progress. Tracks.
    pub fn has_progress(self) -> bool {
        self.kept(|text| records::records(text).any(|record| is_progress(record.name)))
    }

    /// Notes that a question was opened.
    pub fn visit(self, slug: &str) {
        self.put(&joined(&["seen", slug], "/"), "");
    }

    /// Notes that an experiment of a question is done.
    pub fn complete(self, slug: &str, id: &str) {
        self.put(&joined(&["done", slug, id], "/"), "");
    }

    /// Forgets the reader's progress, here and in storage.
    pub fn forget_progress(self) {
        self.change(&|text| records::without(text, &is_progress));
    }

    /// How many of how many follow-ups the reader had when last interviewed on a question. Tracks.
    pub fn grade(self, slug: &str) -> Option<(u32, u32)> {
        self.kept(|text| records::get(text, &joined(&["interview", slug], "/")).and_then(grade))
    }
}

/// Tells only of what is new.
fn set<T: PartialEq>(signal: Signal<T>, value: T) {
    if signal.with_untracked(|old| *old != value) {
        signal.set(value);
    }
}

/// What a page marks on the document, before the first paint and whenever it changes.
fn mark(name: &str, value: Option<&str>) {
    let Some(html) = document().document_element() else { return };
    _ = match value {
        Some(value) => html.set_attribute(name, value),
        None => html.remove_attribute(name),
    };
}

/// Whether a record of this name is about how far the reader has come.
pub fn is_progress(name: &str) -> bool {
    ["seen/", "done/", "interview/"].iter().any(|kind| name.starts_with(kind))
}

/// `3 8` as 3 of 8; nothing if it is no result that an interview can have.
pub fn grade(value: &str) -> Option<(u32, u32)> {
    let (had, of) = value.split_once(' ')?;
    let grade = (had.parse().ok()?, of.parse().ok()?);
    (grade.0 <= grade.1).then_some(grade)
}

/// The reader's preferences and progress; available in every component.
pub fn use_prefs() -> Prefs {
    context().expect("every page hands down the preferences")
}

/// `<html data-theme="...">` is what the style sheets look at; without it the system decides.
fn show_theme(theme: Theme) {
    mark("data-theme", (theme != Theme::System).then(|| theme.name()));
}

/// Local storage, which may be blocked, full or absent.
pub mod storage {
    use crate::ui::window;

    /// The browser does not give it or does not take it; it says no more that could be told from another reason.
    #[derive(Clone, Copy, Debug)]
    pub struct Refused;

    fn open() -> Result<web_sys::Storage, Refused> {
        window().local_storage().ok().flatten().ok_or(Refused)
    }

    /// The value of a key, if there is one; an error if there is no storage to be had.
    pub fn read(key: &str) -> Result<Option<String>, Refused> {
        open()?.get_item(key).map_err(|_| Refused)
    }

    /// Sets the value of a key or removes it; an error if the browser does not take it.
    pub fn write(key: &str, value: Option<&str>) -> Result<(), Refused> {
        let storage = open()?;
        match value {
            Some(value) => storage.set_item(key, value),
            None => storage.remove_item(key),
        }
        .map_err(|_| Refused)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grade_is_so_many_of_so_many() {
        assert_eq!((grade("3 8"), grade("0 6")), (Some((3, 8)), Some((0, 6))));
        for foreign in ["", "3", "9 8", "x y", "\u{0}", "-1 2", "1 2 3"] {
            assert_eq!(grade(foreign), None, "{foreign}");
        }
    }

    #[test]
    fn settings_that_cannot_be_read_are_as_at_first() {
        let text = format!("{}\n1 keys=off\n1 motion=still\n1 autoplay=perhaps", records::HEADER);
        let read = [Switch::Keys, Switch::Still, Switch::Autoplay].map(|switch| switch.read(&text));
        assert_eq!(read, [false, true, true]);
        assert_eq!([Switch::Keys, Switch::Still, Switch::Autoplay].map(|switch| switch.read("")), [true, false, true]);
    }

    #[test]
    fn the_theme_button_comes_round() {
        let once = Theme::System.next();
        assert_eq!(once.next().next(), Theme::System);
        assert_eq!(Theme::parse(once.name()), Some(once));
        assert_eq!(Theme::parse("<dark>"), None);
    }
}
