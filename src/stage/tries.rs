//! The experiments: guess first, then let your own run measure.

use super::{Handle, provide};
use crate::content::TryMeta;
use crate::draw::number;
use crate::entries::Entry;
use crate::prefs::{Prefs, use_prefs};
#[cfg(feature = "csr")]
use crate::ui::document;
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

/// What an experiment says. In the browser that is read from the page, which brings it with its text.
#[derive(Default)]
pub struct Words {
    pub title: String,
    ask: String,
    choices: Vec<String>,
    after: String,
}

#[cfg(not(feature = "csr"))]
pub fn words(t: &TryMeta) -> Words {
    let w = t.words;
    Words {
        title: w.title.to_owned(),
        ask: w.ask.to_owned(),
        choices: w.choices.iter().map(|&label| label.to_owned()).collect(),
        after: w.after.to_owned(),
    }
}

#[cfg(feature = "csr")]
pub fn words(t: &TryMeta) -> Words {
    let Some(place) = document().get_element_by_id(&id_of(t)) else { return Words::default() };
    let text = |node: Option<web_sys::Element>| node.and_then(|e| e.text_content()).unwrap_or_default();
    let one = |selector: &str| text(place.query_selector(selector).ok().flatten());
    let choices = (0..t.answers.len()).map(|i| one(&format!(".guess>:nth-child({})>:first-child", i + 1)));
    Words {
        title: one(".title"),
        ask: one("p"),
        choices: choices.collect(),
        after: place.get_attribute("data-after").unwrap_or_default(),
    }
}

fn id_of(t: &TryMeta) -> String {
    format!("try-{}", t.id)
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
    let choices = words(t).choices;
    let label = right.and_then(|i| choices.get(i).cloned()).unwrap_or_else(|| shown(measured));
    Some(match guess.map(|g| choices.get(g).map_or("", String::as_str)) {
        Some(guessed) if guess == right => format!("You guessed {guessed}, and your run agrees."),
        Some(guessed) => format!("You guessed {guessed}. Your run says {label}."),
        None => format!("Your run says {label}."),
    })
}

fn card(h: Handle, t: &'static TryMeta, prefs: Prefs) -> Tag {
    // (running, guess, measured) of this experiment, if it is the one on stage.
    let state = memo(move || h.live(|p| p.trial.filter(|r| r.experiment.id == t.id).map(|r| (r.guess, r.measured))));
    let done = move || prefs.is_done(h.meta.slug, t.id);
    let Words { title, ask, choices, after } = words(t);
    let begin = move |guess: Option<usize>| {
        h.change(|p| p.load_experiment(t, guess));
        h.say(format!("Running: {}", words(t).title));
    };
    let choices = each(choices.into_iter().enumerate(), |(i, label)| {
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
            .kid(el("span").kid(label))
            .kid(mark)
    });
    let outcome = part(move || {
        state().map(|(guess, measured)| {
            let p = el("p").class("outcome");
            match measured {
                None => p.kid("Running. The answer is measured at the end."),
                Some(m) => p.kid(el("b").kid(verdict(t, guess, m).unwrap_or_default())).kid(" ").kid(words(t).after),
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
        .attr("id", id_of(t))
        .attr("data-after", after)
        .class("try")
        .toggle("on", move || state().is_some())
        .toggle("done", done)
        .kid(el("h3").kid(tick).kid(el("span").class("title").kid(title)).kid(told))
        .kid(el("p").kid(ask))
        .kid(guess)
        .kid(outcome)
}
