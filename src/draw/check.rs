//! What is wrong with the texts of a picture, for tests: every picture should be held against it at several moments, in
//! both layouts.

use super::measure::{Font, text_width};
use super::scene::{Anchor, Area, Scene, Shape};

/// Texts that overlap each other or stick out of the picture, one sentence each. Widths are those of the widest common
/// face (see `measure`), so a reader with a narrower one sees more room, not less.
pub fn text_problems(scene: &Scene) -> Vec<String> {
    let texts: Vec<(Area, &str)> = scene.items().iter().filter_map(|item| text_area(scene, &item.shape)).collect();
    let mut problems = Vec::new();
    for (i, (a, text)) in texts.iter().enumerate() {
        if a.x < -0.5 || a.right() > scene.width() + 0.5 || a.y < -0.5 || a.bottom() > scene.height() + 0.5 {
            problems.push(format!(
                "{text:?} sticks out: it covers x {:.0} to {:.0}, y {:.0} to {:.0} of a picture of {} by {}",
                a.x,
                a.right(),
                a.y,
                a.bottom(),
                scene.width(),
                scene.height()
            ));
        }
        for (b, other) in &texts[i + 1..] {
            let w = a.right().min(b.right()) - a.x.max(b.x);
            let h = a.bottom().min(b.bottom()) - a.y.max(b.y);
            // A unit or two of blank rim may touch.
            if w > 2.0 && h > 2.0 {
                problems
                    .push(format!("{text:?} and {other:?} overlap by {w:.0} by {h:.0} at x {:.0}, y {:.0}", a.x, a.y));
            }
        }
    }
    problems
}

/// What a text covers: from the top of its capitals to a little below its baseline.
fn text_area<'a>(scene: &'a Scene, shape: &Shape) -> Option<(Area, &'a str)> {
    let Shape::Text { x, y, size, anchor, bold, mono, text, .. } = *shape else { return None };
    let text = scene.str(text);
    if text.trim().is_empty() {
        return None;
    }
    let w = text_width(text, size, Font::of(mono, bold));
    let x = match anchor {
        Anchor::Start => x,
        Anchor::Middle => x - w / 2.0,
        Anchor::End => x - w,
    };
    Some((Area::new(x, y - size * 0.75, w, size * 0.95), text))
}

#[cfg(test)]
mod tests {
    use super::super::View;
    use super::*;

    #[test]
    fn overlaps_and_overhangs_are_named() {
        let mut s = Scene::new();
        s.begin(&View::wide(100.0));
        s.text(10.0, 20.0, 12.0, "one label");
        s.text(10.0, 40.0, 12.0, "below it");
        assert_eq!(text_problems(&s), Vec::<String>::new());
        s.text(30.0, 22.0, 12.0, "on it");
        s.text(855.0, 60.0, 12.0, "too far right");
        let problems = text_problems(&s);
        assert_eq!(problems.len(), 2, "{problems:?}");
        assert!(problems[0].starts_with("\"one label\" and \"on it\" overlap"));
        assert!(problems[1].starts_with("\"too far right\" sticks out"));
    }
}
