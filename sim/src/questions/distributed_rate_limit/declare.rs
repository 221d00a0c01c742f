//! What can be set, done, read and asked: the declaration of the question.

use super::DistributedLimit;
use crate::declare::{Act, Arg, Better, Help, Knob, Measure, Number, Question};
use crate::indexed;
use crate::kernel::{Read, Told, Us, make, read, told};

pub const NODES_MAX: usize = 32;
/// The abuser is user 0; the others follow.
pub const USERS_MAX: usize = 40;

const MODES: &[(&str, &str)] = &[
    ("incr-expire", "Shared: INCR, then EXPIRE"),
    ("script", "Shared: one atomic script"),
    ("get-set", "Shared: GET, then SET"),
    ("local", "Each node alone, N each"),
    ("split", "Each node alone, N/k each"),
    ("async", "Own counters, exchanged every s"),
    ("gateway", "Managed gateway"),
];
const ALGORITHMS: &[(&str, &str)] = &[
    ("window", "Window from the first request"),
    ("calendar", "Fixed window of the calendar"),
    ("log", "Sliding log"),
    ("counter", "Sliding counter"),
    ("bucket", "Token bucket"),
    ("gcra", "GCRA"),
];
const FALLBACKS: &[(&str, &str)] = &[
    ("split", "Each node alone, N/k each"),
    ("local", "Each node alone, N each"),
    ("open", "Let everything through"),
    ("closed", "Refuse everything"),
];
const CLOCKS: &[(&str, &str)] =
    &[("store", "The store's"), ("caller", "The node's, never backwards"), ("trusting", "The node's, as it comes")];
const FIELD_SETS: &[(&str, &str)] = &[
    ("draft", "RateLimit, RateLimit-Policy, Retry-After"),
    ("legacy", "RateLimit-Limit, -Remaining, -Reset"),
    ("bare", "A bare 429"),
];

indexed! { pub mod knob: Knob {
    MODE = Knob::choice("mode", "Where the count lives", MODES, 0).convention().main()
        .help("Which code the nodes run: the two commands of the usual sample, one script, or counters of their own."),
    ALGORITHM = Knob::choice("algorithm", "Algorithm", ALGORITHMS, 1).convention().main()
        .help("What the script does, and what a node does that counts alone. The two-command modes count a window from the first request, the exchange counts calendar windows, the gateway has a bucket."),
    LIMIT = Knob::int("limit", "Limit N", 100, 1, 10_000).unit("req").log().convention().main()
        .help("What each user may send in a window."),
    NODES = Knob::int("nodes", "Nodes k", 4, 1, NODES_MAX as i64).live().main()
        .help("API servers behind the balancer. One that is taken away finishes what it has begun."),
    FALLBACK = Knob::choice("on-failure", "Store does not answer", FALLBACKS, 0).live().main()
        .help("What a node does with a request when the store refuses the connection or is silent for too long."),

    WINDOW = Knob::float("window", "Window W", 60.0, 1.0, 3_600.0, 0.5).unit("s").log().convention()
        .help("The span that the limit speaks of."),
    BURST = Knob::int("burst", "Bucket size B", 100, 1, 10_000).unit("tokens").log().convention()
        .help("What token bucket and GCRA allow at once. The counters have no such setting."),
    CLOCK = Knob::choice("clock", "Whose clock a script reads", CLOCKS, 0).convention().live()
        .help("The store's own, or one that each node sends along. \"As it comes\" is a token bucket that stores even an earlier time; the other algorithms never go back."),
    SKEW = Knob::float("skew", "Clock of every second node", 0.0, -60.0, 60.0, 0.5).unit("s ahead")
        .help("How far the clocks of nodes 2, 4, 6 and so on are from the true time."),
    SYNC = Knob::float("sync", "Exchange every s", 1.0, 0.05, 30.0, 0.05).unit("s").log().live()
        .help("How often a node tells the others what it has admitted: in the exchange, and inside the gateway."),
    BALANCE = Knob::choice("balance", "Balancer", &[("round-robin", "Round robin"), ("sticky", "Sticky by user")], 0).convention().live()
        .help("Whether a user's requests go round or always to the same node, as long as that node is up."),

    RTT = Knob::float("rtt", "Round trip to the store", 1.0, 0.1, 50.0, 0.1).unit("ms").log().live()
        .help("There and back, the same for every node."),
    OP = Knob::int("op", "Store's time for a command", 20, 0, 1_000).unit("µs").live()
        .help("The store does one thing at a time. A script counts as one command."),
    TIMEOUT = Knob::float("timeout", "A node waits at most", 50.0, 1.0, 5_000.0, 1.0).unit("ms").log().live()
        .help("After this long without an answer the node decides without the store."),
    RESTART = Knob::float("restart", "Restart takes", 2.0, 0.1, 60.0, 0.1).unit("s").log().live()
        .help("How long a crashed node is away. The balancer knows at once."),

    ABUSER = Knob::float("abuser", "The abuser sends", 50.0, 0.0, 2_000.0, 0.5).unit("req/s").live()
        .help("One client that does not care about its limit."),
    PATTERN = Knob::choice("pattern", "The abuser's pace", &[("even", "Evenly spaced"), ("poisson", "Poisson")], 0)
        .help("A loop in a script is even. Even spacing also gives experiments one exact answer."),
    USERS = Knob::int("users", "Other users", 20, 0, USERS_MAX as i64)
        .help("Users who stay within their limit by themselves."),
    USER_RATE = Knob::float("user-rate", "Each of them sends", 0.5, 0.1, 50.0, 0.1).unit("req/s").log().live()
        .help("Poisson, each with arrivals of its own."),
    PAYING = Knob::int("paying", "Of those, paying", 5, 0, USERS_MAX as i64).unit("users")
        .help("The first so many users are in a tier with a larger limit."),
    PAID = Knob::int("paid-factor", "Limit of the paid tier", 10, 1, 20).unit("×")
        .help("How many times the limit and the bucket a paying user has."),
    FIELDS = Knob::choice("fields", "Response fields", FIELD_SETS, 0)
        .fact("RFC 9110; draft-ietf-httpapi-ratelimit-headers-11").live()
        .help("What an answer says about the limit. The two-command code knows no time to wait and says none."),
} }

const NODE: Arg = Arg::int("node", "Node", 1, 1, NODES_MAX as i64);
const USER: Arg = Arg::int("user", "User", 0, 0, USERS_MAX as i64).help("0 is the abuser.");
const fn seconds(default: i64) -> Arg {
    Arg::int("seconds", "For", default, 1, 3_600).unit("s")
}

indexed! { pub mod act: Act {
    TAP = Act { key: "tap", label: "Send one request", hotkey: 't', fault: false,
        args: &[Arg::int("lane", "Lane", 0, 0, 1).help("0 is the abuser, 1 a user who behaves.")],
        help: "One request, here and now." },
    BURST = Act { key: "burst", label: "Burst", hotkey: 'b', fault: true,
        args: &[
            Arg::int("count", "Requests", 100, 1, 10_000),
            Arg::int("spread_ms", "Within", 0, 0, 60_000).unit("ms"),
            USER,
        ], help: "Many requests of one user at once, or evenly within a time." },
    CRASH = Act { key: "crash", label: "Crash between commands", hotkey: 'c', fault: true, args: &[USER],
        help: "The next node that opens a new window for this user dies right after its first answer: between INCR and EXPIRE, or after the script." },
    KILL = Act { key: "kill", label: "Kill a node", hotkey: 'x', fault: true, args: &[NODE],
        help: "It loses what it was doing and what it had counted, and restarts." },
    PAUSE = Act { key: "pause", label: "Pause a node", hotkey: 'g', fault: true,
        args: &[NODE, Arg::int("ms", "For", 500, 1, 60_000).unit("ms")],
        help: "A garbage collection: it does nothing, then goes on where it was." },
    CUT = Act { key: "cut", label: "Cut a node off", hotkey: 'u', fault: true, args: &[NODE, seconds(10)],
        help: "This node alone cannot reach the store." },
    SKEW = Act { key: "skew", label: "Skew a clock", hotkey: 'y', fault: true,
        args: &[NODE, Arg::int("seconds", "By", 10, -60, 60).unit("s")],
        help: "A node's clock jumps." },
    DOWN = Act { key: "store_down", label: "Store down", hotkey: 'd', fault: true,
        args: &[seconds(30), Arg::int("silent", "Silent", 0, 0, 1).help("0: connections are refused at once. 1: nothing answers, and every request waits out its time.")],
        help: "The store is away and comes back with what it knew." },
    SLOW = Act { key: "slow", label: "Slow store", hotkey: 'w', fault: true,
        args: &[Arg::int("factor", "Times slower", 30, 2, 1_000), seconds(10)],
        help: "Network and store take so many times as long." },
    FAILOVER = Act { key: "failover", label: "Fail over", hotkey: 'f', fault: true,
        args: &[Arg::int("lost_ms", "Writes lost", 1_000, 0, 5_000).unit("ms")],
        help: "The replica takes over at once, without the last writes." },
    FLUSH = Act { key: "flush", label: "Empty the store", hotkey: 'e', fault: true, args: &[],
        help: "The store restarts with nothing: every key is as good as new." },
    SURGE = Act { key: "surge", label: "Traffic ×4", hotkey: 'm', fault: true,
        args: &[Arg::int("factor", "Times", 4, 2, 100), seconds(10)],
        help: "Everybody sends so many times as much for a while." },
} }

indexed! { pub mod number: Number {
    WORST_WINDOW = Number::new("worst_window", "Worst window", "", Better::Down).main()
        .help("The most that went through for the abuser in any span of length W, wherever it starts."),
    OVER = Number::new("over", "Over-admitted", "", Better::Down).main()
        .help("Requests let through although one true counter had no place for them."),
    FALSE_DENIALS = Number::new("false_denials", "False denials", "", Better::Down).main()
        .help("Requests refused although one true counter had a place for them; each missing place counts once."),
    NORMAL_OK = Number::new("normal_ok", "Other users served", "%", Better::Up).main()
        .help("Share of the other users' requests that went through."),
    ADDED = Number::new("added", "Added latency", "ms", Better::Down).main()
        .help("Mean time from a request's arrival to the limiter's decision."),
    STUCK = Number::new("stuck_keys", "Stuck keys", "", Better::Down).main()
        .help("Keys in the store that nothing will ever expire."),
    IN_WINDOW = Number::new("in_window", "Through in the last W", "", Better::Neither).plot("the abuser's count")
        .help("What went through for the abuser in the W that ends now."),
    KNOWN = Number::new("known", "Counted in the store", "", Better::Neither).plot("the abuser's count")
        .help("What the store says the abuser has used."),
    ADMITTED = Number::new("admitted", "Admitted", "", Better::Neither)
        .help("Requests of all users that went on to the API."),
    REFUSED = Number::new("refused", "Refused", "", Better::Neither)
        .help("Requests that were told no: 429, 503, or 200 with an error in it."),
    LOST = Number::new("lost", "Lost", "", Better::Down)
        .help("Requests that died with their node, or found no node up."),
    WORST_SECOND = Number::new("worst_second", "Worst second", "", Better::Down)
        .help("The most that went through for the abuser in any one second."),
    ADDED_P99 = Number::new("added_p99", "Added latency p99", "ms", Better::Down)
        .help("The slowest 1 % of decisions took longer."),
    COMMANDS = Number::new("commands", "Commands per request", "", Better::Down)
        .help("Commands and scripts that the store executed, per request that has been decided."),
    WITHOUT = Number::new("fallbacks", "Decided without the store", "", Better::Down)
        .help("Requests for which a node asked the store and got no answer in time."),
    LOST_UPDATES = Number::new("lost_updates", "Lost updates", "", Better::Down)
        .help("SETs that wrote over a count somebody else had raised since it was read."),
    UNTOLD = Number::new("untold", "Admitted, not yet told", "", Better::Down)
        .help("What the nodes have admitted for the abuser and not yet told the others: the overshoot that is possible now."),
} }

indexed! { pub mod measure: Measure {
    MAX_IN_WINDOW = Measure::new("max_in_window", &["duration"], "The most that went through for the abuser in any such span: 1s, or the limit's own window"),
    USER_ADMITTED = Measure::new("user_admitted", &["number"], "Requests of one user that went through: 0 is the abuser"),
    USER_REFUSED = Measure::new("user_refused", &["number"], "Requests of one user that were refused: 0 is the abuser"),
    SINCE_ADMITTED = Measure::new("since_admitted", &["number"], "Requests of one user that went through since the last fault began: 0 is the abuser"),
    SINCE_NORMAL = Measure::new("since_normal_ok", &[], "Share of the other users' requests since the last fault began that went through, in percent"),
} }

pub static QUESTION: Question = Question {
    slug: "distributed-rate-limit",
    version: 1,
    knobs: knob::ALL,
    acts: act::ALL,
    numbers: number::ALL,
    measures: measure::ALL,
    nodes: &["Balancer", "Nodes", "Store", "API"],
    links: &[("Balancer", "Nodes"), ("Nodes", "Store"), ("Nodes", "API")],
    sample_every: Us::ms(250),
    horizon: Us::s(1_800),
    lifetime_max: Us::s(180),
    tap: Some(act::TAP as u8),
    code: &["limit_store", "limit_code", "limit_sync", "limiter", "headers"],
    make: make::<DistributedLimit>,
};

pub static TOLD: Told = told::<DistributedLimit>(Help { knobs: knob::HELP, acts: act::HELP, numbers: number::HELP });
/// Reads its measures.
pub static READ: Read = read::<DistributedLimit>;
