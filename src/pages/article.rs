//! The text of a question.
//!
//! Texts are not in the program. A prerendered page brings its own, and the app moves those nodes over
//! when it mounts. No part of the address gets into the document.
//!
//! A text has two parts, for the experiments stand between them: its first section, which says what is
//! asked, and the folded rest. In the document each is a `<div data-article="<slug>" data-part="...">`.

use crate::pages::focus_quietly;
use crate::ui::document;
use crate::ui::el::{Tag, el};
use crate::ui::markup::Markup;
use wasm_bindgen::JsCast;
use web_sys::{Element, HtmlDetailsElement};

/// Moves prerendered text within `host` out of `old`, which [`parts_in`] found before the app was
/// mounted, into the places that the mounted app has for it.
pub fn take_over(host: &Element, old: &[Element]) {
    for old in old {
        let part = old.get_attribute("data-part");
        let new = parts_in(host)
            .into_iter()
            .find(|new| !old.is_same_node(Some(new)) && new.get_attribute("data-part") == part);
        let Some(new) = new else { continue };
        while let Some(node) = old.first_child() {
            _ = new.append_child(&node);
        }
    }
}

/// The parts of texts within `host`, in the order of the document.
pub fn parts_in(host: &Element) -> Vec<Element> {
    let Ok(list) = host.query_selector_all("[data-part]") else { return Vec::new() };
    (0..list.length()).filter_map(|i| list.item(i)?.dyn_into().ok()).collect()
}

/// The first section, and the rest.
#[cfg(not(feature = "csr"))]
fn split(html: &str) -> (&str, &str) {
    const END: &str = "</section>";
    html.find(END).map_or((html, ""), |at| html.split_at(at + END.len()))
}

/// What is asked.
pub fn question(slug: &'static str) -> Tag {
    part(slug, "question", prerendered(slug).0)
}

/// Everything after it.
pub fn rest(slug: &'static str) -> Tag {
    part(slug, "rest", prerendered(slug).1)
}

fn part(slug: &'static str, name: &'static str, html: Markup) -> Tag {
    el("div").class("article").attr("data-article", slug).attr("data-part", name).html(html).on("click", follow_inside)
}

/// Opens what is folded around the place that the address names, and shows it. The browser has looked for that
/// place already, but not into folds.
pub fn follow_address(hash: &str) {
    if let Some(target) = target_of(hash)
        && target.closest("[data-article]").is_ok_and(|text| text.is_some())
        && reveal(&target)
    {
        target.scroll_into_view();
    }
}

/// A link to a place on this page opens what is folded around it. The browser then scrolls there.
fn follow_inside(ev: web_sys::Event) {
    let Some(clicked) = ev.target().and_then(|t| t.dyn_into::<Element>().ok()) else { return };
    let Ok(Some(link)) = clicked.closest("a[href^='#']") else { return };
    if let Some(target) = link.get_attribute("href").and_then(|href| target_of(&href)) {
        reveal(&target);
        if !target.has_attribute("tabindex") {
            _ = target.set_attribute("tabindex", "-1");
        }
        focus_quietly(&target);
    }
}

fn target_of(hash: &str) -> Option<Element> {
    let id = hash.strip_prefix('#').filter(|id| !id.is_empty())?;
    let id = js_sys::decode_uri_component(id).ok()?.as_string()?;
    document().get_element_by_id(&id)
}

/// Opens every fold that `target` is in, and the one that it is. Whether one was closed.
fn reveal(target: &Element) -> bool {
    let mut closed = false;
    let own = target.first_element_child();
    let mut at = Some(own.filter(|e| e.tag_name() == "DETAILS").unwrap_or_else(|| target.clone()));
    while let Some(element) = at {
        if let Some(details) = element.dyn_ref::<HtmlDetailsElement>() {
            closed |= !details.open();
            details.set_open(true);
        }
        at = element.parent_element();
    }
    closed
}

/// The markup of what is asked, without its section.
#[cfg(not(feature = "csr"))]
pub fn question_markup(slug: &str) -> Markup {
    let section = split(crate::content::article_html(slug)).0;
    let inner = section.split_once('>').map_or(section, |(_, inner)| inner);
    Markup::rendered(inner.strip_suffix("</section>").unwrap_or(inner))
}

/// The two parts of a text.
#[cfg(not(feature = "csr"))]
fn prerendered(slug: &str) -> (Markup, Markup) {
    let (question, rest) = split(crate::content::article_html(slug));
    (Markup::rendered(question), Markup::rendered(rest))
}

/// The page has them.
#[cfg(feature = "csr")]
fn prerendered(_slug: &str) -> (Markup, Markup) {
    (Markup::default(), Markup::default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_experiments_stand_after_the_first_section() {
        assert_eq!(
            split("<section>a</section>\n<section>b</section>"),
            ("<section>a</section>", "\n<section>b</section>")
        );
        assert_eq!(split("no sections"), ("no sections", ""));
        assert_eq!(split(""), ("", ""));
    }
}
