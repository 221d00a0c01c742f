//! The twelve causes, what they do to a healthy system, and which change takes each of them away.
//!
//! Every cause is a change of one parameter of one service, sized so that latency at the default load doubles or
//! worse while the system stays stable. All sizes are our assumptions.

use super::declare::{CAUSES, CHANGES};
use crate::kernel::{Stream, Us};

/// What can be wrong, in the order of the knobs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// Somebody else's jobs keep the workers busy.
    Cpu,
    /// One instance waits for its disk.
    Instance,
    /// The pool has two connections left.
    Pool,
    /// Every instance stops now and then.
    Gc,
    /// A statement for every line of the cart.
    NPlusOne,
    /// A session holds a row that many need.
    Lock,
    /// A timeout per attempt that is too short, and a second attempt.
    Retries,
    /// Lost calls, and a caller that waits for them too long.
    Timeout,
    /// The cache misses.
    ColdCache,
    /// Answers of some megabytes.
    Payload,
    /// Another tenant of one host.
    Neighbour,
    /// Names that resolve slowly.
    Connect,
}

impl Cause {
    pub const ALL: [Cause; 12] = [
        Cause::Cpu,
        Cause::Instance,
        Cause::Pool,
        Cause::Gc,
        Cause::NPlusOne,
        Cause::Lock,
        Cause::Retries,
        Cause::Timeout,
        Cause::ColdCache,
        Cause::Payload,
        Cause::Neighbour,
        Cause::Connect,
    ];
    pub fn label(self) -> &'static str {
        CAUSES[self as usize].1
    }
    /// The change that takes it away.
    pub fn remedy(self) -> Change {
        match self {
            Cause::Cpu => Change::Pods,
            Cause::Instance => Change::Restart,
            Cause::Pool => Change::Pool,
            Cause::Gc => Change::Memory,
            Cause::NPlusOne | Cause::Payload => Change::RollBack,
            Cause::Lock => Change::Blocker,
            Cause::Retries => Change::Retries,
            Cause::Timeout => Change::Timeout,
            Cause::ColdCache => Change::Warm,
            Cause::Neighbour => Change::Host,
            Cause::Connect => Change::Connections,
        }
    }
}

/// What can be changed, in the order of the knobs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    Pods,
    Restart,
    Host,
    Pool,
    Memory,
    Index,
    Blocker,
    RollBack,
    Retries,
    Timeout,
    Warm,
    Connections,
    Hedge,
}

impl Change {
    pub const ALL: [Change; 13] = [
        Change::Pods,
        Change::Restart,
        Change::Host,
        Change::Pool,
        Change::Memory,
        Change::Index,
        Change::Blocker,
        Change::RollBack,
        Change::Retries,
        Change::Timeout,
        Change::Warm,
        Change::Connections,
        Change::Hedge,
    ];
    pub fn label(self) -> &'static str {
        CHANGES[self as usize].1
    }
    /// How long it takes until it is in force.
    pub fn takes(self) -> Us {
        match self {
            Change::Pods | Change::RollBack | Change::Index => Us::s(30),
            _ => Us::s(15),
        }
    }
}

/// Where the trouble is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Case {
    pub cause: Cause,
    /// The service, Checkout being 0.
    pub place: usize,
    /// The instance or host, where it is about one.
    pub instance: usize,
}

impl Case {
    /// The case that a seed stands for, or that the knobs name. `cause` as in the knob: hidden, none, the twelve;
    /// `place` 0 for the seed's, else a service.
    pub fn of(seed: u64, cause: usize, place: usize) -> Option<Case> {
        let chance = Stream::new(seed, "mystery", "case", 0);
        // Drawn always, so that naming the cause of a hidden case is the same run.
        let (drawn, at, instance) = (chance.below_at(1, 12), chance.below_at(2, 4), chance.below_at(3, 8));
        let cause = match cause {
            0 => Cause::ALL[drawn as usize],
            1 => return None,
            named => Cause::ALL[named - 2],
        };
        let place = if place == 0 { at as usize + 1 } else { place };
        Some(Case { cause, place, instance: instance as usize })
    }
}

/// Services of the checkout path. Checkout asks Cart, then Inventory and Pricing together, then Payment.
pub const SERVICES: usize = 5;
/// Mean work of each on a worker.
pub const WORK: [Us; SERVICES] = [Us::ms(50), Us::ms(40), Us::ms(80), Us::ms(60), Us::ms(70)];
/// A statement, a look into the cache, and what is done when it is not there.
pub const STATEMENT: Us = Us::ms(9);
pub const LOOKUP: Us = Us::ms(1);
pub const LOADING: Us = Us::ms(120);
pub const HIT: f64 = 0.95;
pub const HIT_COLD: f64 = 0.1;
/// Cores of a service's database.
pub const CORES: f64 = 16.0;
/// Calls that need a new connection, what that takes, and what it takes when names resolve slowly.
pub const NEW_SHARE: f64 = 0.08;
pub const CONNECTING: Us = Us::ms(3);
pub const RESOLVING: Us = Us::ms(450);
/// Bytes of an answer, and of one that has grown, at 100 Mbit/s.
pub const BYTES: f64 = 20e3;
pub const BYTES_GROWN: f64 = 3e6;
pub const US_PER_BYTE: f64 = 0.08;
/// What the bad instance's disk takes.
pub const DISK: Us = Us::ms(600);
/// A stop, and how often.
pub const PAUSE: Us = Us::ms(600);
pub const PAUSE_EVERY: Us = Us::s(4);
/// Tiny statements, at least and at most, and the mean of each.
pub const ITEMS: (u64, u64) = (20, 60);
pub const ITEM: Us = Us::ms(4);
/// The row is held so long, so often, and needed by this share of the statements.
pub const HELD: Us = Us::ms(700);
pub const HELD_EVERY: Us = Us::ms(1_500);
pub const LOCKING: f64 = 0.3;
/// So many of eight callers cut off their first attempts after 1.2 times what a call usually takes. (If all did, the
/// retries would saturate what they call, and stay.)
pub const IMPATIENT: u8 = 3;
pub const CUTS: u8 = 2;
/// What they wait before the next one.
pub const BACKOFF: Us = Us::ms(150);
/// Calls that are lost, and the timeout that somebody thought safe.
pub const LOST: f64 = 0.05;
pub const TIMEOUT_LONG: Us = Us::s(4);
pub const TIMEOUT_SHORT: Us = Us::ms(400);
/// What a service is busy with when somebody else's jobs come on top, and what a host with a neighbour is.
pub const SATURATED: f64 = 0.93;
pub const STOLEN: f64 = 1.8;
/// The pool that is left, and how busy it is.
pub const POOL_LEFT_BUSY: f64 = 0.975;
