//! Simulated time: whole microseconds since the run began, and spans of them.

use core::fmt;
use core::ops::{Add, AddAssign, Mul, Sub};

/// Microseconds, as an instant of simulated time or as a span between two.
///
/// Integers, so that adding up a million small steps gives the same sum on every machine. Safe as
/// a JavaScript number up to 2^53 µs, 285 years.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Us(pub u64);

impl Us {
    pub const ZERO: Us = Us(0);
    /// Later than every event; `Us::MAX + x` saturates.
    pub const MAX: Us = Us(u64::MAX);

    pub const fn ms(ms: u64) -> Us {
        Us(ms * 1_000)
    }
    pub const fn s(s: u64) -> Us {
        Us(s * 1_000_000)
    }
    /// Seconds as a float, rounded to the nearest microsecond; negative and NaN become zero.
    pub fn from_s(s: f64) -> Us {
        Us((s * 1e6 + 0.5) as u64)
    }
    /// Milliseconds as a float, rounded to the nearest microsecond; negative and NaN become zero.
    pub fn from_ms(ms: f64) -> Us {
        Us((ms * 1e3 + 0.5) as u64)
    }
    /// Microseconds as a float, rounded to the nearest; negative and NaN become zero.
    pub fn from_us(us: f64) -> Us {
        Us((us + 0.5) as u64)
    }
    pub fn as_s(self) -> f64 {
        self.0 as f64 / 1e6
    }
    pub fn as_ms(self) -> f64 {
        self.0 as f64 / 1e3
    }
    /// The span since `earlier`, or zero when `earlier` is later.
    pub const fn since(self, earlier: Us) -> Us {
        Us(self.0.saturating_sub(earlier.0))
    }
}

impl Add for Us {
    type Output = Us;
    fn add(self, other: Us) -> Us {
        Us(self.0.saturating_add(other.0))
    }
}
impl AddAssign for Us {
    fn add_assign(&mut self, other: Us) {
        *self = *self + other;
    }
}
impl Sub for Us {
    type Output = Us;
    /// Saturates at zero: a span is never negative.
    fn sub(self, other: Us) -> Us {
        self.since(other)
    }
}
impl Mul<u64> for Us {
    type Output = Us;
    fn mul(self, k: u64) -> Us {
        Us(self.0.saturating_mul(k))
    }
}

impl fmt::Display for Us {
    /// The shortest of µs, ms, s that reads well: `850 µs`, `12.4 ms`, `62 s`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (unit, scale) = match self.0 {
            0 => return write!(f, "0 s"),
            1..1_000 => return write!(f, "{} µs", self.0),
            1_000..1_000_000 => ("ms", 1_000),
            _ => ("s", 1_000_000),
        };
        let thousandths = self.0 % scale * 1_000 / scale;
        if thousandths == 0 {
            write!(f, "{} {unit}", self.0 / scale)
        } else {
            let digits = format!("{thousandths:03}");
            write!(f, "{}.{} {unit}", self.0 / scale, digits.trim_end_matches('0'))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_saturate_and_display_in_the_unit_that_reads_well() {
        assert_eq!(Us(3) - Us(5), Us::ZERO);
        assert_eq!(Us::MAX + Us(1), Us::MAX);
        assert_eq!(Us::from_s(-1.0), Us::ZERO);
        assert_eq!(Us::from_s(0.6), Us(600_000));
        assert_eq!(Us(850).to_string(), "850 µs");
        assert_eq!(Us(12_400).to_string(), "12.4 ms");
        assert_eq!(Us::s(62).to_string(), "62 s");
        assert_eq!(Us(12_418_000).to_string(), "12.418 s");
    }
}
