//! Integer log-linear histogram: percentiles that do not depend on the order in which samples came.
//!
//! Values below 64 µs have a bucket each. Above that every power of two is cut into 64 equal
//! buckets, so a bucket is at most 1/64 as wide as the values in it and its middle is off by at
//! most 0.8 %. Two histograms merge by adding counts; nothing is rounded on the way. The layout is
//! that of HdrHistogram (Gil Tene).
//!
//! Leaves out: exact order statistics. Keep the samples if you need those.

use crate::kernel::Us;

/// log2 of the buckets in each power of two.
const BITS: u32 = 6;
const SUB: u64 = 1 << BITS;

/// Counts by bucket. Only the stretch between the lowest and the highest bucket used is stored.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hist {
    /// Bucket of `counts[0]`.
    first: u32,
    counts: Vec<u32>,
    count: u64,
    sum: u64,
    min: Us,
    max: Us,
}

/// The bucket that holds `v`.
#[inline]
fn bucket(v: u64) -> u32 {
    if v < SUB {
        return v as u32;
    }
    let octave = 63 - v.leading_zeros() - BITS;
    (octave << BITS) + (v >> octave) as u32
}

/// The middle of a bucket, rounded down.
fn middle(bucket: u32) -> u64 {
    if u64::from(bucket) < SUB {
        return u64::from(bucket);
    }
    let octave = (bucket >> BITS) - 1;
    let low = (u64::from(bucket) - (u64::from(octave) << BITS)) << octave;
    low + ((1 << octave) - 1) / 2
}

impl Hist {
    pub fn new() -> Hist {
        Hist::default()
    }

    #[inline]
    pub fn add(&mut self, value: Us) {
        let b = bucket(value.0);
        let i = b.wrapping_sub(self.first) as usize;
        // The common case: a bucket that is already stored.
        match self.counts.get_mut(i) {
            Some(c) => *c += 1,
            None => *self.slot(b) += 1,
        }
        if self.count == 0 {
            self.min = value;
        }
        self.count += 1;
        self.sum = self.sum.saturating_add(value.0);
        self.min = self.min.min(value);
        self.max = self.max.max(value);
    }

    /// The counter of a bucket, made if need be.
    fn slot(&mut self, b: u32) -> &mut u32 {
        if self.counts.is_empty() {
            self.first = b;
        }
        if b < self.first {
            let missing = (self.first - b) as usize;
            self.counts.splice(0..0, core::iter::repeat_n(0, missing));
            self.first = b;
        }
        let i = (b - self.first) as usize;
        if i >= self.counts.len() {
            self.counts.resize(i + 1, 0);
        }
        &mut self.counts[i]
    }

    /// Adds all samples of another histogram: the same as having added them here one by one.
    pub fn merge(&mut self, other: &Hist) {
        if other.count == 0 {
            return;
        }
        self.min = if self.count == 0 { other.min } else { self.min.min(other.min) };
        self.max = self.max.max(other.max);
        for (i, c) in other.counts.iter().enumerate().filter(|(_, c)| **c > 0) {
            *self.slot(other.first + i as u32) += c;
        }
        self.count += other.count;
        self.sum = self.sum.saturating_add(other.sum);
    }

    /// Takes out samples that were merged in before. The smallest and largest value stay as bounds.
    pub fn subtract(&mut self, other: &Hist) {
        for (i, c) in other.counts.iter().enumerate().filter(|(_, c)| **c > 0) {
            let slot = self.slot(other.first + i as u32);
            *slot = slot.saturating_sub(*c);
        }
        self.count = self.count.saturating_sub(other.count);
        self.sum = self.sum.saturating_sub(other.sum);
    }

    /// Forgets the samples and keeps the memory.
    pub fn clear(&mut self) {
        self.counts.clear();
        (self.first, self.count, self.sum) = (0, 0, 0);
        (self.min, self.max) = (Us::ZERO, Us::ZERO);
    }

    pub fn count(&self) -> u64 {
        self.count
    }
    pub fn mean(&self) -> Option<Us> {
        (self.count > 0).then(|| Us(self.sum / self.count))
    }
    /// The largest sample ever added, exactly.
    pub fn max(&self) -> Option<Us> {
        (self.count > 0).then_some(self.max)
    }

    /// The p-quantile (0.5 is the median), nearest rank, off by at most 0.8 %. `None` with fewer
    /// than 10/(1-p) samples: a 99th percentile of a hundred requests is one unlucky request.
    pub fn quantile(&self, p: f64) -> Option<Us> {
        // The slack forgives 1 - 0.99 being a hair more than 0.01.
        (self.count as f64 * (1.0 - p) >= 10.0 - 1e-6).then(|| self.nearest_rank(p))
    }

    /// The value below or at which at least `p` of the samples lie, however few there are; 0 of none.
    pub fn nearest_rank(&self, p: f64) -> Us {
        // The tiny step down keeps 0.95 * 200 from becoming rank 191.
        let rank = libm::ceil(self.count as f64 * p - 1e-9).max(1.0) as u64;
        let mut seen = 0;
        for (i, c) in self.counts.iter().enumerate() {
            seen += u64::from(*c);
            if seen >= rank {
                return Us(middle(self.first + i as u32)).max(self.min).min(self.max);
            }
        }
        self.max
    }

    /// (middle, count) of every bucket that is not empty, in order: for drawing.
    pub fn buckets(&self) -> impl Iterator<Item = (Us, u32)> + '_ {
        let filled = self.counts.iter().enumerate().filter(|(_, c)| **c > 0);
        filled.map(|(i, c)| (Us(middle(self.first + i as u32)), *c))
    }

    /// Bytes that a copy costs.
    pub fn weight(&self) -> usize {
        core::mem::size_of::<Hist>() + self.counts.len() * 4
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of(values: &[u64]) -> Hist {
        let mut h = Hist::new();
        values.iter().for_each(|v| h.add(Us(*v)));
        h
    }

    #[test]
    fn too_few_samples_is_none() {
        let h = of(&[5; 999]);
        assert_eq!(h.quantile(0.99), None);
        assert_eq!(h.quantile(0.98), Some(Us(5)));
        assert_eq!(of(&[5; 1_000]).quantile(0.99), Some(Us(5)));
        assert_eq!(of(&[7; 19]).quantile(0.5), None);
        assert_eq!(of(&[7; 20]).quantile(0.5), Some(Us(7)));
        assert_eq!(Hist::new().quantile(0.0), None);
        assert_eq!(Hist::new().mean(), None);
    }

    #[test]
    fn one_value_is_itself() {
        let h = of(&[100_000; 5_000]);
        assert_eq!(h.quantile(0.5), Some(Us(100_000)));
        assert_eq!(h.mean(), Some(Us(100_000)));
        assert!(h.weight() < 128);
    }

    proptest! {
        #[test]
        fn a_bucket_holds_its_middle_and_is_narrow(v in 0u64..1 << 50) {
            let m = middle(bucket(v));
            prop_assert_eq!(bucket(m), bucket(v));
            prop_assert!(m.abs_diff(v) as f64 <= v as f64 / 127.0, "{} {}", v, m);
            prop_assert!(bucket(v + 1) >= bucket(v));
        }

        #[test]
        fn quantiles_are_those_of_the_sorted_list(mut v in prop::collection::vec(0u64..1 << 34, 200..400), p in 0.0f64..0.95) {
            let h = of(&v);
            v.sort_unstable();
            let rank = ((v.len() as f64 * p).ceil().max(1.0) as usize).min(v.len());
            let exact = v[rank - 1];
            let got = h.quantile(p).map_or(0, |q| q.0);
            prop_assert!(got.abs_diff(exact) as f64 <= exact as f64 * 0.008 + 1.0, "{} {}", got, exact);
        }

        #[test]
        fn merging_is_adding_and_subtracting_undoes_it(a in prop::collection::vec(0u64..1 << 40, 0..80), b in prop::collection::vec(0u64..1 << 40, 0..80)) {
            let mut merged = of(&a);
            merged.merge(&of(&b));
            let mut all = a.clone();
            all.extend(&b);
            let whole = of(&all);
            prop_assert_eq!(merged.buckets().collect::<Vec<_>>(), whole.buckets().collect::<Vec<_>>());
            prop_assert_eq!((merged.count(), merged.mean(), merged.max()), (whole.count(), whole.mean(), whole.max()));
            merged.subtract(&of(&b));
            prop_assert_eq!(merged.buckets().collect::<Vec<_>>(), of(&a).buckets().collect::<Vec<_>>());
            prop_assert_eq!(merged.count(), a.len() as u64);
        }
    }
}
