//! A plain queue on the real machine: Poisson arrivals, c exponential servers, one line.
//!
//! It exists to be held against queueing theory and against the clock: everything that every other
//! simulation uses (event queue, tape, digest, checkpoints) is on.

use crate::blocks::server::{Job, Law, Line, Offer, Rules, Workers};
use crate::declare::{Knob, Knobs, Question};
use crate::kernel::{Ctx, Line as LogLine, Live, Model, Run, RunValue, Setup, Stream, Tape, Trace, Us};
use crate::measure::hist::Hist;

/// What a plain queue did. Waits are before service, of those who were served.
#[derive(Clone, Debug, PartialEq)]
pub struct QueueReport {
    pub mean_wait_s: f64,
    /// `None` with too few samples to say.
    pub p50_wait_s: Option<f64>,
    pub p99_wait_s: Option<f64>,
    /// Arrivals that found it full.
    pub blocked: u64,
    /// Arrivals in all.
    pub customers: u64,
    pub events: u64,
    pub digest: u64,
}

/// Simulates `customers` arrivals at an M/M/c queue (M/M/c/K with a `capacity`, which counts those
/// in service too) and runs until the last of them has left. Rates are per second.
///
/// # Errors
/// In words, when an argument makes no sense.
pub fn plain_queue(
    servers: u32,
    arrival_rate: f64,
    service_rate: f64,
    capacity: Option<u32>,
    customers: u64,
    seed: u64,
) -> Result<QueueReport, String> {
    if !(1..=255).contains(&servers) {
        return Err(format!("servers={servers}: expected a whole number from 1 to 255"));
    }
    for (name, rate) in [("arrival rate", arrival_rate), ("service rate", service_rate)] {
        if !rate.is_finite() || rate <= 0.0 || rate > 1e6 {
            return Err(format!("{name} {rate}: expected a number above 0, at most 1000000 a second"));
        }
    }
    if capacity.is_some_and(|k| k < servers) {
        return Err(format!("capacity counts those in service: expected at least {servers}"));
    }
    if customers == 0 || customers > u64::from(u32::MAX) {
        return Err(format!("customers={customers}: expected 1 to {}", u32::MAX));
    }
    if capacity.is_none() && arrival_rate >= f64::from(servers) * service_rate {
        return Err(
            "the queue would grow without end: expected an arrival rate below servers x service rate, or a capacity"
                .into(),
        );
    }
    let mut value = RunValue::new(&QUESTION);
    value.seed = seed;
    let knobs = [
        f64::from(servers),
        arrival_rate,
        service_rate,
        capacity.map_or(f64::from(u32::MAX), f64::from),
        customers as f64,
    ];
    for (k, v) in knobs.into_iter().enumerate() {
        value.knobs.set(k as u8, v);
    }
    let mut run = Run::<Plain>::new(value);
    run.advance(Us(1 << 40), u64::MAX);
    let m = run.state();
    Ok(QueueReport {
        mean_wait_s: m.wait_sum_us as f64 / 1e6 / (m.served.max(1)) as f64,
        p50_wait_s: m.waits.quantile(0.5).map(Us::as_s),
        p99_wait_s: m.waits.quantile(0.99).map(Us::as_s),
        blocked: m.blocked,
        customers: m.arrived,
        events: run.moment().events,
        digest: run.digest(),
    })
}

static QUESTION: Question = Question {
    slug: "plain-queue",
    version: 1,
    knobs: &[
        Knob::int("servers", "Servers", 1, 1, 255),
        Knob::float("arrivals", "Arrivals", 1.0, 0.0, 1e6, 1.0),
        Knob::float("service", "Service rate", 1.0, 0.0, 1e6, 1.0),
        Knob::int("capacity", "Capacity", 1, 1, u32::MAX as i64),
        Knob::int("customers", "Customers", 1, 1, u32::MAX as i64),
    ],
    acts: &[],
    numbers: &[],
    measures: &[],
    nodes: &[],
    links: &[],
    sample_every: Us(1 << 40),
    horizon: Us(1 << 40),
    lifetime_max: Us(1 << 40),
    tap: None,
    code: &["server"],
    make: crate::kernel::make::<Plain>,
};

#[derive(Clone, Copy)]
enum Ev {
    Arrive,
    Done(u8),
}

impl Trace for Ev {
    #[inline(always)]
    fn word(&self) -> u64 {
        match self {
            Ev::Arrive => 1,
            Ev::Done(w) => 2 | u64::from(*w) << 8,
        }
    }
}

#[derive(Clone)]
struct Plain {
    tape: Tape,
    demands: Stream,
    gap_mean_us: f64,
    service: Us,
    rules: Rules,
    line: Line,
    workers: Workers,
    customers: u64,
    /// The exact time of the last arrival: gaps must not be rounded one by one.
    clock_us: f64,
    arrived: u64,
    blocked: u64,
    served: u64,
    wait_sum_us: u64,
    waits: Hist,
}

impl Plain {
    #[inline]
    fn begin(&mut self, job: Job, ctx: &mut Ctx<Ev>) {
        let waited = ctx.now.since(job.at());
        self.served += 1;
        self.wait_sum_us += waited.0;
        self.waits.add(waited);
        if let Some(worker) = self.workers.begin(ctx.now, Some(job)) {
            let bits = self.demands.at(u64::from(job.id) + 1);
            ctx.after(Law::Exponential.demand(bits, self.service), Ev::Done(worker));
        }
    }

    #[inline]
    fn schedule(&mut self, ctx: &mut Ctx<Ev>) {
        if self.arrived < self.customers {
            self.clock_us += self.tape.gap(self.arrived) * self.gap_mean_us;
            ctx.at(Us::from_us(self.clock_us), Ev::Arrive);
        }
    }
}

impl Model for Plain {
    type Event = Ev;

    fn new(setup: &Setup) -> Plain {
        let k = setup.knobs;
        let tape = Tape::new(setup.seed);
        let servers = k.int(0) as u8;
        Plain {
            tape,
            demands: tape.purpose("service"),
            gap_mean_us: 1e6 / k.get(1),
            service: Us::from_s(1.0 / k.get(2)),
            rules: Rules { bound: (k.int(3) as u32).saturating_sub(u32::from(servers)), ..Rules::default() },
            line: Line::default(),
            workers: Workers::new(servers),
            customers: k.int(4),
            clock_us: 0.0,
            arrived: 0,
            blocked: 0,
            served: 0,
            wait_sum_us: 0,
            waits: Hist::new(),
        }
    }
    fn start(&mut self, ctx: &mut Ctx<Ev>) {
        self.schedule(ctx);
    }
    #[inline]
    fn on(&mut self, event: Ev, ctx: &mut Ctx<Ev>) {
        match event {
            Ev::Arrive => {
                let job = Job::new(self.arrived as u32, 0, 1, 0, ctx.now);
                self.arrived += 1;
                if self.workers.idle() > 0 {
                    self.begin(job, ctx);
                } else if self.line.offer(ctx.now, job, &self.rules) != Offer::Joined {
                    self.blocked += 1;
                    ctx.mix(u64::from(job.id));
                }
                self.schedule(ctx);
            }
            Ev::Done(worker) => {
                self.workers.end(ctx.now, worker);
                if let Some(next) = self.line.take(ctx.now, &self.rules, None, |_, _| ()) {
                    self.begin(next, ctx);
                }
            }
        }
    }
    fn act(&mut self, _: u8, _: &[f64], _: &mut Ctx<Ev>) {}
    fn knob(&mut self, _: u8, _: &Knobs, _: &mut Ctx<Ev>) {}
    fn number(&self, _: u8, _: Us) -> Option<f64> {
        None
    }
    fn measure(&self, _: u8, _: &[f64], _: Us) -> Option<f64> {
        None
    }
    fn counts(&self) -> Vec<(&'static str, u64)> {
        vec![("arrivals", self.arrived), ("blocked", self.blocked), ("served", self.served)]
    }
    fn invariants(&self, _: Us) -> Result<(), String> {
        let waiting = self.line.len() as u64;
        let parts = [("started", self.served), ("blocked", self.blocked), ("waiting", waiting)];
        crate::measure::conserve::balance("arrivals", self.arrived, &parts)
    }
    fn weight(&self) -> usize {
        core::mem::size_of::<Plain>() + self.line.weight() + self.workers.weight() + self.waits.weight()
    }
    fn tell(_: &LogLine) -> String {
        String::new()
    }
    fn words(&self, _: Us) -> Vec<(String, String)> {
        Vec::new()
    }
}
