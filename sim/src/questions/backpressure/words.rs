//! The run in words: log lines, the story of a request or a record, and the picture as rows of text.

use super::{Backpressure, SpanKind, Why, knob};
use crate::decimal::grouped as thousands;
use crate::kernel::{Line, Us};
use crate::look::{knob_now, tenths};

/// Codes of what can happen. The first group is about one request or record.
pub(super) mod code {
    pub const PRODUCED: u8 = 0;
    pub const TRIED_AGAIN: u8 = 1;
    pub const LET_IN: u8 = 2;
    pub const HELD: u8 = 3;
    pub const BEGUN: u8 = 4;
    pub const ANSWERED: u8 = 5;
    pub const WASTED: u8 = 6;
    pub const ATTEMPT_FAILED: u8 = 7;
    pub const BACKS_OFF: u8 = 8;
    pub const GAVE_UP: u8 = 9;
    pub const APPENDED: u8 = 10;
    pub const POLLED: u8 = 11;
    pub const TAKEN: u8 = 12;
    pub const PROCESSED: u8 = 13;
    pub const PROCESSED_AGAIN: u8 = 14;

    pub const BURST: u8 = 20;
    pub const SLOW_DB: u8 = 21;
    pub const OUTAGE: u8 = 22;
    pub const OUTAGE_OVER: u8 = 23;
    pub const MENDED: u8 = 24;
    pub const HOT: u8 = 25;
    pub const DISCONNECTED: u8 = 26;
    pub const CONNECTED: u8 = 27;
    pub const KILLED: u8 = 28;
    pub const OUT_OF_MEMORY: u8 = 29;
    pub const RESTARTED: u8 = 30;
    pub const FROZEN: u8 = 31;
    pub const AWAKE: u8 = 32;
    pub const COLLAPSED: u8 = 33;
    pub const RECOVERED: u8 = 34;
    pub const KNOB: u8 = 35;
    pub const JOINED: u8 = 36;
    pub const LEFT: u8 = 37;
    pub const EXPELLED: u8 = 38;
    pub const SESSION_ENDED: u8 = 39;
    pub const COMMIT_REFUSED: u8 = 40;
    pub const CONSUMER_KILLED: u8 = 41;
    pub const CONSUMER_OUT_OF_MEMORY: u8 = 42;
}

const WHYS: [(Why, &str); 9] = [
    (Why::Full, "503, there was no room"),
    (Why::Heaviest, "429, its tenant had the most waiting when room ran out"),
    (Why::Tenant, "429, its tenant's own part of the room was full"),
    (Why::Oldest, "503, dropped as the oldest to make room for a newer one"),
    (Why::Delayed, "503, thrown out of the queue by delay control"),
    (Why::Down, "connection refused, the process was down"),
    (Why::Lost, "connection reset, the process died with it"),
    (Why::Patience, "no answer within its caller's patience"),
    (Why::Gone, "its producer was disconnected"),
];

fn why(n: i64) -> &'static str {
    WHYS.iter().find(|(w, _)| *w as i64 == n).map_or("for no known reason", |(_, text)| text)
}

pub(super) fn tell(line: &Line) -> String {
    let (a, b) = (line.a, line.b);
    let n = thousands;
    match line.code {
        code::PRODUCED => format!("producer {} makes it", a + 1),
        code::TRIED_AGAIN => format!("attempt {a}: its caller tries again"),
        code::LET_IN => format!("let in; {} wait now", n(a)),
        code::HELD => "held at the door: its producer stands still until there is room".into(),
        code::BEGUN if a == 0 => "a worker takes it at once".into(),
        code::BEGUN => format!("a worker takes it after {} in the queue", Us(a as u64)),
        code::ANSWERED => format!("answered, {} after it was let in", Us(a as u64)),
        code::WASTED => format!("answered {} after it was let in, but its caller has left: wasted work", Us(a as u64)),
        code::ATTEMPT_FAILED => format!("attempt {a} failed: {}", why(b)),
        code::BACKS_OFF => format!("its caller waits {} before it tries again", Us(a as u64)),
        code::GAVE_UP => format!("no attempt left, its caller gives up ({})", why(b)),
        code::APPENDED => format!("appended to partition {a} at offset {}", n(b)),
        code::POLLED => format!("polled by consumer {a}: in its memory now, and not committed"),
        code::TAKEN => format!("a worker of consumer {a} takes it"),
        code::PROCESSED => format!("processed by consumer {a}"),
        code::PROCESSED_AGAIN => format!("processed again, by consumer {a}: a duplicate"),
        code::BURST => format!("a burst of {}", n(a)),
        code::SLOW_DB => format!("the database is {} times slower", tenths(a)),
        code::OUTAGE => format!("outage: for {} workers and database stand still", Us(a as u64)),
        code::OUTAGE_OVER => format!("the outage is over; {} wait", n(a)),
        code::MENDED => "database, workers and producers are as they were".into(),
        code::HOT => format!("producer 1 sends {} times its share", tenths(a)),
        code::DISCONNECTED => {
            format!("producer {} is disconnected for {}: nobody waits for what it sent", a + 1, Us(b as u64))
        }
        code::CONNECTED => format!("producer {} is back", a + 1),
        code::KILLED => format!("the process is killed with {} inside and is back after {}", n(a), Us(b as u64)),
        code::OUT_OF_MEMORY => {
            format!("out of memory: the process dies with {} inside and is back after {}", n(a), Us(b as u64))
        }
        code::RESTARTED if a == 0 => "the process works again, with an empty queue".into(),
        code::RESTARTED => format!("consumer {a} has started again"),
        code::FROZEN if a == 0 => format!("the process stands still for {}", Us(b as u64)),
        code::FROZEN => format!("consumer {a} stands still for {}, heartbeats included", Us(b as u64)),
        code::AWAKE if a == 0 => "the process goes on".into(),
        code::AWAKE => format!("consumer {a} goes on"),
        code::COLLAPSED => format!("overloaded: {} of {} a second are answered in time", n(a), n(b)),
        code::RECOVERED => format!("recovered: {} of {} a second are answered in time", n(a), n(b)),
        code::KNOB => knob_now(knob::ALL, a, b),
        code::JOINED => format!("consumer {a} joins and gets {b} partitions: rebalance"),
        code::LEFT => format!("consumer {a} is out of the group, its partitions go to others: rebalance"),
        code::EXPELLED => {
            format!("consumer {a} has not polled within max.poll.interval and leaves, with {} records at work", n(b))
        }
        code::SESSION_ENDED => format!("no heartbeat from consumer {a} for the session timeout"),
        code::COMMIT_REFUSED => {
            format!("consumer {a} comes back to commit and is refused: not a member; its records come again")
        }
        code::CONSUMER_KILLED => format!("consumer {a} is killed with {} records in memory", n(b)),
        code::CONSUMER_OUT_OF_MEMORY => format!("consumer {a} is out of memory and dies with {} records", n(b)),
        _ => String::new(),
    }
}

/// A state of a consumer in two or three words.
pub fn span_word(kind: SpanKind) -> &'static str {
    match kind {
        SpanKind::Polling => "polling",
        SpanKind::Batch => "busy with its batch",
        SpanKind::Blocked => "blocked, not polling",
        SpanKind::Paused => "paused, polling",
        SpanKind::Out => "expelled, at work",
        SpanKind::Frozen => "standing still",
        SpanKind::Dead => "dead",
    }
}

impl Backpressure {
    pub(super) fn in_words(&self, now: Us) -> Vec<(String, String)> {
        let n = |v: f64| thousands((v + 0.5) as i64);
        let r = &self.rates;
        let mut rows: Vec<(String, String)> = Vec::new();
        let mut row = |what: &str, how: String| rows.push((what.to_string(), how));
        row("Produced", format!("{} a second by {} producers", n(r.offered.per_s(now)), self.tenants.len()));
        for (i, t) in self.producers(now).enumerate() {
            let how = match (t.connected, t.held_back) {
                (false, _) => "disconnected".to_string(),
                (_, true) => "held back".to_string(),
                _ => format!("{} a second", n(t.rate)),
            };
            let more = match (self.s.log, self.window()) {
                (true, _) => String::new(),
                (_, Some(w)) => format!(", {} of {w} credits in use, {} waiting", t.unanswered, t.waiting),
                _ => format!(", {} waiting", t.waiting),
            };
            row(&format!("Producer {}", i + 1), how + &more);
        }
        let age = self.oldest(now).map_or("nothing waits".into(), |a| format!("the oldest is {a} old"));
        if self.s.log {
            row("Log", format!("{} records are not committed; {age}", n(self.waiting() as f64)));
            row("Committed", format!("{} records a second", n(r.good.per_s(now))));
            let (processed, again) = (r.processed.per_s(now), r.again.per_s(now));
            row("Processed", format!("{} a second, {} of them again", n(processed), n(again)));
            for (i, m) in self.members().enumerate() {
                let how = format!(
                    "{}, owns {} partitions, {} records in memory, {} workers busy, last poll {} ago",
                    span_word(m.kind),
                    m.owns,
                    n(m.buffered as f64 + f64::from(m.busy)),
                    m.busy,
                    now.since(m.polled_at)
                );
                row(&format!("Consumer {}", i + 1), how);
            }
            row("Committed, not processed", n(self.at_risk() as f64));
        } else {
            row("In time", format!("{} answers a second, {} too late", n(r.good.per_s(now)), n(r.wasted.per_s(now))));
            row(
                "Turned away",
                format!("{} a second refused, {} dropped", n(r.refused.per_s(now)), n(r.dropped.per_s(now))),
            );
            row("Queue", format!("{} waiting, {}; {age}", n(self.waiting() as f64), self.order_word()));
            let (inside, room) = self.room_now();
            let room = room.map_or("no bound".into(), |r| format!("room for {}", n(f64::from(r))));
            let found = match self.adaptive() {
                None => String::new(),
                Some((true, _)) => ", measuring its base".into(),
                Some((_, Some(base))) => format!(", base round trip {base}"),
                Some(_) => ", adaptive".into(),
            };
            row("Inside", format!("{}, {room}{found}", n(inside as f64)));
            let (busy, all) = self.workers();
            row("Workers", format!("{busy} of {all} busy"));
        }
        let (running, pool, waiting, factor) = self.database();
        let slow = if factor > 1.0 {
            format!(", {} times slower than usual", crate::declare::show(factor))
        } else {
            String::new()
        };
        row("Database", format!("{running} of {pool} connections in use, {waiting} workers wait for one{slow}"));
        let (held, fits) = self.memory();
        row("Memory", format!("{} of {} fit", n(held as f64), n(f64::from(fits))));
        if let Some((what, left)) = self.trouble(now) {
            row("Trouble", format!("{what}, for another {left}"));
        }
        rows
    }
}
