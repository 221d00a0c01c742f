//! Reads encoded bytes back and says what each of them is for.
//!
//! This is the lab's own code and knows nothing of how the bytes were made: it sees what a receiver sees. The field
//! names of protobuf come from a table here, as they do for a receiver, because they are not in the bytes.

use serde::Serialize;

use crate::form::grouped;

/// Some bytes that belong together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Part {
    /// The first byte, and the one after the last.
    pub from: usize,
    pub to: usize,
    /// `tag`, `length`, `number`, `text`; in JSON also `name` and `mark`; deflated `block`, `byte`, `copy` and `more`.
    pub kind: &'static str,
    /// The field that it belongs to, as in `items[2].sku`.
    pub path: String,
    /// A sentence for the reader.
    pub says: String,
}

/// A message type of the schema: its fields by number.
struct Schema(&'static [(u64, &'static str, Kind)]);

#[derive(Clone, Copy)]
enum Kind {
    Number,
    Text,
    List(&'static Schema),
}

static ITEM: Schema =
    Schema(&[(1, "sku", Kind::Text), (2, "quantity", Kind::Number), (3, "unit_price_cents", Kind::Number)]);
static ORDER: Schema = Schema(&[
    (1, "order_id", Kind::Number),
    (2, "user_id", Kind::Number),
    (3, "currency", Kind::Text),
    (4, "total_cents", Kind::Number),
    (5, "items", Kind::List(&ITEM)),
    (6, "created_at", Kind::Number),
    (7, "note", Kind::Text),
]);
static COMMENT: Schema = Schema(&[(1, "id", Kind::Number), (2, "text", Kind::Text)]);

/// Which message the bytes hold.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Type {
    Order,
    Comment,
}

/// What the bytes of a protobuf message mean, in order and without a gap. What does not fit the schema ends the walk.
pub fn protobuf_parts(bytes: &[u8], of: Type) -> Vec<Part> {
    let mut walk = Walk { bytes, at: 0, parts: Vec::new() };
    let schema = if of == Type::Order { &ORDER } else { &COMMENT };
    walk.message(schema, bytes.len(), "");
    walk.parts
}

struct Walk<'a> {
    bytes: &'a [u8],
    at: usize,
    parts: Vec<Part>,
}

impl Walk<'_> {
    fn message(&mut self, schema: &'static Schema, end: usize, inside: &str) -> Option<()> {
        let mut seen = 0;
        while self.at < end {
            let from = self.at;
            let tag = self.varint()?;
            let &(number, name, kind) = schema.0.iter().find(|(number, ..)| *number == tag >> 3)?;
            let path = match kind {
                Kind::List(_) => format!("{inside}{name}[{seen}]"),
                _ => format!("{inside}{name}"),
            };
            let wire = match tag & 7 {
                0 => "0, a varint follows",
                _ => "2, a length follows",
            };
            self.push(from, "tag", &path, format!("Tag of {name}: field number {number} × 8 + wire type {wire}."));
            let from = self.at;
            let value = self.varint()?;
            let Kind::Number = kind else {
                let length = usize::try_from(value).ok()?;
                let what = if let Kind::List(_) = kind { "this item" } else { "this text" };
                let size = if length == 1 { "1 byte".to_owned() } else { format!("{} bytes", grouped(value)) };
                self.push(from, "length", &path, format!("Length of {what}: {size}{}.", self.spelled(from)));
                let end = self.at.checked_add(length).filter(|end| *end <= self.bytes.len())?;
                match kind {
                    Kind::List(schema) => {
                        seen += 1;
                        self.message(schema, end, &format!("{path}."))?;
                    }
                    _ if length > 0 => {
                        let from = self.at;
                        self.at = end;
                        let text = String::from_utf8_lossy(&self.bytes[from..end]).into_owned();
                        self.push(from, "text", &path, format!("{name}: “{}” in UTF-8.", cut(&text)));
                    }
                    _ => {}
                }
                continue;
            };
            self.push(from, "number", &path, format!("{name} = {}{}.", grouped(value), self.spelled(from)));
        }
        Some(())
    }

    /// Seven bits a byte, the lowest first; the top bit says that another byte follows.
    fn varint(&mut self) -> Option<u64> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = *self.bytes.get(self.at)?;
            self.at += 1;
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Some(value);
            }
        }
        None
    }

    /// How the varint from here to now adds up, if it has more than one byte.
    fn spelled(&self, from: usize) -> String {
        let bytes = &self.bytes[from..self.at];
        if bytes.len() == 1 {
            return String::new();
        }
        let sevens: Vec<String> = bytes.iter().rev().map(|byte| format!("{:07b}", byte & 0x7f)).collect();
        format!(
            ", as a varint of {} bytes: seven bits of each, the last byte first, are {}",
            bytes.len(),
            sevens.join(" ")
        )
    }

    fn push(&mut self, from: usize, kind: &'static str, path: &str, says: String) {
        self.parts.push(Part { from, to: self.at, kind, path: path.to_owned(), says });
    }
}

/// What the bytes of minified JSON mean, in order and without a gap. Invalid JSON ends the walk.
pub fn json_parts(bytes: &[u8]) -> Vec<Part> {
    let mut parts = Vec::new();
    // What is open: a list has the number of its element, an object none.
    let mut open: Vec<Option<usize>> = Vec::new();
    let mut names: Vec<String> = Vec::new();
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let from = at;
        let in_object = matches!(open.last(), Some(None));
        let (kind, says) = match byte {
            b'{' => {
                open.push(None);
                names.push(String::new());
                at += 1;
                ("mark", "An object begins.".to_owned())
            }
            b'[' => {
                open.push(Some(0));
                names.push("[0]".to_owned());
                at += 1;
                ("mark", "A list begins.".to_owned())
            }
            b'}' | b']' => {
                open.pop();
                names.pop();
                at += 1;
                ("mark", format!("{} ends.", if byte == b'}' { "The object" } else { "The list" }))
            }
            b',' => {
                if let (Some(Some(element)), Some(name)) = (open.last_mut(), names.last_mut()) {
                    *element += 1;
                    *name = format!("[{element}]");
                }
                at += 1;
                ("mark", "Another one follows.".to_owned())
            }
            b'"' => {
                let Some(end) = end_of_string(bytes, at) else { break };
                at = end;
                let text = String::from_utf8_lossy(&bytes[from + 1..end - 1]).into_owned();
                if in_object && bytes.get(end) == Some(&b':') {
                    at += 1;
                    if let Some(name) = names.last_mut() {
                        *name = text.clone();
                    }
                    ("name", format!("The name “{text}”, written out, in quotes and with a colon."))
                } else {
                    ("text", format!("{}: “{}” in UTF-8 between quotes.", field(&names), cut(&text)))
                }
            }
            _ => {
                while bytes.get(at).is_some_and(|byte| !matches!(byte, b',' | b'}' | b']')) {
                    at += 1;
                }
                let digits = String::from_utf8_lossy(&bytes[from..at]).into_owned();
                ("number", format!("{} = {digits}, one byte a digit.", field(&names)))
            }
        };
        let path = if kind == "mark" { String::new() } else { path(&names) };
        parts.push(Part { from, to: at, kind, path, says });
    }
    parts
}

/// After the closing quote.
fn end_of_string(bytes: &[u8], quote: usize) -> Option<usize> {
    let mut at = quote + 1;
    loop {
        match bytes.get(at)? {
            b'\\' => at += 2,
            b'"' => return Some(at + 1),
            _ => at += 1,
        }
    }
}

/// `items`, `[2]`, `sku` as `items[2].sku`.
fn path(names: &[String]) -> String {
    names.iter().fold(String::new(), |path, name| match name.starts_with('[') || path.is_empty() {
        true => path + name,
        false => format!("{path}.{name}"),
    })
}

/// The innermost name.
fn field(names: &[String]) -> &str {
    names.last().map_or("", String::as_str)
}

/// The first characters of a long text.
fn cut(text: &str) -> String {
    match text.char_indices().nth(40) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
