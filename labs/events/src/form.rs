//! What the reader typed, made into events, or a sentence about what is wrong with it.
//!
//! The page sends every field as the text that stands in its box, so that this is the only place that judges it.

use serde::{Deserialize, Serialize};
use sim::blocks::account::{Codec, Event, Kind, Written};

/// More would be a list that nobody reads.
pub const EVENTS_MAX: usize = 200;
/// Amounts go up to a million euros, so that cents fit what is stored.
pub const EUROS_MAX: i64 = 1_000_000;

/// Everything that stands on the page.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Form {
    pub events: Vec<Draft>,
    /// Whether the code of today can turn v1 into v2.
    pub upcaster: bool,
    /// After how many events the snapshot is taken.
    pub snapshot: String,
    /// In which layout it is kept, and which one the code expects: 1 is euros, 2 is cents.
    pub kept_in: u8,
    pub expects: u8,
    pub checks: bool,
    /// What is to be appended, if that is what the page asks for.
    pub draft: Option<Draft>,
    /// The version that the draft was decided on.
    #[serde(default)]
    pub expected: String,
    /// Whether the rules of the business are asked first.
    #[serde(default)]
    pub decide: bool,
}

/// An event as it stands in the page.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Draft {
    pub kind: String,
    /// In euros, as people write them.
    pub amount: String,
    /// The version in which it is written.
    pub schema: u8,
}

/// What cannot be, and in which field it stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Mistake {
    /// As in `events[2].amount` or `expected`; empty if it is not about one field.
    pub path: String,
    /// A sentence for the reader.
    pub says: String,
}

impl Mistake {
    pub fn new(path: impl Into<String>, says: impl Into<String>) -> Mistake {
        Mistake { path: path.into(), says: says.into() }
    }
}

/// Reads a form: a JSON object with the fields of [`Form`].
pub fn read(form: &str) -> Result<Form, Mistake> {
    let form: Form = serde_json::from_str(form)
        .map_err(|error| Mistake::new("", format!("The form could not be read: {error}.")))?;
    let all = form.events.len() + usize::from(form.draft.is_some());
    if all > EVENTS_MAX {
        return Err(Mistake::new("", format!("{all} events are more than the {EVENTS_MAX} that this page folds.")));
    }
    for (path, layout) in [("kept_in", form.kept_in), ("expects", form.expects)] {
        if !matches!(layout, 1 | 2) {
            return Err(Mistake::new(path, format!("Layout {layout} is unknown; expected 1 or 2.")));
        }
    }
    Ok(form)
}

impl Form {
    pub fn written(&self) -> Result<Vec<Written>, Mistake> {
        self.events.iter().enumerate().map(|(at, draft)| draft.written(&format!("events[{at}]."))).collect()
    }

    /// After how many events the snapshot is taken; an empty box is none.
    pub fn snapshot_at(&self) -> Result<u32, Mistake> {
        let most = self.events.len();
        let expected = format!("The snapshot is taken after a whole number of events, from 0 to {most}.");
        match self.snapshot.trim() {
            "" => Ok(0),
            typed => match typed.parse() {
                Ok(n) if n as usize <= most => Ok(n),
                Ok(_) => Err(Mistake::new("snapshot", format!("There is no event {typed} yet. {expected}"))),
                Err(_) => Err(Mistake::new("snapshot", format!("“{}” is not such a number. {expected}", cut(typed)))),
            },
        }
    }

    pub fn expected_version(&self) -> Result<u32, Mistake> {
        let typed = self.expected.trim();
        typed.parse().map_err(|_| {
            let shown = if typed.is_empty() { "Nothing".to_owned() } else { format!("“{}”", cut(typed)) };
            Mistake::new(
                "expected",
                format!("{shown} is not a version. A version is a whole number: 0 before the first event."),
            )
        })
    }
}

impl Draft {
    /// The event as it is stored. `path` begins the names of its fields.
    pub fn written(&self, path: &str) -> Result<Written, Mistake> {
        let Some(kind) = Kind::ALL.into_iter().find(|k| k.name() == self.kind) else {
            let names: Vec<&str> = Kind::ALL.iter().map(|k| k.name()).collect();
            let says = format!("“{}” is not a kind of event; expected {}.", cut(&self.kind), names.join(", "));
            return Err(Mistake::new(format!("{path}kind"), says));
        };
        let codec = match self.schema {
            1 => Codec::V1,
            2 => Codec::V2,
            n => return Err(Mistake::new(format!("{path}schema"), format!("v{n} is unknown; expected v1 or v2."))),
        };
        let wrong = |says: String| Err(Mistake::new(format!("{path}amount"), says));
        if !kind.has_amount() {
            return Ok(codec.write(Event { kind, cents: 0 }));
        }
        let typed = self.amount.trim();
        let Some(cents) = cents(typed) else {
            let shown = if typed.is_empty() { "Nothing".to_owned() } else { format!("“{}”", cut(typed)) };
            return wrong(format!("{shown} is not an amount. Expected euros, such as 40 or 12.50."));
        };
        if cents.abs() > EUROS_MAX * 100 {
            return wrong(format!("“{}” is too large. Amounts go up to 1,000,000 euros.", cut(typed)));
        }
        if kind.is_payment() && cents <= 0 {
            return wrong(format!(
                "A payment is more than 0, and “{}” is not. The kind says in which direction it goes.",
                cut(typed)
            ));
        }
        if kind == Kind::Corrected && cents == 0 {
            return wrong("A correction by 0 corrects nothing.".to_owned());
        }
        if self.schema == 1 && cents % 100 != 0 {
            return wrong(format!(
                "“{}” has cents, and v1 has no room for them. Write v2, or whole euros.",
                cut(typed)
            ));
        }
        Ok(codec.write(Event { kind, cents }))
    }
}

/// Euros as people write them, in cents: `-12.50`, `1,000`. At most two decimals.
fn cents(typed: &str) -> Option<i64> {
    let (negative, digits) = match typed.strip_prefix(['-', '\u{2212}']) {
        Some(rest) => (true, rest),
        None => (false, typed.strip_prefix('+').unwrap_or(typed)),
    };
    let (whole, part) = digits.split_once('.').unwrap_or((digits, "0"));
    let whole: String = whole.chars().filter(|c| *c != ',').collect();
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    if !digits(&whole) || !digits(part) || part.len() > 2 || whole.len() > 12 {
        return None;
    }
    let tenths = if part.len() == 1 { 10 } else { 1 };
    let cents = whole.parse::<i64>().ok()? * 100 + part.parse::<i64>().ok()? * tenths;
    Some(if negative { -cents } else { cents })
}

/// As it was typed, cut where it would not fit a sentence.
fn cut(typed: &str) -> String {
    match typed.char_indices().nth(24) {
        Some((end, _)) => format!("{}…", &typed[..end]),
        None => typed.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn euros_as_people_write_them() {
        for (typed, is) in
            [("40", 4_000), ("12.5", 1_250), ("12.05", 1_205), ("-3", -300), ("1,000.00", 100_000), ("+7", 700)]
        {
            assert_eq!(cents(typed), Some(is), "{typed}");
        }
        for typed in ["", "-", "1.", ".5", "1.234", "one", "1e3", "1 000", "9999999999999"] {
            assert_eq!(cents(typed), None, "{typed}");
        }
    }
}
