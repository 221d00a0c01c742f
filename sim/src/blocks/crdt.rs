//! Conflict rules: what a replica does when two versions of one key meet.
//!
//! ```text
//!   replica A: v7a --\
//!                     merge --> one value, two siblings, or a sum
//!   replica B: v7b --/
//! ```
//!
//! Every type here is a join semilattice: `merge` is commutative, associative and idempotent, so
//! copies that have seen the same writes are equal, in whatever order and however often they heard
//! of them (Shapiro, Preguiça, Baquero and Zawirski, *Conflict-free Replicated Data Types*, SSS
//! 2011). They differ in what they keep:
//!
//! - [`Lww`], last write wins: the larger timestamp; the other write is dropped without a word.
//! - [`Siblings`]: every version that no other version has seen, for the application to resolve
//!   (Dynamo, DeCandia et al., SOSP 2007; stored as a dotted version vector set, Preguiça et al.,
//!   PODC 2012).
//! - [`GCounter`], [`PnCounter`]: a count per node; only a node itself moves its own.
//! - [`OrSet`]: adds and removes of elements, where an add that a remove has not seen survives
//!   (without tombstones: Bieniusa et al., INRIA RR-8083, 2012).
//!
//! Leaves out: garbage collection of the entries of nodes that left for ever, deltas instead of
//! whole states, nodes that lose their disk (they would have to come back under a new name).

/// Most replicas of a key.
pub const NODES_MAX: usize = 7;

/// Something that copies of it can be merged.
pub trait Merge {
    /// Takes in everything that `other` knows.
    fn merge(&mut self, other: &Self);
}

/// One write: the n-th that node `node` coordinated for this key. The first is 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Dot {
    pub node: u8,
    pub n: u32,
}

/// How many writes of each node somebody has seen. A node's writes are always seen from the first
/// on without a gap, because whole states travel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct VersionVector([u32; NODES_MAX]);

impl VersionVector {
    pub fn get(&self, node: u8) -> u32 {
        self.0[node as usize]
    }
    /// A new write by `node`.
    pub fn next(&mut self, node: u8) -> Dot {
        self.0[node as usize] += 1;
        Dot { node, n: self.get(node) }
    }
    pub fn covers(&self, dot: Dot) -> bool {
        self.get(dot.node) >= dot.n
    }
    pub fn covers_all(&self, other: &VersionVector) -> bool {
        self.0.iter().zip(&other.0).all(|(a, b)| a >= b)
    }
    /// Neither has seen everything the other has.
    pub fn concurrent(&self, other: &VersionVector) -> bool {
        !self.covers_all(other) && !other.covers_all(self)
    }
    pub fn include(&mut self, dot: Dot) {
        let n = &mut self.0[dot.node as usize];
        *n = (*n).max(dot.n);
    }
}

impl Merge for VersionVector {
    fn merge(&mut self, other: &Self) {
        for (a, b) in self.0.iter_mut().zip(&other.0) {
            *a = (*a).max(*b);
        }
    }
}

/// A timestamp of some node's clock in microseconds; equal clocks are told apart by the node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Stamp {
    pub at: i64,
    pub node: u8,
}

impl Stamp {
    /// Before every write.
    pub const NEVER: Stamp = Stamp { at: i64::MIN, node: 0 };
}

/// Last write wins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lww<T> {
    pub stamp: Stamp,
    pub value: T,
}

impl<T> Lww<T> {
    /// Accepts the write only if its timestamp is the larger. Tells whether it did.
    pub fn put(&mut self, stamp: Stamp, value: T) -> bool {
        let wins = stamp > self.stamp;
        if wins {
            *self = Lww { stamp, value };
        }
        wins
    }
}

impl<T: Copy> Merge for Lww<T> {
    fn merge(&mut self, other: &Self) {
        self.put(other.stamp, other.value);
    }
}

/// Versions that have not seen each other, and everything that they together have seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Siblings<T> {
    /// In order of their dots.
    pub values: Vec<(Dot, T)>,
    pub seen: VersionVector,
}

impl<T: Clone> Siblings<T> {
    pub fn new() -> Self {
        Siblings { values: Vec::new(), seen: VersionVector::default() }
    }
    /// A write at `node` by somebody who has seen `context`: it replaces what was seen, and stands
    /// beside what was not.
    pub fn put(&mut self, node: u8, context: &VersionVector, value: T) -> Dot {
        self.values.retain(|(dot, _)| !context.covers(*dot));
        self.seen.merge(context);
        let dot = self.seen.next(node);
        self.insert(dot, value);
        dot
    }
    fn insert(&mut self, dot: Dot, value: T) {
        let at = self.values.partition_point(|(d, _)| *d < dot);
        self.values.insert(at, (dot, value));
    }
    fn has(&self, dot: Dot) -> bool {
        self.values.binary_search_by_key(&dot, |(d, _)| *d).is_ok()
    }
}

impl<T: Clone> Default for Siblings<T> {
    fn default() -> Self {
        Siblings::new()
    }
}

impl<T: Clone> Merge for Siblings<T> {
    fn merge(&mut self, other: &Self) {
        // A version goes when the other side has seen it and keeps it no longer: it was replaced.
        self.values.retain(|(dot, _)| other.has(*dot) || !other.seen.covers(*dot));
        for (dot, value) in &other.values {
            if !self.seen.covers(*dot) {
                self.insert(*dot, value.clone());
            }
        }
        self.seen.merge(&other.seen);
    }
}

/// A counter that only grows: one entry a node, the maximum of each when merged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GCounter(VersionVector);

impl GCounter {
    pub fn increment(&mut self, node: u8) -> Dot {
        self.0.next(node)
    }
    pub fn value(&self) -> i64 {
        self.0.0.iter().map(|n| i64::from(*n)).sum()
    }
    /// Every increment is a write, so the counter is its own version vector.
    pub fn seen(&self) -> VersionVector {
        self.0
    }
}

impl Merge for GCounter {
    fn merge(&mut self, other: &Self) {
        self.0.merge(&other.0);
    }
}

/// A counter that goes both ways: two that only grow, and their difference.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PnCounter {
    up: GCounter,
    down: GCounter,
}

impl PnCounter {
    /// Adds 1 or takes 1 away.
    pub fn add(&mut self, node: u8, up: bool) -> Dot {
        if up {
            self.up.increment(node);
        } else {
            self.down.increment(node);
        }
        let n = self.seen().get(node);
        Dot { node, n }
    }
    pub fn value(&self) -> i64 {
        self.up.value() - self.down.value()
    }
    pub fn seen(&self) -> VersionVector {
        VersionVector(core::array::from_fn(|i| self.up.0.0[i] + self.down.0.0[i]))
    }
}

impl Merge for PnCounter {
    fn merge(&mut self, other: &Self) {
        self.up.merge(&other.up);
        self.down.merge(&other.down);
    }
}

/// A set with observed removes: a remove takes away the adds it has seen, and no others.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OrSet {
    /// Each element once for every add that stands, in order.
    adds: Vec<(u16, Dot)>,
    pub seen: VersionVector,
}

impl OrSet {
    pub fn contains(&self, element: u16) -> bool {
        let at = self.adds.partition_point(|(e, _)| *e < element);
        self.adds.get(at).is_some_and(|(e, _)| *e == element)
    }
    /// How many different elements are in it.
    pub fn len(&self) -> usize {
        let again = self.adds.windows(2).filter(|w| w[0].0 == w[1].0).count();
        self.adds.len() - again
    }
    pub fn is_empty(&self) -> bool {
        self.adds.is_empty()
    }
    /// The new add stands for all the earlier ones that this replica knows of.
    pub fn add(&mut self, node: u8, element: u16) -> Dot {
        self.adds.retain(|(e, _)| *e != element);
        let dot = self.seen.next(node);
        let at = self.adds.partition_point(|a| *a < (element, dot));
        self.adds.insert(at, (element, dot));
        dot
    }
    /// A remove is a write too: it gets a dot, so that one can ask who has seen it.
    pub fn remove(&mut self, node: u8, element: u16) -> Dot {
        self.adds.retain(|(e, _)| *e != element);
        self.seen.next(node)
    }
    pub fn weight(&self) -> usize {
        self.adds.capacity() * core::mem::size_of::<(u16, Dot)>()
    }
}

impl Merge for OrSet {
    fn merge(&mut self, other: &Self) {
        let stands = |a: &(u16, Dot), there: &OrSet| !there.seen.covers(a.1) || there.adds.binary_search(a).is_ok();
        let mut adds: Vec<(u16, Dot)> = self
            .adds
            .iter()
            .filter(|a| stands(a, other))
            .chain(other.adds.iter().filter(|a| !self.seen.covers(a.1)))
            .copied()
            .collect();
        crate::order::sort(&mut adds);
        self.adds = adds;
        self.seen.merge(&other.seen);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// One thing that happens to three replicas of some type.
    #[derive(Clone, Debug)]
    enum Op {
        Write { at: usize, what: u16 },
        Merge { from: usize, to: usize },
    }

    fn ops() -> impl Strategy<Value = Vec<Op>> {
        let op = prop_oneof![
            (0usize..3, 0u16..8).prop_map(|(at, what)| Op::Write { at, what }),
            (0usize..3, 0usize..3).prop_map(|(from, to)| Op::Merge { from, to }),
        ];
        prop::collection::vec(op, 0..60)
    }

    /// Three replicas after a random history of writes and merges.
    fn history<T: Merge + Clone>(start: T, ops: &[Op], mut write: impl FnMut(&mut T, u8, u16)) -> [T; 3] {
        let mut replicas = [start.clone(), start.clone(), start];
        for op in ops {
            match *op {
                Op::Write { at, what } => write(&mut replicas[at], at as u8, what),
                Op::Merge { from, to } => {
                    let other = replicas[from].clone();
                    replicas[to].merge(&other);
                }
            }
        }
        replicas
    }

    fn merged<T: Merge + Clone>(a: &T, b: &T) -> T {
        let mut m = a.clone();
        m.merge(b);
        m
    }

    /// The laws of a join, on states that a run can really reach.
    fn laws<T: Merge + Clone + PartialEq + core::fmt::Debug>([a, b, c]: &[T; 3]) {
        assert_eq!(merged(a, b), merged(b, a), "commutative");
        assert_eq!(merged(&merged(a, b), c), merged(a, &merged(b, c)), "associative");
        assert_eq!(&merged(a, a), a, "idempotent");
        let ab = merged(a, b);
        assert_eq!(merged(&ab, b), ab, "hearing twice changes nothing");
    }

    proptest! {
        #[test]
        fn merges_are_joins(ops in ops()) {
            let mut clock = 0;
            laws(&history(Lww { stamp: Stamp::NEVER, value: 0 }, &ops, |l, node, what| {
                clock += i64::from(what) - 3;
                l.put(Stamp { at: clock, node: node + (clock & 1) as u8 * 3 }, clock);
            }));
            laws(&history(Siblings::new(), &ops, |s, node, what| {
                let context = s.seen;
                s.put(node, &context, what);
            }));
            laws(&history(GCounter::default(), &ops, |c, node, _| { c.increment(node); }));
            laws(&history(PnCounter::default(), &ops, |c, node, what| { c.add(node, what % 2 == 0); }));
            laws(&history(OrSet::default(), &ops, |s, node, what| {
                if s.contains(what) { s.remove(node, what); } else { s.add(node, what); }
            }));
            laws(&history(VersionVector::default(), &ops, |v, node, _| { v.next(node); }));
        }

        /// All replicas together hold the sum of everything that was done anywhere.
        #[test]
        fn counters_count_every_operation_once(ops in ops()) {
            let mut sum = 0;
            let [a, b, c] = history(PnCounter::default(), &ops, |p, node, what| {
                let up = what % 3 != 0;
                sum += if up { 1 } else { -1 };
                p.add(node, up);
            });
            prop_assert_eq!(merged(&merged(&a, &b), &c).value(), sum);
        }

        /// Siblings are exactly the writes that no other write has seen.
        #[test]
        fn siblings_are_the_writes_nobody_has_seen(ops in ops()) {
            let mut writes: Vec<(Dot, VersionVector)> = Vec::new();
            let [a, b, c] = history(Siblings::new(), &ops, |s, node, what| {
                let before = s.seen;
                let dot = s.put(node, &before, what);
                writes.push((dot, before));
            });
            let all = merged(&merged(&a, &b), &c);
            let mut unseen: Vec<Dot> = writes
                .iter()
                .map(|(dot, _)| *dot)
                .filter(|dot| !writes.iter().any(|(_, context)| context.covers(*dot)))
                .collect();
            unseen.sort_unstable();
            prop_assert_eq!(all.values.iter().map(|(d, _)| *d).collect::<Vec<_>>(), unseen);
        }

        /// An add survives unless a remove had seen it: against the definition with tombstones.
        #[test]
        fn a_remove_takes_only_the_adds_it_has_seen(ops in ops()) {
            #[derive(Clone, Default)]
            struct Tombs { adds: Vec<(u16, u32)>, removed: Vec<u32> }
            impl Merge for Tombs {
                fn merge(&mut self, other: &Self) {
                    self.adds.extend_from_slice(&other.adds);
                    self.removed.extend_from_slice(&other.removed);
                    self.adds.sort_unstable();
                    self.adds.dedup();
                    self.removed.sort_unstable();
                    self.removed.dedup();
                }
            }
            impl Tombs {
                fn has(&self, e: u16) -> bool {
                    self.adds.iter().any(|(x, tag)| *x == e && !self.removed.contains(tag))
                }
            }
            let mut tag = 0;
            let both = history((OrSet::default(), Tombs::default()), &ops, |(s, t), node, what| {
                if s.contains(what) {
                    s.remove(node, what);
                    let tags: Vec<u32> = t.adds.iter().filter(|(e, _)| *e == what).map(|(_, tag)| *tag).collect();
                    t.removed.extend(tags);
                } else {
                    tag += 1;
                    s.add(node, what);
                    t.adds.push((what, tag));
                }
            });
            for (set, tombs) in &both {
                let mut size = 0;
                for e in 0..8 {
                    prop_assert_eq!(set.contains(e), tombs.has(e), "element {}", e);
                    size += usize::from(tombs.has(e));
                }
                prop_assert_eq!(set.len(), size);
            }
        }

        /// A register's timestamp never goes back, whatever arrives.
        #[test]
        fn the_last_write_never_goes_backwards(stamps in prop::collection::vec((-50i64..50, 0u8..3), 1..80)) {
            let mut l = Lww { stamp: Stamp::NEVER, value: 0 };
            for (at, node) in stamps {
                let before = l.stamp;
                let arrives = Stamp { at, node };
                prop_assert_eq!(l.put(arrives, 1), arrives > before);
                prop_assert!(l.stamp >= before && l.stamp >= arrives);
            }
        }
    }

    proptest! {
        /// Whoever has merged another has seen all that the other had, and of two that wrote apart neither has.
        #[test]
        fn who_has_seen_what(ops in ops()) {
            let written = history((VersionVector::default(), PnCounter::default()), &ops, |(v, c), node, what| {
                let dot = v.next(node);
                assert_eq!(c.add(node, what % 2 == 0), dot, "a counter's writes are dots like any other's");
            });
            for (v, c) in &written {
                prop_assert_eq!(c.seen(), *v);
                let mut told = VersionVector::default();
                for node in 0..3 {
                    told.include(Dot { node, n: v.get(node) });
                    told.include(Dot { node, n: v.get(node) / 2 });
                }
                prop_assert_eq!(told, *v, "hearing of an older write takes nothing back");
            }
            let [(a, _), (b, _), _] = written;
            let (mut left, mut right) = (a, a);
            prop_assert!(merged(&a, &b).covers_all(&a) && merged(&a, &b).covers_all(&b));
            prop_assert!(!left.concurrent(&right), "equal ones");
            left.next(0);
            prop_assert!(left.covers_all(&right) && !right.covers_all(&left) && !left.concurrent(&right), "one ahead");
            right.next(1);
            prop_assert!(left.concurrent(&right) && right.concurrent(&left), "both ahead of what they share");
        }
    }

    #[test]
    fn what_is_counted_and_what_is_there() {
        let mut counter = GCounter::default();
        let dots = [counter.increment(2), counter.increment(2), counter.increment(0)];
        assert_eq!(dots, [(2, 1), (2, 2), (0, 1)].map(|(node, n)| Dot { node, n }));
        assert!(dots.iter().all(|dot| counter.seen().covers(*dot)) && counter.value() == 3);
        let mut set = OrSet::default();
        assert!(set.is_empty());
        set.add(0, 7);
        assert!(!set.is_empty());
        set.remove(0, 7);
        assert!(set.is_empty());
    }

    impl<A: Merge, B: Merge> Merge for (A, B) {
        fn merge(&mut self, other: &Self) {
            self.0.merge(&other.0);
            self.1.merge(&other.1);
        }
    }

    #[test]
    fn two_writers_apart_make_two_siblings_and_a_third_who_saw_both_makes_one() {
        let (mut a, mut b) = (Siblings::new(), Siblings::new());
        let nothing = VersionVector::default();
        a.put(0, &nothing, "red");
        b.put(1, &nothing, "blue");
        a.merge(&b);
        assert_eq!(a.values.len(), 2);
        let context = a.seen;
        a.put(0, &context, "purple");
        b.merge(&a);
        assert_eq!(b.values.iter().map(|(_, v)| *v).collect::<Vec<_>>(), ["purple"]);
        assert_eq!(a, b);
    }
}
