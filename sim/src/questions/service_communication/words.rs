//! The run in words: log lines, the story of a request, and the picture as rows of text.

use super::{Doing, Health, Mode, Services, Why, knob};
use crate::blocks::breaker::State;
use crate::decimal::grouped;
use crate::kernel::{Line, Us};
use crate::look::{knob_now, span};

/// Codes of what can happen. The first group is about one request.
pub(super) mod code {
    pub const ARRIVED: u8 = 0;
    pub const QUEUED: u8 = 1;
    pub const BEGUN: u8 = 2;
    pub const EXPIRED: u8 = 3;
    pub const CALLED: u8 = 4;
    pub const CALL_FAILED: u8 = 5;
    pub const AGAIN: u8 = 6;
    pub const ATTEMPT_FAILED: u8 = 7;
    pub const GATEWAY_AGAIN: u8 = 8;
    pub const GAVE_UP: u8 = 9;
    pub const ANSWERED: u8 = 10;
    pub const TOO_LATE: u8 = 11;
    pub const LEFT: u8 = 12;
    pub const PUBLISHED: u8 = 13;
    pub const TAKEN: u8 = 14;

    pub const SLOW: u8 = 20;
    pub const DOWN: u8 = 21;
    pub const HUNG: u8 = 22;
    pub const WELL: u8 = 23;
    pub const OPENED: u8 = 24;
    pub const HALF_OPEN: u8 = 25;
    pub const CLOSED: u8 = 26;
    pub const SPIKE: u8 = 27;
    pub const SPIKE_OVER: u8 = 28;
    pub const CRASHED: u8 = 29;
    pub const NO_CONSUMER: u8 = 30;
    pub const REBALANCED: u8 = 31;
    pub const CONSUMER_BACK: u8 = 32;
    pub const RESTARTED: u8 = 33;
    pub const BYSTANDER: u8 = 34;
    pub const BYSTANDER_WELL: u8 = 35;
    pub const KNOB: u8 = 40;
}

const WHYS: [(Why, &str); 9] = [
    (Why::Timeout, "no answer within the call timeout"),
    (Why::Down, "Payment refused the connection"),
    (Why::Open, "the breaker let nothing through"),
    (Why::Bulkhead, "the bulkhead was full"),
    (Why::Throttled, "Orders throttled itself"),
    (Why::Deadline, "the caller's deadline had passed"),
    (Why::Full, "503, the line of Orders was full"),
    (Why::Broker, "503, the broker had no room"),
    (Why::Lost, "connection reset, Orders was restarted"),
];

fn why(n: i64) -> &'static str {
    WHYS.iter().find(|(w, _)| *w as i64 == n).map_or("", |(_, text)| text)
}

pub(super) fn tell(line: &Line) -> String {
    let (a, b) = (line.a, line.b);
    match line.code {
        code::ARRIVED if a == 1 => "a checkout arrives at the gateway".into(),
        code::ARRIVED => "an order list arrives at the gateway: it never calls Payment".into(),
        code::QUEUED => format!("all workers of Orders are busy; it waits as number {}", grouped(a)),
        code::BEGUN => format!("worker {} takes it, {} after it arrived", b + 1, span(a)),
        code::EXPIRED => "its caller has left; no worker begins it".into(),
        code::CALLED => format!("worker {} calls Payment and waits", a + 1),
        code::CALL_FAILED => format!("that came to nothing: {}", why(a)),
        code::AGAIN => {
            format!("the worker waits {} for attempt {} of layer {}", span(a), b >> 8, (b & 0xff) + 1)
        }
        code::ATTEMPT_FAILED => format!("Orders answers with an error to attempt {a}: {}", why(b)),
        code::GATEWAY_AGAIN => format!("the gateway waits {} for its attempt {b}", span(a)),
        code::GAVE_UP => format!("an error for the caller: {}", why(a)),
        code::ANSWERED => {
            let what = ["answered", "answered with the stand-in", "202, accepted: a message is with the broker"];
            format!("{}, {} after it arrived", what.get(b as usize).unwrap_or(&""), span(a))
        }
        code::TOO_LATE => format!("answered {} after it arrived, but its caller has left", span(a)),
        code::LEFT => format!("the caller leaves after {}", span(a)),
        code::PUBLISHED => format!("Orders leaves a message, partition {}; {} are there", a, grouped(b)),
        code::TAKEN => format!("consumer {} takes the message", a + 1),
        code::SLOW => format!("Payment is slow: new calls take {}", span(a)),
        code::DOWN => "Payment is down: connections are refused".into(),
        code::HUNG => "Payment hangs: new calls are never answered".into(),
        code::WELL if b > 0 => format!("Payment is well again; {b} calls hang for ever"),
        code::WELL => "Payment is well again".into(),
        code::OPENED => format!("the breaker opens: nothing reaches Payment for {}", span(a)),
        code::HALF_OPEN => format!("the breaker is half open: {a} probes may pass"),
        code::CLOSED => "the probes came back well: the breaker closes".into(),
        code::SPIKE => format!("the spike begins: {} requests a second instead of {}", grouped(a), grouped(b)),
        code::SPIKE_OVER => format!("the spike is over: {} requests a second", grouped(a)),
        code::CRASHED if b == 1 => format!("consumer {a} crashes with a message in its hands"),
        code::CRASHED => format!("consumer {a} crashes"),
        code::NO_CONSUMER => "there is no consumer to crash".into(),
        code::REBALANCED => format!("the session of consumer {a} has ended: its partitions go to others"),
        code::CONSUMER_BACK => format!("consumer {a} is back"),
        code::RESTARTED => format!("Orders restarts and loses {} requests", grouped(a)),
        code::BYSTANDER => format!("the bystander suffers: {a} % of order lists are answered, {b} workers are busy"),
        code::BYSTANDER_WELL => format!("order lists are answered again: {a} %"),
        code::KNOB => knob_now(knob::ALL, a, b),
        _ => String::new(),
    }
}

impl Services {
    pub(super) fn in_words(&self, now: Us) -> Vec<(String, String)> {
        let n = |v: u64| grouped(v as i64);
        let share = |kind| match self.share(kind, now) {
            Some(share) => format!("{} % of the last 5 s answered in time", n((share + 0.5) as u64)),
            None => "none decided in the last 5 s".into(),
        };
        let mut rows: Vec<(String, String)> = vec![("Order list".into(), share(0)), ("Checkout".into(), share(1))];
        let doing = |doing| self.count(doing);
        rows.push((
            "Workers of Orders".into(),
            format!(
                "{} idle, {} with their own work, {} waiting for Payment, {} waiting to try again",
                doing(Doing::Idle),
                doing(Doing::Own),
                doing(Doing::Payment),
                doing(Doing::Backoff)
            ),
        ));
        let (waiting, oldest) = self.line(now);
        let oldest = oldest.map_or(String::new(), |age| format!(", the oldest for {age}"));
        rows.push(("Line".into(), format!("{} requests{oldest}", n(waiting as u64))));
        let health = match self.health {
            Health::Well => format!("well, answers in {}", self.s.payment),
            Health::Slow(span) => format!("slow, answers in {span}"),
            Health::Down => "down, refuses connections".into(),
            Health::Hung => "hangs".into(),
        };
        let (running, hung) = self.in_payment();
        rows.push(("Payment".into(), format!("{health}; {running} calls in it, {hung} that never end")));
        if let Some(state) = self.breaker_state(now) {
            let state = match state {
                State::Closed => "closed",
                State::Open => "open",
                State::HalfOpen => "half open",
            };
            rows.push(("Breaker".into(), state.into()));
        }
        if let Some((inside, room)) = self.bulkhead() {
            rows.push(("Bulkhead".into(), format!("{inside} of {room}")));
        }
        let (attempts, layers, calls) = self.tree();
        rows.push((
            "Retries".into(),
            format!("{attempts} attempts in each of {layers} layers: up to {} calls", n(calls)),
        ));
        if self.s.mode != Mode::Sync {
            let names = ["payments", "analytics", "audit"];
            for group in 0..self.groups() {
                let (hired, alive, busy) = self.consumers(group);
                let name = names.get(group).unwrap_or(&"");
                rows.push((
                    format!("Consumers, {name}"),
                    format!("{alive} of {hired} alive, {busy} busy, {} messages to go", n(self.backlog(group))),
                ));
            }
        }
        let ([protobuf, json], sent) = self.wire();
        let which = if sent { "protobuf" } else { "JSON" };
        rows.push((
            "Message".into(),
            format!("{} bytes as protobuf, {} as JSON; {which} is sent", n(protobuf.into()), n(json.into())),
        ));
        rows
    }
}
