//! The side that nobody waits for: the broker's store, the consumers of each service, retries, dead
//! letters and redrives.

use super::*;
use crate::blocks::broker::{Dead, DeadLetters, Queue, QueueRules, Receipt};
use crate::blocks::consumer::{Group, Progress, Reader, partition_of};
use crate::blocks::outbox::Inbox;

/// A fetch whose answer is lost is made again after this long.
const FETCH_AGAIN: Us = Us::s(1);
const CONSUMERS_MAX: usize = 64;
/// Later messages of an invoice that are waited for by earlier ones: more are not remembered.
const EARLY_MAX: usize = 4_096;
const DEAD_MAX: usize = 10_000;

/// What a consumer is at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Doing {
    Idle,
    /// The broker's answer was lost; it asks again.
    Fetching,
    Working,
    /// Between two tries of the same record.
    Pausing,
    /// The inbox knows the message: nothing to do.
    Skipping,
}

/// Where the message that is worked on is kept.
#[derive(Clone, Copy, Debug)]
enum Place {
    Log { partition: u8, offset: u32, generation: u32 },
    Queue { receipt: Receipt, receives: u32 },
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Work {
    pub(super) msg: Msg,
    place: Place,
    /// When its first try began, and failed tries before this one.
    pub(super) began: Us,
    pub(super) tries: u8,
    /// The broker has been told that it is done.
    acknowledged: bool,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Member {
    pub(super) alive: bool,
    /// It goes as soon as it has nothing in its hands.
    pub(super) leaving: bool,
    /// Grows when the process dies: what was scheduled for an earlier one is void.
    life: u16,
    pub(super) doing: Doing,
    pub(super) since: Us,
    pub(super) work: Option<Work>,
    /// The partition it looked at last.
    turn: u8,
}

const NEW: Member =
    Member { alive: true, leaving: false, life: 0, doing: Doing::Idle, since: Us::ZERO, work: None, turn: 0 };

/// A service's end of the broker: its group in the log or its queue, its consumers, its inbox.
#[derive(Clone, Debug)]
pub(super) struct Subscriber {
    pub(super) group: Group,
    readers: Vec<Reader>,
    pub(super) queue: Queue<Msg>,
    pub(super) members: Vec<Member>,
    /// Who is asked first when a message comes.
    first: usize,
    dead: DeadLetters<Msg>,
    pub(super) inbox: Inbox,
    /// What has taken effect, or never will: the truth, whether there is an inbox or not.
    pub(super) effects: Progress,
    /// (an event that has not taken effect, a later one of the same invoice that has).
    early: Deque<(u32, u32)>,
    wakes_at: Us,
}

impl Subscriber {
    pub(super) fn new(s: &Settings, consumers: usize) -> Subscriber {
        let partitions = if s.log { s.partitions } else { 0 };
        let mut group = Group::new(CONSUMERS_MAX, partitions);
        (0..consumers).for_each(|m| {
            group.join(m);
        });
        let rules =
            QueueRules { visibility: s.visibility, receives_max: u32::from(s.retry.attempts), capacity: s.capacity };
        Subscriber {
            group,
            readers: vec![Reader::default(); partitions],
            queue: Queue::new(rules),
            members: vec![NEW; consumers],
            first: 0,
            dead: DeadLetters::new(DEAD_MAX),
            inbox: Inbox::default(),
            effects: Progress::default(),
            early: Deque::new(),
            wakes_at: Us::MAX,
        }
    }
    /// Consumers that belong to the service, those that are away included.
    pub(super) fn consumers(&self) -> usize {
        self.members.iter().filter(|m| !m.leaving).count().max(1)
    }
    pub(super) fn weight(&self) -> usize {
        self.group.weight()
            + self.readers.len() * core::mem::size_of::<Reader>()
            + self.queue.weight()
            + self.members.len() * core::mem::size_of::<Member>()
            + self.dead.weight()
            + self.inbox.weight()
            + self.effects.weight()
            + self.early.len() * 8
    }
}

impl QueueVsDirectCall {
    fn messaged(&self) -> impl Iterator<Item = usize> + use<> {
        let all = self.s.messaged;
        (0..SERVICES).filter(move |g| all & 1 << g != 0)
    }
    pub fn dead_letters(&self, service: usize) -> impl Iterator<Item = &Dead<Msg>> + '_ {
        let sub = &self.subs[service];
        sub.dead.iter().chain(sub.queue.dead.iter())
    }
    pub(super) fn offset(&self, service: usize, partition: usize) -> u32 {
        self.subs[service].group.committed(partition)
    }

    // ---- the broker's store ----

    /// Stores a message for everybody who is to have it; false if there is no room.
    pub(super) fn store(&mut self, msg: Msg, ctx: &mut Cx) -> bool {
        let request = self.request_of(msg.event);
        if self.s.log {
            let p = partition_of(u64::from(msg.key), self.s.partitions);
            let Some(offset) = self.topic.append(ctx.now, p, msg) else { return false };
            ctx.step(Tone::Waiting, code::STORED, request, p as i64, i64::from(offset));
            ctx.mix(u64::from(msg.event) << 8 | p as u64);
            for g in self.messaged() {
                if let Some(owner) = self.subs[g].group.owner(p) {
                    self.next(g, owner, ctx);
                }
            }
            return true;
        }
        if self.messaged().any(|g| self.subs[g].queue.len() >= self.s.capacity) {
            return false;
        }
        ctx.step(Tone::Waiting, code::STORED, request, -1, 0);
        for g in self.messaged() {
            self.subs[g].queue.send(ctx.now, msg);
            self.wake_one(g, ctx);
        }
        true
    }

    /// A message can be had: the next consumer with empty hands takes it.
    fn wake_one(&mut self, g: usize, ctx: &mut Cx) {
        let sub = &mut self.subs[g];
        let n = sub.members.len();
        let idle = (0..n).map(|i| (sub.first + i) % n).find(|m| sub.members[*m].is_free());
        if let Some(m) = idle {
            sub.first = (m + 1) % n;
            self.next(g, m, ctx);
        }
    }

    pub(super) fn kick_all(&mut self, ctx: &mut Cx) {
        for g in self.messaged() {
            self.wake_queue(g, ctx);
            (0..self.subs[g].members.len()).for_each(|m| self.next(g, m, ctx));
        }
    }

    /// A consumer with empty hands takes the next message, if there is one for it.
    fn next(&mut self, g: usize, m: usize, ctx: &mut Cx) {
        let member = &self.subs[g].members[m];
        if member.leaving && member.doing == Doing::Idle && self.s.log {
            return self.regroup(g, m, false, ctx);
        }
        if !member.is_free() || self.broker_down(ctx.now) {
            return;
        }
        if self.s.log { self.fetch(g, m, ctx) } else { self.receive(g, m, ctx) }
    }

    /// From a log: the next record of a partition that it owns, the partitions in turn.
    fn fetch(&mut self, g: usize, m: usize, ctx: &mut Cx) {
        let n = self.s.partitions;
        let sub = &self.subs[g];
        let turn = sub.members[m].turn as usize;
        let ready = |p: &usize| sub.group.owner(*p) == Some(m) && sub.readers[*p].position() < self.topic.end(*p);
        let Some(p) = (1..=n).map(|i| (turn + i) % n).find(ready) else { return };
        let offset = sub.readers[p].position();
        let generation = sub.group.generation();
        let Some((_, msg)) = self.topic.get(p, offset) else { return };
        self.subs[g].members[m].turn = p as u8;
        let (copies, late) = self.fate(DELIVER, self.request_of(msg.event), ctx);
        if copies == 0 {
            return self.turn_to(g, m, Doing::Fetching, FETCH_AGAIN, ctx);
        }
        // A second copy of an answer is thrown away: the consumer knows where it is.
        let place = Place::Log { partition: p as u8, offset, generation };
        self.begin(g, m, msg, place, late, ctx);
    }

    /// From a queue: whatever is next.
    fn receive(&mut self, g: usize, m: usize, ctx: &mut Cx) {
        loop {
            let Some(d) = self.subs[g].queue.receive(ctx.now) else { return };
            self.watch_queue(g, ctx);
            let (copies, late) = self.fate(DELIVER, self.request_of(d.message.event), ctx);
            // A delivery that is lost stays hidden from everybody until its time is over.
            if copies == 0 {
                continue;
            }
            let place = Place::Queue { receipt: d.receipt, receives: d.receives };
            self.begin(g, m, d.message, place, late, ctx);
            if copies == 2
                && let Some(other) = self.subs[g].members.iter().position(Member::is_free)
            {
                self.begin(g, other, d.message, place, late, ctx);
            }
            return;
        }
    }

    /// Looks again when the next hidden message is due.
    fn watch_queue(&mut self, g: usize, ctx: &mut Cx) {
        let sub = &mut self.subs[g];
        if let Some(at) = sub.queue.next_visible()
            && at < sub.wakes_at
        {
            sub.wakes_at = at;
            ctx.at(at, Ev::Visible(g as u8));
        }
    }

    pub(super) fn visible_again(&mut self, g: usize, ctx: &mut Cx) {
        if ctx.now < self.subs[g].wakes_at {
            return;
        }
        self.subs[g].wakes_at = Us::MAX;
        // Nobody can ask for it while the broker is down.
        if !self.broker_down(ctx.now) {
            self.wake_queue(g, ctx);
        }
    }

    fn wake_queue(&mut self, g: usize, ctx: &mut Cx) {
        let before = self.subs[g].queue.visible();
        while let Some(dead) = self.subs[g].queue.wake(ctx.now) {
            self.died(g, dead.message, dead.tries as u8, ctx);
        }
        let back = self.subs[g].queue.visible().saturating_sub(before);
        (0..back).for_each(|_| self.wake_one(g, ctx));
        self.watch_queue(g, ctx);
    }

    // ---- a consumer at work ----

    fn turn_to(&mut self, g: usize, m: usize, doing: Doing, takes: Us, ctx: &mut Cx) {
        let member = &mut self.subs[g].members[m];
        (member.doing, member.since) = (doing, ctx.now);
        let step = Ev::Step { service: g as u8, member: m as u8, life: member.life };
        if doing != Doing::Idle {
            ctx.after(takes, step);
        }
    }

    fn begin(&mut self, g: usize, m: usize, msg: Msg, place: Place, late: Us, ctx: &mut Cx) {
        let request = self.request_of(msg.event);
        let repeat = self.subs[g].effects.is_done(msg.event);
        self.tally.repeats += u64::from(repeat);
        let work = Work { msg, place, began: ctx.now, tries: 0, acknowledged: false };
        self.subs[g].members[m].work = Some(work);
        if self.s.commit == Commit::Before {
            self.acknowledge(g, m, ctx);
        }
        if self.crash_here(BEFORE_WORK, request, ctx) {
            return self.member_dies(g, m, self.s.restart, ctx);
        }
        if self.s.inbox && self.subs[g].inbox.knows(msg.event, 0) {
            self.tally.recognised += 1;
            ctx.log(Tone::Info, code::RECOGNISED, request, g as i64, 0);
            return self.turn_to(g, m, Doing::Skipping, late, ctx);
        }
        ctx.step(Tone::Flight, code::BEGINS, request, g as i64, m as i64 + 1);
        self.saw(g, request, ctx.now, false);
        self.try_it(g, m, late, ctx);
    }

    /// One try: how long it takes is known now, how it ends is decided at its end.
    fn try_it(&mut self, g: usize, m: usize, late: Us, ctx: &mut Cx) {
        let Some(work) = self.subs[g].members[m].work else { return };
        let tape = self.event(work.msg.event).map_or(u64::from(work.msg.event), |e| e.tape);
        let takes = self.takes(g, tape, self.s.work, ctx.now) + late;
        self.turn_to(g, m, Doing::Working, takes, ctx);
    }

    pub(super) fn member_step(&mut self, g: usize, m: usize, life: u16, ctx: &mut Cx) {
        let Some(member) = self.subs[g].members.get(m) else { return };
        if member.life != life || !member.alive {
            return;
        }
        match (member.doing, member.work) {
            (Doing::Working, Some(work)) => self.worked(g, m, work, ctx),
            (Doing::Skipping, Some(work)) => {
                if self.s.commit == Commit::After {
                    self.acknowledge(g, m, ctx);
                }
                self.let_go(g, m, work, ctx);
            }
            (Doing::Pausing, Some(_)) => self.try_it(g, m, Us::ZERO, ctx),
            _ => {
                self.turn_to(g, m, Doing::Idle, Us::ZERO, ctx);
                self.next(g, m, ctx);
            }
        }
    }

    /// The end of a try.
    fn worked(&mut self, g: usize, m: usize, work: Work, ctx: &mut Cx) {
        let id = work.msg.event;
        let known = self.event(id).map(|e| (e.poison, e.tape, e.request));
        let (poison, tape, request) = known.unwrap_or((0, u64::from(id), Line::NO_REQUEST));
        let luck = Stream::new(self.seed, "queue", "tries", tape * 4 + g as u64).at(u64::from(work.tries) + 1);
        let why = match () {
            () if poison & 1 << g != 0 => 1,
            () if self.is_down(g, ctx.now) => 2,
            () if unit(luck) >= self.s.available => 3,
            () => 0,
        };
        ctx.mix(u64::from(id) << 8 | (g as u64) << 4 | why);
        if why > 0 {
            ctx.bad();
            ctx.step(Tone::Rejected, code::TRY_FAILED, request, g as i64, why as i64);
            return self.try_failed(g, m, work, ctx);
        }
        self.effect(g, id, request, ctx);
        if self.crash_here(AFTER_WORK, request, ctx) {
            return self.member_dies(g, m, self.s.restart, ctx);
        }
        if self.s.commit == Commit::After {
            self.acknowledge(g, m, ctx);
        }
        self.let_go(g, m, work, ctx);
    }

    /// The effect, in one transaction with the inbox row.
    fn effect(&mut self, g: usize, id: u32, request: u32, ctx: &mut Cx) {
        if self.s.inbox && !self.subs[g].inbox.first_time(id, 0) {
            // Two had it at once; the second transaction finds the row and rolls back.
            self.tally.recognised += 1;
            return;
        }
        self.meters.turn(ctx.now);
        self.meters.add(HANDLED, 1);
        self.seconds.at(ctx.now).handled += 1;
        if !self.subs[g].effects.done(id) {
            self.tally.doubled += 1;
            ctx.bad();
            ctx.log(Tone::Rejected, code::DOUBLED, request, g as i64, 0);
            return;
        }
        ctx.step(Tone::Ok, code::EFFECT, request, g as i64, 0);
        let after = self.event(id).map_or(NONE, |e| e.after);
        let sub = &mut self.subs[g];
        if after != NONE && !sub.effects.is_done(after) {
            if sub.early.len() == EARLY_MAX {
                sub.early.pop_front();
            }
            sub.early.push_back((after, id));
        }
        while let Some(i) = sub.early.iter().position(|(earlier, _)| *earlier == id) {
            sub.early.remove(i);
            self.tally.disorder += 1;
            ctx.bad();
            ctx.log(Tone::Stale, code::DISORDER, request, g as i64, 0);
        }
        self.mark_done(g, id, ctx);
    }

    fn try_failed(&mut self, g: usize, m: usize, work: Work, ctx: &mut Cx) {
        let id = work.msg.event;
        match work.place {
            Place::Log { partition, offset, .. } => {
                let p = partition as usize;
                if !self.reads(g, m, p, offset) {
                    // Somebody else owns the partition now.
                    return self.empty_hands(g, m, ctx);
                }
                let retry = self.s.retry;
                let pause = self.subs[g].readers[p].failed(&retry);
                let tries = self.subs[g].readers[p].tries();
                if let Some(w) = &mut self.subs[g].members[m].work {
                    w.tries = tries;
                }
                let stood = ctx.now.since(work.began);
                self.tally.stood = self.tally.stood.max(stood);
                let Some(pause) = pause else {
                    self.subs[g].dead.put(ctx.now, work.msg, u32::from(tries));
                    self.died(g, work.msg, tries, ctx);
                    if self.s.commit == Commit::After {
                        self.acknowledge(g, m, ctx);
                    }
                    return self.let_go(g, m, work, ctx);
                };
                if self.subs[g].members[m].leaving {
                    return self.empty_hands(g, m, ctx);
                }
                let request = self.request_of(id);
                ctx.step(Tone::Waiting, code::PAUSES, request, pause.0 as i64, i64::from(tries));
                self.turn_to(g, m, Doing::Pausing, pause, ctx);
            }
            Place::Queue { .. } => {
                // Not deleted: it is back after the visibility timeout. Deleted before: it is gone.
                if work.acknowledged {
                    self.lost_here(g, id, ctx);
                }
                self.empty_hands(g, m, ctx);
            }
        }
    }

    /// A message went to the dead letters.
    fn died(&mut self, g: usize, msg: Msg, tries: u8, ctx: &mut Cx) {
        self.tally.died += 1;
        let bit = 1 << g;
        let Some(e) = self.event_mut(msg.event) else { return };
        let request = e.request;
        if e.pending(bit) != 0 {
            e.dead |= bit;
        }
        ctx.bad();
        ctx.log(Tone::Rejected, code::DIED, request, g as i64, i64::from(tries));
        self.slide();
    }

    /// Whether this consumer is the one that reads this record.
    fn reads(&self, g: usize, m: usize, p: usize, offset: u32) -> bool {
        let sub = &self.subs[g];
        sub.group.owner(p) == Some(m) && sub.readers[p].position() == offset
    }

    /// Tells the broker that the message is done: commits the offset, or deletes the message.
    fn acknowledge(&mut self, g: usize, m: usize, ctx: &mut Cx) {
        let Some(work) = self.subs[g].members[m].work else { return };
        let (copies, _) = self.fate(ACK, self.request_of(work.msg.event), ctx);
        if copies == 0 || self.broker_down(ctx.now) {
            return;
        }
        let acknowledged = match work.place {
            Place::Log { partition, offset, generation } => {
                let p = partition as usize;
                let ok = self.subs[g].group.commit(m, generation, p, offset + 1).is_ok();
                self.trim(p);
                ok
            }
            Place::Queue { receipt, receives } => self.subs[g].queue.delete(receipt, receives),
        };
        if let Some(w) = &mut self.subs[g].members[m].work {
            w.acknowledged = acknowledged;
        }
    }

    /// Done with a message: on to the next.
    fn let_go(&mut self, g: usize, m: usize, work: Work, ctx: &mut Cx) {
        if let Place::Log { partition, offset, .. } = work.place
            && self.reads(g, m, partition as usize, offset)
        {
            self.subs[g].readers[partition as usize].advance();
        }
        self.empty_hands(g, m, ctx);
    }

    fn empty_hands(&mut self, g: usize, m: usize, ctx: &mut Cx) {
        self.subs[g].members[m].work = None;
        self.turn_to(g, m, Doing::Idle, Us::ZERO, ctx);
        self.next(g, m, ctx);
    }

    /// A consumer has lost a message that it had acknowledged. It is lost for good unless another copy is
    /// somewhere, or may still be published.
    fn lost_here(&mut self, g: usize, id: u32, ctx: &mut Cx) {
        if self.event(id).is_none_or(|e| e.pending(1 << g) == 0) {
            return;
        }
        let same = |m: Msg| m.event == id;
        let coming = self.event(id).is_some_and(|e| e.air > 0) || self.outbox.iter().any(|r| same(r.message));
        let stored = match self.s.log {
            true => (0..self.s.partitions).any(|p| {
                (self.offset(g, p)..self.topic.end(p)).any(|o| self.topic.get(p, o).is_some_and(|r| same(r.1)))
            }),
            false => self.subs[g].queue.iter().any(same),
        };
        let held = self.subs[g].members.iter().filter_map(|m| m.work).any(|w| same(w.msg));
        if coming || stored || held || self.dead_letters(g).any(|d| same(d.message)) {
            self.doubtful.push((g as u8, id));
        } else {
            self.mark_lost(1 << g, id, ctx);
        }
    }

    /// Looks again after those of which there was another copy somewhere.
    pub(super) fn settle_doubts(&mut self, ctx: &mut Cx) {
        for (g, id) in core::mem::take(&mut self.doubtful) {
            self.lost_here(g as usize, id, ctx);
        }
    }

    /// Consumers commit where they are from time to time: a commit that got lost is made up for.
    pub(super) fn commit_again(&mut self, ctx: &mut Cx) {
        if !self.s.log || self.broker_down(ctx.now) {
            return;
        }
        for g in self.messaged() {
            let sub = &mut self.subs[g];
            let generation = sub.group.generation();
            for p in 0..sub.readers.len() {
                let owner = sub.group.owner(p).filter(|m| sub.members[*m].alive);
                if let Some(m) = owner {
                    // The owner in the present generation: it cannot be refused.
                    let _ = sub.group.commit(m, generation, p, sub.readers[p].position());
                }
            }
        }
        for p in 0..self.s.partitions {
            self.trim(p);
        }
    }

    /// Records that every service has committed are not kept.
    fn trim(&mut self, p: usize) {
        let all = self.messaged().map(|g| self.offset(g, p)).min();
        self.topic.trim(p, all.unwrap_or(0));
    }

    // ---- consumers come and go ----

    /// A process dies, with what it has in its hands.
    pub(super) fn member_dies(&mut self, g: usize, m: usize, away: Us, ctx: &mut Cx) {
        let member = &mut self.subs[g].members[m];
        if !member.alive {
            return;
        }
        member.alive = false;
        member.life = member.life.wrapping_add(1);
        (member.doing, member.since) = (Doing::Idle, ctx.now);
        let (life, work) = (member.life, member.work.take());
        ctx.bad();
        if let Some(work) = work {
            let id = work.msg.event;
            let gone = work.acknowledged && !self.subs[g].effects.is_done(id);
            if gone {
                self.lost_here(g, id, ctx);
            }
            if let Some(e) = self.event(id) {
                ctx.step(Tone::Fault, code::HANDS_EMPTY, e.request, g as i64, i64::from(gone));
            }
        }
        let (service, member) = (g as u8, m as u8);
        ctx.after(away, Ev::MemberUp { service, member, life });
        if self.s.log && away > self.s.session {
            ctx.after(self.s.session, Ev::Session { service, member, life });
        }
    }

    pub(super) fn session_ends(&mut self, g: usize, m: usize, life: u16, ctx: &mut Cx) {
        let Some(member) = self.subs[g].members.get(m) else { return };
        if member.life == life && !member.alive {
            ctx.log(Tone::Fault, code::EXPELLED, Line::NO_REQUEST, g as i64, m as i64 + 1);
            self.regroup(g, m, false, ctx);
        }
    }

    pub(super) fn member_up(&mut self, g: usize, m: usize, life: u16, ctx: &mut Cx) {
        let Some(member) = self.subs[g].members.get_mut(m) else { return };
        if member.life != life {
            return;
        }
        member.alive = true;
        ctx.log(Tone::Info, code::MEMBER_UP, Line::NO_REQUEST, g as i64, m as i64 + 1);
        let stays = !member.leaving;
        if self.s.log && stays {
            self.regroup(g, m, true, ctx);
            // Its memory is gone: it goes on from what is committed.
            for p in 0..self.s.partitions {
                if self.subs[g].group.owner(p) == Some(m) {
                    self.subs[g].readers[p] = Reader::at(self.offset(g, p));
                }
            }
        }
        self.next(g, m, ctx);
    }

    /// A member joins or leaves the group; who gets a partition begins at what is committed.
    fn regroup(&mut self, g: usize, m: usize, joins: bool, ctx: &mut Cx) {
        let sub = &mut self.subs[g];
        let before: Vec<Option<usize>> = (0..sub.readers.len()).map(|p| sub.group.owner(p)).collect();
        let changed = if joins { sub.group.join(m) } else { sub.group.leave(m) };
        if !changed {
            return;
        }
        for (p, old) in before.into_iter().enumerate() {
            let sub = &mut self.subs[g];
            let owner = sub.group.owner(p);
            if owner != old {
                sub.readers[p] = Reader::at(sub.group.committed(p));
            }
            // Members that stay commit under the new generation.
            if let Some(o) = owner
                && owner == old
                && let Some(Work { place: Place::Log { partition, generation, .. }, .. }) = &mut sub.members[o].work
                && *partition as usize == p
            {
                *generation = sub.group.generation();
            }
        }
        (0..self.subs[g].members.len()).for_each(|m| self.next(g, m, ctx));
    }

    /// Another number of consumers. Those that go finish what they have in their hands.
    pub(super) fn scale(&mut self, g: usize, count: usize, ctx: &mut Cx) {
        for m in 0..count.max(self.subs[g].members.len()) {
            if m >= self.subs[g].members.len() {
                self.subs[g].members.push(Member { since: ctx.now, ..NEW });
            }
            let member = &mut self.subs[g].members[m];
            member.leaving = m >= count;
            // The dead come back by themselves, or their session ends.
            if !member.leaving && member.alive && self.s.log {
                self.regroup(g, m, true, ctx);
            }
            self.next(g, m, ctx);
        }
    }

    // ---- redrive ----

    /// Sends the dead letters of a service again. In a log that means for all services: the record goes
    /// to the end of the topic, and whoever has had it before needs an inbox to know.
    pub(super) fn redrive(&mut self, g: usize, mended: bool, ctx: &mut Cx) {
        let mut count = 0;
        while let Some(msg) = self.redrive_one(g, mended, ctx) {
            count += 1;
            ctx.mix(u64::from(msg.event));
        }
        if count > 0 {
            ctx.log(Tone::Info, code::REDRIVEN, Line::NO_REQUEST, g as i64, count);
        }
        (0..self.subs[g].members.len()).for_each(|m| self.next(g, m, ctx));
    }

    fn redrive_one(&mut self, g: usize, mended: bool, ctx: &mut Cx) -> Option<Msg> {
        if self.broker_down(ctx.now) {
            return None;
        }
        let bit = 1u8 << g;
        let held = if self.s.log { self.topic.len() } else { self.subs[g].queue.len() };
        if held >= self.s.capacity {
            return None;
        }
        let first = self.dead_letters(g).next()?.message;
        if let Some(e) = self.event_mut(first.event) {
            e.dead &= !bit;
            e.poison &= if mended { !bit } else { !0 };
        }
        if self.s.log {
            let msg = self.subs[g].dead.redrive()?.message;
            self.store(msg, ctx);
            Some(msg)
        } else {
            self.subs[g].queue.redrive(ctx.now)
        }
    }
}

impl Member {
    /// It can take a message now.
    fn is_free(&self) -> bool {
        self.alive && !self.leaving && self.doing == Doing::Idle
    }
}
