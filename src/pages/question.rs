//! A question: its text beside its simulation.
//!
//! In the document: the title, the stage, the text. That is the order on a phone, where all three follow
//! each other; beside each other, the grid puts the stage to the right of both.

use crate::app::{self, use_root};
use crate::content::ArticleMeta;
use crate::fixed::{Fixed, fixed};
use crate::pages::article;
use crate::prefs::use_prefs;
use crate::stage::{Stage, StageMode, TryList};
use leptos::html::Section;
use leptos::prelude::*;
use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;
use web_sys::ResizeObserver;

pub fn question(slug: &'static str) -> Fixed {
    let prefs = use_prefs();
    Effect::new(move |_| prefs.visit(slug));
    let slot = NodeRef::new();
    keep_in_sight(slot);
    fixed(app::article(slug).map(|meta| {
        view! {
            <main class="question" id="content" tabindex="-1">
                <div class="question-head">
                    <p class="crumbs"><b>{meta.level}</b>{format!(" · {} · {} min", meta.theme, meta.minutes)}</p>
                    <h1 tabindex="-1">{meta.title}</h1>
                </div>
                <section class="stage-slot" node_ref=slot id="simulation" tabindex="-1" aria-label=format!("{} simulation", meta.short)>
                    <Stage slug mode=StageMode::Page/>
                </section>
                <div class="question-body">
                    {article::question(slug)}
                    <TryList slug/>
                    {article::rest(slug)}
                    {read_next(meta)}
                </div>
            </main>
        }
    }))
}

/// Where the stage sticks while the text scrolls: by its upper edge if it fits into the window, else by its
/// lower edge, so that all of it can be reached.
fn keep_in_sight(slot: NodeRef<Section>) {
    const MARGIN_PX: f64 = 16.0;
    Effect::new(move |_| {
        let Some(slot) = slot.get() else { return };
        let place = {
            let slot = slot.clone();
            move || {
                let window_px = window().inner_height().ok().and_then(|h| h.as_f64()).unwrap_or_default();
                let top = (window_px - f64::from(slot.offset_height()) - MARGIN_PX).min(MARGIN_PX);
                _ = slot.style().set_property("--stage-top", &format!("{top}px"));
            }
        };
        let resized = window_event_listener(leptos::ev::resize, {
            let place = place.clone();
            move |_| place()
        });
        let closure = Closure::<dyn Fn()>::new(place);
        let observer = ResizeObserver::new(closure.as_ref().unchecked_ref()).ok();
        if let Some(observer) = &observer {
            observer.observe(&slot);
        }
        let kept = StoredValue::new_local((observer, closure));
        on_cleanup(move || {
            resized.remove();
            _ = kept.try_with_value(|(observer, _)| observer.as_ref().map(ResizeObserver::disconnect));
        });
    });
}

/// The questions that continue this one.
fn read_next(meta: &'static ArticleMeta) -> impl IntoView {
    let root = use_root();
    let related: Vec<&ArticleMeta> = meta.related.iter().filter_map(|slug| app::article(slug)).collect();
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
