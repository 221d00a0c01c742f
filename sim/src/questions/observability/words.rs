//! The run in words: log lines, the story of a request, and the picture as rows of text.

use super::shop::{End, Kind, station_name};
use super::telemetry::{Record, Trace};
use super::{Lines, Observability, Paging, SERVICES, act, knob, number};
use crate::blocks::tracer::critical_times;
use crate::decimal::{fixed, grouped as n};
use crate::kernel::{Line, Us};
use crate::look::{knob_now, span};

/// Codes of what can happen. The first group is about one request.
pub(super) mod code {
    pub const COMES: u8 = 0;
    pub const WORKS: u8 = 1;
    pub const FULL: u8 = 2;
    pub const ENDS: u8 = 3;
    pub const LEFT: u8 = 4;
    pub const LOST: u8 = 5;

    pub const CRASHED: u8 = 10;
    pub const BACK: u8 = 11;
    pub const FROZEN: u8 = 12;
    pub const STILL: u8 = 13;
    pub const GIVEN: u8 = 14;
    pub const LIMIT: u8 = 15;
    pub const FIRES: u8 = 16;
    pub const LETS_GO: u8 = 17;
    pub const OPENED: u8 = 18;
    pub const BLIND: u8 = 19;
    pub const BOUND: u8 = 20;
    pub const WHO: u8 = 21;
    pub const MENDED: u8 = 22;
    pub const KNOB: u8 = 23;
    /// And the number of the act.
    pub const BROKEN: u8 = 40;
}

/// An id as it stands in traces and log lines.
pub fn hex(id: u32) -> String {
    format!("{id:08x}")
}

fn rule(which: i64) -> String {
    let names = ["14.4 over 1 h and 5 min", "6 over 6 h and 30 min", "1 over 3 d and 6 h"];
    match which >> 4 {
        p if p == Paging::Share as i64 => "errors above 1 % for 5 min".into(),
        p if p == Paging::Cpu as i64 => "CPU above 80 % for 5 min".into(),
        _ => format!("burn rate {}", names[(which & 3).clamp(0, 2) as usize]),
    }
}

pub(super) fn tell(line: &Line) -> String {
    let (a, b) = (line.a, line.b);
    let thousandths = |v: i64| fixed(v as f64 / 1_000.0, 1);
    match line.code {
        code::COMES => {
            let kind = [Kind::Browse, Kind::Cart, Kind::Checkout][a.clamp(0, 2) as usize];
            format!("{} of user {} comes to the balancer", kind.name(), n(b))
        }
        code::WORKS => {
            let (waited, takes) = (span(b >> 32), span(b & 0xffff_ffff));
            let wait = if waited == Us::ZERO { "at once".into() } else { format!("after a wait of {waited}") };
            format!("{} begins with it {wait}; its own work takes {takes}", station_name(a as usize))
        }
        code::FULL => format!("the queue of {} is full", station_name(a as usize)),
        code::ENDS => {
            let end = End::ALL[(a as usize).min(End::ALL.len() - 1)];
            format!("the balancer answers {} after {}", end.words(), span(b))
        }
        code::LEFT => format!("its user has waited {} and leaves; the shop goes on with it", span(a)),
        code::LOST => "lost on the way: no server ever hears of it".into(),
        code::CRASHED => {
            format!("{} dies with {} requests, and its counters with it", station_name(a as usize), n(b))
        }
        code::BACK => format!("{} is back; its counters begin at 0", station_name(a as usize)),
        code::FROZEN => format!("web stands still for {}", span(a)),
        code::STILL => "web stands still already".into(),
        code::GIVEN => format!("{} requests that take {} each", n(a), span(b)),
        code::LIMIT => format!("{} series are more than the limit of {}: the scrape is refused", n(a), n(b)),
        code::FIRES => format!("alert: {}, {} after the trouble began", rule(a), minutes(span(b))),
        code::LETS_GO => format!("the alert lets go: {}", rule(a)),
        code::OPENED => {
            let how = match b {
                0 => "its trace was kept",
                1 => "its trace is not decided yet",
                2 => "its trace was dropped",
                _ => return "no exemplar leads to a trace here".into(),
            };
            format!("opens the exemplar {}: {how}", hex(a as u32))
        }
        code::BLIND => format!("the monitor is down for {}: scrapes fail", span(a)),
        code::BOUND => format!("new bucket bounds, {} of them: {} ms came or went; histograms begin empty", n(b), n(a)),
        code::WHO => {
            format!("about {} users have had errors; logs can name {}, traces {}", n(a), n(b >> 32), n(b & 0xffff_ffff))
        }
        code::MENDED => "everything is mended".into(),
        code::KNOB => knob_now(knob::ALL, a, b),
        broken => match (broken - code::BROKEN) as usize {
            act::ERRORS => format!("a bad release: {} % of the requests fail", thousandths(a)),
            act::DATABASE => format!("queries take {} times as long", thousandths(a)),
            act::BAD => format!("{} takes {} times as long", station_name((a / 1_000) as usize), thousandths(b)),
            act::CUSTOMER => "everything fails for user 7".into(),
            act::NETWORK => format!("the network is {} ms slower and loses {} %", thousandths(a), thousandths(b)),
            act::SURGE => format!("{} times as many requests", thousandths(a)),
            _ => "something breaks".into(),
        },
    }
}

/// Minutes, or hours when there are many: what the telemetry clock is read in.
pub fn minutes(span: Us) -> String {
    let s = span.as_s();
    if s < 60.0 {
        format!("{} s", fixed(s, 1))
    } else if s < 6_000.0 {
        format!("{} min", fixed(s / 60.0, 1))
    } else {
        format!("{} h", fixed(s / 3_600.0, 1))
    }
}

impl Record {
    /// The log line of each station that kept one: (service, what it says).
    pub fn log_lines(&self, lines: Lines) -> Vec<(&'static str, String)> {
        let mut all = Vec::new();
        for i in (0..self.hops as usize).filter(|i| self.lines >> i & 1 == 1) {
            let last = i + 1 == self.lines.ilog2() as usize + 1;
            let said = if self.end == End::Good || last || i == 0 { self.end.words() } else { "500 from below" };
            let level = if self.end == End::Good { "info" } else { "error" };
            let service = SERVICES[self.kind.way()[i] as usize].name;
            let text = match lines {
                Lines::Text => format!("{} {said}", level.to_ascii_uppercase()),
                _ => format!("{{\"level\":\"{level}\",\"user\":{},\"msg\":\"{said}\"}}", self.user),
            };
            all.push((service, text));
        }
        all
    }
}

impl Observability {
    pub(super) fn in_words(&self, now: Us) -> Vec<(String, String)> {
        let mut rows = Vec::new();
        let mut row = |what: &str, how: String| rows.push((what.to_string(), how));
        let say =
            |which: usize| self.read_number(which, now).map_or("not known".into(), |v| format!("{} ms", fixed(v, 1)));
        row("p99", format!("reported {}, in truth {}", say(number::REPORTED_99), say(number::TRUE_99)));
        row("p50", format!("reported {}, in truth {}", say(number::REPORTED_50), say(number::TRUE_50)));
        let histogram = self.histogram();
        for i in 0..=self.bounds.all().len() {
            let (low, high) = self.bounds.edges(i);
            let count = histogram.bucket(i);
            if count > 0 {
                let to = high.map_or("no end".into(), |h| h.to_string());
                row(&format!("Bucket {}", i + 1), format!("above {low} up to {to}: {}", n(count.into())));
            }
        }
        for e in self.exemplars() {
            let state = match e.trace {
                Some(Trace::Kept) => "can be opened",
                Some(Trace::Undecided) => "is not decided yet",
                _ => "is gone",
            };
            row(
                &format!("Exemplar in bucket {}", e.bucket + 1),
                format!("{}, {}; its trace {state}", hex(e.id), e.value),
            );
        }
        self.opened_in_words(&mut row);
        for (i, a) in self.alerts().iter().enumerate() {
            if i > 0 && self.paging() != Paging::Burn {
                break;
            }
            let state = if a.seen.fires { "fires" } else { "quiet" };
            let name = rule(i as i64 | (self.paging() as i64) << 4);
            row(
                &name,
                format!(
                    "{state}; {} over the long window, {} over the short one",
                    fixed(a.seen.long, 2),
                    fixed(a.seen.short, 2)
                ),
            );
        }
        if let Some(d) = self.paged_after() {
            row("Page", format!("{} after the trouble began, on the telemetry clock", minutes(d)));
        }
        for u in self.services() {
            let up = if u.up.0 < u.up.1 { format!(", {} of {} up", u.up.0, u.up.1) } else { String::new() };
            row(
                u.name,
                format!(
                    "{} % busy, {} waiting, {} errors{up}",
                    fixed(u.utilisation * 100.0, 0),
                    u.saturation,
                    u.errors
                ),
            );
        }
        let bill = self.bill(now);
        let money = |v: f64| format!("{} $ a month", n(v as i64));
        row("Cost of metrics", format!("{}, {} series", money(bill.metrics), n(self.series() as i64)));
        row("Cost of logs", money(bill.logs));
        row("Cost of traces", money(bill.traces));
        if let Some(t) = &self.tester {
            let p99 = |h: &crate::measure::hist::Hist| h.quantile(0.99).map_or("not known".into(), |v| v.to_string());
            row(
                "Load tester",
                format!("{} sent, p99 {}, corrected {}", n(t.count().into()), p99(t.measured()), p99(t.corrected())),
            );
        }
        if let Some((_, [all, logs, traces])) = self.answer {
            row(
                "Which user",
                format!("about {} affected; logs name {}, traces {}", n(all as i64), n(logs as i64), n(traces as i64)),
            );
        }
        rows
    }

    fn opened_in_words(&self, row: &mut impl FnMut(&str, String)) {
        let Some(opened) = self.opened() else { return };
        let Some(r) = &opened.record else {
            return row("Open trace", "none: no exemplar leads to one here".into());
        };
        let state = match r.trace {
            Trace::Kept => "kept",
            Trace::Undecided => "not decided yet",
            Trace::Dropped => "dropped",
        };
        row("Open trace", format!("{}, {}, {}, {state}", hex(r.id), r.kind.name(), r.took));
        if r.trace == Trace::Kept {
            let spans = r.spans();
            for (s, critical) in spans.iter().zip(critical_times(&spans)) {
                let name =
                    if s.name == Record::WAIT { "wait for a connection" } else { SERVICES[s.name as usize].name };
                row(&format!("Span {name}"), format!("{}, of it {critical} on the critical path", s.duration()));
            }
        }
        let found = self.lines_found();
        row("Its log lines", format!("{found} found by its id, {} kept", r.lines.count_ones()));
    }
}
