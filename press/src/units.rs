//! Numbers and durations as authors write them.

/// Reads a duration such as `62s`, `59.9s`, `200ms`, `500us`, `10min` or `5h` into whole microseconds.
///
/// The arithmetic is exact: `59.9s` is 59,900,000 µs, and a duration that is not a whole number of microseconds is
/// refused rather than rounded. Digits may be grouped with `_`.
///
/// # Errors
/// A sentence that quotes the text and says what a duration looks like.
pub fn duration(text: &str) -> Result<u64, String> {
    let wrong = |why: &str| {
        format!("`{text}` is not a duration: {why}; write it like `62s`, `59.9s`, `200ms`, `500us`, `10min` or `5h`")
    };
    let split = text.find(|c: char| !matches!(c, '0'..='9' | '_' | '.')).unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let unit_us: u128 = match unit {
        "us" => 1,
        "ms" => 1_000,
        "s" => 1_000_000,
        "min" => 60_000_000,
        "h" => 3_600_000_000,
        "" => return Err(wrong("the unit is missing")),
        _ => return Err(wrong("the unit is not one of us, ms, s, min, h")),
    };
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    let (Some(whole), Some(fraction)) = (digits(whole), digits(fraction)) else {
        return Err(wrong("the number is malformed"));
    };
    if whole.len() > 18 || fraction.len() > 9 {
        return Err(wrong("the number has too many digits"));
    }
    // At most 18 + 9 digits times an hour is below 10^37: everything below fits u128.
    let parse = |s: &str| s.parse::<u128>().unwrap_or(0);
    let scale = 10_u128.pow(fraction.len() as u32);
    let scaled = (parse(&whole) * scale + parse(&fraction)) * unit_us;
    if !scaled.is_multiple_of(scale) {
        return Err(wrong("it is not a whole number of microseconds"));
    }
    u64::try_from(scaled / scale).map_err(|_| wrong("it is too long"))
}

/// Writes microseconds as an author would: `59.9s`, `62s`, `200ms`, `10min` (minutes from ten upwards).
///
/// [`duration`] reads the result back to the same number.
pub fn duration_text(us: u64) -> String {
    for (least_us, unit_us, unit) in [(3_600_000_000, 3_600_000_000, "h"), (600_000_000, 60_000_000, "min")] {
        if us >= least_us && us.is_multiple_of(unit_us) {
            return format!("{}{unit}", us / unit_us);
        }
    }
    let (per_mille_us, unit) = match us {
        0 => return "0s".to_owned(),
        _ if us >= 1_000_000 && us.is_multiple_of(1_000) => (1_000, "s"),
        _ if us >= 1_000 => (1, "ms"),
        _ => return format!("{us}us"),
    };
    let mille = us / per_mille_us;
    let text = format!("{}.{:03}", mille / 1_000, mille % 1_000);
    format!("{}{unit}", text.trim_end_matches('0').trim_end_matches('.'))
}

/// Reads a finite number, digits optionally grouped with `_`: `200`, `10_000`, `-0.5`, `1e6`.
pub(crate) fn number(text: &str) -> Option<f64> {
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    let starts_well = unsigned.starts_with(|c: char| c.is_ascii_digit());
    let ends_well = unsigned.ends_with(|c: char| c.is_ascii_digit());
    let allowed = unsigned.chars().all(|c| matches!(c, '0'..='9' | '_' | '.' | 'e' | 'E' | '-' | '+'));
    if !starts_well || !ends_well || !allowed {
        return None;
    }
    text.replace('_', "").parse().ok().filter(|x: &f64| x.is_finite())
}

/// The number that a label begins with, and how many decimals it shows: `12.5 %` is (12.5, 1), `10,000` is (10000, 0).
///
/// `None` when the label does not begin with a number, or when a letter touches it (`2PC` is a name).
pub(crate) fn leading_number(label: &str) -> Option<(f64, u8)> {
    let label = label.trim();
    let end = label
        .char_indices()
        .find(|&(i, c)| !(c.is_ascii_digit() || matches!(c, '_' | ',' | '.') || (c == '-' && i == 0)))
        .map_or(label.len(), |(i, _)| i);
    let (text, rest) = label.split_at(end);
    if rest.starts_with(char::is_alphanumeric) {
        return None;
    }
    // A comma or a full stop at the end is punctuation, not part of the number.
    let text = text.trim_end_matches(['.', ',']);
    let value = number(&text.replace(',', "_"))?;
    let decimals = text.split_once('.').map_or(0, |(_, fraction)| fraction.replace('_', "").len());
    Some((value, u8::try_from(decimals).ok()?))
}

/// Whether `text` is an absolute web address without spaces or anything that could break out of an attribute.
pub(crate) fn web_address(text: &str) -> bool {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    rest.is_some_and(|r| {
        r.starts_with(char::is_alphanumeric)
            && !r.contains(|c: char| c.is_whitespace() || c.is_control() || "<>\"`{}".contains(c))
    })
}

/// `digits` with separators removed, or `None` if anything else is in it.
fn digits(text: &str) -> Option<String> {
    let plain = text.replace('_', "");
    (!plain.is_empty() && plain.bytes().all(|b| b.is_ascii_digit()) && !text.starts_with('_') && !text.ends_with('_'))
        .then_some(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_exact() {
        for (text, us) in [
            ("62s", 62_000_000),
            ("59.9s", 59_900_000),
            ("200ms", 200_000),
            ("10min", 600_000_000),
            ("500us", 500),
            ("0s", 0),
            ("0.5ms", 500),
            ("1.5h", 5_400_000_000),
            ("10_000us", 10_000),
            ("59.999999s", 59_999_999),
        ] {
            assert_eq!(duration(text), Ok(us), "{text}");
        }
    }

    #[test]
    fn bad_durations_say_why() {
        for (text, why) in [
            ("62", "the unit is missing"),
            ("", "the unit is missing"),
            ("62sec", "the unit is not one of"),
            ("62 s", "the unit is not one of"),
            ("-1s", "the unit is not one of"),
            ("s", "the number is malformed"),
            ("1.s", "the number is malformed"),
            ("1.2.3s", "the number is malformed"),
            ("_1s", "the number is malformed"),
            ("0.5us", "it is not a whole number of microseconds"),
            ("9999999999999999999s", "the number has too many digits"),
            ("999999999999999h", "it is too long"),
        ] {
            let said = duration(text).unwrap_err();
            assert!(said.contains(why) && said.starts_with(&format!("`{text}`")), "{text}: {said}");
        }
    }

    #[test]
    fn duration_text_reads_back() {
        for us in
            [0, 1, 500, 999, 1_000, 1_001, 59_900_000, 60_000_000, 59_999_999, 3_600_000_000, 5_400_000_000, u64::MAX]
        {
            assert_eq!(duration(&duration_text(us)), Ok(us), "{}", duration_text(us));
        }
        assert_eq!(duration_text(59_900_000), "59.9s");
        assert_eq!(duration_text(200_000), "200ms");
        assert_eq!(duration_text(600_000_000), "10min");
        assert_eq!(duration_text(62_000_000), "62s");
    }

    #[test]
    fn numbers_are_finite_and_plain() {
        assert_eq!(number("10_000"), Some(10_000.0));
        assert_eq!(number("-0.5"), Some(-0.5));
        assert_eq!(number("1e6"), Some(1e6));
        for bad in ["", "-", "inf", "NaN", "1e999", ".5", "5.", "1 000", "--1", "0x10"] {
            assert_eq!(number(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_label_begins_with_its_number() {
        assert_eq!(leading_number("200"), Some((200.0, 0)));
        assert_eq!(leading_number("12.5 %"), Some((12.5, 1)));
        assert_eq!(leading_number("10,000 requests"), Some((10_000.0, 0)));
        assert_eq!(leading_number("10_000"), Some((10_000.0, 0)));
        assert_eq!(leading_number("0.60 s"), Some((0.6, 2)));
        assert_eq!(leading_number("-3"), Some((-3.0, 0)));
        assert_eq!(leading_number("200."), Some((200.0, 0)));
        for bad in ["It never recovers", "2PC", "", "about 10", "5xx"] {
            assert_eq!(leading_number(bad), None, "{bad}");
        }
    }
}
