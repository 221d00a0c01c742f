//! Runs as tests say them: knobs and inputs as addresses write them, answers by their names.

// Each test program uses some of these.
#![allow(dead_code)]

use proptest::prelude::*;
use proptest::test_runner::TestCaseError;
use sim::kernel::{Input, Live, RunValue, Us, What};
use sim::{Kind, Knob, Question, script};

/// A run of `q` with these knobs.
pub fn value(q: &'static Question, seed: u64, knobs: &[(&str, &str)]) -> RunValue {
    let mut value = RunValue::new(q);
    value.seed = seed;
    for (key, text) in knobs {
        script::set_knob(q, &mut value.knobs, key, text).unwrap();
    }
    value
}

/// A run with these knobs and these inputs: `10s outage(lasts=2)`.
pub fn run(q: &'static Question, seed: u64, knobs: &[(&str, &str)], inputs: &[&str]) -> Box<dyn Live> {
    let mut value = value(q, seed, knobs);
    value.inputs = inputs.iter().map(|text| script::parse_input(q, text).unwrap()).collect();
    q.run(value)
}

/// Acts by their second, name and first arguments; the others are the defaults.
pub type Acts<'a> = &'a [(f64, &'a str, &'a [f64])];

/// A run with these knobs and these acts, not begun.
pub fn acted(q: &'static Question, seed: u64, knobs: &[(&str, &str)], acts: Acts) -> RunValue {
    let mut value = value(q, seed, knobs);
    for (at, key, given) in acts {
        let act = q.act(key).unwrap();
        let mut args = [0.0; 3];
        for (slot, arg) in args.iter_mut().zip(q.acts[act as usize].args) {
            *slot = arg.default;
        }
        for (slot, v) in args.iter_mut().zip(*given) {
            *slot = *v;
        }
        value.inputs.push(Input { at: Us::from_s(*at), what: What::Act { act, args } });
    }
    value
}

/// An act of any kind; its arguments lie the share `reach` above their least.
pub fn any_act(q: &'static Question, which: usize, at: Us, reach: f64) -> Input {
    let act = which % q.acts.len();
    let mut args = [0.0; 3];
    for (slot, a) in args.iter_mut().zip(q.acts[act].args) {
        *slot = (a.min + (a.max - a.min) * reach).round().clamp(a.min, a.max);
    }
    Input { at, what: What::Act { act: act as u8, args } }
}

/// A run that stands at its end: its checkpoints are within the bound, and visits to its past change nothing.
#[track_caller]
pub fn can_be_revisited(run: &mut dyn Live, bytes_max: usize) {
    assert!(run.checkpoint_bytes() <= bytes_max, "{} bytes of {bytes_max}", run.checkpoint_bytes());
    let (end, digest) = (run.moment().at, run.digest());
    for percent in [98, 12, 50, 2, 100] {
        run.seek(Us(end.0 / 100 * percent));
    }
    run.seek(end);
    assert_eq!(run.digest(), digest);
}

/// Says what `cargo test` shows of a test that passes too: how many cases an enumeration covered.
pub fn report(text: &str) {
    use std::io::Write;
    _ = writeln!(std::io::stdout(), "{text}");
}

/// Leaves what was measured for the page `/accuracy`, where `cargo xtask test` asks for it: so nothing has to run twice.
#[cfg(feature = "runner")]
pub fn keep(name: &str, what: &serde_json::Value) {
    if let Some(folder) = std::env::var_os("BREAKABLE_RESULTS") {
        let path = std::path::Path::new(&folder).join(format!("{name}.json"));
        std::fs::write(&path, what.to_string()).unwrap_or_else(|why| panic!("{}: {why}", path.display()));
    }
}

/// What a measure or a number comes to: `loss(10s, 60s)`.
pub fn ask(run: &dyn Live, text: &str) -> f64 {
    let ask = script::parse_ask(run.value().question, text).unwrap();
    script::answer(run, &ask).unwrap_or_else(|| panic!("{text} has no answer"))
}

/// The run at this time, where its laws must hold.
pub fn after(mut run: Box<dyn Live>, until: Us) -> Box<dyn Live> {
    run.advance(until, u64::MAX);
    run.invariants().unwrap();
    run
}

/// A number of the question, which can be said by now.
pub fn number(run: &dyn Live, key: &str) -> f64 {
    let number = run.value().question.number(key).unwrap();
    run.number(number).unwrap_or_else(|| panic!("{key} cannot be said yet"))
}

/// One of the counts that must balance.
pub fn count(run: &dyn Live, key: &str) -> u64 {
    run.counts().iter().find(|(k, _)| *k == key).unwrap_or_else(|| panic!("no count {key}")).1
}

/// The trouble that a property test makes for a question: knobs set and moved, acts done, whichever
/// and whenever.
#[derive(Clone, Copy)]
pub struct Trouble {
    pub question: &'static Question,
    /// What the knobs start from: a load small enough that many runs are quick.
    pub base: &'static [(&'static str, f64)],
    /// Knobs that stay as they are.
    pub fixed: &'static [&'static str],
    /// Arguments of acts lie at most this share of their range above the least, most of them low.
    pub reach: f64,
    /// Until when things happen, and how long the run goes on.
    pub trouble_ms: u64,
    pub until: Us,
}

impl Trouble {
    /// A knob's value at this share of its range; most of them low, where most things happen.
    fn value(knob: &Knob, share: f64) -> f64 {
        let share = if matches!(knob.kind, Kind::Choice(_) | Kind::Toggle) { share } else { share * share * share };
        let v = knob.min + (knob.max - knob.min) * share;
        if knob.kind == Kind::Float { v } else { v.round() }
    }

    /// Runs of the question in trouble. (Debug builds look at the laws after every 64 events.)
    ///
    /// ```ignore
    /// proptest! {
    ///     #![proptest_config(common::cases(60))]
    ///     /// Any settings, any faults: nothing is lost, nothing is invented.
    ///     #[test]
    ///     fn nothing_is_lost_or_invented(value in TROUBLE.runs()) {
    ///         TROUBLE.laws_hold(value)?;
    ///     }
    /// }
    /// ```
    pub fn runs(self) -> impl Strategy<Value = RunValue> {
        let (knobs, acts) = (self.question.knobs.len(), self.question.acts.len());
        let knob = || (0..knobs, 0.0f64..1.0);
        (
            0u64..1_000,
            prop::collection::vec(knob(), 0..14),
            prop::collection::vec((knob(), 0..self.trouble_ms), 0..6),
            prop::collection::vec((0..acts, 0..self.trouble_ms, 0.0f64..1.0), 0..8),
        )
            .prop_map(move |(seed, set, moved, acts)| self.run(seed, &set, &moved, &acts))
    }

    fn run(
        self,
        seed: u64,
        set: &[(usize, f64)],
        moved: &[((usize, f64), u64)],
        acts: &[(usize, u64, f64)],
    ) -> RunValue {
        let q = self.question;
        let free = |k: usize| !self.fixed.contains(&q.knobs[k].key);
        let mut value = RunValue::new(q);
        value.seed = seed;
        for (key, v) in self.base {
            value.knobs.set(q.knob(key).unwrap(), *v);
        }
        for (k, share) in set.iter().filter(|(k, _)| free(*k)) {
            value.knobs.set(*k as u8, Trouble::value(&q.knobs[*k], *share));
        }
        for ((k, share), ms) in moved.iter().filter(|((k, _), _)| free(*k) && q.knobs[*k].live) {
            let what = What::Knob { knob: *k as u8, value: Trouble::value(&q.knobs[*k], *share) };
            value.inputs.push(Input { at: Us::ms(*ms), what });
        }
        let act = |(act, ms, x): &(usize, u64, f64)| any_act(q, *act, Us::ms(*ms), x * x * self.reach);
        value.inputs.extend(acts.iter().map(act));
        value.inputs.sort_by_key(|i| i.at);
        value
    }

    /// The laws of the question, looked at every second; at most 50,000 events of each.
    pub fn laws_hold(self, value: RunValue) -> Result<(), TestCaseError> {
        let mut run = self.question.run(value);
        let mut at = Us::ZERO;
        while at < self.until {
            at += Us::s(1);
            run.advance(at, 50_000);
            prop_assert_eq!(run.invariants(), Ok(()));
        }
        Ok(())
    }
}

/// So many cases, and no file of failures: the case is printed, and a fixed test is made of it. `MORE_CASES=100` tries
/// so many times as many, and `PROPTEST_RNG_SEED` others.
pub fn cases(n: u32) -> ProptestConfig {
    let times = std::env::var("MORE_CASES").ok().and_then(|more| more.parse().ok()).unwrap_or(1);
    ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(n * times) }
}
