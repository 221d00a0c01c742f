//! What stands above every page except an embed.

use crate::app::use_root;
use crate::pages::focus_quietly;
use crate::prefs::{Theme, use_prefs};
use crate::ui::document;
use crate::ui::el::{Piece, Tag, el};

/// What it stands above, as far as the header cares.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Above {
    Library,
    Question,
    Settings,
    Other,
}

pub fn header(page: Above) -> Piece {
    let root = use_root();
    let (id, words) = match page {
        Above::Question => ("simulation", "Skip to the simulation"),
        _ => ("content", "Skip to the content"),
    };
    // The address keeps its fragment, which may hold a whole run; only the focus moves.
    let skip = el("a").class("skip").attr("href", format!("#{id}")).on("click", move |ev| {
        ev.prevent_default();
        if let Some(target) = document().get_element_by_id(id) {
            target.scroll_into_view();
            focus_quietly(&target);
        }
    });
    let mut brand = el("a").class("brand").attr("href", root.link(""));
    if page == Above::Library {
        brand = brand.attr("aria-current", "page");
    }
    let search = el("a")
        .attrs(&[("class", "button needs-app"), ("aria-keyshortcuts", "/")])
        .attr("href", root.link("#search"))
        .on("click", |ev| {
            // In the library the field is on this page already.
            if let Some(field) = document().get_element_by_id("search") {
                ev.prevent_default();
                focus_quietly(&field);
            }
        })
        .kid("Search ")
        .kid(el("kbd").attr("aria-hidden", "true").kid("/"));
    let mut settings = el("a").class("button").attr("href", root.link("settings/"));
    if page == Above::Settings {
        settings = settings.attr("aria-current", "page");
    }
    let settings = settings.kid("Settings");
    let bar = el("header")
        .attrs(&[("class", "bar"), ("id", "app-header")])
        .kid(brand.kid("break").kid(el("i").kid("able")))
        .kid(el("span").class("tagline").kid("backend questions you can break"))
        .kid(el("span").class("grow"))
        .kid(search)
        .kid(theme_button())
        .kid(settings);
    [skip.kid(words), bar].into()
}

/// Goes through system, light and dark.
pub fn theme_button() -> Tag {
    let prefs = use_prefs();
    // The whole circle is drawn by the style sheet's `currentColor`; the shape says which theme is on.
    let shape = move || {
        let shape = match prefs.theme() {
            Theme::System => "M8 1.5a6.5 6.5 0 0 0 0 13z",
            Theme::Light => "",
            Theme::Dark => "M8 1.5a6.5 6.5 0 0 0 0 13a6.5 6.5 0 0 0 0 -13z",
        };
        shape.to_owned()
    };
    let label = move || {
        let theme = prefs.theme();
        format!("Theme: {}. Change to {}", theme.name(), theme.next().name())
    };
    let circle =
        [("cx", "8"), ("cy", "8"), ("r", "6.5"), ("fill", "none"), ("stroke", "currentColor"), ("stroke-width", "1.5")];
    let icon = el("svg")
        .attrs(&[
            ("viewBox", "0 0 16 16"),
            ("width", "14"),
            ("height", "14"),
            ("aria-hidden", "true"),
            ("focusable", "false"),
        ])
        .kid(el("circle").attrs(&circle))
        .kid(el("path").live("d", shape).attr("fill", "currentColor"));
    el("button")
        .attrs(&[("type", "button"), ("class", "button theme needs-app")])
        .live("aria-label", label)
        .live("title", label)
        .click(move || prefs.set_theme(prefs.theme().next()))
        .kid(icon)
        .kid(el("span").kid("Theme"))
}
