//! The graph lab: the reader's own GraphQL query, executed against a small database.
//!
//! ```text
//! the form, as JSON -> form.rs -> cynic-parser -> plan.rs: what is asked for, or what is wrong with it
//!                                                    |
//!                     data.rs <--statements-- run.rs: tick by tick, with and without a loader
//!                                                    |
//!                                   report.rs: serde_json writes the response; bytes, statements, notes
//! ```
//!
//! Nothing here is looked up in a table of answers: the query is parsed, validated and executed as the GraphQL
//! specification (October 2021, sections 5 and 6) says, for the part of it that the lab's schema needs. Every statement
//! is listed, and every byte counted is one that serde_json wrote. `lab/graph-lab.js` draws.

mod data;
mod form;
mod plan;
mod report;
mod run;
mod schema;

#[cfg(target_arch = "wasm32")]
mod browser {
    use wasm_bindgen::prelude::wasm_bindgen;

    /// What the page calls: a form as JSON in, a report or mistakes as JSON out.
    #[wasm_bindgen]
    pub fn execute(form: &str) -> String {
        crate::execute(form)
    }

    /// The schema that queries are written against.
    #[wasm_bindgen]
    pub fn schema() -> String {
        crate::SCHEMA.to_owned()
    }
}

pub use form::{DEPTH_MAX, FIELDS_MAX, LIST_MAX, Mistake, OBJECTS_MAX, QUERY_BYTES_MAX, VARIABLES_BYTES_MAX};
pub use report::execute;
pub use schema::SCHEMA;
