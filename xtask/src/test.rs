//! `cargo xtask test`: everything that is checked, the quick and native parts first.

use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{anyhow, bail};

use crate::args::{Args, Misuse};
use crate::native::PACKAGES;
use crate::server::{Server, Site};
use crate::step::{cargo, run, step};
use crate::{audit, browser, bundle, native, node, paths, results, site};

/// The browser tests see the site under a path of some depth, as a blog or a preview would have it.
const PREFIX: &str = "/some/prefix/";

/// What the property tests draw their cases from; proptest reads it.
const SEED: &str = "PROPTEST_RNG_SEED";

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
    audit::test()?;
    step("cargo fmt --check", || run(&mut cargo(["fmt", "--all", "--check"])))?;
    step("clippy, native", || {
        run(cargo(["clippy"]).args(PACKAGES).args(["--all-targets", "--", "-D", "warnings"]))?;
        run(&mut cargo(["clippy", "-p", "xtask", "--all-targets", "--", "-D", "warnings"]))
    })?;
    step("clippy, browser", bundle::clippy)?;
    // The experiments of content/ and the laws of theory are among the tests; the page /accuracy shows what they measured.
    // The same cases every time: what a commit is told does not depend on luck. Others are a matter of `PROPTEST_RNG_SEED`.
    let seed = std::env::var(SEED).unwrap_or_else(|_| "1122".to_owned());
    println!("{SEED}={seed} MORE_CASES={}", std::env::var("MORE_CASES").unwrap_or_else(|_| "1".to_owned()));
    results::kept(|folder| {
        step("cargo test", || run(cargo(["test"]).args(PACKAGES).env(results::VARIABLE, folder).env(SEED, &seed)))
    })?;
    step("cargo test -p xtask", || run(&mut cargo(["test", "-p", "xtask"])))
}

/// Builds the site, serves it, and lets Playwright loose on it.
fn browser_tests() -> anyhow::Result<()> {
    let chromium = browser::ensure()?;
    // Fetching the other browsers waits for the network, building for the processor.
    let engines = std::thread::spawn(browser::engines);
    node::ensure_packages()?;
    site::build_dist(None)?;
    let sim = native::sim()?;
    let results = results::fresh()?;
    let server = Server::bind(None, Some(PREFIX.to_owned()))?;
    let address = server.address()?;
    server.start(Site::new(paths::dist(), false));
    let tests = |words: &[&str], engines: &browser::Engines| {
        let mut playwright = node::playwright()?;
        if let Some(firefox) = &engines.firefox {
            playwright.env("FIREFOX", firefox);
        }
        run(playwright
            .args(words)
            .env("BASE_URL", &address)
            .env("CHROMIUM", &chromium)
            .env("ENGINES", &engines.names)
            .env("SIM", &sim)
            .env("RESULTS", &results)
            .stdin(Stdio::null()))
    };
    let engines = engines.join().map_err(|_| anyhow!("looking for the other browsers panicked"))??;
    step("Playwright", || tests(&[], &engines))?;
    step(&format!("Playwright in {}", engines.names), || tests(&["-c", "cross.config.js"], &engines))
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
