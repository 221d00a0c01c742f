//! The player that every question shares.

use leptos::prelude::*;

/// Where the stage stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StageMode {
    Page,
    Embed,
    Present,
}

/// The simulation of the question `slug` with everything that drives it.
#[component]
pub fn Stage(slug: &'static str, mode: StageMode) -> impl IntoView {
    _ = mode;
    view! { <div class="stage" data-slug=slug></div> }
}

/// The experiments of the question `slug`.
#[component]
pub fn TryList(slug: &'static str) -> impl IntoView {
    _ = slug;
}
