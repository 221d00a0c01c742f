//! A question as one value: its texts, its model and its picture.
//!
//! Natively all of them are in one list. In the browser each is a part of the program of its own, which is
//! downloaded with the first page that shows it: [`load`]. What it says in words follows when somebody wants to
//! read it. `build.rs` writes both from what is in `content/`.

#[cfg(feature = "csr")]
use crate::content::Tries;
use crate::content::{self, ArticleMeta};
use crate::widgets::{self, Picture};
use sim::declare::Question;
#[cfg(feature = "csr")]
use sim::kernel::Told;
use sim::questions;
#[cfg(feature = "csr")]
use std::pin::Pin;

/// A part of the program on its way.
#[cfg(feature = "csr")]
pub type Loading<T> = Pin<Box<dyn Future<Output = Loaded<T>>>>;

/// Everything there is of one question.
pub struct Entry {
    pub meta: &'static ArticleMeta,
    pub question: &'static Question,
    pub picture: &'static Picture,
    /// Downloads what the question says in words.
    #[cfg(feature = "csr")]
    pub told: fn() -> Loading<Told>,
    /// Downloads its experiments: which answer is right is nowhere else, so a page that does not ask has no answer.
    #[cfg(feature = "csr")]
    pub tries: fn() -> Loading<Tries>,
}

/// A part of the program, or that it could not be downloaded.
#[cfg(feature = "csr")]
pub type Loaded<T> = Result<&'static T, wasm_split_helpers::SplitLoaderError>;

include!(concat!(env!("OUT_DIR"), "/entries.rs"));

/// The question `slug`.
#[cfg(not(feature = "csr"))]
pub fn find(slug: &str) -> Option<&'static Entry> {
    ALL.iter().copied().find(|entry| entry.meta.slug == slug)
}
