//! Caching: what the guards, the write policies and the cluster promise, in the whole model. The
//! figures of the article are experiments of its content; the blocks have tests of their own.

mod common;

use common::{Trouble, ask, cases, count};
use proptest::prelude::*;
use sim::kernel::{Live, Us};
use sim::questions::caching_benefits::QUESTION;

fn run(seed: u64, knobs: &[(&str, &str)], inputs: &[&str]) -> Box<dyn Live> {
    common::run(&QUESTION, seed, knobs, inputs)
}

fn after(run: Box<dyn Live>, ms: u64) -> Box<dyn Live> {
    common::after(run, Us::ms(ms))
}

/// Only key 1 is read.
const HOT: [(&str, &str); 3] = [("reads", "0"), ("hot", "2000"), ("writes", "0")];

fn hot(more: &[(&str, &str)], inputs: &[&str], ms: u64) -> Box<dyn Live> {
    let knobs: Vec<_> = HOT.iter().chain(more).copied().collect();
    after(run(1, &knobs, inputs), ms)
}

/// At most one query for a key in each process, whatever happens.
#[test]
fn single_flight_is_single_in_each_process() {
    let inputs = ["2s expire key=1", "3s flush", "4s update key=1", "5s slow factor=3", "5.1s expire key=1"];
    for (apps, most) in [("1", 1.0), ("7", 7.0)] {
        let r = hot(&[("guard", "single-flight"), ("apps", apps), ("patience", "300")], &inputs, 8_000);
        assert_eq!(ask(&*r, "loads_max"), most, "{apps} processes");
        assert!(count(&*r, "joined") > 500);
    }
    let r = hot(&[("guard", "lock"), ("apps", "50")], &inputs[..3], 8_000);
    assert_eq!((ask(&*r, "loads_max"), ask(&*r, "duplicate_loads")), (1.0, 0.0));
}

/// Whoever loads dies with the lock: the others wait for its end, then one takes over. Single flight
/// loses all who joined and goes on at once.
#[test]
fn a_dead_loader_holds_its_lock_until_the_end() {
    let inputs = ["2s crash", "2s expire key=1"];
    let knobs = [("guard", "lock"), ("lease", "1"), ("patience", "5000")];
    let r = hot(&knobs, &inputs, 5_000);
    assert_eq!(count(&*r, "failed"), 1);
    // 1 s of the lock, up to one more look, then the recomputation.
    let longest = ask(&*r, "p99_max(2s, 5s)");
    assert!((1_000.0..1_300.0).contains(&longest), "{longest}");
    let r = hot(&[("guard", "single-flight")], &inputs, 5_000);
    assert!((350..450).contains(&count(&*r, "failed")), "{}", count(&*r, "failed"));
    assert_eq!(ask(&*r, "db_calls(2s, 5s)"), 2.0);
}

/// Nothing is served for longer than its time to live, and with the old value allowed no longer than
/// that and the grace.
#[test]
fn served_ages_have_their_bounds() {
    let age = |knobs: &[(&str, &str)]| {
        let base = [("write", "ttl"), ("ttl", "2"), ("hot", "500"), ("writes", "200"), ("keys", "20")];
        let knobs: Vec<_> = base.iter().chain(knobs).copied().collect();
        ask(&*after(run(3, &knobs, &[]), 20_000), "stale_for_s")
    };
    for guard in ["none", "single-flight", "xfetch"] {
        assert!(age(&[("guard", guard)]) <= 2.001, "{guard}");
    }
    let graced = age(&[("guard", "swr"), ("grace", "0.5")]);
    assert!(graced <= 2.501, "{graced}");
}

/// Without a check the old value lives on; a version or a lease keeps it out, with every guard.
#[test]
fn the_write_race_is_closed_by_versions_and_by_leases() {
    for guard in ["none", "single-flight", "lock", "xfetch", "swr"] {
        for (check, old) in [("plain", true), ("version", false), ("lease", false)] {
            let knobs = [("guard", guard), ("on_set", check), ("ttl", "10"), ("law", "fixed"), ("servers", "1000")];
            let r = hot(&knobs, &["2s flush", "2s hold for=400", "2.1s update key=1"], 16_000);
            let stale_for = ask(&*r, "stale_for_s");
            // Single flight makes the others wait for the one that is held up; elsewhere somebody else
            // has stored the new value, and the late one overwrites it. XFetch takes the pause for part
            // of the recomputation, and so refreshes early.
            assert_eq!(stale_for > 3.0, old, "{guard}, {check}: {stale_for} s");
            assert_eq!(ask(&*r, "refused_sets") > 0.0, !old, "{guard}, {check}");
        }
    }
}

/// A remembered version is forgotten after 10 s: a reader that stops for longer wins after all.
#[test]
fn a_tombstone_does_not_last_for_ever() {
    let knobs =
        [("guard", "single-flight"), ("on_set", "version"), ("patience", "20000"), ("law", "fixed"), ("hot", "50")];
    let held = |ms: &str| {
        let inputs = ["2s flush".to_string(), format!("2s hold for={ms}"), "2.1s update key=1".to_string()];
        let inputs: Vec<&str> = inputs.iter().map(String::as_str).collect();
        ask(&*hot(&knobs, &inputs, 30_000), "stale_for_s")
    };
    assert_eq!(held("5000"), 0.0);
    assert!(held("11000") > 10.0);
}

/// A node dies: by modulo three keys in four move, on a ring one in four. And a node that comes back
/// does not bring old values with it.
#[test]
fn a_ring_moves_what_the_dead_node_had() {
    let queries = |place| {
        let knobs = [
            ("nodes", "4"),
            ("place", place),
            ("capacity", "40000"),
            ("ttl", "600"),
            ("writes", "0"),
            ("skew", "0"),
            ("keys", "2000"),
            ("recompute", "20"),
            ("servers", "300"),
        ];
        let r = after(run(1, &knobs, &["20s kill node=2"]), 24_000);
        ask(&*r, "db_calls(20s, 24s)")
    };
    let (modulo, ring) = (queries("modulo"), queries("ring"));
    assert!((1_400.0..1_750.0).contains(&modulo), "{modulo}");
    assert!((350.0..750.0).contains(&ring), "{ring}");
}

/// Without any cache every read asks, and what the database cannot do fails.
#[test]
fn without_a_cache_the_database_decides() {
    let r = after(
        run(1, &[("nodes", "1"), ("writes", "0"), ("hot", "0"), ("recompute", "20")], &["5s kill node=1"]),
        15_000,
    );
    let failed = ask(&*r, "failed_share(10s, 15s)");
    // 3,000 of 5,000 a second.
    assert!((failed - 40.0).abs() < 4.0, "{failed}");
    assert_eq!(ask(&*r, "hit_ratio(10s, 15s)"), 0.0);
}

/// For independent reads no policy hits more than the most popular keys would.
#[test]
fn no_policy_beats_the_static_best() {
    for policy in ["lru", "lfu", "fifo", "ttl"] {
        let knobs = [("policy", policy), ("writes", "0"), ("db_time", "1"), ("recompute", "1"), ("ttl", "600")];
        let r = after(run(2, &knobs, &[]), 20_000);
        let (got, best) = (ask(&*r, "hit_ratio(10s, 20s)"), ask(&*r, "best"));
        assert!(got < best + 0.5, "{policy}: {got} of at best {best}");
    }
}

/// A policy on one side leaves the other side's reads and query times alone.
#[test]
fn policies_leave_the_tape_alone() {
    let reads = |policy, guard| {
        let r = after(run(4, &[("policy", policy), ("guard", guard)], &[]), 3_000);
        (count(&*r, "reads"), count(&*r, "writes"))
    };
    assert_eq!(reads("lru", "none"), reads("fifo", "lock"));
}

/// The state of a large cache stays small enough for checkpoints, and seeking gives the same run.
#[test]
fn a_large_cache_can_be_rewound() {
    let knobs = [("keys", "100000"), ("capacity", "100000"), ("hot", "2000"), ("guard", "xfetch")];
    let mut r = run(1, &knobs, &["3s flush", "6s scan count=20000 rate=5000"]);
    r.advance(Us::s(20), u64::MAX);
    common::can_be_revisited(&mut *r, sim::kernel::CHECKPOINT_BYTES_MAX);
}

const TROUBLE: Trouble = Trouble {
    question: &QUESTION,
    base: &[("reads", 600.0), ("keys", 500.0), ("capacity", 60.0), ("hot", 150.0), ("ttl", 1.0)],
    fixed: &["reads"],
    reach: 1.0,
    trouble_ms: 5_000,
    until: Us::s(7),
};

proptest! {
    #![proptest_config(cases(80))]

    /// Any settings, any faults, any live change: the laws hold.
    #[test]
    fn the_laws_hold(value in TROUBLE.runs()) {
        TROUBLE.laws_hold(value)?;
    }
}
