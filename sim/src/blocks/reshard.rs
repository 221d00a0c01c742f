//! Resharding: moving keys to other shards while everybody goes on reading and writing.
//!
//! ```text
//!            1 copy            2 forward              3 verify          4 cut
//!   old  [ keys ] ---+    [ writes ] ---+        same as the new?    forgets them
//!                    v                  v
//!   new          [ copies ]       [ copies ]     its replicas too?   owns them
//! ```
//!
//! A chunk of keys at a time. While a chunk moves, the old shard answers for it, and what it commits
//! meanwhile is forwarded to the new one. When the new shard and its replicas have the copy and
//! nothing is still on its way, ownership changes in one step. So each key is on one shard or, for a
//! short time, on two, and at no moment on none. A write that set out for the old shard and arrives
//! after the cut is sent on, as a router does that is told that the key has moved.
//!
//! A dead primary on either side costs the copy, not the keys: the chunk begins again.
//!
//! Leaves out: comparing contents to verify, and throttling other than by the size of chunks.

use super::replication::Position;

/// Where a key goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Move {
    pub from: u8,
    pub to: u8,
    pub key: u16,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// The copy is being made.
    Copying,
    /// The new shard has it at this position; waiting for its replicas and for what is on its way.
    Verifying(Position),
}

#[derive(Clone, Debug)]
pub struct Chunk {
    pub from: u8,
    pub to: u8,
    pub stage: Stage,
    /// Grows with each attempt: copies of an earlier one are void.
    pub attempt: u16,
    first: usize,
    /// Forwarded writes that the new shard has not committed yet.
    pub on_its_way: u32,
    /// Where forwarded writes are in the new shard's log.
    forwarded: Vec<(u16, Position)>,
}

/// A plan, and how far it has come.
#[derive(Clone, Debug, Default)]
pub struct Reshard {
    /// In the order of (from, to, key): a chunk has one pair.
    moves: Vec<Move>,
    done: usize,
    /// The end of the chunk that is on the move.
    end: usize,
    chunk: Option<Chunk>,
    attempts: u16,
}

impl Reshard {
    /// Keys whose place changes, in any order.
    pub fn new(mut moves: Vec<Move>) -> Reshard {
        crate::order::sort(&mut moves);
        Reshard { moves, ..Reshard::default() }
    }

    /// Keys to be moved in all.
    pub fn len(&self) -> usize {
        self.moves.len()
    }
    pub fn is_empty(&self) -> bool {
        self.moves.is_empty()
    }
    /// Keys already in their new place.
    pub fn done(&self) -> usize {
        self.done
    }
    pub fn is_done(&self) -> bool {
        self.done == self.moves.len()
    }
    pub fn chunk(&self) -> Option<&Chunk> {
        self.chunk.as_ref()
    }
    pub fn chunk_mut(&mut self) -> Option<&mut Chunk> {
        self.chunk.as_mut()
    }
    /// The keys of the chunk: those that are on two shards.
    pub fn keys(&self) -> impl Iterator<Item = u16> + '_ {
        self.moves[self.done..self.end.max(self.done)].iter().map(|m| m.key)
    }
    pub fn chunk_len(&self) -> u32 {
        self.end.saturating_sub(self.done) as u32
    }

    /// Takes up to `keys_max` keys of one pair of shards as the next chunk, or begins with the same
    /// one again. False when nothing is left.
    pub fn begin(&mut self, keys_max: usize) -> bool {
        let Some(head) = self.moves.get(self.done) else {
            self.chunk = None;
            return false;
        };
        let same = |m: &&Move| (m.from, m.to) == (head.from, head.to);
        let n = self.moves[self.done..].iter().take(keys_max.max(1)).take_while(same).count();
        self.attempts = self.attempts.wrapping_add(1);
        self.chunk = Some(Chunk {
            from: head.from,
            to: head.to,
            stage: Stage::Copying,
            attempt: self.attempts,
            first: self.done,
            on_its_way: 0,
            forwarded: Vec::new(),
        });
        self.end = self.done + n;
        true
    }

    /// Whether this key is on two shards now: where its writes are to be forwarded to.
    #[inline]
    pub fn also_on(&self, key: u16) -> Option<u8> {
        let chunk = self.chunk.as_ref()?;
        let keys = &self.moves[chunk.first..self.end];
        keys.binary_search_by(|m| m.key.cmp(&key)).is_ok().then_some(chunk.to)
    }

    /// A forwarded write is in the new shard's log.
    pub fn forwarded(&mut self, key: u16, position: Position) {
        let Some(chunk) = &mut self.chunk else {
            return;
        };
        chunk.on_its_way = chunk.on_its_way.saturating_sub(1);
        match chunk.forwarded.iter_mut().find(|(k, _)| *k == key) {
            Some(entry) => entry.1 = position,
            None => chunk.forwarded.push((key, position)),
        }
    }

    /// The last position in the new shard's log that concerns a key of the chunk.
    pub fn position(&self, key: u16) -> Position {
        let Some(chunk) = &self.chunk else {
            return 0;
        };
        let copied = if let Stage::Verifying(p) = chunk.stage { p } else { 0 };
        chunk.forwarded.iter().find(|(k, _)| *k == key).map_or(copied, |(_, p)| (*p).max(copied))
    }

    /// The new shard owns the chunk from now on.
    pub fn cut(&mut self) {
        self.done = self.end;
        self.chunk = None;
    }

    pub fn weight(&self) -> usize {
        self.moves.len() * core::mem::size_of::<Move>() + self.chunk.as_ref().map_or(0, |c| c.forwarded.len() * 8)
    }
}

#[cfg(test)]
mod tests {
    use super::super::shard::{Placement, ShardMap};
    use super::*;
    use proptest::prelude::*;

    fn plan(keys: u16, before: &ShardMap, after: &ShardMap) -> Vec<Move> {
        let owner = |map: &ShardMap, k: u16| map.owner(u64::from(k)).unwrap() as u8;
        (0..keys)
            .map(|key| Move { from: owner(before, key), to: owner(after, key), key })
            .filter(|m| m.from != m.to)
            .collect()
    }

    proptest! {
        /// However it is interrupted: each key has one owner, or one and a copy, and in the end is
        /// where the plan wants it. What was written on the way is in the new place.
        #[test]
        fn a_key_is_on_one_shard_or_on_two(
            n in 1u16..8, more in 1u16..4, ring: bool, chunk in 1usize..60,
            steps in prop::collection::vec((0u8..6, 0u16..400), 20..400),
        ) {
            let placement = if ring { Placement::Ring { virtual_nodes: 50 } } else { Placement::Modulo };
            let (before, after) = (ShardMap::new(placement, n), ShardMap::new(placement, n + more));
            let mut r = Reshard::new(plan(400, &before, &after));
            let mut owner: Vec<u8> = (0..400u64).map(|k| before.owner(k).unwrap() as u8).collect();
            // The version that each shard has of each key, if it has the key at all.
            let mut has = vec![vec![None::<u32>; 400]; usize::from(n + more)];
            for k in 0..400 {
                has[usize::from(owner[k])][k] = Some(0);
            }
            let mut version = vec![0u32; 400];
            let mut on_its_way: Vec<(u16, u32)> = Vec::new();
            let mut position = 0;
            let finish = (0..4_000u16).map(|i| ([1, 4, 2][usize::from(i % 3)], 0));
            for (what, key) in steps.into_iter().chain(finish) {
                let k = usize::from(key);
                match what {
                    0 | 5 => {
                        version[k] += 1;
                        has[usize::from(owner[k])][k] = Some(version[k]);
                        if r.also_on(key).is_some() {
                            r.chunk_mut().unwrap().on_its_way += 1;
                            on_its_way.push((key, version[k]));
                        }
                    }
                    1 => {
                        if r.chunk().is_none() {
                            r.begin(chunk);
                        } else if r.chunk().is_some_and(|c| c.stage == Stage::Copying) {
                            let (from, to) = r.chunk().map(|c| (usize::from(c.from), usize::from(c.to))).unwrap();
                            for k in r.keys().map(usize::from).collect::<Vec<_>>() {
                                has[to][k] = has[from][k];
                            }
                            position += 1;
                            r.chunk_mut().unwrap().stage = Stage::Verifying(position);
                        }
                    }
                    2 => {
                        let ready = r.chunk().is_some_and(|c| c.on_its_way == 0 && matches!(c.stage, Stage::Verifying(_)));
                        if ready {
                            let (from, to) = r.chunk().map(|c| (c.from, c.to)).unwrap();
                            for k in r.keys().map(usize::from).collect::<Vec<_>>() {
                                prop_assert_eq!(has[usize::from(to)][k], Some(version[k]));
                                owner[k] = to;
                                has[usize::from(from)][k] = None;
                            }
                            r.cut();
                        }
                    }
                    3 if r.chunk().is_some() => {
                        // A primary died: the copy is lost, and what was on its way.
                        let to = usize::from(r.chunk().unwrap().to);
                        r.keys().for_each(|k| has[to][usize::from(k)] = None);
                        on_its_way.clear();
                        r.begin(chunk);
                    }
                    _ => {
                        for (key, v) in on_its_way.drain(..) {
                            let to = usize::from(r.also_on(key).unwrap());
                            let slot = &mut has[to][usize::from(key)];
                            *slot = (*slot).max(Some(v));
                            position += 1;
                            r.forwarded(key, position);
                            prop_assert_eq!(r.position(key), position);
                        }
                    }
                }
                for k in 0..400 {
                    let copies = has.iter().filter(|shard| shard[k].is_some()).count();
                    prop_assert!((1..=2).contains(&copies));
                    prop_assert_eq!(has[usize::from(owner[k])][k], Some(version[k]));
                }
            }
            prop_assert!(r.is_done());
            for k in 0..400u64 {
                prop_assert_eq!(u16::from(owner[k as usize]), after.owner(k).unwrap());
            }
        }
    }

    #[test]
    fn a_plan_is_done_when_every_key_has_moved() {
        let mut r = Reshard::new((0..5).map(|key| Move { from: 0, to: 1, key }).collect());
        let mut done = Vec::new();
        while r.begin(2) {
            assert!(!r.is_done() && !r.is_empty(), "a chunk that is on the move has not moved");
            done.push(r.done());
            r.cut();
        }
        assert_eq!((done, r.done(), r.is_done()), (vec![0, 2, 4], 5, true));
        assert!(Reshard::default().is_empty() && Reshard::default().is_done());
    }
}
