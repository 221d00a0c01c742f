//! Miss curve: what LRU caches of every size would have hit, from one pass over the requests.
//!
//! ```text
//!   requests --> cache
//!        \
//!         +--> [ stack distances ] --> miss ratio at 10, 100, 1,000 ... entries
//! ```
//!
//! Line up all keys by their last use, the latest first. A request hits in an LRU cache of C
//! entries exactly if its key stands at place C or before it. So counting the places counts the
//! hits of all sizes at once (Mattson, Gecsei, Slutz and Traiger, "Evaluation techniques for storage
//! hierarchies", IBM Systems Journal 1970). This is how a cache is sized from a trace; at scale
//! only a sample of the keys is followed (SHARDS, Waldspurger and others, FAST 2015).
//!
//! The place is the number of keys used since: ones counted in a bit per moment, with a tree of
//! sums over words of 64 moments. Moments are renumbered when they run out.
//!
//! Old requests are forgotten by halves, so the curve follows a change of traffic and the first
//! request of each key does not weigh for ever.
//!
//! Leaves out: time to live, and every policy but LRU (the others do not nest: a larger FIFO cache
//! can hit less, Belady's anomaly).

/// Buckets per doubling of the size; sizes below this are counted one by one.
const FINE: u32 = 32;
const NEVER: u32 = u32::MAX;

#[derive(Clone, Debug)]
pub struct MissCurve {
    /// The moment of each key's last use.
    last: Vec<u32>,
    /// One bit a moment: whether it is some key's last use.
    bits: Vec<u64>,
    /// Fenwick tree of the ones in each word.
    sums: Vec<u32>,
    clock: u32,
    /// Requests by bucket of their place, the newest counted whole.
    places: Vec<u32>,
    requests: u32,
}

/// The bucket of a place (from 1), and the largest place in a bucket.
fn bucket(place: u32) -> usize {
    if place <= FINE {
        return place as usize - 1;
    }
    let octave = (place - 1).ilog2() - FINE.ilog2();
    ((octave * FINE) + ((place - 1) >> octave)) as usize
}

fn largest(bucket: usize) -> u32 {
    let b = bucket as u32;
    if b < FINE {
        return b + 1;
    }
    let octave = b / FINE - 1;
    (b - octave * FINE + 1) << octave
}

impl MissCurve {
    /// Follows keys `0..keys`.
    pub fn new(keys: u32) -> MissCurve {
        // Twice as many moments as keys, so that renumbering costs a constant share of the work.
        let words = (keys as usize * 2).div_ceil(64).next_power_of_two().max(2);
        MissCurve {
            last: vec![NEVER; keys as usize],
            bits: vec![0; words],
            sums: vec![0; words + 1],
            clock: 0,
            places: vec![0; bucket(keys.max(1)) + 1],
            requests: 0,
        }
    }

    /// A request for this key.
    pub fn touch(&mut self, key: u32) {
        if self.clock as usize == self.bits.len() * 64 {
            self.renumber();
        }
        self.requests += 1;
        let last = self.last[key as usize];
        if last != NEVER {
            // Keys used since, and the key itself.
            let place = self.ones() - self.ones_before(last);
            // Below all the keys that are followed, a scan apart: no cache of interest is that large.
            if let Some(n) = self.places.get_mut(bucket(place)) {
                *n += 1;
            }
            self.flip(last, false);
        }
        self.flip(self.clock, true);
        self.last[key as usize] = self.clock;
        self.clock += 1;
    }

    /// A request for a key that nobody asks for a second time: a miss of every size, which pushes all
    /// other keys one place down. It need not be followed.
    pub fn touch_once(&mut self) {
        if self.clock as usize == self.bits.len() * 64 {
            self.renumber();
        }
        self.requests += 1;
        self.flip(self.clock, true);
        self.clock += 1;
    }

    /// Share of requests that an LRU cache of so many entries would have hit. Exact for sizes up to
    /// 32 and at the ends of buckets, straight lines between.
    pub fn hit_ratio(&self, capacity: f64) -> Option<f64> {
        if self.requests == 0 {
            return None;
        }
        let (mut hits, mut below) = (0.0, 0.0);
        for (b, n) in self.places.iter().enumerate() {
            let top = f64::from(largest(b));
            let part = ((capacity - below) / (top - below)).clamp(0.0, 1.0);
            hits += part * f64::from(*n);
            below = top;
        }
        Some(hits / f64::from(self.requests))
    }

    /// (size, hit ratio) at about so many sizes, the smallest first.
    pub fn points(&self, about: usize) -> Vec<(f64, f64)> {
        let mut points = Vec::new();
        if self.requests == 0 {
            return points;
        }
        let every = (self.places.len() / about.max(1)).max(1);
        let mut hits = 0u64;
        for (b, n) in self.places.iter().enumerate() {
            hits += u64::from(*n);
            // The first few sizes lie far apart on a logarithmic scale.
            if b < 8 || b % every == every - 1 || b == self.places.len() - 1 {
                points.push((f64::from(largest(b)), hits as f64 / f64::from(self.requests)));
            }
        }
        points
    }

    /// Requests counted, the older ones by their remaining weight.
    pub fn requests(&self) -> u32 {
        self.requests
    }

    /// Halves the weight of all requests so far.
    pub fn fade(&mut self) {
        self.requests /= 2;
        self.places.iter_mut().for_each(|n| *n /= 2);
    }

    /// Bytes that a copy costs.
    pub fn weight(&self) -> usize {
        self.last.len() * 4 + self.bits.len() * 8 + self.sums.len() * 4 + self.places.len() * 4
    }

    fn flip(&mut self, moment: u32, on: bool) {
        let word = (moment / 64) as usize;
        self.bits[word] ^= 1 << (moment % 64);
        let mut at = word + 1;
        while at < self.sums.len() {
            self.sums[at] = if on { self.sums[at] + 1 } else { self.sums[at] - 1 };
            at += at & at.wrapping_neg();
        }
    }

    /// Ones at earlier moments than this.
    fn ones_before(&self, moment: u32) -> u32 {
        let word = (moment / 64) as usize;
        let mut ones = (self.bits[word] & ((1u64 << (moment % 64)) - 1)).count_ones();
        let mut at = word;
        while at > 0 {
            ones += self.sums[at];
            at &= at - 1;
        }
        ones
    }

    fn ones(&self) -> u32 {
        // The number of words is a power of two, so the last sum is over all.
        self.sums[self.sums.len() - 1]
    }

    /// Moments in the same order, without the gaps. Keys that were used once and never again have no
    /// owner any more and drop out here.
    fn renumber(&mut self) {
        self.bits.fill(0);
        for last in self.last.iter().filter(|l| **l != NEVER) {
            self.bits[(*last / 64) as usize] |= 1 << (*last % 64);
        }
        self.recount();
        for key in 0..self.last.len() {
            if self.last[key] != NEVER {
                self.last[key] = self.ones_before(self.last[key]);
            }
        }
        self.clock = self.ones();
        for (word, bits) in self.bits.iter_mut().enumerate() {
            let here = self.clock.saturating_sub(word as u32 * 64).min(64);
            *bits = if here == 64 { u64::MAX } else { (1u64 << here) - 1 };
        }
        self.recount();
    }

    /// The sums, from the bits.
    fn recount(&mut self) {
        self.sums.fill(0);
        for word in 0..self.bits.len() {
            let at = word + 1;
            self.sums[at] += self.bits[word].count_ones();
            let parent = at + (at & at.wrapping_neg());
            if parent < self.sums.len() {
                self.sums[parent] += self.sums[at];
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blocks::cache::{Cache, Look, Policy};
    use crate::blocks::popularity::Zipf;
    use crate::kernel::{Tape, Us};
    use proptest::prelude::*;

    #[test]
    fn buckets_cover_every_place_once() {
        let mut before = 0;
        for place in 1..100_000u32 {
            let b = bucket(place);
            assert!(b == before || b == before + 1, "{place}");
            assert!(place <= largest(b) && (b == 0 || place > largest(b - 1)), "{place} in {b}");
            before = b;
        }
    }

    #[test]
    fn a_larger_cache_hits_no_less() {
        let zipf = Zipf::new(5_000, 0.9);
        let draws = Tape::new(5).purpose("key");
        let mut curve = MissCurve::new(5_001);
        (0..50_000u64).for_each(|i| curve.touch(zipf.rank(draws.at(i + 1))));
        assert!(curve.points(60).windows(2).all(|w| w[0].0 < w[1].0 && w[0].1 <= w[1].1));
    }

    /// A scan pushes what was used before it down, by its length, and is forgotten some time.
    #[test]
    fn a_scan_pushes_the_others_down() {
        let mut curve = MissCurve::new(64);
        curve.touch(1);
        (0..30).for_each(|_| curve.touch_once());
        curve.touch(1);
        assert_eq!((curve.hit_ratio(30.0), curve.hit_ratio(31.0)), (Some(0.0), Some(1.0 / 32.0)));
        (0..10_000).for_each(|_| curve.touch_once());
        curve.touch(1);
        assert_eq!(curve.requests(), 10_033);
    }

    /// Who has been asked for since counts, once each, whether it is followed or not.
    #[test]
    fn scans_between_two_uses_count_for_each_of_them() {
        let mut curve = MissCurve::new(64);
        for key in [1, 2] {
            curve.touch(key);
            (0..3).for_each(|_| curve.touch_once());
        }
        curve.touch(1);
        curve.touch(2);
        // Key 1 came back to place 8: three, key 2, three, itself. Key 2 to place 5: three, key 1, itself.
        let hits = [4.0, 5.0, 7.0, 8.0].map(|size| curve.hit_ratio(size).unwrap() * 10.0);
        assert_eq!(hits, [0.0, 1.0, 1.0, 2.0]);
    }

    /// About as many as are asked for, the first eight sizes and the largest among them, each with its own hit ratio.
    #[test]
    fn points_lie_on_the_curve() {
        assert!(MissCurve::new(9).points(60).is_empty());
        let zipf = Zipf::new(5_000, 0.9);
        let draws = Tape::new(5).purpose("key");
        let mut curve = MissCurve::new(5_001);
        (0..50_000u64).for_each(|i| curve.touch(zipf.rank(draws.at(i + 1))));
        assert_eq!(curve.points(1).len(), 9);
        for about in [1, 20, 60, 10_000] {
            let points = curve.points(about);
            assert!(points.iter().all(|(size, ratio)| (curve.hit_ratio(*size).unwrap() - ratio).abs() < 1e-12));
            assert!((0..8).all(|i| points[i].0 == (i + 1) as f64) && points.last().unwrap().0 >= 5_001.0);
            assert!(points.len() <= about * 5 / 4 + 9 && points.len() >= about.min(curve.places.len()), "{about}");
        }
    }

    #[test]
    fn what_has_faded_weighs_half() {
        let mut curve = MissCurve::new(9);
        (0..20).for_each(|i| curve.touch(i % 2));
        assert_eq!((curve.requests(), curve.hit_ratio(2.0)), (20, Some(0.9)));
        curve.fade();
        assert_eq!((curve.requests(), curve.hit_ratio(2.0)), (10, Some(0.9)));
        (0..10).for_each(|_| curve.touch_once());
        assert_eq!(curve.hit_ratio(2.0), Some(9.0 / 20.0));
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(100) })]

        /// The hits of each size are those of an LRU cache of that size, request by request.
        #[test]
        fn every_size_at_once_is_each_size_alone(keys in 1u32..60, trace in prop::collection::vec(any::<u32>(), 1..700)) {
            let mut curve = MissCurve::new(keys);
            trace.iter().for_each(|k| curve.touch(k % keys));
            for capacity in [1, 2, 5, 17, 32, 48] {
                let mut cache = Cache::<()>::bounded(capacity, Policy::Lru);
                let mut hits = 0u32;
                for key in &trace {
                    match cache.get(Us(1), key % keys).0 {
                        Look::Fresh => hits += 1,
                        _ => { cache.fill(Us(1), key % keys, Us::s(1_000)); }
                    }
                }
                let got = curve.hit_ratio(f64::from(capacity)).unwrap() * trace.len() as f64;
                prop_assert!((got - f64::from(hits)).abs() < 1e-6, "{} for {} at {}", got, hits, capacity);
            }
        }
    }

    /// All of 66 keys come back to place 66, which shares a bucket with 65: half of them at half of the way.
    #[test]
    fn between_the_ends_of_a_bucket_the_curve_is_straight() {
        let mut curve = MissCurve::new(100);
        (0..132).for_each(|i| curve.touch(i % 66));
        let hits = [64.0, 64.5, 65.0, 66.0, 67.0].map(|size| curve.hit_ratio(size).unwrap());
        assert_eq!(hits, [0.0, 0.125, 0.25, 0.5, 0.5]);
    }
}
