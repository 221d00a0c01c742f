//! Connection pool: a fixed number of connections, and a line of callers in front of them.
//!
//! ```text
//!   callers --acquire--> [ wait queue ] --> ( connection ) ( connection ) ( connection ) --> database
//!                |             |                 ^                |
//!                |             v timed out       +---- release ---+
//!                v refused: the queue is full
//! ```
//!
//! A pool saves the price of connecting, which everybody knows. Its larger effect is that of an
//! *admission controller*: no more statements run at the same time than there are connections, and
//! the rest waits in front, where waiting costs the database nothing.
//!
//! A connection is opened when it is first needed (unless the pool is filled beforehand) and closed
//! when its lifetime is over, so that opening is paid again now and then. HikariCP's defaults: wait
//! 30 s for a connection, keep one for 30 min, less up to 2.5 % so that those opened together do not
//! all end together. Its rule of thumb for the size is connections = cores × 2 + effective spindles.
//! An external pooler in transaction mode is the same block once more, shared by all instances.
//!
//! Callers are numbers of the owner's. The block keeps no clock and schedules nothing: the owner
//! schedules the end of connecting and [`Pool::deadline`]. Leaves out: validation of idle
//! connections, growing and shrinking with demand.

use crate::deque::Deque;
use crate::kernel::{Stream, Us};

/// A caller by its owner's number.
pub type Caller = u32;

/// An open connection: all there is to know about it is when its life is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Connection {
    pub end: Us,
}

/// Somebody in the wait queue.
#[derive(Clone, Copy, Debug)]
struct Waiter {
    caller: Caller,
    since: Us,
    /// Waits as long as it takes: a job in the background.
    patient: bool,
}

/// What a place is given back with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Returned {
    /// A connection that the next caller may have.
    Usable(Connection),
    /// It broke, or is not to be kept: it is closed.
    Closed,
    /// There never was one, or it is gone already: opening failed, or the server died.
    Nothing,
}

/// What became of somebody who wanted a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Acquire {
    /// Here is one.
    Granted(Connection),
    /// A place, but its connection must be opened first: go on after the connect time.
    Open,
    /// All are in use: wait.
    Queued,
    /// The queue is full.
    Refused,
}

#[derive(Clone, Debug)]
pub struct Pool {
    size: u32,
    /// How many may wait.
    room: u32,
    timeout: Us,
    lifetime: Us,
    /// The one used last at the end; it is taken first.
    idle: Vec<Connection>,
    in_use: u32,
    /// Taken and never given back, and how many of those are open.
    leaked: u32,
    leaked_open: u32,
    /// Open now, used or idle.
    open: u32,
    waiting: Deque<Waiter>,
    /// So that lifetimes differ.
    spread: Stream,
    pub opened: u64,
}

impl Pool {
    /// HikariCP's `connectionTimeout` and `maxLifetime`.
    pub const TIMEOUT: Us = Us::s(30);
    pub const LIFETIME: Us = Us::s(1_800);

    /// An empty pool of `size` places. `seed` and `number` name its draws.
    pub fn new(size: u32, room: u32, timeout: Us, lifetime: Us, seed: u64, number: u64) -> Pool {
        Pool {
            size: size.max(1),
            room,
            timeout,
            lifetime,
            idle: Vec::new(),
            in_use: 0,
            leaked: 0,
            leaked_open: 0,
            open: 0,
            waiting: Deque::new(),
            spread: Stream::new(seed, "pool", "lifetime", number),
            opened: 0,
        }
    }

    /// Opens every connection beforehand, at most `limit`, as before the first request of a deployment.
    /// Returns how many.
    pub fn fill(&mut self, now: Us, limit: u32) -> u32 {
        let missing = self.size.saturating_sub(self.idle.len() as u32 + self.in_use).min(limit);
        for _ in 0..missing {
            let connection = self.open(now);
            self.idle.push(connection);
        }
        missing
    }

    /// A new connection: it lives as long as set, less up to 2.5 %.
    pub fn open(&mut self, now: Us) -> Connection {
        self.opened += 1;
        self.open += 1;
        let shorter = self.spread.unit() * 0.025;
        Connection { end: now + Us::from_us(self.lifetime.0 as f64 * (1.0 - shorter)) }
    }

    pub fn size(&self) -> u32 {
        self.size
    }
    /// Connections that a caller holds or that are lost to a leak.
    pub fn in_use(&self) -> u32 {
        self.in_use
    }
    pub fn leaked(&self) -> u32 {
        self.leaked
    }
    /// Connections that the database sees.
    pub fn open_now(&self) -> u32 {
        self.open
    }
    pub fn idle(&self) -> usize {
        self.idle.len()
    }
    pub fn waiting(&self) -> usize {
        self.waiting.len()
    }
    /// When the one that has waited longest began to.
    pub fn oldest(&self) -> Option<Us> {
        self.waiting.front().map(|w| w.since)
    }

    /// Somebody wants a connection and waits for it until the timeout.
    #[inline]
    pub fn acquire(&mut self, now: Us, caller: Caller) -> Acquire {
        self.join(now, caller, false)
    }
    /// The same for somebody who waits as long as it takes.
    pub fn acquire_patiently(&mut self, now: Us, caller: Caller) -> Acquire {
        self.join(now, caller, true)
    }

    fn join(&mut self, now: Us, caller: Caller, patient: bool) -> Acquire {
        if self.in_use < self.size && self.waiting.is_empty() {
            return self.grant(now);
        }
        if self.waiting.len() as u64 >= u64::from(self.room) {
            return Acquire::Refused;
        }
        self.waiting.push_back(Waiter { caller, since: now, patient });
        Acquire::Queued
    }

    /// A free place for the one who is at the front.
    fn grant(&mut self, now: Us) -> Acquire {
        self.in_use += 1;
        while let Some(connection) = self.idle.pop() {
            if connection.end > now {
                return Acquire::Granted(connection);
            }
            self.open -= 1;
        }
        Acquire::Open
    }

    /// A place is free again. Returns the caller who is next and what it gets.
    #[inline]
    pub fn release(&mut self, now: Us, returned: Returned) -> Option<(Caller, Acquire)> {
        self.in_use = self.in_use.saturating_sub(1);
        let room = self.in_use + (self.idle.len() as u32) < self.size;
        match returned {
            Returned::Usable(c) if c.end > now && room => self.idle.push(c),
            Returned::Nothing => {}
            _ => self.open = self.open.saturating_sub(1),
        }
        self.next(now)
    }

    /// The caller at the front and its connection, if a place is free.
    pub fn next(&mut self, now: Us) -> Option<(Caller, Acquire)> {
        if self.in_use >= self.size {
            return None;
        }
        let next = self.waiting.pop_front()?;
        Some((next.caller, self.grant(now)))
    }

    /// The place in the queue of the one whose timeout comes first: all have the same.
    fn first_to_leave(&self) -> Option<usize> {
        self.waiting.iter().position(|w| !w.patient)
    }
    /// When the first in the queue will have waited too long.
    pub fn deadline(&self) -> Option<Us> {
        self.first_to_leave().map(|i| self.waiting[i].since + self.timeout)
    }
    /// One who has waited too long by now; call it until there is none.
    pub fn expire(&mut self, now: Us) -> Option<Caller> {
        let i = self.first_to_leave()?;
        if self.waiting[i].since + self.timeout > now {
            return None;
        }
        self.waiting.remove(i).map(|w| w.caller)
    }
    /// A caller that waits goes away by itself.
    pub fn leave(&mut self, caller: Caller) -> bool {
        let before = self.waiting.len();
        self.waiting.retain(|w| w.caller != caller);
        self.waiting.len() < before
    }

    /// Code that forgets to give connections back: so many of the free places are taken for good.
    pub fn leak(&mut self, n: u32) -> u32 {
        let n = n.min(self.size.saturating_sub(self.in_use));
        let open = (self.idle.len() as u32).min(n);
        self.idle.truncate(self.idle.len() - open as usize);
        self.in_use += n;
        self.leaked += n;
        self.leaked_open += open;
        n
    }
    /// The leak is mended: its places are free again, its connections closed.
    pub fn mend(&mut self) {
        self.in_use -= self.leaked;
        self.open -= self.leaked_open;
        (self.leaked, self.leaked_open) = (0, 0);
    }
    /// Closes what is idle.
    pub fn drop_idle(&mut self) {
        self.open -= self.idle.len() as u32;
        self.idle.clear();
    }
    /// The server died, and every connection with it: callers give their places back with
    /// [`Returned::Nothing`].
    pub fn lose_all(&mut self) {
        self.idle.clear();
        (self.open, self.leaked_open) = (0, 0);
    }

    /// A new size; connections in use above it are closed as they come back.
    pub fn resize(&mut self, size: u32) {
        self.size = size.max(1);
        let spare = self.size.saturating_sub(self.in_use) as usize;
        self.open -= self.idle.len().saturating_sub(spare) as u32;
        self.idle.truncate(spare);
    }
    pub fn set_timeout(&mut self, timeout: Us) {
        self.timeout = timeout;
    }

    pub fn weight(&self) -> usize {
        self.idle.len() * 8 + self.waiting.len() * core::mem::size_of::<Waiter>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blocks::database::{Database, Usl};
    use crate::kernel::unit_exp;
    use crate::theory;
    use proptest::prelude::*;

    fn pool(size: u32, room: u32) -> Pool {
        Pool::new(size, room, Us::s(1), Pool::LIFETIME, 1, 0)
    }

    #[test]
    fn first_come_first_served_and_then_too_late() {
        let mut p = pool(2, 2);
        assert_eq!(p.acquire(Us::ZERO, 1), Acquire::Open);
        let one = p.open(Us::ms(30));
        p.fill(Us::ms(40), 9);
        let Acquire::Granted(two) = p.acquire(Us::ms(50), 2) else { panic!("one was open and idle") };
        assert_eq!(p.acquire(Us::ms(60), 3), Acquire::Queued);
        assert_eq!(p.acquire(Us::ms(70), 4), Acquire::Queued);
        assert_eq!(p.acquire(Us::ms(80), 5), Acquire::Refused);
        assert_eq!((p.in_use(), p.waiting(), p.oldest()), (2, 2, Some(Us::ms(60))));
        assert_eq!(p.release(Us::ms(90), Returned::Usable(one)), Some((3, Acquire::Granted(one))));
        assert_eq!(p.deadline(), Some(Us::ms(1_070)));
        assert_eq!(p.expire(Us::ms(1_069)), None);
        assert_eq!(p.expire(Us::ms(1_070)), Some(4));
        assert_eq!(p.release(Us::ms(1_080), Returned::Usable(two)), None);
        // A broken connection leaves its place, and the next caller opens another.
        assert_eq!(p.release(Us::ms(1_090), Returned::Closed), None);
        assert_eq!(p.acquire(Us::ms(1_100), 6), Acquire::Granted(two));
        assert_eq!(p.acquire(Us::ms(1_110), 7), Acquire::Open);
    }

    /// What the database sees, through leaks, resizes, idle connections that are closed, and its own death.
    #[test]
    fn every_open_connection_is_accounted_for() {
        let mut p = pool(4, 9);
        assert_eq!((p.fill(Us::ZERO, 9), p.size(), p.idle(), p.open_now()), (4, 4, 4, 4));
        let Acquire::Granted(one) = p.acquire(Us::ms(1), 1) else { panic!("they are open and idle") };
        assert_eq!((p.leak(1), p.leak(1), p.leaked(), p.in_use(), p.idle()), (1, 1, 2, 3, 1));
        p.mend();
        assert_eq!((p.leaked(), p.in_use(), p.idle(), p.open_now()), (0, 1, 1, 2), "what leaked is closed");
        assert_eq!(p.release(Us::ms(2), Returned::Usable(one)), None);
        assert_eq!((p.idle(), p.open_now()), (2, 2));
        p.resize(1);
        assert_eq!((p.size(), p.idle(), p.open_now()), (1, 1, 1));
        p.drop_idle();
        assert_eq!((p.idle(), p.open_now()), (0, 0));
        p.resize(3);
        p.fill(Us::ms(3), 3);
        // At the end of its life a connection is not handed out, and not taken back.
        let late = Pool::LIFETIME * 2;
        assert_eq!((p.acquire(late, 2), p.open_now(), p.idle()), (Acquire::Open, 0, 0));
        let two = p.open(late);
        assert_eq!((p.release(two.end, Returned::Usable(two)), p.idle(), p.open_now()), (None, 0, 0));
        p.fill(late, 3);
        p.lose_all();
        assert_eq!((p.idle(), p.open_now()), (0, 0));
        p.set_timeout(Us::s(7));
        let got = [0, 1, 2, 3].map(|caller| p.acquire(late, caller));
        assert_eq!(got, [Acquire::Open, Acquire::Open, Acquire::Open, Acquire::Queued]);
        assert_eq!((p.waiting(), p.deadline()), (1, Some(late + Us::s(7))));
    }

    /// Who gives up while waiting goes, wherever in the line, and the others keep their order.
    #[test]
    fn who_waits_may_leave() {
        let mut p = pool(1, 9);
        p.acquire(Us::ZERO, 1);
        assert!((2..5).all(|caller| p.acquire(Us::ms(1), caller) == Acquire::Queued));
        assert!(p.leave(3) && !p.leave(3) && !p.leave(1), "one is served, not waiting");
        assert_eq!(p.waiting(), 2);
        assert_eq!(p.release(Us::ms(2), Returned::Nothing), Some((2, Acquire::Open)));
        assert_eq!(p.release(Us::ms(3), Returned::Nothing), Some((4, Acquire::Open)));
    }

    #[test]
    fn the_patient_stay_in_the_queue() {
        let mut p = pool(1, 9);
        assert_eq!(p.acquire(Us::ZERO, 1), Acquire::Open);
        assert_eq!(p.acquire_patiently(Us::ms(1), 2), Acquire::Queued);
        assert_eq!(p.acquire(Us::ms(2), 3), Acquire::Queued);
        assert_eq!(p.deadline(), Some(Us::ms(1_002)));
        assert_eq!((p.expire(Us::s(2)), p.expire(Us::s(2)), p.waiting()), (Some(3), None, 1));
        assert_eq!(p.release(Us::s(9), Returned::Nothing), Some((2, Acquire::Open)));
    }

    #[test]
    fn lifetimes_end_and_not_all_at_once() {
        let mut p = pool(200, 0);
        p.fill(Us::ZERO, u32::MAX);
        assert_eq!(p.opened, 200);
        let ends: std::collections::BTreeSet<Us> = p.idle.iter().map(|c| c.end).collect();
        assert!(ends.len() > 150 && ends.iter().all(|e| *e <= Pool::LIFETIME && *e >= Us(1_755_000_000)));
        assert_eq!(p.acquire(Pool::LIFETIME, 1), Acquire::Open);
    }

    #[test]
    fn leaks_take_places_until_they_are_mended() {
        let mut p = pool(3, 9);
        p.fill(Us::ZERO, u32::MAX);
        assert_eq!(p.leak(5), 3);
        assert_eq!(p.acquire(Us::ZERO, 1), Acquire::Queued);
        p.mend();
        assert_eq!(p.next(Us::ms(1)), Some((1, Acquire::Open)));
    }

    /// Callers that think and come back: the throughput is N/(Z+R), and with a pool of c and a linear
    /// database the waiting is that of c servers.
    #[test]
    fn the_interactive_law() {
        for (users, size) in [(40u32, 4u32), (400, 17), (400, 200)] {
            let (mut p, usl) = (pool(size, users), Usl { alone: 200.0, alpha: 0.05, beta: 0.0033 });
            p.fill(Us::ZERO, u32::MAX);
            let mut db = Database::new(usl);
            let (mut thinking, mut work) = (Stream::new(1, "test", "think", 0), Stream::new(1, "test", "work", 0));
            let think = Us::ms(500);
            // (when, who) they come, in order.
            let mut coming = std::collections::BTreeSet::new();
            for u in 0..users {
                coming.insert((thinking.exp(think), u));
            }
            let mut since = vec![Us::ZERO; users as usize];
            let mut held: Vec<Option<Connection>> = vec![None; users as usize];
            let (mut done, mut response, mut now) = (0u32, 0u64, Us::ZERO);
            while done < 60_000 {
                let next = coming.first().map_or(Us::MAX, |c| c.0);
                if db.due().is_some_and(|d| d <= next) {
                    now = db.due().unwrap_or(now);
                    while let Some(u) = db.finish(now) {
                        done += 1;
                        response += now.since(since[u as usize]).0;
                        coming.insert((now + thinking.exp(think), u));
                        if let Some((v, Acquire::Granted(c))) =
                            p.release(now, held[u as usize].take().map_or(Returned::Nothing, Returned::Usable))
                        {
                            held[v as usize] = Some(c);
                            db.begin(now, v, unit_exp(work.bits()));
                        }
                    }
                } else {
                    let (at, u) = coming.pop_first().unwrap_or((now, 0));
                    now = at;
                    since[u as usize] = now;
                    if let Acquire::Granted(c) = p.acquire(now, u) {
                        held[u as usize] = Some(c);
                        db.begin(now, u, unit_exp(work.bits()));
                    }
                }
                assert!(p.in_use() <= size && db.active() as u32 == p.in_use());
            }
            let got = f64::from(done) / now.as_s();
            let law = theory::interactive_throughput(f64::from(users), 0.5, response as f64 / 1e6 / f64::from(done));
            assert!((got / law - 1.0).abs() < 0.02, "{users} users, pool {size}: {got} for {law}");
        }
    }

    proptest! {
        /// Everybody who came is served, waiting, refused, timed out or gone; never more than the pool
        /// holds are in use; the order is kept.
        #[test]
        fn nobody_is_forgotten(size in 1u32..6, room in 0u32..6, steps in prop::collection::vec((0u64..600, 0u8..10), 1..300)) {
            let mut p = pool(size, room);
            let mut now = Us::ZERO;
            let mut holding: Deque<Option<Connection>> = Deque::new();
            let (mut came, mut served, mut refused, mut late, mut last) = (0u32, 0u32, 0u32, 0u32, None);
            for (gap, what) in steps {
                now += Us::ms(gap);
                while p.expire(now).is_some() {
                    late += 1;
                }
                let mut got = |p: &mut Pool, a: Acquire, holding: &mut Deque<Option<Connection>>| match a {
                    Acquire::Granted(c) => holding.push_back(Some(c)),
                    Acquire::Open => { let c = p.open(now); holding.push_back(Some(c)); }
                    Acquire::Queued => {}
                    Acquire::Refused => refused += 1,
                };
                match what {
                    0..=4 => {
                        let a = p.acquire(now, came);
                        came += 1;
                        got(&mut p, a, &mut holding);
                    }
                    5..=8 => if let Some(c) = holding.pop_front() {
                        served += 1;
                        let broken = what == 8;
                        let back = match c {
                            Some(c) if !broken => Returned::Usable(c),
                            _ => Returned::Closed,
                        };
                        if let Some((who, a)) = p.release(now, back) {
                            prop_assert!(last.is_none_or(|l| l < who), "{:?} before {}", last, who);
                            last = Some(who);
                            got(&mut p, a, &mut holding);
                        }
                    },
                    _ => p.drop_idle(),
                }
                prop_assert_eq!(came, served + refused + late + holding.len() as u32 + p.waiting() as u32);
                prop_assert_eq!(p.in_use(), holding.len() as u32);
                prop_assert_eq!(p.open_now(), p.idle.len() as u32 + holding.len() as u32);
                prop_assert!(p.in_use() <= size && p.idle.len() as u32 + p.in_use() <= size);
                prop_assert!(p.waiting() as u32 <= room && (p.waiting() == 0 || p.in_use() == size));
            }
        }
    }

    /// At its very end a connection is closed instead of handed out, and so is one that comes back to a pool that has
    /// shrunk meanwhile; a place that comes back without a connection closes none.
    #[test]
    fn connections_are_closed_at_their_end_and_when_there_are_too_many() {
        let mut p = pool(2, 9);
        p.fill(Us::ZERO, 1);
        let end = p.idle[0].end;
        let mut late = p.clone();
        assert_eq!((late.acquire(end, 1), late.open_now()), (Acquire::Open, 0));
        let Acquire::Granted(one) = p.acquire(Us(end.0 - 1), 1) else { panic!("it has a microsecond left") };
        assert_eq!(p.acquire(Us::ZERO, 2), Acquire::Open);
        assert_eq!((p.release(Us::ZERO, Returned::Nothing), p.open_now()), (None, 1), "it could not be opened");
        assert_eq!(p.acquire(Us::ZERO, 2), Acquire::Open);
        let two = p.open(Us::ZERO);
        p.resize(1);
        assert_eq!((p.release(Us::ZERO, Returned::Usable(one)), p.idle(), p.open_now()), (None, 0, 1));
        assert_eq!((p.release(Us::ZERO, Returned::Usable(two)), p.idle(), p.open_now()), (None, 1, 1));
    }
}
