//! Cache: answers kept for a while, so that the database is asked once and not each time.
//!
//! ```text
//!   server --> [ cache ] --hit--> answer
//!                 | miss
//!                 v
//!             [ database ] --> fill the entry, valid for its time to live
//! ```
//!
//! Cache-aside with a time to live. An entry that has expired is not thrown away: it is *stale*,
//! and serving it can be better than serving nothing (stale-if-error, RFC 5861). Under steady
//! Poisson requests of rate λ for a key and time to live T the hit ratio is λT/(1 + λT).
//!
//! Leaves out: eviction for space (there is room for every key), and single flight: two callers
//! that miss together both ask the database.

use crate::kernel::Us;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    Fresh,
    /// There is a copy, but its time is over.
    Stale,
    /// Nothing to serve, fresh or stale.
    Missing,
}

/// Expiry times, one a key, in milliseconds rounded up: four bytes a key.
#[derive(Clone, Debug)]
pub struct Cache {
    /// 0 for a key that is not there.
    expires_ms: Vec<u32>,
}

impl Cache {
    /// A cold cache with room for every key.
    pub fn new(keys: u32) -> Cache {
        Cache { expires_ms: vec![0; keys as usize] }
    }
    pub fn keys(&self) -> u32 {
        self.expires_ms.len() as u32
    }
    #[inline]
    pub fn look(&self, now: Us, key: u32) -> Look {
        match self.expires_ms[key as usize] {
            0 => Look::Missing,
            until if u64::from(until) * 1_000 > now.0 => Look::Fresh,
            _ => Look::Stale,
        }
    }
    /// The database has answered.
    #[inline]
    pub fn fill(&mut self, now: Us, key: u32, time_to_live: Us) {
        let until = (now + time_to_live).0.div_ceil(1_000);
        self.expires_ms[key as usize] = u32::try_from(until).unwrap_or(u32::MAX);
    }
    /// Everything is gone, the stale copies too.
    pub fn flush(&mut self) {
        self.expires_ms.fill(0);
    }
    /// Keys that are fresh now.
    pub fn fresh(&self, now: Us) -> usize {
        self.expires_ms.iter().filter(|ms| u64::from(**ms) * 1_000 > now.0).count()
    }
    pub fn weight(&self) -> usize {
        self.expires_ms.len() * 4
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::Stream;

    #[test]
    fn fresh_then_stale_then_gone() {
        let mut c = Cache::new(3);
        assert_eq!(c.look(Us::ZERO, 1), Look::Missing);
        c.fill(Us::s(1), 1, Us::s(10));
        assert_eq!(c.look(Us(10_999_999), 1), Look::Fresh);
        assert_eq!(c.look(Us::s(11), 1), Look::Stale);
        assert_eq!((c.look(Us::s(5), 2), c.fresh(Us::s(5))), (Look::Missing, 1));
        c.flush();
        assert_eq!(c.look(Us::s(5), 1), Look::Missing);
    }

    /// λT/(1 + λT) for one key, within 3 %.
    #[test]
    fn the_hit_ratio_is_the_formula() {
        for (rate, ttl) in [(1.0, 0.5), (2.0, 3.0), (10.0, 2.0)] {
            let mut s = Stream::new(4, "test", "cache", 0);
            let mut c = Cache::new(1);
            let (mut now, mut hits, n) = (Us::ms(1), 0, 200_000);
            for _ in 0..n {
                now += s.exp(Us::from_s(1.0 / rate));
                // Milliseconds are fine steps here; start over before they overflow.
                match c.look(now, 0) {
                    Look::Fresh => hits += 1,
                    _ => c.fill(now, 0, Us::from_s(ttl)),
                }
            }
            let expected = rate * ttl / (1.0 + rate * ttl);
            let got = f64::from(hits) / f64::from(n);
            assert!((got / expected - 1.0).abs() < 0.03, "{got} for {expected}");
        }
    }
}
