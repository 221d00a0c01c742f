//! What can be seen of a run: numbers, measures, and what the picture is drawn from.

use super::{Build, Kind, Phase, Pool, SlowQueries, index, measure, number};
use crate::blocks::cache::Look;
use crate::blocks::database::{Database, Usl};
use crate::blocks::planner::{Method, Plan};
use crate::kernel::Us;
use crate::look::{Sample, ms, percent};
use crate::measure::hist::Hist;
use crate::measure::series::Rate;

/// Totals of a second of the run.
#[derive(Clone, Copy, Debug, Default)]
pub struct Second {
    pub arrived: u32,
    pub good: u32,
    pub writes: u32,
    pub latency_us: u64,
    pub write_us: u64,
}

/// A connection as the picture shows it.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    /// The request that holds it, with what it is at; `None` for an idle one.
    pub held: Option<(u32, Kind, Phase)>,
}

fn ratio(a: &Rate, b: &Rate, now: Us) -> Option<f64> {
    let n = b.count(now);
    (n > 0).then(|| a.count(now) as f64 / n as f64)
}

impl SlowQueries {
    // ---- what the picture asks ----

    /// The requests that are drawn, oldest first.
    pub fn samples(&self) -> impl Iterator<Item = &Sample<Kind>> {
        self.samples.iter()
    }
    pub fn drawn_one_in(&self) -> u32 {
        self.samples.one_in()
    }
    pub fn is_bursting(&self) -> bool {
        self.bursting
    }
    /// Requests that wait for a connection, and how many may.
    pub fn queue(&self) -> (u64, u64) {
        (self.waiting(), u64::from(self.s.room) * self.s.instances as u64)
    }
    pub fn oldest(&self, now: Us) -> Option<Us> {
        self.pools.iter().filter_map(Pool::oldest).min().map(|t| now - t)
    }
    /// Requests that have a place at their instance and wait at the external pooler.
    pub fn at_pooler(&self) -> Option<(u64, u32)> {
        let p = self.nodes[0].pooler.as_ref()?;
        Some((self.nodes.iter().filter_map(|n| n.pooler.as_ref()).map(|p| p.waiting() as u64).sum(), p.size()))
    }
    /// Connections that the pools may have open to one node, and how many pools there are.
    pub fn per_node(&self) -> (u32, usize) {
        (self.s.places() * self.s.instances as u32, self.s.instances)
    }
    pub fn pooled(&self) -> bool {
        self.s.pooled
    }
    pub fn in_use(&self) -> u64 {
        self.pools.iter().map(|p| u64::from(p.in_use())).sum()
    }
    pub fn leaked(&self) -> u64 {
        self.pools.iter().map(|p| u64::from(p.leaked())).sum()
    }
    pub fn opening(&self) -> u64 {
        self.counts.opening
    }
    pub fn reports_running(&self) -> u64 {
        self.counts.reports
    }
    /// The first `n` connections.
    pub fn places(&self, n: usize) -> impl Iterator<Item = Place> + '_ {
        self.places
            .iter()
            .take(n)
            .map(|slot| Place { held: self.requests.get(*slot as usize).map(|r| (r.id, r.kind, r.phase)) })
    }
    /// The nodes, the primary first.
    pub fn databases(&self) -> impl Iterator<Item = &Database> {
        self.nodes.iter().map(|n| &n.db)
    }
    pub fn is_down(&self) -> bool {
        self.nodes[0].down
    }
    pub fn connections_open(&self) -> (u32, u32) {
        (self.open(0), self.s.max_connections)
    }
    pub fn usl(&self) -> Usl {
        self.s.usl
    }
    /// Work that arrives for the busiest node, in statements' worth a second.
    pub fn offered_work(&self, now: Us) -> f64 {
        let good = if self.s.cache { 1.0 - self.hit_share(now).unwrap_or(0.0) } else { 1.0 };
        let rate = self.rates.offered.per_s(now);
        let (read, write) =
            (rate * (1.0 - self.s.writes) * good * self.read_work(), rate * self.s.writes * self.write_work());
        if self.s.replicas == 0 { read + write } else { write.max(read / self.s.replicas as f64) }
    }
    fn batches(&self) -> (f64, u32) {
        self.s
            .details
            .map_or((0.0, 1), |(lines, batch)| (f64::from(lines) / f64::from(batch.min(lines)), batch.min(lines)))
    }
    fn read_work(&self) -> f64 {
        let (batches, lines) = self.batches();
        self.s.work_of(&self.real) + batches * self.s.lines_work(lines)
    }
    fn write_work(&self) -> f64 {
        let (batches, lines) = self.batches();
        self.s.write_factor(self.index) + batches * self.s.lines_write(lines, self.index)
    }
    /// Requests a second that the nodes complete with every connection running a statement.
    pub fn capacity(&self) -> f64 {
        let most =
            if self.nodes[0].pooler.is_some() { self.s.pooler.min(self.per_node().0) } else { self.per_node().0 };
        let n = most.min(self.s.max_connections);
        let rate = self.s.usl.throughput(f64::from(n)) / self.nodes[0].db.factor();
        let (read, write) = ((1.0 - self.s.writes) * self.read_work(), self.s.writes * self.write_work());
        if self.s.replicas == 0 {
            rate / (read + write).max(1e-9)
        } else {
            (rate / write.max(1e-9)).min(rate * self.s.replicas as f64 / read.max(1e-9))
        }
    }
    /// The plans, the one in use first, and what that one really takes.
    pub fn plans(&self) -> (&[Plan], &Plan) {
        (&self.plans, &self.real)
    }
    /// The query alone on an idle database.
    pub fn alone(&self) -> Us {
        Us::from_s(self.s.work_of(&self.real) / self.s.usl.alone)
    }
    pub fn index_now(&self) -> u8 {
        self.index
    }
    /// The name of an index as it is written in the picture.
    pub fn index_name(which: u8) -> &'static str {
        match which {
            index::CUSTOMER => "(customer_id)",
            index::CUSTOMER_DATE => "(customer_id, created_at)",
            index::DATE_CUSTOMER => "(created_at, customer_id)",
            index::COVERING => "(customer_id) INCLUDE (created_at, total)",
            _ => "none",
        }
    }
    pub fn building(&self) -> Option<&Build> {
        self.building.as_ref()
    }
    pub fn by_date(&self) -> bool {
        self.s.recent.is_some()
    }
    pub fn details(&self) -> Option<(u32, u32)> {
        self.s.details
    }
    pub fn has_cache(&self) -> bool {
        self.s.cache
    }
    pub fn ttl(&self) -> Us {
        self.s.ttl
    }
    /// A cached answer of a customer: how it stands, its version, the row's version, and its age.
    pub fn cached(&self, key: u32, now: Us) -> Option<(Look, u32, u32, Us)> {
        let look = (key < self.s.keys).then(|| self.cache.look(now, key))?;
        let held = self.cache.peek(key).map(|(_, held)| held).unwrap_or_default();
        Some((look, held.version, self.versions[key as usize], now - Us::ms(u64::from(held.read_ms))))
    }
    pub fn hit_share(&self, now: Us) -> Option<f64> {
        ratio(&self.rates.hits, &self.rates.reads, now)
    }
    /// Mean wait, round trips and execution of the requests of the last seconds, in µs.
    pub fn parts(&self, now: Us) -> [f64; 3] {
        let mean = |h: &Hist| h.mean().map_or(0.0, |m| m.0 as f64);
        let trips = ratio(&self.rates.trips_us, &self.rates.good, now).unwrap_or(0.0);
        [mean(&self.waits.hist(now)), trips, mean(&self.execs.hist(now))]
    }
    pub fn locked_until(&self, now: Us) -> Option<Us> {
        (self.nodes[0].db.lock_held_from_outside() && self.locked_until > now).then_some(self.locked_until)
    }
    pub fn stalled_until(&self) -> Option<Us> {
        self.nodes[0].db.is_stalled().then_some(self.stalled_until)
    }

    // ---- numbers ----

    pub(super) fn read_number(&self, which: usize, now: Us) -> Option<f64> {
        let rate = |r: &Rate| Some(r.per_s(now));
        let r = &self.rates;
        match which {
            number::GOODPUT => rate(&r.good),
            number::OFFERED => rate(&r.offered),
            number::CAPACITY => Some(self.capacity()),
            number::FAILED => rate(&r.failed),
            number::P99 => ms(self.latency.quantile(now, 0.99)),
            number::P95 => ms(self.latency.quantile(now, 0.95)),
            number::P50 => ms(self.latency.quantile(now, 0.5)),
            number::WAIT_P99 => ms(self.waits.quantile(now, 0.99)),
            number::WAIT_P95 => ms(self.waits.quantile(now, 0.95)),
            number::WAIT_P50 => ms(self.waits.quantile(now, 0.5)),
            number::EXEC_P99 => ms(self.execs.quantile(now, 0.99)),
            number::EXEC_P95 => ms(self.execs.quantile(now, 0.95)),
            number::EXEC_P50 => ms(self.execs.quantile(now, 0.5)),
            number::TRIPS => ratio(&r.trips_us, &r.good, now).map(|us| us / 1e3),
            number::STATEMENTS => ratio(&r.statements, &r.good, now),
            number::ACTIVE => Some(self.databases().map(Database::active).max().unwrap_or(0) as f64),
            number::LOCKED => Some(self.databases().map(Database::locked).sum::<usize>() as f64),
            number::IN_USE => Some(self.in_use() as f64),
            number::WAITING => Some(self.waiting() as f64),
            number::OLDEST => Some(self.oldest(now).unwrap_or(Us::ZERO).as_ms()),
            number::OPENED => rate(&r.opened),
            number::COST => Some(self.plans[0].total),
            number::EXAMINED => Some(self.real.examined / self.real.rows),
            number::ALONE_MS => Some(self.alone().as_ms()),
            number::WRITE_MS => ratio(&r.writes_us, &r.writes, now).map(|us| us / 1e3),
            number::CANCELLED => rate(&r.cancelled),
            number::WASTED => {
                let (served, wasted) = self.databases().fold((0.0, 0.0), |(s, w), d| (s + d.served, w + d.wasted));
                percent(wasted, served + wasted)
            }
            number::HITS => self.hit_share(now).map(|s| 100.0 * s),
            number::STALE => rate(&r.stale),
            _ => None,
        }
    }

    fn cost_of(&self, methods: &[Method]) -> Option<f64> {
        self.plans.iter().find(|p| methods.contains(&p.method)).map(|p| p.total)
    }

    /// The statements running at which the database keeps up with the normal load.
    pub fn equilibria(&self) -> Option<(f64, Option<f64>)> {
        let work = (1.0 - self.s.writes) * self.read_work() + self.s.writes * self.write_work();
        self.s.usl.equilibria(self.s.rate * work)
    }

    pub(super) fn read_measure(&self, which: usize, args: &[f64], now: Us) -> Option<f64> {
        let c = &self.counts;
        match which {
            measure::SERVED_RATE => self.seconds.per_s(args, |s| s.good.into()),
            measure::SERVED_SHARE => self.seconds.share(args, |s| s.good.into(), |s| s.arrived.into()),
            measure::MEAN_MS => self.seconds.mean(args, |s| s.latency_us as f64 / 1e3, |s| s.good.into()),
            measure::WRITE_MEAN_MS => self.seconds.mean(args, |s| s.write_us as f64 / 1e3, |s| s.writes.into()),
            measure::CLEARED => Some(self.cleared.unwrap_or(now).as_s()),
            measure::WAITING_MAX => Some(c.waiting_max as f64),
            measure::GOOD_POINT => self.equilibria().map(|e| e.0),
            measure::TIPPING_POINT => self.equilibria()?.1,
            measure::PEAK => self.s.usl.peak(),
            measure::COST_SEQ => self.cost_of(&[Method::SeqScan]),
            measure::COST_INDEX => self.cost_of(&[Method::IndexScan, Method::IndexOnlyScan]),
            measure::COST_BITMAP => self.cost_of(&[Method::BitmapScan]),
            measure::PLAN => Some(f64::from(self.plans[0].method as u8)),
            measure::CROSSOVER => self.s.crossover(self.index, Method::IndexScan).map(|s| 100.0 * s),
            measure::CROSSOVER_BITMAP => self.s.crossover(self.index, Method::BitmapScan).map(|s| 100.0 * s),
            measure::STALE_READS => Some(c.stale as f64),
            measure::LAST_STALE => self.last_stale.map(Us::as_s),
            measure::ALL_HELD => Some(self.all_held.unwrap_or(now).as_s()),
            measure::CONNECTIONS => Some(f64::from(self.per_node().0)),
            measure::OPENED_ALL => {
                let pools: u64 = self.pools.iter().map(|p| p.opened).sum();
                Some(self.nodes.iter().try_fold(0, |n, x| x.pooler.as_ref().map(|p| n + p.opened)).unwrap_or(pools)
                    as f64)
            }
            measure::REFUSED_BY_DB => Some(c.too_many as f64),
            measure::FAILED_ALL => Some(c.failed as f64),
            measure::PER_REQUEST => (c.answered > 0).then(|| c.statements as f64 / c.answered as f64),
            _ => None,
        }
    }
}
