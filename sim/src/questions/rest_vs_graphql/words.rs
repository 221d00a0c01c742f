//! The run in words: log lines, the story of a request, and the picture as rows of text.

use super::{How, Kind, Mode, Screens, knob, table};
use crate::decimal::grouped;
use crate::kernel::{Line, Us};
use crate::look::{knob_now, span};

/// Codes of what can happen. The first group is about one screen.
pub(super) mod code {
    pub const TAPPED: u8 = 0;
    pub const EDGE_FRESH: u8 = 1;
    pub const EDGE_STALE: u8 = 2;
    pub const EDGE_MISS: u8 = 3;
    pub const EDGE_ASKS: u8 = 4;
    pub const EDGE_WAITS: u8 = 5;
    pub const EDGE_PASSES: u8 = 6;
    pub const STATEMENT: u8 = 7;
    pub const EXECUTED: u8 = 8;
    pub const NOT_MODIFIED: u8 = 9;
    pub const SERVED: u8 = 10;
    pub const NEXT: u8 = 11;
    pub const COMPLETE: u8 = 12;
    pub const PARTIAL: u8 = 13;
    pub const FAILED: u8 = 14;
    pub const TURNED_AWAY: u8 = 15;

    pub const EDITED: u8 = 20;
    pub const PURGED: u8 = 21;
    pub const FLUSHED: u8 = 22;
    pub const SLOW: u8 = 23;
    pub const SLOW_OVER: u8 = 24;
    pub const AUTHORS_DOWN: u8 = 25;
    pub const AUTHORS_BACK: u8 = 26;
    pub const GREEDY: u8 = 27;
    pub const GREEDY_DONE: u8 = 28;
    pub const UPLOAD: u8 = 29;
    pub const UPLOADED: u8 = 30;
    pub const SPIKE: u8 = 31;
    pub const SPIKE_OVER: u8 = 32;
    pub const KNOB: u8 = 40;
}

const REASONS: [&str; 4] = [
    "there is no such address",
    "it is not among the operations that were registered",
    "it is nested too deep",
    "it could yield too many objects",
];

fn table_name(of: i64) -> &'static str {
    match of as u8 {
        table::AUTHORS => "authors",
        table::COMMENTS => "comments",
        table::BY_AUTHOR => "articles by author",
        _ => "articles",
    }
}

pub(super) fn tell(line: &Line) -> String {
    let (a, b) = (line.a, line.b);
    let n = grouped;
    match line.code {
        code::TAPPED => format!("somebody opens screen {a}, in the shape of team {b}"),
        code::EDGE_FRESH => format!("the edge has a fresh copy, {} old: answered from there", span(a)),
        code::EDGE_STALE => {
            format!("the edge has a copy of {} that it may still use, and asks for a new one behind it", span(a))
        }
        code::EDGE_MISS => "the edge has nothing for this address and asks the origin".into(),
        code::EDGE_ASKS => format!("the edge's copy is no longer fresh: If-None-Match: \"{a}\" to the origin"),
        code::EDGE_WAITS => "the same answer is being fetched: the edge waits for that one".into(),
        code::EDGE_PASSES => "a POST: the edge passes it on".into(),
        code::STATEMENT if b == 1 => format!("one query to {}, for one key", table_name(a)),
        code::STATEMENT => format!("one query to {}, for {b} keys", table_name(a)),
        code::EXECUTED if b > 0 => format!("the API has made {} queries; {} fields are null", n(a), n(b)),
        code::EXECUTED if a == 1 => "the API has made one query".into(),
        code::EXECUTED => format!("the API has made {} queries", n(a)),
        code::NOT_MODIFIED => "304 from the origin: the copy is good for another while, no body travelled".into(),
        code::SERVED if b == 1 => format!("304 to the client: {} bytes, its own copy is still good", n(a)),
        code::SERVED => format!("{} bytes leave the edge", n(a)),
        code::NEXT if a == b => format!("the list names {a} more resources: all are asked for at once"),
        code::NEXT => format!("the list names {a} more resources: {b} at a time"),
        code::COMPLETE => format!("the screen is complete after {}, with {} bytes", span(a), n(b)),
        code::PARTIAL => format!("after {} the screen shows what there is: {} parts are missing", span(a), n(b)),
        code::FAILED => format!("after {} the screen shows an error", span(a)),
        code::TURNED_AWAY => format!("{a}: refused before it ran, {}", REASONS.get(b as usize).unwrap_or(&"")),
        code::EDITED if b == 1 => format!("an article of screen {a} is edited, and the edge is told"),
        code::EDITED => format!("an article of screen {a} is edited; nobody tells the edge"),
        code::PURGED => format!("the edge forgets {b} entries of screen {a}"),
        code::FLUSHED => format!("the edge is flushed and forgets {} entries", n(a)),
        code::SLOW => format!("the database is {a} times as slow, for {b} s"),
        code::SLOW_OVER => "the database is as quick as before".into(),
        code::AUTHORS_DOWN => format!("the authors cannot be had, for {a} s"),
        code::AUTHORS_BACK => "the authors are back".into(),
        code::GREEDY => format!("a greedy query of {a} levels: {} objects if all are there", n(b)),
        code::GREEDY_DONE => format!("the greedy query ends after {} queries, {} objects", n(a), n(b)),
        code::UPLOAD if a == 1 => format!("{} bytes to upload: the API signs an address at the storage", n(b)),
        code::UPLOAD => format!("{} bytes to upload, through the API", n(b)),
        code::UPLOADED => format!("uploaded after {}; {} bytes went through the API", span(a), n(b)),
        code::SPIKE => format!("the spike begins: {} taps a second instead of {}", n(a), n(b)),
        code::SPIKE_OVER => format!("the spike is over: {} taps a second", n(a)),
        code::KNOB => knob_now(knob::ALL, a, b),
        _ => String::new(),
    }
}

impl Screens {
    pub(super) fn in_words(&self, now: Us) -> Vec<(String, String)> {
        let n = |v: u64| grouped(v as i64);
        let mode = match self.s.mode {
            Mode::Rest => "REST, whole resources",
            Mode::Tailored => "REST, tailored",
            Mode::Plain => "GraphQL by POST, plain resolvers",
            Mode::Loader => "GraphQL by POST, with a loader",
            Mode::Persisted => "GraphQL by GET, persisted, with a loader",
        };
        let mut rows: Vec<(String, String)> = vec![("API".into(), mode.into())];
        rows.push((
            "Edge".into(),
            format!("{} entries, {} of them fresh", n(self.edge.len() as u64), n(self.edge.fresh(now) as u64)),
        ));
        let old = self.edge.entries().filter(|e| self.is_old(e)).count();
        rows.push(("Old copies".into(), format!("{} entries are from before the last edit", n(old as u64))));
        let down = if self.authors_down { "; the authors are down" } else { "" };
        let slow = if self.slow > 1.0 { format!(", each {} times as slow", self.slow as u32) } else { String::new() };
        rows.push((
            "Database".into(),
            format!("{} queries run, {} wait{slow}{down}", n(self.running.into()), n(self.line.len() as u64)),
        ));
        let w = self.watched();
        let times = |kind: fn(Kind) -> bool| w.spans.iter().filter(|s| kind(s.kind)).count();
        let from_edge = w.spans.iter().filter(|s| matches!(s.how, How::Fresh | How::Stale)).count();
        let took = if w.end == Us::MAX { "under way".to_string() } else { w.end.since(w.at).to_string() };
        let more = times(|k| matches!(k, Kind::Author(_) | Kind::Comment(_))) + w.more as usize;
        rows.push((
            "One screen".into(),
            format!(
                "{} calls, {more} of them after the first; {from_edge} answered by the edge; {} bytes of which {} are shown; {took}",
                w.spans.len() + w.more as usize,
                n(w.bytes.into()),
                n(w.needed.min(w.bytes).into()),
            ),
        ));
        let o = self.operation();
        let keys: Vec<String> = o.statements.iter().take(8).map(|s| s.keys.to_string()).collect();
        rows.push((
            "One operation".into(),
            format!("{} database queries, keys in each: {}", n(o.total().into()), keys.join(", ")),
        ));
        for upload in &self.uploads {
            let way = if upload.signed { "straight to the storage" } else { "through the API" };
            rows.push(("Upload".into(), format!("{} bytes, {way}", n(upload.bytes.into()))));
        }
        rows
    }
}
