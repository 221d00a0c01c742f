//! Keys on the move: resharding, splitting and pinning, while everybody reads and writes.

use super::*;
use crate::blocks::reshard::{Move, Stage};

impl Spikes {
    /// Where a key belongs.
    pub(super) fn place(&self, key: u16) -> u8 {
        match self.pinned {
            Some(shard) if key == 0 => shard,
            _ => self.map.owner(u64::from(key)).unwrap_or(0) as u8,
        }
    }

    /// Plans the way from where the keys are to where they belong.
    pub(super) fn plan_moves(&mut self, ctx: &mut Ctx<Ev>) {
        let keys = self.s.keys as u16 + if self.parts > 1 { self.parts as u16 } else { 0 };
        let moves: Vec<Move> = (0..keys)
            .map(|key| Move { from: self.owner[key as usize], to: self.place(key), key })
            .filter(|m| m.from != m.to)
            .collect();
        // Parts that nobody uses are nowhere yet.
        for key in keys as usize..self.owner.len() {
            self.owner[key] = self.place(key as u16);
        }
        (self.moving_since, self.moving_until) = (ctx.now, Us::MAX);
        self.reshard = Reshard::new(moves);
        ctx.mix(self.reshard.len() as u64);
        self.next_chunk(ctx);
    }

    fn next_chunk(&mut self, ctx: &mut Ctx<Ev>) {
        if self.reshard.begin(self.s.chunk) {
            self.counts.twice_max = self.counts.twice_max.max(u64::from(self.reshard.chunk_len()));
            return self.copy_out(ctx);
        }
        self.moving_until = ctx.now;
        let took = ctx.now.since(self.moving_since).0 as i64;
        ctx.log(Tone::Info, code::MOVED, Line::NO_REQUEST, self.reshard.len() as i64, took);
    }

    /// The chunk is read where it is, if both shards have a primary. Else that is done once they have.
    pub(super) fn copy_out(&mut self, ctx: &mut Ctx<Ev>) {
        let Some(chunk) = self.reshard.chunk() else {
            return;
        };
        let leader = |h: u8| self.shards[h as usize].log.leader();
        let (Some(m), Some(_)) = (leader(chunk.from), leader(chunk.to)) else {
            return;
        };
        if chunk.stage != Stage::Copying || self.copying == chunk.attempt {
            return;
        }
        let (from, attempt) = (chunk.from as usize, chunk.attempt);
        self.copying = attempt;
        let rows = self.reshard.chunk_len();
        let slot = self.add(Kind::CopyOut, 0, from, ctx.now);
        let f = self.flights.get_mut(slot);
        (f.position, f.other) = (rows, u32::from(attempt));
        self.counts.chores += 1;
        self.enqueue(self.shards[from].nodes[m], slot, ctx);
    }

    /// It has been read: now it is written where it goes, in one statement.
    pub(super) fn copy_in(&mut self, slot: u32, ctx: &mut Ctx<Ev>) {
        let f = *self.flights.get(slot);
        self.flights.remove(slot);
        self.counts.chores -= 1;
        let Some(chunk) = self.reshard.chunk().filter(|c| u32::from(c.attempt) == f.other) else {
            return;
        };
        let to = chunk.to as usize;
        let Some(m) = self.shards[to].log.leader() else {
            return self.interrupt_move(to);
        };
        let slot = self.add(Kind::Batch, 1, to, ctx.now);
        let copy = self.flights.get_mut(slot);
        (copy.position, copy.other, copy.flags) = (f.position, f.other, FORWARDED);
        self.counts.batches += 1;
        self.enqueue(self.shards[to].nodes[m], slot, ctx);
    }

    /// The copy is in the new shard's log.
    pub(super) fn copied(&mut self, h: usize, attempt: u16, rows: u32, ctx: &mut Ctx<Ev>) {
        let position = self.shards[h].log.commit(ctx.now, rows);
        if let Some(chunk) = self.reshard.chunk_mut().filter(|c| c.attempt == attempt) {
            chunk.stage = Stage::Verifying(position);
            ctx.after(CUT_EVERY, Ev::Cut(attempt));
        }
    }

    /// Once the new shard and its replicas have all of it, and nothing is on its way, it owns the keys.
    pub(super) fn cut_over(&mut self, attempt: u16, ctx: &mut Ctx<Ev>) {
        let Some(chunk) = self.reshard.chunk().filter(|c| c.attempt == attempt) else {
            return;
        };
        let Stage::Verifying(position) = chunk.stage else {
            return;
        };
        let to = chunk.to;
        let log = &self.shards[to as usize].log;
        let agreed = log.members().iter().all(|m| !m.up || m.applied >= position);
        if chunk.on_its_way > 0 || !agreed {
            return ctx.after(CUT_EVERY, Ev::Cut(attempt));
        }
        let keys: Vec<u16> = self.reshard.keys().collect();
        for key in &keys {
            self.last[*key as usize] = self.reshard.position(*key);
            self.owner[*key as usize] = to;
            if let Some(entry) = self.cached.get_mut(*key as usize) {
                entry.1 = 0;
            }
        }
        self.counts.moves += keys.len() as u64;
        ctx.mix(keys.len() as u64);
        self.reshard.cut();
        self.next_chunk(ctx);
    }

    /// A primary on either side died: the chunk begins again when there is another.
    pub(super) fn interrupt_move(&mut self, h: usize) {
        if self.reshard.chunk().is_some_and(|c| c.from as usize == h || c.to as usize == h) {
            self.reshard.begin(self.s.chunk);
        }
    }

    /// So many shards from now on.
    pub(super) fn reshard_to(&mut self, target: usize, ctx: &mut Ctx<Ev>) {
        let before = self.map.nodes().len();
        while self.shards.len() < target {
            self.new_shard(ctx.now);
            self.start_streams(self.shards.len() - 1, ctx);
        }
        for h in 0..self.shards.len() as u16 {
            match (h as usize) < target {
                true => self.map.add(h),
                false => self.map.remove(h),
            }
        }
        if self.pinned.is_some_and(|p| p as usize >= target) {
            self.pinned = None;
        }
        self.plan_moves(ctx);
        ctx.log(Tone::Fault, code::RESHARD, Line::NO_REQUEST, before as i64, target as i64);
        ctx.log(Tone::Info, code::PLANNED, Line::NO_REQUEST, self.reshard.len() as i64, i64::from(self.s.keys));
    }

    pub(super) fn split_key(&mut self, parts: u32, ctx: &mut Ctx<Ev>) {
        let top = (self.owner[0], self.last[0]);
        let from = self.s.keys as usize;
        for key in from..from + PARTS_MAX as usize {
            // The parts begin where the whole is.
            if key >= from + self.parts as usize || self.parts < 2 {
                (self.owner[key], self.last[key]) = top;
            }
        }
        self.parts = parts;
        self.plan_moves(ctx);
        ctx.log(Tone::Fault, code::SPLIT, Line::NO_REQUEST, i64::from(parts), 0);
    }

    pub(super) fn pin_key(&mut self, ctx: &mut Ctx<Ev>) {
        let mut least = self.map.nodes()[0] as usize;
        for h in self.map.nodes() {
            if self.shards[*h as usize].worked < self.shards[least].worked {
                least = *h as usize;
            }
        }
        self.pinned = Some(least as u8);
        self.plan_moves(ctx);
        ctx.log(Tone::Fault, code::PINNED, Line::NO_REQUEST, least as i64 + 1, 0);
    }
}
