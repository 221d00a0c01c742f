//! How services talk: the published and derived figures, and the laws. What the experiments of the page hold is not
//! repeated here.

mod common;

use common::{Trouble, after, ask, cases, count, number};
use proptest::prelude::*;
use sim::blocks::breaker::State;
use sim::blocks::retry::Layers;
use sim::kernel::{Live, RunValue, Us};
use sim::questions::service_communication::{Doing, QUESTION, Services, knob};

fn run(seed: u64, knobs: &[(&str, &str)], inputs: &[&str], until: u64) -> Box<dyn Live> {
    after(common::run(&QUESTION, seed, knobs, inputs), Us::s(until))
}

fn model(run: &dyn Live) -> &Services {
    run.model().downcast_ref().expect("its own model")
}

/// One millisecond each way on each hop: two hops for a checkout, one for a list.
#[test]
fn a_mesh_adds_a_millisecond_for_each_way_of_each_hop() {
    let times = |mesh| {
        let run = run(1, &[("slow", "0"), ("mesh", mesh)], &[], 60);
        ["list_ms(10s, 50s)", "checkout_ms(10s, 50s)"].map(|text| ask(&*run, text))
    };
    let ([list, checkout], [list_mesh, checkout_mesh]) = (times("off"), times("on"));
    assert!((list_mesh - list - 2.0).abs() < 0.01, "{list} and {list_mesh}");
    assert!((checkout_mesh - checkout - 4.0).abs() < 0.01, "{checkout} and {checkout_mesh}");
}

/// 8 · bytes / bandwidth on both hops: 5,909 bytes at 2 Mbit/s are 23.6 ms, 1,923 bytes 7.7 ms.
#[test]
fn bytes_take_their_time_on_the_wire() {
    let time = |format| {
        let knobs = [("slow", "0"), ("items", "100"), ("bandwidth", "2"), ("format", format)];
        ask(&*run(1, &knobs, &[], 60), "checkout_ms(10s, 50s)")
    };
    let saved = time("json") - time("protobuf");
    assert!((saved - 2.0 * 8.0 * (5_909.0 - 1_923.0) / 2_000.0).abs() < 0.02, "{saved}");
}

/// Nothing reaches Payment while the breaker is open, whichever rule opened it.
#[test]
fn an_open_breaker_lets_nothing_through() {
    for breaker in ["resilience4j", "hystrix", "own"] {
        let mut run = common::run(&QUESTION, 2, &[("breaker", breaker), ("timeout", "1000"), ("attempts", "3")], &[]);
        let mut opened = 0;
        for tenth in 1..=1_200u64 {
            let before = (model(&*run).breaker_state(run.moment().at), count(&*run, "calls"));
            run.advance(Us::ms(100 * tenth), u64::MAX);
            let now = model(&*run).breaker_state(run.moment().at);
            if (before.0, now) == (Some(State::Open), Some(State::Open)) {
                assert_eq!(before.1, count(&*run, "calls"), "{breaker} at {tenth} tenths");
                opened += 1;
            }
        }
        assert!(opened > 100, "{breaker} was open for {opened} tenths of a second");
    }
}

/// Another group reads the same records at its own pace, whatever Payment does to the first.
#[test]
fn groups_of_a_log_do_not_wait_for_each_other() {
    let run = run(1, &[("mode", "log"), ("groups", "3"), ("slow", "5"), ("fault_at", "10")], &[], 60);
    let [payments, analytics, audit] = [1, 2, 3].map(|group| ask(&*run, &format!("processed({group})")));
    assert!(payments < 0.5 * analytics && analytics == audit, "{payments}, {analytics}, {audit}");
    assert_eq!(ask(&*run, "list_share(10s, 55s)"), 100.0);
    assert_eq!(ask(&*run, "checkout_share(10s, 55s)"), 100.0);
}

/// A consumer that dies with a message in its hands: the message comes again, and none is lost.
#[test]
fn a_crashed_consumer_costs_a_second_delivery() {
    for mode in ["queue", "log"] {
        let knobs = [("mode", mode), ("slow", "5"), ("fault_at", "5"), ("fault_for", "20"), ("rate", "10")];
        let mut run = common::run(&QUESTION, 1, &knobs, &["15s crash", "200s spike times=0 for=600"]);
        run.advance(Us::s(400), u64::MAX);
        assert!(ask(&*run, "again") >= 1.0, "{mode}");
        assert_eq!(number(&*run, "backlog"), 0.0, "{mode}");
        assert_eq!(count(&*run, "published"), count(&*run, "processed"), "{mode}");
    }
}

/// Hung calls keep their workers until Orders is restarted.
#[test]
fn hung_calls_end_with_a_restart() {
    let mut run = common::run(&QUESTION, 1, &[("slow", "0")], &["5s hang", "30s mend", "60s restart"]);
    run.advance(Us::s(59), u64::MAX);
    assert_eq!(model(&*run).count(Doing::Payment), 50);
    run.advance(Us::s(90), u64::MAX);
    assert!(model(&*run).count(Doing::Payment) < 10);
    assert!(ask(&*run, "list_share(70s, 85s)") > 99.0);
}

const TROUBLE: Trouble =
    Trouble { question: &QUESTION, base: &[], fixed: &[], reach: 20.0, trouble_ms: 40_000, until: Us::s(45) };

proptest! {
    #![proptest_config(cases(50))]

    /// Requests, attempts and calls are all accounted for; workers, bulkhead and breaker keep their bounds; a
    /// partition's order is kept. These are the model's own laws, looked at all along the run.
    #[test]
    fn nothing_is_lost_or_invented(value in TROUBLE.runs()) {
        TROUBLE.laws_hold(value)?;
    }

    /// Calls never pass the product of the attempts, and workers and bulkhead never their number.
    #[test]
    fn calls_stay_below_the_product(attempts in 1u8..=4, layers in 1usize..=4, workers in 1u32..60, bulkhead in 0u32..12, seed in 0u64..1_000) {
        let mut value = RunValue::new(&QUESTION);
        value.seed = seed;
        let settings = [
            (knob::ATTEMPTS, f64::from(attempts - 1)), (knob::LAYERS, layers as f64), (knob::WORKERS, f64::from(workers)),
            (knob::BULKHEAD, f64::from(bulkhead)), (knob::TIMEOUT, 300.0), (knob::FAULT_AT, 2.0), (knob::SLOW, 1.0),
        ];
        settings.iter().for_each(|(which, to)| value.knobs.set(*which as u8, *to));
        let mut run = QUESTION.run(value);
        for second in 1..=12 {
            run.advance(Us::s(second), u64::MAX);
            let model = model(&*run);
            let checkouts = count(&*run, "arrivals");
            prop_assert!(count(&*run, "calls") <= Layers::calls_max(attempts, layers) * checkouts);
            prop_assert!(number(&*run, "busy") <= f64::from(workers));
            prop_assert!(model.bulkhead().is_none_or(|(inside, room)| inside <= room));
        }
    }
}

/// Ten minutes with fifty thousand messages in the broker stay within what a page may hold, and can be gone back in.
#[test]
fn a_backlog_can_be_rewound() {
    let knobs = [("mode", "queue"), ("rate", "100"), ("needs", "100")];
    let mut run = run(1, &knobs, &["10s spike"], 600);
    let backlog = number(&*run, "backlog");
    common::can_be_revisited(&mut *run, sim::kernel::CHECKPOINT_BYTES_MAX);
    assert_eq!(number(&*run, "backlog"), backlog);
}
