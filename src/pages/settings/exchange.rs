//! What is kept, as a file that the reader can take along, and back.
//!
//! The file is JSON:
//!
//! ```json
//! {
//!   "format": "breakable",
//!   "version": 1,
//!   "exported": "2026-11-22T15:30:00.000Z",
//!   "settings": { "theme": { "value": "dark", "at": 1763823521 } },
//!   "questions": {
//!     "rate-limiter-design": {
//!       "opened": 1763823533,
//!       "experiments": { "boundary": 1763823588 },
//!       "interview": { "had": 3, "of": 8, "at": 1763824101 },
//!       "notes": { "text": "Count, then refuse.", "at": 1763824090 }
//!     }
//!   }
//! }
//! ```
//!
//! Times are whole seconds since 1970. The settings are `theme` (`light`, `dark`, `system`), `keys` (`on`, `off`), `motion`
//! (`still`, `system`) and `autoplay` (`on`, `off`). Everything but `format` and `version` may be missing. A file may have
//! been written by anybody: what is not as above is left out, with a sentence that says where and why, and the rest is
//! taken.

use crate::keeping::counted;
use crate::keeping::mend::{NOTES_CHARS_MAX, is_understood};
use crate::prefs::{Switch, grade};
use crate::records::{self, HEADER, Record};
use std::fmt::Write as _;

/// The name and the version of the format.
pub const FORMAT: (&str, u32) = ("breakable", 1);
/// Larger files are not read. All notes of all questions at their longest, with everything else, are half of it.
pub const BYTES_MAX: usize = 1_000_000;

/// A value of JSON, as deep as an export goes.
#[derive(Clone, Debug, PartialEq)]
pub enum Json {
    Number(f64),
    Text(String),
    Map(Vec<(String, Json)>),
    /// Nothing that an export has.
    Other,
}

impl Json {
    fn map(&self) -> Option<&[(String, Json)]> {
        match self {
            Json::Map(entries) => Some(entries),
            _ => None,
        }
    }

    fn get(&self, key: &str) -> Option<&Json> {
        self.map()?.iter().find(|(k, _)| k == key).map(|(_, value)| value)
    }

    fn text(&self) -> Option<&str> {
        match self {
            Json::Text(text) => Some(text),
            _ => None,
        }
    }

    /// A whole number from 0.
    fn whole(&self) -> Option<u64> {
        match self {
            Json::Number(n) if n.fract() == 0.0 && (0.0..9e15).contains(n) => Some(*n as u64),
            _ => None,
        }
    }
}

/// The names that an import may use.
pub trait Site {
    /// Whether there is such a question.
    fn has(&self, slug: &str) -> bool;
    /// Whether the question has such an experiment.
    fn has_experiment(&self, slug: &str, id: &str) -> bool;
}

/// What was read from a file.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Imported {
    /// As [`records`].
    pub text: String,
    /// What was left out, where and why: a sentence each.
    pub ignored: Vec<String>,
}

/// Reads an export. `now` is in whole seconds since 1970: nothing can have been done later.
///
/// # Errors
///
/// A sentence, if it is no export of a version that this page reads.
pub fn import(json: &Json, site: &dyn Site, now: u64) -> Result<Imported, String> {
    let expected = "expected a file that this page has saved";
    if json.map().is_none() {
        return Err(format!("That is JSON, but not an export; {expected}."));
    }
    if json.get("format").and_then(Json::text) != Some(FORMAT.0) {
        return Err(format!("That is JSON, but its \"format\" is not \"{}\"; {expected}.", FORMAT.0));
    }
    match json.get("version").and_then(Json::whole) {
        Some(1) => {}
        Some(version) if version > 1 => {
            return Err(format!(
                "That export is of version {version} of the format, and this page reads version 1. Reload the page to \
                 get the newest version of it, then import again."
            ));
        }
        _ => return Err(format!("That export does not say which version of the format it is; {expected}.")),
    }
    let mut reading = Reading { out: Imported { text: HEADER.to_owned(), ignored: Vec::new() }, now };
    for (key, value) in json.map().unwrap_or_default() {
        match key.as_str() {
            "format" | "version" | "exported" => {}
            "settings" => reading.settings(value),
            "questions" => reading.questions(value, site),
            _ => reading.ignore(key, "this page knows no such part"),
        }
    }
    Ok(reading.out)
}

struct Reading {
    out: Imported,
    now: u64,
}

impl Reading {
    fn ignore(&mut self, place: &str, why: &str) {
        // Names come from the file: as long as they must be to be found again, and on one line.
        let shown = |c: char| if c.is_control() { '\u{fffd}' } else { c };
        let place: String = place.chars().take(80).map(shown).collect();
        self.out.ignored.push(format!("{place}: {why}."));
    }

    fn entries<'a>(&mut self, place: &str, value: &'a Json) -> &'a [(String, Json)] {
        value.map().unwrap_or_else(|| {
            self.ignore(place, "expected names with values");
            &[]
        })
    }

    /// Takes a record, if its value is one that it can have.
    fn take(&mut self, place: &str, name: &str, value: &str, at: Option<&Json>) {
        let Some(at) = at.and_then(Json::whole) else {
            return self.ignore(place, "expected when it was, in whole seconds since 1970");
        };
        if is_understood(&Record { stamp: at, name, value }) {
            self.out.text = records::put(&self.out.text, name, value, at.min(self.now));
        } else {
            self.ignore(place, "that value is none that it can have");
        }
    }

    fn settings(&mut self, settings: &Json) {
        for (name, setting) in self.entries("settings", settings) {
            let place = format!("settings.{name}");
            let switches = [Switch::Keys, Switch::Still, Switch::Autoplay].map(|switch| switch.words()[0]);
            if name != "theme" && !switches.contains(&name.as_str()) {
                self.ignore(&place, "there is no such setting");
            } else if let Some(value) = setting.get("value").and_then(Json::text) {
                self.take(&place, name, value, setting.get("at"));
            } else {
                self.ignore(&place, "expected \"value\" and \"at\"");
            }
        }
    }

    fn questions(&mut self, questions: &Json, site: &dyn Site) {
        for (slug, question) in self.entries("questions", questions) {
            let place = format!("questions.{slug}");
            if !site.has(slug) {
                self.ignore(&place, "this site has no such question");
                continue;
            }
            for (part, value) in self.entries(&place, question) {
                let place = format!("{place}.{part}");
                match part.as_str() {
                    "opened" => self.take(&place, &format!("seen/{slug}"), "", Some(value)),
                    "experiments" => self.experiments(&place, slug, value, site),
                    "interview" => self.interview(&place, slug, value),
                    "notes" => self.notes(&place, slug, value),
                    _ => self.ignore(&place, "this page knows no such part"),
                }
            }
        }
    }

    fn experiments(&mut self, place: &str, slug: &str, experiments: &Json, site: &dyn Site) {
        for (id, at) in self.entries(place, experiments) {
            let place = format!("{place}.{id}");
            if site.has_experiment(slug, id) {
                self.take(&place, &format!("done/{slug}/{id}"), "", Some(at));
            } else {
                self.ignore(&place, "the question has no such experiment");
            }
        }
    }

    fn interview(&mut self, place: &str, slug: &str, value: &Json) {
        let count = |key| value.get(key).and_then(Json::whole);
        match (count("had"), count("of")) {
            (Some(had), Some(of)) => {
                self.take(place, &format!("interview/{slug}"), &format!("{had} {of}"), value.get("at"))
            }
            _ => self.ignore(place, "expected \"had\" and \"of\" as whole numbers"),
        }
    }

    fn notes(&mut self, place: &str, slug: &str, value: &Json) {
        match value.get("text").and_then(Json::text) {
            None => self.ignore(place, "expected a \"text\""),
            Some(text) if text.chars().count() > NOTES_CHARS_MAX => {
                self.ignore(place, &format!("the notes are longer than {NOTES_CHARS_MAX} characters"))
            }
            Some(text) => self.take(place, &format!("notes/{slug}"), &records::folded(text), value.get("at")),
        }
    }
}

/// What is kept as a file. `exported` is the time for people, as ISO 8601 has it.
pub fn export(text: &str, exported: &str) -> String {
    let mut settings = Vec::new();
    let mut questions: Vec<(&str, [Vec<String>; 4])> = Vec::new();
    for Record { stamp, name, value } in records::records(text).filter(is_understood) {
        let (kind, rest) = name.split_once('/').unwrap_or((name, ""));
        let (slug, id) = rest.split_once('/').unwrap_or((rest, ""));
        let (part, line) = match kind {
            "theme" | "keys" | "motion" | "autoplay" => {
                settings.push(format!("{}: {{ \"value\": {}, \"at\": {stamp} }}", quoted(name), quoted(value)));
                continue;
            }
            "seen" => (0, format!("\"opened\": {stamp}")),
            "done" => (1, format!("{}: {stamp}", quoted(id))),
            "interview" => {
                let Some((had, of)) = grade(value) else { continue };
                (2, format!("\"interview\": {{ \"had\": {had}, \"of\": {of}, \"at\": {stamp} }}"))
            }
            "notes" => {
                let notes = quoted(&records::unfolded(value));
                (3, format!("\"notes\": {{ \"text\": {notes}, \"at\": {stamp} }}"))
            }
            _ => continue,
        };
        let at = questions.iter().position(|(other, _)| *other == slug).unwrap_or_else(|| {
            questions.push((slug, Default::default()));
            questions.len() - 1
        });
        questions[at].1[part].push(line);
    }
    let questions = questions.into_iter().map(|(slug, [mut parts, experiments, interview, notes])| {
        if !experiments.is_empty() {
            parts.push(format!("\"experiments\": {}", braced(&experiments, 3)));
        }
        parts.extend(interview.into_iter().chain(notes));
        format!("{}: {}", quoted(slug), braced(&parts, 2))
    });
    let all = [
        format!("\"format\": {}", quoted(FORMAT.0)),
        format!("\"version\": {}", FORMAT.1),
        format!("\"exported\": {}", quoted(exported)),
        format!("\"settings\": {}", braced(&settings, 1)),
        format!("\"questions\": {}", braced(&questions.collect::<Vec<_>>(), 1)),
    ];
    braced(&all, 0) + "\n"
}

/// Entries of a JSON object, each on a line of its own.
fn braced(entries: &[String], depth: usize) -> String {
    if entries.is_empty() {
        return "{}".to_owned();
    }
    let indent = "  ".repeat(depth);
    let lines: Vec<String> = entries.iter().map(|entry| format!("{indent}  {entry}")).collect();
    format!("{{\n{}\n{indent}}}", lines.join(",\n"))
}

/// Text as a JSON string.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            c if c < ' ' => _ = write!(out, "\\u{:04x}", u32::from(c)),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// What taking `new` into `before` did, in words, when it came to `after`.
pub fn said(before: &str, new: &str, after: &str) -> Vec<String> {
    let (mut taken, mut same, mut older) = (Vec::new(), Vec::new(), Vec::new());
    for record in records::records(new) {
        let list = if records::get(before, record.name) == Some(record.value) {
            &mut same
        } else if records::get(after, record.name) == Some(record.value) {
            &mut taken
        } else {
            &mut older
        };
        list.push(record.name);
    }
    let mut said = vec![match taken.len() {
        0 => "Nothing new was in it.".to_owned(),
        _ => format!("Taken over: {}.", listed(&taken)),
    }];
    if !same.is_empty() {
        said.push(format!("Here already: {}.", listed(&same)));
    }
    if !older.is_empty() {
        said.push(format!("Older than what is here, so left out: {}.", listed(&older)));
    }
    let gone = records::records(before).filter(|record| records::get(after, record.name).is_none());
    let gone: Vec<&str> = gone.map(|record| record.name).collect();
    if !gone.is_empty() {
        said.push(format!("Replaced, and no longer here: {}.", listed(&gone)));
    }
    said
}

/// Records of these names, counted by kind: `2 opened questions, 3 experiments and the theme`.
pub fn listed(names: &[&str]) -> String {
    let count = |kind: &str| names.iter().filter(|name| name.starts_with(kind)).count();
    let kinds = [
        ("seen/", "opened question", "opened questions"),
        ("done/", "experiment", "experiments"),
        ("interview/", "interview", "interviews"),
        ("notes/", "page of notes", "pages of notes"),
    ];
    let counted =
        kinds.iter().filter(|(kind, ..)| count(kind) > 0).map(|(kind, one, many)| counted(count(kind), one, many));
    let settings = [
        ("theme", "the theme"),
        ("keys", "the setting of single keys"),
        ("motion", "the setting of motion"),
        ("autoplay", "the setting of how simulations begin"),
    ];
    let mut all: Vec<String> = counted.collect();
    all.extend(settings.iter().filter(|(name, _)| names.contains(name)).map(|(_, words)| (*words).to_owned()));
    let last = all.pop().unwrap_or_default();
    if all.is_empty() { last } else { format!("{} and {last}", all.join(", ")) }
}

/// Whether a record is of a kind that an export holds.
pub fn is_exported(name: &str) -> bool {
    let kind = name.split('/').next().unwrap_or_default();
    ["theme", "keys", "motion", "autoplay", "seen", "done", "interview", "notes"].contains(&kind)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::Value;

    struct TwoQuestions;

    impl Site for TwoQuestions {
        fn has(&self, slug: &str) -> bool {
            ["a", "b-c"].contains(&slug)
        }
        fn has_experiment(&self, slug: &str, id: &str) -> bool {
            slug == "a" && ["x", "y"].contains(&id)
        }
    }

    fn json(value: &Value) -> Json {
        match value {
            Value::Number(n) => n.as_f64().map_or(Json::Other, Json::Number),
            Value::String(text) => Json::Text(text.clone()),
            Value::Object(map) => Json::Map(map.iter().map(|(key, value)| (key.clone(), json(value))).collect()),
            _ => Json::Other,
        }
    }

    fn read(text: &str, now: u64) -> Result<Imported, String> {
        import(&json(&serde_json::from_str(text).unwrap()), &TwoQuestions, now)
    }

    fn sorted(text: &str) -> Vec<&str> {
        let mut lines: Vec<&str> = records::lines(text).collect();
        lines.sort_unstable();
        lines
    }

    proptest! {
        #[test]
        fn what_was_exported_comes_back(
            records in prop::collection::vec((0_u64..50, prop_oneof![
                Just(("theme".to_owned(), "dark".to_owned())),
                Just(("keys".to_owned(), "off".to_owned())),
                Just(("seen/b-c".to_owned(), String::new())),
                "[xy]".prop_map(|id| (format!("done/a/{id}"), String::new())),
                (0_u32..9).prop_map(|had| ("interview/a".to_owned(), format!("{had} 9"))),
                "(?s)[^\r]{0,40}".prop_map(|text| ("notes/b-c".to_owned(), records::folded(&text))),
            ]), 0..12)
        ) {
            let text = records.iter().fold(String::new(), |text, (at, (name, value))| records::put(&text, name, value, *at));
            let back = read(&export(&text, "now"), 1_000_000).unwrap();
            prop_assert_eq!(back.ignored, Vec::<String>::new());
            prop_assert_eq!(sorted(&back.text), sorted(&text));
        }
    }

    #[test]
    fn each_thing_that_cannot_be_used_is_named_and_the_rest_is_taken() {
        let imported = read(
            r#"{"format": "breakable", "version": 1, "extra": 1,
              "settings": {"theme": {"value": "blue", "at": 1}, "keys": {"value": "off", "at": 2}, "volume": 3, "motion": 1},
              "questions": {
                "no-such": {"opened": 1},
                "a": {"opened": -1, "experiments": {"x": 4, "z": 4, "y": "soon"}, "interview": {"had": 9, "of": 8, "at": 1}, "likes": 1},
                "b-c": {"notes": {"text": "two\nlines", "at": 99999999}},
                "__proto__": 7
              }}"#,
            50,
        )
        .unwrap();
        assert_eq!(sorted(&imported.text), ["2 keys=off", "4 done/a/x=", "50 notes/b-c=two\\nlines"]);
        let mut places: Vec<&str> =
            imported.ignored.iter().map(|sentence| sentence.split(": ").next().unwrap()).collect();
        places.sort_unstable();
        assert_eq!(
            places,
            [
                "extra",
                "questions.__proto__",
                "questions.a.experiments.y",
                "questions.a.experiments.z",
                "questions.a.interview",
                "questions.a.likes",
                "questions.a.opened",
                "questions.no-such",
                "settings.motion",
                "settings.theme",
                "settings.volume"
            ]
        );
    }

    #[test]
    fn what_is_no_export_of_this_version_gets_a_sentence() {
        for (text, says) in [
            ("[]", "not an export"),
            ("7", "not an export"),
            ("{}", "\"format\""),
            (r#"{"format": "other", "version": 1}"#, "\"format\""),
            (r#"{"format": "breakable"}"#, "which version"),
            (r#"{"format": "breakable", "version": 0.5}"#, "which version"),
            (r#"{"format": "breakable", "version": 2}"#, "version 2"),
        ] {
            let why = read(text, 1).unwrap_err();
            assert!(why.contains(says), "{text}: {why}");
        }
        let long = "x".repeat(NOTES_CHARS_MAX + 1);
        let text = format!(
            r#"{{"format":"breakable","version":1,"questions":{{"a":{{"notes":{{"text":"{long}","at":1}}}}}}}}"#
        );
        assert!(read(&text, 1).unwrap().ignored[0].contains("longer than 4000"));
    }

    #[test]
    fn it_is_said_what_was_taken_what_was_here_and_what_went() {
        let before = format!("{HEADER}\n5 theme=dark\n5 seen/a=\n5 notes/a=old");
        let new = format!("{HEADER}\n4 theme=light\n4 seen/a=\n6 done/a/x=\n6 done/a/y=");
        let merged = records::merged(&before, &new);
        assert_eq!(
            said(&before, &new, &merged),
            [
                "Taken over: 2 experiments.",
                "Here already: 1 opened question.",
                "Older than what is here, so left out: the theme."
            ]
        );
        assert_eq!(
            said(&before, &new, &new),
            [
                "Taken over: 2 experiments and the theme.",
                "Here already: 1 opened question.",
                "Replaced, and no longer here: 1 page of notes."
            ]
        );
        assert_eq!(said(&before, HEADER, &before), ["Nothing new was in it."]);
        assert!(is_exported("seen/a") && !is_exported("later/a"));
    }
}
