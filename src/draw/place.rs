//! Keeping labels apart.

use super::measure::{Font, text_width};
use super::scene::Area;

/// Remembers where labels are and finds room for the next one. A label that finds no room is left away by its
/// primitive, which then offers it as a tooltip.
#[derive(Default)]
pub struct Placer {
    taken: Vec<Area>,
}

impl Placer {
    pub fn new() -> Self {
        Placer::default()
    }

    /// Marks a place as taken.
    pub fn take(&mut self, area: Area) {
        self.taken.push(area);
    }

    /// Marks a line as taken, as a row of small places.
    pub fn take_line(&mut self, a: (f32, f32), b: (f32, f32)) {
        let (dx, dy) = (b.0 - a.0, b.1 - a.1);
        let n = ((dx * dx + dy * dy).sqrt() / 6.0).ceil().clamp(1.0, 200.0);
        for i in 0..=n as usize {
            let f = i as f32 / n;
            self.take(Area::new(a.0 + dx * f - 1.5, a.1 + dy * f - 1.5, 3.0, 3.0));
        }
    }

    /// Whether nothing taken touches `area`.
    pub fn is_free(&self, area: Area) -> bool {
        self.taken
            .iter()
            .all(|t| area.right() <= t.x || t.right() <= area.x || area.bottom() <= t.y || t.bottom() <= area.y)
    }

    /// Takes and returns the first of the candidate places (baseline start of the text) that is free and within
    /// `bounds`.
    pub fn place(
        &mut self,
        text: &str,
        size: f32,
        font: Font,
        bounds: Area,
        candidates: &[(f32, f32)],
    ) -> Option<(f32, f32)> {
        let w = text_width(text, size, font);
        for &(x, y) in candidates {
            let area = Area::new(x - 2.0, y - size, w + 4.0, size * 1.3);
            let inside = area.x + 2.0 >= bounds.x
                && area.right() - 2.0 <= bounds.right()
                && area.y >= bounds.y - 1.0
                && area.bottom() <= bounds.bottom() + 1.0;
            if inside && self.is_free(area) {
                self.take(area);
                return Some((x, y));
            }
        }
        None
    }
}

/// Pushes labels apart: `ys` become at least `gap` apart and stay within `lo..=hi` where that is possible, keep their
/// order and move as little as possible (in the sum of squares).
pub(super) fn spread(ys: &mut [(f32, usize)], gap: f32, lo: f32, hi: f32) {
    sim::order::by(ys, |a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)).is_lt());
    // Less i times the gap, "at least a gap apart" means "ascending": neighbours out of order share their mean.
    let mut runs: Vec<(f32, usize)> = Vec::with_capacity(ys.len());
    for (i, (y, _)) in ys.iter().enumerate() {
        runs.push((*y - i as f32 * gap, 1));
        while let [.., (a, n), (b, m)] = runs[..]
            && a > b
        {
            runs.truncate(runs.len() - 2);
            runs.push(((a * n as f32 + b * m as f32) / (n + m) as f32, n + m));
        }
    }
    let highest = (hi - gap * ys.len().saturating_sub(1) as f32).max(lo);
    let means = runs.iter().flat_map(|&(mean, n)| std::iter::repeat_n(mean, n));
    for (i, ((y, _), mean)) in ys.iter_mut().zip(means).enumerate() {
        *y = sim::order::between(mean, lo, highest) + i as f32 * gap;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_label_moves_aside_and_the_third_is_left_away() {
        let mut p = Placer::new();
        let bounds = Area::new(0.0, 0.0, 200.0, 40.0);
        let two = [(10.0, 15.0), (10.0, 35.0)];
        assert_eq!(p.place("label", 12.0, Font::Sans, bounds, &two), Some((10.0, 15.0)));
        assert_eq!(p.place("label", 12.0, Font::Sans, bounds, &two), Some((10.0, 35.0)));
        assert_eq!(p.place("label", 12.0, Font::Sans, bounds, &two), None);
    }

    #[test]
    fn a_label_keeps_off_a_line() {
        let mut p = Placer::new();
        p.take_line((0.0, 0.0), (100.0, 100.0));
        assert!(!p.is_free(Area::new(47.0, 53.0, 20.0, 2.0)));
        assert!(p.is_free(Area::new(60.0, 10.0, 20.0, 12.0)));
    }

    #[test]
    fn spread_keeps_order_gap_and_bounds() {
        let mut ys = [(50.0, 0), (48.0, 1), (100.0, 2)];
        spread(&mut ys, 14.0, 0.0, 100.0);
        assert_eq!(ys.map(|y| y.1), [1, 0, 2]);
        assert_eq!((ys[0].0, ys[1].0), (42.0, 56.0));
        assert!(ys[1].0 - ys[0].0 >= 14.0 && ys[2].0 - ys[1].0 >= 14.0 && ys[2].0 <= 100.0);
    }
}
