//! The run in words: log lines, the story of a request, and the picture as rows of text.

use super::desk::{Doing, Probe};
use super::{Cause, Change, DebugLatency, PLACES, SERVICES, knob, span_label};
use crate::blocks::tracer::critical_times;
use crate::decimal::{fixed, grouped};
use crate::kernel::{Line, Us};
use crate::look::{knob_now, span};

/// Codes of what can happen. The first group is about one request.
pub(super) mod code {
    pub const ARRIVED: u8 = 0;
    pub const CALLED: u8 = 1;
    pub const LOST: u8 = 2;
    pub const BEGUN: u8 = 3;
    pub const MISSED: u8 = 4;
    pub const CONNECTED: u8 = 5;
    pub const LOCKED: u8 = 6;
    pub const AGAIN: u8 = 7;
    pub const TIMED_OUT: u8 = 8;
    pub const CALL_FAILED: u8 = 9;
    pub const ANSWERED: u8 = 10;
    pub const FAILED: u8 = 11;

    pub const OCCUPIED: u8 = 20;
    pub const NO_PROBES: u8 = 21;
    pub const PROBING: u8 = 22;
    pub const FOUND: u8 = 23;
    pub const OPENED: u8 = 24;
    pub const NO_TRACE: u8 = 25;
    pub const CHANGING: u8 = 26;
    pub const CHANGED: u8 = 27;
    pub const NAMED: u8 = 28;
    pub const WRONG: u8 = 29;
    pub const REVEALED: u8 = 30;
    pub const ALARM: u8 = 31;
    pub const QUIET: u8 = 32;
    pub const KILLED: u8 = 33;
    pub const SURGE: u8 = 34;
    pub const SKEWED: u8 = 35;
    pub const FLUSHED: u8 = 36;
    pub const KNOB: u8 = 40;
}

fn place(n: i64) -> &'static str {
    PLACES.get(n as usize).map_or("", |p| p.1)
}
fn probe(n: i64) -> &'static str {
    Probe::ALL.get(n as usize).map_or("", |p| p.label())
}
fn change(n: i64) -> &'static str {
    Change::ALL.get(n as usize).map_or("", |c| c.label())
}
fn cause(n: i64) -> &'static str {
    Cause::ALL.get(n as usize).map_or("nothing", |c| c.label())
}

pub(super) fn tell(line: &Line) -> String {
    let (a, b) = (line.a, line.b);
    match line.code {
        code::ARRIVED => "arrives at the gateway".into(),
        code::CALLED if b > 1 => format!("Checkout calls {} again: attempt {b}", place(a)),
        code::CALLED => format!("Checkout calls {}", place(a)),
        code::LOST => format!("the call to {} is lost: nobody will answer it", place(a)),
        code::BEGUN if a == 0 => format!("instance {} of {} takes it at once", (b & 255) + 1, place(b >> 8)),
        code::BEGUN => format!("instance {} of {} takes it after {} in line", (b & 255) + 1, place(b >> 8), span(a)),
        code::MISSED => format!("{}'s cache does not have it: {} to load", place(a), span(b)),
        code::CONNECTED => format!("{} waited {} for a connection", place(a), span(b)),
        code::LOCKED => format!("{}'s statement waits {} for a row that another session holds", place(a), span(b)),
        code::AGAIN => format!("no answer of {} yet: another attempt", place(a)),
        code::TIMED_OUT => format!("Checkout gives up on {} after {}", place(a), span(b)),
        code::CALL_FAILED => format!("the call to {} failed", place(a)),
        code::ANSWERED => format!("answered after {}", span(a)),
        code::FAILED => format!("failed after {}", span(a)),
        code::OCCUPIED => "one thing at a time: the last one is not finished".into(),
        code::NO_PROBES => "no probes left".into(),
        code::PROBING if a == Probe::Trace as i64 => "looking for a trace".into(),
        code::PROBING => format!("probing: {}, {}", probe(a), place(b)),
        code::FOUND => format!("{} of {} are on the desk", probe(a), place(b)),
        code::OPENED => format!("trace {a} is on the desk: {}", span(b)),
        code::NO_TRACE => "no such trace was kept".into(),
        code::CHANGING => format!("{}: {} begins", place(b), change(a)),
        code::CHANGED => format!("{}: {} is in force", place(b), change(a)),
        code::NAMED => format!("{}: right, {} after it began", cause(a), span(b)),
        code::WRONG => format!("{}: wrong", cause(a)),
        code::REVEALED => format!("it was {}, at {}", cause(a), place(b)),
        code::ALARM => format!("alarm: {a} % of requests are slower than promised"),
        code::QUIET => format!("the alarm is over: {a} % are slow"),
        code::KILLED => format!("instance {} of {} is down, with all that was in it", b + 1, place(a)),
        code::SURGE => format!("traffic changes to {} requests a second", grouped(a)),
        code::SKEWED => format!("the clocks of every second host are {} behind", span(a)),
        code::FLUSHED => format!("the cache of {} is empty for 15 s", place(a)),
        code::KNOB => knob_now(knob::ALL, a, b),
        _ => String::new(),
    }
}

impl DebugLatency {
    pub(super) fn in_words(&self, now: Us) -> Vec<(String, String)> {
        let mut rows: Vec<(String, String)> = Vec::new();
        let mut row = |what: &str, how: String| rows.push((what.into(), how));
        let own = self.map(now);
        for s in 0..SERVICES {
            let (instances, busy, workers, line) = self.service(s);
            let own = if own[s].is_nan() {
                "no trace kept lately".to_string()
            } else {
                format!("self time {} ms in kept traces", fixed(own[s].into(), 0))
            };
            let text = format!("{own}; {instances} instances, {busy} of {workers} workers busy, {line} in line");
            row(place(s as i64), text);
        }
        let at = place(self.looked_at() as i64);
        row("Looking at", at.into());
        let left = self.probes_left().map_or("as many as you like".into(), |n| n.to_string());
        let (used, wrong, guesses) = self.score();
        row("Score", format!("{used} probes used, {left} left; {wrong} wrong changes, {guesses} wrong guesses"));
        if let Some(task) = self.task() {
            let what = match task.doing {
                Doing::Probe { kind, .. } => kind.label(),
                Doing::Change { change, .. } => change.label(),
                Doing::Astray => "following a wrong idea",
            };
            row("Under way", format!("{what}, {} to go", task.until.since(now)));
        }
        match self.case_shown() {
            Some(case) => row("The cause", format!("{}, at {}", case.cause.label(), place(case.place as i64))),
            None if self.has_case() => row("The cause", "hidden".into()),
            None => row("The cause", "nothing is wrong".into()),
        }
        if let Some(mended) = self.mended() {
            row("Mended", format!("at {mended}"));
        }
        if let Some((trace, asked)) = self.open_trace_now() {
            let times = critical_times(&trace.spans);
            let mut parts: Vec<String> = Vec::new();
            for (s, t) in trace.spans.iter().zip(&times).filter(|(_, t)| **t > Us::ZERO) {
                let parent = trace.spans.get(usize::from(s.parent)).map_or(String::new(), |p| {
                    if p.name & 15 == s.name & 15 && p.parent != u16::MAX {
                        String::new()
                    } else {
                        place((s.name & 15).into()).into()
                    }
                });
                let label = span_label(s.name);
                let of =
                    if parent.is_empty() || label.ends_with(&parent) { String::new() } else { format!(" of {parent}") };
                parts.push(format!("{label}{of} {t}"));
            }
            let which = if asked { "Trace on the desk" } else { "Trace, for comparison" };
            let wrong = self.misplaced_spans();
            let wrong = if wrong > 0 { format!("; {wrong} spans lie outside their parents") } else { String::new() };
            row(which, format!("{}, critical path: {}{wrong}", trace.took, parts.join(", ")));
        }
        for f in self.findings().rev().take(2) {
            let cells: Vec<String> = f
                .kind
                .rows()
                .iter()
                .zip(f.rows)
                .filter(|(_, (now, _))| now.is_finite())
                .map(|((what, unit), (now, before))| {
                    let n = |v: f32| if v.is_finite() { fixed(v.into(), 1).to_string() } else { "?".into() };
                    format!("{what} {} {unit} (before {})", n(now), n(before))
                })
                .collect();
            row(&format!("{}, {}", f.kind.label(), place(f.place as i64)), cells.join("; "));
        }
        rows
    }
}
