//! From the client to a worker and back: edge, balancers, servers, and everybody's patience.

use super::*;

impl Million {
    pub(super) fn arrive(&mut self, ctx: &mut Ctx<Ev>) {
        let id = self.load.arrive(ctx.now) as u32;
        self.schedule_arrival(ctx);
        self.meters.turn(ctx.now);
        self.counts.arrivals += 1;
        self.now.arrived += 1;
        self.meters.add(meter::OFFERED, 1);
        let bits = self.kinds.at(u64::from(id) + 1);
        let write = (bits as u32 & 0xf_ffff) < self.write_cut;
        self.samples.begin(ctx.now, id, 1, Way::new(write));
        ctx.step(Tone::Info, code::ARRIVED, id, i64::from(write), 0);
        if self.s.limiter && !self.within_tier(id, (bits >> 40) as u32 & 0xf_ffff, ctx) {
            return;
        }
        self.now.reads += u32::from(!write);
        self.meters.add(if write { meter::WRITES } else { meter::READS }, 1);
        if !write && ((bits >> 20) as u32 & 0xf_ffff) < self.edge_cut {
            self.counts.edge += 1;
            self.answered(id, write, ctx);
            ctx.step(Tone::Ok, code::EDGE_HIT, id, 0, 0);
            return;
        }
        self.route(id, write, ctx);
    }

    /// Counts the request for its client and tells whether it is within the tier's limit: one
    /// counter a client, emptied every minute.
    fn within_tier(&mut self, id: u32, tier: u32, ctx: &mut Ctx<Ev>) -> bool {
        let (free, paying) = self.population;
        let bits = self.clients.at(u64::from(id) + 1);
        let of = |n: u32| (((bits & 0xffff_ffff) * u64::from(n)) >> 32) as usize;
        let greedy = ((bits >> 40) as u32 & 0xf_ffff) < self.greedy_cut;
        let paid = paying > 0 && tier < self.paid_cut && !greedy;
        let (client, limit) = match (greedy, paid) {
            (true, _) => (paying as usize, self.s.free),
            (_, true) => (of(paying), self.s.paid),
            _ => (paying as usize + of(free), self.s.free),
        };
        let used = &mut self.tiers[client];
        if *used < limit {
            *used += 1;
            return true;
        }
        self.counts.limited += 1;
        self.now.limited += 1;
        self.meters.add(meter::LIMITED, 1);
        self.samples.end(ctx.now, id, 1, Fate::Refused);
        ctx.mix(u64::from(id));
        ctx.step(Tone::Rejected, code::LIMITED, id, i64::from(limit), i64::from(paid));
        false
    }

    /// Edge to balancer to server, and into its line or to a worker.
    fn route(&mut self, id: u32, write: bool, ctx: &mut Ctx<Ev>) {
        let Some(b) = self.edge.pick(Choice::RoundRobin, 0, None) else {
            return self.lose(id, write, Why::Nobody, ctx);
        };
        self.edge.release(b);
        let hop = &mut self.hops[b as usize];
        if !hop.up {
            return self.lose(id, write, Why::Dead, ctx);
        }
        let Some(way_ns) = hop.pass(ctx.now, self.balancer_ns, BALANCER_WAIT_MAX_NS) else {
            return self.lose(id, write, Why::BalancerFull, ctx);
        };
        let bits = self.pick.at(u64::from(id) + 1);
        let server = match self.choose(b as usize, bits) {
            Ok(server) => server,
            Err(why) => return self.lose(id, write, why, ctx),
        };
        let s = &self.servers[server as usize];
        let idle = s.busy < self.s.workers && s.line.is_empty();
        if !idle && s.line.len() as u32 >= self.s.queue {
            self.balancers[b as usize].release(server);
            return self.lose(id, write, Why::Full, ctx);
        }
        let slot = self.flights.add(Flight {
            id,
            server,
            missing: 0,
            way: (way_ns / 1_000) as u16,
            cache: 0,
            balancer: b as u8,
            node: 0,
            at: At::Line,
            flags: if write { WRITE } else { 0 },
        });
        self.flights.start(PATIENCE, slot, ctx.now);
        if self.patience_at == Us::MAX {
            self.patience_at = ctx.now + self.s.timeout;
            ctx.at(self.patience_at, Ev::Patience);
        }
        self.counts.entered += 1;
        if let Some(s) = self.samples.find(id, 1) {
            s.what.zone = self.servers[server as usize].zone;
        }
        ctx.step(Tone::Info, code::SENT, id, i64::from(server), i64::from(b));
        if idle {
            self.begin(slot, ctx);
            if !self.kicks.is_empty() {
                self.settle(ctx);
            }
        } else {
            let line = &mut self.servers[server as usize].line;
            self.flights.join(line, slot);
            self.counts.in_line += 1;
            ctx.step(Tone::Waiting, code::QUEUED, id, i64::from(server), line.len() as i64);
        }
    }

    /// The balancer's choice; a dead server is noticed, and another one tried, once.
    fn choose(&mut self, b: usize, bits: u64) -> Result<u16, Why> {
        let balancer = &mut self.balancers[b];
        let first = balancer.pick(self.s.choice, bits, None).ok_or(Why::Nobody)?;
        if self.servers[first as usize].up {
            return Ok(first);
        }
        balancer.release(first);
        if !self.s.next {
            return Err(Why::Dead);
        }
        let second = balancer.pick(self.s.choice, bits.rotate_left(23), Some(first)).ok_or(Why::Nobody)?;
        if self.servers[second as usize].up {
            return Ok(second);
        }
        balancer.release(second);
        Err(Why::Dead)
    }

    /// Keeps the meter of busy workers; call before `counts.busy` changes.
    #[inline]
    pub(super) fn meter_busy(&mut self, now: Us) {
        self.busy_area += self.counts.busy * now.since(self.busy_since).0;
        self.busy_since = now;
    }

    /// A worker starts on a request: first what it needs, then its own work.
    pub(super) fn begin(&mut self, slot: u32, ctx: &mut Ctx<Ev>) {
        self.meter_busy(ctx.now);
        let f = *self.flights.get(slot);
        self.servers[f.server as usize].busy += 1;
        self.counts.busy += 1;
        self.counts.begun += 1;
        ctx.step(Tone::Info, code::BEGUN, f.id, self.flights.age(PATIENCE, slot, ctx.now).0 as i64, 0);
        if f.flags & WRITE != 0 {
            return self.ask(slot, ctx);
        }
        let (missing, cache) = self.look_up(f.id, f.server as usize, ctx);
        if missing == 0 {
            return self.work(slot, f.id, Us(u64::from(cache)), f.server, ctx);
        }
        let f = self.flights.get_mut(slot);
        (f.missing, f.cache) = (missing, cache);
        self.read_next(slot, ctx);
    }

    /// All it needs is there: its own work, and what the lookups took.
    fn work(&mut self, slot: u32, id: u32, more: Us, server: u16, ctx: &mut Ctx<Ev>) {
        self.flights.get_mut(slot).at = At::Work;
        let mut span = self.s.law.demand(self.demands.at(u64::from(id) + 1), self.own);
        if self.servers[server as usize].slow {
            span = Us::from_us(span.0 as f64 * self.slow_factor);
        }
        ctx.after(span + more, Ev::Done(slot));
    }

    /// After its last answer from cache or database.
    pub(super) fn work_on(&mut self, slot: u32, ctx: &mut Ctx<Ev>) {
        let f = *self.flights.get(slot);
        let mut more = Us(u64::from(f.cache));
        if f.flags & WRITE != 0 && !self.s.broker {
            // Nobody to hand the heavy part to.
            more += Law::Exponential.demand(self.jobs.at(u64::from(f.id) + 1), self.s.job);
        }
        self.work(slot, f.id, more, f.server, ctx);
    }

    /// A worker is done.
    pub(super) fn done(&mut self, slot: u32, ctx: &mut Ctx<Ev>) {
        let f = *self.flights.get(slot);
        if f.flags & DETACHED != 0 {
            // Its server died meanwhile.
            return self.flights.remove(slot);
        }
        self.meters.turn(ctx.now);
        if f.flags & GONE == 0 {
            let took = self.flights.age(PATIENCE, slot, ctx.now) + Us(u64::from(f.way)) + HOPS;
            self.counts.finished += 1;
            self.counts.good += 1;
            self.latency.add(ctx.now, took);
            self.now.latency_ms += took.0 as f32 * 1e-3;
            self.now.latencies += 1;
            self.answered(f.id, f.flags & WRITE != 0, ctx);
            ctx.step(Tone::Ok, code::ANSWERED, f.id, took.0 as i64, 0);
        } else {
            self.counts.wasted += 1;
            self.meters.add(meter::WASTED, 1);
            ctx.step(Tone::Stale, code::WASTED, f.id, 0, 0);
        }
        self.balancers[f.balancer as usize].release(f.server);
        self.flights.remove(slot);
        self.free_worker(f.server, ctx);
        self.settle_server(f.server, ctx);
        if !self.kicks.is_empty() {
            self.settle(ctx);
        }
    }

    fn answered(&mut self, id: u32, write: bool, ctx: &mut Ctx<Ev>) {
        self.now.good += 1;
        self.now.reads_good += u32::from(!write);
        self.meters.add(meter::GOOD, 1);
        self.samples.end(ctx.now, id, 1, Fate::Good);
    }

    #[inline]
    fn free_worker(&mut self, server: u16, ctx: &mut Ctx<Ev>) {
        self.meter_busy(ctx.now);
        self.servers[server as usize].busy -= 1;
        self.counts.busy -= 1;
    }

    /// Idle workers of a server take who waits.
    #[inline]
    pub(super) fn settle_server(&mut self, server: u16, ctx: &mut Ctx<Ev>) {
        let workers = self.s.workers;
        while self.servers[server as usize].busy < workers {
            let Some(next) = self.flights.leave(&mut self.servers[server as usize].line) else {
                return;
            };
            self.counts.in_line -= 1;
            let f = *self.flights.get(next);
            if f.flags & GONE != 0 && self.s.expire {
                self.counts.dropped += 1;
                self.balancers[f.balancer as usize].release(server);
                self.flights.remove(next);
                ctx.step(Tone::Stale, code::DROPPED, f.id, 0, 0);
                continue;
            }
            self.begin(next, ctx);
        }
    }

    /// Workers that have become free while something else was going on. A list and no recursion:
    /// whoever begins may fail at once and free its worker again.
    pub(super) fn settle(&mut self, ctx: &mut Ctx<Ev>) {
        while let Some(server) = self.kicks.pop() {
            self.settle_server(server, ctx);
        }
    }

    /// A worker gives up on a request: it answers with an error if the client is still there. With
    /// `held`, a line or an event still refers to the record, and whoever finds it there removes it.
    pub(super) fn abort(&mut self, slot: u32, why: Why, held: bool, ctx: &mut Ctx<Ev>) {
        let f = *self.flights.get(slot);
        if f.flags & GONE == 0 {
            self.lose(f.id, f.flags & WRITE != 0, why, ctx);
        }
        self.flights.stop(PATIENCE, slot);
        self.flights.stop(WAITED, slot);
        self.counts.aborted += 1;
        self.balancers[f.balancer as usize].release(f.server);
        self.free_worker(f.server, ctx);
        self.kicks.push(f.server);
        if held {
            self.flights.get_mut(slot).flags |= GONE | DETACHED;
        } else {
            self.flights.remove(slot);
        }
    }

    /// A request has come to nothing.
    pub(super) fn lose(&mut self, id: u32, write: bool, why: Why, ctx: &mut Ctx<Ev>) {
        let c = &mut self.counts;
        let count = match why {
            Why::Full | Why::BalancerFull => &mut c.shed,
            Why::Nobody | Why::Dead => &mut c.unrouted,
            Why::Lost => &mut c.lost,
            Why::Patience => &mut c.timeouts,
            _ => &mut c.errors,
        };
        *count += 1;
        self.meters.turn(ctx.now);
        self.meters.add(meter::LOST, 1);
        if matches!(why, Why::Full | Why::BalancerFull) {
            self.now.shed += 1;
            self.meters.add(meter::SHED, 1);
        } else {
            self.now.failed += 1;
        }
        self.samples.end(ctx.now, id, 1, why.fate());
        ctx.bad();
        ctx.mix(u64::from(id) << 8 | why as u64);
        ctx.step(Tone::Rejected, code::FAILED, id, why as i64, i64::from(write));
    }

    /// Clients whose patience has ended leave. Their requests stay where they are.
    pub(super) fn patience_ends(&mut self, ctx: &mut Ctx<Ev>) {
        if ctx.now != self.patience_at {
            return;
        }
        while let Some(slot) = self.flights.expired(PATIENCE, self.s.timeout, ctx.now) {
            let f = self.flights.get_mut(slot);
            f.flags |= GONE;
            let (id, write) = (f.id, f.flags & WRITE != 0);
            self.lose(id, write, Why::Patience, ctx);
        }
        self.patience_at = Us::MAX;
        self.set_timers(ctx);
    }

    /// Workers that have waited long enough for the database give up.
    pub(super) fn waits_end(&mut self, ctx: &mut Ctx<Ev>) {
        if ctx.now != self.waited_at {
            return;
        }
        while let Some(slot) = self.flights.expired(WAITED, self.s.db_wait, ctx.now) {
            let f = *self.flights.get(slot);
            let drop_now = f.at == At::Query && self.s.cancel && f.flags & RUNNING == 0;
            self.abort(slot, Why::DbWait, true, ctx);
            if drop_now {
                // The connection is free at once; the query is skipped when its turn comes.
                self.flights.get_mut(slot).flags |= ORPHAN;
                self.give_back(f.server, ctx);
            }
        }
        self.waited_at = Us::MAX;
        self.set_timers(ctx);
        self.settle(ctx);
    }

    /// One event for the head of each list. An event that is no longer the right one is ignored.
    pub(super) fn set_timers(&mut self, ctx: &mut Ctx<Ev>) {
        let patience = self.flights.due(PATIENCE, self.s.timeout, ctx.now).unwrap_or(Us::MAX);
        if patience != self.patience_at {
            self.patience_at = patience;
            if patience < Us::MAX {
                ctx.at(patience, Ev::Patience);
            }
        }
        let waited = self.flights.due(WAITED, self.s.db_wait, ctx.now).unwrap_or(Us::MAX);
        if waited != self.waited_at {
            self.waited_at = waited;
            if waited < Us::MAX {
                ctx.at(waited, Ev::Waited);
            }
        }
    }
}
