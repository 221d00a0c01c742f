//! The clients: they arrive, wait as long as they have patience, try again, and give up.

use super::*;

impl Spike {
    pub(super) fn schedule_arrival(&mut self, ctx: &mut Ctx<Ev>) {
        if let Some(at) = self.load.due() {
            ctx.at(at, Ev::Arrive(self.load.generation as u16));
        }
    }

    pub(super) fn arrive(&mut self, ctx: &mut Ctx<Ev>) {
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
        let slot = self.requests.insert(request);
        self.counts.arrivals += 1;
        self.counts.live += 1;
        self.rates.offered.add(ctx.now, 1);
        let second = self.seconds.at(ctx.now);
        second.arrived += 1;
        if class == 0 {
            second.critical += 1;
            self.rates.critical.add(ctx.now, 1);
        }
        self.budget.first_attempt();
        ctx.step(Tone::Info, code::ARRIVED, id, i64::from(class), 0);
        self.send(slot, ctx);
    }

    /// A client makes its next attempt.
    pub(super) fn send(&mut self, slot: u32, ctx: &mut Ctx<Ev>) {
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
        self.samples.begin(ctx.now, job.id, job.attempt, job.class);
        self.route(job, ctx);
    }

    /// Whether the client still waits for this very attempt.
    #[inline]
    pub(super) fn awaited(&self, job: &Job) -> bool {
        self.requests
            .get(job.slot as usize)
            .is_some_and(|r| r.id == job.id && r.attempt == job.attempt && r.state == ClientState::Attempting)
    }

    /// Clients whose patience has ended leave. Equal spans end in the order in which they began, so
    /// only the head needs a timer, and those who have their answer are skipped on the way.
    pub(super) fn patience_ends(&mut self, ctx: &mut Ctx<Ev>) {
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
    pub(super) fn attempt_failed(&mut self, job: Job, why: Why, ctx: &mut Ctx<Ev>) {
        self.samples.end(ctx.now, job.id, job.attempt, why.fate());
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
            self.requests.release(job.slot);
            self.counts.live -= 1;
            self.counts.failed += 1;
            ctx.bad();
            ctx.mix(u64::from(job.id) << 8 | why as u64);
            ctx.step(Tone::Rejected, code::GAVE_UP, job.id, i64::from(more), why as i64);
        }
    }

    /// The client has its answer.
    pub(super) fn answered(&mut self, job: Job, ctx: &mut Ctx<Ev>) {
        let request = &mut self.requests[job.slot as usize];
        let arrived = Us(u64::from(request.at_high) << 32 | u64::from(request.at_low));
        request.state = ClientState::Free;
        self.requests.release(job.slot);
        self.counts.live -= 1;
        self.counts.succeeded += 1;
        self.rates.good.add(ctx.now, 1);
        self.latency.add(ctx.now, ctx.now.since(arrived));
        let second = self.seconds.at(ctx.now);
        second.good += 1;
        if job.class == 0 {
            second.critical_good += 1;
            self.rates.critical_good.add(ctx.now, 1);
        }
        ctx.step(Tone::Ok, code::ANSWERED, job.id, ctx.now.since(arrived).0 as i64, 0);
    }
}
