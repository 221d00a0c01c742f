//! Replication: one log, and followers that repeat it in order.
//!
//! ```text
//!   primary     1 2 3 4 5 6 7 8 9      committed 9
//!                 | the stream
//!   replica 1   1 2 3 4 5 6 7          on its disk 7, applied 6: reads there see 6
//!   replica 2   1 2 3 4                applied 4
//! ```
//!
//! A write is a record in the primary's log and has a *position*. Each follower receives the records
//! late, in order, and repeats every one of them: so followers multiply what can be read and nothing
//! of what can be written. A read sees what its node has applied. How far that is behind is the *lag*.
//!
//! When a write is acknowledged is a choice ([`Commit`], after PostgreSQL's `synchronous_commit`):
//! once the primary has it, once one standby has it on its disk, or once every standby shows it
//! (`remote_apply`). The first loses, at a failover, what had been acknowledged and was still on its
//! way. The promoted follower's log then *is* the log: longer ones are cut back to it.
//!
//! The log is kept until all followers have applied it, and not for ever: who falls further behind
//! than [`RECORDS_MAX`] must be copied anew.
//!
//! The block schedules nothing. Leaves out: how a primary's death is noticed, two primaries at once,
//! logical replication, conflicts between replay and queries.

use crate::deque::Deque;
use crate::kernel::{Us, unit_exp};

/// The number of a record in the log, from 1. As a state: everything up to it.
pub type Position = u32;

/// Records that the log keeps for those who lag.
pub const RECORDS_MAX: usize = 1 << 16;

/// When a write is acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Commit {
    /// The primary has it.
    Local,
    /// One standby has it on its disk as well.
    OneStandby,
    /// Every standby that is up has applied it, so every read anywhere sees it.
    AllApplied,
}

/// How the delay of a stream comes about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lag {
    /// Each record arrives the same time after its commit.
    Fixed,
    /// The follower catches up with everything at moments of a Poisson process. Then the delay of a
    /// record is exponential, whenever it was committed: waiting for the next event of a Poisson
    /// process has no memory. A read τ after the commit misses it with probability e^(-τ/mean).
    Bursts,
}

impl Lag {
    /// From one catching up to the next.
    pub fn gap(bits: u64, mean: Us) -> Us {
        Us::from_us(unit_exp(bits) * mean.0 as f64).max(Us(1))
    }
}

/// A copy of the data: the primary or a follower.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Member {
    pub up: bool,
    /// It holds all tables, so it can confirm writes and take over; a read store cannot.
    pub votes: bool,
    /// On its disk, and so not lost.
    pub safe: Position,
    /// Handed to whoever applies.
    pub received: Position,
    /// Visible to reads.
    pub applied: Position,
}

/// Which follower takes over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pick {
    /// The one that has the most.
    Latest,
    /// The one that has the least: what happens when nobody compares.
    Behind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Promotion {
    pub member: usize,
    /// The log ends here now.
    pub position: Position,
    /// Acknowledged records beyond it: promised, and gone.
    pub lost: u32,
}

#[derive(Clone, Debug)]
pub struct Log {
    committed: Position,
    acked: Position,
    /// Commit times of the last records, in microseconds without the high bits: enough for an hour.
    times: Deque<u32>,
    members: Vec<Member>,
    leader: Option<usize>,
}

impl Log {
    /// A primary, member 0, and so many followers of either kind, all of them up to date.
    pub fn new(followers: usize, stores: usize) -> Log {
        let member = |votes| Member { up: true, votes, safe: 0, received: 0, applied: 0 };
        let members = (0..=followers + stores).map(|i| member(i <= followers)).collect();
        Log { committed: 0, acked: 0, times: Deque::new(), members, leader: Some(0) }
    }

    #[inline(always)]
    pub fn committed(&self) -> Position {
        self.committed
    }
    pub fn acked(&self) -> Position {
        self.acked
    }
    #[inline(always)]
    pub fn leader(&self) -> Option<usize> {
        self.leader
    }
    pub fn members(&self) -> &[Member] {
        &self.members
    }
    #[inline(always)]
    pub fn applied(&self, member: usize) -> Position {
        self.members[member].applied
    }

    /// The primary commits so many records; returns the position of the last.
    pub fn commit(&mut self, now: Us, records: u32) -> Position {
        for _ in 0..records {
            self.times.push_back(now.0 as u32);
        }
        self.committed += records;
        if let Some(l) = self.leader {
            let m = &mut self.members[l];
            (m.safe, m.received, m.applied) = (self.committed, self.committed, self.committed);
        }
        if self.times.len() >= 512 && self.committed.is_multiple_of(64) || self.times.len() > RECORDS_MAX {
            self.trim();
        }
        self.committed
    }

    /// Forgets what everybody has applied, and what nobody has room for.
    fn trim(&mut self) {
        let needed = self.members.iter().filter(|m| m.up).map(|m| m.applied).min().unwrap_or(self.committed);
        while self.base() < needed || self.times.len() > RECORDS_MAX {
            self.times.pop_front();
        }
    }
    /// Everything up to here is forgotten.
    fn base(&self) -> Position {
        self.committed - self.times.len() as u32
    }
    /// Whether the log no longer has what this member needs next.
    pub fn is_cut_off(&self, member: usize) -> bool {
        self.members[member].up && self.members[member].applied < self.base()
    }

    /// How long ago a record was committed; for one that is forgotten, how long the oldest is.
    pub fn age(&self, record: Position, now: Us) -> Us {
        let i = record.saturating_sub(self.base() + 1) as usize;
        self.times.get(i).map_or(Us::ZERO, |t| Us(u64::from((now.0 as u32).wrapping_sub(*t))))
    }

    /// When the next record reaches a follower that is so far behind; `None` if there is none.
    pub fn due(&self, member: usize, lag: Us, now: Us) -> Option<Us> {
        let next = self.members[member].received + 1;
        (next <= self.committed).then(|| now + lag.since(self.age(next, now)))
    }

    /// A follower receives what was committed at least `lag` ago: how many records.
    pub fn receive(&mut self, member: usize, lag: Us, now: Us) -> u32 {
        let before = self.members[member].received;
        let mut received = before;
        while received < self.committed && self.age(received + 1, now) >= lag {
            received += 1;
        }
        let m = &mut self.members[member];
        m.received = received;
        m.safe = m.safe.max(received);
        received - before
    }

    /// A follower has written everything up to `position` to its disk, to be applied later.
    pub fn secure(&mut self, member: usize, position: Position) {
        let m = &mut self.members[member];
        if m.up {
            m.safe = m.safe.max(position.min(self.committed));
        }
    }

    /// A follower has applied the next `records` of those it received.
    pub fn apply(&mut self, member: usize, records: u32) {
        let m = &mut self.members[member];
        m.applied = (m.applied + records).min(m.received);
    }

    /// How long a follower has lacked the oldest record that it has not applied.
    pub fn behind(&self, member: usize, now: Us) -> Us {
        let m = &self.members[member];
        if m.applied >= self.committed { Us::ZERO } else { self.age(m.applied + 1, now) }
    }

    fn standbys(&self) -> impl Iterator<Item = &Member> + '_ {
        self.members.iter().enumerate().filter(|(i, m)| m.up && m.votes && Some(*i) != self.leader).map(|(_, m)| m)
    }

    /// Acknowledges what may be: returns the position up to which clients have their answer.
    /// Where standbys must confirm and none is up, nothing further is; where there never was one,
    /// the primary's own word counts.
    pub fn acknowledge(&mut self, commit: Commit) -> Position {
        let alone = self.members.iter().filter(|m| m.votes).count() < 2;
        let confirmed = match commit {
            _ if self.leader.is_none() => None,
            Commit::Local => Some(self.committed),
            _ if alone => Some(self.committed),
            Commit::OneStandby => self.standbys().map(|m| m.safe).max(),
            Commit::AllApplied => self.standbys().map(|m| m.applied).min(),
        };
        self.acked = self.acked.max(confirmed.unwrap_or(0));
        self.acked
    }

    /// A member dies with what it had not applied.
    pub fn lose(&mut self, member: usize) {
        self.members[member].up = false;
        if self.leader == Some(member) {
            self.leader = None;
        }
    }

    /// A living follower takes over and applies all that is on its disk. `sure`: only one that has
    /// everything acknowledged, as a failover manager insists for synchronous standbys.
    pub fn promote(&mut self, pick: Pick, sure: bool) -> Option<Promotion> {
        let floor = if sure { self.acked } else { 0 };
        let mut best: Option<usize> = None;
        for (i, m) in self.members.iter().enumerate() {
            let better = |b: &Member| match pick {
                Pick::Latest => m.safe > b.safe,
                Pick::Behind => m.safe < b.safe,
            };
            if m.up && m.votes && m.safe >= floor && best.is_none_or(|b| better(&self.members[b])) {
                best = Some(i);
            }
        }
        let member = best?;
        let position = self.members[member].safe;
        let lost = self.acked.saturating_sub(position);
        let dropped = (self.committed - position) as usize;
        let kept = self.times.len().saturating_sub(dropped);
        self.times.truncate(kept);
        self.committed = position;
        self.acked = self.acked.min(position);
        self.leader = Some(member);
        for (i, m) in self.members.iter_mut().enumerate() {
            m.safe = m.safe.min(position);
            m.applied = m.applied.min(position);
            // The streams begin again where each has applied.
            m.received = m.applied;
            if i == member {
                (m.received, m.applied) = (position, position);
            }
        }
        Some(Promotion { member, position, lost })
    }

    /// The primary itself comes back with its whole log.
    pub fn resume(&mut self, member: usize) {
        self.leader = Some(member);
        self.refill(member);
    }

    /// A member that was copied anew from the primary: up, with everything.
    pub fn refill(&mut self, member: usize) {
        let m = &mut self.members[member];
        (m.up, m.safe, m.received, m.applied) = (true, self.committed, self.committed, self.committed);
    }

    /// A new copy is complete: it counts from now on.
    pub fn enroll(&mut self, member: usize) {
        self.members[member].votes = true;
        self.refill(member);
    }

    /// One more member, which is being copied: it neither counts nor is up before it is enrolled.
    pub fn add(&mut self) -> usize {
        self.members.push(Member { up: false, votes: false, safe: 0, received: 0, applied: 0 });
        self.members.len() - 1
    }

    /// Nobody is ahead of the primary, and nobody shows what it has not received.
    pub fn check(&self) -> Result<(), String> {
        for (i, m) in self.members.iter().enumerate().filter(|(_, m)| m.up) {
            if m.applied > m.received || m.received > m.safe || m.safe > self.committed {
                return Err(format!(
                    "member {i} has applied {}, received {}, on disk {} of {}",
                    m.applied, m.received, m.safe, self.committed
                ));
            }
        }
        if self.acked > self.committed {
            return Err(format!("{} acknowledged of {} committed", self.acked, self.committed));
        }
        Ok(())
    }

    pub fn weight(&self) -> usize {
        self.times.len() * 4 + self.members.len() * core::mem::size_of::<Member>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::Stream;
    use crate::theory;
    use proptest::prelude::*;

    /// The chance that a read τ after the commit misses it is e^(-τ/D), in order and all.
    #[test]
    fn bursts_make_the_delay_exponential() {
        let mean = Us::ms(200);
        let (mut clock, mut writes) = (Stream::new(1, "test", "bursts", 0), Stream::new(1, "test", "writes", 0));
        let (mut log, mut next, mut now) = (Log::new(1, 0), Us::ZERO, Us::ZERO);
        let (mut missed, n) = (0u32, 60_000);
        for _ in 0..n {
            now += writes.exp(Us::ms(150));
            while next <= now {
                let got = log.receive(1, Us::ZERO, next);
                log.apply(1, got);
                next += Lag::gap(clock.bits(), mean);
            }
            let position = log.commit(now, 1);
            // Whether the next catching up lies within τ = 50 ms.
            missed += u32::from(next > now + Us::ms(50) && log.applied(1) < position);
        }
        let (got, law) = (f64::from(missed) / f64::from(n), theory::stale_after(0.050, 0.200));
        assert!((got - law).abs() < 0.01, "{got} for {law}");
        assert!((law - 0.778_8).abs() < 1e-4);
    }

    #[test]
    fn a_fixed_lag_is_one() {
        let mut log = Log::new(1, 0);
        log.commit(Us::ms(10), 1);
        log.commit(Us::ms(20), 2);
        assert_eq!(log.due(1, Us::ms(200), Us::ms(30)), Some(Us::ms(210)));
        assert_eq!(log.receive(1, Us::ms(200), Us::ms(210)), 1);
        assert_eq!(log.receive(1, Us::ms(200), Us::ms(219)), 0);
        assert_eq!(log.receive(1, Us::ms(200), Us::ms(220)), 2);
        assert_eq!((log.applied(1), log.behind(1, Us::ms(220))), (0, Us::ms(210)));
        log.apply(1, 3);
        assert_eq!((log.applied(1), log.behind(1, Us::ms(220))), (3, Us::ZERO));
    }

    /// Whose word a client waits for: the primary's own, that of one standby's disk, or all standbys' copies.
    #[test]
    fn an_acknowledgement_is_of_what_has_been_confirmed_and_never_taken_back() {
        let mut log = Log::new(2, 1);
        log.commit(Us::ZERO, 9);
        log.receive(1, Us::ZERO, Us::s(1));
        log.apply(1, 7);
        let at = |commit| log.clone().acknowledge(commit);
        assert_eq!([Commit::Local, Commit::OneStandby, Commit::AllApplied].map(at), [9, 9, 0]);
        log.receive(2, Us::ZERO, Us::s(1));
        log.apply(2, 5);
        assert_eq!((log.acknowledge(Commit::AllApplied), log.acked()), (5, 5));
        log.lose(2);
        assert_eq!((log.acknowledge(Commit::AllApplied), log.acked()), (7, 7), "of those that are up");
        log.lose(0);
        assert_eq!((log.acknowledge(Commit::Local), log.acked()), (7, 7), "without a primary nothing more");
        let mut alone = Log::new(0, 1);
        alone.commit(Us::ZERO, 3);
        assert_eq!(alone.acknowledge(Commit::AllApplied), 3);
    }

    #[test]
    fn what_was_on_its_way_is_lost_with_the_primary() {
        let mut log = Log::new(2, 0);
        for i in 0..100 {
            log.commit(Us::ms(i), 1);
        }
        assert_eq!(log.acknowledge(Commit::Local), 100);
        log.receive(1, Us::ms(20), Us::ms(99));
        log.receive(2, Us::ms(50), Us::ms(99));
        let mut careless = log.clone();
        log.lose(0);
        assert_eq!(log.promote(Pick::Latest, false), Some(Promotion { member: 1, position: 80, lost: 20 }));
        careless.lose(0);
        assert_eq!(careless.promote(Pick::Behind, false).map(|p| p.lost), Some(50));
        assert_eq!(careless.members()[1].safe, 50, "the other one is cut back");
        // The old primary comes back as a copy of the new one.
        careless.refill(0);
        assert_eq!(careless.applied(0), 50);
    }

    #[test]
    fn who_is_too_far_behind_is_cut_off() {
        let mut log = Log::new(2, 0);
        for i in 0..RECORDS_MAX as u64 + 600 {
            log.commit(Us(i), 1);
            log.receive(1, Us::ZERO, Us(i));
            log.apply(1, 1);
        }
        assert!(log.is_cut_off(2) && !log.is_cut_off(1));
        assert!(log.times.len() <= RECORDS_MAX);
        log.refill(2);
        assert!(!log.is_cut_off(2));
    }

    proptest! {
        /// Any history: positions stay in order; a synchronous commit loses nothing, however many
        /// primaries die while a standby is left; after quiet all are equal.
        #[test]
        fn followers_follow(
            steps in prop::collection::vec((0u8..10, 0usize..4, 1u64..60_000), 1..300),
            level in 0u8..3,
        ) {
            let commit = [Commit::Local, Commit::OneStandby, Commit::AllApplied][level as usize];
            let mut log = Log::new(3, 1);
            let mut now = Us::ZERO;
            let mut promised = 0;
            let mut lost = 0;
            for (what, who, gap) in steps {
                now += Us(gap);
                let follows = Some(who) != log.leader() && log.members()[who].up;
                match what {
                    0..=3 if log.leader().is_some() => {
                        log.commit(now, 1 + who as u32);
                    }
                    4 | 5 if follows => {
                        let got = log.receive(who, Us(gap / 2), now);
                        log.apply(who, got / 2);
                    }
                    6 if follows => {
                        let m = log.members()[who];
                        log.apply(who, m.received - m.applied);
                    }
                    7 if follows => log.secure(who, log.committed()),
                    8 if log.leader() == Some(who) => {
                        promised = log.acknowledge(commit);
                        log.lose(who);
                    }
                    9 if log.leader().is_none() => {
                        if let Some(p) = log.promote(Pick::Behind, commit != Commit::Local) {
                            prop_assert_eq!(p.lost, promised.saturating_sub(p.position));
                            lost += p.lost;
                        }
                    }
                    9 if !log.members()[who].up => log.refill(who),
                    _ => {}
                }
                prop_assert_eq!(log.check(), Ok(()));
                let acked = log.acknowledge(commit);
                prop_assert!(acked <= log.committed());
            }
            prop_assert!(commit == Commit::Local || lost == 0);
            if log.leader().is_some() {
                for m in 0..4 {
                    if log.members()[m].up {
                        log.receive(m, Us::ZERO, now);
                        log.apply(m, u32::MAX / 2);
                        prop_assert_eq!(log.applied(m), log.committed());
                    }
                }
            }
        }
    }

    #[test]
    fn what_everybody_has_applied_is_forgotten() {
        let mut log = Log::new(2, 0);
        // Whoever is dead needs nothing of it: it will be copied anew.
        log.lose(2);
        log.commit(Us::ZERO, 1_000);
        assert_eq!(log.times.len(), 1_000, "nobody else has it");
        for _ in 0..200 {
            log.commit(Us::ZERO, 1);
            let got = log.receive(1, Us::ZERO, Us::ZERO);
            log.apply(1, got);
        }
        assert!(log.times.len() < 512, "{} are kept", log.times.len());
    }

    #[test]
    fn who_lacks_more_than_the_log_keeps_is_cut_off_and_nobody_else() {
        let mut log = Log::new(1, 0);
        log.commit(Us::ZERO, RECORDS_MAX as u32);
        assert!(!log.is_cut_off(1));
        log.commit(Us::ZERO, 1);
        assert!(log.is_cut_off(1));
    }

    #[test]
    fn what_is_on_a_disk_survives_the_primary_and_a_restart_loses_nothing() {
        let mut log = Log::new(1, 0);
        log.commit(Us::ZERO, 9);
        assert_eq!(log.acknowledge(Commit::OneStandby), 0, "one standby is one to wait for");
        log.secure(1, 7);
        assert_eq!((log.acknowledge(Commit::OneStandby), log.applied(1)), (7, 0));
        log.lose(0);
        let mut restarted = log.clone();
        assert_eq!(log.promote(Pick::Latest, true), Some(Promotion { member: 1, position: 7, lost: 0 }));
        assert_eq!(log.applied(1), 7);
        restarted.resume(0);
        assert_eq!((restarted.leader(), restarted.applied(0), restarted.acknowledge(Commit::Local)), (Some(0), 9, 9));
        assert!(restarted.members()[0].up);
    }

    #[test]
    fn the_lag_is_the_age_of_the_oldest_record_that_is_missing() {
        let mut log = Log::new(1, 0);
        for at in [10, 20, 40] {
            log.commit(Us::ms(at), 1);
        }
        log.receive(1, Us::ZERO, Us::ms(40));
        log.apply(1, 1);
        assert_eq!(log.behind(1, Us::ms(100)), Us::ms(80));
    }

    /// And of equals the first, so that a failover does not depend on who is asked last.
    #[test]
    fn the_one_with_the_most_or_the_least_takes_over() {
        let mut log = Log::new(4, 0);
        log.commit(Us::ZERO, 9);
        for (member, position) in [(1, 3), (2, 5), (3, 5), (4, 3)] {
            log.secure(member, position);
        }
        log.lose(0);
        let who = |pick| log.clone().promote(pick, false).map(|p| (p.member, p.position));
        assert_eq!((who(Pick::Latest), who(Pick::Behind)), (Some((2, 5)), Some((1, 3))));
    }

    #[test]
    fn whoever_claims_more_than_there_can_be_is_found_out() {
        let mut log = Log::new(1, 0);
        log.commit(Us::ZERO, 9);
        for (applied, received, safe, acked, fine) in
            [(2, 3, 4, 9, true), (3, 2, 4, 9, false), (2, 4, 3, 9, false), (2, 3, 10, 9, false), (2, 3, 4, 10, false)]
        {
            log.members[1] = Member { up: true, votes: true, safe, received, applied };
            log.acked = acked;
            assert_eq!(log.check().is_ok(), fine, "{log:?}");
        }
    }
}
