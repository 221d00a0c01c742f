//! What is timed natively, one thing a process, as a line of JSON. See `USAGE`.

use std::process::ExitCode;
use std::time::Instant;

use sim::kernel::{RunValue, Us};

const USAGE: &str = "\
bench-native hand|engine <customers> <seed>   the queue: milliseconds, and the mean wait in seconds
bench-native theory                           its mean wait by Erlang C
bench-native topology <seconds> <seed>        the largest topology: milliseconds and events
bench-native requests <seconds> <seed>        how many requests came in that run
bench-native checkpoints <slug> <seconds>     a run that keeps checkpoints, and one that keeps none, in turns";

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let line = match words.as_slice() {
        ["hand", customers, seed] => queue(bench::by_hand, customers, seed),
        ["engine", customers, seed] => queue(bench::by_engine, customers, seed),
        ["theory"] => Some(format!("{{\"value\":{}}}", bench::by_theory())),
        ["topology", seconds, seed] => topology(seconds, seed),
        ["requests", seconds, seed] => requests(seconds, seed),
        ["checkpoints", slug, seconds] => checkpoints(slug, seconds),
        _ => None,
    };
    match line {
        Some(line) => {
            println!("{line}");
            ExitCode::SUCCESS
        }
        None => {
            eprintln!("bench-native: expected one of\n{USAGE}");
            ExitCode::from(2)
        }
    }
}

/// Does it and returns how many milliseconds it took.
fn timed<T>(work: impl FnOnce() -> T) -> (f64, T) {
    let begun = Instant::now();
    let value = work();
    (begun.elapsed().as_secs_f64() * 1e3, value)
}

fn queue(which: fn(u64, u64) -> f64, customers: &str, seed: &str) -> Option<String> {
    let (customers, seed) = (customers.parse().ok()?, seed.parse().ok()?);
    let (ms, mean) = timed(|| which(customers, seed));
    Some(format!("{{\"ms\":{ms},\"value\":{mean}}}"))
}

fn topology(seconds: &str, seed: &str) -> Option<String> {
    let (seconds, seed) = (seconds.parse().ok()?, seed.parse().ok()?);
    let (ms, events) = timed(|| bench::topology(seconds, seed));
    Some(format!("{{\"ms\":{ms},\"value\":{events}}}"))
}

fn requests(seconds: &str, seed: &str) -> Option<String> {
    let (seconds, seed) = (seconds.parse::<u32>().ok()?, seed.parse::<u64>().ok()?);
    let question = sim::questions::find(bench::TOPOLOGY).ok()?;
    let mut run = question.run(RunValue { seed, ..RunValue::new(question) });
    run.advance(Us::s(u64::from(seconds)), u64::MAX);
    let requests = run.counts().into_iter().find(|(key, _)| *key == "arrivals")?.1;
    Some(format!("{{\"requests\":{requests}}}"))
}

/// Times both, twice, and gives the second time of each: the first one also fetches memory from the system.
fn checkpoints(slug: &str, seconds: &str) -> Option<String> {
    let question = sim::questions::find(slug).ok()?;
    let until = Us::s(seconds.parse().ok()?).min(question.horizon);
    let ([mut with, mut without], mut kept, mut events) = ([0.0; 2], 0, 0);
    for _ in 0..2 {
        let mut run = question.run(RunValue::new(question));
        with = timed(|| run.advance(until, u64::MAX)).0;
        (kept, events) = (run.checkpoint_bytes(), run.frontier().events);
        let mut run = question.run(RunValue::new(question));
        run.keep_no_checkpoints();
        without = timed(|| run.advance(until, u64::MAX)).0;
    }
    Some(format!("{{\"with_ms\":{with},\"without_ms\":{without},\"bytes\":{kept},\"events\":{events}}}"))
}
