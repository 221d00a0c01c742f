//! What the reader typed, and what can be wrong with it.

use serde::{Deserialize, Serialize};

/// Bytes of a query and of its variables.
pub const QUERY_BYTES_MAX: usize = 20_000;
pub const VARIABLES_BYTES_MAX: usize = 10_000;
/// However the limits are set: fields nested deeper, more fields in one query, more entries asked of a list, and more
/// objects in an answer are not executed in a page.
pub const DEPTH_MAX: u32 = 24;
pub const FIELDS_MAX: usize = 2_000;
pub const LIST_MAX: i64 = 100;
pub const OBJECTS_MAX: usize = 5_000;

/// The form. Limits are texts as they stand in their boxes.
#[derive(Deserialize)]
pub struct Form {
    pub query: String,
    #[serde(default)]
    pub variables: String,
    #[serde(default)]
    pub operation: String,
    pub loader: bool,
    #[serde(default)]
    pub fails: Fails,
    #[serde(default)]
    pub depth: String,
    #[serde(default)]
    pub cost: String,
}

/// What the database cannot answer.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum Fails {
    #[default]
    Nothing,
    /// Every statement to the authors' table.
    Authors,
    /// Author 3's row alone.
    OneAuthor,
    Comments,
}

/// What cannot be executed, and where it stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Mistake {
    /// Where: the query, the variables, or a box of the form.
    pub within: &'static str,
    /// Counted from 1; 0 if it is about no place.
    pub line: usize,
    pub column: usize,
    /// A sentence for the reader.
    pub says: String,
}

impl Mistake {
    pub fn new(within: &'static str, says: String) -> Mistake {
        Mistake { within, line: 0, column: 0, says }
    }

    /// In the query, at this byte.
    pub fn at(query: &str, byte: usize, says: String) -> Mistake {
        let (line, column) = place(query, byte);
        Mistake { within: "query", line, column, says }
    }
}

/// Line and column of a byte, both counted from 1, columns in characters.
pub fn place(text: &str, byte: usize) -> (usize, usize) {
    let mut end = byte.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let before = &text[..end];
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or("").chars().count() + 1;
    (line, column)
}

/// A limit's box: empty means none.
pub fn limit(within: &'static str, typed: &str) -> Result<u64, Mistake> {
    let typed = typed.trim();
    if typed.is_empty() {
        return Ok(0);
    }
    match typed.parse::<u64>() {
        Ok(number) if (1..=1_000_000_000).contains(&number) => Ok(number),
        _ => {
            let shown: String = typed.chars().take(24).collect();
            let says =
                format!("“{shown}” is no limit. The {within} limit is a whole number from 1, or empty for none.");
            Err(Mistake::new(within, says))
        }
    }
}
