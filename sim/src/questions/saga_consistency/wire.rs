//! How messages travel: directly over sessions (two-phase commit), or through outbox and broker.

use super::*;

/// The entry of [`KINDS`] that a message belongs to.
fn kind_of(msg: &Msg) -> u8 {
    match (msg.via, msg.body) {
        (Via::Publish(_), _) => 1,
        (Via::Published(_), _) => 2,
        (Via::Deliver(_), _) => 3,
        (Via::Consumed(_), _) => 4,
        (_, Body::Work) => 5,
        (_, Body::WorkDone | Body::WorkFailed) => 6,
        (_, Body::Prepare) => 7,
        (_, Body::Yes | Body::No) => 8,
        (_, Body::Commit | Body::Abort) => 9,
        _ => 10,
    }
}

impl SagaConsistency {
    /// Puts a message on the wire; the link decides its fate, unless somebody singled it out.
    pub(super) fn send(&mut self, msg: Msg, ctx: &mut Cx) {
        self.tally.messages += 1;
        let kind = kind_of(&msg);
        let single = self.singles.strikes(|s| s.kind == 0 || s.kind == kind);
        let link = self.network.link_mut(msg.from as usize, msg.to as usize);
        let (mut lost, mut arrivals) = (false, [None; 2]);
        for (slot, at) in arrivals.iter_mut().zip(link.send(ctx.now, 0).arrivals()) {
            *slot = Some(at);
        }
        match single {
            Some(Single { twice: true, .. }) => arrivals[1] = arrivals[0],
            Some(_) => arrivals = [None; 2],
            None => {}
        }
        if arrivals[0].is_none() {
            lost = true;
            ctx.bad();
            ctx.log(Tone::Rejected, code::LOST, msg.order, msg.body.word() as i64, legs(&msg));
        } else {
            ctx.step(Tone::Flight, code::SENT, msg.order, msg.body.word() as i64, legs(&msg));
        }
        let twice = arrivals[1].is_some();
        if twice {
            ctx.log(Tone::Fault, code::TWICE, msg.order, msg.body.word() as i64, legs(&msg));
        }
        if single.is_some() {
            self.last_notable = msg.order;
        }
        let delay = self.network.link(msg.from as usize, msg.to as usize).wire.delay.mean();
        let due = arrivals[0].unwrap_or(ctx.now + delay);
        if self.flights.len() == FLIGHTS_MAX {
            self.flights.pop_front();
        }
        self.flights.push_back(Flight { msg, sent: ctx.now, due, lost, twice });
        for at in arrivals.into_iter().flatten() {
            self.hold(msg.order);
            ctx.at(at, Event::Msg(msg));
        }
    }

    /// A message of two-phase commit.
    pub(super) fn direct(&mut self, order: u32, from: u8, to: u8, body: Body, ctx: &mut Cx) {
        self.send(Msg { order, from, to, body, via: Via::Direct }, ctx);
    }

    /// The session breaks: the other end notices after the delay, whatever is lost.
    pub(super) fn reset(&mut self, order: u32, from: u8, to: u8, ctx: &mut Cx) {
        let delay = self.network.link(from as usize, to as usize).wire.delay.mean();
        let msg = Msg { order, from, to, body: Body::Reset, via: Via::Direct };
        self.schedule(delay, order, Event::Msg(msg), ctx);
    }

    pub(super) fn publish(&mut self, order: u32, from: u8, body: Body, row: u32, ctx: &mut Cx) {
        self.send(Msg { order, from, to: BROKER, body, via: Via::Publish(row) }, ctx);
    }

    /// A message has reached the end of a leg.
    pub(super) fn received(&mut self, msg: Msg, ctx: &mut Cx) {
        if !self.orders.contains_key(&msg.order) {
            return;
        }
        match msg.via {
            Via::Publish(row) => {
                let to = self.addressee(msg.body);
                let stored = Msg { from: BROKER, to, ..msg };
                let Some(receipt) = self.broker.publish(stored) else {
                    ctx.log(Tone::Rejected, code::BROKER_FULL, msg.order, msg.body.word() as i64, 0);
                    return;
                };
                if row > 0 {
                    let confirm = Msg { from: BROKER, to: msg.from, via: Via::Published(row), ..msg };
                    self.send(confirm, ctx);
                }
                self.schedule(Us::ZERO, msg.order, Event::Deliver(receipt, msg.order, 0), ctx);
            }
            Via::Published(row) => {
                if self.up[msg.to as usize] && self.outboxes[msg.to as usize].mark(row).is_some() {
                    // The row was one of the order's tokens.
                    self.let_go(msg.order, ctx);
                }
            }
            Via::Consumed(receipt) => {
                self.broker.ack(receipt);
            }
            Via::Deliver(receipt) => self.consume(msg, receipt, ctx),
            Via::Direct => {
                let instance = self.orders[&msg.order].instance;
                if !self.is_up(msg.to, instance) {
                    ctx.step(Tone::Rejected, code::NOBODY, msg.order, msg.body.word() as i64, legs(&msg));
                    if msg.body != Body::Reset {
                        // Connection refused.
                        self.reset(msg.order, msg.to, msg.from, ctx);
                    }
                    return;
                }
                self.two_phase_message(msg, ctx);
            }
        }
    }

    /// Who takes this message. Events have no address, only subscribers; here each has one.
    fn addressee(&self, body: Body) -> u8 {
        match body {
            Body::Do(s) | Body::Undo(s) => AT_SERVICE[s as usize],
            _ => COORDINATOR,
        }
    }

    /// The broker tries to deliver, and will again until the consumer has acknowledged.
    pub(super) fn deliver(&mut self, receipt: Receipt, due: u32, ctx: &mut Cx) {
        if self.broker.deliveries(receipt) != Some(due) {
            return;
        }
        let Some((msg, before)) = self.broker.deliver(receipt) else { return };
        if before > 0 {
            ctx.step(Tone::Info, code::REDELIVERED, msg.order, msg.body.word() as i64, i64::from(before));
        }
        self.send(Msg { via: Via::Deliver(receipt), ..msg }, ctx);
        self.schedule(self.timeout, msg.order, Event::Deliver(receipt, msg.order, before + 1), ctx);
    }

    /// A consumer has got a message from the broker.
    fn consume(&mut self, msg: Msg, receipt: Receipt, ctx: &mut Cx) {
        let instance = self.orders[&msg.order].instance;
        if !self.is_up(msg.to, instance) {
            ctx.step(Tone::Waiting, code::HELD, msg.order, msg.body.word() as i64, legs(&msg));
            return;
        }
        if msg.to == COORDINATOR {
            self.reply(msg, receipt, ctx);
        } else if !self.crash_here(msg.order, msg.to, msg.body, BEFORE, ctx) {
            self.execute(msg.order, msg.body, Some(receipt), ctx);
        }
    }

    pub(super) fn acknowledge(&mut self, order: u32, from: u8, body: Body, receipt: Option<Receipt>, ctx: &mut Cx) {
        if let Some(receipt) = receipt {
            self.send(Msg { order, from, to: BROKER, body, via: Via::Consumed(receipt) }, ctx);
        }
    }

    /// Sends what follows from a committed transaction: as a row for the relay, or at once.
    /// False: the service crashed between its commit and the message.
    pub(super) fn emit(&mut self, order: u32, from: u8, cause: Body, body: Option<Body>, ctx: &mut Cx) -> bool {
        let mut row = 0;
        if let (true, Some(body)) = (self.outbox_on, body) {
            let msg = Msg { order, from, to: BROKER, body, via: Via::Direct };
            // Checked for room before the commit.
            row = self.outboxes[from as usize].insert(msg).unwrap_or(0);
            self.hold(order);
            ctx.step(Tone::Info, code::ROW, order, body.word() as i64, i64::from(from));
        }
        if self.crash_here(order, from, cause, COMMITTED, ctx) {
            return false;
        }
        match body {
            Some(_) if row > 0 => self.wake_relay(from, ctx),
            Some(body) => {
                self.publish(order, from, body, 0, ctx);
                if self.crash_here(order, from, cause, PUBLISHED, ctx) {
                    return false;
                }
            }
            None => {}
        }
        true
    }

    /// The relay polls at whole multiples of its period, but only while there is something to do.
    pub(super) fn wake_relay(&mut self, node: u8, ctx: &mut Cx) {
        if !self.polling[node as usize] {
            self.polling[node as usize] = true;
            let period = self.relay.0.max(1);
            ctx.at(Us((ctx.now.0 / period + 1) * period), Event::Poll(node));
        }
    }

    pub(super) fn poll(&mut self, node: u8, ctx: &mut Cx) {
        self.polling[node as usize] = false;
        if !self.up[node as usize] {
            return;
        }
        let rows: Vec<_> = self.outboxes[node as usize].poll().collect();
        for row in rows {
            let m = row.message;
            self.publish(m.order, node, m.body, row.id, ctx);
            let cause = cause_of(m.body);
            if self.crash_here(m.order, node, cause, PUBLISHED, ctx) {
                return;
            }
        }
        if !self.outboxes[node as usize].is_empty() {
            // Unconfirmed rows are published again, but not before a confirmation had its chance.
            let round_trip = self.network.link(node as usize, BROKER as usize).wire.delay.mean() * 2;
            self.polling[node as usize] = true;
            let period = self.relay.0.max(1);
            let earliest = ctx.now.0 + round_trip.0;
            ctx.at(Us((earliest / period + 1) * period), Event::Poll(node));
        }
    }
}

/// From and to, packed for a line of the log.
pub(super) fn legs(msg: &Msg) -> i64 {
    let leg = match msg.via {
        Via::Direct => 0,
        Via::Publish(_) => 1,
        Via::Published(_) => 2,
        Via::Deliver(_) => 3,
        Via::Consumed(_) => 4,
    };
    leg << 16 | i64::from(msg.from) << 8 | i64::from(msg.to)
}

/// The step whose transaction wrote this row, near enough to place a crash at it.
fn cause_of(body: Body) -> Body {
    match body {
        Body::Done(s) | Body::Declined(s) => Body::Do(s),
        Body::Undone(s) => Body::Undo(s),
        other => other,
    }
}
