//! A run: the value that names it, the state it is in, and the ways to visit its moments.

use super::{Digest, History, Line, Queue, Recorder, Story, Trace, Us};
use crate::declare::{Help, Knobs, Question, Tone};
use core::any::Any;
use std::collections::VecDeque;

/// A simulation: state, and how each event changes it. All of it is copied into checkpoints, so
/// keep it compact and let histories live in the kernel's recorder.
pub trait Model: Clone + 'static {
    /// Small and `Copy`: ids and generations, not contents.
    type Event: Copy + Trace;

    fn new(setup: &Setup) -> Self;
    /// Schedules the first events.
    fn start(&mut self, ctx: &mut Ctx<Self::Event>);
    fn on(&mut self, event: Self::Event, ctx: &mut Ctx<Self::Event>);
    /// The reader broke something: act `act` of the declaration, its arguments checked and complete.
    fn act(&mut self, act: u8, args: &[f64], ctx: &mut Ctx<Self::Event>);
    /// A live knob has been moved; `knobs` already holds the new value.
    fn knob(&mut self, knob: u8, knobs: &Knobs, ctx: &mut Ctx<Self::Event>);

    /// A declared number as it stands now; `None` while there are too few samples to say.
    fn number(&self, number: u8, now: Us) -> Option<f64>;
    /// A declared measure, for the experiments; `None` when the run cannot answer it yet.
    fn measure(&self, measure: u8, args: &[f64], now: Us) -> Option<f64>;
    /// Whole-number totals that the conservation laws speak of, for reports.
    fn counts(&self) -> Vec<(&'static str, u64)>;
    /// Laws that hold after every event; the message names the law and both sides of it.
    fn invariants(&self, now: Us) -> Result<(), String>;
    /// Bytes a copy of this state costs, heap included.
    fn weight(&self) -> usize;
    /// A log line or a story line in words.
    fn tell(line: &Line) -> String;
    /// What the picture shows, in words: (what, how it is) rows for a screen reader and for tests.
    fn words(&self, now: Us) -> Vec<(String, String)>;
    /// Whether a single step should stop after this event.
    fn visible(_event: &Self::Event) -> bool {
        true
    }
}

/// The part of a [`Model`] that most questions write in files of their own: what is read off it (`read_number` and
/// `read_measure`), and what it says (`tell` in `words.rs`, and `in_words`).
#[macro_export]
macro_rules! in_files_of_their_own {
    () => {
        fn number(&self, which: u8, now: Us) -> Option<f64> {
            self.read_number(which as usize, now)
        }
        fn measure(&self, which: u8, args: &[f64], now: Us) -> Option<f64> {
            self.read_measure(which as usize, args, now)
        }
        fn tell(line: &Line) -> String {
            words::tell(line)
        }
        fn words(&self, now: Us) -> Vec<(String, String)> {
            self.in_words(now)
        }
    };
}

/// What a model is built from.
pub struct Setup<'a> {
    pub seed: u64,
    pub knobs: &'a Knobs,
}

/// What a model may do while it handles an event.
pub struct Ctx<'a, E> {
    pub now: Us,
    queue: &'a mut Queue<E>,
    digest: &'a mut Digest,
    recorder: &'a mut Recorder,
    story: &'a mut Story,
    events: u64,
    recording: bool,
    tracing: u32,
}

impl<E: Copy> Ctx<'_, E> {
    /// Schedules an event; one in the past happens now.
    #[inline(always)]
    pub fn at(&mut self, at: Us, event: E) {
        self.queue.push(if at < self.now { self.now } else { at }, event);
    }
    #[inline(always)]
    pub fn after(&mut self, span: Us, event: E) {
        self.queue.push(self.now + span, event);
    }
    /// Puts an outcome into the digest, so that runs that decide differently differ.
    #[inline(always)]
    pub fn mix(&mut self, word: u64) {
        self.digest.add(word);
    }
    /// A line in the log (and in the story of `request`). For notable things, not for each request.
    pub fn log(&mut self, tone: Tone, code: u8, request: u32, a: i64, b: i64) {
        let line = Line { at: self.now, events: self.events, tone, code, request, a, b };
        if self.recording {
            self.recorder.line(line);
        }
        if request == self.tracing && request != Line::NO_REQUEST {
            self.story.lines.push(line);
        }
    }
    /// The line that says that a knob was moved; [`crate::look::knob_now`] makes it a sentence.
    pub fn log_knob(&mut self, code: u8, which: u8, knobs: &Knobs) {
        let value = (knobs.get(which as usize) * 1_000.0) as i64;
        self.log(Tone::Info, code, Line::NO_REQUEST, i64::from(which), value);
    }
    /// A line in the story of `request` alone: free unless somebody is looking at that request.
    #[inline(always)]
    pub fn step(&mut self, tone: Tone, code: u8, request: u32, a: i64, b: i64) {
        if request == self.tracing {
            let line = Line { at: self.now, events: self.events, tone, code, request, a, b };
            self.story.lines.push(line);
        }
    }
    /// A mark on the timeline: something was refused, lost or failed.
    #[inline(always)]
    pub fn bad(&mut self) {
        if self.recording {
            self.recorder.bad();
        }
    }
}

/// One timestamped act of the person at the controls.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Input {
    /// Applied before every event of this time.
    pub at: Us,
    pub what: What,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum What {
    Act { act: u8, args: [f64; 3] },
    Knob { knob: u8, value: f64 },
}

/// The value of a run: the same value gives the same bits everywhere.
#[derive(Clone, Debug)]
pub struct RunValue {
    pub question: &'static Question,
    pub seed: u64,
    pub knobs: Knobs,
    /// In order of time.
    pub inputs: Vec<Input>,
}

impl RunValue {
    pub fn new(question: &'static Question) -> RunValue {
        RunValue { question, seed: 1, knobs: Knobs::defaults(question), inputs: Vec::new() }
    }
}

impl PartialEq for RunValue {
    fn eq(&self, other: &RunValue) -> bool {
        core::ptr::eq(self.question, other.question)
            && self.seed == other.seed
            && self.knobs == other.knobs
            && self.inputs == other.inputs
    }
}

/// A moment of a run: the clock, and how many events have been processed. The second tells apart
/// the states within one microsecond, where single steps can stop.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Moment {
    pub at: Us,
    pub events: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Advance {
    Reached,
    /// The budget of events ran out first: call again to go on.
    Behind,
}

/// What the stage, the runner and the tests see of a run, whatever its model.
pub trait Live {
    fn value(&self) -> &RunValue;
    fn moment(&self) -> Moment;
    /// Whether all has happened that happens by this clock reading: then the clock alone names the moment.
    fn settled(&self) -> bool;
    fn digest(&self) -> u64;
    /// Runs until the clock reads `until` (every event up to and including that time), at most
    /// `events_max` events. Never goes back.
    fn advance(&mut self, until: Us, events_max: u64) -> Advance;
    /// Goes to the clock reading `at`, forward or back.
    fn seek(&mut self, at: Us);
    /// Goes to exactly this moment.
    fn seek_moment(&mut self, moment: Moment);
    /// One visible event (or one input) forward. False when nothing is left to happen.
    fn step_forward(&mut self) -> bool;
    /// To just after the visible event before the last one. False at the start.
    fn step_back(&mut self) -> bool;
    /// Acts here and now; inputs that lie later stay. When the run had already been further, that
    /// future is returned as the run value it was, and this run takes another.
    fn act(&mut self, what: What) -> Option<RunValue>;
    /// Replaces the inputs (one was moved or deleted) and stays at the same clock reading.
    fn set_inputs(&mut self, inputs: Vec<Input>);
    /// The furthest moment reached, which the timeline can show.
    fn frontier(&self) -> Moment;
    fn knobs(&self) -> &Knobs;
    fn number(&self, number: u8) -> Option<f64>;
    /// In the page, [`Read`] has the measures.
    #[cfg(not(target_arch = "wasm32"))]
    fn measure(&self, measure: u8, args: &[f64]) -> Option<f64>;
    /// The page neither counts nor checks laws; runner and tests do.
    #[cfg(not(target_arch = "wasm32"))]
    fn counts(&self) -> Vec<(&'static str, u64)>;
    #[cfg(not(target_arch = "wasm32"))]
    fn invariants(&self) -> Result<(), String>;
    fn history(&self) -> &History;
    fn log(&self) -> &VecDeque<Line>;
    /// Log lines that were dropped at the log's bound.
    fn log_forgotten(&self) -> u64;
    /// In the page, [`Told`] has the words.
    #[cfg(not(target_arch = "wasm32"))]
    fn tell(&self, line: &Line) -> String;
    #[cfg(not(target_arch = "wasm32"))]
    fn words(&self) -> Vec<(String, String)>;
    /// What happened to one request, by running again from a checkpoint before `near` and watching.
    fn story(&self, request: u32, near: Us) -> Story;
    /// The model, for the question's picture.
    fn model(&self) -> &dyn Any;
    /// Bytes held by the checkpoints.
    fn checkpoint_bytes(&self) -> usize;
    /// From here on none is kept: for measuring what they cost.
    #[cfg(not(target_arch = "wasm32"))]
    fn keep_no_checkpoints(&mut self);
    /// Bytes held by the run's parts.
    #[cfg(not(target_arch = "wasm32"))]
    fn footprint(&self) -> Footprint;
}

/// What a run holds, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Footprint {
    /// The present state: model and scheduled events.
    pub state: usize,
    pub checkpoints: usize,
    /// What the timeline draws: a row of numbers for each sampling interval so far, and the log.
    pub timeline: usize,
}

pub fn make<M: Model>(value: RunValue) -> Box<dyn Live> {
    Box::new(Run::<M>::new(value))
}

/// What a question says in words: a value of its own, so that a page can download it when somebody wants to read.
pub struct Told {
    /// A line of the log or of a story.
    pub line: fn(&Line) -> String,
    /// What the picture of this run shows now, as [`Model::words`] has it.
    pub words: fn(&dyn Live) -> Vec<(String, String)>,
    pub help: Help,
}

pub const fn told<M: Model>(help: Help) -> Told {
    Told {
        help,
        line: M::tell,
        words: |run| run.model().downcast_ref::<M>().map_or_else(Vec::new, |model| model.words(run.moment().at)),
    }
}

/// Reads a declared measure of this run: apart from the run, so that a page can download it with the experiments, which
/// alone ask for one.
pub type Read = fn(&dyn Live, u8, &[f64]) -> Option<f64>;

/// The [`Read`] of a model.
pub fn read<M: Model>(run: &dyn Live, measure: u8, args: &[f64]) -> Option<f64> {
    run.model().downcast_ref::<M>()?.measure(measure, args, run.moment().at)
}

#[derive(Clone)]
struct State<M: Model> {
    model: M,
    queue: Queue<M::Event>,
    digest: Digest,
    knobs: Knobs,
    moment: Moment,
    /// How many inputs have been applied, and how many history rows passed.
    inputs: usize,
    rows: u64,
}

impl<M: Model> State<M> {
    fn weight(&self) -> usize {
        core::mem::size_of::<Self>() + self.model.weight() + self.queue.weight()
    }
}

/// The checkpoint store never holds more than this.
pub const CHECKPOINT_BYTES_MAX: usize = 64 << 20;
/// A checkpoint at least every so many events, until thinning spreads the older ones.
const CHECKPOINT_EVENTS: u64 = 32_768;

pub struct Run<M: Model> {
    value: RunValue,
    state: State<M>,
    recorder: Recorder,
    frontier: Moment,
    frontier_inputs: usize,
    /// In order; the first is the start.
    checkpoints: Vec<(usize, State<M>)>,
    checkpoint_bytes: usize,
    checkpoint_due: u64,
    tracing: u32,
    story: Story,
}

impl<M: Model> Run<M> {
    pub fn new(value: RunValue) -> Run<M> {
        let q = value.question;
        let mut recorder = Recorder::new(q.sample_every, q.numbers.len());
        let knobs = value.knobs.clone();
        let mut state = State {
            model: M::new(&Setup { seed: value.seed, knobs: &knobs }),
            queue: Queue::default(),
            digest: Digest::default(),
            knobs,
            moment: Moment::default(),
            inputs: 0,
            rows: 0,
        };
        let mut story = Story::default();
        state.model.start(&mut Ctx {
            now: Us::ZERO,
            queue: &mut state.queue,
            digest: &mut state.digest,
            recorder: &mut recorder,
            story: &mut story,
            events: 0,
            recording: true,
            tracing: Line::NO_REQUEST,
        });
        let weight = state.weight();
        let mut run = Run {
            value,
            checkpoints: vec![(weight, state.clone())],
            checkpoint_bytes: weight,
            checkpoint_due: CHECKPOINT_EVENTS,
            state,
            recorder,
            frontier: Moment::default(),
            frontier_inputs: 0,
            tracing: Line::NO_REQUEST,
            story,
        };
        run.begin();
        run
    }

    /// What is done at the very start has been done before anybody looks: a moment, a clock reading and a count of
    /// events, could not tell the two apart.
    fn begin(&mut self) {
        while self.value.inputs.get(self.state.inputs).is_some_and(|input| input.at == Us::ZERO) {
            self.apply_input();
        }
    }

    pub fn state(&self) -> &M {
        &self.state.model
    }

    /// The heart: events in order, interrupted only by inputs, history rows and checkpoints.
    /// Stops when the clock reads `until`, or after `events_stop` events in all.
    fn run(&mut self, until: Us, events_stop: u64) {
        loop {
            let next_input = self.value.inputs.get(self.state.inputs).map_or(Us::MAX, |i| i.at);
            let next_row = self.recorder.history.every * (self.state.rows + 1);
            let boundary = next_input.min(next_row);
            let limit = boundary.min(until + Us(1));
            let new = self.state.moment.events >= self.frontier.events;
            // Stop where the recorder begins to listen and where a checkpoint is due.
            let mut stop = events_stop.min(self.checkpoint_due);
            if !new {
                stop = stop.min(self.frontier.events);
            }
            self.segment(limit, stop, new);
            if new && self.state.moment.events > self.frontier.events {
                self.frontier = self.state.moment;
            }
            if self.state.moment.events >= self.checkpoint_due {
                // Only ever beyond the last one kept: re-execution of older stretches is not due.
                self.keep_checkpoint();
            }
            let more_here = self.state.queue.next_time().is_some_and(|t| t < limit);
            if more_here {
                if self.state.moment.events >= events_stop {
                    break;
                }
                continue;
            }
            if boundary > until {
                self.state.moment.at = self.state.moment.at.max(until);
                break;
            }
            self.state.moment.at = boundary;
            if next_row <= next_input {
                self.row();
            } else {
                self.apply_input();
            }
        }
        if self.state.moment.at > self.frontier.at {
            self.frontier = self.state.moment;
        }
    }

    /// The tight loop: events strictly before `limit`.
    #[inline]
    fn segment(&mut self, limit: Us, stop: u64, recording: bool) {
        let State { model, queue, digest, moment, .. } = &mut self.state;
        let mut ctx = Ctx {
            now: moment.at,
            queue,
            digest,
            recorder: &mut self.recorder,
            story: &mut self.story,
            events: moment.events,
            recording,
            tracing: self.tracing,
        };
        while ctx.events < stop && ctx.queue.next_time().is_some_and(|t| t < limit) {
            let Some((at, event)) = ctx.queue.take() else {
                break;
            };
            ctx.now = at;
            ctx.events += 1;
            ctx.digest.event(at, event.word());
            model.on(event, &mut ctx);
            ctx.queue.settle();
            #[cfg(debug_assertions)]
            if ctx.events.is_multiple_of(64)
                && let Err(law) = model.invariants(at)
            {
                panic!("invariant broken at {at}: {law}");
            }
        }
        moment.at = ctx.now;
        moment.events = ctx.events;
    }

    fn row(&mut self) {
        if self.state.rows as usize >= self.recorder.history.rows() {
            let (model, now) = (&self.state.model, self.state.moment.at);
            let width = self.recorder.history.width as u8;
            self.recorder.row((0..width).map(|i| model.number(i, now).map_or(f32::NAN, |v| v as f32)));
        }
        self.state.rows += 1;
    }

    fn apply_input(&mut self) {
        let input = self.value.inputs[self.state.inputs];
        let recording = self.state.inputs >= self.frontier_inputs;
        self.state.inputs += 1;
        self.frontier_inputs = self.frontier_inputs.max(self.state.inputs);
        let State { model, queue, digest, moment, knobs, .. } = &mut self.state;
        let mut ctx = Ctx {
            now: input.at,
            queue,
            digest,
            recorder: &mut self.recorder,
            story: &mut self.story,
            events: moment.events,
            recording,
            tracing: self.tracing,
        };
        ctx.digest.add(input.at.0);
        match input.what {
            What::Act { act, args } => {
                ctx.digest.add(0x0100 | u64::from(act));
                let n = self.value.question.acts[act as usize].args.len();
                for value in &args[..n] {
                    ctx.digest.add(value.to_bits());
                }
                model.act(act, &args[..n], &mut ctx);
            }
            What::Knob { knob, value } => {
                ctx.digest.add(0x0200 | u64::from(knob));
                ctx.digest.add(value.to_bits());
                knobs.set(knob, value);
                model.knob(knob, knobs, &mut ctx);
            }
        }
    }

    /// Keeps the present state if it fits the store, thinning older ones to make room.
    fn keep_checkpoint(&mut self) {
        self.checkpoint_due = self.state.moment.events + CHECKPOINT_EVENTS;
        let weight = self.state.weight();
        while self.checkpoint_bytes + weight > CHECKPOINT_BYTES_MAX && self.checkpoints.len() > 2 {
            self.thin();
        }
        if self.checkpoint_bytes + weight <= CHECKPOINT_BYTES_MAX {
            self.checkpoint_bytes += weight;
            self.checkpoints.push((weight, self.state.clone()));
        }
    }

    /// Drops the checkpoint whose absence leaves the smallest gap: what stays is spread evenly over
    /// the run, however unequal the states' sizes, so that no moment is far from one.
    fn thin(&mut self) {
        let events = |i: usize| self.checkpoints[i].1.moment.events;
        let inner = 1..self.checkpoints.len() - 1;
        if let Some(victim) = inner.min_by_key(|i| events(i + 1) - events(i - 1)) {
            let (weight, _) = self.checkpoints.remove(victim);
            self.checkpoint_bytes -= weight;
        }
    }

    /// One visible event (or one input) forward, unless it lies beyond `last`. What nobody sees happens on the way there.
    fn step_within(&mut self, last: Moment) -> bool {
        loop {
            let input = self.value.inputs.get(self.state.inputs).map(|i| i.at);
            let (at, visible, is_input) = match (self.state.queue.peek(), input) {
                (Some((t, _)), Some(i)) if i <= t => (i, true, true),
                (None, Some(i)) => (i, true, true),
                (Some((t, event)), _) => (t, M::visible(event), false),
                (None, None) => return false,
            };
            if at > last.at || !is_input && self.state.moment.events >= last.events {
                return false;
            }
            if is_input {
                // Rows that fall before the input, then the input itself.
                while self.recorder.history.every * (self.state.rows + 1) <= at {
                    self.state.moment.at = self.recorder.history.every * (self.state.rows + 1);
                    self.row();
                }
                self.state.moment.at = at;
                // Inputs of one time are one stop: nothing tells the moments between them apart.
                while self.value.inputs.get(self.state.inputs).is_some_and(|i| i.at == at) {
                    self.apply_input();
                }
            } else {
                self.run(at, self.state.moment.events + 1);
            }
            if self.state.moment.at > self.frontier.at {
                self.frontier = self.state.moment;
            }
            if visible {
                return true;
            }
        }
    }

    fn restore_before(&mut self, moment: Moment) {
        let i = self
            .checkpoints
            .iter()
            .rposition(|(_, s)| s.moment.events <= moment.events && s.moment.at <= moment.at)
            .unwrap_or(0);
        self.state = self.checkpoints[i].1.clone();
    }

    /// Forgets what lies after the present moment.
    fn cut(&mut self) {
        let now = self.state.moment;
        self.value.inputs.truncate(self.state.inputs);
        self.recorder.cut(now.at, now.events);
        while self.checkpoints.len() > 1
            && self.checkpoints.last().is_some_and(|(_, s)| s.moment.events > now.events || s.moment.at > now.at)
        {
            if let Some((weight, _)) = self.checkpoints.pop() {
                self.checkpoint_bytes -= weight;
            }
        }
        let last = self.checkpoints.last().map_or(0, |(_, s)| s.moment.events);
        self.checkpoint_due = last + CHECKPOINT_EVENTS;
        self.frontier = now;
        self.frontier_inputs = self.state.inputs;
    }
}

impl<M: Model> Live for Run<M> {
    fn value(&self) -> &RunValue {
        &self.value
    }
    fn moment(&self) -> Moment {
        self.state.moment
    }
    fn settled(&self) -> bool {
        let input = self.value.inputs.get(self.state.inputs).map_or(Us::MAX, |i| i.at);
        self.state.queue.next_time().unwrap_or(Us::MAX).min(input) > self.state.moment.at
    }
    fn digest(&self) -> u64 {
        self.state.digest.value()
    }
    fn advance(&mut self, until: Us, events_max: u64) -> Advance {
        self.run(until, self.state.moment.events.saturating_add(events_max));
        if self.state.moment.at < until || self.state.queue.next_time().is_some_and(|t| t <= until) {
            Advance::Behind
        } else {
            Advance::Reached
        }
    }
    fn seek(&mut self, at: Us) {
        let target = Moment { at, events: u64::MAX };
        // Going forward over known ground, a checkpoint on the way saves running there.
        let here = self.state.moment;
        let ahead = self.checkpoints.iter().any(|(_, s)| s.moment.at <= at && s.moment.events > here.events);
        if at < here.at || ahead {
            self.restore_before(target);
        }
        self.run(at, u64::MAX);
    }
    fn seek_moment(&mut self, moment: Moment) {
        let now = self.state.moment;
        if moment.events < now.events || moment.at < now.at {
            self.restore_before(moment);
        }
        self.run(moment.at, moment.events);
        // The clock can stand later than the last event, with nothing due in between.
        if self.state.moment.events == moment.events {
            self.state.moment.at = self.state.moment.at.max(moment.at);
        }
    }
    fn step_forward(&mut self) -> bool {
        // Nothing is to be seen beyond the horizon, however much goes on there that nobody sees.
        self.step_within(Moment { at: self.value.question.horizon.max(self.frontier.at), events: u64::MAX })
    }
    fn step_back(&mut self) -> bool {
        let here = self.state.moment;
        let inputs_here = self.state.inputs;
        let begun_with = self.value.inputs.iter().take_while(|input| input.at == Us::ZERO).count();
        if here.events == 0 && inputs_here <= begun_with {
            self.seek_moment(Moment::default());
            return here.at > Us::ZERO;
        }
        // Walk again from ever earlier checkpoints, remembering the last stop before this one; each time up to where the
        // walk before began.
        let mut from = Moment { at: here.at, events: here.events.saturating_sub(1) };
        let mut until = here;
        loop {
            self.restore_before(from);
            let start = self.state.moment;
            let mut last = None;
            while self.step_within(until) {
                if self.state.moment.events >= here.events && self.state.inputs >= inputs_here {
                    break;
                }
                last = Some(self.state.moment);
            }
            if let Some(last) = last {
                self.restore_before(last);
                self.seek_moment(last);
                return true;
            }
            if start.events == 0 {
                self.restore_before(Moment::default());
                self.begin();
                return true;
            }
            until = start;
            from = Moment { at: start.at, events: start.events - 1 };
        }
    }
    fn act(&mut self, what: What) -> Option<RunValue> {
        let fresh = self.state.moment == Moment::default() && self.state.inputs == 0;
        if !fresh {
            // Finish the present microsecond, so that the act comes after all that has been shown.
            self.run(self.state.moment.at, u64::MAX);
        }
        let had_future = self.frontier.at > self.state.moment.at;
        let old = had_future.then(|| self.value.clone());
        // What was going to be done later is still going to be done: the two futures differ in this
        // act alone, which is what makes them worth comparing.
        let later = self.value.inputs.split_off(self.state.inputs);
        self.cut();
        let at = if fresh { Us::ZERO } else { self.state.moment.at + Us(1) };
        let index = self.value.inputs.len();
        self.value.inputs.push(Input { at, what });
        self.value.inputs.extend(later);
        if !fresh {
            self.run(at, self.state.moment.events);
        }
        if self.state.inputs <= index {
            self.state.moment.at = at;
            self.apply_input();
        }
        self.frontier = self.state.moment;
        old
    }
    fn set_inputs(&mut self, mut inputs: Vec<Input>) {
        crate::order::by_key(&mut inputs, |i| i.at);
        let here = self.state.moment.at;
        let frontier = self.frontier.at;
        let same = self.value.inputs.iter().zip(&inputs).take_while(|(a, b)| a == b).count();
        let first = |list: &[Input]| list.get(same).map_or(Us::MAX, |i| i.at);
        let changed = first(&self.value.inputs).min(first(&inputs));
        if changed == Us::ZERO {
            // It has begun otherwise, and so has what was recorded.
            let value = RunValue { inputs, ..self.value.clone() };
            *self = Run::new(value);
        } else {
            if changed <= frontier {
                // Everything from the first difference on is another run.
                self.restore_before(Moment { at: changed - Us(1), events: u64::MAX });
                self.run(changed - Us(1), u64::MAX);
                self.cut();
            }
            self.value.inputs = inputs;
        }
        self.run(here, u64::MAX);
    }
    fn frontier(&self) -> Moment {
        self.frontier
    }
    fn knobs(&self) -> &Knobs {
        &self.state.knobs
    }
    fn number(&self, number: u8) -> Option<f64> {
        self.state.model.number(number, self.state.moment.at)
    }
    #[cfg(not(target_arch = "wasm32"))]
    fn measure(&self, measure: u8, args: &[f64]) -> Option<f64> {
        self.state.model.measure(measure, args, self.state.moment.at)
    }
    #[cfg(not(target_arch = "wasm32"))]
    fn counts(&self) -> Vec<(&'static str, u64)> {
        self.state.model.counts()
    }
    #[cfg(not(target_arch = "wasm32"))]
    fn invariants(&self) -> Result<(), String> {
        self.state.model.invariants(self.state.moment.at)
    }
    fn history(&self) -> &History {
        &self.recorder.history
    }
    fn log(&self) -> &VecDeque<Line> {
        &self.recorder.log
    }
    fn log_forgotten(&self) -> u64 {
        self.recorder.forgotten
    }
    #[cfg(not(target_arch = "wasm32"))]
    fn tell(&self, line: &Line) -> String {
        M::tell(line)
    }
    #[cfg(not(target_arch = "wasm32"))]
    fn words(&self) -> Vec<(String, String)> {
        self.state.model.words(self.state.moment.at)
    }
    fn story(&self, request: u32, near: Us) -> Story {
        let from = near - self.value.question.lifetime_max;
        let until = self.state.moment.at.min(near + self.value.question.lifetime_max);
        let i = self.checkpoints.iter().rposition(|(_, s)| s.moment.at <= from).unwrap_or(0);
        let state = self.checkpoints[i].1.clone();
        let q = self.value.question;
        let mut run = Run::<M> {
            value: self.value.clone(),
            frontier: state.moment,
            frontier_inputs: state.inputs,
            checkpoints: Vec::new(),
            checkpoint_bytes: 0,
            // A scratch run: it keeps none of its own.
            checkpoint_due: u64::MAX,
            recorder: Recorder::new(q.sample_every, q.numbers.len()),
            tracing: request,
            story: Story::default(),
            state,
        };
        run.run(until, u64::MAX);
        run.story
    }
    fn model(&self) -> &dyn Any {
        &self.state.model
    }
    fn checkpoint_bytes(&self) -> usize {
        self.checkpoint_bytes
    }
    #[cfg(not(target_arch = "wasm32"))]
    fn keep_no_checkpoints(&mut self) {
        self.checkpoint_due = u64::MAX;
    }
    #[cfg(not(target_arch = "wasm32"))]
    fn footprint(&self) -> Footprint {
        Footprint { state: self.state.weight(), checkpoints: self.checkpoint_bytes, timeline: self.recorder.weight() }
    }
}
