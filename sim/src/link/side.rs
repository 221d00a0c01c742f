//! One run of a link, as what sets it apart from another: the defaults, the other side, the run that was left.

use super::wire::{Reader, Writer};
use super::{Notes, act_of, knob_of};
use crate::kernel::{Input, RunValue, Us, What};

/// No run that anybody has made holds so many; what a forged link has beyond is left out.
pub const INPUTS_MAX: usize = 20_000;

/// The kind of an input: so many arguments of an act are given (the rest are as declared), or a knob is moved.
const KNOB: u64 = 4;

pub fn write(w: &mut Writer, run: &RunValue, base: &RunValue) {
    let knobs = run.knobs.values().iter().zip(base.knobs.values()).enumerate().filter(|(_, (v, b))| v != b);
    let (seed, inputs) = (run.seed != base.seed, run.inputs != base.inputs);
    w.whole((knobs.clone().count() as u64) << 2 | u64::from(seed) << 1 | u64::from(inputs));
    if seed {
        w.whole(run.seed);
    }
    for (index, (value, _)) in knobs {
        w.whole(index as u64);
        w.number(*value);
    }
    if inputs {
        let (dropped, added) = difference(&run.inputs, &base.inputs);
        w.whole(dropped.len() as u64);
        for (kept, dropped) in dropped {
            w.whole(kept as u64);
            w.whole(dropped as u64);
        }
        w.whole(added.len() as u64);
        let mut before = Us::ZERO;
        for input in added {
            w.time(input.at - before);
            before = input.at;
            write_what(w, run, input.what);
        }
    }
}

fn write_what(w: &mut Writer, run: &RunValue, what: What) {
    match what {
        What::Knob { knob, value } => {
            w.whole(u64::from(knob) << 3 | KNOB);
            w.number(value);
        }
        What::Act { act, args } => {
            let decl = run.question.acts[act as usize].args;
            let given = decl.iter().zip(args).rposition(|(d, v)| d.default != v).map_or(0, |last| last + 1);
            w.whole(u64::from(act) << 3 | given as u64);
            for value in &args[..given] {
                w.number(*value);
            }
        }
    }
}

/// (kept, dropped) stretches of the base, and what comes in beside the kept ones.
type Difference = (Vec<(usize, usize)>, Vec<Input>);

fn difference(run: &[Input], base: &[Input]) -> Difference {
    let (mut stretches, mut added) = (Vec::new(), Vec::new());
    let (mut i, mut j, mut kept) = (0, 0, 0);
    while i < base.len() {
        let same = run.get(j).is_some_and(|input| *input == base[i]);
        if same {
            (i, j, kept) = (i + 1, j + 1, kept + 1);
        } else if run.get(j).is_some_and(|input| input.at < base[i].at) {
            added.push(run[j]);
            j += 1;
        } else {
            match stretches.last_mut() {
                Some((_, dropped)) if kept == 0 => *dropped += 1,
                _ => stretches.push((kept, 1)),
            }
            (i, kept) = (i + 1, 0);
        }
    }
    added.extend(run.iter().skip(j));
    // What happens at one time happens in order; where that order is another, all of it is written.
    match merged(base, &stretches, &added) {
        Some(all) if all == run => (stretches, added),
        _ if base.is_empty() => (Vec::new(), run.to_vec()),
        _ => (vec![(0, base.len())], run.to_vec()),
    }
}

/// The kept ones of the base with the added ones between them, in order of time.
fn merged(base: &[Input], stretches: &[(usize, usize)], added: &[Input]) -> Option<Vec<Input>> {
    let (mut kept, mut from) = (Vec::new(), 0usize);
    for (keep, drop) in stretches {
        let end = from.checked_add(*keep)?;
        kept.extend_from_slice(base.get(from..end)?);
        from = end.checked_add(*drop).filter(|end| *end <= base.len())?;
    }
    kept.extend_from_slice(base.get(from..)?);
    let mut all = Vec::new();
    let mut added = added.iter().peekable();
    for input in kept {
        while let Some(earlier) = added.next_if(|a| a.at < input.at) {
            all.push(*earlier);
        }
        all.push(input);
    }
    all.extend(added);
    Some(all)
}

/// Reads what [`write`] wrote. What the question does not allow is noted and left out.
pub fn read(r: &mut Reader, base: &RunValue, notes: &mut Notes) -> Option<RunValue> {
    let mut run = base.clone();
    let head = r.whole()?;
    if head & 2 != 0 {
        run.seed = r.whole()?;
    }
    for _ in 0..head >> 2 {
        let (index, value) = (r.whole()?, r.number()?);
        match knob_of(run.question, index, value) {
            Some(knob) => run.knobs.set(knob, value),
            None => notes.knob(&run, index, value),
        }
    }
    if head & 1 != 0 {
        let stretches = r.whole()?;
        let mut dropped = Vec::new();
        for _ in 0..stretches {
            dropped.push((r.whole()? as usize, r.whole()? as usize));
        }
        let added = read_inputs(r, &run, notes)?;
        run.inputs = merged(&base.inputs, &dropped, &added)?;
        run.inputs.truncate(INPUTS_MAX);
    }
    Some(run)
}

fn read_inputs(r: &mut Reader, run: &RunValue, notes: &mut Notes) -> Option<Vec<Input>> {
    let mut inputs = Vec::new();
    let mut at = Us::ZERO;
    let mut full = false;
    for _ in 0..r.whole()? {
        at = Us(at.0.checked_add(r.time()?.0)?);
        let word = r.whole()?;
        let (index, kind) = (word >> 3, word & 7);
        let what = if kind == KNOB {
            let value = r.number()?;
            knob_of(run.question, index, value)
                .filter(|knob| run.question.knobs[*knob as usize].live)
                .map(|knob| What::Knob { knob, value })
        } else {
            let mut given = [0.0; 3];
            for slot in given.get_mut(..kind as usize)? {
                *slot = r.number()?;
            }
            act_of(run.question, index, &given[..kind as usize])
        };
        match what {
            Some(_) if inputs.len() == INPUTS_MAX => {
                if !full {
                    notes
                        .add(|| format!("The link has more than {INPUTS_MAX} acts; those from {at} on were left out."));
                }
                full = true;
            }
            Some(what) => inputs.push(Input { at, what }),
            None => notes
                .add(|| format!("The link contains an act at {at} that this question does not have; it was left out.")),
        }
    }
    Some(inputs)
}
