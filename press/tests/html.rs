//! The HTML of the fixture, whole: any change of the markup shows up in a diff of `tests/fixture.html`.

#![cfg(feature = "html")]

use press::{Known, article_html, load_dir, parse};
use std::path::Path;

const TEXT: &str = include_str!("content/rate-limiter-design.md");

fn article() -> press::Article {
    parse("rate-limiter-design.md", TEXT).unwrap()
}

/// The article with `markdown` as its long answer.
fn long_answer(markdown: &str) -> String {
    // The long answer had the links to related questions.
    let text = TEXT.replace("related = [\"traffic-spike-10x\", \"backpressure\"]", "related = []");
    let (before, after) = text.split_once("## The long answer\n").unwrap();
    let (_, after) = after.split_once("## The worked example").unwrap();
    let after = after.replace("#long-answer-which-key", "#question");
    let text = format!("{before}## The long answer\n\n{markdown}\n\n## The worked example{after}");
    let article = parse("rate-limiter-design.md", &text).unwrap_or_else(|p| panic!("{p:#?}"));
    let html = article_html(&article, &Known::default());
    let start =
        html.find("<h2>The long answer</h2></summary>\n").unwrap() + "<h2>The long answer</h2></summary>\n".len();
    html[start..html.find("</details></section>\n<section id=\"worked-example\">").unwrap()].to_owned()
}

#[test]
fn the_fixture_whole() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixture.html");
    let html = article_html(&article(), &Known::default());
    if std::env::var_os("UPDATE_FIXTURE").is_some() {
        std::fs::write(&path, &html).unwrap();
    }
    let expected = std::fs::read_to_string(&path).unwrap();
    assert_eq!(html, expected, "if the change is meant: UPDATE_FIXTURE=1 cargo test -p press, then read the diff");
}

#[test]
fn links_to_questions_appear_when_they_are_written() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/content");
    let mut articles = load_dir(&dir).unwrap();
    let mut other = articles[0].clone();
    other.slug = "backpressure".to_owned();
    articles.push(other);
    let html = article_html(&articles[0], &Known::of(&articles));
    assert!(html.contains("<a href=\"../backpressure/\">the other question</a> and the spike."), "{html}");
}

#[test]
fn a_lab_follows_the_question_and_can_be_linked_to() {
    assert!(!article_html(&article(), &Known::default()).contains("data-lab"));
    let text = TEXT.replacen("minutes = 6", "minutes = 6\nlab = \"sql\"", 1);
    let text = text.replacen("#long-answer-which-key", "#lab", 1);
    let with_lab = parse("rate-limiter-design.md", &text).unwrap();
    assert_eq!(with_lab.front.lab, Some(press::Lab::Sql));
    let html = article_html(&with_lab, &Known::default());
    let (question, rest) = html.split_once("</section>\n").unwrap();
    assert!(question.starts_with("<section id=\"question\">"), "{question}");
    assert!(rest.starts_with("<section id=\"lab\"><details class=\"lab\" data-lab=\"sql\"><summary>"), "{rest}");
    assert!(rest.contains("<div data-lab-place></div></details></section>\n<section id=\"short-answer\">"), "{rest}");
}

#[test]
fn text_is_escaped() {
    assert_eq!(
        long_answer("`a < b && c` and 1 < 2, \"so\" & so"),
        "<p><code>a &lt; b &amp;&amp; c</code> and 1 &lt; 2, \"so\" &amp; so</p>\n"
    );
}

#[test]
fn citations() {
    let cite = |n: usize, id: &str, title: &str| {
        format!("<sup class=\"cite\"><a href=\"#source-{id}\" aria-label=\"[{n}] {title}\">[{n}]</a></sup>")
    };
    let (rfc, nginx) =
        (cite(1, "rfc6585", "Additional HTTP Status Codes"), cite(2, "nginx", "Module ngx_http_limit_req_module"));
    assert_eq!(long_answer("True [@rfc6585]."), format!("<p>True{rfc}.</p>\n"));
    assert_eq!(long_answer("True [@nginx][@rfc6585][@nginx]."), format!("<p>True{nginx}{rfc}{nginx}.</p>\n"));
    assert_eq!(long_answer("See [the *manual*][@nginx]."), format!("<p>See the <em>manual</em>{nginx}.</p>\n"));
    assert_eq!(
        long_answer("Literal `[@nginx]` and [brackets]."),
        "<p>Literal <code>[@nginx]</code> and [brackets].</p>\n"
    );
}

#[test]
fn a_number_agrees_with_its_experiment() {
    for good in [
        "[200](try:boundary)",
        "[110](try:boundary)",
        "[twice the limit](try:boundary)",
        "[201 requests](try:boundary)",
        "[46.5](try:recovery)",
    ] {
        assert!(long_answer(good).contains("data-try="), "{good}");
    }
}

#[test]
fn ids_stay_unique() {
    let html = long_answer("### Sources\n\na\n\n### Sources\n\nb\n\n#### Sources\n\nc");
    for id in ["long-answer-sources", "long-answer-sources-2", "long-answer-sources-3"] {
        assert!(html.contains(&format!("id=\"{id}\"")), "{html}");
    }
}

#[test]
fn lists_and_quotes() {
    assert_eq!(
        long_answer("3. c\n4. d\n\n> q"),
        "<ol start=\"3\">\n<li>c</li>\n<li>d</li>\n</ol>\n<blockquote>\n<p>q</p>\n</blockquote>\n"
    );
}

#[test]
fn tables_are_numbered_and_named() {
    let html = long_answer("| `a` | b\"c |\n|:--|:-:|\n| 1 | 2 |\n\n| | x |\n|--|--|\n| 1 | 2 |");
    assert!(html.contains("aria-label=\"Table 1: a, b&quot;c\""), "{html}");
    assert!(html.contains("<td class=\"center\">2</td>"), "{html}");
    assert!(html.contains("aria-label=\"Table 2: x\""), "{html}");
    assert!(html.contains("<tr><td></td><th scope=\"col\">x</th></tr>"), "{html}");
}
