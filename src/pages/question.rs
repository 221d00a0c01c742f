//! A question: its text beside its simulation.
//!
//! In the document: the title, the stage, the text. That is the order on a phone, where all three follow
//! each other; beside each other, the grid puts the stage to the right of both.

use crate::app::{article, use_root};
use crate::content::ArticleMeta;
use crate::pages::article::Article;
use crate::prefs::use_prefs;
use crate::stage::{Stage, StageMode, TryList};
use leptos::prelude::*;

#[component]
pub fn Question(slug: &'static str) -> impl IntoView {
    let prefs = use_prefs();
    Effect::new(move |_| prefs.visit(slug));
    let text = Article::of(slug);
    article(slug).map(|meta| {
        view! {
            <main class="question" id="content" tabindex="-1">
                <div class="question-head">
                    <p class="crumbs"><b>{meta.level}</b>{format!(" · {} · {} min", meta.theme, meta.minutes)}</p>
                    <h1 tabindex="-1">{meta.title}</h1>
                </div>
                <section class="stage-slot" id="simulation" tabindex="-1" aria-label=format!("{} simulation", meta.short)>
                    <Stage slug mode=StageMode::Page/>
                </section>
                <div class="question-body">
                    {text.question()}
                    <TryList slug/>
                    {text.rest()}
                    <ReadNext meta/>
                </div>
            </main>
        }
    })
}

/// The questions that continue this one.
#[component]
fn ReadNext(meta: &'static ArticleMeta) -> impl IntoView {
    let root = use_root();
    let related: Vec<&ArticleMeta> = meta.related.iter().filter_map(|slug| article(slug)).collect();
    (!related.is_empty()).then(|| {
        view! {
            <nav class="read-next" aria-labelledby="read-next">
                <h2 id="read-next">"Read next"</h2>
                <ul>
                    {related.into_iter().map(|next| view! {
                        <li><a href=root.question(next.slug)><span>{next.title}</span> <span class="quiet">{next.level}</span></a></li>
                    }).collect_view()}
                </ul>
            </nav>
        }
    })
}
