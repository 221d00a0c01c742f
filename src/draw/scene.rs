//! The scene: a flat list of items over reused buffers. See the module documentation for how to write a picture.

use super::measure::{self, Font};
use std::fmt::{self, Display, Write};

/// Width of the wide layout, in scene units.
pub const WIDE: f32 = 860.0;
/// Width of the narrow layout, in scene units.
pub const NARROW: f32 = 390.0;
/// The smallest text a picture may use, in scene units.
pub const FONT_SIZE_MIN: f32 = 11.0;

/// Which run a picture shows: the only one, or one side of a comparison.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Side {
    #[default]
    Only,
    A,
    B,
}

/// What the stage tells a picture about the frame it should draw.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct View {
    /// Width of the drawing, in scene units: [`WIDE`] or [`NARROW`].
    pub width: f32,
    /// Height of the drawing, in scene units.
    pub height: f32,
    /// Whether the narrow layout is wanted.
    pub narrow: bool,
    /// Simulated time of this frame, in microseconds.
    pub now_us: u64,
    /// Which run this is.
    pub side: Side,
    /// The reader asked for less motion: show states, not flights.
    pub reduced_motion: bool,
    /// The request the reader has clicked on.
    pub selected: Option<u32>,
}

impl View {
    /// The wide layout at time zero.
    pub fn wide(height: f32) -> Self {
        View { width: WIDE, height, narrow: false, now_us: 0, side: Side::Only, reduced_motion: false, selected: None }
    }

    /// The narrow layout at time zero.
    pub fn narrow(height: f32) -> Self {
        View { width: NARROW, narrow: true, ..View::wide(height) }
    }

    /// The same view at another time.
    pub fn at(self, now_us: u64) -> Self {
        View { now_us, ..self }
    }
}

/// A rectangle in scene units: where a primitive may draw.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Area {
    pub x: f32,
    pub y: f32,
    pub w: f32,
    pub h: f32,
}

impl Area {
    pub const fn new(x: f32, y: f32, w: f32, h: f32) -> Self {
        Area { x, y, w, h }
    }
    pub fn right(&self) -> f32 {
        self.x + self.w
    }
    pub fn bottom(&self) -> f32 {
        self.y + self.h
    }
    pub fn cx(&self) -> f32 {
        self.x + self.w / 2.0
    }
    pub fn cy(&self) -> f32 {
        self.y + self.h / 2.0
    }
    /// Smaller by `dx` on the left and right, by `dy` at the top and bottom.
    pub fn inset(&self, dx: f32, dy: f32) -> Area {
        Area { x: self.x + dx, y: self.y + dy, w: (self.w - 2.0 * dx).max(0.0), h: (self.h - 2.0 * dy).max(0.0) }
    }
    /// Row `i` of `n` equal rows with `gap` between them.
    pub fn row(&self, i: usize, n: usize, gap: f32) -> Area {
        let n = n.max(1) as f32;
        let h = (self.h - gap * (n - 1.0)) / n;
        Area { y: self.y + i as f32 * (h + gap), h, ..*self }
    }
    /// Column `i` of `n` equal columns with `gap` between them.
    pub fn col(&self, i: usize, n: usize, gap: f32) -> Area {
        let n = n.max(1) as f32;
        let w = (self.w - gap * (n - 1.0)) / n;
        Area { x: self.x + i as f32 * (w + gap), w, ..*self }
    }
}

/// A text that is only written when it is drawn: `&"words"`, `&number::rate(12.0)`, `&format_args!("{a} of {b}")`.
pub type Words<'a> = &'a dyn Display;

/// A meaning that the theme turns into a colour. The outcome tones have two shades: a strong one for fills and one with
/// text contrast for text and strokes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Tone {
    /// Not painted.
    #[default]
    None,
    Ok,
    Rejected,
    Waiting,
    Flight,
    Stale,
    Undo,
    Ink,
    Ink2,
    Ink3,
    Line,
    Panel,
    Accent,
    Sunk,
}

impl Tone {
    /// Every tone that paints.
    pub const ALL: [Tone; 13] = [
        Tone::Ok,
        Tone::Rejected,
        Tone::Waiting,
        Tone::Flight,
        Tone::Stale,
        Tone::Undo,
        Tone::Ink,
        Tone::Ink2,
        Tone::Ink3,
        Tone::Line,
        Tone::Panel,
        Tone::Accent,
        Tone::Sunk,
    ];

    /// The name used in CSS: `ok`, `ink-2`, ...
    pub fn name(self) -> &'static str {
        match self {
            Tone::None => "none",
            Tone::Ok => "ok",
            Tone::Rejected => "rejected",
            Tone::Waiting => "waiting",
            Tone::Flight => "flight",
            Tone::Stale => "stale",
            Tone::Undo => "undo",
            Tone::Ink => "ink",
            Tone::Ink2 => "ink-2",
            Tone::Ink3 => "ink-3",
            Tone::Line => "line",
            Tone::Panel => "panel",
            Tone::Accent => "accent",
            Tone::Sunk => "sunk",
        }
    }

    /// The CSS variable that a fill in this tone uses.
    pub fn fill_var(self) -> &'static str {
        match self {
            Tone::Ok => "--ok-fill",
            Tone::Rejected => "--rejected-fill",
            Tone::Waiting => "--waiting-fill",
            Tone::Flight => "--flight-fill",
            Tone::Stale => "--stale-fill",
            Tone::Undo => "--undo-fill",
            other => other.line_var(),
        }
    }

    /// The CSS variable that a stroke or a text in this tone uses.
    pub fn line_var(self) -> &'static str {
        match self {
            Tone::None => "",
            Tone::Ok => "--ok",
            Tone::Rejected => "--rejected",
            Tone::Waiting => "--waiting",
            Tone::Flight => "--flight",
            Tone::Stale => "--stale",
            Tone::Undo => "--undo",
            Tone::Ink => "--ink",
            Tone::Ink2 => "--ink-2",
            Tone::Ink3 => "--ink-3",
            Tone::Line => "--line",
            Tone::Panel => "--panel",
            Tone::Accent => "--accent",
            Tone::Sunk => "--sunk",
        }
    }
}

/// The small signs that stand for requests. Each outcome has its own, so colour is never alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Glyph {
    /// Filled circle: served.
    Dot,
    /// Cross: refused or failed.
    Cross,
    /// Hollow ring: waiting.
    Ring,
    /// Triangle pointing right: on its way.
    Triangle,
    /// Square: a message or a batch at rest.
    Square,
    /// Diamond: stale.
    Diamond,
    /// Triangle pointing left: undone.
    Back,
}

impl Glyph {
    pub const ALL: [Glyph; 7] =
        [Glyph::Dot, Glyph::Cross, Glyph::Ring, Glyph::Triangle, Glyph::Square, Glyph::Diamond, Glyph::Back];

    /// Whether the sign is drawn by a stroke (in the text shade) rather than filled.
    pub fn stroked(self) -> bool {
        matches!(self, Glyph::Cross | Glyph::Ring)
    }
}

/// What became of a request (or of a message, a step, a read).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Outcome {
    Ok,
    Rejected,
    Waiting,
    Flight,
    Stale,
    Undo,
}

impl Outcome {
    pub fn tone(self) -> Tone {
        match self {
            Outcome::Ok => Tone::Ok,
            Outcome::Rejected => Tone::Rejected,
            Outcome::Waiting => Tone::Waiting,
            Outcome::Flight => Tone::Flight,
            Outcome::Stale => Tone::Stale,
            Outcome::Undo => Tone::Undo,
        }
    }

    pub fn glyph(self) -> Glyph {
        match self {
            Outcome::Ok => Glyph::Dot,
            Outcome::Rejected => Glyph::Cross,
            Outcome::Waiting => Glyph::Ring,
            Outcome::Flight => Glyph::Triangle,
            Outcome::Stale => Glyph::Diamond,
            Outcome::Undo => Glyph::Back,
        }
    }
}

/// What a click means. The stage resolves it; a picture only says where it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hit {
    /// Inspect this request.
    Request(u32),
    /// Do this act with this argument.
    Act { act: u8, arg: i64 },
    /// One of the reader's own inputs: inspect or drag it.
    Input(u32),
    /// A stretch of time: a click at a fraction `x` of its width means `t0_us + x * (t1_us - t0_us)`.
    Lane { lane: u8, t0_us: u64, t1_us: u64 },
    /// A node of the topology.
    Node(u8),
    /// Can be picked up and put down on an [`Hit::Onto`]: then `act` is done; its first argument is `what`, its
    /// second where.
    Carry { act: u8, what: u8 },
    /// Where something that is carried can be put down.
    Onto(u8),
}

impl Hit {
    /// The time that a click at `fraction` (0 to 1) of a lane's width means, in microseconds; `None` for other hits.
    pub fn time_us(self, fraction: f32) -> Option<u64> {
        match self {
            Hit::Lane { t0_us, t1_us, .. } => {
                let span_us = t1_us.saturating_sub(t0_us) as f64;
                Some(t0_us + (span_us * f64::from(fraction.clamp(0.0, 1.0))) as u64)
            }
            _ => None,
        }
    }
}

/// A key for [`ItemMut::key`]: `kind` (1 to 255) keeps lists apart, `id` tells the members of a list apart (its low 24
/// bits count).
pub const fn key(kind: u8, id: u32) -> u32 {
    ((kind as u32) << 24) | (id & 0x00ff_ffff)
}

/// How a stroke is broken up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Dash {
    #[default]
    Solid,
    /// 6 on, 3 off: the second of two series.
    Dashed,
    /// 3 on, 3 off: an edge, a bound.
    Fine,
    /// 2 on, 4 off: a grid line, a theory.
    Dotted,
}

impl Dash {
    /// The value of `stroke-dasharray`; empty for a solid line.
    pub fn array(self) -> &'static str {
        match self {
            Dash::Solid => "",
            Dash::Dashed => "6 3",
            Dash::Fine => "3 3",
            Dash::Dotted => "2 4",
        }
    }
}

/// Which point of a text its `x` names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Anchor {
    #[default]
    Start,
    Middle,
    End,
}

impl Anchor {
    /// The value of `text-anchor`; empty for the default.
    pub fn name(self) -> &'static str {
        match self {
            Anchor::Start => "",
            Anchor::Middle => "middle",
            Anchor::End => "end",
        }
    }
}

/// A piece of the scene's text arena; resolve it with [`Scene::str`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    start: u32,
    len: u32,
}

impl Span {
    pub fn is_empty(self) -> bool {
        self.len == 0
    }
}

/// The geometry of an item, in scene units rounded to tenths.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Shape {
    Line { x1: f32, y1: f32, x2: f32, y2: f32 },
    Path { d: Span },
    Rect { x: f32, y: f32, w: f32, h: f32, r: f32 },
    Circle { cx: f32, cy: f32, r: f32 },
    Text { x: f32, y: f32, size: f32, anchor: Anchor, bold: bool, mono: bool, halo: bool, text: Span },
}

/// One element of the picture.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Item {
    pub shape: Shape,
    pub fill: Tone,
    pub stroke: Tone,
    /// Stroke width, in scene units.
    pub width: f32,
    pub dash: Dash,
    /// 0 to 1, in hundredths.
    pub opacity: f32,
    /// Identity across frames; 0 for "by position".
    pub key: u32,
    pub hit: Option<Hit>,
    /// Tooltip.
    pub tip: Span,
}

/// One of the many: drawn on the canvas, never as an element of its own (except in SVG text).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Particle {
    pub x: f32,
    pub y: f32,
    /// Radius in scene units.
    pub size: f32,
    pub glyph: Glyph,
    pub tone: Tone,
    /// The request it stands for; a click on it is [`Hit::Request`].
    pub id: Option<u32>,
}

/// A picture: items, then particles over them. Reuse one scene for all frames; [`Scene::begin`] keeps the memory.
#[derive(Clone, Debug, Default)]
pub struct Scene {
    width: f32,
    height: f32,
    items: Vec<Item>,
    arena: String,
    particles: Vec<Particle>,
    particles_alone: bool,
}

/// Rounds to tenths, so that equal pictures are equal bits and the diff sees no invisible movement. A value that is not
/// a number is a bug in the picture: debug builds stop, release builds draw it at the origin.
fn tenth(v: f32) -> f32 {
    let v = finite(v);
    // Ties to even is one instruction in wasm; away from zero is a function.
    (v * 10.0).round_ties_even() / 10.0
}

fn finite(v: f32) -> f32 {
    debug_assert!(v.is_finite(), "a coordinate must be a finite number, got {v}");
    if v.is_finite() { v } else { 0.0 }
}

/// Appends a number with at most one decimal. Written by hand because `{:.1}` is ten times slower and a frame formats
/// thousands of coordinates.
pub(super) fn push_num(out: &mut String, v: f32) {
    push_fixed(out, (v * 10.0).round_ties_even() as i32, 1);
}

/// Appends `value / 10^decimals` without trailing zeros.
pub(super) fn push_fixed(out: &mut String, value: i32, decimals: u32) {
    // From the last digit to the first: ten digits, a point and a sign at most.
    let mut text = [0u8; 12];
    let mut at = text.len();
    let mut put = |byte: u8| {
        at -= 1;
        text[at] = byte;
    };
    let mut n = value.unsigned_abs();
    let mut written = false;
    for _ in 0..decimals {
        let digit = (n % 10) as u8;
        n /= 10;
        if digit > 0 || written {
            written = true;
            put(b'0' + digit);
        }
    }
    if written {
        put(b'.');
    }
    loop {
        put(b'0' + (n % 10) as u8);
        n /= 10;
        if n == 0 {
            break;
        }
    }
    if value < 0 {
        put(b'-');
    }
    out.push_str(std::str::from_utf8(&text[at..]).unwrap_or("0"));
}

impl Scene {
    pub fn new() -> Self {
        Scene::default()
    }

    /// Starts a frame: forgets the last one, keeps its memory.
    pub fn begin(&mut self, view: &View) {
        self.width = view.width;
        self.height = view.height;
        self.items.clear();
        self.arena.clear();
        self.particles.clear();
        self.particles_alone = false;
    }

    /// Starts a frame of which only the particles will be shown: items are taken and forgotten, their texts, tooltips and
    /// paths not even written. Pictures need not know, but where a particle stands must not depend on
    /// [`ItemMut::text_width`], which is 0 meanwhile; their tests hold that.
    pub fn begin_particles(&mut self, view: &View) {
        self.begin(view);
        self.particles_alone = true;
    }

    /// Forgets the items only: for renderers that use a scratch scene.
    pub(super) fn clear_items(&mut self) {
        self.items.clear();
        self.arena.clear();
    }

    /// Cuts the picture off, or leaves room below it: for one whose height is known when it is drawn.
    pub fn set_height(&mut self, height: f32) {
        self.height = height;
    }

    pub fn width(&self) -> f32 {
        self.width
    }
    pub fn height(&self) -> f32 {
        self.height
    }
    pub fn items(&self) -> &[Item] {
        &self.items
    }
    pub fn particles(&self) -> &[Particle] {
        &self.particles
    }

    /// The text that a span of this scene names.
    pub fn str(&self, span: Span) -> &str {
        // Not by index: what that says when it fails weighs more than this module.
        self.arena.get(span.start as usize..(span.start + span.len) as usize).unwrap_or_default()
    }

    fn push(&mut self, shape: Shape) -> ItemMut<'_> {
        if self.particles_alone {
            self.items.clear();
        }
        self.items.push(Item {
            shape,
            fill: Tone::None,
            stroke: Tone::None,
            width: 1.0,
            dash: Dash::Solid,
            opacity: 1.0,
            key: 0,
            hit: None,
            tip: Span::default(),
        });
        ItemMut { scene: self }
    }

    fn intern(&mut self, text: fmt::Arguments<'_>) -> Span {
        if self.particles_alone {
            return Span::default();
        }
        let start = self.arena.len();
        // Writing into a String cannot fail; a Display that reports an error leaves what it wrote.
        let _ = self.arena.write_fmt(text);
        Span { start: start as u32, len: (self.arena.len() - start) as u32 }
    }

    /// A straight line, 2 wide in [`Tone::Line`] until told otherwise.
    pub fn line(&mut self, x1: f32, y1: f32, x2: f32, y2: f32) -> ItemMut<'_> {
        self.push(Shape::Line { x1: tenth(x1), y1: tenth(y1), x2: tenth(x2), y2: tenth(y2) })
            .stroke(Tone::Line)
            .width(2.0)
    }

    /// A rectangle, unpainted until told otherwise. Negative sizes count as zero.
    pub fn rect(&mut self, x: f32, y: f32, w: f32, h: f32) -> ItemMut<'_> {
        self.push(Shape::Rect { x: tenth(x), y: tenth(y), w: tenth(w.max(0.0)), h: tenth(h.max(0.0)), r: 0.0 })
    }

    /// A circle, unpainted until told otherwise.
    pub fn circle(&mut self, cx: f32, cy: f32, r: f32) -> ItemMut<'_> {
        self.push(Shape::Circle { cx: tenth(cx), cy: tenth(cy), r: tenth(r.max(0.0)) })
    }

    /// A text whose baseline starts at (x, y), in [`Tone::Ink`]. `size` is at least 11.
    pub fn text(&mut self, x: f32, y: f32, size: f32, text: impl Display) -> ItemMut<'_> {
        self.text_args(x, y, size, format_args!("{text}"))
    }

    fn text_args(&mut self, x: f32, y: f32, size: f32, text: fmt::Arguments<'_>) -> ItemMut<'_> {
        debug_assert!(size >= FONT_SIZE_MIN, "text must be at least {FONT_SIZE_MIN} units, got {size}: {text}");
        let text = self.intern(text);
        self.push(Shape::Text {
            x: tenth(x),
            y: tenth(y),
            size: tenth(size),
            anchor: Anchor::Start,
            bold: false,
            mono: false,
            halo: false,
            text,
        })
        .fill(Tone::Ink)
    }

    /// A path drawn by a [`PathBuilder`]; unpainted until told otherwise.
    pub fn path(&mut self, build: impl FnOnce(&mut PathBuilder<'_>)) -> ItemMut<'_> {
        let start = self.arena.len();
        if !self.particles_alone {
            build(&mut PathBuilder { d: &mut self.arena });
        }
        let d = Span { start: start as u32, len: (self.arena.len() - start) as u32 };
        self.push(Shape::Path { d })
    }

    /// A line through points, 2 wide; unpainted until told its stroke.
    pub fn polyline(&mut self, points: impl IntoIterator<Item = (f32, f32)>) -> ItemMut<'_> {
        self.path(|p| {
            p.polyline(points);
        })
        .width(2.0)
    }

    /// A line from `a` to `b` that ends in a filled head at `b`, as one item.
    pub fn arrow(&mut self, a: (f32, f32), b: (f32, f32), tone: Tone) -> ItemMut<'_> {
        self.path(|p| p.arrow(a, b, 8.0)).fill(tone).stroke(tone).width(2.0)
    }

    /// A glyph as an item of the SVG (for a few; use [`Scene::particle`] for many). `size` is its radius.
    pub fn glyph(&mut self, x: f32, y: f32, glyph: Glyph, tone: Tone, size: f32) -> ItemMut<'_> {
        match glyph {
            Glyph::Dot => self.circle(x, y, size).fill(tone),
            Glyph::Ring => self.circle(x, y, size - 1.0).fill(Tone::Panel).stroke(tone).width(2.0),
            Glyph::Cross => self.path(|p| p.glyph(x, y, glyph, size)).stroke(tone).width(2.6),
            _ => self.path(|p| p.glyph(x, y, glyph, size)).fill(tone),
        }
    }

    /// The glyph of an outcome in its tone, as an item. `size` is its radius.
    pub fn outcome(&mut self, x: f32, y: f32, outcome: Outcome, size: f32) -> ItemMut<'_> {
        self.glyph(x, y, outcome.glyph(), outcome.tone(), size)
    }

    /// One of many, on the canvas. `size` is its radius; a particle with an id can be clicked.
    pub fn particle(&mut self, x: f32, y: f32, glyph: Glyph, tone: Tone, size: f32, id: Option<u32>) {
        debug_assert!(x.is_finite() && y.is_finite(), "a particle must be somewhere, got ({x}, {y})");
        self.particles.push(Particle { x, y, size, glyph, tone, id });
    }

    /// A request on the canvas with the glyph and tone of its outcome, radius 5.
    pub fn mark(&mut self, x: f32, y: f32, outcome: Outcome, id: Option<u32>) {
        self.particle(x, y, outcome.glyph(), outcome.tone(), 5.0, id);
    }

    /// The item with a hit that is nearest to a point, if its outline comes within `reach` of it; as its index. For
    /// fingers, which miss small targets. Paths are left out: their outline is not known here.
    pub fn item_near(&self, x: f32, y: f32, reach: f32) -> Option<usize> {
        let mut best: Option<(f32, usize)> = None;
        for (i, item) in self.items.iter().enumerate().filter(|(_, item)| item.hit.is_some()) {
            let (left, top, right, bottom) = match item.shape {
                Shape::Line { x1, y1, x2, y2 } => (x1.min(x2), y1.min(y2), x1.max(x2), y1.max(y2)),
                Shape::Rect { x, y, w, h, .. } => (x, y, x + w, y + h),
                Shape::Circle { cx, cy, r } => (cx - r, cy - r, cx + r, cy + r),
                Shape::Text { x, y, size, .. } => (x, y - size, x, y),
                Shape::Path { .. } => continue,
            };
            let (dx, dy) = ((left - x).max(x - right).max(0.0), (top - y).max(y - bottom).max(0.0));
            let gap = (dx * dx + dy * dy).sqrt();
            // The last drawn lies on top, so later items win ties.
            if gap <= reach && best.is_none_or(|(g, _)| gap <= g) {
                best = Some((gap, i));
            }
        }
        best.map(|(_, i)| i)
    }

    /// The particle nearest to a point among those with an id, if one lies within `reach` of it (beyond its radius).
    pub fn particle_at(&self, x: f32, y: f32, reach: f32) -> Option<Hit> {
        let mut best: Option<(f32, u32)> = None;
        // The last drawn lies on top, so later particles win ties.
        for p in &self.particles {
            let Some(id) = p.id else { continue };
            let (dx, dy) = (p.x - x, p.y - y);
            let gap = (dx * dx + dy * dy).sqrt() - p.size;
            if gap <= reach && best.is_none_or(|(g, _)| gap <= g) {
                best = Some((gap, id));
            }
        }
        best.map(|(_, id)| Hit::Request(id))
    }
}

/// The item just added, for setting how it looks. Every method returns it again.
pub struct ItemMut<'a> {
    scene: &'a mut Scene,
}

impl ItemMut<'_> {
    fn item(&mut self) -> &mut Item {
        self.scene.items.last_mut().expect("an ItemMut is only made by pushing an item")
    }

    pub fn fill(mut self, tone: Tone) -> Self {
        self.item().fill = tone;
        self
    }

    /// Strokes it, 2 wide unless [`ItemMut::width`] says otherwise.
    pub fn stroke(mut self, tone: Tone) -> Self {
        let item = self.item();
        if item.stroke == Tone::None {
            item.width = 2.0;
        }
        item.stroke = tone;
        self
    }

    /// The colour of a text, or of whichever of fill and stroke is painted.
    pub fn tone(mut self, tone: Tone) -> Self {
        let item = self.item();
        if item.stroke != Tone::None {
            item.stroke = tone;
        }
        if item.fill != Tone::None || item.stroke == Tone::None {
            item.fill = tone;
        }
        self
    }

    /// Stroke width, in scene units.
    pub fn width(mut self, width: f32) -> Self {
        self.item().width = tenth(width);
        self
    }

    pub fn dash(mut self, dash: Dash) -> Self {
        self.item().dash = dash;
        self
    }

    /// 0 (invisible) to 1; kept in hundredths.
    pub fn opacity(mut self, opacity: f32) -> Self {
        self.item().opacity = (opacity.clamp(0.0, 1.0) * 100.0).round() / 100.0;
        self
    }

    /// Corner radius of a rectangle.
    pub fn round(mut self, radius: f32) -> Self {
        if let Shape::Rect { r, .. } = &mut self.item().shape {
            *r = tenth(radius);
        }
        self
    }

    /// Identity across frames; see [`key`].
    pub fn key(mut self, key: u32) -> Self {
        self.item().key = key;
        self
    }

    pub fn hit(mut self, hit: Hit) -> Self {
        self.item().hit = Some(hit);
        self
    }

    /// A tooltip.
    pub fn tip(mut self, text: impl Display) -> Self {
        let span = self.scene.intern(format_args!("{text}"));
        self.item().tip = span;
        self
    }

    /// `x` is the middle of the text.
    pub fn middle(self) -> Self {
        self.anchor(Anchor::Middle)
    }

    /// `x` is the end of the text.
    pub fn end(self) -> Self {
        self.anchor(Anchor::End)
    }

    pub fn anchor(mut self, to: Anchor) -> Self {
        if let Shape::Text { anchor, .. } = &mut self.item().shape {
            *anchor = to;
        }
        self
    }

    /// Moves a text to another x.
    pub fn at_x(mut self, to: f32) -> Self {
        if let Shape::Text { x, .. } = &mut self.item().shape {
            *x = tenth(to);
        }
        self
    }

    /// Moves the baseline of a text to another place.
    pub fn at(mut self, to_x: f32, to_y: f32) -> Self {
        if let Shape::Text { x, y, .. } = &mut self.item().shape {
            (*x, *y) = (tenth(to_x), tenth(to_y));
        }
        self
    }

    /// `y` is the middle of the text's height rather than its baseline.
    pub fn vcenter(mut self) -> Self {
        if let Shape::Text { y, size, .. } = &mut self.item().shape {
            *y = tenth(*y + *size * 0.35);
        }
        self
    }

    pub fn bold(mut self) -> Self {
        if let Shape::Text { bold, .. } = &mut self.item().shape {
            *bold = true;
        }
        self
    }

    pub fn mono(mut self) -> Self {
        if let Shape::Text { mono, .. } = &mut self.item().shape {
            *mono = true;
        }
        self
    }

    /// Puts a rim of the background around a text, so that it can be read over lines.
    pub fn halo(mut self) -> Self {
        if let Shape::Text { halo, .. } = &mut self.item().shape {
            *halo = true;
        }
        self
    }

    /// Shortens a text with an ellipsis until it is no wider than `max_width`. Call it after `bold` and `mono`, before
    /// `tip`.
    pub fn fit(mut self, max_width: f32) -> Self {
        let Shape::Text { size, bold, mono, text, .. } = self.item().shape else {
            return self;
        };
        let font = Font::of(mono, bold);
        let keep = measure::fit_len(self.scene.str(text), size, font, max_width);
        if keep < text.len as usize {
            debug_assert_eq!(text.start as usize + text.len as usize, self.scene.arena.len(), "fit comes before tip");
            if text.start as usize + text.len as usize == self.scene.arena.len() {
                self.scene.arena.truncate(text.start as usize + keep);
                self.scene.arena.push('\u{2026}');
                let len = self.scene.arena.len() as u32 - text.start;
                if let Shape::Text { text, .. } = &mut self.item().shape {
                    text.len = len;
                }
            }
        }
        self
    }

    /// The approximate width of a text, in scene units; 0 for other shapes.
    pub fn text_width(&self) -> f32 {
        match self.scene.items.last().map(|i| i.shape) {
            Some(Shape::Text { size, bold, mono, text, .. }) => {
                measure::text_width(self.scene.str(text), size, Font::of(mono, bold))
            }
            _ => 0.0,
        }
    }
}

/// Writes the data of a path, in scene units.
pub struct PathBuilder<'a> {
    d: &'a mut String,
}

impl PathBuilder<'_> {
    fn op(&mut self, op: char, points: &[(f32, f32)]) -> &mut Self {
        self.d.push(op);
        for (i, &(x, y)) in points.iter().enumerate() {
            if i > 0 {
                self.d.push(' ');
            }
            push_num(self.d, finite(x));
            self.d.push(' ');
            push_num(self.d, finite(y));
        }
        self
    }

    pub fn move_to(&mut self, x: f32, y: f32) -> &mut Self {
        self.op('M', &[(x, y)])
    }
    pub fn line_to(&mut self, x: f32, y: f32) -> &mut Self {
        self.op('L', &[(x, y)])
    }
    /// A quadratic curve with one control point.
    pub fn quad_to(&mut self, cx: f32, cy: f32, x: f32, y: f32) -> &mut Self {
        self.op('Q', &[(cx, cy), (x, y)])
    }
    /// A cubic curve with two control points.
    pub fn cubic_to(&mut self, c1: (f32, f32), c2: (f32, f32), to: (f32, f32)) -> &mut Self {
        self.op('C', &[c1, c2, to])
    }
    /// A circular arc of radius `r`, the short way round.
    pub fn arc_to(&mut self, r: f32, clockwise: bool, x: f32, y: f32) -> &mut Self {
        self.op('A', &[(r, r)]);
        self.d.push_str(if clockwise { " 0 0 1 " } else { " 0 0 0 " });
        push_num(self.d, finite(x));
        self.d.push(' ');
        push_num(self.d, finite(y));
        self
    }
    pub fn close(&mut self) -> &mut Self {
        self.d.push('Z');
        self
    }

    /// Move to the first point, then lines through the others.
    pub fn polyline(&mut self, points: impl IntoIterator<Item = (f32, f32)>) -> &mut Self {
        let mut first = true;
        for (x, y) in points {
            if std::mem::take(&mut first) {
                self.move_to(x, y)
            } else {
                self.line_to(x, y)
            };
        }
        self
    }

    /// A rectangle. Many of one tone that move together cost the browser less as one path.
    pub fn rect(&mut self, x: f32, y: f32, w: f32, h: f32) -> &mut Self {
        self.polyline([(x, y), (x + w, y), (x + w, y + h), (x, y + h)]).close()
    }

    /// A line with a head of length `head` at its end.
    pub fn arrow(&mut self, a: (f32, f32), b: (f32, f32), head: f32) {
        let (dx, dy) = (b.0 - a.0, b.1 - a.1);
        let len = (dx * dx + dy * dy).sqrt();
        if len < 0.1 {
            self.move_to(a.0, a.1);
            return;
        }
        let (ux, uy) = (dx / len, dy / len);
        // The stroke adds a rim to the head; ending one unit early keeps its tip at `b`.
        let tip = (b.0 - ux * 1.5, b.1 - uy * 1.5);
        let head = head.min(len);
        let base = (tip.0 - ux * head, tip.1 - uy * head);
        let half = head * 0.45;
        self.move_to(a.0, a.1).line_to(base.0, base.1);
        self.move_to(base.0 - uy * half, base.1 + ux * half)
            .line_to(tip.0, tip.1)
            .line_to(base.0 + uy * half, base.1 - ux * half)
            .close();
    }

    /// The outline of a glyph of radius `size` around (x, y).
    pub fn glyph(&mut self, x: f32, y: f32, glyph: Glyph, size: f32) {
        let s = size;
        match glyph {
            Glyph::Dot | Glyph::Ring => {
                let r = if glyph == Glyph::Ring { s - 1.0 } else { s };
                self.move_to(x - r, y).arc_to(r, true, x + r, y).arc_to(r, true, x - r, y).close();
            }
            Glyph::Cross => {
                let c = s * 0.8;
                self.move_to(x - c, y - c).line_to(x + c, y + c).move_to(x - c, y + c).line_to(x + c, y - c);
            }
            Glyph::Triangle => {
                self.move_to(x - 0.8 * s, y - s).line_to(x + s, y).line_to(x - 0.8 * s, y + s).close();
            }
            Glyph::Back => {
                self.move_to(x + 0.8 * s, y - s).line_to(x - s, y).line_to(x + 0.8 * s, y + s).close();
            }
            Glyph::Square => {
                let c = s * 0.85;
                self.move_to(x - c, y - c).line_to(x + c, y - c).line_to(x + c, y + c).line_to(x - c, y + c).close();
            }
            Glyph::Diamond => {
                let c = s * 1.1;
                self.move_to(x, y - c).line_to(x + c, y).line_to(x, y + c).line_to(x - c, y).close();
            }
        }
    }
}

#[cfg(test)]
#[path = "scene_tests.rs"]
mod tests;
