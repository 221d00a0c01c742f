//! How services talk: a call lends a worker to somebody else's bad day, a message does not.
//!
//! ```text
//!   callers --> gateway --> Orders: [ line ] ( workers ) --call--> Payment
//!      ^ patience   ^ retries                     |  breaker, bulkhead, retries, timeout
//!                                                 '-message--> [ broker ] --> ( consumers ) --> Payment
//! ```
//!
//! Two endpoints share the workers of Orders: *checkout* needs Payment, *order list* never does. What
//! becomes of the second while Payment is slow is the question.
//!
//! Payment itself is a delay without a limit of its own: what is watched here is the side that calls.

mod behind;
mod calls;
mod declare;
mod look;
mod words;

pub use declare::{QUESTION, READ, TOLD, act, knob, measure, number};
pub use look::{Doing, Endpoint, WorkerView};

use crate::blocks::breaker::{Breaker, Permit, Thresholds, Window};
use crate::blocks::bulkhead::Bulkhead;
use crate::blocks::codec;
use crate::blocks::load::Load;
use crate::blocks::retry::{Backoff, Budget, Jitter, LAYERS_MAX, Layers, Retry, Throttle};
use crate::blocks::server::{Job, Law, Line as Waiting, Offer, Rules};
use crate::declare::{Knobs, Tone};
use crate::deque::Deque;
use crate::kernel::{Ctx, Line, Model, Setup, Stream, Tape, Trace, Us};
use crate::look::{Fate, Samples, Seconds};
use crate::measure::series::{Meters, Recent};
use crate::slab::Slab;
use behind::Behind;
use words::code;

/// Unused retry allowance is kept up to this many retries.
const BUDGET_SAVED: u64 = 10;
/// A refused connection comes back after this long.
const REFUSED_AFTER: Us = Us::ms(1);
/// What a sidecar adds to a hop, each way.
const SIDECAR: Us = Us::ms(1);
/// What Hystrix brings with its breaker.
const HYSTRIX_TIMEOUT: Us = Us::s(1);
const HYSTRIX_THREADS: u32 = 10;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ev {
    Arrive(u16),
    /// The request of this caller has come to Orders.
    Reach(u32),
    /// Orders' answer has come back to the gateway.
    Answer(u32, Ending),
    /// The gateway tries again.
    Send(u32),
    /// The patience of the callers at the head of the queue of deadlines.
    Patience,
    /// A worker is done with its own part, or its next attempt is due.
    Own {
        worker: u16,
        step: u32,
    },
    Attempt {
        worker: u16,
        step: u32,
    },
    /// Payment's answer to a worker that waits for it.
    Called {
        worker: u16,
        step: u32,
        ok: bool,
    },
    /// A worker waits no longer.
    TimedOut {
        worker: u16,
        step: u32,
    },
    /// Payment is done with a call that nobody waits for.
    Abandoned,
    /// A consumer is done with its message, or looks for one.
    Handled {
        consumer: u8,
        life: u16,
        ok: bool,
    },
    Look {
        consumer: u8,
        life: u16,
    },
    /// A message may be visible again.
    Visible,
    /// A crashed consumer's session ends, and it is back.
    Expelled {
        consumer: u8,
        life: u16,
    },
    Back {
        consumer: u8,
        life: u16,
    },
    Fault,
    FaultOver(u16),
    SpikeOver(u16),
    Tick,
}

impl Trace for Ev {
    #[inline(always)]
    fn word(&self) -> u64 {
        let at = |kind: u64, who: u64, step: u64| kind | who << 8 | step << 32;
        match *self {
            Ev::Arrive(g) => at(1, u64::from(g), 0),
            Ev::Reach(slot) => at(2, u64::from(slot), 0),
            Ev::Answer(slot, ending) => at(3, u64::from(slot), ending.word()),
            Ev::Send(slot) => at(4, u64::from(slot), 0),
            Ev::Patience => 5,
            Ev::Own { worker, step } => at(6, u64::from(worker), u64::from(step)),
            Ev::Attempt { worker, step } => at(7, u64::from(worker), u64::from(step)),
            Ev::Called { worker, step, ok } => at(8 + u64::from(ok), u64::from(worker), u64::from(step)),
            Ev::TimedOut { worker, step } => at(10, u64::from(worker), u64::from(step)),
            Ev::Abandoned => 11,
            Ev::Handled { consumer, life, ok } => at(12 + u64::from(ok), u64::from(consumer), u64::from(life)),
            Ev::Look { consumer, life } => at(14, u64::from(consumer), u64::from(life)),
            Ev::Visible => 15,
            Ev::Expelled { consumer, life } => at(16, u64::from(consumer), u64::from(life)),
            Ev::Back { consumer, life } => at(17, u64::from(consumer), u64::from(life)),
            Ev::Fault => 18,
            Ev::FaultOver(n) => at(19, u64::from(n), 0),
            Ev::SpikeOver(n) => at(20, u64::from(n), 0),
            Ev::Tick => 21,
        }
    }
}

/// How an attempt at Orders ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    Done,
    /// With the fallback value.
    StandIn,
    /// 202: a message is with the broker.
    Accepted,
    Failed(Why),
}

impl Ending {
    fn word(self) -> u64 {
        match self {
            Ending::Done => 0,
            Ending::StandIn => 1,
            Ending::Accepted => 2,
            Ending::Failed(why) => 3 + why as u64,
        }
    }
}

/// Why a call or an attempt came to nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// No answer within the call timeout.
    Timeout,
    /// Payment refused the connection.
    Down,
    /// The breaker was open, or half open with all probes out.
    Open,
    /// The bulkhead was full.
    Bulkhead,
    /// The client throttled itself.
    Throttled,
    /// The caller's deadline had passed.
    Deadline,
    /// The line of Orders was full.
    Full,
    /// The broker had no room.
    Broker,
    /// Orders was restarted.
    Lost,
}

/// What Payment does with a new call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Health {
    Well,
    Slow(Us),
    Down,
    Hung,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    Sync,
    Queue,
    Log,
}

/// The knobs, in the units the model computes with.
#[derive(Clone, Copy, Debug)]
struct Settings {
    rate: f64,
    needs: f64,
    patience: Us,
    workers: usize,
    rules: Rules,
    own: Us,
    law: Law,
    payment: Us,
    slow: Us,
    fault_at: Us,
    fault_for: Us,
    timeout: Option<Us>,
    thresholds: Option<Thresholds>,
    bulkhead: u32,
    attempts: u8,
    layers: usize,
    retry: Retry,
    budget: Option<f64>,
    throttle: bool,
    deadline: bool,
    fallback: bool,
    mesh: bool,
    mode: Mode,
    /// The message as protobuf and as JSON, and which of them is sent.
    sizes: [u32; 2],
    protobuf: bool,
    bandwidth: f64,
}

impl Settings {
    fn read(k: &Knobs) -> Settings {
        let patience = k.ms(knob::PATIENCE);
        let some = |span: Us| (span > Us::ZERO).then_some(span);
        let own = Thresholds {
            window: Window::Calls(k.int(knob::WINDOW) as u8),
            calls_min: k.int(knob::CALLS_MIN) as u8,
            failures: k.share(knob::FAILURES),
            slow_after: k.ms(knob::SLOW_AFTER),
            slow: k.share(knob::SLOW_SHARE),
            open_for: k.s(knob::OPEN_FOR),
            probes: k.int(knob::PROBES) as u8,
            half_open_max: k.s(knob::HALF_OPEN),
        };
        let breaker = k.choice(knob::BREAKER);
        let hystrix = breaker == 2;
        let bulkhead = k.int(knob::BULKHEAD) as u32;
        let budget = k.share(knob::BUDGET);
        let mesh = k.on(knob::MESH);
        Settings {
            rate: k.get(knob::RATE),
            needs: k.share(knob::NEEDS),
            patience,
            workers: k.int(knob::WORKERS) as usize,
            rules: Rules {
                bound: k.int(knob::ROOM) as u32,
                expire: k.on(knob::EXPIRE).then_some(patience),
                ..Rules::default()
            },
            own: k.ms(knob::OWN),
            law: [Law::Exponential, Law::Fixed][k.choice(knob::LAW)],
            payment: k.ms(knob::PAYMENT),
            slow: k.s(knob::SLOW),
            fault_at: k.s(knob::FAULT_AT),
            fault_for: k.s(knob::FAULT_FOR),
            timeout: some(k.ms(knob::TIMEOUT)).or(hystrix.then_some(HYSTRIX_TIMEOUT)),
            thresholds: [None, Some(Thresholds::RESILIENCE4J), Some(Thresholds::HYSTRIX), Some(own)][breaker],
            bulkhead: if hystrix && bulkhead == 0 { HYSTRIX_THREADS } else { bulkhead },
            attempts: k.choice(knob::ATTEMPTS) as u8 + 1,
            layers: k.int(knob::LAYERS) as usize,
            retry: Retry {
                attempts: k.choice(knob::ATTEMPTS) as u8 + 1,
                backoff: [Backoff::None, Backoff::Fixed, Backoff::Exponential][k.choice(knob::BACKOFF)],
                jitter: if k.choice(knob::BACKOFF) == 2 { Jitter::Full } else { Jitter::None },
                base: k.ms(knob::BASE),
                cap: Us::s(2),
            },
            budget: (budget > 0.0).then_some(budget),
            throttle: k.on(knob::THROTTLE),
            deadline: k.on(knob::DEADLINE),
            fallback: k.on(knob::FALLBACK),
            mesh,
            mode: [Mode::Sync, Mode::Queue, Mode::Log][k.choice(knob::MODE)],
            sizes: sizes(k.int(knob::ITEMS), k.int(knob::TEXT)),
            protobuf: k.choice(knob::FORMAT) == 1,
            bandwidth: k.get(knob::BANDWIDTH),
        }
    }

    fn bytes(&self) -> u32 {
        self.sizes[usize::from(!self.protobuf)]
    }
    /// From one service to the next: the bytes, and the sidecars on both ends.
    fn there(&self) -> Us {
        Us::from_us(f64::from(self.bytes()) * 8.0 / self.bandwidth) + self.back()
    }
    /// And back: an answer is short.
    fn back(&self) -> Us {
        if self.mesh { SIDECAR } else { Us::ZERO }
    }
    /// Layers that retry inside Orders: all but the gateway's.
    fn layers_inside(&self) -> usize {
        self.layers.max(2) - 1
    }
    fn gateway_retries(&self) -> bool {
        self.layers > 1
    }
}

/// The message's bytes as protobuf and as JSON.
fn sizes(items: u64, text: u64) -> [u32; 2] {
    if text > 0 {
        let comment = codec::Comment::example(text as usize);
        [comment.protobuf().len() as u32, comment.json().len() as u32]
    } else {
        let order = codec::Order::example(items);
        [order.protobuf().len() as u32, order.json().len() as u32]
    }
}

/// A caller's request, as the gateway keeps it.
#[derive(Clone, Copy, Debug)]
struct Caller {
    id: u32,
    at: Us,
    checkout: bool,
    /// The attempt of the gateway's that is under way or that failed last.
    attempt: u8,
    /// Has neither an answer nor left.
    waits: bool,
    /// An attempt is under way, or the next one is due.
    busy: bool,
}

/// A worker of Orders. Everything scheduled for it names the step it was scheduled in.
#[derive(Clone, Copy, Debug)]
struct Worker {
    doing: Doing,
    job: Job,
    step: u32,
    layers: Layers,
    permit: Option<Permit>,
    /// When the present call began.
    called: Us,
    since: Us,
}

/// Totals of the requests that arrived in a second, and of what else happened in it.
#[derive(Clone, Copy, Debug, Default)]
struct Second {
    arrived: [u32; 2],
    good: [u32; 2],
    /// Sum of the times to a good answer, in ms.
    ms: [f32; 2],
    calls: u32,
}

/// What the meters count.
mod meter {
    pub const ARRIVED: usize = 0;
    /// By endpoint, list first.
    pub const GOOD: usize = 2;
    pub const BAD: usize = 4;
    pub const CALLS: usize = 6;
    pub const NOT_MADE: usize = 7;
    pub const TIMEOUTS: usize = 8;
    pub const STAND_INS: usize = 9;
    pub const CONSUMED: usize = 10;
    pub const PUBLISHED: usize = 11;
    pub const COUNT: usize = 12;
}

#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    // Requests of callers.
    arrivals: u64,
    answered: u64,
    stand_ins: u64,
    accepted: u64,
    failed: u64,
    left: u64,
    waiting: u64,
    checkouts: u64,
    // Attempts at Orders.
    attempts: u64,
    retries: u64,
    under_way: u64,
    refused: u64,
    expired: u64,
    lost: u64,
    ended: u64,
    // Calls to Payment.
    calls: u64,
    called_ok: u64,
    called_down: u64,
    timed_out: u64,
    calls_lost: u64,
    calls_open: u64,
    not_made: u64,
    calls_while_open: u64,
    busy_max: u64,
}

#[derive(Clone)]
pub struct Services {
    s: Settings,
    demands: Stream,
    kinds: Stream,
    keys: Stream,
    jitter: Stream,
    throttling: Stream,
    load: Load,
    spike_over: Option<Us>,
    spikes: u16,
    health: Health,
    faults: u16,

    callers: Slab<Caller>,
    /// (deadline, slot, id), in the order in which they arrived.
    deadlines: Deque<(Us, u32, u32)>,
    line: Waiting,
    workers: Vec<Worker>,
    idle: Vec<u16>,
    steps: u32,

    breaker: Option<Breaker>,
    bulkhead: Bulkhead,
    budgets: [Budget; LAYERS_MAX],
    throttle: Throttle,
    /// Calls that Payment works on; hung ones apart.
    running: u32,
    hung: u32,

    behind: Behind,

    counts: Counts,
    meters: Meters<{ meter::COUNT }>,
    latency: Recent,
    seconds: Seconds<Second>,
    /// Openings of the breaker: the first, the last, how many; and its last closing.
    opened: (Option<Us>, Us, u32),
    closed: Option<Us>,
    suffering: bool,
    samples: Samples<Endpoint>,
    dropped: Vec<Job>,
}

impl Services {
    fn budgets(s: &Settings) -> [Budget; LAYERS_MAX] {
        [Budget::new(s.budget.unwrap_or(1.0), BUDGET_SAVED); LAYERS_MAX]
    }

    /// One that remembers nothing; calls that are under way are none of its business.
    fn new_breaker(&mut self) {
        self.breaker = self.s.thresholds.map(Breaker::new);
        self.workers.iter_mut().for_each(|w| w.permit = None);
    }

    fn schedule_arrival(&self, ctx: &mut Ctx<Ev>) {
        if let Some(at) = self.load.due() {
            ctx.at(at, Ev::Arrive(self.load.generation as u16));
        }
    }

    fn set_rate(&mut self, rate: f64, ctx: &mut Ctx<Ev>) {
        self.load.set_rate(ctx.now, rate);
        self.samples.pace(rate);
        self.schedule_arrival(ctx);
    }

    fn arrive(&mut self, ctx: &mut Ctx<Ev>) {
        let index = self.load.arrive(ctx.now);
        self.schedule_arrival(ctx);
        let checkout = self.kinds.at(index) as f64 / u64::MAX as f64 <= self.s.needs && self.s.needs > 0.0;
        let id = index as u32;
        let caller = Caller { id, at: ctx.now, checkout, attempt: 1, waits: true, busy: true };
        let slot = self.callers.insert(caller);
        let c = &mut self.counts;
        (c.arrivals, c.waiting, c.checkouts) = (c.arrivals + 1, c.waiting + 1, c.checkouts + u64::from(checkout));
        let kind = usize::from(checkout);
        self.meters.turn(ctx.now);
        self.meters.add(meter::ARRIVED + kind, 1);
        self.seconds.at(ctx.now).arrived[kind] += 1;
        if self.deadlines.is_empty() {
            ctx.after(self.s.patience, Ev::Patience);
        }
        self.deadlines.push_back((ctx.now + self.s.patience, slot, id));
        self.samples.begin(ctx.now, id, 1, if checkout { Endpoint::Checkout } else { Endpoint::List });
        ctx.step(Tone::Info, code::ARRIVED, id, i64::from(checkout), 0);
        if self.s.budget.is_some() {
            self.budgets[LAYERS_MAX - 1].first_attempt();
        }
        self.send(slot, ctx);
    }

    /// The gateway sends its attempt.
    fn send(&mut self, slot: u32, ctx: &mut Ctx<Ev>) {
        self.counts.attempts += 1;
        self.counts.under_way += 1;
        ctx.after(self.s.there(), Ev::Reach(slot));
    }

    fn reach(&mut self, slot: u32, ctx: &mut Ctx<Ev>) {
        self.counts.under_way -= 1;
        let caller = self.callers[slot as usize];
        let job = Job::new(caller.id, slot, caller.attempt, u8::from(caller.checkout), caller.at);
        if self.line.offer(ctx.now, job, &self.s.rules) == Offer::Refused {
            self.counts.refused += 1;
            self.answer(slot, Ending::Failed(Why::Full), ctx);
            return;
        }
        if self.idle.is_empty() {
            ctx.step(Tone::Waiting, code::QUEUED, caller.id, self.line.len() as i64, 0);
        }
        self.kick(ctx);
    }

    /// Idle workers take what waits.
    fn kick(&mut self, ctx: &mut Ctx<Ev>) {
        while !self.idle.is_empty() && !self.line.is_empty() {
            let mut dropped = core::mem::take(&mut self.dropped);
            let job = self.line.take(ctx.now, &self.s.rules, None, |job, _| dropped.push(job));
            for job in dropped.drain(..) {
                self.counts.expired += 1;
                ctx.mix(u64::from(job.id));
                ctx.step(Tone::Rejected, code::EXPIRED, job.id, 0, 0);
                // Its caller has left, so nobody tries again.
                self.release(job.slot);
            }
            self.dropped = dropped;
            let (Some(job), Some(&worker)) = (job, self.idle.last()) else { continue };
            self.idle.pop();
            self.begin(worker, job, ctx);
        }
    }

    fn begin(&mut self, worker: u16, job: Job, ctx: &mut Ctx<Ev>) {
        ctx.step(Tone::Info, code::BEGUN, job.id, ctx.now.since(job.at()).0 as i64, i64::from(worker));
        let step = self.step(worker, Doing::Own, ctx.now);
        let w = &mut self.workers[usize::from(worker)];
        (w.job, w.layers) = (job, Layers::new(self.s.layers_inside()));
        // The same request is as heavy on both sides of an A|B, and in every attempt.
        let demand = self.s.law.demand(self.demands.at(u64::from(job.id) + 1), self.s.own);
        ctx.after(demand, Ev::Own { worker, step });
    }

    /// What was scheduled for this worker before is void from now on.
    fn step(&mut self, worker: u16, doing: Doing, now: Us) -> u32 {
        self.steps = self.steps.wrapping_add(1);
        let w = &mut self.workers[usize::from(worker)];
        if w.doing != doing {
            w.since = now;
        }
        (w.doing, w.step) = (doing, self.steps);
        self.steps
    }

    fn is_at(&self, worker: u16, step: u32) -> bool {
        self.workers[usize::from(worker)].step == step
    }

    /// A worker is done with its own part.
    fn own_done(&mut self, worker: u16, ctx: &mut Ctx<Ev>) {
        let job = self.workers[usize::from(worker)].job;
        if job.class == 0 {
            return self.finish(worker, Ending::Done, ctx);
        }
        if self.s.mode != Mode::Sync {
            let key = self.keys.at(u64::from(job.id));
            let ending = if self.publish(job.id, key, ctx) { Ending::Accepted } else { Ending::Failed(Why::Broker) };
            return self.finish(worker, ending, ctx);
        }
        self.earn(self.s.layers_inside());
        self.call(worker, ctx);
    }

    /// The worker answers and is free.
    fn finish(&mut self, worker: u16, ending: Ending, ctx: &mut Ctx<Ev>) {
        let slot = self.workers[usize::from(worker)].job.slot;
        self.counts.ended += 1;
        self.step(worker, Doing::Idle, ctx.now);
        self.idle.push(worker);
        self.answer(slot, ending, ctx);
        self.kick(ctx);
    }

    fn answer(&mut self, slot: u32, ending: Ending, ctx: &mut Ctx<Ev>) {
        ctx.after(self.s.back(), Ev::Answer(slot, ending));
    }

    /// An answer has come back to the gateway.
    fn answered(&mut self, slot: u32, ending: Ending, ctx: &mut Ctx<Ev>) {
        let caller = self.callers[slot as usize];
        ctx.mix(u64::from(caller.id) << 8 | ending.word());
        if let Ending::Failed(why) = ending {
            ctx.bad();
            ctx.step(Tone::Rejected, code::ATTEMPT_FAILED, caller.id, i64::from(caller.attempt), why as i64);
            if !self.try_again(slot, ctx) {
                if caller.waits {
                    self.counts.failed += 1;
                    self.decide(slot, false, fate(why), ctx);
                    ctx.step(Tone::Rejected, code::GAVE_UP, caller.id, why as i64, 0);
                }
                self.release(slot);
            }
            return;
        }
        let took = ctx.now.since(caller.at);
        if caller.waits {
            let c = &mut self.counts;
            let fate = match ending {
                Ending::StandIn => {
                    c.stand_ins += 1;
                    self.meters.turn(ctx.now);
                    self.meters.add(meter::STAND_INS, 1);
                    Fate::Stale
                }
                Ending::Accepted => {
                    c.accepted += 1;
                    Fate::Later
                }
                _ => {
                    c.answered += 1;
                    Fate::Good
                }
            };
            self.latency.add(ctx.now, took);
            let second = self.seconds.at(caller.at);
            second.good[usize::from(caller.checkout)] += 1;
            second.ms[usize::from(caller.checkout)] += took.as_ms() as f32;
            self.decide(slot, true, fate, ctx);
            ctx.step(Tone::Ok, code::ANSWERED, caller.id, took.0 as i64, ending.word() as i64);
        } else {
            ctx.step(Tone::Rejected, code::TOO_LATE, caller.id, took.0 as i64, 0);
        }
        self.release(slot);
    }

    /// Whether the gateway makes another attempt.
    fn try_again(&mut self, slot: u32, ctx: &mut Ctx<Ev>) -> bool {
        let caller = self.callers[slot as usize];
        let wants = self.s.gateway_retries() && caller.attempt < self.s.attempts;
        let for_somebody = caller.waits || !self.s.deadline;
        if !wants || !for_somebody || !self.may_retry(LAYERS_MAX - 1) {
            return false;
        }
        let wait = self.s.retry.wait(caller.attempt, Us::ZERO, self.jitter.unit());
        self.callers[slot as usize].attempt += 1;
        self.counts.retries += 1;
        ctx.step(Tone::Waiting, code::GATEWAY_AGAIN, caller.id, wait.0 as i64, i64::from(caller.attempt) + 1);
        ctx.after(wait, Ev::Send(slot));
        true
    }

    /// The caller knows how it ended.
    fn decide(&mut self, slot: u32, good: bool, fate: Fate, ctx: &mut Ctx<Ev>) {
        let caller = &mut self.callers[slot as usize];
        caller.waits = false;
        self.counts.waiting -= 1;
        let kind = usize::from(caller.checkout);
        self.meters.turn(ctx.now);
        self.meters.add(if good { meter::GOOD } else { meter::BAD } + kind, 1);
        self.samples.end(ctx.now, caller.id, 1, fate);
    }

    /// Nothing is under way for this caller any more, and it waits no longer.
    fn release(&mut self, slot: u32) {
        let caller = &mut self.callers[slot as usize];
        caller.busy = false;
        if caller.waits {
            // Dropped at the very moment of its deadline: the deadline's own event decides it.
            return;
        }
        self.callers.release(slot);
    }

    fn patience_ends(&mut self, ctx: &mut Ctx<Ev>) {
        while let Some(&(at, slot, id)) = self.deadlines.front() {
            if at > ctx.now {
                ctx.at(at, Ev::Patience);
                return;
            }
            self.deadlines.pop_front();
            let caller = self.callers[slot as usize];
            if caller.id != id || !caller.waits {
                continue;
            }
            self.counts.left += 1;
            ctx.bad();
            ctx.mix(u64::from(id));
            ctx.step(Tone::Rejected, code::LEFT, id, self.s.patience.0 as i64, 0);
            self.decide(slot, false, Fate::Left, ctx);
            if !caller.busy {
                self.callers.release(slot);
            }
        }
    }

    fn spike(&mut self, times: f64, span: Us, ctx: &mut Ctx<Ev>) {
        self.spikes += 1;
        self.spike_over = None;
        ctx.log(Tone::Fault, code::SPIKE, Line::NO_REQUEST, (self.s.rate * times) as i64, self.s.rate as i64);
        self.set_rate(self.s.rate * times, ctx);
        ctx.after(span, Ev::SpikeOver(self.spikes));
    }

    /// Payment is slow for as long as set.
    fn bad_day(&mut self, ctx: &mut Ctx<Ev>) {
        let slow = if self.s.slow > Us::ZERO { self.s.slow } else { Us::s(5) };
        self.sicken(Health::Slow(slow), ctx);
        ctx.after(self.s.fault_for, Ev::FaultOver(self.faults));
    }

    /// Orders starts anew. Callers see a reset connection.
    fn restart(&mut self, ctx: &mut Ctx<Ev>) {
        let mut lost: Vec<Job> = Vec::new();
        self.line.clear(|job| lost.push(job));
        for worker in 0..self.workers.len() as u16 {
            let w = self.workers[usize::from(worker)];
            if w.doing == Doing::Idle {
                continue;
            }
            if w.doing == Doing::Payment {
                self.counts.calls_open -= 1;
                self.counts.calls_lost += 1;
            }
            lost.push(w.job);
            self.step(worker, Doing::Idle, ctx.now);
            self.idle.push(worker);
        }
        self.bulkhead.clear();
        self.new_breaker();
        (self.budgets, self.throttle) = (Self::budgets(&self.s), Throttle::new(Throttle::K));
        self.hung = 0;
        ctx.log(Tone::Fault, code::RESTARTED, Line::NO_REQUEST, lost.len() as i64, 0);
        for job in lost {
            self.counts.lost += 1;
            self.answer(job.slot, Ending::Failed(Why::Lost), ctx);
        }
    }

    fn tick(&mut self, ctx: &mut Ctx<Ev>) {
        ctx.after(Us::s(1), Ev::Tick);
        // A row for this second, whether or not anything happened in it.
        self.seconds.at(ctx.now);
        let busy = (self.workers.len() - self.idle.len()) as u64;
        self.counts.busy_max = self.counts.busy_max.max(busy);
        self.watch_backlog(ctx.now);
        let share = self.share(0, ctx.now);
        if let Some(share) = share.filter(|share| if self.suffering { *share > 95.0 } else { *share < 50.0 }) {
            self.suffering = !self.suffering;
            let (tone, code) =
                if self.suffering { (Tone::Rejected, code::BYSTANDER) } else { (Tone::Ok, code::BYSTANDER_WELL) };
            ctx.log(tone, code, Line::NO_REQUEST, (share + 0.5) as i64, busy as i64);
        }
    }
}

fn fate(why: Why) -> Fate {
    match why {
        Why::Lost => Fate::Lost,
        Why::Full | Why::Broker => Fate::Refused,
        _ => Fate::Failed,
    }
}

impl Model for Services {
    type Event = Ev;

    fn new(setup: &Setup) -> Services {
        let s = Settings::read(setup.knobs);
        let tape = Tape::new(setup.seed);
        let even = setup.knobs.choice(knob::ARRIVALS) == 1;
        let worker = Worker {
            doing: Doing::Idle,
            job: Job::new(0, 0, 0, 0, Us::ZERO),
            step: 0,
            layers: Layers::new(1),
            permit: None,
            called: Us::ZERO,
            since: Us::ZERO,
        };
        let mut samples = Samples::new(40.0, 160);
        samples.pace(s.rate);
        Services {
            demands: tape.purpose("service"),
            kinds: tape.purpose("class"),
            keys: tape.purpose("key"),
            jitter: Stream::new(setup.seed, "retry", "jitter", 0),
            throttling: Stream::new(setup.seed, "throttle", "drop", 0),
            load: if even { Load::even(tape, s.rate) } else { Load::new(tape, s.rate) },
            spike_over: None,
            spikes: 0,
            health: Health::Well,
            faults: 0,
            callers: Slab::default(),
            deadlines: Deque::new(),
            line: Waiting::default(),
            workers: vec![worker; s.workers],
            // The first worker is on top.
            idle: (0..s.workers as u16).rev().collect(),
            steps: 0,
            breaker: s.thresholds.map(Breaker::new),
            bulkhead: Bulkhead::new(s.bulkhead),
            budgets: Services::budgets(&s),
            throttle: Throttle::new(Throttle::K),
            running: 0,
            hung: 0,
            behind: Behind::new(s.mode, setup.knobs),
            counts: Counts::default(),
            meters: Meters::new(Us::s(5)),
            latency: Recent::new(Us::s(30), 6),
            seconds: Seconds::new(3_600),
            opened: (None, Us::ZERO, 0),
            closed: None,
            suffering: false,
            samples,
            dropped: Vec::new(),
            s,
        }
    }

    fn start(&mut self, ctx: &mut Ctx<Ev>) {
        self.schedule_arrival(ctx);
        if self.s.slow > Us::ZERO {
            ctx.at(self.s.fault_at, Ev::Fault);
        }
        ctx.after(Us::s(1), Ev::Tick);
    }

    #[inline]
    fn on(&mut self, event: Ev, ctx: &mut Ctx<Ev>) {
        match event {
            Ev::Arrive(generation) if generation == self.load.generation as u16 => self.arrive(ctx),
            Ev::Arrive(_) => {}
            Ev::Reach(slot) => self.reach(slot, ctx),
            Ev::Answer(slot, ending) => self.answered(slot, ending, ctx),
            Ev::Send(slot) => self.send(slot, ctx),
            Ev::Patience => self.patience_ends(ctx),
            Ev::Own { worker, step } if self.is_at(worker, step) => self.own_done(worker, ctx),
            Ev::Attempt { worker, step } if self.is_at(worker, step) => self.call(worker, ctx),
            Ev::Called { worker, step, ok } if self.is_at(worker, step) => self.called(worker, ok, ctx),
            Ev::TimedOut { worker, step } if self.is_at(worker, step) => self.timed_out(worker, ctx),
            Ev::Own { .. } | Ev::Attempt { .. } => {}
            // Nobody waits for it any more: Orders was restarted.
            Ev::Called { .. } | Ev::Abandoned => self.running -= 1,
            Ev::TimedOut { .. } => {}
            Ev::Handled { consumer, life, ok } => self.handled(consumer, life, ok, ctx),
            Ev::Look { consumer, life } => self.look(consumer, life, ctx),
            Ev::Visible => self.visible(ctx),
            Ev::Expelled { consumer, life } => self.expelled(consumer, life, ctx),
            Ev::Back { consumer, life } => self.back(consumer, life, ctx),
            Ev::Fault => self.bad_day(ctx),
            Ev::FaultOver(number) if number == self.faults => self.sicken(Health::Well, ctx),
            Ev::FaultOver(_) => {}
            Ev::SpikeOver(number) if number == self.spikes => {
                self.spike_over = Some(ctx.now);
                ctx.log(Tone::Fault, code::SPIKE_OVER, Line::NO_REQUEST, self.s.rate as i64, 0);
                self.set_rate(self.s.rate, ctx);
            }
            Ev::SpikeOver(_) => {}
            Ev::Tick => self.tick(ctx),
        }
    }

    fn act(&mut self, act: u8, args: &[f64], ctx: &mut Ctx<Ev>) {
        match act as usize {
            act::SLOW => self.bad_day(ctx),
            act::DOWN => self.sicken(Health::Down, ctx),
            act::HANG => self.sicken(Health::Hung, ctx),
            act::MEND => self.sicken(Health::Well, ctx),
            act::SPIKE => self.spike(args[0], Us::from_s(args[1]), ctx),
            act::CRASH => self.crash(ctx),
            act::RESTART => self.restart(ctx),
            _ => {}
        }
    }

    fn knob(&mut self, which: u8, knobs: &Knobs, ctx: &mut Ctx<Ev>) {
        let before = self.s;
        self.s = Settings::read(knobs);
        match which as usize {
            knob::BREAKER => self.new_breaker(),
            knob::BUDGET => self.budgets = Services::budgets(&self.s),
            knob::THROTTLE => self.throttle = Throttle::new(Throttle::K),
            knob::CONSUMERS => self.set_consumers(knobs.int(knob::CONSUMERS) as usize, ctx),
            _ => {
                if let (Some(breaker), Some(thresholds)) = (&mut self.breaker, self.s.thresholds) {
                    breaker.thresholds = thresholds;
                }
            }
        }
        if before.bulkhead != self.s.bulkhead {
            self.bulkhead.resize(self.s.bulkhead);
        }
        ctx.log_knob(code::KNOB, which, knobs);
    }

    crate::in_files_of_their_own!();

    fn counts(&self) -> Vec<(&'static str, u64)> {
        let c = &self.counts;
        vec![
            ("arrivals", c.arrivals),
            ("answered", c.answered),
            ("stand_ins", c.stand_ins),
            ("accepted", c.accepted),
            ("failed", c.failed),
            ("left", c.left),
            ("waiting", c.waiting),
            ("attempts", c.attempts),
            ("retries", c.retries),
            ("refused", c.refused),
            ("expired", c.expired),
            ("lost", c.lost),
            ("calls", c.calls),
            ("called_ok", c.called_ok),
            ("called_down", c.called_down),
            ("timed_out", c.timed_out),
            ("not_made", c.not_made),
            ("published", self.behind.published),
            ("processed", self.behind.processed[0]),
        ]
    }

    fn invariants(&self, now: Us) -> Result<(), String> {
        use crate::measure::conserve::balance;
        let c = &self.counts;
        let requests = [
            ("answered", c.answered),
            ("stand-ins", c.stand_ins),
            ("accepted", c.accepted),
            ("failed", c.failed),
            ("left", c.left),
            ("waiting", c.waiting),
        ];
        balance("arrivals", c.arrivals, &requests)?;
        balance("attempts", c.attempts, &[("arrivals", c.arrivals), ("sent again", c.attempts - c.arrivals)])?;
        let busy = (self.workers.len() - self.idle.len()) as u64;
        let attempts = [
            ("under way", c.under_way),
            ("refused", c.refused),
            ("expired", c.expired),
            ("lost", c.lost),
            ("in the line", self.line.len() as u64),
            ("with a worker", busy),
            ("ended", c.ended),
        ];
        balance("attempts", c.attempts, &attempts)?;
        let at = |doing| self.workers.iter().filter(|w| w.doing == doing).count() as u64;
        balance("calls without an answer", c.calls_open, &[("workers that wait for Payment", at(Doing::Payment))])?;
        let calls = [
            ("answered", c.called_ok),
            ("refused by Payment", c.called_down),
            ("given up on", c.timed_out),
            ("lost", c.calls_lost),
            ("open", c.calls_open),
            ("of consumers", self.behind.calls),
        ];
        balance("calls", c.calls, &calls)?;
        if u64::from(self.bulkhead.total()) != at(Doing::Payment) {
            return Err(format!(
                "{} behind the bulkhead, {} wait for Payment",
                self.bulkhead.total(),
                at(Doing::Payment)
            ));
        }
        if c.calls_while_open > 0 {
            return Err(format!("{} calls while the breaker was open", c.calls_while_open));
        }
        let most = if self.s.mode == Mode::Sync { Layers::calls_max(6, 5) * c.checkouts } else { u64::MAX };
        if c.calls > most {
            return Err(format!("{} calls of {} checkouts", c.calls, c.checkouts));
        }
        self.behind.invariants(now)
    }

    fn weight(&self) -> usize {
        size_of::<Services>()
            + self.callers.weight()
            + self.deadlines.len() * size_of::<(Us, u32, u32)>()
            + self.line.weight()
            + self.workers.len() * size_of::<Worker>()
            + self.idle.len() * 2
            + self.behind.weight()
            + self.latency.weight()
            + self.seconds.weight()
            + self.samples.weight()
    }

    fn visible(event: &Ev) -> bool {
        !matches!(event, Ev::Tick | Ev::Patience | Ev::Visible | Ev::Abandoned)
    }
}
