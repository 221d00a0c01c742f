//! Time along a horizontal line.

use super::measure::{Font, text_width};
use super::number::{self, Duration};
use super::scene::{Scene, Tone};
use sim::decimal::fixed;
use std::fmt::Write;

/// Maps simulated time to x. The time from `t0_us` to `t1_us` runs from `x0` to `x1`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TimeAxis {
    pub x0: f32,
    pub x1: f32,
    pub t0_us: u64,
    pub t1_us: u64,
}

impl TimeAxis {
    pub fn new(x0: f32, x1: f32, t0_us: u64, t1_us: u64) -> Self {
        TimeAxis { x0, x1, t0_us, t1_us: t1_us.max(t0_us + 1) }
    }

    /// The last `span_us` before `now_us`. At the start of a run it shows the first `span_us` and stands still until
    /// the time has filled it, so that nothing moves before something has happened.
    pub fn sliding(x0: f32, x1: f32, now_us: u64, span_us: u64) -> Self {
        let t1_us = now_us.max(span_us);
        TimeAxis::new(x0, x1, t1_us - span_us, t1_us)
    }

    /// The x of a time; outside the line for times outside the axis.
    pub fn x(&self, t_us: u64) -> f32 {
        let span = (self.t1_us - self.t0_us) as f64;
        let f = (t_us as f64 - self.t0_us as f64) / span;
        self.x0 + (f * f64::from(self.x1 - self.x0)) as f32
    }

    /// The x of a time, kept within the line.
    pub fn x_clamped(&self, t_us: u64) -> f32 {
        self.x(t_us.clamp(self.t0_us, self.t1_us))
    }

    pub fn contains(&self, t_us: u64) -> bool {
        (self.t0_us..=self.t1_us).contains(&t_us)
    }

    /// Draws ticks below `y` with their times, about one every 80 units: 18 units high in all.
    pub fn draw(&self, scene: &mut Scene, y: f32) {
        let width = (self.x1 - self.x0).max(1.0);
        let span_us = self.t1_us - self.t0_us;
        let count = (width / 80.0).max(2.0) as usize;
        let mut step = number::nice_step_us(span_us, count);
        if step * 2 > span_us {
            // One tick is no axis.
            step = number::nice_step_us(span_us, count * 2);
        }
        let first = self.t0_us.div_ceil(step);
        let ticks = || (first..=self.t1_us / step).map(|i| i * step);
        scene.line(self.x0, y, self.x1, y).width(1.0);
        scene
            .path(|p| {
                for t in ticks() {
                    p.move_to(self.x(t), y).line_to(self.x(t), y + 4.0);
                }
            })
            .stroke(Tone::Line)
            .width(1.0);
        // A label stays over its line, and one that would touch the one before is left away; its tick stays.
        let mut free_from = f32::NEG_INFINITY;
        let mut text = String::new();
        for t in ticks() {
            text.clear();
            let _ = write!(text, "{}", Tick { t_us: t, step_us: step, t1_us: self.t1_us });
            let w = text_width(&text, 11.0, Font::Sans);
            let left = (self.x(t) - w / 2.0).min(self.x1 - w).max(self.x0);
            if left >= free_from {
                scene.text(left + w / 2.0, y + 16.0, 11.0, &text).middle().tone(Tone::Ink3);
                free_from = left + w + 6.0;
            }
        }
    }
}

/// The time of a tick with as many decimals as its step needs: `12.4 s` beside `12.6 s`, but `12 s` beside `13 s`;
/// from two minutes on `2:05`.
struct Tick {
    t_us: u64,
    step_us: u64,
    t1_us: u64,
}

impl std::fmt::Display for Tick {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let s = self.t_us as f64 / 1e6;
        let minutes = self.t_us / 60_000_000;
        let rest = (self.t_us % 60_000_000) as f64 / 1e6;
        match self.step_us {
            _ if self.t_us == 0 => f.write_str("0"),
            3_600_000_000.. => Duration(self.t_us as f64).fmt(f),
            1_000_000.. if self.t_us >= 120_000_000 => write!(f, "{minutes}:{:02}", fixed(rest, 0)),
            _ if self.t_us >= 120_000_000 => write!(f, "{minutes}:{:05}", fixed(rest, 2)),
            1_000_000.. => write!(f, "{} s", fixed(s, 0)),
            1_000..1_000_000 if self.t1_us <= 1_000_000 => write!(f, "{} ms", fixed(s * 1e3, 0)),
            100_000.. => write!(f, "{} s", fixed(s, 1)),
            10_000.. => write!(f, "{} s", fixed(s, 2)),
            1_000.. => write!(f, "{} s", fixed(s, 3)),
            10.. => write!(f, "{} ms", fixed(s * 1e3, 2)),
            _ => write!(f, "{} ms", fixed(s * 1e3, 3)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{View, svg};
    use super::*;

    #[test]
    fn time_is_linear_and_slides_only_once_full() {
        let a = TimeAxis::sliding(100.0, 200.0, 500_000, 2_000_000);
        assert_eq!((a.t0_us, a.t1_us), (0, 2_000_000));
        assert_eq!(a.x(1_000_000), 150.0);
        let b = TimeAxis::sliding(100.0, 200.0, 5_000_000, 2_000_000);
        assert_eq!(b.t0_us, 3_000_000);
        assert!(!b.contains(2_999_999) && b.contains(5_000_000));
        assert_eq!(b.x_clamped(0), 100.0);
    }

    #[test]
    fn ticks_carry_the_decimals_of_their_step() {
        let mut s = Scene::new();
        s.begin(&View::wide(40.0));
        TimeAxis::new(24.0, 836.0, 12_000_000, 14_000_000).draw(&mut s, 10.0);
        let svg = svg::fragment(&s, "");
        assert!(svg.contains(">12.2 s<") && svg.contains(">13.0 s<"), "{svg}");
    }
}
