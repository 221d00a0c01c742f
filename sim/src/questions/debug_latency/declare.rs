//! What can be set, done, read and asked: the declaration of the question.

use super::DebugLatency;
use crate::blocks::tracer::TailRules;
use crate::declare::{Act, Arg, Better, Help, Knob, Measure, Number, Question};
use crate::indexed;
use crate::kernel::{Read, Told, Us, make, read, told};

const OTEL: &str = "OpenTelemetry Collector, tail sampling processor";

/// Choices that a knob holds and that an act can name; an act's list begins with "as set" in the knobs.
macro_rules! choices {
    ($plain:ident, $set:ident, $(($key:literal, $label:literal)),* $(,)?) => {
        pub const $plain: &[(&str, &str)] = &[$(($key, $label)),*];
        pub const $set: &[(&str, &str)] = &[("set", "As set"), $(($key, $label)),*];
    };
}

choices!(
    CAUSES,
    GUESSES,
    ("cpu", "CPU saturated"),
    ("instance", "One bad instance"),
    ("pool", "Pool exhausted"),
    ("gc", "GC pauses"),
    ("n-plus-one", "N+1 statements"),
    ("lock", "Lock held"),
    ("retries", "Retries upstream"),
    ("timeout", "Timeout too long"),
    ("cold-cache", "Cold cache"),
    ("payload", "Payload has grown"),
    ("neighbour", "Noisy neighbour"),
    ("connect", "DNS and connecting"),
);
choices!(
    PROBES,
    PROBES_SET,
    ("metrics", "Metrics"),
    ("trace", "One trace"),
    ("search", "Trace search"),
    ("logs", "Logs"),
    ("split", "By instance"),
    ("profile", "Profile"),
    ("database", "Database"),
    ("network", "Network"),
);
choices!(
    CHANGES,
    CHANGES_SET,
    ("pods", "Add pods"),
    ("restart", "Restart the slowest"),
    ("host", "Drain the slowest host"),
    ("pool", "Grow the pool"),
    ("memory", "More memory"),
    ("index", "Add an index"),
    ("blocker", "End the blocker"),
    ("rollback", "Roll back"),
    ("retries", "Cut retries"),
    ("timeout", "Shorter timeout"),
    ("warm", "Warm the cache"),
    ("connections", "Keep connections"),
    ("hedge", "Hedge"),
);
choices!(
    PLACES,
    PLACES_SET,
    ("checkout", "Checkout"),
    ("cart", "Cart"),
    ("inventory", "Inventory"),
    ("pricing", "Pricing"),
    ("payment", "Payment"),
);

indexed! {
    pub mod knob: Knob {
        CAUSE = Knob::choice("cause", "What is wrong", &[
                ("hidden", "Hidden: find it"), ("none", "Nothing"), ("cpu", "CPU saturated"), ("instance", "One bad instance"),
                ("pool", "Pool exhausted"), ("gc", "GC pauses"), ("n-plus-one", "N+1 statements"), ("lock", "Lock held"),
                ("retries", "Retries upstream"), ("timeout", "Timeout too long"), ("cold-cache", "Cold cache"),
                ("payload", "Payload has grown"), ("neighbour", "Noisy neighbour"), ("connect", "DNS and connecting"),
            ], 0).main()
            .help("Hidden: the seed has chosen one of twelve causes. The same seed is the same mystery, so a link is a case."),
        AT = Knob::choice("at", "Look at", PLACES, 2).live().main()
            .help("The service that the next probe or change is about. A click on it in the map does the same."),
        PROBE = Knob::choice("probe", "With", PROBES, 0).live().main()
            .help("What the button Probe does. The words in the picture are buttons too."),
        CHANGE = Knob::choice("change", "Change", CHANGES, 0).live().main()
            .help("What the button Change does, at the service looked at."),
        GUESS = Knob::choice("guess", "It is", CAUSES, 0).live().main()
            .help("What the button Name it says."),

        WHERE = Knob::choice("where", "Where it is", &[("seed", "Where the seed says"), ("cart", "Cart"), ("inventory", "Inventory"), ("pricing", "Pricing"), ("payment", "Payment")], 0)
            .help("The service that the cause is in. A noisy neighbour is on one host of all of them."),
        ONSET = Knob::float("onset", "Trouble begins at", 10.0, 5.0, 300.0, 5.0).unit("s")
            .help("Before it all is well: what probes compare with."),
        BUDGET = Knob::int("budget", "Probes", 8, 0, 40).zero("no bound")
            .help("So many looks are paid for. 0 means as many as you like."),
        RATE = Knob::float("rate", "Requests", 200.0, 1.0, 1_000.0, 0.01).unit("req/s").log()
            .help("They come independently of one another and of how long answers take."),
        PODS = Knob::int("pods", "Instances", 8, 1, 16)
            .help("Of each service, one on each host."),
        WORKERS = Knob::int("workers", "Workers per instance", 4, 1, 64)
            .help("Requests that an instance computes at once. Waiting for somebody else holds no worker."),
        PROMISE = Knob::float("promise", "Slow is over", 600.0, 10.0, 5_000.0, 10.0).unit("ms").log()
            .help("What users were promised. Who waits longer suffers, and tail sampling keeps the trace."),
        TIMEOUT = Knob::float("timeout", "Call timeout", 1_000.0, 50.0, 10_000.0, 50.0).unit("ms").log()
            .help("How long Checkout waits for one call on a good day."),
        FAIL = Knob::float("fail", "Requests that fail", 0.1, 0.0, 20.0, 0.1).unit("%")
            .help("Whatever the latency, so many end with an error."),

        SAMPLING = Knob::choice("sampling", "Traces kept", &[("head", "Head: a share"), ("tail", "Tail: slow, failed, a share"), ("all", "All")], 0)
            .help("Head decides before anything is known. Tail looks at the whole trace, later."),
        SHARE = Knob::float("share", "The share", 1.0, 0.0, 100.0, 0.1).unit("%")
            .help("Head keeps this share of all, tail keeps it of what is neither slow nor failed."),
        WAIT = Knob::float("wait", "Tail: decides after", 30.0, 1.0, 120.0, 1.0).unit("s").fact(OTEL)
            .help("From a trace's first span."),
        ROOM = Knob::int("room", "Tail: room for", TailRules::ROOM as i64, 1, 200_000).unit("traces").log().fact(OTEL)
            .help("Traces that wait for their decision. One more throws out the oldest, undecided."),
        CORRECT = Knob::toggle("correct", "Correct the clocks", false).live()
            .help("Move spans into their parents when a trace is opened, as tracing backends do."),

        PATH = Knob::choice("path", "System", &[("checkout", "Checkout and four services"), ("fan", "One that asks many at once"), ("station", "One service alone")], 0)
            .help("The mystery runs in the first. The others are for the queueing and fan-out experiments."),
        SERVICE = Knob::float("service", "Alone: work", 43.0, 0.1, 1_000.0, 0.1).unit("ms").log()
            .help("Mean work of a request in the service that stands alone, exponential."),
        POOL = Knob::int("pool", "Connections", 60, 1, 500)
            .help("Database connections that all instances of a service share."),
        FAN = Knob::int("fan", "Fan-out: others asked", 20, 0, 200)
            .zero("the three only").help("Servers beside the three below. Each takes 10 ms, and now and then 1 s. 0 means the three only."),
        FIRST = Knob::float("first", "Fan-out: first", 40.0, 1.0, 2_000.0, 1.0).unit("ms").help("What the first of the three takes."),
        SECOND = Knob::float("second", "Fan-out: second", 80.0, 1.0, 2_000.0, 1.0).unit("ms").help("What the second of the three takes."),
        THIRD = Knob::float("third", "Fan-out: third", 300.0, 1.0, 2_000.0, 1.0).unit("ms").help("What the third of the three takes."),
        ODDS = Knob::float("odds", "Fan-out: slow ones", 1.0, 0.0, 100.0, 0.1).unit("%").fact("Dean and Barroso 2013")
            .help("How often one of the others takes a second."),
        HEDGE = Knob::float("hedge", "Fan-out: hedge after", 0.0, 0.0, 2_000.0, 1.0).unit("ms").zero("never")
            .help("Ask another replica when there is no answer by then, and take the first that comes. 0 means never."),
    }
}

indexed! {
    pub mod act: Act {
        PROBE = Act { key: "probe", label: "Probe", hotkey: 'e', fault: true,
            args: &[Arg::choice("what", "With", PROBES_SET, 0), Arg::choice("at", "At", PLACES_HERE, 0)],
            help: "Look, with what is set under With, at the service set under Look at. It costs one of your probes and time, while users wait." },
        CHANGE = Act { key: "change", label: "Change", hotkey: 'c', fault: true,
            args: &[Arg::choice("what", "What", CHANGES_SET, 0), Arg::choice("at", "At", PLACES_HERE, 0)],
            help: "Try a remedy on the service looked at. One that does not remove the cause counts as a wrong change." },
        GUESS = Act { key: "guess", label: "Name it", hotkey: 'g', fault: true,
            args: &[Arg::choice("cause", "Cause", GUESSES, 0)],
            help: "Say what it is. If you are wrong, half a minute is lost on it." },
        REVEAL = Act { key: "reveal", label: "Give up", hotkey: 'u', fault: true, args: &[],
            help: "Show what the cause was, and where." },
        SKEW = Act { key: "skew", label: "Clock skew", hotkey: 'w', fault: true,
            args: &[Arg::float("ms", "By", 80.0, 0.0, 2_000.0, 1.0).unit("ms")],
            help: "The clocks of every second host are behind by so much: spans seem to start before their parents." },
        SURGE = Act { key: "surge", label: "Traffic", hotkey: 'x', fault: true,
            args: &[Arg::float("times", "Times", 1.5, 0.0, 5.0, 0.1), Arg::float("for", "For", 30.0, 1.0, 600.0, 1.0).unit("s")],
            help: "More requests for a while." },
        KILL = Act { key: "kill", label: "Kill an instance", hotkey: 'i', fault: true,
            args: &[Arg::choice("at", "Of", PLACES_HERE, 0)],
            help: "The first instance of the service looked at dies, with all that is in it, and is back after 10 s." },
        FLUSH = Act { key: "flush", label: "Flush the cache", hotkey: 'f', fault: true,
            args: &[Arg::choice("at", "Of", PLACES_HERE, 0)],
            help: "Nothing is cached for 15 s at the service looked at. A second trouble beside the first." },
        LOOK = Act { key: "look", label: "Look at", hotkey: 'a', fault: false,
            args: &[Arg::choice("at", "At", PLACES, 0)],
            help: "The next probe or change is about this service." },
        OPEN = Act { key: "open", label: "Open a trace", hotkey: 'o', fault: false,
            args: &[Arg::int("id", "Number", 0, 0, 1_000_000_000)],
            help: "Look at one trace by its number, as a probe." },
    }
}

/// Where an act does what it does.
pub const PLACES_HERE: &[(&str, &str)] = PLACES_SET;

indexed! {
    pub mod number: Number {
        P50 = Number::new("p50", "p50", "ms", Better::Down).main().plot("latency")
            .help("From arrival to answer, over the last 20 s."),
        P99 = Number::new("p99", "p99", "ms", Better::Down).main().plot("latency")
            .help("From arrival to answer, over the last 20 s."),
        SUFFERED = Number::new("suffered", "Users who suffered", "", Better::Down).main()
            .help("Requests since the trouble began that failed or took longer than promised."),
        PROBES = Number::new("probes", "Probes used", "", Better::Down).main()
            .help("Until the cause was named."),
        WRONG = Number::new("wrong", "Wrong changes", "", Better::Down).main()
            .help("Changes and guesses that did not meet the cause."),
        MINUTES = Number::new("minutes", "Minutes to cause", "min", Better::Down).main()
            .help("From the first trouble to the right name; so far, while there is none."),
        SLOW = Number::new("slow", "Slow requests", "%", Better::Down).plot("slow")
            .help("Longer than promised, over the last 20 s."),
        FAILED = Number::new("failed", "Failed requests", "%", Better::Down).plot("slow")
            .help("Over the last 20 s."),
        OFFERED = Number::new("offered", "Requests", "req/s", Better::Neither)
            .help("Over the last 5 s."),
        KEPT = Number::new("kept", "Traces kept", "%", Better::Neither)
            .help("Of all finished requests so far."),
    }
}

indexed! {
    pub mod measure: Measure {
        P99_ALL = Measure::new("p99_ms", &[], "p99 of all requests after the first 2 s, in ms"),
        P99_S = Measure::new("p99_services", &[], "the same in mean works of the service that stands alone"),
        MEAN_ALL = Measure::new("mean_ms", &[], "mean time to the answer of all requests after the first 2 s, in ms"),
        MEAN_S = Measure::new("mean_services", &[], "the same in mean works of the service that stands alone"),
        BUSY = Measure::new("busy_share", &["number"], "busy time of a service's workers so far, in percent; services are counted from 1, Checkout"),
        MEAN = Measure::new("mean_between", &["duration", "duration"], "mean time to the answer of requests that arrived in these seconds, in ms"),
        SLOW_SHARE = Measure::new("slow_share", &["duration", "duration"], "requests that arrived in these seconds and failed or were slower than promised, in percent"),
        ROOT = Measure::new("root_ms", &[], "duration of the last finished request, in ms"),
        CRITICAL = Measure::new("critical_ms", &["number"], "how much of the critical path of the last kept trace lies in span n, counted from 0, the root, in ms"),
        ODD = Measure::new("not_summing", &[], "kept traces whose critical path did not sum to the root"),
        NAMED = Measure::new("named_min", &[], "minutes from the first trouble to the right name; so far, if there is none"),
        IS_NAMED = Measure::new("named", &[], "1 if the cause has been named"),
        PROBES = Measure::new("probes_used", &[], "probes used until the cause was named"),
        WRONG_CHANGES = Measure::new("wrong_changes", &[], "changes that did not remove the cause"),
        WRONG_GUESSES = Measure::new("wrong_guesses", &[], "guesses that were wrong"),
        SHOWN = Measure::new("shown", &["number"], "row n, counted from 1, of what the last probe showed"),
        SHOWN_BEFORE = Measure::new("shown_before", &["number"], "the same before the trouble; of a trace search, the fast ones"),
        FAILING = Measure::new("failing", &[], "requests that failed and whose trace has been decided on"),
        FAILING_KEPT = Measure::new("failing_kept", &[], "of these, those whose trace was kept"),
        FAILING_MISSED = Measure::new("failing_missed", &[], "of these, those whose trace was not kept"),
        ESTIMATE = Measure::new("estimated", &[], "requests, as estimated from the weights of kept traces, in percent of those that were decided on"),
        HEDGED = Measure::new("hedged", &[], "extra requests that hedging sent, in percent"),
        ROOT_SLOW = Measure::new("slow_roots", &[], "finished requests slower than promised, in percent"),
        MISPLACED = Measure::new("misplaced", &[], "spans of the trace that is open that lie outside their parents"),
    }
}

pub static QUESTION: Question = Question {
    slug: "debug-latency",
    version: 1,
    knobs: knob::ALL,
    acts: act::ALL,
    numbers: number::ALL,
    measures: measure::ALL,
    nodes: &["Gateway", "Checkout", "Cart", "Inventory", "Pricing", "Payment"],
    links: &[
        ("Gateway", "Checkout"),
        ("Checkout", "Cart"),
        ("Checkout", "Inventory"),
        ("Checkout", "Pricing"),
        ("Checkout", "Payment"),
    ],
    sample_every: Us::ms(500),
    horizon: Us::s(600),
    lifetime_max: Us::s(30),
    tap: None,
    code: &["tracer", "server", "pool", "load"],
    make: make::<DebugLatency>,
};

pub static TOLD: Told = told::<DebugLatency>(Help { knobs: knob::HELP, acts: act::HELP, numbers: number::HELP });
/// Reads its measures.
pub static READ: Read = read::<DebugLatency>;
