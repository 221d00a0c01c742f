//! Adaptive concurrency limit: how many may be inside, found out by measuring.
//!
//! ```text
//!   requests ---> ( at most L inside ) ---> [ line ] ( workers ) ---> answers
//!         |refused        ^                                             |
//!         v               +------------- round-trip times --------------+
//! ```
//!
//! A fixed limit is right for one speed of what lies behind it. These three look for the limit
//! themselves. They all look once a *window*, which is as long as it takes to answer a limit's worth
//! of requests (at least 20), and they all refuse to grow while less than half of the limit is used.
//!
//! - **AIMD** (additive increase, multiplicative decrease; Chiu and Jain 1989, and TCP): one more
//!   while answers are fast enough, a tenth less when they are late or lost. Needs to be told what
//!   *late* is.
//! - **Vegas** (Brakmo and Peterson 1995; Netflix concurrency-limits): estimates the queue behind the
//!   limit as L (1 - base/rtt), by Little's law, and keeps it between α and β requests.
//! - **Gradient** (Envoy's adaptive concurrency filter): L becomes L · 1.25 base/rtt + √L.
//!
//! Vegas and Gradient need the base, the round-trip time without a queue. They measure it by letting
//! fewer inside for a while: half the limit for 200 answers, at the start and then every so often.
//! (Envoy: three, for 50 answers. The more service times vary, the more answers it takes: with
//! exponential ones a mean of 50 is off by 14 %, which for a limit of 40 is a queue of six that is not
//! there.) Without measuring again, a lasting slowdown would look like a queue for ever.
//!
//! The block keeps no clock: its owner tells it every answer and asks it for the limit.
//!
//! Leaves out: percentiles instead of means within a window, jitter of the times at which the base is
//! measured.

use crate::kernel::Us;

/// How a limit is found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Rule {
    /// Answers that take longer than this are late.
    Aimd {
        late: Us,
    },
    /// The queue that is wanted, in requests: at least α, at most β.
    Vegas {
        alpha: f64,
        beta: f64,
    },
    Gradient,
}

/// A window has at least so many answers.
const WINDOW_MIN: u32 = 20;
/// What AIMD multiplies by.
const DECREASE: f64 = 0.9;
/// Gradient's tolerance of the base: a quarter more is not yet a queue.
const BUFFER: f64 = 1.25;
/// While the base is measured half the limit is let inside, at least this many, for so many answers.
pub const PROBE_LIMIT_MIN: u32 = 3;
const PROBE_ANSWERS: u32 = 200;

/// What has been measured since the window began.
#[derive(Clone, Copy, Debug, Default)]
struct Window {
    answers: u32,
    sum_us: u64,
    lost: bool,
    /// The most that were inside.
    peak: u32,
}

#[derive(Clone, Debug)]
pub struct Adaptive {
    rule: Rule,
    limit: f64,
    min: u32,
    max: u32,
    window: Window,
    /// Round-trip time without a queue, in microseconds.
    base: Option<f64>,
    /// Answers until the base is known; the first few were sent before and do not count.
    probing: u32,
    probe_every: Us,
    probe_at: Us,
}

impl Adaptive {
    /// Begins at `initial`; the limit stays between `min` (at least 1) and `max`. The base is
    /// measured again every `probe_every`.
    pub fn new(rule: Rule, initial: u32, min: u32, max: u32, probe_every: Us) -> Adaptive {
        let min = min.max(1);
        let probing = if matches!(rule, Rule::Aimd { .. }) { 0 } else { PROBE_ANSWERS };
        Adaptive {
            rule,
            limit: f64::from(initial.clamp(min, max.max(min))),
            min,
            max: max.max(min),
            window: Window::default(),
            base: None,
            probing,
            probe_every,
            probe_at: probe_every,
        }
    }

    /// How many may be inside now.
    #[inline]
    pub fn limit(&self) -> u32 {
        let limit = self.limit as u32;
        if self.probing > 0 { limit.min((limit / 2).max(PROBE_LIMIT_MIN)) } else { limit }
    }

    /// Whether the base is being measured.
    pub fn is_probing(&self) -> bool {
        self.probing > 0
    }

    /// The round-trip time without a queue, as far as it is known.
    pub fn base(&self) -> Option<Us> {
        self.base.map(Us::from_us)
    }

    /// An answer after `rtt`; `inside` were inside with it. A `lost` one was given up or timed out.
    /// True when the limit has changed.
    pub fn answer(&mut self, now: Us, rtt: Us, inside: u32, lost: bool) -> bool {
        let before = self.limit();
        let w = &mut self.window;
        w.answers += 1;
        w.sum_us += rtt.0;
        w.lost |= lost;
        w.peak = w.peak.max(inside);
        if self.probing > 0 {
            self.probe();
        } else if w.answers >= WINDOW_MIN.max(self.limit as u32) {
            let w = core::mem::take(w);
            self.limit = crate::order::between(self.next(&w), f64::from(self.min), f64::from(self.max));
            if now >= self.probe_at && self.base.is_some() {
                self.probe_at = now + self.probe_every;
                // Those who are inside now must leave before the measurement means anything.
                self.probing = PROBE_ANSWERS + w.peak;
            }
        }
        self.limit() != before
    }

    fn probe(&mut self) {
        self.probing -= 1;
        match self.probing {
            PROBE_ANSWERS => self.window = Window::default(),
            0 => {
                let w = core::mem::take(&mut self.window);
                self.base = Some((w.sum_us as f64 / f64::from(w.answers)).max(1.0));
            }
            _ => {}
        }
    }

    /// The limit after a window.
    fn next(&self, w: &Window) -> f64 {
        let limit = self.limit;
        let rtt = w.sum_us as f64 / f64::from(w.answers);
        // A limit that is not used says nothing about whether a higher one would be too high.
        let used = f64::from(w.peak) * 2.0 >= limit;
        match self.rule {
            Rule::Aimd { late } if w.lost || rtt > late.0 as f64 => limit * DECREASE,
            Rule::Aimd { .. } => limit + f64::from(u8::from(used)),
            Rule::Vegas { alpha, beta } => {
                let queue = limit * (1.0 - (self.base.unwrap_or(rtt) / rtt.max(1.0)).min(1.0));
                if queue > beta {
                    limit - 1.0
                } else if queue < alpha && used {
                    limit + 1.0
                } else {
                    limit
                }
            }
            Rule::Gradient => {
                let gradient = (BUFFER * self.base.unwrap_or(rtt) / rtt.max(1.0)).clamp(0.5, 2.0);
                let next = limit * gradient + libm::sqrt(limit);
                if next > limit && !used { limit } else { next }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A server of `workers` that each take `service`, with the limit always used: by Little's law
    /// the round trip is L/C once more are inside than there are workers.
    fn settle(rule: Rule, workers: f64, service: Us, answers: u32) -> Vec<u32> {
        let mut limit = Adaptive::new(rule, 20, 1, 1_000, Us::s(1_000_000));
        let mut seen = Vec::new();
        for i in 0..answers {
            let inside = limit.limit();
            let rtt = service.0 as f64 * (f64::from(inside) / workers).max(1.0);
            limit.answer(Us(u64::from(i)), Us(rtt as u64), inside, false);
            seen.push(limit.limit());
        }
        seen.split_off(answers as usize * 3 / 4)
    }

    #[test]
    fn vegas_keeps_the_queue_it_is_told_to_keep() {
        for workers in [10.0, 30.0, 100.0] {
            for limit in settle(Rule::Vegas { alpha: 3.0, beta: 6.0 }, workers, Us::ms(100), 60_000) {
                let queue = f64::from(limit) - workers;
                assert!((3.0..=6.0).contains(&queue), "{workers} workers: {limit}");
            }
        }
    }

    /// At rest L = 1.25 c + √L.
    #[test]
    fn gradient_rests_at_a_quarter_more_and_a_root() {
        for workers in [10.0, 30.0, 100.0] {
            let root = (1.0 + libm::sqrt(1.0 + 5.0 * workers)) / 2.0;
            let expected = root * root;
            for limit in settle(Rule::Gradient, workers, Us::ms(100), 20_000) {
                assert!((f64::from(limit) / expected - 1.0).abs() < 0.06, "{workers}: {limit} for {expected}");
            }
        }
    }

    /// The saw's teeth: up to where answers are late, a tenth down, and up again.
    #[test]
    fn aimd_saws_below_the_delay_it_is_told() {
        let limits = settle(Rule::Aimd { late: Us::ms(400) }, 10.0, Us::ms(100), 40_000);
        let (low, high) = (limits.iter().min().unwrap(), limits.iter().max().unwrap());
        assert!((35..=36).contains(low) && (40..=41).contains(high), "{low} {high}");
    }

    #[test]
    fn the_base_is_measured_again_and_follows_a_lasting_slowdown() {
        let mut limit = Adaptive::new(Rule::Vegas { alpha: 3.0, beta: 6.0 }, 20, 1, 1_000, Us::s(10));
        let mut now = Us::ZERO;
        for i in 0..40_000u64 {
            let service = if i < 10_000 { 100.0 } else { 300.0 };
            let inside = limit.limit();
            let rtt = Us::from_ms(service * (f64::from(inside) / 30.0).max(1.0));
            now += Us((rtt.0 / u64::from(inside)).max(1));
            limit.answer(now, rtt, inside, false);
        }
        assert_eq!(limit.base(), Some(Us::ms(300)));
        let l = limit.limit();
        assert!(limit.is_probing() || (33..=36).contains(&l), "{l}");
    }

    /// Half the limit while the base is measured, and at least three; the first answers were sent before and do not count.
    #[test]
    fn a_measurement_lets_half_inside_and_forgets_who_came_before() {
        let vegas = Rule::Vegas { alpha: 3.0, beta: 6.0 };
        assert_eq!(Adaptive::new(vegas, 5, 1, 100, Us::s(1)).limit(), 3);
        let mut limit = Adaptive::new(vegas, 41, 1, 100, Us::s(1));
        for i in 0..PROBE_ANSWERS {
            assert!(limit.is_probing() && limit.base().is_none());
            assert_eq!(limit.limit(), 20);
            limit.answer(Us(u64::from(i)), Us::ms(100), 20, false);
        }
        assert!(!limit.is_probing());
        assert_eq!((limit.base(), limit.limit()), (Some(Us::ms(100)), 41));
        // The window that ends after the second lets out those that are inside, 40, before it measures again.
        for _ in 0..41 {
            limit.answer(Us::s(1), Us::ms(900), 40, false);
        }
        assert!(limit.is_probing());
        for i in 0..PROBE_ANSWERS + 40 {
            assert!(limit.is_probing());
            limit.answer(Us::s(1), Us::ms(if i < 40 { 900 } else { 200 }), 20, false);
        }
        assert!(!limit.is_probing());
        assert_eq!(limit.base(), Some(Us::ms(200)));
        assert!(!Adaptive::new(Rule::Aimd { late: Us::ms(1) }, 5, 1, 9, Us::s(1)).is_probing(), "needs no base");
    }

    /// One lost answer in a window is enough for a tenth less, and a window without one is one more.
    #[test]
    fn a_lost_answer_is_a_late_window() {
        let mut limit = Adaptive::new(Rule::Aimd { late: Us::ms(400) }, 20, 1, 100, Us::s(1));
        let mut window = |lost: usize, inside: u32| {
            for i in 0..limit.limit().max(WINDOW_MIN) as usize {
                limit.answer(Us::ZERO, Us::ms(400), inside, i == lost);
            }
            limit.limit()
        };
        assert_eq!(window(99, 10), 21, "half of it was used, and at the delay is not late");
        assert_eq!(window(99, 10), 21, "less than half of it was used");
        assert_eq!(window(0, 20), 18, "90 % of 21");
    }

    proptest! {
        /// Whatever is measured, the limit stays in its range, and a limit that is not used never grows.
        #[test]
        fn limits_stay_in_range_and_only_grow_when_used(
            which in 0usize..3,
            min in 1u32..10,
            more in 0u32..200,
            used: bool,
            rtts in prop::collection::vec((1u64..5_000_000, any::<bool>()), 100..2_000),
        ) {
            let rule = [Rule::Aimd { late: Us::ms(500) }, Rule::Vegas { alpha: 3.0, beta: 6.0 }, Rule::Gradient][which];
            let mut limit = Adaptive::new(rule, 20, min, min + more, Us::ms(300));
            let mut unused = limit.limit;
            for (i, (rtt, lost)) in rtts.into_iter().enumerate() {
                let inside = if used { limit.limit() } else { limit.limit() / 4 };
                limit.answer(Us::ms(i as u64), Us(rtt), inside, lost);
                prop_assert!(limit.limit() <= min + more);
                prop_assert!(limit.limit() >= min.min(PROBE_LIMIT_MIN));
                if !used {
                    prop_assert!(limit.limit <= unused);
                    unused = limit.limit;
                }
            }
        }
    }

    /// Owners act on what they are told has changed; and from one measurement to the next it is as long as was said.
    #[test]
    fn changes_are_told_and_measurements_keep_their_distance() {
        let mut limit = Adaptive::new(Rule::Vegas { alpha: 3.0, beta: 6.0 }, 20, 1, 100, Us::s(10));
        let mut began = Vec::new();
        for i in 0..35_000 {
            let before = (limit.limit(), limit.is_probing());
            let told = limit.answer(Us::ms(i), Us::ms(100), before.0, false);
            assert_eq!(told, limit.limit() != before.0);
            if limit.is_probing() && !before.1 {
                began.push(i);
            }
        }
        assert!(began.len() == 3 && began.windows(2).all(|w| w[1] - w[0] >= 10_000), "{began:?}");
    }
}
