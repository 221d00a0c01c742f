//! The run in words: log lines, the story of a request, and the picture as rows of text.

use super::*;
use crate::decimal::grouped;
use crate::look::{knob_now, span, tenths};

/// Codes of what can happen. The first group is about one request.
pub(super) mod code {
    pub const READ: u8 = 0;
    pub const CACHE_HIT: u8 = 1;
    pub const GATHER: u8 = 2;
    pub const PARKED: u8 = 3;
    pub const BEHIND: u8 = 4;
    pub const ASKED: u8 = 5;
    pub const ANSWERED: u8 = 6;
    pub const WENT_BACK: u8 = 7;
    pub const SAW: u8 = 8;
    pub const MISSED: u8 = 9;
    pub const LOOK_FAILED: u8 = 10;
    pub const WRITE: u8 = 11;
    pub const QUEUED: u8 = 12;
    pub const DONE: u8 = 13;
    pub const BATCHED: u8 = 14;
    pub const REDIRECTED: u8 = 15;
    pub const COMMITTED: u8 = 16;

    pub const NO_COPY: u8 = 20;
    pub const FULL: u8 = 21;
    pub const PART_FAILED: u8 = 22;
    pub const NODE_DIED: u8 = 23;
    pub const QUEUE_FULL: u8 = 24;
    pub const NO_PRIMARY: u8 = 25;
    pub const ROWS_FULL: u8 = 26;
    pub const UNKNOWN: u8 = 27;

    pub const KNOB: u8 = 30;
    pub const CUT_OFF: u8 = 31;
    pub const RESUMED: u8 = 32;
    pub const PROMOTED: u8 = 33;
    pub const CRASHED: u8 = 34;
    pub const MOVED: u8 = 35;
    pub const RESHARD: u8 = 36;
    pub const PLANNED: u8 = 37;
    pub const SPLIT: u8 = 38;
    pub const PINNED: u8 = 39;
    pub const SPIKE: u8 = 40;
    pub const CROWD: u8 = 41;
    pub const ADDED: u8 = 42;
    pub const LAG: u8 = 43;
    pub const PRIMARY: u8 = 44;
    pub const REPLICA: u8 = 45;
    pub const SLOW: u8 = 46;
    pub const HOT: u8 = 47;
    pub const ARCHIVE: u8 = 48;
    pub const ARCHIVED: u8 = 49;
    pub const READY: u8 = 50;
    pub const OVER: u8 = 51;
    pub const MENDED: u8 = 52;
}

/// A member of a shard by its number in the log's list.
fn member(m: i64) -> String {
    if m == 0 { "node 0".to_string() } else { format!("replica {m}") }
}

pub(super) fn tell(line: &Line) -> String {
    let (a, b) = (line.a, line.b);
    let n = grouped;
    match line.code {
        code::READ => format!("A read of key {}", n(a + 1)),
        code::CACHE_HIT => {
            if a == 1 { "The cache has it" } else { "The cache has it, from before the last write" }.into()
        }
        code::GATHER if b == 1 => format!("All {a} parts of the key are asked"),
        code::GATHER => format!("It lacks the shard key: all {a} shards are asked"),
        code::PARKED => format!("It waits at {} for its position", member(a)),
        code::BEHIND => {
            format!("{} does not have its position yet: the primary is asked", crate::look::capital(&member(a)))
        }
        code::ASKED => format!("Shard {}, {} is asked", a + 1, member(b)),
        code::ANSWERED if b == 1 => format!("Answered after {}, without the last write to its key", span(a)),
        code::ANSWERED => format!("Answered after {}", span(a)),
        code::WENT_BACK => "Its author looks again, and what was there is gone: back in time".into(),
        code::SAW => if a == 1 { "Its author looks, and it is there" } else { "Its author looks again: there" }.into(),
        code::MISSED => {
            if a == 1 { "Its author looks, and it is missing" } else { "Its author looks again: missing" }.into()
        }
        code::LOOK_FAILED => "Its author looks, and nobody answers".into(),
        code::WRITE => format!("A write to key {}, on shard {}", n(a + 1), b + 1),
        code::QUEUED => format!("The queue has it, in place {}", n(a)),
        code::DONE => {
            let means = ["committed", "in the memory of the application", "in the queue"];
            format!("\"Done\", after {}: it is {}", span(a), means.get(b as usize).unwrap_or(&""))
        }
        code::BATCHED => format!("It goes with a batch of {}, whose first row has waited {}", n(a), span(b)),
        code::REDIRECTED => format!("Its key lives on shard {} now: it is sent on", a + 1),
        code::COMMITTED => format!("Committed: place {} in the log", n(a)),

        code::NO_COPY => "Refused: no copy is up that may answer".into(),
        code::FULL => "Refused: the line of its node is full".into(),
        code::PART_FAILED => "Not answered: one of the shards did not answer".into(),
        code::NODE_DIED => "Failed: its node died".into(),
        code::QUEUE_FULL => "Refused: the write queue is full".into(),
        code::NO_PRIMARY => "Refused: its shard has no primary".into(),
        code::ROWS_FULL => "Refused: too many rows wait for their commit".into(),
        code::UNKNOWN => "The primary died before the answer: its client cannot know whether it was written".into(),

        code::KNOB => knob_now(knob::ALL, a, b),
        code::CUT_OFF => format!("Shard {a}, {}: the log no longer has what it needs, it is copied anew", member(b)),
        code::RESUMED => format!("Shard {a} has no replica to promote: its primary comes back itself"),
        code::PROMOTED if b == 0 => {
            format!("{} is the primary now; nothing acknowledged is lost", crate::look::capital(&member(a)))
        }
        code::PROMOTED => {
            format!("{} is the primary now; {} acknowledged writes are lost", crate::look::capital(&member(a)), n(b))
        }
        code::CRASHED => {
            format!("The application dies: {} waiting writes fail, {} lost though answered \"done\"", n(a), n(b))
        }
        code::MOVED => format!("{} keys have moved, in {}", n(a), span(b)),
        code::RESHARD => format!("From {a} shards to {b}, live"),
        code::PLANNED => format!("{} of {} keys have to move", n(a), n(b)),
        code::SPLIT => format!("The top key becomes {a} keys"),
        code::PINNED => format!("The top key is pinned to shard {a}, which had the least work"),
        code::SPIKE => format!("{} times the writes: {} a second", tenths(a), n(b)),
        code::CROWD => format!("{} times the reads: {} a second", tenths(a), n(b)),
        code::ADDED => format!("{a} more replicas are being copied; ready in {}", span(b)),
        code::LAG if b == 0 => format!("All replicas fall behind by {} more", span(a)),
        code::LAG => format!("Replica {b} falls behind by {} more", span(a)),
        code::PRIMARY => format!("The primary of shard {a} dies; the last replica was {} behind", span(b)),
        code::REPLICA => format!("Shard {a}, {} dies", member(b)),
        code::SLOW => format!("The first replica is {} times slower", tenths(a)),
        code::HOT => format!("{a} % of all requests want the top key, on shard {b}"),
        code::ARCHIVE => format!("{a} % of the rows are archived over {}", span(b)),
        code::ARCHIVED => format!("Archived: the data is {} times the memory", tenths(a)),
        code::READY => format!("{} is complete and takes part", crate::look::capital(&member(a))),
        code::OVER => {
            let what =
                ["The write spike", "The read spike", "The lag spike", "The slow replica", "The celebrity's hour"];
            format!("{} is over", what.get(a as usize).unwrap_or(&""))
        }
        code::MENDED => "Everything is up again".into(),
        _ => String::new(),
    }
}

impl Spikes {
    pub(super) fn in_words(&self, now: Us) -> Vec<(String, String)> {
        let n = |v: f64| grouped(libm::round(v) as i64);
        let rate = |m| n(self.meters.per_s(m, now));
        let number = |which| self.read_number(which, now).map_or("unknown".to_string(), n);
        let mut rows: Vec<(String, String)> = Vec::new();
        let mut row = |what: &str, how: String| rows.push((what.into(), how));
        row(
            "Reads",
            format!(
                "{} a second offered, {} answered, {} not served; {} possible",
                rate(meter::READS),
                rate(meter::READ),
                rate(meter::READS_BAD),
                number(number::READ_CAPACITY)
            ),
        );
        row(
            "Writes",
            format!(
                "{} a second offered, {} done, {} not served; {} possible",
                rate(meter::WRITES),
                rate(meter::WRITTEN),
                rate(meter::WRITES_BAD),
                number(number::CEILING)
            ),
        );
        row(
            "Stale",
            format!(
                "{} % of the authors do not find what they wrote; {} % of all reads miss a write",
                number(number::MISSING),
                number(number::STALE)
            ),
        );
        let h = self.fullest();
        let (nodes, committed) = self.nodes(h, now);
        for v in nodes.iter().take(10) {
            let name = match (v.primary, v.store) {
                (true, _) => "primary".to_string(),
                (_, true) => "read store".to_string(),
                _ => member(i64::from(v.member)),
            };
            let state = match (v.up, v.seeding) {
                (_, true) => "is being copied".to_string(),
                (false, _) => "down".to_string(),
                _ => format!(
                    "{} % busy, {} wait; has applied {} of {}, {} behind",
                    n(100.0 * f64::from(v.load)),
                    v.waiting,
                    n(f64::from(v.applied)),
                    n(f64::from(committed)),
                    v.behind
                ),
            };
            row(&format!("Shard {}, {name}", h + 1), state);
        }
        let spread = self.read_number(number::SPREAD, now);
        let tenth = spread.map_or("unknown".to_string(), |s| tenths((s * 10.0 + 0.5) as i64));
        let mut shards = format!("{} in use, the fullest has {tenth} times the mean", self.map.nodes().len());
        if let Some(h) = self.pinned {
            shards += &format!("; the top key is pinned to shard {}", h + 1);
        }
        if self.parts > 1 {
            shards += &format!("; the top key has {} parts", self.parts);
        }
        if let Some((moved, all, twice)) = self.moving() {
            shards += &format!("; {moved} of {all} keys moved, {twice} on two shards now");
        }
        row("Shards", shards);
        let (batched, committing, queued) = self.write_path();
        row(
            "On the way to a commit",
            format!("{batched} rows in batches, {committing} rows behind them, {} in the queue", n(queued as f64)),
        );
        row("Lost", format!("{} acknowledged writes are gone", n(self.counts.lost as f64)));
        rows
    }
}
