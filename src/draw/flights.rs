//! Requests that fly: out on the upper of two tracks, and back on the lower one as what became of them.

use super::scene::{Glyph, Outcome, Scene, Tone, View};

/// Two tracks between the same two places.
#[derive(Clone, Copy, Debug)]
pub struct Tracks {
    /// Where requests leave and where they arrive.
    pub x: (f32, f32),
    pub y: f32,
    /// The upper track lies this far above `y`, the lower one as far below.
    pub apart: f32,
    /// How long a flight takes in simulated time: the picture's time, not the network's.
    pub takes_us: u64,
}

/// One request, or one attempt of it.
#[derive(Clone, Copy, Debug)]
pub struct Flight {
    pub id: u32,
    pub size: f32,
    /// Its place across the track: see [`scatter`].
    pub off: f32,
    pub at_us: u64,
    /// When and as what it comes back; `None` while that is not decided.
    pub back: Option<(u64, Outcome)>,
}

/// The lines that requests fly along.
pub fn rails(scene: &mut Scene, t: &Tracks) {
    for dy in [-t.apart, t.apart] {
        scene.line(t.x.0, t.y + dy, t.x.1, t.y + dy).width(1.0);
    }
}

/// A request where it is now, on either track or on both.
pub fn flight(scene: &mut Scene, view: &View, t: &Tracks, f: &Flight) {
    let (x0, x1) = t.x;
    if let Some(way) = along(view, f.at_us, t.takes_us) {
        dot(scene, view, (x0 + (x1 - x0) * way, t.y - t.apart + f.off), Outcome::Flight, f.size, f.id);
    }
    if let Some((end_us, outcome)) = f.back
        && let Some(way) = along(view, end_us, t.takes_us)
    {
        dot(scene, view, (x1 + (x0 - x1) * way, t.y + t.apart + f.off), outcome, f.size, f.id);
    }
}

/// How much of its way something has made that left then, from 0 to 1; `None` before and after. Half the way for
/// readers who want nothing to move.
pub fn along(view: &View, left_us: u64, takes_us: u64) -> Option<f32> {
    let since = view.now_us.checked_sub(left_us).filter(|since| *since < takes_us)?;
    Some(if view.reduced_motion { 0.5 } else { since as f32 / takes_us as f32 })
}

/// Scatters neighbours across a track by their numbers, in five rows, so that they do not hide each other. One in
/// `one_in` is drawn.
pub fn scatter(id: u32, one_in: u32, apart: f32) -> f32 {
    (id / one_in.max(1) % 5) as f32 * apart - 2.0 * apart
}

/// A request as a particle, with a ring around the one that the reader follows.
pub fn dot(scene: &mut Scene, view: &View, at: (f32, f32), outcome: Outcome, size: f32, id: u32) {
    sign(scene, view, at, (outcome.glyph(), outcome.tone()), size, id);
}

/// The same with a sign that is not an outcome.
pub fn sign(scene: &mut Scene, view: &View, (x, y): (f32, f32), (glyph, tone): (Glyph, Tone), size: f32, id: u32) {
    scene.particle(x, y, glyph, tone, size, Some(id));
    if view.selected == Some(id) {
        scene.circle(x, y, 7.0).stroke(Tone::Ink).width(1.5);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn out_and_back_and_gone() {
        let tracks = Tracks { x: (100.0, 200.0), y: 50.0, apart: 10.0, takes_us: 1_000 };
        let request = Flight { id: 7, size: 4.0, off: 0.0, at_us: 5_000, back: Some((5_500, Outcome::Ok)) };
        let at = |now_us: u64| {
            let view = View::wide(100.0).at(now_us);
            let mut scene = Scene::new();
            scene.begin(&view);
            flight(&mut scene, &view, &tracks, &request);
            scene.particles().iter().map(|p| (p.x, p.y)).collect::<Vec<_>>()
        };
        assert_eq!(at(4_999), []);
        assert_eq!(at(5_250), [(125.0, 40.0)]);
        assert_eq!(at(5_750), [(175.0, 40.0), (175.0, 60.0)]);
        assert_eq!(at(6_250), [(125.0, 60.0)]);
        assert_eq!(at(6_500), []);
    }

    #[test]
    fn neighbours_lie_apart() {
        let rows: Vec<f32> = (0..6).map(|i| scatter(i * 4, 4, 2.0)).collect();
        assert_eq!(rows, [-4.0, -2.0, 0.0, 2.0, 4.0, -4.0]);
    }
}
