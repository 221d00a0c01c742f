//! Telemetry: what histograms, alert rules, load testers, labels and samplers come to.

use super::Tolerance::{Exact, Percent};
use super::{Law, asked, together};
use crate::blocks::burn_rate::{RULES, holds_after};
use crate::kernel::Us;
use crate::questions::observability::QUESTION as Q;

const ARITHMETIC: (&str, &str) = ("arithmetic", "");
const QUANTILE: (&str, &str) = (
    "Prometheus documentation: histogram_quantile()",
    "https://prometheus.io/docs/prometheus/latest/querying/functions/#histogram_quantile",
);
const WORKBOOK: (&str, &str) = (
    "S. Thurgood and others: The Site Reliability Workbook, chapter 5, 2018",
    "https://sre.google/workbook/alerting-on-slos/",
);
const WRK2: (&str, &str) = ("G. Tene: wrk2", "https://github.com/giltene/wrk2");
const COLLECTOR: (&str, &str) = (
    "OpenTelemetry Collector: tail sampling processor",
    "https://github.com/open-telemetry/opentelemetry-collector-contrib/tree/main/processor/tailsamplingprocessor",
);

pub(super) fn laws() -> Vec<Law> {
    vec![averages(), edges(), pages(), omission(), labels(), buffer()]
}

fn averages() -> Law {
    let [mean, weighted, merged, truth] = together(|seed| {
        let inputs = ["0s given count=900 ms=100 on=1", "0s given count=100 ms=2000 on=2"];
        let ask = ["mean_p99", "weighted_p99", "merged_p99", "true_p99"];
        asked(&Q, seed, &[("rate", "0"), ("clock", "1")], &inputs, Us::s(16), ask)
    });
    Law::new("averaged-percentiles", "Percentiles do not average", Exact)
        .says("900 requests of 100 ms on one instance, 100 of 2 s on another: the mean of both p99, the same by requests, p99 estimated from the summed buckets, and the true one.")
        .formula("(100 + 2,000)/2; 0.9·100 + 0.1·2,000; 1 s + 1.5 s·90/100; rank 990 of 1,000")
        .source(ARITHMETIC.0, ARITHMETIC.1)
        .unit("ms")
        .case("mean", 1_050.0, mean)
        .case("weighted", 290.0, weighted)
        .case("summed histograms", 2_350.0, merged)
        .case("truth", 2_000.0, truth)
}

fn edges() -> Law {
    let p99 = |inputs: &'static [&'static str]| {
        move |seed| asked(&Q, seed, &[("rate", "0"), ("clock", "1")], inputs, Us::s(16), ["reported_p99"])[0]
    };
    Law::new("bucket-edge", "A quantile inside a bucket", Exact)
        .says("All requests take 260 ms. The estimate goes along a straight line in the bucket that holds the rank.")
        .formula("low + (high − low)·(rank − below)/here")
        .source(QUANTILE.0, QUANTILE.1)
        .unit("ms")
        .case("bounds 250 and 500 ms", 497.5, p99(&["1s given ms=260"]))
        .case("one more at 300 ms", 299.5, p99(&["0s bound ms=300", "1s given ms=260"]))
}

fn pages() -> Law {
    let law = Law::new("burn-rate-holds", "When a burn-rate rule holds", Percent(0.4))
        .says("A constant share of failures after a clean past, 99.9 % promised. From the first failure until the rule holds for the requests as they were; scrapes come on top. Up to 10 % of failures on a clock that is 60 times as fast.")
        .formula("t = b·(1 − objective)·window / e")
        .source(WORKBOOK.0, WORKBOOK.1)
        .unit("min");
    // (rule, failures in percent, clock, requests a second, until).
    let cases = [
        (0, "100", "1", "100", 80),
        (0, "10", "1", "100", 540),
        (0, "2", "60", "1000", 50),
        (1, "1", "60", "100", 230),
    ];
    cases.into_iter().fold(law, |law, (rule, share, clock, rate, until)| {
        let e = crate::decimal::parse(share).unwrap_or(0.0) / 100.0;
        let expected = holds_after(&RULES[rule], 0.999, e).map_or(f64::NAN, |t| t.as_s() / 60.0);
        law.case(format!("{share} % fail, {} x", crate::decimal::Plain(RULES[rule].burn)), expected, move |seed| {
            let knobs = [("clock", clock), ("rate", rate), ("even", "on")];
            let errors = format!("0s errors share={share}");
            asked(&Q, seed, &knobs, &[&errors], Us::s(until), [["held(1)", "held(2)"][rule]])[0]
        })
    })
}

fn omission() -> Law {
    let p99 = |tester: &'static str, what: &'static str| {
        move |seed| asked(&Q, seed, &[("rate", "0"), ("tester", tester)], &["50s freeze for=10"], Us::s(120), [what])[0]
    };
    Law::new("coordinated-omission", "Coordinated omission", Percent(1.0))
        .says("100 s at 100 requests a second of 1 ms each; the server stands still for 10 s. p99 of a tester with one connection, of the same with the omitted requests put back, and of one that sends by the clock.")
        .formula("open: 10 s − 100·(10 ms − 1/8 ms), the hundredth longest wait with eight workers; closed: 1 of 9,001 is slow")
        .source(WRK2.0, WRK2.1)
        .unit("ms")
        .case("closed", 1.0, p99("closed", "test_p99"))
        .case("closed, corrected", 9_000.0, p99("closed", "test_p99_corrected"))
        .case("open", 9_012.5, p99("open", "test_p99"))
}

fn labels() -> Law {
    let ask = |user: &'static str, what: &'static str| {
        move |seed| asked(&Q, seed, &[("rate", "0"), ("user_label", user)], &[], Us::s(1), [what])[0]
    };
    Law::new("label-sets", "Labels multiply", Exact)
        .says("5 methods, 20 routes, 50 instances, 12 statuses, then 100,000 users. A histogram with 11 bounds makes 14 series of each set.")
        .formula("the product of the numbers of values")
        .source(ARITHMETIC.0, ARITHMETIC.1)
        .unit("")
        .case("label sets", 60_000.0, ask("off", "label_sets"))
        .case("series of the histogram", 840_000.0, ask("off", "series_possible"))
        .case("with the user", 6e9, ask("on", "label_sets"))
}

fn buffer() -> Law {
    let ask = |wait: &'static str, until: u64, what: &'static str| {
        move |seed| {
            let knobs = [("sampling", "tail"), ("even", "on"), ("wait", wait)];
            asked(&Q, seed, &knobs, &[], Us::s(until), [what])[0]
        }
    };
    Law::new("tail-buffer", "Memory of a tail sampler", Percent(0.5))
        .says("1,000 requests a second with 20 spans of 500 bytes, a decision after 30 s: MB. And room for 50,000 traces, if the wait is 60 s: traces that wait.")
        .formula("wait × rate × spans × bytes, at most the room")
        .source(COLLECTOR.0, COLLECTOR.1)
        .unit("MB; traces")
        .case("30 s", 300.0, ask("30", 40, "buffer"))
        .case("60 s", 50_000.0, ask("60", 55, "traces_waiting"))
}
