//! The run in words: log lines, the story of a request, and the picture as rows of text.

use super::*;
use crate::decimal::grouped;

/// Codes of what can happen. The first group is about one request.
pub(super) mod code {
    pub const ARRIVED: u8 = 0;
    pub const EDGE_HIT: u8 = 1;
    pub const LIMITED: u8 = 2;
    pub const SENT: u8 = 3;
    pub const QUEUED: u8 = 4;
    pub const BEGUN: u8 = 5;
    pub const LOOKED: u8 = 6;
    pub const POOL: u8 = 7;
    pub const ASKED: u8 = 8;
    pub const QUERIED: u8 = 9;
    pub const LOADS: u8 = 10;
    pub const JOINED: u8 = 11;
    pub const LOADED: u8 = 12;
    pub const PUBLISHED: u8 = 13;
    pub const ANSWERED: u8 = 14;
    pub const FAILED: u8 = 15;
    pub const WASTED: u8 = 16;
    pub const DROPPED: u8 = 17;

    pub const ZONE: u8 = 20;
    pub const BALANCER: u8 = 21;
    pub const SERVERS: u8 = 22;
    pub const SLOW: u8 = 23;
    pub const CACHE: u8 = 24;
    pub const CACHE_BACK: u8 = 25;
    pub const PRIMARY: u8 = 26;
    pub const REPLICA: u8 = 27;
    pub const PROMOTED: u8 = 28;
    pub const DB_SLOW: u8 = 29;
    pub const HOT: u8 = 30;
    pub const FLASH: u8 = 31;
    pub const FLASH_OVER: u8 = 32;
    pub const WORKERS: u8 = 33;
    pub const WORKERS_BACK: u8 = 34;
    pub const MENDED: u8 = 35;
    pub const CHECKED: u8 = 36;
    pub const KNOB: u8 = 37;
    pub const GREEDY: u8 = 38;
}

/// In the order of `Why`.
const WHYS: [&str; 11] = [
    "503, its server's line was full",
    "503, the balancer could not keep up",
    "503, no living server in rotation",
    "502, it was sent to something dead that the checks had not noticed yet",
    "500, its server has no connection to the database",
    "503, the database's line was full",
    "504, no answer from the database in time",
    "503, no database node that could do it",
    "503, the broker was full",
    "502, what it depended on died",
    "the client's patience ended",
];

/// Tenths, given as tenths: 25 is "2.5", 30 is "3".
fn tenths(n: i64) -> String {
    if n % 10 == 0 { grouped(n / 10) } else { format!("{}.{}", n / 10, n % 10) }
}

pub(super) fn tell(line: &Line) -> String {
    let (a, b) = (line.a, line.b);
    let (us, n) = (|v: i64| Us(v.unsigned_abs()), grouped);
    match line.code {
        code::ARRIVED => if a == 0 { "A read arrives at the edge" } else { "A write arrives at the edge" }.into(),
        code::EDGE_HIT => "The edge has the answer".into(),
        code::LIMITED => {
            let tier = if b == 0 { "free" } else { "paid" };
            format!("429: its client has used the {} requests a minute of the {tier} tier", n(a))
        }
        code::SENT => format!("Balancer {} sends it to server {}", b + 1, a + 1),
        code::QUEUED => format!("All workers of server {} are busy: place {b} in line", a + 1),
        code::BEGUN => format!("A worker takes it, {} after it arrived", us(a)),
        code::LOOKED => format!("{a} of {b} records in the cache"),
        code::POOL => "All connections of its server are in use: it waits for one".into(),
        code::ASKED => match b {
            0 => format!("Database node {} is asked", a + 1),
            _ => format!("Database node {} is asked, {} queries are waiting there", a + 1, n(b)),
        },
        code::QUERIED => format!("Database node {} has answered, after {}", a + 1, us(b)),
        code::LOADS => format!("It is the first to miss record {}: one query for all who want it", n(a)),
        code::JOINED => format!("Record {} is being loaded already: it waits for that", n(a)),
        code::LOADED => format!("Record {} is there", n(a)),
        code::PUBLISHED => format!("The heavy part goes to the broker, place {}", n(a)),
        code::ANSWERED => format!("Answered after {}", us(a)),
        code::FAILED => format!("Not answered: {}", WHYS.get(a as usize).unwrap_or(&"")),
        code::WASTED => "Its answer is ready, for nobody".into(),
        code::DROPPED => "A worker finds that its client has left, and does not start it".into(),

        code::ZONE => format!("Zone {a} is lost with {} servers", n(b)),
        code::BALANCER => format!("Balancer {a} dies with its connections"),
        code::SERVERS => format!("{} servers die, {} are left", n(a), n(b)),
        code::SLOW => format!("{} servers are {} times slower, and their checks pass", n(a), tenths(b)),
        code::CACHE if b == 0 => format!("{a} cache nodes restart, empty"),
        code::CACHE => format!("{a} cache nodes are away for {}", us(b)),
        code::CACHE_BACK => format!("The cache nodes are back; {} records live elsewhere now", n(a)),
        code::PRIMARY => format!("The primary of shard {a} dies; {} writes were on their way to the replicas", n(b)),
        code::REPLICA => format!("Database node {} dies, a replica", a + 1),
        code::PROMOTED => format!("Node {} takes the writes of shard {a}", b + 1),
        code::DB_SLOW => format!("The database is {} times slower", tenths(a)),
        code::HOT => format!("{a} % of all lookups want one record, on cache node {}", b + 1),
        code::FLASH => format!("{} times the load: {} requests a second", tenths(a), n(b)),
        code::GREEDY if b == 0 => format!("One client adds {a} % to the load, and nothing limits it"),
        code::GREEDY => format!("One client adds {a} % to the load; its tier will not allow it"),
        code::FLASH_OVER => format!("The flash is over: {} requests a second", n(a)),
        code::WORKERS => format!("The job workers stop for {}", us(a)),
        code::WORKERS_BACK => format!("The job workers are back; {} jobs wait", n(a)),
        code::MENDED => "Everything is up again; what was lost is empty".into(),
        code::CHECKED => format!("Health checks: {a} balancers and {} servers in rotation", n(b)),
        code::KNOB => {
            let knob = &knob::ALL[a as usize];
            let value = b as f64 / 1_000.0;
            format!("{} is now {}", knob.label, knob.show(value))
        }
        _ => String::new(),
    }
}

impl Million {
    pub(super) fn in_words(&self, now: Us) -> Vec<(String, String)> {
        let n = |v: f64| grouped(libm::round(v) as i64);
        let rate = |m| n(self.meters.per_s(m, now));
        let mut rows: Vec<(String, String)> = Vec::new();
        let mut row = |what: &str, how: String| rows.push((what.into(), how));
        row(
            "Load",
            format!(
                "{} requests a second offered, {} answered in time, {} lost, {} over their tier",
                rate(meter::OFFERED),
                rate(meter::GOOD),
                rate(meter::LOST),
                rate(meter::LIMITED)
            ),
        );
        let d = &self.d;
        row(
            "Built",
            format!(
                "{} servers, {} balancers, {} cache nodes, {} database nodes in {} shards, {} job workers",
                n(f64::from(d.servers)),
                d.balancers,
                d.cache_nodes,
                d.db_nodes(),
                d.shards,
                n(f64::from(d.job_workers))
            ),
        );
        for (i, z) in self.zones().iter().enumerate() {
            let all = z.servers_up * self.workers_each();
            let busy = if all > 0 { 100.0 * f64::from(z.busy) / f64::from(all) } else { 0.0 };
            row(
                ["Zone 1", "Zone 2", "Zone 3", "Zone 4", "Zone 5", "Zone 6"][i],
                format!(
                    "{} of {} servers up, {} % busy, {} requests wait; {} of {} balancers up",
                    z.servers_up,
                    z.servers,
                    n(busy),
                    z.waiting,
                    z.balancers_up,
                    z.balancers
                ),
            );
        }
        let up = self.cache_hops.iter().filter(|h| h.up).count();
        let hits = self.hit_share(now).map_or("no lookups".into(), |h| format!("{} % of lookups hit", n(100.0 * h)));
        let cache = if self.s.cache { format!("{up} of {} nodes up, {hits}", d.cache_nodes) } else { "off".into() };
        row("Cache", cache);
        let mut data = String::new();
        for (i, v) in self.nodes().enumerate().take(12) {
            let what = match (v.up, v.primary) {
                (false, _) => "down",
                (_, true) => "primary",
                _ => "replica",
            };
            data += &format!(
                "node {} {what}, {} % busy, {} wait; ",
                i + 1,
                n(100.0 * f64::from(v.load)),
                n(v.waiting as f64)
            );
        }
        let without = self.servers_without();
        if without > 0 {
            data += &format!("{without} servers have no connection; ");
        }
        data += &format!("{} queries a second", rate(meter::QUERIES));
        row("Database", data);
        let (waiting, busy, workers, stopped) = self.jobs();
        let state = if stopped { ", stopped" } else { "" };
        let jobs = format!("{} jobs wait, {busy} of {workers} workers busy{state}", n(waiting as f64));
        row("Broker", if self.s.broker { jobs } else { "off: requests wait for the heavy part".into() });
        for r in self.table(now) {
            let show = |v: Option<f64>| v.map_or("unknown".into(), n);
            let how = format!("planned {}, measured {} {}", show(r.planned), show(r.measured), r.unit);
            row(&format!("{}, plan and run", r.label), how);
        }
        let parts = self.saturation();
        let next: Vec<String> = parts.iter().map(|p| format!("{} {} %", p.name, n(100.0 * p.used))).collect();
        row("Fullest first", next.join(", "));
        row("Cost", format!("{} dollars an hour", n(self.cost_per_hour(now))));
        rows
    }
}
