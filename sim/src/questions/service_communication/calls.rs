//! Calls from a worker of Orders to Payment: what is asked before, who gives up when, who tries again.
//!
//! ```text
//!   attempt --> throttle --> breaker --> bulkhead --> Payment ... answer, timeout, or nothing
//!      ^                                                  |
//!      '----- wait <-- the lowest layer that may retry <--' failed
//! ```
//!
//! The bulkhead is inside the breaker, as in resilience4j and in Hystrix: what it refuses counts there
//! as a failure. Everything the layers inside Orders do, waits included, is done by the same worker.

use super::{Doing, Ending, Ev, Health, REFUSED_AFTER, Services, Why, meter, words::code};
use crate::blocks::breaker::State;
use crate::declare::Tone;
use crate::kernel::{Ctx, Line, Us};

/// The one compartment.
const PAYMENT: usize = 0;

impl Services {
    /// Layers below this one begin with a first attempt, which earns them allowance.
    pub(super) fn earn(&mut self, layers: usize) {
        if self.s.budget.is_some() {
            self.budgets[..layers].iter_mut().for_each(|budget| budget.first_attempt());
        }
    }

    pub(super) fn may_retry(&mut self, layer: usize) -> bool {
        self.s.budget.is_none() || self.budgets[layer].spend()
    }

    /// When the caller of this worker's request leaves, if the worker can know.
    fn deadline(&self, worker: u16) -> Option<Us> {
        self.s.deadline.then(|| self.workers[usize::from(worker)].job.at() + self.s.patience)
    }

    /// The worker's next attempt at the bottom.
    pub(super) fn call(&mut self, worker: u16, ctx: &mut Ctx<Ev>) {
        let deadline = self.deadline(worker);
        if deadline.is_some_and(|at| at <= ctx.now) {
            return self.finish(worker, Ending::Failed(Why::Deadline), ctx);
        }
        if self.s.throttle && !self.throttle.ask(ctx.now, self.throttling.unit()) {
            return self.not_made(worker, Why::Throttled, ctx);
        }
        let mut permit = None;
        if let Some(breaker) = &mut self.breaker {
            let before = breaker.state(ctx.now);
            permit = breaker.ask(ctx.now);
            if before == State::HalfOpen && permit.is_some() && breaker.probes_out() == 1 {
                ctx.log(Tone::Waiting, code::HALF_OPEN, Line::NO_REQUEST, i64::from(breaker.thresholds.probes), 0);
            }
            self.counts.calls_while_open += u64::from(before == State::Open && permit.is_some());
            if permit.is_none() {
                return self.not_made(worker, Why::Open, ctx);
            }
        }
        self.workers[usize::from(worker)].permit = permit;
        self.workers[usize::from(worker)].called = ctx.now;
        if !self.bulkhead.enter(PAYMENT) {
            self.tell_breaker(worker, false, ctx);
            return self.not_made(worker, Why::Bulkhead, ctx);
        }
        self.count_call(ctx);
        self.counts.calls_open += 1;
        let step = self.step(worker, Doing::Payment, ctx.now);
        let id = self.workers[usize::from(worker)].job.id;
        ctx.step(Tone::Info, code::CALLED, id, i64::from(worker), 0);
        let hops = self.s.there() + self.s.back();
        let (took, ok) = match self.health {
            Health::Well => (Some(self.s.payment + hops), true),
            Health::Slow(span) => (Some(span + hops), true),
            Health::Down => (Some(REFUSED_AFTER + hops), false),
            Health::Hung => (None, false),
        };
        let left = deadline.map(|at| at.since(ctx.now));
        let most = [self.s.timeout, left].into_iter().flatten().min();
        match took {
            Some(took) if most.is_none_or(|most| took <= most) => ctx.after(took, Ev::Called { worker, step, ok }),
            Some(took) => ctx.after(took, Ev::Abandoned),
            None => self.hung += 1,
        }
        self.running += u32::from(took.is_some());
        if let Some(most) = most.filter(|most| took.is_none_or(|took| took > *most)) {
            ctx.after(most, Ev::TimedOut { worker, step });
        }
    }

    /// One more call that reaches Payment, whoever makes it.
    pub(super) fn count_call(&mut self, ctx: &mut Ctx<Ev>) {
        self.counts.calls += 1;
        self.meters.turn(ctx.now);
        self.meters.add(meter::CALLS, 1);
        self.seconds.at(ctx.now).calls += 1;
    }

    /// Payment has answered a worker that waits for it.
    pub(super) fn called(&mut self, worker: u16, ok: bool, ctx: &mut Ctx<Ev>) {
        self.running -= 1;
        self.end_call(worker, ok, ctx);
        if ok {
            self.counts.called_ok += 1;
            if self.s.throttle {
                self.throttle.accepted(ctx.now);
            }
            return self.finish(worker, Ending::Done, ctx);
        }
        self.counts.called_down += 1;
        self.call_failed(worker, Why::Down, ctx);
    }

    /// The worker gives the call up. Payment may still work on it.
    pub(super) fn timed_out(&mut self, worker: u16, ctx: &mut Ctx<Ev>) {
        self.counts.timed_out += 1;
        self.meters.turn(ctx.now);
        self.meters.add(meter::TIMEOUTS, 1);
        self.end_call(worker, false, ctx);
        self.call_failed(worker, Why::Timeout, ctx);
    }

    fn end_call(&mut self, worker: u16, ok: bool, ctx: &mut Ctx<Ev>) {
        self.counts.calls_open -= 1;
        self.bulkhead.leave(PAYMENT);
        self.tell_breaker(worker, ok, ctx);
    }

    fn tell_breaker(&mut self, worker: u16, ok: bool, ctx: &mut Ctx<Ev>) {
        let w = self.workers[usize::from(worker)];
        let (Some(breaker), Some(permit)) = (&mut self.breaker, w.permit) else { return };
        let changed = breaker.tell_timed(ctx.now, permit, ok, ctx.now.since(w.called));
        match changed {
            Some(State::Open) => {
                let (first, _, times) = self.opened;
                self.opened = (first.or(Some(ctx.now)), ctx.now, times + 1);
                ctx.log(Tone::Rejected, code::OPENED, Line::NO_REQUEST, breaker.thresholds.open_for.0 as i64, 0);
            }
            Some(State::Closed) => {
                self.closed = Some(ctx.now);
                ctx.log(Tone::Ok, code::CLOSED, Line::NO_REQUEST, 0, 0);
            }
            _ => {}
        }
    }

    /// Refused before it cost anything.
    fn not_made(&mut self, worker: u16, why: Why, ctx: &mut Ctx<Ev>) {
        self.counts.not_made += 1;
        self.meters.turn(ctx.now);
        self.meters.add(meter::NOT_MADE, 1);
        self.call_failed(worker, why, ctx);
    }

    /// The lowest layer that may tries again; when none does, Orders answers without Payment.
    fn call_failed(&mut self, worker: u16, why: Why, ctx: &mut Ctx<Ev>) {
        let w = self.workers[usize::from(worker)];
        ctx.mix(u64::from(w.job.id) << 8 | why as u64);
        ctx.step(Tone::Rejected, code::CALL_FAILED, w.job.id, why as i64, 0);
        let gone = self.deadline(worker).is_some_and(|at| at <= ctx.now);
        let mut layers = w.layers;
        let layer = if gone { None } else { layers.failed(self.s.attempts, |layer| self.may_retry(layer)) };
        let Some(layer) = layer else {
            let ending = if self.s.fallback { Ending::StandIn } else { Ending::Failed(why) };
            return self.finish(worker, ending, ctx);
        };
        self.earn(layer);
        self.counts.retries += 1;
        let attempt = layers.attempt(layer);
        self.workers[usize::from(worker)].layers = layers;
        let wait = self.s.retry.wait(attempt - 1, Us::ZERO, self.jitter.unit());
        let step = self.step(worker, Doing::Backoff, ctx.now);
        ctx.step(Tone::Waiting, code::AGAIN, w.job.id, wait.0 as i64, i64::from(attempt) << 8 | layer as i64);
        ctx.after(wait, Ev::Attempt { worker, step });
    }

    /// What Payment does with calls that begin from now on.
    pub(super) fn sicken(&mut self, health: Health, ctx: &mut Ctx<Ev>) {
        self.faults += 1;
        self.health = health;
        let (code, span) = match health {
            Health::Well => (code::WELL, Us::ZERO),
            Health::Slow(span) => (code::SLOW, span),
            Health::Down => (code::DOWN, Us::ZERO),
            Health::Hung => (code::HUNG, Us::ZERO),
        };
        ctx.log(Tone::Fault, code, Line::NO_REQUEST, span.0 as i64, i64::from(self.hung));
    }
}
