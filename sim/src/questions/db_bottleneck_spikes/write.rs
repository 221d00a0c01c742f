//! Writes: into a batch, through a session to the disk, into the log, and to whoever waits for an answer.

use super::*;
use crate::blocks::batcher::Added;

impl Spikes {
    pub(super) fn write_arrives(&mut self, ctx: &mut Ctx<Ev>) {
        let id = (self.writes.arrive(ctx.now) as u32) << 1 | 1;
        self.schedule_write(ctx);
        self.meters.turn(ctx.now);
        self.meters.add(meter::WRITES, 1);
        self.counts.writes += 1;
        self.now.writes += 1;
        let key = self.key_of(id);
        let h = self.owner[key as usize] as usize;
        let drawn = Drawn { shard: h as u8, ..Drawn::new(true) };
        self.write_samples.begin(ctx.now, id, 0, drawn);
        ctx.step(Tone::Info, code::WRITE, id, i64::from(key), h as i64);
        if self.s.ack == Ack::Queue {
            let waiting: usize = self.shards.iter().map(|s| s.queue.len()).sum();
            if waiting >= self.s.queue {
                return self.refuse_write(id, code::QUEUE_FULL, ctx);
            }
            let look = self.told(id, key, ctx.now.0 as u32, ctx);
            let queued = Queued { id, look, born: ctx.now.0 as u32, key };
            self.shards[h].queue.push_back(queued);
            ctx.step(Tone::Waiting, code::QUEUED, id, self.shards[h].queue.len() as i64, 0);
            return self.drain(h, ctx);
        }
        if self.shards[h].log.leader().is_none() && self.s.ack == Ack::Commit {
            return self.refuse_write(id, code::NO_PRIMARY, ctx);
        }
        if self.shards[h].rows >= self.s.rows_max() {
            return self.refuse_write(id, code::ROWS_FULL, ctx);
        }
        let slot = self.add(Kind::Row, id, h, ctx.now);
        self.flights.get_mut(slot).key = key;
        if self.s.ack == Ack::Memory {
            let look = self.told(id, key, ctx.now.0 as u32, ctx);
            let f = self.flights.get_mut(slot);
            (f.position, f.flags) = (look, ACKED);
            self.counts.rows_told += 1;
        } else {
            self.counts.writes_open += 1;
        }
        self.submit(slot, h, ctx);
    }

    /// The client hears "done". Returns the slot in which its author waits to look, if they will.
    fn told(&mut self, id: u32, key: u16, born: u32, ctx: &mut Ctx<Ev>) -> u32 {
        let took = self.age(born, ctx.now) + TRIP;
        self.counts.acked += 1;
        self.meters.turn(ctx.now);
        self.meters.add(meter::WRITTEN, 1);
        self.now.written += 1;
        self.now.write_ms += took.as_ms() as f32;
        self.write_times.add(ctx.now, took);
        self.write_samples.end(ctx.now, id, 0, Fate::Good);
        ctx.step(Tone::Ok, code::DONE, id, took.0 as i64, self.s.ack as i64);
        let curious = self.kinds.at(u64::from(id) + 1) as u32 & 0xf_ffff;
        if f64::from(curious) >= self.s.lookers * 1_048_576.0 {
            return NOBODY;
        }
        let slot = self.add(Kind::Look, id, 0, ctx.now);
        let f = self.flights.get_mut(slot);
        (f.key, f.position) = (key, NEVER);
        self.counts.looks_open += 1;
        ctx.after(self.s.look, Ev::Look(slot));
        slot
    }

    fn refuse_write(&mut self, id: u32, why: u8, ctx: &mut Ctx<Ev>) {
        self.counts.writes_refused += 1;
        self.write_lost(id, why, ctx);
    }
    fn write_lost(&mut self, id: u32, why: u8, ctx: &mut Ctx<Ev>) {
        self.meters.turn(ctx.now);
        self.meters.add(meter::WRITES_BAD, 1);
        self.now.writes_bad += 1;
        self.write_samples.end(ctx.now, id, 0, Fate::Refused);
        ctx.mix(u64::from(id));
        ctx.bad();
        ctx.step(Tone::Rejected, why, id, 0, 0);
    }

    /// The queue hands over what its shard has room for.
    pub(super) fn drain(&mut self, h: usize, ctx: &mut Ctx<Ev>) {
        // A few batches more than the sessions can have in hand, so that none of them is idle.
        let room = ((self.s.sessions + 2) * self.s.batch).min(self.s.rows_max());
        while self.shards[h].log.leader().is_some() && self.shards[h].rows < room {
            let Some(q) = self.shards[h].queue.pop_front() else {
                return;
            };
            let slot = self.add(Kind::Row, q.id, h, ctx.now);
            let f = self.flights.get_mut(slot);
            (f.key, f.born, f.position, f.flags) = (q.key, q.born, q.look, ACKED);
            self.counts.rows_told += 1;
            self.submit(slot, h, ctx);
        }
    }

    /// A row joins the batch of its shard.
    pub(super) fn submit(&mut self, slot: u32, h: usize, ctx: &mut Ctx<Ev>) {
        let f = self.flights.get_mut(slot);
        (f.shard, f.other) = (h as u8, NOBODY);
        let s = &mut self.shards[h];
        s.rows += 1;
        match s.last {
            NOBODY => s.first = slot,
            last => self.flights.get_mut(last).other = slot,
        }
        s.last = slot;
        match s.batch.add(ctx.now, self.s.batch) {
            Added::Full => self.send_batch(h, ctx),
            Added::Opened(generation) => ctx.after(self.s.linger, Ev::Linger { shard: h as u8, generation }),
            Added::Joined => {}
        }
    }

    pub(super) fn lingered(&mut self, shard: u8, generation: u32, ctx: &mut Ctx<Ev>) {
        if self.shards[shard as usize].batch.generation() == generation {
            self.send_batch(shard as usize, ctx);
        }
    }

    /// The batch goes to the primary as one statement. Without a primary it stays.
    pub(super) fn send_batch(&mut self, h: usize, ctx: &mut Ctx<Ev>) {
        let s = &mut self.shards[h];
        let Some(leader) = s.log.leader() else {
            return;
        };
        if s.batch.rows() == 0 {
            return;
        }
        let (rows, waited) = s.batch.take(ctx.now);
        let first = core::mem::replace(&mut s.first, NOBODY);
        s.last = NOBODY;
        let n = s.nodes[leader];
        if rows >= self.s.batch {
            self.counts.first_wait = self.counts.first_wait.max(waited.0);
        }
        let id = self.flights.get(first).id;
        let slot = self.add(Kind::Batch, id, h, ctx.now);
        let f = self.flights.get_mut(slot);
        (f.position, f.other) = (rows, first);
        self.counts.batches += 1;
        if rows > 1 {
            ctx.step(Tone::Info, code::BATCHED, id, i64::from(rows), waited.0 as i64);
        }
        self.enqueue(n, slot, ctx);
    }

    /// The primary has done its part: a session writes the commit to disk.
    pub(super) fn flush_or_wait(&mut self, slot: u32, ctx: &mut Ctx<Ev>) {
        let h = self.flights.get(slot).shard as usize;
        let s = &mut self.shards[h];
        if s.sessions >= self.s.sessions {
            return self.flights.join(&mut s.flushes, slot);
        }
        s.sessions += 1;
        self.flush(slot, ctx);
    }
    fn flush(&mut self, slot: u32, ctx: &mut Ctx<Ev>) {
        let f = self.flights.get_mut(slot);
        f.flags |= FLUSHING;
        ctx.after(self.s.costs.flush(f.position), Ev::Flushed(slot));
    }

    /// On disk: the rows are in the log.
    pub(super) fn flushed(&mut self, slot: u32, ctx: &mut Ctx<Ev>) {
        let f = *self.flights.get(slot);
        self.flights.remove(slot);
        if f.flags & DEAD != 0 {
            self.counts.chores -= 1;
            return;
        }
        self.counts.batches -= 1;
        let h = f.shard as usize;
        match self.flights.leave(&mut self.shards[h].flushes) {
            Some(next) if self.shards[h].sessions <= self.s.sessions => self.flush(next, ctx),
            next => {
                self.shards[h].sessions -= 1;
                if let Some(next) = next {
                    self.flights.join(&mut self.shards[h].flushes, next);
                }
            }
        }
        if f.flags & FORWARDED != 0 {
            self.copied(h, f.other as u16, f.position, ctx);
        } else {
            self.commit(h, f.other, ctx);
        }
        self.after_commit(h, ctx);
    }

    fn commit(&mut self, h: usize, first: u32, ctx: &mut Ctx<Ev>) {
        let mut next = first;
        while next != NOBODY {
            let slot = next;
            let f = *self.flights.get(slot);
            next = f.other;
            self.shards[h].rows -= 1;
            let key = f.key;
            if f.flags & FORWARDED == 0 && self.owner[key as usize] as usize != h {
                // The key has moved since this row set out: its new shard decides.
                self.counts.redirected += 1;
                let to = self.owner[key as usize] as usize;
                ctx.step(Tone::Info, code::REDIRECTED, f.id, to as i64, 0);
                if self.shards[to].log.leader().is_none() && f.flags & ACKED == 0 {
                    self.flights.remove(slot);
                    self.counts.writes_open -= 1;
                    self.counts.writes_failed += 1;
                    self.write_lost(f.id, code::NO_PRIMARY, ctx);
                } else {
                    self.submit(slot, to, ctx);
                }
                continue;
            }
            let position = self.shards[h].log.commit(ctx.now, 1);
            if f.flags & FORWARDED != 0 {
                let attempt = self.reshard.chunk().map(|c| u32::from(c.attempt));
                if attempt == Some(f.position) {
                    self.reshard.forwarded(key, position);
                }
                self.flights.remove(slot);
                self.counts.rows_told -= 1;
                continue;
            }
            self.counts.committed += 1;
            self.now.committed += 1;
            ctx.step(Tone::Info, code::COMMITTED, f.id, i64::from(position), 0);
            if f.flags & ACKED != 0 {
                // Its author may be looking for it already.
                let look = f.position;
                if look < self.flights.slots_max() && self.flights.is_used(look) {
                    let l = self.flights.get_mut(look);
                    if l.id == f.id && l.kind == Kind::Look {
                        (l.position, l.other) = (position, h as u32);
                    }
                }
            }
            self.flights.get_mut(slot).position = position;
            self.flights.join(&mut self.shards[h].waiting, slot);
            if self.reshard.also_on(key).is_some() && self.reshard.chunk().is_some_and(|c| c.from as usize == h) {
                self.forward(key, ctx);
            }
        }
    }

    /// A write to a key that is moving goes to its new shard as well.
    fn forward(&mut self, key: u16, ctx: &mut Ctx<Ev>) {
        let Some(chunk) = self.reshard.chunk_mut() else {
            return;
        };
        chunk.on_its_way += 1;
        let (to, attempt) = (chunk.to as usize, chunk.attempt);
        let slot = self.add(Kind::Row, 1, to, ctx.now);
        let f = self.flights.get_mut(slot);
        (f.key, f.flags, f.position) = (key, FORWARDED, u32::from(attempt));
        self.counts.rows_told += 1;
        self.counts.forwarded += 1;
        self.submit(slot, to, ctx);
    }

    /// There is more in the log: it is shipped, and answers may be due.
    pub(super) fn after_commit(&mut self, h: usize, ctx: &mut Ctx<Ev>) {
        for m in 0..self.shards[h].nodes.len() {
            self.ship(h, m, ctx);
        }
        if self.s.commit != Commit::Local {
            let s = &self.shards[h];
            let (epoch, position) = (s.epoch, s.log.committed());
            ctx.after(STANDBY_TRIP, Ev::Secured { shard: h as u8, epoch, position });
        }
        self.acknowledge(h, ctx);
        self.drain(h, ctx);
    }

    pub(super) fn secured(&mut self, shard: u8, epoch: u16, position: u32, ctx: &mut Ctx<Ev>) {
        let h = shard as usize;
        if self.shards[h].epoch != epoch {
            return;
        }
        for m in 0..self.shards[h].nodes.len() {
            self.shards[h].log.secure(m, position);
        }
        self.acknowledge(h, ctx);
    }

    /// Answers whom the rule allows to be answered.
    pub(super) fn acknowledge(&mut self, h: usize, ctx: &mut Ctx<Ev>) {
        let until = self.shards[h].log.acknowledge(self.s.commit);
        while let Some(slot) = self.shards[h].waiting.head() {
            let f = *self.flights.get(slot);
            if f.position > until {
                return;
            }
            self.flights.leave(&mut self.shards[h].waiting);
            self.flights.remove(slot);
            let key = f.key as usize;
            if self.owner[key] as usize == h {
                self.last[key] = self.last[key].max(f.position);
                if let Some(entry) = self.cached.get_mut(key).filter(|_| self.s.invalidate) {
                    entry.1 = 0;
                }
            }
            if f.flags & ACKED != 0 {
                self.counts.rows_told -= 1;
                continue;
            }
            self.counts.writes_open -= 1;
            let look = self.told(f.id, f.key, f.born, ctx);
            if look != NOBODY {
                let l = self.flights.get_mut(look);
                (l.position, l.other) = (f.position, h as u32);
            }
        }
    }

    /// A primary dies with the commits on their way: those at the disk, those that wait for it or for
    /// a standby, and what clients wait for in the batch.
    pub(super) fn lose_commits(&mut self, h: usize, dead: &mut Vec<u32>, ctx: &mut Ctx<Ev>) {
        for slot in 0..self.flights.slots_max() {
            if !self.flights.is_used(slot) {
                continue;
            }
            let f = *self.flights.get(slot);
            if f.kind == Kind::Batch && f.shard as usize == h && f.flags & (FLUSHING | DEAD) == FLUSHING {
                // The event holds the slot: a copy of it dies now.
                self.flights.get_mut(slot).flags |= DEAD;
                self.counts.chores += 1;
                let twin = self.flights.add(Flight { flags: f.flags & !FLUSHING, ..f });
                dead.push(twin);
            }
        }
        let s = &mut self.shards[h];
        s.sessions = 0;
        let (mut flushes, mut waiting) = (core::mem::take(&mut s.flushes), core::mem::take(&mut s.waiting));
        while let Some(slot) = self.flights.leave(&mut flushes) {
            dead.push(slot);
        }
        while let Some(slot) = self.flights.leave(&mut waiting) {
            let f = *self.flights.get(slot);
            if f.flags & ACKED != 0 {
                // Who answered for it tries again: better twice than never.
                self.shards[h].rows += 1;
                self.flights.get_mut(slot).position = NOBODY;
                dead.push(slot);
                continue;
            }
            self.flights.remove(slot);
            // It may have survived: its client cannot know.
            self.counts.writes_open -= 1;
            self.counts.writes_failed += 1;
            self.write_lost(f.id, code::UNKNOWN, ctx);
        }
        if self.s.ack == Ack::Commit {
            let _ = self.shards[h].batch.take(ctx.now);
            let first = core::mem::replace(&mut self.shards[h].first, NOBODY);
            self.shards[h].last = NOBODY;
            self.fail_rows(first, h, ctx);
        }
    }

    pub(super) fn fail_batch(&mut self, slot: u32, ctx: &mut Ctx<Ev>) {
        let f = *self.flights.get(slot);
        self.flights.remove(slot);
        self.counts.batches -= 1;
        if f.flags & FORWARDED == 0 {
            self.fail_rows(f.other, f.shard as usize, ctx);
        }
    }
    fn fail_rows(&mut self, first: u32, h: usize, ctx: &mut Ctx<Ev>) {
        let mut next = first;
        while next != NOBODY {
            let slot = next;
            next = self.flights.get(slot).other;
            self.fail_row(slot, h, ctx);
        }
    }

    /// A row whose primary died before its commit. Who has been told "done" has somebody who tries
    /// again: the queue, or the process that has it in memory.
    pub(super) fn fail_row(&mut self, slot: u32, h: usize, ctx: &mut Ctx<Ev>) {
        let f = *self.flights.get(slot);
        self.shards[h].rows -= 1;
        if f.flags & ACKED != 0 && self.s.ack == Ack::Memory {
            return self.submit(slot, h, ctx);
        }
        self.flights.remove(slot);
        if f.flags & FORWARDED != 0 {
            self.counts.rows_told -= 1;
        } else if f.flags & ACKED != 0 {
            self.counts.rows_told -= 1;
            let q = Queued { id: f.id, look: f.position, born: f.born, key: f.key };
            self.shards[h].queue.push_front(q);
        } else {
            self.counts.writes_open -= 1;
            self.counts.writes_failed += 1;
            self.write_lost(f.id, code::NODE_DIED, ctx);
        }
    }

    /// The application dies with the batches in its memory.
    pub(super) fn crash(&mut self, ctx: &mut Ctx<Ev>) {
        let (mut failed, mut lost) = (0, 0);
        for h in 0..self.shards.len() {
            let _ = self.shards[h].batch.take(ctx.now);
            let mut next = core::mem::replace(&mut self.shards[h].first, NOBODY);
            self.shards[h].last = NOBODY;
            while next != NOBODY {
                let slot = next;
                let f = *self.flights.get(slot);
                next = f.other;
                if f.flags & ACKED != 0 && self.s.ack == Ack::Memory {
                    self.shards[h].rows -= 1;
                    self.flights.remove(slot);
                    self.counts.rows_told -= 1;
                    self.counts.lost += 1;
                    lost += 1;
                    continue;
                }
                failed += i64::from(f.flags & (ACKED | FORWARDED) == 0);
                if f.flags & FORWARDED != 0 {
                    // Forwarding is the database's, not the application's.
                    self.shards[h].rows -= 1;
                    self.submit(slot, h, ctx);
                } else {
                    self.fail_row(slot, h, ctx);
                }
            }
            self.drain(h, ctx);
        }
        ctx.log(Tone::Fault, code::CRASHED, Line::NO_REQUEST, failed, lost);
    }
}
