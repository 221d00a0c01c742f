//! What a talk is: its steps, what was asked and said so far, and how long it took. No web in here.
//!
//! The audience's window holds the talk and writes it down after each change, as lines of text, for itself (a reload
//! loses nothing) and for the speaker's window.

use crate::ui::markup::Markup;

/// Where a talk stands. Experiments and follow-ups by their places in the lists of the question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    Question,
    /// What will happen? The audience says.
    Predict(usize),
    Run(usize),
    /// What was measured, and why.
    Happened(usize),
    FollowUp(usize),
    End,
}

impl Step {
    /// All steps of a question with so many experiments and follow-ups.
    pub fn all(tries: usize, follow_ups: usize) -> Vec<Step> {
        let mut steps = vec![Step::Question];
        for i in 0..tries {
            steps.extend([Step::Predict(i), Step::Run(i), Step::Happened(i)]);
        }
        steps.extend((0..follow_ups).map(Step::FollowUp));
        steps.push(Step::End);
        steps
    }

    /// The experiment of this step.
    pub fn experiment(self) -> Option<usize> {
        match self {
            Step::Predict(i) | Step::Run(i) | Step::Happened(i) => Some(i),
            _ => None,
        }
    }
}

/// How well a follow-up was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grade {
    Had,
    Partly,
    Missed,
}

impl Grade {
    pub const ALL: [Grade; 3] = [Grade::Had, Grade::Partly, Grade::Missed];

    pub fn name(self) -> &'static str {
        match self {
            Grade::Had => "Had it",
            Grade::Partly => "Partly",
            Grade::Missed => "Missed it",
        }
    }

    pub fn parse(name: &str) -> Option<Grade> {
        Grade::ALL.into_iter().find(|g| g.name() == name)
    }
}

/// What the audience said of an experiment, and what the run said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Heard {
    pub guess: Option<usize>,
    /// Hands raised for each choice, as far as they were counted.
    pub hands: Vec<u32>,
    /// The result in words, once it is there.
    pub measured: String,
}

impl Heard {
    /// The guess: what was picked, else what most hands went up for.
    pub fn choice(&self) -> Option<usize> {
        let most = self.hands.iter().copied().max().filter(|n| *n > 0);
        self.guess.or_else(|| most.and_then(|n| self.hands.iter().position(|h| *h == n)))
    }
}

/// A follow-up as it went.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Asked {
    pub asked: bool,
    pub grade: Option<Grade>,
    pub note: String,
}

/// Something that was broken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// The moment of the run, as its clock shows it.
    pub at: String,
    pub at_us: u64,
    pub step: usize,
    pub label: String,
    /// Done in the speaker's window: the audience saw its effect only.
    pub hidden: bool,
}

/// What the speaker reckons with unless told otherwise.
pub const LIMIT_MIN: u32 = 45;
pub const MOST_LIMIT_MIN: u32 = 480;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Talk {
    /// Names the channel between the windows, so that two talks at once do not mix.
    pub session: String,
    /// The place of the present step.
    pub at: usize,
    /// When the present step was entered, in milliseconds since 1970.
    pub entered_ms: u64,
    /// For each step, the time spent on it before it was entered last.
    pub spent_ms: Vec<u64>,
    pub limit_min: u32,
    /// Whether the answer of the follow-up on stage is shown.
    pub shown: bool,
    /// Whether the screen is dark.
    pub blank: bool,
    pub heard: Vec<Heard>,
    pub asked: Vec<Asked>,
    pub note: String,
    pub broken: Vec<Broken>,
}

impl Talk {
    pub fn new(session: String, now_ms: u64) -> Talk {
        Talk {
            session,
            at: 0,
            entered_ms: now_ms,
            spent_ms: Vec::new(),
            limit_min: LIMIT_MIN,
            shown: false,
            blank: false,
            heard: Vec::new(),
            asked: Vec::new(),
            note: String::new(),
            broken: Vec::new(),
        }
    }

    /// Moves to another step; the clock of the old one stops.
    pub fn go(&mut self, to: usize, now_ms: u64) {
        let spent = self.spent_on(self.at, now_ms);
        *entry(&mut self.spent_ms, self.at) = spent;
        self.at = to;
        self.entered_ms = now_ms;
        self.shown = false;
        self.blank = false;
    }

    /// Time spent on a step so far.
    pub fn spent_on(&self, step: usize, now_ms: u64) -> u64 {
        let now = if step == self.at { now_ms.saturating_sub(self.entered_ms) } else { 0 };
        self.spent_ms.get(step).copied().unwrap_or(0) + now
    }

    pub fn spent(&self, now_ms: u64) -> u64 {
        let before: u64 = self.spent_ms.iter().sum();
        before + now_ms.saturating_sub(self.entered_ms)
    }

    pub fn heard(&self, i: usize) -> Heard {
        self.heard.get(i).cloned().unwrap_or_default()
    }

    pub fn heard_mut(&mut self, i: usize) -> &mut Heard {
        entry(&mut self.heard, i)
    }

    pub fn asked(&self, i: usize) -> Asked {
        self.asked.get(i).cloned().unwrap_or_default()
    }

    pub fn asked_mut(&mut self, i: usize) -> &mut Asked {
        entry(&mut self.asked, i)
    }

    /// Whether the audience may see the numbers: not before it has said what it expects, or knows.
    pub fn numbers_shown(&self, step: Step) -> bool {
        match step {
            Step::Predict(i) | Step::Run(i) => self.heard(i).choice().is_some(),
            _ => true,
        }
    }

    /// The talk as text, which [`Talk::parse`] reads.
    pub fn to_text(&self) -> String {
        let mut text = String::new();
        let mut line = |words: &[&str]| {
            let words: Vec<String> = words.iter().map(|w| escape(w)).collect();
            text.push_str(&words.join("\t"));
            text.push('\n');
        };
        let flag = |on: bool| if on { "1" } else { "" };
        line(&["talk", &self.session, &self.at.to_string(), &self.entered_ms.to_string(), &self.limit_min.to_string()]);
        line(&["screen", flag(self.shown), flag(self.blank)]);
        let spent: Vec<String> = self.spent_ms.iter().map(u64::to_string).collect();
        line(&["spent", &spent.join(" ")]);
        for h in &self.heard {
            let guess = h.guess.map_or(String::new(), |g| g.to_string());
            let hands: Vec<String> = h.hands.iter().map(u32::to_string).collect();
            line(&["heard", &guess, &hands.join(" "), &h.measured]);
        }
        for a in &self.asked {
            line(&["asked", flag(a.asked), a.grade.map_or("", Grade::name), &a.note]);
        }
        for b in &self.broken {
            line(&["broken", &b.at, &b.at_us.to_string(), &b.step.to_string(), &b.label, flag(b.hidden)]);
        }
        line(&["note", &self.note]);
        text
    }

    /// Reads what [`Talk::to_text`] wrote. Lines of another kind belong to others; without the first there is no talk.
    pub fn parse(text: &str) -> Option<Talk> {
        let mut talk = None;
        for line in text.lines() {
            let words: Vec<String> = line.split('\t').map(unescape).collect();
            let word = |i: usize| words.get(i).map_or("", String::as_str);
            let numbers =
                |i: usize| word(i).split(' ').filter_map(|n| n.parse().ok()).take(1_000).collect::<Vec<u64>>();
            if word(0) == "talk" {
                let session = word(1).to_owned();
                if session.is_empty() || !session.bytes().all(|b| b.is_ascii_alphanumeric()) {
                    return None;
                }
                let mut new = Talk::new(session, word(3).parse().ok()?);
                new.at = word(2).parse().ok()?;
                new.limit_min = word(4).parse().ok().filter(|m| (1..=MOST_LIMIT_MIN).contains(m)).unwrap_or(LIMIT_MIN);
                talk = Some(new);
                continue;
            }
            let Some(talk) = talk.as_mut() else { continue };
            match word(0) {
                "screen" => (talk.shown, talk.blank) = (word(1) == "1", word(2) == "1"),
                "spent" => talk.spent_ms = numbers(1),
                "heard" => talk.heard.push(Heard {
                    guess: word(1).parse().ok(),
                    hands: numbers(2).into_iter().map(|n| u32::try_from(n).unwrap_or(u32::MAX)).collect(),
                    measured: word(3).to_owned(),
                }),
                "asked" => talk.asked.push(Asked {
                    asked: word(1) == "1",
                    grade: Grade::parse(word(2)),
                    note: word(3).to_owned(),
                }),
                "broken" => talk.broken.push(Broken {
                    at: word(1).to_owned(),
                    at_us: word(2).parse().ok()?,
                    step: word(3).parse().ok()?,
                    label: word(4).to_owned(),
                    hidden: word(5) == "1",
                }),
                "note" => talk.note = word(1).to_owned(),
                _ => {}
            }
        }
        talk
    }
}

/// The `i`-th of a list that is as long as it has to be. Nothing has that many, whatever a kept text says.
fn entry<T: Default + Clone>(list: &mut Vec<T>, i: usize) -> &mut T {
    let i = i.min(999);
    if list.len() <= i {
        list.resize(i + 1, T::default());
    }
    &mut list[i]
}

/// Tabs and line ends divide the text, so inside a word they are written otherwise.
pub fn escape(word: &str) -> String {
    word.replace('\\', "\\\\").replace('\t', "\\t").replace('\n', "\\n").replace('\r', "")
}

pub fn unescape(word: &str) -> String {
    let mut out = String::with_capacity(word.len());
    let mut chars = word.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next() {
                Some('t') => out.push('\t'),
                Some('n') => out.push('\n'),
                Some(other) => out.push(other),
                None => {}
            },
            c => out.push(c),
        }
    }
    out
}

/// `12:05`
pub fn clock(ms: u64) -> String {
    let s = ms / 1_000;
    format!("{}:{:02}", s / 60, s % 60)
}

/// What is left of the time, or how much over it is.
pub fn left(limit_min: u32, spent_ms: u64) -> String {
    let limit_ms = u64::from(limit_min) * 60_000;
    if spent_ms <= limit_ms {
        format!("{} left", clock(limit_ms - spent_ms + 999))
    } else {
        format!("{} over", clock(spent_ms - limit_ms))
    }
}

/// An experiment in words.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TryText {
    pub id: String,
    pub title: String,
    pub ask: String,
    pub choices: Vec<String>,
    pub after: String,
}

/// A follow-up in words. The answer is markup of the site's own pages.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FollowUp {
    pub level: String,
    pub question: String,
    pub answer: Markup,
}

/// What a question has to say: read from its page when a talk begins.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Material {
    pub title: String,
    /// What is asked, the answer in thirty seconds and the long one, as markup of the site's own pages.
    pub prompt: Markup,
    pub short_answer: Markup,
    pub long_answer: Markup,
    pub tries: Vec<TryText>,
    pub follow_ups: Vec<FollowUp>,
}

impl Material {
    pub fn steps(&self) -> Vec<Step> {
        Step::all(self.tries.len(), self.follow_ups.len())
    }

    /// A step's name, in a few words.
    pub fn name(&self, step: Step) -> String {
        let title = |i: usize| self.tries.get(i).map_or("", |t| t.title.as_str());
        match step {
            Step::Question => "The question".into(),
            Step::Predict(i) => format!("Prediction: {}", title(i)),
            Step::Run(i) => format!("Run: {}", title(i)),
            Step::Happened(i) => format!("What happened: {}", title(i)),
            Step::FollowUp(i) => {
                format!("Follow-up: {}", self.follow_ups.get(i).map_or("", |f| f.question.as_str()))
            }
            Step::End => "The end".into(),
        }
    }

    /// The whole talk as Markdown, to be kept beside the notes on a candidate.
    pub fn summary(&self, talk: &Talk, now_ms: u64, link: &str) -> String {
        let mut md = format!("# {}\n\n", self.title);
        let steps = self.steps();
        let mut levels = [0; 3];
        for a in &talk.asked {
            if let Some(g) = a.grade {
                levels[g as usize] += 1;
            }
        }
        let asked = talk.asked.iter().filter(|a| a.asked).count();
        md.push_str(&format!(
            "Took {} of {}:00 minutes. {asked} of {} follow-ups asked: {} had, {} partly, {} missed.\n",
            clock(talk.spent(now_ms)),
            talk.limit_min,
            self.follow_ups.len(),
            levels[0],
            levels[1],
            levels[2]
        ));
        if !talk.note.trim().is_empty() {
            md.push_str(&format!("\n{}\n", talk.note.trim()));
        }
        self.experiments(talk, &mut md);
        self.rubric(talk, &mut md);
        if !talk.broken.is_empty() {
            md.push_str("\n## What was broken\n\n");
            for b in &talk.broken {
                let step = steps.get(b.step).map(|s| self.name(*s)).unwrap_or_default();
                let hidden = if b.hidden { ", unannounced" } else { "" };
                md.push_str(&format!("- {} at {}{hidden} ({step})\n", b.label, b.at));
            }
        }
        md.push_str("\n## Times\n\n");
        for (i, step) in steps.iter().enumerate().filter(|(i, _)| talk.spent_on(*i, now_ms) >= 1_000) {
            md.push_str(&format!("- {}: {}\n", self.name(*step), clock(talk.spent_on(i, now_ms))));
        }
        md.push_str(&format!("\nThe final moment: {link}\n"));
        md
    }

    fn experiments(&self, talk: &Talk, md: &mut String) {
        let run = |i: usize| {
            let h = talk.heard(i);
            h.choice().is_some() || !h.measured.is_empty()
        };
        if !(0..self.tries.len()).any(run) {
            return;
        }
        md.push_str("\n## Experiments\n\n");
        for (i, t) in self.tries.iter().enumerate().filter(|(i, _)| run(*i)) {
            let h = talk.heard(i);
            let label = |i: usize| t.choices.get(i).map_or("", String::as_str);
            let hands: Vec<String> = h
                .hands
                .iter()
                .enumerate()
                .filter(|(_, n)| **n > 0)
                .map(|(i, n)| format!("{n} for {}", label(i)))
                .collect();
            let hands = if hands.is_empty() { String::new() } else { format!(" (hands: {})", hands.join(", ")) };
            let guess = h.choice().map_or("no guess", label);
            let measured = if h.measured.is_empty() { "not run to its end" } else { &h.measured };
            md.push_str(&format!("- {}: {} Guess: {guess}{hands}. Measured: {measured}.\n", t.title, t.ask));
        }
    }

    fn rubric(&self, talk: &Talk, md: &mut String) {
        let said = |i: usize| talk.asked(i) != Asked::default();
        if !(0..self.follow_ups.len()).any(said) {
            return;
        }
        md.push_str("\n## Follow-ups\n\n");
        for (i, f) in self.follow_ups.iter().enumerate().filter(|(i, _)| said(*i)) {
            let a = talk.asked(i);
            let grade = a.grade.map_or("not graded", Grade::name);
            md.push_str(&format!("- [{}] {} **{grade}**\n", f.level, f.question));
            if !a.note.trim().is_empty() {
                md.push_str(&format!("  {}\n", a.note.trim().replace('\n', "\n  ")));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn talk() -> Talk {
        let mut talk = Talk::new("abc123".into(), 1_000);
        talk.go(2, 61_000);
        talk.heard_mut(0).guess = Some(1);
        talk.heard_mut(0).hands = vec![2, 5, 0];
        talk.heard_mut(0).measured = "200".into();
        talk.asked_mut(1).asked = true;
        talk.asked_mut(1).grade = Some(Grade::Partly);
        talk.asked_mut(1).note = "Said \"retry\",\tthen\nnothing \\n".into();
        talk.note = "Calm.".into();
        talk.broken.push(Broken {
            at: "12.0 s".into(),
            at_us: 12,
            step: 2,
            label: "Kill a node: node 2".into(),
            hidden: true,
        });
        talk
    }

    fn material() -> Material {
        let t = TryText {
            id: "edge".into(),
            title: "The edge".into(),
            ask: "How many?".into(),
            choices: vec!["100".into(), "200".into(), "300".into()],
            after: "Because.".into(),
        };
        let f = |level: &str, question: &str| FollowUp {
            level: level.into(),
            question: question.into(),
            answer: Markup::default(),
        };
        Material {
            title: "Why?".into(),
            tries: vec![t],
            follow_ups: vec![f("Junior", "First?"), f("Senior", "Second?")],
            ..Material::default()
        }
    }

    #[test]
    fn a_talk_asks_predicts_runs_and_tells_before_the_follow_ups() {
        use Step::*;
        assert_eq!(
            Step::all(2, 1),
            [Question, Predict(0), Run(0), Happened(0), Predict(1), Run(1), Happened(1), FollowUp(0), End]
        );
        assert_eq!(Step::all(0, 0), [Question, End]);
    }

    #[test]
    fn nothing_is_lost_when_a_talk_is_written_down() {
        let talk = talk();
        assert_eq!(Talk::parse(&talk.to_text()), Some(talk.clone()));
        let among_others = format!("run\tx\n{}other\tline\n", talk.to_text());
        assert_eq!(Talk::parse(&among_others), Some(talk));
    }

    #[test]
    fn text_that_is_no_talk_does_no_harm() {
        for foreign in ["", "talk", "talk\t<b>\t0\t0\t0", "talk\ta b\t0\t0\t0", "note\tx", "\u{0}\t\n\n"] {
            assert_eq!(Talk::parse(foreign), None, "{foreign:?}");
        }
        let kept = Talk::parse("talk\ta\t99999999\t0\t0\nspent\tx 1 -2\nheard\tx\ty\nasked\t2\tGreat").unwrap();
        assert_eq!((kept.limit_min, kept.spent_ms.len(), kept.heard(0).choice()), (LIMIT_MIN, 1, None));
        let mut kept = kept;
        kept.go(3, 5);
        assert_eq!(kept.at, 3);
    }

    #[test]
    fn each_step_has_its_time_and_all_add_up() {
        let mut talk = talk();
        assert_eq!((talk.spent_on(0, 70_000), talk.spent_on(2, 70_000), talk.spent(70_000)), (60_000, 9_000, 69_000));
        talk.go(0, 71_000);
        assert_eq!((talk.spent_on(0, 72_000), talk.spent_on(2, 72_000), talk.spent(72_000)), (61_000, 10_000, 71_000));
        // A clock that was set back.
        assert_eq!(talk.spent(0), 70_000);
    }

    #[test]
    fn numbers_stay_hidden_until_somebody_has_guessed() {
        let mut talk = Talk::new("a".into(), 0);
        assert!(!talk.numbers_shown(Step::Predict(0)) && !talk.numbers_shown(Step::Run(0)));
        assert!(talk.numbers_shown(Step::Happened(0)) && talk.numbers_shown(Step::Question));
        talk.heard_mut(0).hands = vec![0, 0];
        assert!(!talk.numbers_shown(Step::Run(0)), "no hand is no guess");
        talk.heard_mut(0).hands = vec![1, 3];
        assert!(talk.numbers_shown(Step::Run(0)));
        assert_eq!(talk.heard(0).choice(), Some(1), "most hands");
        assert!(!talk.numbers_shown(Step::Run(1)), "each experiment anew");
    }

    #[test]
    fn the_clock_says_what_is_left_and_then_what_is_over() {
        assert_eq!(left(20, 0), "20:00 left");
        assert_eq!(left(20, 61_000), "18:59 left");
        assert_eq!(left(1, 90_000), "0:30 over");
    }

    #[test]
    fn the_summary_says_what_was_asked_guessed_measured_graded_and_broken() {
        let text = material().summary(&talk(), 70_000, "https://x/q/y/#r=z");
        for part in [
            "# Why?\n",
            "Took 1:09 of 45:00 minutes. 1 of 2 follow-ups asked: 0 had, 1 partly, 0 missed.",
            "Calm.",
            "- The edge: How many? Guess: 200 (hands: 2 for 100, 5 for 200). Measured: 200.",
            "- [Senior] Second? **Partly**\n  Said \"retry\",\tthen\n  nothing \\n",
            "- Kill a node: node 2 at 12.0 s, unannounced (Run: The edge)",
            "- The question: 1:00",
            "The final moment: https://x/q/y/#r=z",
        ] {
            assert!(text.contains(part), "{part}\n---\n{text}");
        }
        assert!(!text.contains("First?"), "{text}");
    }
}
