//! A question: its text beside its simulation.
//!
//! In the document: the title, the stage, the text. That is the order on a phone, where all three follow
//! each other; beside each other, the grid puts the stage to the right of both.

use crate::app::use_root;
use crate::content::ArticleMeta;
use crate::entries::Entry;
use crate::pages::article;
use crate::prefs::use_prefs;
use crate::stage::{self, StageMode, tries};
use crate::ui::el::{Piece, Tag, each, el};
use crate::ui::{NodeRef, effect, on_cleanup, on_window, window};
use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;
use web_sys::{HtmlElement, ResizeObserver};

/// Where an interview goes, if the address asks for one.
pub const INTERVIEW_PLACE: &str = "interview";

pub fn question(entry: &'static Entry) -> Piece {
    let meta = entry.meta;
    let prefs = use_prefs();
    effect(move || prefs.visit(meta.slug));
    let slot = NodeRef::new();
    keep_in_sight(slot);
    let crumbs =
        el("p").class("crumbs").kid(el("b").kid(meta.level)).kid(format!(" · {} · {} min", meta.theme, meta.minutes));
    let crumbs =
        crumbs.kid(" · ").kid(el("a").attr("href", use_root().link(&format!("present/{}/", meta.slug))).kid("Present"));
    let head = el("div").class("question-head").kid(crumbs).kid(el("h1").attr("tabindex", "-1").kid(meta.title));
    let simulation = el("section")
        .attrs(&[("class", "stage-slot"), ("id", "simulation"), ("tabindex", "-1")])
        .attr("aria-label", format!("{} simulation", meta.short))
        .node_ref(slot)
        .kid(stage::page(entry, StageMode::Page));
    let body = el("div")
        .class("question-body")
        .kid(article::question(meta.slug))
        .kid(el("div").attr("id", INTERVIEW_PLACE))
        .kid(tries(entry))
        .kid(article::rest(meta.slug))
        .kid(read_next(meta));
    el("main")
        .attrs(&[("class", "question"), ("id", "content"), ("tabindex", "-1")])
        .kid(head)
        .kid(simulation)
        .kid(body)
        .into()
}

/// Where the stage sticks while the text scrolls: by its upper edge if it fits into the window, else by its
/// lower edge, so that all of it can be reached.
fn keep_in_sight(slot: NodeRef<HtmlElement>) {
    const MARGIN_PX: f64 = 16.0;
    let place = move || {
        let Some(slot) = slot.get_untracked() else { return };
        let window_px = window().inner_height().ok().and_then(|h| h.as_f64()).unwrap_or_default();
        let top = (window_px - f64::from(slot.offset_height()) - MARGIN_PX).min(MARGIN_PX);
        _ = slot.style().set_property("--stage-top", &format!("{}px", sim::decimal::fixed(top, 1)));
    };
    on_window("resize", move |_: web_sys::Event| place());
    effect(move || {
        let Some(slot) = slot.get() else { return };
        let closure = Closure::<dyn Fn()>::new(place);
        if let Ok(observer) = ResizeObserver::new(closure.as_ref().unchecked_ref()) {
            observer.observe(&slot);
            on_cleanup(move || {
                observer.disconnect();
                drop(closure);
            });
        }
    });
}

/// The questions that continue this one.
fn read_next(meta: &'static ArticleMeta) -> Option<Tag> {
    let root = use_root();
    let others = each(meta.related, |next| {
        let link = el("a").attr("href", root.question(next.slug)).kid(el("span").kid(next.title)).kid(" ");
        el("li").kid(link.kid(el("span").class("quiet").kid(next.level)))
    });
    (!meta.related.is_empty()).then(|| {
        el("nav")
            .attrs(&[("class", "read-next"), ("aria-labelledby", "read-next")])
            .kid(el("h2").attr("id", "read-next").kid("Read next"))
            .kid(el("ul").kid(others))
    })
}
