//! Queues that push back: the formulas, the rule for the bound, the poll trap, the hot tenant.

mod common;

use common::{Trouble, any_act, ask, cases};
use proptest::prelude::*;
use sim::kernel::{Live, Us};
use sim::questions::backpressure::QUESTION;
use sim::script;

fn run(seed: u64, knobs: &[(&str, &str)], inputs: &[&str]) -> Box<dyn Live> {
    common::run(&QUESTION, seed, knobs, inputs)
}

fn after(run: Box<dyn Live>, until_ms: u64) -> Box<dyn Live> {
    common::after(run, Us::ms(until_ms))
}

/// 30 workers that can do 300 a second, 280 a second, patience 1 s, three attempts, ten seconds of outage.
const POOL: &[(&str, &str)] =
    &[("rate", "280"), ("workers", "30"), ("service", "100"), ("db_share", "0"), ("attempts", "3")];

/// By Little's law a full room keeps people waiting for K/C: it must be less than their patience.
#[test]
fn the_room_must_be_smaller_than_patience_times_capacity() {
    for (k, most) in [
        (60u32, Some(4.0)),
        (100, Some(3.0)),
        (200, Some(3.0)),
        (250, Some(15.0)),
        (350, None),
        (1_000, None),
        (0, None),
    ] {
        for seed in 1..=3 {
            let text = k.to_string();
            let knobs: Vec<_> = POOL.iter().copied().chain([("bound", text.as_str()), ("memory", "200000")]).collect();
            let run = after(run(seed, &knobs, &["20s stall for=10"]), 75_000);
            let (recovered, share) = (ask(&*run, "recovered_s"), ask(&*run, "goodput_share(60s, 74s)"));
            match most {
                Some(most) => {
                    assert!(recovered <= most && share > 95.0, "K={k}, seed {seed}: {recovered} s, {share} %")
                }
                None => assert!(recovered >= 45.0 && share < 10.0, "K={k}, seed {seed}: {recovered} s, {share} %"),
            }
        }
    }
}

/// What limits the age of work instead of its number works as well.
#[test]
fn age_limits_recover_too() {
    for more in [
        &[("control", "on")][..],
        &[("order", "lifo")],
        &[("full", "oldest"), ("bound", "150")],
        &[("limiter", "vegas")],
    ] {
        let knobs: Vec<_> = POOL.iter().copied().chain([("bound", "0")]).chain(more.iter().copied()).collect();
        let run = after(run(1, &knobs, &["20s stall for=10"]), 75_000);
        let share = ask(&*run, "goodput_share(60s, 74s)");
        assert!(share > 90.0, "{more:?}: {share} %");
    }
}

/// 10,000 records a poll and 200 workers are 50 waves. At 6 s a record the batch takes 300 s and passes; above, never.
#[test]
fn the_poll_trap_is_exact() {
    let trap = |service: &str, more: &[(&str, &str)], until_s: u64| {
        let base = [
            ("system", "consumer"),
            ("members", "1"),
            ("law", "fixed"),
            ("db_share", "0"),
            ("rate", "30"),
            ("backlog", "20000"),
            ("strategy", "wait"),
            ("service", service),
        ];
        let knobs: Vec<_> = base.iter().chain(more).copied().collect();
        after(run(1, &knobs, &[]), until_s * 1_000)
    };
    let fits = trap("6000", &[], 1_300);
    assert_eq!((ask(&*fits, "committed"), ask(&*fits, "duplicated"), ask(&*fits, "expelled")), (40_000.0, 0.0, 0.0));
    let late = trap("6001", &[], 1_300);
    assert_eq!((ask(&*late, "committed"), ask(&*late, "expelled")), (0.0, 4.0));
    assert_eq!(ask(&*late, "duplicate_share(310s, 1300s)"), 100.0);
    // The default of 500 takes three waves: 100 s a record.
    for (service, committed) in [("100000", 1_500.0), ("100001", 0.0)] {
        let run = trap(service, &[("batch", "500")], 1_000);
        assert_eq!(ask(&*run, "committed"), committed, "{service} ms");
    }
    // To hold back: pause the partitions and keep polling. A loop that blocks on its channel is expelled.
    let paused = trap("6100", &[("strategy", "pause")], 1_300);
    assert_eq!((ask(&*paused, "expelled"), ask(&*paused, "duplicated")), (0.0, 0.0));
    assert!(ask(&*paused, "committed") > 42_000.0 && ask(&*paused, "inside_max") <= 11_200.0);
    let blocked = trap("7000", &[("strategy", "block")], 1_300);
    assert!(ask(&*blocked, "expelled") >= 2.0 && ask(&*blocked, "duplicated") > 10_000.0);
    // Without any holding back the cap of 10,000 a poll bounds nothing.
    let greedy = trap("6100", &[("strategy", "none")], 400);
    assert!(ask(&*greedy, "killed") >= 5.0 && ask(&*greedy, "committed") == 0.0);
}

/// Switched to pausing while it is in the trap, the consumer stays in the group from then on.
#[test]
fn the_way_out_of_the_trap_is_to_poll() {
    let knobs = [
        ("system", "consumer"),
        ("members", "1"),
        ("law", "fixed"),
        ("db_share", "0"),
        ("rate", "30"),
        ("backlog", "20000"),
        ("strategy", "wait"),
        ("service", "7000"),
    ];
    let run = after(run(1, &knobs, &["500s set strategy=pause"]), 1_300_000);
    assert_eq!(ask(&*run, "expelled"), 1.0);
    assert!(ask(&*run, "committed") > 20_000.0, "{}", ask(&*run, "committed"));
}

/// What happened to one request, and to a record that came twice, in words.
#[test]
fn stories_say_why() {
    let tell = |run: &mut dyn Live, id: u32, near: u64| -> String {
        let story = run.story(id, Us::s(near));
        story.lines.iter().map(|l| run.tell(l)).collect::<Vec<_>>().join("; ")
    };
    let mut refused = after(run(1, &[("bound", "10")], &[]), 10_000);
    let all: Vec<String> = (0..200).map(|id| tell(&mut *refused, id, 5)).collect();
    assert!(all.iter().any(|s| s.contains("503, there was no room")), "{all:?}");
    assert!(all.iter().any(|s| s.contains("answered,") && s.contains("a worker takes it after")));
    let knobs = [
        ("system", "consumer"),
        ("members", "1"),
        ("interval", "20"),
        ("backlog", "2000"),
        ("service", "3000"),
        ("law", "fixed"),
        ("strategy", "wait"),
        ("db_share", "0"),
    ];
    let mut twice = after(run(1, &knobs, &[]), 60_000);
    let story = tell(&mut *twice, 0, 30);
    assert!(story.contains("processed by consumer 1") && story.contains("processed again, by consumer 1"), "{story}");
}

/// A killed consumer is missed after its session; what it had polled comes again, or is lost.
#[test]
fn what_a_death_costs_depends_on_when_offsets_are_committed() {
    let killed = |more: &[(&str, &str)]| {
        let base = [
            ("system", "consumer"),
            ("service", "200"),
            ("rate", "300"),
            ("members", "2"),
            ("pool", "20"),
            ("backlog", "3000"),
            ("strategy", "pause"),
            ("db_share", "0"),
        ];
        let knobs: Vec<_> = base.iter().chain(more).copied().collect();
        after(run(2, &knobs, &["12s kill consumer=1"]), 240_000)
    };
    let done = killed(&[]);
    assert!(ask(&*done, "duplicated") > 0.0 && ask(&*done, "lost_records") == 0.0);
    assert_eq!(ask(&*done, "rebalances"), 2.0, "out when its session has ended, and in again");
    let auto = killed(&[("commit", "auto")]);
    assert!(ask(&*auto, "lost_records") > 100.0, "{}", ask(&*auto, "lost_records"));
    // A pause longer than the session looks like a death to the group.
    let paused = after(
        run(
            2,
            &[("system", "consumer"), ("service", "200"), ("rate", "300"), ("pool", "60"), ("db_share", "0")],
            &["12s pause consumer=1 for=100"],
        ),
        200_000,
    );
    assert!(ask(&*paused, "expelled") == 1.0 && ask(&*paused, "rebalances") == 2.0);
}

/// The log takes whatever is produced: what grows is the lag.
#[test]
fn a_log_holds_nobody_back() {
    let knobs = [
        ("system", "consumer"),
        ("rate", "300"),
        ("members", "2"),
        ("pool", "10"),
        ("service", "100"),
        ("db_share", "0"),
        ("strategy", "pause"),
    ];
    let run = after(run(1, &knobs, &[]), 60_000);
    // 300 a second for 200: in a minute 6,000 records, half a minute of work. (A batch goes partition by
    // partition, so the last one's records are older by up to a channel's worth of work.)
    let (lag, age) = (ask(&*run, "queue"), ask(&*run, "oldest"));
    assert!((lag - 6_000.0).abs() < 600.0 && (15_000.0..35_000.0).contains(&age), "{lag} records, {age} ms");
    assert_eq!((ask(&*run, "blocked"), ask(&*run, "refused")), (0.0, 0.0));
}

/// More consumers than partitions have nothing to do.
#[test]
fn consumers_beyond_the_partitions_are_idle() {
    let rate = |members: &str| {
        let knobs = [
            ("system", "consumer"),
            ("partitions", "4"),
            ("rate", "600"),
            ("pool", "10"),
            ("service", "100"),
            ("db_share", "0"),
            ("members", members),
        ];
        ask(&*after(run(1, &knobs, &[]), 40_000), "served_rate(10s, 40s)")
    };
    let (two, four, eight) = (rate("2"), rate("4"), rate("8"));
    assert!(two < 205.0 && (four / two - 2.0).abs() < 0.1 && (eight / four - 1.0).abs() < 0.02, "{two} {four} {eight}");
}

/// One tenant sends ten times its share to a service that has room for all the others.
#[test]
fn a_hot_tenant_does_not_move_the_others_if_tenants_take_turns() {
    let hot = |more: &[(&str, &str)]| {
        let base = [
            ("rate", "120"),
            ("workers", "30"),
            ("service", "100"),
            ("db_share", "0"),
            ("bound", "300"),
            ("patience", "2000"),
            ("hot", "10"),
        ];
        let knobs: Vec<_> = base.iter().chain(more).copied().collect();
        let run = after(run(1, &knobs, &[]), 120_000);
        (ask(&*run, "others_p99"), ask(&*run, "others_loss"))
    };
    let alone = hot(&[("hot", "1")]).0;
    let fifo = hot(&[]);
    let fair = hot(&[("order", "fair"), ("full", "heaviest")]);
    let walls = hot(&[("order", "fair"), ("bulkhead", "75")]);
    assert!(fair.0 < alone * 1.2 && fair.1 == 0.0, "{fair:?} for {alone}");
    assert!(walls.0 < alone * 1.2 && walls.1 == 0.0, "{walls:?} for {alone}");
    assert!(fifo.0 > alone * 2.0 && fifo.1 > 15.0, "{fifo:?} for {alone}");
}

/// Blocked producers lose nothing: they produce later, at the pace of the service.
#[test]
fn delay_is_moved_not_lost() {
    for more in [&[("full", "block"), ("bound", "20")][..], &[("source", "credit"), ("window", "5")]] {
        let run = after(run(1, more, &[]), 60_000);
        assert_eq!(ask(&*run, "loss(0s, 60s)"), 0.0, "{more:?}");
        let produced = ask(&*run, "produced_rate(5s, 60s)");
        assert!((produced - 100.0).abs() < 5.0, "{more:?}: {produced} a second");
        // A third of what they would send is not sent: they stand still a good third of the time.
        let still = ask(&*run, "blocked_s") / 4.0 / 60.0;
        assert!(still > 0.25, "{more:?}: {still}");
        assert!(ask(&*run, "inside_max") <= 20.0);
    }
    // When the service is faster again, they catch up with nothing: what was not produced is not owed.
    let eased = after(run(1, &[("full", "block"), ("bound", "20")], &["30s set workers=4"]), 60_000);
    assert!((ask(&*eased, "produced_rate(35s, 60s)") - 150.0).abs() < 8.0);
}

/// The limit finds the workers, without being told how many there are or how fast.
#[test]
fn adaptive_limits_find_the_room() {
    for (limiter, low, high) in [("vegas", 30.0, 42.0), ("gradient", 36.0, 56.0), ("aimd", 50.0, 100.0)] {
        let base = [("rate", "450"), ("workers", "30"), ("service", "100"), ("db_share", "0"), ("bound", "0")];
        let knobs: Vec<_> = base.iter().copied().chain([("limiter", limiter), ("late", "250")]).collect();
        let run = after(run(1, &knobs, &[]), 28_000);
        let (room, goodput) = (ask(&*run, "limit"), ask(&*run, "goodput_rate(15s, 28s)"));
        assert!((low..=high).contains(&room), "{limiter}: {room}");
        assert!(goodput > 270.0, "{limiter}: {goodput} of 300 a second");
        assert!(ask(&*run, "delay_mean(15s, 28s)") < 300.0);
    }
}

/// Two hundred workers make a database with a knee at 17 slower, not faster.
#[test]
fn more_workers_than_the_knee_only_move_the_queue() {
    let served = |workers: &str| {
        let knobs = [("workers", workers), ("db_share", "100"), ("rate", "900"), ("bound", "400"), ("db_pool", "2000")];
        ask(&*after(run(1, &knobs, &[]), 30_000), "served_rate(10s, 30s)")
    };
    let (ten, knee, many) = (served("10"), served("17"), served("200"));
    // X(17) = 100 C(17) = 630 a second; X(200) = 140.
    assert!((knee - 630.0).abs() < 20.0 && ten < knee && (many - 140.0).abs() < 15.0, "{ten} {knee} {many}");
}

#[test]
fn the_queue_nobody_bounded_ends_at_the_memory() {
    let run = after(run(1, &[("bound", "0"), ("memory", "1000"), ("restart", "5")], &[]), 30_000);
    assert_eq!(ask(&*run, "killed"), 1.0);
    assert!(ask(&*run, "lost") > 999.0 && ask(&*run, "inside_max") <= 1_000.0);
}

const TROUBLE: Trouble = Trouble {
    question: &QUESTION,
    base: &[("rate", 200.0)],
    fixed: &["rate", "system"],
    reach: 0.1,
    trouble_ms: 12_000,
    until: Us::s(15),
};

proptest! {
    #![proptest_config(cases(80))]

    /// Any settings, any faults, in both systems: accepted is done, waiting or in service; credits stay
    /// within the window; committed stays below processed; one owner a partition.
    #[test]
    fn nothing_is_lost_or_invented(mut value in TROUBLE.runs(), log: bool) {
        value.knobs.set(QUESTION.knob("system").unwrap(), f64::from(u8::from(log)));
        TROUBLE.laws_hold(value)?;
    }

    /// Never more inside than there is room, whoever has to go for it.
    #[test]
    fn depth_is_at_most_k(
        seed in 0u64..1_000,
        k in 1u32..60,
        full in 0u32..4,
        order in 0u32..4,
        workers in 1u32..20,
        credit: bool,
        acts in prop::collection::vec((0usize..20, 0u64..8_000, 0.0f64..1.0), 0..6),
    ) {
        let mut value = common::value(&QUESTION, seed, &[("rate", "300")]);
        for (key, v) in [("bound", k), ("full", full), ("order", order), ("workers", workers), ("source", credit.into()), ("attempts", 2)] {
            value.knobs.set(QUESTION.knob(key).unwrap(), f64::from(v));
        }
        value.inputs = acts.into_iter().map(|(a, t, x)| any_act(&QUESTION, a, Us::ms(t), x * x * 0.1)).collect();
        value.inputs.sort_by_key(|i| i.at);
        let mut run = QUESTION.run(value);
        run.advance(Us::s(10), u64::MAX);
        prop_assert!(ask(&*run, "inside_max") <= f64::from(k));
        prop_assert_eq!(run.invariants(), Ok(()));
    }

    /// A producer that is held back goes on afterwards: nothing stays held for ever.
    #[test]
    fn a_blocked_producers_clock_advances(seed in 0u64..1_000, k in 1u32..40, window in 1u32..10, credit: bool) {
        let mut value = common::value(&QUESTION, seed, &[("rate", "300")]);
        for (key, v) in [("bound", k), ("full", 1), ("source", credit.into()), ("window", window)] {
            value.knobs.set(QUESTION.knob(key).unwrap(), f64::from(v));
        }
        value.inputs = vec![script::parse_input(&QUESTION, "2s burst count=300").unwrap(), script::parse_input(&QUESTION, "10s set rate=1").unwrap()];
        let mut run = QUESTION.run(value);
        run.advance(Us::s(30), u64::MAX);
        prop_assert!(ask(&*run, "produced_rate(3s, 10s)") > 80.0);
        prop_assert_eq!(ask(&*run, "loss(0s, 30s)"), 0.0);
        // One of the few that still come may be held at this very moment, but not at all three.
        let free = [30, 31, 32].into_iter().any(|s| {
            run.advance(Us::s(s), u64::MAX);
            ask(&*run, "blocked") == 0.0
        });
        prop_assert!(free);
    }
}
