//! Looks at the finished site the way an auditor would: at the files themselves, whatever made them.
//!
//! Every page has the policy and keeps to it, no script makes markup of texts, and no file names another host than the
//! sources that the articles cite. A site that does not is not finished: the build fails.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use anyhow::{Context, ensure};

use crate::{paths, shell, site};

/// The page whose root is not known: it has the only script within a page, which its policy names by hash.
const NOT_FOUND: &str = "404.html";

/// SQLite as its authors publish it: what it is not asked for, it does not do, and the policy holds for it too.
const SQLITE: &str = "assets/sqlite3-";

/// What a script would make markup or code of texts with.
const SINKS: &[&str] = &[
    "innerHTML",
    "outerHTML",
    "insertAdjacentHTML",
    "document.write",
    "createContextualFragment",
    "DOMParser",
    "srcdoc",
    "eval(",
    "new Function",
    "sendBeacon",
];

/// Names that are spelled like addresses and are never asked for.
const NAMESPACES: &[&str] = &["http://www.w3.org/", "http://www.sitemaps.org/schemas/"];

/// Fails with everything that is wrong with the site in `dist`, a line each. `url` is where it will live, if known.
pub fn inspect(dist: &Path, url: Option<&str>) -> anyhow::Result<()> {
    let cited = cited()?;
    let mut wrong = Vec::new();
    for file in site::list_files(dist)? {
        let path = file.to_str().context("a file name that is not UTF-8")?.replace('\\', "/");
        let bytes = fs::read(dist.join(&file)).with_context(|| format!("reading {path}"))?;
        let text = String::from_utf8_lossy(&bytes);
        let mut tell = |what: String| wrong.push(format!("{path}: {what}"));
        if path.ends_with(".html") {
            of_markup(&path, &text, &mut tell);
        }
        if path.ends_with(".js") && !path.starts_with(SQLITE) {
            let found = SINKS.iter().filter(|sink| text.contains(*sink));
            found.for_each(|sink| tell(format!("`{sink}` makes code or markup of a text, or sends something")));
        }
        if !path.starts_with(SQLITE) {
            let known = |address: &&str| is_known(address, &cited, url);
            addresses(&text).filter(|a| !known(a)).for_each(|a| tell(format!("names {a}, which no article cites")));
        }
        if text.contains(&*paths::root().to_string_lossy()) && paths::root().components().count() > 2 {
            tell("names the folder that it was built in".to_owned());
        }
    }
    ensure!(wrong.is_empty(), "the site is not what its policy says:\n{}", wrong.join("\n"));
    Ok(())
}

/// The addresses that the sources of the site name: articles, the comments of the code that is shown, and those of labs.
fn cited() -> anyhow::Result<BTreeSet<String>> {
    let mut cited = BTreeSet::new();
    for folder in ["content", "sim/src", "src", "lab"] {
        let folder = paths::root().join(folder);
        for file in site::list_files(&folder)? {
            let text = fs::read_to_string(folder.join(&file)).with_context(|| format!("reading {}", file.display()))?;
            cited.extend(addresses(&text).map(str::to_owned));
        }
    }
    Ok(cited)
}

/// Without `--url` some files stand for an address that nobody knows yet.
const UNKNOWN: &str = "https://host/path/";

fn is_known(address: &str, cited: &BTreeSet<String>, url: Option<&str>) -> bool {
    let own = url.unwrap_or(UNKNOWN);
    // In a module, texts follow each other without an end.
    let is_cited = || cited.iter().any(|known| address.starts_with(known.as_str()));
    address.starts_with(own) || NAMESPACES.iter().any(|name| address.starts_with(name)) || is_cited()
}

/// Every whole address in a text, up to where it must end.
fn addresses(text: &str) -> impl Iterator<Item = &str> {
    let starts = text.match_indices("http").map(|(at, _)| &text[at..]);
    let whole = starts.filter(|rest| rest.starts_with("http://") || rest.starts_with("https://"));
    whole.filter_map(|rest| {
        let end = |c: char| c.is_whitespace() || c.is_control() || "\"'<>`()[]{}|\\^&\u{fffd}".contains(c);
        let address = &rest[..rest.find(end).unwrap_or(rest.len())];
        let address = address.trim_end_matches(['.', ',', ';', ':']);
        // The bare beginnings are code that looks at addresses.
        (address.len() > "https://".len()).then_some(address)
    })
}

/// A page, or a piece of one.
fn of_markup(path: &str, text: &str, tell: &mut dyn FnMut(String)) {
    if text.starts_with("<!DOCTYPE html>") {
        let head = text.split("</head>").next().unwrap_or_default();
        let before_loads = head.split("<link").next().unwrap_or_default().split("<script").next().unwrap_or_default();
        if before_loads.matches("http-equiv=\"Content-Security-Policy\"").count() != 1 {
            tell("has no policy before the first thing that it loads".to_owned());
        }
        let policy = text.split("Content-Security-Policy\" content=\"").nth(1).and_then(|rest| rest.split('"').next());
        let policy = policy.unwrap_or_default();
        for part in shell::MUST {
            let is_said = policy.split(';').any(|said| said.trim() == *part);
            let with_hash = path == NOT_FOUND && part.starts_with("script-src");
            if !is_said && !with_hash {
                tell(format!("its policy does not say `{part}`"));
            }
        }
        for never in ["unsafe-inline", "'unsafe-eval'", "data:", "http", "*"] {
            if policy.contains(never) {
                tell(format!("its policy allows {never}"));
            }
        }
    }
    for Tag { name, attributes, after } in tags(text) {
        for (attribute, value) in &attributes {
            let value = value.trim().to_lowercase();
            if attribute == "style" || attribute.starts_with("on") || attribute == "srcdoc" {
                tell(format!("<{name} {attribute}>: the policy forbids what stands in it"));
            }
            if value.starts_with("javascript:") || value.starts_with("data:") {
                tell(format!("<{name} {attribute}=\"{value}\">"));
            }
            let loads = matches!(attribute.as_str(), "src" | "srcset" | "action" | "data" | "poster")
                || (attribute == "href" && name != "a" && !attributes.iter().any(|(_, v)| v == "alternate"));
            if loads && value.contains("//") {
                tell(format!("<{name}> loads from {value}"));
            }
        }
        if name == "script" && !attributes.iter().any(|(attribute, _)| attribute == "src") {
            let script = after.split("</script>").next().unwrap_or_default();
            let hash = format!("'sha256-{}'", site::hash_base64(script.as_bytes()));
            if path != NOT_FOUND || !text.contains(&hash) {
                tell("has a script in it that the policy does not know".to_owned());
            }
        }
        if ["style", "base", "object", "embed", "iframe"].contains(&name) {
            tell(format!("has a <{name}>"));
        }
    }
}

struct Tag<'a> {
    name: &'a str,
    attributes: Vec<(String, String)>,
    /// What follows it.
    after: &'a str,
}

/// Every tag that opens an element. In our own pages each `<` that is no tag is escaped, but within the one script.
fn tags(text: &str) -> Vec<Tag<'_>> {
    let mut found: Vec<Tag> = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find('<') {
        rest = &rest[at + 1..];
        if !rest.starts_with(|c: char| c.is_ascii_alphabetic()) {
            continue;
        }
        let end = rest.find(|c: char| c.is_whitespace() || c == '>' || c == '/').unwrap_or(rest.len());
        let (name, tail) = rest.split_at(end);
        let (attributes, after) = attributes(tail);
        rest = if name == "script" { after.find("</script>").map_or("", |end| &after[end..]) } else { after };
        found.push(Tag { name, attributes, after });
    }
    found
}

/// The attributes of a tag, names in small letters, and what follows its end.
fn attributes(mut rest: &str) -> (Vec<(String, String)>, &str) {
    let mut all = Vec::new();
    loop {
        rest = rest.trim_start_matches(|c: char| c.is_whitespace() || c == '/');
        let Some(end) = rest.find(|c: char| c.is_whitespace() || "=>/".contains(c)) else { return (all, "") };
        let (name, tail) = rest.split_at(end);
        if name.is_empty() {
            return (all, tail.strip_prefix('>').unwrap_or(tail.get(1..).unwrap_or_default()));
        }
        let value = match tail.strip_prefix('=') {
            None => "",
            Some(tail) if tail.starts_with(['"', '\'']) => {
                let inner = &tail[1..];
                let end = inner.find(&tail[..1]).unwrap_or(inner.len());
                rest = inner.get(end + 1..).unwrap_or_default();
                all.push((name.to_lowercase(), inner[..end].to_owned()));
                continue;
            }
            Some(tail) => tail.split(|c: char| c.is_whitespace() || c == '>').next().unwrap_or_default(),
        };
        all.push((name.to_lowercase(), value.to_owned()));
        rest = if tail.starts_with('=') { &tail[1 + value.len()..] } else { tail };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(path: &str, text: &str) -> Vec<String> {
        let mut wrong = Vec::new();
        of_markup(path, text, &mut |what| wrong.push(what));
        wrong
    }

    #[test]
    fn attributes_are_read_however_they_are_written() {
        let (all, rest) = attributes(" A=1 b='x > y' c=\"\" d />rest");
        let all: Vec<(&str, &str)> = all.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!((all, rest), (vec![("a", "1"), ("b", "x > y"), ("c", ""), ("d", "")], "rest"));
    }

    #[test]
    fn what_the_policy_forbids_is_found() {
        for (markup, word) in [
            ("<p style=\"a\">", "style"),
            ("<p\nONCLICK=x>", "onclick"),
            ("<a href=' JavaScript:x'>", "javascript"),
            ("<img src=\"//host/x.png\">", "loads from"),
            ("<link rel=stylesheet href=\"https://host/x.css\">", "loads from"),
            ("<script>x()</script>", "script in it"),
            ("<style>p{}</style>", "<style>"),
            ("<iframe src=x>", "<iframe>"),
        ] {
            let wrong = wrong("code/a.html", markup);
            assert!(wrong.len() == 1 && wrong[0].contains(word), "{markup}: {wrong:?}");
        }
        assert!(
            wrong("a.html", "<a href=\"https://host/\">x</a> &lt;p style=\"x\"> <img alt=\"on\" src=\"./x.png\">")
                .is_empty()
        );
    }

    #[test]
    fn a_page_without_the_whole_policy_is_told() {
        let page = |policy: &str| {
            format!("<!DOCTYPE html><head><meta http-equiv=\"Content-Security-Policy\" content=\"{policy}\"></head>")
        };
        let whole = shell::MUST.join("; ");
        assert!(wrong("a.html", &page(&whole)).is_empty());
        assert!(wrong("a.html", &page(&whole.replace("object-src 'none'", ""))).len() == 1);
        assert!(!wrong("a.html", &page(&format!("{whole}; img-src *"))).is_empty());
        assert!(!wrong("a.html", "<!DOCTYPE html><head></head>").is_empty());
    }

    #[test]
    fn foreign_addresses_are_told_from_cited_ones() {
        let cited: BTreeSet<String> = ["https://a.org/paper", "https://b.org/"].map(str::to_owned).into();
        let known = |address: &str| is_known(address, &cited, None);
        assert!(
            known("https://a.org/paper")
                && known("https://a.org/paper.Then more")
                && known("http://www.w3.org/2000/svg")
        );
        assert!(!known("https://a.org/other") && !known("https://c.org/"));
        assert_eq!(
            addresses("see (https://a.org/x), \"http://\" and http://b.org.").collect::<Vec<_>>(),
            ["https://a.org/x", "http://b.org"]
        );
    }
}
