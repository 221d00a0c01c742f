//! The event sourcing question: its experiments derived again, its laws, and what a read table comes to.

mod common;

use common::{Trouble, after, any_act, ask, count, number, run};
use proptest::prelude::*;
use sim::questions::event_sourcing::{QUESTION, knob};
use sim::{Live, RunValue, Us};

/// No commands but those that are given, no repeats but those that are asked for, and no snapshots.
const CALM: [(&str, &str); 4] = [("rate", "0"), ("duplicate", "0"), ("live", "0"), ("snapshot", "0")];

fn calm(more: &[(&'static str, &'static str)], inputs: &[&str], until: f64) -> Box<dyn Live> {
    let knobs: Vec<_> = CALM.iter().chain(more).copied().collect();
    after(run(&QUESTION, 1, &knobs, inputs), Us::from_s(until))
}

// ---- the experiments ----

/// Event 7 is a deposit of 40, and comes twice.
#[test]
fn the_same_payment_twice() {
    let inputs = [
        "0s command amount=10",
        "100ms command amount=20",
        "200ms command amount=30",
        "300ms command amount=10",
        "400ms command amount=20",
        "500ms command amount=40",
        "2s twice event=7",
    ];
    for (projector, off, ignored, applied) in
        [("naive", 40.0, 0.0, 1.0), ("checked", 0.0, 1.0, 0.0), ("atomic", 0.0, 1.0, 0.0)]
    {
        let run = calm(&[("oldest", "1"), ("history", "0"), ("projector", projector)], &inputs, 5.0);
        assert_eq!((ask(&*run, "version(1)"), ask(&*run, "balance(1)")), (7.0, 130.0));
        assert_eq!(ask(&*run, "off(1)"), off, "{projector}");
        assert_eq!(ask(&*run, "in_table(1)"), 130.0 + off);
        assert_eq!((ask(&*run, "repeats_ignored"), ask(&*run, "applied_twice")), (ignored, applied));
        // The handler of the naive one sends its e-mail again too.
        assert_eq!(number(&*run, "mails_again"), applied);
    }
}

/// A thousand events with a wrong sign on every withdrawal, then right code reads them all again.
#[test]
fn the_past_is_fixed_by_reading_it_again() {
    let inputs = ["0s bug", "100ms issue count=1000", "3s rebuild", "5s swap"];
    let knobs = [("oldest", "1"), ("history", "0")];
    let run = calm(&knobs, &inputs[..2], 3.0);
    // 200 accounts: in, out, in, out, in. Each withdrawal of 10 is off by 20.
    assert_eq!((count(&*run, "succeeded"), number(&*run, "difference")), (1_000, 400.0 * 20.0));
    assert_eq!(number(&*run, "mails"), 1_000.0);
    for (guard, again) in [("on", 0.0), ("off", 1_000.0)] {
        let run = calm(&[knobs[0], knobs[1], ("guard", guard)], &inputs, 10.0);
        assert_eq!((number(&*run, "difference"), ask(&*run, "missing")), (0.0, 0.0));
        assert_eq!(ask(&*run, "log_same"), 1.0);
        assert_eq!((ask(&*run, "mails_replay"), number(&*run, "mails_again")), (again, again), "guard {guard}");
        assert_eq!(number(&*run, "mails"), 1_000.0 + again);
    }
}

/// N / (r - λ), to the millisecond, and never when the log grows as fast as it is read.
#[test]
fn a_rebuild_that_is_no_faster_than_the_log_never_ends() {
    let knobs = [("rate", "0"), ("live", "20000")];
    let never = after(run(&QUESTION, 1, &knobs, &["0s rebuild"]), Us::s(100));
    let left = QUESTION.number("left").unwrap();
    let took = QUESTION.measures.iter().position(|m| m.key == "rebuild_took").unwrap();
    assert_eq!((never.number(left), never.measure(took as u8, &[])), (None, None));
}

#[test]
fn what_a_snapshot_saves_and_when_it_must_not_be_used() {
    let load = |snapshot: &'static str, more: &[&str]| {
        let inputs: Vec<&str> = more.iter().copied().chain(["1s command"]).collect();
        calm(&[("snapshot", snapshot)], &inputs, 3.0)
    };
    let whole = load("0", &[]);
    assert_eq!((ask(&*whole, "load_ms(1)"), ask(&*whole, "load_events(1)")), (202.0, 10_000.0));
    let kept = load("100", &[]);
    assert_eq!(ask(&*kept, "load_ms(1)"), 4.0);
    // Every place between two snapshots: 2 x 2 ms and at most 99 events.
    let many: Vec<String> = (0..130).map(|i| format!("{}ms command", 50 * i + 50)).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    for i in 1..=130 {
        let run = calm(&[("snapshot", "100")], &many[..i], 0.05 * i as f64 + 0.01);
        let ms = ask(&*run, "load_ms(1)");
        assert!((ms - (4.0 + 0.02 * ((i - 1) % 100) as f64)).abs() < 1e-9 && ms <= 6.0, "{i}: {ms}");
    }
    let stale = load("100", &["0s shape"]);
    assert_eq!((ask(&*stale, "stale_ignored"), ask(&*stale, "misread")), (1.0, 0.0));
    assert_eq!(ask(&*stale, "load_events(1)"), 10_000.0);
    // Not checked: a hundredth of the balance is taken for all of it.
    let used = calm(&[("snapshot", "100"), ("layout", "off")], &["0s shape", "1s command"], 3.0);
    assert_eq!((ask(&*used, "stale_ignored"), ask(&*used, "misread")), (0.0, 1.0));
}

#[test]
fn two_commands_on_version_41() {
    let two = |more: &[(&'static str, &'static str)]| {
        let knobs: Vec<_> = [("oldest", "41")].iter().chain(more).copied().collect();
        calm(&knobs, &["1s two"], 3.0)
    };
    let run = two(&[("retries", "0")]);
    assert_eq!((ask(&*run, "succeeded"), number(&*run, "conflicts"), ask(&*run, "version(1)")), (1.0, 1.0, 42.0));
    assert_eq!((ask(&*run, "gave_up"), ask(&*run, "balance(1)")), (1.0, 0.0));
    // Tried again, the second sees what the first has left, and the rule refuses it.
    let run = two(&[]);
    assert_eq!((ask(&*run, "succeeded"), count(&*run, "refused"), ask(&*run, "version(1)")), (1.0, 1, 42.0));
    // Without the check both take the money.
    let run = two(&[("expect", "off")]);
    assert_eq!((ask(&*run, "succeeded"), number(&*run, "conflicts"), ask(&*run, "version(1)")), (2.0, 0.0, 43.0));
    assert!(ask(&*run, "overdrawn") == 1.0 && ask(&*run, "balance(1)") < 0.0);
}

// ---- what else the text says ----

#[test]
fn without_the_upcaster_nothing_moves() {
    let inputs = ["0s no_upcaster", "1s command", "2s rebuild"];
    let run = calm(&[("history", "100000")], &inputs, 10.0);
    assert_eq!((ask(&*run, "unreadable"), ask(&*run, "version(1)")), (1.0, 10_000.0));
    assert!(run.words().iter().any(|(_, how)| how.contains("cannot read")), "the rebuild stands still");
    let run = calm(&[("history", "100000")], &[&inputs[..], &["5s mend", "6s command"]].concat(), 20.0);
    assert_eq!((ask(&*run, "unreadable"), ask(&*run, "version(1)"), number(&*run, "left")), (1.0, 10_001.0, 0.0));
    // A snapshot hides what is missing until an event before it has to be read.
    let run = calm(&[("snapshot", "100")], &["0s no_upcaster", "1s command", "2s shape", "3s command"], 5.0);
    assert_eq!((ask(&*run, "unreadable"), ask(&*run, "version(1)")), (1.0, 10_001.0));
    // With it, v1 and v2 stand side by side in one stream.
    let run = calm(&[("history", "100000")], &["0s v2", "1s command", "2s rebuild", "8s swap"], 10.0);
    assert_eq!((ask(&*run, "version(1)"), ask(&*run, "missing")), (10_001.0, 0.0));
}

/// A crash before the checkpoint: naive counts again what comes again, the others do not; an e-mail that
/// was sent inside the transaction cannot be taken back.
#[test]
fn a_crash_around_the_checkpoint() {
    let crash = |projector: &'static str, when: &str| {
        let knobs = [("duplicate", "0"), ("history", "0"), ("oldest", "50"), ("rate", "200"), ("projector", projector)];
        let act = format!("5s crash when={when}");
        after(run(&QUESTION, 3, &knobs, &[&act, "12s set rate=0"]), Us::s(15))
    };
    for when in ["before", "after"] {
        for projector in ["naive", "checked", "atomic"] {
            let run = crash(projector, when);
            let (off, again) = (number(&*run, "difference"), number(&*run, "mails_again"));
            assert_eq!(off > 0.0, projector == "naive" && when == "before", "{projector} {when}: {off}");
            assert_eq!(again > 0.0, projector != "checked" && when == "before", "{projector} {when}: {again}");
            assert_eq!(ask(&*run, "missing"), off, "at rest only the fault is left");
        }
    }
}

/// Erasure: what stays readable, by where the name was kept.
#[test]
fn a_name_is_forgotten() {
    for (personal, before, then) in [("plain", 2.0, 1.0), ("key", 2.0, 0.0), ("outside", 1.0, 0.0)] {
        let knobs = [("personal", personal), ("history", "0"), ("oldest", "20")];
        assert_eq!(ask(&*calm(&knobs, &[], 1.0), "readable(1)"), before, "{personal}");
        assert_eq!(ask(&*calm(&knobs, &["0s forget"], 1.0), "readable(1)"), then, "{personal}");
        // A rebuild reads the old events again.
        let run = calm(&knobs, &["0s forget", "1s rebuild", "3s swap"], 5.0);
        assert_eq!(ask(&*run, "readable(1)"), then, "{personal}");
    }
}

/// The temporal query: at every moment what was true then.
#[test]
fn travel_in_time() {
    let inputs =
        ["0s command amount=10", "1s command amount=20", "2s command do=withdraw amount=5", "4s travel back=2.5"];
    let run = calm(&[("oldest", "1"), ("history", "0")], &inputs, 5.0);
    let held = ["as_of(1, 0.5s)", "as_of(1, 1.5s)", "as_of(1, 3s)"].map(|text| ask(&*run, text));
    assert_eq!(held, [10.0, 30.0, 25.0]);
    assert!(run.words().iter().any(|(what, how)| what == "Time cursor" && how.contains("30.00")));
}

/// Side effects pass from one projector to the other without a gap and without a repeat.
#[test]
fn the_swap_loses_no_email() {
    for at in ["8s", "8.003s", "20s", "25.5s"] {
        let knobs = [("duplicate", "0"), ("history", "200000"), ("oldest", "50"), ("rate", "200")];
        let swap = format!("{at} swap");
        let run = after(run(&QUESTION, 2, &knobs, &["3s rebuild", &swap, "30s set rate=0"]), Us::s(60));
        assert_eq!(ask(&*run, "missing"), 0.0);
        assert_eq!(number(&*run, "mails_again"), 0.0, "{at}");
        assert_eq!(number(&*run, "mails"), ask(&*run, "succeeded"), "each of the payments has its e-mail");
    }
}

/// A naive projector's table drifts by its repeats; a checked one reads the same log and does not.
#[test]
fn one_percent_twice() {
    let with = |projector| after(run(&QUESTION, 1, &[("projector", projector)], &[]), Us::s(60));
    let (naive, checked) = (with("naive"), with("checked"));
    let share = ask(&*naive, "applied_twice") / ask(&*naive, "succeeded");
    // About 2,600 events: the standard error of 1 % is 0.2 %.
    assert!((share - 0.01).abs() < 0.006, "{share}");
    assert_eq!(ask(&*checked, "repeats_ignored"), ask(&*naive, "applied_twice"), "the same repeats reach both");
    assert!(number(&*naive, "difference") > 0.0 && number(&*checked, "difference") == 0.0);
    assert_eq!(ask(&*naive, "balance(1)"), ask(&*checked, "balance(1)"), "the log does not care");
}

#[test]
fn ten_minutes_fit_and_are_found_again() {
    let mut run = QUESTION.run(RunValue::new(&QUESTION));
    run.advance(Us::s(600), u64::MAX);
    assert!(run.checkpoint_bytes() < 16 << 20, "{} bytes", run.checkpoint_bytes());
    let digest = run.digest();
    run.seek(Us::s(300));
    run.seek(Us::s(600));
    assert_eq!(run.digest(), digest);
}

// ---- random worlds ----

const TROUBLE: Trouble =
    Trouble { question: &QUESTION, base: &[], fixed: &["oldest"], reach: 0.3, trouble_ms: 15_000, until: Us::s(20) };

fn acts() -> impl Strategy<Value = Vec<(usize, u64, f64)>> {
    prop::collection::vec((0usize..99, 0u64..15_000_000, 0.0f64..0.3), 0..14).prop_map(|mut list| {
        list.sort_by_key(|a| a.1);
        list
    })
}

proptest! {
    #![proptest_config(common::cases(60))]

    /// Any knobs, any faults: commands are accounted for, versions have no gaps, every fold is what was
    /// added up, and safe tables are the fold of what they have read.
    #[test]
    fn the_laws_hold_whatever_happens(value in TROUBLE.runs()) {
        TROUBLE.laws_hold(value)?;
    }

    /// If faults stop, every table is at the head, and a safe one without a bug is the fold of everything;
    /// rebuilt from nothing it is the same.
    #[test]
    fn at_rest_every_table_is_at_the_head(acts in acts(), atomic in any::<bool>(), duplicate in 0.0f64..50.0, seed in 0u64..1_000) {
        let projector = if atomic { "atomic" } else { "checked" };
        let knobs = [("projector", projector), ("history", "20000"), ("oldest", "300"), ("accounts", "40"), ("rate", "100")];
        let mut v = common::value(&QUESTION, seed, &knobs);
        v.knobs.set(knob::DUPLICATE as u8, duplicate);
        v.inputs.extend(acts.iter().map(|(which, at, reach)| any_act(&QUESTION, *which, Us(*at), *reach)));
        let end = ["16s mend", "16s set rate=0", "16s set live=0", "40s rebuild", "50s swap"];
        v.inputs.extend(end.iter().map(|text| sim::script::parse_input(&QUESTION, text).unwrap()));
        let run = after(QUESTION.run(v), Us::s(60));
        prop_assert_eq!((number(&*run, "lag_events"), ask(&*run, "missing")), (0.0, 0.0));
        prop_assert_eq!((number(&*run, "difference"), ask(&*run, "log_same")), (0.0, 1.0));
        prop_assert_eq!(count(&*run, "in_flight"), 0);
    }
}
