//! The database is the bottleneck.
//!
//! ```text
//!                        reads                      +--> replica 1   each repeats all writes
//!   clients --> router ---------> primary --log-----+--> replica 2
//!       |                            ^              +--> read store (CQRS), from all shards
//!       +--> [batch] --> sessions ---+
//!       +--> [queue] ------^               x shards, each with its own primary and replicas
//! ```
//!
//! Every node is one line, served in order: reads, statements that write, and the writes that it
//! repeats. So a replica that is busy with reads is late with writes, and a read sees what had been
//! applied when its turn came. Reads and writes arrive one by one; each takes one event to arrive and
//! one to be done with, and a write takes one more for its fsync and one for each replica.
//!
//! Some authors look afterwards for what they wrote, twice: at the first look their own write may be
//! missing, and between the first and the second they may go back in time.

mod declare;
mod faults;
mod look;
mod moving;
mod nodes;
mod read;
mod words;
mod write;

pub use declare::{QUESTION, READ, TOLD, act, knob, measure, number};
pub use look::{Drawn, NodeView, ShardView};

use crate::blocks::batcher::{Ack, Batcher, Costs};
use crate::blocks::inflight::{Chain, InFlight, NOBODY};
use crate::blocks::load::Load;
use crate::blocks::popularity::Zipf;
use crate::blocks::replication::{Commit, Lag, Log};
use crate::blocks::reshard::Reshard;
use crate::blocks::router::{Choice, Route};
use crate::blocks::server::Law;
use crate::blocks::shard::{Placement, ShardMap};
use crate::declare::{Knobs, Tone};
use crate::deque::Deque;
use crate::kernel::{Ctx, Line, Model, Setup, Stream, Tape, Trace, Us, mix};
use crate::look::{Fate, Samples, Seconds};
use crate::measure::series::{Meters, Recent};
use look::Second;
use words::code;

/// To a node and back, or to the cache, within the region.
pub const TRIP: Us = Us::ms(1);
/// A standby has written to its disk what the primary sent it: there and back.
const STANDBY_TRIP: Us = Us::ms(1);
/// Records that a follower applies in one go before it looks at its line again.
const APPLY_MAX: u32 = 8;
/// Parts into which a key can be split.
const PARTS_MAX: u32 = 64;
pub const SHARDS_MAX: usize = 64;
/// How often copies in the making cost the primary something, and archiving everybody.
const CHORE_EVERY: Us = Us::ms(5);
const ARCHIVE_EVERY: Us = Us::ms(100);
/// The share of a node that archiving takes while it runs.
const ARCHIVE_LOAD: f64 = 0.05;
/// A chunk that waits for its copies is looked at so often.
const CUT_EVERY: Us = Us::ms(20);
/// Seconds of which totals are kept.
const SECONDS_MAX: u32 = 1_200;
/// A position that nobody ever reaches: of a write that is gone, or not committed yet.
const NEVER: u32 = u32::MAX;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ev {
    Read(u16),
    Write(u16),
    /// A node is done with what it had in hand.
    Done {
        node: u16,
        generation: u16,
    },
    /// Records reach a follower.
    Deliver {
        shard: u8,
        member: u8,
        generation: u16,
    },
    /// A session is done with the commit in this slot.
    Flushed(u32),
    /// The standbys of a shard have everything up to here on their disks.
    Secured {
        shard: u8,
        epoch: u16,
        position: u32,
    },
    /// The first row of a shard's batch has waited long enough.
    Linger {
        shard: u8,
        generation: u32,
    },
    /// An author looks for what they wrote.
    Look(u32),
    /// A read has waited long enough for its position.
    Tired {
        slot: u32,
        id: u32,
    },
    Promote {
        shard: u8,
        epoch: u16,
    },
    /// A copy is complete.
    Ready(u16),
    Chore,
    Cut(u16),
    Archive(u16),
    Over {
        which: u8,
        n: u16,
    },
    Tick,
}

impl Trace for Ev {
    #[inline(always)]
    fn word(&self) -> u64 {
        match *self {
            Ev::Read(g) => 1 | u64::from(g) << 8,
            Ev::Write(g) => 2 | u64::from(g) << 8,
            Ev::Done { node, generation } => 3 | u64::from(node) << 8 | u64::from(generation) << 24,
            Ev::Deliver { shard, member, generation } => {
                4 | u64::from(shard) << 8 | u64::from(member) << 16 | u64::from(generation) << 24
            }
            Ev::Flushed(slot) => 5 | u64::from(slot) << 8,
            Ev::Secured { shard, epoch, position } => {
                6 | u64::from(shard) << 8 | u64::from(epoch) << 16 | u64::from(position) << 32
            }
            Ev::Linger { shard, generation } => 7 | u64::from(shard) << 8 | u64::from(generation) << 16,
            Ev::Look(slot) => 8 | u64::from(slot) << 8,
            Ev::Tired { slot, .. } => 9 | u64::from(slot) << 8,
            Ev::Promote { shard, epoch } => 10 | u64::from(shard) << 8 | u64::from(epoch) << 16,
            Ev::Ready(node) => 11 | u64::from(node) << 8,
            Ev::Chore => 12,
            Ev::Cut(n) => 13 | u64::from(n) << 8,
            Ev::Archive(n) => 14 | u64::from(n) << 8,
            Ev::Over { which, n } => 15 | u64::from(which) << 8 | u64::from(n) << 16,
            Ev::Tick => 16,
        }
    }
}

/// What a record in flight is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Read,
    /// An author's look for their own write.
    Look,
    /// A read that several shards, or several parts of a key, answer together.
    Gather,
    /// One of those answers.
    Part,
    /// A write.
    Row,
    /// Rows that are committed together.
    Batch,
    /// Records that a follower has received and not applied.
    Apply,
    /// A chunk being read where it was, and being written where it goes.
    CopyOut,
    /// Copying a replica, deleting archived rows.
    Chore,
}

/// The client has been told already.
const ACKED: u8 = 1;
/// A write that a moving key's old shard forwards to its new one.
const FORWARDED: u8 = 2;
/// Waiting at a replica for a position.
const PARKED: u8 = 4;
/// The first look found the write.
const SAW: u8 = 8;
/// One of the answers was stale.
const OLD: u8 = 16;
/// The commit is on its way to the disk.
const FLUSHING: u8 = 32;
/// Its shard's primary died: nobody waits for it.
const DEAD: u8 = 64;
/// A look: the second one.
const AGAIN: u8 = 128;

/// Somebody or something on its way.
#[derive(Clone, Copy, Debug)]
struct Flight {
    id: u32,
    /// Microseconds without the high bits: when it arrived; of a look, when the write was answered.
    born: u32,
    /// Look: the position of the write. Row: its position, or before that the slot of the look that
    /// waits for it. Batch, Apply, CopyOut: how many. Chore: thousandths of a unit.
    position: u32,
    /// Part: the gather. Row: the next of its batch. Batch: its first row, or of a chunk's copy the
    /// attempt. Look: the shard of the position.
    other: u32,
    key: u16,
    node: u16,
    kind: Kind,
    flags: u8,
    shard: u8,
    /// Gather: answers still to come.
    left: u8,
}

/// The knobs, in the units the model computes with.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    reads: f64,
    writes: f64,
    replicas: usize,
    route: Route,
    shards: usize,
    capacity: f64,
    law: Law,
    even: bool,
    line: usize,
    lag: Us,
    shape: Lag,
    commit: Commit,
    choice: Choice,
    wait: Us,
    look: Us,
    lookers: f64,
    keys: u32,
    skew: f64,
    placement: Placement,
    scatter: f64,
    split: u32,
    whole: bool,
    chunk: usize,
    batch: u32,
    linger: Us,
    costs: Costs,
    sessions: u32,
    ack: Ack,
    queue: usize,
    cache: bool,
    ttl: Us,
    invalidate: bool,
    stores: usize,
    store_lag: Us,
    view: f64,
    project: f64,
    disk: f64,
    ready: Us,
    seeding: f64,
    failover: Us,
}

impl Settings {
    fn read(k: &Knobs) -> Settings {
        let keys = k.int(knob::KEYS) as u32;
        Settings {
            reads: k.get(knob::READS),
            writes: k.get(knob::WRITES),
            replicas: k.int(knob::REPLICAS) as usize,
            route: match k.choice(knob::ROUTE) {
                0 => Route::All,
                1 => Route::Replicas,
                2 => Route::Sticky(k.s(knob::STICKY)),
                3 => Route::Token,
                _ => Route::Primary,
            },
            shards: k.int(knob::SHARDS) as usize,
            capacity: k.get(knob::CAPACITY),
            law: if k.choice(knob::LAW) == 0 { Law::Exponential } else { Law::Fixed },
            even: k.choice(knob::ARRIVALS) == 1,
            line: k.int(knob::LINE) as usize,
            lag: k.ms(knob::LAG),
            shape: if k.choice(knob::SHAPE) == 0 { Lag::Fixed } else { Lag::Bursts },
            commit: [Commit::Local, Commit::OneStandby, Commit::AllApplied][k.choice(knob::COMMIT)],
            choice: [Choice::Random, Choice::User, Choice::Shortest][k.choice(knob::CHOICE)],
            wait: k.ms(knob::WAIT),
            look: k.ms(knob::LOOK),
            lookers: k.share(knob::LOOKERS),
            keys,
            skew: k.get(knob::SKEW),
            placement: match k.choice(knob::PLACEMENT) {
                0 => Placement::Ring { virtual_nodes: k.int(knob::POINTS) as u16 },
                1 => Placement::Modulo,
                2 => Placement::Range { keys },
                _ => Placement::Region,
            },
            scatter: k.share(knob::SCATTER),
            split: k.int(knob::SPLIT) as u32,
            whole: k.on(knob::WHOLE),
            chunk: k.int(knob::CHUNK) as usize,
            batch: if k.choice(knob::BATCHING) == 1 { k.int(knob::BATCH) as u32 } else { 1 },
            linger: k.ms(knob::LINGER),
            costs: Costs { fsync: k.ms(knob::FSYNC), row: k.ms(knob::ROW), further: k.get(knob::FURTHER) },
            sessions: k.int(knob::SESSIONS) as u32,
            ack: [Ack::Commit, Ack::Memory, Ack::Queue][k.choice(knob::ACK)],
            queue: k.int(knob::QUEUE) as usize,
            cache: k.on(knob::CACHE),
            ttl: k.s(knob::TTL),
            invalidate: k.on(knob::INVALIDATE),
            stores: if k.on(knob::CQRS) { k.int(knob::STORES) as usize } else { 0 },
            store_lag: k.ms(knob::STORE_LAG),
            view: k.get(knob::VIEW),
            project: k.get(knob::PROJECT),
            disk: k.get(knob::DISK),
            ready: k.s(knob::READY),
            seeding: k.share(knob::SEEDING),
            failover: k.s(knob::FAILOVER),
        }
    }
    fn data(k: &Knobs) -> f64 {
        [1.0, 2.0, 4.0, 10.0][k.choice(knob::DATA)]
    }
    /// Rows that may be on their way to their commit in one shard.
    fn rows_max(&self) -> u32 {
        (self.line as u32).max(4 * self.batch)
    }
}

#[derive(Clone, Debug)]
struct Node {
    /// The read store's nodes follow all shards and belong to none.
    store: bool,
    shard: u8,
    member: u8,
    up: bool,
    /// A replica in the making.
    seeding: bool,
    line: Chain,
    /// What it has in hand; of records to apply, how many.
    current: u32,
    applying: u32,
    generation: u16,
    slow: bool,
    more_lag: Us,
    since: Us,
    /// Microseconds at work in this second.
    busy: u64,
    /// Share of the last whole second.
    load: f32,
    /// Reads that wait here for a position, in the order of the positions.
    parked: Vec<(u32, u32)>,
}

/// The stream to one follower.
#[derive(Clone, Copy, Debug, Default)]
struct Delivery {
    scheduled: bool,
    generation: u16,
}

/// A write that a durable queue has taken.
#[derive(Clone, Copy, Debug)]
struct Queued {
    id: u32,
    look: u32,
    born: u32,
    key: u16,
}

#[derive(Clone, Debug)]
struct Shard {
    log: Log,
    /// Nodes by member.
    nodes: Vec<u16>,
    deliveries: Vec<Delivery>,
    /// Members that take reads, without the primary.
    readers: Vec<u8>,
    /// Grows with every primary.
    epoch: u16,
    /// The member that led last, and whether the one furthest behind is to follow it.
    led: u8,
    behind: bool,
    batch: Batcher,
    first: u32,
    last: u32,
    /// Rows between their arrival and their commit.
    rows: u32,
    sessions: u32,
    flushes: Chain,
    /// Committed, and not yet confirmed.
    waiting: Chain,
    queue: Deque<Queued>,
    /// Microseconds of work of its nodes in this second and in the last one.
    work: u64,
    worked: u64,
}

/// Totals since the start.
#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    reads: u64,
    answered: u64,
    reads_refused: u64,
    reads_failed: u64,
    reads_open: u64,
    writes: u64,
    acked: u64,
    writes_refused: u64,
    writes_failed: u64,
    /// Rows whose client has not been told yet.
    writes_open: u64,
    committed: u64,
    lost: u64,
    looks: u64,
    missing: u64,
    back: u64,
    stale: u64,
    redirected: u64,
    forwarded: u64,
    promotions: u64,
    gathers: u64,
    parts: u64,
    first_wait: u64,
    backlog_max: u64,
    twice_max: u64,
    moves: u64,
    /// In flight: everything that has a slot.
    looks_open: u64,
    parts_open: u64,
    /// Rows that belong to nobody any more: told already, or forwarded.
    rows_told: u64,
    batches: u64,
    applies: u64,
    chores: u64,
}

/// Meters over the last second.
mod meter {
    pub const READS: usize = 0;
    pub const READ: usize = 1;
    pub const READS_BAD: usize = 2;
    pub const WRITES: usize = 3;
    pub const WRITTEN: usize = 4;
    pub const WRITES_BAD: usize = 5;
    pub const STALE: usize = 6;
    pub const LOOKS: usize = 7;
    pub const MISSING: usize = 8;
    pub const BACK: usize = 9;
    pub const FROM_PRIMARY: usize = 10;
    pub const FROM_NODES: usize = 11;
    pub const HITS: usize = 12;
    pub const ALL: usize = 13;
}

#[derive(Clone, Debug)]
pub struct Spikes {
    s: Settings,
    reads: Load,
    writes: Load,
    keys: Zipf,
    /// Of the tape: which key, how much work, which copy, whose; for reads and for writes.
    key_bits: Stream,
    demands: Stream,
    fair: Stream,
    kinds: Stream,
    clocks: Stream,
    flights: InFlight<Flight>,
    nodes: Vec<Node>,
    shards: Vec<Shard>,
    map: ShardMap,
    /// Of each key and each part of the top key: its shard.
    owner: Vec<u8>,
    /// The position of its last acknowledged write, in its shard's log.
    last: Vec<u32>,
    /// Of the cache: what position an entry shows, and when it expires in steps of 64 µs.
    cached: Vec<(u32, u32)>,
    /// Parts of the top key, and the shard that it is pinned to.
    parts: u32,
    pinned: Option<u8>,
    reshard: Reshard,
    moving_since: Us,
    moving_until: Us,
    /// Times the load, and the share of requests for the top key.
    spike: f64,
    crowd: f64,
    hot: f64,
    slow: f64,
    data: f64,
    archive: (f64, f64, u32, u32),
    /// How often each of the passing faults has begun: their ends carry the number.
    begun: [u16; 5],
    chores_on: bool,
    archives: u16,
    counts: Counts,
    meters: Meters<{ meter::ALL }>,
    read_times: Recent,
    write_times: Recent,
    /// The second that is not over yet, and those that are.
    now: Second,
    seconds: Seconds<Second>,
    samples: Samples<Drawn>,
    write_samples: Samples<Drawn>,
    /// The attempt to copy a chunk that has been sent.
    copying: u16,
}

impl Spikes {
    fn schedule_read(&mut self, ctx: &mut Ctx<Ev>) {
        if let Some(at) = self.reads.due() {
            ctx.at(at, Ev::Read(self.reads.generation as u16));
        }
    }
    fn schedule_write(&mut self, ctx: &mut Ctx<Ev>) {
        if let Some(at) = self.writes.due() {
            ctx.at(at, Ev::Write(self.writes.generation as u16));
        }
    }

    /// The rates that are due now.
    fn pace(&mut self, ctx: &mut Ctx<Ev>) {
        let (reads, writes) = (self.s.reads * self.crowd, self.s.writes * self.spike);
        if reads != self.reads.rate() {
            self.reads.set_rate(ctx.now, reads);
            self.schedule_read(ctx);
        }
        if writes != self.writes.rate() {
            self.writes.set_rate(ctx.now, writes);
            self.schedule_write(ctx);
        }
        self.samples.pace(reads);
        self.write_samples.pace(writes);
    }

    /// The key of a request: by popularity, or the top one because everybody wants it.
    #[inline]
    fn key_of(&self, id: u32) -> u16 {
        let bits = self.key_bits.at(u64::from(id) + 1);
        let hot = self.hot > 0.0 && f64::from(bits as u32 & 0xf_ffff) < self.hot * 1_048_576.0;
        let rank = if hot { 1 } else { self.keys.rank(bits) };
        if rank > 1 || self.parts < 2 {
            return (rank - 1) as u16;
        }
        self.part(mix(bits))
    }
    /// A part of the top key.
    fn part(&self, bits: u64) -> u16 {
        (self.s.keys + (((bits & 0xffff_ffff) * u64::from(self.parts)) >> 32) as u32) as u16
    }

    /// The share of all requests that the busiest key gets.
    fn top_share(&self) -> f64 {
        let top = self.keys.share(1) * (1.0 - self.hot) + self.hot;
        let second = self.keys.share(2) * (1.0 - self.hot);
        (top / f64::from(self.parts.max(1))).max(second)
    }

    fn tick(&mut self, ctx: &mut Ctx<Ev>) {
        ctx.after(Us::s(1), Ev::Tick);
        self.meters.turn(ctx.now);
        for n in 0..self.nodes.len() {
            self.clock_node(n, ctx.now);
            let node = &mut self.nodes[n];
            node.load = (node.busy as f32 / 1e6).min(1.0);
            node.busy = 0;
        }
        let (mut most, mut all) = (0u64, 0u64);
        for s in &mut self.shards {
            s.worked = core::mem::take(&mut s.work);
            most = most.max(s.worked);
            all += s.worked;
        }
        (self.now.most, self.now.all) = (most as f32, all as f32);
        self.now.lag = self.worst_lag(ctx.now).as_ms() as f32;
        self.counts.backlog_max = self.counts.backlog_max.max(self.backlog());
        ctx.mix(self.counts.answered ^ self.counts.committed << 32);
        self.seconds.push(core::mem::take(&mut self.now));
    }

    /// Rows on their way to their commit, queued ones too.
    fn backlog(&self) -> u64 {
        self.shards.iter().map(|s| u64::from(s.rows) + s.queue.len() as u64).sum()
    }

    fn worst_lag(&self, now: Us) -> Us {
        let mut worst = Us::ZERO;
        for s in &self.shards {
            for (m, member) in s.log.members().iter().enumerate() {
                if member.up && member.votes && s.log.leader() != Some(m) {
                    worst = worst.max(s.log.behind(m, now));
                }
            }
        }
        worst
    }

    fn new_shard(&mut self, with_clock: Us) {
        let h = self.shards.len();
        let members = 1 + self.s.replicas;
        let mut nodes = Vec::with_capacity(members + self.s.stores);
        for m in 0..members {
            nodes.push(self.nodes.len() as u16);
            self.nodes.push(Node::new(false, h, m, with_clock));
        }
        // The read store's nodes come first of all nodes, and follow each shard.
        nodes.extend(0..self.s.stores as u16);
        let deliveries = vec![Delivery::default(); nodes.len()];
        self.shards.push(Shard {
            log: Log::new(self.s.replicas, self.s.stores),
            nodes,
            deliveries,
            readers: Vec::new(),
            epoch: 0,
            led: 0,
            behind: false,
            batch: Batcher::default(),
            first: NOBODY,
            last: NOBODY,
            rows: 0,
            sessions: 0,
            flushes: Chain::default(),
            waiting: Chain::default(),
            queue: Deque::new(),
            work: 0,
            worked: 0,
        });
        self.find_readers(h);
    }

    /// What the declared arithmetic says: nodes that read × what the writes leave of them.
    fn reads_possible(&self, now: Us) -> f64 {
        let writes = self.meters.per_s(meter::WRITTEN, now);
        let active = self.map.nodes().len().max(1) as f64;
        if self.s.stores > 0 {
            let up = self.nodes[..self.s.stores].iter().filter(|n| n.up).count() as f64;
            return up * (self.s.capacity - writes * self.s.project).max(0.0) / self.s.view;
        }
        let per_shard = writes / active * self.s.costs.units(self.s.batch) / f64::from(self.s.batch);
        self.readers() * (self.s.capacity - per_shard).max(0.0) / self.read_units()
    }
    /// Nodes that answer readers who have not written.
    fn readers(&self) -> f64 {
        let mut n = 0;
        for h in self.map.nodes() {
            let s = &self.shards[*h as usize];
            let leader = usize::from(s.log.leader().is_some());
            n += match self.s.route {
                Route::All => s.readers.len() + leader,
                Route::Primary => leader,
                _ if s.readers.is_empty() => leader,
                _ => s.readers.len(),
            };
        }
        n as f64
    }
    /// What a read costs on average.
    fn read_units(&self) -> f64 {
        1.0 + self.miss_share() * self.s.disk
    }
    /// Pages that memory does not hold.
    fn miss_share(&self) -> f64 {
        (1.0 - 1.0 / self.data).max(0.0)
    }
    fn writes_possible(&self) -> f64 {
        let n = self.map.nodes().iter().filter(|h| self.shards[**h as usize].log.leader().is_some()).count();
        n as f64 * self.s.costs.ceiling(self.s.batch, self.s.sessions, self.s.capacity)
    }
}

impl Model for Spikes {
    type Event = Ev;

    fn new(setup: &Setup) -> Spikes {
        let s = Settings::read(setup.knobs);
        let tape = Tape::new(setup.seed);
        // Writes have a tape of their own: other reads leave them where they are.
        let write_tape = Tape::new(mix(setup.seed ^ 0x77_7269_7465));
        let load = |tape, rate| if s.even { Load::even(tape, rate) } else { Load::fine(tape, rate) };
        let slots = (s.keys + PARTS_MAX) as usize;
        let mut spikes = Spikes {
            reads: load(tape, s.reads),
            writes: load(write_tape, s.writes),
            keys: Zipf::new(s.keys, s.skew),
            key_bits: tape.purpose("key"),
            demands: tape.purpose("service"),
            fair: tape.purpose("copy"),
            kinds: tape.purpose("kind"),
            clocks: Stream::new(setup.seed, "replication", "clock", 0),
            flights: InFlight::default(),
            nodes: (0..s.stores).map(|i| Node::new(true, 0, i, Us::ZERO)).collect(),
            shards: Vec::new(),
            map: ShardMap::new(s.placement, s.shards as u16),
            owner: vec![0; slots],
            last: vec![0; slots],
            cached: if s.cache { vec![(0, 0); slots] } else { Vec::new() },
            parts: s.split,
            pinned: None,
            reshard: Reshard::default(),
            moving_since: Us::ZERO,
            moving_until: Us::ZERO,
            spike: 1.0,
            crowd: 1.0,
            hot: 0.0,
            slow: 1.0,
            data: Settings::data(setup.knobs),
            archive: (0.0, 0.0, 0, 0),
            begun: [0; 5],
            chores_on: false,
            archives: 0,
            counts: Counts::default(),
            meters: Meters::new(Us::s(1)),
            read_times: Recent::new(Us::s(5), 5),
            write_times: Recent::new(Us::s(5), 5),
            now: Second::default(),
            seconds: Seconds::new(SECONDS_MAX),
            samples: Samples::new(30.0, 96).scattered(),
            write_samples: Samples::new(15.0, 48).scattered(),
            copying: 0,
            s,
        };
        for _ in 0..s.shards {
            spikes.new_shard(Us::ZERO);
        }
        for key in 0..slots {
            spikes.owner[key] = spikes.place(key as u16);
        }
        spikes.samples.pace(s.reads);
        spikes.write_samples.pace(s.writes);
        spikes
    }

    fn start(&mut self, ctx: &mut Ctx<Ev>) {
        self.schedule_read(ctx);
        self.schedule_write(ctx);
        ctx.after(Us::s(1), Ev::Tick);
        for h in 0..self.shards.len() {
            self.start_streams(h, ctx);
        }
    }

    #[inline]
    fn on(&mut self, event: Ev, ctx: &mut Ctx<Ev>) {
        match event {
            Ev::Read(generation) if generation == self.reads.generation as u16 => self.read_arrives(ctx),
            Ev::Write(generation) if generation == self.writes.generation as u16 => self.write_arrives(ctx),
            Ev::Read(_) | Ev::Write(_) => {}
            Ev::Done { node, generation } => self.done(node, generation, ctx),
            Ev::Deliver { shard, member, generation } => self.deliver(shard, member, generation, ctx),
            Ev::Flushed(slot) => self.flushed(slot, ctx),
            Ev::Secured { shard, epoch, position } => self.secured(shard, epoch, position, ctx),
            Ev::Linger { shard, generation } => self.lingered(shard, generation, ctx),
            Ev::Look(slot) => self.look_begins(slot, ctx),
            Ev::Tired { slot, id } => self.tired(slot, id, ctx),
            Ev::Promote { shard, epoch } => self.promote(shard, epoch, ctx),
            Ev::Ready(node) => self.ready(node, ctx),
            Ev::Chore => self.chore(ctx),
            Ev::Cut(attempt) => self.cut_over(attempt, ctx),
            Ev::Archive(n) => self.archive_on(n, ctx),
            Ev::Over { which, n } => self.over(which, n, ctx),
            Ev::Tick => self.tick(ctx),
        }
    }

    fn act(&mut self, which: u8, args: &[f64], ctx: &mut Ctx<Ev>) {
        self.do_act(which as usize, args, ctx);
    }

    fn knob(&mut self, which: u8, knobs: &Knobs, ctx: &mut Ctx<Ev>) {
        self.s = Settings::read(knobs);
        match which as usize {
            knob::LAG | knob::STORE_LAG => (0..self.shards.len()).for_each(|h| self.start_streams(h, ctx)),
            knob::COMMIT => (0..self.shards.len()).for_each(|h| self.acknowledge(h, ctx)),
            knob::CACHE => {
                self.cached = if self.s.cache { vec![(0, 0); self.owner.len()] } else { Vec::new() };
            }
            knob::BATCHING | knob::BATCH => (0..self.shards.len()).for_each(|h| self.send_batch(h, ctx)),
            knob::SESSIONS | knob::ACK => (0..self.shards.len()).for_each(|h| self.drain(h, ctx)),
            _ => {}
        }
        self.pace(ctx);
        ctx.log_knob(code::KNOB, which, knobs);
    }

    crate::in_files_of_their_own!();

    fn counts(&self) -> Vec<(&'static str, u64)> {
        let c = &self.counts;
        vec![
            ("reads", c.reads),
            ("reads_answered", c.answered),
            ("reads_refused", c.reads_refused),
            ("reads_failed", c.reads_failed),
            ("reads_in_flight", c.reads_open),
            ("stale_reads", c.stale),
            ("writes", c.writes),
            ("writes_acknowledged", c.acked),
            ("writes_refused", c.writes_refused),
            ("writes_failed", c.writes_failed),
            ("writes_in_flight", c.writes_open),
            ("writes_committed", c.committed),
            ("writes_lost", c.lost),
            ("looks", c.looks),
            ("own_write_missing", c.missing),
            ("went_back", c.back),
            ("promotions", c.promotions),
            ("keys_moved", c.moves),
            ("writes_forwarded", c.forwarded),
            ("writes_redirected", c.redirected),
        ]
    }

    fn invariants(&self, now: Us) -> Result<(), String> {
        use crate::measure::conserve::balance;
        let c = &self.counts;
        balance(
            "reads",
            c.reads,
            &[
                ("answered", c.answered),
                ("refused", c.reads_refused),
                ("failed", c.reads_failed),
                ("in flight", c.reads_open),
            ],
        )?;
        balance(
            "writes",
            c.writes,
            &[
                ("acknowledged", c.acked),
                ("refused", c.writes_refused),
                ("failed", c.writes_failed),
                ("in flight", c.writes_open),
            ],
        )?;
        balance(
            "slots in use",
            self.flights.len() as u64,
            &[
                ("reads", c.reads_open),
                ("looks", c.looks_open),
                ("parts", c.parts_open),
                ("writes", c.writes_open),
                ("writes already answered", c.rows_told),
                ("commits", c.batches),
                ("records to apply", c.applies),
                ("chores", c.chores),
            ],
        )?;
        // One shard at a time: all of them come round.
        let h = now.0 as usize % self.shards.len();
        self.shards[h].log.check().map_err(|law| format!("shard {}: {law}", h + 1))?;
        if self.s.commit != Commit::Local && c.lost > 0 && self.begun == [0; 5] && c.promotions == 0 {
            return Err(format!("{} writes lost without a failover", c.lost));
        }
        for key in self.reshard.keys().take(usize::from(self.reshard.chunk().is_some()) * PARTS_MAX as usize) {
            let (from, to) = self.reshard.chunk().map_or((0, 0), |k| (k.from, k.to));
            if self.owner[key as usize] != from || from == to {
                return Err(format!(
                    "key {key} moves from shard {from} to {to}, but {} owns it",
                    self.owner[key as usize]
                ));
            }
        }
        Ok(())
    }

    fn weight(&self) -> usize {
        core::mem::size_of::<Spikes>()
            + self.flights.weight()
            + self.nodes.iter().map(|n| core::mem::size_of::<Node>() + n.parked.len() * 8).sum::<usize>()
            + self.shards.iter().map(|s| core::mem::size_of::<Shard>() + s.weight()).sum::<usize>()
            + self.map.weight()
            + self.owner.len() * 5
            + self.cached.len() * 8
            + self.reshard.weight()
            + self.read_times.weight()
            + self.write_times.weight()
            + self.seconds.weight()
            + self.samples.weight()
            + self.write_samples.weight()
    }

    fn visible(event: &Ev) -> bool {
        !matches!(event, Ev::Tick | Ev::Chore | Ev::Cut(_) | Ev::Archive(_))
    }
}

impl Shard {
    fn weight(&self) -> usize {
        self.log.weight()
            + self.nodes.len() * (2 + core::mem::size_of::<Delivery>())
            + self.readers.len()
            + self.queue.len() * core::mem::size_of::<Queued>()
    }
}
