//! Design a rate limiter.
//!
//! ```text
//!   client A --\                       /-- fixed window ----> admitted, refused
//!   client B ---+--> one tape of ---->+--- sliding log -----> admitted, refused
//!   neighbour -/     arrivals          \-- ... six lanes
//!        ^                                  |
//!        \------ 429, Retry-After <-- the algorithm in force
//! ```
//!
//! Six algorithms judge the same requests side by side. One of them is *in force*: its answers are
//! what the clients hear and react to, so its refusals decide which requests come back. The others
//! judge that same stream for comparison.

use crate::blocks::headers::{self, Fields};
use crate::blocks::limiter::{Algorithm, Decision, Limiter, Policy};
use crate::blocks::load::Load;
use crate::decimal::fixed;
use crate::declare::{Act, Arg, Better, Help, Knob, Knobs, Measure, Number, Question, Tone};
use crate::deque::Deque;
use crate::indexed;
use crate::kernel::{Ctx, Line, Model, Read, Setup, Stream, Tape, Told, Trace, Us, make, mix, read, told};
use crate::look::{capital, span};
use crate::measure::bracket::Bracket;

const ALGORITHMS: &[(&str, &str)] = &[
    ("fixed-window", "Fixed window"),
    ("sliding-log", "Sliding log"),
    ("sliding-counter", "Sliding counter"),
    ("token-bucket", "Token bucket"),
    ("gcra", "GCRA"),
    ("leaky-queue", "Leaky bucket (queue)"),
];
const PATTERNS: &[(&str, &str)] = &[
    ("boundary", "Attack on the window's edge"),
    ("poisson", "Poisson"),
    ("greedy", "Greedy: evenly spaced, never stops"),
    ("on-off", "On and off"),
    ("taps", "Only my own taps"),
];
const REACTIONS: &[(&str, &str)] = &[
    ("ignore", "Gives up at once"),
    ("honour", "Waits as told"),
    ("jitter", "Waits as told, plus a random spread"),
    ("hammer", "Tries again every 100 ms"),
];
const FIELD_SETS: &[(&str, &str)] = &[
    ("draft", "RateLimit, RateLimit-Policy, Retry-After"),
    ("legacy", "RateLimit-Limit, -Remaining, -Reset"),
    ("bare", "A bare 429"),
];

indexed! { pub mod knob: Knob {
    ALGORITHM = Knob::choice("algorithm", "Algorithm in force", ALGORITHMS, 0).convention().main()
        .help("Whose answers the clients hear. The other lanes judge the same requests."),
    LIMIT = Knob::int("limit", "Limit N", 100, 1, 1_000).unit("req").log().convention().main()
        .help("What is promised for each window."),
    WINDOW = Knob::float("window", "Window W", 60.0, 0.5, 3_600.0, 0.5).unit("s").log().convention().main()
        .help("The span that the limit speaks of."),
    BURST = Knob::int("burst", "Bucket size B", 100, 1, 10_000).unit("tokens").log().convention().main()
        .help("Burst that bucket and GCRA allow, places in the queue. The three windows have no such setting."),
    PATTERN = Knob::choice("pattern", "Arrivals", PATTERNS, 0).main()
        .help("What the clients send by themselves. Taps and bursts come on top."),
    LOAD = Knob::float("load", "Offered load", 1.0, 0.1, 20.0, 0.1).unit("× limit").log().live()
        .help("How much each client sends, as a multiple of its limit."),
    EDGE = Knob::float("edge", "First window edge", 2.0, 0.0, 3_600.0, 0.1).unit("s")
        .help("When the first window of the calendar ends: the run begins this long before an edge."),
    SPREAD = Knob::int("spread", "Length of each attack", 100, 0, 10_000).unit("ms")
        .help("The attack sends N in so long before an edge and N in so long after it."),
    ON = Knob::float("on", "On for", 10.0, 0.1, 600.0, 0.1).unit("s").log()
        .help("How long an on-off client sends."),
    OFF = Knob::float("off", "Off for", 50.0, 0.1, 600.0, 0.1).unit("s").log()
        .help("How long it is silent, while a bucket fills up."),
    COST = Knob::int("cost", "Cost of a request", 1, 1, 100).unit("units").live()
        .help("What each request takes from the limit. A limit by cost instead of by count."),
    CLIENTS = Knob::int("clients", "Clients", 1, 1, 6)
        .help("Each has its own state and its own traffic. A silent neighbour is always there too."),
    TIERS = Knob::choice("tiers", "Tiers", &[("one", "The same limit for everybody"), ("two", "A, C and E pay for more")], 0)
        .help("Whether some clients have a larger limit."),
    PAID = Knob::int("paid-factor", "Limit of the paid tier", 10, 1, 20).unit("×")
        .help("How many times the limit and the bucket a paying client has."),
    KEY = Knob::choice("key", "Counted by", &[("user", "User or API key"), ("address", "Address: all are behind one NAT")], 0)
        .help("Whose requests share one state. Behind one address all clients share one limit."),
    REACTION = Knob::choice("reaction", "A refused client", REACTIONS, 0).live()
        .help("What a client does when it is refused."),
    JITTER = Knob::float("jitter", "Random spread", 10.0, 0.1, 120.0, 0.1).unit("s").log().live()
        .help("A client that waits with jitter adds a random time up to this."),
    TRIES = Knob::int("tries", "Tries for a request", 3, 1, 20).live()
        .help("After so many refusals a client gives up."),
    FIELDS = Knob::choice("fields", "Response fields", FIELD_SETS, 0)
        .fact("RFC 9110; draft-ietf-httpapi-ratelimit-headers-11").live()
        .help("What a refusal says. Without a time to wait, clients wait 1 s, then 2, 4 and so on."),
    FAILURE = Knob::choice("on-failure", "Store unreachable", &[("open", "Let everything through"), ("closed", "Refuse everything")], 0).live()
        .help("What the limiter does while it cannot reach its store."),
    LANE_FIXED = Knob::toggle("lane-fixed-window", "Lane: fixed window", true).live().help("Judge with a fixed window too."),
    LANE_LOG = Knob::toggle("lane-sliding-log", "Lane: sliding log", true).live().help("Judge with a sliding log too."),
    LANE_COUNTER = Knob::toggle("lane-sliding-counter", "Lane: sliding counter", true).live().help("Judge with a sliding counter too."),
    LANE_BUCKET = Knob::toggle("lane-token-bucket", "Lane: token bucket", true).live().help("Judge with a token bucket too."),
    LANE_GCRA = Knob::toggle("lane-gcra", "Lane: GCRA", true).live().help("Judge with GCRA too."),
    LANE_QUEUE = Knob::toggle("lane-leaky-queue", "Lane: leaky bucket", true).live().help("Judge with a leaky bucket too."),
} }

const CLIENT: Arg = Arg::int("client", "Client", 1, 1, 6).help("1 is client A.");

indexed! { pub mod act: Act {
    TAP = Act { key: "tap", label: "Send one request", hotkey: 't', fault: false,
        args: &[CLIENT], help: "One request, here and now." },
    BURST = Act { key: "burst", label: "Burst", hotkey: 'b', fault: true,
        args: &[
            Arg::int("count", "Requests", 100, 1, 10_000),
            Arg::int("spread_ms", "Within", 0, 0, 60_000).unit("ms"),
            CLIENT,
        ], help: "Many requests at once, or evenly within a time." },
    SURGE = Act { key: "surge", label: "Traffic ×10", hotkey: 'x', fault: true,
        args: &[
            Arg::int("factor", "Times", 10, 2, 100),
            Arg::int("seconds", "For", 10, 1, 600).unit("s"),
        ], help: "Every client sends so many times as much for a while." },
    NOISY = Act { key: "noisy", label: "Neighbour", hotkey: 'h', fault: true,
        args: &[
            Arg::int("factor", "Times its limit", 20, 1, 100),
            Arg::int("seconds", "For", 20, 1, 600).unit("s"),
        ], help: "Another client sends many times its limit." },
    CLOCK = Act { key: "clock", label: "Clock step", hotkey: 'c', fault: true,
        args: &[Arg::int("seconds", "By", -30, -3_600, 3_600).unit("s")],
        help: "The limiter's clock jumps. The true time does not." },
    RESTART = Act { key: "restart", label: "Lose state", hotkey: 'r', fault: true, args: &[],
        help: "The store restarts empty: every key is as good as new." },
    DOWN = Act { key: "store_down", label: "Store down", hotkey: 'd', fault: true,
        args: &[Arg::int("seconds", "For", 10, 1, 600).unit("s")],
        help: "The limiter cannot reach its state." },
} }

indexed! { pub mod number: Number {
    ADMITTED = Number::new("admitted", "Admitted", "", Better::Neither).main()
        .help("Requests that the algorithm in force let through."),
    REFUSED = Number::new("refused", "Refused", "", Better::Neither).main()
        .help("Requests that it answered with 429 (or 503 while the store is down and it fails closed)."),
    WORST_WINDOW = Number::new("worst_window", "Worst window", "", Better::Down).main()
        .help("The most that went through for one key in any span of length W, wherever it starts."),
    WORST_SECOND = Number::new("worst_second", "Worst second", "", Better::Down)
        .help("The most that went through for one key in any one second."),
    RETRY_AFTER = Number::new("retry_after", "Retry after", "s", Better::Down)
        .help("What client A would be told now; 0 if a request would pass."),
    IN_WINDOW = Number::new("in_window", "Through in the last W", "", Better::Neither).plot("through in the last W, one key")
        .help("What went through for the busiest key in the W that ends now."),
    IN_SECOND = Number::new("in_second", "Through in the last second", "", Better::Neither).plot("through in the last second, one key")
        .help("What went through for the busiest key in the last second."),
    DENY_RATE = Number::new("deny_rate", "Share refused", "%", Better::Down)
        .help("Share of all requests that was refused."),
    DENY_WORST = Number::new("deny_worst", "Worst client refused", "%", Better::Down)
        .help("The same share for the client that has it worst."),
    HEADROOM = Number::new("headroom", "Headroom", "%", Better::Up)
        .help("What is left of the limit or the bucket now, for the key that has the least."),
    KEY_BYTES = Number::new("key_bytes", "State of a key", "B", Better::Down)
        .help("Bytes of values that the algorithm in force stores for its largest key."),
    TOO_MANY = Number::new("wrongly_admitted", "Wrongly admitted", "%", Better::Down)
        .help("Share of requests admitted although an exact log of what went through says N were used."),
    TOO_FEW = Number::new("wrongly_refused", "Wrongly refused", "%", Better::Down)
        .help("Share of requests refused although that log has room."),
    RETURNS = Number::new("returns", "Returned", "", Better::Neither)
        .help("Requests that came again after a refusal."),
    WORST_RETURN = Number::new("worst_return", "Worst second of returns", "", Better::Down)
        .help("The most clients that came back in any one second."),
    GAVE_UP = Number::new("gave_up", "Given up", "", Better::Down)
        .help("Requests whose client stopped trying."),
    WAITING = Number::new("waiting", "Waiting in the queue", "", Better::Down)
        .help("Accepted by the leaky bucket and not yet let go."),
    WAIT_MAX = Number::new("wait_max", "Longest wait in the queue", "s", Better::Down)
        .help("The leaky bucket turns bursts into waiting; this is the longest."),
} }

indexed! { pub mod measure: Measure {
    MAX_IN_WINDOW = Measure::new("max_in_window", &["duration"], "The most that went through for one key in any such span: 1s, or the limit's own window"),
    LANE_ADMITTED = Measure::new("lane_admitted", &["number"], "Requests admitted by a lane: 0 fixed window, 1 log, 2 counter, 3 bucket, 4 GCRA, 5 queue"),
    LANE_WORST_WINDOW = Measure::new("lane_worst_window", &["number"], "The worst window of a lane, numbered as in lane_admitted"),
    LANE_WORST_SECOND = Measure::new("lane_worst_second", &["number"], "The worst second of a lane, numbered as in lane_admitted"),
    LANE_BYTES = Measure::new("lane_bytes", &["number"], "Bytes a lane stores for its largest key, numbered as in lane_admitted"),
    CLIENT_ADMITTED = Measure::new("client_admitted", &["number"], "Requests of one client that were admitted: 1 is client A, 7 the neighbour"),
    CLIENT_DENY = Measure::new("client_deny_rate", &["number"], "Share of one client's requests that was refused, in percent: 1 is client A, 7 the neighbour"),
    CLIENT_REFUSED = Measure::new("client_refused", &["number"], "Requests of one client that were refused: 1 is client A, 7 the neighbour"),
} }

pub static QUESTION: Question = Question {
    slug: "rate-limiter-design",
    version: 1,
    knobs: knob::ALL,
    acts: act::ALL,
    numbers: number::ALL,
    measures: measure::ALL,
    nodes: &["Clients", "Limiter", "API"],
    links: &[("Clients", "Limiter"), ("Limiter", "API")],
    sample_every: Us::ms(250),
    horizon: Us::s(600),
    lifetime_max: Us::s(300),
    tap: Some(act::TAP as u8),
    code: &["limiter", "headers"],
    make: make::<RateLimiter>,
};

pub static TOLD: Told = told::<RateLimiter>(Help { knobs: knob::HELP, acts: act::HELP, numbers: number::HELP });
/// Reads its measures.
pub static READ: Read = read::<RateLimiter>;

/// Clients A to F and the neighbour.
pub const CLIENTS_MAX: usize = 7;
pub const NEIGHBOUR: usize = 6;
/// So many of the latest requests are kept for the picture; older ones are only in the totals.
pub const RECENT_MAX: usize = 2_000;
/// So many clients can wait to come back; one more gives up at once.
const RETURNS_MAX: u64 = 20_000;
const SECOND: Us = Us::s(1);

#[derive(Clone, Copy, Debug)]
pub enum Event {
    /// The next Poisson arrival of a client.
    Arrive {
        client: u8,
        generation: u32,
    },
    /// The next request of a greedy client.
    Next {
        client: u8,
        generation: u32,
    },
    /// An on-off client starts or stops.
    Switch {
        on: bool,
    },
    /// The next half of an attack begins.
    Attack {
        half: u32,
    },
    /// Request `sent` of `count`, evenly from `start` on.
    Volley {
        client: u8,
        sent: u32,
        count: u32,
        start: Us,
        spread: Us,
    },
    /// A refused request comes again.
    Return {
        client: u8,
        attempt: u8,
        request: u32,
        since: Us,
    },
    /// The queue lets a request go.
    Release {
        key: u8,
        epoch: u8,
        cost: u8,
        request: u32,
    },
    SurgeEnds {
        generation: u32,
    },
    NoiseEnds {
        generation: u32,
    },
    StoreUp {
        generation: u32,
    },
}

impl Trace for Event {
    fn word(&self) -> u64 {
        let of = |kind: u64, a: u64, b: u64| kind << 60 | a << 40 | b;
        match *self {
            Event::Arrive { client, generation } => of(0, u64::from(client), u64::from(generation)),
            Event::Next { client, generation } => of(1, u64::from(client), u64::from(generation)),
            Event::Switch { on } => of(2, 0, u64::from(on)),
            Event::Attack { half } => of(3, 0, u64::from(half)),
            Event::Volley { client, sent, .. } => of(4, u64::from(client), u64::from(sent)),
            Event::Return { attempt, request, .. } => of(5, u64::from(attempt), u64::from(request)),
            Event::Release { key, request, .. } => of(6, u64::from(key), u64::from(request)),
            Event::SurgeEnds { generation } => of(7, 0, u64::from(generation)),
            Event::NoiseEnds { generation } => of(7, 1, u64::from(generation)),
            Event::StoreUp { generation } => of(7, 2, u64::from(generation)),
        }
    }
}

/// What the log and a request's story are made of.
mod code {
    pub const ARRIVES: u8 = 0;
    pub const COMES_BACK: u8 = 1;
    pub const REFUSING: u8 = 2;
    pub const ADMITTING: u8 = 3;
    pub const OTHERS: u8 = 4;
    pub const ADMITTED: u8 = 5;
    pub const REFUSED: u8 = 6;
    pub const WILL_RETURN: u8 = 7;
    pub const GIVES_UP: u8 = 8;
    pub const WAITS: u8 = 9;
    pub const RELEASED: u8 = 10;
    pub const OVER: u8 = 11;
    pub const BURST: u8 = 12;
    pub const SURGE: u8 = 13;
    pub const SURGE_ENDS: u8 = 14;
    pub const NOISE: u8 = 15;
    pub const NOISE_ENDS: u8 = 16;
    pub const CLOCK: u8 = 17;
    pub const RESTART: u8 = 18;
    pub const DOWN: u8 = 19;
    pub const UP: u8 = 20;
    pub const KNOB: u8 = 21;
    pub const BLIND: u8 = 22;
    pub const NEVER: u8 = 23;
    /// 32 + algorithm: why it decided so.
    pub const WHY: u8 = 32;
}

/// One request as the picture and the inspector need it.
#[derive(Clone, Copy, Debug)]
pub struct Mark {
    pub at: Us,
    pub request: u32,
    pub client: u8,
    /// 1 for the first try.
    pub attempt: u8,
    pub cost: u8,
    /// Bit i: lane i was on, and lane i admitted it.
    pub judged: u8,
    pub admitted: u8,
    /// The store could not be reached.
    pub blind: bool,
    /// How long the queue's lane holds it.
    pub held: Us,
    /// What the algorithm in force said.
    pub said: Decision,
}

impl Mark {
    pub fn passed(&self, lane: usize) -> Option<bool> {
        (self.judged >> lane & 1 == 1).then_some(self.admitted >> lane & 1 == 1)
    }
}

/// One algorithm's state for one key, and what went through.
#[derive(Clone, Debug)]
pub struct KeyLane {
    pub limiter: Limiter,
    pub window: Bracket,
    pub second: Bracket,
    told_over: u64,
}

/// What one algorithm has done over all keys.
#[derive(Clone, Copy, Debug, Default)]
pub struct Lane {
    pub on: bool,
    epoch: u8,
    pub offered: u64,
    pub admitted: u64,
    pub refused: u64,
    /// Decisions that an exact log of what went through would have made otherwise.
    too_many: u64,
    too_few: u64,
}

#[derive(Clone, Debug)]
pub struct KeyState {
    pub policy: Policy,
    pub lanes: [KeyLane; 6],
}

#[derive(Clone, Debug)]
struct Sender {
    load: Load,
    /// A greedy client's requests are counted from here.
    since: Us,
    sent: u64,
    generation: u32,
}

#[derive(Clone, Copy, Debug, Default)]
pub struct ClientTotals {
    pub admitted: u64,
    pub refused: u64,
    /// Refused in a row up to now.
    streak: u64,
}

#[derive(Clone)]
pub struct RateLimiter {
    seed: u64,
    knobs: Knobs,
    pub force: Algorithm,
    pub fields: Fields,
    senders: Vec<Sender>,
    pub keys: Vec<KeyState>,
    pub lanes: [Lane; 6],
    pub clients: [ClientTotals; CLIENTS_MAX],
    pub recent: Deque<Mark>,
    pub last_refusal: Option<Mark>,
    /// What the limiter's clock shows beyond the true time, in microseconds.
    offset: i64,
    /// When that last changed.
    pub stepped_at: Us,
    /// Whether the calendar, the state or the store has been tampered with: then no bound holds.
    tampered: bool,
    down_until: Option<Us>,
    down_generation: u32,
    surge: f64,
    surge_generation: u32,
    noise: f64,
    noise_generation: u32,
    sending: bool,
    next_request: u32,
    cost_max: u64,
    arrivals: u64,
    served: u64,
    failed: u64,
    gave_up: u64,
    pending: u64,
    returns: u64,
    returning: Bracket,
    waiting: u64,
    released: u64,
    dropped: u64,
    wait_max: Us,
}

/// "client A" or "the neighbour".
pub fn client_name(client: usize) -> String {
    match client {
        NEIGHBOUR => "the neighbour".to_string(),
        c => format!("client {}", (b'A' + c as u8) as char),
    }
}

/// Two small numbers in one of a line's values.
fn pack(high: u64, low: u64) -> i64 {
    ((high.min(1 << 30) << 32) | low.min(u64::from(u32::MAX))) as i64
}
fn unpack(both: i64) -> (u64, u64) {
    (both as u64 >> 32, both as u64 & u64::from(u32::MAX))
}

impl RateLimiter {
    fn clients(&self) -> usize {
        self.knobs.int(knob::CLIENTS) as usize
    }

    /// The index of the key that a client's requests are counted under.
    pub fn key_of(&self, client: usize) -> usize {
        if self.by_address() { 0 } else { client }
    }

    pub fn by_address(&self) -> bool {
        self.knobs.choice(knob::KEY) == 1
    }

    /// Clients that exist: those that were asked for, and the neighbour once it has been heard.
    pub fn present(&self) -> impl Iterator<Item = usize> + '_ {
        let heard = |c: usize| self.clients[c].admitted + self.clients[c].refused > 0;
        (0..CLIENTS_MAX).filter(move |c| *c < self.clients() || heard(*c) || (*c == NEIGHBOUR && self.noise > 0.0))
    }

    /// Keys with traffic.
    pub fn keys_present(&self) -> impl Iterator<Item = &KeyState> + '_ {
        let one = self.by_address();
        self.present().filter(move |c| !one || *c == 0).map(|c| &self.keys[c])
    }

    fn policy_for(knobs: &Knobs, client: usize) -> Policy {
        let pays = knobs.choice(knob::TIERS) == 1 && client.is_multiple_of(2) && client != NEIGHBOUR;
        let factor = if pays { knobs.int(knob::PAID) } else { 1 };
        Policy {
            limit: knobs.int(knob::LIMIT) * factor,
            window: knobs.s(knob::WINDOW),
            burst: knobs.int(knob::BURST) * factor,
        }
    }

    fn fresh_lane(algorithm: Algorithm, window: Us) -> KeyLane {
        KeyLane {
            limiter: Limiter::new(algorithm),
            window: Bracket::new(window),
            second: Bracket::new(SECOND),
            told_over: 0,
        }
    }

    pub fn lane_in_force(&self) -> usize {
        self.force as usize
    }

    /// The reading of the limiter's clock. Its calendar has an edge at the declared first edge.
    pub fn clock(&self, now: Us) -> i64 {
        now.0 as i64 - self.knobs.s(knob::EDGE).0 as i64 + self.offset
    }

    pub fn clock_offset(&self) -> i64 {
        self.offset
    }

    /// The moments between `from` and `to` at which the calendar turns over, by the limiter's clock
    /// as it is set now: at most `most` of them.
    pub fn edges(&self, from: Us, to: Us, most: usize) -> impl Iterator<Item = Us> + use<> {
        let window = self.policy().window.0 as i64;
        let from = from.max(self.stepped_at);
        let first = self.clock(from).div_euclid(window) + i64::from(self.clock(from).rem_euclid(window) > 0);
        let shift = from.0 as i64 - self.clock(from);
        (first..).map(move |k| Us((k * window + shift).max(0) as u64)).take_while(move |t| *t <= to).take(most)
    }

    pub fn store_down_until(&self) -> Option<Us> {
        self.down_until
    }

    pub fn cost(&self) -> u64 {
        self.knobs.int(knob::COST)
    }

    pub fn policy(&self) -> &Policy {
        &self.keys[0].policy
    }

    pub fn arrivals(&self) -> u64 {
        self.arrivals
    }

    /// Requests a second that a client offers now.
    fn rate(&self, client: usize) -> f64 {
        let p = Self::policy_for(&self.knobs, client);
        let base = p.limit as f64 / p.window.as_s();
        match client {
            NEIGHBOUR => self.noise * base,
            _ => self.knobs.get(knob::LOAD) * self.surge * base,
        }
    }

    fn pattern(&self) -> &'static str {
        PATTERNS[self.knobs.choice(knob::PATTERN)].0
    }

    /// Brings a client's stream in line with the rate it should have now.
    fn pace(&mut self, client: usize, ctx: &mut Ctx<Event>) {
        let rate = self.rate(client);
        let stream = match self.pattern() {
            "poisson" => rate,
            "on-off" if self.sending => rate,
            _ if client == NEIGHBOUR => rate,
            _ => 0.0,
        };
        let sender = &mut self.senders[client];
        sender.load.set_rate(ctx.now, stream);
        self.next_arrival(client, ctx);
        if self.pattern() == "greedy" && client != NEIGHBOUR {
            let sender = &mut self.senders[client];
            sender.generation += 1;
            sender.since = ctx.now;
            sender.sent = 0;
            self.next_greedy(client, ctx);
        }
    }

    fn pace_all(&mut self, ctx: &mut Ctx<Event>) {
        for client in 0..self.clients() {
            self.pace(client, ctx);
        }
    }

    fn next_arrival(&self, client: usize, ctx: &mut Ctx<Event>) {
        let load = &self.senders[client].load;
        if let Some(at) = load.due() {
            let (client, generation) = (client as u8, load.generation);
            ctx.at(at, Event::Arrive { client, generation });
        }
    }

    /// Greedy requests lie on an exact grid: number i at i/rate, not a sum of rounded gaps.
    fn next_greedy(&self, client: usize, ctx: &mut Ctx<Event>) {
        let rate = self.rate(client);
        if rate <= 0.0 {
            return;
        }
        let sender = &self.senders[client];
        // Several clients take turns, so that they do not all knock at the same microsecond.
        let turn = client as f64 / self.clients() as f64;
        let at = sender.since + Us::from_s((sender.sent as f64 + turn) / rate);
        let (client, generation) = (client as u8, sender.generation);
        ctx.at(at, Event::Next { client, generation });
    }

    /// How long each half of an attack lasts: never more than half a window.
    fn spread(&self) -> Us {
        let half = Us(self.policy().window.0 / 2);
        Us::ms(self.knobs.int(knob::SPREAD)).min(half)
    }

    /// Attacks straddle every second edge: the quota spent just after one is gone before the next.
    fn schedule_attack(&self, half: u32, ctx: &mut Ctx<Event>) {
        let window = self.policy().window;
        // With the first edge at zero there is nothing before it to attack from.
        let edge = self.knobs.s(knob::EDGE);
        let first = if edge < self.spread() || edge == Us::ZERO { edge + window } else { edge };
        let edge = first + window * 2 * u64::from(half / 2);
        let at = if half.is_multiple_of(2) { edge - self.spread() } else { edge };
        ctx.at(at, Event::Attack { half });
    }

    fn attack(&mut self, half: u32, ctx: &mut Ctx<Event>) {
        for client in 0..self.clients() {
            let limit = self.keys[client].policy.limit as f64;
            let count = libm::round(limit * self.knobs.get(knob::LOAD) * self.surge) as u32;
            self.volley(client, count.max(1), self.spread(), ctx);
        }
        self.schedule_attack(half + 1, ctx);
    }

    fn volley(&mut self, client: usize, count: u32, spread: Us, ctx: &mut Ctx<Event>) {
        let client = client as u8;
        let start = ctx.now;
        ctx.at(start, Event::Volley { client, sent: 0, count, start, spread });
    }

    /// A new request reaches the limiter.
    fn arrive(&mut self, client: usize, ctx: &mut Ctx<Event>) {
        let request = self.next_request;
        self.next_request += 1;
        self.arrivals += 1;
        ctx.step(Tone::Flight, code::ARRIVES, request, client as i64, self.cost() as i64);
        self.judge(client, request, 1, ctx);
    }

    /// All lanes judge one request; the one in force answers.
    fn judge(&mut self, client: usize, request: u32, attempt: u8, ctx: &mut Ctx<Event>) {
        let cost = self.cost();
        self.cost_max = self.cost_max.max(cost);
        let blind = self.down_until.is_some();
        let (mut judged, mut admitted) = (0u8, 0u8);
        let mut held = Us::ZERO;
        let mut said = None;
        for lane in 0..6 {
            if !self.lanes[lane].on {
                continue;
            }
            let d = if blind {
                self.ask_blind(lane, client, cost, ctx)
            } else {
                self.ask(lane, client, cost, request, ctx)
            };
            judged |= 1 << lane;
            admitted |= u8::from(d.admitted) << lane;
            if lane == Algorithm::LeakyQueue as usize {
                held = d.wait;
            }
            if lane == self.lane_in_force() {
                said = Some(d);
            }
        }
        let Some(said) = said else {
            // The lane in force is always on.
            return;
        };
        let mark = Mark {
            at: ctx.now,
            request,
            client: client as u8,
            attempt,
            cost: cost as u8,
            judged,
            admitted,
            blind,
            held,
            said,
        };
        if self.recent.len() == RECENT_MAX {
            self.recent.pop_front();
        }
        self.recent.push_back(mark);
        ctx.mix(u64::from(admitted) << 8 | u64::from(judged) | (said.remaining << 16));
        let others = pack(u64::from(judged), u64::from(admitted));
        ctx.step(Tone::Info, code::OTHERS, request, others, self.lane_in_force() as i64);
        if said.admitted {
            self.admit(client, request, &said, ctx);
        } else {
            self.last_refusal = Some(mark);
            self.refuse(client, request, attempt, &said, ctx);
        }
    }

    /// One lane decides from its state.
    fn ask(&mut self, lane: usize, client: usize, cost: u64, request: u32, ctx: &mut Ctx<Event>) -> Decision {
        let clock = self.clock(ctx.now);
        let key = self.key_of(client);
        let in_force = lane == self.lane_in_force();
        let KeyState { policy, lanes } = &mut self.keys[key];
        let state = &mut lanes[lane];
        let used = in_force.then(|| state.limiter.used(policy, clock));
        let d = state.limiter.ask(policy, clock, cost);
        let exact = state.window.count(ctx.now) + cost <= policy.limit;
        let totals = &mut self.lanes[lane];
        totals.offered += 1;
        if d.admitted {
            totals.admitted += 1;
            totals.too_many += u64::from(!exact);
        } else {
            totals.refused += 1;
            totals.too_few += u64::from(exact);
        }
        if let Some(used) = used {
            let tone = if d.admitted { Tone::Ok } else { Tone::Rejected };
            let size = match Algorithm::ALL[lane] {
                Algorithm::FixedWindow | Algorithm::SlidingLog | Algorithm::SlidingCounter => policy.limit,
                _ => policy.burst,
            };
            let milli = (used * 1_000.0) as u64;
            ctx.step(tone, code::WHY + lane as u8, request, pack(size, milli), cost as i64);
        }
        if d.admitted && lane == Algorithm::LeakyQueue as usize && d.wait > Us::ZERO {
            self.waiting += 1;
            self.wait_max = self.wait_max.max(d.wait);
            let epoch = self.lanes[lane].epoch;
            ctx.after(d.wait, Event::Release { key: key as u8, epoch, cost: cost as u8, request });
        } else if d.admitted {
            self.through(lane, key, cost, request, ctx);
        }
        d
    }

    /// No state, no judgement: everything passes, or nothing does.
    fn ask_blind(&mut self, lane: usize, client: usize, cost: u64, ctx: &mut Ctx<Event>) -> Decision {
        let admitted = self.knobs.choice(knob::FAILURE) == 0;
        let totals = &mut self.lanes[lane];
        totals.offered += 1;
        totals.admitted += u64::from(admitted);
        totals.refused += u64::from(!admitted);
        if admitted {
            self.through(lane, self.key_of(client), cost, Line::NO_REQUEST, ctx);
        }
        Decision { admitted, wait: Us::ZERO, remaining: 0, retry_after: None, more_after: None, reset_after: Us::ZERO }
    }

    /// A request goes on to the API: what the brackets measure.
    fn through(&mut self, lane: usize, key: usize, cost: u64, request: u32, ctx: &mut Ctx<Event>) {
        let KeyState { policy, lanes } = &mut self.keys[key];
        let state = &mut lanes[lane];
        state.window.add(ctx.now, cost);
        state.second.add(ctx.now, cost);
        let worst = state.window.worst();
        // Worth a line when the promise is first broken, and again at twice the promise.
        let over = if worst >= 2 * policy.limit { 2 } else { u64::from(worst > policy.limit) };
        if over > state.told_over {
            state.told_over = over;
            if lane == self.force as usize {
                let (from, to) = state.window.worst_span();
                ctx.log(Tone::Stale, code::OVER, request, pack(worst, policy.limit), (to - from).0 as i64);
            }
        }
    }

    fn admit(&mut self, client: usize, request: u32, d: &Decision, ctx: &mut Ctx<Event>) {
        self.served += 1;
        let totals = &mut self.clients[client];
        totals.admitted += 1;
        let streak = core::mem::take(&mut totals.streak);
        if streak > 0 {
            ctx.log(Tone::Ok, code::ADMITTING, request, client as i64, streak as i64);
        }
        if d.wait > Us::ZERO {
            ctx.step(Tone::Waiting, code::WAITS, request, d.wait.0 as i64, 0);
        } else {
            ctx.step(Tone::Ok, code::ADMITTED, request, d.remaining as i64, 0);
        }
    }

    fn refuse(&mut self, client: usize, request: u32, attempt: u8, d: &Decision, ctx: &mut Ctx<Event>) {
        ctx.bad();
        let totals = &mut self.clients[client];
        totals.refused += 1;
        totals.streak += 1;
        if totals.streak == 1 {
            let after = d.retry_after.map_or(-1, |t| t.0 as i64);
            ctx.log(Tone::Rejected, code::REFUSING, request, client as i64, after);
        }
        match d.retry_after {
            Some(after) => {
                let seconds = headers::whole_seconds(after) as i64;
                ctx.step(Tone::Rejected, code::REFUSED, request, after.0 as i64, seconds);
            }
            None if self.down_until.is_some() => ctx.step(Tone::Rejected, code::BLIND, request, 0, 0),
            None => ctx.step(Tone::Rejected, code::NEVER, request, self.cost() as i64, 0),
        }
        match self.wait_before_return(request, attempt, d) {
            Some(wait) if self.pending < RETURNS_MAX => {
                self.pending += 1;
                ctx.mix(wait.0);
                ctx.step(Tone::Waiting, code::WILL_RETURN, request, wait.0 as i64, i64::from(attempt));
                let since = ctx.now;
                ctx.after(wait, Event::Return { client: client as u8, attempt: attempt + 1, request, since });
            }
            _ => {
                self.failed += 1;
                if attempt > 1 {
                    self.gave_up += 1;
                }
                ctx.step(Tone::Rejected, code::GIVES_UP, request, i64::from(attempt), 0);
            }
        }
    }

    /// What the client makes of the refusal: when it comes again, if at all.
    fn wait_before_return(&self, request: u32, attempt: u8, d: &Decision) -> Option<Us> {
        let hopeless = d.retry_after.is_none() && self.down_until.is_none();
        if hopeless || u64::from(attempt) >= self.knobs.int(knob::TRIES) {
            return None;
        }
        // A client that is told nothing waits 1 s, then 2, 4 and so on.
        let own = SECOND * (1 << u64::from(attempt - 1).min(10));
        let told = headers::told_to_wait(self.fields, d).unwrap_or(own);
        match REACTIONS[self.knobs.choice(knob::REACTION)].0 {
            "honour" => Some(told),
            "jitter" => {
                let spread = self.knobs.s(knob::JITTER);
                let mut chance =
                    Stream::new(self.seed, "client", "jitter", u64::from(request) << 8 | u64::from(attempt));
                Some(told + Us::from_us(chance.unit() * spread.0 as f64))
            }
            "hammer" => Some(Us::ms(100)),
            _ => None,
        }
    }

    fn set_lane(&mut self, lane: usize, on: bool) {
        let on = on || lane == self.lane_in_force();
        if on == self.lanes[lane].on {
            return;
        }
        // A lane that is switched on again knows nothing of the past.
        let epoch = self.lanes[lane].epoch.wrapping_add(1);
        self.lanes[lane] = Lane { on, epoch, ..Lane::default() };
        for key in &mut self.keys {
            key.lanes[lane] = Self::fresh_lane(Algorithm::ALL[lane], key.policy.window);
        }
        if lane == Algorithm::LeakyQueue as usize {
            self.dropped += self.waiting;
            self.waiting = 0;
        }
    }

    fn read_live(&mut self, knobs: &Knobs) {
        self.knobs = knobs.clone();
        self.fields = Fields::ALL[knobs.choice(knob::FIELDS)];
        for lane in 0..6 {
            self.set_lane(lane, knobs.on(knob::LANE_FIXED + lane));
        }
    }

    /// The largest value over the keys of something that a lane has for each.
    fn most(&self, lane: usize, of: impl Fn(&KeyState, &KeyLane) -> u64) -> u64 {
        self.keys_present().map(|k| of(k, &k.lanes[lane])).max().unwrap_or(0)
    }

    pub fn worst_window(&self, lane: usize) -> u64 {
        self.most(lane, |_, l| l.window.worst())
    }

    pub fn worst_second(&self, lane: usize) -> u64 {
        self.most(lane, |_, l| l.second.worst())
    }

    /// The fullest window of a lane: how many, from when, to when.
    pub fn worst_bracket(&self, lane: usize) -> Option<(u64, Us, Us)> {
        self.keys_present()
            .map(|k| &k.lanes[lane].window)
            .max_by_key(|b| b.worst())
            .filter(|b| b.worst() > 0)
            .map(|b| (b.worst(), b.worst_span().0, b.worst_span().1))
    }

    /// What went through for the busiest key in the window that ends now.
    pub fn in_window(&self, lane: usize, now: Us) -> u64 {
        self.most(lane, |_, l| l.window.count(now))
    }

    pub fn stored_bytes(&self, lane: usize) -> u64 {
        self.most(lane, |_, l| l.limiter.stored_bytes() as u64)
    }

    /// The fields that answered a request, as they are written on the wire.
    pub fn response(&self, mark: &Mark) -> Vec<(&'static str, String)> {
        let policy = &self.keys[self.key_of(mark.client as usize)].policy;
        if mark.blind {
            return Vec::new();
        }
        headers::fields(self.fields, policy, &mark.said)
    }

    /// The status line of the answer to a request.
    pub fn status(&self, mark: &Mark) -> &'static str {
        match (mark.said.admitted, mark.blind) {
            (true, _) => "200 OK",
            (false, false) => "429 Too Many Requests",
            (false, true) => "503 Service Unavailable",
        }
    }

    fn share(part: u64, whole: u64) -> Option<f64> {
        (whole > 0).then(|| 100.0 * part as f64 / whole as f64)
    }
}

impl Model for RateLimiter {
    type Event = Event;

    fn new(setup: &Setup) -> RateLimiter {
        let knobs = setup.knobs.clone();
        let force = Algorithm::ALL[knobs.choice(knob::ALGORITHM)];
        // Each client has a tape of its own: one client's traffic never shifts another's.
        let senders = (0..CLIENTS_MAX as u64)
            .map(|c| Sender {
                load: Load::new(Tape::new(mix(setup.seed.wrapping_add(c << 32))), 0.0),
                since: Us::ZERO,
                sent: 0,
                generation: 0,
            })
            .collect();
        let keys = (0..CLIENTS_MAX)
            .map(|c| {
                let policy = Self::policy_for(&knobs, c);
                KeyState { policy, lanes: Algorithm::ALL.map(|a| Self::fresh_lane(a, policy.window)) }
            })
            .collect();
        let mut model = RateLimiter {
            seed: setup.seed,
            knobs: knobs.clone(),
            force,
            fields: Fields::Draft,
            senders,
            keys,
            lanes: [Lane::default(); 6],
            clients: [ClientTotals::default(); CLIENTS_MAX],
            recent: Deque::new(),
            last_refusal: None,
            offset: 0,
            stepped_at: Us::ZERO,
            tampered: false,
            down_until: None,
            down_generation: 0,
            surge: 1.0,
            surge_generation: 0,
            noise: 0.0,
            noise_generation: 0,
            sending: true,
            next_request: 0,
            cost_max: 1,
            arrivals: 0,
            served: 0,
            failed: 0,
            gave_up: 0,
            pending: 0,
            returns: 0,
            returning: Bracket::new(SECOND),
            waiting: 0,
            released: 0,
            dropped: 0,
            wait_max: Us::ZERO,
        };
        model.read_live(&knobs);
        model
    }

    fn start(&mut self, ctx: &mut Ctx<Event>) {
        self.pace_all(ctx);
        match self.pattern() {
            "boundary" => self.schedule_attack(0, ctx),
            "on-off" => ctx.after(self.knobs.s(knob::ON), Event::Switch { on: false }),
            _ => {}
        }
    }

    fn on(&mut self, event: Event, ctx: &mut Ctx<Event>) {
        match event {
            Event::Arrive { client, generation } => {
                let client = client as usize;
                if generation == self.senders[client].load.generation {
                    self.senders[client].load.arrive(ctx.now);
                    self.arrive(client, ctx);
                    self.next_arrival(client, ctx);
                }
            }
            Event::Next { client, generation } => {
                let client = client as usize;
                if generation == self.senders[client].generation {
                    self.senders[client].sent += 1;
                    self.arrive(client, ctx);
                    self.next_greedy(client, ctx);
                }
            }
            Event::Switch { on } => {
                self.sending = on;
                self.pace_all(ctx);
                let span = self.knobs.s(if on { knob::ON } else { knob::OFF });
                ctx.after(span, Event::Switch { on: !on });
            }
            Event::Attack { half } => self.attack(half, ctx),
            Event::Volley { client, sent, count, start, spread } => {
                if sent + 1 < count {
                    let at = start + Us(spread.0 * u64::from(sent + 1) / u64::from(count));
                    ctx.at(at, Event::Volley { client, sent: sent + 1, count, start, spread });
                }
                self.arrive(client as usize, ctx);
            }
            Event::Return { client, attempt, request, since } => {
                self.pending -= 1;
                self.returns += 1;
                self.returning.add(ctx.now, 1);
                let waited = ctx.now - since;
                ctx.step(Tone::Flight, code::COMES_BACK, request, i64::from(attempt), waited.0 as i64);
                self.judge(client as usize, request, attempt, ctx);
            }
            Event::Release { key, epoch, cost, request } => {
                let lane = Algorithm::LeakyQueue as usize;
                if epoch == self.lanes[lane].epoch {
                    self.waiting -= 1;
                    self.released += 1;
                    self.through(lane, key as usize, u64::from(cost), request, ctx);
                    if self.force == Algorithm::LeakyQueue {
                        ctx.step(Tone::Ok, code::RELEASED, request, 0, 0);
                    }
                }
            }
            Event::SurgeEnds { generation } => {
                if generation == self.surge_generation {
                    self.surge = 1.0;
                    self.pace_all(ctx);
                    ctx.log(Tone::Fault, code::SURGE_ENDS, Line::NO_REQUEST, 0, 0);
                }
            }
            Event::NoiseEnds { generation } => {
                if generation == self.noise_generation {
                    self.noise = 0.0;
                    self.pace(NEIGHBOUR, ctx);
                    ctx.log(Tone::Fault, code::NOISE_ENDS, Line::NO_REQUEST, 0, 0);
                }
            }
            Event::StoreUp { generation } => {
                if generation == self.down_generation {
                    self.down_until = None;
                    ctx.log(Tone::Fault, code::UP, Line::NO_REQUEST, 0, 0);
                }
            }
        }
    }

    fn act(&mut self, act: u8, args: &[f64], ctx: &mut Ctx<Event>) {
        let arg = |i: usize| args.get(i).copied().unwrap_or(0.0);
        match act as usize {
            act::TAP => self.arrive(arg(0) as usize - 1, ctx),
            act::BURST => {
                let (count, spread, client) = (arg(0) as u32, Us::from_ms(arg(1)), arg(2) as usize - 1);
                ctx.log(Tone::Fault, code::BURST, Line::NO_REQUEST, i64::from(count), client as i64);
                self.volley(client, count, spread, ctx);
            }
            act::SURGE => {
                self.surge = arg(0);
                self.surge_generation += 1;
                self.pace_all(ctx);
                ctx.log(Tone::Fault, code::SURGE, Line::NO_REQUEST, arg(0) as i64, arg(1) as i64);
                ctx.after(Us::from_s(arg(1)), Event::SurgeEnds { generation: self.surge_generation });
            }
            act::NOISY => {
                self.noise = arg(0);
                self.noise_generation += 1;
                self.pace(NEIGHBOUR, ctx);
                ctx.log(Tone::Fault, code::NOISE, Line::NO_REQUEST, arg(0) as i64, arg(1) as i64);
                ctx.after(Us::from_s(arg(1)), Event::NoiseEnds { generation: self.noise_generation });
            }
            act::CLOCK => {
                self.offset += (arg(0) * 1e6) as i64;
                self.stepped_at = ctx.now;
                self.tampered = true;
                ctx.log(Tone::Fault, code::CLOCK, Line::NO_REQUEST, arg(0) as i64, 0);
            }
            act::RESTART => {
                self.tampered = true;
                for key in &mut self.keys {
                    for (lane, a) in key.lanes.iter_mut().zip(Algorithm::ALL) {
                        lane.limiter = Limiter::new(a);
                    }
                }
                ctx.log(Tone::Fault, code::RESTART, Line::NO_REQUEST, 0, 0);
            }
            act::DOWN => {
                self.tampered = true;
                self.down_until = Some(ctx.now + Us::from_s(arg(0)));
                self.down_generation += 1;
                let open = self.knobs.choice(knob::FAILURE) == 0;
                ctx.log(Tone::Fault, code::DOWN, Line::NO_REQUEST, arg(0) as i64, i64::from(open));
                ctx.after(Us::from_s(arg(0)), Event::StoreUp { generation: self.down_generation });
            }
            _ => {}
        }
    }

    fn knob(&mut self, knob: u8, knobs: &Knobs, ctx: &mut Ctx<Event>) {
        self.read_live(knobs);
        if knob as usize == knob::LOAD {
            self.pace_all(ctx);
        }
        ctx.log(Tone::Info, code::KNOB, Line::NO_REQUEST, i64::from(knob), (knobs.get(knob as usize) * 1_000.0) as i64);
    }

    fn number(&self, number: u8, now: Us) -> Option<f64> {
        let force = self.lane_in_force();
        let lane = &self.lanes[force];
        let value = match number as usize {
            number::ADMITTED => lane.admitted as f64,
            number::REFUSED => lane.refused as f64,
            number::WORST_WINDOW => self.worst_window(force) as f64,
            number::WORST_SECOND => self.worst_second(force) as f64,
            number::RETRY_AFTER => {
                if self.down_until.is_some() {
                    return None;
                }
                let d = self.keys[0].lanes[force].limiter.peek(self.policy(), self.clock(now), self.cost());
                if d.admitted { 0.0 } else { d.retry_after?.as_s() }
            }
            number::IN_WINDOW => self.in_window(force, now) as f64,
            number::IN_SECOND => self.most(force, |_, l| l.second.count(now)) as f64,
            number::DENY_RATE => Self::share(lane.refused, lane.offered)?,
            number::DENY_WORST => self
                .clients
                .iter()
                .filter_map(|c| Self::share(c.refused, c.admitted + c.refused))
                .max_by(f64::total_cmp)?,
            number::HEADROOM => {
                let clock = self.clock(now);
                self.keys_present()
                    .map(|k| 100.0 * (1.0 - k.lanes[force].limiter.fill(&k.policy, clock)))
                    .min_by(f64::total_cmp)?
            }
            number::KEY_BYTES => self.stored_bytes(force) as f64,
            number::TOO_MANY => Self::share(lane.too_many, lane.offered)?,
            number::TOO_FEW => Self::share(lane.too_few, lane.offered)?,
            number::RETURNS => self.returns as f64,
            number::WORST_RETURN => self.returning.worst() as f64,
            number::GAVE_UP => self.gave_up as f64,
            number::WAITING => self.waiting as f64,
            number::WAIT_MAX => self.wait_max.as_s(),
            _ => return None,
        };
        Some(value)
    }

    fn measure(&self, measure: u8, args: &[f64], _now: Us) -> Option<f64> {
        let force = self.lane_in_force();
        let arg = args.first().copied()?;
        let lane = || ((0.0..6.0).contains(&arg) && self.lanes[arg as usize].on).then_some(arg as usize);
        let client = || (1.0..=7.0).contains(&arg).then(|| self.clients[arg as usize - 1]);
        Some(match measure as usize {
            measure::MAX_IN_WINDOW => match Us::from_s(arg) {
                w if w == self.policy().window => self.worst_window(force),
                SECOND => self.worst_second(force),
                _ => return None,
            },
            measure::LANE_ADMITTED => self.lanes[lane()?].admitted,
            measure::LANE_WORST_WINDOW => self.worst_window(lane()?),
            measure::LANE_WORST_SECOND => self.worst_second(lane()?),
            measure::LANE_BYTES => self.stored_bytes(lane()?),
            measure::CLIENT_ADMITTED => client()?.admitted,
            measure::CLIENT_DENY => {
                let c = client()?;
                return Self::share(c.refused, c.admitted + c.refused);
            }
            measure::CLIENT_REFUSED => client()?.refused,
            _ => return None,
        } as f64)
    }

    fn counts(&self) -> Vec<(&'static str, u64)> {
        let lane = &self.lanes[self.lane_in_force()];
        vec![
            ("arrivals", self.arrivals),
            ("returns", self.returns),
            ("attempts", self.arrivals + self.returns),
            ("admitted", lane.admitted),
            ("refused", lane.refused),
            ("served", self.served),
            ("failed", self.failed),
            ("waiting_to_return", self.pending),
            ("queue_waiting", self.waiting),
            ("queue_released", self.released),
        ]
    }

    fn invariants(&self, _now: Us) -> Result<(), String> {
        let logical = self.served + self.failed + self.pending;
        if self.arrivals != logical {
            return Err(format!(
                "arrivals {} = served {} + failed {} + waiting to return {}",
                self.arrivals, self.served, self.failed, self.pending
            ));
        }
        let attempts = self.arrivals + self.returns;
        for (lane, a) in self.lanes.iter().zip(Algorithm::ALL) {
            if lane.admitted + lane.refused != lane.offered {
                return Err(format!(
                    "{}: admitted {} + refused {} = offered {}",
                    a.name(),
                    lane.admitted,
                    lane.refused,
                    lane.offered
                ));
            }
        }
        let force = &self.lanes[self.lane_in_force()];
        if force.offered != attempts {
            return Err(format!(
                "offered to the lane in force {} = arrivals {} + returns {}",
                force.offered, self.arrivals, self.returns
            ));
        }
        if self.tampered {
            return Ok(());
        }
        for key in &self.keys {
            for (i, a) in Algorithm::ALL.into_iter().enumerate() {
                // The queue moves whole requests, so its last one may stick out by its cost.
                let slack = if a == Algorithm::LeakyQueue { self.cost_max } else { 0 };
                let (worst, bound) = (key.lanes[i].window.worst(), key.policy.bound_in_window(a) + slack);
                if worst > bound {
                    return Err(format!("{}: {worst} in one window, at most {bound}", a.name()));
                }
            }
        }
        Ok(())
    }

    fn weight(&self) -> usize {
        let lanes: usize = self
            .keys
            .iter()
            .flat_map(|k| &k.lanes)
            .map(|l| l.limiter.heap_bytes() + l.window.heap_bytes() + l.second.heap_bytes())
            .sum();
        size_of::<Self>()
            + size_of_val(self.knobs.values())
            + self.senders.len() * size_of::<Sender>()
            + self.keys.len() * size_of::<KeyState>()
            + self.recent.len() * size_of::<Mark>()
            + self.returning.heap_bytes()
            + lanes
    }

    fn tell(line: &Line) -> String {
        let (a, b) = (line.a, line.b);
        let who = || client_name(a.clamp(0, 6) as usize);
        match line.code {
            code::ARRIVES if b == 1 => format!("A request of {} reaches the limiter.", who()),
            code::ARRIVES => format!("A request of {} reaches the limiter. It costs {b} units.", who()),
            code::COMES_BACK => format!("Try number {a}, after waiting {}.", span(b)),
            code::REFUSING if b < 0 => format!("{} is refused.", capital(&who())),
            code::REFUSING => {
                format!("{} is refused from here on; the next would pass in {}.", capital(&who()), span(b))
            }
            code::ADMITTING if b == 1 => {
                format!("{} is let through again, after 1 refusal.", capital(&who()))
            }
            code::ADMITTING => format!("{} is let through again, after {b} refusals.", capital(&who())),
            code::OTHERS => others(a, b as usize),
            code::ADMITTED if a == 0 => "Admitted: it took the last one.".to_string(),
            code::ADMITTED => format!("Admitted; {a} remain."),
            code::REFUSED => format!(
                "429. It would pass in exactly {}. Retry-After carries whole seconds, rounded up: {b}.",
                span(a)
            ),
            code::NEVER => format!("429 without Retry-After: it costs {a}, more than there can ever be at once."),
            code::BLIND => "503: the limiter cannot reach its store and fails closed.".to_string(),
            code::WILL_RETURN => format!("The client waits {} and tries again.", span(a)),
            code::GIVES_UP if a == 1 => "The client does not try again.".to_string(),
            code::GIVES_UP => format!("The client gives up after {a} tries."),
            code::WAITS => format!("Accepted, and held in the queue for {}.", span(a)),
            code::RELEASED => "The queue lets it go to the API.".to_string(),
            code::OVER => {
                let (worst, limit) = unpack(a);
                let times = if worst >= 2 * limit { "twice the limit" } else { "more than the limit" };
                format!(
                    "{worst} have passed within {}: {times} of {limit} in one window, though every rule was kept.",
                    span(b.max(1))
                )
            }
            code::BURST => format!("A burst of {a} requests from {}.", client_name(b.clamp(0, 6) as usize)),
            code::SURGE => format!("Traffic times {a} for {b} s."),
            code::SURGE_ENDS => "Traffic is back to normal.".to_string(),
            code::NOISE => format!("The neighbour sends {a} times its limit for {b} s."),
            code::NOISE_ENDS => "The neighbour is quiet again.".to_string(),
            code::CLOCK if a < 0 => format!("The limiter's clock is set back by {} s.", -a),
            code::CLOCK => format!("The limiter's clock is set forward by {a} s."),
            code::RESTART => "The store restarts empty: every key is as good as new.".to_string(),
            code::DOWN if b == 1 => {
                format!("The store is unreachable for {a} s. The limiter fails open: everything passes.")
            }
            code::DOWN => {
                format!("The store is unreachable for {a} s. The limiter fails closed: everything is refused.")
            }
            code::UP => "The store answers again, with the state it had.".to_string(),
            code::KNOB => {
                let k = &knob::ALL[(a.max(0) as usize).min(knob::ALL.len() - 1)];
                format!("{} is now {}.", k.label, k.show(b as f64 / 1_000.0))
            }
            why => {
                let lane = usize::from(why.saturating_sub(code::WHY)).min(5);
                why_so(Algorithm::ALL[lane], a, b, line.tone == Tone::Ok)
            }
        }
    }

    fn words(&self, now: Us) -> Vec<(String, String)> {
        let mut rows = Vec::new();
        let mut row = |what: &str, how: String| rows.push((what.to_string(), how));
        let p = self.policy();
        row("Promise", format!("{} per {}, bucket size {}", p.limit, p.window, p.burst));
        row("In force", self.force.name().to_string());
        if self.offset != 0 {
            row("Limiter's clock", format!("{} s off the true time", crate::declare::show(self.offset as f64 / 1e6)));
        }
        if let Some(until) = self.down_until {
            row("Store", format!("unreachable until {until}"));
        }
        for (i, a) in Algorithm::ALL.into_iter().enumerate() {
            let lane = &self.lanes[i];
            if lane.on {
                row(
                    a.name(),
                    format!(
                        "{} admitted, {} refused; at most {} in any {}, {} in any second; {} now; {} B a key",
                        lane.admitted,
                        lane.refused,
                        self.worst_window(i),
                        p.window,
                        self.worst_second(i),
                        level(a, &self.keys[0].lanes[i].limiter, p, self.clock(now)),
                        self.stored_bytes(i)
                    ),
                );
            }
        }
        for c in self.present() {
            let t = &self.clients[c];
            let policy = &self.keys[self.key_of(c)].policy;
            let limiter = &self.keys[self.key_of(c)].lanes[self.lane_in_force()].limiter;
            row(
                &capital(&client_name(c)),
                format!(
                    "limit {}; {} admitted, {} refused; headroom {} %",
                    policy.limit,
                    t.admitted,
                    t.refused,
                    fixed(100.0 * (1.0 - limiter.fill(policy, self.clock(now))), 0)
                ),
            );
        }
        if let Some(mark) = self.last_refusal {
            let mut text = self.status(&mark).to_string();
            for (name, value) in self.response(&mark) {
                text += &format!("; {name}: {value}");
            }
            if !mark.blind {
                text += &format!("; type {}", headers::PROBLEM_TYPE);
            }
            row("Last refusal", text);
        }
        rows
    }
}

/// How full a limiter is, in its own words.
pub fn level(a: Algorithm, limiter: &Limiter, policy: &Policy, clock: i64) -> String {
    let used = limiter.used(policy, clock);
    match a {
        Algorithm::FixedWindow | Algorithm::SlidingLog => {
            format!("{used_0} of {} used", policy.limit, used_0 = fixed(used, 0))
        }
        Algorithm::SlidingCounter => format!("{used_1} of {} est.", policy.limit, used_1 = fixed(used, 1)),
        Algorithm::TokenBucket => format!("{} of {} tokens left", fixed(policy.burst as f64 - used, 1), policy.burst),
        Algorithm::Gcra => {
            let interval = policy.window.as_s() / policy.limit as f64;
            format!("{} s ahead of {} s", fixed(used * interval, 1), fixed(policy.burst as f64 * interval, 1))
        }
        Algorithm::LeakyQueue => format!("{used_1} of {} queued", policy.burst, used_1 = fixed(used, 1)),
    }
}

/// Why an algorithm decided as it did, from what was in use before.
fn why_so(algorithm: Algorithm, packed: i64, cost: i64, admitted: bool) -> String {
    let (size, milli) = unpack(packed);
    let used = milli as f64 / 1_000.0;
    let (fits, verdict) = if admitted { ("fits", "so it passes") } else { ("does not fit", "so it is refused") };
    match algorithm {
        Algorithm::FixedWindow => {
            format!(
                "Fixed window: {used_0} of {size} used in this window of the calendar; {cost} more {fits}.",
                used_0 = fixed(used, 0)
            )
        }
        Algorithm::SlidingLog => {
            format!(
                "Sliding log: {used_0} of {size} admitted in the last W; {cost} more {fits}.",
                used_0 = fixed(used, 0)
            )
        }
        Algorithm::SlidingCounter => {
            format!(
                "Sliding counter: the estimate for the last W is {used_2} of {size}; {cost} more {fits}.",
                used_2 = fixed(used, 2)
            )
        }
        Algorithm::TokenBucket => format!(
            "Token bucket: {} of {size} tokens are there and it needs {cost}, {verdict}.",
            fixed(size as f64 - used, 2)
        ),
        Algorithm::Gcra => format!(
            "GCRA: the key is {used_2} intervals ahead of its schedule and {cost} more must stay within {size}, {verdict}.",
            used_2 = fixed(used, 2)
        ),
        Algorithm::LeakyQueue => {
            format!("Leaky bucket: {used_2} of {size} places are taken; {cost} more {fits}.", used_2 = fixed(used, 2))
        }
    }
}

/// What the other lanes would have said, from the lanes that judged and those that admitted.
fn others(packed: i64, force: usize) -> String {
    let (judged, admitted) = unpack(packed);
    let names = |yes: bool| {
        let list: Vec<&str> = (0..6)
            .filter(|i| *i != force && judged >> i & 1 == 1 && (admitted >> i & 1 == 1) == yes)
            .map(|i| Algorithm::ALL[i].name())
            .collect();
        list.join(", ")
    };
    match (names(true), names(false)) {
        (yes, no) if yes.is_empty() && no.is_empty() => "No other lane is on.".to_string(),
        (yes, no) if no.is_empty() => format!("The others let it through too: {yes}."),
        (yes, no) if yes.is_empty() => format!("The others refuse it too: {no}."),
        (yes, no) => format!("Of the others, {yes} would let it through; {no} would not."),
    }
}
