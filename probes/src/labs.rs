//! The labs: what the reader types, as the page sends it.

use crate::{Probe, text};
use serde_json::{Value, json};

/// An answer is JSON, and what is wrong is said in words.
fn answered(answer: &str, form: &str) -> Value {
    serde_json::from_str(answer).unwrap_or_else(|why| panic!("{why}: {answer} for {form}"))
}

pub const GRAPH: Probe = Probe {
    name: "graph",
    about: "queries, variables and limits of the GraphQL lab",
    run: |bytes| {
        let typed = text(bytes);
        let mut parts = typed.splitn(2, '\u{1}');
        let (query, variables) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        let form = |loader: bool| json!({ "query": query, "variables": variables, "loader": loader, "depth": "9", "cost": "" });
        let [plain, loader] = [false, true].map(|loader| {
            let form = form(loader).to_string();
            answered(&lab_graph::execute(&form), &form)
        });
        // With and without a loader the answer is the same, unless it was cut off at the bound of objects.
        let bounded = plain["notes"][0].is_string() || loader["notes"][0].is_string();
        assert!(bounded || plain["response"] == loader["response"], "{typed}");
        assert_eq!(plain["mistakes"], loader["mistakes"], "{typed}");
        for mistake in plain["mistakes"].as_array().into_iter().flatten() {
            assert!(mistake["says"].as_str().is_some_and(|says| !says.is_empty() && says.len() < 4_000), "{mistake}");
        }
        answered(&lab_graph::execute(&typed), &typed);
    },
    seeds: || {
        let queries = [
            "{ articles(first: 20) { title teaser author { name } commentCount } }",
            "query Screen($n: Int = 2, $who: Boolean!) { articles(first: $n) { ...Line ... on Article { author @include(if: $who) { name } } } } fragment Line on Article { title ...Words } fragment Words on Article { words }\u{1}{ \"n\": 3, \"who\": true }",
            "{ first: article(id: 7) { id name: title author { __typename name } } none: article(id: 99) { id } }",
            "{ authors { name articles(first: 9) { title comments { text author { name } } } } }",
            "{ article(id: \"\"\"a \\\"\"\" \"b\" 1\"\"\") { id title } }",
            "{\"query\":\"{ articles { id } }\",\"loader\":true,\"fails\":\"one_author\",\"depth\":\"3\",\"cost\":\"40\"}",
        ];
        queries.iter().map(|query| query.as_bytes().to_vec()).collect()
    },
    words: &[
        "{",
        "}",
        "(",
        ")",
        "...",
        "@include(if: ",
        "@skip(if: ",
        "$n",
        ": Int!",
        "[Int]",
        "fragment ",
        " on Article ",
        "articles",
        "author",
        "comments",
        "first: 100",
        "first: -1",
        "id: \"1\"",
        "\"\"\"",
        "#",
        "query ",
        "mutation ",
        "\u{1}",
        "__typename",
    ],
    short: 3_000,
};

pub const WIRE: Probe = Probe {
    name: "wire",
    about: "bytes and forms of the wire lab: protobuf, JSON, deflate",
    run: |bytes| {
        for of in [lab_wire::Type::Order, lab_wire::Type::Comment] {
            whole(&lab_wire::protobuf_parts(bytes, of), bytes);
        }
        lab_wire::json_parts(bytes);
        // A stream that ends well has told where each symbol stands, one after the other.
        if let Some((symbols, _)) = lab_wire::symbols(bytes) {
            assert!(symbols.windows(2).all(|pair| pair[0].to <= pair[1].from));
        }
        let typed = text(bytes);
        answered(&lab_wire::encode(&typed), &typed);
        if let Ok(message) = lab_wire::read(&typed) {
            let (binary, json) = (lab_wire::protobuf(&message), lab_wire::json(&message));
            assert_eq!(lab_wire::symbols(&lab_wire::deflated(&binary)).map(|(_, out)| out), Some(binary));
            whole(&lab_wire::json_parts(&json), &json);
        }
    },
    seeds: || {
        let item = json!({ "sku": "SKU-1", "quantity": "2", "unit_price_cents": "1999" });
        let order = json!({ "message": "order", "order_id": "123456789", "user_id": "4242", "currency": "EUR",
            "total_cents": "11994", "items": [item.clone(), item], "created_at": "1700000000", "note": "Käse" });
        let comment = json!({ "message": "comment", "id": "150", "text": "hi hi hi hi hi hi" });
        let mut all = Vec::new();
        for form in [order.to_string(), comment.to_string()] {
            if let Ok(message) = lab_wire::read(&form) {
                let binary = lab_wire::protobuf(&message);
                all.extend([lab_wire::deflated(&binary), binary, lab_wire::json(&message)]);
            }
            all.push(form.into_bytes());
        }
        all
    },
    words: &[
        "\"order\"",
        "\"comment\"",
        "\"items\":[",
        "\"sku\":",
        "\u{8}",
        "\u{12}",
        "*",
        "18446744073709551615",
        "\\u0000",
        "\\ud800",
        ",",
        ":",
    ],
    short: 10_000,
};

/// Every byte belongs to one part at most, in order.
fn whole(parts: &[lab_wire::Part], bytes: &[u8]) {
    let mut at = 0;
    for part in parts {
        assert!(part.from >= at && part.to > part.from && part.to <= bytes.len() && !part.says.is_empty(), "{part:?}");
        at = part.to;
    }
}

pub const EVENTS: Probe = Probe {
    name: "events",
    about: "forms of the events lab: events, drafts, snapshots",
    run: |bytes| {
        let typed = text(bytes);
        for answer in [lab_events::fold(&typed), lab_events::append(&typed)] {
            answered(&answer, &typed);
        }
    },
    seeds: || {
        let draft = |kind: &str, amount: &str, schema: u8| json!({ "kind": kind, "amount": amount, "schema": schema });
        let events = [
            draft("Opened", "", 1),
            draft("Deposited", "100", 1),
            draft("Withdrawn", "30", 2),
            draft("Corrected", "-50.25", 2),
        ];
        let form = |snapshot: &str, draft: Value| {
            json!({ "events": events, "upcaster": true, "snapshot": snapshot, "kept_in": 1,
            "expects": 2, "checks": true, "draft": draft, "expected": "4", "decide": true })
        };
        [form("", Value::Null), form("2", draft("Deposited", "0.01", 2))]
            .map(|form| form.to_string().into_bytes())
            .to_vec()
    },
    words: &[
        "\"Opened\"",
        "\"Deposited\"",
        "\"Withdrawn\"",
        "\"Corrected\"",
        "\"schema\":1",
        "\"1000000\"",
        "\"-0.005\"",
        "\"1,5\"",
        "true",
        "false",
        "null",
        ",",
        "{",
        "}",
    ],
    short: 15_000,
};
