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
//! Two published rules come with their defaults:
//!
//! - *resilience4j* looks at the last `window` calls once `calls_min` of them are known: too many
//!   failures open it, and so do too many slow calls, whatever they answered. It stays open for
//!   `open_for`; then the outcome of `probes` calls decides by the same thresholds. Probes that never
//!   answer keep it half open for ever, unless `half_open_max` says otherwise (its issue 903).
//! - *Hystrix* looks at the calls of the last 10 s, in ten buckets, once there are twenty of them. One
//!   probe decides.
//!
//! Only calls of the present state are counted: the answer to a call from before the breaker opened
//! says nothing about the dependency of now.
//!
//! Leaves out: the timeout and the threads that Hystrix puts around every call (the owner has those),
//! exceptions that are declared not to count, and states forced by hand.

use crate::kernel::Us;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    Closed,
    Open,
    HalfOpen,
}

/// Which calls count while it is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Window {
    /// The last so many: at most 128.
    Calls(u8),
    /// Those of the last span, which slides by a tenth of it.
    Time(Us),
}

/// The thresholds.
#[derive(Clone, Copy, Debug)]
pub struct Thresholds {
    pub window: Window,
    pub calls_min: u8,
    /// Share of failures that opens it.
    pub failures: f64,
    /// A call that took longer was slow; zero means that none is.
    pub slow_after: Us,
    /// Share of slow calls that opens it.
    pub slow: f64,
    pub open_for: Us,
    pub probes: u8,
    /// Half open for this long, it opens again; zero means that it waits for its probes.
    pub half_open_max: Us,
}

impl Thresholds {
    /// resilience4j: 100 calls, half of them failed or all slower than 60 s, 60 s, 10 probes.
    pub const RESILIENCE4J: Thresholds = Thresholds {
        window: Window::Calls(100),
        calls_min: 100,
        failures: 0.5,
        slow_after: Us::s(60),
        slow: 1.0,
        open_for: Us::s(60),
        probes: 10,
        half_open_max: Us::ZERO,
    };
    /// Hystrix: 20 calls in 10 s, half of them failed, 5 s, one probe. Slow calls fail by its timeout.
    pub const HYSTRIX: Thresholds = Thresholds {
        window: Window::Time(Us::s(10)),
        calls_min: 20,
        failures: 0.5,
        slow_after: Us::ZERO,
        slow: 1.0,
        open_for: Us::s(5),
        probes: 1,
        half_open_max: Us::ZERO,
    };
}

/// A call that was let through; hand it back with its outcome.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Permit(u16);

/// What is known of some calls.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Sum {
    known: u32,
    failed: u32,
    slow: u32,
}

/// The last calls, one bit each, the newest lowest.
#[derive(Clone, Copy, Debug, Default)]
struct Calls {
    failed: u128,
    slow: u128,
    known: u8,
}

impl Calls {
    fn add(&mut self, window: u8, failed: bool, slow: bool) -> Sum {
        let mask = if window >= 128 { u128::MAX } else { (1 << window) - 1 };
        self.failed = (self.failed << 1 | u128::from(failed)) & mask;
        self.slow = (self.slow << 1 | u128::from(slow)) & mask;
        self.known = (self.known + 1).min(window);
        Sum { known: u32::from(self.known), failed: self.failed.count_ones(), slow: self.slow.count_ones() }
    }
}

const BUCKETS: usize = 10;

/// The calls of the last span, in ten buckets; the oldest is emptied as a whole.
#[derive(Clone, Copy, Debug, Default)]
struct Buckets {
    sums: [Sum; BUCKETS],
    current: u64,
}

impl Buckets {
    fn add(&mut self, now: Us, span: Us, failed: bool, slow: bool) -> Sum {
        let target = now.0 / (span.0 / BUCKETS as u64).max(1);
        let oldest = (target + 1).saturating_sub(BUCKETS as u64);
        for bucket in (self.current + 1).max(oldest)..=target {
            self.sums[bucket as usize % BUCKETS] = Sum::default();
        }
        self.current = target;
        let sum = &mut self.sums[target as usize % BUCKETS];
        sum.known += 1;
        sum.failed += u32::from(failed);
        sum.slow += u32::from(slow);
        self.sums.iter().fold(Sum::default(), |all, s| Sum {
            known: all.known + s.known,
            failed: all.failed + s.failed,
            slow: all.slow + s.slow,
        })
    }
}

#[derive(Clone, Copy, Debug)]
pub struct Breaker {
    pub thresholds: Thresholds,
    state: State,
    /// Grows with every change of state, so that outcomes of an older state are told apart.
    era: u16,
    since: Us,
    calls: Calls,
    buckets: Buckets,
    sum: Sum,
    probes_out: u8,
}

impl Breaker {
    pub fn new(thresholds: Thresholds) -> Breaker {
        Breaker {
            thresholds,
            state: State::Closed,
            era: 0,
            since: Us::ZERO,
            calls: Calls::default(),
            buckets: Buckets::default(),
            sum: Sum::default(),
            probes_out: 0,
        }
    }

    /// The state as a caller would find it now.
    pub fn state(&self, now: Us) -> State {
        match self.state {
            State::Open if now >= self.since + self.thresholds.open_for => State::HalfOpen,
            State::HalfOpen if self.is_stuck(now) => State::Open,
            state => state,
        }
    }

    /// Half open for longer than it may be.
    fn is_stuck(&self, now: Us) -> bool {
        let most = self.thresholds.half_open_max;
        self.state == State::HalfOpen && most > Us::ZERO && now >= self.since + most
    }

    /// When it came into its state. An open breaker that could be half open stays open until it is asked.
    pub fn since(&self) -> Us {
        self.since
    }

    /// Probes that are let through and not yet answered, or were in vain.
    pub fn probes_out(&self) -> u8 {
        self.probes_out
    }

    /// The share of failures among the calls that count, and how many these are.
    pub fn failures(&self) -> (f64, u32) {
        (f64::from(self.sum.failed) / f64::from(self.sum.known.max(1)), self.sum.known)
    }

    /// May a call go through?
    pub fn ask(&mut self, now: Us) -> Option<Permit> {
        if self.is_stuck(now) {
            self.turn(State::Open, now);
        }
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
        self.tell_timed(now, permit, ok, Us::ZERO)
    }

    /// A call ended after this long. Returns the new state if this changed it.
    pub fn tell_timed(&mut self, now: Us, permit: Permit, ok: bool, took: Us) -> Option<State> {
        if permit.0 != self.era || self.state == State::Open {
            return None;
        }
        let t = &self.thresholds;
        let slow = t.slow_after > Us::ZERO && took > t.slow_after;
        let (sum, needed) = match (self.state, t.window) {
            (State::HalfOpen, _) => (self.calls.add(t.probes, !ok, slow), t.probes),
            (_, Window::Calls(window)) => (self.calls.add(window, !ok, slow), t.calls_min.min(window)),
            (_, Window::Time(span)) => (self.buckets.add(now, span, !ok, slow), t.calls_min),
        };
        self.sum = sum;
        if sum.known < u32::from(needed) {
            return None;
        }
        let known = f64::from(sum.known);
        let failed = f64::from(sum.failed) >= t.failures * known;
        let slowed = t.slow_after > Us::ZERO && f64::from(sum.slow) >= t.slow * known;
        match (self.state, failed || slowed) {
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
        (self.calls, self.buckets, self.sum, self.probes_out) =
            (Calls::default(), Buckets::default(), Sum::default(), 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SMALL: Thresholds = Thresholds {
        window: Window::Calls(4),
        calls_min: 4,
        failures: 0.5,
        slow_after: Us::s(2),
        slow: 1.0,
        open_for: Us::s(10),
        probes: 2,
        half_open_max: Us::ZERO,
    };
    const TIMED: Thresholds = Thresholds { window: Window::Time(Us::s(10)), ..SMALL };

    fn calls(b: &mut Breaker, at: Us, took: Us, oks: &[bool]) -> Option<State> {
        oks.iter().fold(None, |last, ok| {
            let permit = b.ask(at);
            permit.and_then(|p| b.tell_timed(at, p, *ok, took)).or(last)
        })
    }

    /// Answers that are right and slow open it as well, once all are.
    #[test]
    fn slow_calls_open_it() {
        let mut b = Breaker::new(SMALL);
        assert_eq!(calls(&mut b, Us::s(1), Us::s(3), &[true; 3]), None);
        assert_eq!(calls(&mut b, Us::s(1), Us::s(2), &[true]), None, "no longer than 2 s");
        assert_eq!(calls(&mut b, Us::s(1), Us::s(3), &[true; 4]), Some(State::Open));
        let mut b = Breaker::new(Thresholds::RESILIENCE4J);
        assert_eq!(calls(&mut b, Us::s(1), Us::s(59), &[true; 500]), None, "nothing is slow before 60 s");
        let mut b = Breaker::new(Thresholds { slow_after: Us::ZERO, ..SMALL });
        assert_eq!(calls(&mut b, Us::s(1), Us::s(600), &[true; 500]), None);
    }

    /// A window of the last four forgets the fifth: a failure in four is a quarter, however many there were before.
    #[test]
    fn a_window_of_calls_forgets() {
        let mut b = Breaker::new(SMALL);
        for _ in 0..100 {
            assert_eq!(calls(&mut b, Us::s(1), Us::ZERO, &[false, true, true, true]), None);
            assert_eq!(b.failures(), (0.25, 4));
        }
        assert_eq!(calls(&mut b, Us::s(1), Us::ZERO, &[false, true]), None);
        assert_eq!(calls(&mut b, Us::s(7), Us::ZERO, &[false]), Some(State::Open), "two of the last four");
        assert_eq!((b.since(), b.failures()), (Us::s(7), (0.0, 0)));
    }

    /// Slow answers of different tenths of the span add up.
    #[test]
    fn a_window_of_time_counts_slow_calls() {
        let mut b = Breaker::new(TIMED);
        assert_eq!(calls(&mut b, Us::s(2), Us::s(3), &[true, true]), None);
        assert_eq!(calls(&mut b, Us::s(5), Us::s(3), &[true, true]), Some(State::Open));
        let mut b = Breaker::new(TIMED);
        assert_eq!(calls(&mut b, Us::s(2), Us::s(1), &[true]), None);
        assert_eq!(calls(&mut b, Us::s(5), Us::s(3), &[true; 3]), None, "one was quick");
    }

    /// What is older than the span does not count, to within a tenth of it.
    #[test]
    fn a_window_of_time_forgets() {
        let mut b = Breaker::new(TIMED);
        assert_eq!(calls(&mut b, Us::ms(500), Us::ZERO, &[false; 3]), None, "too few");
        let mut late = b;
        assert_eq!(calls(&mut late, Us::ms(10_400), Us::ZERO, &[true]), None, "a new window");
        assert_eq!(late.failures(), (0.0, 1));
        assert_eq!(calls(&mut b, Us::ms(9_900), Us::ZERO, &[true]), Some(State::Open), "3 of 4 in 10 s");
        let mut b = Breaker::new(Thresholds::HYSTRIX);
        assert_eq!(calls(&mut b, Us::s(3), Us::ZERO, &[false; 19]), None);
        assert_eq!(calls(&mut b, Us::s(4), Us::ZERO, &[true]), Some(State::Open));
        assert_eq!(b.ask(Us::ms(8_999)), None);
        let probe = b.ask(Us::s(9)).unwrap();
        assert_eq!(b.ask(Us::s(9)), None, "one probe");
        assert_eq!(b.tell(Us::s(10), probe, true), Some(State::Closed));
    }

    /// Probes that hang: for ever without a limit, and until the limit with one.
    #[test]
    fn hung_probes_keep_it_half_open() {
        let hang = |half_open_max| {
            let mut b = Breaker::new(Thresholds { half_open_max, ..SMALL });
            calls(&mut b, Us::s(1), Us::ZERO, &[false; 4]);
            let probes = [b.ask(Us::s(20)), b.ask(Us::s(20))];
            assert!(probes.iter().all(Option::is_some));
            (b, probes[0].unwrap())
        };
        let (mut b, _) = hang(Us::ZERO);
        assert_eq!((b.ask(Us::s(100_000)), b.state(Us::s(100_000))), (None, State::HalfOpen));
        let (mut b, probe) = hang(Us::s(30));
        assert_eq!((b.ask(Us::s(49)), b.state(Us::s(49))), (None, State::HalfOpen));
        assert_eq!((b.probes_out(), b.since()), (2, Us::s(20)));
        assert_eq!(b.state(Us::s(50)), State::Open, "also before anybody asks");
        assert_eq!((b.ask(Us::s(50)), b.state(Us::s(50))), (None, State::Open), "open, and the wait begins");
        assert_eq!((b.probes_out(), b.since()), (0, Us::s(50)));
        assert_eq!(b.tell(Us::s(51), probe, true), None, "too late");
        assert!(b.ask(Us::s(60)).is_some(), "half open again");
    }

    /// The transition table, walked once round.
    #[test]
    fn closed_open_half_open_and_back() {
        let mut b = Breaker::new(SMALL);
        for ok in [true, true, false] {
            let p = b.ask(Us::s(1)).unwrap();
            assert_eq!(b.tell(Us::s(1), p, ok), None);
        }
        let [late, later] = [b.ask(Us::s(1)).unwrap(), b.ask(Us::s(1)).unwrap()];
        let p = b.ask(Us::s(1)).unwrap();
        assert_eq!(b.tell(Us::s(2), p, false), Some(State::Open));
        assert_eq!(b.ask(Us::s(11)), None);
        // An answer to a call from before does not count.
        assert_eq!(b.tell(Us::s(11), late, true), None);
        let (p, q) = (b.ask(Us::s(12)).unwrap(), b.ask(Us::s(12)).unwrap());
        assert_eq!(b.ask(Us::s(12)), None, "only two probes");
        assert_eq!((b.tell(Us::s(12), later, false), b.failures()), (None, (0.0, 0)), "it was none of them");
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
        fn never_more_than_the_probes(steps in prop::collection::vec((0u64..3_000, any::<bool>(), any::<bool>()), 1..400), healthy: bool, timed: bool, stuck in 0u64..20) {
            let rules = Thresholds { half_open_max: Us::s(stuck), ..if timed { TIMED } else { SMALL } };
            let mut b = Breaker::new(rules);
            let mut out = Vec::new();
            let (mut now, mut era, mut probes) = (Us::ZERO, b.era, 0);
            for (gap, ask, ok) in steps {
                now += Us::ms(gap);
                if ask {
                    let before = b.state(now);
                    let permit = b.ask(now);
                    prop_assert!(before != State::Open || permit.is_none());
                    // Only along the arrows.
                    prop_assert!(permit.is_none() || b.state(now) == before);
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
