//! Which element of the last frame shows which item of this one.
//!
//! Pure, so that it is tested natively; `dom` carries the plan out. Elements are kept wherever possible:
//!
//! 1. an item with a key takes the element of the item with that key, if it is of the same kind;
//! 2. the n-th item of a kind without a key takes the element of the n-th such item of the last frame;
//! 3. whatever is left of the last frame is removed, whatever is left of this one is created.
//!
//! Then as few elements as possible are moved: those outside a longest run that is already in order.

use super::scene::{Item, Scene, Shape};
use std::collections::HashMap;

/// The number of kinds of elements.
const KINDS: usize = 5;

fn kind(item: &Item) -> usize {
    match item.shape {
        Shape::Line { .. } => 0,
        Shape::Path { .. } => 1,
        Shape::Rect { .. } => 2,
        Shape::Circle { .. } => 3,
        Shape::Text { .. } => 4,
    }
}

/// Where the element of an item of this frame comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// The element of that item of the last frame, which already stands in the right order.
    Keep(usize),
    /// The element of that item of the last frame, which must be moved.
    Move(usize),
    Create,
}

/// The plan for one frame. Its buffers are reused.
#[derive(Default)]
pub struct Plan {
    /// For each item of this frame.
    pub sources: Vec<Source>,
    /// Items of the last frame whose elements are not used any more.
    pub removed: Vec<usize>,
    by_key: HashMap<u32, usize>,
    used: Vec<bool>,
    tails: Vec<usize>,
    parent: Vec<usize>,
}

impl Plan {
    /// Whether every item keeps its place: the usual case, found without any table.
    fn same_structure(old: &Scene, new: &Scene) -> bool {
        old.items().len() == new.items().len()
            && old.items().iter().zip(new.items()).all(|(a, b)| a.key == b.key && kind(a) == kind(b))
    }

    /// Plans the step from one scene to the next. Returns whether anything is created, moved or removed.
    pub fn make(&mut self, old: &Scene, new: &Scene) -> bool {
        self.sources.clear();
        self.removed.clear();
        if Plan::same_structure(old, new) {
            self.sources.extend((0..new.items().len()).map(Source::Keep));
            return false;
        }
        let (old, new) = (old.items(), new.items());
        self.by_key.clear();
        self.used.clear();
        self.used.resize(old.len(), false);
        for (i, item) in old.iter().enumerate().filter(|(_, item)| item.key != 0) {
            self.by_key.insert(item.key, i);
        }
        let mut next = [0usize; KINDS];
        for item in new {
            let from = if item.key != 0 {
                // A key that is used twice finds its element once; the second item gets a new one.
                self.by_key.get(&item.key).copied().filter(|&i| !self.used[i] && kind(&old[i]) == kind(item))
            } else {
                let k = kind(item);
                let found = (next[k]..old.len()).find(|&i| old[i].key == 0 && kind(&old[i]) == k);
                next[k] = found.map_or(old.len(), |i| i + 1);
                found
            };
            match from {
                Some(i) => {
                    self.used[i] = true;
                    self.sources.push(Source::Move(i));
                }
                None => self.sources.push(Source::Create),
            }
        }
        self.removed.extend((0..old.len()).filter(|&i| !self.used[i]));
        self.keep_longest_run();
        true
    }

    /// Turns `Move` into `Keep` for a longest ascending run of old positions (patience sorting).
    fn keep_longest_run(&mut self) {
        self.tails.clear();
        self.parent.clear();
        self.parent.resize(self.sources.len(), usize::MAX);
        let at = |sources: &[Source], i: usize| match sources[i] {
            Source::Move(old) | Source::Keep(old) => old,
            Source::Create => usize::MAX,
        };
        for i in 0..self.sources.len() {
            let old = at(&self.sources, i);
            if old == usize::MAX {
                continue;
            }
            let place = self.tails.partition_point(|&t| at(&self.sources, t) < old);
            if place > 0 {
                self.parent[i] = self.tails[place - 1];
            }
            if place == self.tails.len() {
                self.tails.push(i);
            } else {
                self.tails[place] = i;
            }
        }
        let mut i = self.tails.last().copied().unwrap_or(usize::MAX);
        while i != usize::MAX {
            if let Source::Move(old) = self.sources[i] {
                self.sources[i] = Source::Keep(old);
            }
            i = self.parent[i];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Tone, View};
    use super::*;

    /// Draws one letter an item: `t` text, `l` line, `c` circle; digits are circles with that key.
    fn scene(spec: &str) -> Scene {
        let mut s = Scene::new();
        s.begin(&View::wide(10.0));
        for c in spec.chars() {
            match c {
                't' => drop(s.text(0.0, 12.0, 12.0, "x")),
                'l' => drop(s.line(0.0, 0.0, 1.0, 1.0)),
                'c' => drop(s.circle(0.0, 0.0, 1.0).fill(Tone::Ok)),
                d => drop(s.circle(0.0, 0.0, 1.0).key(d.to_digit(10).expect("a digit"))),
            }
        }
        s
    }

    fn plan(old: &str, new: &str) -> Plan {
        let mut p = Plan::default();
        p.make(&scene(old), &scene(new));
        p
    }

    use Source::{Create, Keep, Move};

    #[test]
    fn the_same_structure_keeps_everything() {
        let mut p = Plan::default();
        assert!(!p.make(&scene("tlc1"), &scene("tlc1")));
        assert_eq!(p.sources, [Keep(0), Keep(1), Keep(2), Keep(3)]);
    }

    #[test]
    fn a_keyed_item_in_the_middle_shifts_nothing() {
        let p = plan("l123t", "l1923t");
        assert_eq!(p.sources, [Keep(0), Keep(1), Create, Keep(2), Keep(3), Keep(4)]);
        let p = plan("l123t", "l13t");
        assert_eq!(p.sources, [Keep(0), Keep(1), Keep(3), Keep(4)]);
        assert_eq!(p.removed, [2]);
    }

    #[test]
    fn kinds_without_keys_match_in_order() {
        let p = plan("ltlt", "ltclt");
        assert_eq!(p.sources, [Keep(0), Keep(1), Create, Keep(2), Keep(3)]);
    }

    #[test]
    fn only_what_changed_its_order_moves() {
        let p = plan("12345", "51234");
        assert_eq!(p.sources, [Move(4), Keep(0), Keep(1), Keep(2), Keep(3)]);
    }

    #[test]
    fn a_key_used_twice_is_no_catastrophe() {
        let p = plan("11", "111");
        assert_eq!(p.sources.iter().filter(|s| **s == Create).count(), 2);
        assert_eq!(p.removed.len(), 1);
    }

    /// Carries plans out on a list, for random scenes, and compares with what was wanted.
    #[test]
    fn carrying_out_the_plan_gives_the_scene() {
        let mut seed = 7u32;
        let mut random = move |n: u32| {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (seed >> 16) % n
        };
        let mut spec = String::new();
        let mut old = scene("");
        let mut list: Vec<u32> = Vec::new();
        let mut fresh = 0u32;
        let mut p = Plan::default();
        for _ in 0..500 {
            spec.clear();
            let mut keys: Vec<char> = "123456789".chars().collect();
            for _ in 0..random(14) {
                let c = match random(6) {
                    0 => 't',
                    1 => 'l',
                    2 => 'c',
                    _ if !keys.is_empty() => keys.remove(random(keys.len() as u32) as usize),
                    _ => 't',
                };
                spec.push(c);
            }
            let new = scene(&spec);
            p.make(&old, &new);
            // As `dom` does it: what is kept stays in its order, everything else goes before the next kept one.
            let kept: Vec<usize> =
                p.sources.iter().filter_map(|s| if let Keep(i) = s { Some(*i) } else { None }).collect();
            assert!(kept.is_sorted(), "what is kept must be in order: {kept:?}");
            let next: Vec<u32> = p
                .sources
                .iter()
                .map(|s| match s {
                    Keep(i) | Move(i) => list[*i],
                    Create => {
                        fresh += 1;
                        fresh
                    }
                })
                .collect();
            let mut all = next.clone();
            all.extend(p.removed.iter().map(|&i| list[i]));
            all.sort_unstable();
            all.dedup();
            assert_eq!(all.len(), next.len() + p.removed.len(), "an element is used twice");
            list = next;
            old = new;
        }
    }
}
