//! The wire lab: one message, encoded as services send it, with what every byte is for.
//!
//! ```text
//! the form, as JSON -> form.rs -> message.rs -> prost, serde_json -> miniz_oxide
//!                                                   |                    |
//!                                 walk.rs reads the bytes back     inflate.rs
//!                                                   '---- lines for the page, as JSON
//! ```
//!
//! Nothing here simulates: prost, serde_json and miniz_oxide write the bytes. What is our own code only reads them,
//! to say what each one means. `lab/wire-lab.js` draws.

mod form;
mod inflate;
mod message;
mod report;
mod walk;

#[cfg(target_arch = "wasm32")]
mod browser {
    use wasm_bindgen::prelude::wasm_bindgen;

    /// What the page calls: a form as JSON in, a [`crate::Report`] or a [`crate::Mistake`] as JSON out.
    #[wasm_bindgen]
    pub fn encode(form: &str) -> String {
        crate::encode(form)
    }
}

pub use form::{ITEMS_MAX, Mistake, TEXT_BYTES_MAX, read};
pub use inflate::symbols;
pub use message::{Comment, Item, Message, Order, deflated, json, protobuf};
pub use report::{Encoding, Report, encode, report};
pub use walk::{Part, Type, json_parts, protobuf_parts};
