//! The judge: one true counter for each user, which sees everything at once and decides nothing.

use super::{DistributedLimit, declare::knob};
use crate::blocks::limit_sync::charge;
use crate::blocks::limiter::{Algorithm, Limiter, Policy};
use crate::kernel::{Us, mix};

/// A decision, held against the truth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// As one counter in one place would have decided.
    Fair,
    /// Let through although there was no room.
    Over,
    /// Refused although there was.
    FalseDenial,
}

/// The same rule as the system's, by the true time.
#[derive(Clone, Debug)]
enum Truth {
    /// A window that begins with the first request.
    FromFirst {
        count: u64,
        ends: Us,
    },
    Limiter(Limiter),
}

impl Truth {
    fn new(from_first: bool, kept: Algorithm) -> Truth {
        if from_first { Truth::FromFirst { count: 0, ends: Us::ZERO } } else { Truth::Limiter(Limiter::new(kept)) }
    }

    /// Whether there is room for one more; if there is, it is taken.
    fn ask(&mut self, policy: &Policy, now: Us) -> bool {
        match self {
            Truth::FromFirst { count, ends } => {
                if now >= *ends {
                    (*count, *ends) = (0, now + policy.window);
                }
                let room = *count < policy.limit;
                *count += u64::from(room);
                room
            }
            Truth::Limiter(l) => l.ask(policy, now.0 as i64, 1).admitted,
        }
    }

    /// Takes one place, room or not.
    fn charge(&mut self, policy: &Policy, now: Us) {
        match self {
            Truth::FromFirst { count, ends } => {
                if now >= *ends {
                    (*count, *ends) = (0, now + policy.window);
                }
                *count += 1;
            }
            Truth::Limiter(l) => charge(l, policy, now.0 as i64, 1),
        }
    }

    fn heap_bytes(&self) -> usize {
        match self {
            Truth::FromFirst { .. } => 0,
            Truth::Limiter(l) => l.heap_bytes(),
        }
    }
}

/// Two true counters for a user, so that a place given or withheld wrongly counts once, and not
/// again for every request after it: the first is asked about what the system admits; the second is
/// charged with that, room or not, and asked about what the system refuses.
#[derive(Clone, Debug)]
pub(super) struct Truths {
    passed: Truth,
    owed: Truth,
}

impl Truths {
    pub(super) fn new(from_first: bool, kept: Algorithm) -> Truths {
        Truths { passed: Truth::new(from_first, kept), owed: Truth::new(from_first, kept) }
    }

    fn judge(&mut self, policy: &Policy, at: Us, admitted: bool) -> Verdict {
        if admitted {
            self.owed.charge(policy, at);
            if self.passed.ask(policy, at) { Verdict::Fair } else { Verdict::Over }
        } else if self.owed.ask(policy, at) {
            Verdict::FalseDenial
        } else {
            Verdict::Fair
        }
    }

    pub(super) fn heap_bytes(&self) -> usize {
        self.passed.heap_bytes() + self.owed.heap_bytes()
    }
}

impl DistributedLimit {
    /// Holds a decision against the truth, and charges it.
    pub(super) fn judge(&mut self, user: u8, at: Us, admitted: bool) -> Verdict {
        let u = &mut self.users[user as usize];
        let verdict = u.truth.judge(&u.policy, at, admitted);
        match verdict {
            Verdict::Over => self.over += 1,
            Verdict::FalseDenial => self.false_denials += 1,
            Verdict::Fair => {}
        }
        verdict
    }

    /// What the balancer does: round robin over the nodes that are up, or always the same one.
    pub(super) fn pick(&mut self, user: u8) -> Option<u8> {
        let k = self.k() as u64;
        let is_up = |i: u64| self.nodes[i as usize].up;
        if self.knobs.choice(knob::BALANCE) == 1 {
            let alive = (0..k).filter(|i| is_up(*i)).count() as u64;
            let place = mix(u64::from(user) + 1).checked_rem(alive)?;
            return (0..k).filter(|i| is_up(*i)).nth(place as usize).map(|i| i as u8);
        }
        let next = (0..k).map(|i| (self.turn + i) % k).find(|i| is_up(*i))?;
        self.turn = next + 1;
        Some(next as u8)
    }
}
