//! Records with numbers that are used again: requests in flight, whose slots events carry.

use core::ops::{Deref, DerefMut};

/// Records by slot. A slot keeps its record when it is released, until the next one takes it, so an
/// event that comes too late can still look at it.
///
/// ```
/// let mut requests = sim::slab::Slab::default();
/// let (a, b) = (requests.insert('a'), requests.insert('b'));
/// requests.release(a);
/// assert_eq!(requests.insert('c'), a);
/// assert_eq!((requests[a as usize], requests[b as usize], requests.used()), ('c', 'b', 2));
/// ```
#[derive(Clone, Debug)]
pub struct Slab<T> {
    rows: Vec<T>,
    free: Vec<u32>,
}

impl<T> Default for Slab<T> {
    fn default() -> Slab<T> {
        Slab { rows: Vec::new(), free: Vec::new() }
    }
}

impl<T> Slab<T> {
    /// Puts a record into the slot that was released last, or into a new one.
    pub fn insert(&mut self, row: T) -> u32 {
        match self.free.pop() {
            Some(slot) => {
                self.rows[slot as usize] = row;
                slot
            }
            None => {
                self.rows.push(row);
                self.rows.len() as u32 - 1
            }
        }
    }

    /// The slot may be used again.
    pub fn release(&mut self, slot: u32) {
        self.free.push(slot);
    }

    /// Slots that hold a record.
    pub fn used(&self) -> usize {
        self.rows.len() - self.free.len()
    }

    /// Bytes beyond the struct itself.
    pub fn weight(&self) -> usize {
        self.rows.len() * size_of::<T>() + self.free.len() * 4
    }
}

/// All slots, the released ones included.
impl<T> Deref for Slab<T> {
    type Target = [T];
    fn deref(&self) -> &[T] {
        &self.rows
    }
}

impl<T> DerefMut for Slab<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        &mut self.rows
    }
}
