//! Load generator: open arrivals that do not slow down because the server is slow.
//!
//! ```text
//!   [load] --> whatever is under test
//! ```
//!
//! A Poisson process of a rate that may change at any moment. The gaps come from the tape as
//! unit-rate exponentials and are stretched by the rate in force (the time change of an
//! inhomogeneous Poisson process; Çinlar, *Introduction to Stochastic Processes*, 1975, section
//! 4.7). So two sides with the same rates see the same arrivals to the microsecond, whatever else
//! differs between them.
//!
//! Leaves out: correlated bursts other than those made by changing the rate.

use crate::kernel::{Tape, Us};

#[derive(Clone, Debug)]
pub struct Load {
    tape: Tape,
    /// Requests a second now; zero stops the stream.
    rate: f64,
    /// Index of the arrival that comes next.
    next: u64,
    /// Unit-rate time still to pass before it.
    remaining: f64,
    /// When `remaining` was last right.
    since: Us,
    /// Grows with every change of rate: arrivals scheduled before it are void.
    pub generation: u32,
    /// Evenly spaced instead of Poisson.
    even: bool,
    /// Microseconds by which the last arrival was rounded, if that is kept track of.
    rounded: Option<f64>,
}

impl Load {
    pub fn new(tape: Tape, rate: f64) -> Load {
        Load { tape, rate, next: 0, remaining: tape.gap(0), since: Us::ZERO, generation: 0, even: false, rounded: None }
    }

    /// Evenly spaced arrivals, for experiments whose answer is one exact number.
    pub fn even(tape: Tape, rate: f64) -> Load {
        Load { remaining: 1.0, even: true, ..Load::new(tape, rate) }
    }

    /// For gaps of a few microseconds: arrivals still fall on whole microseconds, but what was
    /// rounded off one gap is added to the next, so that the rate stays exact.
    pub fn fine(tape: Tape, rate: f64) -> Load {
        Load { rounded: Some(0.0), ..Load::new(tape, rate) }
    }

    pub fn rate(&self) -> f64 {
        self.rate
    }

    /// When the next arrival is due at the present rate; `None` while the rate is zero. Schedule an
    /// event for it that carries `generation`, and ignore it if the generation has moved on.
    pub fn due(&self) -> Option<Us> {
        match self.rounded {
            None => (self.rate > 0.0).then(|| self.since + Us::from_s(self.remaining / self.rate)),
            Some(off) => (self.rate > 0.0).then(|| self.since + Us::from_us(self.remaining / self.rate * 1e6 - off)),
        }
    }

    /// The arrival that was due now has come: returns its index and moves on to the next.
    pub fn arrive(&mut self, now: Us) -> u64 {
        let index = self.next;
        self.next += 1;
        if let Some(off) = &mut self.rounded {
            let exact = self.remaining / self.rate * 1e6 - *off;
            *off = (now.since(self.since).0 as f64 - exact).clamp(-1.0, 1.0);
        }
        self.remaining = if self.even { 1.0 } else { self.tape.gap(self.next) };
        self.since = now;
        index
    }

    /// Changes the rate. The part of the gap that has passed stays passed.
    pub fn set_rate(&mut self, now: Us, rate: f64) {
        let passed = now.since(self.since).as_s() * self.rate;
        self.remaining = (self.remaining - passed).max(0.0);
        self.since = now;
        self.rate = rate;
        self.rounded = self.rounded.map(|_| 0.0);
        self.generation += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arrivals(load: &mut Load, until: Us) -> Vec<Us> {
        let mut times = Vec::new();
        while let Some(at) = load.due().filter(|t| *t <= until) {
            load.arrive(at);
            times.push(at);
        }
        times
    }

    #[test]
    fn poisson_counts_have_mean_and_variance_of_the_rate() {
        let mut load = Load::new(Tape::new(5), 100.0);
        let times = arrivals(&mut load, Us::s(4_000));
        let mut counts = vec![0f64; 4_000];
        for t in &times {
            counts[(t.0 / 1_000_000).min(3_999) as usize] += 1.0;
        }
        let mean = counts.iter().sum::<f64>() / 4_000.0;
        let variance = counts.iter().map(|c| (c - mean) * (c - mean)).sum::<f64>() / 4_000.0;
        assert!((mean / 100.0 - 1.0).abs() < 0.01, "mean {mean}");
        assert!((variance / 100.0 - 1.0).abs() < 0.08, "variance {variance}");
    }

    #[test]
    fn a_change_of_rate_keeps_the_tape() {
        let mut steady = Load::new(Tape::new(9), 10.0);
        let mut changed = Load::new(Tape::new(9), 10.0);
        let first = arrivals(&mut steady, Us::s(10));
        assert_eq!(first, arrivals(&mut changed, Us::s(10)));
        // Ten times the rate for the same tape: the same gaps, a tenth as long.
        changed.set_rate(Us::s(10), 100.0);
        let fast = arrivals(&mut changed, Us::s(20));
        let slow = arrivals(&mut steady, Us::s(110));
        assert!(fast.len().abs_diff(slow.len()) <= 1, "{} {}", fast.len(), slow.len());
        for (f, s) in fast.iter().zip(&slow) {
            let expected = 10.0 + (s.as_s() - 10.0) / 10.0;
            assert!((f.as_s() - expected).abs() < 1e-3);
        }
    }

    #[test]
    fn even_arrivals_are_even() {
        let times = arrivals(&mut Load::even(Tape::new(1), 8.0), Us::s(10));
        let expected: Vec<Us> = (1..=80).map(|i| Us(i * 125_000)).collect();
        assert_eq!(times, expected);
    }

    /// A million a second: rounding each gap for itself would lose 4 % of them.
    #[test]
    fn fine_arrivals_keep_the_rate() {
        let n = arrivals(&mut Load::fine(Tape::new(3), 1e6), Us::s(1)).len() as f64;
        assert!((n / 1e6 - 1.0).abs() < 0.004, "{n}");
        // Where gaps are long, it is the same process.
        let (fine, plain) = (Load::fine(Tape::new(4), 50.0), Load::new(Tape::new(4), 50.0));
        for (f, p) in arrivals(&mut { fine }, Us::s(20)).iter().zip(arrivals(&mut { plain }, Us::s(20))) {
            assert!(f.0.abs_diff(p.0) < 50);
        }
    }

    #[test]
    fn no_rate_no_arrivals() {
        let mut load = Load::new(Tape::new(1), 0.0);
        assert_eq!((load.due(), Load::fine(Tape::new(1), 0.0).due()), (None, None));
        load.set_rate(Us::s(3), 1.0);
        assert!(load.due().is_some_and(|t| t >= Us::s(3)));
    }
}
