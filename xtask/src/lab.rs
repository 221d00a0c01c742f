//! The labs of `lab/`: scripts and styles that a page fetches when the reader opens its lab, and not before.
//!
//! ```text
//! lab/*.js, lab/*.css ----------------------> assets/<name>-<hash>.js, .css, with the hashed names inside
//! e2e/node_modules/@sqlite.org/sqlite-wasm -> assets/sqlite3-<hash>.js, .wasm, as they are
//! labs/<name>/, a crate `lab-<name>` -------> assets/<name>-<hash>.js, its glue, and .wasm
//! ```
//!
//! The files name each other as `"./sql-plan.js"`, so the folder works unbuilt beside what is made for it.
//!
//! A lab in Rust is a folder in `labs/` with a package `lab-<folder>`, whose functions for the page carry
//! `#[wasm_bindgen]`. Its script imports the glue, `import start, { encode } from "./wire.js"`, and once awaits
//! `start({ module_or_path: new URL("./wire.wasm", import.meta.url) })`, which fetches the module.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, bail};

use crate::args::Args;
use crate::bundle::{build_small, empty, files_of, minify, write_hashed};
use crate::step::step;
use crate::{node, paths};

/// What a page with a lab loads at once: a few lines that wait for the fold to be opened.
const LOADER: &str = "lab.js";

/// `cargo xtask labs`
pub fn command(args: &mut Args) -> anyhow::Result<()> {
    args.finish()?;
    let assets = paths::target().join("xtask/bundle-labs");
    empty(&assets)?;
    build(&assets)?;
    for kind in ["wasm", "js", "css"] {
        for path in files_of(&assets, kind)? {
            println!("{:>9} bytes  {}", fs::metadata(&path)?.len(), path.display());
        }
    }
    Ok(())
}

/// Writes the labs into `assets`; returns the name of the loader.
pub fn build(assets: &Path) -> anyhow::Result<String> {
    node::ensure_packages()?;
    let crates = build_crates()?;
    step("labs", || {
        let sqlite = paths::e2e().join("node_modules/@sqlite.org/sqlite-wasm/dist");
        let mut names = BTreeMap::new();
        for (name, file) in [("sqlite3.js", "index.mjs"), ("sqlite3.wasm", "sqlite3.wasm")] {
            let bytes = fs::read(sqlite.join(file)).with_context(|| format!("reading SQLite's {file}"))?;
            add(&mut names, assets, name, &bytes)?;
        }
        for (name, Built { glue, wasm }) in crates {
            add(&mut names, assets, &format!("{name}.wasm"), &wasm)?;
            add(&mut names, assets, &format!("{name}.js"), glue.as_bytes())?;
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

/// A lab in Rust, built for the browser.
struct Built {
    /// Names nothing of ours: it is told where its module is.
    glue: String,
    wasm: Vec<u8>,
}

/// Builds the crates of `labs/`. Always as they are published: they are small, and cargo keeps what has not changed.
fn build_crates() -> anyhow::Result<BTreeMap<String, Built>> {
    let mut built = BTreeMap::new();
    for entry in fs::read_dir(paths::root().join("labs")).context("listing labs/")? {
        let folder = entry?.path();
        if !folder.join("Cargo.toml").exists() {
            continue;
        }
        let name = folder.file_name().and_then(|name| name.to_str()).context("a folder name that is not UTF-8")?;
        let out = paths::target().join("xtask/labs").join(name);
        build_small(&format!("lab-{name}"), name, &out)?;
        let glue = out.join(format!("{name}.js"));
        minify(&glue)?;
        let glue = fs::read_to_string(glue)?;
        let wasm = fs::read(out.join(format!("{name}_bg.wasm")))?;
        built.insert(name.to_owned(), Built { glue, wasm });
    }
    Ok(built)
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
