//! What happened, in words.

use super::declare::{KINDS, STEPS};
use super::*;
use crate::blocks::idempotency::{FINISHED, STARTED};
use crate::decimal::fixed;
use crate::look::{capital, knob_now, span};

/// What a line of the log is about.
pub(super) mod code {
    pub const LOST: u8 = 0;
    pub const SENT: u8 = 1;
    pub const TWICE: u8 = 2;
    pub const CLOSED: u8 = 3;
    pub const BEGINS: u8 = 4;
    pub const TIMEOUT: u8 = 5;
    pub const TOO_LATE: u8 = 6;
    pub const HEARS: u8 = 7;
    pub const DIFFERS: u8 = 8;
    pub const MISLED: u8 = 9;
    pub const GAVE_UP: u8 = 10;
    pub const NEW_KEY: u8 = 11;
    pub const AGAIN: u8 = 12;
    pub const NOTHING_YET: u8 = 13;
    pub const ARMED_SINGLE: u8 = 14;
    pub const ARMED_CRASH: u8 = 15;
    pub const FAILED_OVER: u8 = 16;
    pub const WRONG_CART: u8 = 17;
    pub const ARMED_NEW_KEY: u8 = 18;
    pub const EXPIRED: u8 = 19;
    pub const ANSWERS: u8 = 20;
    pub const NOBODY: u8 = 21;
    pub const CHECKED: u8 = 22;
    pub const CLAIMED: u8 = 23;
    pub const TAKEN_OVER: u8 = 24;
    pub const CONFLICT: u8 = 25;
    pub const MISMATCH: u8 = 26;
    pub const CALLS_AGAIN: u8 = 27;
    pub const PROVIDER_SILENT: u8 = 28;
    pub const PROVIDER_KNOWS: u8 = 29;
    pub const DECLINED: u8 = 30;
    pub const CHARGED: u8 = 31;
    pub const CHARGED_AGAIN: u8 = 32;
    pub const NOBODY_ASKED: u8 = 33;
    pub const RECORDED: u8 = 34;
    pub const POINT: u8 = 35;
    pub const SAVED: u8 = 36;
    pub const SUPERSEDED: u8 = 37;
    pub const CRASHED: u8 = 38;
    pub const RESTARTED: u8 = 39;
    pub const KNOB: u8 = 40;
}

/// An answer in a word or two, with its status where the reader cannot choose it.
pub fn answer_name(m: &IdempotentApi, answer: Answer) -> String {
    let word = match answer {
        Answer::Outcome { reply, replayed: true } if reply.paid() => "paid, replayed",
        Answer::Outcome { replayed: true, .. } => "declined, replayed",
        Answer::Outcome { reply, .. } if reply.paid() => "paid",
        Answer::Outcome { .. } => "declined",
        Answer::InProgress => "in progress",
        Answer::Mismatch => "other payload",
        Answer::NoKey => "no key",
        Answer::Unknown => "unknown",
        Answer::Busy => "busy",
    };
    format!("{} {word}", m.status(answer))
}

fn node(n: i64) -> &'static str {
    if n == 0 { "Node A" } else { "Node B" }
}

fn euros(cents: i64) -> String {
    format!("{} EUR", fixed(cents as f64 / 100.0, 2))
}

fn named(list: &'static [(&'static str, &'static str)], i: i64) -> &'static str {
    list.get(i as usize).map_or("?", |e| e.1)
}

pub(super) fn tell(line: &Line) -> String {
    let (a, b, no) = (line.a, line.b, line.request);
    match line.code {
        code::LOST => format!("Lost: the {} of attempt {b} of payment {no}. Nobody is told.", named(KINDS, a)),
        code::SENT => format!("The {} is on its way ({}).", named(KINDS, a), node(b)),
        code::TWICE => format!("The {} of payment {no} will arrive twice.", named(KINDS, a)),
        code::CLOSED => "Too many payments are under way: a new one is refused at the door.".to_string(),
        code::BEGINS => format!("The customer wants to pay {}. The client makes key {b} and stores it.", euros(a)),
        code::TIMEOUT => format!(
            "Nothing heard of attempt {a}. Lost on the way there, or done and lost on the way back? The client cannot tell."
        ),
        code::TOO_LATE => format!("A reply to attempt {a} arrives after the client stopped listening."),
        code::HEARS => format!("The client hears {a} for attempt {b}."),
        code::DIFFERS => format!("Payment {no}: the client hears another outcome than before."),
        code::MISLED => {
            format!("Payment {no}: the client asked for {} and is told that {} are paid.", euros(a), euros(b))
        }
        code::GAVE_UP if b == 1 => format!(
            "Payment {no}: the client gives up after {a} attempts and does not know. It keeps the key and will ask again."
        ),
        code::GAVE_UP => {
            format!("Payment {no}: the client gives up after {a} attempts and does not know. It will not ask again.")
        }
        code::NEW_KEY => format!(
            "Payment {no}: the client makes a new key, {a}, for its retry. To the server this is another payment."
        ),
        code::AGAIN => format!("Payment {no} is sent again with its key."),
        code::NOTHING_YET => "There is no payment yet that could be sent again.".to_string(),
        code::ARMED_SINGLE => {
            format!("The next {} will {}.", named(KINDS, a), if b == 1 { "arrive twice" } else { "be lost" })
        }
        code::ARMED_CRASH => format!("A crash is waiting: {}.", named(STEPS, a)),
        code::FAILED_OVER if b == 1 => format!("The cache fails over. Its replica was behind: {a} writes are lost."),
        code::FAILED_OVER => {
            "The database fails over. Every commit had reached the standby: nothing is lost.".to_string()
        }
        code::WRONG_CART => format!("The key of payment {no} is sent with another amount, {}.", euros(a)),
        code::ARMED_NEW_KEY => format!("The next {a} retries will make a new key."),
        code::EXPIRED if b == 1 => format!("Time passes: our keys and the provider's are forgotten, {a} in all."),
        code::EXPIRED => format!("The retention passes: {a} keys are forgotten."),
        code::ANSWERS if b & 1 == 1 => format!("{} answers {a} with the saved reply.", node(b >> 1)),
        code::ANSWERS => format!("{} answers {a}.", node(b >> 1)),
        code::NOBODY => format!("{} is down. Nobody answers.", node(a)),
        code::CHECKED => {
            format!("No reply is stored for key {a}. Nothing is reserved: whoever asks now hears the same.")
        }
        code::CLAIMED => format!("Key {a} is claimed: a unique insert, so nobody else can."),
        code::TAKEN_OVER if b >= i64::from(super::CHARGED) => format!(
            "Payment {no}: the lease on key {a} has lapsed. This attempt takes over after the charge, and does not charge again."
        ),
        code::TAKEN_OVER => {
            format!("Payment {no}: the lease on key {a} has lapsed. This attempt takes over from the start.")
        }
        code::CONFLICT if b < 0 => format!("Key {a} is claimed and has no lease: it stays so until it expires."),
        code::CONFLICT => format!("Key {a} is claimed by another attempt, for {} at most.", span(b)),
        code::MISMATCH => format!("Payment {no}: key {a} stands for another payload. Answer {b}, and nothing is done."),
        code::CALLS_AGAIN if b == 1 => {
            "The provider is still at work on this key. The node asks again in a moment.".to_string()
        }
        code::CALLS_AGAIN => {
            format!("No answer from the provider to call {a}. With its own key the call can be repeated.")
        }
        code::PROVIDER_SILENT => {
            format!("Payment {no}: no answer from the provider, and no key to ask again with. {} answers 504.", node(a))
        }
        code::PROVIDER_KNOWS => format!("The provider knows this key: charge {a} was made before. No second one."),
        code::DECLINED => {
            "The provider declines the card. That is an outcome, and it is saved like any other.".to_string()
        }
        code::CHARGED => format!("The provider charges {}.", euros(a)),
        code::CHARGED_AGAIN => format!("Payment {no} is charged for the {a}. time: {} more.", euros(b)),
        code::NOBODY_ASKED => format!("The provider's answer reaches {}, where nobody waits for it any more.", node(a)),
        code::RECORDED if b == 1 => {
            format!("{} commits: the payment and the recovery point \"charged\", in one transaction.", node(a))
        }
        code::RECORDED => format!("{} commits: the payment is in our books.", node(a)),
        code::POINT => format!("Key {a}: recovery point \"charged\"."),
        code::SAVED => format!("Key {a}: the reply, {b}, is saved."),
        code::SUPERSEDED => format!(
            "Payment {no}: {} comes back after its lease. The key has another owner, so it may not write.",
            node(a)
        ),
        code::CRASHED => {
            format!("{} crashes at payment {no}: {}. It says nothing to anybody.", node(a), named(STEPS, b))
        }
        code::RESTARTED => format!("{} is back.", node(a)),
        code::KNOB => format!("{}.", capital(&knob_now(super::knob::ALL, a, b))),
        _ => String::new(),
    }
}

/// The recovery point of a key in words.
pub fn point_name(point: u8) -> &'static str {
    match point {
        STARTED => "started",
        FINISHED => "finished",
        _ => "charged",
    }
}

fn known(i: &Intent) -> &'static str {
    match i.known {
        Known::NotYet => "the client is trying",
        Known::Unresolved => "the client does not know",
        Known::Paid => "known as paid",
        Known::Declined => "known as declined",
        Known::Refused => "refused, nothing done",
    }
}

const PAYMENTS_IN_WORDS: usize = 6;

pub(super) fn words(m: &IdempotentApi, now: Us) -> Vec<(String, String)> {
    let mut rows = Vec::new();
    let mut row = |what: &str, how: String| rows.push((what.to_string(), how));
    let names = ["Node A", "Node B"];
    for (n, name) in names.iter().enumerate() {
        let work = m.in_hand(n as u8).count();
        row(name, format!("{}, {work} requests in hand", if m.up[n] { "up" } else { "down" }));
    }
    let place = if m.cached { "in a cache whose replica is late" } else { "in the payments' database" };
    row("Key store", format!("{} keys, {place}", m.keys.len()));
    for i in m.recent.iter().rev().take(PAYMENTS_IN_WORDS).filter_map(|no| m.intent(*no)) {
        let key = match m.row(i, now) {
            None => "no row".to_string(),
            Some(r) => {
                let lease = match (r.finished(), r.lease_until) {
                    (true, _) => String::new(),
                    (false, Us::MAX) => ", no lease".to_string(),
                    (false, until) => format!(", lease for {}", until.since(now)),
                };
                format!("{}{lease}", point_name(r.point))
            }
        };
        row(
            &format!("Payment {}", i.no),
            format!(
                "{}, {} attempts, charged {} times; {}; key {}: {key}",
                euros(i64::from(i.cents)),
                i.attempts,
                i.charges,
                known(i),
                i.key
            ),
        );
    }
    let t = &m.tally;
    row(
        "Ledger",
        format!(
            "charged {}, of that twice {}; known as paid {}",
            euros(t.charged_cents as i64),
            euros(t.duplicate_cents as i64),
            euros(t.succeeded_cents as i64)
        ),
    );
    row("Payments", format!("{} under way, {} unresolved", t.open, t.unresolved));
    let armed = m.crashes.len() + m.singles.len() + m.new_keys as usize;
    if armed > 0 {
        row("Faults waiting to happen", armed.to_string());
    }
    rows
}
