//! What an address says after its question mark, and what a page says to the embed in it.

use crate::{Probe, behind, picked, text};
use breakable::entries;
use breakable::stage::probe::Probed;
use std::cell::RefCell;

pub const QUERY: Probe = Probe {
    name: "query",
    about: "the parameters of an address, as an embed is told to load them, for every question",
    run: |bytes| {
        let Some((entry, rest)) = picked(bytes, entries::ALL) else { return };
        Probed::new(entry).query(&text(rest));
    },
    seeds: || {
        let all = entries::ALL.iter().enumerate();
        all.flat_map(|(i, entry)| {
            let q = entry.question;
            let mut queries = vec![
                "?seed=7&speed=0.5&autoplay=0&theme=dark".to_owned(),
                format!("preset={}&seed=18446744073709551615", entry.meta.presets[0].id),
            ];
            queries.extend(q.knobs.iter().map(|k| format!("{}={}", k.key, k.show(k.max))));
            queries.push(q.knobs.iter().map(|k| format!("{}={}&", k.key, k.show(k.min))).collect());
            let queries: Vec<&str> = queries.iter().map(String::as_str).collect();
            behind(i as u8, &queries)
        })
        .collect()
    },
    words: &[
        "&",
        "=",
        "preset=",
        "seed=",
        "speed=",
        "theme=",
        "autoplay=",
        "interview=",
        "%20",
        "+",
        "%c3%a9",
        "0.5",
        "on",
        "1_000",
        "1e5",
    ],
    short: 1_500,
};

thread_local! {
    /// A player a question: messages are read and not obeyed, so it stays as it is.
    static READERS: RefCell<Vec<Probed>> = RefCell::new(entries::ALL.iter().map(|e| Probed::new(e)).collect());
}

pub const MESSAGE: Probe = Probe {
    name: "message",
    about: "messages of the embed protocol, for every question",
    run: |bytes| {
        READERS.with_borrow(|readers| {
            let Some((reader, rest)) = picked(bytes, readers) else { return };
            // Whole messages, and the fields of one without its head.
            for whole in [text(rest), format!("{{\"breakable\":1,\"type\":{}", text(rest))] {
                if let Ok(json) = serde_json::from_str(&whole) {
                    reader.message(&json);
                }
            }
        });
    },
    seeds: || {
        let messages = [
            r#"{"breakable":1,"type":"load","preset":"edge","query":"?limit=5&seed=%37","id":"a"}"#,
            r##"{"breakable":1,"type":"load","link":"#r=AwIPAT2eEwOgH-sCGzI0EgcJAZADAALeEgnAAvkKLBAFAeADAQEBAA"}"##,
            r#"{"breakable":1,"type":"set","knobs":{"limit":5,"algorithm":"gcra"},"side":"b","seed":7,"speed":2,"theme":"dark"}"#,
            r#"{"breakable":1,"type":"act","name":"burst","args":{"count":20,"client":1},"at":"59.9s","id":9}"#,
            r#"{"breakable":1,"type":"seek","exact":{"us":1,"events":2,"events_b":3}}"#,
            r#"{"breakable":1,"type":"seek","time":12.5}"#,
            r#"{"breakable":1,"type":"query","every":250}"#,
            r#"{"breakable":1,"type":"play"}"#,
            r#""act","name":"kill","at":1e300}"#,
        ];
        (0..entries::ALL.len()).flat_map(|i| behind(i as u8, &messages)).collect()
    },
    words: &[
        "\"load\"",
        "\"set\"",
        "\"act\"",
        "\"play\"",
        "\"pause\"",
        "\"seek\"",
        "\"query\"",
        "\"knobs\":{",
        "\"args\":{",
        "\"at\":",
        "\"exact\":{\"us\":",
        "\"id\":",
        "null",
        "true",
        "[]",
        "{}",
        "1.5",
        "9007199254740993",
        ",",
        ":",
    ],
    short: 30_000,
};
