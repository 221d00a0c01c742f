//! `cargo xtask monkey`: random hands on the finished site (e2e/monkey/), every question in turn.

use std::process::Command;

use crate::args::{Args, Misuse};
use crate::server::{Server, Site};
use crate::step::run;
use crate::{browser, native, node, paths, site};

/// `cargo xtask monkey [--minutes N] [--question slug] [--seed S] [--jobs N]`
pub fn command(args: &mut Args) -> anyhow::Result<()> {
    let mut words = Vec::new();
    for (name, least) in [("--minutes", 0.1), ("--seed", 0.0), ("--jobs", 1.0)] {
        let Some(text) = args.option(name)? else { continue };
        if !text.parse::<f64>().is_ok_and(|number| number >= least && number < 1e9) {
            return Err(Misuse(format!("{name} {text}: expected a number from {least} up")).into());
        }
        words.extend([name.to_owned(), text]);
    }
    if let Some(slug) = args.option("--question")? {
        words.extend(["--question".to_owned(), slug]);
    }
    args.finish()?;
    let chromium = browser::ensure()?;
    node::ensure_packages()?;
    if !paths::dist().join("build.json").exists() {
        site::build_dist(None)?;
    }
    let sim = native::sim()?;
    let server = Server::bind(None, None)?;
    let address = server.address()?;
    server.start(Site::new(paths::dist(), false));
    run(Command::new("node")
        .arg(paths::e2e().join("monkey/run.js"))
        .args(words)
        .env("BASE_URL", address)
        .env("CHROMIUM", chromium)
        .env("SIM", sim))
}
