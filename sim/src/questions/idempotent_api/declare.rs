//! What can be set, done and read: the declaration of the question.

use super::IdempotentApi;
use crate::declare::{Act, Arg, Better, Help, Knob, Measure, Number, Question};
use crate::indexed;
use crate::kernel::{Read, Told, Us, make, read, told};

const MODES: &[(&str, &str)] = &[
    ("none", "No key"),
    ("check-then-store", "Check, then store"),
    ("reserve-first", "Reserve first"),
    ("recovery-points", "Unique row, recovery points"),
    ("provider-key", "The same, and a key for the provider"),
];
const STORES: &[(&str, &str)] = &[("database", "The payments' database"), ("cache", "A cache with a late replica")];
const MISMATCHES: &[(&str, &str)] =
    &[("422", "422 Unprocessable"), ("409", "409 Conflict"), ("400", "400 Bad Request"), ("ignore", "Do not compare")];

indexed! { pub mod knob: Knob {
    MODE = Knob::choice("mode", "How repeats are recognised", MODES, 4).main()
        .help("What the server remembers of a request, and when. Check-then-store reads, works, and writes afterwards. The others claim the key before they work."),
    RATE = Knob::float("rate", "Payments", 2.0, 0.0, 50.0, 0.1).unit("/s").live().main()
        .zero("only yours").help("Payments that arrive by themselves. 0: only the ones you make."),
    LOSE_REQUEST = Knob::float("lose-request", "Requests lost", 1.0, 0.0, 50.0, 0.5).unit("%").live().main()
        .help("Chance that a request vanishes between client and server."),
    LOSE_REPLY = Knob::float("lose-reply", "Replies lost", 1.0, 0.0, 50.0, 0.5).unit("%").live().main()
        .help("Chance that a reply vanishes between server and client."),
    STORE = Knob::choice("store", "Keys live in", STORES, 0).main()
        .help("In the database the key shares a transaction with the payment, and a commit waits for the standby. The cache answers first and copies later."),
    TIMEOUT = Knob::float("timeout", "Client timeout", 1.0, 0.1, 60.0, 0.1).unit("s").log().live()
        .help("How long the client listens for the reply to one attempt."),
    ATTEMPTS = Knob::int("attempts", "Attempts", 4, 1, 10).live()
        .help("How often the client tries before it says that it does not know."),
    BACKOFF = Knob::float("backoff", "Backoff", 0.5, 0.0, 30.0, 0.1).unit("s").live()
        .help("Full jitter: a random wait up to this before the second attempt, twice that before the third, at most 8 s."),
    RECHECK = Knob::float("ask-again", "Ask again after", 30.0, 0.0, 600.0, 1.0).unit("s").live()
        .zero("never").help("A client that gave up tries again after so long, with the key it has stored. 0: it never does. Without keys it cannot."),
    PROVIDER_MS = Knob::float("provider", "Provider takes", 400.0, 10.0, 60_000.0, 10.0).unit("ms").log().live()
        .help("Mean time of a charge. Half of it is fixed, half exponential; payments you make take exactly the mean."),
    DECLINE = Knob::float("decline", "Cards declined", 2.0, 0.0, 50.0, 0.5).unit("%").live()
        .help("Share of payments that the provider refuses."),
    PROVIDER_WAIT = Knob::float("provider-timeout", "Wait for the provider", 3.0, 0.1, 120.0, 0.1).unit("s").log().live()
        .help("After so long without an answer the server calls again, if it has a key for the provider. Otherwise it answers 504."),
    RETENTION = Knob::float("retention", "Keys are kept", 86_400.0, 1.0, 2_592_000.0, 1.0).unit("s").log().live()
        .fact("Stripe: keys may be removed after at least 24 hours").help("How long after the claim a key is forgotten. The provider keeps its own for 24 hours."),
    LEASE = Knob::float("lease", "Lease", 60.0, 0.0, 600.0, 1.0).unit("s").live()
        .zero("none").help("How long a claim is believed while nobody hears from its owner. 0: there is no lease; the key stays claimed until it expires."),
    LAG = Knob::float("lag", "Replica of the cache is behind", 1.0, 0.0, 10.0, 0.1).unit("s").live()
        .help("A failover of the cache loses this much. The database loses nothing: its commits have waited."),
    STORE_MS = Knob::float("store-time", "One store operation", 2.0, 0.0, 100.0, 0.1).unit("ms").live()
        .help("A read, a claim or a commit, there and back."),
    DELAY_MS = Knob::float("delay", "Network delay", 20.0, 0.1, 1_000.0, 0.1).unit("ms").log().live()
        .help("One way, to the server and to the provider."),
    RESTART = Knob::float("restart", "Node restarts in", 2.0, 0.0, 60.0, 0.1).unit("s").live()
        .help("How long a crashed node stays away."),
    MISMATCH = Knob::choice("mismatch", "Same key, other payload", MISMATCHES, 0).live()
        .fact("draft-ietf-httpapi-idempotency-key-header: 422")
        .help("What the server answers. Check-then-store never compares."),
    KEYLESS = Knob::float("keyless", "Clients that send no key", 0.0, 0.0, 100.0, 1.0).unit("%").live()
        .help("An API that requires a key answers them with 400 and does nothing."),
    ROOM = Knob::int("room", "Room in the cache", 100_000, 10, 100_000).log()
        .help("Keys that the cache holds. Beyond it the oldest go, whatever they stood for. The database has room."),
} }

pub const CARDS: &[(&str, &str)] = &[("drawn", "as drawn"), ("declined", "declined"), ("approved", "approved")];
/// Where a node can crash. The index is the argument of the act.
pub const STEPS: &[(&str, &str)] = &[
    ("any", "any step"),
    ("claim", "1 after the claim"),
    ("charged", "2 after the provider's yes"),
    ("commit", "3 after the commit"),
    ("reply", "4 before the reply"),
];
/// Kinds of message that can be singled out.
pub const KINDS: &[(&str, &str)] = &[
    ("any", "any message"),
    ("request", "request"),
    ("reply", "reply"),
    ("call", "call to the provider"),
    ("result", "provider's answer"),
];
const WHOSE: &[(&str, &str)] = &[("ours", "ours"), ("both", "ours and the provider's")];
const SKIP: Arg = Arg::int("skip", "Let pass first", 0, 0, 10_000).help("How many matching moments to let pass.");
const CARD: Arg = Arg::choice("card", "Card", CARDS, 2);

indexed! { pub mod act: Act {
    PAY = Act { key: "pay", label: "Pay once", hotkey: 'o', fault: false, args: &[
        CARD, Arg::float("amount", "Amount", 19.0, 0.01, 10_000.0, 0.01).unit("EUR"),
    ], help: "One payment, here and now, by a customer whose card you choose." },
    TWICE = Act { key: "pay_twice", label: "Pay twice", hotkey: 'd', fault: true, args: &[
        Arg::float("gap_ms", "Apart", 5.0, 0.0, 10_000.0, 1.0).unit("ms"), CARD,
    ], help: "A double click: the same request, with the same key, sent again a moment later." },
    BOTH = Act { key: "two_nodes", label: "Two nodes", hotkey: 'b', fault: true, args: &[CARD],
        help: "One payment whose request reaches both nodes in the same microsecond, as when a proxy repeats it." },
    AGAIN = Act { key: "send_again", label: "Send again", hotkey: 'a', fault: true, args: &[],
        help: "The client repeats your last payment (or the newest one), with its key, whatever it has heard." },
    DROP = Act { key: "drop", label: "Drop", hotkey: 'x', fault: true, args: &[
        Arg::choice("kind", "Message", KINDS, 2), SKIP,
    ], help: "The next message of this kind vanishes." },
    DUPLICATE = Act { key: "duplicate", label: "Duplicate", hotkey: 'm', fault: true, args: &[
        Arg::choice("kind", "Message", KINDS, 1), SKIP,
    ], help: "The next message of this kind arrives twice." },
    CRASH = Act { key: "crash", label: "Crash", hotkey: 'c', fault: true, args: &[
        Arg::choice("at", "Where", STEPS, 2), SKIP,
    ], help: "The node that reaches this step next dies there, with everything it had in hand, and restarts." },
    FAILOVER = Act { key: "failover", label: "Fail over", hotkey: 'f', fault: true, args: &[],
        help: "The standby of the key store takes over. What it had not copied yet is gone." },
    AMOUNT = Act { key: "other_amount", label: "Other amount", hotkey: 'w', fault: true, args: &[
        Arg::float("more", "More by", 10.0, -1_000.0, 1_000.0, 0.01).unit("EUR"),
    ], help: "The key of your last payment (or the newest one) with another amount: the right key on the wrong cart." },
    NEW_KEY = Act { key: "new_key", label: "New key", hotkey: 'u', fault: true, args: &[
        Arg::int("retries", "Retries", 1, 1, 1_000),
    ], help: "A client's bug: the next retries make a new key instead of using the stored one." },
    EXPIRE = Act { key: "expire", label: "Expire keys", hotkey: 'e', fault: true, args: &[
        Arg::choice("whose", "Whose", WHOSE, 0),
    ], help: "As if the retention had passed: all keys are forgotten at once." },
} }

indexed! { pub mod number: Number {
    PER_INTENT = Number::new("charges_per_intent", "Charges per payment", "", Better::Down).main().plot("charges")
        .help("Charges at the provider, for each payment that was charged at all. 1 is right."),
    DUPLICATE = Number::new("duplicate_money", "Charged twice", "EUR", Better::Down).main().plot("money")
        .help("Money of all charges beyond the first of each payment."),
    CONFLICTS = Number::new("conflicts", "Answered 409", "", Better::Neither).main()
        .help("Answers \"still at work\": the key was claimed by another attempt."),
    MISMATCHES = Number::new("mismatches", "Answered 422", "", Better::Neither).main()
        .help("Answers \"this key stands for another payload\", whatever their status is set to."),
    UNRESOLVED = Number::new("unresolved", "Unresolved", "", Better::Down).main().plot("open")
        .help("Payments of which the client gave up without knowing whether they were made."),
    EXTRA = Number::new("extra_latency", "Extra latency", "ms", Better::Down).main()
        .help("Mean time of a payment in operations that a server without keys would not need."),
    P50 = Number::new("p50", "Time to know p50", "ms", Better::Down).plot("time")
        .help("From the click until the client knows the outcome: half are faster."),
    P99 = Number::new("p99", "Time to know p99", "ms", Better::Down).plot("time")
        .help("From the click until the client knows the outcome: one in a hundred is slower."),
    CHARGES = Number::new("charges", "Charges", "", Better::Neither).plot("charges").help("Charges at the provider."),
    CHARGED = Number::new("charged", "Charged", "EUR", Better::Neither).plot("money").help("All charges together."),
    SUCCEEDED = Number::new("succeeded", "Known as paid", "EUR", Better::Neither).plot("money")
        .help("The amounts of all payments that clients know to have succeeded."),
    ATTEMPTS = Number::new("attempts_per_intent", "Attempts per payment", "", Better::Down)
        .help("Requests sent, for each payment."),
    REPLAYS = Number::new("replays", "Replayed", "", Better::Neither)
        .help("Repeats that were answered with the saved reply."),
    DIFFERING = Number::new("differing", "Replies that differ", "", Better::Down)
        .help("Outcomes that clients heard for a payment and that were not, byte for byte, the one they had heard before."),
    MISLED = Number::new("misled", "Told wrong", "", Better::Down)
        .help("Clients that heard \"paid\" for an amount that they had not asked for."),
    KEYS = Number::new("keys", "Keys kept", "", Better::Neither).plot("open").help("Rows in the key store."),
    OPEN = Number::new("open", "Under way", "", Better::Neither).plot("open").help("Payments whose client is still trying."),
} }

indexed! { pub mod measure: Measure {
    DUPLICATES = Measure::new("duplicates", &[], "Charges beyond the first of each payment."),
    TAKEN_OVER = Measure::new("taken_over", &[], "Claims of keys whose owner's lease had lapsed."),
    EVICTED = Measure::new("evicted", &[], "Keys that the cache dropped for want of room."),
    LOST_WRITES = Measure::new("lost_writes", &[], "Writes to the key store that failovers lost."),
    PROVIDER_REPLAYS = Measure::new("provider_replays", &[], "Calls that the provider recognised by its key."),
    NO_KEY = Measure::new("without_key", &[], "Requests that were refused because they had no key."),
    KNOWN = Measure::new("known", &[], "Payments whose outcome the client knows."),
    INTENTS = Measure::new("intents", &[], "Payments begun."),
    TIMEOUTS = Measure::new("timeouts", &[], "Attempts that nobody answered in time."),
    IMBALANCE = Measure::new("imbalance", &[], "Euros charged, minus the amounts of payments known as paid."),
} }

pub static QUESTION: Question = Question {
    slug: "idempotent-api",
    version: 1,
    knobs: knob::ALL,
    acts: act::ALL,
    numbers: number::ALL,
    measures: measure::ALL,
    nodes: &["Client", "Node A", "Node B", "Key store", "Provider"],
    links: &[
        ("Client", "Node A"),
        ("Client", "Node B"),
        ("Node A", "Key store"),
        ("Node B", "Key store"),
        ("Node A", "Provider"),
        ("Node B", "Provider"),
    ],
    sample_every: Us::ms(100),
    horizon: Us::s(600),
    lifetime_max: Us::s(600),
    tap: Some(act::PAY as u8),
    code: &["idempotency", "retry", "network"],
    make: make::<IdempotentApi>,
};

pub static TOLD: Told = told::<IdempotentApi>(Help { knobs: knob::HELP, acts: act::HELP, numbers: number::HELP });
/// Reads its measures.
pub static READ: Read = read::<IdempotentApi>;
