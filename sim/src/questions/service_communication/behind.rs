//! What is behind the broker: messages, the consumers that take them, and how far they have come.
//!
//! ```text
//!   queue:  Orders --> [ o o o o ] --> any idle consumer, deleted when done
//!   log:    Orders --> [ partition 0: . . o o o ] --> payments: its owner in the group, in order
//!                      [ partition 1: . . . o o ] --> analytics, audit: the same records again
//! ```
//!
//! A consumer handles one message at a time and says so when it is done: at least once. Its own work
//! and Payment's good answer are in its rate; while Payment is ill it waits for it like anybody else.

use super::{Ev, Health, Mode, Services, knob, meter, words::code};
use crate::blocks::broker::{Queue, QueueRules, Receipt};
use crate::blocks::consumer::{Group, Reader, SESSION_TIMEOUT, Topic, partition_of};
use crate::declare::{Knobs, Tone};
use crate::kernel::{Ctx, Line, Us};

/// Consumers that a group can have.
pub(super) const CONSUMERS_MAX: usize = 20;
const GROUPS_MAX: usize = 3;
/// Messages that a broker keeps.
const ROOM: usize = 1_000_000;
/// A consumer whose message failed pauses before the next.
const PAUSE: Us = Us::s(1);
/// A crashed consumer is back after this long: later than its session ends.
const BACK_AFTER: Us = Us::s(60);
/// The group whose work is Payment's.
const PAYMENTS: usize = 0;

/// The message in a consumer's hands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Held {
    Nothing,
    Queued { receipt: Receipt, receives: u32 },
    Logged { partition: u8 },
}

#[derive(Clone, Copy, Debug)]
struct Consumer {
    /// Hired, and not crashed.
    alive: bool,
    hired: bool,
    pausing: bool,
    held: Held,
    life: u16,
    turn: u8,
}

#[derive(Clone, Debug)]
pub(super) struct Behind {
    queue: Queue<u32>,
    topic: Topic<u32>,
    groups: Vec<Group>,
    readers: Vec<Reader>,
    /// By group, then by number.
    consumers: Vec<Consumer>,
    each: Us,
    pub published: u64,
    pub processed: [u64; GROUPS_MAX],
    /// Calls to Payment that consumers made.
    pub calls: u64,
    delivered: u64,
    started: Vec<u32>,
    again: u64,
    visible_at: Option<Us>,
    pub backlog_max: u64,
    pub oldest_max: Us,
    pub drained: Option<Us>,
}

impl Behind {
    pub fn new(mode: Mode, knobs: &Knobs) -> Behind {
        let groups = match mode {
            Mode::Sync => 0,
            Mode::Queue => 1,
            Mode::Log => knobs.int(knob::GROUPS) as usize,
        };
        let partitions = if mode == Mode::Log { knobs.int(knob::PARTITIONS) as usize } else { 0 };
        let hired = knobs.int(knob::CONSUMERS) as usize;
        let rules = QueueRules { visibility: knobs.s(knob::VISIBILITY), receives_max: 0, capacity: ROOM };
        let mut group = Group::new(CONSUMERS_MAX, partitions);
        (0..hired).for_each(|member| _ = group.join(member));
        let consumer = |at: usize| {
            let hired = at % CONSUMERS_MAX < hired;
            Consumer { alive: hired, hired, pausing: false, held: Held::Nothing, life: 0, turn: 0 }
        };
        Behind {
            queue: Queue::new(rules),
            topic: Topic::new(partitions, ROOM),
            groups: if mode == Mode::Log { vec![group; groups] } else { Vec::new() },
            readers: vec![Reader::default(); groups * partitions],
            consumers: (0..groups * CONSUMERS_MAX).map(consumer).collect(),
            each: Us::from_s(1.0 / knobs.get(knob::CONSUMER_RATE)),
            published: 0,
            processed: [0; GROUPS_MAX],
            calls: 0,
            delivered: 0,
            started: vec![0; groups * partitions],
            again: 0,
            visible_at: None,
            backlog_max: 0,
            oldest_max: Us::ZERO,
            drained: None,
        }
    }

    fn is_log(&self) -> bool {
        !self.groups.is_empty()
    }
    pub fn partitions(&self) -> usize {
        self.topic.partitions()
    }
    pub fn groups(&self) -> usize {
        self.consumers.len() / CONSUMERS_MAX
    }
    /// Records that a group has not committed, in a partition.
    pub fn lag(&self, group: usize, partition: usize) -> u32 {
        self.topic.end(partition) - self.groups[group].committed(partition)
    }
    /// Messages that a group has not processed, those in its hands included.
    pub fn backlog(&self, group: usize) -> u64 {
        if self.is_log() {
            (0..self.partitions()).map(|p| u64::from(self.lag(group, p))).sum()
        } else {
            self.queue.len() as u64
        }
    }
    /// Those that nobody has in hand.
    fn waiting(&self) -> u64 {
        if self.is_log() {
            let busy = self.consumers[..CONSUMERS_MAX].iter().filter(|c| c.held != Held::Nothing).count();
            self.backlog(PAYMENTS).saturating_sub(busy as u64)
        } else {
            self.queue.visible() as u64
        }
    }
    /// How long the oldest message that Payment's group has not processed has been here.
    pub fn oldest(&self, now: Us) -> Option<Us> {
        let at = if self.is_log() {
            let group = &self.groups[PAYMENTS];
            (0..self.partitions()).filter_map(|p| Some(self.topic.get(p, group.committed(p))?.0)).min()
        } else {
            self.queue.oldest()
        };
        at.map(|at| now.since(at))
    }
    /// (hired, alive, busy) of a group.
    pub fn consumers(&self, group: usize) -> (usize, usize, usize) {
        let all = self.consumers.iter().skip(group * CONSUMERS_MAX).take(CONSUMERS_MAX);
        all.fold((0, 0, 0), |(hired, alive, busy), c| {
            let is_busy = c.alive && c.held != Held::Nothing;
            (hired + usize::from(c.hired), alive + usize::from(c.alive), busy + usize::from(is_busy))
        })
    }
    /// Consumers of the payments group to whom no partition is left.
    pub fn idle(&self) -> usize {
        self.groups.first().map_or(0, |g| (0..CONSUMERS_MAX).filter(|m| g.is_member(*m) && g.owns(*m) == 0).count())
    }
    /// Messages that were given to a consumer of Payment's group more than once.
    pub fn again(&self) -> u64 {
        self.again + self.queue.redelivered()
    }

    pub fn weight(&self) -> usize {
        self.queue.weight()
            + self.topic.weight()
            + self.groups.iter().map(Group::weight).sum::<usize>()
            + self.readers.len() * size_of::<Reader>()
            + self.consumers.len() * size_of::<Consumer>()
            + self.started.len() * 4
    }

    pub fn invariants(&self, now: Us) -> Result<(), String> {
        self.groups.iter().try_for_each(Group::invariants)?;
        for (g, group) in self.groups.iter().enumerate() {
            for p in 0..self.partitions() {
                // Each record is committed before the next is begun, so a partition's order is kept.
                let (at, committed) = (self.readers[g * self.partitions() + p].position(), group.committed(p));
                if at != committed {
                    return Err(format!(
                        "at {now} group {g} reads {at} of partition {p} and has committed {committed}"
                    ));
                }
            }
        }
        Ok(())
    }
}

impl Services {
    /// Leaves a message with the broker; false if there is no room.
    pub(super) fn publish(&mut self, id: u32, key: u64, ctx: &mut Ctx<Ev>) -> bool {
        let b = &mut self.behind;
        let partition = if b.is_log() { partition_of(key, b.partitions()) } else { 0 };
        let kept =
            if b.is_log() { b.topic.append(ctx.now, partition, id).is_some() } else { b.queue.send(ctx.now, id) };
        if !kept {
            return false;
        }
        b.published += 1;
        self.meters.turn(ctx.now);
        self.meters.add(meter::PUBLISHED, 1);
        ctx.step(Tone::Waiting, code::PUBLISHED, id, partition as i64, self.behind.backlog(PAYMENTS) as i64);
        self.wake(ctx);
        true
    }

    /// Idle consumers look for work.
    fn wake(&mut self, ctx: &mut Ctx<Ev>) {
        for at in 0..self.behind.consumers.len() {
            let c = self.behind.consumers[at];
            if c.alive && !c.pausing && c.held == Held::Nothing && !self.take(at, ctx) && !self.behind.is_log() {
                return;
            }
        }
    }

    /// This consumer takes its next message, if there is one for it.
    fn take(&mut self, at: usize, ctx: &mut Ctx<Ev>) -> bool {
        let (group, member) = (at / CONSUMERS_MAX, at % CONSUMERS_MAX);
        let b = &mut self.behind;
        let (held, id) = if b.is_log() {
            let partitions = b.partitions();
            let turn = usize::from(b.consumers[at].turn);
            let mine = (0..partitions).map(|i| (turn + i) % partitions).find(|p| {
                b.groups[group].owner(*p) == Some(member)
                    && b.readers[group * partitions + p].position() < b.topic.end(*p)
            });
            let Some(partition) = mine else { return false };
            let offset = b.readers[group * partitions + partition].position();
            let Some((_, id)) = b.topic.get(partition, offset) else { return false };
            let started = &mut b.started[group * partitions + partition];
            b.again += u64::from(group == PAYMENTS && offset < *started);
            *started = (offset + 1).max(*started);
            b.consumers[at].turn = (partition + 1) as u8;
            (Held::Logged { partition: partition as u8 }, id)
        } else {
            b.queue.wake(ctx.now);
            let Some(delivery) = b.queue.receive(ctx.now) else { return false };
            if b.visible_at.is_none() {
                b.visible_at = b.queue.next_visible();
                b.visible_at.into_iter().for_each(|due| ctx.at(due, Ev::Visible));
            }
            (Held::Queued { receipt: delivery.receipt, receives: delivery.receives }, delivery.message)
        };
        let b = &mut self.behind;
        b.delivered += 1;
        b.consumers[at].held = held;
        let (consumer, life) = (at as u8, b.consumers[at].life);
        let mut outcome = (Some(b.each), true);
        if group == PAYMENTS {
            b.calls += 1;
            outcome = match self.health {
                Health::Well => (Some(self.behind.each), true),
                Health::Slow(span) => (Some(span.max(self.behind.each)), true),
                Health::Down => (Some(super::REFUSED_AFTER), false),
                Health::Hung => (None, false),
            };
            self.count_call(ctx);
            if let Some(most) = self.s.timeout.filter(|most| outcome.0.is_none_or(|took| took > *most)) {
                outcome = (Some(most), false);
            }
            ctx.step(Tone::Info, code::TAKEN, id, member as i64, 0);
        }
        if let (Some(took), ok) = outcome {
            ctx.after(took, Ev::Handled { consumer, life, ok });
        }
        true
    }

    pub(super) fn handled(&mut self, consumer: u8, life: u16, ok: bool, ctx: &mut Ctx<Ev>) {
        let at = usize::from(consumer);
        let c = self.behind.consumers[at];
        if c.life != life {
            return;
        }
        let (group, member) = (at / CONSUMERS_MAX, at % CONSUMERS_MAX);
        let b = &mut self.behind;
        b.consumers[at].held = Held::Nothing;
        ctx.mix(u64::from(consumer) << 1 | u64::from(ok));
        if !ok {
            // In a queue the message stays hidden until its time is over, in a log its partition waits.
            b.consumers[at].pausing = true;
            ctx.bad();
            ctx.after(PAUSE, Ev::Look { consumer, life });
            return;
        }
        let done = match c.held {
            Held::Queued { receipt, receives } => b.queue.delete(receipt, receives),
            Held::Logged { partition } => {
                let (p, partitions) = (usize::from(partition), b.partitions());
                let reader = &mut b.readers[group * partitions + p];
                let generation = b.groups[group].generation();
                let committed = b.groups[group].commit(member, generation, p, reader.position() + 1).is_ok();
                if committed {
                    reader.advance();
                    let all = b.groups.iter().map(|g| g.committed(p)).min().unwrap_or(0);
                    b.topic.trim(p, all);
                }
                committed
            }
            Held::Nothing => false,
        };
        if done {
            b.processed[group] += 1;
            if group == PAYMENTS {
                self.meters.turn(ctx.now);
                self.meters.add(meter::CONSUMED, 1);
            }
        }
        self.take(at, ctx);
    }

    pub(super) fn look(&mut self, consumer: u8, life: u16, ctx: &mut Ctx<Ev>) {
        let at = usize::from(consumer);
        let c = &mut self.behind.consumers[at];
        if c.life == life && c.alive {
            c.pausing = false;
            self.take(at, ctx);
        }
    }

    pub(super) fn visible(&mut self, ctx: &mut Ctx<Ev>) {
        let b = &mut self.behind;
        b.queue.wake(ctx.now);
        b.visible_at = b.queue.next_visible();
        b.visible_at.into_iter().for_each(|due| ctx.at(due, Ev::Visible));
        self.wake(ctx);
    }

    /// A consumer of Payment's group dies, one that is busy if there is one.
    pub(super) fn crash(&mut self, ctx: &mut Ctx<Ev>) {
        let alive = |busy: bool| {
            let mut all = self.behind.consumers.iter().take(CONSUMERS_MAX);
            all.position(|c| c.alive && (!busy || c.held != Held::Nothing))
        };
        let Some(at) = alive(true).or_else(|| alive(false)) else {
            ctx.log(Tone::Info, code::NO_CONSUMER, Line::NO_REQUEST, 0, 0);
            return;
        };
        let c = &mut self.behind.consumers[at];
        let held = c.held != Held::Nothing;
        (c.alive, c.pausing, c.held, c.life) = (false, false, Held::Nothing, c.life.wrapping_add(1));
        let (consumer, life) = (at as u8, c.life);
        ctx.log(Tone::Fault, code::CRASHED, Line::NO_REQUEST, at as i64 + 1, i64::from(held));
        ctx.after(SESSION_TIMEOUT, Ev::Expelled { consumer, life });
        ctx.after(BACK_AFTER, Ev::Back { consumer, life });
    }

    pub(super) fn expelled(&mut self, consumer: u8, life: u16, ctx: &mut Ctx<Ev>) {
        let at = usize::from(consumer);
        if self.behind.consumers[at].life == life && self.behind.is_log() {
            self.behind.groups[at / CONSUMERS_MAX].leave(at % CONSUMERS_MAX);
            ctx.log(Tone::Waiting, code::REBALANCED, Line::NO_REQUEST, at as i64 + 1, 0);
            self.wake(ctx);
        }
    }

    pub(super) fn back(&mut self, consumer: u8, life: u16, ctx: &mut Ctx<Ev>) {
        let at = usize::from(consumer);
        if self.behind.consumers[at].life == life && self.behind.consumers[at].hired {
            self.hire(at, true);
            ctx.log(Tone::Ok, code::CONSUMER_BACK, Line::NO_REQUEST, at as i64 + 1, 0);
            self.wake(ctx);
        }
    }

    /// The reader wants so many consumers in each group. Who goes leaves its message where it is.
    pub(super) fn set_consumers(&mut self, count: usize, ctx: &mut Ctx<Ev>) {
        for at in 0..self.behind.consumers.len() {
            let hired = at % CONSUMERS_MAX < count;
            if hired != self.behind.consumers[at].hired {
                self.hire(at, hired);
            }
        }
        self.wake(ctx);
    }

    fn hire(&mut self, at: usize, hired: bool) {
        let b = &mut self.behind;
        let c = &mut b.consumers[at];
        (c.alive, c.hired, c.pausing, c.held, c.life) = (hired, hired, false, Held::Nothing, c.life.wrapping_add(1));
        if let Some(group) = b.groups.get_mut(at / CONSUMERS_MAX) {
            if hired {
                group.join(at % CONSUMERS_MAX)
            } else {
                group.leave(at % CONSUMERS_MAX)
            };
        }
    }

    /// What the end of a second shows of the broker.
    pub(super) fn watch_backlog(&mut self, now: Us) {
        let over = self.spike_over;
        let b = &mut self.behind;
        b.backlog_max = b.backlog_max.max(b.backlog(PAYMENTS));
        b.oldest_max = b.oldest_max.max(b.oldest(now).unwrap_or(Us::ZERO));
        if over.is_none() {
            b.drained = None;
        } else if b.drained.is_none() && b.waiting() == 0 {
            b.drained = Some(now);
        }
    }
}
