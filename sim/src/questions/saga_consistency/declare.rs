//! What can be set, done and read: the declaration of the question.

use super::SagaConsistency;
use crate::declare::{Act, Arg, Better, Help, Knob, Measure, Number, Question};
use crate::indexed;
use crate::kernel::{Read, Told, Us, make, read, told};

const MODES: &[(&str, &str)] = &[
    ("dual-write", "Dual write"),
    ("two-phase-commit", "Two-phase commit"),
    ("orchestrated", "Saga, orchestrated"),
    ("choreographed", "Saga, choreographed"),
];
const ORDERS: &[(&str, &str)] = &[
    ("charge-last", "Reserve, charge (pivot), ship"),
    ("reserve-last", "Charge, reserve (pivot), ship"),
    ("ship-early", "Reserve, ship, charge (pivot)"),
];

indexed! { pub mod knob: Knob {
    MODE = Knob::choice("mode", "How the services agree", MODES, 2).main()
        .help("Dual write commits and then publishes. Two-phase commit locks until all agree. A saga moves step by step and takes back what it must."),
    RATE = Knob::float("rate", "Orders", 5.0, 0.0, 50.0, 0.1).unit("orders/s").live().main()
        .zero("only yours").help("Orders that arrive by themselves. 0: only the ones you place."),
    OUTBOX = Knob::toggle("outbox", "Outbox", true).main()
        .help("The event is a row in the same local transaction; a relay publishes it. Dual write never has one."),
    INBOX = Knob::toggle("inbox", "Inbox", true).main()
        .help("Consumers keep the ids of processed messages in the same transaction as the effect."),
    SEMANTIC = Knob::toggle("semantic-lock", "Semantic lock", false).main()
        .help("A pending order says so. Readers can see it, and an order for the last unit waits for the pending one."),
    STEPS = Knob::choice("steps", "Order of steps", ORDERS, 0)
        .help("Where the pivot sits: the last step that may be declined for business reasons."),
    HOT = Knob::float("hot-share", "Share of the hot article", 30.0, 0.0, 100.0, 1.0).unit("%").live()
        .help("How many of the orders want article 0. The others spread over nineteen more."),
    STOCK = Knob::int("stock", "Stock per article", 500, 0, 100_000).log()
        .help("Units on hand of each article when the run begins."),
    STEP_MS = Knob::float("step", "Time of a local step", 20.0, 0.0, 1_000.0, 1.0).unit("ms")
        .help("Mean of an exponential time for the work of one step at one service."),
    DELAY_MS = Knob::float("delay", "Message delay", 5.0, 0.1, 500.0, 0.1).unit("ms").log()
        .help("One way between any two parts."),
    LOG_MS = Knob::float("forced-write", "Forced write", 1.0, 0.0, 50.0, 0.1).unit("ms")
        .help("Time to force a record of two-phase commit to disk: prepared, decision, commit."),
    DECLINE_PAY = Knob::float("decline-payment", "Payment declined", 3.0, 0.0, 50.0, 0.5).unit("%").live()
        .help("Share of orders whose card is declined."),
    DECLINE_STOCK = Knob::float("decline-stock", "Reservation declined", 2.0, 0.0, 50.0, 0.5).unit("%").live()
        .help("Share of orders that the warehouse declines although the shelf is not empty."),
    LOSE = Knob::float("lose", "Messages lost", 0.1, 0.0, 20.0, 0.1).unit("%").live()
        .help("Chance that a message between two parts vanishes."),
    DUPLICATE = Knob::float("duplicate", "Messages duplicated", 0.1, 0.0, 20.0, 0.1).unit("%").live()
        .help("Chance that a message arrives twice."),
    RELAY_MS = Knob::float("relay", "Relay polls every", 200.0, 1.0, 5_000.0, 1.0).unit("ms").log()
        .help("How often the outbox relay looks for new rows."),
    TIMEOUT = Knob::float("timeout", "Step timeout", 5.0, 0.1, 60.0, 0.1).unit("s").log()
        .help("After so long without an answer a message is sent again. The broker redelivers after the same time."),
    RETRY = Knob::float("retry", "Retry", 1.0, 0.1, 60.0, 0.1).unit("s").log()
        .help("Full jitter: a random wait up to this before a retry. A participant in doubt asks this often."),
    LOCK_TIMEOUT = Knob::float("lock-timeout", "Lock wait timeout", 50.0, 0.1, 300.0, 0.1).unit("s").log()
        .fact("innodb_lock_wait_timeout, MySQL manual: 50 s")
        .help("How long a transaction waits for a row lock, or an order for a pending reservation, before it gives up."),
    OUTAGE = Knob::float("outage", "Coordinator outage", 30.0, 0.0, 300.0, 1.0).unit("s").live()
        .help("How long a killed coordinator or orchestrator stays away."),
    RESTART = Knob::float("restart", "Service restart", 2.0, 0.0, 60.0, 0.1).unit("s").live()
        .help("How long a crashed service stays away."),
    COORDINATORS = Knob::int("coordinators", "Coordinators", 4, 1, 16)
        .help("Instances of the coordinator or orchestrator. Each order belongs to one."),
    READS = Knob::float("reads", "Reads by others", 5.0, 0.0, 100.0, 1.0).unit("reads/s").live()
        .help("Reports and colleagues that look at a recent order across all databases."),
    PROJECT_MS = Knob::float("projection", "Read model updates every", 500.0, 1.0, 10_000.0, 1.0).unit("ms").log()
        .help("How often the projection (the CQRS read model) reads new order events."),
} }

/// Where a crash can be placed. The index is the argument of the act.
pub const AT: &[(&str, &str)] = &[
    ("any", "any step"),
    ("create", "T1 create order"),
    ("reserve", "T2 reserve stock"),
    ("charge", "T3 charge"),
    ("ship", "T4 ship"),
    ("confirm", "T5 confirm order"),
    ("cancel", "C1 cancel order"),
    ("release", "C2 release stock"),
    ("refund", "C3 refund"),
    ("recall", "C4 recall parcel"),
    ("advance", "orchestrator takes a reply"),
    ("work", "2PC work"),
    ("prepare", "2PC prepare"),
    ("decide", "2PC decision"),
    ("apply", "2PC commit"),
];
pub const WHEN: &[(&str, &str)] = &[
    ("any", "before or after"),
    ("before", "before it"),
    ("committed", "after the commit, before the message"),
    ("published", "after the message, before its mark"),
];
/// Kinds of message that can be singled out.
pub const KINDS: &[(&str, &str)] = &[
    ("any", "any message"),
    ("publish", "publish"),
    ("published", "broker's confirmation"),
    ("deliver", "delivery"),
    ("consumed", "consumer's ack"),
    ("work", "work"),
    ("done", "work done"),
    ("prepare", "prepare"),
    ("vote", "vote"),
    ("decision", "decision"),
    ("ack", "2PC ack"),
];
const SERVICES: &[(&str, &str)] =
    &[("order", "Order"), ("payment", "Payment"), ("inventory", "Inventory"), ("shipping", "Shipping")];
const SKIP: Arg = Arg::int("skip", "Let pass first", 0, 0, 100_000).help("How many matching moments to let pass.");

indexed! { pub mod act: Act {
    ORDER = Act { key: "order", label: "Place an order", hotkey: 'o', fault: false, args: &[
        Arg::int("sku", "Article", 0, 0, 19),
        Arg::choice("payment", "Card", &[("drawn", "as drawn"), ("declined", "declined"), ("approved", "approved")], 0),
        Arg::int("pay_ms", "Payment takes", 0, 0, 60_000).unit("ms").help("0: as drawn."),
    ], help: "One order, here and now." },
    BURST = Act { key: "burst", label: "Rush on one article", hotkey: 'b', fault: true, args: &[
        Arg::int("count", "Orders", 20, 1, 1_000),
        Arg::int("sku", "Article", 0, 0, 19),
    ], help: "Many orders for one article in the same instant, all with good cards." },
    KILL = Act { key: "kill_after_votes", label: "Kill coordinator after the votes", hotkey: 'v', fault: true, args: &[
        Arg::toggle("hot", "Order for the hot article", true),
    ], help: "The next order's coordinator dies when the last answer is in and nothing is decided: after the last vote, or after the pivot's reply." },
    OUTAGE = Act { key: "outage", label: "Coordinator outage", hotkey: 'u', fault: true, args: &[
        Arg::toggle("all", "All instances", true),
    ], help: "Coordinators or orchestrators die now and come back after the outage." },
    CRASH = Act { key: "crash", label: "Crash at a step", hotkey: 'c', fault: true, args: &[
        Arg::choice("at", "Step", AT, 0), Arg::choice("when", "When", WHEN, 2), SKIP,
    ], help: "The service that reaches this point next crashes there and restarts." },
    DOWN = Act { key: "down", label: "Service down", hotkey: 'x', fault: true, args: &[
        Arg::choice("service", "Service", SERVICES, 1),
        Arg::float("seconds", "For", 10.0, 0.0, 300.0, 0.1).unit("s"),
    ], help: "One service and its database are away for a while." },
    DROP = Act { key: "drop", label: "Drop the next message", hotkey: 'd', fault: true, args: &[
        Arg::choice("kind", "Kind", KINDS, 0), SKIP,
    ], help: "The next message of this kind vanishes." },
    DUPLICATE = Act { key: "duplicate", label: "Duplicate the next message", hotkey: 'm', fault: true, args: &[
        Arg::choice("kind", "Kind", KINDS, 3), SKIP,
    ], help: "The next message of this kind arrives twice." },
    FAIL = Act { key: "fail_compensation", label: "Make a compensation fail", hotkey: 'f', fault: true, args: &[
        Arg::int("times", "Times", 5, 1, 1_000),
    ], help: "The next attempts at a compensation fail. It is retried until it succeeds." },
    PROJECTOR = Act { key: "pause_projection", label: "Pause the read model", hotkey: 'q', fault: true, args: &[
        Arg::float("seconds", "For", 10.0, 0.1, 300.0, 0.1).unit("s"),
    ], help: "The projection stops reading. Writes go on; whoever asks the read model sees the past." },
} }

indexed! { pub mod number: Number {
    BLOCKED = Number::new("blocked", "Blocked orders", "", Better::Down).main().plot("waiting")
        .help("Orders that wait for a lock somebody else holds, row lock or pending reservation."),
    LOCKS = Number::new("locks", "Locks held", "", Better::Down).plot("locks")
        .help("Locks held by transactions that are not finished, at all services together."),
    IN_DOUBT = Number::new("in_doubt", "Locks in doubt", "", Better::Down).main().plot("locks")
        .help("Locks of participants that voted yes and have not heard the decision."),
    LOCK_AGE = Number::new("lock_age", "Oldest lock", "ms", Better::Down)
        .help("How long the oldest lock has been held."),
    P50 = Number::new("p50", "Time to consistent p50", "ms", Better::Down).main().plot("time")
        .help("From the order's arrival until all services agree on its outcome: half are faster."),
    P99 = Number::new("p99", "Time to consistent p99", "ms", Better::Down).plot("time")
        .help("From the order's arrival until all services agree on its outcome: one in a hundred is slower."),
    OPEN = Number::new("open", "Orders in between", "", Better::Down).plot("waiting")
        .help("Begun, and neither completed nor compensated."),
    STUCK = Number::new("stuck", "Stuck for ever", "", Better::Down).main().plot("stuck")
        .help("In between, and nothing is on its way any more that could move them."),
    ORPHANS = Number::new("orphans", "Pending on a dead coordinator", "", Better::Down)
        .help("Orders in between whose coordinator is down."),
    MESSAGES = Number::new("messages_per_order", "Messages per order", "", Better::Down)
        .help("Everything on the wire, acknowledgements and repeats included."),
    ANOMALIES = Number::new("anomalies", "Anomalies seen", "", Better::Down).main().plot("anomalies")
        .help("Half-done orders that somebody read with nothing to tell him so, and orders refused for stock that came back."),
    DOUBLE = Number::new("double_effects", "Double effects", "", Better::Down).main()
        .help("Charges, refunds, reservations or parcels beyond the first for one order."),
    COMPLETED = Number::new("completed", "Completed", "", Better::Up).help("Charged, shipped and confirmed."),
    COMPENSATED = Number::new("compensated", "Compensated or aborted", "", Better::Neither)
        .help("Ended with nothing charged, reserved or shipped."),
    CHARGED = Number::new("charged", "Charged", "EUR", Better::Neither).plot("money").help("All charges together."),
    REFUNDED = Number::new("refunded", "Refunded", "EUR", Better::Down).plot("money").help("All refunds together."),
    RESERVED = Number::new("reserved", "Units reserved", "", Better::Neither).help("Set aside for orders, not yet shipped."),
    SHIPPED = Number::new("shipped", "Units shipped", "", Better::Neither).help("Left the warehouse and not recalled."),
    LAG = Number::new("projection_lag", "Read model behind", "ms", Better::Down).plot("lag")
        .help("Age of the oldest change that the read model has not seen."),
    STALE = Number::new("stale_reads", "Stale reads", "", Better::Down)
        .help("Reads of the read model that disagreed with the order's own database."),
} }

indexed! { pub mod measure: Measure {
    BLOCKED_MAX = Measure::new("blocked_max", &[], "The most orders that were blocked at one time."),
    BLOCKED_DOUBT = Measure::new("blocked_by_doubt", &[], "Orders that waited behind a lock in doubt whose coordinator was dead."),
    IN_DOUBT_MAX = Measure::new("in_doubt_max", &[], "The most locks in doubt at one time while a coordinator was dead."),
    ORPHANS_MAX = Measure::new("orphans_max", &[], "The most orders pending on dead coordinators at one time."),
    ON_HAND = Measure::new("on_hand", &["number"], "Units of an article on the shelf."),
    SOLD = Measure::new("sold", &["number"], "Units of an article shipped."),
    LOST_SALES = Measure::new("lost_sales", &[], "Orders refused for stock that was released later."),
    DIRTY = Measure::new("dirty_reads", &[], "Reads of a half-done order that was compensated later."),
    HALFWAY = Measure::new("halfway_reads", &[], "Reads of a half-done order."),
    FLAGGED = Measure::new("flagged_reads", &[], "Reads of a half-done order that said it was pending."),
    NO_COMPENSATION = Measure::new("straight_share", &[], "Share of finished orders that completed, in percent."),
    REDELIVERED = Measure::new("redelivered", &[], "Deliveries by the broker beyond the first."),
    RECOGNISED = Measure::new("recognised_duplicates", &[], "Messages that an inbox recognised as processed before."),
    RECALLS = Measure::new("recalls", &[], "Parcels that were recalled."),
    REFUSED = Measure::new("refused", &[], "Orders refused at the door because nobody could take them."),
    P50_S = Measure::new("seconds_to_consistent", &[], "Mean time from arrival to agreement, in seconds."),
    OPEN_CHARGED = Measure::new("charged_not_settled", &[], "Euros charged, minus refunds, minus the totals of completed orders."),
} }

pub static QUESTION: Question = Question {
    slug: "saga-consistency",
    version: 1,
    knobs: knob::ALL,
    acts: act::ALL,
    numbers: number::ALL,
    measures: measure::ALL,
    nodes: &["Order", "Payment", "Inventory", "Shipping", "Coordinator", "Broker", "Read model"],
    links: &[
        ("Coordinator", "Order"),
        ("Coordinator", "Payment"),
        ("Coordinator", "Inventory"),
        ("Coordinator", "Shipping"),
        ("Order", "Broker"),
        ("Payment", "Broker"),
        ("Inventory", "Broker"),
        ("Shipping", "Broker"),
        ("Order", "Read model"),
    ],
    sample_every: Us::ms(100),
    horizon: Us::s(300),
    lifetime_max: Us::s(400),
    tap: Some(act::ORDER as u8),
    code: &["saga", "coordinator", "outbox", "broker", "network"],
    make: make::<SagaConsistency>,
};

pub static TOLD: Told = told::<SagaConsistency>(Help { knobs: knob::HELP, acts: act::HELP, numbers: number::HELP });
/// Reads its measures.
pub static READ: Read = read::<SagaConsistency>;
