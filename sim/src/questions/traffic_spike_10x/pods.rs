//! Balancer and pods: who gets a request, who has to wait, and who hears no.

use super::*;

impl Spike {
    pub(super) fn route(&mut self, job: Job, ctx: &mut Ctx<Ev>) {
        if let Some(policy) = &self.s.limit
            && !self.edge.ask(policy, ctx.now.0 as i64, 1).admitted
        {
            self.counts.limited += 1;
            return self.refuse(job, None, Why::Limited, ctx);
        }
        let Some(p) = self.choose(&job) else {
            return self.refuse(job, None, Why::NoPod, ctx);
        };
        if !self.pods[p].stage.serves() {
            return self.refuse(job, None, Why::Dead, ctx);
        }
        self.enter(p, job, ctx);
    }

    pub(super) fn choose(&mut self, job: &Job) -> Option<usize> {
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
    pub(super) fn refuse(&mut self, job: Job, by: Option<usize>, why: Why, ctx: &mut Ctx<Ev>) {
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
    pub(super) fn accept_for_later(&mut self, job: Job, ctx: &mut Ctx<Ev>) {
        self.requests[job.slot as usize].state = ClientState::Free;
        self.requests.release(job.slot);
        self.counts.live -= 1;
        self.counts.accepted += 1;
        self.backlog += 1;
        self.backlog_total += 1;
        self.samples.end(ctx.now, job.id, job.attempt, Fate::Later);
        ctx.step(Tone::Waiting, code::ACCEPTED, job.id, i64::from(self.backlog), 0);
    }

    /// A refusal has to be worked for.
    #[inline]
    pub(super) fn charge(&mut self, p: usize) {
        if self.s.kappa > 0.0 {
            let cost = Us::from_us(self.s.service.0 as f64 * self.s.kappa);
            self.pods[p].workers.owe(cost);
        }
    }

    pub(super) fn is_stalled(&self, now: Us) -> bool {
        now < self.stalled.1
    }

    /// An attempt reaches a pod: straight to a worker, into the queue, or back.
    pub(super) fn enter(&mut self, p: usize, job: Job, ctx: &mut Ctx<Ev>) {
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
    pub(super) fn meter(&mut self, now: Us) {
        self.worked += self.working * now.since(self.worked_since).0;
        self.worked_since = now;
    }

    pub(super) fn demand(&self, p: usize, job: &Job) -> f64 {
        let bits = match job.class {
            LATER => self.later.at(u64::from(job.id) + 1),
            _ => self.demands.at(u64::from(job.id) * 8 + u64::from(job.attempt)),
        };
        let slow = if self.pods[p].slow { self.slow_factor } else { 1.0 };
        self.s.law.demand(bits, self.s.service).0 as f64 * self.s.kept_work * slow
    }

    /// A worker starts on a request.
    pub(super) fn begin(&mut self, p: usize, job: Job, ctx: &mut Ctx<Ev>) {
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

    pub(super) fn occupy(&mut self, p: usize, job: Option<Job>, span: Us, ctx: &mut Ctx<Ev>) {
        self.meter(ctx.now);
        let pod = &mut self.pods[p];
        if let Some(worker) = pod.workers.begin(ctx.now, job) {
            self.working += 1;
            ctx.after(span, Ev::Worked { pod: p as u8, worker, life: pod.life });
        }
    }

    /// Idle workers look for something to do: first the debt, then the queue, then old promises.
    pub(super) fn kick(&mut self, p: usize, ctx: &mut Ctx<Ev>) {
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
                    Dropped::Expired => self.samples.end(ctx.now, job.id, job.attempt, Fate::Refused),
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
    pub(super) fn put_off(&self, event: Ev, ctx: &mut Ctx<Ev>) -> bool {
        let stalled = self.is_stalled(ctx.now);
        if stalled {
            ctx.after(self.stalled.1 - self.stalled.0, event);
        }
        stalled
    }

    pub(super) fn alive(&self, pod: u8, life: u16) -> bool {
        self.pods[pod as usize].life == life
    }

    /// A worker has done its own part.
    pub(super) fn work_done(&mut self, pod: u8, worker: u8, life: u16, ctx: &mut Ctx<Ev>) {
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
    pub(super) fn key(&self, job: &Job) -> Option<u32> {
        if self.s.cacheable == 0.0 {
            return None;
        }
        let bits = self.keys.at(u64::from(job.id) + 1);
        let cacheable = ((bits >> 40) as f64) < self.s.cacheable * 16_777_216.0;
        cacheable.then(|| (((bits & 0xffff_ffff) * u64::from(KEYS)) >> 32) as u32)
    }
}
