//! What can be seen of a run: numbers, measures, laws, and what the picture is drawn from.

use super::{EventSourcing, LastLoad, Mark, Personal, Rebuild, Worker, measure, number};
use crate::blocks::account::{Account, Codec, Kind};
use crate::blocks::projector::{Safety, catch_up_s};
use crate::kernel::Us;
use crate::measure::conserve::balance;

/// An event of account 1 as the tape shows it.
#[derive(Clone, Copy, Debug)]
pub struct Cell {
    pub version: u32,
    pub kind: Kind,
    /// In which version it was written.
    pub schema: u8,
    pub cents: i64,
    /// The balance once it is folded.
    pub after: i64,
    /// Its command, if it is of this run.
    pub command: Option<u32>,
    /// Whether the read table has it.
    pub projected: bool,
}

/// How far a projector is.
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    pub position: u32,
    pub behind: u32,
    /// When the oldest event that it lacks was appended; `None`: before the run, or it lacks none.
    pub since: Option<Us>,
    pub up: bool,
    pub stuck: bool,
    pub rebuild: Option<Rebuild>,
    /// Seconds until it has caught up; `None`: never.
    pub left_s: Option<f64>,
    /// Sum of |table - fold|, in cents.
    pub difference: u64,
    pub wrong_code: bool,
}

impl EventSourcing {
    pub fn head(&self, now: Us) -> u32 {
        self.others.head(now)
    }
    /// Events of the log when the run began.
    pub fn history(&self) -> u32 {
        self.others.history()
    }
    pub fn version(&self) -> u32 {
        self.store.version(0)
    }
    /// What account 1 really holds, in cents.
    pub fn balance(&self) -> i64 {
        self.truth[0].cents
    }
    /// What the read table says of account 1, and how far that is from the fold.
    pub fn table(&self) -> (i64, i64) {
        self.workers[0].as_ref().map_or((0, 0), |w| (w.p.row(0).cents, w.p.row(0).off()))
    }
    pub fn snapshot_version(&self) -> Option<u32> {
        self.store.snapshot(0).filter(|s| self.s.snapshot > 0 && s.layout == self.layout).map(|s| s.version)
    }
    pub fn snapshots_on(&self) -> bool {
        self.s.snapshot > 0
    }
    pub fn last_load(&self) -> Option<(LastLoad, Us, Us)> {
        let l = self.last[0];
        (l.reads > 0).then(|| (l, self.s.read * u64::from(l.reads), self.s.fold * u64::from(l.folded)))
    }
    pub fn marks(&self) -> impl DoubleEndedIterator<Item = &Mark> {
        self.marks.iter()
    }
    /// (when, what): what the read table said of account 1.
    pub fn trail(&self) -> impl DoubleEndedIterator<Item = &(Us, i64)> {
        self.trail.iter()
    }
    /// Where the reader has travelled, and the version that account 1 had then.
    pub fn cursor(&self) -> Option<(Us, u32)> {
        self.cursor.map(|at| (at, self.store.version_at(0, at)))
    }
    /// Appended since `from`: (when, command, account).
    pub fn appended_since(&self, from: Us) -> impl Iterator<Item = (Us, u32, u16)> {
        self.store.log.from(0).rev().take_while(move |e| e.at >= from).map(|e| (e.at, e.command, e.stream))
    }
    pub fn codec(&self) -> Codec {
        self.codec
    }
    /// (sent, of these again).
    pub fn mails(&self) -> (u64, u64) {
        (self.counts.mails_first + self.counts.mails_again, self.counts.mails_again)
    }
    /// (conflicts, commands that failed, withdrawals that overdrew an account).
    pub fn troubles(&self) -> (u64, u64, u64) {
        let c = &self.counts;
        (c.conflicts, c.gave_up + c.unreadable + c.busy, c.overdrawn)
    }
    pub fn personal(&self) -> (Personal, bool, u32) {
        (self.s.personal, self.erased[0], self.readable(0))
    }
    pub fn rate(&self) -> f64 {
        self.s.rate
    }

    /// The last `n` events of account 1 up to this version, oldest first.
    pub fn tape(&self, version: u32, n: u32) -> Vec<Cell> {
        let from = version.saturating_sub(n);
        let mut state = self.store.fold(0, from, Codec::V2).unwrap_or_default();
        let has = self.workers[0].as_ref().map_or(0, |w| w.p.row(0).position);
        let cell = |v| {
            let written = self.store.event(0, v)?;
            let event = Codec::V2.read(written).ok()?;
            state = state.apply(event);
            let stored = self.store.stored(0, v);
            let position = stored.map_or_else(|| self.place_of_past(self.store.past.before(0, v)), |e| e.position);
            Some(Cell {
                version: v,
                kind: event.kind,
                schema: written.schema,
                cents: event.cents,
                after: state.cents,
                command: stored.map(|e| e.command),
                projected: position <= has,
            })
        };
        (from + 1..=version).filter_map(cell).collect()
    }

    /// The live projector, and the rebuild beside it if there is one.
    pub fn projectors(&self, now: Us) -> [Option<Progress>; 2] {
        [0, 1].map(|i| self.workers[i].as_ref().map(|w| self.progress(w, now)))
    }

    fn progress(&self, w: &Worker, now: Us) -> Progress {
        let (position, head) = (w.p.at.position, self.others.head(now));
        let behind = head - position;
        Progress {
            position,
            behind,
            since: if behind == 0 { None } else { self.time_of(position + 1) },
            up: w.up,
            stuck: w.stuck.is_some(),
            rebuild: w.rebuild,
            left_s: catch_up_s(f64::from(behind), f64::from(self.s.speed), f64::from(self.others.rate())),
            difference: w.p.difference(),
            wrong_code: w.p.code.wrong_sign,
        }
    }

    /// When the event at this position was appended; `None`: before the run.
    fn time_of(&self, position: u32) -> Option<Us> {
        let i = self.store.log.first_from(position);
        match self.store.log.get(i).filter(|e| e.position == position) {
            Some(e) => Some(e.at),
            None => self.others.time_of(position),
        }
    }

    pub(super) fn read_number(&self, which: usize, now: Us) -> Option<f64> {
        let (c, r) = (&self.counts, &self.rates);
        let w = self.workers[0].as_ref()?;
        match which {
            number::LAG => {
                let p = self.progress(w, now);
                if p.behind == 0 { Some(0.0) } else { p.since.map(|t| now.since(t).as_ms()) }
            }
            number::LEFT => {
                let building = |w: &&Worker| w.rebuild.is_some();
                let w = self.workers[1].as_ref().or(self.workers[0].as_ref().filter(building))?;
                let r = w.rebuild?;
                if r.caught_up.is_some() {
                    return r.beside.then_some(0.0).filter(|_| self.workers[1].is_some());
                }
                self.progress(w, now).left_s
            }
            number::FOLDED => {
                let loads = r.loads.count(now);
                (loads > 0).then(|| r.folded.count(now) as f64 / loads as f64)
            }
            number::CONFLICTS => Some(c.conflicts as f64),
            number::DIFFERENCE => Some(w.p.difference() as f64 / 100.0),
            number::AGAIN => Some(c.mails_again as f64),
            number::LAG_EVENTS => Some(f64::from(self.others.head(now) - w.p.at.position)),
            number::LOAD => self.loads.quantile(now, 0.5).map(Us::as_ms),
            number::LOAD_95 => self.loads.quantile(now, 0.95).map(Us::as_ms),
            number::DONE => Some(r.done.per_s(now)),
            number::REFUSED => Some(r.refused.per_s(now)),
            number::FAILED => Some(r.failed.per_s(now)),
            number::MAILS => Some((c.mails_first + c.mails_again) as f64),
            _ => None,
        }
    }

    pub(super) fn read_measure(&self, which: usize, args: &[f64], _now: Us) -> Option<f64> {
        let c = &self.counts;
        let account = (args.first().map_or(1, |a| *a as usize)).checked_sub(1).filter(|a| *a < self.s.accounts)?;
        let w = self.workers[0].as_ref()?;
        let euros = |cents: i64| cents as f64 / 100.0;
        let last = Some(&self.last[account]).filter(|l| l.reads > 0);
        Some(match which {
            measure::OFF => euros(w.p.row(account).off()),
            measure::BALANCE => euros(self.truth[account].cents),
            measure::IN_TABLE => euros(w.p.row(account).cents),
            measure::VERSION => f64::from(self.store.version(account)),
            measure::SUCCEEDED => c.succeeded as f64,
            measure::GAVE_UP => c.gave_up as f64,
            measure::OVERDRAWN => c.overdrawn as f64,
            measure::LOAD_MS => last?.time.as_ms(),
            measure::LOAD_EVENTS => f64::from(last?.folded),
            measure::STALE => c.stale as f64,
            measure::MISREAD => c.misread as f64,
            measure::UNREADABLE => c.unreadable as f64,
            measure::TOOK => {
                let r = self.last_rebuild?;
                r.caught_up?.since(r.began).as_s()
            }
            measure::CAUGHT_UP => f64::from(u8::from(self.last_rebuild?.caught_up.is_some())),
            measure::MAILS_REPLAY => c.mails_replay as f64,
            measure::LOG_SAME => {
                let r = self.last_rebuild?;
                f64::from(u8::from(self.store.log.hash_of_first(r.length as usize) == r.hash))
            }
            measure::REPEATS => w.p.repeats_ignored() as f64,
            measure::APPLIED_TWICE => w.p.repeats_applied() as f64,
            measure::STALLED => f64::from(u8::from(w.stuck.is_some())),
            measure::READABLE => f64::from(self.readable(account)),
            measure::AS_OF => {
                let version = self.store.version_at(account, Us::from_s(*args.get(1)?));
                euros(self.store.fold(account, version, Codec::V2).ok()?.cents)
            }
            measure::BEHIND => {
                let rows = w.p.rows().iter().zip(&self.truth);
                rows.map(|(row, a)| euros((row.cents - a.cents).abs())).sum()
            }
            _ => return None,
        })
    }

    pub(super) fn totals(&self) -> Vec<(&'static str, u64)> {
        let c = &self.counts;
        let tables = self.workers.iter().flatten();
        vec![
            ("commands", c.commands),
            ("succeeded", c.succeeded),
            ("refused", c.refused),
            ("gave_up", c.gave_up),
            ("unreadable", c.unreadable),
            ("busy", c.busy),
            ("in_flight", self.commands.used() as u64),
            ("conflicts", c.conflicts),
            ("crashes", c.crashes),
            ("mails_first", c.mails_first),
            ("mails_again", c.mails_again),
            ("repeats", tables.map(|w| w.p.repeats_applied() + w.p.repeats_ignored()).sum()),
        ]
    }

    /// Laws that hold after every event.
    pub(super) fn laws(&self, now: Us) -> Result<(), String> {
        let c = &self.counts;
        let parts = [
            ("succeeded", c.succeeded),
            ("refused", c.refused),
            ("given up", c.gave_up),
            ("unreadable", c.unreadable),
            ("busy", c.busy),
            ("in flight", self.commands.used() as u64),
        ];
        balance("commands", c.commands, &parts)?;
        let versions: u64 = (0..self.s.accounts).map(|a| u64::from(self.store.version(a))).sum();
        let log = self.store.log.len() as u64;
        balance(
            "versions",
            versions,
            &[("events of the past", u64::from(self.store.past.total())), ("appended", log)],
        )?;
        balance("events appended", log, &[("commands that succeeded", c.succeeded)])?;
        // One account at a time: the fold of what is stored is what was added up along the way.
        let a = (now.0 / 64 % self.s.accounts as u64) as usize;
        let fold = self.store.fold(a, self.store.version(a), Codec::V2);
        if fold != Ok(self.truth[a]) {
            return Err(format!("account {}: the events fold to {fold:?}, kept along is {:?}", a + 1, self.truth[a]));
        }
        if self.s.expect && c.misread == 0 && c.overdrawn > 0 && !self.was_blind {
            return Err(format!("{} withdrawals overdrew although every append was checked", c.overdrawn));
        }
        for w in self.workers.iter().flatten() {
            let right = self.s.safety != Safety::Naive && !w.p.code.wrong_sign && !self.was_wrong;
            if right && w.p.difference() != 0 {
                return Err(format!("a safe projector's table is {} cents off the fold", w.p.difference()));
            }
            let has_all = w.p.at.position == self.others.head(now);
            if right && has_all && w.p.row(a).cents != self.truth[a].cents {
                let (row, truth) = (w.p.row(a).cents, self.truth[a].cents);
                return Err(format!("account {}: {row} in a table that has everything, {truth} in truth", a + 1));
            }
        }
        Ok(())
    }

    /// The state of account 1 as of the cursor, or now.
    pub fn state_shown(&self) -> Account {
        match self.cursor() {
            Some((_, version)) => self.store.fold(0, version, Codec::V2).unwrap_or_default(),
            None => self.truth[0],
        }
    }
}
