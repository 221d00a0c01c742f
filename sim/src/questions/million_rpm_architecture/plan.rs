//! The planner: arithmetic on a page. It knows nothing of the run, and the run is held against it.
//!
//! ```text
//!   in flight   = rate × time                                   (Little)
//!   servers     = peak / (workers / time × target) × zones / (zones - lost)
//!   reads       = rate × (1 - writes) × reads each × (1 - hit)
//!   connections = (reads + writes) × query time                 (Little again)
//!   shards      = peak (writes + reads / copies) / (node's rate × target)
//! ```

use super::{CACHE_TRIP, Choice, HOPS, Law, Settings};
use crate::theory;

/// What runs: as planned, or as the reader wants it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Deployed {
    pub servers: u32,
    pub balancers: u32,
    pub cache_nodes: u32,
    pub shards: u32,
    /// Of each primary.
    pub replicas: u32,
    pub job_workers: u32,
}

impl Deployed {
    pub fn db_nodes(&self) -> u32 {
        self.shards * (1 + self.replicas)
    }
}

/// What the planner derives.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Plan {
    /// Requests a second behind the edge, on average and at the peak.
    pub mean: f64,
    pub peak: f64,
    /// Requests a second that one server can do.
    pub per_server: f64,
    pub in_flight: f64,
    /// At 100 % at the peak; at the target; at the target with the zones lost.
    pub servers_full: u32,
    pub servers_target: u32,
    pub servers: u32,
    pub balancers: u32,
    /// A second, at the mean rate.
    pub lookups: f64,
    pub reads: f64,
    pub reads_cold: f64,
    pub writes: f64,
    pub cache_nodes: u32,
    pub shards: u32,
    /// Nodes in all that carry reads and writes at the target; with an empty cache at 100 %.
    pub db_nodes: u32,
    pub db_nodes_cold: Option<u32>,
    pub busy_connections: f64,
    pub job_workers: u32,
    /// Answers leaving, bits a second at the mean rate.
    pub bits: f64,
}

/// Servers and workers that a run can hold.
pub const SERVERS_MAX: u32 = 20_000;

fn up(x: f64) -> u32 {
    // A hair below, so that 224.0000001 of rounding is 224.
    libm::ceil(x - 1e-9).clamp(1.0, f64::from(u32::MAX)) as u32
}

impl Plan {
    pub fn of(s: &Settings) -> Plan {
        let mean = s.rate * (1.0 - s.edge * (1.0 - s.writes));
        let peak = mean * s.peak;
        let zones = f64::from(s.zones);
        let spare = zones / (zones - f64::from(s.survive.min(s.zones - 1)));
        let per_server = f64::from(s.workers) / s.service.as_s();
        let writes = s.rate * s.writes;
        let lookups = (mean - writes) * f64::from(s.reads);
        let (reads, reads_cold) = (lookups * (1.0 - s.hit), lookups);
        let room = s.db_rate * s.target;
        // A primary carries its shard's writes and its share of the reads.
        let shards = up((writes + reads / f64::from(1 + s.replicas)) * s.peak / room).min(16);
        // Every node of a shard repeats the shard's writes, so only the rest of it is there for reads.
        let nodes = |reads: f64, room: f64, shards: f64| {
            let left = room - writes * s.peak / shards;
            (left > 0.0).then(|| up(reads * s.peak / left).max(shards as u32))
        };
        Plan {
            mean,
            peak,
            per_server,
            in_flight: mean * s.service.as_s(),
            servers_full: up(peak / per_server),
            servers_target: up(peak / (per_server * s.target)),
            servers: up(peak / (per_server * s.target) * spare),
            balancers: up(peak / (s.balancer_rate * s.target) * spare).max(s.zones).min(32),
            lookups,
            reads,
            reads_cold,
            writes,
            cache_nodes: up(lookups * s.peak / (s.cache_rate() * s.target) * spare).max(s.zones).min(64),
            shards,
            db_nodes: nodes(reads, room, f64::from(shards)).unwrap_or(shards),
            db_nodes_cold: nodes(reads_cold, s.db_rate, f64::from(shards)),
            busy_connections: (reads + writes) * s.db_time.as_s(),
            job_workers: up(writes * s.peak * s.job.as_s() / s.target).min(SERVERS_MAX),
            bits: s.rate * s.response_kb * 8_000.0,
        }
    }

    /// What runs, given what the reader has fixed.
    pub fn deploy(&self, s: &Settings) -> Deployed {
        let or = |fixed: u32, planned: u32| if fixed == 0 { planned } else { fixed };
        Deployed {
            servers: or(s.servers, self.servers).min(SERVERS_MAX),
            balancers: or(s.balancers, self.balancers),
            cache_nodes: or(s.cache_nodes, self.cache_nodes),
            shards: or(s.shards, self.shards),
            replicas: s.replicas,
            job_workers: or(s.job_workers, self.job_workers),
        }
    }
}

/// What the planner expects of what runs, at a rate (behind the edge) and a hit ratio.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Prediction {
    pub servers: f64,
    pub balancers: f64,
    pub cache: f64,
    pub database: f64,
    pub jobs: f64,
    pub in_flight: f64,
    pub reads: f64,
    pub writes: f64,
    pub busy_connections: f64,
    /// Seconds; `None` where something would be overloaded.
    pub latency: Option<f64>,
}

impl Prediction {
    pub fn of(s: &Settings, d: &Deployed, rate: f64, hit: f64) -> Prediction {
        let writes = rate * s.writes / (1.0 - s.edge * (1.0 - s.writes));
        let lookups = (rate - writes) * f64::from(s.reads);
        let reads = lookups * (1.0 - hit);
        // The time per request holds at the planned hit ratio; more misses make it longer.
        let query = s.db_time.as_s();
        let extra = if rate > 0.0 { (lookups * (s.hit - hit)) / rate * query } else { 0.0 };
        let sync = if s.broker || rate <= 0.0 { 0.0 } else { writes / rate * s.job.as_s() };
        let service = (s.service.as_s() + extra + sync).max(1e-6);
        let each = rate / f64::from(d.servers);
        let nodes = f64::from(d.db_nodes());
        let per_node = reads / nodes + writes / f64::from(d.shards);
        let slots = s.db_slots();
        // Erlang C, halved where times do not vary (Allen and Cunneen).
        let spread = if s.law == Law::Fixed { 0.5 } else { 1.0 };
        let wait = |servers: u32, lambda: f64, time: f64| {
            theory::mmc_wait_mean(servers, lambda, 1.0 / time).map(|w| w * spread)
        };
        // Balancers that look before they send make one pool of many servers; blind ones do not. Beyond
        // some hundred workers a pool makes nobody wait until it is full, so a part stands for all.
        let shares = match s.choice {
            Choice::TwoChoices | Choice::LeastOutstanding => (512 / u32::from(s.workers)).clamp(1, d.servers),
            Choice::RoundRobin | Choice::Random => 1,
        };
        let pool = |lambda: f64, time: f64| wait(u32::from(s.workers) * shares, lambda * f64::from(shares), time);
        let queries = if rate > 0.0 { (reads + writes) / rate } else { 0.0 };
        let latency = match (pool(each, service), wait(slots, per_node, query)) {
            (Some(server), Some(db)) => Some(HOPS.as_s() + server + service + queries * db),
            _ => None,
        };
        Prediction {
            servers: each * service / f64::from(s.workers),
            balancers: rate / f64::from(d.balancers) / s.balancer_rate,
            cache: if s.cache { lookups / f64::from(d.cache_nodes) / s.cache_rate() } else { 0.0 },
            database: per_node * query / f64::from(slots),
            jobs: if s.broker { writes * s.job.as_s() / f64::from(d.job_workers) } else { 0.0 },
            in_flight: rate * latency.unwrap_or(service),
            reads,
            writes,
            busy_connections: (reads + writes) * query,
            latency,
        }
    }
}

/// A worker's own part of a request: its time less what it waits for at the planned hit ratio.
pub(super) fn own_work(s: &Settings) -> f64 {
    let reads = (1.0 - s.writes) * f64::from(s.reads);
    let trip = if s.reads > 0 { (1.0 - s.writes) * CACHE_TRIP.as_s() } else { 0.0 };
    let waits = trip + (reads * (1.0 - s.hit) + s.writes) * s.db_time.as_s();
    (s.service.as_s() - waits).max(s.service.as_s() * 0.01)
}
