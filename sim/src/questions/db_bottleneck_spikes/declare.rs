//! What can be set, done, read and asked: the declaration of the question.

use super::Spikes;
use crate::declare::{Act, Arg, Better, Help, Knob, Measure, Number, Question};
use crate::indexed;
use crate::kernel::{Read, Told, Us, make, read, told};

const SYNC: &str = "PostgreSQL documentation, synchronous_commit: on, remote_apply";

indexed! {
    pub mod knob: Knob {
        // What can be done about it, first: the tests over all knobs find what depends on it sooner.
        CQRS = Knob::toggle("cqrs", "Read store", false)
            .help("CQRS: reads go to a store of their own that a projection keeps up to date from all shards."),
        BATCHING = Knob::choice("batching", "Commits", &[("single", "Row by row"), ("batch", "In batches")], 0).live()
            .help("Several rows in one statement and one commit."),
        CACHE = Knob::toggle("cache", "Cache", false).live()
            .help("Cache-aside in front of all reads."),
        ACK = Knob::choice("ack", "\"Done\" means", &[("commit", "Committed"), ("memory", "In the batch, in memory"), ("queue", "In a durable queue")], 0).live()
            .help("When the client of a write has its answer."),
        DATA = Knob::choice("data", "Data and memory", &[("fits", "All of it fits"), ("double", "Twice the memory"), ("four", "Four times"), ("ten", "Ten times")], 0)
            .help("Old rows and new ones share pages, so memory holds the same share of both."),

        READS = Knob::int("reads", "Reads", 15_000, 10, 200_000).unit("/s").log().live().main()
            .help("Besides these, some authors look for what they wrote."),
        WRITES = Knob::int("writes", "Writes", 1_000, 1, 50_000).unit("/s").log().live().main()
            .help("Each of them is done once by its primary, and once more by every replica."),
        REPLICAS = Knob::int("replicas", "Replicas", 2, 0, 15).main()
            .help("Copies of each primary. They answer reads and repeat all writes."),
        ROUTE = Knob::choice("route", "Reads go to", &[("all", "Any copy"), ("replicas", "Replicas"), ("sticky", "Replicas, authors to the primary"),
            ("token", "Replicas that have the position"), ("primary", "The primary")], 1).live().main()
            .help("Sticky: for a while after a write its author reads from the primary. Position: the author's read names the place of the write in the log, and only a copy that has it may answer."),
        SHARDS = Knob::int("shards", "Shards", 1, 1, 64).main()
            .help("Primaries among which the keys are split, each with its own replicas."),

        CAPACITY = Knob::int("capacity", "One node", 10_000, 100, 200_000).unit("units/s").log()
            .help("A read, a write and the repetition of a write cost one unit each."),
        LAW = Knob::choice("law", "Work per request", &[("exp", "Exponential"), ("fixed", "All the same")], 0).convention()
            .help("How the work varies around its mean."),
        ARRIVALS = Knob::choice("arrivals", "Arrivals", &[("poisson", "At random"), ("even", "Evenly spaced")], 0).convention()
            .help("Evenly spaced arrivals give experiments one exact answer."),
        LINE = Knob::int("line", "Line per node", 500, 10, 10_000).unit("requests").log().live()
            .help("Beyond it, reads are refused; and writes, when so many rows wait for their commit."),

        LAG = Knob::float("lag", "Replication lag", 200.0, 0.0, 10_000.0, 1.0).unit("ms").live()
            .help("From the commit until a replica has the write. It waits there behind reads, so the lag grows with load."),
        SHAPE = Knob::choice("lag_kind", "Lag", &[("fixed", "Always the same"), ("bursts", "In bursts: exponential")], 0).convention()
            .help("In bursts: the replica catches up at random moments, so the delay of each write is exponential with this mean."),
        COMMIT = Knob::choice("commit", "Commit waits for", &[("local", "The primary alone"), ("standby", "One standby's disk"), ("applied", "All replicas show it")], 0).fact(SYNC).live()
            .help("Asynchronous, synchronous, or remote_apply with every replica named."),
        CHOICE = Knob::choice("choice", "Which replica", &[("random", "At random"), ("user", "The same for the same user"), ("shortest", "Shortest line")], 0).convention().live()
            .help("The same for the same user: nobody goes back in time while it lives."),
        STICKY = Knob::float("sticky", "Sticks for", 1.0, 0.1, 60.0, 0.1).unit("s").live()
            .help("So long after a write its author reads from the primary."),
        WAIT = Knob::float("wait", "Waits for the position", 0.0, 0.0, 5_000.0, 10.0).unit("ms").zero("not at all").live()
            .help("How long a read waits at a replica that lacks the position before it goes to the primary. 0: it goes at once."),
        LOOK = Knob::float("look", "Author looks after", 50.0, 1.0, 5_000.0, 1.0).unit("ms").live()
            .help("From the answer to the write until its author reads the key, and again until the second look."),

        LOOKERS = Knob::int("lookers", "Authors who look", 10, 0, 100).unit("%").live()
            .help("They read what they have written, twice."),
        KEYS = Knob::int("keys", "Keys", 10_000, 100, 50_000).log()
            .help("Users, products or whatever the data is sharded by."),
        SKEW = Knob::float("skew", "Skew of the keys", 1.0, 0.0, 1.4, 0.1).unit("Zipf's s")
            .help("0: all keys alike. 1.0 over 10,000 keys: the first has 10.2 % of the traffic."),
        PLACEMENT = Knob::choice("placement", "Sharded by", &[("ring", "Hash, on a ring"), ("modulo", "Hash modulo shards"), ("range", "Range: the popular are neighbours"), ("region", "Region: sizes 1, 1/2, 1/3 ...")], 0).convention()
            .help("Decides how even the shards are, and how many keys move when one is added."),
        POINTS = Knob::int("points", "Points per shard", 100, 1, 1_000).log().convention()
            .help("Virtual nodes: on the ring, the spread of the shards' sizes is about 1/√points."),
        SCATTER = Knob::float("scatter", "Reads over all shards", 0.0, 0.0, 100.0, 1.0).unit("%").live()
            .help("Queries without the shard key: every shard has to be asked, and the slowest one decides."),
        SPLIT = Knob::int("split", "Parts of the top key", 1, 1, 64)
            .help("The most popular key as several keys, each with its own place."),
        WHOLE = Knob::toggle("whole", "Reads want all parts", false).live()
            .help("A read of a split key asks every part. Off, it knows the part that it needs."),
        CHUNK = Knob::int("chunk", "Keys moved at a time", 100, 1, 5_000).log().live()
            .help("They are on two shards until both agree."),

        BATCH = Knob::int("batch", "Rows per batch", 100, 1, 1_000).log().live()
            .help("A batch goes when it is full, or when its first row has waited long enough."),
        LINGER = Knob::float("linger", "First row waits", 200.0, 1.0, 10_000.0, 1.0).unit("ms").log().live()
            .help("At most so long, then the batch goes as it is."),
        FSYNC = Knob::float("fsync", "fsync", 2.0, 0.0, 50.0, 0.1).unit("ms").live()
            .help("Until the log is on disk, however little is in it."),
        ROW = Knob::float("row", "Log per row", 0.05, 0.0, 5.0, 0.01).unit("ms").live()
            .help("What each row adds to a commit."),
        FURTHER = Knob::float("further", "A further row costs", 0.2, 0.0, 1.0, 0.05).unit("units").live()
            .help("Of the node's work. The first row of a statement costs one unit."),
        SESSIONS = Knob::int("sessions", "Sessions that write", 64, 1, 1_000).log().live()
            .help("Per shard. Each commits one statement at a time: fsync + rows."),
        QUEUE = Knob::int("queue", "Write queue holds", 20_000, 100, 50_000).unit("writes").log()
            .help("When it is full, writes are refused."),

        TTL = Knob::float("ttl", "Time to live", 300.0, 0.1, 600.0, 0.1).unit("s").log().live()
            .help("How long an entry of the cache is used."),
        INVALIDATE = Knob::toggle("invalidate", "Writes invalidate", true).live()
            .help("A committed write removes its key from the cache. A late replica may put the old value back."),
        STORES = Knob::int("stores", "Read store's nodes", 2, 1, 8)
            .help("Each holds everything."),
        STORE_LAG = Knob::float("projection", "Projection lag", 500.0, 0.0, 10_000.0, 10.0).unit("ms").live()
            .help("From the commit until the projection has the change."),
        VIEW = Knob::float("view", "A read there costs", 0.25, 0.05, 2.0, 0.05).unit("units")
            .help("Less, since the view is made for the question: joined and counted beforehand."),
        PROJECT = Knob::float("project", "A projected write costs", 1.0, 0.1, 10.0, 0.1).unit("units")
            .help("What each change costs each node of the read store."),

        DISK = Knob::float("disk", "A read from disk adds", 5.0, 0.5, 50.0, 0.5).unit("units")
            .help("For a page that memory does not hold."),
        READY = Knob::float("ready", "New replica ready after", 1_200.0, 1.0, 7_200.0, 1.0).unit("s").log()
            .help("Copying hundreds of gigabytes takes minutes to hours."),
        SEEDING = Knob::float("seeding", "Copying costs the primary", 10.0, 0.0, 50.0, 1.0).unit("%").live()
            .help("Of its capacity, for each replica that is being made."),
        FAILOVER = Knob::float("failover", "Failover takes", 10.0, 1.0, 300.0, 1.0).unit("s")
            .help("From the death of a primary until a replica takes writes."),
    }
}

indexed! {
    pub mod act: Act {
        SPIKE = Act { key: "spike", label: "Write spike", hotkey: 'x',
            args: &[Arg::float("factor", "Times the writes", 12.0, 1.0, 50.0, 0.5), Arg::float("for", "For how long", 6.0, 1.0, 600.0, 1.0).unit("s")], fault: true,
            help: "Several times the writes, for a while." },
        CROWD = Act { key: "crowd", label: "Read spike", hotkey: 'r',
            args: &[Arg::float("factor", "Times the reads", 3.0, 1.0, 50.0, 0.5), Arg::float("for", "For how long", 6.0, 1.0, 600.0, 1.0).unit("s")], fault: true,
            help: "Several times the reads, for a while." },
        ADD = Act { key: "add", label: "Add replicas", hotkey: 'a',
            args: &[Arg::int("replicas", "How many", 5, 1, 8)], fault: true,
            help: "To each shard. They are copied from its primary, which costs it, and ready when that is done." },
        LAG = Act { key: "lag", label: "Lag spike", hotkey: 'g',
            args: &[Arg::float("by", "More lag", 2_000.0, 10.0, 30_000.0, 10.0).unit("ms"), Arg::float("for", "For how long", 10.0, 1.0, 600.0, 1.0).unit("s"), Arg::int("replica", "Which, 0 for all", 0, 0, 15)], fault: true,
            help: "A long query, a full disk, a bad link: replicas fall behind." },
        PRIMARY = Act { key: "primary", label: "Kill primary", hotkey: 'm',
            args: &[Arg::int("shard", "Which shard", 1, 1, 64), Arg::choice("promote", "Promote", &[("latest", "The one that has most"), ("behind", "The one that has least")], 0)], fault: true,
            help: "No writes until a replica has taken over. What it had not received is lost, unless commits waited for it." },
        REPLICA = Act { key: "replica", label: "Kill replica", hotkey: 'd',
            args: &[Arg::int("shard", "Which shard", 1, 1, 64)], fault: true,
            help: "The first replica of the shard that is up." },
        SLOW = Act { key: "slow", label: "Slow replica", hotkey: 'w',
            args: &[Arg::float("factor", "Times slower", 5.0, 1.5, 50.0, 0.5), Arg::float("for", "For how long", 20.0, 1.0, 600.0, 1.0).unit("s")], fault: true,
            help: "The first replica of every shard: it applies and answers more slowly." },
        GROW = Act { key: "reshard", label: "Reshard", hotkey: 'h',
            args: &[Arg::int("to", "Shards, 0 for one more", 0, 0, 64)], fault: true,
            help: "Live: chunk by chunk, copied, forwarded, verified, cut over." },
        HOT = Act { key: "celebrity", label: "Celebrity", hotkey: 'o',
            args: &[Arg::float("share", "Share of all requests", 30.0, 0.0, 100.0, 1.0).unit("%"), Arg::float("for", "For how long", 60.0, 1.0, 600.0, 1.0).unit("s")], fault: true,
            help: "So many of all requests want the top key, for a while." },
        SPLIT = Act { key: "split", label: "Split key", hotkey: 't',
            args: &[Arg::int("parts", "Into how many", 8, 2, 64)], fault: true,
            help: "The top key becomes several keys, which move to their own places." },
        PIN = Act { key: "pin", label: "Pin key", hotkey: 'i', args: &[], fault: true,
            help: "The top key moves to the shard with the least work and stays there." },
        ARCHIVE = Act { key: "archive", label: "Archive", hotkey: 'v',
            args: &[Arg::float("share", "Share of the rows", 80.0, 1.0, 99.0, 1.0).unit("%"), Arg::float("for", "Takes", 10.0, 1.0, 600.0, 1.0).unit("s")], fault: true,
            help: "Old rows leave the tables. Deleting them is work, on the replicas as well." },
        CRASH = Act { key: "crash", label: "Crash the app", hotkey: 'c', args: &[], fault: true,
            help: "Rows that wait in memory for their batch are gone." },
        MEND = Act { key: "mend", label: "Mend all", hotkey: 'e', args: &[], fault: true,
            help: "Spikes end; nodes are up again, dead ones as fresh copies; copies in the making are ready." },
    }
}

indexed! {
    pub mod number: Number {
        READ = Number::new("read", "Reads answered", "/s", Better::Up).main().plot("reads")
            .help("By a database node or the cache, over the last second; authors' looks are not among them."),
        WRITTEN = Number::new("written", "Writes done", "/s", Better::Up).main().plot("writes")
            .help("Whose clients were told so, over the last second."),
        REFUSED = Number::new("refused", "Not served", "/s", Better::Down).main().plot("reads")
            .help("Reads and writes that were refused or failed, over the last second."),
        MISSING = Number::new("missing", "Own write missing", "%", Better::Down).main().plot("stale")
            .help("Of the authors' first looks of the last second: those that did not find what was written."),
        LAG = Number::new("lag", "Worst lag", "ms", Better::Down).main().plot("lag")
            .help("How long the oldest write that some replica lacks has been committed."),
        SPREAD = Number::new("spread", "Fullest shard", "× mean", Better::Down).main()
            .help("Work done by the busiest shard over the mean, in the last whole second."),
        STALE = Number::new("stale", "Stale reads", "%", Better::Down).plot("stale")
            .help("Of the reads of the last second: those that missed an acknowledged write to their key."),
        BACK = Number::new("back", "Back in time", "/s", Better::Down)
            .help("Authors who saw their write at the first look and not at the second, over the last second."),
        P99_READ = Number::new("p99_read", "Read p99", "ms", Better::Down).plot("latency").help("Over the last 5 s."),
        P99_WRITE = Number::new("p99_write", "Write p99", "ms", Better::Down).plot("latency").help("Over the last 5 s."),
        MEAN_WRITE = Number::new("mean_write", "Write mean", "ms", Better::Down).plot("latency").help("Over the last 5 s."),
        PRIMARY_BUSY = Number::new("primary_busy", "Busiest primary", "%", Better::Neither).plot("use").help("Over the last whole second."),
        REPLICA_BUSY = Number::new("replica_busy", "Busiest replica", "%", Better::Neither).plot("use").help("Over the last whole second, the read store's nodes too."),
        PRIMARY_SHARE = Number::new("primary_share", "Reads from primaries", "%", Better::Neither)
            .help("Of the reads that nodes answered in the last second, authors' looks included."),
        BACKLOG = Number::new("backlog", "Writes waiting", "", Better::Down).help("Rows on their way to their commit, queued ones too."),
        READ_CAPACITY = Number::new("read_capacity", "Reads possible", "/s", Better::Up).plot("reads")
            .help("Nodes that take reads × what repeating the writes leaves of them."),
        CEILING = Number::new("ceiling", "Writes possible", "/s", Better::Up).plot("writes")
            .help("Primaries × what one can commit. Replicas add nothing."),
        OFFERED_READS = Number::new("offered_reads", "Reads offered", "/s", Better::Neither).plot("reads").help("Over the last second."),
        OFFERED_WRITES = Number::new("offered_writes", "Writes offered", "/s", Better::Neither).plot("writes").help("Over the last second."),
        HITS = Number::new("hits", "Cache hits", "%", Better::Up).help("Of the reads of the last second."),
        LOST = Number::new("lost", "Lost writes", "", Better::Down).help("Acknowledged and gone, since the start."),
        MOVED = Number::new("moved", "Keys moved", "", Better::Neither).help("Of the last resharding, so far."),
    }
}

indexed! {
    pub mod measure: Measure {
        READ_RATE = Measure { key: "read_rate", args: &["duration", "duration"], help: "reads answered a second, from one second of the run to another" },
        WRITE_RATE = Measure { key: "write_rate", args: &["duration", "duration"], help: "writes acknowledged a second" },
        COMMIT_RATE = Measure { key: "commit_rate", args: &["duration", "duration"], help: "writes committed a second" },
        READS_REFUSED = Measure { key: "reads_refused", args: &["duration", "duration"], help: "reads refused or failed, as a percentage of those offered" },
        WRITES_REFUSED = Measure { key: "writes_refused", args: &["duration", "duration"], help: "writes refused or failed, as a percentage of those offered" },
        MISSED = Measure { key: "missed_share", args: &["duration", "duration"], help: "authors' first looks that did not find the write, in percent" },
        STALE = Measure { key: "stale_share", args: &["duration", "duration"], help: "reads that missed an acknowledged write to their key, in percent" },
        BACK = Measure { key: "went_back", args: &[], help: "authors who saw their write at the first look and not at the second" },
        PRIMARY_SHARE = Measure { key: "primary_reads", args: &["duration", "duration"], help: "reads that primaries answered, as a percentage of all that nodes answered" },
        LOOKS_PRIMARY = Measure { key: "primary_looks", args: &["duration", "duration"], help: "authors' looks that primaries answered, in percent" },
        HITS = Measure { key: "cache_hits", args: &["duration", "duration"], help: "reads that the cache answered, in percent" },
        WRITE_MS = Measure { key: "write_ms", args: &["duration", "duration"], help: "mean milliseconds from a write's arrival to its answer" },
        READ_MS = Measure { key: "read_ms", args: &["duration", "duration"], help: "mean milliseconds from a read's arrival to its answer" },
        FIRST_WAIT = Measure { key: "first_row_wait", args: &[], help: "milliseconds that the first row of a full batch waited for the last, at most" },
        SPREAD = Measure { key: "max_over_mean", args: &["duration", "duration"], help: "work of the busiest shard over the mean of the shards" },
        SPEED_UP = Measure { key: "speed_up", args: &["duration", "duration"], help: "work of all shards over that of the busiest: how many times one machine they can do" },
        BOUND = Measure { key: "speed_up_max", args: &[], help: "1 / share of the busiest key: the most that any number of shards can speed up" },
        TOP = Measure { key: "top_share", args: &[], help: "share of the traffic that the busiest key gets, in percent" },
        MOVED = Measure { key: "moved_share", args: &[], help: "keys that the last resharding moves, in percent of all" },
        MOVING = Measure { key: "moving_s", args: &[], help: "seconds that the last resharding took; so far, if it goes on" },
        TWICE = Measure { key: "on_two_shards", args: &[], help: "the most keys that were on two shards at a time" },
        NOWHERE = Measure { key: "on_no_shard", args: &[], help: "keys that no shard owns now" },
        LOST = Measure { key: "lost_writes", args: &[], help: "acknowledged writes that are gone" },
        FAILED_WRITES = Measure { key: "failed_writes", args: &[], help: "writes whose clients were told that they failed" },
        LAG_MAX = Measure { key: "lag_max", args: &["duration", "duration"], help: "the worst lag at the end of any second, in milliseconds" },
        BACKLOG_MAX = Measure { key: "backlog_max", args: &[], help: "the most writes that waited for their commit at the end of any second" },
        CAPACITY = Measure { key: "reads_possible", args: &[], help: "reads a second by the formula: nodes that read × (capacity - writes)" },
        CEILING = Measure { key: "writes_possible", args: &[], help: "writes a second by the formula" },
        READERS = Measure { key: "readers", args: &[], help: "nodes that take reads now" },
        ASKED = Measure { key: "shards_asked", args: &[], help: "shards that a read without the shard key has asked, on average" },
        SIZE = Measure { key: "data_size", args: &[], help: "the data as a multiple of the memory" },
    }
}

pub static QUESTION: Question = Question {
    slug: "db-bottleneck-spikes",
    version: 1,
    knobs: knob::ALL,
    acts: act::ALL,
    numbers: number::ALL,
    measures: measure::ALL,
    nodes: &["Clients", "Router", "Primary", "Replicas", "Shards", "Read store", "Write queue"],
    links: &[
        ("Clients", "Router"),
        ("Router", "Primary"),
        ("Router", "Replicas"),
        ("Router", "Read store"),
        ("Primary", "Replicas"),
        ("Primary", "Read store"),
        ("Write queue", "Primary"),
    ],
    sample_every: Us::ms(500),
    horizon: Us::s(600),
    lifetime_max: Us::s(12),
    tap: None,
    code: &["replication", "router", "shard", "reshard", "batcher"],
    make: make::<Spikes>,
};

pub static TOLD: Told = told::<Spikes>(Help { knobs: knob::HELP, acts: act::HELP, numbers: number::HELP });
/// Reads its measures.
pub static READ: Read = read::<Spikes>;
