//! The experiments: guess first, then let your own run measure.

use super::{Handle, provide};
use crate::content::TryMeta;
use crate::draw::number;
use crate::prefs::{Prefs, use_prefs};
use leptos::prelude::*;

/// The experiments of the question `slug`.
#[component]
pub fn TryList(slug: &'static str) -> impl IntoView {
    let prefs = use_prefs();
    provide(slug).filter(|h| !h.meta.tries.is_empty()).map(|h| {
        let cards = h.meta.tries.iter().map(|t| card(h, t, prefs)).collect_view();
        view! {
            <section class="tries" aria-labelledby="tries">
                <h2 id="tries">"Try this"</h2>
                <ol>{cards}</ol>
            </section>
        }
        .into_any()
    })
}

/// Notes an experiment as done once its run has been measured.
pub fn watch(h: Handle, prefs: Prefs) {
    Effect::new(move |done: Option<Option<&'static str>>| {
        let now = h.live(|p| p.trial.filter(|t| t.measured.is_some()).map(|t| t.experiment.id));
        if let Some(id) = now.filter(|id| done.flatten() != Some(*id)) {
            prefs.complete(h.meta.slug, id);
            let said = h.with(|p| p.trial.and_then(|t| verdict(t.experiment, t.guess, t.measured?)));
            h.say(said.unwrap_or_default());
        }
        now
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

fn card(h: Handle, t: &'static TryMeta, prefs: Prefs) -> impl IntoView {
    // (running, guess, measured) of this experiment, if it is the one on stage.
    let state =
        Memo::new(move |_| h.live(|p| p.trial.filter(|r| r.experiment.id == t.id).map(|r| (r.guess, r.measured))));
    let done = move || prefs.is_done(h.meta.slug, t.id);
    let begin = move |guess: Option<usize>| {
        h.change(|p| p.load_experiment(t, guess));
        h.say(format!("Running: {}", t.title));
    };
    let choices = t
        .choices
        .iter()
        .enumerate()
        .map(|(i, c)| {
            let picked = move || state.get().is_some_and(|(guess, _)| guess == Some(i));
            let right = move || {
                state.get().is_some_and(|(_, m)| m.flatten().is_some_and(|m| t.right_choice(m) == Some(i)))
            };
            view! {
                <button class="choice needs-app" class:picked=picked class:right=right
                    aria-pressed=move || picked().to_string() on:click=move |_| begin(Some(i))>
                    {c.label}
                    {move || right().then(|| view! { <span class="mark">" ✓"<span class="visually-hidden">" measured"</span></span> })}
                </button>
            }
        })
        .collect_view();
    let outcome = move || {
        let (guess, measured) = state.get()?;
        Some(match measured {
            None => view! { <p class="outcome">"Running. The answer is measured at the end."</p> }.into_any(),
            Some(m) => view! {
                <p class="outcome"><b>{verdict(t, guess, m)}</b>" "{t.after}</p>
            }
            .into_any(),
        })
    };
    view! {
        <li id=format!("try-{}", t.id) class="try" class:on=move || state.get().is_some() class:done=done>
            <h3><span class="tick" aria-hidden="true">{move || if done() { "✓" } else { "" }}</span>{t.title}
                {move || done().then(|| view! { <span class="visually-hidden">" (done)"</span> })}</h3>
            <p>{t.ask}</p>
            <div class="guess" role="group" aria-label="Your guess">{choices}
                <button class="bare needs-app" on:click=move |_| begin(None)>"Just run it"</button></div>
            {outcome}
        </li>
    }
}
