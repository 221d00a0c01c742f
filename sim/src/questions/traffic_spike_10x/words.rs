//! The run in words: log lines, the story of a request, and the picture as rows of text.

use super::{Spike, Stage, Why, knob};
use crate::blocks::breaker;
use crate::decimal::grouped as thousands;
use crate::kernel::{Line, Us};
use crate::look::{knob_now, tenths};

/// Codes of what can happen. The first group is about one request.
pub(super) mod code {
    pub const ARRIVED: u8 = 0;
    pub const TRIED_AGAIN: u8 = 1;
    pub const QUEUED: u8 = 2;
    pub const BEGUN: u8 = 3;
    pub const HIT: u8 = 4;
    pub const ANSWERED: u8 = 5;
    pub const WASTED: u8 = 6;
    pub const ATTEMPT_FAILED: u8 = 7;
    pub const BACKS_OFF: u8 = 8;
    pub const GAVE_UP: u8 = 9;
    pub const ACCEPTED: u8 = 10;

    pub const SPIKE: u8 = 20;
    pub const SPIKE_OVER: u8 = 21;
    pub const SCALED: u8 = 22;
    pub const PODS_READY: u8 = 23;
    pub const PASSED: u8 = 24;
    pub const KILLED: u8 = 25;
    pub const OUT_OF_MEMORY: u8 = 26;
    pub const TAKEN_OUT: u8 = 27;
    pub const BACK: u8 = 28;
    pub const OUTAGE: u8 = 29;
    pub const OUTAGE_OVER: u8 = 30;
    pub const SLOW_PODS: u8 = 31;
    pub const SLOW_DB: u8 = 32;
    pub const FLUSHED: u8 = 33;
    pub const BLIND: u8 = 34;
    pub const MENDED: u8 = 35;
    pub const COLLAPSED: u8 = 36;
    pub const RECOVERED: u8 = 37;
    pub const BREAKER_OPEN: u8 = 38;
    pub const BREAKER_CLOSED: u8 = 39;
    pub const KNOB: u8 = 40;
}

const WHYS: [(Why, &str); 10] = [
    (Why::Full, "503, the pod's queue was full"),
    (Why::Shed, "503, sheddable and the queue was long"),
    (Why::Memory, "refused, the pod had stopped accepting connections"),
    (Why::Limited, "429, above the rate limit at the edge"),
    (Why::NoPod, "503, the balancer had no pod to send it to"),
    (Why::Dead, "connection refused, the pod was dead and nobody had noticed"),
    (Why::Delayed, "503, thrown out of the queue by delay control"),
    (Why::Database, "503, the database did not answer"),
    (Why::Lost, "connection reset, the pod died with it"),
    (Why::Patience, "no answer within the client's patience"),
];

fn why(n: i64) -> &'static str {
    WHYS.iter().find(|(w, _)| *w as i64 == n).map_or("for no known reason", |(_, text)| text)
}

pub(super) fn tell(line: &Line) -> String {
    let (a, b) = (line.a, line.b);
    let n = thousands;
    match line.code {
        code::ARRIVED if a == 0 => "a client sends it: critical".into(),
        code::ARRIVED => "a client sends it: sheddable".into(),
        code::TRIED_AGAIN => format!("attempt {a}: the client tries again"),
        code::QUEUED => format!("waits at pod {}, number {} in its queue", a + 1, n(b)),
        code::BEGUN if b == 0 => format!("a worker of pod {} takes it at once", a + 1),
        code::BEGUN => format!("a worker of pod {} takes it after {} in the queue", a + 1, Us(b as u64)),
        code::HIT => "the cache has the answer".into(),
        code::ANSWERED => format!("answered, {} after the client first asked", Us(a as u64)),
        code::WASTED => format!("attempt {a} is answered, but its client has left: wasted work"),
        code::ATTEMPT_FAILED => format!("attempt {a} failed: {}", why(b)),
        code::BACKS_OFF => format!("the client waits {} before it tries again", Us(a as u64)),
        code::GAVE_UP if a == 1 => format!("the retry budget is empty, the client gives up ({})", why(b)),
        code::GAVE_UP => format!("no attempt left, the client gives up ({})", why(b)),
        code::ACCEPTED => format!("202: accepted for later, with {} others", n(a - 1)),
        code::SPIKE => format!("the spike begins: {} requests a second instead of {}", n(a), n(b)),
        code::SPIKE_OVER => format!("the spike is over: {} requests a second", n(a)),
        code::SCALED => {
            let (from, to) = (a >> 32, a & 0xffff_ffff);
            let verb = if to > from { "adds" } else { "stops" };
            let pods = from.abs_diff(to);
            format!("the autoscaler reads {b} % per ready pod and {verb} {pods} pods: {from} to {to}")
        }
        code::PODS_READY if b == 0 => format!("{a} pods are ready, none is starting"),
        code::PODS_READY => format!("{a} pods are ready, {b} are starting"),
        code::PASSED => {
            format!("capacity passes demand, {} after the spike began: {} requests a second", Us(a as u64), n(b))
        }
        code::KILLED => format!("pod {a} dies with {} requests; a replacement starts", n(b)),
        code::OUT_OF_MEMORY => format!("pod {a} is out of memory, killed with {} requests, and starts again", n(b)),
        code::TAKEN_OUT if b == 1 => {
            format!("the health check takes pod {a} out although it works: its probe waited too long")
        }
        code::TAKEN_OUT => format!("the balancer has noticed that pod {a} is dead"),
        code::BACK => format!("pod {a} passes its health check and gets requests again"),
        code::OUTAGE => format!("outage: for {} no pod answers anything", Us(a as u64)),
        code::OUTAGE_OVER => format!("the outage is over; {} requests are waiting", n(a)),
        code::SLOW_PODS => format!("{a} pods are {} times slower", tenths(b)),
        code::SLOW_DB => format!("the database is {} times slower", tenths(a)),
        code::FLUSHED => format!("the cache is flushed: {} answers gone", n(a)),
        code::BLIND => format!("the autoscaler sees no metrics for {}", Us(a as u64)),
        code::MENDED => "pods, database and metrics are as they were".into(),
        code::COLLAPSED => format!("collapse: {} of {} requests a second are answered in time", n(a), n(b)),
        code::RECOVERED => format!("recovered: {} of {} requests a second are answered in time", n(a), n(b)),
        code::BREAKER_OPEN => "the breaker opens: the database is left alone".into(),
        code::BREAKER_CLOSED => "the breaker closes: the database is asked again".into(),
        code::KNOB => knob_now(knob::ALL, a, b),
        _ => String::new(),
    }
}

impl Spike {
    pub(super) fn in_words(&self, now: Us) -> Vec<(String, String)> {
        let n = |v: f64| thousands((v + 0.5) as i64);
        let r = &self.rates;
        let (ready, booting, stopping, dead) = self.pod_counts();
        let (waiting, room) = self.queue();
        let mut rows = vec![(
            "Clients".into(),
            format!(
                "{} new requests a second, {} attempts with retries, {} in flight",
                n(r.offered.per_s(now)),
                n(r.attempts.per_s(now)),
                n(self.counts.live as f64)
            ),
        )];
        let wasted = n(r.wasted.per_s(now));
        let good = n(r.good.per_s(now));
        rows.push(("Answers".into(), format!("{good} a second in time, {wasted} too late")));
        let refused = n(r.refused.per_s(now));
        let dropped = n(r.dropped.per_s(now));
        rows.push(("Refusals".into(), format!("{refused} a second refused, {dropped} dropped from queues")));
        let slow = self.pods.iter().filter(|p| p.slow && p.stage.serves()).count();
        let out = self.pods.iter().filter(|p| p.stage == Stage::Ready && !p.in_rotation).count();
        rows.push((
            "Pods".into(),
            format!(
                "{ready} ready, {booting} starting, {stopping} stopping, {dead} dead, {slow} slow, {out} kept out by health checks; capacity {} requests a second",
                n(self.capacity())
            ),
        ));
        let age = self.oldest(now).map_or("nobody waits".into(), |a| format!("the oldest for {a}"));
        let room = if self.unbounded() {
            format!("{} fit in memory", n(room as f64))
        } else {
            format!("{} may wait", n(room as f64))
        };
        rows.push(("Queues".into(), format!("{} waiting, {age}; {room}", n(waiting as f64))));
        let (busy, connections, asking) = self.database();
        let slow = if self.db_factor > 1.0 {
            format!(", {} times slower than usual", crate::declare::show(self.db_factor))
        } else {
            String::new()
        };
        let breaker = match self.breaker(now) {
            None => "",
            Some(breaker::State::Closed) => ", breaker closed",
            Some(breaker::State::Open) => ", breaker open",
            Some(breaker::State::HalfOpen) => ", breaker half open",
        };
        rows.push((
            "Database".into(),
            format!(
                "{} of {} connections in use, {} workers wait for one{slow}{breaker}",
                n(f64::from(busy)),
                n(f64::from(connections)),
                n(asking as f64)
            ),
        ));
        if self.s.cacheable > 0.0 {
            let share =
                self.hit_share(now).map_or("no lookups".into(), |s| format!("{} % of lookups hit", n(100.0 * s)));
            rows.push(("Cache".into(), format!("{share}, {} fresh answers", n(self.cache.fresh(now) as f64))));
        }
        let scaler = if !self.s.autoscale {
            "off".to_string()
        } else if self.is_blind(now) {
            "sees no metrics".to_string()
        } else {
            let metric = self.metric().map_or("nothing yet".into(), |m| format!("{} %", n(100.0 * m)));
            format!("reads {metric}, aims for {} %, every {} s", n(100.0 * self.s.target), self.s.sync)
        };
        rows.push(("Autoscaler".into(), scaler));
        if let Some(until) = self.outage_until(now) {
            rows.push(("Outage".into(), format!("no pod answers for another {}", until - now)));
        }
        if self.backlog > 0 || self.s.defer {
            rows.push((
                "Accepted for later".into(),
                format!("{} requests wait for idle workers", n(f64::from(self.backlog))),
            ));
        }
        rows
    }
}
