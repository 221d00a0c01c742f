//! Versions of an API: whom a change breaks, who is left at the end, and what caches tell apart.

use super::Tolerance::{Absolute, Exact};
use super::{Law, asked};
use crate::kernel::Us;
use crate::questions::api_versioning::QUESTION;

const STRIPE: (&str, &str) = (
    "B. Leach: APIs as infrastructure: future-proofing Stripe with versioning, 2017",
    "https://stripe.com/blog/api-versioning",
);
const CACHING: (&str, &str) = ("RFC 9111, section 4.1", "https://www.rfc-editor.org/rfc/rfc9111#section-4.1");

pub(super) fn laws() -> Vec<Law> {
    vec![compatibility(), stay(), brownouts(), reach(), mixups()]
}

fn compatibility() -> Law {
    let mut law = Law::new("compatibility", "Whom a change breaks", Exact)
        .says("500 clients of one version, each with its habits, really read every document: how many ever fail, or are ever misled without an error.")
        .formula("the table of compatibility, by direction")
        .source(STRIPE.0, STRIPE.1)
        .unit("clients");
    for (change, strict, measure, expected) in [
        ("add", "20", "clients_hurt", 100.0),
        ("add", "0", "clients_hurt", 0.0),
        ("rename field=status", "0", "clients_hurt", 300.0),
        ("rename field=total", "0", "clients_hurt", 450.0),
        ("rename field=note", "0", "clients_misled", 50.0),
        ("add-value", "20", "clients_hurt", 50.0),
        ("remean field=total", "20", "clients_misled", 450.0),
        ("async", "20", "clients_hurt", 200.0),
        ("require", "20", "clients_hurt", 200.0),
        ("tighten", "20", "clients_hurt", 200.0),
        ("allow", "20", "clients_hurt", 0.0),
        ("loosen", "20", "clients_hurt", 0.0),
    ] {
        let what = if measure == "clients_hurt" { "fail" } else { "are misled" };
        law = law.case(format!("{change}, {strict} % strict: {what}"), expected, move |seed| {
            let act = format!("0s change what={change}");
            asked(&QUESTION, seed, &[("versions", "1"), ("strict", strict)], &[&act], Us::s(60), [measure])[0]
        });
    }
    law
}

/// Clients that all call, read headers and release at once, at the end of the notice.
fn left(seed: u64, n: &str, calls: &str, notice: u64, more: &[(&str, &str)]) -> f64 {
    let days = notice.to_string();
    let always =
        [("skew", "0"), ("cadence", "0"), ("readers", "100"), ("clients", n), ("calls", calls), ("notice", &days)];
    let knobs: Vec<(&str, &str)> = always.iter().chain(more).copied().collect();
    // Just before the switch, for what comes on the last day still counts.
    asked(&QUESTION, seed, &knobs, &["0s announce"], Us(notice * 1_000_000 - 10_000), ["left_percent"])[0]
}

fn stay() -> Law {
    Law::new("stay", "Who is left at the sunset", Absolute(1.0))
        .says("Each client of 10,000 moves with the same chance a day, for half a year: the share that has not.")
        .formula("(1 − h)^n")
        .source("arithmetic", "")
        .unit("% of clients")
        .seeds(2)
        .case("changelog, 0.1 % a day", 100.0 * libm::pow(0.999, 180.0), |seed| {
            left(seed, "10000", "0", 180, &[("headers", "off")])
        })
        // A client calls every other day, so that it meets the fields two days later than they are sent.
        .case("headers, 0.5 % a day", 100.0 * libm::pow(0.995, 178.0) * libm::pow(0.999, 2.0), |seed| {
            left(seed, "10000", "5000", 180, &[])
        })
}

fn brownouts() -> Law {
    let met = 1.0 - libm::exp(-4.0);
    Law::new("brownout-days", "Four days of brownouts", Absolute(1.5))
        .says("The same clients with the same draws, with brownouts of a day and without: of those who were left, the share that still is. Four calls a day, so that one in 55 meets none on a day.")
        .formula("(1 − h · (1 − e^−4))^4")
        .source("arithmetic", "")
        .unit("% of those left")
        .case("5 % on the day after", 100.0 * libm::pow(1.0 - 0.05 * met, 4.0), |seed| {
            let with = left(seed, "5000", "20000", 30, &[("brownouts", "4"), ("hours", "24")]);
            100.0 * with / left(seed, "5000", "20000", 30, &[])
        })
}

fn reach() -> Law {
    let mut law = Law::new("brownout-reach", "Who meets a brownout", Absolute(2.5))
        .says("2,000 clients with two calls a day each, at any time and without a cache: the share that calls in it.")
        .formula("1 − e^(−λT)")
        .source("a Poisson process", "")
        .unit("% of clients");
    for (hours, h) in [("0.2", 0.2), ("3", 3.0), ("12", 12.0), ("24", 24.0)] {
        law = law.case(format!("{hours} h"), 100.0 * (1.0 - libm::exp(-2.0 * h / 24.0)), move |seed| {
            let knobs = [("clients", "2000"), ("calls", "4000"), ("skew", "0"), ("cache", "0"), ("hours", hours)];
            asked(&QUESTION, seed, &knobs, &["1s brownout"], Us::s(3), ["felt_brownout"])[0] / 20.0
        });
    }
    law
}

fn mixups() -> Law {
    let mut law = Law::new("vary", "Versions in a shared cache", Exact)
        .says("Two callers ask for one order, one for v1 and then one for v2: how many get the other's version.")
        .formula("the key is the address, and the headers that Vary names")
        .source(CACHING.0, CACHING.1)
        .unit("responses");
    for (style, vary, expected) in [
        ("header", "off", 1.0),
        ("header", "on", 0.0),
        ("path", "off", 0.0),
        ("query", "off", 0.0),
        ("pin", "off", 1.0),
        ("pin", "on", 0.0),
    ] {
        law = law.case(format!("{style}, Vary {vary}"), expected, move |seed| {
            let knobs = [("style", style), ("vary", vary), ("calls", "0")];
            asked(&QUESTION, seed, &knobs, &["1s two"], Us::s(2), ["mixups"])[0]
        });
    }
    law
}
