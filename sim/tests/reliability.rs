//! The short versions of what `cargo xtask soak` and `cargo xtask seeds` do for hours.
#![cfg(feature = "runner")]

use sim::kernel::Us;
use sim::seeds::{Tally, asked};
use sim::{cores, questions, soak};
use std::path::Path;

/// Half a simulated minute of everything, straight and with detours through the past.
#[test]
fn a_run_stays_itself_and_small() {
    for soaked in cores::each(questions::ALL, |q| soak::soak(q, 3, Us::s(30), true)) {
        let soaked = soaked.unwrap_or_else(|law| panic!("{law}"));
        assert_eq!(soaked.same, Some(true), "{}: rewinding shows", soaked.slug);
        let state = soaked.end.run.state;
        assert!(state < 1 << 20, "{}: a state of {state} bytes after half a minute", soaked.slug);
        let timeline = soaked.end.run.timeline;
        assert!(timeline < 1 << 20, "{}: a timeline of {timeline} bytes", soaked.slug);
    }
}

/// The experiments that are over within some simulated seconds, at seeds that nobody picked.
#[test]
fn what_is_claimed_holds_at_other_seeds() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../content");
    let told = |problems: Vec<press::Problem>| problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
    let articles = press::load_dir(&dir).map_err(told).unwrap_or_else(|why| panic!("{why}"));
    let all = asked(questions::ALL, &articles).map_err(told).unwrap_or_else(|why| panic!("{why}"));
    let quick: Vec<_> = all.iter().filter(|claim| claim.until() <= Us::s(10)).collect();
    assert!(quick.len() >= 20, "{} experiments are short", quick.len());
    for claim in quick {
        let mut tally = Tally::default();
        claim.run(&mut tally, 5).unwrap_or_else(|why| panic!("{why}"));
        assert_eq!((tally.seeds, tally.held), (5, 5), "{} at seeds {:?}", claim.key(), tally.failed);
    }
}
