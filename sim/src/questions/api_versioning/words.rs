//! The run in words: log lines, the story of a call, and the picture as rows of text.

use super::{Answer, ApiVersioning, knob};
use crate::blocks::deprecation::{DAY, day_name};
use crate::blocks::versions::{FIELDS, Schema, What, Why};
use crate::decimal::{fixed, grouped as n};
use crate::kernel::{Line, Us};
use crate::look::knob_now;

/// Codes of what can happen. The first group is about one call and its client.
pub(super) mod code {
    pub const CALLS: u8 = 0;
    pub const HIT: u8 = 1;
    pub const ADAPTED: u8 = 2;
    pub const MISLED: u8 = 3;
    pub const ENDED: u8 = 4;
    pub const MOVES: u8 = 5;

    pub const ANNOUNCED: u8 = 20;
    pub const BROWNOUT: u8 = 21;
    pub const SUNSET: u8 = 22;
    pub const NOWHERE: u8 = 23;
    pub const SHIPPED: u8 = 24;
    pub const NO_CHANGE: u8 = 25;
    pub const REVIVED: u8 = 26;
    pub const TAKEN_BACK: u8 = 27;
    pub const NOTHING: u8 = 28;
    pub const LOOKED: u8 = 29;
    pub const MAILED: u8 = 30;
    pub const TWO: u8 = 31;
    pub const KNOB: u8 = 32;
}

fn why(w: i64) -> &'static str {
    match w {
        w if w == Why::UnknownField as i64 => "a field it does not know, and it is strict",
        w if w == Why::Missing as i64 => "a field that it needs is not there",
        w if w == Why::WrongType as i64 => "a field has another type",
        w if w == Why::UnknownValue as i64 => "a status it does not know, and its switch has no default",
        w if w == Why::NotDoneYet as i64 => "201 and 202: the answer is of another kind than it was written for",
        w if w == Why::FieldRequired as i64 => "400: a field is required that it does not send",
        _ => "400: its note is too long",
    }
}

/// A change in words, from what a line carries.
fn change(said: i64) -> String {
    let field = Schema::FIRST;
    let name = if said & 0xff < i64::from(FIELDS) { field.name(said as u8) } else { "" };
    match What::ALL.get((said >> 8) as usize) {
        Some(What::AddField) => format!("the optional field {name} is added"),
        Some(What::AddValue) => "a status is added".into(),
        Some(What::Rename) => format!("{name} gets another name"),
        Some(What::Remove) => format!("{name} is removed"),
        Some(What::Retype) => format!("{name} gets another type"),
        Some(What::Remean) => format!("{name} gets another meaning, with or without tax"),
        Some(What::Async) => "creating answers with another status: 201 when it is done, 202 before".into(),
        Some(What::Require) => "requests must have one field more".into(),
        Some(What::Allow) => "requests may have one field more".into(),
        Some(What::Tighten) => "notes must be shorter".into(),
        Some(What::Loosen) => "notes may be longer".into(),
        None => String::new(),
    }
}

fn days(span: i64) -> String {
    let d = span as f64 / DAY.0 as f64;
    if d < 2.0 { format!("{} h", fixed(d * 24.0, 0)) } else { format!("{} days", fixed(d, 0)) }
}

pub(super) fn tell(line: &Line) -> String {
    let (a, b) = (line.a, line.b);
    match line.code {
        code::CALLS => {
            let who = if a < 0 { "a caller".into() } else { format!("client {}", n(a + 1)) };
            let what = if b & 1 == 1 { "creates an order" } else { "asks for an order" };
            let named = match b >> 8 & 0xff {
                0 => format!("naming no version: v{} is assumed", b >> 16),
                v => format!("as v{v}"),
            };
            format!("{who} {what}, {named}")
        }
        code::HIT if a == b => "a shared cache has the answer".into(),
        code::HIT => format!("a shared cache answers with what it keeps, and that is v{a}, not v{b}"),
        code::ADAPTED if a == 0 => format!("written in the newest shape, which is that of v{b}"),
        code::ADAPTED => format!("written in the newest shape, then taken back through {a} adapters to v{b}"),
        code::MISLED => {
            format!("{} is read without an error, and is not what the order says", Schema::FIRST.name(a as u8))
        }
        code::ENDED => match a {
            0 => "the client has what it needs".into(),
            1 => "the client goes on with a wrong value".into(),
            2 => "410: this version has ended".into(),
            3 => "410: a brownout".into(),
            4 => "404: this version was withdrawn".into(),
            _ => format!("of no use to the client: {}", why(b)),
        },
        code::MOVES => format!("its developers release new code: from v{a} to v{b}"),
        code::ANNOUNCED => format!("v{a} is deprecated; it ends on {}", day_name(Us(b as u64))),
        code::BROWNOUT => format!("brownout: for {} v{a} answers as after its end", days(b)),
        code::SUNSET => {
            let early = if a & 1 == 1 { ", before the date that was announced" } else { "" };
            format!("v{} is switched off{early}; {} clients are still on it", a >> 1, n(b))
        }
        code::NOWHERE => format!("v{a} is the newest version that lives: there is nothing to move to"),
        code::SHIPPED => {
            let how = if b & 1 == 1 { "as a new version," } else { "under the same number," };
            format!("shipped {how} v{}: {}", b >> 1, change(a))
        }
        code::NO_CHANGE => format!("cannot be done to v{b}: {}", change(a)),
        code::REVIVED => format!("v{a} answers again, and its end is open"),
        code::TAKEN_BACK => {
            let how = if b == 1 { "; its version is withdrawn" } else { "" };
            format!("taken back: {}{how}", change(a))
        }
        code::NOTHING => "there is nothing to take back".into(),
        code::LOOKED => format!("{} clients still call v{a} or older", n(b)),
        code::MAILED => {
            let whom = if a & 1 == 1 { "the heaviest callers" } else { "the first on the list of addresses" };
            format!("{} e-mails to {whom}: {} are read", n(a >> 1), n(b))
        }
        code::TWO if a > 0 => "two callers, one order: the second is sent the version of the first".into(),
        code::TWO => "two callers, one order: each is sent its own version".into(),
        code::KNOB => knob_now(knob::ALL, a, b),
        _ => String::new(),
    }
}

impl Answer {
    /// In a few words, for the picture.
    pub fn words(self) -> &'static str {
        match self {
            Answer::Right => "reads it well",
            Answer::Misled => "reads it, and is wrong",
            Answer::Gone | Answer::Withdrawn => "fails: gone",
            Answer::Brownout => "fails for now: brownout",
            Answer::Broken(why) => match why {
                Why::UnknownField => "fails: unknown field",
                Why::Missing => "fails: a field is missing",
                Why::WrongType => "fails: another type",
                Why::UnknownValue => "fails: unknown status",
                Why::NotDoneYet => "fails: 201 or 202?",
                Why::FieldRequired => "fails: field required",
                Why::NoteTooLong => "fails: note too long",
            },
        }
    }
}

impl ApiVersioning {
    pub(super) fn in_words(&self, now: Us) -> Vec<(String, String)> {
        let mut rows: Vec<(String, String)> = Vec::new();
        let mut row = |what: &str, how: String| rows.push((what.to_string(), how));
        row("Day", format!("{}, {}", fixed(now.0 as f64 / DAY.0 as f64, 1), day_name(now)));
        for t in self.tallies() {
            let end = match (t.end.gone, t.end.sunset, t.end.deprecated) {
                (true, ..) => ", ended".into(),
                (_, Some(at), _) => format!(", deprecated, ends on {}", day_name(at)),
                (_, _, Some(_)) => ", deprecated, its end is open".into(),
                _ => String::new(),
            };
            let dark = if !t.end.gone && !t.end.answers(now) { ", in a brownout" } else { "" };
            row(&format!("Version {}", t.version), format!("{} clients{end}{dark}", n(t.clients.into())));
        }
        let c = &self.counts;
        row(
            "Calls",
            format!(
                "{} so far: {} right, {} silently wrong, {} broken, {} in brownouts, {} from the cache",
                n(c.calls as i64),
                n(c.right as i64),
                n(c.misled as i64),
                n((c.broken + c.gone + c.withdrawn) as i64),
                n(c.brownout as i64),
                n(c.hits as i64)
            ),
        );
        let head = self.registry.head();
        for f in (0..FIELDS).filter(|f| head.has(*f)) {
            let picked = if f == self.picked { ", picked" } else { "" };
            row(&format!("Field {}", head.name(f)), format!("{}{picked}", head.kind(f)));
        }
        for v in self.verdicts() {
            let what = (v.what as i64) << 8 | i64::from(self.picked);
            let verdict = match (v.breaks, v.misleads) {
                (0, 0) => "harms nobody".into(),
                (b, m) => format!("breaks {}, misleads {} of {}", n(b.into()), n(m.into()), n(v.of.into())),
            };
            row(&format!("If {}", change(what)), verdict);
        }
        if self.listed {
            let target = self.target();
            for who in self.left_by_volume(target).take(10) {
                let share = fixed(100.0 * self.share(who as usize), 1);
                row(
                    &format!("Client {}", who + 1),
                    format!("{share} % of all calls, on v{}", self.clients[who as usize].version),
                );
            }
        }
        if let Some(s) = &self.shown {
            row("A response", self.exchange(s).join(" | "));
            row("Its client", s.answer.words().into());
        }
        row("Upkeep", format!("{} hours so far", fixed(self.cost_by(now), 1)));
        rows
    }
}
