//! The projectors at work: batches, crashes, rebuilds, the swap, and the e-mails they send.

use super::words::code;
use super::{Ev, EventSourcing, Mark as Seen, Personal, TRAIL_MAX, What};
use crate::blocks::account::{Account, Codec, Event};
use crate::blocks::event_store::{Past, PastCursor};
use crate::blocks::projector::{Code, Mark, Projector, Safety};
use crate::declare::Tone;
use crate::kernel::{Ctx, Line, Us};

/// How long a projector that has read everything waits before it looks again: our assumption.
const POLL: Us = Us::ms(10);
/// How often one that cannot read an event tries again.
const STUCK: Us = Us::s(1);
/// A checkpoint is written at least so often, however few events there were: our assumption.
const CHECKPOINT: Us = Us::s(1);
const RIGHT: Code = Code { wrong_sign: false };

/// A rebuild, from its start to the present.
#[derive(Clone, Copy, Debug)]
pub struct Rebuild {
    pub began: Us,
    pub beside: bool,
    /// When it had read everything there was.
    pub caught_up: Option<Us>,
    /// Events of this run when it began, and their hash.
    pub(super) length: u32,
    pub(super) hash: u64,
}

/// A projector and the process that it runs in.
#[derive(Clone, Debug)]
pub struct Worker {
    pub p: Projector,
    /// Events of a dead process are void.
    life: u16,
    pub up: bool,
    /// Events in hand, applied when their time has passed.
    batch: u32,
    /// When its poll is due.
    due: Us,
    /// When it last wrote its checkpoint.
    committed: Us,
    /// Since when it stands before an event that it cannot read.
    pub stuck: Option<Us>,
    /// Dies at its next checkpoint; true: before it is written.
    crash: Option<bool>,
    /// A rebuild that guards side effects: sends no e-mail until it is swapped in, and none about the past
    /// and the run's events before this one ever.
    quiet: bool,
    guarded: bool,
    quiet_below: u32,
    pub rebuild: Option<Rebuild>,
}

impl Worker {
    fn new(p: Projector) -> Worker {
        Worker {
            p,
            life: 0,
            up: true,
            batch: 0,
            due: Us::ZERO,
            committed: Us::ZERO,
            stuck: None,
            crash: None,
            quiet: false,
            guarded: false,
            quiet_below: 0,
            rebuild: None,
        }
    }

    /// Its next poll.
    fn poll_at(&mut self, which: usize, at: Us, ctx: &mut Ctx<Ev>) {
        self.due = at;
        ctx.at(at, Ev::Poll { beside: which == 1, life: self.life });
    }

    /// One that has followed the log from the beginning until now, without a fault.
    pub(super) fn at_head(truth: &[Account], past: &Past, history: u32, safety: Safety, names: bool) -> Worker {
        let mut cursor = PastCursor::default();
        while past.next(&mut cursor).is_some() {}
        let at = Mark { position: history, past: cursor, next: 0 };
        let rows = truth.iter().map(|a| (a.cents, a.named && names));
        Worker::new(Projector::at_head(rows, safety, RIGHT, at))
    }

    pub(super) fn weight(&self) -> usize {
        core::mem::size_of::<Worker>() + self.p.weight()
    }
}

impl EventSourcing {
    /// The position in the whole log of an event of the accounts' past: evenly spread over the history.
    pub(super) fn place_of_past(&self, passed: u32) -> u32 {
        let all = u64::from(self.store.past.total().max(1));
        ((u64::from(passed) + 1) * u64::from(self.others.history()) / all) as u32
    }

    pub(super) fn poll(&mut self, which: usize, life: u16, ctx: &mut Ctx<Ev>) {
        let Some(mut w) = self.workers[which].take_if(|w| w.life == life) else {
            return;
        };
        if !w.up {
            w.up = true;
            ctx.log(Tone::Ok, code::RESTARTED, Line::NO_REQUEST, which as i64, i64::from(w.p.at.position));
        }
        let mut goes_on = true;
        if w.batch > 0 {
            let to = w.p.at.position + w.batch;
            w.batch = 0;
            goes_on = self.apply(&mut w, which, to, ctx);
            self.checkpoint(&mut w, which, ctx);
        }
        if !goes_on && w.up {
            w.poll_at(which, ctx.now + STUCK, ctx);
        } else if w.up {
            self.fetch(&mut w, which, ctx);
        }
        self.workers[which] = Some(w);
    }

    /// The next batch: whatever there is, up to the size after which a checkpoint is due.
    fn fetch(&mut self, w: &mut Worker, which: usize, ctx: &mut Ctx<Ev>) {
        let behind = self.others.head(ctx.now) - w.p.at.position;
        w.batch = behind.min(self.s.batch);
        let wait = if behind == 0 {
            self.caught_up(w, ctx);
            POLL
        } else {
            Us((u64::from(w.batch) * 1_000_000 / u64::from(self.s.speed)).max(1))
        };
        w.poll_at(which, ctx.now + wait, ctx);
    }

    /// Applies everything up to position `to`; false: it came to an event that it cannot read.
    fn apply(&mut self, w: &mut Worker, which: usize, to: u32, ctx: &mut Ctx<Ev>) -> bool {
        loop {
            let mut at = w.p.at;
            let (position, account, written, index) = match self.store.past.next(&mut at.past) {
                Some((account, version)) => {
                    let place = self.place_of_past(at.past.passed - 1);
                    (place, account, self.store.past.event(account, version), None)
                }
                None => match self.store.log.get(at.next as usize) {
                    Some(e) => {
                        at.next += 1;
                        (e.position, e.stream as usize, e.written, Some((at.next - 1, e.command)))
                    }
                    None => break,
                },
            };
            if position > to {
                break;
            }
            let Ok(event) = self.codec.read(written) else {
                w.p.at.position = position - 1;
                self.stand_still(w, which, written.schema, ctx);
                return false;
            };
            at.position = position;
            w.p.at = at;
            let twice = self.repeats.unit_at(u64::from(position)) < self.s.duplicate;
            let times = if twice { 2 } else { 1 };
            for _ in 0..times {
                self.deliver(w, which, (account, position), event, index, ctx);
            }
        }
        w.p.at.position = to;
        w.stuck = None;
        true
    }

    /// One event reaches the projector, perhaps not for the first time.
    fn deliver(
        &mut self,
        w: &mut Worker,
        which: usize,
        (account, position): (usize, u32),
        event: Event,
        index: Option<(u32, u32)>,
        ctx: &mut Ctx<Ev>,
    ) {
        let again = w.p.repeats_applied();
        let (lives, row) = (which == 0, position as i64);
        let command = index.map_or(Line::NO_REQUEST - 1, |i| i.1);
        if !w.p.deliver(account, position, event, self.name_readable(account)) {
            return ctx.step(Tone::Stale, code::IGNORED, command, which as i64, row);
        }
        if lives && account == 0 {
            self.trail_to(w.p.row(0).cents, ctx.now);
        }
        if w.p.repeats_applied() > again {
            ctx.bad();
            ctx.mix(u64::from(position));
            ctx.step(Tone::Rejected, code::COUNTED_TWICE, command, which as i64, row);
            self.mark(Seen { at: ctx.now, command, account: account as u16, what: What::Repeated });
        } else {
            ctx.step(Tone::Ok, code::PROJECTED, command, which as i64, row);
        }
        if event.kind.is_payment() {
            self.send_mail(w, index.map(|i| i.0), command, ctx);
        }
    }

    /// A handler's side effect: one e-mail a payment, unless this is a replay and the guard is on.
    fn send_mail(&mut self, w: &Worker, index: Option<u32>, command: u32, ctx: &mut Ctx<Ev>) {
        let replayed = w.rebuild.is_some_and(|r| index.is_none_or(|i| i < r.length));
        let old = index.is_none_or(|i| i < self.mailed);
        if w.quiet || w.guarded && index.is_none_or(|i| i < w.quiet_below) {
            return;
        }
        ctx.mix(2 + u64::from(old));
        if old {
            self.counts.mails_again += 1;
            self.counts.mails_replay += u64::from(replayed);
            ctx.bad();
            ctx.step(Tone::Rejected, code::MAILED_AGAIN, command, 0, 0);
        } else {
            self.counts.mails_first += 1;
            self.mailed = index.map_or(0, |i| i + 1);
            ctx.step(Tone::Ok, code::MAILED, command, 0, 0);
        }
    }

    fn trail_to(&mut self, cents: i64, now: Us) {
        if self.trail.len() == TRAIL_MAX {
            self.trail.pop_front();
        }
        self.trail.push_back((now, cents));
    }

    /// No code here can read the next event: everything behind it has to wait.
    fn stand_still(&mut self, w: &mut Worker, which: usize, schema: u8, ctx: &mut Ctx<Ev>) {
        if w.stuck.is_none() {
            w.stuck = Some(ctx.now);
            ctx.bad();
            ctx.log(Tone::Rejected, code::STUCK, Line::NO_REQUEST, which as i64, i64::from(schema));
        }
    }

    /// After a batch: the checkpoint if it is due, or a crash just before or after it. A transaction ends
    /// with every batch, or nobody would see its rows.
    fn checkpoint(&mut self, w: &mut Worker, which: usize, ctx: &mut Ctx<Ev>) {
        let due = w.p.uncommitted() >= self.s.batch || ctx.now >= w.committed + CHECKPOINT;
        if !due && self.s.safety != Safety::Atomic {
            return;
        }
        let crash = w.crash.take();
        if crash != Some(true) {
            w.p.commit();
            w.committed = ctx.now;
        }
        if let Some(before) = crash {
            let again = i64::from(w.p.crash());
            if which == 0 {
                self.trail_to(w.p.row(0).cents, ctx.now);
            }
            self.counts.crashes += 1;
            (w.up, w.life) = (false, self.next_life());
            ctx.bad();
            let code = if before { code::DIED_BEFORE } else { code::DIED_AFTER };
            ctx.log(Tone::Fault, code, Line::NO_REQUEST, which as i64, again);
            w.poll_at(which, ctx.now + self.s.restart, ctx);
        }
    }

    fn next_life(&mut self) -> u16 {
        self.lives = self.lives.wrapping_add(1);
        self.lives
    }

    fn caught_up(&mut self, w: &mut Worker, ctx: &mut Ctx<Ev>) {
        if let Some(r) = &mut w.rebuild
            && r.caught_up.is_none()
        {
            r.caught_up = Some(ctx.now);
            self.last_rebuild = Some(*r);
            let took = ctx.now.since(r.began);
            ctx.log(Tone::Ok, code::CAUGHT_UP, Line::NO_REQUEST, took.0 as i64, i64::from(!r.beside));
        }
    }

    // What the reader does.

    pub(super) fn crash(&mut self, which: usize, before: bool, ctx: &mut Ctx<Ev>) {
        match &mut self.workers[which] {
            Some(w) => w.crash = Some(before),
            None => ctx.log(Tone::Fault, code::NO_REBUILD, Line::NO_REQUEST, 0, 0),
        }
    }

    /// An event of account 1 comes once more; 0 is its last payment.
    pub(super) fn twice(&mut self, version: u32, ctx: &mut Ctx<Ev>) {
        let last = self.store.version(0);
        let is_payment = |v: &u32| self.store.event(0, *v).is_some_and(|e| e.kind.is_payment());
        let version = match version {
            0 => (1..=last).rev().take(64).find(is_payment).unwrap_or(last),
            v => v.min(last),
        };
        let Some(written) = self.store.event(0, version) else {
            return;
        };
        let found = self.store.stored(0, version).copied();
        let (position, index) = match found {
            Some(e) => (e.position, Some((self.store.log.first_from(e.position) as u32, e.command))),
            None => (self.place_of_past(self.store.past.before(0, version)), None),
        };
        let Ok(event) = Codec::V2.read(written).or_else(|_| Codec::V1.read(written)) else {
            return;
        };
        let Some(mut w) = self.workers[0].take() else {
            return;
        };
        // What it has not had once cannot come twice.
        if w.up && position <= w.p.at.position {
            let off = w.p.row(0).off();
            self.deliver(&mut w, 0, (0, position), event, index, ctx);
            let moved = w.p.row(0).off() - off;
            ctx.log(Tone::Fault, code::TWICE, Line::NO_REQUEST, i64::from(version), moved);
        } else {
            ctx.log(Tone::Fault, code::NOT_ONCE, Line::NO_REQUEST, i64::from(version), 0);
        }
        self.workers[0] = Some(w);
    }

    pub(super) fn ship_bug(&mut self, ctx: &mut Ctx<Ev>) {
        self.was_wrong = true;
        if let Some(w) = &mut self.workers[0] {
            w.p.code.wrong_sign = true;
        }
        ctx.log(Tone::Fault, code::BUG, Line::NO_REQUEST, 0, 0);
    }

    /// Right code reads the log from its first event, into an empty table.
    pub(super) fn rebuild(&mut self, beside: bool, ctx: &mut Ctx<Ev>) {
        let mut w = Worker::new(Projector::new(self.s.accounts, self.s.safety, RIGHT));
        let length = self.store.log.len() as u32;
        w.rebuild = Some(Rebuild { began: ctx.now, beside, caught_up: None, length, hash: self.store.log.hash() });
        w.quiet = self.s.guard && beside;
        w.guarded = self.s.guard;
        w.quiet_below = self.mailed;
        let which = usize::from(beside);
        w.life = self.next_life();
        let mut at = ctx.now;
        if !beside {
            self.was_wrong = false;
            self.trail_to(0, ctx.now);
            // A process that is down stays down until it restarts.
            if let Some(old) = self.workers[0].as_ref().filter(|w| !w.up) {
                (w.up, at) = (false, old.due);
            }
        }
        w.poll_at(which, at, ctx);
        ctx.log(Tone::Fault, code::REBUILD, Line::NO_REQUEST, i64::from(beside), i64::from(self.others.head(ctx.now)));
        self.last_rebuild = w.rebuild;
        self.workers[which] = Some(w);
    }

    /// Readers get the rebuilt table; the e-mails are from now on its projector's duty.
    pub(super) fn swap(&mut self, ctx: &mut Ctx<Ev>) {
        let Some(mut w) = self.workers[1].take() else {
            return ctx.log(Tone::Fault, code::NO_REBUILD, Line::NO_REQUEST, 0, 0);
        };
        let lacks = self.others.head(ctx.now) - w.p.at.position;
        // Whatever was scheduled for either process must not reach the new one.
        w.life = self.next_life();
        w.quiet_below = w.quiet_below.max(self.mailed);
        w.quiet = false;
        // What it has read and the old one has not mailed: the position of the side effects is handed over.
        for i in self.mailed..w.p.at.next {
            let payment = self.store.log.get(i as usize).filter(|e| e.written.kind.is_payment());
            if let Some(command) = payment.map(|e| e.command) {
                self.send_mail(&w, Some(i), command, ctx);
            }
        }
        let due = w.due;
        w.poll_at(0, due, ctx);
        self.trail_to(w.p.row(0).cents, ctx.now);
        ctx.log(Tone::Fault, code::SWAPPED, Line::NO_REQUEST, i64::from(lacks), w.p.difference() as i64);
        self.was_wrong = false;
        self.workers[0] = Some(w);
    }

    pub(super) fn mend(&mut self, ctx: &mut Ctx<Ev>) {
        ctx.log(Tone::Fault, code::MENDED, Line::NO_REQUEST, 0, 0);
        if self.codec.schema == 2 {
            self.codec.upcaster = true;
        }
        self.cursor = None;
        for w in self.workers.iter_mut().flatten() {
            w.p.code = RIGHT;
            w.crash = None;
        }
        self.wake(ctx);
    }

    /// Projectors that are down, stand still or have nothing to do look again at once.
    pub(super) fn wake(&mut self, ctx: &mut Ctx<Ev>) {
        for which in 0..2 {
            let life = self.next_life();
            if let Some(w) = self.workers[which].as_mut().filter(|w| w.batch == 0) {
                w.life = life;
                w.poll_at(which, ctx.now, ctx);
            }
        }
    }

    /// Places where an account's name can be read.
    pub(super) fn readable(&self, account: usize) -> u32 {
        let tables = self.workers.iter().flatten().filter(|w| w.p.row(account).named).count() as u32;
        let outside = self.s.personal == Personal::Outside && !self.erased[account];
        u32::from(self.name_readable(account)) + u32::from(outside) + tables
    }
}
