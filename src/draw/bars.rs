//! Horizontal bars with their names and values.

use super::scene::{Area, Dash, Scene, Tone, Words};

/// One bar.
pub struct Bar<'a> {
    pub label: &'a str,
    pub value: f64,
    /// The value in words, at the end of the bar.
    pub words: Words<'a>,
    pub tone: Tone,
}

/// A list of bars on one scale. Rows share the height, at most 26 units each.
pub struct Bars<'a> {
    pub area: Area,
    pub bars: &'a [Bar<'a>],
    /// The value that fills the width; the largest value if that is more.
    pub max: f64,
    /// Width for the names; 0 to put each name above its bar (rows are then at most 38 high).
    pub label_w: f32,
    /// A line across all bars, with its name: a limit, a capacity.
    pub mark: Option<(f64, &'a str)>,
}

/// Draws bars.
pub fn bars(scene: &mut Scene, b: &Bars<'_>) {
    let top = if b.mark.is_some() { 16.0 } else { 0.0 };
    let area = Area::new(b.area.x, b.area.y + top, b.area.w, b.area.h - top);
    let above = b.label_w <= 0.0;
    let pitch = (area.h / b.bars.len().max(1) as f32).min(if above { 38.0 } else { 26.0 });
    let value_w = 64.0;
    let x0 = area.x + b.label_w.max(0.0) + if above { 0.0 } else { 8.0 };
    let full = (area.right() - value_w - x0).max(1.0);
    let max = b.bars.iter().map(|b| b.value).filter(|v| v.is_finite()).fold(b.max, f64::max).max(f64::MIN_POSITIVE);
    let len = |v: f64| {
        if v.is_finite() { (v / max).clamp(0.0, 1.0) as f32 * full } else { 0.0 }
    };
    if let Some((value, label)) = b.mark {
        let x = x0 + len(value);
        scene.line(x, area.y, x, area.y + pitch * b.bars.len() as f32).stroke(Tone::Ink3).width(1.0).dash(Dash::Fine);
        let t = scene.text(x, area.y - 4.0, 11.0, label).middle().tone(Tone::Ink3);
        let half = t.text_width() / 2.0;
        if x + half > area.right() {
            t.end();
        }
    }
    for (i, bar) in b.bars.iter().enumerate() {
        let y = area.y + i as f32 * pitch;
        let (h, mid) =
            if above { (pitch - 22.0, y + 16.0 + (pitch - 22.0) / 2.0) } else { (pitch - 8.0, y + pitch / 2.0) };
        let h = h.clamp(6.0, 16.0);
        if above {
            scene.text(area.x, y + 11.0, 12.0, bar.label).tone(Tone::Ink2).fit(area.w);
        } else {
            scene.text(x0 - 8.0, mid, 12.0, bar.label).end().vcenter().tone(Tone::Ink2).fit(b.label_w);
        }
        let w = len(bar.value);
        scene.rect(x0, mid - h / 2.0, w, h).round(3.0).fill(bar.tone);
        scene.text(x0 + w + 6.0, mid, 12.0, bar.words).mono().vcenter().halo();
    }
}

#[cfg(test)]
mod tests {
    use super::super::{View, svg};
    use super::*;

    #[test]
    fn lengths_are_proportional() {
        let mut s = Scene::new();
        s.begin(&View::wide(100.0));
        let bar = |label, value| Bar { label, value, words: &"v", tone: Tone::Ok };
        bars(
            &mut s,
            &Bars {
                area: Area::new(0.0, 0.0, 272.0, 60.0),
                bars: &[bar("one", 5.0), bar("two", 10.0), bar("none", f64::NAN)],
                max: 1.0,
                label_w: 100.0,
                mark: Some((10.0, "limit")),
            },
        );
        let svg = svg::fragment(&s, "");
        assert!(svg.contains("x=\"108\"") && svg.contains("width=\"50\"") && svg.contains("width=\"100\""), "{svg}");
        assert!(svg.contains(">limit<"));
    }
}
