//! A queue as a pipe: how full, how many, how old the head is, where the bound is.

use super::number;
use super::scene::{Area, Dash, Scene, Tone, Words};

/// A queue. The head is at the right end. The area holds a line of text (16 units), the pipe, and another line (16).
pub struct Pipe<'a> {
    pub area: Area,
    pub title: Words<'a>,
    /// How many wait.
    pub count: u64,
    /// How many make the pipe look full: the bound, or a scale chosen for an unbounded queue.
    pub scale: u64,
    /// The bound, if there is one.
    pub bound: Option<u64>,
    /// How long the head has waited, in microseconds.
    pub head_age_us: Option<u64>,
    pub tone: Tone,
}

/// Draws a queue.
pub fn pipe(scene: &mut Scene, p: &Pipe<'_>) {
    let a = Area::new(p.area.x, p.area.y + 18.0, p.area.w, (p.area.h - 36.0).max(14.0));
    scene.text(a.x, a.y - 6.0, 12.0, p.title).tone(Tone::Ink2).fit(a.w * 0.6);
    match p.bound {
        Some(bound) => scene.text(a.right(), a.y - 6.0, 11.0, format_args!("bound {}", number::count(bound))),
        None => scene.text(a.right(), a.y - 6.0, 11.0, "no bound"),
    }
    .end()
    .tone(Tone::Ink3);

    let r = 6.0;
    scene.rect(a.x, a.y, a.w, a.h).round(r).fill(Tone::Panel);
    let scale = p.scale.max(1) as f64;
    let fraction = (p.count as f64 / scale).min(1.0) as f32;
    let w = a.w * fraction;
    let full = p.bound.is_some_and(|b| p.count >= b);
    scene
        .rect(a.right() - w, a.y, w, a.h)
        .round(r.min(w / 2.0))
        .fill(if full { Tone::Rejected } else { p.tone })
        .opacity(0.55);
    // Two lines with open ends: what comes in at the left leaves at the right.
    scene
        .path(|d| {
            d.move_to(a.x, a.y).line_to(a.right(), a.y).move_to(a.x, a.bottom()).line_to(a.right(), a.bottom());
        })
        .stroke(Tone::Ink2);
    if let Some(bound) = p.bound {
        let x = a.right() - a.w * ((bound as f64 / scale).min(1.0) as f32);
        scene.line(x, a.y - 3.0, x, a.bottom() + 3.0).stroke(Tone::Rejected).dash(Dash::Fine);
    }
    scene.text(a.cx(), a.cy(), 14.0, number::count(p.count)).mono().bold().middle().vcenter();
    let below = a.bottom() + 14.0;
    if let Some(age) = p.head_age_us {
        scene.text(a.right(), below, 11.0, format_args!("oldest {}", number::duration_us(age))).end().tone(Tone::Ink3);
    }
    if full {
        scene.text(a.x, below, 11.0, "full: refusing").bold().tone(Tone::Rejected);
    } else if p.count > p.scale {
        scene.text(a.x, below, 11.0, "off the scale").tone(Tone::Rejected);
    }
}

#[cfg(test)]
mod tests {
    use super::super::{View, svg};
    use super::*;

    fn draw(count: u64, bound: Option<u64>) -> String {
        let mut s = Scene::new();
        s.begin(&View::wide(100.0));
        let area = Area::new(100.0, 10.0, 200.0, 66.0);
        pipe(
            &mut s,
            &Pipe {
                area,
                title: &"waiting",
                count,
                scale: 100,
                bound,
                head_age_us: Some(3_200_000),
                tone: Tone::Waiting,
            },
        );
        svg::fragment(&s, "")
    }

    #[test]
    fn half_full_is_half_filled_from_the_head() {
        let svg = draw(50, Some(100));
        assert!(svg.contains("<rect class=\"f-waiting\" x=\"200\" y=\"28\" width=\"100\""), "{svg}");
        assert!(svg.contains(">bound 100<") && svg.contains(">oldest 3.20 s<") && svg.contains(">50<"));
    }

    #[test]
    fn at_the_bound_it_refuses_and_says_so() {
        assert!(draw(100, Some(100)).contains("full: refusing"));
        assert!(draw(1_500, None).contains("off the scale"));
    }
}
