//! The knobs, made from the question's declaration.

use super::Handle;
use super::player::{Player, Side};
use crate::draw::number;
use leptos::prelude::*;
use sim::{Kind, Knob, Origin};

/// A knob's value as people read it.
pub fn shown(k: &Knob, v: f64) -> String {
    match k.kind {
        Kind::Toggle => if v == 0.0 { "off" } else { "on" }.to_string(),
        Kind::Choice(options) => options.get(v as usize).map_or("", |o| o.1).to_string(),
        _ if k.unit.is_empty() => number::Count(v as i64).to_string().replace('-', "\u{2212}") + &fraction(v),
        _ => format!("{v} {}", k.unit),
    }
}

fn fraction(v: f64) -> String {
    let f = v.fract().abs();
    if f == 0.0 { String::new() } else { format!("{f:.3}").trim_start_matches('0').trim_end_matches('0').to_string() }
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
    ((v / low).ln() / (k.max / low).ln() * POSITIONS).round().clamp(0.0, POSITIONS)
}

fn from_position(k: &Knob, x: f64) -> f64 {
    let v = if !k.log {
        x
    } else if x <= 0.0 {
        k.min
    } else {
        let low = floor(k);
        let v = low * (k.max / low).powf(x / POSITIONS);
        // Two digits: a slider promises no more.
        let unit = 10f64.powf(v.log10().floor() - 1.0);
        (v / unit).round() * unit
    };
    let v = if k.kind == Kind::Int { v.round() } else { (v * 1e6).round() / 1e6 };
    v.clamp(k.min, k.max)
}

fn origin(k: &Knob) -> impl IntoView + use<> {
    let (word, title) = match k.origin {
        Origin::Fact(source) => ("source", source),
        Origin::Convention => ("convention", "What most systems do."),
        Origin::Assumption => ("our assumption", "We chose this value; change it to see whether it matters."),
    };
    view! { <span class="origin" title=title>{word}<span class="visually-hidden">{format!(": {title}")}</span></span> }
}

fn row(h: Handle, i: usize, k: &'static Knob) -> impl IntoView {
    let value = move || h.live(|p| p.knob(h.edited.get(), i as u8));
    // What the slider says while it is being dragged; the run hears of it when it is let go.
    let preview = RwSignal::new(None::<f64>);
    let commit = move |v: f64| {
        preview.set(None);
        let side = h.edited.get_untracked();
        if !k.live && h.with(|p| p.now().0 > 0) {
            h.say(format!("{} changed: the run starts again.", k.label));
        }
        h.change(|p| p.set_knob(side, i as u8, v));
    };
    let other = move || {
        h.shape(|p| {
            let (a, b) = (p.knob(Side::A, i as u8), p.knob(Side::B, i as u8));
            (p.two_sided() && a != b).then(|| {
                view! {
                    <span class="differs">{format!("A {} · B {}", shown(k, a), shown(k, b))}</span>
                }
            })
        })
    };
    let id = format!("knob-{}", k.key);
    let head = |control: &str| {
        view! {
            <label for=id.clone() title=k.help>{k.label}</label>{other}{origin(k)}
            {(control == "slider").then(|| view! {
                <output>{move || shown(k, preview.get().unwrap_or_else(value))}</output>
            })}
        }
    };
    match k.kind {
        Kind::Choice(options) => view! {
            <div class="knob knob-choice">{head("choice")}
                <select class="field" id=id.clone() on:change=move |ev| {
                    if let Ok(v) = event_target_value(&ev).parse::<f64>() { commit(v); }
                }>
                    {options.iter().enumerate().map(|(n, (_, label))| view! {
                        <option value=n.to_string() selected=move || value() == n as f64>{*label}</option>
                    }).collect_view()}
                </select>
            </div>
        }
        .into_any(),
        Kind::Toggle => view! {
            <div class="knob knob-switch">{head("switch")}
                <input type="checkbox" role="switch" id=id.clone() prop:checked=move || value() != 0.0
                    on:change=move |ev| commit(f64::from(u8::from(event_target_checked(&ev))))/>
            </div>
        }
        .into_any(),
        Kind::Int | Kind::Float => {
            let (min, max, step) = if k.log { (0.0, POSITIONS, 1.0) } else { (k.min, k.max, k.step) };
            view! {
                <div class="knob">{head("slider")}
                    <input type="range" id=id.clone() min=min max=max step=step
                        prop:value=move || to_position(k, preview.get().unwrap_or_else(value))
                        aria-valuetext=move || shown(k, preview.get().unwrap_or_else(value))
                        on:input=move |ev| preview.set(event_target_value(&ev).parse().ok().map(|x| from_position(k, x)))
                        on:change=move |ev| {
                            if let Ok(x) = event_target_value(&ev).parse::<f64>() { commit(from_position(k, x)); }
                        }/>
                </div>
            }
            .into_any()
        }
    }
}

/// The seed: shown, editable, and drawn anew apart from starting again.
fn seed(h: Handle) -> impl IntoView {
    let value = move || h.shape(Player::seed);
    let set = move |ev| {
        if let Ok(seed) = event_target_value(&ev).trim().parse::<u64>() {
            h.change(|p| p.set_seed(seed));
        } else {
            h.say("A seed is a whole number from 0.");
            h.changed();
        }
    };
    view! {
        <div class="knob knob-seed">
            <label for="knob-seed" title="Chance is drawn from this number: the same seed gives the same run.">"Seed"</label>
            <input class="field" id="knob-seed" type="text" inputmode="numeric" autocomplete="off" size="6"
                prop:value=move || { h.shape.track(); value().to_string() } on:change=set/>
            <button class="button" on:click=move |_| new_seed(h)>"New seed"</button>
        </div>
    }
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

pub fn view(h: Handle) -> impl IntoView {
    let knobs = h.with(|p| p.question.knobs);
    let of = |main: bool| knobs.iter().enumerate().filter(move |(_, k)| k.main == main);
    let first = of(true).map(|(i, k)| row(h, i, k)).collect_view();
    let rest = of(false).map(|(i, k)| row(h, i, k)).collect_view();
    let any_rest = of(false).next().is_some();
    let sides = move || {
        h.shape(Player::two_sided).then(|| {
            let side = move |s: Side| {
                view! {
                    <button class="button" aria-pressed=move || (h.edited.get() == s).to_string()
                        on:click=move |_| h.edited.set(s)>{format!("Knobs of {}", s.name())}</button>
                }
            };
            view! { <div class="knob-sides" role="group" aria-label="Whose knobs">{side(Side::A)}{side(Side::B)}</div> }
        })
    };
    view! {
        <div class="knobs needs-app" role="group" aria-label="Knobs">
            {sides}
            {first}
            {seed(h)}
            {any_rest.then(|| view! { <details class="more"><summary>"More knobs"</summary>{rest}</details> })}
        </div>
    }
}
