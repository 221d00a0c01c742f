//! A question: its text beside its simulation.

use crate::app::article;
use crate::pages::article::Article;
use crate::prefs::use_prefs;
use crate::stage::{Stage, StageMode, TryList};
use leptos::prelude::*;

#[component]
pub fn Question(slug: &'static str) -> impl IntoView {
    let prefs = use_prefs();
    Effect::new(move |_| prefs.visit(slug));
    let meta = article(slug);
    meta.map(|meta| {
        view! {
            <main class="question" id="content" tabindex="-1">
                <div class="question-head">
                    <p class="crumbs"><b>{meta.level}</b>{format!(" · {} · {} min", meta.theme, meta.minutes)}</p>
                    <h1 tabindex="-1">{meta.title}</h1>
                </div>
                <section class="stage-slot" id="simulation" tabindex="-1" aria-label="Simulation">
                    <Stage slug mode=StageMode::Page/>
                </section>
                <div class="question-body">
                    <p class="intro">{meta.summary}</p>
                    <TryList slug/>
                    <Article slug/>
                </div>
            </main>
        }
    })
}
