//! Limit sync: counters that nodes keep on their own and tell each other about every s seconds.
//!
//! ```text
//!   node 1: own 31, others 52 --\  every s: "31 more from me"   /--> store adds up
//!   node 2: own 40, others 43 ---+---------------------------->+
//!   node 3: own 12, others 71 --/  <-- and everybody is told ---\
//! ```
//!
//! A node decides at once from what it knows: what it has admitted itself plus what it has heard of
//! the others. So the limit costs no round trip, and is passed by what the others have admitted and
//! not yet told: **overshoot <= the sum over the other nodes of (their admit rate x s)**, plus what
//! is on the wire. Counts are only ever added, so messages may come in any order.
//!
//! Sources: the GLOBAL behaviour of Gubernator (hits go to the key's owner in batches, the owner
//! tells all peers), and `sync_rate` of Kong's rate limiting. Nodes that split a limit instead get
//! exact [`share`]s of it.
//!
//! Leaves out: exchanging only what is near its limit, and adapting s.

use super::limiter::{Algorithm, Decision, Limiter, Policy};
use crate::kernel::Us;

/// Node `i`'s part of a limit that `k` nodes split: whole numbers that add up to the limit exactly.
pub fn share(limit: u64, k: u64, i: u64) -> u64 {
    let k = k.max(1);
    limit / k + u64::from(i < limit % k)
}

/// What one node knows of one user's count in the window of the calendar that its clock is in.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Tally {
    window: i64,
    own: u64,
    /// Of those, not yet told.
    unsent: u64,
    others: u64,
}

impl Tally {
    fn roll(&mut self, policy: &Policy, clock: i64) -> Us {
        let w = policy.window.0 as i64;
        let window = clock.div_euclid(w);
        if window != self.window {
            *self = Tally { window, ..Tally::default() };
        }
        policy.window - Us(clock.rem_euclid(w) as u64)
    }

    /// Decides from what this node knows.
    pub fn ask(&mut self, policy: &Policy, clock: i64) -> Decision {
        let left = self.roll(policy, clock);
        let known = self.own + self.others;
        let admitted = known < policy.limit;
        if admitted {
            self.own += 1;
            self.unsent += 1;
        }
        Decision {
            admitted,
            wait: Us::ZERO,
            remaining: policy.limit.saturating_sub(known + u64::from(admitted)),
            retry_after: (!admitted).then_some(left),
            more_after: Some(left),
            reset_after: left,
        }
    }

    /// What is to be told: the window and the count, which then no longer waits to be told.
    pub fn tell(&mut self) -> Option<(i64, u64)> {
        let n = core::mem::take(&mut self.unsent);
        (n > 0).then_some((self.window, n))
    }

    /// The message came back unsent.
    pub fn untell(&mut self, window: i64, n: u64) {
        if window == self.window {
            self.unsent += n;
        }
    }

    /// Somebody else has admitted `n` in a window. Old news about a past window is dropped; news of
    /// a window that this node's clock has not reached begins it.
    pub fn hear(&mut self, window: i64, n: u64) {
        if window > self.window {
            *self = Tally { window, ..Tally::default() };
        }
        if window == self.window {
            self.others += n;
        }
    }

    /// A node that was away reads from the store what everybody has told of this window.
    pub fn catch_up(&mut self, window: i64, told: u64) {
        if window != self.window {
            *self = Tally { window, ..Tally::default() };
        }
        self.others = told.saturating_sub(self.own - self.unsent);
    }

    /// All this node believes has been admitted in its window.
    pub fn known(&self) -> u64 {
        self.own + self.others
    }

    /// What it alone knows so far.
    pub fn unsent(&self) -> u64 {
        self.unsent
    }
}

/// The same for a token bucket: each node has the whole bucket and takes out of it, late, what the
/// others have taken from theirs.
#[derive(Clone, Debug, PartialEq)]
pub struct SharedBucket {
    bucket: Limiter,
    unsent: u64,
}

impl Default for SharedBucket {
    fn default() -> Self {
        SharedBucket { bucket: Limiter::new(Algorithm::TokenBucket), unsent: 0 }
    }
}

impl SharedBucket {
    pub fn ask(&mut self, policy: &Policy, clock: i64) -> Decision {
        let d = self.bucket.ask(policy, clock, 1);
        self.unsent += u64::from(d.admitted);
        d
    }

    pub fn tell(&mut self) -> Option<u64> {
        let n = core::mem::take(&mut self.unsent);
        (n > 0).then_some(n)
    }

    /// Others have taken `n`: the bucket may go below empty, and has to fill up from there.
    pub fn hear(&mut self, policy: &Policy, clock: i64, n: u64) {
        if n > 0 {
            charge(&mut self.bucket, policy, clock, n);
        }
    }

    /// Tokens in use, by what this node knows; more than the bucket holds after hearing of others.
    pub fn used(&self, policy: &Policy, clock: i64) -> f64 {
        self.bucket.used(policy, clock)
    }
}

/// More than any limit and any bucket.
const BOUNDLESS: u64 = 1 << 28;

/// Takes `n` from a limiter whether or not it has so much: for what has already happened.
pub fn charge(limiter: &mut Limiter, policy: &Policy, clock: i64, n: u64) {
    let boundless = match limiter {
        Limiter::TokenBucket(_) | Limiter::Gcra(_) | Limiter::LeakyQueue(_) => Policy { burst: BOUNDLESS, ..*policy },
        _ => Policy { limit: BOUNDLESS, ..*policy },
    };
    limiter.ask(&boundless, clock, n);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const POLICY: Policy = Policy { limit: 100, window: Us::s(60), burst: 100 };

    #[test]
    fn shares_add_up() {
        for limit in [1, 3, 99, 100, 101, 10_000] {
            for k in 1..=32 {
                let parts: Vec<u64> = (0..k).map(|i| share(limit, k, i)).collect();
                assert_eq!(parts.iter().sum::<u64>(), limit);
                assert!(parts.iter().max().unwrap() - parts.iter().min().unwrap() <= 1);
            }
        }
    }

    #[test]
    fn news_of_the_past_is_dropped_and_of_the_future_kept() {
        let mut t = Tally::default();
        assert!(t.ask(&POLICY, 130_000_000).admitted);
        t.hear(1, 50);
        assert_eq!(t.known(), 1);
        t.hear(2, 50);
        assert_eq!(t.known(), 51);
        assert_eq!(t.tell(), Some((2, 1)));
        assert_eq!(t.tell(), None);
        t.untell(2, 1);
        assert_eq!(t.unsent(), 1);
        t.hear(3, 7);
        assert_eq!((t.known(), t.unsent()), (7, 0));
        // After an absence: 30 are in the store, of which this node has told none.
        t.ask(&POLICY, 190_000_000);
        t.catch_up(3, 30);
        assert_eq!((t.known(), t.unsent()), (31, 1));
    }

    #[test]
    fn a_tally_says_what_is_left_of_its_window() {
        let policy = Policy { limit: 2, ..POLICY };
        let mut t = Tally::default();
        let asked = [0; 3].map(|_| t.ask(&policy, 130_000_000));
        assert_eq!(asked.map(|d| (d.admitted, d.remaining)), [(true, 1), (true, 0), (false, 0)]);
        assert_eq!(asked.map(|d| d.retry_after), [None, None, Some(Us::s(50))]);
        assert!(asked.iter().all(|d| d.more_after == Some(Us::s(50)) && d.reset_after == Us::s(50)));
        // Away until window 4, of which the store knows of nine.
        t.catch_up(4, 9);
        t.hear(4, 1);
        assert_eq!((t.known(), t.unsent()), (10, 0));
    }

    #[test]
    fn a_bucket_tells_once_what_it_has_let_through() {
        let policy = Policy { limit: 1, window: Us::s(1), burst: 3 };
        let mut b = SharedBucket::default();
        assert_eq!([0; 4].map(|_| b.ask(&policy, 0).admitted), [true, true, true, false]);
        assert_eq!((b.tell(), b.tell()), (Some(3), None));
        assert!(b.ask(&policy, 1_000_000).admitted);
        assert_eq!((b.tell(), b.tell()), (Some(1), None));
    }

    #[test]
    fn what_has_happened_is_charged_to_every_limiter() {
        let policy = Policy { limit: 4, window: Us::s(60), burst: 3 };
        for a in Algorithm::ALL {
            let mut l = Limiter::new(a);
            charge(&mut l, &policy, 0, 25);
            assert_eq!(l.used(&policy, 0), 25.0, "{a:?}");
        }
    }

    #[test]
    fn a_charge_is_taken_even_from_an_empty_bucket() {
        let policy = Policy { limit: 1, window: Us::s(1), burst: 10 };
        let mut b = SharedBucket::default();
        b.hear(&policy, 0, 25);
        assert_eq!(b.used(&policy, 0), 25.0);
        // 15 below empty: the first token is there after 16 s.
        assert!(!b.ask(&policy, 15_999_999).admitted);
        assert!(b.ask(&policy, 16_000_000).admitted);
    }

    proptest! {
        /// Nodes that exchange every s: nobody passes the limit by more than what the others had
        /// admitted and not yet told, which is at most what they admit in s.
        #[test]
        fn the_overshoot_is_what_was_not_yet_told(
            k in 1..9usize, every in 1..200usize, picks in proptest::collection::vec(0..64usize, 1..900)
        ) {
            let mut nodes = vec![Tally::default(); k];
            let mut total = 0u64;
            let mut since_exchange = vec![0u64; k];
            for (i, pick) in picks.into_iter().enumerate() {
                let who = pick % k;
                if nodes[who].ask(&POLICY, 0).admitted {
                    total += 1;
                    since_exchange[who] += 1;
                    let others: u64 = nodes.iter().enumerate().filter(|(n, _)| *n != who).map(|(_, t)| t.unsent()).sum();
                    prop_assert!(total <= POLICY.limit + others, "{} {}", total, others);
                }
                prop_assert!(nodes.iter().zip(&since_exchange).all(|(t, n)| t.unsent() == *n));
                if i % every == 0 {
                    let news: Vec<_> = nodes.iter_mut().map(Tally::tell).collect();
                    for (from, told) in news.into_iter().enumerate() {
                        for (to, node) in nodes.iter_mut().enumerate() {
                            if let Some((window, n)) = told.filter(|_| to != from) {
                                node.hear(window, n);
                            }
                        }
                    }
                    since_exchange.fill(0);
                }
            }
            prop_assert!(total <= k as u64 * POLICY.limit);
        }

        /// Told at once, the nodes' buckets are one bucket.
        #[test]
        fn buckets_that_hear_at_once_are_one(
            steps in proptest::collection::vec((0..900_000u64, 0..4usize), 1..300), burst in 1..9u64
        ) {
            let policy = Policy { burst, ..POLICY };
            let mut nodes = vec![SharedBucket::default(); 4];
            let mut one = Limiter::new(Algorithm::TokenBucket);
            let mut now = 0i64;
            for (gap, who) in steps {
                now += gap as i64;
                let said = nodes[who].ask(&policy, now).admitted;
                prop_assert_eq!(said, one.ask(&policy, now, 1).admitted);
                if let Some(n) = nodes[who].tell() {
                    for node in nodes.iter_mut().enumerate().filter(|(i, _)| *i != who).map(|(_, n)| n) {
                        node.hear(&policy, now, n);
                    }
                }
            }
        }
    }
}
