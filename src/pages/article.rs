//! The text of a question.
//!
//! Texts are not in the program. A prerendered page brings its own, and the app moves those nodes over
//! when it mounts; on a navigation inside the app the text comes as `articles/<slug>.html`. Only files
//! of our own build get into the document, never a part of the address.

use crate::app::use_root;
use crate::fetch::{self, FetchError};
use leptos::html::Div;
use leptos::prelude::*;
use std::cell::RefCell;

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

/// Moves the prerendered text out of `old` into the mounted article within `host`.
pub fn take_over(host: &web_sys::Element, old: &web_sys::Element) {
    EXPECTED.set(None);
    let Some(slug) = old.get_attribute("data-article") else { return };
    // The old one stands before the new one in the document.
    let Ok(list) = host.query_selector_all(&format!("[data-article=\"{slug}\"]")) else { return };
    let Some(new) = list.item(list.length().saturating_sub(1)) else { return };
    if new.is_same_node(Some(old)) {
        return;
    }
    remember(&slug, &old.inner_html());
    while let Some(node) = old.first_child() {
        _ = new.append_child(&node);
    }
}

fn remember(slug: &str, html: &str) {
    SEEN.with_borrow_mut(|seen| {
        if !seen.iter().any(|(s, _)| s == slug) {
            seen.push((slug.to_owned(), html.to_owned()));
        }
    });
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Status {
    Shown,
    Loading,
    Failed(FetchError),
}

/// The text of the question `slug`.
#[component]
pub fn Article(slug: &'static str) -> impl IntoView {
    let prerendered = prerendered_html(slug);
    let expected = EXPECTED.with_borrow(|e| e.as_deref() == Some(slug));
    let status = RwSignal::new(if expected || !prerendered.is_empty() { Status::Shown } else { Status::Loading });
    let body = NodeRef::<Div>::new();
    let attempt = RwSignal::new(0_u32);
    let url = use_root().link(&format!("articles/{slug}.html"));

    Effect::new(move |_| {
        attempt.track();
        if status.get_untracked() == Status::Shown {
            return;
        }
        status.set(Status::Loading);
        let url = url.clone();
        leptos::task::spawn_local(async move {
            let result = match SEEN.with_borrow(|seen| seen.iter().find(|(s, _)| s == slug).map(|(_, html)| html.clone())) {
                Some(html) => Ok(html),
                None => download(&url).await,
            };
            match result {
                Ok(html) => {
                    remember(slug, &html);
                    // The reader may have gone on while the text was on its way.
                    if let Some(body) = body.try_get_untracked().flatten() {
                        body.set_inner_html(&html);
                    }
                    status.try_set(Status::Shown);
                }
                Err(error) => {
                    status.try_set(Status::Failed(error));
                }
            }
        });
    });

    view! {
        <div class="article" data-article=slug node_ref=body inner_html=prerendered></div>
        <div class="article-status" aria-live="polite">
            {move || match status.get() {
                Status::Shown => ().into_any(),
                Status::Loading => view! { <p class="quiet">"Fetching the text…"</p> }.into_any(),
                Status::Failed(error) => view! {
                    <p>
                        {format!("The text of this question did not arrive: {error}. The simulation works without it. ")}
                        <button type="button" class="button" on:click=move |_| attempt.update(|n| *n += 1)>"Try again"</button>
                    </p>
                }.into_any(),
            }}
        </div>
    }
}

async fn download(url: &str) -> Result<String, FetchError> {
    let html = fetch::text(url).await?;
    // Some hosts answer every missing file with a whole page. A fragment never begins like one.
    let start = html.trim_start().get(..5).unwrap_or_default().to_ascii_lowercase();
    if start.is_empty() || start == "<!doc" || start == "<html" { Err(FetchError::Unexpected) } else { Ok(html) }
}

#[cfg(feature = "ssr")]
fn prerendered_html(slug: &str) -> &'static str {
    crate::content::article_html(slug)
}

#[cfg(not(feature = "ssr"))]
fn prerendered_html(_slug: &str) -> &'static str {
    ""
}
