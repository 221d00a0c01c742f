//! What can be set, done, read and asked: the declaration of the question.

use super::SlowQueries;
use crate::declare::{Act, Arg, Better, Help, Knob, Measure, Number, Question};
use crate::indexed;
use crate::kernel::{Read, Told, Us, make, read, told};

const HIKARI: &str = "HikariCP, default of its configuration";
const COSTS: &str = "PostgreSQL documentation, Planner Cost Constants";

indexed! {
    pub mod knob: Knob {
        POOL = Knob::int("pool", "Connections per pool", 17, 1, 1_000).log().live().main()
            .help("How many connections an instance may have open to a database: no more statements of its run at the same time."),
        RATE = Knob::float("rate", "Load", 900.0, 1.0, 20_000.0, 1.0).unit("req/s").log().live().main()
            .help("Requests a second. Each is one query unless set otherwise."),
        INDEX = Knob::choice("index", "Index on orders", &[
                ("customer", "(customer_id)"),
                ("none", "None"),
                ("customer-date", "(customer_id, created_at)"),
                ("date-customer", "(created_at, customer_id)"),
                ("covering", "(customer_id) INCLUDE (created_at, total)"),
            ], 0).live().main()
            .help("The index the query could use. Dropping one is immediate; during a run another one has to be built first."),
        CACHE = Knob::toggle("cache", "Result cache", false).live().main()
            .help("Answers are kept per customer, and asking again needs no database. Cold at the start."),
        TIMEOUT = Knob::int("timeout", "Statement timeout", 0, 0, 120_000).unit("ms").live().main()
            .zero("never").help("The database cancels a statement that takes longer, waiting for a lock included. 0 means never."),

        ARRIVALS = Knob::choice("arrivals", "Arrivals", &[("poisson", "Poisson: independent users"), ("even", "Evenly spaced"), ("closed", "Users who wait and think")], 0).convention()
            .help("Independent users do not slow down because the database is slow. Users who wait for an answer before they think do, and hide the collapse."),
        USERS = Knob::int("users", "Users, when they wait", 500, 1, 10_000).log()
            .help("How many users take turns asking and thinking."),
        THINK = Knob::float("think", "Think time", 550.0, 1.0, 10_000.0, 1.0).unit("ms").log()
            .help("Mean time a waiting user thinks between an answer and the next request."),
        BURST = Knob::float("burst", "Burst", 2.0, 1.0, 20.0, 0.5).unit("×")
            .help("How many times the load arrives during a burst. 1 means there is none by itself."),
        BURST_AT = Knob::float("burst_at", "Burst begins", 10.0, 0.0, 600.0, 0.5).unit("s")
            .help("When the burst begins by itself."),
        BURST_FOR = Knob::float("burst_for", "Burst lasts", 2.0, 0.1, 60.0, 0.1).unit("s")
            .help("How long a burst lasts."),
        WRITES = Knob::int("writes", "Writes", 10, 0, 100).unit("%")
            .help("The share of requests that write a row of orders."),
        REPORTS = Knob::int("reports", "Long reports", 0, 0, 60).unit("/min").live()
            .help("Queries that hold a connection for a long time and use little of the machine, evenly spaced."),
        REPORT_FOR = Knob::float("report_for", "A report takes", 60.0, 1.0, 600.0, 1.0).unit("s").log()
            .help("How long a report holds its connection."),
        SHAPE = Knob::choice("shape", "A request is", &[("list", "One statement"), ("details", "One statement, then the order lines")], 0).live()
            .help("With order lines, a request goes on with further statements on the same connection: the lines one by one (N+1), or in batches."),
        DETAILS = Knob::int("details", "Order lines per request", 20, 1, 1_000).log().live()
            .help("How many rows are fetched (or written) after the first statement."),
        BATCH = Knob::int("batch", "Lines per statement", 1, 1, 1_000).log().live()
            .help("1 is a statement for each line: N+1. More is an IN list, or a bulk insert: one round trip for the batch."),

        ALONE = Knob::float("alone", "One connection's rate X₁", 200.0, 10.0, 5_000.0, 1.0).unit("/s").log()
            .help("Statements a second when each runs alone: 200 is 5 ms for the query with its index."),
        ALPHA = Knob::float("alpha", "Contention α", 0.05, 0.0, 0.3, 0.005)
            .help("The share of the work that has to be done one after the other."),
        BETA = Knob::float("beta", "Crosstalk β", 0.0033, 0.0, 0.05, 0.0001)
            .help("What every running statement costs every other one. Above 0 there is a best number of them."),
        MAX_CONNECTIONS = Knob::int("max_connections", "max_connections", 1_000, 1, 5_000).log()
            .help("Beyond this a database node refuses new connections. PostgreSQL is delivered with 100; here it is high, so that the pool decides."),
        REPLICAS = Knob::int("replicas", "Read replicas", 0, 0, 3)
            .help("Reads go to the replicas, writes to the primary. Each instance has a pool for each node."),
        RTT = Knob::float("rtt", "Round trip to the database", 0.5, 0.0, 100.0, 0.1).unit("ms")
            .help("The network's part of every statement, during which its connection is in use and the database idle."),
        CONNECT = Knob::float("connect", "Opening a connection", 30.0, 0.0, 1_000.0, 1.0).unit("ms")
            .help("TCP, TLS, authentication, and a new process on the server."),

        POOLING = Knob::choice("pooling", "Connections are", &[("pool", "Kept in a pool"), ("none", "Opened for every request")], 0).convention()
            .help("Without a pool every request pays for opening a connection, and nothing limits how many there are but the server."),
        INSTANCES = Knob::int("instances", "Application instances", 1, 1, 40).live()
            .help("Each has its own pool and its own wait queue. The database sees the sum."),
        POOLER = Knob::int("pooler", "External pooler", 0, 0, 1_000)
            .zero("none").help("Connections of a pooler between all instances and each database node, given out per transaction. 0 means there is none."),
        ACQUIRE = Knob::int("acquire", "Wait for a connection", 30_000, 10, 120_000).unit("ms").log().fact(HIKARI).live()
            .help("Who has waited this long for a connection gets an error."),
        ROOM = Knob::int("room", "Room in the wait queue", 100_000, 0, 100_000)
            .help("Who comes when so many wait already is refused at once."),
        LIFETIME = Knob::int("lifetime", "A connection lives", 1_800, 1, 7_200).unit("s").log().fact(HIKARI)
            .help("Older connections are closed, up to 2.5 % earlier so that not all end together."),
        WARM = Knob::toggle("warm", "Opened beforehand", true)
            .help("Whether the pools are full before the first request."),

        ROWS = Knob::int("rows", "Rows in orders", 1_000_000, 1_000, 100_000_000).log()
            .help("Rows of the table."),
        PAGES = Knob::int("pages", "Pages of orders", 10_000, 10, 10_000_000).log()
            .help("8 kB pages of the table: 100 rows on each at the default."),
        LEAVES = Knob::int("leaves", "Leaf pages of the index", 2_745, 1, 1_000_000).log()
            .help("Of an index on one number. A second column adds 40 %, two included ones 80 %."),
        MATCH = Knob::float("match", "Rows that match", 0.025, 0.0001, 100.0, 0.0001).unit("%").log()
            .help("The share of the table that one customer's orders are: 250 rows at the default."),
        RECENT = Knob::toggle("recent", "Also by date", false)
            .help("The query has a second condition: created_at >= $2."),
        RECENT_SHARE = Knob::float("recent_share", "Recent rows", 10.0, 0.1, 100.0, 0.1).unit("%")
            .help("The share of the rows that meet the second condition."),
        CORRELATION = Knob::float("correlation", "Correlation", 0.0, 0.0, 1.0, 0.01)
            .help("How well the order of the rows in the table follows the index: 0 not at all, 1 perfectly."),
        VISIBLE = Knob::int("visible", "All-visible pages", 100, 0, 100).unit("%")
            .help("Pages an index-only scan need not look at. VACUUM keeps the share high, updates lower it."),
        RANDOM_PAGE = Knob::float("random_page", "random_page_cost", 4.0, 1.0, 10.0, 0.1).fact(COSTS).live()
            .help("What the planner believes a page at a random place costs, in pages read in sequence."),
        DISK = Knob::float("disk", "A random page really costs", 4.0, 1.0, 10.0, 0.1).live()
            .help("The same on this machine: about 1.1 on an SSD or from memory, more on a disk."),
        ESTIMATE = Knob::float("estimate", "Estimated / actual rows", 1.0, 0.001, 1_000.0, 0.001).log().live()
            .help("How far the statistics are off. ANALYZE brings it back to 1."),
        BITMAP = Knob::toggle("bitmap", "Bitmap scans", true).fact("PostgreSQL: enable_bitmapscan = on").live()
            .help("Whether the planner may collect pages from the index first and read them in order."),
        ROUNDING = Knob::choice("rounding", "Costs are counted", &[("postgres", "In whole pages, as EXPLAIN"), ("formula", "In shares of pages, as on paper")], 0)
            .help("PostgreSQL rounds pages up and adds the way down the index. On paper the formulas are simpler."),
        EXTRA = Knob::int("extra", "Other indexes on orders", 0, 0, 20).live()
            .help("Indexes that this query does not use. Every insert has to keep them."),
        INDEX_COST = Knob::int("index_cost", "An index costs a write", 20, 0, 100).unit("% more")
            .help("How much longer an insert takes for each further index."),
        BUILD = Knob::float("build", "Building an index takes", 5.0, 0.5, 600.0, 0.5).unit("s").log()
            .help("How long CREATE INDEX takes on an idle database; CONCURRENTLY has twice the work."),
        CONCURRENTLY = Knob::toggle("concurrently", "CREATE INDEX CONCURRENTLY", true).live()
            .help("Without it, every write to the table waits until the index is built."),
        HOT = Knob::int("hot", "Writes to one hot row", 0, 0, 100).unit("%").live()
            .help("Writes that all update the same row and so have to take turns."),

        TTL = Knob::float("ttl", "Cached for", 3_600.0, 1.0, 86_400.0, 1.0).unit("s").log().live()
            .help("Time to live of a cached answer."),
        KEYS = Knob::int("keys", "Customers", 4_000, 1, 100_000).log()
            .help("Different answers. Some customers are asked for far more often: half of the requests are for a quarter of them."),
        INVALIDATE = Knob::toggle("invalidate", "Delete on write", false).live()
            .help("A write deletes the cached answer that it has made wrong."),
    }
}

indexed! {
    pub mod act: Act {
        BURST = Act { key: "burst", label: "Burst", hotkey: 'x', args: &[], fault: true,
            help: "The load is multiplied for as long as a burst lasts, from now on." },
        REPORT = Act { key: "report", label: "Long report", hotkey: 'r',
            args: &[Arg::int("n", "How many", 1, 1, 50)], fault: true,
            help: "Reports that each hold a connection for a long time." },
        LOCK = Act { key: "lock", label: "Lock holder", hotkey: 'o',
            args: &[Arg::float("for", "For how long", 10.0, 0.1, 600.0, 0.1).unit("s")], fault: true,
            help: "A session left open holds a lock on orders: writes wait for it, each with its connection." },
        SLOW = Act { key: "slow", label: "Slow database", hotkey: 'w',
            args: &[Arg::float("factor", "Times slower", 3.0, 1.5, 50.0, 0.5)], fault: true,
            help: "The primary takes several times as long for everything." },
        STALL = Act { key: "stall", label: "Pause the database", hotkey: 'z',
            args: &[Arg::float("for", "For how long", 2.0, 0.1, 60.0, 0.1).unit("s")], fault: true,
            help: "The primary stands still, as a checkpoint on a full disk makes it." },
        RESTART = Act { key: "restart", label: "Restart the database", hotkey: 'd',
            args: &[Arg::float("for", "Down for", 3.0, 0.5, 120.0, 0.5).unit("s")], fault: true,
            help: "The primary dies with all it runs. Every connection has to be opened again." },
        DELAY = Act { key: "delay", label: "Slow network", hotkey: 'y',
            args: &[Arg::float("ms", "Added to a round trip", 10.0, 0.1, 500.0, 0.1).unit("ms")], fault: true,
            help: "Every round trip to a database takes longer." },
        LEAK = Act { key: "leak", label: "Leak connections", hotkey: 'e',
            args: &[Arg::int("n", "How many", 5, 1, 500)], fault: true,
            help: "Code on a path of errors forgets to give connections back." },
        DROP = Act { key: "drop", label: "Drop the index", hotkey: 'i', args: &[], fault: true,
            help: "The index is gone at once, and the planner has to do without." },
        CREATE = Act { key: "create", label: "Create the index", hotkey: 'c', args: &[], fault: true,
            help: "Builds the index that is set, as it is set to be built." },
        UPDATE = Act { key: "update", label: "Update customer 1", hotkey: 'u', args: &[], fault: true,
            help: "A row of the most popular customer changes in the database." },
        FLUSH = Act { key: "flush", label: "Flush the cache", hotkey: 'f', args: &[], fault: true,
            help: "Every cached answer is gone." },
        MEND = Act { key: "mend", label: "Mend all", hotkey: 'm', args: &[], fault: true,
            help: "Database and network are as fast as before, locks and leaked connections are free, running reports are cancelled." },
    }
}

indexed! {
    pub mod number: Number {
        GOODPUT = Number::new("goodput", "Answered", "req/s", Better::Up).main().plot("load")
            .help("Requests answered over the last second."),
        OFFERED = Number::new("offered", "Offered", "req/s", Better::Neither).plot("load")
            .help("New requests over the last second."),
        CAPACITY = Number::new("capacity", "Capacity", "req/s", Better::Up).plot("load")
            .help("What the database completes when every connection of the pool runs a statement."),
        FAILED = Number::new("failed_rate", "Failed", "req/s", Better::Down).main().plot("load")
            .help("Errors over the last second: no connection in time, cancelled, refused, lost."),
        P99 = Number::new("p99", "p99", "ms", Better::Down).main().plot("latency")
            .help("From the request to its answer, over the last 5 s, cache hits included."),
        P95 = Number::new("p95", "p95", "ms", Better::Down).plot("latency")
            .help("From the request to its answer, over the last 5 s."),
        P50 = Number::new("p50", "p50", "ms", Better::Down).plot("latency")
            .help("From the request to its answer, over the last 5 s."),
        WAIT_P99 = Number::new("wait_p99", "Pool wait p99", "ms", Better::Down).main().plot("parts")
            .help("The part of it before the request had a connection, over the last 5 s."),
        WAIT_P95 = Number::new("wait_p95", "Pool wait p95", "ms", Better::Down),
        WAIT_P50 = Number::new("wait_p50", "Pool wait p50", "ms", Better::Down),
        EXEC_P99 = Number::new("exec_p99", "Execution p99", "ms", Better::Down).plot("parts")
            .help("The part in the database, waiting for locks included, over the last 5 s."),
        EXEC_P95 = Number::new("exec_p95", "Execution p95", "ms", Better::Down),
        EXEC_P50 = Number::new("exec_p50", "Execution p50", "ms", Better::Down),
        TRIPS = Number::new("trips", "Round trips, mean", "ms", Better::Down).plot("parts")
            .help("The part on the network, per request, over the last second."),
        STATEMENTS = Number::new("statements", "Statements per request", "", Better::Down)
            .help("Over the last second, cache hits included."),
        ACTIVE = Number::new("active", "Statements running", "", Better::Neither).main().plot("statements")
            .help("Statements that share the machine, on the node that has most of them."),
        LOCKED = Number::new("locked", "Waiting for a lock", "", Better::Down).plot("statements")
            .help("Statements that hold a connection and do nothing."),
        IN_USE = Number::new("in_use", "Connections in use", "", Better::Neither).plot("statements")
            .help("Taken from a pool: running, on the network, waiting for a lock, or leaked."),
        WAITING = Number::new("waiting", "Waiting for a connection", "", Better::Down).main().plot("queue")
            .help("Requests in the wait queues of all pools."),
        OLDEST = Number::new("oldest", "Oldest waiting", "ms", Better::Down)
            .help("How long the request at the head of a wait queue has waited."),
        OPENED = Number::new("connects", "Connections opened", "/s", Better::Down)
            .help("Over the last second."),
        COST = Number::new("cost", "Estimated cost", "", Better::Down)
            .help("Of the plan in use, in pages read in sequence."),
        EXAMINED = Number::new("examined", "Rows examined per row", "", Better::Down)
            .help("Rows and index entries looked at for each row that the query returns."),
        ALONE_MS = Number::new("alone_ms", "Query alone", "ms", Better::Down)
            .help("What the query takes on an idle database with the plan in use."),
        WRITE_MS = Number::new("write_ms", "Write, execution", "ms", Better::Down).plot("parts")
            .help("Mean execution time of writes over the last second."),
        CANCELLED = Number::new("cancelled", "Cancelled", "/s", Better::Down)
            .help("Statements stopped by the statement timeout over the last second."),
        WASTED = Number::new("wasted", "Wasted work", "%", Better::Down)
            .help("Share of all the database's work so far that was for statements that were cancelled or lost."),
        HITS = Number::new("hits", "Cache hits", "%", Better::Up)
            .help("Share of reads answered by the cache over the last second."),
        STALE = Number::new("stale_rate", "Stale reads", "/s", Better::Down)
            .help("Answers from the cache that the database would have answered differently, over the last second."),
    }
}

indexed! {
    pub mod measure: Measure {
        SERVED_RATE = Measure::new("served_rate", &["duration", "duration"], "answers a second, from one second of the run to another"),
        SERVED_SHARE = Measure::new("served_share", &["duration", "duration"], "answered as a percentage of what arrived, from one second of the run to another"),
        MEAN_MS = Measure::new("mean_ms", &["duration", "duration"], "mean time to an answer in milliseconds, of the answers from one second of the run to another"),
        WRITE_MEAN_MS = Measure::new("write_mean_ms", &["duration", "duration"], "mean execution time of writes in milliseconds, from one second of the run to another"),
        CLEARED = Measure::new("cleared_s", &[], "time of the run at which the wait queues were first empty after the last burst; so far, if that has not happened"),
        WAITING_MAX = Measure::new("waiting_max", &[], "the most requests that waited for a connection"),
        GOOD_POINT = Measure::new("good_point", &[], "statements running when the database just keeps up with the normal load"),
        TIPPING_POINT = Measure::new("tipping_point", &[], "the larger number of running statements at which the database just keeps up with the normal load"),
        PEAK = Measure::new("peak", &[], "the number of running statements that completes most"),
        COST_SEQ = Measure::new("cost_seq", &[], "estimated cost of the sequential scan"),
        COST_INDEX = Measure::new("cost_index", &[], "estimated cost of the index scan"),
        COST_BITMAP = Measure::new("cost_bitmap", &[], "estimated cost of the bitmap scan"),
        PLAN = Measure::new("plan", &[], "the plan in use: 0 sequential, 1 index, 2 index-only, 3 bitmap scan"),
        CROSSOVER = Measure::new("crossover_pct", &[], "percentage of matching rows beyond which the sequential scan is cheaper than the index scan"),
        CROSSOVER_BITMAP = Measure::new("crossover_bitmap_pct", &[], "percentage of matching rows beyond which the sequential scan is cheaper than the bitmap scan"),
        STALE_READS = Measure::new("stale_reads", &[], "stale answers from the cache so far"),
        LAST_STALE = Measure::new("last_stale_s", &[], "time of the run of the last stale answer"),
        ALL_HELD = Measure::new("all_held_s", &[], "time of the run at which reports held every connection; so far, if that has not happened"),
        CONNECTIONS = Measure::new("connections", &[], "connections that all pools together may open to the primary"),
        OPENED_ALL = Measure::new("opened", &[], "connections opened so far"),
        REFUSED_BY_DB = Measure::new("too_many_clients", &[], "connections that a database node refused because it had max_connections"),
        FAILED_ALL = Measure::new("failed", &[], "requests that failed so far"),
        PER_REQUEST = Measure::new("statements_per_request", &[], "statements of the answered requests so far, per request"),
    }
}

pub static QUESTION: Question = Question {
    slug: "slow-db-queries",
    version: 1,
    knobs: knob::ALL,
    acts: act::ALL,
    numbers: number::ALL,
    measures: measure::ALL,
    nodes: &["Clients", "Cache", "Pool", "Database", "Replicas"],
    links: &[("Clients", "Cache"), ("Clients", "Pool"), ("Pool", "Database"), ("Pool", "Replicas")],
    sample_every: Us::ms(500),
    horizon: Us::s(4_000),
    lifetime_max: Us::s(60),
    tap: None,
    code: &["pool", "database", "planner", "cache"],
    make: make::<SlowQueries>,
};

pub static TOLD: Told = told::<SlowQueries>(Help { knobs: knob::HELP, acts: act::HELP, numbers: number::HELP });
/// Reads its measures.
pub static READ: Read = read::<SlowQueries>;
