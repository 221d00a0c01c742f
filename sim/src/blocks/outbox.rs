//! Transactional outbox and inbox: an effect exactly once over messages at least once.
//!
//! ```text
//!   one local transaction           relay                  one local transaction
//!   [business row + outbox row] --> poll, publish --> ... --> [inbox row + effect + outbox row]
//!                                   then mark
//! ```
//!
//! The *dual-write problem*: a service that commits to its database and then publishes an event can
//! crash in between, and no order of the two is safe. The outbox makes one write of it: the event is
//! a row of the same transaction, and a relay publishes rows until the broker confirms. A relay that
//! crashes between publishing and marking publishes again, so the consumer keeps the ids of what it
//! has processed, in the same transaction as the effect: the inbox.
//! Source: C. Richardson, *Microservices Patterns* (2018), section 3.3; microservices.io,
//! "Transactional outbox" and "Idempotent consumer".
//!
//! Both tables are durable: a crash of the service leaves them as they are.
//!
//! Publishing again can also swap two events of one business object: the first is lost on the way,
//! the second is stored, then the first is published again. So a [`Relay`] that is to keep the order
//! of a key never has two of its rows under way: the later one waits for the earlier one's
//! confirmation.
//!
//! An inbox cannot grow for ever. It forgets what is older than anything that can still arrive, or
//! somebody guesses how long that is: [`Inbox::forget_before`]. A message that comes later than that (out
//! of a dead-letter queue, say) takes effect a second time.
//!
//! Leaves out: the relay by transaction-log tailing (it differs in delay only), and several relays that
//! share the rows.

use crate::deque::Deque;
use crate::kernel::Us;

/// A row that waits to be published.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row<M> {
    pub id: u32,
    pub message: M,
}

#[derive(Clone, Debug)]
pub struct Outbox<M> {
    rows: Deque<Row<M>>,
    next_id: u32,
    capacity: usize,
    batch: usize,
}

impl<M: Copy> Outbox<M> {
    /// `batch`: how many rows one poll reads at most.
    pub fn new(capacity: usize, batch: usize) -> Outbox<M> {
        Outbox { rows: Deque::new(), next_id: 0, capacity, batch }
    }

    /// Adds a row, within the transaction of the business change. `None` when the table is at its
    /// bound: then the whole transaction must roll back.
    pub fn insert(&mut self, message: M) -> Option<u32> {
        if self.rows.len() >= self.capacity {
            return None;
        }
        self.next_id += 1;
        self.rows.push_back(Row { id: self.next_id, message });
        Some(self.next_id)
    }

    /// The oldest rows, for the relay to publish. They stay until they are marked.
    pub fn poll(&self) -> impl Iterator<Item = Row<M>> + '_ {
        self.rows.iter().take(self.batch).copied()
    }

    /// All rows, oldest first.
    pub fn iter(&self) -> impl Iterator<Item = &Row<M>> + '_ {
        self.rows.iter()
    }

    /// The broker has confirmed this row. `None` if it was marked before.
    pub fn mark(&mut self, id: u32) -> Option<M> {
        let i = self.rows.iter().position(|r| r.id == id)?;
        self.rows.remove(i).map(|r| r.message)
    }

    pub fn is_full(&self) -> bool {
        self.rows.len() >= self.capacity
    }
    pub fn len(&self) -> usize {
        self.rows.len()
    }
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }
    pub fn weight(&self) -> usize {
        self.rows.len() * core::mem::size_of::<Row<M>>()
    }
}

/// The relay: what it has published and the broker has not confirmed. All of it is memory, so a crash
/// forgets it, and the rows that are still there are published again.
#[derive(Clone, Debug)]
pub struct Relay {
    /// (row, when it is overdue), by row.
    under_way: Deque<(u32, Us)>,
    patience: Us,
    /// The rows of a key one after another.
    ordered: bool,
}

impl Relay {
    /// `patience`: without a confirmation for so long, a row is published again.
    pub fn new(patience: Us, ordered: bool) -> Relay {
        Relay { under_way: Deque::new(), patience, ordered }
    }

    /// The rows to publish now, oldest first; from here on they are under way.
    pub fn take<M: Copy>(&mut self, outbox: &Outbox<M>, now: Us, key: impl Fn(&M) -> u32) -> Vec<Row<M>> {
        let mut earlier: Vec<u32> = Vec::new();
        let mut rows = Vec::new();
        for row in outbox.poll() {
            let key = key(&row.message);
            let waits = self.ordered && earlier.contains(&key);
            earlier.push(key);
            let at = self.under_way.partition_point(|(id, _)| *id < row.id);
            match self.under_way.get_mut(at) {
                Some((id, due)) if *id == row.id => {
                    if *due > now {
                        continue;
                    }
                    *due = now + self.patience;
                }
                _ if waits => continue,
                _ => self.under_way.insert(at, (row.id, now + self.patience)),
            }
            rows.push(row);
        }
        rows
    }

    /// The broker has stored this row, or its table says that it is gone.
    pub fn settled(&mut self, id: u32) {
        let at = self.under_way.partition_point(|(row, _)| *row < id);
        if self.under_way.get(at).is_some_and(|(row, _)| *row == id) {
            self.under_way.remove(at);
        }
    }

    /// The process dies.
    pub fn crash(&mut self) {
        self.under_way.clear();
    }
    pub fn under_way(&self) -> usize {
        self.under_way.len()
    }
    pub fn weight(&self) -> usize {
        self.under_way.len() * core::mem::size_of::<(u32, Us)>()
    }
}

/// The ids of processed messages: (the business key, which of its messages).
#[derive(Clone, Debug, Default)]
pub struct Inbox {
    /// In order. Keys grow with time, so what is new comes near the end and what is forgotten lies at the front.
    seen: Deque<(u32, u8)>,
    duplicates: u64,
}

impl Inbox {
    /// Adds the id, within the transaction of the effect. False: processed before, so skip the effect.
    pub fn first_time(&mut self, key: u32, message: u8) -> bool {
        let place = self.seen.binary_search(&(key, message));
        match place {
            Ok(_) => self.duplicates += 1,
            Err(at) => self.seen.insert(at, (key, message)),
        }
        place.is_err()
    }

    /// Forgets a business key. Safe only when none of its messages can arrive any more; real tables
    /// keep rows for a fixed time and take the risk beyond it.
    pub fn forget(&mut self, key: u32) {
        let first = self.seen.partition_point(|(k, _)| *k < key);
        while self.seen.get(first).is_some_and(|(k, _)| *k == key) {
            self.seen.remove(first);
        }
    }

    /// Whether this message has been processed, as far as the table knows.
    pub fn knows(&self, key: u32, message: u8) -> bool {
        self.seen.binary_search(&(key, message)).is_ok()
    }

    /// Forgets all business keys below this one: the rows that are older than the retention, where
    /// keys grow with time.
    pub fn forget_before(&mut self, key: u32) {
        while self.seen.front().is_some_and(|(k, _)| *k < key) {
            self.seen.pop_front();
        }
    }

    /// Messages recognised as processed before.
    pub fn duplicates(&self) -> u64 {
        self.duplicates
    }
    pub fn len(&self) -> usize {
        self.seen.len()
    }
    pub fn is_empty(&self) -> bool {
        self.seen.is_empty()
    }
    pub fn weight(&self) -> usize {
        self.seen.len() * core::mem::size_of::<(u32, u8)>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// A relay that may crash before marking, a broker that may repeat, a consumer with an
        /// inbox: every row takes effect, none twice.
        #[test]
        fn each_row_takes_effect_exactly_once(crashes in prop::collection::vec(any::<bool>(), 0..60), rows in 1u32..20) {
            let mut outbox = Outbox::new(100, 3);
            let mut inbox = Inbox::default();
            let mut effects = vec![0u32; rows as usize];
            for key in 0..rows {
                prop_assert!(outbox.insert(key).is_some());
            }
            let mut crashes = crashes.into_iter();
            while !outbox.is_empty() {
                let batch: Vec<Row<u32>> = outbox.poll().collect();
                prop_assert!(batch.len() <= 3);
                for row in batch {
                    if inbox.first_time(row.message, 1) {
                        effects[row.message as usize] += 1;
                    }
                    if crashes.next().unwrap_or(false) {
                        break; // Published, not marked: the next poll publishes it again.
                    }
                    prop_assert_eq!(outbox.mark(row.id), Some(row.message));
                    prop_assert_eq!(outbox.mark(row.id), None);
                }
            }
            prop_assert!(effects.iter().all(|n| *n == 1), "{:?}", effects);
        }
    }

    #[test]
    fn the_bound_refuses_and_forgetting_touches_one_key_only() {
        let mut outbox = Outbox::new(1, 10);
        assert!(outbox.insert('a').is_some());
        assert!(outbox.is_full() && outbox.insert('b').is_none());
        let mut inbox = Inbox::default();
        for key in 1..4 {
            assert!(inbox.first_time(key, 0) && inbox.first_time(key, 255));
        }
        inbox.forget(2);
        assert!(inbox.first_time(2, 0) && !inbox.first_time(1, 255) && !inbox.first_time(3, 0));
    }

    /// A relay's memory is what is under way: confirmed rows leave it, and a crash takes the rest, to be published again.
    #[test]
    fn a_relay_that_crashes_publishes_again() {
        let mut outbox = Outbox::new(9, 9);
        let ids = ['a', 'b', 'c'].map(|m| outbox.insert(m).unwrap());
        assert_eq!((outbox.len(), outbox.is_empty()), (3, false));
        let mut relay = Relay::new(Us::s(5), false);
        let take = |relay: &mut Relay, now| relay.take(&outbox, Us::s(now), |_| 0).len();
        assert_eq!((take(&mut relay, 0), take(&mut relay, 1), relay.under_way()), (3, 0, 3));
        relay.settled(ids[1]);
        relay.settled(ids[1]);
        assert_eq!(relay.under_way(), 2);
        relay.crash();
        assert_eq!((relay.under_way(), take(&mut relay, 1), relay.under_way()), (0, 3, 3));
        let mut inbox = Inbox::default();
        assert!(inbox.is_empty());
        let first = [7, 7, 7, 8].map(|key| inbox.first_time(key, 1));
        assert_eq!((first, inbox.duplicates(), inbox.is_empty()), ([true, false, false, true], 2, false));
    }

    #[test]
    fn what_is_older_than_the_retention_is_not_recognised() {
        let mut inbox = Inbox::default();
        (0..10).for_each(|key| assert!(inbox.first_time(key, 0)));
        inbox.forget_before(4);
        assert_eq!((inbox.len(), inbox.knows(3, 0), inbox.knows(4, 0)), (6, false, true));
        assert!(inbox.first_time(3, 0), "it takes effect a second time");
    }

    proptest! {
        /// Messages may be lost in both directions and the relay may crash: what the broker has stored
        /// is every row at least once; with an ordered relay, the first copies of a key are in order.
        #[test]
        fn a_relay_publishes_every_row_and_can_keep_the_order_of_a_key(
            ordered in any::<bool>(),
            keys in prop::collection::vec(0u32..4, 1..40),
            fates in prop::collection::vec(0u8..5, 0..400),
        ) {
            let mut outbox = Outbox::new(100, 8);
            let mut relay = Relay::new(Us::ms(50), ordered);
            for (i, key) in keys.iter().enumerate() {
                prop_assert!(outbox.insert((*key, i)).is_some());
            }
            let mut fates = fates.into_iter();
            let (mut stored, mut now): (Vec<(u32, usize)>, Us) = (Vec::new(), Us::ZERO);
            while !outbox.is_empty() {
                now += Us::ms(20);
                let rows = relay.take(&outbox, now, |(key, _)| *key);
                if ordered {
                    // At most one row of a key is ever under way.
                    prop_assert!(relay.under_way() <= 4);
                }
                for row in rows {
                    match fates.next().unwrap_or(4) {
                        0 => continue, // lost on the way to the broker
                        1 => stored.push(row.message), // its confirmation is lost
                        2 => {
                            stored.push(row.message);
                            relay.crash();
                            break;
                        }
                        _ => {
                            stored.push(row.message);
                            prop_assert_eq!(outbox.mark(row.id), Some(row.message));
                            relay.settled(row.id);
                        }
                    }
                }
            }
            prop_assert_eq!(relay.under_way(), 0);
            for key in 0..4 {
                let mut firsts: Vec<usize> = Vec::new();
                for (k, i) in &stored {
                    if *k == key && !firsts.contains(i) {
                        firsts.push(*i);
                    }
                }
                prop_assert!(!ordered || firsts.is_sorted());
                firsts.sort_unstable();
                let all: Vec<usize> = (0..keys.len()).filter(|i| keys[*i] == key).collect();
                prop_assert_eq!(firsts, all);
            }
        }
    }
}
