//! The Node side: the tools of `e2e/package.json`, installed once per lock file.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context, bail};

use crate::paths;
use crate::step::{run, step};

/// Installs the packages of `e2e/package-lock.json` unless exactly these are there already.
pub fn ensure_packages() -> anyhow::Result<()> {
    let lock = fs::read(paths::e2e().join("package-lock.json")).context("reading e2e/package-lock.json")?;
    let wanted = crate::site::hash_hex(&lock);
    let stamp = paths::e2e().join("node_modules/.lock-hash");
    if fs::read_to_string(&stamp).is_ok_and(|have| have == wanted) {
        return Ok(());
    }
    let found = Command::new("node").arg("--version").stderr(Stdio::null()).output();
    if !found.is_ok_and(|output| output.status.success()) {
        bail!("Node is needed and `node` does not run; install Node 20 or newer with npm");
    }
    step("npm ci in e2e/ (Playwright, axe, wasm-opt, terser, SQLite; no browser is downloaded)", || {
        run(Command::new("npm")
            .args(["ci", "--no-audit", "--no-fund", "--loglevel=error"])
            .env("PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD", "1")
            .current_dir(paths::e2e()))
    })?;
    fs::write(&stamp, wanted).context("writing the stamp of npm ci")
}

/// What shrinks the modules that it is given, each into a file beside it: `a.wasm` into `a.small.wasm`.
pub fn wasm_opt() -> anyhow::Result<Command> {
    ensure_packages()?;
    Ok(tool("support/wasm-opt.js"))
}

/// What says how large files are after brotli, a line for each.
pub fn brotli() -> anyhow::Result<Command> {
    ensure_packages()?;
    Ok(tool("support/brotli.js"))
}

/// The minifier of JavaScript.
pub fn terser() -> anyhow::Result<Command> {
    ensure_packages()?;
    Ok(tool("node_modules/terser/bin/terser"))
}

/// Playwright's test runner, started in `e2e/`.
pub fn playwright() -> anyhow::Result<Command> {
    ensure_packages()?;
    let mut command = tool("node_modules/@playwright/test/cli.js");
    command.current_dir(paths::e2e()).arg("test");
    Ok(command)
}

fn tool(script: &str) -> Command {
    let script: PathBuf = paths::e2e().join(script);
    let mut command = Command::new("node");
    command.arg(script);
    command
}
