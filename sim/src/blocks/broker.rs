//! Message broker, queue mode: keeps a message until its consumer has acknowledged it.
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
//! The store is bounded. At the bound `publish` refuses, and the publisher decides what that means:
//! a relay keeps its row and tries again, a plain publisher has lost its event.
//!
//! Leaves out: ordering, partitions and consumer groups (see `consumer.rs`), dead-letter queues (a message is delivered
//! until it is acknowledged), a broker that fails itself.

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
}
