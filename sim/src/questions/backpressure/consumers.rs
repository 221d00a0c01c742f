//! The consumers of the log: the poll loop, and what the group thinks of it.

use super::*;
use crate::blocks::consumer::{AUTO_COMMIT_EVERY, Group, HEARTBEAT_EVERY, Log, Progress};

/// A poll that finds nothing comes back after this long; one that finds something, after a fetch.
const IDLE: Us = Us::ms(100);
const FETCH: Us = Us::ms(5);
/// Stretches and rebalances that are remembered for the picture.
const SPANS_MAX: usize = 240;
const REBALANCES_MAX: usize = 64;
/// A record's number is its offset and its partition.
pub(super) const PARTITIONS_MAX: u32 = 32;

/// What the loop does while its workers are behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strategy {
    Wait,
    Block,
    Pause,
    None,
}

/// What a consumer is at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SpanKind {
    /// Polls as it should.
    Polling,
    /// Works on a batch and does not poll until it is done.
    Batch,
    /// Stands before a full channel and does not poll.
    Blocked,
    /// Polls, with its partitions paused.
    Paused,
    /// Not in the group any more, and still at work on what it holds.
    Out,
    /// The process stands still.
    Frozen,
    Dead,
}

/// A stretch of a consumer's time.
#[derive(Clone, Copy, Debug)]
pub struct Span {
    pub member: u8,
    pub kind: SpanKind,
    pub from: Us,
    pub to: Us,
}

/// The group's members have changed.
#[derive(Clone, Copy, Debug)]
pub struct Rebalance {
    pub at: Us,
    /// Who came or went.
    pub member: u8,
    pub came: bool,
}

/// A record in a consumer's memory that no worker has yet.
#[derive(Clone, Copy, Debug)]
struct Fetched {
    partition: u8,
    offset: u32,
    reign: u32,
}

#[derive(Clone, Debug)]
pub(super) struct Member {
    pub(super) alive: bool,
    /// Grows when the process dies: what was scheduled for an earlier one is void.
    life: u16,
    pub(super) frozen_until: Us,
    restart_at: Us,
    pub(super) polled_at: Us,
    /// The loop comes back by itself, or when the workers have got on.
    waits: bool,
    paused: bool,
    watched: bool,
    committed_at: Us,
    buffer: Deque<Fetched>,
    pub(super) busy: u32,
    pub(super) kind: SpanKind,
    pub(super) since: Us,
}

impl Member {
    pub(super) fn held(&self) -> u64 {
        self.buffer.len() as u64 + u64::from(self.busy)
    }
    pub(super) fn buffered(&self) -> usize {
        self.buffer.len()
    }
}

#[derive(Clone, Debug)]
pub(super) struct Consumers {
    pub(super) members: Vec<Member>,
    pub(super) group: Group,
    pub(super) logs: Vec<Log>,
    /// What the owner of each partition reads next.
    position: Vec<u32>,
    /// What the owner has processed since it became the owner.
    progress: Vec<Progress>,
    /// What has ever been processed, by anybody.
    pub(super) effects: Vec<Progress>,
    /// Grows when a partition gets another owner: records fetched before are not the owner's.
    reign: Vec<u32>,
    pub(super) spans: Deque<Span>,
    pub(super) rebalances: Deque<Rebalance>,
}

impl Consumers {
    pub(super) fn new(s: &Settings) -> Consumers {
        let (m, p) = if s.log { (s.members, s.partitions) } else { (0, 0) };
        let member = Member {
            alive: true,
            life: 0,
            frozen_until: Us::ZERO,
            restart_at: Us::ZERO,
            polled_at: Us::ZERO,
            waits: false,
            paused: false,
            watched: false,
            committed_at: Us::ZERO,
            buffer: Deque::new(),
            busy: 0,
            kind: SpanKind::Polling,
            since: Us::ZERO,
        };
        Consumers {
            members: vec![member; m],
            group: Group::new(m, p),
            logs: vec![Log::default(); p],
            position: vec![0; p],
            progress: vec![Progress::default(); p],
            effects: vec![Progress::default(); p],
            reign: vec![0; p],
            spans: Deque::new(),
            rebalances: Deque::new(),
        }
    }

    pub(super) fn weight(&self) -> usize {
        let buffers: usize = self.members.iter().map(|m| m.buffer.len() * core::mem::size_of::<Fetched>()).sum();
        let partitions: usize = (0..self.logs.len())
            .map(|p| self.logs[p].weight() + self.progress[p].weight() + self.effects[p].weight() + 12)
            .sum();
        buffers
            + partitions
            + self.group.weight()
            + self.members.len() * core::mem::size_of::<Member>()
            + self.spans.len() * core::mem::size_of::<Span>()
            + self.rebalances.len() * core::mem::size_of::<Rebalance>()
    }

    /// Records that are not committed.
    pub(super) fn lag(&self) -> u64 {
        (0..self.logs.len()).map(|p| u64::from(self.logs[p].end() - self.group.committed(p))).sum()
    }

    /// When the oldest record that is not committed was appended.
    pub(super) fn oldest(&self) -> Option<Us> {
        let open = (0..self.logs.len()).filter(|p| self.logs[*p].end() > self.group.committed(*p));
        open.map(|p| self.logs[p].appended(self.group.committed(p))).min()
    }

    /// Records committed that have not been processed.
    pub(super) fn at_risk(&self) -> u64 {
        (0..self.logs.len()).map(|p| u64::from(self.effects[p].missing_below(self.group.committed(p)))).sum()
    }

    /// Of those, the ones that nobody holds in memory: nobody will ever process them.
    pub(super) fn lost(&self, works: &Works) -> u64 {
        let buffered = self.members.iter().flat_map(|m| &m.buffer).map(|f| (f.partition, f.offset));
        let worked = works.tasks().filter_map(|t| match t {
            Task::Record { partition, offset, .. } => Some((partition, offset)),
            Task::Request(_) => None,
        });
        let mut held: Vec<(u8, u32)> = buffered.chain(worked).collect();
        crate::order::sort(&mut held);
        held.dedup();
        let missing = |(p, o): &&(u8, u32)| {
            let p = *p as usize;
            *o < self.group.committed(p) && !self.effects[p].is_done(*o)
        };
        self.at_risk() - held.iter().filter(missing).count() as u64
    }

    /// Offsets are in their order: committed, processed, read, written; and workers hold what members say.
    pub(super) fn laws(&self, s: &Settings, works: &Works) -> Result<(), String> {
        self.group.invariants()?;
        for p in 0..self.logs.len() {
            let (committed, processed) = (self.group.committed(p), self.effects[p].low());
            if !s.auto_commit && committed > processed {
                return Err(format!("partition {p}: committed {committed}, processed without a gap {processed}"));
            }
            let (position, end) = (self.position[p], self.logs[p].end());
            if committed > position || position > end || self.progress[p].low() > position {
                return Err(format!("partition {p}: committed {committed}, read {position}, written {end}"));
            }
        }
        let busy: u32 = self.members.iter().map(|m| m.busy).sum();
        if works.len() as u32 != busy {
            return Err(format!("{} records are worked on, members say {busy}", works.len()));
        }
        Ok(())
    }

    fn turn_to(&mut self, m: usize, kind: SpanKind, now: Us) {
        let member = &mut self.members[m];
        if member.kind == kind {
            return;
        }
        if member.since < now {
            if self.spans.len() == SPANS_MAX {
                self.spans.pop_front();
            }
            self.spans.push_back(Span { member: m as u8, kind: member.kind, from: member.since, to: now });
        }
        (member.kind, member.since) = (kind, now);
    }
}

impl Backpressure {
    pub(super) fn start_consumers(&mut self, ctx: &mut Ctx<Ev>) {
        let partitions = self.consumers.logs.len();
        for i in 0..self.s.backlog as usize {
            self.consumers.logs[i % partitions].append(Us::ZERO);
        }
        self.counts.appended = u64::from(self.s.backlog);
        for m in 0..self.consumers.members.len() {
            self.consumers.group.join(m);
            ctx.at(Us::ZERO, Ev::Poll { member: m as u8, life: 0 });
        }
    }

    /// The nth consumer, counted round.
    pub(super) fn nth_member(&self, nth: f64) -> usize {
        (nth as usize - 1) % self.consumers.members.len()
    }

    /// A producer's record goes to the end of a partition. The log never says no.
    pub(super) fn append(&mut self, id: u32, ctx: &mut Ctx<Ev>) {
        let partitions = self.consumers.logs.len() as u64;
        let p = ((u128::from(self.places.at(u64::from(id) + 1)) * u128::from(partitions)) >> 64) as usize;
        let offset = self.consumers.logs[p].append(ctx.now);
        self.counts.appended += 1;
        let record = offset * PARTITIONS_MAX + p as u32;
        ctx.step(Tone::Info, code::APPENDED, record, p as i64, i64::from(offset));
        self.samples.begin(ctx.now, record, 1, tenant_of(id) as u8);
    }

    /// Ages are only asked of records that may still be processed.
    pub(super) fn forget_old_times(&mut self) {
        let c = &mut self.consumers;
        for p in 0..c.logs.len() {
            c.logs[p].forget(c.group.committed(p));
        }
    }

    // The loop.

    pub(super) fn on_poll(&mut self, m: usize, life: u16, ctx: &mut Ctx<Ev>) {
        let member = &mut self.consumers.members[m];
        if member.life != life {
            return;
        }
        if !member.alive {
            if ctx.now < member.restart_at {
                return;
            }
            member.alive = true;
            ctx.log(Tone::Ok, code::RESTARTED, Line::NO_REQUEST, m as i64 + 1, 0);
        }
        self.poll(m, ctx);
    }

    fn poll(&mut self, m: usize, ctx: &mut Ctx<Ev>) {
        let member = &mut self.consumers.members[m];
        if member.frozen_until > ctx.now {
            return ctx.at(member.frozen_until, Ev::Poll { member: m as u8, life: member.life });
        }
        member.polled_at = ctx.now;
        member.waits = false;
        if !member.watched {
            member.watched = true;
            ctx.at(ctx.now + self.s.interval + Us(1), Ev::Watch { member: m as u8, life: member.life });
        }
        if self.consumers.group.is_member(m) {
            self.commit(m, ctx);
        } else {
            if self.consumers.members[m].kind == SpanKind::Out {
                ctx.log(Tone::Rejected, code::COMMIT_REFUSED, Line::NO_REQUEST, m as i64 + 1, 0);
            }
            self.regroup(m, true, ctx);
        }
        // Only a poll tells it which partitions it has lost: what it holds of those it lets go.
        let Consumers { members, reign, .. } = &mut self.consumers;
        members[m].buffer.retain(|f| reign[f.partition as usize] == f.reign);
        let fetched = self.fetch(m, ctx);
        if self.consumers.members[m].held() > u64::from(self.s.memory) {
            return self.kill_member(m, true, ctx);
        }
        self.feed(m, ctx);
        self.go_on(m, fetched, ctx);
    }

    /// The loops are told to behave differently: those that wait look at what they should do now.
    pub(super) fn wake_loops(&mut self, ctx: &mut Ctx<Ev>) {
        for m in 0..self.consumers.members.len() {
            if self.consumers.members[m].waits {
                self.poll(m, ctx);
            }
        }
    }

    /// Commits what may be committed. Nobody else has taken the partitions over, or the group says no.
    fn commit(&mut self, m: usize, ctx: &mut Ctx<Ev>) {
        let due = ctx.now >= self.consumers.members[m].committed_at + AUTO_COMMIT_EVERY;
        if self.s.auto_commit && !due {
            return;
        }
        self.consumers.members[m].committed_at = ctx.now;
        let mut sum = 0;
        let c = &mut self.consumers;
        let generation = c.group.generation();
        for p in 0..c.logs.len() {
            let offset = if self.s.auto_commit { c.position[p] } else { c.progress[p].low() };
            let before = c.group.committed(p);
            if c.group.commit(m, generation, p, offset).is_ok() {
                sum += c.group.committed(p) - before;
            }
        }
        if sum > 0 {
            self.counts.committed += u64::from(sum);
            self.rates.good.add(ctx.now, sum);
            self.seconds.at(ctx.now).good += sum;
            ctx.mix(u64::from(sum));
        }
    }

    /// Up to a batch from the partitions it owns, evenly. Its position moves on: this is not a commit.
    fn fetch(&mut self, m: usize, ctx: &mut Ctx<Ev>) -> u32 {
        let member = &mut self.consumers.members[m];
        if self.s.strategy == Strategy::Pause {
            // Paused when the channel is full, resumed when half of it is free.
            let (waiting, channel) = (member.buffer.len(), self.s.channel as usize);
            member.paused = if member.paused { waiting > channel / 2 } else { waiting >= channel };
            if member.paused {
                return 0;
            }
        }
        let c = &mut self.consumers;
        let owned: Vec<usize> = (0..c.logs.len()).filter(|p| c.group.owner(*p) == Some(m)).collect();
        let mut left = self.s.batch;
        // Once round with equal parts, and once for what the short ones have left over.
        for round in 0..2 {
            for (i, p) in owned.iter().copied().enumerate() {
                let part = if round == 0 { left.div_ceil((owned.len() - i) as u32) } else { left };
                let n = part.min(c.logs[p].end() - c.position[p]);
                for offset in c.position[p]..c.position[p] + n {
                    c.members[m].buffer.push_back(Fetched { partition: p as u8, offset, reign: c.reign[p] });
                    let record = offset * PARTITIONS_MAX + p as u32;
                    ctx.step(Tone::Waiting, code::POLLED, record, m as i64 + 1, 0);
                }
                c.position[p] += n;
                left -= n;
            }
        }
        let fetched = self.s.batch - left;
        self.counts.inside_max = self.counts.inside_max.max(self.consumers.members[m].held());
        ctx.mix(u64::from(fetched) << 8 | m as u64);
        fetched
    }

    /// When the loop polls next.
    fn go_on(&mut self, m: usize, fetched: u32, ctx: &mut Ctx<Ev>) {
        let member = &mut self.consumers.members[m];
        let kind = match self.s.strategy {
            Strategy::Wait if member.held() > 0 => SpanKind::Batch,
            Strategy::Block if member.buffer.len() > self.s.channel as usize => SpanKind::Blocked,
            Strategy::Pause if member.paused => SpanKind::Paused,
            _ => SpanKind::Polling,
        };
        member.waits = matches!(kind, SpanKind::Batch | SpanKind::Blocked);
        if !member.waits {
            let after = if fetched > 0 { FETCH } else { IDLE };
            ctx.after(after, Ev::Poll { member: m as u8, life: member.life });
        }
        self.consumers.turn_to(m, kind, ctx.now);
    }

    /// Free workers of a consumer take the next records.
    pub(super) fn feed(&mut self, m: usize, ctx: &mut Ctx<Ev>) {
        loop {
            let stalled = self.is_stalled(ctx.now);
            let member = &mut self.consumers.members[m];
            if !member.alive || stalled || member.frozen_until > ctx.now || member.busy >= self.s.pool {
                return;
            }
            let Some(f) = member.buffer.pop_front() else {
                return;
            };
            member.busy += 1;
            let record = f.offset * PARTITIONS_MAX + u32::from(f.partition);
            ctx.step(Tone::Flight, code::TAKEN, record, m as i64 + 1, 0);
            let demand = self.s.law.demand(self.demands.at(u64::from(record) + 1), self.s.service);
            let task = Task::Record { member: m as u8, partition: f.partition, offset: f.offset, reign: f.reign };
            self.begin(task, demand, ctx);
        }
    }

    pub(super) fn record_done(&mut self, m: usize, p: usize, offset: u32, reign: u32, ctx: &mut Ctx<Ev>) {
        let c = &mut self.consumers;
        c.members[m].busy -= 1;
        let first = c.effects[p].done(offset);
        if c.reign[p] == reign {
            c.progress[p].done(offset);
        }
        let delay = ctx.now.since(c.logs[p].appended(offset));
        self.counts.processed += 1;
        self.rates.processed.add(ctx.now, 1);
        let second = self.seconds.at(ctx.now);
        second.served += 1;
        second.delay_us += delay.0;
        let record = offset * PARTITIONS_MAX + p as u32;
        if first {
            self.delays.add(ctx.now, delay);
            self.samples.end(ctx.now, record, 1, Fate::Good);
            ctx.step(Tone::Ok, code::PROCESSED, record, m as i64 + 1, 0);
        } else {
            self.seconds.at(ctx.now).again += 1;
            self.counts.again += 1;
            self.rates.again.add(ctx.now, 1);
            ctx.bad();
            ctx.step(Tone::Stale, code::PROCESSED_AGAIN, record, m as i64 + 1, 0);
        }
        self.feed(m, ctx);
        let member = &self.consumers.members[m];
        let ready = match self.s.strategy {
            Strategy::Wait => member.held() == 0,
            Strategy::Block => member.buffer.len() <= self.s.channel as usize,
            Strategy::Pause | Strategy::None => false,
        };
        if member.waits && ready {
            self.poll(m, ctx);
        }
    }

    // The group.

    /// Somebody joins or leaves; who gets a partition begins at its committed offset.
    fn regroup(&mut self, m: usize, came: bool, ctx: &mut Ctx<Ev>) {
        let c = &mut self.consumers;
        let before: Vec<Option<usize>> = (0..c.logs.len()).map(|p| c.group.owner(p)).collect();
        let changed = if came { c.group.join(m) } else { c.group.leave(m) };
        if !changed {
            return;
        }
        for (p, before) in before.into_iter().enumerate() {
            if c.group.owner(p) != before {
                c.reign[p] += 1;
                c.position[p] = c.group.committed(p);
                c.progress[p] = Progress::new(c.position[p]);
            }
        }
        if c.rebalances.len() == REBALANCES_MAX {
            c.rebalances.pop_front();
        }
        c.rebalances.push_back(Rebalance { at: ctx.now, member: m as u8, came });
        self.counts.rebalances += 1;
        ctx.mix(u64::from(self.consumers.group.generation()));
        let tone = if came { Tone::Ok } else { Tone::Rejected };
        let owns = self.consumers.group.owns(m) as i64;
        ctx.log(tone, if came { code::JOINED } else { code::LEFT }, Line::NO_REQUEST, m as i64 + 1, owns);
    }

    /// Has it polled within the interval? If not, its own heartbeat thread leaves the group.
    pub(super) fn watch(&mut self, m: usize, life: u16, ctx: &mut Ctx<Ev>) {
        let member = &mut self.consumers.members[m];
        if member.life != life || !member.alive {
            return;
        }
        member.watched = false;
        if !self.consumers.group.is_member(m) {
            return;
        }
        let due = (member.polled_at + self.s.interval + Us(1)).max(member.frozen_until + Us(1));
        if ctx.now < due {
            member.watched = true;
            return ctx.at(due, Ev::Watch { member: m as u8, life });
        }
        self.counts.expelled += 1;
        let held = member.held() as i64;
        ctx.log(Tone::Rejected, code::EXPELLED, Line::NO_REQUEST, m as i64 + 1, held);
        ctx.bad();
        self.regroup(m, false, ctx);
        self.consumers.turn_to(m, SpanKind::Out, ctx.now);
    }

    /// The group has heard no heartbeat for the session timeout.
    pub(super) fn session_ends(&mut self, m: usize, life: u16, ctx: &mut Ctx<Ev>) {
        let member = &self.consumers.members[m];
        if member.life != life || (member.alive && member.frozen_until <= ctx.now) {
            return;
        }
        if self.consumers.group.is_member(m) {
            self.counts.expelled += u64::from(member.alive);
            ctx.log(Tone::Rejected, code::SESSION_ENDED, Line::NO_REQUEST, m as i64 + 1, 0);
            self.regroup(m, false, ctx);
        }
    }

    /// When the group will miss the heartbeat of a process that falls silent now.
    fn session_end(&self, now: Us) -> Us {
        Us(now.0 / HEARTBEAT_EVERY.0 * HEARTBEAT_EVERY.0) + self.s.session
    }

    /// The process of a consumer dies with what it holds. The group does not know yet.
    pub(super) fn kill_member(&mut self, m: usize, of_memory: bool, ctx: &mut Ctx<Ev>) {
        if !self.consumers.members[m].alive {
            return;
        }
        let missed = self.session_end(ctx.now).max(ctx.now);
        let in_group = self.consumers.group.is_member(m);
        let held = self.consumers.members[m].held() as i64;
        let again = ctx.now + self.s.restart;
        let member = &mut self.consumers.members[m];
        member.alive = false;
        member.life = member.life.wrapping_add(1);
        member.frozen_until = Us::ZERO;
        (member.watched, member.waits, member.paused) = (false, false, false);
        member.buffer.clear();
        member.busy = 0;
        // The new process is another member to the group, which first has to give up the old one.
        member.restart_at = if in_group { again.max(missed + Us(1)) } else { again };
        let (at, life) = (member.restart_at, member.life);
        self.counts.killed += 1;
        let code = if of_memory { code::CONSUMER_OUT_OF_MEMORY } else { code::CONSUMER_KILLED };
        ctx.log(Tone::Fault, code, Line::NO_REQUEST, m as i64 + 1, held);
        self.lose_work(Some(m), ctx);
        self.consumers.turn_to(m, SpanKind::Dead, ctx.now);
        ctx.at(missed, Ev::Session { member: m as u8, life });
        ctx.at(at, Ev::Poll { member: m as u8, life });
    }

    pub(super) fn freeze_member(&mut self, m: usize, span: Us, ctx: &mut Ctx<Ev>) {
        let missed = self.session_end(ctx.now);
        let member = &mut self.consumers.members[m];
        if !member.alive {
            return;
        }
        member.frozen_until = ctx.now + span;
        let (until, life) = (member.frozen_until, member.life);
        ctx.log(Tone::Fault, code::FROZEN, Line::NO_REQUEST, m as i64 + 1, span.0 as i64);
        self.consumers.turn_to(m, SpanKind::Frozen, ctx.now);
        ctx.at(missed, Ev::Session { member: m as u8, life });
        ctx.at(until, Ev::Awake { member: m as u8, life });
    }

    pub(super) fn awake(&mut self, m: usize, life: u16, ctx: &mut Ctx<Ev>) {
        let member = &self.consumers.members[m];
        if member.life != life || !member.alive || member.frozen_until > ctx.now {
            return;
        }
        let kind = match (self.consumers.group.is_member(m), member.waits, self.s.strategy) {
            (false, ..) => SpanKind::Out,
            (_, true, Strategy::Wait) => SpanKind::Batch,
            (_, true, _) => SpanKind::Blocked,
            _ => SpanKind::Polling,
        };
        ctx.log(Tone::Ok, code::AWAKE, Line::NO_REQUEST, m as i64 + 1, 0);
        self.consumers.turn_to(m, kind, ctx.now);
        self.feed(m, ctx);
    }
}
