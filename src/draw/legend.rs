//! Signs and their words.

use super::measure::{Font, text_width};
use super::scene::{Outcome, Scene, Tone};

/// Draws signs with their words from (x, y) on, wrapping at `width`; rows are 18 units high and `y` is the middle of
/// the first. Returns the height used.
pub fn legend(scene: &mut Scene, x: f32, y: f32, width: f32, entries: &[(Outcome, &str)]) -> f32 {
    let (mut cx, mut cy) = (x, y);
    for &(outcome, word) in entries {
        let w = 14.0 + text_width(word, 11.0, Font::Sans);
        if cx > x && cx + w > x + width {
            cx = x;
            cy += 18.0;
        }
        scene.outcome(cx + 5.0, cy, outcome, 4.5);
        scene.text(cx + 14.0, cy, 11.0, word).vcenter().tone(Tone::Ink3);
        cx += w + 14.0;
    }
    cy - y + 18.0
}

#[cfg(test)]
mod tests {
    use super::super::{View, svg};
    use super::*;

    #[test]
    fn entries_wrap() {
        let mut s = Scene::new();
        s.begin(&View::narrow(100.0));
        let entries = [(Outcome::Ok, "served"), (Outcome::Rejected, "refused"), (Outcome::Stale, "stale read")];
        assert_eq!(legend(&mut s, 0.0, 10.0, 1000.0, &entries), 18.0);
        assert_eq!(legend(&mut s, 0.0, 10.0, 130.0, &entries), 36.0);
        assert!(svg::fragment(&s, "").contains(">stale read<"));
    }
}
