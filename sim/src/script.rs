//! Runs in writing: `limit=100`, `12.5s kill node=2`, `max_in_window(1s)`. Addresses, the runner's
//! flags, presets and experiments all use these words, so they are read in one place.

use crate::declare::{Knobs, Question};
use crate::kernel::{Input, Live, Read, Us, What};
use crate::text::joined;

/// Reads `62s`, `59.9s`, `200ms`, `500us`, `10min`, `5h`, exactly (no floating point).
pub fn duration(text: &str) -> Result<Us, String> {
    let wrong = || format!("\"{text}\" is not a time; expected one such as 62s, 59.9s, 200ms, 500us, 10min or 5h");
    let text = text.trim();
    let split = text.find(|c: char| c.is_ascii_alphabetic() || c == 'µ').ok_or_else(wrong)?;
    let (digits, unit) = text.split_at_checked(split).ok_or_else(wrong)?;
    let scale: u64 = match unit {
        "us" | "µs" => 1,
        "ms" => 1_000,
        "s" => 1_000_000,
        "min" => 60_000_000,
        "h" => 3_600_000_000,
        _ => return Err(wrong()),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let number = |t: &str| -> Option<u64> {
        if t.is_empty() || !t.bytes().all(|b| b.is_ascii_digit() || b == b'_') {
            return None;
        }
        t.replace('_', "").parse().ok()
    };
    let mut us = number(whole).and_then(|w| w.checked_mul(scale)).ok_or_else(wrong)?;
    if digits.contains('.') {
        // Nine digits of the largest unit still fit; `press` refuses more of an article, too.
        let some = match fraction.trim_end_matches('0') {
            "" if !fraction.is_empty() => "0",
            some => some,
        };
        let exact = |n: u64| {
            let (parts, of) = (n * scale, 10_u64.pow(some.len() as u32));
            parts.is_multiple_of(of).then_some(parts / of)
        };
        let part = Some(some).filter(|s| s.len() <= 9 && !s.contains('_')).and_then(number).and_then(exact);
        us = part.and_then(|part| us.checked_add(part)).ok_or_else(wrong)?;
    }
    // Beyond 2^53 µs a browser's numbers are no longer exact.
    if us > 1 << 53 { Err(format!("\"{text}\" is longer than a run can be (285 years)")) } else { Ok(Us(us)) }
}

/// Sets one knob by name.
pub fn set_knob(q: &Question, knobs: &mut Knobs, key: &str, text: &str) -> Result<(), String> {
    let knob = q.knob(key)?;
    knobs.set(knob, q.knobs[knob as usize].parse(text)?);
    Ok(())
}

/// An input from its parts: the act's name, or `set` with one knob and its value.
pub fn input<'a>(
    q: &Question,
    at: Us,
    act: &str,
    args: impl Iterator<Item = (&'a str, &'a str)>,
) -> Result<Input, String> {
    if act == "set" {
        let mut args = args;
        let (Some((key, text)), None) = (args.next(), args.next()) else {
            return Err("\"set\" moves exactly one knob, such as \"12s set limit=50\"".to_string());
        };
        let knob = q.knob(key)?;
        let decl = &q.knobs[knob as usize];
        if !decl.live {
            return Err(format!("{key} cannot be moved during a run; set it at the start instead"));
        }
        return Ok(Input { at, what: What::Knob { knob, value: decl.parse(text)? } });
    }
    let index = q.act(act)?;
    let decl = &q.acts[index as usize];
    let mut values = [0.0; 3];
    for (slot, arg) in values.iter_mut().zip(decl.args) {
        *slot = arg.default;
    }
    for (key, text) in args {
        let Some(i) = decl.args.iter().position(|a| a.key == key) else {
            let known: Vec<&str> = decl.args.iter().map(|a| a.key).collect();
            return Err(if known.is_empty() {
                format!("{act} takes no arguments, but \"{key}\" was given")
            } else {
                format!("{act} has no argument \"{key}\"; expected {}", joined(&known, ", "))
            });
        };
        values[i] = decl.args[i].parse(text)?;
    }
    Ok(Input { at, what: What::Act { act: index, args: values } })
}

/// `12.5s kill node=2`
pub fn parse_input(q: &Question, text: &str) -> Result<Input, String> {
    let mut words = text.split_whitespace();
    let (Some(at), Some(act)) = (words.next(), words.next()) else {
        return Err(format!("\"{text}\" is not an act; expected a time and a name, such as \"12.5s kill node=2\""));
    };
    let at = duration(at)?;
    let mut pairs = Vec::new();
    for word in words {
        pairs.push(word.split_once('=').ok_or_else(|| format!("\"{word}\" in \"{text}\" is not key=value"))?);
    }
    input(q, at, act, pairs.into_iter())
}

/// An input as `parse_input` reads it.
pub fn show_input(q: &Question, input: &Input) -> String {
    let at = Written(input.at);
    match input.what {
        What::Knob { knob, value } => {
            let k = &q.knobs[knob as usize];
            format!("{at} set {}={}", k.key, k.show(value))
        }
        What::Act { act, args } => {
            let a = &q.acts[act as usize];
            let mut text = format!("{at} {}", a.key);
            for (arg, value) in a.args.iter().zip(args) {
                text.push_str(&format!(" {}={}", arg.key, arg.show(value)));
            }
            text
        }
    }
}

/// An input in words for the log and the timeline: `Burst, 10 requests`.
pub fn tell_input(q: &Question, input: &Input) -> String {
    match input.what {
        What::Knob { knob, value } => {
            let k = &q.knobs[knob as usize];
            format!("{} set to {} {}", k.label, k.show(value), k.unit).trim_end().to_string()
        }
        What::Act { act, args } => {
            let a = &q.acts[act as usize];
            let details: Vec<String> = a
                .args
                .iter()
                .zip(args)
                .map(|(arg, v)| format!("{} {}", arg.label.to_ascii_lowercase(), arg.tell(v)))
                .collect();
            if details.is_empty() { a.label.to_string() } else { format!("{}: {}", a.label, joined(&details, ", ")) }
        }
    }
}

struct Written(Us);
impl core::fmt::Display for Written {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let us = self.0.0;
        let (whole, rest) = (us / 1_000_000, us % 1_000_000);
        if rest == 0 {
            write!(f, "{whole}s")
        } else {
            let digits = format!("{rest:06}");
            write!(f, "{whole}.{}s", digits.trim_end_matches('0'))
        }
    }
}

/// What an experiment asks of a run.
#[derive(Clone, Debug, PartialEq)]
pub enum Ask {
    Number(u8),
    Measure(u8, Vec<f64>),
}

/// `p99` or `max_in_window(1s)`. Durations become seconds, choices of a knob by its key become the
/// index, numbers stay.
pub fn parse_ask(q: &Question, text: &str) -> Result<Ask, String> {
    let (name, args) = match text.split_once('(') {
        None => (text.trim(), Vec::new()),
        Some((name, rest)) => {
            let inner =
                rest.trim_end().strip_suffix(')').ok_or_else(|| format!("\"{text}\" lacks its closing bracket"))?;
            (name.trim(), inner.split(',').map(str::trim).filter(|a| !a.is_empty()).collect())
        }
    };
    if let Some(i) = q.measures.iter().position(|m| m.key == name) {
        let m = &q.measures[i];
        if m.args.len() != args.len() {
            return Err(format!(
                "{name} takes {} ({}), but {} were given",
                m.args.len(),
                m.args.join(", "),
                args.len()
            ));
        }
        let values = m.args.iter().zip(&args).map(|(kind, text)| argument(q, kind, text)).collect::<Result<_, _>>()?;
        return Ok(Ask::Measure(i as u8, values));
    }
    if let Some(i) = q.numbers.iter().position(|n| n.key == name).filter(|_| args.is_empty()) {
        return Ok(Ask::Number(i as u8));
    }
    let known: Vec<&str> = q.measures.iter().map(|m| m.key).chain(q.numbers.iter().map(|n| n.key)).collect();
    Err(format!("unknown measure \"{name}\"; expected one of {}", joined(&known, ", ")))
}

fn argument(q: &Question, kind: &str, text: &str) -> Result<f64, String> {
    if kind == "duration" {
        return duration(text).map(Us::as_s);
    }
    if kind == "number" {
        return crate::decimal::parse(&text.replace('_', "")).ok_or_else(|| format!("\"{text}\" is not a number"));
    }
    // Any other kind names the knob whose choices are meant.
    q.knobs[q.knob(kind)? as usize].parse(text)
}

/// The answer of a run, if it has one.
#[cfg(not(target_arch = "wasm32"))]
pub fn answer(run: &dyn Live, ask: &Ask) -> Option<f64> {
    answer_by(|run, i, args| run.measure(i, args), run, ask)
}

/// The answer of a run, if it has one, by the question's own reader of measures.
pub fn answer_by(read: Read, run: &dyn Live, ask: &Ask) -> Option<f64> {
    match ask {
        Ask::Number(i) => run.number(*i),
        Ask::Measure(i, args) => read(run, *i, args),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_exactly() {
        assert_eq!(duration("62s"), Ok(Us::s(62)));
        assert_eq!(duration("59.9s"), Ok(Us(59_900_000)));
        assert_eq!(duration("18959.709551615h"), Ok(Us(68_254_954_385_814)));
        assert_eq!(duration("0.1250000000000s"), Ok(Us(125_000)));
        assert!(duration("0.00000001min").is_err() && duration("18446744073709551.9ms").is_err());
        assert_eq!(duration("0.000001s"), Ok(Us(1)));
        assert_eq!(duration("200ms"), Ok(Us::ms(200)));
        assert_eq!(duration("1.5min"), Ok(Us::s(90)));
        assert_eq!(duration("5h"), Ok(Us::s(18_000)));
        for bad in ["", "s", "5", "1.s", ".5s", "1.0000001s", "-1s", "1e3s", "99999999999999999999s", "1 year"] {
            assert!(duration(bad).is_err(), "{bad}");
        }
    }

    #[cfg(feature = "questions")]
    #[test]
    fn a_number_has_no_more_digits_than_are_written() {
        let small = || {
            crate::questions::ALL
                .iter()
                .flat_map(|q| q.knobs)
                .filter(|k| k.kind == crate::declare::Kind::Float && k.min == 0.0)
        };
        assert!(small().count() > 5);
        for k in small() {
            for text in ["0.00012345678901234567", "1.23456789e-9", "1e-20"] {
                let v = k.parse(text).expect("within its range");
                assert_eq!(k.parse(&k.show(v)), Ok(v), "{}={text}", k.key);
            }
        }
    }

    #[cfg(feature = "questions")]
    #[test]
    fn values_that_stand_for_something_are_told_by_name() {
        let q = crate::questions::find("monolith-vs-microservices").expect("a question");
        let act = q.act("move").expect("an act");
        let told = |args| tell_input(q, &Input { at: Us::ZERO, what: What::Act { act, args } });
        assert_eq!(
            told([63.0, 62.0, 0.0]),
            "Move module: module picked by its knob, into deployable picked by its knob"
        );
        assert_eq!(told([2.0, 63.0, 0.0]), "Move module: module 2, into deployable of its own");
    }
}
