//! All questions.

use crate::app::use_root;
use crate::content::ARTICLES;
use leptos::prelude::*;

#[component]
pub fn Library() -> impl IntoView {
    let root = use_root();
    view! {
        <main class="library" id="content" tabindex="-1">
            <h1 tabindex="-1">"Backend interview questions you can break"</h1>
            <input id="search" type="search"/>
            <ul>
                {ARTICLES.iter().map(|a| view! { <li><a href=root.question(a.slug)>{a.title}</a></li> }).collect_view()}
            </ul>
        </main>
    }
}
