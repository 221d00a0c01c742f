//! What can be seen of a run: numbers, measures, and what the picture is drawn from.

use super::{Caching, Kind, NEVER_MS, Theory, measure, number};
use crate::blocks::cache::{Look, Policy};
use crate::kernel::Us;
use crate::look::{Sample, percent};
use crate::measure::series::Rate;

/// Bins of the comb on each side of now.
pub const COMB_BINS: usize = 40;

/// Database queries of the recent past, in bins as wide as those into which the picture puts the
/// expiries to come.
#[derive(Clone, Debug)]
pub(super) struct Comb {
    bin: Us,
    queries: [u32; COMB_BINS + 1],
    current: u64,
}

impl Comb {
    pub(super) fn new(ttl: Us) -> Comb {
        let bin = Us((ttl.0 / COMB_BINS as u64).clamp(50_000, 2_000_000));
        Comb { bin, queries: [0; COMB_BINS + 1], current: 0 }
    }
    #[inline]
    pub(super) fn add(&mut self, now: Us) {
        let bin = now.0 / self.bin.0;
        let n = self.queries.len() as u64;
        for passed in self.current + 1..=bin.min(self.current + n) {
            self.queries[(passed % n) as usize] = 0;
        }
        self.current = bin;
        self.queries[(bin % n) as usize] += 1;
    }
    /// Queries in the bin with this number.
    fn at(&self, bin: u64) -> u32 {
        let n = self.queries.len() as u64;
        if bin > self.current || bin + n <= self.current { 0 } else { self.queries[(bin % n) as usize] }
    }
}

/// Keys of neighbouring popularity, and how they stand in the cache.
#[derive(Clone, Copy, Debug, Default)]
pub struct Bin {
    pub first: u32,
    pub last: u32,
    /// Share of the reads that ask for them.
    pub share: f64,
    /// Keys by state: fresh and right, fresh and out of date, expired. The others are not there.
    pub fresh: u32,
    pub stale: u32,
    pub expired: u32,
    /// Queries for them that are under way.
    pub loading: u32,
}

impl Caching {
    pub fn theory(&self) -> &Theory {
        &self.theory
    }
    pub fn policy(&self) -> Policy {
        self.s.policy
    }
    pub fn capacity(&self) -> u32 {
        self.s.capacity
    }
    pub fn keys(&self) -> u32 {
        self.s.keys
    }
    pub fn ttl(&self) -> Us {
        self.s.ttl
    }
    /// Entries in all nodes.
    pub fn entries(&self) -> u32 {
        self.nodes.iter().map(|n| n.cache.len()).sum()
    }
    /// Whether each cache node is up.
    pub fn nodes(&self) -> impl Iterator<Item = bool> + '_ {
        self.nodes.iter().map(|n| n.up)
    }
    /// Points of the LRU miss curve, (entries, hit ratio), by stack distances.
    pub fn curve(&self, about: usize) -> Vec<(f64, f64)> {
        self.curve.points(about)
    }
    /// The share of reads that hit: over the last ten whole seconds, or over the last one while there
    /// are fewer.
    pub fn hit_share(&self, now: Us) -> Option<f64> {
        let whole = (now.0 / 1_000_000) as usize;
        let recent = self.seconds.between(&[whole.saturating_sub(10) as f64, whole as f64]).unwrap_or(&[]);
        let (reads, hits) =
            recent.iter().fold((0u64, 0u64), |(r, h), s| (r + u64::from(s.reads), h + u64::from(s.hits)));
        if reads > 0 && whole >= 2 {
            return Some(hits as f64 / reads as f64);
        }
        self.hits_now(now)
    }
    pub fn hits_now(&self, now: Us) -> Option<f64> {
        let reads = self.rates.reads.count(now);
        (reads > 0).then(|| self.rates.hits.count(now) as f64 / reads as f64)
    }
    /// (busy servers, servers, waiting, bound of the queue).
    pub fn database(&self) -> (u64, u64, u64, u64) {
        (self.counts.busy, u64::from(self.s.servers), self.line.len() as u64, self.s.queue as u64)
    }
    /// How long the head of the database's queue has waited.
    pub fn oldest_query(&self, now: Us) -> Option<Us> {
        self.line.head().map(|q| now.since(self.queries.get(q).asked))
    }
    pub fn database_factor(&self) -> f64 {
        self.db_factor
    }
    pub fn surge(&self) -> f64 {
        self.surge
    }
    /// Keys that a scan still has to read.
    pub fn scan_left(&self) -> u32 {
        self.scan_left
    }
    /// Queries for key 1: under way, and in the last burst that is over.
    pub fn hottest(&self) -> (usize, u32) {
        (self.flights.of(1), self.expiries.last)
    }
    pub fn stale_all(&self) -> u64 {
        self.counts.stale
    }
    /// How long the copy of key 1 has been out of date, if it is.
    pub fn hottest_stale(&self, now: Us) -> Option<Us> {
        let owner = self.map.owner(1)?;
        let (until, copy) = self.nodes[owner as usize].cache.peek(1)?;
        (until > now && !copy.tombstone && copy.superseded_ms != NEVER_MS)
            .then(|| now.since(Us::ms(u64::from(copy.superseded_ms))))
    }
    /// The reads that are drawn, oldest first: one in `drawn_one_in`.
    pub fn samples(&self) -> impl Iterator<Item = &Sample<()>> + '_ {
        self.samples.iter()
    }
    pub fn drawn_one_in(&self) -> u32 {
        self.samples.one_in()
    }

    /// The products by popularity in about so many classes, finer where the popular ones are.
    pub fn shelf(&self, now: Us, columns: usize) -> Vec<Bin> {
        let keys = self.s.keys;
        let mut bins: Vec<Bin> = Vec::with_capacity(columns);
        let all = self.s.reads + self.s.hot;
        let reads = if all > 0.0 { self.s.reads / all } else { 0.0 };
        let mut first = 1;
        for i in 1..=columns as u32 {
            if first > keys {
                break;
            }
            let ideal = libm::pow(f64::from(keys), f64::from(i) / columns as f64) as u32;
            let last = if i == columns as u32 { keys } else { ideal.max(first).min(keys) };
            // The middle key's share stands for all of a narrow class.
            let middle = self.zipf.share(first + (last - first) / 2);
            let mut share = middle * f64::from(last - first + 1) * reads;
            if first == 1 && all > 0.0 {
                share += self.s.hot / all;
            }
            bins.push(Bin { first, last, share, ..Bin::default() });
            first = last + 1;
        }
        let column = |key: u32| {
            let i = bins.partition_point(|b| b.last < key);
            (i, key >= 1 && key <= keys)
        };
        let mut places = Vec::new();
        for node in &self.nodes {
            for (key, until, copy) in node.cache.entries() {
                if let (i, true) = column(key)
                    && !copy.tombstone
                {
                    let state = if until <= now { 2u8 } else { u8::from(copy.superseded_ms != NEVER_MS) };
                    places.push((i, state));
                }
            }
        }
        for slot in self.queries.slots() {
            let q = self.queries.get(slot);
            if let (i, true) = column(q.key)
                && q.kind != Kind::Write
            {
                places.push((i, 3));
            }
        }
        for (i, state) in places {
            let b = &mut bins[i];
            match state {
                0 => b.fresh += 1,
                1 => b.stale += 1,
                2 => b.expired += 1,
                _ => b.loading += 1,
            }
        }
        bins
    }

    /// The comb: width of a bin, queries in each of the last bins (the one that is being filled
    /// last), and entries that expire in each of the next ones.
    pub fn comb(&self, now: Us) -> (Us, [u32; COMB_BINS], [u32; COMB_BINS]) {
        let bin = self.comb.bin;
        let current = now.0 / bin.0;
        let past = core::array::from_fn(|i| {
            let back = (COMB_BINS - 1 - i) as u64;
            current.checked_sub(back).map_or(0, |b| self.comb.at(b))
        });
        let mut ahead = [0; COMB_BINS];
        for node in &self.nodes {
            for (_, until, copy) in node.cache.entries() {
                if until > now && !copy.tombstone {
                    let i = (until.since(now).0 / bin.0) as usize;
                    if let Some(n) = ahead.get_mut(i) {
                        *n += 1;
                    }
                }
            }
        }
        (bin, past, ahead)
    }

    /// The share of the reads of the last whole second at the busiest node.
    fn busiest(&self) -> Option<f64> {
        let all: u64 = self.nodes.iter().map(|n| u64::from(n.reads_before)).sum();
        let most = self.nodes.iter().map(|n| n.reads_before).max()?;
        percent(f64::from(most), all as f64)
    }

    pub(super) fn read_number(&self, which: usize, now: Us) -> Option<f64> {
        let rate = |r: &Rate| Some(r.per_s(now));
        let r = &self.rates;
        match which {
            number::HITS => self.hits_now(now).map(|s| 100.0 * s),
            number::DB => rate(&r.queries),
            number::P99 => self.latency.quantile(now, 0.99).map(Us::as_ms),
            number::P50 => self.latency.quantile(now, 0.5).map(Us::as_ms),
            number::MEAN => self.latency.hist(now).mean().map(Us::as_ms),
            number::DUPLICATES => rate(&r.duplicates),
            number::STALE => rate(&r.stale),
            number::STALE_AGE => Some(match self.stale_age {
                (age, second) if second + Us::s(2) > now => age.as_s(),
                _ => 0.0,
            }),
            number::SAVED => Some(r.saved.per_s(now) / 1e5),
            number::WAITING => Some(self.line.len() as f64),
            number::BUSY => percent(self.counts.busy as f64, f64::from(self.s.servers)),
            number::FAILED => rate(&r.failed),
            number::EARLY => rate(&r.early),
            number::ENTRIES => Some(f64::from(self.entries())),
            number::EVICTED => rate(&r.evicted),
            number::BUSIEST => self.busiest(),
            number::READS => rate(&r.reads),
            _ => None,
        }
    }

    pub(super) fn read_measure(&self, which: usize, args: &[f64], _now: Us) -> Option<f64> {
        let c = &self.counts;
        let sum = |of| self.seconds.sum(args, of);
        let share = |part, whole| self.seconds.share(args, part, whole);
        match which {
            measure::HIT_RATIO => share(|s| s.hits.into(), |s| s.reads.into()),
            measure::READERS_HIT => share(|s| s.hits.into(), |s| (s.reads - s.scanned).into()),
            measure::DB_RATE => self.seconds.per_s(args, |s| s.queries.into()),
            measure::DB_CALLS => sum(|s| s.queries.into()),
            measure::FAILED_SHARE => share(|s| s.failed.into(), |s| s.reads.into()),
            measure::STALE_READS => sum(|s| s.stale.into()),
            measure::PER_EXPIRY => {
                let e = &self.expiries;
                (e.done > 0).then(|| e.queries as f64 / e.done as f64)
            }
            measure::LEAD => {
                let e = &self.expiries;
                (e.leads > 0).then(|| e.lead_us as f64 / e.leads as f64 / 1e3)
            }
            measure::EXPIRIES => Some(self.expiries.done as f64),
            measure::LOADS_MAX => Some(c.loads_max as f64),
            measure::DUPLICATES_ALL => Some(c.duplicates as f64),
            measure::SERVED_STALE_FOR => Some(self.stale_for.as_s()),
            measure::REFUSED_SETS => Some(c.refused_sets as f64),
            measure::QUEUE_MAX => Some(c.queue_max as f64),
            measure::CHE => Some(100.0 * self.theory.predicted),
            measure::BEST => Some(100.0 * self.theory.best),
            measure::CURVE => self.curve.hit_ratio(*args.first()?).map(|s| 100.0 * s),
            measure::MOVED => self.busiest(),
            measure::P99_MAX => {
                let most = self.seconds.between(args)?.iter().map(|s| s.p99_us).max()?;
                (most > 0).then(|| f64::from(most) / 1e3)
            }
            _ => None,
        }
    }

    /// How the key stands: for the text table.
    pub(super) fn state_of(&self, now: Us, key: u32) -> Look {
        let Some(owner) = self.map.owner(u64::from(key)) else {
            return Look::Missing;
        };
        match self.nodes[owner as usize].cache.peek(key) {
            Some((_, copy)) if copy.tombstone => Look::Missing,
            Some((until, _)) if until > now => Look::Fresh,
            Some(_) => Look::Stale,
            None => Look::Missing,
        }
    }
}
