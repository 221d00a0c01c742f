//! A bucket: tokens, permits or budget that drain and refill.

use super::scene::{Area, Scene, Tone, Words};

/// A bucket with its level. The area holds the bucket and, in its lowest 20 units, the caption; 92 by 104 is the usual
/// size, 84 by 90 the smallest.
pub struct Bucket<'a> {
    pub area: Area,
    /// 0 (empty) to 1 (full).
    pub level: f32,
    /// What is left, in figures.
    pub number: Words<'a>,
    pub caption: Words<'a>,
    pub tone: Tone,
}

/// Draws a bucket.
pub fn bucket(scene: &mut Scene, b: &Bucket<'_>) {
    let a = b.area;
    let h = a.h - 20.0;
    let w = a.w.min(92.0);
    let (l, r) = (a.cx() - w / 2.0, a.cx() + w / 2.0);
    let taper = w * 0.087;
    let bottom = a.y + h;
    scene
        .path(|p| {
            p.move_to(l, a.y).line_to(l + taper, bottom).line_to(r - taper, bottom).line_to(r, a.y).close();
        })
        .fill(Tone::Panel);
    let level = if b.level.is_finite() { b.level.clamp(0.0, 1.0) } else { 0.0 };
    // The fill follows the slant of the walls, so the surface is as wide as the bucket at that height.
    let surface = bottom - 1.0 - level * (h - 1.0);
    let slant = taper * (bottom - surface) / h;
    let side = taper - slant;
    scene
        .path(|p| {
            p.move_to(l + 1.0 + side, surface)
                .line_to(l + 1.0 + taper, bottom - 1.0)
                .line_to(r - 1.0 - taper, bottom - 1.0)
                .line_to(r - 1.0 - side, surface)
                .close();
        })
        .fill(b.tone)
        .opacity(0.55);
    scene
        .path(|p| {
            p.move_to(l, a.y).line_to(l + taper, bottom).line_to(r - taper, bottom).line_to(r, a.y);
        })
        .stroke(Tone::Ink2);
    let size = if w < 84.0 { 18.0 } else { 22.0 };
    scene.text(a.cx(), a.y + h * 0.5, size, b.number).mono().bold().middle().vcenter().fit(w - 2.0 * taper - 6.0);
    // The caption may be wider than the bucket, but stays in the picture.
    let room = sim::order::between(a.cx().min(scene.width() - a.cx()) * 2.0 - 8.0, 0.0, a.w + 60.0);
    scene.text(a.cx(), bottom + 18.0, 12.0, b.caption).middle().tone(Tone::Ink3).fit(room);
}

#[cfg(test)]
mod tests {
    use super::super::{View, svg};
    use super::*;

    #[test]
    fn the_level_is_the_height_of_the_fill() {
        let mut s = Scene::new();
        let draw = |s: &mut Scene, level: f32| {
            s.begin(&View::wide(200.0));
            let area = Area::new(564.0, 32.0, 92.0, 104.0);
            bucket(s, &Bucket { area, level, number: &"1.2", caption: &"tokens left", tone: Tone::Flight });
            svg::fragment(s, "")
        };
        let full = draw(&mut s, 1.0);
        assert!(full.contains("M565 32L573 115"), "{full}");
        assert!(full.contains(">1.2<") && full.contains(">tokens left<"));
        let empty = draw(&mut s, 0.0);
        assert!(empty.contains("115L573 115"), "{empty}");
        assert_eq!(draw(&mut s, f32::NAN), empty);
    }
}
