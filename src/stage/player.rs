//! The player: one or two runs under one clock, and everything the reader can do to them. No web in here.

use crate::content::{ArticleMeta, SetupMeta, Side as ContentSide, TryMeta};
use crate::entries::Entry;
use crate::widgets::Picture;
use sim::declare::show;
use sim::kernel::{Advance, Input, Line, Live, Moment, RunValue, Story, Us, What};
use sim::link::{self, Shared};
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

/// A run that was left behind when the reader acted in the past.
#[derive(Clone, Debug)]
pub struct Future {
    pub forked_at: Us,
    pub value: RunValue,
}

/// At most so many left-behind futures are kept; the oldest goes first.
const FUTURES_MAX: usize = 8;

/// An experiment in progress.
#[derive(Clone, Copy, Debug)]
pub struct Trial {
    pub experiment: &'static TryMeta,
    pub guess: Option<usize>,
    /// What the run said, once it has reached the end.
    pub measured: Option<Option<f64>>,
}

pub struct Player {
    pub question: &'static Question,
    pub meta: &'static ArticleMeta,
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

impl Player {
    /// The first preset, at its beginning.
    pub fn new(entry: &'static Entry) -> Player {
        let Entry { meta, question, picture, .. } = *entry;
        let mut player = Player {
            question,
            meta,
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
        self.load(&experiment.a, experiment.b.as_ref(), experiment.seed, experiment.speed, Some(experiment.until_us));
        self.preset = None;
        self.trial = Some(Trial { experiment, guess, measured: None });
        self.playing = true;
    }

    /// Sets knobs, seed, speed and preset from the address's query. Each thing that cannot be used
    /// becomes a sentence.
    pub fn load_query(&mut self, query: &[(String, String)]) {
        if let Some((_, id)) = query.iter().find(|(k, _)| k == "preset") {
            match self.meta.presets.iter().position(|p| p.id == id) {
                Some(i) => self.load_preset(i),
                None => match self.meta.experiment(id) {
                    Some(t) => self.load_experiment(t, None),
                    None => {
                        let known: Vec<&str> = self.meta.presets.iter().map(|p| p.id).collect();
                        self.notes.push(format!(
                            "The address asks for preset \"{id}\", which this question does not have. It has {}.",
                            known.join(", ")
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
                "preset" | "theme" => continue,
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
                let Shared { a, b, moment, moment_b, speed_milli, playing } = shared;
                self.start(a, b);
                self.a.seek_moment(moment);
                if let Some(b) = &mut self.b {
                    b.seek_moment(moment_b);
                }
                self.speed = f64::from(speed_milli) / 1_000.0;
                self.playing = playing;
                self.until = None;
                self.preset = None;
                self.trial = None;
                self.futures.clear();
            }
        }
    }

    /// The fragment that brings somebody else to this moment.
    pub fn link(&self) -> String {
        let shared = Shared {
            a: self.a.value().clone(),
            b: self.b.as_ref().map(|b| b.value().clone()),
            moment: self.a.moment(),
            moment_b: self.b.as_ref().map_or(Moment::default(), |b| b.moment()),
            speed_milli: (self.speed * 1_000.0) as u32,
            playing: false,
        };
        format!("#r={}", link::encode(&shared))
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
        let side = match trial.experiment.side {
            ContentSide::A => Side::A,
            ContentSide::B => Side::B,
        };
        let measured = script::parse_ask(self.question, trial.experiment.measure)
            .ok()
            .and_then(|ask| self.run(side).and_then(|run| script::answer(run, &ask)));
        trial.measured = Some(measured);
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

    /// Acts with the declaration's default arguments, the first replaced by `first` if given.
    pub fn act_default(&mut self, act: u8, first: Option<f64>) {
        let decl = &self.question.acts[act as usize];
        let mut args = [0.0; 3];
        for (slot, arg) in args.iter_mut().zip(decl.args) {
            *slot = arg.default;
        }
        if let (Some(v), Some(arg)) = (first, decl.args.first())
            && arg.allows(v)
        {
            args[0] = v;
        }
        self.act(act, args);
    }

    /// Puts an act at another time than now: a click in a lane of the past or the near future.
    pub fn act_at(&mut self, at: Us, act: u8, first: Option<f64>) {
        let now = self.now();
        if at < now {
            self.seek(at);
            self.act_default(act, first);
            self.seek(now);
        } else {
            self.act_default(act, first);
        }
    }

    /// Moves one of the reader's inputs along the time axis, on both sides where both have it.
    pub fn move_input(&mut self, index: usize, to: Us) {
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
            self.load_experiment(t.experiment, t.guess);
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
            .filter(|i| i.at <= now.at && wanted(Tone::Fault))
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

/// A line of the log in words.
#[derive(Clone, Debug, PartialEq)]
pub struct LogRow {
    pub at: Us,
    pub tone: Tone,
    pub text: String,
    pub request: Option<u32>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn players() -> Vec<Player> {
        crate::entries::ALL.iter().copied().map(Player::new).collect()
    }

    /// Plays for so many seconds of the reader's time.
    fn watch(p: &mut Player, seconds: f64) {
        for _ in 0..(seconds * 60.0) as u32 {
            p.frame(1000.0 / 60.0);
        }
    }

    #[test]
    fn every_preset_plays_by_itself_and_shows_something_within_two_seconds() {
        for mut p in players() {
            for i in 0..p.meta.presets.len() {
                p.load_preset(i);
                watch(&mut p, 2.0);
                assert!(p.now() > Us::ZERO, "{}: preset {} stands still", p.question.slug, p.meta.presets[i].id);
                // Others may wait for the reader's own hand; the one that greets must not.
                assert!(i > 0 || p.a().moment().events > 0, "{}: nothing happens at first", p.question.slug);
                assert!(p.notes.is_empty(), "{:?}", p.notes);
                if let Some(b) = p.run(Side::B) {
                    // In their knobs from the start, or in what is done to them later.
                    let differ = !p.differing().is_empty() || b.value().inputs != p.inputs();
                    assert!(differ, "{}: both sides of {} are the same", p.question.slug, p.meta.presets[i].id);
                }
            }
        }
    }

    #[test]
    fn a_link_brings_somebody_else_to_the_same_moment() {
        for mut p in players() {
            for i in 0..p.meta.presets.len() {
                p.load_preset(i);
                watch(&mut p, 1.0);
                for act in 0..p.question.acts.len() {
                    p.act_default(act as u8, None);
                    watch(&mut p, 0.2);
                }
                p.step_forward();
                p.step_forward();
                let mut other = Player::new(crate::entries::find(p.question.slug).unwrap());
                other.load_link(&p.link());
                assert_eq!(other.notes, Vec::<String>::new());
                assert_eq!((other.now(), other.digest()), (p.now(), p.digest()), "{}", p.question.slug);
                assert_eq!(other.inputs(), p.inputs());
                assert!(!other.playing, "a shared moment waits to be looked at");
            }
        }
    }

    #[test]
    fn acting_in_the_past_keeps_the_future_for_comparison() {
        for mut p in players() {
            let Some(act) = p.question.acts.iter().position(|a| a.fault) else { continue };
            p.load_preset(0);
            watch(&mut p, 2.0);
            let (end, before) = (p.now(), p.digest());
            p.seek(Us(end.0 / 2));
            p.act_default(act as u8, None);
            assert_eq!(p.futures.len(), 1, "{}", p.question.slug);
            p.compare_future(0);
            p.seek(end);
            let b = p.run(Side::B).map(|b| format!("{:016x}", b.digest()));
            assert!(
                p.meta.presets[0].b.is_some() || b.as_deref() == Some(&before[..16]),
                "{}: the old future is side B",
                p.question.slug
            );
        }
    }

    #[test]
    fn what_an_address_gets_wrong_is_said_and_the_rest_is_used() {
        for mut p in players() {
            let pairs = |list: &[(&str, &str)]| {
                list.iter().map(|(k, v)| ((*k).to_string(), (*v).to_string())).collect::<Vec<_>>()
            };
            p.load_query(&pairs(&[
                ("seed", "7"),
                ("nosuch", "1"),
                ("speed", "99"),
                ("preset", "nowhere"),
                ("autoplay", "0"),
                ("theme", "dark"),
            ]));
            assert_eq!(p.seed(), 7);
            assert!(!p.playing);
            assert_eq!(p.notes.len(), 3, "{:?}", p.notes);
            let knob = &p.question.knobs[0];
            p.notes.clear();
            p.load_query(&pairs(&[(knob.key, "not a value"), ("seed", "minus one")]));
            assert!(p.notes.iter().all(|n| n.contains("expected")), "{:?}", p.notes);
            p.notes.clear();
            p.load_link("#r=%%%");
            p.load_link("#r=AAAA");
            assert_eq!(p.notes.len(), 2);
            watch(&mut p, 0.1);
        }
    }

    #[test]
    fn an_experiment_is_measured_in_the_run_that_was_watched() {
        for mut p in players() {
            for t in p.meta.tries.iter().filter(|t| t.until_us <= 120_000_000) {
                p.load_experiment(t, Some(0));
                p.seek(Us(t.until_us));
                let measured = p.trial.and_then(|t| t.measured).flatten();
                assert!(
                    measured.is_some_and(|m| t.right_choice(m).is_some()),
                    "{}/{}: {measured:?}",
                    p.question.slug,
                    t.id
                );
            }
        }
    }

    #[test]
    fn both_sides_keep_one_clock() {
        for mut p in players() {
            p.load_preset(0);
            if !p.two_sided() {
                p.toggle_sides();
            }
            watch(&mut p, 1.0);
            for (i, k) in p.question.knobs.iter().enumerate().filter(|(_, k)| k.live) {
                let v = if p.knob(Side::B, i as u8) == k.max { k.min } else { k.max };
                p.set_knob(Side::B, i as u8, v);
                assert_eq!(p.run(Side::B).map(|b| b.moment().at), Some(p.now()), "{}: {}", p.question.slug, k.key);
                watch(&mut p, 0.1);
            }
            p.act_default(0, None);
            assert_eq!(p.run(Side::B).map(|b| b.moment().at), Some(p.now()));
        }
    }
}
