//! Traces: the critical path, what a sampler keeps, fan-out; and the time in a system that traces show.

use super::Tolerance::{Absolute, Exact, Percent};
use super::{Law, asked};
use crate::blocks::tracer::head_keeps;
use crate::kernel::Us;
use crate::questions::debug_latency::QUESTION;
use crate::theory;

const TAIL: (&str, &str) =
    ("J. Dean, L. A. Barroso: The Tail at Scale, 2013", "https://doi.org/10.1145/2408776.2408794");
const GROSS: (&str, &str) =
    ("D. Gross and others: Fundamentals of Queueing Theory, 2008", "https://doi.org/10.1002/9781118625651");
const ARITHMETIC: (&str, &str) = ("arithmetic", "");

pub(super) fn laws() -> Vec<Law> {
    vec![path(), fan_out(), head(), weights(), utilisation(), sojourn()]
}

fn path() -> Law {
    let root = |second: &'static str, third: &'static str| {
        move |seed| {
            let knobs =
                [("path", "fan"), ("rate", "2"), ("fail", "0"), ("fan", "0"), ("second", second), ("third", third)];
            asked(&QUESTION, seed, &knobs, &[], Us::s(10), ["root_ms"])[0]
        }
    };
    Law::new("critical-path", "The longest bar is not the path", Exact)
        .says("A request with 20 ms of its own asks three services at once: 40, 80 and 300 ms.")
        .formula("own + the longest child")
        .source(ARITHMETIC.0, ARITHMETIC.1)
        .unit("ms")
        .seeds(2)
        .case("as it is", 320.0, root("80", "300"))
        .case("the second halved", 320.0, root("40", "300"))
        .case("the third halved", 170.0, root("80", "150"))
}

fn fan_out() -> Law {
    let law = Law::new("fan-out", "Rare for one, common for many", Absolute(2.0))
        .says("A page asks n servers at once, each slow once in a hundred times, and waits for all.")
        .formula("1 − (1 − p)ⁿ")
        .source(TAIL.0, TAIL.1)
        .unit("% of pages slow");
    [10u32, 50, 100].into_iter().fold(law, |law, n| {
        law.case(format!("n = {n}"), 100.0 * theory::any_of(n, 0.01), move |seed| {
            let fan = n.to_string();
            let knobs = [
                ("path", "fan"),
                ("fan", fan.as_str()),
                ("third", "10"),
                ("rate", "200"),
                ("fail", "0"),
                ("share", "0"),
            ];
            asked(&QUESTION, seed, &knobs, &[], Us::s(30), ["slow_roots"])[0]
        })
    })
}

fn head() -> Law {
    let law = Law::new("was-it-traced", "Was any of the failures traced?", Absolute(0.5))
        .says("Ten of 10,000 requests fail, 100,000 times over. A head sampler keeps a share of all traces by their number.")
        .formula("1 − (1 − p)¹⁰")
        .source(ARITHMETIC.0, ARITHMETIC.1)
        .unit("% of batches");
    [0.01, 0.1].into_iter().fold(law, |law, share| {
        law.case(format!("{} % kept", share * 100.0), 100.0 * theory::any_of(10, share), move |seed| {
            let batches = 100_000u64;
            let any = |b: &u64| (0..10).any(|i| head_keeps(seed << 40 | (b * 10_000 + i * 977), share));
            100.0 * (0..batches).filter(any).count() as f64 / batches as f64
        })
    })
}

fn weights() -> Law {
    let law = Law::new("sampled-counts", "Counts from what was kept", Absolute(4.0))
        .says("Each kept trace weighs one over the chance that it was kept. The sum of weights estimates all requests.")
        .formula("Σ 1/p over the kept, over all")
        .source("D. G. Horvitz, D. J. Thompson, 1952", "https://doi.org/10.1080/01621459.1952.10483446")
        .unit("% of requests")
        .seeds(3);
    ["head", "tail"].into_iter().fold(law, |law, sampling| {
        law.case(format!("{sampling}, 10 %"), 100.0, move |seed| {
            let knobs = [
                ("path", "station"),
                ("rate", "500"),
                ("service", "1"),
                ("sampling", sampling),
                ("share", "10"),
                ("wait", "2"),
                ("fail", "1"),
            ];
            asked(&QUESTION, seed, &knobs, &[], Us::s(30), ["estimated"])[0]
        })
    })
}

fn utilisation() -> Law {
    let law = Law::new("utilisation-by-service", "The utilisation law", Percent(2.0))
        .says("Busy time of the workers of a service that stands alone, read off their own meter.")
        .formula("U = λS / c")
        .source(GROSS.0, GROSS.1)
        .unit("% busy")
        .seeds(2);
    [("200", "4", 50.0), ("300", "8", 37.5), ("90", "1", 90.0)].into_iter().fold(
        law,
        |law, (rate, workers, expected)| {
            law.case(format!("{rate}/s of 10 ms, {workers} workers"), expected, move |seed| {
                let knobs = [
                    ("path", "station"),
                    ("pods", "1"),
                    ("rate", rate),
                    ("workers", workers),
                    ("service", "10"),
                    ("share", "0"),
                ];
                asked(&QUESTION, seed, &knobs, &[], Us::s(200), ["busy_share(3)"])[0]
            })
        },
    )
}

fn sojourn() -> Law {
    let law = Law::new("sojourn-p99", "p99 of the time in a system that is 90 % busy", Percent(8.0))
        .says("One queue, c workers, random arrivals, exponential work: wait and work together, in mean works.")
        .formula("P(T > t) = (1 − C) e^(−μt) + C (δe^(−μt) − μe^(−δt)) / (δ − μ), with δ = cμ − λ and C by Erlang")
        .source(GROSS.0, GROSS.1)
        .unit("mean works")
        .seeds(2);
    [1u32, 4, 10, 32].into_iter().fold(law, |law, c| {
        let expected = theory::mmc_sojourn_quantile(c, 0.9 * f64::from(c), 1.0, 0.99).unwrap_or(f64::NAN);
        law.case(format!("c = {c}"), expected, move |seed| {
            let c = c.to_string();
            let knobs = [
                ("path", "station"),
                ("pods", "1"),
                ("rate", "900"),
                ("workers", &c),
                ("service", &c),
                ("share", "0"),
                ("pool", "500"),
                ("fail", "0"),
            ];
            asked(&QUESTION, seed, &knobs, &[], Us::s(250), ["p99_services"])[0]
        })
    })
}
