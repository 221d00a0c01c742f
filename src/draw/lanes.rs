//! Requests along a line of time, with the windows and brackets that explain what happened to them.

use super::axis::TimeAxis;
use super::measure::{Font, text_width};
use super::scene::{Dash, Hit, Outcome, Scene, Tone, Words};

/// A line of time with a name.
pub struct Lane<'a> {
    pub axis: TimeAxis,
    /// Height of the line.
    pub y: f32,
    pub title: &'a str,
    pub note: Words<'a>,
    /// Where the title starts. Left of the axis the title stands beside the line; otherwise above it.
    pub title_x: f32,
    /// Which lane a tap means; `None` if it cannot be tapped.
    pub lane: Option<u8>,
    /// Tooltip of the lane; empty for none.
    pub tip: &'a str,
}

impl Default for Lane<'_> {
    fn default() -> Self {
        Lane {
            axis: TimeAxis::new(190.0, 520.0, 0, 1),
            y: 72.0,
            title: "",
            note: &"",
            title_x: 24.0,
            lane: None,
            tip: "",
        }
    }
}

/// Draws the line, its title and note, and the (invisible) target for taps: 44 units high. With the title above, the
/// block starts 44 units above the line.
pub fn lane(scene: &mut Scene, lane: &Lane<'_>) {
    let a = &lane.axis;
    let beside = lane.title_x + 40.0 < a.x0;
    if beside {
        let room = a.x0 - lane.title_x - 8.0;
        scene.text(lane.title_x, lane.y - 4.0, 14.0, lane.title).bold().fit(room);
        scene.text(lane.title_x, lane.y + 14.0, 12.0, lane.note).tone(Tone::Ink3).fit(room);
    } else {
        let room = a.x1 - lane.title_x;
        scene.text(lane.title_x, lane.y - 32.0, 14.0, lane.title).bold().fit(room);
        scene.text(lane.title_x, lane.y - 16.0, 12.0, lane.note).tone(Tone::Ink3).fit(room);
    }
    scene.line(a.x0, lane.y, a.x1, lane.y);
    if let Some(index) = lane.lane {
        let target = scene.rect(a.x0, lane.y - 22.0, a.x1 - a.x0, 44.0).hit(Hit::Lane {
            lane: index,
            t0_us: a.t0_us,
            t1_us: a.t1_us,
        });
        if !lane.tip.is_empty() {
            target.tip(lane.tip);
        }
    }
}

/// Draws requests on a lane as particles; those outside the axis are left out. The selected one gets a ring.
pub fn marks(
    scene: &mut Scene,
    axis: &TimeAxis,
    y: f32,
    selected: Option<u32>,
    marks: impl IntoIterator<Item = (u64, Outcome, Option<u32>)>,
) {
    for (t_us, outcome, id) in marks {
        if !axis.contains(t_us) {
            continue;
        }
        let x = axis.x(t_us);
        scene.mark(x, y, outcome, id);
        if id.is_some() && id == selected {
            scene.circle(x, y, 9.0).stroke(Tone::Ink).width(2.0);
        }
    }
}

/// Draws the edge of a window: a fine vertical line through the lane, with its name above. Outside the axis it is not
/// drawn.
pub fn edge(scene: &mut Scene, axis: &TimeAxis, y: f32, t_us: u64, label: Words<'_>) {
    if !axis.contains(t_us) {
        return;
    }
    let x = axis.x(t_us);
    scene.line(x, y - 26.0, x, y + 26.0).stroke(Tone::Ink3).width(1.0).dash(Dash::Fine);
    let t = scene.text(x, y - 32.0, 11.0, label).middle().tone(Tone::Ink3);
    let half = t.text_width() / 2.0;
    // Near an end the name hangs to the other side rather than over the end.
    if x - half < axis.x0 {
        t.anchor(super::Anchor::Start);
    } else if x + half > axis.x1 {
        t.end();
    }
}

/// A bracket under a stretch of the lane with what was counted in it: 24 units high below `y`. The words stay within
/// `bounds` (left, right).
pub struct Bracket<'a> {
    pub t0_us: u64,
    pub t1_us: u64,
    pub words: Words<'a>,
    pub tone: Tone,
    pub bounds: (f32, f32),
}

/// Draws a bracket whose feet point up at `y`.
pub fn bracket(scene: &mut Scene, axis: &TimeAxis, y: f32, b: &Bracket<'_>) {
    if b.t1_us < axis.t0_us || b.t0_us > axis.t1_us {
        return;
    }
    let (mut x0, mut x1) = (axis.x_clamped(b.t0_us), axis.x_clamped(b.t1_us));
    if x1 - x0 < 6.0 {
        let c = (x0 + x1) / 2.0;
        (x0, x1) = (c - 3.0, c + 3.0);
    }
    scene
        .path(|p| {
            p.move_to(x0, y).line_to(x0, y + 6.0).line_to(x1, y + 6.0).line_to(x1, y);
        })
        .stroke(b.tone)
        .width(1.6);
    let (lo, hi) = b.bounds;
    let t = scene.text((x0 + x1) / 2.0, y + 21.0, 12.0, b.words).bold().middle().tone(b.tone).fit(hi - lo);
    let half = t.text_width() / 2.0;
    t.at_x(sim::order::between((x0 + x1) / 2.0, lo + half, (hi - half).max(lo + half)));
}

/// A shaded stretch of a lane (an outage, a window, the future), behind the marks: draw it first.
pub fn band(scene: &mut Scene, axis: &TimeAxis, y: f32, t0_us: u64, t1_us: u64, tone: Tone, label: Words<'_>) {
    if t1_us < axis.t0_us || t0_us > axis.t1_us {
        return;
    }
    let (x0, x1) = (axis.x_clamped(t0_us), axis.x_clamped(t1_us));
    scene.rect(x0, y - 20.0, x1 - x0, 40.0).round(4.0).fill(tone).opacity(0.18);
    scene.text(x0 + 4.0, y - 24.0, 11.0, label).tone(tone).fit((axis.x1 - x0 - 4.0).max(0.0));
}

/// The height at which marks that fall together can be stacked: for each time in order, how many marks right before it
/// are closer than `gap` units. Multiply by the spacing wanted.
pub fn stack(axis: &TimeAxis, times_us: &[u64], gap: f32, level: &mut Vec<u16>) {
    level.clear();
    let mut last_x = f32::NEG_INFINITY;
    let mut depth = 0u16;
    for &t in times_us {
        let x = axis.x(t);
        if x - last_x < gap {
            depth = depth.saturating_add(1);
        } else {
            depth = 0;
            last_x = x;
        }
        level.push(depth);
    }
}

/// Width that a title and note need beside a lane.
pub fn title_width(title: &str, note: &str) -> f32 {
    text_width(title, 14.0, Font::SansBold).max(text_width(note, 12.0, Font::Sans)) + 8.0
}

#[cfg(test)]
mod tests {
    use super::super::{View, svg};
    use super::*;

    fn axis() -> TimeAxis {
        TimeAxis::new(190.0, 520.0, 0, 4_000_000)
    }

    fn scene() -> Scene {
        let mut s = Scene::new();
        s.begin(&View::wide(200.0));
        s
    }

    #[test]
    fn a_lane_has_a_line_a_name_and_a_target() {
        let mut s = scene();
        lane(
            &mut s,
            &Lane { axis: axis(), title: "A", note: &"10 per second", lane: Some(1), tip: "tap", ..Lane::default() },
        );
        let svg = svg::fragment(&s, "");
        assert!(svg.contains("x1=\"190\" y1=\"72\" x2=\"520\""));
        assert!(svg.contains("class=\"f-none hit\"") && svg.contains("<title>tap</title>"));
        assert!(svg.contains(">10 per second<"));
    }

    #[test]
    fn marks_outside_the_axis_are_left_out_and_the_selected_is_ringed() {
        let mut s = scene();
        marks(
            &mut s,
            &axis(),
            72.0,
            Some(2),
            [(0, Outcome::Ok, Some(1)), (1_000_000, Outcome::Rejected, Some(2)), (5_000_000, Outcome::Ok, Some(3))],
        );
        assert_eq!(s.particles().len(), 2);
        assert_eq!(s.items().len(), 1);
    }

    #[test]
    fn the_words_of_a_bracket_stay_inside() {
        let mut s = scene();
        let b = Bracket {
            t0_us: 3_900_000,
            t1_us: 4_000_000,
            words: &"20 pass within 110 ms: twice the limit",
            tone: Tone::Rejected,
            bounds: (190.0, 520.0),
        };
        bracket(&mut s, &axis(), 96.0, &b);
        let super::super::Shape::Text { x, .. } = s.items()[1].shape else { panic!("the second item is the text") };
        let half = text_width("20 pass within 110 ms: twice the limit", 12.0, Font::SansBold) / 2.0;
        assert!(x + half <= 520.1, "{x} + {half}");
    }

    #[test]
    fn an_edge_has_its_name() {
        let mut s = scene();
        edge(&mut s, &axis(), 72.0, 2_000_000, &"window edge");
        edge(&mut s, &axis(), 72.0, 9_000_000, &"gone");
        let svg = svg::fragment(&s, "");
        assert!(svg.contains(">window edge<") && !svg.contains("gone"));
    }

    #[test]
    fn marks_that_fall_together_are_stacked() {
        let mut level = Vec::new();
        stack(&axis(), &[0, 10_000, 20_000, 1_000_000], 5.0, &mut level);
        assert_eq!(level, [0, 1, 2, 0]);
    }
}
