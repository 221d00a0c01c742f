//! How the palette looks to those who see fewer colours: for tests.
//!
//! The matrices are those of Machado, Oliveira and Fernandes, "A Physiologically-based Model for Simulation of Color
//! Vision Deficiency", IEEE TVCG 15(6), 2009, for full severity, on linear RGB; without any colour, what is left is the
//! luminance (WCAG 2.2). Differences are distances in CIE L*a*b* under D65 (CIE 1976).

use super::Outcome;

/// Two colours this far apart are told apart side by side, also in thin lines. About 2 is the least that is seen at all.
pub const ENOUGH: f64 = 10.0;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Theme {
    Light,
    Dark,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Vision {
    Usual,
    Protanopia,
    Deuteranopia,
    Tritanopia,
    Achromatopsia,
}

impl Vision {
    pub const DICHROMATIC: [Vision; 3] = [Vision::Protanopia, Vision::Deuteranopia, Vision::Tritanopia];

    fn matrix(self) -> [[f64; 3]; 3] {
        match self {
            Vision::Usual => [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]],
            Vision::Protanopia => {
                [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
            }
            Vision::Deuteranopia => {
                [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
            }
            Vision::Tritanopia => {
                [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]]
            }
            Vision::Achromatopsia => [[0.2126, 0.7152, 0.0722]; 3],
        }
    }
}

const TOKENS: &str = include_str!("../../style/tokens.css");

/// A variable of the theme as linear RGB.
fn color(theme: Theme, variable: &str) -> [f64; 3] {
    let find = |css: &str| {
        let at = css.find(&format!("{variable}: #"))? + variable.len() + 3;
        u32::from_str_radix(css.get(at..at + 6)?, 16).ok()
    };
    let dark = &TOKENS[TOKENS.find(":root[data-theme=\"dark\"]").expect("a dark theme")..];
    let own = if theme == Theme::Dark { find(dark) } else { None };
    let rgb = own.or_else(|| find(TOKENS)).unwrap_or_else(|| panic!("no {variable} in tokens.css"));
    [16, 8, 0].map(|shift| {
        let v = f64::from(rgb >> shift & 255) / 255.0;
        if v <= 0.04045 { v / 12.92 } else { ((v + 0.055) / 1.055).powf(2.4) }
    })
}

fn luminance([r, g, b]: [f64; 3]) -> f64 {
    0.2126 * r + 0.7152 * g + 0.0722 * b
}

/// The contrast of two variables, as WCAG reckons it.
pub fn contrast(theme: Theme, a: &str, b: &str) -> f64 {
    let (a, b) = (luminance(color(theme, a)), luminance(color(theme, b)));
    (a.max(b) + 0.05) / (a.min(b) + 0.05)
}

fn lab(rgb: [f64; 3]) -> [f64; 3] {
    let row = |m: [f64; 3]| m[0] * rgb[0] + m[1] * rgb[1] + m[2] * rgb[2];
    let f = |t: f64| if t > 216.0 / 24_389.0 { t.cbrt() } else { (24_389.0 / 27.0 * t + 16.0) / 116.0 };
    let x = f(row([0.4124564, 0.3575761, 0.1804375]) / 0.95047);
    let y = f(row([0.2126729, 0.7151522, 0.0721750]));
    let z = f(row([0.0193339, 0.1191920, 0.9503041]) / 1.08883);
    [116.0 * y - 16.0, 500.0 * (x - y), 200.0 * (y - z)]
}

/// How far apart two variables of a theme are to somebody who sees so.
pub fn difference(theme: Theme, vision: Vision, a: &str, b: &str) -> f64 {
    let seen = |variable| {
        let rgb = color(theme, variable);
        lab(vision.matrix().map(|m| (m[0] * rgb[0] + m[1] * rgb[1] + m[2] * rgb[2]).clamp(0.0, 1.0)))
    };
    let (a, b) = (seen(a), seen(b));
    (0..3).map(|i| (a[i] - b[i]).powi(2)).sum::<f64>().sqrt()
}

const OUTCOMES: [Outcome; 6] =
    [Outcome::Ok, Outcome::Rejected, Outcome::Waiting, Outcome::Flight, Outcome::Stale, Outcome::Undo];

/// What became of a request never hangs on its colour: where two outcomes look alike, and some do to some, their signs
/// do not. To the usual eye each colour is its own as well.
#[test]
fn outcomes_differ_by_their_sign() {
    for (i, a) in OUTCOMES.into_iter().enumerate() {
        for b in &OUTCOMES[..i] {
            assert_ne!(a.glyph(), b.glyph(), "{a:?} and {b:?}");
            for theme in [Theme::Light, Theme::Dark] {
                for [x, y] in [[a.tone().fill_var(), b.tone().fill_var()], [a.tone().line_var(), b.tone().line_var()]] {
                    let apart = difference(theme, Vision::Usual, x, y);
                    assert!(apart >= 2.0 * ENOUGH, "{x} and {y}: {apart} in {theme:?}");
                }
            }
        }
    }
}

/// Signs and lines stand out from the ground for everybody, and a ring round the focus does.
#[test]
fn everything_stands_out_from_its_ground() {
    for theme in [Theme::Light, Theme::Dark] {
        for ground in ["--paper", "--panel", "--sunk"] {
            for tone in OUTCOMES.map(Outcome::tone) {
                let apart = contrast(theme, tone.line_var(), ground);
                assert!(apart >= 4.5, "{} on {ground}: {apart} in {theme:?}", tone.line_var());
                for vision in [Vision::Protanopia, Vision::Deuteranopia, Vision::Tritanopia, Vision::Achromatopsia] {
                    let apart = difference(theme, vision, tone.line_var(), ground);
                    assert!(apart >= 3.0 * ENOUGH, "{} on {ground}: {apart} for {vision:?}", tone.line_var());
                }
            }
            for variable in ["--ink", "--ink-2", "--ink-3", "--accent"] {
                assert!(contrast(theme, variable, ground) >= 4.5, "{variable} on {ground} in {theme:?}");
            }
            for variable in ["--edge", "--focus"] {
                assert!(contrast(theme, variable, ground) >= 3.0, "{variable} on {ground} in {theme:?}");
            }
        }
    }
}
