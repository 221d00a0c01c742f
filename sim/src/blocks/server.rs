//! Server pool and queue: c workers, and a line in front of them.
//!
//! ```text
//!              offer                     take
//!   requests --------> [ line: o o o o ] -----> ( worker ) ( worker ) ( worker ) --> answers
//!                |                         |
//!                v refused: full           v dropped: caller gone, waited too long
//! ```
//!
//! The line has an order (who is next), a bound (who may not join) and up to two rules that throw
//! out waiting work: drop what its caller no longer waits for, and *delay control*, which keeps
//! only fresh work while the line has not been empty for an interval (Maurer, "Fail at Scale", ACM
//! Queue 2015, after CoDel, Nichols and Jacobson 2012: 5 ms and 100 ms).
//!
//! Saying no costs work as well. A refusal leaves a debt of worker time, and a worker that becomes
//! free pays it before it takes the next request. So with capacity C, offered rate λ and a refusal
//! that costs the share κ of a request, what is left is (C - κλ)/(1 - κ).
//!
//! The block keeps no clock and schedules nothing: it says who is next, the owner schedules.
//!
//! Leaves out: preemption, processor sharing, and the cost of switching between requests.

use crate::deque::Deque;
use crate::kernel::{Us, unit_exp};

/// How service times vary around their mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Law {
    /// All the same.
    Fixed,
    /// Memoryless: many short ones, now and then a long one.
    Exponential,
    /// Heavier tail than the exponential: the logarithm is normal with standard deviation 1.
    LogNormal,
}

impl Law {
    /// The service demand at the quantile that 64 fair bits spell. The same bits are a heavy
    /// request under every law.
    #[inline]
    pub fn demand(self, bits: u64, mean: Us) -> Us {
        match self {
            Law::Fixed => mean,
            Law::Exponential => Us::from_us(unit_exp(bits) * mean.0 as f64),
            Law::LogNormal => {
                let upper = ((bits >> 11) as f64 + 0.5) * (1.0 / 9_007_199_254_740_992.0);
                // exp(z - 1/2) has mean 1; the upper tail probability is the quantile counted down.
                Us::from_us(libm::exp(-probit(upper) - 0.5) * mean.0 as f64)
            }
        }
    }
}

/// The standard normal quantile by P. J. Acklam's rational approximation (relative error 1.2e-9).
pub fn probit(p: f64) -> f64 {
    const A: [f64; 6] = [
        -3.969683028665376e1,
        2.209460984245205e2,
        -2.759285104469687e2,
        1.38357751867269e2,
        -3.066479806614716e1,
        2.506628277459239,
    ];
    const B: [f64; 5] =
        [-5.447609879822406e1, 1.615858368580409e2, -1.556989798598866e2, 6.680131188771972e1, -1.328068155288572e1];
    const C: [f64; 6] = [
        -7.784894002430293e-3,
        -3.223964580411365e-1,
        -2.400758277161838,
        -2.549732539343734,
        4.374664141464968,
        2.938163982698783,
    ];
    const D: [f64; 4] = [7.784695709041462e-3, 3.224671290700398e-1, 2.445134137142996, 3.754408661907416];
    let tail = |q: f64| {
        let top = C.iter().fold(0.0, |s, c| s * q + c);
        top / (D.iter().fold(0.0, |s, d| s * q + d) * q + 1.0)
    };
    if p < 0.02425 {
        tail(libm::sqrt(-2.0 * libm::log(p)))
    } else if p > 1.0 - 0.02425 {
        -tail(libm::sqrt(-2.0 * libm::log(1.0 - p)))
    } else {
        let q = p - 0.5;
        let r = q * q;
        let top = A.iter().fold(0.0, |s, a| s * r + a) * q;
        top / (B.iter().fold(0.0, |s, b| s * r + b) * r + 1.0)
    }
}

/// A request as a server sees it: 16 bytes, since hundreds of thousands may wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Job {
    /// Whose work it is: the request's number, and where its owner keeps it.
    pub id: u32,
    pub slot: u32,
    at_low: u32,
    at_high: u8,
    pub attempt: u8,
    /// 0 is the most important.
    pub class: u8,
}

impl Job {
    pub fn new(id: u32, slot: u32, attempt: u8, class: u8, at: Us) -> Job {
        let (at_low, at_high) = (at.0 as u32, (at.0 >> 32) as u8);
        Job { id, slot, at_low, at_high, attempt, class }
    }
    /// When it joined the line (40 bits of microseconds: twelve days).
    #[inline(always)]
    pub fn at(&self) -> Us {
        Us(u64::from(self.at_high) << 32 | u64::from(self.at_low))
    }
}

/// Who is next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// First in, first out.
    Fifo,
    /// Newest first: the one most likely to have somebody still waiting.
    Lifo,
    /// First in, first out while at most this many wait; newest first while more do (adaptive LIFO in
    /// the same article of Maurer's).
    LifoBeyond(u32),
    /// The most important class first; within a class first in, first out.
    Priority,
    /// The classes take turns.
    Fair,
}

/// Delay control as Maurer describes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DelayControl {
    /// What may wait while the line has not been empty for an interval.
    pub target: Us,
    /// What may wait otherwise, and how long "for a while" is.
    pub interval: Us,
}

impl DelayControl {
    /// 5 ms and 100 ms, as published.
    pub const PUBLISHED: DelayControl = DelayControl { target: Us::ms(5), interval: Us::ms(100) };
}

/// The rules of a line.
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    pub order: Order,
    /// How many may wait.
    pub bound: u32,
    /// Under `Priority`, a full line makes room for a more important request by refusing the
    /// newest of the least important ones.
    pub evict: bool,
    /// Callers leave after this long: do not start work whose caller has gone.
    pub expire: Option<Us>,
    pub delay_control: Option<DelayControl>,
}

impl Default for Rules {
    fn default() -> Rules {
        Rules { order: Order::Fifo, bound: u32::MAX, evict: false, expire: None, delay_control: None }
    }
}

/// What became of a request that wanted to join.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Offer {
    Joined,
    Refused,
    /// It joined; this one had to go for it.
    Evicted(Job),
}

/// Why waiting work was thrown out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dropped {
    /// Its caller had left.
    Expired,
    /// Delay control: it had waited too long for a line that is never empty.
    Delayed,
}

/// Classes that a line keeps apart: levels of importance, or tenants.
pub const CLASSES: usize = 8;

#[derive(Clone, Debug, Default)]
pub struct Line {
    /// One lane a class under `Priority` and `Fair`; otherwise all wait in the first.
    lanes: [Deque<Job>; CLASSES],
    /// How many wait in all lanes.
    waiting: usize,
    /// Whose turn it is under `Fair`.
    turn: u8,
    /// When the line was last empty.
    empty_at: Us,
}

impl Line {
    #[inline]
    pub fn len(&self) -> usize {
        self.waiting
    }
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.waiting == 0
    }
    /// All who wait, lane by lane.
    pub fn iter(&self) -> impl Iterator<Item = &Job> + '_ {
        self.lanes.iter().flatten()
    }

    /// A request wants to wait.
    #[inline]
    pub fn offer(&mut self, now: Us, job: Job, rules: &Rules) -> Offer {
        let waiting = self.len();
        if waiting == 0 {
            self.empty_at = now;
        }
        let lane = self.lane(&job, rules.order);
        if waiting as u64 >= u64::from(rules.bound) {
            let victim = (rules.evict && rules.order == Order::Priority)
                .then(|| (lane + 1..CLASSES).rev().find(|l| !self.lanes[*l].is_empty()))
                .flatten()
                .and_then(|l| self.lanes[l].pop_back());
            let Some(victim) = victim else {
                return Offer::Refused;
            };
            self.lanes[lane].push_back(job);
            return Offer::Evicted(victim);
        }
        self.lanes[lane].push_back(job);
        self.waiting += 1;
        Offer::Joined
    }

    /// Takes the one that has waited longest out, to make room for a newer one (*drop oldest*, also
    /// called drop-head).
    pub fn evict_oldest(&mut self) -> Option<Job> {
        let lanes = self.lanes.iter().enumerate();
        let (_, lane) = lanes.filter_map(|(i, l)| l.front().map(|j| (j.at(), i))).min()?;
        let job = self.lanes[lane].pop_front();
        self.waiting -= usize::from(job.is_some());
        job
    }

    /// Takes the newest of those that `which` names out (of the heaviest tenant, say).
    pub fn evict_newest(&mut self, mut which: impl FnMut(&Job) -> bool) -> Option<Job> {
        let mut newest: Option<(Us, usize, usize)> = None;
        for (i, lane) in self.lanes.iter().enumerate() {
            if let Some(at) = lane.iter().rposition(&mut which) {
                let found = (lane[at].at(), i, at);
                newest = newest.max(Some(found));
            }
        }
        let (_, lane, at) = newest?;
        let job = self.lanes[lane].remove(at);
        self.waiting -= usize::from(job.is_some());
        job
    }

    /// The next to be served. What the rules throw out on the way goes to `dropped`. With
    /// `only_class`, requests of less important classes stay where they are (a bulkhead).
    #[inline]
    pub fn take(
        &mut self,
        now: Us,
        rules: &Rules,
        only_class: Option<u8>,
        mut dropped: impl FnMut(Job, Dropped),
    ) -> Option<Job> {
        // Looked up once: the rule is about the line as the worker finds it.
        let delay_max =
            rules.delay_control.map(|c| if self.empty_at + c.interval < now { c.target } else { c.interval });
        loop {
            let job = self.pop(rules.order, only_class);
            if self.is_empty() {
                self.empty_at = now;
            }
            let job = job?;
            let waited = now.since(job.at());
            if rules.expire.is_some_and(|patience| waited >= patience) {
                dropped(job, Dropped::Expired);
            } else if delay_max.is_some_and(|most| waited > most) {
                dropped(job, Dropped::Delayed);
            } else {
                return Some(job);
            }
        }
    }

    fn pop(&mut self, order: Order, only_class: Option<u8>) -> Option<Job> {
        // A bulkhead needs lanes: in a mixed line only the front can be looked at.
        let lanes = only_class.map_or(CLASSES, |class| usize::from(class) + 1);
        if let Some(class) = only_class.filter(|_| !matches!(order, Order::Priority | Order::Fair)) {
            let newest = self.newest_first(order);
            let lane = &self.lanes[0];
            let front = if newest { lane.back() } else { lane.front() };
            front.filter(|j| j.class <= class)?;
        }
        let job = match order {
            Order::Fifo => self.lanes[0].pop_front(),
            Order::Lifo => self.lanes[0].pop_back(),
            Order::LifoBeyond(_) if self.newest_first(order) => self.lanes[0].pop_back(),
            Order::LifoBeyond(_) => self.lanes[0].pop_front(),
            Order::Priority => self.lanes.iter_mut().take(lanes).find_map(|queue| queue.pop_front()),
            Order::Fair => (0..CLASSES).find_map(|_| {
                let lane = self.turn as usize;
                self.turn = (self.turn + 1) % CLASSES as u8;
                if lane >= lanes { None } else { self.lanes[lane].pop_front() }
            }),
        };
        self.waiting -= usize::from(job.is_some());
        job
    }

    /// Whether the newest is next, with as many as wait now.
    fn newest_first(&self, order: Order) -> bool {
        match order {
            Order::Lifo => true,
            Order::LifoBeyond(long) => self.waiting > long as usize,
            _ => false,
        }
    }

    /// The longest wait in the line, and whether there is one.
    pub fn oldest(&self) -> Option<Job> {
        self.lanes.iter().filter_map(|queue| queue.front()).copied().min_by_key(Job::at)
    }

    /// The order has changed under those who wait: they are put into the lanes it needs.
    pub fn reorder(&mut self, order: Order) {
        let all: Vec<Job> = self.lanes.iter_mut().flat_map(|l| l.drain(..)).collect();
        let mut arrivals: Vec<(Us, usize)> = all.iter().enumerate().map(|(i, job)| (job.at(), i)).collect();
        crate::order::sort(&mut arrivals);
        for (_, i) in arrivals {
            let job = all[i];
            let lane = self.lane(&job, order);
            self.lanes[lane].push_back(job);
        }
    }

    #[inline]
    fn lane(&self, job: &Job, order: Order) -> usize {
        match order {
            Order::Fifo | Order::Lifo | Order::LifoBeyond(_) => 0,
            Order::Priority | Order::Fair => (job.class as usize).min(CLASSES - 1),
        }
    }

    /// Empties the line: the server died with all that waited.
    pub fn clear(&mut self, mut lost: impl FnMut(Job)) {
        for lane in &mut self.lanes {
            lane.drain(..).for_each(&mut lost);
        }
        self.waiting = 0;
    }

    pub fn weight(&self) -> usize {
        self.len() * core::mem::size_of::<Job>()
    }
}

/// The workers behind a line. Each holds at most one request; the owner schedules when it ends.
#[derive(Clone, Debug)]
pub struct Workers {
    /// What each worker holds; `None` for an idle one and for one that pays refusal debt.
    jobs: Vec<Option<Job>>,
    idle: Vec<u8>,
    /// Worker time owed for refusals.
    debt: Us,
    /// Time worked up to `since`, in worker-microseconds.
    worked: u64,
    since: Us,
}

impl Workers {
    /// At most 255 workers.
    pub fn new(count: u8) -> Workers {
        Workers {
            jobs: vec![None; count as usize],
            idle: (0..count).rev().collect(),
            debt: Us::ZERO,
            worked: 0,
            since: Us::ZERO,
        }
    }
    pub fn count(&self) -> usize {
        self.jobs.len()
    }
    pub fn idle(&self) -> usize {
        self.idle.len()
    }
    #[inline]
    pub fn busy(&self) -> usize {
        self.jobs.len() - self.idle.len()
    }
    /// Brings the meter of worked time up to now.
    #[inline]
    fn meter(&mut self, now: Us) {
        self.worked += self.busy() as u64 * now.since(self.since).0;
        self.since = now;
    }
    /// Worker-microseconds worked so far.
    pub fn worked(&self, now: Us) -> u64 {
        self.worked + self.busy() as u64 * now.since(self.since).0
    }
    /// An idle worker begins; `None` means that it pays debt.
    #[inline]
    pub fn begin(&mut self, now: Us, job: Option<Job>) -> Option<u8> {
        self.meter(now);
        let worker = self.idle.pop()?;
        self.jobs[worker as usize] = job;
        Some(worker)
    }
    /// A worker ends and is idle again.
    #[inline]
    pub fn end(&mut self, now: Us, worker: u8) -> Option<Job> {
        self.meter(now);
        self.idle.push(worker);
        self.jobs[worker as usize].take()
    }
    #[inline]
    pub fn job(&self, worker: u8) -> Option<Job> {
        self.jobs[worker as usize]
    }
    /// A refusal has cost this much worker time.
    #[inline]
    pub fn owe(&mut self, cost: Us) {
        self.debt += cost;
    }
    pub fn debt(&self) -> Us {
        self.debt
    }
    /// Takes up to `most` of the debt, for the idle worker that is about to pay it.
    #[inline]
    pub fn pay(&mut self, most: Us) -> Us {
        let part = self.debt.min(most);
        self.debt = self.debt - part;
        part
    }
    /// All workers stop at once; what they held is handed over.
    pub fn clear(&mut self, now: Us, mut lost: impl FnMut(Job)) {
        self.meter(now);
        self.debt = Us::ZERO;
        self.idle = (0..self.jobs.len() as u8).rev().collect();
        self.jobs.iter_mut().filter_map(Option::take).for_each(&mut lost);
    }
    pub fn jobs(&self) -> impl Iterator<Item = Job> + '_ {
        self.jobs.iter().flatten().copied()
    }
    pub fn weight(&self) -> usize {
        self.jobs.len() * (core::mem::size_of::<Option<Job>>() + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::Stream;
    use proptest::prelude::*;

    fn job(id: u32, class: u8, at: Us) -> Job {
        Job::new(id, 0, 1, class, at)
    }

    #[test]
    fn the_normal_quantile() {
        for (p, z) in [(0.5, 0.0), (0.975, 1.959963985), (0.01, -2.326347874), (0.999, 3.090232306)] {
            assert!((probit(p) - z).abs() < 1e-7, "{p}: {}", probit(p));
        }
    }

    #[test]
    fn every_law_has_its_mean_and_keeps_the_heavy_ones_heavy() {
        for law in [Law::Fixed, Law::Exponential, Law::LogNormal] {
            let mut s = Stream::new(1, "test", "law", 0);
            let n = 400_000;
            let sum: u64 = (0..n).map(|_| law.demand(s.bits(), Us::ms(100)).0).sum();
            let mean = sum as f64 / f64::from(n);
            assert!((mean / 100_000.0 - 1.0).abs() < 0.01, "{law:?} {mean}");
            assert!(law.demand(1 << 40, Us::ms(100)) >= law.demand(1 << 62, Us::ms(100)));
        }
    }

    #[test]
    fn a_full_line_makes_room_for_what_matters_more() {
        let rules = Rules { order: Order::Priority, bound: 2, evict: true, ..Rules::default() };
        let mut line = Line::default();
        assert_eq!(line.offer(Us(0), job(1, 1, Us(0)), &rules), Offer::Joined);
        assert_eq!(line.offer(Us(1), job(2, 1, Us(1)), &rules), Offer::Joined);
        assert_eq!(line.offer(Us(2), job(3, 1, Us(2)), &rules), Offer::Refused);
        assert_eq!(line.offer(Us(3), job(4, 0, Us(3)), &rules), Offer::Evicted(job(2, 1, Us(1))));
        let mut next = || line.take(Us(9), &rules, None, |_, _| ()).map(|j| j.id);
        assert_eq!((next(), next(), next()), (Some(4), Some(1), None));
    }

    #[test]
    fn room_is_made_by_the_oldest_or_by_the_newest_of_one_class() {
        for order in [Order::Fifo, Order::Fair] {
            let rules = Rules { order, ..Rules::default() };
            let mut line = Line::default();
            for (id, class) in [(1, 3), (2, 5), (3, 5), (4, 3)] {
                line.offer(Us(u64::from(id)), job(id, class, Us(u64::from(id))), &rules);
            }
            assert_eq!(line.evict_newest(|j| j.class == 5).map(|j| j.id), Some(3));
            assert_eq!(line.evict_newest(|j| j.class == 7), None);
            assert_eq!(line.evict_oldest().map(|j| j.id), Some(1));
            assert_eq!(line.len(), 2);
            assert_eq!(line.iter().map(|j| j.id).max(), Some(4));
        }
    }

    /// A worker that is kept for important classes takes who is next in a mixed line, or nobody: the newest or the oldest,
    /// by how many wait.
    #[test]
    fn a_bulkhead_looks_only_at_who_is_next() {
        let orders = [(Order::Fifo, 0), (Order::Lifo, 3), (Order::LifoBeyond(3), 3), (Order::LifoBeyond(4), 0)];
        for (order, next) in orders {
            let rules = Rules { order, ..Rules::default() };
            for important in 0..4 {
                let mut line = Line::default();
                for id in 0..4 {
                    let class = if id == important { 0 } else { 1 };
                    line.offer(Us(u64::from(id)), job(id, class, Us(u64::from(id))), &rules);
                }
                let taken = line.take(Us(9), &rules, Some(0), |_, _| ()).map(|j| j.id);
                assert_eq!(taken, (important == next).then_some(next), "{order:?}");
                assert_eq!(line.len(), if taken.is_some() { 3 } else { 4 });
            }
        }
    }

    /// Eight tenants that always have something waiting get a turn each, whatever each has sent.
    #[test]
    fn a_fair_line_gives_every_tenant_its_turn() {
        let rules = Rules { order: Order::Fair, ..Rules::default() };
        let mut line = Line::default();
        let mut id = 0;
        for class in 0..8u8 {
            for _ in 0..if class == 2 { 100 } else { 10 } {
                id += 1;
                line.offer(Us(id), job(id as u32, class, Us(id)), &rules);
            }
        }
        for _ in 0..10 {
            let mut seen = [0; 8];
            for _ in 0..8 {
                seen[line.take(Us(999), &rules, None, |_, _| ()).unwrap().class as usize] += 1;
            }
            assert_eq!(seen, [1; 8]);
        }
    }

    #[test]
    fn delay_control_lets_a_burst_wait_and_a_standing_line_not() {
        let rules = Rules { delay_control: Some(DelayControl::PUBLISHED), ..Rules::default() };
        let mut line = Line::default();
        let mut dropped = Vec::new();
        line.offer(Us::ms(0), job(1, 0, Us::ms(0)), &rules);
        line.offer(Us::ms(0), job(2, 0, Us::ms(0)), &rules);
        line.offer(Us::ms(0), job(3, 0, Us::ms(0)), &rules);
        // A burst: 80 ms are fine within the first interval.
        assert!(line.take(Us::ms(80), &rules, None, |j, _| dropped.push(j.id)).is_some());
        // The line has stood for more than 100 ms: only the fresh are served.
        line.offer(Us::ms(118), job(4, 0, Us::ms(118)), &rules);
        let next = line.take(Us::ms(120), &rules, None, |j, _| dropped.push(j.id));
        assert_eq!((next.map(|j| j.id), dropped), (Some(4), vec![2, 3]));
    }

    #[test]
    fn debt_is_paid_in_parts_and_work_is_metered() {
        let mut w = Workers::new(2);
        w.owe(Us::ms(100));
        w.owe(Us::ms(50));
        assert_eq!(w.debt(), Us::ms(150));
        assert_eq!((w.pay(Us::ms(100)), w.pay(Us::ms(100)), w.debt()), (Us::ms(100), Us::ms(50), Us::ZERO));
        let a = w.begin(Us::ms(0), Some(job(1, 0, Us(0)))).unwrap();
        w.begin(Us::ms(10), None);
        assert_eq!(w.begin(Us::ms(20), None), None);
        assert_eq!(w.end(Us::ms(30), a).map(|j| j.id), Some(1));
        assert_eq!(w.worked(Us::ms(40)), 60_000);
    }

    proptest! {
        /// Whatever the rules: nobody is lost, nobody is served twice, the bound holds, and the
        /// order is the promised one.
        #[test]
        fn lines_conserve_and_order(
            order in 0usize..5,
            bound in 1u32..20,
            evict: bool,
            expire in prop::option::of(1u64..50),
            control: bool,
            steps in prop::collection::vec((0u64..20, any::<bool>(), 0u8..8), 1..300),
        ) {
            let rules = Rules {
                order: [Order::Fifo, Order::Lifo, Order::Priority, Order::Fair, Order::LifoBeyond(4)][order],
                bound,
                evict,
                expire: expire.map(Us),
                delay_control: control.then_some(DelayControl { target: Us(5), interval: Us(30) }),
            };
            let mut line = Line::default();
            let mut waiting: Vec<Job> = Vec::new();
            let mut now = 0;
            for (i, (gap, arrive, class)) in steps.into_iter().enumerate() {
                now += gap;
                if arrive {
                    let j = job(i as u32, class, Us(now));
                    match line.offer(Us(now), j, &rules) {
                        Offer::Joined => { prop_assert!(waiting.len() < bound as usize); waiting.push(j); }
                        Offer::Refused => prop_assert!(waiting.len() >= bound as usize),
                        Offer::Evicted(v) => {
                            prop_assert!(v.class > j.class && waiting.contains(&v));
                            waiting.retain(|w| *w != v);
                            waiting.push(j);
                        }
                    }
                } else {
                    let mut out = Vec::new();
                    let got = line.take(Us(now), &rules, None, |j, _| out.push(j));
                    for j in &out {
                        prop_assert!(waiting.contains(j));
                        waiting.retain(|w| w != j);
                    }
                    match got {
                        None => prop_assert!(waiting.is_empty()),
                        Some(j) => {
                            prop_assert!(waiting.contains(&j));
                            prop_assert!(expire.is_none_or(|p| now - j.at().0 < p));
                            match rules.order {
                                Order::Fifo => prop_assert_eq!(waiting[0], j),
                                Order::Lifo => prop_assert_eq!(*waiting.last().unwrap(), j),
                                Order::LifoBeyond(long) if waiting.len() > long as usize =>
                                    prop_assert_eq!(*waiting.last().unwrap(), j),
                                Order::LifoBeyond(_) => prop_assert_eq!(waiting[0], j),
                                Order::Priority => prop_assert!(waiting.iter().all(|w| w.class >= j.class)),
                                Order::Fair => {}
                            }
                            waiting.retain(|w| *w != j);
                        }
                    }
                }
                prop_assert_eq!(line.len(), waiting.len());
                prop_assert_eq!(line.oldest().map(|j| j.at()), waiting.iter().map(Job::at).min());
            }
        }
    }

    #[test]
    fn the_same_bits_are_a_heavy_request_under_every_law() {
        for law in [Law::Fixed, Law::Exponential, Law::LogNormal] {
            let demands = [0, 1 << 11, 1 << 40, 1 << 60, 1 << 62, 1 << 63, u64::MAX].map(|b| law.demand(b, Us::s(1)));
            assert!(demands.is_sorted_by(|a, b| a >= b), "{law:?}: {demands:?}");
        }
    }

    #[test]
    fn a_job_knows_when_it_joined_for_twelve_days() {
        for at in [Us::s(1), Us::s(3_600) * 2, Us::s(86_400) * 12] {
            assert_eq!(job(1, 0, at).at(), at);
        }
    }

    #[test]
    fn only_a_line_by_importance_that_may_makes_room() {
        for (order, evict) in [(Order::Priority, false), (Order::Fair, true), (Order::Fifo, true)] {
            let rules = Rules { order, bound: 1, evict, ..Rules::default() };
            let mut line = Line::default();
            line.offer(Us(0), job(1, 5, Us(0)), &rules);
            assert_eq!(line.offer(Us(1), job(2, 0, Us(1)), &rules), Offer::Refused, "{order:?}");
        }
    }

    /// The interval counts from the moment when the line was last empty, and both bounds may be waited to their end.
    #[test]
    fn a_line_stands_when_it_has_not_been_empty_for_more_than_an_interval() {
        let rules = Rules { delay_control: Some(DelayControl::PUBLISHED), ..Rules::default() };
        let is_served = |line: &mut Line, ms| line.take(Us::ms(ms), &rules, None, |_, _| ()).is_some();
        let offer = |line: &mut Line, ms| line.offer(Us::ms(ms), job(1, 0, Us::ms(ms)), &rules);
        for (joined, taken, served) in
            [(9_050, 9_100, true), (9_050, 9_101, false), (9_096, 9_101, true), (9_095, 9_101, false)]
        {
            let mut line = Line::default();
            offer(&mut line, 9_000);
            offer(&mut line, joined);
            assert!(is_served(&mut line, joined), "the first of them");
            assert_eq!(is_served(&mut line, taken), served, "{joined} to {taken}");
        }
        for (taken, served) in [(9_100, true), (9_101, false)] {
            let mut line = Line::default();
            offer(&mut line, 9_000);
            assert_eq!(is_served(&mut line, taken), served, "the only one, until {taken}");
        }
    }

    /// Under lanes a worker that is kept for important classes finds all of them, wherever their turn is, and no others.
    #[test]
    fn a_bulkhead_with_lanes_takes_its_classes_and_leaves_the_others() {
        for (order, class, first) in [Order::Priority, Order::Fair]
            .into_iter()
            .flat_map(|order| (0..8).flat_map(move |class| (0..8).map(move |first| (order, class, first))))
        {
            let rules = Rules { order, ..Rules::default() };
            let mut line = Line::default();
            for c in first..8u8 {
                line.offer(Us(u64::from(c)), job(u32::from(c), c, Us(u64::from(c))), &rules);
            }
            let mut taken = Vec::new();
            while let Some(j) = line.take(Us(9), &rules, Some(class), |_, _| ()) {
                taken.push(j.class);
            }
            assert_eq!(taken, (first..=class).collect::<Vec<u8>>(), "{order:?}");
            assert!(line.iter().all(|j| j.class > class));
            assert_eq!(line.len(), line.iter().count());
        }
    }

    /// Twelve classes, of which the last five share a lane: by class, then by arrival, as if they had joined under it.
    #[test]
    fn a_new_order_is_that_of_all_who_wait() {
        let mut line = Line::default();
        let offer = |line: &mut Line, id: u32, order| {
            let j = job(id, (id * 5 % 12) as u8, Us(u64::from(id)));
            line.offer(j.at(), j, &Rules { order, ..Rules::default() });
        };
        (0..24).for_each(|id| offer(&mut line, id, Order::Fifo));
        for order in [Order::Priority, Order::Fair, Order::Lifo, Order::Priority, Order::Fifo] {
            line.reorder(order);
            let mut fresh = Line::default();
            (0..24).for_each(|id| offer(&mut fresh, id, order));
            let all = |mut l: Line| -> Vec<u32> {
                let rules = Rules { order, ..Rules::default() };
                core::iter::from_fn(|| l.take(Us(99), &rules, None, |_, _| ())).map(|j| j.id).collect()
            };
            assert_eq!(all(line.clone()), all(fresh), "{order:?}");
        }
    }
}
