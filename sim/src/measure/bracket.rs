//! A bracket of fixed width that slides along time and remembers the most it ever held.

use crate::deque::Deque;
use crate::kernel::Us;

/// Counts what happened in (t - span, t] for every t, exactly: nothing is binned, so the maximum
/// is that of every possible position of the bracket. Costs memory for what it holds now.
#[derive(Clone, Debug)]
pub struct Bracket {
    span: Us,
    entries: Deque<(Us, u64)>,
    sum: u64,
    worst: u64,
    worst_from: Us,
    worst_to: Us,
}

impl Bracket {
    pub fn new(span: Us) -> Bracket {
        Bracket { span, entries: Deque::new(), sum: 0, worst: 0, worst_from: Us::ZERO, worst_to: Us::ZERO }
    }

    /// `n` more at `now`, which is never earlier than the last time.
    pub fn add(&mut self, now: Us, n: u64) {
        while let Some(&(at, gone)) = self.entries.front()
            && at + self.span <= now
        {
            self.entries.pop_front();
            self.sum -= gone;
        }
        match self.entries.back_mut() {
            Some((at, held)) if *at == now => *held += n,
            _ => self.entries.push_back((now, n)),
        }
        self.sum += n;
        // The latest of equals, which is the one a reader can still see.
        if self.sum >= self.worst {
            self.worst = self.sum;
            self.worst_from = self.entries.front().map_or(now, |(at, _)| *at);
            self.worst_to = now;
        }
    }

    /// What (now - span, now] holds.
    pub fn count(&self, now: Us) -> u64 {
        let gone: u64 = self.entries.iter().take_while(|(at, _)| *at + self.span <= now).map(|(_, n)| n).sum();
        self.sum - gone
    }

    /// The most that any position of the bracket has held.
    pub fn worst(&self) -> u64 {
        self.worst
    }

    /// The first and the last moment of what the fullest bracket held.
    pub fn worst_span(&self) -> (Us, Us) {
        (self.worst_from, self.worst_to)
    }

    pub fn heap_bytes(&self) -> usize {
        self.entries.len() * size_of::<(Us, u64)>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_worst_position_is_found_and_the_far_end_is_open() {
        let mut b = Bracket::new(Us(10));
        for at in [0, 5, 9, 10, 14, 40] {
            b.add(Us(at), 1);
        }
        // (0, 10] holds 5, 9, 10; (4, 14] holds 5, 9, 10, 14.
        assert_eq!(b.worst(), 4);
        assert_eq!(b.worst_span(), (Us(5), Us(14)));
        assert_eq!(b.count(Us(49)), 1);
        assert_eq!(b.count(Us(50)), 0);
    }

    proptest! {
        #[test]
        fn it_agrees_with_counting_every_position(
            span in 1..500u64, steps in proptest::collection::vec((0..200u64, 1..5u64), 1..100)
        ) {
            let mut b = Bracket::new(Us(span));
            let mut all: Vec<(u64, u64)> = Vec::new();
            let mut now = 0;
            for (gap, n) in steps {
                now += gap;
                b.add(Us(now), n);
                all.push((now, n));
                let held = |end: u64| -> u64 {
                    all.iter().filter(|(t, _)| *t <= end && t + span > end).map(|(_, n)| n).sum()
                };
                prop_assert_eq!(b.count(Us(now)), held(now));
                prop_assert_eq!(b.count(Us(now + span / 2)), all.iter().filter(|(t, _)| t + span > now + span / 2).map(|(_, n)| n).sum::<u64>());
                prop_assert_eq!(b.worst(), all.iter().map(|(t, _)| held(*t)).max().unwrap_or(0));
            }
        }
    }
}
