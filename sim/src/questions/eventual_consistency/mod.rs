//! Eventual consistency: copies agree later; until then it depends on which copy you ask.
//!
//! ```text
//!   people --> coordinator --write/read--> replicas in Europe, America, Asia
//!                  ^                           ^      |
//!                  \--- first W or R answers --/      anti-entropy between all
//! ```
//!
//! Blocks: `network` (a mesh of links), `replica` (copies, clocks, the observer), `crdt` (what
//! merging does), `session` (what a client may rely on). This file wires them up and counts.

pub mod declaration;
mod told;

use crate::blocks::crdt::{Merge, NODES_MAX, Stamp};
use crate::blocks::load::Load;
use crate::blocks::network::{Delay, Fate, Mesh, Wire};
use crate::blocks::replica::{Behind, Entry, Observer, Op, Replica, Rule, State};
use crate::blocks::session::{Seen, Session, Token, Violations};
use crate::declare::{Help, Knobs, Question, Tone};
use crate::deque::Deque;
use crate::kernel::{Ctx, Line, Model, Read, Setup, Stream, Tape, Told, Trace, Us, make, mix, read, told};
use crate::measure::conserve::balance;
use crate::measure::hist::Hist;
use crate::measure::series::{Rate, Recent};
use crate::rows::Rows;
use declaration::{
    FANOUT_NEEDED, KEYS, LAW_FIXED, LINKS, LOOK_OFF, LOOK_OTHER, NODES, ROUTE_NEAREST, RULES, SESSIONS, USERS, YOU,
    act, knob, link_ends, link_index, measure, number,
};
pub use told::Sort;
use told::{Who, two};

pub static QUESTION: Question = Question {
    slug: "eventual-consistency",
    version: 1,
    knobs: knob::ALL,
    acts: act::ALL,
    numbers: number::ALL,
    measures: measure::ALL,
    nodes: NODES,
    links: LINKS,
    sample_every: Us::ms(100),
    horizon: Us::s(600),
    lifetime_max: Us::s(11),
    tap: None,
    code: &["replica", "crdt", "session", "network"],
    make: make::<EventualConsistency>,
};

pub static TOLD: Told = told::<EventualConsistency>(Help { knobs: knob::HELP, acts: act::HELP, numbers: number::HELP });
/// Reads its measures.
pub static READ: Read = read::<EventualConsistency>;

/// Time a node needs to apply a write or to look up a value.
const LOCAL: Us = Us(200);
/// Between two likes of one act.
const LIKE_EVERY: Us = Us::ms(10);
/// Most requests under way at once; one more is refused.
const REQUESTS_MAX: usize = 2_048;
/// Most messages on the wires at once; one more is dropped, and anti-entropy repairs it.
const PACKETS_MAX: usize = 8_192;
/// Finished requests remembered for the picture.
const RECENT_MAX: usize = 96;
/// How many versions behind are told apart; the last counts all beyond.
const BEHIND_MAX: usize = 8;

/// Where the chance of a message comes from: a place on the tape for each kind of request, so that
/// the same write meets the same delays on both sides of a comparison.
mod place {
    pub const WRITE: u64 = 0;
    pub const READ: u64 = 1 << 36;
    pub const LOOK: u64 = 2 << 36;
    pub const ACT: u64 = 3 << 36;
    pub const SYNC: u64 = 4 << 36;
}

#[derive(Clone, Copy, Debug)]
pub enum Event {
    Write {
        generation: u32,
    },
    Read {
        generation: u32,
    },
    /// The read after a write.
    Look {
        user: u8,
        key: u8,
        place: u64,
    },
    /// The coordinator's own copy answers.
    Local {
        request: u32,
    },
    Deliver {
        packet: u32,
    },
    Timeout {
        request: u32,
    },
    Sync {
        node: u8,
        generation: u32,
    },
    Like {
        node: u8,
        left: u16,
    },
}

impl Trace for Event {
    fn word(&self) -> u64 {
        match *self {
            Event::Write { generation } => u64::from(generation) << 8,
            Event::Read { generation } => 1 | u64::from(generation) << 8,
            Event::Look { user, key, place } => 2 | u64::from(user) << 8 | u64::from(key) << 16 | place << 24,
            Event::Local { request } => 3 | u64::from(request) << 8,
            Event::Deliver { packet } => 4 | u64::from(packet) << 8,
            Event::Timeout { request } => 5 | u64::from(request) << 8,
            Event::Sync { node, generation } => 6 | u64::from(node) << 8 | u64::from(generation) << 16,
            Event::Like { node, left } => 7 | u64::from(node) << 8 | u64::from(left) << 16,
        }
    }
}

/// What a message between nodes carries.
#[derive(Clone, Debug)]
pub enum Body {
    Replicate { request: u32, state: State },
    Ack { request: u32 },
    Ask { request: u32 },
    Answer { request: u32, state: State },
    Repair { state: State },
    Sync { states: Vec<State> },
}

/// A message on a wire.
#[derive(Clone, Debug)]
pub struct Packet {
    pub from: u8,
    pub to: u8,
    pub key: u8,
    pub sent: Us,
    pub arrives: Us,
    pub body: Body,
    /// Where its answer finds its chance.
    place: u64,
}

impl Packet {
    /// The request it belongs to, if any.
    pub fn request(&self) -> Option<u32> {
        match self.body {
            Body::Replicate { request, .. }
            | Body::Ack { request }
            | Body::Ask { request }
            | Body::Answer { request, .. } => Some(request),
            Body::Repair { .. } | Body::Sync { .. } => None,
        }
    }
    fn weight(&self) -> usize {
        core::mem::size_of::<Packet>()
            + match &self.body {
                Body::Replicate { state, .. } | Body::Answer { state, .. } | Body::Repair { state } => state.weight(),
                Body::Sync { states } => states.iter().map(|s| core::mem::size_of::<State>() + s.weight()).sum(),
                Body::Ack { .. } | Body::Ask { .. } => 0,
            }
    }
}

/// What a request is about, apart from who asks where.
#[derive(Clone, Copy, Debug)]
enum Task {
    /// Writes still to come in a row, this one not counted.
    Write { op: Op, more: u8 },
    /// Whether it is the read right after a write.
    Read { look: bool },
}

/// A request at its coordinator.
#[derive(Clone, Debug)]
struct Request {
    user: u8,
    key: u8,
    node: u8,
    task: Task,
    /// Its place on the tape.
    place: u64,
    start: Us,
    /// Nodes asked and nodes that answered, as bits.
    asked: u8,
    answered: u8,
    /// The number of the write, and what it put there.
    write: u32,
    value: i64,
    sort: Sort,
    /// For a read: the answers so far, merged.
    result: Option<State>,
    /// What each answering node returned, for read repair.
    versions: Vec<(u8, Seen)>,
    /// What the client knew when it began.
    token: Token,
    minority: bool,
}

impl Request {
    fn done(&self, id: u32, now: Us, ok: bool) -> Done {
        Done {
            id,
            user: self.user,
            key: self.key,
            node: self.node,
            write: matches!(self.task, Task::Write { .. }),
            start: self.start,
            end: now,
            ok,
            value: self.value,
            sort: self.sort,
            behind: 0,
            age: Us::ZERO,
            own_write_missing: false,
            went_back: false,
        }
    }
}

/// A finished request, for the picture.
#[derive(Clone, Copy, Debug)]
pub struct Done {
    pub id: u32,
    pub user: u8,
    pub key: u8,
    pub node: u8,
    pub write: bool,
    pub start: Us,
    pub end: Us,
    pub ok: bool,
    /// What was read or written.
    pub value: i64,
    pub sort: Sort,
    /// Versions behind, for a read.
    pub behind: u32,
    pub age: Us,
    pub own_write_missing: bool,
    pub went_back: bool,
}

impl Done {
    /// The value in a few letters.
    pub fn short(&self) -> String {
        short(self.sort, self.value)
    }
}

fn short(sort: Sort, value: i64) -> String {
    match sort {
        Sort::Register if value == 0 => "none".to_string(),
        Sort::Register => format!("v{value}"),
        Sort::Count | Sort::Set => value.to_string(),
    }
}

/// A share of something in the last 10 s.
#[derive(Clone, Debug)]
struct Share {
    part: Rate,
    whole: Rate,
}

impl Share {
    fn new() -> Share {
        Share { part: Rate::new(Us::s(10)), whole: Rate::new(Us::s(10)) }
    }
    fn add(&mut self, now: Us, part: bool) {
        self.part.add(now, u32::from(part));
        self.whole.add(now, 1);
    }
    fn percent(&self, now: Us) -> Option<f64> {
        ratio(self.part.count(now), self.whole.count(now))
    }
}

/// In percent; a share of nothing is not zero.
fn ratio(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| 100.0 * part as f64 / whole as f64)
}

#[derive(Clone, Debug, Default)]
struct Totals {
    started: u64,
    writes_acked: u64,
    writes_failed: u64,
    reads_ok: u64,
    reads_failed: u64,
    reads_stale: u64,
    refused: u64,
    /// Writes that happened without a request of their own: none. Kept for the law below.
    applied: u64,
    sent: u64,
    crowded: u64,
    merges: u64,
    /// (failed, finished) at nodes of the majority side and of the others.
    majority: (u64, u64),
    minority: (u64, u64),
    /// Reads after a write, by versions behind.
    looks: [u64; BEHIND_MAX],
    /// Guarantees that a session had asked for and did not get.
    broken_promises: u64,
}

#[derive(Clone)]
pub struct EventualConsistency {
    knobs: Knobs,
    seed: u64,
    replicas: Vec<Replica>,
    mesh: Mesh,
    slow: [f64; NODES_MAX],
    /// For each node the least node it still reaches, and whether that group is not the largest.
    group: Vec<usize>,
    minority: Vec<bool>,
    observers: Vec<Observer>,
    requests: Rows<Request>,
    next_request: u32,
    packets: Vec<Option<Packet>>,
    free: Vec<u32>,
    in_flight: usize,
    writes: Load,
    reads: Load,
    write_tape: Tape,
    read_tape: Tape,
    sync_generation: u32,
    syncs: u64,
    acts: u64,
    likes: u16,
    /// Where each client's session is pinned, and what it knows of each key.
    pins: [Option<u8>; USERS.len()],
    tokens: Vec<[Token; KEYS.len()]>,
    recent: Deque<Done>,
    stale: Share,
    available: [Share; 2],
    messages: Rate,
    ages: Recent,
    read_times: Recent,
    write_times: Recent,
    read_all: Hist,
    write_all: Hist,
    violations: Violations,
    totals: Totals,
    healed: Option<Us>,
    agreed_after: Option<Us>,
}

// What the picture asks for.
impl EventualConsistency {
    pub fn replicas(&self) -> &[Replica] {
        &self.replicas
    }
    pub fn mesh(&self) -> &Mesh {
        &self.mesh
    }
    /// For each node the least node that it still reaches.
    pub fn groups(&self) -> &[usize] {
        &self.group
    }
    pub fn is_minority(&self, node: usize) -> bool {
        self.minority[node]
    }
    pub fn keys(&self) -> usize {
        self.observers.len()
    }
    pub fn observer(&self, key: usize) -> &Observer {
        &self.observers[key]
    }
    pub fn packets(&self) -> impl Iterator<Item = &Packet> {
        self.packets.iter().flatten()
    }
    pub fn recent(&self) -> impl DoubleEndedIterator<Item = &Done> {
        self.recent.iter()
    }
    /// Requests under way: (id, user, key, node, is a write, start).
    pub fn under_way(&self) -> impl Iterator<Item = (u32, u8, u8, u8, bool, Us)> + '_ {
        self.requests.iter().map(|(id, r)| {
            let write = matches!(r.task, Task::Write { .. });
            (*id, r.user, r.key, r.node, write, r.start)
        })
    }
    pub fn rule(&self) -> Rule {
        RULES[self.knobs.choice(knob::RULE)]
    }
    pub fn session(&self) -> Session {
        SESSIONS[self.knobs.choice(knob::SESSION)]
    }
    /// (N, R, W), the quorums no larger than N.
    pub fn quorums(&self) -> (usize, usize, usize) {
        let n = self.replicas.len();
        let quorum = |k| (self.knobs.int(k) as usize).min(n);
        (n, quorum(knob::R), quorum(knob::W))
    }
    /// Whether this node's copy of a key lacks something that has been acknowledged.
    pub fn behind(&self, node: usize, key: usize) -> Option<Behind> {
        self.observers[key].behind(self.replicas[node].state(key), Us::MAX - Us(1))
    }
    pub fn lost(&self) -> u64 {
        (0..self.keys()).map(|k| self.observers[k].lost(&self.replicas, k)).sum()
    }
    pub fn violations(&self) -> Violations {
        self.violations
    }
    /// Requests a second that the knobs ask for: how much there is to show.
    pub fn rates(&self) -> f64 {
        let look = if self.knobs.choice(knob::LOOK) == LOOK_OFF { 0.0 } else { 1.0 };
        self.knobs.get(knob::READS) + self.knobs.get(knob::WRITES) * (self.knobs.get(knob::QUICK) + look)
    }
    /// What this copy shows, in a few letters: `v17` for a register, the number for what counts.
    pub fn shows(&self, state: &State) -> String {
        let versions = state.versions();
        let words: Vec<String> = versions.iter().map(|v| short(self.sort_of(state), *v)).collect();
        words.join("|")
    }
    /// What a key is called: registers have names, what counts counts likes.
    pub fn key_name(&self, key: usize) -> &'static str {
        told::key_name(self.sort_of(self.replicas[0].state(key)), key as u8)
    }
    pub fn is_register(&self) -> bool {
        self.sort() == Sort::Register
    }
}

impl EventualConsistency {
    fn sort(&self) -> Sort {
        match self.rule() {
            Rule::LastWriteWins | Rule::Siblings => Sort::Register,
            Rule::GrowOnlyCounter | Rule::PnCounter => Sort::Count,
            Rule::OrSet => Sort::Set,
        }
    }

    fn sort_of(&self, state: &State) -> Sort {
        if state.counts() { Sort::Count } else { self.sort() }
    }

    fn who(&self, user: u8, key: u8, node: u8, other: u8) -> i64 {
        let copy = self.replicas.get(node as usize).map(|r| r.state(key as usize));
        let sort = copy.map_or(Sort::Register, |s| self.sort_of(s));
        Who { key, node, user, sort, other }.pack()
    }

    fn set_wires(&mut self) {
        let (knobs, slow) = (&self.knobs, self.slow);
        for (from, to, link) in self.mesh.links_mut() {
            link.wire = wire(knobs, slow[from].max(slow[to]), from, to);
        }
    }

    /// Works out who still reaches whom.
    fn regroup(&mut self) {
        self.group = self.mesh.components();
        let size = |g: usize| self.group.iter().filter(|x| **x == g).count();
        let largest = (0..self.group.len()).map(size).max().unwrap_or(0);
        let majority = (0..self.group.len()).find(|g| size(*g) == largest);
        self.minority = self.group.iter().map(|g| Some(*g) != majority).collect();
    }

    /// Schedules the next write and the next read.
    fn schedule(&mut self, ctx: &mut Ctx<Event>) {
        if let Some(at) = self.writes.due() {
            ctx.at(at, Event::Write { generation: self.writes.generation });
        }
        self.schedule_read(ctx);
    }
    fn schedule_read(&mut self, ctx: &mut Ctx<Event>) {
        if let Some(at) = self.reads.due() {
            ctx.at(at, Event::Read { generation: self.reads.generation });
        }
    }

    /// The nodes take turns, spread over the period.
    fn schedule_sync(&mut self, ctx: &mut Ctx<Event>) {
        self.sync_generation += 1;
        let period = self.knobs.s(knob::ANTI_ENTROPY);
        if period == Us::ZERO {
            return;
        }
        let n = self.replicas.len() as u64;
        for node in 0..n {
            let first = Us(period.0 * (node + 1) / n);
            ctx.after(first, Event::Sync { node: node as u8, generation: self.sync_generation });
        }
    }

    /// Which node a client's request goes to, by fair bits from the tape.
    fn coordinator(&mut self, user: u8, bits: u64) -> Option<u8> {
        let up: Vec<u8> = self.replicas.iter().filter(|r| r.up).map(|r| r.id).collect();
        if up.is_empty() {
            return None;
        }
        if self.session() == Session::Sticky {
            let pin = &mut self.pins[user as usize];
            if pin.is_none_or(|p| !up.contains(&p)) {
                *pin = nearest(&self.knobs, user, &up);
            }
            return *pin;
        }
        if self.knobs.choice(knob::ROUTE) == ROUTE_NEAREST {
            return nearest(&self.knobs, user, &up);
        }
        Some(up[((u128::from(bits) * up.len() as u128) >> 64) as usize])
    }

    fn workload_op(&self, key: u8, bits: u64) -> Op {
        match self.rule() {
            Rule::LastWriteWins | Rule::Siblings => Op::Put(i64::from(self.observers[key as usize].next())),
            Rule::GrowOnlyCounter => Op::Like(0),
            // Three likes to one taken back.
            Rule::PnCounter if bits >> 62 == 0 => Op::Unlike(0),
            Rule::PnCounter => Op::Like(0),
            // A dozen people who change their minds.
            Rule::OrSet => Op::Put((bits >> 32) as i64 % 12),
        }
    }

    fn begin(&mut self, ctx: &mut Ctx<Event>, user: u8, key: u8, node: Option<u8>, task: Task, place: u64) {
        let id = self.next_request;
        self.next_request += 1;
        self.totals.started += 1;
        let down = node.is_none_or(|n| !self.replicas[n as usize].up);
        let node = node.unwrap_or(0);
        let request = Request {
            user,
            key,
            node,
            task,
            place,
            start: ctx.now,
            asked: 1 << node,
            answered: 0,
            write: 0,
            value: 0,
            sort: self.sort(),
            result: None,
            versions: Vec::new(),
            token: self.tokens[user as usize][key as usize],
            minority: self.minority[node as usize],
        };
        if down || self.requests.len() >= REQUESTS_MAX {
            self.totals.refused += 1;
            self.tally(ctx.now, request.minority, false);
            ctx.log(Tone::Rejected, told::REFUSED, id, self.who(user, key, node, 0), 0);
            ctx.bad();
            ctx.mix(0xdead ^ u64::from(id));
            self.remember(request.done(id, ctx.now, false));
            return;
        }
        self.requests.insert(id, request);
        match task {
            Task::Write { op, .. } => self.begin_write(ctx, id, op),
            Task::Read { .. } => self.begin_read(ctx, id),
        }
        ctx.after(LOCAL, Event::Local { request: id });
        ctx.after(self.knobs.ms(knob::TIMEOUT), Event::Timeout { request: id });
    }

    fn begin_write(&mut self, ctx: &mut Ctx<Event>, id: u32, op: Op) {
        let r = &self.requests[&id];
        let (user, key, node, token, place) = (r.user, r.key, r.node, r.token, r.place);
        let (k, n) = (key as usize, node as usize);
        let before = self.replicas[n].state(k).seen();
        let write = self.observers[k].next();
        let done = self.replicas[n].write(ctx.now, k, op, write);
        let state = self.replicas[n].state(k).clone();
        self.observers[k].sum += if matches!(op, Op::Unlike(_)) { -1 } else { 1 };
        let entry = Entry {
            write,
            id: done.id,
            node,
            parent: done.parent,
            seen: state.vector(),
            at: ctx.now,
            acked: Us::MAX,
            kept: done.kept,
        };
        self.observers[k].wrote(entry, &self.replicas, k);
        self.totals.applied += 1;
        // What the write put there, even if a later timestamp outvoted it at once.
        let value = match op {
            Op::Put(v) if self.is_register() => v,
            _ => state.value(),
        };
        let sort = self.sort_of(&state);
        let who = self.who(user, key, node, 0);
        ctx.mix(write.into());
        ctx.step(Tone::Info, told::WRITE_STARTS, id, who, two(value, Us::ZERO));
        if !done.kept {
            ctx.log(Tone::Stale, told::OUTVOTED, id, who, 0);
        }
        self.check_write_order(ctx, id, &token, &before, done.id.stamp, who);
        let (_, _, w) = self.quorums();
        let targets = self.targets(node, w, place);
        ctx.step(Tone::Flight, told::SENT, id, who, two(targets.len() as i64, Us::ZERO));
        if let Some(r) = self.requests.get_mut(&id) {
            r.write = write;
            r.value = value;
            r.sort = sort;
            // What the story of the write calls it.
            r.asked |= targets.iter().fold(0, |bits, t| bits | 1 << t);
        }
        for to in targets {
            let body = Body::Replicate { request: id, state: state.clone() };
            self.send(ctx, ctx.now, node, to, key, place, 0, body);
        }
    }

    /// Monotonic writes and writes-follow-reads, for registers: is the new write ordered after what
    /// its author wrote and read before?
    fn check_write_order(
        &mut self,
        ctx: &mut Ctx<Event>,
        id: u32,
        token: &Token,
        before: &Seen,
        stamp: Stamp,
        who: i64,
    ) {
        let after = |point: &Seen| match self.rule() {
            Rule::LastWriteWins => stamp > point.stamp,
            Rule::Siblings => before.vector.covers_all(&point.vector),
            // Operations on counters and sets commute: there is no order to keep.
            _ => true,
        };
        let (writes, reads) = (after(&token.wrote), after(&token.read));
        if !writes {
            self.violations.monotonic_writes += 1;
            ctx.step(Tone::Stale, told::OWN_WRITES_REORDERED, id, who, 0);
        }
        if !reads {
            self.violations.writes_follow_reads += 1;
            ctx.step(Tone::Stale, told::BEFORE_WHAT_WAS_READ, id, who, 0);
        }
    }

    fn begin_read(&mut self, ctx: &mut Ctx<Event>, id: u32) {
        let r = &self.requests[&id];
        let (user, key, node, place) = (r.user, r.key, r.node, r.place);
        ctx.step(Tone::Info, told::READ_STARTS, id, self.who(user, key, node, 0), 0);
        let (_, quorum, _) = self.quorums();
        // With R = 1 the coordinator's own copy is the first to answer: no need to ask.
        if quorum > 1 {
            let targets = self.targets(node, quorum, place);
            self.ask(ctx, id, &targets);
        }
    }

    fn ask(&mut self, ctx: &mut Ctx<Event>, id: u32, targets: &[u8]) {
        let Some(r) = self.requests.get_mut(&id) else {
            return;
        };
        let (node, key, place) = (r.node, r.key, r.place);
        r.asked |= targets.iter().fold(0, |bits, t| bits | 1 << t);
        for to in targets {
            self.send(ctx, ctx.now, node, *to, key, place, 0, Body::Ask { request: id });
        }
    }

    /// The other replicas that a coordinator turns to for a quorum of `quorum`.
    fn targets(&self, node: u8, quorum: usize, place: u64) -> Vec<u8> {
        let mut others: Vec<u8> = (0..self.replicas.len() as u8).filter(|n| *n != node).collect();
        if self.knobs.choice(knob::FANOUT) == FANOUT_NEEDED {
            let pick = Stream::new(self.seed, "eventual", "fanout", 0);
            for i in 0..(quorum - 1).min(others.len()) {
                let left = (others.len() - i) as u128;
                let j = (u128::from(pick.at(place * 8 + i as u64)) * left) >> 64;
                others.swap(i, i + j as usize);
            }
            others.truncate(quorum - 1);
        }
        others
    }

    #[allow(clippy::too_many_arguments)]
    fn send(&mut self, ctx: &mut Ctx<Event>, at: Us, from: u8, to: u8, key: u8, place: u64, phase: u64, body: Body) {
        self.totals.sent += 1;
        self.messages.add(ctx.now, 1);
        let link = self.mesh.link_mut(from as usize, to as usize);
        let fate = link.send_as(at, 0, place * 4 + phase);
        let packet = Packet { from, to, key, sent: at, arrives: at, body, place };
        if let (Some(id), Fate::Lost | Fate::Cut) = (packet.request(), fate) {
            let code = if fate == Fate::Cut { told::CUT_PACKET } else { told::LOST_PACKET };
            ctx.step(Tone::Rejected, code, id, self.who(0, key, from, to), 0);
        }
        for arrives in fate.arrivals() {
            if self.in_flight >= PACKETS_MAX {
                self.totals.crowded += 1;
                ctx.bad();
                continue;
            }
            self.in_flight += 1;
            let packet = Packet { arrives, ..packet.clone() };
            let slot = match self.free.pop() {
                Some(slot) => {
                    self.packets[slot as usize] = Some(packet);
                    slot
                }
                None => {
                    self.packets.push(Some(packet));
                    self.packets.len() as u32 - 1
                }
            };
            ctx.at(arrives, Event::Deliver { packet: slot });
        }
    }

    fn deliver(&mut self, ctx: &mut Ctx<Event>, slot: u32) {
        let Some(packet) = self.packets[slot as usize].take() else {
            return;
        };
        self.free.push(slot);
        self.in_flight -= 1;
        let Packet { from, to, key, body, place, .. } = packet;
        if !self.replicas[to as usize].up {
            return;
        }
        match body {
            Body::Replicate { request, state } => {
                self.receive(ctx, to, key, &state);
                if let Some(r) = self.requests.get(&request) {
                    let took = ctx.now.since(r.start);
                    ctx.step(Tone::Flight, told::HAS_IT, request, self.who(0, key, to, 0), two(0, took));
                }
                self.send(ctx, ctx.now + LOCAL, to, from, key, place, 1, Body::Ack { request });
            }
            Body::Ask { request } => {
                let state = self.replicas[to as usize].state(key as usize).clone();
                self.send(ctx, ctx.now + LOCAL, to, from, key, place, 1, Body::Answer { request, state });
            }
            Body::Ack { request } => self.answered(ctx, request, from, None),
            Body::Answer { request, state } => self.answered(ctx, request, from, Some(state)),
            Body::Repair { state } => self.receive(ctx, to, key, &state),
            Body::Sync { states } => {
                for (k, state) in states.iter().enumerate() {
                    self.receive(ctx, to, k as u8, state);
                }
            }
        }
    }

    /// A replica merges a state that has arrived.
    fn receive(&mut self, ctx: &mut Ctx<Event>, node: u8, key: u8, state: &State) {
        let (n, k) = (node as usize, key as usize);
        let before = self.replicas[n].state(k).clone();
        if !self.replicas[n].receive(k, state) {
            return;
        }
        self.totals.merges += 1;
        let after = self.replicas[n].state(k);
        ctx.mix(after.value() as u64);
        let who = self.who(0, key, node, 0);
        match (&before, after) {
            (State::Lww(old), State::Lww(new)) => {
                let (old, new) = (old.value, new.value);
                if old.write > 0 && !self.observers[k].is_ancestor(old.write, new.write) {
                    ctx.log(Tone::Undo, told::DROPPED, Line::NO_REQUEST, who, two(old.value, Us::ZERO));
                }
            }
            (State::Siblings(old), State::Siblings(new)) if new.values.len() > old.values.len().max(1) => {
                ctx.log(Tone::Waiting, told::SIBLINGS, Line::NO_REQUEST, who, two(new.values.len() as i64, Us::ZERO));
            }
            _ => {}
        }
        self.check_agreement(ctx);
    }

    fn check_agreement(&mut self, ctx: &mut Ctx<Event>) {
        let Some(healed) = self.healed else { return };
        if self.differing() == 0 {
            let took = ctx.now.since(healed);
            self.healed = None;
            self.agreed_after = Some(took);
            ctx.log(Tone::Ok, told::AGREED, Line::NO_REQUEST, 0, two(0, took));
        }
    }

    /// Keys on which not all copies are equal.
    pub fn differing(&self) -> usize {
        (0..self.keys()).filter(|k| self.replicas.iter().any(|r| r.state(*k) != self.replicas[0].state(*k))).count()
    }

    /// A replica has answered a request: counts each once, however often its message arrives.
    fn answered(&mut self, ctx: &mut Ctx<Event>, id: u32, from: u8, state: Option<State>) {
        let Some(r) = self.requests.get_mut(&id) else {
            return;
        };
        if r.answered & 1 << from != 0 {
            return;
        }
        r.answered |= 1 << from;
        let took = ctx.now.since(r.start);
        let (key, user) = (r.key, r.user);
        if let Some(state) = state {
            r.versions.push((from, state.seen()));
            let value = state.value();
            match &mut r.result {
                Some(result) => result.merge(&state),
                none => *none = Some(state),
            }
            ctx.step(Tone::Flight, told::ANSWERS, id, self.who(user, key, from, 0), two(value, took));
        }
        self.check_done(ctx, id);
    }

    fn check_done(&mut self, ctx: &mut Ctx<Event>, id: u32) {
        let (_, read_quorum, write_quorum) = self.quorums();
        let session = self.session();
        let Some(r) = self.requests.get(&id) else {
            return;
        };
        let answers = r.answered.count_ones() as usize;
        match r.task {
            Task::Write { .. } if answers >= write_quorum => self.finish_write(ctx, id),
            Task::Read { .. } if answers >= read_quorum => {
                let admitted = r.result.as_ref().is_some_and(|s| r.token.admits(session, s));
                if admitted {
                    self.finish_read(ctx, id);
                    return;
                }
                let who = self.who(r.user, r.key, r.node, 0);
                let asked = r.asked;
                let rest: Vec<u8> = (0..self.replicas.len() as u8).filter(|n| asked & 1 << n == 0).collect();
                ctx.step(Tone::Waiting, told::ASKS_FURTHER, id, who, two(answers as i64, Us::ZERO));
                self.ask(ctx, id, &rest);
            }
            _ => {}
        }
    }

    fn finish_write(&mut self, ctx: &mut Ctx<Event>, id: u32) {
        let Some(r) = self.requests.remove(&id) else {
            return;
        };
        let took = ctx.now.since(r.start);
        let (k, who) = (r.key as usize, self.who(r.user, r.key, r.node, 0));
        self.observers[k].acked(r.write, ctx.now);
        if let Some(entry) = self.observers[k].entry(r.write) {
            let wrote = &mut self.tokens[r.user as usize][k].wrote;
            wrote.stamp = wrote.stamp.max(entry.id.stamp);
            wrote.vector.include(entry.id.dot);
        }
        self.totals.writes_acked += 1;
        self.write_times.add(ctx.now, took);
        self.write_all.add(took);
        self.tally(ctx.now, r.minority, true);
        ctx.mix(u64::from(id));
        ctx.log(Tone::Ok, told::ACKED, id, who, two(i64::from(r.answered.count_ones()), took));
        self.remember(r.done(id, ctx.now, true));
        let Task::Write { more, .. } = r.task else {
            return;
        };
        if more > 0 {
            let place = r.place + 1;
            let bits = self.write_tape.purpose("again").at(place + 1);
            let node = self.coordinator(r.user, bits);
            let op = self.workload_op(r.key, bits.rotate_left(32));
            let task = Task::Write { op, more: more - 1 };
            self.begin(ctx, r.user, r.key, node, task, place);
        } else if r.place < place::READ && self.knobs.choice(knob::LOOK) != LOOK_OFF {
            let mut user = r.user;
            if self.knobs.choice(knob::LOOK) == LOOK_OTHER {
                user = (user + 1) % YOU;
            }
            let look = Event::Look { user, key: r.key, place: place::LOOK + r.place };
            ctx.after(self.knobs.ms(knob::LOOK_AFTER), look);
        }
    }

    fn finish_read(&mut self, ctx: &mut Ctx<Event>, id: u32) {
        let Some(r) = self.requests.remove(&id) else {
            return;
        };
        let done = r.done(id, ctx.now, true);
        let Some(result) = r.result else { return };
        let k = r.key as usize;
        let took = ctx.now.since(r.start);
        let behind = self.observers[k].behind(&result, r.start);
        let stale = behind.is_some();
        let age = behind.map_or(Us::ZERO, |b| ctx.now.since(b.since));
        let versions = behind.map_or(0, |b| b.versions);
        self.totals.reads_ok += 1;
        self.totals.reads_stale += u64::from(stale);
        self.stale.add(ctx.now, stale);
        self.read_times.add(ctx.now, took);
        self.read_all.add(took);
        self.tally(ctx.now, r.minority, true);
        if let Task::Read { look: true } = r.task {
            self.totals.looks[(versions as usize).min(BEHIND_MAX - 1)] += 1;
        }
        let (value, sort) = (result.value(), self.sort_of(&result));
        let who = self.who(r.user, r.key, r.node, versions.min(255) as u8);
        ctx.mix(u64::from(id) << 32 | u64::from(versions));
        if let Some(b) = behind {
            self.ages.add(ctx.now, age);
            ctx.log(Tone::Stale, told::READ_STALE, id, who, two(value, age));
            self.explain(ctx, id, r.key, r.answered, b.newest);
        } else {
            ctx.step(Tone::Ok, told::READ_OK, id, who, two(value, took));
        }
        let (missing, back) = self.check_session(ctx, id, &r.token, &result, who);
        self.tokens[r.user as usize][k].read.merge(&result.seen());
        if self.knobs.on(knob::REPAIR) {
            self.repair(ctx, r.key, r.node, r.place, &r.versions, &result, id);
        }
        self.remember(Done { value, sort, behind: versions, age, own_write_missing: missing, went_back: back, ..done });
    }

    /// Read your writes and monotonic reads: were they kept for this read?
    fn check_session(
        &mut self,
        ctx: &mut Ctx<Event>,
        id: u32,
        token: &Token,
        result: &State,
        who: i64,
    ) -> (bool, bool) {
        let missing = !result.includes(&token.wrote);
        let back = !result.includes(&token.read);
        let session = self.session();
        if missing {
            self.violations.read_your_writes += 1;
            ctx.log(Tone::Stale, told::OWN_WRITE_MISSING, id, who, 0);
        }
        if back {
            self.violations.monotonic_reads += 1;
            ctx.log(Tone::Stale, told::WENT_BACK, id, who, 0);
        }
        let promised = missing && session.reads_its_writes() || back && session.reads_monotonically();
        self.totals.broken_promises += u64::from(promised);
        (missing, back)
    }

    /// Why did none of the nodes that answered have this write?
    fn explain(&self, ctx: &mut Ctx<Event>, id: u32, key: u8, answered: u8, write: u32) {
        let k = key as usize;
        let Some(entry) = self.observers[k].entry(write).copied() else {
            return;
        };
        for node in (0..self.replicas.len() as u8).filter(|n| answered & 1 << n != 0) {
            let coming = self.packets().filter(|p| p.to == node).filter(|p| match &p.body {
                Body::Replicate { state, .. } | Body::Repair { state } => p.key == key && state.has(&entry.id),
                Body::Sync { states } => states[k].has(&entry.id),
                _ => false,
            });
            let who = self.who(0, key, node, entry.node);
            if let Some(left) = coming.map(|p| p.arrives.since(ctx.now)).min() {
                ctx.step(Tone::Stale, told::WHY_ON_ITS_WAY, id, who, two(write.into(), left));
            } else if entry.node != node && !self.mesh.link(entry.node as usize, node as usize).is_up() {
                ctx.step(Tone::Stale, told::WHY_CUT, id, who, two(write.into(), Us::ZERO));
            } else if entry.node != node {
                ctx.step(Tone::Stale, told::WHY_MISSED, id, who, two(write.into(), Us::ZERO));
            }
        }
    }

    #[allow(clippy::too_many_arguments)]
    fn repair(
        &mut self,
        ctx: &mut Ctx<Event>,
        key: u8,
        node: u8,
        place: u64,
        versions: &[(u8, Seen)],
        result: &State,
        id: u32,
    ) {
        let newest = result.seen();
        for (to, seen) in versions.iter().filter(|(_, seen)| *seen != newest) {
            debug_assert!(result.includes(seen));
            if *to == node {
                self.receive(ctx, node, key, result);
            } else {
                ctx.step(Tone::Flight, told::REPAIRED, id, self.who(0, key, node, *to), 0);
                self.send(ctx, ctx.now, node, *to, key, place, 2, Body::Repair { state: result.clone() });
            }
        }
    }

    fn timeout(&mut self, ctx: &mut Ctx<Event>, id: u32) {
        let Some(r) = self.requests.remove(&id) else {
            return;
        };
        let (_, read_quorum, write_quorum) = self.quorums();
        let (code, quorum, write) = match r.task {
            Task::Write { .. } => (told::WRITE_FAILED, write_quorum, true),
            Task::Read { .. } => (told::READ_FAILED, read_quorum, false),
        };
        if write {
            self.totals.writes_failed += 1;
        } else {
            self.totals.reads_failed += 1;
        }
        self.tally(ctx.now, r.minority, false);
        ctx.mix(!u64::from(id));
        let who = self.who(r.user, r.key, r.node, quorum as u8);
        let took = ctx.now.since(r.start);
        ctx.log(Tone::Rejected, code, id, who, two(i64::from(r.answered.count_ones()), took));
        ctx.bad();
        self.remember(r.done(id, ctx.now, false));
    }

    fn tally(&mut self, now: Us, minority: bool, ok: bool) {
        self.available[usize::from(minority)].add(now, ok);
        let side = if minority { &mut self.totals.minority } else { &mut self.totals.majority };
        side.0 += u64::from(!ok);
        side.1 += 1;
    }

    fn remember(&mut self, done: Done) {
        if self.recent.len() == RECENT_MAX {
            self.recent.pop_front();
        }
        self.recent.push_back(done);
    }

    fn sync(&mut self, ctx: &mut Ctx<Event>, node: u8) {
        let period = self.knobs.s(knob::ANTI_ENTROPY);
        ctx.after(period, Event::Sync { node, generation: self.sync_generation });
        if !self.replicas[node as usize].up {
            return;
        }
        self.syncs += 1;
        let place = place::SYNC + self.syncs;
        for to in (0..self.replicas.len() as u8).filter(|n| *n != node) {
            let states = self.replicas[node as usize].states().to_vec();
            self.send(ctx, ctx.now, node, to, 0, place, 0, Body::Sync { states });
        }
    }

    fn act_place(&mut self) -> u64 {
        self.acts += 1;
        place::ACT + self.acts
    }

    /// The node an act names, if there is one.
    fn named(&self, ctx: &mut Ctx<Event>, node: f64) -> Option<u8> {
        let node = node as u8;
        if (node as usize) < self.replicas.len() {
            return Some(node);
        }
        ctx.log(Tone::Info, told::NO_SUCH_NODE, Line::NO_REQUEST, self.who(0, 0, node, 0), 0);
        None
    }

    fn set_link(&mut self, ctx: &mut Ctx<Event>, link: usize, up: bool) {
        let (a, b) = link_ends(link);
        if b >= self.replicas.len() {
            ctx.log(Tone::Info, told::NO_SUCH_NODE, Line::NO_REQUEST, self.who(0, 0, b as u8, 0), 0);
            return;
        }
        self.mesh.set_pair(a, b, up);
        let code = if up { told::MENDED } else { told::CUT };
        ctx.log(Tone::Fault, code, Line::NO_REQUEST, link as i64, 0);
        self.links_changed(ctx);
    }

    fn links_changed(&mut self, ctx: &mut Ctx<Event>) {
        let n = self.replicas.len();
        self.regroup();
        let whole = (0..n).all(|a| (0..n).all(|b| a == b || self.mesh.link(a, b).is_up()));
        self.healed = whole.then_some(ctx.now);
        self.check_agreement(ctx);
    }

    fn like(&mut self, ctx: &mut Ctx<Event>, node: u8, left: u16) {
        // Everybody likes once, so each like on a set is another person's.
        let person = 100 + self.likes % 1_900;
        self.likes += 1;
        let task = Task::Write { op: Op::Like(person), more: 0 };
        let place = self.act_place();
        self.begin(ctx, YOU, 0, Some(node), task, place);
        if left > 1 {
            ctx.after(LIKE_EVERY, Event::Like { node, left: left - 1 });
        }
    }
}

/// One link's behaviour by the knobs.
fn wire(knobs: &Knobs, slow: f64, from: usize, to: usize) -> Wire {
    let mean = knobs.ms(distance(from % 3, to % 3));
    let delay = match knobs.choice(knob::LAW) {
        LAW_FIXED => Delay::Fixed(mean),
        _ => Delay::Exp(mean),
    };
    let wire =
        Wire { loss: knobs.share(knob::LOSS), duplicate: knobs.share(knob::DUPLICATE), ..Wire::new(delay.times(slow)) };
    if knobs.on(knob::IN_ORDER) { wire.in_order() } else { wire }
}

/// The knob that says how far two regions are apart.
fn distance(a: usize, b: usize) -> usize {
    match (a.min(b), a.max(b)) {
        (a, b) if a == b => knob::NEAR,
        (0, 1) => knob::MIDDLE,
        _ => knob::FAR,
    }
}

/// The node nearest to a client's home among those that are up; the first of equals.
fn nearest(knobs: &Knobs, user: u8, up: &[u8]) -> Option<u8> {
    let home = user as usize % 3;
    up.iter().copied().min_by_key(|n| (knobs.ms(distance(home, *n as usize % 3)), *n))
}

impl Model for EventualConsistency {
    type Event = Event;

    fn new(setup: &Setup) -> Self {
        let knobs = setup.knobs.clone();
        let n = knobs.int(knob::N) as usize;
        let keys = knobs.int(knob::KEYS) as usize;
        let rule = RULES[knobs.choice(knob::RULE)];
        let hybrid = knobs.on(knob::HYBRID);
        let slow = [1.0; NODES_MAX];
        let mut replicas: Vec<Replica> = (0..n).map(|i| Replica::new(i as u8, keys, rule, hybrid)).collect();
        replicas[0].clock.skew = (knobs.get(knob::SKEW) * 1e3) as i64;
        let mesh = Mesh::new(setup.seed, "eventual", n, |a, b| wire(&knobs, 1.0, a, b));
        let write_tape = Tape::new(setup.seed);
        let read_tape = Tape::new(mix(setup.seed ^ 0x7265_6164));
        let mut model = EventualConsistency {
            seed: setup.seed,
            replicas,
            mesh,
            slow,
            group: Vec::new(),
            minority: Vec::new(),
            observers: vec![Observer::default(); keys],
            requests: Rows::default(),
            next_request: 0,
            packets: Vec::new(),
            free: Vec::new(),
            in_flight: 0,
            writes: Load::new(write_tape, knobs.get(knob::WRITES)),
            reads: Load::new(read_tape, knobs.get(knob::READS)),
            write_tape,
            read_tape,
            sync_generation: 0,
            syncs: 0,
            acts: 0,
            likes: 0,
            pins: [None; USERS.len()],
            tokens: vec![[Token::default(); KEYS.len()]; USERS.len()],
            recent: Deque::new(),
            stale: Share::new(),
            available: [Share::new(), Share::new()],
            messages: Rate::new(Us::s(10)),
            ages: Recent::new(Us::s(30), 10),
            read_times: Recent::new(Us::s(30), 10),
            write_times: Recent::new(Us::s(30), 10),
            read_all: Hist::new(),
            write_all: Hist::new(),
            violations: Violations::default(),
            totals: Totals::default(),
            healed: None,
            agreed_after: None,
            knobs,
        };
        model.regroup();
        model
    }

    fn start(&mut self, ctx: &mut Ctx<Event>) {
        self.schedule(ctx);
        self.schedule_sync(ctx);
    }

    fn on(&mut self, event: Event, ctx: &mut Ctx<Event>) {
        match event {
            Event::Write { generation } if generation == self.writes.generation => {
                let i = self.writes.arrive(ctx.now);
                if let Some(at) = self.writes.due() {
                    ctx.at(at, Event::Write { generation });
                }
                let draw = |purpose| self.write_tape.purpose(purpose).at(i + 1);
                let user = (draw("user") >> 33) as u8 % YOU;
                let key = ((draw("key") >> 33) % self.keys() as u64) as u8;
                let op = self.workload_op(key, draw("op"));
                let bits = draw("node");
                let node = self.coordinator(user, bits);
                let more = self.knobs.int(knob::QUICK) as u8 - 1;
                self.begin(ctx, user, key, node, Task::Write { op, more }, place::WRITE + i * 4);
            }
            Event::Read { generation } if generation == self.reads.generation => {
                let i = self.reads.arrive(ctx.now);
                self.schedule_read(ctx);
                let draw = |purpose| self.read_tape.purpose(purpose).at(i + 1);
                let user = (draw("user") >> 33) as u8 % YOU;
                let key = ((draw("key") >> 33) % self.keys() as u64) as u8;
                let bits = draw("node");
                let node = self.coordinator(user, bits);
                self.begin(ctx, user, key, node, Task::Read { look: false }, place::READ + i);
            }
            Event::Write { .. } | Event::Read { .. } => {}
            Event::Look { user, key, place } => {
                let bits = self.write_tape.purpose("look").at(place + 1);
                let node = self.coordinator(user, bits);
                self.begin(ctx, user, key, node, Task::Read { look: true }, place);
            }
            Event::Local { request } => {
                let Some(r) = self.requests.get(&request) else {
                    return;
                };
                let node = r.node;
                if !self.replicas[node as usize].up {
                    return;
                }
                let state = matches!(r.task, Task::Read { .. })
                    .then(|| self.replicas[node as usize].state(r.key as usize).clone());
                self.answered(ctx, request, node, state);
            }
            Event::Deliver { packet } => self.deliver(ctx, packet),
            Event::Timeout { request } => self.timeout(ctx, request),
            Event::Sync { node, generation } => {
                if generation == self.sync_generation {
                    self.sync(ctx, node);
                }
            }
            Event::Like { node, left } => self.like(ctx, node, left),
        }
    }

    fn act(&mut self, what: u8, args: &[f64], ctx: &mut Ctx<Event>) {
        match what as usize {
            act::PARTITION => {
                let region = args[0] as usize;
                self.mesh.partition(|node| usize::from(node % 3 == region));
                ctx.log(Tone::Fault, told::PARTITIONED, Line::NO_REQUEST, region as i64, 0);
                self.links_changed(ctx);
            }
            act::HEAL => {
                self.mesh.heal();
                ctx.log(Tone::Fault, told::HEALED, Line::NO_REQUEST, 0, 0);
                self.links_changed(ctx);
            }
            act::CUT => self.set_link(ctx, args[0] as usize, false),
            act::MEND => self.set_link(ctx, args[0] as usize, true),
            act::LIKE => {
                if let Some(node) = self.named(ctx, args[0]) {
                    self.like(ctx, node, args[1] as u16);
                }
            }
            act::WRITE | act::READ => {
                let Some(node) = self.named(ctx, args[0]) else {
                    return;
                };
                let key = (args[1] as u8).min(self.keys() as u8 - 1);
                let place = self.act_place();
                let task = if what as usize == act::READ {
                    Task::Read { look: false }
                } else {
                    let bits = Stream::new(self.seed, "eventual", "act", 0).at(place);
                    Task::Write { op: self.workload_op(key, bits), more: 0 }
                };
                self.begin(ctx, YOU, key, Some(node), task, place);
            }
            act::SKEW => {
                if let Some(node) = self.named(ctx, args[0]) {
                    self.replicas[node as usize].clock.skew = (args[1] * 1e3) as i64;
                    ctx.log(Tone::Fault, told::SKEWED, Line::NO_REQUEST, self.who(0, 0, node, 0), args[1] as i64);
                }
            }
            act::SLOW => {
                if let Some(node) = self.named(ctx, args[0]) {
                    self.slow[node as usize] = args[1];
                    self.set_wires();
                    ctx.log(Tone::Fault, told::SLOWED, Line::NO_REQUEST, self.who(0, 0, node, 0), args[1] as i64);
                }
            }
            _ => {
                let up = what as usize == act::RESTORE;
                if let Some(node) = self.named(ctx, args[0]) {
                    self.replicas[node as usize].up = up;
                    let code = if up { told::STARTED } else { told::STOPPED };
                    ctx.log(Tone::Fault, code, Line::NO_REQUEST, self.who(0, 0, node, 0), 0);
                }
            }
        }
    }

    fn knob(&mut self, what: u8, knobs: &Knobs, ctx: &mut Ctx<Event>) {
        self.knobs = knobs.clone();
        match what as usize {
            knob::WRITES => {
                self.writes.set_rate(ctx.now, knobs.get(knob::WRITES));
                if let Some(at) = self.writes.due() {
                    ctx.at(at, Event::Write { generation: self.writes.generation });
                }
            }
            knob::READS => {
                self.reads.set_rate(ctx.now, knobs.get(knob::READS));
                self.schedule_read(ctx);
            }
            knob::ANTI_ENTROPY => self.schedule_sync(ctx),
            knob::SKEW => self.replicas[0].clock.skew = (knobs.get(knob::SKEW) * 1e3) as i64,
            knob::R | knob::W | knob::SESSION => {
                // A smaller quorum may already be met by requests under way.
                let ids: Vec<u32> = self.requests.keys().copied().collect();
                for id in ids {
                    self.check_done(ctx, id);
                }
            }
            _ => self.set_wires(),
        }
    }

    fn number(&self, what: u8, now: Us) -> Option<f64> {
        let ms = |us: Option<Us>| us.map(Us::as_ms);
        match what as usize {
            number::STALE => self.stale.percent(now),
            number::LOST => Some(self.lost() as f64),
            number::READ_P50 => ms(self.read_times.quantile(now, 0.5)),
            number::READ_P99 => ms(self.read_times.quantile(now, 0.99)),
            number::WRITE_P50 => ms(self.write_times.quantile(now, 0.5)),
            number::WRITE_P99 => ms(self.write_times.quantile(now, 0.99)),
            number::AVAILABLE_MAJORITY => self.available[0].percent(now),
            number::AVAILABLE_MINORITY => self.available[1].percent(now),
            number::AGE_P50 => ms(self.ages.quantile(now, 0.5)),
            number::AGE_P99 => ms(self.ages.quantile(now, 0.99)),
            number::RYW => Some(self.violations.read_your_writes as f64),
            number::MONOTONIC => Some(self.violations.monotonic_reads as f64),
            number::MONOTONIC_WRITES => Some(self.violations.monotonic_writes as f64),
            number::FOLLOW_READS => Some(self.violations.writes_follow_reads as f64),
            number::DIFFER => Some(self.differing() as f64),
            number::SIBLINGS => {
                let states = self.replicas.iter().flat_map(|r| r.states());
                states.map(|s| s.siblings() as f64).reduce(f64::max)
            }
            number::AGREE => ms(self.agreed_after),
            number::MESSAGES => Some(self.messages.per_s(now)),
            _ => None,
        }
    }

    fn measure(&self, what: u8, args: &[f64], _now: Us) -> Option<f64> {
        let key = |i: usize| args.get(i).map(|k| *k as usize).filter(|k| *k < self.keys());
        match what as usize {
            measure::BEHIND => {
                let from = (*args.first()? as usize).min(BEHIND_MAX);
                let looks = &self.totals.looks;
                ratio(looks[from..].iter().sum(), looks.iter().sum())
            }
            measure::STALE_TOTAL => ratio(self.totals.reads_stale, self.totals.reads_ok),
            measure::VALUE => {
                let node = self.replicas.get(*args.get(1)? as usize)?;
                Some(node.state(key(0)?).value() as f64)
            }
            measure::SIBLINGS_OF => {
                let k = key(0)?;
                self.replicas.iter().map(|r| r.state(k).siblings() as f64).reduce(f64::max)
            }
            measure::WINNER => {
                let k = key(0)?;
                let first = self.replicas[0].state(k);
                let agree = self.replicas.iter().all(|r| r.state(k) == first);
                first.write().filter(|_| agree).map(f64::from)
            }
            measure::FAILED => {
                Some((self.totals.writes_failed + self.totals.reads_failed + self.totals.refused) as f64)
            }
            measure::FAILED_MINORITY => ratio(self.totals.minority.0, self.totals.minority.1),
            measure::FAILED_MAJORITY => ratio(self.totals.majority.0, self.totals.majority.1),
            measure::WRITTEN => Some(self.totals.applied as f64),
            measure::READ_MEAN => self.read_all.mean().map(Us::as_ms),
            measure::WRITE_MEAN => self.write_all.mean().map(Us::as_ms),
            _ => None,
        }
    }

    fn counts(&self) -> Vec<(&'static str, u64)> {
        let t = &self.totals;
        let net = self.mesh.traffic();
        vec![
            ("requests", t.started),
            ("writes acknowledged", t.writes_acked),
            ("writes failed", t.writes_failed),
            ("reads", t.reads_ok),
            ("stale reads", t.reads_stale),
            ("reads failed", t.reads_failed),
            ("refused", t.refused),
            ("under way", self.requests.len() as u64),
            ("writes applied", t.applied),
            ("messages", t.sent),
            ("messages lost", net.lost),
            ("messages cut", net.cut),
            ("messages twice", net.duplicated),
            ("messages on the wires", self.in_flight as u64),
            ("merges", t.merges),
            ("own write not seen", self.violations.read_your_writes),
            ("reads that went back", self.violations.monotonic_reads),
        ]
    }

    fn invariants(&self, _now: Us) -> Result<(), String> {
        let t = &self.totals;
        self.mesh.invariants()?;
        balance(
            "requests",
            t.started,
            &[
                ("writes acknowledged", t.writes_acked),
                ("writes failed", t.writes_failed),
                ("reads", t.reads_ok),
                ("reads failed", t.reads_failed),
                ("refused", t.refused),
                ("under way", self.requests.len() as u64),
            ],
        )?;
        let wires = self.packets().count();
        if wires != self.in_flight {
            return Err(format!("{wires} packets are kept, but {} are counted", self.in_flight));
        }
        if t.broken_promises > 0 {
            return Err(format!("a session was promised a guarantee that {} reads broke", t.broken_promises));
        }
        if self.sort() == Sort::Count {
            for k in 0..self.keys() {
                let mut all = self.replicas[0].state(k).clone();
                self.replicas[1..].iter().for_each(|r| all.merge(r.state(k)));
                let (value, sum) = (all.value(), self.observers[k].sum);
                if value != sum {
                    return Err(format!(
                        "counter {k}: all copies merged hold {value}, but the operations add up to {sum}"
                    ));
                }
            }
        }
        Ok(())
    }

    fn weight(&self) -> usize {
        let on_heap = |r: &Request| {
            r.versions.capacity() * core::mem::size_of::<(u8, Seen)>() + r.result.as_ref().map_or(0, State::weight)
        };
        core::mem::size_of::<Self>()
            + self.replicas.iter().map(|r| core::mem::size_of::<Replica>() + r.weight()).sum::<usize>()
            + self.mesh.weight()
            + self.observers.iter().map(|o| core::mem::size_of::<Observer>() + o.weight()).sum::<usize>()
            + self.requests.weight()
            + self.requests.values().map(on_heap).sum::<usize>()
            + self.packets.capacity() * core::mem::size_of::<Option<Packet>>()
            + self.packets().map(Packet::weight).sum::<usize>()
            + self.free.capacity() * 4
            + self.recent.capacity() * core::mem::size_of::<Done>()
            + self.tokens.capacity() * core::mem::size_of::<[Token; KEYS.len()]>()
            + self.ages.weight()
            + self.read_times.weight()
            + self.write_times.weight()
            + self.read_all.weight()
            + self.write_all.weight()
            + self.knobs.values().len() * 8
            + self.replicas.len() * 9
    }

    fn tell(line: &Line) -> String {
        told::tell(line)
    }

    fn words(&self, now: Us) -> Vec<(String, String)> {
        let mut rows = Vec::new();
        for (n, r) in self.replicas.iter().enumerate() {
            let mut what = if r.up { "up".to_string() } else { "stopped".to_string() };
            for (k, state) in r.states().iter().enumerate() {
                what += &format!(", {} {}", self.key_name(k), self.shows(state));
                if let Some(b) = self.behind(n, k) {
                    what += &format!(" ({} behind for {})", b.versions, now.since(b.since));
                }
            }
            if r.clock.skew != 0 {
                what += &format!(", clock {} ms off", r.clock.skew / 1_000);
            }
            rows.push((NODES[n].to_string(), what));
        }
        let n = self.replicas.len();
        for a in 0..n {
            for b in a + 1..n {
                let (x, y) = LINKS[link_index(a, b)];
                let up = self.mesh.link(a, b).is_up();
                let flying = self.packets().filter(|p| {
                    (p.from as usize, p.to as usize) == (a, b) || (p.from as usize, p.to as usize) == (b, a)
                });
                let word = if up { "up" } else { "cut" };
                rows.push((format!("{x} to {y}"), format!("{word}, {} messages on the way", flying.count())));
            }
        }
        for (u, name) in USERS.iter().enumerate() {
            let last = self.recent.iter().rev().find(|d| d.user as usize == u);
            if let Some(d) = last {
                rows.push((name.to_string(), self.done_words(d)));
            }
        }
        rows
    }

    fn visible(event: &Event) -> bool {
        !matches!(event, Event::Timeout { .. } | Event::Sync { .. })
    }
}

impl EventualConsistency {
    /// A finished request in words: for tooltips and for readers who do not see the picture.
    pub fn done_words(&self, d: &Done) -> String {
        let (key, node) = (told::key_name(d.sort, d.key), NODES[d.node as usize]);
        let value = d.short();
        let what = match (d.write, d.ok) {
            (true, true) => format!("wrote {key} {value} at {node}"),
            (true, false) => format!("could not write {key} at {node}"),
            (false, false) => format!("could not read {key} at {node}"),
            (false, true) if d.behind == 0 => format!("read {key} {value} at {node}, up to date"),
            (false, true) => format!("read {key} {value} at {node}, {} behind for {}", d.behind, d.age),
        };
        let own = if d.own_write_missing { "; own write missing" } else { "" };
        let back = if d.went_back { "; went back" } else { "" };
        format!("{what}{own}{back}")
    }
}

#[cfg(test)]
mod tests;
