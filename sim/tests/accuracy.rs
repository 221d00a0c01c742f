//! Theory and published figures, held against the engine: the list is in `sim/src/accuracy/`.
#![cfg(feature = "runner")]

mod common;

use sim::accuracy;
use std::collections::BTreeSet;

#[test]
fn every_law_holds() {
    let held = accuracy::run(None).unwrap();
    let cases = held.iter().flat_map(|(_, laws)| laws).flat_map(|(law, outcomes)| {
        law.cases.iter().zip(outcomes).map(move |(case, outcome)| (outcome.passed, accuracy::line(law, case, outcome)))
    });
    let cases: Vec<(bool, String)> = cases.collect();
    let failed: Vec<&str> = cases.iter().filter(|(passed, _)| !passed).map(|(_, line)| line.as_str()).collect();
    assert!(failed.is_empty(), "{}", failed.join("\n"));
    common::report(&format!("{} cases of theory and published figures hold", cases.len()));
    common::keep("laws", &accuracy::to_json(&held));
}

#[test]
fn laws_say_what_they_are_and_where_they_come_from() {
    let mut ids = BTreeSet::new();
    for family in accuracy::FAMILIES {
        assert!(ids.insert(family.id), "{} is there twice", family.id);
        for law in (family.laws)() {
            assert!(ids.insert(law.id), "{} is there twice", law.id);
            assert!(law.id.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-'), "{}", law.id);
            assert!(!law.name.is_empty() && !law.formula.is_empty() && !law.source.0.is_empty(), "{}", law.id);
            assert!(law.says.ends_with('.'), "{}: a sentence", law.id);
            assert!(law.source.1.is_empty() || law.source.1.starts_with("https://"), "{}", law.id);
            assert!(law.seeds >= 1 && !law.cases.is_empty(), "{}", law.id);
            let labels: BTreeSet<&str> = law.cases.iter().map(|c| c.label.as_str()).collect();
            assert_eq!(labels.len(), law.cases.len(), "{}: labels tell cases apart", law.id);
            assert!(law.cases.iter().all(|c| c.expected.is_finite()), "{}: an expected value is not a number", law.id);
        }
    }
}

/// What cannot be said is not taken for right, and every kind of tolerance has its edge.
#[test]
fn tolerances() {
    use accuracy::{Law, Tolerance};
    let passes = |tolerance, expected: f64, values: [f64; 2]| {
        let law = Law::new("x", "x", tolerance).seeds(2).case("x", expected, move |seed| values[seed as usize - 1]);
        law.outcome(&law.cases[0]).passed
    };
    assert!(passes(Tolerance::Exact, 2.0, [2.0, 2.0]) && !passes(Tolerance::Exact, 2.0, [1.0, 3.0]));
    assert!(passes(Tolerance::Absolute(0.5), 2.0, [1.0, 3.9]) && !passes(Tolerance::Absolute(0.5), 2.0, [1.0, 4.1]));
    assert!(passes(Tolerance::Percent(10.0), 2.0, [2.1, 2.2]) && !passes(Tolerance::Percent(10.0), 2.0, [2.3, 2.2]));
    assert!(
        passes(Tolerance::Percent(10.0), -2.0, [-2.1, -2.0]) && !passes(Tolerance::Percent(10.0), -2.0, [2.0, 2.0])
    );
    assert!(passes(Tolerance::AtMost(0.0), 2.0, [1.0, 2.0]) && !passes(Tolerance::AtMost(0.0), 2.0, [0.0, 2.1]));
    for tolerance in [Tolerance::Exact, Tolerance::Absolute(9.0), Tolerance::Percent(900.0), Tolerance::AtMost(9.0)] {
        assert!(!passes(tolerance, 1.0, [1.0, f64::NAN]), "{tolerance:?}");
    }
}

#[test]
fn an_unknown_law_is_named() {
    assert!(accuracy::run(Some("no-such-law")).is_err_and(|why| why.contains("no-such-law")));
}
