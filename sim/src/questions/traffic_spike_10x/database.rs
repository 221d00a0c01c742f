//! Cache, breaker and database, as a worker meets them.

use super::*;

impl Spike {
    pub(super) fn ask_database(&mut self, p: usize, worker: u8, ctx: &mut Ctx<Ev>) {
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
    pub(super) fn query(&mut self, p: usize, worker: u8, permit: Permit, asked: Us, ctx: &mut Ctx<Ev>) {
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
    pub(super) fn query_done(&mut self, event: Ev, ctx: &mut Ctx<Ev>) {
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

    pub(super) fn query_timeout(&mut self, event: Ev, ctx: &mut Ctx<Ev>) {
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
    pub(super) fn no_connection(&mut self, ctx: &mut Ctx<Ev>) {
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

    pub(super) fn tell_breaker(&mut self, permit: Permit, ok: bool, ctx: &mut Ctx<Ev>) {
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
    pub(super) fn database_failed(&mut self, p: usize, worker: u8, permit: Option<Permit>, ctx: &mut Ctx<Ev>) {
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
    pub(super) fn finish(&mut self, p: usize, worker: u8, ok: bool, ctx: &mut Ctx<Ev>) {
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
            self.samples.end(ctx.now, job.id, job.attempt, Fate::Good);
            self.answered(job, ctx);
        } else {
            self.counts.served += 1;
            self.counts.wasted += 1;
            self.rates.wasted.add(ctx.now, 1);
            self.samples.end(ctx.now, job.id, job.attempt, Fate::Late);
            ctx.step(Tone::Stale, code::WASTED, job.id, i64::from(job.attempt), 0);
        }
        self.after_work(p, ctx);
    }

    pub(super) fn after_work(&mut self, p: usize, ctx: &mut Ctx<Ev>) {
        self.kick(p, ctx);
        let pod = &self.pods[p];
        if pod.stage == Stage::Stopping && pod.workers.busy() == 0 && pod.line.is_empty() {
            self.leave(p, Stage::Gone, ctx.now);
        }
    }
}
