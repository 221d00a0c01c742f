//! What can be seen of a run: numbers, measures, laws, and what the picture is drawn from.

use super::{Down, MODULES_MAX, Product, Trip, WINDOW_DAYS, YEAR, measure, meter, number};
use crate::blocks::delivery::{RunSeen, pairs};
use crate::kernel::Us;
use crate::look::{Sample, ms, percent};
use crate::measure::conserve::balance;

/// What the first modules are called; the others have numbers.
const NAMES: [&str; 10] =
    ["Web", "Catalog", "Search", "Cart", "Pricing", "Orders", "Payment", "Stock", "Shipping", "Mail"];

pub fn module_name(module: u8) -> String {
    NAMES.get(usize::from(module)).map_or_else(|| format!("M{}", module + 1), |name| (*name).into())
}

/// What a request's time went into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SegmentKind {
    Work,
    /// For a worker.
    Wait,
    Network,
}

/// A stretch of one request's time.
#[derive(Clone, Copy, Debug)]
pub struct Segment {
    pub kind: SegmentKind,
    pub module: u8,
    pub from: Us,
    pub to: Us,
}

#[derive(Clone, Copy, Debug)]
pub struct ModuleView {
    pub module: u8,
    pub team: usize,
    pub slow: bool,
    pub hot: bool,
    pub leaking: bool,
    pub picked: bool,
    pub optional: bool,
}

#[derive(Clone, Copy, Debug)]
pub struct DeployableView {
    pub lane: u8,
    pub modules: usize,
    pub down: Down,
    pub replicas: u32,
    /// In cores, asked for in the last hours.
    pub asked: f64,
    pub memory: f64,
    /// How full a leaking process is, from 0 to 1.
    pub leaked: Option<f64>,
    /// Changes in line, and in the batch that is being run.
    pub waiting: usize,
    pub in_batch: usize,
    /// Since when a run goes on; until when the pipeline is red.
    pub running: Option<Us>,
    pub red_until: Option<Us>,
}

impl Product {
    /// Deployables with modules in them, in the order of their first modules.
    pub fn deployables(&self, now: Us) -> Vec<DeployableView> {
        let mut seen = 0u64;
        let mut views = Vec::new();
        for module in 0..self.s.modules as u8 {
            let lane = self.home(module);
            if seen & (1 << lane) != 0 {
                continue;
            }
            seen |= 1 << lane;
            let (d, at) = (&self.lanes[usize::from(lane)], usize::from(lane));
            let leak = self.leak.filter(|l| self.home(l.module) == lane);
            views.push(DeployableView {
                lane,
                modules: self.inside(lane).count(),
                down: if d.down_until > now { d.down } else { Down::Not },
                replicas: d.replicas,
                asked: self.asked(lane),
                memory: self.memory_of(lane),
                leaked: leak.map(|l| (now.since(l.since).0 as f64 / l.every.0.max(1) as f64).min(1.0)),
                waiting: self.delivery.waiting(at),
                in_batch: self.delivery.in_batch(at),
                running: self.delivery.running(at).map(|(since, _)| since),
                red_until: self.delivery.red_until(at, now),
            });
        }
        views
    }
    /// The modules of a deployable.
    pub fn modules_of(&self, lane: u8) -> impl Iterator<Item = ModuleView> + '_ {
        self.inside(lane).map(|module| {
            let m = &self.modules[usize::from(module)];
            ModuleView {
                module,
                team: self.s.owner(module),
                slow: m.slow > 1.0,
                hot: m.hot > 1.0,
                leaking: self.leak.is_some_and(|l| l.module == module),
                picked: self.s.pick.min(self.s.modules as u8 - 1) == module,
                optional: module > 0 && self.s.is_optional(module),
            }
        })
    }
    pub fn modules(&self) -> usize {
        self.s.modules
    }
    pub fn teams(&self) -> usize {
        self.s.teams
    }
    pub fn runs(&self) -> impl DoubleEndedIterator<Item = &RunSeen> + '_ {
        self.delivery.runs()
    }
    pub fn talking(&self) -> u64 {
        self.delivery.talking()
    }
    /// The last request that was recorded: its number and its stretches of time.
    pub fn recorded(&self) -> (u32, &[Segment]) {
        (self.recording.shown_id, &self.recording.shown)
    }
    pub fn samples(&self) -> impl Iterator<Item = &Sample<Trip>> + '_ {
        self.samples.iter()
    }
    pub fn drawn_one_in(&self) -> u32 {
        self.samples.one_in()
    }
    /// The module at a place of a drawn page's path.
    pub fn module_on(&self, trip: &Trip, place: u8) -> u8 {
        self.nth(trip.from, place)
    }
    /// The working day and hour, both from 0, and how many hours a day has.
    pub fn calendar(&self, now: Us) -> (u64, f64, f64) {
        let hours = self.s.as_hours(now);
        let day = (hours / self.s.workday + 1e-9) as u64;
        (day, hours - day as f64 * self.s.workday, self.s.workday)
    }
    pub fn day(&self) -> Us {
        self.s.day()
    }
    pub fn hour_span(&self) -> Us {
        self.s.hour
    }
    /// How many times as fast as the requests the calendar runs.
    pub fn pace(&self) -> f64 {
        3_600e6 / self.s.hour.0 as f64
    }
    /// In $ a month: machines, upkeep, talk.
    pub fn costs(&self, now: Us) -> [f64; 3] {
        self.cost(now)
    }
    pub fn is_wrong(&self) -> bool {
        self.far
    }
    pub fn is_mud(&self) -> bool {
        self.s.layout == super::Layout::Mud
    }

    /// The share of time that all deployables are up that a page cannot do without, if they fail independently.
    pub fn on_paper(&self) -> f64 {
        let starts = if self.s.calls == self.s.modules { 1 } else { self.s.modules - 1 };
        let mut sum = 0.0;
        for from in 1..=starts as u8 {
            let mut seen = 0u64;
            for place in 0..self.s.calls as u8 {
                let module = self.nth(from, place);
                if place == 0 || !self.s.is_optional(module) {
                    seen |= 1 << self.home(module);
                }
            }
            sum += (0..seen.count_ones()).fold(1.0, |all, _| all * self.s.availability);
        }
        sum / starts as f64
    }

    fn window(&self, which: usize, now: Us) -> f64 {
        self.meters.count(which, now) as f64
    }
    /// So many in the calendar's window, as a number of a day.
    fn a_day(&self, which: usize, now: Us) -> Option<f64> {
        let window = (self.s.day() * WINDOW_DAYS).min(now);
        let days = self.s.as_hours(window) / self.s.workday;
        (days >= 0.25).then(|| self.window(which, now) / days)
    }
    fn failed(&self, now: Us) -> Option<f64> {
        let all = self.window(meter::ARRIVED, now);
        percent(all - self.window(meter::GOOD, now), all)
    }

    pub(super) fn read_number(&self, which: usize, now: Us) -> Option<f64> {
        let mean = |sum: usize, each: usize| {
            let n = self.window(each, now);
            (n > 0.0).then(|| self.window(sum, now) / n)
        };
        match which {
            number::P99 => ms(self.latency.quantile(now, 0.99)),
            number::P50 => ms(self.latency.quantile(now, 0.5)),
            number::DOWNTIME => self.failed(now).map(|f| f / 100.0 * YEAR),
            number::AVAILABILITY => self.failed(now).map(|f| 100.0 - f),
            number::LEAD => mean(meter::LEAD, meter::RELEASED).map(|m| m / 60.0),
            number::RELEASES => self.a_day(meter::DEPLOYED, now),
            number::TWO_TEAMS => percent(self.window(meter::TWO, now), self.window(meter::MERGED, now)),
            number::COST => Some(self.cost(now).iter().sum()),
            number::NETWORK => mean(meter::NETWORK, meter::GOOD).map(|us| us * 16.0 / 1_000.0),
            number::PAPER => Some(self.on_paper() * 100.0),
            number::DEGRADED => percent(self.window(meter::GAPS, now), self.window(meter::ARRIVED, now)),
            number::HALF => Some(self.counts.half as f64),
            number::WAITING => Some(self.delivery.under_way() as f64),
            number::BUSY => {
                let all = now.0 as f64 * self.alive().count() as f64;
                percent(self.delivery.busy(now).0 as f64, all)
            }
            number::COUPLED => Some(self.coupled() * 100.0),
            number::DEPLOYABLES => Some(self.alive().count() as f64),
            number::REPLICAS => Some(f64::from(self.replicas())),
            number::MEMORY => Some(self.memory()),
            number::PEOPLE => Some(self.alive().count() as f64 * self.s.on_call + self.talk_hours(now)),
            number::PAIRS => {
                let within: u64 = (0..self.s.teams).map(|t| pairs(self.s.team_size(t))).sum();
                Some((within + pairs(self.s.teams as u64)) as f64)
            }
            _ => None,
        }
    }

    pub(super) fn read_measure(&self, which: usize, args: &[f64], now: Us) -> Option<f64> {
        let s = &self.seconds;
        let days = || {
            let seconds = s.between(args)?.len() as f64;
            Some(seconds / self.s.day().as_s())
        };
        let ended = |s: &super::Second| f64::from(s.released + s.back);
        let c = self.delivery.counts();
        match which {
            measure::DOWNTIME_IN => {
                let good = s.share(args, |s| s.good.into(), |s| s.arrived.into())?;
                Some((1.0 - good / 100.0) * YEAR)
            }
            measure::ANSWERED_IN => s.share(args, |s| s.good.into(), |s| s.arrived.into()),
            measure::DEGRADED_IN => s.share(args, |s| s.gaps.into(), |s| s.arrived.into()),
            measure::PAPER_HOURS => Some((1.0 - self.on_paper()) * YEAR),
            measure::MEAN_MS => s.mean(args, |s| s.ms.into(), |s| s.good.into()),
            measure::NETWORK_MS => s.mean(args, |s| s.network_ms.into(), |s| s.good.into()),
            measure::SLOW_HOPS => s.share(args, |s| s.slow_hops.into(), |s| s.good.into()),
            measure::HALF_IN => s.sum(args, |s| s.half.into()),
            measure::LEAD_IN => s.mean(args, |s| s.lead_h.into(), |s| s.released.into()),
            measure::WAIT_IN => s.mean(args, |s| s.waited_min.into(), ended),
            measure::RELEASED_IN => Some(s.sum(args, |s| s.released.into())? / days()?),
            measure::MERGED_IN => Some(s.sum(args, |s| s.merged.into())? / days()?),
            measure::TWO_IN => s.share(args, |s| s.two.into(), |s| s.merged.into()),
            measure::TAKEN_BACK => s.share(args, |s| s.back.into(), ended),
            measure::GREEN => percent(c.green as f64, c.batches as f64),
            measure::RUNS => (c.batches > 0).then(|| c.runs as f64 / c.batches as f64),
            measure::WAITING_MAX => Some(self.counts.waiting_max as f64),
            measure::DOWN_MAX => Some(self.counts.down_max as f64),
            measure::MEMORY_MAX => Some(self.counts.memory_max),
            measure::MACHINES => Some(self.cost(now)[0]),
            _ => None,
        }
    }

    pub(super) fn totals(&self) -> Vec<(&'static str, u64)> {
        let (c, d) = (&self.counts, self.delivery.counts());
        vec![
            ("pages", c.pages),
            ("good", c.good),
            ("with_gaps", c.gaps),
            ("failed_down", c.down),
            ("failed_full", c.refused),
            ("failed_late", c.late),
            ("open", c.open),
            ("half_done", c.half),
            ("hot_calls", c.hot_calls),
            ("hot_done", c.hot_done),
            ("hot_lost", c.hot_lost),
            ("changes", c.changes),
            ("two_teams", c.two),
            ("merged", d.merged),
            ("released", d.released),
            ("reverted", d.reverted),
            ("rolled_back", d.rolled_back),
            ("under_way", self.delivery.under_way()),
            ("turned_away", d.turned_away),
            ("batches", d.batches),
            ("runs", d.runs),
            ("outages", c.outages),
            ("out_of_memory", c.out_of_memory),
            ("moves", c.moves),
            ("hours", c.hours),
            ("billed", c.billed),
        ]
    }

    pub(super) fn laws(&self, now: Us) -> Result<(), String> {
        let (c, d) = (&self.counts, self.delivery.counts());
        let pages = [("good", c.good), ("down", c.down), ("refused", c.refused), ("late", c.late), ("open", c.open)];
        balance("pages", c.pages, &pages)?;
        let hot = [("done", c.hot_done), ("lost", c.hot_lost), ("open", c.hot_open)];
        balance("calls to the hot module", c.hot_calls, &hot)?;
        balance("changes", c.changes, &[("merged", d.merged), ("turned away", d.turned_away)])?;
        self.delivery.invariants()?;
        let bill = [("machines", c.bill[0]), ("upkeep", c.bill[1]), ("talk", c.bill[2])];
        balance("the bill", c.billed, &bill)?;
        if c.off > 0 {
            return Err(format!("{} pages took another time than the sum of their parts", c.off));
        }
        if c.gaps > c.good {
            return Err(format!("{} pages with gaps of {} good ones", c.gaps, c.good));
        }
        // Whoever is in a line waits for a worker.
        let idle = self.lanes.iter().position(|l| l.busy < l.replicas && !l.line.is_empty());
        if let Some(lane) = idle {
            return Err(format!("at {now} somebody waits in deployable {lane} beside an idle worker"));
        }
        if self.alive().count() > MODULES_MAX
            || (0..self.s.modules as u8).any(|m| usize::from(self.home(m)) >= self.lanes.len())
        {
            return Err("a module is in a deployable that does not exist".into());
        }
        Ok(())
    }
}
