//! What can break, what notices it, and how it comes back.

use super::*;

impl Million {
    pub(super) fn do_act(&mut self, which: usize, args: &[f64], ctx: &mut Ctx<Ev>) {
        self.meters.turn(ctx.now);
        self.trouble_end = ctx.now;
        let log = |ctx: &mut Ctx<Ev>, what: u8, a: i64, b: i64| ctx.log(Tone::Fault, what, Line::NO_REQUEST, a, b);
        match which {
            act::ZONE => {
                let zone = ((args[0] as u32 - 1) % self.s.zones) as u8;
                let before = self.servers_up;
                self.lose_zone(zone, ctx);
                log(ctx, code::ZONE, i64::from(zone) + 1, i64::from(before - self.servers_up));
            }
            act::BALANCER => {
                let b = (args[0] as usize - 1) % self.hops.len();
                self.lose_balancer(b, ctx);
                log(ctx, code::BALANCER, b as i64 + 1, 0);
            }
            act::SERVERS => {
                let before = self.servers_up;
                let mut left = args[0] as u32;
                self.lose_servers(
                    |s| {
                        let dies = s.up && left > 0;
                        left -= u32::from(dies);
                        dies
                    },
                    ctx,
                );
                log(ctx, code::SERVERS, i64::from(before - self.servers_up), i64::from(self.servers_up));
            }
            act::SLOW => {
                self.slow_factor = args[1];
                let mut left = args[0] as u32;
                for server in self.servers.iter_mut().filter(|s| s.up) {
                    server.slow = left > 0;
                    left = left.saturating_sub(1);
                }
                log(ctx, code::SLOW, args[0] as i64, (args[1] * 10.0) as i64);
            }
            act::CACHE => self.lose_cache(args[0] as usize, Us::from_s(args[1]), ctx),
            act::PRIMARY => {
                let shard = (args[0] as u32 - 1) % self.d.shards;
                if let Some(node) = self.shards[shard as usize].primary {
                    self.lose_node(node, ctx);
                }
            }
            act::DB_SLOW => {
                self.db_factor = args[0];
                log(ctx, code::DB_SLOW, (args[0] * 10.0) as i64, 0);
            }
            act::HOT => {
                self.hot = args[0] / 100.0;
                self.hot_cut = cut(self.hot);
                log(ctx, code::HOT, args[0] as i64, i64::from(self.owners[HOT as usize]));
            }
            act::FLASH => {
                self.flashes += 1;
                self.flash = args[0];
                self.trouble_end = ctx.now + Us::from_s(args[1]);
                ctx.at(self.trouble_end, Ev::FlashOver(self.flashes));
                self.pace(ctx);
                log(ctx, code::FLASH, (args[0] * 10.0) as i64, self.load.rate() as i64);
            }
            act::BOT => {
                self.greedy = args[0] / 100.0;
                self.greedy_cut = cut(self.greedy / (1.0 + self.greedy));
                self.pace(ctx);
                log(ctx, code::GREEDY, args[0] as i64, i64::from(self.s.limiter));
            }
            act::WORKERS => {
                // At least once: what was in hand is delivered again.
                self.job_stop += 1;
                for _ in 0..core::mem::take(&mut self.job_busy) {
                    self.backlog.push_front((ctx.now.0 >> 10) as u32);
                }
                self.jobs_stopped = true;
                (self.drain_from, self.drained) = (None, None);
                ctx.after(Us::from_s(args[0]), Ev::WorkersBack(self.job_stop));
                log(ctx, code::WORKERS, (args[0] * 1e6) as i64, 0);
            }
            act::MEND => self.mend(ctx),
            _ => {}
        }
        self.settle(ctx);
    }

    fn lose_zone(&mut self, zone: u8, ctx: &mut Ctx<Ev>) {
        self.lose_servers(|s| s.up && s.zone == zone, ctx);
        for b in 0..self.hops.len() {
            if self.hops[b].zone == zone && self.hops[b].up {
                self.lose_balancer(b, ctx);
            }
        }
        if !self.s.zone_data {
            return;
        }
        for c in 0..self.cache_hops.len() {
            if self.cache_hops[c].zone == zone && self.cache_hops[c].up {
                self.cache_hops[c].up = false;
                self.map.remove(c as u16);
            }
        }
        self.place(ctx);
        for n in 0..self.nodes.len() {
            if self.nodes[n].zone == zone && self.nodes[n].up {
                self.lose_node(n as u8, ctx);
            }
        }
    }

    /// A balancer dies with its connections. The servers do not know and work on.
    fn lose_balancer(&mut self, b: usize, ctx: &mut Ctx<Ev>) {
        self.hops[b].up = false;
        for slot in 0..self.flights.slots_max() {
            let f = *self.flights.get(slot);
            if self.flights.is_used(slot) && f.flags & GONE == 0 && f.balancer as usize == b {
                self.flights.get_mut(slot).flags |= GONE;
                self.flights.stop(PATIENCE, slot);
                self.lose(f.id, f.flags & WRITE != 0, Why::Lost, ctx);
            }
        }
    }

    fn lose_servers(&mut self, mut dies: impl FnMut(&Server) -> bool, ctx: &mut Ctx<Ev>) {
        self.meter_busy(ctx.now);
        let mut dead = vec![false; self.servers.len()];
        for (server, dead) in self.servers.iter_mut().zip(&mut dead) {
            if dies(server) {
                *dead = true;
                self.counts.busy -= u64::from(server.busy);
                self.counts.in_line -= server.line.len() as u64;
                (server.line, server.pool_line) = (Chain::default(), Chain::default());
                (server.busy, server.pooled, server.up) = (0, 0, false);
                self.servers_up -= 1;
            }
        }
        for slot in 0..self.flights.slots_max() {
            let f = *self.flights.get(slot);
            let request = !matches!(f.at, At::Loader | At::Apply);
            if !self.flights.is_used(slot) || !request || !dead[f.server as usize] {
                continue;
            }
            if f.flags & DETACHED != 0 {
                // Only a line or an event holds it. The pool's line is gone.
                if f.at == At::Pool {
                    self.flights.remove(slot);
                } else {
                    self.flights.get_mut(slot).flags |= ORPHAN;
                }
                continue;
            }
            if f.flags & GONE == 0 {
                self.lose(f.id, f.flags & WRITE != 0, Why::Lost, ctx);
            }
            self.flights.stop(PATIENCE, slot);
            self.flights.stop(WAITED, slot);
            self.balancers[f.balancer as usize].release(f.server);
            if f.at == At::Line {
                self.counts.dropped += 1;
            } else {
                self.counts.aborted += 1;
            }
            if matches!(f.at, At::Line | At::Pool) {
                self.flights.remove(slot);
            } else {
                self.flights.get_mut(slot).flags |= GONE | DETACHED | ORPHAN;
            }
        }
    }

    /// A database node dies with what it has in hand and in its line.
    fn lose_node(&mut self, node: u8, ctx: &mut Ctx<Ev>) {
        self.meter_node(node as usize, ctx.now);
        self.meter_connections(ctx.now);
        let n = &mut self.nodes[node as usize];
        self.counts.db_running -= u64::from(n.busy);
        self.counts.db_waiting -= n.line.len() as u64;
        (n.up, n.busy, n.behind, n.line) = (false, 0, 0, Chain::default());
        let shard = n.shard;
        let h = &mut self.shards[shard as usize];
        let was_primary = h.primary == Some(node);
        if was_primary {
            h.primary = None;
            h.epoch += 1;
            self.counts.lost_writes += u64::from(h.shipping);
            let lost = core::mem::take(&mut h.shipping);
            let epoch = h.epoch;
            ctx.after(self.s.failover, Ev::Promote { shard, epoch });
            self.trouble_end = ctx.now + self.s.failover;
            ctx.log(Tone::Fault, code::PRIMARY, Line::NO_REQUEST, i64::from(shard) + 1, i64::from(lost));
        } else {
            ctx.log(Tone::Fault, code::REPLICA, Line::NO_REQUEST, i64::from(node), 0);
        }
        for slot in 0..self.flights.slots_max() {
            let f = *self.flights.get(slot);
            let here = matches!(f.at, At::Query | At::Loader | At::Apply) && f.node == node;
            if !self.flights.is_used(slot) || !here || f.flags & NODE_DIED != 0 {
                continue;
            }
            let running = f.flags & RUNNING != 0;
            self.counts.queries_lost += 1;
            if running {
                self.connections_busy -= u32::from(f.at != At::Apply);
                self.flights.get_mut(slot).flags |= NODE_DIED;
            }
            match f.at {
                At::Loader => {
                    let Loading { key, mut waiters } = self.loads[f.id as usize];
                    self.loads_free.push(f.id);
                    self.entries[key as usize] = 0;
                    while let Some(next) = self.flights.leave(&mut waiters) {
                        if self.flights.get(next).flags & DETACHED != 0 {
                            self.flights.remove(next);
                        } else {
                            self.abort(next, Why::Lost, false, ctx);
                        }
                    }
                    if !running {
                        self.flights.remove(slot);
                    }
                }
                At::Apply => {}
                _ => {
                    if f.flags & DETACHED == 0 {
                        self.abort(slot, Why::Lost, true, ctx);
                    }
                    if f.flags & ORPHAN == 0 {
                        self.give_back(f.server, ctx);
                    }
                    if !running {
                        self.flights.remove(slot);
                    }
                }
            }
        }
    }

    pub(super) fn promote(&mut self, shard: u8, epoch: u16, ctx: &mut Ctx<Ev>) {
        if self.shards[shard as usize].epoch != epoch || self.shards[shard as usize].primary.is_some() {
            return;
        }
        let copies = (1 + self.d.replicas) as u8;
        let first = shard * copies;
        let alive = (first..first + copies).find(|n| self.nodes[*n as usize].up);
        // Without a copy there is nothing to wait for but the node itself.
        let node = alive.unwrap_or(first);
        self.nodes[node as usize].up = true;
        self.shards[shard as usize].primary = Some(node);
        self.trouble_end = ctx.now;
        ctx.log(Tone::Fault, code::PROMOTED, Line::NO_REQUEST, i64::from(shard) + 1, i64::from(node));
    }

    fn lose_cache(&mut self, nodes: usize, away: Us, ctx: &mut Ctx<Ev>) {
        let victims: Vec<usize> = (0..self.cache_hops.len()).filter(|c| self.cache_hops[*c].up).take(nodes).collect();
        for c in &victims {
            for (entry, owner) in self.entries.iter_mut().zip(self.owners.iter()) {
                if *owner as usize == *c && *entry & LOADING == 0 {
                    *entry = 0;
                }
            }
            if away > Us::ZERO {
                self.cache_hops[*c].up = false;
                self.map.remove(*c as u16);
            }
        }
        for server in &mut self.servers {
            server.hot_until = 0;
        }
        if away > Us::ZERO {
            self.place(ctx);
            self.cache_losses += 1;
            self.trouble_end = ctx.now + away;
            ctx.at(self.trouble_end, Ev::CacheBack(self.cache_losses));
        }
        ctx.log(Tone::Fault, code::CACHE, Line::NO_REQUEST, victims.len() as i64, away.0 as i64);
    }

    /// Works out where each record lives now. A record with a new node is not there yet.
    fn place(&mut self, ctx: &mut Ctx<Ev>) {
        let owners = Million::owners(&self.map, self.s.keys);
        self.moved = 0;
        for (key, entry) in self.entries.iter_mut().enumerate() {
            if owners[key] != self.owners[key] {
                self.moved += 1;
                if *entry & LOADING == 0 {
                    *entry = 0;
                }
            }
        }
        self.owners = owners;
        ctx.mix(u64::from(self.moved));
    }

    pub(super) fn cache_back(&mut self, n: u16, ctx: &mut Ctx<Ev>) {
        if n == self.cache_losses {
            self.revive_cache(ctx);
            ctx.log(Tone::Fault, code::CACHE_BACK, Line::NO_REQUEST, i64::from(self.moved), 0);
        }
    }

    fn revive_cache(&mut self, ctx: &mut Ctx<Ev>) {
        for c in 0..self.cache_hops.len() {
            if !self.cache_hops[c].up {
                self.cache_hops[c].up = true;
                self.map.add(c as u16);
            }
        }
        self.place(ctx);
    }

    pub(super) fn flash_over(&mut self, n: u16, ctx: &mut Ctx<Ev>) {
        if n == self.flashes {
            self.flash = 1.0;
            self.pace(ctx);
            ctx.log(Tone::Fault, code::FLASH_OVER, Line::NO_REQUEST, self.load.rate() as i64, 0);
        }
    }

    pub(super) fn workers_back(&mut self, n: u16, ctx: &mut Ctx<Ev>) {
        if n == self.job_stop && self.jobs_stopped {
            self.jobs_stopped = false;
            self.drain_from = Some(ctx.now);
            ctx.log(Tone::Fault, code::WORKERS_BACK, Line::NO_REQUEST, self.backlog.len() as i64, 0);
            self.give_jobs(ctx);
        }
    }

    fn mend(&mut self, ctx: &mut Ctx<Ev>) {
        for server in &mut self.servers {
            self.servers_up += u32::from(!server.up);
            (server.up, server.slow) = (true, false);
        }
        self.hops.iter_mut().for_each(|h| h.up = true);
        self.nodes.iter_mut().for_each(|n| n.up = true);
        for shard in 0..self.shards.len() as u8 {
            self.promote(shard, self.shards[shard as usize].epoch, ctx);
        }
        self.revive_cache(ctx);
        self.db_factor = 1.0;
        self.hot = self.s.hot;
        self.hot_cut = cut(self.hot);
        self.flash = 1.0;
        self.flashes += 1;
        (self.greedy, self.greedy_cut) = (0.0, 0);
        if self.jobs_stopped {
            self.workers_back(self.job_stop, ctx);
        }
        self.pace(ctx);
        ctx.log(Tone::Fault, code::MENDED, Line::NO_REQUEST, 0, 0);
    }

    /// Health checks: of the balancers by the edge, of the servers by each living balancer.
    pub(super) fn check(&mut self, ctx: &mut Ctx<Ev>) {
        ctx.after(self.s.health.every, Ev::Check);
        let rule = self.s.health;
        let (mut out, mut back) = (0, 0);
        use crate::blocks::balancer::Change;
        let mut count = |change: Option<Change>| match change {
            Some(Change::TakenOut) => out += 1,
            Some(Change::PutBack) => back += 1,
            None => {}
        };
        for (b, hop) in self.hops.iter().enumerate() {
            count(self.edge.observe(b as u16, hop.up, rule));
            if hop.up {
                for (i, server) in self.servers.iter().enumerate() {
                    count(self.balancers[b].observe(i as u16, server.up, rule));
                }
            }
        }
        if out + back > 0 {
            ctx.mix(out << 32 | back);
            let edge = self.edge.in_rotation() as i64;
            let servers = self.balancers.iter().zip(&self.hops).find(|(_, h)| h.up);
            let servers = servers.map_or(0, |(b, _)| b.in_rotation() as i64);
            ctx.log(Tone::Info, code::CHECKED, Line::NO_REQUEST, edge, servers);
        }
    }
}
