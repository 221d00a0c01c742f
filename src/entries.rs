//! A question as one value: its texts, its model and its picture.
//!
//! Natively all of them are in one list. In the browser each is a part of the program of its own, which is
//! downloaded with the first page that shows it: [`load`]. `build.rs` writes both from what is in `content/`.

use crate::content::{self, ArticleMeta};
use crate::widgets::{self, Picture};
use sim::declare::Question;
use sim::questions;

/// Everything there is of one question.
pub struct Entry {
    pub meta: &'static ArticleMeta,
    pub question: &'static Question,
    pub picture: &'static Picture,
}

/// A question's part of the program, or that it could not be downloaded.
#[cfg(feature = "csr")]
pub type Loaded = Result<&'static Entry, wasm_split_helpers::SplitLoaderError>;

include!(concat!(env!("OUT_DIR"), "/entries.rs"));

/// The question `slug`.
#[cfg(not(feature = "csr"))]
pub fn find(slug: &str) -> Option<&'static Entry> {
    ALL.iter().copied().find(|entry| entry.meta.slug == slug)
}
