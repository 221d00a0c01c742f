//! Circuit breaker: stop calling what keeps failing, and try again later with a few calls.
//!
//! ```text
//!                  failures >= threshold
//!      [ closed ] -----------------------> [ open ]  refuses every call
//!          ^                                 |  ^
//!          | probes succeed       wait over  v  | probes fail
//!          +------------------- [ half-open ] --+  lets a few probes through
//! ```
//!
//! The rule and the defaults are those of resilience4j's count-based window: the failure rate is
//! looked at once `calls_min` of the last `window` calls are known, the breaker then stays open for
//! `open_for`, and the outcome of `probes` calls decides. A late answer counts where it arrives: of
//! calls made before the breaker opened, only those of the present state are counted.
//!
//! Leaves out: time-based windows, slow-call rates, and the thread pool that Hystrix puts around it.

use crate::kernel::Us;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    Closed,
    Open,
    HalfOpen,
}

/// The thresholds.
#[derive(Clone, Copy, Debug)]
pub struct Thresholds {
    /// The last so many calls count: at most 128.
    pub window: u8,
    pub calls_min: u8,
    /// Share of failures that opens it.
    pub failures: f64,
    pub open_for: Us,
    pub probes: u8,
}

impl Thresholds {
    /// resilience4j: 100 calls, half of them failed, 60 s, 10 probes.
    pub const RESILIENCE4J: Thresholds =
        Thresholds { window: 100, calls_min: 100, failures: 0.5, open_for: Us::s(60), probes: 10 };
}

/// A call that was let through; hand it back with its outcome.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Permit(u16);

#[derive(Clone, Copy, Debug)]
pub struct Breaker {
    pub thresholds: Thresholds,
    state: State,
    /// Grows with every change of state, so that outcomes of an older state are told apart.
    era: u16,
    since: Us,
    /// One bit a call, 1 for failed, the newest lowest.
    outcomes: u128,
    known: u8,
    probes_out: u8,
}

impl Breaker {
    pub fn new(thresholds: Thresholds) -> Breaker {
        Breaker { thresholds, state: State::Closed, era: 0, since: Us::ZERO, outcomes: 0, known: 0, probes_out: 0 }
    }

    /// The state as a caller would find it now.
    pub fn state(&self, now: Us) -> State {
        let over = self.state == State::Open && now >= self.since + self.thresholds.open_for;
        if over { State::HalfOpen } else { self.state }
    }

    /// May a call go through?
    pub fn ask(&mut self, now: Us) -> Option<Permit> {
        if self.state == State::Open && self.state(now) == State::HalfOpen {
            self.turn(State::HalfOpen, now);
        }
        match self.state {
            State::Closed => Some(Permit(self.era)),
            State::Open => None,
            State::HalfOpen if self.probes_out < self.thresholds.probes => {
                self.probes_out += 1;
                Some(Permit(self.era))
            }
            State::HalfOpen => None,
        }
    }

    /// A call ended. Returns the new state if this changed it.
    pub fn tell(&mut self, now: Us, permit: Permit, ok: bool) -> Option<State> {
        if permit.0 != self.era || self.state == State::Open {
            return None;
        }
        let window = match self.state {
            State::HalfOpen => self.thresholds.probes,
            _ => self.thresholds.window,
        };
        let mask = if window >= 128 { u128::MAX } else { (1 << window) - 1 };
        self.outcomes = (self.outcomes << 1 | u128::from(!ok)) & mask;
        self.known = (self.known + 1).min(window);
        let needed = match self.state {
            State::HalfOpen => window,
            _ => self.thresholds.calls_min.min(window),
        };
        if self.known < needed {
            return None;
        }
        let failed = f64::from(self.outcomes.count_ones()) >= self.thresholds.failures * f64::from(self.known);
        match (self.state, failed) {
            (_, true) => self.turn(State::Open, now),
            (State::HalfOpen, false) => self.turn(State::Closed, now),
            _ => return None,
        }
        Some(self.state)
    }

    fn turn(&mut self, state: State, now: Us) {
        self.state = state;
        self.era = self.era.wrapping_add(1);
        self.since = now;
        (self.outcomes, self.known, self.probes_out) = (0, 0, 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SMALL: Thresholds = Thresholds { window: 4, calls_min: 4, failures: 0.5, open_for: Us::s(10), probes: 2 };

    /// The transition table, walked once round.
    #[test]
    fn closed_open_half_open_and_back() {
        let mut b = Breaker::new(SMALL);
        for ok in [true, true, false] {
            let p = b.ask(Us::s(1)).unwrap();
            assert_eq!(b.tell(Us::s(1), p, ok), None);
        }
        let late = b.ask(Us::s(1)).unwrap();
        let p = b.ask(Us::s(1)).unwrap();
        assert_eq!(b.tell(Us::s(2), p, false), Some(State::Open));
        assert_eq!(b.ask(Us::s(11)), None);
        // An answer to a call from before does not count.
        assert_eq!(b.tell(Us::s(11), late, true), None);
        let (p, q) = (b.ask(Us::s(12)).unwrap(), b.ask(Us::s(12)).unwrap());
        assert_eq!(b.ask(Us::s(12)), None, "only two probes");
        assert_eq!(b.tell(Us::s(13), p, true), None);
        assert_eq!(b.tell(Us::s(13), q, false), Some(State::Open));
        let (p, q) = (b.ask(Us::s(23)).unwrap(), b.ask(Us::s(23)).unwrap());
        assert_eq!(b.tell(Us::s(23), p, true), None);
        assert_eq!(b.tell(Us::s(23), q, true), Some(State::Closed));
    }

    proptest! {
        /// While open nothing passes, half-open never lets more than the probes through, and a
        /// breaker that sees only successes never opens.
        #[test]
        fn never_more_than_the_probes(steps in prop::collection::vec((0u64..3_000, any::<bool>(), any::<bool>()), 1..400), healthy: bool) {
            let mut b = Breaker::new(SMALL);
            let mut out = Vec::new();
            let (mut now, mut era, mut probes) = (Us::ZERO, b.era, 0);
            for (gap, ask, ok) in steps {
                now += Us::ms(gap);
                if ask {
                    let before = b.state(now);
                    let permit = b.ask(now);
                    prop_assert!(before != State::Open || permit.is_none());
                    if b.era != era { (era, probes) = (b.era, 0); }
                    if b.state(now) == State::HalfOpen && permit.is_some() { probes += 1; }
                    prop_assert!(probes <= SMALL.probes);
                    out.extend(permit);
                } else if let Some(p) = out.pop() {
                    b.tell(now, p, ok || healthy);
                }
                prop_assert!(!healthy || b.state(now) == State::Closed);
            }
        }
    }
}
