//! `bench-native <hand|engine> <customers> <seed>`: one timed run, in milliseconds.

use std::process::ExitCode;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let parsed = match words.as_slice() {
        [which, customers, seed] => {
            customers.parse().ok().zip(seed.parse().ok()).map(|numbers| (which.as_str(), numbers))
        }
        _ => None,
    };
    let Some((which @ ("hand" | "engine"), (customers, seed))) = parsed else {
        eprintln!("bench-native: expected `hand` or `engine`, a number of customers and a seed");
        return ExitCode::from(2);
    };
    let begun = std::time::Instant::now();
    let mean = if which == "hand" { bench::by_hand(customers, seed) } else { bench::by_engine(customers, seed) };
    let ms = begun.elapsed().as_secs_f64() * 1e3;
    println!("{{\"ms\":{ms},\"mean_wait_s\":{mean}}}");
    ExitCode::SUCCESS
}
