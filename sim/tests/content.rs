//! Every experiment in `content/` is executed here, and every question has its content.
#![cfg(feature = "runner")]

mod common;

use std::path::Path;

#[test]
fn every_claim_of_the_articles_holds() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../content");
    let articles = press::load_dir(&dir).unwrap_or_else(|problems| {
        panic!("{}", problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
    });
    let judged = sim::judge::judge_all(sim::questions::ALL, &articles).unwrap_or_else(|problems| {
        panic!("{}", problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
    });
    let failures = judged.iter().flat_map(|(q, verdicts)| {
        verdicts.iter().filter(|v| !v.passed).map(move |v| {
            format!(
                "content/{}.md:{}: {}: {} (seed {}) expected {}, measured {:?}, choice {:?}",
                q.slug, v.line, v.experiment, v.measure, v.seed, v.expect, v.measured, v.right
            )
        })
    });
    let failures: Vec<String> = failures.collect();
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    common::keep("experiments", &sim::judge::to_json(&judged));
    for a in &articles {
        assert!(sim::questions::find(&a.slug).is_ok(), "content/{}.md has no model in sim/src/questions/", a.slug);
    }
}
