//! Rates and percentiles over a sliding window.
//!
//! The window is cut into slots; the oldest slot falls out as a whole when time enters a new one.
//! So a value lags by at most one slot, and the state is a few numbers however much happens.

use super::hist::Hist;
use crate::deque::Deque;
use crate::kernel::Us;

/// Slots of a [`Rate`].
const SLOTS: usize = 20;

/// How many a second, over a window of 20 slots.
#[derive(Clone, Debug)]
pub struct Rate {
    slot: Us,
    counts: [u32; SLOTS],
    total: u64,
    /// Number of the slot that is being filled.
    current: u64,
}

impl Rate {
    pub fn new(window: Us) -> Rate {
        Rate { slot: Us((window.0 / SLOTS as u64).max(1)), counts: [0; SLOTS], total: 0, current: 0 }
    }

    #[inline]
    pub fn add(&mut self, now: Us, n: u32) {
        self.turn(now);
        self.counts[(self.current % SLOTS as u64) as usize] += n;
        self.total += u64::from(n);
    }

    /// Empties the slots that time has passed over.
    #[inline]
    fn turn(&mut self, now: Us) {
        // No division while time stays within the slot.
        if now.0 < (self.current + 1) * self.slot.0 {
            return;
        }
        let target = now.0 / self.slot.0;
        if target - self.current >= SLOTS as u64 {
            (self.counts, self.total) = ([0; SLOTS], 0);
        } else {
            for slot in self.current + 1..=target {
                let c = &mut self.counts[(slot % SLOTS as u64) as usize];
                self.total -= u64::from(*c);
                *c = 0;
            }
        }
        self.current = target;
    }

    /// Events counted in the window that ends now.
    pub fn count(&self, now: Us) -> u64 {
        let mut copy = self.clone();
        copy.turn(now);
        copy.total
    }

    /// Per second over the window, or over the time since the start while that is shorter.
    pub fn per_s(&self, now: Us) -> f64 {
        let from = (now.0 / self.slot.0 + 1).saturating_sub(SLOTS as u64) * self.slot.0;
        let span = now.since(Us(from)).as_s();
        if span > 0.0 { self.count(now) as f64 / span } else { 0.0 }
    }
}

/// Many rates over one window of 20 slots, with one clock for all of them: counting is one addition.
/// The owner turns the clock with [`Meters::turn`] before it counts.
#[derive(Clone, Debug)]
pub struct Meters<const N: usize> {
    slot: Us,
    counts: [[u32; N]; SLOTS],
    current: u64,
    place: usize,
}

impl<const N: usize> Meters<N> {
    pub fn new(window: Us) -> Meters<N> {
        Meters { slot: Us((window.0 / SLOTS as u64).max(1)), counts: [[0; N]; SLOTS], current: 0, place: 0 }
    }

    /// Empties the slots that time has passed over.
    #[inline]
    pub fn turn(&mut self, now: Us) {
        if now.0 < (self.current + 1) * self.slot.0 {
            return;
        }
        let target = now.0 / self.slot.0;
        for slot in (self.current + 1).max((target + 1).saturating_sub(SLOTS as u64))..=target {
            self.counts[(slot % SLOTS as u64) as usize] = [0; N];
        }
        self.current = target;
        self.place = (target % SLOTS as u64) as usize;
    }

    #[inline(always)]
    pub fn add(&mut self, which: usize, n: u32) {
        self.counts[self.place][which] += n;
    }

    /// Counted in the window that ends now.
    pub fn count(&self, which: usize, now: Us) -> u64 {
        let newest = now.0 / self.slot.0;
        let oldest = (newest + 1).saturating_sub(SLOTS as u64);
        (oldest..=self.current).map(|s| u64::from(self.counts[(s % SLOTS as u64) as usize][which])).sum()
    }

    /// Per second over the window, or over the time since the start while that is shorter.
    pub fn per_s(&self, which: usize, now: Us) -> f64 {
        let from = (now.0 / self.slot.0 + 1).saturating_sub(SLOTS as u64) * self.slot.0;
        let span = now.since(Us(from)).as_s();
        if span > 0.0 { self.count(which, now) as f64 / span } else { 0.0 }
    }
}

/// Percentiles of what happened in the last `window`: one small histogram a slot.
#[derive(Clone, Debug)]
pub struct Recent {
    slot: Us,
    slots: usize,
    /// Oldest first; the last one is being filled.
    ring: Deque<Hist>,
    current: u64,
    sum: Hist,
}

impl Recent {
    pub fn new(window: Us, slots: usize) -> Recent {
        let slots = slots.max(1);
        Recent {
            slot: Us((window.0 / slots as u64).max(1)),
            slots,
            ring: Deque::from([Hist::new()]),
            current: 0,
            sum: Hist::new(),
        }
    }

    #[inline]
    pub fn add(&mut self, now: Us, value: Us) {
        if now.0 >= (self.current + 1) * self.slot.0 {
            self.turn(now);
        }
        if let Some(last) = self.ring.back_mut() {
            last.add(value);
        }
        self.sum.add(value);
    }

    fn turn(&mut self, now: Us) {
        let target = now.0 / self.slot.0;
        let steps = (target - self.current).min(self.slots as u64);
        for _ in 0..steps {
            let mut next = Hist::new();
            if self.ring.len() == self.slots
                && let Some(mut oldest) = self.ring.pop_front()
            {
                self.sum.subtract(&oldest);
                oldest.clear();
                next = oldest;
            }
            self.ring.push_back(next);
        }
        self.current = target;
        if self.sum.count() == 0 {
            // Start afresh, so that bounds of long ago do not linger.
            self.sum.clear();
        }
    }

    /// The samples of the window that ends now.
    pub fn hist(&self, now: Us) -> std::borrow::Cow<'_, Hist> {
        let steps = (now.0 / self.slot.0).saturating_sub(self.current);
        let gone = (self.ring.len() + steps as usize).saturating_sub(self.slots);
        if gone == 0 {
            return std::borrow::Cow::Borrowed(&self.sum);
        }
        let mut sum = Hist::new();
        self.ring.iter().skip(gone).for_each(|h| sum.merge(h));
        std::borrow::Cow::Owned(sum)
    }

    pub fn quantile(&self, now: Us, p: f64) -> Option<Us> {
        self.hist(now).quantile(p)
    }

    pub fn weight(&self) -> usize {
        core::mem::size_of::<Recent>() + self.sum.weight() + self.ring.iter().map(Hist::weight).sum::<usize>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_steady_stream_has_its_rate() {
        let mut r = Rate::new(Us::s(1));
        for i in 0..10_000u64 {
            r.add(Us::ms(i), 1);
        }
        assert!((r.per_s(Us::s(10)) / 1_000.0 - 1.0).abs() < 0.06);
        assert_eq!(r.per_s(Us::s(12)), 0.0);
        // Early on, the span is what has passed.
        let mut r = Rate::new(Us::s(1));
        r.add(Us::ms(100), 5);
        assert!((r.per_s(Us::ms(200)) - 25.0).abs() < 1e-9);
    }

    proptest! {
        #[test]
        fn windows_hold_what_lies_in_them(steps in prop::collection::vec((0u64..400, 1u64..1_000), 1..200), idle in 0u64..3_000) {
            let (mut rate, mut recent) = (Rate::new(Us::ms(1_000)), Recent::new(Us::ms(1_000), 5));
            let mut meters: Meters<2> = Meters::new(Us::ms(1_000));
            let mut all = Vec::new();
            let mut now = 0;
            for (gap, value) in steps {
                now += gap;
                rate.add(Us::ms(now), 1);
                meters.turn(Us::ms(now));
                meters.add(1, 1);
                recent.add(Us::ms(now), Us(value));
                all.push((now, value));
            }
            now += idle;
            let in_slots = |slot: u64, n: u64| all.iter().filter(|(t, _)| now / slot - t / slot < n).count() as u64;
            prop_assert_eq!(rate.count(Us::ms(now)), in_slots(50, 20));
            prop_assert_eq!(meters.count(1, Us::ms(now)), in_slots(50, 20));
            prop_assert_eq!(meters.count(0, Us::ms(now)), 0);
            prop_assert!((meters.per_s(1, Us::ms(now)) - rate.per_s(Us::ms(now))).abs() < 1e-9);
            prop_assert_eq!(recent.hist(Us::ms(now)).count(), in_slots(200, 5));
        }
    }
}
