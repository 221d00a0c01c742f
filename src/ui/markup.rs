//! The one kind of data that becomes elements: markup of the site's own pages.
//!
//! In the browser it is never a text. It is what stands in an element that the browser has parsed itself, from the page
//! that it shows or from another file of the site ([`crate::fetch::page`]), and there is no way to make it from a
//! string. So nothing of a link, a message, a file or a field can become markup, whatever is in it. The policy of every
//! page says the same to the browser: `require-trusted-types-for 'script'`, and no policy that makes HTML.

use web_sys::Element;

/// Markup of the site's own pages.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Markup(Held);

/// The element that it stands in.
#[cfg(feature = "csr")]
type Held = Option<Element>;
/// Natively the site is made.
#[cfg(not(feature = "csr"))]
type Held = String;

#[cfg(feature = "csr")]
impl Markup {
    /// What stands in `element` now.
    pub fn inside(element: &Element) -> Markup {
        use wasm_bindgen::JsCast;
        Markup(element.clone_node_with_deep(true).ok().and_then(|copy| copy.dyn_into().ok()))
    }

    /// Puts it into `place`, instead of what is there.
    pub fn put(&self, place: &Element) {
        place.set_text_content(None);
        let Some(copy) = self.0.as_ref().and_then(|held| held.clone_node_with_deep(true).ok()) else { return };
        while let Some(node) = copy.first_child() {
            _ = place.append_child(&node);
        }
    }
}

#[cfg(not(feature = "csr"))]
impl Markup {
    /// What the build has rendered.
    pub fn rendered(html: impl Into<String>) -> Markup {
        Markup(html.into())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Compiled like the rest of the browser's code, never called.
    pub fn inside(element: &Element) -> Markup {
        Markup(element.inner_html())
    }

    pub fn put(&self, place: &Element) {
        place.set_inner_html(&self.0);
    }
}
