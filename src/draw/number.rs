//! Numbers for people.
//!
//! One rule for the whole site, so that the same quantity looks the same in a picture, on a knob and in the log:
//!
//! - three significant digits where a measurement is shown, all digits where a count is small enough to read;
//! - the same number of decimals for the same magnitude, so that a changing number does not jump about
//!   (with tabular numerals its width only changes when its magnitude does);
//! - a comma between thousands, a space before the unit, `M` and `G` from a million on;
//! - a thin unit never stands alone: `12.4 s`, `1,234/s`, `97.3 %`.
//!
//! Every function returns a value that implements `Display`, so it can be drawn without allocating; call
//! `.to_string()` for a `String`.

use sim::decimal::{Scientific, fixed};
use std::fmt::{self, Display, Formatter};

/// An amount of simulated time, given in microseconds: `0 s`, `850 µs`, `12.4 ms`, `1.25 s`, `12.4 s`, `2 min 05 s`,
/// `3 h 20 min`, `2 d 4 h`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Duration(pub f64);

/// An amount of time in microseconds, for people.
pub fn duration_us(us: u64) -> Duration {
    Duration(us as f64)
}

impl Display for Duration {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let us = self.0;
        if us.is_nan() {
            return f.write_str("\u{2013}");
        }
        if us < 0.0 {
            f.write_str("\u{2212}")?;
            return Duration(-us).fmt(f);
        }
        if us.is_infinite() {
            return f.write_str("never");
        }
        // Each branch starts where rounding would reach it: 999.6 µs is 1 ms, not 1000 µs.
        if us == 0.0 {
            f.write_str("0 s")
        } else if us < 999.5 {
            write!(f, "{} \u{b5}s", three(us))
        } else if us < 999_500.0 {
            write!(f, "{} ms", three(us / 1e3))
        } else if us < 99_950_000.0 {
            write!(f, "{} s", three(us / 1e6))
        } else {
            let s = (us / 1e6).round() as u64;
            match s {
                0..=119 => write!(f, "{s} s"),
                120..=3_599 => write!(f, "{} min {:02} s", s / 60, s % 60),
                3_600..=86_399 => write!(f, "{} h {:02} min", s / 3_600, s % 3_600 / 60),
                _ => write!(f, "{} d {} h", s / 86_400, s % 86_400 / 3_600),
            }
        }
    }
}

/// A moment of simulated time for a clock that runs: always milliseconds, so its width is stable: `12.418 s`,
/// `2:05.300`, `1:02:05.300`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Clock(pub u64);

/// A moment of simulated time, in microseconds.
pub fn clock_us(us: u64) -> Clock {
    Clock(us)
}

impl Display for Clock {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let ms = self.0 / 1_000;
        let (s, ms) = (ms / 1_000, ms % 1_000);
        match s {
            0..=59 => write!(f, "{s}.{ms:03} s"),
            60..=3_599 => write!(f, "{}:{:02}.{ms:03}", s / 60, s % 60),
            _ => write!(f, "{}:{:02}:{:02}.{ms:03}", s / 3_600, s % 3_600 / 60, s % 60),
        }
    }
}

/// A whole number with commas: `0`, `999`, `1,234`, `12,345,678`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Count(pub i64);

/// A whole number, all digits.
pub fn count(n: u64) -> Count {
    Count(i64::try_from(n).unwrap_or(i64::MAX))
}

impl Display for Count {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if self.0 < 0 {
            f.write_str("\u{2212}")?;
        }
        grouped(f, self.0.unsigned_abs())
    }
}

fn grouped(f: &mut Formatter<'_>, n: u64) -> fmt::Result {
    if n < 1_000 {
        return write!(f, "{n}");
    }
    grouped(f, n / 1_000)?;
    write!(f, ",{:03}", n % 1_000)
}

/// A quantity: three significant digits below a thousand, commas up to a million, then `1.20 M`, `3.45 G`.
/// Whole numbers below a thousand have no decimals.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Short(pub f64);

/// A quantity in few characters.
pub fn short(v: f64) -> Short {
    Short(v)
}

impl Display for Short {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let v = self.0;
        if v.is_nan() {
            return f.write_str("\u{2013}");
        }
        if v < 0.0 {
            f.write_str("\u{2212}")?;
        }
        let v = v.abs();
        if v.is_infinite() {
            f.write_str("\u{221e}")
        } else if v < 999.5 {
            if v == v.trunc() { write!(f, "{}", v as u64) } else { write!(f, "{}", three(v)) }
        } else if v < 999_999.5 {
            grouped(f, v.round() as u64)
        } else if v < 999_500_000.0 {
            write!(f, "{} M", three(v / 1e6))
        } else if v < 9.995e14 {
            write!(f, "{} G", three(v / 1e9))
        } else {
            Scientific(v).fmt(f)
        }
    }
}

/// A rate: `9.0/s`, `104/s`, `1,234/s`, `1.20 M/s`. Below ten it keeps one decimal, so that it does not flicker.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rate(pub f64);

/// A rate per second.
pub fn rate(per_s: f64) -> Rate {
    Rate(per_s)
}

impl Display for Rate {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let v = self.0;
        if v.is_nan() {
            f.write_str("\u{2013}")
        } else if v == 0.0 {
            f.write_str("0/s")
        } else if v.abs() < 0.095 {
            write!(f, "{}/s", Short(v))
        } else if v.abs() < 9.95 {
            write!(f, "{}/s", fixed(v, 1))
        } else if v.abs() < 999_999.5 {
            write!(f, "{}/s", Short(v.round()))
        } else {
            write!(f, "{}/s", Short(v))
        }
    }
}

/// A share given as a fraction: `97.3 %`, `100 %`, `0 %`, `0.05 %`. Only what is exactly all or nothing reads so:
/// 0.9999 is `99.99 %`, 0.999999 is `>99.99 %`, 0.000001 is `<0.01 %`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Percent(pub f64);

/// A fraction (1 is all) as per cent.
pub fn percent(fraction: f64) -> Percent {
    Percent(fraction)
}

impl Display for Percent {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let p = self.0 * 100.0;
        if p.is_nan() {
            f.write_str("\u{2013}")
        } else if p == 0.0 {
            f.write_str("0 %")
        } else if p == 100.0 {
            f.write_str("100 %")
        } else if (f64::MIN_POSITIVE..0.005).contains(&p) {
            f.write_str("<0.01 %")
        } else if (f64::MIN_POSITIVE..0.1).contains(&p) {
            write!(f, "{} %", fixed(p, 2))
        } else if (99.995..100.0).contains(&p) {
            f.write_str(">99.99 %")
        } else if (99.95..100.0).contains(&p) {
            write!(f, "{} %", fixed(p, 2))
        } else if p.abs() < 999.5 {
            write!(f, "{} %", fixed(p, 1))
        } else {
            write!(f, "{} %", Short(p))
        }
    }
}

/// A number of bytes in decimal units, as networks and disks count: `512 B`, `1.20 kB`, `34.5 MB`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bytes(pub u64);

/// A number of bytes.
pub fn bytes(n: u64) -> Bytes {
    Bytes(n)
}

impl Display for Bytes {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let v = self.0 as f64;
        match self.0 {
            0..=999 => write!(f, "{} B", self.0),
            1_000..=999_499 => write!(f, "{} kB", three(v / 1e3)),
            999_500..=999_499_999 => write!(f, "{} MB", three(v / 1e6)),
            999_500_000..=999_499_999_999 => write!(f, "{} GB", three(v / 1e9)),
            _ => write!(f, "{} TB", three(v / 1e12)),
        }
    }
}

/// A value with its unit, by the unit's name: the one that a knob or a number declares. `us` and `ms` and `s` become
/// durations, `/s` and `req/s` rates, `%` per cent (the value is already in per cent), `B` bytes; anything else is the
/// short number followed by the unit; an empty unit is the number alone.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct WithUnit<'a>(pub f64, pub &'a str);

/// A value with its unit.
pub fn with_unit(value: f64, unit: &str) -> WithUnit<'_> {
    WithUnit(value, unit)
}

impl Display for WithUnit<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let WithUnit(v, unit) = *self;
        match unit {
            "us" | "\u{b5}s" => Duration(v).fmt(f),
            "ms" => Duration(v * 1e3).fmt(f),
            "s" => Duration(v * 1e6).fmt(f),
            "/s" => Rate(v).fmt(f),
            "%" => Percent(v / 100.0).fmt(f),
            "B" if v >= 0.0 => Bytes(v as u64).fmt(f),
            "" => Short(v).fmt(f),
            _ if unit.starts_with('/') => write!(f, "{}{unit}", Short(v)),
            _ => write!(f, "{} {unit}", Short(v)),
        }
    }
}

/// Three significant digits for 0 <= v < 1000: `0.123`, `1.25`, `12.4`, `850`.
fn three(v: f64) -> Three {
    Three(v)
}

struct Three(f64);

impl Display for Three {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let v = self.0;
        // The bounds are those at which rounding moves to the next magnitude.
        let decimals = if v >= 99.95 {
            0
        } else if v >= 9.995 {
            1
        } else if v >= 0.9995 {
            2
        } else if v >= 0.0995 || v == 0.0 {
            3
        } else if v >= 0.00995 {
            4
        } else if v >= 0.000995 {
            5
        } else {
            return Scientific(v).fmt(f);
        };
        fixed(v, decimals).fmt(f)
    }
}

/// A round step for an axis: 1, 2 or 5 times a power of ten, so that about `count` steps cover `span`.
pub fn nice_step(span: f64, count: usize) -> f64 {
    if span.is_nan() || span <= 0.0 || span.is_infinite() {
        return 1.0;
    }
    let raw = span / count.max(1) as f64;
    let magnitude = 10f64.powi(raw.log10().floor() as i32);
    let m = raw / magnitude;
    let step = if m <= 1.0 {
        1.0
    } else if m <= 2.0 {
        2.0
    } else if m <= 5.0 {
        5.0
    } else {
        10.0
    };
    step * magnitude
}

/// A round step for an axis of time, in microseconds: 1, 2, 5 times a power of ten up to a second, then 1, 2, 5, 10,
/// 15, 30 seconds and minutes, then hours.
pub fn nice_step_us(span_us: u64, count: usize) -> u64 {
    const ABOVE_SECOND_US: [u64; 14] = [
        1_000_000,
        2_000_000,
        5_000_000,
        10_000_000,
        15_000_000,
        30_000_000,
        60_000_000,
        120_000_000,
        300_000_000,
        600_000_000,
        900_000_000,
        1_800_000_000,
        3_600_000_000,
        7_200_000_000,
    ];
    let raw = span_us / count.max(1) as u64;
    if raw <= 500_000 {
        return (nice_step(raw.max(1) as f64, 1) as u64).max(1);
    }
    ABOVE_SECOND_US.into_iter().find(|&s| s >= raw).unwrap_or_else(|| raw.div_ceil(3_600_000_000) * 3_600_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        for (us, text) in [
            (0, "0 s"),
            (1, "1.00 \u{b5}s"),
            (850, "850 \u{b5}s"),
            (1_000, "1.00 ms"),
            (12_430, "12.4 ms"),
            (999_499, "999 ms"),
            (999_600, "1.00 s"),
            (1_250_000, "1.25 s"),
            (12_418_000, "12.4 s"),
            (99_960_000, "100 s"),
            (119_000_000, "119 s"),
            (125_000_000, "2 min 05 s"),
            (12_000_000_000, "3 h 20 min"),
            (187_200_000_000, "2 d 4 h"),
        ] {
            assert_eq!(duration_us(us).to_string(), text, "{us} us");
        }
        assert_eq!(Duration(f64::INFINITY).to_string(), "never");
        assert_eq!(Duration(f64::NAN).to_string(), "\u{2013}");
        assert_eq!(Duration(-1500.0).to_string(), "\u{2212}1.50 ms");
    }

    #[test]
    fn clocks_keep_their_width() {
        assert_eq!(clock_us(12_418_000).to_string(), "12.418 s");
        assert_eq!(clock_us(125_300_000).to_string(), "2:05.300");
        assert_eq!(clock_us(3_725_300_000).to_string(), "1:02:05.300");
    }

    #[test]
    fn counts_and_quantities() {
        assert_eq!(count(1_234_567).to_string(), "1,234,567");
        assert_eq!(count(1_000_002).to_string(), "1,000,002");
        assert_eq!(Count(-42).to_string(), "\u{2212}42");
        for (v, text) in [
            (0.0, "0"),
            (7.0, "7"),
            (7.5, "7.50"),
            (0.25, "0.250"),
            (99.96, "100"),
            (999.0, "999"),
            (999.6, "1,000"),
            (1234.4, "1,234"),
            (999_999.6, "1.00 M"),
            (1_200_000.0, "1.20 M"),
            (3_450_000_000.0, "3.45 G"),
            (-2.5, "\u{2212}2.50"),
        ] {
            assert_eq!(short(v).to_string(), text, "{v}");
        }
    }

    #[test]
    fn rates_and_shares() {
        assert_eq!(rate(9.0).to_string(), "9.0/s");
        assert_eq!(rate(0.0).to_string(), "0/s");
        assert_eq!(rate(9.96).to_string(), "10/s");
        assert_eq!(rate(1234.0).to_string(), "1,234/s");
        assert_eq!(rate(1_200_000.0).to_string(), "1.20 M/s");
        assert_eq!(rate(0.02).to_string(), "0.0200/s");
        assert_eq!(percent(0.973).to_string(), "97.3 %");
        assert_eq!(percent(1.0).to_string(), "100 %");
        assert_eq!(percent(0.0).to_string(), "0 %");
        assert_eq!(percent(0.9999).to_string(), "99.99 %");
        assert_eq!(percent(0.999_999).to_string(), ">99.99 %");
        assert_eq!(percent(0.000_001).to_string(), "<0.01 %");
        assert_eq!(percent(0.0005).to_string(), "0.05 %");
    }

    #[test]
    fn bytes_and_units() {
        assert_eq!(bytes(512).to_string(), "512 B");
        assert_eq!(bytes(34_500_000).to_string(), "34.5 MB");
        assert_eq!(with_unit(250.0, "ms").to_string(), "250 ms");
        assert_eq!(with_unit(2.5, "s").to_string(), "2.50 s");
        assert_eq!(with_unit(10.0, "req/s").to_string(), "10 req/s");
        assert_eq!(with_unit(99.9, "%").to_string(), "99.9 %");
        assert_eq!(with_unit(10.0, "tokens").to_string(), "10 tokens");
        assert_eq!(with_unit(10.0, "").to_string(), "10");
        assert_eq!(with_unit(3.0, "/min").to_string(), "3/min");
    }

    #[test]
    fn steps_are_round() {
        assert_eq!(nice_step(20.0, 4), 5.0);
        assert_eq!(nice_step(0.9, 3), 0.5);
        assert_eq!(nice_step(0.0, 3), 1.0);
        assert_eq!(nice_step_us(4_000_000, 4), 1_000_000);
        assert_eq!(nice_step_us(60_000_000, 4), 15_000_000);
        assert_eq!(nice_step_us(400_000, 4), 100_000);
        assert_eq!(nice_step_us(100 * 3_600_000_000, 4), 25 * 3_600_000_000);
    }
}
