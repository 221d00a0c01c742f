//! The player: one or two runs under one clock, and everything the reader can do to them. No web in here.

use crate::content::{ArticleMeta, SetupMeta, Side as ContentSide, TryMeta};
use crate::entries::Entry;
use crate::widgets::Picture;
use sim::declare::show;
use sim::kernel::{Advance, Input, Line, Live, Moment, RunValue, Story, Us, What};
use sim::link::{self, FUTURES_MAX, Future, Origin, Shared};
use sim::text::joined;
use sim::{Knobs, Question, Tone, script};
use sim::{decimal, order};

/// Which of the two runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    A,
    B,
}

impl Side {
    pub fn name(self) -> &'static str {
        match self {
            Side::A => "A",
            Side::B => "B",
        }
    }
}

/// The speeds that can be chosen, in simulated seconds per second.
pub const SPEEDS: [f64; 11] = [0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0];

/// At most so many events a frame: about 8 ms of work. What does not fit is done in the next
/// frames, and the reader is told that the simulation is behind; nothing is skipped.
const EVENTS_PER_FRAME: u64 = 60_000;

/// A link that was made after the run had been rewound also shows what lies ahead, as far as that takes no longer than
/// this many events: about a second.
const AHEAD_EVENTS: u64 = 5_000_000;

/// An experiment in progress.
#[derive(Clone, Copy, Debug)]
pub struct Trial {
    pub experiment: &'static TryMeta,
    pub guess: Option<usize>,
    /// What the run said, once it has reached the end.
    pub measured: Option<Option<f64>>,
    /// Reads the measure from the run. Carried along, so that reading belongs to the parts of the program that start
    /// experiments and not to every page.
    measure: fn(&Player, &TryMeta) -> Option<f64>,
}

impl Trial {
    fn new(experiment: &'static TryMeta, guess: Option<usize>) -> Trial {
        Trial { experiment, guess, measured: None, measure }
    }
}

/// What an experiment asks of the run of its side.
fn measure(player: &Player, experiment: &TryMeta) -> Option<f64> {
    let side = match experiment.side {
        ContentSide::A => Side::A,
        ContentSide::B => Side::B,
    };
    let ask = script::parse_ask(player.question, experiment.measure).ok()?;
    script::answer_by(experiment.read, player.run(side)?, &ask)
}

pub struct Player {
    pub question: &'static Question,
    pub meta: &'static ArticleMeta,
    /// The question's experiments; none before they are downloaded.
    pub tries: &'static [TryMeta],
    pub picture: &'static Picture,
    a: Box<dyn Live>,
    b: Option<Box<dyn Live>>,
    pub playing: bool,
    pub speed: f64,
    /// The part of a microsecond that the last frame could not advance.
    remainder: f64,
    /// Whether the last frame ran out of its budget.
    pub behind: bool,
    /// Play stops here by itself.
    pub until: Option<Us>,
    pub preset: Option<usize>,
    pub trial: Option<Trial>,
    pub futures: Vec<Future>,
    /// Acts that the audience of a talk does not see coming: no mark, no line. Their moments.
    pub hidden: Vec<Us>,
    /// Sentences for the reader: what of an address or a link was ignored, and why.
    pub notes: Vec<String>,
}

fn value_of(question: &'static Question, setup: &SetupMeta, seed: u64) -> Result<RunValue, String> {
    let mut knobs = Knobs::defaults(question);
    for (key, text) in setup.set {
        script::set_knob(question, &mut knobs, key, text)?;
    }
    let mut inputs = Vec::new();
    for i in setup.inputs {
        inputs.push(script::input(question, Us(i.at_us), i.act, i.args.iter().copied())?);
    }
    order::by_key(&mut inputs, |i| i.at);
    Ok(RunValue { question, seed, knobs, inputs })
}

/// A run's moment as a link has it: a count of events only where the clock does not say enough.
fn named(run: &dyn Live) -> Moment {
    let moment = run.moment();
    Moment { events: if run.settled() { u64::MAX } else { moment.events }, ..moment }
}

/// Goes to the moment of a link. False when it lies further than a link may ask for.
fn arrive(run: &mut dyn Live, moment: Moment) -> bool {
    if moment.events == u64::MAX && run.moment().at < moment.at {
        return run.advance(moment.at, link::EVENTS_MAX) == Advance::Reached;
    }
    run.seek_moment(moment);
    true
}

impl Player {
    /// The first preset, at its beginning.
    pub fn new(entry: &'static Entry) -> Player {
        let Entry { meta, question, picture, .. } = *entry;
        let mut player = Player {
            question,
            meta,
            tries: super::tries::known(meta),
            picture,
            a: question.run(RunValue::new(question)),
            b: None,
            playing: false,
            speed: 1.0,
            remainder: 0.0,
            behind: false,
            until: None,
            preset: None,
            trial: None,
            futures: Vec::new(),
            hidden: Vec::new(),
            notes: Vec::new(),
        };
        if !meta.presets.is_empty() {
            player.load_preset(0);
        }
        player
    }

    pub fn run(&self, side: Side) -> Option<&dyn Live> {
        match side {
            Side::A => Some(&*self.a),
            Side::B => self.b.as_deref(),
        }
    }
    pub fn a(&self) -> &dyn Live {
        &*self.a
    }
    pub fn two_sided(&self) -> bool {
        self.b.is_some()
    }
    fn runs(&mut self) -> impl Iterator<Item = &mut Box<dyn Live>> {
        std::iter::once(&mut self.a).chain(self.b.as_mut())
    }

    pub fn now(&self) -> Us {
        self.a.moment().at
    }
    /// Both digests, folded into one text.
    pub fn digest(&self) -> String {
        match &self.b {
            None => format!("{:016x}", self.a.digest()),
            Some(b) => format!("{:016x}{:016x}", self.a.digest(), b.digest()),
        }
    }
    /// The furthest moment of either side.
    pub fn frontier(&self) -> Us {
        let b = self.b.as_ref().map_or(Us::ZERO, |b| b.frontier().at);
        self.a.frontier().at.max(b)
    }
    /// Where the timeline ends: the preset's own end, or a round time that leaves room ahead and
    /// grows as the run does, up to the question's horizon.
    pub fn span(&self) -> Us {
        let frontier = self.frontier();
        if let Some(until) = self.until {
            return until.max(frontier);
        }
        let wanted = (frontier.as_s() * 1.2).max(20.0 * self.speed);
        const ROUND_S: [f64; 14] =
            [1.0, 2.0, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1_200.0, 3_600.0, 7_200.0, 18_000.0];
        let round = ROUND_S.into_iter().find(|s| *s >= wanted).unwrap_or(wanted);
        Us::from_s(round).min(self.question.horizon).max(frontier)
    }
    /// Where play stops.
    pub fn end(&self) -> Us {
        match self.until {
            Some(until) if self.now() < until => until,
            _ => self.question.horizon,
        }
    }

    /// Where both sides are, to the event.
    pub fn moments(&self) -> (Moment, Moment) {
        (self.a.moment(), self.b.as_ref().map_or(Moment::default(), |b| b.moment()))
    }
    /// Back to where they were.
    pub fn return_to(&mut self, (a, b): (Moment, Moment)) {
        self.a.seek_moment(a);
        if let Some(side) = &mut self.b {
            side.seek_moment(b);
        }
        self.remainder = 0.0;
    }

    fn start(&mut self, a: RunValue, b: Option<RunValue>) {
        self.a = self.question.run(a);
        self.b = b.map(|b| self.question.run(b));
        self.remainder = 0.0;
        self.behind = false;
    }

    fn load(&mut self, a: &SetupMeta, b: Option<&SetupMeta>, seed: Option<u64>, speed: f64, until: Option<u64>) {
        let seed = seed.unwrap_or(1);
        let sides = value_of(self.question, a, seed)
            .and_then(|a| Ok((a, b.map(|b| value_of(self.question, b, seed)).transpose()?)));
        match sides {
            Ok((a, b)) => self.start(a, b),
            Err(why) => self.notes.push(format!("This preset cannot be used: {why}.")),
        }
        self.speed = speed;
        self.until = until.map(Us);
        self.futures.clear();
    }

    pub fn load_preset(&mut self, index: usize) {
        let Some(p) = self.meta.presets.get(index) else { return };
        self.load(&p.a, p.b.as_ref(), p.seed, p.speed, p.until_us);
        self.preset = Some(index);
        self.trial = None;
        self.playing = true;
    }

    /// Starts an experiment; the answer is measured when the run reaches its end.
    pub fn load_experiment(&mut self, experiment: &'static TryMeta, guess: Option<usize>) {
        self.begin(Trial::new(experiment, guess));
    }

    fn begin(&mut self, trial: Trial) {
        let experiment = trial.experiment;
        self.load(&experiment.a, experiment.b.as_ref(), experiment.seed, experiment.speed, Some(experiment.until_us));
        self.preset = None;
        self.trial = Some(trial);
        self.playing = true;
    }

    pub fn experiment(&self, id: &str) -> Option<&'static TryMeta> {
        self.tries.iter().find(|t| t.id == id)
    }

    /// Sets knobs, seed, speed and preset from the address's query. Each thing that cannot be used
    /// becomes a sentence.
    pub fn load_query(&mut self, query: &[(String, String)]) {
        if let Some((_, id)) = query.iter().find(|(k, _)| k == "preset") {
            match self.meta.presets.iter().position(|p| p.id == id) {
                Some(i) => self.load_preset(i),
                None => match self.experiment(id) {
                    Some(t) => self.load_experiment(t, None),
                    None => {
                        let known: Vec<&str> = self.meta.presets.iter().map(|p| p.id).collect();
                        self.notes.push(format!(
                            "The address asks for preset \"{id}\", which this question does not have. It has {}.",
                            joined(&known, ", ")
                        ));
                    }
                },
            }
        }
        let mut a = self.a.value().clone();
        let mut b = self.b.as_ref().map(|b| b.value().clone());
        let mut changed = false;
        for (key, text) in query {
            let outcome = match key.as_str() {
                // The page has read these.
                "preset" | "theme" | "interview" => continue,
                "seed" => text
                    .parse()
                    .map(|seed| {
                        a.seed = seed;
                        if let Some(b) = &mut b {
                            b.seed = seed;
                        }
                        changed = true;
                    })
                    .map_err(|_| format!("seed={text}: not a seed; expected a whole number from 0")),
                "speed" => match decimal::parse(text).ok_or(()) {
                    Ok(s) if (SPEEDS[0]..=SPEEDS[SPEEDS.len() - 1]).contains(&s) => {
                        self.speed = s;
                        Ok(())
                    }
                    _ => Err(format!(
                        "speed={text}: expected a number from {} to {}",
                        show(SPEEDS[0]),
                        show(SPEEDS[SPEEDS.len() - 1])
                    )),
                },
                "autoplay" => match text.as_str() {
                    "0" | "off" | "false" => {
                        self.playing = false;
                        Ok(())
                    }
                    "1" | "on" | "true" => Ok(()),
                    _ => Err(format!("autoplay={text}: expected 0 or 1")),
                },
                _ => script::set_knob(self.question, &mut a.knobs, key, text).map(|()| changed = true),
            };
            if let Err(why) = outcome {
                self.notes.push(format!("The address was read except for this: {why}."));
            }
        }
        if changed {
            self.start(a, b);
        }
    }

    /// Restores a shared run to its exact moment.
    pub fn load_link(&mut self, code: &str) {
        match link::decode(self.question, code) {
            Err(why) => self.notes.push(why),
            Ok((shared, notes)) => {
                self.notes.extend(notes);
                self.restore(shared);
            }
        }
    }

    fn restore(&mut self, shared: Shared) {
        let Shared { a, b, moment, moment_b, furthest, speed_milli, playing, until, origin, futures, check } = shared;
        self.start(a, b);
        self.speed = f64::from(speed_milli) / 1_000.0;
        self.playing = playing;
        self.until = until;
        self.futures = futures;
        self.began_as(origin);
        // An experiment is measured at its end, wherever the run was when the link was made.
        let end = self.trial.map_or(Us::MAX, |t| Us(t.experiment.until_us));
        if end <= moment.at && self.pass(end, link::EVENTS_MAX) {
            self.judge();
        }
        let there = arrive(&mut *self.a, moment) & self.b.as_mut().is_none_or(|b| arrive(&mut **b, moment_b));
        if !there {
            let reached = self.b.as_ref().map_or(Us::MAX, |b| b.moment().at).min(self.now());
            self.seek(reached);
            self.notes.push(format!(
                "The moment of this link lies further into its run than this page goes at once. It stopped at {reached}; play goes on from here."
            ));
            return;
        }
        if check.is_some_and(|c| c != link::check(self.a.digest(), self.b.as_ref().map(|b| b.digest()))) {
            self.notes.push(link::ANOTHER_RUN.to_owned());
            self.seek(moment.at);
            return;
        }
        if furthest > moment.at {
            if end > moment.at && end <= furthest && self.pass(end, AHEAD_EVENTS) {
                self.judge();
            }
            self.pass(furthest, AHEAD_EVENTS);
            arrive(&mut *self.a, moment);
            if let Some(b) = &mut self.b {
                arrive(&mut **b, moment_b);
            }
        }
    }

    /// The preset or experiment that a link's run began as.
    fn began_as(&mut self, origin: Option<Origin>) {
        let (preset, trial) = match origin {
            None => (None, None),
            Some(Origin::Preset(name)) => (self.meta.presets.iter().position(|p| link::hash(p.id) == name), None),
            Some(Origin::Experiment(name, guess)) => {
                let experiment = self.tries.iter().find(|t| link::hash(t.id) == name);
                let trial = experiment.map(|experiment| {
                    Trial::new(experiment, guess.map(usize::from).filter(|g| *g < experiment.answers.len()))
                });
                (None, trial)
            }
        };
        let unknown = matches!(origin, Some(Origin::Experiment(..))) && self.tries.is_empty();
        if origin.is_some() && preset.is_none() && trial.is_none() && !unknown {
            self.notes.push(
                "The preset that this link began with is no longer part of the question. The run itself is all here."
                    .to_owned(),
            );
        }
        self.preset = preset;
        self.trial = trial;
    }

    /// Runs on to this time. False when that takes more than so many events a side.
    fn pass(&mut self, at: Us, events_max: u64) -> bool {
        self.runs().fold(true, |all, run| all & (run.advance(at, events_max) == Advance::Reached))
    }

    /// The fragment that brings somebody else to this moment.
    pub fn link(&self) -> String {
        let origin = match (self.trial, self.preset) {
            (Some(t), _) => Some(Origin::Experiment(link::hash(t.experiment.id), t.guess.map(|g| g as u8))),
            (None, Some(i)) => self.meta.presets.get(i).map(|p| Origin::Preset(link::hash(p.id))),
            (None, None) => None,
        };
        let b = self.b.as_deref();
        let shared = Shared {
            b: b.map(|b| b.value().clone()),
            moment_b: b.map_or(Moment::default(), named),
            furthest: self.frontier(),
            speed_milli: (self.speed * 1_000.0 + 0.5) as u32,
            until: self.until,
            origin,
            futures: self.futures.clone(),
            check: Some(link::check(self.a.digest(), b.map(|b| b.digest()))),
            ..Shared::one(self.a.value().clone(), named(&*self.a))
        };
        format!("#r={}", link::encode(&shared))
    }

    /// The link for somebody who is asked: the run and where it stands, and nothing of where it came from.
    pub fn bare_link(&self) -> String {
        let b = self.b.as_deref();
        let shared = Shared {
            b: b.map(|b| b.value().clone()),
            moment_b: b.map_or(Moment::default(), named),
            speed_milli: (self.speed * 1_000.0 + 0.5) as u32,
            check: Some(link::check(self.a.digest(), b.map(|b| b.digest()))),
            ..Shared::one(self.a.value().clone(), named(&*self.a))
        };
        format!("#r={}", link::encode(&shared))
    }

    /// Everything that another window needs to show the same.
    pub fn reflection(&self) -> Reflection {
        Reflection {
            link: self.link(),
            playing: self.playing,
            until: self.until,
            preset: self.preset,
            trial: self.trial.map(|t| (t.experiment.id.to_owned(), t.guess)),
            hidden: self.hidden.clone(),
        }
    }

    /// Shows what another window shows. A run that plays along is left alone while it is no further off than `slack`
    /// of the reader's time: it would only stutter. Without a word if that cannot be read: the next will be.
    pub fn follow(&mut self, other: &Reflection, slack_s: f64) {
        let Ok((shared, _)) = link::decode(self.question, &other.link) else { return };
        let Shared { a, b, moment, moment_b, speed_milli, .. } = shared;
        let same = self.stands_on(&a, b.as_ref());
        if !same {
            self.become_run(a, b);
        }
        self.speed = f64::from(speed_milli) / 1_000.0;
        self.until = other.until;
        self.preset = other.preset;
        self.hidden.clone_from(&other.hidden);
        self.futures.clear();
        let told = other.trial.as_ref().and_then(|(id, guess)| Some((self.experiment(id)?, *guess)));
        let measured = self.trial.filter(|t| same && told.is_some_and(|(e, _)| e.id == t.experiment.id));
        self.trial = told.map(|(experiment, guess)| Trial {
            measured: measured.and_then(|t| t.measured),
            ..Trial::new(experiment, guess)
        });
        let apart_us = self.now().0.abs_diff(moment.at.0) as f64;
        if !(same && other.playing && self.playing && apart_us <= slack_s * 1e6 * self.speed) {
            arrive(&mut *self.a, moment);
            if let Some(b) = &mut self.b {
                arrive(&mut **b, moment_b);
            }
            self.remainder = 0.0;
        }
        self.playing = other.playing;
        self.judge();
    }

    /// Does here what has been done in another window, which lags or leads a little: an act happens at this window's
    /// own moment, so that nothing on its screen jumps. Returns the acts that are new.
    pub fn take(&mut self, other: &Reflection, slack_s: f64) -> Vec<Input> {
        let Ok((shared, _)) = link::decode(self.question, &other.link) else { return Vec::new() };
        let (old_a, old_b) = (self.a.value().inputs.clone(), self.b.as_ref().map(|b| b.value().inputs.clone()));
        let near = self.now().0.abs_diff(shared.moment.at.0) as f64 <= slack_s * 1e6 * self.speed.max(1.0);
        let on_a = added(&old_a, &shared.a.inputs);
        let on_b = shared.b.as_ref().zip(old_b.as_ref()).and_then(|(b, old)| added(old, &b.inputs));
        let known = self.same_but_inputs(&shared.a, shared.b.as_ref());
        let act = |what: What| matches!(what, What::Act { .. });
        let futures = self.futures.len();
        match (on_a, on_b) {
            (Some(input), _) if known && near && self.playing && act(input.what) => {
                if let What::Act { act, args } = input.what {
                    self.act(act, args);
                }
            }
            (Some(Input { what: What::Knob { knob, value }, .. }), None) if known && near && self.playing => {
                self.set_knob(Side::A, knob, value);
            }
            (None, Some(Input { what: What::Knob { knob, value }, .. })) if known && near && self.playing => {
                self.set_knob(Side::B, knob, value);
            }
            _ => {
                let hidden = std::mem::take(&mut self.hidden);
                self.follow(other, if known { slack_s } else { 0.0 });
                self.hidden = hidden;
            }
        }
        // A future that was left unseen is not offered.
        self.futures.truncate(futures);
        self.playing = other.playing;
        self.speed = f64::from(shared.speed_milli) / 1_000.0;
        self.inputs().iter().filter(|i| !old_a.contains(i)).copied().collect()
    }

    fn same_but_inputs(&self, a: &RunValue, b: Option<&RunValue>) -> bool {
        let like = |x: &RunValue, y: &RunValue| x.seed == y.seed && x.knobs == y.knobs;
        like(self.a.value(), a)
            && self.b.as_ref().map(|b| b.value()).zip(b).map_or(b.is_none() && self.b.is_none(), |(x, y)| like(x, y))
    }

    fn stands_on(&self, a: &RunValue, b: Option<&RunValue>) -> bool {
        let own = self.b.as_ref().map(|b| &b.value().inputs);
        self.same_but_inputs(a, b) && self.a.value().inputs == a.inputs && own == b.map(|b| &b.inputs)
    }

    /// The same run with other inputs keeps what was simulated before the first that differs.
    fn become_run(&mut self, a: RunValue, b: Option<RunValue>) {
        if !self.same_but_inputs(&a, b.as_ref()) {
            return self.start(a, b);
        }
        self.a.set_inputs(a.inputs);
        if let (Some(own), Some(b)) = (&mut self.b, b) {
            own.set_inputs(b.inputs);
        }
    }

    /// One frame of play: `elapsed_ms` of the reader's time. True when something may look different.
    pub fn frame(&mut self, elapsed_ms: f64) -> bool {
        if !self.playing {
            return false;
        }
        let end = self.end();
        // A tab that was asleep does not make up for lost time.
        let us = elapsed_ms.clamp(0.0, 100.0) * 1e3 * self.speed + self.remainder;
        let whole = us as u64;
        self.remainder = us - whole as f64;
        let target = (self.now() + Us(whole)).min(end);
        let budget = EVENTS_PER_FRAME / if self.two_sided() { 2 } else { 1 };
        let mut behind = self.a.advance(target, budget) == Advance::Behind;
        let reached = self.a.moment().at;
        if let Some(b) = &mut self.b {
            // One clock: the slower side holds the other back.
            behind |= b.advance(reached, budget) == Advance::Behind;
        }
        self.behind = behind;
        if !behind && self.now() >= end {
            self.playing = false;
        }
        self.judge();
        true
    }

    /// Reads the experiment's measure when the run has come to its end.
    fn judge(&mut self) {
        let Some(mut trial) = self.trial else { return };
        if trial.measured.is_some() || self.now() < Us(trial.experiment.until_us) || self.behind {
            return;
        }
        trial.measured = Some((trial.measure)(self, trial.experiment));
        self.trial = Some(trial);
    }

    pub fn toggle_play(&mut self) {
        if !self.playing && self.now() >= self.question.horizon {
            self.seek(Us::ZERO);
        }
        self.playing = !self.playing;
    }

    pub fn seek(&mut self, at: Us) {
        let at = at.min(self.question.horizon.max(self.frontier()));
        for run in self.runs() {
            run.seek(at);
        }
        self.remainder = 0.0;
        self.judge();
    }

    /// Goes towards a clock reading, by so many events at most; whether it is there. What has been run already costs
    /// next to nothing.
    pub fn approach(&mut self, at: Us, events: u64) -> bool {
        let at = at.min(self.question.horizon.max(self.frontier()));
        let known = self.frontier();
        if at <= known {
            self.seek(at);
            return true;
        }
        if self.now() < known {
            self.seek(known);
        }
        let mut there = self.a.advance(at, events) == Advance::Reached;
        let reached = self.now();
        if let Some(b) = &mut self.b {
            there &= b.advance(reached, events) == Advance::Reached;
        }
        self.remainder = 0.0;
        if there {
            self.judge();
        }
        there
    }

    /// Exactly there, also between two events of one microsecond.
    pub fn seek_exact(&mut self, moment: Moment, moment_b: Moment) {
        self.a.seek_moment(moment);
        if let Some(b) = &mut self.b {
            b.seek_moment(moment_b);
        }
        self.remainder = 0.0;
        self.judge();
    }

    /// Puts an act of these arguments at a time of the run, past or to come, on both sides. The clock stays where it is.
    pub fn put_act(&mut self, at: Us, act: u8, args: [f64; 3]) {
        if at < self.frontier() {
            let value = self.a.value().clone();
            self.keep_future(value, at);
        }
        for run in self.runs() {
            let mut inputs = run.value().inputs.clone();
            inputs.push(Input { at, what: What::Act { act, args } });
            run.set_inputs(inputs);
        }
    }

    pub fn step_forward(&mut self) {
        self.playing = false;
        self.a.step_forward();
        let at = self.now();
        if let Some(b) = &mut self.b {
            b.seek(at);
        }
        self.judge();
    }

    pub fn step_back(&mut self) {
        self.playing = false;
        self.a.step_back();
        let at = self.now();
        if let Some(b) = &mut self.b {
            b.seek(at);
        }
    }

    fn keep_future(&mut self, value: RunValue, forked_at: Us) {
        if self.futures.len() == FUTURES_MAX {
            self.futures.remove(0);
        }
        self.futures.push(Future { forked_at, value });
    }

    /// Acts on both sides: the same fault under two policies is the comparison.
    pub fn act(&mut self, act: u8, args: [f64; 3]) {
        let what = What::Act { act, args };
        let at = self.now();
        let old = self.a.act(what);
        if let Some(b) = &mut self.b {
            b.act(what);
            // One clock: an act takes a microsecond, on both sides the same.
            let latest = self.a.moment().at.max(b.moment().at);
            b.seek(latest);
            self.a.seek(latest);
        }
        if let Some(old) = old {
            self.keep_future(old, at);
        }
    }

    /// Acts with the declaration's default arguments, the first ones replaced by those of `given` that they allow.
    pub fn act_default(&mut self, act: u8, given: &[f64]) {
        let decl = &self.question.acts[act as usize];
        let mut args = [0.0; 3];
        for (i, (slot, arg)) in args.iter_mut().zip(decl.args).enumerate() {
            *slot = given.get(i).copied().filter(|v| arg.allows(*v)).unwrap_or(arg.default);
        }
        self.act(act, args);
    }

    /// Puts an act at another time than now: a click in a lane of the past or the near future.
    pub fn act_at(&mut self, at: Us, act: u8, given: &[f64]) {
        let now = self.now();
        if at < now {
            self.seek(at);
            self.act_default(act, given);
            self.seek(now);
        } else {
            self.act_default(act, given);
        }
    }

    /// Moves one of the reader's inputs along the time axis, on both sides where both have it.
    pub fn move_input(&mut self, index: usize, to: Us) {
        let to = to.min(self.question.horizon);
        self.edit_input(index, |inputs, i| inputs[i].at = to);
    }

    pub fn remove_input(&mut self, index: usize) {
        self.edit_input(index, |inputs, i| {
            inputs.remove(i);
        });
    }

    fn edit_input(&mut self, index: usize, edit: impl Fn(&mut Vec<Input>, usize)) {
        let Some(input) = self.inputs().get(index).copied() else { return };
        for run in self.runs() {
            let mut inputs = run.value().inputs.clone();
            if let Some(i) = inputs.iter().position(|other| *other == input) {
                edit(&mut inputs, i);
                run.set_inputs(inputs);
            }
        }
    }

    pub fn inputs(&self) -> &[Input] {
        &self.a.value().inputs
    }

    /// A knob's value now, on one side.
    pub fn knob(&self, side: Side, knob: u8) -> f64 {
        self.run(side).unwrap_or(&*self.a).knobs().get(knob as usize)
    }

    /// Moves a knob of one side. A live knob becomes an input of the run at this moment; another
    /// one starts both sides anew, since they share a clock.
    pub fn set_knob(&mut self, side: Side, knob: u8, value: f64) {
        let decl = &self.question.knobs[knob as usize];
        if !decl.allows(value) || self.knob(side, knob) == value {
            return;
        }
        let fresh = self.now() == Us::ZERO && self.a.moment().events == 0;
        if decl.live && !fresh {
            let at = self.now();
            let what = What::Knob { knob, value };
            let old = match side {
                Side::A => self.a.act(what),
                Side::B => self.b.as_mut().and_then(|b| b.act(what)),
            };
            let latest = self.a.moment().at.max(self.b.as_ref().map_or(Us::ZERO, |b| b.moment().at));
            for run in self.runs() {
                run.seek(latest);
            }
            if let Some(old) = old.filter(|_| side == Side::A) {
                self.keep_future(old, at);
            }
            return;
        }
        let mut a = self.a.value().clone();
        let mut b = self.b.as_ref().map(|b| b.value().clone());
        match (side, &mut b) {
            (Side::B, Some(b)) => b.knobs.set(knob, value),
            _ => a.knobs.set(knob, value),
        }
        self.start(a, b);
    }

    /// Another seed: other arrivals, other luck, the same acts.
    pub fn set_seed(&mut self, seed: u64) {
        let mut a = self.a.value().clone();
        let mut b = self.b.as_ref().map(|b| b.value().clone());
        a.seed = seed;
        if let Some(b) = &mut b {
            b.seed = seed;
        }
        self.start(a, b);
    }

    pub fn seed(&self) -> u64 {
        self.a.value().seed
    }

    /// To the beginning of the same preset or experiment: the reader's own acts and knobs are undone.
    pub fn reset(&mut self) {
        if let Some(t) = self.trial {
            self.begin(Trial { measured: None, ..t });
        } else if let Some(i) = self.preset {
            self.load_preset(i);
        } else {
            let mut value = RunValue::new(self.question);
            value.seed = self.seed();
            self.start(value, None);
            self.playing = true;
        }
    }

    /// A|B on: side B begins as a copy of A at the same moment. Off: only A stays.
    pub fn toggle_sides(&mut self) {
        if self.b.take().is_none() {
            let value = self.a.value().clone();
            self.put_beside(value);
        }
    }

    /// Shows the future that was left behind as side B, at the same clock reading.
    pub fn compare_future(&mut self, index: usize) {
        if let Some(f) = self.futures.get(index) {
            let value = f.value.clone();
            self.put_beside(value);
        }
    }

    fn put_beside(&mut self, value: RunValue) {
        let mut b = self.question.run(value);
        b.seek(self.now());
        self.b = Some(b);
    }

    /// The knobs in which the two sides differ.
    pub fn differing(&self) -> Vec<(u8, f64, f64)> {
        let Some(b) = &self.b else { return Vec::new() };
        let (a, b) = (self.a.knobs(), b.knobs());
        (0..self.question.knobs.len())
            .filter(|i| a.get(*i) != b.get(*i))
            .map(|i| (i as u8, a.get(i), b.get(i)))
            .collect()
    }

    pub fn story(&self, side: Side, request: u32, near: Us) -> Story {
        self.run(side).map_or_else(Story::default, |run| run.story(request, near))
    }

    /// The log up to now with the reader's inputs mixed in, newest first, at most `max` lines, which `tell` puts in
    /// words.
    pub fn log(
        &self,
        side: Side,
        wanted: impl Fn(Tone) -> bool,
        max: usize,
        tell: impl Fn(&Line) -> String,
    ) -> Vec<LogRow> {
        let Some(run) = self.run(side) else { return Vec::new() };
        let now = run.moment();
        let mut rows: Vec<LogRow> = run
            .value()
            .inputs
            .iter()
            .filter(|i| i.at <= now.at && wanted(Tone::Fault) && !self.hidden.contains(&i.at))
            .map(|i| LogRow {
                at: i.at,
                tone: Tone::Fault,
                text: format!("You: {}", script::tell_input(self.question, i)),
                request: None,
            })
            .collect();
        let lines = run.log().iter().rev().filter(|l| l.at <= now.at && l.events <= now.events && wanted(l.tone));
        rows.extend(lines.take(max).map(|l| LogRow {
            at: l.at,
            tone: l.tone,
            text: tell(l),
            request: (l.request != Line::NO_REQUEST).then_some(l.request),
        }));
        order::by_key(&mut rows, |r| std::cmp::Reverse(r.at));
        rows.truncate(max);
        rows
    }
}

/// The input that `new` has beyond `old`, if there is one and nothing else differs.
fn added(old: &[Input], new: &[Input]) -> Option<Input> {
    let one = new.iter().find(|i| !old.contains(i))?;
    (new.len() == old.len() + 1 && old.iter().all(|i| new.contains(i))).then_some(*one)
}

/// A player's state, for a player in another window.
#[derive(Clone, Debug, PartialEq)]
pub struct Reflection {
    /// As [`Player::link`] has it.
    pub link: String,
    pub playing: bool,
    pub until: Option<Us>,
    pub preset: Option<usize>,
    /// The experiment and the guess.
    pub trial: Option<(String, Option<usize>)>,
    pub hidden: Vec<Us>,
}

impl Reflection {
    /// As one line, its words divided by tabs.
    pub fn to_line(&self) -> String {
        let number = |n: Option<u64>| n.map_or(String::new(), |n| n.to_string());
        let hidden: Vec<String> = self.hidden.iter().map(|at| at.0.to_string()).collect();
        let (trial, guess) = self.trial.as_ref().map_or(("", None), |(id, guess)| (id, *guess));
        [
            "run",
            &self.link,
            if self.playing { "1" } else { "" },
            &number(self.until.map(|u| u.0)),
            &number(self.preset.map(|i| i as u64)),
            trial,
            &number(guess.map(|i| i as u64)),
            &hidden.join(" "),
        ]
        .join("\t")
    }

    /// The first line of a text that is one.
    pub fn parse(text: &str) -> Option<Reflection> {
        let line = text.lines().find_map(|line| line.strip_prefix("run\t"))?;
        let words: Vec<&str> = line.split('\t').collect();
        let [link, playing, until, preset, trial, guess, hidden] = words[..] else { return None };
        Some(Reflection {
            link: link.to_owned(),
            playing: playing == "1",
            until: until.parse().ok().map(Us),
            preset: preset.parse().ok(),
            trial: (!trial.is_empty()).then(|| (trial.to_owned(), guess.parse().ok())),
            hidden: hidden.split(' ').filter_map(|at| at.parse().ok().map(Us)).collect(),
        })
    }
}

/// A line of the log in words.
#[derive(Clone, Debug, PartialEq)]
pub struct LogRow {
    pub at: Us,
    pub tone: Tone,
    pub text: String,
    pub request: Option<u32>,
}

#[cfg(test)]
mod tests;
