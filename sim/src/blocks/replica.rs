//! Replica: one node's copy of a few keys, its clock, and the arithmetic of quorums.
//!
//! ```text
//!                      /--> replica 1   acknowledged by W of N
//!   coordinator --write---> replica 2
//!                \--read--> replica 3   answered by R of N
//!
//!   replica 1 <== anti-entropy ==> replica 2     whatever the others missed
//! ```
//!
//! A write is applied at its coordinator and sent to the other replicas as that key's whole state;
//! the receiver merges. So a message may be late, repeated or overtaken and does no harm, and a
//! lost one is made good by the next. Quorums and anti-entropy as in Dynamo (DeCandia et al., SOSP
//! 2007); R + W > N makes every read set meet every write set (Gifford, SOSP 1979).
//!
//! [`Observer`] stands outside the system and knows every write and when it was acknowledged. It
//! judges what reads return; no replica may ask it.
//!
//! Leaves out: hinted handoff, Merkle trees (whole states travel instead), nodes that join, leave
//! or lose their disk.

use super::crdt::{Dot, GCounter, Lww, Merge, NODES_MAX, OrSet, PnCounter, Siblings, Stamp, VersionVector};
use super::session::Seen;
use crate::deque::Deque;
use crate::kernel::Us;

/// What happens when two versions meet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    LastWriteWins,
    Siblings,
    GrowOnlyCounter,
    PnCounter,
    OrSet,
}

/// The content of a register, and the number of the write that put it there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Content {
    pub value: i64,
    pub write: u32,
    /// It counts: likes read, add 1 and write back. Otherwise it is whatever was put.
    pub counts: bool,
}

/// What a client asks a coordinator to do to a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    /// Put a new value, whatever was there. On a counter: add 1. On a set: add or remove `value`.
    Put(i64),
    /// Count one more: on a register read, add 1, write back. On a set: add this element.
    Like(u16),
    /// Count one less, where that is possible; on a set: remove this element.
    Unlike(u16),
}

/// One node's version of one key.
#[derive(Clone, Debug, PartialEq)]
pub enum State {
    Lww(Lww<Content>),
    Siblings(Siblings<Content>),
    GCounter(GCounter),
    PnCounter(PnCounter),
    OrSet(OrSet),
}

impl State {
    pub fn new(rule: Rule) -> State {
        match rule {
            Rule::LastWriteWins => State::Lww(Lww { stamp: Stamp::NEVER, value: Content::default() }),
            Rule::Siblings => State::Siblings(Siblings::new()),
            Rule::GrowOnlyCounter => State::GCounter(GCounter::default()),
            Rule::PnCounter => State::PnCounter(PnCounter::default()),
            Rule::OrSet => State::OrSet(OrSet::default()),
        }
    }

    /// The value as one number: a register's content, a count, the size of a set. Of siblings the
    /// largest, as an application would show that does not know what to do with two.
    pub fn value(&self) -> i64 {
        match self {
            State::Lww(l) => l.value.value,
            State::Siblings(s) => s.values.iter().map(|(_, c)| c.value).max().unwrap_or(0),
            State::GCounter(c) => c.value(),
            State::PnCounter(c) => c.value(),
            State::OrSet(s) => s.len() as i64,
        }
    }

    /// Whether a register holds a count rather than whatever was put.
    pub fn counts(&self) -> bool {
        match self {
            State::Lww(l) => l.value.counts,
            State::Siblings(s) => s.values.iter().any(|(_, c)| c.counts),
            _ => false,
        }
    }

    /// The versions that stand side by side, as numbers.
    pub fn versions(&self) -> Vec<i64> {
        match self {
            State::Siblings(s) if !s.values.is_empty() => s.values.iter().map(|(_, c)| c.value).collect(),
            _ => vec![self.value()],
        }
    }

    /// How many versions stand side by side; 1 for everything but siblings.
    pub fn siblings(&self) -> usize {
        match self {
            State::Siblings(s) => s.values.len().max(1),
            _ => 1,
        }
    }

    /// The timestamp, for registers that order by it.
    pub fn stamp(&self) -> Option<Stamp> {
        match self {
            State::Lww(l) => Some(l.stamp),
            _ => None,
        }
    }

    /// The number of the newest write that shows in a register.
    pub fn write(&self) -> Option<u32> {
        match self {
            State::Lww(l) => Some(l.value.write),
            State::Siblings(s) => s.values.iter().map(|(_, c)| c.write).max().or(Some(0)),
            _ => None,
        }
    }

    /// Everything it has seen, where that is kept.
    pub fn vector(&self) -> VersionVector {
        match self {
            State::Lww(_) => VersionVector::default(),
            State::Siblings(s) => s.seen,
            State::GCounter(c) => c.seen(),
            State::PnCounter(c) => c.seen(),
            State::OrSet(s) => s.seen,
        }
    }

    pub fn seen(&self) -> Seen {
        Seen { stamp: self.stamp().unwrap_or(Stamp::NEVER), vector: self.vector() }
    }

    /// Whether it has taken in everything up to `point`. For last write wins: whether it holds
    /// that write or one that beats it.
    pub fn includes(&self, point: &Seen) -> bool {
        match self {
            State::Lww(l) => l.stamp >= point.stamp,
            _ => self.vector().covers_all(&point.vector),
        }
    }

    /// Whether it has taken in one write.
    pub fn has(&self, id: &WriteId) -> bool {
        match self {
            State::Lww(l) => l.stamp >= id.stamp,
            _ => self.vector().covers(id.dot),
        }
    }

    pub fn weight(&self) -> usize {
        match self {
            State::Siblings(s) => s.values.capacity() * core::mem::size_of::<(Dot, Content)>(),
            State::OrSet(s) => s.weight(),
            _ => 0,
        }
    }
}

impl Merge for State {
    /// Copies of one key always follow the same rule.
    fn merge(&mut self, other: &State) {
        match (self, other) {
            (State::Lww(a), State::Lww(b)) => a.merge(b),
            (State::Siblings(a), State::Siblings(b)) => a.merge(b),
            (State::GCounter(a), State::GCounter(b)) => a.merge(b),
            (State::PnCounter(a), State::PnCounter(b)) => a.merge(b),
            (State::OrSet(a), State::OrSet(b)) => a.merge(b),
            // Without showing them: that would bring into the page how each of their parts is written.
            _ => unreachable!("copies under different rules"),
        }
    }
}

/// The name of a write: its timestamp, and its place among its coordinator's writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WriteId {
    pub stamp: Stamp,
    pub dot: Dot,
}

/// A node's clock: the true time plus an error, and never twice the same.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    pub skew: i64,
    /// Hybrid logical clock (Kulkarni et al., OPODIS 2014): a timestamp is later than every
    /// timestamp the node has seen, even if its own clock says otherwise.
    pub hybrid: bool,
    last: i64,
}

impl Clock {
    pub fn new(hybrid: bool) -> Clock {
        Clock { skew: 0, hybrid, last: i64::MIN }
    }
    pub fn read(&self, now: Us) -> i64 {
        now.0 as i64 + self.skew
    }
    /// A timestamp for a write at a node that holds a version stamped `seen`.
    fn stamp(&mut self, now: Us, seen: i64) -> i64 {
        let mut at = self.read(now).max(self.last.saturating_add(1));
        if self.hybrid {
            at = at.max(seen.saturating_add(1));
        }
        self.last = at;
        at
    }
}

/// A node with its copies.
#[derive(Clone, Debug)]
pub struct Replica {
    pub id: u8,
    /// A node that is down answers nothing and keeps its disk.
    pub up: bool,
    pub clock: Clock,
    states: Vec<State>,
    /// Writes coordinated here, by key: names dots where the rule itself keeps none.
    issued: Vec<u32>,
}

/// What a write did at its coordinator.
#[derive(Clone, Copy, Debug)]
pub struct Written {
    pub id: WriteId,
    /// The write that it replaced, for registers; 0 for none.
    pub parent: u32,
    /// False if the copy already there had a later timestamp: acknowledged all the same.
    pub kept: bool,
}

impl Replica {
    pub fn new(id: u8, keys: usize, rule: Rule, hybrid: bool) -> Replica {
        debug_assert!((id as usize) < NODES_MAX);
        Replica { id, up: true, clock: Clock::new(hybrid), states: vec![State::new(rule); keys], issued: vec![0; keys] }
    }

    pub fn state(&self, key: usize) -> &State {
        &self.states[key]
    }
    pub fn states(&self) -> &[State] {
        &self.states
    }

    /// Applies a client's write here, as its coordinator. `write` is its number in the key's history.
    pub fn write(&mut self, now: Us, key: usize, op: Op, write: u32) -> Written {
        let state = &mut self.states[key];
        let parent = state.write().unwrap_or(0);
        self.issued[key] += 1;
        let mut id = WriteId { stamp: Stamp::NEVER, dot: Dot { node: self.id, n: self.issued[key] } };
        let mut kept = true;
        // The first like counts from 0, whatever was there.
        let was = if state.counts() { state.value() } else { 0 };
        let content = match op {
            Op::Put(value) => Content { value, write, counts: false },
            Op::Like(_) => Content { value: was + 1, write, counts: true },
            Op::Unlike(_) => Content { value: was - 1, write, counts: true },
        };
        match state {
            State::Lww(l) => {
                id.stamp = Stamp { at: self.clock.stamp(now, l.stamp.at), node: self.id };
                kept = l.put(id.stamp, content);
            }
            State::Siblings(s) => {
                let context = s.seen;
                id.dot = s.put(self.id, &context, content);
            }
            State::GCounter(c) => id.dot = c.increment(self.id),
            State::PnCounter(c) => id.dot = c.add(self.id, !matches!(op, Op::Unlike(_))),
            State::OrSet(s) => {
                id.dot = match op {
                    Op::Like(e) => s.add(self.id, e),
                    Op::Unlike(e) => s.remove(self.id, e),
                    Op::Put(e) if s.contains(e as u16) => s.remove(self.id, e as u16),
                    Op::Put(e) => s.add(self.id, e as u16),
                }
            }
        }
        Written { id, parent, kept }
    }

    /// Merges what another replica sent. Tells whether anything was new.
    pub fn receive(&mut self, key: usize, state: &State) -> bool {
        let mine = &mut self.states[key];
        if let (Some(mine), Some(theirs)) = (mine.stamp(), state.stamp()) {
            // The common case, without a copy.
            if theirs <= mine {
                return false;
            }
        } else if mine == state {
            return false;
        }
        let before = mine.clone();
        mine.merge(state);
        debug_assert!(mine.stamp() >= before.stamp(), "a register went backwards");
        *mine != before
    }

    pub fn weight(&self) -> usize {
        let states: usize = self.states.iter().map(State::weight).sum();
        states
            + self.states.capacity() * core::mem::size_of::<State>()
            + self.issued.capacity() * core::mem::size_of::<u32>()
    }
}

/// Chance that a read of R random replicas misses all of the W random ones that have the write:
/// C(N-W, R) / C(N, R) (Bailis, Venkataraman, Franklin, Hellerstein and Stoica, *Probabilistically
/// Bounded Staleness*, VLDB 2012). Its k-th power is the chance to be k or more versions behind.
pub fn miss(n: u64, r: u64, w: u64) -> f64 {
    // Draw the read set one replica at a time: each must be among the N-W without the write.
    (0..r).fold(1.0, |p, i| p * n.saturating_sub(w + i) as f64 / (n - i.min(n - 1)) as f64)
}

/// A write as the observer remembers it.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// Its number in the key's history, from 1.
    pub write: u32,
    pub id: WriteId,
    /// The coordinator.
    pub node: u8,
    pub parent: u32,
    /// What the coordinator had seen, this write included.
    pub seen: VersionVector,
    pub at: Us,
    /// `Us::MAX` until W replicas have it.
    pub acked: Us,
    pub kept: bool,
}

/// Writes that an observer remembers of each key.
pub const HISTORY_MAX: usize = 512;

/// How a state compares with what has been acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Behind {
    /// Acknowledged writes that it has not taken in, at most [`HISTORY_MAX`].
    pub versions: u32,
    /// When the first of them was acknowledged.
    pub since: Us,
    /// The last of them.
    pub newest: u32,
}

/// Knows everything about one key: for measuring, never for deciding.
#[derive(Clone, Debug, Default)]
pub struct Observer {
    /// In order of `write`, without gaps.
    entries: Deque<Entry>,
    written: u32,
    /// Everything acknowledged, joined: a state that includes it is not stale.
    acked: Seen,
    /// Lost writes among those forgotten.
    lost_before: u64,
    /// What a counter must add up to.
    pub sum: i64,
}

impl Observer {
    pub fn written(&self) -> u32 {
        self.written
    }
    /// The number of the next write.
    pub fn next(&self) -> u32 {
        self.written + 1
    }
    pub fn entries(&self) -> impl DoubleEndedIterator<Item = &Entry> {
        self.entries.iter()
    }
    pub fn entry(&self, write: u32) -> Option<&Entry> {
        let first = self.entries.front()?.write;
        self.entries.get(write.checked_sub(first)? as usize)
    }

    /// A coordinator has applied a write. `replicas` are all of them, as they are now.
    pub fn wrote(&mut self, entry: Entry, replicas: &[Replica], key: usize) {
        debug_assert_eq!(entry.write, self.next());
        // Already at the coordinator: whether others live on is judged with this one counted in.
        self.entries.push_back(entry);
        self.written = entry.write;
        if self.entries.len() > HISTORY_MAX {
            // Whether the oldest is lost is decided when it is forgotten.
            self.lost_before += u64::from(self.is_lost(0, &self.alive(replicas, key)));
            self.entries.pop_front();
        }
    }

    pub fn acked(&mut self, write: u32, now: Us) {
        let Some(first) = self.entries.front().map(|e| e.write) else {
            return;
        };
        let entry = write.checked_sub(first).and_then(|i| self.entries.get_mut(i as usize));
        if let Some(entry) = entry {
            entry.acked = now;
            self.acked.stamp = self.acked.stamp.max(entry.id.stamp);
            self.acked.vector.include(entry.id.dot);
        }
    }

    /// What of all that was acknowledged by `asof` this state lacks; `None` if nothing.
    pub fn behind(&self, state: &State, asof: Us) -> Option<Behind> {
        if state.includes(&self.acked) {
            return None;
        }
        let mut behind: Option<Behind> = None;
        for entry in &self.entries {
            if entry.acked <= asof && !state.has(&entry.id) {
                let b = behind.get_or_insert(Behind { versions: 0, since: entry.acked, newest: 0 });
                b.versions += 1;
                b.since = b.since.min(entry.acked);
                b.newest = entry.write;
            }
        }
        behind
    }

    /// Whether `write` is `of` or one of the writes that `of` was written on top of.
    pub fn is_ancestor(&self, write: u32, of: u32) -> bool {
        let mut at = of;
        while at > write {
            match self.entry(at) {
                Some(e) => at = e.parent,
                None => return false,
            }
        }
        at == write
    }

    /// Acknowledged writes that are in nobody's past any more: last write wins dropped them for a
    /// version that had never seen them. These are the writes that siblings would have kept.
    pub fn lost(&self, replicas: &[Replica], key: usize) -> u64 {
        let alive = self.alive(replicas, key);
        let now = (0..self.entries.len()).filter(|i| self.is_lost(*i, &alive));
        self.lost_before + now.count() as u64
    }

    /// For each remembered write, whether some replica's version descends from it.
    pub fn alive(&self, replicas: &[Replica], key: usize) -> Vec<bool> {
        let mut alive = vec![false; self.entries.len()];
        let Some(first) = self.entries.front().map(|e| e.write) else {
            return alive;
        };
        for replica in replicas {
            let State::Lww(l) = replica.state(key) else {
                // All other rules keep whatever they have taken in.
                for (i, entry) in self.entries.iter().enumerate() {
                    alive[i] |= replica.state(key).has(&entry.id);
                }
                continue;
            };
            let mut write = l.value.write;
            while write >= first && !alive[(write - first) as usize] {
                alive[(write - first) as usize] = true;
                write = self.entries[(write - first) as usize].parent;
            }
        }
        alive
    }

    fn is_lost(&self, index: usize, alive: &[bool]) -> bool {
        self.entries.get(index).is_some_and(|e| e.acked != Us::MAX && !alive[index])
    }

    pub fn weight(&self) -> usize {
        self.entries.capacity() * core::mem::size_of::<Entry>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn choose(n: u64, k: u64) -> f64 {
        if k > n {
            return 0.0;
        }
        (0..k).fold(1.0, |c, i| c * (n - i) as f64 / (i + 1) as f64)
    }

    #[test]
    fn the_chance_to_miss_is_the_quotient_of_binomials() {
        for n in 1..=7u64 {
            for r in 1..=n {
                for w in 1..=n {
                    let formula = choose(n - w, r) / choose(n, r);
                    // Counted: every read set of size R against the write set {0, .., W-1}.
                    let sets: Vec<u64> = (0..1u64 << n).filter(|s| u64::from(s.count_ones()) == r).collect();
                    let missing = sets.iter().filter(|s| *s & ((1 << w) - 1) == 0).count();
                    let counted = missing as f64 / sets.len() as f64;
                    assert!((miss(n, r, w) - formula).abs() < 1e-12, "{n} {r} {w}");
                    assert!((counted - formula).abs() < 1e-12, "{n} {r} {w}");
                    assert_eq!(r + w > n, formula == 0.0);
                }
            }
        }
        assert!((miss(3, 1, 1) - 2.0 / 3.0).abs() < 1e-12);
        assert!((miss(5, 1, 1) - 0.8).abs() < 1e-12);
        assert_eq!(
            (miss(3, 4, 1), miss(3, 5, 2)),
            (0.0, 0.0),
            "who asks more often than there are replicas misses none"
        );
    }

    #[test]
    fn a_clock_that_runs_ahead_wins_until_it_is_caught_up_with() {
        let mut ahead = Replica::new(0, 1, Rule::LastWriteWins, false);
        let mut right = Replica::new(1, 1, Rule::LastWriteWins, false);
        ahead.clock.skew = 5_000_000;
        ahead.write(Us::ZERO, 0, Op::Put(1), 1);
        right.receive(0, ahead.state(0));
        let w = right.write(Us::s(3), 0, Op::Put(2), 2);
        assert!(!w.kept && right.state(0).value() == 1);
        let w = right.write(Us(5_001_000), 0, Op::Put(3), 3);
        assert!(w.kept && right.state(0).value() == 3);
    }

    /// Two nodes write apart and then hear of each other: what each rule shows of it, and who has seen what.
    #[test]
    fn what_two_writers_apart_come_to_under_each_rule() {
        use Rule::{GrowOnlyCounter, LastWriteWins, OrSet, PnCounter, Siblings};
        // The value, the versions side by side, and whether a register shows a count.
        let expected = [
            (LastWriteWins, 1, vec![1]),
            (Siblings, 2, vec![2, 1]),
            (GrowOnlyCounter, 3, vec![3]),
            (PnCounter, 3, vec![3]),
            (OrSet, 2, vec![2]),
        ];
        for (rule, value, versions) in expected {
            let nodes = [0, 1].map(|id| Replica::new(id, 1, rule, false));
            let [mut a, mut b] = nodes;
            assert_eq!((a.state(0).versions(), a.state(0).siblings()), (vec![0], 1), "{rule:?}: before all writes");
            a.write(Us::s(1), 0, Op::Like(7), 1);
            a.write(Us::s(2), 0, Op::Like(8), 2);
            let last = b.write(Us::s(3), 0, Op::Like(7), 3);
            let apart = a.state(0).seen();
            assert!(!b.state(0).includes(&apart) || rule == LastWriteWins, "{rule:?}");
            assert!(!a.state(0).has(&last.id) && b.state(0).has(&last.id), "{rule:?}");
            assert!(a.receive(0, b.state(0)) && !a.receive(0, b.state(0)), "{rule:?}: once");
            let state = a.state(0);
            assert_eq!((state.value(), state.versions()), (value, versions.clone()), "{rule:?}");
            assert_eq!(state.siblings(), versions.len(), "{rule:?}");
            assert_eq!(state.counts(), matches!(rule, LastWriteWins | Siblings), "{rule:?}");
            assert_eq!(state.write(), matches!(rule, LastWriteWins | Siblings).then_some(3), "{rule:?}");
            assert_eq!(state.stamp().is_some(), rule == LastWriteWins);
            assert!(state.has(&last.id) && state.includes(&apart) && state.includes(&b.state(0).seen()), "{rule:?}");
            assert_eq!(state.vector() == VersionVector::default(), rule == LastWriteWins, "{rule:?}");
        }
        // A set forgets what is unliked, and what is put is added or, if it is there, removed.
        let mut set = Replica::new(0, 1, OrSet, false);
        let sizes = [Op::Like(7), Op::Put(8), Op::Put(8), Op::Unlike(7), Op::Unlike(7)].map(|op| {
            set.write(Us::ZERO, 0, op, 1);
            set.state(0).value()
        });
        assert_eq!(sizes, [1, 2, 1, 0, 0]);
        let mut down = Replica::new(0, 1, PnCounter, false);
        assert_eq!(
            [Op::Unlike(0), Op::Unlike(0), Op::Like(0)].map(|op| down.write(Us::ZERO, 0, op, 1).id.dot.n),
            [1, 2, 3]
        );
        assert_eq!(down.state(0).value(), -1);
        let mut register = Replica::new(0, 1, LastWriteWins, false);
        register.write(Us::s(1), 0, Op::Unlike(0), 1);
        assert_eq!((register.state(0).value(), register.write(Us::s(2), 0, Op::Put(9), 2).parent), (-1, 1));
    }

    #[test]
    fn a_hybrid_clock_writes_after_what_it_has_seen() {
        let mut ahead = Replica::new(0, 1, Rule::LastWriteWins, true);
        let mut right = Replica::new(1, 1, Rule::LastWriteWins, true);
        ahead.clock.skew = 5_000_000;
        ahead.write(Us::ZERO, 0, Op::Put(1), 1);
        right.receive(0, ahead.state(0));
        assert!(right.write(Us::s(3), 0, Op::Put(2), 2).kept);
    }

    #[test]
    fn timestamps_of_one_node_never_repeat() {
        let mut r = Replica::new(0, 1, Rule::LastWriteWins, false);
        let mut last = Stamp::NEVER;
        for i in 0..10 {
            if i == 5 {
                r.clock.skew = -1_000_000;
            }
            let w = r.write(Us::s(2), 0, Op::Like(0), i + 1);
            assert!(w.id.stamp > last && w.kept);
            last = w.id.stamp;
        }
        assert_eq!(r.state(0).value(), 10);
    }

    #[test]
    fn lost_is_what_no_copy_descends_from() {
        let mut nodes =
            [Replica::new(0, 1, Rule::LastWriteWins, false), Replica::new(1, 1, Rule::LastWriteWins, false)];
        let mut observer = Observer::default();
        for i in 0..10u64 {
            let node = (i % 2) as usize;
            let write = observer.next();
            let w = nodes[node].write(Us::ms(i), 0, Op::Like(0), write);
            let entry = Entry {
                write,
                id: w.id,
                node: node as u8,
                parent: w.parent,
                seen: VersionVector::default(),
                at: Us::ms(i),
                acked: Us::MAX,
                kept: w.kept,
            };
            observer.wrote(entry, &nodes, 0);
            observer.acked(write, Us::ms(i));
        }
        assert_eq!(observer.lost(&nodes, 0), 0, "each side still has its own five");
        let behind = observer.behind(nodes[0].state(0), Us::s(1));
        assert_eq!(
            behind,
            Some(Behind { versions: 1, since: Us::ms(9), newest: 10 }),
            "by timestamps only the last write is newer"
        );
        let other = nodes[1].state(0).clone();
        assert!(nodes[0].receive(0, &other));
        let merged = nodes[0].state(0).clone();
        assert!(!nodes[1].receive(0, &merged));
        assert_eq!(nodes[0].state(0).value(), 5);
        assert_eq!(observer.lost(&nodes, 0), 5);
        assert!(observer.is_ancestor(2, 10) && !observer.is_ancestor(1, 10));
    }

    /// A register's writes are told apart by their place among those of their coordinator.
    #[test]
    fn no_two_writes_have_one_name() {
        let mut nodes = [0, 1].map(|id| Replica::new(id, 2, Rule::LastWriteWins, false));
        for n in 1..=3 {
            for (id, node) in nodes.iter_mut().enumerate() {
                let dots = [0, 1].map(|key| node.write(Us::s(1), key, Op::Put(5), n).id.dot);
                assert_eq!(dots, [Dot { node: id as u8, n }; 2]);
            }
        }
    }

    /// Two nodes write by turns and never hear of each other; then one of them takes over what the other has. All of the
    /// first one's writes are lost, those included that are too long ago to be remembered one by one.
    #[test]
    fn what_was_lost_stays_lost_when_it_is_forgotten() {
        let mut nodes = [0, 1].map(|id| Replica::new(id, 1, Rule::LastWriteWins, false));
        let mut observer = Observer::default();
        let write = |nodes: &mut [Replica; 2], observer: &mut Observer, node: usize| {
            let (write, now) = (observer.next(), Us::ms(u64::from(observer.next())));
            let w = nodes[node].write(now, 0, Op::Put(1), write);
            let (node, seen) = (node as u8, VersionVector::default());
            let entry = Entry { write, id: w.id, node, parent: w.parent, seen, at: now, acked: Us::MAX, kept: w.kept };
            observer.wrote(entry, nodes, 0);
            observer.acked(write, now);
        };
        (0..10).for_each(|i| write(&mut nodes, &mut observer, i % 2));
        let newer = nodes[1].state(0).clone();
        assert!(nodes[0].receive(0, &newer));
        assert_eq!((observer.written(), observer.lost(&nodes, 0)), (10, 5));
        for i in 10..HISTORY_MAX + 100 {
            write(&mut nodes, &mut observer, 0);
            assert_eq!(observer.entries().count(), HISTORY_MAX.min(i + 1));
            assert_eq!(observer.lost(&nodes, 0), 5);
        }
    }
}
