//! What services do with a step: local transactions, effects, compensations; and the orchestrator.

use super::*;
use crate::blocks::saga::{Next, Reply};

/// How a local transaction ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ended {
    Done,
    Declined,
    /// Waits for a pending reservation (semantic lock).
    Waits,
}

impl SagaConsistency {
    /// Time of a step's work at its service. The same on both sides of a comparison.
    pub(super) fn work_time(&self, order: u32, step: u8) -> Us {
        let o = &self.orders[&order];
        if step == CHARGE && o.pay_time > Us::ZERO {
            return o.pay_time;
        }
        let draw = self.tape.purpose("work").at(o.tape * 8 + u64::from(step) + 1);
        Us::from_us(unit_exp(draw) * self.step.0 as f64)
    }

    /// Begins the local transaction of a step or a compensation.
    pub(super) fn execute(&mut self, order: u32, body: Body, receipt: Option<Receipt>, ctx: &mut Cx) {
        let (Body::Do(step) | Body::Undo(step)) = body else { return };
        let node = AT_SERVICE[step as usize];
        // Taking back costs a usual step's time, however slow the payment was.
        let time = match body {
            Body::Undo(s) => {
                let draw = self.tape.purpose("undo").at(self.orders[&order].tape * 8 + u64::from(s) + 1);
                Us::from_us(unit_exp(draw) * self.step.0 as f64)
            }
            _ => self.work_time(order, step),
        };
        let incarnation = self.incarnation[node as usize];
        ctx.step(Tone::Info, code::BEGINS, order, body.word() as i64, i64::from(node));
        self.mark(order, node, SpanKind::Work(body), ctx.now, ctx.now + time);
        self.schedule(time, order, Event::Exec { order, body, incarnation, receipt }, ctx);
    }

    /// The work is done: check the inbox, apply the effect, commit, and tell.
    pub(super) fn executed(
        &mut self,
        order: u32,
        body: Body,
        incarnation: u32,
        receipt: Option<Receipt>,
        ctx: &mut Cx,
    ) {
        if self.two_phase() {
            return self.worked(order, body, incarnation, ctx);
        }
        let (Body::Do(step) | Body::Undo(step)) = body else { return };
        let node = AT_SERVICE[step as usize];
        if self.incarnation[node as usize] != incarnation {
            ctx.step(Tone::Fault, code::LOST_WORK, order, body.word() as i64, i64::from(node));
            self.mark(order, node, SpanKind::NoEffect(Why::RolledBack), ctx.now, ctx.now);
            return;
        }
        let failing = matches!(body, Body::Undo(_)) && self.fail_undo > 0;
        if failing || (self.outbox_on && self.outboxes[node as usize].is_full()) {
            self.fail_undo -= u32::from(failing);
            ctx.bad();
            ctx.log(Tone::Rejected, code::FAILED, order, body.word() as i64, i64::from(self.fail_undo));
            self.mark(order, node, SpanKind::Failed(body), ctx.now, ctx.now);
            // Not acknowledged: the broker brings it again, sooner than after its timeout.
            if let Some(r) = receipt
                && let Some(due) = self.broker.deliveries(r)
            {
                let n = self.resent(order);
                let wait = self.full_jitter(order, n);
                self.schedule(wait, order, Event::Deliver(r, order, due), ctx);
            }
            return;
        }
        if self.inbox_on && !self.inboxes[node as usize].first_time(order, body.word() as u8) {
            return self.repeated(order, node, body, receipt, ctx);
        }
        let ended = match body {
            Body::Do(_) => self.apply(order, step, ctx),
            _ => {
                self.compensate(order, step, ctx);
                Ended::Done
            }
        };
        ctx.mix(u64::from(order) << 16 | body.word() << 8 | ended as u64);
        let told = match ended {
            Ended::Waits => true,
            _ => self.tell_outcome(order, node, body, ended == Ended::Declined, ctx),
        };
        if told {
            self.acknowledge(order, node, body, receipt, ctx);
        }
    }

    fn resent(&mut self, order: u32) -> u64 {
        let Some(o) = self.orders.get_mut(&order) else { return 0 };
        o.resends = o.resends.wrapping_add(1);
        u64::from(o.resends)
    }

    /// What follows from a committed step.
    fn tell_outcome(&mut self, order: u32, node: u8, body: Body, declined: bool, ctx: &mut Cx) -> bool {
        let next = match (self.mode, body, declined) {
            (Mode::Orchestrated, Body::Do(s), false) => Some(Body::Done(s)),
            (Mode::Orchestrated, Body::Do(s), true) => Some(Body::Declined(s)),
            (Mode::Orchestrated, Body::Undo(s), _) => Some(Body::Undone(s)),
            (_, Body::Do(s), false) => cue(self.plan.after_done(s)),
            (_, Body::Do(s), true) => cue(self.plan.after_declined(s)),
            (_, Body::Undo(s), _) => cue(self.plan.after_compensated(s)),
            _ => None,
        };
        self.emit(order, node, body, next, ctx)
    }

    /// The inbox knows this message: no effect. A command is answered again from what was stored.
    fn repeated(&mut self, order: u32, node: u8, body: Body, receipt: Option<Receipt>, ctx: &mut Cx) {
        ctx.log(Tone::Info, code::REPEATED, order, body.word() as i64, i64::from(node));
        self.mark(order, node, SpanKind::NoEffect(Why::SeenBefore), ctx.now, ctx.now);
        let o = &self.orders[&order];
        let (Body::Do(step) | Body::Undo(step)) = body else { return };
        let undecided = step == RESERVE && o.waits;
        if self.mode == Mode::Orchestrated && !undecided {
            let declined = matches!(body, Body::Do(_)) && o.declined & (1 << step) != 0;
            if !self.tell_outcome(order, node, body, declined, ctx) {
                return;
            }
        }
        self.acknowledge(order, node, body, receipt, ctx);
    }

    /// The effect of a step, in its service's database.
    fn apply(&mut self, order: u32, step: u8, ctx: &mut Cx) -> Ended {
        let Some(o) = self.orders.get_mut(&order) else { return Ended::Declined };
        o.changed = ctx.now;
        let sku = o.sku as usize;
        let mut why = 0;
        match step {
            CREATE if o.status == Status::None => self.write_status(order, Status::Pending, ctx),
            CREATE => return Ended::Done,
            RESERVE => {
                if o.declines[1] {
                    why = 2;
                } else if self.on_hand[sku] == 0 {
                    if self.semantic && self.reserved[sku] > 0 {
                        return self.wait_for_pending(order, sku, ctx);
                    }
                    self.refused_while_reserved[sku] += self.reserved[sku].min(1);
                    why = 3 + i64::from(self.reserved[sku] > 0);
                }
                if why == 0 {
                    self.take_unit(order, sku);
                }
            }
            CHARGE => {
                if o.declines[0] {
                    why = 1;
                } else {
                    self.charged_cents += u64::from(o.price_cents);
                }
            }
            SHIP => self.ship(order, sku),
            _ => {
                if o.status == Status::Pending {
                    self.write_status(order, Status::Completed, ctx);
                    self.finish(order, Status::Completed, ctx);
                } else {
                    return Ended::Done;
                }
            }
        }
        let Some(o) = self.orders.get_mut(&order) else { return Ended::Declined };
        let node = AT_SERVICE[step as usize];
        if why > 0 {
            o.declined |= 1 << step;
            ctx.bad();
            ctx.log(Tone::Rejected, code::DECLINED, order, i64::from(step), why);
            self.mark(order, node, SpanKind::Failed(Body::Declined(step)), ctx.now, ctx.now);
            return Ended::Declined;
        }
        o.done[step as usize] = o.done[step as usize].saturating_add(1);
        let twice = o.done[step as usize] > 1;
        self.tally.double += u64::from(twice);
        if twice {
            self.last_notable = order;
            ctx.bad();
            ctx.log(Tone::Rejected, code::DOUBLE, order, i64::from(step), 0);
        }
        ctx.step(Tone::Ok, code::APPLIED, order, i64::from(step), i64::from(node));
        Ended::Done
    }

    pub(super) fn take_unit(&mut self, order: u32, sku: usize) {
        self.on_hand[sku] -= 1;
        self.reserved[sku] += 1;
        if let Some(o) = self.orders.get_mut(&order) {
            o.held += 1;
        }
    }

    /// A unit leaves the warehouse: the one set aside, or else one from the shelf.
    pub(super) fn ship(&mut self, order: u32, sku: usize) {
        let Some(o) = self.orders.get_mut(&order) else { return };
        if o.held > 0 {
            o.held -= 1;
            self.reserved[sku] -= 1;
        } else if self.on_hand[sku] > 0 {
            self.on_hand[sku] -= 1;
        } else {
            return;
        }
        o.gone += 1;
        self.shipped[sku] += 1;
    }

    /// A compensation is a new fact: a refund beside the charge, not a charge that never was.
    fn compensate(&mut self, order: u32, step: u8, ctx: &mut Cx) {
        let Some(o) = self.orders.get_mut(&order) else { return };
        o.changed = ctx.now;
        let (sku, price) = (o.sku as usize, u64::from(o.price_cents));
        match step {
            CREATE => {
                if o.status == Status::Completed {
                    return;
                }
                o.undone[CREATE as usize] = 1;
                self.write_status(order, Status::Compensated, ctx);
                self.finish(order, Status::Compensated, ctx);
            }
            RESERVE => {
                if o.held > 0 {
                    o.held -= 1;
                    o.undone[RESERVE as usize] = o.undone[RESERVE as usize].saturating_add(1);
                    self.reserved[sku] -= 1;
                    self.on_hand[sku] += 1;
                    if self.refused_while_reserved[sku] > 0 {
                        self.refused_while_reserved[sku] -= 1;
                        self.tally.lost_sales += 1;
                        ctx.bad();
                        ctx.log(Tone::Stale, code::LOST_SALE, order, sku as i64, 0);
                    }
                }
            }
            CHARGE => {
                o.undone[CHARGE as usize] = o.undone[CHARGE as usize].saturating_add(1);
                let twice = o.undone[CHARGE as usize] > 1;
                self.refunded_cents += price;
                self.tally.double += u64::from(twice);
                if twice {
                    ctx.log(Tone::Rejected, code::DOUBLE, order, 8 | i64::from(step), 0);
                }
            }
            _ => {
                if o.gone > 0 {
                    o.gone -= 1;
                    o.held += 1;
                    o.undone[SHIP as usize] = o.undone[SHIP as usize].saturating_add(1);
                    self.shipped[sku] -= 1;
                    self.reserved[sku] += 1;
                    self.tally.recalls += 1;
                }
            }
        }
        ctx.step(Tone::Undo, code::UNDONE, order, i64::from(step), i64::from(AT_SERVICE[step as usize]));
        if step == RESERVE {
            self.wake_stock_queue(sku, ctx);
        }
    }

    // ---- semantic lock: wait for what is pending ----

    fn wait_for_pending(&mut self, order: u32, sku: usize, ctx: &mut Cx) -> Ended {
        if !self.stock_queue[sku].contains(&order) {
            self.stock_queue[sku].push_back(order);
            self.block(order);
            let wait = self.orders[&order].wait;
            ctx.log(Tone::Waiting, code::WAITS_STOCK, order, sku as i64, 0);
            self.mark(order, INVENTORY, SpanKind::NoEffect(Why::Waits), ctx.now, ctx.now);
            self.schedule(self.lock_timeout, order, Event::LockTimeout { order, wait }, ctx);
        }
        Ended::Waits
    }

    /// A pending reservation was released or has become a sale.
    pub(super) fn wake_stock_queue(&mut self, sku: usize, ctx: &mut Cx) {
        while let Some(order) = self.stock_queue[sku].front().copied() {
            if self.on_hand[sku] == 0 && self.reserved[sku] > 0 {
                return;
            }
            self.stock_queue[sku].pop_front();
            self.unblock(order);
            if !self.orders.contains_key(&order) {
                continue;
            }
            let ended = self.apply(order, RESERVE, ctx);
            if ended == Ended::Done {
                self.mark(order, INVENTORY, SpanKind::Work(Body::Do(RESERVE)), ctx.now, ctx.now);
            }
            self.tell_outcome(order, INVENTORY, Body::Do(RESERVE), ended == Ended::Declined, ctx);
        }
    }

    pub(super) fn waited_too_long(&mut self, order: u32, wait: u16, ctx: &mut Cx) {
        let two_phase = self.two_phase();
        let Some(o) = self.orders.get_mut(&order) else { return };
        if !o.waits || o.wait != wait {
            return;
        }
        ctx.bad();
        ctx.log(Tone::Rejected, code::LOCK_TIMEOUT, order, i64::from(o.sku), 0);
        if two_phase {
            return self.lock_wait_ended(order, ctx);
        }
        let sku = o.sku as usize;
        o.declined |= 1 << RESERVE;
        self.stock_queue[sku].retain(|w| *w != order);
        self.unblock(order);
        self.tell_outcome(order, INVENTORY, Body::Do(RESERVE), true, ctx);
    }

    // ---- the orchestrator ----

    /// Sends the command that the log says is next, and looks again after the timeout.
    pub(super) fn command(&mut self, order: u32, ctx: &mut Cx) {
        let Some(o) = self.orders.get_mut(&order) else { return };
        let Some(progress) = o.progress else { return };
        o.sequence = o.sequence.wrapping_add(1);
        let (sequence, again) = (o.sequence, o.resends);
        let Some(body) = cue(progress.next) else { return };
        if self.crash_here(order, COORDINATOR, body, COMMITTED, ctx) {
            return;
        }
        self.publish(order, COORDINATOR, body, 0, ctx);
        let mut wait = self.timeout;
        if again > 0 {
            wait += self.full_jitter(order, u64::from(again));
        }
        self.schedule(wait, order, Event::Timeout { order, sequence }, ctx);
        self.crash_here(order, COORDINATOR, body, PUBLISHED, ctx);
    }

    /// A participant's reply has reached the orchestrator.
    pub(super) fn reply(&mut self, msg: Msg, receipt: Receipt, ctx: &mut Cx) {
        let order = msg.order;
        if self.kill_here(order, msg.body, ctx) || self.crash_here(order, COORDINATOR, msg.body, BEFORE, ctx) {
            return;
        }
        let reply = match msg.body {
            Body::Done(s) => Reply::Done(s),
            Body::Declined(s) => Reply::Declined(s),
            Body::Undone(s) => Reply::Compensated(s),
            _ => return,
        };
        let plan = self.plan;
        let Some(o) = self.orders.get_mut(&order) else { return };
        let fresh = o.progress.as_mut().is_some_and(|p| p.reply(&plan, reply));
        self.acknowledge(order, COORDINATOR, msg.body, Some(receipt), ctx);
        if fresh {
            if let Some(o) = self.orders.get_mut(&order) {
                o.resends = 0;
            }
            self.command(order, ctx);
        } else {
            ctx.step(Tone::Info, code::IGNORED, order, msg.body.word() as i64, 0);
        }
    }

    /// "Kill the coordinator after the votes": for a saga, when the pivot's answer is in and not
    /// yet in the log.
    fn kill_here(&mut self, order: u32, body: Body, ctx: &mut Cx) -> bool {
        let pivot = self.plan.steps[self.plan.pivot];
        if body != Body::Done(pivot) {
            return false;
        }
        self.take_kill(order, ctx)
    }

    pub(super) fn take_kill(&mut self, order: u32, ctx: &mut Cx) -> bool {
        let Some(o) = self.orders.get(&order) else { return false };
        let (sku, instance) = (o.sku, o.instance);
        let Some(i) = self.kills.iter().position(|hot| !hot || sku == 0) else { return false };
        self.kills.remove(i);
        self.last_notable = order;
        ctx.log(Tone::Fault, code::KILLED, order, i64::from(self.two_phase()), self.outage.0 as i64);
        self.crash_instance(instance, ctx);
        true
    }

    /// Nothing heard for the timeout: whoever is responsible for the order sends again.
    pub(super) fn overdue(&mut self, order: u32, sequence: u16, ctx: &mut Cx) {
        let Some(o) = self.orders.get_mut(&order) else { return };
        if !self.instance_up[o.instance as usize] || o.finished() {
            return;
        }
        if self.mode == Mode::TwoPhase {
            return self.resend(order, ctx);
        }
        if o.sequence == sequence && !o.waits {
            o.resends = o.resends.wrapping_add(1);
            ctx.step(Tone::Waiting, code::OVERDUE, order, 0, 0);
            self.command(order, ctx);
        } else if o.sequence == sequence {
            self.schedule(self.timeout, order, Event::Timeout { order, sequence }, ctx);
        }
    }

    /// The coordinator is back and reads its log.
    pub(super) fn resume(&mut self, order: u32, ctx: &mut Cx) {
        let Some(o) = self.orders.get(&order) else { return };
        if !self.instance_up[o.instance as usize] {
            // Down again: the next restart has its own wake-up.
            return;
        }
        if self.two_phase() {
            return self.resend(order, ctx);
        }
        if o.progress.is_some_and(|p| !p.ended()) {
            ctx.step(Tone::Info, code::RESUMED, order, 0, 0);
            self.command(order, ctx);
        }
    }
}

/// The message that makes the next thing happen, if any.
pub(super) fn cue(next: Next) -> Option<Body> {
    match next {
        Next::Do(s) => Some(Body::Do(s)),
        Next::Compensate(s) => Some(Body::Undo(s)),
        Next::Completed | Next::Compensated => None,
    }
}
