//! What happened, in words.

use super::*;
use crate::decimal::fixed;
use crate::look::{capital, span};

/// What a line of the log is about.
pub(super) mod code {
    pub const STUCK: u8 = 0;
    pub const COMPLETED: u8 = 1;
    pub const COMPENSATED: u8 = 2;
    pub const READ: u8 = 3;
    pub const REFUSED: u8 = 4;
    pub const PLACED: u8 = 5;
    pub const CRASH: u8 = 6;
    pub const DOWN: u8 = 7;
    pub const UP: u8 = 8;
    pub const ARMED_KILL: u8 = 9;
    pub const NO_COORDINATOR: u8 = 10;
    pub const ARMED_CRASH: u8 = 11;
    pub const ARMED_SINGLE: u8 = 12;
    pub const ARMED_FAIL: u8 = 13;
    pub const PAUSED: u8 = 14;
    pub const LOST: u8 = 15;
    pub const SENT: u8 = 16;
    pub const TWICE: u8 = 17;
    pub const BROKER_FULL: u8 = 18;
    pub const NOBODY: u8 = 19;
    pub const REDELIVERED: u8 = 20;
    pub const HELD: u8 = 21;
    pub const ROW: u8 = 22;
    pub const BEGINS: u8 = 23;
    pub const LOST_WORK: u8 = 24;
    pub const FAILED: u8 = 25;
    pub const REPEATED: u8 = 26;
    pub const DECLINED: u8 = 27;
    pub const DOUBLE: u8 = 28;
    pub const APPLIED: u8 = 29;
    pub const LOST_SALE: u8 = 30;
    pub const UNDONE: u8 = 31;
    pub const WAITS_STOCK: u8 = 32;
    pub const LOCK_TIMEOUT: u8 = 33;
    pub const IGNORED: u8 = 34;
    pub const KILLED: u8 = 35;
    pub const OVERDUE: u8 = 36;
    pub const RESUMED: u8 = 37;
    pub const ARRIVED: u8 = 38;
    pub const DECIDES: u8 = 39;
    pub const ABORTED: u8 = 40;
    pub const SESSION_BROKE: u8 = 41;
    pub const WAITS_LOCK: u8 = 42;
    pub const BEHIND_DOUBT: u8 = 43;
    pub const GETS_LOCK: u8 = 44;
}

const NODES: [&str; 7] =
    ["Order", "Payment", "Inventory", "Shipping", "the coordinator", "the broker", "the read model"];
const STEPS: [&str; 5] = ["create order", "reserve stock", "charge", "ship", "confirm order"];
const UNDO: [&str; 5] = ["cancel order", "release stock", "refund", "recall parcel", "reopen order"];

fn name(list: &'static [&'static str], i: i64) -> &'static str {
    list.get(i as usize).copied().unwrap_or("?")
}

/// What a message says, in two words.
pub fn body_name(body: Body) -> &'static str {
    match body {
        Body::Do(s) => name(&STEPS, i64::from(s)),
        Body::Undo(s) => name(&UNDO, i64::from(s)),
        Body::Done(s) => name(&["created", "reserved", "charged", "shipped", "confirmed"], i64::from(s)),
        Body::Declined(s) => {
            name(&["not created", "no stock", "card declined", "not shipped", "not confirmed"], i64::from(s))
        }
        Body::Undone(s) => name(&["cancelled", "released", "refunded", "recalled", "reopened"], i64::from(s)),
        Body::Work => "work",
        Body::WorkDone => "done",
        Body::WorkFailed => "failed",
        Body::Prepare => "prepare",
        Body::Yes => "yes",
        Body::No => "no",
        Body::Commit => "commit",
        Body::Abort => "abort",
        Body::Ack => "ack",
        Body::Ask => "which was it?",
        Body::Reset => "session broken",
    }
}

fn body(word: i64) -> &'static str {
    body_name(Body::from_word(word as u64))
}

/// Who sent what to whom, from a packed leg.
fn leg(word: i64, legs: i64) -> String {
    let (from, to) = (name(&NODES, legs >> 8 & 0xff), name(&NODES, legs & 0xff));
    match legs >> 16 {
        2 => format!("{from} confirms to {to} that it has stored \"{}\"", body(word)),
        3 => format!("{from} delivers \"{}\" to {to}", body(word)),
        4 => format!("{from} acknowledges \"{}\" to {to}", body(word)),
        1 => format!("{from} publishes \"{}\"", body(word)),
        _ => format!("{from} sends \"{}\" to {to}", body(word)),
    }
}

pub(super) fn tell(line: &Line) -> String {
    let (a, b) = (line.a, line.b);
    let order = line.request;
    match line.code {
        code::STUCK => format!(
            "Order {order} is stuck for ever: it is neither completed nor compensated, and no message, timer or row is left that could move it."
        ),
        code::COMPLETED => format!("Order {order} is complete: all services agree, {} after it arrived.", span(a)),
        code::COMPENSATED => {
            format!("Order {order} has come to nothing: all services agree, {} after it arrived.", span(a))
        }
        code::READ => format!("Somebody reads order {order} half done, and nothing says so."),
        code::REFUSED if a == 1 => format!("Order {order} is refused at the door: nobody is there who could take it."),
        code::REFUSED => format!("Order {order} is refused at the door: too many orders are in between."),
        code::PLACED => format!("A customer orders article {a}."),
        code::CRASH => format!(
            "{} crashes at order {order}, at \"{}\": {}.",
            capital(name(&NODES, b & 0xff)),
            AT.get(a as usize).map_or("?", |t| t.1),
            WHEN.get((b >> 8) as usize).map_or("?", |t| t.1)
        ),
        code::DOWN => format!("{} is down for {}.", capital(name(&NODES, a)), span(b)),
        code::UP => format!("{} is back.", capital(name(&NODES, a))),
        code::ARMED_KILL if a == 1 => "The coordinator of the next order dies when the answers are in.".to_string(),
        code::ARMED_KILL | code::NO_COORDINATOR => {
            "There is no coordinator to kill: the services follow events.".to_string()
        }
        code::ARMED_CRASH => format!(
            "A crash is waiting at {}: {}.",
            AT.get(a as usize).map_or("?", |t| t.1),
            WHEN.get(b as usize).map_or("?", |t| t.1)
        ),
        code::ARMED_SINGLE => format!(
            "{} will be {}.",
            capital(KINDS.get(a as usize).map_or("?", |t| t.1)),
            if b == 1 { "duplicated" } else { "dropped" }
        ),
        code::ARMED_FAIL => format!("The next {a} attempts at a compensation will fail."),
        code::PAUSED => format!("The read model stops for {}.", span(a)),
        code::LOST => format!("Lost: {}.", leg(a, b)),
        code::SENT => format!("{}.", capital(&leg(a, b))),
        code::TWICE => format!("Twice: {}.", leg(a, b)),
        code::BROKER_FULL => format!("The broker is full and refuses \"{}\".", body(a)),
        code::NOBODY => format!("{}: nobody answers there.", capital(&leg(a, b))),
        code::REDELIVERED => {
            format!("No acknowledgement for \"{}\" yet: the broker delivers it again, {} before this.", body(a), b)
        }
        code::HELD => format!("{}: it is down. The broker keeps the message.", capital(&leg(a, b))),
        code::ROW => {
            format!("{} commits, and \"{}\" is a row in its outbox in the same transaction.", name(&NODES, b), body(a))
        }
        code::BEGINS => format!("{} begins a local transaction: {}.", name(&NODES, b), body(a)),
        code::LOST_WORK => {
            format!("{} crashed in the middle of \"{}\": the local transaction rolls back.", name(&NODES, b), body(a))
        }
        code::FAILED => {
            format!("\"{}\" fails and will be retried until it succeeds. {b} more failures to come.", capital(body(a)))
        }
        code::REPEATED => {
            format!("{} has processed \"{}\" before: its inbox says so. No second effect.", name(&NODES, b), body(a))
        }
        code::DECLINED => format!(
            "Order {order}: {}.",
            match b {
                1 => "the card is declined, so what was done before has to be taken back",
                2 => "the warehouse declines the reservation, so what was done before has to be taken back",
                3 => "out of stock, so what was done before has to be taken back",
                _ => "out of stock, although a unit is only reserved and may come back",
            }
        ),
        code::DOUBLE if a & 8 != 0 => {
            format!("Order {order}: \"{}\" a second time. No inbox has recognised the repeat.", name(&UNDO, a & 7))
        }
        code::DOUBLE => {
            format!("Order {order}: \"{}\" a second time. No inbox has recognised the repeat.", name(&STEPS, a))
        }
        code::APPLIED => format!("{} commits: {}.", name(&NODES, b), name(&STEPS, a)),
        code::LOST_SALE => {
            format!("Article {a}: the unit of order {order} comes back, after somebody was refused for it.")
        }
        code::UNDONE => {
            format!("{} commits the compensation: {}. The first fact stays on record.", name(&NODES, b), name(&UNDO, a))
        }
        code::WAITS_STOCK => format!("Order {order} waits: the last unit of article {a} is reserved, not sold."),
        code::LOCK_TIMEOUT => format!("Order {order} has waited too long for article {a} and gives up."),
        code::IGNORED => format!("The orchestrator is not waiting for \"{}\" and ignores it.", body(a)),
        code::KILLED if a == 1 => format!(
            "All votes for order {order} are in. The coordinator dies before it has written its decision: down for {}.",
            span(b)
        ),
        code::KILLED => format!(
            "The pivot of order {order} is answered. The orchestrator dies before it has written that down: down for {}.",
            span(b)
        ),
        code::OVERDUE => "No reply within the timeout: the orchestrator sends the command again.".to_string(),
        code::RESUMED => "The orchestrator is back, reads its log and sends the command again.".to_string(),
        code::ARRIVED => format!("\"{}\" arrives at {}.", capital(body(a)), name(&NODES, b & 0xff)),
        code::DECIDES if body(a) == "commit" => {
            "The decision is on the log: commit. From here on nothing can stop it.".to_string()
        }
        code::DECIDES => "The coordinator aborts. There is no record of it: abort is presumed.".to_string(),
        code::ABORTED => format!(
            "{} aborts and gives back its locks. Nothing was visible, nothing has to be taken back.",
            name(&NODES, a)
        ),
        code::SESSION_BROKE => format!("{} has not voted, sees the session break, and aborts alone.", name(&NODES, a)),
        code::WAITS_LOCK => format!("Waits for the row of article {a}: order {b} holds it."),
        code::BEHIND_DOUBT => format!(
            "Order {order} waits behind order {b}, which is in doubt on article {a} while its coordinator is dead."
        ),
        code::GETS_LOCK => format!("Gets the row of article {a} from order {b}."),
        _ => String::new(),
    }
}

const ORDERS_IN_WORDS: usize = 8;

/// One order as each of the four databases has it.
fn databases(m: &SagaConsistency, o: &Purchase) -> String {
    let status = match o.status {
        Status::None => "no row",
        Status::Pending => "pending",
        Status::Completed => "confirmed",
        Status::Compensated => "cancelled",
    };
    let payment = match (o.done[CHARGE as usize], o.undone[CHARGE as usize]) {
        (0, _) => "nothing".to_string(),
        (1, 0) => "charged".to_string(),
        (1, 1) => "charged and refunded".to_string(),
        (c, r) => format!("charged {c} times, refunded {r} times"),
    };
    let stock = if o.held > 0 { "reserved" } else { "nothing reserved" };
    let parcel = if o.gone > 0 { "shipped" } else { "no parcel" };
    let rows = format!("Order: {status}; Payment: {payment}; Inventory: {stock}; Shipping: {parcel}");
    if m.two_phase() {
        let [order, payment, inventory, shipping] = o.parts;
        return format!("{rows}. Transaction: {order:?}, {payment:?}, {inventory:?}, {shipping:?}");
    }
    rows
}

pub(super) fn words(m: &SagaConsistency, now: Us) -> Vec<(String, String)> {
    let mut rows = Vec::new();
    let mut row = |what: &str, how: String| rows.push((what.to_string(), how));
    for (n, service) in ["Order", "Payment", "Inventory", "Shipping"].iter().enumerate() {
        let locks = m.orders.values().filter(|o| o.parts[n].holds_locks()).count();
        let state = if m.up[n] { "up" } else { "down" };
        row(service, format!("{state}, {locks} locks held, {} rows in the outbox", m.outboxes[n].len()));
    }
    if m.coordinated() {
        let up = m.instance_up.iter().filter(|u| **u).count();
        row("Coordinators", format!("{up} of {} up, {} orders pending on dead ones", m.instance_up.len(), m.orphans()));
    }
    // What the four databases say about the orders in between, side by side.
    for (id, o) in m.orders.iter().filter(|(_, o)| !o.finished()).take(ORDERS_IN_WORDS) {
        row(&format!("Order {id}"), databases(m, o));
    }
    row("Broker", format!("{} messages not acknowledged", m.broker.len()));
    for (row_id, holder, since, waiting) in m.locks.held() {
        if waiting > 0 {
            row(
                &format!("Lock on article {row_id}"),
                format!("held by order {holder} for {}, {waiting} waiting", now.since(since)),
            );
        }
    }
    for (state, (count, oldest)) in STATES.iter().zip(m.by_state()) {
        if count > 0 {
            row(&format!("Orders {state}"), format!("{count}, the oldest for {}", now.since(oldest)));
        }
    }
    row(
        "Ledger",
        format!(
            "charged {}, refunded {} euros; {} units reserved, {} shipped",
            fixed(m.charged_cents as f64 / 100.0, 2),
            fixed(m.refunded_cents as f64 / 100.0, 2),
            m.reserved.iter().sum::<u32>(),
            m.shipped.iter().sum::<u32>()
        ),
    );
    row("Read model", format!("{} changes behind, by {}", m.feed.len(), m.feed_lag(now)));
    row(
        "Finished",
        format!(
            "{} completed, {} compensated or aborted, {} stuck",
            m.tally.completed, m.tally.compensated, m.tally.stuck
        ),
    );
    let armed = m.crashes.len() + m.singles.len() + m.kills.len() + m.fail_undo as usize;
    if armed > 0 {
        row("Faults waiting to happen", armed.to_string());
    }
    rows
}
