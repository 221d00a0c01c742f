//! The native programs of the workspace.
//!
//! One set of packages and features everywhere: cargo unifies features within an invocation, and a different
//! set would compile everything again. `ssr` and `csr` must never meet, so xtask (which is running) and the
//! browser build stay outside.

use std::path::PathBuf;

use crate::paths;
use crate::step::{cargo, run, step};

/// The packages and features of every native invocation.
pub const PACKAGES: &[&str] = &["--workspace", "--exclude", "xtask", "--features", "breakable/ssr"];

/// Builds the prerenderer and returns where it is.
pub fn prerender() -> anyhow::Result<PathBuf> {
    binary("prerender")
}

/// Builds the headless runner and returns where it is.
pub fn sim() -> anyhow::Result<PathBuf> {
    binary("sim")
}

fn binary(name: &str) -> anyhow::Result<PathBuf> {
    step(&format!("cargo: {name}"), || run(cargo(["build"]).args(PACKAGES).args(["--bin", name])))?;
    Ok(paths::target().join("debug").join(format!("{name}{}", std::env::consts::EXE_SUFFIX)))
}
