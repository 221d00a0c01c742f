//! What is known of the shop: what users saw, what metrics, logs and traces kept of it, and who is paged.

use super::shop::{DATABASE, End, Kind, Mark, Request, SERVICES, STEPS, TARGETS};
use super::words::code;
use super::{Ev, GIVEN_IDS, Lines, Logs, Observability, Paging, Point, RANGE, Report, Sampling};
use crate::blocks::burn_rate::{RULES, Seen, Tallies, Tally, look};
use crate::blocks::metrics::{Distinct, Exemplar, Exemplars, Histogram, Range, mean, weighted};
use crate::blocks::tracer::{Kept, Span, Tail, Verdict, head_keeps};
use crate::declare::Tone;
use crate::deque::Deque;
use crate::kernel::{Ctx, Line, Us, mix};
use crate::look::Fate;
use crate::measure::series::{Rate, Recent};

/// The way between a user and the balancer, there and back.
pub const ROUND_TRIP: Us = Us::ms(20);
/// How long a lost request keeps a user who would wait for ever.
const ENDLESS: Us = Us::s(30);
pub(super) const LINE_BYTES: f64 = 400.0;
pub(super) const SPAN_BYTES: f64 = 500.0;
/// Requests that exemplars may have pointed to lately: remembered in all.
const RECORDS_MAX: usize = 64;
const CHANGES_MAX: usize = 64;
/// What the dashboard shows.
pub(super) const QUANTILES: [f64; 3] = [0.5, 0.95, 0.99];
const P99: usize = 2;

/// What became of a trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trace {
    Kept,
    /// Tail sampling has not looked at it yet.
    Undecided,
    Dropped,
}

/// A request that an exemplar points to, as its trace has it.
#[derive(Clone, Copy, Debug)]
pub struct Record {
    pub id: u32,
    pub user: u32,
    pub kind: Kind,
    pub end: End,
    /// When it came to the balancer, and how long the shop had it.
    pub at: Us,
    pub took: Us,
    pub hops: u8,
    pub marks: [Mark; STEPS],
    pub trace: Trace,
    /// What tail sampling will decide, since the simulator knows its rules: kept for this reason, if at all.
    pub verdict: Option<Kept>,
    /// A bit for each station whose log line was kept.
    pub lines: u8,
}

impl Record {
    /// As spans, each service in the one that called it. The wait for a connection is a span of its own; `name` is
    /// the service's number, [`Record::WAIT`] for that wait.
    pub fn spans(&self) -> Vec<Span> {
        let mut spans: Vec<Span> = Vec::new();
        let time = |us: u32| self.at + Us(u64::from(us));
        let answered = self.at + self.took;
        for (i, m) in self.marks[..self.hops as usize].iter().enumerate() {
            let parent = spans.len().checked_sub(1).map_or(Span::NONE, |p| p as u16);
            let service = self.kind.way()[i];
            let begun = m.begin != u32::MAX;
            if service == DATABASE {
                let taken = if begun { time(m.begin) } else { answered };
                let mut wait = Span::new(parent, Record::WAIT, m.station, time(m.enter), taken);
                wait.failed = !begun;
                spans.push(wait);
                if begun {
                    spans.push(Span::new(parent, DATABASE, m.station, taken, answered));
                }
            } else if begun {
                let from = time(if i == 0 { m.begin } else { m.enter });
                let mut span = Span::new(parent, service, m.station, from, answered);
                span.failed = self.end != End::Good;
                spans.push(span);
            }
        }
        spans
    }
    /// The name of the span that waits for a connection.
    pub const WAIT: u8 = SERVICES.len() as u8;
}

/// An instance of `web` as the monitor has it: its counters, what was read of them last, and its own summary.
#[derive(Clone, Debug)]
pub(super) struct Target {
    histogram: Histogram,
    bad: u32,
    scraped: Histogram,
    scraped_bad: u32,
    summary: Recent,
    /// Its own p50, p95, p99 in ms at the last scrape, over so many requests.
    pub said: Option<([f64; 3], u64)>,
}

/// An alert rule at work.
#[derive(Clone, Copy, Debug, Default)]
pub struct Alert {
    pub seen: Seen,
    /// Since the trouble began: when it held for the requests as they were, when it fired, and when it let go.
    pub held: Option<Us>,
    pub fired: Option<Us>,
    pub let_go: Option<Us>,
}

/// The truth, and what is kept of it.
#[derive(Clone, Debug)]
pub(super) struct Telemetry {
    /// From one scrape to the next, in the time of the run.
    pub every: Us,
    pub scrapes: u64,
    // The truth.
    pub truth: Recent,
    pub true_tally: Tally,
    pub true_tallies: Tallies,
    // Metrics.
    pub targets: Vec<Target>,
    pub range: Range,
    pub shown: Exemplars,
    pub exemplars: Exemplars,
    pub tally: Tally,
    pub tallies: Tallies,
    pub reported: [Option<f64>; 3],
    pub merged_99: Option<f64>,
    pub label_sets: Distinct,
    /// Busiest station at each of the last scrapes, for those who page on it.
    busiest: Deque<f64>,
    pub alerts: [Alert; 3],
    /// When a rule began to fire or let go.
    pub changes: Deque<(Us, u8, bool)>,
    // Traces.
    pub tail: Tail,
    pub records: Vec<Record>,
    pub opened: Option<Opened>,
    // Rates of what is stored.
    pub lines: Rate,
    pub traces: Rate,
    // Who has had errors since the trouble began: in truth, in logs, in traces.
    pub affected: [Distinct; 3],
}

/// What the reader wanted to open.
#[derive(Clone, Copy, Debug)]
pub struct Opened {
    pub bucket: u8,
    /// `None`: the bucket has no exemplar.
    pub record: Option<Record>,
}

impl Telemetry {
    pub fn new(s: &super::Settings) -> Telemetry {
        let every = s.scrape;
        // The slot that is being filled, and the eight before it.
        let recent = || Recent::new(every * (RANGE as u64 + 1), RANGE + 1);
        let target = || Target {
            histogram: Histogram::default(),
            bad: 0,
            scraped: Histogram::default(),
            scraped_bad: 0,
            summary: recent(),
            said: None,
        };
        let tallies = || Tallies::new(every, Us(RULES[2].long.0 / s.clock), s.rate);
        Telemetry {
            every,
            scrapes: 0,
            truth: recent(),
            true_tally: Tally::default(),
            true_tallies: tallies(),
            targets: (0..TARGETS).map(|_| target()).collect(),
            range: Range::new(RANGE),
            shown: Exemplars::default(),
            exemplars: Exemplars::default(),
            tally: Tally::default(),
            tallies: tallies(),
            reported: [None; 3],
            merged_99: None,
            label_sets: Distinct::default(),
            busiest: Deque::new(),
            alerts: [Alert::default(); 3],
            changes: Deque::new(),
            tail: Tail::default(),
            records: Vec::new(),
            opened: None,
            lines: Rate::new(Us::s(10)),
            traces: Rate::new(Us::s(10)),
            affected: Default::default(),
        }
    }

    /// (mean, weighted) of what the instances said at the last scrape.
    pub fn of_instances(&self, quantile: usize) -> (Option<f64>, Option<f64>) {
        let each: Vec<(f64, u64)> = self.targets.iter().filter_map(|t| t.said.map(|(q, n)| (q[quantile], n))).collect();
        (mean(&each), weighted(&each))
    }

    /// Requests counted since the counters were read last.
    pub fn unread(&self) -> u64 {
        self.targets.iter().map(|t| t.histogram.increase(&t.scraped).count()).sum()
    }

    pub fn weight(&self) -> usize {
        let target = |t: &Target| size_of::<Target>() + t.histogram.weight() + t.scraped.weight() + t.summary.weight();
        self.truth.weight()
            + self.true_tallies.weight()
            + self.targets.iter().map(target).sum::<usize>()
            + self.range.weight()
            + self.shown.weight()
            + self.exemplars.weight()
            + self.tallies.weight()
            + self.label_sets.weight()
            + self.busiest.len() * 8
            + self.changes.len() * 16
            + self.tail.weight()
            + self.records.len() * size_of::<Record>()
            + self.affected.iter().map(Distinct::weight).sum::<usize>()
    }
}

impl Observability {
    // What users see.

    /// What the way adds to the time in the shop.
    pub(super) fn way_time(&self) -> Us {
        ROUND_TRIP + self.faults.delay
    }

    /// The user will leave at this time unless the answer is at the balancer by then.
    pub(super) fn deadline(&mut self, slot: u32, id: u32, now: Us) {
        if self.s.patience > Us::ZERO {
            let deadline = (now + self.s.patience - self.way_time(), slot, id);
            self.deadlines.push_back(deadline);
        }
    }

    /// Users whose patience is over leave.
    pub(super) fn patience_ends(&mut self, ctx: &mut Ctx<Ev>) {
        while let Some((at, slot, id)) = self.deadlines.front().copied().filter(|d| d.0 < ctx.now) {
            self.deadlines.pop_front();
            let r = self.requests[slot as usize];
            if r.id == id && r.open {
                self.requests[slot as usize].open = false;
                self.counts.left += 1;
                self.samples.end(ctx.now, id, 1, Fate::Left);
                ctx.step(Tone::Rejected, code::LEFT, id, self.s.patience.0 as i64, at.0 as i64);
                ctx.mix(u64::from(id) << 8 | 0xff);
                self.user_sees(id, r.user, r.marks[0].station, self.s.patience, false, ctx);
            }
        }
    }

    /// A request that the network has lost. No server ever hears of it.
    pub(super) fn lost(&mut self, id: u32, user: u32, ctx: &mut Ctx<Ev>) {
        let waits = if self.s.patience > Us::ZERO { self.s.patience } else { ENDLESS };
        self.counts.lost += 1;
        self.samples.end(ctx.now, id, 1, Fate::Lost);
        ctx.step(Tone::Rejected, code::LOST, id, 0, 0);
        ctx.mix(u64::from(id) << 8 | 0xfe);
        // Counted at once, and not only when its user gives up.
        self.user_sees(id, user, 0, waits, false, ctx);
    }

    /// How it was for the user.
    fn user_sees(&mut self, id: u32, user: u32, target: u8, waited: Us, good: bool, ctx: &mut Ctx<Ev>) {
        let t = &mut self.told;
        self.counts.open -= 1;
        t.truth.add(ctx.now, waited);
        t.true_tally.all += 1;
        if good {
            self.counts.good += 1;
            self.answered.add(ctx.now, 1);
        } else {
            t.true_tally.bad += 1;
            t.affected[0].add(u64::from(user));
            ctx.bad();
            self.notice_truth(ctx);
        }
        if self.s.point == Point::Client {
            self.count(id, target, waited, !good, ctx);
        }
    }

    /// Whether a rule holds for the requests as they were: the truth behind the alert.
    fn notice_truth(&mut self, ctx: &mut Ctx<Ev>) {
        for rule in 0..RULES.len() {
            if self.trouble.is_some() && self.told.alerts[rule].held.is_none() {
                let seen = self.judge(rule, ctx.now, true);
                if seen.fires {
                    self.told.alerts[rule].held = Some(ctx.now);
                }
            }
        }
    }

    // What is kept of a request.

    /// A worker of `web` has begun with it: its first span.
    pub(super) fn trace_begins(&mut self, id: u32, ctx: &mut Ctx<Ev>) {
        if self.s.sampling == Sampling::Tail
            && let Some(evicted) = self.told.tail.begin(ctx.now, u64::from(id), &self.s.tail)
        {
            self.verdict(evicted, ctx);
        }
    }

    /// A request has ended in the shop: what its user sees, what is counted, logged and traced.
    pub(super) fn observe(&mut self, r: &Request, end: End, ctx: &mut Ctx<Ev>) {
        let took = ctx.now.since(r.at);
        let good = end == End::Good;
        let target = r.marks[0].station;
        let handled = r.handled().filter(|_| !(end == End::Crashed && r.hops == 1));
        let mut record = Record {
            id: r.id,
            user: r.user,
            kind: r.kind,
            end,
            at: r.at,
            took,
            hops: r.hops,
            marks: r.marks,
            trace: Trace::Dropped,
            verdict: None,
            lines: 0,
        };
        self.write_log(&mut record, ctx);
        if let Some(began) = handled {
            self.trace_ends(&mut record, ctx.now.since(began), ctx);
        }
        match self.s.point {
            Point::Server => {
                if let Some(began) = handled {
                    self.counted(&record, target, ctx.now.since(began), ctx);
                }
            }
            Point::Balancer => self.counted(&record, target, took, ctx),
            Point::Client => self.remember(&record),
        }
        if r.open {
            if !good {
                self.counts.failed += 1;
            }
            self.user_sees(r.id, r.user, target, took + self.way_time(), good, ctx);
        }
    }

    /// Counts a request, with a pointer to its trace.
    fn counted(&mut self, record: &Record, target: u8, value: Us, ctx: &mut Ctx<Ev>) {
        self.remember(record);
        self.count(record.id, target, value, record.end != End::Good, ctx);
    }

    /// Keeps the record of a request that an exemplar may point to.
    fn remember(&mut self, record: &Record) {
        let t = &mut self.told;
        if record.trace == Trace::Dropped {
            return;
        }
        if t.records.len() >= RECORDS_MAX {
            let (a, b) = (&t.exemplars, &t.shown);
            t.records.retain(|r| a.iter().chain(b.iter()).any(|(_, e)| e.trace == r.id));
        }
        if t.records.len() >= RECORDS_MAX {
            t.records.remove(0);
        }
        t.records.push(*record);
    }

    fn count(&mut self, id: u32, target: u8, value: Us, bad: bool, ctx: &mut Ctx<Ev>) {
        self.label(id, bad);
        self.counts.counted += 1;
        let bucket = self.bounds.bucket(value);
        let t = &mut self.told;
        let target = &mut t.targets[usize::from(target) % TARGETS];
        target.histogram.observe(bucket, value);
        target.bad += u32::from(bad);
        target.summary.add(ctx.now, value);
        // Only what may have a trace is worth pointing to.
        if t.records.last().is_some_and(|r| r.id == id) {
            t.exemplars.put(bucket, Exemplar { trace: id, value, at: ctx.now });
        }
    }

    /// The series that this request belongs to.
    fn label(&mut self, id: u32, bad: bool) {
        let s = &self.s;
        let bits = self.chance.labels.at(u64::from(id) + 1);
        let part = |n: u64, shift: u32| (((bits >> shift) & 0xfff) * n) >> 12;
        let usual = (bits >> 48) % 100 < 97;
        let status = match (bad, usual) {
            (true, _) => 1,
            (_, true) => 0,
            _ => part(s.labels[3], 36),
        };
        let user = if s.user_label { 1 + u64::from(self.user_of(id)) } else { 0 };
        let series = part(s.labels[0], 0) | part(s.labels[1], 12) << 8 | part(s.labels[2], 24) << 20 | status << 32;
        self.told.label_sets.add(mix(series) ^ user.rotate_left(40));
    }

    fn write_log(&mut self, record: &mut Record, ctx: &mut Ctx<Ev>) {
        let good = record.end == End::Good;
        let begun = |i: &usize| record.marks[*i].begin != u32::MAX && record.kind.way()[*i] != DATABASE;
        let all = (0..record.hops as usize).filter(begun).fold(0u8, |bits, i| bits | 1 << i);
        record.lines = match self.s.logs {
            Logs::All => all,
            // By another hash than the traces, so that the two do not always keep the same ones.
            Logs::Sampled if good && !head_keeps(u64::from(!record.id), self.s.log_share) => 0,
            Logs::Sampled => all,
            Logs::Errors if good => 0,
            Logs::Errors => 1 << (7 - all.leading_zeros().min(7)) & all,
            Logs::None => 0,
        };
        self.told.lines.add(ctx.now, record.lines.count_ones());
        if !good && record.lines != 0 && self.s.lines != Lines::Text {
            self.told.affected[1].add(u64::from(record.user));
        }
    }

    fn trace_ends(&mut self, record: &mut Record, took: Us, ctx: &mut Ctx<Ev>) {
        let failed = record.end != End::Good;
        let trace = u64::from(record.id);
        record.trace = match self.s.sampling {
            Sampling::All => Trace::Kept,
            Sampling::Head if head_keeps(trace, self.s.share) => Trace::Kept,
            Sampling::Tail if self.told.tail.seen(trace, took, failed) => Trace::Undecided,
            _ => Trace::Dropped,
        };
        if record.trace == Trace::Undecided {
            record.verdict = self.s.tail.judge(trace, took, failed).map(|(why, _)| why);
            ctx.mix(record.verdict.map_or(0, |why| why as u64 + 1));
        }
        if self.s.sampling != Sampling::Tail {
            let kept = record.trace == Trace::Kept;
            if kept {
                self.told.traces.add(ctx.now, 1);
            }
            if failed {
                self.failing_trace(record.user, kept);
            }
        }
    }

    /// The trace of a failed request is decided.
    fn failing_trace(&mut self, user: u32, kept: bool) {
        self.counts.failed_traces += 1;
        if kept {
            self.counts.failed_kept += 1;
            self.told.affected[2].add(u64::from(user));
        }
    }

    /// What the tail sampler's collector has decided.
    fn verdict(&mut self, v: Verdict, ctx: &mut Ctx<Ev>) {
        let id = v.trace as u32;
        self.counts.evicted += u64::from(v.evicted);
        let state = if v.kept.is_some() { Trace::Kept } else { Trace::Dropped };
        let t = &mut self.told;
        let opened = t.opened.iter_mut().filter_map(|o| o.record.as_mut());
        t.records.iter_mut().chain(opened).filter(|r| r.id == id).for_each(|r| r.trace = state);
        if let Some((why, _)) = v.kept {
            t.traces.add(ctx.now, 1);
            ctx.mix(u64::from(id));
            if why == Kept::Failed {
                self.failing_trace(self.user_of(id), true);
            }
        }
    }

    /// Every tenth of a second: decisions of the collector, patience, rules in truth.
    pub(super) fn tick(&mut self, ctx: &mut Ctx<Ev>) {
        self.patience_ends(ctx);
        while let Some(v) = self.told.tail.decide(ctx.now, &self.s.tail) {
            self.verdict(v, ctx);
        }
        ctx.after(super::TICK, Ev::Tick);
    }

    // Requests that are given.

    pub(super) fn give(&mut self, count: u32, us: u32, on: u8, ctx: &mut Ctx<Ev>) {
        self.counts.requests += u64::from(count);
        self.counts.open += u64::from(count);
        ctx.log(Tone::Fault, code::GIVEN, Line::NO_REQUEST, i64::from(count), i64::from(us));
        ctx.after(Us(us.into()), Ev::Given { count, us, on });
    }

    /// They have taken what they were told to take, at every point of measuring.
    pub(super) fn given(&mut self, count: u32, us: u32, on: u8, ctx: &mut Ctx<Ev>) {
        let took = Us(us.into());
        for _ in 0..count {
            let id = GIVEN_IDS + self.given;
            self.given += 1;
            let mark = Mark { station: on, enter: 0, begin: 0, end: us };
            let mut record = Record {
                id,
                user: 0,
                kind: Kind::Given,
                end: End::Good,
                at: ctx.now - took,
                took,
                hops: 1,
                marks: [mark; STEPS],
                trace: Trace::Dropped,
                verdict: None,
                lines: 0,
            };
            self.write_log(&mut record, ctx);
            if self.s.sampling == Sampling::Tail {
                self.trace_begins(id, ctx);
            }
            self.trace_ends(&mut record, took, ctx);
            match self.s.point {
                Point::Client => self.remember(&record),
                _ => self.counted(&record, on, took, ctx),
            }
            self.user_sees(id, 0, on, took, true, ctx);
        }
    }

    // Counters and scrapes.

    /// An instance dies: its counters begin at 0 again, and what was not read yet is gone.
    pub(super) fn forget_counters(&mut self, station: usize) {
        // The balancer and the clients count outside of it.
        if self.s.point != Point::Server {
            return;
        }
        let t = &mut self.told.targets[station];
        self.counts.unread_lost += t.histogram.increase(&t.scraped).count();
        t.histogram.clear();
        t.bad = 0;
        // The monitor learns of it by a counter that has fallen. (Here it always does. One that has outgrown its old
        // value by the next scrape would hide the restart.)
        t.scraped.clear();
        t.scraped_bad = 0;
        t.summary = Recent::new(self.told.every * (RANGE as u64 + 1), RANGE + 1);
    }

    /// New code with other buckets: a new histogram, which begins empty everywhere.
    pub(super) fn new_histogram(&mut self) {
        let t = &mut self.told;
        for target in &mut t.targets {
            self.counts.unread_lost += target.histogram.increase(&target.scraped).count();
            target.histogram.clear();
            target.scraped.clear();
        }
        t.range.clear();
        t.exemplars.clear();
        t.shown.clear();
    }

    /// The monitor reads the counters, and looks at the rules.
    pub(super) fn scrape(&mut self, ctx: &mut Ctx<Ev>) {
        ctx.after(self.told.every, Ev::Scrape);
        self.told.scrapes += 1;
        self.use_of_stations(ctx.now);
        let too_many = self.s.limit > 0 && self.series() > self.s.limit;
        let failed = too_many || ctx.now < self.faults.blind_until;
        if too_many && !self.over_limit {
            ctx.log(Tone::Rejected, code::LIMIT, Line::NO_REQUEST, self.series() as i64, self.s.limit as i64);
        }
        self.over_limit = too_many;
        if failed {
            self.counts.failed_scrapes += 1;
            self.told.range.push(Histogram::default());
            (self.told.reported, self.told.merged_99) = ([None; 3], None);
            self.told.targets.iter_mut().for_each(|t| t.said = None);
        } else {
            self.read_counters(ctx.now);
        }
        let t = &mut self.told;
        t.tallies.push(t.tally);
        t.true_tallies.push(t.true_tally);
        self.notice_truth(ctx);
        for rule in 0..RULES.len() {
            self.evaluate(rule, failed, ctx);
        }
        let p99 = self.told.reported[P99].map_or(0, f64::to_bits);
        let bill = (self.bill(ctx.now).total() * 100.0) as u64;
        ctx.mix(p99 ^ bill.rotate_left(20) ^ self.told.label_sets.count().rotate_left(40));
        ctx.mix(self.told.tail.pending() as u64 ^ (self.budget_spent() * 1e6) as u64);
    }

    fn read_counters(&mut self, now: Us) {
        let t = &mut self.told;
        let mut added = Histogram::default();
        for target in &mut t.targets {
            let more = target.histogram.increase(&target.scraped);
            let bad = target.bad.checked_sub(target.scraped_bad).unwrap_or(target.bad);
            t.tally.all += more.count() as u32;
            t.tally.bad += bad;
            self.counts.read += more.count();
            added.merge(&more);
            target.scraped = target.histogram.clone();
            target.scraped_bad = target.bad;
            let summary = target.summary.hist(now);
            target.said =
                (summary.count() > 0).then(|| (QUANTILES.map(|q| summary.nearest_rank(q).as_ms()), summary.count()));
        }
        t.range.push(added);
        t.shown = t.exemplars.clone();
        let total = t.range.total();
        let merged = QUANTILES.map(|q| total.quantile(&self.bounds, q).map(|us| us / 1e3));
        t.merged_99 = merged[P99];
        for (i, merged) in merged.into_iter().enumerate() {
            let (mean, weighted) = t.of_instances(i);
            t.reported[i] = match self.s.report {
                Report::Merged => merged,
                Report::Average => mean,
                Report::Weighted => weighted,
            };
        }
    }

    /// How busy each station was since the last scrape.
    fn use_of_stations(&mut self, now: Us) {
        let mut busiest = 0.0f64;
        for st in &mut self.stations {
            let worked = st.workers.worked(now);
            let could = self.told.every.0 * st.workers.count() as u64;
            st.busy = (worked - st.worked) as f64 / could as f64;
            st.worked = worked;
            busiest = busiest.max(st.busy);
        }
        let five_minutes = (300_000_000 / self.s.clock / self.told.every.0).max(1) as usize;
        let list = &mut self.told.busiest;
        list.push_back(busiest);
        while list.len() > five_minutes {
            list.pop_front();
        }
    }

    /// What rule `rule` sees: of the requests as they were, or of those that were counted.
    fn judge(&self, rule: usize, now: Us, truth: bool) -> Seen {
        let t = &self.told;
        let (tallies, tally) = if truth { (&t.true_tallies, t.true_tally) } else { (&t.tallies, t.tally) };
        let s = &self.s;
        if s.paging == Paging::Burn {
            return look(&RULES[rule], tallies, now, tally, s.budget, s.short, s.clock);
        }
        let level = match s.paging {
            _ if rule > 0 => 0.0,
            Paging::Cpu => t.busiest.iter().sum::<f64>() / t.busiest.len().max(1) as f64 / 0.8,
            _ => tallies.share(now, tally, Us(RULES[0].short.0 / s.clock)).unwrap_or(0.0) / 0.01,
        };
        Seen { long: level, short: level, fires: level > 1.0 }
    }

    fn evaluate(&mut self, rule: usize, blind: bool, ctx: &mut Ctx<Ev>) {
        let mut seen = self.judge(rule, ctx.now, false);
        // Without data there is nothing to fire on.
        seen.fires &= !blind;
        let alert = &mut self.told.alerts[rule];
        let before = core::mem::replace(&mut alert.seen, seen);
        if before.fires == seen.fires {
            return;
        }
        let pages = self.s.paging != Paging::Burn || RULES[rule].pages;
        if seen.fires && alert.fired.is_none() {
            alert.fired = Some(ctx.now);
        }
        alert.let_go = (!seen.fires).then_some(ctx.now);
        let tone = match (seen.fires, pages) {
            (true, true) => Tone::Rejected,
            (true, false) => Tone::Waiting,
            _ => Tone::Ok,
        };
        let what = if seen.fires { code::FIRES } else { code::LETS_GO };
        let after = self.trouble.map_or(0, |t| ctx.now.since(t).0 * self.s.clock);
        ctx.log(tone, what, Line::NO_REQUEST, rule as i64 | (self.s.paging as i64) << 4, after as i64);
        ctx.mix((rule as u64) << 1 | u64::from(seen.fires));
        let changes = &mut self.told.changes;
        if changes.len() == CHANGES_MAX {
            changes.pop_front();
        }
        changes.push_back((ctx.now, rule as u8, seen.fires));
    }

    /// Something is broken from now on: what follows is measured from here.
    pub(super) fn trouble_begins(&mut self, now: Us) {
        if self.trouble.is_some() && self.mended.is_none() {
            return;
        }
        (self.trouble, self.mended) = (Some(now), None);
        self.told.affected = Default::default();
        for alert in &mut self.told.alerts {
            (alert.held, alert.fired, alert.let_go) = (None, alert.seen.fires.then_some(now), None);
        }
    }

    // What the reader asks.

    /// Opens the trace of a bucket's exemplar; 0 is the slowest bucket that has one.
    pub(super) fn open(&mut self, bucket: usize, ctx: &mut Ctx<Ev>) {
        let t = &self.told;
        let found = match bucket.checked_sub(1) {
            Some(b) => t.shown.get(b).map(|e| (b, e)),
            None => t.shown.iter().next_back(),
        };
        let record = found.and_then(|(_, e)| t.records.iter().rev().find(|r| r.id == e.trace)).copied();
        let bucket = found.map_or(bucket, |(b, _)| b + 1);
        let (id, state) = record.map_or((Line::NO_REQUEST, 3), |r| (r.id, r.trace as i64));
        ctx.mix(u64::from(id));
        ctx.log(Tone::Info, code::OPENED, Line::NO_REQUEST, i64::from(id), state);
        self.told.opened = Some(Opened { bucket: bucket as u8, record });
    }

    /// Log lines that the open trace's id leads to.
    pub fn lines_found(&self) -> u32 {
        let record = self.told.opened.and_then(|o| o.record);
        record.filter(|_| self.s.lines == Lines::Ids).map_or(0, |r| r.lines.count_ones())
    }
}
