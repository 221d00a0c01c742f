//! The runner as people start it: what it prints and how it ends.
#![cfg(feature = "runner")]

use serde_json::Value;
use std::process::{Command, Output};

fn sim(words: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_sim")).args(words).output().unwrap()
}

fn json(words: &[&str]) -> Value {
    let out = sim(words);
    assert!(out.status.success(), "{words:?}: {}", String::from_utf8_lossy(&out.stderr));
    serde_json::from_slice(&out.stdout).unwrap()
}

#[test]
fn experiments_as_json() {
    let runs = json(&["check", "rate-limiter-design", "--json"]);
    let runs = runs.as_array().unwrap();
    assert!(runs.iter().all(|run| run["slug"] == "rate-limiter-design" && run["passed"] == true));
    let boundary: Vec<&Value> = runs.iter().filter(|run| run["experiment"] == "boundary").collect();
    assert_eq!(
        (&boundary[0]["claim"], &boundary[0]["measured"], &boundary[0]["right"]),
        (&0.into(), &200.0.into(), &"200".into())
    );
    assert_eq!(boundary[1]["with"], "algorithm = sliding-log");
}

#[test]
fn laws_as_lines_and_as_json() {
    let out = sim(&["accuracy", "gcra-bucket"]);
    let text = String::from_utf8_lossy(&out.stdout);
    assert!(out.status.success() && text.starts_with("ok ") && text.ends_with("1 passed, 0 failed\n"), "{text}");
    let families = json(&["accuracy", "bytes", "--json"]);
    let law = &families[0]["laws"][0];
    assert_eq!(
        (&law["id"], &law["tolerance"], &law["cases"][1]["measured"]),
        (&"bytes".into(), &"exact".into(), &79.0.into())
    );
}

#[test]
fn mistakes_are_named_and_end_with_two() {
    for (words, said) in [
        (&["accuracy", "no-such-law"][..], "no-such-law"),
        (&["accuracy", "--fast"], "--json"),
        (&["check", "--fast"], "--content"),
        (&["check", "no-such-question"], "no-such-question"),
    ] {
        let out = sim(words);
        let error = String::from_utf8_lossy(&out.stderr);
        assert!(
            out.status.code() == Some(2) && error.contains(said) && error.lines().count() == 1,
            "{words:?}: {error}"
        );
    }
}
