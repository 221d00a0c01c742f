//! The event queue: a 4-ary heap ordered by (time, sequence), so that ties are first in, first out.
//!
//! Four children a node halve the depth of a binary heap, and one node's children share a cache
//! line or two. While an event is handled its place at the top stays open: the first event that is
//! scheduled meanwhile takes it and sinks to where it belongs, which for the next arrival is not far.
//! Only if none comes is the last one of the heap brought up.
//!
//! There is no cancel: a model that changes its mind leaves the event in place and ignores it when it
//! fires (lazy cancellation), by comparing a generation or a state it keeps.

use super::Us;

#[derive(Clone, Copy)]
struct Entry<E> {
    time: u64,
    sequence: u64,
    event: E,
}

impl<E> Entry<E> {
    #[inline(always)]
    fn key(&self) -> u128 {
        u128::from(self.time) << 64 | u128::from(self.sequence)
    }
    #[inline(always)]
    fn before(&self, other: &Entry<E>) -> bool {
        // As one number: compared without a branch, which nothing could predict.
        self.key() < other.key()
    }
}

#[derive(Clone)]
pub struct Queue<E> {
    heap: Vec<Entry<E>>,
    sequence: u64,
    /// The first entry has been taken and nothing has come in its place yet.
    open: bool,
}

impl<E: Copy> Default for Queue<E> {
    fn default() -> Self {
        Queue { heap: Vec::new(), sequence: 0, open: false }
    }
}

impl<E: Copy> Queue<E> {
    pub fn len(&self) -> usize {
        self.heap.len()
    }
    pub fn is_empty(&self) -> bool {
        self.heap.is_empty()
    }
    /// Bytes that a copy of this queue costs.
    pub fn weight(&self) -> usize {
        self.heap.len() * core::mem::size_of::<Entry<E>>()
    }

    #[inline(always)]
    pub fn next_time(&self) -> Option<Us> {
        debug_assert!(!self.open, "the queue has not been settled");
        self.heap.first().map(|e| Us(e.time))
    }

    pub fn peek(&self) -> Option<(Us, &E)> {
        self.heap.first().map(|e| (Us(e.time), &e.event))
    }

    #[inline]
    pub fn push(&mut self, at: Us, event: E) {
        let entry = Entry { time: at.0, sequence: self.sequence, event };
        self.sequence += 1;
        if self.open {
            self.open = false;
            return self.sink(entry);
        }
        let mut hole = self.heap.len();
        self.heap.push(entry);
        while hole > 0 {
            let parent = (hole - 1) / 4;
            let above = &self.heap[parent];
            if (above.time, above.sequence) < (entry.time, entry.sequence) {
                break;
            }
            self.heap[hole] = self.heap[parent];
            hole = parent;
        }
        self.heap[hole] = entry;
    }

    /// The next event. Its place stays open until something is pushed or [`Queue::settle`] closes it.
    #[inline(always)]
    pub fn take(&mut self) -> Option<(Us, E)> {
        let top = *self.heap.first()?;
        self.open = true;
        Some((Us(top.time), top.event))
    }

    /// Closes the place of an event that was taken. Until then the queue can only be pushed to.
    #[inline]
    pub fn settle(&mut self) {
        if !self.open {
            return;
        }
        self.open = false;
        if let Some(last) = self.heap.pop()
            && !self.heap.is_empty()
        {
            self.sink(last);
        }
    }

    /// [`Queue::take`] and [`Queue::settle`].
    pub fn pop(&mut self) -> Option<(Us, E)> {
        let top = self.take();
        self.settle();
        top
    }

    /// Puts an entry in the place of the first one, and from there down to where it belongs.
    fn sink(&mut self, entry: Entry<E>) {
        let n = self.heap.len();
        let mut hole = 0;
        loop {
            let first = hole * 4 + 1;
            if first >= n {
                break;
            }
            let least = match self.heap.get(first..first + 4) {
                // All four, as nearly always: two pairs, then the better of each.
                Some([a, b, c, d]) => {
                    let (x, kx) = if b.before(a) { (1, b.key()) } else { (0, a.key()) };
                    let (y, ky) = if d.before(c) { (3, d.key()) } else { (2, c.key()) };
                    if ky < kx { y } else { x }
                }
                // The last node's children, or a queue of a few events, whose order branches learn.
                _ => {
                    let children = &self.heap[first..n];
                    let mut least = 0;
                    for i in 1..children.len() {
                        let (a, b) = (&children[i], &children[least]);
                        if (a.time, a.sequence) < (b.time, b.sequence) {
                            least = i;
                        }
                    }
                    least
                }
            };
            let child = self.heap[first + least];
            if (entry.time, entry.sequence) < (child.time, child.sequence) {
                break;
            }
            self.heap[hole] = child;
            hole = first + least;
        }
        self.heap[hole] = entry;
    }

    /// Every waiting event with its time, in no particular order: for drawing what is on its way.
    pub fn iter(&self) -> impl Iterator<Item = (Us, &E)> {
        self.heap.iter().map(|e| (Us(e.time), &e.event))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Against the obvious implementation: a list sorted by (time, order of arrival).
        #[test]
        fn pops_in_order_of_time_then_arrival(ops in prop::collection::vec((0u8..4, 0u64..50), 1..400)) {
            let mut queue = Queue::default();
            let mut list: Vec<(u64, usize)> = Vec::new();
            for (i, (op, t)) in ops.iter().enumerate() {
                list.sort();
                let first = (*op > 1 && !list.is_empty()).then(|| list.remove(0));
                match op {
                    0 | 1 => { queue.push(Us(*t), i); list.push((*t, i)); }
                    2 => prop_assert_eq!(queue.pop().map(|(t, e)| (t.0, e)), first),
                    // As an event that schedules others.
                    _ => {
                        prop_assert_eq!(queue.take().map(|(t, e)| (t.0, e)), first);
                        for more in 0..t % 3 {
                            queue.push(Us(t + more), i);
                            list.push((t + more, i));
                        }
                        queue.settle();
                    }
                }
                prop_assert_eq!(queue.len(), list.len());
            }
            list.sort();
            for (t, i) in list {
                prop_assert_eq!(queue.next_time(), Some(Us(t)));
                prop_assert_eq!(queue.pop(), Some((Us(t), i)));
            }
            prop_assert!(queue.is_empty());
        }
    }
}
