//! Ten times the traffic, now.
//!
//! ```text
//!   clients --> balancer --> pods: [ queue ] ( workers ) --> cache --> database
//!      ^  retries   |429       |503            ^
//!      +------------+----------+          autoscaler: metrics, late
//! ```
//!
//! Every request is simulated, and so is every attempt to repeat it. What a client does (patience,
//! retries) and what the servers do (queue, refuse, scale) are separate: work goes on for a client
//! that has left, unless a rule says otherwise.
//!
//! State stays small although tens of thousands of requests are under way: an attempt is sixteen
//! bytes wherever it is, patience is a queue of its own (equal spans end in the order in which they
//! began), and only what is drawn is remembered.

mod clients;
mod database;
mod declare;
mod fleet;
mod look;
mod pods;
mod words;

pub use declare::{QUESTION, READ, TOLD, act, knob, measure, number};
pub use look::{PodView, Stage};

use crate::blocks::autoscaler::{self, Autoscaler};
use crate::blocks::breaker::{self, Breaker, Permit, Thresholds};
use crate::blocks::cache::{Cache, Look};
use crate::blocks::limiter::{Algorithm, Limiter, Policy};
use crate::blocks::load::Load;
use crate::blocks::retry::{Backoff, Budget, Jitter, Retry};
use crate::blocks::server::{DelayControl, Dropped, Job, Law, Line as Waiting, Offer, Order, Rules, Workers};
use crate::declare::{Knobs, Tone};
use crate::deque::Deque;
use crate::kernel::{Ctx, Line, Model, Setup, Stream, Tape, Trace, Us};
use crate::look::{Fate, Samples, Seconds};
use crate::measure::series::{Rate, Recent};
use crate::slab::Slab;
use words::code;

/// Keys that can be cached; enough that a flush takes the database some time to make good.
const KEYS: u32 = 1_000;
/// Pod slots, dead ones included.
const SLOTS_MAX: usize = 250;
/// Consecutive failed checks that take a pod out of the balancer.
const CHECKS_FAILED: u8 = 3;
/// A probe that queues like a request gives up after this long.
const PROBE_PATIENCE: Us = Us::s(1);
/// Without health checks a dead pod is noticed when its node stops reporting.
const NODE_GRACE: Us = Us::s(40);
/// Unused retry allowance is kept up to this many retries.
const BUDGET_SAVED: u64 = 100;
/// Seconds of which totals are kept.
const SECONDS_MAX: u32 = 3_600;
/// The metrics window: what metrics-server averages over.
const METRIC_WINDOW: u64 = 15;
/// Requests answered with 202 that may wait for idle workers.
const BACKLOG_MAX: u32 = 1_000_000;
/// The class of work that was accepted for later, and the place of those without a client.
const LATER: u8 = 2;
const NO_CLIENT: u32 = u32::MAX;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ev {
    Arrive(u16),
    SpikeOn,
    SpikeOff(u16),
    /// A client's backoff is over.
    Retry(u32),
    /// The patience of the clients at the head of the queue of deadlines.
    Patience,
    /// A worker has done its part of a request, or paid its debt.
    Worked {
        pod: u8,
        worker: u8,
        life: u16,
    },
    /// The database is done with a query. If it took too long, the worker has already gone.
    Queried {
        pod: u8,
        worker: u8,
        life: u16,
        permit: Permit,
        late: bool,
    },
    /// A worker waits no longer for its query.
    QueryTimeout {
        pod: u8,
        worker: u8,
        life: u16,
        permit: Permit,
    },
    /// The longest wait for a connection, of those at the head.
    NoConnection,
    /// A pod has started.
    Ready {
        pod: u8,
        life: u16,
    },
    /// Health checks.
    Check,
    /// The end of a second: metrics, and the autoscaler if it is its turn.
    Tick,
    /// An outage may be over.
    Resume,
}

impl Trace for Ev {
    #[inline(always)]
    fn word(&self) -> u64 {
        let at = |kind: u64, pod: u8, worker: u8, life: u16| {
            kind | u64::from(pod) << 8 | u64::from(worker) << 16 | u64::from(life) << 32
        };
        match *self {
            Ev::Arrive(g) => 1 | u64::from(g) << 8,
            Ev::SpikeOn => 2,
            Ev::SpikeOff(g) => 3 | u64::from(g) << 8,
            Ev::Retry(slot) => 4 | u64::from(slot) << 8,
            Ev::Patience => 5,
            Ev::Worked { pod, worker, life } => at(6, pod, worker, life),
            Ev::Queried { pod, worker, life, .. } => at(7, pod, worker, life),
            Ev::NoConnection => 8,
            Ev::Ready { pod, life } => at(9, pod, 0, life),
            Ev::Check => 10,
            Ev::Tick => 11,
            Ev::Resume => 12,
            Ev::QueryTimeout { pod, worker, life, .. } => at(13, pod, worker, life),
        }
    }
}

/// The knobs, in the units the model computes with.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    rate: f64,
    spike: f64,
    spike_for: Us,
    critical: f64,
    pods: u32,
    workers: u8,
    service: Us,
    law: Law,
    kept_work: f64,
    kappa: f64,
    rules: Rules,
    /// 0: only the memory bounds a queue.
    bound: u32,
    memory: u32,
    oom_kills: bool,
    shed: bool,
    reserve: usize,
    defer: bool,
    limit: Option<Policy>,
    patience: Us,
    retry: Retry,
    budget: Option<f64>,
    autoscale: bool,
    on_requests: bool,
    target: f64,
    sync: u64,
    lag: u64,
    tolerance: f64,
    ready: Us,
    pods_max: u32,
    balance: usize,
    health: usize,
    check: Us,
    cacheable: f64,
    ttl: Us,
    stale: bool,
    db_share: f64,
    connections: u32,
    nodes: u64,
    db_wait: Us,
    breaker: bool,
}

impl Settings {
    fn read(k: &Knobs) -> Settings {
        let bound = k.int(knob::BOUND) as u32;
        let memory = k.int(knob::MEMORY) as u32;
        let patience = k.ms(knob::PATIENCE);
        let order = [Order::Fifo, Order::Lifo, Order::Priority, Order::Fair][k.choice(knob::ORDER)];
        let shed = k.on(knob::SHED);
        let limit = k.int(knob::LIMIT);
        let budget = k.share(knob::BUDGET);
        Settings {
            rate: k.get(knob::RATE),
            spike: k.get(knob::SPIKE),
            spike_for: k.s(knob::SPIKE_FOR),
            critical: k.share(knob::CRITICAL),
            pods: (k.int(knob::PODS) + k.int(knob::PREWARM)) as u32,
            workers: k.int(knob::WORKERS) as u8,
            service: k.ms(knob::SERVICE),
            law: [Law::Exponential, Law::Fixed, Law::LogNormal][k.choice(knob::LAW)],
            kept_work: 1.0 - k.share(knob::DEGRADE),
            kappa: k.share(knob::KAPPA),
            rules: Rules {
                order,
                bound: if bound == 0 { memory } else { bound.min(memory) },
                evict: shed,
                expire: k.on(knob::EXPIRE).then_some(patience),
                delay_control: k.on(knob::CONTROL).then_some(DelayControl::PUBLISHED),
            },
            bound,
            memory,
            oom_kills: k.choice(knob::OOM) == 1,
            shed,
            reserve: k.int(knob::RESERVE) as usize,
            defer: k.on(knob::DEFER),
            limit: (limit > 0).then(|| Policy { limit, window: Us::s(1), burst: (limit / 10).max(1) }),
            patience,
            retry: Retry {
                attempts: k.int(knob::ATTEMPTS) as u8,
                backoff: [Backoff::None, Backoff::Fixed, Backoff::Exponential][k.choice(knob::BACKOFF)],
                jitter: [Jitter::None, Jitter::Full, Jitter::Equal, Jitter::Decorrelated][k.choice(knob::JITTER)],
                base: k.ms(knob::BASE),
                cap: k.ms(knob::CAP),
            },
            budget: (budget > 0.0).then_some(budget),
            autoscale: k.on(knob::AUTOSCALE),
            on_requests: k.choice(knob::METRIC) == 1,
            target: k.share(knob::TARGET),
            sync: k.int(knob::SYNC),
            lag: k.int(knob::LAG),
            tolerance: k.share(knob::TOLERANCE),
            ready: k.s(knob::READY),
            pods_max: k.int(knob::PODS_MAX) as u32,
            balance: k.choice(knob::BALANCE),
            health: k.choice(knob::HEALTH),
            check: k.s(knob::CHECK),
            cacheable: if k.on(knob::CACHE) { k.share(knob::CACHEABLE) } else { 0.0 },
            ttl: k.s(knob::TTL),
            stale: k.on(knob::STALE),
            db_share: k.share(knob::DB_SHARE),
            nodes: 1 + k.int(knob::REPLICAS),
            connections: (k.int(knob::DB_POOL) * (1 + k.int(knob::REPLICAS))) as u32,
            db_wait: k.ms(knob::DB_WAIT),
            breaker: k.on(knob::BREAKER),
        }
    }

    /// Requests a second that one healthy pod serves without the cache's help.
    fn pod_capacity(&self) -> f64 {
        f64::from(self.workers) / (self.service.as_s() * self.kept_work)
    }

    /// The queue length from which sheddable requests are refused: half the bound, and never more
    /// than half of what can be served before the clients leave.
    fn shed_at(&self) -> usize {
        let useful = self.pod_capacity() * self.patience.as_s() / 2.0;
        (self.rules.bound as f64 / 2.0).min(useful) as usize
    }
}

/// A client's request: sixteen bytes, in a slab.
#[derive(Clone, Copy, Debug)]
struct Request {
    id: u32,
    at_low: u32,
    last_wait: u32,
    at_high: u8,
    /// The attempt that is under way or that failed last.
    attempt: u8,
    class: u8,
    state: ClientState,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ClientState {
    Free,
    Attempting,
    BackingOff,
}

#[derive(Clone, Debug)]
struct Pod {
    stage: Stage,
    /// Grows when it dies: what was scheduled for an earlier life is void.
    life: u16,
    since: Us,
    in_rotation: bool,
    checks_failed: u8,
    slow: bool,
    line: Waiting,
    workers: Workers,
}

/// A worker that waits for a connection.
#[derive(Clone, Copy, Debug)]
struct Asking {
    at: Us,
    pod: u8,
    worker: u8,
    permit: Permit,
}

/// Totals of a second of the run.
#[derive(Clone, Copy, Debug, Default)]
pub struct Second {
    pub arrived: u32,
    pub good: u32,
    pub critical: u32,
    pub critical_good: u32,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Counts {
    // Requests.
    arrivals: u64,
    succeeded: u64,
    accepted: u64,
    failed: u64,
    live: u64,
    // Attempts.
    attempts: u64,
    retries: u64,
    served: u64,
    wasted: u64,
    errors: u64,
    refused: u64,
    limited: u64,
    dropped: u64,
    lost: u64,
    queued: u64,
    in_service: u64,
    // Work accepted for later.
    later_done: u64,
    later_in_service: u64,
    // Others.
    killed: u64,
    stale_served: u64,
    ejected_max: u64,
    queue_max: u64,
}

#[derive(Clone, Debug)]
struct Rates {
    offered: Rate,
    attempts: Rate,
    good: Rate,
    wasted: Rate,
    refused: Rate,
    dropped: Rate,
    retries: Rate,
    looks: Rate,
    hits: Rate,
    critical: Rate,
    critical_good: Rate,
}

/// Why an attempt came to nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Why {
    /// 503: the queue was full.
    Full,
    /// 503: sheddable, and the queue was long.
    Shed,
    /// The pod stopped accepting connections.
    Memory,
    /// 429 at the edge.
    Limited,
    /// No pod in rotation.
    NoPod,
    /// The pod was dead and nobody had noticed.
    Dead,
    /// 503: thrown out of the queue by delay control.
    Delayed,
    /// 503: the database did not answer.
    Database,
    /// The pod died with it.
    Lost,
    /// The client's patience ended.
    Patience,
}

impl Why {
    fn fate(self) -> Fate {
        match self {
            Why::Patience => Fate::Left,
            Why::Lost => Fate::Lost,
            _ => Fate::Refused,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Death {
    Killed,
    Memory,
}

#[derive(Clone)]
pub struct Spike {
    s: Settings,
    demands: Stream,
    classes: Stream,
    keys: Stream,
    jitter: Stream,
    pick: Stream,
    later: Stream,
    load: Load,
    spiking: bool,
    spikes: u16,
    spike_at: Us,

    requests: Slab<Request>,
    /// Attempts in the order in which their clients' patience ends.
    deadlines: Deque<Job>,
    deadline_set: bool,
    budget: Budget,

    edge: Limiter,
    rotation: Vec<u8>,
    turn: u32,
    pods: Vec<Pod>,
    /// When the outage began and ends; no outage while the end has passed.
    stalled: (Us, Us),
    slow_factor: f64,

    cache: Cache,
    breaker: Breaker,
    connections_busy: u32,
    asking: Deque<Asking>,
    connection_timer: bool,
    db_factor: f64,
    /// Accepted for later: how many, and how many ever.
    backlog: u32,
    backlog_total: u64,

    autoscaler: Autoscaler,
    blind_until: Us,
    /// (worker time worked, attempts received) at the end of each second, the newest last.
    metrics: Deque<(u64, u64)>,
    /// Workers at work now (those that wait for a connection are not), and their work so far.
    working: u64,
    worked: u64,
    worked_since: Us,
    paid: u64,
    paid_since: Us,
    paid_time: u64,

    counts: Counts,
    rates: Rates,
    latency: Recent,
    seconds: Seconds<Second>,
    /// (when, replicas asked for).
    steps: Vec<(Us, u16)>,
    passed: Option<Us>,
    trouble_end: Us,
    collapsed: bool,
    /// Of each one that is drawn, its class.
    samples: Samples<u8>,
    scratch: Vec<(Job, Dropped)>,
}

impl Spike {
    fn set_rate(&mut self, rate: f64, ctx: &mut Ctx<Ev>) {
        self.load.set_rate(ctx.now, rate);
        self.samples.pace(rate);
        self.schedule_arrival(ctx);
    }

    fn spike_on(&mut self, ctx: &mut Ctx<Ev>) {
        self.spikes += 1;
        ctx.after(self.s.spike_for, Ev::SpikeOff(self.spikes));
        self.spiking = true;
        self.spike_at = ctx.now;
        self.passed = None;
        ctx.log(Tone::Fault, code::SPIKE, Line::NO_REQUEST, (self.s.rate * self.s.spike) as i64, self.s.rate as i64);
        self.set_rate(self.s.rate * self.s.spike, ctx);
        self.look_whether_passed(ctx);
    }

    fn spike_off(&mut self, ctx: &mut Ctx<Ev>) {
        if !self.spiking {
            return;
        }
        self.spiking = false;
        self.trouble_end = ctx.now;
        ctx.log(Tone::Fault, code::SPIKE_OVER, Line::NO_REQUEST, self.s.rate as i64, 0);
        self.set_rate(self.s.rate, ctx);
    }

    fn stall(&mut self, span: Us, ctx: &mut Ctx<Ev>) {
        self.stalled = (ctx.now, ctx.now + span);
        ctx.log(Tone::Fault, code::OUTAGE, Line::NO_REQUEST, span.0 as i64, 0);
        ctx.at(self.stalled.1, Ev::Resume);
    }

    fn resume(&mut self, ctx: &mut Ctx<Ev>) {
        if ctx.now != self.stalled.1 {
            return;
        }
        self.trouble_end = ctx.now;
        ctx.log(Tone::Fault, code::OUTAGE_OVER, Line::NO_REQUEST, self.counts.queued as i64, 0);
        for p in 0..self.pods.len() {
            self.kick(p, ctx);
        }
    }
}

impl Model for Spike {
    type Event = Ev;

    fn new(setup: &Setup) -> Spike {
        let s = Settings::read(setup.knobs);
        let tape = Tape::new(setup.seed);
        let load =
            if setup.knobs.choice(knob::ARRIVALS) == 1 { Load::even(tape, s.rate) } else { Load::new(tape, s.rate) };
        // Until the first second has been counted, one in sixteen.
        let mut samples = Samples::new(48.0, 256);
        samples.pace(768.0);
        let rate = Rate::new(Us::s(1));
        let mut spike = Spike {
            demands: tape.purpose("service"),
            classes: tape.purpose("class"),
            keys: tape.purpose("key"),
            jitter: Stream::new(setup.seed, "retry", "jitter", 0),
            pick: Stream::new(setup.seed, "balancer", "pick", 0),
            later: Stream::new(setup.seed, "backlog", "service", 0),
            load,
            spiking: false,
            spikes: 0,
            spike_at: setup.knobs.s(knob::SPIKE_AT),
            requests: Slab::default(),
            deadlines: Deque::new(),
            deadline_set: false,
            budget: Budget::new(s.budget.unwrap_or(0.0), BUDGET_SAVED),
            edge: Limiter::new(Algorithm::Gcra),
            rotation: Vec::new(),
            turn: 0,
            pods: Vec::new(),
            stalled: (Us::ZERO, Us::ZERO),
            slow_factor: 1.0,
            cache: Cache::new(if s.cacheable > 0.0 { KEYS } else { 0 }),
            breaker: Breaker::new(Thresholds { open_for: Us::s(5), ..Thresholds::RESILIENCE4J }),
            connections_busy: 0,
            asking: Deque::new(),
            connection_timer: false,
            db_factor: 1.0,
            backlog: 0,
            backlog_total: 0,
            autoscaler: Autoscaler::default(),
            blind_until: Us::ZERO,
            metrics: Deque::from([(0, 0)]),
            working: 0,
            worked: 0,
            worked_since: Us::ZERO,
            paid: 0,
            paid_since: Us::ZERO,
            paid_time: 0,
            counts: Counts::default(),
            rates: Rates {
                offered: rate.clone(),
                attempts: rate.clone(),
                good: rate.clone(),
                wasted: rate.clone(),
                refused: rate.clone(),
                dropped: rate.clone(),
                retries: rate.clone(),
                looks: rate.clone(),
                hits: rate.clone(),
                critical: rate.clone(),
                critical_good: rate,
            },
            latency: Recent::new(Us::s(5), 5),
            seconds: Seconds::new(SECONDS_MAX),
            steps: vec![(Us::ZERO, s.pods as u16)],
            passed: None,
            trouble_end: Us::ZERO,
            collapsed: false,
            samples,
            scratch: Vec::new(),
            s,
        };
        for _ in 0..spike.s.pods {
            spike.start_pod(Us::ZERO, None, None);
        }
        spike
    }

    fn start(&mut self, ctx: &mut Ctx<Ev>) {
        self.schedule_arrival(ctx);
        if self.s.spike > 1.0 {
            ctx.at(self.spike_at, Ev::SpikeOn);
        }
        ctx.after(Us::s(1), Ev::Tick);
        ctx.after(self.s.check, Ev::Check);
    }

    #[inline]
    fn on(&mut self, event: Ev, ctx: &mut Ctx<Ev>) {
        match event {
            Ev::Arrive(generation) => {
                if generation == self.load.generation as u16 {
                    self.arrive(ctx);
                }
            }
            Ev::Worked { pod, worker, life } => self.work_done(pod, worker, life, ctx),
            Ev::Queried { .. } => self.query_done(event, ctx),
            Ev::QueryTimeout { .. } => self.query_timeout(event, ctx),
            Ev::Patience => self.patience_ends(ctx),
            Ev::Retry(slot) => self.send(slot, ctx),
            Ev::NoConnection => self.no_connection(ctx),
            Ev::Ready { pod, life } => self.pod_ready(pod, life, ctx),
            Ev::Check => self.check(ctx),
            Ev::Tick => self.tick(ctx),
            Ev::Resume => self.resume(ctx),
            Ev::SpikeOn => self.spike_on(ctx),
            Ev::SpikeOff(number) => {
                if number == self.spikes {
                    self.spike_off(ctx);
                }
            }
        }
    }

    fn act(&mut self, act: u8, args: &[f64], ctx: &mut Ctx<Ev>) {
        match act as usize {
            act::SPIKE => self.spike_on(ctx),
            act::CALM => self.spike_off(ctx),
            act::KILL => {
                // The nth of those that are alive, counted round.
                let alive: Vec<usize> = (0..self.pods.len()).filter(|p| self.pods[*p].stage.serves()).collect();
                if !alive.is_empty() {
                    self.die(alive[(args[0] as usize - 1) % alive.len()], Death::Killed, ctx);
                }
            }
            act::STALL => self.stall(Us::from_s(args[0]), ctx),
            act::SLOW => {
                self.slow_factor = args[1];
                let mut left = args[0] as usize;
                for pod in self.pods.iter_mut().filter(|p| p.stage.serves()) {
                    pod.slow = left > 0;
                    left = left.saturating_sub(1);
                }
                ctx.log(Tone::Fault, code::SLOW_PODS, Line::NO_REQUEST, args[0] as i64, (args[1] * 10.0) as i64);
            }
            act::DB_SLOW => {
                self.db_factor = args[0];
                ctx.log(Tone::Fault, code::SLOW_DB, Line::NO_REQUEST, (args[0] * 10.0) as i64, 0);
            }
            act::FLUSH => {
                let held = self.cache.fresh(ctx.now);
                self.cache.flush();
                ctx.log(Tone::Fault, code::FLUSHED, Line::NO_REQUEST, held as i64, 0);
            }
            act::BLIND => {
                self.blind_until = ctx.now + Us::from_s(args[0]);
                ctx.log(Tone::Fault, code::BLIND, Line::NO_REQUEST, (args[0] * 1e6) as i64, 0);
            }
            act::MEND => {
                self.db_factor = 1.0;
                self.pods.iter_mut().for_each(|p| p.slow = false);
                self.blind_until = ctx.now;
                ctx.log(Tone::Fault, code::MENDED, Line::NO_REQUEST, 0, 0);
            }
            _ => {}
        }
    }

    fn knob(&mut self, which: u8, knobs: &Knobs, ctx: &mut Ctx<Ev>) {
        self.s = Settings::read(knobs);
        match which as usize {
            knob::ORDER => self.pods.iter_mut().for_each(|p| p.line.reorder(self.s.rules.order)),
            knob::BUDGET => self.budget = Budget::new(self.s.budget.unwrap_or(0.0), BUDGET_SAVED),
            knob::LIMIT => self.edge = Limiter::new(Algorithm::Gcra),
            knob::BREAKER => {
                let thresholds = self.breaker.thresholds;
                self.breaker = Breaker::new(thresholds);
            }
            knob::DEGRADE => self.look_whether_passed(ctx),
            _ => {}
        }
        ctx.log_knob(code::KNOB, which, knobs);
        for p in 0..self.pods.len() {
            self.kick(p, ctx);
        }
    }

    crate::in_files_of_their_own!();

    fn counts(&self) -> Vec<(&'static str, u64)> {
        let c = &self.counts;
        vec![
            ("arrivals", c.arrivals),
            ("succeeded", c.succeeded),
            ("accepted_for_later", c.accepted),
            ("failed", c.failed),
            ("in_flight", c.live),
            ("attempts", c.attempts),
            ("retries", c.retries),
            ("served", c.served),
            ("wasted", c.wasted),
            ("errors", c.errors),
            ("refused", c.refused),
            ("limited", c.limited),
            ("dropped", c.dropped),
            ("lost", c.lost),
            ("queued", c.queued),
            ("in_service", c.in_service),
            ("pods_killed", c.killed),
        ]
    }

    fn invariants(&self, now: Us) -> Result<(), String> {
        use crate::measure::conserve::balance;
        let c = &self.counts;
        let requests = [
            ("succeeded", c.succeeded),
            ("accepted for later", c.accepted),
            ("failed", c.failed),
            ("in flight", c.live),
        ];
        balance("arrivals", c.arrivals, &requests)?;
        let attempts = [
            ("served", c.served),
            ("errors", c.errors),
            ("refused", c.refused),
            ("accepted for later", c.accepted),
            ("dropped", c.dropped),
            ("lost", c.lost),
            ("queued", c.queued),
            ("in service", c.in_service),
        ];
        balance("attempts", c.attempts, &attempts)?;
        balance("attempts", c.attempts, &[("arrivals", c.arrivals), ("retries", c.retries)])?;
        balance("served", c.served, &[("useful", c.succeeded), ("wasted", c.wasted)])?;
        let lines: u64 = self.pods.iter().map(|p| p.line.len() as u64).sum();
        balance("queued", c.queued, &[("waiting in the pods", lines)])?;
        let later = [("waiting", u64::from(self.backlog)), ("in service", c.later_in_service), ("done", c.later_done)];
        balance("accepted for later", c.accepted, &later)?;
        let busy: u64 = self.pods.iter().map(|p| p.workers.busy() as u64).sum();
        balance(
            "busy workers",
            busy,
            &[("working", self.working), ("waiting for a connection", self.asking.len() as u64)],
        )?;
        let room = if self.s.bound == 0 { self.s.memory } else { self.s.memory.max(self.s.bound) };
        if let Some(p) = self.pods.iter().find(|p| p.line.len() as u32 > room.max(2_000)) {
            return Err(format!("a queue of {} where {room} fit", p.line.len()));
        }
        if self.connections_busy > self.s.connections {
            return Err(format!("{} of {} connections in use", self.connections_busy, self.s.connections));
        }
        if self.rotation.iter().any(|r| self.pods[*r as usize].stage == Stage::Gone) {
            return Err(format!("at {now} a pod that is gone is in rotation"));
        }
        Ok(())
    }

    fn weight(&self) -> usize {
        let pods: usize =
            self.pods.iter().map(|p| core::mem::size_of::<Pod>() + p.line.weight() + p.workers.weight()).sum();
        core::mem::size_of::<Spike>()
            + self.requests.weight()
            + self.deadlines.len() * core::mem::size_of::<Job>()
            + pods
            + self.cache.weight()
            + self.asking.len() * core::mem::size_of::<Asking>()
            + self.autoscaler.weight()
            + self.metrics.len() * 16
            + self.latency.weight()
            + self.seconds.weight()
            + self.steps.len() * 16
            + self.samples.weight()
    }

    fn visible(event: &Ev) -> bool {
        !matches!(event, Ev::Tick | Ev::Check | Ev::Patience | Ev::NoConnection)
    }
}
