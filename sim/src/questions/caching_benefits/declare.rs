//! What can be set, done, read and asked: the declaration of the question.

use super::Caching;
use crate::declare::{Act, Arg, Better, Help, Knob, Measure, Number, Question};
use crate::indexed;
use crate::kernel::{Read, Told, Us, make, read, told};

const XFETCH: &str = "Vattani and others, VLDB 2015";

indexed! {
    pub mod knob: Knob {
        CAPACITY = Knob::int("capacity", "Cache size", 1_000, 10, 100_000).unit("entries").log().main()
            .help("How many entries fit into all cache nodes together."),
        POLICY = Knob::choice("policy", "Eviction", &[("lru", "Least recently used"), ("lfu", "Least often used"), ("fifo", "First in, first out"), ("ttl", "None: only time to live")], 0).main()
            .convention()
            .help("Who has to go when the cache is full. Without eviction a full cache takes nothing new until something expires."),
        TTL = Knob::float("ttl", "Time to live", 60.0, 0.5, 86_400.0, 0.5).unit("s").log().live().main()
            .help("How long an entry may be served after it was stored."),
        GUARD = Knob::choice("guard", "Stampede guard", &[("none", "None"), ("lock", "Lock in the cache"), ("single-flight", "Single flight"), ("xfetch", "XFetch: early, at random"), ("swr", "Stale while revalidate")], 0).live().main()
            .help("What keeps many readers from asking the database for the same missing value."),
        WRITE = Knob::choice("write", "On a write", &[("delete", "Write, then delete the key"), ("ttl", "Leave it to the time to live"), ("through", "Write through"), ("delete-first", "Delete the key, then write")], 0).live().main()
            .help("What a writer does to the cache."),

        KEYS = Knob::int("keys", "Products", 10_000, 10, 100_000).unit("keys").log()
            .help("Keys that exist. The most popular is number 1."),
        SKEW = Knob::float("skew", "Skew of popularity", 0.9, 0.0, 2.0, 0.05).fact("Breslau and others, INFOCOM 1999: 0.64 to 0.83 seen by web proxies")
            .help("Zipf's exponent: the key of rank r is asked for in proportion to 1/r^s. 0 makes all equal."),
        READS = Knob::float("reads", "Reads", 5_000.0, 0.0, 20_000.0, 100.0).unit("req/s")
            .help("Reads a second over all products."),
        HOT = Knob::float("hot", "Extra reads of key 1", 0.0, 0.0, 10_000.0, 50.0).unit("req/s")
            .help("The product of the day: so many more reads a second of the most popular key."),
        RECOMPUTE = Knob::float("recompute", "Making key 1 takes", 200.0, 1.0, 5_000.0, 1.0).unit("ms").log()
            .help("The most popular page is put together from many queries and takes this long, always the same. δ in the formulas."),
        ARRIVALS = Knob::choice("arrivals", "Arrivals", &[("poisson", "Poisson: independent users"), ("even", "Evenly spaced")], 0).convention()
            .help("Independent users arrive in clumps. Even spacing is for experiments with one exact answer."),
        CACHE_TIME = Knob::float("cache_time", "A trip to the cache", 0.5, 0.05, 50.0, 0.05).unit("ms").log()
            .help("What every read pays, hit or miss; a loader pays it again to store what it got."),

        DB_TIME = Knob::float("db_time", "A database query", 20.0, 0.1, 1_000.0, 0.1).unit("ms").log()
            .help("Mean time of a query for any key but number 1, and of a write."),
        LAW = Knob::choice("law", "Query times", &[("exp", "Exponential"), ("fixed", "All the same")], 0).convention()
            .help("How query times vary around their mean."),
        SERVERS = Knob::int("servers", "Queries at the same time", 60, 1, 1_000)
            .help("The database works on so many at once. 60 with 20 ms each make 3,000 a second."),
        QUEUE = Knob::int("queue", "Queue of the database", 1_000, 1, 10_000).unit("queries").live()
            .help("How many more may wait. Beyond that a query fails at once."),
        PATIENCE = Knob::float("patience", "Reader's patience", 2_000.0, 50.0, 30_000.0, 50.0).unit("ms").log()
            .help("A reader without an answer after this long has failed. The query goes on for nobody."),

        JITTER = Knob::int("jitter", "Jitter of the time to live", 0, 0, 50).unit("%").live()
            .help("Entries live shorter by a random share of up to this, so that what was stored together does not expire together."),
        WARM = Knob::toggle("warm", "Warm up first", false)
            .help("Start with the most popular keys in the cache, their remaining lifetimes spread evenly, as after a warm-up script."),
        BETA = Knob::float("beta", "XFetch β", 1.0, 0.1, 10.0, 0.1).fact(XFETCH).live()
            .help("Above 1 recomputes earlier and with fewer duplicates."),
        GRACE = Knob::float("grace", "Stale for up to", 10.0, 0.1, 600.0, 0.1).unit("s").log().fact("RFC 5861").live()
            .help("Stale-while-revalidate: how long after its expiry the old value may be served."),
        APPS = Knob::int("apps", "App servers", 1, 1, 200)
            .help("Readers come through these in equal shares. Single flight works within one of them."),
        LOCK_RETRY = Knob::float("lock_retry", "Look again after", 50.0, 5.0, 1_000.0, 5.0).unit("ms").log().live()
            .help("Lock: how long a reader who found it taken waits before it looks again."),
        LEASE = Knob::float("lease", "Locks and leases end after", 5.0, 0.1, 60.0, 0.1).unit("s").log().live()
            .help("If their holder dies, the next reader may try after this long."),

        WRITES = Knob::float("writes", "Writes", 10.0, 0.0, 500.0, 1.0).unit("/s")
            .help("Changes a second, each to a product taken at random: changes do not follow popularity."),
        ON_SET = Knob::choice("on_set", "Before storing", &[("plain", "No check"), ("version", "Compare versions"), ("lease", "Lease")], 0).live()
            .help("What stops a slow reader from storing a value that has been replaced. Comparing versions needs a deleted key's version to be remembered, here for 10 s."),

        ABSENT = Knob::int("absent", "Reads of what is not there", 0, 0, 50).unit("%")
            .help("The share of reads that ask for one of 1,000 keys that do not exist: dead links, bots."),
        NEGATIVE = Knob::toggle("negative", "Negative caching", false).live()
            .help("Remember for 5 s that a key does not exist."),

        NODES = Knob::int("nodes", "Cache nodes", 4, 1, 16)
            .help("The entries are spread over so many machines."),
        PLACE = Knob::choice("place", "Key to node", &[("modulo", "Hash modulo nodes"), ("ring", "Hash ring")], 0).convention()
            .help("Modulo moves nearly every key when the number of nodes changes, a ring moves one in n."),
    }
}

indexed! {
    pub mod act: Act {
        EXPIRE = Act { key: "expire", label: "Expire a key", hotkey: 'x',
            args: &[Arg::int("key", "Which key; 1 is the most popular", 1, 1, 100_000)], fault: true,
            help: "Its time to live is over now. The stale copy stays." },
        UPDATE = Act { key: "update", label: "Change a key", hotkey: 'u',
            args: &[Arg::int("key", "Which key; 1 is the most popular", 1, 1, 100_000)], fault: true,
            help: "A writer changes this product's price." },
        SLOW = Act { key: "slow", label: "Slow database", hotkey: 'b',
            args: &[Arg::float("factor", "Times slower", 5.0, 1.5, 100.0, 0.5)], fault: true,
            help: "Every query that begins takes several times as long." },
        FLUSH = Act { key: "flush", label: "Flush all", hotkey: 'f', args: &[], fault: true,
            help: "Every entry is gone, stale copies too." },
        SCAN = Act { key: "scan", label: "Scan: one-hit wonders", hotkey: 'w',
            args: &[Arg::int("count", "How many keys", 5_000, 10, 50_000), Arg::float("rate", "Keys a second", 1_000.0, 10.0, 20_000.0, 10.0)], fault: true,
            help: "A crawler reads so many old products, each of them once." },
        SURGE = Act { key: "surge", label: "Burst of reads", hotkey: 't',
            args: &[Arg::float("factor", "Times as many", 3.0, 1.5, 20.0, 0.5), Arg::float("for", "For how long", 5.0, 0.1, 120.0, 0.1).unit("s")], fault: true,
            help: "All readers ask several times as often for a while." },
        HOLD = Act { key: "hold", label: "Hold up the next store", hotkey: 'h',
            args: &[Arg::float("for", "For how long", 500.0, 1.0, 60_000.0, 1.0).unit("ms")], fault: true,
            help: "The next reader that gets its answer from the database stops before it stores it: a pause of the garbage collector." },
        CRASH = Act { key: "crash", label: "Crash the next loader", hotkey: 'c', args: &[], fault: true,
            help: "The next reader that gets its answer from the database dies before it stores it, with all who wait for it in its process. Its lock stays." },
        KILL = Act { key: "kill", label: "Kill a cache node", hotkey: 'd',
            args: &[Arg::int("node", "Which node", 1, 1, 16)], fault: true,
            help: "The node and its entries are gone; its keys move to the others. Without any node every read goes to the database." },
        BOTS = Act { key: "bots", label: "Bots ask for nothing", hotkey: 'a',
            args: &[Arg::int("share", "Share of the reads", 30, 1, 90).unit("%"), Arg::float("for", "For how long", 10.0, 0.1, 120.0, 0.1).unit("s")], fault: true,
            help: "So many of the reads ask for keys that do not exist." },
        MEND = Act { key: "mend", label: "Mend all", hotkey: 'm', args: &[], fault: true,
            help: "The database is as fast as before, and dead cache nodes come back empty." },
    }
}

indexed! {
    pub mod number: Number {
        HITS = Number::new("hits", "Hit ratio", "%", Better::Up).main().plot("hits")
            .help("Share of reads that found a copy they could have, over the last second."),
        DB = Number::new("db", "Database queries", "/s", Better::Down).main().plot("database")
            .help("Queries asked for reads, over the last second."),
        P99 = Number::new("p99", "p99", "ms", Better::Down).main().plot("latency")
            .help("From the look in the cache to the answer, over the last 5 s."),
        MEAN = Number::new("mean", "Mean", "ms", Better::Down).plot("latency")
            .help("Mean time to the answer over the last 5 s."),
        P50 = Number::new("p50", "p50", "ms", Better::Down).plot("latency")
            .help("Half of the answers of the last 5 s came faster."),
        DUPLICATES = Number::new("duplicates", "Duplicate loads", "/s", Better::Down).main().plot("database")
            .help("Queries for a key that was being loaded already, over the last second."),
        STALE = Number::new("stale", "Stale answers", "/s", Better::Down).main().plot("stale")
            .help("Answers that had been changed in the database before the read began, over the last second."),
        STALE_AGE = Number::new("stale_age", "Oldest stale answer", "s", Better::Down)
            .help("The longest time that a stale answer of the last second had been out of date."),
        SAVED = Number::new("saved", "Database work saved", "servers", Better::Up).main()
            .help("How many more queries at the same time the database would have had to run for the reads of the last second that hit. What the cache is worth."),
        WAITING = Number::new("waiting", "Waiting at the database", "", Better::Down).plot("queue")
            .help("Queries in the database's queue."),
        BUSY = Number::new("busy", "Database busy", "%", Better::Neither)
            .help("Share of its servers that run a query."),
        FAILED = Number::new("failed", "Failed reads", "/s", Better::Down)
            .help("Reads that were refused by the database's queue or ran out of patience, over the last second."),
        EARLY = Number::new("early", "Early recomputations", "/s", Better::Neither)
            .help("Loads begun before the expiry, by XFetch, over the last second."),
        ENTRIES = Number::new("entries", "Entries", "", Better::Neither)
            .help("Entries in all nodes, the expired ones included."),
        EVICTED = Number::new("evicted", "Evicted", "/s", Better::Neither)
            .help("Entries that had to go for others, over the last second."),
        BUSIEST = Number::new("busiest", "Busiest cache node", "%", Better::Down)
            .help("The share of the reads of the last whole second that went to the busiest node. One hot key is on one node."),
        READS = Number::new("reads_rate", "Reads", "/s", Better::Neither)
            .help("Reads over the last second."),
    }
}

indexed! {
    pub mod measure: Measure {
        HIT_RATIO = Measure::new("hit_ratio", &["duration", "duration"], "reads that hit as a percentage of all reads, from one second of the run to another"),
        READERS_HIT = Measure::new("readers_hit", &["duration", "duration"], "the same, leaving out the reads of a scan"),
        DB_RATE = Measure::new("db_rate", &["duration", "duration"], "database queries for reads, per second, from one second of the run to another"),
        DB_CALLS = Measure::new("db_calls", &["duration", "duration"], "database queries for reads, in all, from one second of the run to another"),
        FAILED_SHARE = Measure::new("failed_share", &["duration", "duration"], "reads that failed as a percentage of all reads, from one second of the run to another"),
        STALE_READS = Measure::new("stale_reads", &["duration", "duration"], "stale answers, from one second of the run to another"),
        PER_EXPIRY = Measure::new("per_expiry", &[], "mean number of queries for key 1 from the first that begins while none is under way until none is under way, leaving out the first of the run"),
        LEAD = Measure::new("lead_ms", &[], "mean time before the expiry at which the first early recomputation of key 1 began"),
        EXPIRIES = Measure::new("expiries", &[], "how many times that was"),
        LOADS_MAX = Measure::new("loads_max", &[], "the most queries for one key that were under way at once"),
        DUPLICATES_ALL = Measure::new("duplicate_loads", &[], "queries for a key that was being loaded already"),
        SERVED_STALE_FOR = Measure::new("stale_for_s", &[], "the longest time, in seconds, for which one copy was served although it was out of date"),
        REFUSED_SETS = Measure::new("refused_sets", &[], "stores refused by the version check or for want of a lease"),
        QUEUE_MAX = Measure::new("queue_max", &[], "the most queries that waited at the database at once"),
        CHE = Measure::new("predicted", &[], "the hit ratio, in per cent, that the policy's formula gives for these settings, leaving out the time to live"),
        BEST = Measure::new("best", &[], "the hit ratio, in per cent, of a cache that always holds the most popular keys"),
        CURVE = Measure::new("curve", &["number"], "the hit ratio, in per cent, that an LRU cache of so many entries would have had, by stack distances"),
        MOVED = Measure::new("busiest_share", &[], "the share of reads of the last whole second, in per cent, that went to the busiest node"),
        P99_MAX = Measure::new("p99_max", &["duration", "duration"], "the highest p99, in milliseconds, at the end of any second from one to another"),
    }
}

pub static QUESTION: Question = Question {
    slug: "caching-benefits",
    version: 1,
    knobs: knob::ALL,
    acts: act::ALL,
    numbers: number::ALL,
    measures: measure::ALL,
    nodes: &["Readers", "Cache", "Database", "Writers"],
    links: &[("Readers", "Cache"), ("Readers", "Database"), ("Writers", "Database"), ("Writers", "Cache")],
    sample_every: Us::ms(200),
    horizon: Us::s(300),
    lifetime_max: Us::s(40),
    tap: None,
    code: &["cache", "stampede", "popularity", "miss_curve"],
    make: make::<Caching>,
};

pub static TOLD: Told = told::<Caching>(Help { knobs: knob::HELP, acts: act::HELP, numbers: number::HELP });
/// Reads its measures.
pub static READ: Read = read::<Caching>;
