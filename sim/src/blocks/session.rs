//! Session guarantees: what one client may rely on while the copies disagree.
//!
//! ```text
//!   client [has read up to .., has written up to ..] --> any replica
//!                 "answer me from a state that includes these"
//! ```
//!
//! The four of Terry, Demers, Petersen, Spreitzer, Theimer and Welch (*Session Guarantees for
//! Weakly Consistent Replicated Data*, PDIS 1994). They promise nothing to anybody else: another
//! client may still see older data. The client carries the proof with it, so any replica will do:
//!
//! - *read your writes*: a read includes the client's own earlier writes;
//! - *monotonic reads*: a read includes what the client has already read;
//! - *writes follow reads*: a write is ordered after what its author had read;
//! - *monotonic writes*: a client's writes are ordered as it made them.
//!
//! The first two can be kept by making a read wait or ask further; that is what the settings here
//! do. All four are measured, whatever is set.
//!
//! Leaves out: causal consistency across keys, sessions that move from device to device.

use super::crdt::{Merge, Stamp, VersionVector};
use super::replica::State;

/// What the client asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Session {
    None,
    ReadYourWrites,
    MonotonicReads,
    /// Both of the above.
    Both,
    /// No proof carried: the client keeps to one replica while that is up.
    Sticky,
}

impl Session {
    pub fn reads_its_writes(self) -> bool {
        matches!(self, Session::ReadYourWrites | Session::Both)
    }
    pub fn reads_monotonically(self) -> bool {
        matches!(self, Session::MonotonicReads | Session::Both)
    }
}

/// A point in the history of one key: a timestamp for registers that order by it, a version vector
/// for everything else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen {
    pub stamp: Stamp,
    pub vector: VersionVector,
}

impl Default for Seen {
    fn default() -> Self {
        Seen { stamp: Stamp::NEVER, vector: VersionVector::default() }
    }
}

impl Merge for Seen {
    fn merge(&mut self, other: &Self) {
        self.stamp = self.stamp.max(other.stamp);
        self.vector.merge(&other.vector);
    }
}

/// What a client knows of one key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Token {
    pub wrote: Seen,
    pub read: Seen,
}

impl Token {
    /// Whether an answer from this state keeps the promises of `session`.
    pub fn admits(&self, session: Session, state: &State) -> bool {
        (!session.reads_its_writes() || state.includes(&self.wrote))
            && (!session.reads_monotonically() || state.includes(&self.read))
    }
}

/// How often each guarantee was broken, whether or not anybody had asked for it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Violations {
    pub read_your_writes: u64,
    pub monotonic_reads: u64,
    pub monotonic_writes: u64,
    pub writes_follow_reads: u64,
}
