//! Database node: statements that run at the same time share one machine, and get in each other's way.
//!
//! ```text
//!   connections --begin--> { running statements: each at the speed x(n) } --finish--> answers
//!                              |  ^
//!                        locked v  | unlocked
//!                          [ lock queue ]
//! ```
//!
//! n running statements complete X₁·C(n) a second between them, all at the same speed (processor
//! sharing). C is the universal scalability law (Gunther, *Guerrilla Capacity Planning*, 2007):
//!
//! ```text
//!   C(n) = n / (1 + α(n-1) + βn(n-1))
//! ```
//!
//! α is what has to be done one after the other, β what each statement costs every other one
//! (caches, latches, switching). With β > 0 there is a best n, √((1-α)/β), and beyond it every
//! further statement makes all of them slower *and lowers the total*. For a load below the peak
//! X₁·C(n) = load has two solutions: a good one, and a tipping point beyond which the node cannot
//! work off what arrives and runs into ever more statements, if somebody lets them in.
//!
//! Each statement brings its work, in statements' worth (mean 1). The node keeps a clock of work done
//! for each running statement; a statement is finished when that clock has passed its work. One
//! event for the next to finish is enough; it carries a generation and is void once that has moved.
//!
//! The lock is one exclusive lock that some statements need: first come, first served, held while the
//! statement runs. A statement in the lock queue holds its connection and does no work.
//!
//! The block keeps no clock and schedules nothing. Leaves out: memory and disk as separate resources,
//! isolation levels, deadlocks.

use crate::deque::Deque;
use crate::kernel::Us;
use core::cmp::Reverse;
use std::collections::BinaryHeap;

/// The law, with the rate of a single statement.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Usl {
    /// X₁: statements a second when each runs alone.
    pub alone: f64,
    pub alpha: f64,
    pub beta: f64,
}

impl Usl {
    /// C(n): how many times the rate of one.
    #[inline]
    pub fn speedup(&self, n: f64) -> f64 {
        n / (1.0 + self.alpha * (n - 1.0) + self.beta * n * (n - 1.0))
    }
    /// Statements a second with n running.
    pub fn throughput(&self, n: f64) -> f64 {
        if n <= 0.0 { 0.0 } else { self.alone * self.speedup(n) }
    }
    /// Work done a second for each of n.
    #[inline]
    fn speed(&self, n: usize) -> f64 {
        let n = n as f64;
        self.alone / (1.0 + self.alpha * (n - 1.0) + self.beta * n * (n - 1.0))
    }
    /// The n of most throughput, √((1-α)/β); `None` when more is always better.
    pub fn peak(&self) -> Option<f64> {
        (self.beta > 0.0).then(|| libm::sqrt((1.0 - self.alpha).max(0.0) / self.beta).max(1.0))
    }
    /// The n at which the node completes just this load: the good one and, if there is one, the tipping
    /// point. `None` if the load is above the peak.
    pub fn equilibria(&self, load: f64) -> Option<(f64, Option<f64>)> {
        // X₁n = load·(1 + α(n-1) + βn(n-1))  <=>  a·n² - b·n + c = 0
        let (a, c) = (load * self.beta, load * (1.0 - self.alpha));
        let b = self.alone - load * (self.alpha - self.beta);
        if load <= 0.0 || b <= 0.0 {
            return None;
        }
        if a <= 0.0 {
            return Some((c / b, None));
        }
        let d = b * b - 4.0 * a * c;
        if d < 0.0 {
            return None;
        }
        let root = libm::sqrt(d);
        // The form that does not cancel.
        Some((2.0 * c / (b + root), Some((b + root) / (2.0 * a))))
    }
}

/// A statement by its owner's number.
pub type Statement = u32;

#[derive(Clone, Debug)]
pub struct Database {
    usl: Usl,
    /// How many times slower everything is; infinite while it stands still.
    factor: f64,
    stalled: bool,
    /// Work done for each statement that has run since the beginning.
    clock: f64,
    since: Us,
    running: BinaryHeap<Reverse<Running>>,
    /// Void what was scheduled under another generation.
    pub generation: u32,
    /// Work of what finished, and work done for what was cancelled or lost.
    pub served: f64,
    pub wasted: f64,
    lock: Lock,
}

/// Sorted by the clock at which it is done. Work is kept as the bits of a float, since positive
/// floats sort like their bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Running {
    done: u64,
    id: Statement,
    work: u64,
}

impl Running {
    fn left(&self, clock: f64) -> f64 {
        (f64::from_bits(self.done) - clock).max(0.0)
    }
    /// What has been done of it.
    fn spent(&self, clock: f64) -> f64 {
        (f64::from_bits(self.work) - self.left(clock)).max(0.0)
    }
}

/// Who holds the lock, and who waits with how much work.
#[derive(Clone, Debug, Default)]
struct Lock {
    holder: Option<Holder>,
    queue: Deque<(Statement, f64)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Holder {
    Statement(Statement),
    /// Somebody from outside: a migration, a session left open.
    Outside,
}

impl Database {
    pub fn new(usl: Usl) -> Database {
        Database {
            usl,
            factor: 1.0,
            stalled: false,
            clock: 0.0,
            since: Us::ZERO,
            running: BinaryHeap::new(),
            generation: 0,
            served: 0.0,
            wasted: 0.0,
            lock: Lock::default(),
        }
    }

    pub fn usl(&self) -> &Usl {
        &self.usl
    }
    /// Statements that share the machine.
    pub fn active(&self) -> usize {
        self.running.len()
    }
    /// Statements that wait for the lock.
    pub fn locked(&self) -> usize {
        self.lock.queue.len()
    }
    pub fn factor(&self) -> f64 {
        self.factor
    }
    pub fn is_stalled(&self) -> bool {
        self.stalled
    }
    /// The statement that holds the lock.
    pub fn lock_holder(&self) -> Option<Statement> {
        match self.lock.holder {
            Some(Holder::Statement(id)) => Some(id),
            _ => None,
        }
    }
    pub fn lock_held_from_outside(&self) -> bool {
        self.lock.holder == Some(Holder::Outside)
    }

    /// Brings the clock of work up to now. Call before anything that changes who runs.
    #[inline]
    fn pass(&mut self, now: Us) {
        let n = self.running.len();
        if n > 0 && !self.stalled {
            self.clock += self.usl.speed(n) / self.factor * now.since(self.since).as_s();
        }
        self.since = now;
    }

    /// A statement begins with this much work, in statements' worth. Schedule what [`Database::due`]
    /// then says.
    #[inline]
    pub fn begin(&mut self, now: Us, id: Statement, work: f64) {
        self.pass(now);
        self.generation += 1;
        let work = work.max(0.0);
        self.running.push(Reverse(Running { done: (self.clock + work).to_bits(), id, work: work.to_bits() }));
    }

    /// Like [`Database::begin`], for a statement that needs the lock. False when it has to wait for it.
    pub fn begin_locked(&mut self, now: Us, id: Statement, work: f64) -> bool {
        if self.lock.holder.is_some() {
            self.lock.queue.push_back((id, work));
            return false;
        }
        self.lock.holder = Some(Holder::Statement(id));
        self.begin(now, id, work);
        true
    }

    /// When the next statement is done if nothing changes; `None` if nothing runs or all stands still.
    #[inline]
    pub fn due(&self) -> Option<Us> {
        if self.stalled {
            return None;
        }
        let Reverse(next) = self.running.peek()?;
        let seconds = next.left(self.clock) * self.factor / self.usl.speed(self.running.len());
        // Rounded up, so that it is done when the time comes.
        Some(self.since + Us((seconds * 1e6) as u64 + 1))
    }

    /// The statement whose work is done by now, one at a time.
    pub fn finish(&mut self, now: Us) -> Option<Statement> {
        self.pass(now);
        let Reverse(next) = *self.running.peek()?;
        if next.left(self.clock) > 0.0 {
            return None;
        }
        self.running.pop();
        self.generation += 1;
        self.served += f64::from_bits(next.work);
        self.unlock(now, next.id);
        Some(next.id)
    }

    /// The caller has cancelled it, or its connection is gone. False if it was not here.
    pub fn cancel(&mut self, now: Us, id: Statement) -> bool {
        self.pass(now);
        self.generation += 1;
        let waiting = self.lock.queue.len();
        self.lock.queue.retain(|(s, _)| *s != id);
        if self.lock.queue.len() < waiting {
            return true;
        }
        let (running, clock) = (self.running.len(), self.clock);
        let mut spent = 0.0;
        self.running.retain(|Reverse(r)| {
            if r.id == id {
                spent = r.spent(clock);
            }
            r.id != id
        });
        if self.running.len() == running {
            return false;
        }
        self.wasted += spent;
        self.unlock(now, id);
        true
    }

    /// The lock passes to the next in the queue, if this statement was its holder.
    fn unlock(&mut self, now: Us, by: Statement) {
        if self.lock.holder == Some(Holder::Statement(by)) {
            self.pass_lock_on(now);
        }
    }
    fn pass_lock_on(&mut self, now: Us) {
        self.lock.holder = None;
        if let Some((next, work)) = self.lock.queue.pop_front() {
            self.lock.holder = Some(Holder::Statement(next));
            self.begin(now, next, work);
        }
    }

    /// Somebody from outside takes the lock, ahead of the queue. A statement that holds it runs on.
    pub fn take_lock(&mut self) {
        self.lock.holder = Some(Holder::Outside);
    }
    pub fn release_lock(&mut self, now: Us) {
        self.pass(now);
        self.generation += 1;
        if self.lock_held_from_outside() {
            self.pass_lock_on(now);
        }
    }

    /// Everything takes `factor` times as long from now on.
    pub fn set_factor(&mut self, now: Us, factor: f64) {
        self.pass(now);
        self.generation += 1;
        self.factor = factor.max(1e-3);
    }
    /// Nothing moves while it is stalled: a checkpoint, a failing disk.
    pub fn set_stalled(&mut self, now: Us, stalled: bool) {
        self.pass(now);
        self.generation += 1;
        self.stalled = stalled;
    }

    /// It dies: everything that ran or waited is lost, in the order in which it would have finished.
    pub fn crash(&mut self, now: Us, mut lost: impl FnMut(Statement)) {
        self.pass(now);
        self.generation += 1;
        let mut running = core::mem::take(&mut self.running);
        while let Some(Reverse(r)) = running.pop() {
            self.wasted += r.spent(self.clock);
            lost(r.id);
        }
        for (id, _) in self.lock.queue.drain(..) {
            lost(id);
        }
        self.lock.holder = None;
    }

    pub fn weight(&self) -> usize {
        self.running.len() * 24 + self.lock.queue.len() * 16
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::{Stream, unit_exp};
    use proptest::prelude::*;

    const USL: Usl = Usl { alone: 200.0, alpha: 0.05, beta: 0.0033 };

    #[test]
    fn the_peak_and_the_two_equilibria() {
        let n = USL.peak().unwrap();
        assert!((n - 17.0).abs() < 0.05, "{n}");
        assert!((USL.throughput(17.0) - 1_260.0).abs() < 1.0);
        assert!((USL.throughput(200.0) - 281.0).abs() < 1.0);
        let (good, tipping) = USL.equilibria(900.0).unwrap();
        assert!((good - 6.12).abs() < 0.01 && (tipping.unwrap() - 47.1).abs() < 0.05, "{good} {tipping:?}");
        assert_eq!(USL.equilibria(1_300.0), None);
        let linear = Usl { alone: 200.0, alpha: 0.0, beta: 0.0 };
        assert_eq!(linear.equilibria(900.0), Some((4.5, None)));
        assert_eq!(linear.peak(), None);
        // What is taken in turns for half of the time bounds the rate at twice that of one.
        let turns = Usl { alpha: 0.5, ..linear };
        assert_eq!((turns.equilibria(300.0), turns.equilibria(500.0)), (Some((3.0, None)), None));
    }

    /// Two statements with α = β = 0 do not notice each other; with α = 1 they take turns.
    #[test]
    fn sharing() {
        for (alpha, both) in [(0.0, 5_001), (1.0, 10_001)] {
            let mut db = Database::new(Usl { alone: 200.0, alpha, beta: 0.0 });
            db.begin(Us::ZERO, 1, 1.0);
            db.begin(Us::ZERO, 2, 1.0);
            assert_eq!(db.due(), Some(Us(both)));
            assert_eq!(db.finish(Us(both - 2)), None);
            assert_eq!(db.finish(Us(both)), Some(1));
            assert_eq!(db.finish(Us(both)), Some(2));
            assert_eq!(db.due(), None);
        }
    }

    const PLAIN: Usl = Usl { alone: 200.0, alpha: 0.0, beta: 0.0 };

    /// Work goes on at the speed of the moment: none while all stands still, half while everything takes twice as long.
    #[test]
    fn what_has_been_done_stays_done_when_the_speed_changes() {
        let mut db = Database::new(PLAIN);
        db.begin(Us::ZERO, 1, 2.0);
        db.set_factor(Us::ms(5), 4.0);
        assert_eq!((db.factor(), db.due()), (4.0, Some(Us(25_001))), "half is left, at a quarter of the speed");
        db.set_stalled(Us::ms(15), true);
        assert_eq!((db.is_stalled(), db.due(), db.finish(Us::ms(90))), (true, None, None));
        db.set_stalled(Us::ms(100), false);
        assert_eq!((db.is_stalled(), db.due()), (false, Some(Us(110_001))), "a quarter is left");
        assert_eq!(db.finish(Us(110_001)), Some(1));
        assert_eq!((db.served, db.wasted), (2.0, 0.0));
    }

    /// An event that was scheduled for what is no longer next is void.
    #[test]
    fn whatever_changes_who_is_next_makes_scheduled_events_void() {
        let mut db = Database::new(PLAIN);
        let mut seen = std::collections::BTreeSet::from([db.generation]);
        let changes: [fn(&mut Database); 9] = [
            |db| db.begin(Us::ZERO, 1, 1.0),
            |db| db.begin(Us::ZERO, 2, 2.0),
            |db| assert_eq!(db.finish(Us(5_001)), Some(1)),
            |db| assert!(db.cancel(Us::ms(6), 2)),
            |db| db.set_factor(Us::ms(6), 2.0),
            |db| db.set_stalled(Us::ms(6), true),
            |db| db.set_stalled(Us::ms(6), false),
            |db| db.release_lock(Us::ms(6)),
            |db| db.crash(Us::ms(6), |_| ()),
        ];
        for change in changes {
            change(&mut db);
            assert!(seen.insert(db.generation));
        }
    }

    /// Cancelled or crashed, what was done of it was for nothing; the lock passes to the next, or is free.
    #[test]
    fn lost_work_is_counted_and_locks_are_given_back() {
        let mut db = Database::new(PLAIN);
        assert!(db.begin_locked(Us::ZERO, 1, 2.0) && !db.begin_locked(Us::ZERO, 2, 1.0));
        assert_eq!((db.lock_holder(), db.lock_held_from_outside()), (Some(1), false));
        assert!(db.cancel(Us::ms(5), 1));
        assert_eq!((db.wasted, db.lock_holder()), (1.0, Some(2)));
        db.begin(Us::ms(5), 3, 4.0);
        assert!(!db.begin_locked(Us::ms(5), 4, 1.0));
        let mut lost = Vec::new();
        db.crash(Us(7_500), |id| lost.push(id));
        assert_eq!((lost, db.wasted, db.lock_holder()), (vec![2, 3, 4], 2.0, None));
        assert_eq!((db.active(), db.locked(), db.served), (0, 0, 0.0));
        db.take_lock();
        assert_eq!((db.lock_holder(), db.lock_held_from_outside()), (None, true));
        db.release_lock(Us::ms(8));
        assert!(!db.lock_held_from_outside() && db.begin_locked(Us::ms(8), 5, 1.0));
    }

    #[test]
    fn a_lock_makes_a_queue_of_those_that_need_it() {
        let mut db = Database::new(Usl { alone: 200.0, alpha: 0.0, beta: 0.0 });
        assert!(db.begin_locked(Us::ZERO, 1, 1.0));
        assert!(!db.begin_locked(Us::ZERO, 2, 1.0));
        db.begin(Us::ZERO, 3, 1.0);
        assert_eq!((db.active(), db.locked()), (2, 1));
        assert_eq!(db.finish(Us(5_001)), Some(1));
        assert_eq!((db.active(), db.locked()), (2, 0));
        assert_eq!(db.finish(Us(5_001)), Some(3));
        assert_eq!(db.finish(Us(10_002)), Some(2));
        db.take_lock();
        assert!(!db.begin_locked(Us::s(1), 4, 1.0));
        assert!(db.cancel(Us::s(2), 4) && !db.cancel(Us::s(2), 4));
        assert!(!db.begin_locked(Us::s(2), 5, 1.0));
        db.release_lock(Us::s(3));
        assert_eq!(db.finish(Us(3_005_001)), Some(5));
    }

    /// A closed population keeps n at work, so completions a second must be X₁·C(n).
    #[test]
    fn completions_follow_the_law() {
        for n in [1u32, 6, 17, 47, 200] {
            let mut db = Database::new(USL);
            let mut demands = Stream::new(3, "test", "work", u64::from(n));
            let mut now = Us::ZERO;
            for id in 0..n {
                db.begin(now, id, unit_exp(demands.bits()));
            }
            let mut done = 0;
            while done < 40_000 {
                now = db.due().unwrap();
                while let Some(id) = db.finish(now) {
                    done += 1;
                    db.begin(now, id, unit_exp(demands.bits()));
                }
            }
            let got = f64::from(done) / now.as_s();
            let expected = USL.throughput(f64::from(n));
            assert!((got / expected - 1.0).abs() < 0.02, "n={n}: {got} for {expected}");
        }
    }

    proptest! {
        /// What is begun is finished, cancelled, lost or still there; and the work served and wasted is
        /// what the clock has done.
        #[test]
        fn nothing_is_lost(steps in prop::collection::vec((0u64..20_000, 0u8..8, 0.01f64..4.0), 1..200)) {
            let mut db = Database::new(USL);
            let mut now = Us::ZERO;
            let mut works: Vec<f64> = Vec::new();
            let mut served = 0.0;
            let (mut finished, mut cancelled, mut lost) = (0usize, 0usize, 0usize);
            for (gap, what, x) in steps {
                now += Us(gap);
                while let Some(id) = db.finish(now) {
                    served += works[id as usize];
                    finished += 1;
                }
                match what {
                    0..=2 => {
                        db.begin(now, works.len() as u32, x);
                        works.push(x);
                    }
                    3 => {
                        db.begin_locked(now, works.len() as u32, x);
                        works.push(x);
                    }
                    4 => {
                        let id = (x * 7.0) as u32 % (works.len().max(1) as u32);
                        cancelled += usize::from(db.cancel(now, id));
                    }
                    5 => db.set_factor(now, x),
                    6 => if x < 1.0 { db.take_lock() } else { db.release_lock(now) },
                    _ => if x < 0.05 { db.crash(now, |_| lost += 1) } else { db.set_stalled(now, x < 0.5) },
                }
                prop_assert_eq!(works.len(), finished + cancelled + lost + db.active() + db.locked());
                prop_assert!(db.due().is_none_or(|d| d > now || db.active() > 0));
            }
            // The sum of the finished statements' work is the work served.
            prop_assert!((db.served - served).abs() < 1e-9);
            prop_assert!(db.wasted >= 0.0 && db.served + db.wasted <= works.iter().sum::<f64>() + 1e-9);
        }

        #[test]
        fn equilibria_are_where_the_curve_meets_the_load(alone in 10.0f64..5_000.0, alpha in 0.0f64..0.3, beta in 1e-5f64..0.05, share in 0.05f64..0.99) {
            let usl = Usl { alone, alpha, beta };
            let n = usl.peak().unwrap();
            let load = usl.throughput(n) * share;
            let (good, tipping) = usl.equilibria(load).unwrap();
            let tipping = tipping.unwrap();
            prop_assert!(good <= n + 1e-6 && n <= tipping + 1e-6, "{} {} {}", good, n, tipping);
            for root in [good, tipping] {
                prop_assert!((usl.throughput(root) / load - 1.0).abs() < 1e-6);
            }
            prop_assert!(usl.throughput(n) >= usl.throughput(n + 0.5) && usl.throughput(n) >= usl.throughput((n - 0.5).max(1.0)));
        }
    }
}
