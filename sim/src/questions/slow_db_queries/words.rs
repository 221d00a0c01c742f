//! The run in words: log lines, the story of a request, and the picture as rows of text.

use super::{Kind, SlowQueries, Why, knob};
use crate::blocks::cache::Look;
use crate::blocks::planner::Method;
pub(super) use crate::decimal::grouped as thousands;
use crate::kernel::{Line, Us};
use crate::look::knob_now;

/// Codes of what can happen. The first group is about one request.
pub(super) mod code {
    pub const ARRIVED: u8 = 0;
    pub const HIT: u8 = 1;
    pub const MISS: u8 = 2;
    pub const QUEUED: u8 = 3;
    pub const PLACE: u8 = 4;
    pub const OPENING: u8 = 5;
    pub const BEGUN: u8 = 6;
    pub const LOCKED: u8 = 7;
    pub const REPORTS: u8 = 8;
    pub const DONE: u8 = 9;
    pub const ANSWERED: u8 = 10;
    pub const FAILED: u8 = 11;

    pub const BURST: u8 = 20;
    pub const BURST_OVER: u8 = 21;
    pub const REPORT: u8 = 22;
    pub const LOCK: u8 = 23;
    pub const UNLOCKED: u8 = 24;
    pub const SLOW: u8 = 25;
    pub const STALLED: u8 = 26;
    pub const RESUMED: u8 = 27;
    pub const DOWN: u8 = 28;
    pub const UP: u8 = 29;
    pub const DELAY: u8 = 30;
    pub const LEAKED: u8 = 31;
    pub const DROPPED: u8 = 32;
    pub const BUILDING: u8 = 33;
    pub const BUILT: u8 = 34;
    pub const PLAN: u8 = 35;
    pub const UPDATED: u8 = 36;
    pub const FLUSHED: u8 = 37;
    pub const MENDED: u8 = 38;
    pub const ALL_HELD: u8 = 39;
    pub const COLLAPSED: u8 = 40;
    pub const RECOVERED: u8 = 41;
    pub const KNOB: u8 = 42;
}

const WHYS: [(Why, &str); 6] = [
    (Why::NoConnection, "no connection was free in time"),
    (Why::Full, "the wait queue was full"),
    (Why::TooMany, "the database refused the connection: too many clients already"),
    (Why::Down, "the database could not be reached"),
    (Why::Cancelled, "the statement timeout cancelled it"),
    (Why::Lost, "the database died with it"),
];

/// A number that was multiplied by a power of ten to be whole.
fn scaled(n: i64, scale: i64) -> String {
    crate::declare::show(n as f64 / scale as f64)
}

pub fn method(m: Method) -> &'static str {
    match m {
        Method::SeqScan => "sequential scan",
        Method::IndexScan => "index scan",
        Method::IndexOnlyScan => "index-only scan",
        Method::BitmapScan => "bitmap scan",
    }
}

fn method_of(n: i64) -> &'static str {
    let all = [Method::SeqScan, Method::IndexScan, Method::IndexOnlyScan, Method::BitmapScan];
    all.into_iter().find(|m| *m as i64 == n).map_or("", method)
}

pub(super) fn tell(line: &Line) -> String {
    let (a, b) = (line.a, line.b);
    let n = thousands;
    match line.code {
        code::ARRIVED if a == Kind::Report as i64 => "a report sets out".into(),
        code::ARRIVED if a == Kind::Write as i64 => format!("a write for customer {} sets out", n(b)),
        code::ARRIVED => format!("a read for customer {} sets out", n(b)),
        code::HIT if b == 1 => format!("the cache answers with a copy {} old; the row has changed since", Us(a as u64)),
        code::HIT => format!("the cache answers with a copy {} old", Us(a as u64)),
        code::MISS => "the cache has no answer: ask the database".into(),
        code::QUEUED => format!("all connections are in use: number {} in the wait queue", n(a)),
        code::PLACE if a == 0 => "a connection is free at once".into(),
        code::PLACE => format!("gets a connection after {}", Us(a as u64)),
        code::OPENING => format!("the connection has to be opened first: {}", Us(a as u64)),
        code::BEGUN => format!("a statement begins beside {} others", n(a)),
        code::LOCKED => format!("a statement waits for a lock, with {} others, and keeps its connection", n(a)),
        code::REPORTS => format!("the report runs for {} and keeps its connection", Us(a as u64)),
        code::DONE if b == 0 => format!("done after {} in the database", Us(a as u64)),
        code::DONE => format!("done after {} in the database, {} statements to go", Us(a as u64), n(b)),
        code::ANSWERED => {
            format!("answered after {}, of which {} before it had a connection", Us(a as u64), Us(b as u64))
        }
        code::FAILED => {
            let why = WHYS.iter().find(|(w, _)| *w as i64 == a).map_or("", |(_, text)| text);
            format!("failed after {}: {why}", Us(b as u64))
        }
        code::BURST => format!("a burst: {} requests a second for {}", n(a), Us(b as u64)),
        code::BURST_OVER => format!("the burst is over: {} requests a second, {} are waiting", n(a), n(b)),
        code::REPORT if a == 1 => format!("a report that takes {} begins", Us(b as u64)),
        code::REPORT => format!("{} reports that take {} each begin", n(a), Us(b as u64)),
        code::LOCK => format!("a session holds a lock on orders for {}: writes wait", Us(a as u64)),
        code::UNLOCKED => format!("the lock is released; {} statements were waiting for it", n(a)),
        code::SLOW => format!("the primary is {} times slower", scaled(a, 10)),
        code::STALLED => format!("the primary stands still for {}", Us(a as u64)),
        code::RESUMED => format!("the primary goes on with {} statements", n(a)),
        code::DOWN => format!("the primary dies with {} statements; back in {}", n(a), Us(b as u64)),
        code::UP => format!("the primary is back; {} requests are waiting, and every connection must be opened", n(a)),
        code::DELAY => format!("every round trip takes {} longer", Us(a as u64)),
        code::LEAKED => format!("{} connections are taken and not given back", n(a)),
        code::DROPPED => "the index is dropped".into(),
        code::BUILDING if b == 1 => {
            format!("CREATE INDEX begins, {} of work: writes wait until it is done", Us(a as u64))
        }
        code::BUILDING => format!("CREATE INDEX CONCURRENTLY begins, {} of work", Us(a as u64)),
        code::BUILT => format!("the index {} is ready after {}", SlowQueries::index_name(a as u8), Us(b as u64)),
        code::PLAN => format!("the planner now chooses the {}, estimated cost {}", method_of(a), scaled(b, 100)),
        code::UPDATED if a == 1 => "customer 1 changes in the database, and the cached answer is deleted".into(),
        code::UPDATED => "customer 1 changes in the database; a cached answer stays as it was".into(),
        code::FLUSHED => format!("the cache is flushed: {} answers gone", n(a)),
        code::MENDED => "database, network, locks and leaks are mended; running reports are cancelled".into(),
        code::ALL_HELD => format!("reports and leaks hold all {} connections", n(a)),
        code::COLLAPSED => {
            format!("the database cannot keep up: {} answers a second, {} requests are waiting", n(a), n(b))
        }
        code::RECOVERED => format!("the wait queue is empty again: {} answers a second", n(a)),
        code::KNOB => knob_now(knob::ALL, a, b),
        _ => String::new(),
    }
}

impl SlowQueries {
    pub(super) fn in_words(&self, now: Us) -> Vec<(String, String)> {
        let n = |v: f64| thousands((v + 0.5) as i64);
        let r = &self.rates;
        let mut rows = vec![(
            "Requests".into(),
            format!(
                "{} a second, {} answered, {} failed",
                n(r.offered.per_s(now)),
                n(r.good.per_s(now)),
                n(r.failed.per_s(now))
            ),
        )];
        let age = self.oldest(now).map_or("nobody waits".into(), |a| format!("the oldest for {a}"));
        rows.push(("Wait queue".into(), format!("{} requests, {age}", n(self.waiting() as f64))));
        let (most, pools) = self.per_node();
        let leaked = self.leaked();
        rows.push((
            "Connections".into(),
            format!(
                "{} in use, {} idle, {} being opened, {} held by reports, {leaked} leaked; {} in {pools} pools for each node",
                n(self.in_use() as f64),
                n(self.pools.iter().map(|p| p.idle()).sum::<usize>() as f64),
                n(self.counts.opening as f64),
                n(self.counts.reports as f64),
                n(f64::from(most)),
            ),
        ));
        if let Some((waiting, size)) = self.at_pooler() {
            rows.push(("Pooler".into(), format!("{size} connections to each node, {waiting} requests wait there")));
        }
        for (i, db) in self.databases().enumerate() {
            let name = if i == 0 { "Primary".to_string() } else { format!("Replica {i}") };
            let state = if i == 0 && self.is_down() {
                ", down".to_string()
            } else if db.is_stalled() {
                ", standing still".to_string()
            } else if db.factor() > 1.0 {
                format!(", {} times slower than usual", crate::declare::show(db.factor()))
            } else {
                String::new()
            };
            let lock = if db.lock_held_from_outside() { ", a session holds the lock" } else { "" };
            rows.push((
                name,
                format!("{} statements running, {} waiting for a lock{lock}{state}", db.active(), db.locked()),
            ));
        }
        if let Some((good, tipping)) = self.equilibria() {
            let tipping = tipping.map_or("no tipping point".into(), |t| format!("tipping point at {}", n(t)));
            rows.push(("Balance".into(), format!("keeps up with {} statements running, {tipping}", n(good))));
        } else {
            rows.push(("Balance".into(), "the load is above what the database can do".into()));
        }
        let plans: Vec<String> = self.plans.iter().map(|p| format!("{} {}", method(p.method), n(p.total))).collect();
        rows.push(("Plans by cost".into(), plans.join(", ")));
        let building = self.building.map_or(String::new(), |b| {
            format!("; {} has been building for {}", SlowQueries::index_name(b.index), now - b.since)
        });
        rows.push(("Index".into(), format!("{}{building}", SlowQueries::index_name(self.index))));
        let [wait, trips, exec] = self.parts(now).map(|us| Us::from_us(us).to_string());
        rows.push(("A request on average".into(), format!("waits {wait}, round trips {trips}, execution {exec}")));
        if self.s.cache {
            let share = self.hit_share(now).map_or("no reads".into(), |s| format!("{} % of reads hit", n(100.0 * s)));
            let first = match self.cached(0, now) {
                Some((Look::Fresh, copy, row, age)) if copy == row => format!("customer 1 is {age} old and current"),
                Some((Look::Fresh, .., age)) => format!("customer 1 is {age} old and out of date"),
                _ => "customer 1 is not cached".into(),
            };
            rows.push(("Cache".into(), format!("{share}, {first}")));
        }
        rows
    }
}
