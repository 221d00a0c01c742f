//! The pixels of the particle layer: glyphs made once, then copied to wherever they are.
//!
//! Measured in Chromium without a GPU: five thousand `drawImage` calls take 12 to 17 ms, copying the same pixels here
//! and handing them over in one `putImageData` a tenth of that, and it costs the same on every machine. Making the
//! glyphs here too keeps the canvas write-only, which browsers that blur `getImageData` against fingerprinting need.
//!
//! Pure, so that it is tested natively. Pixels are straight (not premultiplied) RGBA, as `ImageData` wants them.

use super::scene::Glyph;

/// Straight RGBA.
pub type Rgba = [u8; 4];

/// What a sprite looks like.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Look {
    pub glyph: Glyph,
    /// Radius, in device pixels.
    pub radius: f32,
    /// Stroke width of the stroked glyphs, in device pixels.
    pub stroke: f32,
    pub color: Rgba,
    /// Fills the inside of a ring.
    pub inside: Rgba,
}

/// A glyph at each of several offsets within a pixel, so that slow movement is smooth.
pub struct Sprite {
    /// Width and height, in pixels. The glyph's centre is at the corner between the middle pixel and the one before,
    /// plus the offset.
    side: usize,
    /// Offsets per pixel and direction.
    steps: usize,
    /// `steps * steps` squares of `side * side` pixels.
    pixels: Vec<Rgba>,
    /// For each row of each square, what there is to copy.
    rows: Vec<Row>,
}

/// Which pixels of a row are not transparent.
#[derive(Clone, Copy)]
struct Row {
    from: u16,
    to: u16,
}

impl Row {
    fn of(pixels: &[Rgba]) -> Row {
        let seen = |p: &Rgba| p[3] > 0;
        let from = pixels.iter().position(seen).unwrap_or(0);
        let to = pixels.iter().rposition(seen).map_or(0, |i| i + 1);
        Row { from: from as u16, to: to as u16 }
    }
}

impl Sprite {
    /// Makes a sprite. `steps` is how many positions within a pixel are told apart: 4 where pixels are large, 2 where
    /// they are small.
    pub fn new(look: &Look, steps: usize) -> Sprite {
        // The longest glyph reaches 1.1 radii; a stroke reaches half its width further; the rim fades over a pixel.
        let reach = (look.radius * 1.1 + look.stroke / 2.0 + 1.0).ceil() as usize;
        let side = 2 * reach + 1;
        let mut pixels = Vec::with_capacity(steps * steps * side * side);
        for sy in 0..steps {
            for sx in 0..steps {
                let center = |s: usize| reach as f32 + s as f32 / steps as f32;
                let (cx, cy) = (center(sx), center(sy));
                for y in 0..side {
                    for x in 0..side {
                        pixels.push(pixel(look, x as f32 + 0.5 - cx, y as f32 + 0.5 - cy));
                    }
                }
            }
        }
        let rows = pixels.chunks_exact(side).map(Row::of).collect();
        Sprite { side, steps, pixels, rows }
    }
}

/// The colour of a glyph around (0, 0) at a point.
fn pixel(look: &Look, x: f32, y: f32) -> Rgba {
    let covered = |distance: f32| (0.5 - distance).clamp(0.0, 1.0);
    let r = look.radius;
    let shade = |coverage: f32| {
        let [red, green, blue, alpha] = look.color;
        [red, green, blue, (f32::from(alpha) * coverage).round() as u8]
    };
    match look.glyph {
        Glyph::Dot => shade(covered((x * x + y * y).sqrt() - r)),
        Glyph::Ring => {
            let from_center = (x * x + y * y).sqrt();
            let line = covered((from_center - (r - look.stroke / 2.0)).abs() - look.stroke / 2.0);
            let inside = covered(from_center - (r - look.stroke / 2.0));
            let mut under = look.inside;
            under[3] = (f32::from(under[3]) * inside).round() as u8;
            over(shade(line), under)
        }
        Glyph::Cross => {
            let k = r * 0.8;
            // Both strokes at once: the cross is symmetric in both axes.
            let (ax, ay) = (x.abs(), y.abs());
            let along = ((ax + ay) / 2.0).min(k);
            let distance = ((ax - along).powi(2) + (ay - along).powi(2)).sqrt();
            shade(covered(distance - look.stroke / 2.0))
        }
        Glyph::Triangle => shade(covered(triangle(x, y, r))),
        Glyph::Back => shade(covered(triangle(-x, y, r))),
        Glyph::Square => shade(covered(x.abs().max(y.abs()) - 0.85 * r)),
        Glyph::Diamond => shade(covered((x.abs() + y.abs() - 1.1 * r) * std::f32::consts::FRAC_1_SQRT_2)),
    }
}

/// Distance to the triangle (-0.8 r, -r), (r, 0), (-0.8 r, r), negative inside.
fn triangle(x: f32, y: f32, r: f32) -> f32 {
    let edge = (r * x + 1.8 * r * y.abs() - r * r) / (r * r + 3.24 * r * r).sqrt().max(1e-6);
    edge.max(-0.8 * r - x)
}

/// `top` over `under`, both straight.
fn over(top: Rgba, under: Rgba) -> Rgba {
    let (a, b) = (u32::from(top[3]), u32::from(under[3]));
    if a == 255 || b == 0 {
        return top;
    }
    if a == 0 {
        return under;
    }
    if b == 255 {
        // The usual case, without a division by what is only known now.
        let mix = |i: usize| ((u32::from(top[i]) * a + u32::from(under[i]) * (255 - a) + 127) / 255) as u8;
        return [mix(0), mix(1), mix(2), 255];
    }
    let rest = b * (255 - a) / 255;
    let alpha = a + rest;
    let mix = |i: usize| ((u32::from(top[i]) * a + u32::from(under[i]) * rest + alpha / 2) / alpha) as u8;
    [mix(0), mix(1), mix(2), alpha as u8]
}

/// A transparent picture that sprites are copied into.
#[derive(Default)]
pub struct Raster {
    width: usize,
    height: usize,
    pixels: Vec<Rgba>,
    /// What may hold something.
    touched: Patch,
    /// What held something before the last clearing.
    cleared: Patch,
}

/// A part of a picture, in pixels: columns and rows, each from the first to the one after the last.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Patch {
    pub columns: (usize, usize),
    pub rows: (usize, usize),
}

impl Patch {
    /// Nothing: whatever is joined to it is the whole.
    const NONE: Patch = Patch { columns: (usize::MAX, 0), rows: (usize::MAX, 0) };

    fn is_empty(self) -> bool {
        self.rows.0 >= self.rows.1
    }

    fn join(self, other: Patch) -> Patch {
        let both = |a: (usize, usize), b: (usize, usize)| (a.0.min(b.0), a.1.max(b.1));
        Patch { columns: both(self.columns, other.columns), rows: both(self.rows, other.rows) }
    }
}

impl Raster {
    /// Width and height, in pixels.
    pub fn size(&self) -> (usize, usize) {
        (self.width, self.height)
    }

    /// Changes the size and empties it.
    pub fn resize(&mut self, width: usize, height: usize) {
        (self.width, self.height) = (width, height);
        self.pixels.clear();
        self.pixels.resize(width * height, [0; 4]);
        self.touched = Patch::NONE;
        self.cleared = Patch { columns: (0, width), rows: (0, height) };
    }

    /// Empties it; only what holds something costs anything.
    pub fn clear(&mut self) {
        let Patch { columns: (left, right), rows: (from, to) } = self.touched;
        for row in from..to {
            self.pixels[row * self.width + left..row * self.width + right].fill([0; 4]);
        }
        self.cleared = self.touched;
        self.touched = Patch::NONE;
    }

    /// Copies a sprite so that its centre is at (x, y), in pixels. What lies outside is cut off.
    pub fn stamp(&mut self, sprite: &Sprite, x: f32, y: f32) {
        // Counted in steps, then split into whole pixels and what is left: which of the offsets to take.
        let in_steps = |v: f32| (v * sprite.steps as f32).round() as i64 - (sprite.side / 2 * sprite.steps) as i64;
        let (sx, sy) = (in_steps(x), in_steps(y));
        let n = sprite.steps as i64;
        let (left, top) = (sx.div_euclid(n), sy.div_euclid(n));
        let side = sprite.side as i64;
        if left + side <= 0 || left >= self.width as i64 {
            return;
        }
        let (y0, y1) = (top.max(0), (top + side).min(self.height as i64));
        if y0 >= y1 {
            return;
        }
        let square = sy.rem_euclid(n) as usize * sprite.steps + sx.rem_euclid(n) as usize;
        // At the left and right edges of the picture only what lies inside.
        let (inside_from, inside_to) = ((-left).max(0), (self.width as i64 - left).min(side));
        for y in y0..y1 {
            let row = square * sprite.side + (y - top) as usize;
            let from = i64::from(sprite.rows[row].from).max(inside_from);
            let to = i64::from(sprite.rows[row].to).min(inside_to);
            if from >= to {
                continue;
            }
            let source = row * sprite.side;
            let source = &sprite.pixels[source + from as usize..source + to as usize];
            let target = y as usize * self.width;
            let target = &mut self.pixels[target + (left + from) as usize..target + (left + to) as usize];
            for (under, &top) in target.iter_mut().zip(source) {
                match top[3] {
                    0 => {}
                    255 => *under = top,
                    _ => *under = over(top, *under),
                }
            }
        }
        let columns = ((left + inside_from) as usize, (left + inside_to) as usize);
        self.touched = self.touched.join(Patch { columns, rows: (y0 as usize, y1 as usize) });
    }

    /// What differs from what was handed over last time, and the bytes of all pixels in its rows; `None` if nothing can
    /// have changed.
    pub fn changed(&self) -> Option<(Patch, &[u8])> {
        let patch = self.touched.join(self.cleared);
        let (from, to) = patch.rows;
        (!patch.is_empty()).then(|| (patch, self.pixels[from * self.width..to * self.width].as_flattened()))
    }
}

/// A colour as a canvas writes it: `#rrggbb`, or `rgba(r, g, b, a)` where it is not opaque.
pub fn parse_color(text: &str) -> Option<Rgba> {
    if let Some(hex) = text.strip_prefix('#') {
        let byte = |i: usize| u8::from_str_radix(hex.get(i..i + 2)?, 16).ok();
        return if hex.len() == 6 { Some([byte(0)?, byte(2)?, byte(4)?, 255]) } else { None };
    }
    let inner = text.strip_prefix("rgba(").or_else(|| text.strip_prefix("rgb("))?.strip_suffix(')')?;
    let mut parts = inner.split(',').map(|p| sim::decimal::parse(p.trim()).map(|v| v as f32));
    let mut channel = || parts.next().flatten().map(|v| v.round().clamp(0.0, 255.0) as u8);
    let (r, g, b) = (channel()?, channel()?, channel()?);
    let alpha = parts.next().flatten().unwrap_or(1.0);
    Some([r, g, b, (alpha.clamp(0.0, 1.0) * 255.0).round() as u8])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn look(glyph: Glyph) -> Look {
        Look { glyph, radius: 6.0, stroke: 2.0, color: [10, 20, 30, 255], inside: [255, 255, 255, 255] }
    }

    fn raster(w: usize, h: usize) -> Raster {
        let mut r = Raster::default();
        r.resize(w, h);
        r
    }

    fn ink(r: &Raster) -> f32 {
        r.pixels.iter().map(|p| f32::from(p[3]) / 255.0).sum()
    }

    #[test]
    fn every_glyph_has_the_area_of_its_outline() {
        let areas = [
            (Glyph::Dot, std::f32::consts::PI * 36.0),
            (Glyph::Ring, std::f32::consts::PI * 36.0),
            (Glyph::Triangle, 0.5 * 12.0 * 10.8),
            (Glyph::Back, 0.5 * 12.0 * 10.8),
            (Glyph::Square, 10.2 * 10.2),
            (Glyph::Diamond, 2.0 * 6.6 * 6.6),
        ];
        for (glyph, area) in areas {
            for (x, y) in [(20.0, 20.0), (20.3, 19.6), (20.5, 20.5)] {
                let mut r = raster(40, 40);
                r.stamp(&Sprite::new(&look(glyph), 4), x, y);
                assert!((ink(&r) - area).abs() < area * 0.04, "{glyph:?} at {x}: {} instead of {area}", ink(&r));
            }
        }
    }

    #[test]
    fn a_sprite_lies_around_its_point() {
        for glyph in [Glyph::Dot, Glyph::Square, Glyph::Cross, Glyph::Ring, Glyph::Diamond] {
            for (x, y) in [(20.0, 20.0), (20.25, 19.75), (20.6, 20.9)] {
                let mut r = raster(40, 40);
                r.stamp(&Sprite::new(&look(glyph), 4), x, y);
                let (mut mx, mut my) = (0.0, 0.0);
                for (i, p) in r.pixels.iter().enumerate() {
                    let w = f32::from(p[3]) / 255.0;
                    mx += w * ((i % 40) as f32 + 0.5);
                    my += w * ((i / 40) as f32 + 0.5);
                }
                let (mx, my) = (mx / ink(&r), my / ink(&r));
                assert!((mx - x).abs() < 0.15 && (my - y).abs() < 0.15, "{glyph:?} at {x} {y}: {mx} {my}");
            }
        }
    }

    #[test]
    fn back_is_the_mirror_of_forth() {
        let (mut a, mut b) = (raster(20, 20), raster(20, 20));
        a.stamp(&Sprite::new(&look(Glyph::Triangle), 1), 10.0, 10.0);
        b.stamp(&Sprite::new(&look(Glyph::Back), 1), 10.0, 10.0);
        for y in 0..20 {
            for x in 0..20 {
                assert_eq!(a.pixels[y * 20 + x], b.pixels[y * 20 + 19 - x]);
            }
        }
    }

    #[test]
    fn what_lies_outside_is_cut_off() {
        let s = Sprite::new(&look(Glyph::Dot), 2);
        let mut r = raster(20, 10);
        for (x, y) in [(-50.0, 5.0), (5.0, 500.0), (0.0, 0.0), (20.0, 10.0), (19.0, -3.0)] {
            r.stamp(&s, x, y);
        }
        assert!(ink(&r) > 0.0);
    }

    #[test]
    fn only_what_changed_is_handed_over() {
        let s = Sprite::new(&look(Glyph::Dot), 1);
        let mut r = raster(10, 100);
        assert_eq!(r.size(), (10, 100));
        r.clear();
        r.stamp(&s, 5.0, 50.0);
        let (patch, bytes) = r.changed().expect("a sprite was drawn");
        assert!(patch.rows.0 > 35 && bytes.len() < 10 * 4 * 20);
        r.clear();
        assert!(r.changed().is_some(), "the rows that were cleared must be handed over");
        r.clear();
        assert!(r.changed().is_none());
        assert_eq!(ink(&r), 0.0);
    }

    #[test]
    fn a_patch_has_room_for_what_was_there_and_what_is() {
        let s = Sprite::new(&look(Glyph::Dot), 1);
        let mut r = raster(200, 40);
        r.clear();
        r.stamp(&s, 150.0, 20.0);
        r.clear();
        r.stamp(&s, 20.0, 20.0);
        let (patch, _) = r.changed().expect("a sprite was drawn");
        assert!(patch.columns.0 <= 14 && (156..=170).contains(&patch.columns.1), "{patch:?}");
        // One that is cut off at both edges.
        for (x, y) in [(-2.0, -2.0), (202.0, 42.0)] {
            r.clear();
            r.stamp(&s, x, y);
        }
        r.clear();
        assert_eq!(ink(&r), 0.0, "all of it was cleared");
        r.clear();
        r.stamp(&s, 198.0, 20.0);
        let (patch, _) = r.changed().expect("a sprite was drawn");
        assert!(patch.columns.0 > 180 && patch.columns.1 == 200, "{patch:?}");
    }

    #[test]
    fn colours_are_read_as_a_canvas_writes_them() {
        assert_eq!(parse_color("#009e73"), Some([0, 158, 115, 255]));
        assert_eq!(parse_color("rgba(10, 20, 30, 0.5)"), Some([10, 20, 30, 128]));
        assert_eq!(parse_color("rgb(1, 2, 3)"), Some([1, 2, 3, 255]));
        assert_eq!(parse_color("oklch(1 0 0)"), None);
        assert_eq!(parse_color("#12"), None);
    }

    #[test]
    fn over_is_exact_at_the_ends() {
        assert_eq!(over([1, 2, 3, 255], [9, 9, 9, 255]), [1, 2, 3, 255]);
        assert_eq!(over([1, 2, 3, 0], [9, 9, 9, 255]), [9, 9, 9, 255]);
        assert_eq!(over([0, 0, 0, 128], [255, 255, 255, 255])[3], 255);
        assert_eq!(over([0, 0, 0, 128], [255, 255, 255, 255])[0], 127);
    }
}
