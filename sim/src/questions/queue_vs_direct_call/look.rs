//! What can be seen of a run: numbers, measures, laws, and what the picture is drawn from.

use super::*;
use crate::blocks::broker::Dead;
use crate::look::{Sample, ms, percent};
use crate::measure::conserve::balance;

/// What the picture needs of a request that is drawn.
#[derive(Clone, Copy, Debug)]
pub struct Trail {
    /// When each service began with it, and when it had had it (`Us::MAX` so far).
    pub begun: [Us; SERVICES],
    pub ended: [Us; SERVICES],
}

impl Default for Trail {
    fn default() -> Trail {
        Trail { begun: [Us::MAX; SERVICES], ended: [Us::MAX; SERVICES] }
    }
}

/// A service as the picture shows it.
#[derive(Clone, Copy, Debug)]
pub struct Health {
    pub messaged: bool,
    pub lag: Us,
    pub backlog: u64,
    pub dead: usize,
    /// It is slow, or down, for so much longer.
    pub slow: Option<(Us, Us)>,
    pub down: Option<Us>,
    /// Calls in line that it has now.
    pub calls: u32,
}

/// A partition, or the queue of a service.
#[derive(Clone, Copy, Debug)]
pub struct Tube {
    /// Records that somebody has still to read, or messages that are not deleted.
    pub len: usize,
    /// Of these, how many each service has still to acknowledge. For a queue, those that are hidden.
    pub behind: [u32; SERVICES],
    pub oldest: Us,
}

fn mean_ms(sum_us: u64, n: u64) -> Option<f64> {
    (n > 0).then(|| sum_us as f64 / 1e3 / n as f64)
}

impl QueueVsDirectCall {
    // ---- for the picture ----

    /// A service begins with a request, or has had it.
    pub(super) fn saw(&mut self, service: usize, request: u32, now: Us, ended: bool) {
        if let Some(s) = self.samples.find(request, 0) {
            let at = if ended { &mut s.what.ended[service] } else { &mut s.what.begun[service] };
            *at = now.min(*at);
        }
    }
    pub fn samples(&self) -> impl Iterator<Item = &Sample<Trail>> + '_ {
        self.samples.iter()
    }
    pub fn drawn_one_in(&self) -> u32 {
        self.samples.one_in()
    }
    pub fn log(&self) -> bool {
        self.s.log
    }
    pub fn waiting_users(&self) -> usize {
        self.requests.used()
    }
    /// How long the user has waited who has waited longest.
    pub fn longest_wait(&self, now: Us) -> Option<Us> {
        let open = self.requests.iter().filter(|r| r.id != NONE);
        open.map(|r| r.at).min().map(|at| now.since(at))
    }
    pub fn api_up(&self) -> bool {
        self.api_up
    }
    pub fn relay_up(&self) -> bool {
        self.relay_up
    }
    pub fn outbox_len(&self) -> usize {
        self.outbox.len()
    }
    /// For how much longer the broker is down.
    pub fn broker_away(&self, now: Us) -> Option<Us> {
        self.broker_down(now).then(|| self.broker_down_until - now)
    }
    pub fn health(&self, service: usize, now: Us) -> Health {
        let c = &self.services[service];
        Health {
            messaged: self.s.messaged & 1 << service != 0,
            lag: self.lag_of(service, now),
            backlog: self.backlog(service),
            dead: self.dead_letters(service).count(),
            slow: (now < c.slow_until).then(|| (c.slow, c.slow_until - now)),
            down: (now < c.down_until).then(|| c.down_until - now),
            calls: self.calls(service),
        }
    }
    /// What its consumers do: whether each is alive, at what, since when, and with what.
    pub fn members(&self, service: usize) -> impl Iterator<Item = (bool, Doing, Us, Option<u32>)> + '_ {
        let all = self.subs[service].members.iter().filter(|m| !m.leaving || m.work.is_some());
        all.map(|m| (m.alive, m.doing, m.since, m.work.map(|w| w.msg.event)))
    }
    /// Consumers of a service that own no partition.
    pub fn without_partition(&self, service: usize) -> usize {
        let sub = &self.subs[service];
        if !self.s.log {
            return 0;
        }
        (0..sub.members.len()).filter(|m| sub.group.is_member(*m) && sub.group.owns(*m) == 0).count()
    }
    pub fn tubes(&self) -> usize {
        if self.s.log { self.s.partitions } else { SERVICES }
    }
    pub fn tube(&self, i: usize, now: Us) -> Tube {
        if !self.s.log {
            let q = &self.subs[i].queue;
            let behind = [q.hidden() as u32, 0, 0, 0];
            return Tube { len: q.len(), behind, oldest: q.oldest().map_or(Us::ZERO, |at| now.since(at)) };
        }
        let end = self.topic.end(i);
        let behind: [u32; SERVICES] = core::array::from_fn(|g| match self.s.messaged & 1 << g {
            0 => 0,
            _ => end - self.offset(g, i),
        });
        let len = behind.iter().copied().max().unwrap_or(0);
        let oldest = self.topic.get(i, end - len).map_or(Us::ZERO, |(at, _)| now.since(at));
        Tube { len: len as usize, behind, oldest }
    }
    /// The messages at the head of a tube, the next one first.
    pub fn in_tube(&self, i: usize) -> impl Iterator<Item = Msg> + '_ {
        let log = self.s.log.then(|| {
            let end = self.topic.end(i);
            let all = (0..SERVICES).filter(|g| self.s.messaged & 1 << g != 0);
            let from = all.map(|g| self.offset(g, i)).min().unwrap_or(end);
            (from..end).filter_map(move |o| self.topic.get(i, o).map(|r| r.1))
        });
        let queue = (!self.s.log).then(|| self.subs[i].queue.iter());
        log.into_iter().flatten().chain(queue.into_iter().flatten())
    }
    pub fn dead(&self) -> impl Iterator<Item = (usize, &Dead<Msg>)> + '_ {
        (0..SERVICES).flat_map(|g| self.dead_letters(g).map(move |d| (g, d)))
    }

    // ---- gauges ----

    /// Messages that a service has not acknowledged.
    pub(super) fn backlog(&self, service: usize) -> u64 {
        if self.s.messaged & 1 << service == 0 {
            return 0;
        }
        if !self.s.log {
            return self.subs[service].queue.len() as u64;
        }
        (0..self.s.partitions).map(|p| u64::from(self.topic.end(p) - self.offset(service, p))).sum()
    }

    /// The age of the oldest record of a partition that a service has not committed.
    fn lag_at(&self, service: usize, p: usize, now: Us) -> Us {
        self.topic.get(p, self.offset(service, p)).map_or(Us::ZERO, |(at, _)| now.since(at))
    }

    pub(super) fn lag_of(&self, service: usize, now: Us) -> Us {
        if self.s.messaged & 1 << service == 0 {
            return Us::ZERO;
        }
        if !self.s.log {
            return self.subs[service].queue.oldest().map_or(Us::ZERO, |at| now.since(at));
        }
        (0..self.s.partitions).map(|p| self.lag_at(service, p, now)).max().unwrap_or(Us::ZERO)
    }

    /// The worst lag of any partition at any service, and the second worst. (Of any queue.)
    pub(super) fn lags(&self, now: Us) -> (Us, Us) {
        let (mut first, mut second) = (Us::ZERO, Us::ZERO);
        for g in 0..SERVICES {
            let n = if self.s.log { self.s.partitions } else { 1 };
            for p in 0..n {
                let lag = match (self.s.log, self.s.messaged & 1 << g) {
                    (_, 0) => Us::ZERO,
                    (true, _) => self.lag_at(g, p, now),
                    _ => self.lag_of(g, now),
                };
                second = second.max(lag.min(first));
                first = first.max(lag);
            }
        }
        (first, second)
    }

    /// Records by which the worst partition is behind at the service where it is worst.
    pub(super) fn behind(&self) -> u32 {
        let tube = |i| self.tube(i, Us::ZERO).len as u32;
        (0..self.tubes()).map(tube).max().unwrap_or(0)
    }

    pub(super) fn read_number(&self, which: usize, now: Us) -> Option<f64> {
        let t = &self.tally;
        let count = |n: u64| Some(n as f64);
        match which {
            number::USER => ms(self.user.quantile(now, 0.5)),
            number::USER_P99 => ms(self.user.quantile(now, 0.99)),
            number::DONE => ms(self.done.quantile(now, 0.5)),
            number::DONE_P99 => ms(self.done.quantile(now, 0.99)),
            number::AVAILABLE => {
                let (ok, failed) = (self.meters.count(OK, now) as f64, self.meters.count(FAILED, now) as f64);
                percent(ok, ok + failed)
            }
            number::LAG => Some(self.lags(now).0.as_s()),
            number::BACKLOG => count((0..SERVICES).map(|g| self.backlog(g)).max().unwrap_or(0)),
            number::LOST => count(t.lost),
            number::DOUBLED => count(t.doubled),
            number::DISORDER => count(t.disorder),
            number::DEAD => Some(self.dead().count() as f64),
            number::OUTBOX => Some(self.outbox.len() as f64),
            number::HALF => count(t.half),
            number::GHOSTS => count(t.ghosts),
            number::AGAIN => count(t.again),
            number::REFRESHES => Some(self.meters.per_s(LOOKED, now)),
            number::IN_FLIGHT => Some(self.waiting_users() as f64),
            number::BUSY => {
                let messaged = (0..SERVICES).filter(|g| self.s.messaged & 1 << g != 0);
                let alive = messaged.flat_map(|g| self.members(g)).filter(|m| m.0);
                let (mut busy, mut all) = (0, 0);
                alive.for_each(|m| {
                    all += 1;
                    busy += u32::from(m.1 != Doing::Idle);
                });
                percent(f64::from(busy), f64::from(all))
            }
            number::HANDLED => {
                let services = self.s.messaged.count_ones();
                (services > 0).then(|| self.meters.per_s(HANDLED, now) / f64::from(services))
            }
            _ => count(t.recognised),
        }
    }

    pub(super) fn read_measure(&self, which: usize, args: &[f64], now: Us) -> Option<f64> {
        let t = &self.tally;
        let services = f64::from(self.s.messaged.count_ones());
        match which {
            measure::USER_MEAN => mean_ms(t.user_us, t.ok),
            measure::DONE_MEAN => mean_ms(t.done_us, t.done_count),
            measure::AVAILABILITY => percent(t.ok as f64, (t.ok + t.failed) as f64),
            measure::ACCEPTED_RATE => self.seconds.share(args, |s| s.ok.into(), |s| (s.ok + s.failed).into()),
            measure::SAVED => Some(t.saved as f64),
            measure::EFFECTS => (services > 0.0).then(|| t.done.iter().sum::<u64>() as f64 / services),
            measure::REDELIVERED => Some(t.repeats as f64),
            measure::STOOD => Some(t.stood.as_s()),
            measure::SECOND_LAG => Some(t.second_lag_max.as_s()),
            measure::LAG_MAX => Some(t.lag_max.as_s()),
            measure::BACKLOG_MAX => Some(t.backlog_max as f64),
            measure::GROWTH => {
                let seconds = self.seconds.between(args).filter(|s| s.len() > 1)?;
                let (first, last) = (seconds.first()?, seconds.last()?);
                Some((f64::from(last.behind) - f64::from(first.behind)) / (seconds.len() - 1) as f64)
            }
            measure::HANDLED_RATE if services > 0.0 => {
                self.seconds.per_s(args, |s| s.handled.into()).map(|rate| rate / services)
            }
            measure::HANDLED_RATE => None,
            measure::IDLE => Some((0..SERVICES).map(|g| self.without_partition(g)).max().unwrap_or(0) as f64),
            measure::CAUGHT_UP => {
                let so_far = now.since(self.fault_end);
                (self.fault_end > Us::ZERO).then(|| self.caught_up.unwrap_or(so_far).as_s())
            }
            _ => Some(t.died as f64),
        }
    }

    pub(super) fn totals(&self) -> Vec<(&'static str, u64)> {
        let t = &self.tally;
        let (dead, pending) = self.open();
        vec![
            ("arrived", t.arrived),
            ("accepted", t.ok),
            ("failed", t.failed),
            ("saved", t.saved),
            ("lost", t.lost),
            ("doubled", t.doubled),
            ("recognised", t.recognised),
            ("out_of_order", t.disorder),
            ("effects", t.done.iter().sum()),
            ("pending", pending.iter().sum()),
            ("dead", dead.iter().sum()),
            ("died", t.died),
            ("redrives", t.redrives),
            ("half_done", t.half),
            ("ghosts", t.ghosts),
            ("refreshes", self.events.iter().map(|e| u64::from(e.looks)).sum()),
        ]
    }

    /// Events that lie with the dead letters, and that are still to come, by service.
    fn open(&self) -> ([u64; SERVICES], [u64; SERVICES]) {
        let (mut dead, mut pending) = ([0; SERVICES], [0; SERVICES]);
        for e in self.events.iter().chain(self.kept.iter().map(|(_, e)| e)) {
            for g in 0..SERVICES {
                dead[g] += u64::from(e.dead >> g & 1);
                pending[g] += u64::from(e.pending(self.s.messaged) >> g & 1);
            }
        }
        (dead, pending)
    }

    pub(super) fn laws(&self, _now: Us) -> Result<(), String> {
        let t = &self.tally;
        let waiting = self.waiting_users() as u64;
        balance("requests", t.arrived, &[("accepted", t.ok), ("failed", t.failed), ("waiting", waiting)])?;
        let (dead, pending) = self.open();
        for g in (0..SERVICES).filter(|g| self.s.messaged & 1 << g != 0) {
            let sub = &self.subs[g];
            if self.kept.len() < KEPT_MAX {
                let fates =
                    [("done", t.done[g]), ("lost", t.lost_by[g]), ("dead letters", dead[g]), ("to come", pending[g])];
                balance("saved events", t.saved, &fates)?;
            }
            sub.queue.invariants()?;
            if self.s.log {
                sub.group.invariants()?;
                for p in 0..self.s.partitions {
                    let (committed, end) = (self.offset(g, p), self.topic.end(p));
                    if committed > end {
                        return Err(format!("service {g}, partition {p}: committed {committed} of {end}"));
                    }
                }
            }
        }
        // The inbox remembers everything since the run began: no effect twice.
        let remembers = self.s.retention >= Us::s(SECONDS_MAX as u64);
        if self.s.inbox && remembers && t.doubled > 0 {
            return Err(format!("{} effects doubled, inbox on", t.doubled));
        }
        Ok(())
    }

    pub(super) fn bytes(&self) -> usize {
        core::mem::size_of::<Self>()
            + self.requests.weight()
            + self.outbox.weight()
            + self.relay.weight()
            + self.topic.weight()
            + self.subs.iter().map(|s| core::mem::size_of::<Subscriber>() + s.weight()).sum::<usize>()
            + self.events.len() * core::mem::size_of::<Event>()
            + self.kept.len() * core::mem::size_of::<(u32, Event)>()
            + self.samples.weight()
            + self.seconds.weight()
            + self.user.weight()
            + self.done.weight()
            + self.doubtful.len() * 8
            + self.crashes.weight()
            + self.singles.weight()
            + (self.poisons.len() + self.recent.len()) * 12
    }
}
