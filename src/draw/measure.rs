//! Approximate widths of text.
//!
//! A picture is laid out before any browser has seen it (posters are made natively), so widths come from a table of
//! advance widths. They are those of DejaVu Sans, the widest of the common system faces (Segoe UI, Roboto and San
//! Francisco are about a tenth narrower), so that what fits here fits on the reader's screen.

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

/// Advance widths of the printable ASCII characters, from the space on, in thousandths of the font size.
const SANS: [u16; 95] = [
    318, 401, 460, 838, 636, 950, 780, 275, 390, 390, 500, 838, 318, 361, 318, 337, 636, 636, 636, 636, 636, 636, 636,
    636, 636, 636, 337, 337, 838, 838, 838, 531, 1000, 684, 686, 698, 770, 632, 575, 775, 752, 295, 295, 656, 557, 863,
    748, 787, 603, 787, 695, 635, 611, 732, 684, 989, 685, 611, 685, 390, 337, 390, 838, 500, 500, 613, 635, 550, 635,
    615, 352, 635, 634, 278, 278, 579, 278, 974, 634, 612, 635, 635, 411, 521, 392, 634, 592, 818, 592, 592, 525, 636,
    337, 636, 838,
];

/// The same for the weight 600.
const SANS_BOLD: [u16; 95] = [
    348, 456, 521, 838, 696, 1002, 872, 306, 457, 457, 523, 838, 380, 415, 380, 365, 696, 696, 696, 696, 696, 696, 696,
    696, 696, 696, 400, 400, 838, 838, 838, 580, 1000, 774, 762, 734, 830, 683, 683, 821, 837, 372, 372, 775, 637, 995,
    837, 850, 733, 850, 770, 720, 682, 812, 774, 1103, 771, 724, 725, 457, 365, 457, 838, 500, 500, 675, 716, 593, 716,
    678, 435, 716, 712, 343, 343, 665, 343, 1042, 712, 687, 716, 716, 493, 595, 478, 712, 652, 924, 645, 652, 582, 712,
    365, 712, 838,
];

/// Advance width of a character outside ASCII, in thousandths of the font size.
fn other_advance(c: char) -> u32 {
    match c {
        '\u{b7}' | '\u{2009}' | '\u{202f}' => 318,
        '\u{2013}' | '\u{b0}' => 500,
        '\u{d7}' | '\u{2190}'..='\u{21ff}' | '\u{2212}' | '\u{2248}' | '\u{2264}' | '\u{2265}' => 838,
        // Letters with marks and Greek letters are about as wide as a wide small letter; anything else as its height.
        '\u{80}'..='\u{3ff}' => 640,
        _ => 1000,
    }
}

fn advance(c: char, font: Font) -> u32 {
    let ascii = (c as usize).wrapping_sub(32);
    match font {
        Font::Sans => SANS.get(ascii).map_or_else(|| other_advance(c), |&w| u32::from(w)),
        Font::SansBold => SANS_BOLD.get(ascii).map_or_else(|| other_advance(c) * 112 / 100, |&w| u32::from(w)),
        Font::Mono | Font::MonoBold => 602,
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
    text.get(..keep).unwrap_or(text).trim_end_matches([' ', ',', '.', ':', ';', '-']).len()
}

/// `text`, or as much of it as fits into `max_width` (in the unit of `size`) with an ellipsis.
pub fn fits(text: &str, size: f32, max_width: f32, font: Font) -> String {
    let keep = fit_len(text, size, font, max_width);
    if keep == text.len() { text.to_owned() } else { format!("{}\u{2026}", &text[..keep]) }
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
            assert!(text_width(&short, 12.0, Font::SansBold) <= max.max(14.0), "{short} in {max}");
        }
        assert_eq!(fits("one, two", 12.0, 40.0, Font::Mono), "one\u{2026}");
    }

    #[test]
    fn widths_are_those_of_the_widest_common_face() {
        // Measured in Chromium with DejaVu Sans.
        // Kerning, which the table leaves out, makes the difference.
        assert!((text_width("no jitter, exponential", 100.0, Font::Sans) - 1044.0).abs() < 5.0);
        assert!((text_width("POST /checkout", 100.0, Font::SansBold) - 879.0).abs() < 5.0);
    }

    #[test]
    fn mono_is_a_grid() {
        assert_eq!(text_width("iiii", 10.0, Font::Mono), text_width("WWWW", 10.0, Font::Mono));
    }
}
