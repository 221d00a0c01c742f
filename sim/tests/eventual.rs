//! What is known about eventual consistency, held against the simulation.

use proptest::prelude::*;
use sim::questions::eventual_consistency::{EventualConsistency, QUESTION};
use sim::{Input, Live, RunValue, Us, What};

/// A run with these knobs, given as people write them.
fn value(set: &[(&str, &str)], seed: u64) -> RunValue {
    let mut value = RunValue::new(&QUESTION);
    value.seed = seed;
    for (key, text) in set {
        let k = QUESTION.knob(key).unwrap();
        value.knobs.set(k, QUESTION.knobs[k as usize].parse(text).unwrap());
    }
    value
}

fn act(value: &mut RunValue, at_ms: u64, key: &str, args: &[f64]) {
    let act = QUESTION.act(key).unwrap();
    let mut all = [0.0; 3];
    all[..args.len()].copy_from_slice(args);
    value.inputs.push(Input { at: Us::ms(at_ms), what: What::Act { act, args: all } });
}

fn run(value: RunValue, until_ms: u64) -> Box<dyn Live> {
    let mut run = QUESTION.run(value);
    run.advance(Us::ms(until_ms), u64::MAX);
    run.invariants().unwrap();
    run
}

fn measure(run: &dyn Live, key: &str, args: &[f64]) -> Option<f64> {
    let number = QUESTION.numbers.iter().position(|n| n.key == key);
    if let Some(n) = number {
        return run.number(n as u8);
    }
    let m = QUESTION.measures.iter().position(|m| m.key == key).unwrap_or_else(|| panic!("no measure {key}"));
    run.measure(m as u8, args)
}

fn model(run: &dyn Live) -> &EventualConsistency {
    run.model().downcast_ref().unwrap()
}

const QUIET: [(&str, &str); 3] = [("writes", "0"), ("reads", "0"), ("look", "off")];

#[test]
fn overlapping_quorums_without_failures_never_read_stale() {
    for (n, w, r) in [(3, 2, 2), (3, 3, 1), (3, 1, 3), (5, 3, 3), (4, 2, 3), (1, 1, 1), (7, 4, 4)] {
        for fanout in ["all", "needed"] {
            let [n, w, r] = [n, w, r].map(|x: u64| x.to_string());
            let set = [
                ("n", n.as_str()),
                ("w", &w),
                ("r", &r),
                ("writes", "20"),
                ("reads", "200"),
                ("fanout", fanout),
                ("timeout", "10000"),
            ];
            let run = run(value(&set, 5), 60_000);
            assert_eq!(measure(&*run, "stale_total", &[]), Some(0.0), "N={n} W={w} R={r} {fanout}");
        }
    }
}

#[test]
fn overlapping_quorums_are_not_linearizable() {
    let set = [("w", "2"), ("r", "2"), ("writes", "20"), ("reads", "200"), ("keys", "1")];
    let run = run(value(&set, 5), 60_000);
    assert_eq!(measure(&*run, "stale_total", &[]), Some(0.0));
    let back = measure(&*run, "monotonic_violations", &[]).unwrap();
    assert!(back > 0.0, "reads go back while a write is under way: {back}");
}

fn likes(rule: &str) -> Box<dyn Live> {
    let mut v = value(&[("rule", rule), QUIET[0], QUIET[1], QUIET[2]], 1);
    act(&mut v, 0, "partition", &[2.0]);
    act(&mut v, 100, "like", &[0.0, 100.0]);
    act(&mut v, 100, "like", &[2.0, 100.0]);
    act(&mut v, 2_000, "heal", &[]);
    run(v, 6_000)
}

#[test]
fn a_hundred_likes_on_each_side_of_a_partition() {
    let expected = [
        ("lww", 100.0, 1.0, 100.0),
        ("siblings", 100.0, 2.0, 0.0),
        ("g-counter", 200.0, 1.0, 0.0),
        ("pn-counter", 200.0, 1.0, 0.0),
        ("or-set", 200.0, 1.0, 0.0),
    ];
    for (rule, count, siblings, lost) in expected {
        let run = likes(rule);
        for node in 0..3 {
            assert_eq!(measure(&*run, "value", &[0.0, f64::from(node)]), Some(count), "{rule} at {node}");
        }
        assert_eq!(measure(&*run, "siblings_of", &[0.0]), Some(siblings), "{rule}");
        assert_eq!(measure(&*run, "lost", &[]), Some(lost), "{rule}");
        assert_eq!(measure(&*run, "differ", &[]), Some(0.0), "{rule}");
    }
}

#[test]
fn the_clock_that_runs_ahead() {
    let mut v = value(&[("skew", "5000"), QUIET[0], QUIET[1], QUIET[2]], 1);
    act(&mut v, 0, "write", &[0.0, 0.0]);
    act(&mut v, 3_000, "write", &[1.0, 0.0]);
    let early = run(v.clone(), 4_900);
    assert_eq!(measure(&*early, "winner", &[0.0]), Some(1.0));
    assert_eq!(measure(&*early, "lost", &[]), Some(1.0));
    act(&mut v, 5_001, "write", &[1.0, 0.0]);
    let late = run(v.clone(), 7_500);
    assert_eq!(measure(&*late, "winner", &[0.0]), Some(3.0));
    let hybrid = QUESTION.knob("hybrid_clock").unwrap();
    v.knobs.set(hybrid, 1.0);
    v.inputs.truncate(2);
    let mended = run(v, 4_900);
    assert_eq!(measure(&*mended, "winner", &[0.0]), Some(2.0));
    assert_eq!(measure(&*mended, "lost", &[]), Some(0.0));
}

#[test]
fn in_a_partition_small_quorums_answer_and_large_ones_refuse_on_the_small_side() {
    let with = |r: &str, w: &str| {
        let mut v = value(&[("r", r), ("w", w), ("reads", "100"), ("writes", "10")], 2);
        act(&mut v, 5_000, "partition", &[2.0]);
        run(v, 65_000)
    };
    let (fast, safe) = (with("1", "1"), with("2", "2"));
    assert_eq!(measure(&*fast, "failed_minority", &[]), Some(0.0));
    assert_eq!(measure(&*safe, "failed_minority", &[]), Some(100.0));
    // Only requests that were under way at the wrong side of the cut when it came.
    assert!(measure(&*safe, "failed_majority", &[]).unwrap() < 0.2);
    assert_eq!(measure(&*safe, "stale_total", &[]), Some(0.0));
    assert!(measure(&*fast, "stale_total", &[]).unwrap() > 20.0);
    assert!(measure(&*fast, "read_mean", &[]).unwrap() < 1.0);
    assert!(measure(&*safe, "read_mean", &[]).unwrap() > 20.0);
}

#[test]
fn a_session_keeps_its_promise_or_fails() {
    for (session, fails) in [("none", false), ("ryw", true), ("monotonic", true), ("both", true)] {
        let mut v = value(&[("session", session), ("reads", "50"), ("writes", "5"), ("loss", "5")], 3);
        act(&mut v, 2_000, "partition", &[0.0]);
        act(&mut v, 20_000, "heal", &[]);
        act(&mut v, 25_000, "drop", &[1.0]);
        act(&mut v, 30_000, "restore", &[1.0]);
        let run = run(v, 60_000);
        let ryw = measure(&*run, "ryw_violations", &[]).unwrap();
        let back = measure(&*run, "monotonic_violations", &[]).unwrap();
        assert_eq!(ryw == 0.0, matches!(session, "ryw" | "both"), "{session}: {ryw}");
        assert_eq!(back == 0.0, matches!(session, "monotonic" | "both"), "{session}: {back}");
        // The price: with the node that knows out of reach, such a read fails.
        assert_eq!(measure(&*run, "failed", &[]).unwrap() > 0.0, fails, "{session}");
    }
}

#[test]
fn a_sticky_session_is_right_while_its_node_is_up() {
    let mut v = value(&[("session", "sticky"), ("reads", "50"), ("writes", "5")], 3);
    act(&mut v, 2_000, "partition", &[0.0]);
    act(&mut v, 20_000, "heal", &[]);
    let steady = run(v.clone(), 60_000);
    assert_eq!(measure(&*steady, "ryw_violations", &[]), Some(0.0));
    assert_eq!(measure(&*steady, "monotonic_violations", &[]), Some(0.0));
    v.inputs.truncate(1);
    act(&mut v, 20_000, "drop", &[0.0]);
    let moved = run(v, 40_000);
    assert!(
        measure(&*moved, "ryw_violations", &[]).unwrap() + measure(&*moved, "monotonic_violations", &[]).unwrap() > 0.0
    );
}

#[test]
fn both_sides_of_a_comparison_see_the_same_requests() {
    let requests = |set: &[(&str, &str)]| {
        let run = run(value(set, 9), 20_000);
        let mut list: Vec<(u64, u8, u8, u8)> =
            model(&*run).recent().map(|d| (d.start.0, d.user, d.key, d.node)).collect();
        list.sort_unstable();
        list
    };
    let base = requests(&[("look", "off")]);
    assert!(base.len() > 50);
    for other in [("r", "2"), ("rule", "siblings"), ("loss", "20"), ("session", "both")] {
        let theirs = requests(&[("look", "off"), other]);
        let common = base.iter().filter(|b| theirs.contains(b)).count();
        // The rings end at different requests, so a few at the edges are not in both.
        assert!(common * 10 >= base.len() * 9, "{other:?}: {common} of {}", base.len());
    }
}

#[test]
fn every_knob_changes_some_run() {
    for (k, knob) in QUESTION.knobs.iter().enumerate() {
        let bases: [&[(&str, &str)]; 3] = [
            &[],
            &[("r", "2"), ("w", "2"), ("fanout", "needed"), ("loss", "30"), ("skew", "500")],
            &[("r", "2"), ("n", "4"), ("timeout", "100"), ("look_after", "50")],
        ];
        let changed = bases.iter().any(|base| {
            let digest = |v: RunValue| {
                let mut v = v;
                act(&mut v, 3_000, "write", &[0.0, 0.0]);
                run(v, 8_000).digest()
            };
            let before = value(base, 1);
            let mut after = before.clone();
            let now = before.knobs.get(k);
            let other = if now == knob.min {
                knob.min + knob.step.max((knob.max - knob.min) / 4.0).floor().max(knob.step)
            } else {
                knob.min
            };
            after.knobs.set(k as u8, other);
            digest(before) != digest(after)
        });
        assert!(changed, "{} changes nothing", knob.key);
    }
}

/// Some acts, in order of time, then a healing, then silence.
fn troubled(seed: u64, rule: &str, n: usize, acts: &[(u64, u8, u8)], loss_before: bool) -> (RunValue, u64) {
    let n_text = n.to_string();
    let mut v = value(
        &[
            ("rule", rule),
            ("n", n_text.as_str()),
            ("writes", "20"),
            ("reads", "20"),
            ("delay", "fixed"),
            ("duplicate", "20"),
            ("loss", if loss_before { "20" } else { "0" }),
        ],
        seed,
    );
    let mut at = 0;
    for (gap, what, node) in acts {
        at += gap;
        let (key, args): (&str, &[f64]) = match what {
            0 => ("partition", &[f64::from(*node % 3)]),
            1 => ("cut", &[f64::from(*node % 3)]),
            2 => ("skew", &[f64::from(*node % 3), f64::from(*node) * 100.0 - 1_000.0]),
            3 => ("drop", &[f64::from(*node % 3)]),
            4 => ("restore", &[f64::from(*node % 3)]),
            5 => ("like", &[f64::from(*node % 3), 5.0]),
            _ => ("heal", &[]),
        };
        act(&mut v, at, key, args);
    }
    for node in 0..n {
        act(&mut v, at, "restore", &[node as f64]);
    }
    act(&mut v, at, "heal", &[]);
    for key in ["writes", "loss"] {
        let knob = QUESTION.knob(key).unwrap();
        v.inputs.push(Input { at: Us::ms(at), what: What::Knob { knob, value: 0.0 } });
    }
    (v, at)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    /// Liveness: after the last write and the healing all copies are equal within one period of
    /// anti-entropy and the longest delay (which is what eventual consistency promises, and all).
    #[test]
    fn all_copies_agree_after_the_healing(
        seed in 0u64..1_000_000,
        rule in prop::sample::select(vec!["lww", "siblings", "g-counter", "pn-counter", "or-set"]),
        n in 2usize..6,
        acts in prop::collection::vec((0u64..600, 0u8..7, 0u8..20), 0..12),
        loss in any::<bool>(),
    ) {
        let (v, at) = troubled(seed, rule, n, &acts, loss);
        // Likes of an act go on for 40 ms; a write in a row may start until its timeout.
        let last_write = at + 50;
        let run = run(v, last_write + 1_000 + 90 + 1);
        prop_assert_eq!(model(&*run).differing(), 0);
    }

    /// Rewinding and stepping do not change a run.
    #[test]
    fn a_run_is_its_value(seed in 0u64..1_000_000, acts in prop::collection::vec((0u64..600, 0u8..7, 0u8..20), 0..8), back in 0u64..3_000) {
        let (v, _) = troubled(seed, "siblings", 3, &acts, true);
        let straight = run(v.clone(), 4_000).digest();
        let mut other = QUESTION.run(v);
        other.advance(Us::ms(3_000), u64::MAX);
        other.seek(Us::ms(back));
        other.step_forward();
        other.seek(Us::ms(4_000));
        prop_assert_eq!(other.digest(), straight);
    }

    /// A register's timestamp at a node never goes back, whatever happens around it.
    #[test]
    fn versions_never_go_backwards(seed in 0u64..1_000_000, acts in prop::collection::vec((0u64..600, 0u8..7, 0u8..20), 0..8)) {
        let (v, at) = troubled(seed, "lww", 3, &acts, true);
        let mut run = QUESTION.run(v);
        let stamps = |run: &dyn Live| -> Vec<_> {
            model(run).replicas().iter().flat_map(|r| r.states().iter().map(|s| s.stamp())).collect()
        };
        let mut before = stamps(&*run);
        for i in 1..=40 {
            run.advance(Us::ms((at + 1_500) * i / 40), u64::MAX);
            let now = stamps(&*run);
            prop_assert!(now.iter().zip(&before).all(|(a, b)| a >= b));
            before = now;
        }
    }
}

#[test]
fn ten_busy_minutes_fit_the_checkpoint_store() {
    for set in [&[][..], &[("n", "7"), ("r", "4"), ("w", "4"), ("rule", "or-set"), ("reads", "200"), ("writes", "50")]]
    {
        let run = run(value(set, 1), 600_000);
        let bytes = run.checkpoint_bytes();
        println!("{} events, {} KiB of checkpoints", run.moment().events, bytes / 1024);
        assert!(bytes <= 64 << 20);
    }
}
