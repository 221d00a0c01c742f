//! Queries are slow at peak.
//!
//! ```text
//!   clients --> cache --> instance: [ wait queue ] ( pool ) --> database: { running } [ lock queue ]
//!                              ^ no connection in time    \--> replicas
//! ```
//!
//! Every request is simulated: its wait for a connection, each round trip, each statement among the
//! others that run at the same time. How long a statement takes alone is the cost of the plan that
//! the planner chooses for it.

mod declare;
mod look;
mod plan;
mod words;

pub use declare::{QUESTION, READ, TOLD, act, knob, measure, number};
pub use look::Place;
pub use plan::index;

use crate::blocks::cache::{Cache, Look};
use crate::blocks::database::{Database, Usl};
use crate::blocks::load::Load;
use crate::blocks::planner::{Method, Plan};
use crate::blocks::pool::{Acquire, Connection, Pool, Returned};
use crate::declare::{Knobs, Tone};
use crate::kernel::{Ctx, Line, Model, Setup, Stream, Tape, Trace, Us, unit_exp};
use crate::look::{Fate, Samples, Seconds};
use crate::measure::series::{Rate, Recent};
use crate::slab::Slab;
use look::Second;
use words::code;

/// A cache answers within this.
const CACHE_TIME: Us = Us(500);
/// Seconds of which totals are kept.
const SECONDS_MAX: u32 = 4_000;
/// Nothing holds more connections than this: 40 instances of 1,000, and four nodes.
const PLACES_DRAWN: usize = 4_096;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ev {
    Arrive(u32),
    /// A user has thought.
    User(u32),
    Report(u32),
    BurstOn,
    BurstOff(u16),
    /// A connection has been opened, or refused.
    Opened {
        slot: u32,
        id: u32,
    },
    /// A statement reaches the database.
    Begin {
        slot: u32,
        id: u32,
    },
    /// The next statement to finish on a node.
    Done {
        node: u8,
        generation: u32,
    },
    ReportDone {
        slot: u32,
        id: u32,
    },
    StatementTimeout {
        slot: u32,
        id: u32,
        left: u16,
    },
    /// The longest wait in a pool is over.
    NoConnection {
        pool: u16,
    },
    Unlock,
    Resume,
    Restarted,
    Tick,
}

impl Trace for Ev {
    #[inline(always)]
    fn word(&self) -> u64 {
        let at = |kind: u64, slot: u32, id: u32| kind | u64::from(slot) << 8 | u64::from(id) << 32;
        match *self {
            Ev::Arrive(g) => at(1, g, 0),
            Ev::User(u) => at(2, u, 0),
            Ev::Report(g) => at(3, g, 0),
            Ev::BurstOn => 4,
            Ev::BurstOff(n) => at(5, u32::from(n), 0),
            Ev::Opened { slot, id } => at(6, slot, id),
            Ev::Begin { slot, id } => at(7, slot, id),
            Ev::Done { node, generation } => at(8, u32::from(node), generation),
            Ev::ReportDone { slot, id } => at(9, slot, id),
            Ev::StatementTimeout { slot, id, left } => at(10, slot, id) ^ u64::from(left) << 20,
            Ev::NoConnection { pool } => at(11, u32::from(pool), 0),
            Ev::Unlock => 12,
            Ev::Resume => 13,
            Ev::Restarted => 14,
            Ev::Tick => 15,
        }
    }
}

/// The knobs, in the units the model computes with.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    rate: f64,
    arrivals: usize,
    users: u32,
    think: Us,
    burst: f64,
    burst_at: Us,
    burst_for: Us,
    writes: f64,
    reports: f64,
    report_for: Us,
    details: Option<(u32, u32)>,
    usl: Usl,
    max_connections: u32,
    replicas: usize,
    rtt: Us,
    connect: Us,
    pooled: bool,
    pool: u32,
    instances: usize,
    pooler: u32,
    acquire: Us,
    room: u32,
    lifetime: Us,
    warm: bool,
    timeout: Option<Us>,
    index: u8,
    rows: f64,
    pages: f64,
    leaves: f64,
    matching: f64,
    recent: Option<f64>,
    correlation: f64,
    visible: f64,
    random_page: f64,
    disk: f64,
    estimate: f64,
    bitmap: bool,
    on_paper: bool,
    extra: u32,
    index_cost: f64,
    build: Us,
    concurrently: bool,
    hot: f64,
    cache: bool,
    ttl: Us,
    keys: u32,
    invalidate: bool,
}

impl Settings {
    fn read(k: &Knobs) -> Settings {
        let timeout = k.int(knob::TIMEOUT);
        Settings {
            rate: k.get(knob::RATE),
            arrivals: k.choice(knob::ARRIVALS),
            users: k.int(knob::USERS) as u32,
            think: k.ms(knob::THINK),
            burst: k.get(knob::BURST),
            burst_at: k.s(knob::BURST_AT),
            burst_for: k.s(knob::BURST_FOR),
            writes: k.share(knob::WRITES),
            reports: k.get(knob::REPORTS) / 60.0,
            report_for: k.s(knob::REPORT_FOR),
            details: (k.choice(knob::SHAPE) == 1)
                .then(|| (k.int(knob::DETAILS) as u32, k.int(knob::BATCH).max(1) as u32)),
            usl: Usl { alone: k.get(knob::ALONE), alpha: k.get(knob::ALPHA), beta: k.get(knob::BETA) },
            max_connections: k.int(knob::MAX_CONNECTIONS) as u32,
            replicas: k.int(knob::REPLICAS) as usize,
            rtt: k.ms(knob::RTT),
            connect: k.ms(knob::CONNECT),
            pooled: k.choice(knob::POOLING) == 0,
            pool: k.int(knob::POOL) as u32,
            instances: k.int(knob::INSTANCES).max(1) as usize,
            pooler: k.int(knob::POOLER) as u32,
            acquire: k.ms(knob::ACQUIRE),
            room: k.int(knob::ROOM) as u32,
            lifetime: k.s(knob::LIFETIME),
            warm: k.on(knob::WARM),
            timeout: (timeout > 0).then(|| Us::ms(timeout)),
            index: k.choice(knob::INDEX) as u8,
            rows: k.get(knob::ROWS),
            pages: k.get(knob::PAGES),
            leaves: k.get(knob::LEAVES),
            matching: k.share(knob::MATCH),
            recent: k.on(knob::RECENT).then(|| k.share(knob::RECENT_SHARE)),
            correlation: k.get(knob::CORRELATION),
            visible: k.share(knob::VISIBLE),
            random_page: k.get(knob::RANDOM_PAGE),
            disk: k.get(knob::DISK),
            estimate: k.get(knob::ESTIMATE),
            bitmap: k.on(knob::BITMAP),
            on_paper: k.choice(knob::ROUNDING) == 1,
            extra: k.int(knob::EXTRA) as u32,
            index_cost: k.share(knob::INDEX_COST),
            build: k.s(knob::BUILD),
            concurrently: k.on(knob::CONCURRENTLY),
            hot: k.share(knob::HOT),
            cache: k.on(knob::CACHE),
            ttl: k.s(knob::TTL),
            keys: k.int(knob::KEYS).max(1) as u32,
            invalidate: k.on(knob::INVALIDATE),
        }
    }

    fn nodes(&self) -> usize {
        1 + self.replicas
    }
    /// Places in a pool; without one, the server's limit.
    fn places(&self) -> u32 {
        if self.pooled { self.pool } else { self.max_connections }
    }
    /// Statements after the first.
    fn further(&self) -> u16 {
        self.details.map_or(0, |(lines, batch)| lines.div_ceil(batch) as u16)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Read,
    Write,
    Report,
}

/// Where a request is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    Free,
    /// In its instance's wait queue.
    Waiting,
    /// In the wait queue of the external pooler, with a place in its instance's pool.
    Pooler,
    Opening,
    /// A statement is on its way.
    Trip,
    Running,
    Locked,
    Report,
}

/// A request in a slab.
#[derive(Clone, Copy, Debug)]
struct Request {
    arrived: Us,
    /// When the present part of its way began.
    mark: Us,
    /// Its connection to the database, while it has one.
    connection: Connection,
    work: f64,
    id: u32,
    wait: u32,
    trips: u32,
    exec: u32,
    key: u32,
    /// Statements still to come, this one included, and those done.
    left: u16,
    done: u16,
    /// The place in the picture, and the pool.
    place: u16,
    pool: u16,
    kind: Kind,
    phase: Phase,
}

/// Why a request failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Why {
    /// No connection within the time to wait for one.
    NoConnection,
    /// The wait queue was full.
    Full,
    /// The database had max_connections already.
    TooMany,
    /// It could not be reached.
    Down,
    /// The statement timeout.
    Cancelled,
    /// The database died with it.
    Lost,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Counts {
    arrivals: u64,
    answered: u64,
    from_cache: u64,
    failed: u64,
    live: u64,
    opening: u64,
    trips: u64,
    reports: u64,
    statements: u64,
    no_connection: u64,
    refused: u64,
    too_many: u64,
    down: u64,
    cancelled: u64,
    lost: u64,
    stale: u64,
    /// Changes of rows, by requests and by hand.
    changes: u64,
    waiting_max: u64,
    reads: u64,
    hits: u64,
}

#[derive(Clone, Debug)]
struct Rates {
    offered: Rate,
    good: Rate,
    failed: Rate,
    cancelled: Rate,
    statements: Rate,
    trips_us: Rate,
    opened: Rate,
    reads: Rate,
    hits: Rate,
    stale: Rate,
    writes: Rate,
    writes_us: Rate,
}

/// CREATE INDEX: a statement like the others, and a long one.
#[derive(Clone, Copy, Debug)]
pub struct Build {
    /// What will be there, as in the knob.
    pub index: u8,
    pub since: Us,
    /// Writes wait for it.
    pub blocks: bool,
    work: f64,
}

/// The number under which the database knows it.
const BUILDER: u32 = u32::MAX - 1;

/// What is cached: the version of the rows, and when they were read, in milliseconds.
#[derive(Clone, Copy, Debug, Default)]
pub struct Held {
    pub version: u32,
    pub read_ms: u32,
}

/// A database node, and what connects to it.
#[derive(Clone, Debug)]
struct Node {
    db: Database,
    down: bool,
    pooler: Option<Pool>,
}

#[derive(Clone)]
pub struct SlowQueries {
    s: Settings,
    seed: u64,
    demands: Stream,
    kinds: Stream,
    picks: Stream,
    lines: Stream,
    thinks: Stream,
    hots: Stream,
    load: Load,
    bursting: bool,
    bursts: u16,
    burst_end: Us,
    report_generation: u32,
    next: u32,

    requests: Slab<Request>,
    /// Which request holds each place of the picture.
    places: Vec<u32>,
    free_places: Vec<u16>,
    /// One for each instance and node: instance × nodes + node.
    pools: Vec<Pool>,
    /// Whether the end of the longest wait is scheduled.
    timers: Vec<bool>,
    nodes: Vec<Node>,
    /// The largest a pool has been.
    places_max: u32,
    added_rtt: Us,
    locked_until: Us,
    stalled_until: Us,

    /// The index there is now, and the one that is being built.
    index: u8,
    building: Option<Build>,
    plans: Vec<Plan>,
    real: Plan,

    /// Answers by customer.
    cache: Cache<Held>,
    /// How often each customer's rows have changed.
    versions: Vec<u32>,
    age_max: Us,
    ttl_max: Us,
    last_stale: Option<Us>,

    counts: Counts,
    rates: Rates,
    latency: Recent,
    waits: Recent,
    execs: Recent,
    seconds: Seconds<Second>,
    served_work: f64,
    cleared: Option<Us>,
    all_held: Option<Us>,
    /// Set when the parts of a request's time were not the whole.
    broken: Option<(u64, u64)>,
    collapsed: bool,
    samples: Samples<Kind>,
}

impl SlowQueries {
    fn schedule_arrival(&mut self, ctx: &mut Ctx<Ev>) {
        if self.s.arrivals < 2
            && let Some(due) = self.load.due()
        {
            ctx.at(due, Ev::Arrive(self.load.generation));
        }
    }

    fn set_load(&mut self, ctx: &mut Ctx<Ev>) {
        let factor = if self.bursting { self.burst_factor() } else { 1.0 };
        self.load.set_rate(ctx.now, self.s.rate * factor);
        self.samples.pace(self.s.rate * factor);
        self.schedule_arrival(ctx);
    }

    /// A burst by hand is one even if none comes by itself.
    fn burst_factor(&self) -> f64 {
        if self.s.burst > 1.0 { self.s.burst } else { 2.0 }
    }

    fn burst_on(&mut self, ctx: &mut Ctx<Ev>) {
        self.bursts += 1;
        self.bursting = true;
        self.burst_end = ctx.now + self.s.burst_for;
        self.cleared = None;
        ctx.at(self.burst_end, Ev::BurstOff(self.bursts));
        let rate = self.s.rate * self.burst_factor();
        ctx.log(Tone::Fault, code::BURST, Line::NO_REQUEST, rate as i64, self.s.burst_for.0 as i64);
        self.set_load(ctx);
    }

    fn burst_off(&mut self, ctx: &mut Ctx<Ev>) {
        self.bursting = false;
        ctx.log(Tone::Fault, code::BURST_OVER, Line::NO_REQUEST, self.s.rate as i64, self.waiting() as i64);
        self.set_load(ctx);
    }

    fn schedule_report(&mut self, first: bool, ctx: &mut Ctx<Ev>) {
        if self.s.reports > 0.0 {
            let gap = if first { Us::ZERO } else { Us::from_s(1.0 / self.s.reports) };
            ctx.after(gap, Ev::Report(self.report_generation));
        }
    }

    fn user_thinks(&mut self, user: u32, request: u32, ctx: &mut Ctx<Ev>) {
        let factor = if self.bursting { self.burst_factor() } else { 1.0 };
        let think = unit_exp(self.thinks.at(u64::from(request) + 1)) * self.s.think.0 as f64 / factor;
        ctx.after(Us::from_us(think), Ev::User(user));
    }

    /// A new request: from the tape, from a user, or a report.
    fn arrive(&mut self, report: bool, user: u32, ctx: &mut Ctx<Ev>) {
        let id = self.next;
        self.next += 1;
        let i = u64::from(id) + 1;
        let unit = |bits: u64| (bits >> 11) as f64 * (1.0 / 9_007_199_254_740_992.0);
        let kind = if report {
            Kind::Report
        } else if unit(self.kinds.at(i)) < self.s.writes {
            Kind::Write
        } else {
            Kind::Read
        };
        // Squared: a quarter of the customers get half of the requests.
        let u = unit(self.picks.at(i));
        let key = ((u * u * f64::from(self.s.keys)) as u32).min(self.s.keys - 1);
        self.counts.arrivals += 1;
        if !report {
            self.rates.offered.add(ctx.now, 1);
            self.seconds.at(ctx.now).arrived += 1;
        }
        ctx.step(Tone::Info, code::ARRIVED, id, kind as i64, i64::from(key) + 1);
        if kind == Kind::Read && self.s.cache && self.cache_answers(id, key, ctx) {
            if self.s.arrivals == 2 {
                self.user_thinks(user, id, ctx);
            }
            return;
        }
        let node = if kind == Kind::Write || self.s.replicas == 0 { 0 } else { 1 + id as usize % self.s.replicas };
        let pool = (id as usize % self.s.instances) * self.s.nodes() + node;
        let request = Request {
            arrived: ctx.now,
            mark: ctx.now,
            connection: Connection { end: Us::ZERO },
            work: 0.0,
            id,
            wait: 0,
            trips: 0,
            exec: 0,
            // A user who waits is remembered in place of the key, which is drawn again when needed.
            key: if self.s.arrivals == 2 { user } else { key },
            left: 1 + if report { 0 } else { self.s.further() },
            done: 0,
            place: u16::MAX,
            pool: pool as u16,
            kind,
            phase: Phase::Waiting,
        };
        let slot = self.requests.insert(request);
        self.counts.live += 1;
        // Reports are few and matter.
        match kind {
            Kind::Report => self.samples.begin_surely(ctx.now, id, 1, kind),
            _ => self.samples.begin(ctx.now, id, 1, kind),
        }
        // A report waits for a connection as long as it takes; nobody sits in front of it.
        let p = &mut self.pools[pool];
        let got = if report { p.acquire_patiently(ctx.now, slot) } else { p.acquire(ctx.now, slot) };
        match got {
            Acquire::Queued => {
                let waiting = self.waiting();
                self.counts.waiting_max = self.counts.waiting_max.max(waiting);
                ctx.step(Tone::Waiting, code::QUEUED, id, self.pools[pool].waiting() as i64, 0);
                self.watch(pool, ctx);
            }
            Acquire::Refused => self.fail(slot, Why::Full, false, ctx),
            got => self.granted(slot, got, ctx),
        }
    }

    /// The customer a request is about.
    fn key_of(&self, r: &Request) -> u32 {
        if self.s.arrivals < 2 {
            return r.key;
        }
        let u = (self.picks.at(u64::from(r.id) + 1) >> 11) as f64 * (1.0 / 9_007_199_254_740_992.0);
        ((u * u * f64::from(self.s.keys)) as u32).min(self.s.keys - 1)
    }

    fn cache_answers(&mut self, id: u32, key: u32, ctx: &mut Ctx<Ev>) -> bool {
        self.counts.reads += 1;
        self.rates.reads.add(ctx.now, 1);
        let (look, held) = self.cache.get(ctx.now, key);
        if look != Look::Fresh {
            ctx.step(Tone::Info, code::MISS, id, 0, 0);
            return false;
        }
        let age = ctx.now - Us::ms(u64::from(held.read_ms));
        self.age_max = self.age_max.max(age);
        let stale = held.version != self.versions[key as usize];
        self.counts.hits += 1;
        self.counts.answered += 1;
        self.counts.from_cache += 1;
        self.rates.hits.add(ctx.now, 1);
        self.rates.good.add(ctx.now, 1);
        self.latency.add(ctx.now, CACHE_TIME);
        let second = self.seconds.at(ctx.now);
        second.good += 1;
        second.latency_us += CACHE_TIME.0;
        if stale {
            self.counts.stale += 1;
            self.rates.stale.add(ctx.now, 1);
            self.last_stale = Some(ctx.now);
            ctx.bad();
        }
        self.samples.begin(ctx.now, id, 1, Kind::Read);
        self.samples.end(ctx.now, id, 1, if stale { Fate::Stale } else { Fate::Good });
        ctx.mix(u64::from(stale) << 32 | u64::from(key));
        let tone = if stale { Tone::Stale } else { Tone::Ok };
        ctx.step(tone, code::HIT, id, age.0 as i64, i64::from(stale));
        true
    }

    fn fill_cache(&mut self, key: u32, now: Us) {
        let held = Held { version: self.versions[key as usize], read_ms: now.0.div_ceil(1_000) as u32 };
        self.cache.store(now, key, self.s.ttl, held);
    }

    fn changed(&mut self, key: u32) {
        self.versions[key as usize] += 1;
        self.counts.changes += 1;
        if self.s.cache && self.s.invalidate {
            self.cache.remove(key);
        }
    }

    /// A place in the instance's pool.
    fn granted(&mut self, slot: u32, got: Acquire, ctx: &mut Ctx<Ev>) {
        let place = self.free_places.pop().unwrap_or(u16::MAX);
        if let Some(p) = self.places.get_mut(place as usize) {
            *p = slot;
        }
        let r = &mut self.requests[slot as usize];
        r.place = place;
        let (id, waited) = (r.id, ctx.now - r.arrived);
        ctx.step(Tone::Ok, code::PLACE, id, waited.0 as i64, 0);
        let (node, pool) = self.where_to(slot);
        let Some(pooler) = &mut self.nodes[node].pooler else {
            return self.server_connection(slot, got, ctx);
        };
        // To the pooler a connection costs nothing worth mentioning; behind it they are few. It lets
        // everybody wait.
        if got == Acquire::Open {
            self.pools[pool].open(ctx.now);
        }
        match pooler.acquire(ctx.now, slot) {
            Acquire::Queued | Acquire::Refused => self.requests[slot as usize].phase = Phase::Pooler,
            got => self.server_connection(slot, got, ctx),
        }
    }

    /// A connection to the database, or leave to open one.
    fn server_connection(&mut self, slot: u32, got: Acquire, ctx: &mut Ctx<Ev>) {
        if let Acquire::Granted(connection) = got {
            self.requests[slot as usize].connection = connection;
            return self.connected(slot, ctx);
        }
        let r = &mut self.requests[slot as usize];
        r.phase = Phase::Opening;
        self.counts.opening += 1;
        ctx.step(Tone::Waiting, code::OPENING, r.id, self.s.connect.0 as i64, 0);
        ctx.after(self.s.connect, Ev::Opened { slot, id: r.id });
    }

    fn opened(&mut self, slot: u32, ctx: &mut Ctx<Ev>) {
        self.counts.opening -= 1;
        let (node, pool) = self.where_to(slot);
        // Idle connections count too: the server's limit does not ask who uses them.
        let full = self.open(node) >= self.s.max_connections;
        let n = &mut self.nodes[node];
        if n.down || full {
            let why = if n.down { Why::Down } else { Why::TooMany };
            return self.fail(slot, why, true, ctx);
        }
        self.rates.opened.add(ctx.now, 1);
        let connection = match &mut n.pooler {
            Some(pooler) => pooler.open(ctx.now),
            None => self.pools[pool].open(ctx.now),
        };
        self.requests[slot as usize].connection = connection;
        self.connected(slot, ctx);
    }

    /// Connections that a node has open.
    fn open(&self, node: usize) -> u32 {
        match &self.nodes[node].pooler {
            Some(p) => p.open_now(),
            None => self.pools.iter().skip(node).step_by(self.s.nodes()).map(Pool::open_now).sum(),
        }
    }

    /// The node and the pool of a request.
    fn where_to(&self, slot: u32) -> (usize, usize) {
        let pool = self.requests[slot as usize].pool as usize;
        (pool % self.s.nodes(), pool)
    }

    fn connected(&mut self, slot: u32, ctx: &mut Ctx<Ev>) {
        let r = &mut self.requests[slot as usize];
        r.wait = ctx.now.since(r.arrived).0 as u32;
        if r.kind != Kind::Report {
            let wait = ctx.now - r.arrived;
            self.waits.add(ctx.now, wait);
        }
        self.send(slot, ctx);
    }

    /// The next statement sets out.
    fn send(&mut self, slot: u32, ctx: &mut Ctx<Ev>) {
        let trip = self.s.rtt + self.added_rtt;
        let r = &mut self.requests[slot as usize];
        r.phase = Phase::Trip;
        r.trips += trip.0 as u32;
        self.counts.trips += 1;
        ctx.after(trip, Ev::Begin { slot, id: r.id });
    }

    /// Work of the statement that a request is at, in statements' worth.
    fn work(&self, r: &Request) -> f64 {
        let first = r.done == 0;
        let draw = unit_exp(self.demands.at(u64::from(r.id) + 1));
        let (lines, batch) = self.s.details.unwrap_or((0, 1));
        // The last batch may be smaller.
        let here = lines.saturating_sub(u32::from(r.done.saturating_sub(1)) * batch).min(batch).max(1);
        let again = unit_exp(self.lines.at(u64::from(r.id) << 10 | u64::from(r.done)));
        match (r.kind, first) {
            (Kind::Report, _) => 0.0,
            (Kind::Write, true) => draw * self.s.write_factor(self.index),
            (Kind::Write, false) => again * self.s.lines_write(here, self.index),
            (Kind::Read, true) => draw * self.s.work_of(&self.real),
            (Kind::Read, false) => again * self.s.lines_work(here),
        }
    }

    /// A statement has reached the database.
    fn begin(&mut self, slot: u32, ctx: &mut Ctx<Ev>) {
        self.counts.trips -= 1;
        let (node, _) = self.where_to(slot);
        if self.nodes[node].down {
            return self.fail(slot, Why::Lost, true, ctx);
        }
        let work = self.work(&self.requests[slot as usize]);
        let hot = self.s.hot > 0.0
            && ((self.hots.at(u64::from(self.requests[slot as usize].id)) >> 11) as f64)
                < self.s.hot * 9_007_199_254_740_992.0;
        let db = &mut self.nodes[node].db;
        let r = &mut self.requests[slot as usize];
        r.mark = ctx.now;
        r.work = work;
        if let Some(timeout) = self.s.timeout {
            ctx.after(timeout, Ev::StatementTimeout { slot, id: r.id, left: r.left });
        }
        if r.kind == Kind::Report {
            r.phase = Phase::Report;
            self.counts.reports += 1;
            ctx.step(Tone::Info, code::REPORTS, r.id, self.s.report_for.0 as i64, 0);
            ctx.after(self.s.report_for, Ev::ReportDone { slot, id: r.id });
            return self.look_whether_held(ctx);
        }
        let runs = if r.kind == Kind::Write && node == 0 && (hot || db.lock_held_from_outside()) {
            db.begin_locked(ctx.now, slot, work)
        } else {
            db.begin(ctx.now, slot, work);
            true
        };
        r.phase = if runs { Phase::Running } else { Phase::Locked };
        let (tone, what) = if runs { (Tone::Info, code::BEGUN) } else { (Tone::Waiting, code::LOCKED) };
        let others = if runs { db.active() } else { db.locked() };
        ctx.step(tone, what, r.id, others as i64 - 1, i64::from(r.left));
        self.watch_node(node, ctx);
    }

    /// Schedules the next statement to finish.
    #[inline]
    fn watch_node(&mut self, node: usize, ctx: &mut Ctx<Ev>) {
        let db = &self.nodes[node].db;
        if let Some(due) = db.due() {
            ctx.at(due, Ev::Done { node: node as u8, generation: db.generation });
        }
    }

    fn done(&mut self, node: usize, ctx: &mut Ctx<Ev>) {
        while let Some(slot) = self.nodes[node].db.finish(ctx.now) {
            if slot == BUILDER {
                self.built(ctx);
            } else {
                self.statement_done(slot, ctx);
            }
        }
        // Whoever got the lock runs now.
        self.after_locks(node);
        self.watch_node(node, ctx);
    }

    /// The lock has moved on without this model's doing: find out to whom.
    fn after_locks(&mut self, node: usize) {
        if let Some(slot) = self.nodes[node].db.lock_holder() {
            self.requests[slot as usize].phase = Phase::Running;
        }
    }

    fn statement_done(&mut self, slot: u32, ctx: &mut Ctx<Ev>) {
        let r = &mut self.requests[slot as usize];
        let took = ctx.now - r.mark;
        r.exec += took.0 as u32;
        r.left -= 1;
        r.done += 1;
        self.served_work += r.work;
        self.counts.statements += 1;
        self.rates.statements.add(ctx.now, 1);
        ctx.step(Tone::Ok, code::DONE, r.id, took.0 as i64, i64::from(r.left));
        if r.left > 0 {
            return self.send(slot, ctx);
        }
        self.answered(slot, ctx);
    }

    fn answered(&mut self, slot: u32, ctx: &mut Ctx<Ev>) {
        let r = self.requests[slot as usize];
        let total = ctx.now - r.arrived;
        let parts = u64::from(r.wait) + u64::from(r.trips) + u64::from(r.exec);
        if parts != total.0 {
            self.broken = Some((total.0, parts));
        }
        self.counts.answered += 1;
        if r.kind != Kind::Report {
            self.rates.good.add(ctx.now, 1);
            self.rates.trips_us.add(ctx.now, r.trips);
            self.latency.add(ctx.now, total);
            self.execs.add(ctx.now, Us(u64::from(r.exec)));
            let second = self.seconds.at(ctx.now);
            second.good += 1;
            second.latency_us += total.0;
            if r.kind == Kind::Write {
                second.writes += 1;
                second.write_us += u64::from(r.exec);
                self.rates.writes.add(ctx.now, 1);
                self.rates.writes_us.add(ctx.now, r.exec);
            }
        }
        match r.kind {
            Kind::Write => {
                let key = self.key_of(&r);
                self.changed(key);
            }
            Kind::Read if self.s.cache => {
                let key = self.key_of(&r);
                self.fill_cache(key, ctx.now);
            }
            _ => {}
        }
        ctx.step(Tone::Ok, code::ANSWERED, r.id, total.0 as i64, i64::from(r.wait));
        self.drawn_end(ctx.now, r.id, Fate::Good);
        self.leave(slot, Some(r.connection), ctx);
    }

    /// A request comes to nothing. `holds`: it has a place in its pool. Its statement, if there is one,
    /// has been taken off the database already.
    fn fail(&mut self, slot: u32, why: Why, holds: bool, ctx: &mut Ctx<Ev>) {
        let r = self.requests[slot as usize];
        let count = match why {
            Why::NoConnection => &mut self.counts.no_connection,
            Why::Full => &mut self.counts.refused,
            Why::TooMany => &mut self.counts.too_many,
            Why::Down => &mut self.counts.down,
            Why::Cancelled => &mut self.counts.cancelled,
            Why::Lost => &mut self.counts.lost,
        };
        *count += 1;
        self.counts.failed += 1;
        self.rates.failed.add(ctx.now, 1);
        ctx.bad();
        ctx.mix(why as u64 | 0x100);
        ctx.step(Tone::Rejected, code::FAILED, r.id, why as i64, (ctx.now - r.arrived).0 as i64);
        self.drawn_end(ctx.now, r.id, Fate::Failed);
        // A cancelled statement leaves its connection as it was.
        let kept = (why == Why::Cancelled).then_some(r.connection);
        if holds {
            self.leave(slot, kept, ctx);
        } else {
            self.vacate(slot, ctx);
        }
    }

    /// A request that held a place goes, and the next in the queue gets it.
    fn leave(&mut self, slot: u32, kept: Option<Connection>, ctx: &mut Ctx<Ev>) {
        let (node, pool) = self.where_to(slot);
        let r = self.requests[slot as usize];
        if let Some(p) = self.places.get_mut(r.place as usize) {
            *p = u32::MAX;
            self.free_places.push(r.place);
        }
        self.vacate(slot, ctx);
        let keeps = self.s.pooled || self.nodes[node].pooler.is_some();
        let back = match kept {
            _ if r.connection.end == Us::ZERO => Returned::Nothing,
            Some(c) if keeps => Returned::Usable(c),
            _ => Returned::Closed,
        };
        let Some(pooler) = &mut self.nodes[node].pooler else {
            if let Some((other, got)) = self.pools[pool].release(ctx.now, back) {
                self.granted(other, got, ctx);
            }
            return;
        };
        if let Some((other, got)) = pooler.release(ctx.now, back) {
            self.server_connection(other, got, ctx);
        }
        let mine = Returned::Usable(Connection { end: Us::MAX });
        if let Some((other, got)) = self.pools[pool].release(ctx.now, mine) {
            self.granted(other, got, ctx);
        }
    }

    fn vacate(&mut self, slot: u32, ctx: &mut Ctx<Ev>) {
        let r = &mut self.requests[slot as usize];
        r.phase = Phase::Free;
        let (id, user, report) = (r.id, r.key, r.kind == Kind::Report);
        self.counts.live -= 1;
        self.requests.release(slot);
        if self.s.arrivals == 2 && !report {
            self.user_thinks(user, id, ctx);
        }
    }

    /// Makes sure that the end of the longest wait in a pool is scheduled.
    fn watch(&mut self, pool: usize, ctx: &mut Ctx<Ev>) {
        if !self.timers[pool]
            && let Some(deadline) = self.pools[pool].deadline()
        {
            self.timers[pool] = true;
            ctx.at(deadline, Ev::NoConnection { pool: pool as u16 });
        }
    }

    fn waits_end(&mut self, pool: usize, ctx: &mut Ctx<Ev>) {
        self.timers[pool] = false;
        while let Some(slot) = self.pools[pool].expire(ctx.now) {
            self.fail(slot, Why::NoConnection, false, ctx);
        }
        self.watch(pool, ctx);
    }

    fn statement_timeout(&mut self, slot: u32, ctx: &mut Ctx<Ev>) {
        let (node, _) = self.where_to(slot);
        match self.requests[slot as usize].phase {
            Phase::Report => self.counts.reports -= 1,
            Phase::Running | Phase::Locked => {
                self.nodes[node].db.cancel(ctx.now, slot);
                self.after_locks(node);
                self.watch_node(node, ctx);
            }
            _ => return,
        }
        self.rates.cancelled.add(ctx.now, 1);
        self.fail(slot, Why::Cancelled, true, ctx);
    }

    /// Whether an event is still about this request.
    fn is(&self, slot: u32, id: u32, phase: Phase) -> bool {
        let r = &self.requests[slot as usize];
        r.id == id && r.phase == phase
    }

    fn lock(&mut self, span: Us, ctx: &mut Ctx<Ev>) {
        self.nodes[0].db.take_lock();
        self.locked_until = self.locked_until.max(ctx.now + span);
        ctx.at(self.locked_until, Ev::Unlock);
    }

    fn unlock(&mut self, ctx: &mut Ctx<Ev>) {
        let builds = self.building.is_some_and(|b| b.blocks);
        if builds || ctx.now < self.locked_until || !self.nodes[0].db.lock_held_from_outside() {
            return;
        }
        ctx.log(Tone::Fault, code::UNLOCKED, Line::NO_REQUEST, self.nodes[0].db.locked() as i64, 0);
        self.nodes[0].db.release_lock(ctx.now);
        self.after_locks(0);
        self.watch_node(0, ctx);
    }

    fn stall(&mut self, span: Us, ctx: &mut Ctx<Ev>) {
        self.stalled_until = ctx.now + span;
        self.nodes[0].db.set_stalled(ctx.now, true);
        ctx.log(Tone::Fault, code::STALLED, Line::NO_REQUEST, span.0 as i64, 0);
        ctx.at(self.stalled_until, Ev::Resume);
    }

    fn resume(&mut self, ctx: &mut Ctx<Ev>) {
        if ctx.now >= self.stalled_until && self.nodes[0].db.is_stalled() {
            self.nodes[0].db.set_stalled(ctx.now, false);
            ctx.log(Tone::Fault, code::RESUMED, Line::NO_REQUEST, self.nodes[0].db.active() as i64, 0);
            self.watch_node(0, ctx);
        }
    }

    /// The primary dies and comes back with no connection open.
    fn restart(&mut self, span: Us, ctx: &mut Ctx<Ev>) {
        let mut lost = Vec::new();
        self.nodes[0].db.crash(ctx.now, |slot| lost.push(slot));
        lost.retain(|slot| *slot != BUILDER);
        self.nodes[0].down = true;
        self.nodes[0].db.set_stalled(ctx.now, false);
        match &mut self.nodes[0].pooler {
            Some(p) => p.lose_all(),
            None => self.pools.iter_mut().step_by(self.s.nodes()).for_each(Pool::lose_all),
        }
        // An index that was half built is gone too.
        self.building = None;
        // Reports, statements on their way and idle holders lose their connection as well.
        for slot in 0..self.requests.len() as u32 {
            let r = &mut self.requests[slot as usize];
            if r.phase == Phase::Free || !(r.pool as usize).is_multiple_of(self.s.nodes()) {
                continue;
            }
            r.connection = Connection { end: Us::ZERO };
            match r.phase {
                Phase::Report => {
                    self.counts.reports -= 1;
                    lost.push(slot);
                }
                Phase::Trip => {
                    self.counts.trips -= 1;
                    lost.push(slot);
                }
                _ => {}
            }
        }
        ctx.log(Tone::Fault, code::DOWN, Line::NO_REQUEST, lost.len() as i64, span.0 as i64);
        // One after the other: each leaves a place that the next in the queue takes at once, in vain.
        for slot in lost {
            self.requests[slot as usize].phase = Phase::Waiting;
            self.fail(slot, Why::Lost, true, ctx);
        }
        ctx.after(span, Ev::Restarted);
    }

    fn restarted(&mut self, ctx: &mut Ctx<Ev>) {
        self.nodes[0].down = false;
        ctx.log(Tone::Fault, code::UP, Line::NO_REQUEST, self.waiting() as i64, 0);
    }

    /// Leaked, or given back to everybody who waits.
    fn leak(&mut self, n: u32, ctx: &mut Ctx<Ev>) {
        let mut left = n;
        let mut gone = 0;
        for p in &mut self.pools {
            let took = p.leak(left);
            left -= took;
            gone += took;
        }
        ctx.log(Tone::Fault, code::LEAKED, Line::NO_REQUEST, i64::from(gone), i64::from(n));
        self.look_whether_held(ctx);
    }

    fn mend(&mut self, ctx: &mut Ctx<Ev>) {
        self.nodes[0].db.set_factor(ctx.now, 1.0);
        self.added_rtt = Us::ZERO;
        self.locked_until = ctx.now;
        self.stalled_until = ctx.now;
        ctx.log(Tone::Fault, code::MENDED, Line::NO_REQUEST, 0, 0);
        self.unlock(ctx);
        self.resume(ctx);
        self.watch_node(0, ctx);
        self.pools.iter_mut().for_each(Pool::mend);
        for slot in 0..self.requests.len() as u32 {
            if self.requests[slot as usize].phase == Phase::Report {
                self.counts.reports -= 1;
                self.rates.cancelled.add(ctx.now, 1);
                self.fail(slot, Why::Cancelled, true, ctx);
            }
        }
        self.serve_all(ctx);
    }

    /// Places may have become free without anybody giving one back.
    fn serve_all(&mut self, ctx: &mut Ctx<Ev>) {
        for pool in 0..self.pools.len() {
            while let Some((slot, got)) = self.pools[pool].next(ctx.now) {
                self.granted(slot, got, ctx);
            }
        }
    }

    /// Another index is wanted: dropping is done at once, building takes its time.
    fn set_index(&mut self, to: u8, ctx: &mut Ctx<Ev>) {
        if self.building.take().is_some() {
            self.nodes[0].db.cancel(ctx.now, BUILDER);
            self.unlock(ctx);
            self.watch_node(0, ctx);
        }
        if to == self.index {
            return;
        }
        if to == index::NONE {
            self.index = to;
            ctx.log(Tone::Fault, code::DROPPED, Line::NO_REQUEST, 0, 0);
            return self.replan(ctx);
        }
        if self.nodes[0].down {
            return;
        }
        // The old one stays until the new one is ready. CONCURRENTLY reads the table twice.
        let blocks = !self.s.concurrently;
        let span = if blocks { self.s.build } else { self.s.build * 2 };
        let work = span.as_s() * self.s.usl.alone;
        self.building = Some(Build { index: to, since: ctx.now, blocks, work });
        ctx.log(Tone::Fault, code::BUILDING, Line::NO_REQUEST, span.0 as i64, i64::from(blocks));
        let db = &mut self.nodes[0].db;
        if blocks {
            db.take_lock();
        }
        db.begin(ctx.now, BUILDER, work);
        self.watch_node(0, ctx);
    }

    fn built(&mut self, ctx: &mut Ctx<Ev>) {
        if let Some(build) = self.building.take() {
            self.index = build.index;
            self.served_work += build.work;
            ctx.log(
                Tone::Fault,
                code::BUILT,
                Line::NO_REQUEST,
                i64::from(build.index),
                (ctx.now - build.since).0 as i64,
            );
            self.replan(ctx);
            self.unlock(ctx);
        }
    }

    /// The planner looks again; a change of plan is news.
    fn replan(&mut self, ctx: &mut Ctx<Ev>) {
        let before = self.plans.first().map(|p| p.method);
        self.plans = self.s.plans(self.index);
        let chosen = self.plans[0];
        self.real = self.s.really(self.index, chosen.method);
        for p in &self.plans {
            ctx.mix(p.total.to_bits() ^ p.rows.to_bits().rotate_left(32));
        }
        ctx.mix(self.real.total.to_bits());
        if before.is_some_and(|b| b != chosen.method) {
            ctx.log(Tone::Info, code::PLAN, Line::NO_REQUEST, chosen.method as i64, (chosen.total * 100.0) as i64);
        }
    }

    /// The pools that the settings ask for; those of instances that are gone run dry.
    fn shape_pools(&mut self) {
        let nodes = self.s.nodes();
        let places = self.s.places();
        self.places_max = self.places_max.max(places);
        while self.pools.len() < self.s.instances * nodes {
            let number = self.pools.len() as u64;
            self.pools.push(Pool::new(places, self.s.room, self.s.acquire, self.s.lifetime, self.seed, number));
            self.timers.push(false);
        }
        for (i, p) in self.pools.iter_mut().enumerate() {
            p.resize(places);
            p.set_timeout(self.s.acquire);
            if i >= self.s.instances * nodes {
                p.drop_idle();
            }
        }
    }

    fn look_whether_held(&mut self, ctx: &mut Ctx<Ev>) {
        let leaked: u64 = self.pools.iter().map(|p| u64::from(p.leaked())).sum();
        let places = u64::from(self.s.places()) * self.pools.len() as u64;
        if self.all_held.is_none() && self.counts.reports + leaked >= places {
            self.all_held = Some(ctx.now);
            ctx.log(Tone::Rejected, code::ALL_HELD, Line::NO_REQUEST, places as i64, 0);
        }
    }

    fn tick(&mut self, ctx: &mut Ctx<Ev>) {
        self.seconds.at(ctx.now);
        let waiting = self.waiting();
        if self.cleared.is_none() && ctx.now >= self.burst_end && waiting == 0 && !self.bursting {
            self.cleared = Some(ctx.now);
        }
        let (good, offered) = (self.rates.good.per_s(ctx.now), self.rates.offered.per_s(ctx.now));
        let down = good < 0.9 * offered && waiting as f64 > offered;
        if down != self.collapsed && !self.bursting && (down || waiting == 0) {
            self.collapsed = down;
            let (tone, what) = if down { (Tone::Rejected, code::COLLAPSED) } else { (Tone::Ok, code::RECOVERED) };
            ctx.log(tone, what, Line::NO_REQUEST, good as i64, waiting as i64);
        }
        ctx.after(Us::s(1), Ev::Tick);
    }

    /// Who waited longer than a change of the load or is a report is drawn too.
    fn drawn_end(&mut self, now: Us, id: u32, fate: Fate) {
        if let Some(s) = self.samples.search(id, 1) {
            s.close(now, fate);
        }
    }

    fn waiting(&self) -> u64 {
        self.pools.iter().map(|p| p.waiting() as u64).sum()
    }
}

impl Model for SlowQueries {
    type Event = Ev;

    fn new(setup: &Setup) -> SlowQueries {
        let s = Settings::read(setup.knobs);
        let tape = Tape::new(setup.seed);
        let load = if s.arrivals == 1 { Load::even(tape, s.rate) } else { Load::new(tape, s.rate) };
        let rate = Rate::new(Us::s(1));
        let recent = Recent::new(Us::s(5), 5);
        let pooler = (s.pooler > 0).then(|| Pool::new(s.pooler, u32::MAX, Us::MAX, s.lifetime, setup.seed, 1_000_000));
        let node = Node { db: Database::new(s.usl), down: false, pooler };
        // Half a minute's worth, so that who waits that long is still drawn when the answer comes.
        let mut samples = Samples::new(40.0, 900);
        samples.pace(s.rate);
        let mut q = SlowQueries {
            seed: setup.seed,
            demands: tape.purpose("service"),
            kinds: tape.purpose("kind"),
            picks: tape.purpose("key"),
            lines: tape.purpose("line"),
            thinks: tape.purpose("think"),
            hots: tape.purpose("hot"),
            load,
            bursting: false,
            bursts: 0,
            burst_end: Us::ZERO,
            report_generation: 0,
            next: 0,
            requests: Slab::default(),
            places: vec![u32::MAX; PLACES_DRAWN],
            free_places: (0..PLACES_DRAWN as u16).rev().collect(),
            pools: Vec::new(),
            timers: Vec::new(),
            nodes: vec![node; s.nodes()],
            places_max: s.places(),
            added_rtt: Us::ZERO,
            locked_until: Us::ZERO,
            stalled_until: Us::ZERO,
            index: s.index,
            building: None,
            plans: s.plans(s.index),
            real: s.really(s.index, Method::SeqScan),
            cache: Cache::new(s.keys),
            versions: vec![0; s.keys as usize],
            age_max: Us::ZERO,
            ttl_max: s.ttl,
            last_stale: None,
            counts: Counts::default(),
            rates: Rates {
                offered: rate.clone(),
                good: rate.clone(),
                failed: rate.clone(),
                cancelled: rate.clone(),
                statements: rate.clone(),
                trips_us: rate.clone(),
                opened: rate.clone(),
                reads: rate.clone(),
                hits: rate.clone(),
                stale: rate.clone(),
                writes: rate.clone(),
                writes_us: rate,
            },
            latency: recent.clone(),
            waits: recent.clone(),
            execs: recent,
            seconds: Seconds::new(SECONDS_MAX),
            served_work: 0.0,
            cleared: None,
            all_held: None,
            broken: None,
            collapsed: false,
            samples,
            s,
        };
        q.shape_pools();
        if q.s.warm && q.s.pooled {
            let nodes = q.s.nodes();
            let mut room = vec![q.s.max_connections; nodes];
            for (i, p) in q.pools.iter_mut().enumerate() {
                match q.nodes[i % nodes].pooler {
                    Some(_) => p.fill(Us::ZERO, u32::MAX),
                    None => {
                        let opened = p.fill(Us::ZERO, room[i % nodes]);
                        room[i % nodes] -= opened;
                        opened
                    }
                };
            }
            for n in &mut q.nodes {
                if let Some(p) = &mut n.pooler {
                    p.fill(Us::ZERO, q.s.max_connections);
                }
            }
        }
        q
    }

    fn start(&mut self, ctx: &mut Ctx<Ev>) {
        self.schedule_arrival(ctx);
        if self.s.arrivals == 2 {
            for user in 0..self.s.users {
                self.user_thinks(user, u32::MAX - user, ctx);
            }
        }
        self.schedule_report(true, ctx);
        if self.s.burst > 1.0 {
            ctx.at(self.s.burst_at, Ev::BurstOn);
        }
        ctx.after(Us::s(1), Ev::Tick);
        self.replan(ctx);
    }

    #[inline]
    fn on(&mut self, event: Ev, ctx: &mut Ctx<Ev>) {
        match event {
            Ev::Arrive(generation) => {
                if generation == self.load.generation {
                    self.load.arrive(ctx.now);
                    self.arrive(false, 0, ctx);
                    self.schedule_arrival(ctx);
                }
            }
            Ev::Done { node, generation } => {
                if generation == self.nodes[node as usize].db.generation {
                    self.done(node as usize, ctx);
                }
            }
            Ev::Begin { slot, id } => {
                if self.is(slot, id, Phase::Trip) {
                    self.begin(slot, ctx);
                }
            }
            Ev::Opened { slot, id } => {
                if self.is(slot, id, Phase::Opening) {
                    self.opened(slot, ctx);
                }
            }
            Ev::StatementTimeout { slot, id, left } => {
                let r = &self.requests[slot as usize];
                if r.id == id && r.left == left {
                    self.statement_timeout(slot, ctx);
                }
            }
            Ev::ReportDone { slot, id } => {
                if self.is(slot, id, Phase::Report) {
                    self.counts.reports -= 1;
                    self.statement_done(slot, ctx);
                }
            }
            Ev::NoConnection { pool } => self.waits_end(pool as usize, ctx),
            Ev::User(user) => self.arrive(false, user, ctx),
            Ev::Report(generation) => {
                if generation == self.report_generation {
                    self.arrive(true, 0, ctx);
                    self.schedule_report(false, ctx);
                }
            }
            Ev::BurstOn => self.burst_on(ctx),
            Ev::BurstOff(number) => {
                if number == self.bursts {
                    self.burst_off(ctx);
                }
            }
            Ev::Unlock => self.unlock(ctx),
            Ev::Resume => self.resume(ctx),
            Ev::Restarted => self.restarted(ctx),
            Ev::Tick => self.tick(ctx),
        }
    }

    fn act(&mut self, act: u8, args: &[f64], ctx: &mut Ctx<Ev>) {
        match act as usize {
            act::BURST => self.burst_on(ctx),
            act::REPORT => {
                ctx.log(Tone::Fault, code::REPORT, Line::NO_REQUEST, args[0] as i64, self.s.report_for.0 as i64);
                for _ in 0..args[0] as u32 {
                    self.arrive(true, 0, ctx);
                }
            }
            act::LOCK => {
                let span = Us::from_s(args[0]);
                ctx.log(Tone::Fault, code::LOCK, Line::NO_REQUEST, span.0 as i64, 0);
                self.lock(span, ctx);
            }
            act::SLOW => {
                self.nodes[0].db.set_factor(ctx.now, args[0]);
                ctx.log(Tone::Fault, code::SLOW, Line::NO_REQUEST, (args[0] * 10.0) as i64, 0);
                self.watch_node(0, ctx);
            }
            act::STALL => self.stall(Us::from_s(args[0]), ctx),
            act::RESTART => self.restart(Us::from_s(args[0]), ctx),
            act::DELAY => {
                self.added_rtt = Us::from_ms(args[0]);
                ctx.log(Tone::Fault, code::DELAY, Line::NO_REQUEST, self.added_rtt.0 as i64, 0);
            }
            act::LEAK => self.leak(args[0] as u32, ctx),
            act::DROP => self.set_index(index::NONE, ctx),
            act::CREATE => {
                // Nothing is set to be there: the ordinary one.
                let to = if self.s.index == index::NONE { index::CUSTOMER } else { self.s.index };
                if self.building.is_none_or(|b| b.index != to) {
                    self.set_index(to, ctx);
                }
            }
            act::UPDATE => {
                self.changed(0);
                ctx.log(Tone::Fault, code::UPDATED, Line::NO_REQUEST, i64::from(self.s.cache && self.s.invalidate), 0);
            }
            act::FLUSH => {
                ctx.log(Tone::Fault, code::FLUSHED, Line::NO_REQUEST, self.cache.fresh(ctx.now) as i64, 0);
                self.cache.flush();
            }
            act::MEND => self.mend(ctx),
            _ => {}
        }
    }

    fn knob(&mut self, which: u8, knobs: &Knobs, ctx: &mut Ctx<Ev>) {
        self.s = Settings::read(knobs);
        self.ttl_max = self.ttl_max.max(self.s.ttl);
        ctx.log_knob(code::KNOB, which, knobs);
        match which as usize {
            knob::RATE => self.set_load(ctx),
            knob::REPORTS => {
                self.report_generation += 1;
                self.schedule_report(true, ctx);
            }
            knob::INDEX => self.set_index(self.s.index, ctx),
            knob::CACHE => self.cache.flush(),
            _ => {}
        }
        self.shape_pools();
        self.serve_all(ctx);
        for pool in 0..self.pools.len() {
            // A shorter wait may already be over.
            self.waits_end(pool, ctx);
        }
        self.replan(ctx);
    }

    crate::in_files_of_their_own!();

    fn counts(&self) -> Vec<(&'static str, u64)> {
        let c = &self.counts;
        vec![
            ("arrivals", c.arrivals),
            ("answered", c.answered),
            ("from_cache", c.from_cache),
            ("failed", c.failed),
            ("in_flight", c.live),
            ("waiting", self.waiting()),
            ("in_use", self.pools.iter().map(|p| u64::from(p.in_use())).sum()),
            ("statements", c.statements),
            ("no_connection_in_time", c.no_connection),
            ("queue_full", c.refused),
            ("too_many_clients", c.too_many),
            ("database_down", c.down),
            ("cancelled", c.cancelled),
            ("lost", c.lost),
            ("stale_reads", c.stale),
            ("rows_changed", c.changes),
        ]
    }

    fn invariants(&self, now: Us) -> Result<(), String> {
        use crate::measure::conserve::balance;
        let c = &self.counts;
        balance("arrivals", c.arrivals, &[("answered", c.answered), ("failed", c.failed), ("in flight", c.live)])?;
        let sum = |f: fn(&Pool) -> u32| self.pools.iter().map(|p| u64::from(f(p))).sum::<u64>();
        let (in_use, leaked) = (sum(Pool::in_use), sum(Pool::leaked));
        balance("in flight", c.live + leaked, &[("waiting for a connection", self.waiting()), ("in use", in_use)])?;
        let nodes = |f: &dyn Fn(&Node) -> usize| self.nodes.iter().map(f).sum::<usize>() as u64;
        let pooler = nodes(&|n| n.pooler.as_ref().map_or(0, Pool::waiting));
        let (active, locked) = (nodes(&|n| n.db.active()), nodes(&|n| n.db.locked()));
        let parts = [
            ("leaked", leaked),
            ("waiting at the pooler", pooler),
            ("being opened", c.opening),
            ("on the network", c.trips),
            ("running", active - u64::from(self.building.is_some())),
            ("waiting for a lock", locked),
            ("reports", c.reports),
        ];
        balance("connections in use", in_use, &parts)?;
        let fails = [
            ("without a connection", c.no_connection),
            ("refused", c.refused),
            ("too many", c.too_many),
            ("down", c.down),
            ("cancelled", c.cancelled),
            ("lost", c.lost),
        ];
        balance("failed", c.failed, &fails)?;
        if let Some((whole, parts)) = self.broken {
            return Err(format!("a request took {whole} µs, but wait, round trips and execution make {parts}"));
        }
        let served: f64 = self.nodes.iter().map(|n| n.db.served).sum();
        if (served - self.served_work).abs() > 1e-6 * (1.0 + served) {
            return Err(format!("work served {served}, but the statements' work is {}", self.served_work));
        }
        if self.plans.iter().any(|p| p.total < self.plans[0].total) {
            return Err(format!("at {now} the plan in use is not the cheapest"));
        }
        // A copy's age is known to the millisecond.
        if self.age_max > self.ttl_max + Us::ms(1) {
            return Err(format!("a cached answer was {} old, kept for at most {}", self.age_max, self.ttl_max));
        }
        if let Some(n) = (0..self.nodes.len()).find(|n| self.open(*n) > self.s.max_connections) {
            return Err(format!("{} connections open where {} are allowed", self.open(n), self.s.max_connections));
        }
        let size = |p: &&Pool| p.in_use() > self.places_max;
        if let Some(p) = self.pools.iter().find(size) {
            return Err(format!("{} of a pool of {} in use", p.in_use(), self.places_max));
        }
        Ok(())
    }

    fn weight(&self) -> usize {
        use core::mem::size_of;
        size_of::<SlowQueries>()
            + self.requests.weight()
            + PLACES_DRAWN * 6
            + self.pools.iter().map(|p| size_of::<Pool>() + p.weight()).sum::<usize>()
            + self.nodes.iter().map(|n| size_of::<Node>() + n.db.weight()).sum::<usize>()
            + self.cache.weight()
            + self.versions.len() * 4
            + self.latency.weight()
            + self.waits.weight()
            + self.execs.weight()
            + self.seconds.weight()
            + self.samples.weight()
    }

    fn visible(event: &Ev) -> bool {
        !matches!(event, Ev::Tick | Ev::NoConnection { .. })
    }
}
