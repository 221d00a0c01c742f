//! Decimal numbers in and out, without the standard library's tables.
//!
//! std reads and writes every float exactly, which takes tables and arbitrary precision: a sixth of what a reader
//! downloads, for numbers such as 0.25 and 1500. What is typed into a knob has few digits, and for those one
//! multiplication or division by an exact power of ten is exact too (Clinger, "How to read floating point numbers
//! accurately", 1990).

use std::fmt;

/// Powers of ten that a double holds exactly.
const EXACT: usize = 22;

/// 10^n; exact up to 10^22.
fn ten(n: u32) -> f64 {
    let mut power = 1.0;
    for _ in 0..n {
        power *= 10.0;
    }
    power
}

/// Significant digits that are read; every decimal of so many comes back from a double. Longer ones are
/// rounded, so that a number can be written again as it was read.
const DIGITS: i32 = 15;

/// Reads `12`, `-0.5`, `1e6`, `2.5e-3`. Exact for up to 15 significant digits and exponents within 22, and rounded to 15
/// digits. No `inf`, no `nan`.
pub fn parse(text: &str) -> Option<f64> {
    let (negative, rest) = match text.as_bytes().first()? {
        b'-' => (true, text.strip_prefix('-')?),
        b'+' => (false, text.strip_prefix('+')?),
        _ => (false, text),
    };
    let (mut digits, mut kept, mut scale, mut any, mut point) = (0_u64, 0, 0_i32, false, false);
    let mut bytes = rest.bytes();
    let mut exponent = None;
    for b in bytes.by_ref() {
        match b {
            b'0'..=b'9' => {
                any = true;
                if kept < DIGITS {
                    digits = digits * 10 + u64::from(b - b'0');
                    kept += i32::from(digits > 0);
                    scale -= i32::from(point);
                } else {
                    digits += u64::from(kept == DIGITS && b >= b'5');
                    kept += 1;
                    scale += i32::from(!point);
                }
            }
            b'.' if !point => point = true,
            b'e' | b'E' if any => {
                exponent = Some(0_i32);
                break;
            }
            _ => return None,
        }
    }
    if let Some(value) = &mut exponent {
        let mut down = false;
        let mut seen = false;
        for (i, b) in bytes.enumerate() {
            match b {
                b'-' if i == 0 => down = true,
                b'+' if i == 0 => {}
                b'0'..=b'9' => {
                    seen = true;
                    *value = (*value * 10 + i32::from(b - b'0')).min(9_999);
                }
                _ => return None,
            }
        }
        if !seen {
            return None;
        }
        scale += if down { -*value } else { *value };
    }
    if !any {
        return None;
    }
    let mut value = digits as f64;
    let mut left = scale.unsigned_abs().min(700);
    while left > 0 && value != 0.0 {
        let step = left.min(EXACT as u32);
        if scale > 0 {
            value *= ten(step)
        } else {
            value /= ten(step)
        }
        left -= step;
    }
    Some(if negative { -value } else { value })
}

/// `value` with so many digits after the point (at most 15), the last one rounded; halves away from zero.
#[derive(Clone, Copy, Debug)]
pub struct Fixed {
    value: f64,
    decimals: u32,
}

/// `value` with so many digits after the point: `fixed(0.25, 1)` reads `0.3`.
pub fn fixed(value: f64, decimals: u32) -> Fixed {
    Fixed { value, decimals: decimals.min(15) }
}

impl fmt::Display for Fixed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(word) = strange(self.value) {
            return f.pad(word);
        }
        let size = self.value.abs();
        let unit = ten(self.decimals);
        // The whole part apart, so that large numbers keep their digits.
        let mut whole = size.trunc();
        let mut part = ((size - whole) * unit + 0.5).floor();
        if part >= unit {
            whole += 1.0;
            part -= unit;
        }
        let negative = self.value < 0.0 && (whole > 0.0 || part > 0.0);
        write_parts(f, negative, whole, part as u64, self.decimals)
    }
}

/// `value` in as few digits as bring it back, of at most 15 after the point.
#[derive(Clone, Copy, Debug)]
pub struct Plain(pub f64);

impl fmt::Display for Plain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(word) = strange(self.0) {
            return f.pad(word);
        }
        let size = self.0.abs();
        let whole = size.trunc();
        for decimals in 0..=15 {
            let unit = ten(decimals);
            let part = ((size - whole) * unit).round();
            if part < unit && (whole * unit + part) / unit == size {
                return write_parts(f, self.0 < 0.0, whole, part as u64, decimals);
            }
        }
        let part = ((size - whole) * ten(15)).floor();
        write_parts(f, self.0 < 0.0, whole, part as u64, 15)
    }
}

/// `value` as three digits and a power of ten: `1.23e-5`.
#[derive(Clone, Copy, Debug)]
pub struct Scientific(pub f64);

impl fmt::Display for Scientific {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(word) = strange(self.0) {
            return f.pad(word);
        }
        let (mut size, mut power) = (self.0.abs(), 0);
        // 9.995 is where rounding reaches the next power.
        while size >= 9.995 {
            size /= 10.0;
            power += 1;
        }
        while size > 0.0 && size < 0.9995 {
            size *= 10.0;
            power -= 1;
        }
        let sign = if self.0 < 0.0 { "-" } else { "" };
        write!(f, "{sign}{}e{power}", fixed(size, 2))
    }
}

/// A whole number with commas between thousands: `-1,234,567`.
pub fn grouped(n: i64) -> String {
    let digits = n.unsigned_abs().to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3 + 1);
    if n < 0 {
        text.push('-');
    }
    for (i, d) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(d);
    }
    text
}

fn strange(value: f64) -> Option<&'static str> {
    match value {
        v if v.is_nan() => Some("NaN"),
        v if v.is_infinite() => Some(if v < 0.0 { "-\u{221e}" } else { "\u{221e}" }),
        _ => None,
    }
}

/// Through one buffer, so that the width a caller asks for is that of the whole number.
fn write_parts(f: &mut fmt::Formatter<'_>, negative: bool, whole: f64, mut part: u64, decimals: u32) -> fmt::Result {
    // 19 digits of the whole part, a point, 15 more.
    let mut text = [b'0'; 40];
    let mut at = text.len();
    if decimals > 0 {
        for _ in 0..decimals {
            at -= 1;
            text[at] = b'0' + (part % 10) as u8;
            part /= 10;
        }
        at -= 1;
        text[at] = b'.';
    }
    if whole >= 1e19 {
        return f.pad(if negative { "below -10^19" } else { "over 10^19" });
    }
    let mut left = whole as u64;
    loop {
        at -= 1;
        text[at] = b'0' + (left % 10) as u8;
        left /= 10;
        if left == 0 {
            break;
        }
    }
    let digits = std::str::from_utf8(&text[at..]).map_err(|_| fmt::Error)?;
    f.pad_integral(!negative, "", digits)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_no_number_is_none() {
        for text in ["", "-", ".", "e5", "1e", "1e+", "1.2.3", "0x10", "inf", "nan", "1 ", " 1", "1_000", "--1", "1e5x"]
        {
            assert_eq!(parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn thousands_are_set_apart() {
        for (n, text) in [(0, "0"), (999, "999"), (1_000, "1,000"), (-123_456, "-123,456"), (-1_234_567, "-1,234,567")]
        {
            assert_eq!(grouped(n), text);
        }
    }

    #[test]
    fn huge_and_tiny_end_where_doubles_end() {
        assert_eq!(parse("1e400"), Some(f64::INFINITY));
        assert_eq!(parse("1e-400"), Some(0.0));
        assert_eq!(parse("0e999999999999"), Some(0.0));
    }

    #[test]
    fn numbers_as_they_are_shown() {
        let cases = [
            (0.25, 1, "0.3"),
            (0.0, 2, "0.00"),
            (-0.004, 2, "0.00"),
            (9.999, 2, "10.00"),
            (1e18, 0, "1000000000000000000"),
            (1e20, 0, "over 10^19"),
        ];
        for (value, decimals, text) in cases {
            assert_eq!(fixed(value, decimals).to_string(), text);
        }
        assert_eq!(format!("{:>8}|{:05}", fixed(-1.5, 2), fixed(2.0, 1)), "   -1.50|002.0");
        for (value, text) in
            [(0.1, "0.1"), (1500.0, "1500"), (-0.0025, "-0.0025"), (0.1 + 0.2, "0.3"), (1.0 / 3.0, "0.333333333333333")]
        {
            let shown = Plain(value).to_string();
            assert!(shown.starts_with(text), "{value} reads {shown}");
        }
        for (value, text) in [(0.000_012_34, "1.23e-5"), (9.999e15, "1.00e16"), (-1.0, "-1.00e0"), (0.0, "0.00e0")] {
            assert_eq!(Scientific(value).to_string(), text);
        }
        assert_eq!(Plain(f64::NAN).to_string(), "NaN");
    }

    proptest! {
        #[test]
        fn up_to_fifteen_digits_are_read_exactly(digits in 0_u64..1_000_000_000_000_000, scale in 0_u32..15, negative: bool) {
            let sign = if negative { "-" } else { "" };
            for text in [format!("{sign}{digits}e-{scale}"), format!("{sign}{digits}e{scale}")] {
                prop_assert_eq!(parse(&text), text.parse().ok(), "{}", text);
            }
        }

        #[test]
        fn whatever_std_reads_is_read_within_a_billionth(value in -1e300_f64..1e300) {
            let read = parse(&format!("{value}")).unwrap();
            prop_assert!((read - value).abs() <= value.abs() * 1e-9);
        }

        #[test]
        fn what_was_read_is_read_again_the_same(digits in 0_u64..1_000_000_000_000_000_000, point in 0_usize..16) {
            let all = format!("{digits:018}");
            let (whole, part) = all.split_at(all.len() - point);
            let value = parse(&format!("{whole}.{part}")).unwrap();
            let text = Plain(value).to_string();
            prop_assert_eq!(parse(&text), Some(value), "{}", text);
        }

        #[test]
        fn short_numbers_come_back(digits in 0_u64..1_000_000_000, scale in 0_u32..9) {
            let value = digits as f64 / ten(scale);
            let text = Plain(value).to_string();
            prop_assert_eq!(parse(&text), Some(value), "{}", text);
            prop_assert!(text.len() <= format!("{value}").len(), "{} is longer than {}", text, value);
        }

        #[test]
        fn fixed_is_within_half_a_unit(value in -1e9_f64..1e9, decimals in 0_u32..6) {
            let text = fixed(value, decimals).to_string();
            let read: f64 = text.parse().unwrap();
            // Half a unit, and what of it a double of this size cannot tell.
            let within = 0.5 / ten(decimals) + value.abs() * 4.0 * f64::EPSILON;
            prop_assert!((read - value).abs() <= within, "{} reads {}", value, text);
            prop_assert_eq!(text.split_once('.').map_or(0, |(_, d)| d.len()), decimals as usize);
        }
    }
}
