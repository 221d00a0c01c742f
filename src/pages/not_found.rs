//! The page at every address that has no page.

use crate::app::use_root;
use crate::content::ARTICLES;
use leptos::prelude::*;

#[component]
pub fn NotFound() -> impl IntoView {
    let root = use_root();
    view! {
        <main class="plain" id="content" tabindex="-1">
            <h1 tabindex="-1">"There is no page at this address"</h1>
            <ul>
                {ARTICLES.iter().map(|a| view! { <li><a href=root.question(a.slug)>{a.title}</a></li> }).collect_view()}
            </ul>
        </main>
    }
}
