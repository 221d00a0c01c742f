//! Message broker, queue mode: keeps a message until its consumer has acknowledged it. (For log mode
//! see `consumer.rs`.)
//!
//! ```text
//!   publisher --publish--> [broker: stored] --deliver--> consumer
//!       ^----published------      ^------------ack----------/
//!                                 |  no ack within the visibility timeout: deliver again
//! ```
//!
//! This is *at-least-once* delivery (SQS visibility timeout, AMQP acknowledgements): a consumer that
//! crashes after its work and before its acknowledgement gets the message again. So does one whose
//! acknowledgement was lost. The broker cannot tell these apart, nobody can; therefore consumers
//! must expect duplicates (see `outbox.rs` for the table that recognises them).
//!
//! [`Broker`] is the store alone: its owner says when to deliver, again and again until the
//! acknowledgement. [`Queue`] is a whole queue from which consumers take (Amazon SQS Developer Guide,
//! "Visibility timeout" and "Dead-letter queues"):
//!
//! ```text
//!   send --> [ visible: o o o o ] --receive--> [ hidden: o o ] --delete--> gone
//!                     ^                              |
//!                     +---- visibility timeout ------+---- received too often --> [ dead letters ]
//!                     ^                                                                  |
//!                     +------------------------------- redrive --------------------------+
//! ```
//!
//! Whoever receives a message hides it from the others for the visibility timeout, 30 s if nobody
//! says otherwise. Not deleted by then, it is back. Received too often, it goes to the dead letters,
//! where it waits for a person. Messages that come back are ahead of others: no order is promised.
//!
//! Stores are bounded. At the bound `publish` and `send` refuse, and the publisher decides what that
//! means: a relay keeps its row and tries again, a plain publisher has lost its event.
//!
//! Leaves out: a broker that fails itself (the owner does not call it then), priorities, delays before
//! the first delivery, first-in-first-out queues with message groups.

use crate::deque::Deque;
use crate::kernel::Us;

/// Names a stored message. A name is never used twice, so a late acknowledgement hurts nobody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Receipt {
    slot: u32,
    generation: u32,
}

impl Receipt {
    /// A number for digests and logs.
    pub fn word(self) -> u64 {
        u64::from(self.generation) << 32 | u64::from(self.slot)
    }
}

#[derive(Clone, Debug)]
struct Stored<M> {
    message: M,
    generation: u32,
    deliveries: u32,
    held: bool,
}

#[derive(Clone, Debug)]
pub struct Broker<M> {
    slots: Vec<Stored<M>>,
    free: Vec<u32>,
    capacity: usize,
    published: u64,
    acknowledged: u64,
    refused: u64,
    redelivered: u64,
}

impl<M: Copy> Broker<M> {
    pub fn new(capacity: usize) -> Broker<M> {
        Broker {
            slots: Vec::new(),
            free: Vec::new(),
            capacity,
            published: 0,
            acknowledged: 0,
            refused: 0,
            redelivered: 0,
        }
    }

    /// Stores a message; `None` when the store is full.
    pub fn publish(&mut self, message: M) -> Option<Receipt> {
        if self.len() == self.capacity {
            self.refused += 1;
            return None;
        }
        self.published += 1;
        let slot = self.free.pop().unwrap_or_else(|| {
            self.slots.push(Stored { message, generation: 0, deliveries: 0, held: false });
            self.slots.len() as u32 - 1
        });
        let stored = &mut self.slots[slot as usize];
        let generation = stored.generation + 1;
        *stored = Stored { message, generation, deliveries: 0, held: true };
        Some(Receipt { slot, generation })
    }

    /// The message to deliver now, and how many deliveries came before; `None` once acknowledged.
    pub fn deliver(&mut self, receipt: Receipt) -> Option<(M, u32)> {
        let stored = self.slots.get_mut(receipt.slot as usize)?;
        if !stored.held || stored.generation != receipt.generation {
            return None;
        }
        let before = stored.deliveries;
        stored.deliveries += 1;
        self.redelivered += u64::from(before > 0);
        Some((stored.message, before))
    }

    /// The message, without delivering it; `None` once acknowledged.
    pub fn peek(&self, receipt: Receipt) -> Option<&M> {
        let stored = self.slots.get(receipt.slot as usize)?;
        (stored.held && stored.generation == receipt.generation).then_some(&stored.message)
    }

    /// How often it has been delivered; `None` once acknowledged. A redelivery timer that was set at
    /// another count is void.
    pub fn deliveries(&self, receipt: Receipt) -> Option<u32> {
        let stored = self.slots.get(receipt.slot as usize)?;
        (stored.held && stored.generation == receipt.generation).then_some(stored.deliveries)
    }

    /// The consumer is done with it. False when it had been acknowledged before.
    pub fn ack(&mut self, receipt: Receipt) -> bool {
        match self.slots.get_mut(receipt.slot as usize) {
            Some(stored) if stored.held && stored.generation == receipt.generation => {
                stored.held = false;
                self.free.push(receipt.slot);
                self.acknowledged += 1;
                true
            }
            _ => false,
        }
    }

    /// Messages stored and not yet acknowledged.
    pub fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
    /// Messages that were refused because the store was full.
    pub fn refused(&self) -> u64 {
        self.refused
    }
    /// Deliveries beyond a message's first.
    pub fn redelivered(&self) -> u64 {
        self.redelivered
    }
    pub fn weight(&self) -> usize {
        self.slots.len() * core::mem::size_of::<Stored<M>>() + self.free.len() * 4
    }

    /// Conservation: what was published is acknowledged or still here.
    pub fn invariants(&self) -> Result<(), String> {
        let there = self.acknowledged + self.len() as u64;
        if self.published == there {
            Ok(())
        } else {
            Err(format!("broker: published {}, but acknowledged + stored = {there}", self.published))
        }
    }
}

/// How long a received message stays hidden by default (SQS; 0 to 12 hours).
pub const VISIBILITY: Us = Us::ms(30_000);

/// A message that was given up on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dead<M> {
    pub message: M,
    pub died: Us,
    pub tries: u32,
}

/// The dead-letter queue: a bin that somebody has to own. Nothing leaves it by itself.
#[derive(Clone, Debug)]
pub struct DeadLetters<M> {
    waiting: Deque<Dead<M>>,
    capacity: usize,
    came: u64,
    redriven: u64,
    discarded: u64,
}

impl<M: Copy> DeadLetters<M> {
    pub fn new(capacity: usize) -> DeadLetters<M> {
        DeadLetters { waiting: Deque::new(), capacity, came: 0, redriven: 0, discarded: 0 }
    }
    /// False when the bin is full: the message is gone for good.
    pub fn put(&mut self, now: Us, message: M, tries: u32) -> bool {
        self.came += 1;
        let room = self.waiting.len() < self.capacity;
        if room {
            self.waiting.push_back(Dead { message, died: now, tries });
        } else {
            self.discarded += 1;
        }
        room
    }
    /// Takes the oldest one out, to send it again.
    pub fn redrive(&mut self) -> Option<Dead<M>> {
        let dead = self.waiting.pop_front()?;
        self.redriven += 1;
        Some(dead)
    }
    /// Those that wait, oldest first.
    pub fn iter(&self) -> impl Iterator<Item = &Dead<M>> + '_ {
        self.waiting.iter()
    }
    pub fn len(&self) -> usize {
        self.waiting.len()
    }
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }
    /// Messages that came here, again ones counted again.
    pub fn came(&self) -> u64 {
        self.came
    }
    pub fn discarded(&self) -> u64 {
        self.discarded
    }
    pub fn weight(&self) -> usize {
        self.waiting.len() * core::mem::size_of::<Dead<M>>()
    }
    pub fn invariants(&self) -> Result<(), String> {
        let there = self.redriven + self.discarded + self.len() as u64;
        if self.came == there {
            return Ok(());
        }
        Err(format!("dead letters: {} came, but redriven + discarded + waiting = {there}", self.came))
    }
}

/// The rules of a queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueueRules {
    /// How long a received message stays hidden.
    pub visibility: Us,
    /// Received so often and not deleted, a message goes to the dead letters; 0 for never.
    pub receives_max: u32,
    /// Messages that fit, hidden ones included; the dead letters have as much room of their own.
    pub capacity: usize,
}

/// A message as a consumer receives it. `receives` is part of the handle: after somebody else has
/// received the message, the earlier handle deletes nothing any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delivery<M> {
    pub message: M,
    pub receipt: Receipt,
    pub receives: u32,
}

#[derive(Clone, Copy, Debug)]
struct Hidden {
    until: Us,
    receipt: Receipt,
    receives: u32,
}

/// A queue from which consumers take.
#[derive(Clone, Debug)]
pub struct Queue<M> {
    rules: QueueRules,
    /// With the time it was sent.
    store: Broker<(Us, M)>,
    /// Who is next; those deleted meanwhile are still among them.
    visible: Deque<Receipt>,
    deleted_visible: usize,
    /// By the time at which they are back.
    hidden: Deque<Hidden>,
    pub dead: DeadLetters<M>,
}

impl<M: Copy> Queue<M> {
    pub fn new(rules: QueueRules) -> Queue<M> {
        Queue {
            rules,
            store: Broker::new(rules.capacity),
            visible: Deque::new(),
            deleted_visible: 0,
            hidden: Deque::new(),
            dead: DeadLetters::new(rules.capacity),
        }
    }

    /// False when the queue is full.
    pub fn send(&mut self, now: Us, message: M) -> bool {
        let receipt = self.store.publish((now, message));
        self.visible.extend(receipt);
        receipt.is_some()
    }

    /// The next message, hidden from all others from now on. Call [`Queue::wake`] before, when a
    /// message may be due.
    pub fn receive(&mut self, now: Us) -> Option<Delivery<M>> {
        while let Some(receipt) = self.visible.pop_front() {
            match self.store.deliver(receipt) {
                Some(((_, message), before)) => {
                    let receives = before + 1;
                    self.hide(Hidden { until: now + self.rules.visibility, receipt, receives });
                    return Some(Delivery { message, receipt, receives });
                }
                None => self.deleted_visible -= 1,
            }
        }
        None
    }

    fn hide(&mut self, h: Hidden) {
        let at = self.hidden.iter().rposition(|other| other.until <= h.until).map_or(0, |i| i + 1);
        self.hidden.insert(at, h);
    }

    fn unhide(&mut self, receipt: Receipt, receives: u32) -> bool {
        let at = self.hidden.iter().position(|h| h.receipt == receipt && h.receives == receives);
        at.is_some_and(|i| self.hidden.remove(i).is_some())
    }

    /// The consumer is done. False, and without effect, if the message is gone or somebody has
    /// received it since.
    pub fn delete(&mut self, receipt: Receipt, receives: u32) -> bool {
        if self.store.deliveries(receipt) != Some(receives) {
            return false;
        }
        if !self.unhide(receipt, receives) {
            // It is back already, but nobody has taken it yet.
            self.deleted_visible += 1;
        }
        self.store.ack(receipt)
    }

    /// Hides a message for longer, or brings it back sooner (SQS `ChangeMessageVisibility`). False if
    /// this handle does not hide it any more.
    pub fn hide_until(&mut self, receipt: Receipt, receives: u32, until: Us) -> bool {
        let mine = self.unhide(receipt, receives);
        if mine {
            self.hide(Hidden { until, receipt, receives });
        }
        mine
    }

    /// When the next hidden message is back.
    pub fn next_visible(&self) -> Option<Us> {
        self.hidden.front().map(|h| h.until)
    }

    /// Brings back the messages whose time is over; those received too often go to the dead letters.
    /// The next one of those, if any: call until `None`.
    pub fn wake(&mut self, now: Us) -> Option<Dead<M>> {
        while self.hidden.front().is_some_and(|h| h.until <= now) {
            let Some(h) = self.hidden.pop_front() else { break };
            if self.rules.receives_max == 0 || h.receives < self.rules.receives_max {
                self.visible.push_front(h.receipt);
                continue;
            }
            if let Some((_, message)) = self.store.peek(h.receipt).copied() {
                self.store.ack(h.receipt);
                self.dead.put(now, message, h.receives);
                return Some(Dead { message, died: now, tries: h.receives });
            }
        }
        None
    }

    /// The oldest dead letter goes to the end of the queue, as if it were new. `None` if there is
    /// none, or no room.
    pub fn redrive(&mut self, now: Us) -> Option<M> {
        if self.store.len() >= self.rules.capacity {
            return None;
        }
        let message = self.dead.redrive()?.message;
        self.send(now, message);
        Some(message)
    }

    /// Messages that wait for a consumer.
    pub fn visible(&self) -> usize {
        self.visible.len() - self.deleted_visible
    }
    /// Messages that somebody has received and not deleted.
    pub fn hidden(&self) -> usize {
        self.hidden.len()
    }
    pub fn len(&self) -> usize {
        self.store.len()
    }
    pub fn is_empty(&self) -> bool {
        self.store.is_empty()
    }
    /// Deliveries beyond a message's first.
    pub fn redelivered(&self) -> u64 {
        self.store.redelivered()
    }
    pub fn refused(&self) -> u64 {
        self.store.refused()
    }
    /// When the message that has been here longest was sent, hidden ones included.
    pub fn oldest(&self) -> Option<Us> {
        let sent = |r: Receipt| self.store.peek(r).map(|(at, _)| *at);
        let waiting = self.visible.iter().find_map(|r| sent(*r));
        self.hidden.iter().filter_map(|h| sent(h.receipt)).chain(waiting).min()
    }
    /// Messages here, the next one first, those that are hidden last.
    pub fn iter(&self) -> impl Iterator<Item = M> + '_ {
        let hidden = self.hidden.iter().map(|h| h.receipt);
        self.visible.iter().copied().chain(hidden).filter_map(|r| self.store.peek(r).map(|(_, m)| *m))
    }
    pub fn weight(&self) -> usize {
        self.store.weight()
            + self.dead.weight()
            + self.visible.len() * core::mem::size_of::<Receipt>()
            + self.hidden.len() * core::mem::size_of::<Hidden>()
    }

    /// Every message that is stored is either visible or hidden, and none is lost on the way.
    pub fn invariants(&self) -> Result<(), String> {
        let there = self.visible() + self.hidden();
        if self.len() != there {
            return Err(format!("queue: {} stored, but visible + hidden = {there}", self.len()));
        }
        self.store.invariants()?;
        self.dead.invariants()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn delivers_until_acknowledged_and_never_after() {
        let mut broker = Broker::new(10);
        let receipt = broker.publish('x').expect("there is room");
        assert_eq!(broker.deliver(receipt), Some(('x', 0)));
        assert_eq!(broker.deliver(receipt), Some(('x', 1)), "no acknowledgement: again");
        assert!(broker.ack(receipt));
        assert_eq!(broker.deliver(receipt), None);
        let next = broker.publish('y').expect("there is room");
        assert!(!broker.ack(receipt), "a late acknowledgement must not take the slot's next message");
        assert_eq!(broker.deliver(next), Some(('y', 0)));
    }

    proptest! {
        #[test]
        fn nothing_is_lost_within_the_bound(moves in prop::collection::vec(0u8..3, 1..200)) {
            let mut broker = Broker::new(8);
            let mut open: Vec<(Receipt, u32)> = Vec::new();
            for (i, m) in moves.iter().enumerate() {
                match m {
                    0 | 1 => match broker.publish(i as u32) {
                        Some(r) => open.push((r, i as u32)),
                        None => prop_assert_eq!(open.len(), 8),
                    },
                    _ => if !open.is_empty() {
                        let (r, _) = open.remove(i % open.len());
                        prop_assert!(broker.ack(r));
                    },
                }
                for (r, message) in &open {
                    prop_assert_eq!(broker.deliver(*r).map(|d| d.0), Some(*message));
                }
                prop_assert_eq!(broker.len(), open.len());
                prop_assert_eq!(broker.invariants(), Ok(()));
            }
        }
    }

    /// What goes in is counted where it ends: stored, delivered again, refused at the bound.
    #[test]
    fn deliveries_and_refusals_are_counted() {
        let mut broker = Broker::new(2);
        assert!(broker.is_empty());
        let (x, y) = (broker.publish('x').unwrap(), broker.publish('y').unwrap());
        assert_eq!((broker.publish('z'), broker.refused(), broker.is_empty()), (None, 1, false));
        assert_eq!(broker.publish('z'), None);
        assert_eq!(broker.refused(), 2);
        for _ in 0..3 {
            broker.deliver(x);
        }
        broker.deliver(y);
        assert_eq!(broker.redelivered(), 2, "the first delivery of a message is none");
        assert!(broker.ack(x));
        let z = broker.publish('z').expect("there is room again");
        let words = std::collections::BTreeSet::from([x.word(), y.word(), z.word()]);
        assert_eq!(words.len(), 3, "a name is never used twice, not even where the slot is");
    }

    #[test]
    fn a_lost_message_breaks_conservation() {
        let mut q = Queue::new(RULES);
        assert!(q.send(Us::ZERO, 'x') && q.send(Us::ZERO, 'y'));
        q.dead.put(Us::ZERO, 'z', 3);
        assert_eq!(q.invariants(), Ok(()));
        let breaks: [fn(&mut Queue<char>); 3] =
            [|q| q.visible.clear(), |q| q.store.acknowledged += 1, |q| q.dead.waiting.clear()];
        for lose in breaks {
            let mut broken = q.clone();
            lose(&mut broken);
            assert!(broken.invariants().is_err());
        }
    }

    const RULES: QueueRules = QueueRules { visibility: VISIBILITY, receives_max: 3, capacity: 100 };

    #[test]
    fn a_received_message_is_hidden_and_comes_back() {
        let mut q = Queue::new(RULES);
        assert!(q.send(Us::ZERO, 'x'));
        let first = q.receive(Us::s(1)).expect("it is visible");
        assert_eq!((first.message, first.receives, q.receive(Us::s(2))), ('x', 1, None));
        assert_eq!(q.next_visible(), Some(Us::s(31)));
        assert_eq!((q.wake(Us::s(31)), q.visible()), (None, 1));
        let second = q.receive(Us::s(31)).expect("it is back");
        assert_eq!(second.receives, 2);
        assert!(!q.delete(first.receipt, first.receives), "somebody else has it now");
        assert!(q.delete(second.receipt, second.receives) && q.is_empty());
    }

    #[test]
    fn received_too_often_it_waits_for_a_person() {
        let mut q = Queue::new(RULES);
        q.send(Us::ZERO, 'x');
        let mut now = Us::ZERO;
        for receives in 1..=3 {
            assert_eq!(q.receive(now).map(|d| d.receives), Some(receives));
            now += VISIBILITY;
            assert_eq!(q.wake(now).map(|d| d.tries), (receives == 3).then_some(3));
        }
        assert_eq!((q.len(), q.dead.len()), (0, 1));
        assert_eq!(q.redrive(now), Some('x'));
        assert_eq!(q.receive(now).map(|d| d.receives), Some(1), "it is new again");
    }

    /// A consumer that needs longer says so, one that gives up hands it back; whoever is due first is back first.
    #[test]
    fn a_message_is_hidden_for_as_long_as_its_holder_says() {
        let mut q = Queue::new(RULES);
        assert!(q.send(Us::ZERO, 'x') && q.send(Us::s(1), 'y') && q.send(Us::s(2), 'z'));
        let [x, y, z] = [3, 4, 5].map(|at| q.receive(Us::s(at)).expect("it is visible"));
        assert_eq!((q.next_visible(), q.oldest()), (Some(Us::s(33)), Some(Us::ZERO)), "hidden ones are here too");
        assert!(q.hide_until(x.receipt, x.receives, Us::s(60)));
        assert!(q.hide_until(z.receipt, z.receives, Us::s(10)));
        assert_eq!((q.wake(Us::s(10)), q.visible()), (None, 1));
        assert!(!q.hide_until(z.receipt, z.receives, Us::s(90)), "it is not hidden any more");
        assert_eq!(q.receive(Us::s(10)).map(|d| d.message), Some('z'));
        assert_eq!((q.redelivered(), q.next_visible()), (1, Some(Us::s(34))));
        assert!(q.delete(y.receipt, y.receives));
        assert_eq!(q.next_visible(), Some(Us::s(40)));
        assert_eq!((q.wake(Us::s(59)), q.visible(), q.hidden()), (None, 1, 1));
        assert!(q.delete(x.receipt, x.receives));
        assert_eq!((q.oldest(), q.refused(), q.is_empty()), (Some(Us::s(2)), 0, false));
    }

    #[test]
    fn a_full_bin_discards_and_counts() {
        let mut bin = DeadLetters::new(2);
        assert!(bin.is_empty());
        assert_eq!([1, 2, 3].map(|m| bin.put(Us::ZERO, m, 5)), [true, true, false]);
        assert_eq!((bin.came(), bin.discarded(), bin.len(), bin.is_empty()), (3, 1, 2, false));
        assert_eq!((bin.redrive().map(|d| d.message), bin.redrive().map(|d| d.message)), (Some(1), Some(2)));
        assert_eq!(bin.invariants(), Ok(()));
    }

    #[test]
    fn a_late_delete_still_counts_while_nobody_else_has_it() {
        let mut q = Queue::new(RULES);
        q.send(Us::ZERO, 'x');
        let d = q.receive(Us::ZERO).expect("it is visible");
        q.wake(Us::s(30));
        assert!(q.delete(d.receipt, d.receives));
        assert_eq!((q.visible(), q.receive(Us::s(31)), q.oldest()), (0, None, None));
        q.invariants().expect("nothing is lost");
    }

    proptest! {
        /// Whatever consumers do: nothing vanishes, nobody holds what another holds, and nothing is
        /// received more often than allowed.
        #[test]
        fn a_queue_neither_loses_nor_lends_twice(
            visibility in 1u64..40,
            receives_max in 0u32..4,
            moves in prop::collection::vec((0u8..6, 0u64..10), 1..300),
        ) {
            let rules = QueueRules { visibility: Us::s(visibility), receives_max, capacity: 20 };
            let mut q = Queue::new(rules);
            let mut now = Us::ZERO;
            let (mut sent, mut deleted, mut died) = (0u32, 0, 0);
            let mut handles: Vec<(Delivery<u32>, Us)> = Vec::new();
            for (what, n) in moves {
                now += Us::s(n);
                while q.wake(now).is_some() {
                    died += 1;
                }
                match what {
                    0 | 1 => sent += u32::from(q.send(now, sent)),
                    2 | 3 => if let Some(d) = q.receive(now) {
                        prop_assert!(receives_max == 0 || d.receives <= receives_max);
                        let held = handles.iter().any(|(h, until)| h.message == d.message && h.receives == d.receives && *until > now);
                        prop_assert!(!held, "{:?} is with somebody already", d);
                        handles.push((d, now + rules.visibility));
                    },
                    4 => if !handles.is_empty() {
                        let (d, _) = handles.swap_remove(n as usize % handles.len());
                        deleted += u32::from(q.delete(d.receipt, d.receives));
                    },
                    _ => if let Some((d, until)) = handles.last_mut() {
                        let later = now + Us::s(n);
                        if q.hide_until(d.receipt, d.receives, later) {
                            *until = later;
                        }
                    },
                }
                prop_assert_eq!(q.invariants(), Ok(()));
                prop_assert_eq!(sent, deleted + died + q.len() as u32);
                prop_assert_eq!(q.iter().count(), q.len());
            }
            // In the end everything can be had again.
            now += Us::s(100);
            while q.wake(now).is_some() {}
            while q.redrive(now).is_some() {}
            let mut rest = 0;
            while let Some(d) = q.receive(now) {
                rest += u32::from(q.delete(d.receipt, d.receives));
            }
            prop_assert_eq!(sent, deleted + rest + q.dead.len() as u32 + q.dead.discarded() as u32);
        }
    }

    #[test]
    fn a_queue_counts_what_came_again_and_what_found_no_room() {
        let mut q = Queue::new(QueueRules { receives_max: 0, capacity: 2, ..RULES });
        assert_eq!((0..5).filter(|i| q.send(Us::ZERO, *i)).count(), 2);
        for round in 0..3 {
            let now = VISIBILITY * round;
            assert_eq!(q.wake(now), None);
            assert!(q.receive(now).is_some() && q.receive(now).is_some());
        }
        assert_eq!((q.redelivered(), q.refused()), (4, 3));
    }
}
