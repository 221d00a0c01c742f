//! The window that the audience sees: it holds the talk and the run.

#[cfg(feature = "csr")]
use super::kept;
use super::talk::{Broken, Step, Talk};
use super::wire::{Command, Message};
use super::{Desk, NO_CHANNEL, SLACK_S, button, choices, listen, markup, now_ms, remote, verdict};
use crate::entries::Entry;
use crate::pages::focus_quietly;
use crate::pages::header::theme_button;
use crate::ui::el::{Piece, Tag, el, live, part};
use crate::ui::markup::Markup;
use crate::ui::{Kept, NodeRef, after, document, effect, on_window, window};
use web_sys::HtmlDialogElement;

/// The audience's window and what only it has.
#[derive(Clone, Copy)]
struct Window {
    desk: Desk,
    /// The acts of the run when it was last looked at, and which run that was.
    acts: Kept<(String, Vec<u64>)>,
    keys: NodeRef<HtmlDialogElement>,
    /// Whether the talk has been begun: before, nothing is written down.
    begun: Kept<bool>,
}

const KEYS: [(&str, &str); 12] = [
    ("→ or Page Down", "the next step"),
    ("← or Page Up", "the step before"),
    ("Home, End", "the first step, the last"),
    ("1 to 9", "the audience's guess"),
    ("Enter", "show the answer of a follow-up"),
    (".", "a dark screen, and back"),
    ("N", "the speaker's window"),
    ("Space or K", "play or pause"),
    ("[ and ]", "one event back, one forward"),
    ("< and >", "slower, faster"),
    ("Escape", "light again; closes what is open"),
    ("?", "these keys"),
];

pub fn page(entry: &'static Entry) -> Piece {
    let (talk, run) = begin_or_go_on(entry);
    let w = Window {
        desk: Desk::new(entry, talk),
        acts: Kept::new(Default::default()),
        keys: NodeRef::new(),
        begun: Kept::new(false),
    };
    let desk = w.desk;
    // Before the stage: its keys give way to those of the talk.
    listen(move |key, own, button| w.press(key, own, button));
    let stage = desk.hall.for_audience(move || desk.talk.with(|t| t.numbers_shown(desk.step())));
    w.start(run);
    let meta = entry.meta;
    let simulation = el("section").attr("class", "talk-stage").attr("aria-label", format!("{} simulation", meta.short));
    el("main")
        .attrs(&[("class", "present"), ("id", "content")])
        .kid(w.bar())
        .kid(simulation.kid(stage))
        .kid(
            el("section")
                .attrs(&[("class", "talk-card"), ("aria-label", "The talk"), ("tabindex", "-1")])
                .kid(w.card()),
        )
        .kid(part(move || {
            desk.talk.with(|t| t.blank).then(|| {
                el("div")
                    .attrs(&[("class", "talk-blank"), ("role", "status")])
                    .kid(el("span").class("visually-hidden").kid("The screen is dark. Press . to go on."))
            })
        }))
        .kid(w.keys_dialog())
        .kid(desk.copy_dialog())
        .into()
}

/// The key under which this tab keeps the talk.
#[cfg(feature = "csr")]
fn key(slug: &str) -> String {
    format!("breakable.talk.{slug}")
}

/// The talk that this tab was in before a reload, with its run, or a new one. Another address begins anew.
#[cfg(feature = "csr")]
fn begin_or_go_on(entry: &'static Entry) -> (Talk, Option<crate::stage::Reflection>) {
    let kept = kept::read(&key(entry.meta.slug));
    let kept = kept.and_then(|text| text.split_once('\n').filter(|(a, _)| *a == address()).map(|(_, t)| t.to_owned()));
    match kept.as_deref().and_then(Talk::parse) {
        Some(talk) => (talk, kept.as_deref().and_then(crate::stage::Reflection::parse)),
        None => {
            let random = || (js_sys::Math::random() * 1e15) as u64;
            (Talk::new(format!("{:x}{:x}", random(), random()), now_ms()), None)
        }
    }
}

/// What of the address says how the run begins.
#[cfg(feature = "csr")]
fn address() -> String {
    let location = window().location();
    location.search().unwrap_or_default() + &location.hash().unwrap_or_default()
}

#[cfg(not(feature = "csr"))]
fn begin_or_go_on(_: &'static Entry) -> (Talk, Option<crate::stage::Reflection>) {
    (Talk::new("none".into(), 0), None)
}

impl Window {
    #[cfg(not(feature = "csr"))]
    fn start(self, _: Option<crate::stage::Reflection>) {}

    #[cfg(feature = "csr")]
    fn start(self, run: Option<crate::stage::Reflection>) {
        let desk = self.desk;
        let joined = desk.connect(move |message| self.hear(message));
        let ready = move || {
            if let Some(run) = run {
                desk.hall.follow(&run, 0.0);
            }
            self.begun.set(true);
            self.tell();
        };
        // The next task: the stage has read the address by then.
        after(0, move || {
            desk.read(ready);
            desk.send(&Message::Begin);
        });
        if !joined {
            desk.notice.set(String::new());
        }
        desk.hall.watch(move || {
            self.note_acts();
            self.tell();
        });
        self.note_measured();
        // While it plays, the other window is told where it is.
        desk.tick(move || {
            if desk.hall.playing() {
                self.tell();
            }
        });
        on_window("pagehide", move |_: web_sys::Event| desk.send(&Message::Bye));
    }

    /// Writes the talk down, for this window after a reload and for the other one.
    fn tell(self) {
        if !self.begun.with(|b| *b) {
            return;
        }
        let (talk, run) = (self.desk.talk.get_untracked(), self.desk.hall.reflection());
        #[cfg(feature = "csr")]
        kept::write(&key(self.desk.slug()), &format!("{}\n{}{}", address(), talk.to_text(), run.to_line()));
        self.desk.send(&Message::State(Box::new((talk, run))));
    }

    fn hear(self, message: Message) {
        match message {
            Message::Hello => {
                self.desk.notice.set(String::new());
                self.tell();
            }
            Message::Take(run) => {
                let desk = self.desk;
                let new = desk.hall.take(&run, SLACK_S);
                let step = desk.talk.with_untracked(|t| t.at);
                desk.talk.update(|t| {
                    for (at_us, label) in new {
                        let at = crate::draw::number::clock_us(at_us).to_string();
                        t.broken.push(Broken { at, at_us, step, label, hidden: true });
                    }
                });
                self.acts.set((self.run_name(), desk.hall.acts().iter().map(|a| a.0).collect()));
                self.tell();
            }
            Message::Do(command) => self.run_command(command),
            // From this side.
            Message::Begin | Message::State(_) | Message::Bye => {}
        }
    }

    fn run_command(self, command: Command) {
        let desk = self.desk;
        let go = matches!(command, Command::Go(_));
        if let Command::Go(to) = command
            && (!self.begun.with(|b| *b) || to >= desk.material.with_untracked(|m| m.steps().len()))
        {
            return;
        }
        desk.talk.update(|t| command.apply(t, now_ms()));
        if go {
            self.enter();
        }
        if let (Step::Predict(i) | Step::Run(i), Command::Guess(..) | Command::Hands(..)) =
            (desk.step_untracked(), &command)
            && desk.hall.playing()
        {
            // The guess goes with the run that is on stage.
            let id = self.experiment_id(i);
            desk.hall.run(&id, desk.talk.with_untracked(|t| t.heard(i).choice()));
        }
        self.tell();
    }

    fn experiment_id(self, i: usize) -> String {
        self.desk.material.with_untracked(|m| m.tries.get(i).map_or(String::new(), |t| t.id.clone()))
    }

    /// Sets the stage for the step that the talk has come to.
    fn enter(self) {
        let desk = self.desk;
        let step = desk.step_untracked();
        if let Some(i) = step.experiment() {
            let (id, guess) = (self.experiment_id(i), desk.talk.with_untracked(|t| t.heard(i).choice()));
            match step {
                Step::Predict(_) => desk.hall.prepare(&id, guess),
                Step::Run(_) => desk.hall.run(&id, guess),
                _ => desk.hall.finish(&id, guess),
            }
        }
        match step {
            Step::Question => desk.hall.open(),
            Step::FollowUp(i) => desk.talk.update(|t| t.asked_mut(i).asked = true),
            _ => {}
        }
        // The keys are the talk's again, and a screen reader reads on from here.
        after(0, || {
            if let Ok(Some(heading)) = document().query_selector(".talk-card h1") {
                focus_quietly(&heading);
            }
        });
    }

    /// Which run is on stage, as far as it does not depend on what is done to it.
    fn run_name(self) -> String {
        let run = self.desk.hall.reflection();
        format!("{:?} {:?}", run.preset, run.trial.map(|t| t.0))
    }

    /// Notes what has been broken in this window.
    fn note_acts(self) {
        let desk = self.desk;
        let now: Vec<(u64, String)> = desk.hall.acts();
        let name = self.run_name();
        let at: Vec<u64> = now.iter().map(|a| a.0).collect();
        let (before_name, before) = self.acts.update(|a| std::mem::replace(a, (name.clone(), at)));
        let new: Vec<_> = now.into_iter().filter(|a| !before.contains(&a.0)).collect();
        if before_name != name || new.len() != 1 || !self.begun.with(|b| *b) {
            return;
        }
        let step = desk.talk.with_untracked(|t| t.at);
        desk.talk.update(|t| {
            for (at_us, label) in new {
                let at = crate::draw::number::clock_us(at_us).to_string();
                t.broken.push(Broken { at, at_us, step, label, hidden: false });
            }
        });
    }

    /// Notes what the experiment on stage has measured.
    fn note_measured(self) {
        let desk = self.desk;
        effect(move || {
            let Some(i) = desk.step().experiment() else { return };
            let (id, labels) = desk
                .material
                .with(|m| m.tries.get(i).map_or_else(Default::default, |t| (t.id.clone(), t.choices.clone())));
            let Some((value, right)) = desk.hall.measured(&id) else { return };
            let said = right.and_then(|c| labels.get(c).cloned()).unwrap_or(value);
            if desk.talk.with_untracked(|t| t.heard(i).measured != said) {
                desk.talk.update(|t| t.heard_mut(i).measured = said);
                self.tell();
            }
        });
    }

    /// Opens the speaker's window.
    fn open_speaker(self) {
        let desk = self.desk;
        if desk.channel.with(Option::is_none) {
            return desk.notice.set(NO_CHANNEL.into());
        }
        let name = format!("breakable-speaker-{}", desk.talk.with_untracked(|t| t.session.clone()));
        let opened =
            window().open_with_url_and_target_and_features(&self.speaker(), &name, "popup,width=1280,height=860");
        desk.notice.set(match opened {
            Ok(Some(_)) => String::new(),
            _ => BLOCKED.into(),
        });
    }

    /// The address of the speaker's window.
    fn speaker(self) -> String {
        let session = self.desk.talk.with_untracked(|t| t.session.clone());
        self.desk.address(&format!("speaker/{}/#talk={session}", self.desk.slug()))
    }

    /// `own`: the focus is on a control that has arrows of its own. `button`: on one that Enter presses.
    fn press(self, key: &str, own: bool, button: bool) -> bool {
        let desk = self.desk;
        if let Some(command) = remote(desk, key, own) {
            if command != Command::Go(desk.talk.with_untracked(|t| t.at)) {
                self.run_command(command);
            }
            return true;
        }
        match key {
            "Escape" if !desk.notice.get_untracked().is_empty() => desk.notice.set(String::new()),
            "Enter" if !button => match desk.step_untracked() {
                Step::FollowUp(_) => self.run_command(Command::Show(!desk.talk.with_untracked(|t| t.shown))),
                _ => return false,
            },
            "n" | "N" => self.open_speaker(),
            "?" => self.show_keys(),
            _ => {
                let digit = key.parse::<usize>().ok().filter(|n| (1..=9).contains(n));
                let (Some(digit), Step::Predict(i) | Step::Run(i)) = (digit, desk.step_untracked()) else {
                    // The tabs that these belong to are not here.
                    return digit.is_some();
                };
                let many = desk.material.with_untracked(|m| m.tries.get(i).map_or(0, |t| t.choices.len()));
                if digit <= many {
                    self.run_command(Command::Guess(i, digit - 1));
                }
            }
        }
        true
    }

    fn show_keys(self) {
        if let Some(d) = self.keys.get_untracked() {
            _ = d.show_modal();
        }
    }

    fn keys_dialog(self) -> Tag {
        let own = self.desk.hall.faults().into_iter();
        let all = KEYS.iter().map(|(k, what)| ((*k).to_owned(), *what)).chain(own);
        crate::pages::keys::dialog(self.keys, all.collect())
    }

    fn bar(self) -> Tag {
        let desk = self.desk;
        let step = move |words: &'static str, arrow: &'static str, key: &'static str| {
            let press = move || _ = self.press(key, false, false);
            button(arrow).attr("aria-label", words).attr("title", words).click(press)
        };
        let blocked = part(move || {
            let link = || el("a").attr("href", self.speaker()).attr("target", "_blank").kid("Open it from here");
            (desk.notice.get() == BLOCKED).then(link)
        });
        let missing = part(move || {
            let why = desk.missing.get();
            (!why.is_empty()).then(|| {
                el("p").attrs(&[("class", "talk-notice"), ("role", "alert")]).kid(why).kid(" ").kid(
                    button("Try again").click(move || {
                        #[cfg(feature = "csr")]
                        desk.read(move || {
                            self.begun.set(true);
                            self.tell();
                        });
                    }),
                )
            })
        });
        el("header")
            .class("talk-bar")
            .kid(el("strong").kid(desk.entry.meta.short))
            .kid(el("span").class("talk-progress").kid(live(move || desk.progress())))
            .kid(step("Previous step", "←", "PageUp"))
            .kid(step("Next step", "→", "PageDown"))
            .kid(el("span").class("grow"))
            .kid(desk.notices())
            .kid(blocked)
            .kid(missing)
            .kid(
                button("Speaker ")
                    .attr("title", "The speaker's window")
                    .click(move || self.open_speaker())
                    .kid(el("kbd").attr("aria-hidden", "true").kid("N")),
            )
            .kid(button("Keys ").click(move || self.show_keys()).kid(el("kbd").attr("aria-hidden", "true").kid("?")))
            .kid(theme_button())
            .kid(el("a").class("button").attr("href", crate::app::use_root().question(desk.slug())).kid("Leave"))
    }

    /// One step of the talk.
    fn card(self) -> Piece {
        let desk = self.desk;
        let heading = move |kicker: String, words: String| -> Piece {
            [el("p").class("talk-kicker").kid(kicker), el("h1").attr("tabindex", "-1").kid(words)].into()
        };
        let step = crate::ui::memo(move || (desk.is_read() || desk.talk.with(|t| t.at) == 0).then(|| desk.step()));
        part(move || {
            let Some(step) = step() else { return Piece::List(Vec::new()) };
            let texts = |i: usize| desk.material.with_untracked(|m| m.tries.get(i).cloned().unwrap_or_default());
            match step {
                Step::Question => Piece::from([
                    heading(
                        format!("{} · {}", desk.entry.meta.level, desk.entry.meta.theme),
                        desk.entry.meta.title.into(),
                    ),
                    markup("talk-prompt article", move || desk.material.with(|m| m.prompt.clone())),
                ]),
                Step::Predict(i) => Piece::from([
                    // The title tells what comes out: it stands above the result.
                    heading("Prediction".into(), "What do you expect?".into()),
                    el("p").class("talk-ask").kid(texts(i).ask).into(),
                    choices(desk, i, true, move |c| self.run_command(c)),
                ]),
                Step::Run(i) => Piece::from([
                    heading("The run".into(), "Does it come out so?".into()),
                    el("p").class("talk-ask").kid(texts(i).ask).into(),
                    choices(desk, i, true, move |c| self.run_command(c)),
                    el("p").class("talk-state").kid(live(move || run_state(desk, i))).into(),
                ]),
                Step::Happened(i) => Piece::from([
                    heading("What happened".into(), texts(i).title),
                    el("p").class("talk-verdict").kid(live(move || verdict(desk, i))).into(),
                    choices(desk, i, false, |_| ()),
                    el("p").class("talk-after").kid(texts(i).after).into(),
                ]),
                Step::FollowUp(i) => self.follow_up(i, &heading),
                Step::End => self.end(&heading),
            }
        })
    }

    fn follow_up(self, i: usize, heading: &dyn Fn(String, String) -> Piece) -> Piece {
        let desk = self.desk;
        let (f, all) =
            desk.material.with_untracked(|m| (m.follow_ups.get(i).cloned().unwrap_or_default(), m.follow_ups.len()));
        let answer = part(move || {
            let html = desk.material.with(|m| m.follow_ups.get(i).map_or(Markup::default(), |f| f.answer.clone()));
            let shown = desk.talk.with(|t| t.shown);
            if shown {
                return el("div").class("talk-answer article").html(html);
            }
            button("Show the answer ")
                .click(move || self.run_command(Command::Show(true)))
                .kid(el("kbd").attr("aria-hidden", "true").kid("Enter"))
        });
        [heading(format!("Follow-up {} of {all} · {}", i + 1, f.level), f.question), answer].into()
    }

    fn end(self, heading: &dyn Fn(String, String) -> Piece) -> Piece {
        let desk = self.desk;
        let anew = move || {
            #[cfg(feature = "csr")]
            {
                self.begun.set(false);
                kept::forget(&key(desk.slug()));
                _ = window().location().reload();
            }
        };
        let buttons = el("p")
            .class("dialog-row")
            .kid(button("Copy the summary").click(move || desk.copy(desk.summary(), "The summary is copied.")))
            .kid(button("Begin a new talk").click(anew));
        let words = "The summary has what was asked and guessed, what was measured, the rubric with its notes, the \
                     times, and a link to this moment. It is copied without being shown.";
        [heading("The end".into(), "Thank you".into()), el("p").class("talk-ask").kid(words).into(), buttons.into()]
            .into()
    }
}

const BLOCKED: &str = "The browser has blocked the speaker's window.";

/// Where the run of a step is.
fn run_state(desk: Desk, i: usize) -> String {
    let id = desk.material.with(|m| m.tries.get(i).map_or(String::new(), |t| t.id.clone()));
    let guessed = desk.talk.with(|t| t.heard(i).choice().is_some());
    match (desk.hall.measured(&id).is_some(), guessed) {
        (true, _) => "The run is at its end. Next: what happened.",
        (false, true) => "Running.",
        (false, false) => "Running. The numbers stay hidden until somebody has guessed.",
    }
    .to_owned()
}
