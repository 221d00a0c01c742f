//! What can be set, done, read and asked: the declaration of the question.

use super::Backpressure;
use crate::declare::{Act, Arg, Better, Help, Knob, Measure, Number, Question};
use crate::indexed;
use crate::kernel::{Read, Told, Us, make, read, told};

const MAURER: &str = "Maurer, Fail at Scale, ACM Queue 2015";
const KAFKA: &str = "Apache Kafka, ConsumerConfig";

indexed! {
    pub mod knob: Knob {
        SYSTEM = Knob::choice("system", "System", &[("service", "Service with a queue"), ("consumer", "Consumers of a log")], 0).convention().main()
            .help("A service that answers requests, or a consumer group that polls records from a partitioned log."),
        RATE = Knob::float("rate", "Produced", 150.0, 1.0, 2_000.0, 1.0).unit("/s").log().live().main()
            .help("Requests or records a second from all producers. One worker with 10 ms of work can do 100 a second."),
        BOUND = Knob::int("bound", "Room K", 100, 0, 10_000).unit("requests").live().main()
            .zero("no bound").help("How many may be inside at once, waiting and in service together. 0 leaves only the memory as a bound."),
        FULL = Knob::choice("full", "When there is no room", &[("reject", "Refuse the newest (503)"), ("block", "Block the producer"), ("oldest", "Drop the oldest"), ("heaviest", "429 to the heaviest tenant")], 0).convention().live().main()
            .help("Who pays when one too many comes."),
        ORDER = Knob::choice("order", "Who is next", &[("fifo", "First in, first out"), ("lifo", "Newest first when long"), ("priority", "Critical first"), ("fair", "Tenants take turns")], 0).convention().live().main()
            .help("The order in which those who wait are served."),

        TENANTS = Knob::int("tenants", "Producers", 4, 1, 8)
            .help("Each is a tenant of its own and sends an equal share."),
        HOT = Knob::float("hot", "Producer 1 sends", 1.0, 1.0, 50.0, 0.5).unit("× its share").log().live()
            .help("Producer 1 sends so many times its share on top of what the others send."),
        SOURCE = Knob::choice("source", "Producers send", &[("open", "As they please"), ("credit", "With credits")], 0).convention()
            .help("Open producers do not notice that the service is slow. With credits each may have only so many unanswered, and waits when it has none left."),
        WINDOW = Knob::int("window", "Credits per producer", 20, 1, 1_000).log().live()
            .help("How many requests a producer with credits may have unanswered."),
        CRITICAL = Knob::int("critical", "Critical requests", 20, 0, 100).unit("%")
            .help("The share of requests that come first under \"critical first\"."),
        PATIENCE = Knob::float("patience", "Patience", 1_000.0, 50.0, 60_000.0, 50.0).unit("ms").log()
            .help("How long a caller waits for an attempt, from the moment it is let in."),
        ATTEMPTS = Knob::int("attempts", "Attempts per request", 1, 1, 6).live()
            .help("How often a request is tried in all. Waits between attempts double from 100 ms to 2 s, with full jitter."),

        WORKERS = Knob::int("workers", "Workers", 1, 1, 2_000).log().live()
            .help("Requests that the service works on at the same time."),
        SERVICE = Knob::float("service", "Work", 10.0, 1.0, 120_000.0, 1.0).unit("ms").log()
            .help("Mean time that a worker needs for a request or a record, the database included."),
        LAW = Knob::choice("law", "Service times", &[("exp", "Exponential"), ("fixed", "All the same"), ("lognormal", "Lognormal, heavy tail")], 0).convention()
            .help("How service times vary around their mean."),
        LONG = Knob::int("long", "A queue is long from", 20, 0, 5_000).unit("waiting").live()
            .help("\"Newest first when long\" turns to the newest while more than this many wait."),
        EXPIRE = Knob::toggle("expire", "Drop expired work", false).live()
            .help("A worker does not start what its caller no longer waits for. The deadline has to travel with the request."),
        CONTROL = Knob::toggle("control", "Delay control", false).live().fact(MAURER)
            .help("While the queue has not been empty for N, work may have waited at most M; otherwise at most N."),
        CONTROL_M = Knob::float("control_m", "M, while it is never empty", 5.0, 0.5, 5_000.0, 0.5).unit("ms").log().live().fact(MAURER)
            .help("What may wait in a queue that has not been empty for a while."),
        CONTROL_N = Knob::float("control_n", "N, otherwise", 100.0, 1.0, 10_000.0, 1.0).unit("ms").log().live().fact(MAURER)
            .help("What may wait otherwise, and how long a while is."),
        LIMITER = Knob::choice("limiter", "Room is", &[("fixed", "Fixed: K"), ("vegas", "Vegas: a short queue"), ("aimd", "AIMD: until late"), ("gradient", "Gradient: base over round trip")], 0).convention()
            .help("Whether the room is set by you or found by measuring. An adaptive limit never goes above K, if K is set."),
        ALPHA = Knob::int("alpha", "Vegas α", 3, 0, 50).unit("requests").fact("Netflix concurrency-limits: 2 to 3")
            .help("A shorter queue than this lets the limit grow by one."),
        BETA = Knob::int("beta", "Vegas β", 6, 1, 100).unit("requests").fact("Netflix concurrency-limits: 4 to 6")
            .help("A longer queue than this makes the limit smaller by one."),
        LATE = Knob::float("late", "AIMD: late is", 200.0, 1.0, 60_000.0, 1.0).unit("ms").log()
            .help("Answers slower than this shrink the limit by a tenth."),
        BULKHEAD = Knob::int("bulkhead", "Room per tenant", 0, 0, 10_000).unit("requests").live()
            .zero("no walls").help("A bulkhead: no tenant may have more inside than this, and gets a 429 beyond. 0 means no walls."),
        MEMORY = Knob::int("memory", "Fits in memory", 20_000, 10, 200_000).unit("requests").log()
            .help("A process that holds more than this, waiting and in service, is killed with all it holds. For consumers, records in the memory of one."),
        RESTART = Knob::float("restart", "Restart takes", 5.0, 0.5, 120.0, 0.5).unit("s")
            .help("From a kill until the process works again."),

        DB_SHARE = Knob::int("db_share", "Of that, in the database", 50, 0, 100).unit("%")
            .help("The part of the work that is a query. Queries that run at the same time slow each other down."),
        DB_POOL = Knob::int("db_pool", "Database connections", 100, 1, 2_000).log()
            .help("Queries that may run at the same time; others wait for a connection, with their worker."),
        KNEE = Knob::int("knee", "The database's knee", 17, 0, 1_000).unit("queries")
            .zero("no knee").help("So many at once give the most throughput; more give less (universal scalability law, α 0.05). 0 means that it scales without end."),

        POOL = Knob::int("pool", "Workers per consumer", 200, 1, 2_000).log()
            .help("Records that one consumer works on at the same time."),
        BATCH = Knob::int("batch", "max.poll.records", 10_000, 1, 50_000).log().live().fact("Apache Kafka, ConsumerConfig: 500 by default")
            .help("The most records that one poll returns."),
        STRATEGY = Knob::choice("strategy", "The poll loop", &[("wait", "Waits for its batch"), ("block", "Blocks on a full channel"), ("pause", "Pauses, and keeps polling"), ("none", "Never holds back")], 1).convention().live()
            .help("What the loop does while its workers are behind."),
        CHANNEL = Knob::int("channel", "Channel", 1_000, 1, 50_000).unit("records").log().live()
            .help("Records that may wait for a worker before the loop blocks or pauses."),
        COMMIT = Knob::choice("commit", "Commits", &[("done", "What is processed"), ("auto", "What was polled, every 5 s")], 0).fact("Apache Kafka, ConsumerConfig: auto-commit every 5,000 ms")
            .help("The offset that is committed at a poll: everything that is processed without a gap, or simply all that earlier polls returned."),
        INTERVAL = Knob::float("interval", "max.poll.interval", 300.0, 1.0, 3_600.0, 1.0).unit("s").log().fact(KAFKA)
            .help("A consumer that has not polled for longer leaves the group."),
        SESSION = Knob::float("session", "Session timeout", 45.0, 1.0, 600.0, 1.0).unit("s").log().fact("Apache Kafka 3.0, KIP-735")
            .help("A consumer that has sent no heartbeat for this long is taken for dead. Heartbeats come every 3 s."),
        PARTITIONS = Knob::int("partitions", "Partitions", 12, 1, 32).log()
            .help("Each is read by one consumer of the group at a time."),
        MEMBERS = Knob::int("members", "Consumers", 3, 1, 8)
            .help("Members of the group."),
        BACKLOG = Knob::int("backlog", "Backlog at the start", 0, 0, 200_000).unit("records")
            .help("Records that are in the log already when the run begins."),
    }
}

indexed! {
    pub mod act: Act {
        BURST = Act { key: "burst", label: "Burst", hotkey: 'b',
            args: &[Arg::int("count", "How many", 200, 1, 50_000)], fault: true,
            help: "So many at once, from all producers in turn." },
        DB_SLOW = Act { key: "db", label: "Slow database", hotkey: 'd',
            args: &[Arg::float("factor", "Times slower", 5.0, 1.5, 100.0, 0.5)], fault: true,
            help: "Every query takes several times as long, those that run included." },
        STALL = Act { key: "stall", label: "Outage", hotkey: 'o',
            args: &[Arg::float("for", "For how long", 10.0, 0.1, 600.0, 0.1).unit("s")], fault: true,
            help: "Workers and database stand still. Whatever is let in waits. Consumers still poll." },
        KILL = Act { key: "kill", label: "Kill the process", hotkey: 'x',
            args: &[Arg::int("consumer", "Which consumer", 1, 1, 8)], fault: true,
            help: "The process dies with everything in its memory and starts again. In the consumer system, this consumer does." },
        PAUSE = Act { key: "pause", label: "Pause a process", hotkey: 'u',
            args: &[Arg::int("consumer", "Which consumer", 1, 1, 8), Arg::float("for", "For how long", 60.0, 0.1, 600.0, 0.1).unit("s")], fault: true,
            help: "The process stands still, heartbeats included, as in a very long collection of garbage." },
        OFF = Act { key: "off", label: "Disconnect a producer", hotkey: 'c',
            args: &[Arg::int("producer", "Which", 1, 1, 8), Arg::float("for", "For how long", 10.0, 0.1, 600.0, 0.1).unit("s")], fault: true,
            help: "Nobody waits any more for what this producer has sent, and it sends nothing until it is back." },
        HEAT = Act { key: "heat", label: "Hot tenant", hotkey: 'h',
            args: &[Arg::float("factor", "Times its share", 10.0, 1.0, 50.0, 0.5)], fault: true,
            help: "Producer 1 sends so many times its share from now on." },
        MEND = Act { key: "mend", label: "Mend all", hotkey: 'r', args: &[], fault: true,
            help: "Database, workers and producers are as they were, and producer 1 sends its share." },
    }
}

indexed! {
    pub mod number: Number {
        GOODPUT = Number::new("goodput", "Goodput", "/s", Better::Up).main().plot("load")
            .help("Answered before the caller gave up, over the last second. For consumers: records committed."),
        OFFERED = Number::new("offered", "Produced", "/s", Better::Neither).main().plot("load")
            .help("New requests or records, over the last second."),
        P50 = Number::new("p50", "Delay p50", "ms", Better::Down).main().plot("delay")
            .help("From being let in to the answer, of all answers of the last 12 s, late ones too. For records, from the log to the end of the work."),
        P95 = Number::new("p95", "Delay p95", "ms", Better::Down).plot("delay")
            .help("As the median above."),
        P99 = Number::new("p99", "Delay p99", "ms", Better::Down).plot("delay")
            .help("As the median above; it takes a thousand answers to say."),
        OLDEST = Number::new("oldest", "Age of the oldest", "ms", Better::Down).main().plot("age")
            .help("How long the one that waits longest has waited. For consumers: the lag in time, the age of the oldest record that is not committed."),
        QUEUE = Number::new("queue", "Waiting", "", Better::Down).main().plot("queue")
            .help("Requests that wait for a worker. For consumers: the lag, records that are not committed."),
        REFUSED = Number::new("refused", "Refused", "/s", Better::Down).main()
            .help("Attempts that were told no at the door, over the last second: 503, 429 or no connection."),
        DROPPED = Number::new("dropped", "Dropped while waiting", "/s", Better::Down)
            .help("Attempts thrown out of the queue, over the last second."),
        LATE = Number::new("late_rate", "Too late", "/s", Better::Down)
            .help("Answers that came after their caller had left, over the last second: wasted work."),
        DUPLICATES = Number::new("duplicates", "Duplicates", "%", Better::Down)
            .help("Share of the records processed in the last 10 s that had been processed before."),
        INSIDE = Number::new("inside", "Inside", "", Better::Neither).plot("queue")
            .help("Waiting and in service. For consumers: records in their memory."),
        LIMIT = Number::new("limit", "Room", "", Better::Neither).plot("queue")
            .help("How many may be inside now: K, or what the adaptive limit has found. Absent without a bound."),
        MEMORY = Number::new("memory_used", "Memory used", "%", Better::Down)
            .help("Of what fits. For consumers: of the fullest one."),
        BUSY = Number::new("busy", "Workers busy", "%", Better::Neither)
            .help("Workers that hold a request or a record, the database's time included."),
        QUERIES = Number::new("queries", "Queries at once", "", Better::Neither)
            .help("Queries that run in the database now."),
        BLOCKED = Number::new("blocked", "Producers held back", "", Better::Neither)
            .help("Producers that may not send now: they have no credit, or the one they sent is not let in."),
        CREDITS = Number::new("credits", "Credits in use", "", Better::Neither)
            .help("Requests of all producers that are not answered yet."),
        RETRIES = Number::new("retries", "Retries", "/s", Better::Down)
            .help("Attempts after the first, over the last second."),
        OTHERS_P99 = Number::new("others_p99_now", "Delay p99 of producers 2 and up", "ms", Better::Down)
            .help("As the delay above, of all but producer 1."),
        REBALANCES = Number::new("rebalances", "Rebalances", "", Better::Down)
            .help("Times that the group's members have changed since all had joined."),
        WRITTEN = Number::new("written", "Records written", "", Better::Neither).plot("records")
            .help("Records in the log, the ones that are read included."),
        PROCESSED = Number::new("processed", "Records processed", "", Better::Up).plot("records")
            .help("Records that have been processed at least once."),
        COMMITTED = Number::new("committed", "Records committed", "", Better::Up).plot("records")
            .help("Records that the group need not read again."),
        AT_RISK = Number::new("at_risk", "Committed, not processed", "", Better::Down)
            .help("Records that the group will never read again and that are not processed. If their consumer dies, they are lost."),
    }
}

indexed! {
    pub mod measure: Measure {
        LOSS = Measure::new("loss", &["duration", "duration"], "attempts refused or dropped as a percentage of all attempts, from one second of the run to another"),
        GOODPUT_SHARE = Measure::new("goodput_share", &["duration", "duration"], "answered in time as a percentage of what was produced, from one second to another"),
        GOODPUT_RATE = Measure::new("goodput_rate", &["duration", "duration"], "answered in time (records: committed) per second, from one second to another"),
        SERVED_RATE = Measure::new("served_rate", &["duration", "duration"], "answered or processed per second, useful or not, from one second to another"),
        PRODUCED_RATE = Measure::new("produced_rate", &["duration", "duration"], "produced per second, from one second to another"),
        DELAY_MEAN = Measure::new("delay_mean", &["duration", "duration"], "mean milliseconds from being let in to the answer, of all answers, from one second to another"),
        RECOVERED = Measure::new("recovered_s", &[], "seconds from the end of the last outage until nine in ten requests of five seconds running were answered in time; so far, if that has not happened"),
        DUPLICATE_SHARE = Measure::new("duplicate_share", &["duration", "duration"], "records processed that had been processed before, as a percentage of those processed, from one second to another"),
        OTHERS_P99 = Measure::new("others_p99", &[], "99th percentile of the delay in milliseconds over the whole run, of all producers but the first"),
        OTHERS_LOSS = Measure::new("others_loss", &[], "attempts of all producers but the first that were refused or dropped, as a percentage, over the whole run"),
        QUEUE_MAX = Measure::new("queue_max", &[], "the most that ever waited"),
        INSIDE_MAX = Measure::new("inside_max", &[], "the most that were ever inside (records: in the memory of one consumer)"),
        BLOCKED_S = Measure::new("blocked_s", &[], "seconds for which producers were held back, all of them added up"),
        KILLED = Measure::new("killed", &[], "processes that died, by hand or for memory"),
        EXPELLED = Measure::new("expelled", &[], "times that a living consumer had to leave the group"),
        WORKED = Measure::new("worked", &[], "records processed in all, again ones counted again"),
        TWICE = Measure::new("duplicated", &[], "records processed that had been processed before, in all"),
        LOST_RECORDS = Measure::new("lost_records", &[], "records committed that nobody holds and that were never processed"),
        LOST_REQUESTS = Measure::new("lost", &[], "attempts that died with the process"),
    }
}

pub static QUESTION: Question = Question {
    slug: "backpressure",
    version: 1,
    knobs: knob::ALL,
    acts: act::ALL,
    numbers: number::ALL,
    measures: measure::ALL,
    nodes: &["Producers", "Queue", "Workers", "Database", "Log", "Consumers"],
    links: &[
        ("Producers", "Queue"),
        ("Queue", "Workers"),
        ("Workers", "Database"),
        ("Producers", "Log"),
        ("Log", "Consumers"),
        ("Consumers", "Database"),
    ],
    sample_every: Us::ms(250),
    horizon: Us::s(3_600),
    lifetime_max: Us::s(400),
    tap: None,
    code: &["server", "adaptive", "bulkhead", "consumer", "retry"],
    make: make::<Backpressure>,
};

pub static TOLD: Told = told::<Backpressure>(Help { knobs: knob::HELP, acts: act::HELP, numbers: number::HELP });
/// Reads its measures.
pub static READ: Read = read::<Backpressure>;
