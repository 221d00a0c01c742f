//! A trace: spans as bars on a line of time, the critical path bold.

use super::axis::TimeAxis;
use super::measure::{Font, text_width};
use super::number;
use super::scene::{Area, Hit, Outcome, Scene, Tone};

/// One span.
pub struct SpanBar<'a> {
    pub label: &'a str,
    /// How deep it is nested; 0 is the root.
    pub depth: u8,
    pub t0_us: u64,
    pub t1_us: u64,
    pub outcome: Outcome,
    /// On the critical path: shortening it would shorten the whole.
    pub critical: bool,
    /// Which stretches of it are on the path, and their tones; empty if all of it is, or nothing.
    pub bold: &'a [(u64, u64, Tone)],
    /// Stretches drawn instead of one bar from start to end: a staircase in one row.
    pub steps: &'a [(u64, u64)],
    pub hit: Option<Hit>,
}

/// Spans from the top in the order given, `pitch` units each; the lowest 20 units are the axis. Spans that do not fit are
/// counted in a last line.
pub struct Waterfall<'a> {
    pub area: Area,
    pub spans: &'a [SpanBar<'a>],
    /// Width for the names at the left.
    pub label_w: f32,
    /// Height of a row: 20, or as little as 13.
    pub pitch: f32,
}

/// Draws a trace. The axis covers all spans.
pub fn waterfall(scene: &mut Scene, w: &Waterfall<'_>) {
    let a = w.area;
    let t0 = w.spans.iter().map(|s| s.t0_us).min().unwrap_or(0);
    let t1 = w.spans.iter().map(|s| s.t1_us).max().unwrap_or(1);
    let axis = TimeAxis::new(a.x + w.label_w, a.right() - 58.0, t0, t1);
    let pitch = w.pitch.max(13.0);
    let size = if pitch < 16.0 { 11.0 } else { 12.0 };
    let fitting = (((a.h - 20.0) / pitch).max(0.0)) as usize;
    let shown = if w.spans.len() > fitting { fitting.saturating_sub(1) } else { w.spans.len() };
    for (i, span) in w.spans[..shown].iter().enumerate() {
        let mid = a.y + (i as f32 + 0.5) * pitch;
        if let Some(hit) = span.hit {
            scene.rect(a.x, mid - pitch / 2.0, a.w, pitch).hit(hit);
        }
        let indent = f32::from(span.depth.min(8)) * 10.0;
        let mut label = scene.text(a.x + indent, mid, size, span.label).vcenter();
        label = if span.critical { label.bold() } else { label.tone(Tone::Ink2) };
        label.fit(w.label_w - indent - 6.0);
        let x1 = axis.x(span.t1_us);
        let all = span.critical && span.bold.is_empty();
        let h = if all { pitch * 0.6 } else { pitch * 0.4 };
        let whole = [(span.t0_us, span.t1_us)];
        for (from, to) in if span.steps.is_empty() { &whole } else { span.steps } {
            let (from, to) = (axis.x(*from), axis.x(*to));
            let bar = scene.rect(from, mid - h / 2.0, (to - from).max(2.0), h).round(pitch * 0.15);
            let bar = bar.fill(span.outcome.tone());
            if !all {
                bar.opacity(0.45);
            }
        }
        for (from, to, tone) in span.bold {
            let (from, to) = (axis.x(*from), axis.x(*to));
            scene.rect(from, mid - pitch * 0.3, (to - from).max(1.0), pitch * 0.6).fill(*tone);
        }
        if span.outcome == Outcome::Rejected {
            scene.glyph(x1, mid, span.outcome.glyph(), Tone::Rejected, 5.0);
        }
        let end = if span.outcome == Outcome::Rejected { x1 + 10.0 } else { x1 + 6.0 };
        let tone = if span.critical { Tone::Ink } else { Tone::Ink3 };
        scene
            .text(end, mid, 11.0, number::duration_us(span.t1_us.saturating_sub(span.t0_us)))
            .mono()
            .vcenter()
            .tone(tone);
    }
    if shown < w.spans.len() {
        let mid = a.y + (shown as f32 + 0.5) * pitch;
        scene.text(a.x, mid, 11.0, format_args!("and {} more", w.spans.len() - shown)).vcenter().tone(Tone::Ink3);
    }
    // Times count from the start of the trace, whenever that was.
    TimeAxis { t0_us: 0, t1_us: (t1 - t0).max(1), ..axis }.draw(scene, a.bottom() - 18.0);
}

/// Width that the names of spans need.
pub fn label_width(spans: &[SpanBar<'_>]) -> f32 {
    spans
        .iter()
        .map(|s| f32::from(s.depth.min(8)) * 10.0 + text_width(s.label, 12.0, Font::SansBold) + 8.0)
        .fold(40.0, f32::max)
}

#[cfg(test)]
mod tests {
    use super::super::{View, svg};
    use super::*;

    #[test]
    fn spans_lie_on_their_times_and_the_critical_path_is_bold() {
        let span = |label, depth, t0_us, t1_us, critical| SpanBar {
            label,
            depth,
            t0_us,
            t1_us,
            outcome: Outcome::Ok,
            critical,
            bold: &[],
            steps: &[],
            hit: None,
        };
        let spans = [span("checkout", 0, 1_000_000, 1_100_000, true), span("stock", 1, 1_050_000, 1_100_000, false)];
        let mut s = Scene::new();
        s.begin(&View::wide(100.0));
        waterfall(
            &mut s,
            &Waterfall { area: Area::new(0.0, 0.0, 358.0, 60.0), spans: &spans, label_w: 100.0, pitch: 20.0 },
        );
        let svg = svg::fragment(&s, "");
        assert!(svg.contains("x=\"100\" y=\"4\" width=\"200\""), "{svg}");
        assert!(svg.contains("x=\"200\" y=\"26\" width=\"100\""), "{svg}");
        assert!(svg.contains(">100 ms<") && svg.contains(">50.0 ms<") && svg.contains("t-ink bold"));
    }
}
