//! Runs as tests say them: knobs and inputs as addresses write them, answers by their names.

// Each test program uses some of these.
#![allow(dead_code)]

use sim::kernel::{Input, Live, RunValue, Us, What};
use sim::{Question, script};

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
