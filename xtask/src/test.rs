//! `cargo xtask test`: everything that is checked, the quick and native parts first.

use std::fs;
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, bail};

use crate::args::{Args, Misuse};
use crate::native::PACKAGES;
use crate::server::{Server, Site};
use crate::step::{cargo, output, run, step};
use crate::{browser, bundle, native, node, paths, site};

/// The browser tests see the site under a path of some depth, as a blog or a preview would have it.
const PREFIX: &str = "/some/prefix/";

/// `cargo xtask test [--native | --browser]`
pub fn command(args: &mut Args) -> anyhow::Result<()> {
    let (native_only, browser_only) = (args.flag("--native"), args.flag("--browser"));
    args.finish()?;
    if native_only && browser_only {
        return Err(
            Misuse("--native and --browser exclude each other; leave both out for everything".to_owned()).into()
        );
    }
    let start = Instant::now();
    if !browser_only {
        native_tests()?;
    }
    if !native_only {
        browser_tests()?;
    }
    println!("cargo xtask test: all steps passed in {:.0} s", start.elapsed().as_secs_f64());
    Ok(())
}

fn native_tests() -> anyhow::Result<()> {
    ensure_component("fmt", "rustfmt")?;
    ensure_component("clippy", "clippy")?;
    step("cargo fmt --check", || run(&mut cargo(["fmt", "--all", "--check"])))?;
    step("clippy, native", || {
        run(cargo(["clippy"]).args(PACKAGES).args(["--all-targets", "--", "-D", "warnings"]))?;
        run(&mut cargo(["clippy", "-p", "xtask", "--all-targets", "--", "-D", "warnings"]))
    })?;
    step("clippy, browser", bundle::clippy)?;
    step("cargo test", || {
        run(cargo(["test"]).args(PACKAGES))?;
        run(&mut cargo(["test", "-p", "xtask"]))
    })?;
    let sim = native::sim()?;
    step("sim check: the experiments of content/", || run(Command::new(sim).arg("check").current_dir(paths::root())))
}

/// Builds the site, serves it, and lets Playwright loose on it.
fn browser_tests() -> anyhow::Result<()> {
    let chromium = browser::ensure()?;
    node::ensure_packages()?;
    site::build_dist(None)?;
    let sim = native::sim()?;
    let golden = paths::target().join("xtask/golden.json");
    step("sim golden: the digests the browser must reproduce", || {
        let digests = output(Command::new(&sim).args(["golden", "--json"]).current_dir(paths::root()))?;
        fs::write(&golden, digests).context("writing golden.json")
    })?;
    let server = Server::bind(None, Some(PREFIX.to_owned()))?;
    let address = server.address()?;
    server.start(Site::new(paths::dist(), false));
    step("Playwright", || {
        run(node::playwright()?
            .env("BASE_URL", &address)
            .env("CHROMIUM", &chromium)
            .env("SIM", &sim)
            .env("GOLDEN", &golden)
            .stdin(Stdio::null()))
    })
}

/// Adds a part of the toolchain when a minimal installation lacks it.
fn ensure_component(subcommand: &str, component: &str) -> anyhow::Result<()> {
    let works = cargo([subcommand, "--version"]).stdout(Stdio::null()).stderr(Stdio::null()).status()?.success();
    if works {
        return Ok(());
    }
    step(&format!("rustup component add {component}"), || {
        run(Command::new("rustup").args(["component", "add", component]))
    })?;
    if !cargo([subcommand, "--version"]).stdout(Stdio::null()).status()?.success() {
        bail!("`cargo {subcommand}` does not run although rustup added {component}");
    }
    Ok(())
}
