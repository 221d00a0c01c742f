//! The database as the bottleneck: capacities, staleness, shards, batches, failovers, the laws.

mod common;

use common::{Trouble, ask, cases, count, number};
use proptest::prelude::*;
use sim::kernel::{Live, Us};
use sim::questions::db_bottleneck_spikes::QUESTION;
use sim::theory;

fn run(knobs: &[(&str, &str)], inputs: &[&str], until: u64) -> Box<dyn Live> {
    common::after(common::run(&QUESTION, 1, knobs, inputs), Us::s(until))
}

fn near(got: f64, expected: f64, share: f64, what: &str) {
    assert!((got / expected - 1.0).abs() < share, "{what}: {got} for {expected}");
}

/// Replicas multiply what can be read, by C - w each, and add nothing to what can be written.
#[test]
fn replicas_multiply_reads_and_never_writes() {
    for (writes, replicas, reads) in
        [(8_000.0, "0", 2_000.0), (8_000.0, "2", 6_000.0), (8_000.0, "10", 22_000.0), (1_000.0, "2", 27_000.0)]
    {
        let w = if writes == 8_000.0 { "8000" } else { "1000" };
        let knobs = [
            ("writes", w),
            ("reads", "40000"),
            ("replicas", replicas),
            ("route", "all"),
            ("lookers", "0"),
            ("arrivals", "even"),
            ("law", "fixed"),
        ];
        // Lines fill first; what is served then is what can be.
        let run = run(&knobs, &[], 7);
        near(ask(&*run, "read_rate(3s, 7s)"), reads, 0.01, "reads");
        near(ask(&*run, "write_rate(3s, 7s)"), writes, 0.01, "writes");
        near(ask(&*run, "reads_possible"), reads, 0.02, "the formula");
        assert!((theory::read_capacity(ask(&*run, "readers"), 10_000.0, writes) - reads).abs() < 1e-6);
    }
    // Twenty replicas' worth of writes: the primary's own ceiling, and nothing for reads.
    let many = run(&[("writes", "14000"), ("replicas", "4"), ("lookers", "0"), ("reads", "1000")], &[], 6);
    near(ask(&*many, "write_rate(2s, 6s)"), 10_000.0, 0.02, "write ceiling");
}

/// Whoever reads before the lag is over misses their own write, unless the router knows.
#[test]
fn where_the_comment_went() {
    let base = [("lookers", "100"), ("reads", "2000"), ("writes", "300")];
    let with = |more: &[(&str, &str)]| run(&[&base[..], more].concat(), &[], 8);
    assert_eq!(ask(&*with(&[]), "missed_share(2s, 8s)"), 100.0);
    for more in [
        &[("route", "sticky")][..],
        &[("route", "token")],
        &[("route", "token"), ("wait", "400")],
        &[("route", "primary")],
        &[("commit", "applied")],
    ] {
        let run = with(more);
        assert_eq!(ask(&*run, "missed_share(2s, 8s)"), 0.0, "{more:?}");
        assert_eq!(ask(&*run, "went_back"), 0.0);
        assert!(count(&*run, "looks") > 2_000);
    }
    // A position costs waiting or the primary's time; remote_apply costs every writer the lag.
    assert_eq!(ask(&*with(&[("route", "token"), ("wait", "400")]), "primary_looks(2s, 8s)"), 0.0);
    assert_eq!(ask(&*with(&[("route", "token")]), "primary_looks(2s, 8s)"), 100.0);
    assert!(ask(&*with(&[("commit", "applied")]), "write_ms(2s, 8s)") > 200.0);
    assert!(ask(&*with(&[]), "write_ms(2s, 8s)") < 10.0);
}

/// One key's share bounds any number of shards, until the key is split.
#[test]
fn a_celebrity_bounds_the_shards() {
    let base = [("shards", "32"), ("replicas", "0"), ("capacity", "4000"), ("lookers", "0"), ("reads", "15000")];
    let at = |more: &[(&str, &str)], inputs: &[&str], until| run(&[&base[..], more].concat(), inputs, until);
    let plain = at(&[], &[], 6);
    near(ask(&*plain, "top_share"), 10.22, 0.005, "top key's share");
    near(ask(&*plain, "speed_up_max"), 9.79, 0.005, "bound");
    let one = ask(&*plain, "speed_up(2s, 6s)");
    assert!(one <= 9.8, "{one}");
    near(ask(&*at(&[("skew", "1.2")], &[], 1), "top_share"), 20.8, 0.01, "top key's share at 1.2");
    near(ask(&*at(&[("skew", "1.2")], &[], 1), "speed_up_max"), 4.8, 0.01, "bound at 1.2");
    let split = at(&[], &["2s split parts=8"], 12);
    // Then the second key is the bound: 5.1 %.
    let eight = ask(&*split, "speed_up(8s, 12s)");
    println!("{one} with one key, {eight} with eight");
    assert!(eight > 1.2 * one && ask(&*split, "speed_up_max") > 19.0, "{one} {eight}");
    assert!(ask(&*split, "reads_refused(8s, 12s)") == 0.0);
    let pinned = at(&[], &["2s pin"], 12);
    assert!(ask(&*pinned, "speed_up(8s, 12s)") <= 9.8, "a pinned key is still one key");
}

/// A shard more, live: a ring moves about an eleventh, modulo ten elevenths; no key is ever nowhere.
#[test]
fn resharding_while_it_runs() {
    let base = [
        ("shards", "10"),
        ("replicas", "1"),
        ("reads", "4000"),
        ("lag", "20"),
        ("lookers", "100"),
        ("route", "sticky"),
    ];
    for (placement, points, moved, within) in [("ring", "1000", 9.1, 1.0), ("modulo", "100", 90.9, 1.0)] {
        let knobs = [&base[..], &[("placement", placement), ("points", points), ("chunk", "500")]].concat();
        let run = run(&knobs, &["2s reshard"], 40);
        let share = ask(&*run, "moved_share");
        println!("{placement}: {share} % in {} s", ask(&*run, "moving_s"));
        assert!((share - moved).abs() < within, "{placement}: {share}");
        assert_eq!(ask(&*run, "on_no_shard"), 0.0);
        assert!(ask(&*run, "on_two_shards") <= 500.0 && ask(&*run, "moving_s") < 30.0);
        assert_eq!(count(&*run, "keys_moved"), (share * 100.0).round() as u64);
        assert_eq!(count(&*run, "reads_failed") + count(&*run, "writes_failed") + count(&*run, "writes_lost"), 0);
        // Whoever is sent to the primary finds their write, wherever the key went meanwhile.
        assert_eq!(ask(&*run, "missed_share(0s, 40s)"), 0.0);
        assert!(count(&*run, "writes_forwarded") > 0);
    }
}

/// A primary dies in the middle of a move, and the keys arrive all the same.
#[test]
fn a_move_survives_a_primary() {
    let knobs = [("shards", "4"), ("placement", "modulo"), ("reads", "2000"), ("failover", "2"), ("lookers", "0")];
    let run = run(&knobs, &["2s reshard", "3s primary shard=1", "4s primary shard=5"], 60);
    assert_eq!(ask(&*run, "on_no_shard"), 0.0);
    assert!(ask(&*run, "moving_s") < 50.0);
    assert_eq!(count(&*run, "promotions"), 2);
    assert!((ask(&*run, "moved_share") - 80.0).abs() < 2.0);
}

/// Asynchronous: what was on its way is gone. Synchronous: nothing is, whoever is promoted.
#[test]
fn failovers_lose_what_nobody_else_had() {
    let at = |more: &[(&str, &str)], promote: &str| {
        let base = [("failover", "3"), ("reads", "4000"), ("lookers", "100")];
        let kill = format!("5s primary promote={promote}");
        run(&[&base[..], more].concat(), &["3s lag by=1000 for=60 replica=2", &kill], 14)
    };
    // 200 ms of 1,000 writes a second; 1,200 ms on the replica that is behind.
    let (latest, behind) = (ask(&*at(&[], "latest"), "lost_writes"), ask(&*at(&[], "behind"), "lost_writes"));
    assert!((latest - 200.0).abs() < 45.0 && (behind - 1_200.0).abs() < 110.0, "{latest} {behind}");
    for commit in ["standby", "applied"] {
        for promote in ["latest", "behind"] {
            let run = at(&[("commit", commit)], promote);
            assert_eq!(ask(&*run, "lost_writes"), 0.0, "{commit}");
            assert!(ask(&*run, "write_rate(9s, 14s)") > 900.0, "{commit}: writes go on");
        }
    }
    assert!(ask(&*at(&[], "latest"), "write_rate(5s, 8s)") < 1.0, "no primary, no writes");
    assert_eq!(ask(&*at(&[("ack", "queue")], "latest"), "writes_refused(5s, 14s)"), 0.0, "the queue takes them");
}

/// What "done" means when the application dies.
#[test]
fn what_done_means() {
    let crash = |ack: &str| {
        let knobs = [("batching", "batch"), ("ack", ack), ("reads", "100"), ("arrivals", "even")];
        run(&knobs, &["5s crash"], 8)
    };
    let (commit, memory, queue) = (crash("commit"), crash("memory"), crash("queue"));
    assert!(ask(&*memory, "lost_writes") > 0.0 && ask(&*memory, "lost_writes") < 100.0);
    assert_eq!(ask(&*commit, "lost_writes") + ask(&*queue, "lost_writes"), 0.0);
    assert!(ask(&*commit, "failed_writes") > 0.0 && ask(&*queue, "failed_writes") == 0.0);
    assert!(ask(&*memory, "write_ms(1s, 8s)") < 2.0 && ask(&*commit, "write_ms(1s, 8s)") > 40.0);
}

/// A replica is not there when it is ordered, and costs its primary until it is.
#[test]
fn a_replica_arrives_late() {
    let knobs = [("ready", "20"), ("route", "all"), ("reads", "24000"), ("lookers", "0"), ("replicas", "1")];
    let run = run(&knobs, &["5s add replicas=3"], 40);
    assert_eq!(ask(&*run, "readers"), 5.0);
    let [before, during, after] =
        ["read_rate(2s, 5s)", "read_rate(8s, 25s)", "read_rate(28s, 40s)"].map(|m| ask(&*run, m));
    assert!(during < before - 1_500.0 && after > 23_500.0, "{before} {during} {after}");
    let never = common::after(common::run(&QUESTION, 1, &[("reads", "1000")], &["5s add"]), Us::s(100));
    assert_eq!(ask(&*never, "readers"), 2.0, "twenty minutes are not over");
}

/// Queries without the shard key ask everybody; a read store has everything in one place.
#[test]
fn queries_across_shards() {
    let base = [("shards", "8"), ("reads", "3000"), ("scatter", "50"), ("lookers", "0")];
    let plain = run(&base, &[], 6);
    assert_eq!(ask(&*plain, "shards_asked"), 8.0);
    let store = run(&[&base[..], &[("cqrs", "on")]].concat(), &[], 6);
    assert!(ask(&*store, "read_ms(2s, 6s)") < ask(&*plain, "read_ms(2s, 6s)"));
    assert_eq!(count(&*store, "reads_refused"), 0);
    assert_eq!(ask(&*store, "readers").min(1.0), 1.0);
}

/// Smaller data, fewer pages from disk.
#[test]
fn archiving_makes_room_in_memory() {
    let knobs = [("data", "four"), ("reads", "6000"), ("lookers", "0"), ("writes", "200")];
    let run = run(&knobs, &["6s archive share=80 for=10"], 30);
    near(ask(&*run, "data_size"), 0.8, 1e-6, "size");
    // Three in four pages come from disk at first: 4.75 units a read, 2,060 reads a second and node.
    near(ask(&*run, "read_rate(2s, 6s)"), 2.0 * 9_800.0 / 4.75, 0.03, "before");
    near(ask(&*run, "read_rate(20s, 30s)"), 6_000.0, 0.02, "after");
}

/// The cache takes reads, and keeps what is old for as long as nobody removes it.
#[test]
fn the_cache_and_its_age() {
    let at = |more: &[(&str, &str)]| {
        run(&[&[("cache", "on"), ("writes", "200"), ("lookers", "100")], more].concat(), &[], 20)
    };
    let (kept, removed) = (at(&[("invalidate", "off")]), at(&[]));
    assert!(ask(&*kept, "cache_hits(10s, 20s)") > 90.0);
    assert!(ask(&*kept, "stale_share(10s, 20s)") > 50.0);
    assert!(ask(&*removed, "stale_share(10s, 20s)") < ask(&*kept, "stale_share(10s, 20s)"));
}

/// A user who keeps to one replica does not go back in time; one who is dealt to any does.
#[test]
fn back_in_time() {
    let at = |choice: &str| {
        let knobs = [
            ("lag_kind", "bursts"),
            ("lookers", "100"),
            ("look", "200"),
            ("choice", choice),
            ("reads", "500"),
            ("writes", "200"),
        ];
        ask(&*run(&knobs, &[], 20), "went_back")
    };
    assert!(at("random") > 100.0 && at("user") == 0.0);
}

/// Slow or busy replicas fall behind: lag grows with load.
#[test]
fn lag_grows_with_load() {
    let lag = |reads: &str| ask(&*run(&[("reads", reads)], &[], 10), "lag_max(4s, 10s)");
    assert!(lag("10000") < 215.0 && lag("30000") > 230.0, "{} {}", lag("10000"), lag("30000"));
    let slow = run(&[("reads", "8000")], &["4s slow factor=20 for=10"], 40);
    assert!(ask(&*slow, "lag_max(6s, 14s)") > 3_000.0, "500 units a second for 1,000 writes");
    assert!(number(&*slow, "lag") < 260.0, "it has caught up");
}

/// A checkpoint is small, and a seek is quick.
#[test]
fn the_state_is_compact() {
    let mut run = common::run(&QUESTION, 1, &[], &[]);
    run.advance(Us::s(60), u64::MAX);
    let each = run.checkpoint_bytes() as u64 / (run.moment().events / 32_768 + 1);
    println!("{each} bytes each, {} events a second", run.moment().events / 60);
    assert!(each < 120_000, "{each} bytes for a checkpoint");
}

const TROUBLE: Trouble = Trouble {
    question: &QUESTION,
    base: &[
        ("reads", 400.0),
        ("writes", 150.0),
        ("capacity", 600.0),
        ("line", 40.0),
        ("ready", 3.0),
        ("failover", 2.0),
        ("lookers", 50.0),
        ("keys", 400.0),
    ],
    fixed: &["reads", "writes", "keys"],
    reach: 0.3,
    trouble_ms: 9_000,
    until: Us::s(12),
};

proptest! {
    #![proptest_config(cases(60))]

    /// Any settings, any faults: nothing is lost or invented but what is counted as lost.
    #[test]
    fn nothing_is_lost_or_invented(value in TROUBLE.runs()) {
        TROUBLE.laws_hold(value)?;
    }

    /// Synchronous commits, whatever dies: no acknowledged write is lost while the client waits for
    /// its commit.
    #[test]
    fn synchronous_commits_lose_nothing(value in TROUBLE.runs(), applied: bool) {
        let mut value = value;
        let (commit, ack) = (QUESTION.knob("commit").unwrap(), QUESTION.knob("ack").unwrap());
        value.knobs.set(commit, if applied { 2.0 } else { 1.0 });
        value.knobs.set(ack, 0.0);
        value.knobs.set(QUESTION.knob("replicas").unwrap(), 2.0);
        value.inputs.retain(|i| !matches!(i.what, sim::kernel::What::Knob { knob, .. } if knob == commit || knob == ack));
        let mut run = QUESTION.run(value);
        run.advance(Us::s(12), u64::MAX);
        prop_assert_eq!(ask(&*run, "lost_writes"), 0.0);
        prop_assert_eq!(ask(&*run, "on_no_shard"), 0.0);
    }
}
