//! Requests in flight: who is under way, whose time runs out next, who stands in which line.
//!
//! ```text
//!   slots:  [r7] [r3] [free] [r9] [r8] ...            one small record a request
//!   timer:  r3 -> r7 -> r8 -> r9                      oldest first: one clock for all of them
//!   lines:  server 12: r8 -> r9     database: r3      threaded through the same records
//! ```
//!
//! A timeout for every request sounds like an event for every request. It is not: when all of them
//! wait *equally long*, they run out in the order in which they began. So a doubly linked list holds
//! them, starting and stopping a timer costs a few writes, and only the head of the list needs an
//! event in the queue (timer lists of equal spans; Varghese and Lauck, "Hashed and hierarchical
//! timing wheels", SOSP 1987, scheme 2, where insertion is at the end). A request can run two such
//! timers: one for its caller's patience, one for whatever its server waits for.
//!
//! A waiting line is a chain through the records as well, so that thousands of lines cost twelve
//! bytes each and a copy of the whole is one copy of one array.
//!
//! Leaves out: spans that differ from request to request; they need a heap.

use crate::kernel::Us;

/// No slot.
pub const NOBODY: u32 = u32::MAX;
/// In place of a link: not on the list at all.
const OFF: u32 = u32::MAX - 1;
/// Timers that a request can run.
pub const TIMERS: usize = 2;

/// First in, first out, through the records of those who wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chain {
    head: u32,
    tail: u32,
    len: u32,
}

impl Default for Chain {
    fn default() -> Chain {
        Chain { head: NOBODY, tail: NOBODY, len: 0 }
    }
}

impl Chain {
    #[inline(always)]
    pub fn len(&self) -> usize {
        self.len as usize
    }
    #[inline(always)]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }
    /// Who is next, if anybody waits.
    pub fn head(&self) -> Option<u32> {
        (self.head != NOBODY).then_some(self.head)
    }
    /// Who came last, if anybody waits.
    pub fn tail(&self) -> Option<u32> {
        (self.tail != NOBODY).then_some(self.tail)
    }
}

#[derive(Clone, Copy, Debug)]
struct Link {
    before: u32,
    after: u32,
    /// When the timer was started: the low 32 bits of the microseconds, enough for spans of an hour.
    since: u32,
}

const STOPPED: Link = Link { before: OFF, after: OFF, since: 0 };

#[derive(Clone, Copy, Debug)]
struct Slot<T> {
    /// The next in the line, or the next free slot.
    next: u32,
    timers: [Link; TIMERS],
    used: bool,
    data: T,
}

#[derive(Clone, Debug)]
pub struct InFlight<T> {
    slots: Vec<Slot<T>>,
    free: u32,
    used: u32,
    /// Head and tail of each timer list.
    heads: [u32; TIMERS],
    tails: [u32; TIMERS],
    running: [u32; TIMERS],
}

impl<T: Copy> Default for InFlight<T> {
    fn default() -> Self {
        InFlight {
            slots: Vec::new(),
            free: NOBODY,
            used: 0,
            heads: [NOBODY; TIMERS],
            tails: [NOBODY; TIMERS],
            running: [0; TIMERS],
        }
    }
}

impl<T: Copy> InFlight<T> {
    /// A record for somebody new.
    #[inline]
    pub fn add(&mut self, data: T) -> u32 {
        self.used += 1;
        let fresh = Slot { next: NOBODY, timers: [STOPPED; TIMERS], used: true, data };
        if self.free == NOBODY {
            self.slots.push(fresh);
            return self.slots.len() as u32 - 1;
        }
        let slot = self.free;
        let s = &mut self.slots[slot as usize];
        self.free = s.next;
        *s = fresh;
        slot
    }

    /// Gives the record back. Its timers are stopped; it must not stand in a line.
    #[inline]
    pub fn remove(&mut self, slot: u32) {
        (0..TIMERS).for_each(|t| self.stop(t, slot));
        let s = &mut self.slots[slot as usize];
        (s.next, s.used) = (self.free, false);
        self.free = slot;
        self.used -= 1;
    }

    #[inline(always)]
    pub fn get(&self, slot: u32) -> &T {
        &self.slots[slot as usize].data
    }
    #[inline(always)]
    pub fn get_mut(&mut self, slot: u32) -> &mut T {
        &mut self.slots[slot as usize].data
    }

    /// Records in use.
    pub fn len(&self) -> usize {
        self.used as usize
    }
    pub fn is_empty(&self) -> bool {
        self.used == 0
    }
    /// The slots in use, in order of their numbers.
    pub fn slots(&self) -> impl Iterator<Item = u32> + '_ {
        (0..self.slots.len() as u32).filter(|s| self.slots[*s as usize].used)
    }
    /// A bound for the numbers of the slots in use.
    pub fn slots_max(&self) -> u32 {
        self.slots.len() as u32
    }
    #[inline(always)]
    pub fn is_used(&self, slot: u32) -> bool {
        self.slots[slot as usize].used
    }

    /// Starts a timer now. Times must not run backwards from call to call.
    #[inline]
    pub fn start(&mut self, timer: usize, slot: u32, now: Us) {
        let tail = self.tails[timer];
        self.slots[slot as usize].timers[timer] = Link { before: tail, after: NOBODY, since: now.0 as u32 };
        match tail {
            NOBODY => self.heads[timer] = slot,
            _ => self.slots[tail as usize].timers[timer].after = slot,
        }
        self.tails[timer] = slot;
        self.running[timer] += 1;
    }

    /// Stops a timer; nothing happens if it does not run.
    #[inline]
    pub fn stop(&mut self, timer: usize, slot: u32) {
        let Link { before, after, .. } = self.slots[slot as usize].timers[timer];
        if before == OFF {
            return;
        }
        match before {
            NOBODY => self.heads[timer] = after,
            _ => self.slots[before as usize].timers[timer].after = after,
        }
        match after {
            NOBODY => self.tails[timer] = before,
            _ => self.slots[after as usize].timers[timer].before = before,
        }
        self.slots[slot as usize].timers[timer].before = OFF;
        self.running[timer] -= 1;
    }

    pub fn runs(&self, timer: usize, slot: u32) -> bool {
        self.slots[slot as usize].timers[timer].before != OFF
    }
    /// How many run this timer.
    pub fn running(&self, timer: usize) -> usize {
        self.running[timer] as usize
    }

    /// How long ago the timer was started, whether or not it still runs.
    #[inline]
    pub fn age(&self, timer: usize, slot: u32, now: Us) -> Us {
        Us(u64::from((now.0 as u32).wrapping_sub(self.slots[slot as usize].timers[timer].since)))
    }

    /// When the first one runs out, if any runs.
    pub fn due(&self, timer: usize, span: Us, now: Us) -> Option<Us> {
        let head = self.heads[timer];
        (head != NOBODY).then(|| now + span.since(self.age(timer, head, now)))
    }

    /// The next one whose time is up; its timer is stopped.
    pub fn expired(&mut self, timer: usize, span: Us, now: Us) -> Option<u32> {
        let head = self.heads[timer];
        if head == NOBODY || self.age(timer, head, now) < span {
            return None;
        }
        self.stop(timer, head);
        Some(head)
    }

    /// Joins a line at its end.
    #[inline]
    pub fn join(&mut self, line: &mut Chain, slot: u32) {
        self.slots[slot as usize].next = NOBODY;
        match line.tail {
            NOBODY => line.head = slot,
            tail => self.slots[tail as usize].next = slot,
        }
        line.tail = slot;
        line.len += 1;
    }

    /// The first of a line leaves it.
    #[inline]
    pub fn leave(&mut self, line: &mut Chain) -> Option<u32> {
        let head = line.head;
        if head == NOBODY {
            return None;
        }
        line.head = self.slots[head as usize].next;
        if line.head == NOBODY {
            line.tail = NOBODY;
        }
        line.len -= 1;
        Some(head)
    }

    pub fn weight(&self) -> usize {
        self.slots.len() * core::mem::size_of::<Slot<T>>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::VecDeque;

    #[test]
    fn an_hour_is_no_problem() {
        let mut f: InFlight<u8> = InFlight::default();
        let start = Us((1 << 32) - 5);
        let slot = f.add(0);
        f.start(0, slot, start);
        assert_eq!(f.due(0, Us::s(1), start), Some(start + Us::s(1)));
        assert_eq!(f.expired(0, Us::s(1), start + Us(999_999)), None);
        assert_eq!(f.expired(0, Us::s(1), start + Us::s(1)), Some(slot));
        assert_eq!(f.due(0, Us::s(1), start + Us::s(1)), None);
    }

    #[test]
    fn nobody_is_there_before_the_first_and_after_the_last() {
        let (mut f, mut line) = (InFlight::<u8>::default(), Chain::default());
        assert!(f.is_empty() && line.is_empty());
        let slot = f.add(9);
        f.join(&mut line, slot);
        assert!(!f.is_empty() && !line.is_empty());
        assert_eq!(f.leave(&mut line), Some(slot));
        f.remove(slot);
        assert!(f.is_empty() && line.is_empty());
    }

    proptest! {
        /// Against lists written the obvious way.
        #[test]
        fn timers_and_lines_are_those_of_plain_lists(moves in prop::collection::vec((0u8..8, any::<u32>(), 0u64..40), 1..400)) {
            let mut f: InFlight<u32> = InFlight::default();
            let mut all: Vec<(u32, u32)> = Vec::new();
            let mut timers: [VecDeque<(u32, u64)>; TIMERS] = Default::default();
            let mut chains = [Chain::default(); 2];
            let mut lines: [VecDeque<u32>; 2] = Default::default();
            let mut now = 0u64;
            for (i, (what, pick, gap)) in moves.into_iter().enumerate() {
                now += gap;
                let some = (!all.is_empty()).then(|| all[pick as usize % all.len().max(1)].0);
                let which = (pick % 2) as usize;
                match (what, some) {
                    (0 | 1, _) => all.push((f.add(i as u32), i as u32)),
                    (2 | 3, Some(s)) if !f.runs(which, s) => {
                        f.start(which, s, Us(now));
                        timers[which].push_back((s, now));
                    }
                    (4, Some(s)) => {
                        f.stop(which, s);
                        timers[which].retain(|(t, _)| *t != s);
                    }
                    (5, Some(s)) if !lines.iter().any(|l| l.contains(&s)) => {
                        f.join(&mut chains[which], s);
                        lines[which].push_back(s);
                    }
                    (6, _) => {
                        prop_assert_eq!(chains[which].head(), lines[which].front().copied());
                        prop_assert_eq!(f.leave(&mut chains[which]), lines[which].pop_front());
                    }
                    (7, Some(s)) if !lines.iter().any(|l| l.contains(&s)) => {
                        f.remove(s);
                        all.retain(|(t, _)| *t != s);
                        timers.iter_mut().for_each(|l| l.retain(|(t, _)| *t != s));
                    }
                    _ => {}
                }
                let span = Us(100);
                for t in 0..TIMERS {
                    prop_assert_eq!(f.running(t), timers[t].len());
                    while let Some(s) = f.expired(t, span, Us(now)) {
                        prop_assert_eq!(timers[t].pop_front().map(|(s, at)| (s, at + 100 <= now)), Some((s, true)));
                    }
                    prop_assert_eq!(f.due(t, span, Us(now)), timers[t].front().map(|(_, at)| Us(at + 100)));
                    prop_assert_eq!(chains[t].len(), lines[t].len());
                }
                prop_assert_eq!(f.len(), all.len());
                for (s, data) in &all {
                    prop_assert_eq!(f.get(*s), data);
                }
                let mut used: Vec<u32> = all.iter().map(|(s, _)| *s).collect();
                used.sort_unstable();
                prop_assert_eq!(f.slots().collect::<Vec<_>>(), used);
            }
        }
    }
}
