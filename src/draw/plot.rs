//! Lines and stacked areas over time (or over any other quantity), and sparklines.

use super::measure::{Font, text_width};
use super::number;
use super::place::spread;
use super::scene::{Area, Dash, PathBuilder, Scene, Tone, Words};
use std::fmt::{self, Display, Formatter};

/// The values an axis covers.
#[derive(Clone, Copy, Debug)]
pub struct Range<'a> {
    pub min: f64,
    pub max: f64,
    /// `us`, `ms` and `s` are times and choose their own unit on the axis; anything else is written after the highest
    /// value.
    pub unit: &'a str,
    /// Logarithmic, with a line at each power of ten.
    pub log: bool,
}

impl<'a> Range<'a> {
    pub fn new(min: f64, max: f64, unit: &'a str) -> Self {
        Range { min, max: if max > min { max } else { min + 1.0 }, unit, log: false }
    }

    /// From zero to a round value at or above `max`, so that the scale does not follow every wiggle.
    pub fn from_zero(max: f64, unit: &'a str) -> Self {
        let max = if max.is_finite() && max > 0.0 { max } else { 1.0 };
        let step = number::nice_step(max, 4);
        Range::new(0.0, (max / step).ceil() * step, unit)
    }

    /// Time from `t0_us` to `t1_us`.
    pub fn time(t0_us: u64, t1_us: u64) -> Range<'static> {
        Range::new(t0_us as f64, t1_us as f64, "us")
    }

    /// On a logarithmic scale. A range that starts at 0 or below starts at a thousandth of its end instead.
    pub fn log(self) -> Self {
        let max = if self.max > 0.0 { self.max } else { 1.0 };
        let min = if self.min > 0.0 { self.min } else { max / 1e3 };
        Range { min, max: max.max(min * 10.0), log: true, ..self }
    }

    /// 0 at `min`, 1 at `max`, beyond them outside.
    fn fraction(&self, v: f64) -> f32 {
        if self.log {
            let (a, b) = (self.min.log10(), self.max.log10());
            ((v.max(f64::MIN_POSITIVE).log10() - a) / (b - a)) as f32
        } else {
            ((v - self.min) / (self.max - self.min)) as f32
        }
    }

    /// What a value of the axis is divided by before it is written, and the unit written with it.
    fn shown(&self, largest: f64) -> (f64, &'a str) {
        let us = match self.unit {
            "us" => 1.0,
            "ms" => 1e3,
            "s" => 1e6,
            other => return (1.0, other),
        };
        // A touch more, so that a power of ten that arithmetic left just short of itself gets its own unit.
        match largest * us * 1.000_001 {
            m if m >= 600e6 => (60e6 / us, "min"),
            m if m >= 1e6 => (1e6 / us, "s"),
            m if m >= 1e3 => (1e3 / us, "ms"),
            _ => (1.0 / us, "\u{b5}s"),
        }
    }

    /// Calls `f` with the value, its text and whether it is the highest, for about `count` round values.
    fn ticks(&self, count: usize, mut f: impl FnMut(f64, AxisValue<'_>)) {
        if self.log {
            // Every power of ten, or every second, third ... where there are too many.
            let decades = (self.max / self.min).log10();
            let every = 10f64.powi((decades / count.max(1) as f64 - 0.01).ceil().max(1.0) as i32);
            let mut v = 10f64.powi(self.min.log10().ceil() as i32);
            while v <= self.max * 1.000_001 {
                let (div, unit) = self.shown(v);
                f(v, AxisValue { value: v / div, step: v / div, unit });
                v *= every;
            }
            return;
        }
        let (div, unit) = self.shown(self.max);
        let (lo, hi) = (self.min / div, self.max / div);
        let step = number::nice_step(hi - lo, count);
        let first = (lo / step - 1e-9).ceil() as i64;
        let last = (hi / step + 1e-9).floor() as i64;
        for i in first..=last {
            let v = i as f64 * step;
            f(v * div, AxisValue { value: v, step, unit: if i == last { unit } else { "" } });
        }
    }
}

/// A value on an axis, with the decimals of its step.
struct AxisValue<'a> {
    value: f64,
    step: f64,
    unit: &'a str,
}

impl Display for AxisValue<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let v = self.value;
        if v.abs() >= 1e6 {
            write!(f, "{}", number::short(v))?;
        } else if self.step >= 1.0 {
            write!(f, "{}", number::Count(v.round() as i64))?;
        } else {
            let decimals = (-self.step.log10().floor()).clamp(0.0, 6.0) as u32;
            write!(f, "{}", sim::decimal::fixed(v, decimals))?;
        }
        match self.unit {
            "" => Ok(()),
            u if u.starts_with('/') => f.write_str(u),
            u => write!(f, " {u}"),
        }
    }
}

/// A line of a plot.
#[derive(Clone, Copy, Debug)]
pub struct Series<'a> {
    /// Written at the end of the line; empty for none.
    pub label: &'a str,
    /// (x, y) with x ascending. A y that is not finite breaks the line.
    pub points: &'a [(f64, f64)],
    pub tone: Tone,
    /// Solid for the first, dashed for the second, dotted for theory.
    pub dash: Dash,
    /// Holds each value until the next point: for counts of machines and other things that jump.
    pub step: bool,
}

impl<'a> Series<'a> {
    pub fn new(label: &'a str, points: &'a [(f64, f64)], tone: Tone) -> Self {
        Series { label, points, tone, dash: Dash::Solid, step: false }
    }
    pub fn dash(self, dash: Dash) -> Self {
        Series { dash, ..self }
    }
    pub fn stepped(self) -> Self {
        Series { step: true, ..self }
    }
    /// A closed form that the simulation is held against: dotted, quiet.
    pub fn theory(label: &'a str, points: &'a [(f64, f64)]) -> Self {
        Series { label, points, tone: Tone::Ink3, dash: Dash::Dotted, step: false }
    }
}

/// A horizontal line with a name: a limit, an objective.
#[derive(Clone, Copy, Debug)]
pub struct Bound<'a> {
    pub y: f64,
    pub label: &'a str,
    pub tone: Tone,
}

/// Lines over x. The area includes the caption (24 units above), the axis labels and the labels of the series: at the
/// ends of the lines, or above the plot where the area is narrower than 420.
pub struct Plot<'a> {
    pub area: Area,
    pub x: Range<'a>,
    pub y: Range<'a>,
    pub series: &'a [Series<'a>],
    pub bounds: &'a [Bound<'a>],
    /// What y is, above the plot; `&""` for none.
    pub caption: Words<'a>,
    /// Where the reader is.
    pub cursor: Option<f64>,
    /// From here on it has not happened yet: shaded.
    pub future_from: Option<f64>,
}

/// A plot's frame: where values are.
#[derive(Clone, Copy, Debug)]
pub struct Frame<'a> {
    pub inner: Area,
    x: Range<'a>,
    y: Range<'a>,
}

impl Frame<'_> {
    pub fn px(&self, x: f64) -> f32 {
        self.inner.x + self.x.fraction(x).clamp(-0.01, 1.01) * self.inner.w
    }
    pub fn py(&self, y: f64) -> f32 {
        self.inner.bottom() - self.y.fraction(y).clamp(0.0, 1.0) * self.inner.h
    }
}

struct Name<'a> {
    label: &'a str,
    tone: Tone,
    /// Where the line ends; `None` for a name without a line in sight.
    y: Option<f32>,
}

const NARROW_BELOW: f32 = 420.0;

/// Lays out and draws axes, grid and caption. `names` are the labels that want room at the right or above.
fn frame<'a>(
    scene: &mut Scene,
    area: Area,
    x: Range<'a>,
    y: Range<'a>,
    caption: Words<'_>,
    names: &[(&str, Tone, Dash)],
    bounds: &[Bound<'_>],
) -> Frame<'a> {
    let narrow = area.w < NARROW_BELOW;
    let mut top = area.y;
    let item = scene.text(area.x, top + 11.0, 11.0, caption).tone(Tone::Ink3).fit(area.w);
    if item.text_width() > 0.0 {
        top += 24.0;
    } else {
        top += 8.0;
    }
    let mut right = 8.0f32;
    if narrow {
        top += keys(scene, area.x, top, area.w, names);
    } else {
        for label in names.iter().map(|n| n.0).chain(bounds.iter().map(|b| b.label)) {
            right = right.max(text_width(label, 11.0, Font::SansBold) + 14.0);
        }
        right = right.min(area.w * 0.34);
    }
    let bottom = area.bottom() - 18.0;
    let rows = (((bottom - top) / 34.0) as usize).clamp(1, 5);
    let mut left = 0.0f32;
    let mut text = String::new();
    y.ticks(rows, |_, v| {
        use fmt::Write;
        text.clear();
        let _ = write!(text, "{v}");
        left = left.max(text_width(&text, 11.0, Font::Sans));
    });
    let left = left + 8.0;
    let inner = Area::new(area.x + left, top, (area.w - left - right).max(10.0), (bottom - top).max(10.0));
    let f = Frame { inner, x, y };
    y.ticks(rows, |v, text| {
        let py = f.py(v);
        let base = v == y.min;
        scene.line(inner.x, py, inner.right(), py).width(1.0).dash(if base { Dash::Solid } else { Dash::Dotted });
        scene.text(inner.x - 6.0, py, 11.0, text).end().vcenter().tone(Tone::Ink3);
    });
    scene.line(inner.x, inner.bottom(), inner.right(), inner.bottom()).width(1.0);
    let columns = ((inner.w / 64.0) as usize).clamp(2, 8);
    x.ticks(columns, |v, text| {
        let px = f.px(v);
        let t = scene.text(px, inner.bottom() + 14.0, 11.0, text).middle().tone(Tone::Ink3);
        let half = t.text_width() / 2.0;
        t.at_x(sim::order::between(px, area.x + half, (area.right() - half).max(area.x + half)));
    });
    f
}

/// Line samples with names in a row that wraps; returns the height used.
fn keys(scene: &mut Scene, x: f32, y: f32, width: f32, names: &[(&str, Tone, Dash)]) -> f32 {
    if names.iter().all(|n| n.0.is_empty()) {
        return 0.0;
    }
    let (mut cx, mut cy) = (x, y + 6.0);
    for &(label, tone, dash) in names.iter().filter(|n| !n.0.is_empty()) {
        let w = 22.0 + text_width(label, 11.0, Font::SansBold);
        if cx > x && cx + w > x + width {
            cx = x;
            cy += 16.0;
        }
        scene.line(cx, cy, cx + 16.0, cy).stroke(tone).dash(dash);
        scene.text(cx + 22.0, cy, 11.0, label).bold().vcenter().tone(tone);
        cx += w + 12.0;
    }
    cy - y + 18.0
}

/// Writes the labels at the ends of the lines, pushed apart, each joined to its line by its tone.
fn end_names(scene: &mut Scene, f: &Frame<'_>, names: &[Name<'_>], room: f32) {
    let mut ys: Vec<(f32, usize)> = names
        .iter()
        .enumerate()
        .filter(|(_, n)| !n.label.is_empty())
        .filter_map(|(i, n)| n.y.map(|y| (y, i)))
        .collect();
    spread(&mut ys, 14.0, f.inner.y + 4.0, f.inner.bottom() - 2.0);
    for (y, i) in ys {
        let n = &names[i];
        scene.text(f.inner.right() + 8.0, y, 11.0, n.label).bold().vcenter().tone(n.tone).fit(room - 8.0);
    }
}

/// Draws a plot and returns its frame, for those who add to it.
pub fn plot<'a>(scene: &mut Scene, p: &Plot<'a>) -> Frame<'a> {
    let labels: Vec<(&str, Tone, Dash)> = p.series.iter().map(|s| (s.label, s.tone, s.dash)).collect();
    let f = frame(scene, p.area, p.x, p.y, p.caption, &labels, p.bounds);
    if let Some(from) = p.future_from {
        let x = f.px(from.max(p.x.min));
        scene.rect(x, f.inner.y, f.inner.right() - x, f.inner.h).fill(Tone::Line).opacity(0.35);
    }
    for b in p.bounds {
        bound_line(scene, &f, b);
    }
    let mut names = Vec::with_capacity(p.series.len());
    for s in p.series {
        let y = line(scene, &f, s);
        names.push(Name { label: s.label, tone: s.tone, y });
    }
    let narrow = p.area.w < NARROW_BELOW;
    names.extend(p.bounds.iter().filter_map(|b| bound_name(scene, &f, b, narrow)));
    if !narrow {
        end_names(scene, &f, &names, p.area.right() - f.inner.right());
    }
    cursor(scene, &f, p.cursor);
    f
}

fn cursor(scene: &mut Scene, f: &Frame<'_>, at: Option<f64>) {
    if let Some(x) = at.filter(|x| (f.x.min..=f.x.max).contains(x)) {
        let x = f.px(x);
        scene.line(x, f.inner.y, x, f.inner.bottom()).stroke(Tone::Accent).width(1.0);
    }
}

fn bound_line(scene: &mut Scene, f: &Frame<'_>, b: &Bound<'_>) {
    if (f.y.min..=f.y.max).contains(&b.y) {
        let y = f.py(b.y);
        scene.line(f.inner.x, y, f.inner.right(), y).stroke(b.tone).width(1.0).dash(Dash::Fine);
    }
}

/// The name of a bound stands among the names of the lines, or, in the narrow layout, on the line itself.
fn bound_name<'a>(scene: &mut Scene, f: &Frame<'_>, b: &Bound<'a>, narrow: bool) -> Option<Name<'a>> {
    if !(f.y.min..=f.y.max).contains(&b.y) {
        return None;
    }
    let y = f.py(b.y);
    if !narrow {
        return Some(Name { label: b.label, tone: b.tone, y: Some(y) });
    }
    let above = if y - f.inner.y < 14.0 { y + 12.0 } else { y - 4.0 };
    scene.text(f.inner.x + 4.0, above, 11.0, b.label).tone(b.tone).halo().fit(f.inner.w - 8.0);
    None
}

/// Draws one line and returns where it ends.
fn line(scene: &mut Scene, f: &Frame<'_>, s: &Series<'_>) -> Option<f32> {
    let mut last = None;
    let item = scene.path(|p| last = trace(p, f, s.points, s.step));
    item.stroke(s.tone).width(2.0).dash(s.dash);
    last
}

/// Writes a line through the points that lie in the frame, entering and leaving it where it crosses the edges. More
/// than two points in a column of one unit are reduced to their lowest and highest, so that a spike never disappears.
fn trace(p: &mut PathBuilder<'_>, f: &Frame<'_>, points: &[(f64, f64)], step: bool) -> Option<f32> {
    let (lo, hi) = (f.x.min, f.x.max);
    let mut pen = Pen { down: false, column: f32::NAN, low: 0.0, high: 0.0, last: 0.0 };
    let mut before: Option<(f64, f64)> = None;
    for &(x, y) in points {
        if !x.is_finite() || !y.is_finite() {
            pen.lift(p);
            before = None;
            continue;
        }
        if let Some((x0, y0)) = before {
            // A segment that crosses an edge of the frame is cut there.
            let at = |x_cut: f64| {
                if step || x <= x0 { y0 } else { y0 + (y - y0) * (x_cut - x0) / (x - x0) }
            };
            if x0 < lo && x > lo {
                pen.to(p, f.px(lo), f.py(at(lo)));
            }
            if step && x >= lo && x0 <= hi {
                pen.to(p, f.px(x.min(hi)), f.py(y0));
            }
            if x0 < hi && x > hi {
                pen.to(p, f.px(hi), f.py(at(hi)));
            }
        }
        if (lo..=hi).contains(&x) {
            pen.to(p, f.px(x), f.py(y));
        }
        before = Some((x, y));
        if x > hi {
            break;
        }
    }
    if step && let Some((x, y)) = before.filter(|b| b.0 < lo) {
        // The last value still holds.
        let _ = x;
        pen.to(p, f.px(lo), f.py(y));
    }
    let ended = pen.down.then_some(pen.last);
    pen.lift(p);
    ended
}

/// Collects the points of one column before drawing them.
struct Pen {
    down: bool,
    column: f32,
    low: f32,
    high: f32,
    last: f32,
}

impl Pen {
    fn to(&mut self, p: &mut PathBuilder<'_>, x: f32, y: f32) {
        if !self.down {
            p.move_to(x, y);
            *self = Pen { down: true, column: x, low: y, high: y, last: y };
        } else if x - self.column < 0.5 {
            self.low = self.low.min(y);
            self.high = self.high.max(y);
            self.last = y;
        } else {
            self.flush(p);
            p.line_to(x, y);
            *self = Pen { down: true, column: x, low: y, high: y, last: y };
        }
    }

    fn flush(&mut self, p: &mut PathBuilder<'_>) {
        if self.high - self.low > 0.05 {
            p.line_to(self.column, self.low).line_to(self.column, self.high).line_to(self.column, self.last);
        }
    }

    fn lift(&mut self, p: &mut PathBuilder<'_>) {
        if self.down {
            self.flush(p);
        }
        self.down = false;
    }
}

/// One layer of a stack.
#[derive(Clone, Copy, Debug)]
pub struct Layer<'a> {
    pub label: &'a str,
    pub tone: Tone,
    /// One value for each x.
    pub values: &'a [f64],
}

/// Layers on top of each other (goodput, refused, failed), with lines over them (offered, capacity).
pub struct Stacked<'a> {
    pub area: Area,
    pub x: Range<'a>,
    pub y: Range<'a>,
    /// Ascending.
    pub xs: &'a [f64],
    /// From the bottom up.
    pub layers: &'a [Layer<'a>],
    pub lines: &'a [Series<'a>],
    pub bounds: &'a [Bound<'a>],
    pub caption: Words<'a>,
    pub cursor: Option<f64>,
}

/// Draws stacked areas and returns their frame.
pub fn stacked<'a>(scene: &mut Scene, s: &Stacked<'a>) -> Frame<'a> {
    let mut labels: Vec<(&str, Tone, Dash)> = s.layers.iter().map(|l| (l.label, l.tone, Dash::Solid)).collect();
    labels.extend(s.lines.iter().map(|l| (l.label, l.tone, l.dash)));
    let f = frame(scene, s.area, s.x, s.y, s.caption, &labels, s.bounds);
    let n = s.layers.iter().map(|l| l.values.len()).fold(s.xs.len(), usize::min);
    let inside = |x: f64| (s.x.min..=s.x.max).contains(&x);
    let first = s.xs[..n].iter().position(|&x| inside(x)).unwrap_or(n);
    let end = s.xs[..n].iter().rposition(|&x| inside(x)).map_or(first, |i| i + 1);
    // Not more than two points a unit: the stack is of averages already, so leaving some out changes nothing seen. The
    // last one is always there.
    let stride = ((end - first) as f32 / (f.inner.w * 2.0)).ceil().max(1.0) as usize;
    let shown: Vec<usize> = (first..end)
        .step_by(stride)
        .chain((end > first && !(end - 1 - first).is_multiple_of(stride)).then_some(end.saturating_sub(1)))
        .collect();
    let xs: Vec<f32> = shown.iter().map(|&i| f.px(s.xs[i])).collect();
    // The edge below the layer in hand and the one above it.
    let mut sums = vec![0.0f64; shown.len()];
    let mut below = vec![f.py(0.0); shown.len()];
    let mut above = below.clone();
    let narrow = s.area.w < NARROW_BELOW;
    let mut names = Vec::with_capacity(labels.len());
    let mut inner_names: Vec<(f32, f32, &str)> = Vec::new();
    for layer in s.layers {
        let mut name = Name { label: layer.label, tone: layer.tone, y: None };
        if shown.len() >= 2 {
            for ((sum, y), &i) in sums.iter_mut().zip(&mut above).zip(&shown) {
                let v = layer.values[i];
                *sum += if v.is_finite() { v.max(0.0) } else { 0.0 };
                *y = f.py(*sum);
            }
            let top = || xs.iter().copied().zip(above.iter().copied());
            let back = || xs.iter().copied().zip(below.iter().copied()).rev();
            scene
                .path(|p| {
                    p.polyline(top().chain(back())).close();
                })
                .fill(layer.tone)
                .opacity(0.55);
            scene.polyline(top()).stroke(layer.tone).width(1.5);
            // A layer that is thin at its end is named where it is thick, if the words fit in there.
            let at_end = shown.len() - 1;
            let thickness = |i: usize| below[i] - above[i];
            if thickness(at_end) >= 8.0 || narrow {
                name.y = Some((below[at_end] + above[at_end]) / 2.0);
            } else if let Some(place) = room_for_name(&xs, &thickness, layer.label) {
                inner_names.push((place.0, (below[place.1] + above[place.1]) / 2.0, layer.label));
            } else if thickness(at_end) > 0.5 {
                name.y = Some((below[at_end] + above[at_end]) / 2.0);
            }
            below.copy_from_slice(&above);
        }
        names.push(name);
    }
    for b in s.bounds {
        bound_line(scene, &f, b);
    }
    for l in s.lines {
        let y = line(scene, &f, l);
        names.push(Name { label: l.label, tone: l.tone, y });
    }
    names.extend(s.bounds.iter().filter_map(|b| bound_name(scene, &f, b, narrow)));
    if !narrow {
        end_names(scene, &f, &names, s.area.right() - f.inner.right());
    }
    for (x, y, label) in inner_names {
        scene.text(x, y, 11.0, label).middle().bold().vcenter();
    }
    cursor(scene, &f, s.cursor);
    f
}

/// Where a layer's name fits into the layer: in the middle of the widest stretch around its thickest point that is
/// thick enough. Returns the x and the index of a point near it.
fn room_for_name(xs: &[f32], thickness: &impl Fn(usize) -> f32, label: &str) -> Option<(f32, usize)> {
    let thickest = (0..xs.len()).max_by(|&a, &b| thickness(a).total_cmp(&thickness(b)))?;
    let thick = |i: &usize| thickness(*i) >= 16.0;
    if !thick(&thickest) {
        return None;
    }
    let from = (0..=thickest).rev().take_while(thick).last()?;
    let to = (thickest..xs.len()).take_while(thick).last()?;
    let x = (xs[from] + xs[to]) / 2.0;
    let fits = xs[to] - xs[from] >= text_width(label, 11.0, Font::SansBold) + 8.0;
    fits.then(|| (x, xs.partition_point(|&v| v < x).clamp(from, to)))
}

/// A line without axes that fills its area, with a dot at its end. The scale runs from zero to the largest value, or to
/// `max` if that is more. Fewer than two values draw nothing.
pub fn sparkline(scene: &mut Scene, area: Area, values: &[f64], max: f64, tone: Tone) {
    if values.len() < 2 {
        return;
    }
    let top = values.iter().copied().filter(|v| v.is_finite()).fold(max, f64::max);
    let top = if top > 0.0 { top } else { 1.0 };
    let f = Frame {
        inner: area.inset(3.0, 3.0),
        x: Range::new(0.0, (values.len() - 1) as f64, ""),
        y: Range::new(0.0, top, ""),
    };
    let mut last = None;
    scene
        .path(|p| {
            let mut pen = Pen { down: false, column: f32::NAN, low: 0.0, high: 0.0, last: 0.0 };
            for (i, &v) in values.iter().enumerate() {
                if v.is_finite() {
                    pen.to(p, f.px(i as f64), f.py(v));
                    last = Some((f.px(i as f64), f.py(v)));
                } else {
                    pen.lift(p);
                }
            }
            pen.lift(p);
        })
        .stroke(tone)
        .width(1.5);
    if let Some((x, y)) = last {
        scene.circle(x, y, 2.5).fill(tone);
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Shape, View, svg};
    use super::*;

    fn scene() -> Scene {
        let mut s = Scene::new();
        s.begin(&View::wide(200.0));
        s
    }

    fn sample<'a>(area: Area, series: &'a [Series<'a>]) -> Plot<'a> {
        Plot {
            area,
            x: Range::time(0, 10_000_000),
            y: Range::from_zero(18.0, "/s"),
            series,
            bounds: &[Bound { y: 10.0, label: "limit", tone: Tone::Rejected }],
            caption: &"accepted",
            cursor: Some(5e6),
            future_from: Some(8e6),
        }
    }

    #[test]
    fn a_plot_has_ticks_lines_and_names() {
        let points: Vec<(f64, f64)> = (0..100).map(|i| (f64::from(i) * 1e5, 10.0 + f64::from(i % 7))).collect();
        let series = [Series::new("A 12/s", &points, Tone::Rejected), Series::theory("theory", &points[..50])];
        let mut s = scene();
        plot(&mut s, &sample(Area::new(0.0, 0.0, 400.0, 160.0), &series));
        let svg = svg::fragment(&s, "");
        for text in [">20/s<", ">0<", ">10 s<", ">A 12/s<", ">theory<", ">limit<", ">accepted<"] {
            assert!(svg.contains(text), "{text} is missing in {svg}");
        }
    }

    #[test]
    fn a_spike_between_two_pixels_is_kept() {
        let mut points: Vec<(f64, f64)> = (0..10_000).map(|i| (f64::from(i) * 1e3, 5.0)).collect();
        points[4321].1 = 20.0;
        let series = [Series::new("", &points, Tone::Ok)];
        let mut s = scene();
        let f = plot(&mut s, &sample(Area::new(0.0, 0.0, 300.0, 160.0), &series));
        let top = format!(" {}L", f.py(20.0));
        let paths: Vec<&str> = s
            .items()
            .iter()
            .filter_map(|i| match i.shape {
                Shape::Path { d } => Some(s.str(d)),
                _ => None,
            })
            .collect();
        let d = paths.iter().max_by_key(|d| d.len()).expect("the line");
        assert!(d.contains(&top), "{top} is missing");
        assert!(d.len() < 12_000, "the path is not reduced: {} bytes", d.len());
    }

    #[test]
    fn a_line_is_cut_at_the_edges_and_at_gaps() {
        let points = [(-5e6, 0.0), (5e6, 10.0), (6e6, f64::NAN), (7e6, 10.0), (20e6, 10.0)];
        let f = Frame {
            inner: Area::new(0.0, 0.0, 100.0, 100.0),
            x: Range::time(0, 10_000_000),
            y: Range::new(0.0, 10.0, ""),
        };
        let mut s = scene();
        s.path(|p| {
            trace(p, &f, &points, false);
        });
        let Shape::Path { d } = s.items()[0].shape else { panic!("a path") };
        assert_eq!(s.str(d), "M0 50L50 0M70 0L100 0");
    }

    #[test]
    fn the_edge_of_a_stack_is_its_sum() {
        let xs = [0.0, 5e6, 10e6];
        let layers = [
            Layer { label: "served", tone: Tone::Ok, values: &[5.0, 5.0, 5.0] },
            Layer { label: "refused", tone: Tone::Rejected, values: &[5.0, 0.0, 5.0] },
        ];
        let mut s = scene();
        let f = stacked(
            &mut s,
            &Stacked {
                area: Area::new(0.0, 0.0, 400.0, 160.0),
                x: Range::time(0, 10_000_000),
                y: Range::from_zero(10.0, "/s"),
                xs: &xs,
                layers: &layers,
                lines: &[],
                bounds: &[],
                caption: &"",
                cursor: None,
            },
        );
        let svg = svg::fragment(&s, "");
        // The top of the first layer, the top of the second and its bottom meet where the second is nothing.
        let mid = format!("{:.1} {}L", f.px(5e6), f.py(5.0));
        assert!(svg.matches(&mid).count() >= 3, "{mid} in {svg}");
        assert!(svg.contains(">served<") && svg.contains(">refused<"));
    }

    #[test]
    fn axis_values_carry_one_unit() {
        let texts = |r: Range<'_>| {
            let mut all = Vec::new();
            r.ticks(4, |_, t| all.push(t.to_string()));
            all
        };
        assert_eq!(texts(Range::new(0.0, 0.4, "s")), ["0", "100", "200", "300", "400 ms"]);
        assert_eq!(texts(Range::new(0.0, 1.0, "")), ["0.0", "0.5", "1.0"]);
        assert_eq!(texts(Range::new(1.0, 1000.0, "ms").log()), ["1 ms", "10 ms", "100 ms", "1 s"]);
    }

    #[test]
    fn a_sparkline_ends_in_a_dot() {
        let mut s = scene();
        sparkline(&mut s, Area::new(0.0, 0.0, 106.0, 26.0), &[0.0, 1.0, 2.0], 0.0, Tone::Ok);
        assert!(matches!(s.items()[1].shape, Shape::Circle { cx, cy, .. } if (cx, cy) == (103.0, 3.0)));
    }
}
