//! One order, four databases: how do they come to agree?
//!
//! ```text
//!             [coordinator / orchestrator, with a durable log]
//!                 |            |             |            |
//!   customer -> [Order]    [Payment]    [Inventory]   [Shipping]      each with its own database,
//!                 |            |             |            |           outbox and inbox
//!                 \------- broker (at least once) --------/
//!                 |
//!             [read model]
//! ```
//!
//! Two-phase commit talks directly, over sessions that break when an end crashes. Sagas and dual
//! write talk through the broker. A *token* is anything that can still move an order: a message, a
//! timer, a row in an outbox. An order that is not finished and has no tokens is stuck for ever;
//! that is counted, not guessed.

mod commit;
mod declare;
mod story;
mod wire;
mod work;

pub use declare::{AT, KINDS, QUESTION, READ, TOLD, WHEN, act, knob, measure, number};
pub use story::body_name;

use crate::armed::Armed;
use crate::blocks::broker::{Broker, Receipt};
use crate::blocks::coordinator::{Coordinator, LockTable, Part};
use crate::blocks::load::Load;
use crate::blocks::network::{Delay, Mesh, Wire};
use crate::blocks::outbox::{Inbox, Outbox};
use crate::blocks::saga::{Plan, Progress};
use crate::declare::{Knobs, Tone};
use crate::deque::Deque;
use crate::kernel::{Ctx, Line, Model, Setup, Stream, Tape, Trace, Us, mix, unit_exp};
use crate::measure::hist::Hist;
use crate::rows::Rows;
use story::code;

pub const ORDER: u8 = 0;
pub const PAYMENT: u8 = 1;
pub const INVENTORY: u8 = 2;
pub const SHIPPING: u8 = 3;
pub const COORDINATOR: u8 = 4;
pub const BROKER: u8 = 5;
pub const READ_MODEL: u8 = 6;
/// All four services vote.
const ALL: u8 = 0b1111;

pub const CREATE: u8 = 0;
pub const RESERVE: u8 = 1;
pub const CHARGE: u8 = 2;
pub const SHIP: u8 = 3;
pub const CONFIRM: u8 = 4;
/// The service that performs each step.
pub const AT_SERVICE: [u8; 5] = [ORDER, INVENTORY, PAYMENT, SHIPPING, ORDER];
/// The step whose work each service does when all commit together.
const STEP_OF: [u8; 4] = [CREATE, CHARGE, RESERVE, SHIP];

static PLANS: [Plan; 3] = [
    Plan { steps: &[CREATE, RESERVE, CHARGE, SHIP, CONFIRM], pivot: 2 },
    Plan { steps: &[CREATE, CHARGE, RESERVE, SHIP, CONFIRM], pivot: 2 },
    Plan { steps: &[CREATE, RESERVE, SHIP, CHARGE, CONFIRM], pivot: 3 },
];

const ARTICLES: usize = 20;
/// Orders in between at one time. Beyond it the shop refuses new ones.
const OPEN_MAX: usize = 8_192;
const OUTBOX_MAX: usize = 20_000;
const RELAY_BATCH: usize = 100;
const BROKER_MAX: usize = 50_000;
const FEED_MAX: usize = 20_000;
const PROJECTION_BATCH: usize = 500;
/// What the picture remembers.
const FLIGHTS_MAX: usize = 320;
const SPANS_MAX: usize = 400;
/// A lock that was given back sooner is not worth a bar in the picture.
const LOCK_SHOWN: Us = Us::ms(150);
const RECENT_MAX: usize = 24;
/// Scripted orders draw from their own stretch of the tape, so that placing one shifts no other.
const SCRIPTED: u64 = 1 << 40;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    DualWrite,
    TwoPhase,
    Orchestrated,
    Choreographed,
}

/// What a message says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Body {
    /// Do this step: a command, or the event that this service takes as its cue.
    Do(u8),
    Undo(u8),
    /// Replies to an orchestrator.
    Done(u8),
    Declined(u8),
    Undone(u8),
    // Two-phase commit.
    Work,
    WorkDone,
    WorkFailed,
    Prepare,
    Yes,
    No,
    Commit,
    Abort,
    Ack,
    Ask,
    /// The session broke: the other end crashed, or nobody answers there.
    Reset,
}

impl Body {
    fn word(self) -> u64 {
        match self {
            Body::Do(s) => u64::from(s),
            Body::Undo(s) => 8 | u64::from(s),
            Body::Done(s) => 16 | u64::from(s),
            Body::Declined(s) => 24 | u64::from(s),
            Body::Undone(s) => 32 | u64::from(s),
            Body::Work => 40,
            Body::WorkDone => 41,
            Body::WorkFailed => 42,
            Body::Prepare => 43,
            Body::Yes => 44,
            Body::No => 45,
            Body::Commit => 46,
            Body::Abort => 47,
            Body::Ack => 48,
            Body::Ask => 49,
            Body::Reset => 50,
        }
    }
    fn from_word(w: u64) -> Body {
        let s = (w & 7) as u8;
        match (w >> 3, w) {
            (0, _) => Body::Do(s),
            (1, _) => Body::Undo(s),
            (2, _) => Body::Done(s),
            (3, _) => Body::Declined(s),
            (4, _) => Body::Undone(s),
            (_, 40) => Body::Work,
            (_, 41) => Body::WorkDone,
            (_, 42) => Body::WorkFailed,
            (_, 43) => Body::Prepare,
            (_, 44) => Body::Yes,
            (_, 45) => Body::No,
            (_, 46) => Body::Commit,
            (_, 47) => Body::Abort,
            (_, 48) => Body::Ack,
            (_, 49) => Body::Ask,
            _ => Body::Reset,
        }
    }
}

/// Which leg of its way a message is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Via {
    Direct,
    /// To the broker; the row of the outbox it came from, or 0.
    Publish(u32),
    /// The broker has stored that row.
    Published(u32),
    Deliver(Receipt),
    /// The consumer is done with it.
    Consumed(Receipt),
}

impl Via {
    fn word(self) -> u64 {
        match self {
            Via::Direct => 0,
            Via::Publish(row) => 1 << 56 | u64::from(row),
            Via::Published(row) => 2 << 56 | u64::from(row),
            Via::Deliver(r) => 3 << 56 ^ r.word(),
            Via::Consumed(r) => 4 << 56 ^ r.word(),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Msg {
    pub order: u32,
    pub from: u8,
    pub to: u8,
    pub body: Body,
    pub via: Via,
}

#[derive(Clone, Copy, Debug)]
pub enum Event {
    Arrive(u32),
    Msg(Msg),
    /// A service has finished the work of a local transaction; `incarnation` tells whether it
    /// crashed meanwhile.
    Exec {
        order: u32,
        body: Body,
        incarnation: u32,
        receipt: Option<Receipt>,
    },
    /// The broker (re)delivers: receipt, order, and the count of deliveries at which this is due.
    Deliver(Receipt, u32, u32),
    Poll(u8),
    /// The coordinator of an order looks for what is overdue.
    Timeout {
        order: u32,
        sequence: u16,
    },
    /// A participant in a transaction looks for what is overdue.
    PartTimeout {
        order: u32,
        part: u8,
    },
    LockTimeout {
        order: u32,
        wait: u16,
    },
    /// A forced write of two-phase commit is on disk.
    Forced {
        order: u32,
        who: u8,
        incarnation: u32,
    },
    /// The coordinator is back and reads its log.
    Resume(u32),
    Restart {
        node: u8,
        instance: u8,
        incarnation: u32,
    },
    Read(u32),
    Project,
}

impl Trace for Event {
    fn word(&self) -> u64 {
        let (kind, rest) = match *self {
            Event::Arrive(g) => (1, u64::from(g)),
            Event::Msg(m) => (
                2,
                mix(m.via.word())
                    ^ u64::from(m.order) << 24
                    ^ u64::from(m.from) << 16
                    ^ u64::from(m.to) << 8
                    ^ m.body.word(),
            ),
            Event::Exec { order, body, incarnation, .. } => {
                (3, u64::from(order) << 24 ^ u64::from(incarnation) << 8 ^ body.word())
            }
            Event::Deliver(r, ..) => (4, r.word()),
            Event::Poll(n) => (5, u64::from(n)),
            Event::Timeout { order, sequence } => (6, u64::from(order) << 16 | u64::from(sequence)),
            Event::PartTimeout { order, part } => (7, u64::from(order) << 8 | u64::from(part)),
            Event::LockTimeout { order, wait } => (8, u64::from(order) << 16 | u64::from(wait)),
            Event::Forced { order, who, .. } => (9, u64::from(order) << 8 | u64::from(who)),
            Event::Resume(o) => (10, u64::from(o)),
            Event::Restart { node, instance, .. } => (11, u64::from(node) << 8 | u64::from(instance)),
            Event::Read(g) => (12, u64::from(g)),
            Event::Project => (13, 0),
        };
        mix(rest).rotate_left(8) ^ kind
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Status {
    #[default]
    None,
    Pending,
    Completed,
    Compensated,
}

/// One order, and what each database says about it.
#[derive(Clone, Debug)]
pub struct Purchase {
    pub at: Us,
    /// Its entry on the tape.
    tape: u64,
    pub sku: u8,
    pub price_cents: u32,
    /// Which instance coordinates it.
    pub instance: u8,
    /// What the customer is told in the end; `None` while in between.
    pub outcome: Status,
    /// Written in the Order database.
    pub status: Status,
    /// Written in the read model.
    pub projected: Status,
    pub progress: Option<Progress>,
    pub coordinator: Coordinator,
    pub parts: [Part; 4],
    pub lock_since: [Us; 4],
    /// Applied effects by step, and compensations by step.
    pub done: [u8; 5],
    pub undone: [u8; 5],
    /// Units set aside for it, and units that left for it.
    pub held: u32,
    pub gone: u32,
    /// Steps that were declined, for answering a repeat.
    declined: u8,
    declines: [bool; 2],
    pay_time: Us,
    /// Whether it waits for a lock now, and how often it has begun to.
    pub waits: bool,
    wait: u16,
    blocked_by_doubt: bool,
    sequence: u16,
    resends: u16,
    dirty_reads: u16,
    tokens: u32,
    pub stuck: bool,
    /// When its state last changed.
    pub changed: Us,
}

impl Purchase {
    pub fn finished(&self) -> bool {
        self.outcome != Status::None
    }
    pub fn net_charges(&self) -> i32 {
        i32::from(self.done[CHARGE as usize]) - i32::from(self.undone[CHARGE as usize])
    }
    /// The name of the state it is in, in the order of [`STATES`].
    pub fn state(&self) -> usize {
        let two_phase = self.progress.is_none() && (self.coordinator.open() || self.parts.iter().any(|p| p.open()));
        match () {
            () if self.finished() => 7,
            () if self.stuck => 6,
            () if self.waits => 5,
            () if two_phase && self.parts.iter().any(|p| p.in_doubt()) => 4,
            () if self.undone.iter().any(|n| *n > 0) || self.declined != 0 => 3,
            () if self.gone > 0 => 2,
            () if self.net_charges() > 0 || self.held > 0 => 1,
            () => 0,
        }
    }
}

/// The intermediate states of an order.
pub const STATES: [&str; 7] = [
    "begun",
    "charged or reserved",
    "shipped, not confirmed",
    "being compensated",
    "in doubt",
    "waiting for a lock",
    "stuck for ever",
];

#[derive(Clone, Copy, Debug)]
struct Crash {
    at: u8,
    when: u8,
}

#[derive(Clone, Copy, Debug)]
struct Single {
    kind: u8,
    twice: bool,
}

/// Points of a step where a crash can be placed: the indices of [`WHEN`].
const BEFORE: u8 = 1;
const COMMITTED: u8 = 2;
const PUBLISHED: u8 = 3;

/// A message as the picture shows it.
#[derive(Clone, Copy, Debug)]
pub struct Flight {
    pub msg: Msg,
    pub sent: Us,
    /// When it arrives; if `lost`, when it would have.
    pub due: Us,
    pub lost: bool,
    pub twice: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SpanKind {
    /// A local transaction.
    Work(Body),
    /// A lock that outlived one: held until the decision.
    Lock,
    /// The node was down.
    Down,
    /// Something was refused, failed or crashed at this moment.
    Failed(Body),
    /// The work that ended at this moment changed nothing, and why.
    NoEffect(Why),
}

/// Why a piece of work changed nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// The inbox knew the message.
    SeenBefore,
    /// The service crashed in the middle of it.
    RolledBack,
    /// It waits for a pending reservation.
    Waits,
}

#[derive(Clone, Copy, Debug)]
pub struct Mark {
    pub order: u32,
    pub node: u8,
    pub kind: SpanKind,
    pub from: Us,
    pub to: Us,
}

#[derive(Clone, Debug)]
pub struct SagaConsistency {
    pub mode: Mode,
    pub outbox_on: bool,
    inbox_on: bool,
    pub semantic: bool,
    pub plan: Plan,
    stock: u32,
    hot: f64,
    decline: [f64; 2],
    step: Us,
    forced: Us,
    relay: Us,
    timeout: Us,
    retry: Us,
    lock_timeout: Us,
    outage: Us,
    restart: Us,
    reads: f64,
    project: Us,
    seed: u64,

    tape: Tape,
    load: Load,
    network: Mesh,
    broker: Broker<Msg>,
    outboxes: Vec<Outbox<Msg>>,
    polling: [bool; 4],
    inboxes: Vec<Inbox>,
    pub locks: LockTable,

    /// Orders that are not over, or that something is still on its way for.
    pub orders: Rows<Purchase>,
    next_order: u32,
    scripted: u64,
    pub recent: Deque<u32>,

    pub up: [bool; 4],
    pub down_since: [Us; 7],
    incarnation: [u32; 4],
    pub instance_up: Vec<bool>,
    instance_incarnation: Vec<u32>,
    instance_since: Vec<Us>,

    pub on_hand: [u32; ARTICLES],
    pub reserved: [u32; ARTICLES],
    pub shipped: [u32; ARTICLES],
    /// Orders that wait for a pending reservation, by article.
    stock_queue: Vec<Deque<u32>>,
    /// Orders refused while units were only reserved, by article.
    refused_while_reserved: [u32; ARTICLES],

    crashes: Armed<Crash>,
    singles: Armed<Single>,
    kills: Vec<bool>,
    fail_undo: u32,

    feed: Deque<(Us, u32, Status)>,
    projecting: bool,
    pub projector_paused_until: Us,
    reader_generation: u32,
    reader: Stream,

    pub flights: Deque<Flight>,
    pub marks: Deque<Mark>,
    pub last_notable: u32,

    pub charged_cents: u64,
    pub refunded_cents: u64,
    completed_cents: u64,
    pub tally: Tally,
    pub times: Hist,
}

#[derive(Clone, Copy, Debug, Default)]
pub struct Tally {
    pub arrived: u64,
    pub refused: u64,
    pub completed: u64,
    pub compensated: u64,
    pub stuck: u64,
    pub messages: u64,
    pub blocked: u64,
    pub blocked_max: u64,
    pub blocked_doubt: u64,
    pub in_doubt_max: u64,
    pub orphans_max: u64,
    pub double: u64,
    pub halfway: u64,
    pub flagged: u64,
    pub dirty: u64,
    pub lost_sales: u64,
    pub stale: u64,
    pub reads: u64,
    pub recalls: u64,
    pub recognised: u64,
    pub feed_dropped: u64,
    /// Moments at which a crash could have been placed, for the enumeration.
    pub crash_points: u64,
    pub split: u64,
    pub broken: u64,
}

type Cx<'a> = Ctx<'a, Event>;

impl SagaConsistency {
    pub fn orders_begun(&self) -> u32 {
        self.next_order
    }
    pub fn price_of(order: &Purchase) -> f64 {
        f64::from(order.price_cents) / 100.0
    }
    fn two_phase(&self) -> bool {
        self.mode == Mode::TwoPhase
    }
    fn coordinated(&self) -> bool {
        matches!(self.mode, Mode::TwoPhase | Mode::Orchestrated)
    }
    /// Whether this part of this order's world is up.
    pub fn is_up(&self, node: u8, instance: u8) -> bool {
        match node {
            COORDINATOR => self.instance_up[instance as usize],
            n if n < 4 => self.up[n as usize],
            _ => true,
        }
    }

    // ---- tokens ----

    fn hold(&mut self, order: u32) {
        if let Some(o) = self.orders.get_mut(&order) {
            o.tokens += 1;
        }
    }

    /// Schedules an event that can move this order.
    fn schedule(&mut self, span: Us, order: u32, event: Event, ctx: &mut Cx) {
        self.hold(order);
        ctx.after(span, event);
    }

    /// An event about this order is over. Without any left it is forgotten, or stuck.
    fn let_go(&mut self, order: u32, ctx: &mut Cx) {
        let Some(o) = self.orders.get_mut(&order) else { return };
        o.tokens -= 1;
        if o.tokens > 0 {
            return;
        }
        if o.finished() {
            self.check_outcome(order);
            self.orders.remove(&order);
            for inbox in &mut self.inboxes {
                inbox.forget(order);
            }
            return;
        }
        let untouched = o.done == [0; 5] && o.status == Status::None && o.progress.is_none();
        if untouched {
            // The customer's request died with the service: nothing was written anywhere.
            self.finish(order, Status::Compensated, ctx);
            self.orders.remove(&order);
        } else if !o.stuck {
            o.stuck = true;
            self.tally.stuck += 1;
            self.last_notable = order;
            ctx.bad();
            ctx.log(Tone::Rejected, code::STUCK, order, 0, 0);
        }
    }

    /// What must hold of a finished order whose messages have all been consumed.
    fn check_outcome(&mut self, order: u32) {
        let o = &self.orders[&order];
        let committed = o.parts.contains(&Part::Committed);
        if committed && o.parts.iter().any(|p| *p != Part::Committed) {
            self.tally.split += 1;
        }
        let right = match o.outcome {
            Status::Completed => o.net_charges() == 1 && o.gone == 1 && o.held == 0,
            _ => o.net_charges() == 0 && o.gone == 0 && o.held == 0,
        };
        self.tally.broken += u64::from(!right);
    }

    fn finish(&mut self, order: u32, outcome: Status, ctx: &mut Cx) {
        let now = ctx.now;
        let Some(o) = self.orders.get_mut(&order) else { return };
        if o.finished() {
            return;
        }
        o.outcome = outcome;
        o.changed = now;
        if o.stuck {
            o.stuck = false;
            self.tally.stuck -= 1;
        }
        self.times.add(now.since(o.at));
        let (took, price, dirty) = (now.since(o.at).0 as i64, o.price_cents, o.dirty_reads);
        if outcome == Status::Completed {
            self.tally.completed += 1;
            self.completed_cents += u64::from(price);
            ctx.step(Tone::Ok, code::COMPLETED, order, took, 0);
        } else {
            self.tally.compensated += 1;
            self.tally.dirty += u64::from(dirty);
            ctx.step(Tone::Undo, code::COMPENSATED, order, took, 0);
        }
        ctx.mix(u64::from(order) << 8 | outcome as u64);
    }

    /// Writes the status in the Order database; the change goes to the read model's feed.
    fn write_status(&mut self, order: u32, status: Status, ctx: &mut Cx) {
        let Some(o) = self.orders.get_mut(&order) else { return };
        o.status = status;
        if self.feed.len() == FEED_MAX {
            self.tally.feed_dropped += 1;
            if let Some((_, old, _)) = self.feed.pop_front() {
                self.let_go(old, ctx);
            }
        }
        self.hold(order);
        self.feed.push_back((ctx.now, order, status));
        if !self.projecting {
            self.projecting = true;
            let tick = self.project.0.max(1);
            let next = Us((ctx.now.0 / tick + 1) * tick).max(self.projector_paused_until);
            ctx.at(next, Event::Project);
        }
    }

    fn project(&mut self, ctx: &mut Cx) {
        self.projecting = false;
        if ctx.now < self.projector_paused_until {
            self.projecting = true;
            ctx.at(self.projector_paused_until, Event::Project);
            return;
        }
        for _ in 0..PROJECTION_BATCH {
            let Some((_, order, status)) = self.feed.pop_front() else { break };
            if let Some(o) = self.orders.get_mut(&order) {
                o.projected = status;
            }
            self.let_go(order, ctx);
        }
        if !self.feed.is_empty() {
            self.projecting = true;
            ctx.after(self.project, Event::Project);
        }
    }

    /// Somebody reads a recent order in all databases, without locks.
    fn read(&mut self, ctx: &mut Cx) {
        if !self.recent.is_empty() {
            let order = self.recent[self.reader.below(self.recent.len() as u64) as usize];
            self.tally.reads += 1;
            if let Some(o) = self.orders.get_mut(&order) {
                let stale = o.projected != o.status;
                let signs = [o.net_charges() > 0, o.held > 0 || o.gone > 0, o.gone > 0, o.status == Status::Completed];
                let halfway = signs.contains(&true) && signs.contains(&false);
                self.tally.stale += u64::from(stale);
                let flagged = halfway && self.semantic && o.status == Status::Pending;
                if flagged {
                    self.tally.flagged += 1;
                } else if halfway {
                    self.tally.halfway += 1;
                    o.dirty_reads += u16::from(o.dirty_reads < u16::MAX);
                    ctx.step(Tone::Stale, code::READ, order, 0, 0);
                }
                ctx.mix(u64::from(flagged) << 2 | u64::from(stale) << 1 | u64::from(halfway));
            }
        }
        self.next_read(ctx);
    }

    fn next_read(&mut self, ctx: &mut Cx) {
        if self.reads > 0.0 {
            let gap = unit_exp(self.reader.bits()) / self.reads;
            ctx.after(Us::from_s(gap), Event::Read(self.reader_generation));
        }
    }

    // ---- arrivals ----

    fn next_arrival(&self, ctx: &mut Cx) {
        if let Some(at) = self.load.due() {
            ctx.at(at, Event::Arrive(self.load.generation));
        }
    }

    /// The stored chance of entry `i` of the tape, in [0, 1).
    fn quantile(&self, purpose: &str, i: u64) -> f64 {
        (self.tape.purpose(purpose).at(i + 1) >> 11) as f64 * (1.0 / 9_007_199_254_740_992.0)
    }

    fn arrive(&mut self, tape: u64, sku: Option<u8>, card: u8, pay_time: Us, ctx: &mut Cx) {
        self.tally.arrived += 1;
        let order = self.next_order;
        self.next_order += 1;
        let hot = self.quantile("hot", tape) < self.hot;
        let other = 1 + (self.quantile("article", tape) * (ARTICLES - 1) as f64) as u8;
        let sku = sku.unwrap_or(if hot { 0 } else { other });
        let declined = match card {
            1 => true,
            2 => false,
            _ => self.quantile("card", tape) < self.decline[0],
        };
        // Orders placed by hand with a good card are meant to show something else than luck.
        let shelf = card == 0 && self.quantile("shelf", tape) < self.decline[1];
        let living: Vec<u8> = (0..self.instance_up.len() as u8).filter(|i| self.instance_up[*i as usize]).collect();
        let instance = living.get(order as usize % living.len().max(1)).copied();
        let nobody = if self.coordinated() { instance.is_none() } else { !self.up[ORDER as usize] };
        if nobody || self.orders.len() >= OPEN_MAX {
            self.tally.refused += 1;
            ctx.bad();
            ctx.log(Tone::Rejected, code::REFUSED, order, i64::from(nobody), 0);
            return;
        }
        let purchase = Purchase {
            at: ctx.now,
            tape,
            sku,
            price_cents: 1_900 + 100 * u32::from(sku),
            instance: instance.unwrap_or(0),
            outcome: Status::None,
            status: Status::None,
            projected: Status::None,
            progress: (self.mode == Mode::Orchestrated).then(|| Progress::start(&self.plan)),
            coordinator: if self.two_phase() { Coordinator::begin() } else { Coordinator::None },
            parts: [Part::Idle; 4],
            lock_since: [Us::ZERO; 4],
            done: [0; 5],
            undone: [0; 5],
            held: 0,
            gone: 0,
            declined: 0,
            declines: [declined, shelf],
            pay_time,
            waits: false,
            wait: 0,
            blocked_by_doubt: false,
            sequence: 0,
            resends: 0,
            dirty_reads: 0,
            // This arrival is itself one, until it has been handled.
            tokens: 1,
            stuck: false,
            changed: ctx.now,
        };
        self.orders.insert(order, purchase);
        if self.recent.len() == RECENT_MAX {
            self.recent.pop_front();
        }
        self.recent.push_back(order);
        ctx.step(Tone::Info, code::PLACED, order, i64::from(sku), i64::from(order % 7));
        match self.mode {
            Mode::TwoPhase => self.begin_two_phase(order, ctx),
            Mode::Orchestrated => self.command(order, ctx),
            Mode::DualWrite | Mode::Choreographed => {
                if !self.crash_here(order, ORDER, Body::Do(CREATE), BEFORE, ctx) {
                    self.execute(order, Body::Do(CREATE), None, ctx);
                }
            }
        }
        self.let_go(order, ctx);
    }

    // ---- crashes ----

    /// Whether somebody placed a crash here. If so, the node is down when this returns true.
    fn crash_here(&mut self, order: u32, node: u8, body: Body, when: u8, ctx: &mut Cx) -> bool {
        self.tally.crash_points += 1;
        let at = crash_key(node, body);
        let here = |c: &Crash| (c.at == 0 || c.at == at) && (c.when == 0 || c.when == when);
        if self.crashes.strikes(here).is_none() {
            return false;
        }
        self.last_notable = order;
        ctx.log(Tone::Fault, code::CRASH, order, i64::from(at), i64::from(when) << 8 | i64::from(node));
        self.mark(order, node, SpanKind::Failed(body), ctx.now, ctx.now);
        if node == COORDINATOR {
            let instance = self.orders.get(&order).map_or(0, |o| o.instance);
            self.crash_instance(instance, ctx);
        } else {
            self.crash_service(node, self.restart, ctx);
        }
        true
    }

    fn crash_service(&mut self, node: u8, away: Us, ctx: &mut Cx) {
        let n = node as usize;
        if !self.up[n] {
            return;
        }
        self.up[n] = false;
        self.down_since[n] = ctx.now;
        self.incarnation[n] += 1;
        ctx.bad();
        ctx.log(Tone::Fault, code::DOWN, Line::NO_REQUEST, i64::from(node), away.0 as i64);
        ctx.after(away, Event::Restart { node, instance: 0, incarnation: self.incarnation[n] });
        if self.two_phase() {
            self.participant_crashed(node, ctx);
        }
    }

    fn crash_instance(&mut self, instance: u8, ctx: &mut Cx) {
        let i = instance as usize;
        if !self.instance_up[i] {
            return;
        }
        self.instance_up[i] = false;
        self.instance_since[i] = ctx.now;
        self.down_since[COORDINATOR as usize] = ctx.now;
        self.instance_incarnation[i] += 1;
        let incarnation = self.instance_incarnation[i];
        ctx.bad();
        ctx.log(Tone::Fault, code::DOWN, Line::NO_REQUEST, i64::from(COORDINATOR), self.outage.0 as i64);
        // First it is back, then those of its orders that are in between are read from the log.
        ctx.after(self.outage, Event::Restart { node: COORDINATOR, instance, incarnation });
        let mine: Vec<u32> =
            self.orders.iter().filter(|(_, o)| o.instance == instance && !o.finished()).map(|(id, _)| *id).collect();
        for order in &mine {
            self.schedule(self.outage, *order, Event::Resume(*order), ctx);
        }
        if self.two_phase() {
            self.coordinator_crashed(instance, ctx);
        }
        let dead = |o: &&Purchase| !o.finished() && !o.stuck && !self.instance_up[o.instance as usize];
        let orphans = self.orders.values().filter(dead).count() as u64;
        if self.coordinated() {
            self.tally.orphans_max = self.tally.orphans_max.max(orphans);
            self.tally.in_doubt_max = self.tally.in_doubt_max.max(self.in_doubt(true));
        }
    }

    fn restarted(&mut self, node: u8, instance: u8, incarnation: u32, ctx: &mut Cx) {
        let since = if node == COORDINATOR {
            let i = instance as usize;
            if self.instance_incarnation[i] != incarnation {
                return;
            }
            self.instance_up[i] = true;
            self.instance_since[i]
        } else {
            let n = node as usize;
            if self.incarnation[n] != incarnation {
                return;
            }
            self.up[n] = true;
            if !self.outboxes[n].is_empty() {
                self.wake_relay(node, ctx);
            }
            self.down_since[n]
        };
        ctx.log(Tone::Info, code::UP, Line::NO_REQUEST, i64::from(node), 0);
        self.mark(Line::NO_REQUEST, node, SpanKind::Down, since, ctx.now);
    }

    fn mark(&mut self, order: u32, node: u8, kind: SpanKind, from: Us, to: Us) {
        if self.marks.len() == SPANS_MAX {
            self.marks.pop_front();
        }
        self.marks.push_back(Mark { order, node, kind, from, to });
    }

    // ---- gauges ----

    /// Locks in doubt; `dead`: only those whose coordinator is down.
    pub fn in_doubt(&self, dead: bool) -> u64 {
        let counted = |o: &&Purchase| !dead || !self.instance_up[o.instance as usize];
        let doubts = |o: &Purchase| o.parts.iter().filter(|p| p.in_doubt()).count() as u64;
        self.orders.values().filter(counted).map(doubts).sum()
    }
    pub fn locks_held(&self) -> u64 {
        self.orders.values().map(|o| o.parts.iter().filter(|p| p.holds_locks()).count() as u64).sum()
    }
    pub fn oldest_lock(&self) -> Option<Us> {
        let held = |o: &Purchase| (0..4).filter(|i| o.parts[*i].holds_locks()).map(|i| o.lock_since[i]).min();
        self.orders.values().filter_map(held).min()
    }
    pub fn open(&self) -> u64 {
        self.orders.values().filter(|o| !o.finished()).count() as u64
    }
    pub fn orphans(&self) -> u64 {
        let dead = |o: &&Purchase| !o.finished() && !o.stuck && !self.instance_up[o.instance as usize];
        if self.coordinated() { self.orders.values().filter(dead).count() as u64 } else { 0 }
    }
    /// How many orders are in each intermediate state, and since when the oldest is.
    pub fn by_state(&self) -> [(u32, Us); 7] {
        let mut rows = [(0, Us::MAX); 7];
        for o in self.orders.values().filter(|o| !o.finished()) {
            let row = &mut rows[o.state()];
            row.0 += 1;
            row.1 = row.1.min(o.at);
        }
        rows
    }
    pub fn feed_lag(&self, now: Us) -> Us {
        self.feed.front().map_or(Us::ZERO, |(at, _, _)| now.since(*at))
    }
    /// The totals of the orders that are complete.
    pub fn settled_cents(&self) -> u64 {
        self.completed_cents
    }
    pub fn feed_len(&self) -> usize {
        self.feed.len()
    }
    pub fn outbox_len(&self, service: u8) -> usize {
        self.outboxes[service as usize].len()
    }
    pub fn broker_len(&self) -> usize {
        self.broker.len()
    }
    fn block(&mut self, order: u32) {
        if let Some(o) = self.orders.get_mut(&order)
            && !o.waits
        {
            o.waits = true;
            o.wait = o.wait.wrapping_add(1);
            self.tally.blocked += 1;
            self.tally.blocked_max = self.tally.blocked_max.max(self.tally.blocked);
        }
    }
    fn unblock(&mut self, order: u32) {
        if let Some(o) = self.orders.get_mut(&order)
            && o.waits
        {
            o.waits = false;
            self.tally.blocked -= 1;
        }
    }

    fn full_jitter(&self, order: u32, n: u64) -> Us {
        let draw = Stream::new(self.seed, "saga", "retry", u64::from(order)).at(n + 1) >> 11;
        Us::from_us(draw as f64 * (1.0 / 9_007_199_254_740_992.0) * self.retry.0 as f64)
    }

    fn set_knobs(&mut self, k: &Knobs) {
        self.hot = k.share(knob::HOT);
        self.decline = [k.share(knob::DECLINE_PAY), k.share(knob::DECLINE_STOCK)];
        self.outage = k.s(knob::OUTAGE);
        self.restart = k.s(knob::RESTART);
        self.reads = k.get(knob::READS);
        for (_, _, link) in self.network.links_mut() {
            link.wire.loss = k.share(knob::LOSE);
            link.wire.duplicate = k.share(knob::DUPLICATE);
        }
    }
}

/// The entry of [`AT`] that this moment belongs to.
fn crash_key(node: u8, body: Body) -> u8 {
    match (node, body) {
        (COORDINATOR, Body::Yes | Body::Commit) => 13,
        (COORDINATOR, _) => 10,
        (_, Body::Do(s)) => 1 + s,
        (_, Body::Undo(CREATE)) => 6,
        (_, Body::Undo(RESERVE)) => 7,
        (_, Body::Undo(CHARGE)) => 8,
        (_, Body::Undo(_)) => 9,
        (_, Body::Work) => 11,
        (_, Body::Prepare) => 12,
        _ => 14,
    }
}

impl Model for SagaConsistency {
    type Event = Event;

    fn new(setup: &Setup) -> Self {
        let k = setup.knobs;
        let mode = [Mode::DualWrite, Mode::TwoPhase, Mode::Orchestrated, Mode::Choreographed][k.choice(knob::MODE)];
        let instances = k.int(knob::COORDINATORS) as usize;
        let wire = Wire::new(Delay::Fixed(k.ms(knob::DELAY_MS)));
        let stock = k.int(knob::STOCK) as u32;
        let mut model = SagaConsistency {
            mode,
            outbox_on: k.on(knob::OUTBOX) && matches!(mode, Mode::Orchestrated | Mode::Choreographed),
            inbox_on: k.on(knob::INBOX),
            semantic: k.on(knob::SEMANTIC),
            plan: PLANS[k.choice(knob::STEPS)],
            stock,
            hot: 0.0,
            decline: [0.0; 2],
            step: k.ms(knob::STEP_MS),
            forced: k.ms(knob::LOG_MS),
            relay: k.ms(knob::RELAY_MS),
            timeout: k.s(knob::TIMEOUT),
            retry: k.s(knob::RETRY),
            lock_timeout: k.s(knob::LOCK_TIMEOUT),
            outage: Us::ZERO,
            restart: Us::ZERO,
            reads: 0.0,
            project: k.ms(knob::PROJECT_MS),
            seed: setup.seed,
            tape: Tape::new(setup.seed),
            load: Load::new(Tape::new(setup.seed), k.get(knob::RATE)),
            network: Mesh::new(setup.seed, "saga", 6, |_, _| wire),
            broker: Broker::new(BROKER_MAX),
            outboxes: (0..4).map(|_| Outbox::new(OUTBOX_MAX, RELAY_BATCH)).collect(),
            polling: [false; 4],
            inboxes: vec![Inbox::default(); 4],
            locks: LockTable::default(),
            orders: Rows::default(),
            next_order: 0,
            scripted: 0,
            recent: Deque::new(),
            up: [true; 4],
            down_since: [Us::ZERO; 7],
            incarnation: [0; 4],
            instance_up: vec![true; instances],
            instance_incarnation: vec![0; instances],
            instance_since: vec![Us::ZERO; instances],
            on_hand: [stock; ARTICLES],
            reserved: [0; ARTICLES],
            shipped: [0; ARTICLES],
            stock_queue: vec![Deque::new(); ARTICLES],
            refused_while_reserved: [0; ARTICLES],
            crashes: Armed::default(),
            singles: Armed::default(),
            kills: Vec::new(),
            fail_undo: 0,
            feed: Deque::new(),
            projecting: false,
            projector_paused_until: Us::ZERO,
            reader_generation: 0,
            reader: Stream::new(setup.seed, "saga", "reader", 0),
            flights: Deque::new(),
            marks: Deque::new(),
            last_notable: Line::NO_REQUEST,
            charged_cents: 0,
            refunded_cents: 0,
            completed_cents: 0,
            tally: Tally::default(),
            times: Hist::new(),
        };
        model.set_knobs(k);
        model
    }

    fn start(&mut self, ctx: &mut Cx) {
        self.next_arrival(ctx);
        self.next_read(ctx);
    }

    fn on(&mut self, event: Event, ctx: &mut Cx) {
        let about = match event {
            Event::Arrive(generation) => {
                if generation == self.load.generation {
                    let i = self.load.arrive(ctx.now);
                    self.arrive(i, None, 0, Us::ZERO, ctx);
                    self.next_arrival(ctx);
                }
                return;
            }
            Event::Read(generation) => {
                if generation == self.reader_generation {
                    self.read(ctx);
                }
                return;
            }
            Event::Project => return self.project(ctx),
            Event::Poll(node) => return self.poll(node, ctx),
            Event::Restart { node, instance, incarnation } => return self.restarted(node, instance, incarnation, ctx),
            Event::Msg(msg) => {
                self.received(msg, ctx);
                msg.order
            }
            Event::Exec { order, body, incarnation, receipt } => {
                self.executed(order, body, incarnation, receipt, ctx);
                order
            }
            Event::Deliver(receipt, order, due) => {
                self.deliver(receipt, due, ctx);
                order
            }
            Event::Timeout { order, sequence } => {
                self.overdue(order, sequence, ctx);
                order
            }
            Event::PartTimeout { order, part } => {
                self.part_overdue(order, part, ctx);
                order
            }
            Event::LockTimeout { order, wait } => {
                self.waited_too_long(order, wait, ctx);
                order
            }
            Event::Forced { order, who, incarnation } => {
                self.forced(order, who, incarnation, ctx);
                order
            }
            Event::Resume(order) => {
                self.resume(order, ctx);
                order
            }
        };
        self.let_go(about, ctx);
    }

    fn act(&mut self, which: u8, args: &[f64], ctx: &mut Cx) {
        match which as usize {
            act::ORDER => {
                self.scripted += 1;
                self.arrive(SCRIPTED + self.scripted, Some(args[0] as u8), args[1] as u8, Us::from_ms(args[2]), ctx);
            }
            act::BURST => {
                for _ in 0..args[0] as u32 {
                    self.scripted += 1;
                    self.arrive(SCRIPTED + self.scripted, Some(args[1] as u8), 2, Us::ZERO, ctx);
                }
            }
            act::KILL => {
                self.kills.push(args[0] != 0.0);
                ctx.log(Tone::Fault, code::ARMED_KILL, Line::NO_REQUEST, i64::from(self.coordinated()), 0);
            }
            act::OUTAGE => {
                let count = if args[0] != 0.0 { self.instance_up.len() } else { 1 };
                if !self.coordinated() {
                    ctx.log(Tone::Info, code::NO_COORDINATOR, Line::NO_REQUEST, 0, 0);
                }
                for i in 0..count {
                    self.crash_instance(i as u8, ctx);
                }
            }
            act::CRASH => {
                self.crashes.arm(Crash { at: args[0] as u8, when: args[1] as u8 }, args[2] as u32);
                ctx.log(Tone::Fault, code::ARMED_CRASH, Line::NO_REQUEST, args[0] as i64, args[1] as i64);
            }
            act::DOWN => self.crash_service(args[0] as u8, Us::from_s(args[1]), ctx),
            act::DROP | act::DUPLICATE => {
                let twice = which as usize == act::DUPLICATE;
                self.singles.arm(Single { kind: args[0] as u8, twice }, args[1] as u32);
                ctx.log(Tone::Fault, code::ARMED_SINGLE, Line::NO_REQUEST, args[0] as i64, i64::from(twice));
            }
            act::FAIL => {
                self.fail_undo += args[0] as u32;
                ctx.log(Tone::Fault, code::ARMED_FAIL, Line::NO_REQUEST, args[0] as i64, 0);
            }
            _ => {
                self.projector_paused_until = self.projector_paused_until.max(ctx.now + Us::from_s(args[0]));
                ctx.log(Tone::Fault, code::PAUSED, Line::NO_REQUEST, Us::from_s(args[0]).0 as i64, 0);
            }
        }
    }

    fn knob(&mut self, which: u8, knobs: &Knobs, ctx: &mut Cx) {
        self.set_knobs(knobs);
        match which as usize {
            knob::RATE => {
                self.load.set_rate(ctx.now, knobs.get(knob::RATE));
                self.next_arrival(ctx);
            }
            knob::READS => {
                self.reader_generation += 1;
                self.next_read(ctx);
            }
            _ => {}
        }
    }

    fn number(&self, which: u8, now: Us) -> Option<f64> {
        let t = &self.tally;
        let count = |n: u64| Some(n as f64);
        match which as usize {
            number::BLOCKED => count(t.blocked),
            number::LOCKS => count(self.locks_held()),
            number::IN_DOUBT => count(self.in_doubt(false)),
            number::LOCK_AGE => Some(self.oldest_lock().map_or(0.0, |at| now.since(at).as_ms())),
            number::P50 => self.times.quantile(0.5).map(Us::as_ms),
            number::P99 => self.times.quantile(0.99).map(Us::as_ms),
            number::OPEN => count(self.open()),
            number::STUCK => count(t.stuck),
            number::ORPHANS => count(self.orphans()),
            number::MESSAGES => {
                let begun = t.arrived - t.refused;
                (begun > 0).then(|| t.messages as f64 / begun as f64)
            }
            number::ANOMALIES => count(t.halfway + t.lost_sales),
            number::DOUBLE => count(t.double),
            number::COMPLETED => count(t.completed),
            number::COMPENSATED => count(t.compensated),
            number::CHARGED => Some(self.charged_cents as f64 / 100.0),
            number::REFUNDED => Some(self.refunded_cents as f64 / 100.0),
            number::RESERVED => Some(self.reserved.iter().sum::<u32>() as f64),
            number::SHIPPED => Some(self.shipped.iter().sum::<u32>() as f64),
            number::LAG => Some(self.feed_lag(now).as_ms()),
            _ => count(t.stale),
        }
    }

    fn measure(&self, which: u8, args: &[f64], _now: Us) -> Option<f64> {
        let t = &self.tally;
        let count = |n: u64| Some(n as f64);
        let article = args.first().map_or(0, |a| (*a as usize).min(ARTICLES - 1));
        match which as usize {
            measure::BLOCKED_MAX => count(t.blocked_max),
            measure::BLOCKED_DOUBT => count(t.blocked_doubt),
            measure::IN_DOUBT_MAX => count(t.in_doubt_max),
            measure::ORPHANS_MAX => count(t.orphans_max),
            measure::ON_HAND => Some(f64::from(self.on_hand[article])),
            measure::SOLD => Some(f64::from(self.shipped[article])),
            measure::LOST_SALES => count(t.lost_sales),
            measure::DIRTY => count(t.dirty),
            measure::HALFWAY => count(t.halfway),
            measure::FLAGGED => count(t.flagged),
            measure::NO_COMPENSATION => {
                let over = t.completed + t.compensated;
                (over > 0).then(|| 100.0 * t.completed as f64 / over as f64)
            }
            measure::REDELIVERED => count(self.broker.redelivered()),
            measure::RECOGNISED => count(self.inboxes.iter().map(Inbox::duplicates).sum()),
            measure::RECALLS => count(t.recalls),
            measure::REFUSED => count(t.refused),
            measure::P50_S => self.times.mean().map(Us::as_s),
            _ => Some((self.charged_cents as f64 - self.refunded_cents as f64 - self.completed_cents as f64) / 100.0),
        }
    }

    fn counts(&self) -> Vec<(&'static str, u64)> {
        let t = &self.tally;
        vec![
            ("arrived", t.arrived),
            ("refused", t.refused),
            ("completed", t.completed),
            ("compensated", t.compensated),
            ("in_between", self.open()),
            ("stuck", t.stuck),
            ("messages", t.messages),
            ("charged_cents", self.charged_cents),
            ("refunded_cents", self.refunded_cents),
            ("completed_cents", self.completed_cents),
            ("reads", t.reads),
        ]
    }

    fn invariants(&self, _now: Us) -> Result<(), String> {
        let t = &self.tally;
        let there = t.refused + t.completed + t.compensated + self.open();
        if t.arrived != there {
            return Err(format!(
                "orders: arrived {}, but refused + completed + compensated + in between = {there}",
                t.arrived
            ));
        }
        for sku in 0..ARTICLES {
            let units = self.on_hand[sku] + self.reserved[sku] + self.shipped[sku];
            if units != self.stock {
                return Err(format!(
                    "article {sku}: began with {}, but on hand + reserved + shipped = {units}",
                    self.stock
                ));
            }
        }
        for (id, o) in self.orders.iter() {
            if o.parts.contains(&Part::Committed) && o.parts.contains(&Part::Aborted) {
                return Err(format!("order {id}: one participant committed and another aborted: {:?}", o.parts));
            }
            if self.inbox_on && (0..5).any(|s| o.done[s] > 1 || o.undone[s] > o.done[s]) {
                return Err(format!("order {id}: an effect was applied twice: {:?}, {:?}", o.done, o.undone));
            }
            if self.inbox_on && o.done[CONFIRM as usize] > 0 && o.undone[CREATE as usize] > 0 {
                return Err(format!("order {id}: both completed and compensated"));
            }
        }
        if t.split > 0 {
            return Err(format!("{} transactions ended split", t.split));
        }
        if self.inbox_on && (t.broken > 0 || t.double > 0) {
            return Err(format!(
                "{} orders ended with the wrong effects, {} effects doubled, inbox on",
                t.broken, t.double
            ));
        }
        let waiting = self.orders.values().filter(|o| o.waits).count() as u64;
        if waiting != t.blocked {
            return Err(format!("blocked orders: counted {}, but {waiting} wait", t.blocked));
        }
        if self.inbox_on && self.orders.is_empty() && self.charged_cents - self.refunded_cents != self.completed_cents {
            return Err(format!(
                "at rest: charged {} - refunded {} differs from completed {} cents",
                self.charged_cents, self.refunded_cents, self.completed_cents
            ));
        }
        self.broker.invariants()
    }

    fn weight(&self) -> usize {
        core::mem::size_of::<Self>()
            + self.orders.weight()
            + self.outboxes.iter().map(Outbox::weight).sum::<usize>()
            + self.inboxes.iter().map(Inbox::weight).sum::<usize>()
            + self.broker.weight()
            + self.locks.weight()
            + self.feed.len() * 24
            + self.flights.len() * core::mem::size_of::<Flight>()
            + self.marks.len() * core::mem::size_of::<Mark>()
            + self.stock_queue.iter().map(|q| q.len() * 4).sum::<usize>()
            + 36 * core::mem::size_of::<crate::blocks::network::Link>()
            + self.times.weight()
            + self.crashes.weight()
            + self.singles.weight()
            + self.kills.capacity()
            + 1_024
    }

    fn tell(line: &Line) -> String {
        story::tell(line)
    }

    fn words(&self, now: Us) -> Vec<(String, String)> {
        story::words(self, now)
    }

    fn visible(event: &Event) -> bool {
        matches!(
            event,
            Event::Arrive(_)
                | Event::Msg(_)
                | Event::Exec { .. }
                | Event::Restart { .. }
                | Event::Forced { .. }
                | Event::Resume(_)
        )
    }
}
