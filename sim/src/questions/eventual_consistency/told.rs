//! The words for what happened.

use super::declaration::{KEYS, LINKS, NODES, REGIONS, USERS};
use crate::kernel::{Line, Us};

pub const WRITE_STARTS: u8 = 0;
pub const SENT: u8 = 1;
pub const HAS_IT: u8 = 2;
pub const ACKED: u8 = 3;
pub const WRITE_FAILED: u8 = 4;
pub const READ_STARTS: u8 = 5;
pub const ANSWERS: u8 = 6;
pub const READ_OK: u8 = 7;
pub const READ_STALE: u8 = 8;
pub const READ_FAILED: u8 = 9;
pub const OWN_WRITE_MISSING: u8 = 10;
pub const WENT_BACK: u8 = 11;
pub const OWN_WRITES_REORDERED: u8 = 12;
pub const BEFORE_WHAT_WAS_READ: u8 = 13;
pub const CUT: u8 = 14;
pub const MENDED: u8 = 15;
pub const PARTITIONED: u8 = 16;
pub const HEALED: u8 = 17;
pub const STOPPED: u8 = 18;
pub const STARTED: u8 = 19;
pub const SKEWED: u8 = 20;
pub const SLOWED: u8 = 21;
pub const AGREED: u8 = 22;
pub const DROPPED: u8 = 23;
pub const SIBLINGS: u8 = 24;
pub const ASKS_FURTHER: u8 = 25;
pub const REFUSED: u8 = 26;
pub const REPAIRED: u8 = 27;
pub const WHY_ON_ITS_WAY: u8 = 28;
pub const WHY_CUT: u8 = 29;
pub const WHY_MISSED: u8 = 30;
pub const NO_SUCH_NODE: u8 = 31;
pub const OUTVOTED: u8 = 32;
pub const LOST_PACKET: u8 = 33;
pub const CUT_PACKET: u8 = 34;

/// What a value is, for its words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sort {
    Register,
    Count,
    Set,
}

/// Who did something where to which key, in one number of a line.
#[derive(Clone, Copy)]
pub struct Who {
    pub key: u8,
    pub node: u8,
    pub user: u8,
    pub sort: Sort,
    /// A small count or a second node.
    pub other: u8,
}

impl Who {
    pub fn pack(self) -> i64 {
        let sort = match self.sort {
            Sort::Register => 0,
            Sort::Count => 1,
            Sort::Set => 2,
        };
        i64::from(u32::from_le_bytes([self.key, self.node, self.user, sort])) | i64::from(self.other) << 32
    }
    fn unpack(a: i64) -> Who {
        let [key, node, user, sort, other, ..] = a.to_le_bytes();
        Who {
            key,
            node,
            user,
            sort: match sort {
                0 => Sort::Register,
                1 => Sort::Count,
                _ => Sort::Set,
            },
            other,
        }
    }
    fn name<'a>(list: &[&'a str], i: u8) -> &'a str {
        list.get(i as usize).copied().unwrap_or("?")
    }
    fn key(self) -> &'static str {
        key_name(self.sort, self.key)
    }
    fn shows(self, value: i64) -> String {
        match self.sort {
            Sort::Register if value == 0 => "nothing yet".to_string(),
            Sort::Register => format!("{} v{value}", self.key()),
            Sort::Count => format!("{} = {value}", self.key()),
            Sort::Set => format!("{} from {value} people", self.key()),
        }
    }
}

/// Registers have names; what counts, counts likes.
pub fn key_name(sort: Sort, key: u8) -> &'static str {
    match sort {
        Sort::Register => Who::name(&KEYS, key),
        Sort::Count | Sort::Set => Who::name(&["likes", "likes 2", "likes 3", "likes 4"], key),
    }
}

/// Two small numbers in one: a version or value, and a span of time in microseconds.
pub fn two(value: i64, span: Us) -> i64 {
    value.clamp(-(1 << 23), (1 << 23) - 1) << 40 | (span.0.min((1 << 40) - 1)) as i64
}
fn untwo(b: i64) -> (i64, Us) {
    (b >> 40, Us((b & ((1 << 40) - 1)) as u64))
}

/// To the tenth of a millisecond: nobody reads microseconds in a sentence.
fn span(us: Us) -> Us {
    if us.0 < 1_000 { us } else { Us((us.0 + 50) / 100 * 100) }
}

pub fn tell(line: &Line) -> String {
    let who = Who::unpack(line.a);
    let node = Who::name(NODES, who.node);
    let other = Who::name(NODES, who.other);
    let user = Who::name(&USERS, who.user);
    let (value, us) = untwo(line.b);
    let us = span(us);
    let s = if who.user == super::declaration::YOU { "" } else { "s" };
    let written = if who.sort == Sort::Register { format!("v{value}") } else { format!("write {value}") };
    match line.code {
        WRITE_STARTS => format!("{user} write{s} at {node}: {}", who.shows(value)),
        SENT => format!("{node} has applied it and sends it to {value} other{}", if value == 1 { "" } else { "s" }),
        HAS_IT => format!("{node} has it after {us}"),
        ACKED => format!("Acknowledged after {us}: {value} cop{} it", if value == 1 { "y has" } else { "ies have" }),
        WRITE_FAILED => format!(
            "The write of {user} at {node} failed: {value} of the {} copies that it needs after {us}. {node} keeps it all the same, and it may still spread",
            who.other
        ),
        READ_STARTS => format!("{user} read{s} {} at {node}", who.key()),
        ANSWERS => format!("{node} answers after {us}: {}", who.shows(value)),
        READ_OK => format!("{user} get{s} {} after {us}: up to date", who.shows(value)),
        READ_STALE => format!(
            "{user} get{s} {} at {node}: stale by {} version{}, {us} after the newer one was acknowledged",
            who.shows(value),
            who.other,
            if who.other == 1 { "" } else { "s" }
        ),
        READ_FAILED if value >= i64::from(who.other) => format!(
            "The read of {user} at {node} failed after {us}: no copy within reach has what the session has already seen"
        ),
        READ_FAILED => format!(
            "The read of {user} at {node} failed after {us}: {value} of the {} answers that it needs",
            who.other
        ),
        OWN_WRITE_MISSING => {
            format!("{user} wrote {} and do{} not see it at {node}", who.key(), if s.is_empty() { "" } else { "es" })
        }
        WENT_BACK => format!("{user} had already read a newer version of {} than {node} returns", who.key()),
        OWN_WRITES_REORDERED => format!(
            "This write of {user} is not ordered after the one before: {node} did not know of it, or its clock is behind"
        ),
        BEFORE_WHAT_WAS_READ => {
            format!("{user} had read a version of {} that is not ordered before this write at {node}", who.key())
        }
        CUT | MENDED => {
            let (a, b) = LINKS.get(line.a as usize).copied().unwrap_or(("?", "?"));
            let what = if line.code == CUT { "cut" } else { "mended" };
            format!("The link between {a} and {b} is {what}")
        }
        PARTITIONED => {
            format!("{} is cut off from the other regions", REGIONS.get(line.a as usize).copied().unwrap_or("?"))
        }
        HEALED => "All links are mended".to_string(),
        STOPPED => format!("{node} has stopped"),
        STARTED => format!("{node} is back, with what it had on disk"),
        SKEWED if line.b < 0 => format!("The clock of {node} is {} ms behind", -line.b),
        SKEWED => format!("The clock of {node} is {} ms ahead", line.b),
        SLOWED => format!("The links of {node} are {} times as slow", line.b),
        AGREED => format!("All copies are equal again, {us} after the healing"),
        DROPPED => {
            format!("{node} drops {} for a version with a later timestamp that had never seen it", who.shows(value))
        }
        SIBLINGS => format!("{node} keeps {value} siblings of {}: neither had seen the other", who.key()),
        ASKS_FURTHER => format!(
            "{node} has answers from {value}, but they lack what the session of {user} has seen: it waits for others"
        ),
        REFUSED => format!("{node} is down: the request of {user} is refused"),
        REPAIRED => format!("{node} sends the newer version to {other}: read repair"),
        WHY_ON_ITS_WAY => format!("Why: {written} is on its way to {node} and needs another {us}"),
        WHY_CUT => format!("Why: {written} was written at {other}, and the link from there to {node} is cut"),
        WHY_MISSED => format!(
            "Why: {written} from {other} has not reached {node}, and nothing on the way carries it; anti-entropy will"
        ),
        NO_SUCH_NODE => format!("There is no {node} with so few replicas"),
        OUTVOTED => {
            format!("{node} holds a version with a later timestamp, so last write wins drops this write at once")
        }
        LOST_PACKET => format!("The message from {node} to {other} is lost"),
        CUT_PACKET => format!("The link from {node} to {other} is cut: the message does not leave"),
        _ => format!("event {}", line.code),
    }
}
