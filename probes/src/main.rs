//! Tries cases of the probes without any tool: `probes [NAME] [--cases N] [--from N]` prints a row of RELIABILITY.md each.
//! `probes --list` names them, and `probes --write FOLDER` writes what a fuzzer begins with: a folder of inputs and a list
//! of words for each.

use probes::mutate::case;
use probes::{ALL, Probe, find};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["--list"] => {
            ALL.iter().for_each(|probe| println!("{}", probe.name));
            return ExitCode::SUCCESS;
        }
        ["--write", folder] => {
            let written = ALL.iter().try_for_each(|probe| write(probe, Path::new(folder)));
            return written.map_or_else(
                |why| {
                    eprintln!("{folder}: {why}");
                    ExitCode::FAILURE
                },
                |()| ExitCode::SUCCESS,
            );
        }
        _ => {}
    }
    match asked() {
        Err(why) => {
            eprintln!("{why}\nusage: probes [NAME] [--cases N] [--from N]");
            ExitCode::from(2)
        }
        Ok((probes, cases, from)) => {
            println!("| probe | cases | cases a second | failed |\n|---|--:|--:|---|");
            let failed = probes.iter().filter(|probe| !tried(probe, cases, from)).count();
            if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
    }
}

fn asked() -> Result<(Vec<&'static Probe>, u64, u64), String> {
    let (mut probes, mut cases, mut from) = (ALL.iter().collect::<Vec<_>>(), 100_000, 0);
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let mut number = || words.next().and_then(|n| n.replace('_', "").parse().ok());
        match word.as_str() {
            "--cases" => cases = number().ok_or("--cases expects a whole number")?,
            "--from" => from = number().ok_or("--from expects a whole number")?,
            name => {
                let names = ALL.iter().map(|probe| probe.name).collect::<Vec<_>>().join(", ");
                probes = vec![find(name).ok_or(format!("there is no probe \"{name}\"; expected one of {names}"))?];
            }
        }
    }
    Ok((probes, cases, from))
}

/// In the form that libFuzzer reads.
fn write(probe: &Probe, folder: &Path) -> std::io::Result<()> {
    let inputs = folder.join(probe.name);
    std::fs::create_dir_all(&inputs)?;
    for (i, seed) in (probe.seeds)().iter().enumerate() {
        std::fs::write(inputs.join(format!("seed-{i}")), seed)?;
    }
    let escaped = |word: &str| word.bytes().map(|b| format!("\\x{b:02x}")).collect::<String>();
    let words: String = probe.words.iter().map(|word| format!("\"{}\"\n", escaped(word))).collect();
    std::fs::write(folder.join(format!("{}.dict", probe.name)), words)
}

/// Runs cases on all cores; the first that fails ends it.
fn tried(probe: &Probe, cases: u64, from: u64) -> bool {
    /// Cases that one thread takes at once.
    const BLOCK: u64 = 1_000;
    let start = Instant::now();
    let seeds = (probe.seeds)();
    let blocks: Vec<u64> = (from..from + cases).step_by(BLOCK as usize).collect();
    let failed: Vec<u64> = sim::cores::each(&blocks, |first| {
        (*first..(*first + BLOCK).min(from + cases)).find(|number| {
            let bytes = case(probe, &seeds, *number);
            let outcome = catch_unwind(AssertUnwindSafe(|| (probe.run)(&bytes)));
            outcome.is_err_and(|_| {
                eprintln!("probe {}, case {number}: {:?}", probe.name, String::from_utf8_lossy(&bytes));
                true
            })
        })
    })
    .into_iter()
    .flatten()
    .collect();
    let rate = cases as f64 / start.elapsed().as_secs_f64();
    let told = if failed.is_empty() { "none".to_owned() } else { format!("cases {failed:?}") };
    println!("| {} | {cases} | {rate:.0} | {told} |", probe.name);
    failed.is_empty()
}
