//! What can be set, done and read: the declaration of the question.

use super::QueueVsDirectCall;
use crate::declare::{Act, Arg, Better, Help, Knob, Measure, Number, Question};
use crate::indexed;
use crate::kernel::{Read, Told, Us, make, read, told};

const PATHS: &[(&str, &str)] = &[
    ("sequential", "In line, one after another"),
    ("parallel", "In line, at the same time"),
    ("message", "By message"),
];
const VIA: &[(&str, &str)] = &[("same", "As the others"), ("inline", "In line"), ("message", "By message")];
const SERVICES: &[(&str, &str)] = &[("tax", "Tax"), ("pdf", "PDF"), ("email", "Email"), ("ledger", "Ledger")];
const OR_ALL: &[(&str, &str)] =
    &[("all", "All four"), ("tax", "Tax"), ("pdf", "PDF"), ("email", "Email"), ("ledger", "Ledger")];

const fn via(key: &'static str, label: &'static str) -> Knob {
    Knob::choice(key, label, VIA, 0).help("How this one is reached, if it should differ from the others.")
}

indexed! { pub mod knob: Knob {
    PATH = Knob::choice("path", "Tax, PDF, email, ledger", PATHS, 2).main()
        .help("What the API does about the four before it answers: calls them and waits, or leaves them an event."),
    PUBLISH = Knob::choice("publish", "The event goes out", &[("plain", "After the commit"), ("outbox", "Through an outbox")], 1).main()
        .help("Plain: commit, then publish, then answer. Outbox: the event is a row of the same transaction, and a relay publishes it."),
    STYLE = Knob::choice("style", "Broker", &[("log", "Log with partitions"), ("queue", "A queue for each service")], 0).main()
        .help("A log keeps its records; each service reads them in order at its own pace. A queue hands each message to one consumer and forgets it after that."),
    RATE = Knob::float("rate", "Requests", 50.0, 0.0, 1_000.0, 1.0).unit("/s").live().main()
        .zero("only yours").help("Invoices that are created or corrected. 0: only those you send."),
    CONSUMERS = Knob::int("consumers", "Consumers", 6, 1, 64).live().main()
        .help("For each of the four services. Beyond the partitions of a log they have nothing to do."),

    TAX = via("tax", "Tax"),
    PDF = via("pdf", "PDF"),
    EMAIL = via("email", "Email"),
    LEDGER = via("ledger", "Ledger"),

    EVEN = Knob::choice("arrivals", "Requests come", &[("poisson", "By chance (Poisson)"), ("even", "Evenly spaced")], 0)
        .help("How the gaps between requests vary."),
    LAW = Knob::choice("times", "Times vary", &[("exponential", "Exponentially"), ("fixed", "Not at all")], 0)
        .help("Of the API's own work, of calls and of consumers."),
    OWN = Knob::float("own", "Own work", 20.0, 1.0, 5_000.0, 1.0).unit("ms").log()
        .help("What the API does itself for a request, the commit included."),
    CALL = Knob::float("call", "A call in line", 80.0, 1.0, 10_000.0, 1.0).unit("ms").log()
        .help("To any of the four, there and back."),
    TIMEOUT = Knob::float("timeout", "Call timeout", 2.0, 0.05, 60.0, 0.05).unit("s").log()
        .help("The API waits no longer for a call and fails the request. The service may have done its work all the same."),
    AVAILABLE = Knob::float("available", "Each part is available", 99.9, 90.0, 100.0, 0.1).unit("%").live()
        .help("Chance that a try of the API, of a service or of the broker works. A consumer tries again, a caller does not."),

    ACK = Knob::float("ack", "Publish and ack", 5.0, 0.2, 1_000.0, 0.2).unit("ms").log()
        .help("From the API to the broker and back."),
    PUBLISH_TIMEOUT = Knob::float("publish_timeout", "Publish timeout", 1.0, 0.1, 30.0, 0.1).unit("s").log()
        .help("Without an ack for so long a plain publish has failed, and a relay publishes again."),
    RELAY = Knob::float("relay", "Relay polls every", 200.0, 1.0, 10_000.0, 1.0).unit("ms").log()
        .help("How often the relay looks for new rows in the outbox."),
    ORDERED = Knob::toggle("ordered", "Relay keeps the order", true)
        .help("A row waits while an earlier row with the same ordering key is not confirmed."),

    PARTITIONS = Knob::int("partitions", "Partitions", 6, 1, 64)
        .help("Of the log. Each is read by one consumer of a service at a time."),
    KEY = Knob::choice("key", "Ordering key", &[("invoice", "Invoice"), ("random", "Random"), ("customer", "Customer")], 0)
        .help("Records with the same key go to the same partition and keep their order."),
    BIG = Knob::float("big", "Largest customer", 10.0, 0.0, 90.0, 1.0).unit("%").live()
        .help("Share of the requests that come from one customer. A hundred others share the rest."),
    CHANGES = Knob::float("changes", "Corrections", 10.0, 0.0, 90.0, 1.0).unit("%").live()
        .help("Share of the requests that correct an invoice saved a moment ago, so that order matters."),

    WORK = Knob::float("work", "Consumer's work", 100.0, 1.0, 10_000.0, 1.0).unit("ms").log()
        .help("What a consumer needs for one message."),
    COMMIT = Knob::choice("commit", "Consumer acknowledges", &[("after", "After its work"), ("before", "Before its work")], 0)
        .help("After: a crash repeats the message, at least once. Before: a crash loses it, at most once."),
    INBOX = Knob::toggle("inbox", "Inbox", true)
        .help("Consumers store the ids of what they have processed, in the same transaction as the effect."),
    RETENTION = Knob::float("retention", "Inbox remembers", 3_600.0, 2.0, 604_800.0, 1.0).unit("s").log()
        .help("Older ids are deleted. What comes later than that takes effect again."),
    TRIES = Knob::int("tries", "Tries", 5, 0, 100).convention().zero("no limit")
        .help("Failed so often, a message goes to the dead letters. In a queue: max receives. 0 means no limit."),
    PAUSE = Knob::float("pause", "First pause", 1.0, 0.01, 60.0, 0.01).unit("s").log()
        .help("Between tries of a record of a log; each pause is twice the one before, up to 60 s. The consumer waits in its place."),
    VISIBILITY = Knob::float("visibility", "Visibility timeout", 30.0, 0.5, 43_200.0, 0.5).unit("s").log()
        .fact("Amazon SQS: 30 s, at most 12 h")
        .help("A message of a queue that is received and not deleted is back after this long."),
    POISON = Knob::float("poison", "Poison messages", 0.0, 0.0, 20.0, 0.1).unit("%").live()
        .help("Share of the requests that one of the four services can never process."),
    SESSION = Knob::float("session", "Session timeout", 45.0, 1.0, 600.0, 1.0).unit("s").log()
        .fact("Apache Kafka 3.0, KIP-735: 45 s")
        .help("A dead consumer of a log keeps its partitions for this long."),
    RESTART = Knob::float("restart", "Restart takes", 2.0, 0.1, 60.0, 0.1).unit("s")
        .help("How long a process is away after a crash."),

    STATUS = Knob::toggle("status", "Status resource", true)
        .help("The 202 says where to ask, and the answer is \"in progress\". Without it the invoice looks missing, and after three looks the user sends it again."),
    REFRESH = Knob::float("refresh", "Users refresh every", 2.0, 0.0, 60.0, 0.5).unit("s")
        .zero("never").help("How often a user looks whether the invoice is there. 0: never."),
    CAPACITY = Knob::int("capacity", "Broker and outbox hold", 100_000, 10, 200_000).unit("messages").log()
        .help("Beyond it the broker takes no more, and a full outbox makes the API refuse."),
} }

/// Where a crash can be placed. The index is the argument of the act.
pub const AT: &[(&str, &str)] = &[
    ("any", "anywhere"),
    ("before-commit", "API: before its commit"),
    ("committed", "API: after its commit"),
    ("published", "API: published, before its answer"),
    ("relay", "relay: published, before its mark"),
    ("before-work", "consumer: before its work"),
    ("after-work", "consumer: after its work, before its ack"),
];
/// Messages that can be singled out.
pub const KINDS: &[(&str, &str)] = &[
    ("any", "any message"),
    ("publish", "publish"),
    ("confirm", "the broker's ack"),
    ("deliver", "delivery"),
    ("ack", "the consumer's ack"),
];
const SKIP: Arg = Arg::int("skip", "Let pass first", 0, 0, 100_000).help("How many that match to let pass.");
const SERVICE: Arg = Arg::choice("service", "Service", SERVICES, 0);

const fn seconds(default: f64) -> Arg {
    Arg::float("for", "For how long", default, 0.1, 600.0, 0.1).unit("s")
}

indexed! { pub mod act: Act {
    SLOW = Act { key: "slow", label: "Slow service", hotkey: 'w', fault: true, args: &[
        SERVICE, Arg::float("takes", "Takes", 5_000.0, 1.0, 60_000.0, 1.0).unit("ms"), seconds(60.0),
    ], help: "Every call to it, and every piece of its consumers' work, takes this long." },
    DOWN = Act { key: "down", label: "Service down", hotkey: 'd', fault: true, args: &[SERVICE, seconds(30.0)],
        help: "Calls to it fail at once, and so does its consumers' work." },
    POISON = Act { key: "poison", label: "Poison", hotkey: 'x', fault: true, args: &[SERVICE],
        help: "The next request is one that this service can never process." },
    CRASH = Act { key: "crash", label: "Crash", hotkey: 'c', fault: true, args: &[
        Arg::choice("at", "Where", AT, 2), SKIP,
    ], help: "The process that reaches this point next dies there and restarts." },
    LOSE = Act { key: "lose", label: "Lose one", hotkey: 'o', fault: true, args: &[Arg::choice("kind", "Message", KINDS, 4), SKIP],
        help: "The next message of this kind vanishes." },
    DOUBLE = Act { key: "double", label: "Double one", hotkey: 'm', fault: true, args: &[Arg::choice("kind", "Message", KINDS, 1), SKIP],
        help: "The next message of this kind arrives twice." },
    DELAY = Act { key: "delay", label: "Delay one", hotkey: 'y', fault: true, args: &[
        Arg::choice("kind", "Message", KINDS, 1), Arg::float("by", "By", 4.0, 0.1, 60.0, 0.1).unit("s"), SKIP,
    ], help: "The next message of this kind comes late, after others that were sent later." },
    KILL = Act { key: "kill", label: "Kill consumer", hotkey: 'v', fault: true, args: &[
        SERVICE, Arg::int("consumer", "Which", 1, 1, 64), seconds(60.0),
    ], help: "One consumer of a service is gone for this long." },
    REDRIVE = Act { key: "redrive", label: "Redrive", hotkey: 'r', fault: true, args: &[
        Arg::choice("service", "Dead letters of", OR_ALL, 0), Arg::toggle("mended", "The defect is mended", true),
    ], help: "Dead letters are sent again: to their queue, or to the end of the log, where all services read them." },
    REFRESH = Act { key: "refresh", label: "Refresh", hotkey: 'f', fault: true, args: &[],
        help: "Every user who waits for an invoice looks now whether it is there." },
    BURST = Act { key: "burst", label: "Burst", hotkey: 'u', fault: true, args: &[Arg::int("count", "Requests", 500, 1, 20_000)],
        help: "So many more requests, evenly over one second." },
    INVOICE = Act { key: "invoice", label: "Send an invoice", hotkey: 'i', fault: false, args: &[
        Arg::toggle("correct", "Correct the last one", false),
    ], help: "One request, here and now." },
    BROKER = Act { key: "broker", label: "Broker down", hotkey: 'b', fault: true, args: &[seconds(20.0)],
        help: "Nothing can be published, delivered or acknowledged. What is stored stays stored." },
} }

indexed! { pub mod number: Number {
    USER = Number::new("user_p50", "User waits, median", "ms", Better::Down).main().plot("user")
        .help("From the request to the answer, of requests that were accepted in the last 12 s."),
    USER_P99 = Number::new("user_p99", "User waits p99", "ms", Better::Down).plot("user")
        .help("As the median; it takes a thousand answers to say."),
    DONE = Number::new("done_p50", "All done, median", "ms", Better::Down).main().plot("done")
        .help("From the request until tax, PDF, email and ledger have all had it, over the last 12 s."),
    DONE_P99 = Number::new("done_p99", "All done p99", "ms", Better::Down).plot("done")
        .help("As the median; it takes a thousand to say."),
    AVAILABLE = Number::new("available_now", "Accepted", "%", Better::Up).main().plot("accepted")
        .help("Requests of the last 10 s that were answered with success."),
    LAG = Number::new("lag", "Lag", "s", Better::Down).main().plot("lag")
        .help("Age of the oldest message that a service has not acknowledged: the worst of the four."),
    BACKLOG = Number::new("backlog", "Backlog", "", Better::Down).plot("backlog")
        .help("Messages that a service has not acknowledged: the worst of the four."),
    LOST = Number::new("lost", "Lost", "", Better::Down).main().plot("wrong")
        .help("Saved invoices and corrections that some service will never hear of."),
    DOUBLED = Number::new("doubled", "Double effects", "", Better::Down).plot("wrong")
        .help("Effects beyond the first for the same message at the same service."),
    DISORDER = Number::new("out_of_order", "Out of order", "", Better::Down).plot("wrong")
        .help("Pairs of an invoice's messages that a service has applied in the wrong order."),
    DEAD = Number::new("dead", "Dead letters", "", Better::Down).main().plot("wrong")
        .help("Messages that were given up on and wait for a person, at all four services."),
    OUTBOX = Number::new("outbox", "Rows in the outbox", "", Better::Down).plot("backlog")
        .help("Events that are saved and not confirmed by the broker."),
    HALF = Number::new("half_done", "Half done", "", Better::Down)
        .help("Requests that were told no after some of the four had already done their work."),
    GHOSTS = Number::new("ghosts", "Saved, but told no", "", Better::Down)
        .help("Requests whose user was told that it failed, although the invoice is saved."),
    AGAIN = Number::new("sent_again", "Sent again by users", "", Better::Down)
        .help("Requests repeated by users who did not find their invoice."),
    REFRESHES = Number::new("refreshes", "Refreshes in vain", "/s", Better::Down)
        .help("Looks at an invoice that is not there yet, over the last 10 s."),
    IN_FLIGHT = Number::new("in_flight", "Users waiting", "", Better::Down)
        .help("Requests that have no answer yet."),
    BUSY = Number::new("busy", "Consumers busy", "%", Better::Neither)
        .help("Of all consumers that are there, those that have a message, pauses between tries included."),
    HANDLED = Number::new("handled", "Handled", "/s", Better::Up).plot("handled")
        .help("Messages done a second, over the last 10 s, by one service on average."),
    RECOGNISED = Number::new("recognised", "Repeats recognised", "", Better::Neither)
        .help("Messages that an inbox has recognised as processed before."),
} }

indexed! { pub mod measure: Measure {
    USER_MEAN = Measure { key: "user_mean", args: &[], help: "mean milliseconds from request to answer, of those accepted" },
    DONE_MEAN = Measure { key: "done_mean", args: &[], help: "mean milliseconds from the request until all four services have had it" },
    AVAILABILITY = Measure { key: "availability", args: &[], help: "requests answered with success, in percent of those answered, over the whole run" },
    ACCEPTED_RATE = Measure { key: "accepted_share", args: &["duration", "duration"], help: "requests answered with success, in percent, from one second to another" },
    SAVED = Measure { key: "saved", args: &[], help: "invoices and corrections that were saved" },
    EFFECTS = Measure { key: "effects", args: &[], help: "messages that took effect at a service, repeats not counted, on average over the services that are reached by message" },
    REDELIVERED = Measure { key: "repeats", args: &[], help: "messages that reached a consumer again after they had taken effect there" },
    STOOD = Measure { key: "stood_still", args: &[], help: "the longest a partition has stood still for one record, in seconds" },
    SECOND_LAG = Measure { key: "second_lag_max", args: &[], help: "the highest lag in seconds of any partition but the worst, looked at every second" },
    LAG_MAX = Measure { key: "lag_max", args: &[], help: "the highest lag in seconds, looked at every second" },
    BACKLOG_MAX = Measure { key: "backlog_max", args: &[], help: "the most messages that a service had not acknowledged, looked at every second" },
    GROWTH = Measure { key: "partition_growth", args: &["duration", "duration"], help: "by how many records a second the worst partition has fallen behind, from one second to another" },
    HANDLED_RATE = Measure { key: "handled_rate", args: &["duration", "duration"], help: "messages a second that one service has handled on average, from one second to another" },
    IDLE = Measure { key: "without_partition", args: &[], help: "consumers of one service that own no partition" },
    CAUGHT_UP = Measure { key: "caught_up", args: &[], help: "seconds from the end of the last fault until no message was older than 5 s; so far, if that has not happened" },
    DEAD_CAME = Measure { key: "died", args: &[], help: "messages that went to the dead letters, again ones counted again" },
} }

pub static QUESTION: Question = Question {
    slug: "queue-vs-direct-call",
    version: 1,
    knobs: knob::ALL,
    acts: act::ALL,
    numbers: number::ALL,
    measures: measure::ALL,
    nodes: &["Users", "Invoice API", "Outbox", "Broker", "Tax", "PDF", "Email", "Ledger", "Dead letters"],
    links: &[
        ("Users", "Invoice API"),
        ("Invoice API", "Tax"),
        ("Invoice API", "PDF"),
        ("Invoice API", "Email"),
        ("Invoice API", "Ledger"),
        ("Invoice API", "Outbox"),
        ("Outbox", "Broker"),
        ("Invoice API", "Broker"),
        ("Broker", "Tax"),
        ("Broker", "PDF"),
        ("Broker", "Email"),
        ("Broker", "Ledger"),
        ("Broker", "Dead letters"),
    ],
    sample_every: Us::ms(250),
    horizon: Us::s(1_200),
    lifetime_max: Us::s(120),
    tap: None,
    code: &["outbox", "broker", "consumer", "retry"],
    make: make::<QueueVsDirectCall>,
};

pub static TOLD: Told = told::<QueueVsDirectCall>(Help { knobs: knob::HELP, acts: act::HELP, numbers: number::HELP });
/// Reads its measures.
pub static READ: Read = read::<QueueVsDirectCall>;
