//! The service: who gets in, who waits, who is served, and what producers make of it.

use super::*;

impl Backpressure {
    // Producers.

    /// Brings a producer's pace to what it should be now.
    pub(super) fn pace(&mut self, t: usize, ctx: &mut Ctx<Ev>) {
        let share = self.s.rate / self.s.tenants as f64;
        let tenant = &mut self.tenants[t];
        let silent = tenant.blocked_since.is_some() || tenant.off_until > ctx.now;
        let rate = match (silent, t) {
            (true, _) => 0.0,
            (_, 0) => share * self.s.hot,
            _ => share,
        };
        tenant.load.set_rate(ctx.now, rate);
        self.schedule_arrival(t, ctx);
    }

    fn schedule_arrival(&mut self, t: usize, ctx: &mut Ctx<Ev>) {
        let load = &self.tenants[t].load;
        if let Some(at) = load.due() {
            ctx.at(at, Ev::Arrive { tenant: t as u8, generation: load.generation as u16 });
        }
    }

    pub(super) fn arrive(&mut self, t: usize, ctx: &mut Ctx<Ev>) {
        let generation = self.tenants[t].load.generation;
        self.produce(t, ctx);
        // If it was held back, or held and let go, its next has been scheduled or called off already.
        if self.tenants[t].load.generation == generation {
            self.schedule_arrival(t, ctx);
        }
    }

    /// One more of this producer's: its number is the producer's own count and the producer.
    fn produce(&mut self, t: usize, ctx: &mut Ctx<Ev>) {
        let index = self.tenants[t].load.arrive(ctx.now);
        let id = index as u32 * TENANTS as u32 + t as u32;
        self.tenants[t].produced += 1;
        self.rates.offered.add(ctx.now, 1);
        self.seconds.at(ctx.now).produced += 1;
        if self.s.log {
            return self.append(id, ctx);
        }
        let request = Request { id, last_wait: 0, attempt: 0, state: ClientState::Attempting };
        let slot = self.requests.insert(request);
        self.counts.arrivals += 1;
        self.counts.live += 1;
        self.tenants[t].unanswered += 1;
        ctx.step(Tone::Info, code::PRODUCED, id, t as i64, 0);
        self.send(slot, ctx);
        self.hold_or_release(t, ctx);
    }

    /// A burst is produced whether it can be sent or not.
    pub(super) fn burst(&mut self, count: u32, ctx: &mut Ctx<Ev>) {
        ctx.log(Tone::Fault, code::BURST, Line::NO_REQUEST, i64::from(count), 0);
        let n = self.tenants.len() as u32;
        for t in 0..self.tenants.len() {
            self.tenants[t].owed += count / n + u32::from((t as u32) < count % n);
            self.send_owed(t, ctx);
        }
    }

    fn send_owed(&mut self, t: usize, ctx: &mut Ctx<Ev>) {
        let before = self.tenants[t].owed;
        while self.tenants[t].owed > 0
            && self.tenants[t].blocked_since.is_none()
            && self.tenants[t].off_until <= ctx.now
        {
            self.tenants[t].owed -= 1;
            self.produce(t, ctx);
        }
        // What was produced has moved the time of the next.
        if self.tenants[t].owed < before && self.tenants[t].blocked_since.is_none() {
            self.pace(t, ctx);
        }
    }

    /// A producer that may not send stands still: what it would have produced comes later.
    pub(super) fn hold_or_release(&mut self, t: usize, ctx: &mut Ctx<Ev>) {
        let tenant = &mut self.tenants[t];
        tenant.ceiling = self.s.window.max(tenant.unanswered.min(tenant.ceiling));
        let no_credit = self.s.credit && tenant.unanswered >= self.s.window;
        let blocked = !self.s.log && (no_credit || !tenant.held.is_empty());
        match (tenant.blocked_since, blocked) {
            (None, true) => {
                tenant.blocked_since = Some(ctx.now);
                ctx.mix(t as u64);
                self.pace(t, ctx);
            }
            (Some(since), false) => {
                tenant.blocked_since = None;
                tenant.blocked += ctx.now - since;
                let owes = tenant.owed > 0;
                self.pace(t, ctx);
                if owes {
                    // Not here and now: somebody may be in the middle of making room.
                    ctx.at(ctx.now, Ev::Back(t as u8));
                }
            }
            _ => {}
        }
    }

    /// A producer's connections break: nobody waits for its requests any more.
    pub(super) fn disconnect(&mut self, nth: usize, span: Us, ctx: &mut Ctx<Ev>) {
        let t = (nth - 1) % self.tenants.len();
        self.tenants[t].off_until = ctx.now + span;
        ctx.log(Tone::Fault, code::DISCONNECTED, Line::NO_REQUEST, t as i64, span.0 as i64);
        let held: Vec<u32> = self.tenants[t].held.drain(..).collect();
        self.counts.held -= held.len() as u64;
        self.counts.dropped += held.len() as u64;
        for slot in 0..self.requests.len() as u32 {
            let r = self.requests[slot as usize];
            if r.state != ClientState::Free && tenant_of(r.id) == t {
                self.samples.end(ctx.now, r.id, r.attempt, Fate::Left);
                self.give_up(slot, Why::Gone, ctx);
            }
        }
        self.pace(t, ctx);
        self.hold_or_release(t, ctx);
        ctx.at(self.tenants[t].off_until, Ev::Back(t as u8));
    }

    pub(super) fn back(&mut self, t: usize, ctx: &mut Ctx<Ev>) {
        if self.tenants[t].off_until == ctx.now && ctx.now > Us::ZERO {
            ctx.log(Tone::Ok, code::CONNECTED, Line::NO_REQUEST, t as i64, 0);
            self.pace(t, ctx);
        }
        self.send_owed(t, ctx);
    }

    // The door.

    /// A client makes its next attempt.
    pub(super) fn send(&mut self, slot: u32, ctx: &mut Ctx<Ev>) {
        let request = &mut self.requests[slot as usize];
        if request.state == ClientState::Free {
            // Its producer was disconnected meanwhile; now nothing refers to the place any more.
            return self.requests.release(slot);
        }
        request.attempt += 1;
        request.state = ClientState::Attempting;
        let (id, attempt) = (request.id, request.attempt);
        self.counts.attempts += 1;
        self.seconds.at(ctx.now).attempts += 1;
        let other = tenant_of(id) > 0;
        self.counts.others += u64::from(other);
        if attempt > 1 {
            self.counts.retries += 1;
            self.rates.retries.add(ctx.now, 1);
            ctx.step(Tone::Info, code::TRIED_AGAIN, id, i64::from(attempt), 0);
        }
        self.samples.begin(ctx.now, id, attempt, tenant_of(id) as u8);
        self.knock(slot, ctx);
    }

    /// How many may be inside.
    pub(super) fn room(&self) -> u32 {
        match &self.limit {
            Some(limit) if self.s.bound == 0 => limit.limit(),
            Some(limit) => limit.limit().min(self.s.bound),
            None if self.s.bound == 0 => u32::MAX,
            None => self.s.bound,
        }
    }
    pub(super) fn inside(&self) -> u64 {
        self.counts.queued + self.counts.in_service
    }

    /// An attempt at the door: in, refused, or held.
    fn knock(&mut self, slot: u32, ctx: &mut Ctx<Ev>) {
        let Request { id, attempt, .. } = self.requests[slot as usize];
        let t = tenant_of(id);
        let job = Job::new(id, slot, attempt, self.class(id), ctx.now);
        if self.is_down(ctx.now) {
            if self.s.full == Full::Block {
                return self.hold(slot, ctx);
            }
            return self.refuse(job, Why::Down, ctx);
        }
        let full = self.inside() >= u64::from(self.room());
        if full && self.s.full == Full::Block {
            return self.hold(slot, ctx);
        }
        if !self.bulkhead.enter(t) {
            return self.refuse(job, Why::Tenant, ctx);
        }
        if full && let Err(why) = self.make_room(t, ctx) {
            self.bulkhead.leave(t);
            return self.refuse(job, why, ctx);
        }
        self.let_in(job, ctx);
    }

    /// Somebody who waits may have to go for the newcomer.
    fn make_room(&mut self, t: usize, ctx: &mut Ctx<Ev>) -> Result<(), Why> {
        let (victim, why) = match self.s.full {
            Full::Reject | Full::Block => return Err(Why::Full),
            Full::Oldest => (self.line.evict_oldest().ok_or(Why::Full)?, Why::Oldest),
            Full::Heaviest => {
                let waiting = |t: usize| self.tenants[t].waiting;
                // The first of the heaviest; the newcomer's own tenant, if it is one of them.
                let most = (0..self.tenants.len()).map(waiting).max().unwrap_or(0);
                if waiting(t) == most {
                    return Err(if most == 0 { Why::Full } else { Why::Heaviest });
                }
                let heaviest = (0..self.tenants.len()).find(|t| waiting(*t) == most);
                let newest = self.line.evict_newest(|j| Some(tenant_of(j.id)) == heaviest);
                (newest.ok_or(Why::Full)?, Why::Heaviest)
            }
        };
        self.drop_waiting(victim, why, ctx);
        Ok(())
    }

    fn let_in(&mut self, job: Job, ctx: &mut Ctx<Ev>) {
        // Whoever is inside has had its room counted: the line itself has no bound.
        self.line.offer(ctx.now, job, &self.s.rules);
        self.counts.queued += 1;
        self.tenants[tenant_of(job.id)].waiting += 1;
        ctx.step(Tone::Waiting, code::LET_IN, job.id, self.counts.queued as i64, 0);
        self.deadlines.push_back(job);
        if !self.deadline_set {
            self.deadline_set = true;
            ctx.after(self.s.patience, Ev::Patience);
        }
        if self.inside() > u64::from(self.s.memory) {
            return self.die(true, ctx);
        }
        self.kick(ctx);
        self.counts.queue_max = self.counts.queue_max.max(self.counts.queued);
        self.counts.inside_max = self.counts.inside_max.max(self.inside());
    }

    fn hold(&mut self, slot: u32, ctx: &mut Ctx<Ev>) {
        let id = self.requests[slot as usize].id;
        self.counts.held += 1;
        self.tenants[tenant_of(id)].held.push_back(slot);
        ctx.step(Tone::Waiting, code::HELD, id, 0, 0);
        self.hold_or_release(tenant_of(id), ctx);
    }

    /// Those who are held at the door come in as room becomes free, a producer at a time.
    pub(super) fn let_in_held(&mut self, ctx: &mut Ctx<Ev>) {
        if self.counts.held == 0 || self.is_down(ctx.now) {
            return;
        }
        let mut passed = 0;
        while self.counts.held > 0
            && passed < self.tenants.len()
            && (self.s.full != Full::Block || self.inside() < u64::from(self.room()))
        {
            // The one that has been held longest is next: its producer stands still the longest.
            let first = |t: &usize| (self.tenants[*t].blocked_since.unwrap_or(Us::MAX), *t);
            let Some(t) = (0..self.tenants.len()).filter(|t| !self.tenants[*t].held.is_empty()).min_by_key(first)
            else {
                return;
            };
            let Some(slot) = self.tenants[t].held.pop_front() else {
                return;
            };
            self.counts.held -= 1;
            let before = self.counts.held;
            self.knock(slot, ctx);
            passed += usize::from(self.counts.held > before);
            self.hold_or_release(t, ctx);
        }
    }

    fn refuse(&mut self, job: Job, why: Why, ctx: &mut Ctx<Ev>) {
        self.counts.refused += 1;
        self.rates.refused.add(ctx.now, 1);
        self.turned_away(job, why, ctx);
    }

    /// One who waited is thrown out.
    fn drop_waiting(&mut self, job: Job, why: Why, ctx: &mut Ctx<Ev>) {
        if let Some(limit) = &mut self.limit
            && why == Why::Patience
            && limit.answer(
                ctx.now,
                ctx.now.since(job.at()),
                (self.counts.queued + self.counts.in_service) as u32,
                true,
            )
        {
            ctx.mix(u64::from(limit.limit()));
        }
        self.counts.queued -= 1;
        self.counts.dropped += 1;
        self.tenants[tenant_of(job.id)].waiting -= 1;
        self.bulkhead.leave(tenant_of(job.id));
        self.rates.dropped.add(ctx.now, 1);
        self.turned_away(job, why, ctx);
    }

    fn turned_away(&mut self, job: Job, why: Why, ctx: &mut Ctx<Ev>) {
        self.seconds.at(ctx.now).turned_away += 1;
        self.counts.others_turned_away += u64::from(tenant_of(job.id) > 0);
        ctx.mix(u64::from(job.id) << 8 | why as u64);
        self.attempt_failed(job, why, ctx);
    }

    // The queue and the workers.

    /// What the line sorts by: importance, or the tenant.
    fn class(&self, id: u32) -> u8 {
        match self.s.order {
            Order::Priority => u8::from(fraction(self.critical.at(u64::from(id) + 1)) >= self.s.critical),
            _ => tenant_of(id) as u8,
        }
    }

    /// The order has changed under those who wait.
    pub(super) fn reorder(&mut self) {
        let mut all = Vec::new();
        self.line.clear(|job| all.push(job));
        let mut arrivals: Vec<_> = all.iter().enumerate().map(|(i, j)| (j.at(), j.id, i)).collect();
        crate::order::sort(&mut arrivals);
        for (_, _, i) in arrivals {
            let mut job = all[i];
            job.class = self.class(job.id);
            self.line.offer(job.at(), job, &self.s.rules);
        }
    }

    /// Workers that have nothing to do take the next.
    pub(super) fn kick(&mut self, ctx: &mut Ctx<Ev>) {
        if self.s.log || self.is_stalled(ctx.now) || self.is_down(ctx.now) || self.frozen_until > ctx.now {
            return;
        }
        while self.counts.in_service < u64::from(self.s.workers) && !self.line.is_empty() {
            let mut dropped = core::mem::take(&mut self.scratch);
            let next = self.line.take(ctx.now, &self.s.rules, None, |job, why| dropped.push((job, why)));
            if let Some(job) = next {
                self.counts.queued -= 1;
                self.counts.in_service += 1;
                self.tenants[tenant_of(job.id)].waiting -= 1;
                ctx.step(Tone::Flight, code::BEGUN, job.id, ctx.now.since(job.at()).0 as i64, 0);
                // Each attempt takes its own time; the same one takes the same on both sides.
                let bits = self.demands.at(u64::from(job.id) * 8 + u64::from(job.attempt));
                self.begin(Task::Request(job), self.s.law.demand(bits, self.s.service), ctx);
            }
            for (job, why) in dropped.drain(..) {
                let why = if why == Dropped::Expired { Why::Patience } else { Why::Delayed };
                self.drop_waiting(job, why, ctx);
            }
            self.scratch = dropped;
        }
    }

    pub(super) fn request_done(&mut self, job: Job, ctx: &mut Ctx<Ev>) {
        let inside = self.inside() as u32;
        let delay = ctx.now.since(job.at());
        self.counts.in_service -= 1;
        self.counts.served += 1;
        self.bulkhead.leave(tenant_of(job.id));
        let second = self.seconds.at(ctx.now);
        second.served += 1;
        second.delay_us += delay.0;
        self.delays.add(ctx.now, delay);
        if tenant_of(job.id) > 0 {
            self.others.add(ctx.now, delay);
            self.others_all.add(delay);
        }
        if let Some(limit) = &mut self.limit
            && limit.answer(ctx.now, delay, inside, false)
        {
            ctx.mix(u64::from(limit.limit()));
        }
        if self.awaited(&job) {
            self.seconds.at(ctx.now).good += 1;
            self.rates.good.add(ctx.now, 1);
            self.counts.succeeded += 1;
            self.samples.end(ctx.now, job.id, job.attempt, Fate::Good);
            ctx.step(Tone::Ok, code::ANSWERED, job.id, delay.0 as i64, 0);
            self.release(job.slot, ctx);
        } else {
            self.counts.wasted += 1;
            self.rates.wasted.add(ctx.now, 1);
            self.samples.end(ctx.now, job.id, job.attempt, Fate::Late);
            ctx.step(Tone::Stale, code::WASTED, job.id, delay.0 as i64, 0);
        }
        self.kick(ctx);
        self.let_in_held(ctx);
    }

    // The callers.

    /// Whether the caller still waits for this very attempt.
    fn awaited(&self, job: &Job) -> bool {
        self.requests
            .get(job.slot as usize)
            .is_some_and(|r| r.id == job.id && r.attempt == job.attempt && r.state == ClientState::Attempting)
    }

    /// Callers whose patience has ended leave. Equal spans end in the order in which they began.
    pub(super) fn patience_ends(&mut self, ctx: &mut Ctx<Ev>) {
        while let Some(&job) = self.deadlines.front() {
            if self.awaited(&job) {
                let end = job.at() + self.s.patience;
                if end > ctx.now {
                    return ctx.at(end, Ev::Patience);
                }
                self.deadlines.pop_front();
                self.attempt_failed(job, Why::Patience, ctx);
            } else {
                self.deadlines.pop_front();
            }
        }
        self.deadline_set = false;
    }

    /// An attempt came to nothing: the caller tries again, or gives up. Ignored if it has left.
    fn attempt_failed(&mut self, job: Job, why: Why, ctx: &mut Ctx<Ev>) {
        self.samples.end(ctx.now, job.id, job.attempt, why.fate());
        if !self.awaited(&job) {
            return;
        }
        ctx.step(Tone::Rejected, code::ATTEMPT_FAILED, job.id, i64::from(job.attempt), why as i64);
        if job.attempt >= self.s.retry.attempts {
            return self.give_up(job.slot, why, ctx);
        }
        let bits = self.jitter.at(u64::from(job.id) * 8 + u64::from(job.attempt));
        let request = &mut self.requests[job.slot as usize];
        let wait = self.s.retry.wait(job.attempt, Us(u64::from(request.last_wait)), fraction(bits));
        request.last_wait = wait.0 as u32;
        request.state = ClientState::BackingOff;
        ctx.step(Tone::Waiting, code::BACKS_OFF, job.id, wait.0 as i64, 0);
        ctx.after(wait, Ev::Retry(job.slot));
    }

    fn give_up(&mut self, slot: u32, why: Why, ctx: &mut Ctx<Ev>) {
        let id = self.requests[slot as usize].id;
        self.counts.failed += 1;
        ctx.bad();
        ctx.mix(u64::from(id) << 8 | why as u64);
        ctx.step(Tone::Rejected, code::GAVE_UP, id, 0, why as i64);
        self.release(slot, ctx);
    }

    /// The request is over, one way or the other; its credit is free.
    fn release(&mut self, slot: u32, ctx: &mut Ctx<Ev>) {
        let request = &mut self.requests[slot as usize];
        // A place whose client still has a timer under way must not be given to another.
        let timer = request.state == ClientState::BackingOff;
        request.state = ClientState::Free;
        let t = tenant_of(request.id);
        if !timer {
            self.requests.release(slot);
        }
        self.counts.live -= 1;
        self.tenants[t].unanswered -= 1;
        self.hold_or_release(t, ctx);
    }

    // The process.

    /// The process dies with all that is inside, by hand or because the memory is full.
    pub(super) fn die(&mut self, of_memory: bool, ctx: &mut Ctx<Ev>) {
        if self.is_down(ctx.now) {
            return;
        }
        let mut lost = Vec::new();
        self.line.clear(|job| lost.push(job));
        for task in self.lose_work(None, ctx) {
            if let Task::Request(job) = task {
                lost.push(job);
            }
        }
        self.counts.killed += 1;
        self.counts.lost += lost.len() as u64;
        (self.counts.queued, self.counts.in_service) = (0, 0);
        self.tenants.iter_mut().for_each(|t| t.waiting = 0);
        self.bulkhead.clear();
        self.down_until = ctx.now + self.s.restart;
        self.frozen_until = Us::ZERO;
        let code = if of_memory { code::OUT_OF_MEMORY } else { code::KILLED };
        ctx.log(Tone::Fault, code, Line::NO_REQUEST, lost.len() as i64, self.s.restart.0 as i64);
        ctx.at(self.down_until, Ev::Restarted);
        for job in lost {
            self.attempt_failed(job, Why::Lost, ctx);
        }
    }

    pub(super) fn restarted(&mut self, ctx: &mut Ctx<Ev>) {
        self.trouble_end = ctx.now;
        ctx.log(Tone::Ok, code::RESTARTED, Line::NO_REQUEST, 0, 0);
        self.kick(ctx);
        self.let_in_held(ctx);
    }

    /// The process stands still; the queries that it has sent do not.
    pub(super) fn freeze(&mut self, span: Us, ctx: &mut Ctx<Ev>) {
        self.frozen_until = ctx.now + span;
        ctx.log(Tone::Fault, code::FROZEN, Line::NO_REQUEST, 0, span.0 as i64);
        ctx.at(self.frozen_until, Ev::Resume);
    }
}
