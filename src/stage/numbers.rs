//! The numbers of a run, large for the few that matter, the rest in a table; and one chart over time.

use super::player::{Player, Side};
use super::{Handle, Lent, chart};
use crate::draw::number;
use crate::ui::el::{Piece, Tag, each, el, live, part};
use crate::ui::{NodeRef, Signal};
use sim::text::joined;
use sim::{Better, Number};
use web_sys::HtmlElement;

/// A value with its unit, or why there is none.
pub fn shown(n: &Number, v: Option<f64>) -> String {
    match v {
        None => "too few yet".to_string(),
        Some(v) if n.unit.is_empty() && v.fract() == 0.0 && v.abs() < 1e9 => number::Count(v as i64).to_string(),
        Some(v) => number::with_unit(v, n.unit).to_string(),
    }
}

/// A number of a run as it stands now, with its unit. Follows the run.
pub fn value(h: Handle, i: usize, n: &Number, side: Side) -> String {
    shown(n, h.live(|p| p.run(side).and_then(|r| r.number(i as u8))))
}

/// How B differs from A, and whether that is good.
fn difference(n: &Number, a: Option<f64>, b: Option<f64>) -> (String, &'static str) {
    let (Some(a), Some(b)) = (a, b) else { return (String::new(), "") };
    let d = b - a;
    let class = match (n.better, d.partial_cmp(&0.0)) {
        (Better::Neither, _) | (_, None | Some(std::cmp::Ordering::Equal)) => "",
        (Better::Up, Some(o)) => {
            if o.is_gt() {
                "ok"
            } else {
                "bad"
            }
        }
        (Better::Down, Some(o)) => {
            if o.is_lt() {
                "ok"
            } else {
                "bad"
            }
        }
    };
    if d == 0.0 {
        return ("B as A".to_string(), class);
    }
    let sign = if d > 0.0 { "+" } else { "\u{2212}" };
    // Not by colour alone.
    let mark = match class {
        "ok" => " \u{2713}",
        "bad" => " \u{2717}",
        _ => "",
    };
    (joined(&["B ", sign, &shown(n, Some(d.abs())), mark], ""), class)
}

fn tile(h: Handle, i: usize, n: &'static Number, lent: &'static Lent) -> Tag {
    let shown = lent.shown;
    let value = move |side: Side| h.live(|p| p.run(side).and_then(|r| r.number(i as u8)));
    let two = move || h.shape(Player::two_sided);
    let row = move |side: Side| {
        // Asked for once a tick: some numbers are percentiles of thousands.
        let span = part(move || {
            let v = value(side);
            el("span").class(if v.is_none() { "value none" } else { "value" }).kid(shown(n, v))
        });
        el("dd").kid(span).kid(part(move || two().then(|| el("em").kid(side.name()))))
    };
    let other = part(move || {
        if two() {
            let delta = part(move || {
                let (text, class) = difference(n, value(Side::A), value(Side::B));
                el("span").class(joined(&["delta", class], " ")).kid(text)
            });
            Piece::List(vec![row(Side::B).into(), el("dd").class("delta-row").kid(delta).into()])
        } else {
            el("svg")
                .attrs(&[
                    ("class", "spark"),
                    ("viewBox", "0 0 100 24"),
                    ("preserveAspectRatio", "none"),
                    ("aria-hidden", "true"),
                ])
                .kid(el("path").live("d", move || h.live(|p| chart::spark(p.a().history(), i, p.now()))))
                .into()
        }
    });
    el("div")
        .class("num")
        .live("title", move || h.help(|all| all.numbers, i))
        .kid(el("dt").kid(n.label))
        .kid(row(Side::A))
        .kid(other)
}

pub fn view(h: Handle, lent: &'static Lent) -> Piece {
    let shown = lent.shown;
    let numbers = h.with(|p| p.question.numbers);
    let of = |main: bool| numbers.iter().enumerate().filter(move |(_, n)| n.main == main);
    let many = of(true).count() > 5;
    let groups = h.with(chart::groups);
    let group = Signal::new(groups.first().copied().unwrap_or(""));
    let host = NodeRef::<HtmlElement>::new();
    (lent.chart)(h, host, group);
    let any_group = !groups.is_empty();
    let tabs = (groups.len() > 1).then(|| {
        let options = each(groups.iter(), |g| el("option").attr("value", *g).kid(*g));
        el("select")
            .class("field chart-choice")
            .attr("aria-label", "Chart")
            .change(move |wanted| {
                if let Some(g) = groups.iter().find(|g| **g == wanted) {
                    group.set(g);
                }
                h.changed();
            })
            .kid(options)
    });
    let row = move |(i, n): (usize, &'static Number)| {
        let cell = move |side: Side| {
            el("td").kid(live(move || h.live(|p| p.run(side).map(|r| shown(n, r.number(i as u8)))).unwrap_or_default()))
        };
        el("tr")
            .kid(el("th").attr("scope", "row").live("title", move || h.help(|all| all.numbers, i)).kid(n.label))
            .kid(cell(Side::A))
            .kid(part(move || h.shape(Player::two_sided).then(|| cell(Side::B))))
    };
    let table = move || el("table").class("rest").kid(el("tbody").kid(each(of(false), row))).into();
    let rest = of(false).next().map(|_| fold("All numbers", table));
    let tiles =
        el("dl").class(if many { "nums many" } else { "nums" }).kid(each(of(true), |(i, n)| tile(h, i, n, lent)));
    let chart = any_group.then(|| el("div").class("chart").kid(el("div").class("chart-host").node_ref(host)).kid(tabs));
    Piece::List(vec![tiles.into(), chart.into(), rest.into()])
}

/// What is made only once somebody unfolds it.
pub fn fold(title: &'static str, inside: impl Fn() -> Piece + 'static) -> Piece {
    let open = Signal::new(false);
    el("details")
        .class("more")
        .on("toggle", move |ev| {
            let unfolded =
                ev.target().is_some_and(|t| js_sys::Reflect::get(&t, &"open".into()).is_ok_and(|o| o.is_truthy()));
            open.set(unfolded);
        })
        .kid(el("summary").kid(title))
        .kid(part(move || if open.get() { inside() } else { Piece::List(Vec::new()) }))
        .into()
}
