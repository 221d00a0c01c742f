//! One deployable or many: what follows from the cut, and the laws. What the experiments of the page hold is not
//! repeated here.

mod common;

use common::{Trouble, after, ask, cases, count, number};
use proptest::prelude::*;
use sim::kernel::{Live, Us};
use sim::questions::monolith_vs_microservices::{Product, QUESTION};

fn run(seed: u64, knobs: &[(&str, &str)], inputs: &[&str], until: u64) -> Box<dyn Live> {
    after(common::run(&QUESTION, seed, knobs, inputs), Us::s(until))
}

fn model(run: &dyn Live) -> &Product {
    run.model().downcast_ref().expect("its own model")
}

/// A process takes all its modules with it; a service only itself.
#[test]
fn what_is_together_is_down_together() {
    for (layout, down) in [("modular", 10.0), ("teams", 2.0), ("services", 1.0)] {
        let knobs = [("layout", layout), ("availability", "99.999"), ("slips", "0")];
        let run = run(1, &knobs, &["1s leak what=4 after=1"], 30);
        assert_eq!(ask(&*run, "modules_down_max"), down, "{layout}");
    }
}

/// The leak is in the module, not in the process: it moves along.
#[test]
fn a_leak_moves_with_its_module() {
    let knobs = [("layout", "modular"), ("availability", "99.999"), ("slips", "0"), ("calls", "4")];
    let share = |inputs: &[&str]| ask(&*run(1, &knobs, inputs, 60), "answered_in(20s, 59s)");
    let leak = "1s leak what=6 after=1";
    let (inside, outside) = (share(&[leak]), share(&[leak, "10s move what=6 to=63"]));
    // Down a quarter of the time: for all pages, or for the third of them that need it.
    assert!((inside - 75.0).abs() < 4.0 && (outside - 92.0).abs() < 3.0, "{inside} and {outside}");
}

/// Whichever way the modules came to lie where they lie, it is the same product.
#[test]
fn a_split_is_as_good_as_a_start_in_pieces() {
    let moved = run(1, &[("layout", "modular")], &["0s split"], 60);
    let began = run(1, &[("layout", "services")], &[], 60);
    for key in ["deployables", "replicas", "memory", "on_paper", "network"] {
        assert!((number(&*moved, key) / number(&*began, key) - 1.0).abs() < 0.001, "{key}");
    }
    let merged = run(1, &[("layout", "services")], &["0s merge"], 60);
    assert_eq!((number(&*merged, "deployables"), number(&*merged, "on_paper")), (1.0, 99.9));
}

/// Requests and changes are the same in every cut.
#[test]
fn the_cut_changes_neither_traffic_nor_work() {
    let totals = |layout| {
        let run = run(3, &[("layout", layout)], &[], 80);
        ["pages", "changes"].map(|key| count(&*run, key))
    };
    assert_eq!(totals("modular"), totals("services"));
    assert_eq!(totals("mud"), totals("hybrid"));
}

/// The calendar is only faster: the same days bring the same changes, however long a day takes.
#[test]
fn a_day_brings_the_same_in_any_pace() {
    let at = |day: &str, until| {
        let run = run(1, &[("rate", "0"), ("day", day)], &[], until);
        ["changes", "released", "runs", "outages"].map(|key| count(&*run, key))
    };
    assert_eq!(at("8", 800), at("4", 400));
}

const TROUBLE: Trouble = Trouble {
    question: &QUESTION,
    base: &[("rate", 10.0)],
    fixed: &[],
    reach: 40.0,
    trouble_ms: 25_000,
    until: Us::s(30),
};

proptest! {
    #![proptest_config(cases(50))]

    /// Pages, changes and the bill are all accounted for, a page takes the sum of its parts, and nobody waits beside an
    /// idle worker. These are the model's own laws, looked at all along the run.
    #[test]
    fn nothing_is_lost_or_invented(value in TROUBLE.runs()) {
        TROUBLE.laws_hold(value)?;
    }

    /// Wherever modules are carried: each is in one deployable, and what is in line goes along.
    #[test]
    fn modules_can_be_carried_anywhere(moves in prop::collection::vec((0u8..10, 0u8..12), 1..30), seed in 0u64..100) {
        let inputs: Vec<String> = moves.iter().enumerate().map(|(i, (what, to))| {
            let to = if *to > 10 { 63 } else { *to };
            format!("{}ms move what={what} to={to}", 500 * (i + 1))
        }).collect();
        let inputs: Vec<&str> = inputs.iter().map(String::as_str).collect();
        let mut run = common::run(&QUESTION, seed, &[("rate", "80"), ("developers", "40")], &inputs);
        for half in 1..=40 {
            run.advance(Us::ms(half * 500), u64::MAX);
            prop_assert_eq!(run.invariants(), Ok(()));
            let boxes = model(&*run).deployables(run.moment().at);
            prop_assert_eq!(boxes.iter().map(|d| d.modules).sum::<usize>(), 10);
        }
    }
}

/// Ten minutes can be gone back in, and stay within what a page may hold.
#[test]
fn ten_minutes_can_be_rewound() {
    let mut run = run(1, &[("layout", "services")], &["10s wrong", "20s hot", "60s leak"], 600);
    common::can_be_revisited(&mut *run, sim::kernel::CHECKPOINT_BYTES_MAX / 8);
}
