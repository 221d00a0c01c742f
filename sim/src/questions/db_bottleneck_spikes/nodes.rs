//! Nodes: one line each, served in order; and the streams that fill the followers' lines.

use super::*;
use crate::blocks::replication::Pick;

impl Node {
    pub(super) fn new(store: bool, shard: usize, member: usize, now: Us) -> Node {
        Node {
            store,
            shard: shard as u8,
            member: member as u8,
            up: true,
            seeding: false,
            line: Chain::default(),
            current: NOBODY,
            applying: 0,
            generation: 0,
            slow: false,
            more_lag: Us::ZERO,
            since: now,
            busy: 0,
            load: 0.0,
            parked: Vec::new(),
        }
    }
}

impl Spikes {
    /// Counts the time at work up to now.
    pub(super) fn clock_node(&mut self, n: usize, now: Us) {
        let node = &mut self.nodes[n];
        if node.current != NOBODY {
            let span = now.since(node.since).0;
            node.busy += span;
            if !node.store {
                self.shards[node.shard as usize].work += span;
            }
        }
        node.since = now;
    }

    /// Somebody joins a node's line.
    #[inline]
    pub(super) fn enqueue(&mut self, n: u16, slot: u32, ctx: &mut Ctx<Ev>) {
        self.flights.get_mut(slot).node = n;
        self.flights.join(&mut self.nodes[n as usize].line, slot);
        if self.nodes[n as usize].current == NOBODY {
            self.next(n, ctx);
        }
    }

    /// The node takes the next of its line.
    fn next(&mut self, n: u16, ctx: &mut Ctx<Ev>) {
        let node = &mut self.nodes[n as usize];
        let Some(slot) = node.line.head() else {
            return;
        };
        let f = *self.flights.get(slot);
        let store = node.store;
        let (units, bits) = match f.kind {
            Kind::Apply => {
                // The rest of the run keeps its place.
                let rows = f.position.min(APPLY_MAX);
                node.applying = rows;
                let each = match store {
                    true => self.s.project,
                    false => self.s.costs.units(self.s.batch) / f64::from(self.s.batch),
                };
                (each * f64::from(rows), None)
            }
            Kind::Batch => (self.s.costs.units(f.position), Some(f.id)),
            Kind::CopyOut => (f64::from(f.position), None),
            Kind::Chore => (f64::from(f.position) / 1_000.0, None),
            _ => (if store { self.s.view } else { 1.0 }, Some(f.id)),
        };
        if f.kind != Kind::Apply {
            self.flights.leave(&mut node.line);
        }
        (node.current, node.since) = (slot, ctx.now);
        node.generation = node.generation.wrapping_add(1);
        let generation = node.generation;
        let slow = if node.slow { self.slow } else { 1.0 };
        let mut us = units * 1e6 / self.s.capacity * slow;
        if let Some(id) = bits {
            let which = u64::from(f.flags & AGAIN != 0) + u64::from(f.kind == Kind::Part) * (2 + u64::from(f.key));
            let bits = self.demands.at(u64::from(id) + 1 + (which << 34));
            if self.data > 1.0 && !store && matches!(f.kind, Kind::Read | Kind::Look | Kind::Part) {
                let page = (mix(bits ^ 0x7061_6765) >> 11) as f64 / 9_007_199_254_740_992.0;
                if page < self.miss_share() {
                    us += self.s.disk * 1e6 / self.s.capacity * slow;
                }
            }
            if self.s.law == Law::Exponential {
                us *= crate::kernel::unit_exp(bits);
            }
        }
        ctx.after(Us::from_us(us), Ev::Done { node: n, generation });
    }

    /// The node is done with what it had in hand.
    pub(super) fn done(&mut self, n: u16, generation: u16, ctx: &mut Ctx<Ev>) {
        if self.nodes[n as usize].generation != generation || self.nodes[n as usize].current == NOBODY {
            return;
        }
        self.clock_node(n as usize, ctx.now);
        let node = &mut self.nodes[n as usize];
        let slot = core::mem::replace(&mut node.current, NOBODY);
        let f = *self.flights.get(slot);
        match f.kind {
            Kind::Apply => {
                let rows = node.applying;
                let left = f.position - rows;
                self.flights.get_mut(slot).position = left;
                if left == 0 {
                    self.flights.leave(&mut node.line);
                    self.flights.remove(slot);
                    self.counts.applies -= 1;
                }
                self.next(n, ctx);
                self.applied(f.shard as usize, n, rows, ctx);
            }
            Kind::Chore => {
                self.flights.remove(slot);
                self.counts.chores -= 1;
                self.next(n, ctx);
            }
            Kind::Batch => {
                self.next(n, ctx);
                self.flush_or_wait(slot, ctx);
            }
            Kind::CopyOut => {
                self.next(n, ctx);
                self.copy_in(slot, ctx);
            }
            _ => {
                self.next(n, ctx);
                self.read_done(slot, n, ctx);
            }
        }
    }

    /// A follower shows more than before.
    fn applied(&mut self, h: usize, n: u16, rows: u32, ctx: &mut Ctx<Ev>) {
        let member = self.member_of(h, n);
        self.shards[h].log.apply(member, rows);
        let position = self.shards[h].log.applied(member);
        while self.nodes[n as usize].parked.first().is_some_and(|(p, _)| *p <= position) {
            let (_, slot) = self.nodes[n as usize].parked.remove(0);
            self.flights.get_mut(slot).flags &= !PARKED;
            self.enqueue(n, slot, ctx);
        }
        if self.s.commit == Commit::AllApplied {
            self.acknowledge(h, ctx);
        }
    }

    /// What this node is in a shard: nodes of the read store are members of all.
    pub(super) fn member_of(&self, h: usize, n: u16) -> usize {
        let node = &self.nodes[n as usize];
        if node.store {
            1 + self.s.replicas + n as usize
        } else {
            debug_assert_eq!(node.shard as usize, h);
            node.member as usize
        }
    }

    pub(super) fn is_reader(&self, h: usize, m: usize) -> bool {
        let node = &self.nodes[self.shards[h].nodes[m] as usize];
        node.up && node.store == (self.s.stores > 0) && self.shards[h].log.leader() != Some(m)
    }
    pub(super) fn find_readers(&mut self, h: usize) {
        let members = 0..self.shards[h].nodes.len();
        self.shards[h].readers = members.filter(|m| self.is_reader(h, *m)).map(|m| m as u8).collect();
    }

    fn lag_of(&self, n: u16) -> Us {
        let node = &self.nodes[n as usize];
        (if node.store { self.s.store_lag } else { self.s.lag }) + node.more_lag
    }

    /// Bursts closer than a millisecond are no bursts.
    fn shape(&self, lag: Us) -> Lag {
        if lag < Us::ms(1) { Lag::Fixed } else { self.s.shape }
    }

    /// All streams of a shard begin anew: there is another primary, or another lag.
    pub(super) fn start_streams(&mut self, h: usize, ctx: &mut Ctx<Ev>) {
        for m in 0..self.shards[h].nodes.len() {
            let d = &mut self.shards[h].deliveries[m];
            d.generation = d.generation.wrapping_add(1);
            d.scheduled = false;
            self.ship(h, m, ctx);
        }
    }

    /// Schedules when the next record reaches a follower, unless that is scheduled already.
    #[inline]
    pub(super) fn ship(&mut self, h: usize, m: usize, ctx: &mut Ctx<Ev>) {
        let s = &self.shards[h];
        let n = s.nodes[m];
        if s.deliveries[m].scheduled || s.log.leader().is_none_or(|l| l == m) || !s.log.members()[m].up {
            return;
        }
        let lag = self.lag_of(n);
        let at = match self.shape(lag) {
            Lag::Fixed => match s.log.due(m, lag, ctx.now) {
                Some(at) => at,
                None => return,
            },
            Lag::Bursts => ctx.now + Lag::gap(self.clocks.bits(), lag),
        };
        let d = &mut self.shards[h].deliveries[m];
        d.scheduled = true;
        ctx.at(at, Ev::Deliver { shard: h as u8, member: m as u8, generation: d.generation });
    }

    /// Records reach a follower, and join its line.
    pub(super) fn deliver(&mut self, shard: u8, member: u8, generation: u16, ctx: &mut Ctx<Ev>) {
        let (h, m) = (shard as usize, member as usize);
        if self.shards[h].deliveries[m].generation != generation {
            return;
        }
        self.shards[h].deliveries[m].scheduled = false;
        let n = self.shards[h].nodes[m];
        if self.shards[h].log.is_cut_off(m) {
            return self.cut_off(h, m, ctx);
        }
        let lag = self.lag_of(n);
        let lag = if self.shape(lag) == Lag::Bursts { Us::ZERO } else { lag };
        let records = self.shards[h].log.receive(m, lag, ctx.now);
        if records > 0 {
            self.line_up(h, n, records, ctx);
        }
        self.ship(h, m, ctx);
    }

    fn line_up(&mut self, h: usize, n: u16, records: u32, ctx: &mut Ctx<Ev>) {
        if let Some(tail) = self.nodes[n as usize].line.tail() {
            let f = self.flights.get_mut(tail);
            if f.kind == Kind::Apply && f.shard as usize == h {
                f.position += records;
                return;
            }
        }
        let slot = self.add(Kind::Apply, 0, h, ctx.now);
        self.flights.get_mut(slot).position = records;
        self.counts.applies += 1;
        self.enqueue(n, slot, ctx);
    }

    /// The log no longer has what a replica needs: it must be copied anew.
    fn cut_off(&mut self, h: usize, m: usize, ctx: &mut Ctx<Ev>) {
        let n = self.shards[h].nodes[m];
        ctx.log(Tone::Fault, code::CUT_OFF, Line::NO_REQUEST, h as i64 + 1, m as i64);
        if self.nodes[n as usize].store {
            // The projection is built anew from the tables.
            self.drop_applies(n, h, ctx);
            self.shards[h].log.refill(m);
            return self.ship(h, m, ctx);
        }
        self.lose_node(n, ctx);
        self.seed(n, ctx);
    }

    /// A slot for something new. Who owns it counts it.
    pub(super) fn add(&mut self, kind: Kind, id: u32, shard: usize, now: Us) -> u32 {
        self.flights.add(Flight {
            id,
            born: now.0 as u32,
            position: 0,
            other: NOBODY,
            key: 0,
            node: 0,
            kind,
            flags: 0,
            shard: shard as u8,
            left: 0,
        })
    }

    /// How long ago something began.
    pub(super) fn age(&self, born: u32, now: Us) -> Us {
        Us(u64::from((now.0 as u32).wrapping_sub(born)))
    }

    /// A node forgets what it was to apply of a shard's old log.
    pub(super) fn drop_applies(&mut self, n: u16, h: usize, ctx: &mut Ctx<Ev>) {
        let mine = |f: &Flight| f.kind == Kind::Apply && f.shard as usize == h;
        let node = &mut self.nodes[n as usize];
        if node.current != NOBODY && mine(self.flights.get(node.current)) {
            self.clock_node(n as usize, ctx.now);
            let node = &mut self.nodes[n as usize];
            node.current = NOBODY;
            node.generation = node.generation.wrapping_add(1);
        }
        for _ in 0..self.nodes[n as usize].line.len() {
            let Some(slot) = self.flights.leave(&mut self.nodes[n as usize].line) else {
                break;
            };
            if mine(self.flights.get(slot)) {
                self.flights.remove(slot);
                self.counts.applies -= 1;
            } else {
                self.flights.join(&mut self.nodes[n as usize].line, slot);
            }
        }
        if self.nodes[n as usize].current == NOBODY {
            self.next(n, ctx);
        }
    }

    /// A node dies with what it has in hand and in its line.
    pub(super) fn lose_node(&mut self, n: u16, ctx: &mut Ctx<Ev>) {
        self.clock_node(n as usize, ctx.now);
        let node = &mut self.nodes[n as usize];
        (node.up, node.seeding) = (false, false);
        node.generation = node.generation.wrapping_add(1);
        let (h, m) = (node.shard as usize, node.member as usize);
        let current = core::mem::replace(&mut node.current, NOBODY);
        let mut line = core::mem::take(&mut node.line);
        let parked = core::mem::take(&mut node.parked);
        let led = self.shards[h].log.leader() == Some(m);
        self.shards[h].log.lose(m);
        self.shards[h].deliveries[m].generation = self.shards[h].deliveries[m].generation.wrapping_add(1);
        self.find_readers(h);
        let mut dead = Vec::new();
        if current != NOBODY && self.flights.get(current).kind != Kind::Apply {
            dead.push(current);
        }
        while let Some(slot) = self.flights.leave(&mut line) {
            dead.push(slot);
        }
        if led {
            self.lose_commits(h, &mut dead, ctx);
        }
        for slot in dead {
            let f = *self.flights.get(slot);
            match f.kind {
                Kind::Apply => {
                    self.flights.remove(slot);
                    self.counts.applies -= 1;
                }
                Kind::Chore | Kind::CopyOut => {
                    self.flights.remove(slot);
                    self.counts.chores -= 1;
                }
                Kind::Batch => self.fail_batch(slot, ctx),
                Kind::Row => self.fail_row(slot, h, ctx),
                _ => self.fail_read(slot, ctx),
            }
        }
        for (_, slot) in parked {
            self.flights.get_mut(slot).flags &= !PARKED;
            self.route_read(slot, ctx);
        }
        if led {
            self.leaderless(h, ctx);
        }
        self.acknowledge(h, ctx);
    }

    /// A shard without a primary: a replica will take over.
    fn leaderless(&mut self, h: usize, ctx: &mut Ctx<Ev>) {
        self.shards[h].epoch = self.shards[h].epoch.wrapping_add(1);
        let epoch = self.shards[h].epoch;
        ctx.after(self.s.failover, Ev::Promote { shard: h as u8, epoch });
        self.interrupt_move(h);
    }

    pub(super) fn promote(&mut self, shard: u8, epoch: u16, ctx: &mut Ctx<Ev>) {
        let h = shard as usize;
        if self.shards[h].epoch != epoch || self.shards[h].log.leader().is_some() {
            return;
        }
        let pick = if self.shards[h].behind { Pick::Behind } else { Pick::Latest };
        let sure = self.s.commit != Commit::Local;
        let promotion = self.shards[h].log.promote(pick, sure);
        self.counts.promotions += 1;
        let Some(p) = promotion else {
            // Nobody is left that has everything: wait for the primary itself.
            let m = self.shards[h].led as usize;
            let n = self.shards[h].nodes[m];
            self.nodes[n as usize].up = true;
            self.shards[h].log.resume(m);
            ctx.log(Tone::Fault, code::RESUMED, Line::NO_REQUEST, i64::from(shard) + 1, 0);
            return self.led_again(h, ctx);
        };
        self.counts.lost += u64::from(p.lost);
        for key in 0..self.owner.len() {
            if self.owner[key] == shard {
                self.last[key] = self.last[key].min(p.position);
                if let Some(entry) = self.cached.get_mut(key) {
                    entry.0 = entry.0.min(p.position);
                }
            }
        }
        // Who looks for a write that is gone will not find it, whatever takes its number.
        for slot in 0..self.flights.slots_max() {
            let f = self.flights.get_mut(slot);
            if f.kind == Kind::Look && f.other == u32::from(shard) && f.position > p.position {
                f.position = NEVER;
            }
        }
        for m in 0..self.shards[h].nodes.len() {
            self.drop_applies(self.shards[h].nodes[m], h, ctx);
        }
        ctx.mix(u64::from(p.lost) << 32 | u64::from(p.position));
        ctx.log(Tone::Fault, code::PROMOTED, Line::NO_REQUEST, p.member as i64, i64::from(p.lost));
        self.led_again(h, ctx);
    }

    /// A shard has a primary again: streams, buffered rows and moves go on.
    pub(super) fn led_again(&mut self, h: usize, ctx: &mut Ctx<Ev>) {
        self.shards[h].led = self.shards[h].log.leader().unwrap_or(0) as u8;
        self.shards[h].behind = false;
        self.find_readers(h);
        self.start_streams(h, ctx);
        self.send_batch(h, ctx);
        self.drain(h, ctx);
        self.acknowledge(h, ctx);
        self.copy_out(ctx);
    }
}
