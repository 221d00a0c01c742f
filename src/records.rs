//! What is kept in this browser, as text: a line that names the version, then one record a line.
//!
//! ```text
//! breakable 1
//! 1763823521 theme=dark
//! 1763823533 seen/rate-limiter-design=
//! 1763823588 done/rate-limiter-design/boundary=
//! 1763824101 interview/rate-limiter-design=3 8
//! 1763824090 notes/rate-limiter-design=Count, then refuse.\nWhat about two data centres?
//! ```
//!
//! A record is when it was written (whole seconds since 1970), its name, and its value up to the end of the line. Of
//! two records with one name the later counts, and of two written in the same second the one whose value is greater as
//! text: so two texts come to the same whichever is merged into which, and merging again changes nothing.
//!
//! A line that is no record stays where it is until somebody looks at it: [`crate::keeping`]. Nothing here fails, and
//! nothing here allocates more than it returns. The text is small, so it is searched, not parsed into anything: every
//! page carries this code.

/// The first line of what this version writes. A text of a version that this one does not know is not read.
pub const HEADER: &str = "breakable 1";

/// What a name is at most long, in bytes.
const NAME_BYTES_MAX: usize = 160;

/// Later than any clock will say; a damaged time beyond it could never be followed by another.
const STAMP_MAX: u64 = 1 << 50;

/// One thing that is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record<'a> {
    /// When it was written, in whole seconds since 1970.
    pub stamp: u64,
    pub name: &'a str,
    pub value: &'a str,
}

impl<'a> Record<'a> {
    /// The record that is written in `line`, if it is one.
    pub fn of(line: &'a str) -> Option<Record<'a>> {
        let (stamp, rest) = line.split_once(' ')?;
        let (name, value) = rest.split_once('=')?;
        let stamp = stamp.parse().ok().filter(|stamp| *stamp <= STAMP_MAX)?;
        let letter = |b: u8| b.is_ascii_alphanumeric() || b"-_/".contains(&b);
        (!name.is_empty() && name.len() <= NAME_BYTES_MAX && name.bytes().all(letter)).then_some(Record {
            stamp,
            name,
            value,
        })
    }

    /// Whether this one counts where the other has the same name.
    fn beats(&self, other: &Record) -> bool {
        (self.stamp, self.value) > (other.stamp, other.value)
    }
}

/// The lines after the first of what was found in storage, or `None` if it is of a version that this one does not know.
///
/// A first line that was damaged is one more line that is no record.
pub fn opened(found: &str) -> Option<String> {
    let first = found.split('\n').next().unwrap_or_default();
    if first == HEADER || first.is_empty() {
        return Some(found.to_owned());
    }
    let version = first.strip_prefix("breakable ").and_then(|version| version.parse::<u32>().ok());
    version.is_none().then(|| sim::text::joined(&[HEADER, found], "\n"))
}

/// The lines of a text without the one that names its version.
pub fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.split('\n').filter(|line| !line.is_empty() && *line != HEADER)
}

/// All records of a text, as they stand.
pub fn records(text: &str) -> impl Iterator<Item = Record<'_>> {
    lines(text).filter_map(Record::of)
}

/// The value of this name.
pub fn get<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    records(text).find(|record| record.name == name).map(|record| record.value)
}

/// The values whose names begin with `prefix`, each with the rest of its name.
pub fn below<'a>(text: &'a str, prefix: &str) -> impl Iterator<Item = (&'a str, &'a str)> {
    records(text).filter_map(move |record| Some((record.name.strip_prefix(prefix)?, record.value)))
}

/// The text without the lines whose names `gone` picks.
pub fn without(text: &str, gone: &dyn Fn(&str) -> bool) -> String {
    let mut kept = HEADER.to_owned();
    for line in lines(text).filter(|line| Record::of(line).is_none_or(|record| !gone(record.name))) {
        kept.push('\n');
        kept.push_str(line);
    }
    kept
}

/// The text with this value for `name`, as of `now`. A clock that went back is taken to stand still: what the reader
/// does last counts.
///
/// A value is one line; see [`folded`].
pub fn put(text: &str, name: &str, value: &str, now: u64) -> String {
    let stamp = match records(text).find(|record| record.name == name) {
        Some(record) if record.value == value => return text.to_owned(),
        Some(record) => now.max(record.stamp + 1).min(STAMP_MAX),
        None => now,
    };
    let kept = without(text, &|other| other == name);
    format!("{kept}\n{stamp} {name}={value}")
}

/// Everything that is in either text: of each name the record that counts, and every line that is no record once.
pub fn merged(a: &str, b: &str) -> String {
    let mut all = HEADER.to_owned();
    for line in lines(a).chain(lines(b)) {
        match Record::of(line) {
            Some(new) => {
                let old = records(&all).find(|record| record.name == new.name);
                if old.is_none_or(|old| new.beats(&old)) {
                    if old.is_some() {
                        all = without(&all, &|name| name == new.name);
                    }
                } else {
                    continue;
                }
            }
            None if lines(&all).any(|other| other == line) => continue,
            None => {}
        }
        all.push('\n');
        all.push_str(line);
    }
    all
}

/// Several lines as one value.
pub fn folded(text: &str) -> String {
    let mut value = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\\' => value.push_str("\\\\"),
            '\n' => value.push_str("\\n"),
            '\r' => {}
            c => value.push(c),
        }
    }
    value
}

/// The lines that [`folded`] made one value of.
pub fn unfolded(value: &str) -> String {
    let mut text = String::with_capacity(value.len());
    let mut chars = value.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => text.push(if chars.next() == Some('n') { '\n' } else { '\\' }),
            c => text.push(c),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The lines in an order that says nothing.
    fn sorted(text: &str) -> Vec<String> {
        let mut lines: Vec<String> = lines(text).map(str::to_owned).collect();
        lines.sort_unstable();
        lines
    }

    /// Texts as they are found: records of few names, times and values, so that they meet, and lines that are none.
    fn texts() -> impl Strategy<Value = String> {
        let record = (0_u64..4, "(theme|keys|seen/[ab]|done/a/[xy])", "[ab]{0,2}")
            .prop_map(|(stamp, name, value)| format!("{stamp} {name}={value}"));
        let line = prop_oneof![4 => record, 1 => "[ -~]{0,12}"];
        prop::collection::vec(line, 0..12).prop_map(|lines| format!("{HEADER}\n{}", lines.join("\n")))
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_harm(found in "(?s).{0,200}", other in "(?s).{0,200}", name in "[a-z/]{1,8}") {
            if let Some(text) = opened(&found) {
                prop_assert_eq!(records(&text).count() <= lines(&text).count(), true);
                let put = put(&text, &name, "x", 7);
                prop_assert_eq!(get(&put, &name), Some("x"));
                // What is no record is not lost by writing another.
                for line in lines(&text).filter(|line| Record::of(line).is_none()) {
                    prop_assert!(lines(&put).any(|kept| kept == line), "{:?} of {:?}", line, put);
                }
                merged(&text, &opened(&other).unwrap_or_default());
            }
        }

        #[test]
        fn it_does_not_matter_which_is_merged_into_which(a in texts(), b in texts(), c in texts()) {
            let (ab, ba) = (merged(&a, &b), merged(&b, &a));
            prop_assert_eq!(sorted(&ab), sorted(&ba));
            let (left, right) = (merged(&ab, &c), merged(&a, &merged(&b, &c)));
            prop_assert_eq!(sorted(&left), sorted(&right));
        }

        #[test]
        fn merging_again_changes_nothing(a in texts(), b in texts()) {
            let ab = merged(&a, &b);
            prop_assert_eq!(&merged(&ab, &ab), &ab);
            prop_assert_eq!(sorted(&merged(&ab, &a)), sorted(&ab));
            prop_assert_eq!(sorted(&merged(&b, &ab)), sorted(&ab));
        }

        #[test]
        fn what_was_put_last_is_read(texts in texts(), values in prop::collection::vec(("(theme|keys|new)", "[a-c]{0,3}", 0_u64..9), 1..20)) {
            let mut text = merged(&texts, "");
            for (name, value, now) in &values {
                text = put(&text, name, value, *now);
                prop_assert_eq!(get(&text, name), Some(value.as_str()));
            }
            // And it wins against everything that was there before.
            let (name, value, _) = values.last().unwrap();
            let merged = merged(&text, &texts);
            prop_assert_eq!(get(&merged, name), Some(value.as_str()));
        }

        #[test]
        fn several_lines_come_back(text in "(?s)[^\r]{0,80}") {
            let value = folded(&text);
            prop_assert!(!value.contains('\n'));
            prop_assert_eq!(unfolded(&value), text);
        }
    }

    #[test]
    fn a_newer_version_is_not_read_and_a_damaged_first_line_costs_only_itself() {
        assert_eq!(opened("breakable 2\n1 theme=dark"), None);
        let text = opened("br\u{0}akable 1\n1 theme=dark").unwrap();
        assert_eq!(get(&text, "theme"), Some("dark"));
        assert_eq!(lines(&text).filter(|line| Record::of(line).is_none()).count(), 1);
        assert_eq!(opened("").as_deref(), Some(""));
    }

    #[test]
    fn lines_that_are_no_records_are_told_from_those_that_are() {
        for line in
            ["", "theme=dark", "x theme=dark", "-1 theme=dark", "1 =dark", "1 theme", "1 a b=c", "99999999999999999 a="]
        {
            assert_eq!(Record::of(line), None, "{line}");
        }
        assert_eq!(Record::of("12 notes/a=x = y"), Some(Record { stamp: 12, name: "notes/a", value: "x = y" }));
    }

    #[test]
    fn what_is_picked_goes_and_the_rest_stays() {
        let text = format!("{HEADER}\n1 theme=dark\nnoise\n2 seen/a=\n2 done/a/x=");
        let left = without(&text, &|name| name.starts_with("seen/") || name.starts_with("done/"));
        assert_eq!(left, format!("{HEADER}\n1 theme=dark\nnoise"));
        assert_eq!(below(&text, "done/a/").collect::<Vec<_>>(), [("x", "")]);
    }
}
