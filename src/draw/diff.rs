//! Which element of the last frame shows which item of this one.
//!
//! Pure, so that it is tested natively; `dom` carries the plan out. Elements are kept wherever possible:
//!
//! 1. an item with a key takes the element of the item with that key, if it is of the same kind;
//! 2. items without a key are laid along those of the last frame, in order, so that most of them find one of the same
//!    kind, at the same place, of the same look: then what comes or goes in the middle of a list changes nothing else;
//! 3. whatever is left of the last frame is removed, whatever is left of this one is created.
//!
//! Then as few elements as possible are moved: those outside a longest run that is already in order.

use super::scene::{Item, Scene, Shape};
use sim::order;

/// How far the lists may be out of step with each other, beyond what one is longer than the other.
const SLACK: isize = 12;
/// What [`Plan::likeness`] gives to two items that differ in nothing it looks at.
const ALIKE: u16 = 9;

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

impl Source {
    /// The item of the last frame whose element it is.
    pub fn old(self) -> Option<usize> {
        match self {
            Source::Keep(i) | Source::Move(i) => Some(i),
            Source::Create => None,
        }
    }
}

/// The next step along two lists.
#[derive(Clone, Copy)]
enum Step {
    Pair,
    SkipOld,
    SkipNew,
    /// Nothing that follows has a partner.
    End,
}

/// The plan for one frame. Its buffers are reused.
#[derive(Default)]
pub struct Plan {
    /// For each item of this frame.
    pub sources: Vec<Source>,
    /// Items of the last frame whose elements are not used any more.
    pub removed: Vec<usize>,
    /// Keys of the last frame and whose they are, in order: lighter than a table, and there are hundreds at most.
    by_key: Vec<(u32, usize)>,
    used: Vec<bool>,
    /// Items without a key: those of the last frame and of this one.
    plain: [Vec<usize>; 2],
    /// For each of the latter, its partner among the former.
    partners: Vec<usize>,
    scores: [Vec<u16>; 2],
    steps: Vec<Step>,
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
        self.pair(old, new);
        let (old, new) = (old.items(), new.items());
        self.by_key.clear();
        self.used.clear();
        self.used.resize(old.len(), false);
        self.by_key.extend(old.iter().enumerate().filter(|(_, item)| item.key != 0).map(|(i, item)| (item.key, i)));
        order::sort(&mut self.by_key);
        let mut plain = 0;
        for item in new {
            let from = if item.key != 0 {
                // A key that is used twice finds its element once; the second item gets a new one.
                let at = self.by_key.partition_point(|(key, _)| *key < item.key);
                let found = self.by_key.get(at).filter(|(key, _)| *key == item.key).map(|(_, i)| *i);
                found.filter(|&i| !self.used[i] && kind(&old[i]) == kind(item))
            } else {
                plain += 1;
                Some(self.partners[plain - 1]).filter(|&i| i != usize::MAX)
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

    /// How much of an item's element is right for another one; 0 for elements of different kinds.
    fn likeness((old, a): (&Scene, &Item), (new, b): (&Scene, &Item)) -> u16 {
        let mut look = (a.fill, a.stroke, a.hit.is_some()) == (b.fill, b.stroke, b.hit.is_some());
        let (x, y) = match (a.shape, b.shape) {
            (Shape::Line { x1, y1, .. }, Shape::Line { x1: x, y1: y, .. }) => (x == x1, y == y1),
            (Shape::Rect { x, y, .. }, Shape::Rect { x: x2, y: y2, .. }) => (x == x2, y == y2),
            (Shape::Circle { cx, cy, .. }, Shape::Circle { cx: x, cy: y, .. }) => (x == cx, y == cy),
            (Shape::Path { d }, Shape::Path { d: d2 }) => {
                let same = old.str(d) == new.str(d2);
                (same, same)
            }
            (
                Shape::Text { x, y, size, anchor, bold, mono, halo, text },
                Shape::Text { x: x2, y: y2, size: s2, anchor: a2, bold: b2, mono: m2, halo: h2, text: t2 },
            ) => {
                look &= (size, anchor, bold, mono, halo) == (s2, a2, b2, m2, h2);
                let same = old.str(text) == new.str(t2);
                (same || x == x2, same || y == y2)
            }
            _ => return 0,
        };
        2 + 2 * u16::from(x) + 2 * u16::from(y) + 3 * u16::from(look)
    }

    /// Finds partners for the items without a key, so that the sum of the likenesses is as large as can be with both
    /// lists in order.
    fn pair(&mut self, old: &Scene, new: &Scene) {
        let Plan { plain, partners, scores, steps, .. } = self;
        for (plain, scene) in plain.iter_mut().zip([old, new]) {
            plain.clear();
            plain.extend(scene.items().iter().enumerate().filter(|(_, item)| item.key == 0).map(|(i, _)| i));
        }
        let [a, b] = &*plain;
        let like = |i: usize, j: usize| Plan::likeness((old, &old.items()[a[i]]), (new, &new.items()[b[j]]));
        partners.clear();
        partners.resize(b.len(), usize::MAX);
        // Most of it is as it was, at both ends.
        let shorter = a.len().min(b.len());
        let head = (0..shorter).take_while(|&i| like(i, i) == ALIKE).count();
        let tail = (1..=shorter - head).take_while(|&i| like(a.len() - i, b.len() - i) == ALIKE).count();
        partners[..head].copy_from_slice(&a[..head]);
        partners[b.len() - tail..].copy_from_slice(&a[a.len() - tail..]);
        let (n, m) = (a.len() - head - tail, b.len() - head - tail);
        // From the ends of both lists to their beginnings, within a band along the diagonal.
        let longer = m as isize - n as isize;
        let (lo, hi) = (longer.min(0) - SLACK, longer.max(0) + SLACK);
        let width = (hi - lo + 1) as usize;
        steps.clear();
        steps.resize((n + 1) * width, Step::End);
        for row in scores.iter_mut() {
            row.clear();
            row.resize(m + 2, 0);
        }
        for i in (0..=n).rev() {
            let [below, here] = scores;
            std::mem::swap(below, here);
            let from = (i as isize + lo).max(0) as usize;
            let to = ((i as isize + hi).max(0) as usize).min(m);
            // Beside the band nothing has a partner.
            here[to + 1] = 0;
            for j in (from..=to).rev() {
                let like = if i < n && j < m { like(head + i, head + j) } else { 0 };
                let pair = if like > 0 { below[j + 1] + like } else { 0 };
                let best = pair.max(below[j]).max(here[j + 1]);
                here[j] = best;
                steps[i * width + (j as isize - i as isize - lo) as usize] = match best {
                    0 => Step::End,
                    _ if best == pair => Step::Pair,
                    _ if best == below[j] => Step::SkipOld,
                    _ => Step::SkipNew,
                };
            }
        }
        let (mut i, mut j) = (0, 0);
        while i < n && j < m {
            match steps[i * width + (j as isize - i as isize - lo) as usize] {
                Step::Pair => {
                    partners[head + j] = a[head + i];
                    (i, j) = (i + 1, j + 1);
                }
                Step::SkipOld => i += 1,
                Step::SkipNew => j += 1,
                Step::End => break,
            }
        }
    }

    /// Turns `Move` into `Keep` for a longest ascending run of old positions (patience sorting).
    fn keep_longest_run(&mut self) {
        self.tails.clear();
        self.parent.clear();
        self.parent.resize(self.sources.len(), usize::MAX);
        let at = |sources: &[Source], i: usize| sources[i].old().unwrap_or(usize::MAX);
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
    fn what_goes_in_the_middle_changes_nothing_else() {
        let row = |places: &[f32]| {
            let mut s = scene("lt");
            for x in places {
                s.rect(*x, 5.0, 4.0, 4.0).fill(Tone::Ok);
                if x % 20.0 == 0.0 {
                    s.circle(*x, 5.0, 1.0).fill(Tone::Ok);
                }
            }
            s.text(9.0, 40.0, 12.0, "the end");
            s
        };
        let (all, most) = (row(&[10.0, 20.0, 30.0, 40.0, 50.0]), row(&[10.0, 30.0, 40.0, 50.0]));
        let mut p = Plan::default();
        p.make(&all, &most);
        assert_eq!((&p.sources[..4], &p.removed[..]), (&[Keep(0), Keep(1), Keep(2), Keep(5)][..], &[3, 4][..]));
        p.make(&most, &all);
        assert_eq!(p.sources[..6], [Keep(0), Keep(1), Keep(2), Create, Create, Keep(3)]);
        // Out of step by more than the band is wide.
        let many: Vec<f32> = (0..90).map(|i| 7.0 * i as f32).collect();
        p.make(&row(&many), &row(&many[40..]));
        assert_eq!(p.sources.iter().filter(|s| matches!(s, Create | Move(_))).count(), 0);
        assert!(p.sources[2] == Keep(2 + 40 + 2), "{:?}", p.sources[2]);
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
