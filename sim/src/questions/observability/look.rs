//! What can be seen of a run: numbers, measures, laws, and what the picture is drawn from.

use super::shop::{SERVICES, STATIONS, TARGETS};
use super::telemetry::{Alert, LINE_BYTES, Opened, Record, SPAN_BYTES, Trace};
use super::{Faults, Lines, Logs, Observability, Paging, Point, Report, Sampling, TEST_LASTS, Way, measure, number};
use crate::blocks::burn_rate::RULES;
use crate::blocks::load_tester::Tester;
use crate::blocks::metrics::{Bill, Bounds, Histogram, label_sets};
use crate::kernel::Us;
use crate::look::{Sample, ms, percent};
use crate::measure::conserve::balance;

/// An exemplar as the picture shows it, beside its bucket.
#[derive(Clone, Copy, Debug)]
pub struct ExemplarView {
    pub bucket: usize,
    pub id: u32,
    pub value: Us,
    pub at: Us,
    /// Whether its trace can be opened; `None`: nobody remembers it.
    pub trace: Option<Trace>,
}

/// A service with the three questions of USE.
#[derive(Clone, Copy, Debug)]
pub struct Use {
    pub name: &'static str,
    /// Share of its workers' time before the last scrape, of the busiest instance.
    pub utilisation: f64,
    /// How many wait for a worker now.
    pub saturation: usize,
    /// What it could not serve since the run began.
    pub errors: u32,
    /// Instances up, and how many there are.
    pub up: (usize, usize),
}

impl Observability {
    // For the picture.

    pub fn samples(&self) -> impl Iterator<Item = &Sample<Way>> + '_ {
        self.samples.iter()
    }
    pub fn drawn_one_in(&self) -> u32 {
        self.samples.one_in()
    }
    pub fn bounds(&self) -> &Bounds {
        &self.bounds
    }
    /// The summed histogram of the last scrapes.
    pub fn histogram(&self) -> Histogram {
        self.told.range.total()
    }
    /// p50, p95, p99 on the dashboard, in ms.
    pub fn reported(&self) -> [Option<f64>; 3] {
        self.told.reported
    }
    pub fn exemplars(&self) -> impl DoubleEndedIterator<Item = ExemplarView> + '_ {
        self.told.shown.iter().map(|(bucket, e)| {
            let record = self.told.records.iter().rev().find(|r| r.id == e.trace);
            ExemplarView { bucket, id: e.trace, value: e.value, at: e.at, trace: record.map(|r| r.trace) }
        })
    }
    pub fn opened(&self) -> Option<&Opened> {
        self.told.opened.as_ref()
    }
    pub fn alerts(&self) -> &[Alert; 3] {
        &self.told.alerts
    }
    /// When rules began to fire (true) or let go.
    pub fn changes(&self) -> impl DoubleEndedIterator<Item = &(Us, u8, bool)> {
        self.told.changes.iter()
    }
    pub fn paging(&self) -> Paging {
        self.s.paging
    }
    pub fn clock(&self) -> u64 {
        self.s.clock
    }
    pub fn scrape_every(&self) -> Us {
        self.told.every
    }
    /// When what is or was broken was broken, and mended.
    pub fn trouble(&self) -> Option<(Us, Option<Us>)> {
        self.trouble.map(|t| (t, self.mended))
    }
    pub fn faults(&self) -> &Faults {
        &self.faults
    }
    pub fn is_blind(&self, now: Us) -> bool {
        now < self.faults.blind_until || self.over_limit
    }
    pub fn report(&self) -> Report {
        self.s.report
    }
    pub fn point(&self) -> Point {
        self.s.point
    }
    pub fn sampling(&self) -> Sampling {
        self.s.sampling
    }
    pub fn logs(&self) -> (Logs, Lines) {
        (self.s.logs, self.s.lines)
    }
    pub fn tester(&self) -> Option<&Tester> {
        self.tester.as_ref()
    }
    /// What each instance of `web` says its p99 is, in ms.
    pub fn instances(&self) -> [Option<f64>; TARGETS] {
        core::array::from_fn(|i| self.told.targets[i].said.map(|(q, _)| q[2]))
    }
    pub fn services(&self) -> impl Iterator<Item = Use> + '_ {
        SERVICES.iter().map(|s| {
            let all = &self.stations[s.first as usize..(s.first + s.count) as usize];
            Use {
                name: s.name,
                utilisation: all.iter().map(|st| st.busy).fold(0.0, f64::max),
                saturation: all.iter().map(|st| st.line.len()).sum(),
                errors: all.iter().map(|st| st.errors).sum(),
                up: (all.iter().filter(|st| st.up).count(), all.len()),
            }
        })
    }
    /// What the way adds to the time in the shop.
    pub fn on_the_way(&self) -> Us {
        self.way_time()
    }
    pub fn lines_per_s(&self, now: Us) -> f64 {
        self.told.lines.per_s(now)
    }
    pub fn answer(&self) -> Option<(Us, [u64; 3])> {
        self.answer
    }
    pub fn wait(&self) -> Us {
        self.s.tail.wait
    }

    // What it costs.

    pub fn series(&self) -> u64 {
        self.told.label_sets.count() * self.bounds.series()
    }

    fn possible_sets(&self) -> u64 {
        let users = if self.s.user_label { self.s.users } else { 1 };
        label_sets(&self.s.labels).saturating_mul(users)
    }

    /// (log bytes, span bytes) a second.
    fn stored(&self, now: Us) -> (f64, f64) {
        (self.told.lines.per_s(now) * LINE_BYTES, self.told.traces.per_s(now) * self.s.spans * SPAN_BYTES)
    }

    pub fn bill(&self, now: Us) -> Bill {
        let (logs, spans) = self.stored(now);
        Bill::new(self.s.prices, self.series() as f64, logs, spans)
    }

    /// Bytes of spans that wait for a decision.
    pub fn buffer(&self) -> f64 {
        self.told.tail.pending() as f64 * self.s.spans * SPAN_BYTES
    }

    /// Failed requests that 30 days allow, at the rate of the beginning.
    fn allowed(&self) -> f64 {
        self.s.budget * self.told.tallies.past_rate() * 30.0 * 86_400.0 / self.s.clock as f64
    }

    /// The share of the error budget that is gone, as counted.
    pub fn budget_spent(&self) -> f64 {
        let allowed = self.allowed();
        if allowed > 0.0 { f64::from(self.told.tally.bad) / allowed } else { 0.0 }
    }

    /// From the trouble to the first page, on the telemetry clock.
    pub fn paged_after(&self) -> Option<Us> {
        let pages = |(i, _): &(usize, &Alert)| match self.s.paging {
            Paging::Burn => RULES[*i].pages,
            _ => *i == 0,
        };
        let fired = self.told.alerts.iter().enumerate().filter(pages).filter_map(|(_, a)| a.fired).min()?;
        Some(self.in_rule_time(fired.since(self.trouble?)))
    }

    /// A span of the run, as long as it is on the telemetry clock.
    pub fn in_rule_time(&self, span: Us) -> Us {
        span * self.s.clock
    }

    // Numbers and measures.

    pub(super) fn read_number(&self, which: usize, now: Us) -> Option<f64> {
        let t = &self.told;
        let share = |of: &crate::blocks::burn_rate::Tallies, tally| {
            of.share(now, tally, t.every * super::RANGE as u64).map(|s| s * 100.0)
        };
        match which {
            number::REPORTED_50 => t.reported[0],
            number::REPORTED_95 => t.reported[1],
            number::REPORTED_99 => t.reported[2],
            number::TRUE_50 => ms(t.truth.quantile(now, 0.5)),
            number::TRUE_95 => ms(t.truth.quantile(now, 0.95)),
            number::TRUE_99 => ms(t.truth.quantile(now, 0.99)),
            number::DELAY => self.paged_after().map(|d| d.as_s() / 60.0),
            number::BUDGET => Some(self.budget_spent() * 100.0),
            number::SERIES => Some(self.series() as f64),
            number::COST => Some(self.bill(now).total()),
            number::REPORTED_BAD => share(&t.tallies, t.tally),
            number::TRUE_BAD => share(&t.true_tallies, t.true_tally),
            number::BURN_LONG => Some(t.alerts[0].seen.long),
            number::BURN_SHORT => Some(t.alerts[0].seen.short),
            number::ANSWERED => Some(self.answered.per_s(now)),
            number::KEPT => Some(t.traces.per_s(now)),
            number::BUFFER => Some(self.buffer() / 1e6),
            number::STORED => {
                let (logs, spans) = self.stored(now);
                Some((logs + spans) * 86_400.0 / 1e9)
            }
            number::DB_BUSY => Some(self.stations[STATIONS - 1].busy * 100.0),
            number::DB_WAITING => Some(self.stations[STATIONS - 1].line.len() as f64),
            _ => None,
        }
    }

    pub(super) fn read_measure(&self, which: usize, args: &[f64], now: Us) -> Option<f64> {
        let (t, c) = (&self.told, &self.counts);
        let alert = || t.alerts.get((*args.first()? as usize).checked_sub(1)?);
        let minutes = |from: Option<Us>, at: Option<Us>| Some(self.in_rule_time(at?.since(from?)).as_s() / 60.0);
        let yes = |b: bool| f64::from(u8::from(b));
        Some(match which {
            measure::MEAN_99 => t.of_instances(2).0?,
            measure::WEIGHTED_99 => t.of_instances(2).1?,
            measure::MERGED_99 => t.merged_99?,
            measure::HELD => minutes(self.trouble, alert()?.held)?,
            measure::PAGED => minutes(self.trouble, alert()?.fired)?,
            measure::FIRED => yes(alert()?.fired.is_some()),
            measure::FIRING => yes(alert()?.seen.fires),
            measure::LET_GO => minutes(self.mended, alert()?.let_go)?,
            measure::TEST_99 => ms(self.tester.as_ref()?.measured().quantile(0.99))?,
            measure::TEST_CORRECTED => ms(self.tester.as_ref()?.corrected().quantile(0.99))?,
            measure::TEST_SENT => f64::from(self.tester.as_ref()?.count()),
            measure::TEST_OMITTED => self.tester.as_ref()?.omitted(Us::ZERO, now.min(TEST_LASTS)) as f64,
            measure::LABEL_SETS => self.possible_sets() as f64,
            measure::POSSIBLE => self.possible_sets().saturating_mul(self.bounds.series()) as f64,
            measure::SEEN => t.label_sets.count() as f64,
            measure::BUFFERED => t.tail.pending() as f64,
            measure::EVICTED => c.evicted as f64,
            measure::FAILED_KEPT => percent(c.failed_kept as f64, c.failed_traces as f64)?,
            measure::AFFECTED => t.affected[0].count() as f64,
            measure::IN_LOGS => t.affected[1].count() as f64,
            measure::IN_TRACES => t.affected[2].count() as f64,
            measure::LINES_FOUND => f64::from(self.lines_found()),
            measure::SPENT_TRUE => percent(f64::from(t.true_tally.bad), self.allowed())?,
            measure::LOST_COUNTS => c.unread_lost as f64,
            measure::FAILED_SCRAPES => c.failed_scrapes as f64,
            _ => return None,
        })
    }

    pub(super) fn totals(&self) -> Vec<(&'static str, u64)> {
        let c = &self.counts;
        vec![
            ("requests", c.requests),
            ("open", c.open),
            ("good", c.good),
            ("failed", c.failed),
            ("left", c.left),
            ("lost", c.lost),
            ("crashes", c.crashes),
            ("counted", c.counted),
            ("read", c.read),
            ("unread", self.told.unread()),
            ("unread_lost", c.unread_lost),
            ("scrapes", self.told.scrapes),
            ("failed_scrapes", c.failed_scrapes),
            ("inside", self.requests.used() as u64),
        ]
    }

    /// Laws that hold after every event.
    pub(super) fn laws(&self) -> Result<(), String> {
        let (c, t) = (&self.counts, &self.told);
        let parts = [("good", c.good), ("failed", c.failed), ("left", c.left), ("lost", c.lost), ("open", c.open)];
        balance("requests", c.requests, &parts)?;
        let bad = c.failed + c.left + c.lost;
        balance("requests in truth", u64::from(t.true_tally.all), &[("good", c.good), ("bad", bad)])?;
        balance("bad ones in truth", u64::from(t.true_tally.bad), &[("failed, left or lost", bad)])?;
        let parts = [("read", c.read), ("not read yet", t.unread()), ("gone with their counter", c.unread_lost)];
        balance("counted", c.counted, &parts)?;
        balance("in the monitor's tally", u64::from(t.tally.all), &[("read", c.read)])?;
        let held: usize = self.stations.iter().map(|s| s.line.len() + s.workers.busy()).sum();
        balance("requests in the shop", self.requests.used() as u64, &[("waiting or at work", held as u64)])?;
        // The estimate lies in the bucket of the true rank; of all those in range, when nothing was lost on the way.
        let histogram = self.histogram();
        if let Some(p99) = histogram.quantile(&self.bounds, 0.99) {
            let last = self.bounds.all().last().map_or(0.0, |b| b.0 as f64);
            if !(0.0..=last).contains(&p99) {
                return Err(format!("a p99 of {} µs, and the last bound is {} µs", p99 as u64, last as u64));
            }
        }
        for a in &t.alerts {
            if self.s.paging == Paging::Burn && a.seen.fires && self.s.short && a.seen.short <= 1.0 {
                return Err("a rule fires although its short window is within the budget".into());
            }
        }
        t.opened.and_then(|o| o.record).as_ref().map_or(Ok(()), whole)
    }
}

/// A trace that was kept has all its spans, one inside the other.
fn whole(r: &Record) -> Result<(), String> {
    let spans = r.spans();
    for s in &spans {
        if let Some(p) = spans.get(usize::from(s.parent))
            && (s.start < p.start || s.end > p.end)
        {
            return Err(format!("trace {:08x}: a span lies outside of its parent", r.id));
        }
    }
    Ok(())
}
