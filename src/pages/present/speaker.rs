//! The speaker's window: notes, answers, the rubric, the clock, and the same run to steer unseen.

#[cfg(feature = "csr")]
use super::kept;
use super::talk::{Grade, MOST_LIMIT_MIN, Step, Talk, clock, left};
use super::wire::{Command, Message};
use super::{Desk, NO_CHANNEL, SLACK_S, button, choices, listen, markup, now_ms, remote, verdict};
use crate::entries::Entry;
use crate::ui::el::{Piece, Tag, each, el, live, part};
use crate::ui::{Signal, document, memo, value_of, window};

#[derive(Clone, Copy)]
struct Window {
    desk: Desk,
    /// Whether the audience's window has been heard.
    joined: Signal<bool>,
}

const ALONE: &str = "The audience's window has not answered. Open this window from there with N.";
const CLOSED: &str = "The audience's window is closed. When it opens again, this one joins it; your notes are kept.";

pub fn page(entry: &'static Entry) -> Piece {
    let talk = session(entry);
    let w = Window { desk: Desk::new(entry, talk), joined: Signal::new(false) };
    let desk = w.desk;
    listen(move |key, own, _| {
        let command = remote(desk, key, own);
        if let Some(command) = command.clone() {
            w.run_command(command);
        }
        // A new seed would be seen: here the key does nothing.
        command.is_some() || key.eq_ignore_ascii_case("n")
    });
    let stage = desk.hall.for_speaker();
    w.start();
    let simulation = el("section")
        .attr("class", "desk-stage")
        .attr("aria-label", format!("{} simulation", entry.meta.short))
        .kid(
            el("p")
                .class("desk-hint")
                .kid("What you do here has its effect in the audience's window, and nothing else there shows it."),
        )
        .kid(stage);
    el("main")
        .attrs(&[("class", "speaker"), ("id", "content")])
        .kid(el("h1").class("visually-hidden").kid(format!("Speaker: {}", entry.meta.title)))
        .kid(w.bar())
        .kid(w.notes())
        .kid(simulation)
        .kid(desk.copy_dialog())
        .into()
}

/// The talk as this window knew it, if that was the one of its address.
#[cfg(feature = "csr")]
fn session(entry: &'static Entry) -> Talk {
    let hash = window().location().hash().unwrap_or_default();
    let session: String =
        hash.trim_start_matches("#talk=").chars().filter(char::is_ascii_alphanumeric).take(64).collect();
    let kept = kept::read(&key(entry.meta.slug)).as_deref().and_then(Talk::parse);
    let session = if session.is_empty() { "none".to_owned() } else { session };
    kept.filter(|t| t.session == session).unwrap_or_else(|| Talk::new(session, now_ms()))
}

#[cfg(not(feature = "csr"))]
fn session(_: &'static Entry) -> Talk {
    Talk::new("none".into(), 0)
}

#[cfg(feature = "csr")]
fn key(slug: &str) -> String {
    format!("breakable.speaker.{slug}")
}

impl Window {
    #[cfg(not(feature = "csr"))]
    fn start(self) {}

    #[cfg(feature = "csr")]
    fn start(self) {
        let desk = self.desk;
        if !desk.connect(move |message| self.hear(message)) {
            desk.notice.set(NO_CHANNEL.into());
        }
        // The run of this window is that of the other, which has the experiments by then.
        desk.read(move || desk.send(&Message::Hello));
        crate::ui::after(3_000, move || {
            if !self.joined.get_untracked() && desk.notice.get_untracked().is_empty() {
                desk.notice.set(ALONE.into());
            }
        });
        desk.hall.watch(move || {
            if self.joined.get_untracked() {
                let run = desk.hall.reflection();
                // Both windows come to the end by themselves.
                let ended = !run.playing && run.until.is_some_and(|until| desk.hall.now_us() >= until.0);
                if !ended {
                    desk.send(&Message::Take(run));
                }
            }
        });
        desk.tick(|| ());
    }

    fn hear(self, message: Message) {
        let desk = self.desk;
        match message {
            Message::State(both) => {
                let (mut talk, run) = *both;
                // What is being typed is newer here than there.
                if document().active_element().is_some_and(|e| e.tag_name() == "TEXTAREA") {
                    let own = desk.talk.get_untracked();
                    talk.note.clone_from(&own.note);
                    for (i, a) in own.asked.iter().enumerate() {
                        talk.asked_mut(i).note.clone_from(&a.note);
                    }
                }
                if desk.talk.with_untracked(|old| *old != talk) {
                    desk.talk.set(talk);
                    self.keep();
                }
                desk.hall.follow(&run, SLACK_S);
                if !self.joined.get_untracked() || [ALONE, CLOSED].contains(&desk.notice.get_untracked().as_str()) {
                    self.joined.set(true);
                    desk.notice.set(String::new());
                }
            }
            // It has been opened again, and may not know what was noted since.
            Message::Begin => {
                let own = desk.talk.get_untracked();
                for (i, a) in own.asked.iter().enumerate() {
                    desk.send(&Message::Do(Command::Note(Some(i), a.note.clone())));
                    if let Some(grade) = a.grade {
                        desk.send(&Message::Do(Command::Grade(i, grade)));
                    }
                }
                desk.send(&Message::Do(Command::Note(None, own.note)));
                desk.send(&Message::Hello);
            }
            Message::Bye => {
                self.joined.set(false);
                desk.notice.set(CLOSED.into());
            }
            Message::Hello | Message::Take(_) | Message::Do(_) => {}
        }
    }

    fn keep(self) {
        #[cfg(feature = "csr")]
        kept::write(&key(self.desk.slug()), &self.desk.talk.with_untracked(Talk::to_text));
    }

    /// What the speaker writes stands here at once; what moves the talk is for the other window to decide.
    fn run_command(self, command: Command) {
        if matches!(command, Command::Grade(..) | Command::Note(..) | Command::Limit(_)) {
            self.desk.talk.update(|t| command.apply(t, now_ms()));
            self.keep();
        }
        self.desk.send(&Message::Do(command));
    }

    fn go(self, by: isize) {
        let to = self.desk.talk.with_untracked(|t| t.at).saturating_add_signed(by);
        self.run_command(Command::Go(to));
    }

    fn bar(self) -> Tag {
        let desk = self.desk;
        let step = move |i: usize| desk.steps().get(i).map_or(String::new(), |s| desk.material.with(|m| m.name(*s)));
        let at = move || desk.talk.with(|t| t.at);
        let step = move |i: usize| if desk.is_read() { step(i) } else { String::new() };
        let now = el("p").class("desk-now").kid(el("span").kid("Now ")).kid(el("strong").kid(live(move || step(at()))));
        let next = el("p").class("desk-next").kid(el("span").kid("Next ")).kid(live(move || {
            let next = step(at() + 1);
            if next.is_empty() && desk.is_read() { "nothing: this is the end".into() } else { next }
        }));
        let blank = button("Dark screen")
            .live("aria-pressed", move || desk.talk.with(|t| t.blank).to_string())
            .click(move || self.run_command(Command::Blank(!desk.talk.with_untracked(|t| t.blank))));
        let controls = el("div")
            .attrs(&[("class", "dialog-row"), ("role", "group"), ("aria-label", "Steps")])
            .kid(button("Previous").click(move || self.go(-1)))
            .kid(button("Next").click(move || self.go(1)))
            .kid(blank)
            .kid(el("span").class("talk-progress").kid(live(move || desk.progress())));
        el("header")
            .class("desk-bar")
            .kid(el("div").kid(now).kid(next))
            .kid(controls)
            .kid(self.clocks())
            .kid(desk.notices())
            .kid(part(move || {
                let why = desk.missing.get();
                (!why.is_empty()).then(|| el("p").attrs(&[("class", "talk-notice"), ("role", "alert")]).kid(why))
            }))
    }

    /// Up for the step and the whole, down for what is left.
    fn clocks(self) -> Tag {
        let desk = self.desk;
        let spent = move || desk.talk.with(|t| t.spent(desk.now.get()));
        let over = move || spent() > desk.talk.with(|t| u64::from(t.limit_min)) * 60_000;
        let one = |label: &'static str, text: Piece| el("div").kid(el("dt").kid(label)).kid(el("dd").kid(text));
        let limit = el("input")
            .attrs(&[("class", "field"), ("type", "number"), ("min", "1"), ("aria-label", "Minutes for the talk")])
            .attr("max", MOST_LIMIT_MIN.to_string())
            .value(move || desk.talk.with(|t| t.limit_min).to_string())
            .change(move |text| {
                if let Some(Command::Limit(min)) = Command::parse(&format!("limit\t{}", text.trim())) {
                    self.run_command(Command::Limit(min));
                }
            });
        el("dl")
            .class("desk-clocks")
            .kid(one("this step", live(move || clock(desk.talk.with(|t| t.spent_on(t.at, desk.now.get()))))))
            .kid(one("in all", live(move || clock(spent()))))
            .kid(one("of", el("label").kid(limit).kid(" min").into()))
            .kid(one("", live(move || left(desk.talk.with(|t| t.limit_min), spent()))).toggle("over", over))
    }

    /// What to say at this step, the rubric, and what to hand on.
    fn notes(self) -> Tag {
        let desk = self.desk;
        let step = memo(move || (desk.step(), desk.material.with(|m| m.tries.len())));
        let notes = part(move || {
            let texts = |i: usize| desk.material.with_untracked(|m| m.tries.get(i).cloned().unwrap_or_default());
            match step().0 {
                Step::Question => Piece::from([
                    el("h2").kid("The answer in thirty seconds").into(),
                    markup("article desk-text", move || desk.material.with(|m| m.short_answer.clone())),
                ]),
                Step::Predict(i) | Step::Run(i) => Piece::from([
                    el("h2").kid(texts(i).title).into(),
                    el("p").kid(texts(i).ask).into(),
                    choices(desk, i, true, move |c| self.run_command(c)),
                    el("h3").kid("What to say afterwards").into(),
                    el("p").kid(texts(i).after).into(),
                ]),
                Step::Happened(i) => Piece::from([
                    Piece::from(el("h2").kid(texts(i).title)),
                    el("p").class("talk-verdict").kid(live(move || verdict(desk, i))).into(),
                    el("p").kid(texts(i).after).into(),
                ]),
                Step::FollowUp(i) => self.follow_up(i),
                Step::End => el("h2").kid("Copy the summary below.").into(),
            }
        });
        let long = el("details")
            .class("more")
            .kid(el("summary").kid("The model answer"))
            .kid(markup("article desk-text", move || desk.material.with(|m| m.short_answer.clone())))
            .kid(markup("article desk-text", move || desk.material.with(|m| m.long_answer.clone())));
        el("section")
            .attrs(&[("class", "desk-notes"), ("aria-label", "Notes")])
            .kid(el("div").class("desk-step").kid(notes))
            .kid(long)
            .kid(self.rubric())
            .kid(self.whole())
    }

    fn follow_up(self, i: usize) -> Piece {
        let desk = self.desk;
        let f = desk.material.with_untracked(|m| m.follow_ups.get(i).cloned().unwrap_or_default());
        let shown = move || desk.talk.with(|t| t.shown);
        let show = button(live(move || {
            if shown() { "Hide the answer from the audience" } else { "Show the audience the answer" }.to_owned()
        }))
        .click(move || self.run_command(Command::Show(!desk.talk.with_untracked(|t| t.shown))));
        [
            el("p").class("talk-kicker").kid(f.level.clone()),
            el("h2").kid(f.question.clone()),
            self.grades(i, f.question),
            el("div").class("article desk-text").html(f.answer),
            el("p").kid(show),
        ]
        .into()
    }

    /// The grades of a follow-up and its note.
    fn grades(self, i: usize, question: String) -> Tag {
        let desk = self.desk;
        let all = each(Grade::ALL, |grade| {
            let radio = el("input")
                .attr("type", "radio")
                .attr("name", format!("grade-{i}"))
                .checked(move || desk.talk.with(|t| t.asked(i).grade == Some(grade)))
                .on("change", move |_| self.run_command(Command::Grade(i, grade)));
            el("label").kid(radio).kid(el("span").kid(grade.name()))
        });
        let note = el("textarea")
            .attrs(&[("class", "field wide"), ("rows", "2"), ("placeholder", "A note")])
            .attr("aria-label", format!("Note: {question}"))
            .value(move || desk.talk.with(|t| t.asked(i).note))
            .on("input", move |ev| self.run_command(Command::Note(Some(i), text_of(&ev))));
        el("fieldset")
            .class("desk-grades")
            .kid(el("legend").class("visually-hidden").kid(format!("Grade: {question}")))
            .kid(el("div").class("segmented").kid(all))
            .kid(note)
    }

    /// Every experiment and follow-up with how it went; each can be gone to at once.
    fn rubric(self) -> Tag {
        let desk = self.desk;
        let rows = part(move || {
            let material = desk.material.get();
            each(material.steps().into_iter().enumerate(), |(at, step)| {
                let level = match step {
                    Step::Predict(_) => "Try".to_owned(),
                    Step::FollowUp(i) => material.follow_ups.get(i).map_or(String::new(), |f| f.level.clone()),
                    _ => return None,
                };
                let go = el("button")
                    .attrs(&[("type", "button"), ("class", "bare")])
                    .click(move || self.run_command(Command::Go(at)))
                    .kid(match step {
                        Step::Predict(i) => material.tries.get(i).map_or(String::new(), |t| t.title.clone()),
                        Step::FollowUp(i) => material.follow_ups.get(i).map_or(String::new(), |f| f.question.clone()),
                        _ => String::new(),
                    });
                let how = live(move || desk.talk.with(|t| how(t, step)));
                let here = move || desk.talk.with(|t| t.at) == at;
                let row = el("li").toggle("on", here).kid(el("span").class("level").kid(level));
                Some(row.kid(go).kid(el("em").kid(how)))
            })
        });
        el("details")
            .class("more")
            .attr("open", "")
            .kid(el("summary").kid("Experiments and follow-ups"))
            .kid(el("ol").class("desk-rubric").kid(rows))
    }

    /// The note on the whole, the candidate's link, the summary.
    fn whole(self) -> Tag {
        let desk = self.desk;
        let note = el("textarea")
            .attrs(&[("class", "field wide"), ("rows", "3"), ("aria-label", "Note on the whole")])
            .attr("placeholder", "A note on the whole")
            .value(move || desk.talk.with(|t| t.note.clone()))
            .on("input", move |ev| self.run_command(Command::Note(None, text_of(&ev))));
        let link = move || desk.copy(desk.candidate_address(), "The link to this moment, without answers, is copied.");
        let summary = move || desk.copy(desk.summary(), "The summary is copied.");
        el("div").class("desk-whole").kid(note).kid(
            el("p")
                .class("dialog-row")
                .kid(button("Copy a link for the candidate").attr("title", "This moment, without answers").click(link))
                .kid(button("Copy the summary").click(summary)),
        )
    }
}

/// How a step has gone, in a word.
fn how(talk: &Talk, step: Step) -> String {
    match step {
        Step::FollowUp(i) => {
            let a = talk.asked(i);
            a.grade.map_or(if a.asked { "asked" } else { "" }, Grade::name).to_owned()
        }
        Step::Predict(i) => talk.heard(i).measured,
        _ => String::new(),
    }
}

/// What stands in the text field that the event is of.
fn text_of(ev: &web_sys::Event) -> String {
    use wasm_bindgen::JsCast;
    let area = ev.target().and_then(|t| t.dyn_into::<web_sys::HtmlTextAreaElement>().ok());
    area.map_or_else(|| value_of(ev), |a| a.value())
}
