//! What can be set, done, read and asked: the declaration of the question.

use super::Million;
use crate::declare::{Act, Arg, Better, Help, Knob, Measure, Number, Question};
use crate::indexed;
use crate::kernel::{Read, Told, Us, make, read, told};

const POSTGRES: &str = "PostgreSQL documentation, Connections and Authentication";

indexed! {
    pub mod knob: Knob {
        RATE = Knob::int("rate", "Mean load", 16_667, 100, 1_000_000).unit("req/s").log().main().fact("the question: a million a minute")
            .help("Requests a second on average. 16,667 is a million a minute, 166,667 is ten million."),
        PEAK = Knob::float("peak", "Peak to mean", 2.0, 1.0, 10.0, 0.5).unit("×").main()
            .help("How much more arrives in the busiest minute than on average. The plan is made for the peak."),
        SERVERS = Knob::int("servers", "API servers", 0, 0, 20_000).log().main()
            .zero("as planned").help("How many servers run. 0 takes what the planner derives."),
        SURVIVE = Knob::int("survive", "Zones to survive", 1, 0, 2).unit("zones").main()
            .help("The plan keeps to its target with so many zones lost."),
        LOAD = Knob::float("load", "Load now", 1.0, 0.1, 10.0, 0.1).unit("× mean").log().live().main()
            .help("Moves the load while everything else stays as planned."),

        SHAPE = Knob::choice("shape", "Course of the load", &[("mean", "Steady at the mean"), ("peak", "Steady at the peak"), ("day", "A day in ten minutes")], 0).convention()
            .help("Whether the load stands still or goes through the day's peak and trough."),
        TARGET = Knob::int("target", "Target utilisation", 70, 30, 95).unit("%").convention()
            .help("What the planner lets every part be busy at the peak. The rest is room for chance and for losing a zone."),
        ZONES = Knob::int("zones", "Zones", 3, 1, 6).convention()
            .help("Places that fail one by one: data centres of a region."),
        DATA = Knob::toggle("zone_data", "Data in the zones", true)
            .help("Cache and database nodes stand in the zones too, and go with them. Off, a lost zone takes servers and balancers only."),

        WORKERS = Knob::int("workers", "Workers per server", 16, 1, 64).convention()
            .help("Requests a server works on at the same time."),
        SERVICE = Knob::float("service", "Time per request", 100.0, 10.0, 1_000.0, 1.0).unit("ms").log()
            .help("How long a worker is busy with a request on average, lookups at the planned hit ratio included. 16 workers of 100 ms make 160 requests a second."),
        LAW = Knob::choice("law", "Service times", &[("exp", "Exponential"), ("fixed", "All the same")], 0).convention()
            .help("How the times vary around their means."),
        QUEUE = Knob::int("queue", "Queue per server", 32, 0, 500).unit("requests").live()
            .help("How many requests may wait for a worker. Then the server answers 503."),
        TIMEOUT = Knob::float("timeout", "Client timeout", 1_000.0, 50.0, 30_000.0, 10.0).unit("ms").log().live()
            .help("A client that has no answer by then leaves. Each request runs this timer."),
        EXPIRE = Knob::toggle("expire", "Drop expired requests", true).live()
            .help("A worker does not start a request whose client has left, nor go on with it after a wait."),

        BALANCERS = Knob::int("balancers", "Balancers", 0, 0, 32)
            .zero("as planned").help("How many balancers there are, spread over the zones. 0 takes what the planner derives."),
        BALANCER_RATE = Knob::int("balancer_rate", "One balancer", 20_000, 100, 200_000).unit("req/s").log()
            .help("Requests a second that one balancer can pass on."),
        CHOICE = Knob::choice("balance", "Balancing", &[("two", "Best of two"), ("round-robin", "Round robin"), ("least", "Least outstanding"), ("random", "Random")], 0).convention().live()
            .help("Which server gets the next request. Each balancer knows only what it has sent itself."),
        CROSS = Knob::toggle("cross", "Across zones", true).convention().live()
            .help("A balancer uses the servers of all zones; off, those of its own zone while there are any."),
        CHECK = Knob::float("check", "Health check every", 2.0, 0.5, 30.0, 0.5).unit("s").convention()
            .help("Time between two checks of a server or a balancer."),
        FALL = Knob::int("fall", "Failed checks to take out", 3, 1, 10).convention()
            .help("So many failures in a row take it out of rotation. Two successes put it back."),
        NEXT = Knob::toggle("next", "Try the next server", true).fact("nginx, proxy_next_upstream: on connection errors").live()
            .help("A balancer that finds a server dead sends the request to another one, once."),

        EDGE = Knob::int("edge", "Answered at the edge", 0, 0, 95).unit("%").live()
            .help("The share of reads that a CDN answers, so that they never reach the balancers. The figures of the question are behind it."),
        LIMITER = Knob::toggle("limiter", "Limits by tier", true).live()
            .help("The edge counts each client's requests a minute and answers 429 beyond the limit of its tier."),
        FREE = Knob::int("free", "Free tier", 100, 1, 10_000).unit("req/min").log().live()
            .help("Requests a minute for a free client."),
        PAID = Knob::int("paid", "Paid tier", 1_000, 1, 60_000).unit("req/min").log().live()
            .help("Requests a minute for a paying client."),
        PER_CLIENT = Knob::int("per_client", "Requests per client", 50, 10, 10_000).unit("/min").log()
            .help("Mean of all clients. It decides how many clients there are: 20,000 at a million a minute."),
        PAYING = Knob::int("paying", "Paying clients", 10, 0, 50).unit("%")
            .help("They send ten times as much as free ones."),

        WRITES = Knob::float("writes", "Writes", 5.0, 0.0, 100.0, 0.5).unit("%")
            .help("The share of requests that change something. All of them go to a primary."),
        READS = Knob::int("reads", "Reads per request", 2, 0, 10)
            .help("Records that a read request needs, from the cache or from the database."),
        CACHE = Knob::toggle("cache", "Cache", true).live()
            .help("Cache-aside with a time to live: look there first, fill it after a miss."),
        HIT = Knob::float("hit", "Planned hit ratio", 95.0, 0.0, 100.0, 0.5).unit("%")
            .help("The time to live is derived from it: with λ lookups a second for a record, λT/(1+λT) of them hit."),
        KEYS = Knob::int("keys", "Records that are read", 20_000, 100, 200_000).log()
            .help("Different records, all read equally often but for the hot one."),
        HOT = Knob::float("hot", "Hot record", 2.0, 0.0, 100.0, 0.5).unit("%")
            .help("The share of all lookups that ask for one single record."),
        LOCAL = Knob::toggle("local", "Hot record in the process", false).live()
            .help("Each server keeps its own copy of the hot record for a second."),
        SINGLE = Knob::toggle("single", "Single flight", false).live()
            .help("Of all who miss the same record, one loads it and the others wait for it. The load goes on even if they leave."),
        CACHE_NODES = Knob::int("cache_nodes", "Cache nodes", 0, 0, 64)
            .zero("as planned").help("0 takes what the planner derives."),
        CACHE_GBIT = Knob::float("cache_gbit", "Cache node's network", 2.0, 0.1, 25.0, 0.1).unit("Gbit/s").log()
            .help("What bounds a cache node: 2 Gbit/s are 25,000 answers of 10 kB a second."),
        PLACEMENT = Knob::choice("placement", "Placement of records", &[("ring", "Consistent hash ring"), ("modulo", "Modulo")], 0).convention()
            .help("Decides how many records move when a cache node is lost."),
        POINTS = Knob::int("points", "Ring points per node", 128, 1, 1_000).log().convention()
            .help("More points make the shares of the nodes more even."),
        RESPONSE = Knob::float("response", "Response size", 10.0, 0.1, 1_000.0, 0.1).unit("kB").log()
            .help("Of an answer to a client, and of a record from the cache."),

        DB_RATE = Knob::int("db_rate", "One database node", 5_000, 100, 100_000).unit("q/s").log()
            .help("Queries a second that one node can do."),
        DB_TIME = Knob::float("db_time", "Query time", 5.0, 0.5, 100.0, 0.5).unit("ms").log()
            .help("How long a query runs. Rate × time is how many run at once: 25."),
        REPLICAS = Knob::int("replicas", "Replicas", 2, 0, 15)
            .help("Copies of each primary. They answer reads, and repeat every write."),
        SHARDS = Knob::int("shards", "Shards", 0, 0, 16)
            .zero("as planned").help("Primaries among which the records are split. 0 takes what the planner derives from the writes."),
        CONNECT = Knob::choice("connect", "Connections", &[("pooler", "Through a pooler"), ("direct", "Each server opens its own")], 0).convention()
            .help("Direct: every server opens its whole pool at the start, until the database accepts no more."),
        CONNECTIONS = Knob::int("connections", "Connections per server", 50, 1, 200)
            .help("What a server's own pool holds. It cannot use more than it has workers."),
        MAX_CONNECTIONS = Knob::int("max_connections", "Database accepts", 100, 10, 20_000).unit("connections").log().fact(POSTGRES)
            .help("PostgreSQL's max_connections is 100 unless somebody changes it."),
        POOLER = Knob::int("pooler", "Pooler's connections", 40, 1, 1_000).log()
            .help("Connections that the pooler keeps to each node. The servers connect to the pooler."),
        DB_WAIT = Knob::float("db_wait", "Query timeout", 150.0, 10.0, 10_000.0, 10.0).unit("ms").log().live()
            .help("A worker without an answer by then gives up and the request fails."),
        DB_QUEUE = Knob::int("db_queue", "Queue per node", 2_000, 10, 50_000).unit("queries").log().live()
            .help("How many queries may wait for a node. Then it refuses."),
        CANCEL = Knob::toggle("cancel", "Cancel abandoned queries", false).live().fact("PostgreSQL, client_connection_check_interval: off by default")
            .help("Off, the database does the work of queries whose worker has given up."),
        LAG = Knob::float("lag", "Replication delay", 10.0, 0.0, 5_000.0, 1.0).unit("ms")
            .help("From the commit until the replicas have the write. What is on its way when the primary dies is lost."),
        FAILOVER = Knob::float("failover", "Failover takes", 30.0, 1.0, 300.0, 1.0).unit("s")
            .help("From the death of a primary until a replica takes writes."),

        BROKER = Knob::toggle("broker", "Broker and workers", true).live()
            .help("Heavy work after a write is queued for workers. Off, the request waits for it."),
        JOB = Knob::float("job", "Work after a write", 200.0, 1.0, 10_000.0, 1.0).unit("ms").log()
            .help("Thumbnails, mails, search indexes."),
        JOB_WORKERS = Knob::int("job_workers", "Job workers", 0, 0, 20_000).log()
            .zero("as planned").help("0 takes what the planner derives."),
        BACKLOG = Knob::int("backlog", "Broker holds", 100_000, 100, 200_000).unit("jobs").log()
            .help("How many jobs may wait. Then the broker refuses, and the write with it."),

        PRICE_SERVER = Knob::float("price_server", "A server", 0.2, 0.0, 10.0, 0.01).unit("$/h")
            .help("API servers, balancers and groups of 16 job workers."),
        PRICE_CACHE = Knob::float("price_cache", "A cache node", 0.4, 0.0, 20.0, 0.01).unit("$/h")
            .help("What a cache node costs."),
        PRICE_DB = Knob::float("price_db", "A database node", 2.0, 0.0, 100.0, 0.1).unit("$/h")
            .help("What a primary or a replica costs."),
        PRICE_GB = Knob::float("price_gb", "Traffic out", 0.05, 0.0, 1.0, 0.01).unit("$/GB")
            .help("Answers leave the building, and somebody charges for it."),
    }
}

indexed! {
    pub mod act: Act {
        ZONE = Act { key: "zone", label: "Lose a zone", hotkey: 'z',
            args: &[Arg::int("zone", "Which zone", 2, 1, 6)], fault: true,
            help: "Everything that stands in the zone is gone, with all it holds. The first shard's primary stands in zone 1." },
        BALANCER = Act { key: "balancer", label: "Lose a balancer", hotkey: 'b',
            args: &[Arg::int("balancer", "Which balancer", 1, 1, 32)], fault: true,
            help: "It dies with its connections. The edge goes on sending to it until the checks have failed." },
        SERVERS = Act { key: "kill", label: "Kill servers", hotkey: 'd',
            args: &[Arg::int("servers", "How many", 10, 1, 20_000)], fault: true,
            help: "So many living servers die at once." },
        SLOW = Act { key: "slow", label: "Slow servers", hotkey: 'w',
            args: &[Arg::int("servers", "How many", 10, 1, 20_000), Arg::float("factor", "Times slower", 5.0, 1.5, 50.0, 0.5)], fault: true,
            help: "Alive, so the checks pass, but several times slower." },
        WORKERS = Act { key: "workers", label: "Stop the workers", hotkey: 'o',
            args: &[Arg::float("for", "For how long", 20.0, 1.0, 600.0, 1.0).unit("s")], fault: true,
            help: "Jobs pile up in the broker. What a worker had in hand is delivered again." },
        DB_SLOW = Act { key: "db", label: "Slow database", hotkey: 'q',
            args: &[Arg::float("factor", "Times slower", 5.0, 1.5, 50.0, 0.5)], fault: true,
            help: "Every query on every node takes longer." },
        HOT = Act { key: "hot", label: "One hot record", hotkey: 'h',
            args: &[Arg::float("share", "Share of lookups", 80.0, 0.0, 100.0, 1.0).unit("%")], fault: true,
            help: "Everybody wants the same record, and it lives on one cache node." },
        FLASH = Act { key: "flash", label: "Flash traffic", hotkey: 'x',
            args: &[Arg::float("factor", "Times the load", 3.0, 1.0, 20.0, 0.5), Arg::float("for", "For how long", 20.0, 1.0, 600.0, 1.0).unit("s")], fault: true,
            help: "Several times the load, for a while." },
        BOT = Act { key: "greedy", label: "One greedy client", hotkey: 'g',
            args: &[Arg::float("share", "Extra load", 50.0, 1.0, 500.0, 1.0).unit("% of the load")], fault: true,
            help: "A single free client adds so much to the load. The limits by tier are there for it." },
        PRIMARY = Act { key: "primary", label: "Lose the primary", hotkey: 'm',
            args: &[Arg::int("shard", "Which shard", 1, 1, 16)], fault: true,
            help: "No writes until a replica has taken over. Writes that no replica has seen are lost." },
        CACHE = Act { key: "cache", label: "Lose the cache", hotkey: 'c',
            args: &[Arg::int("nodes", "How many nodes", 64, 1, 64), Arg::float("for", "Away for", 0.0, 0.0, 600.0, 1.0).unit("s")], fault: true,
            help: "So many cache nodes lose all they hold. Away for 0 s: they are back at once, empty." },
        MEND = Act { key: "mend", label: "Mend all", hotkey: 'r', args: &[], fault: true,
            help: "Everything lost is back: cache nodes empty, database nodes as replicas." },
    }
}

indexed! {
    pub mod number: Number {
        GOODPUT = Number::new("goodput", "Answered in time", "req/s", Better::Up).main().plot("load")
            .help("Over the last second."),
        OFFERED = Number::new("offered", "Offered", "req/s", Better::Neither).main().plot("load")
            .help("Requests that reached the edge, over the last second."),
        CAPACITY = Number::new("capacity", "Servers could do", "req/s", Better::Up).plot("load")
            .help("The living servers' workers over the planned time per request."),
        LOST = Number::new("lost", "Not answered in time", "req/s", Better::Down).plot("load")
            .help("Shed, failed or timed out, over the last second. Refusals by tier are not among them."),
        P99 = Number::new("p99", "p99", "ms", Better::Down).main().plot("latency")
            .help("Of the answers in time, over the last 5 s."),
        P50 = Number::new("p50", "p50", "ms", Better::Down).plot("latency")
            .help("Of the answers in time, over the last 5 s."),
        MEAN = Number::new("mean", "Mean latency", "ms", Better::Down).plot("latency")
            .help("Of the answers in time, over the last 5 s."),
        IN_FLIGHT = Number::new("in_flight", "In flight", "", Better::Neither)
            .help("Requests whose clients wait. Little: rate × time."),
        BUSY = Number::new("busy", "Servers busy", "%", Better::Neither).main().plot("use")
            .help("Workers at work, of the living servers', over the last whole second."),
        DB_BUSY = Number::new("db_busy", "Busiest database node", "%", Better::Neither).main().plot("use")
            .help("Its queries in progress, of those it can run at once, over the last whole second."),
        CACHE_BUSY = Number::new("cache_busy", "Busiest cache node", "%", Better::Neither).plot("use")
            .help("Its network, over the last whole second."),
        BALANCER_BUSY = Number::new("balancer_busy", "Busiest balancer", "%", Better::Neither).plot("use")
            .help("Over the last whole second."),
        JOBS_BUSY = Number::new("jobs_busy", "Job workers busy", "%", Better::Neither).plot("use")
            .help("Right now."),
        HIT = Number::new("hit", "Cache hits", "%", Better::Up).main()
            .help("Share of the lookups of the last second."),
        QUERIES = Number::new("queries", "Database queries", "q/s", Better::Neither)
            .help("Reads and writes sent to the database, over the last second."),
        DEMAND = Number::new("demand", "Reads left to the database", "q/s", Better::Down)
            .help("Offered reads × share of misses: what the database would have to do."),
        CONNECTIONS = Number::new("connections", "Connections busy", "", Better::Neither)
            .help("Over the last whole second, of all that are configured."),
        WAITING = Number::new("waiting", "Waiting for a worker", "", Better::Down).plot("queue")
            .help("Requests in the lines of all servers."),
        DB_WAITING = Number::new("db_waiting", "Waiting for the database", "", Better::Down).plot("queue")
            .help("Queries in the lines of all nodes, abandoned ones too."),
        BACKLOG = Number::new("backlog", "Jobs waiting", "", Better::Down)
            .help("In the broker."),
        JOB_AGE = Number::new("job_age", "Oldest job", "s", Better::Down)
            .help("How long the head of the backlog has waited."),
        SHED = Number::new("shed", "Shed", "req/s", Better::Down)
            .help("Answered 503 because nobody had room, over the last second."),
        LIMITED = Number::new("limited", "Over their tier", "req/s", Better::Neither)
            .help("Answered 429 at the edge, over the last second."),
        WASTED = Number::new("wasted", "Wasted work", "/s", Better::Down)
            .help("Requests and queries finished for nobody, over the last second."),
        COST = Number::new("cost", "Cost", "$/h", Better::Down)
            .help("Everything that runs, and the traffic out at the present rate."),
        COST_MILLION = Number::new("cost_million", "Per million answers", "$", Better::Down)
            .help("What has been spent, over what has been answered."),
    }
}

indexed! {
    pub mod measure: Measure {
        GOODPUT_SHARE = Measure::new("goodput_share", &["duration", "duration"], "answered in time as a percentage of what was offered and within its tier, from one second of the run to another"),
        GOODPUT_RATE = Measure::new("goodput_rate", &["duration", "duration"], "answers in time per second, from one second of the run to another"),
        SHED_SHARE = Measure::new("shed_share", &["duration", "duration"], "answered 503 for want of room, as a percentage of what was offered and within its tier"),
        FAILED_SHARE = Measure::new("failed_share", &["duration", "duration"], "not answered in time for whatever reason, as a percentage of what was offered and within its tier"),
        LIMITED_SHARE = Measure::new("limited_share", &["duration", "duration"], "answered 429, as a percentage of what was offered"),
        READS_GOOD = Measure::new("reads_good", &["duration", "duration"], "read requests answered in time as a percentage of those offered and within their tier"),
        WRITES_GOOD = Measure::new("writes_good", &["duration", "duration"], "write requests answered in time as a percentage of those offered and within their tier"),
        BUSY = Measure::new("utilisation", &["duration", "duration"], "mean share of the living servers' workers that were busy, in percent"),
        DB_BUSY = Measure::new("db_utilisation", &["duration", "duration"], "mean share of the living database nodes' query slots that were busy, in percent"),
        CONNECTIONS = Measure::new("busy_connections", &["duration", "duration"], "mean number of database connections with a query in progress"),
        CONFIGURED = Measure::new("configured_connections", &[], "connections that the servers' pools want to open to each database node"),
        OVER_LIMIT = Measure::new("over_limit", &[], "how many times the connections wanted exceed those the database accepts"),
        WITHOUT = Measure::new("servers_without", &[], "servers that could not open a single database connection"),
        HIT = Measure::new("hit_ratio", &["duration", "duration"], "lookups that hit, in percent"),
        LATENCY = Measure::new("latency", &["duration", "duration"], "mean latency of the answers in time, in milliseconds"),
        DEMAND = Measure::new("read_demand", &["duration", "duration"], "reads a second that were left to the database: offered reads times the share of misses"),
        RECOVERED = Measure::new("recovered_s", &[], "seconds from the end of the last fault until nine in ten requests of five seconds running were answered in time; so far, if that has not happened"),
        LOST_WRITES = Measure::new("lost_writes", &[], "acknowledged writes that no replica had seen when their primary died"),
        BACKLOG_MAX = Measure::new("backlog_max", &[], "the most jobs that waited in the broker at the end of any second"),
        DRAINED = Measure::new("drained_s", &[], "seconds from when the stopped workers were back until the backlog was gone; so far, if it is not"),
        WASTED = Measure::new("wasted_queries", &[], "database queries finished for nobody"),
        ALIVE = Measure::new("servers_alive", &[], "servers that are up"),
        PLAN_SERVERS = Measure::new("plan_servers", &[], "servers that the planner derives for the peak, with zones to spare"),
        PLAN_SERVERS_TARGET = Measure::new("plan_servers_target", &[], "servers that keep to the target while nothing fails"),
        PLAN_SERVERS_FULL = Measure::new("plan_servers_full", &[], "servers at 100 %"),
        PLAN_IN_FLIGHT = Measure::new("plan_in_flight", &[], "requests in flight at the mean rate, by Little's law"),
        PLAN_READS = Measure::new("plan_reads", &[], "reads a second that the planned hit ratio leaves to the database, at the mean rate"),
        PLAN_COLD = Measure::new("plan_cold_reads", &[], "reads a second with an empty cache, at the mean rate"),
        PLAN_WRITES = Measure::new("plan_writes", &[], "writes a second at the mean rate"),
        PLAN_BUSY = Measure::new("plan_busy_connections", &[], "database connections busy at the mean rate"),
        PLAN_UTILISATION = Measure::new("plan_utilisation", &[], "predicted utilisation of the servers at the mean rate, in percent"),
        PLAN_LATENCY = Measure::new("plan_latency", &[], "predicted mean latency at the mean rate, in milliseconds"),
        PLAN_NODES = Measure::new("plan_db_nodes", &[], "database nodes that the load needs at the target, cache included"),
        PLAN_COLD_NODES = Measure::new("plan_cold_nodes", &[], "database nodes that would carry an empty cache at 100 %"),
        MOVED = Measure::new("moved_share", &[], "records whose cache node changed at the last change of the cluster, in percent"),
        COST_MILLION = Measure::new("cost_per_million", &[], "dollars per million answers in time"),
    }
}

pub static QUESTION: Question = Question {
    slug: "million-rpm-architecture",
    version: 1,
    knobs: knob::ALL,
    acts: act::ALL,
    numbers: number::ALL,
    measures: measure::ALL,
    nodes: &["Edge", "Balancers", "API servers", "Cache", "Primary", "Replicas", "Broker", "Workers"],
    links: &[
        ("Edge", "Balancers"),
        ("Balancers", "API servers"),
        ("API servers", "Cache"),
        ("API servers", "Primary"),
        ("API servers", "Replicas"),
        ("Primary", "Replicas"),
        ("API servers", "Broker"),
        ("Broker", "Workers"),
    ],
    sample_every: Us::ms(500),
    horizon: Us::s(600),
    lifetime_max: Us::s(3),
    tap: None,
    code: &["balancer", "shard", "inflight"],
    make: make::<Million>,
};

pub static TOLD: Told = told::<Million>(Help { knobs: knob::HELP, acts: act::HELP, numbers: number::HELP });
/// Reads its measures.
pub static READ: Read = read::<Million>;
