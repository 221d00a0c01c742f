//! The run in words: log lines, the story of a read, and the picture as rows of text.

use super::{Caching, knob};
use crate::blocks::cache::Look;
use crate::decimal::grouped as thousands;
use crate::kernel::{Line, Us};
use crate::look::{knob_now, span, tenths};

/// Codes of what can happen. The first group is about one read.
pub(super) mod code {
    pub const ASKS: u8 = 0;
    pub const HIT: u8 = 1;
    pub const MISS: u8 = 2;
    pub const STALE: u8 = 3;
    pub const EARLY: u8 = 4;
    pub const REFRESH: u8 = 5;
    pub const JOINS: u8 = 6;
    pub const LOCKED: u8 = 7;
    pub const QUERY: u8 = 8;
    pub const REFUSED: u8 = 9;
    pub const STORED: u8 = 10;
    pub const ANSWERED: u8 = 11;
    pub const GAVE_UP: u8 = 12;
    pub const LOST: u8 = 13;

    pub const EXPIRY: u8 = 20;
    pub const EXPIRED: u8 = 21;
    pub const CHANGED: u8 = 22;
    pub const STORED_OLD: u8 = 23;
    pub const SET_REFUSED: u8 = 24;
    pub const HOLD: u8 = 25;
    pub const HELD: u8 = 26;
    pub const CRASH: u8 = 27;
    pub const CRASHED: u8 = 28;
    pub const FLUSHED: u8 = 29;
    pub const KILLED: u8 = 30;
    pub const MENDED: u8 = 31;
    pub const SLOW_DB: u8 = 32;
    pub const SCAN: u8 = 33;
    pub const SURGE: u8 = 34;
    pub const SURGE_OVER: u8 = 35;
    pub const FULL: u8 = 36;
    pub const ROOM: u8 = 37;
    pub const KNOB: u8 = 38;
    pub const BOTS: u8 = 39;
    pub const BOTS_OVER: u8 = 40;
}

pub(super) fn tell(line: &Line) -> String {
    let (a, b) = (line.a, line.b);
    let n = thousands;
    match line.code {
        code::ASKS => format!("a reader asks for key {}", n(a)),
        code::HIT => format!("hit: a copy stored {} ago, good for another {}", span(a), span(b)),
        code::MISS if b == 1 => format!("miss: the copy of key {} has expired", n(a)),
        code::MISS => format!("miss: key {} is not in the cache", n(a)),
        code::STALE => format!("gets an old value: the database had a newer one {} before", span(a)),
        code::EARLY => format!("XFetch: recomputes although {} are left", span(a)),
        code::REFRESH => format!("gets the old value, and has key {} refreshed in the background", n(a)),
        code::JOINS if a == 0 => "joins the query that is under way".into(),
        code::JOINS => format!("joins the query that is under way, behind {} others", n(a)),
        code::LOCKED => format!("the key is locked: looks again in {}", span(a)),
        code::QUERY if b == 0 => format!("asks the database, with {} before it in the queue", n(a)),
        code::QUERY => {
            format!(
                "asks the database, with {} before it in the queue, and {} queries for this key under way already",
                n(a),
                n(b)
            )
        }
        code::REFUSED => format!("the database refuses: {} wait already", n(a)),
        code::STORED if b == 1 => format!("the database's answer for key {} is stored", n(a)),
        code::STORED => format!("the database's answer for key {} is not stored", n(a)),
        code::ANSWERED => format!("answered after {}", span(a)),
        code::GAVE_UP => format!("gives up after {}", span(a)),
        code::LOST => "its process has died".into(),
        code::EXPIRY if a == 1 => "key 1 is refreshed before it expires".into(),
        code::EXPIRY => "key 1 is missed: readers ask the database for it".into(),
        code::EXPIRED if b == 1 => format!("key {} expires now", n(a)),
        code::EXPIRED => format!("key {} was to expire, but there is no fresh copy of it", n(a)),
        code::CHANGED => format!("key {} changes: version {} is committed", n(a), n(b)),
        code::STORED_OLD => {
            format!("a reader stores an old value of key {}: it was changed while the reader was on its way", n(a))
        }
        code::SET_REFUSED => format!("the cache refuses an old value of key {}", n(a)),
        code::HOLD => format!("the next reader that loads is held up for {} before it stores", span(a)),
        code::HELD => format!("the reader that loaded key {} stops for {}", n(a), span(b)),
        code::CRASH => "the next reader that loads dies before it stores".into(),
        code::CRASHED => format!("the process that loaded key {} dies, with {} readers in it", n(a), n(b)),
        code::FLUSHED => format!("the cache is flushed: {} entries gone", n(a)),
        code::KILLED => format!("cache node {a} dies with {} entries; its keys move", n(b)),
        code::MENDED => "the database is as fast as before, and all cache nodes are up".into(),
        code::SLOW_DB => format!("the database is {} times slower", tenths(a)),
        code::SCAN => format!("a crawler reads {} old products, {} a second, each of them once", n(a), n(b)),
        code::SURGE => format!("{} times as many reads for {}", tenths(a), span(b)),
        code::SURGE_OVER => "the burst is over".into(),
        code::FULL => format!("the database's queue is full: {} wait, others are refused", n(a)),
        code::ROOM => "the database keeps up again".into(),
        code::BOTS => format!("{a} % of the reads ask for what does not exist, for {}", span(b)),
        code::BOTS_OVER => "the bots are gone".into(),
        code::KNOB => knob_now(knob::ALL, a, b),
        _ => String::new(),
    }
}

impl Caching {
    pub(super) fn in_words(&self, now: Us) -> Vec<(String, String)> {
        let n = |v: f64| thousands((v + 0.5) as i64);
        let r = &self.rates;
        let share =
            |s: Option<f64>| s.map_or("none yet".to_string(), |s| format!("{} %", tenths((s * 1_000.0 + 0.5) as i64)));
        let mut rows = vec![(
            "Readers".to_string(),
            format!(
                "{} reads a second, {} waiting, {} failing a second",
                n(r.reads.per_s(now)),
                n(self.counts.waiting as f64),
                n(r.failed.per_s(now))
            ),
        )];
        let up = self.nodes().filter(|up| *up).count();
        rows.push((
            "Cache".into(),
            format!(
                "hits {}; {} of {} entries on {up} of {} nodes",
                share(self.hits_now(now)),
                n(f64::from(self.entries())),
                n(f64::from(self.s.capacity)),
                self.nodes.len()
            ),
        ));
        rows.push((
            "Predicted hits".into(),
            format!("{} by formula, {} at best", share(Some(self.theory.predicted)), share(Some(self.theory.best))),
        ));
        let (loading, last) = self.hottest();
        let state = match self.state_of(now, 1) {
            Look::Fresh => "fresh",
            Look::Stale => "expired",
            Look::Missing => "not in the cache",
        };
        let old = self.hottest_stale(now).map_or(String::new(), |age| format!(", out of date for {age}"));
        rows.push((
            "Key 1".into(),
            format!("{state}{old}; {loading} queries for it under way, {last} in the last burst"),
        ));
        for b in self.shelf(now, 6) {
            let all = b.last - b.first + 1;
            let which = if all == 1 {
                format!("Key {}", b.first)
            } else {
                format!("Keys {} to {}", n(f64::from(b.first)), n(f64::from(b.last)))
            };
            if b.last > 1 {
                rows.push((
                    which,
                    format!(
                        "{} of {} in the cache, {} out of date, {} expired",
                        n(f64::from(b.fresh + b.stale)),
                        n(f64::from(all)),
                        b.stale,
                        b.expired
                    ),
                ));
            }
        }
        let (busy, servers, waiting, bound) = self.database();
        let slow = if self.db_factor > 1.0 {
            format!(", {} times slower than usual", tenths((self.db_factor * 10.0) as i64))
        } else {
            String::new()
        };
        rows.push((
            "Database".into(),
            format!(
                "{} queries a second, {} of {} servers busy, {} of {} waiting{slow}",
                n(r.queries.per_s(now)),
                busy,
                servers,
                n(waiting as f64),
                n(bound as f64)
            ),
        ));
        let (_, _, ahead) = self.comb(now);
        let due: u32 = ahead.iter().sum();
        rows.push(("Expiries".into(), format!("{} entries expire within the picture's span", n(f64::from(due)))));
        rows.push((
            "Stale answers".into(),
            format!("{} a second, {} in all", n(r.stale.per_s(now)), n(self.counts.stale as f64)),
        ));
        rows
    }
}
