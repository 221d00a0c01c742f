//! What is remembered on this device: the theme, and how far the reader has come.
//!
//! Everything stays in this browser's local storage. Storage may be blocked, full or cleared at any
//! time; then the values live as long as the page. An embed neither reads nor writes storage.
//!
//! | key | value |
//! |---|---|
//! | `breakable.theme` | `light` or `dark`; absent means that the system decides |
//! | `breakable.progress` | one line a visited question: its slug, then the ids of the experiments done |

use crate::app::Asked;
use crate::ui::{Signal, context, document};

const THEME_KEY: &str = "breakable.theme";
const PROGRESS_KEY: &str = "breakable.progress";

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

/// Visited questions, each with the experiments that are done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Progress(Vec<(String, Vec<String>)>);

impl Progress {
    /// Reads what [`Progress::to_text`] wrote. Words that no slug or id can be are left out.
    pub fn parse(text: &str) -> Progress {
        let word = |w: &&str| w.len() <= 64 && w.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
        let mut progress = Progress::default();
        for line in text.lines().take(256) {
            let mut words = line.split(' ').filter(|w| !w.is_empty()).filter(word);
            let Some(slug) = words.next() else { continue };
            progress.visit(slug);
            for id in words.take(64) {
                progress.complete(slug, id);
            }
        }
        progress
    }

    pub fn to_text(&self) -> String {
        let mut text = String::new();
        for (slug, done) in &self.0 {
            text.push_str(slug);
            for id in done {
                text.push(' ');
                text.push_str(id);
            }
            text.push('\n');
        }
        text
    }

    /// The experiments done of a question, or nothing if it was never opened.
    pub fn of(&self, slug: &str) -> Option<&[String]> {
        self.0.iter().find(|(s, _)| s == slug).map(|(_, done)| &done[..])
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Notes that the question was opened. Whether that was new.
    pub fn visit(&mut self, slug: &str) -> bool {
        let new = self.of(slug).is_none();
        if new {
            self.0.push((slug.to_owned(), Vec::new()));
        }
        new
    }

    /// Notes that an experiment of the question is done. Whether that was new.
    pub fn complete(&mut self, slug: &str, id: &str) -> bool {
        let mut new = self.visit(slug);
        if let Some((_, done)) = self.0.iter_mut().find(|(s, _)| s == slug)
            && !done.iter().any(|d| d == id)
        {
            done.push(id.to_owned());
            new = true;
        }
        new
    }
}

/// The reader's preferences and progress, as signals. One value for the whole app, in the context.
#[derive(Clone, Copy)]
pub struct Prefs {
    theme: Signal<Theme>,
    progress: Signal<Progress>,
    /// Whether storage may be touched.
    stored: bool,
    /// Whether the address decided on the theme.
    told: bool,
}

impl Prefs {
    /// Nothing remembered, nothing kept: what a prerendered page shows.
    pub fn none() -> Prefs {
        Prefs {
            theme: Signal::new(Theme::System),
            progress: Signal::new(Progress::default()),
            stored: false,
            told: false,
        }
    }

    /// Reads the storage, unless the page is an embed, and applies the theme to the document.
    ///
    /// `?theme=` in `search` (a query string with or without its question mark) decides for this visit
    /// and is not remembered.
    pub fn open(asked: Asked, search: &str) -> Prefs {
        let stored = !matches!(asked, Asked::Embed(_));
        let told = search
            .trim_start_matches('?')
            .split('&')
            .find_map(|pair| pair.strip_prefix("theme="))
            .and_then(Theme::parse);
        let prefs = Prefs { stored, told: told.is_some(), ..Prefs::none() };
        prefs.theme.set(told.unwrap_or_default());
        show_theme(told.unwrap_or_default());
        prefs.refresh();
        prefs
    }

    /// Reads the storage again: another page may have written since.
    pub fn refresh(self) {
        // Where storage is blocked, what this page knows stays.
        if !self.stored || storage::open().is_none() {
            return;
        }
        if !self.told {
            let theme = storage::read(THEME_KEY).and_then(|text| Theme::parse(&text)).unwrap_or_default();
            self.theme.set(theme);
            show_theme(theme);
        }
        self.progress.set(Progress::parse(&storage::read(PROGRESS_KEY).unwrap_or_default()));
    }

    pub fn theme(self) -> Theme {
        self.theme.get()
    }

    /// Shows a theme and remembers it.
    pub fn set_theme(self, theme: Theme) {
        self.theme.set(theme);
        show_theme(theme);
        if self.stored {
            storage::write(THEME_KEY, (theme != Theme::System).then(|| theme.name()));
        }
    }

    /// The experiments done of a question, or nothing if it was never opened. Tracks.
    pub fn done(self, slug: &str) -> Option<Vec<String>> {
        self.progress.with(|p| p.of(slug).map(<[String]>::to_vec))
    }

    /// Whether an experiment of a question is done. Tracks.
    pub fn is_done(self, slug: &str, id: &str) -> bool {
        self.progress.with(|p| p.of(slug).is_some_and(|done| done.iter().any(|d| d == id)))
    }

    /// Whether anything at all is remembered of the reader's progress. Tracks.
    pub fn has_progress(self) -> bool {
        self.progress.with(|p| !p.is_empty())
    }

    /// Notes that a question was opened.
    pub fn visit(self, slug: &str) {
        self.change(|progress| progress.visit(slug));
    }

    /// Notes that an experiment of a question is done.
    pub fn complete(self, slug: &str, id: &str) {
        self.change(|progress| progress.complete(slug, id));
    }

    /// Forgets the reader's progress, here and in storage.
    pub fn forget_progress(self) {
        self.progress.set(Progress::default());
        if self.stored {
            storage::write(PROGRESS_KEY, None);
        }
    }

    fn change(self, change: impl FnOnce(&mut Progress) -> bool) {
        // Another tab may have written since this one read: its lines are not to be lost.
        let mut progress = self.progress.get_untracked();
        if self.stored {
            let other = Progress::parse(&storage::read(PROGRESS_KEY).unwrap_or_default());
            for (slug, done) in &other.0 {
                progress.visit(slug);
                for id in done {
                    progress.complete(slug, id);
                }
            }
        }
        if !change(&mut progress) && self.progress.with_untracked(|old| *old == progress) {
            return;
        }
        if self.stored {
            storage::write(PROGRESS_KEY, Some(&progress.to_text()));
        }
        self.progress.set(progress);
    }
}

/// The reader's preferences and progress; available in every component.
pub fn use_prefs() -> Prefs {
    context().expect("every page hands down the preferences")
}

/// `<html data-theme="...">` is what the style sheets look at; without it the system decides.
fn show_theme(theme: Theme) {
    let Some(html) = document().document_element() else { return };
    _ = match theme {
        Theme::System => html.remove_attribute("data-theme"),
        _ => html.set_attribute("data-theme", theme.name()),
    };
}

/// Local storage whose every failure is the same as an empty one: it may be blocked, full or absent.
mod storage {
    use crate::ui::window;

    pub fn open() -> Option<web_sys::Storage> {
        window().local_storage().ok().flatten()
    }

    pub fn read(key: &str) -> Option<String> {
        open()?.get_item(key).ok().flatten()
    }

    pub fn write(key: &str, value: Option<&str>) {
        if let Some(storage) = open() {
            _ = match value {
                Some(value) => storage.set_item(key, value),
                None => storage.remove_item(key),
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_reads_back_what_it_wrote() {
        let mut progress = Progress::default();
        assert!(progress.visit("saga-consistency"));
        assert!(!progress.visit("saga-consistency"));
        assert!(progress.complete("rate-limiter-design", "boundary"));
        assert!(!progress.complete("rate-limiter-design", "boundary"));
        assert_eq!(Progress::parse(&progress.to_text()), progress);
    }

    #[test]
    fn foreign_text_in_storage_does_no_harm() {
        assert!(Progress::parse("").is_empty());
        assert!(Progress::parse("<script> \u{0}\n   \n").is_empty());
        let progress = Progress::parse("rate-limiter-design boundary <b>\nrate-limiter-design race boundary");
        assert_eq!(progress.of("rate-limiter-design").map(<[String]>::len), Some(2));
    }

    #[test]
    fn the_theme_button_comes_round() {
        let once = Theme::System.next();
        assert_eq!(once.next().next(), Theme::System);
        assert_eq!(Theme::parse(once.name()), Some(once));
        assert_eq!(Theme::parse("<dark>"), None);
    }
}
