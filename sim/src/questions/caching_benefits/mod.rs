//! Why caching works, and bites.
//!
//! ```text
//!   readers --> cache nodes --hit--> answer
//!                  | miss
//!                  v
//!              [ guard ] --> database: [ queue ] ( servers ) --> store, then answer
//!                                 ^
//!   writers ----------------------+--> and what they do to the cache
//! ```
//!
//! Every read is simulated. A look in the cache happens at the moment of the arrival and costs a
//! fixed time, so a hit is one event. A miss asks the database, whose snapshot is the moment at
//! which the query begins; the answer is stored a trip to the cache after it has come back, which
//! leaves room for the race with a writer. Key 1 is the most popular one, and it takes long to make.

mod declare;
mod load;
mod look;
mod words;

pub use declare::{QUESTION, READ, TOLD, act, knob, measure, number};
pub use look::{Bin, COMB_BINS};

use crate::blocks::cache::{Cache, Policy};
use crate::blocks::inflight::{Chain, InFlight};
use crate::blocks::load::Load;
use crate::blocks::miss_curve::MissCurve;
use crate::blocks::popularity::Zipf;
use crate::blocks::server::Law;
use crate::blocks::shard::{Placement, ShardMap};
use crate::blocks::stampede::{Flights, Guard, Leases};
use crate::declare::{Knobs, Tone};
use crate::kernel::{Ctx, Line, Model, Setup, Stream, Tape, Trace, Us};
use crate::look::{Fate, Samples, Seconds};
use crate::measure::series::{Rate, Recent};
use crate::theory::{self, Class};
use look::Comb;
use std::sync::Arc;
use words::code;

/// Keys that do not exist and are asked for nevertheless; they follow the products.
const ABSENT_KEYS: u32 = 1_000;
/// How long the absence of a key is remembered.
const ABSENT_TTL: Us = Us::s(5);
/// How long a deleted key's version is remembered, where versions are compared.
const TOMBSTONE_TTL: Us = Us::s(10);
/// Points of each node on the ring.
const VIRTUAL_NODES: u16 = 64;
/// Readers that may wait at once; one more fails. A bound for the memory of the app servers.
const READERS_MAX: usize = 50_000;
/// Seconds of which totals are kept.
const SECONDS_MAX: u32 = 3_600;
/// The miss curve forgets half of what it has seen each time.
const FADE_EVERY: u64 = 5;
/// The timer that ends a reader's patience.
const PATIENCE: usize = 0;
/// A time that never comes, in milliseconds.
const NEVER_MS: u32 = u32::MAX;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ev {
    Read(u16),
    /// One of the extra reads of key 1.
    Hot(u16),
    Write,
    /// The next key of a scan.
    Scan(u16),
    SurgeOff(u16),
    BotsOff(u16),
    /// The database is done with a query or a write.
    Done(u32),
    /// A loader is at the cache again, to store what it got.
    Store(u32),
    /// A reader who found the lock taken looks again.
    Poll {
        slot: u32,
        id: u32,
    },
    Patience,
    /// The end of a second.
    Tick,
}

impl Trace for Ev {
    #[inline(always)]
    fn word(&self) -> u64 {
        match *self {
            Ev::Read(g) => 1 | u64::from(g) << 8,
            Ev::Hot(g) => 2 | u64::from(g) << 8,
            Ev::Write => 3,
            Ev::Scan(g) => 4 | u64::from(g) << 8,
            Ev::SurgeOff(g) => 5 | u64::from(g) << 8,
            Ev::BotsOff(g) => 11 | u64::from(g) << 8,
            Ev::Done(load) => 6 | u64::from(load) << 8,
            Ev::Store(load) => 7 | u64::from(load) << 8,
            Ev::Poll { slot, id } => 8 | u64::from(slot) << 8 | u64::from(id) << 32,
            Ev::Patience => 9,
            Ev::Tick => 10,
        }
    }
}

/// What a writer does to the cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Write {
    Delete,
    /// Nothing: the copy ends with its time to live.
    Leave,
    Through,
    DeleteFirst,
}

/// What is checked before a loader stores.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum OnSet {
    Plain,
    Version,
    Lease,
}

/// The knobs, in the units the model computes with.
#[derive(Clone, Copy, Debug)]
struct Settings {
    capacity: u32,
    policy: Policy,
    ttl: Us,
    jitter: f64,
    guard: Guard,
    write: Write,
    on_set: OnSet,
    keys: u32,
    reads: f64,
    hot: f64,
    recompute: Us,
    cache_time: Us,
    db_time: Us,
    law: Law,
    servers: u32,
    queue: usize,
    patience: Us,
    apps: u64,
    lock_retry: Us,
    lease: Us,
    writes: f64,
    absent: f64,
    negative: bool,
    nodes: u16,
}

impl Settings {
    fn read(k: &Knobs) -> Settings {
        Settings {
            capacity: k.int(knob::CAPACITY) as u32,
            policy: [Policy::Lru, Policy::Lfu, Policy::Fifo, Policy::Refuse][k.choice(knob::POLICY)],
            ttl: k.s(knob::TTL),
            jitter: k.share(knob::JITTER),
            guard: [
                Guard::None,
                Guard::Lock,
                Guard::SingleFlight,
                Guard::XFetch { beta: k.get(knob::BETA) },
                Guard::StaleWhileRevalidate { grace: k.s(knob::GRACE) },
            ][k.choice(knob::GUARD)],
            write: [Write::Delete, Write::Leave, Write::Through, Write::DeleteFirst][k.choice(knob::WRITE)],
            on_set: [OnSet::Plain, OnSet::Version, OnSet::Lease][k.choice(knob::ON_SET)],
            keys: k.int(knob::KEYS) as u32,
            reads: k.get(knob::READS),
            hot: k.get(knob::HOT),
            recompute: k.ms(knob::RECOMPUTE),
            cache_time: k.ms(knob::CACHE_TIME),
            db_time: k.ms(knob::DB_TIME),
            law: [Law::Exponential, Law::Fixed][k.choice(knob::LAW)],
            servers: k.int(knob::SERVERS) as u32,
            queue: k.int(knob::QUEUE) as usize,
            patience: k.ms(knob::PATIENCE),
            apps: k.int(knob::APPS),
            lock_retry: k.ms(knob::LOCK_RETRY),
            lease: k.s(knob::LEASE),
            writes: k.get(knob::WRITES),
            absent: k.share(knob::ABSENT),
            negative: k.on(knob::NEGATIVE),
            nodes: k.int(knob::NODES) as u16,
        }
    }
}

/// What the cache keeps beside the expiry: bookkeeping of the simulation, mostly, since nobody in
/// the modelled system knows that a copy is out of date.
#[derive(Clone, Copy, Debug)]
struct Copy {
    version: u32,
    stored_ms: u32,
    /// When the database got a newer version; `NEVER_MS` while this is the newest.
    superseded_ms: u32,
    /// How long it took to make, for XFetch.
    delta_us: u32,
    /// Only a version is remembered: the key was deleted.
    tombstone: bool,
}

impl Default for Copy {
    fn default() -> Copy {
        Copy { version: 0, stored_ms: 0, superseded_ms: NEVER_MS, delta_us: 0, tombstone: false }
    }
}

#[derive(Clone, Debug)]
struct Node {
    cache: Cache<Copy>,
    up: bool,
    /// Reads in this second and in the one before.
    reads: u32,
    reads_before: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// A reader found nothing it could have.
    Miss,
    /// XFetch: a reader refreshes before the expiry.
    Early,
    /// In the background, while readers get the old value.
    Refresh,
    Write,
}

/// A query or a write, from the moment it is asked for until its answer is stored.
#[derive(Clone, Copy, Debug)]
struct Query {
    key: u32,
    kind: Kind,
    /// The number whose demand it carries: the reader's, or the write's.
    number: u32,
    token: u32,
    asked: Us,
    /// The version it saw when it began.
    version: u32,
    /// Readers that wait for it, the one that asked first.
    readers: Chain,
}

/// A reader that waits.
#[derive(Clone, Copy, Debug)]
struct Reader {
    id: u32,
    key: u32,
    process: u16,
    polling: bool,
    /// Ran out of patience; the record stays until what it waits for comes.
    left: bool,
}

/// Totals of a second of the run.
#[derive(Clone, Copy, Debug, Default)]
struct Second {
    reads: u32,
    hits: u32,
    queries: u32,
    failed: u32,
    stale: u32,
    /// Reads of a scan, none of which can hit.
    scanned: u32,
    p99_us: u32,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Counts {
    reads: u64,
    hits: u64,
    misses: u64,
    answered: u64,
    failed: u64,
    waiting: u64,
    /// Looks that ended in joining a load or in waiting for a lock.
    joined: u64,
    lock_waits: u64,
    /// Readers that had waited for a lock and load now themselves.
    took_over: u64,
    turned_away: u64,
    // Queries, by why.
    queries: u64,
    early: u64,
    refreshes: u64,
    duplicates: u64,
    loads_max: u64,
    writes: u64,
    writes_refused: u64,
    commits: u64,
    // The cache.
    evicted: u64,
    refused_sets: u64,
    stale: u64,
    // The database.
    busy: u64,
    queue_max: u64,
}

#[derive(Clone, Debug)]
struct Rates {
    reads: Rate,
    hits: Rate,
    queries: Rate,
    duplicates: Rate,
    stale: Rate,
    failed: Rate,
    early: Rate,
    evicted: Rate,
    /// Database time saved by hits, in units of 10 µs.
    saved: Rate,
}

/// Queries for key 1, from the first that begins while none is under way until none is.
#[derive(Clone, Copy, Debug, Default)]
struct Expiries {
    /// Queries of the present one; zero while none is under way.
    now: u32,
    done: u64,
    queries: u64,
    /// The first of the run is the cold start and does not count.
    started: bool,
    leads: u64,
    lead_us: u64,
    last: u32,
}

/// What the formulas say about these settings: shared by all copies of the state.
#[derive(Debug)]
pub struct Theory {
    pub classes: Vec<Class>,
    /// (entries, hit ratio) by the policy's formula, or at best for LFU and without eviction.
    pub curve: Vec<(f64, f64)>,
    /// For the capacity that is set.
    pub predicted: f64,
    pub best: f64,
}

#[derive(Clone)]
pub struct Caching {
    s: Settings,
    zipf: Zipf,
    theory: Arc<Theory>,
    reads: Load,
    hot: Load,
    writes: Load,
    keys: Stream,
    absent: Stream,
    processes: Stream,
    early: Stream,
    demands: Stream,
    write_keys: Stream,
    write_demands: Stream,
    jitter: Stream,

    nodes: Vec<Node>,
    map: ShardMap,
    /// Version and time of the last change of each product; empty until the first.
    versions: Vec<(u32, u32)>,

    queries: InFlight<Query>,
    line: Chain,
    flights: Flights,
    leases: Leases,
    readers: InFlight<Reader>,
    patience_set: bool,

    db_factor: f64,
    surge: f64,
    surges: u16,
    /// The share of reads that bots add to those of what is not there.
    bots: f64,
    bot_waves: u16,
    scan_left: u32,
    scan_gap: Us,
    scan_next: u32,
    scans: u16,
    hold: Us,
    crash: bool,

    counts: Counts,
    rates: Rates,
    latency: Recent,
    seconds: Seconds<Second>,
    expiries: Expiries,
    stale_age: (Us, Us),
    stale_for: Us,
    curve: MissCurve,
    comb: Comb,
    samples: Samples<()>,
    queue_full: bool,
}

impl Caching {
    fn schedule(&self, load: &Load, event: Ev, ctx: &mut Ctx<Ev>) {
        if let Some(at) = load.due() {
            ctx.at(at, event);
        }
    }
    fn schedule_read(&self, ctx: &mut Ctx<Ev>) {
        self.schedule(&self.reads, Ev::Read(self.reads.generation as u16), ctx);
    }
    fn schedule_hot(&self, ctx: &mut Ctx<Ev>) {
        self.schedule(&self.hot, Ev::Hot(self.hot.generation as u16), ctx);
    }

    /// A read of the catalogue: of a product by its popularity, or of something that is not there.
    fn read_arrives(&mut self, ctx: &mut Ctx<Ev>) {
        let i = self.reads.arrive(ctx.now);
        self.schedule_read(ctx);
        let quantile = (self.absent.at(i + 1) >> 11) as f64 / 9_007_199_254_740_992.0;
        let key = if quantile < self.s.absent.max(self.bots) {
            self.s.keys + 1 + (self.keys.at(i + 1) >> 32) as u32 % ABSENT_KEYS
        } else {
            self.zipf.rank(self.keys.at(i + 1))
        };
        self.read(key, ctx);
    }

    fn hot_arrives(&mut self, ctx: &mut Ctx<Ev>) {
        self.hot.arrive(ctx.now);
        self.schedule_hot(ctx);
        self.read(1, ctx);
    }

    fn write_arrives(&mut self, ctx: &mut Ctx<Ev>) {
        let i = self.writes.arrive(ctx.now);
        self.schedule(&self.writes, Ev::Write, ctx);
        let key = 1 + ((u128::from(self.write_keys.at(i + 1)) * u128::from(self.s.keys)) >> 64) as u32;
        self.change(key, ctx);
    }

    fn scan(&mut self, ctx: &mut Ctx<Ev>) {
        if self.scan_left == 0 {
            return;
        }
        self.scan_left -= 1;
        let key = self.scan_next;
        self.scan_next = self.scan_next.wrapping_add(1).max(self.first_scan_key());
        self.seconds.at(ctx.now).scanned += 1;
        self.read(key, ctx);
        if self.scan_left > 0 {
            ctx.after(self.scan_gap, Ev::Scan(self.scans));
        }
    }

    /// Old products that only crawlers ask for come after all other keys.
    fn first_scan_key(&self) -> u32 {
        self.s.keys + ABSENT_KEYS + 1
    }

    fn set_surge(&mut self, factor: f64, ctx: &mut Ctx<Ev>) {
        self.surge = factor;
        self.reads.set_rate(ctx.now, self.s.reads * factor);
        self.hot.set_rate(ctx.now, self.s.hot * factor);
        self.samples.pace((self.s.reads + self.s.hot) * factor);
        self.schedule_read(ctx);
        self.schedule_hot(ctx);
    }

    fn kill(&mut self, node: usize, ctx: &mut Ctx<Ev>) {
        if !self.nodes[node].up {
            return;
        }
        self.nodes[node].up = false;
        let lost = self.nodes[node].cache.len();
        self.nodes[node].cache.flush();
        let map = &self.map;
        self.leases.lose(|key| map.owner(u64::from(key)) == Some(node as u16));
        self.map.remove(node as u16);
        ctx.log(Tone::Fault, code::KILLED, Line::NO_REQUEST, node as i64 + 1, i64::from(lost));
    }

    fn mend(&mut self, ctx: &mut Ctx<Ev>) {
        self.db_factor = 1.0;
        for n in 0..self.nodes.len() {
            if !self.nodes[n].up {
                self.nodes[n].up = true;
                self.map.add(n as u16);
            }
        }
        ctx.log(Tone::Fault, code::MENDED, Line::NO_REQUEST, 0, 0);
    }

    fn tick(&mut self, ctx: &mut Ctx<Ev>) {
        ctx.after(Us::s(1), Ev::Tick);
        for n in &mut self.nodes {
            (n.reads_before, n.reads) = (n.reads, 0);
        }
        let p99 = self.latency.quantile(ctx.now, 0.99).map_or(0, |p| p.0 as u32);
        self.seconds.at(ctx.now - Us(1)).p99_us = p99;
        let seconds = ctx.now.0 / 1_000_000;
        if seconds.is_multiple_of(FADE_EVERY) {
            self.curve.fade();
        }
        let full = self.line.len() >= self.s.queue;
        if full != self.queue_full && (full || self.line.len() * 2 < self.s.queue) {
            self.queue_full = full;
            let (tone, code) = if full { (Tone::Rejected, code::FULL) } else { (Tone::Ok, code::ROOM) };
            ctx.log(tone, code, Line::NO_REQUEST, self.line.len() as i64, 0);
        }
    }

    /// Puts the most popular keys into the cache, with what is left of their time spread evenly.
    fn warm_up(&mut self, seed: u64) {
        let mut left = Stream::new(seed, "cache", "warm", 0);
        // The least popular first, so that the most popular are the last used.
        for key in (1..=self.s.keys.min(self.s.capacity)).rev() {
            let span = Us::from_us(left.unit() * self.s.ttl.0 as f64);
            let delta_us = self.mean_time(key).0 as u32;
            if let Some(n) = self.map.owner(u64::from(key)) {
                self.nodes[n as usize].cache.store(Us::ZERO, key, span, Copy { delta_us, ..Copy::default() });
            }
        }
    }
}

impl Model for Caching {
    type Event = Ev;

    fn new(setup: &Setup) -> Caching {
        let k = setup.knobs;
        let s = Settings::read(k);
        let mut samples = Samples::new(40.0, 160);
        samples.pace(s.reads + s.hot);
        let tape = Tape::new(setup.seed);
        // Each stream of arrivals has a tape of its own, so that none shifts another.
        let of = |n: u64, rate: f64| {
            let tape = Tape::new(setup.seed ^ n << 48);
            if k.choice(knob::ARRIVALS) == 1 { Load::even(tape, rate) } else { Load::new(tape, rate) }
        };
        let zipf = Zipf::new(s.keys, k.get(knob::SKEW));
        let theory = Arc::new(Theory::new(&zipf, &s));
        let share = |n: u32| s.capacity / u32::from(s.nodes) + u32::from(n < s.capacity % u32::from(s.nodes));
        let nodes = (0..u32::from(s.nodes)).map(|n| Node {
            cache: Cache::bounded(share(n), s.policy),
            up: true,
            reads: 0,
            reads_before: 0,
        });
        let placement = [Placement::Modulo, Placement::Ring { virtual_nodes: VIRTUAL_NODES }][k.choice(knob::PLACE)];
        let rate = Rate::new(Us::s(1));
        let mut caching = Caching {
            reads: of(0, s.reads),
            hot: of(1, s.hot),
            writes: of(2, s.writes),
            keys: tape.purpose("key"),
            absent: tape.purpose("absent"),
            processes: tape.purpose("process"),
            early: tape.purpose("early"),
            demands: tape.purpose("service"),
            write_keys: tape.purpose("write key"),
            write_demands: tape.purpose("write service"),
            jitter: Stream::new(setup.seed, "cache", "jitter", 0),
            nodes: nodes.collect(),
            map: ShardMap::new(placement, s.nodes),
            versions: Vec::new(),
            queries: InFlight::default(),
            line: Chain::default(),
            flights: Flights::default(),
            leases: Leases::default(),
            readers: InFlight::default(),
            patience_set: false,
            db_factor: 1.0,
            surge: 1.0,
            surges: 0,
            bots: 0.0,
            bot_waves: 0,
            scan_left: 0,
            scan_gap: Us::ms(1),
            scan_next: s.keys + ABSENT_KEYS + 1,
            scans: 0,
            hold: Us::ZERO,
            crash: false,
            counts: Counts::default(),
            rates: Rates {
                reads: rate.clone(),
                hits: rate.clone(),
                queries: rate.clone(),
                duplicates: rate.clone(),
                stale: rate.clone(),
                failed: rate.clone(),
                early: rate.clone(),
                evicted: rate.clone(),
                saved: rate,
            },
            latency: Recent::new(Us::s(5), 5),
            seconds: Seconds::new(SECONDS_MAX),
            expiries: Expiries::default(),
            stale_age: (Us::ZERO, Us::ZERO),
            stale_for: Us::ZERO,
            curve: MissCurve::new(s.keys + ABSENT_KEYS + 1),
            comb: Comb::new(s.ttl),
            samples,
            queue_full: false,
            zipf,
            theory,
            s,
        };
        if k.on(knob::WARM) {
            caching.warm_up(setup.seed);
            caching.expiries.started = true;
        }
        caching
    }

    fn start(&mut self, ctx: &mut Ctx<Ev>) {
        self.schedule_read(ctx);
        self.schedule_hot(ctx);
        self.schedule(&self.writes, Ev::Write, ctx);
        ctx.after(Us::s(1), Ev::Tick);
    }

    #[inline]
    fn on(&mut self, event: Ev, ctx: &mut Ctx<Ev>) {
        match event {
            Ev::Read(generation) => {
                if generation == self.reads.generation as u16 {
                    self.read_arrives(ctx);
                }
            }
            Ev::Hot(generation) => {
                if generation == self.hot.generation as u16 {
                    self.hot_arrives(ctx);
                }
            }
            Ev::Done(query) => self.done(query, ctx),
            Ev::Poll { slot, id } => self.poll(slot, id, ctx),
            Ev::Patience => self.patience_ends(ctx),
            Ev::Write => self.write_arrives(ctx),
            Ev::Store(query) => self.store(query, ctx),
            Ev::Scan(number) => {
                if number == self.scans {
                    self.scan(ctx);
                }
            }
            Ev::SurgeOff(number) => {
                if number == self.surges {
                    ctx.log(Tone::Fault, code::SURGE_OVER, Line::NO_REQUEST, 0, 0);
                    self.set_surge(1.0, ctx);
                }
            }
            Ev::BotsOff(number) => {
                if number == self.bot_waves {
                    self.bots = 0.0;
                    ctx.log(Tone::Fault, code::BOTS_OVER, Line::NO_REQUEST, 0, 0);
                }
            }
            Ev::Tick => self.tick(ctx),
        }
    }

    fn act(&mut self, act: u8, args: &[f64], ctx: &mut Ctx<Ev>) {
        let key = |keys: u32| (args[0] as u32).clamp(1, keys);
        match act as usize {
            act::EXPIRE => {
                let key = key(self.s.keys);
                let mut was = false;
                for n in &mut self.nodes {
                    was |= n.cache.expire(ctx.now, key);
                }
                ctx.log(Tone::Fault, code::EXPIRED, Line::NO_REQUEST, i64::from(key), i64::from(was));
            }
            act::UPDATE => self.change(key(self.s.keys), ctx),
            act::FLUSH => {
                let held: u32 = self.nodes.iter().map(|n| n.cache.len()).sum();
                self.nodes.iter_mut().for_each(|n| n.cache.flush());
                // Locks and leases are entries like others.
                self.leases.lose(|_| true);
                ctx.log(Tone::Fault, code::FLUSHED, Line::NO_REQUEST, i64::from(held), 0);
            }
            act::KILL => self.kill((args[0] as usize - 1) % self.nodes.len(), ctx),
            act::SLOW => {
                self.db_factor = args[0];
                ctx.log(Tone::Fault, code::SLOW_DB, Line::NO_REQUEST, (args[0] * 10.0) as i64, 0);
            }
            act::SCAN => {
                self.scans += 1;
                self.scan_left = args[0] as u32;
                self.scan_gap = Us::from_s(1.0 / args[1]);
                ctx.after(self.scan_gap, Ev::Scan(self.scans));
                ctx.log(Tone::Fault, code::SCAN, Line::NO_REQUEST, args[0] as i64, args[1] as i64);
            }
            act::SURGE => {
                self.surges += 1;
                ctx.after(Us::from_s(args[1]), Ev::SurgeOff(self.surges));
                ctx.log(Tone::Fault, code::SURGE, Line::NO_REQUEST, (args[0] * 10.0) as i64, (args[1] * 1e6) as i64);
                self.set_surge(args[0], ctx);
            }
            act::HOLD => {
                self.hold = Us::from_ms(args[0]);
                ctx.log(Tone::Fault, code::HOLD, Line::NO_REQUEST, self.hold.0 as i64, 0);
            }
            act::CRASH => {
                self.crash = true;
                ctx.log(Tone::Fault, code::CRASH, Line::NO_REQUEST, 0, 0);
            }
            act::BOTS => {
                self.bot_waves += 1;
                self.bots = args[0] / 100.0;
                ctx.after(Us::from_s(args[1]), Ev::BotsOff(self.bot_waves));
                ctx.log(Tone::Fault, code::BOTS, Line::NO_REQUEST, args[0] as i64, (args[1] * 1e6) as i64);
            }
            act::MEND => self.mend(ctx),
            _ => {}
        }
    }

    fn knob(&mut self, which: u8, knobs: &Knobs, ctx: &mut Ctx<Ev>) {
        self.s = Settings::read(knobs);
        if which as usize == knob::TTL {
            self.comb = Comb::new(self.s.ttl);
        }
        ctx.log_knob(code::KNOB, which, knobs);
    }

    crate::in_files_of_their_own!();

    fn counts(&self) -> Vec<(&'static str, u64)> {
        let c = &self.counts;
        vec![
            ("reads", c.reads),
            ("hits", c.hits),
            ("misses", c.misses),
            ("answered", c.answered),
            ("failed", c.failed),
            ("waiting", c.waiting),
            ("queries", c.queries),
            ("early", c.early),
            ("refreshes", c.refreshes),
            ("duplicates", c.duplicates),
            ("joined", c.joined),
            ("writes", c.writes),
            ("commits", c.commits),
            ("evicted", c.evicted),
            ("refused_sets", c.refused_sets),
            ("stale", c.stale),
        ]
    }

    fn invariants(&self, now: Us) -> Result<(), String> {
        use crate::measure::conserve::balance;
        let c = &self.counts;
        balance("reads", c.reads, &[("hits", c.hits), ("misses", c.misses)])?;
        balance("reads", c.reads, &[("answered", c.answered), ("failed", c.failed), ("waiting", c.waiting)])?;
        // Every miss asks the database, joins, waits for a lock, or is turned away at once.
        let asked = c.misses + c.took_over + c.early + c.refreshes;
        let fates = [
            ("queries", c.queries),
            ("joined", c.joined),
            ("waits for a lock", c.lock_waits),
            ("turned away", c.turned_away),
        ];
        balance("misses, early and background loads", asked, &fates)?;
        let under_way = [
            ("in the line", self.line.len() as u64),
            ("in service", c.busy),
            ("on the way to the cache", self.queries.len() as u64 - self.line.len() as u64 - c.busy),
        ];
        balance("queries under way", self.queries.len() as u64, &under_way)?;
        if c.busy > u64::from(self.s.servers) || self.line.len() > self.s.queue.max(c.queue_max as usize) {
            return Err(format!("at {now} {} of {} servers busy, {} waiting", c.busy, self.s.servers, self.line.len()));
        }
        for n in &self.nodes {
            if n.cache.len() > n.cache.capacity() {
                return Err(format!("{} entries where {} fit", n.cache.len(), n.cache.capacity()));
            }
        }
        Ok(())
    }

    fn weight(&self) -> usize {
        core::mem::size_of::<Caching>()
            + self.nodes.iter().map(|n| core::mem::size_of::<Node>() + n.cache.weight()).sum::<usize>()
            + self.map.weight()
            + self.versions.len() * 8
            + self.queries.weight()
            + self.flights.weight()
            + self.leases.weight()
            + self.readers.weight()
            + self.latency.weight()
            + self.seconds.weight()
            + self.curve.weight()
            + self.samples.weight()
    }

    fn visible(event: &Ev) -> bool {
        !matches!(event, Ev::Tick | Ev::Patience)
    }
}

impl Theory {
    fn new(zipf: &Zipf, s: &Settings) -> Theory {
        let mut classes = zipf.classes();
        // The extra reads are key 1's, which is a class of its own.
        let all = s.reads + s.hot;
        if all > 0.0 {
            classes.iter_mut().for_each(|c| c.share *= s.reads / all);
            classes[0].share += s.hot / all;
        }
        let capacity = f64::from(s.capacity);
        let best = if s.capacity >= s.keys { 1.0 } else { theory::static_best(&classes, capacity) };
        let of = |found: Option<theory::Characteristic>| found.map_or(1.0, |c| c.hit);
        let (predicted, curve) = match s.policy {
            Policy::Lru => (of(theory::che(&classes, capacity)), theory::hit_curve(&classes, 60, true)),
            Policy::Fifo => (of(theory::fifo(&classes, capacity)), theory::hit_curve(&classes, 60, false)),
            Policy::Lfu | Policy::Refuse => {
                let sizes = theory::hit_curve(&classes, 60, true);
                (best, sizes.into_iter().map(|(c, _)| (c, theory::static_best(&classes, c))).collect())
            }
        };
        Theory { classes, curve, predicted, best }
    }
}
