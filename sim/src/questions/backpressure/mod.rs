//! Keep producers and consumers in step.
//!
//! ```text
//!   producers --> ( room ) --> [ queue ] ( workers ) --> database
//!       ^  credits   |503 429
//!       +------------+
//!
//!   producers --> [ log: partitions ] <-- polls -- consumers: [ channel ] ( workers ) --> database
//! ```
//!
//! Two systems that share producers, work and database. In the service, what comes in takes room until
//! it is answered, and whoever finds no room is refused, held back, or makes somebody else go. In the
//! log, nobody is ever refused: consumers hold *themselves* back, or fail to.
//!
//! Work goes on for a caller that has left, unless a rule says otherwise. State is small: a request is
//! sixteen bytes wherever it is, a record that waits in the log is no bytes at all.

mod consumers;
mod declare;
mod look;
mod service;
mod words;
mod work;

pub use consumers::{Rebalance, Span, SpanKind};
pub use declare::{QUESTION, READ, TOLD, act, knob, measure, number};
pub use look::{MemberView, TenantView};
pub use words::span_word;

use crate::blocks::adaptive::{Adaptive, Rule};
use crate::blocks::bulkhead::Bulkhead;
use crate::blocks::database::{Database, Usl};
use crate::blocks::load::Load;
use crate::blocks::retry::{Backoff, Jitter, Retry};
use crate::blocks::server::{DelayControl, Dropped, Job, Law, Line as Waiting, Order, Rules};
use crate::declare::{Knobs, Tone};
use crate::deque::Deque;
use crate::kernel::{Ctx, Line, Model, Setup, Stream, Tape, Trace, Us};
use crate::look::{Fate, Samples, Seconds};
use crate::measure::hist::Hist;
use crate::measure::series::{Rate, Recent};
use crate::slab::Slab;
use consumers::{Consumers, Strategy};
use words::code;
use work::{Task, Works};

/// Producers that there can be: as many as a line has lanes.
pub const TENANTS: usize = crate::blocks::server::CLASSES;
/// Seconds of which totals are kept.
const SECONDS_MAX: u32 = 3_600;
/// An adaptive limit begins here and never goes below its floor.
const LIMIT_FIRST: u32 = 20;
const LIMIT_MIN: u32 = 1;
const LIMIT_MAX: u32 = 2_000;
/// How often an adaptive limit measures the round trip without a queue.
const PROBE_EVERY: Us = Us::s(30);
const ALPHA: f64 = 0.05;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ev {
    /// A producer produces.
    Arrive { tenant: u8, generation: u16 },
    /// A client's backoff is over.
    Retry(u32),
    /// The patience of the callers at the head of the queue of deadlines.
    Patience,
    /// A worker has done its own part of a task.
    Worked { task: u32, life: u16 },
    /// The next query is done.
    Query(u32),
    /// The service's process works again.
    Restarted,
    /// An outage may be over.
    Resume,
    /// A producer may be back.
    Back(u8),
    /// A consumer polls.
    Poll { member: u8, life: u16 },
    /// Has a consumer polled within the interval?
    Watch { member: u8, life: u16 },
    /// Has a consumer's session ended?
    Session { member: u8, life: u16 },
    /// A paused process goes on.
    Awake { member: u8, life: u16 },
    /// The end of a second.
    Tick,
}

impl Trace for Ev {
    #[inline(always)]
    fn word(&self) -> u64 {
        let of = |kind: u64, member: u8, life: u16| kind | u64::from(member) << 8 | u64::from(life) << 16;
        match *self {
            Ev::Arrive { tenant, generation } => of(1, tenant, generation),
            Ev::Retry(slot) => 2 | u64::from(slot) << 8,
            Ev::Patience => 3,
            Ev::Worked { task, life } => 4 | u64::from(task) << 8 | u64::from(life) << 48,
            Ev::Query(_) => 5,
            Ev::Restarted => 6,
            Ev::Resume => 7,
            Ev::Back(tenant) => of(8, tenant, 0),
            Ev::Poll { member, life } => of(9, member, life),
            Ev::Watch { member, life } => of(10, member, life),
            Ev::Session { member, life } => of(11, member, life),
            Ev::Awake { member, life } => of(12, member, life),
            Ev::Tick => 13,
        }
    }
}

/// What happens to the one too many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Full {
    Reject,
    Block,
    Oldest,
    Heaviest,
}

/// The knobs, in the units the model computes with.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    log: bool,
    rate: f64,
    /// 0: only the memory bounds what is inside.
    bound: u32,
    full: Full,
    order: Order,
    tenants: usize,
    hot: f64,
    credit: bool,
    window: u32,
    critical: f64,
    patience: Us,
    retry: Retry,
    workers: u32,
    service: Us,
    law: Law,
    rules: Rules,
    rule: Option<Rule>,
    bulkhead: u32,
    memory: u32,
    restart: Us,
    db_share: f64,
    db_pool: u32,
    knee: u32,
    pool: u32,
    batch: u32,
    strategy: Strategy,
    channel: u32,
    auto_commit: bool,
    interval: Us,
    session: Us,
    partitions: usize,
    members: usize,
    backlog: u32,
}

impl Settings {
    fn read(k: &Knobs) -> Settings {
        let patience = k.ms(knob::PATIENCE);
        let long = k.int(knob::LONG) as u32;
        let order = [Order::Fifo, Order::LifoBeyond(long), Order::Priority, Order::Fair][k.choice(knob::ORDER)];
        let control = DelayControl { target: k.ms(knob::CONTROL_M), interval: k.ms(knob::CONTROL_N) };
        let (alpha, beta) = (k.get(knob::ALPHA), k.get(knob::BETA));
        let rule = match k.choice(knob::LIMITER) {
            0 => None,
            1 => Some(Rule::Vegas { alpha, beta: beta.max(alpha) }),
            2 => Some(Rule::Aimd { late: k.ms(knob::LATE) }),
            _ => Some(Rule::Gradient),
        };
        Settings {
            log: k.choice(knob::SYSTEM) == 1,
            rate: k.get(knob::RATE),
            bound: k.int(knob::BOUND) as u32,
            full: [Full::Reject, Full::Block, Full::Oldest, Full::Heaviest][k.choice(knob::FULL)],
            order,
            tenants: k.int(knob::TENANTS) as usize,
            hot: k.get(knob::HOT),
            credit: k.choice(knob::SOURCE) == 1,
            window: k.int(knob::WINDOW) as u32,
            critical: k.share(knob::CRITICAL),
            patience,
            retry: Retry {
                attempts: k.int(knob::ATTEMPTS) as u8,
                backoff: Backoff::Exponential,
                jitter: Jitter::Full,
                base: Us::ms(100),
                cap: Us::ms(2_000),
            },
            workers: k.int(knob::WORKERS) as u32,
            service: k.ms(knob::SERVICE),
            law: [Law::Exponential, Law::Fixed, Law::LogNormal][k.choice(knob::LAW)],
            rules: Rules {
                order,
                expire: k.on(knob::EXPIRE).then_some(patience),
                delay_control: k.on(knob::CONTROL).then_some(control),
                ..Rules::default()
            },
            rule,
            bulkhead: k.int(knob::BULKHEAD) as u32,
            memory: k.int(knob::MEMORY) as u32,
            restart: k.s(knob::RESTART),
            db_share: k.share(knob::DB_SHARE),
            db_pool: k.int(knob::DB_POOL) as u32,
            knee: k.int(knob::KNEE) as u32,
            pool: k.int(knob::POOL) as u32,
            batch: k.int(knob::BATCH) as u32,
            strategy: [Strategy::Wait, Strategy::Block, Strategy::Pause, Strategy::None][k.choice(knob::STRATEGY)],
            channel: k.int(knob::CHANNEL) as u32,
            auto_commit: k.choice(knob::COMMIT) == 1,
            interval: k.s(knob::INTERVAL),
            session: k.s(knob::SESSION),
            partitions: k.int(knob::PARTITIONS) as usize,
            members: k.int(knob::MEMBERS) as usize,
            backlog: k.int(knob::BACKLOG) as u32,
        }
    }

    /// The law of the database, with work counted in seconds of a query that runs alone.
    fn usl(&self) -> Usl {
        let knee = f64::from(self.knee);
        let (alpha, beta) = if self.knee == 0 { (0.0, 0.0) } else { (ALPHA, (1.0 - ALPHA) / (knee * knee)) };
        Usl { alone: 1.0, alpha, beta }
    }
}

/// A client's request: sixteen bytes, in a slab.
#[derive(Clone, Copy, Debug)]
struct Request {
    id: u32,
    last_wait: u32,
    attempt: u8,
    state: ClientState,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ClientState {
    Free,
    /// Inside, or held at the door.
    Attempting,
    BackingOff,
}

/// A producer.
#[derive(Clone, Debug)]
struct Tenant {
    load: Load,
    /// Requests that it may not send yet: one, and repeats of others.
    held: Deque<u32>,
    /// Produced in a burst while it was held back.
    owed: u32,
    /// Its requests without a final answer.
    unanswered: u32,
    /// What `unanswered` may reach: the window, or more while a narrower one takes effect.
    ceiling: u32,
    waiting: u32,
    blocked_since: Option<Us>,
    blocked: Us,
    off_until: Us,
    produced: u64,
}

/// Totals of a second of the run.
#[derive(Clone, Copy, Debug, Default)]
pub struct Second {
    produced: u32,
    attempts: u32,
    good: u32,
    served: u32,
    turned_away: u32,
    again: u32,
    delay_us: u64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Counts {
    // Requests.
    arrivals: u64,
    succeeded: u64,
    failed: u64,
    live: u64,
    // Attempts.
    attempts: u64,
    retries: u64,
    served: u64,
    wasted: u64,
    refused: u64,
    dropped: u64,
    lost: u64,
    held: u64,
    queued: u64,
    in_service: u64,
    others: u64,
    others_turned_away: u64,
    // Records.
    appended: u64,
    processed: u64,
    again: u64,
    committed: u64,
    expelled: u64,
    rebalances: u64,
    // Others.
    killed: u64,
    queue_max: u64,
    inside_max: u64,
}

#[derive(Clone, Debug)]
struct Rates {
    offered: Rate,
    good: Rate,
    wasted: Rate,
    refused: Rate,
    dropped: Rate,
    retries: Rate,
    processed: Rate,
    again: Rate,
}

/// Why an attempt came to nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Why {
    /// 503: no room.
    Full,
    /// 429: the heaviest tenant makes room.
    Heaviest,
    /// 429: this tenant's own compartment is full.
    Tenant,
    /// Dropped as the oldest to make room.
    Oldest,
    /// Thrown out by delay control.
    Delayed,
    /// The process was down.
    Down,
    /// The process died with it.
    Lost,
    /// The caller's patience ended.
    Patience,
    /// The producer was disconnected.
    Gone,
}

impl Why {
    fn fate(self) -> Fate {
        match self {
            Why::Patience | Why::Gone => Fate::Left,
            Why::Lost => Fate::Lost,
            _ => Fate::Refused,
        }
    }
}

#[derive(Clone)]
pub struct Backpressure {
    s: Settings,
    critical: Stream,
    demands: Stream,
    places: Stream,
    jitter: Stream,
    tenants: Vec<Tenant>,

    requests: Slab<Request>,
    /// Attempts inside in the order in which their callers' patience ends.
    deadlines: Deque<Job>,
    deadline_set: bool,
    line: Waiting,
    limit: Option<Adaptive>,
    bulkhead: Bulkhead,
    /// The process is down until then.
    down_until: Us,

    works: Works,
    stalled: (Us, Us),
    frozen_until: Us,
    db: Database,
    db_running: u32,
    db_waiting: Deque<u32>,

    consumers: Consumers,

    counts: Counts,
    rates: Rates,
    delays: Recent,
    others: Recent,
    others_all: Hist,
    seconds: Seconds<Second>,
    trouble_end: Us,
    overloaded: bool,
    /// Of each one that is drawn, its producer.
    samples: Samples<u8>,
    scratch: Vec<(Job, Dropped)>,
}

/// The producer of a request: its number says so.
#[inline]
fn tenant_of(id: u32) -> usize {
    id as usize % TENANTS
}

/// 64 fair bits as a fraction.
#[inline]
fn fraction(bits: u64) -> f64 {
    (bits >> 11) as f64 / 9_007_199_254_740_992.0
}

impl Backpressure {
    fn is_down(&self, now: Us) -> bool {
        now < self.down_until
    }
    fn is_stalled(&self, now: Us) -> bool {
        self.stalled.0 <= now && now < self.stalled.1
    }

    fn slow_database(&mut self, factor: f64, ctx: &mut Ctx<Ev>) {
        self.db.set_factor(ctx.now, factor);
        self.schedule_query(ctx);
        ctx.log(Tone::Fault, code::SLOW_DB, Line::NO_REQUEST, (factor * 10.0) as i64, 0);
    }

    fn stall(&mut self, span: Us, ctx: &mut Ctx<Ev>) {
        self.stalled = (ctx.now, ctx.now + span);
        self.db.set_stalled(ctx.now, true);
        ctx.log(Tone::Fault, code::OUTAGE, Line::NO_REQUEST, span.0 as i64, 0);
        ctx.at(self.stalled.1, Ev::Resume);
    }

    /// An outage or a pause may be over.
    fn resume(&mut self, ctx: &mut Ctx<Ev>) {
        if self.is_stalled(ctx.now) {
            return;
        }
        if ctx.now == self.stalled.1 {
            self.trouble_end = ctx.now;
            self.db.set_stalled(ctx.now, false);
            self.schedule_query(ctx);
            ctx.log(Tone::Fault, code::OUTAGE_OVER, Line::NO_REQUEST, self.waiting() as i64, 0);
        }
        if ctx.now == self.frozen_until {
            self.trouble_end = ctx.now;
            ctx.log(Tone::Ok, code::AWAKE, Line::NO_REQUEST, 0, 0);
        }
        self.feed_all(ctx);
    }

    fn feed_all(&mut self, ctx: &mut Ctx<Ev>) {
        if self.s.log {
            for m in 0..self.consumers.members.len() {
                self.feed(m, ctx);
            }
        } else {
            self.kick(ctx);
            self.let_in_held(ctx);
        }
    }

    fn mend(&mut self, ctx: &mut Ctx<Ev>) {
        self.db.set_factor(ctx.now, 1.0);
        ctx.log(Tone::Fault, code::MENDED, Line::NO_REQUEST, 0, 0);
        if self.is_stalled(ctx.now) {
            self.stalled.1 = ctx.now;
            ctx.at(ctx.now, Ev::Resume);
        }
        self.s.hot = 1.0;
        for t in 0..self.tenants.len() {
            self.tenants[t].off_until = ctx.now;
            self.pace(t, ctx);
        }
        self.schedule_query(ctx);
    }

    fn tick(&mut self, ctx: &mut Ctx<Ev>) {
        ctx.after(Us::s(1), Ev::Tick);
        self.samples.pace(self.rates.offered.per_s(ctx.now) + self.rates.retries.per_s(ctx.now));
        if self.s.log {
            self.forget_old_times();
            return;
        }
        let (good, offered) = (self.rates.good.per_s(ctx.now), self.rates.offered.per_s(ctx.now));
        let busy = self.counts.queued > 0 || self.is_down(ctx.now);
        if !self.overloaded && good < 0.5 * offered && offered > 1.0 && busy {
            self.overloaded = true;
            ctx.log(Tone::Rejected, code::COLLAPSED, Line::NO_REQUEST, good as i64, offered as i64);
        } else if self.overloaded && good > 0.9 * offered {
            self.overloaded = false;
            ctx.log(Tone::Ok, code::RECOVERED, Line::NO_REQUEST, good as i64, offered as i64);
        }
    }
}

impl Model for Backpressure {
    type Event = Ev;

    fn new(setup: &Setup) -> Backpressure {
        let s = Settings::read(setup.knobs);
        // The numbers have the producer in them. Until the first second has been counted, one in four.
        let mut samples = Samples::new(40.0, 224).scattered();
        samples.pace(160.0);
        let tape = Tape::new(setup.seed);
        let seeds = Stream::new(setup.seed, "tape", "producers", 0);
        let tenants = (0..s.tenants).map(|t| Tenant {
            load: Load::new(Tape::new(seeds.at(t as u64 + 1)), 0.0),
            held: Deque::new(),
            owed: 0,
            unanswered: 0,
            ceiling: s.window,
            waiting: 0,
            blocked_since: None,
            blocked: Us::ZERO,
            off_until: Us::ZERO,
            produced: 0,
        });
        let rate = Rate::new(Us::s(1));
        let slow_rate = Rate::new(Us::s(10));
        let ceiling = if s.bound == 0 { LIMIT_MAX } else { s.bound };
        Backpressure {
            critical: tape.purpose("class"),
            demands: tape.purpose("service"),
            places: tape.purpose("partition"),
            jitter: Stream::new(setup.seed, "retry", "jitter", 0),
            tenants: tenants.collect(),
            requests: Slab::default(),
            deadlines: Deque::new(),
            deadline_set: false,
            line: Waiting::default(),
            limit: s.rule.map(|r| Adaptive::new(r, LIMIT_FIRST, LIMIT_MIN, ceiling, PROBE_EVERY)),
            bulkhead: Bulkhead::new(s.bulkhead),
            down_until: Us::ZERO,
            works: Works::default(),
            stalled: (Us::ZERO, Us::ZERO),
            frozen_until: Us::ZERO,
            db: Database::new(s.usl()),
            db_running: 0,
            db_waiting: Deque::new(),
            consumers: Consumers::new(&s),
            counts: Counts::default(),
            rates: Rates {
                offered: rate.clone(),
                good: rate.clone(),
                wasted: rate.clone(),
                refused: rate.clone(),
                dropped: rate.clone(),
                retries: rate,
                processed: slow_rate.clone(),
                again: slow_rate,
            },
            delays: Recent::new(Us::s(12), 6),
            others: Recent::new(Us::s(12), 6),
            others_all: Hist::new(),
            seconds: Seconds::new(SECONDS_MAX),
            trouble_end: Us::ZERO,
            overloaded: false,
            samples,
            scratch: Vec::new(),
            s,
        }
    }

    fn start(&mut self, ctx: &mut Ctx<Ev>) {
        for t in 0..self.tenants.len() {
            self.pace(t, ctx);
        }
        if self.s.log {
            self.start_consumers(ctx);
        }
        ctx.after(Us::s(1), Ev::Tick);
    }

    #[inline]
    fn on(&mut self, event: Ev, ctx: &mut Ctx<Ev>) {
        match event {
            Ev::Arrive { tenant, generation } => {
                if generation == self.tenants[tenant as usize].load.generation as u16 {
                    self.arrive(tenant as usize, ctx);
                }
            }
            Ev::Worked { task, life } => self.worked(task, life, ctx),
            Ev::Query(generation) => {
                if generation == self.db.generation {
                    self.query_done(ctx);
                }
            }
            Ev::Patience => self.patience_ends(ctx),
            Ev::Retry(slot) => self.send(slot, ctx),
            Ev::Restarted => self.restarted(ctx),
            Ev::Resume => self.resume(ctx),
            Ev::Back(t) => self.back(t as usize, ctx),
            Ev::Poll { member, life } => self.on_poll(member as usize, life, ctx),
            Ev::Watch { member, life } => self.watch(member as usize, life, ctx),
            Ev::Session { member, life } => self.session_ends(member as usize, life, ctx),
            Ev::Awake { member, life } => self.awake(member as usize, life, ctx),
            Ev::Tick => self.tick(ctx),
        }
    }

    fn act(&mut self, act: u8, args: &[f64], ctx: &mut Ctx<Ev>) {
        match act as usize {
            act::BURST => self.burst(args[0] as u32, ctx),
            act::DB_SLOW => self.slow_database(args[0], ctx),
            act::STALL => self.stall(Us::from_s(args[0]), ctx),
            act::KILL if self.s.log => self.kill_member(self.nth_member(args[0]), false, ctx),
            act::KILL => self.die(false, ctx),
            act::PAUSE if self.s.log => self.freeze_member(self.nth_member(args[0]), Us::from_s(args[1]), ctx),
            act::PAUSE => self.freeze(Us::from_s(args[1]), ctx),
            act::OFF => self.disconnect(args[0] as usize, Us::from_s(args[1]), ctx),
            act::HEAT => {
                self.s.hot = args[0];
                ctx.log(Tone::Fault, code::HOT, Line::NO_REQUEST, (args[0] * 10.0) as i64, 0);
                self.pace(0, ctx);
            }
            act::MEND => self.mend(ctx),
            _ => {}
        }
    }

    fn knob(&mut self, which: u8, knobs: &Knobs, ctx: &mut Ctx<Ev>) {
        let hot = self.s.hot;
        self.s = Settings::read(knobs);
        if which as usize != knob::HOT {
            // An act may have set it to something else than the knob.
            self.s.hot = hot;
        }
        match which as usize {
            knob::RATE | knob::HOT => (0..self.tenants.len()).for_each(|t| self.pace(t, ctx)),
            knob::ORDER => self.reorder(),
            knob::BULKHEAD => self.bulkhead.resize(self.s.bulkhead),
            knob::STRATEGY => self.wake_loops(ctx),
            _ => {}
        }
        ctx.log_knob(code::KNOB, which, knobs);
        (0..self.tenants.len()).for_each(|t| self.hold_or_release(t, ctx));
        self.feed_all(ctx);
    }

    crate::in_files_of_their_own!();
    fn counts(&self) -> Vec<(&'static str, u64)> {
        self.totals()
    }
    fn invariants(&self, now: Us) -> Result<(), String> {
        self.laws(now)
    }

    fn weight(&self) -> usize {
        core::mem::size_of::<Backpressure>()
            + self.requests.weight()
            + self.deadlines.len() * core::mem::size_of::<Job>()
            + self.line.weight()
            + self.tenants.iter().map(|t| core::mem::size_of::<Tenant>() + t.held.len() * 4).sum::<usize>()
            + self.works.weight()
            + self.db.weight()
            + self.db_waiting.len() * 4
            + self.consumers.weight()
            + self.delays.weight()
            + self.others.weight()
            + self.others_all.weight()
            + self.seconds.weight()
            + self.samples.weight()
    }

    fn visible(event: &Ev) -> bool {
        !matches!(event, Ev::Tick | Ev::Patience | Ev::Watch { .. } | Ev::Session { .. } | Ev::Query(_))
    }
}
