//! A read from its look in the cache to its answer, and a write from its request to its commit.

use super::*;
use crate::blocks::cache::{Look, Stored};
use crate::blocks::stampede::{self, Found, Plan};

impl Caching {
    pub(super) fn read(&mut self, key: u32, ctx: &mut Ctx<Ev>) {
        let id = self.counts.reads as u32;
        self.counts.reads += 1;
        self.rates.reads.add(ctx.now, 1);
        self.seconds.at(ctx.now).reads += 1;
        if key < self.first_scan_key() {
            self.curve.touch(key);
        } else {
            self.curve.touch_once();
        }
        ctx.step(Tone::Info, code::ASKS, id, i64::from(key), 0);
        self.samples.begin(ctx.now, id, 1, ());
        let process = ((u128::from(self.processes.at(u64::from(id) + 1)) * u128::from(self.s.apps)) >> 64) as u16;
        let reader = Reader { id, key, process, polling: false, left: false };
        let (plan, found) = self.look(&reader, ctx.now);
        if found.look == Look::Fresh || matches!(plan, Plan::Serve | Plan::ServeAndRefresh) {
            self.counts.hits += 1;
            self.rates.hits.add(ctx.now, 1);
            self.seconds.at(ctx.now).hits += 1;
            let saved = (self.mean_time(key).0 / 10).min(10_000_000) as u32;
            self.rates.saved.add(ctx.now, saved);
        } else {
            self.counts.misses += 1;
            ctx.step(Tone::Waiting, code::MISS, id, i64::from(key), i64::from(found.look == Look::Stale));
        }
        match plan {
            Plan::Serve => self.hit(&reader, Us::ZERO, ctx),
            Plan::ServeAndRefresh => {
                self.hit(&reader, Us::ZERO, ctx);
                self.counts.refreshes += 1;
                ctx.step(Tone::Flight, code::REFRESH, id, i64::from(key), 0);
                self.ask(&reader, Kind::Refresh, None, ctx);
            }
            _ => {
                // A look at the bound first: what would not be kept is not begun.
                if self.readers.len() >= READERS_MAX {
                    self.counts.early += u64::from(found.early);
                    self.counts.turned_away += 1;
                    return self.fail(id, ctx);
                }
                let slot = self.readers.add(reader);
                self.counts.waiting += 1;
                self.readers.start(PATIENCE, slot, ctx.now);
                if !self.patience_set {
                    self.patience_set = true;
                    ctx.after(self.s.patience, Ev::Patience);
                }
                if found.early {
                    self.recompute_early(key, id, ctx);
                }
                self.go(slot, plan, if found.early { Kind::Early } else { Kind::Miss }, ctx);
            }
        }
    }

    /// A look in the cache, and what the guard makes of it.
    #[inline]
    fn look(&mut self, reader: &Reader, now: Us) -> (Plan, Found) {
        let mut found = Found { look: Look::Missing, expired: Us::ZERO, early: false, in_flight: false, locked: false };
        if let Some(owner) = self.map.owner(u64::from(reader.key)) {
            let node = &mut self.nodes[owner as usize];
            node.reads += 1;
            let (look, copy) = node.cache.get(now, reader.key);
            if !copy.tombstone {
                found.look = look;
            }
            match self.s.guard {
                Guard::XFetch { beta } if found.look == Look::Fresh => {
                    let expiry = node.cache.peek(reader.key).map_or(now, |(e, _)| e);
                    let bits = self.early.at(u64::from(reader.id) + 1);
                    found.early = stampede::early(now, expiry, Us(u64::from(copy.delta_us)), beta, bits);
                }
                Guard::StaleWhileRevalidate { .. } if found.look == Look::Stale => {
                    found.expired = node.cache.peek(reader.key).map_or(Us::ZERO, |(e, _)| now.since(e));
                }
                _ => {}
            }
        }
        if found.look != Look::Fresh {
            found.in_flight = self.flights.find(reader.key, reader.process).is_some();
            found.locked = self.s.guard == Guard::Lock && self.leases.held(now, reader.key);
        }
        (self.s.guard.plan(found), found)
    }

    /// A copy is served, to somebody who has waited this long for it.
    fn hit(&mut self, reader: &Reader, waited: Us, ctx: &mut Ctx<Ev>) {
        self.counts.answered += 1;
        self.latency.add(ctx.now, waited + self.s.cache_time);
        let Some(owner) = self.map.owner(u64::from(reader.key)) else {
            return;
        };
        let Some((expiry, copy)) = self.nodes[owner as usize].cache.peek(reader.key) else {
            return;
        };
        let since = Us::ms(u64::from(copy.superseded_ms));
        if copy.superseded_ms != NEVER_MS && since <= ctx.now {
            let served = ctx.now.since(since.max(Us::ms(u64::from(copy.stored_ms))));
            self.stale_for = self.stale_for.max(served);
            self.stale(reader.id, ctx.now.since(since), ctx);
            self.samples.end(ctx.now, reader.id, 1, Fate::Stale);
        } else {
            let old = ctx.now.since(Us::ms(u64::from(copy.stored_ms)));
            ctx.step(Tone::Ok, code::HIT, reader.id, old.0 as i64, expiry.0 as i64 - ctx.now.0 as i64);
            self.samples.end(ctx.now, reader.id, 1, Fate::Good);
        }
    }

    /// An answer that had been out of date for this long when it was asked for.
    fn stale(&mut self, id: u32, age: Us, ctx: &mut Ctx<Ev>) {
        self.counts.stale += 1;
        self.rates.stale.add(ctx.now, 1);
        self.seconds.at(ctx.now).stale += 1;
        // The oldest of this second, and of the one before.
        let second = ctx.now.0 / 1_000_000 * 1_000_000;
        if self.stale_age.1.0 < second {
            self.stale_age = (age, Us(second));
        } else {
            self.stale_age.0 = self.stale_age.0.max(age);
        }
        ctx.mix(age.0);
        ctx.step(Tone::Stale, code::STALE, id, age.0 as i64, 0);
    }

    fn fail(&mut self, id: u32, ctx: &mut Ctx<Ev>) {
        self.counts.failed += 1;
        self.rates.failed.add(ctx.now, 1);
        self.seconds.at(ctx.now).failed += 1;
        self.samples.end(ctx.now, id, 1, Fate::Failed);
        ctx.mix(u64::from(id));
        ctx.bad();
    }

    fn recompute_early(&mut self, key: u32, id: u32, ctx: &mut Ctx<Ev>) {
        self.counts.early += 1;
        self.rates.early.add(ctx.now, 1);
        let expiry = self.map.owner(u64::from(key)).and_then(|n| self.nodes[n as usize].cache.peek(key));
        let left = expiry.map_or(Us::ZERO, |(e, _)| e - ctx.now);
        if key == 1 && self.expiries.now == 0 && self.expiries.started {
            self.expiries.leads += 1;
            self.expiries.lead_us += left.0;
        }
        ctx.step(Tone::Flight, code::EARLY, id, left.0 as i64, 0);
    }

    /// A waiting reader does what the guard says.
    fn go(&mut self, slot: u32, plan: Plan, kind: Kind, ctx: &mut Ctx<Ev>) {
        let reader = *self.readers.get(slot);
        let flight = self.flights.find(reader.key, reader.process);
        match (plan, flight) {
            (Plan::Join, Some(query)) => {
                self.counts.joined += 1;
                let mut line = self.queries.get(query).readers;
                self.readers.join(&mut line, slot);
                self.queries.get_mut(query).readers = line;
                ctx.step(Tone::Waiting, code::JOINS, reader.id, line.len() as i64 - 1, 0);
            }
            (Plan::WaitForLock, _) => {
                self.counts.lock_waits += 1;
                self.readers.get_mut(slot).polling = true;
                ctx.after(self.s.lock_retry, Ev::Poll { slot, id: reader.id });
                ctx.step(Tone::Waiting, code::LOCKED, reader.id, self.s.lock_retry.0 as i64, 0);
            }
            _ => self.ask(&reader, kind, Some(slot), ctx),
        }
    }

    /// Somebody who found the lock taken looks again.
    pub(super) fn poll(&mut self, slot: u32, id: u32, ctx: &mut Ctx<Ev>) {
        if !self.readers.is_used(slot) || self.readers.get(slot).id != id || !self.readers.get(slot).polling {
            return;
        }
        let reader = *self.readers.get(slot);
        let (plan, _) = self.look(&reader, ctx.now);
        match plan {
            Plan::Serve | Plan::ServeAndRefresh => {
                let waited = self.readers.age(PATIENCE, slot, ctx.now);
                self.readers.remove(slot);
                self.counts.waiting -= 1;
                self.hit(&reader, waited, ctx);
            }
            Plan::WaitForLock => {
                ctx.after(self.s.lock_retry, Ev::Poll { slot, id });
                ctx.step(Tone::Waiting, code::LOCKED, id, self.s.lock_retry.0 as i64, 0);
            }
            plan => {
                self.counts.took_over += 1;
                self.readers.get_mut(slot).polling = false;
                self.go(slot, plan, Kind::Miss, ctx);
            }
        }
    }

    /// A query for the database, if its queue has room.
    fn ask(&mut self, reader: &Reader, kind: Kind, slot: Option<u32>, ctx: &mut Ctx<Ev>) {
        if self.counts.busy >= u64::from(self.s.servers) && self.line.len() >= self.s.queue {
            self.counts.turned_away += 1;
            ctx.step(Tone::Rejected, code::REFUSED, reader.id, self.line.len() as i64, 0);
            if let Some(slot) = slot {
                self.readers.remove(slot);
                self.counts.waiting -= 1;
                // Who only wanted to refresh early still has the copy.
                match kind {
                    Kind::Early => self.hit(reader, Us::ZERO, ctx),
                    _ => self.fail(reader.id, ctx),
                }
            }
            return;
        }
        let key = reader.key;
        let others = self.flights.of(key) as u64;
        self.counts.queries += 1;
        self.rates.queries.add(ctx.now, 1);
        self.seconds.at(ctx.now).queries += 1;
        self.comb.add(ctx.now);
        self.counts.loads_max = self.counts.loads_max.max(others + 1);
        if others > 0 {
            self.counts.duplicates += 1;
            self.rates.duplicates.add(ctx.now, 1);
        }
        if key == 1 {
            if self.expiries.now == 0 && self.expiries.started {
                let left = i64::from(kind == Kind::Early);
                ctx.log(Tone::Info, code::EXPIRY, Line::NO_REQUEST, left, 0);
            }
            self.expiries.now += 1;
        }
        // Without a node for the key there is nothing to hold a lock.
        let there = self.map.owner(u64::from(key)).is_some();
        let wants_lease = there && (self.s.on_set == OnSet::Lease || self.s.guard == Guard::Lock);
        let token = if wants_lease { self.leases.grant(ctx.now, key, self.s.lease) } else { 0 };
        let mut readers = Chain::default();
        if let Some(slot) = slot {
            self.readers.join(&mut readers, slot);
        }
        ctx.step(Tone::Flight, code::QUERY, reader.id, self.line.len() as i64, others as i64);
        let query = Query { key, kind, number: reader.id, token, asked: ctx.now, version: 0, readers };
        let query = self.queries.add(query);
        self.flights.begin(key, reader.process, query);
        self.enqueue(query, ctx);
    }

    fn enqueue(&mut self, query: u32, ctx: &mut Ctx<Ev>) {
        self.queries.join(&mut self.line, query);
        self.serve(ctx);
        self.counts.queue_max = self.counts.queue_max.max(self.line.len() as u64);
    }

    /// Idle servers take what waits.
    fn serve(&mut self, ctx: &mut Ctx<Ev>) {
        while self.counts.busy < u64::from(self.s.servers) {
            let Some(query) = self.queries.leave(&mut self.line) else {
                return;
            };
            self.counts.busy += 1;
            let q = *self.queries.get(query);
            let version = self.versions.get(q.key as usize).map_or(0, |v| v.0);
            self.queries.get_mut(query).version = version;
            let span = Us::from_us(self.demand(&q).0 as f64 * self.db_factor);
            ctx.after(span, Ev::Done(query));
        }
    }

    /// How long a query for this key takes on average.
    pub(super) fn mean_time(&self, key: u32) -> Us {
        if key == 1 { self.s.recompute } else { self.s.db_time }
    }

    fn demand(&self, q: &Query) -> Us {
        match q.kind {
            Kind::Write => self.s.law.demand(self.write_demands.at(u64::from(q.number) + 1), self.s.db_time),
            // The page that is made of many queries takes its time whoever asks.
            _ if q.key == 1 => self.s.recompute,
            _ => self.s.law.demand(self.demands.at(u64::from(q.number) + 1), self.s.db_time),
        }
    }

    /// The database is done with a query.
    pub(super) fn done(&mut self, query: u32, ctx: &mut Ctx<Ev>) {
        self.counts.busy -= 1;
        let q = *self.queries.get(query);
        if q.kind == Kind::Write {
            self.queries.remove(query);
            self.commit(q.key, ctx);
        } else if core::mem::take(&mut self.crash) {
            self.crashed(query, ctx);
        } else if self.hold > Us::ZERO {
            let span = core::mem::take(&mut self.hold);
            ctx.log(Tone::Fault, code::HELD, q.number, i64::from(q.key), span.0 as i64);
            ctx.after(span + self.s.cache_time, Ev::Store(query));
        } else {
            // The trip to the cache: time enough for a writer to be faster.
            ctx.after(self.s.cache_time, Ev::Store(query));
        }
        self.serve(ctx);
    }

    /// The process that loaded dies: nobody stores, nobody gives the lock back.
    fn crashed(&mut self, query: u32, ctx: &mut Ctx<Ev>) {
        let q = self.end_flight(query);
        ctx.log(Tone::Fault, code::CRASHED, q.number, i64::from(q.key), q.readers.len() as i64);
        let mut line = q.readers;
        while let Some(slot) = self.readers.leave(&mut line) {
            let reader = *self.readers.get(slot);
            self.readers.remove(slot);
            if !reader.left {
                self.counts.waiting -= 1;
                ctx.step(Tone::Rejected, code::LOST, reader.id, 0, 0);
                self.fail(reader.id, ctx);
            }
        }
    }

    fn end_flight(&mut self, query: u32) -> Query {
        let q = *self.queries.get(query);
        self.queries.remove(query);
        self.flights.end(query);
        if q.key == 1 && self.flights.of(1) == 0 {
            let e = &mut self.expiries;
            e.last = core::mem::take(&mut e.now);
            if core::mem::replace(&mut e.started, true) {
                e.done += 1;
                e.queries += u64::from(e.last);
            }
        }
        q
    }

    /// A loader stores what it got and answers those who wait for it.
    pub(super) fn store(&mut self, query: u32, ctx: &mut Ctx<Ev>) {
        let q = self.end_flight(query);
        let redeemed = q.token != 0 && self.leases.redeem(ctx.now, q.token);
        let owner = self.map.owner(u64::from(q.key));
        let allowed = match self.s.on_set {
            OnSet::Plain => true,
            OnSet::Lease => redeemed,
            OnSet::Version => owner
                .and_then(|n| self.nodes[n as usize].cache.peek(q.key))
                .is_none_or(|(until, copy)| copy.version <= q.version || (copy.tombstone && until <= ctx.now)),
        };
        let exists = q.key <= self.s.keys || q.key >= self.first_scan_key();
        if !allowed {
            self.counts.refused_sets += 1;
            ctx.log(Tone::Rejected, code::SET_REFUSED, q.number, i64::from(q.key), 0);
        } else if exists || self.s.negative {
            let (newest, changed_ms) = self.versions.get(q.key as usize).copied().unwrap_or_default();
            let late = q.version < newest;
            let copy = Copy {
                version: q.version,
                stored_ms: (ctx.now.0 / 1_000) as u32,
                superseded_ms: if late { changed_ms } else { NEVER_MS },
                delta_us: u32::try_from(ctx.now.since(q.asked).0).unwrap_or(u32::MAX),
                tombstone: false,
            };
            if late {
                ctx.log(Tone::Stale, code::STORED_OLD, q.number, i64::from(q.key), 0);
            }
            let span = if exists { self.s.ttl } else { ABSENT_TTL };
            self.put(q.key, span, copy, ctx);
        }
        ctx.step(Tone::Ok, code::STORED, q.number, i64::from(q.key), i64::from(allowed));
        self.answer(&q, ctx);
    }

    fn put(&mut self, key: u32, span: Us, copy: Copy, ctx: &mut Ctx<Ev>) {
        // Always one draw, so that moving the jitter shifts nothing else.
        let shorter = self.jitter.unit() * self.s.jitter;
        let span = Us::from_us(span.0 as f64 * (1.0 - shorter));
        ctx.mix(span.0);
        let Some(owner) = self.map.owner(u64::from(key)) else {
            return;
        };
        match self.nodes[owner as usize].cache.store(ctx.now, key, span, copy) {
            Stored::Evicted(victim) => {
                self.counts.evicted += 1;
                self.rates.evicted.add(ctx.now, 1);
                ctx.mix(u64::from(victim));
            }
            Stored::Refused => ctx.mix(u64::from(key)),
            Stored::Added | Stored::Replaced => {}
        }
    }

    /// Those who wait for a query get what it found.
    fn answer(&mut self, q: &Query, ctx: &mut Ctx<Ev>) {
        let (newest, changed_ms) = self.versions.get(q.key as usize).copied().unwrap_or_default();
        let mut line = q.readers;
        while let Some(slot) = self.readers.leave(&mut line) {
            let reader = *self.readers.get(slot);
            let waited = self.readers.age(PATIENCE, slot, ctx.now);
            self.readers.remove(slot);
            if reader.left {
                continue;
            }
            self.counts.waiting -= 1;
            self.counts.answered += 1;
            self.latency.add(ctx.now, waited + self.s.cache_time);
            // Joining a query that began before a change gives the old value to somebody who came after it.
            let changed = Us::ms(u64::from(changed_ms));
            if q.version < newest && changed + waited < ctx.now {
                self.stale(reader.id, ctx.now.since(changed), ctx);
                self.samples.end(ctx.now, reader.id, 1, Fate::Stale);
            } else {
                ctx.step(Tone::Ok, code::ANSWERED, reader.id, waited.0 as i64, 0);
                self.samples.end(ctx.now, reader.id, 1, Fate::Loaded);
            }
        }
    }

    /// Readers whose patience has ended leave; what they wait for goes on without them.
    pub(super) fn patience_ends(&mut self, ctx: &mut Ctx<Ev>) {
        while let Some(slot) = self.readers.expired(PATIENCE, self.s.patience, ctx.now) {
            let reader = *self.readers.get(slot);
            self.counts.waiting -= 1;
            ctx.step(Tone::Rejected, code::GAVE_UP, reader.id, self.s.patience.0 as i64, 0);
            self.fail(reader.id, ctx);
            if reader.polling {
                self.readers.remove(slot);
            } else {
                self.readers.get_mut(slot).left = true;
            }
        }
        match self.readers.due(PATIENCE, self.s.patience, ctx.now) {
            Some(at) => ctx.at(at, Ev::Patience),
            None => self.patience_set = false,
        }
    }

    /// A writer wants to change a key.
    pub(super) fn change(&mut self, key: u32, ctx: &mut Ctx<Ev>) {
        let number = self.counts.writes as u32;
        self.counts.writes += 1;
        if self.counts.busy >= u64::from(self.s.servers) && self.line.len() >= self.s.queue {
            self.counts.writes_refused += 1;
            ctx.bad();
            return;
        }
        if self.s.write == Write::DeleteFirst {
            self.delete(key, ctx);
        }
        let query =
            Query { key, kind: Kind::Write, number, token: 0, asked: ctx.now, version: 0, readers: Chain::default() };
        let query = self.queries.add(query);
        self.enqueue(query, ctx);
    }

    /// The database has a new version, and the cache gets to know of it or not.
    fn commit(&mut self, key: u32, ctx: &mut Ctx<Ev>) {
        if self.versions.is_empty() {
            self.versions = vec![(0, 0); self.s.keys as usize + 1];
        }
        let now_ms = ctx.now.0.div_ceil(1_000) as u32;
        let (version, changed_ms) = &mut self.versions[key as usize];
        *version += 1;
        *changed_ms = now_ms;
        let version = *version;
        self.counts.commits += 1;
        // For the books: every copy is out of date from now on.
        for n in &mut self.nodes {
            if let Some(copy) = n.cache.value_mut(key).filter(|c| c.version < version && c.superseded_ms == NEVER_MS) {
                copy.superseded_ms = now_ms;
            }
        }
        if key == 1 {
            ctx.log(Tone::Info, code::CHANGED, Line::NO_REQUEST, i64::from(key), i64::from(version));
        }
        match self.s.write {
            Write::Delete => self.delete(key, ctx),
            Write::Leave | Write::DeleteFirst => {}
            Write::Through => {
                self.leases.revoke(key);
                let copy = Copy {
                    version,
                    stored_ms: (ctx.now.0 / 1_000) as u32,
                    delta_us: self.mean_time(key).0 as u32,
                    ..Copy::default()
                };
                self.put(key, self.s.ttl, copy, ctx);
            }
        }
    }

    fn delete(&mut self, key: u32, ctx: &mut Ctx<Ev>) {
        if self.s.on_set == OnSet::Lease {
            self.leases.revoke(key);
        }
        let Some(owner) = self.map.owner(u64::from(key)) else {
            return;
        };
        let cache = &mut self.nodes[owner as usize].cache;
        if self.s.on_set == OnSet::Version {
            let version = self.versions.get(key as usize).map_or(0, |v| v.0);
            let tombstone = Copy { version, tombstone: true, ..Copy::default() };
            cache.store(ctx.now, key, TOMBSTONE_TTL, tombstone);
        } else if cache.remove(key) {
            ctx.mix(u64::from(key));
        }
    }
}
