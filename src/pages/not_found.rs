//! The page at every address that has no page.

use crate::app::use_root;
use crate::content::CARDS;
use crate::ui::el::{Piece, each, el};

/// `path` is what was asked for, relative to the site's root.
pub fn not_found(path: &str) -> Piece {
    let root = use_root();
    let asked = asked_slug(path);
    let guess = asked
        .and_then(|asked| closest(asked, CARDS.iter().map(|a| a.slug)))
        .and_then(|slug| CARDS.iter().find(|card| card.slug == slug))
        .map(|near| el("p").kid("Did you mean ").kid(el("a").attr("href", root.question(near.slug)).kid(near.title)));
    let what = match asked {
        Some(slug) => format!("No question is called “{slug}”. It may have been renamed, or the link was cut off."),
        None => "The link may be old or cut off.".to_owned(),
    };
    let all = each(CARDS.iter(), |a| el("li").kid(el("a").attr("href", root.question(a.slug)).kid(a.title)));
    el("main")
        .attrs(&[("class", "plain"), ("id", "content"), ("tabindex", "-1")])
        .kid(el("h1").attr("tabindex", "-1").kid("There is no page at this address"))
        .kid(el("p").kid(what))
        .kid(guess)
        .kid(el("h2").class("label").kid("All questions"))
        .kid(el("ul").kid(all))
        .kid(el("p").kid(el("a").attr("href", root.link("")).kid("To the library")))
        .into()
}

/// What a path below the root names as a question, if it has the shape of one. Long ones are cut for display.
fn asked_slug(path: &str) -> Option<&str> {
    let slug = path.strip_prefix("q/").or_else(|| path.strip_prefix("embed/"))?.trim_matches('/');
    let end = slug.char_indices().nth(60).map_or(slug.len(), |(at, _)| at);
    (!slug.is_empty()).then(|| &slug[..end])
}

/// The slug that is nearest to what was typed, unless it is too far to be meant.
fn closest(asked: &str, slugs: impl Iterator<Item = &'static str>) -> Option<&'static str> {
    let asked = asked.to_lowercase();
    let (distance, slug) = slugs
        .map(|slug| {
            // A slug that was cut off is as good as right.
            let cut = asked.len() >= 4 && slug.contains(&asked);
            (if cut { 0 } else { edits(&asked, slug) }, slug)
        })
        .min_by_key(|(distance, _)| *distance)?;
    (distance * 2 <= slug.len().min(asked.len())).then_some(slug)
}

/// Levenshtein distance: insertions, deletions and changes of one character.
fn edits(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, ca) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, cb) in b.iter().enumerate() {
            let change = diagonal + usize::from(ca != *cb);
            diagonal = row[j + 1];
            row[j + 1] = change.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edits_are_counted() {
        assert_eq!(edits("kitten", "sitting"), 3);
        assert_eq!(edits("", "abc"), 3);
        assert_eq!(edits("same", "same"), 0);
    }

    #[test]
    fn a_typo_finds_its_question_and_noise_finds_none() {
        let near = |typed| closest(typed, ["saga-consistency", "rate-limiter-design"].into_iter());
        for typed in ["rate-limiter-desing", "ratelimiter-design", "rate-limit", "Rate-Limiter-Design"] {
            assert_eq!(near(typed), Some("rate-limiter-design"), "{typed}");
        }
        assert_eq!(near("zzzzzzzzzzzzzzzzzzz"), None);
        assert_eq!(near(""), None);
    }

    #[test]
    fn only_question_addresses_name_a_slug() {
        assert_eq!(asked_slug("q/rate/"), Some("rate"));
        assert_eq!(asked_slug("embed/rate"), Some("rate"));
        assert_eq!(asked_slug("q/"), None);
        assert_eq!(asked_slug("404.html"), None);
        assert_eq!(asked_slug(&format!("q/{}", "é".repeat(80))).map(|s| s.chars().count()), Some(60));
    }
}
