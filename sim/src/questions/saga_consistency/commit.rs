//! Two-phase commit between the coordinator and the four databases.

use super::*;
use crate::blocks::coordinator::{Order, Step};

impl SagaConsistency {
    pub(super) fn begin_two_phase(&mut self, order: u32, ctx: &mut Cx) {
        for p in 0..4 {
            self.direct(order, COORDINATOR, p, Body::Work, ctx);
        }
        self.schedule(self.timeout, order, Event::Timeout { order, sequence: 0 }, ctx);
        self.crash_here(order, COORDINATOR, Body::Work, PUBLISHED, ctx);
    }

    pub(super) fn two_phase_message(&mut self, msg: Msg, ctx: &mut Cx) {
        ctx.step(Tone::Info, code::ARRIVED, msg.order, msg.body.word() as i64, wire::legs(&msg));
        if msg.to == COORDINATOR {
            self.coordinator_hears(msg, ctx);
        } else {
            self.participant_hears(msg, ctx);
        }
        self.settle(msg.order, ctx);
    }

    fn coordinator_hears(&mut self, msg: Msg, ctx: &mut Cx) {
        let (order, p) = (msg.order, msg.from);
        let Some(o) = self.orders.get_mut(&order) else { return };
        let next = match msg.body {
            Body::WorkDone => o.coordinator.done(p, ALL),
            Body::Yes => o.coordinator.yes(p, ALL),
            Body::WorkFailed | Body::No => o.coordinator.no(ALL),
            // A participant that voted yes keeps its word through a crash; no reason to abort.
            Body::Reset => match o.coordinator {
                Coordinator::Voting { yes } if yes & (1 << p) != 0 => None,
                _ => o.coordinator.no(ALL),
            },
            Body::Ack => o.coordinator.acked(p, ALL),
            Body::Ask => o.coordinator.ask(p),
            _ => None,
        };
        match next {
            Some(Order::Log) => {
                if self.take_kill(order, ctx) || self.crash_here(order, COORDINATOR, Body::Yes, BEFORE, ctx) {
                    return;
                }
                let instance = self.orders.get(&order).map_or(0, |o| o.instance);
                let incarnation = self.instance_incarnation[instance as usize];
                self.schedule(self.forced, order, Event::Forced { order, who: COORDINATOR, incarnation }, ctx);
            }
            Some(next) => self.tell_participants(order, next, ctx),
            None => {}
        }
    }

    fn tell_participants(&mut self, order: u32, next: Order, ctx: &mut Cx) {
        let (mask, body) = match next {
            Order::Prepare(mask) => (mask, Body::Prepare),
            Order::Commit(mask) => (mask, Body::Commit),
            Order::Abort(mask) => (mask, Body::Abort),
            Order::Log | Order::End => return,
        };
        if mask == ALL && body != Body::Prepare {
            ctx.step(Tone::Info, code::DECIDES, order, body.word() as i64, 0);
        }
        for p in (0..4).filter(|p| mask & (1 << p) != 0) {
            self.direct(order, COORDINATOR, p, body, ctx);
        }
        if mask == ALL {
            self.crash_here(order, COORDINATOR, body, PUBLISHED, ctx);
        }
    }

    /// A forced write has reached the disk.
    pub(super) fn forced(&mut self, order: u32, who: u8, incarnation: u32, ctx: &mut Cx) {
        let Some(o) = self.orders.get_mut(&order) else { return };
        if who == COORDINATOR {
            if self.instance_incarnation[o.instance as usize] != incarnation {
                return;
            }
            if let Some(next) = o.coordinator.logged(ALL)
                && !self.crash_here(order, COORDINATOR, Body::Commit, COMMITTED, ctx)
            {
                self.tell_participants(order, next, ctx);
            }
            return;
        }
        let n = who as usize;
        if self.incarnation[n] != incarnation {
            return;
        }
        let (body, answer) = match o.parts[n] {
            Part::Preparing => {
                o.parts[n] = Part::Prepared;
                (Body::Prepare, Body::Yes)
            }
            Part::Committing => {
                o.parts[n] = Part::Committed;
                self.commit_effects(order, who, ctx);
                self.release(order, who, ctx);
                (Body::Commit, Body::Ack)
            }
            _ => return,
        };
        if !self.crash_here(order, who, body, COMMITTED, ctx) {
            self.direct(order, who, COORDINATOR, answer, ctx);
            self.crash_here(order, who, body, PUBLISHED, ctx);
        }
        self.settle(order, ctx);
    }

    // A guard that crashes a service would hide what it does.
    #[allow(clippy::collapsible_match)]
    fn participant_hears(&mut self, msg: Msg, ctx: &mut Cx) {
        let (order, p) = (msg.order, msg.to);
        let n = p as usize;
        let incarnation = self.incarnation[n];
        let Some(o) = self.orders.get_mut(&order) else { return };
        match (msg.body, o.parts[n]) {
            // The session it came over ended with the transaction.
            (Body::Work, Part::Idle) if !o.coordinator.open() => {}
            (Body::Work, Part::Idle) => {
                if !self.crash_here(order, p, Body::Work, BEFORE, ctx) {
                    self.take_locks(order, p, ctx);
                }
            }
            (Body::Work, Part::Done) => self.direct(order, p, COORDINATOR, Body::WorkDone, ctx),
            (Body::Work, Part::Aborted) => self.direct(order, p, COORDINATOR, Body::WorkFailed, ctx),
            (Body::Prepare, Part::Done) => {
                if !self.crash_here(order, p, Body::Prepare, BEFORE, ctx) {
                    self.set_part(order, p, Part::Preparing);
                    self.schedule(self.forced, order, Event::Forced { order, who: p, incarnation }, ctx);
                }
            }
            (Body::Prepare, Part::Prepared) => self.direct(order, p, COORDINATOR, Body::Yes, ctx),
            (Body::Prepare, Part::Idle | Part::Aborted) => self.direct(order, p, COORDINATOR, Body::No, ctx),
            (Body::Commit, Part::Prepared) => {
                if !self.crash_here(order, p, Body::Commit, BEFORE, ctx) {
                    self.set_part(order, p, Part::Committing);
                    self.schedule(self.forced, order, Event::Forced { order, who: p, incarnation }, ctx);
                }
            }
            (Body::Commit, Part::Committed) => self.direct(order, p, COORDINATOR, Body::Ack, ctx),
            (Body::Abort, part) if part == Part::Idle || part.open() => {
                ctx.step(Tone::Undo, code::ABORTED, order, i64::from(p), 0);
                self.end_part(order, p, ctx);
            }
            (Body::Reset, part) if part.after_reset() != part => {
                ctx.step(Tone::Undo, code::SESSION_BROKE, order, i64::from(p), 0);
                self.end_part(order, p, ctx);
            }
            _ => {}
        }
    }

    fn set_part(&mut self, order: u32, p: u8, part: Part) {
        if let Some(o) = self.orders.get_mut(&order) {
            o.parts[p as usize] = part;
        }
    }

    /// The row that all orders of an article need is in Inventory; the others' rows are the order's own.
    fn take_locks(&mut self, order: u32, p: u8, ctx: &mut Cx) {
        self.schedule(self.timeout, order, Event::PartTimeout { order, part: p }, ctx);
        let sku = self.orders.get(&order).map_or(0, |o| u32::from(o.sku));
        if p == INVENTORY && !self.locks.request(sku, order, ctx.now) {
            self.set_part(order, p, Part::Waiting);
            self.block(order);
            self.blame_doubt(sku, ctx);
            let wait = self.orders.get(&order).map_or(0, |o| o.wait);
            let holder = self.locks.holder(sku).map_or(0, |(h, _)| i64::from(h));
            ctx.step(Tone::Waiting, code::WAITS_LOCK, order, i64::from(sku), holder);
            self.schedule(self.lock_timeout, order, Event::LockTimeout { order, wait }, ctx);
            return;
        }
        self.begin_work(order, p, ctx);
    }

    /// Counts the orders that wait behind a lock in doubt whose coordinator is dead.
    fn blame_doubt(&mut self, sku: u32, ctx: &mut Cx) {
        let Some((holder, _)) = self.locks.holder(sku) else { return };
        let Some(h) = self.orders.get(&holder) else { return };
        if !h.parts[INVENTORY as usize].in_doubt() || self.instance_up[h.instance as usize] {
            return;
        }
        let waiting: Vec<u32> = self.locks.waiting(sku).collect();
        for order in waiting {
            if let Some(o) = self.orders.get_mut(&order)
                && !o.blocked_by_doubt
            {
                o.blocked_by_doubt = true;
                self.tally.blocked_doubt += 1;
                ctx.bad();
                ctx.log(Tone::Waiting, code::BEHIND_DOUBT, order, i64::from(sku), i64::from(holder));
            }
        }
    }

    fn begin_work(&mut self, order: u32, p: u8, ctx: &mut Cx) {
        let step = STEP_OF[p as usize];
        let time = self.work_time(order, step);
        let incarnation = self.incarnation[p as usize];
        if let Some(o) = self.orders.get_mut(&order) {
            o.parts[p as usize] = Part::Working;
            o.lock_since[p as usize] = ctx.now;
            o.changed = ctx.now;
        }
        ctx.step(Tone::Info, code::BEGINS, order, Body::Do(step).word() as i64, i64::from(p));
        self.mark(order, p, SpanKind::Work(Body::Do(step)), ctx.now, ctx.now + time);
        self.schedule(time, order, Event::Exec { order, body: Body::Do(step), incarnation, receipt: None }, ctx);
    }

    /// The work of a participant is done: it may still refuse.
    pub(super) fn worked(&mut self, order: u32, body: Body, incarnation: u32, ctx: &mut Cx) {
        let Body::Do(step) = body else { return };
        let p = AT_SERVICE[step as usize];
        let Some(o) = self.orders.get_mut(&order) else { return };
        if self.incarnation[p as usize] != incarnation || o.parts[p as usize] != Part::Working {
            return;
        }
        let why = match step {
            CHARGE if o.declines[0] => 1,
            RESERVE if o.declines[1] => 2,
            RESERVE if self.on_hand[o.sku as usize] == 0 => 3,
            _ => 0,
        };
        let answer = if why > 0 {
            o.declined |= 1 << step;
            ctx.bad();
            ctx.log(Tone::Rejected, code::DECLINED, order, i64::from(step), why);
            self.mark(order, p, SpanKind::Failed(Body::Declined(step)), ctx.now, ctx.now);
            self.end_part(order, p, ctx);
            Body::WorkFailed
        } else {
            o.parts[p as usize] = Part::Done;
            Body::WorkDone
        };
        if !self.crash_here(order, p, Body::Work, COMMITTED, ctx) {
            self.direct(order, p, COORDINATOR, answer, ctx);
            self.crash_here(order, p, Body::Work, PUBLISHED, ctx);
        }
        self.settle(order, ctx);
    }

    /// The effects of a committed participant become visible, each in its own database.
    fn commit_effects(&mut self, order: u32, p: u8, ctx: &mut Cx) {
        let step = STEP_OF[p as usize];
        let Some(o) = self.orders.get_mut(&order) else { return };
        let sku = o.sku as usize;
        o.done[step as usize] += 1;
        o.changed = ctx.now;
        match p {
            ORDER => {
                o.done[CONFIRM as usize] += 1;
                self.write_status(order, Status::Completed, ctx);
            }
            PAYMENT => self.charged_cents += u64::from(o.price_cents),
            // Shipping may have committed a moment before and taken the unit already.
            INVENTORY if o.gone == 0 => self.take_unit(order, sku),
            SHIPPING => self.ship(order, sku),
            _ => {}
        }
        self.mark(order, p, SpanKind::Work(Body::Commit), ctx.now, ctx.now);
        ctx.mix(u64::from(order) << 8 | 0x80 | u64::from(p));
        ctx.step(Tone::Ok, code::APPLIED, order, i64::from(step), i64::from(p));
    }

    /// Aborts at one participant: nothing was visible, so nothing has to be compensated.
    fn end_part(&mut self, order: u32, p: u8, ctx: &mut Cx) {
        let Some(o) = self.orders.get_mut(&order) else { return };
        let was = core::mem::replace(&mut o.parts[p as usize], Part::Aborted);
        if was.open() {
            self.release(order, p, ctx);
        }
    }

    /// Gives back the locks of one participant; whoever waited longest goes on.
    fn release(&mut self, order: u32, p: u8, ctx: &mut Cx) {
        let Some(o) = self.orders.get_mut(&order) else { return };
        let (sku, since) = (u32::from(o.sku), o.lock_since[p as usize]);
        if since > Us::ZERO {
            o.lock_since[p as usize] = Us::ZERO;
            if ctx.now.since(since) > LOCK_SHOWN {
                self.mark(order, p, SpanKind::Lock, since, ctx.now);
            }
        }
        if p != INVENTORY {
            return;
        }
        self.unblock(order);
        if let Some(next) = self.locks.release(sku, order, ctx.now) {
            self.unblock(next);
            ctx.step(Tone::Info, code::GETS_LOCK, next, i64::from(sku), i64::from(order));
            self.begin_work(next, INVENTORY, ctx);
        }
    }

    /// All know the outcome?
    pub(super) fn settle(&mut self, order: u32, ctx: &mut Cx) {
        let Some(o) = self.orders.get(&order) else { return };
        if o.finished() {
            return;
        }
        if o.parts.iter().all(|p| *p == Part::Committed) {
            self.finish(order, Status::Completed, ctx);
        } else if o.coordinator == Coordinator::None && !o.parts.iter().any(|p| p.open() || *p == Part::Committed) {
            self.finish(order, Status::Compensated, ctx);
        }
    }

    pub(super) fn lock_wait_ended(&mut self, order: u32, ctx: &mut Cx) {
        self.end_part(order, INVENTORY, ctx);
        if self.up[INVENTORY as usize] {
            self.direct(order, INVENTORY, COORDINATOR, Body::WorkFailed, ctx);
        }
        self.settle(order, ctx);
    }

    // ---- timeouts and crashes ----

    /// The coordinator sends again what has not been answered.
    pub(super) fn resend(&mut self, order: u32, ctx: &mut Cx) {
        let Some(o) = self.orders.get(&order) else { return };
        if !o.coordinator.open() {
            return;
        }
        if let Some((step, missing)) = o.coordinator.overdue(ALL) {
            let body = match step {
                Step::Work => Body::Work,
                Step::Prepare => Body::Prepare,
                Step::Commit => Body::Commit,
            };
            for p in (0..4).filter(|p| missing & (1 << p) != 0) {
                self.direct(order, COORDINATOR, p, body, ctx);
            }
        }
        self.schedule(self.timeout, order, Event::Timeout { order, sequence: 0 }, ctx);
    }

    /// A participant that has not heard for a while: done, it says so again; in doubt, it asks.
    pub(super) fn part_overdue(&mut self, order: u32, p: u8, ctx: &mut Cx) {
        let Some(o) = self.orders.get(&order) else { return };
        let part = o.parts[p as usize];
        if !part.open() {
            return;
        }
        if self.up[p as usize] {
            match part {
                Part::Done => self.direct(order, p, COORDINATOR, Body::WorkDone, ctx),
                Part::Prepared => self.direct(order, p, COORDINATOR, Body::Ask, ctx),
                _ => {}
            }
        }
        let wait = if part.in_doubt() { self.retry } else { self.timeout };
        self.schedule(wait, order, Event::PartTimeout { order, part: p }, ctx);
    }

    /// What was not forced to disk is gone, with its locks; the coordinator sees the session break.
    pub(super) fn participant_crashed(&mut self, node: u8, ctx: &mut Cx) {
        let n = node as usize;
        let hurt: Vec<u32> =
            self.orders.iter().filter(|(_, o)| o.parts[n].after_crash() != o.parts[n]).map(|(id, _)| *id).collect();
        // Waiters first: nobody is handed a lock in a database that is down.
        for waiting in [true, false] {
            for order in &hurt {
                let Some(o) = self.orders.get_mut(order) else { continue };
                let was = o.parts[n];
                if (was == Part::Waiting) != waiting {
                    continue;
                }
                o.parts[n] = was.after_crash();
                if o.parts[n] == Part::Idle {
                    self.release(*order, node, ctx);
                    self.reset(*order, node, COORDINATOR, ctx);
                }
            }
        }
    }

    /// Sessions break: who has not voted may abort. Who has, is in doubt until somebody answers.
    pub(super) fn coordinator_crashed(&mut self, instance: u8, ctx: &mut Cx) {
        let mine: Vec<u32> =
            self.orders.iter().filter(|(_, o)| o.instance == instance && !o.finished()).map(|(id, _)| *id).collect();
        for order in &mine {
            if let Some(o) = self.orders.get_mut(order) {
                o.coordinator = o.coordinator.after_crash();
            }
            for p in 0..4 {
                self.reset(*order, COORDINATOR, p, ctx);
            }
            self.settle(*order, ctx);
        }
        let rows: Vec<u32> = self.locks.held().map(|(row, ..)| row).collect();
        for row in rows {
            self.blame_doubt(row, ctx);
        }
    }
}
