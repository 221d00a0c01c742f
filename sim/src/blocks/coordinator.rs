//! Two-phase commit with presumed abort, and the row locks that it holds.
//!
//! ```text
//!   coordinator                     participant (one database each)
//!      | -- work -------------------> | takes its locks, executes
//!      | <------------------- done -- |
//!      | -- prepare ----------------> | forces a prepared record to disk
//!      | <-------------------- yes -- | from here on it may not decide alone: *in doubt*
//!   forces the decision (commit only) |
//!      | -- commit -----------------> | applies, releases its locks
//!      | <-------------------- ack -- |
//!   forgets                           |
//! ```
//!
//! The commit protocol proper is 4n messages for n participants (prepare, vote, decision, ack).
//! *Presumed abort* (C. Mohan, B. Lindsay, R. Obermarck, "Transaction management in the R*
//! distributed database management system", ACM TODS 1986): only commits are logged and
//! acknowledged. A coordinator that is asked about a transaction it has no record of answers abort,
//! also after a restart, because a commit would have left a record. J. Gray and A. Reuter,
//! *Transaction Processing* (1992), chapter 7, has the details.
//!
//! What survives a crash: at a participant the prepared state and its locks, the outcome; at the
//! coordinator the commit records. Everything else is lost, which is what makes it abort.
//!
//! Leaves out: read-only votes, transfer of coordination, heuristic decisions by an operator,
//! deadlocks (each transaction here takes one contended lock).

use crate::deque::Deque;
use crate::kernel::Us;
use crate::rows::Rows;

/// Where a participant stands in one transaction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Part {
    /// Knows nothing of it.
    #[default]
    Idle,
    /// Waits for a lock.
    Waiting,
    /// Holds its locks, executes.
    Working,
    /// Executed; may still decide alone to abort.
    Done,
    /// Writing its prepared record.
    Preparing,
    /// Voted yes: in doubt until it hears the decision.
    Prepared,
    /// Heard "commit", is writing it.
    Committing,
    Committed,
    Aborted,
}

impl Part {
    pub fn holds_locks(self) -> bool {
        matches!(self, Part::Working | Part::Done | Part::Preparing | Part::Prepared | Part::Committing)
    }
    /// Whether it may not decide alone.
    pub fn in_doubt(self) -> bool {
        self == Part::Prepared
    }
    /// It has begun and not ended.
    pub fn open(self) -> bool {
        self == Part::Waiting || self.holds_locks()
    }
    /// The state after a crash of its database: what was forced to disk survives.
    pub fn after_crash(self) -> Part {
        match self {
            Part::Waiting | Part::Working | Part::Done | Part::Preparing => Part::Idle,
            // The decision was not yet on disk: in doubt again, it will ask.
            Part::Committing => Part::Prepared,
            kept => kept,
        }
    }
    /// The session to the coordinator broke, or it refused: what may decide alone, aborts.
    pub fn after_reset(self) -> Part {
        match self {
            Part::Waiting | Part::Working | Part::Done => Part::Aborted,
            kept => kept,
        }
    }
}

/// What the coordinator does next, for every participant in the mask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    Prepare(u8),
    /// All votes are yes: force the decision to the log, then call [`Coordinator::logged`].
    Log,
    Commit(u8),
    /// Presumed abort: told once, not logged, not acknowledged.
    Abort(u8),
    /// Every participant has acknowledged the commit.
    End,
}

/// The coordinator's side of one transaction. Masks have one bit a participant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Coordinator {
    /// No record. To a coordinator in this state every question has the answer abort.
    #[default]
    None,
    /// Waits for the work to be done.
    Working { done: u8 },
    /// Waits for votes.
    Voting { yes: u8 },
    /// All said yes; the decision is being forced to the log.
    Deciding,
    /// Committed: on the log until all have acknowledged.
    Committing { acked: u8 },
    /// Over and forgotten.
    Ended,
}

impl Coordinator {
    pub fn begin() -> Coordinator {
        Coordinator::Working { done: 0 }
    }

    /// Participant `p` of `all` has executed.
    pub fn done(&mut self, p: u8, all: u8) -> Option<Order> {
        match self {
            Coordinator::Working { done } => {
                *done |= 1 << p;
                if *done != all {
                    return None;
                }
                *self = Coordinator::Voting { yes: 0 };
                Some(Order::Prepare(all))
            }
            Coordinator::None => Some(Order::Abort(1 << p)),
            _ => None,
        }
    }

    pub fn yes(&mut self, p: u8, all: u8) -> Option<Order> {
        match self {
            Coordinator::Voting { yes } => {
                *yes |= 1 << p;
                if *yes != all {
                    return None;
                }
                *self = Coordinator::Deciding;
                Some(Order::Log)
            }
            _ => self.ask(p),
        }
    }

    /// A failed execution, a no, a broken session: abort, unless it has been decided.
    pub fn no(&mut self, all: u8) -> Option<Order> {
        match self {
            Coordinator::Working { .. } | Coordinator::Voting { .. } => {
                *self = Coordinator::None;
                Some(Order::Abort(all))
            }
            _ => None,
        }
    }

    /// The commit record is on disk: from here on it is committed, whatever crashes.
    pub fn logged(&mut self, all: u8) -> Option<Order> {
        (*self == Coordinator::Deciding).then(|| {
            *self = Coordinator::Committing { acked: 0 };
            Order::Commit(all)
        })
    }

    pub fn acked(&mut self, p: u8, all: u8) -> Option<Order> {
        let Coordinator::Committing { acked } = self else { return None };
        *acked |= 1 << p;
        (*acked == all).then(|| {
            *self = Coordinator::Ended;
            Order::End
        })
    }

    /// A participant in doubt asks.
    pub fn ask(&self, p: u8) -> Option<Order> {
        match self {
            Coordinator::None => Some(Order::Abort(1 << p)),
            Coordinator::Committing { .. } | Coordinator::Ended => Some(Order::Commit(1 << p)),
            // Not decided yet: the answer will come by itself.
            _ => None,
        }
    }

    /// What is missing after a timeout, to be sent again.
    pub fn overdue(&self, all: u8) -> Option<(Step, u8)> {
        match *self {
            Coordinator::Working { done } => Some((Step::Work, all & !done)),
            Coordinator::Voting { yes } => Some((Step::Prepare, all & !yes)),
            Coordinator::Committing { acked } => Some((Step::Commit, all & !acked)),
            _ => None,
        }
    }

    /// The state that a restart reads from the log.
    pub fn after_crash(self) -> Coordinator {
        match self {
            Coordinator::Committing { .. } => Coordinator::Committing { acked: 0 },
            Coordinator::Ended => Coordinator::Ended,
            _ => Coordinator::None,
        }
    }

    pub fn open(self) -> bool {
        !matches!(self, Coordinator::None | Coordinator::Ended)
    }
}

/// Which of its messages a coordinator sends again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    Work,
    Prepare,
    Commit,
}

/// A hot row lets through at most 1 / (time its lock is held) transactions a second. With the
/// work done before the commit protocol, the lock is held from the end of the wait for it, through
/// the work, its answer, prepare, vote and commit: two round trips, and three forced writes.
pub fn hot_row_ceiling_per_s(round_trip: Us, forced_write: Us, work: Us) -> f64 {
    1e6 / (round_trip * 2 + forced_write * 3 + work).0 as f64
}

/// Exclusive row locks with first-in-first-out queues.
#[derive(Clone, Debug, Default)]
pub struct LockTable {
    rows: Rows<Row>,
}

#[derive(Clone, Debug)]
struct Row {
    holder: u32,
    since: Us,
    queue: Deque<u32>,
}

impl LockTable {
    /// True: granted (or held already). False: the transaction now waits in the row's queue.
    pub fn request(&mut self, row: u32, tx: u32, now: Us) -> bool {
        match self.rows.get_mut(&row) {
            None => {
                self.rows.insert(row, Row { holder: tx, since: now, queue: Deque::new() });
                true
            }
            Some(r) if r.holder == tx => true,
            Some(r) => {
                if !r.queue.contains(&tx) {
                    r.queue.push_back(tx);
                }
                false
            }
        }
    }

    /// Gives the lock back, or leaves the queue. Returns who holds the row next, if that changed.
    pub fn release(&mut self, row: u32, tx: u32, now: Us) -> Option<u32> {
        let r = self.rows.get_mut(&row)?;
        if r.holder != tx {
            r.queue.retain(|t| *t != tx);
            return None;
        }
        match r.queue.pop_front() {
            Some(next) => {
                r.holder = next;
                r.since = now;
                Some(next)
            }
            None => {
                self.rows.remove(&row);
                None
            }
        }
    }

    pub fn holder(&self, row: u32) -> Option<(u32, Us)> {
        self.rows.get(&row).map(|r| (r.holder, r.since))
    }
    pub fn waiting(&self, row: u32) -> impl Iterator<Item = u32> + '_ {
        self.rows.get(&row).into_iter().flat_map(|r| r.queue.iter().copied())
    }
    /// Rows that are locked: (row, holder, since when, how many wait).
    pub fn held(&self) -> impl Iterator<Item = (u32, u32, Us, usize)> + '_ {
        self.rows.iter().map(|(row, r)| (*row, r.holder, r.since, r.queue.len()))
    }
    pub fn weight(&self) -> usize {
        self.rows.values().map(|r| 64 + r.queue.capacity() * 4).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ALL: u8 = 0b111;

    #[test]
    fn only_a_logged_decision_survives_the_coordinator() {
        let mut c = Coordinator::begin();
        for p in 0..3 {
            c.done(p, ALL);
        }
        assert_eq!((c.yes(0, ALL), c.yes(1, ALL), c.yes(2, ALL)), (None, None, Some(Order::Log)));
        assert_eq!(c.after_crash().ask(0), Some(Order::Abort(1)), "no record: presumed abort");
        assert_eq!(c.logged(ALL), Some(Order::Commit(ALL)));
        assert_eq!(c.after_crash().ask(2), Some(Order::Commit(4)));
    }

    /// A timeout sends again to those alone that have not answered, and the last acknowledgement lets it forget.
    #[test]
    fn what_is_missing_is_sent_again_until_all_have_answered() {
        let mut c = Coordinator::begin();
        assert_eq!((c.overdue(ALL), c.open()), (Some((Step::Work, ALL)), true));
        assert_eq!((c.done(1, ALL), c.overdue(ALL)), (None, Some((Step::Work, 0b101))));
        assert_eq!((c.done(0, ALL), c.done(2, ALL)), (None, Some(Order::Prepare(ALL))));
        assert_eq!((c.yes(2, ALL), c.overdue(ALL)), (None, Some((Step::Prepare, 0b011))));
        assert_eq!(c.ask(2), None, "the decision will come by itself");
        assert_eq!((c.yes(0, ALL), c.yes(1, ALL)), (None, Some(Order::Log)));
        assert_eq!((c.overdue(ALL), c.open()), (None, true), "its own log is what it waits for");
        c.logged(ALL);
        assert_eq!((c.acked(1, ALL), c.overdue(ALL)), (None, Some((Step::Commit, 0b101))));
        assert_eq!((c.acked(1, ALL), c.acked(0, ALL), c.acked(2, ALL)), (None, None, Some(Order::End)));
        assert_eq!((c, c.overdue(ALL), c.open()), (Coordinator::Ended, None, false));
        assert_eq!((c.acked(2, ALL), c.ask(2)), (None, Some(Order::Commit(0b100))), "asked late, it knows");
        assert_eq!(c.after_crash().ask(2), Some(Order::Commit(0b100)), "from its log too");
    }

    /// Presumed abort: one no is enough, it is told to all once and forgotten, and whoever asks later hears it again.
    #[test]
    fn one_no_aborts_until_it_has_been_decided() {
        for votes in 0..2 {
            let mut c = Coordinator::begin();
            if votes > 0 {
                c = Coordinator::Voting { yes: 0b100 };
            }
            assert_eq!((c.no(ALL), c, c.open()), (Some(Order::Abort(ALL)), Coordinator::None, false));
            assert_eq!((c.no(ALL), c.overdue(ALL)), (None, None), "told once");
            assert_eq!((c.done(2, ALL), c.yes(1, ALL)), (Some(Order::Abort(0b100)), Some(Order::Abort(0b010))));
        }
        let mut c = Coordinator::Deciding;
        assert_eq!((c.no(ALL), c), (None, Coordinator::Deciding));
    }

    /// In the order of the protocol: until it has voted a participant may give up alone, and a crash makes it; from its
    /// vote on it keeps its locks through everything but the decision.
    #[test]
    fn a_vote_binds_through_crashes_and_resets() {
        use Part::*;
        for part in [Idle, Waiting, Working, Done, Preparing, Prepared, Committing, Committed, Aborted] {
            let bound = matches!(part, Prepared | Committing);
            let ended = matches!(part, Committed | Aborted);
            let crashed = part.after_crash();
            assert_eq!(crashed.holds_locks(), bound, "{part:?}");
            assert_eq!(crashed.in_doubt(), bound, "{part:?}: it asks");
            assert_eq!(crashed == Idle, !bound && !ended, "{part:?}: what was not forced to disk is not known");
            assert_eq!(part.in_doubt(), part == Prepared);
            assert_eq!(part.open(), !ended && part != Idle, "{part:?}");
            assert_eq!(part.holds_locks(), part.open() && part != Waiting, "{part:?}");
            let alone = matches!(part, Waiting | Working | Done);
            assert_eq!(part.after_reset(), if alone { Aborted } else { part });
        }
    }

    #[test]
    fn the_ceiling_of_a_hot_row() {
        assert!((hot_row_ceiling_per_s(Us(1_500), Us(1_000), Us::ZERO) - 166.67).abs() < 0.01);
        assert!((hot_row_ceiling_per_s(Us::ms(80), Us::ms(1), Us::ZERO) - 6.13).abs() < 0.01);
        assert_eq!(hot_row_ceiling_per_s(Us::ms(80), Us::ms(10), Us::ms(10)), 5.0, "work is done under the lock");
    }

    proptest! {
        /// Three participants, any order of answers, crashes of either side, repeats: no split.
        #[test]
        fn participants_never_split(moves in prop::collection::vec((0u8..9, 0u8..3), 0..80)) {
            let mut c = Coordinator::begin();
            let mut parts = [Part::Idle; 3];
            for (m, p) in moves {
                let i = p as usize;
                let order = match m {
                    0 if parts[i] == Part::Idle => { parts[i] = Part::Done; c.done(p, ALL) }
                    1 => c.done(p, ALL).filter(|_| parts[i] == Part::Done),
                    2 if parts[i] == Part::Done && matches!(c, Coordinator::Voting { .. }) => {
                        parts[i] = Part::Prepared;
                        c.yes(p, ALL)
                    }
                    3 if parts[i] == Part::Prepared => c.yes(p, ALL),
                    4 => c.logged(ALL),
                    5 => { c = c.after_crash(); for q in &mut parts { *q = q.after_reset(); } None }
                    6 => { let before = parts[i]; parts[i] = before.after_crash(); if before == parts[i] { None } else { c.no(ALL) } }
                    7 if parts[i] == Part::Prepared => c.ask(p),
                    8 if parts[i] == Part::Committed => c.acked(p, ALL),
                    _ => None,
                };
                // Abort and commit reach whoever still waits for them.
                let (mask, to) = match order {
                    Some(Order::Commit(mask)) => (mask, Part::Committed),
                    Some(Order::Abort(mask)) => (mask, Part::Aborted),
                    _ => (0, Part::Idle),
                };
                for (q, part) in parts.iter_mut().enumerate() {
                    let may = match to { Part::Committed => part.in_doubt(), _ => part.open() };
                    if mask & (1 << q) != 0 && may {
                        *part = to;
                    }
                }
                let committed = parts.contains(&Part::Committed);
                prop_assert!(!(committed && parts.contains(&Part::Aborted)), "{:?} {:?}", c, parts);
                let on_record = matches!(c, Coordinator::Committing { .. } | Coordinator::Ended);
                prop_assert!(!committed || on_record);
            }
        }

        /// One holder a row, waiters in order, nobody forgotten.
        #[test]
        fn locks_are_exclusive_and_fair(moves in prop::collection::vec((any::<bool>(), 0u32..6), 0..100)) {
            let mut table = LockTable::default();
            let mut line: Vec<u32> = Vec::new();
            for (take, tx) in moves {
                if take {
                    let granted = table.request(9, tx, Us(1));
                    if !line.contains(&tx) { line.push(tx); }
                    prop_assert_eq!(granted, line[0] == tx);
                } else {
                    let was_holder = line.first() == Some(&tx);
                    line.retain(|t| *t != tx);
                    let next = table.release(9, tx, Us(2));
                    prop_assert_eq!(next, if was_holder { line.first().copied() } else { None });
                }
                prop_assert_eq!(table.holder(9).map(|h| h.0), line.first().copied());
                let waiting: Vec<u32> = table.waiting(9).collect();
                prop_assert_eq!(&waiting[..], line.get(1..).unwrap_or(&[]));
            }
        }
    }
}
