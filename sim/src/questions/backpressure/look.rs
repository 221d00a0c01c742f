//! What can be seen of a run: numbers, measures, laws, and what the picture is drawn from.

use super::{Backpressure, LIMIT_MAX, Rebalance, Second, Span, SpanKind, measure, number};
use crate::kernel::Us;
use crate::look::{Sample, ms, percent};
use crate::measure::conserve::balance;
use crate::measure::hist::Hist;
use crate::measure::series::Rate;
use std::borrow::Cow;

/// A producer as the picture shows it.
#[derive(Clone, Copy, Debug)]
pub struct TenantView {
    /// What it sends a second now.
    pub rate: f64,
    pub waiting: u32,
    pub unanswered: u32,
    /// It may not send now.
    pub held_back: bool,
    pub connected: bool,
}

/// A consumer as the picture shows it.
#[derive(Clone, Copy, Debug)]
pub struct MemberView {
    pub kind: SpanKind,
    pub since: Us,
    pub polled_at: Us,
    pub owns: usize,
    pub buffered: usize,
    pub busy: u32,
}

impl Backpressure {
    /// Whether consumers of a log are simulated, and not a service.
    pub fn is_log(&self) -> bool {
        self.s.log
    }
    pub fn producers(&self, now: Us) -> impl Iterator<Item = TenantView> + '_ {
        self.tenants.iter().map(move |t| TenantView {
            rate: t.load.rate(),
            waiting: t.waiting,
            unanswered: t.unanswered,
            held_back: t.blocked_since.is_some(),
            connected: t.off_until <= now,
        })
    }
    /// Credits of each producer, if they send with credits.
    pub fn window(&self) -> Option<u32> {
        self.s.credit.then_some(self.s.window)
    }
    /// Requests that wait, or records that are not committed.
    pub fn waiting(&self) -> u64 {
        if self.s.log { self.consumers.lag() } else { self.counts.queued }
    }
    /// How many wait by age: not older than the first, than the second, older still.
    pub fn ages(&self, now: Us, edges: [Us; 2]) -> [u64; 3] {
        let mut bands = [0; 3];
        for job in self.line.iter() {
            let age = now.since(job.at());
            bands[edges.iter().filter(|e| age > **e).count()] += 1;
        }
        bands
    }
    /// The one that waits longest has waited so long; in the log, the age of what is not committed.
    pub fn oldest(&self, now: Us) -> Option<Us> {
        let at = if self.s.log { self.consumers.oldest() } else { self.line.oldest().map(|j| j.at()) };
        at.map(|at| now.since(at))
    }
    /// (waiting and in service, how many may be; `None` without a bound).
    pub fn room_now(&self) -> (u64, Option<u32>) {
        let room = self.room();
        (self.inside(), (room != u32::MAX).then_some(room))
    }
    /// Whether the room is found by measuring, and whether it measures its base just now.
    pub fn adaptive(&self) -> Option<(bool, Option<Us>)> {
        self.limit.as_ref().map(|l| (l.is_probing(), l.base()))
    }
    /// (busy, workers) of the service, or of all consumers together.
    pub fn workers(&self) -> (u64, u64) {
        let all = if self.s.log { self.s.pool as u64 * self.s.members as u64 } else { u64::from(self.s.workers) };
        (self.works.len() as u64, all)
    }
    /// (queries that run, connections, workers that wait for one, times slower than usual).
    pub fn database(&self) -> (u32, u32, usize, f64) {
        (self.db_running, self.s.db_pool, self.db_waiting.len(), self.db.factor())
    }
    /// (queries at once for the most throughput, how much of that it gives now), if there is a knee.
    pub fn knee(&self) -> Option<(u32, f64)> {
        let peak = self.db.usl().peak()?;
        let now = self.db.usl().throughput(f64::from(self.db_running));
        Some((self.s.knee, now / self.db.usl().throughput(peak)))
    }
    pub fn uses_database(&self) -> bool {
        self.s.db_share > 0.0
    }
    /// (held, fits): what the process has in memory, or the fullest consumer.
    pub fn memory(&self) -> (u64, u32) {
        let held = match self.s.log {
            true => self.consumers.members.iter().map(|m| m.held()).max().unwrap_or(0),
            false => self.inside(),
        };
        (held, self.s.memory)
    }
    pub fn patience(&self) -> Us {
        self.s.patience
    }
    pub fn attempts_max(&self) -> u8 {
        self.s.retry.attempts
    }
    /// What stands still, and for how much longer.
    pub fn trouble(&self, now: Us) -> Option<(&'static str, Us)> {
        if self.is_down(now) {
            Some(("process down", self.down_until - now))
        } else if self.is_stalled(now) {
            Some(("outage", self.stalled.1 - now))
        } else if self.frozen_until > now {
            Some(("process paused", self.frozen_until - now))
        } else {
            None
        }
    }
    /// The times inside of what was answered in the last seconds.
    pub fn delays(&self, now: Us) -> Cow<'_, Hist> {
        self.delays.hist(now)
    }
    /// The attempts or records that are drawn with their producers, oldest first.
    pub fn samples(&self) -> impl Iterator<Item = &Sample<u8>> + '_ {
        self.samples.iter()
    }
    pub fn drawn_one_in(&self) -> u32 {
        self.samples.one_in()
    }
    pub fn members(&self) -> impl Iterator<Item = MemberView> + '_ {
        self.consumers.members.iter().enumerate().map(|(i, m)| MemberView {
            kind: m.kind,
            since: m.since,
            polled_at: m.polled_at,
            owns: self.consumers.group.owns(i),
            buffered: m.buffered(),
            busy: m.busy,
        })
    }
    pub fn spans(&self) -> impl Iterator<Item = &Span> + '_ {
        self.consumers.spans.iter()
    }
    pub fn rebalances(&self) -> impl Iterator<Item = &Rebalance> + '_ {
        self.consumers.rebalances.iter()
    }
    /// (written, committed) of each partition.
    pub fn partitions(&self) -> impl Iterator<Item = (u32, u32, Option<usize>)> + '_ {
        let c = &self.consumers;
        (0..c.logs.len()).map(|p| (c.logs[p].end(), c.group.committed(p), c.group.owner(p)))
    }
    /// (max.poll.interval, workers of a consumer, channel).
    pub fn poll_rules(&self) -> (Us, u32, u32) {
        (self.s.interval, self.s.pool, self.s.channel)
    }
    /// Times that a living consumer had to leave the group.
    pub fn expelled(&self) -> u64 {
        self.counts.expelled
    }
    pub fn at_risk(&self) -> u64 {
        self.consumers.at_risk()
    }
    pub fn order_word(&self) -> &'static str {
        use crate::blocks::server::Order;
        match self.s.order {
            Order::LifoBeyond(_) => "newest first when long",
            Order::Priority => "critical first",
            Order::Fair => "tenants in turn",
            _ => "first in, first out",
        }
    }

    pub(super) fn read_number(&self, which: usize, now: Us) -> Option<f64> {
        let r = &self.rates;
        let rate = |r: &Rate| Some(r.per_s(now));
        match which {
            number::GOODPUT => rate(&r.good),
            number::OFFERED => rate(&r.offered),
            number::P99 => ms(self.delays.quantile(now, 0.99)),
            number::P95 => ms(self.delays.quantile(now, 0.95)),
            number::P50 => ms(self.delays.quantile(now, 0.5)),
            number::OLDEST => Some(self.oldest(now).unwrap_or(Us::ZERO).as_ms()),
            number::QUEUE => Some(self.waiting() as f64),
            number::REFUSED => rate(&r.refused),
            number::DROPPED => rate(&r.dropped),
            number::LATE => rate(&r.wasted),
            number::DUPLICATES => percent(r.again.per_s(now), r.processed.per_s(now)),
            number::INSIDE => Some(match self.s.log {
                true => self.consumers.members.iter().map(|m| m.held()).sum::<u64>() as f64,
                false => self.inside() as f64,
            }),
            number::LIMIT => (!self.s.log).then(|| self.room_now().1.map(f64::from)).flatten(),
            number::MEMORY => {
                let (held, fits) = self.memory();
                percent(held as f64, f64::from(fits))
            }
            number::BUSY => {
                let (busy, all) = self.workers();
                percent(busy as f64, all as f64)
            }
            number::QUERIES => Some(f64::from(self.db_running)),
            number::BLOCKED => Some(self.tenants.iter().filter(|t| t.blocked_since.is_some()).count() as f64),
            number::CREDITS => Some(self.tenants.iter().map(|t| f64::from(t.unanswered)).sum()),
            number::RETRIES => rate(&r.retries),
            number::OTHERS_P99 => ms(self.others.quantile(now, 0.99)),
            number::REBALANCES => Some(self.counts.rebalances as f64),
            number::WRITTEN => self.s.log.then_some(self.counts.appended as f64),
            number::PROCESSED => self.s.log.then(|| (self.counts.processed - self.counts.again) as f64),
            number::COMMITTED => self.s.log.then_some(self.counts.committed as f64),
            number::AT_RISK => Some(self.consumers.at_risk() as f64),
            _ => None,
        }
    }

    /// A second, from one second to another: also those in which nothing happened.
    fn per_s(&self, args: &[f64], of: fn(&Second) -> f64) -> Option<f64> {
        let [from, to] = [args.first()?, args.get(1)?].map(|s| f64::from((*s + 0.5) as u32));
        let to = to.min(f64::from(super::SECONDS_MAX));
        (to > from).then(|| self.seconds.sum(args, of).unwrap_or(0.0) / (to - from))
    }

    pub(super) fn read_measure(&self, which: usize, args: &[f64], now: Us) -> Option<f64> {
        let c = &self.counts;
        match which {
            measure::LOSS => self.seconds.share(args, |s| s.turned_away.into(), |s| s.attempts.into()),
            measure::GOODPUT_SHARE => self.seconds.share(args, |s| s.good.into(), |s| s.produced.into()),
            measure::GOODPUT_RATE => self.per_s(args, |s| s.good.into()),
            measure::SERVED_RATE => self.per_s(args, |s| s.served.into()),
            measure::PRODUCED_RATE => self.per_s(args, |s| s.produced.into()),
            measure::DELAY_MEAN => {
                self.seconds.mean(args, |s| s.delay_us as f64, |s| s.served.into()).map(|us| us / 1e3)
            }
            measure::RECOVERED => {
                let good = |s: &Second| f64::from(s.good) >= 0.9 * f64::from(s.produced);
                Some(self.seconds.recovered(self.trouble_end, now, good))
            }
            measure::DUPLICATE_SHARE => self.seconds.share(args, |s| s.again.into(), |s| s.served.into()),
            measure::OTHERS_P99 => ms(self.others_all.quantile(0.99)),
            measure::OTHERS_LOSS => percent(c.others_turned_away as f64, c.others as f64),
            measure::QUEUE_MAX => Some(c.queue_max as f64),
            measure::INSIDE_MAX => Some(c.inside_max as f64),
            measure::BLOCKED_S => {
                let open = |t: &super::Tenant| t.blocked_since.map_or(Us::ZERO, |since| now.since(since));
                Some(self.tenants.iter().map(|t| (t.blocked + open(t)).as_s()).sum())
            }
            measure::KILLED => Some(c.killed as f64),
            measure::EXPELLED => Some(c.expelled as f64),
            measure::WORKED => Some(c.processed as f64),
            measure::TWICE => Some(c.again as f64),
            measure::LOST_RECORDS => Some(self.consumers.lost(&self.works) as f64),
            measure::LOST_REQUESTS => Some(c.lost as f64),
            _ => None,
        }
    }

    pub(super) fn totals(&self) -> Vec<(&'static str, u64)> {
        let c = &self.counts;
        let mut all = vec![
            ("arrivals", c.arrivals),
            ("succeeded", c.succeeded),
            ("failed", c.failed),
            ("in_flight", c.live),
            ("attempts", c.attempts),
            ("retries", c.retries),
            ("served", c.served),
            ("wasted", c.wasted),
            ("refused", c.refused),
            ("dropped", c.dropped),
            ("lost", c.lost),
            ("held", c.held),
            ("queued", c.queued),
            ("in_service", c.in_service),
        ];
        if self.s.log {
            all = vec![
                ("appended", c.appended),
                ("processed", c.processed),
                ("processed_again", c.again),
                ("committed", c.committed),
                ("expelled", c.expelled),
                ("rebalances", c.rebalances),
            ];
        }
        all.push(("killed", c.killed));
        all
    }

    pub(super) fn laws(&self, now: Us) -> Result<(), String> {
        let c = &self.counts;
        let requests = [("succeeded", c.succeeded), ("failed", c.failed), ("in flight", c.live)];
        balance("arrivals", c.arrivals, &requests)?;
        let attempts = [
            ("served", c.served),
            ("refused", c.refused),
            ("dropped", c.dropped),
            ("lost", c.lost),
            ("held", c.held),
            ("queued", c.queued),
            ("in service", c.in_service),
        ];
        balance("attempts", c.attempts, &attempts)?;
        balance("served", c.served, &[("in time", c.succeeded), ("wasted", c.wasted)])?;
        balance("queued", c.queued, &[("in the line", self.line.len() as u64)])?;
        let waiting: u64 = self.tenants.iter().map(|t| u64::from(t.waiting)).sum();
        balance("queued", c.queued, &[("waiting by tenant", waiting)])?;
        let held: u64 = self.tenants.iter().map(|t| t.held.len() as u64).sum();
        balance("held", c.held, &[("at the door", held)])?;
        let unanswered: u64 = self.tenants.iter().map(|t| u64::from(t.unanswered)).sum();
        balance("in flight", c.live, &[("unanswered by producer", unanswered)])?;
        if !self.s.log {
            balance("in service", c.in_service, &[("held by workers", self.works.len() as u64)])?;
            balance("inside", self.inside(), &[("in compartments", u64::from(self.bulkhead.total()))])?;
        }
        if self.db_running > self.s.db_pool || self.db_running as usize != self.db.active() {
            return Err(format!(
                "{} of {} connections run {} queries",
                self.db_running,
                self.s.db_pool,
                self.db.active()
            ));
        }
        for (i, t) in self.tenants.iter().enumerate() {
            if self.s.credit && t.unanswered > t.ceiling {
                return Err(format!("producer {} has {} credits in use of {}", i + 1, t.unanswered, t.ceiling));
            }
        }
        if self.inside() > u64::from(self.s.memory) && !self.is_down(now) {
            return Err(format!("{} inside where {} fit in memory", self.inside(), self.s.memory));
        }
        if self.limit.as_ref().is_some_and(|l| l.limit() > LIMIT_MAX.max(self.s.bound)) {
            return Err("the limit is beyond its range".into());
        }
        if self.s.log { self.consumers.laws(&self.s, &self.works) } else { Ok(()) }
    }
}
