//! The simulation alone, for a frame on somebody's page.

use crate::app::article;
use crate::stage::{Stage, StageMode};
use leptos::prelude::*;

#[component]
pub fn Embed(slug: &'static str) -> impl IntoView {
    view! {
        <main class="embed">
            <h1 class="visually-hidden">{article(slug).map(|meta| meta.title)}</h1>
            <Stage slug mode=StageMode::Embed/>
        </main>
    }
}
