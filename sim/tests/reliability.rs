//! The short versions of what `cargo xtask soak` and `cargo xtask seeds` do for hours.
#![cfg(feature = "runner")]

use sim::kernel::Us;
use sim::seeds::{Tally, asked, together};
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
    let mut quick = together(&all);
    quick.retain(|group| group.claims.iter().all(|claim| claim.until() <= Us::s(10)));
    assert!(quick.len() >= 20, "{} runs are short", quick.len());
    for group in quick {
        let mut tallies = vec![Tally::default(); group.claims.len()];
        group.run(&mut tallies, 5).unwrap_or_else(|why| panic!("{why}"));
        for (claim, tally) in group.claims.iter().zip(tallies) {
            assert_eq!((tally.seeds, tally.held), (5, 5), "{} at seeds {:?}", claim.key(), tally.failed);
            // Read from a run of its own it is the same.
            let mut alone = [Tally::default()];
            together(std::slice::from_ref(*claim))[0].run(&mut alone, 5).unwrap_or_else(|why| panic!("{why}"));
            assert_eq!(alone[0].range, tally.range, "{}", claim.key());
        }
    }
}
