//! What can be seen of a run: numbers, measures, and what the picture is drawn from.

use super::{METRIC_WINDOW, Spike, measure, number};
use crate::blocks::breaker;
use crate::kernel::Us;
use crate::look::{Sample, ms, percent};
use crate::measure::series::Rate;

/// Where a pod is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    Booting,
    Ready,
    /// Finishes what it holds and gets nothing new.
    Stopping,
    /// Dead, and the balancer has not noticed yet.
    Dead,
    /// An empty slot.
    Gone,
}

impl Stage {
    pub fn serves(self) -> bool {
        matches!(self, Stage::Ready | Stage::Stopping)
    }
    pub fn costs(self) -> bool {
        matches!(self, Stage::Ready | Stage::Stopping | Stage::Booting)
    }
}

/// A pod as the picture shows it.
#[derive(Clone, Copy, Debug)]
pub struct PodView {
    pub slot: u8,
    pub stage: Stage,
    /// When it came into this stage.
    pub since: Us,
    pub in_rotation: bool,
    pub slow: bool,
    pub busy: usize,
    pub workers: usize,
    pub waiting: usize,
}

impl Spike {
    /// The head of the oldest queue has waited this long.
    pub fn oldest(&self, now: Us) -> Option<Us> {
        let heads = self.pods.iter().filter_map(|p| p.line.oldest());
        heads.map(|job| now.since(job.at())).max()
    }
    /// Requests that wait, and how many fit in the queues of the pods that are ready.
    pub fn queue(&self) -> (u64, u64) {
        (self.counts.queued, u64::from(self.count(Stage::Ready)) * u64::from(self.s.rules.bound))
    }
    /// Whether nothing but memory bounds the queues.
    pub fn unbounded(&self) -> bool {
        self.s.bound == 0
    }
    /// Attempts a second that leave the pods with an answer, in time or not; what they could do
    /// while nobody waits.
    fn drain(&self, now: Us) -> f64 {
        let answers = self.rates.good.per_s(now) + self.rates.wasted.per_s(now);
        if self.counts.queued > 0 { answers } else { self.capacity() }
    }
    /// Seconds until the queues are full at the present rates.
    pub fn time_to_fill(&self, now: Us) -> Option<f64> {
        let (waiting, room) = self.queue();
        if room > 0 && waiting >= room {
            return Some(0.0);
        }
        let net = self.rates.attempts.per_s(now) - self.drain(now);
        (net > 0.0).then(|| room.saturating_sub(waiting) as f64 / net)
    }
    pub fn patience(&self) -> Us {
        self.s.patience
    }
    /// How long it takes to serve all who wait, at the pace of the last second.
    pub fn queue_work_s(&self, now: Us) -> Option<f64> {
        let drain = self.drain(now);
        (drain > 0.0).then(|| self.counts.queued as f64 / drain)
    }
    pub fn ready_after(&self) -> Us {
        self.s.ready
    }
    pub fn autoscales(&self) -> bool {
        self.s.autoscale
    }
    pub fn sheds(&self) -> bool {
        self.s.shed
    }
    pub fn is_spiking(&self) -> bool {
        self.spiking
    }
    pub fn outage_until(&self, now: Us) -> Option<Us> {
        self.is_stalled(now).then_some(self.stalled.1)
    }
    pub fn is_blind(&self, now: Us) -> bool {
        now < self.blind_until
    }
    pub fn pods(&self) -> impl Iterator<Item = PodView> + '_ {
        let present = self.pods.iter().enumerate().filter(|(_, p)| p.stage != Stage::Gone);
        present.map(|(slot, p)| PodView {
            slot: slot as u8,
            stage: p.stage,
            since: p.since,
            in_rotation: p.in_rotation,
            slow: p.slow,
            busy: p.workers.busy(),
            workers: p.workers.count(),
            waiting: p.line.len(),
        })
    }
    /// (ready, starting, stopping, dead).
    pub fn pod_counts(&self) -> (u32, u32, u32, u32) {
        let n = |stage| self.count(stage);
        (n(Stage::Ready), n(Stage::Booting), n(Stage::Stopping), n(Stage::Dead))
    }
    /// The attempts that are drawn with their classes, oldest first: one request in `drawn_one_in`.
    pub fn samples(&self) -> impl Iterator<Item = &Sample<u8>> + '_ {
        self.samples.iter()
    }
    pub fn drawn_one_in(&self) -> u32 {
        self.samples.one_in()
    }
    /// (connections in use, connections, workers that wait for one).
    pub fn database(&self) -> (u32, u32, usize) {
        (self.connections_busy, self.s.connections, self.asking.len())
    }
    pub fn database_factor(&self) -> f64 {
        self.db_factor
    }
    /// The breaker's state, if there is one.
    pub fn breaker(&self, now: Us) -> Option<breaker::State> {
        self.s.breaker.then(|| self.breaker.state(now))
    }
    /// The share of lookups that hit, if there is a cache.
    pub fn hit_share(&self, now: Us) -> Option<f64> {
        let looks = self.rates.looks.per_s(now);
        (looks > 0.0).then(|| self.rates.hits.per_s(now) / looks)
    }
    pub fn backlog(&self) -> u32 {
        self.backlog
    }
    pub fn pod_hours(&self, now: Us) -> f64 {
        let time = self.paid_time + self.paid * now.since(self.paid_since).0;
        time as f64 / 3.6e9
    }
    /// Utilisation of the ready pods as the autoscaler sees it: the last metrics it could read.
    pub fn metric(&self) -> Option<f64> {
        let (n, lag) = (self.metrics.len(), self.s.lag as usize);
        let old = self.metrics.get(n.checked_sub(1 + lag)?)?;
        let new = self.metrics.get(n - 1 - lag + METRIC_WINDOW as usize)?;
        let ready = f64::from(self.count(Stage::Ready).max(1));
        Some(if self.s.on_requests {
            (new.1 - old.1) as f64 / METRIC_WINDOW as f64 / ready / self.s.pod_capacity()
        } else {
            ((new.0 - old.0) as f64 / (METRIC_WINDOW as f64 * 1e6) / ready / f64::from(self.s.workers)).min(1.0)
        })
    }

    pub(super) fn read_number(&self, which: usize, now: Us) -> Option<f64> {
        let rate = |r: &Rate| Some(r.per_s(now));
        let r = &self.rates;
        match which {
            number::GOODPUT => rate(&r.good),
            number::OFFERED => rate(&r.offered),
            number::CAPACITY => Some(self.capacity()),
            number::ATTEMPTS => rate(&r.attempts),
            number::P99 => ms(self.latency.quantile(now, 0.99)),
            number::P95 => ms(self.latency.quantile(now, 0.95)),
            number::P50 => ms(self.latency.quantile(now, 0.5)),
            number::OLDEST => Some(self.oldest(now).unwrap_or(Us::ZERO).as_ms()),
            number::QUEUE => Some(self.counts.queued as f64),
            number::FILL => self.time_to_fill(now),
            number::WASTED => {
                let wasted = r.wasted.per_s(now);
                percent(wasted, wasted + r.good.per_s(now))
            }
            number::REFUSED => rate(&r.refused),
            number::DROPPED => rate(&r.dropped),
            number::RETRIES => rate(&r.retries),
            number::IN_FLIGHT => Some(self.counts.live as f64),
            number::CRITICAL => percent(r.critical_good.per_s(now), r.critical.per_s(now)),
            number::BUSY => {
                let ready = f64::from(self.count(Stage::Ready)) * f64::from(self.s.workers);
                percent(self.working as f64, ready).map(|p| p.min(100.0))
            }
            number::READY => Some(f64::from(self.count(Stage::Ready))),
            number::PODS => Some(self.paid as f64),
            number::COST => Some(self.pod_hours(now)),
            number::HITS => self.hit_share(now).map(|s| 100.0 * s),
            number::DB_BUSY => percent(f64::from(self.connections_busy), f64::from(self.s.connections)),
            number::BACKLOG => Some(f64::from(self.backlog)),
            _ => None,
        }
    }

    pub(super) fn read_measure(&self, which: usize, args: &[f64], now: Us) -> Option<f64> {
        let c = &self.counts;
        match which {
            measure::GOODPUT_SHARE => self.seconds.share(args, |s| s.good.into(), |s| s.arrived.into()),
            measure::GOODPUT_RATE => self.seconds.per_s(args, |s| s.good.into()),
            measure::LOST_SHARE => {
                self.seconds.share(args, |s| f64::from(s.arrived) - f64::from(s.good), |s| s.arrived.into())
            }
            measure::CRITICAL_SHARE => self.seconds.share(args, |s| s.critical_good.into(), |s| s.critical.into()),
            measure::RECOVERED => {
                let good = |s: &super::Second| f64::from(s.good) >= 0.9 * f64::from(s.arrived);
                Some(self.seconds.recovered(self.trouble_end, now, good))
            }
            measure::REPLICAS_AT => {
                let at = Us::from_s(*args.first()?);
                let step = self.steps.iter().rev().find(|(t, _)| *t <= at)?;
                Some(f64::from(step.1))
            }
            measure::PASSED => Some(self.passed.unwrap_or(now).since(self.spike_at).as_s()),
            measure::RETRY_SHARE => percent(c.retries as f64, c.arrivals as f64),
            measure::QUEUE_MAX => Some(c.queue_max as f64),
            measure::KILLED => Some(c.killed as f64),
            measure::SERVED => Some(c.served as f64),
            measure::WASTED_ALL => percent(c.wasted as f64, c.served as f64),
            measure::STALE => Some(c.stale_served as f64),
            measure::OUT_OF_ROTATION => Some(c.ejected_max as f64),
            _ => None,
        }
    }
}
