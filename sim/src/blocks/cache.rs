//! Cache: answers kept for a while, so that the database is asked once and not each time.
//!
//! ```text
//!   server --> [ cache ] --hit--> answer
//!                 | miss
//!                 v
//!             [ database ] --> store the entry, valid for its time to live
//! ```
//!
//! Cache-aside: the caller looks, asks the database itself when it finds nothing, and stores what
//! it got. An entry ends in one of three ways: its time to live is over, it is deleted because the
//! value has changed, or it is evicted because room is needed. An entry that has expired is not
//! thrown away: it is *stale*, and serving it can be better than serving nothing
//! (stale-while-revalidate and stale-if-error, RFC 5861).
//!
//! Who is evicted is the policy's choice: the least recently used (LRU), the least often used
//! (LFU, counted while in the cache; ties go to the least recently used), or the first one in
//! (FIFO). Without eviction a full cache takes nothing new until something expires, as Redis with
//! `noeviction`.
//!
//! Under steady Poisson requests of rate λ for a key and time to live T the hit ratio is
//! λT/(1 + λT). What a bounded cache hits is in `theory` (Che's approximation), and `tests/cache.rs`
//! holds this code against it.
//!
//! Leaves out: sizes (every entry takes one place), the sampling by which real caches approximate
//! LRU and LFU, the ageing of counts, and the housekeeper that removes expired entries: here they
//! keep their place until they are stored again or evicted.

use crate::kernel::Us;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    Fresh,
    /// There is a copy, but its time is over.
    Stale,
    /// Nothing to serve, fresh or stale.
    Missing,
}

/// Who has to go when there is no room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policy {
    /// The least recently used.
    Lru,
    /// The least often used since it came in.
    Lfu,
    /// The first that came in.
    Fifo,
    /// Nobody: the new one stays out, unless the oldest has expired.
    Refuse,
}

/// What storing an entry did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stored {
    /// The key was there, fresh or stale; its value is now this one.
    Replaced,
    Added,
    /// It was added and this key had to go for it.
    Evicted(u32),
    /// It was not added: the cache is full and its policy evicts nobody.
    Refused,
}

/// No slot, no key.
const NONE: u32 = u32::MAX;

/// An entry: when it expires, in milliseconds rounded up (0 for an empty slot), and what the owner
/// keeps with it.
#[derive(Clone, Copy, Debug)]
struct Slot<V> {
    expires_ms: u32,
    value: V,
}

/// A cache that keeps a `V` beside each expiry time; `()` where only hits and misses matter.
/// Four bytes a key with room for every key; about 24 bytes an entry with a bound.
#[derive(Clone, Debug)]
pub struct Cache<V = ()> {
    slots: Vec<Slot<V>>,
    held: u32,
    /// Absent while there is room for every key: then a key's slot is the key itself.
    room: Option<Room>,
}

/// The bookkeeping of a cache with fewer places than keys.
#[derive(Clone, Debug)]
struct Room {
    capacity: u32,
    policy: Policy,
    /// The key in each slot.
    keys: Vec<u32>,
    free: Vec<u32>,
    index: Index,
    order: Order,
}

/// From the newest to the oldest (`Chain`), or from the least to the most used (`Heap`).
#[derive(Clone, Debug)]
enum Order {
    Chain(Chain),
    Heap(Heap),
}

impl<V: Copy + Default> Cache<V> {
    /// A cold cache with room for every key in `0..keys`.
    pub fn new(keys: u32) -> Cache<V> {
        Cache { slots: vec![Slot { expires_ms: 0, value: V::default() }; keys as usize], held: 0, room: None }
    }

    /// A cold cache with room for so many entries, whatever their keys.
    pub fn bounded(capacity: u32, policy: Policy) -> Cache<V> {
        let order = match policy {
            Policy::Lfu => Order::Heap(Heap::default()),
            _ => Order::Chain(Chain { links: Vec::new(), newest: NONE, oldest: NONE }),
        };
        let room = Room { capacity, policy, keys: Vec::new(), free: Vec::new(), index: Index::new(capacity), order };
        Cache { slots: Vec::new(), held: 0, room: Some(room) }
    }

    /// Places in all.
    pub fn capacity(&self) -> u32 {
        self.room.as_ref().map_or(self.slots.len() as u32, |r| r.capacity)
    }
    /// Entries held, the stale ones included.
    pub fn len(&self) -> u32 {
        self.held
    }
    pub fn is_empty(&self) -> bool {
        self.held == 0
    }

    #[inline]
    fn slot(&self, key: u32) -> Option<usize> {
        match &self.room {
            None => (self.slots.get(key as usize)?.expires_ms > 0).then_some(key as usize),
            Some(room) => room.index.find(key, &room.keys).map(|s| s as usize),
        }
    }

    /// How the key stands, without counting as a use of it.
    #[inline]
    pub fn look(&self, now: Us, key: u32) -> Look {
        self.slot(key).map_or(Look::Missing, |s| self.slots[s].state(now))
    }

    /// Looks the key up for somebody who wants it: a use, for the policies that go by use.
    #[inline]
    pub fn get(&mut self, now: Us, key: u32) -> (Look, V) {
        let Some(s) = self.slot(key) else {
            return (Look::Missing, V::default());
        };
        if let Some(room) = &mut self.room {
            room.used(s as u32);
        }
        (self.slots[s].state(now), self.slots[s].value)
    }

    /// When the key's entry expires, and what is kept with it.
    pub fn peek(&self, key: u32) -> Option<(Us, V)> {
        self.slot(key).map(|s| (self.slots[s].expires(), self.slots[s].value))
    }

    pub fn value_mut(&mut self, key: u32) -> Option<&mut V> {
        self.slot(key).map(|s| &mut self.slots[s].value)
    }

    /// The database has answered: the same as `store` where nothing is kept beside the expiry.
    #[inline]
    pub fn fill(&mut self, now: Us, key: u32, time_to_live: Us) -> Stored {
        self.store(now, key, time_to_live, V::default())
    }

    pub fn store(&mut self, now: Us, key: u32, time_to_live: Us, value: V) -> Stored {
        let until = (now + time_to_live).0.div_ceil(1_000).max(1);
        let entry = Slot { expires_ms: u32::try_from(until).unwrap_or(u32::MAX), value };
        if let Some(s) = self.slot(key) {
            self.slots[s] = entry;
            if let Some(room) = &mut self.room {
                room.refreshed(s as u32);
            }
            return Stored::Replaced;
        }
        let Some(room) = &mut self.room else {
            self.slots[key as usize] = entry;
            self.held += 1;
            return Stored::Added;
        };
        let mut outcome = Stored::Added;
        if self.held >= room.capacity {
            let victim = room.order.victim();
            // Nobody can go from a cache without any places.
            let Some(oldest) = self.slots.get(victim as usize) else {
                return Stored::Refused;
            };
            if room.policy == Policy::Refuse && oldest.state(now) == Look::Fresh {
                return Stored::Refused;
            }
            outcome = Stored::Evicted(room.keys[victim as usize]);
            room.forget(victim);
            self.held -= 1;
        }
        let s = room.admit(key);
        self.held += 1;
        match self.slots.get_mut(s as usize) {
            Some(slot) => *slot = entry,
            None => self.slots.push(entry),
        }
        outcome
    }

    /// Deletes the key's entry, stale or not; whether there was one.
    pub fn remove(&mut self, key: u32) -> bool {
        let Some(s) = self.slot(key) else {
            return false;
        };
        self.slots[s].expires_ms = 0;
        self.held -= 1;
        if let Some(room) = &mut self.room {
            room.forget(s as u32);
        }
        true
    }

    /// The key's time is over now; its copy stays, stale. Whether it was fresh.
    pub fn expire(&mut self, now: Us, key: u32) -> bool {
        let Some(s) = self.slot(key).filter(|s| self.slots[*s].state(now) == Look::Fresh) else {
            return false;
        };
        self.slots[s].expires_ms = ((now.0 / 1_000) as u32).max(1);
        true
    }

    /// Everything is gone, the stale copies too.
    pub fn flush(&mut self) {
        self.held = 0;
        match &self.room {
            None => self.slots.iter_mut().for_each(|s| s.expires_ms = 0),
            Some(room) => *self = Cache::bounded(room.capacity, room.policy),
        }
    }

    /// (key, when it expires, value) of every entry, in no order that means anything.
    pub fn entries(&self) -> impl Iterator<Item = (u32, Us, &V)> + '_ {
        let held = self.slots.iter().enumerate().filter(|(_, s)| s.expires_ms > 0);
        held.map(|(i, s)| (self.room.as_ref().map_or(i as u32, |r| r.keys[i]), s.expires(), &s.value))
    }

    /// Keys that are fresh now.
    pub fn fresh(&self, now: Us) -> usize {
        self.slots.iter().filter(|s| s.state(now) == Look::Fresh).count()
    }

    /// Bytes that a copy costs.
    pub fn weight(&self) -> usize {
        self.slots.len() * core::mem::size_of::<Slot<V>>() + self.room.as_ref().map_or(0, Room::weight)
    }
}

impl<V> Slot<V> {
    fn expires(&self) -> Us {
        Us::ms(u64::from(self.expires_ms))
    }
    #[inline]
    fn state(&self, now: Us) -> Look {
        if u64::from(self.expires_ms) * 1_000 > now.0 { Look::Fresh } else { Look::Stale }
    }
}

impl Room {
    #[inline]
    fn used(&mut self, slot: u32) {
        match &mut self.order {
            Order::Chain(chain) if self.policy == Policy::Lru => chain.bring_forward(slot),
            Order::Heap(heap) => heap.used(slot),
            Order::Chain(_) => {}
        }
    }

    /// An entry has been stored again. First in stays first in; without eviction the chain is in
    /// the order of storing, so that its end is the first to expire.
    fn refreshed(&mut self, slot: u32) {
        match &mut self.order {
            Order::Chain(chain) if self.policy != Policy::Fifo => chain.bring_forward(slot),
            _ => {}
        }
    }

    fn admit(&mut self, key: u32) -> u32 {
        let slot = self.free.pop().unwrap_or(self.keys.len() as u32);
        match self.keys.get_mut(slot as usize) {
            Some(k) => *k = key,
            None => self.keys.push(key),
        }
        self.index.insert(key, slot, &self.keys);
        match &mut self.order {
            Order::Chain(chain) => chain.push_front(slot),
            Order::Heap(heap) => heap.add(slot),
        }
        slot
    }

    fn forget(&mut self, slot: u32) {
        self.index.remove(self.keys[slot as usize], &self.keys);
        match &mut self.order {
            Order::Chain(chain) => chain.take(slot),
            Order::Heap(heap) => heap.take(slot),
        }
        self.keys[slot as usize] = NONE;
        self.free.push(slot);
    }

    fn weight(&self) -> usize {
        let order = match &self.order {
            Order::Chain(chain) => chain.links.len() * 8,
            Order::Heap(heap) => heap.heap.len() * 4 + heap.uses.len() * 12,
        };
        (self.keys.len() + self.free.len() + self.index.cells.len()) * 4 + order
    }
}

impl Order {
    /// The slot that is evicted next.
    fn victim(&self) -> u32 {
        match self {
            Order::Chain(chain) => chain.oldest,
            Order::Heap(heap) => heap.heap.first().copied().unwrap_or(NONE),
        }
    }
}

/// A doubly linked list through the slots: (newer, older) of each.
#[derive(Clone, Debug)]
struct Chain {
    links: Vec<(u32, u32)>,
    newest: u32,
    oldest: u32,
}

impl Chain {
    fn push_front(&mut self, slot: u32) {
        let link = (NONE, self.newest);
        match self.links.get_mut(slot as usize) {
            Some(l) => *l = link,
            None => self.links.push(link),
        }
        match self.newest {
            NONE => self.oldest = slot,
            newest => self.links[newest as usize].0 = slot,
        }
        self.newest = slot;
    }
    fn take(&mut self, slot: u32) {
        let (newer, older) = self.links[slot as usize];
        match newer {
            NONE => self.newest = older,
            n => self.links[n as usize].1 = older,
        }
        match older {
            NONE => self.oldest = newer,
            o => self.links[o as usize].0 = newer,
        }
    }
    #[inline]
    fn bring_forward(&mut self, slot: u32) {
        if self.newest != slot {
            self.take(slot);
            self.push_front(slot);
        }
    }
}

/// How often and when last a slot was used, and where it is in the heap.
#[derive(Clone, Copy, Debug, Default)]
struct Uses {
    count: u32,
    last: u32,
    at: u32,
}

/// A binary heap of slots, the least used on top.
#[derive(Clone, Debug, Default)]
struct Heap {
    heap: Vec<u32>,
    uses: Vec<Uses>,
    clock: u32,
}

impl Heap {
    fn before(&self, a: u32, b: u32) -> bool {
        let (a, b) = (self.uses[a as usize], self.uses[b as usize]);
        (a.count, a.last) < (b.count, b.last)
    }
    fn put(&mut self, at: usize, slot: u32) {
        self.heap[at] = slot;
        self.uses[slot as usize].at = at as u32;
    }
    fn add(&mut self, slot: u32) {
        self.clock += 1;
        let uses = Uses { count: 1, last: self.clock, at: self.heap.len() as u32 };
        match self.uses.get_mut(slot as usize) {
            Some(u) => *u = uses,
            None => self.uses.push(uses),
        }
        self.heap.push(slot);
        self.up(self.heap.len() - 1);
    }
    fn used(&mut self, slot: u32) {
        self.clock += 1;
        let u = &mut self.uses[slot as usize];
        (u.count, u.last) = (u.count.saturating_add(1), self.clock);
        let at = u.at as usize;
        self.down(at);
    }
    fn take(&mut self, slot: u32) {
        let at = self.uses[slot as usize].at as usize;
        let Some(last) = self.heap.pop().filter(|last| *last != slot) else {
            return;
        };
        self.put(at, last);
        self.up(at);
        self.down(self.uses[last as usize].at as usize);
    }
    fn up(&mut self, mut at: usize) {
        let slot = self.heap[at];
        while at > 0 {
            let parent = (at - 1) / 2;
            if !self.before(slot, self.heap[parent]) {
                break;
            }
            self.put(at, self.heap[parent]);
            at = parent;
        }
        self.put(at, slot);
    }
    fn down(&mut self, mut at: usize) {
        let slot = self.heap[at];
        loop {
            let left = 2 * at + 1;
            let Some(&first) = self.heap.get(left) else {
                break;
            };
            let mut least = (left, first);
            if let Some(&right) = self.heap.get(left + 1).filter(|right| self.before(**right, first)) {
                least = (left + 1, right);
            }
            if !self.before(least.1, slot) {
                break;
            }
            self.put(at, least.1);
            at = least.0;
        }
        self.put(at, slot);
    }
}

/// From keys to slots: open addressing with linear probing, at most half full. Deleting moves later
/// members of a run forward, so there are no tombstones and no rebuilding.
#[derive(Clone, Debug)]
struct Index {
    cells: Vec<u32>,
}

impl Index {
    fn new(capacity: u32) -> Index {
        Index { cells: vec![NONE; (capacity as usize * 2).next_power_of_two().max(2)] }
    }
    #[inline]
    fn home(&self, key: u32) -> usize {
        // Fibonacci hashing (Knuth, TAOCP 3, section 6.4): neighbours in number are far apart.
        let bits = self.cells.len().trailing_zeros();
        (u64::from(key.wrapping_mul(0x9e37_79b9)) >> (32 - bits)) as usize
    }
    #[inline]
    fn cell(&self, key: u32, keys: &[u32]) -> usize {
        let mask = self.cells.len() - 1;
        let mut at = self.home(key);
        while self.cells[at] != NONE && keys[self.cells[at] as usize] != key {
            at = (at + 1) & mask;
        }
        at
    }
    #[inline]
    fn find(&self, key: u32, keys: &[u32]) -> Option<u32> {
        Some(self.cells[self.cell(key, keys)]).filter(|s| *s != NONE)
    }
    fn insert(&mut self, key: u32, slot: u32, keys: &[u32]) {
        let mask = self.cells.len() - 1;
        let mut at = self.home(key);
        while self.cells[at] != NONE && self.cells[at] != slot {
            debug_assert_ne!(keys[self.cells[at] as usize], key, "a key has one slot");
            at = (at + 1) & mask;
        }
        self.cells[at] = slot;
    }
    fn remove(&mut self, key: u32, keys: &[u32]) {
        let mask = self.cells.len() - 1;
        let mut hole = self.cell(key, keys);
        let mut at = hole;
        loop {
            at = (at + 1) & mask;
            let slot = self.cells[at];
            if slot == NONE {
                break;
            }
            // A member may move into the hole if the hole lies between its home and where it is.
            let home = self.home(keys[slot as usize]);
            if (at.wrapping_sub(home) & mask) >= (at.wrapping_sub(hole) & mask) {
                self.cells[hole] = slot;
                hole = at;
            }
        }
        self.cells[hole] = NONE;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// With room for every key and with room for two: what is held, what of it is fresh, and its value in place.
    #[test]
    fn what_is_held_is_counted_and_can_be_changed() {
        for mut cache in [Cache::<u8>::new(9), Cache::bounded(2, Policy::Lru)] {
            assert!(cache.is_empty() && cache.value_mut(3).is_none());
            cache.store(Us::ZERO, 3, Us::s(1), 7);
            cache.store(Us::ZERO, 4, Us::s(9), 8);
            *cache.value_mut(3).expect("it is held") += 2;
            assert_eq!((cache.peek(3), cache.peek(4)), (Some((Us::s(1), 9)), Some((Us::s(9), 8))));
            assert!(!cache.is_empty());
            assert_eq!([Us::ZERO, Us(999_999), Us::s(1), Us::s(9)].map(|now| cache.fresh(now)), [2, 2, 1, 0]);
            assert!(cache.remove(3) && !cache.is_empty() && cache.remove(4) && cache.is_empty());
            assert_eq!(cache.fresh(Us::ZERO), 0);
        }
    }
}
