//! Approximate widths of text.
//!
//! A picture is laid out before any browser has seen it (posters are made natively), so widths come from a table of
//! advance widths in thousandths of the font size. The table takes the wider of the common system sans faces
//! (Segoe UI, Roboto, San Francisco, DejaVu Sans) for most letters, so that what fits here fits on the reader's screen.

/// The four faces that pictures use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Font {
    Sans,
    SansBold,
    Mono,
    MonoBold,
}

impl Font {
    pub fn of(mono: bool, bold: bool) -> Self {
        match (mono, bold) {
            (false, false) => Font::Sans,
            (false, true) => Font::SansBold,
            (true, false) => Font::Mono,
            (true, true) => Font::MonoBold,
        }
    }
}

/// Advance width of a character in the sans face, in thousandths of the font size.
fn sans_advance(c: char) -> u32 {
    match c {
        'i' | 'j' | 'l' | '\'' | '|' => 270,
        'I' => 300,
        ' ' | '.' | ',' | ':' | ';' | '!' | '\u{b7}' | '\u{202f}' | '\u{2009}' => 310,
        'f' | 't' | 'r' | '(' | ')' | '[' | ']' | '{' | '}' | '/' | '\\' => 385,
        '-' | '*' | '"' | '`' | '\u{b0}' => 400,
        'c' | 'k' | 's' | 'v' | 'x' | 'y' | 'z' | 'J' | '?' => 555,
        'a' | 'e' | 'g' | 'u' | 'n' | 'h' | 'b' | 'd' | 'p' | 'q' | 'o' | '_' => 615,
        '0'..='9' | '$' | '#' => 615,
        'L' | 'F' | 'E' | 'T' | 'P' | 'S' | 'Z' => 620,
        'A' | 'B' | 'C' | 'K' | 'R' | 'V' | 'X' | 'Y' => 675,
        'D' | 'G' | 'H' | 'N' | 'U' | '&' => 750,
        'O' | 'Q' | '+' | '<' | '>' | '=' | '~' | '\u{d7}' | '\u{2212}' | '\u{2248}'
        | '\u{2264}' | '\u{2265}' => 790,
        'w' | '\u{2192}' | '\u{2190}' => 810,
        'm' | 'M' | '%' | '@' => 920,
        'W' | '\u{2026}' | '\u{2014}' => 980,
        '\u{2013}' => 520,
        // Latin letters with marks are as wide as a wide small letter; anything else as wide as its font size.
        '\u{80}'..='\u{24f}' => 640,
        '\u{250}'..='\u{3ff}' => 660,
        c if c.is_ascii() => 615,
        _ => 1000,
    }
}

fn advance(c: char, font: Font) -> u32 {
    match font {
        Font::Sans => sans_advance(c),
        Font::SansBold => sans_advance(c) * 110 / 100,
        Font::Mono | Font::MonoBold => 605,
    }
}

/// The approximate width of a text at a font size, in the unit of the font size.
pub fn text_width(text: &str, size: f32, font: Font) -> f32 {
    let thousandths: u32 = text.chars().map(|c| advance(c, font)).sum();
    thousandths as f32 * size / 1000.0
}

/// How many bytes of `text` to keep so that it fits into `max_width`: all of it, or a prefix that leaves room for an
/// ellipsis. Trailing spaces and punctuation before the ellipsis are dropped.
pub(super) fn fit_len(text: &str, size: f32, font: Font, max_width: f32) -> usize {
    if text_width(text, size, font) <= max_width {
        return text.len();
    }
    let room = max_width - text_width("\u{2026}", size, font);
    let mut used = 0.0;
    let mut keep = 0;
    for (at, c) in text.char_indices() {
        used += advance(c, font) as f32 * size / 1000.0;
        if used > room {
            break;
        }
        keep = at + c.len_utf8();
    }
    text[..keep]
        .trim_end_matches([' ', ',', '.', ':', ';', '-'])
        .len()
}

/// `text`, or as much of it as fits into `max_width` (in the unit of `size`) with an ellipsis.
pub fn fits(text: &str, size: f32, max_width: f32, font: Font) -> String {
    let keep = fit_len(text, size, font, max_width);
    if keep == text.len() {
        text.to_owned()
    } else {
        format!("{}\u{2026}", &text[..keep])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fits_is_left_alone() {
        assert_eq!(fits("ok", 12.0, 40.0, Font::Sans), "ok");
        assert_eq!(fits("", 12.0, 0.0, Font::Sans), "");
    }

    #[test]
    fn what_does_not_fit_ends_in_an_ellipsis_and_fits() {
        for max in [12.0, 30.0, 60.0, 90.0] {
            let short = fits("a rather long label, for a node", 12.0, max, Font::SansBold);
            assert!(short.ends_with('\u{2026}'));
            assert!(
                text_width(&short, 12.0, Font::SansBold) <= max.max(13.0),
                "{short} in {max}"
            );
        }
        assert_eq!(fits("one, two", 12.0, 40.0, Font::Mono), "one\u{2026}");
    }

    #[test]
    fn mono_is_a_grid() {
        assert_eq!(
            text_width("iiii", 10.0, Font::Mono),
            text_width("WWWW", 10.0, Font::Mono)
        );
    }
}
