//! The labs of `lab/`: scripts and styles that a page fetches when the reader opens its lab, and not before.
//!
//! ```text
//! lab/*.js, lab/*.css ----------------------> assets/<name>-<hash>.js, .css, with the hashed names inside
//! e2e/node_modules/@sqlite.org/sqlite-wasm -> assets/sqlite3-<hash>.js, .wasm, as they are
//! ```
//!
//! The files name each other as `"./sql-plan.js"`, so the folder works unbuilt beside SQLite's two files.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, bail};

use crate::bundle::{files_of, write_hashed};
use crate::step::step;
use crate::{node, paths};

/// What a page with a lab loads at once: a few lines that wait for the fold to be opened.
const LOADER: &str = "lab.js";

/// Writes the labs into `assets`; returns the name of the loader.
pub fn build(assets: &Path) -> anyhow::Result<String> {
    node::ensure_packages()?;
    step("labs", || {
        let sqlite = paths::e2e().join("node_modules/@sqlite.org/sqlite-wasm/dist");
        let mut names = BTreeMap::new();
        for (name, file) in [("sqlite3.js", "index.mjs"), ("sqlite3.wasm", "sqlite3.wasm")] {
            let bytes = fs::read(sqlite.join(file)).with_context(|| format!("reading SQLite's {file}"))?;
            add(&mut names, assets, name, &bytes)?;
        }
        let mut waiting = BTreeMap::new();
        for path in ["js", "css"].into_iter().map(|kind| files_of(&paths::root().join("lab"), kind)) {
            for path in path? {
                let name = path.file_name().and_then(|name| name.to_str()).context("a file name that is not UTF-8")?;
                waiting.insert(name.to_owned(), fs::read_to_string(&path)?);
            }
        }
        // A file's own name depends on the names inside it, so those come first.
        while !waiting.is_empty() {
            let is_ready = |text: &String| named_in(text).all(|name| names.contains_key(name));
            let Some(name) = waiting.iter().find(|(_, text)| is_ready(text)).map(|(name, _)| name.clone()) else {
                let left: Vec<&str> = waiting.keys().map(String::as_str).collect();
                bail!(
                    "lab/ holds files that import each other in a circle, or one that is missing: {}",
                    left.join(", ")
                );
            };
            let text = renamed(&waiting.remove(&name).unwrap_or_default(), &names);
            add(&mut names, assets, &name, text.as_bytes())?;
        }
        names.remove(LOADER).with_context(|| format!("lab/{LOADER} is missing"))
    })
}

fn add(names: &mut BTreeMap<String, String>, assets: &Path, name: &str, bytes: &[u8]) -> anyhow::Result<()> {
    let (stem, extension) = name.split_once('.').with_context(|| format!("lab/{name} has no extension"))?;
    names.insert(name.to_owned(), write_hashed(assets, stem, extension, bytes)?);
    Ok(())
}

/// The files that `text` names, as `"./name"`.
fn named_in(text: &str) -> impl Iterator<Item = &str> {
    text.split("\"./").skip(1).filter_map(|rest| rest.split('"').next())
}

fn renamed(text: &str, names: &BTreeMap<String, String>) -> String {
    names.iter().fold(text.to_owned(), |text, (name, hashed)| {
        text.replace(&format!("\"./{name}\""), &format!("\"./{hashed}\""))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_inside_a_file_become_the_hashed_ones() {
        let names = BTreeMap::from([("a.js".to_owned(), "a-1.js".to_owned())]);
        let text = "import { x } from \"./a.js\"; // a.js\nconst u = \"./b.css\";";
        assert_eq!(named_in(text).collect::<Vec<_>>(), ["a.js", "b.css"]);
        assert_eq!(renamed(text, &names), "import { x } from \"./a-1.js\"; // a.js\nconst u = \"./b.css\";");
    }
}
