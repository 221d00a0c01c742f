//! The question of API versions: its experiments derived again, its laws, and what moves clients.

mod common;

use common::{Trouble, after, ask, count, number, run};
use proptest::prelude::*;
use sim::blocks::versions::What;
use sim::questions::api_versioning::{QUESTION, act};
use sim::{Live, Us};

fn alone(more: &[(&'static str, &'static str)], inputs: &[&str], days: u64) -> Box<dyn Live> {
    let knobs: Vec<_> = [("versions", "1")].iter().chain(more).copied().collect();
    after(run(&QUESTION, 1, &knobs, inputs), Us::s(days))
}

// ---- the experiments ----

/// As a new version no change harms anybody. (What each does in place is in the list of laws, `accuracy/versions.rs`.)
#[test]
fn a_new_version_harms_nobody() {
    let sim::Kind::Choice(names) = QUESTION.acts[act::CHANGE].args[0].kind else { panic!("the first is what") };
    assert_eq!(names.len(), What::ALL.len());
    for (key, _) in names {
        let change = format!("0s change what={key} field=total");
        let run = alone(&[("release", "new")], &[&change], 30);
        assert_eq!((ask(&*run, "clients_hurt"), ask(&*run, "clients_misled")), (0.0, 0.0), "{key}");
    }
}

/// What the editor says beforehand is what happens.
#[test]
fn the_verdict_is_right() {
    for (i, key) in ["add", "add-value", "rename", "remove", "retype"].into_iter().enumerate() {
        let run = alone(&[], &["0s pick field=2", &format!("1s change what={key}")], 60);
        let before = alone(&[], &["0s pick field=2"], 1);
        if key == "retype" {
            // Words have no other type: there is no such change.
            assert_eq!(ask(&*run, "clients_hurt"), 0.0);
            continue;
        }
        assert_eq!(ask(&*run, "clients_hurt"), ask(&*before, &format!("would_break({i})")), "{key}");
    }
}

/// The same clients with the same draws: more reminders never keep anybody longer.
#[test]
fn reminders_only_help() {
    for seed in 1..=4 {
        let left = |knobs: &[(&'static str, &'static str)], more: &[&str]| {
            let inputs: Vec<&str> = ["0s announce"].iter().chain(more).copied().collect();
            number(&*after(run(&QUESTION, seed, knobs, &inputs), Us(179_990_000)), "left")
        };
        let none = left(&[("headers", "off")], &[]);
        let header = left(&[], &[]);
        let brownouts = left(&[("brownouts", "4")], &[]);
        let mailed = left(&[("brownouts", "4")], &["10s who", "11s email count=500"]);
        assert!(none > header && header > brownouts && brownouts > mailed, "{none} {header} {brownouts} {mailed}");
    }
}

/// Without a cache nothing is mixed up; with one, day by day, as long as clients are on both versions.
#[test]
fn the_cache_mixes_up_what_it_cannot_tell_apart() {
    let mixups = |cache: &'static str, vary: &'static str| {
        let knobs = [
            ("style", "header"),
            ("versions", "3"),
            ("silent", "0"),
            ("calls", "5000"),
            ("cache", cache),
            ("vary", vary),
        ];
        ask(&*after(run(&QUESTION, 1, &knobs, &[]), Us::s(10)), "mixups")
    };
    assert!(mixups("60", "off") > 100.0);
    assert_eq!((mixups("0", "off"), mixups("60", "on")), (0.0, 0.0));
}

// ---- what else the text says ----

/// The end comes on the day that was announced, breaks those who are left, and can be taken back.
#[test]
fn the_sunset_and_its_way_back() {
    let knobs = [("notice", "30"), ("h_none", "0"), ("h_header", "0"), ("h_broken", "0"), ("h_brownout", "0")];
    let at = |days, more: &[&str]| {
        let inputs: Vec<&str> = ["1s announce"].iter().chain(more).copied().collect();
        after(run(&QUESTION, 1, &knobs, &inputs), Us::s(days))
    };
    let before = at(30, &[]);
    assert_eq!((ask(&*before, "gone"), ask(&*before, "live_versions")), (0.0, 2.0));
    let then = at(40, &[]);
    assert!(ask(&*then, "gone") > 5_000.0 && number(&*then, "broken") > 800.0);
    assert_eq!((number(&*then, "left"), ask(&*then, "live_versions")), (500.0, 1.0));
    let back = at(40, &["33s rollback"]);
    assert_eq!((number(&*back, "broken"), ask(&*back, "live_versions")), (0.0, 2.0));
    // Two versions of 4 h a week each for 31 days, then one.
    let hours = number(&*then, "cost");
    assert!((hours - 4.0 / 7.0 * (2.0 * 31.0 + 9.0)).abs() < 0.01, "{hours}");
}

#[test]
fn a_deprecation_alone_changes_nothing() {
    let quiet = [("h_none", "0"), ("h_header", "0")];
    let plain = after(run(&QUESTION, 1, &quiet, &[]), Us::s(20));
    let announced = after(run(&QUESTION, 1, &quiet, &["1s announce"]), Us::s(20));
    for what in ["calls", "right", "broken", "misled", "hits"] {
        assert_eq!(count(&*plain, what), count(&*announced, what), "{what}");
    }
    assert!(ask(&*announced, "saw_header") > 100.0 && ask(&*plain, "saw_header") == 0.0);
}

/// Clients that name no version are given the newest by default, whatever they were written for.
#[test]
fn no_version_is_a_version_too() {
    let with = |style, fallback| {
        let knobs = [
            ("style", style),
            ("fallback", fallback),
            ("creates", "100"),
            ("cadence", "90"),
            ("h_none", "0"),
            ("h_broken", "0"),
        ];
        ask(&*after(run(&QUESTION, 1, &knobs, &[]), Us::s(60)), "clients_hurt")
    };
    assert_eq!(with("header", "newest"), 50.0, "a tenth leaves it out, and v2 answers 202");
    assert_eq!((with("header", "oldest"), with("path", "newest"), with("pin", "newest")), (0.0, 0.0, 0.0));
}

/// The ten heaviest callers are a large part of the traffic; ten at random are not.
#[test]
fn the_top_ten() {
    let run = after(
        run(
            &QUESTION,
            1,
            &[("h_none", "0"), ("h_header", "0"), ("mail", "100"), ("h_email", "50"), ("cadence", "0")],
            &["0s who", "1s email"],
        ),
        Us::s(40),
    );
    assert_eq!(number(&*run, "left"), 490.0);
    let share = number(&*run, "volume");
    assert!((60.0..75.0).contains(&share), "{share}");
}

#[test]
fn upkeep_of_eight_versions() {
    let run = after(run(&QUESTION, 1, &[("versions", "8")], &[]), Us::s(70));
    assert!((number(&*run, "cost") - 8.0 * 4.0 * 10.0).abs() < 0.01);
    assert_eq!((ask(&*run, "chain"), ask(&*run, "broken_calls(0s, 70s)")), (7.0, 0.0));
}

#[test]
fn ten_minutes_fit_and_are_found_again() {
    let mut run = after(run(&QUESTION, 1, &[], &[]), Us::s(600));
    common::can_be_revisited(&mut *run, 32 << 20);
}

// ---- random worlds ----

const TROUBLE: Trouble = Trouble {
    question: &QUESTION,
    base: &[],
    fixed: &["clients", "calls"],
    reach: 0.3,
    trouble_ms: 15_000,
    until: Us::s(20),
};

proptest! {
    #![proptest_config(common::cases(40))]

    /// Any knobs, any acts: every call has its end, every client its version, every version what it was promised.
    #[test]
    fn the_laws_hold_whatever_happens(value in TROUBLE.runs()) {
        TROUBLE.laws_hold(value)?;
    }
}
