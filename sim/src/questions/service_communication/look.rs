//! What can be seen of a run: numbers, measures, and what the picture is drawn from.

use super::{Health, Mode, Services, Settings, measure, meter, number};
use crate::blocks::breaker::{Breaker, State};
use crate::blocks::retry::Layers;
use crate::kernel::Us;
use crate::look::{Sample, ms, percent};

/// What a worker of Orders is busy with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Doing {
    Idle,
    /// Its own part of a request.
    Own,
    /// Waits for Payment's answer.
    Payment,
    /// Waits until it tries again.
    Backoff,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Endpoint {
    /// Never calls Payment.
    List,
    Checkout,
}

/// A worker as the picture shows it.
#[derive(Clone, Copy, Debug)]
pub struct WorkerView {
    pub doing: Doing,
    pub endpoint: Endpoint,
    /// For how long it has been doing that.
    pub since: Us,
}

impl Services {
    pub fn workers(&self) -> impl Iterator<Item = WorkerView> + '_ {
        self.workers.iter().map(|w| WorkerView {
            doing: w.doing,
            endpoint: if w.job.class == 0 { Endpoint::List } else { Endpoint::Checkout },
            since: w.since,
        })
    }
    pub fn count(&self, doing: Doing) -> usize {
        self.workers.iter().filter(|w| w.doing == doing).count()
    }
    /// Requests that wait for a worker, and how long the oldest has.
    pub fn line(&self, now: Us) -> (usize, Option<Us>) {
        (self.line.len(), self.line.oldest().map(|job| now.since(job.at())))
    }
    pub fn patience(&self) -> Us {
        self.s.patience
    }
    pub fn mode(&self) -> Mode {
        self.s.mode
    }
    pub fn health(&self) -> Health {
        self.health
    }
    pub fn payment_time(&self) -> Us {
        self.s.payment
    }
    /// Calls that Payment works on, and calls that hang for ever.
    pub fn in_payment(&self) -> (u32, u32) {
        (self.running, self.hung)
    }
    pub fn breaker(&self) -> Option<&Breaker> {
        self.breaker.as_ref()
    }
    pub fn breaker_state(&self, now: Us) -> Option<State> {
        self.breaker.as_ref().map(|b| b.state(now))
    }
    /// (inside, room) of the bulkhead, if there is one.
    pub fn bulkhead(&self) -> Option<(u32, u32)> {
        (self.s.bulkhead > 0).then(|| (self.bulkhead.total(), self.s.bulkhead))
    }
    pub fn timeout(&self) -> Option<Us> {
        self.s.timeout
    }
    /// (attempts of each layer, layers, calls if all of them fail).
    pub fn tree(&self) -> (u8, usize, u64) {
        let Settings { attempts, layers, .. } = self.s;
        (attempts, layers, Layers::calls_max(attempts, layers))
    }
    pub fn has_mesh(&self) -> bool {
        self.s.mesh
    }
    /// Bytes of the message as protobuf and as JSON, and which is sent.
    pub fn wire(&self) -> ([u32; 2], bool) {
        (self.s.sizes, self.s.protobuf)
    }
    pub fn is_spiking(&self) -> bool {
        self.load.rate() > self.s.rate
    }
    pub fn groups(&self) -> usize {
        self.behind.groups()
    }
    /// (hired, alive, busy) consumers of a group.
    pub fn consumers(&self, group: usize) -> (usize, usize, usize) {
        self.behind.consumers(group)
    }
    /// Messages that a group has not processed.
    pub fn backlog(&self, group: usize) -> u64 {
        if self.s.mode == Mode::Sync { 0 } else { self.behind.backlog(group) }
    }
    pub fn oldest(&self, now: Us) -> Option<Us> {
        if self.s.mode == Mode::Sync { None } else { self.behind.oldest(now) }
    }
    pub fn partitions(&self) -> usize {
        self.behind.partitions()
    }
    /// What a group has not processed of a partition.
    pub fn lag(&self, group: usize, partition: usize) -> u32 {
        self.behind.lag(group, partition)
    }
    pub fn idle_consumers(&self) -> usize {
        self.behind.idle()
    }
    pub fn samples(&self) -> impl Iterator<Item = &Sample<Endpoint>> + '_ {
        self.samples.iter()
    }
    pub fn drawn_one_in(&self) -> u32 {
        self.samples.one_in()
    }

    /// Of an endpoint's requests that were decided lately, the share answered in time.
    pub(super) fn share(&self, kind: usize, now: Us) -> Option<f64> {
        let good = self.meters.count(meter::GOOD + kind, now) as f64;
        percent(good, good + self.meters.count(meter::BAD + kind, now) as f64)
    }

    pub(super) fn read_number(&self, which: usize, now: Us) -> Option<f64> {
        let rate = |which| self.meters.per_s(which, now);
        let broker = |value: f64| (self.s.mode != Mode::Sync).then_some(value);
        match which {
            number::LIST => self.share(0, now),
            number::CHECKOUT => self.share(1, now),
            number::BUSY => Some((self.workers.len() - self.idle.len()) as f64),
            number::CALLS => Some(rate(meter::CALLS)),
            number::AMPLIFICATION => {
                let checkouts = self.meters.count(meter::ARRIVED + 1, now) as f64;
                (checkouts > 0.0).then(|| self.meters.count(meter::CALLS, now) as f64 / checkouts)
            }
            number::BACKLOG => Some(self.backlog(0) as f64),
            number::WAITING_ON => Some((self.count(Doing::Payment) + self.count(Doing::Backoff)) as f64),
            number::LINE => Some(self.line.len() as f64),
            number::P99 => ms(self.latency.quantile(now, 0.99)),
            number::P50 => ms(self.latency.quantile(now, 0.5)),
            number::OFFERED => Some(rate(meter::ARRIVED) + rate(meter::ARRIVED + 1)),
            number::REFUSED_CALLS => Some(rate(meter::NOT_MADE)),
            number::TIMEOUTS => Some(rate(meter::TIMEOUTS)),
            number::FALLBACKS => Some(rate(meter::STAND_INS)),
            number::RUNNING => Some(f64::from(self.running + self.hung)),
            number::OLDEST => broker(self.oldest(now).unwrap_or(Us::ZERO).as_s()),
            number::DRAIN => {
                let less = rate(meter::CONSUMED) - rate(meter::PUBLISHED);
                let backlog = self.backlog(0) as f64;
                if less > 0.0 && backlog > 20.0 { Some(backlog / less) } else { None }
            }
            number::CONSUMED => broker(rate(meter::CONSUMED)),
            number::BYTES => Some(f64::from(self.s.bytes())),
            _ => None,
        }
    }

    pub(super) fn read_measure(&self, which: usize, args: &[f64], now: Us) -> Option<f64> {
        let s = &self.seconds;
        let [protobuf, json] = self.s.sizes.map(f64::from);
        let (first, last, times) = self.opened;
        match which {
            measure::LIST_SHARE => s.share(args, |s| s.good[0].into(), |s| s.arrived[0].into()),
            measure::LIST_GOOD => s.sum(args, |s| s.good[0].into()),
            measure::LIST_ARRIVED => s.sum(args, |s| s.arrived[0].into()),
            measure::CHECKOUT_SHARE => s.share(args, |s| s.good[1].into(), |s| s.arrived[1].into()),
            measure::CALLS_IN => s.sum(args, |s| s.calls.into()),
            measure::CALLS_PER => s.mean(args, |s| s.calls.into(), |s| s.arrived[1].into()),
            measure::LIST_MS => s.mean(args, |s| s.ms[0].into(), |s| s.good[0].into()),
            measure::CHECKOUT_MS => s.mean(args, |s| s.ms[1].into(), |s| s.good[1].into()),
            measure::OPENED => Some(first.unwrap_or(now).as_s()),
            measure::CLOSED => Some(self.closed.unwrap_or(now).as_s()),
            measure::OPENINGS => Some(f64::from(times)),
            measure::CYCLE => first.filter(|_| times > 1).map(|first| (last - first).as_s() / f64::from(times - 1)),
            measure::HALF_OPEN => {
                let half = self.breaker.as_ref().filter(|b| b.state(now) == State::HalfOpen);
                Some(half.map_or(0.0, |b| now.since(b.since()).as_s()))
            }
            measure::BUSY_MAX => Some(self.counts.busy_max as f64),
            measure::BACKLOG_MAX => Some(self.behind.backlog_max as f64),
            measure::OLDEST_MAX => Some(self.behind.oldest_max.as_s()),
            measure::DRAINED => {
                let over = self.spike_over?;
                Some(self.behind.drained.unwrap_or(now).since(over).as_s())
            }
            measure::PROCESSED => {
                let group = *args.first()? as usize;
                self.behind.processed.get(group.checked_sub(1)?).map(|n| *n as f64)
            }
            measure::AGAIN => Some(self.behind.again() as f64),
            measure::IDLE => Some(self.idle_consumers() as f64),
            measure::PROTOBUF => Some(protobuf),
            measure::JSON => Some(json),
            measure::RATIO => Some(json / protobuf.max(1.0)),
            _ => None,
        }
    }
}
