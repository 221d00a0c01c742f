//! What the app knows of every article: `content/*.md`, compiled in by `build.rs`.
//!
//! Times are whole microseconds of simulated time. Names of knobs, acts and measures are the engine's; the tests of `sim`
//! hold the content to them, so that here they can be taken as right.
//!
//! Each question is a static of its own, so that the part of the program that is one question carries its texts
//! and no others. [`CARDS`] and [`ARTICLES`] name all of them.

pub use press::{Answer, Expect, Side};
use std::ops::Deref;

/// What is said of a question wherever it is named.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Card {
    pub slug: &'static str,
    /// The question itself.
    pub title: &'static str,
    /// Two or three words for the stage's header and the navigation.
    pub short: &'static str,
    /// `Junior`, `Middle`, `Senior` or `Staff`.
    pub level: &'static str,
    pub theme: &'static str,
    pub minutes: u32,
}

/// What the library says of a question beyond its card. Some of it gives the answer away, so it is no part of the
/// question itself.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Listed {
    pub card: &'static Card,
    pub topics: &'static [&'static str],
    pub summary: &'static str,
    /// The preset whose poster stands for the question, if it has any.
    pub poster: Option<&'static str>,
    /// The ids of its experiments.
    pub experiments: &'static [&'static str],
}

/// One question: what its page and the stage need of its front matter. What is on its card can be read from it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ArticleMeta {
    pub card: &'static Card,
    /// Other questions that have a page.
    pub related: &'static [&'static Card],
    pub presets: &'static [PresetMeta],
    #[cfg(not(feature = "csr"))]
    pub listed: &'static Listed,
    /// In the browser they are downloaded when they are wanted: `Entry::tries`.
    #[cfg(not(feature = "csr"))]
    pub tries: &'static [TryMeta],
}

/// The experiments of a question, with what decides which answer is right.
#[derive(Debug)]
pub struct Tries(pub &'static [TryMeta]);

impl Deref for Listed {
    type Target = Card;

    fn deref(&self) -> &Card {
        self.card
    }
}

impl Deref for ArticleMeta {
    type Target = Card;

    fn deref(&self) -> &Card {
        self.card
    }
}

/// One side of a run: where its knobs start, and what is done to it when.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SetupMeta {
    /// Knobs that differ from the question's defaults, with their values as text.
    pub set: &'static [(&'static str, &'static str)],
    /// In the order of their times.
    pub inputs: &'static [InputMeta],
}

/// An act of the person at the controls. Moving a knob is the act `set` with the knob and its value as its argument.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct InputMeta {
    pub at_us: u64,
    pub act: &'static str,
    pub args: &'static [(&'static str, &'static str)],
}

/// A prepared run to start from.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PresetMeta {
    pub id: &'static str,
    pub title: &'static str,
    pub a: SetupMeta,
    /// Present when the preset is an A|B; B in full, not only where it differs.
    pub b: Option<SetupMeta>,
    /// The question's own seed if absent.
    pub seed: Option<u64>,
    /// Simulated seconds per second of the reader's time.
    pub speed: f64,
    /// Where it stops by itself, if anywhere.
    pub until_us: Option<u64>,
}

/// An experiment: a question to the reader that a run answers.
#[derive(Debug, Clone, Copy)]
pub struct TryMeta {
    pub id: &'static str,
    pub a: SetupMeta,
    /// As in [`PresetMeta::b`].
    pub b: Option<SetupMeta>,
    pub seed: Option<u64>,
    pub speed: f64,
    /// When the run ends and is measured.
    pub until_us: u64,
    /// At least two, in the order of [`TryWords::choices`].
    pub answers: &'static [Answer],
    /// Which side `measure` is read from.
    pub side: Side,
    /// In the engine's words, such as `max_in_window(1s)`.
    pub measure: &'static str,
    /// What reads it.
    pub read: sim::kernel::Read,
    /// In the browser the words are in the page, as those of the article are.
    #[cfg(not(feature = "csr"))]
    pub words: TryWords,
}

/// What an experiment says.
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg(not(feature = "csr"))]
pub struct TryWords {
    pub title: &'static str,
    pub ask: &'static str,
    /// The answers that a reader can pick.
    pub choices: &'static [&'static str],
    /// Shown after the run: what happened and why.
    pub after: &'static str,
}

impl ArticleMeta {
    pub fn preset(&self, id: &str) -> Option<&'static PresetMeta> {
        self.presets.iter().find(|p| p.id == id)
    }

    #[cfg(not(feature = "csr"))]
    pub fn experiment(&self, id: &str) -> Option<&'static TryMeta> {
        self.tries.iter().find(|t| t.id == id)
    }
}

/// Pointers to functions cannot be compared; of one question no two experiments have an id.
impl PartialEq for TryMeta {
    fn eq(&self, other: &TryMeta) -> bool {
        (self.id, self.measure) == (other.id, other.measure)
    }
}

impl TryMeta {
    /// Which choice the reader's own run makes right, if any: no choice is right before it was measured.
    pub fn right_choice(&self, measured: f64) -> Option<usize> {
        press::right_answer(self.answers.iter().copied(), measured)
    }
}

include!(concat!(env!("OUT_DIR"), "/content.rs"));

/// The article's text as an HTML fragment; empty for a slug without an article.
///
/// The browser has no such function: there the text is in the prerendered page, or fetched.
#[cfg(feature = "ssr")]
pub fn article_html(slug: &str) -> &'static str {
    BODIES.iter().find(|(s, _)| *s == slug).map_or("", |(_, html)| html)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn related_questions_have_pages() {
        for a in ARTICLES {
            for other in a.related {
                assert!(CARDS.iter().any(|listed| listed.card == *other), "{} leads to {}", a.slug, other.slug);
            }
        }
    }

    #[test]
    fn ids_find_their_own() {
        for a in ARTICLES {
            for t in a.tries {
                assert_eq!(a.experiment(t.id), Some(t));
                assert!(t.answers.len() >= 2 && t.answers.len() == t.words.choices.len());
            }
            for p in a.presets {
                assert_eq!(a.preset(p.id), Some(p));
            }
        }
    }

    #[cfg(feature = "ssr")]
    #[test]
    fn every_article_has_its_text() {
        for a in ARTICLES {
            assert!(article_html(a.slug).starts_with("<section id=\"question\">"), "{}", a.slug);
        }
        assert_eq!(article_html("no-such-question"), "");
    }
}
