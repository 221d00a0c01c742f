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

mod declare;
mod look;
mod words;

pub use declare::{QUESTION, act, knob, measure, number};
pub use look::{Fate, PodView, Sample, Stage};

use crate::blocks::autoscaler::{self, Autoscaler};
use crate::blocks::breaker::{self, Breaker, Permit, Thresholds};
use crate::blocks::cache::{Cache, Look};
use crate::blocks::limiter::{Algorithm, Limiter, Policy};
use crate::blocks::load::Load;
use crate::blocks::retry::{Backoff, Budget, Jitter, Retry};
use crate::blocks::server::{DelayControl, Dropped, Job, Law, Line as Waiting, Offer, Order, Rules, Workers};
use crate::declare::{Knobs, Tone};
use crate::kernel::{Ctx, Line, Model, Setup, Stream, Tape, Trace, Us};
use crate::measure::series::{Rate, Recent};
use look::Samples;
use std::collections::VecDeque;
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
const SECONDS_MAX: usize = 3_600;
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

    requests: Vec<Request>,
    free: Vec<u32>,
    /// Attempts in the order in which their clients' patience ends.
    deadlines: VecDeque<Job>,
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
    asking: VecDeque<Asking>,
    connection_timer: bool,
    db_factor: f64,
    /// Accepted for later: how many, and how many ever.
    backlog: u32,
    backlog_total: u64,

    autoscaler: Autoscaler,
    blind_until: Us,
    /// (worker time worked, attempts received) at the end of each second, the newest last.
    metrics: VecDeque<(u64, u64)>,
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
    seconds: Vec<Second>,
    /// (when, replicas asked for).
    steps: Vec<(Us, u16)>,
    passed: Option<Us>,
    trouble_end: Us,
    collapsed: bool,
    samples: Samples,
    scratch: Vec<(Job, Dropped)>,
}

impl Spike {
    // --- clients ---------------------------------------------------------------------------------

    fn schedule_arrival(&mut self, ctx: &mut Ctx<Ev>) {
        if let Some(at) = self.load.due() {
            ctx.at(at, Ev::Arrive(self.load.generation as u16));
        }
    }

    fn arrive(&mut self, ctx: &mut Ctx<Ev>) {
        let id = self.load.arrive(ctx.now) as u32;
        self.schedule_arrival(ctx);
        let draw = (self.classes.at(u64::from(id) + 1) >> 11) as f64 / 9_007_199_254_740_992.0;
        let class = u8::from(draw >= self.s.critical);
        let request = Request {
            id,
            at_low: ctx.now.0 as u32,
            at_high: (ctx.now.0 >> 32) as u8,
            last_wait: 0,
            attempt: 0,
            class,
            state: ClientState::Attempting,
        };
        let slot = match self.free.pop() {
            Some(slot) => {
                self.requests[slot as usize] = request;
                slot
            }
            None => {
                self.requests.push(request);
                self.requests.len() as u32 - 1
            }
        };
        self.counts.arrivals += 1;
        self.counts.live += 1;
        self.rates.offered.add(ctx.now, 1);
        let second = self.second(ctx.now);
        second.arrived += 1;
        if class == 0 {
            second.critical += 1;
            self.rates.critical.add(ctx.now, 1);
        }
        self.budget.first_attempt();
        ctx.step(Tone::Info, code::ARRIVED, id, i64::from(class), 0);
        self.send(slot, ctx);
    }

    /// The totals of the present second.
    fn second(&mut self, now: Us) -> &mut Second {
        let i = ((now.0 / 1_000_000) as usize).min(SECONDS_MAX - 1);
        if i >= self.seconds.len() {
            self.seconds.resize(i + 1, Second::default());
        }
        &mut self.seconds[i]
    }

    /// A client makes its next attempt.
    fn send(&mut self, slot: u32, ctx: &mut Ctx<Ev>) {
        let request = &mut self.requests[slot as usize];
        request.attempt += 1;
        request.state = ClientState::Attempting;
        let job = Job::new(request.id, slot, request.attempt, request.class, ctx.now);
        self.counts.attempts += 1;
        self.rates.attempts.add(ctx.now, 1);
        if job.attempt > 1 {
            self.counts.retries += 1;
            self.rates.retries.add(ctx.now, 1);
            ctx.step(Tone::Info, code::TRIED_AGAIN, job.id, i64::from(job.attempt), 0);
        }
        self.deadlines.push_back(job);
        if !self.deadline_set {
            self.deadline_set = true;
            ctx.after(self.s.patience, Ev::Patience);
        }
        self.samples.begin(ctx.now, &job);
        self.route(job, ctx);
    }

    /// Whether the client still waits for this very attempt.
    #[inline]
    fn awaited(&self, job: &Job) -> bool {
        self.requests
            .get(job.slot as usize)
            .is_some_and(|r| r.id == job.id && r.attempt == job.attempt && r.state == ClientState::Attempting)
    }

    /// Clients whose patience has ended leave. Equal spans end in the order in which they began, so
    /// only the head needs a timer, and those who have their answer are skipped on the way.
    fn patience_ends(&mut self, ctx: &mut Ctx<Ev>) {
        while let Some(&job) = self.deadlines.front() {
            if self.awaited(&job) {
                let end = job.at() + self.s.patience;
                if end > ctx.now {
                    ctx.at(end, Ev::Patience);
                    return;
                }
                self.deadlines.pop_front();
                self.attempt_failed(job, Why::Patience, ctx);
            } else {
                self.deadlines.pop_front();
            }
        }
        self.deadline_set = false;
    }

    /// An attempt came to nothing: the client tries again, or gives up. Ignored if it has left.
    fn attempt_failed(&mut self, job: Job, why: Why, ctx: &mut Ctx<Ev>) {
        self.samples.end(ctx.now, &job, Fate::of(why));
        if !self.awaited(&job) {
            return;
        }
        ctx.step(Tone::Rejected, code::ATTEMPT_FAILED, job.id, i64::from(job.attempt), why as i64);
        let more = job.attempt < self.s.retry.attempts;
        let allowed = more && (self.s.budget.is_none() || self.budget.spend());
        let request = &mut self.requests[job.slot as usize];
        if allowed {
            let bits = self.jitter.at(u64::from(job.id) * 8 + u64::from(job.attempt) + 1);
            let chance = (bits >> 11) as f64 / 9_007_199_254_740_992.0;
            let wait = self.s.retry.wait(job.attempt, Us(u64::from(request.last_wait)), chance);
            request.last_wait = wait.0 as u32;
            request.state = ClientState::BackingOff;
            ctx.step(Tone::Waiting, code::BACKS_OFF, job.id, wait.0 as i64, 0);
            ctx.after(wait, Ev::Retry(job.slot));
        } else {
            request.state = ClientState::Free;
            self.free.push(job.slot);
            self.counts.live -= 1;
            self.counts.failed += 1;
            ctx.bad();
            ctx.mix(u64::from(job.id) << 8 | why as u64);
            ctx.step(Tone::Rejected, code::GAVE_UP, job.id, i64::from(more), why as i64);
        }
    }

    /// The client has its answer.
    fn answered(&mut self, job: Job, ctx: &mut Ctx<Ev>) {
        let request = &mut self.requests[job.slot as usize];
        let arrived = Us(u64::from(request.at_high) << 32 | u64::from(request.at_low));
        request.state = ClientState::Free;
        self.free.push(job.slot);
        self.counts.live -= 1;
        self.counts.succeeded += 1;
        self.rates.good.add(ctx.now, 1);
        self.latency.add(ctx.now, ctx.now.since(arrived));
        let second = self.second(ctx.now);
        second.good += 1;
        if job.class == 0 {
            second.critical_good += 1;
            self.rates.critical_good.add(ctx.now, 1);
        }
        ctx.step(Tone::Ok, code::ANSWERED, job.id, ctx.now.since(arrived).0 as i64, 0);
    }

    // --- balancer --------------------------------------------------------------------------------

    fn route(&mut self, job: Job, ctx: &mut Ctx<Ev>) {
        if let Some(policy) = &self.s.limit
            && !self.edge.ask(policy, ctx.now.0 as i64, 1).admitted
        {
            self.counts.limited += 1;
            return self.refuse(job, None, Why::Limited, ctx);
        }
        let Some(p) = self.choose(&job) else {
            return self.refuse(job, None, Why::NoPod, ctx);
        };
        self.samples.to_pod(&job, p as u8);
        if !self.pods[p].stage.serves() {
            return self.refuse(job, None, Why::Dead, ctx);
        }
        self.enter(p, job, ctx);
    }

    fn choose(&mut self, job: &Job) -> Option<usize> {
        let n = self.rotation.len() as u64;
        if n == 0 {
            return None;
        }
        let bits = self.pick.at(u64::from(job.id) * 8 + u64::from(job.attempt));
        let nth = |bits: u64| ((u128::from(bits) * u128::from(n)) >> 64) as usize;
        let load = |i: usize| {
            let pod = &self.pods[self.rotation[i] as usize];
            pod.line.len() + pod.workers.busy()
        };
        let i = match self.s.balance {
            0 => {
                self.turn = self.turn.wrapping_add(1);
                self.turn as usize % n as usize
            }
            1 => nth(bits),
            2 => {
                let (a, b) = (nth(bits), nth(bits.rotate_left(32)));
                if load(b) < load(a) { b } else { a }
            }
            _ => {
                // Ties go round: always taking the first would pile up on it.
                self.turn = self.turn.wrapping_add(1);
                let first = self.turn as usize % n as usize;
                (0..n as usize).map(|i| (first + i) % n as usize).min_by_key(|i| load(*i))?
            }
        };
        Some(self.rotation[i] as usize)
    }

    /// No: at once, and not for free where a pod had to say it.
    fn refuse(&mut self, job: Job, by: Option<usize>, why: Why, ctx: &mut Ctx<Ev>) {
        if let Some(p) = by {
            self.charge(p);
        }
        let later = self.s.defer && job.class > 0 && self.backlog < BACKLOG_MAX && by.is_some();
        if later && self.awaited(&job) {
            return self.accept_for_later(job, ctx);
        }
        self.counts.refused += 1;
        self.rates.refused.add(ctx.now, 1);
        self.attempt_failed(job, why, ctx);
    }

    /// 202: the work is written down and the client goes away content.
    fn accept_for_later(&mut self, job: Job, ctx: &mut Ctx<Ev>) {
        self.requests[job.slot as usize].state = ClientState::Free;
        self.free.push(job.slot);
        self.counts.live -= 1;
        self.counts.accepted += 1;
        self.backlog += 1;
        self.backlog_total += 1;
        self.samples.end(ctx.now, &job, Fate::Later);
        ctx.step(Tone::Waiting, code::ACCEPTED, job.id, i64::from(self.backlog), 0);
    }

    /// A refusal has to be worked for.
    #[inline]
    fn charge(&mut self, p: usize) {
        if self.s.kappa > 0.0 {
            let cost = Us::from_us(self.s.service.0 as f64 * self.s.kappa);
            self.pods[p].workers.owe(cost);
        }
    }

    // --- pods ------------------------------------------------------------------------------------

    fn is_stalled(&self, now: Us) -> bool {
        now < self.stalled.1
    }

    /// An attempt reaches a pod: straight to a worker, into the queue, or back.
    fn enter(&mut self, p: usize, job: Job, ctx: &mut Ctx<Ev>) {
        let stalled = self.is_stalled(ctx.now);
        let shed = self.s.shed && job.class > 0;
        let shed_at = if shed { self.s.shed_at() } else { usize::MAX };
        // With a bulkhead, critical requests go past a line that the reserved workers do not serve.
        let (reserved, passes) = match job.class {
            0 => (0, self.s.reserve > 0),
            _ => (self.s.reserve, false),
        };
        let pod = &mut self.pods[p];
        let idle = pod.workers.idle();
        let no_line = pod.line.is_empty() || passes;
        if !stalled && idle > reserved && no_line && pod.workers.debt() == Us::ZERO {
            return self.begin(p, job, ctx);
        }
        let waiting = pod.line.len();
        if waiting >= shed_at {
            self.refuse(job, Some(p), Why::Shed, ctx);
            return self.kick(p, ctx);
        }
        if self.s.bound == 0 && waiting >= self.s.memory as usize {
            if self.s.oom_kills {
                self.die(p, Death::Memory, ctx);
                self.counts.lost += 1;
                return self.attempt_failed(job, Why::Lost, ctx);
            }
            // The listener's backlog is full: the kernel says no, which costs the pod nothing.
            return self.refuse(job, None, Why::Memory, ctx);
        }
        match pod.line.offer(ctx.now, job, &self.s.rules) {
            Offer::Joined => {
                self.counts.queued += 1;
                ctx.step(Tone::Waiting, code::QUEUED, job.id, p as i64, waiting as i64 + 1);
            }
            Offer::Refused => self.refuse(job, Some(p), Why::Full, ctx),
            Offer::Evicted(victim) => self.refuse(victim, Some(p), Why::Shed, ctx),
        }
        self.kick(p, ctx);
    }

    /// Keeps the meter of worked time; call before `working` changes.
    #[inline]
    fn meter(&mut self, now: Us) {
        self.worked += self.working * now.since(self.worked_since).0;
        self.worked_since = now;
    }

    fn demand(&self, p: usize, job: &Job) -> f64 {
        let bits = match job.class {
            LATER => self.later.at(u64::from(job.id) + 1),
            _ => self.demands.at(u64::from(job.id) * 8 + u64::from(job.attempt)),
        };
        let slow = if self.pods[p].slow { self.slow_factor } else { 1.0 };
        self.s.law.demand(bits, self.s.service).0 as f64 * self.s.kept_work * slow
    }

    /// A worker starts on a request.
    fn begin(&mut self, p: usize, job: Job, ctx: &mut Ctx<Ev>) {
        let span = Us::from_us(self.demand(p, &job) * (1.0 - self.s.db_share));
        self.occupy(p, Some(job), span, ctx);
        if job.class == LATER {
            self.counts.later_in_service += 1;
        } else {
            self.counts.in_service += 1;
            let waited = ctx.now.since(job.at());
            ctx.step(Tone::Info, code::BEGUN, job.id, p as i64, waited.0 as i64);
        }
    }

    fn occupy(&mut self, p: usize, job: Option<Job>, span: Us, ctx: &mut Ctx<Ev>) {
        self.meter(ctx.now);
        let pod = &mut self.pods[p];
        if let Some(worker) = pod.workers.begin(ctx.now, job) {
            self.working += 1;
            ctx.after(span, Ev::Worked { pod: p as u8, worker, life: pod.life });
        }
    }

    /// Idle workers look for something to do: first the debt, then the queue, then old promises.
    fn kick(&mut self, p: usize, ctx: &mut Ctx<Ev>) {
        if self.is_stalled(ctx.now) || !self.pods[p].stage.serves() {
            return;
        }
        let mut dropped = core::mem::take(&mut self.scratch);
        while self.pods[p].workers.idle() > 0 {
            let pod = &mut self.pods[p];
            if pod.workers.debt() > Us::ZERO {
                let part = pod.workers.pay(self.s.service);
                self.occupy(p, None, part, ctx);
                continue;
            }
            let only = (pod.workers.idle() <= self.s.reserve).then_some(0);
            let next = pod.line.take(ctx.now, &self.s.rules, only, |job, why| dropped.push((job, why)));
            if next.is_some() {
                self.counts.queued -= 1;
            }
            let threw = !dropped.is_empty();
            for (job, why) in dropped.drain(..) {
                self.counts.queued -= 1;
                self.counts.dropped += 1;
                self.rates.dropped.add(ctx.now, 1);
                self.charge(p);
                match why {
                    Dropped::Delayed => self.attempt_failed(job, Why::Delayed, ctx),
                    Dropped::Expired => self.samples.end(ctx.now, &job, Fate::Refused),
                }
            }
            match next {
                Some(job) => self.begin(p, job, ctx),
                // What was thrown out has to be paid for before the worker may rest.
                None if threw && self.s.kappa > 0.0 => {}
                None if self.backlog > 0 && only.is_none() => {
                    self.backlog -= 1;
                    let id = (self.backlog_total - u64::from(self.backlog)) as u32;
                    self.begin(p, Job::new(id, NO_CLIENT, 1, LATER, ctx.now), ctx);
                }
                None => break,
            }
        }
        self.scratch = dropped;
    }

    /// If an event falls into an outage, it is put off by the outage's length.
    fn put_off(&self, event: Ev, ctx: &mut Ctx<Ev>) -> bool {
        let stalled = self.is_stalled(ctx.now);
        if stalled {
            ctx.after(self.stalled.1 - self.stalled.0, event);
        }
        stalled
    }

    fn alive(&self, pod: u8, life: u16) -> bool {
        self.pods[pod as usize].life == life
    }

    /// A worker has done its own part.
    fn work_done(&mut self, pod: u8, worker: u8, life: u16, ctx: &mut Ctx<Ev>) {
        if !self.alive(pod, life) || self.put_off(Ev::Worked { pod, worker, life }, ctx) {
            return;
        }
        let p = pod as usize;
        let Some(job) = self.pods[p].workers.job(worker) else {
            // Debt is paid.
            self.meter(ctx.now);
            self.working -= 1;
            self.pods[p].workers.end(ctx.now, worker);
            return self.after_work(p, ctx);
        };
        if self.s.db_share == 0.0 {
            return self.finish(p, worker, true, ctx);
        }
        if let Some(key) = self.key(&job) {
            self.rates.looks.add(ctx.now, 1);
            if self.cache.look(ctx.now, key) == Look::Fresh {
                self.rates.hits.add(ctx.now, 1);
                ctx.step(Tone::Ok, code::HIT, job.id, 0, 0);
                return self.finish(p, worker, true, ctx);
            }
        }
        self.ask_database(p, worker, ctx);
    }

    /// The key under which a cache could hold the answer, if one could.
    fn key(&self, job: &Job) -> Option<u32> {
        if self.s.cacheable == 0.0 {
            return None;
        }
        let bits = self.keys.at(u64::from(job.id) + 1);
        let cacheable = ((bits >> 40) as f64) < self.s.cacheable * 16_777_216.0;
        cacheable.then(|| (((bits & 0xffff_ffff) * u64::from(KEYS)) >> 32) as u32)
    }

    // --- database --------------------------------------------------------------------------------

    fn ask_database(&mut self, p: usize, worker: u8, ctx: &mut Ctx<Ev>) {
        let mut permit = Permit::default();
        if self.s.breaker {
            match self.breaker.ask(ctx.now) {
                Some(p) => permit = p,
                None => return self.database_failed(p, worker, None, ctx),
            }
        }
        if self.connections_busy < self.s.connections {
            self.connections_busy += 1;
            return self.query(p, worker, permit, ctx.now, ctx);
        }
        self.meter(ctx.now);
        self.working -= 1;
        self.asking.push_back(Asking { at: ctx.now, pod: p as u8, worker, permit });
        if !self.connection_timer {
            self.connection_timer = true;
            ctx.after(self.s.db_wait, Ev::NoConnection);
        }
    }

    /// A worker has its connection, for which it has asked at `asked`. If the answer will come too
    /// late, the worker goes at the timeout, but the database works on for nobody.
    fn query(&mut self, p: usize, worker: u8, permit: Permit, asked: Us, ctx: &mut Ctx<Ev>) {
        let Some(job) = self.pods[p].workers.job(worker) else {
            return;
        };
        // A slow pod is slow at its own work, not at the database's.
        let own = if self.pods[p].slow { self.slow_factor } else { 1.0 };
        // Reads are spread over the primary and its replicas; the fault slows one of them.
        let node = (self.pick.at(!u64::from(job.id)) >> 32) % self.s.nodes;
        let factor = if node == 0 { self.db_factor } else { 1.0 };
        let span = Us::from_us(self.demand(p, &job) / own * self.s.db_share * factor);
        let (pod, life) = (p as u8, self.pods[p].life);
        let timeout = asked + self.s.db_wait;
        let late = ctx.now + span > timeout;
        ctx.after(span, Ev::Queried { pod, worker, life, permit, late });
        if late {
            ctx.at(timeout, Ev::QueryTimeout { pod, worker, life, permit });
        }
    }

    /// A connection is free again, and its worker goes on if it still waits.
    fn query_done(&mut self, event: Ev, ctx: &mut Ctx<Ev>) {
        let Ev::Queried { pod, worker, life, permit, late } = event else {
            return;
        };
        let alive = self.alive(pod, life);
        if alive && !late && self.put_off(event, ctx) {
            return;
        }
        self.connections_busy -= 1;
        if let Some(next) = self.asking.pop_front() {
            self.connections_busy += 1;
            self.meter(ctx.now);
            self.working += 1;
            self.query(next.pod as usize, next.worker, next.permit, next.at, ctx);
        }
        if late {
            return;
        }
        self.tell_breaker(permit, true, ctx);
        if !alive {
            return;
        }
        let p = pod as usize;
        if let Some(key) = self.pods[p].workers.job(worker).and_then(|job| self.key(&job)) {
            self.cache.fill(ctx.now, key, self.s.ttl);
        }
        self.finish(p, worker, true, ctx);
    }

    fn query_timeout(&mut self, event: Ev, ctx: &mut Ctx<Ev>) {
        let Ev::QueryTimeout { pod, worker, life, permit } = event else {
            return;
        };
        if !self.alive(pod, life) {
            // The worker died; the breaker still has to hear about its call.
            return self.tell_breaker(permit, false, ctx);
        }
        if !self.put_off(event, ctx) {
            self.database_failed(pod as usize, worker, Some(permit), ctx);
        }
    }

    /// Workers at the head that have waited too long for a connection give up.
    fn no_connection(&mut self, ctx: &mut Ctx<Ev>) {
        while let Some(&a) = self.asking.front() {
            let end = a.at + self.s.db_wait;
            if end > ctx.now {
                return ctx.at(end, Ev::NoConnection);
            }
            self.asking.pop_front();
            self.meter(ctx.now);
            self.working += 1;
            self.database_failed(a.pod as usize, a.worker, Some(a.permit), ctx);
        }
        self.connection_timer = false;
    }

    fn tell_breaker(&mut self, permit: Permit, ok: bool, ctx: &mut Ctx<Ev>) {
        if !self.s.breaker {
            return;
        }
        if let Some(state) = self.breaker.tell(ctx.now, permit, ok) {
            let (tone, code) = match state {
                breaker::State::Open => (Tone::Rejected, code::BREAKER_OPEN),
                breaker::State::HalfOpen => (Tone::Waiting, code::BREAKER_CLOSED),
                breaker::State::Closed => (Tone::Ok, code::BREAKER_CLOSED),
            };
            ctx.log(tone, code, Line::NO_REQUEST, 0, 0);
            ctx.mix(state as u64);
        }
    }

    /// No answer from the database: an expired copy, if that is allowed and there is one, or 503.
    fn database_failed(&mut self, p: usize, worker: u8, permit: Option<Permit>, ctx: &mut Ctx<Ev>) {
        if let Some(permit) = permit {
            self.tell_breaker(permit, false, ctx);
        }
        let copy = self.s.stale
            && self.pods[p]
                .workers
                .job(worker)
                .is_some_and(|job| self.key(&job).is_some_and(|k| self.cache.look(ctx.now, k) != Look::Missing));
        if copy {
            self.counts.stale_served += 1;
            ctx.mix(u64::from(worker));
        }
        self.finish(p, worker, copy, ctx);
    }

    /// A worker is done with a request: with an answer, or with an error.
    fn finish(&mut self, p: usize, worker: u8, ok: bool, ctx: &mut Ctx<Ev>) {
        self.meter(ctx.now);
        self.working -= 1;
        let Some(job) = self.pods[p].workers.end(ctx.now, worker) else {
            return;
        };
        if job.class == LATER {
            self.counts.later_in_service -= 1;
            self.counts.later_done += 1;
            return self.after_work(p, ctx);
        }
        self.counts.in_service -= 1;
        if !ok {
            self.counts.errors += 1;
            self.attempt_failed(job, Why::Database, ctx);
        } else if self.awaited(&job) {
            self.counts.served += 1;
            self.samples.end(ctx.now, &job, Fate::Good);
            self.answered(job, ctx);
        } else {
            self.counts.served += 1;
            self.counts.wasted += 1;
            self.rates.wasted.add(ctx.now, 1);
            self.samples.end(ctx.now, &job, Fate::Wasted);
            ctx.step(Tone::Stale, code::WASTED, job.id, i64::from(job.attempt), 0);
        }
        self.after_work(p, ctx);
    }

    fn after_work(&mut self, p: usize, ctx: &mut Ctx<Ev>) {
        self.kick(p, ctx);
        let pod = &self.pods[p];
        if pod.stage == Stage::Stopping && pod.workers.busy() == 0 && pod.line.is_empty() {
            self.leave(p, Stage::Gone, ctx.now);
        }
    }

    // --- how many pods ---------------------------------------------------------------------------

    fn count(&self, stage: Stage) -> u32 {
        self.pods.iter().filter(|p| p.stage == stage).count() as u32
    }

    /// Pods that the deployment counts: ready or starting.
    fn replicas(&self) -> u32 {
        self.count(Stage::Ready) + self.count(Stage::Booting)
    }

    /// Changes a pod's stage and keeps the cost meter and the rotation in step.
    fn leave(&mut self, p: usize, to: Stage, now: Us) {
        self.paid_time += self.paid * now.since(self.paid_since).0;
        self.paid_since = now;
        let pod = &mut self.pods[p];
        pod.stage = to;
        pod.since = now;
        if to == Stage::Stopping || to == Stage::Gone {
            self.rotate(p, false);
        }
        self.paid = self.pods.iter().filter(|p| p.stage.costs()).count() as u64;
    }

    fn rotate(&mut self, p: usize, into: bool) {
        self.pods[p].in_rotation = into;
        self.rotation.retain(|r| *r != p as u8);
        if into {
            self.rotation.push(p as u8);
            self.rotation.sort_unstable();
        }
    }

    fn start_pod(&mut self, now: Us, ready_after: Option<Us>, ctx: Option<&mut Ctx<Ev>>) {
        let free = self.pods.iter().position(|p| p.stage == Stage::Gone);
        let p = match free {
            Some(p) => p,
            None if self.pods.len() < SLOTS_MAX => {
                self.pods.push(Pod {
                    stage: Stage::Gone,
                    life: 0,
                    since: now,
                    in_rotation: false,
                    checks_failed: 0,
                    slow: false,
                    line: Waiting::default(),
                    workers: Workers::new(self.s.workers),
                });
                self.pods.len() - 1
            }
            None => return,
        };
        let pod = &mut self.pods[p];
        pod.life = pod.life.wrapping_add(1);
        pod.workers = Workers::new(self.s.workers);
        (pod.checks_failed, pod.slow) = (0, false);
        let life = pod.life;
        match (ready_after, ctx) {
            (Some(after), Some(ctx)) => {
                self.leave(p, Stage::Booting, now);
                ctx.after(after, Ev::Ready { pod: p as u8, life });
            }
            _ => {
                self.leave(p, Stage::Ready, now);
                self.rotate(p, true);
            }
        }
    }

    fn pod_ready(&mut self, pod: u8, life: u16, ctx: &mut Ctx<Ev>) {
        let p = pod as usize;
        if !self.alive(pod, life) || self.pods[p].stage != Stage::Booting {
            return;
        }
        self.leave(p, Stage::Ready, ctx.now);
        self.rotate(p, true);
        ctx.mix(u64::from(pod));
        let (ready, booting) = (self.count(Stage::Ready), self.count(Stage::Booting));
        if booting == 0 || ready.is_multiple_of(10) {
            ctx.log(Tone::Ok, code::PODS_READY, Line::NO_REQUEST, i64::from(ready), i64::from(booting));
        }
        self.look_whether_passed(ctx);
        self.kick(p, ctx);
    }

    fn capacity(&self) -> f64 {
        f64::from(self.count(Stage::Ready)) * self.s.pod_capacity()
    }

    /// Notes when capacity first covers the spike.
    fn look_whether_passed(&mut self, ctx: &mut Ctx<Ev>) {
        if self.spiking && self.passed.is_none() && self.capacity() >= self.load.rate() {
            self.passed = Some(ctx.now);
            let after = ctx.now.since(self.spike_at);
            ctx.log(Tone::Ok, code::PASSED, Line::NO_REQUEST, after.0 as i64, self.capacity() as i64);
        }
    }

    /// A pod dies with all it holds.
    fn die(&mut self, p: usize, of: Death, ctx: &mut Ctx<Ev>) {
        self.meter(ctx.now);
        let mut lost = Vec::new();
        let pod = &mut self.pods[p];
        pod.life = pod.life.wrapping_add(1);
        let life = pod.life;
        pod.line.clear(|job| lost.push((job, false)));
        let busy = pod.workers.busy() as u64;
        pod.workers.clear(ctx.now, |job| lost.push((job, true)));
        let mut asked = Vec::new();
        self.asking.retain(|a| {
            let stays = a.pod as usize != p;
            if !stays {
                asked.push(a.permit);
            }
            stays
        });
        // Those who waited for a connection were not counted as working.
        self.working -= busy - asked.len() as u64;
        asked.into_iter().for_each(|permit| self.tell_breaker(permit, false, ctx));
        self.counts.killed += 1;
        let held = lost.len() as i64;
        if self.pods[p].stage == Stage::Stopping {
            self.leave(p, Stage::Gone, ctx.now);
        } else if of == Death::Memory {
            // The container starts again where it was.
            ctx.log(Tone::Fault, code::OUT_OF_MEMORY, Line::NO_REQUEST, p as i64 + 1, held);
            self.leave(p, Stage::Booting, ctx.now);
            ctx.after(self.s.ready, Ev::Ready { pod: p as u8, life });
        } else {
            ctx.log(Tone::Fault, code::KILLED, Line::NO_REQUEST, p as i64 + 1, held);
            self.leave(p, Stage::Dead, ctx.now);
            let ready = self.s.ready;
            self.start_pod(ctx.now, Some(ready), Some(ctx));
        }
        for (job, in_service) in lost {
            match (job.class, in_service) {
                // Promises are durable: another worker will keep this one.
                (LATER, _) => {
                    self.counts.later_in_service -= 1;
                    self.backlog += 1;
                    continue;
                }
                (_, true) => self.counts.in_service -= 1,
                (_, false) => self.counts.queued -= 1,
            }
            self.counts.lost += 1;
            self.attempt_failed(job, Why::Lost, ctx);
        }
    }

    /// Health checks: who may get requests.
    fn check(&mut self, ctx: &mut Ctx<Ev>) {
        ctx.after(self.s.check, Ev::Check);
        for p in 0..self.pods.len() {
            let pod = &self.pods[p];
            let oldest = pod.line.oldest().map_or(Us::ZERO, |job| ctx.now.since(job.at()));
            let healthy = pod.stage.serves() && (self.s.health != 1 || oldest < PROBE_PATIENCE);
            if self.s.health == 2 {
                let unnoticed = pod.in_rotation && !pod.stage.serves();
                if unnoticed && ctx.now.since(pod.since) >= NODE_GRACE {
                    self.take_out(p, ctx);
                }
                continue;
            }
            if healthy {
                self.pods[p].checks_failed = 0;
                if !self.pods[p].in_rotation && self.pods[p].stage == Stage::Ready {
                    self.rotate(p, true);
                    ctx.log(Tone::Ok, code::BACK, Line::NO_REQUEST, p as i64 + 1, 0);
                }
            } else if pod.in_rotation {
                self.pods[p].checks_failed += 1;
                if self.pods[p].checks_failed >= CHECKS_FAILED {
                    self.take_out(p, ctx);
                }
            }
        }
        let out = self.pods.iter().filter(|p| p.stage == Stage::Ready && !p.in_rotation).count();
        self.counts.ejected_max = self.counts.ejected_max.max(out as u64);
    }

    fn take_out(&mut self, p: usize, ctx: &mut Ctx<Ev>) {
        let busy = self.pods[p].stage.serves();
        self.rotate(p, false);
        ctx.log(Tone::Fault, code::TAKEN_OUT, Line::NO_REQUEST, p as i64 + 1, i64::from(busy));
        ctx.mix(p as u64);
        if self.pods[p].stage == Stage::Dead {
            self.leave(p, Stage::Gone, ctx.now);
        }
    }

    /// The end of a second.
    fn tick(&mut self, ctx: &mut Ctx<Ev>) {
        ctx.after(Us::s(1), Ev::Tick);
        self.meter(ctx.now);
        self.metrics.push_back((self.worked, self.counts.attempts));
        if self.metrics.len() > (self.s.lag.max(METRIC_WINDOW) + 1) as usize {
            self.metrics.pop_front();
        }
        self.counts.queue_max = self.counts.queue_max.max(self.counts.queued);
        let seconds = ctx.now.0 / 1_000_000;
        if self.s.autoscale && seconds.is_multiple_of(self.s.sync) && ctx.now >= self.blind_until {
            self.scale(ctx);
        }
        self.note_collapse(ctx);
        self.samples.pace(self.rates.attempts.per_s(ctx.now));
    }

    /// Says so in the log when most answers are lost, and when that is over.
    fn note_collapse(&mut self, ctx: &mut Ctx<Ev>) {
        let (good, offered) = (self.rates.good.per_s(ctx.now), self.rates.offered.per_s(ctx.now));
        let share = good / offered.max(1.0);
        let busy = self.count(Stage::Ready) == 0 || self.counts.queued > 0;
        if !self.collapsed && share < 0.5 && offered > 1.0 && busy {
            self.collapsed = true;
            ctx.log(Tone::Rejected, code::COLLAPSED, Line::NO_REQUEST, good as i64, offered as i64);
        } else if self.collapsed && share > 0.9 {
            self.collapsed = false;
            ctx.log(Tone::Ok, code::RECOVERED, Line::NO_REQUEST, good as i64, offered as i64);
        }
    }

    /// One look of the autoscaler at metrics that are `lag` seconds old.
    fn scale(&mut self, ctx: &mut Ctx<Ev>) {
        let lag = self.s.lag as usize;
        let n = self.metrics.len();
        if n <= lag {
            return;
        }
        let old = self.metrics[n - 1 - lag];
        let new = self.metrics[n - 1 - lag + METRIC_WINDOW as usize];
        let window_us = METRIC_WINDOW as f64 * 1e6;
        let ready = self.count(Stage::Ready);
        // Both metrics as shares of what a pod can do, so that one target serves for both.
        let sum = if self.s.on_requests {
            (new.1 - old.1) as f64 / METRIC_WINDOW as f64 / self.s.pod_capacity()
        } else {
            // Pods that died within the window must not make the others look more than busy.
            ((new.0 - old.0) as f64 / window_us / f64::from(self.s.workers)).min(f64::from(ready))
        };
        let seen = autoscaler::Seen { ready, sum, unready: self.count(Stage::Booting), missing: 0 };
        let rules = autoscaler::Rules {
            target: self.s.target,
            full: 1.0,
            tolerance: self.s.tolerance,
            replicas_min: self.s.pods,
            replicas_max: self.s.pods_max.max(self.s.pods),
        };
        let current = self.replicas();
        let wanted = self.autoscaler.sync(ctx.now, current, &seen, &rules);
        if wanted == current {
            return;
        }
        ctx.mix(u64::from(wanted));
        let percent = (sum / f64::from(ready.max(1)) * 100.0 + 0.5) as i64;
        let step = i64::from(current) << 32 | i64::from(wanted);
        ctx.log(Tone::Info, code::SCALED, Line::NO_REQUEST, step, percent);
        if self.steps.len() < 1_000 {
            self.steps.push((ctx.now, wanted as u16));
        }
        for _ in current..wanted {
            let ready = self.s.ready;
            self.start_pod(ctx.now, Some(ready), Some(ctx));
        }
        for _ in wanted..current {
            self.stop_one(ctx);
        }
    }

    /// The newest that is still starting goes first, then the newest that is ready.
    fn stop_one(&mut self, ctx: &mut Ctx<Ev>) {
        let last = |stage| self.pods.iter().rposition(|p| p.stage == stage);
        if let Some(p) = last(Stage::Booting) {
            self.pods[p].life = self.pods[p].life.wrapping_add(1);
            self.leave(p, Stage::Gone, ctx.now);
        } else if let Some(p) = last(Stage::Ready) {
            self.leave(p, Stage::Stopping, ctx.now);
            self.after_work(p, ctx);
        }
    }

    // --- what happens to all of it ---------------------------------------------------------------

    fn set_rate(&mut self, rate: f64, ctx: &mut Ctx<Ev>) {
        self.load.set_rate(ctx.now, rate);
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
            requests: Vec::new(),
            free: Vec::new(),
            deadlines: VecDeque::new(),
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
            asking: VecDeque::new(),
            connection_timer: false,
            db_factor: 1.0,
            backlog: 0,
            backlog_total: 0,
            autoscaler: Autoscaler::default(),
            blind_until: Us::ZERO,
            metrics: VecDeque::from([(0, 0)]),
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
            seconds: Vec::new(),
            steps: vec![(Us::ZERO, s.pods as u16)],
            passed: None,
            trouble_end: Us::ZERO,
            collapsed: false,
            samples: Samples::default(),
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
        ctx.log(
            Tone::Info,
            code::KNOB,
            Line::NO_REQUEST,
            i64::from(which),
            (knobs.get(which as usize) * 1_000.0) as i64,
        );
        for p in 0..self.pods.len() {
            self.kick(p, ctx);
        }
    }

    fn number(&self, which: u8, now: Us) -> Option<f64> {
        self.read_number(which as usize, now)
    }
    fn measure(&self, which: u8, args: &[f64], now: Us) -> Option<f64> {
        self.read_measure(which as usize, args, now)
    }

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
            + self.requests.len() * core::mem::size_of::<Request>()
            + self.free.len() * 4
            + self.deadlines.len() * core::mem::size_of::<Job>()
            + pods
            + self.cache.weight()
            + self.asking.len() * core::mem::size_of::<Asking>()
            + self.autoscaler.weight()
            + self.metrics.len() * 16
            + self.latency.weight()
            + self.seconds.len() * core::mem::size_of::<Second>()
            + self.steps.len() * 16
            + self.samples.weight()
    }

    fn tell(line: &Line) -> String {
        words::tell(line)
    }
    fn words(&self, now: Us) -> Vec<(String, String)> {
        self.in_words(now)
    }

    fn visible(event: &Ev) -> bool {
        !matches!(event, Ev::Tick | Ev::Check | Ev::Patience | Ev::NoConnection)
    }
}
