//! Links of every format.

use crate::{Probe, picked, text};
use sim::declare::Question;
use sim::golden;
use sim::kernel::{Moment, RunValue, Us};
use sim::link::{self, Shared};
use sim::questions;

pub const LINK: Probe = Probe {
    name: "link",
    about: "links of all three formats, for every question",
    run,
    seeds,
    words: &["#r=", "seed ", "at ", "b:", "\u{1}", "\u{2}", "\u{3}", "12s ", "set ", "limit=", "burst", "AwIPAT"],
    short: 6_000,
};

/// No link has so many sentences.
const NOTES_MAX: usize = 7;

fn run(bytes: &[u8]) {
    let Some((question, rest)) = picked(bytes, questions::ALL) else { return };
    // As it stands in an address, and as the bytes that such a text stands for.
    read(question, &text(rest));
    read(question, &packed(rest));
}

fn read(q: &'static Question, code: &str) {
    match link::decode(q, code) {
        Err(why) => assert!(why.ends_with('.') && why.len() < 400, "{why}"),
        Ok((shared, notes)) => {
            assert!(notes.len() <= NOTES_MAX && notes.iter().all(|note| note.ends_with('.')), "{notes:?}");
            assert!(shared.moment.at <= q.last() && shared.furthest <= q.last() && shared.until <= Some(q.horizon));
            for value in [&shared.a].into_iter().chain(&shared.b).chain(shared.futures.iter().map(|f| &f.value)) {
                runs(q, value);
            }
            // What was read can be written, and is then what was read.
            let again = link::decode(q, &link::encode(&shared));
            let wanted = Ok((shared, Vec::new()));
            assert!(again == wanted, "{}", differ(&format!("{again:?}"), &format!("{wanted:?}")));
        }
    }
}

/// Where two long texts part ways.
fn differ(is: &str, wanted: &str) -> String {
    let at = is.chars().zip(wanted.chars()).take_while(|(a, b)| a == b).count();
    let around = |text: &str| text.chars().skip(at.saturating_sub(200)).take(300).collect::<String>();
    format!("written and read again: {}\nread first: {}", around(is), around(wanted))
}

/// What is read is something that can run: every value is one that its control could have.
fn runs(q: &Question, value: &RunValue) {
    assert!(q.knobs.iter().zip(value.knobs.values()).all(|(k, v)| k.allows(*v)));
    assert!(value.inputs.len() <= link::INPUTS_MAX && value.inputs.is_sorted_by_key(|i| i.at));
}

/// The link that these bytes are.
fn packed(bytes: &[u8]) -> String {
    const SIGNS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut code = String::with_capacity(bytes.len() * 4 / 3 + 3);
    for three in bytes.chunks(3) {
        let word = three.iter().enumerate().fold(0, |word, (i, byte)| word | u32::from(*byte) << (16 - 8 * i));
        code.extend((0..=three.len()).map(|i| char::from(SIGNS[(word >> (18 - 6 * i) & 63) as usize])));
    }
    code
}

fn unpacked(code: &str) -> Vec<u8> {
    let sign = |c: u8| match c {
        b'A'..=b'Z' => c - b'A',
        b'a'..=b'z' => c - b'a' + 26,
        b'0'..=b'9' => c - b'0' + 52,
        b'-' => 62,
        _ => 63,
    };
    let mut bytes = Vec::new();
    for four in code.as_bytes().chunks(4) {
        let word = four.iter().enumerate().fold(0, |word, (i, c)| word | u32::from(sign(*c)) << (18 - 6 * i));
        bytes.extend((1..four.len()).map(|i| (word >> (24 - 8 * i)) as u8));
    }
    bytes
}

fn seeds() -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    for (i, q) in questions::ALL.iter().enumerate() {
        let value = golden::value(q, 7);
        let mut shared = Shared::one(value.clone(), Moment { at: Us::s(12), events: u64::MAX });
        let one = link::encode(&shared);
        shared.b = Some(RunValue { seed: 9, ..RunValue::new(q) });
        shared.moment_b = Moment { at: Us::s(12), events: 40 };
        shared.futures = vec![link::Future { forked_at: Us::s(3), value }];
        shared.origin = Some(link::Origin::Experiment(link::hash("boundary"), Some(1)));
        shared.until = Some(Us::s(15));
        for code in [one, link::encode(&shared)] {
            all.push([&[i as u8], &unpacked(&code)[..]].concat());
            all.push([&[i as u8], code.as_bytes()].concat());
        }
    }
    // Formats 1 and 2, as they were written.
    let limiter = questions::ALL.iter().position(|q| q.slug == "rate-limiter-design").unwrap_or(0) as u8;
    for code in [
        "AXNlZWQgOQphdCA2MS41cwpsaW1pdD01MAo1OS45cyBidXJzdCBjb3VudD00MAo2MC4yNXMgc2V0IGxvYWQ9MgpiOnNlZWQgOQpiOmxpbWl0PTYwCmI6NTkuOXMgYnVyc3QgY291bnQ9NDA",
        "AgEJAQFkAALggMgcAQNQAAAAAgCwrhWFAQQAAQkBAXgAAeCAyBwBA1AAAAACAODUqR2JBqsE9AMA",
        "AwIPAT2eEwOgH-sCGzI0EgcJAZADAALeEgnAAvkKLBAFAeADAQEBAA",
    ] {
        all.push([&[limiter], &unpacked(code)[..]].concat());
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_packed_as_links_are() {
        for code in ["", "AA", "AwIPAT2eEwOgH-sCGzI0EgcJAZADAALeEgnAAvkKLBAFAeADAQEBAA"] {
            assert_eq!(packed(&unpacked(code)), code);
        }
    }
}
