//! Load balancer: which of many servers gets the next request.
//!
//! ```text
//!                      /--> server 1   outstanding 3
//!   requests --> [balancer] --> server 2   outstanding 1   <- least
//!                      \--> server 3   out of rotation: failed its checks
//! ```
//!
//! Four ways to choose. *Round robin* takes turns and knows nothing. *Random* knows nothing either
//! and is uneven: after m requests for n servers each has m/n, give or take √(m/n). *Least
//! outstanding* sends to the server with the fewest of this balancer's requests under way. *Two
//! choices* draws two servers at random and takes the less loaded of them: almost as even as asking
//! all, for two looks. n requests for n servers give the fullest one about ln ln n / ln 2, where
//! random choice gives ln n / ln ln n (Azar, Broder, Karlin, Upfal, SIAM J. Comput. 1999;
//! Mitzenmacher, IEEE TPDS 2001).
//!
//! A balancer knows only the requests that it sent itself. Several balancers before the same
//! servers each see a part of the load.
//!
//! *Health checks* ask every server now and then. So many failures in a row take it out of
//! rotation, so many successes put it back; until then requests still go there. A balancer with a
//! *home zone* keeps to the servers of its zone while one of them is in rotation.
//!
//! Leaves out: weights, slow start, stickiness, and a balancer's own speed and failure, which are
//! the owner's.

use crate::kernel::Us;

/// How a server is chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice {
    RoundRobin,
    Random,
    LeastOutstanding,
    TwoChoices,
}

/// When checks change what is in rotation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HealthRule {
    /// Time between two checks of the same server; the owner schedules them.
    pub every: Us,
    /// So many failures in a row take a server out.
    pub fall: u8,
    /// So many successes in a row put it back.
    pub rise: u8,
}

/// What a check changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    TakenOut,
    PutBack,
}

#[derive(Clone, Copy, Debug)]
struct Target {
    outstanding: u16,
    zone: u8,
    /// Results in a row that speak against its present state.
    against: u8,
    healthy: bool,
}

#[derive(Clone, Debug)]
pub struct Balancer {
    targets: Vec<Target>,
    /// Those that may be chosen.
    rotation: Vec<u16>,
    home: Option<u8>,
    turn: u32,
}

/// A fair whole number below `n` from 32 fair bits.
#[inline(always)]
fn below(bits: u32, n: usize) -> usize {
    ((u64::from(bits) * n as u64) >> 32) as usize
}

impl Balancer {
    /// One target for each of the zones given, all healthy. With a `home` the balancer prefers
    /// targets of that zone.
    pub fn new(zones: impl IntoIterator<Item = u8>, home: Option<u8>) -> Balancer {
        let targets =
            zones.into_iter().map(|zone| Target { outstanding: 0, zone, against: 0, healthy: true }).collect();
        let mut balancer = Balancer { targets, rotation: Vec::new(), home, turn: 0 };
        balancer.rotate();
        balancer
    }

    /// The zone preferred from now on, or none.
    pub fn set_home(&mut self, home: Option<u8>) {
        self.home = home;
        self.rotate();
    }

    /// Works out who may be chosen: the healthy ones at home; all healthy ones if home has none.
    fn rotate(&mut self) {
        let (targets, home) = (&self.targets, self.home);
        let healthy = |i: &u16| targets[*i as usize].healthy;
        let at_home = |i: &u16| home.is_none_or(|z| targets[*i as usize].zone == z);
        let all = 0..targets.len() as u16;
        self.rotation.clear();
        self.rotation.extend(all.clone().filter(healthy).filter(at_home));
        if self.rotation.is_empty() {
            self.rotation.extend(all.filter(healthy));
        }
    }

    /// Chooses a server for a request and counts it as outstanding. `avoid` is one that has just
    /// refused this request: it is not chosen again while there is another. `bits` are fair bits
    /// for the choices that draw. `None` when nothing is in rotation.
    #[inline]
    pub fn pick(&mut self, choice: Choice, bits: u64, avoid: Option<u16>) -> Option<u16> {
        let n = self.rotation.len();
        if n == 0 {
            return None;
        }
        let mut place = match choice {
            Choice::RoundRobin => {
                self.turn = if self.turn as usize + 1 >= n { 0 } else { self.turn + 1 };
                self.turn as usize
            }
            Choice::Random => below(bits as u32, n),
            Choice::LeastOutstanding => self.least(),
            Choice::TwoChoices => self.better_of_two(bits),
        };
        if n > 1 && avoid == Some(self.rotation[place]) {
            place = if place + 1 == n { 0 } else { place + 1 };
        }
        let target = self.rotation[place];
        let t = &mut self.targets[target as usize];
        t.outstanding = t.outstanding.saturating_add(1);
        Some(target)
    }

    /// The place of the least loaded; ties go to the next in turn, so that equals share.
    fn least(&mut self) -> usize {
        let n = self.rotation.len();
        let start = if self.turn as usize + 1 >= n { 0 } else { self.turn as usize + 1 };
        let (mut best, mut fewest) = (start, u16::MAX);
        for place in (start..n).chain(0..start) {
            let outstanding = self.targets[self.rotation[place] as usize].outstanding;
            if outstanding < fewest {
                (best, fewest) = (place, outstanding);
                if fewest == 0 {
                    break;
                }
            }
        }
        self.turn = best as u32;
        best
    }

    #[inline]
    fn better_of_two(&self, bits: u64) -> usize {
        let n = self.rotation.len();
        let first = below(bits as u32, n);
        if n == 1 {
            return first;
        }
        // The second is one of the others.
        let mut second = below((bits >> 32) as u32, n - 1);
        second += usize::from(second >= first);
        let load = |place: usize| self.targets[self.rotation[place] as usize].outstanding;
        if load(second) < load(first) { second } else { first }
    }

    /// A request that was sent to this server is over, however it ended.
    #[inline]
    pub fn release(&mut self, target: u16) {
        let t = &mut self.targets[target as usize];
        t.outstanding = t.outstanding.saturating_sub(1);
    }

    /// The result of a health check.
    pub fn observe(&mut self, target: u16, passed: bool, rule: HealthRule) -> Option<Change> {
        let t = &mut self.targets[target as usize];
        if passed == t.healthy {
            t.against = 0;
            return None;
        }
        t.against = t.against.saturating_add(1);
        let needed = if t.healthy { rule.fall } else { rule.rise };
        if t.against < needed {
            return None;
        }
        (t.healthy, t.against) = (passed, 0);
        self.rotate();
        Some(if passed { Change::PutBack } else { Change::TakenOut })
    }

    /// Everything outstanding is forgotten: the connections are gone.
    pub fn forget(&mut self) {
        self.targets.iter_mut().for_each(|t| t.outstanding = 0);
    }

    pub fn outstanding(&self, target: u16) -> u16 {
        self.targets[target as usize].outstanding
    }
    pub fn is_healthy(&self, target: u16) -> bool {
        self.targets[target as usize].healthy
    }
    /// Targets that may be chosen now.
    pub fn in_rotation(&self) -> usize {
        self.rotation.len()
    }
    pub fn len(&self) -> usize {
        self.targets.len()
    }
    pub fn is_empty(&self) -> bool {
        self.targets.is_empty()
    }
    pub fn weight(&self) -> usize {
        self.targets.len() * core::mem::size_of::<Target>() + self.rotation.len() * 2
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::Stream;
    use proptest::prelude::*;

    const RULE: HealthRule = HealthRule { every: Us::s(2), fall: 3, rise: 2 };

    fn of(n: usize) -> Balancer {
        Balancer::new(std::iter::repeat_n(0, n), None)
    }

    /// Sends m requests that never end and returns how many each server got.
    fn split(choice: Choice, n: usize, m: usize, seed: u64) -> Vec<u16> {
        let (mut b, mut s) = (of(n), Stream::new(seed, "test", "balancer", 0));
        for _ in 0..m {
            b.pick(choice, s.bits(), None).expect("all are healthy");
        }
        (0..n as u16).map(|t| b.outstanding(t)).collect()
    }

    #[test]
    fn turns_and_least_are_even_and_random_is_not() {
        for choice in [Choice::RoundRobin, Choice::LeastOutstanding] {
            assert!(split(choice, 7, 700, 1).iter().all(|c| *c == 100));
        }
        // Random: binomial with variance m·(1/n)(1 - 1/n).
        let (n, m) = (50, 20_000);
        let counts = split(Choice::Random, n, m, 2);
        let mean = m as f64 / n as f64;
        let variance = counts.iter().map(|c| (f64::from(*c) - mean) * (f64::from(*c) - mean)).sum::<f64>() / n as f64;
        let expected = mean * (1.0 - 1.0 / n as f64);
        // The variance of 50 counts has a relative standard error of √(2/50) = 20 %.
        assert!((variance / expected - 1.0).abs() < 0.6, "{variance} for {expected}");
    }

    #[test]
    fn two_choices_are_almost_as_even_as_all() {
        let n = 4_096;
        let max = |choice| (1..=5).map(|s| *split(choice, n, n, s).iter().max().unwrap_or(&0)).max().unwrap_or(0);
        let (random, two) = (max(Choice::Random), max(Choice::TwoChoices));
        // ln ln 4096 / ln 2 = 3.06, plus a constant; random: about ln n / ln ln n = 3.9, in practice 6 to 8.
        assert!((3..=4).contains(&two), "two choices: {two}");
        assert!(random >= 6, "random: {random}");
    }

    #[test]
    fn of_two_servers_two_choices_find_the_lesser() {
        let mut draws = Stream::new(1, "test", "two", 0);
        for busy in 0..2u16 {
            let mut b = of(2);
            b.targets[busy as usize].outstanding = 99;
            assert!((0..50).all(|_| b.pick(Choice::TwoChoices, draws.bits(), None) == Some(1 - busy)));
        }
    }

    /// Equals share, idle or equally busy.
    #[test]
    fn ties_go_to_the_next_in_turn() {
        let mut b = of(3);
        let mut one = |release: bool| {
            let target = b.pick(Choice::LeastOutstanding, 0, None).unwrap();
            if release {
                b.release(target);
            }
            target
        };
        assert_eq!([true; 6].map(&mut one), [1, 2, 0, 1, 2, 0]);
        assert_eq!([false; 6].map(&mut one), [1, 2, 0, 1, 2, 0]);
        b.forget();
        assert_eq!([0, 1, 2].map(|t| b.outstanding(t)), [0; 3]);
        assert!(b.len() == 3 && !b.is_empty() && of(0).is_empty());
    }

    #[test]
    fn checks_need_a_row_of_results() {
        let mut b = of(3);
        assert_eq!(b.observe(1, false, RULE), None);
        assert_eq!(b.observe(1, false, RULE), None);
        assert_eq!(b.observe(1, true, RULE), None, "a success breaks the row");
        assert_eq!(b.observe(1, false, RULE), None);
        assert_eq!(b.observe(1, false, RULE), None);
        assert_eq!(b.observe(1, false, RULE), Some(Change::TakenOut));
        assert!((0..10).all(|i| b.pick(Choice::RoundRobin, i, None) != Some(1)));
        assert_eq!(b.observe(1, true, RULE), None);
        assert_eq!(b.observe(1, true, RULE), Some(Change::PutBack));
        assert_eq!(b.in_rotation(), 3);
    }

    #[test]
    fn home_comes_first_while_it_lives() {
        let mut b = Balancer::new([0, 0, 1, 1], Some(1));
        let picks =
            |b: &mut Balancer| -> Vec<u16> { (0..4).filter_map(|i| b.pick(Choice::RoundRobin, i, None)).collect() };
        assert!(picks(&mut b).iter().all(|t| *t >= 2));
        for t in [2, 3] {
            for _ in 0..3 {
                b.observe(t, false, RULE);
            }
        }
        assert!(picks(&mut b).iter().all(|t| *t < 2), "other zones help out");
        let mut anywhere = Balancer::new([0, 0, 1, 1], Some(1));
        anywhere.set_home(None);
        assert_eq!(anywhere.in_rotation(), 4);
        anywhere.set_home(Some(0));
        assert!(picks(&mut anywhere).iter().all(|t| *t < 2));
        for t in [0, 1] {
            for _ in 0..3 {
                b.observe(t, false, RULE);
            }
        }
        assert_eq!(b.pick(Choice::TwoChoices, 5, None), None);
    }

    proptest! {
        #[test]
        fn it_counts_what_it_sent_and_chooses_only_the_healthy(
            moves in prop::collection::vec((0u8..4, any::<u64>()), 1..300),
            which in 0usize..4,
        ) {
            let choice = [Choice::RoundRobin, Choice::Random, Choice::LeastOutstanding, Choice::TwoChoices][which];
            let mut b = of(9);
            let mut open: Vec<u16> = Vec::new();
            for (what, bits) in moves {
                let target = (bits % 9) as u16;
                match what {
                    0 | 1 => {
                        let fewest = (0..9).filter(|t| b.is_healthy(*t)).map(|t| b.outstanding(t)).min();
                        match b.pick(choice, bits, (what == 1).then_some(target)) {
                            Some(t) => {
                                prop_assert!(b.is_healthy(t));
                                prop_assert!(what == 0 || t != target || b.in_rotation() == 1);
                                if choice == Choice::LeastOutstanding && what == 0 {
                                    prop_assert_eq!(Some(b.outstanding(t) - 1), fewest);
                                }
                                open.push(t);
                            }
                            None => prop_assert_eq!(b.in_rotation(), 0),
                        }
                    }
                    2 => { b.observe(target, bits & 64 == 0, RULE); }
                    _ => if !open.is_empty() {
                        b.release(open.swap_remove(bits as usize % open.len()));
                    },
                }
                for t in 0..9 {
                    prop_assert_eq!(b.outstanding(t) as usize, open.iter().filter(|o| **o == t).count());
                }
                let healthy = (0..9).filter(|t| b.is_healthy(*t)).count();
                prop_assert_eq!(b.in_rotation(), healthy);
            }
        }
    }
}
