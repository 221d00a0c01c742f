//! What holds for every question, read off its declaration.

use sim::kernel::{Input, RunValue, Us, What};
use sim::{Knob, Question, golden, questions};
use std::collections::BTreeSet;

fn digest_at(value: RunValue, until: Us) -> u64 {
    let mut run = value.question.run(value);
    run.advance(until, u64::MAX);
    run.invariants().expect("the laws hold");
    run.digest()
}

#[test]
fn declarations_are_sound() {
    for q in questions::ALL {
        let mut keys = BTreeSet::new();
        for k in q.knobs {
            assert!(keys.insert(k.key), "{}: knob {} twice", q.slug, k.key);
            assert!(k.allows(k.default), "{}: {}'s default is out of its own range", q.slug, k.key);
            assert_eq!(k.parse(&k.show(k.default)), Ok(k.default), "{}: {} reads back what it shows", q.slug, k.key);
            assert!(!k.help.is_empty() && !k.label.is_empty(), "{}: {} says nothing", q.slug, k.key);
            assert!(k.parse("nonsense").is_err());
        }
        let mut hotkeys = BTreeSet::new();
        for a in q.acts {
            assert!(a.args.len() <= 3, "{}: {} has more arguments than an input holds", q.slug, a.key);
            assert!(!a.fault || hotkeys.insert(a.hotkey), "{}: hotkey {} twice", q.slug, a.hotkey);
            // The stage's own keys.
            assert!(!a.fault || !" jklnsp?/<>[]".contains(a.hotkey), "{}: hotkey {} is the stage's", q.slug, a.hotkey);
            for arg in a.args {
                assert!(arg.allows(arg.default), "{}: {} {}", q.slug, a.key, arg.key);
            }
        }
        let mains = q.knobs.iter().filter(|k| k.main).count();
        assert!((2..=5).contains(&mains), "{}: {mains} main knobs", q.slug);
        let mains = q.numbers.iter().filter(|n| n.main).count();
        assert!((2..=6).contains(&mains), "{}: {mains} main numbers", q.slug);
        assert!(q.horizon.0 / q.sample_every.0.max(1) <= 20_000, "{}: the history would grow too long", q.slug);
    }
}

/// Another value of the knob, as far from the default as it goes.
fn elsewhere(k: &Knob) -> Vec<f64> {
    [k.min, k.max, (k.min + k.max) / 2.0, k.default + k.step, k.default - k.step, 1.0, 0.0]
        .into_iter()
        .map(|v| if k.kind == sim::Kind::Float { v } else { (v + 0.5) as i64 as f64 })
        .filter(|v| k.allows(*v) && *v != k.default)
        .collect()
}

/// The runs under which knobs and faults must show: the defaults with everything broken, and every
/// combination of one choice or switch moved (some knobs only matter in one mode).
fn stages(q: &'static Question) -> Vec<RunValue> {
    let mut all = vec![RunValue::new(q), golden::value(q, 1)];
    for (i, k) in q.knobs.iter().enumerate() {
        if matches!(k.kind, sim::Kind::Choice(_) | sim::Kind::Toggle) {
            for v in 0..=k.max as usize {
                if v as f64 != k.default {
                    let mut value = golden::value(q, 1);
                    value.knobs.set(i as u8, v as f64);
                    all.push(value);
                }
            }
        }
    }
    all
}

#[test]
fn every_knob_changes_the_model() {
    for q in questions::ALL {
        let until = Us::s(20).min(q.horizon);
        let stages: Vec<(RunValue, u64)> = stages(q).into_iter().map(|v| (v.clone(), digest_at(v, until))).collect();
        for (i, k) in q.knobs.iter().enumerate() {
            let moved = stages.iter().any(|(value, before)| {
                elsewhere(k).into_iter().any(|v| {
                    let mut value = value.clone();
                    value.knobs.set(i as u8, v);
                    digest_at(value, until) != *before
                })
            });
            assert!(moved, "{}: moving {} changes nothing in any run tried", q.slug, k.key);
        }
    }
}

#[test]
fn every_act_changes_the_outcome() {
    for q in questions::ALL {
        let until = Us::s(12).min(q.horizon);
        for (i, act) in q.acts.iter().enumerate() {
            let mut args = [0.0; 3];
            for (slot, arg) in args.iter_mut().zip(act.args) {
                *slot = arg.default;
            }
            // The digest includes the input itself, so look at what the run counts and shows.
            let face = |value: RunValue| {
                let mut run = q.run(value);
                run.advance(until, u64::MAX);
                let numbers: Vec<Option<u64>> =
                    (0..q.numbers.len()).map(|n| run.number(n as u8).map(f64::to_bits)).collect();
                (run.counts(), numbers, run.moment().events, run.words())
            };
            let changed = stages(q).into_iter().any(|value| {
                let mut with = value.clone();
                with.inputs.push(Input { at: Us(3_500_000), what: What::Act { act: i as u8, args } });
                with.inputs.sort_by_key(|i| i.at);
                face(value) != face(with)
            });
            assert!(changed, "{}: {} changes nothing", q.slug, act.key);
        }
    }
}

#[test]
fn golden_runs_rewind_to_themselves() {
    for run in golden::runs(questions::ALL) {
        assert_ne!(run.digest, 0, "{} came back different from its own past", run.name);
    }
}

#[test]
fn side_b_changes_nothing_on_side_a() {
    for q in questions::ALL {
        let alone = digest_at(golden::value(q, 3), Us::s(8));
        let mut a = q.run(golden::value(q, 3));
        let mut value = golden::value(q, 3);
        for (i, k) in q.knobs.iter().enumerate() {
            value.knobs.set(i as u8, elsewhere(k).first().copied().unwrap_or(k.default));
        }
        let mut b = q.run(value);
        for t in 1..=8 {
            a.advance(Us::s(t), u64::MAX);
            b.advance(Us::s(t), u64::MAX);
        }
        assert_eq!(a.digest(), alone, "{}", q.slug);
    }
}

#[test]
fn nobody_loses_anything_over_a_whole_run() {
    for q in questions::ALL {
        let mut run = q.run(golden::value(q, 5));
        let until = q.horizon.min(Us::s(120));
        for step in 1..=24 {
            run.advance(Us(until.0 / 24 * step), u64::MAX);
            run.invariants().unwrap_or_else(|law| panic!("{} at {}: {law}", q.slug, run.moment().at));
        }
        assert!(run.checkpoint_bytes() <= sim::kernel::CHECKPOINT_BYTES_MAX, "{}", q.slug);
    }
}

/// A word in the place of 0 is for knobs that can be 0 and are numbers.
#[test]
fn a_word_for_zero_stands_where_zero_can_be() {
    for q in questions::ALL {
        for k in q.knobs.iter().filter(|k| !k.zero.is_empty()) {
            let number = matches!(k.kind, sim::declare::Kind::Int | sim::declare::Kind::Float);
            assert!(number && k.min == 0.0, "{}: {} cannot be 0", q.slug, k.key);
            assert!(k.help.contains('0'), "{}: the help of {} does not say what 0 means", q.slug, k.key);
        }
    }
}

/// A moment is a clock reading and a count of events. Where something is done at the very start, there is one moment
/// before the first event, whichever way it is come to: found by a random monkey.
#[test]
fn the_start_is_one_moment_also_where_something_is_done_at_it() {
    for q in questions::ALL {
        let mut args = [0.0; 3];
        args.iter_mut().zip(q.acts[0].args).for_each(|(slot, arg)| *slot = arg.default);
        let at_once = Input { at: Us::ZERO, what: What::Act { act: 0, args } };
        let later = Input { at: Us::s(1), ..at_once };
        let value = RunValue { inputs: vec![at_once, later], ..RunValue::new(q) };
        let run = q.run(value.clone());
        let (start, digest) = (run.moment(), run.digest());
        assert_ne!(digest, q.run(RunValue::new(q)).digest(), "{}: what is done at the start has been done", q.slug);
        let mut again = q.run(value.clone());
        again.advance(Us::s(2), u64::MAX);
        let log = again.log().len();
        again.seek_moment(start);
        assert_eq!((again.moment(), again.digest()), (start, digest), "{}: back from the future", q.slug);
        again.step_forward();
        again.step_back();
        assert_eq!((again.moment(), again.digest()), (start, digest), "{}: a step there and back", q.slug);
        assert!(!again.step_back(), "{}: nothing is before the start", q.slug);
        // Moved away and back, it is told of once.
        again.advance(Us::s(2), u64::MAX);
        again.set_inputs(vec![Input { at: Us(1), ..at_once }, later]);
        again.set_inputs(value.inputs);
        assert_eq!(again.log().len(), log, "{}: the log", q.slug);
        again.seek_moment(start);
        assert_eq!((again.moment(), again.digest()), (start, digest), "{}: moved away and back", q.slug);
    }
}

/// At the end of this run only what nobody sees goes on, for ever: found by a random monkey, whose page was gone for good.
#[test]
fn a_step_ends_also_where_nothing_more_is_to_be_seen() {
    let q = questions::find("event-sourcing").unwrap();
    let (shared, _) = sim::link::decode(q, "A3wwAVTjEgOGBOMSsFYCAUQJAAADAAACAwiEgLUYKA").unwrap();
    let mut run = q.run(shared.a);
    run.seek(q.horizon);
    let (end, digest) = (run.moment(), run.digest());
    assert!(!run.step_forward(), "nothing is to be seen beyond the horizon");
    assert_eq!((run.moment(), run.digest()), (end, digest));
    assert!(run.step_back());
    let before = run.moment();
    assert!(before.events < end.events);
    assert!(run.step_back() && run.step_forward());
    assert_eq!(run.moment(), before, "a step back and forth");
    run.seek(q.horizon);
    assert_eq!(run.digest(), digest);
}
