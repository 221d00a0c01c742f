//! The simulation alone, for a frame on somebody's page.

use crate::app::article;
use crate::fixed::{Fixed, fixed};
use crate::stage::{Stage, StageMode};
use leptos::prelude::*;

pub fn embed(slug: &'static str) -> Fixed {
    fixed(article(slug).map(|meta| {
        view! {
            <main class="embed">
                <h1 class="visually-hidden">{meta.title}</h1>
                <section aria-label=format!("{} simulation", meta.short)>
                    <Stage slug mode=StageMode::Embed/>
                </section>
            </main>
        }
    }))
}
