//! A moment for somebody who is asked: the question, the stage, and no answer, neither on the page nor in anything
//! that it loads.

use super::article;
use crate::entries::Entry;
use crate::pages::header::theme_button;
use crate::stage::{self, StageMode};
use crate::ui::el::{Piece, el};

pub fn candidate(entry: &'static Entry) -> Piece {
    let meta = entry.meta;
    let head = el("header")
        .class("bar")
        .kid(el("span").class("brand").kid("break").kid(el("i").kid("able")))
        .kid(el("span").class("grow"))
        .kid(theme_button());
    let simulation = el("section")
        .attrs(&[("class", "stage-slot"), ("id", "simulation")])
        .attr("aria-label", format!("{} simulation", meta.short))
        .kid(stage::page(entry, StageMode::Candidate));
    let page = el("main")
        .attrs(&[("class", "question"), ("id", "content")])
        .kid(el("div").class("question-head").kid(el("h1").kid(meta.title)))
        .kid(simulation)
        .kid(el("div").class("question-body").kid(article::question(meta.slug)));
    [Piece::from(head), page.into()].into()
}
