//! `cargo xtask bench`: how fast the engine is, as ratios of medians from interleaved runs.
//!
//! Milliseconds differ from machine to machine and from minute to minute; two programs that take turns on the
//! same machine meet the same weather, so their ratio says something.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context;
use serde::Deserialize;

use crate::args::{Args, Misuse};
use crate::server::{Server, Site};
use crate::step::{cargo, output, run, step};
use crate::{browser, bundle, node, paths, site};

const CUSTOMERS: u32 = 1_000_000;
const ROUNDS_DEFAULT: usize = 9;

/// What one timed run prints.
#[derive(Deserialize)]
struct Timed {
    ms: f64,
    mean_wait_s: f64,
}

/// What `e2e/bench/browser.js` prints.
#[derive(Deserialize)]
struct InBrowser {
    /// Milliseconds of the plain queue on the engine, and written by hand.
    queue: Vec<f64>,
    hand: Vec<f64>,
    seeks: Vec<Seeks>,
    /// The page's own words about its frames, every 120 frames.
    frames: Vec<String>,
}

#[derive(Deserialize)]
struct Seeks {
    slug: String,
    length_s: f64,
    events: f64,
    run_ms: f64,
    ms: Vec<f64>,
    checkpoint_bytes: f64,
}

/// `cargo xtask bench [--rounds N]`
pub fn command(args: &mut Args) -> anyhow::Result<()> {
    let rounds = match args.option("--rounds")? {
        None => ROUNDS_DEFAULT,
        Some(text) => match text.parse() {
            Ok(rounds) if (1..=99).contains(&rounds) => rounds,
            _ => return Err(Misuse(format!("--rounds {text}: expected a number from 1 to 99")).into()),
        },
    };
    args.finish()?;
    let chromium = browser::ensure()?;
    node::ensure_packages()?;
    let native = build_native()?;
    let wasm = paths::target().join("xtask/bench");
    bundle::build_bench(&wasm)?;
    fs::copy(paths::e2e().join("bench/bench.html"), wasm.join("index.html")).context("copying bench.html")?;
    if !paths::dist().join("build.json").exists() {
        site::build_dist(None)?;
    }
    let queues = step("the queue, taking turns", || queues(&native, &wasm, rounds))?;
    let in_browser = step("Chromium", || in_browser(&chromium, &wasm, rounds))?;
    report(&queues, &in_browser, rounds);
    Ok(())
}

fn build_native() -> anyhow::Result<PathBuf> {
    step("cargo: bench, native", || run(&mut cargo(["build", "-p", "bench", "--profile", "native"])))?;
    Ok(paths::target().join("native").join(format!("bench-native{}", std::env::consts::EXE_SUFFIX)))
}

/// One contestant and the milliseconds of its runs.
struct Lane {
    name: &'static str,
    ms: Vec<f64>,
    /// Of the last run: all contestants simulate the same queue, so these agree within chance.
    mean_wait_s: f64,
}

/// Engine and loop natively, engine and loop as wasm under Node, and simjs, in turns.
fn queues(native: &Path, wasm: &Path, rounds: usize) -> anyhow::Result<Vec<Lane>> {
    let lanes = [
        "engine, native",
        "by hand, native",
        "engine, wasm under Node",
        "by hand, wasm under Node",
        "simjs under Node",
    ];
    let mut lanes = lanes.map(|name| Lane { name, ms: Vec::new(), mean_wait_s: 0.0 });
    let customers = CUSTOMERS.to_string();
    for round in 0..rounds {
        let seed = (round + 1).to_string();
        let native = |which: &str| {
            let mut command = Command::new(native);
            command.args([which, &customers, &seed]);
            command
        };
        let under_node = |which: &str| {
            let mut command = Command::new("node");
            command.arg(paths::e2e().join("bench/node.js")).args([which, &customers, &seed]).arg(wasm);
            command
        };
        let turns = [native("engine"), native("hand"), under_node("engine"), under_node("hand"), under_node("simjs")];
        for (lane, mut turn) in lanes.iter_mut().zip(turns) {
            let printed = output(&mut turn)?;
            let timed: Timed = serde_json::from_str(&printed).with_context(|| format!("{}: {printed}", lane.name))?;
            lane.ms.push(timed.ms);
            lane.mean_wait_s = timed.mean_wait_s;
        }
        eprintln!("    round {} of {rounds}", round + 1);
    }
    Ok(lanes.into())
}

fn in_browser(chromium: &Path, wasm: &Path, rounds: usize) -> anyhow::Result<InBrowser> {
    let mut addresses = Vec::new();
    for folder in [wasm.to_owned(), paths::dist()] {
        let server = Server::bind(None, None)?;
        addresses.push(server.address()?);
        server.start(Site::new(folder, false));
    }
    let printed = output(
        Command::new("node")
            .arg(paths::e2e().join("bench/browser.js"))
            .args(&addresses)
            .args([CUSTOMERS.to_string(), rounds.to_string()])
            .env("CHROMIUM", chromium),
    )?;
    serde_json::from_str(&printed).with_context(|| format!("understanding what the browser measured: {printed}"))
}

/// The value below which this part of the measurements lies, by nearest rank.
fn quantile(values: &[f64], part: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let rank = (part * sorted.len() as f64).ceil() as usize;
    sorted[rank.clamp(1, sorted.len()) - 1]
}

fn median(values: &[f64]) -> f64 {
    quantile(values, 0.5)
}

fn report(queues: &[Lane], in_browser: &InBrowser, rounds: usize) {
    println!("\n### A queue with 4 servers at utilisation 0.8, {CUSTOMERS} customers, {rounds} rounds in turns\n");
    println!("| contestant | median ms | fastest | slowest | mean wait ms |\n|---|---:|---:|---:|---:|");
    for lane in queues {
        let (fastest, slowest) = (quantile(&lane.ms, 0.0), quantile(&lane.ms, 1.0));
        println!(
            "| {} | {:.0} | {fastest:.0} | {slowest:.0} | {:.3} |",
            lane.name,
            median(&lane.ms),
            lane.mean_wait_s * 1e3
        );
    }
    println!(
        "| engine, wasm in Chromium | {:.0} | {:.0} | {:.0} | |",
        median(&in_browser.queue),
        quantile(&in_browser.queue, 0.0),
        quantile(&in_browser.queue, 1.0)
    );
    println!(
        "| by hand, wasm in Chromium | {:.0} | {:.0} | {:.0} | |",
        median(&in_browser.hand),
        quantile(&in_browser.hand, 0.0),
        quantile(&in_browser.hand, 1.0)
    );

    let of = |at: usize| median(&queues[at].ms);
    println!("\n| ratio of medians | is | bound |\n|---|---:|---:|");
    println!("| engine / by hand, native | {:.2} | at most 2 |", of(0) / of(1));
    println!("| engine: wasm under Node / native | {:.2} | at most 1.5 |", of(2) / of(0));
    println!("| engine: wasm in Chromium / native | {:.2} | at most 1.5 |", median(&in_browser.queue) / of(0));
    println!("| simjs / engine, native | {:.1} | at least 6 |", of(4) / of(0));
    println!("| simjs / engine, wasm under Node | {:.1} | at least 6 |", of(4) / of(2));

    println!("\n### Seeking in Chromium: 200 jumps through a run of ten minutes at the defaults\n");
    println!(
        "| question | run s | events | whole run ms | seek median ms | p95 | slowest (at most 50) | checkpoints MiB (at most 64) |"
    );
    println!("|---|---:|---:|---:|---:|---:|---:|---:|");
    for seeks in &in_browser.seeks {
        println!(
            "| {} | {:.0} | {:.0} | {:.0} | {:.1} | {:.1} | {:.1} | {:.1} |",
            seeks.slug,
            seeks.length_s,
            seeks.events,
            seeks.run_ms,
            median(&seeks.ms),
            quantile(&seeks.ms, 0.95),
            quantile(&seeks.ms, 1.0),
            seeks.checkpoint_bytes / f64::from(1 << 20)
        );
    }
    println!("\n### Frames of the traffic spike in Chromium, as the page counts them, every 120 frames\n");
    for frames in &in_browser.frames {
        println!("- {frames}");
    }
}

#[cfg(test)]
mod tests {
    use super::quantile;

    #[test]
    fn quantiles_are_by_nearest_rank() {
        let values = [5.0, 1.0, 4.0, 2.0, 3.0];
        assert_eq!(quantile(&values, 0.0), 1.0);
        assert_eq!(quantile(&values, 0.5), 3.0);
        assert_eq!(quantile(&values, 1.0), 5.0);
    }
}
