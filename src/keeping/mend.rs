//! What was written by earlier versions or has been damaged, as records of this one and lines that nobody can read.

use crate::prefs::{Switch, Theme, grade};
use crate::records::{self, HEADER, Record};

/// What notes are at most long, in characters.
pub const NOTES_CHARS_MAX: usize = 4_000;

/// Written before anything had a time: whatever has one is later.
const LONG_AGO: u64 = 0;

#[derive(Debug, Default, PartialEq, Eq)]
pub struct Mended {
    /// As [`records`]; empty if there are none.
    pub text: String,
    /// Lines that cannot be read, as they were found.
    pub unread: Vec<String>,
}

impl Mended {
    fn put(&mut self, name: &str, value: &str) {
        self.text = records::put(&self.text, name, value, LONG_AGO);
    }

    fn unread(&mut self, what: &str, line: &str) {
        self.unread.push(format!("{what}: {line}"));
    }
}

/// What the versions kept that wrote none: theme, progress and interviews under a key each, in the order of
/// [`EARLIER_KEYS`](crate::prefs::EARLIER_KEYS).
///
/// `breakable.progress` has one line a visited question: its slug, then the ids of the experiments done.
/// `breakable.interviews` has one line a question: its slug, then how many of how many follow-ups were had.
pub fn earlier([theme, progress, interviews]: [Option<&str>; 3]) -> Mended {
    let mut mended = Mended::default();
    if let Some(theme) = theme {
        match Theme::parse(theme) {
            Some(theme) => mended.put("theme", theme.name()),
            None => mended.unread("theme", theme),
        }
    }
    for line in progress.unwrap_or_default().lines().filter(|line| !line.trim().is_empty()) {
        let words: Vec<&str> = line.split(' ').filter(|word| !word.is_empty()).collect();
        if !words.iter().all(|word| is_word(word)) {
            mended.unread("progress", line);
        }
        // What can be read of the line counts all the same.
        let mut words = words.into_iter().filter(|word| is_word(word));
        let Some(slug) = words.next().filter(|slug| line.trim_start().starts_with(slug)) else { continue };
        mended.put(&format!("seen/{slug}"), "");
        for id in words {
            mended.put(&format!("done/{slug}/{id}"), "");
        }
    }
    for line in interviews.unwrap_or_default().lines().filter(|line| !line.trim().is_empty()) {
        match line.split_once(' ').filter(|(slug, value)| is_word(slug) && grade(value).is_some()) {
            Some((slug, value)) => mended.put(&format!("interview/{slug}"), value),
            None => mended.unread("interviews", line),
        }
    }
    mended
}

/// Whether it can be a slug or the id of an experiment.
pub fn is_word(word: &str) -> bool {
    (1..=64).contains(&word.len()) && word.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}

/// The records of this version that can be read, each name once, and the other lines.
pub fn kept(text: &str) -> Mended {
    let mut clean = HEADER.to_owned();
    let mut unread = Vec::new();
    for line in records::lines(text) {
        if Record::of(line).is_some_and(|record| is_understood(&record)) {
            clean.push('\n');
            clean.push_str(line);
        } else {
            unread.push(line.to_owned());
        }
    }
    Mended { text: records::merged(&clean, ""), unread }
}

/// Whether the value is one that the record can have. A kind of record that this version does not know is another's.
pub fn is_understood(record: &Record) -> bool {
    let Record { name, value, .. } = *record;
    let of = |switch: Switch| switch.words()[1..].contains(&value);
    let (kind, rest) = name.split_once('/').unwrap_or((name, ""));
    match kind {
        "theme" => Theme::parse(value).is_some(),
        "keys" => of(Switch::Keys),
        "motion" => of(Switch::Still),
        "autoplay" => of(Switch::Autoplay),
        "seen" => is_word(rest) && value.is_empty(),
        "done" => rest.split_once('/').is_some_and(|(slug, id)| is_word(slug) && is_word(id)) && value.is_empty(),
        "interview" => is_word(rest) && grade(value).is_some(),
        "notes" => is_word(rest) && records::unfolded(value).chars().count() <= NOTES_CHARS_MAX,
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::records::{get, lines};
    use proptest::prelude::*;

    #[test]
    fn what_the_versions_without_one_kept_is_taken_over() {
        let progress = "rate-limiter-design boundary race\nsaga-consistency\n";
        let Mended { text, unread } =
            earlier([Some("dark"), Some(progress), Some("saga-consistency 3 8\nrate-limiter-design 0 6\n")]);
        assert_eq!(unread, Vec::<String>::new());
        assert_eq!(get(&text, "theme"), Some("dark"));
        assert_eq!(get(&text, "interview/saga-consistency"), Some("3 8"));
        for name in ["seen/saga-consistency", "seen/rate-limiter-design", "done/rate-limiter-design/race"] {
            assert_eq!(get(&text, name), Some(""), "{name}");
        }
        assert_eq!(lines(&text).count(), 7);
        // What was kept since is later.
        let since = records::put("", "theme", "light", 1);
        assert_eq!(get(&records::merged(&since, &text), "theme"), Some("light"));
    }

    #[test]
    fn of_earlier_lines_what_can_be_read_is_taken_and_the_line_is_set_aside() {
        let Mended { text, unread } =
            earlier([Some("<b>"), Some("rate-limiter-design boundary <b>\n<script> x"), Some("a 9 8\nb\nc 1 2")]);
        assert_eq!(get(&text, "done/rate-limiter-design/boundary"), Some(""));
        assert_eq!(get(&text, "interview/c"), Some("1 2"));
        assert_eq!(lines(&text).count(), 3);
        assert_eq!(
            unread,
            [
                "theme: <b>",
                "progress: rate-limiter-design boundary <b>",
                "progress: <script> x",
                "interviews: a 9 8",
                "interviews: b"
            ]
        );
        assert_eq!(earlier([None; 3]), Mended::default());
    }

    #[test]
    fn damaged_lines_are_told_from_those_that_another_version_understands() {
        let text = format!(
            "{HEADER}\n1 theme=dark\n1 theme=blue\n\u{0}\u{0}\n2 later/thing=yes\n3 interview/a=9 8\n4 seen/a=\n3 seen/a="
        );
        let Mended { text, unread } = kept(&text);
        assert_eq!(text, format!("{HEADER}\n1 theme=dark\n2 later/thing=yes\n4 seen/a="));
        assert_eq!(unread, ["1 theme=blue", "\u{0}\u{0}", "3 interview/a=9 8"]);
    }

    proptest! {
        #[test]
        fn no_line_is_lost(lines in prop::collection::vec("([0-9] (theme|seen/[ab]|x)=[a-z]{0,4}|[ -~]{1,10})", 0..12)) {
            let text = format!("{HEADER}\n{}", lines.join("\n"));
            let mended = kept(&text);
            for line in records::lines(&text) {
                let here = records::lines(&mended.text).chain(mended.unread.iter().map(String::as_str)).any(|l| l == line);
                // A record that a later one of the same name replaces.
                let name = Record::of(line).map(|record| record.name);
                prop_assert!(here || name.is_some_and(|name| get(&mended.text, name).is_some()), "{:?}", line);
            }
            prop_assert_eq!(kept(&mended.text), Mended { text: mended.text.clone(), unread: Vec::new() });
        }

        #[test]
        fn nothing_that_an_earlier_version_may_have_left_does_harm(
            theme in "(?s).{0,9}", progress in "(?s).{0,60}", interviews in "(?s).{0,60}"
        ) {
            let mended = earlier([Some(&theme), Some(&progress), Some(&interviews)]);
            prop_assert_eq!(kept(&mended.text).unread, Vec::<String>::new());
        }
    }
}
