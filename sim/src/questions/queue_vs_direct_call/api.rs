//! The side that the user sees: the API, its calls in line, its commit, and how its events get out.

use super::*;

/// A call to a service that is down fails this soon: nobody listens there.
const NOBODY_THERE: Us = Us::ms(1);

/// A request that has no answer yet.
#[derive(Clone, Copy, Debug)]
pub(super) struct Request {
    pub(super) id: u32,
    tape: u64,
    pub(super) at: Us,
    /// What is corrected: (invoice, its last event), or a new one.
    invoice: u32,
    after: u32,
    customer: u16,
    poison: u8,
    /// Calls not begun, under way, that will fail, and that have had an effect.
    todo: u8,
    calling: u8,
    failing: u8,
    acted: u8,
    failed: bool,
    /// The event that it has saved.
    event: u32,
    saved: bool,
}

impl Request {
    /// It has published and waits for the broker's ack.
    pub(super) fn awaits(&self, request: u32) -> bool {
        self.id == request && self.saved
    }
}

impl QueueVsDirectCall {
    pub(super) fn next_arrival(&self, ctx: &mut Cx) {
        if let Some(at) = self.load.due() {
            ctx.at(at, Ev::Arrive(self.load.generation));
        }
    }

    /// A request, as its entry on the tape says; `correct` overrules whether it corrects something.
    pub(super) fn arrive(&mut self, tape: u64, correct: Option<bool>, ctx: &mut Cx) {
        let id = self.next_request;
        self.next_request = (self.next_request + 1) % NONE;
        self.tally.arrived += 1;
        let d = self.draws;
        let draw = |s: &Stream| unit(s.at(tape + 1));
        let correct = correct.unwrap_or(draw(&d.kind) < self.s.changes) && !self.recent.is_empty();
        let pick = match tape {
            SCRIPTED..REPEATED => self.recent.len().saturating_sub(1),
            _ => (draw(&d.which) * self.recent.len() as f64) as usize,
        };
        let (invoice, customer, after) = match self.recent.get(pick) {
            Some(found) if correct => *found,
            _ => {
                let u = draw(&d.customer);
                let rest = (u - self.s.big) / (1.0 - self.s.big);
                (0, if u < self.s.big { 0 } else { 1 + (rest * CUSTOMERS as f64) as u16 }, NONE)
            }
        };
        let mut poison = 0;
        if draw(&d.poison) < self.s.poison {
            poison = 1 << (d.poisoned.at(tape + 1) >> 62) as u8;
        }
        if self.api_up && !self.poisons.is_empty() {
            poison = 1 << self.poisons.remove(0);
        }
        let unlucky = unit(d.fails.at(tape * 8 + 6)) >= self.s.available;
        let open = self.requests.used();
        self.samples.begin(ctx.now, id, 0, Trail::default());
        if !self.api_up || unlucky || open >= REQUESTS_MAX {
            self.tally.failed += 1;
            self.answered(id, false, ctx);
            let why = if !self.api_up { 0 } else { 1 + i64::from(!unlucky) };
            ctx.bad();
            ctx.step(Tone::Rejected, code::TURNED_AWAY, id, why, 0);
            return;
        }
        let request = Request {
            id,
            tape,
            at: ctx.now,
            invoice,
            after,
            customer,
            poison,
            todo: self.s.inline,
            calling: 0,
            failing: 0,
            acted: 0,
            failed: false,
            event: NONE,
            saved: false,
        };
        let slot = self.requests.insert(request);
        ctx.step(Tone::Info, code::ASKED, id, i64::from(invoice), i64::from(customer));
        let own = self.s.law.demand(self.draws.own.at(tape + 1), self.s.own);
        ctx.after(own, Ev::Own { slot, request: id });
    }

    pub(super) fn own_done(&mut self, slot: u32, request: u32, ctx: &mut Cx) {
        if self.requests[slot as usize].id == request {
            self.go_on(slot, ctx);
        }
    }

    /// The next call in line, or all of them, or what comes after.
    fn go_on(&mut self, slot: u32, ctx: &mut Cx) {
        let r = self.requests[slot as usize];
        if r.calling != 0 {
            return;
        }
        if r.failed {
            return self.fail(slot, code::CALL_FAILED, ctx);
        }
        if r.todo == 0 {
            return self.save(slot, ctx);
        }
        for service in (0..SERVICES).filter(|g| r.todo & 1 << g != 0) {
            self.call(slot, service, ctx);
            if !self.s.parallel {
                break;
            }
        }
    }

    fn call(&mut self, slot: u32, service: usize, ctx: &mut Cx) {
        let r = self.requests[slot as usize];
        let bit = 1 << service;
        let unlucky = unit(self.draws.fails.at(r.tape * 8 + service as u64 + 1)) >= self.s.available;
        let takes = self.takes(service, r.tape, self.s.call, ctx.now);
        let (takes, fails, acts) = if self.is_down(service, ctx.now) {
            (NOBODY_THERE, true, false)
        } else if unlucky || r.poison & bit != 0 {
            (takes.min(self.s.timeout), true, false)
        } else {
            // Too late for the caller is not the same as not done.
            (takes.min(self.s.timeout), takes > self.s.timeout, true)
        };
        let r = &mut self.requests[slot as usize];
        r.todo &= !bit;
        r.calling |= bit;
        r.failing |= if fails { bit } else { 0 };
        r.acted |= if acts { bit } else { 0 };
        let request = r.id;
        self.saw(service, request, ctx.now, false);
        ctx.step(Tone::Flight, code::CALLS, request, service as i64, 0);
        ctx.after(takes, Ev::Called { slot, request, service: service as u8 });
    }

    pub(super) fn called(&mut self, slot: u32, request: u32, service: u8, ctx: &mut Cx) {
        let r = &mut self.requests[slot as usize];
        if r.id != request {
            return;
        }
        let bit = 1 << service;
        r.calling &= !bit;
        let fails = r.failing & bit != 0;
        r.failed |= fails;
        let late = fails && r.acted & bit != 0;
        let tone = if fails { Tone::Rejected } else { Tone::Ok };
        ctx.step(tone, code::CALLED, request, i64::from(service), i64::from(fails) + i64::from(late));
        if !fails {
            self.saw(service as usize, request, ctx.now, true);
        }
        ctx.mix(u64::from(request) << 8 | u64::from(service) << 1 | u64::from(fails));
        self.go_on(slot, ctx);
    }

    /// The local transaction: the invoice, and with an outbox its event in the same one.
    fn save(&mut self, slot: u32, ctx: &mut Cx) {
        let request = self.requests[slot as usize].id;
        if self.crash_here(BEFORE_COMMIT, request, ctx) {
            return self.api_dies(ctx);
        }
        let tells = self.s.messaged != 0;
        if tells && self.s.outbox && self.outbox.is_full() {
            return self.fail(slot, code::OUTBOX_FULL, ctx);
        }
        let r = &mut self.requests[slot as usize];
        if r.invoice == 0 {
            r.invoice = self.next_invoice;
            self.next_invoice += 1;
        }
        let event = Event {
            request,
            invoice: r.invoice,
            after: r.after,
            customer: r.customer,
            poison: r.poison,
            done: 0,
            dead: 0,
            lost: 0,
            air: 0,
            stored: false,
            looks: 0,
            tape: r.tape,
            at: r.at,
        };
        r.saved = true;
        self.tally.saved += 1;
        let id = self.first_event + self.events.len() as u32;
        let id = if tells { id } else { NONE };
        r.event = id;
        match self.recent.iter_mut().find(|(i, ..)| *i == event.invoice) {
            Some((_, _, last)) => *last = id,
            None => {
                if self.recent.len() == RECENT_MAX {
                    self.recent.pop_front();
                }
                self.recent.push_back((event.invoice, event.customer, id));
            }
        }
        if !tells {
            self.all_done_in_line(event.at, ctx);
            if self.crash_here(COMMITTED, request, ctx) {
                return self.api_dies(ctx);
            }
            return self.accept(slot, ctx);
        }
        self.events.push_back(event);
        let msg = Msg { event: id, key: self.key_of(id, &event) };
        let row = if self.s.outbox { self.outbox.insert(msg).unwrap_or(0) } else { 0 };
        ctx.step(Tone::Info, code::SAVED, request, i64::from(event.invoice), i64::from(row));
        if self.crash_here(COMMITTED, request, ctx) {
            self.api_dies(ctx);
            if row > 0 {
                self.wake_relay(ctx);
            } else {
                self.mark_lost(self.s.messaged, id, ctx);
            }
            return;
        }
        if row > 0 {
            self.wake_relay(ctx);
            return self.accept(slot, ctx);
        }
        self.publish(msg, From { row: 0, slot, request }, ctx);
        ctx.after(self.s.publish_timeout, Ev::PublishTimeout { slot, request });
        if self.crash_here(PUBLISHED, request, ctx) {
            self.api_dies(ctx);
        }
    }

    /// All four were called in line: there is nothing left to wait for.
    fn all_done_in_line(&mut self, at: Us, ctx: &mut Cx) {
        let took = ctx.now.since(at);
        self.done.add(ctx.now, took);
        self.tally.done_us += took.0;
        self.tally.done_count += 1;
    }

    /// What the ordering key comes to.
    pub(super) fn key_of(&self, id: u32, e: &Event) -> u32 {
        match self.s.key {
            Key::Invoice => e.invoice,
            Key::Random => mix(u64::from(id) ^ self.seed.rotate_left(40)) as u32,
            Key::Customer => u32::from(e.customer),
        }
    }

    /// Calls in line that a service has now.
    pub(super) fn calls(&self, service: usize) -> u32 {
        let open = self.requests.iter().filter(|r| r.id != NONE);
        open.map(|r| u32::from(r.calling >> service & 1)).sum()
    }

    // ---- answers ----

    fn release(&mut self, slot: u32) -> Request {
        let r = self.requests[slot as usize];
        self.requests[slot as usize].id = NONE;
        self.requests.release(slot);
        r
    }

    fn accept(&mut self, slot: u32, ctx: &mut Cx) {
        let r = self.release(slot);
        let took = ctx.now.since(r.at);
        self.tally.ok += 1;
        self.tally.user_us += took.0;
        self.user.add(ctx.now, took);
        self.answered(r.id, true, ctx);
        ctx.step(Tone::Ok, code::ANSWERED, r.id, took.0 as i64, i64::from(r.event != NONE));
        if r.event != NONE && self.s.refresh > Us::ZERO {
            ctx.after(self.s.refresh, Ev::Look(r.event));
        }
    }

    pub(super) fn fail(&mut self, slot: u32, why: u8, ctx: &mut Cx) {
        let r = self.release(slot);
        self.tally.failed += 1;
        self.tally.ghosts += u64::from(r.saved);
        // Nothing is saved, but some of the four have acted.
        self.tally.half += u64::from(!r.saved && r.acted != 0);
        self.answered(r.id, false, ctx);
        ctx.bad();
        ctx.step(Tone::Rejected, why, r.id, i64::from(r.saved), i64::from(r.acted));
    }

    fn answered(&mut self, request: u32, ok: bool, ctx: &mut Cx) {
        self.meters.turn(ctx.now);
        self.meters.add(if ok { OK } else { FAILED }, 1);
        let second = self.seconds.at(ctx.now);
        second.ok += u32::from(ok);
        second.failed += u32::from(!ok);
        self.samples.end(ctx.now, request, 0, if ok { Fate::Good } else { Fate::Failed });
        ctx.mix(u64::from(request) << 1 | u64::from(ok));
    }

    /// The process dies with every request in its hands.
    fn api_dies(&mut self, ctx: &mut Cx) {
        self.api_up = false;
        self.api_life = self.api_life.wrapping_add(1);
        for slot in 0..self.requests.len() as u32 {
            if self.requests[slot as usize].id != NONE {
                self.fail(slot, code::API_DIED, ctx);
            }
        }
        ctx.after(self.s.restart, Ev::ApiUp(self.api_life));
    }

    // ---- to the broker ----

    fn publish(&mut self, msg: Msg, from: From, ctx: &mut Cx) {
        let request = self.request_of(msg.event);
        ctx.step(Tone::Flight, code::PUBLISHES, request, i64::from(from.row), 0);
        let (copies, late) = self.fate(PUBLISH, request, ctx);
        for _ in 0..copies {
            ctx.after(self.s.hop + late, Ev::Publish { msg, from });
        }
        if let Some(e) = self.event_mut(msg.event) {
            e.air = e.air.saturating_add(copies);
        }
        if from.row == 0 {
            self.lost_in_the_air(msg.event, ctx);
        }
    }

    /// Nobody has it in hand, nobody has stored it, and nobody will publish it again.
    fn lost_in_the_air(&mut self, event: u32, ctx: &mut Cx) {
        if self.event(event).is_some_and(|e| e.air == 0 && !e.stored) {
            self.mark_lost(self.s.messaged, event, ctx);
        }
    }

    /// A message has reached the broker.
    pub(super) fn published(&mut self, msg: Msg, from: From, ctx: &mut Cx) {
        let request = self.request_of(msg.event);
        let unlucky = !self.luck.chance(self.s.available);
        let stored = !self.broker_down(ctx.now) && !unlucky && self.store(msg, ctx);
        if let Some(e) = self.event_mut(msg.event) {
            e.stored |= stored;
            e.air = e.air.saturating_sub(1);
        }
        if !stored {
            ctx.bad();
            ctx.step(Tone::Rejected, code::NOT_STORED, request, i64::from(from.row), 0);
            if from.row == 0 {
                self.lost_in_the_air(msg.event, ctx);
                ctx.after(self.s.hop, Ev::Confirm { from, ok: false });
            }
            return;
        }
        let (copies, late) = self.fate(CONFIRM, request, ctx);
        for _ in 0..copies {
            ctx.after(self.s.hop + late, Ev::Confirm { from, ok: true });
        }
    }

    pub(super) fn confirmed(&mut self, from: From, ok: bool, ctx: &mut Cx) {
        if from.row > 0 {
            if self.relay_up {
                self.outbox.mark(from.row);
                self.relay.settled(from.row);
            }
        } else if self.requests[from.slot as usize].awaits(from.request) {
            if ok { self.accept(from.slot, ctx) } else { self.fail(from.slot, code::NO_BROKER, ctx) }
        }
    }

    // ---- the relay ----

    /// The relay polls at whole multiples of its period, but only while there is something to do.
    pub(super) fn wake_relay(&mut self, ctx: &mut Cx) {
        if self.polling || !self.relay_up || self.outbox.is_empty() {
            return;
        }
        self.polling = true;
        let period = self.s.relay.0;
        ctx.at(Us((ctx.now.0 / period + 1) * period), Ev::Poll);
    }

    pub(super) fn poll(&mut self, ctx: &mut Cx) {
        self.polling = false;
        if !self.relay_up {
            return;
        }
        for row in self.relay.take(&self.outbox, ctx.now, |m| m.key) {
            self.publish(row.message, From { row: row.id, slot: 0, request: NONE }, ctx);
            if self.crash_here(RELAY, self.request_of(row.message.event), ctx) {
                self.relay_up = false;
                self.relay.crash();
                ctx.after(self.s.restart, Ev::RelayUp);
                return;
            }
        }
        self.wake_relay(ctx);
    }
}
