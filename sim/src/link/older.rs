//! The formats of before, which are still read. Links live for years in posts and mails.

use super::side::INPUTS_MAX;
use super::{Notes, Read, Shared, act_of, knob_of, moment, of_this_version, placed};
use crate::declare::Question;
use crate::kernel::{Input, Moment, RunValue, Us, What};
use crate::script;
use serde::Deserialize;

/// A decimal number of version 2: mantissa and how many digits stand after the point.
#[derive(Deserialize, Clone, Copy)]
struct Decimal(i64, u8);

impl Decimal {
    /// By repeated multiplication: the same bits everywhere, and exact for ten up to 10^22.
    fn value(self) -> f64 {
        self.0 as f64 / (0..self.1.min(18)).fold(1.0, |power, _| power * 10.0)
    }
}

#[derive(Deserialize)]
struct PackedSide {
    seed: u64,
    /// (index, value) of the knobs that are not at their default.
    knobs: Vec<(u8, Decimal)>,
    /// (time since the one before, what, values). `what` below 128 is an act, above it a knob.
    inputs: Vec<(u64, u8, Vec<Decimal>)>,
}

#[derive(Deserialize)]
struct Packed {
    question_version: u16,
    a: PackedSide,
    b: Option<PackedSide>,
    at: u64,
    events: u64,
    events_b: u64,
    speed_milli: u32,
    playing: bool,
}

fn unpack(q: &'static Question, side: PackedSide, notes: &mut Notes) -> RunValue {
    let mut run = RunValue::new(q);
    run.seed = side.seed;
    for (index, v) in side.knobs {
        let index = u64::from(index);
        match knob_of(q, index, v.value()) {
            Some(knob) => run.knobs.set(knob, v.value()),
            None => notes.knob(&run, index, v.value()),
        }
    }
    let mut at = Us::ZERO;
    for (since, what, values) in side.inputs.into_iter().take(INPUTS_MAX) {
        at = Us(at.0.saturating_add(since));
        match checked(q, what, &values) {
            Some(what) => run.inputs.push(Input { at, what }),
            None => notes
                .add(|| format!("The link contains an act at {at} that this question does not have; it was left out.")),
        }
    }
    run
}

fn checked(q: &Question, what: u8, values: &[Decimal]) -> Option<What> {
    if what >= 128 {
        let [value] = values else { return None };
        let knob = knob_of(q, u64::from(what - 128), value.value())?;
        return q.knobs[knob as usize].live.then_some(What::Knob { knob, value: value.value() });
    }
    if values.len() > 3 || values.len() != q.acts.get(what as usize)?.args.len() {
        return None;
    }
    let mut given = [0.0; 3];
    for (slot, v) in given.iter_mut().zip(values) {
        *slot = v.value();
    }
    act_of(q, u64::from(what), &given[..values.len()])
}

/// Version 2: postcard of knobs and inputs by index, both sides in full.
pub fn postcard(q: &'static Question, body: &[u8], notes: &mut Notes) -> Read {
    let packed: Packed = postcard::from_bytes(body).ok()?;
    let version = u64::from(packed.question_version);
    if let Err(why) = of_this_version(q, version, [packed.events, packed.events_b]) {
        return Some(Err(why));
    }
    let same = packed.question_version == q.version;
    if !same {
        notes.older();
    }
    let a = unpack(q, packed.a, notes);
    let b = packed.b.map(|b| unpack(q, b, notes));
    let moments = [packed.events, packed.events_b].map(|events| moment(same, Us(packed.at), events));
    let shared = Shared {
        b,
        speed_milli: packed.speed_milli.clamp(50, 64_000),
        playing: packed.playing,
        ..Shared::one(a, Moment::default())
    };
    Some(Ok(placed(q, shared, moments, Us::ZERO, notes)))
}

/// Version 1: lines of `seed 7`, `at 12.5s`, `limit=100`, `12s burst count=10`; lines that begin
/// with `b:` are side B's.
pub fn text(q: &'static Question, body: &[u8], notes: &mut Notes) -> Read {
    let text = core::str::from_utf8(body).ok()?;
    let mut a = RunValue::new(q);
    let mut b: Option<RunValue> = None;
    let mut at = Us::ZERO;
    for line in text.lines().take(INPUTS_MAX) {
        let (line, side) = match line.strip_prefix("b:") {
            Some(rest) => (rest, b.get_or_insert_with(|| RunValue::new(q))),
            None => (line, &mut a),
        };
        let outcome = if let Some(seed) = line.strip_prefix("seed ") {
            seed.parse().map(|s| side.seed = s).map_err(|_| format!("\"{}\" is not a seed", start(seed)))
        } else if let Some(time) = line.strip_prefix("at ") {
            script::duration(time).map(|t| at = t)
        } else if line.contains(' ') {
            script::parse_input(q, line).map(|i| side.inputs.push(i))
        } else {
            let (key, value) = line.split_once('=').unwrap_or((line, ""));
            script::set_knob(q, &mut side.knobs, key, value)
        };
        if let Err(why) = outcome {
            notes.add(|| format!("The link, made by an older version, was read except for this: {}.", start(&why)));
        }
    }
    for run in core::iter::once(&mut a).chain(&mut b) {
        crate::order::by_key(&mut run.inputs, |i| i.at);
    }
    let moment = Moment { at, events: u64::MAX };
    let shared = Shared { b, ..Shared::one(a, Moment::default()) };
    Some(Ok(placed(q, shared, [moment; 2], Us::ZERO, notes)))
}

/// The first words of what may be a megabyte.
fn start(text: &str) -> &str {
    text.char_indices().nth(300).map_or(text, |(end, _)| &text[..end])
}
