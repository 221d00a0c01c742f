//! `cargo xtask new-question <slug>`: the four files of a question and its lines in the two lists.
//!
//! The files are a small question that works: a line and a few workers. It builds, plays and passes its own
//! experiment, so that every change from there on can be seen.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context, bail};

use crate::args::{Args, Misuse};
use crate::paths;

/// A file that will be made.
struct New {
    path: PathBuf,
    text: String,
}

/// `cargo xtask new-question <slug>`
pub fn command(args: &mut Args) -> anyhow::Result<()> {
    let slug =
        args.word().ok_or_else(|| Misuse(format!("which question? expected one of {}", press::SLUGS.join(", "))))?;
    args.finish()?;
    if !press::SLUGS.contains(&slug.as_str()) {
        let known = press::SLUGS.join(", ");
        return Err(
            Misuse(format!("`{slug}` is not in press::SLUGS, the list of all questions; it has {known}")).into()
        );
    }
    let names = Names::of(&slug);
    let files = [
        ("content", format!("{slug}.md"), include_str!("../templates/article.md")),
        ("sim/src/questions", format!("{}.rs", names.module), include_str!("../templates/model.rs.txt")),
        ("src/widgets", format!("{}.rs", names.module), include_str!("../templates/picture.rs.txt")),
        ("sim/tests", format!("{}.rs", names.module), include_str!("../templates/laws.rs.txt")),
    ];
    let root = paths::root();
    let files =
        files.map(|(folder, name, template)| New { path: root.join(folder).join(name), text: names.fill(template) });
    for file in &files {
        let folder = file.path.with_extension("");
        if file.path.exists() || folder.is_dir() {
            bail!("{} is there already; nothing was changed", file.path.display());
        }
    }
    let lists = [
        (root.join("sim/src/questions/mod.rs"), format!("    &{}::QUESTION,\n", names.module)),
        (root.join("src/widgets/mod.rs"), format!("    &{}::PICTURE,\n", names.module)),
    ];
    let mut edited = Vec::new();
    for (path, entry) in &lists {
        let text = fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
        let text = with_entry(&text, &names.module, entry).with_context(|| {
            format!("{} has no `pub mod` lines or no `pub static ALL: .. = &[ .. ];`", path.display())
        })?;
        edited.push(text);
    }
    for file in &files {
        fs::write(&file.path, &file.text).with_context(|| format!("writing {}", file.path.display()))?;
        println!("made    {}", file.path.strip_prefix(&root)?.display());
    }
    for ((path, _), text) in lists.iter().zip(edited) {
        fs::write(path, text).with_context(|| format!("writing {}", path.display()))?;
        println!("changed {}", path.strip_prefix(&root)?.display());
    }
    // How lines break depends on how long the names are. Without rustfmt, the next `cargo xtask test` says so.
    let sources =
        files.iter().map(|file| &file.path).filter(|path| path.extension().is_some_and(|found| found == "rs"));
    _ = Command::new("rustfmt")
        .args(["--edition", "2024"])
        .args(sources)
        .current_dir(&root)
        .stderr(Stdio::null())
        .status();
    println!("It works as it is: `cargo run -q --release -p sim -- check {slug}`, then `cargo xtask serve`.");
    Ok(())
}

/// The names that follow from a slug.
struct Names {
    slug: String,
    /// `traffic_spike_10x`
    module: String,
    /// `TrafficSpike10x`
    model: String,
    /// `Traffic spike 10x`
    short: String,
}

impl Names {
    fn of(slug: &str) -> Self {
        let capital = |word: &str| {
            let mut letters = word.chars();
            letters.next().map_or(String::new(), |first| first.to_uppercase().chain(letters).collect())
        };
        Self {
            slug: slug.to_owned(),
            module: slug.replace('-', "_"),
            model: slug.split('-').map(capital).collect(),
            short: capital(&slug.replace('-', " ")),
        }
    }

    fn fill(&self, template: &str) -> String {
        template
            .replace("SLUG", &self.slug)
            .replace("MODULE", &self.module)
            .replace("MODEL", &self.model)
            .replace("SHORT", &self.short)
    }
}

/// The list file with one more module, in order, and one more entry at the end of `ALL`.
fn with_entry(text: &str, module: &str, entry: &str) -> Option<String> {
    let line = format!("pub mod {module};");
    let mut lines: Vec<&str> = text.lines().collect();
    let first = lines.iter().position(|line| line.starts_with("pub mod "))?;
    let count = lines[first..].iter().take_while(|line| line.starts_with("pub mod ")).count();
    let at = lines[first..first + count].partition_point(|other| *other < line.as_str());
    lines.insert(first + at, &line);
    let text = lines.join("\n") + "\n";

    let start = text.find("pub static ALL:")?;
    let open = start + text[start..].find("&[\n").or_else(|| text[start..].find("= &["))?;
    let close = open + text[open..].find("];")?;
    let body = &text[..close];
    let separator = if body.ends_with('\n') { "" } else { "\n" };
    Some(format!("{body}{separator}{entry}{}", &text[close..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_from_the_slug() {
        let names = Names::of("traffic-spike-10x");
        assert_eq!(
            names.fill("SLUG MODULE MODEL SHORT"),
            "traffic-spike-10x traffic_spike_10x TrafficSpike10x Traffic spike 10x"
        );
    }

    #[test]
    fn a_list_gets_its_module_in_order_and_its_entry_last() {
        let list = "//! x\n\npub mod a;\npub mod c;\n\npub static ALL: &[&Q] = &[\n    &a::Q,\n    &c::Q,\n];\n";
        let after = with_entry(list, "b", "    &b::Q,\n").unwrap();
        let expected = "//! x\n\npub mod a;\npub mod b;\npub mod c;\n\npub static ALL: &[&Q] = &[\n    &a::Q,\n    &c::Q,\n    &b::Q,\n];\n";
        assert_eq!(after, expected);
    }

    #[test]
    fn the_article_of_a_new_question_is_sound() {
        let names = Names::of("backpressure");
        let article = names.fill(include_str!("../templates/article.md"));
        press::parse("backpressure.md", &article).map(|_| ()).unwrap_or_else(|problems| panic!("{problems:?}"));
    }
}
