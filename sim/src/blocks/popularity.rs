//! Popularity: which key the next request asks for.
//!
//! ```text
//!   [load] --> which key? --> cache
//! ```
//!
//! Zipf's law with exponent s: the key of rank r gets a share proportional to 1/r^s (Breslau and
//! others, "Web Caching and Zipf-like Distributions", INFOCOM 1999, found s between 0.64 and 0.83
//! for pages seen by proxies). Requests are independent of each other, which is what the theory of
//! caches calls the independent reference model.
//!
//! The draw is the inverse of the cumulative shares at the quantile that the request's own bits
//! spell. So the same request asks for a popular key at any skew, and a key's number is its rank.
//!
//! Leaves out: popularity that changes with time, and requests that come in runs.

use crate::theory::Class;
use std::sync::Arc;

/// Cells of the guide table, by the highest bits of the quantile.
const GUIDE_BITS: u32 = 12;

/// Zipf's law over `1..=keys`. The tables are shared: a copy costs two pointers.
#[derive(Clone, Debug)]
pub struct Zipf {
    /// The cumulative share up to each rank, in units of 2^-32.
    upper: Arc<[u32]>,
    /// Where to start in `upper` for each value of the highest bits.
    guide: Arc<[u32]>,
    skew: f64,
    total: f64,
}

impl Zipf {
    /// At least one key; a skew of zero makes all equally popular.
    pub fn new(keys: u32, skew: f64) -> Zipf {
        let keys = keys.max(1);
        let total: f64 = (1..=keys).map(|r| weight(r, skew)).sum();
        let mut sum = 0.0;
        let upper: Arc<[u32]> = (1..=keys)
            .map(|r| {
                sum += weight(r, skew);
                (sum / total * 4_294_967_296.0) as u32
            })
            .collect();
        let mut at = 0;
        let guide = (0..1u32 << GUIDE_BITS)
            .map(|cell| {
                while at < keys - 1 && upper[at as usize] <= cell << (32 - GUIDE_BITS) {
                    at += 1;
                }
                at
            })
            .collect();
        Zipf { upper, guide, skew, total }
    }

    pub fn keys(&self) -> u32 {
        self.upper.len() as u32
    }

    /// The rank, from 1 for the most popular, at the quantile that 64 fair bits spell.
    #[inline]
    pub fn rank(&self, bits: u64) -> u32 {
        let x = (bits >> 32) as u32;
        let cell = (x >> (32 - GUIDE_BITS)) as usize;
        let from = self.guide[cell] as usize;
        let to = self.guide.get(cell + 1).map_or(self.upper.len() - 1, |g| *g as usize);
        let within = self.upper[from..to].partition_point(|u| *u <= x);
        (from + within) as u32 + 1
    }

    /// The share of all requests that ask for this rank.
    pub fn share(&self, rank: u32) -> f64 {
        if rank == 0 || rank > self.keys() { 0.0 } else { weight(rank, self.skew) / self.total }
    }

    /// Keys of nearly the same share put together, for the closed forms: the first 100 ranks on
    /// their own, then stretches that are 1 % long.
    pub fn classes(&self) -> Vec<Class> {
        let mut classes = Vec::new();
        let mut first = 1u32;
        while first <= self.keys() {
            let last = (first + first / 100).min(self.keys());
            let share: f64 = (first..=last).map(|r| self.share(r)).sum();
            let keys = f64::from(last - first + 1);
            classes.push(Class { keys, share: share / keys });
            first = last + 1;
        }
        classes
    }
}

/// 1/r^s, which a running table of powers would only make less exact.
fn weight(rank: u32, skew: f64) -> f64 {
    libm::pow(f64::from(rank), -skew)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::Stream;
    use proptest::prelude::*;

    #[test]
    fn shares_are_zipfs() {
        for (keys, skew) in [(1, 1.0), (10, 0.0), (1_000, 0.9), (10_000, 1.2)] {
            let zipf = Zipf::new(keys, skew);
            let mut draws = Stream::new(3, "test", "zipf", 0);
            let n = 400_000u32;
            let mut counts = vec![0u32; keys as usize + 1];
            (0..n).for_each(|_| counts[zipf.rank(draws.bits()) as usize] += 1);
            assert_eq!(counts[0], 0);
            for rank in [1, 2, 5, 10, 100] {
                let expected = zipf.share(rank) * f64::from(n);
                let got = f64::from(counts.get(rank as usize).copied().unwrap_or(0));
                assert!((got - expected).abs() <= 4.0 * libm::sqrt(expected) + 1.0, "{rank}: {got} for {expected}");
            }
            let classes = zipf.classes();
            assert!((classes.iter().map(|c| c.keys).sum::<f64>() - f64::from(keys)).abs() < 1e-9);
            assert!((classes.iter().map(|c| c.keys * c.share).sum::<f64>() - 1.0).abs() < 1e-9);
        }
    }

    proptest! {
        /// The guide table finds what a plain search finds, at the edges of its cells too.
        #[test]
        fn the_rank_is_the_inverse_of_the_cumulative_shares(keys in 1u32..3_000, skew in 0.0f64..2.0, x in any::<u32>(), cell in 0u32..4096) {
            let zipf = Zipf::new(keys, skew);
            for x in [x, cell << 20, (cell << 20).wrapping_sub(1), 0, u32::MAX] {
                let plain = zipf.upper.iter().take(keys as usize - 1).filter(|u| **u <= x).count() as u32 + 1;
                prop_assert_eq!(zipf.rank(u64::from(x) << 32 | 99), plain);
            }
        }
    }
}
