//! The pages of the site and what they share.

pub mod article;
pub mod embed;
pub mod header;
pub mod library;
pub mod not_found;
pub mod question;

use leptos::prelude::document;
use wasm_bindgen::JsCast;
use web_sys::{Element, FocusOptions, HtmlElement};

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
