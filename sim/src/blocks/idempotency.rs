//! Idempotency store: the memory that lets a server hear the same request twice and act once.
//!
//! ```text
//!   attempt 1 --\                    +-- (customer, key) ------------------------------+
//!   attempt 2 ---+-- claim, in one --| fingerprint   recovery point   lease   result |
//!   attempt 3 --/    atomic step     +-------------------------------------------------+
//!                                          .. copied a moment later ..> replica
//!
//!   claim ->  execute     nobody has it, or its owner's lease has lapsed: go on from the recovery point
//!             replay      finished: here is the saved reply
//!             in progress somebody else is at it (409)
//!             mismatch    the same key with another payload (422)
//! ```
//!
//! A client makes a key for each thing it *intends*, stores it before it sends, and sends the same key
//! with every repeat. The claim must be one atomic operation (a unique insert, `SET .. NX`): between a
//! check and a later write anybody can slip in. Work that calls others is split into atomic phases;
//! each commits a *recovery point*, and a repeat goes on from the last one. An owner that does not come
//! back loses its key when its *lease* lapses; should it come back after all, it is no longer the owner
//! and may not write (a fencing token, here the number of the owner).
//!
//! Sources: "The Idempotency-Key HTTP Header Field", draft of the IETF's HTTPAPI working group (400,
//! 409, 422; the fingerprint is optional; expiry is the server's to publish); Stripe's API reference,
//! "Idempotent requests" (the first status and body are kept whatever they are, parameters are
//! compared, keys may go after 24 hours); Brandur Leach, "Implementing Stripe-like Idempotency Keys in
//! Postgres" (2017), for atomic phases and recovery points.
//!
//! Rules that hold, and that the tests check:
//! - While a lease runs, a key has one owner. A finished key is never executed again.
//! - A recovery point never goes back, and only its owner moves it.
//! - The same key of two customers is two keys.
//! - A key is gone at the very microsecond its retention ends.
//! - After a failover the store is what it was at an earlier moment.
//!
//! Leaves out: the bytes of a reply (whoever uses the store says what a result is), several shards,
//! clocks that differ between nodes: leases are judged by the store's own clock.

use crate::deque::Deque;
use crate::kernel::{Us, mix};
use std::collections::BTreeMap;

/// The name of a row: a key means something only together with the customer whose key it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct KeyId {
    pub customer: u32,
    pub key: u32,
}

impl KeyId {
    pub fn word(self) -> u64 {
        u64::from(self.customer) << 32 | u64::from(self.key)
    }
}

/// A fingerprint of a payload: equal payloads have equal ones, others almost never.
pub fn fingerprint(payload: &[u64]) -> u64 {
    payload.iter().fold(0x1d3a, |h, word| mix(h ^ *word))
}

/// The status of each refusal. None of them is saved: whoever gets one may try again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Codes {
    /// The request has no key, and needs one.
    pub missing: u16,
    /// The key has been used with another payload.
    pub mismatch: u16,
    /// The first request with this key is still at work.
    pub in_progress: u16,
}

impl Codes {
    /// As the IETF draft has them.
    pub const DRAFT: Codes = Codes { missing: 400, mismatch: 422, in_progress: 409 };
}

/// The recovery point of a key that has only been claimed.
pub const STARTED: u8 = 0;
/// The last recovery point: the reply is saved, and nothing is left to do.
pub const FINISHED: u8 = u8::MAX;

/// What the store knows of one key.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Row<R> {
    pub fingerprint: u64,
    /// The last atomic phase that has committed.
    pub point: u8,
    /// Who works on it, or did last.
    pub owner: u32,
    /// When somebody else may go on with it; `Us::MAX`: never.
    pub lease_until: Us,
    pub claimed: Us,
    /// What the phases so far have brought; of a finished key, the reply.
    pub result: Option<R>,
}

impl<R> Row<R> {
    pub fn finished(&self) -> bool {
        self.point == FINISHED
    }
}

/// The answer to a claim.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Claim<R> {
    /// The key is yours. Go on after this recovery point; `result` is what the earlier phases brought.
    Execute { from: u8, result: Option<R> },
    /// It is done. Send this.
    Replay(R),
    /// Another owner's lease runs until then.
    InProgress { until: Us },
    /// The key stands for another payload.
    Mismatch,
    /// There is no room for another key.
    Full,
}

/// The key belongs to somebody else by now, or is finished: nothing was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lost;

/// What happens to a new key when the store is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhenFull {
    /// The oldest key makes room, finished or not: a cache.
    Evict,
    /// There is no claim: a database with a quota.
    Refuse,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rules {
    /// How long an owner may be silent; `None`: for ever.
    pub lease: Option<Us>,
    /// How long a key is kept after it was claimed.
    pub retention: Us,
    /// Whether fingerprints are compared.
    pub compare: bool,
    /// How far the replica is behind; zero: a write counts once the replica has it.
    pub lag: Us,
    pub rows_max: usize,
    pub when_full: WhenFull,
}

/// Writes that wait to be copied; beyond it the oldest are copied early, and a failover loses less.
const JOURNAL_MAX: usize = 20_000;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    pub claims: u64,
    /// Claims of a key whose owner's lease had lapsed.
    pub taken_over: u64,
    pub evicted: u64,
    /// Writes that failovers have lost.
    pub lost: u64,
}

#[derive(Clone, Debug)]
pub struct Store<R> {
    pub rules: Rules,
    rows: BTreeMap<KeyId, Row<R>>,
    /// Rows in the order of their claims; some are gone, or have been claimed anew.
    by_age: Deque<(Us, KeyId)>,
    /// What each write of the last `lag` replaced, and whether it left nothing in its place.
    journal: Deque<(Us, KeyId, Option<Row<R>>, bool)>,
    pub tally: Tally,
}

impl<R: Copy> Store<R> {
    pub fn new(rules: Rules) -> Store<R> {
        Store { rules, rows: BTreeMap::new(), by_age: Deque::new(), journal: Deque::new(), tally: Tally::default() }
    }

    fn kept(&self, row: &Row<R>, now: Us) -> bool {
        row.claimed + self.rules.retention > now
    }

    /// A plain read. What it says may be out of date by the time it is acted upon.
    pub fn get(&self, id: KeyId, now: Us) -> Option<&Row<R>> {
        self.rows.get(&id).filter(|row| self.kept(row, now))
    }

    /// Looks and takes in one step.
    pub fn claim(&mut self, id: KeyId, fingerprint: u64, owner: u32, now: Us) -> Claim<R> {
        self.tidy(now);
        let Some(row) = self.get(id, now).copied() else {
            let row = Row { fingerprint, point: STARTED, owner, lease_until: Us::ZERO, claimed: now, result: None };
            return if self.write(id, row, now) {
                self.tally.claims += 1;
                Claim::Execute { from: STARTED, result: None }
            } else {
                Claim::Full
            };
        };
        match row.result {
            _ if self.rules.compare && row.fingerprint != fingerprint => Claim::Mismatch,
            Some(result) if row.finished() => Claim::Replay(result),
            _ if row.lease_until > now => Claim::InProgress { until: row.lease_until },
            result => {
                self.write(id, Row { owner, ..row }, now);
                self.tally.claims += 1;
                self.tally.taken_over += 1;
                Claim::Execute { from: row.point, result }
            }
        }
    }

    /// A phase has committed: the recovery point moves on, and the lease begins anew. A key that the
    /// store has forgotten meanwhile (expired, evicted, lost) is written again: its work was done.
    ///
    /// # Errors
    /// Somebody else owns the key, or it is finished.
    pub fn advance(
        &mut self,
        id: KeyId,
        fingerprint: u64,
        owner: u32,
        point: u8,
        result: R,
        now: Us,
    ) -> Result<(), Lost> {
        let row = match self.get(id, now) {
            Some(row) if row.owner != owner || row.finished() => return Err(Lost),
            Some(row) => Row { point: point.max(row.point), result: Some(result), ..*row },
            None => Row { fingerprint, point, owner, lease_until: Us::ZERO, claimed: now, result: Some(result) },
        };
        self.write(id, row, now);
        Ok(())
    }

    /// Saves a reply, whatever is there: what a store does that was only asked before, not claimed.
    pub fn put(&mut self, id: KeyId, fingerprint: u64, owner: u32, result: R, now: Us) {
        self.tidy(now);
        let row = Row { fingerprint, point: FINISHED, owner, lease_until: Us::MAX, claimed: now, result: Some(result) };
        self.write(id, row, now);
    }

    /// The owner gives up without an outcome: the next claim goes on at once.
    pub fn release(&mut self, id: KeyId, owner: u32, now: Us) {
        let Some(row) = self.get(id, now).filter(|row| row.owner == owner && !row.finished()) else { return };
        let row = Row { lease_until: now, ..*row };
        self.replace(id, row, now);
    }

    /// The owner takes the claim back, as if it had never asked: of a request that turns out to be
    /// invalid nothing is saved.
    pub fn abandon(&mut self, id: KeyId, owner: u32, now: Us) {
        if self.get(id, now).is_some_and(|row| row.owner == owner && !row.finished()) {
            let before = self.rows.remove(&id);
            self.note(id, before, true, now);
        }
    }

    /// Writes a row with a fresh lease. False when there is no room for it.
    fn write(&mut self, id: KeyId, mut row: Row<R>, now: Us) -> bool {
        row.lease_until = self.rules.lease.map_or(Us::MAX, |lease| now + lease);
        if !self.rows.contains_key(&id) && !self.make_room() {
            return false;
        }
        self.replace(id, row, now);
        true
    }

    fn replace(&mut self, id: KeyId, row: Row<R>, now: Us) {
        let before = self.rows.insert(id, row);
        if before.is_none_or(|b| b.claimed != row.claimed) {
            self.by_age.push_back((row.claimed, id));
        }
        self.note(id, before, false, now);
    }

    /// Remembers a write until the replica has it.
    fn note(&mut self, id: KeyId, before: Option<Row<R>>, removed: bool, now: Us) {
        if self.rules.lag > Us::ZERO {
            self.copied(now);
            if self.journal.len() == JOURNAL_MAX {
                self.journal.pop_front();
            }
            self.journal.push_back((now, id, before, removed));
        }
    }

    /// What is older than the lag has reached the replica.
    fn copied(&mut self, now: Us) {
        while self.journal.front().is_some_and(|(at, ..)| *at + self.rules.lag <= now) {
            self.journal.pop_front();
        }
    }

    /// Removes what is past its retention.
    fn tidy(&mut self, now: Us) {
        while let Some((claimed, id)) = self.by_age.front().copied() {
            if claimed + self.rules.retention > now {
                break;
            }
            self.by_age.pop_front();
            self.drop_row(id, claimed);
        }
    }

    /// Removes the row that was claimed then; one claimed anew since stays. Tells whether it did.
    fn drop_row(&mut self, id: KeyId, claimed: Us) -> bool {
        let there = self.rows.get(&id).is_some_and(|row| row.claimed == claimed);
        there && self.rows.remove(&id).is_some()
    }

    fn make_room(&mut self) -> bool {
        while self.rows.len() >= self.rules.rows_max {
            if self.rules.when_full == WhenFull::Refuse {
                return false;
            }
            let Some((claimed, id)) = self.by_age.pop_front() else { return false };
            if self.drop_row(id, claimed) {
                self.tally.evicted += 1;
            }
        }
        true
    }

    /// The replica takes over, without the writes of the last `lag`. Returns how many those were.
    pub fn failover(&mut self, now: Us) -> u64 {
        self.copied(now);
        let lost = self.journal.len() as u64;
        while let Some((_, id, before, removed)) = self.journal.pop_back() {
            match before {
                // A row that has expired or was evicted since is gone on the replica too.
                Some(row) if removed || self.rows.contains_key(&id) => {
                    let after = self.rows.insert(id, row);
                    if after.is_none_or(|a| a.claimed != row.claimed) {
                        // At its place in the line: it may be younger than others that have stayed.
                        let at = self.by_age.partition_point(|(claimed, _)| *claimed < row.claimed);
                        self.by_age.insert(at, (row.claimed, id));
                    }
                }
                Some(_) => {}
                None => {
                    self.rows.remove(&id);
                }
            }
        }
        self.tally.lost += lost;
        lost
    }

    /// All keys are forgotten, here and on the replica, as if the retention had passed. Returns how many.
    pub fn expire_all(&mut self) -> u64 {
        let n = self.rows.len() as u64;
        self.rows.clear();
        self.by_age.clear();
        self.journal.clear();
        n
    }

    /// Rows, those included whose retention has ended and that nobody has cleared away yet.
    pub fn len(&self) -> usize {
        self.rows.len()
    }
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Bytes on the heap.
    pub fn weight(&self) -> usize {
        // A B-tree node is about two thirds full.
        self.rows.len() * core::mem::size_of::<(KeyId, Row<R>)>() * 3 / 2
            + self.by_age.capacity() * core::mem::size_of::<(Us, KeyId)>()
            + self.journal.capacity() * core::mem::size_of::<(Us, KeyId, Option<Row<R>>, bool)>()
    }

    /// Every row can be found by its age, and there is room for all.
    pub fn invariants(&self) -> Result<(), String> {
        if self.rows.len() > self.rules.rows_max {
            return Err(format!("{} keys in a store for {}", self.rows.len(), self.rules.rows_max));
        }
        if self.by_age.len() < self.rows.len() {
            return Err(format!("{} keys, but only {} will ever expire", self.rows.len(), self.by_age.len()));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const RULES: Rules = Rules {
        lease: Some(Us(1_000)),
        retention: Us::s(1),
        compare: true,
        lag: Us::ZERO,
        rows_max: 1_000,
        when_full: WhenFull::Refuse,
    };

    fn id(customer: u32, key: u32) -> KeyId {
        KeyId { customer, key }
    }

    #[test]
    fn the_life_of_a_key() {
        let mut s = Store::new(RULES);
        let k = id(1, 1);
        assert_eq!(s.claim(k, 7, 1, Us(0)), Claim::Execute { from: STARTED, result: None });
        assert_eq!(s.claim(k, 7, 2, Us(999)), Claim::InProgress { until: Us(1_000) });
        assert_eq!(s.claim(k, 8, 2, Us(999)), Claim::Mismatch, "another payload, even while it is at work");
        assert_eq!(s.advance(k, 7, 1, 1, 'c', Us(500)), Ok(()));
        assert_eq!(s.claim(k, 7, 2, Us(1_499)), Claim::InProgress { until: Us(1_500) }, "the lease began anew");
        // The owner is silent: the next one goes on where it stopped, and shuts it out.
        assert_eq!(s.claim(k, 7, 2, Us(1_500)), Claim::Execute { from: 1, result: Some('c') });
        assert_eq!(s.advance(k, 7, 1, FINISHED, 'x', Us(1_600)), Err(Lost));
        assert_eq!(s.advance(k, 7, 2, FINISHED, 'r', Us(1_700)), Ok(()));
        assert_eq!(s.advance(k, 7, 2, FINISHED, 'y', Us(1_800)), Err(Lost));
        assert_eq!(s.claim(k, 7, 3, Us(999_999)), Claim::Replay('r'));
        // A retention later it is a new request.
        assert_eq!(s.claim(k, 7, 3, Us(1_000_000)), Claim::Execute { from: STARTED, result: None });
        assert_eq!((s.tally.claims, s.tally.taken_over), (3, 1));
    }

    #[test]
    fn without_a_lease_nobody_takes_over_before_the_key_expires() {
        let mut s = Store::<()>::new(Rules { lease: None, ..RULES });
        s.claim(id(1, 1), 7, 1, Us(0));
        assert_eq!(s.claim(id(1, 1), 7, 2, Us(999_999)), Claim::InProgress { until: Us::MAX });
        assert!(matches!(s.claim(id(1, 1), 7, 2, Us(1_000_000)), Claim::Execute { .. }));
        // An owner that knows that it failed gives the key back.
        s.release(id(1, 1), 9, Us(1_000_001));
        assert!(matches!(s.claim(id(1, 1), 7, 3, Us(1_000_002)), Claim::InProgress { .. }), "not its key");
        s.release(id(1, 1), 2, Us(1_000_003));
        assert!(matches!(s.claim(id(1, 1), 7, 3, Us(1_000_004)), Claim::Execute { .. }));
        // An invalid request leaves nothing behind: the key is free, even for another payload.
        s.abandon(id(1, 1), 2, Us(1_000_005));
        assert_eq!(s.claim(id(1, 1), 8, 4, Us(1_000_006)), Claim::Mismatch, "not its key");
        s.abandon(id(1, 1), 3, Us(1_000_007));
        assert_eq!(s.claim(id(1, 1), 8, 4, Us(1_000_008)), Claim::Execute { from: STARTED, result: None });
    }

    #[test]
    fn a_check_and_a_later_write_let_two_through() {
        let mut s = Store::new(RULES);
        let k = id(1, 1);
        let (first, second) = (s.get(k, Us(0)).is_none(), s.get(k, Us(5)).is_none());
        s.put(k, 7, 1, 'a', Us(10));
        s.put(k, 7, 2, 'b', Us(15));
        assert!(first && second, "both were told to go ahead");
        assert_eq!(s.claim(k, 7, 3, Us(20)), Claim::Replay('b'));
    }

    #[test]
    fn a_full_cache_forgets_the_oldest_and_a_full_table_refuses() {
        let mut cache = Store::<()>::new(Rules { rows_max: 2, when_full: WhenFull::Evict, ..RULES });
        let mut table = Store::<()>::new(Rules { rows_max: 2, ..RULES });
        for key in 0..3 {
            cache.claim(id(1, key), 7, key, Us(u64::from(key)));
            let claim = table.claim(id(1, key), 7, key, Us(u64::from(key)));
            assert_eq!(claim == Claim::Full, key == 2);
        }
        assert!(matches!(cache.claim(id(1, 0), 7, 9, Us(9)), Claim::Execute { .. }), "forgotten, so done again");
        assert_eq!(cache.tally.evicted, 2);
        assert!(matches!(table.claim(id(1, 0), 7, 9, Us(9)), Claim::InProgress { .. }));
    }

    #[test]
    fn fingerprints_tell_payloads_apart() {
        assert_eq!(fingerprint(&[1, 1_900]), fingerprint(&[1, 1_900]));
        assert_ne!(fingerprint(&[1, 1_900]), fingerprint(&[1, 2_900]));
        assert_ne!(fingerprint(&[1, 2]), fingerprint(&[2, 1]));
        let all: std::collections::BTreeSet<u64> = (0..10_000).map(|word| fingerprint(&[word])).collect();
        assert_eq!(all.len(), 10_000);
    }

    /// What a test does to a store: (microseconds later, what, customer, key, owner).
    type Move = (u64, u8, u32, u32, u32);

    fn moves() -> impl Strategy<Value = Vec<Move>> {
        prop::collection::vec((0u64..400, 0u8..10, 1u32..3, 1u32..4, 1u32..5), 1..200)
    }

    /// The payload of a key is a function of the key, so that repeats are honest.
    fn payload(id: KeyId) -> u64 {
        fingerprint(&[id.word()])
    }

    proptest! {
        /// However workers interleave, crash and come back: one owner while a lease runs, points that
        /// never go back, nobody but the owner writes, a finished key stays finished with its reply.
        #[test]
        fn one_owner_and_one_reply(moves in moves(), lease in prop::option::of(100u64..3_000)) {
            let mut s = Store::new(Rules { lease: lease.map(Us), retention: Us::s(1_000), ..RULES });
            let mut now = Us(0);
            let mut seen: BTreeMap<KeyId, Row<u64>> = BTreeMap::new();
            for (gap, what, customer, key, owner) in moves {
                now += Us(gap);
                let k = id(customer, key);
                let before = seen.get(&k).copied();
                match what {
                    0..=4 => match s.claim(k, payload(k), owner, now) {
                        Claim::Execute { from, result } => {
                            prop_assert!(before.is_none_or(|b| !b.finished() && b.lease_until <= now));
                            prop_assert_eq!(from, before.map_or(STARTED, |b| b.point));
                            prop_assert_eq!(result, before.and_then(|b| b.result));
                        }
                        Claim::Replay(r) => prop_assert_eq!(before.filter(Row::finished).and_then(|b| b.result), Some(r)),
                        Claim::InProgress { until } => {
                            prop_assert!(until > now && before.is_some_and(|b| b.lease_until == until));
                        }
                        other => prop_assert!(false, "{:?}", other),
                    },
                    5 => s.release(k, owner, now),
                    _ => {
                        let point = if what == 9 { FINISHED } else { what - 5 };
                        let done = s.advance(k, payload(k), owner, point, now.0, now);
                        let mine = before.is_none_or(|b| b.owner == owner && !b.finished());
                        prop_assert_eq!(done.is_ok(), mine);
                    }
                }
                let after = s.get(k, now).copied();
                if let (Some(b), Some(a)) = (before, after) {
                    prop_assert!(a.point >= b.point);
                    prop_assert!(!b.finished() || a == b);
                }
                if let Some(a) = after {
                    seen.insert(k, a);
                }
                // Whoever else has the same key is not touched.
                for (other, row) in &seen {
                    prop_assert_eq!(s.get(*other, now), Some(row));
                }
                prop_assert_eq!(s.invariants(), Ok(()));
            }
        }

        /// A failover is the store of an earlier moment, and what came before that moment is safe.
        #[test]
        fn a_failover_is_an_earlier_moment(moves in moves(), lag in 1u64..4_000) {
            let mut s = Store::new(Rules { lag: Us(lag), retention: Us::s(1_000), ..RULES });
            let mut past = vec![(Us(0), s.rows.clone())];
            let mut now = Us(0);
            let mut writes = vec![];
            for (gap, what, customer, key, owner) in moves {
                now += Us(gap);
                let k = id(customer, key);
                let before = s.rows.clone();
                match what {
                    0..=4 => drop(s.claim(k, payload(k), owner, now)),
                    5 => s.abandon(k, owner, now),
                    6 => s.put(k, payload(k), owner, now.0, now),
                    _ => drop(s.advance(k, payload(k), owner, what, now.0, now)),
                }
                if s.rows != before {
                    writes.push(now);
                }
                past.push((now, s.rows.clone()));
            }
            now += Us(lag / 3);
            // The last state whose every write is at least a lag old.
            let then = past.iter().rev().find(|(at, _)| *at + Us(lag) <= now).unwrap_or(&past[0]);
            let lost = s.failover(now);
            prop_assert_eq!(&s.rows, &then.1);
            // A write that changed nothing is lost all the same.
            prop_assert!(lost >= writes.iter().filter(|at| **at + Us(lag) > now).count() as u64);
            prop_assert_eq!(s.invariants(), Ok(()));
            prop_assert_eq!(s.failover(now), 0, "the next one starts from here");
        }

        /// Within its retention a finished key answers with its reply; not a microsecond longer. The
        /// store never holds more than it has room for.
        #[test]
        fn keys_end_with_their_retention(gaps in prop::collection::vec(0u64..2_000, 1..300), retention in 1u64..20_000, room in 1usize..40) {
            let rules = Rules { retention: Us(retention), rows_max: room, when_full: WhenFull::Evict, ..RULES };
            let mut s = Store::new(rules);
            let mut now = Us(0);
            let mut made = Deque::new();
            for (i, gap) in gaps.into_iter().enumerate() {
                now += Us(gap);
                let k = id(1, i as u32);
                let claim = s.claim(k, 1, 1, now);
                prop_assert_eq!(claim, Claim::Execute { from: STARTED, result: None });
                s.advance(k, 1, 1, FINISHED, i as u64, now).unwrap();
                made.push_back((now, k));
                prop_assert!(s.len() <= room);
                for (n, (at, k)) in made.iter().rev().enumerate() {
                    prop_assert_eq!(s.get(*k, now).is_some(), *at + Us(retention) > now && n < room);
                }
                prop_assert_eq!(s.invariants(), Ok(()));
            }
        }
    }
    #[test]
    fn a_key_ends_with_its_retention_and_is_cleared_away() {
        let mut store: Store<u8> = Store::new(RULES);
        assert!(store.is_empty());
        assert!(matches!(store.claim(id(1, 1), 7, 1, Us::ZERO), Claim::Execute { .. }));
        assert!(store.get(id(1, 1), Us(999_999)).is_some() && store.get(id(1, 1), Us::s(1)).is_none());
        assert!(matches!(store.claim(id(1, 2), 7, 2, Us::s(1)), Claim::Execute { .. }));
        assert_eq!((store.len(), store.is_empty(), store.invariants()), (1, false, Ok(())));
        let mut crowded = store.clone();
        crowded.rules.rows_max = 0;
        assert!(crowded.invariants().is_err());
        let mut eternal = store;
        eternal.by_age.clear();
        assert!(eternal.invariants().is_err(), "nothing would ever clear it away");
    }

    /// What a replica has not heard of yet is as if it had never been written: keys are free, and old rows are back.
    #[test]
    fn a_failover_undoes_the_writes_of_the_lag() {
        let mut store: Store<u8> = Store::new(Rules { lag: Us::ms(100), ..RULES });
        store.claim(id(1, 1), 7, 1, Us::ZERO);
        assert_eq!(store.advance(id(1, 1), 7, 1, 3, 9, Us::ms(150)), Ok(()));
        store.claim(id(1, 2), 7, 2, Us::ms(200));
        assert_eq!(store.failover(Us::ms(240)), 2);
        assert_eq!(store.get(id(1, 1), Us::ms(240)).map(|row| (row.point, row.result)), Some((STARTED, None)));
        assert!(store.get(id(1, 2), Us::ms(240)).is_none());
        store.claim(id(1, 2), 7, 2, Us::ms(300));
        assert_eq!((store.failover(Us::ms(399)), store.failover(Us::ms(399)), store.tally.lost), (1, 0, 3));
        // What was abandoned comes back, and still ends with its retention.
        store.abandon(id(1, 1), 1, Us::ms(950));
        assert_eq!((store.failover(Us::ms(990)), store.len(), store.invariants()), (1, 1, Ok(())));
        assert!(store.get(id(1, 1), Us::ms(990)).is_some() && store.get(id(1, 1), Us::s(1)).is_none());
        // A write that the replica has is there to stay.
        store.claim(id(1, 3), 7, 3, Us::ms(990));
        assert_eq!(store.failover(Us::ms(1_090)), 0);
    }

    /// What has made room is gone on the replica too, and whoever was the oldest there is the next to go.
    #[test]
    fn a_failover_brings_back_no_evicted_key_and_keeps_their_order() {
        let rules = Rules { lag: Us::ms(100), rows_max: 1, when_full: WhenFull::Evict, ..RULES };
        let mut store: Store<u8> = Store::new(rules);
        store.claim(id(1, 1), 7, 1, Us::ZERO);
        assert_eq!(store.advance(id(1, 1), 7, 1, 3, 9, Us::ms(150)), Ok(()));
        store.claim(id(1, 2), 7, 2, Us::ms(160));
        assert_eq!((store.failover(Us::ms(170)), store.len()), (2, 0));
        let mut store: Store<u8> = Store::new(Rules { rows_max: 2, ..rules });
        store.claim(id(1, 1), 7, 1, Us::ZERO);
        store.claim(id(1, 2), 7, 2, Us::ms(10));
        assert_eq!(store.advance(id(1, 2), 7, 2, 3, 9, Us::ms(150)), Ok(()));
        assert_eq!(store.failover(Us::ms(160)), 1);
        assert_eq!(store.by_age.len(), store.len(), "each stands in the line once");
        store.claim(id(1, 3), 7, 3, Us::ms(170));
        assert_eq!([1, 2, 3].map(|key| store.get(id(1, key), Us::ms(170)).is_some()), [false, true, true]);
        // The same for a key that was given up and is back: it is still the youngest.
        let mut store: Store<u8> = Store::new(Rules { rows_max: 4, ..rules });
        for key in 1..=4 {
            store.claim(id(1, key), 7, key, Us(u64::from(key)));
        }
        store.abandon(id(1, 4), 4, Us::ms(150));
        assert_eq!((store.failover(Us::ms(160)), store.len()), (1, 4));
        store.claim(id(1, 5), 7, 5, Us::ms(170));
        let there = [1, 2, 3, 4, 5].map(|key| store.get(id(1, key), Us::ms(170)).is_some());
        assert_eq!(there, [false, true, true, true, true]);
    }

    #[test]
    fn what_was_written_without_a_lag_stays_when_the_replica_falls_behind() {
        let mut store: Store<u8> = Store::new(RULES);
        store.claim(id(1, 1), 7, 1, Us::ZERO);
        store.rules.lag = Us::ms(100);
        assert_eq!((store.failover(Us::ms(50)), store.len()), (0, 1));
    }
}
