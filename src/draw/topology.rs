//! Boxes, the arrows between them and what travels along the arrows.

use super::load_tone;
use super::scene::{Area, Dash, Glyph, Hit, Outcome, Scene, Tone, Words};

/// What a node is doing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NodeState {
    #[default]
    Up,
    Booting,
    Draining,
    Down,
}

impl NodeState {
    /// The word shown in the box; empty for a node that is up.
    pub fn word(self) -> &'static str {
        match self {
            NodeState::Up => "",
            NodeState::Booting => "booting",
            NodeState::Draining => "draining",
            NodeState::Down => "down",
        }
    }

    /// The tone of its outline and its word.
    pub fn tone(self) -> Tone {
        match self {
            NodeState::Up => Tone::Ink2,
            NodeState::Booting | NodeState::Draining => Tone::Waiting,
            NodeState::Down => Tone::Rejected,
        }
    }

    fn glyph(self) -> Glyph {
        match self {
            NodeState::Up => Glyph::Dot,
            NodeState::Booting => Glyph::Ring,
            NodeState::Draining => Glyph::Back,
            NodeState::Down => Glyph::Cross,
        }
    }
}

/// A rounded box: title, value lines, a bar for utilisation. It needs about 22 units of height for the title, 16 for
/// each line and 12 for the bar.
pub struct Node<'a> {
    pub area: Area,
    pub title: &'a str,
    /// Value lines under the title, each with its tone. Give each line a stable width (see `number`).
    pub lines: &'a [(Words<'a>, Tone)],
    /// Utilisation, 1 is full; more than full is drawn as full.
    pub load: Option<f32>,
    pub state: NodeState,
    /// Where a click goes; `Hit::Node(i)` as a rule.
    pub hit: Option<Hit>,
    /// Tooltip; empty for none.
    pub tip: &'a str,
}

impl Default for Node<'_> {
    fn default() -> Self {
        Node {
            area: Area::new(0.0, 0.0, 106.0, 66.0),
            title: "",
            lines: &[],
            load: None,
            state: NodeState::Up,
            hit: None,
            tip: "",
        }
    }
}

/// Draws a node. A node that is not up is dashed and says so in words.
pub fn node(scene: &mut Scene, node: &Node<'_>) {
    let a = node.area;
    let up = node.state == NodeState::Up;
    let stroke = node.state.tone();
    let mut frame = scene.rect(a.x, a.y, a.w, a.h).round(10.0).fill(Tone::Panel).stroke(stroke);
    if !up {
        frame = frame.dash(Dash::Dashed);
    }
    if let Some(hit) = node.hit {
        frame = frame.hit(hit);
    }
    if !node.tip.is_empty() {
        frame.tip(node.tip);
    }

    let room = a.w - 14.0;
    let bar = if node.load.is_some() { 12.0 } else { 0.0 };
    // The state takes a line of its own when there is room for one, else it takes the place of the first value.
    let fitting = (((a.h - bar - 24.0) / 16.0).max(0.0)) as usize;
    let state_line = usize::from(!up);
    let values = node.lines.len().min(fitting.saturating_sub(state_line));
    let lines = values + state_line.min(fitting);
    let block = 14.0 + lines as f32 * 16.0;
    let mut y = a.y + (a.h - bar - block) / 2.0 + 11.5;
    scene
        .text(a.cx(), y, 13.0, node.title)
        .middle()
        .bold()
        .tone(if node.state == NodeState::Down { Tone::Ink3 } else { Tone::Ink })
        .fit(room);
    y += 17.0;
    if !up && fitting > 0 {
        let half = super::text_width(node.state.word(), 12.0, super::Font::SansBold) / 2.0;
        scene.glyph(a.cx() - half - 3.0, y - 4.0, node.state.glyph(), stroke, 4.0);
        scene.text(a.cx() + 6.0, y, 12.0, node.state.word()).middle().bold().tone(stroke);
        y += 16.0;
    }
    for (words, tone) in &node.lines[..values] {
        let tone = if node.state == NodeState::Down { Tone::Ink3 } else { *tone };
        scene.text(a.cx(), y, 12.0, words).middle().mono().tone(tone).fit(room);
        y += 16.0;
    }
    if let Some(load) = node.load {
        let load = if load.is_finite() { load.clamp(0.0, 1.0) } else { 0.0 };
        let track = Area::new(a.x + 10.0, a.bottom() - 12.0, a.w - 20.0, 5.0);
        scene.rect(track.x, track.y, track.w, track.h).round(2.5).fill(Tone::Line);
        if up || node.state == NodeState::Draining {
            scene.rect(track.x, track.y, track.w * load, track.h).round(2.5).fill(load_tone(load));
        }
    }
}

/// An arrow between two points.
pub struct Link<'a> {
    pub from: (f32, f32),
    pub to: (f32, f32),
    /// Written beside the middle of the arrow; `&""` for none.
    pub label: Words<'a>,
    pub tone: Tone,
    /// Nothing gets through: the arrow is broken in the middle and crossed.
    pub cut: bool,
    pub dash: Dash,
    /// How far the middle is pushed to the left of the direction of travel, in units. Two arrows there and back use
    /// the same positive bend.
    pub bend: f32,
    pub hit: Option<Hit>,
}

impl Default for Link<'_> {
    fn default() -> Self {
        Link {
            from: (0.0, 0.0),
            to: (0.0, 0.0),
            label: &"",
            tone: Tone::Ink3,
            cut: false,
            dash: Dash::Solid,
            bend: 0.0,
            hit: None,
        }
    }
}

/// Where the straight line between the centres of two boxes leaves the first and enters the second, `gap` away from
/// their edges.
pub fn ends(a: Area, b: Area, gap: f32) -> ((f32, f32), (f32, f32)) {
    let edge = |from: Area, to: Area| {
        let (dx, dy) = (to.cx() - from.cx(), to.cy() - from.cy());
        let len = (dx * dx + dy * dy).sqrt().max(0.001);
        let (hw, hh) = (from.w / 2.0, from.h / 2.0);
        let tx = if dx.abs() > 0.001 { hw / dx.abs() } else { f32::INFINITY };
        let ty = if dy.abs() > 0.001 { hh / dy.abs() } else { f32::INFINITY };
        let t = tx.min(ty).min(1.0) + gap / len;
        (from.cx() + dx * t, from.cy() + dy * t)
    };
    (edge(a, b), edge(b, a))
}

/// As [`ends`], moved aside to the left of the direction from `a` to `b`: two links, there and back, that each use
/// `ends_aside(.., aside)` in their own direction run beside each other, twice `aside` apart.
pub fn ends_aside(a: Area, b: Area, gap: f32, aside: f32) -> ((f32, f32), (f32, f32)) {
    let (from, to) = ends(a, b, gap);
    let (dx, dy) = (to.0 - from.0, to.1 - from.1);
    let len = (dx * dx + dy * dy).sqrt().max(0.001);
    let (mx, my) = (dy / len * aside, -dx / len * aside);
    ((from.0 + mx, from.1 + my), (to.0 + mx, to.1 + my))
}

/// The point at `f` (0 to 1) along a link with this bend: what `link` draws, so that packets stay on the arrow.
pub fn along(from: (f32, f32), to: (f32, f32), bend: f32, f: f32) -> (f32, f32) {
    let c = control(from, to, bend);
    let g = 1.0 - f;
    (g * g * from.0 + 2.0 * g * f * c.0 + f * f * to.0, g * g * from.1 + 2.0 * g * f * c.1 + f * f * to.1)
}

fn control(from: (f32, f32), to: (f32, f32), bend: f32) -> (f32, f32) {
    let (dx, dy) = (to.0 - from.0, to.1 - from.1);
    let len = (dx * dx + dy * dy).sqrt().max(0.001);
    // Twice the bend: a quadratic curve reaches half way to its control point.
    ((from.0 + to.0) / 2.0 + dy / len * bend * 2.0, (from.1 + to.1) / 2.0 - dx / len * bend * 2.0)
}

/// Draws a link.
pub fn link(scene: &mut Scene, link: &Link<'_>) {
    let (from, to) = (link.from, link.to);
    let c = control(from, to, link.bend);
    let tone = if link.cut { Tone::Rejected } else { link.tone };
    // The head points along the last stretch of the curve.
    let (dx, dy) = (to.0 - c.0, to.1 - c.1);
    let len = (dx * dx + dy * dy).sqrt().max(0.001);
    let base = (to.0 - dx / len * 8.0, to.1 - dy / len * 8.0);
    let mut shaft = scene
        .path(|p| {
            p.move_to(from.0, from.1);
            if link.bend == 0.0 {
                p.line_to(base.0, base.1)
            } else {
                p.quad_to(c.0, c.1, base.0, base.1)
            };
        })
        .stroke(tone)
        .dash(if link.cut { Dash::Fine } else { link.dash })
        .opacity(if link.cut { 0.8 } else { 1.0 });
    if let Some(hit) = link.hit {
        shaft = shaft.hit(hit);
    }
    let _ = shaft;
    scene.path(|p| p.arrow(base, to, 7.0)).fill(tone).stroke(tone).width(2.0);

    let mid = along(from, to, link.bend, 0.5);
    if link.cut {
        scene.circle(mid.0, mid.1, 8.0).fill(Tone::Sunk);
        scene.glyph(mid.0, mid.1, Glyph::Cross, Tone::Rejected, 6.0);
    }
    // The label stands off at a right angle to the link: to the outside of a bend, else above, else to the right.
    let (lx, ly) = (to.0 - from.0, to.1 - from.1);
    let length = (lx * lx + ly * ly).sqrt().max(0.001);
    let (mut nx, mut ny) = (ly / length, -lx / length);
    let inside = if link.bend == 0.0 { ny > 0.001 || (ny.abs() <= 0.001 && nx < 0.0) } else { link.bend < 0.0 };
    if inside {
        (nx, ny) = (-nx, -ny);
    }
    let label = scene.text(mid.0, mid.1, 11.0, link.label).middle();
    // Half the box of the words in that direction, and room for what travels along the link.
    let off = nx.abs() * label.text_width() / 2.0 + ny.abs() * 5.0 + 7.0;
    label.at(mid.0 + nx * off, mid.1 + ny * off + 4.0).tone(if link.cut { Tone::Rejected } else { Tone::Ink3 }).halo();
}

/// Something on its way from one point to another.
#[derive(Clone, Copy, Debug)]
pub struct Packet {
    pub from: (f32, f32),
    pub to: (f32, f32),
    /// The bend of the link it travels along.
    pub bend: f32,
    pub depart_us: u64,
    pub arrive_us: u64,
    pub outcome: Outcome,
    pub id: Option<u32>,
}

/// Draws packets at their places at `now_us` as particles; those that have not left or have arrived are not drawn. With
/// reduced motion a packet stands in the middle of its link for as long as it is under way.
pub fn packets(scene: &mut Scene, now_us: u64, reduced_motion: bool, packets: impl IntoIterator<Item = Packet>) {
    for p in packets {
        if now_us < p.depart_us || now_us >= p.arrive_us {
            continue;
        }
        let f = if reduced_motion { 0.5 } else { (now_us - p.depart_us) as f32 / (p.arrive_us - p.depart_us) as f32 };
        let (x, y) = along(p.from, p.to, p.bend, f);
        // A triangle that travels leftwards points leftwards, unless its direction already means "undo".
        let glyph = match p.outcome.glyph() {
            Glyph::Triangle if (p.to.1 - p.from.1).abs() > (p.to.0 - p.from.0).abs() || p.to.0 < p.from.0 => {
                Glyph::Square
            }
            g => g,
        };
        scene.particle(x, y, glyph, p.outcome.tone(), 4.5, p.id);
    }
}

#[cfg(test)]
mod tests {
    use super::super::{View, svg};
    use super::*;

    fn scene() -> Scene {
        let mut s = Scene::new();
        s.begin(&View::wide(200.0));
        s
    }

    #[test]
    fn a_node_shows_title_values_and_load() {
        let mut s = scene();
        node(
            &mut s,
            &Node {
                title: "API",
                lines: &[(&"27 / 27", Tone::Ok)],
                load: Some(0.5),
                hit: Some(Hit::Node(3)),
                ..Node::default()
            },
        );
        let svg = svg::fragment(&s, "");
        assert!(svg.contains(">API<") && svg.contains("t-ok mono") && svg.contains("class=\"f-ok\""));
        assert!(svg.contains("f-panel s-ink-2 hit"));
    }

    #[test]
    fn a_dead_node_says_so() {
        let mut s = scene();
        node(&mut s, &Node { title: "API", state: NodeState::Down, ..Node::default() });
        let svg = svg::fragment(&s, "");
        assert!(svg.contains(">down<") && svg.contains("stroke-dasharray"));
    }

    #[test]
    fn links_meet_the_edges_of_boxes() {
        let (a, b) = ends(Area::new(0.0, 0.0, 100.0, 50.0), Area::new(200.0, 0.0, 100.0, 50.0), 4.0);
        assert_eq!((a, b), ((104.0, 25.0), (196.0, 25.0)));
    }

    #[test]
    fn there_and_back_run_beside_each_other() {
        let (a, b) = (Area::new(0.0, 0.0, 100.0, 50.0), Area::new(200.0, 0.0, 100.0, 50.0));
        assert_eq!(ends_aside(a, b, 4.0, 5.0), ((104.0, 20.0), (196.0, 20.0)));
        assert_eq!(ends_aside(b, a, 4.0, 5.0), ((196.0, 30.0), (104.0, 30.0)));
    }

    #[test]
    fn a_cut_link_is_crossed() {
        let mut s = scene();
        link(&mut s, &Link { from: (0.0, 20.0), to: (100.0, 20.0), cut: true, label: &"lost", ..Link::default() });
        let svg = svg::fragment(&s, "");
        assert!(svg.contains("s-rejected") && svg.contains(">lost<"));
    }

    #[test]
    fn packets_are_drawn_only_under_way() {
        let mut s = scene();
        let p = Packet {
            from: (0.0, 0.0),
            to: (100.0, 0.0),
            bend: 0.0,
            depart_us: 100,
            arrive_us: 200,
            outcome: Outcome::Flight,
            id: Some(1),
        };
        packets(&mut s, 150, false, [p, Packet { depart_us: 160, ..p }, Packet { arrive_us: 150, ..p }]);
        assert_eq!(s.particles().len(), 1);
        assert_eq!(s.particles()[0].x, 50.0);
    }
}
