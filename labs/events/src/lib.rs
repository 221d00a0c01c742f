//! The events lab: the reader's own account events, and the states that they fold to.
//!
//! ```text
//! the page's form, as JSON -> form.rs: typed events, or a sentence about the field that is wrong
//!                                |
//!              sim::blocks::{account, event_store}: append, upcast, fold, snapshot
//!                                |
//!                             report.rs: what the page shows, as JSON
//! ```
//!
//! Every rule is the simulation's: this crate reads forms and writes sentences. `lab/events-lab.js` draws.

mod form;
mod report;

#[cfg(target_arch = "wasm32")]
mod browser {
    use wasm_bindgen::prelude::wasm_bindgen;

    /// What the page calls to see its events: a form as JSON in, a report or a mistake as JSON out.
    #[wasm_bindgen]
    pub fn fold(form: &str) -> String {
        crate::fold(form)
    }

    /// What the page calls to add an event: form and draft as JSON in; the new version, or why not.
    #[wasm_bindgen]
    pub fn append(form: &str) -> String {
        crate::append(form)
    }
}

pub use form::{EUROS_MAX, EVENTS_MAX, Mistake};
pub use report::{append, fold};
