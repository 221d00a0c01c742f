//! Batcher: several rows, one commit.
//!
//! ```text
//!   rows --> [ r r r . . ] --full, or the first has waited long enough--> session --> log
//!                                                                        fsync + rows
//! ```
//!
//! A commit ends with the log on disk (fsync), however little is in it. A session that commits b rows
//! at a time therefore does b / (fsync + b·row) of them a second: with 2 ms and 0.05 ms, 488 one by
//! one and 14,286 in batches of a hundred. The price is waiting: the first row of a batch waits for
//! the last. And a batch is work for the machine as well: a further row in the same statement costs
//! less than the first, since parsing, planning and committing are shared.
//!
//! What an answer means depends on when it is given ([`Ack`]). A row that waits in memory is gone if
//! the process dies, whatever its client was told.
//!
//! Leaves out: the server's own group commit, batches that fail because of one bad row.

use crate::kernel::Us;

/// When the client of a row hears "done".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ack {
    /// After the commit.
    Commit,
    /// When the row is in the batch, in the memory of one process.
    Memory,
    /// When a queue that survives crashes has it.
    Queue,
}

/// What a commit of several rows costs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Costs {
    pub fsync: Us,
    pub row: Us,
    /// What each row after the first costs the machine, in units; the first costs one.
    pub further: f64,
}

impl Costs {
    /// How long a session is busy with the commit.
    pub fn flush(&self, rows: u32) -> Us {
        self.fsync + self.row * u64::from(rows)
    }
    /// The machine's part of it, in units.
    pub fn units(&self, rows: u32) -> f64 {
        1.0 + self.further * f64::from(rows.saturating_sub(1))
    }
    /// Rows a second of so many sessions on a machine of so many units a second.
    pub fn ceiling(&self, rows: u32, sessions: u32, units_per_s: f64) -> f64 {
        let b = f64::from(rows);
        let session = b / self.flush(rows).as_s().max(1e-9);
        (session * f64::from(sessions)).min(units_per_s * b / self.units(rows))
    }
}

/// What became of a row that was added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Added {
    /// It opened a batch: it has to go by then, with this generation.
    Opened(u32),
    Joined,
    /// The batch is complete: take it.
    Full,
}

/// The batch that is being filled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Batcher {
    rows: u32,
    opened: Us,
    /// Grows when a batch is taken: timers of earlier ones are void.
    generation: u32,
}

impl Batcher {
    pub fn rows(&self) -> u32 {
        self.rows
    }
    pub fn generation(&self) -> u32 {
        self.generation
    }
    pub fn add(&mut self, now: Us, size: u32) -> Added {
        if self.rows == 0 {
            self.opened = now;
        }
        self.rows += 1;
        match self.rows {
            n if n >= size => Added::Full,
            1 => Added::Opened(self.generation),
            _ => Added::Joined,
        }
    }
    /// The batch goes: how many rows, and how long the first of them has waited.
    pub fn take(&mut self, now: Us) -> (u32, Us) {
        let taken = (self.rows, now.since(self.opened));
        self.rows = 0;
        self.generation = self.generation.wrapping_add(1);
        taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn batches_commit_at_their_rate() {
        let costs = Costs { fsync: Us::ms(2), row: Us(50), further: 0.2 };
        for (rows, expected) in [(1, 488.0), (10, 4_000.0), (100, 14_286.0), (1_000, 19_231.0)] {
            let rate = costs.ceiling(rows, 1, 1e9);
            assert!((rate - expected).abs() < 0.5, "{rows}: {rate} for {expected}");
        }
        assert_eq!(costs.ceiling(1, 64, 10_000.0), 10_000.0, "the machine is the limit");
        assert_eq!(costs.units(1), 1.0);
        let rate = costs.ceiling(10, 64, 1_000.0);
        assert!((rate - 3_571.4).abs() < 0.1, "{rate}: of ten rows the last nine cost it a fifth each");
    }

    /// At 1,000 evenly spaced rows a second the first of a hundred waits 99 ms.
    #[test]
    fn the_first_row_waits_for_the_last() {
        let mut b = Batcher::default();
        let full = (1..=100).map(|i| b.add(Us::ms(i), 100)).collect::<Vec<_>>();
        assert_eq!((full[0], full[1], full[99]), (Added::Opened(0), Added::Joined, Added::Full));
        assert_eq!(b.take(Us::ms(100)), (100, Us::ms(99)));
    }

    proptest! {
        /// No row is in two batches or in none, no batch is too large, and no row waits beyond the
        /// time that the first one may.
        #[test]
        fn every_row_goes_once(gaps in prop::collection::vec(0u64..40, 1..300), size in 1u32..20, linger in 1u64..200) {
            let mut b = Batcher::default();
            let (mut now, mut sent, mut due) = (0u64, 0u32, None::<(u64, u32)>);
            for (i, gap) in gaps.iter().enumerate() {
                now += gap;
                if let Some((at, generation)) = due
                    && at <= now
                {
                    due = None;
                    if generation == b.generation() && b.rows() > 0 {
                        let (rows, waited) = b.take(Us::ms(at));
                        prop_assert!(rows < size && waited == Us::ms(linger));
                        sent += rows;
                    }
                }
                match b.add(Us::ms(now), size) {
                    Added::Full => {
                        let (rows, waited) = b.take(Us::ms(now));
                        prop_assert!(rows == size && waited <= Us::ms(linger));
                        sent += rows;
                    }
                    Added::Opened(generation) => due = Some((now + linger, generation)),
                    Added::Joined => {}
                }
                prop_assert_eq!(sent + b.rows(), i as u32 + 1);
            }
        }
    }
}
