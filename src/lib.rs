//! The web app: nineteen backend interview questions, each beside a simulation that can be broken.
//!
//! The crate compiles twice. With the feature `csr` it is the program that runs in the browser, and
//! [`start`] is its entry. With `ssr` it runs natively and writes the same components as HTML:
//! [`app::render_route`] is called once for every address of [`app::routes`]. With neither, only the
//! pictures are left.

pub mod draw;
pub mod widgets;

#[cfg(feature = "ui")]
pub mod app;
#[cfg(feature = "ui")]
pub mod content;
#[cfg(feature = "ui")]
pub mod entries;
#[cfg(feature = "ui")]
pub mod fetch;
#[cfg(feature = "ui")]
pub mod keeping;
#[cfg(feature = "ui")]
pub mod pages;
#[cfg(feature = "ui")]
pub mod prefs;
#[cfg(feature = "ui")]
pub mod records;
#[cfg(feature = "ui")]
pub mod stage;
#[cfg(feature = "ui")]
pub mod texts;
#[cfg(feature = "ui")]
mod ui;

#[cfg(feature = "csr")]
mod boot;
#[cfg(feature = "csr")]
pub use boot::start;
