//! What is wrong with a content file, said to its author.

use std::fmt;

/// One mistake in one file: where it is, what it is and what was expected.
///
/// `line` counts from 1. Displays as `content/<file>:<line>: <message>`, which editors turn into a link.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    pub file: String,
    pub line: usize,
    pub message: String,
}

impl Problem {
    /// The message becomes one line: what it quotes may go over several.
    pub(crate) fn new(file: &str, line: usize, message: &str) -> Problem {
        Problem { file: file.to_owned(), line, message: message.replace(['\n', '\r'], " ") }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "content/{}:{}: {}", self.file, self.line, self.message)
    }
}

impl std::error::Error for Problem {}

/// The known word that `word` was probably meant to be, if one is close enough to suggest.
pub(crate) fn closest<'k>(word: &str, known: &[&'k str]) -> Option<&'k str> {
    // Words far longer than any of ours cannot be near one, and the distance is quadratic.
    if word.len() > 64 {
        return None;
    }
    let reach = (word.chars().count() / 3).max(1);
    known.iter().map(|k| (distance(word, k), *k)).filter(|(d, _)| *d <= reach).min_by_key(|(d, _)| *d).map(|(_, k)| k)
}

/// Edit distance in which swapping two neighbours counts as one edit (optimal string alignment).
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut before_last: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, y) in b.iter().enumerate() {
            let mut best = (last[j] + usize::from(x != y)).min(last[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && *x == b[j - 1] && a[i - 1] == *y {
                best = best.min(before_last[j - 1] + 1);
            }
            row.push(best);
        }
        before_last = std::mem::replace(&mut last, row);
    }
    last[b.len()]
}

/// `a`, `b` and `c`: a list for a sentence.
pub(crate) fn listed(words: &[&str]) -> String {
    words.iter().map(|w| format!("`{w}`")).collect::<Vec<_>>().join(", ")
}

/// The end of a sentence about a word that is not one of `known`: the nearest one, then all of them.
pub(crate) fn expected_one_of(word: &str, known: &[&str]) -> String {
    match closest(word, known) {
        Some(near) => format!("did you mean `{near}`? Expected one of {}", listed(known)),
        None => format!("expected one of {}", listed(known)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn displays_as_a_place_and_a_sentence() {
        let p = Problem { file: "x.md".into(), line: 12, message: "unknown key `limt`".into() };
        assert_eq!(p.to_string(), "content/x.md:12: unknown key `limt`");
    }

    #[test]
    fn suggests_only_what_is_near() {
        let known = ["title", "short", "level"];
        assert_eq!(closest("titel", &known), Some("title"));
        assert_eq!(closest("levle", &known), Some("level"));
        assert_eq!(closest("colour", &known), None);
        assert_eq!(closest("", &known), None);
        assert_eq!(closest(&"x".repeat(10_000), &known), None);
    }

    #[test]
    fn distance_counts_edits() {
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("ab", "ba"), 1);
    }
}
