//! The fixture `tests/content/rate-limiter-design.md`, read whole.

use press::{Answer, Expect, Kind, Level, Side};
use std::path::Path;

const TEXT: &str = include_str!("content/rate-limiter-design.md");

fn pairs(list: &[(&str, &str)]) -> press::Pairs {
    list.iter().map(|(k, v)| (k.to_string(), v.to_string())).collect()
}

fn article() -> press::Article {
    press::parse("rate-limiter-design.md", TEXT).unwrap_or_else(|problems| panic!("{problems:#?}"))
}

#[test]
fn the_directory_holds_one_article() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/content");
    let articles = press::load_dir(&dir).unwrap();
    assert_eq!(articles, [article()]);
}

#[test]
fn plain_keys() {
    let front = article().front;
    assert_eq!(front.title, "How would you design a rate limiter for an API?");
    assert_eq!((front.short.as_str(), front.level, front.minutes), ("Rate limiter", Level::Middle, 6));
    assert_eq!(front.topics, ["rate limiting", "429"]);
    assert_eq!(front.related, ["traffic-spike-10x", "backpressure"]);
    assert_eq!(front.sources.len(), 2);
    assert_eq!(front.sources[0].year, Some(2012));
    assert_eq!(front.sources[1].note.as_deref(), Some("A leaky bucket that delays."));
}

#[test]
fn a_preset_with_two_sides() {
    let preset = article().front.presets.remove(0);
    assert_eq!((preset.id.as_str(), preset.seed, preset.speed, preset.until_us), ("edge", Some(7), 0.5, None));
    assert_eq!(
        preset.a.set,
        pairs(&[("algorithm", "fixed-window"), ("limit", "100"), ("jitter", "0.5"), ("strict", "true")])
    );
    let b = preset.b.unwrap();
    assert_eq!(b.set, pairs(&[("algorithm", "gcra"), ("limit", "100"), ("jitter", "0.5"), ("strict", "true")]));
    assert_eq!(b.inputs, preset.a.inputs);
    assert_eq!((b.inputs[0].at_us, b.inputs[0].act.as_str()), (59_900_000, "burst"));
    assert_eq!(b.inputs[1].args, pairs(&[("count", "100")]));
    assert_eq!(b.inputs[1].to_string(), "60s burst count=100");
    assert_eq!(preset.line, 24);
}

#[test]
fn an_experiment_and_its_check() {
    let t = article().front.tries.remove(0);
    assert_eq!((t.id.as_str(), t.plan.until_us, t.plan.seeds, t.speed), ("boundary", 62_000_000, 1, 1.0));
    assert_eq!(
        (t.claim.side, t.claim.measure.as_str(), t.claim.expect),
        (Side::A, "max_in_window(1s)", Expect::Equal(200.0))
    );
    assert_eq!(t.plan.b, None);
    assert_eq!(t.right_choice(200.0), Some(2));
    assert_eq!(t.right_choice(150.0), None);
    let claims: Vec<_> = t.claims().collect();
    assert_eq!(claims.len(), 2);
    let (line, plan, claim) = claims[1];
    assert_eq!(line, 45);
    assert_eq!(plan.a.set, pairs(&[("algorithm", "gcra"), ("limit", "100"), ("burst", "10")]));
    assert_eq!(plan.a.inputs, t.plan.a.inputs);
    assert_eq!(claim.expect, Expect::AtMost(110.0));
}

#[test]
fn an_experiment_with_conditions() {
    let t = article().front.tries.remove(1);
    assert_eq!(t.claim.side, Side::B);
    assert_eq!(t.plan.seeds, 5);
    assert_eq!(t.plan.b.as_ref().unwrap().set, pairs(&[("limit", "50")]));
    assert_eq!(t.choices[1].answer, Answer::When(Expect::Above(10.0)));
    assert_eq!(t.right_choice(45.0), Some(1));
}

#[test]
fn every_section_with_its_line() {
    let sections = article().sections;
    assert_eq!(sections.iter().map(|s| s.kind).collect::<Vec<_>>(), Kind::ALL);
    for s in &sections {
        let heading = TEXT.lines().nth(s.line - 2).unwrap();
        assert_eq!(heading, format!("## {}", s.kind.title()));
    }
}
