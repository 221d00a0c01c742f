//! What can be set, done, read and asked: the declaration of the question.

use super::Spike;
use crate::declare::{Act, Arg, Better, Help, Knob, Measure, Number, Question};
use crate::indexed;
use crate::kernel::{Read, Told, Us, make, read, told};

const HPA: &str = "Kubernetes documentation, HorizontalPodAutoscaler";

indexed! {
    pub mod knob: Knob {
        SPIKE = Knob::float("spike", "Spike", 10.0, 1.0, 20.0, 0.5).unit("×").main()
            .help("How many times the normal traffic arrives while the spike lasts."),
        BOUND = Knob::int("bound", "Queue per pod", 0, 0, 2_000).unit("requests").live().main()
            .zero("no bound").help("How many requests may wait in front of a pod before it says no. 0 leaves only the memory as a bound."),
        ATTEMPTS = Knob::int("attempts", "Attempts per client", 3, 1, 6).live().main().fact("SRE book, chapter 21: three attempts")
            .help("How often a client tries in all before it gives up."),
        BUDGET = Knob::int("budget", "Retry budget", 0, 0, 100).unit("%").live().main()
            .zero("no budget").help("Retries are at most this share of first attempts; the SRE book uses 10 %. 0 means there is no budget and every retry is made."),
        SHED = Knob::toggle("shed", "Shed by priority", false).live().main()
            .help("Refuse sheddable requests as soon as a pod's queue is half as long as it may usefully be, so that critical ones still find room."),

        RATE = Knob::float("rate", "Normal traffic", 1_000.0, 10.0, 5_000.0, 10.0).unit("req/s").log()
            .help("Requests a second outside the spike."),
        SPIKE_AT = Knob::float("spike_at", "Spike begins", 60.0, 0.0, 600.0, 0.5).unit("s")
            .help("When the spike begins by itself."),
        SPIKE_FOR = Knob::float("spike_for", "Spike lasts", 300.0, 0.5, 1_800.0, 0.5).unit("s")
            .help("How long a spike lasts."),
        ARRIVALS = Knob::choice("arrivals", "Arrivals", &[("poisson", "Poisson: independent users"), ("even", "Evenly spaced")], 0).convention()
            .help("Independent users arrive in clumps. Even spacing is for experiments with one exact answer."),
        CRITICAL = Knob::int("critical", "Critical requests", 20, 0, 100).unit("%")
            .help("The share of requests that must not be shed: checkout, not recommendations."),

        PODS = Knob::int("pods", "Pods at the start", 10, 1, 100)
            .help("Pods that are ready when the run begins; also the least the autoscaler keeps."),
        PREWARM = Knob::int("prewarm", "Pre-warmed pods", 0, 0, 100).unit("pods")
            .help("Extra pods that are ready before the spike, as for a launch you know of. They cost from the first second."),
        WORKERS = Knob::int("workers", "Workers per pod", 17, 1, 64)
            .help("Requests a pod works on at the same time."),
        SERVICE = Knob::float("service", "Work per request", 100.0, 1.0, 1_000.0, 1.0).unit("ms").log()
            .help("Mean time a worker needs for a request, the database included."),
        LAW = Knob::choice("law", "Service times", &[("exp", "Exponential"), ("fixed", "All the same"), ("lognormal", "Lognormal, heavy tail")], 0).convention()
            .help("How service times vary around their mean."),
        DEGRADE = Knob::int("degrade", "Feature switched off", 0, 0, 80).unit("% less work").live()
            .help("Leaving out an expensive part of every answer, such as recommendations, saves this share of the work."),
        KAPPA = Knob::int("kappa", "Cost of a refusal", 2, 0, 50).unit("% of a request").live()
            .help("Accepting, parsing and refusing a request costs this share of serving it. No is not free."),

        ORDER = Knob::choice("order", "Who is next", &[("fifo", "First in, first out"), ("lifo", "Newest first"), ("priority", "Critical first"), ("fair", "Classes take turns")], 0).convention().live()
            .help("The order in which waiting requests are served."),
        EXPIRE = Knob::toggle("expire", "Drop expired work", false).live()
            .help("A worker does not start a request whose client has already left. The client's deadline must travel with the request."),
        CONTROL = Knob::toggle("control", "Delay control 5/100 ms", false).live().fact("Maurer, Fail at Scale, ACM Queue 2015")
            .help("While a queue has not been empty for 100 ms, drop what has waited more than 5 ms."),
        MEMORY = Knob::int("memory", "Requests that fit in memory", 512, 16, 200_000).log()
            .help("How many waiting requests a pod can hold, say 64 KiB each. This bounds even the queue that nobody bounded."),
        OOM = Knob::choice("oom", "When memory is full", &[("refuse", "Stops accepting connections"), ("kill", "Killed, starts again")], 0)
            .help("What happens to a pod whose memory is full of waiting requests."),
        RESERVE = Knob::int("reserve", "Workers for critical only", 0, 0, 32).live()
            .help("A bulkhead: so many workers of each pod never take a sheddable request."),
        DEFER = Knob::toggle("defer", "Accept for later (202)", false).live()
            .help("Sheddable requests that would be refused go to a durable queue instead and are worked off when a worker is idle."),
        LIMIT = Knob::int("limit", "Rate limit at the edge", 0, 0, 20_000).unit("req/s").live()
            .zero("no limit").help("The balancer lets at most this many requests a second through and answers 429 to the rest. 0 means no limit."),

        PATIENCE = Knob::float("patience", "Client patience", 1_000.0, 100.0, 30_000.0, 100.0).unit("ms").log()
            .help("How long a client waits for an attempt before it counts as failed."),
        BACKOFF = Knob::choice("backoff", "Backoff", &[("none", "At once"), ("fixed", "Fixed wait"), ("exponential", "Exponential")], 2).convention().live()
            .help("How long a client waits before it tries again."),
        JITTER = Knob::choice("jitter", "Jitter", &[("none", "None"), ("full", "Full"), ("equal", "Equal"), ("decorrelated", "Decorrelated")], 1).fact("Brooker, AWS Architecture Blog 2015").live()
            .help("How waits are spread, so that clients that failed together do not return together."),
        BASE = Knob::float("base", "First wait", 100.0, 1.0, 5_000.0, 1.0).unit("ms").log().live()
            .help("The wait before the second attempt, before jitter."),
        CAP = Knob::float("cap", "Longest wait", 2_000.0, 10.0, 60_000.0, 10.0).unit("ms").log().live()
            .help("Exponential backoff stops growing here."),

        AUTOSCALE = Knob::toggle("autoscale", "Autoscaler", true).live()
            .help("Whether the number of pods follows the load."),
        METRIC = Knob::choice("metric", "Scales on", &[("cpu", "CPU, at most 100 %"), ("requests", "Requests per pod")], 0).convention().live()
            .help("CPU cannot read more than 100 %, so it hides how large the overload is. Requests per pod has no ceiling."),
        TARGET = Knob::int("target", "Target utilisation", 60, 10, 95).unit("%").convention().live()
            .help("The load per pod that the autoscaler aims for, as a share of what a pod can do."),
        SYNC = Knob::int("sync", "Autoscaler looks every", 15, 1, 120).unit("s").fact(HPA)
            .help("Time between two looks at the metrics."),
        LAG = Knob::int("lag", "Metric lag", 15, 15, 120).unit("s").fact("Kubernetes metrics-server: 15 s resolution")
            .help("The autoscaler sees the average of the 15 s that began this long ago."),
        TOLERANCE = Knob::int("tolerance", "Tolerance", 10, 0, 50).unit("%").fact(HPA).live()
            .help("Nothing happens while the metric is this close to its target."),
        READY = Knob::float("ready", "Pod ready after", 60.0, 1.0, 600.0, 1.0).unit("s").log().live()
            .help("From the decision to the first request: about 30 s on a warm node, 180 s when a machine must be bought."),
        PODS_MAX = Knob::int("pods_max", "Most pods", 100, 1, 200).live()
            .help("The autoscaler never asks for more."),

        BALANCE = Knob::choice("balance", "Balancer", &[("round-robin", "Round robin"), ("random", "Random"), ("two", "Best of two"), ("least", "Least in flight")], 0).convention().live()
            .help("Which pod gets the next request."),
        HEALTH = Knob::choice("health", "Health check", &[("alive", "Is the process alive?"), ("deep", "Does a probe get through the queue?"), ("none", "None")], 0).convention().live()
            .help("What takes a pod out of the balancer. A probe that queues like a request takes out the busy ones too."),
        CHECK = Knob::float("check", "Checked every", 5.0, 0.5, 60.0, 0.5).unit("s").convention()
            .help("Time between health checks; three failures take a pod out, one success puts it back."),

        CACHE = Knob::toggle("cache", "Cache", false)
            .help("Answers that may be reused are kept, and asking again needs no database. Cold at the start.")
            ,
        CACHEABLE = Knob::int("cacheable", "Answers that may be cached", 90, 1, 100).unit("%")
            .help("The share of requests whose answer may come from a cache, of 1,000 different ones. The rest always ask the database."),
        TTL = Knob::float("ttl", "Cached for", 5.0, 1.0, 3_600.0, 1.0).unit("s").log().live()
            .help("Time to live of a cached answer. A longer one saves the database and serves older data."),
        STALE = Knob::toggle("stale", "Serve stale", false).live().fact("RFC 5861, stale-if-error")
            .help("When the database does not answer, answer with an expired copy, if there is one."),
        DB_SHARE = Knob::int("db_share", "Of that, in the database", 40, 0, 95).unit("%")
            .help("The part of the work that holds a database connection."),
        DB_POOL = Knob::int("db_pool", "Database connections", 1_000, 1, 5_000)
            .help("Queries that the database runs at the same time. With 40 ms each, 1,000 make 25,000 queries a second."),
        REPLICAS = Knob::int("replicas", "Read replicas", 0, 0, 5)
            .help("Each adds as many connections again and takes its share of the queries; here every request is a read."),
        DB_WAIT = Knob::float("db_wait", "Database timeout", 500.0, 10.0, 10_000.0, 10.0).unit("ms").log().live()
            .help("A query without an answer after this long fails, the wait for a connection included. The connection stays in use until the query ends."),
        BREAKER = Knob::toggle("breaker", "Breaker before the database", false).live().fact("resilience4j: 100 calls, 50 %, 10 probes; opened for 5 s here")
            .help("Stops asking a database that fails half of the last 100 queries, and tries again after 5 s."),
    }
}

indexed! {
    pub mod act: Act {
        SPIKE = Act { key: "spike", label: "Start a spike", hotkey: 'x', args: &[], fault: true,
            help: "The spike begins now and lasts as long as set." },
        KILL = Act { key: "kill", label: "Kill a pod", hotkey: 'd',
            args: &[Arg::int("pod", "Which pod", 1, 1, 200)], fault: true,
            help: "The pod dies with everything it holds. A replacement starts at once." },
        SLOW = Act { key: "slow", label: "Slow pods", hotkey: 'w',
            args: &[Arg::int("pods", "How many", 3, 1, 200), Arg::float("factor", "Times slower", 5.0, 1.5, 50.0, 0.5)], fault: true,
            help: "Some pods take several times as long for everything." },
        DB_SLOW = Act { key: "db", label: "Slow database", hotkey: 'b',
            args: &[Arg::float("factor", "Times slower", 10.0, 1.5, 200.0, 0.5)], fault: true,
            help: "One database node takes several times as long for every query: all of them, unless there are replicas." },
        BLIND = Act { key: "blind", label: "Metrics outage", hotkey: 'm',
            args: &[Arg::float("for", "For how long", 60.0, 1.0, 600.0, 1.0).unit("s")], fault: true,
            help: "The autoscaler sees nothing and keeps its hands still." },
        STALL = Act { key: "stall", label: "Outage of all pods", hotkey: 'o',
            args: &[Arg::float("for", "For how long", 10.0, 0.1, 120.0, 0.1).unit("s")], fault: true,
            help: "Pods accept requests and answer nothing until it is over." },
        CALM = Act { key: "calm", label: "End the spike", hotkey: 'e', args: &[], fault: true,
            help: "Traffic is normal again, from now on." },
        MEND = Act { key: "mend", label: "Mend all", hotkey: 'r', args: &[], fault: true,
            help: "Pods and database are as fast as before, and the metrics are back." },
        FLUSH = Act { key: "flush", label: "Flush the cache", hotkey: 'f', args: &[], fault: true,
            help: "Every cached answer is gone, stale copies too." },
    }
}

indexed! {
    pub mod number: Number {
        GOODPUT = Number::new("goodput", "Goodput", "req/s", Better::Up).main().plot("load")
            .help("Requests answered before their client gave up, over the last second."),
        OFFERED = Number::new("offered", "Offered", "req/s", Better::Neither).main().plot("load")
            .help("New requests, over the last second."),
        CAPACITY = Number::new("capacity", "Capacity", "req/s", Better::Up).plot("load")
            .help("What the pods that are ready can serve."),
        ATTEMPTS = Number::new("attempts_rate", "Attempts", "req/s", Better::Down).plot("load")
            .help("New requests and retries, over the last second."),
        P99 = Number::new("p99", "p99 of good answers", "ms", Better::Down).main().plot("latency")
            .help("From the first attempt to the answer, over the last 5 s."),
        P95 = Number::new("p95", "p95", "ms", Better::Down).plot("latency")
            .help("From the first attempt to the answer, over the last 5 s."),
        P50 = Number::new("p50", "p50", "ms", Better::Down).plot("latency")
            .help("From the first attempt to the answer, over the last 5 s."),
        OLDEST = Number::new("oldest", "Oldest waiting", "ms", Better::Down).plot("queue")
            .help("How long the head of the oldest queue has waited."),
        QUEUE = Number::new("queue", "Waiting", "", Better::Down).main().plot("queue")
            .help("Requests in the queues of all pods."),
        FILL = Number::new("fill", "Time to fill the queues", "s", Better::Up)
            .help("Room left, over attempts minus answers of the last second. Absent while the queues drain."),
        WASTED = Number::new("wasted", "Wasted work", "%", Better::Down).main()
            .help("Share of the answers of the last second that came after their client had left."),
        REFUSED = Number::new("refused", "Refused", "req/s", Better::Down)
            .help("Attempts answered with 503, 429 or a refused connection, over the last second."),
        DROPPED = Number::new("dropped", "Dropped in the queue", "req/s", Better::Down)
            .help("Waiting attempts thrown out as expired or delayed, over the last second."),
        RETRIES = Number::new("retries", "Retries", "req/s", Better::Down)
            .help("Attempts after the first, over the last second."),
        IN_FLIGHT = Number::new("in_flight", "In flight", "", Better::Neither)
            .help("Requests whose clients have neither an answer nor given up."),
        CRITICAL = Number::new("critical_share", "Critical answered", "%", Better::Up)
            .help("Critical requests answered in time, as a share of those that arrived, over the last second."),
        BUSY = Number::new("busy", "Utilisation", "%", Better::Neither)
            .help("Workers at work, of the pods that are ready. What the autoscaler takes for CPU."),
        READY = Number::new("ready_pods", "Pods ready", "", Better::Neither).plot("pods")
            .help("Pods that can serve."),
        PODS = Number::new("pods_paid", "Pods paid for", "", Better::Down).main().plot("pods")
            .help("Ready, starting or stopping: all of them cost."),
        COST = Number::new("cost", "Cost so far", "pod-hours", Better::Down)
            .help("Pods times hours, the ones that are only starting included."),
        HITS = Number::new("hits", "Cache hits", "%", Better::Up)
            .help("Share of lookups answered by the cache, over the last second."),
        DB_BUSY = Number::new("db_busy", "Connections in use", "%", Better::Neither)
            .help("Share of the database's connections that run a query."),
        BACKLOG = Number::new("backlog", "Accepted for later", "", Better::Down)
            .help("Requests answered with 202 whose work is still to be done."),
    }
}

indexed! {
    pub mod measure: Measure {
        GOODPUT_SHARE = Measure::new("goodput_share", &["duration", "duration"], "answered in time as a percentage of what arrived, from one second of the run to another"),
        GOODPUT_RATE = Measure::new("goodput_rate", &["duration", "duration"], "answers in time per second, from one second of the run to another"),
        LOST_SHARE = Measure::new("lost_share", &["duration", "duration"], "not answered in time, as a percentage of what arrived, from one second to another"),
        CRITICAL_SHARE = Measure::new("critical_goodput", &["duration", "duration"], "critical requests answered in time as a percentage of those that arrived"),
        RECOVERED = Measure::new("recovered_s", &[], "seconds from the end of the last outage or spike until nine in ten requests of five seconds running were answered; so far, if that has not happened"),
        REPLICAS_AT = Measure::new("replicas_at", &["duration"], "replicas asked for at this time of the run"),
        PASSED = Measure::new("capacity_passed_s", &[], "seconds from the beginning of the spike until the ready pods could serve all of it; so far, if they cannot"),
        RETRY_SHARE = Measure::new("retry_share", &[], "retries as a percentage of all requests"),
        QUEUE_MAX = Measure::new("queue_max", &[], "the most requests that waited at the end of any second"),
        KILLED = Measure::new("killed", &[], "pods that died, by hand or for memory"),
        SERVED = Measure::new("served", &[], "attempts served in all, useful or not"),
        WASTED_ALL = Measure::new("wasted_share", &[], "answers that came too late, as a percentage of all answers"),
        STALE = Measure::new("stale_served", &[], "answers made from expired copies"),
        OUT_OF_ROTATION = Measure::new("ejected_max", &[], "the most living pods that health checks kept out of the balancer at once"),
    }
}

pub static QUESTION: Question = Question {
    slug: "traffic-spike-10x",
    version: 1,
    knobs: knob::ALL,
    acts: act::ALL,
    numbers: number::ALL,
    measures: measure::ALL,
    nodes: &["Clients", "Balancer", "Pods", "Cache", "Database", "Autoscaler"],
    links: &[
        ("Clients", "Balancer"),
        ("Balancer", "Pods"),
        ("Pods", "Cache"),
        ("Pods", "Database"),
        ("Autoscaler", "Pods"),
    ],
    sample_every: Us::ms(500),
    horizon: Us::s(600),
    lifetime_max: Us::s(30),
    tap: None,
    code: &["server", "retry", "autoscaler", "breaker", "cache"],
    make: make::<Spike>,
};

pub static TOLD: Told = told::<Spike>(Help { knobs: knob::HELP, acts: act::HELP, numbers: number::HELP });
/// Reads its measures.
pub static READ: Read = read::<Spike>;
