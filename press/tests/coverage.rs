//! `content/COVERAGE.md`: every statement of the two source lists has its row, and every place it names exists.

use press::{Article, Known, SLUGS};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

const TABLE: &str = include_str!("../../content/COVERAGE.md");

/// The cells of a row, or nothing for a line that is none, a head or the rule under it.
fn cells(line: &str) -> Option<Vec<&str>> {
    let row = line.trim().strip_prefix('|')?.strip_suffix('|')?;
    let cells: Vec<&str> = row.split('|').map(str::trim).collect();
    let is_head = cells[0] == "#" || cells[0] == "question" || cells[0].starts_with("---");
    (!is_head).then_some(cells)
}

/// Seed and number of statements, by question.
fn counts() -> BTreeMap<&'static str, (&'static str, usize)> {
    let top = TABLE.split("\n## ").next().unwrap();
    let rows: Vec<Vec<&str>> = top.lines().filter_map(cells).collect();
    let slugs: Vec<&str> = rows.iter().map(|row| row[0]).collect();
    assert_eq!(slugs, SLUGS, "the table at the top names every question once, in order");
    rows.iter().map(|row| (row[0], (row[1], row[2].parse().expect("the number of statements")))).collect()
}

/// The rows of each question, as (number, statement, places).
fn tables() -> Vec<(&'static str, Vec<Vec<&'static str>>)> {
    let parts = TABLE.split("\n## ").skip(1);
    parts.map(|part| (part.lines().next().unwrap().trim(), part.lines().filter_map(cells).collect())).collect()
}

fn articles() -> Vec<Article> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../content");
    press::load_dir(&dir).unwrap_or_else(|problems| panic!("{problems:#?}"))
}

/// Every id that a link can lead to on a question's page: those of its text, and its experiments.
fn ids(article: &Article) -> BTreeSet<String> {
    let html = press::article_html(article, &Known::default());
    let of_text = html.split(" id=\"").skip(1).filter_map(|rest| rest.split('"').next()).map(str::to_owned);
    of_text.chain(article.front.tries.iter().map(|t| format!("try-{}", t.id))).collect()
}

#[test]
fn the_two_lists_are_nine_and_ten_questions() {
    let counts = counts();
    let of = |seed| counts.values().filter(|(s, _)| *s == seed).count();
    assert_eq!((of("000"), of("004")), (9, 10));
    // The lists themselves are not here; their sum guards against a row dropped together with its count.
    assert_eq!(counts.values().map(|(_, n)| n).sum::<usize>(), 346);
}

#[test]
fn every_written_question_has_a_row_for_each_statement() {
    let (counts, tables) = (counts(), tables());
    let mut wrong = Vec::new();
    for article in articles() {
        let slug = article.slug.as_str();
        let found: Vec<_> = tables.iter().filter(|(name, _)| *name == slug).collect();
        let [(_, rows)] = found[..] else {
            wrong.push(format!("{slug}: {} tables `## {slug}`; expected one", found.len()));
            continue;
        };
        let numbers: Vec<&str> = rows.iter().map(|row| row[0]).collect();
        let expected: Vec<String> = (1..=counts[slug].1).map(|n| n.to_string()).collect();
        if numbers != expected {
            wrong.push(format!("{slug}: rows {numbers:?}; expected 1 to {}, one for each statement", expected.len()));
        }
    }
    for (slug, _) in &tables {
        if !SLUGS.contains(slug) {
            wrong.push(format!("`## {slug}` is no question"));
        }
    }
    let order: Vec<_> = tables.iter().filter_map(|(slug, _)| SLUGS.iter().position(|s| s == slug)).collect();
    if !order.is_sorted() {
        wrong.push("the questions stand in another order than in the table at the top".to_owned());
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_place_exists() {
    let ids: BTreeMap<String, BTreeSet<String>> = articles().iter().map(|a| (a.slug.clone(), ids(a))).collect();
    let mut wrong = Vec::new();
    for (slug, rows) in tables() {
        for row in rows {
            let [number, statement, places] = row[..] else {
                wrong.push(format!("{slug}, row {}: {} cells; expected number, statement, places", row[0], row.len()));
                continue;
            };
            if statement.is_empty() {
                wrong.push(format!("{slug}, row {number}: no statement"));
            }
            for place in places.split(", ") {
                let name = place.strip_prefix('`').and_then(|p| p.strip_suffix('`')).and_then(|p| p.split_once('#'));
                let Some((page, id)) = name else {
                    wrong
                        .push(format!("{slug}, row {number}: `{place}` is no place; expected `slug#id` in backquotes"));
                    continue;
                };
                if !ids.get(page).is_some_and(|ids| ids.contains(id)) {
                    wrong.push(format!("{slug}, row {number}: {place} does not exist"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
