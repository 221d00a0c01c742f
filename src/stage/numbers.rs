//! The numbers of a run, large for the few that matter, the rest in a table; and one chart over time.

use super::player::{Player, Side};
use super::{Handle, chart};
use crate::draw::number;
use leptos::prelude::*;
use sim::{Better, Number};

/// A value with its unit, or why there is none.
fn shown(n: &Number, v: Option<f64>) -> String {
    match v {
        None => "too few yet".to_string(),
        Some(v) if n.unit.is_empty() && v.fract() == 0.0 && v.abs() < 1e9 => number::Count(v as i64).to_string(),
        Some(v) => number::with_unit(v, n.unit).to_string(),
    }
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
    (format!("B {sign}{}", shown(n, Some(d.abs()))), class)
}

fn tile(h: Handle, i: usize, n: &'static Number) -> impl IntoView {
    let value = move |side: Side| h.live(|p| p.run(side).and_then(|r| r.number(i as u8)));
    let two = move || h.shape(Player::two_sided);
    let row = move |side: Side| {
        move || {
            let v = value(side);
            let small = v.is_none();
            view! {
                <span class="value" class:none=small>{shown(n, v)}</span>
                {two().then(|| view! { <em>{side.name()}</em> })}
            }
        }
    };
    let spark = move || h.live(|p| chart::spark(p.a().history(), i, p.now()));
    let delta = move || {
        let (text, class) = difference(n, value(Side::A), value(Side::B));
        view! { <span class=format!("delta {class}")>{text}</span> }
    };
    view! {
        <div class="num" title=n.help>
            <dt>{n.label}</dt>
            <dd>{row(Side::A)}</dd>
            {move || two().then(|| view! { <dd>{row(Side::B)}</dd><dd class="delta-row">{delta}</dd> })}
            {move || (!two()).then(|| view! {
                <svg class="spark" viewBox="0 0 100 24" preserveAspectRatio="none" aria-hidden="true"><path d=spark/></svg>
            })}
        </div>
    }
}

pub fn view(h: Handle) -> impl IntoView {
    let numbers = h.with(|p| p.question.numbers);
    let tiles = numbers.iter().enumerate().filter(|(_, n)| n.main).map(|(i, n)| tile(h, i, n)).collect_view();
    let many = numbers.iter().filter(|n| n.main).count() > 5;
    let groups = h.with(chart::groups);
    let group = RwSignal::new(groups.first().copied().unwrap_or(""));
    let host = NodeRef::<leptos::html::Div>::new();
    #[cfg(feature = "csr")]
    super::frame::mount_chart(h, host, group);
    let tabs = (groups.len() > 1).then(|| {
        let options = groups.iter().map(|g| view! { <option value=*g>{*g}</option> }).collect_view();
        let groups = groups.clone();
        view! {
            <select class="field chart-choice" aria-label="Chart" on:change=move |ev| {
                let wanted = event_target_value(&ev);
                if let Some(g) = groups.iter().find(|g| **g == wanted) { group.set(g); }
                h.changed();
            }>{options}</select>
        }
    });
    let rest = numbers
        .iter()
        .enumerate()
        .filter(|(_, n)| !n.main)
        .map(|(i, n)| {
            let cell = move |side: Side| move || h.live(|p| p.run(side).map(|r| shown(n, r.number(i as u8))));
            view! {
                <tr><th scope="row" title=n.help>{n.label}</th><td>{cell(Side::A)}</td>
                {move || h.shape(Player::two_sided).then(|| view! { <td>{cell(Side::B)}</td> })}</tr>
            }
        })
        .collect_view();
    let any_rest = numbers.iter().any(|n| !n.main);
    view! {
        <dl class="nums" class:many=many>{tiles}</dl>
        {(!groups.is_empty()).then(|| view! {
            <div class="chart"><div class="chart-host" node_ref=host></div>{tabs}</div>
        })}
        {any_rest.then(|| view! {
            <details class="more"><summary>"All numbers"</summary>
                <table class="rest"><tbody>{rest}</tbody></table></details>
        })}
    }
}
