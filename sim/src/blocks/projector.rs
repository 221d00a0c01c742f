//! Projector: makes a read table of the log, and can make it again.
//!
//! ```text
//!   log --at least once, in order--> [ apply ] --> rows (one an account)
//!                                       |  after each batch
//!                                       +--> checkpoint: "everything up to here is in the table"
//! ```
//!
//! After a crash it goes on from its checkpoint, so what it had applied beyond that comes again. Three ways
//! to live with it:
//!
//! - *naive*: applies whatever comes. A repeat counts twice.
//! - *checked*: each row remembers the position of the last event applied to it, and ignores what is not
//!   later. Rows and checkpoint may be written apart.
//! - *atomic*: rows and checkpoint are one transaction. A crash takes both back, and what comes at or
//!   below the position in that transaction is ignored.
//!
//! A table is a cache of the log: one with a fault in it is thrown away, and the corrected code reads the
//! log again, beside the old table until it has caught up. History N, read at r while λ a second are added,
//! takes N / (r - λ), and for ever if λ ≥ r.
//! Source: G. Young, *CQRS Documents* (2010); M. Fowler, "Event Sourcing" (2005), for replay and what it
//! must not do to the outside world.
//!
//! Leaves out: several projectors that share the streams of one table, the cost of writing rows.

use super::account::{Event, Kind};
use super::event_store::PastCursor;

/// What keeps a repeat from counting twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Safety {
    Naive,
    Checked,
    Atomic,
}

/// The code of a projector, right or wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Code {
    /// Withdrawals are added instead of subtracted.
    pub wrong_sign: bool,
}

/// A row of the read table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Row {
    pub cents: i64,
    /// The last event applied.
    pub position: u32,
    /// Whether it holds a copy of the holder's name.
    pub named: bool,
    /// The fold of the same events, each once, by right code: what the row is held against.
    fold: i64,
}

impl Row {
    /// How far the row is from the fold at its own position.
    pub fn off(&self) -> i64 {
        self.cents - self.fold
    }
}

/// How far a projector has read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Mark {
    /// In the log of all streams.
    pub position: u32,
    /// In the past of the accounts, and in their events of this run.
    pub past: PastCursor,
    pub next: u32,
}

#[derive(Clone, Debug)]
pub struct Projector {
    pub code: Code,
    safety: Safety,
    rows: Vec<Row>,
    /// How far it has read, and how far its checkpoint says.
    pub at: Mark,
    checkpoint: Mark,
    /// Rows before this batch, newest last: what an open transaction takes back.
    undo: Vec<(u16, Row)>,
    /// Sum of |off| over all rows.
    difference: u64,
    repeats_applied: u64,
    repeats_ignored: u64,
}

impl Projector {
    /// An empty table that begins to read at the beginning.
    pub fn new(rows: usize, safety: Safety, code: Code) -> Projector {
        Projector {
            code,
            safety,
            rows: vec![Row::default(); rows],
            at: Mark::default(),
            checkpoint: Mark::default(),
            undo: Vec::new(),
            difference: 0,
            repeats_applied: 0,
            repeats_ignored: 0,
        }
    }

    /// A table that has followed the log up to here without a fault: (balance, has a name) of each account.
    pub fn at_head(rows: impl Iterator<Item = (i64, bool)>, safety: Safety, code: Code, at: Mark) -> Projector {
        let row = |(cents, named)| Row { cents, named, fold: cents, position: at.position };
        let rows: Vec<Row> = rows.map(row).collect();
        Projector { rows, at, checkpoint: at, ..Projector::new(0, safety, code) }
    }

    /// An event of account `row` at `position` is delivered. True: it was applied.
    pub fn deliver(&mut self, row: usize, position: u32, e: Event, has_name: bool) -> bool {
        let before = self.rows[row];
        let repeat = position <= before.position;
        if repeat && self.safety != Safety::Naive {
            self.repeats_ignored += 1;
            return false;
        }
        let mut r = before;
        let wrong = self.code.wrong_sign && e.kind == Kind::Withdrawn;
        r.cents += signed(e) * if wrong { -1 } else { 1 };
        match e.kind {
            Kind::Opened => r.named = has_name,
            Kind::Forgotten => r.named = false,
            _ => {}
        }
        if repeat {
            self.repeats_applied += 1;
        } else {
            r.fold += signed(e);
            r.position = position;
        }
        self.put(row, r);
        if self.safety == Safety::Atomic {
            self.undo.push((row as u16, before));
        }
        true
    }

    fn put(&mut self, row: usize, r: Row) {
        self.difference = self.difference - self.rows[row].off().unsigned_abs() + r.off().unsigned_abs();
        self.rows[row] = r;
    }

    /// Everything read so far is in the table, and that is written down.
    pub fn commit(&mut self) {
        self.checkpoint = self.at;
        self.undo.clear();
    }

    /// The process dies and goes on from its checkpoint; an open transaction is taken back. Returns how
    /// many positions will be delivered again.
    pub fn crash(&mut self) -> u32 {
        while let Some((row, before)) = self.undo.pop() {
            self.put(row as usize, before);
        }
        let again = self.uncommitted();
        self.at = self.checkpoint;
        again
    }

    /// Positions read since the last checkpoint.
    pub fn uncommitted(&self) -> u32 {
        self.at.position - self.checkpoint.position
    }
    pub fn row(&self, row: usize) -> &Row {
        &self.rows[row]
    }
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }
    pub fn checkpoint(&self) -> &Mark {
        &self.checkpoint
    }
    /// Sum over all accounts of |table - fold|, each at the table's own position: faults, not lag.
    pub fn difference(&self) -> u64 {
        self.difference
    }
    pub fn repeats_applied(&self) -> u64 {
        self.repeats_applied
    }
    pub fn repeats_ignored(&self) -> u64 {
        self.repeats_ignored
    }
    pub fn weight(&self) -> usize {
        core::mem::size_of::<Projector>()
            + self.rows.len() * core::mem::size_of::<Row>()
            + self.undo.len() * core::mem::size_of::<(u16, Row)>()
    }
}

/// What an event does to a balance.
fn signed(e: Event) -> i64 {
    match e.kind {
        Kind::Deposited | Kind::Corrected => e.cents,
        Kind::Withdrawn => -e.cents,
        _ => 0,
    }
}

/// Seconds until a projector that has `behind` events to read has caught up; `None`: never.
pub fn catch_up_s(behind: f64, rate: f64, live: f64) -> Option<f64> {
    (rate > live).then(|| behind / (rate - live))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const RIGHT: Code = Code { wrong_sign: false };

    fn event(kind: usize, euros: i64) -> Event {
        Event { kind: Kind::ALL[kind], cents: euros * 100 }
    }

    /// The log, read from `at` on: some events twice in a row, then perhaps a crash, then a checkpoint.
    fn run(p: &mut Projector, log: &[(usize, Event)], chaos: &mut impl Iterator<Item = (bool, u8)>) {
        while (p.at.next as usize) < log.len() {
            for _ in 0..7 {
                let Some((row, e)) = log.get(p.at.next as usize).copied() else { break };
                let (twice, _) = chaos.next().unwrap_or((false, 9));
                p.at.next += 1;
                p.at.position += 1;
                for _ in 0..=u8::from(twice) {
                    p.deliver(row, p.at.position, e, true);
                }
            }
            match chaos.next().map_or(9, |c| c.1) {
                0 => {
                    p.crash();
                }
                1 => {
                    p.commit();
                    p.crash();
                }
                _ => p.commit(),
            }
        }
        p.commit();
    }

    fn log() -> impl Strategy<Value = Vec<(usize, Event)>> {
        prop::collection::vec((0usize..4, 0usize..6, 1i64..100).prop_map(|(r, k, e)| (r, event(k, e))), 0..120)
    }

    /// What a table shows of an account, and what a repeat does to it: to a naive table the sum again, to a safe one nothing.
    #[test]
    fn repeats_are_applied_or_ignored_and_counted() {
        let (opened, paid, forgotten) = (event(0, 0), event(1, 5), event(5, 0));
        for (safety, applied, ignored) in [(Safety::Naive, 2, 0), (Safety::Checked, 0, 2)] {
            let mut p = Projector::new(2, safety, RIGHT);
            for (position, e) in [(1, opened), (2, paid), (2, paid), (2, paid)] {
                let repeat = p.row(1).position == position;
                assert_eq!(p.deliver(1, position, e, true), !repeat || safety == Safety::Naive);
            }
            assert_eq!((p.repeats_applied(), p.repeats_ignored()), (applied, ignored));
            assert_eq!((p.row(1).cents, p.row(1).fold), (500 * (1 + applied as i64), 500));
            assert_eq!(p.difference(), 500 * applied);
            assert!(p.row(1).named && !p.row(0).named);
            p.deliver(1, 3, forgotten, true);
            assert!(!p.row(1).named);
            p.deliver(0, 4, opened, false);
            assert!(!p.row(0).named, "who has been forgotten meanwhile has no name to show");
        }
    }

    #[test]
    fn a_table_at_the_head_has_its_rows_and_nothing_to_read_again() {
        let at = Mark { position: 9, ..Mark::default() };
        let mut p = Projector::at_head([(5, true), (7, false)].into_iter(), Safety::Checked, RIGHT, at);
        let rows: Vec<_> = p.rows().iter().map(|r| (r.cents, r.named, r.fold, r.position)).collect();
        assert_eq!(rows, [(5, true, 5, 9), (7, false, 7, 9)]);
        assert_eq!((*p.checkpoint(), p.uncommitted(), p.crash(), p.difference()), (at, 0, 0, 0));
        assert!(!p.deliver(0, 9, event(1, 1), true), "that is in it");
    }

    proptest! {
        /// Whatever is repeated and wherever it crashes, a safe table is the one of a quiet run; rebuilt from
        /// nothing it is the same table again.
        #[test]
        fn safe_tables_are_the_fold(log in log(), chaos in prop::collection::vec((any::<bool>(), 0u8..4), 0..300), atomic in any::<bool>()) {
            let safety = if atomic { Safety::Atomic } else { Safety::Checked };
            let mut quiet = Projector::new(4, Safety::Naive, RIGHT);
            run(&mut quiet, &log, &mut std::iter::empty());
            prop_assert_eq!(quiet.difference(), 0);
            let mut p = Projector::new(4, safety, RIGHT);
            run(&mut p, &log, &mut chaos.iter().copied());
            prop_assert_eq!(p.rows(), quiet.rows());
            prop_assert_eq!((p.difference(), p.repeats_applied()), (0, 0));
            let mut again = Projector::new(4, safety, RIGHT);
            run(&mut again, &log, &mut chaos.iter().rev().copied());
            prop_assert_eq!(again.rows(), quiet.rows());
            prop_assert_eq!(again.checkpoint(), p.checkpoint());
        }

        /// A naive table is off by exactly what was applied again.
        #[test]
        fn naive_tables_are_off_by_their_repeats(log in log(), twice in prop::collection::vec(any::<bool>(), 120)) {
            let mut p = Projector::new(4, Safety::Naive, RIGHT);
            let mut off = [0i64; 4];
            for (i, (row, e)) in log.iter().enumerate() {
                for n in 0..=usize::from(twice[i]) {
                    prop_assert!(p.deliver(*row, i as u32 + 1, *e, true));
                    off[*row] += if n > 0 { signed(*e) } else { 0 };
                }
            }
            for (row, off) in off.iter().enumerate() {
                prop_assert_eq!(p.row(row).off(), *off);
            }
            prop_assert_eq!(p.difference(), off.iter().map(|o| o.unsigned_abs()).sum::<u64>());
        }

        /// A crash before the checkpoint: atomic takes the batch back to the last bit.
        #[test]
        fn a_transaction_is_taken_back(log in log(), cut in 0usize..120) {
            let mut p = Projector::new(4, Safety::Atomic, RIGHT);
            let cut = cut.min(log.len());
            let deliver = |p: &mut Projector, range: core::ops::Range<usize>| {
                for i in range {
                    p.at.position = i as u32 + 1;
                    p.deliver(log[i].0, i as u32 + 1, log[i].1, true);
                }
            };
            deliver(&mut p, 0..cut);
            p.commit();
            let before = p.rows().to_vec();
            deliver(&mut p, cut..log.len());
            prop_assert_eq!(p.crash() as usize, log.len() - cut);
            prop_assert_eq!(p.rows(), &before[..]);
            prop_assert_eq!(p.difference(), 0);
        }
    }

    /// Event 7, forty euros, twice.
    #[test]
    fn the_same_payment_twice() {
        for (safety, off) in [(Safety::Naive, 4_000), (Safety::Checked, 0), (Safety::Atomic, 0)] {
            let mut p = Projector::new(1, safety, RIGHT);
            for i in 1..=9 {
                p.deliver(0, i, event(1, if i == 7 { 40 } else { 10 }), true);
            }
            p.deliver(0, 7, event(1, 40), true);
            assert_eq!(p.row(0).off(), off, "{safety:?}");
        }
    }

    #[test]
    fn wrong_code_shows_and_catching_up_takes_its_time() {
        let mut p = Projector::new(1, Safety::Checked, Code { wrong_sign: true });
        p.deliver(0, 1, event(1, 50), true);
        p.deliver(0, 2, event(2, 20), true);
        assert_eq!((p.row(0).cents, p.row(0).off(), p.difference()), (7_000, 4_000, 4_000));
        let s = catch_up_s(1e7, 20_000.0, 2_000.0).unwrap_or(0.0);
        assert!((s - 555.555).abs() < 0.001);
        assert_eq!(catch_up_s(1.0, 2_000.0, 2_000.0), None);
    }
}
