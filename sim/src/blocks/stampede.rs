//! Stampede guards: what keeps a thousand readers from recomputing the same value at once.
//!
//! ```text
//!   readers --> cache --miss--> [ guard ] --one, if it can--> database
//!                                   |
//!                                   +--> the others wait, join, or get the old value
//! ```
//!
//! A hot key expires, and until the new value is there every reader misses: with λ reads a second
//! and a recomputation of δ seconds, 1 + λδ of them ask the database for the same thing (also called
//! dog-piling, or a thundering herd). The guards:
//!
//! - *Lock*: the first to miss takes a lock in the shared cache, with an end in case its holder
//!   dies; the others look again after a while.
//! - *Single flight*: within one process, readers that miss join the load that is under way and
//!   share its answer, or its failure (Go's `singleflight`). Each process has its own flights.
//! - *XFetch*: each reader may recompute before the expiry, the likelier the closer it is, so that
//!   somebody probably has by then (Vattani, Chierichetti and Lowenstein, "Optimal Probabilistic
//!   Cache Stampede Prevention", VLDB 2015).
//! - *Stale-while-revalidate*: for a while after the expiry readers get the old value, and the first
//!   of them has it refreshed in the background (RFC 5861).
//!
//! The last two have nothing to offer when there is no old value: after a delete, a flush, an
//! eviction, or at a cold start.
//!
//! A *lease* is a permission to store, given with a miss and withdrawn when the key is deleted. It
//! closes the race in which a slow reader stores a value that has been replaced meanwhile (Nishtala
//! and others, "Scaling Memcache at Facebook", NSDI 2013).
//!
//! The block keeps no clock and schedules nothing: it says what to do, the owner does it.
//!
//! Leaves out: locks that are lost while their holder only sleeps (fencing is another story).

use crate::blocks::cache::Look;
use crate::kernel::{Us, unit_exp};

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Guard {
    None,
    Lock,
    SingleFlight,
    XFetch { beta: f64 },
    StaleWhileRevalidate { grace: Us },
}

/// What a reader finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found {
    pub look: Look,
    /// How long ago the copy expired; zero for a fresh one.
    pub expired: Us,
    /// XFetch says: recompute now, although it is fresh.
    pub early: bool,
    /// A load of this key is under way in the reader's own process.
    pub in_flight: bool,
    /// Somebody holds the key's lock.
    pub locked: bool,
}

/// What a reader does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plan {
    /// Answer with the copy.
    Serve,
    /// Answer with the old copy, and refresh it in the background.
    ServeAndRefresh,
    /// Ask the database and store the answer.
    Load,
    /// Wait for the load that is under way.
    Join,
    /// Look again later.
    WaitForLock,
}

impl Guard {
    /// The whole difference between the guards.
    #[inline]
    pub fn plan(self, found: Found) -> Plan {
        match (self, found.look) {
            (Guard::XFetch { .. }, Look::Fresh) if found.early => Plan::Load,
            (_, Look::Fresh) => Plan::Serve,
            (Guard::StaleWhileRevalidate { grace }, Look::Stale) if found.expired < grace => {
                if found.in_flight {
                    Plan::Serve
                } else {
                    Plan::ServeAndRefresh
                }
            }
            (Guard::SingleFlight, _) if found.in_flight => Plan::Join,
            (Guard::Lock, _) if found.locked => Plan::WaitForLock,
            _ => Plan::Load,
        }
    }
}

/// XFetch's rule: recompute when now - δβ·ln(u) ≥ expiry, with u uniform: `bits` are 64 fair bits, δ
/// is how long the last recomputation took. With x left the chance is e^(-x/(βδ)): one read in e at
/// x = βδ.
#[inline]
pub fn early(now: Us, expiry: Us, delta: Us, beta: f64, bits: u64) -> bool {
    delta.0 as f64 * beta * unit_exp(bits) >= expiry.since(now).0 as f64
}

/// A load that is under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Flight {
    key: u32,
    process: u16,
    load: u32,
}

/// The loads that are under way, by key and process.
#[derive(Clone, Debug, Default)]
pub struct Flights {
    list: Vec<Flight>,
}

impl Flights {
    /// The load of this key that a reader of this process can join.
    pub fn find(&self, key: u32, process: u16) -> Option<u32> {
        self.list.iter().find(|f| f.key == key && f.process == process).map(|f| f.load)
    }
    /// Loads of this key in all processes.
    pub fn of(&self, key: u32) -> usize {
        self.list.iter().filter(|f| f.key == key).count()
    }
    pub fn begin(&mut self, key: u32, process: u16, load: u32) {
        self.list.push(Flight { key, process, load });
    }
    pub fn end(&mut self, load: u32) {
        if let Some(i) = self.list.iter().position(|f| f.load == load) {
            self.list.swap_remove(i);
        }
    }
    pub fn len(&self) -> usize {
        self.list.len()
    }
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }
    pub fn weight(&self) -> usize {
        self.list.len() * core::mem::size_of::<Flight>()
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Lease {
    key: u32,
    token: u32,
    until: Us,
}

/// Permissions to store, kept by the cache. With at most one a key they are locks.
#[derive(Clone, Debug, Default)]
pub struct Leases {
    out: Vec<Lease>,
    last: u32,
}

impl Leases {
    /// Whether somebody holds one for this key.
    pub fn held(&self, now: Us, key: u32) -> bool {
        self.out.iter().any(|l| l.key == key && l.until > now)
    }
    /// A new one; those whose time is over are forgotten.
    pub fn grant(&mut self, now: Us, key: u32, span: Us) -> u32 {
        self.out.retain(|l| l.until > now);
        self.last = self.last.wrapping_add(1);
        self.out.push(Lease { key, token: self.last, until: now + span });
        self.last
    }
    /// Hands it back; whether it was still good.
    pub fn redeem(&mut self, now: Us, token: u32) -> bool {
        match self.out.iter().position(|l| l.token == token) {
            Some(i) => self.out.swap_remove(i).until > now,
            None => false,
        }
    }
    /// The key has been deleted or overwritten: what its readers hold is worth nothing now.
    pub fn revoke(&mut self, key: u32) {
        self.out.retain(|l| l.key != key);
    }
    /// The part of the cache that kept these keys' leases is gone, and they with it.
    pub fn lose(&mut self, lost: impl Fn(u32) -> bool) {
        self.out.retain(|l| !lost(l.key));
    }
    pub fn weight(&self) -> usize {
        self.out.len() * core::mem::size_of::<Lease>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::Stream;
    use proptest::prelude::*;

    const MISS: Found = Found { look: Look::Missing, expired: Us::ZERO, early: false, in_flight: false, locked: false };

    #[test]
    fn the_guards_differ_where_they_should() {
        let all = [
            Guard::None,
            Guard::Lock,
            Guard::SingleFlight,
            Guard::XFetch { beta: 1.0 },
            Guard::StaleWhileRevalidate { grace: Us::s(10) },
        ];
        let fresh = Found { look: Look::Fresh, ..MISS };
        let busy = Found { in_flight: true, locked: true, ..MISS };
        let stale = Found { look: Look::Stale, expired: Us::s(1), ..MISS };
        let plans = |found: Found| all.map(|g| g.plan(found));
        assert_eq!(plans(fresh), [Plan::Serve; 5]);
        assert_eq!(plans(MISS), [Plan::Load; 5]);
        assert_eq!(plans(busy), [Plan::Load, Plan::WaitForLock, Plan::Join, Plan::Load, Plan::Load]);
        assert_eq!(plans(Found { early: true, ..fresh })[3], Plan::Load);
        assert_eq!(plans(stale)[4], Plan::ServeAndRefresh);
        assert_eq!(plans(Found { in_flight: true, ..stale })[4], Plan::Serve);
        assert_eq!(plans(Found { expired: Us::s(10), ..stale })[4], Plan::Load);
    }

    #[test]
    fn at_the_expiry_nobody_waits_for_luck() {
        assert!(early(Us::s(100), Us::s(100), Us::s(1), 1.0, u64::MAX));
        assert!(!early(Us::s(1), Us::s(100), Us::s(1), 1.0, u64::MAX));
    }

    #[test]
    fn loads_are_told_apart_by_key_and_process() {
        let mut flights = Flights::default();
        assert!(flights.is_empty());
        for (key, process, load) in [(7, 0, 1), (7, 1, 2), (8, 0, 3)] {
            flights.begin(key, process, load);
        }
        assert_eq!((flights.len(), flights.of(7), flights.of(9), flights.is_empty()), (3, 2, 0, false));
        assert_eq!((flights.find(7, 1), flights.find(8, 1)), (Some(2), None));
        flights.end(1);
        assert_eq!((flights.len(), flights.find(7, 0), flights.find(8, 0)), (2, None, Some(3)));
    }

    #[test]
    fn a_lease_is_good_once_until_its_end_unless_withdrawn() {
        let mut l = Leases::default();
        let a = l.grant(Us::s(0), 7, Us::s(10));
        let b = l.grant(Us::s(0), 7, Us::s(10));
        assert!(l.held(Us::s(9), 7) && !l.held(Us::s(10), 7) && !l.held(Us::s(1), 8));
        assert!(l.redeem(Us::s(5), a) && !l.redeem(Us::s(5), a));
        l.revoke(7);
        assert!(!l.redeem(Us::s(5), b) && !l.held(Us::s(5), 7));
        let c = l.grant(Us::s(0), 7, Us::s(10));
        assert!(!l.redeem(Us::s(10), c));
    }

    proptest! {
        /// With single flight there is never a second load of a key in one process; with locks there
        /// is never a second holder.
        #[test]
        fn one_at_a_time(ops in prop::collection::vec((0u32..4, 0u16..3, any::<bool>()), 1..300)) {
            let (mut flights, mut leases) = (Flights::default(), Leases::default());
            let (mut loads, mut tokens): (Vec<u32>, Vec<(u32, u32)>) = (Vec::new(), Vec::new());
            for (i, (key, process, ends)) in ops.into_iter().enumerate() {
                if ends {
                    loads.pop().into_iter().for_each(|l| flights.end(l));
                    tokens.pop().into_iter().for_each(|(_, t)| assert!(leases.redeem(Us(1), t)));
                    continue;
                }
                let found = Found { in_flight: flights.find(key, process).is_some(), locked: leases.held(Us(1), key), ..MISS };
                if Guard::SingleFlight.plan(found) == Plan::Load {
                    flights.begin(key, process, i as u32);
                    loads.push(i as u32);
                }
                if Guard::Lock.plan(found) == Plan::Load {
                    prop_assert!(tokens.iter().all(|(k, _)| *k != key));
                    tokens.push((key, leases.grant(Us(1), key, Us(100))));
                }
                prop_assert!((0..4).all(|k| flights.of(k) <= 3));
                prop_assert!(flights.list.iter().filter(|f| f.key == key && f.process == process).count() <= 1);
            }
        }
    }

    /// With x left until the expiry the chance is e^(-x/(βδ)).
    #[test]
    fn the_chance_of_an_early_load_grows_towards_the_expiry() {
        let (mut bits, n) = (Stream::new(1, "test", "early", 0), 40_000);
        let (now, delta) = (Us::s(100), Us::ms(100));
        for (beta, left) in [(1.0, 100), (1.0, 30), (2.0, 100), (0.5, 100), (4.0, 20)] {
            let found = (0..n).filter(|_| early(now, now + Us::ms(left), delta, beta, bits.bits())).count();
            let (got, law) = (found as f64 / f64::from(n), libm::exp(-(left as f64) / (100.0 * beta)));
            assert!((got - law).abs() < 0.015, "β {beta}, {left} ms left: {got} for {law}");
        }
    }

    #[test]
    fn leases_are_lost_with_their_part_of_the_cache_and_only_those() {
        let mut l = Leases::default();
        let [a, b] = [7, 8].map(|key| l.grant(Us::ZERO, key, Us::s(10)));
        l.lose(|key| key == 7);
        assert!(!l.held(Us::s(1), 7) && l.held(Us::s(1), 8));
        assert!(!l.redeem(Us::s(1), a) && l.redeem(Us::s(1), b));
    }
}
