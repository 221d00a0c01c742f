//! A small table of labels and values: money, counts, promises kept.

use super::scene::{Area, Dash, Scene, Tone, Words};

/// One line of a ledger.
pub struct Line<'a> {
    pub label: Words<'a>,
    pub value: Words<'a>,
    pub tone: Tone,
    /// The sum: bold, with a rule above it.
    pub strong: bool,
}

/// A titled ledger; lines are 20 units high, the title takes 24.
pub struct Ledger<'a> {
    pub area: Area,
    pub title: &'a str,
    pub lines: &'a [Line<'a>],
}

/// The height a ledger needs for its lines.
pub fn height(lines: usize, titled: bool) -> f32 {
    lines as f32 * 20.0 + if titled { 24.0 } else { 0.0 } + 4.0
}

/// Draws a ledger. Dots lead from each label to its value, so that the eye keeps the line.
pub fn ledger(scene: &mut Scene, l: &Ledger<'_>) {
    let a = l.area;
    let mut y = a.y;
    if !l.title.is_empty() {
        scene.text(a.x, y + 13.0, 13.0, l.title).bold().fit(a.w);
        y += 24.0;
    }
    for line in l.lines {
        if y + 20.0 > a.bottom() + 4.0 {
            break;
        }
        if line.strong {
            scene.line(a.x, y + 1.0, a.right(), y + 1.0).stroke(Tone::Ink2).width(1.0);
        }
        let base = y + 15.0;
        let mut value = scene.text(a.right(), base, 12.0, line.value).mono().end().tone(line.tone);
        if line.strong {
            value = value.bold();
        }
        let value_w = value.fit(a.w * 0.6).text_width();
        let mut label = scene.text(a.x, base, 12.0, line.label).tone(if line.strong { Tone::Ink } else { Tone::Ink2 });
        if line.strong {
            label = label.bold();
        }
        let label_w = label.fit((a.w - value_w - 12.0).max(0.0)).text_width();
        let (x0, x1) = (a.x + label_w + 6.0, a.right() - value_w - 6.0);
        if !line.strong && x1 - x0 > 12.0 {
            scene.line(x0, base - 3.0, x1, base - 3.0).width(1.0).dash(Dash::Dotted);
        }
        y += 20.0;
    }
}

#[cfg(test)]
mod tests {
    use super::super::{View, svg};
    use super::*;

    #[test]
    fn lines_have_label_value_and_emphasis() {
        let mut s = Scene::new();
        s.begin(&View::wide(100.0));
        let lines = [
            Line { label: &"orders", value: &"12", tone: Tone::Ink, strong: false },
            Line { label: &"lost", value: &"1", tone: Tone::Rejected, strong: true },
        ];
        ledger(&mut s, &Ledger { area: Area::new(0.0, 0.0, 200.0, height(2, true)), title: "Books", lines: &lines });
        let svg = svg::fragment(&s, "");
        assert!(svg.contains(">Books<") && svg.contains("t-rejected mono bold") && svg.contains(">orders<"));
    }
}
