//! An interview: the question, a clock, the simulation, and no answer in sight until the reader has given one. Then
//! the reader grades herself on the follow-ups.
//!
//! It begins with `?interview=<minutes>` in a question's address. `xtask/web/theme.js` marks the document before the
//! first paint, and while it is marked the style sheet hides every answer. The mark goes when the reader has answered.
//! Like the log it is a part of the program of its own.

use crate::app::use_root;
use crate::content::ArticleMeta;
use crate::keeping::mend::NOTES_CHARS_MAX;
use crate::prefs::{Prefs, use_prefs};
use crate::records;
use crate::ui::el::{Piece, Tag, each, el, live, part};
use crate::ui::{Kept, NodeRef, Signal, after, clear_timeout, document, effect, on_window, window};
use wasm_bindgen::JsCast;
use web_sys::{Element, HtmlTextAreaElement};

/// The mark on the document, as `data-interview`.
const MARK: &str = "data-interview";
/// What the clock begins with if the address names no time that a clock could show.
const MINUTES: u32 = 20;
const MOST_MINUTES: u32 = 180;

/// The door of this part.
pub struct Interview {
    /// Puts the interview into its place on the page; the minutes as the address says them.
    pub begin: fn(&Element, &'static ArticleMeta, &str),
}

pub static INTERVIEW: Interview = Interview { begin };

/// The interview's part of the program.
#[cfg(feature = "csr")]
#[wasm_split_helpers::wasm_split(interview, fallible)]
pub fn interview() -> Result<&'static Interview, wasm_split_helpers::SplitLoaderError> {
    Ok(&INTERVIEW)
}

/// Shows the answers.
pub fn show_answers() {
    if let Some(html) = document().document_element() {
        _ = html.remove_attribute(MARK);
    }
}

fn begin(place: &Element, meta: &'static ArticleMeta, minutes: &str) {
    if let Some(html) = document().document_element() {
        _ = html.set_attribute(MARK, "");
    }
    panel(meta, minutes_of(minutes)).mount(place);
}

fn minutes_of(text: &str) -> u32 {
    text.parse().ok().filter(|n| (1..=MOST_MINUTES).contains(n)).unwrap_or(MINUTES)
}

/// How well the reader knew the answer to a follow-up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Grade {
    Had,
    Partly,
    Missed,
}

impl Grade {
    const ALL: [Grade; 3] = [Grade::Had, Grade::Partly, Grade::Missed];

    fn name(self) -> &'static str {
        match self {
            Grade::Had => "Had it",
            Grade::Partly => "Partly",
            Grade::Missed => "Missed it",
        }
    }
}

/// A question that an interviewer asks next, as the text has it.
#[derive(Clone, Debug, PartialEq)]
struct FollowUp {
    /// Its place on the page.
    id: String,
    level: String,
    question: String,
    grade: Option<Grade>,
}

fn follow_ups() -> Vec<FollowUp> {
    let Ok(list) = document().query_selector_all("[data-article] .followup") else { return Vec::new() };
    let one = |element: Element| {
        let heading = element.query_selector("h3").ok()??;
        let level = heading.query_selector(".level").ok()??.text_content()?;
        let question = heading.text_content()?.trim_start_matches(&level).trim().to_owned();
        Some(FollowUp { id: element.id(), level, question, grade: None })
    };
    (0..list.length()).filter_map(|i| one(list.item(i)?.dyn_into().ok()?)).collect()
}

/// `12:05`, or `0:10 over`.
fn clock(left_s: i64) -> String {
    let s = left_s.unsigned_abs();
    let over = if left_s < 0 { " over" } else { "" };
    format!("{}:{:02}{over}", s / 60, s % 60)
}

/// What the grades come to, in words.
fn result(list: &[FollowUp], took_s: i64) -> String {
    let count = |grade| list.iter().filter(|f| f.grade == Some(grade)).count();
    let graded = list.iter().filter(|f| f.grade.is_some()).count();
    let partly = match count(Grade::Partly) {
        0 => String::new(),
        n => format!(", {n} more in part"),
    };
    let open = match list.len() - graded {
        0 => String::new(),
        n => format!(" {n} not graded yet."),
    };
    format!("You had {} of {}{partly}, after {} minutes.{open}", count(Grade::Had), list.len(), clock(took_s))
}

fn now_s() -> i64 {
    (window().performance().map_or(0.0, |p| p.now()) / 1000.0) as i64
}

fn panel(meta: &'static ArticleMeta, minutes: u32) -> Piece {
    let prefs = use_prefs();
    let limit_s = i64::from(minutes) * 60;
    let began = Kept::new(now_s());
    let took = Signal::new(0);
    // None until the answer is asked for.
    let graded = Signal::new(None::<Vec<FollowUp>>);
    tick(began, took, graded);

    let time = move || {
        let took = took.get();
        if graded.with(Option::is_some) { format!("{} used", clock(took)) } else { clock(limit_s - took) }
    };
    let reveal = move || {
        took.set(now_s() - began.with(|b| *b));
        graded.set(Some(follow_ups()));
        show_answers();
        // The list stands when this event is over.
        after(0, || {
            if let Some(heading) = document().get_element_by_id("interview-grades") {
                super::focus_quietly(&heading);
                heading.scroll_into_view();
            }
        });
    };
    let head = el("div").class("interview-head").kid(el("h2").attr("id", "interview-title").kid("Interview")).kid(
        el("span")
            .attrs(&[("class", "interview-clock"), ("role", "timer"), ("aria-label", "Time left")])
            .toggle("over", move || took.get() > limit_s)
            .kid(live(time)),
    );
    let rest = part(move || {
        if graded.with(Option::is_none) {
            let button = el("button").attrs(&[("type", "button"), ("class", "button primary")]).click(reveal);
            return Piece::from(button.kid("I have answered. Show the answer"));
        }
        grades(meta, prefs, graded, took).into()
    });
    el("section")
        .attrs(&[("class", "notice interview"), ("aria-labelledby", "interview-title")])
        .kid(head)
        .kid(el("p").kid(
            "Say your answer aloud, as you would to somebody who listens. Use the simulation if it helps. \
             The answer and the experiments stay hidden until you ask for them.",
        ))
        .kid(notes(meta.slug, prefs))
        .kid(rest)
        .into()
}

/// How long the typing must rest before the notes are kept.
const NOTES_KEPT_AFTER_MS: i32 = 400;

/// A field for notes. They are kept as they are typed, so that a closed tab costs nobody her answer, and are there again
/// with the next interview on the same question.
fn notes(slug: &str, prefs: Prefs) -> Piece {
    let field = NodeRef::<HtmlTextAreaElement>::new();
    let name = Kept::new(format!("notes/{slug}"));
    // Runs while there is something typed that is not kept yet.
    let timer = Kept::new(None::<i32>);
    let kept = move || {
        prefs.kept(|text| name.with(|name| records::get(text, name).map(records::unfolded).unwrap_or_default()))
    };
    let keep = move || {
        timer.set(None);
        if let Some(field) = field.get_untracked() {
            name.with(|name| prefs.put(name, &records::folded(&field.value())));
        }
    };
    let typed = move |_| {
        if let Some(timer) = timer.update(Option::take) {
            clear_timeout(timer);
        }
        timer.set(after(NOTES_KEPT_AFTER_MS, keep));
    };
    // Closing the tab does not wait for the typing to rest.
    on_window("pagehide", move |_: web_sys::Event| {
        if timer.with(Option::is_some) {
            keep();
        }
    });
    // Another tab may write them too. Whoever is typing here is not disturbed.
    effect(move || {
        let text = kept();
        let Some(field) = field.get() else { return };
        if timer.with(Option::is_none) && document().active_element().as_ref() != Some(field.as_ref()) {
            field.set_value(&text);
        }
    });
    let write = move |text: &str| {
        if let Some(field) = field.get_untracked() {
            field.set_value(text);
            _ = field.focus();
        }
        keep();
    };
    let area = el("textarea")
        .attrs(&[("class", "field"), ("id", "interview-notes"), ("rows", "5"), ("aria-label", "Your notes")])
        .attr("maxlength", NOTES_CHARS_MAX.to_string())
        .attr("placeholder", "Notes, if you like. They stay in this browser.")
        .on("input", typed)
        .node_ref(field);
    [Piece::from(area), emptying(kept, write)].into()
}

/// Whoever begins anew may want a clean sheet, and may want the old one back.
fn emptying(kept: impl Fn() -> String + 'static, write: impl Fn(&str) + Copy + 'static) -> Piece {
    let emptied = Signal::new(None::<String>);
    let plain = || el("button").attrs(&[("type", "button"), ("class", "button")]);
    let button = part(move || {
        let kept = kept();
        match emptied.get() {
            Some(old) if kept.is_empty() => {
                let back = move || {
                    write(&old);
                    emptied.set(None);
                };
                Some(plain().click(back).kid("Bring the notes back"))
            }
            _ if kept.is_empty() => None,
            _ => {
                let empty = move || {
                    emptied.set(Some(kept.clone()));
                    write("");
                };
                Some(plain().click(empty).kid("Begin with empty notes"))
            }
        }
    });
    el("p").class("interview-buttons").kid(button).into()
}

/// The clock goes on until the answer is shown.
fn tick(began: Kept<i64>, took: Signal<i64>, graded: Signal<Option<Vec<FollowUp>>>) {
    after(500, move || {
        if graded.with_untracked(Option::is_none) {
            took.set(now_s() - began.with(|b| *b));
            tick(began, took, graded);
        }
    });
}

fn grades(meta: &'static ArticleMeta, prefs: Prefs, graded: Signal<Option<Vec<FollowUp>>>, took: Signal<i64>) -> Tag {
    let root = use_root();
    let list = graded.with_untracked(|list| list.clone().unwrap_or_default());
    let said = move || graded.with(|list| result(list.as_deref().unwrap_or_default(), took.get_untracked()));
    let grade = move |i: usize, grade: Grade| {
        graded.update(|list| {
            if let Some(f) = list.as_mut().and_then(|list| list.get_mut(i)) {
                f.grade = Some(grade);
            }
        });
        let (had, of) = graded.with_untracked(|list| {
            let list = list.as_deref().unwrap_or_default();
            (list.iter().filter(|f| f.grade == Some(Grade::Had)).count(), list.len())
        });
        prefs.put(&format!("interview/{}", meta.slug), &format!("{had} {of}"));
    };
    let rows = each(list.into_iter().enumerate(), |(i, f)| {
        let choices = each(Grade::ALL, |choice| {
            let picked = move || {
                graded.with(|list| list.as_ref().is_some_and(|list| list.get(i).and_then(|f| f.grade) == Some(choice)))
            };
            let button = el("input")
                .attr("type", "radio")
                .attr("name", format!("grade-{i}"))
                .checked(picked)
                .on("change", move |_| grade(i, choice));
            el("label").kid(button).kid(el("span").kid(choice.name()))
        });
        let legend = el("legend")
            .kid(el("span").class("level").kid(f.level))
            .kid(" ")
            .kid(el("a").attr("href", format!("#{}", f.id)).kid(f.question));
        el("li").kid(el("fieldset").kid(legend).kid(el("div").class("segmented").kid(choices)))
    });
    let copied = Signal::new("");
    let copy = move || {
        let text = format!(
            "{}\n{}\n",
            meta.title,
            graded.with_untracked(|list| { result(list.as_deref().unwrap_or_default(), took.get_untracked()) })
        );
        wasm_bindgen_futures::spawn_local(async move {
            let written =
                wasm_bindgen_futures::JsFuture::from(window().navigator().clipboard().write_text(&text)).await;
            copied.set(if written.is_ok() { "Copied." } else { "The browser keeps the clipboard closed." });
        });
    };
    let buttons = el("div")
        .class("interview-buttons")
        .kid(el("button").attrs(&[("type", "button"), ("class", "button")]).click(copy).kid("Copy the result"))
        .kid(el("a").class("button").attr("href", root.link("#interview")).kid("Another question"))
        .kid(el("span").attr("role", "status").kid(live(move || copied.get().to_owned())));
    el("div")
        .kid(el("h3").attrs(&[("id", "interview-grades"), ("tabindex", "-1")]).kid("How did you do?"))
        .kid(
            el("p").kid(
                "The answer is below. These are the questions that would have come next; each leads to its answer.",
            ),
        )
        .kid(el("ol").class("grades").kid(rows))
        .kid(el("p").attrs(&[("role", "status"), ("class", "interview-result")]).kid(live(said)))
        .kid(buttons)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_says_what_is_left() {
        assert_eq!((clock(725), clock(0), clock(-70)), ("12:05".into(), "0:00".into(), "1:10 over".into()));
    }

    #[test]
    fn minutes_that_no_clock_could_show_are_twenty() {
        assert_eq!(["30", "1", "0", "181", "-5", "x", ""].map(minutes_of), [30, 1, 20, 20, 20, 20, 20]);
    }

    #[test]
    fn the_result_counts_what_was_had() {
        let list: Vec<FollowUp> = [Some(Grade::Had), Some(Grade::Partly), Some(Grade::Missed), None]
            .into_iter()
            .map(|grade| FollowUp { id: "x".into(), level: "Junior".into(), question: "Why?".into(), grade })
            .collect();
        assert_eq!(result(&list, 65), "You had 1 of 4, 1 more in part, after 1:05 minutes. 1 not graded yet.");
        assert_eq!(result(&list[..1], 600), "You had 1 of 1, after 10:00 minutes.");
    }
}
