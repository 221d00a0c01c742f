//! What the page shows of a message: four encodings, each with its bytes and what they mean.

use serde::Serialize;

use crate::form::{Mistake, grouped, read};
use crate::inflate::{Symbol, What, symbols};
use crate::message::{Message, deflated, json, protobuf};
use crate::walk::{Part, Type, json_parts, protobuf_parts};

/// Above this, JavaScript's numbers leave out whole numbers.
const SAFE_IN_JAVASCRIPT: u64 = (1 << 53) - 1;

/// One way to write the message.
#[derive(Debug, Serialize)]
pub struct Encoding {
    pub name: &'static str,
    pub size: usize,
    /// Two hexadecimal digits a byte.
    pub hex: String,
    /// What the bytes mean, from the first to the last, without a gap.
    pub parts: Vec<Part>,
}

/// A message in its four encodings: protobuf, JSON, protobuf deflated, JSON deflated.
#[derive(Debug, Serialize)]
pub struct Report {
    pub encodings: [Encoding; 4],
    /// What is worth a word about this message.
    pub notes: Vec<String>,
}

#[derive(Serialize)]
struct Wrong {
    mistake: Mistake,
}

/// The form as JSON in, a [`Report`] or `{ "mistake": .. }` as JSON out.
///
/// # Panics
///
/// Never: the answer has text keys and whole numbers only.
pub fn encode(form: &str) -> String {
    match read(form) {
        Ok(message) => serde_json::to_string(&report(&message)),
        Err(mistake) => serde_json::to_string(&Wrong { mistake }),
    }
    .expect("text keys and whole numbers")
}

pub fn report(message: &Message) -> Report {
    let of = if matches!(message, Message::Order(_)) { Type::Order } else { Type::Comment };
    let (binary, text) = (protobuf(message), json(message));
    let (small_binary, small_text) = (deflated(&binary), deflated(&text));
    Report {
        notes: notes(message),
        encodings: [
            encoding("Protobuf", &binary, protobuf_parts(&binary, of)),
            encoding("JSON", &text, json_parts(&text)),
            encoding("Protobuf, deflated", &small_binary, deflate_parts(&small_binary)),
            encoding("JSON, deflated", &small_text, deflate_parts(&small_text)),
        ],
    }
}

fn encoding(name: &'static str, bytes: &[u8], parts: Vec<Part>) -> Encoding {
    let hex = bytes.iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"));
    Encoding { name, size: bytes.len(), hex, parts }
}

fn notes(message: &Message) -> Vec<String> {
    let mut notes = Vec::new();
    let (numbers, texts) = values(message);
    let absent: Vec<&str> = numbers
        .iter()
        .filter(|(_, number)| *number == 0)
        .map(|(name, _)| *name)
        .chain(texts.iter().filter(|(_, text)| text.is_empty()).map(|(name, _)| *name))
        .collect();
    if !absent.is_empty() {
        notes.push(format!(
            "Not in the protobuf bytes at all: {}. Zero and the empty text are what a receiver assumes, so it cannot tell them from a field that was never set.",
            listed(&absent)
        ));
    }
    if let Some((name, number)) = numbers.iter().find(|(_, number)| *number > SAFE_IN_JAVASCRIPT) {
        notes.push(format!(
            "{name} = {} does not survive JSON.parse: JavaScript's numbers are exact up to {} only. Protobuf's own JSON form writes 64-bit numbers as texts for that reason.",
            grouped(*number),
            grouped(SAFE_IN_JAVASCRIPT)
        ));
    }
    notes
}

type Values<'a> = (Vec<(&'static str, u64)>, Vec<(&'static str, &'a str)>);

/// The fields of the message itself and of its items, by kind. `note` is left out of both encodings when it is empty.
fn values(message: &Message) -> Values<'_> {
    match message {
        Message::Comment(comment) => (vec![("id", comment.id)], vec![("text", &comment.text)]),
        Message::Order(order) => {
            let mut numbers =
                vec![("order_id", order.order_id), ("user_id", order.user_id), ("total_cents", order.total_cents)];
            numbers.push(("created_at", order.created_at));
            let mut texts = vec![("currency", order.currency.as_str())];
            for item in &order.items {
                numbers.push(("quantity", u64::from(item.quantity)));
                numbers.push(("unit_price_cents", item.unit_price_cents));
                texts.push(("sku", &item.sku));
            }
            (numbers, texts)
        }
    }
}

/// Each name once: `sku, quantity and user_id`.
fn listed(names: &[&str]) -> String {
    let mut once: Vec<&str> = Vec::new();
    for name in names {
        if !once.contains(name) {
            once.push(name);
        }
    }
    match once.split_last() {
        Some((last, [])) => (*last).to_owned(),
        Some((last, rest)) => format!("{} and {last}", rest.join(", ")),
        None => String::new(),
    }
}

/// Deflate writes bits, not bytes: each byte with the symbols that begin in it.
fn deflate_parts(stream: &[u8]) -> Vec<Part> {
    let Some((symbols, out)) = symbols(stream) else { return Vec::new() };
    let mut at = 0;
    let mut written = 0;
    (0..stream.len())
        .map(|byte| {
            let mut words = Vec::new();
            let mut kind = "more";
            while let Some(symbol) = symbols.get(at).filter(|symbol| symbol.from < 8 * (byte + 1)) {
                kind = match symbol.what {
                    What::Byte(_) => "byte",
                    What::Copy { .. } => "copy",
                    _ => "block",
                };
                words.push(said(symbol, &out, &mut written));
                at += 1;
            }
            let says = match words.is_empty() {
                true => "Goes on with what the bytes before it began.".to_owned(),
                false => format!("Begins here: {}.", words.join("; ")),
            };
            Part { from: byte, to: byte + 1, kind, path: String::new(), says }
        })
        .collect()
}

/// A symbol in words. `written` counts the bytes that the symbols before it stand for.
fn said(symbol: &Symbol, out: &[u8], written: &mut usize) -> String {
    let bits = match symbol.to - symbol.from {
        1 => "1 bit".to_owned(),
        bits => format!("{bits} bits"),
    };
    match symbol.what {
        What::Header { last, kind } => {
            let which = ["stored as it is", "with the codes that are fixed in the standard", "with codes of its own"];
            let last = if last { "the last block" } else { "a block" };
            format!("{last}, {} ({bits})", which.get(usize::from(kind)).unwrap_or(&""))
        }
        What::Codes => format!("how long each code of this block is ({bits})"),
        What::Stored { length } => format!("the length of the block, {length} bytes ({bits})"),
        What::Byte(byte) => {
            *written += 1;
            format!("{} ({bits})", byte_in_words(byte))
        }
        What::Copy { length, back } => {
            let text: String = out[*written..*written + length].iter().take(24).map(|byte| shown(*byte)).collect();
            *written += length;
            let more = if length > 24 { "…" } else { "" };
            format!("copy {length} bytes from {back} back, “{text}{more}” ({bits})")
        }
        What::End => format!("the end of the block ({bits})"),
    }
}

fn byte_in_words(byte: u8) -> String {
    match byte {
        b' '..=b'~' => format!("“{}”", char::from(byte)),
        _ => format!("the byte {byte:02x}"),
    }
}

fn shown(byte: u8) -> char {
    if (b' '..=b'~').contains(&byte) { char::from(byte) } else { '·' }
}
