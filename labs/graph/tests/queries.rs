//! The lab as the page calls it: what is sent, and what comes back.

use lab_graph::{LIST_MAX, OBJECTS_MAX, QUERY_BYTES_MAX, SCHEMA, execute};
use proptest::prelude::*;
use serde_json::{Value, json};
use sim::blocks::resolver::{Execution, Field, Query, Resolvers};

const SCREEN: &str = "{ articles(first: 20) { title teaser author { name } commentCount } }";

fn sent(form: &Value) -> Value {
    serde_json::from_str(&execute(&form.to_string())).unwrap()
}

fn asked(query: &str, loader: bool) -> Value {
    let answer = sent(&json!({ "query": query, "loader": loader }));
    assert!(answer["mistakes"].is_null(), "{query}: {}", answer["mistakes"]);
    answer
}

fn data(query: &str) -> Value {
    let response: Value = serde_json::from_str(asked(query, true)["response"].as_str().unwrap()).unwrap();
    response["data"].clone()
}

fn keys(answer: &Value) -> Vec<u64> {
    answer["statements"].as_array().unwrap().iter().map(|s| s["keys"].as_u64().unwrap()).collect()
}

/// The first mistake: line, column, sentence.
fn wrong(query: &str, variables: &str) -> (u64, u64, String) {
    let answer = sent(&json!({ "query": query, "variables": variables, "loader": true }));
    let mistake = &answer["mistakes"][0];
    assert_eq!(answer["status"], 400, "{query}: {answer}");
    let says = mistake["says"].as_str().unwrap().to_owned();
    (mistake["line"].as_u64().unwrap(), mistake["column"].as_u64().unwrap(), says)
}

#[test]
fn one_and_n_against_one_and_levels() {
    assert_eq!(keys(&asked(SCREEN, false)), [1; 21]);
    assert_eq!(keys(&asked(SCREEN, true)), [1, 5]);
    assert_eq!(asked(SCREEN, true)["otherwise"], 21);
    let deep = "{ articles(first: 20) { author { name } comments(first: 1) { text author { name } } } }";
    assert_eq!(keys(&asked(deep, false)).len(), 1 + 20 + 20 + 20);
    // The comments' authors are known by then.
    assert_eq!(keys(&asked(deep, true)), [1, 5, 20]);
}

/// The same tree in the simulation's block: the same statements with the same keys.
#[test]
fn the_simulation_makes_the_same_statements() {
    for (first, comments) in [(1, 1), (7, 1), (20, 1)] {
        let text = format!(
            "{{ articles(first: {first}) {{ author {{ name }} comments(first: {comments}) {{ author {{ name }} }} }} }}"
        );
        let mut query = Query::default();
        let field = |parent, table, many, distinct| Field { parent, table, many, distinct, full: 0, wanted: 0 };
        let articles = query.push(field(None, 0, first, 1));
        query.push(field(Some(articles), 1, 1, 5));
        let of_articles = query.push(field(Some(articles), 2, comments, 0));
        query.push(field(Some(of_articles), 1, 1, 5));
        for (loader, resolvers) in [(false, Resolvers::Plain), (true, Resolvers::Loader)] {
            let mut execution = Execution::new(query, resolvers, 10_000);
            let mut expected = Vec::new();
            while let Some(statement) = execution.next() {
                expected.push(u64::from(statement.keys));
                execution.done(&statement, true);
            }
            let answer = asked(&text, loader);
            if first >= 5 || !loader {
                let (mut is, mut should) = (keys(&answer), expected);
                is.sort_unstable();
                should.sort_unstable();
                assert_eq!(is, should);
            }
        }
    }
}

#[test]
fn the_answer_has_what_was_asked_for_and_nothing_else() {
    let answer =
        data("{ first: article(id: 7) { id name: title author { __typename name } } none: article(id: 99) { id } }");
    let expected = json!({
        "first": { "id": "7", "name": "What we know about paper", "author": { "__typename": "Author", "name": "Chidi Danso" } },
        "none": null
    });
    assert_eq!(answer, expected);
    // The keys stand in the order of the query.
    let text =
        asked("{ authors(first: 1) { name id } }", true)["response"].as_str().unwrap().replace(char::is_whitespace, "");
    assert_eq!(text, r#"{"data":{"authors":[{"name":"AdaBerg","id":"1"}]}}"#);
}

/// Bytes are those of the response as it is sent, and fewer fields are fewer bytes; resources stay as large.
#[test]
fn bytes_are_those_of_the_response() {
    let (small, large) = (asked(SCREEN, true), asked("{ articles(first: 20) { title body author { name } } }", true));
    let compact: Value = serde_json::from_str(small["response"].as_str().unwrap()).unwrap();
    assert_eq!(small["bytes"].as_u64().unwrap() as usize, compact.to_string().len());
    assert!(large["bytes"].as_u64() > small["bytes"].as_u64());
    assert_eq!(small["resources"]["bytes"], large["resources"]["bytes"]);
    assert_eq!(small["resources"]["calls"], 6);
    assert!(small["resources"]["bytes"].as_u64().unwrap() > 200_000);
}

#[test]
fn loader_and_plain_resolvers_answer_the_same() {
    for query in [SCREEN, "{ authors { name articles(first: 9) { title comments { text author { name } } } } }"] {
        assert_eq!(asked(query, true)["response"], asked(query, false)["response"]);
    }
}

#[test]
fn variables_fragments_and_directives() {
    let query = "query Screen($n: Int = 2, $who: Boolean!) {
      articles(first: $n) { ...Line ... on Article { author @include(if: $who) { name } } }
    }
    fragment Line on Article { title ...Words }
    fragment Words on Article { words }";
    let with = |variables: &str| sent(&json!({ "query": query, "variables": variables, "loader": true }));
    let answer = with(r#"{ "n": 3, "who": true }"#);
    assert_eq!(
        (answer["objects"].as_u64(), answer["depth"].as_u64(), answer["cost"].as_u64()),
        (Some(6), Some(2), Some(6))
    );
    let answer = with(r#"{ "who": false }"#);
    assert_eq!((answer["objects"].as_u64(), answer["cost"].as_u64()), (Some(2), Some(2)));
    // Fields of the same name are merged, their fields too.
    assert_eq!(
        data("{ article(id: 1) { author { id } } article(id: 1) { author { name } title } }"),
        json!({ "article": { "author": { "id": "2", "name": "Bo Castellan" }, "title": "What we know about night trains" } })
    );
}

#[test]
fn one_failure_leaves_the_rest_and_says_where() {
    let fails = |fails: &str, loader: bool| {
        let answer = sent(&json!({ "query": SCREEN, "loader": loader, "fails": fails }));
        let response: Value = serde_json::from_str(answer["response"].as_str().unwrap()).unwrap();
        (answer, response)
    };
    for loader in [true, false] {
        let (answer, response) = fails("authors", loader);
        assert_eq!((answer["status"].as_u64(), answer["errors"].as_u64()), (Some(200), Some(20)));
        assert_eq!(response["errors"][3]["path"], json!(["articles", 3, "author"]));
        assert_eq!(response["errors"][3]["locations"], json!([{ "line": 1, "column": 38 }]));
        assert_eq!(response["data"]["articles"][3]["author"], Value::Null);
        assert!(response["data"]["articles"][3]["title"].is_string());
        let (answer, response) = fails("one_author", loader);
        assert_eq!(answer["errors"], 4);
        assert_eq!(response["data"]["articles"][0]["author"]["name"], "Bo Castellan");
    }
}

#[test]
fn limits_refuse_before_anything_runs() {
    let limited =
        |depth: &str, cost: &str| sent(&json!({ "query": SCREEN, "loader": true, "depth": depth, "cost": cost }));
    assert_eq!(limited("2", "40")["status"], 200);
    assert_eq!(
        limited("1", "")["mistakes"][0]["says"],
        "Refused before it ran: it is nested 2 levels deep, and the limit is 1."
    );
    assert_eq!(
        limited("", "39")["mistakes"][0]["says"],
        "Refused before it ran: it could yield 40 objects, and the limit is 39."
    );
    assert_eq!(limited("", "39")["cost"], 40);
    for bad in ["-1", "0", "two", "1.5", "99999999999999999999"] {
        let says = limited(bad, "")["mistakes"][0]["says"].as_str().unwrap().to_owned();
        assert!(says.contains("is no limit"), "{says}");
    }
}

#[test]
fn a_greedy_query_ends_at_the_bound() {
    let mut query = "title".to_owned();
    for _ in 0..4 {
        query = format!("author {{ articles(first: 100) {{ {query} }} }}");
    }
    let query = format!("{{ articles(first: 100) {{ {query} }} }}");
    for loader in [true, false] {
        let answer = asked(&query, loader);
        assert!(answer["objects"].as_u64().unwrap() <= OBJECTS_MAX as u64 + 1);
        assert!(answer["cost"].as_u64().unwrap() > 20_000_000_000 / 100);
        assert!(answer["notes"][0].as_str().unwrap().contains("ended at 5,000 objects"), "{}", answer["notes"]);
    }
}

/// Each mistake at its place, in words.
#[test]
fn mistakes_say_what_and_where() {
    let cases: &[(&str, u64, u64, &str)] = &[
        ("", 0, 0, "There is no query yet. The shortest one is { articles { title } }."),
        ("  # only a comment\n", 0, 0, "There is no query yet."),
        ("{ articles { title }", 1, 21, "One { is not closed."),
        ("{ articles { } }", 1, 14, "“}” cannot stand here: "),
        ("{ articles(first 3) { title } }", 1, 18, "“3” cannot stand here: “:” should."),
        (
            "{\n  articles {\n    titel\n  }\n}",
            3,
            5,
            "An Article has no field titel. Did you mean title? It has id, title, teaser",
        ),
        ("{ article { title } }", 1, 3, "article needs an id, as in article(id: 1)."),
        ("{ articles }", 1, 3, "articles is an Article and needs fields in braces: id, title"),
        ("{ articles { title { x } } }", 1, 14, "title is a plain value and has no fields"),
        ("{ articles(last: 3) { title } }", 1, 12, "Query.articles takes first: Int, and no last."),
        ("{ articles { title(x: 1) } }", 1, 20, "Article.title takes no arguments, and no x."),
        ("{ articles(first: 1000) { title } }", 1, 3, "first is 1000. Here a list has from 0 to 100 entries"),
        ("{ articles(first: -1) { title } }", 1, 3, "first is -1."),
        ("{ articles(first: \"3\") { title } }", 1, 3, "first is “3”; it is a whole number."),
        ("{ articles(first: 99999999999999999999) { title } }", 1, 19, "This number has more digits"),
        // What lies between a block string's quotes is no number, and what follows it is.
        (
            "{ article(id: \"\"\"a\"b\"\"\") { id } a: articles(first: 9999999999999999999) { id } }",
            1,
            52,
            "This number has more digits",
        ),
        ("{ article(id: \"\"\"12345678901234567890\"\"\") { id } b }", 1, 50, "has no field b"),
        ("{ article(id: \"\"\"\u{1f469}\"\"\") { id } }", 1, 18, "A block string cannot have this sign"),
        ("{ article(id: \"\"\"\\\"\"\"\u{7}", 1, 22, "A block string cannot have this sign"),
        ("{ articles { ...Line } }", 1, 17, "No fragment is named Line; there are none."),
        ("{ articles { ...A } } fragment A on Article { ...A }", 1, 50, "The fragment A contains itself"),
        ("{ articles { title } } fragment A on Article { id }", 1, 33, "The fragment A is defined and never used."),
        (
            "{ articles { ...A } } fragment A on Author { id }",
            1,
            34,
            "A fragment on Author is used where there is an Article",
        ),
        ("{ articles { ... on Nothing { id } } }", 1, 18, "There is no type Nothing"),
        ("{ a: articles { id } a: authors { id } }", 1, 22, "Two fields would both be called a in the answer"),
        (
            "{ articles { id } articles(first: 2) { id } }",
            1,
            19,
            "articles is asked for twice with different arguments.",
        ),
        ("query($n: Int) { articles { id } }", 1, 7, "$n is declared and never used."),
        ("{ articles(first: $n) { id } }", 1, 12, "$n is not declared."),
        ("query($n: Boolean) { articles(first: $n) { id } }", 1, 31, "$n is of type Boolean, and Int is needed here."),
        ("query($i: ID) { article(id: $i) { id } }", 1, 25, "$i is of type ID and may be null; ID! is needed here."),
        ("query($i: Thing) { article(id: $i) { id } }", 1, 7, "$i is of type Thing."),
        ("mutation { articles { id } }", 1, 1, "This schema has no mutation"),
        ("subscription { articles { id } }", 1, 1, "This schema has no subscription"),
        ("fragment A on Article { id }", 0, 0, "There are only fragments."),
        (
            "query A { articles { id } } query B { authors { id } }",
            0,
            0,
            "There are 2 operations. Say which one to run: A or B.",
        ),
        ("{ __schema { types { name } } }", 1, 3, "__schema would list the schema"),
        ("{ articles @later { id } }", 1, 12, "There is no directive @later"),
        ("{ articles { title ? } }", 1, 20, "“?” is not a sign that GraphQL has."),
        ("{ article(id: 'x') { id } }", 1, 15, "This text is not closed, or is in the wrong quotes."),
        ("{ ä { id } }", 1, 3, "“ä” is not a sign that GraphQL has."),
    ];
    let mut others = Vec::new();
    for (query, line, column, says) in cases {
        let is = wrong(query, "");
        if !is.2.contains(says) || (is.0, is.1) != (*line, *column) {
            others.push(format!("{query}\n  is {is:?}\n  should be {line}:{column} {says}"));
        }
    }
    assert!(others.is_empty(), "{}", others.join("\n"));
}

#[test]
fn mistakes_in_variables() {
    let query = "query($n: Int!, $id: ID = 1) { articles(first: $n) { id } article(id: $id) { id } }";
    for (variables, says) in [
        ("", "$n has type Int! and no default: give it a value, as in { \"n\": … }."),
        ("{", "This is not JSON."),
        ("[1]", "Variables are one JSON object"),
        (r#"{ "n": "3" }"#, "n is \"3\"; its type is Int!."),
        (r#"{ "n": 3000000000 }"#, "n is 3000000000; its type is Int!."),
        (r#"{ "n": null }"#, "n is null, and its type Int! says that it is not."),
        (r#"{ "n": 1, "m": 2 }"#, "There is a value for m, but the query declares $n, $id."),
    ] {
        let is = wrong(query, variables).2;
        assert!(is.contains(says), "{variables}: {is}");
    }
    let answer = sent(&json!({ "query": query, "variables": r#"{ "n": 1, "id": "4" }"#, "loader": true }));
    assert_eq!(answer["errors"], 0, "{answer}");
}

#[test]
fn bounds_hold() {
    let long = format!("{{ articles {{ title }} }} # {}", "x".repeat(QUERY_BYTES_MAX));
    assert!(wrong(&long, "").2.contains("this page takes at most 20000"));
    assert!(!wrong("{ articles { author id} }", "").2.is_empty());
    let nested = format!("{{ author(id: 1) {}id{} }}", "{ articles { author ".repeat(20), "{ id } } }".repeat(20));
    assert!(!wrong(&nested, "").2.is_empty());
    // Fragments that double with each level would be millions of fields.
    let mut bomb = "{ author(id: 1) { ...F0 } }".to_owned();
    for n in 0..20 {
        let next = if n == 19 {
            "articles { id }".to_owned()
        } else {
            format!("articles {{ author {{ ...F{} }} b: author {{ ...F{} }} }}", n + 1, n + 1)
        };
        bomb += &format!(" fragment F{n} on Author {{ {next} }}");
    }
    let says = wrong(&bomb, "").2;
    assert!(says.contains("more than"), "{says}");
    assert_eq!(LIST_MAX, 100);
}

#[test]
fn the_schema_that_is_shown_is_the_one_that_answers() {
    let mut of = "";
    for line in SCHEMA.lines() {
        if let Some(rest) = line.strip_prefix("type ") {
            of = rest.trim_end_matches(" {");
        } else if let Some((name, _)) = line.trim().split_once([':', '(']) {
            let inner = if line.contains("Article") || line.contains("Author") || line.contains("Comment") {
                "{ id }"
            } else {
                ""
            };
            let id = if line.contains("id: ID!)") { "(id: 1)" } else { "" };
            let field = format!("{name}{id} {inner}");
            let query = match of {
                "Query" => format!("{{ {field} }}"),
                "Article" => format!("{{ articles {{ {field} }} }}"),
                "Author" => format!("{{ authors {{ {field} }} }}"),
                _ => format!("{{ articles {{ comments {{ {field} }} }} }}"),
            };
            asked(&query, true);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(400) })]

    /// Whatever is typed: an answer or mistakes, and never a panic.
    #[test]
    fn anything_can_be_typed(
        pieces in prop::collection::vec(prop::sample::select(vec![
            "{", "}", "(", ")", "articles", "author", "comments", "title", "first", ":", "3", "-1", "1.5", "\"x\"", "\"\"\"y\"\"\"",
            "$n", "query", "fragment", "on", "Article", "...", "@include", "if", "true", "null", "[", "]", "=", "!", "|", "&", "#",
            "\n", " ", "ä", "\\", "\"", "id", "99999999999", "mutation", "Int", ",",
        ]), 0..40),
        variables in "\\PC{0,20}",
        loader: bool,
    ) {
        let query = pieces.join(" ");
        let answer = sent(&json!({ "query": query, "variables": variables, "loader": loader }));
        prop_assert!(answer["status"] == 200 || answer["mistakes"][0]["says"].as_str().is_some_and(|s| !s.is_empty()));
    }

    /// And whatever characters.
    #[test]
    fn any_text_can_be_typed(query in "\\PC{0,80}") {
        let answer = sent(&json!({ "query": query, "loader": true }));
        prop_assert!(answer["status"].is_number());
    }
}
