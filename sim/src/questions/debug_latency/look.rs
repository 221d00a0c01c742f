//! What can be seen of a run: totals by stretches of time, numbers, measures, laws, and what the picture is drawn from.

use super::cases::SERVICES;
use super::desk::{Desk, Finding, KeptTrace, Task};
use super::{Case, Change, DebugLatency, Kind, Path, Sampling, measure, number};
use crate::blocks::tracer::critical_times;
use crate::kernel::Us;
use crate::look::{Sample, ms, percent};
use crate::measure::conserve::balance;

/// What is added up for each service: counts, and times in milliseconds.
pub(super) mod stat {
    /// Answers, and the work begun for them.
    pub const CALLS: usize = 0;
    pub const STARTED: usize = 1;
    pub const SENT: usize = 2;
    pub const WAIT: usize = 3;
    pub const WORK: usize = 4;
    pub const STOLEN: usize = 5;
    pub const GC: usize = 6;
    pub const PAUSES: usize = 7;
    pub const DISK: usize = 8;
    pub const DISKS: usize = 9;
    pub const POOL_WAIT: usize = 10;
    pub const POOL_WAITS: usize = 11;
    pub const STATEMENT: usize = 12;
    pub const STATEMENTS: usize = 13;
    pub const LOCKED: usize = 14;
    pub const LOCKS: usize = 15;
    pub const LOOKUPS: usize = 16;
    pub const HITS: usize = 17;
    pub const LOADING: usize = 18;
    pub const CONNECTS: usize = 19;
    pub const CONNECTING: usize = 20;
    pub const TRANSFER: usize = 21;
    /// In kB.
    pub const BYTES: usize = 22;
    pub const TIMEOUTS: usize = 23;
    pub const RETRIES: usize = 24;
    pub const REFUSED: usize = 25;
    /// Worker-milliseconds, somebody else's jobs included.
    pub const BUSY: usize = 26;
    pub const COUNT: usize = 27;
}

/// Rows of the heat map: two to the octave from 64 ms on, one below and one above.
pub const HEAT_ROWS: usize = 16;
/// The upper edge of the first row.
const HEAT_FROM: u64 = 64_000;
const INSTANCES: usize = 16;
/// Stretches that are kept apart; what comes later counts in the last of them.
const COLUMNS: usize = 240;

#[derive(Clone, Copy, Debug)]
struct Column {
    stats: [[f32; stat::COUNT]; SERVICES],
    /// Of each instance: answers, and their time in the service.
    split: [[(f32, f32); INSTANCES]; SERVICES],
    heat: [u16; HEAT_ROWS],
}

/// Totals by stretches of five seconds.
#[derive(Clone, Debug, Default)]
pub(super) struct Columns(Vec<Column>);

impl Columns {
    pub const SPAN: Us = Us::s(5);

    pub fn index(at: Us) -> usize {
        ((at.0 / Columns::SPAN.0) as usize).min(COLUMNS - 1)
    }

    #[inline]
    fn at(&mut self, at: Us) -> &mut Column {
        let i = Columns::index(at);
        while self.0.len() <= i {
            let empty = [[(0.0, 0.0); INSTANCES]; SERVICES];
            self.0.push(Column { stats: [[0.0; stat::COUNT]; SERVICES], split: empty, heat: [0; HEAT_ROWS] });
        }
        &mut self.0[i]
    }

    #[inline]
    pub fn add(&mut self, now: Us, service: usize, what: usize, value: f64) {
        self.at(now).stats[service][what] += value as f32;
    }

    /// An instance has answered.
    pub fn served(&mut self, now: Us, service: usize, instance: usize, ms: f64) {
        let column = self.at(now);
        column.stats[service][stat::CALLS] += 1.0;
        let (n, sum) = &mut column.split[service][instance % INSTANCES];
        (*n, *sum) = (*n + 1.0, *sum + ms as f32);
    }

    pub fn heat(&mut self, at: Us, took: Us) {
        let row = &mut self.at(at).heat[heat_row(took)];
        *row = row.saturating_add(1);
    }

    pub fn sum(&self, service: usize, what: usize, over: &core::ops::Range<usize>) -> f64 {
        self.over(over).map(|c| f64::from(c.stats[service][what])).sum()
    }

    /// Mean time of an instance's answers, in ms; not a number if there were none.
    pub fn instance(&self, service: usize, instance: usize, over: &core::ops::Range<usize>) -> f64 {
        let add = |(n, sum): (f64, f64), (m, more): (f32, f32)| (n + f64::from(m), sum + f64::from(more));
        let split = self.over(over).map(|c| c.split[service][instance % INSTANCES]);
        let (n, sum) = split.fold((0.0, 0.0), add);
        sum / n
    }

    fn over(&self, over: &core::ops::Range<usize>) -> impl Iterator<Item = &Column> {
        self.0.iter().skip(over.start).take(over.len())
    }

    pub fn weight(&self) -> usize {
        self.0.len() * size_of::<Column>()
    }
}

/// The row of the heat map: two to the octave.
pub(super) fn heat_row(took: Us) -> usize {
    let mut row = 0;
    let mut edge = HEAT_FROM;
    while row + 1 < HEAT_ROWS && took.0 > edge {
        // √2 by turns: 64, 90.5, 128, ...
        row += 1;
        edge = heat_edge(row);
    }
    row
}

/// The upper edge of a row in microseconds.
fn heat_edge(row: usize) -> u64 {
    let octave = HEAT_FROM << (row / 2);
    if row.is_multiple_of(2) { octave } else { octave * 1_414 / 1_000 }
}

/// What a span is called.
pub fn span_label(name: u8) -> String {
    let service = usize::from(name & 15);
    let of = super::PLACES.get(service).map_or("", |p| p.1);
    match name >> 4 {
        k if k == Kind::Root as u8 => "POST /checkout".into(),
        k if k == Kind::Server as u8 => of.into(),
        k if k == Kind::Call as u8 => format!("call {of}"),
        k if k == Kind::Connect as u8 => "connect".into(),
        k if k == Kind::Transfer as u8 => "transfer".into(),
        k if k == Kind::Cache as u8 => "cache".into(),
        k if k == Kind::Load as u8 => "load".into(),
        k if k == Kind::Select as u8 => "select".into(),
        k if k == Kind::Leaf as u8 => "one of them".into(),
        _ => "select item".into(),
    }
}

impl DebugLatency {
    /// The case, once it may be seen: named on purpose by the knob, found, or given up.
    pub fn case_shown(&self) -> Option<Case> {
        self.case.filter(|_| self.is_over() || !self.desk.hidden)
    }
    pub fn is_open_case(&self) -> bool {
        !self.desk.hidden
    }
    pub fn has_case(&self) -> bool {
        self.desk.hidden || self.case.is_some()
    }
    pub fn path(&self) -> Path {
        self.s.path
    }
    pub fn onset_at(&self) -> Us {
        self.s.onset
    }
    pub fn promise(&self) -> Us {
        self.s.promise
    }
    pub fn looked_at(&self) -> usize {
        usize::from(self.desk.at.0)
    }
    pub fn task(&self) -> Option<Task> {
        self.desk.task
    }
    pub fn findings(&self) -> impl DoubleEndedIterator<Item = &Finding> {
        self.desk.findings.iter()
    }
    /// The trace on the desk, and whether somebody has asked for it.
    pub fn open_trace_now(&self) -> Option<(&KeptTrace, bool)> {
        self.desk.open.as_ref().map(|t| (t, self.desk.was_opened))
    }
    pub fn misplaced_spans(&self) -> usize {
        self.desk.misplaced
    }
    /// Traces that can be opened.
    pub fn kept(&self) -> impl Iterator<Item = &KeptTrace> {
        self.desk.traces.iter()
    }
    pub fn probes_left(&self) -> Option<u32> {
        self.desk.left()
    }
    pub fn changed(&self) -> Option<(Change, usize)> {
        self.desk.changed
    }
    pub fn mended(&self) -> Option<Us> {
        self.desk.mended
    }
    pub fn named(&self) -> Option<Us> {
        self.desk.named
    }
    pub fn gave_up(&self) -> bool {
        self.desk.revealed
    }
    /// Probes used, wrong changes, wrong guesses.
    pub fn score(&self) -> (u32, u32, u32) {
        (self.desk.used, self.desk.wrong_changes, self.desk.wrong_guesses)
    }
    /// (instances, busy workers, workers, in line) of a service.
    pub fn service(&self, service: usize) -> (usize, usize, usize, usize) {
        let all = &self.services[service].instances;
        let sum = |of: fn(&super::Instance) -> usize| all.iter().map(of).sum::<usize>();
        (all.len(), sum(|i| i.workers.busy()), sum(|i| i.workers.count()), sum(|i| i.line.len()))
    }
    /// Counts of the heat map: five-second columns, each from the fastest row to the slowest.
    pub fn heat(&self) -> impl Iterator<Item = &[u16; HEAT_ROWS]> {
        self.columns.0.iter().map(|c| &c.heat)
    }
    pub fn heat_edge(row: usize) -> Us {
        Us(heat_edge(row))
    }
    /// How high a latency lies in the heat map, in rows from the bottom.
    pub fn heat_height(took: Us) -> f64 {
        1.0 + 2.0 * libm::log2(took.0.max(1) as f64 / HEAT_FROM as f64)
    }
    /// Mean self time of each service in traces that were kept and began lately, in ms: what the service map of a
    /// tracing backend shows for nothing. Not a number while there are none.
    pub fn map(&self, now: Us) -> [f32; SERVICES] {
        let mut sums = [0.0; SERVICES];
        let mut n = 0.0;
        for (_, own_ms) in self.desk.map.iter().filter(|(at, _)| *at + Us::s(20) >= now) {
            n += 1.0;
            for (sum, own) in sums.iter_mut().zip(own_ms) {
                *sum += own;
            }
        }
        sums.map(|s| s / n)
    }
    pub fn samples(&self) -> impl Iterator<Item = &Sample<()>> {
        self.samples.iter()
    }
    pub fn drawn_one_in(&self) -> u32 {
        self.samples.one_in()
    }

    pub(super) fn read_number(&self, which: usize, now: Us) -> Option<f64> {
        let over = |part: u64| percent(part as f64, self.finished.count(now) as f64);
        let d: &Desk = &self.desk;
        match which {
            number::P50 => ms(self.latency.quantile(now, 0.5)),
            number::P99 => ms(self.latency.quantile(now, 0.99)),
            number::SUFFERED => Some(self.counts.suffered as f64),
            number::PROBES => Some(f64::from(d.used)),
            number::WRONG => Some(f64::from(d.wrong_changes + d.wrong_guesses)),
            number::MINUTES => (self.has_case() && now >= self.s.onset)
                .then(|| d.named.unwrap_or(now).since(self.s.onset).as_s() / 60.0),
            number::SLOW => over(self.slow.count(now)),
            number::FAILED => over(self.failed.count(now)),
            number::OFFERED => Some(self.offered.per_s(now)),
            number::KEPT => percent(self.counts.kept as f64, self.counts.decided as f64),
            _ => None,
        }
    }

    pub(super) fn read_measure(&self, which: usize, args: &[f64], now: Us) -> Option<f64> {
        let c = &self.counts;
        let d = &self.desk;
        let service = self.s.service.as_ms();
        let p99 = || ms(self.all.quantile(0.99));
        let mean = || (self.all.count() > 0).then(|| self.all_us / self.all.count() as f64 / 1e3);
        let shown = |first: bool| {
            let row = args.first().and_then(|n| (*n as usize).checked_sub(1))?;
            let (now, before) = d.findings.back()?.rows.get(row).copied()?;
            Some(f64::from(if first { now } else { before })).filter(|v| v.is_finite())
        };
        match which {
            measure::P99_ALL => p99(),
            measure::P99_S => Some(p99()? / service),
            measure::MEAN_ALL => mean(),
            measure::MEAN_S => Some(mean()? / service),
            measure::BUSY => {
                let s = self.services.get((*args.first()? as usize).checked_sub(1)?)?;
                let worked: u64 = s.instances.iter().map(|i| i.workers.worked(now)).sum();
                let workers = s.instances.iter().map(|i| i.workers.count()).sum::<usize>() as f64;
                percent(worked as f64, workers * now.0 as f64)
            }
            measure::MEAN => self.seconds.mean(args, |s| s.ms.into(), |s| s.finished.into()),
            measure::SLOW_SHARE => self.seconds.share(args, |s| s.slow.into(), |s| s.finished.into()),
            measure::ROOT => ms(self.last_root),
            measure::CRITICAL => {
                let trace = d.traces.back()?;
                critical_times(&trace.spans).get(*args.first()? as usize).map(|t| t.as_ms())
            }
            measure::ODD => Some(c.not_summing as f64),
            measure::NAMED => self.read_number(number::MINUTES, now),
            measure::IS_NAMED => Some(f64::from(u8::from(d.named.is_some()))),
            measure::PROBES => Some(f64::from(d.used)),
            measure::WRONG_CHANGES => Some(f64::from(d.wrong_changes)),
            measure::WRONG_GUESSES => Some(f64::from(d.wrong_guesses)),
            measure::SHOWN => shown(true),
            measure::SHOWN_BEFORE => shown(false),
            measure::FAILING => Some(c.failing as f64),
            measure::FAILING_KEPT => Some(c.failing_kept as f64),
            measure::FAILING_MISSED => Some((c.failing - c.failing_kept) as f64),
            measure::ESTIMATE => percent(c.weight, c.decided as f64),
            measure::HEDGED => percent(c.hedges as f64, (c.calls - c.hedges.min(c.calls)).max(1) as f64),
            measure::ROOT_SLOW => percent(c.slow as f64, c.finished as f64),
            measure::MISPLACED => Some(d.misplaced as f64),
            _ => None,
        }
    }

    pub(super) fn laws(&self, _now: Us) -> Result<(), String> {
        let c = &self.counts;
        balance("arrivals", c.arrivals, &[("answered", c.answered), ("failed", c.failed), ("open", c.open)])?;
        balance("open", c.open, &[("requests in their slots", self.requests.used() as u64)])?;
        balance("calls", c.calls, &[("ended", c.calls_ended), ("under way", self.calls.used() as u64)])?;
        balance("finished", c.finished, &[("answered", c.answered), ("failed", c.failed)])?;
        if self.s.sampling == Sampling::Tail {
            let traces = [("decided", c.decided), ("waiting", self.tail.pending() as u64)];
            balance("traces", c.arrivals, &traces)?;
        } else {
            balance("traces", c.finished, &[("decided", c.decided)])?;
        }
        if c.not_summing > 0 {
            return Err(format!("{} critical paths do not sum to their roots", c.not_summing));
        }
        let waiting: usize = self.services.iter().map(|s| s.pool.waiting()).sum();
        if waiting > self.calls.used() {
            return Err(format!("{waiting} wait for connections, of {} calls", self.calls.used()));
        }
        for s in &self.services {
            for i in &s.instances {
                if i.workers.busy() > i.workers.count() {
                    return Err(format!("{} of {} workers busy", i.workers.busy(), i.workers.count()));
                }
            }
        }
        Ok(())
    }
}
