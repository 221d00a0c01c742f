//! Shard map: which node a key lives on.
//!
//! ```text
//!   modulo                        ring, virtual nodes
//!   hash(key) mod 3               . a . c . b . b . a . c . a . b . c .   (and round again)
//!   0 -> a   1 -> b   2 -> c               ^ hash(key): the next point to the right owns it
//! ```
//!
//! *Modulo* is one division, and every change of the number of nodes moves almost all keys: from n
//! to n + 1 nodes n/(n + 1) of them. On a *consistent hash ring* (Karger et al., STOC 1997) a node
//! stands at many points, and a key belongs to the first point at or after its hash. A node that
//! joins n others takes 1/(n + 1) of the keys and moves no other; when one leaves, its keys spread
//! over all that remain.
//!
//! The shares are even only on average. With V points a node the share of one deviates from 1/n by
//! about 1/√V of it. And no placement helps against one hot key: all of it lives on one node.
//!
//! Two more ways keep neighbours together, for queries that want them together: by *range* of the key,
//! and by *region* of its user. Both take their balance from the data. Where the popular keys are
//! neighbours (the newest, say), one range has most of the work; and regions are of unequal size.
//!
//! Moving the data is `reshard.rs`. Leaves out: weights, bounded loads.

use crate::kernel::mix;

/// How keys are placed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Placement {
    Modulo,
    /// So many points on the ring for each node.
    Ring {
        virtual_nodes: u16,
    },
    /// Equal stretches of `0..keys`, in order.
    Range {
        keys: u32,
    },
    /// By region: the i-th has a share proportional to 1/i, as cities and languages have.
    Region,
}

/// A fixed salt for keys and one for points, so that no key lies on a point by construction.
const KEY_SALT: u64 = 0x6b65_7973;
const POINT_SALT: u64 = 0x706f_696e_7473;

#[derive(Clone, Debug)]
pub struct ShardMap {
    placement: Placement,
    /// The nodes that take part, in order of their numbers.
    nodes: Vec<u16>,
    /// (where, which node), in order; empty under modulo.
    points: Vec<(u64, u16)>,
}

impl ShardMap {
    /// Nodes 0 to `nodes` - 1.
    pub fn new(placement: Placement, nodes: u16) -> ShardMap {
        let mut map = ShardMap { placement, nodes: (0..nodes).collect(), points: Vec::new() };
        if let Placement::Ring { virtual_nodes } = placement {
            map.points = (0..nodes).flat_map(|n| (0..virtual_nodes).map(move |v| (point(n, v), n))).collect();
            crate::order::sort(&mut map.points);
        }
        map
    }

    /// The node that owns a key; `None` without nodes.
    pub fn owner(&self, key: u64) -> Option<u16> {
        let hash = mix(key ^ KEY_SALT);
        match self.placement {
            _ if self.nodes.is_empty() => None,
            Placement::Modulo => Some(self.nodes[(hash % self.nodes.len() as u64) as usize]),
            Placement::Range { keys } => {
                let n = self.nodes.len();
                Some(self.nodes[(key as usize * n / keys.max(1) as usize).min(n - 1)])
            }
            Placement::Region => {
                // Where the hash falls among shares of 1, 1/2, 1/3 ...
                let mut left = (hash >> 11) as f64 / 9_007_199_254_740_992.0 * harmonic(self.nodes.len());
                let region = (1..self.nodes.len()).find(|i| {
                    left -= 1.0 / *i as f64;
                    left < 0.0
                });
                Some(self.nodes[region.unwrap_or(self.nodes.len()) - 1])
            }
            Placement::Ring { .. } => {
                let next = self.points.partition_point(|(at, _)| *at < hash);
                self.points.get(next).or(self.points.first()).map(|(_, node)| *node)
            }
        }
    }

    /// The first `n` different nodes at or after a key: where copies of it live. Its owner comes first.
    pub fn owners(&self, key: u64, n: usize) -> Vec<u16> {
        let hash = mix(key ^ KEY_SALT);
        let n = n.min(self.nodes.len());
        let mut found: Vec<u16> = Vec::with_capacity(n);
        match self.placement {
            Placement::Modulo | Placement::Range { .. } | Placement::Region => {
                let owner = self.owner(key);
                let first = self.nodes.iter().position(|node| Some(*node) == owner).unwrap_or(0);
                found.extend((0..n).map(|i| self.nodes[(first + i) % self.nodes.len()]));
            }
            Placement::Ring { .. } => {
                let start = self.points.partition_point(|(at, _)| *at < hash);
                let round = self.points[start..].iter().chain(&self.points[..start]);
                for (_, node) in round {
                    if found.len() == n {
                        break;
                    }
                    if !found.contains(node) {
                        found.push(*node);
                    }
                }
            }
        }
        found
    }

    /// A node leaves. Nothing happens if it takes no part.
    pub fn remove(&mut self, node: u16) {
        self.nodes.retain(|n| *n != node);
        self.points.retain(|(_, n)| *n != node);
    }

    /// A node joins, or comes back to its old places.
    pub fn add(&mut self, node: u16) {
        if self.nodes.contains(&node) {
            return;
        }
        let place = self.nodes.partition_point(|n| *n < node);
        self.nodes.insert(place, node);
        if let Placement::Ring { virtual_nodes } = self.placement {
            self.points.extend((0..virtual_nodes).map(|v| (point(node, v), node)));
            crate::order::sort(&mut self.points);
        }
    }

    pub fn nodes(&self) -> &[u16] {
        &self.nodes
    }

    /// The share of all possible keys that a node owns.
    pub fn share(&self, node: u16) -> f64 {
        if !self.nodes.contains(&node) {
            return 0.0;
        }
        match self.placement {
            Placement::Modulo | Placement::Range { .. } => return 1.0 / self.nodes.len() as f64,
            Placement::Region => {
                let place = self.nodes.iter().position(|n| *n == node).unwrap_or(0);
                return 1.0 / ((place + 1) as f64 * harmonic(self.nodes.len()));
            }
            Placement::Ring { .. } => {}
        }
        let mut before = self.points.last().map_or(0, |(at, _)| *at);
        let mut owned = 0.0;
        for (at, n) in &self.points {
            if *n == node {
                owned += at.wrapping_sub(before) as f64;
            }
            before = *at;
        }
        // One point alone owns the whole ring, and the difference to itself is zero.
        if self.points.len() == 1 { 1.0 } else { owned / 18_446_744_073_709_551_616.0 }
    }

    pub fn weight(&self) -> usize {
        self.nodes.len() * 2 + self.points.len() * core::mem::size_of::<(u64, u16)>()
    }
}

/// 1 + 1/2 + ... + 1/n.
fn harmonic(n: usize) -> f64 {
    (1..=n).map(|i| 1.0 / i as f64).sum()
}

fn point(node: u16, copy: u16) -> u64 {
    mix(mix(u64::from(node) ^ POINT_SALT) ^ u64::from(copy))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const KEYS: u64 = 40_000;

    fn moved(before: &ShardMap, after: &ShardMap) -> f64 {
        let n = (0..KEYS).filter(|k| before.owner(*k) != after.owner(*k)).count();
        n as f64 / KEYS as f64
    }

    #[test]
    fn one_more_node_moves_few_keys_on_a_ring_and_most_by_modulo() {
        for n in [2u16, 4, 9] {
            for (placement, expected) in [
                (Placement::Ring { virtual_nodes: 512 }, 1.0 / f64::from(n + 1)),
                (Placement::Modulo, f64::from(n) / f64::from(n + 1)),
            ] {
                let (before, after) = (ShardMap::new(placement, n), ShardMap::new(placement, n + 1));
                let share = moved(&before, &after);
                assert!((share - expected).abs() < 0.15 * expected, "{placement:?} {n}: {share} for {expected}");
            }
        }
    }

    #[test]
    fn neighbours_stay_together() {
        let range = ShardMap::new(Placement::Range { keys: 1_000 }, 4);
        let owners: Vec<u16> = [0, 249, 250, 500, 999, 5_000].iter().filter_map(|k| range.owner(*k)).collect();
        assert_eq!(owners, [0, 0, 1, 2, 3, 3]);
        let region = ShardMap::new(Placement::Region, 4);
        for node in 0..4u16 {
            let found = (0..KEYS).filter(|k| region.owner(*k) == Some(node)).count() as f64 / KEYS as f64;
            assert!((found - region.share(node)).abs() < 0.01);
        }
        assert!((region.share(0) - 0.48).abs() < 1e-9, "1 of 1 + 1/2 + 1/3 + 1/4");
    }

    #[test]
    fn shares_are_what_keys_find() {
        let map = ShardMap::new(Placement::Ring { virtual_nodes: 64 }, 5);
        for node in 0..5 {
            let found = (0..KEYS).filter(|k| map.owner(*k) == Some(node)).count() as f64 / KEYS as f64;
            assert!((found - map.share(node)).abs() < 0.01);
        }
        assert_eq!(ShardMap::new(Placement::Modulo, 0).owner(1), None);
        assert_eq!(ShardMap::new(Placement::Ring { virtual_nodes: 8 }, 0).owner(1), None);
    }

    /// No placement splits one key: the node of a key with share p gets at least p.
    #[test]
    fn the_hot_key_stays_on_one_node() {
        let map = ShardMap::new(Placement::Ring { virtual_nodes: 256 }, 4);
        let hot = 17;
        let owner = map.owner(hot);
        let load = (0..KEYS).filter(|k| k % 2 == 0 || map.owner(*k) == owner).count() as f64 / KEYS as f64;
        // Every second request asks for the hot key: one half, and a quarter of the other half.
        assert!((load - 0.625).abs() < 0.05, "{load}");
    }

    proptest! {
        #[test]
        fn leaving_moves_only_its_own_keys_and_coming_back_undoes_it(n in 2u16..20, gone in 0u16..20, v in 1u16..80) {
            let gone = gone % n;
            let whole = ShardMap::new(Placement::Ring { virtual_nodes: v }, n);
            let mut map = whole.clone();
            map.remove(gone);
            for k in 0..500 {
                let (before, after) = (whole.owner(k), map.owner(k));
                prop_assert!(after != Some(gone));
                prop_assert!(before == after || before == Some(gone));
                let copies = whole.owners(k, 3);
                prop_assert_eq!(copies.len(), 3.min(n as usize));
                prop_assert_eq!(copies.first().copied(), before);
                // The next copy is who inherits the key.
                if before == Some(gone) {
                    prop_assert_eq!(after, copies.get(1).copied());
                }
            }
            map.add(gone);
            map.add(gone);
            for k in 0..500 {
                prop_assert_eq!(map.owner(k), whole.owner(k));
            }
        }

        #[test]
        fn modulo_takes_whoever_is_there(n in 1u16..12, key in any::<u64>()) {
            let mut map = ShardMap::new(Placement::Modulo, n);
            let copies = map.owners(key, n as usize);
            prop_assert_eq!(copies.len(), n as usize);
            prop_assert_eq!(map.owner(key), copies.first().copied());
            map.remove(0);
            prop_assert!(map.owner(key).is_none_or(|o| o > 0 && o < n));
        }
    }

    #[test]
    fn a_key_on_a_point_belongs_to_it() {
        let map = ShardMap::new(Placement::Ring { virtual_nodes: 16 }, 5);
        for (node, copy) in (0..5u16).flat_map(|node| (0..16u16).map(move |copy| (node, copy))) {
            // A point's place is a hash like a key's: this key has the same.
            let key = mix(u64::from(node) ^ POINT_SALT) ^ u64::from(copy) ^ KEY_SALT;
            assert_eq!((map.owner(key), map.owners(key, 1)), (Some(node), vec![node]));
        }
    }

    #[test]
    fn whoever_comes_back_gets_its_old_place_under_every_placement() {
        for placement in [Placement::Modulo, Placement::Range { keys: 500 }, Placement::Region] {
            let whole = ShardMap::new(placement, 5);
            for gone in 0..5 {
                let mut map = whole.clone();
                map.remove(gone);
                map.add(gone);
                assert_eq!(map.nodes(), whole.nodes());
                assert!((0..500).all(|k| map.owner(k) == whole.owner(k)), "{placement:?} {gone}");
            }
        }
    }

    #[test]
    fn equal_shares_are_what_keys_find() {
        for placement in [Placement::Modulo, Placement::Range { keys: KEYS as u32 }] {
            let map = ShardMap::new(placement, 5);
            for node in 0..5 {
                let found = (0..KEYS).filter(|k| map.owner(*k) == Some(node)).count() as f64 / KEYS as f64;
                assert!((found - map.share(node)).abs() < 0.01, "{placement:?}: {found} for {}", map.share(node));
            }
        }
    }
}
