//! Pods, slots or machines as a grid of tiles.

use super::load_tone;
use super::scene::{Area, Dash, Glyph, Hit, Scene, Tone};

/// What a tile is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TileState {
    Booting,
    Ready,
    Draining,
    Dead,
}

/// One tile.
#[derive(Clone, Copy, Debug)]
pub struct Tile {
    pub state: TileState,
    /// Utilisation, 0 to 1: fills the tile from below.
    pub load: Option<f32>,
    pub hit: Option<Hit>,
}

/// The side of a tile, with its gap, so that `n` tiles fit into the area: at most 44 units.
fn pitch(area: Area, n: usize) -> f32 {
    let n = n.max(1);
    // Columns grow until the rows fit: at most n steps, and n is small.
    let mut cols = 1;
    loop {
        let side = (area.w / cols as f32).min(44.0);
        let rows = n.div_ceil(((area.w / side) as usize).max(1));
        if rows as f32 * side <= area.h || cols >= n.max(64) {
            return side;
        }
        cols += 1;
    }
}

/// Draws tiles from the upper left, row by row, as large as the area allows. Each state has its own sign: a ring while
/// booting, a level when ready, an arrow when draining, a cross when dead.
pub fn tiles(scene: &mut Scene, area: Area, tiles: &[Tile]) {
    let side = pitch(area, tiles.len());
    let cols = ((area.w / side + 0.001) as usize).max(1);
    let size = side - (side * 0.14).clamp(2.0, 6.0);
    let round = (size * 0.2).min(6.0);
    let stroke = if size < 16.0 { 1.0 } else { 2.0 };
    for (i, tile) in tiles.iter().enumerate() {
        let x = area.x + (i % cols) as f32 * side;
        let y = area.y + (i / cols) as f32 * side;
        if y + size > area.bottom() + 1.0 {
            break;
        }
        let (tone, dash) = match tile.state {
            TileState::Ready => (Tone::Ink2, Dash::Solid),
            TileState::Booting => (Tone::Waiting, Dash::Fine),
            TileState::Draining => (Tone::Waiting, Dash::Solid),
            TileState::Dead => (Tone::Rejected, Dash::Fine),
        };
        scene.rect(x, y, size, size).round(round).fill(Tone::Panel);
        if matches!(tile.state, TileState::Ready | TileState::Draining) {
            let load = tile.load.filter(|l| l.is_finite()).unwrap_or(0.0).clamp(0.0, 1.0);
            let h = size * load;
            scene
                .rect(x, y + size - h, size, h)
                .round(round.min(h / 2.0))
                .fill(load_tone(load))
                .opacity(if tile.state == TileState::Ready { 0.75 } else { 0.25 });
        }
        let frame = scene.rect(x, y, size, size).round(round).stroke(tone).width(stroke).dash(dash);
        if let Some(hit) = tile.hit {
            frame.hit(hit);
        }
        let glyph = match tile.state {
            TileState::Ready => continue,
            TileState::Booting => Glyph::Ring,
            TileState::Draining => Glyph::Back,
            TileState::Dead => Glyph::Cross,
        };
        scene.glyph(x + size / 2.0, y + size / 2.0, glyph, tone, (size * 0.25).clamp(2.5, 7.0));
    }
}

#[cfg(test)]
mod tests {
    use super::super::{View, svg};
    use super::*;

    #[test]
    fn every_tile_fits_and_shows_its_state() {
        let area = Area::new(10.0, 10.0, 200.0, 80.0);
        for n in [1, 2, 7, 20, 100, 300] {
            let mut s = Scene::new();
            s.begin(&View::wide(100.0));
            let all = vec![Tile { state: TileState::Ready, load: Some(0.5), hit: None }; n];
            tiles(&mut s, area, &all);
            assert_eq!(s.items().len(), 3 * n, "{n} tiles do not fit");
        }
        let mut s = Scene::new();
        s.begin(&View::wide(100.0));
        let t = |state| Tile { state, load: None, hit: Some(Hit::Node(0)) };
        tiles(&mut s, area, &[t(TileState::Booting), t(TileState::Dead), t(TileState::Draining)]);
        let svg = svg::fragment(&s, "");
        assert!(svg.contains("s-rejected") && svg.contains("s-waiting") && svg.contains("hit"));
    }
}
