//! The run in words: log lines, the story of a command, and the picture as rows of text.

use super::{EventSourcing, Personal, knob};
use crate::blocks::account::{Kind, Refusal};
use crate::decimal::grouped as n;
use crate::kernel::{Line, Us};
use crate::look::{knob_now, span};

/// Codes of what can happen. The first group is about one command and its event.
pub(super) mod code {
    pub const COMES: u8 = 0;
    pub const LOADS: u8 = 1;
    pub const REFUSED: u8 = 2;
    pub const CONFLICT: u8 = 3;
    pub const GAVE_UP: u8 = 4;
    pub const APPENDED: u8 = 5;
    pub const KEPT: u8 = 6;
    pub const CANNOT_READ: u8 = 7;
    pub const BUSY: u8 = 8;
    pub const PROJECTED: u8 = 9;
    pub const IGNORED: u8 = 10;
    pub const COUNTED_TWICE: u8 = 11;
    pub const MAILED: u8 = 12;
    pub const MAILED_AGAIN: u8 = 13;

    pub const SHIPPED: u8 = 20;
    pub const TWO: u8 = 21;
    pub const MANY: u8 = 22;
    pub const DIED_BEFORE: u8 = 23;
    pub const DIED_AFTER: u8 = 24;
    pub const RESTARTED: u8 = 25;
    pub const TWICE: u8 = 26;
    pub const NOT_ONCE: u8 = 27;
    pub const BUG: u8 = 28;
    pub const REBUILD: u8 = 29;
    pub const CAUGHT_UP: u8 = 30;
    pub const SWAPPED: u8 = 31;
    pub const NO_REBUILD: u8 = 32;
    pub const STUCK: u8 = 33;
    pub const SHAPE: u8 = 34;
    pub const TRAVELLED: u8 = 35;
    pub const PRESENT: u8 = 36;
    pub const FORGET: u8 = 37;
    pub const ERASED: u8 = 38;
    pub const MENDED: u8 = 39;
    pub const KNOB: u8 = 40;
}

/// Cents as euros: `-12.50`.
pub fn euros(cents: i64) -> String {
    let sign = if cents < 0 { "-" } else { "" };
    let c = cents.unsigned_abs();
    format!("{sign}{}.{:02}", n((c / 100) as i64), c % 100)
}

fn projector(which: i64) -> &'static str {
    if which == 0 { "the projector" } else { "the rebuild" }
}

pub(super) fn tell(line: &Line) -> String {
    let (a, b) = (line.a, line.b);
    match line.code {
        code::COMES => {
            let kind = Kind::ALL.get(b as usize & 0xff).map_or("", |k| k.name());
            let amount = if a == 0 { String::new() } else { format!(", {}", euros(a)) };
            format!("a command comes for account {}: to be {}{amount}", b >> 8, kind.to_ascii_lowercase())
        }
        code::LOADS => {
            let with =
                ["", " after a snapshot", " since its snapshot is of another layout"][(b & 3).clamp(0, 2) as usize];
            format!("loads the account: {} events to fold{with}, {}", n(a), span(b >> 2))
        }
        code::REFUSED => {
            let why = Refusal::ALL.get(a as usize).map_or("", |r| r.words());
            format!("refused: {why}; the state it saw holds {}", euros(b))
        }
        code::CONFLICT => {
            format!("conflict: decided on version {}, but the stream is at {}; it tries again", n(a), n(b))
        }
        code::GAVE_UP => format!("conflict: decided on version {}, but the stream is at {}; no try left", n(a), n(b)),
        code::APPENDED => format!("appended as version {}, position {} of the log", n(a), n(b)),
        code::KEPT => format!("a snapshot of version {} is kept", n(a)),
        code::CANNOT_READ => format!("failed: no code can read a v{a} event of this account"),
        code::BUSY => "refused: too many commands are at work".into(),
        code::PROJECTED => format!("{} applies its event", projector(a)),
        code::IGNORED => format!("its event reaches {} again and is ignored", projector(a)),
        code::COUNTED_TWICE => format!("its event reaches {} again and counts twice", projector(a)),
        code::MAILED => "an e-mail about it is sent".into(),
        code::MAILED_AGAIN => "an e-mail about it is sent again".into(),
        code::SHIPPED if a == 1 => "new code: writes v2, and upcasts v1 when it reads it".into(),
        code::SHIPPED => "new code: writes v2, and cannot read v1".into(),
        code::TWO => format!("two commands at once want {} from account 1, at version {}", euros(a), n(b)),
        code::MANY => format!("{} commands, one each millisecond", n(a)),
        code::DIED_BEFORE => format!("{} dies before its checkpoint: {} positions come again", projector(a), n(b)),
        code::DIED_AFTER => format!("{} dies after its checkpoint: {} positions come again", projector(a), n(b)),
        code::RESTARTED => format!("{} reads again, from position {}", projector(a), n(b)),
        code::TWICE => format!("event {} of account 1 is delivered again: the table moves by {}", n(a), euros(b)),
        code::NOT_ONCE => format!("event {} of account 1 has not been delivered once yet", n(a)),
        code::BUG => "a bug is shipped: the projector adds withdrawals".into(),
        code::REBUILD if a == 1 => format!("a rebuild begins beside the old table: {} events to read", n(b)),
        code::REBUILD => format!("the table is emptied and rebuilt in its place: {} events to read", n(b)),
        code::CAUGHT_UP => {
            let then = if b == 0 { "; readers still use the old table" } else { "" };
            format!("the rebuild has caught up after {}{then}", span(a))
        }
        code::SWAPPED => format!("readers get the rebuilt table: {} events behind, {} off the fold", n(a), euros(b)),
        code::NO_REBUILD => "there is no rebuild".into(),
        code::STUCK => format!("{} comes to a v{b} event that no code can read, and stands still", projector(a)),
        code::SHAPE => {
            let unit = if a == 1 { "euros" } else { "cents" };
            format!("new code keeps the balance in {unit}: snapshots of the other layout are stale")
        }
        code::TRAVELLED => format!("as of then account 1 was at version {} and held {}", n(b), euros(a)),
        code::PRESENT => "back in the present".into(),
        code::FORGET => format!("the holder of account {} asks to be forgotten", n(a)),
        code::ERASED => {
            let how = match b {
                b if b == Personal::Plain as i64 => "its events still hold it, and they do not change",
                b if b == Personal::Key as i64 => "its key is destroyed, and nobody can read it in the events",
                _ => "it was kept outside the log and is deleted there",
            };
            format!("the name of account {}: {how}", n(a))
        }
        code::MENDED => "the upcaster is back, and projectors run with right code; tables are as they were".into(),
        code::KNOB => knob_now(knob::ALL, a, b),
        _ => String::new(),
    }
}

impl EventSourcing {
    pub(super) fn in_words(&self, now: Us) -> Vec<(String, String)> {
        let mut rows: Vec<(String, String)> = Vec::new();
        let mut row = |what: &str, how: String| rows.push((what.to_string(), how));
        let c = &self.counts;
        row(
            "Commands",
            format!(
                "{} so far: {} appended, {} refused, {} at work",
                n(c.commands as i64),
                n(c.succeeded as i64),
                n(c.refused as i64),
                self.commands.used()
            ),
        );
        row(
            "Trouble",
            format!(
                "{} conflicts, {} commands failed, {} accounts overdrawn",
                n(c.conflicts as i64),
                n((c.gave_up + c.unreadable + c.busy) as i64),
                n(c.overdrawn as i64)
            ),
        );
        row(
            "Log",
            format!(
                "{} events, {} of them from before the run",
                n(i64::from(self.head(now))),
                n(i64::from(self.history()))
            ),
        );
        let snapshot = match self.snapshot_version() {
            Some(v) => format!(", snapshot at version {}", n(i64::from(v))),
            None => ", no usable snapshot".into(),
        };
        row(
            "Account 1",
            format!("version {}, folds to {}{snapshot}", n(i64::from(self.version())), euros(self.balance())),
        );
        for cell in self.tape(self.cursor().map_or(self.version(), |c| c.1), 5) {
            let amount = if cell.kind.has_amount() { format!(" {}", euros(cell.cents)) } else { String::new() };
            let seen = if cell.projected { "in the read table" } else { "not in the read table yet" };
            row(
                &format!("Event {}", n(i64::from(cell.version))),
                format!("{}{amount}, written as v{}: {}, {seen}", cell.kind.name(), cell.schema, euros(cell.after)),
            );
        }
        if let Some((at, version)) = self.cursor() {
            row(
                "Time cursor",
                format!(
                    "{} ago: version {}, {}",
                    now.since(at),
                    n(i64::from(version)),
                    euros(self.state_shown().cents)
                ),
            );
        }
        if let Some((l, read, fold)) = self.last_load() {
            let stale = if l.stale { ", a stale snapshot was ignored" } else { "" };
            row(
                "Last load of account 1",
                format!("{} reads in {read}, {} events folded in {fold}{stale}", l.reads, n(i64::from(l.folded))),
            );
        }
        for (i, p) in self.projectors(now).iter().enumerate() {
            let Some(p) = p else { continue };
            let name = if i == 0 { "Read table" } else { "Rebuilt table" };
            let state = match (p.up, p.stuck, p.rebuild) {
                (false, ..) => "its projector is down",
                (_, true, _) => "its projector stands before an event that it cannot read",
                (.., Some(r)) if r.caught_up.is_none() => "being rebuilt",
                (.., Some(r)) if r.beside && i == 1 => "caught up, ready to be swapped in",
                _ => "live",
            };
            let left = match (p.rebuild.filter(|r| r.caught_up.is_none()), p.left_s) {
                (Some(_), Some(s)) => format!(", {} left", Us::from_s(libm::ceil(s))),
                (Some(_), None) => ", will never catch up".into(),
                _ => String::new(),
            };
            let code = if p.wrong_code { ", its code adds withdrawals" } else { "" };
            row(
                name,
                format!(
                    "{state}, position {}, {} events behind{left}, {} off the fold{code}",
                    n(i64::from(p.position)),
                    n(i64::from(p.behind)),
                    euros(p.difference as i64)
                ),
            );
        }
        let (said, off) = self.table();
        row("Account 1 in the read table", format!("{}, {} off the fold", euros(said), euros(off)));
        let codec = self.codec();
        let up = match (codec.schema, codec.upcaster) {
            (1, _) => "reads and writes v1",
            (_, true) => "writes v2, upcasts v1",
            _ => "writes v2, cannot read v1",
        };
        let unit = if self.layout == 1 { "euros" } else { "cents" };
        row("Code", format!("{up}; keeps the balance in {unit}"));
        let (sent, again) = self.mails();
        row("E-mails", format!("{} sent, {} of them again", n(sent as i64), n(again as i64)));
        let (personal, erased, places) = self.personal();
        let how = match personal {
            Personal::Plain => "in the events",
            Personal::Key => "in the events, encrypted",
            Personal::Outside => "outside the log",
        };
        let gone = if erased { ", destroyed" } else { "" };
        row("Name of account 1's holder", format!("{how}{gone}; readable in {places} places"));
        rows
    }
}
