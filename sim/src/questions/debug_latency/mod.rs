//! A request path is slow: find out why, with few looks, while users wait.
//!
//! ```text
//!   users --> gateway --> Checkout --> Cart --> { Inventory, Pricing } --> Payment
//!                            |           |             |                     |
//!                            |      each: [ line ] ( workers ) -> cache -> [ pool ] -> statements
//!                            '-- 8 instances of each service, instance i of all of them on host i
//! ```
//!
//! A worker computes; while a request waits for a cache, a connection or another service it holds none. One of twelve
//! causes strikes one service some seconds into the run ([`cases`]). The person at the controls looks ([`desk`]), changes
//! things and names a cause; all of that takes time. Spans are recorded of what really happened here, and a sampler
//! decides which traces anybody gets to see.

mod cases;
mod declare;
mod desk;
mod look;
mod words;

pub use cases::{Case, Cause, Change, SERVICES};
pub use declare::{CHANGES, PLACES, PROBES, QUESTION, READ, TOLD, act, knob, measure, number};
pub use desk::{Doing, Finding, KeptTrace, Probe, Task};
pub use look::{HEAT_ROWS, span_label};

use crate::blocks::load::Load;
use crate::blocks::pool::{Acquire, Pool, Returned};
use crate::blocks::server::{Job, Law, Line as Waiting, Offer, Rules, Workers};
use crate::blocks::tracer::{Span, Tail, TailRules, head_keeps};
use crate::declare::{Knobs, Tone};
use crate::deque::Deque;
use crate::kernel::{Ctx, Line, Model, Setup, Stream, Tape, Trace, Us, unit_exp};
use crate::look::{Fate, Samples, Seconds};
use crate::measure::hist::Hist;
use crate::measure::series::{Rate, Recent};
use crate::slab::Slab;
use cases::*;
use desk::Desk;
use look::{Columns, stat};
use words::code;

/// Requests that may wait for a worker of one instance.
const ROOM: u32 = 400;
/// Calls that may wait for a connection of a service's pool.
const POOL_ROOM: u32 = 5_000;
/// What is measured over a whole run is measured from here on.
const SETTLED: Us = Us::s(2);
/// A request of a background job belongs to nobody.
const NOBODY: u32 = u32::MAX;
/// The service that stands alone in the second system.
const ALONE: usize = 2;
const DOWN_FOR: Us = Us::s(10);
const RESTART_FOR: Us = Us::s(5);
const FLUSHED_FOR: Us = Us::s(15);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ev {
    Arrive(u16),
    /// A job of somebody else's comes to the saturated service.
    Job,
    /// A call has come to its instance.
    Reach(u32),
    /// A worker is done with it.
    Worked(u32),
    /// What it waited for is there: cache, statement, disk, transfer.
    Step(u32),
    /// A connection that was held beyond its statement is given back.
    Returned(u8),
    /// The caller tries again, or asks a second one; the call it was, by number.
    Again(u32, u32),
    /// The wait before the next attempt is over: of a request in its slot, this service and attempt.
    Send {
        slot: u32,
        id: u32,
        service: u8,
        attempt: u8,
    },
    /// The caller waits no longer.
    TimedOut(u32, u32),
    /// A request of the fan-out is answered.
    Done(u32),
    /// An instance stops, and goes on.
    Pause(u8, u8),
    Resume(u8, u8),
    Onset,
    SurgeOver(u16),
    /// A probe or a change is finished.
    Task(u16),
    /// The tail sampler's next decision.
    Decide,
    Tick,
}

impl Trace for Ev {
    #[inline(always)]
    fn word(&self) -> u64 {
        let at = |kind: u64, who: u32, more: u32| kind | u64::from(who) << 8 | u64::from(more) << 40;
        match *self {
            Ev::Arrive(g) => at(1, u32::from(g), 0),
            Ev::Job => 2,
            Ev::Reach(call) => at(3, call, 0),
            Ev::Worked(call) => at(4, call, 0),
            Ev::Step(call) => at(5, call, 0),
            Ev::Returned(s) => at(6, u32::from(s), 0),
            Ev::Again(call, n) => at(7, call, n),
            Ev::TimedOut(call, n) => at(8, call, n),
            Ev::Done(slot) => at(9, slot, 0),
            Ev::Pause(s, i) => at(10, u32::from(s), u32::from(i)),
            Ev::Resume(s, i) => at(11, u32::from(s), u32::from(i)),
            Ev::Onset => 12,
            Ev::SurgeOver(n) => at(13, u32::from(n), 0),
            Ev::Task(n) => at(14, u32::from(n), 0),
            Ev::Decide => 15,
            Ev::Tick => 16,
            Ev::Send { id, service, attempt, .. } => at(17, id, u32::from(service) << 4 | u32::from(attempt)),
        }
    }
}

/// Which system runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Path {
    Checkout,
    Fan,
    Station,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sampling {
    Head,
    Tail,
    All,
}

/// The knobs that only the start of a run reads, in the units the model computes with.
#[derive(Clone, Copy, Debug)]
struct Settings {
    path: Path,
    rate: f64,
    workers: u8,
    onset: Us,
    promise: Us,
    timeout: Us,
    fail: f64,
    sampling: Sampling,
    share: f64,
    tail: TailRules,
    service: Us,
    pool: u32,
    fan: u64,
    three: [Us; 3],
    odds: f64,
    hedge: Option<Us>,
}

/// What a call is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum At {
    OnTheWay,
    /// It will never come.
    Lost,
    Line,
    Worker,
    Cache,
    Loading,
    Pool,
    Statement,
    Disk,
    Transfer,
}

/// Span places that nobody uses.
const NO_SPAN: u16 = u16::MAX;

/// A call of one service to another, or the gateway's to Checkout.
#[derive(Clone, Copy, Debug)]
struct Call {
    slot: u32,
    /// The request it is for; its slot may have another by now.
    id: u32,
    number: u32,
    service: u8,
    instance: u8,
    attempt: u8,
    worker: u8,
    at: At,
    /// Tiny statements still to come.
    items: u8,
    outer: u16,
    inner: u16,
    /// When it came to its instance, and when its present wait began.
    came: Us,
    since: Us,
    demand: Us,
    /// What the instance had stopped for in all when its work was last planned.
    stalled: Us,
    /// The caller waits no longer.
    given_up: bool,
    /// Its instance died: what is still scheduled for it only clears it away.
    dead: bool,
}

#[derive(Clone, Debug)]
struct Request {
    id: u32,
    at: Us,
    /// Empty if no sampler could keep it.
    spans: Vec<Span>,
    recorded: bool,
    live: bool,
    stage: u8,
    /// A bit for each service that has not answered.
    waits: u8,
    host: u8,
}

#[derive(Clone, Debug)]
struct Instance {
    line: Waiting,
    workers: Workers,
    paused: Us,
    stalled: Us,
    down: Us,
}

#[derive(Clone, Debug)]
struct Service {
    instances: Vec<Instance>,
    pool: Pool,
    cold_until: Us,
    /// Changes that were made here.
    indexed: bool,
    short: bool,
    hedged: bool,
    kept_alive: bool,
    worked_before: u64,
}

#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    arrivals: u64,
    answered: u64,
    failed: u64,
    open: u64,
    calls: u64,
    calls_ended: u64,
    jobs: u64,
    retries: u64,
    hedges: u64,
    timeouts: u64,
    suffered: u64,
    slow: u64,
    finished: u64,
    // What the sampler has decided.
    decided: u64,
    kept: u64,
    failing: u64,
    failing_kept: u64,
    evicted: u64,
    weight: f64,
    not_summing: u64,
}

#[derive(Clone, Copy, Debug, Default)]
struct Second {
    arrived: u32,
    finished: u32,
    slow: u32,
    ms: f32,
}

#[derive(Clone)]
pub struct DebugLatency {
    s: Settings,
    seed: u64,
    case: Option<Case>,
    /// The cause is at work.
    active: bool,
    load: Load,
    jobs: Option<Load>,
    demands: Stream,
    chance: Stream,
    surges: u16,
    skew_us: i32,
    services: Vec<Service>,
    requests: Slab<Request>,
    calls: Slab<Call>,
    numbers: u32,
    tail: Tail,
    /// Traces that the tail sampler will keep, while they wait for its decision.
    held: Deque<KeptTrace>,
    desk: Desk,
    counts: Counts,
    columns: Columns,
    latency: Recent,
    slow: Rate,
    failed: Rate,
    finished: Rate,
    offered: Rate,
    all: Hist,
    all_us: f64,
    last_root: Option<Us>,
    seconds: Seconds<Second>,
    samples: Samples<()>,
}

impl DebugLatency {
    fn is(&self, cause: Cause, service: usize) -> bool {
        self.active && self.case.is_some_and(|c| c.cause == cause && c.place == service)
    }

    /// A draw for a call: the same whichever policies are in force.
    fn draw(&self, c: &Call, what: u64) -> u64 {
        let call = u64::from(c.id) << 6 | u64::from(c.service) << 3 | u64::from(c.attempt & 7);
        self.chance.at(call << 9 | what)
    }
    fn unit(&self, c: &Call, what: u64) -> f64 {
        (self.draw(c, what) >> 11) as f64 * (1.0 / 9_007_199_254_740_992.0)
    }
    /// Half of it always, half of it varying.
    fn varied(&self, c: &Call, what: u64, mean: f64) -> Us {
        Us::from_us(mean * (0.5 + 0.5 * unit_exp(self.draw(c, what))))
    }

    fn schedule_arrival(&self, ctx: &mut Ctx<Ev>) {
        if let Some(at) = self.load.due() {
            ctx.at(at, Ev::Arrive(self.load.generation as u16));
        }
    }

    fn arrive(&mut self, ctx: &mut Ctx<Ev>) {
        let id = self.load.arrive(ctx.now) as u32;
        self.schedule_arrival(ctx);
        self.counts.arrivals += 1;
        self.counts.open += 1;
        self.offered.add(ctx.now, 1);
        self.seconds.at(ctx.now).arrived += 1;
        self.samples.begin(ctx.now, id, 1, ());
        ctx.step(Tone::Info, code::ARRIVED, id, 0, 0);
        let recorded = self.s.sampling != Sampling::Head || head_keeps(self.trace(id), self.s.share);
        if self.s.sampling == Sampling::Tail {
            if self.tail.pending() == 0 {
                ctx.after(self.s.tail.wait, Ev::Decide);
            }
            if let Some(v) = self.tail.begin(ctx.now, self.trace(id), &self.s.tail) {
                self.decided(v, ctx);
            }
        }
        let mut spans = Vec::new();
        if recorded {
            spans.push(Span::new(Span::NONE, name(Kind::Root, 0), GATEWAY_HOST, ctx.now, Us::MAX));
        }
        let request = Request { id, at: ctx.now, spans, recorded, live: true, stage: 0, waits: 0, host: 0 };
        let slot = self.requests.insert(request);
        match self.s.path {
            Path::Checkout => self.call(slot, 0, 1, ctx),
            Path::Station => self.call(slot, ALONE, 1, ctx),
            Path::Fan => self.fan_out(slot, ctx),
        }
    }

    /// The number by which samplers know a trace: ids of one seed are others than those of another.
    fn trace(&self, id: u32) -> u64 {
        self.seed << 32 | u64::from(id)
    }

    // ---- spans

    fn request_of(&mut self, c: &Call) -> Option<&mut Request> {
        self.requests.get_mut(c.slot as usize).filter(|r| r.live && r.id == c.id)
    }

    /// Adds a span to the request of a call, if anybody could ever see it.
    fn span(&mut self, c: &Call, parent: u16, kind: Kind, host: u8, start: Us, end: Us) -> u16 {
        let label = name(kind, c.service);
        match self.request_of(c) {
            Some(r) if r.recorded && r.spans.len() < 200 && parent != NO_SPAN => {
                r.spans.push(Span::new(parent, label, host, start, end));
                r.spans.len() as u16 - 1
            }
            _ => NO_SPAN,
        }
    }

    fn end_span(&mut self, c: &Call, at: u16, end: Us, failed: bool) {
        if let Some(s) = self.request_of(c).and_then(|r| r.spans.get_mut(usize::from(at)))
            && s.end == Us::MAX
        {
            (s.end, s.failed) = (end, failed);
        }
    }

    // ---- calls

    fn call(&mut self, slot: u32, service: usize, attempt: u8, ctx: &mut Ctx<Ev>) {
        let r = &self.requests[slot as usize];
        let (id, host) = (r.id, r.host);
        self.numbers += 1;
        self.counts.calls += 1;
        let mut c = Call {
            slot,
            id,
            number: self.numbers,
            service: service as u8,
            instance: 0,
            attempt,
            worker: 0,
            at: At::OnTheWay,
            items: 0,
            outer: NO_SPAN,
            inner: NO_SPAN,
            came: ctx.now,
            since: ctx.now,
            demand: Us::ZERO,
            stalled: Us::ZERO,
            given_up: false,
            dead: false,
        };
        // The same request is as heavy in every attempt and on both sides of an A|B.
        let bits = self.demands.at(u64::from(id) * SERVICES as u64 + service as u64 + 1);
        c.demand = if self.s.path == Path::Station {
            Law::Exponential.demand(bits, self.s.service)
        } else {
            Us::from_us(WORK[service].0 as f64 * (0.5 + 0.5 * unit_exp(bits)))
        };
        if self.s.path != Path::Checkout || service == 0 {
            let at = self.calls.insert(c);
            return self.reach(at, ctx);
        }
        self.requests[slot as usize].waits |= 1 << service;
        ctx.step(Tone::Info, code::CALLED, id, service as i64, i64::from(attempt));
        c.outer = self.span(&c, 1, Kind::Call, host, ctx.now, Us::MAX);
        let slowly = self.is(Cause::Connect, service);
        let mut delay = Us::ZERO;
        self.columns.add(ctx.now, service, stat::SENT, 1.0);
        if self.unit(&c, 1) < NEW_SHARE && !self.services[service].kept_alive {
            delay = if slowly { self.varied(&c, 2, RESOLVING.0 as f64) } else { CONNECTING };
            self.columns.add(ctx.now, service, stat::CONNECTS, 1.0);
            self.columns.add(ctx.now, service, stat::CONNECTING, delay.as_ms());
            self.span(&c, c.outer, Kind::Connect, host, ctx.now, ctx.now + delay);
        }
        if self.is(Cause::Timeout, service) && self.unit(&c, 3) < LOST {
            c.at = At::Lost;
        }
        let usual = WORK[service] + STATEMENT + LOOKUP;
        let cut = Us(usual.0 * 6 / 5);
        let impatient = self.is(Cause::Retries, service) && host % 8 < IMPATIENT;
        let again = if impatient && attempt <= CUTS {
            Some(cut)
        } else {
            (self.services[service].hedged && attempt == 1).then_some(usual * 2)
        };
        let limit = self.limit(service);
        let at = self.calls.insert(c);
        if let Some(again) = again {
            ctx.after(again, Ev::Again(at, c.number));
        }
        ctx.after(limit, Ev::TimedOut(at, c.number));
        if c.at == At::Lost {
            ctx.step(Tone::Rejected, code::LOST, id, service as i64, 0);
        } else if delay > Us::ZERO {
            ctx.after(delay, Ev::Reach(at));
        } else {
            self.reach(at, ctx);
        }
    }

    /// How long Checkout waits for a call to this service.
    fn limit(&self, service: usize) -> Us {
        if self.is(Cause::Timeout, service) {
            TIMEOUT_LONG
        } else if self.services[service].short {
            TIMEOUT_SHORT
        } else {
            self.s.timeout
        }
    }

    fn reach(&mut self, at: u32, ctx: &mut Ctx<Ev>) {
        let mut c = self.calls[at as usize];
        let service = usize::from(c.service);
        let n = self.services[service].instances.len() as u64;
        let instance = ((u128::from(self.draw(&c, 0)) * u128::from(n)) >> 64) as usize;
        (c.instance, c.came, c.since, c.at) = (instance as u8, ctx.now, ctx.now, At::Line);
        self.calls[at as usize] = c;
        let to = &mut self.services[service].instances[instance];
        let rules = Rules { bound: ROOM, ..Rules::default() };
        let refused = to.down > ctx.now
            || to.line.offer(ctx.now, Job::new(c.id, at, c.attempt, 0, ctx.now), &rules) != Offer::Joined;
        if refused {
            self.columns.add(ctx.now, service, stat::REFUSED, 1.0);
            return self.ended(at, false, ctx);
        }
        self.kick(service, instance, ctx);
    }

    /// Idle workers take what waits.
    fn kick(&mut self, service: usize, instance: usize, ctx: &mut Ctx<Ev>) {
        loop {
            let i = &mut self.services[service].instances[instance];
            if i.workers.idle() == 0 || i.paused > ctx.now || i.down > ctx.now {
                return;
            }
            let Some(job) = i.line.take(ctx.now, &Rules::default(), None, |_, _| ()) else { return };
            let Some(worker) = i.workers.begin(ctx.now, Some(job)) else { return };
            let stalled = i.stalled;
            let mut c = self.calls[job.slot as usize];
            (c.worker, c.at, c.stalled) = (worker, At::Worker, stalled);
            let host = host(service, instance);
            if c.id != NOBODY {
                let waited = ctx.now.since(c.since);
                self.columns.add(ctx.now, service, stat::STARTED, 1.0);
                self.columns.add(ctx.now, service, stat::WAIT, waited.as_ms());
                // What the gateway asks itself hangs below the root.
                let direct = self.s.path == Path::Station || service == 0;
                c.inner = self.span(&c, if direct { 0 } else { c.outer }, Kind::Server, host, ctx.now, Us::MAX);
                if direct {
                    self.requests[c.slot as usize].host = host;
                }
                ctx.step(Tone::Info, code::BEGUN, c.id, waited.0 as i64, (service << 8 | instance) as i64);
            }
            c.since = ctx.now;
            self.calls[job.slot as usize] = c;
            if self.s.path == Path::Station {
                match self.services[service].pool.acquire_patiently(ctx.now, job.slot) {
                    Acquire::Granted(_) => {}
                    Acquire::Open => _ = self.services[service].pool.open(ctx.now),
                    Acquire::Queued | Acquire::Refused => continue,
                }
            }
            self.work(job.slot, ctx);
        }
    }

    fn work(&mut self, at: u32, ctx: &mut Ctx<Ev>) {
        let c = self.calls[at as usize];
        let (service, instance) = (usize::from(c.service), usize::from(c.instance));
        let noisy = self.active && self.case.is_some_and(|k| k.cause == Cause::Neighbour && k.instance == instance % 8);
        let takes = if noisy { Us::from_us(c.demand.0 as f64 * STOLEN) } else { c.demand };
        self.columns.add(ctx.now, service, stat::STOLEN, (takes - c.demand).as_ms());
        if c.id != NOBODY {
            self.columns.add(ctx.now, service, stat::WORK, c.demand.as_ms());
        }
        ctx.after(takes, Ev::Worked(at));
    }

    fn worked(&mut self, at: u32, ctx: &mut Ctx<Ev>) {
        let mut c = self.calls[at as usize];
        let (service, instance) = (usize::from(c.service), usize::from(c.instance));
        if c.dead {
            return self.clear_away(at);
        }
        let i = &mut self.services[service].instances[instance];
        let stopped = i.stalled.since(c.stalled);
        if stopped > Us::ZERO {
            // The process stood still meanwhile: the rest of the work is done that much later.
            self.columns.add(ctx.now, service, stat::GC, stopped.as_ms());
            self.calls[at as usize].stalled = i.stalled;
            return ctx.after(stopped, Ev::Worked(at));
        }
        i.workers.end(ctx.now, c.worker);
        if self.s.path == Path::Station {
            self.give_back(service, ctx);
        }
        self.kick(service, instance, ctx);
        if c.id == NOBODY {
            return self.clear_away(at);
        }
        if self.s.path == Path::Station || service == 0 {
            if service != 0 {
                self.end_span(&c, c.inner, ctx.now, false);
            }
            self.clear_away(at);
            let Some(r) = self.request_of(&c) else { return };
            r.stage = if service == 0 { 1 } else { 4 };
            return self.advance(c.slot, ctx);
        }
        c.at = At::Cache;
        self.calls[at as usize] = c;
        self.span(&c, c.inner, Kind::Cache, host(service, instance), ctx.now, ctx.now + LOOKUP);
        ctx.after(LOOKUP, Ev::Step(at));
    }

    /// What a call waited for is there.
    fn step(&mut self, at: u32, ctx: &mut Ctx<Ev>) {
        let c = self.calls[at as usize];
        let (service, instance) = (usize::from(c.service), usize::from(c.instance));
        if c.dead {
            if c.at == At::Statement {
                self.give_back(service, ctx);
            }
            return self.clear_away(at);
        }
        let paused = self.services[service].instances[instance].paused;
        if paused > ctx.now && c.at != At::Transfer {
            // The answer is there, but the process stands still.
            self.columns.add(ctx.now, service, stat::GC, paused.since(ctx.now).as_ms());
            return ctx.at(paused, Ev::Step(at));
        }
        match c.at {
            At::Cache => {
                let cold = self.services[service].cold_until > ctx.now;
                let hit = if cold {
                    0.0
                } else if self.is(Cause::ColdCache, service) {
                    HIT_COLD
                } else {
                    HIT
                };
                let hits = self.unit(&c, 4) < hit;
                self.columns.add(ctx.now, service, stat::LOOKUPS, 1.0);
                if hits {
                    self.columns.add(ctx.now, service, stat::HITS, 1.0);
                    return self.query(at, ctx);
                }
                let takes = self.varied(&c, 5, LOADING.0 as f64);
                self.columns.add(ctx.now, service, stat::LOADING, takes.as_ms());
                ctx.step(Tone::Waiting, code::MISSED, c.id, service as i64, takes.0 as i64);
                self.span(&c, c.inner, Kind::Load, host(service, instance), ctx.now, ctx.now + takes);
                self.calls[at as usize].at = At::Loading;
                ctx.after(takes, Ev::Step(at));
            }
            At::Loading => self.query(at, ctx),
            At::Statement if c.items > 0 => {
                let takes = Us::from_us(ITEM.0 as f64 * unit_exp(self.draw(&c, 64 + u64::from(c.items))));
                self.columns.add(ctx.now, service, stat::STATEMENT, takes.as_ms());
                self.columns.add(ctx.now, service, stat::STATEMENTS, 1.0);
                self.span(&c, c.inner, Kind::Item, host(service, instance), ctx.now, ctx.now + takes);
                self.calls[at as usize].items -= 1;
                ctx.after(takes, Ev::Step(at));
            }
            At::Statement => {
                let beyond = self.held_beyond(service);
                if beyond > Us::ZERO {
                    ctx.after(beyond, Ev::Returned(service as u8));
                } else {
                    self.give_back(service, ctx);
                }
                if self.is(Cause::Instance, service) && self.case.is_some_and(|k| k.instance == instance) {
                    let takes = Us::from_us(DISK.0 as f64 * (0.7 + 0.6 * self.unit(&c, 6)));
                    self.columns.add(ctx.now, service, stat::DISK, takes.as_ms());
                    self.columns.add(ctx.now, service, stat::DISKS, 1.0);
                    self.calls[at as usize].at = At::Disk;
                    return ctx.after(takes, Ev::Step(at));
                }
                self.respond(at, ctx);
            }
            At::Disk => self.respond(at, ctx),
            _ => self.ended(at, true, ctx),
        }
    }

    /// What a connection is held for after its statement.
    fn held_beyond(&self, service: usize) -> Us {
        if !self.is(Cause::Pool, service) {
            return Us::ZERO;
        }
        let busy = POOL_LEFT_BUSY * f64::from(self.services[service].pool.size()) / self.s.rate * 1e6;
        Us::from_us(busy).since(STATEMENT)
    }

    /// A call needs a connection for its statements.
    fn query(&mut self, at: u32, ctx: &mut Ctx<Ev>) {
        let c = &mut self.calls[at as usize];
        (c.at, c.since) = (At::Pool, ctx.now);
        let service = usize::from(c.service);
        match self.services[service].pool.acquire_patiently(ctx.now, at) {
            Acquire::Granted(_) => self.statement(at, ctx),
            Acquire::Open => {
                self.services[service].pool.open(ctx.now);
                self.statement(at, ctx);
            }
            Acquire::Queued => {}
            Acquire::Refused => {
                self.columns.add(ctx.now, service, stat::REFUSED, 1.0);
                self.ended(at, false, ctx);
            }
        }
    }

    fn statement(&mut self, at: u32, ctx: &mut Ctx<Ev>) {
        let mut c = self.calls[at as usize];
        let service = usize::from(c.service);
        let waited = ctx.now.since(c.since);
        self.columns.add(ctx.now, service, stat::POOL_WAIT, waited.as_ms());
        if waited > Us::ZERO {
            self.columns.add(ctx.now, service, stat::POOL_WAITS, 1.0);
            ctx.step(Tone::Waiting, code::CONNECTED, c.id, service as i64, waited.0 as i64);
        }
        let mean = STATEMENT.0 as f64 * if self.services[service].indexed { 0.3 } else { 1.0 };
        let takes = Us::from_us(mean * unit_exp(self.draw(&c, 7)));
        let mut blocked = Us::ZERO;
        if self.is(Cause::Lock, service) && self.unit(&c, 8) < LOCKING {
            let phase = Us(ctx.now.since(self.s.onset).0 % HELD_EVERY.0);
            blocked = HELD.since(phase);
        }
        if blocked > Us::ZERO {
            self.columns.add(ctx.now, service, stat::LOCKED, blocked.as_ms());
            self.columns.add(ctx.now, service, stat::LOCKS, 1.0);
            ctx.step(Tone::Waiting, code::LOCKED, c.id, service as i64, blocked.0 as i64);
        }
        if self.is(Cause::NPlusOne, service) {
            let (least, most) = ITEMS;
            c.items = (least + self.draw(&c, 9) % (most - least + 1)) as u8;
        }
        c.at = At::Statement;
        self.calls[at as usize] = c;
        self.columns.add(ctx.now, service, stat::STATEMENT, takes.as_ms());
        self.columns.add(ctx.now, service, stat::STATEMENTS, 1.0);
        let end = ctx.now + blocked + takes;
        self.span(&c, c.inner, Kind::Select, host(service, usize::from(c.instance)), ctx.now, end);
        ctx.at(end, Ev::Step(at));
    }

    /// A connection is free again: the next in line has it.
    fn give_back(&mut self, service: usize, ctx: &mut Ctx<Ev>) {
        let pool = &mut self.services[service].pool;
        // Connections do not age in these runs: what is given back is as good as new.
        let usable = Returned::Usable(crate::blocks::pool::Connection { end: Us::MAX });
        if let Some((at, got)) = pool.release(ctx.now, usable) {
            self.granted(service, at, got, ctx);
        }
    }

    /// One that waited has a connection.
    fn granted(&mut self, service: usize, at: u32, got: Acquire, ctx: &mut Ctx<Ev>) {
        if got == Acquire::Open {
            self.services[service].pool.open(ctx.now);
        }
        if self.s.path == Path::Station { self.work(at, ctx) } else { self.statement(at, ctx) }
    }

    /// The service is done: its answer goes back.
    fn respond(&mut self, at: u32, ctx: &mut Ctx<Ev>) {
        let mut c = self.calls[at as usize];
        let (service, instance) = (usize::from(c.service), usize::from(c.instance));
        self.columns.served(ctx.now, service, instance, ctx.now.since(c.came).as_ms());
        self.end_span(&c, c.inner, ctx.now, false);
        let bytes = if self.is(Cause::Payload, service) { BYTES_GROWN } else { BYTES };
        let bytes = bytes * (0.5 + 0.5 * unit_exp(self.draw(&c, 10)));
        let takes = Us::from_us(bytes * US_PER_BYTE);
        self.columns.add(ctx.now, service, stat::BYTES, bytes / 1e3);
        self.columns.add(ctx.now, service, stat::TRANSFER, takes.as_ms());
        c.at = At::Transfer;
        self.calls[at as usize] = c;
        self.span(&c, c.outer, Kind::Transfer, host(service, instance), ctx.now, ctx.now + takes);
        ctx.after(takes, Ev::Step(at));
    }

    /// A call has come to its end; its request goes on, unless it has without it.
    fn ended(&mut self, at: u32, ok: bool, ctx: &mut Ctx<Ev>) {
        let c = self.calls[at as usize];
        self.end_span(&c, c.inner, ctx.now, !ok);
        self.end_span(&c, c.outer, ctx.now, !ok);
        self.clear_away(at);
        if !c.given_up {
            self.told(&c, ok, ctx);
        }
    }

    /// The request hears how its call ended.
    fn told(&mut self, c: &Call, ok: bool, ctx: &mut Ctx<Ev>) {
        let bit = 1u8 << c.service;
        let direct = c.service == 0 || self.s.path == Path::Station;
        let Some(r) = self.request_of(c) else { return };
        if !direct && r.waits & bit == 0 {
            // Another attempt was faster.
            return;
        }
        if !ok {
            ctx.step(Tone::Rejected, code::CALL_FAILED, c.id, i64::from(c.service), 0);
            return self.finish(c.slot, false, ctx);
        }
        r.waits &= !bit;
        if r.waits == 0 && !direct {
            r.stage += 1;
            self.advance(c.slot, ctx);
        }
    }

    fn clear_away(&mut self, at: u32) {
        self.counts.calls_ended += 1;
        self.calls[at as usize].number = 0;
        self.calls.release(at);
    }

    fn advance(&mut self, slot: u32, ctx: &mut Ctx<Ev>) {
        match self.requests[slot as usize].stage {
            1 => self.call(slot, 1, 1, ctx),
            2 => {
                let id = self.requests[slot as usize].id;
                self.call(slot, 2, 1, ctx);
                // Inventory may have refused at once.
                if self.requests[slot as usize].live && self.requests[slot as usize].id == id {
                    self.call(slot, 3, 1, ctx);
                }
            }
            3 => self.call(slot, 4, 1, ctx),
            _ => self.finish(slot, true, ctx),
        }
    }

    /// The caller does not want to wait for this attempt alone.
    fn again(&mut self, at: u32, number: u32, ctx: &mut Ctx<Ev>) {
        let c = self.calls[at as usize];
        if c.number != number || c.given_up || self.request_of(&c).is_none() {
            return;
        }
        let service = usize::from(c.service);
        if self.request_of(&c).is_some_and(|r| r.waits & (1 << service) == 0) {
            return;
        }
        if self.is(Cause::Retries, service) {
            self.counts.retries += 1;
            self.columns.add(ctx.now, service, stat::RETRIES, 1.0);
            self.give_up(at, ctx.now);
            ctx.step(Tone::Waiting, code::AGAIN, c.id, service as i64, 0);
            let next = Ev::Send { slot: c.slot, id: c.id, service: c.service, attempt: c.attempt + 1 };
            return ctx.after(BACKOFF, next);
        } else if self.services[service].hedged {
            self.counts.hedges += 1;
        } else {
            return;
        }
        ctx.step(Tone::Waiting, code::AGAIN, c.id, service as i64, 0);
        self.call(c.slot, service, c.attempt + 1, ctx);
    }

    fn give_up(&mut self, at: u32, now: Us) {
        let c = self.calls[at as usize];
        self.end_span(&c, c.outer, now, true);
        self.calls[at as usize].given_up = true;
        if c.at == At::Lost {
            self.clear_away(at);
        }
    }

    fn timed_out(&mut self, at: u32, number: u32, ctx: &mut Ctx<Ev>) {
        let c = self.calls[at as usize];
        if c.number != number || c.given_up {
            return;
        }
        self.give_up(at, ctx.now);
        let service = usize::from(c.service);
        if self.request_of(&c).is_none_or(|r| r.waits & (1 << service) == 0) {
            return;
        }
        self.counts.timeouts += 1;
        self.columns.add(ctx.now, service, stat::TIMEOUTS, 1.0);
        ctx.step(Tone::Rejected, code::TIMED_OUT, c.id, service as i64, ctx.now.since(c.came).0 as i64);
        if self.services[service].short && c.attempt == 1 {
            self.counts.retries += 1;
            self.columns.add(ctx.now, service, stat::RETRIES, 1.0);
            return self.call(c.slot, service, 2, ctx);
        }
        self.finish(c.slot, false, ctx);
    }

    /// A request that asks many at once, computed as a whole: nothing queues in this system.
    fn fan_out(&mut self, slot: u32, ctx: &mut Ctx<Ev>) {
        let own = Us::ms(10);
        let start = ctx.now + own;
        let id = u64::from(self.requests[slot as usize].id);
        let mut longest = Us::ZERO;
        let mut children = Vec::new();
        for i in 0..self.s.fan + 3 {
            let draw = |replica: u64| match self.s.three.get(i as usize) {
                Some(takes) => *takes,
                None if self.chance.unit_at((id << 9 | i) << 1 | replica) < self.s.odds => Us::s(1),
                None => Us::ms(10),
            };
            let mut takes = draw(0);
            if let Some(after) = self.s.hedge.filter(|after| takes > *after) {
                self.counts.hedges += 1;
                takes = takes.min(after + draw(1));
            }
            self.counts.calls += 1;
            self.counts.calls_ended += 1;
            longest = longest.max(takes);
            // A picture of two hundred spans shows nothing: the slow ones and a few others.
            if i < 6 || takes > Us::ms(100) {
                children.push((i, takes));
            }
        }
        let r = &mut self.requests[slot as usize];
        if r.recorded {
            for (i, takes) in children.into_iter().take(60) {
                r.spans.push(Span::new(0, name(Kind::Leaf, 15), (i % 8) as u8, start, start + takes));
            }
        }
        ctx.after(own * 2 + longest, Ev::Done(slot));
    }

    // ---- the end of a request

    fn finish(&mut self, slot: u32, ok: bool, ctx: &mut Ctx<Ev>) {
        let r = &mut self.requests[slot as usize];
        r.live = false;
        let (id, at) = (r.id, r.at);
        let spans = core::mem::take(&mut r.spans);
        self.requests.release(slot);
        let failed = !ok || self.chance.unit_at((u64::from(id) + 1) << 40) < self.s.fail;
        let took = ctx.now.since(at);
        let slow = took > self.s.promise;
        let c = &mut self.counts;
        c.open -= 1;
        c.finished += 1;
        c.slow += u64::from(slow);
        if failed {
            c.failed += 1
        } else {
            c.answered += 1
        }
        if failed || slow {
            c.suffered += u64::from(self.case.is_some() && at >= self.s.onset);
        }
        if failed {
            ctx.bad();
            self.failed.add(ctx.now, 1);
        }
        self.slow.add(ctx.now, u32::from(slow));
        self.finished.add(ctx.now, 1);
        self.latency.add(ctx.now, took);
        if at >= SETTLED {
            self.all.add(took);
            self.all_us += took.0 as f64;
        }
        self.last_root = Some(took);
        let second = self.seconds.at(at);
        second.finished += 1;
        second.slow += u32::from(failed || slow);
        second.ms += took.as_ms() as f32;
        self.columns.heat(at, took);
        self.samples.end(
            ctx.now,
            id,
            1,
            if failed {
                Fate::Failed
            } else if slow {
                Fate::Late
            } else {
                Fate::Good
            },
        );
        ctx.mix(u64::from(id) << 1 | u64::from(failed));
        let (tone, line) = if failed { (Tone::Rejected, code::FAILED) } else { (Tone::Ok, code::ANSWERED) };
        ctx.step(tone, line, id, took.0 as i64, 0);
        self.sample(id, at, took, failed, spans, ctx);
    }

    /// The sampler sees the end of a trace.
    fn sample(&mut self, id: u32, at: Us, took: Us, failed: bool, mut spans: Vec<Span>, ctx: &mut Ctx<Ev>) {
        let trace = self.trace(id);
        for s in &mut spans {
            if s.end == Us::MAX {
                // Not waited for: the root was answered before it ended.
                s.detached = s.parent != Span::NONE && s.name != name(Kind::Server, 0);
                s.end = at + took;
            }
        }
        for i in 1..spans.len() {
            // Its caller had given up and did not wait for the end of it.
            let caller = spans[usize::from(spans[i].parent)];
            spans[i].detached |= (caller.failed || caller.detached) && spans[i].end > caller.end;
        }
        if let Some(root) = spans.first_mut() {
            root.failed = failed;
        }
        let keep = |spans| KeptTrace::new(id, at, took, failed, spans);
        match self.s.sampling {
            Sampling::Head | Sampling::All => {
                let share = if self.s.sampling == Sampling::All { 1.0 } else { self.s.share };
                let kept = !spans.is_empty() && head_keeps(trace, share);
                self.tally(failed, kept.then(|| 1.0 / share));
                if kept {
                    self.keep(keep(spans), ctx);
                }
            }
            Sampling::Tail => {
                if self.tail.seen(trace, took, failed) && self.s.tail.judge(trace, took, failed).is_some() {
                    self.held.push_back(keep(spans));
                } else if failed {
                    // Its trace was thrown out before it ended.
                    self.counts.failing += 1;
                    ctx.mix(trace);
                }
            }
        }
    }

    /// Counts a decision; `weight` is that of a trace that is kept.
    fn tally(&mut self, failed: bool, weight: Option<f64>) {
        let c = &mut self.counts;
        c.decided += 1;
        c.failing += u64::from(failed);
        if let Some(weight) = weight {
            c.kept += 1;
            c.failing_kept += u64::from(failed);
            c.weight += weight;
        }
    }

    /// The tail sampler has decided on a trace.
    fn decided(&mut self, v: crate::blocks::tracer::Verdict, ctx: &mut Ctx<Ev>) {
        let held = self.held.iter().position(|t| self.trace(t.id) == v.trace).and_then(|i| self.held.remove(i));
        self.counts.evicted += u64::from(v.evicted);
        let failed = held.as_ref().is_some_and(|t| t.failed);
        self.tally(failed, v.kept.map(|(_, weight)| weight));
        ctx.mix(v.trace << 2 | u64::from(v.evicted) << 1 | u64::from(v.kept.is_some()));
        if let Some(trace) = held.filter(|_| v.kept.is_some()) {
            self.keep(trace, ctx);
        }
    }

    fn decide(&mut self, ctx: &mut Ctx<Ev>) {
        while let Some(v) = self.tail.decide(ctx.now, &self.s.tail) {
            self.decided(v, ctx);
        }
        if let Some(at) = self.tail.due(&self.s.tail) {
            ctx.at(at, Ev::Decide);
        }
    }

    // ---- trouble

    fn onset(&mut self, ctx: &mut Ctx<Ev>) {
        let Some(case) = self.case else { return };
        self.active = true;
        let s = &mut self.services[case.place];
        match case.cause {
            Cause::Pool => {
                let left = libm::ceil(self.s.rate * STATEMENT.as_s() / POOL_LEFT_BUSY).max(1.0) as u32;
                s.pool.resize(left);
            }
            Cause::Gc => {
                for i in 0..s.instances.len() {
                    let first = Us(PAUSE_EVERY.0 / s.instances.len() as u64 * i as u64);
                    ctx.after(first, Ev::Pause(case.place as u8, i as u8));
                }
            }
            Cause::Cpu => {
                let capacity = s.instances.len() as f64 * f64::from(self.s.workers) / WORK[case.place].as_s();
                let rate = SATURATED * capacity - self.s.rate;
                if rate > 0.0 {
                    let mut jobs = Load::new(Tape::new(self.seed ^ 0x6a6f_6273), 0.0);
                    jobs.set_rate(ctx.now, rate);
                    self.jobs = Some(jobs);
                    self.schedule_job(ctx);
                }
            }
            _ => {}
        }
    }

    fn schedule_job(&self, ctx: &mut Ctx<Ev>) {
        if let Some(at) = self.jobs.as_ref().and_then(Load::due) {
            ctx.at(at, Ev::Job);
        }
    }

    /// Somebody else's work.
    fn job(&mut self, ctx: &mut Ctx<Ev>) {
        let (Some(jobs), Some(case)) = (&mut self.jobs, self.case) else { return };
        let index = jobs.arrive(ctx.now);
        self.schedule_job(ctx);
        self.counts.calls += 1;
        self.counts.jobs += 1;
        let service = case.place;
        let n = self.services[service].instances.len();
        let bits = self.chance.at((index + 1) << 34);
        let instance = bits as usize % n;
        let i = &mut self.services[service].instances[instance];
        if i.down > ctx.now || i.line.len() >= ROOM as usize {
            self.counts.calls_ended += 1;
            return;
        }
        self.numbers += 1;
        let call = Call {
            slot: 0,
            id: NOBODY,
            number: self.numbers,
            service: service as u8,
            instance: instance as u8,
            attempt: 1,
            worker: 0,
            at: At::Line,
            items: 0,
            outer: NO_SPAN,
            inner: NO_SPAN,
            came: ctx.now,
            since: ctx.now,
            demand: Us::from_us(WORK[service].0 as f64 * (0.5 + 0.5 * unit_exp(bits.rotate_left(32)))),
            stalled: Us::ZERO,
            given_up: true,
            dead: false,
        };
        let at = self.calls.insert(call);
        let job = Job::new(NOBODY, at, 1, 0, ctx.now);
        self.services[service].instances[instance].line.offer(ctx.now, job, &Rules::default());
        self.kick(service, instance, ctx);
    }

    /// An instance stops for a collection.
    fn pause(&mut self, service: usize, instance: usize, ctx: &mut Ctx<Ev>) {
        if !self.is(Cause::Gc, service) {
            return;
        }
        let i = &mut self.services[service].instances[instance];
        i.paused = ctx.now + PAUSE;
        i.stalled += PAUSE;
        self.columns.add(ctx.now, service, stat::PAUSES, 1.0);
        ctx.after(PAUSE, Ev::Resume(service as u8, instance as u8));
        ctx.after(PAUSE_EVERY, Ev::Pause(service as u8, instance as u8));
    }

    /// An instance dies with all that is in it.
    fn kill(&mut self, service: usize, instance: usize, span: Us, ctx: &mut Ctx<Ev>) {
        let i = &mut self.services[service].instances[instance];
        i.down = ctx.now + span;
        i.line.clear(|_| ());
        i.workers.clear(ctx.now, |_| ());
        ctx.log(Tone::Fault, code::KILLED, Line::NO_REQUEST, service as i64, instance as i64);
        for at in 0..self.calls.len() {
            let c = self.calls[at];
            let here = usize::from(c.service) == service && usize::from(c.instance) == instance;
            let inside = !matches!(c.at, At::OnTheWay | At::Lost | At::Transfer);
            if !here || !inside || c.dead || c.number == 0 {
                continue;
            }
            self.calls[at].dead = true;
            self.end_span(&c, c.inner, ctx.now, true);
            self.end_span(&c, c.outer, ctx.now, true);
            match c.at {
                At::Line => self.clear_away(at as u32),
                At::Pool => {
                    self.services[service].pool.leave(at as u32);
                    self.clear_away(at as u32);
                }
                // Waits for a connection with a worker: nothing is scheduled for it.
                At::Worker if self.s.path == Path::Station && self.services[service].pool.leave(at as u32) => {
                    self.clear_away(at as u32);
                }
                At::Worker if self.s.path == Path::Station => self.give_back(service, ctx),
                _ => {}
            }
            if !c.given_up {
                self.told(&c, false, ctx);
            }
        }
        ctx.after(span, Ev::Resume(service as u8, instance as u8));
    }

    fn surge(&mut self, times: f64, span: Us, ctx: &mut Ctx<Ev>) {
        self.surges += 1;
        ctx.log(Tone::Fault, code::SURGE, Line::NO_REQUEST, (self.s.rate * times) as i64, 0);
        self.set_rate(self.s.rate * times, ctx);
        ctx.after(span, Ev::SurgeOver(self.surges));
    }

    fn set_rate(&mut self, rate: f64, ctx: &mut Ctx<Ev>) {
        self.load.set_rate(ctx.now, rate);
        self.samples.pace(rate.max(1.0));
        self.schedule_arrival(ctx);
    }

    fn tick(&mut self, ctx: &mut Ctx<Ev>) {
        ctx.after(Us::s(1), Ev::Tick);
        self.seconds.at(ctx.now);
        for (s, service) in self.services.iter_mut().enumerate() {
            let worked = service.instances.iter().map(|i| i.workers.worked(ctx.now)).sum::<u64>();
            self.columns.add(ctx.now - Us(1), s, stat::BUSY, (worked - service.worked_before) as f64 / 1e3);
            service.worked_before = worked;
        }
        self.watch(ctx);
    }
}

/// What a span is. Its name is this and the service it belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Root,
    Server,
    Call,
    Connect,
    Transfer,
    Cache,
    Load,
    Select,
    Item,
    /// One of those asked at once.
    Leaf,
}

pub(crate) fn name(kind: Kind, service: u8) -> u8 {
    (kind as u8) << 4 | (service & 15)
}

/// The host that an instance runs on: one of each service, and the gateway's own.
const GATEWAY_HOST: u8 = 16;
fn host(_service: usize, instance: usize) -> u8 {
    instance as u8
}

impl Model for DebugLatency {
    type Event = Ev;

    fn new(setup: &Setup) -> DebugLatency {
        let k = setup.knobs;
        let path = [Path::Checkout, Path::Fan, Path::Station][k.choice(knob::PATH)];
        let promise = k.ms(knob::PROMISE);
        let share = k.share(knob::SHARE);
        let hedge = k.ms(knob::HEDGE);
        let s = Settings {
            path,
            rate: k.get(knob::RATE),
            workers: k.int(knob::WORKERS) as u8,
            onset: k.s(knob::ONSET),
            promise,
            timeout: k.ms(knob::TIMEOUT),
            fail: k.share(knob::FAIL),
            sampling: [Sampling::Head, Sampling::Tail, Sampling::All][k.choice(knob::SAMPLING)],
            share,
            tail: TailRules {
                wait: k.s(knob::WAIT),
                room: k.int(knob::ROOM) as u32,
                failed: true,
                slow: Some(promise),
                rest: share,
            },
            service: k.ms(knob::SERVICE),
            pool: k.int(knob::POOL) as u32,
            fan: k.int(knob::FAN),
            three: [knob::FIRST, knob::SECOND, knob::THIRD].map(|n| k.ms(n)),
            odds: k.share(knob::ODDS),
            hedge: (hedge > Us::ZERO).then_some(hedge),
        };
        let mut samples = Samples::new(12.0, 64);
        samples.pace(s.rate);
        let instance = Instance {
            line: Waiting::default(),
            workers: Workers::new(s.workers),
            paused: Us::ZERO,
            stalled: Us::ZERO,
            down: Us::ZERO,
        };
        let pods = k.int(knob::PODS) as usize;
        let service = |n: usize| Service {
            instances: vec![instance.clone(); pods],
            pool: Pool::new(s.pool, POOL_ROOM, Us::s(3_600), Us::s(1 << 30), setup.seed, n as u64),
            cold_until: Us::ZERO,
            indexed: false,
            short: false,
            hedged: false,
            kept_alive: false,
            worked_before: 0,
        };
        let tape = Tape::new(setup.seed);
        let case = Case::of(setup.seed, k.choice(knob::CAUSE), k.choice(knob::WHERE));
        DebugLatency {
            seed: setup.seed & 0xffff_ffff,
            // An instance that is not there cannot be bad.
            case: case.filter(|_| path == Path::Checkout).map(|c| Case { instance: c.instance % pods, ..c }),
            active: false,
            load: Load::new(tape, s.rate),
            jobs: None,
            demands: tape.purpose("service"),
            chance: Stream::new(setup.seed, "path", "call", 0),
            surges: 0,
            skew_us: 0,
            services: (0..SERVICES).map(service).collect(),
            requests: Slab::default(),
            calls: Slab::default(),
            numbers: 0,
            tail: Tail::default(),
            held: Deque::new(),
            desk: Desk::new(k),
            counts: Counts::default(),
            columns: Columns::default(),
            latency: Recent::new(Us::s(20), 4),
            slow: Rate::new(Us::s(20)),
            failed: Rate::new(Us::s(20)),
            finished: Rate::new(Us::s(20)),
            offered: Rate::new(Us::s(5)),
            all: Hist::new(),
            all_us: 0.0,
            last_root: None,
            seconds: Seconds::new(1_200),
            samples,
            s,
        }
    }

    fn start(&mut self, ctx: &mut Ctx<Ev>) {
        self.schedule_arrival(ctx);
        ctx.at(self.s.onset, Ev::Onset);
        ctx.after(Us::s(1), Ev::Tick);
    }

    #[inline]
    fn on(&mut self, event: Ev, ctx: &mut Ctx<Ev>) {
        match event {
            Ev::Arrive(generation) if generation == self.load.generation as u16 => self.arrive(ctx),
            Ev::Arrive(_) => {}
            Ev::Job => self.job(ctx),
            Ev::Reach(call) => self.reach(call, ctx),
            Ev::Worked(call) => self.worked(call, ctx),
            Ev::Step(call) => self.step(call, ctx),
            Ev::Returned(service) => self.give_back(usize::from(service), ctx),
            Ev::Again(call, number) => self.again(call, number, ctx),
            Ev::Send { slot, id, service, attempt } => {
                let r = &self.requests[slot as usize];
                if r.live && r.id == id && r.waits & (1 << service) != 0 {
                    self.call(slot, usize::from(service), attempt, ctx);
                }
            }
            Ev::TimedOut(call, number) => self.timed_out(call, number, ctx),
            Ev::Done(slot) => self.finish(slot, true, ctx),
            Ev::Pause(s, i) => self.pause(usize::from(s), usize::from(i), ctx),
            Ev::Resume(s, i) => self.kick(usize::from(s), usize::from(i), ctx),
            Ev::Onset => self.onset(ctx),
            Ev::SurgeOver(n) if n == self.surges => self.set_rate(self.s.rate, ctx),
            Ev::SurgeOver(_) => {}
            Ev::Task(n) => self.task_done(n, ctx),
            Ev::Decide => self.decide(ctx),
            Ev::Tick => self.tick(ctx),
        }
    }

    fn act(&mut self, act: u8, args: &[f64], ctx: &mut Ctx<Ev>) {
        match act as usize {
            act::PROBE => {
                let kind = self.desk.probe.chosen(args[0]);
                let place = self.desk.at.chosen(args[1]);
                self.begin(Doing::Probe { kind: Probe::ALL[kind], place, trace: None }, ctx);
            }
            act::CHANGE => {
                let change = Change::ALL[self.desk.change.chosen(args[0])];
                let place = self.desk.at.chosen(args[1]);
                self.begin(Doing::Change { change, place }, ctx);
            }
            act::GUESS => {
                let cause = Cause::ALL[self.desk.guess.chosen(args[0])];
                self.name_it(cause, ctx);
            }
            act::REVEAL => self.reveal(ctx),
            act::SKEW => {
                self.skew_us = (args[0] * 1e3) as i32;
                ctx.log(Tone::Fault, code::SKEWED, Line::NO_REQUEST, i64::from(self.skew_us), 0);
            }
            act::SURGE => self.surge(args[0], Us::from_s(args[1]), ctx),
            act::KILL => {
                let place = self.desk.at.chosen(args[0]);
                self.kill(place, 0, DOWN_FOR, ctx);
            }
            act::FLUSH => {
                let place = self.desk.at.chosen(args[0]);
                self.services[place].cold_until = ctx.now + FLUSHED_FOR;
                ctx.log(Tone::Fault, code::FLUSHED, Line::NO_REQUEST, place as i64, 0);
            }
            act::LOOK => self.desk.at.0 = args[0] as u8,
            act::OPEN => {
                let (place, trace) = (usize::from(self.desk.at.0), Some(args[0] as u32));
                self.begin(Doing::Probe { kind: Probe::Trace, place, trace }, ctx);
            }
            _ => {}
        }
    }

    fn knob(&mut self, which: u8, knobs: &Knobs, ctx: &mut Ctx<Ev>) {
        self.desk.set(which as usize, knobs);
        ctx.log_knob(code::KNOB, which, knobs);
    }

    crate::in_files_of_their_own!();
    fn counts(&self) -> Vec<(&'static str, u64)> {
        let c = &self.counts;
        vec![
            ("arrivals", c.arrivals),
            ("answered", c.answered),
            ("failed", c.failed),
            ("open", c.open),
            ("calls", c.calls),
            ("retries", c.retries),
            ("hedges", c.hedges),
            ("timeouts", c.timeouts),
            ("decided", c.decided),
            ("kept", c.kept),
            ("evicted", c.evicted),
            ("skew_us", self.skew_us as u64),
            ("looked_at", u64::from(self.desk.at.0)),
        ]
    }

    fn invariants(&self, now: Us) -> Result<(), String> {
        self.laws(now)
    }

    fn weight(&self) -> usize {
        let service = |s: &Service| {
            let each = |i: &Instance| size_of::<Instance>() + i.line.weight() + i.workers.weight();
            s.pool.weight() + s.instances.iter().map(each).sum::<usize>()
        };
        let spans = |t: &[Span]| size_of_val(t);
        size_of::<DebugLatency>()
            + self.services.iter().map(service).sum::<usize>()
            + self.requests.weight()
            + self.requests.iter().map(|r| spans(&r.spans)).sum::<usize>()
            + self.calls.weight()
            + self.tail.weight()
            + self.held.iter().map(KeptTrace::weight).sum::<usize>()
            + self.desk.weight()
            + self.columns.weight()
            + self.latency.weight()
            + self.all.weight()
            + self.seconds.weight()
            + self.samples.weight()
    }

    fn visible(event: &Ev) -> bool {
        !matches!(event, Ev::Tick | Ev::Decide | Ev::Job | Ev::Returned(_))
    }
}
