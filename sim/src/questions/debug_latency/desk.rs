//! The desk of whoever is on call: probes, changes and guesses, what they cost and what they show.
//!
//! One thing at a time. A probe compares the last ten seconds with those before the trouble began; it shows what a tool
//! of its kind would show, and nothing else.

use super::cases::{CORES, SERVICES};
use super::look::{Columns, heat_row, stat};
use super::words::code;
use super::{Cause, Change, DebugLatency, Ev, RESTART_FOR, Service, knob};
use crate::blocks::tracer::{Span, critical_path, misplaced, self_time, stamped, straighten};
use crate::declare::{Knobs, Tone};
use crate::deque::Deque;
use crate::kernel::{Ctx, Line, Us};

/// Traces that can still be looked at.
const KEPT: usize = 64;
/// Findings that stay on the desk.
const FINDINGS: usize = 8;
/// The map looks at a trace this often, so that it sees a fair share of twenty seconds.
const MAP_EVERY: Us = Us::ms(300);
/// What a wrong name costs.
const BLIND_ALLEY: Us = Us::s(30);

/// A way to look, in the order of the knob.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Probe {
    Metrics,
    Trace,
    Search,
    Logs,
    Split,
    Profile,
    Database,
    Network,
}

impl Probe {
    pub const ALL: [Probe; 8] = [
        Probe::Metrics,
        Probe::Trace,
        Probe::Search,
        Probe::Logs,
        Probe::Split,
        Probe::Profile,
        Probe::Database,
        Probe::Network,
    ];
    pub fn label(self) -> &'static str {
        super::PROBES[self as usize].1
    }
    /// How long it takes to get there, in simulated time.
    pub fn takes(self) -> Us {
        match self {
            Probe::Search | Probe::Logs => Us::s(15),
            Probe::Profile => Us::s(20),
            _ => Us::s(10),
        }
    }
    /// The rows of what it shows, and their units.
    pub fn rows(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Probe::Metrics => &[
                ("workers busy", "%"),
                ("worker wait", "ms"),
                ("work", "ms"),
                ("answers", "/s"),
                ("calls refused", "/s"),
            ],
            Probe::Trace => &[],
            Probe::Search => {
                &[("Checkout", "ms"), ("Cart", "ms"), ("Inventory", "ms"), ("Pricing", "ms"), ("Payment", "ms")]
            }
            Probe::Logs => &[
                ("call timed out", "/min"),
                ("retrying", "/min"),
                ("GC pause", "/min"),
                ("row lock waits", "/min"),
                ("slow disk write", "/min"),
                ("pool waits", "/min"),
            ],
            Probe::Split => &[
                ("instance 1", "ms"),
                ("instance 2", "ms"),
                ("instance 3", "ms"),
                ("instance 4", "ms"),
                ("instance 5", "ms"),
                ("instance 6", "ms"),
                ("instance 7", "ms"),
                ("instance 8", "ms"),
            ],
            Probe::Profile => &[
                ("on CPU", "ms"),
                ("worker wait", "ms"),
                ("stolen by host", "ms"),
                ("stopped by GC", "ms"),
                ("disk", "ms"),
                ("pool wait", "ms"),
                ("statements", "ms"),
                ("cache loads", "ms"),
            ],
            Probe::Database => &[
                ("connections in use", ""),
                ("pool size", ""),
                ("connection wait", "ms"),
                ("statements each", ""),
                ("statement time", "ms"),
                ("lock waits", "%"),
                ("database CPU", "%"),
                ("cache hits", "%"),
            ],
            Probe::Network => &[("new connections", "%"), ("connecting", "ms"), ("transfer", "ms"), ("answer", "kB")],
        }
    }
}

/// What is done at the desk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Doing {
    /// Of a trace: this one, or the slowest lately.
    Probe {
        kind: Probe,
        place: usize,
        trace: Option<u32>,
    },
    Change {
        change: Change,
        place: usize,
    },
    /// Time lost on a wrong name.
    Astray,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Task {
    pub doing: Doing,
    pub from: Us,
    pub until: Us,
}

/// What a probe showed: for each of its rows now and before.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Finding {
    pub kind: Probe,
    pub place: usize,
    pub at: Us,
    /// Not a number where there is nothing to say.
    pub rows: [(f32, f32); 8],
}

/// A trace that a sampler kept.
#[derive(Clone, Debug)]
pub struct KeptTrace {
    pub id: u32,
    pub at: Us,
    pub took: Us,
    pub failed: bool,
    pub spans: Vec<Span>,
    /// Self time of the spans of each service, in ms.
    pub own_ms: [f32; SERVICES],
}

impl KeptTrace {
    pub(super) fn new(id: u32, at: Us, took: Us, failed: bool, spans: Vec<Span>) -> KeptTrace {
        let mut own_ms = [0.0; SERVICES];
        for (i, s) in spans.iter().enumerate().skip(1) {
            if let Some(sum) = own_ms.get_mut(usize::from(s.name & 15)) {
                *sum += self_time(&spans, i).as_ms() as f32;
            }
        }
        KeptTrace { id, at, took, failed, spans, own_ms }
    }
    pub(super) fn weight(&self) -> usize {
        size_of::<KeptTrace>() + self.spans.len() * size_of::<Span>()
    }
}

/// A choice of the knobs that an act may override: 0 says "as set".
#[derive(Clone, Copy, Debug)]
pub(super) struct Pick(pub u8);

impl Pick {
    pub fn chosen(self, arg: f64) -> usize {
        if arg >= 1.0 { arg as usize - 1 } else { usize::from(self.0) }
    }
}

#[derive(Clone, Debug)]
pub(super) struct Desk {
    pub probe: Pick,
    pub change: Pick,
    pub guess: Pick,
    pub at: Pick,
    /// Nobody is told the cause before it is named.
    pub hidden: bool,
    correct: bool,
    budget: u32,
    pub task: Option<Task>,
    tasks: u16,
    pub used: u32,
    pub wrong_changes: u32,
    pub wrong_guesses: u32,
    pub named: Option<Us>,
    pub revealed: bool,
    pub mended: Option<Us>,
    pub findings: Deque<Finding>,
    /// The last change that is in force.
    pub changed: Option<(Change, usize)>,
    /// Exemplars: traces that can be opened.
    pub traces: Deque<KeptTrace>,
    /// Self times of kept traces, for the map: a few a second.
    pub map: Deque<(Us, [f32; SERVICES])>,
    /// The trace that is looked at, as its hosts' clocks stamped it; before any is opened, one from before the trouble.
    pub open: Option<KeptTrace>,
    pub was_opened: bool,
    pub misplaced: usize,
    alarmed: bool,
}

impl Desk {
    pub fn new(k: &Knobs) -> Desk {
        let mut desk = Desk {
            probe: Pick(0),
            change: Pick(0),
            guess: Pick(0),
            at: Pick(0),
            hidden: k.choice(knob::CAUSE) == 0,
            correct: false,
            budget: k.int(knob::BUDGET) as u32,
            task: None,
            tasks: 0,
            used: 0,
            wrong_changes: 0,
            wrong_guesses: 0,
            named: None,
            revealed: false,
            mended: None,
            findings: Deque::new(),
            changed: None,
            traces: Deque::new(),
            map: Deque::new(),
            open: None,
            was_opened: false,
            misplaced: 0,
            alarmed: false,
        };
        for which in [knob::PROBE, knob::CHANGE, knob::GUESS, knob::AT, knob::CORRECT] {
            desk.set(which, k);
        }
        desk
    }

    pub fn set(&mut self, which: usize, k: &Knobs) {
        let pick = Pick(k.choice(which.min(knob::GUESS)) as u8);
        match which {
            knob::PROBE => self.probe = pick,
            knob::CHANGE => self.change = pick,
            knob::GUESS => self.guess = pick,
            knob::AT => self.at = pick,
            _ => self.correct = k.on(knob::CORRECT),
        }
    }

    /// Probes that are left; `None`: as many as you like.
    pub fn left(&self) -> Option<u32> {
        (self.budget > 0).then(|| self.budget.saturating_sub(self.used))
    }

    pub fn weight(&self) -> usize {
        let traces = self.traces.iter().chain(&self.open).map(KeptTrace::weight).sum::<usize>();
        traces + self.findings.len() * size_of::<Finding>() + self.map.len() * size_of::<(Us, [f32; SERVICES])>()
    }
}

impl DebugLatency {
    /// Whether the cause is a secret still.
    pub fn is_over(&self) -> bool {
        self.desk.named.is_some() || self.desk.revealed
    }

    pub(super) fn begin(&mut self, doing: Doing, ctx: &mut Ctx<Ev>) {
        if self.desk.task.is_some() {
            ctx.mix(match doing {
                Doing::Probe { kind, place, .. } => kind as u64 | (place as u64) << 8,
                Doing::Change { change, place } => (128 + change as u64) | (place as u64) << 8,
                Doing::Astray => 255,
            });
            return ctx.log(Tone::Waiting, code::OCCUPIED, Line::NO_REQUEST, 0, 0);
        }
        let takes = match doing {
            Doing::Probe { kind, place, .. } => {
                if self.desk.left() == Some(0) && !self.is_over() {
                    return ctx.log(Tone::Rejected, code::NO_PROBES, Line::NO_REQUEST, 0, 0);
                }
                self.desk.used += u32::from(!self.is_over());
                ctx.log(Tone::Info, code::PROBING, Line::NO_REQUEST, kind as i64, place as i64);
                kind.takes()
            }
            Doing::Change { change, place } => {
                ctx.log(Tone::Info, code::CHANGING, Line::NO_REQUEST, change as i64, place as i64);
                change.takes()
            }
            Doing::Astray => BLIND_ALLEY,
        };
        self.desk.tasks += 1;
        self.desk.task = Some(Task { doing, from: ctx.now, until: ctx.now + takes });
        ctx.mix(u64::from(self.desk.left().unwrap_or(u32::MAX)));
        ctx.after(takes, Ev::Task(self.desk.tasks));
    }

    pub(super) fn task_done(&mut self, number: u16, ctx: &mut Ctx<Ev>) {
        if number != self.desk.tasks {
            return;
        }
        let Some(task) = self.desk.task.take() else { return };
        match task.doing {
            Doing::Probe { kind, place, trace } => self.show(kind, place, trace, ctx),
            Doing::Change { change, place } => self.change(change, place, ctx),
            Doing::Astray => {}
        }
    }

    fn show(&mut self, kind: Probe, place: usize, trace: Option<u32>, ctx: &mut Ctx<Ev>) {
        if kind == Probe::Trace {
            return self.open_trace(trace, ctx);
        }
        let finding = self.find(kind, place, ctx.now);
        if self.desk.findings.len() == FINDINGS {
            self.desk.findings.pop_front();
        }
        self.desk.findings.push_back(finding);
        for (now, _) in finding.rows {
            ctx.mix(u64::from(now.to_bits()));
        }
        ctx.log(Tone::Ok, code::FOUND, Line::NO_REQUEST, kind as i64, place as i64);
    }

    /// Puts a trace on the desk: as stamped, or corrected.
    fn open_trace(&mut self, id: Option<u32>, ctx: &mut Ctx<Ev>) {
        let since = ctx.now - Us::s(30);
        let lately = self.desk.traces.iter().filter(|t| t.at >= since);
        let slowest = lately.max_by_key(|t| t.took).or(self.desk.traces.back());
        let found = id.map_or(slowest, |id| self.desk.traces.iter().find(|t| t.id == id));
        let Some(trace) = found.cloned() else {
            return ctx.log(Tone::Rejected, code::NO_TRACE, Line::NO_REQUEST, i64::from(id.unwrap_or(0)), 0);
        };
        ctx.log(Tone::Ok, code::OPENED, Line::NO_REQUEST, i64::from(trace.id), trace.took.0 as i64);
        self.desk.was_opened = true;
        self.put(trace);
        ctx.mix(self.desk.misplaced as u64);
        for s in self.desk.open.iter().flat_map(|t| critical_path(&t.spans)) {
            ctx.mix(s.from.0 << 16 | u64::from(s.span));
        }
    }

    fn put(&mut self, mut trace: KeptTrace) {
        let mut clocks = [0i32; 17];
        for (host, off) in clocks.iter_mut().enumerate() {
            *off = if host % 2 == 1 { -self.skew_us } else { 0 };
        }
        let (mut spans, _) = stamped(&trace.spans, &clocks);
        if self.desk.correct {
            straighten(&mut spans);
        }
        self.desk.misplaced = misplaced(&spans);
        trace.spans = spans;
        self.desk.open = Some(trace);
    }

    /// A sampler keeps a trace.
    pub(super) fn keep(&mut self, trace: KeptTrace, ctx: &mut Ctx<Ev>) {
        let sum = critical_path(&trace.spans).iter().map(|s| s.duration().0).sum::<u64>();
        self.counts.not_summing += u64::from(sum != trace.took.0);
        ctx.mix(trace.took.0);
        if !self.desk.was_opened && (!self.active || self.desk.open.is_none()) && !trace.failed {
            self.put(trace.clone());
        }
        let desk = &mut self.desk;
        if desk.map.back().is_none_or(|(at, _)| *at + MAP_EVERY <= trace.at) {
            if desk.map.len() == KEPT {
                desk.map.pop_front();
            }
            desk.map.push_back((trace.at, trace.own_ms));
        }
        // One exemplar to a cell of the heat map, the latest: else a thousand alike would push out the one that is not.
        let cell = |t: &KeptTrace| (Columns::index(t.at), heat_row(t.took), t.failed);
        let same = desk.traces.iter().position(|t| cell(t) == cell(&trace));
        if let Some(i) = same.or((desk.traces.len() == KEPT).then_some(0)) {
            desk.traces.remove(i);
        }
        desk.traces.push_back(trace);
    }

    /// A change is in force.
    fn change(&mut self, change: Change, place: usize, ctx: &mut Ctx<Ev>) {
        let slowest = self.slowest_instance(place, ctx.now);
        let met = self.case.filter(|_| self.active).is_some_and(|case| {
            let here = case.place == place || case.cause == Cause::Neighbour;
            let it = case.cause != Cause::Instance || slowest == case.instance;
            case.cause.remedy() == change && here && it
        });
        let service: &mut Service = &mut self.services[place];
        match change {
            Change::Pods => {
                let more = service.instances.len().min(16 - service.instances.len().min(16));
                for _ in 0..more {
                    let mut fresh = service.instances[0].clone();
                    fresh.line = Default::default();
                    fresh.workers = crate::blocks::server::Workers::new(self.s.workers);
                    (fresh.paused, fresh.down) = (Us::ZERO, Us::ZERO);
                    service.instances.push(fresh);
                }
            }
            Change::Restart => self.kill(place, slowest, RESTART_FOR, ctx),
            Change::Pool => {
                service.pool.resize((service.pool.size() * 2).max(self.s.pool));
                // Who waits has a connection now.
                while let Some((at, got)) = self.services[place].pool.next(ctx.now) {
                    self.granted(place, at, got, ctx);
                }
            }
            Change::Index => service.indexed = true,
            Change::Timeout => service.short = true,
            Change::Hedge => service.hedged = true,
            Change::Connections => service.kept_alive = true,
            // What they undo is undone below, if it is there.
            Change::Host | Change::Memory | Change::Blocker | Change::RollBack | Change::Retries | Change::Warm => {}
        }
        self.desk.changed = Some((change, place));
        if met {
            self.active = false;
            self.desk.mended = Some(ctx.now);
        } else if self.case.is_some() && self.desk.mended.is_none() {
            self.desk.wrong_changes += 1;
        }
        let tone = if met { Tone::Ok } else { Tone::Info };
        ctx.log(tone, code::CHANGED, Line::NO_REQUEST, change as i64, place as i64);
    }

    fn slowest_instance(&self, place: usize, now: Us) -> usize {
        let (lately, _) = self.windows(now);
        let n = self.services[place].instances.len();
        let mean = |i: usize| self.columns.instance(place, i, &lately);
        (0..n).fold(0, |best, i| if mean(i) > mean(best) { i } else { best })
    }

    pub(super) fn name_it(&mut self, cause: Cause, ctx: &mut Ctx<Ev>) {
        if self.is_over() {
            return;
        }
        ctx.mix(cause as u64);
        if self.desk.task.is_some() {
            return ctx.log(Tone::Waiting, code::OCCUPIED, Line::NO_REQUEST, 0, 0);
        }
        if self.case.is_some_and(|c| c.cause == cause) && ctx.now >= self.s.onset {
            self.desk.named = Some(ctx.now);
            let took = ctx.now.since(self.s.onset);
            return ctx.log(Tone::Ok, code::NAMED, Line::NO_REQUEST, cause as i64, took.0 as i64);
        }
        self.desk.wrong_guesses += 1;
        ctx.log(Tone::Rejected, code::WRONG, Line::NO_REQUEST, cause as i64, 0);
        self.begin(Doing::Astray, ctx);
    }

    pub(super) fn reveal(&mut self, ctx: &mut Ctx<Ev>) {
        if self.is_over() {
            return;
        }
        self.desk.revealed = true;
        let (cause, place) = self.case.map_or((-1, 0), |c| (c.cause as i64, c.place as i64));
        ctx.log(Tone::Info, code::REVEALED, Line::NO_REQUEST, cause, place);
    }

    /// Says once that users suffer.
    pub(super) fn watch(&mut self, ctx: &mut Ctx<Ev>) {
        let slow = self.slow.count(ctx.now) as f64;
        let all = self.finished.count(ctx.now) as f64;
        if all >= 100.0 && ctx.now > self.s.onset && (slow > 0.05 * all) != self.desk.alarmed {
            self.desk.alarmed = !self.desk.alarmed;
            let (tone, line) = if self.desk.alarmed { (Tone::Rejected, code::ALARM) } else { (Tone::Ok, code::QUIET) };
            ctx.log(tone, line, Line::NO_REQUEST, (100.0 * slow / all) as i64, 0);
        }
    }

    /// The columns of the last ten seconds, and those of before the trouble.
    fn windows(&self, now: Us) -> (core::ops::Range<usize>, core::ops::Range<usize>) {
        let current = Columns::index(now);
        let onset = Columns::index(self.s.onset);
        (current.saturating_sub(2)..current, 1.min(onset - 1)..onset.min(current.max(1)))
    }

    /// What a probe of this kind would show now. What it shows is all that anybody has to decide by.
    pub fn find(&self, kind: Probe, place: usize, now: Us) -> Finding {
        let (lately, before) = self.windows(now);
        let mut rows = [(f32::NAN, f32::NAN); 8];
        if kind == Probe::Search {
            rows = self.compare(now);
        } else {
            for (i, row) in rows.iter_mut().enumerate().take(kind.rows().len()) {
                *row = (self.read(kind, i, place, &lately), self.read(kind, i, place, &before));
            }
            if kind == Probe::Database {
                // What is in use now is read off the pool itself.
                let pool = &self.services[place].pool;
                rows[0].0 = pool.in_use() as f32;
                rows[1] = (pool.size() as f32, self.s.pool as f32);
            }
        }
        Finding { kind, place, at: now, rows }
    }

    fn read(&self, kind: Probe, row: usize, place: usize, over: &core::ops::Range<usize>) -> f32 {
        let sum = |what| self.columns.sum(place, what, over);
        let seconds = Columns::SPAN.as_s() * over.len() as f64;
        let calls = if place == 0 { sum(stat::STARTED) } else { sum(stat::CALLS) };
        let each = |what| sum(what) / calls;
        let share = |part, whole| 100.0 * sum(part) / sum(whole);
        let minute = |what| sum(what) * 60.0 / seconds;
        let workers = f64::from(self.s.workers) * self.services[place].instances.len() as f64;
        let value = match (kind, row) {
            (Probe::Metrics, 0) => sum(stat::BUSY) / (workers * seconds * 10.0),
            (Probe::Metrics, 1) | (Probe::Profile, 1) => sum(stat::WAIT) / sum(stat::STARTED),
            (Probe::Metrics, 2) => (sum(stat::WORK) + sum(stat::STOLEN)) / sum(stat::STARTED),
            (Probe::Metrics, 3) => calls / seconds,
            (Probe::Metrics, 4) => sum(stat::REFUSED) / seconds,
            (Probe::Logs, 0) => minute(stat::TIMEOUTS),
            (Probe::Logs, 1) => minute(stat::RETRIES),
            (Probe::Logs, 2) => minute(stat::PAUSES),
            (Probe::Logs, 3) => minute(stat::LOCKS),
            (Probe::Logs, 4) => minute(stat::DISKS),
            (Probe::Logs, 5) => minute(stat::POOL_WAITS),
            (Probe::Split, i) => self.columns.instance(place, i, over),
            (Probe::Profile, 0) => sum(stat::WORK) / sum(stat::STARTED),
            (Probe::Profile, 2) => sum(stat::STOLEN) / sum(stat::STARTED),
            (Probe::Profile, 3) => sum(stat::GC) / sum(stat::STARTED),
            (Probe::Profile, 4) => each(stat::DISK),
            (Probe::Profile, 5) | (Probe::Database, 2) => each(stat::POOL_WAIT),
            (Probe::Profile, 6) => (sum(stat::STATEMENT) + sum(stat::LOCKED)) / calls,
            (Probe::Profile, 7) => each(stat::LOADING),
            (Probe::Database, 0) => (sum(stat::STATEMENT) + sum(stat::LOCKED)) / (seconds * 1e3),
            (Probe::Database, 3) => each(stat::STATEMENTS),
            (Probe::Database, 4) => sum(stat::STATEMENT) / sum(stat::STATEMENTS),
            (Probe::Database, 5) => share(stat::LOCKS, stat::STATEMENTS),
            (Probe::Database, 6) => sum(stat::STATEMENT) / (CORES * seconds * 10.0),
            (Probe::Database, 7) => share(stat::HITS, stat::LOOKUPS),
            (Probe::Network, 0) => share(stat::CONNECTS, stat::SENT),
            (Probe::Network, 1) => sum(stat::CONNECTING) / sum(stat::CONNECTS),
            (Probe::Network, 2) => each(stat::TRANSFER),
            (Probe::Network, 3) => each(stat::BYTES),
            _ => f64::NAN,
        };
        value as f32
    }

    /// Slow traces against fast ones: time on the critical path by service.
    fn compare(&self, now: Us) -> [(f32, f32); 8] {
        let mut sums = [[0.0f64; SERVICES]; 2];
        let mut n = [0.0f64; 2];
        for t in self.desk.traces.iter().filter(|t| t.at + Us::s(60) >= now) {
            let slow = usize::from(t.took <= self.s.promise);
            n[slow] += 1.0;
            for s in critical_path(&t.spans) {
                let service = usize::from(t.spans[usize::from(s.span)].name & 15);
                if let Some(sum) = sums[slow].get_mut(service) {
                    *sum += s.duration().as_ms();
                }
            }
        }
        let mut rows = [(f32::NAN, f32::NAN); 8];
        for (i, row) in rows.iter_mut().enumerate().take(SERVICES) {
            *row = ((sums[0][i] / n[0]) as f32, (sums[1][i] / n[1]) as f32);
        }
        rows
    }
}
