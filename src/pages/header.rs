//! What stands above every page except an embed.

use crate::app::{Place, use_root};
use crate::fixed::{Fixed, fixed};
use crate::pages::focus_quietly;
use crate::prefs::{Theme, use_prefs};
use leptos::prelude::*;

pub fn header(place: Place) -> Fixed {
    let root = use_root();
    let skip = match place {
        Place::Question(_) => ("simulation", "Skip to the simulation"),
        _ => ("content", "Skip to the content"),
    };
    // The address keeps its fragment, which may hold a whole run; only the focus moves.
    let skip_to = move |ev: leptos::ev::MouseEvent| {
        ev.prevent_default();
        if let Some(target) = document().get_element_by_id(skip.0) {
            target.scroll_into_view();
            focus_quietly(&target);
        }
    };
    // In the library the field is on this page already.
    let search = |ev: leptos::ev::MouseEvent| {
        if let Some(field) = document().get_element_by_id("search") {
            ev.prevent_default();
            focus_quietly(&field);
        }
    };
    fixed(view! {
        <a class="skip" href=format!("#{}", skip.0) on:click=skip_to>{skip.1}</a>
        <header class="bar" id="app-header">
            <a class="brand" href=root.link("") aria-current=(place == Place::Library).then_some("page")>"break"<i>"able"</i></a>
            <span class="tagline">"backend questions you can break"</span>
            <span class="grow"></span>
            <a class="button needs-app" href=root.link("#search") aria-keyshortcuts="/" on:click=search>
                "Search" <kbd aria-hidden="true">"/"</kbd>
            </a>
            {theme_button()}
        </header>
    })
}

/// Goes through system, light and dark.
fn theme_button() -> Fixed {
    let prefs = use_prefs();
    // The whole circle is drawn by the style sheet's `currentColor`; the shape says which theme is on.
    let shape = move || match prefs.theme() {
        Theme::System => "M8 1.5a6.5 6.5 0 0 0 0 13z",
        Theme::Light => "",
        Theme::Dark => "M8 1.5a6.5 6.5 0 0 0 0 13a6.5 6.5 0 0 0 0 -13z",
    };
    let label = move || {
        let theme = prefs.theme();
        format!("Theme: {}. Change to {}", theme.name(), theme.next().name())
    };
    fixed(view! {
        <button
            type="button"
            class="button theme needs-app"
            aria-label=label
            title=label
            on:click=move |_| prefs.set_theme(prefs.theme().next())
        >
            <svg viewBox="0 0 16 16" width="14" height="14" aria-hidden="true" focusable="false">
                <circle cx="8" cy="8" r="6.5" fill="none" stroke="currentColor" stroke-width="1.5"></circle>
                <path d=shape fill="currentColor"></path>
            </svg>
            "Theme"
        </button>
    })
}
