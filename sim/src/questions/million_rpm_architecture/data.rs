//! What the servers ask: cache cluster, database, broker.

use super::*;

/// A time in steps of 64 µs, as records keep it.
fn ticks(now: Us) -> u32 {
    (now.0 >> 6) as u32
}

impl Million {
    pub(super) fn owners(map: &ShardMap, keys: u32) -> Rc<[u8]> {
        (0..keys).map(|k| map.owner(u64::from(k)).map_or(NO_NODE, |n| n as u8)).collect()
    }

    /// The i-th record of a request.
    #[inline]
    fn key(&self, id: u32, i: u32) -> u32 {
        let bits = self.keys.at(u64::from(id) * 16 + u64::from(i) + 1);
        if (bits as u32 & 0xf_ffff) < self.hot_cut {
            return HOT;
        }
        1 + (((bits >> 32) * u64::from(self.s.keys.max(2) - 1)) >> 32) as u32
    }

    /// Whether the cache has a good copy.
    #[inline(always)]
    fn fresh(&self, key: u32, now: u32) -> bool {
        let entry = self.entries[key as usize];
        entry & LOADING == 0 && entry > now
    }

    /// Looks up all records of a request at once: those missing as bits, and how long it took in µs.
    pub(super) fn look_up(&mut self, id: u32, server: usize, ctx: &mut Ctx<Ev>) -> (u16, u16) {
        let n = self.s.reads;
        if !self.s.cache {
            return ((1 << n) - 1, 0);
        }
        let now = ticks(ctx.now);
        let (mut missing, mut worst_ns) = (0u16, 0u64);
        for i in 0..n {
            let key = self.key(id, i);
            let own_copy = key == HOT && self.s.local;
            if own_copy && self.servers[server].hot_until > now {
                continue;
            }
            let node = self.owners[key as usize];
            let passed = match self.cache_hops.get_mut(node as usize) {
                Some(hop) => hop.pass(ctx.now, self.cache_ns, CACHE_WAIT_MAX_NS),
                None => None,
            };
            worst_ns = worst_ns.max(passed.unwrap_or(if node == NO_NODE { 0 } else { CACHE_WAIT_MAX_NS }));
            let hit = passed.is_some() && self.fresh(key, now);
            if !hit {
                missing |= 1 << i;
            } else if own_copy {
                self.servers[server].hot_until = now + ticks(LOCAL_TTL);
            }
        }
        let misses = missing.count_ones();
        self.counts.lookups += u64::from(n);
        self.counts.hits += u64::from(n - misses);
        self.counts.misses += u64::from(misses);
        self.now.lookups += n;
        self.now.hits += n - misses;
        self.meters.turn(ctx.now);
        self.meters.add(meter::LOOKUPS, n);
        self.meters.add(meter::HITS, n - misses);
        ctx.step(Tone::Info, code::LOOKED, id, i64::from(n - misses), i64::from(n));
        let trip = if n > 0 { CACHE_TRIP.0 } else { 0 };
        (missing, (trip + worst_ns / 1_000) as u16)
    }

    /// The next missing record of a request: from the database, or by waiting for one who loads it.
    pub(super) fn read_next(&mut self, slot: u32, ctx: &mut Ctx<Ev>) {
        if !self.s.single {
            return self.ask(slot, ctx);
        }
        loop {
            let f = *self.flights.get(slot);
            if f.missing == 0 {
                return self.work_on(slot, ctx);
            }
            let key = self.key(f.id, f.missing.trailing_zeros());
            if self.s.cache && self.fresh(key, ticks(ctx.now)) {
                // Somebody has loaded it since.
                self.flights.get_mut(slot).missing &= f.missing - 1;
                continue;
            }
            if self.servers[f.server as usize].pool == 0 {
                return self.abort(slot, Why::NoConnection, false, ctx);
            }
            let entry = self.entries[key as usize];
            let loader = if entry & LOADING != 0 {
                ctx.step(Tone::Waiting, code::JOINED, f.id, i64::from(key), 0);
                entry & !LOADING
            } else {
                match self.start_load(key, ctx) {
                    Ok(loader) => {
                        ctx.step(Tone::Waiting, code::LOADS, f.id, i64::from(key), 0);
                        loader
                    }
                    Err(why) => return self.abort(slot, why, false, ctx),
                }
            };
            let load = self.flights.get(loader).id as usize;
            self.flights.join(&mut self.loads[load].waiters, slot);
            self.flights.get_mut(slot).at = At::Load;
            return self.wait_begins(slot, ctx);
        }
    }

    /// Single flight: one query for all who want this record. It belongs to nobody, so it goes on
    /// when those who wait for it have left.
    fn start_load(&mut self, key: u32, ctx: &mut Ctx<Ev>) -> Result<u32, Why> {
        let node = self.reader(key % self.d.shards).ok_or(Why::NoNode)?;
        let load = self.loads_free.pop().unwrap_or_else(|| {
            self.loads.push(Loading { key, waiters: Chain::default() });
            self.loads.len() as u32 - 1
        });
        self.loads[load as usize] = Loading { key, waiters: Chain::default() };
        let loader = self.flights.add(Flight {
            id: load,
            server: 0,
            missing: 0,
            way: 0,
            cache: 0,
            balancer: 0,
            node,
            at: At::Loader,
            flags: GONE,
        });
        if !self.enqueue(loader, node, ctx) {
            self.flights.remove(loader);
            self.loads_free.push(load);
            return Err(Why::DbFull);
        }
        self.entries[key as usize] = LOADING | loader;
        Ok(loader)
    }

    fn wait_begins(&mut self, slot: u32, ctx: &mut Ctx<Ev>) {
        if self.flights.runs(WAITED, slot) {
            return;
        }
        self.flights.start(WAITED, slot, ctx.now);
        if self.waited_at == Us::MAX {
            self.waited_at = ctx.now + self.s.db_wait;
            ctx.at(self.waited_at, Ev::Waited);
        }
    }

    /// A request needs the database: with a connection of its server, now or when one is free.
    pub(super) fn ask(&mut self, slot: u32, ctx: &mut Ctx<Ev>) {
        let f = *self.flights.get(slot);
        let server = &mut self.servers[f.server as usize];
        if server.pool == 0 {
            return self.abort(slot, Why::NoConnection, false, ctx);
        }
        let free = server.pooled < server.pool;
        if free {
            server.pooled += 1;
        } else {
            self.flights.join(&mut server.pool_line, slot);
            self.flights.get_mut(slot).at = At::Pool;
            ctx.step(Tone::Waiting, code::POOL, f.id, 0, 0);
        }
        self.wait_begins(slot, ctx);
        if free && !self.send(slot, ctx) {
            self.give_back(f.server, ctx);
        }
    }

    /// A connection is free again: the next who waits for one gets it.
    pub(super) fn give_back(&mut self, server: u16, ctx: &mut Ctx<Ev>) {
        loop {
            let s = &mut self.servers[server as usize];
            let Some(next) = self.flights.leave(&mut s.pool_line) else {
                s.pooled -= 1;
                return;
            };
            if self.flights.get(next).flags & DETACHED != 0 {
                self.flights.remove(next);
            } else if self.send(next, ctx) {
                return;
            }
        }
    }

    /// A node of the shard that can read, in turn.
    fn reader(&mut self, shard: u32) -> Option<u8> {
        let copies = 1 + self.d.replicas;
        let first = shard * copies;
        for _ in 0..copies {
            let h = &mut self.shards[shard as usize];
            h.turn = if u32::from(h.turn) + 1 >= copies { 0 } else { h.turn + 1 };
            let node = first + u32::from(h.turn);
            if self.nodes[node as usize].up {
                return Some(node as u8);
            }
        }
        None
    }

    /// Sends a request's query to a node. False if that failed, and the request with it.
    fn send(&mut self, slot: u32, ctx: &mut Ctx<Ev>) -> bool {
        let f = *self.flights.get(slot);
        let node = if f.flags & WRITE != 0 {
            self.shards[(f.id % self.d.shards) as usize].primary
        } else {
            let key = self.key(f.id, f.missing.trailing_zeros());
            self.reader(key % self.d.shards)
        };
        let Some(node) = node else {
            self.abort(slot, Why::NoNode, false, ctx);
            return false;
        };
        let f = self.flights.get_mut(slot);
        (f.at, f.node) = (At::Query, node);
        f.flags &= !RUNNING;
        let id = f.id;
        if let Some(s) = self.samples.find(id, 1) {
            s.what.asked = ctx.now;
        }
        let waiting = self.nodes[node as usize].line.len() as i64;
        ctx.step(Tone::Waiting, code::ASKED, id, i64::from(node), waiting);
        if !self.enqueue(slot, node, ctx) {
            self.abort(slot, Why::DbFull, false, ctx);
            return false;
        }
        true
    }

    /// A query reaches a node: it runs, waits or is refused.
    fn enqueue(&mut self, slot: u32, node: u8, ctx: &mut Ctx<Ev>) -> bool {
        self.counts.asked += 1;
        self.meters.turn(ctx.now);
        self.meters.add(meter::QUERIES, 1);
        let limit = self.s.db_limit();
        let n = &mut self.nodes[node as usize];
        if u32::from(n.busy) < limit {
            self.run(slot, node, ctx);
        } else if (n.line.len() as u32) < self.s.db_queue {
            self.flights.join(&mut n.line, slot);
            self.counts.db_waiting += 1;
        } else {
            self.counts.queries_refused += 1;
            return false;
        }
        true
    }

    pub(super) fn meter_node(&mut self, n: usize, now: Us) {
        let node = &mut self.nodes[n];
        node.area += u64::from(node.busy) * now.since(node.since).0;
        node.since = now;
    }

    pub(super) fn meter_connections(&mut self, now: Us) {
        self.connections_area += u64::from(self.connections_busy) * now.since(self.connections_since).0;
        self.connections_since = now;
    }

    fn run(&mut self, slot: u32, node: u8, ctx: &mut Ctx<Ev>) {
        self.meter_node(node as usize, ctx.now);
        self.nodes[node as usize].busy += 1;
        self.counts.db_running += 1;
        let f = self.flights.get_mut(slot);
        f.flags |= RUNNING;
        let f = *f;
        let bits = match f.at {
            At::Query => {
                let which = if f.flags & WRITE != 0 { 15 } else { f.missing.trailing_zeros() };
                self.queries.at(u64::from(f.id) * 16 + u64::from(which) + 1)
            }
            _ => self.applies.bits(),
        };
        if f.at != At::Apply {
            self.meter_connections(ctx.now);
            self.connections_busy += 1;
        }
        let span = self.s.law.demand(bits, self.s.db_time);
        let span = if self.db_factor == 1.0 { span } else { Us::from_us(span.0 as f64 * self.db_factor) };
        ctx.after(span, Ev::Queried(slot));
    }

    /// A node has room: what it has to repeat first, then who waits.
    pub(super) fn next_query(&mut self, node: u8, ctx: &mut Ctx<Ev>) {
        let limit = self.s.db_limit();
        while self.nodes[node as usize].up && u32::from(self.nodes[node as usize].busy) < limit {
            if self.nodes[node as usize].behind > 0 {
                self.nodes[node as usize].behind -= 1;
                self.counts.asked += 1;
                let slot = self.flights.add(Flight {
                    id: 0,
                    server: 0,
                    missing: 0,
                    way: 0,
                    cache: 0,
                    balancer: 0,
                    node,
                    at: At::Apply,
                    flags: GONE,
                });
                self.run(slot, node, ctx);
                continue;
            }
            let Some(next) = self.flights.leave(&mut self.nodes[node as usize].line) else {
                return;
            };
            self.counts.db_waiting -= 1;
            let f = *self.flights.get(next);
            if f.flags & DETACHED != 0 && self.s.cancel {
                self.counts.queries_cancelled += 1;
                self.flights.remove(next);
                if f.flags & ORPHAN == 0 {
                    self.give_back(f.server, ctx);
                }
                continue;
            }
            self.run(next, node, ctx);
        }
    }

    /// The database has an answer.
    pub(super) fn queried(&mut self, slot: u32, ctx: &mut Ctx<Ev>) {
        let f = *self.flights.get(slot);
        if f.flags & NODE_DIED != 0 {
            return self.flights.remove(slot);
        }
        self.meter_node(f.node as usize, ctx.now);
        self.nodes[f.node as usize].busy -= 1;
        self.counts.db_running -= 1;
        self.counts.answered += 1;
        if f.at != At::Apply {
            self.meter_connections(ctx.now);
            self.connections_busy -= 1;
        }
        self.next_query(f.node, ctx);
        match f.at {
            At::Apply => self.flights.remove(slot),
            At::Loader => self.loaded(slot, ctx),
            _ => self.request_queried(slot, ctx),
        }
        self.settle(ctx);
    }

    fn request_queried(&mut self, slot: u32, ctx: &mut Ctx<Ev>) {
        let f = *self.flights.get(slot);
        if f.flags & ORPHAN == 0 {
            self.give_back(f.server, ctx);
        }
        if f.flags & WRITE != 0 {
            self.committed(f.id % self.d.shards, ctx);
        }
        if f.flags & DETACHED != 0 {
            // Nobody waits for it, so nobody puts it into the cache either.
            self.counts.queries_wasted += 1;
            self.meters.turn(ctx.now);
            self.meters.add(meter::WASTED, 1);
            return self.flights.remove(slot);
        }
        let took = self.flights.age(WAITED, slot, ctx.now).0 as i64;
        self.flights.stop(WAITED, slot);
        ctx.step(Tone::Info, code::QUERIED, f.id, i64::from(f.node), took);
        if f.flags & WRITE != 0 {
            if self.s.broker && !self.publish(f.id, ctx) {
                return self.abort(slot, Why::BrokerFull, false, ctx);
            }
            if !self.gives_up(slot, ctx) {
                self.work_on(slot, ctx);
            }
            return;
        }
        let key = self.key(f.id, f.missing.trailing_zeros());
        self.fill(key, ctx.now);
        self.next_record(slot, ctx);
    }

    /// A worker that hears that its client has left does not go on.
    fn gives_up(&mut self, slot: u32, ctx: &mut Ctx<Ev>) -> bool {
        let gone = self.s.expire && self.flights.get(slot).flags & GONE != 0;
        if gone {
            self.abort(slot, Why::Patience, false, ctx);
        }
        gone
    }

    /// The record that was asked for is there.
    fn next_record(&mut self, slot: u32, ctx: &mut Ctx<Ev>) {
        if self.gives_up(slot, ctx) {
            return;
        }
        let f = self.flights.get_mut(slot);
        f.missing &= f.missing - 1;
        if f.missing == 0 { self.work_on(slot, ctx) } else { self.read_next(slot, ctx) }
    }

    fn fill(&mut self, key: u32, now: Us) {
        let entry = &mut self.entries[key as usize];
        if *entry & LOADING != 0 {
            return;
        }
        let keep = self.s.cache && self.ttl_ticks > 0 && self.owners[key as usize] != NO_NODE;
        *entry = if keep { ticks(now) + self.ttl_ticks } else { 0 };
    }

    /// A load is done: into the cache, and on with all who wait.
    fn loaded(&mut self, slot: u32, ctx: &mut Ctx<Ev>) {
        let load = self.flights.get(slot).id;
        self.flights.remove(slot);
        let Loading { key, mut waiters } = self.loads[load as usize];
        self.loads_free.push(load);
        self.entries[key as usize] = 0;
        self.fill(key, ctx.now);
        let mut served = 0u64;
        while let Some(next) = self.flights.leave(&mut waiters) {
            if self.flights.get(next).flags & DETACHED != 0 {
                self.flights.remove(next);
                continue;
            }
            served += 1;
            self.flights.stop(WAITED, next);
            let (id, node) = (self.flights.get(next).id, 0);
            ctx.step(Tone::Info, code::LOADED, id, i64::from(key), node);
            self.next_record(next, ctx);
        }
        if served == 0 {
            // The cache has it all the same.
            self.counts.queries_wasted += 1;
        }
    }

    /// A primary has committed a write: off to the replicas.
    fn committed(&mut self, shard: u32, ctx: &mut Ctx<Ev>) {
        self.counts.committed += 1;
        if self.d.replicas > 0 {
            let h = &mut self.shards[shard as usize];
            h.shipping += 1;
            ctx.after(self.s.lag, Ev::Shipped { shard: shard as u8, epoch: h.epoch });
        }
    }

    pub(super) fn shipped(&mut self, shard: u8, epoch: u16, ctx: &mut Ctx<Ev>) {
        let h = &mut self.shards[shard as usize];
        if h.epoch != epoch {
            return;
        }
        h.shipping -= 1;
        let primary = h.primary;
        let copies = (1 + self.d.replicas) as u8;
        for node in shard * copies..(shard + 1) * copies {
            if Some(node) != primary && self.nodes[node as usize].up {
                self.nodes[node as usize].behind += 1;
                self.next_query(node, ctx);
            }
        }
        self.settle(ctx);
    }

    /// Hands the heavy part of a write to the broker. False if it has no room.
    fn publish(&mut self, id: u32, ctx: &mut Ctx<Ev>) -> bool {
        if self.backlog.len() >= self.s.backlog {
            return false;
        }
        self.counts.published += 1;
        self.backlog.push_back((ctx.now.0 >> 10) as u32);
        ctx.step(Tone::Info, code::PUBLISHED, id, self.backlog.len() as i64, 0);
        self.give_jobs(ctx);
        true
    }

    /// Idle job workers take what waits.
    pub(super) fn give_jobs(&mut self, ctx: &mut Ctx<Ev>) {
        while !self.jobs_stopped && self.job_busy < self.d.job_workers && self.backlog.pop_front().is_some() {
            self.job_busy += 1;
            self.job_next += 1;
            let bits = self.jobs.at(1 << 40 | self.job_next);
            ctx.after(Law::Exponential.demand(bits, self.s.job), Ev::JobDone(self.job_stop));
        }
        if self.backlog.is_empty() && self.drain_from.is_some() && self.drained.is_none() {
            self.drained = Some(ctx.now);
        }
    }

    pub(super) fn job_done(&mut self, epoch: u16, ctx: &mut Ctx<Ev>) {
        if epoch != self.job_stop {
            return;
        }
        self.job_busy -= 1;
        self.counts.jobs_done += 1;
        self.meters.turn(ctx.now);
        self.meters.add(meter::JOBS, 1);
        self.give_jobs(ctx);
    }
}
