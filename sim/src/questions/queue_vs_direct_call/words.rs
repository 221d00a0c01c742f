//! What happened, in words.

use super::*;
use crate::decimal::fixed;
use crate::look::{capital, knob_now, span};

/// What a line of the log is about.
pub(super) mod code {
    pub const ALL_DONE: u8 = 0;
    pub const LOST: u8 = 1;
    pub const CRASH: u8 = 2;
    pub const SINGLED: u8 = 3;
    pub const ARMED: u8 = 4;
    pub const LOOKED: u8 = 5;
    pub const SENT_AGAIN: u8 = 6;
    pub const NO_ACK: u8 = 7;
    pub const API_UP: u8 = 8;
    pub const RELAY_UP: u8 = 9;
    pub const BROKER_UP: u8 = 10;
    pub const SLOW: u8 = 11;
    pub const DOWN: u8 = 12;
    pub const BROKER_DOWN: u8 = 13;
    pub const ARMED_POISON: u8 = 14;
    pub const ARMED_CRASH: u8 = 15;
    pub const KILLED: u8 = 16;
    pub const ALL_LOOK: u8 = 17;
    pub const BURST: u8 = 18;
    pub const TURNED_AWAY: u8 = 19;
    pub const ASKED: u8 = 20;
    pub const CALL_FAILED: u8 = 21;
    pub const CALLS: u8 = 22;
    pub const CALLED: u8 = 23;
    pub const OUTBOX_FULL: u8 = 24;
    pub const SAVED: u8 = 25;
    pub const ANSWERED: u8 = 26;
    pub const API_DIED: u8 = 27;
    pub const PUBLISHES: u8 = 28;
    pub const NOT_STORED: u8 = 29;
    pub const NO_BROKER: u8 = 30;
    pub const STORED: u8 = 31;
    pub const RECOGNISED: u8 = 32;
    pub const BEGINS: u8 = 33;
    pub const TRY_FAILED: u8 = 34;
    pub const DOUBLED: u8 = 35;
    pub const EFFECT: u8 = 36;
    pub const DISORDER: u8 = 37;
    pub const PAUSES: u8 = 38;
    pub const DIED: u8 = 39;
    pub const HANDS_EMPTY: u8 = 40;
    pub const EXPELLED: u8 = 41;
    pub const MEMBER_UP: u8 = 42;
    pub const REDRIVEN: u8 = 43;
    pub const KNOB: u8 = 44;
}

/// The four services.
pub const NAMES: [&str; SERVICES] = ["Tax", "PDF", "Email", "Ledger"];

fn name(service: i64) -> &'static str {
    NAMES.get(service as usize).copied().unwrap_or("?")
}

/// The names of a set of services: `Tax, Email`.
fn names(bits: i64) -> String {
    let all: Vec<&str> = NAMES.iter().enumerate().filter(|(i, _)| bits >> i & 1 != 0).map(|(_, n)| *n).collect();
    all.join(", ")
}

fn entry(list: &'static [(&'static str, &'static str)], i: i64) -> &'static str {
    list.get(i as usize).map_or("?", |e| e.1)
}

pub(super) fn tell(line: &Line) -> String {
    let (a, b) = (line.a, line.b);
    let saved = if a == 1 { " The invoice is saved all the same." } else { "" };
    let half = |bits: i64| match bits {
        0 => String::new(),
        _ => format!(" {} had done their work already.", names(bits)),
    };
    match line.code {
        code::ALL_DONE => format!("All services have had it, {} after the request.", span(a)),
        code::LOST => format!("Lost: {} will never hear of it, and nothing says so.", names(a)),
        code::CRASH => format!("Crash, {}. Back in {}.", entry(declare::AT, a), span(b)),
        code::SINGLED => {
            let what = ["lost", "sent twice", "late"][(b as usize).min(2)];
            format!("A message is {what}: {}.", entry(declare::KINDS, a))
        }
        code::ARMED => format!("Waiting for the next message of this kind: {}.", entry(declare::KINDS, a)),
        code::LOOKED if b == 1 => format!("The user looks whether it is there (look {a}): \"in progress\"."),
        code::LOOKED => format!("The user looks whether it is there (look {a}): there is no such invoice."),
        code::SENT_AGAIN => "The user does not find the invoice and sends it again. Now there are two.".to_string(),
        code::NO_ACK => format!("No ack from the broker in time: the user is told no.{saved}"),
        code::API_UP => "The API is back.".to_string(),
        code::RELAY_UP => format!("The relay is back and finds {a} rows in the outbox."),
        code::BROKER_UP => "The broker is back.".to_string(),
        code::SLOW => format!("{} takes {} now.", name(a), span(b)),
        code::DOWN => format!("{} is down for {}.", name(a), span(b)),
        code::BROKER_DOWN => format!("The broker is down for {}.", span(a)),
        code::ARMED_POISON => format!("The next request will be one that {} can never process.", name(a)),
        code::ARMED_CRASH => format!("A crash is waiting, {}.", entry(declare::AT, a)),
        code::KILLED => format!("Consumer {b} of {} is killed.", name(a)),
        code::ALL_LOOK => format!("Everybody looks at once; {a} events are not done."),
        code::BURST => format!("{a} more requests within a second."),
        code::TURNED_AWAY => {
            let why = ["the API is down", "the API is not available", "too many requests are open"];
            format!("Turned away: {}.", why[(a as usize).min(2)])
        }
        code::ASKED if a == 0 => format!("A user (customer {b}) creates an invoice."),
        code::ASKED => format!("A user (customer {b}) corrects invoice {a}."),
        code::CALL_FAILED => format!("A call has failed, so the request fails and nothing is saved.{}", half(b)),
        code::CALLS => format!("The API calls {} and waits.", name(a)),
        code::CALLED => {
            let how =
                ["has answered", "has failed", "does not answer in time, and may have done its work all the same"];
            format!("{} {}.", name(a), how[(b as usize).min(2)])
        }
        code::OUTBOX_FULL => format!("The outbox is full: the transaction rolls back.{}", half(b)),
        code::SAVED if b > 0 => format!("One transaction: invoice {a}, and row {b} in the outbox."),
        code::SAVED => format!("Invoice {a} is committed. The event is only in memory."),
        code::ANSWERED if b == 1 => format!("202 after {}: accepted, come back later.", span(a)),
        code::ANSWERED => format!("201 after {}: everything is done.", span(a)),
        code::API_DIED => format!("The API has died with this request: the user sees an error.{saved}{}", half(b)),
        code::PUBLISHES if a > 0 => format!("The relay publishes row {a}."),
        code::PUBLISHES => "The API publishes the event and waits for the ack.".to_string(),
        code::NOT_STORED if a > 0 => {
            "The broker does not take it. The row stays, and the relay tries again.".to_string()
        }
        code::NOT_STORED => "The broker does not take it, and nobody will try again.".to_string(),
        code::NO_BROKER => format!("The broker refuses: the user is told no.{saved}"),
        code::STORED if a >= 0 => format!("The broker has stored it: partition {}, offset {b}.", a + 1),
        code::STORED => "The broker has stored it, in a queue for each service.".to_string(),
        code::RECOGNISED => format!("{} has had this message before: its inbox says so. No second effect.", name(a)),
        code::BEGINS => format!("Consumer {b} of {} begins.", name(a)),
        code::TRY_FAILED => {
            let why = ["", "it can never process this message", "the service is down", "bad luck"];
            format!("{} fails: {}.", name(a), why[(b as usize).min(3)])
        }
        code::DOUBLED => format!("{} does it a second time. No inbox has recognised the repeat.", name(a)),
        code::EFFECT => format!("{} has done it.", name(a)),
        code::DISORDER => {
            format!("{} applies this after a later message of the same invoice: the old state stands.", name(a))
        }
        code::PAUSES => format!("Try {b} has failed. A pause of {}, and everything behind it waits.", span(a)),
        code::DIED => format!("{} gives up after {b} tries: a dead letter.", name(a)),
        code::HANDS_EMPTY if b == 1 => format!("A consumer of {} dies with it, acknowledged already: gone.", name(a)),
        code::HANDS_EMPTY => {
            format!("A consumer of {} dies with it. It was not acknowledged and comes again.", name(a))
        }
        code::EXPELLED => format!("{} hears no heartbeat of consumer {b}: others take its partitions.", name(a)),
        code::MEMBER_UP => format!("Consumer {b} of {} is back.", name(a)),
        code::REDRIVEN => format!("{b} dead letters of {} are sent again.", name(a)),
        code::KNOB => format!("{}.", capital(&knob_now(knob::ALL, a, b))),
        _ => String::new(),
    }
}

/// What a consumer is at.
pub fn doing_word(alive: bool, doing: Doing) -> &'static str {
    match (alive, doing) {
        (false, _) => "dead",
        (_, Doing::Idle) => "idle",
        (_, Doing::Fetching) => "asks again",
        (_, Doing::Working) => "works",
        (_, Doing::Pausing) => "pauses before the next try",
        (_, Doing::Skipping) => "skips a repeat",
    }
}

pub(super) fn words(m: &QueueVsDirectCall, now: Us) -> Vec<(String, String)> {
    let mut rows = Vec::new();
    let mut row = |what: &str, how: String| rows.push((what.to_string(), how));
    let t = &m.tally;
    let state = if m.api_up { "up" } else { "down" };
    let longest = m.longest_wait(now).map_or(String::new(), |w| format!(", the longest for {w}"));
    row("Invoice API", format!("{state}, {} users waiting{longest}", m.waiting_users()));
    row("Answered", format!("{} accepted, {} failed, {} saved", t.ok, t.failed, t.saved));
    if m.s.messaged != 0 {
        if m.s.outbox {
            let relay = if m.relay_up { "relay up" } else { "relay down" };
            row("Outbox", format!("{} rows, {relay}", m.outbox.len()));
        }
        let broker = m.broker_away(now).map_or("up".to_string(), |left| format!("down for {left} more"));
        row("Broker", broker);
        for i in 0..m.tubes() {
            let tube = m.tube(i, now);
            if tube.len > 0 {
                let what =
                    if m.s.log { format!("Partition {}", i + 1) } else { format!("Queue of {}", name(i as i64)) };
                row(&what, format!("{} messages, the oldest for {}", tube.len, tube.oldest));
            }
        }
    }
    for (g, service) in NAMES.iter().enumerate() {
        let h = m.health(g, now);
        let mut how = if h.messaged {
            let count = |want: fn(bool, Doing) -> bool| m.members(g).filter(|c| want(c.0, c.1)).count();
            let dead = count(|alive, _| !alive);
            let pausing = count(|alive, d| alive && d == Doing::Pausing);
            format!(
                "by message; {} of {} consumers work, {pausing} pause, {dead} dead; {} behind, by {} s; {} dead letters",
                count(|alive, d| alive && d == Doing::Working),
                m.members(g).count(),
                h.backlog,
                fixed(h.lag.as_s(), 1),
                h.dead
            )
        } else {
            format!("in line, {} calls now", h.calls)
        };
        if let Some((takes, left)) = h.slow {
            how += &format!("; slow, {takes} for {left} more");
        }
        if let Some(left) = h.down {
            how += &format!("; down for {left} more");
        }
        row(service, how);
    }
    row(
        "Gone wrong",
        format!(
            "{} lost, {} effects doubled, {} out of order, {} half done, {} saved but told no, {} sent again",
            t.lost, t.doubled, t.disorder, t.half, t.ghosts, t.again
        ),
    );
    let armed = m.crashes.len() + m.singles.len() + m.poisons.len();
    if armed > 0 {
        row("Faults waiting to happen", armed.to_string());
    }
    rows
}
