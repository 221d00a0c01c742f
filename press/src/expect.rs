//! What a measured number is held against.

use crate::units::number;
use std::fmt;

/// A condition on one measured number.
///
/// | written | holds when |
/// |---|---|
/// | `== x`, `!= x` | equal, not equal |
/// | `<= x`, `>= x`, `< x`, `> x` | as in mathematics |
/// | `x +- y` | at most `y` away from `x` |
/// | `x +- y%` | at most `y` per cent of `x` away from `x` |
/// | `a .. b` | between `a` and `b`, ends included |
///
/// Numbers may group their digits with `_`. Every condition is false for NaN: a measure that could not be taken proves
/// nothing.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Expect {
    Equal(f64),
    NotEqual(f64),
    AtMost(f64),
    AtLeast(f64),
    Below(f64),
    Above(f64),
    Near { value: f64, by: f64 },
    NearPercent { value: f64, percent: f64 },
    Within { low: f64, high: f64 },
}

/// What one answer of an experiment says about the measured number.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Answer {
    /// The label is a number; it is right when the measured number, rounded to as many decimals, is the same.
    Number { value: f64, decimals: u8 },
    /// The label is a sentence; it is right when the condition holds.
    When(Expect),
}

/// Which side of an A|B run is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Side {
    A,
    B,
}

/// The first of `answers` that `measured` makes right, if any does.
pub fn right_answer(answers: impl IntoIterator<Item = Answer>, measured: f64) -> Option<usize> {
    answers.into_iter().position(|a| a.fits(measured))
}

impl Answer {
    pub fn fits(self, measured: f64) -> bool {
        match self {
            // Rounded the way the screen does it, so that reader and judge agree.
            Answer::Number { value, decimals } => {
                measured.is_finite() && rounded(value, decimals) == rounded(measured, decimals)
            }
            Answer::When(expect) => expect.holds(measured),
        }
    }
}

/// A number in units of its last decimal, halves away from zero: what `sim::decimal::fixed` shows.
fn rounded(x: f64, decimals: u8) -> f64 {
    let unit = (0..decimals).fold(1.0, |unit, _| unit * 10.0);
    let (size, whole) = (x.abs(), x.abs().trunc());
    let units = whole * unit + ((size - whole) * unit + 0.5).floor();
    if x < 0.0 { -units } else { units }
}

impl Expect {
    /// Reads the grammar above.
    ///
    /// # Errors
    /// A sentence that quotes the text and says what was expected.
    pub fn parse(text: &str) -> Result<Expect, String> {
        let wrong = |why: String| {
            format!(
                "`{text}` is not a condition: {why}; write it like `== 200`, `<= 5`, `45 +- 3`, `45 +- 5%` or `2 .. 4`"
            )
        };
        let value = |s: &str| number(s.trim()).ok_or_else(|| wrong(format!("`{}` is not a number", s.trim())));
        let trimmed = text.trim();
        type Make = fn(f64) -> Expect;
        let comparisons: [(&str, Make); 6] = [
            ("==", Expect::Equal),
            ("!=", Expect::NotEqual),
            ("<=", Expect::AtMost),
            (">=", Expect::AtLeast),
            ("<", Expect::Below),
            (">", Expect::Above),
        ];
        for (sign, make) in comparisons {
            if let Some(rest) = trimmed.strip_prefix(sign) {
                return Ok(make(value(rest)?));
            }
        }
        if let Some((centre, by)) = trimmed.split_once("+-") {
            let centre = value(centre)?;
            let (by, percent) = match by.trim().strip_suffix('%') {
                Some(percent) => (value(percent)?, true),
                None => (value(by)?, false),
            };
            if by < 0.0 {
                return Err(wrong("the tolerance is negative".into()));
            }
            return Ok(if percent {
                Expect::NearPercent { value: centre, percent: by }
            } else {
                Expect::Near { value: centre, by }
            });
        }
        if let Some((low, high)) = trimmed.split_once("..") {
            let (low, high) = (value(low)?, value(high)?);
            if low > high {
                return Err(wrong("the lower end is above the upper one".into()));
            }
            return Ok(Expect::Within { low, high });
        }
        Err(wrong(if number(trimmed).is_some() {
            "the comparison is missing".into()
        } else {
            "it has no comparison that we know".into()
        }))
    }

    pub fn holds(self, x: f64) -> bool {
        if x.is_nan() {
            return false;
        }
        match self {
            Expect::Equal(v) => same(x, v),
            Expect::NotEqual(v) => !same(x, v),
            Expect::AtMost(v) => x < v || same(x, v),
            Expect::AtLeast(v) => x > v || same(x, v),
            Expect::Below(v) => x < v && !same(x, v),
            Expect::Above(v) => x > v && !same(x, v),
            Expect::Near { value, by } => (x - value).abs() < by || same((x - value).abs(), by),
            Expect::NearPercent { value, percent } => {
                Expect::Near { value, by: value.abs() * percent / 100.0 }.holds(x)
            }
            Expect::Within { low, high } => Expect::AtLeast(low).holds(x) && Expect::AtMost(high).holds(x),
        }
    }

    /// A number for which the condition plainly holds; used to see whether any answer of an experiment could be right.
    pub(crate) fn example(self) -> Option<f64> {
        match self {
            Expect::Equal(v) | Expect::Near { value: v, .. } | Expect::NearPercent { value: v, .. } => Some(v),
            _ => None,
        }
    }
}

/// Equal up to the last few bits: a decimal such as 0.3 and the sum that a run arrives at may differ there.
fn same(a: f64, b: f64) -> bool {
    a == b || (a.is_finite() && b.is_finite() && (a - b).abs() <= 1e-12 * a.abs().max(b.abs()).max(1.0))
}

impl fmt::Display for Expect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Expect::Equal(v) => write!(f, "== {v}"),
            Expect::NotEqual(v) => write!(f, "!= {v}"),
            Expect::AtMost(v) => write!(f, "<= {v}"),
            Expect::AtLeast(v) => write!(f, ">= {v}"),
            Expect::Below(v) => write!(f, "< {v}"),
            Expect::Above(v) => write!(f, "> {v}"),
            Expect::Near { value, by } => write!(f, "{value} +- {by}"),
            Expect::NearPercent { value, percent } => write!(f, "{value} +- {percent}%"),
            Expect::Within { low, high } => write!(f, "{low} .. {high}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holds(condition: &str, x: f64) -> bool {
        Expect::parse(condition).unwrap().holds(x)
    }

    #[test]
    fn each_form_holds_where_it_should() {
        for (condition, yes, no) in [
            ("== 200", vec![200.0], vec![199.0, 200.1, f64::NAN]),
            ("!= 200", vec![199.0, f64::INFINITY], vec![200.0, f64::NAN]),
            ("<= 10", vec![10.0, 9.0], vec![10.1, f64::NAN]),
            (">= 10", vec![10.0, 11.0], vec![9.9]),
            ("< 10", vec![9.9], vec![10.0]),
            ("> 10", vec![10.1], vec![10.0]),
            ("45 +- 3", vec![42.0, 45.0, 48.0], vec![41.9, 48.1]),
            ("200 +- 5%", vec![190.0, 210.0], vec![189.9, 210.1]),
            ("-200 +- 5%", vec![-190.0, -210.0], vec![-189.9]),
            ("2 .. 4", vec![2.0, 3.0, 4.0], vec![1.9, 4.1, f64::NAN]),
            ("-4..-2", vec![-3.0], vec![3.0]),
            (">= 10_000", vec![10_000.0], vec![9_999.0]),
            ("==200", vec![200.0], vec![0.0]),
        ] {
            for x in yes {
                assert!(holds(condition, x), "{condition} should hold for {x}");
            }
            for x in no {
                assert!(!holds(condition, x), "{condition} should not hold for {x}");
            }
        }
    }

    #[test]
    fn the_last_bit_does_not_decide() {
        assert!(holds("== 0.3", 0.1 + 0.2));
        assert!(holds("0.2 +- 0.1", 0.1 + 0.2));
        assert!(!holds("< 0.3", 0.3));
    }

    #[test]
    fn bad_conditions_say_why() {
        for (text, why) in [
            ("200", "the comparison is missing"),
            ("", "it has no comparison"),
            ("about 200", "it has no comparison"),
            ("== many", "`many` is not a number"),
            ("=> 5", "it has no comparison"),
            ("5 +- -1", "the tolerance is negative"),
            ("5 +- x%", "`x` is not a number"),
            ("4 .. 2", "the lower end is above the upper one"),
            ("== inf", "`inf` is not a number"),
            ("== 5%", "`5%` is not a number"),
        ] {
            let said = Expect::parse(text).unwrap_err();
            assert!(said.contains(why), "{text}: {said}");
        }
    }

    #[test]
    fn displays_what_it_read() {
        for text in ["== 200", "!= 1", "<= 0.5", ">= 3", "< -1", "> 7", "45 +- 3", "45 +- 5%", "2 .. 4"] {
            assert_eq!(Expect::parse(text).unwrap().to_string(), text);
        }
    }

    #[test]
    fn answers_are_compared_as_they_are_shown() {
        let n = |value, decimals| Answer::Number { value, decimals };
        assert!(n(200.0, 0).fits(200.4));
        assert!(!n(200.0, 0).fits(200.6));
        assert!(n(12.5, 1).fits(12.46));
        assert!(n(0.0, 0).fits(-0.2));
        assert!(!n(0.0, 0).fits(f64::NAN));
        let answers = [n(100.0, 0), n(101.0, 0), Answer::When(Expect::AtLeast(150.0))];
        assert_eq!(right_answer(answers, 200.0), Some(2));
        assert_eq!(right_answer(answers, 101.2), Some(1));
        assert_eq!(right_answer(answers, 120.0), None);
        assert_eq!(right_answer(answers, f64::NAN), None);
    }
}
