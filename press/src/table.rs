//! Reads spanned TOML tables and collects every mistake instead of stopping at the first.
//!
//! A getter that finds a mistake records a [`Problem`] and returns an empty value, so that reading goes on. The caller
//! looks at the collected problems at the end and throws the half-read value away if there are any.

use crate::problem::{Problem, expected_one_of};
use std::ops::Range;
use toml::Spanned;
use toml::de::{DeArray, DeTable, DeValue};

/// The file being read and what has been found wrong with it so far.
pub(crate) struct Reader<'f> {
    file: &'f str,
    /// Byte offset at which each line of the front matter starts.
    line_starts: Vec<usize>,
    /// Line of the file on which the front matter starts, from 1.
    first_line: usize,
    pub problems: Vec<Problem>,
}

impl<'f> Reader<'f> {
    pub fn new(file: &'f str, front: &str, first_line: usize) -> Reader<'f> {
        let line_starts = std::iter::once(0).chain(front.match_indices('\n').map(|(i, _)| i + 1)).collect();
        Reader { file, line_starts, first_line, problems: Vec::new() }
    }

    /// The line of the file that holds byte `offset` of the front matter.
    pub fn line(&self, offset: usize) -> usize {
        self.first_line + self.line_starts.partition_point(|start| *start <= offset).saturating_sub(1)
    }

    pub fn problem(&mut self, line: usize, message: impl Into<String>) {
        self.problems.push(Problem::new(self.file, line, &message.into()));
    }
}

/// One table: `[[try]]`, `set = { .. }` or the front matter itself.
pub(crate) struct Table<'t, 'i> {
    /// How the table is called in a sentence, with a preposition: ` in [[try]]`, or nothing for the top level.
    pub place: &'t str,
    pub line: usize,
    pub map: &'t DeTable<'i>,
}

type Value<'i> = Spanned<DeValue<'i>>;

impl<'t, 'i> Table<'t, 'i> {
    pub fn new(r: &Reader, place: &'t str, map: &'t DeTable<'i>, span: Range<usize>) -> Table<'t, 'i> {
        Table { place, line: r.line(span.start), map }
    }

    /// Refuses every key that is not in `known`. `elsewhere` are keys of the enclosing table: finding one of those means
    /// that it was written too late, after a `[[..]]` header had already claimed it.
    pub fn only(&self, r: &mut Reader, known: &[&str], elsewhere: &[&str]) {
        for (key, _) in self.map {
            let name = key.get_ref().as_ref();
            if known.contains(&name) {
                continue;
            }
            let line = r.line(key.span().start);
            let place = self.place;
            if elsewhere.contains(&name) {
                r.problem(line, format!("`{name}` does not belong{place}; move it above the first `[[..]]` header, TOML gives a key to the last header before it"));
            } else {
                r.problem(line, format!("unknown key `{name}`{place}; {}", expected_one_of(name, known)));
            }
        }
    }

    pub fn line_of(&self, r: &Reader, key: &str) -> usize {
        self.map.get(key).map_or(self.line, |v| r.line(v.span().start))
    }

    fn required(&self, r: &mut Reader, key: &str) -> Option<&'t Value<'i>> {
        let value = self.map.get(key);
        if value.is_none() {
            r.problem(self.line, format!("missing key `{key}`{}", self.place));
        }
        value
    }

    /// A required, non-empty, one-line string. Empty when it was wrong.
    pub fn text(&self, r: &mut Reader, key: &str) -> String {
        self.required(r, key).and_then(|v| string(r, key, v)).unwrap_or_default()
    }

    pub fn optional_text(&self, r: &mut Reader, key: &str) -> Option<String> {
        self.map.get(key).and_then(|v| string(r, key, v))
    }

    /// A required string that `parse` turns into a value. `None` when it was wrong, which has then been recorded.
    pub fn parsed<T>(&self, r: &mut Reader, key: &str, parse: impl Fn(&str) -> Result<T, String>) -> Option<T> {
        self.required(r, key)?;
        self.optional_parsed(r, key, parse)
    }

    pub fn optional_parsed<T>(
        &self,
        r: &mut Reader,
        key: &str,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Option<T> {
        let value = self.map.get(key)?;
        let text = string(r, key, value)?;
        match parse(&text) {
            Ok(parsed) => Some(parsed),
            Err(message) => {
                r.problem(r.line(value.span().start), format!("`{key}`: {message}"));
                None
            }
        }
    }

    pub fn optional_integer(&self, r: &mut Reader, key: &str, range: std::ops::RangeInclusive<u64>) -> Option<u64> {
        let value = self.map.get(key)?;
        let found = match value.get_ref() {
            DeValue::Integer(i) => integer(i).and_then(|i| u64::try_from(i).ok()).filter(|i| range.contains(i)),
            _ => None,
        };
        if found.is_none() {
            let line = r.line(value.span().start);
            r.problem(
                line,
                format!(
                    "`{key}` is {}; expected a whole number from {} to {}",
                    described(value.get_ref()),
                    range.start(),
                    range.end()
                ),
            );
        }
        found
    }

    pub fn integer(&self, r: &mut Reader, key: &str, range: std::ops::RangeInclusive<u64>) -> u64 {
        self.required(r, key);
        self.optional_integer(r, key, range).unwrap_or_default()
    }

    pub fn optional_float(&self, r: &mut Reader, key: &str, range: std::ops::RangeInclusive<f64>) -> Option<f64> {
        let value = self.map.get(key)?;
        let found = match value.get_ref() {
            DeValue::Integer(i) => integer(i).map(|i| i as f64),
            DeValue::Float(f) => f.as_str().replace('_', "").parse().ok(),
            _ => None,
        }
        .filter(|x| range.contains(x));
        if found.is_none() {
            let line = r.line(value.span().start);
            r.problem(
                line,
                format!(
                    "`{key}` is {}; expected a number from {} to {}",
                    described(value.get_ref()),
                    range.start(),
                    range.end()
                ),
            );
        }
        found
    }

    /// An array of strings with the line of each; empty when the key is absent.
    pub fn texts(&self, r: &mut Reader, key: &str) -> Vec<(String, usize)> {
        let Some(items) = self.array(r, key) else {
            return Vec::new();
        };
        items
            .iter()
            .filter_map(|v| {
                let line = r.line(v.span().start);
                string(r, key, v).map(|s| (s, line))
            })
            .collect()
    }

    pub fn array(&self, r: &mut Reader, key: &str) -> Option<&'t DeArray<'i>> {
        let value = self.map.get(key)?;
        match value.get_ref() {
            DeValue::Array(items) => Some(items),
            other => {
                r.problem(
                    r.line(value.span().start),
                    format!("`{key}` is {}; expected an array: `{key} = [..]`", described(other)),
                );
                None
            }
        }
    }

    /// The tables of `[[key]]`, in the order of the file.
    pub fn tables<'p>(&self, r: &mut Reader, key: &str, place: &'p str) -> Vec<Table<'p, 'i>>
    where
        't: 'p,
    {
        let Some(items) = self.array(r, key) else {
            return Vec::new();
        };
        let mut tables = Vec::new();
        for item in items {
            match item.get_ref() {
                DeValue::Table(map) => tables.push(Table::new(r, place, map, item.span())),
                other => r.problem(
                    r.line(item.span().start),
                    format!("`{key}` holds {}; expected tables, each under its own `[[{key}]]`", described(other)),
                ),
            }
        }
        tables
    }

    /// `key = { name = value, .. }` as pairs of strings in the order of the file.
    pub fn optional_pairs(&self, r: &mut Reader, key: &str) -> Option<Vec<(String, String)>> {
        let value = self.map.get(key)?;
        let DeValue::Table(map) = value.get_ref() else {
            r.problem(
                r.line(value.span().start),
                format!("`{key}` is {}; expected a table: `{key} = {{ limit = 100 }}`", described(value.get_ref())),
            );
            return None;
        };
        let mut entries: Vec<_> = map.iter().collect();
        entries.sort_by_key(|(name, _)| name.span().start);
        let mut pairs = Vec::new();
        for (name, v) in entries {
            let line = r.line(name.span().start);
            let name = name.get_ref().as_ref();
            if !is_name(name) {
                r.problem(line, format!("`{name}` in `{key}` is not a knob's name; expected lower-case letters, digits, `-`, `_` and `.`"));
            }
            match scalar(v.get_ref()) {
                Some(text) => pairs.push((name.to_owned(), text)),
                None => r.problem(
                    line,
                    format!(
                        "`{name}` in `{key}` is {}; expected a finite number, true, false or a string",
                        described(v.get_ref())
                    ),
                ),
            }
        }
        Some(pairs)
    }
}

/// Names of knobs, acts and arguments. The engine knows which exist; this is only their shape.
pub(crate) fn is_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.chars().all(|c| matches!(c, 'a'..='z' | '0'..='9' | '-' | '_' | '.'))
}

fn string(r: &mut Reader, key: &str, value: &Value) -> Option<String> {
    let line = r.line(value.span().start);
    match value.get_ref() {
        DeValue::String(s) if s.trim().is_empty() => {
            r.problem(line, format!("`{key}` is empty"));
            None
        }
        DeValue::String(s) if s.chars().any(char::is_control) => {
            r.problem(line, format!("`{key}` holds a line break or another control character; write it on one line"));
            None
        }
        DeValue::String(s) => Some(s.trim().to_owned()),
        other => {
            r.problem(line, format!("`{key}` is {}; expected a string in quotes", described(other)));
            None
        }
    }
}

fn integer(i: &toml::de::DeInteger) -> Option<i64> {
    i64::from_str_radix(&i.as_str().replace('_', ""), i.radix()).ok()
}

/// A value as the engine reads it, or `None` when it is not a scalar.
fn scalar(value: &DeValue) -> Option<String> {
    match value {
        DeValue::String(s) if !s.chars().any(char::is_control) => Some(s.trim().to_owned()),
        DeValue::Integer(i) => integer(i).map(|i| i.to_string()),
        DeValue::Float(f) => {
            f.as_str().replace('_', "").parse().ok().filter(|x: &f64| x.is_finite()).map(|x| x.to_string())
        }
        DeValue::Boolean(b) => Some(b.to_string()),
        _ => None,
    }
}

/// What a value is, for a sentence: `the string "many"`, `7`, `an array`.
pub(crate) fn described(value: &DeValue) -> String {
    match value {
        DeValue::String(s) => format!("the string {s:?}"),
        DeValue::Integer(i) => i.to_string(),
        DeValue::Float(f) => f.as_str().to_owned(),
        DeValue::Boolean(b) => b.to_string(),
        DeValue::Datetime(d) => format!("the date {d}"),
        DeValue::Array(_) => "an array".to_owned(),
        DeValue::Table(_) => "a table".to_owned(),
    }
}
