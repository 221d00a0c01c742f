//! Reads: to the cache, to a copy, or to several shards at once; and what they saw.

use super::*;
use crate::blocks::router::{Ask, Copies, Own, Way};

impl Spikes {
    pub(super) fn read_arrives(&mut self, ctx: &mut Ctx<Ev>) {
        let id = (self.reads.arrive(ctx.now) as u32) << 1;
        self.schedule_read(ctx);
        self.meters.turn(ctx.now);
        self.meters.add(meter::READS, 1);
        self.counts.reads += 1;
        self.now.reads += 1;
        let key = self.key_of(id);
        self.samples.begin(ctx.now, id, 0, Drawn::new(false));
        ctx.step(Tone::Info, code::READ, id, i64::from(key), 0);
        if self.look_up(key, ctx.now).is_some() {
            self.meters.add(meter::HITS, 1);
            self.now.hits += 1;
            let fresh = self.last[key as usize] <= self.cached[key as usize].0;
            ctx.step(Tone::Info, code::CACHE_HIT, id, i64::from(fresh), 0);
            return self.answered(id, ctx.now.0 as u32, fresh, ctx);
        }
        let bits = self.kinds.at(u64::from(id) + 1);
        let scattered = f64::from(bits as u32 & 0xf_ffff) < self.s.scatter * 1_048_576.0;
        let shards = self.map.nodes().len();
        let parts = if self.s.whole && u32::from(key) >= self.s.keys { self.parts } else { 0 };
        // The read store has all shards in one place, and all parts of a key.
        let together = self.s.stores == 0 && (scattered && shards > 1 || parts > 1);
        let slot = self.add(if together { Kind::Gather } else { Kind::Read }, id, 0, ctx.now);
        self.flights.get_mut(slot).key = key;
        self.counts.reads_open += 1;
        if !together {
            return self.route_read(slot, ctx);
        }
        let n = if parts > 1 { parts as usize } else { shards };
        self.flights.get_mut(slot).left = n as u8;
        self.counts.gathers += 1;
        ctx.step(Tone::Info, code::GATHER, id, n as i64, i64::from(parts > 1));
        for i in 0..n {
            let (key, h) = match parts > 1 {
                true => ((self.s.keys as usize + i) as u16, self.owner[self.s.keys as usize + i] as usize),
                false => (key, self.map.nodes()[i] as usize),
            };
            let part = self.add(Kind::Part, id, h, ctx.now);
            let f = self.flights.get_mut(part);
            (f.other, f.key) = (slot, key);
            self.counts.parts_open += 1;
            self.counts.parts += 1;
            self.route_read(part, ctx);
        }
    }

    /// The cache's copy, if it has one that is not too old.
    fn look_up(&self, key: u16, now: Us) -> Option<u32> {
        let (position, until) = *self.cached.get(key as usize)?;
        (until > (now.0 >> 6) as u32).then_some(position)
    }

    /// Sends a read to the copy that the rule names.
    pub(super) fn route_read(&mut self, slot: u32, ctx: &mut Ctx<Ev>) {
        let f = *self.flights.get(slot);
        let h = if f.kind == Kind::Part { f.shard } else { self.owner[f.key as usize] } as usize;
        self.flights.get_mut(slot).shard = h as u8;
        let own = match f.kind {
            Kind::Look => {
                let at = ctx.now - self.age(f.born, ctx.now);
                // A position in another shard's log says nothing here: the key has moved since.
                let known = f.position != NEVER && f.other == h as u32;
                let position = if known { f.position } else { self.last[f.key as usize] };
                Own::Wrote(at, (f.position != NEVER).then_some(position))
            }
            _ => Own::Nothing,
        };
        let which =
            u64::from(f.id) + 1 + (u64::from(f.flags & AGAIN != 0) << 33) + (u64::from(f.kind == Kind::Part) << 34);
        let fair = match self.s.choice {
            Choice::User => mix(u64::from(f.id) ^ 0x7573_6572) as u32,
            _ => self.fair.at(which) as u32,
        };
        let s = &self.shards[h];
        let copies = Copies { leader: s.log.leader(), followers: &s.readers };
        let line = |m: usize| {
            let node = &self.nodes[s.nodes[m] as usize];
            node.line.len() + usize::from(node.current != NOBODY)
        };
        let way = copies.way(self.s.route, self.s.choice, Ask { own, now: ctx.now, fair }, line, |m| s.log.applied(m));
        match way {
            Way::To(m) => self.ask(slot, h, m, ctx),
            Way::Behind(m, position) if self.s.wait > Us::ZERO => {
                let n = s.nodes[m];
                let parked = &mut self.nodes[n as usize].parked;
                let place = parked.iter().rposition(|(p, _)| *p <= position).map_or(0, |i| i + 1);
                parked.insert(place, (position, slot));
                let f = self.flights.get_mut(slot);
                f.flags |= PARKED;
                f.node = n;
                let id = f.id;
                ctx.step(Tone::Waiting, code::PARKED, id, m as i64, 0);
                ctx.after(self.s.wait, Ev::Tired { slot, id });
            }
            Way::Behind(m, _) => {
                ctx.step(Tone::Info, code::BEHIND, f.id, m as i64, 0);
                match s.log.leader() {
                    Some(l) => self.ask(slot, h, l, ctx),
                    None => self.refuse_read(slot, code::NO_COPY, ctx),
                }
            }
            Way::Nobody => self.refuse_read(slot, code::NO_COPY, ctx),
        }
    }

    /// A read that waited for a position in vain goes to the primary.
    pub(super) fn tired(&mut self, slot: u32, id: u32, ctx: &mut Ctx<Ev>) {
        if slot >= self.flights.slots_max() || !self.flights.is_used(slot) {
            return;
        }
        let f = *self.flights.get(slot);
        if f.id != id || f.kind != Kind::Look || f.flags & PARKED == 0 {
            return;
        }
        self.nodes[f.node as usize].parked.retain(|(_, s)| *s != slot);
        self.flights.get_mut(slot).flags &= !PARKED;
        let h = f.shard as usize;
        match self.shards[h].log.leader() {
            Some(l) => self.ask(slot, h, l, ctx),
            None => self.refuse_read(slot, code::NO_COPY, ctx),
        }
    }

    fn ask(&mut self, slot: u32, h: usize, m: usize, ctx: &mut Ctx<Ev>) {
        let n = self.shards[h].nodes[m];
        if self.nodes[n as usize].line.len() >= self.s.line {
            return self.refuse_read(slot, code::FULL, ctx);
        }
        let f = self.flights.get(slot);
        let (id, kind) = (f.id, f.kind);
        if kind == Kind::Read
            && let Some(s) = self.samples.find(id, 0)
        {
            (s.what.shard, s.what.member) = (h as u8, m as u8);
        }
        ctx.step(Tone::Flight, code::ASKED, id, h as i64, m as i64);
        self.enqueue(n, slot, ctx);
    }

    /// A node has an answer: what did it see?
    pub(super) fn read_done(&mut self, slot: u32, n: u16, ctx: &mut Ctx<Ev>) {
        let f = *self.flights.get(slot);
        let key = f.key as usize;
        let home = self.owner[key] as usize;
        let store = self.nodes[n as usize].store;
        if f.kind != Kind::Part && !store && home != f.shard as usize {
            // The key has moved meanwhile: its new shard is asked.
            self.counts.redirected += 1;
            return self.route_read(slot, ctx);
        }
        let h = if store { home } else { f.shard as usize };
        let m = self.member_of(h, n);
        let seen = self.shards[h].log.applied(m);
        let leads = self.shards[h].log.leader() == Some(m);
        self.meters.turn(ctx.now);
        self.meters.add(meter::FROM_NODES, 1);
        self.meters.add(meter::FROM_PRIMARY, u32::from(leads));
        self.now.from_nodes += 1;
        self.now.from_primary += u32::from(leads);
        // What a part says of a key that lives elsewhere is nothing.
        let fresh = home != h || self.last[key] <= seen;
        match f.kind {
            Kind::Part => return self.part_done(slot, fresh, false, ctx),
            Kind::Look => {
                self.now.looks_primary += u32::from(leads);
                return self.looked(slot, h, seen, ctx);
            }
            _ => {}
        }
        if let Some(entry) = self.cached.get_mut(key) {
            *entry = (seen, ((ctx.now + self.s.ttl).0 >> 6) as u32);
        }
        self.flights.remove(slot);
        self.counts.reads_open -= 1;
        self.answered(f.id, f.born, fresh, ctx);
    }

    fn answered(&mut self, id: u32, born: u32, fresh: bool, ctx: &mut Ctx<Ev>) {
        let took = self.age(born, ctx.now) + TRIP;
        self.counts.answered += 1;
        self.meters.turn(ctx.now);
        self.meters.add(meter::READ, 1);
        self.now.read += 1;
        self.now.read_ms += took.as_ms() as f32;
        self.read_times.add(ctx.now, took);
        if !fresh {
            self.counts.stale += 1;
            self.meters.add(meter::STALE, 1);
            self.now.stale += 1;
            ctx.mix(u64::from(id));
        }
        self.samples.end(ctx.now, id, 0, if fresh { Fate::Good } else { Fate::Stale });
        let tone = if fresh { Tone::Ok } else { Tone::Stale };
        ctx.step(tone, code::ANSWERED, id, took.0 as i64, i64::from(!fresh));
    }

    /// One of several answers is there, or never will be.
    fn part_done(&mut self, slot: u32, fresh: bool, failed: bool, ctx: &mut Ctx<Ev>) {
        let gather = self.flights.get(slot).other;
        self.flights.remove(slot);
        self.counts.parts_open -= 1;
        let f = self.flights.get_mut(gather);
        f.left -= 1;
        f.flags |= if fresh { 0 } else { OLD } | if failed { DEAD } else { 0 };
        let f = *f;
        if f.left > 0 {
            return;
        }
        self.flights.remove(gather);
        self.counts.reads_open -= 1;
        if f.flags & DEAD == 0 {
            return self.answered(f.id, f.born, f.flags & OLD == 0, ctx);
        }
        self.counts.reads_refused += 1;
        self.read_lost(f.id, code::PART_FAILED, ctx);
    }

    fn read_lost(&mut self, id: u32, why: u8, ctx: &mut Ctx<Ev>) {
        self.meters.turn(ctx.now);
        self.meters.add(meter::READS_BAD, 1);
        self.now.reads_bad += 1;
        self.samples.end(ctx.now, id, 0, Fate::Refused);
        ctx.mix(u64::from(id));
        ctx.bad();
        ctx.step(Tone::Rejected, why, id, 0, 0);
    }

    /// Nobody takes this read.
    fn refuse_read(&mut self, slot: u32, why: u8, ctx: &mut Ctx<Ev>) {
        let f = *self.flights.get(slot);
        match f.kind {
            Kind::Part => self.part_done(slot, true, true, ctx),
            Kind::Look => self.look_fails(slot, ctx),
            _ => {
                self.flights.remove(slot);
                self.counts.reads_open -= 1;
                self.counts.reads_refused += 1;
                self.read_lost(f.id, why, ctx);
            }
        }
    }

    /// Its node died.
    pub(super) fn fail_read(&mut self, slot: u32, ctx: &mut Ctx<Ev>) {
        let f = *self.flights.get(slot);
        match f.kind {
            Kind::Part => self.part_done(slot, true, true, ctx),
            Kind::Look => self.look_fails(slot, ctx),
            _ => {
                self.flights.remove(slot);
                self.counts.reads_open -= 1;
                self.counts.reads_failed += 1;
                self.read_lost(f.id, code::NODE_DIED, ctx);
            }
        }
    }

    /// An author looks: at the cache first, like everybody.
    pub(super) fn look_begins(&mut self, slot: u32, ctx: &mut Ctx<Ev>) {
        let f = *self.flights.get(slot);
        if let Some(position) = self.look_up(f.key, ctx.now) {
            let h = self.owner[f.key as usize] as usize;
            return self.looked(slot, h, position, ctx);
        }
        self.route_read(slot, ctx);
    }

    /// An author has looked, at a copy that shows this position.
    fn looked(&mut self, slot: u32, h: usize, seen: u32, ctx: &mut Ctx<Ev>) {
        let f = *self.flights.get(slot);
        let saw = match f.position {
            NEVER => false,
            position if f.other == h as u32 => position <= seen,
            _ => self.last[f.key as usize] <= seen,
        };
        self.meters.turn(ctx.now);
        self.now.looks_all += 1;
        if f.flags & AGAIN != 0 {
            if f.flags & SAW != 0 && !saw {
                self.counts.back += 1;
                self.meters.add(meter::BACK, 1);
                ctx.mix(u64::from(f.id));
                ctx.step(Tone::Stale, code::WENT_BACK, f.id, 0, 0);
            } else {
                let (tone, what) = if saw { (Tone::Ok, code::SAW) } else { (Tone::Stale, code::MISSED) };
                ctx.step(tone, what, f.id, 2, 0);
            }
            self.flights.remove(slot);
            self.counts.looks_open -= 1;
            return;
        }
        self.counts.looks += 1;
        self.meters.add(meter::LOOKS, 1);
        self.now.looks += 1;
        if !saw {
            self.counts.missing += 1;
            self.meters.add(meter::MISSING, 1);
            self.now.missing += 1;
            ctx.mix(u64::from(f.id));
        }
        let (tone, what) = if saw { (Tone::Ok, code::SAW) } else { (Tone::Stale, code::MISSED) };
        ctx.step(tone, what, f.id, 1, 0);
        if let Some(s) = self.write_samples.find(f.id, 0) {
            (s.what.looked, s.what.saw) = (ctx.now, saw);
        }
        self.flights.get_mut(slot).flags |= AGAIN | if saw { SAW } else { 0 };
        ctx.after(self.s.look, Ev::Look(slot));
    }

    /// A look that nobody answered: the author gives up.
    fn look_fails(&mut self, slot: u32, ctx: &mut Ctx<Ev>) {
        let id = self.flights.get(slot).id;
        ctx.step(Tone::Rejected, code::LOOK_FAILED, id, 0, 0);
        ctx.bad();
        self.flights.remove(slot);
        self.counts.looks_open -= 1;
    }
}
