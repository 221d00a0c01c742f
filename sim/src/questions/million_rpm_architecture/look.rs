//! What can be seen of a run: numbers, measures, and what the picture is drawn from.

use super::*;
use crate::look::{Sample, ms, percent};

/// What the picture needs to know of a request besides its fate.
#[derive(Clone, Copy, Debug)]
pub struct Way {
    pub write: bool,
    /// `NOWHERE` if it never reached a server.
    pub zone: u8,
    /// When it last asked the database.
    pub asked: Us,
}

impl Way {
    pub const NOWHERE: u8 = u8::MAX;

    pub(super) fn new(write: bool) -> Way {
        Way { write, zone: Way::NOWHERE, asked: Us::MAX }
    }
}

/// A server as the picture shows it.
#[derive(Clone, Copy, Debug)]
pub struct ServerView {
    pub zone: u8,
    pub up: bool,
    pub slow: bool,
    /// Busy workers of all.
    pub load: f32,
    pub waiting: u32,
}

/// A zone's part of the front: what is up of how many, and how busy.
#[derive(Clone, Copy, Debug, Default)]
pub struct ZoneView {
    pub servers: u32,
    pub servers_up: u32,
    pub busy: u32,
    pub waiting: u32,
    pub balancers: u32,
    pub balancers_up: u32,
}

/// A database node.
#[derive(Clone, Copy, Debug)]
pub struct NodeView {
    pub shard: u8,
    pub zone: u8,
    pub up: bool,
    pub primary: bool,
    /// Mean share of its slots in use, over the last whole second.
    pub load: f32,
    pub waiting: usize,
    pub behind: u32,
}

/// A kind of part and how much of it is used: where the next limit is.
#[derive(Clone, Copy, Debug)]
pub struct Part {
    pub name: &'static str,
    pub used: f64,
}

/// A line of the comparison between the plan and the run.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    pub label: &'static str,
    /// "%", "ms", "/s" or "" for a count.
    pub unit: &'static str,
    pub planned: Option<f64>,
    pub measured: Option<f64>,
}

impl Million {
    pub fn plan(&self) -> &Plan {
        &self.plan
    }
    pub fn deployed(&self) -> &Deployed {
        &self.d
    }
    pub fn zones(&self) -> Vec<ZoneView> {
        let mut zones = vec![ZoneView::default(); self.s.zones as usize];
        for s in &self.servers {
            let z = &mut zones[s.zone as usize];
            z.servers += 1;
            z.servers_up += u32::from(s.up);
            z.busy += u32::from(s.busy);
            z.waiting += s.line.len() as u32;
        }
        for h in &self.hops {
            let z = &mut zones[h.zone as usize];
            z.balancers += 1;
            z.balancers_up += u32::from(h.up);
        }
        zones
    }
    pub fn workers_each(&self) -> u32 {
        u32::from(self.s.workers)
    }
    pub fn servers(&self) -> impl Iterator<Item = ServerView> + '_ {
        let workers = f32::from(self.s.workers);
        self.servers.iter().map(move |s| ServerView {
            zone: s.zone,
            up: s.up,
            slow: s.slow,
            load: f32::from(s.busy) / workers,
            waiting: s.line.len() as u32,
        })
    }
    pub fn servers_up(&self) -> u32 {
        self.servers_up
    }
    /// Servers that have no connection to the database.
    pub fn servers_without(&self) -> u32 {
        self.servers.iter().filter(|s| s.pool == 0).count() as u32
    }
    /// Of the cache nodes: whether each is up, and the share of its network in use.
    pub fn cache_nodes(&self) -> impl Iterator<Item = (bool, f32)> + '_ {
        self.cache_hops.iter().map(|h| (h.up, h.share))
    }
    pub fn caches(&self) -> bool {
        self.s.cache
    }
    pub fn nodes(&self) -> impl Iterator<Item = NodeView> + '_ {
        let limit = self.s.db_limit() as f32;
        self.nodes.iter().enumerate().map(move |(i, n)| NodeView {
            shard: n.shard,
            zone: n.zone,
            up: n.up,
            primary: self.shards[n.shard as usize].primary == Some(i as u8),
            load: n.mean_busy / limit,
            waiting: n.line.len(),
            behind: n.behind,
        })
    }
    /// Shards that take no writes now.
    pub fn shards_down(&self) -> usize {
        self.shards.iter().filter(|h| h.primary.is_none()).count()
    }
    /// (waiting, in hand, workers, stopped).
    pub fn jobs(&self) -> (usize, u32, u32, bool) {
        (self.backlog.len(), self.job_busy, self.d.job_workers, self.jobs_stopped)
    }
    pub fn brokers(&self) -> bool {
        self.s.broker
    }
    pub fn rate(&self) -> f64 {
        self.load.rate()
    }
    /// The requests that are drawn, oldest first.
    pub fn samples(&self) -> impl Iterator<Item = &Sample<Way>> + '_ {
        self.samples.iter()
    }
    pub fn drawn_one_in(&self) -> u32 {
        self.samples.one_in()
    }
    pub fn single_flight(&self) -> bool {
        self.s.single
    }
    /// Connections that the pools want to each node, and those that it accepts.
    pub fn connections(&self) -> (u64, u32) {
        let wanted = if self.s.direct {
            u64::from(self.d.servers) * u64::from(self.s.connections)
        } else {
            u64::from(self.s.pooler)
        };
        (wanted, self.s.max_connections)
    }
    pub fn is_direct(&self) -> bool {
        self.s.direct
    }
    pub fn hit_share(&self, now: Us) -> Option<f64> {
        let looks = self.meters.count(meter::LOOKUPS, now);
        (looks > 0).then(|| self.meters.count(meter::HITS, now) as f64 / looks as f64)
    }
    /// Reads a second that are left to the database: with the cache off or away, all of them.
    fn demand(&self, now: Us) -> f64 {
        let reads = self.meters.per_s(meter::READS, now) * (1.0 - self.s.edge) * f64::from(self.s.reads);
        let hit = if self.s.cache { self.hit_share(now).unwrap_or(0.0) } else { 0.0 };
        reads * (1.0 - hit)
    }
    /// What the living servers could do at the planned time per request.
    pub fn capacity(&self) -> f64 {
        f64::from(self.servers_up) * self.plan.per_server
    }
    fn busiest_node(&self) -> f64 {
        let limit = f64::from(self.s.db_limit());
        self.nodes.iter().map(|n| f64::from(n.mean_busy) / limit).fold(0.0, f64::max)
    }

    /// The kinds of parts, the fullest first.
    pub fn saturation(&self) -> [Part; 5] {
        let most = |hops: &[Hop]| hops.iter().map(|h| f64::from(h.share)).fold(0.0, f64::max);
        let jobs = f64::from(self.job_busy) / f64::from(self.d.job_workers.max(1));
        let mut parts = [
            Part { name: "API servers", used: f64::from(self.busy_share) },
            Part { name: "Database", used: self.busiest_node() },
            Part { name: "Cache", used: most(&self.cache_hops) },
            Part { name: "Balancers", used: most(&self.hops) },
            Part { name: "Job workers", used: jobs },
        ];
        // Five entries: sorted by hand, the first of equals first.
        for i in 1..parts.len() {
            let mut j = i;
            while j > 0 && parts[j].used > parts[j - 1].used {
                parts.swap(j, j - 1);
                j -= 1;
            }
        }
        parts
    }

    /// The plan for the planned load, beside what the run shows.
    pub fn table(&self, now: Us) -> [Row; 8] {
        let p = self.predicted(now);
        let row = |label, unit, planned: f64, measured| Row { label, unit, planned: Some(planned), measured };
        let m = |which| Some(self.meters.per_s(which, now));
        [
            row("Load", "/s", self.s.rate * self.s.course(now), m(meter::OFFERED)),
            row("In flight", "", p.in_flight, Some(self.flights.running(PATIENCE) as f64)),
            row("Servers busy", "%", 100.0 * p.servers, Some(100.0 * f64::from(self.busy_share))),
            Row {
                label: "Mean latency",
                unit: "ms",
                planned: p.latency.map(|l| 1_000.0 * l),
                measured: ms(self.latency.hist(now).mean()),
            },
            row("Cache hits", "%", 100.0 * self.s.hit, self.hit_share(now).map(|h| 100.0 * h)),
            row("Database reads", "/s", p.reads, Some(self.demand(now))),
            row("Database busy", "%", 100.0 * p.database, Some(100.0 * self.busiest_node())),
            row("Connections busy", "", p.busy_connections, Some(f64::from(self.connections_mean))),
        ]
    }

    /// What the planner expects of what is deployed, at the planned load of this moment.
    pub fn predicted(&self, now: Us) -> Prediction {
        let hit = if self.s.cache { self.s.hit } else { 0.0 };
        Prediction::of(&self.s, &self.d, self.plan.mean * self.s.course(now), hit)
    }

    /// Dollars an hour: machines, and the traffic out at the present rate.
    pub fn cost_per_hour(&self, now: Us) -> f64 {
        let good = self.meters.per_s(meter::GOOD, now);
        self.machines_per_hour() + good * 3_600.0 * self.s.response_kb * 1e-6 * self.s.prices[3]
    }
    fn cost_per_million(&self) -> Option<f64> {
        let good = (self.counts.good + self.counts.edge) as f64;
        (good > 0.0).then(|| self.spent as f64 / good)
    }

    pub(super) fn read_number(&self, which: usize, now: Us) -> Option<f64> {
        let rate = |m| Some(self.meters.per_s(m, now));
        let most = |hops: &[Hop]| Some(hops.iter().map(|h| 100.0 * f64::from(h.share)).fold(0.0, f64::max));
        match which {
            number::GOODPUT => rate(meter::GOOD),
            number::OFFERED => rate(meter::OFFERED),
            number::CAPACITY => Some(self.capacity()),
            number::LOST => rate(meter::LOST),
            number::P99 => ms(self.latency.quantile(now, 0.99)),
            number::P50 => ms(self.latency.quantile(now, 0.5)),
            number::MEAN => ms(self.latency.hist(now).mean()),
            number::IN_FLIGHT => Some(self.flights.running(PATIENCE) as f64),
            number::BUSY => Some(100.0 * f64::from(self.busy_share)),
            number::DB_BUSY => Some(100.0 * self.busiest_node()),
            number::CACHE_BUSY => most(&self.cache_hops),
            number::BALANCER_BUSY => most(&self.hops),
            number::JOBS_BUSY => percent(f64::from(self.job_busy), f64::from(self.d.job_workers)),
            number::HIT => self.hit_share(now).map(|h| 100.0 * h),
            number::QUERIES => rate(meter::QUERIES),
            number::DEMAND => Some(self.demand(now)),
            number::CONNECTIONS => Some(f64::from(self.connections_mean)),
            number::WAITING => Some(self.counts.in_line as f64),
            number::DB_WAITING => Some(self.counts.db_waiting as f64),
            number::BACKLOG => Some(self.backlog.len() as f64),
            number::JOB_AGE => Some(self.backlog.front().map_or(0.0, |t| now.since(Us(u64::from(*t) << 10)).as_s())),
            number::SHED => rate(meter::SHED),
            number::LIMITED => rate(meter::LIMITED),
            number::WASTED => rate(meter::WASTED),
            number::COST => Some(self.cost_per_hour(now)),
            number::COST_MILLION => self.cost_per_million(),
            _ => None,
        }
    }

    pub(super) fn read_measure(&self, which: usize, args: &[f64], now: Us) -> Option<f64> {
        let (c, p) = (&self.counts, &self.plan);
        let seconds = &self.seconds;
        let of = |part, whole| seconds.share(args, part, whole);
        let f = f64::from;
        match which {
            measure::GOODPUT_SHARE => of(|t| f64::from(t.good), |t| f64::from(t.arrived - t.limited)),
            measure::GOODPUT_RATE => seconds.per_s(args, |t| t.good.into()),
            measure::SHED_SHARE => of(|t| f64::from(t.shed), |t| f64::from(t.arrived - t.limited)),
            measure::FAILED_SHARE => {
                of(|t| f64::from(t.shed) + f64::from(t.failed), |t| f64::from(t.arrived - t.limited))
            }
            measure::LIMITED_SHARE => of(|t| f64::from(t.limited), |t| f64::from(t.arrived)),
            measure::READS_GOOD => of(|t| f64::from(t.reads_good), |t| f64::from(t.reads)),
            measure::WRITES_GOOD => {
                of(|t| f64::from(t.good - t.reads_good), |t| f64::from(t.arrived - t.limited - t.reads))
            }
            measure::BUSY => of(|t| f64::from(t.busy), |t| f64::from(t.workers)),
            measure::DB_BUSY => of(|t| f64::from(t.db_busy), |t| f64::from(t.db_slots)),
            measure::CONNECTIONS => seconds.per_s(args, |t| t.connections.into()),
            measure::CONFIGURED => Some(self.connections().0 as f64),
            measure::OVER_LIMIT => Some(self.connections().0 as f64 / f(self.connections().1)),
            measure::WITHOUT => Some(f(self.servers_without())),
            measure::HIT => of(|t| f64::from(t.hits), |t| f64::from(t.lookups)),
            measure::LATENCY => seconds.mean(args, |t| t.latency_ms.into(), |t| t.latencies.into()),
            measure::DEMAND => {
                let reads = seconds.per_s(args, |t| t.reads.into())?;
                let hit = seconds.mean(args, |t| t.hits.into(), |t| t.lookups.into()).unwrap_or(0.0);
                Some(reads * (1.0 - self.s.edge) * f(self.s.reads) * (1.0 - hit))
            }
            measure::RECOVERED => {
                let good = |s: &Second| f64::from(s.good) >= 0.9 * f64::from(s.arrived - s.limited);
                Some(seconds.recovered(self.trouble_end, now, good))
            }
            measure::LOST_WRITES => Some(c.lost_writes as f64),
            measure::BACKLOG_MAX => Some(c.backlog_max as f64),
            measure::DRAINED => {
                let from = self.drain_from?;
                Some(self.drained.unwrap_or(now).since(from).as_s())
            }
            measure::WASTED => Some(c.queries_wasted as f64),
            measure::ALIVE => Some(f(self.servers_up)),
            measure::PLAN_SERVERS => Some(f(p.servers)),
            measure::PLAN_SERVERS_TARGET => Some(f(p.servers_target)),
            measure::PLAN_SERVERS_FULL => Some(f(p.servers_full)),
            measure::PLAN_IN_FLIGHT => Some(p.in_flight),
            measure::PLAN_READS => Some(p.reads),
            measure::PLAN_COLD => Some(p.reads_cold),
            measure::PLAN_WRITES => Some(p.writes),
            measure::PLAN_BUSY => Some(p.busy_connections),
            measure::PLAN_UTILISATION => Some(100.0 * self.predicted(Us::ZERO).servers),
            measure::PLAN_LATENCY => self.predicted(Us::ZERO).latency.map(|l| 1_000.0 * l),
            measure::PLAN_NODES => Some(f(p.db_nodes)),
            measure::PLAN_COLD_NODES => p.db_nodes_cold.map(f),
            measure::MOVED => percent(f(self.moved), f(self.s.keys)),
            measure::COST_MILLION => self.cost_per_million(),
            _ => None,
        }
    }
}
