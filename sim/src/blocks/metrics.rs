//! Metrics: what is kept of requests when no request is kept.
//!
//! ```text
//!   requests --> [ instance: counters, histogram, exemplars ] --scrape--> [ range ] --> quantile on the dashboard
//!                        | forgets everything when it restarts                ^
//!   requests --> [ instance: ... ] ------------------------------scrape-------+  (sums over instances)
//! ```
//!
//! A [`Histogram`] counts the requests of each bucket: those at or below its bound and above the bound before. Counts of
//! instances add up, so a quantile of all of them can be estimated, by going along a straight line inside the bucket
//! that holds the rank. That is `histogram_quantile` of Prometheus, and it cannot know where in the bucket the requests
//! were. A *summary*, where the instance computes the quantile itself, is exact and adds up to nothing: [`mean`] and
//! [`weighted`] are what dashboards do with them all the same.
//!
//! An [`Exemplar`] is the id of a trace beside a bucket: the way from a curve to one request that is in it. [`Distinct`]
//! says how many series a set of labels has made so far (HyperLogLog; Flajolet, Fusy, Gandouet, Meunier 2007), and
//! [`Bill`] what series, logs and spans come to in a month.
//!
//! Leaves out: the extrapolation of `rate()` to the edges of its range, staleness markers, native histograms (their
//! buckets are [`Bounds::exponential`] with a factor of at most 1.1), and compression.

use crate::deque::Deque;
use crate::kernel::{Us, mix};

/// Upper bounds of the buckets, ascending. One more bucket, without a bound, holds what is above the last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bounds(Vec<Us>);

/// Most bounds that a histogram here may have.
pub const BOUNDS_MAX: usize = 100;

impl Bounds {
    /// The default of Prometheus' client libraries: 5 ms to 10 s.
    pub fn client_default() -> Bounds {
        Bounds([5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000].map(Us::ms).to_vec())
    }

    /// Each bound is `factor` times the one before: the same relative error everywhere.
    ///
    /// ```
    /// use sim::{Us, blocks::metrics::Bounds};
    /// assert_eq!(Bounds::exponential(Us::ms(1), 2.0, 4).all(), [1, 2, 4, 8].map(Us::ms));
    /// ```
    pub fn exponential(first: Us, factor: f64, count: usize) -> Bounds {
        let mut at = first.0 as f64;
        let mut all = Vec::new();
        for _ in 0..count.min(BOUNDS_MAX) {
            all.push(Us::from_us(at));
            at *= factor;
        }
        all.dedup();
        Bounds(all)
    }

    pub fn all(&self) -> &[Us] {
        &self.0
    }

    /// Adds a bound, or takes it away if it is there. False if nothing changed, for want of room.
    pub fn toggle(&mut self, bound: Us) -> bool {
        let i = self.bucket(bound);
        match self.0.get(i) {
            Some(b) if *b == bound => {
                self.0.remove(i);
            }
            _ if self.0.len() == BOUNDS_MAX => return false,
            _ => self.0.insert(i, bound),
        }
        true
    }

    /// The bucket that counts this value: the first whose bound is not below it.
    #[inline]
    pub fn bucket(&self, value: Us) -> usize {
        let (mut low, mut high) = (0, self.0.len());
        while low < high {
            let middle = (low + high) / 2;
            if self.0[middle] < value {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        low
    }

    /// Where bucket `i` begins and ends; the last one has no end.
    pub fn edges(&self, i: usize) -> (Us, Option<Us>) {
        (if i == 0 { Us::ZERO } else { self.0[i - 1] }, self.0.get(i).copied())
    }

    /// Series that one set of labels costs: the buckets, the sum and the count.
    pub fn series(&self) -> u64 {
        self.0.len() as u64 + 3
    }
}

/// Requests by bucket. The bounds are kept by whoever owns the histograms: all instances share them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Histogram {
    counts: Vec<u32>,
    pub sum: u64,
}

impl Histogram {
    #[inline]
    pub fn observe(&mut self, bucket: usize, value: Us) {
        if bucket >= self.counts.len() {
            self.counts.resize(bucket + 1, 0);
        }
        self.counts[bucket] += 1;
        self.sum += value.0;
    }

    pub fn count(&self) -> u64 {
        self.counts.iter().map(|c| u64::from(*c)).sum()
    }

    pub fn bucket(&self, i: usize) -> u32 {
        self.counts.get(i).copied().unwrap_or(0)
    }

    /// The same as having observed here what the other has: this is why histograms may be added up.
    pub fn merge(&mut self, other: &Histogram) {
        if self.counts.len() < other.counts.len() {
            self.counts.resize(other.counts.len(), 0);
        }
        self.counts.iter_mut().zip(&other.counts).for_each(|(a, b)| *a += b);
        self.sum += other.sum;
    }

    /// What was counted since this was `then`. A counter that has fallen has been restarted, and began at 0.
    pub fn increase(&self, then: &Histogram) -> Histogram {
        let restarted = self.count() < then.count() || (0..then.counts.len()).any(|i| self.bucket(i) < then.bucket(i));
        if restarted {
            return self.clone();
        }
        let counts = self.counts.iter().enumerate().map(|(i, c)| c - then.bucket(i)).collect();
        Histogram { counts, sum: self.sum - then.sum }
    }

    /// `histogram_quantile(q, ..)`, in microseconds: the bucket that holds the rank, and a straight line in it. Above
    /// the last bound nothing is known, so it is the last bound.
    ///
    /// ```
    /// use sim::{Us, blocks::metrics::{Bounds, Histogram}};
    /// let bounds = Bounds::client_default();
    /// let mut h = Histogram::default();
    /// for _ in 0..1_000 {
    ///     h.observe(bounds.bucket(Us::ms(260)), Us::ms(260));
    /// }
    /// // All requests took 260 ms. They are known to be above 250 and at most 500.
    /// assert_eq!(h.quantile(&bounds, 0.99), Some(497_500.0));
    /// ```
    pub fn quantile(&self, bounds: &Bounds, q: f64) -> Option<f64> {
        let count = self.count();
        if count == 0 {
            return None;
        }
        let rank = q * count as f64;
        let mut below = 0.0;
        for i in 0..self.counts.len() {
            let here = f64::from(self.bucket(i));
            if below + here >= rank && here > 0.0 {
                let (low, high) = bounds.edges(i);
                let Some(high) = high else {
                    return Some(low.0 as f64);
                };
                let (low, high) = (low.0 as f64, high.0 as f64);
                return Some(low + (high - low) * (rank - below) / here);
            }
            below += here;
        }
        bounds.all().last().map(|b| b.0 as f64)
    }

    pub fn clear(&mut self) {
        self.counts.clear();
        self.sum = 0;
    }

    /// Bytes beyond the struct itself.
    pub fn weight(&self) -> usize {
        self.counts.len() * 4
    }
}

/// The increases of the last scrapes: `increase(..[range])`, summed over instances.
#[derive(Clone, Debug)]
pub struct Range {
    steps: Deque<Histogram>,
    most: usize,
}

impl Range {
    /// As long as so many scrapes.
    pub fn new(scrapes: usize) -> Range {
        Range { steps: Deque::new(), most: scrapes.max(1) }
    }

    /// What one scrape added; nothing if it failed.
    pub fn push(&mut self, added: Histogram) {
        if self.steps.len() == self.most {
            self.steps.pop_front();
        }
        self.steps.push_back(added);
    }

    pub fn total(&self) -> Histogram {
        let mut total = Histogram::default();
        self.steps.iter().for_each(|s| total.merge(s));
        total
    }

    pub fn clear(&mut self) {
        self.steps.clear();
    }

    /// Bytes beyond the struct itself.
    pub fn weight(&self) -> usize {
        self.steps.iter().map(|s| size_of::<Histogram>() + s.weight()).sum()
    }
}

/// The mean of what each instance says. Means something for sums and rates, and nothing for percentiles.
pub fn mean(each: &[(f64, u64)]) -> Option<f64> {
    (!each.is_empty()).then(|| each.iter().map(|(v, _)| v).sum::<f64>() / each.len() as f64)
}

/// The mean of (value, requests), weighted by requests: no better for percentiles.
///
/// ```
/// use sim::blocks::metrics::{mean, weighted};
/// // The p99 of two instances: 900 requests at 100 ms, 100 at 2 s. Of all thousand it is 2 s.
/// let each = [(100.0, 900), (2_000.0, 100)];
/// assert_eq!((mean(&each), weighted(&each)), (Some(1_050.0), Some(290.0)));
/// ```
pub fn weighted(each: &[(f64, u64)]) -> Option<f64> {
    let n: u64 = each.iter().map(|(_, n)| n).sum();
    (n > 0).then(|| each.iter().map(|(v, n)| v * *n as f64).sum::<f64>() / n as f64)
}

/// One request that is in a bucket, by the id of its trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exemplar {
    pub trace: u32,
    pub value: Us,
    pub at: Us,
}

/// The latest exemplar of each bucket.
#[derive(Clone, Debug, Default)]
pub struct Exemplars(Vec<Option<Exemplar>>);

impl Exemplars {
    pub fn put(&mut self, bucket: usize, exemplar: Exemplar) {
        if bucket >= self.0.len() {
            self.0.resize(bucket + 1, None);
        }
        self.0[bucket] = Some(exemplar);
    }
    pub fn get(&self, bucket: usize) -> Option<Exemplar> {
        self.0.get(bucket).copied().flatten()
    }
    /// (bucket, exemplar), from the fastest bucket to the slowest.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (usize, Exemplar)> + '_ {
        self.0.iter().enumerate().filter_map(|(i, e)| e.map(|e| (i, e)))
    }
    pub fn clear(&mut self) {
        self.0.clear();
    }
    /// Bytes beyond the struct itself.
    pub fn weight(&self) -> usize {
        self.0.len() * size_of::<Option<Exemplar>>()
    }
}

/// The most label sets that labels with so many values each can make: their product.
///
/// ```
/// use sim::blocks::metrics::label_sets;
/// // Methods, routes, instances, statuses. Then the user's id as one more label.
/// assert_eq!(label_sets(&[5, 20, 50, 12]), 60_000);
/// assert_eq!(label_sets(&[5, 20, 50, 12, 100_000]), 6_000_000_000);
/// ```
pub fn label_sets(values: &[u64]) -> u64 {
    values.iter().fold(1, |n, v| n.saturating_mul(*v))
}

/// How many different things have been seen, within about 2 %, in 4,096 bytes whatever the number.
#[derive(Clone, Debug)]
pub struct Distinct {
    /// Of all hashes whose first bits name this place: the longest run of zeros after them, plus one.
    ranks: Vec<u8>,
}

/// log2 of the places.
const PLACES: u32 = 12;

impl Default for Distinct {
    fn default() -> Distinct {
        Distinct { ranks: vec![0; 1 << PLACES] }
    }
}

impl Distinct {
    /// A thing by its name in 64 bits. True if it changed what is known.
    #[inline]
    pub fn add(&mut self, name: u64) -> bool {
        let hash = mix(name ^ 0x6c62_272e_07bb_0142);
        let place = &mut self.ranks[(hash >> (64 - PLACES)) as usize];
        // The bit at the end stops the count where the hash does.
        let rank = ((hash << PLACES) | 1 << (PLACES - 1)).leading_zeros() as u8 + 1;
        let more = rank > *place;
        *place = (*place).max(rank);
        more
    }

    pub fn count(&self) -> u64 {
        let m = self.ranks.len() as f64;
        let (mut sum, mut empty) = (0.0, 0u32);
        for r in &self.ranks {
            sum += 1.0 / (1u64 << r) as f64;
            empty += u32::from(*r == 0);
        }
        let raw = 0.7213 / (1.0 + 1.079 / m) * m * m / sum;
        // While many places are empty, their number says more.
        let few = raw <= 2.5 * m && empty > 0;
        let n = if few { m * libm::log(m / f64::from(empty)) } else { raw };
        (n + 0.5) as u64
    }

    /// Bytes beyond the struct itself.
    pub fn weight(&self) -> usize {
        self.ranks.len()
    }
}

/// What telemetry costs in a month of 30 days.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Prices {
    /// For a thousand active series.
    pub series_1000: f64,
    /// For a gigabyte (10⁹ bytes) of logs or of spans.
    pub gigabyte: f64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Bill {
    pub metrics: f64,
    pub logs: f64,
    pub traces: f64,
}

/// Seconds in a month of 30 days.
pub const MONTH_S: f64 = 2_592_000.0;

impl Bill {
    pub fn new(prices: Prices, series: f64, log_bytes_s: f64, span_bytes_s: f64) -> Bill {
        let gigabytes = |per_s: f64| per_s * MONTH_S / 1e9 * prices.gigabyte;
        Bill {
            metrics: series / 1e3 * prices.series_1000,
            logs: gigabytes(log_bytes_s),
            traces: gigabytes(span_bytes_s),
        }
    }
    pub fn total(&self) -> f64 {
        self.metrics + self.logs + self.traces
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of(bounds: &Bounds, values: &[u64]) -> Histogram {
        let mut h = Histogram::default();
        values.iter().for_each(|v| h.observe(bounds.bucket(Us(*v)), Us(*v)));
        h
    }

    fn bounds() -> impl Strategy<Value = Bounds> {
        prop::collection::btree_set(1u64..20_000_000, 1..30).prop_map(|b| Bounds(b.into_iter().map(Us).collect()))
    }

    fn values() -> impl Strategy<Value = Vec<u64>> {
        prop::collection::vec(1u64..20_000_000, 1..200)
    }

    proptest! {
        /// What holds the sum of the bucket counts to the count, and a bucket to its values.
        #[test]
        fn buckets_hold_what_is_in_them(b in bounds(), v in values()) {
            let h = of(&b, &v);
            prop_assert_eq!(h.count(), v.len() as u64);
            prop_assert_eq!(h.sum, v.iter().sum::<u64>());
            for i in 0..=b.all().len() {
                let (low, high) = b.edges(i);
                let inside = |v: &&u64| **v > low.0 && high.is_none_or(|h| **v <= h.0);
                prop_assert_eq!(h.bucket(i) as usize, v.iter().filter(inside).count());
            }
        }

        /// The reported quantile lies in the bucket that holds the true one (nearest rank).
        #[test]
        fn a_quantile_is_within_a_bucket_of_the_truth(b in bounds(), mut v in values(), q in 0.001f64..1.0) {
            let got = of(&b, &v).quantile(&b, q).unwrap();
            v.sort_unstable();
            let truth = v[((v.len() as f64 * q).ceil() as usize).clamp(1, v.len()) - 1];
            let (low, high) = b.edges(b.bucket(Us(truth)));
            let slack = 1e-6 * got + 1e-6;
            match high {
                Some(high) => prop_assert!(got >= low.0 as f64 - slack && got <= high.0 as f64 + slack, "{got} {truth}"),
                None => prop_assert_eq!(got, low.0 as f64),
            }
        }

        /// The merged histogram of instances is the histogram of the merged data.
        #[test]
        fn merging_is_counting_together(b in bounds(), x in values(), y in values()) {
            let mut merged = of(&b, &x);
            merged.merge(&of(&b, &y));
            let both: Vec<u64> = x.iter().chain(&y).copied().collect();
            let whole = of(&b, &both);
            prop_assert_eq!(merged.quantile(&b, 0.99), whole.quantile(&b, 0.99));
            prop_assert_eq!((merged.count(), merged.sum), (whole.count(), whole.sum));
            // And the increase since one of them is the other.
            let added = whole.increase(&of(&b, &x));
            prop_assert!((0..=b.all().len()).all(|i| added.bucket(i) == of(&b, &y).bucket(i)));
        }

        /// A restart loses what was not scraped, and nothing else; an increase is never negative.
        #[test]
        fn a_restart_loses_what_was_not_scraped(parts in prop::collection::vec((values(), any::<bool>(), any::<bool>()), 1..12)) {
            let b = Bounds::client_default();
            let (mut counter, mut scraped) = (Histogram::default(), Histogram::default());
            let (mut seen, mut lost, mut all) = (0, 0, 0);
            for (v, scrape, restart) in parts {
                v.iter().for_each(|v| counter.observe(b.bucket(Us(*v)), Us(*v)));
                all += v.len() as u64;
                if scrape {
                    seen += counter.increase(&scraped).count();
                    scraped = counter.clone();
                }
                if restart {
                    lost += counter.increase(&scraped).count();
                    counter.clear();
                    // The scraper sees a restart by the fall of the counter; here the next scrape comes at once.
                    scraped = counter.clone();
                }
            }
            prop_assert_eq!(seen + lost + counter.increase(&scraped).count(), all);
        }

        #[test]
        fn a_bound_added_and_taken_away_leaves_none(mut b in bounds(), at in 1u64..20_000_000) {
            let before = b.clone();
            b.toggle(Us(at));
            prop_assert!(b.all().windows(2).all(|w| w[0] < w[1]));
            prop_assert_eq!(b.all().len().abs_diff(before.all().len()), 1);
            b.toggle(Us(at));
            prop_assert_eq!(b, before);
        }
    }

    #[test]
    fn bounds_grow_by_their_factor_as_long_as_there_is_room() {
        assert_eq!(Bounds::exponential(Us::ms(1), 2.0, 4).all(), [1, 2, 4, 8].map(Us::ms));
        assert_eq!(Bounds::exponential(Us(9), 1.0, 4).all(), [Us(9)], "each once");
        let mut full = Bounds::exponential(Us::ms(1), 1.1, usize::MAX);
        assert_eq!(full.all().len(), BOUNDS_MAX);
        assert!(!full.toggle(Us(3)) && full.all().len() == BOUNDS_MAX);
        assert!(full.toggle(Us::ms(1)) && full.toggle(Us(3)));
    }

    /// The p99 of two instances: 900 requests at 100 ms, 100 at 2 s. Of all thousand it is 2 s.
    #[test]
    fn means_of_percentiles_are_neither() {
        let each = [(100.0, 900), (2_000.0, 100)];
        assert_eq!((mean(&each), weighted(&each)), (Some(1_050.0), Some(290.0)));
        assert_eq!((mean(&[]), weighted(&[]), weighted(&[(5.0, 0)])), (None, None, None));
        assert_eq!((label_sets(&[5, 20, 50, 12]), label_sets(&[u64::MAX, 2])), (60_000, u64::MAX));
    }

    #[test]
    fn the_latest_exemplar_of_a_bucket_is_kept() {
        let mut kept = Exemplars::default();
        let of = |trace| Exemplar { trace, value: Us(5), at: Us(9) };
        [(3, 1), (1, 2), (3, 3)].into_iter().for_each(|(bucket, trace)| kept.put(bucket, of(trace)));
        assert_eq!([0, 1, 3, 9].map(|bucket| kept.get(bucket).map(|e| e.trace)), [None, Some(2), Some(3), None]);
        assert_eq!(kept.iter().map(|(bucket, _)| bucket).collect::<Vec<_>>(), [1, 3]);
        kept.clear();
        assert_eq!(kept.get(1), None);
    }

    /// A counter that was restarted and has counted more than before in one bucket still has less in another.
    #[test]
    fn one_bucket_that_fell_is_a_restart() {
        let b = Bounds::client_default();
        let (then, now) = (of(&b, &[1_000, 9_000_000]), of(&b, &[1_000; 5]));
        assert_eq!(now.increase(&then), now);
        let later = of(&b, &[1_000, 2_000, 9_000_000]);
        assert_eq!((later.increase(&then).count(), later.increase(&then).sum), (1, 2_000));
    }

    #[test]
    fn beyond_the_last_bound_nothing_is_known() {
        let b = Bounds::client_default();
        assert_eq!(of(&b, &[30_000_000; 10]).quantile(&b, 0.5), Some(10_000_000.0));
        assert_eq!(Histogram::default().quantile(&b, 0.5), None);
        assert_eq!(
            of(&b, &[260_000]).quantile(&b, 0.0),
            Some(250_000.0),
            "and below the first that holds one, nothing is"
        );
        assert_eq!(b.series(), 14);
    }

    #[test]
    fn a_range_forgets_its_oldest_scrape() {
        let b = Bounds::client_default();
        let mut range = Range::new(2);
        for n in [1usize, 10, 100] {
            range.push(of(&b, &vec![1_000; n]));
        }
        assert_eq!(range.total().count(), 110);
        range.push(Histogram::default());
        assert_eq!(range.total().count(), 100);
    }

    /// Standard error 1.04/sqrt(4096) = 1.6 %; here within three of them.
    #[test]
    fn distinct_things_are_counted_within_a_few_percent() {
        for n in [0u64, 1, 24, 1_000, 9_000, 60_000, 1_000_000] {
            let mut seen = Distinct::default();
            for i in 0..n {
                seen.add(i);
                seen.add(i / 2);
            }
            let off = seen.count() as f64 - n as f64;
            assert!(off.abs() <= n as f64 * 0.05, "{} for {n}", seen.count());
        }
        let mut seen = Distinct::default();
        assert!(seen.add(7) && !seen.add(7));
    }

    #[test]
    fn a_month_has_its_price() {
        let prices = Prices { series_1000: 8.0, gigabyte: 0.5 };
        let bill = Bill::new(prices, 60_000.0, 1e6, 1e5);
        assert_eq!((bill.metrics, bill.logs, bill.traces), (480.0, 1_296.0, 129.6));
        assert_eq!(bill.total(), 1_905.6);
    }

    /// Where every place has the same rank r, the estimate is α m 2^r, and α⁻¹ is m times the integral of
    /// log₂((2 + u) / (1 + u))^m over all u from 0 (Flajolet, Fusy, Gandouet, Meunier, "HyperLogLog", 2007). One empty
    /// place among them makes it a little less.
    #[test]
    fn equal_ranks_are_counted_as_in_the_paper() {
        let m = f64::from(1 << PLACES);
        let step = 1e-6;
        // At 0.01 the integrand is 1e-13.
        let heights = (0..10_000).map(|i| step * (f64::from(i) + 0.5));
        let integral = heights.map(|u| step * libm::pow(libm::log2((2.0 + u) / (1.0 + u)), m)).sum::<f64>();
        for rank in [1, 2, 4] {
            let mut seen = Distinct { ranks: vec![rank; 1 << PLACES] };
            let expected = f64::from(1u32 << rank) / integral;
            let off = seen.count() as f64 / expected - 1.0;
            assert!(off.abs() < 1.5e-4, "{rank}: {off}");
            seen.ranks[7] = 0;
            let less = 1.0 - seen.count() as f64 / expected;
            assert!(rank == 1 || (0.0..0.005).contains(&less), "{rank}: {less}");
        }
    }

    /// The longest run of zeros that can be is that of a hash of nothing but zeros: all bits that do not name the place.
    #[test]
    fn a_hash_of_zeros_ends_where_its_bits_do() {
        let mut seen = Distinct::default();
        assert!(seen.add(0x6c62_272e_07bb_0142) && mix(0) == 0);
        assert_eq!((u32::from(seen.ranks[0]), seen.count()), (64 - PLACES + 1, 1));
    }
}
