//! Consumer group over a partitioned log (Kafka's log mode).
//!
//! ```text
//!   producers --> [ partition 0: 0 1 2 3 4 5 6 . . . ] <-- polls -- member A
//!                 [ partition 1: 0 1 2 3 . . . . . . ] <-- polls -- member A
//!                 [ partition 2: 0 1 2 3 4 5 . . . . ] <-- polls -- member B
//!                         committed ^   ^ position
//! ```
//!
//! A log keeps its records whether they were read or not; a *position* says what a member reads
//! next, a *committed offset* what the group need not read again. Each partition has one owner in
//! the group. When an owner leaves, another member goes on from the committed offset: whatever had
//! been read and not committed is processed again (at least once).
//!
//! A member leaves in two ways (Kafka's `ConsumerConfig`). The group hears no heartbeat for the
//! *session timeout* (45 s): the process is dead. Or the process lives, but has not polled for the
//! *poll interval* (300 s): its heartbeat thread leaves the group by itself. After that the group
//! refuses its commits, since they carry an old generation.
//!
//! Partitions move as little as possible (the cooperative sticky assignor): owners that stay keep
//! what they have, up to a fair share. Members beyond the number of partitions own nothing.
//!
//! Records with the same key go to the same partition, and a partition is read in its order: that is
//! all the order there is ([`partition_of`], [`Topic`]). Committing *after* the work makes it at least
//! once, committing *before* at most once ([`Commit`]). A record that cannot be processed is tried
//! again in its place with pauses, and everything behind it waits; after so many tries it goes to the
//! dead letters (`broker.rs`) and the reader goes on ([`Reader`]).
//!
//! Leaves out: the time a rebalance takes, transactions, retention and compaction, several topics,
//! the broker's own failures.

use super::retry::Retry;
use crate::deque::Deque;
use crate::kernel::{Us, mix};

/// Kafka's defaults, milliseconds as its documentation writes them.
pub const SESSION_TIMEOUT: Us = Us::ms(45_000);
pub const HEARTBEAT_EVERY: Us = Us::ms(3_000);
pub const POLL_INTERVAL_MAX: Us = Us::ms(300_000);
pub const POLL_RECORDS_MAX: u32 = 500;
pub const AUTO_COMMIT_EVERY: Us = Us::ms(5_000);

/// Times are kept for one record in so long: a record's age is right to within this.
const INDEX_EVERY: Us = Us::ms(1_000);

/// The records of one partition. What is in them does not matter here, only where and how old they
/// are; and like Kafka's own time index, ages are kept for some records only.
#[derive(Clone, Debug, Default)]
pub struct Log {
    end: u32,
    /// (offset, when it was appended), ascending; at most one a second.
    index: Deque<(u32, Us)>,
}

impl Log {
    /// A new record; its offset.
    #[inline]
    pub fn append(&mut self, now: Us) -> u32 {
        let offset = self.end;
        self.end += 1;
        if self.index.back().is_none_or(|(_, at)| *at + INDEX_EVERY <= now) {
            self.index.push_back((offset, now));
        }
        offset
    }
    /// The offset that the next record will have.
    pub fn end(&self) -> u32 {
        self.end
    }
    /// When a record was appended, to the second (early rather than late).
    pub fn appended(&self, offset: u32) -> Us {
        let after = self.index.partition_point(|(o, _)| *o <= offset);
        self.index.get(after.saturating_sub(1)).map_or(Us::ZERO, |(_, at)| *at)
    }
    /// Nobody will ask for the times of records before this one.
    pub fn forget(&mut self, offset: u32) {
        while self.index.get(1).is_some_and(|(o, _)| *o <= offset) {
            self.index.pop_front();
        }
    }
    pub fn weight(&self) -> usize {
        self.index.len() * core::mem::size_of::<(u32, Us)>()
    }
}

/// The partition of a key: the same for the same key, and spread evenly over different ones.
#[inline]
pub fn partition_of(key: u64, partitions: usize) -> usize {
    ((u128::from(mix(key)) * partitions as u128) >> 64) as usize
}

#[derive(Clone, Debug)]
struct Records<M> {
    /// Offset of the first record that is still kept.
    first: u32,
    kept: Deque<(Us, M)>,
}

/// Partitions with what is in their records. Reading takes nothing out: every group reads all of it,
/// at its own pace. Records go when the owner trims them, since all groups have committed them.
#[derive(Clone, Debug)]
pub struct Topic<M> {
    partitions: Vec<Records<M>>,
    kept: usize,
    capacity: usize,
    refused: u64,
}

impl<M: Copy> Topic<M> {
    /// `capacity`: records kept in all partitions together.
    pub fn new(partitions: usize, capacity: usize) -> Topic<M> {
        let empty = Records { first: 0, kept: Deque::new() };
        Topic { partitions: vec![empty; partitions], kept: 0, capacity, refused: 0 }
    }
    /// A new record at the end of a partition; its offset, or `None` when the topic is full.
    pub fn append(&mut self, now: Us, partition: usize, message: M) -> Option<u32> {
        if self.kept == self.capacity {
            self.refused += 1;
            return None;
        }
        let offset = self.end(partition);
        self.kept += 1;
        self.partitions[partition].kept.push_back((now, message));
        Some(offset)
    }
    /// A record and when it was appended; `None` beyond the end, or when it has been trimmed.
    pub fn get(&self, partition: usize, offset: u32) -> Option<(Us, M)> {
        let p = &self.partitions[partition];
        p.kept.get(offset.checked_sub(p.first)? as usize).copied()
    }
    /// The offset that the next record of this partition will have.
    pub fn end(&self, partition: usize) -> u32 {
        let p = &self.partitions[partition];
        p.first + p.kept.len() as u32
    }
    /// Nobody will read the records below this offset again.
    pub fn trim(&mut self, partition: usize, offset: u32) {
        let p = &mut self.partitions[partition];
        while p.first < offset && p.kept.pop_front().is_some() {
            p.first += 1;
            self.kept -= 1;
        }
    }
    pub fn partitions(&self) -> usize {
        self.partitions.len()
    }
    /// Records kept.
    pub fn len(&self) -> usize {
        self.kept
    }
    pub fn is_empty(&self) -> bool {
        self.kept == 0
    }
    /// Records that were refused because the topic was full.
    pub fn refused(&self) -> u64 {
        self.refused
    }
    pub fn weight(&self) -> usize {
        self.partitions.len() * core::mem::size_of::<Records<M>>() + self.kept * core::mem::size_of::<(Us, M)>()
    }
}

/// When a reader commits a record, which decides what a crash in the middle costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Commit {
    /// At most once: what was being worked on is lost.
    Before,
    /// At least once: what was being worked on is done again.
    After,
}

/// A group's place in one partition, and how the record there is getting on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reader {
    position: u32,
    tries: u8,
}

impl Reader {
    /// A new owner begins at what was committed: whatever had been read beyond is read again.
    pub fn at(committed: u32) -> Reader {
        Reader { position: committed, tries: 0 }
    }
    /// The offset that is worked on, or that comes next.
    pub fn position(&self) -> u32 {
        self.position
    }
    /// Failed tries of the record at this position.
    pub fn tries(&self) -> u8 {
        self.tries
    }
    /// The record is done, or given up: on to the next.
    pub fn advance(&mut self) {
        *self = Reader::at(self.position + 1);
    }
    /// The record has failed. How long to pause before it is tried again in its place; `None` when its
    /// tries are used up. With `retry.attempts` 0 they never are.
    pub fn failed(&mut self, retry: &Retry) -> Option<Us> {
        self.tries = self.tries.saturating_add(1);
        let again = retry.attempts == 0 || self.tries < retry.attempts;
        again.then(|| retry.wait(self.tries, Us::ZERO, 0.0))
    }
}

/// Which records of a partition have been processed, when several workers finish them out of order:
/// everything below `low`, and those marked above it. Only `low` may be committed.
#[derive(Clone, Debug, Default)]
pub struct Progress {
    low: u32,
    above: Deque<bool>,
}

impl Progress {
    pub fn new(low: u32) -> Progress {
        Progress { low, above: Deque::new() }
    }
    /// Marks a record as processed; false if it had been before.
    #[inline]
    pub fn done(&mut self, offset: u32) -> bool {
        let Some(i) = offset.checked_sub(self.low) else {
            return false;
        };
        let i = i as usize;
        if i >= self.above.len() {
            self.above.resize(i + 1, false);
        }
        let first = !core::mem::replace(&mut self.above[i], true);
        while self.above.front() == Some(&true) {
            self.above.pop_front();
            self.low += 1;
        }
        first
    }
    /// Whether this record has been processed.
    pub fn is_done(&self, offset: u32) -> bool {
        offset.checked_sub(self.low).is_none_or(|i| self.above.get(i as usize) == Some(&true))
    }
    /// Everything below has been processed.
    pub fn low(&self) -> u32 {
        self.low
    }
    /// Of the records below `offset`, those that have not been processed.
    pub fn missing_below(&self, offset: u32) -> u32 {
        let span = offset.saturating_sub(self.low) as usize;
        span as u32 - self.above.iter().take(span).filter(|d| **d).count() as u32
    }
    pub fn weight(&self) -> usize {
        self.above.len()
    }
}

/// The commit of a member that is not in the group any more, or of an earlier generation of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fenced;

/// The coordinator's view: who is a member, who owns what, what has been committed.
#[derive(Clone, Debug)]
pub struct Group {
    members: Vec<bool>,
    /// Grows with every change of members.
    generation: u32,
    owner: Vec<Option<u8>>,
    committed: Vec<u32>,
}

impl Group {
    pub fn new(members_max: usize, partitions: usize) -> Group {
        Group {
            members: vec![false; members_max],
            generation: 0,
            owner: vec![None; partitions],
            committed: vec![0; partitions],
        }
    }
    pub fn generation(&self) -> u32 {
        self.generation
    }
    pub fn is_member(&self, member: usize) -> bool {
        self.members[member]
    }
    pub fn owner(&self, partition: usize) -> Option<usize> {
        self.owner[partition].map(usize::from)
    }
    pub fn owns(&self, member: usize) -> usize {
        self.owner.iter().filter(|o| **o == Some(member as u8)).count()
    }
    pub fn partitions(&self) -> usize {
        self.owner.len()
    }
    pub fn committed(&self, partition: usize) -> u32 {
        self.committed[partition]
    }

    /// A member joins; partitions move to it. False if it was a member already.
    pub fn join(&mut self, member: usize) -> bool {
        self.change(member, true)
    }
    /// A member leaves or is expelled; its partitions move. False if it was not a member.
    pub fn leave(&mut self, member: usize) -> bool {
        self.change(member, false)
    }

    fn change(&mut self, member: usize, into: bool) -> bool {
        if self.members[member] == into {
            return false;
        }
        self.members[member] = into;
        self.generation += 1;
        self.rebalance();
        true
    }

    /// Everybody keeps what they have up to a fair share; what is left over goes to those with least.
    fn rebalance(&mut self) {
        let count = self.members.iter().filter(|m| **m).count();
        if count == 0 {
            self.owner.fill(None);
            return;
        }
        let (share, rest) = (self.owner.len() / count, self.owner.len() % count);
        let mut held = vec![0usize; self.members.len()];
        // At most `rest` members may hold one more than the share.
        let mut above = 0;
        for owner in &mut self.owner {
            let Some(m) = owner.map(usize::from) else {
                continue;
            };
            let room = held[m] < share || (held[m] == share && above < rest);
            if self.members[m] && room {
                above += usize::from(held[m] == share);
                held[m] += 1;
            } else {
                *owner = None;
            }
        }
        for owner in self.owner.iter_mut().filter(|o| o.is_none()) {
            let members = (0..held.len()).filter(|m| self.members[*m]);
            let Some(least) = members.min_by_key(|m| held[*m]) else {
                return;
            };
            held[least] += 1;
            *owner = Some(least as u8);
        }
    }

    /// A member commits: the records of this partition below `offset` need not be read again.
    ///
    /// # Errors
    /// The member does not own the partition in this generation. Its owner may have gone on already.
    pub fn commit(&mut self, member: usize, generation: u32, partition: usize, offset: u32) -> Result<(), Fenced> {
        if generation != self.generation || self.owner(partition) != Some(member) {
            return Err(Fenced);
        }
        let committed = &mut self.committed[partition];
        *committed = offset.max(*committed);
        Ok(())
    }

    pub fn weight(&self) -> usize {
        self.members.len() + self.owner.len() * 6
    }

    /// Every partition has exactly one owner, a member, as long as there is one; and nobody has two
    /// more than anybody else.
    pub fn invariants(&self) -> Result<(), String> {
        let held: Vec<usize> = (0..self.members.len()).filter(|m| self.members[*m]).map(|m| self.owns(m)).collect();
        let owned: usize = held.iter().sum();
        let expected = if held.is_empty() { 0 } else { self.owner.len() };
        if owned != expected || self.owner.iter().flatten().count() != expected {
            return Err(format!("{owned} of {expected} partitions are owned by members"));
        }
        match (held.iter().min(), held.iter().max()) {
            (Some(least), Some(most)) if most - least > 1 => {
                Err(format!("one member owns {most} partitions, another {least}"))
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blocks::retry::{Backoff, Jitter};
    use proptest::prelude::*;

    #[test]
    fn a_member_that_comes_takes_only_what_it_should() {
        let mut g = Group::new(3, 6);
        g.join(0);
        g.join(1);
        let before: Vec<_> = (0..6).map(|p| g.owner(p)).collect();
        g.join(2);
        let moved = (0..6).filter(|p| g.owner(*p) != before[*p]).count();
        assert_eq!((moved, g.owns(0), g.owns(1), g.owns(2)), (2, 2, 2, 2));
        // Who stays keeps what it has.
        let kept: Vec<usize> = (0..6).filter(|p| g.owner(*p) == Some(1)).collect();
        g.leave(2);
        assert!(kept.iter().all(|p| g.owner(*p) == Some(1)));
    }

    #[test]
    fn an_expelled_member_cannot_commit_and_its_records_come_again() {
        let mut g = Group::new(2, 1);
        g.join(0);
        let old = g.generation();
        assert_eq!(g.commit(0, old, 0, 100), Ok(()));
        g.leave(0);
        g.join(1);
        assert_eq!(g.commit(0, old, 0, 500), Err(Fenced));
        assert_eq!(g.committed(0), 100, "the new owner begins here");
        // Back again, it has to use the new generation.
        g.leave(1);
        g.join(0);
        assert_eq!(g.commit(0, old, 0, 500), Err(Fenced));
        assert_eq!(g.commit(0, g.generation(), 0, 50), Ok(()));
        assert_eq!(g.committed(0), 100, "a commit never goes back");
    }

    #[test]
    fn an_assignment_that_is_not_fair_is_noticed() {
        let mut g = Group::new(3, 6);
        assert_eq!((g.partitions(), g.invariants()), (6, Ok(())), "without members nobody owns anything");
        assert!(g.join(0) && g.join(2) && !g.join(2));
        assert_eq!([0, 1, 2].map(|m| g.is_member(m)), [true, false, true]);
        let broken = |owners: [u8; 6]| Group { owner: owners.map(|o| (o < 9).then_some(o)).to_vec(), ..g.clone() };
        assert_eq!(broken([0, 0, 0, 2, 2, 2]).invariants(), Ok(()));
        assert!(broken([0, 0, 0, 0, 2, 2]).invariants().is_err(), "four and two");
        assert!(broken([0, 0, 0, 2, 2, 9]).invariants().is_err(), "one is nobody's");
        assert!(broken([0, 0, 0, 2, 2, 1]).invariants().is_err(), "one is a stranger's");
        assert!(g.leave(2) && !g.leave(2) && g.leave(0));
        assert_eq!((g.owner(0), g.invariants()), (None, Ok(())));
    }

    #[test]
    fn only_what_is_done_without_a_gap_may_be_committed() {
        let mut p = Progress::new(10);
        assert!(p.done(12) && p.done(11));
        assert_eq!((p.low(), p.missing_below(13)), (10, 1));
        assert!(p.done(10));
        assert_eq!((p.low(), p.missing_below(20)), (13, 7));
        assert!(!p.done(12), "seen before");
    }

    #[test]
    fn ages_are_right_to_the_second() {
        let mut log = Log::default();
        for i in 0..10_000u64 {
            log.append(Us::ms(i * 10));
        }
        assert!(log.index.len() <= 101);
        assert_eq!(log.end(), 10_000);
        for offset in [0u32, 99, 100, 5_555, 9_999] {
            let (got, exact) = (log.appended(offset), Us::ms(u64::from(offset) * 10));
            assert!(got <= exact && exact - got < INDEX_EVERY, "{offset}: {got} for {exact}");
        }
        log.forget(5_000);
        assert_eq!(log.appended(5_050), Us::s(50));
        assert!(log.index.len() <= 51);
    }

    proptest! {
        /// Whoever comes and goes: one owner a partition, fair shares, no commit by outsiders, and no
        /// committed offset beyond what its owner said.
        #[test]
        fn one_owner_a_partition_in_every_generation(
            partitions in 1usize..12,
            moves in prop::collection::vec((0usize..5, 0u8..3, 0u32..100), 1..200),
        ) {
            let mut g = Group::new(5, partitions);
            let mut said = vec![0u32; partitions];
            for (member, what, offset) in moves {
                let generation = g.generation();
                match what {
                    0 => { prop_assert_eq!(g.join(member), g.generation() > generation); }
                    1 => { prop_assert_eq!(g.leave(member), g.generation() > generation); }
                    _ => {
                        let p = offset as usize % partitions;
                        let stale = offset % 7 == 0;
                        let answer = g.commit(member, generation.wrapping_sub(u32::from(stale)), p, offset);
                        prop_assert_eq!(answer.is_ok(), !stale && g.owner(p) == Some(member));
                        if answer.is_ok() {
                            said[p] = said[p].max(offset);
                        }
                    }
                }
                prop_assert_eq!(g.invariants(), Ok(()));
                for (p, said) in said.iter().enumerate() {
                    prop_assert_eq!(g.committed(p), *said);
                }
            }
        }

        #[test]
        fn progress_is_a_set_with_a_low_water_mark(offsets in prop::collection::vec(0u32..60, 0..200), below in 0u32..80) {
            let mut p = Progress::default();
            let mut set = std::collections::BTreeSet::new();
            for o in offsets {
                prop_assert_eq!(p.done(o), set.insert(o));
                let low = (0..).find(|o| !set.contains(o)).unwrap();
                prop_assert_eq!(p.low(), low);
                prop_assert!((0..90).all(|o| p.is_done(o) == set.contains(&o)));
                prop_assert_eq!(p.missing_below(below), (0..below).filter(|o| !set.contains(o)).count() as u32);
            }
        }
    }

    #[test]
    fn every_group_reads_all_of_a_topic() {
        let mut topic = Topic::new(2, 4);
        for (i, p) in [0, 1, 0, 1].into_iter().enumerate() {
            assert_eq!(topic.append(Us::s(i as u64), p, i), Some(i as u32 / 2));
        }
        assert_eq!(
            (topic.append(Us::s(9), 0, 9), topic.append(Us::s(9), 1, 9), topic.refused()),
            (None, None, 2),
            "full"
        );
        assert_eq!((topic.partitions(), topic.is_empty()), (2, false));
        let read = |topic: &Topic<usize>| (0..2).map(|o| topic.get(0, o).map(|r| r.1)).collect::<Vec<_>>();
        assert_eq!(read(&topic), [Some(0), Some(2)]);
        assert_eq!(read(&topic), [Some(0), Some(2)], "reading takes nothing out");
        topic.trim(0, 1);
        assert_eq!((read(&topic), topic.end(0), topic.len()), (vec![None, Some(2)], 2, 3));
    }

    /// Five tries of 0.1 s with pauses of 1, 2, 4 and 8 s: the partition stands still for 15.5 s.
    #[test]
    fn a_bad_record_stops_its_partition_for_its_tries_and_pauses() {
        let (base, cap) = (Us::s(1), Us::s(60));
        let mut retry = Retry { attempts: 5, backoff: Backoff::Exponential, jitter: Jitter::None, base, cap };
        let (mut reader, mut stands) = (Reader::at(7), Us::ZERO);
        loop {
            stands += Us::ms(100);
            match reader.failed(&retry) {
                Some(pause) => stands += pause,
                None => break,
            }
        }
        assert_eq!((stands, reader.tries()), (Us::ms(15_500), 5));
        reader.advance();
        assert_eq!((reader.position(), reader.tries()), (8, 0));
        retry.attempts = 0;
        assert!((0..1_000).all(|_| reader.failed(&retry).is_some()), "without a limit it never ends");
    }

    #[test]
    fn members_beyond_the_partitions_own_nothing() {
        let mut g = Group::new(12, 6);
        assert!((0..12).all(|m| g.join(m)));
        assert_eq!((0..12).filter(|m| g.owns(*m) == 0).count(), 6);
    }

    proptest! {
        /// One key, one partition, one order; and different keys spread.
        #[test]
        fn a_key_keeps_its_partition(key in any::<u64>(), partitions in 1usize..64) {
            prop_assert!(partition_of(key, partitions) < partitions);
            let mut counts = vec![0u32; partitions];
            (0..partitions as u64 * 500).for_each(|i| counts[partition_of(key.wrapping_add(i), partitions)] += 1);
            // Seven standard deviations of a binomial count with mean 500.
            prop_assert!(counts.iter().all(|n| n.abs_diff(500) < 157), "{:?}", counts);
        }

        /// Readers that crash at any point and go on from what was committed: after the work, every
        /// record at least once and first effects in order; before the work, none twice.
        #[test]
        fn what_a_crash_costs(after in any::<bool>(), crashes in prop::collection::vec(0u8..6, 1..200)) {
            let commit = if after { Commit::After } else { Commit::Before };
            let (mut topic, mut group) = (Topic::new(1, 1_000), Group::new(1, 1));
            assert!((0..40u32).all(|i| topic.append(Us::ZERO, 0, i) == Some(i)));
            group.join(0);
            let mut reader = Reader::at(0);
            let (mut effects, mut firsts) = ([0u32; 40], Vec::new());
            let mut crashes = crashes.into_iter().chain(core::iter::repeat(0));
            while let Some((_, record)) = topic.get(0, reader.position()) {
                let offset = reader.position();
                let crash = crashes.next().unwrap();
                let write = |when, group: &mut Group| {
                    if commit == when {
                        group.commit(0, group.generation(), 0, offset + 1).unwrap();
                    }
                };
                write(Commit::Before, &mut group);
                if crash != 1 {
                    effects[record as usize] += 1;
                    if effects[record as usize] == 1 {
                        firsts.push(record);
                    }
                    if crash != 2 {
                        write(Commit::After, &mut group);
                    }
                }
                reader.advance();
                if crash == 1 || crash == 2 {
                    reader = Reader::at(group.committed(0));
                }
            }
            prop_assert!(firsts.is_sorted());
            match commit {
                Commit::After => prop_assert!(effects.iter().all(|n| *n >= 1)),
                Commit::Before => prop_assert!(effects.iter().all(|n| *n <= 1)),
            }
            topic.trim(0, group.committed(0));
            prop_assert!(topic.is_empty());
        }
    }
}
