//! The repository is tidy: what a reviewer would have to say again and again is said here.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// What people write. Generated and fetched files lie elsewhere.
const FOLDERS: &[&str] = &["src", "sim", "press", "xtask", "bench", "content", "style", "lab", "labs", "e2e", "tests"];
const FILES: &[&str] = &["README.md", "SECURITY.md", "Cargo.toml", "deny.toml", "build.rs"];
const GENERATED: &[&str] = &["target", "node_modules", "test-results", "dist"];

/// A file that is longer wants to be two.
const LINES_MAX: usize = 1_000;
/// A question's model is one argument told in one piece; its bound is wider.
const QUESTION_LINES_MAX: usize = 1_700;

struct File {
    /// Below the repository, with forward slashes.
    path: String,
    text: String,
}

impl File {
    fn is(&self, extension: &str) -> bool {
        self.path.ends_with(&format!(".{extension}"))
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask/ lies inside the repository").to_owned()
}

fn files() -> Vec<File> {
    let mut paths: Vec<PathBuf> = FILES.iter().map(|name| root().join(name)).collect();
    let mut folders: Vec<PathBuf> = FOLDERS.iter().map(|name| root().join(name)).filter(|path| path.exists()).collect();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a readable folder") {
            let path = entry.expect("a readable entry").path();
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            match path.is_dir() {
                true if !GENERATED.contains(&name) => folders.push(path),
                false
                    if ["rs", "toml", "css", "js", "md", "svg"]
                        .iter()
                        .any(|known| name.ends_with(&format!(".{known}"))) =>
                {
                    paths.push(path);
                }
                _ => {}
            }
        }
    }
    paths.sort();
    let relative = |path: &Path| path.strip_prefix(root()).expect("inside").to_string_lossy().replace('\\', "/");
    paths
        .iter()
        .map(|path| File { path: relative(path), text: fs::read_to_string(path).expect("UTF-8 text") })
        .collect()
}

/// Fails with every offending line that `offends` reports, as `path:line: reason`.
fn expect_clean(offends: impl Fn(&File, &str) -> Option<String>) {
    let mut found = Vec::new();
    // This file names what it forbids.
    for file in files().iter().filter(|file| !file.path.ends_with("tests/tidy.rs")) {
        for (at, line) in file.text.lines().enumerate() {
            if let Some(reason) = offends(file, line) {
                found.push(format!("{}:{}: {reason}: {}", file.path, at + 1, line.trim()));
            }
        }
    }
    assert!(found.is_empty(), "\n{}", found.join("\n"));
}

#[test]
fn nothing_is_left_for_later() {
    let marks = [
        "todo!(",
        "unimplemented!(",
        "TODO",
        "FIXME",
        "XXX",
        "#[ignore",
        "test.skip",
        "test.fixme",
        "test.only",
        "dbg!(",
    ];
    expect_clean(|_, line| {
        marks.iter().find(|mark| line.contains(*mark)).map(|mark| format!("`{mark}` marks unfinished work"))
    });
    let words = ["lorem ipsum", "placeholder text", "coming soon", "to be written", "tbd"];
    expect_clean(|file, line| {
        let line = line.to_lowercase();
        let mut found = words.iter().filter(|word| {
            line.split(|c: char| !c.is_alphabetic() && c != ' ')
                .any(|part| part.trim() == **word || (word.contains(' ') && part.contains(*word)))
        });
        (!file.is("toml"))
            .then(|| found.next())
            .flatten()
            .map(|word| format!("\"{word}\" stands for text that is missing"))
    });
}

#[test]
fn no_unsafe_code() {
    expect_clean(|file, line| {
        let code = line.split("//").next().unwrap_or_default();
        let is_code = file.is("rs")
            && code.split(|c: char| !c.is_alphanumeric() && c != '_' && c != '-').any(|word| word == "unsafe");
        is_code.then(|| "unsafe code".to_owned())
    });
}

#[test]
fn nothing_inline_that_the_policy_forbids() {
    // `default-src 'self'` allows neither style attributes nor event handlers in HTML.
    expect_clean(|file, line| {
        let is_markup = file.path.starts_with("src/") || file.path.starts_with("content/");
        let inline = [
            " style=\"",
            " style=move",
            " style:display=",
            " style:width=",
            " style:height=",
            " onclick=",
            " javascript:",
        ];
        inline
            .iter()
            .find(|pattern| is_markup && line.contains(*pattern))
            .map(|pattern| format!("`{}` is refused by the page's policy", pattern.trim()))
    });
}

#[test]
fn no_text_becomes_markup_or_code() {
    // In Rust, by any of the browser's names for it, but for the native half of the one type that is markup.
    let rust =
        ["set_inner_html", "set_outer_html", "insert_adjacent_html", "DomParser", "Function::new_", "set_srcdoc"];
    let script = [
        "innerHTML",
        "outerHTML",
        "insertAdjacentHTML",
        "document.write",
        "createContextualFragment",
        "DOMParser",
        "srcdoc",
        "eval(",
        "new Function",
    ];
    expect_clean(|file, line| {
        let ours = |folder: &str| file.path.starts_with(folder);
        let sinks: &[&str] = match file.path.rsplit('.').next() {
            Some("rs") if (ours("src/") || ours("labs/")) && file.path != "src/ui/markup.rs" => &rust,
            Some("js") if ours("lab/") || ours("xtask/web/") => &script,
            _ => &[],
        };
        sinks.iter().find(|sink| line.contains(*sink)).map(|sink| format!("`{sink}` makes markup or code of a text"))
    });
}

#[test]
fn files_are_short_enough_to_read() {
    let mut long = Vec::new();
    for file in files() {
        let is_question = file.path.starts_with("sim/src/questions/") || file.path.starts_with("content/");
        let most = if is_question { QUESTION_LINES_MAX } else { LINES_MAX };
        let lines = file.text.lines().count();
        if lines > most {
            long.push(format!("{}: {lines} lines, at most {most}", file.path));
        }
    }
    assert!(long.is_empty(), "\n{}", long.join("\n"));
}

#[test]
fn text_is_plain() {
    expect_clean(|_, line| {
        line.contains('\t')
            .then(|| "a tab".to_owned())
            .or_else(|| line.ends_with(' ').then(|| "a space at the end of the line".to_owned()))
    });
    expect_clean(|file, line| {
        // Pictographs; arrows, checks and mathematical signs are text. Tests may feed on anything.
        let found = line.chars().find(|c| matches!(u32::from(*c), 0x1F000..=0x1FAFF | 0xFE0F));
        found.filter(|_| !file.path.contains("/tests/")).map(|c| format!("an emoji, {c}"))
    });
    expect_clean(|file, line| {
        let machine = ["/home/", "/root/", "/tmp/", "C:\\"];
        let reads_paths = file.is("rs") || file.is("js") || file.is("md");
        machine
            .iter()
            .find(|path| reads_paths && line.contains(*path))
            .map(|path| format!("a path of one machine, `{path}`"))
    });
}

/// The question's slug from a file name: `rate_limiter_design.rs` and `rate-limiter-design.md` are the same question.
fn slugs(folder: &str) -> BTreeSet<String> {
    let entries = fs::read_dir(root().join(folder)).unwrap_or_else(|error| panic!("{folder}: {error}"));
    entries
        .filter_map(|entry| {
            entry.expect("a readable entry").path().file_stem()?.to_str().map(|stem| stem.replace('_', "-"))
        })
        // What the pictures share is no question.
        .filter(|slug| !["mod", "README", "COVERAGE", "seen", "check"].contains(&slug.as_str()))
        .collect()
}

#[test]
fn every_question_has_its_three_files() {
    let (texts, models, pictures) = (slugs("content"), slugs("sim/src/questions"), slugs("src/widgets"));
    let listed = fs::read_to_string(root().join("sim/src/questions/mod.rs")).expect("the list of questions");
    assert!(!models.is_empty());
    for slug in texts.union(&models).chain(&pictures).collect::<BTreeSet<_>>() {
        assert!(texts.contains(slug), "content/{slug}.md is missing");
        assert!(models.contains(slug), "sim/src/questions/ has no model for {slug}");
        assert!(pictures.contains(slug), "src/widgets/ has no picture for {slug}");
        let module = slug.replace('-', "_");
        assert!(listed.contains(&format!("&{module}::")), "{slug} is not in sim::questions::ALL");
    }
}

#[test]
fn every_block_explains_itself() {
    for file in
        files().iter().filter(|file| file.path.starts_with("sim/src/blocks/") && !file.path.ends_with("/mod.rs"))
    {
        let header: Vec<&str> = file.text.lines().take_while(|line| line.starts_with("//!")).collect();
        let all = header.join("\n").to_lowercase();
        assert!(
            header.len() >= 5,
            "{}: the header says what is modelled, where it stands and what is left out",
            file.path
        );
        assert!(all.contains("```text"), "{}: the header has no picture of the block's place", file.path);
        assert!(
            all.contains("leaves out") || all.contains("left out"),
            "{}: the header does not say what the model leaves out",
            file.path
        );
    }
}
