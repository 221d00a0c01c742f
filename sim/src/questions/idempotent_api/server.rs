//! The server's side: what a node does with a request, in which order it writes what down, and what
//! the provider makes of its calls.
//!
//! ```text
//!   request -> [claim] (1) -> call the provider (2) -> [commit] (3) -> [save the reply] (4) -> reply
//! ```
//!
//! The numbers are the places where a node can crash. Without keys there is no claim and nothing is
//! saved. Check-then-store has a read for the claim. With recovery points the commit writes the point
//! too, in one transaction with the payment if both live in the same database.

use super::*;
use crate::blocks::idempotency::{Claim, FINISHED};

/// Requests that a node works on at one time; beyond it, it answers 503.
const HANDLINGS_MAX: usize = 2_000;
/// How often a node calls the provider for one request.
const CALLS_MAX: u8 = 6;
/// Before a node calls again because the provider is still at work on that key.
const PAUSE: Us = Us::ms(200);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    Claiming,
    Calling,
    Pausing,
    Committing,
    /// Writes the recovery point, where that is not part of the commit.
    Pointing,
    Saving,
}

/// A node's work on one attempt. It dies with the node.
#[derive(Clone, Copy, Debug)]
pub(super) struct Handling {
    /// Also its name as an owner of keys.
    pub no: u32,
    request: Msg,
    pub node: u8,
    stage: Stage,
    calls: u8,
    result: Option<Reply>,
    since: Us,
    /// Time spent on keys.
    extra: Us,
}

impl IdempotentApi {
    fn handling(&self, no: u32) -> Option<Handling> {
        self.handlings.binary_search_by_key(&no, |h| h.no).ok().map(|at| self.handlings[at])
    }

    fn put_handling(&mut self, h: Handling) {
        if let Ok(at) = self.handlings.binary_search_by_key(&h.no, |h| h.no) {
            self.handlings[at] = h;
        }
    }

    /// The work at a node is over; the picture keeps how long it took.
    fn end(&mut self, h: &Handling, ctx: &Cx) {
        if let Ok(at) = self.handlings.binary_search_by_key(&h.no, |h| h.no) {
            self.handlings.remove(at);
            self.mark(h.request.intent, NODE_A + h.node, Sign::Busy, h.since, ctx.now);
        }
    }

    /// What a node's store operation came to.
    fn stored(&mut self, h: &Handling, sign: Sign, ctx: &Cx) {
        self.sign(h.request.intent, STORE, sign, ctx);
        if let Some(mark) = self.marks.back_mut() {
            mark.node = Some(h.node);
        }
    }

    /// The work that a node has in hand: for whom, and since when.
    pub fn in_hand(&self, node: u8) -> impl Iterator<Item = (u32, Us)> + '_ {
        self.handlings.iter().filter(move |h| h.node == node).map(|h| (h.request.intent, h.since))
    }

    /// Goes on after a store operation, a commit or a pause.
    fn then(&mut self, mut h: Handling, stage: Stage, ctx: &mut Cx) {
        let takes = if stage == Stage::Pausing { PAUSE } else { self.store_time };
        if stage != Stage::Pausing && stage != Stage::Committing {
            h.extra += takes;
        }
        h.stage = stage;
        self.put_handling(h);
        self.later(ctx.now + takes, Event::Step { intent: h.request.intent, handling: h.no }, ctx);
    }

    pub(super) fn status(&self, answer: Answer) -> u16 {
        match answer {
            Answer::Outcome { reply, .. } => reply.status,
            Answer::InProgress => self.codes.in_progress,
            Answer::Mismatch => self.codes.mismatch,
            Answer::NoKey => self.codes.missing,
            Answer::Unknown => 504,
            Answer::Busy => 503,
        }
    }

    fn answer(&mut self, h: &Handling, answer: Answer, ctx: &mut Cx) {
        let no = h.request.intent;
        self.end(h, ctx);
        let status = i64::from(self.status(answer));
        match answer {
            Answer::Outcome { replayed: true, .. } => self.tally.replays += 1,
            Answer::Outcome { .. } => {
                self.tally.executed += 1;
                self.tally.extra += h.extra;
            }
            Answer::InProgress => self.tally.conflicts += 1,
            Answer::Mismatch => self.tally.mismatches += 1,
            Answer::NoKey => self.tally.no_key += 1,
            Answer::Unknown | Answer::Busy => ctx.bad(),
        }
        let replayed = matches!(answer, Answer::Outcome { replayed: true, .. });
        if replayed || !matches!(answer, Answer::Outcome { .. }) {
            self.notable = no;
        }
        ctx.step(Tone::Info, code::ANSWERS, no, status, i64::from(h.node) << 1 | i64::from(replayed));
        self.send(Msg { handling: h.no, body: Body::Answer(answer), ..h.request }, ctx);
    }

    // ---- a request comes in ----

    pub(super) fn requested(&mut self, msg: Msg, ctx: &mut Cx) {
        let node = msg.node;
        if !self.up[node as usize] {
            self.sign(msg.intent, NODE_A + node, Sign::Gone, ctx);
            ctx.step(Tone::Rejected, code::NOBODY, msg.intent, i64::from(node), 0);
            return;
        }
        let Some(keyless) = self.intent(msg.intent).map(|i| i.keyless) else { return };
        let no = self.next_handling;
        let h = Handling {
            no,
            request: msg,
            node,
            stage: Stage::Claiming,
            calls: 0,
            result: None,
            since: ctx.now,
            extra: Us::ZERO,
        };
        self.next_handling += 1;
        if self.handlings.len() >= HANDLINGS_MAX * NODES {
            self.answer(&h, Answer::Busy, ctx);
            return;
        }
        self.handlings.push(h);
        if !self.keyed() {
            if !self.crashes_here(&h, 1, ctx) {
                self.call(h, ctx);
            }
        } else if keyless {
            self.answer(&h, Answer::NoKey, ctx);
        } else {
            self.then(h, Stage::Claiming, ctx);
        }
    }

    /// The name of the row and the fingerprint of the payload, as this request has them.
    fn named(&self, h: &Handling) -> Option<(KeyId, u64)> {
        let i = self.intent(h.request.intent)?;
        Some((KeyId { customer: i.customer, key: h.request.key }, i.fingerprint()))
    }

    pub(super) fn stepped(&mut self, no: u32, ctx: &mut Cx) {
        let Some(h) = self.handling(no) else { return };
        let Some((id, print)) = self.named(&h) else { return };
        match h.stage {
            Stage::Claiming if self.mode == Mode::CheckThenStore => self.check(h, id, ctx),
            Stage::Claiming => self.claim(h, id, print, ctx),
            Stage::Pausing => self.call(h, ctx),
            Stage::Committing => self.committed(h, id, print, ctx),
            Stage::Pointing => {
                if self.point(h, id, print, ctx) {
                    self.then(h, Stage::Saving, ctx);
                }
            }
            Stage::Saving => self.saved(h, id, print, ctx),
            Stage::Calling => {}
        }
    }

    /// Is there a reply for this key? If not, go ahead: whoever else asks meanwhile hears the same.
    fn check(&mut self, h: Handling, id: KeyId, ctx: &mut Cx) {
        let no = h.request.intent;
        let found = self.keys.get(id, ctx.now).and_then(|row| row.result);
        ctx.mix(id.word() ^ u64::from(found.is_some()));
        match found {
            Some(reply) => {
                self.stored(&h, Sign::Found, ctx);
                self.answer(&h, Answer::Outcome { reply, replayed: true }, ctx);
            }
            None => {
                self.stored(&h, Sign::Nothing, ctx);
                ctx.step(Tone::Info, code::CHECKED, no, i64::from(id.key), 0);
                if !self.crashes_here(&h, 1, ctx) {
                    self.call(h, ctx);
                }
            }
        }
    }

    fn claim(&mut self, mut h: Handling, id: KeyId, print: u64, ctx: &mut Cx) {
        let no = h.request.intent;
        let evicted = self.keys.tally.evicted;
        let claim = self.keys.claim(id, print, h.no, ctx.now);
        if self.keys.tally.evicted > evicted {
            ctx.mix(self.keys.tally.evicted);
        }
        ctx.mix(id.word() ^ mix(claim_word(&claim)));
        let (sign, answer) = match claim {
            Claim::Execute { from, result } => {
                // A row that is there with no phase done has been somebody's before.
                let mine = self.keys.get(id, ctx.now).is_some_and(|row| row.claimed == ctx.now);
                self.stored(&h, if mine { Sign::Claimed } else { Sign::TakenOver(from) }, ctx);
                if mine {
                    ctx.step(Tone::Ok, code::CLAIMED, no, i64::from(id.key), 0);
                } else {
                    self.notable = no;
                    ctx.log(Tone::Info, code::TAKEN_OVER, no, i64::from(id.key), i64::from(from));
                }
                h.result = result;
                if self.crashes_here(&h, 1, ctx) {
                    return;
                }
                if from >= CHARGED {
                    self.then(h, Stage::Saving, ctx);
                } else {
                    self.call(h, ctx);
                }
                return;
            }
            Claim::Replay(reply) => (Sign::Found, Answer::Outcome { reply, replayed: true }),
            Claim::InProgress { until } => {
                let left = if until == Us::MAX { -1 } else { until.since(ctx.now).0 as i64 };
                ctx.step(Tone::Waiting, code::CONFLICT, no, i64::from(id.key), left);
                (Sign::InProgress, Answer::InProgress)
            }
            Claim::Mismatch => {
                ctx.log(Tone::Rejected, code::MISMATCH, no, i64::from(id.key), i64::from(self.codes.mismatch));
                (Sign::Mismatch, Answer::Mismatch)
            }
            Claim::Full => (Sign::NotOwner, Answer::Busy),
        };
        self.stored(&h, sign, ctx);
        self.answer(&h, answer, ctx);
    }

    // ---- the foreign call ----

    fn call(&mut self, mut h: Handling, ctx: &mut Cx) {
        h.calls += 1;
        h.stage = Stage::Calling;
        self.put_handling(h);
        self.send(Msg { handling: h.no, body: Body::Call, ..h.request }, ctx);
        let (intent, handling, calls) = (h.request.intent, h.no, h.calls);
        self.later(ctx.now + self.provider_wait, Event::NoAnswer { intent, handling, calls }, ctx);
    }

    /// The provider has not answered in time: charged or not?
    pub(super) fn no_answer(&mut self, no: u32, calls: u8, ctx: &mut Cx) {
        let Some(h) = self.handling(no).filter(|h| h.stage == Stage::Calling && h.calls == calls) else { return };
        self.call_again(h, Stage::Calling, ctx);
    }

    /// With a key for the provider a second call is harmless. Without one nobody may make it: what
    /// happened is unknown, and the server says so.
    fn call_again(&mut self, h: Handling, stage: Stage, ctx: &mut Cx) {
        let no = h.request.intent;
        if self.mode == Mode::ProviderKey && h.calls < CALLS_MAX {
            ctx.step(Tone::Waiting, code::CALLS_AGAIN, no, i64::from(h.calls), i64::from(stage == Stage::Pausing));
            return if stage == Stage::Pausing { self.then(h, stage, ctx) } else { self.call(h, ctx) };
        }
        ctx.log(Tone::Waiting, code::PROVIDER_SILENT, no, i64::from(h.node), 0);
        // Whoever comes next may go on from the recovery point at once.
        if self.mode >= Mode::RecoveryPoints
            && let Some((id, _)) = self.named(&h)
        {
            self.keys.release(id, h.no, ctx.now);
        }
        self.answer(&h, Answer::Unknown, ctx);
    }

    pub(super) fn called(&mut self, msg: Msg, ctx: &mut Cx) {
        let Some(i) = self.intent(msg.intent) else { return };
        let weight = i.weight;
        if self.mode == Mode::ProviderKey {
            let (id, print) = (KeyId { customer: i.customer, key: msg.key }, i.fingerprint());
            let said = match self.provider.claim(id, print, msg.handling, ctx.now) {
                Claim::Execute { .. } => None,
                Claim::Replay(reply) => {
                    self.tally.provider_replays += 1;
                    self.sign(msg.intent, PROVIDER, Sign::Recognised, ctx);
                    ctx.step(Tone::Ok, code::PROVIDER_KNOWS, msg.intent, i64::from(reply.charge), 0);
                    Some(Said::Outcome { reply, replayed: true })
                }
                Claim::InProgress { .. } | Claim::Full => Some(Said::AtWork),
                Claim::Mismatch => Some(Said::Mismatch),
            };
            if let Some(said) = said {
                self.send(Msg { body: Body::Result(said), ..msg }, ctx);
                return;
            }
        }
        let takes = Us::from_us(self.provider_mean.0 as f64 * weight);
        self.mark(msg.intent, PROVIDER, Sign::Busy, ctx.now, ctx.now + takes);
        self.later(ctx.now + takes, Event::Decided(msg), ctx);
    }

    /// The provider charges the card, or does not.
    pub(super) fn decided(&mut self, msg: Msg, ctx: &mut Cx) {
        let (now, no) = (ctx.now, msg.intent);
        let next = self.next_charge + 1;
        let Some(i) = self.intent_mut(no) else { return };
        let (id, print) = (KeyId { customer: i.customer, key: msg.key }, i.fingerprint());
        let (customer, cents) = (i.customer, i.cents);
        let reply = if i.declined {
            self.sign(no, PROVIDER, Sign::Declined, ctx);
            ctx.step(Tone::Rejected, code::DECLINED, no, 0, 0);
            Reply { status: 402, charge: 0, cents, at: now }
        } else {
            i.charges = i.charges.saturating_add(1);
            i.charged_cents += u64::from(cents);
            let nth = i.charges;
            self.next_charge = next;
            self.tally.charges += 1;
            self.tally.charged_cents += u64::from(cents);
            self.tally.charged_intents += u64::from(nth == 1);
            if self.statement.len() == STATEMENT_MAX {
                self.statement.pop_front();
            }
            self.statement.push_back(Entry { at: now, intent: no, customer, cents, nth });
            self.sign(no, PROVIDER, Sign::Charge(nth), ctx);
            if nth > 1 {
                self.tally.duplicate_cents += u64::from(cents);
                self.notable = no;
                ctx.bad();
                ctx.log(Tone::Rejected, code::CHARGED_AGAIN, no, i64::from(nth), i64::from(cents));
            } else {
                ctx.step(Tone::Ok, code::CHARGED, no, i64::from(cents), 0);
            }
            Reply { status: 200, charge: next, cents, at: now }
        };
        ctx.mix(reply.word());
        if self.mode == Mode::ProviderKey {
            // It is this call's own claim: the provider does not lose what it has begun.
            let _ = self.provider.advance(id, print, msg.handling, FINISHED, reply, now);
        }
        self.send(Msg { body: Body::Result(Said::Outcome { reply, replayed: false }), ..msg }, ctx);
    }

    /// The provider's answer reaches the node that asked, if that work is still alive.
    pub(super) fn told(&mut self, msg: Msg, said: Said, ctx: &mut Cx) {
        let Some(mut h) = self.handling(msg.handling).filter(|h| h.stage == Stage::Calling) else {
            ctx.step(Tone::Stale, code::NOBODY_ASKED, msg.intent, i64::from(msg.node), 0);
            return;
        };
        match said {
            Said::AtWork => self.call_again(h, Stage::Pausing, ctx),
            Said::Mismatch => {
                // Ours has forgotten the key, the provider has not. Nothing happened, so nothing is saved.
                if let Some((id, _)) = self.named(&h) {
                    self.keys.abandon(id, h.no, ctx.now);
                }
                self.answer(&h, Answer::Mismatch, ctx);
            }
            Said::Outcome { reply, .. } => {
                h.result = Some(reply);
                self.put_handling(h);
                if !self.crashes_here(&h, 2, ctx) {
                    self.then(h, Stage::Committing, ctx);
                }
            }
        }
    }

    // ---- writing it down ----

    /// The payment is in our books.
    fn committed(&mut self, h: Handling, id: KeyId, print: u64, ctx: &mut Cx) {
        if self.one_transaction() && !self.point(h, id, print, ctx) {
            return;
        }
        let no = h.request.intent;
        self.sign(no, NODE_A + h.node, Sign::Recorded, ctx);
        ctx.step(Tone::Ok, code::RECORDED, no, i64::from(h.node), i64::from(self.one_transaction()));
        if self.crashes_here(&h, 3, ctx) {
            return;
        }
        match self.mode {
            Mode::NoKey => self.done(h, ctx),
            Mode::CheckThenStore | Mode::ReserveFirst => self.then(h, Stage::Saving, ctx),
            _ if self.one_transaction() => self.then(h, Stage::Saving, ctx),
            _ => self.then(h, Stage::Pointing, ctx),
        }
    }

    /// Moves the recovery point to "charged". False if somebody else has taken over: this work is void.
    fn point(&mut self, h: Handling, id: KeyId, print: u64, ctx: &mut Cx) -> bool {
        let Some(reply) = h.result else { return false };
        if self.keys.advance(id, print, h.no, CHARGED, reply, ctx.now).is_err() {
            self.superseded(h, ctx);
            return false;
        }
        self.stored(&h, Sign::Point, ctx);
        ctx.step(Tone::Ok, code::POINT, h.request.intent, i64::from(id.key), 0);
        true
    }

    fn saved(&mut self, h: Handling, id: KeyId, print: u64, ctx: &mut Cx) {
        let Some(reply) = h.result else { return };
        if self.mode == Mode::CheckThenStore {
            self.keys.put(id, print, h.no, reply, ctx.now);
        } else if self.keys.advance(id, print, h.no, FINISHED, reply, ctx.now).is_err() {
            self.superseded(h, ctx);
            return;
        }
        self.stored(&h, Sign::Saved, ctx);
        ctx.step(Tone::Ok, code::SAVED, h.request.intent, i64::from(id.key), i64::from(reply.status));
        self.done(h, ctx);
    }

    /// The lease lapsed and another attempt owns the key: what this one would write, that one does.
    fn superseded(&mut self, h: Handling, ctx: &mut Cx) {
        let no = h.request.intent;
        self.stored(&h, Sign::NotOwner, ctx);
        ctx.log(Tone::Waiting, code::SUPERSEDED, no, i64::from(h.node), 0);
        self.answer(&h, Answer::InProgress, ctx);
    }

    fn done(&mut self, h: Handling, ctx: &mut Cx) {
        let Some(reply) = h.result else { return };
        if !self.crashes_here(&h, 4, ctx) {
            self.answer(&h, Answer::Outcome { reply, replayed: false }, ctx);
        }
    }

    // ---- crashes ----

    /// A place where a crash can be put: true if one was.
    fn crashes_here(&mut self, h: &Handling, step: u8, ctx: &mut Cx) -> bool {
        self.tally.crash_points += 1;
        if self.crashes.strikes(|at| *at == 0 || *at == step).is_none() {
            return false;
        }
        let (no, node) = (h.request.intent, h.node);
        self.notable = no;
        self.sign(no, NODE_A + node, Sign::Crashed(step), ctx);
        ctx.bad();
        ctx.log(Tone::Fault, code::CRASHED, no, i64::from(node), i64::from(step));
        self.crash(node, ctx);
        true
    }

    /// Everything the node had in hand is gone. What it wrote down stays.
    fn crash(&mut self, node: u8, ctx: &mut Cx) {
        let (n, now) = (node as usize, ctx.now);
        self.up[n] = false;
        self.down_since[n] = now;
        self.incarnation[n] += 1;
        for at in (0..self.handlings.len()).rev() {
            let h = self.handlings[at];
            if h.node == node {
                self.end(&h, ctx);
            }
        }
        let incarnation = self.incarnation[n];
        self.later(now + self.restart, Event::Restart { node, incarnation }, ctx);
    }

    pub(super) fn restarted(&mut self, node: u8, incarnation: u32, ctx: &mut Cx) {
        let n = node as usize;
        if self.incarnation[n] != incarnation || self.up[n] {
            return;
        }
        self.up[n] = true;
        self.mark(Line::NO_REQUEST, NODE_A + node, Sign::Down, self.down_since[n], ctx.now);
        ctx.log(Tone::Info, code::RESTARTED, Line::NO_REQUEST, i64::from(node), 0);
    }
}

fn claim_word(claim: &Claim<Reply>) -> u64 {
    match claim {
        Claim::Execute { from, result } => u64::from(*from) << 8 | u64::from(result.is_some()) << 4,
        Claim::Replay(_) => 1,
        Claim::InProgress { .. } => 2,
        Claim::Mismatch => 3,
        Claim::Full => 4,
    }
}
