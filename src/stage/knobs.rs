//! The knobs, made from the question's declaration.

use super::player::{Player, Side};
use super::{Handle, button};
use crate::draw::number;
use crate::ui::el::{Piece, Tag, each, el, live, part};
use crate::ui::{Signal, is_checked, value_of};
use sim::decimal::{self, Plain, fixed};
use sim::declare::show;
use sim::{Kind, Knob, Origin};

/// A knob's value as people read it.
pub fn shown(k: &Knob, v: f64) -> String {
    match k.kind {
        Kind::Toggle => if v == 0.0 { "off" } else { "on" }.to_string(),
        Kind::Choice(options) => options.get(v as usize).map_or("", |o| o.1).to_string(),
        _ if v == 0.0 && !k.zero.is_empty() => k.zero.to_string(),
        _ if k.unit.is_empty() => number::Count(v as i64).to_string().replace('-', "\u{2212}") + &fraction(v),
        _ => format!("{} {}", Plain(v), k.unit),
    }
}

fn fraction(v: f64) -> String {
    let f = v.fract().abs();
    if f == 0.0 {
        String::new()
    } else {
        fixed(f, 3).to_string().trim_start_matches('0').trim_end_matches('0').to_string()
    }
}

/// Slider positions of a logarithmic knob.
const POSITIONS: f64 = 400.0;

/// The smallest value above zero that a logarithmic slider tells from zero.
fn floor(k: &Knob) -> f64 {
    if k.min > 0.0 { k.min } else { k.step.max(k.max / 1e4) }
}

fn to_position(k: &Knob, v: f64) -> f64 {
    if !k.log {
        return v;
    }
    if v <= 0.0 {
        return 0.0;
    }
    let low = floor(k);
    // Where a knob goes down to zero, the first position is zero and nothing else.
    let first = if k.min > 0.0 { 0.0 } else { 1.0 };
    ((v / low).log10() / (k.max / low).log10() * POSITIONS).round().clamp(first, POSITIONS)
}

fn from_position(k: &Knob, x: f64) -> f64 {
    let v = if !k.log {
        x
    } else if x <= 0.0 {
        k.min
    } else if x >= POSITIONS {
        k.max
    } else {
        let low = floor(k);
        let v = low * power(k.max / low, x / POSITIONS);
        // Two digits: a slider promises no more.
        let unit = 10f64.powi(v.log10().floor() as i32 - 1);
        (v / unit).round() * unit
    };
    let v = if k.kind == Kind::Int { v.round() } else { (v * 1e6).round() / 1e6 };
    sim::order::between(v, k.min, k.max)
}

/// `base` to the power of a share of 1. WebAssembly has an instruction for roots; a library's power is a kilobyte.
fn power(base: f64, share: f64) -> f64 {
    let (mut root, mut rest, mut product) = (base, share, 1.0);
    for _ in 0..40 {
        (root, rest) = (root.sqrt(), rest * 2.0);
        if rest >= 1.0 {
            (product, rest) = (product * root, rest - 1.0);
        }
    }
    product
}

fn origin(k: &Knob) -> Tag {
    let (word, title) = match k.origin {
        Origin::Fact(source) => ("source", source),
        Origin::Convention => ("convention", "What most systems do."),
        Origin::Assumption => ("our assumption", "We chose this value; change it to see whether it matters."),
    };
    el("span")
        .class("origin")
        .attr("title", title)
        .kid(word)
        .kid(el("span").class("visually-hidden").kid(format!(": {title}")))
}

fn row(h: Handle, i: usize, k: &'static Knob) -> Tag {
    let value = move || h.live(|p| p.knob(h.edited.get(), i as u8));
    // What the slider says while it is being dragged; the run hears of it when it is let go.
    let preview = Signal::new(None::<f64>);
    let commit = move |v: f64| {
        preview.set(None);
        let side = h.edited.get_untracked();
        if !k.live && h.with(|p| p.now().0 > 0) {
            h.say(format!("{} changed: the run starts again.", k.label));
        }
        h.change(|p| p.set_knob(side, i as u8, v));
    };
    let other = part(move || {
        h.shape(|p| {
            let (a, b) = (p.knob(Side::A, i as u8), p.knob(Side::B, i as u8));
            (p.two_sided() && a != b)
                .then(|| el("span").class("differs").kid(format!("A {} · B {}", shown(k, a), shown(k, b))))
        })
    });
    let id = format!("knob-{}", k.key);
    let head = el("label").attr("for", id.clone()).live("title", move || h.help(|all| all.knobs, i)).kid(k.label);
    let knob = |class: &'static str| el("div").class(class).kid(head).kid(other).kid(origin(k));
    match k.kind {
        Kind::Choice(options) => {
            let options = each(options.iter().enumerate(), |(n, (_, label))| {
                el("option").attr("value", n.to_string()).flag("selected", move || value() == n as f64).kid(*label)
            });
            let select = el("select").class("field").attr("id", id).change(move |chosen| {
                if let Some(v) = decimal::parse(&chosen) {
                    commit(v);
                }
            });
            knob("knob knob-choice").kid(select.kid(options))
        }
        Kind::Toggle => {
            let switch = el("input")
                .attrs(&[("type", "checkbox"), ("role", "switch")])
                .attr("id", id)
                .checked(move || value() != 0.0)
                .on("change", move |ev| commit(f64::from(u8::from(is_checked(&ev)))));
            knob("knob knob-switch").kid(switch)
        }
        Kind::Int | Kind::Float => {
            let (min, max, step) = if k.log { (0.0, POSITIONS, 1.0) } else { (k.min, k.max, k.step) };
            let now = move || preview.get().unwrap_or_else(value);
            let slider = el("input")
                .attr("type", "range")
                .attr("id", id)
                .attr("min", show(min))
                .attr("max", show(max))
                .attr("step", show(step))
                .value(move || show(to_position(k, now())))
                .live("aria-valuetext", move || shown(k, now()))
                .on("input", move |ev| {
                    preview.set(decimal::parse(&value_of(&ev)).map(|x| from_position(k, x)));
                })
                .change(move |chosen| {
                    if let Some(x) = decimal::parse(&chosen) {
                        commit(from_position(k, x));
                    }
                });
            knob("knob").kid(el("output").kid(live(move || shown(k, now())))).kid(slider)
        }
    }
}

/// The seed: shown, editable, and drawn anew apart from starting again.
fn seed(h: Handle) -> Tag {
    let set = move |value: String| {
        if let Ok(seed) = value.trim().parse::<u64>() {
            h.change(|p| p.set_seed(seed));
        } else {
            h.say("A seed is a whole number from 0.");
            h.changed();
        }
    };
    let label = el("label")
        .attr("for", "knob-seed")
        .attr("title", "Chance is drawn from this number: the same seed gives the same run.");
    let field = el("input")
        .attrs(&[
            ("class", "field"),
            ("id", "knob-seed"),
            ("type", "text"),
            ("inputmode", "numeric"),
            ("autocomplete", "off"),
            ("size", "6"),
        ])
        .value(move || h.shape(Player::seed).to_string())
        .change(set);
    el("div")
        .class("knob knob-seed")
        .kid(label.kid("Seed"))
        .kid(field)
        .kid(button("New seed").click(move || new_seed(h)))
}

/// Other luck, the same acts.
pub fn new_seed(h: Handle) {
    h.change(|p| {
        // Any other number will do; this walks through small ones, which are easy to say aloud.
        let next = p.seed() % 9_973 + 1;
        p.set_seed(next);
        p.playing = true;
    });
    h.say(format!("Seed {}", h.with(Player::seed)));
}

pub fn view(h: Handle) -> Piece {
    let knobs = h.with(|p| p.question.knobs);
    let of = |main: bool| knobs.iter().enumerate().filter(move |(_, k)| k.main == main);
    let rows = |main: bool| each(of(main), |(i, k)| row(h, i, k));
    let sides = part(move || {
        h.shape(Player::two_sided).then(|| {
            let side = |s: Side| {
                button(format!("Knobs of {}", s.name()))
                    .live("aria-pressed", move || (h.edited.get() == s).to_string())
                    .click(move || h.edited.set(s))
            };
            el("div")
                .attrs(&[("class", "knob-sides"), ("role", "group"), ("aria-label", "Whose knobs")])
                .kid(side(Side::A))
                .kid(side(Side::B))
        })
    });
    // Nobody can use them before the app stands, and folded they take no room: the prerendered page does without.
    let folded = || if cfg!(feature = "csr") { rows(false) } else { Piece::List(Vec::new()) };
    let rest = of(false).next().map(|_| el("details").class("more").kid(el("summary").kid("More knobs")).kid(folded()));
    el("div")
        .attrs(&[("class", "knobs needs-app"), ("role", "group"), ("aria-label", "Knobs")])
        .kid(sides)
        .kid(rows(true))
        .kid(seed(h))
        .kid(rest)
        .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slider_reaches_both_ends_and_stays_where_it_was_put() {
        let knobs = || sim::questions::ALL.iter().flat_map(|q| q.knobs).filter(|k| k.log);
        assert!(knobs().count() > 20);
        for k in knobs() {
            let all: Vec<f64> = (0..=POSITIONS as u32).map(|x| from_position(k, x.into())).collect();
            assert_eq!((all[0], all[POSITIONS as usize]), (k.min, k.max), "{}", k.key);
            assert!(all.is_sorted() && all.iter().all(|v| k.allows(*v)), "{}", k.key);
            for v in all {
                let back = from_position(k, to_position(k, v));
                assert!((back - v).abs() <= 0.1 * v, "{} at {v} shows {back}", k.key);
            }
        }
    }

    #[test]
    fn powers_of_shares() {
        for base in [1.0, 1.5, 10.0, 1e4, 1e9] {
            for position in 0..=400 {
                let share = f64::from(position) / 400.0;
                let (is, right) = (power(base, share), f64::powf(base, share));
                assert!((is / right - 1.0).abs() < 1e-9, "{base}^{share} is {is}, not {right}");
            }
        }
    }
}
