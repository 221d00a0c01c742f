//! What can be done to it, what it costs, and how it ends.

use super::*;

/// The faults that pass by themselves.
mod passing {
    pub const SPIKE: u8 = 0;
    pub const CROWD: u8 = 1;
    pub const LAG: u8 = 2;
    pub const SLOW: u8 = 3;
    pub const HOT: u8 = 4;
}

impl Spikes {
    pub(super) fn do_act(&mut self, which: usize, args: &[f64], ctx: &mut Ctx<Ev>) {
        self.meters.turn(ctx.now);
        let tenths = |x: f64| (x * 10.0) as i64;
        let log = |ctx: &mut Ctx<Ev>, what: u8, a: i64, b: i64| ctx.log(Tone::Fault, what, Line::NO_REQUEST, a, b);
        match which {
            act::SPIKE => {
                self.spike = args[0];
                self.pass(passing::SPIKE, args[1], ctx);
                self.pace(ctx);
                log(ctx, code::SPIKE, tenths(args[0]), self.writes.rate() as i64);
            }
            act::CROWD => {
                self.crowd = args[0];
                self.pass(passing::CROWD, args[1], ctx);
                self.pace(ctx);
                log(ctx, code::CROWD, tenths(args[0]), self.reads.rate() as i64);
            }
            act::ADD => {
                for h in 0..self.shards.len() {
                    for _ in 0..args[0] as usize {
                        self.new_replica(h, ctx);
                    }
                }
                log(ctx, code::ADDED, args[0] as i64, self.s.ready.0 as i64);
            }
            act::LAG => {
                let all = args[2] == 0.0;
                for h in 0..self.shards.len() {
                    for m in 0..self.shards[h].nodes.len() {
                        let n = self.shards[h].nodes[m] as usize;
                        if all || m == args[2] as usize {
                            self.nodes[n].more_lag = Us::from_ms(args[0]);
                        }
                    }
                    self.start_streams(h, ctx);
                }
                self.pass(passing::LAG, args[1], ctx);
                log(ctx, code::LAG, (args[0] * 1e3) as i64, args[2] as i64);
            }
            act::PRIMARY => {
                let h = (args[0] as usize - 1) % self.shards.len();
                let Some(m) = self.shards[h].log.leader() else {
                    return;
                };
                self.shards[h].behind = args[1] == 1.0;
                let n = self.shards[h].nodes[m];
                log(ctx, code::PRIMARY, h as i64 + 1, self.worst_lag(ctx.now).0 as i64);
                self.lose_node(n, ctx);
            }
            act::REPLICA => {
                let h = (args[0] as usize - 1) % self.shards.len();
                let alive = |m: &usize| {
                    let node = &self.nodes[self.shards[h].nodes[*m] as usize];
                    node.up && !node.store && self.shards[h].log.leader() != Some(*m)
                };
                if let Some(m) = (0..self.shards[h].nodes.len()).find(alive) {
                    self.lose_node(self.shards[h].nodes[m], ctx);
                    log(ctx, code::REPLICA, h as i64 + 1, m as i64);
                }
            }
            act::SLOW => {
                self.slow = args[0];
                for h in 0..self.shards.len() {
                    let leader = self.shards[h].log.leader();
                    let first = (0..self.shards[h].nodes.len()).find(|m| Some(*m) != leader);
                    if let Some(m) = first {
                        self.nodes[self.shards[h].nodes[m] as usize].slow = true;
                    }
                }
                self.pass(passing::SLOW, args[1], ctx);
                log(ctx, code::SLOW, tenths(args[0]), 0);
            }
            act::GROW => {
                let target = if args[0] == 0.0 { self.map.nodes().len() + 1 } else { args[0] as usize };
                self.reshard_to(target.min(SHARDS_MAX), ctx);
            }
            act::HOT => {
                self.hot = args[0] / 100.0;
                self.pass(passing::HOT, args[1], ctx);
                log(ctx, code::HOT, args[0] as i64, i64::from(self.owner[0]) + 1);
            }
            act::SPLIT => self.split_key(args[0] as u32, ctx),
            act::PIN => self.pin_key(ctx),
            act::ARCHIVE => {
                let steps = (args[1] * 1e6 / ARCHIVE_EVERY.0 as f64) as u32;
                self.archive = (self.data, self.data * (1.0 - args[0] / 100.0), 0, steps.max(1));
                self.archives += 1;
                ctx.after(ARCHIVE_EVERY, Ev::Archive(self.archives));
                log(ctx, code::ARCHIVE, args[0] as i64, (args[1] * 1e6) as i64);
            }
            act::CRASH => self.crash(ctx),
            act::MEND => self.mend(ctx),
            _ => {}
        }
    }

    /// A fault that ends after so many seconds, unless it has begun anew.
    fn pass(&mut self, which: u8, seconds: f64, ctx: &mut Ctx<Ev>) {
        let n = &mut self.begun[which as usize];
        *n += 1;
        ctx.after(Us::from_s(seconds), Ev::Over { which, n: *n });
    }

    pub(super) fn over(&mut self, which: u8, n: u16, ctx: &mut Ctx<Ev>) {
        if self.begun[which as usize] != n {
            return;
        }
        match which {
            passing::SPIKE => self.spike = 1.0,
            passing::CROWD => self.crowd = 1.0,
            passing::LAG => {
                self.nodes.iter_mut().for_each(|n| n.more_lag = Us::ZERO);
                (0..self.shards.len()).for_each(|h| self.start_streams(h, ctx));
            }
            passing::SLOW => self.nodes.iter_mut().for_each(|n| n.slow = false),
            _ => self.hot = 0.0,
        }
        self.pace(ctx);
        ctx.log(Tone::Fault, code::OVER, Line::NO_REQUEST, i64::from(which), 0);
    }

    /// One more replica of a shard: it has to be copied first.
    fn new_replica(&mut self, h: usize, ctx: &mut Ctx<Ev>) {
        if self.shards[h].nodes.len() >= 64 {
            return;
        }
        let m = self.shards[h].log.add();
        let n = self.nodes.len() as u16;
        self.nodes.push(Node { up: false, ..Node::new(false, h, m, ctx.now) });
        self.shards[h].nodes.push(n);
        self.shards[h].deliveries.push(Delivery::default());
        self.seed(n, ctx);
    }

    /// Begins to copy a replica from its primary.
    pub(super) fn seed(&mut self, n: u16, ctx: &mut Ctx<Ev>) {
        self.nodes[n as usize].seeding = true;
        ctx.after(self.s.ready, Ev::Ready(n));
        if !self.chores_on {
            self.chores_on = true;
            ctx.after(CHORE_EVERY, Ev::Chore);
        }
    }

    /// The copy is complete: the replica takes part.
    pub(super) fn ready(&mut self, n: u16, ctx: &mut Ctx<Ev>) {
        if !self.nodes[n as usize].seeding {
            return;
        }
        self.join(n, ctx);
        ctx.log(Tone::Info, code::READY, Line::NO_REQUEST, i64::from(self.nodes[n as usize].member), 0);
    }
    fn join(&mut self, n: u16, ctx: &mut Ctx<Ev>) {
        let node = &mut self.nodes[n as usize];
        (node.up, node.seeding, node.since) = (true, false, ctx.now);
        let (h, m) = (node.shard as usize, node.member as usize);
        self.shards[h].log.enroll(m);
        let d = &mut self.shards[h].deliveries[m];
        d.generation = d.generation.wrapping_add(1);
        d.scheduled = false;
        self.find_readers(h);
        self.ship(h, m, ctx);
    }

    /// What the copies in the making cost their primaries.
    pub(super) fn chore(&mut self, ctx: &mut Ctx<Ev>) {
        let mut any = false;
        for h in 0..self.shards.len() {
            let seeding = self.shards[h].nodes.iter().filter(|n| self.nodes[**n as usize].seeding).count();
            any |= seeding > 0;
            let share = (self.s.seeding * seeding as f64).min(1.0);
            if let Some(m) = self.shards[h].log.leader().filter(|_| share > 0.0) {
                let units = share * self.s.capacity * CHORE_EVERY.as_s();
                self.add_chore(h, self.shards[h].nodes[m], units, ctx);
            }
        }
        self.chores_on = any;
        if any {
            ctx.after(CHORE_EVERY, Ev::Chore);
        }
    }

    fn add_chore(&mut self, h: usize, n: u16, units: f64, ctx: &mut Ctx<Ev>) {
        // A node that is behind with everything does not fall further behind because of this.
        if self.nodes[n as usize].line.len() >= self.s.line {
            return;
        }
        let slot = self.add(Kind::Chore, 0, h, ctx.now);
        self.flights.get_mut(slot).position = (units * 1_000.0) as u32;
        self.counts.chores += 1;
        self.enqueue(n, slot, ctx);
    }

    /// One step of archiving: rows are deleted, which is written, logged and repeated.
    pub(super) fn archive_on(&mut self, n: u16, ctx: &mut Ctx<Ev>) {
        if n != self.archives {
            return;
        }
        let (from, to, step, steps) = self.archive;
        self.archive.2 = step + 1;
        self.data = from + (to - from) * f64::from(step + 1) / f64::from(steps);
        let units = ARCHIVE_LOAD * self.s.capacity * ARCHIVE_EVERY.as_s();
        for h in 0..self.shards.len() {
            if let Some(m) = self.shards[h].log.leader() {
                self.add_chore(h, self.shards[h].nodes[m], units, ctx);
                self.shards[h].log.commit(ctx.now, units as u32);
                self.after_commit(h, ctx);
            }
        }
        ctx.mix(self.data.to_bits());
        if step + 1 < steps {
            return ctx.after(ARCHIVE_EVERY, Ev::Archive(n));
        }
        ctx.log(Tone::Info, code::ARCHIVED, Line::NO_REQUEST, (self.data * 10.0) as i64, 0);
    }

    fn mend(&mut self, ctx: &mut Ctx<Ev>) {
        (self.spike, self.crowd, self.hot) = (1.0, 1.0, 0.0);
        self.begun.iter_mut().for_each(|n| *n += 1);
        for node in &mut self.nodes {
            (node.slow, node.more_lag) = (false, Us::ZERO);
        }
        for h in 0..self.shards.len() {
            if self.shards[h].log.leader().is_none() {
                self.promote(h as u8, self.shards[h].epoch, ctx);
            }
        }
        for n in 0..self.nodes.len() as u16 {
            if !self.nodes[n as usize].up {
                self.join(n, ctx);
            }
        }
        for h in 0..self.shards.len() {
            self.led_again(h, ctx);
        }
        self.pace(ctx);
        ctx.log(Tone::Fault, code::MENDED, Line::NO_REQUEST, 0, 0);
    }
}
