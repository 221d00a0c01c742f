//! The experiments: guess first, then let your own run measure.

use super::{Handle, provide};
use crate::content::TryMeta;
use crate::draw::number;
use crate::entries::Entry;
use crate::prefs::{Prefs, use_prefs};
use crate::ui::el::{Piece, Tag, each, el, live, part};
use crate::ui::{effect, memo};

/// The experiments of a question.
pub fn tries(entry: &'static Entry) -> Piece {
    let (h, prefs) = (provide(entry), use_prefs());
    let cards = each(h.meta.tries, |t| card(h, t, prefs));
    let section = el("section")
        .class("tries")
        .attr("aria-labelledby", "tries")
        .kid(el("h2").attr("id", "tries").kid("Try this"))
        .kid(el("ol").kid(cards));
    Piece::from((!h.meta.tries.is_empty()).then_some(section))
}

/// Notes an experiment as done once its run has been measured.
pub fn watch(h: Handle, prefs: Prefs) {
    let mut done = None;
    effect(move || {
        let now = h.live(|p| p.trial.filter(|t| t.measured.is_some()).map(|t| t.experiment.id));
        if let Some(id) = now.filter(|id| done != Some(*id)) {
            prefs.complete(h.meta.slug, id);
            let said = h.with(|p| p.trial.and_then(|t| verdict(t.experiment, t.guess, t.measured?)));
            h.say(said.unwrap_or_default());
        }
        done = now;
    });
}

/// A measured number as people read it.
fn shown(v: f64) -> String {
    if v.fract() == 0.0 && v.abs() < 1e15 {
        number::count(v.abs() as u64).to_string()
    } else {
        format!("{}", number::short(v))
    }
}

fn verdict(t: &TryMeta, guess: Option<usize>, measured: Option<f64>) -> Option<String> {
    let Some(measured) = measured else {
        return Some("The run ended without a measurement: something in it was changed.".to_string());
    };
    let right = t.right_choice(measured);
    let label = right.map_or_else(|| shown(measured), |i| t.choices[i].label.to_string());
    Some(match guess {
        Some(g) if Some(g) == right => format!("You guessed {}, and your run agrees.", t.choices[g].label),
        Some(g) => format!("You guessed {}. Your run says {label}.", t.choices[g].label),
        None => format!("Your run says {label}."),
    })
}

fn card(h: Handle, t: &'static TryMeta, prefs: Prefs) -> Tag {
    // (running, guess, measured) of this experiment, if it is the one on stage.
    let state = memo(move || h.live(|p| p.trial.filter(|r| r.experiment.id == t.id).map(|r| (r.guess, r.measured))));
    let done = move || prefs.is_done(h.meta.slug, t.id);
    let begin = move |guess: Option<usize>| {
        h.change(|p| p.load_experiment(t, guess));
        h.say(format!("Running: {}", t.title));
    };
    let choices = each(t.choices.iter().enumerate(), |(i, c)| {
        let picked = move || state().is_some_and(|(guess, _)| guess == Some(i));
        let right = move || state().is_some_and(|(_, m)| m.flatten().is_some_and(|m| t.right_choice(m) == Some(i)));
        let mark = part(move || {
            right()
                .then(|| el("span").class("mark").kid(" ✓").kid(el("span").class("visually-hidden").kid(" measured")))
        });
        el("button")
            .class("choice needs-app")
            .toggle("picked", picked)
            .toggle("right", right)
            .live("aria-pressed", move || picked().to_string())
            .click(move || begin(Some(i)))
            .kid(c.label)
            .kid(mark)
    });
    let outcome = part(move || {
        state().map(|(guess, measured)| {
            let p = el("p").class("outcome");
            match measured {
                None => p.kid("Running. The answer is measured at the end."),
                Some(m) => p.kid(el("b").kid(verdict(t, guess, m).unwrap_or_default())).kid(" ").kid(t.after),
            }
        })
    });
    let tick = el("span")
        .class("tick")
        .attr("aria-hidden", "true")
        .kid(live(move || if done() { "✓" } else { "" }.to_string()));
    let told = part(move || done().then(|| el("span").class("visually-hidden").kid(" (done)")));
    let guess = el("div")
        .attrs(&[("class", "guess"), ("role", "group"), ("aria-label", "Your guess")])
        .kid(choices)
        .kid(el("button").class("bare needs-app").click(move || begin(None)).kid("Just run it"));
    el("li")
        .attr("id", format!("try-{}", t.id))
        .class("try")
        .toggle("on", move || state().is_some())
        .toggle("done", done)
        .kid(el("h3").kid(tick).kid(t.title).kid(told))
        .kid(el("p").kid(t.ask))
        .kid(guess)
        .kid(outcome)
}
