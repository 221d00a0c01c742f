//! Who tries again, who gets the work, and when more servers come.

use super::Tolerance::{Absolute, AtMost, Exact, Percent};
use super::{Law, asked, together};
use crate::blocks::autoscaler::{Rules, Seen, desired};
use crate::blocks::balancer::{Balancer, Choice};
use crate::blocks::retry::{Backoff, Jitter, Layers, Retry, Throttle};
use crate::kernel::{Queue, Stream, Us};
use crate::questions::{million_rpm_architecture as million, traffic_spike_10x as spike};

const BROOKER: (&str, &str) = (
    "M. Brooker: Exponential Backoff And Jitter, 2015, and its simulator",
    "https://github.com/aws-samples/aws-arch-backoff-simulator",
);
const SRE_CASCADING: (&str, &str) = (
    "Site Reliability Engineering, chapter 22: Addressing Cascading Failures",
    "https://sre.google/sre-book/addressing-cascading-failures/",
);
const SRE_OVERLOAD: (&str, &str) =
    ("Site Reliability Engineering, chapter 21: Handling Overload", "https://sre.google/sre-book/handling-overload/");
const BUILDERS: (&str, &str) = (
    "M. Brooker: Timeouts, retries and backoff with jitter, Amazon Builders' Library",
    "https://aws.amazon.com/builders-library/timeouts-retries-and-backoff-with-jitter/",
);
const MITZENMACHER: (&str, &str) = (
    "M. Mitzenmacher: The Power of Two Choices in Randomized Load Balancing, 2001",
    "https://www.eecs.harvard.edu/~michaelm/postscripts/tpds2001.pdf",
);
const HPA: (&str, &str) = (
    "Kubernetes documentation: Horizontal Pod Autoscaling, algorithm details",
    "https://kubernetes.io/docs/tasks/run-application/horizontal-pod-autoscale/",
);

pub(super) fn laws() -> Vec<Law> {
    let mut laws: Vec<Law> = jitter().into();
    laws.extend([layers(), throttle(), supermarket(), formula()]);
    laws.extend(staircase());
    laws.push(zone());
    laws
}

/// One row that every client updates once under optimistic concurrency: read, write, and on a conflict back off and
/// start again. Returns (calls of the server's write, seconds until the last client is done).
fn contend(backoff: Backoff, jitter: Jitter, clients: u32, seed: u64) -> [f64; 2] {
    #[derive(Clone, Copy)]
    enum Ev {
        Read(u32),
        GotVersion(u32, u32),
        Write(u32, u32),
        Answer(u32, bool),
    }
    let retry = Retry { attempts: u8::MAX, backoff, jitter, base: Us::ms(5), cap: Us::ms(2_000) };
    let mut network = Stream::new(seed, "accuracy", "network", 0);
    let mut hop = || Us::from_ms((10.0 + 2.0 * network.normal()).abs());
    let mut chance = Stream::new(seed, "accuracy", "jitter", 0);
    let mut queue = Queue::default();
    for c in 0..clients {
        queue.push(hop(), Ev::Read(c));
    }
    // The published program doubles before the first wait already.
    let mut waits = vec![(1u8, Us::ZERO); clients as usize];
    let (mut version, mut calls, mut done_at) = (0u32, 0u32, Us::ZERO);
    while let Some((now, event)) = queue.pop() {
        match event {
            Ev::Read(c) => queue.push(now + hop(), Ev::GotVersion(c, version)),
            Ev::GotVersion(c, seen) => queue.push(now + hop(), Ev::Write(c, seen)),
            Ev::Write(c, seen) => {
                calls += 1;
                let ok = seen == version;
                version += u32::from(ok);
                queue.push(now + hop(), Ev::Answer(c, ok));
            }
            Ev::Answer(_, true) => done_at = now,
            Ev::Answer(c, false) => {
                let (attempt, last) = &mut waits[c as usize];
                *attempt = attempt.saturating_add(1);
                *last = retry.wait(*attempt, *last, chance.unit());
                queue.push(now + *last + hop(), Ev::Read(c));
            }
        }
    }
    [f64::from(calls), done_at.as_s()]
}

type Kind = (&'static str, Backoff, Jitter);
const KINDS: [Kind; 5] = [
    ("no backoff", Backoff::None, Jitter::None),
    ("exponential, no jitter", Backoff::Exponential, Jitter::None),
    ("decorrelated jitter", Backoff::Exponential, Jitter::Decorrelated),
    ("equal jitter", Backoff::Exponential, Jitter::Equal),
    ("full jitter", Backoff::Exponential, Jitter::Full),
];

fn jitter() -> [Law; 3] {
    let mut calls = Law::new("jitter-calls", "What jitter saves", Percent(5.0))
        .says("100 clients update one row, each once, by optimistic concurrency over a network of 10 ± 2 ms; base 5 ms, cap 2 s, as in the published simulator: calls until all are done. The article shows curves; the expected figures are those of its program, run again.")
        .formula("the published simulator, mean of its runs")
        .source(BROOKER.0, BROOKER.1)
        .unit("calls")
        .seeds(150);
    let mut time = Law::new("jitter-time", "What jitter costs in time", Percent(8.0))
        .says("The same runs: the time until the last client is done. Backoff without jitter sends everybody to the longest waits.")
        .formula("the published simulator, mean of its runs")
        .source(BROOKER.0, BROOKER.1)
        .unit("s")
        .seeds(150);
    let figures = [(2_420.0, 2.0), (1_842.0, 62.7), (1_001.0, 4.6), (813.0, 6.6), (796.0, 4.9)];
    for ((label, backoff, jitter), (n, s)) in KINDS.into_iter().zip(figures) {
        let [made, took] = together(move |seed| contend(backoff, jitter, 100, seed));
        calls = calls.case(label, n, made);
        time = time.case(label, s, took);
    }
    [calls, time, order()]
}

/// What the article concludes, which is more than its figures: the order.
fn order() -> Law {
    let ratios = together(|_| {
        let means = KINDS.map(|(_, backoff, jitter)| {
            let runs = (1..=150).map(|seed| contend(backoff, jitter, 100, seed));
            runs.fold([0.0, 0.0], |[n, s], [calls, time]| [n + calls, s + time])
        });
        let [none, plain, decorrelated, equal, full] = means;
        let jittered = decorrelated[1].max(equal[1]).max(full[1]);
        [
            full[0] / equal[0],
            equal[0] / decorrelated[0],
            decorrelated[0] / plain[0],
            plain[0] / none[0],
            full[1] / equal[1],
            jittered / plain[1],
        ]
    });
    let law = Law::new("jitter-order", "Which jitter is better", AtMost(0.0))
        .says("What the article concludes from its curves, as ratios of the means of 150 runs: full jitter makes the fewest calls, and backoff without jitter takes longest by far.")
        .formula("full ≤ equal ≤ decorrelated < exponential < none")
        .source(BROOKER.0, BROOKER.1)
        .unit("times");
    [
        ("calls, full / equal jitter", 1.0),
        ("calls, equal / decorrelated jitter", 1.0),
        ("calls, decorrelated / no jitter", 1.0),
        ("calls, no jitter / no backoff", 1.0),
        ("time, full / equal jitter", 1.0),
        ("time, slowest jitter / no jitter", 0.2),
    ]
    .into_iter()
    .zip(ratios)
    .fold(law, |law, ((label, expected), ratio)| law.case(label, expected, ratio))
}

fn layers() -> Law {
    let law = Law::new("layers", "Retries multiply", Exact)
        .says("Layers that each try so many times, over a dependency that always fails: calls that reach it.")
        .formula("attempts ^ layers")
        .source(SRE_CASCADING.0, SRE_CASCADING.1)
        .unit("calls");
    let law = [(4u8, 3usize, 64.0), (6, 1, 6.0)].into_iter().fold(law, |law, (attempts, layers, expected)| {
        law.case(format!("{attempts} attempts, {layers} layers"), expected, move |_| made(attempts, layers))
    });
    let mut law = law.case("3 attempts, 5 layers (Builders' Library)", 243.0, |_| made(3, 5));
    law.source = (SRE_CASCADING.0, BUILDERS.1);
    law
}

fn made(attempts: u8, layers: usize) -> f64 {
    let mut tree = Layers::new(layers);
    1.0 + core::iter::from_fn(|| tree.failed(attempts, |_| true)).count() as f64
}

fn throttle() -> Law {
    let law = Law::new("throttle", "A client that refuses its own requests", Absolute(0.1))
        .says("A hundred requests a second, a dependency that accepts a share of them, ten minutes: sent for each one accepted, once it accepts fewer than one in K.")
        .formula("max(0, (requests − K·accepts) / (requests + 1)), K = 2 ⇒ about K")
        .source(SRE_OVERLOAD.0, SRE_OVERLOAD.1)
        .unit("sent per accepted")
        .seeds(3);
    [0.3, 0.1].into_iter().fold(law, |law, accepts| {
        law.case(format!("accepts {accepts} of what comes"), Throttle::K, move |seed| {
            let (sent, accepted) = throttled(seed, accepts);
            f64::from(sent) / f64::from(accepted.max(1))
        })
    })
}

/// Ten minutes of [`THROTTLED`] requests before a dependency that accepts this share of what could come: how many the
/// client sends, and how many are accepted.
pub(crate) fn throttled(seed: u64, accepts: f64) -> (u32, u32) {
    let (mut throttle, mut chance) = (Throttle::new(Throttle::K), Stream::new(seed, "accuracy", "throttle", 0));
    let (mut sent, mut accepted, mut room) = (0u32, 0u32, 0.0f64);
    for i in 0..u64::from(THROTTLED) {
        let now = Us::ms(10 * i);
        room = (room + accepts).min(5.0);
        if throttle.ask(now, chance.unit()) {
            sent += 1;
            if room >= 1.0 {
                room -= 1.0;
                accepted += 1;
                throttle.accepted(now);
            }
        }
    }
    (sent, accepted)
}

/// A hundred a second for ten minutes.
pub(crate) const THROTTLED: u32 = 60_000;

/// n M/M/1 servers, each arrival joins the shorter of two lines: mean time in the system in service times.
fn supermarket() -> Law {
    let law = Law::new("two-choices", "The shorter of two lines", Percent(5.0))
        .says("200 servers at load ρ, each request goes to the shorter of two random lines: the mean time in service times. With one choice it would be 1 / (1 − ρ). The formula is for infinitely many servers.")
        .formula("Σ ρ^(2ⁱ − 2), i ≥ 1")
        .source(MITZENMACHER.0, MITZENMACHER.1)
        .unit("service times");
    [0.7, 0.9].into_iter().fold(law, |law, rho| {
        let expected = (1..8).map(|i| libm::pow(rho, f64::from(1u32 << i) - 2.0)).sum();
        law.case(format!("ρ = {rho}"), expected, move |seed| {
            let n = 200;
            let mut b = Balancer::new(std::iter::repeat_n(0, n), None);
            let mut s = Stream::new(seed, "accuracy", "supermarket", 0);
            let mut events: Queue<Option<u16>> = Queue::default();
            let (unit, mut area, mut served, mut inside, mut since) = (Us(10_000), 0.0, 0u64, 0u64, 0u64);
            events.push(Us(0), None);
            while let Some((now, event)) = events.pop().filter(|(t, _)| *t < Us::s(60)) {
                area += inside as f64 * (now.0 - since) as f64;
                since = now.0;
                let begin = match event {
                    None => {
                        events.push(now + s.exp(Us::from_us(unit.0 as f64 / (rho * n as f64))), None);
                        inside += 1;
                        let joined = b.pick(Choice::TwoChoices, s.bits(), None);
                        joined.filter(|t| b.outstanding(*t) == 1)
                    }
                    Some(t) => {
                        (inside, served) = (inside - 1, served + 1);
                        b.release(t);
                        (b.outstanding(t) > 0).then_some(t)
                    }
                };
                if let Some(t) = begin {
                    events.push(now + s.exp(unit), Some(t));
                }
            }
            area / served as f64 / unit.0 as f64
        })
    })
}

const CPU: Rules = Rules { target: 0.6, full: 1.0, tolerance: 0.1, replicas_min: 10, replicas_max: 100 };

fn formula() -> Law {
    let law = Law::new("hpa", "How many replicas", Exact)
        .says("The autoscaler's rule with a target of 60 %: pods that are not ready count as 0 % when it would scale up, pods without metrics as full when it would scale down, and within a tenth of the target nothing happens.")
        .formula("⌈current × metric / target⌉")
        .source(HPA.0, HPA.1)
        .unit("replicas");
    let all = |ready: u32, metric: f64| Seen { ready, sum: f64::from(ready) * metric, unready: 0, missing: 0 };
    [
        ("10 at 100 %", 10, all(10, 1.0), 17.0),
        ("10 at 65 %: within the tolerance", 10, all(10, 0.65), 10.0),
        ("10 at 30 %", 10, all(10, 0.3), 5.0),
        ("10 at 100 %, 7 starting", 17, Seen { ready: 10, sum: 10.0, unready: 7, missing: 0 }, 17.0),
        ("10 at 20 %, 10 unknown", 20, Seen { ready: 10, sum: 2.0, unready: 0, missing: 10 }, 20.0),
    ]
    .into_iter()
    .fold(law, |law, (label, current, seen, expected)| {
        law.case(label, expected, move |_| f64::from(desired(current, &seen, &CPU)))
    })
}

/// One attempt, even arrivals, perfect shedding.
fn stairs(seed: u64, more: &[(&str, &str)], asks: &[String]) -> Vec<f64> {
    let base = [
        ("arrivals", "even"),
        ("law", "fixed"),
        ("attempts", "1"),
        ("bound", "17"),
        ("expire", "on"),
        ("kappa", "0"),
        ("spike_for", "900"),
    ];
    let knobs: Vec<_> = base.iter().chain(more).copied().collect();
    let q = &spike::QUESTION;
    let mut value = crate::kernel::RunValue::new(q);
    value.seed = seed;
    for (key, text) in knobs {
        crate::script::set_knob(q, &mut value.knobs, key, text).unwrap_or_else(|why| panic!("{why}"));
    }
    let mut run = q.run(value);
    run.advance(Us::s(960), u64::MAX);
    let answer = |text: &String| {
        let ask = crate::script::parse_ask(q, text).unwrap_or_else(|why| panic!("{why}"));
        crate::script::answer(&*run, &ask).unwrap_or(f64::NAN)
    };
    asks.iter().map(answer).collect()
}

fn staircase() -> [Law; 3] {
    let mut steps = Law::new("hpa-stairs", "The staircase of a tenfold spike", Exact)
        .says("Ten pods at 59 %, ten times the load at once, a look every 15 s, pods ready after 60 s: seconds until so many replicas are asked for. CPU cannot read more than 100 %; requests per pod can.")
        .formula("⌈current × metric / target⌉, at most doubling in 15 s")
        .source(HPA.0, HPA.1)
        .unit("s");
    let mut passed = Law::new("hpa-passed", "When capacity passes demand", Exact)
        .says("The same spike: seconds until the pods that are ready can do all of it.")
        .formula("the first step that is large enough, plus the time to be ready")
        .source(HPA.0, HPA.1)
        .unit("s");
    let mut lost = Law::new("hpa-lost", "What the wait costs", Absolute(0.2))
        .says("The same spike over 15 minutes, with perfect shedding: the share of all requests that is refused until the pods are there.")
        .formula("Σ over the steps of (λ − capacity) · duration / (λ · 900 s)")
        .source(HPA.0, HPA.1)
        .unit("% of requests");
    for (metric, sizes, passes, share) in [
        ("cpu", [(17u32, 15.0), (29, 90.0), (49, 165.0), (82, 240.0), (99, 315.0)], 300.0, 18.5),
        ("requests", [(11, 15.0), (20, 15.0), (40, 30.0), (80, 45.0), (99, 60.0)], 105.0, 8.6),
    ] {
        let [a, b, c, d, e, when, gone] = together(move |seed| {
            let mut asks: Vec<String> = (0..900).map(|t| format!("replicas_at({}s)", 60 + t)).collect();
            asks.extend(["capacity_passed_s".to_string(), "lost_share(60s, 960s)".to_string()]);
            let got = stairs(seed, &[("metric", metric)], &asks);
            let first =
                |size: u32| got[..900].iter().position(|n| *n >= f64::from(size)).map_or(f64::NAN, |t| t as f64);
            let [a, b, c, d, e] = sizes.map(|(size, _)| first(size));
            [a, b, c, d, e, got[900], got[901]]
        });
        for ((size, at), measure) in sizes.into_iter().zip([a, b, c, d, e]) {
            steps = steps.case(format!("scaled on {metric}: {size} replicas"), at, measure);
        }
        passed = passed.case(format!("scaled on {metric}, ready after 60 s"), passes, when);
        lost = lost.case(format!("scaled on {metric}"), share, gone);
    }
    for (ready, metric, expected) in
        [("30", "cpu", 180.0), ("180", "cpu", 780.0), ("30", "requests", 75.0), ("180", "requests", 225.0)]
    {
        passed = passed.case(format!("scaled on {metric}, ready after {ready} s"), expected, move |seed| {
            stairs(seed, &[("ready", ready), ("metric", metric)], &["capacity_passed_s".to_string()])[0]
        });
    }
    [steps, passed, lost]
}

fn zone() -> Law {
    Law::new("zone", "A lost zone without headroom", Absolute(1.0))
        .says("105 servers of 160 requests a second in three zones, 16,667 a second: the share that is shed after a zone is lost.")
        .formula("1 − (2/3 · 105 · 160) / 16,667")
        .source("arithmetic", "")
        .unit("% of requests")
        .case("70 servers left", 100.0 * (1.0 - 70.0 * 160.0 / (1e6 / 60.0)), |seed| {
            let knobs = [("peak", "1"), ("servers", "105"), ("zone_data", "off")];
            asked(&million::QUESTION, seed, &knobs, &["4s zone zone=1"], Us::s(24), ["shed_share(14s, 24s)"])[0]
        })
}
