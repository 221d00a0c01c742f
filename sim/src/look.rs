//! What every question remembers and says of its run in the same way.
//!
//! - [`Samples`]: the few requests that the picture lets fly, a fair share at any rate.
//! - [`Seconds`]: totals second by second, for measures like `goodput(10s, 60s)`.
//! - [`percent`], [`ms`]: numbers that cannot always be said.
//! - [`tenths`], [`span`], [`capital`], [`knob_now`]: pieces of the sentences that `tell` makes.
//!
//! None of it is part of the model: a run decides the same with or without it.

use crate::declare::{Knob, show};
use crate::deque::Deque;
use crate::kernel::Us;

/// What became of a request that is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    Open,
    Good,
    /// Well answered, by the source behind a cache.
    Loaded,
    /// Answered with something that is no longer true.
    Stale,
    /// Answered after its client had left: wasted work.
    Late,
    /// Accepted for later.
    Later,
    /// Turned away: no room, over a limit.
    Refused,
    /// An error came back.
    Failed,
    /// Its client ran out of patience while it waited.
    Left,
    /// It died with what held it.
    Lost,
}

/// One attempt of the few that are drawn, with what else its picture needs to know in `what`.
#[derive(Clone, Copy, Debug)]
pub struct Sample<W> {
    pub id: u32,
    pub attempt: u8,
    pub fate: Fate,
    pub at: Us,
    /// When its fate was decided.
    pub end: Us,
    pub what: W,
}

impl<W> Sample<W> {
    /// The first fate counts: a client that has left does not see the late answer.
    #[inline]
    pub fn close(&mut self, now: Us, fate: Fate) {
        if self.fate == Fate::Open {
            (self.fate, self.end) = (fate, now);
        }
    }
}

/// Every n-th request, so that what is drawn is a fair share of what happens at any rate.
///
/// ```
/// use sim::look::{Fate, Samples};
/// use sim::Us;
///
/// let mut samples: Samples<bool> = Samples::new(40.0, 128);
/// samples.pace(80.0);
/// assert_eq!(samples.one_in(), 2);
/// for id in 0..4 {
///     samples.begin(Us::ms(10), id, 1, true);
/// }
/// samples.end(Us::ms(30), 2, 1, Fate::Good);
/// let drawn: Vec<_> = samples.iter().map(|s| (s.id, s.fate)).collect();
/// assert_eq!(drawn, [(0, Fate::Open), (2, Fate::Good)]);
/// ```
#[derive(Clone, Debug)]
pub struct Samples<W> {
    ring: Deque<Sample<W>>,
    pick: Pick,
}

/// Which requests are drawn.
#[derive(Clone, Copy, Debug)]
struct Pick {
    per_s: f32,
    most: u16,
    scattered: bool,
    every: u32,
    /// The finer of the last two paces: requests from before a change are still followed.
    finest: u32,
}

impl Pick {
    fn pace(&mut self, rate: f64) {
        let every = (libm::ceil(rate / f64::from(self.per_s)) as u32).max(1).next_power_of_two();
        self.finest = if self.every == 0 { every } else { every.min(self.every) };
        self.every = every;
    }

    #[inline]
    fn is_drawn(&self, id: u32, every: u32) -> bool {
        let id = if self.scattered { id.wrapping_mul(0x9e37_79b1) >> 16 } else { id };
        id & every.wrapping_sub(1) == 0
    }
}

impl<W> Samples<W> {
    /// About `per_s` requests a second, of which the last `most` are remembered. Say the rate with
    /// [`Samples::pace`] before the first one comes.
    pub fn new(per_s: f32, most: u16) -> Samples<W> {
        Samples { ring: Deque::new(), pick: Pick { per_s, most, scattered: false, every: 0, finest: 0 } }
    }

    /// For numbers that have a pattern (a producer's index in them): which are drawn should not.
    pub fn scattered(mut self) -> Samples<W> {
        self.pick.scattered = true;
        self
    }

    /// So many requests a second come from now on.
    pub fn pace(&mut self, rate: f64) {
        self.pick.pace(rate);
    }

    /// A request is made; remembered if it is one of those that are drawn.
    #[inline]
    pub fn begin(&mut self, now: Us, id: u32, attempt: u8, what: W) {
        if self.pick.is_drawn(id, self.pick.every) {
            self.begin_surely(now, id, attempt, what);
        }
    }

    /// One that is drawn in any case, since there are few of its kind. Only [`Samples::search`] finds it.
    pub fn begin_surely(&mut self, now: Us, id: u32, attempt: u8, what: W) {
        if self.ring.len() == self.pick.most as usize {
            self.ring.pop_front();
        }
        self.ring.push_back(Sample { id, attempt, fate: Fate::Open, at: now, end: Us::MAX, what });
    }

    /// The sample of this attempt, if it is one of those that are drawn: cheap for all the others.
    #[inline]
    pub fn find(&mut self, id: u32, attempt: u8) -> Option<&mut Sample<W>> {
        if self.pick.is_drawn(id, self.pick.finest) { self.search(id, attempt) } else { None }
    }

    /// The same for one that may have been drawn in any case.
    pub fn search(&mut self, id: u32, attempt: u8) -> Option<&mut Sample<W>> {
        self.ring.iter_mut().rev().find(|s| s.id == id && s.attempt == attempt)
    }

    /// The fate of this attempt is decided, unless it was before.
    #[inline]
    pub fn end(&mut self, now: Us, id: u32, attempt: u8, fate: Fate) {
        if let Some(s) = self.find(id, attempt) {
            s.close(now, fate);
        }
    }

    /// Oldest first.
    pub fn iter(&self) -> impl Iterator<Item = &Sample<W>> + '_ {
        self.ring.iter()
    }

    /// One request in so many is drawn: the picture says so.
    pub fn one_in(&self) -> u32 {
        self.pick.every
    }

    /// Bytes beyond the struct itself.
    pub fn weight(&self) -> usize {
        self.ring.len() * size_of::<Sample<W>>()
    }
}

/// Totals of each second of the run. Measures take the whole seconds from their first argument to
/// their second.
///
/// ```
/// use sim::Us;
/// use sim::look::Seconds;
///
/// #[derive(Clone, Copy, Debug, Default)]
/// struct Second { arrived: u32, good: u32 }
///
/// let mut seconds: Seconds<Second> = Seconds::new(3_600);
/// *seconds.at(Us::ms(500)) = Second { arrived: 10, good: 9 };
/// *seconds.at(Us::ms(1_500)) = Second { arrived: 10, good: 6 };
/// assert_eq!(seconds.share(&[0.0, 2.0], |s| s.good.into(), |s| s.arrived.into()), Some(75.0));
/// assert_eq!(seconds.per_s(&[0.0, 2.0], |s| s.good.into()), Some(7.5));
/// assert_eq!(seconds.sum(&[2.0, 4.0], |s| s.good.into()), None);
/// ```
#[derive(Clone, Debug)]
pub struct Seconds<T> {
    rows: Vec<T>,
    most: u32,
}

impl<T: Copy + Default> Seconds<T> {
    /// At most so many; what comes later counts in the last of them.
    pub fn new(most: u32) -> Seconds<T> {
        Seconds { rows: Vec::new(), most }
    }

    /// The totals of the second that this moment is in.
    #[inline]
    pub fn at(&mut self, moment: Us) -> &mut T {
        let i = ((moment.0 / 1_000_000) as usize).min(self.most as usize - 1);
        if i >= self.rows.len() {
            self.rows.resize(i + 1, T::default());
        }
        &mut self.rows[i]
    }

    /// The next second, for those who count it elsewhere until it is over.
    pub fn push(&mut self, row: T) {
        if self.rows.len() < self.most as usize {
            self.rows.push(row);
        }
    }

    pub fn rows(&self) -> &[T] {
        &self.rows
    }

    /// The whole seconds from the first argument to the second, if there are any yet.
    pub fn between(&self, args: &[f64]) -> Option<&[T]> {
        let [from, to] = [args.first()?, args.get(1)?].map(|s| (*s + 0.5) as usize);
        self.rows.get(from..to.min(self.rows.len())).filter(|rows| !rows.is_empty())
    }

    pub fn sum(&self, args: &[f64], of: fn(&T) -> f64) -> Option<f64> {
        Some(self.between(args)?.iter().map(of).sum())
    }

    pub fn per_s(&self, args: &[f64], of: fn(&T) -> f64) -> Option<f64> {
        Some(self.sum(args, of)? / self.between(args)?.len() as f64)
    }

    /// The sum of the one over the sum of the other.
    pub fn mean(&self, args: &[f64], of: fn(&T) -> f64, each: fn(&T) -> f64) -> Option<f64> {
        let n = self.sum(args, each)?;
        if n > 0.0 { Some(self.sum(args, of)? / n) } else { None }
    }

    /// The same in percent.
    pub fn share(&self, args: &[f64], part: fn(&T) -> f64, whole: fn(&T) -> f64) -> Option<f64> {
        percent(self.sum(args, part)?, self.sum(args, whole)?)
    }

    /// Seconds from this moment until five seconds running were good; so far, if there were none yet.
    pub fn recovered(&self, from: Us, now: Us, good: fn(&T) -> bool) -> f64 {
        let first = from.0.div_ceil(1_000_000) as usize;
        let rows = self.rows.get(first..).unwrap_or(&[]);
        let back = rows.windows(5).position(|five| five.iter().all(good));
        back.map_or(now, |i| Us::s((first + i) as u64)).since(from).as_s()
    }

    /// Bytes beyond the struct itself.
    pub fn weight(&self) -> usize {
        self.rows.len() * size_of::<T>()
    }
}

/// A share in percent, if there is a whole.
pub fn percent(part: f64, whole: f64) -> Option<f64> {
    (whole > 0.0).then(|| 100.0 * part / whole)
}

/// A percentile in milliseconds, if there were enough samples for it.
pub fn ms(span: Option<Us>) -> Option<f64> {
    span.map(Us::as_ms)
}

/// Tenths, as a log line carries them: 25 is "2.5", 30 is "3".
pub fn tenths(n: i64) -> String {
    show(n as f64 / 10.0)
}

/// A span in microseconds, as a log line carries it.
pub fn span(us: i64) -> Us {
    Us(us.max(0) as u64)
}

/// With a capital letter at the beginning.
pub fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or(String::new(), |c| c.to_ascii_uppercase().to_string() + chars.as_str())
}

/// "patience is now 500 ms": what a line of [`crate::kernel::Ctx::log_knob`] says.
pub fn knob_now(knobs: &[Knob], which: i64, thousandths: i64) -> String {
    knobs.get(which as usize).map_or_else(String::new, |k| {
        format!("{} is now {}", k.label.to_ascii_lowercase(), k.show(thousandths as f64 / 1_000.0))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Whatever the paces: what is followed to its end is among what was begun, at most `most` of it,
        /// and a request from before a change of pace is still found.
        #[test]
        fn samples_are_bounded_and_followed(rates in prop::collection::vec(1.0f64..5_000.0, 1..6), scattered: bool) {
            let mut samples: Samples<()> = Samples::new(40.0, 64);
            if scattered {
                samples = samples.scattered();
            }
            let mut id = 0;
            for rate in rates {
                samples.pace(rate);
                for _ in 0..200 {
                    samples.begin(Us(u64::from(id)), id, 1, ());
                    samples.end(Us(u64::from(id) + 1), id, 1, Fate::Good);
                    samples.end(Us(u64::from(id) + 2), id, 1, Fate::Lost);
                    id += 1;
                }
                prop_assert!(samples.iter().all(|s| s.fate == Fate::Good && s.end.0 == s.at.0 + 1));
                prop_assert!(samples.weight() <= 64 * size_of::<Sample<()>>());
                // One that is under way while the pace changes.
                samples.begin(Us(u64::from(id)), id, 2, ());
                let drawn = samples.search(id, 2).is_some();
                samples.pace(rate * 3.0);
                prop_assert_eq!(samples.find(id, 2).is_some(), drawn);
                samples.end(Us(u64::from(id) + 1), id, 2, Fate::Good);
                id += 1;
            }
        }
    }

    #[test]
    fn recovery_is_five_good_seconds() {
        let mut seconds: Seconds<bool> = Seconds::new(20);
        for good in [true, true, true, true, false, true, true, true, true] {
            seconds.push(good);
        }
        let now = Us::s(9);
        assert_eq!(seconds.recovered(Us::ms(500), now, |s| *s), 8.5);
        seconds.push(true);
        assert_eq!(seconds.recovered(Us::ms(500), now, |s| *s), 4.5);
        assert_eq!(seconds.recovered(Us::s(30), Us::s(30), |s| *s), 0.0);
    }

    #[test]
    fn sentences_begin_with_a_capital() {
        assert_eq!(capital("client A"), "Client A");
        assert_eq!(capital(""), "");
        assert_eq!((tenths(25), tenths(30)), ("2.5".to_string(), "3".to_string()));
    }
}
