//! A shared run: everything that a link restores, packed into the address's fragment.
//!
//! `#r=` + base64url of: one byte for the version of this format, then the version's body.
//! Version 2 (written today) is postcard of [`Packed`], knobs by index, and only those that differ
//! from their defaults. Version 1 named knobs and acts by their keys as one readable text; it is
//! still read. Nothing in a link is trusted: each value is checked against the declaration, and
//! what cannot be used is named in a sentence and left out.

use crate::declare::Question;
use crate::kernel::{Input, Moment, RunValue, Us, What};
use crate::script;
use base64ct::{Base64UrlUnpadded, Encoding};
use serde::{Deserialize, Serialize};

pub const FORMAT: u8 = 2;
/// Longer fragments are not read: no browser keeps them, and nobody made them by hand.
pub const LINK_CHARS_MAX: usize = 200_000;
/// A link cannot ask for more work than this to be restored.
pub const EVENTS_MAX: u64 = 200_000_000;

/// What a link holds.
#[derive(Clone, Debug, PartialEq)]
pub struct Shared {
    pub a: RunValue,
    pub b: Option<RunValue>,
    pub moment: Moment,
    /// Event count of side B at the same clock reading.
    pub moment_b: Moment,
    /// Thousandths of simulated seconds per second.
    pub speed_milli: u32,
    pub playing: bool,
}

/// A decimal number: mantissa and how many digits stand after the point.
#[derive(Serialize, Deserialize, Clone, Copy)]
struct Decimal(i64, u8);

impl Decimal {
    fn of(v: f64) -> Decimal {
        // Knob values are short decimals; eight places are more than any step has.
        let mut places = 0u8;
        let mut scaled = v;
        while places < 8 && (scaled - libm::round(scaled)).abs() > 1e-9 {
            places += 1;
            scaled = v * 10f64.powi_exact(places);
        }
        Decimal(libm::round(scaled) as i64, places)
    }
    fn value(self) -> f64 {
        self.0 as f64 / 10f64.powi_exact(self.1.min(18))
    }
}

trait PowExact {
    fn powi_exact(self, n: u8) -> f64;
}
impl PowExact for f64 {
    /// By repeated multiplication: the same bits everywhere, and exact for ten up to 10^22.
    fn powi_exact(self, n: u8) -> f64 {
        (0..n).fold(1.0, |p, _| p * self)
    }
}

#[derive(Serialize, Deserialize)]
struct PackedSide {
    seed: u64,
    /// (index, value) of the knobs that are not at their default.
    knobs: Vec<(u8, Decimal)>,
    /// (time since the one before, what, values). `what` below 128 is an act, above it a knob.
    inputs: Vec<(u64, u8, Vec<Decimal>)>,
}

#[derive(Serialize, Deserialize)]
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

fn pack(value: &RunValue) -> PackedSide {
    let q = value.question;
    let knobs = q.knobs.iter().zip(value.knobs.values()).enumerate();
    let knobs = knobs.filter(|(_, (k, v))| k.default != **v).map(|(i, (_, v))| (i as u8, Decimal::of(*v))).collect();
    let mut before = 0;
    let inputs = value.inputs.iter().map(|input| {
        let since = input.at.0 - before;
        before = input.at.0;
        match input.what {
            What::Knob { knob, value } => (since, 128 + knob, vec![Decimal::of(value)]),
            What::Act { act, args } => {
                let n = q.acts[act as usize].args.len();
                (since, act, args[..n].iter().map(|v| Decimal::of(*v)).collect())
            }
        }
    });
    PackedSide { seed: value.seed, knobs, inputs: inputs.collect() }
}

/// The fragment without `#r=`.
pub fn encode(shared: &Shared) -> String {
    let packed = Packed {
        question_version: shared.a.question.version,
        a: pack(&shared.a),
        b: shared.b.as_ref().map(pack),
        at: shared.moment.at.0,
        events: shared.moment.events,
        events_b: shared.moment_b.events,
        speed_milli: shared.speed_milli,
        playing: shared.playing,
    };
    let mut bytes = vec![FORMAT];
    if let Ok(body) = postcard::to_allocvec(&packed) {
        bytes.extend(body);
    }
    Base64UrlUnpadded::encode_string(&bytes)
}

/// Reads a fragment (with or without `#r=`). `Err` when nothing can be used; otherwise the run and
/// a sentence for each thing that was left out.
pub fn decode(q: &'static Question, text: &str) -> Result<(Shared, Vec<String>), String> {
    let text = text.trim().trim_start_matches('#');
    let text = text.strip_prefix("r=").unwrap_or(text);
    if text.len() > LINK_CHARS_MAX {
        return Err(format!(
            "The link is {} characters long; a run fits into {LINK_CHARS_MAX}. It was ignored.",
            text.len()
        ));
    }
    let broken = "The link is damaged (perhaps it was cut off when it was copied), so the run starts at its beginning.";
    let bytes = Base64UrlUnpadded::decode_vec(text).map_err(|_| broken.to_string())?;
    match bytes.split_first() {
        Some((1, body)) => decode_1(q, core::str::from_utf8(body).map_err(|_| broken.to_string())?),
        Some((2, body)) => decode_2(q, postcard::from_bytes(body).map_err(|_| broken.to_string())?),
        Some((v, _)) => Err(format!(
            "The link was made by a newer version of this page (format {v}; this page reads up to {FORMAT}), so the run starts at its beginning."
        )),
        None => Err(broken.to_string()),
    }
}

fn unpack(q: &'static Question, side: PackedSide, notes: &mut Vec<String>) -> RunValue {
    let mut value = RunValue::new(q);
    value.seed = side.seed;
    for (index, v) in side.knobs {
        match q.knobs.get(index as usize) {
            Some(k) if k.allows(v.value()) => value.knobs.set(index, v.value()),
            Some(k) => notes.push(format!(
                "The link sets {} to {}, which is out of range; it stays at {}.",
                k.label,
                crate::decimal::Plain(v.value()),
                k.show(k.default)
            )),
            None => notes.push(format!(
                "The link sets knob number {index}, which this question does not have; it was left out."
            )),
        }
    }
    let mut at = 0u64;
    for (since, what, values) in side.inputs {
        at = at.saturating_add(since);
        match checked(q, what, &values) {
            Some(what) => value.inputs.push(Input { at: Us(at), what }),
            None => notes.push(format!(
                "The link contains an act at {} that this question does not have; it was left out.",
                Us(at)
            )),
        }
    }
    value
}

fn checked(q: &Question, what: u8, values: &[Decimal]) -> Option<What> {
    if what >= 128 {
        let (knob, [value]) = (what - 128, values) else {
            return None;
        };
        let decl = q.knobs.get(knob as usize)?;
        return (decl.live && decl.allows(value.value())).then_some(What::Knob { knob, value: value.value() });
    }
    let decl = q.acts.get(what as usize)?;
    if values.len() != decl.args.len() {
        return None;
    }
    let mut args = [0.0; 3];
    for ((slot, v), arg) in args.iter_mut().zip(values).zip(decl.args) {
        *slot = v.value();
        if !arg.allows(*slot) {
            return None;
        }
    }
    Some(What::Act { act: what, args })
}

fn decode_2(q: &'static Question, packed: Packed) -> Result<(Shared, Vec<String>), String> {
    let mut notes = Vec::new();
    if packed.question_version > q.version {
        return Err(
            "The link was made by a newer version of this question, so the run starts at its beginning.".to_string()
        );
    }
    if packed.question_version < q.version {
        notes.push("The link was made by an older version of this question: the knobs and acts are kept, but the run may differ in detail.".to_string());
    }
    let a = unpack(q, packed.a, &mut notes);
    let b = packed.b.map(|b| unpack(q, b, &mut notes));
    let same = packed.question_version == q.version;
    let at = Us(packed.at).min(q.horizon);
    if packed.at > q.horizon.0 {
        notes.push(format!("The link points beyond the end of the timeline; it shows {} instead.", q.horizon));
    }
    if packed.events > EVENTS_MAX || packed.events_b > EVENTS_MAX {
        return Err(
            "The link asks for a moment further into a run than this page goes, so the run starts at its beginning."
                .to_string(),
        );
    }
    // Event counts only mean something to the version that counted them.
    let count = |n: u64| if same { n } else { u64::MAX };
    let shared = Shared {
        a,
        b,
        moment: Moment { at, events: count(packed.events) },
        moment_b: Moment { at, events: count(packed.events_b) },
        speed_milli: packed.speed_milli.clamp(50, 64_000),
        playing: packed.playing,
    };
    Ok((shared, notes))
}

/// Version 1: lines of `seed 7`, `at 12.5s`, `limit=100`, `12s burst count=10`; lines that begin
/// with `b:` are side B's.
fn decode_1(q: &'static Question, text: &str) -> Result<(Shared, Vec<String>), String> {
    let mut notes = Vec::new();
    let mut a = RunValue::new(q);
    let mut b: Option<RunValue> = None;
    let mut at = Us::ZERO;
    for line in text.lines() {
        let (line, side) = match line.strip_prefix("b:") {
            Some(rest) => (rest, b.get_or_insert_with(|| RunValue::new(q))),
            None => (line, &mut a),
        };
        let outcome = if let Some(seed) = line.strip_prefix("seed ") {
            seed.parse().map(|s| side.seed = s).map_err(|_| format!("\"{seed}\" is not a seed"))
        } else if let Some(time) = line.strip_prefix("at ") {
            script::duration(time).map(|t| at = t)
        } else if line.contains(' ') {
            script::parse_input(q, line).map(|i| side.inputs.push(i))
        } else {
            let (key, value) = line.split_once('=').unwrap_or((line, ""));
            script::set_knob(q, &mut side.knobs, key, value)
        };
        if let Err(why) = outcome {
            notes.push(format!("The link, made by an older version, was read except for this: {why}."));
        }
    }
    crate::order::by_key(&mut a.inputs, |i| i.at);
    if let Some(b) = &mut b {
        crate::order::by_key(&mut b.inputs, |i| i.at);
    }
    let moment = Moment { at, events: u64::MAX };
    Ok((Shared { a, b, moment, moment_b: moment, speed_milli: 1_000, playing: false }, notes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Decimals that people set survive the packing to the last bit.
        #[test]
        fn decimals_survive(mantissa in -1_000_000_000i64..1_000_000_000, places in 0u8..7) {
            let v = Decimal(mantissa, places).value();
            prop_assert_eq!(Decimal::of(v).value().to_bits(), v.to_bits());
        }

        /// Whatever stands in the address, there is an answer and no panic.
        #[test]
        fn nothing_in_a_link_panics(text in "[A-Za-z0-9_-]{0,80}", bytes in prop::collection::vec(any::<u8>(), 0..80), version in 0u8..4) {
            for q in crate::questions::ALL {
                let _ = decode(q, &text);
                let mut body = vec![version];
                body.extend(&bytes);
                let _ = decode(q, &Base64UrlUnpadded::encode_string(&body));
            }
        }
    }

    #[test]
    fn a_link_gives_the_same_run_back() {
        for q in crate::questions::ALL {
            let mut a = RunValue::new(q);
            a.seed = 77;
            for (i, k) in q.knobs.iter().enumerate() {
                a.knobs.set(i as u8, if i % 2 == 0 { k.max } else { k.min });
            }
            for (i, act) in q.acts.iter().enumerate() {
                let mut args = [0.0; 3];
                for (slot, arg) in args.iter_mut().zip(act.args) {
                    *slot = arg.max;
                }
                a.inputs.push(Input { at: Us(i as u64 * 1_234_567), what: What::Act { act: i as u8, args } });
            }
            let moment = Moment { at: Us(2_000_001), events: 99 };
            let shared =
                Shared { b: Some(RunValue::new(q)), a, moment, moment_b: moment, speed_milli: 250, playing: true };
            let (back, notes) = decode(q, &format!("#r={}", encode(&shared))).expect("reads back");
            assert_eq!(notes, Vec::<String>::new());
            assert_eq!(back, shared);
        }
    }

    #[test]
    fn an_older_version_is_read_and_a_newer_one_refused_in_words() {
        let Some(q) = crate::questions::ALL.first() else {
            return;
        };
        let knob = &q.knobs[0];
        let text = format!("seed 9\nat 1.5s\n{}={}\nnosuch=1\nb:seed 4", knob.key, knob.show(knob.max));
        let mut bytes = vec![1];
        bytes.extend(text.bytes());
        let (shared, notes) = decode(q, &Base64UrlUnpadded::encode_string(&bytes)).expect("version 1 is read");
        assert_eq!(shared.a.seed, 9);
        assert_eq!(shared.a.knobs.get(0), knob.max);
        assert_eq!(shared.moment.at, Us(1_500_000));
        assert_eq!(shared.b.map(|b| b.seed), Some(4));
        assert!(notes.len() == 1 && notes[0].contains("nosuch"), "{notes:?}");
        let newer = Base64UrlUnpadded::encode_string(&[9, 1, 2]);
        assert!(decode(q, &newer).is_err_and(|e| e.contains("newer")));
        assert!(decode(q, &"A".repeat(LINK_CHARS_MAX + 1)).is_err_and(|e| e.contains("characters")));
        assert!(decode(q, "%%%").is_err_and(|e| e.contains("damaged")));
    }
}
