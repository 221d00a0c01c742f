//! What a question has to say, read from its page.

use super::talk::{FollowUp, Material, TryText};
use crate::entries::Entry;
use crate::fetch;
use crate::ui::markup::Markup;
use wasm_bindgen::JsCast;
use web_sys::{Document, Element};

/// Reads the page at `url`.
pub async fn read(url: &str, entry: &'static Entry) -> Result<Material, String> {
    let page = fetch::page(url).await.map_err(|why| why.to_string())?;
    Ok(Material {
        title: entry.meta.title.to_owned(),
        prompt: first(&page, "#question").map(|e| Markup::inside(&e)).unwrap_or_default(),
        short_answer: folded(&page, "#short-answer"),
        long_answer: folded(&page, "#long-answer"),
        tries: all(&page, ".try").iter().map(experiment).collect(),
        follow_ups: all(&page, ".followup").iter().filter_map(follow_up).collect(),
    })
}

fn first(page: &Document, selector: &str) -> Option<Element> {
    page.query_selector(selector).ok().flatten()
}

fn all(page: &Document, selector: &str) -> Vec<Element> {
    let Ok(list) = page.query_selector_all(selector) else { return Vec::new() };
    (0..list.length()).filter_map(|i| list.item(i)?.dyn_into().ok()).collect()
}

/// What is inside of a section's fold, without its heading.
fn folded(page: &Document, selector: &str) -> Markup {
    let Some(section) = first(page, selector) else { return Markup::default() };
    if let Ok(Some(summary)) = section.query_selector("summary") {
        summary.remove();
    }
    let fold = section.query_selector("details").ok().flatten();
    Markup::inside(&fold.unwrap_or(section))
}

fn text(e: &Element, selector: &str) -> String {
    let found = e.query_selector(selector).ok().flatten();
    found.and_then(|f| f.text_content()).unwrap_or_default()
}

fn experiment(card: &Element) -> TryText {
    let buttons = card.query_selector_all(".guess .choice > :first-child").ok();
    let choices =
        buttons.map_or(Vec::new(), |list| (0..list.length()).filter_map(|i| list.item(i)?.text_content()).collect());
    TryText {
        id: card.id().trim_start_matches("try-").to_owned(),
        title: text(card, ".title"),
        ask: text(card, "p"),
        choices,
        after: card.get_attribute("data-after").unwrap_or_default(),
    }
}

fn follow_up(fold: &Element) -> Option<FollowUp> {
    let level = text(fold, ".level");
    let question = text(fold, "h3").trim_start_matches(&level).trim().to_owned();
    fold.query_selector("summary").ok()??.remove();
    Some(FollowUp { level, question, answer: Markup::inside(fold) })
}
