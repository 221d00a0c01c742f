//! What the engine measured: the experiments of `content/`, the laws of theory, the golden digests.
//!
//! The page `/accuracy` shows them, and the browser tests compare digests with them. Measuring takes half a minute, and
//! `cargo test` does most of it anyway, so results are kept with a mark of the sources that they are of:
//!
//! ```text
//!  cargo xtask test    tests --> experiments.json, laws.json --+
//!                                                              +--> fresh() --> the prerender, the browser tests
//!  cargo xtask dist    sim check, sim accuracy ----------------+
//! ```

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context;

use crate::site::hash_hex;
use crate::step::{output, step};
use crate::{bundle, native, paths};

/// The variable by which the tests know where to leave what they measured.
pub const VARIABLE: &str = "BREAKABLE_RESULTS";

/// What the results depend on.
const SOURCES: &[&str] = &["sim/src", "press/src", "content", "Cargo.lock"];
const MARK: &str = "sources";

pub fn folder() -> PathBuf {
    paths::target().join("xtask/results")
}

/// The results of the sources as they are, if there are any.
pub fn if_fresh() -> anyhow::Result<Option<PathBuf>> {
    let folder = folder();
    Ok(fs::read_to_string(folder.join(MARK)).is_ok_and(|of| mark().is_ok_and(|now| of == now)).then_some(folder))
}

/// The results of the sources as they are, measured if need be. An experiment or a law that fails is an error.
pub fn fresh() -> anyhow::Result<PathBuf> {
    if let Some(folder) = if_fresh()? {
        return Ok(folder);
    }
    let sim = native::sim()?;
    let ask = |words: [&str; 2]| output(Command::new(&sim).args(words).current_dir(paths::root()));
    kept(|folder| {
        for (name, command) in [("experiments", "check"), ("laws", "accuracy")] {
            step(&format!("sim {command}"), || {
                fs::write(folder.join(format!("{name}.json")), ask([command, "--json"])?).context("keeping results")
            })?;
        }
        Ok(())
    })?;
    Ok(folder())
}

/// Runs what leaves `experiments.json` and `laws.json` in the folder it is given, adds the digests, and marks the results.
pub fn kept(measure: impl FnOnce(&Path) -> anyhow::Result<()>) -> anyhow::Result<()> {
    let folder = folder();
    bundle::empty(&folder)?;
    // Of the sources before it began: what changes meanwhile makes the results old.
    let mark = mark()?;
    measure(&folder)?;
    let sim = native::sim()?;
    step("sim golden: the digests the browser must reproduce", || {
        let digests = output(Command::new(&sim).args(["golden", "--json"]).current_dir(paths::root()))?;
        fs::write(folder.join("golden.json"), digests).context("keeping the digests")
    })?;
    for name in ["experiments.json", "laws.json"] {
        anyhow::ensure!(folder.join(name).is_file(), "the tests left no {name} in {}", folder.display());
    }
    fs::write(folder.join(MARK), mark).context("marking the results")
}

/// A hash of all sources, by name and content.
fn mark() -> anyhow::Result<String> {
    let mut files = Vec::new();
    for source in SOURCES {
        let path = paths::root().join(source);
        if path.is_dir() {
            collect(&path, &mut files)?;
        } else {
            files.push(path);
        }
    }
    files.sort();
    let mut all = Vec::new();
    for path in files {
        let name = path.strip_prefix(paths::root()).unwrap_or(&path);
        all.extend(name.to_string_lossy().as_bytes());
        all.extend(hash_hex(&fs::read(&path).with_context(|| format!("reading {}", path.display()))?).as_bytes());
    }
    Ok(hash_hex(&all))
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    for entry in fs::read_dir(folder).with_context(|| format!("listing {}", folder.display()))? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, files)?;
        } else {
            files.push(path);
        }
    }
    Ok(())
}
