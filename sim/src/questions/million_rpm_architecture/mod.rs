//! One million requests a minute.
//!
//! ```text
//!   clients --> edge --> balancers --> API servers --> cache cluster
//!               429      in zones      [line](workers)      | miss
//!                                        |                  v
//!                                        |        database: primary --> replicas
//!                                        +--> broker --> job workers
//! ```
//!
//! A plan is derived from the load (`plan.rs`), the plan is built, and every request of the load
//! goes through it one by one. What happens in between two events is folded into the first of them:
//! a request that finds a worker and its records in the cache takes two events, its arrival and its
//! end. One that has to wait for something takes one more for each wait. The hops on the way (edge,
//! balancer, cache) are exact single-server queues by Lindley's recursion and cost no event at all.
//!
//! Each request runs the client's timer, and each wait for the database a second one; both are
//! lists, so thousands of them cost one event at a time (`blocks/inflight.rs`).

mod api;
mod data;
mod declare;
mod faults;
mod look;
mod plan;
mod words;

pub use declare::{QUESTION, READ, TOLD, act, knob, measure, number};
pub use look::{NodeView, Part, Row, ServerView, Way, ZoneView};
pub use plan::{Deployed, Plan, Prediction};

use crate::blocks::balancer::{Balancer, Choice, HealthRule};
use crate::blocks::inflight::{Chain, InFlight};
use crate::blocks::load::Load;
use crate::blocks::server::Law;
use crate::blocks::shard::{Placement, ShardMap};
use crate::declare::{Knobs, Tone};
use crate::deque::Deque;
use crate::kernel::{Ctx, Line, Model, Setup, Stream, Tape, Trace, Us};
use crate::look::{Fate, Samples, Seconds};
use crate::measure::series::{Meters, Recent};
use std::rc::Rc;
use words::code;

/// Client to edge to balancer to server and back, within the region; the client's own network is not ours.
pub const HOPS: Us = Us::ms(2);
/// To the cache and back, for all records of a request at once.
pub const CACHE_TRIP: Us = Us(500);
/// A lookup that would wait longer than this for its cache node counts as a miss.
const CACHE_WAIT_MAX_NS: u64 = 20_000_000;
/// A balancer whose backlog is longer than this refuses.
const BALANCER_WAIT_MAX_NS: u64 = 20_000_000;
/// How long a server keeps its own copy of the hot record.
const LOCAL_TTL: Us = Us::s(1);
/// Paying clients send so many times as much.
const PAYING_FACTOR: f64 = 10.0;
/// Seconds of which totals are kept.
const SECONDS_MAX: u32 = 1_200;
/// The two timers of a request.
const PATIENCE: usize = 0;
const WAITED: usize = 1;
/// No cache node owns this record now.
const NO_NODE: u8 = u8::MAX;
/// A record's entry: the top bit says that it is being loaded by the slot in the other bits;
/// otherwise it is when the copy expires, in steps of 64 µs.
const LOADING: u32 = 1 << 31;
/// The hot record.
const HOT: u32 = 0;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ev {
    Arrive(u16),
    /// A worker is done with the request in this slot.
    Done(u32),
    /// The database is done with the query in this slot.
    Queried(u32),
    /// The client at the head of the list has waited long enough.
    Patience,
    /// The worker at the head of the list has waited long enough for the database.
    Waited,
    /// A write reaches the replicas of its shard, if its primary of then still counts.
    Shipped {
        shard: u8,
        epoch: u16,
    },
    JobDone(u16),
    Check,
    /// The end of a second.
    Tick,
    FlashOver(u16),
    CacheBack(u16),
    WorkersBack(u16),
    Promote {
        shard: u8,
        epoch: u16,
    },
}

impl Trace for Ev {
    #[inline(always)]
    fn word(&self) -> u64 {
        match *self {
            Ev::Arrive(g) => 1 | u64::from(g) << 8,
            Ev::Done(slot) => 2 | u64::from(slot) << 8,
            Ev::Queried(slot) => 3 | u64::from(slot) << 8,
            Ev::Patience => 4,
            Ev::Waited => 5,
            Ev::Shipped { shard, epoch } => 6 | u64::from(shard) << 8 | u64::from(epoch) << 16,
            Ev::JobDone(epoch) => 7 | u64::from(epoch) << 8,
            Ev::Check => 8,
            Ev::Tick => 9,
            Ev::FlashOver(n) => 10 | u64::from(n) << 8,
            Ev::CacheBack(n) => 11 | u64::from(n) << 8,
            Ev::WorkersBack(n) => 12 | u64::from(n) << 8,
            Ev::Promote { shard, epoch } => 13 | u64::from(shard) << 8 | u64::from(epoch) << 16,
        }
    }
}

/// The knobs, in the units the model computes with.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    rate: f64,
    load: f64,
    peak: f64,
    shape: usize,
    target: f64,
    zones: u32,
    survive: u32,
    zone_data: bool,
    servers: u32,
    workers: u16,
    service: Us,
    law: Law,
    queue: u32,
    timeout: Us,
    expire: bool,
    balancers: u32,
    balancer_rate: f64,
    choice: Choice,
    cross: bool,
    health: HealthRule,
    next: bool,
    edge: f64,
    limiter: bool,
    free: u16,
    paid: u16,
    per_client: f64,
    paying: f64,
    writes: f64,
    reads: u32,
    cache: bool,
    hit: f64,
    keys: u32,
    hot: f64,
    local: bool,
    single: bool,
    cache_nodes: u32,
    cache_gbit: f64,
    placement: Placement,
    response_kb: f64,
    db_rate: f64,
    db_time: Us,
    replicas: u32,
    shards: u32,
    direct: bool,
    connections: u32,
    max_connections: u32,
    pooler: u32,
    db_wait: Us,
    db_queue: u32,
    cancel: bool,
    lag: Us,
    failover: Us,
    broker: bool,
    job: Us,
    job_workers: u32,
    backlog: usize,
    prices: [f64; 4],
}

impl Settings {
    fn read(k: &Knobs) -> Settings {
        let zones = k.int(knob::ZONES) as u32;
        Settings {
            rate: k.get(knob::RATE),
            load: k.get(knob::LOAD),
            peak: k.get(knob::PEAK),
            shape: k.choice(knob::SHAPE),
            target: k.share(knob::TARGET),
            zones,
            survive: k.int(knob::SURVIVE) as u32,
            zone_data: k.on(knob::DATA),
            servers: k.int(knob::SERVERS) as u32,
            workers: k.int(knob::WORKERS) as u16,
            service: k.ms(knob::SERVICE),
            law: [Law::Exponential, Law::Fixed][k.choice(knob::LAW)],
            queue: k.int(knob::QUEUE) as u32,
            timeout: k.ms(knob::TIMEOUT),
            expire: k.on(knob::EXPIRE),
            balancers: k.int(knob::BALANCERS) as u32,
            balancer_rate: k.get(knob::BALANCER_RATE),
            choice: [Choice::TwoChoices, Choice::RoundRobin, Choice::LeastOutstanding, Choice::Random]
                [k.choice(knob::CHOICE)],
            cross: k.on(knob::CROSS),
            health: HealthRule { every: k.s(knob::CHECK), fall: k.int(knob::FALL) as u8, rise: 2 },
            next: k.on(knob::NEXT),
            edge: k.share(knob::EDGE),
            limiter: k.on(knob::LIMITER),
            free: k.int(knob::FREE) as u16,
            paid: k.int(knob::PAID) as u16,
            per_client: k.get(knob::PER_CLIENT),
            paying: k.share(knob::PAYING),
            writes: k.share(knob::WRITES),
            reads: k.int(knob::READS) as u32,
            cache: k.on(knob::CACHE),
            hit: k.share(knob::HIT),
            keys: k.int(knob::KEYS) as u32,
            hot: k.share(knob::HOT),
            local: k.on(knob::LOCAL),
            single: k.on(knob::SINGLE),
            cache_nodes: k.int(knob::CACHE_NODES) as u32,
            cache_gbit: k.get(knob::CACHE_GBIT),
            placement: match k.choice(knob::PLACEMENT) {
                0 => Placement::Ring { virtual_nodes: k.int(knob::POINTS) as u16 },
                _ => Placement::Modulo,
            },
            response_kb: k.get(knob::RESPONSE),
            db_rate: k.get(knob::DB_RATE),
            db_time: k.ms(knob::DB_TIME),
            replicas: k.int(knob::REPLICAS) as u32,
            shards: k.int(knob::SHARDS) as u32,
            direct: k.choice(knob::CONNECT) == 1,
            connections: k.int(knob::CONNECTIONS) as u32,
            max_connections: k.int(knob::MAX_CONNECTIONS) as u32,
            pooler: k.int(knob::POOLER) as u32,
            db_wait: k.ms(knob::DB_WAIT),
            db_queue: k.int(knob::DB_QUEUE) as u32,
            cancel: k.on(knob::CANCEL),
            lag: k.ms(knob::LAG),
            failover: k.s(knob::FAILOVER),
            broker: k.on(knob::BROKER),
            job: k.ms(knob::JOB),
            job_workers: k.int(knob::JOB_WORKERS) as u32,
            backlog: k.int(knob::BACKLOG) as usize,
            prices: [k.get(knob::PRICE_SERVER), k.get(knob::PRICE_CACHE), k.get(knob::PRICE_DB), k.get(knob::PRICE_GB)],
        }
    }

    /// Lookups a second that the network of one cache node carries.
    fn cache_rate(&self) -> f64 {
        self.cache_gbit * 1e9 / (self.response_kb * 8_000.0)
    }
    /// Queries that one node runs at once.
    fn db_slots(&self) -> u32 {
        (libm::round(self.db_rate * self.db_time.as_s()) as u32).max(1)
    }
    /// Queries that one node runs at once, as far as it has connections for them.
    fn db_limit(&self) -> u32 {
        let open = if self.direct { self.max_connections } else { self.pooler.min(self.max_connections) };
        self.db_slots().min(open)
    }
    /// How long a copy lives in the cache, so that the planned share of lookups hits: a record that
    /// is looked up λ times a second hits λT/(1+λT) of them. The hot one practically always hits.
    fn ttl(&self) -> Us {
        let others = f64::from(self.keys.max(2) - 1);
        let lookups = self.rate * (1.0 - self.writes) * (1.0 - self.edge) * f64::from(self.reads) * (1.0 - self.hot);
        let hit = if self.hot < 1.0 { (self.hit - self.hot) / (1.0 - self.hot) } else { 0.0 };
        if hit <= 0.0 || lookups <= 0.0 {
            return Us::ZERO;
        }
        let longest = 3_600.0;
        Us::from_s((hit / (1.0 - hit).max(1e-9) * others / lookups).min(longest))
    }
    /// (free, paying) clients.
    fn clients(&self) -> (u32, u32) {
        let all = (self.rate * 60.0 / self.per_client).max(1.0);
        let paying = libm::round(all * self.paying);
        ((all - paying).max(1.0) as u32, paying as u32)
    }
    /// The share of requests that paying clients send.
    fn paid_traffic(&self) -> f64 {
        let weight = self.paying * PAYING_FACTOR;
        if self.paying > 0.0 { weight / (weight + 1.0 - self.paying) } else { 0.0 }
    }
    /// The load at a time of day, over the mean: a peak every ten minutes whose width leaves the mean
    /// at one.
    fn course(&self, now: Us) -> f64 {
        match self.shape {
            0 => 1.0,
            1 => self.peak,
            _ => {
                let phase = (now.0 % 600_000_000) as f64 / 600e6;
                let wave = 0.5 - 0.5 * libm::cos(phase * core::f64::consts::TAU);
                // Squaring narrows the peak: the mean of wave^n is C(2n, n) / 4^n.
                let (mut narrow, mut mean, mut n) = (wave, 0.5, 1u32);
                while self.peak * mean > 0.95 && n < 64 {
                    for k in n + 1..=2 * n {
                        mean *= f64::from(2 * k - 1) / f64::from(2 * k);
                    }
                    narrow *= narrow;
                    n *= 2;
                }
                let base = (1.0 - self.peak * mean) / (1.0 - mean);
                (base + (self.peak - base) * narrow).max(0.01)
            }
        }
    }
}

/// A share as a threshold for 20 fair bits.
fn cut(share: f64) -> u32 {
    (share * 1_048_576.0 + 0.5) as u32
}

/// Where somebody in flight is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum At {
    /// In a server's line.
    Line,
    /// At work; its end is in the event queue.
    Work,
    /// Waits for one of its server's connections.
    Pool,
    /// Its query waits or runs at a node.
    Query,
    /// Waits for a load that somebody else began.
    Load,
    /// Not a request: a load for all who wait for a record.
    Loader,
    /// Not a request: a write that a replica repeats.
    Apply,
}

/// The client has left or been answered.
const GONE: u8 = 1;
/// Its worker no longer cares: only a line or an event still holds the record.
const DETACHED: u8 = 2;
const WRITE: u8 = 4;
/// Its query has begun to run.
const RUNNING: u8 = 8;
/// Its server died; nothing of it is to be given back there.
const ORPHAN: u8 = 16;
/// Its database node died; the event that is still to come means nothing.
const NODE_DIED: u8 = 32;

/// Somebody in flight: 24 bytes.
#[derive(Clone, Copy, Debug)]
struct Flight {
    /// The request's number; of a load, its place in `loads`.
    id: u32,
    server: u16,
    /// Records still to be read from the database, one bit each.
    missing: u16,
    /// What the way in and the cache took, in µs.
    way: u16,
    cache: u16,
    balancer: u8,
    node: u8,
    at: At,
    flags: u8,
}

/// A load of one record and those who wait for it.
#[derive(Clone, Copy, Debug)]
struct Loading {
    key: u32,
    waiters: Chain,
}

#[derive(Clone, Copy, Debug)]
struct Server {
    line: Chain,
    /// Who waits for a connection.
    pool_line: Chain,
    busy: u16,
    /// Connections in use, and how many it has.
    pooled: u16,
    pool: u16,
    zone: u8,
    up: bool,
    slow: bool,
    /// Until when its own copy of the hot record is good, in steps of 64 µs.
    hot_until: u32,
}

/// One cache node or one balancer: a queue with one server and equal times, kept as the moment when
/// it will have done all it has been given (Lindley).
#[derive(Clone, Copy, Debug)]
struct Hop {
    up: bool,
    zone: u8,
    free_ns: u64,
    /// Used in this second so far, in ns; and the share of the last one.
    used_ns: u64,
    share: f32,
}

impl Hop {
    /// One more for it to do: how long until it is done, in ns; `None` if the wait would be too long.
    #[inline(always)]
    fn pass(&mut self, now: Us, each_ns: u64, wait_max_ns: u64) -> Option<u64> {
        let now_ns = now.0 * 1_000;
        let begin = self.free_ns.max(now_ns);
        if begin - now_ns > wait_max_ns {
            return None;
        }
        self.free_ns = begin + each_ns;
        self.used_ns += each_ns;
        Some(self.free_ns - now_ns)
    }
}

#[derive(Clone, Copy, Debug)]
struct Node {
    line: Chain,
    busy: u16,
    up: bool,
    shard: u8,
    zone: u8,
    /// Writes that it still has to repeat.
    behind: u32,
    since: Us,
    /// Slots × µs used in this second, and the mean of the last.
    area: u64,
    mean_busy: f32,
}

#[derive(Clone, Copy, Debug)]
struct Shard {
    /// The node that takes writes, if one does.
    primary: Option<u8>,
    /// Grows when a primary dies.
    epoch: u16,
    turn: u8,
    /// Writes on their way to the replicas.
    shipping: u32,
}

/// Totals of a second of the run.
#[derive(Clone, Copy, Debug, Default)]
pub struct Second {
    pub arrived: u32,
    pub limited: u32,
    pub good: u32,
    pub shed: u32,
    /// Failed, lost or timed out.
    pub failed: u32,
    /// Reads among those offered and within their tier, and among the good.
    pub reads: u32,
    pub reads_good: u32,
    pub lookups: u32,
    pub hits: u32,
    /// Sum over the good that reached a server.
    pub latency_ms: f32,
    pub latencies: u32,
    /// Workers busy and alive, on average.
    pub busy: f32,
    pub workers: f32,
    /// Connections with a query in progress, slots busy and slots alive, on average.
    pub connections: f32,
    pub db_busy: f32,
    pub db_slots: f32,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Counts {
    arrivals: u64,
    /// Outcomes of requests.
    edge: u64,
    limited: u64,
    good: u64,
    shed: u64,
    unrouted: u64,
    errors: u64,
    timeouts: u64,
    lost: u64,
    // API servers.
    entered: u64,
    begun: u64,
    finished: u64,
    wasted: u64,
    dropped: u64,
    aborted: u64,
    in_line: u64,
    busy: u64,
    // Cache.
    lookups: u64,
    hits: u64,
    misses: u64,
    // Database: queries for requests and loads, and repeated writes.
    asked: u64,
    answered: u64,
    queries_refused: u64,
    queries_lost: u64,
    queries_cancelled: u64,
    queries_wasted: u64,
    db_waiting: u64,
    db_running: u64,
    committed: u64,
    lost_writes: u64,
    // Jobs.
    published: u64,
    jobs_done: u64,
    backlog_max: u64,
}

/// What `Meters` count.
mod meter {
    pub const OFFERED: usize = 0;
    pub const GOOD: usize = 1;
    pub const LOST: usize = 2;
    pub const SHED: usize = 3;
    pub const LIMITED: usize = 4;
    pub const LOOKUPS: usize = 5;
    pub const HITS: usize = 6;
    pub const QUERIES: usize = 7;
    pub const WASTED: usize = 8;
    pub const READS: usize = 9;
    pub const WRITES: usize = 10;
    pub const JOBS: usize = 11;
    pub const N: usize = 12;
}

/// Why a request came to nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Why {
    /// 503: the server's line was full, or it has none.
    Full,
    /// 503: the balancer could not keep up.
    BalancerFull,
    /// The edge knew no living balancer, or the balancer no server.
    Nobody,
    /// The balancer or the server it was sent to was dead.
    Dead,
    /// The server has no connection to the database.
    NoConnection,
    /// The database's line was full.
    DbFull,
    /// The database did not answer in time.
    DbWait,
    /// No node that could answer.
    NoNode,
    /// The broker was full.
    BrokerFull,
    /// Its server, balancer or database node died under it.
    Lost,
    /// The client's patience ended.
    Patience,
}

impl Why {
    fn fate(self) -> Fate {
        match self {
            Why::Full | Why::BalancerFull => Fate::Refused,
            Why::Patience => Fate::Left,
            _ => Fate::Failed,
        }
    }
}

#[derive(Clone)]
pub struct Million {
    s: Settings,
    plan: Plan,
    d: Deployed,
    kinds: Stream,
    demands: Stream,
    keys: Stream,
    clients: Stream,
    queries: Stream,
    jobs: Stream,
    pick: Stream,
    applies: Stream,
    load: Load,
    flash: f64,
    flashes: u16,
    /// What one greedy client adds to the load, as a share of it.
    greedy: f64,
    hot: f64,
    write_cut: u32,
    edge_cut: u32,
    paid_cut: u32,
    hot_cut: u32,
    greedy_cut: u32,
    /// (free, paying) clients.
    population: (u32, u32),
    own: Us,
    ttl_ticks: u32,
    balancer_ns: u64,
    cache_ns: u64,

    flights: InFlight<Flight>,
    /// For when the event of each list is set; `Us::MAX` for none.
    patience_at: Us,
    waited_at: Us,
    /// Servers with a worker to settle; empty between events.
    kicks: Vec<u16>,
    /// Requests of this minute, by client: paying ones first.
    tiers: Vec<u16>,

    edge: Balancer,
    hops: Vec<Hop>,
    balancers: Vec<Balancer>,
    servers: Vec<Server>,
    servers_up: u32,
    slow_factor: f64,
    busy_since: Us,
    busy_area: u64,

    /// By record: see `LOADING`.
    entries: Vec<u32>,
    map: ShardMap,
    /// The node of each record. Changed as a whole, so copies of the run share it.
    owners: Rc<[u8]>,
    cache_hops: Vec<Hop>,
    cache_losses: u16,
    moved: u32,
    loads: Vec<Loading>,
    loads_free: Vec<u32>,

    nodes: Vec<Node>,
    shards: Vec<Shard>,
    db_factor: f64,
    connections_busy: u32,
    connections_since: Us,
    connections_area: u64,
    connections_mean: f32,

    backlog: Deque<u32>,
    job_busy: u32,
    job_stop: u16,
    jobs_stopped: bool,
    job_next: u64,
    drain_from: Option<Us>,
    drained: Option<Us>,

    counts: Counts,
    meters: Meters<{ meter::N }>,
    latency: Recent,
    now: Second,
    seconds: Seconds<Second>,
    busy_share: f32,
    /// Spent so far, in millionths of a dollar.
    spent: u64,
    trouble_end: Us,
    samples: Samples<Way>,
}

impl Million {
    fn hop(zone: u32) -> Hop {
        Hop { up: true, zone: zone as u8, free_ns: 0, used_ns: 0, share: 0.0 }
    }

    /// What follows from the settings and is looked up for every request.
    fn derive(&mut self) {
        let s = &self.s;
        self.plan = Plan::of(s);
        self.write_cut = cut(s.writes);
        self.edge_cut = cut(s.edge);
        self.paid_cut = cut(s.paid_traffic());
        self.hot_cut = cut(self.hot);
        self.own = Us::from_s(plan::own_work(s));
        self.ttl_ticks = (s.ttl().0 >> 6) as u32;
        self.balancer_ns = (1e9 / s.balancer_rate) as u64;
        self.cache_ns = ((1e9 / s.cache_rate()) as u64).max(1);
    }

    /// The pools that the servers open at the start, one server after the other.
    fn open_pools(&mut self) {
        let mut left = if self.s.direct { self.s.max_connections } else { u32::MAX };
        for server in &mut self.servers {
            let pool = self.s.connections.min(left);
            left -= pool;
            server.pool = pool as u16;
        }
    }

    /// A warm cache: each record is there with the share of time that it spends there, at a random
    /// point of its life.
    fn warm(&mut self, seed: u64) {
        let mut draw = Stream::new(seed, "cache", "warm", 0);
        let others = f64::from(self.s.keys.max(2) - 1);
        let lookups = self.plan.lookups * (1.0 - self.s.hot) / others;
        let life = self.s.ttl().as_s();
        let there = lookups * life / (1.0 + lookups * life);
        for (key, entry) in self.entries.iter_mut().enumerate() {
            let (here, age) = (draw.unit(), draw.unit());
            if self.ttl_ticks > 0 && (key as u32 == HOT || here < there) {
                *entry = ((f64::from(self.ttl_ticks) * age) as u32).max(1);
            }
        }
    }

    fn schedule_arrival(&mut self, ctx: &mut Ctx<Ev>) {
        if let Some(at) = self.load.due() {
            ctx.at(at, Ev::Arrive(self.load.generation as u16));
        }
    }

    /// The rate that is due now, from the course of the day, the knob and the flash.
    fn pace(&mut self, ctx: &mut Ctx<Ev>) {
        let rate = self.s.rate * self.s.load * self.flash * (1.0 + self.greedy) * self.s.course(ctx.now);
        if rate != self.load.rate() {
            self.load.set_rate(ctx.now, rate);
            self.samples.pace(rate);
            self.schedule_arrival(ctx);
        }
    }

    /// The end of a second: totals, means, money.
    fn tick(&mut self, ctx: &mut Ctx<Ev>) {
        ctx.after(Us::s(1), Ev::Tick);
        self.meters.turn(ctx.now);
        self.meter_busy(ctx.now);
        self.meter_connections(ctx.now);
        let workers = self.servers_up * u32::from(self.s.workers);
        self.now.busy = self.busy_area as f32 / 1e6;
        self.now.workers = workers as f32;
        self.busy_share = if workers > 0 { self.now.busy / workers as f32 } else { 0.0 };
        self.busy_area = 0;
        self.now.connections = self.connections_area as f32 / 1e6;
        self.connections_mean = self.now.connections;
        self.connections_area = 0;
        let slots = self.s.db_limit() as f32;
        for n in 0..self.nodes.len() {
            self.meter_node(n, ctx.now);
            let node = &mut self.nodes[n];
            node.mean_busy = node.area as f32 / 1e6;
            node.area = 0;
            self.now.db_busy += node.mean_busy;
            self.now.db_slots += if node.up { slots } else { 0.0 };
        }
        for hop in self.hops.iter_mut().chain(&mut self.cache_hops) {
            hop.share = hop.used_ns as f32 / 1e9;
            hop.used_ns = 0;
        }
        let egress = f64::from(self.now.good) * self.s.response_kb * 1e-6 * self.s.prices[3];
        self.spent += (self.machines_per_hour() / 3_600.0 * 1e6 + egress * 1e6) as u64;
        ctx.mix(self.spent);
        self.counts.backlog_max = self.counts.backlog_max.max(self.backlog.len() as u64);
        self.seconds.push(self.now);
        self.now = Second::default();
        if (ctx.now.0 / 1_000_000).is_multiple_of(60) {
            self.tiers.fill(0);
        }
        self.pace(ctx);
    }

    /// Dollars an hour for what stands there, alive or not.
    fn machines_per_hour(&self) -> f64 {
        let d = &self.d;
        let [server, cache, db, _] = self.s.prices;
        let workers = if self.s.broker { f64::from(d.job_workers) / 16.0 } else { 0.0 };
        let cached = if self.s.cache { f64::from(d.cache_nodes) } else { 0.0 };
        server * (f64::from(d.servers) + f64::from(d.balancers) + workers)
            + cache * cached
            + db * f64::from(d.db_nodes())
    }
}

impl Model for Million {
    type Event = Ev;

    fn new(setup: &Setup) -> Million {
        let s = Settings::read(setup.knobs);
        let plan = Plan::of(&s);
        let d = plan.deploy(&s);
        let tape = Tape::new(setup.seed);
        let zone = |i: u32| i % s.zones;
        let (free, paying) = s.clients();
        let map = ShardMap::new(s.placement, d.cache_nodes as u16);
        let homes = |i: u32| if s.cross { None } else { Some(zone(i) as u8) };
        let mut million = Million {
            plan,
            d,
            kinds: tape.purpose("kind"),
            demands: tape.purpose("service"),
            keys: tape.purpose("key"),
            clients: tape.purpose("client"),
            queries: tape.purpose("query"),
            jobs: tape.purpose("job"),
            pick: Stream::new(setup.seed, "balancer", "pick", 0),
            applies: Stream::new(setup.seed, "replica", "apply", 0),
            load: Load::fine(tape, s.rate * s.load * s.course(Us::ZERO)),
            flash: 1.0,
            flashes: 0,
            greedy: 0.0,
            hot: s.hot,
            write_cut: 0,
            edge_cut: 0,
            paid_cut: 0,
            hot_cut: 0,
            greedy_cut: 0,
            population: (free, paying),
            own: Us::ZERO,
            ttl_ticks: 0,
            balancer_ns: 0,
            cache_ns: 0,
            flights: InFlight::default(),
            patience_at: Us::MAX,
            waited_at: Us::MAX,
            kicks: Vec::new(),
            tiers: vec![0; (free + paying) as usize],
            edge: Balancer::new((0..d.balancers).map(|b| zone(b) as u8), None),
            hops: (0..d.balancers).map(|b| Million::hop(zone(b))).collect(),
            balancers: (0..d.balancers)
                .map(|b| Balancer::new((0..d.servers).map(|i| zone(i) as u8), homes(b)))
                .collect(),
            servers: (0..d.servers)
                .map(|i| Server {
                    line: Chain::default(),
                    pool_line: Chain::default(),
                    busy: 0,
                    pooled: 0,
                    pool: 0,
                    zone: zone(i) as u8,
                    up: true,
                    slow: false,
                    hot_until: 0,
                })
                .collect(),
            servers_up: d.servers,
            slow_factor: 1.0,
            busy_since: Us::ZERO,
            busy_area: 0,
            entries: vec![0; s.keys as usize],
            owners: Million::owners(&map, s.keys),
            map,
            cache_hops: (0..d.cache_nodes).map(|c| Million::hop(zone(c))).collect(),
            cache_losses: 0,
            moved: 0,
            loads: Vec::new(),
            loads_free: Vec::new(),
            nodes: (0..d.db_nodes())
                .map(|n| {
                    let (shard, copy) = (n / (1 + d.replicas), n % (1 + d.replicas));
                    Node {
                        line: Chain::default(),
                        busy: 0,
                        up: true,
                        shard: shard as u8,
                        zone: zone(shard + copy) as u8,
                        behind: 0,
                        since: Us::ZERO,
                        area: 0,
                        mean_busy: 0.0,
                    }
                })
                .collect(),
            shards: (0..d.shards)
                .map(|h| Shard { primary: Some((h * (1 + d.replicas)) as u8), epoch: 0, turn: 0, shipping: 0 })
                .collect(),
            db_factor: 1.0,
            connections_busy: 0,
            connections_since: Us::ZERO,
            connections_area: 0,
            connections_mean: 0.0,
            backlog: Deque::new(),
            job_busy: 0,
            job_stop: 0,
            jobs_stopped: false,
            job_next: 0,
            drain_from: None,
            drained: None,
            counts: Counts::default(),
            meters: Meters::new(Us::s(1)),
            latency: Recent::new(Us::s(5), 5),
            now: Second::default(),
            seconds: Seconds::new(SECONDS_MAX),
            busy_share: 0.0,
            spent: 0,
            trouble_end: Us::ZERO,
            samples: Samples::new(40.0, 128),
            s,
        };
        million.derive();
        million.open_pools();
        million.warm(setup.seed);
        let rate = million.load.rate();
        million.samples.pace(rate);
        million
    }

    fn start(&mut self, ctx: &mut Ctx<Ev>) {
        self.schedule_arrival(ctx);
        ctx.after(Us::s(1), Ev::Tick);
        ctx.after(self.s.health.every, Ev::Check);
        // What is deployed, and for whom, is part of what a run is.
        let (free, paying) = self.population;
        ctx.mix(u64::from(free) << 32 | u64::from(paying));
        ctx.mix(u64::from(self.d.servers) << 32 | u64::from(self.d.db_nodes()) << 16 | u64::from(self.d.cache_nodes));
    }

    #[inline]
    fn on(&mut self, event: Ev, ctx: &mut Ctx<Ev>) {
        match event {
            Ev::Arrive(generation) => {
                if generation == self.load.generation as u16 {
                    self.arrive(ctx);
                }
            }
            Ev::Done(slot) => self.done(slot, ctx),
            Ev::Queried(slot) => self.queried(slot, ctx),
            Ev::Patience => self.patience_ends(ctx),
            Ev::Waited => self.waits_end(ctx),
            Ev::Shipped { shard, epoch } => self.shipped(shard, epoch, ctx),
            Ev::JobDone(epoch) => self.job_done(epoch, ctx),
            Ev::Check => self.check(ctx),
            Ev::Tick => self.tick(ctx),
            Ev::FlashOver(n) => self.flash_over(n, ctx),
            Ev::CacheBack(n) => self.cache_back(n, ctx),
            Ev::WorkersBack(n) => self.workers_back(n, ctx),
            Ev::Promote { shard, epoch } => self.promote(shard, epoch, ctx),
        }
    }

    fn act(&mut self, which: u8, args: &[f64], ctx: &mut Ctx<Ev>) {
        self.do_act(which as usize, args, ctx);
    }

    fn knob(&mut self, which: u8, knobs: &Knobs, ctx: &mut Ctx<Ev>) {
        self.s = Settings::read(knobs);
        self.derive();
        match which as usize {
            knob::CROSS => {
                for (b, balancer) in self.balancers.iter_mut().enumerate() {
                    balancer.set_home(if self.s.cross { None } else { Some(self.hops[b].zone) });
                }
            }
            knob::LIMITER => self.tiers.fill(0),
            knob::BROKER => self.give_jobs(ctx),
            _ => {}
        }
        self.set_timers(ctx);
        self.pace(ctx);
        ctx.log_knob(code::KNOB, which, knobs);
    }

    crate::in_files_of_their_own!();

    fn counts(&self) -> Vec<(&'static str, u64)> {
        let c = &self.counts;
        vec![
            ("arrivals", c.arrivals),
            ("answered_at_edge", c.edge),
            ("over_tier", c.limited),
            ("succeeded", c.good),
            ("shed", c.shed),
            ("unrouted", c.unrouted),
            ("errors", c.errors),
            ("timed_out", c.timeouts),
            ("lost", c.lost),
            ("in_flight", self.flights.running(PATIENCE) as u64),
            ("wasted", c.wasted),
            ("lookups", c.lookups),
            ("hits", c.hits),
            ("queries", c.asked),
            ("queries_answered", c.answered),
            ("queries_wasted", c.queries_wasted),
            ("writes_committed", c.committed),
            ("writes_lost", c.lost_writes),
            ("jobs_published", c.published),
            ("jobs_done", c.jobs_done),
        ]
    }

    /// Flow balance at every box.
    fn invariants(&self, now: Us) -> Result<(), String> {
        use crate::measure::conserve::balance;
        let c = &self.counts;
        let live = self.flights.running(PATIENCE) as u64;
        balance(
            "arrivals",
            c.arrivals,
            &[
                ("answered at the edge", c.edge),
                ("over their tier", c.limited),
                ("answered", c.good),
                ("shed", c.shed),
                ("unrouted", c.unrouted),
                ("errors", c.errors),
                ("timed out", c.timeouts),
                ("lost", c.lost),
                ("in flight", live),
            ],
        )?;
        let at_servers = [("begun", c.begun), ("in line", c.in_line), ("dropped in line", c.dropped)];
        balance("requests at the servers", c.entered, &at_servers)?;
        let begun = [("finished", c.finished), ("wasted", c.wasted), ("aborted", c.aborted), ("at work", c.busy)];
        balance("requests begun", c.begun, &begun)?;
        balance("lookups", c.lookups, &[("hits", c.hits), ("misses", c.misses)])?;
        let queries = [
            ("answered", c.answered),
            ("refused", c.queries_refused),
            ("lost", c.queries_lost),
            ("cancelled", c.queries_cancelled),
            ("waiting", c.db_waiting),
            ("running", c.db_running),
        ];
        balance("queries", c.asked, &queries)?;
        let jobs =
            [("done", c.jobs_done), ("waiting", self.backlog.len() as u64), ("in hand", u64::from(self.job_busy))];
        balance("jobs published", c.published, &jobs)?;
        let (mut busy, mut waiting) = (0u64, 0u64);
        for s in &self.servers {
            busy += u64::from(s.busy);
            waiting += s.line.len() as u64;
        }
        balance("busy workers", c.busy, &[("at the servers", busy)])?;
        balance("in line", c.in_line, &[("at the servers", waiting)])?;
        let (mut running, mut queued) = (0u64, 0u64);
        for n in &self.nodes {
            running += u64::from(n.busy);
            queued += n.line.len() as u64;
            if u32::from(n.busy) > self.s.db_limit() {
                return Err(format!("at {now} a node runs {} queries of {}", n.busy, self.s.db_limit()));
            }
        }
        balance("running queries", c.db_running, &[("at the nodes", running)])?;
        balance("waiting queries", c.db_waiting, &[("at the nodes", queued)])?;
        if self.backlog.len() > self.s.backlog + self.d.job_workers as usize {
            return Err(format!("{} jobs where {} fit", self.backlog.len(), self.s.backlog));
        }
        Ok(())
    }

    fn weight(&self) -> usize {
        core::mem::size_of::<Million>()
            + self.flights.weight()
            + self.tiers.len() * 2
            + self.edge.weight()
            + (self.hops.len() + self.cache_hops.len()) * core::mem::size_of::<Hop>()
            + self.balancers.iter().map(|b| core::mem::size_of::<Balancer>() + b.weight()).sum::<usize>()
            + self.servers.len() * core::mem::size_of::<Server>()
            + self.entries.len() * 4
            + self.map.weight()
            + self.loads.len() * core::mem::size_of::<Loading>()
            + self.loads_free.len() * 4
            + self.nodes.len() * core::mem::size_of::<Node>()
            + self.shards.len() * core::mem::size_of::<Shard>()
            + self.backlog.len() * 4
            + self.latency.weight()
            + self.seconds.weight()
            + self.samples.weight()
    }

    fn visible(event: &Ev) -> bool {
        !matches!(event, Ev::Tick | Ev::Check | Ev::Patience | Ev::Waited)
    }
}
