//! The colours of code can be read: WCAG 2 contrast of at least 4.5 on every background they may stand on.

#![cfg(feature = "html")]

use std::collections::HashMap;

const CODE: &str = include_str!("../../style/code.css");
const TOKENS: &str = include_str!("../../style/tokens.css");

/// The custom properties of the first block whose selector line is `selector`.
fn variables(selector: &str) -> HashMap<&'static str, &'static str> {
    let start = TOKENS
        .lines()
        .scan(0, |at, l| Some((std::mem::replace(at, *at + l.len() + 1), l)))
        .find(|(_, l)| *l == selector);
    let (start, _) = start.unwrap_or_else(|| panic!("tokens.css has no block `{selector}`"));
    let block = &TOKENS[start..];
    let block = &block[..block.find('}').unwrap()];
    block
        .split(';')
        .filter_map(|d| d.split_once(':'))
        .filter_map(|(k, v)| Some((k.split_whitespace().last()?, v.trim())))
        .collect()
}

/// Relative luminance of `#rrggbb`, WCAG 2.2.
fn luminance(hex: &str) -> f64 {
    let channel = |i: usize| {
        let c = f64::from(u8::from_str_radix(&hex[i..i + 2], 16).unwrap()) / 255.0;
        if c <= 0.04045 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) }
    };
    0.2126 * channel(1) + 0.7152 * channel(3) + 0.0722 * channel(5)
}

fn contrast(a: &str, b: &str) -> f64 {
    let (a, b) = (luminance(a), luminance(b));
    (a.max(b) + 0.05) / (a.min(b) + 0.05)
}

#[test]
fn every_colour_of_code_has_contrast() {
    let used: Vec<&str> = CODE.split("color: var(").skip(1).map(|rest| rest.split(')').next().unwrap()).collect();
    assert!(used.len() >= 7, "{used:?}");
    let light = variables(":root {");
    let dark = variables(":root[data-theme=\"dark\"] {");
    for (theme, values) in [("light", light), ("dark", dark)] {
        for name in &used {
            for under in ["--paper", "--panel", "--sunk"] {
                let ratio = contrast(values[name], values[under]);
                assert!(ratio >= 4.5, "{name} on {under} in {theme}: {ratio:.2}");
            }
        }
    }
}

/// Whatever class comes out of the highlighter has a rule.
#[test]
fn every_class_has_a_colour() {
    let source = concat!(
        include_str!("../src/front.rs"),
        include_str!("../src/expect.rs"),
        "#[x] const A: char = '\\n'; fn a<'a>() {}"
    );
    let html = press::highlight_rust(source);
    let mut classes: Vec<&str> = html.split("class=\"").skip(1).map(|rest| rest.split('"').next().unwrap()).collect();
    classes.sort_unstable();
    classes.dedup();
    assert!(classes.len() >= 8, "{classes:?}");
    for class in classes {
        assert!(CODE.contains(&format!("code .{class}")), "{class}");
    }
}
