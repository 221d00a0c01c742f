//! What can be set, done and read.

use crate::blocks::replica::Rule;
use crate::blocks::session::Session;
use crate::declare::{Act, Arg, Better, Knob, Measure, Number};
use crate::indexed;

/// Where replica i stands: region i % 3.
pub const REGIONS: [&str; 3] = ["Europe", "America", "Asia"];
pub static NODES: &[&str] = &["EU 1", "US 1", "AS 1", "EU 2", "US 2", "AS 2", "EU 3"];
/// The links by index: the first n(n-1)/2 are those among the first n nodes.
pub static LINKS: &[(&str, &str)] = &[
    ("EU 1", "US 1"),
    ("EU 1", "AS 1"),
    ("US 1", "AS 1"),
    ("EU 1", "EU 2"),
    ("US 1", "EU 2"),
    ("AS 1", "EU 2"),
    ("EU 1", "US 2"),
    ("US 1", "US 2"),
    ("AS 1", "US 2"),
    ("EU 2", "US 2"),
    ("EU 1", "AS 2"),
    ("US 1", "AS 2"),
    ("AS 1", "AS 2"),
    ("EU 2", "AS 2"),
    ("US 2", "AS 2"),
    ("EU 1", "EU 3"),
    ("US 1", "EU 3"),
    ("AS 1", "EU 3"),
    ("EU 2", "EU 3"),
    ("US 2", "EU 3"),
    ("AS 2", "EU 3"),
];

/// The two nodes of link `i`.
pub fn link_ends(i: usize) -> (usize, usize) {
    let mut b = 1;
    while b * (b + 1) / 2 <= i {
        b += 1;
    }
    (i - b * (b - 1) / 2, b)
}

/// The link between two nodes.
pub fn link_index(a: usize, b: usize) -> usize {
    let (a, b) = (a.min(b), a.max(b));
    b * (b - 1) / 2 + a
}

pub static KEYS: [&str; 4] = ["photo", "name", "city", "motto"];
/// The people of the workload, two of them at home in Europe, and the reader.
pub static USERS: [&str; 5] = ["Ana", "Ben", "Chi", "Dov", "You"];
pub const YOU: u8 = 4;

const NODE_KEYS: &[(&str, &str)] = &[
    ("eu1", "EU 1"),
    ("us1", "US 1"),
    ("as1", "AS 1"),
    ("eu2", "EU 2"),
    ("us2", "US 2"),
    ("as2", "AS 2"),
    ("eu3", "EU 3"),
];
const REGION_KEYS: &[(&str, &str)] = &[("eu", "Europe"), ("us", "America"), ("as", "Asia")];
const LINK_KEYS: &[(&str, &str)] = &[
    ("eu1-us1", "EU 1 to US 1"),
    ("eu1-as1", "EU 1 to AS 1"),
    ("us1-as1", "US 1 to AS 1"),
    ("eu1-eu2", "EU 1 to EU 2"),
    ("us1-eu2", "US 1 to EU 2"),
    ("as1-eu2", "AS 1 to EU 2"),
    ("eu1-us2", "EU 1 to US 2"),
    ("us1-us2", "US 1 to US 2"),
    ("as1-us2", "AS 1 to US 2"),
    ("eu2-us2", "EU 2 to US 2"),
    ("eu1-as2", "EU 1 to AS 2"),
    ("us1-as2", "US 1 to AS 2"),
    ("as1-as2", "AS 1 to AS 2"),
    ("eu2-as2", "EU 2 to AS 2"),
    ("us2-as2", "US 2 to AS 2"),
    ("eu1-eu3", "EU 1 to EU 3"),
    ("us1-eu3", "US 1 to EU 3"),
    ("as1-eu3", "AS 1 to EU 3"),
    ("eu2-eu3", "EU 2 to EU 3"),
    ("us2-eu3", "US 2 to EU 3"),
    ("as2-eu3", "AS 2 to EU 3"),
];

pub const RULES: [Rule; 5] = [Rule::LastWriteWins, Rule::Siblings, Rule::GrowOnlyCounter, Rule::PnCounter, Rule::OrSet];
pub const SESSIONS: [Session; 5] =
    [Session::None, Session::ReadYourWrites, Session::MonotonicReads, Session::Both, Session::Sticky];

pub const LAW_FIXED: usize = 1;
pub const LOOK_OFF: usize = 0;
pub const LOOK_OTHER: usize = 2;
pub const ROUTE_NEAREST: usize = 1;
pub const FANOUT_NEEDED: usize = 1;

indexed! { pub mod knob: Knob {
    N = Knob::int("n", "Replicas, N", 3, 1, 7).main().convention()
        .help("How many nodes keep a copy of every key. They stand in turn in Europe, America and Asia."),
    W = Knob::int("w", "Write quorum, W", 1, 1, 7).main().live().convention()
        .help("A write is acknowledged when this many copies have it. The price is the W-th fastest answer."),
    R = Knob::int("r", "Read quorum, R", 1, 1, 7).main().live().convention()
        .help("A read returns when this many copies have answered. R + W > N makes every read meet every acknowledged write."),
    RULE = Knob::choice("rule", "Conflict rule", &[
        ("lww", "last write wins"), ("siblings", "vector clock, siblings"), ("g-counter", "grow-only counter"),
        ("pn-counter", "PN-counter"), ("or-set", "OR-set"),
    ], 0).main().convention()
        .help("What a replica does with two versions that have not seen each other."),
    SESSION = Knob::choice("session", "Client session", &[
        ("none", "none"), ("ryw", "read your writes"), ("monotonic", "monotonic reads"), ("both", "both"), ("sticky", "sticky to one node"),
    ], 0).main().live().convention()
        .help("What one client may rely on. A read that cannot keep the promise asks further, and fails if nobody can."),
    ANTI_ENTROPY = Knob::float("anti_entropy", "Anti-entropy every", 1.0, 0.0, 60.0, 0.1).unit("s").live()
        .help("How often each node sends all it has to all others, to repair what they missed. 0 turns it off."),
    WRITES = Knob::float("writes", "Writes", 1.0, 0.0, 200.0, 0.1).unit("req/s").live()
        .help("Writes by the four people, spread over the keys."),
    READS = Knob::float("reads", "Reads", 10.0, 0.0, 1_000.0, 1.0).unit("req/s").live()
        .help("Reads by the four people, beside those right after a write."),
    LOOK = Knob::choice("look", "Look after a write", &[
        ("off", "nobody"), ("writer", "the writer"), ("other", "somebody else"),
    ], 1).live()
        .help("Who reads the key once its write is acknowledged."),
    LOOK_AFTER = Knob::float("look_after", "Look how long after", 0.0, 0.0, 5_000.0, 1.0).unit("ms").live()
        .help("From the acknowledgement to that read. At 0 nothing has had time to spread."),
    QUICK = Knob::int("quick", "Writes in a row", 1, 1, 4).live()
        .help("How many writes somebody makes to a key in quick succession, each when the one before is acknowledged."),
    ROUTE = Knob::choice("route", "Requests go to", &[
        ("any", "any node"), ("nearest", "the nearest node"),
    ], 0).live()
        .help("Which node coordinates: one at random that is up, as behind a load balancer, or one in the client's region."),
    KEYS = Knob::int("keys", "Keys", 3, 1, 4)
        .help("How many keys there are, all of them on every node."),
    FANOUT = Knob::choice("fanout", "A coordinator asks", &[
        ("all", "all, and takes the first"), ("needed", "only as many as needed"),
    ], 0).fact("Dynamo, SOSP 2007, section 4.6: to all, wait for the first")
        .help("To all copies, waiting for the first W or R to answer; or to a random W or R of them, its own among them."),
    REPAIR = Knob::toggle("read_repair", "Read repair", false).live()
        .help("A coordinator that hears old and new answers sends the new to those with the old."),
    NEAR = Knob::float("near", "One way, same region", 5.0, 1.0, 500.0, 1.0).unit("ms").live()
        .help("Mean delay of a message between two nodes of one region."),
    MIDDLE = Knob::float("middle", "One way, Europe to America", 40.0, 1.0, 500.0, 1.0).unit("ms").live()
        .help("Mean delay of a message between Europe and America."),
    FAR = Knob::float("far", "One way, to Asia", 90.0, 1.0, 500.0, 1.0).unit("ms").live()
        .help("Mean delay of a message between Asia and the other two."),
    LAW = Knob::choice("delay", "Delays are", &[("exp", "exponential"), ("fixed", "fixed")], 0).live()
        .help("Exponential: many messages are faster than the mean and a few much slower."),
    LOSS = Knob::float("loss", "Messages lost", 0.0, 0.0, 90.0, 0.1).unit("%").live()
        .help("Share of the messages between nodes that vanish."),
    DUPLICATE = Knob::float("duplicate", "Messages twice", 0.0, 0.0, 90.0, 0.1).unit("%").live()
        .help("Share of the messages between nodes that arrive a second time. Merging makes that harmless."),
    IN_ORDER = Knob::toggle("in_order", "Links keep the order", false).live()
        .help("On: a message waits for those sent before it on its link. Off: it may overtake them."),
    TIMEOUT = Knob::float("timeout", "Timeout", 1_000.0, 50.0, 10_000.0, 10.0).unit("ms").live()
        .help("How long a coordinator waits for W or R answers before it tells the client that it failed."),
    SKEW = Knob::float("skew", "Clock of EU 1 ahead", 0.0, -10_000.0, 10_000.0, 10.0).unit("ms").live()
        .help("How far the clock of EU 1 runs ahead of the others. Last write wins believes it."),
    HYBRID = Knob::toggle("hybrid_clock", "Hybrid logical clocks", false).fact("Kulkarni et al., OPODIS 2014")
        .help("A node stamps a write later than everything it has seen, whatever its own clock says."),
}}

static NODE: &[Arg] = &[Knob::choice("node", "Node", NODE_KEYS, 0)];
static LINK: &[Arg] = &[Knob::choice("link", "Link", LINK_KEYS, 1)];
static REGION: &[Arg] = &[Knob::choice("region", "Region", REGION_KEYS, 2)];

indexed! { pub mod act: Act {
    PARTITION = Act { key: "partition", label: "Cut off a region", hotkey: 'x', args: REGION, fault: true,
        help: "Cuts every link between a region and the others. Everybody still reaches the nodes; the nodes do not reach each other." },
    DROP = Act { key: "drop", label: "Stop a node", hotkey: 'd', args: NODE, fault: true,
        help: "The node stops and keeps its disk." },
    SKEW = Act { key: "skew", label: "Skew a clock", hotkey: 'c', fault: true, args: &[
            Knob::choice("node", "Node", NODE_KEYS, 0),
            Knob::float("ms", "Ahead by", 5_000.0, -10_000.0, 10_000.0, 10.0).unit("ms"),
        ], help: "Sets how far a node's clock runs ahead (or behind, below 0)." },
    SLOW = Act { key: "slow", label: "Slow links", hotkey: 'z', fault: true, args: &[
            Knob::choice("node", "Node", NODE_KEYS, 2),
            Knob::float("times", "Times", 10.0, 1.0, 100.0, 1.0),
        ], help: "Makes all links of a node this many times as slow; 1 makes them as they were." },
    HEAL = Act { key: "heal", label: "Heal all links", hotkey: 'h', args: &[], fault: true,
        help: "Mends every link." },
    RESTORE = Act { key: "restore", label: "Start it again", hotkey: 'u', args: NODE, fault: true,
        help: "The node comes back with what it had when it stopped." },
    LIKE = Act { key: "like", label: "Like", hotkey: 'l', fault: false, args: &[
            Knob::choice("node", "Node", NODE_KEYS, 0),
            Knob::int("count", "How often", 1, 1, 200),
        ], help: "Counts one more on the first key, one every 10 ms: read, add 1, write for a register; an increment for a counter." },
    WRITE = Act { key: "write", label: "Write", hotkey: 'w', fault: false, args: &[
            Knob::choice("node", "Node", NODE_KEYS, 0),
            Knob::int("key", "Key", 0, 0, 3),
        ], help: "You write a new value at this node." },
    READ = Act { key: "read", label: "Read", hotkey: 'r', fault: false, args: &[
            Knob::choice("node", "Node", NODE_KEYS, 1),
            Knob::int("key", "Key", 0, 0, 3),
        ], help: "You read at this node." },
    CUT = Act { key: "cut", label: "Cut a link", hotkey: 'v', fault: false, args: LINK,
        help: "Cuts one link, both ways. What is on it still arrives." },
    MEND = Act { key: "mend", label: "Mend a link", hotkey: 'm', fault: false, args: LINK,
        help: "Mends one link." },
}}

indexed! { pub mod number: Number {
    STALE = Number::new("stale", "Stale reads", "%", Better::Down).main().plot("stale")
        .help("Reads of the last 10 s that lacked a write acknowledged before they began."),
    LOST = Number::new("lost", "Lost updates", "", Better::Down).main().plot("lost")
        .help("Acknowledged writes that were dropped for a version that had never seen them."),
    READ_P50 = Number::new("read_p50", "Read p50", "ms", Better::Down).main().plot("latency")
        .help("Median time of the successful reads of the last 30 s, at the coordinator."),
    WRITE_P50 = Number::new("write_p50", "Write p50", "ms", Better::Down).main().plot("latency")
        .help("Median time of the acknowledged writes of the last 30 s, at the coordinator."),
    AVAILABLE_MAJORITY = Number::new("available_majority", "Available, majority side", "%", Better::Up).plot("available")
        .help("Requests of the last 10 s that succeeded, at nodes that reach most of the others."),
    AVAILABLE_MINORITY = Number::new("available_minority", "Available, minority side", "%", Better::Up).main().plot("available")
        .help("Requests of the last 10 s that succeeded, at nodes that are cut off from most of the others."),
    AGE_P50 = Number::new("age_p50", "Staleness age p50", "ms", Better::Down).plot("age")
        .help("For stale reads of the last 30 s: for how long a newer value had been acknowledged."),
    AGE_P99 = Number::new("age_p99", "Staleness age p99", "ms", Better::Down).plot("age")
        .help("Needs 1,000 stale reads within 30 s."),
    RYW = Number::new("ryw_violations", "Own write not seen", "", Better::Down).main().plot("sessions")
        .help("Reads that lacked an acknowledged write of the same client: read your writes, broken."),
    MONOTONIC = Number::new("monotonic_violations", "Reads that went back", "", Better::Down).plot("sessions")
        .help("Reads that lacked what the same client had already read: monotonic reads, broken."),
    MONOTONIC_WRITES = Number::new("monotonic_write_violations", "Own writes reordered", "", Better::Down).plot("sessions")
        .help("Register writes that were not ordered after the same client's write before: monotonic writes, broken."),
    FOLLOW_READS = Number::new("follow_violations", "Writes before what was read", "", Better::Down).plot("sessions")
        .help("Register writes that were not ordered after what their author had read: writes follow reads, broken."),
    READ_P99 = Number::new("read_p99", "Read p99", "ms", Better::Down).help("Needs 1,000 reads within 30 s."),
    WRITE_P99 = Number::new("write_p99", "Write p99", "ms", Better::Down).help("Needs 1,000 writes within 30 s."),
    DIFFER = Number::new("differ", "Keys that differ", "", Better::Down).plot("differ")
        .help("Keys on which the copies are not all equal right now."),
    SIBLINGS = Number::new("siblings", "Siblings", "", Better::Down)
        .help("The most versions that stand side by side anywhere right now."),
    AGREE = Number::new("agree", "Time to agree", "ms", Better::Down)
        .help("From the last healing to the moment when all copies were equal."),
    MESSAGES = Number::new("messages", "Messages between nodes", "req/s", Better::Neither)
        .help("Sent in the last 10 s."),
}}

indexed! { pub mod measure: Measure {
    BEHIND = Measure::new("behind", &["number"], "Reads right after a write that were this many versions behind or more, in percent."),
    STALE_TOTAL = Measure::new("stale_total", &[], "Stale reads since the start, in percent."),
    VALUE = Measure::new("value", &["number", "number"], "What a key (0 to 3) holds at a node (0 to 6): a register's content, a count, the size of a set."),
    SIBLINGS_OF = Measure::new("siblings_of", &["number"], "The most versions of a key that stand side by side at one node."),
    WINNER = Measure::new("winner", &["number"], "The number of the write that every copy of a key shows; none while they differ."),
    FAILED = Measure::new("failed", &[], "Requests that failed since the start."),
    FAILED_MINORITY = Measure::new("failed_minority", &[], "Of the requests at cut-off nodes since the start, the share that failed, in percent."),
    FAILED_MAJORITY = Measure::new("failed_majority", &[], "Of the requests at all other nodes since the start, the share that failed, in percent."),
    WRITTEN = Measure::new("written", &[], "Writes applied since the start, acknowledged or not."),
    READ_MEAN = Measure::new("read_mean", &[], "Mean time of all successful reads, in milliseconds."),
    WRITE_MEAN = Measure::new("write_mean", &[], "Mean time of all acknowledged writes, in milliseconds."),
}}
