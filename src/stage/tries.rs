//! The experiments: guess first, then let your own run measure.
//!
//! The page brings what they ask, as text. Which answer is right, and what makes them live, is downloaded when the
//! reader first presses one. A page without experiments, such as the one for a candidate, holds no answer.

use super::{Handle, more, provide};
use crate::content::{ArticleMeta, TryMeta};
use crate::draw::number;
use crate::entries::Entry;
use crate::prefs::{Prefs, use_prefs};
#[cfg(feature = "csr")]
use crate::ui::document;
use crate::ui::el::{Piece, Tag, each, el, live as text, part};
use crate::ui::{after, effect, memo};
#[cfg(feature = "csr")]
use wasm_bindgen::JsCast;
use web_sys::Element;
#[cfg(feature = "csr")]
use web_sys::Event;

#[cfg(feature = "csr")]
thread_local! {
    static KNOWN: std::cell::Cell<&'static [TryMeta]> = const { std::cell::Cell::new(&[]) };
}

/// Downloads the experiments of a page whose address names one: before its player is made.
#[cfg(feature = "csr")]
pub async fn load_tries(entry: &'static Entry) -> Result<(), wasm_split_helpers::SplitLoaderError> {
    KNOWN.set((entry.tries)().await?.0);
    Ok(())
}

/// The experiments that a new player knows.
#[cfg(feature = "csr")]
pub fn known(_: &ArticleMeta) -> &'static [TryMeta] {
    KNOWN.get()
}

#[cfg(not(feature = "csr"))]
pub fn known(meta: &ArticleMeta) -> &'static [TryMeta] {
    meta.tries
}

/// The experiments of a question.
#[cfg(not(feature = "csr"))]
pub fn tries(entry: &'static Entry) -> Piece {
    let h = provide(entry);
    place(h).kid(live(h)).into()
}

/// The experiments of a question: as the page brought them until they are live.
#[cfg(feature = "csr")]
pub fn tries(entry: &'static Entry) -> Piece {
    let (h, prefs) = (provide(entry), use_prefs());
    // What has been done before is marked, and what the address names is running.
    if h.with(|p| !p.tries.is_empty()) || prefs.done(h.meta.slug).is_some_and(|done| !done.is_empty()) {
        after(0, move || more::with_tries(h, move |_, tries| keep_focus(move || h.change(|p| p.tries = tries.0))));
    }
    let ready = memo(move || h.more.get().is_some() && h.shape(|p| !p.tries.is_empty()));
    // Asked first: what the part follows is whether it is ready.
    part(move || match ready().then(|| h.more.get_untracked()).flatten() {
        Some(later) => (later.more.tries)(h),
        None => place(h).on("click", move |ev| press_in_page(h, &ev)).into(),
    })
}

/// Where the text of the experiments stands, which the page brings.
fn place(h: Handle) -> Tag {
    el("div").attr("data-tries", h.meta.slug).attr("data-part", "tries")
}

#[cfg(feature = "csr")]
fn press_in_page(h: Handle, ev: &Event) {
    let pressed = ev.target().and_then(|t| t.dyn_into::<Element>().ok()?.closest(".guess button").ok()?);
    if let Some(button) = pressed {
        more::with_tries(h, move |m, tries| (m.press_try)(h, tries, &button));
    }
}

/// The live experiments.
pub fn live(h: Handle) -> Piece {
    let prefs = use_prefs();
    let tries = h.with(|p| p.tries);
    let section = el("section")
        .class("tries")
        .attr("aria-labelledby", "tries")
        .kid(el("h2").attr("id", "tries").kid("Try this"))
        .kid(el("ol").kid(each(tries, |t| card(h, t, prefs))));
    Piece::from((!tries.is_empty()).then_some(section))
}

/// Starts what was pressed in the page's own text of an experiment, which becomes live.
pub fn press(h: Handle, tries: &'static crate::content::Tries, button: &Element) {
    let experiment = tries.0.iter().find(|t| button.closest(&format!("#{}", id_of(t))).is_ok_and(|e| e.is_some()));
    let Some(t) = experiment else { return };
    let guess = order_of(button).filter(|i| *i < t.answers.len());
    keep_focus(move || {
        h.change(|p| {
            p.tries = tries.0;
            p.load_experiment(t, guess);
        });
    });
    h.say(format!("Running: {}", words(t).title));
}

/// How many elements stand before this one.
fn order_of(element: &Element) -> Option<usize> {
    let all = element.parent_element()?.children();
    (0..all.length()).find(|i| all.item(*i).is_some_and(|e| e.is_same_node(Some(element)))).map(|i| i as usize)
}

/// The experiments change places with their text: the focus stays on the button it is on.
fn keep_focus(change: impl FnOnce()) {
    let focus = || {
        let button = crate::ui::document().active_element()?.closest(".guess button").ok()??;
        Some((button.closest("li").ok()??.id(), order_of(&button)?))
    };
    let focus = focus();
    change();
    if let Some((id, nth)) = focus {
        after(0, move || {
            let card = crate::ui::document().get_element_by_id(&id);
            let buttons = card.and_then(|c| c.query_selector(".guess").ok()?).map(|g| g.children());
            if let Some(button) = buttons.and_then(|b| b.item(nth as u32)) {
                crate::pages::focus_quietly(&button);
            }
        });
    }
}

/// Once the run of an experiment has been measured, that is noted and said.
pub fn watch(h: Handle, prefs: Prefs) {
    let mut done = None;
    effect(move || {
        let now = h.live(|p| p.trial.filter(|t| t.measured.is_some()).map(|t| t.experiment.id));
        if let Some(id) = now.filter(|id| done != Some(*id)) {
            more::with(h, move |m| (m.tell_measured)(h, prefs, id));
        }
        done = now;
    });
}

pub fn tell_measured(h: Handle, prefs: Prefs, id: &str) {
    prefs.complete(h.meta.slug, id);
    let said = h.with(|p| p.trial.and_then(|t| verdict(t.experiment, t.guess, t.measured?)));
    h.say(said.unwrap_or_default());
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
pub fn shown(v: f64) -> String {
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
        .kid(text(move || if done() { "✓" } else { "" }.to_string()));
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
