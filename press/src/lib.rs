//! Reads `content/<slug>.md`: TOML front matter between `+++` lines, then Markdown.
//!
//! ```text
//!  content/*.md ──> front matter ──> Front (presets, experiments, sources)   checked, every Problem with its line
//!               └─> sections ──────> HTML fragments, classes for the colours of code   (feature `html`)
//! ```
//!
//! The format is described for authors in `content/README.md`. Names of knobs, acts and measures belong to the engine
//! and are only checked for their shape here.

#[cfg(feature = "html")]
mod code;
mod expect;
mod front;
#[cfg(feature = "html")]
mod html;
mod lab;
mod problem;
mod section;
mod table;
mod units;

#[cfg(feature = "html")]
pub use code::highlight_rust;
pub use expect::{Answer, Expect, Side, right_answer};
pub use front::{Check, Choice, Claim, Front, Input, Level, Pairs, Plan, Preset, SLUGS, Setup, Source, THEMES, Try};
#[cfg(feature = "html")]
pub use html::{Known, article_html};
pub use lab::Lab;
pub use problem::Problem;
pub use section::{Kind, Section};
pub use units::{duration, duration_text};

use std::path::Path;
use table::Reader;

/// One question's file, checked.
#[derive(Debug, Clone, PartialEq)]
pub struct Article {
    pub slug: String,
    pub front: Front,
    /// All of [`Kind::ALL`], in that order.
    pub sections: Vec<Section>,
}

/// What lies beside the questions in `content/`: the guide, and where each point of the source lists is covered.
const ABOUT: [&str; 2] = ["README.md", "COVERAGE.md"];

/// Reads every question in `dir`, that is every `*.md` but `README.md` and `COVERAGE.md`, in the order of [`SLUGS`].
///
/// # Errors
/// Every problem of every file, ordered by file and line. A directory or a file that cannot be read is a problem too.
pub fn load_dir(dir: &Path) -> Result<Vec<Article>, Vec<Problem>> {
    let unreadable = |file: &str, e: std::io::Error| Problem {
        file: file.to_owned(),
        line: 1,
        message: format!("cannot be read: {e}"),
    };
    let mut articles = Vec::new();
    let mut problems = Vec::new();
    let entries = std::fs::read_dir(dir).map_err(|e| vec![unreadable("", e)])?;
    for entry in entries {
        let path = match entry {
            Ok(entry) => entry.path(),
            Err(e) => {
                problems.push(unreadable("", e));
                continue;
            }
        };
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if ABOUT.contains(&&*name) || !name.ends_with(".md") {
            continue;
        }
        match std::fs::read_to_string(&path) {
            Ok(text) => match parse(&name, &text) {
                Ok(article) => articles.push(article),
                Err(found) => problems.extend(found),
            },
            Err(e) => problems.push(unreadable(&name, e)),
        }
    }
    if problems.is_empty() {
        articles.sort_by_key(|a| SLUGS.iter().position(|s| *s == a.slug));
        Ok(articles)
    } else {
        problems.sort();
        Err(problems)
    }
}

/// Reads one file. `file_name` is its name inside `content/`, such as `rate-limiter-design.md`.
///
/// Without the feature `html`, links, headings inside sections and raw HTML are not looked at.
///
/// # Errors
/// Every problem found, ordered by line. Never panics, whatever the text.
pub fn parse(file_name: &str, text: &str) -> Result<Article, Vec<Problem>> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let slug = file_name.strip_suffix(".md").unwrap_or(file_name);
    let fail = |line, message: String| Err(vec![Problem::new(file_name, line, &message)]);
    let Some((front_text, body, body_line)) = split_front(text) else {
        return fail(1, "no front matter; expected a line `+++`, TOML, another line `+++`, then Markdown".to_owned());
    };
    let mut r = Reader::new(file_name, front_text, 2);
    if !SLUGS.contains(&slug) {
        r.problem(1, format!("no question is called `{slug}`; {}", problem::expected_one_of(slug, &SLUGS)));
    }
    let front = front::read(&mut r, slug, front_text);
    let sections = section::split(&mut r, body, body_line);
    #[cfg(feature = "html")]
    if let Some(front) = &front {
        html::check(&mut r, slug, front, &sections);
    }
    r.problems.sort();
    r.problems.dedup();
    match front {
        Some(front) if r.problems.is_empty() => Ok(Article { slug: slug.to_owned(), front, sections }),
        _ => Err(r.problems),
    }
}

/// The front matter, the body, and the line on which the body starts.
fn split_front(text: &str) -> Option<(&str, &str, usize)> {
    let is_fence = |line: &str| line.trim_end() == "+++";
    let mut lines = text.split_inclusive('\n');
    let opening = lines.next().filter(|l| is_fence(l))?;
    let mut end = opening.len();
    for (i, line) in lines.enumerate() {
        if is_fence(line) {
            return Some((&text[opening.len()..end], &text[end + line.len()..], i + 3));
        }
        end += line.len();
    }
    None
}
