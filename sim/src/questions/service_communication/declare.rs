//! What can be set, done, read and asked: the declaration of the question.

use super::Services;
use crate::declare::{Act, Arg, Better, Help, Knob, Measure, Number, Question};
use crate::indexed;
use crate::kernel::{Read, Told, Us, make, read, told};

const R4J: &str = "resilience4j, CircuitBreakerConfig";
const SRE: &str = "SRE book, chapter 21";

indexed! {
    pub mod knob: Knob {
        TIMEOUT = Knob::float("timeout", "Call timeout", 0.0, 0.0, 60_000.0, 10.0).unit("ms").live().main()
            .zero("no timeout").help("How long a worker waits for one call to Payment. 0 means for ever; Hystrix brings its own second then."),
        BREAKER = Knob::choice("breaker", "Breaker", &[("off", "None"), ("resilience4j", "resilience4j"), ("hystrix", "Hystrix"), ("own", "As set below")], 0).live().main()
            .help("Stops calls to a Payment that fails. The two presets are the published defaults; Hystrix brings its timeout of 1 s and its ten threads."),
        BULKHEAD = Knob::int("bulkhead", "Bulkhead for Payment", 0, 0, 500).unit("calls").live().main()
            .zero("none").help("At most so many workers wait for Payment at the same time; one more call is refused at once. 0 means no bulkhead."),
        ATTEMPTS = Knob::choice("attempts", "Attempts per layer", &[("1", "1: no retries"), ("2", "2"), ("3", "3"), ("4", "4"), ("5", "5"), ("6", "6")], 0).live().main()
            .help("How often each layer tries in all. Layers multiply."),
        MODE = Knob::choice("mode", "Orders hands payments", &[("sync", "Call and wait"), ("queue", "Message queue"), ("log", "Log")], 0).main()
            .help("Wait for Payment's answer, or leave a message with a broker and answer 202."),

        RATE = Knob::float("rate", "Arrivals", 40.0, 1.0, 500.0, 1.0).unit("req/s").log()
            .help("Requests a second of both kinds."),
        ARRIVALS = Knob::choice("arrivals", "They come", &[("poisson", "Poisson: independent users"), ("even", "Evenly spaced")], 0).convention()
            .help("Independent users come in clumps. Even spacing is for experiments with one exact answer."),
        NEEDS = Knob::int("needs", "Checkouts", 50, 0, 100).unit("%")
            .help("The share of requests that need Payment. The others list orders and never call it."),
        PATIENCE = Knob::float("patience", "Caller's patience", 2_000.0, 100.0, 60_000.0, 100.0).unit("ms").log()
            .help("How long a caller waits for an answer before it leaves."),
        WORKERS = Knob::int("workers", "Workers of Orders", 50, 1, 500)
            .help("Requests that Orders handles at once. A worker that waits for Payment handles nothing else."),
        ROOM = Knob::int("room", "Line of Orders", 1_000, 1, 10_000).log()
            .help("How many requests may wait for a worker; one more is refused."),
        EXPIRE = Knob::toggle("expire", "Drop who has left", false).live()
            .help("A worker does not begin a request whose caller has left. Many servers cannot tell."),
        OWN = Knob::float("own", "Work in Orders", 20.0, 1.0, 1_000.0, 1.0).unit("ms").log()
            .help("What a worker does for every request by itself, on average."),
        LAW = Knob::choice("law", "That work varies", &[("exp", "Exponentially"), ("fixed", "Not at all")], 0).convention()
            .help("How the work in Orders varies around its mean."),
        PAYMENT = Knob::float("payment", "Payment answers in", 50.0, 1.0, 5_000.0, 1.0).unit("ms").log()
            .help("How long Payment takes when it is well."),

        SLOW = Knob::float("slow", "Payment's bad day", 5.0, 0.0, 60.0, 0.1).unit("s")
            .zero("never").help("What Payment takes while the fault lasts. 0 means that none comes by itself."),
        FAULT_AT = Knob::float("fault_at", "It begins", 30.0, 0.0, 600.0, 1.0).unit("s")
            .help("When Payment becomes slow by itself."),
        FAULT_FOR = Knob::float("fault_for", "It lasts", 60.0, 1.0, 600.0, 1.0).unit("s")
            .help("How long Payment stays slow."),

        LAYERS = Knob::int("layers", "Layers that retry", 3, 1, 5).live()
            .help("From Orders' own client outwards: with 2 the gateway retries as well, with more there are thin services before Payment that do."),
        BACKOFF = Knob::choice("backoff", "Between attempts", &[("none", "No wait"), ("fixed", "The same wait"), ("exponential", "Doubling, full jitter")], 2).convention().live()
            .help("How long a layer waits before it tries again. Inside Orders the worker waits with it."),
        BASE = Knob::float("base", "First wait", 100.0, 1.0, 5_000.0, 1.0).unit("ms").log().live()
            .help("The wait before the second attempt, before jitter; waits never pass 2 s."),
        BUDGET = Knob::int("budget", "Retry budget", 0, 0, 100).unit("%").live().fact(SRE)
            .zero("no budget").help("Each layer's retries are at most this share of its first attempts; the book uses 10 %. 0 means no budget."),
        THROTTLE = Knob::toggle("throttle", "Client-side throttling", false).live().fact(SRE)
            .help("Orders drops its own calls with probability (requests - 2 × accepts) / (requests + 1), counted over two minutes."),
        DEADLINE = Knob::toggle("deadline", "Pass the deadline on", false).live()
            .help("The caller's deadline travels with the request: no call outlives it, and nobody retries for a caller who has left."),
        FALLBACK = Knob::toggle("fallback", "Fallback value", false).live()
            .help("When Payment cannot be had, answer with a stand-in: order accepted, payment pending."),
        MESH = Knob::toggle("mesh", "Sidecar mesh", false).live()
            .help("Proxies on both sides of each hop: 1 ms each way, and timeouts, retries and breaker move into them."),

        WINDOW = Knob::int("window", "Breaker: window", 100, 1, 128).unit("calls").live().fact(R4J)
            .help("The last so many calls count."),
        CALLS_MIN = Knob::int("calls_min", "Breaker: at least", 100, 1, 128).unit("calls").live().fact(R4J)
            .help("Fewer known calls decide nothing."),
        FAILURES = Knob::int("failures", "Breaker: failures", 50, 1, 100).unit("%").live().fact(R4J)
            .help("It opens when so many of them failed."),
        SLOW_AFTER = Knob::float("slow_after", "Breaker: slow is over", 2_000.0, 0.0, 60_000.0, 10.0).unit("ms").live()
            .zero("nothing is slow").help("A call that took longer was slow, whatever it answered. 0 means that none is."),
        SLOW_SHARE = Knob::int("slow_share", "Breaker: slow calls", 40, 1, 100).unit("%").live()
            .help("It opens when so many of them were slow."),
        OPEN_FOR = Knob::float("open_for", "Breaker: open for", 1.0, 0.1, 600.0, 0.1).unit("s").log().live()
            .help("How long it refuses everything before it lets probes through."),
        PROBES = Knob::int("probes", "Breaker: probes", 3, 1, 100).unit("calls").live()
            .help("The calls that decide while it is half open."),
        HALF_OPEN = Knob::float("half_open", "Breaker: half open at most", 0.0, 0.0, 600.0, 1.0).unit("s").live().fact(R4J)
            .zero("for ever").help("0 means without an end: probes that hang keep it half open."),

        CONSUMERS = Knob::int("consumers", "Consumers", 3, 1, 20).live()
            .help("Workers that take messages, in each group."),
        CONSUMER_RATE = Knob::float("consumer_rate", "Each handles", 50.0, 1.0, 500.0, 1.0).unit("msg/s").log()
            .help("Messages a second of one consumer while Payment is well."),
        PARTITIONS = Knob::int("partitions", "Log: partitions", 6, 1, 24)
            .help("The log is cut into so many; one consumer of a group reads each, in its order."),
        GROUPS = Knob::int("groups", "Log: groups", 2, 1, 3)
            .help("Payments, analytics, audit: each group reads everything at its own pace."),
        VISIBILITY = Knob::float("visibility", "Queue: hidden for", 30.0, 1.0, 600.0, 1.0).unit("s").fact("Amazon SQS Developer Guide")
            .help("A message that was taken and not deleted is back after this time."),

        FORMAT = Knob::choice("format", "Messages are", &[("json", "JSON"), ("protobuf", "Protobuf")], 0).convention().live()
            .help("How an order is written on the wire."),
        ITEMS = Knob::int("items", "Items in the order", 3, 0, 300).live()
            .help("The order of the page, with so many items."),
        TEXT = Knob::int("text", "Or a text of", 0, 0, 20_000).unit("characters").live()
            .zero("an order").help("A comment with a text instead of an order. 0 means the order."),
        BANDWIDTH = Knob::float("bandwidth", "Bandwidth", 100.0, 0.1, 10_000.0, 0.1).unit("Mbit/s").log()
            .help("What a message's bytes are divided by."),
    }
}

indexed! {
    pub mod act: Act {
        RESTART = Act { key: "restart", label: "Restart Orders", hotkey: 'o', args: &[], fault: true,
            help: "Everything in Orders is lost, calls that hang and the breaker's memory too." },
        CRASH = Act { key: "crash", label: "Crash a consumer", hotkey: 'c', args: &[], fault: true,
            help: "It dies with the message in its hands and is back after a minute." },
        DOWN = Act { key: "down", label: "Payment down", hotkey: 'd', args: &[], fault: true,
            help: "Connections to Payment are refused at once." },
        SPIKE = Act { key: "spike", label: "Spike", hotkey: 'x',
            args: &[Arg::float("times", "Times the traffic", 10.0, 0.0, 20.0, 0.5), Arg::float("for", "For", 60.0, 0.5, 600.0, 0.5).unit("s")], fault: true,
            help: "More requests for a while." },
        MEND = Act { key: "mend", label: "Mend Payment", hotkey: 'r', args: &[], fault: true,
            help: "New calls are answered as on a good day. Calls that hang stay hung." },
        SLOW = Act { key: "slow", label: "Slow Payment", hotkey: 'w', args: &[], fault: true,
            help: "Its bad day begins now: as slow and as long as set, 5 s a call if none is set." },
        HANG = Act { key: "hang", label: "Payment hangs", hotkey: 'h', args: &[], fault: true,
            help: "Payment takes calls and never answers those." },
    }
}

indexed! {
    pub mod number: Number {
        LIST = Number::new("list", "Order list answered", "%", Better::Up).main().plot("success")
            .help("Of the requests that never call Payment and were decided in the last 5 s, those answered in time."),
        CHECKOUT = Number::new("checkout", "Checkout answered", "%", Better::Up).main().plot("success")
            .help("Of the requests that need Payment and were decided in the last 5 s, those answered in time, stand-ins and 202 included."),
        BUSY = Number::new("busy", "Workers busy", "", Better::Neither).main().plot("workers")
            .help("Workers of Orders that hold a request."),
        CALLS = Number::new("calls", "Calls to Payment", "/s", Better::Neither).main().plot("calls")
            .help("Calls that reached Payment, over the last 5 s."),
        AMPLIFICATION = Number::new("amplification", "Calls per checkout", "×", Better::Down).main().plot("calls")
            .help("Calls that reached Payment over checkouts that arrived, both of the last 5 s."),
        BACKLOG = Number::new("backlog", "Messages waiting", "", Better::Down).main().plot("backlog")
            .help("Published and not yet processed for Payment."),
        WAITING_ON = Number::new("waiting_on", "Waiting on Payment", "", Better::Down).plot("workers")
            .help("Workers that wait for an answer of Payment's, or for their next attempt."),
        LINE = Number::new("line", "Waiting for a worker", "", Better::Down)
            .help("Requests in the line of Orders."),
        P99 = Number::new("p99", "p99 of good answers", "ms", Better::Down)
            .help("From arrival to answer, both endpoints, over the last 30 s."),
        P50 = Number::new("p50", "p50 of good answers", "ms", Better::Down)
            .help("From arrival to answer, both endpoints, over the last 30 s."),
        OFFERED = Number::new("offered", "Arrivals", "req/s", Better::Neither)
            .help("Both endpoints, over the last 5 s."),
        REFUSED_CALLS = Number::new("refused_calls", "Calls not made", "/s", Better::Neither)
            .help("Refused by breaker, bulkhead or throttle before they cost anything, over the last 5 s."),
        TIMEOUTS = Number::new("timeouts", "Timeouts", "/s", Better::Down)
            .help("Calls that a worker gave up on, over the last 5 s."),
        FALLBACKS = Number::new("fallbacks", "Stand-ins", "/s", Better::Neither)
            .help("Checkouts answered with the fallback value, over the last 5 s."),
        RUNNING = Number::new("running", "Calls in Payment", "", Better::Neither)
            .help("Calls that Payment works on, those that nobody waits for any more included."),
        OLDEST = Number::new("oldest", "Oldest message", "s", Better::Down).plot("age")
            .help("How long the oldest message that is not processed has waited."),
        DRAIN = Number::new("drain", "Empty in", "s", Better::Down)
            .help("Messages waiting over how fast they become fewer now. Absent while they do not."),
        CONSUMED = Number::new("consumed", "Messages processed", "/s", Better::Neither)
            .help("For Payment, over the last 5 s."),
        BYTES = Number::new("bytes", "Bytes of a message", "B", Better::Down)
            .help("As it is written on the wire."),
    }
}

indexed! {
    pub mod measure: Measure {
        LIST_SHARE = Measure::new("list_share", &["duration", "duration"], "order lists answered in time, in percent of those that arrived from one second to another"),
        LIST_GOOD = Measure::new("list_good", &["duration", "duration"], "order lists answered in time, of those that arrived in these seconds"),
        LIST_ARRIVED = Measure::new("list_arrived", &["duration", "duration"], "order lists that arrived in these seconds"),
        CHECKOUT_SHARE = Measure::new("checkout_share", &["duration", "duration"], "checkouts answered in time, in percent of those that arrived in these seconds"),
        CALLS_IN = Measure::new("calls_in", &["duration", "duration"], "calls that reached Payment in these seconds"),
        CALLS_PER = Measure::new("calls_per_checkout", &["duration", "duration"], "calls that reached Payment in these seconds, per checkout that arrived in them"),
        LIST_MS = Measure::new("list_ms", &["duration", "duration"], "mean time to a good answer of order lists that arrived in these seconds, in ms"),
        CHECKOUT_MS = Measure::new("checkout_ms", &["duration", "duration"], "the same of checkouts"),
        OPENED = Measure::new("opened_s", &[], "when the breaker first opened; so far, if it has not"),
        CLOSED = Measure::new("closed_s", &[], "when the breaker last closed; so far, if it has not"),
        OPENINGS = Measure::new("openings", &[], "how often the breaker opened"),
        CYCLE = Measure::new("cycle_s", &[], "mean time from one opening of the breaker to the next"),
        HALF_OPEN = Measure::new("half_open_s", &[], "how long the breaker has been half open now"),
        BUSY_MAX = Measure::new("busy_max", &[], "the most workers that were busy at the end of any second"),
        BACKLOG_MAX = Measure::new("backlog_max", &[], "the most messages that waited at the end of any second"),
        OLDEST_MAX = Measure::new("oldest_max_s", &[], "the longest that the oldest message had waited at the end of any second"),
        DRAINED = Measure::new("drained_s", &[], "seconds from the end of the last spike until no message waited; so far, if any still does"),
        PROCESSED = Measure::new("processed", &["number"], "messages processed by a group, counted from 1"),
        AGAIN = Measure::new("again", &[], "messages processed more than once for Payment"),
        IDLE = Measure::new("idle_consumers", &[], "consumers of the payments group that own no partition"),
        PROTOBUF = Measure::new("protobuf_bytes", &[], "the message as protobuf"),
        JSON = Measure::new("json_bytes", &[], "the message as JSON without blanks"),
        RATIO = Measure::new("json_over_protobuf", &[], "the bytes of JSON over those of protobuf"),
    }
}

pub static QUESTION: Question = Question {
    slug: "service-communication",
    version: 1,
    knobs: knob::ALL,
    acts: act::ALL,
    numbers: number::ALL,
    measures: measure::ALL,
    nodes: &["Gateway", "Orders", "Payment", "Broker", "Consumers"],
    links: &[
        ("Gateway", "Orders"),
        ("Orders", "Payment"),
        ("Orders", "Broker"),
        ("Broker", "Consumers"),
        ("Consumers", "Payment"),
    ],
    sample_every: Us::ms(500),
    horizon: Us::s(1_200),
    lifetime_max: Us::s(60),
    tap: None,
    code: &["breaker", "retry", "bulkhead", "broker", "consumer", "codec", "server"],
    make: make::<Services>,
};

pub static TOLD: Told = told::<Services>(Help { knobs: knob::HELP, acts: act::HELP, numbers: number::HELP });
/// Reads its measures.
pub static READ: Read = read::<Services>;
