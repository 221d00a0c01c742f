//! What a browser keeps, and files that somebody gives back.

use crate::{Probe, text};
use breakable::entries;
use breakable::keeping::mend;
use breakable::pages::settings::exchange::{self, Json, Site};
use breakable::records::{self, Record};

const KEPT: &str = "breakable 1\n1763823521 theme=dark\n1763823533 seen/rate-limiter-design=\n\
    1763823588 done/rate-limiter-design/boundary=\n1763824101 interview/rate-limiter-design=3 8\n\
    1763824090 notes/rate-limiter-design=Count, then refuse.\\nWhat about two data centres?\n5 keys=off\n6 motion=still";

pub const RECORDS: Probe = Probe {
    name: "records",
    about: "what is kept in the browser's storage, of this version and of earlier ones",
    run: |bytes| {
        let found = text(bytes);
        // Two pages' texts, and the three keys of before, from one input.
        let mut parts = found.splitn(3, '\u{1}');
        let (one, two, three) = (parts.next(), parts.next(), parts.next());
        kept(one.unwrap_or_default(), two.unwrap_or_default());
        let earlier = mend::earlier([one, two, three]);
        assert_eq!(mend::kept(&earlier.text).unread, Vec::<String>::new(), "{:?}", earlier.text);
    },
    seeds: || {
        let other = "breakable 1\n9 theme=light\n7 done/a/x=\nnoise";
        let earlier = "dark\u{1}rate-limiter-design boundary edge\nsaga-consistency\u{1}rate-limiter-design 3 8";
        [KEPT.to_owned(), format!("{KEPT}\u{1}{other}"), earlier.to_owned()].map(String::into_bytes).to_vec()
    },
    words: &[
        "breakable 1\n",
        "breakable 2\n",
        "\n",
        "\u{1}",
        "theme=",
        "dark",
        "seen/",
        "done/a/b=",
        "interview/a=",
        "notes/a=",
        "\\n",
        "\\",
        "1125899906842625 ",
    ],
    short: 20_000,
};

fn sorted(text: &str) -> Vec<&str> {
    let mut lines: Vec<&str> = records::lines(text).collect();
    lines.sort_unstable();
    lines
}

fn kept(found: &str, other: &str) {
    let Some(one) = records::opened(found) else { return };
    // What was lines that nobody can read is handed over whole; the rest is records, each name once.
    let mended = mend::kept(&one);
    let mut names: Vec<&str> = records::records(&mended.text).map(|r| r.name).collect();
    let count = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!((names.len(), mend::kept(&mended.text).unread.len()), (count, 0));
    assert!(records::lines(&one).all(|line| Record::of(line).is_some() || mended.unread.iter().any(|l| l == line)));
    let Some(two) = records::opened(other) else { return };
    let (ab, ba) = (records::merged(&mended.text, &two), records::merged(&two, &mended.text));
    assert_eq!(sorted(&records::merged(&ab, &ba)), sorted(&ab), "merging again changes nothing");
    assert_eq!(sorted(&ab), sorted(&ba), "either way it is the same");
    let put = records::put(&ab, "theme", "light", 1);
    assert_eq!(records::get(&put, "theme"), Some("light"));
    assert!(!records::folded(found).contains('\n'));
}

/// The site itself.
struct This;

impl Site for This {
    fn has(&self, slug: &str) -> bool {
        entries::find(slug).is_some()
    }
    fn has_experiment(&self, slug: &str, id: &str) -> bool {
        slug == "rate-limiter-design" && ["boundary", "edge"].contains(&id)
    }
}

pub const IMPORT: Probe = Probe {
    name: "import",
    about: "settings files that are read back",
    run: |bytes| {
        if let Ok(json) = serde_json::from_slice(bytes) {
            import(&json);
        }
    },
    seeds: || vec![exchange::export(KEPT, "2026-11-22T15:30:00.000Z").into_bytes()],
    words: &[
        "\"format\"",
        "\"breakable\"",
        "\"version\"",
        "\"settings\"",
        "\"questions\"",
        "\"theme\"",
        "\"value\"",
        "\"at\"",
        "\"notes\"",
        "\"text\"",
        "\"experiments\"",
        "\"interview\"",
        "\"had\"",
        "{",
        "}",
        ":",
        ",",
        "null",
        "1e15",
        "\\u0000",
    ],
    short: 20_000,
};

fn import(json: &serde_json::Value) {
    let now = 2_000_000_000;
    match exchange::import(&value(json), &This, now) {
        Err(why) => assert!(why.ends_with('.')),
        Ok(read) => {
            assert!(
                read.ignored.iter().all(|line| line.ends_with('.') && !line.contains(char::is_control)),
                "{:?}",
                read.ignored
            );
            assert_eq!(mend::kept(&read.text).unread, Vec::<String>::new(), "only what can be kept is taken");
            assert!(records::records(&read.text).all(|r| r.stamp <= now));
            // And what was taken is in the next export.
            let next: serde_json::Value = serde_json::from_str(&exchange::export(&read.text, "now")).expect("JSON");
            let again = exchange::import(&value(&next), &This, now).expect("an export");
            assert_eq!((sorted(&again.text), again.ignored), (sorted(&read.text), Vec::new()));
        }
    }
}

/// As the page reads what `JSON.parse` made.
fn value(json: &serde_json::Value) -> Json {
    match json {
        serde_json::Value::Number(n) => n.as_f64().map_or(Json::Other, Json::Number),
        serde_json::Value::String(text) => Json::Text(text.clone()),
        serde_json::Value::Object(map) => Json::Map(map.iter().map(|(key, v)| (key.clone(), value(v))).collect()),
        _ => Json::Other,
    }
}
