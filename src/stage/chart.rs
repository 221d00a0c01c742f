//! The numbers over time: one chart for each group of numbers that share a plot.

use super::player::{Player, Side};
use crate::draw::plot::{Plot, Range, Series, plot};
use crate::draw::{Area, Dash, Scene, Tone, View};
use sim::decimal::fixed;
use sim::kernel::{History, Us};

pub const HEIGHT: f32 = 132.0;
/// Lines keep so many points at most; the peak of what each stands for, so that no spike is lost.
const POINTS_MAX: usize = 160;
const TONES: [Tone; 5] = [Tone::Rejected, Tone::Flight, Tone::Ok, Tone::Waiting, Tone::Undo];
/// The lines of the first number and of the second, on side A and on side B; with more numbers in a chart it goes on
/// from the start.
const DASHES: [[Dash; 2]; 2] = [[Dash::Solid, Dash::Dashed], [Dash::Fine, Dash::Dotted]];

/// The plots of a question in order of appearance.
pub fn groups(p: &Player) -> Vec<&'static str> {
    let mut all = Vec::new();
    for n in p.question.numbers.iter().filter(|n| !n.plot.is_empty()) {
        if !all.contains(&n.plot) {
            all.push(n.plot);
        }
    }
    all
}

fn points(history: &History, number: usize, until: Us) -> Vec<(f64, f64)> {
    let rows = (0..history.rows()).take_while(|r| history.time(*r) <= until).count();
    let stride = rows.div_ceil(POINTS_MAX).max(1);
    (0..rows)
        .step_by(stride)
        .map(|first| {
            let last = (first + stride).min(rows);
            let values = (first..last).map(|r| f64::from(history.get(r, number)));
            let peak = values.fold(f64::NAN, f64::max);
            (history.time(last - 1).0 as f64, peak)
        })
        .collect()
}

/// Draws one group at its size on screen.
pub fn draw(p: &Player, group: &str, width: f32, scene: &mut Scene) {
    let mut view = View::wide(HEIGHT);
    view.width = width.max(200.0);
    scene.begin(&view);
    let numbers: Vec<(usize, &sim::Number)> =
        p.question.numbers.iter().enumerate().filter(|(_, n)| n.plot == group).collect();
    let Some((_, first)) = numbers.first() else { return };
    let until = p.frontier();
    let mut lines = Vec::new();
    for (k, (i, n)) in numbers.iter().enumerate() {
        let tone = TONES[k % TONES.len()];
        // Neither the lines of one side nor the two sides are told apart by colour alone.
        let [first, second] = DASHES[k % DASHES.len()];
        match p.run(Side::B) {
            None => lines.push((n.label.to_string(), points(p.a().history(), *i, until), tone, first)),
            Some(b) => {
                lines.push((format!("{} A", n.label), points(p.a().history(), *i, until), tone, first));
                lines.push((format!("{} B", n.label), points(b.history(), *i, until), tone, second));
            }
        }
    }
    let max = lines.iter().flat_map(|l| l.1.iter()).map(|pt| pt.1).filter(|v| v.is_finite()).fold(0.0, f64::max);
    let series: Vec<Series> =
        lines.iter().map(|(label, pts, tone, dash)| Series::new(label, pts, *tone).dash(*dash)).collect();
    let now = p.now().0 as f64;
    plot(
        scene,
        &Plot {
            area: Area::new(0.0, 0.0, view.width, HEIGHT),
            x: Range::time(0, p.span().0.max(1)),
            y: Range::from_zero(max, first.unit),
            series: &series,
            bounds: &[],
            // With several charts the choice beside it says which one this is.
            caption: if groups(p).len() > 1 { &"" } else { &group },
            cursor: Some(now),
            future_from: (until > p.now()).then_some(now),
        },
    );
}

/// The path of a sparkline in a 100 by 24 box.
pub fn spark(history: &History, number: usize, until: Us) -> String {
    use std::fmt::Write;
    let pts = points(history, number, until);
    let max = pts.iter().map(|p| p.1).filter(|v| v.is_finite()).fold(0.0, f64::max);
    if pts.len() < 2 || max <= 0.0 {
        return String::new();
    }
    let mut d = String::new();
    let mut open = false;
    for (i, (_, v)) in pts.iter().enumerate() {
        if v.is_finite() {
            let (x, y) = (100.0 * i as f64 / (pts.len() - 1) as f64, 22.5 - 21.0 * v / max);
            _ = write!(d, "{}{} {}", if open { 'L' } else { 'M' }, fixed(x, 1), fixed(y, 1));
        }
        open = v.is_finite();
    }
    d
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draw::vision::{ENOUGH, Theme, Vision, difference};

    /// Whoever sees fewer colours still tells the lines of a chart apart: by their dash, or by what is left of their
    /// colours. Each line has its name at its end besides.
    #[test]
    fn lines_differ_by_more_than_hue() {
        for (a, b) in (0..TONES.len()).flat_map(|b| (0..b).map(move |a| (a, b))) {
            if DASHES[a % DASHES.len()] != DASHES[b % DASHES.len()] {
                continue;
            }
            for theme in [Theme::Light, Theme::Dark] {
                for vision in Vision::DICHROMATIC {
                    let apart = difference(theme, vision, TONES[a].line_var(), TONES[b].line_var());
                    assert!(apart >= ENOUGH, "{:?} and {:?}: {apart} for {vision:?} in {theme:?}", TONES[a], TONES[b]);
                }
            }
        }
    }

    #[test]
    fn the_four_dashes_of_two_numbers_on_two_sides_differ() {
        let mut all: Vec<&str> = DASHES.iter().flatten().map(|d| d.array()).collect();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), 4);
    }
}
