//! Burn-rate alerts: page when the error budget goes too fast, over a long window and a short one.
//!
//! ```text
//!   counters --scrape--> [ good and bad so far ] --share over each window--> [ rules ] --> page, ticket
//! ```
//!
//! An objective of 99.9 % allows an error share of 0.1 %: the *budget*, for 30 days. The **burn rate** is the error share
//! over what is allowed: at 1 the budget lasts just the 30 days. A rule fires while the burn rate is above its threshold
//! over its long window (enough of the budget has gone for somebody to be woken) *and* over its short window (it is
//! still going). The thresholds and windows are those of the *Site Reliability Workbook* (Google, 2018), chapter 5,
//! "Multiwindow, multi-burn-rate alerts": 14.4 over 1 h and 5 min, 6 over 6 h and 30 min, 1 over 3 d and 6 h.
//!
//! With a constant error share e after a clean past, the share over a window of w is e·t/w after t. So a rule with burn
//! rate b holds after b·(1 - objective)·w/e: [`holds_after`].
//!
//! Before the run there was clean traffic of the same rate. Leaves out: `for:` clauses, grouping and routing of alerts,
//! objectives other than by request.

use crate::deque::Deque;
use crate::kernel::Us;

/// A rule with its windows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rule {
    pub long: Us,
    pub short: Us,
    /// How many times as fast as allowed.
    pub burn: f64,
    /// Wakes somebody; otherwise it can wait for the morning.
    pub pages: bool,
}

const fn hours(h: u64) -> Us {
    Us::s(h * 3_600)
}

/// The three rules of the workbook, for 99.9 % over 30 days.
pub const RULES: [Rule; 3] = [
    Rule { long: hours(1), short: Us::s(300), burn: 14.4, pages: true },
    Rule { long: hours(6), short: Us::s(1_800), burn: 6.0, pages: true },
    Rule { long: hours(72), short: hours(6), burn: 1.0, pages: false },
];

/// The share of a 30-day budget that is gone when a rule holds: burn × window / 30 d.
///
/// ```
/// use sim::blocks::burn_rate::{RULES, budget_gone};
/// let percent: Vec<f64> = RULES.iter().map(|r| (budget_gone(r) * 1e3).round() / 10.0).collect();
/// assert_eq!(percent, [2.0, 5.0, 10.0]);
/// ```
pub fn budget_gone(rule: &Rule) -> f64 {
    rule.burn * rule.long.as_s() / (30.0 * 86_400.0)
}

/// When a rule holds at a constant error share after a clean past; never if the share is not above the threshold.
///
/// ```
/// use sim::{Us, blocks::burn_rate::{RULES, holds_after}};
/// assert_eq!(holds_after(&RULES[0], 0.999, 1.0), Some(Us::ms(51_840)));
/// assert_eq!(holds_after(&RULES[0], 0.999, 0.01), None);
/// assert_eq!(holds_after(&RULES[1], 0.999, 0.01), Some(Us::s(12_960)));
/// ```
pub fn holds_after(rule: &Rule, objective: f64, share: f64) -> Option<Us> {
    let threshold = rule.burn * (1.0 - objective);
    (share > threshold).then(|| Us::from_s(threshold / share * rule.long.as_s()))
}

/// Good and bad so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    pub all: u32,
    pub bad: u32,
}

/// A tally at each scrape, for as long as the longest window.
#[derive(Clone, Debug)]
pub struct Tallies {
    every: Us,
    ring: Deque<Tally>,
    /// Scrapes that have fallen out at the old end.
    forgotten: u64,
    most: usize,
    /// Requests between two scrapes before the run.
    past: f64,
}

impl Tallies {
    /// `past`: requests a second before the run, none of them bad.
    pub fn new(every: Us, longest: Us, past: f64) -> Tallies {
        let most = (longest.0 / every.0.max(1)) as usize + 2;
        Tallies { every, ring: Deque::from([Tally::default()]), forgotten: 0, most, past: past * every.as_s() }
    }

    /// The next scrape, `every` after the one before.
    pub fn push(&mut self, tally: Tally) {
        if self.ring.len() == self.most {
            self.ring.pop_front();
            self.forgotten += 1;
        }
        self.ring.push_back(tally);
    }

    /// Requests a second before the run.
    pub fn past_rate(&self) -> f64 {
        self.past / self.every.as_s()
    }

    pub fn last(&self) -> Tally {
        self.ring.back().copied().unwrap_or_default()
    }

    /// (all, bad) so far at this many scrapes after the start; on a straight line between two.
    fn at(&self, scrape: f64) -> (f64, f64) {
        if scrape < 0.0 {
            return (scrape * self.past, 0.0);
        }
        let i = (scrape as u64).saturating_sub(self.forgotten) as usize;
        let low = self.ring.get(i).copied().unwrap_or_else(|| self.last());
        let high = self.ring.get(i + 1).copied().unwrap_or(low);
        let part = scrape - (scrape as u64) as f64;
        let between = |a: u32, b: u32| f64::from(a) + (f64::from(b) - f64::from(a)) * part;
        (between(low.all, high.all), between(low.bad, high.bad))
    }

    /// The error share over the window that ends now, where the tally is `tally`. `None` without traffic.
    pub fn share(&self, now: Us, tally: Tally, window: Us) -> Option<f64> {
        let from = (now.0 as f64 - window.0 as f64) / self.every.0.max(1) as f64;
        let (all, bad) = self.at(from);
        let n = f64::from(tally.all) - all;
        (n > 0.0).then(|| (f64::from(tally.bad) - bad) / n)
    }

    /// Bytes beyond the struct itself.
    pub fn weight(&self) -> usize {
        self.ring.len() * size_of::<Tally>()
    }
}

/// What a rule sees: burn rates over its windows, and whether it fires.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Seen {
    pub long: f64,
    pub short: f64,
    pub fires: bool,
}

/// Looks at one rule. Windows and budget are those of the rule divided by `faster`. Without its short window a rule goes
/// on as long as the long one remembers.
pub fn look(rule: &Rule, tallies: &Tallies, now: Us, tally: Tally, budget: f64, both: bool, faster: u64) -> Seen {
    let burn = |window: Us| tallies.share(now, tally, Us(window.0 / faster.max(1))).unwrap_or(0.0) / budget;
    let (long, short) = (burn(rule.long), burn(rule.short));
    // A hair below the threshold is the threshold: 0.0144 has no exact form in binary.
    let above = |b: f64| b > rule.burn * (1.0 + 1e-9);
    Seen { long, short, fires: above(long) && (!both || above(short)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Scrapes every second; bad ones from a list of (per second, seconds), 100 requests a second.
    fn run(spells: &[(u32, u32)]) -> (Tallies, Us) {
        let mut t = Tallies::new(Us::s(1), hours(72), 100.0);
        let (mut tally, mut now) = (Tally::default(), Us::ZERO);
        for (bad, seconds) in spells {
            for _ in 0..*seconds {
                tally = Tally { all: tally.all + 100, bad: tally.bad + bad };
                now += Us::s(1);
                t.push(tally);
            }
        }
        (t, now)
    }

    #[test]
    fn rules_fire_when_their_closed_form_says() {
        for (bad, share) in [(100, 1.0), (10, 0.1), (2, 0.02), (1, 0.01)] {
            for rule in &RULES {
                let (mut t, mut tally) = (Tallies::new(Us::s(1), hours(72), 100.0), Tally::default());
                let mut fired = None;
                for s in 1..=5 * 3_600 {
                    tally = Tally { all: tally.all + 100, bad: tally.bad + bad };
                    t.push(tally);
                    if look(rule, &t, Us::s(s), tally, 0.001, true, 1).fires {
                        fired = Some(s as f64);
                        break;
                    }
                }
                let expected = holds_after(rule, 0.999, share).filter(|t| *t < Us::s(5 * 3_600)).map(Us::as_s);
                match (fired, expected) {
                    (Some(f), Some(e)) => assert!(f - e > 0.0 && f - e <= 1.001, "{share}: {f} for {e}"),
                    (f, e) => assert_eq!(f, e, "{share}"),
                }
            }
        }
    }

    /// After the trouble, the short window lets go within its length; the long one alone holds on.
    #[test]
    fn the_short_window_lets_go() {
        let (mut t, mut now) = run(&[(100, 120)]);
        let mut tally = t.last();
        let fires = |t: &Tallies, now, tally, both| look(&RULES[0], t, now, tally, 0.001, both, 1).fires;
        assert!(fires(&t, now, tally, true) && fires(&t, now, tally, false));
        let mut ends = [None, None];
        for s in 1..=3_700u64 {
            tally.all += 100;
            now += Us::s(1);
            t.push(tally);
            for (end, both) in ends.iter_mut().zip([true, false]) {
                if end.is_none() && !fires(&t, now, tally, both) {
                    *end = Some(s);
                }
            }
        }
        // The short one: until its 300 s hold at most 1.44 % of trouble. The long one: until its hour does.
        assert_eq!(ends, [Some(296), Some(3_600 - 51)]);
    }

    /// 14.4 times the budget of 30 days for an hour is 2 % of it, and so on: the workbook's own table.
    #[test]
    fn rules_say_how_much_of_the_budget_is_gone() {
        let percent: Vec<f64> = RULES.iter().map(|r| (budget_gone(r) * 1e3).round() / 10.0).collect();
        assert_eq!(percent, [2.0, 5.0, 10.0]);
        // An objective of 50 % has a threshold without rounding.
        let half = Rule { burn: 1.0, ..RULES[0] };
        assert_eq!(holds_after(&half, 0.5, 0.5), None, "at the threshold is not above it");
        assert_eq!(holds_after(&half, 0.5, 1.0), Some(Us::s(1_800)));
    }

    /// Between two scrapes requests are spread evenly; before the run they came at the rate that was given.
    #[test]
    fn a_window_may_begin_between_two_scrapes() {
        let mut t = Tallies::new(Us::s(10), Us::s(100), 5.0);
        assert_eq!(t.past_rate(), 5.0);
        let tallies = [(100, 40), (200, 40), (300, 50)].map(|(all, bad)| Tally { all, bad });
        tallies.iter().for_each(|tally| t.push(*tally));
        let share = |now: u64, window: u64| t.share(Us::s(now), t.last(), Us::s(window)).unwrap();
        assert_eq!(share(30, 25), (50.0 - 20.0) / (300.0 - 50.0), "from 5 s on");
        assert_eq!(share(30, 12), 10.0 / 120.0, "from 18 s on");
        assert_eq!(share(30, 40), 50.0 / 350.0, "from 10 s before the run on");
    }

    /// What is older than the longest window is given up, and all that is younger keeps its place.
    #[test]
    fn old_scrapes_fall_out() {
        let mut t = Tallies::new(Us::s(1), Us::s(10), 0.0);
        for s in 1..=100 {
            t.push(Tally { all: s * 10, bad: s.saturating_sub(95) });
        }
        assert_eq!(t.ring.len(), 12);
        assert_eq!(t.share(Us::s(100), t.last(), Us::s(10)), Some(5.0 / 100.0));
        assert_eq!(t.share(Us::s(100), t.last(), Us::s(3)), Some(3.0 / 30.0));
    }

    #[test]
    fn no_traffic_is_no_alert() {
        let mut t = Tallies::new(Us::s(1), hours(72), 0.0);
        t.push(Tally::default());
        assert_eq!(t.share(Us::s(1), Tally::default(), Us::s(10)), None);
        assert!(!look(&RULES[0], &t, Us::s(1), Tally::default(), 0.001, true, 1).fires);
    }

    proptest! {
        /// Fires if and only if both windows are above; and the share of a window is that of its seconds.
        #[test]
        fn it_fires_iff_both_windows_exceed(spells in prop::collection::vec((0u32..20, 1u32..2_000), 1..8)) {
            let (t, now) = run(&spells);
            let tally = t.last();
            let each: Vec<u32> = spells.iter().flat_map(|(bad, s)| vec![*bad; *s as usize]).collect();
            for rule in &RULES[..2] {
                let share = |window: Us| {
                    let w = (window.0 / 1_000_000) as usize;
                    let bad: u32 = each.iter().rev().take(w).sum();
                    f64::from(bad) / (100.0 * w as f64)
                };
                let seen = look(rule, &t, now, tally, 0.001, true, 1);
                prop_assert!((seen.long - share(rule.long) / 0.001).abs() < 1e-6);
                prop_assert!((seen.short - share(rule.short) / 0.001).abs() < 1e-6);
                let above = |s: f64| s / 0.001 > rule.burn * (1.0 + 1e-9);
                prop_assert_eq!(seen.fires, above(share(rule.long)) && above(share(rule.short)));
            }
        }
    }
}
