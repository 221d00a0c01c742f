//! Load tester: one that sends by the clock, and one that waits for each answer.
//!
//! ```text
//!   open     |  |  |  |  |  |  |      a request each interval, whatever comes back
//!   closed   |  |  |..............|   one connection: the next when the last has been answered
//!                   ^ the server stands still
//! ```
//!
//! A closed tester slows down with the server, so the requests that would have waited are never sent and never counted:
//! *coordinated omission* (Gil Tene, "How NOT to Measure Latency", 2013; the difference between open and closed systems
//! is Schroeder, Wierman, Harchol-Balter, "Open Versus Closed: A Cautionary Tale", NSDI 2006). [`Tester::corrected`] puts
//! back what a closed tester has left out, as HdrHistogram does with an expected interval: a wait of v stands for waits
//! of v - i, v - 2i, ... too.
//!
//! Leaves out: more than one connection, ramps, think times, and the tester's own limits.

use crate::kernel::Us;
use crate::measure::hist::Hist;

#[derive(Clone, Debug)]
pub struct Tester {
    open: bool,
    interval: Us,
    /// When the next request is due.
    next: Us,
    /// No more from then on.
    until: Us,
    /// Sent and not answered. A closed tester never has two.
    waiting: u32,
    sent: u32,
    measured: Hist,
    corrected: Hist,
}

impl Tester {
    /// From `from` until `until`, one request each `interval` if answers come in time.
    pub fn new(open: bool, interval: Us, from: Us, until: Us) -> Tester {
        let interval = Us(interval.0.max(1));
        Tester { open, interval, next: from, until, waiting: 0, sent: 0, measured: Hist::new(), corrected: Hist::new() }
    }

    /// When to send next. A closed tester that waits does not know yet.
    pub fn due(&self) -> Option<Us> {
        (self.next < self.until && (self.open || self.waiting == 0)).then_some(self.next)
    }

    /// The request that was due has been sent.
    pub fn sent(&mut self, now: Us) {
        self.waiting += 1;
        self.sent += 1;
        // The next is counted from this one: a closed tester does not catch up.
        self.next = now + self.interval;
    }

    /// An answer, or what stands for one, after `took`.
    pub fn answered(&mut self, now: Us, took: Us) {
        self.waiting = self.waiting.saturating_sub(1);
        if !self.open {
            self.next = self.next.max(now);
        }
        self.measured.add(took);
        self.corrected.add(took);
        let mut rest = took;
        // At most as many as would have been sent.
        while !self.open && rest.0 >= 2 * self.interval.0 {
            rest = rest - self.interval;
            self.corrected.add(rest);
        }
    }

    pub fn is_open(&self) -> bool {
        self.open
    }
    pub fn count(&self) -> u32 {
        self.sent
    }
    /// Requests that the schedule wanted by now and that were not sent: omitted.
    pub fn omitted(&self, from: Us, now: Us) -> u64 {
        (now.min(self.until).since(from).0 / self.interval.0).saturating_sub(u64::from(self.sent))
    }
    /// What the tester reports.
    pub fn measured(&self) -> &Hist {
        &self.measured
    }
    /// The same with the omitted ones put back.
    pub fn corrected(&self) -> &Hist {
        &self.corrected
    }
    /// Bytes beyond the struct itself.
    pub fn weight(&self) -> usize {
        self.measured.weight() + self.corrected.weight()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A server that answers one after the other in `service`, and stands still from `freeze` for `lasts`.
    fn test(open: bool, service: Us, freeze: Us, lasts: Us) -> Tester {
        let mut t = Tester::new(open, Us::ms(10), Us::ZERO, Us::s(100));
        let mut free = Us::ZERO;
        let mut answers: std::collections::VecDeque<(Us, Us)> = Default::default();
        loop {
            let due = t.due();
            let answer = answers.front().copied();
            match (due, answer) {
                (Some(d), a) if a.is_none_or(|a| d < a.0) => {
                    let mut begin = free.max(d);
                    if begin + service > freeze && begin < freeze + lasts {
                        begin = freeze + lasts;
                    }
                    free = begin + service;
                    answers.push_back((free, free - d));
                    t.sent(d);
                }
                (_, Some((at, took))) => {
                    answers.pop_front();
                    t.answered(at, took);
                }
                _ => return t,
            }
        }
    }

    #[test]
    fn a_closed_tester_hides_ten_seconds_of_silence() {
        let closed = test(false, Us::ms(1), Us::s(50), Us::s(10));
        // A histogram is off by at most 0.8 %.
        let ms = closed.measured().quantile(0.99).unwrap().as_ms();
        assert!((ms - 1.0).abs() < 0.008, "{ms}");
        assert_eq!((closed.count(), closed.omitted(Us::ZERO, Us::s(100))), (9_001, 999));
        let s = closed.corrected().quantile(0.99).unwrap().as_s();
        assert!((s - 9.0).abs() < 0.1, "{s}");
        // 1,000 wait, and they go as fast as the server can: 10 s - 0.01 k + 0.001 k for the k-th.
        let open = test(true, Us::ms(1), Us::s(50), Us::s(10));
        let s = open.measured().quantile(0.99).unwrap().as_s();
        assert_eq!(open.count(), 10_000);
        assert!((s - 9.1).abs() < 0.08, "{s}");
    }

    proptest! {
        /// Without a silence longer than its interval, a closed tester says what an open one says.
        #[test]
        fn they_agree_while_answers_come_in_time(us in 1u64..10_000, at in 0u64..90) {
            let [open, closed] = [true, false].map(|o| test(o, Us(us), Us::s(at), Us::ZERO));
            prop_assert_eq!(open.measured().quantile(0.99), closed.measured().quantile(0.99));
            prop_assert_eq!((open.count(), closed.count()), (10_000, 10_000));
        }

        /// What was sent and what was omitted is what was planned; corrected, the closed one is near the open one.
        #[test]
        fn what_was_omitted_is_put_back(at in 1u64..80, lasts in 2u64..15) {
            let closed = test(false, Us::ms(1), Us::s(at), Us::s(lasts));
            let open = test(true, Us::ms(1), Us::s(at), Us::s(lasts));
            let omitted = closed.omitted(Us::ZERO, Us::s(100));
            prop_assert_eq!(u64::from(closed.count()) + omitted, 10_000);
            prop_assert!(closed.corrected().count().abs_diff(10_000) <= 1);
            let [c, o] = [closed.corrected(), open.measured()].map(|h| h.quantile(0.99).unwrap().as_s());
            prop_assert!((c - o).abs() <= 0.13 * o, "{c} {o}");
        }
    }

    /// At one request each 10 ms a wait of 35 ms stands for waits of 25 and 15 ms too, as HdrHistogram has it; an open
    /// tester has left nothing out.
    #[test]
    fn a_long_wait_stands_for_those_it_has_hidden() {
        for (open, ms, waits) in [(false, 35, 3), (false, 30, 3), (false, 19, 1), (true, 35, 1)] {
            let mut t = Tester::new(open, Us::ms(10), Us::ZERO, Us::s(1));
            t.sent(Us::ZERO);
            t.answered(Us::ms(ms), Us::ms(ms));
            assert_eq!((t.is_open(), t.measured().count(), t.corrected().count()), (open, 1, waits), "{ms}");
        }
    }
}
