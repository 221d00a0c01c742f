//! The rate limiter question: the figures of its experiments, derived again, and its laws.

mod common;

use common::{Acts, acted, after, number};
use proptest::prelude::*;
use sim::blocks::limiter::Algorithm;
use sim::questions::rate_limiter_design::{QUESTION, RateLimiter};
use sim::{Input, Live, RunValue, Us, What};

/// A run with these knobs, written as addresses write them, and these acts.
fn run(knobs: &[(&str, &str)], acts: Acts, seed: u64) -> Box<dyn Live> {
    QUESTION.run(acted(&QUESTION, seed, knobs, acts))
}

fn until(run: Box<dyn Live>, s: f64) -> Box<dyn Live> {
    after(run, Us::from_s(s))
}

fn model(run: &dyn Live) -> &RateLimiter {
    run.model().downcast_ref().unwrap()
}

const KEYS: [&str; 6] = ["fixed-window", "sliding-log", "sliding-counter", "token-bucket", "gcra", "leaky-queue"];

/// 100 in the last 100 ms of a window and 100 in the first 100 ms of the next.
#[test]
fn the_edge_of_a_window_lets_twice_the_limit_through() {
    let run = until(run(&[("edge", "60")], &[], 1), 61.0);
    let m = model(&*run);
    assert_eq!(m.arrivals(), 200);
    let worst: Vec<u64> = (0..5).map(|l| m.worst_second(l)).collect();
    assert_eq!(worst, [200, 100, 100, 100, 100]);
    let admitted: Vec<u64> = m.lanes.iter().map(|l| l.admitted).collect();
    assert_eq!(admitted, [200, 100, 100, 100, 100, 100]);
    // The queue accepts a hundred and lets them go one each 0.6 s: two in any second.
    assert_eq!(m.worst_second(5), 2);

    let small = until(self::run(&[("edge", "60"), ("burst", "10")], &[], 1), 61.0);
    assert_eq!(model(&*small).worst_second(Algorithm::Gcra as usize), 10);
}

/// Ten a second for three minutes: "100 per minute" in a bucket of 100 is 399 in three minutes.
#[test]
fn the_bucket_lets_its_size_through_on_top_of_the_rate() {
    let knobs = |burst| [("pattern", "greedy"), ("load", "6"), ("edge", "0"), ("burst", burst)];
    // 1,800 requests, the last at 179.9 s.
    for (burst, admitted, worst) in [("100", 399, 199), ("50", 349, 149), ("20", 319, 119), ("10", 309, 109)] {
        let run = until(run(&knobs(burst), &[], 1), 179.95);
        let m = model(&*run);
        assert_eq!(m.arrivals(), 1_800);
        for lane in [Algorithm::TokenBucket as usize, Algorithm::Gcra as usize] {
            assert_eq!(m.lanes[lane].admitted, admitted, "B={burst}");
            assert_eq!(m.worst_window(lane), worst, "B={burst}");
        }
        let windows: Vec<u64> = m.lanes[..3].iter().map(|l| l.admitted).collect();
        assert_eq!(windows, [300, 300, 298]);
    }
}

/// Ten at once, then one more a microsecond too early or just in time.
#[test]
fn retry_after_is_true_to_the_microsecond() {
    let knobs = [("algorithm", "gcra"), ("burst", "10"), ("pattern", "taps")];
    let ten: (f64, &str, &[f64]) = (0.0, "burst", &[10.0]);
    let early = until(run(&knobs, &[ten, (0.599_999, "tap", &[])], 1), 1.0);
    assert_eq!(number(&*early, "refused"), 1.0);
    let last = model(&*early).last_refusal.unwrap();
    assert_eq!(last.said.retry_after, Some(Us(1)));
    let timely = until(run(&knobs, &[ten, (0.6, "tap", &[])], 1), 1.0);
    assert_eq!(number(&*timely, "refused"), 0.0);

    let told = until(run(&knobs, &[(0.0, "burst", &[11.0])], 1), 0.1);
    let m = model(&*told);
    let mark = m.last_refusal.unwrap();
    assert_eq!(mark.said.retry_after, Some(Us(600_000)));
    assert_eq!(m.status(&mark), "429 Too Many Requests");
    assert_eq!(m.response(&mark)[0], ("Retry-After", "1".to_string()));
}

/// A thousand clients that are told the same second come back in the same second.
#[test]
fn clients_that_are_told_the_same_return_together_unless_they_spread() {
    let knobs = |reaction| {
        [("algorithm", "gcra"), ("burst", "10"), ("pattern", "taps"), ("tries", "2"), ("reaction", reaction)]
    };
    let act: (f64, &str, &[f64]) = (0.0, "burst", &[1_010.0]);
    let obedient = until(run(&knobs("honour"), &[act], 1), 12.0);
    assert_eq!(number(&*obedient, "worst_return"), 1_000.0);
    // Over ten seconds 100 a second are expected; the fullest second of any start holds more.
    for seed in 1..=40 {
        let spread = until(run(&knobs("jitter"), &[act], seed), 12.0);
        let worst = number(&*spread, "worst_return");
        assert!((100.0..=140.0).contains(&worst), "seed {seed}: {worst}");
        assert_eq!(number(&*spread, "returns"), 1_000.0);
    }
}

/// The same experiment in a window of a second is the same experiment, sixty times faster.
#[test]
fn only_the_ratio_of_times_matters() {
    let knobs = |window| [("algorithm", "sliding-counter"), ("pattern", "poisson"), ("window", window), ("edge", "0")];
    let slow = until(run(&knobs("60"), &[], 1), 3_600.0);
    let fast = until(run(&knobs("1"), &[], 1), 60.0);
    let (a, b) = (number(&*slow, "admitted"), number(&*fast, "admitted"));
    assert!((a - b).abs() <= 3.0, "{a} {b}");
}

/// The worst a sliding counter can do: a full window at its very end, then a steady knock.
#[test]
fn the_counters_worst_window_is_one_short_of_twice_the_limit() {
    let knobs = [("algorithm", "sliding-counter"), ("pattern", "taps"), ("edge", "60")];
    let acts: [(f64, &str, &[f64]); 3] =
        [(59.999, "burst", &[100.0]), (60.0, "burst", &[6_000.0, 60_000.0]), (60.001, "tap", &[])];
    let run = until(run(&knobs, &acts, 1), 121.0);
    assert_eq!(number(&*run, "worst_window"), 199.0);
    assert!(number(&*run, "worst_second") <= 101.0);
}

#[test]
fn a_neighbour_takes_nothing_unless_the_key_is_shared() {
    let decisions = |key, noisy: bool| {
        let knobs = [
            ("algorithm", "gcra"),
            ("pattern", "poisson"),
            ("load", "0.5"),
            ("burst", "20"),
            ("clients", "3"),
            ("key", key),
        ];
        let noise: (f64, &str, &[f64]) = (5.0, "noisy", &[30.0, 40.0]);
        let acts = if noisy { vec![noise] } else { vec![] };
        let run = until(run(&knobs, &acts, 3), 60.0);
        let m = model(&*run);
        let own: Vec<(u64, u64)> = m.clients[..3].iter().map(|c| (c.admitted, c.refused)).collect();
        own
    };
    assert_eq!(decisions("user", false), decisions("user", true));
    let shared: u64 = decisions("address", true).iter().map(|c| c.1).sum();
    let alone: u64 = decisions("user", true).iter().map(|c| c.1).sum();
    assert!(shared > alone + 50, "{shared} {alone}");
}

#[test]
fn a_paying_client_has_its_own_limit() {
    let knobs =
        [("algorithm", "token-bucket"), ("pattern", "taps"), ("clients", "2"), ("tiers", "two"), ("paid-factor", "3")];
    let acts: [(f64, &str, &[f64]); 2] = [(1.0, "burst", &[1_000.0, 0.0, 1.0]), (1.0, "burst", &[1_000.0, 0.0, 2.0])];
    let run = until(run(&knobs, &acts, 1), 1.0);
    let m = model(&*run);
    assert_eq!(m.clients[0].admitted, 300);
    assert_eq!(m.clients[1].admitted, 100);
}

#[test]
fn faults_break_the_promise_in_the_way_their_kind_says() {
    let knobs =
        |algorithm| [("algorithm", algorithm), ("pattern", "greedy"), ("load", "6"), ("burst", "10"), ("edge", "0")];
    // A restart at 30 s hands every key a second quota within the window. For GCRA two times 59:
    // ten at once and one each 0.6 s.
    for (algorithm, before, after) in [("sliding-log", 100.0, 200.0), ("gcra", 109.0, 118.0)] {
        let calm = until(run(&knobs(algorithm), &[], 1), 59.95);
        assert_eq!(number(&*calm, "worst_window"), before, "{algorithm}");
        let broken = until(run(&knobs(algorithm), &[(30.0, "restart", &[])], 1), 59.95);
        assert_eq!(number(&*broken, "worst_window"), after, "{algorithm}");
    }
    // Set back by 30 s, GCRA waits until its clock has caught up; the fixed window enters
    // the window before and then its own a second time, with a quota for each.
    let frozen = until(run(&knobs("gcra"), &[(60.0, "clock", &[-30.0])], 1), 89.0);
    let at_60 = until(run(&knobs("gcra"), &[], 1), 59.95);
    assert!(number(&*frozen, "admitted") <= number(&*at_60, "admitted") + 1.0);
    let again = until(run(&knobs("fixed-window"), &[(30.0, "clock", &[-45.0])], 1), 59.0);
    assert_eq!(number(&*again, "worst_window"), 300.0);
    // Ten seconds without a store: everything, or nothing.
    let outage: (f64, &str, &[f64]) = (20.0, "store_down", &[10.0]);
    let mut open = knobs("gcra").to_vec();
    open.push(("on-failure", "open"));
    let open = until(run(&open, &[outage], 1), 30.05);
    let mut closed = knobs("gcra").to_vec();
    closed.push(("on-failure", "closed"));
    let closed = until(run(&closed, &[outage], 1), 30.05);
    let gap = number(&*open, "admitted") - number(&*closed, "admitted");
    assert_eq!(gap, 100.0);
}

#[test]
fn a_client_that_obeys_is_let_in_at_its_second_try() {
    for algorithm in KEYS {
        let knobs = [
            ("algorithm", algorithm),
            ("pattern", "taps"),
            ("limit", "10"),
            ("window", "5"),
            ("burst", "4"),
            ("reaction", "honour"),
            ("tries", "2"),
        ];
        // Ten at once leave nothing, whatever the algorithm; the eleventh is told when to return.
        let acts: [(f64, &str, &[f64]); 1] =
            [(0.3, "burst", &[if algorithm.contains("window") || algorithm.contains("sliding") { 11.0 } else { 5.0 }])];
        let run = until(run(&knobs, &acts, 1), 30.0);
        let count = |key| run.counts().iter().find(|(k, _)| *k == key).unwrap().1;
        assert_eq!((count("refused"), count("returns"), count("failed")), (1, 1, 0), "{algorithm}");
    }
}

#[test]
fn the_story_of_a_refused_request_says_why() {
    let knobs = [("algorithm", "gcra"), ("burst", "10"), ("pattern", "taps"), ("reaction", "honour")];
    let run = until(run(&knobs, &[(1.0, "burst", &[11.0])], 1), 5.0);
    let story = run.story(10, Us::s(1));
    let lines: Vec<String> = story.lines.iter().map(|l| run.tell(l)).collect();
    let text = lines.join("\n");
    for part in [
        "A request of client A reaches the limiter.",
        "GCRA: the key is 10.00 intervals ahead of its schedule",
        "so it is refused",
        "would let it through",
        "would pass in exactly 600 ms",
        "rounded up: 1",
        "waits 1 s and tries again",
        "Try number 2",
        "Admitted",
    ] {
        assert!(text.contains(part), "missing \"{part}\" in:\n{text}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    /// Whatever is done to it, nothing is lost, counted twice or admitted beyond its bound, and the
    /// bucket and GCRA never differ.
    #[test]
    fn conservation_and_bounds(
        seed in 0..1_000u64,
        values in proptest::collection::vec(0.0..1.0f64, 27),
        acts in proptest::collection::vec((0..7usize, 0.0..40.0f64, 0.0..1.0f64), 0..5),
        moves in proptest::collection::vec((0..27usize, 0.0..40.0f64, 0.0..1.0f64), 0..4)
    ) {
        let mut value = RunValue::new(&QUESTION);
        value.seed = seed;
        for (i, (k, u)) in QUESTION.knobs.iter().zip(values).enumerate() {
            // The lower end of each range, where most things happen.
            let v = k.min + (k.max - k.min) * u * u * u;
            let v = if k.kind == sim::Kind::Float { v } else { v.round() };
            value.knobs.set(i as u8, v);
        }
        // All lanes on, so that they can be compared.
        for (i, k) in QUESTION.knobs.iter().enumerate().filter(|(_, k)| k.key.starts_with("lane-")) {
            value.knobs.set(i as u8, k.max);
        }
        let mut acts = acts;
        acts.sort_by(|a, b| a.1.total_cmp(&b.1));
        for (act, at, u) in acts {
            let mut args = [0.0; 3];
            for (slot, arg) in args.iter_mut().zip(QUESTION.acts[act].args) {
                *slot = (arg.min + (arg.max - arg.min) * u * u * u).round();
            }
            value.inputs.push(Input { at: Us::from_s(at), what: What::Act { act: act as u8, args } });
        }
        // Live knobs, except the lanes, are moved while it runs.
        for (i, at, u) in moves {
            let i = i % QUESTION.knobs.len();
            let k = &QUESTION.knobs[i];
            if k.live && !k.key.starts_with("lane-") {
                let v = k.min + (k.max - k.min) * u * u * u;
                let v = if k.kind == sim::Kind::Float { v } else { v.round() };
                value.inputs.push(Input { at: Us::from_s(at), what: What::Knob { knob: i as u8, value: v } });
            }
        }
        value.inputs.sort_by_key(|i| i.at);
        let mut run = QUESTION.run(value);
        run.advance(Us::s(50), 200_000);
        prop_assert!(run.invariants().is_ok(), "{:?}", run.invariants());
        let m = model(&*run);
        let (bucket, gcra) = (&m.lanes[3], &m.lanes[4]);
        prop_assert_eq!((bucket.admitted, bucket.refused), (gcra.admitted, gcra.refused));
        // The queue accepts what GCRA admits.
        prop_assert_eq!(m.lanes[5].admitted, gcra.admitted);
    }
}
