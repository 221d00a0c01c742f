//! Every experiment in `content/` is executed here, and every question has its content.
#![cfg(feature = "runner")]

use std::path::Path;

#[test]
fn every_claim_of_the_articles_holds() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../content");
    let articles = press::load_dir(&dir).unwrap_or_else(|problems| {
        panic!("{}", problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
    });
    let mut failures = Vec::new();
    for q in sim::questions::ALL {
        let file = format!("content/{}.md", q.slug);
        let Some(article) = articles.iter().find(|a| a.slug == q.slug) else {
            failures.push(format!("{file}: missing; every question of the engine has its content file"));
            continue;
        };
        match sim::judge::judge(q, &file, &article.front) {
            Err(problems) => failures.extend(problems.iter().map(ToString::to_string)),
            Ok(verdicts) => failures.extend(verdicts.iter().filter(|v| !v.passed).map(|v| {
                format!(
                    "{file}:{}: {}: {} (seed {}) expected {}, measured {:?}, choice {:?}",
                    v.line, v.experiment, v.measure, v.seed, v.expect, v.measured, v.right
                )
            })),
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    for a in &articles {
        assert!(sim::questions::find(&a.slug).is_ok(), "content/{}.md has no model in sim/src/questions/", a.slug);
    }
}
