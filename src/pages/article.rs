//! The text of a question.
//!
//! Texts are not in the program. A prerendered page brings its own, and the app moves those nodes over
//! when it mounts; on a navigation inside the app the text comes as `articles/<slug>.html`. Only files
//! of our own build get into the document, never a part of the address.
//!
//! A text has two parts, for the experiments stand between them: its first section, which says what is
//! asked, and the folded rest. In the document each is a `<div data-article="<slug>" data-part="...">`.

use crate::app::use_root;
use crate::fetch::{self, FetchError};
use crate::pages::focus_quietly;
use leptos::html::Div;
use leptos::prelude::*;
use std::cell::RefCell;
use wasm_bindgen::JsCast;
use web_sys::{Element, HtmlDetailsElement};

thread_local! {
    /// The slug whose text the prerendered page brought and [`take_over`] is about to hand in.
    static EXPECTED: RefCell<Option<String>> = const { RefCell::new(None) };
    /// Texts seen during this visit, so that going back shows them at once.
    static SEEN: RefCell<Vec<(String, String)>> = const { RefCell::new(Vec::new()) };
}

/// Announces that the text of `slug` is in the document already and need not be fetched.
pub fn expect(slug: &str) {
    EXPECTED.set(Some(slug.to_owned()));
}

/// Moves prerendered text within `host` out of `old`, which [`parts_in`] found before the app was
/// mounted, into the places that the mounted app has for it.
pub fn take_over(host: &Element, old: &[Element]) {
    EXPECTED.set(None);
    let mut html = String::new();
    for old in old {
        let (Some(slug), Some(part)) = (old.get_attribute("data-article"), old.get_attribute("data-part")) else {
            continue;
        };
        html.push_str(&old.inner_html());
        let new = parts_in(host).into_iter().find(|new| {
            !old.is_same_node(Some(new))
                && new.get_attribute("data-article").as_ref() == Some(&slug)
                && new.get_attribute("data-part").as_ref() == Some(&part)
        });
        let Some(new) = new else { return };
        while let Some(node) = old.first_child() {
            _ = new.append_child(&node);
        }
        remember(&slug, &html);
    }
}

/// The parts of texts within `host`, in the order of the document.
pub fn parts_in(host: &Element) -> Vec<Element> {
    let Ok(list) = host.query_selector_all("[data-article]") else { return Vec::new() };
    (0..list.length()).filter_map(|i| list.item(i)?.dyn_into().ok()).collect()
}

fn remember(slug: &str, html: &str) {
    SEEN.with_borrow_mut(|seen| match seen.iter_mut().find(|(s, _)| s == slug) {
        Some((_, known)) => html.clone_into(known),
        None => seen.push((slug.to_owned(), html.to_owned())),
    });
}

fn recall(slug: &str) -> Option<String> {
    SEEN.with_borrow(|seen| seen.iter().find(|(s, _)| s == slug).map(|(_, html)| html.clone()))
}

/// The first section, and the rest.
fn split(html: &str) -> (&str, &str) {
    const END: &str = "</section>";
    html.find(END).map_or((html, ""), |at| html.split_at(at + END.len()))
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Status {
    Shown,
    Loading,
    Failed(FetchError),
}

/// The text of one question, while its page is shown.
#[derive(Clone, Copy)]
pub struct Article {
    slug: &'static str,
    status: RwSignal<Status>,
    attempt: RwSignal<u32>,
    question: NodeRef<Div>,
    rest: NodeRef<Div>,
}

impl Article {
    /// Takes the text of `slug` from where it is: the prerendered page, an earlier view, or the host.
    pub fn of(slug: &'static str) -> Article {
        let here = !prerendered_html(slug).is_empty() || EXPECTED.with_borrow(|e| e.as_deref() == Some(slug));
        let article = Article {
            slug,
            status: RwSignal::new(if here { Status::Shown } else { Status::Loading }),
            attempt: RwSignal::new(0),
            question: NodeRef::new(),
            rest: NodeRef::new(),
        };
        let url = fragment_url(slug);
        Effect::new(move |_| {
            article.attempt.track();
            if article.status.get_untracked() == Status::Shown {
                return;
            }
            if let Some(html) = recall(slug) {
                article.show(&html);
                return;
            }
            article.status.set(Status::Loading);
            let url = url.clone();
            leptos::task::spawn_local(async move {
                match download(&url).await {
                    Ok(html) => {
                        remember(slug, &html);
                        article.show(&html);
                    }
                    Err(error) => {
                        article.status.try_set(Status::Failed(error));
                    }
                }
            });
        });
        article
    }

    /// Puts the text into the page, unless the reader has gone on while it was on its way.
    fn show(self, html: &str) {
        let (Some(Some(question)), Some(Some(rest))) =
            (self.question.try_get_untracked(), self.rest.try_get_untracked())
        else {
            return;
        };
        let parts = split(html);
        question.set_inner_html(parts.0);
        rest.set_inner_html(parts.1);
        self.status.set(Status::Shown);
        if let Some(target) = location().hash().ok().and_then(|hash| target_of(&hash))
            && (question.contains(Some(&target)) || rest.contains(Some(&target)))
        {
            reveal(&target);
            target.scroll_into_view();
        }
    }

    /// What is asked.
    pub fn question(self) -> impl IntoView {
        let (html, _) = split(prerendered_html(self.slug));
        view! {
            <div class="article" data-article=self.slug data-part="question" node_ref=self.question inner_html=html on:click=follow_inside></div>
            <div aria-live="polite">{move || self.state()}</div>
        }
    }

    /// Everything after it.
    pub fn rest(self) -> impl IntoView {
        let (_, html) = split(prerendered_html(self.slug));
        view! {
            <div class="article" data-article=self.slug data-part="rest" node_ref=self.rest inner_html=html on:click=follow_inside></div>
        }
    }

    fn state(self) -> impl IntoView {
        let again = move |_| self.attempt.update(|n| *n += 1);
        match self.status.get() {
            Status::Shown => ().into_any(),
            Status::Loading => view! { <p class="quiet">"Fetching the text…"</p> }.into_any(),
            Status::Failed(error) => view! {
                <p class="notice">
                    {format!("The text of this question did not arrive: {error}. The simulation works without it. ")}
                    <button type="button" class="button" on:click=again>"Try again"</button>
                </p>
            }
            .into_any(),
        }
    }
}

/// Gets the text of `slug` ready before it is asked for, when a link to it is about to be followed.
pub fn prefetch(slug: &'static str, url: String) {
    if recall(slug).is_some() {
        return;
    }
    leptos::task::spawn_local(async move {
        if let Ok(html) = download(&url).await {
            remember(slug, &html);
        }
    });
}

/// Where the text of `slug` is.
pub fn fragment_url(slug: &str) -> String {
    use_root().link(&format!("articles/{slug}.html"))
}

async fn download(url: &str) -> Result<String, FetchError> {
    let html = fetch::text(url).await?;
    // Some hosts answer every missing file with a page of theirs. A text always begins like this.
    if html.starts_with("<section id=\"question\">") { Ok(html) } else { Err(FetchError::Unexpected) }
}

/// A link to a place on this page opens what is folded around it. The router then scrolls there.
fn follow_inside(ev: leptos::ev::MouseEvent) {
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

/// Opens every fold that `target` is in, and the one that it is.
fn reveal(target: &Element) {
    let own = target.first_element_child();
    let mut at = Some(own.filter(|e| e.tag_name() == "DETAILS").unwrap_or_else(|| target.clone()));
    while let Some(element) = at {
        if let Some(details) = element.dyn_ref::<HtmlDetailsElement>() {
            details.set_open(true);
        }
        at = element.parent_element();
    }
}

#[cfg(feature = "ssr")]
fn prerendered_html(slug: &str) -> &'static str {
    crate::content::article_html(slug)
}

#[cfg(not(feature = "ssr"))]
fn prerendered_html(_slug: &str) -> &'static str {
    ""
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

    #[test]
    fn a_text_seen_again_replaces_the_old_one() {
        remember("a", "1");
        remember("a", "2");
        assert_eq!(recall("a").as_deref(), Some("2"));
        assert_eq!(recall("b"), None);
    }
}
