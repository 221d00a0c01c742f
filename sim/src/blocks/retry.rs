//! Retry policy: how often, after how long, and who may at all.
//!
//! ```text
//!   caller --> [ attempt 1 ] --x--> wait --> [ attempt 2 ] --x--> wait --> ... --> gives up
//!                                    ^ backoff, jitter          ^ the budget may forbid it
//! ```
//!
//! Waiting longer after each failure (exponential backoff) spreads the *next* attempts over time;
//! jitter keeps callers that failed together from coming back together. The four kinds of jitter
//! are those of Marc Brooker, "Exponential Backoff And Jitter" (AWS Architecture Blog, 2015). None
//! of them lowers the number of attempts that a lasting overload sees: only a *budget* does. It
//! earns a fraction of a token with every first attempt and pays a whole one for every retry
//! (*Site Reliability Engineering*, 2016, chapter 21, uses 10 %).
//!
//! Where services call services, each layer that retries multiplies what the layers below it do: `a`
//! attempts in each of `n` layers are `a` to the power of `n` calls at the bottom ([`Layers`]). And
//! a client can refuse its own requests before they cost anything ([`Throttle`], same chapter).
//!
//! Leaves out: hedged requests; deadlines handed from service to service are the owner's.

use crate::kernel::Us;
use crate::measure::series::Rate;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backoff {
    /// At once.
    None,
    /// The base each time.
    Fixed,
    /// The base, twice, four times the base, up to the cap.
    Exponential,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Jitter {
    /// Exactly the backoff.
    None,
    /// Anything from nothing to the backoff.
    Full,
    /// Half the backoff, and anything up to the other half.
    Equal,
    /// Anything from the base to three times the last wait, up to the cap.
    Decorrelated,
}

#[derive(Clone, Copy, Debug)]
pub struct Retry {
    /// Attempts in all, the first included.
    pub attempts: u8,
    pub backoff: Backoff,
    pub jitter: Jitter,
    pub base: Us,
    pub cap: Us,
}

impl Retry {
    /// How long to wait after the failure of attempt `attempt` (the first is 1). `last` is the wait
    /// before that attempt and `chance` a uniform draw from [0, 1).
    pub fn wait(&self, attempt: u8, last: Us, chance: f64) -> Us {
        let full = match self.backoff {
            Backoff::None => return Us::ZERO,
            Backoff::Fixed => self.base.min(self.cap),
            Backoff::Exponential => {
                let doublings = u32::from(attempt.saturating_sub(1)).min(40);
                (self.base * (1 << doublings)).min(self.cap)
            }
        };
        let between = |low: Us, high: Us| low + Us::from_us((high - low).0 as f64 * chance);
        match self.jitter {
            Jitter::None => full,
            Jitter::Full => between(Us::ZERO, full),
            Jitter::Equal => between(Us(full.0 / 2), full),
            Jitter::Decorrelated => between(self.base, last.max(self.base) * 3).min(self.cap),
        }
    }
}

/// Tokens are counted in thousandths, so that earning 10 % ten times is exactly one retry.
const TOKEN: u64 = 1_000;

/// A retry budget: retries are at most a fixed share of first attempts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    earn: u64,
    tokens: u64,
    tokens_max: u64,
}

impl Budget {
    /// `share` of first attempts may be retried; unused allowance is kept up to `saved_max` retries.
    pub fn new(share: f64, saved_max: u64) -> Budget {
        let earn = (share.clamp(0.0, 1.0) * TOKEN as f64 + 0.5) as u64;
        Budget { earn, tokens: 0, tokens_max: saved_max * TOKEN }
    }
    #[inline]
    pub fn first_attempt(&mut self) {
        self.tokens = (self.tokens + self.earn).min(self.tokens_max);
    }
    /// Whether a retry may be made; if so it is paid.
    #[inline]
    pub fn spend(&mut self) -> bool {
        let enough = self.tokens >= TOKEN;
        if enough {
            self.tokens -= TOKEN;
        }
        enough
    }
}

/// Layers that one call can go through.
pub const LAYERS_MAX: usize = 5;

/// Which attempt each layer is at, the one next to the dependency first.
///
/// ```text
///   layer 2    1 ------------------ 2 ------------------
///   layer 1    1 ----- 2 ----- 3    1 ----- 2 ----- 3        3 attempts in each of 3 layers:
///   layer 0    1 2 3   1 2 3   ...                           27 calls, counted like digits
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layers {
    tries: [u8; LAYERS_MAX],
    count: u8,
}

impl Layers {
    /// Every layer is at its first attempt. At most [`LAYERS_MAX`].
    pub fn new(count: usize) -> Layers {
        Layers { tries: [1; LAYERS_MAX], count: count.min(LAYERS_MAX) as u8 }
    }

    /// The call at the bottom failed: the lowest layer with an attempt left makes it, if `may` lets it,
    /// and the layers below that one begin again. Says which layer; `None` when all have given up.
    pub fn failed(&mut self, attempts: u8, mut may: impl FnMut(usize) -> bool) -> Option<usize> {
        let tries = &mut self.tries[..usize::from(self.count)];
        let layer = (0..tries.len()).find(|i| tries[*i] < attempts && may(*i))?;
        tries[layer] += 1;
        tries[..layer].fill(1);
        Some(layer)
    }

    /// The attempt that this layer is at; the first is 1.
    pub fn attempt(&self, layer: usize) -> u8 {
        self.tries[layer]
    }

    /// Calls at the bottom when everything fails and nobody holds back.
    pub fn calls_max(attempts: u8, layers: usize) -> u64 {
        u64::from(attempts).pow(layers as u32)
    }
}

/// Client-side throttling: a client that is refused a lot refuses its own requests.
///
/// It lets everything through while the dependency accepts at least one in K, and above that drops
/// with probability (requests - K * accepts) / (requests + 1), both counted over two minutes.
#[derive(Clone, Debug)]
pub struct Throttle {
    k: f64,
    requests: Rate,
    accepts: Rate,
}

impl Throttle {
    pub const K: f64 = 2.0;
    pub const WINDOW: Us = Us::s(120);

    pub fn new(k: f64) -> Throttle {
        Throttle { k, requests: Rate::new(Throttle::WINDOW), accepts: Rate::new(Throttle::WINDOW) }
    }

    /// The probability with which the next request is dropped.
    pub fn drops(&self, now: Us) -> f64 {
        let (requests, accepts) = (self.requests.count(now) as f64, self.accepts.count(now) as f64);
        ((requests - self.k * accepts) / (requests + 1.0)).max(0.0)
    }

    /// Whether a request may be sent, by a uniform draw from [0, 1). Counts it either way.
    pub fn ask(&mut self, now: Us, chance: f64) -> bool {
        let passes = chance >= self.drops(now);
        self.requests.add(now, 1);
        passes
    }

    /// The dependency has answered one.
    pub fn accepted(&mut self, now: Us) {
        self.accepts.add(now, 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::accuracy::retries::{THROTTLED, throttled};
    use proptest::prelude::*;

    const KINDS: [(Backoff, Jitter); 5] = [
        (Backoff::None, Jitter::None),
        (Backoff::Exponential, Jitter::None),
        (Backoff::Exponential, Jitter::Decorrelated),
        (Backoff::Exponential, Jitter::Equal),
        (Backoff::Exponential, Jitter::Full),
    ];

    #[test]
    fn layers_multiply_and_may_leave_it_to_others() {
        assert_eq!((Layers::calls_max(4, 3), Layers::calls_max(3, 5)), (64, 243));
        // A layer that may not retry leaves it to the one above.
        let mut tree = Layers::new(2);
        assert_eq!(tree.failed(3, |layer| layer == 1), Some(1));
        assert_eq!((tree.attempt(0), tree.attempt(1)), (1, 2));
    }

    /// A dependency that accepts nothing gets next to nothing; one that accepts all of it gets all.
    #[test]
    fn a_throttled_client_goes_by_what_is_accepted() {
        let (sent, accepted) = throttled(1, 0.0);
        assert!(sent < THROTTLED / 100 && accepted == 0, "{sent} sent, {accepted} accepted");
        assert_eq!(throttled(1, 1.0), (THROTTLED, THROTTLED));
    }

    /// One retry for every ten first attempts, no sooner and no later, and no more saved than may be.
    #[test]
    fn a_budget_pays_for_its_share_and_saves_up_to_its_limit() {
        let mut budget = Budget::new(0.1, 2);
        for round in 1..=3 {
            for first in 1..=10 {
                assert!(!budget.spend(), "round {round}, {first} first attempts");
                budget.first_attempt();
            }
            assert!(budget.spend(), "round {round}");
        }
        (0..1_000).for_each(|_| budget.first_attempt());
        assert_eq!([budget.spend(), budget.spend(), budget.spend()], [true, true, false]);
    }

    /// 30 requests, 10 of them accepted, K = 2: (30 - 20) / 31.
    #[test]
    fn a_throttle_drops_what_the_formula_says() {
        let mut throttle = Throttle::new(2.0);
        assert_eq!(throttle.drops(Us::ZERO), 0.0);
        for i in 0..30 {
            assert!(throttle.ask(Us::ms(i), 1.0));
            if i % 3 == 0 {
                throttle.accepted(Us::ms(i));
            }
        }
        assert_eq!(throttle.drops(Us::ms(30)), 10.0 / 31.0);
        assert_eq!(throttle.drops(Us::ms(30) + Throttle::WINDOW * 2), 0.0);
    }

    /// Equal jitter draws from the upper half of the wait, full jitter from all of it.
    #[test]
    fn jitter_draws_from_its_stretch() {
        let wait = |jitter, chance| {
            let retry = Retry { attempts: 3, backoff: Backoff::Exponential, jitter, base: Us::ms(100), cap: Us::s(1) };
            retry.wait(2, Us::ms(150), chance)
        };
        let drawn = |jitter| [0.0, 0.5, 1.0].map(|chance| wait(jitter, chance));
        assert_eq!(drawn(Jitter::Full), [0, 100, 200].map(Us::ms));
        assert_eq!(drawn(Jitter::Equal), [100, 150, 200].map(Us::ms));
        assert_eq!(drawn(Jitter::Decorrelated), [100, 275, 450].map(Us::ms));
    }

    #[test]
    fn exponential_means_doubling_up_to_the_cap() {
        let retry = Retry {
            attempts: 9,
            backoff: Backoff::Exponential,
            jitter: Jitter::None,
            base: Us::ms(100),
            cap: Us::s(1),
        };
        let waits: Vec<u64> = (1..=6).map(|a| retry.wait(a, Us::ZERO, 0.7).0 / 1_000).collect();
        assert_eq!(waits, [100, 200, 400, 800, 1_000, 1_000]);
    }

    proptest! {
        #[test]
        fn waits_stay_in_their_range(attempt in 1u8..60, chance in 0.0f64..1.0, last in 0u64..3_000, kind in 0usize..5) {
            let (backoff, jitter) = KINDS[kind];
            let retry = Retry { attempts: 60, backoff, jitter, base: Us::ms(5), cap: Us::ms(2_000) };
            let wait = retry.wait(attempt, Us::ms(last), chance);
            prop_assert!(wait <= Us::ms(2_000));
            if jitter == Jitter::Equal {
                prop_assert!(wait * 2 + Us(1) >= Us::ms(5));
            }
        }

        /// Never more calls than the product, whatever the budgets say.
        #[test]
        fn layers_stay_below_the_product(attempts in 1u8..5, count in 1usize..=4, says in prop::collection::vec(any::<bool>(), 0..300)) {
            let mut says = says.into_iter();
            let mut tree = Layers::new(count);
            let mut calls = 1u64;
            while tree.failed(attempts, |_| says.next().unwrap_or(true)).is_some() {
                calls += 1;
                prop_assert!(calls <= Layers::calls_max(attempts, count));
                prop_assert!((0..count).all(|i| (1..=attempts).contains(&tree.attempt(i))));
            }
        }

        /// However the two interleave, retries never exceed their share of the first attempts.
        #[test]
        fn a_budget_is_never_overdrawn(share in 0.0f64..1.0, saved in 1u64..50, steps in prop::collection::vec(any::<bool>(), 1..500)) {
            let mut budget = Budget::new(share, saved);
            let (mut firsts, mut retries) = (0u64, 0u64);
            for first in steps {
                if first { budget.first_attempt(); firsts += 1; } else { retries += u64::from(budget.spend()); }
                prop_assert!(retries as f64 <= firsts as f64 * (share + 0.0005));
            }
        }
    }
}
