//! The pages of the site and what they share.

pub mod accuracy;
pub mod article;
pub mod candidate;
pub mod embed;
pub mod header;
pub mod interview;
pub mod keys;
pub mod library;
pub mod not_found;
pub mod present;
pub mod question;
pub mod settings;
#[cfg(feature = "csr")]
pub mod site;

use crate::ui::document;
use crate::ui::el::Piece;
use header::{Above, header};
use wasm_bindgen::JsCast;
use web_sys::{Element, FocusOptions, HtmlElement};

/// The pages that are no question's. The pages of the questions do without them, and without what they list.
pub struct Lists {
    #[cfg(feature = "csr")]
    pub around: &'static site::Around,
    pub library: fn() -> Piece,
    pub accuracy: fn() -> Piece,
    /// Takes what was asked for.
    pub not_found: fn(&str) -> Piece,
}

pub static LISTS: Lists = Lists {
    #[cfg(feature = "csr")]
    around: &site::AROUND,
    library: || [header(Above::Library), library::library(), keys::keys()].into(),
    accuracy: || [header(Above::Other), accuracy::accuracy(), keys::keys()].into(),
    not_found: |path| [header(Above::Other), not_found::not_found(path), keys::keys()].into(),
};

/// The lists' part of the program.
#[cfg(feature = "csr")]
#[wasm_split_helpers::wasm_split(lists, fallible)]
pub fn lists() -> Result<&'static Lists, wasm_split_helpers::SplitLoaderError> {
    Ok(&LISTS)
}

/// Moves the focus without scrolling: where the page stands is decided elsewhere.
pub fn focus_quietly(element: &Element) {
    if let Some(element) = element.dyn_ref::<HtmlElement>() {
        let options = FocusOptions::new();
        options.set_prevent_scroll(true);
        _ = element.focus_with_options(&options);
    }
}

/// Whether keys belong to a field at the moment, so that they are no commands.
pub fn is_typing() -> bool {
    let Some(element) = document().active_element() else { return false };
    match element.tag_name().as_str() {
        "TEXTAREA" | "SELECT" => true,
        // A slider or a button-like input takes no letters.
        "INPUT" => !matches!(
            element.get_attribute("type").as_deref(),
            Some("range" | "checkbox" | "radio" | "button" | "submit" | "reset")
        ),
        _ => element.dyn_ref::<HtmlElement>().is_some_and(HtmlElement::is_content_editable),
    }
}
