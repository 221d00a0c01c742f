//! The simulation alone, for a frame on somebody's page.

use crate::entries::Entry;
use crate::stage;
use crate::ui::el::{Piece, el};

pub fn embed(entry: &'static Entry) -> Piece {
    let meta = entry.meta;
    let simulation = el("section").attr("aria-label", format!("{} simulation", meta.short));
    el("main")
        .class("embed")
        .kid(el("h1").class("visually-hidden").kid(meta.title))
        .kid(simulation.kid(stage::embed(entry)))
        .into()
}
