//! The question of the slow path: every cause has a signature of its own, every remedy works, and what probes show
//! is what happens.

mod common;

use common::{Trouble, acted, after, ask, cases, run};
use proptest::prelude::*;
use sim::Live;
use sim::kernel::Us;
use sim::questions::debug_latency::{Cause, DebugLatency, Finding, PLACES, Probe, QUESTION};

const CAUSES: [&str; 12] = [
    "cpu",
    "instance",
    "pool",
    "gc",
    "n-plus-one",
    "lock",
    "retries",
    "timeout",
    "cold-cache",
    "payload",
    "neighbour",
    "connect",
];
const REMEDIES: [&str; 12] = [
    "pods",
    "restart",
    "pool",
    "memory",
    "rollback",
    "blocker",
    "retries",
    "timeout",
    "warm",
    "rollback",
    "host",
    "connections",
];

fn model(run: &dyn Live) -> &DebugLatency {
    run.model().downcast_ref().unwrap()
}

/// Row `row` of what this probe shows of a service: now, and before.
struct Desk<'a> {
    model: &'a DebugLatency,
    now: Us,
}

impl Desk<'_> {
    fn finding(&self, kind: Probe, place: usize) -> Finding {
        self.model.find(kind, place, self.now)
    }
    fn row(&self, kind: Probe, place: usize, name: &str) -> (f32, f32) {
        let i = kind.rows().iter().position(|(label, _)| *label == name).unwrap_or_else(|| panic!("no row {name}"));
        self.finding(kind, place).rows[i]
    }

    /// The written rule: what has to be on the desk for somebody to say that it is this, and here. It reads
    /// nothing but what probes show.
    fn says(&self, cause: Cause, place: usize) -> bool {
        let row = |kind, name| self.row(kind, place, name);
        let grew = |(now, before): (f32, f32), times: f32, least: f32| now >= before * times && now >= least;
        let flat = |(now, before): (f32, f32)| (now / before - 1.0).abs() < 0.25;
        match cause {
            // Wait grows, on all instances; work stays as it is, and nobody steals.
            Cause::Cpu => {
                grew(row(Probe::Metrics, "worker wait"), 4.0, 15.0)
                    && row(Probe::Metrics, "workers busy").0 > 85.0
                    && flat(row(Probe::Metrics, "work"))
                    && row(Probe::Logs, "retrying").0 == 0.0
                    && row(Probe::Profile, "stopped by GC").0 == 0.0
                    && self.finding(Probe::Split, place).rows.iter().all(|r| r.0 > r.1)
            }
            // One instance is far from all the others, and only in this service.
            Cause::Instance => {
                let mut means: Vec<f32> = self.finding(Probe::Split, place).rows.iter().map(|r| r.0).collect();
                means.sort_by(f32::total_cmp);
                means[7] > 2.5 * means[6] && row(Probe::Logs, "slow disk write").0 > 0.0
            }
            // A wait before the statement, and a statement as quick as ever.
            Cause::Pool => {
                grew(row(Probe::Database, "connection wait"), 5.0, 10.0)
                    && flat(row(Probe::Database, "statement time"))
                    && row(Probe::Database, "statements each").0 < 2.0
            }
            Cause::Gc => grew(row(Probe::Profile, "stopped by GC"), 1.0, 3.0) && row(Probe::Logs, "GC pause").0 > 10.0,
            Cause::NPlusOne => grew(row(Probe::Database, "statements each"), 5.0, 5.0),
            // Statements wait while the database has nothing to do.
            Cause::Lock => row(Probe::Database, "lock waits").0 > 5.0 && row(Probe::Database, "database CPU").0 < 50.0,
            Cause::Retries => grew(row(Probe::Logs, "retrying"), 1.0, 300.0),
            Cause::Timeout => grew(row(Probe::Logs, "call timed out"), 1.0, 200.0),
            Cause::ColdCache => {
                let (now, before) = row(Probe::Database, "cache hits");
                now < 50.0 && before > 90.0
            }
            Cause::Payload => {
                grew(row(Probe::Network, "answer"), 5.0, 0.0) && grew(row(Probe::Network, "transfer"), 5.0, 20.0)
            }
            // The hypervisor takes time from several services.
            Cause::Neighbour => {
                let robbed = (0..5).filter(|p| self.row(Probe::Profile, *p, "stolen by host").0 > 1.0);
                robbed.count() >= 3
            }
            Cause::Connect => {
                grew(row(Probe::Network, "connecting"), 20.0, 100.0) && flat(row(Probe::Network, "new connections"))
            }
        }
    }
}

/// Twelve causes in several seeds: the rule of the one that is there holds, where it is, and no other rule
/// anywhere. Where nothing is wrong, none holds.
#[test]
fn every_signature_is_unique() {
    let mut looked = 0;
    for (i, cause) in CAUSES.iter().copied().chain(["none"]).enumerate() {
        for seed in 1..=4 {
            let run = after(run(&QUESTION, seed, &[("cause", cause)], &[]), Us::s(32));
            let m = model(&*run);
            let desk = Desk { model: m, now: Us::s(32) };
            let place = m.case_shown().map_or(0, |c| c.place);
            for other in Cause::ALL {
                for (at, at_name) in PLACES.iter().map(|p| p.0).enumerate().skip(1) {
                    let says = desk.says(other, at);
                    let here = other as usize == i && (at == place || other == Cause::Neighbour);
                    assert_eq!(says, here, "{cause} at {place}, seed {seed}: {other:?} at {at_name}");
                    looked += 1;
                }
            }
        }
    }
    common::report(&format!("every_signature_is_unique: {looked} verdicts of the rule"));
}

/// A hidden case is the case that the seed names, event for event, and says nothing of itself.
#[test]
fn a_hidden_case_is_the_same_run() {
    let mut seen = std::collections::BTreeSet::new();
    for seed in 1..=40 {
        let mut hidden = run(&QUESTION, seed, &[("cause", "hidden")], &[]);
        hidden.advance(Us::s(1), u64::MAX);
        assert_eq!(model(&*hidden).case_shown(), None);
        let mut over = run(&QUESTION, seed, &[("cause", "hidden")], &["200ms reveal"]);
        over.advance(Us::s(1), u64::MAX);
        let case = model(&*over).case_shown().unwrap();
        seen.insert(case.cause as usize);
        if seed <= 4 {
            let named = CAUSES[case.cause as usize];
            let open = after(run(&QUESTION, seed, &[("cause", named)], &[]), Us::s(30));
            hidden.advance(Us::s(30), u64::MAX);
            assert_eq!((hidden.digest(), model(&*open).case_shown()), (open.digest(), Some(case)), "seed {seed}");
            // What the page has of it does not tell.
            let words = format!("{:?} {:?}", hidden.words(), hidden.counts());
            let label = case.cause.label();
            assert!(!words.contains(label), "{label} in {words}");
        }
    }
    assert_eq!(seen.len(), 12, "forty seeds have every cause: {seen:?}");
}

/// The right change ends it; every other leaves the cause and counts.
#[test]
fn remedies_work_and_others_count() {
    for (i, cause) in CAUSES.iter().enumerate() {
        let place = PLACES[1 + i % 4].0;
        let knobs = [("cause", *cause), ("where", place), ("at", place), ("fail", "0")];
        let ill = after(run(&QUESTION, 3, &knobs, &[]), Us::s(68));
        let right = format!("15s change what={}", REMEDIES[i]);
        let well = after(run(&QUESTION, 3, &knobs, &[&right]), Us::s(68));
        let slow = |r: &dyn Live| ask(r, "slow_share(47s, 65s)");
        assert!(slow(&*ill) > 4.0, "{cause}: {} % slow", slow(&*ill));
        assert!(slow(&*well) < 3.0, "{cause}, mended: {} % slow", slow(&*well));
        assert_eq!(ask(&*well, "wrong_changes"), 0.0, "{cause}");
        let wrong = if REMEDIES[i] == "index" { "pods" } else { "index" };
        let wrong = format!("15s change what={wrong}");
        let other = after(run(&QUESTION, 3, &knobs, &[&wrong]), Us::s(46));
        assert_eq!(ask(&*other, "wrong_changes"), 1.0, "{cause}");
        assert!(model(&*other).mended().is_none());
    }
}

/// Whoever goes by the rule finds it within the budget, and the link holds every step.
#[test]
fn a_played_case_replays() {
    let acts = ["25s probe what=database", "40s guess cause=cpu", "75s probe what=network", "90s guess cause=lock"];
    let knobs = [("cause", "lock"), ("where", "inventory")];
    let played = after(run(&QUESTION, 9, &knobs, &acts), Us::s(100));
    assert_eq!((ask(&*played, "named"), ask(&*played, "probes_used"), ask(&*played, "wrong_guesses")), (1.0, 2.0, 1.0));
    assert_eq!(ask(&*played, "named_min"), 80.0 / 60.0);
    let again = after(run(&QUESTION, 9, &knobs, &acts), Us::s(100));
    assert_eq!(played.digest(), again.digest());
    // No probes beyond the budget, and one thing at a time.
    let many: Vec<String> = (0..12).map(|i| format!("{}s probe", 20 + 11 * i)).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let run = after(run(&QUESTION, 1, &knobs, &many), Us::s(160));
    assert_eq!(ask(&*run, "probes_used"), 8.0);
}

/// Clocks that differ put spans outside their parents; the correction brings them back.
#[test]
fn skew_shows_and_can_be_corrected() {
    let acts = ["5s skew ms=300", "20s probe what=trace"];
    for (correct, least) in [("off", 1.0), ("on", 0.0)] {
        let knobs = [("cause", "none"), ("sampling", "all"), ("correct", correct)];
        let run = after(run(&QUESTION, 4, &knobs, &acts), Us::s(31));
        let wrong = ask(&*run, "misplaced");
        assert!(if least > 0.0 { wrong >= least } else { wrong == 0.0 }, "{wrong} with correction {correct}");
    }
}

#[test]
fn a_ten_minute_run_is_light() {
    let mut run = run(&QUESTION, 1, &[("cause", "lock"), ("sampling", "tail")], &[]);
    run.advance(Us::s(600), u64::MAX);
    common::can_be_revisited(&mut *run, 64 << 20);
}

const TROUBLE: Trouble = Trouble {
    question: &QUESTION,
    base: &[("rate", 40.0), ("sampling", 2.0)],
    fixed: &["onset"],
    reach: 0.5,
    trouble_ms: 20_000,
    until: Us::s(25),
};

proptest! {
    #![proptest_config(cases(40))]
    /// Any settings, any faults: nothing is lost, nothing is invented, every critical path sums to its root.
    #[test]
    fn nothing_is_lost_or_invented(value in TROUBLE.runs()) {
        TROUBLE.laws_hold(value)?;
    }
}

#[test]
fn acts_by_name_and_by_knob_are_the_same() {
    let by_name = acted(&QUESTION, 1, &[], &[(12.0, "probe", &[5.0, 4.0])]);
    let by_knob = acted(&QUESTION, 1, &[("probe", "split"), ("at", "pricing")], &[(12.0, "probe", &[])]);
    let finding = |v: sim::kernel::RunValue| {
        let run = after(QUESTION.run(v), Us::s(25));
        model(&*run).findings().next_back().copied()
    };
    let (a, b) = (finding(by_name), finding(by_knob));
    assert!(a.is_some());
    assert_eq!(format!("{a:?}"), format!("{b:?}"));
}
