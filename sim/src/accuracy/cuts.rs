//! What follows from how modules are cut: availability, tails, pipelines, people.

use super::Tolerance::{Absolute, Percent};
use super::{Law, asked};
use crate::blocks::delivery::{green, output, runs_per_batch};
use crate::blocks::network::TwoPoint;
use crate::kernel::Us;
use crate::questions::monolith_vs_microservices::QUESTION;
use crate::theory;

const QUEUES: (&str, &str) = (
    "Shortle, Thompson, Gross and Harris: Fundamentals of Queueing Theory, 2018",
    "https://doi.org/10.1002/9781119453765",
);
const GUNTHER: (&str, &str) =
    ("N. J. Gunther: Guerrilla Capacity Planning, 2007", "https://doi.org/10.1007/978-3-540-31010-5");
const TAIL: (&str, &str) =
    ("J. Dean, L. A. Barroso: The Tail at Scale, 2013", "https://doi.org/10.1145/2408776.2408794");

pub(super) fn laws() -> Vec<Law> {
    vec![nines(), tail(), hops(), train(), batches(), bisection(), teams()]
}

/// One figure of one run of the question.
fn one(seed: u64, knobs: &[(&str, &str)], until_s: u64, ask: &str) -> f64 {
    asked(&QUESTION, seed, knobs, &[], Us::s(until_s), [ask])[0]
}

/// Only the calendar: no requests, and a working day a second.
fn calendar(seed: u64, knobs: &[(&str, &str)], until_s: u64, ask: &str) -> f64 {
    let all: Vec<(&str, &str)> = [("rate", "0"), ("day", "1")].iter().chain(knobs).copied().collect();
    one(seed, &all, until_s, ask)
}

fn nines() -> Law {
    let base = [("layout", "services"), ("slips", "0"), ("restore", "1")];
    let law = Law::new("nines", "Nines multiply", Absolute(0.12))
        .says("A page that needs n services, each up 99.9 % of the time and failing on its own, is answered as often as all of them are up.")
        .formula("0.999ⁿ")
        .source("probability of independent events", "")
        .unit("% of pages")
        .seeds(8);
    [(1, 10, "0"), (10, 10, "0"), (30, 30, "0"), (3, 10, "7")].into_iter().fold(
        law,
        |law, (needed, modules, optional)| {
            let label = match needed {
                1 => "one deployable with all ten modules".to_string(),
                3 => "ten services, seven of them optional".to_string(),
                n => format!("{n} services"),
            };
            let expected = (0..needed).fold(100.0, |all, _| all * 0.999);
            law.case(label, expected, move |seed| {
                let text = modules.to_string();
                let mut knobs = vec![("modules", text.as_str()), ("calls", text.as_str()), ("optional", optional)];
                knobs.extend(base);
                if needed == 1 {
                    knobs.push(("layout", "modular"));
                }
                one(seed, &knobs, 400, "answered_in(0s, 399s)")
            })
        },
    )
}

fn tail() -> Law {
    let law = Law::new("fan-out-tail", "A tail meets many", Absolute(1.5))
        .says("A page that waits for n calls at once meets one beyond their 99th percentile this often.")
        .formula("1 − 0.99ⁿ")
        .source(TAIL.0, TAIL.1)
        .unit("% of pages")
        .seeds(6);
    [9u32, 49].into_iter().fold(law, |law, calls| {
        law.case(format!("{calls} calls at once"), 100.0 * (1.0 - green(0.01, calls)), move |seed| {
            let (all, at_once) = ((calls + 1).to_string(), calls.to_string());
            let knobs = [
                ("layout", "services"),
                ("modules", all.as_str()),
                ("calls", all.as_str()),
                ("parallel", at_once.as_str()),
                ("availability", "99.999"),
                ("slips", "0"),
            ];
            one(seed, &knobs, 60, "slow_hops(0s, 59s)")
        })
    })
}

fn hops() -> Law {
    let hop = TwoPoint { p50: Us::ms(1), p99: Us::ms(10) };
    let law = Law::new("hops", "What a wall costs", Percent(3.0))
        .says("A lognormal delay with a median of 1 ms and a 99th percentile of 10 ms has a mean of 1.63 ms; a page pays it once for each wall on its way.")
        .formula("walls · p50 · e^(σ²/2), σ = ln(p99/p50)/2.326")
        .source("moments of the lognormal distribution", "")
        .unit("ms")
        .seeds(4);
    [("services", 9.0), ("teams", 4.0)].into_iter().fold(law, |law, (layout, walls)| {
        law.case(format!("{walls} walls"), walls * hop.mean_ms(), move |seed| {
            one(seed, &[("layout", layout)], 120, "network_ms(0s, 119s)")
        })
    })
}

fn train() -> Law {
    let law = Law::new("release-train", "A pipeline is the queue M/D/1", Percent(6.0))
        .says("Changes come one by one and independently, and a run of 30 minutes carries one of them: the mean wait for its begin, in minutes, with 16 runs a working day.")
        .formula("ρS / (2(1 − ρ))")
        .source(QUEUES.0, QUEUES.1)
        .unit("minutes")
        .seeds(8);
    [(0.5, "0.5"), (0.8, "0.8")].into_iter().fold(law, |law, (load, changes)| {
        let expected = theory::md1_wait_mean(16.0 * load, 16.0).unwrap_or(f64::NAN) * 8.0 * 60.0;
        law.case(format!("{} % busy", load * 100.0), expected, move |seed| {
            calendar(seed, &[("developers", "16"), ("changes", changes)], 3_000, "wait_in(0s, 3000s)")
        })
    })
}

/// More is merged than the pipeline can do, so all batches are full.
const FULL: [(&str, &str); 3] = [("developers", "60"), ("batch", "10"), ("slips", "0")];

fn batches() -> Law {
    Law::new("green-batches", "A batch is green if all of it is", Absolute(2.5))
        .says("Each of the ten changes in a batch breaks it with 5 %.")
        .formula("(1 − p)^k")
        .source("probability of independent events", "")
        .unit("% of batches")
        .seeds(8)
        .case("ten changes", 100.0 * green(0.05, 10), |seed| calendar(seed, &FULL, 150, "green"))
}

fn bisection() -> Law {
    Law::new("bisection", "What a red batch costs", Percent(4.0))
        .says("A red batch is halved until what broke it is alone: runs for each batch of ten, that is one, and two for each part of more than one change that is red.")
        .formula("1 + 2 Σ (1 − (1 − p)^size)")
        .source("counting the parts of a bisection", "")
        .unit("runs")
        .seeds(8)
        .case("ten changes, 5 %", runs_per_batch(0.05, 10), |seed| calendar(seed, &FULL, 150, "runs_per_batch"))
}

fn teams() -> Law {
    let law = Law::new("team-size", "What more people get done", Percent(3.0))
        .says("Each pair in a team costs half a per cent: changes finished a day by 14 and by 28 people in one team, and by 28 in seven.")
        .formula("n / (1 + α(n − 1) + βn(n − 1))")
        .source(GUNTHER.0, GUNTHER.1)
        .unit("changes a day")
        .seeds(4);
    [(14, 1), (28, 1), (28, 7)].into_iter().fold(law, |law, (people, teams)| {
        let each = f64::from(people) / f64::from(teams);
        let label = format!("{people} people in {teams} team{}", if teams == 1 { "" } else { "s" });
        law.case(label, f64::from(teams) * output(each, 0.0, 0.005), move |seed| {
            let (people, teams) = (people.to_string(), teams.to_string());
            let knobs =
                [("developers", people.as_str()), ("teams", teams.as_str()), ("crosstalk", "0.5"), ("batch", "10")];
            calendar(seed, &knobs, 600, "merged_in(0s, 600s)")
        })
    })
}
