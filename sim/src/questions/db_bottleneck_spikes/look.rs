//! What can be seen: the numbers, the measures, and views for the picture.

use super::*;
use crate::look::{Sample, ms, percent};

/// What the picture needs to know of a request beside its fate.
#[derive(Clone, Copy, Debug)]
pub struct Drawn {
    pub write: bool,
    /// The shard that was asked, and who of its members.
    pub shard: u8,
    pub member: u8,
    /// The author's first look: when, and whether the write was there.
    pub looked: Us,
    pub saw: bool,
}

impl Drawn {
    pub const NOWHERE: u8 = u8::MAX;
    pub(super) fn new(write: bool) -> Drawn {
        Drawn { write, shard: Drawn::NOWHERE, member: 0, looked: Us::MAX, saw: false }
    }
}

/// What happened within one second of the run.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Second {
    pub reads: u32,
    pub read: u32,
    pub reads_bad: u32,
    pub writes: u32,
    pub written: u32,
    pub writes_bad: u32,
    pub committed: u32,
    pub stale: u32,
    pub looks: u32,
    pub missing: u32,
    pub looks_all: u32,
    pub looks_primary: u32,
    pub from_nodes: u32,
    pub from_primary: u32,
    pub hits: u32,
    pub read_ms: f32,
    pub write_ms: f32,
    pub most: f32,
    pub all: f32,
    pub lag: f32,
}

/// A node as the picture shows it.
#[derive(Clone, Copy, Debug)]
pub struct NodeView {
    pub member: u8,
    pub up: bool,
    pub seeding: bool,
    pub slow: bool,
    pub store: bool,
    pub primary: bool,
    /// Share of the last whole second at work.
    pub load: f32,
    pub waiting: usize,
    /// Position that reads see, and what is received and not applied.
    pub applied: u32,
    pub received: u32,
    /// How long the oldest write that it lacks has been committed.
    pub behind: Us,
}

/// A shard as the picture shows it.
#[derive(Clone, Copy, Debug)]
pub struct ShardView {
    /// Whether the map gives it keys.
    pub active: bool,
    pub led: bool,
    /// The load of its busiest node, and its work over the mean of the shards.
    pub load: f32,
    pub share: f32,
    pub rows: u32,
    pub queued: usize,
}

impl Spikes {
    pub fn samples(&self) -> impl Iterator<Item = &Sample<Drawn>> + '_ {
        self.samples.iter().chain(self.write_samples.iter())
    }
    pub fn drawn_one_in(&self) -> (u32, u32) {
        (self.samples.one_in(), self.write_samples.one_in())
    }
    /// The most that one of these nodes had to do in the last whole second.
    fn busiest(&self, of: impl Fn(&Node) -> bool) -> f64 {
        self.nodes.iter().filter(|n| n.up && of(n)).map(|n| f64::from(n.load)).fold(0.0, f64::max)
    }
    pub fn shards(&self) -> Vec<ShardView> {
        let active = self.map.nodes();
        let all: u64 = active.iter().map(|h| self.shards[*h as usize].worked).sum();
        let mean = all as f32 / active.len().max(1) as f32;
        let view = |(h, s): (usize, &Shard)| ShardView {
            active: active.contains(&(h as u16)),
            led: s.log.leader().is_some(),
            load: self.busiest(|n| !n.store && n.shard as usize == h) as f32,
            share: if mean > 0.0 { s.worked as f32 / mean } else { 0.0 },
            rows: s.rows,
            queued: s.queue.len(),
        };
        self.shards.iter().enumerate().map(view).collect()
    }
    /// The shard with most work in the last whole second.
    pub fn fullest(&self) -> usize {
        let mut best = 0;
        for (h, s) in self.shards.iter().enumerate() {
            if s.worked > self.shards[best].worked {
                best = h;
            }
        }
        best
    }
    /// The nodes of a shard, the read store's last; and what is committed there.
    pub fn nodes(&self, h: usize, now: Us) -> (Vec<NodeView>, u32) {
        let s = &self.shards[h];
        let view = |(m, n): (usize, &u16)| {
            let (node, member) = (&self.nodes[*n as usize], &s.log.members()[m]);
            NodeView {
                member: m as u8,
                up: node.up,
                seeding: node.seeding,
                slow: node.slow,
                store: node.store,
                primary: s.log.leader() == Some(m),
                load: node.load,
                waiting: node.line.len(),
                applied: member.applied,
                received: member.received,
                behind: s.log.behind(m, now),
            }
        };
        let mut nodes: Vec<NodeView> = s.nodes.iter().enumerate().map(view).collect();
        crate::order::by_key(&mut nodes, |n| (!n.primary, n.store));
        (nodes, s.log.committed())
    }
    pub fn shards_count(&self) -> usize {
        self.map.nodes().len()
    }
    pub fn has_store(&self) -> bool {
        self.s.stores > 0
    }
    /// Rows in batches that are being filled, rows on their way to the disk, and writes in the queue.
    pub fn write_path(&self) -> (u64, u64, u64) {
        let batched: u64 = self.shards.iter().map(|s| u64::from(s.batch.rows())).sum();
        let rows: u64 = self.shards.iter().map(|s| u64::from(s.rows)).sum();
        (batched, rows - batched, self.backlog() - rows)
    }
    pub fn batch_size(&self) -> u32 {
        self.s.batch
    }
    pub fn ack(&self) -> Ack {
        self.s.ack
    }
    /// (moved, to be moved, on two shards now) while keys move.
    pub fn moving(&self) -> Option<(usize, usize, u32)> {
        (!self.reshard.is_done()).then(|| (self.reshard.done(), self.reshard.len(), self.reshard.chunk_len()))
    }
    pub fn parts_of_top(&self) -> u32 {
        self.parts
    }
    pub fn top(&self) -> f64 {
        self.top_share()
    }
    pub fn lost(&self) -> u64 {
        self.counts.lost
    }

    pub(super) fn read_number(&self, which: usize, now: Us) -> Option<f64> {
        let rate = |m| Some(self.meters.per_s(m, now));
        let count = |m| self.meters.count(m, now) as f64;
        let share = |part, whole| percent(count(part), count(whole));
        let leads = |n: &Node| !n.store && self.shards[n.shard as usize].log.leader() == Some(n.member as usize);
        match which {
            number::READ => rate(meter::READ),
            number::WRITTEN => rate(meter::WRITTEN),
            number::REFUSED => {
                Some(self.meters.per_s(meter::READS_BAD, now) + self.meters.per_s(meter::WRITES_BAD, now))
            }
            number::MISSING => share(meter::MISSING, meter::LOOKS),
            number::LAG => Some(self.worst_lag(now).as_ms()),
            number::SPREAD => {
                let active = self.map.nodes();
                let (mut most, mut all) = (0, 0);
                for h in active {
                    let worked = self.shards[*h as usize].worked;
                    most = most.max(worked);
                    all += worked;
                }
                (all > 0).then(|| most as f64 * active.len() as f64 / all as f64)
            }
            number::STALE => share(meter::STALE, meter::READ),
            number::BACK => rate(meter::BACK),
            number::P99_READ => ms(self.read_times.quantile(now, 0.99)),
            number::P99_WRITE => ms(self.write_times.quantile(now, 0.99)),
            number::MEAN_WRITE => ms(self.write_times.hist(now).mean()),
            number::PRIMARY_BUSY => Some(100.0 * self.busiest(leads)),
            number::REPLICA_BUSY => Some(100.0 * self.busiest(|n| !leads(n))),
            number::PRIMARY_SHARE => share(meter::FROM_PRIMARY, meter::FROM_NODES),
            number::BACKLOG => Some(self.backlog() as f64),
            number::READ_CAPACITY => Some(self.reads_possible(now)),
            number::CEILING => Some(self.writes_possible()),
            number::OFFERED_READS => rate(meter::READS),
            number::OFFERED_WRITES => rate(meter::WRITES),
            number::HITS => share(meter::HITS, meter::READS),
            number::LOST => Some(self.counts.lost as f64),
            number::MOVED => Some(self.reshard.done() as f64),
            _ => None,
        }
    }

    pub(super) fn read_measure(&self, which: usize, args: &[f64], now: Us) -> Option<f64> {
        let (t, c) = (&self.seconds, &self.counts);
        match which {
            measure::READ_RATE => t.per_s(args, |s| s.read.into()),
            measure::WRITE_RATE => t.per_s(args, |s| s.written.into()),
            measure::COMMIT_RATE => t.per_s(args, |s| s.committed.into()),
            measure::READS_REFUSED => t.share(args, |s| s.reads_bad.into(), |s| s.reads.into()),
            measure::WRITES_REFUSED => t.share(args, |s| s.writes_bad.into(), |s| s.writes.into()),
            measure::MISSED => t.share(args, |s| s.missing.into(), |s| s.looks.into()),
            measure::STALE => t.share(args, |s| s.stale.into(), |s| s.read.into()),
            measure::BACK => Some(c.back as f64),
            measure::PRIMARY_SHARE => t.share(args, |s| s.from_primary.into(), |s| s.from_nodes.into()),
            measure::LOOKS_PRIMARY => t.share(args, |s| s.looks_primary.into(), |s| s.looks_all.into()),
            measure::HITS => t.share(args, |s| s.hits.into(), |s| s.reads.into()),
            measure::READ_MS => t.mean(args, |s| s.read_ms.into(), |s| s.read.into()),
            measure::WRITE_MS => t.mean(args, |s| s.write_ms.into(), |s| s.written.into()),
            measure::FIRST_WAIT => Some(c.first_wait as f64 / 1e3),
            measure::SPREAD => {
                let shards = self.map.nodes().len() as f64;
                t.mean(args, |s| s.most.into(), |s| s.all.into()).map(|x| x * shards)
            }
            measure::SPEED_UP => t.mean(args, |s| s.all.into(), |s| s.most.into()),
            measure::BOUND => Some(crate::theory::shard_speed_up_max(self.top_share())),
            measure::TOP => Some(100.0 * self.top_share()),
            measure::MOVED => percent(self.reshard.len() as f64, f64::from(self.s.keys)),
            measure::MOVING => Some(self.moving_until.min(now).since(self.moving_since).as_s()),
            measure::TWICE => Some(c.twice_max as f64),
            measure::NOWHERE => {
                let nowhere = |h: &&u8| **h as usize >= self.shards.len();
                Some(self.owner.iter().filter(nowhere).count() as f64)
            }
            measure::LOST => Some(c.lost as f64),
            measure::FAILED_WRITES => Some(c.writes_failed as f64),
            measure::LAG_MAX => t.between(args).map(|rows| rows.iter().map(|s| f64::from(s.lag)).fold(0.0, f64::max)),
            measure::BACKLOG_MAX => Some(c.backlog_max as f64),
            measure::CAPACITY => Some(self.reads_possible(now)),
            measure::CEILING => Some(self.writes_possible()),
            measure::READERS => Some(self.readers()),
            measure::ASKED => (c.gathers > 0).then(|| c.parts as f64 / c.gathers as f64),
            measure::SIZE => Some(self.data),
            _ => None,
        }
    }
}
