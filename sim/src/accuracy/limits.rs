//! Rate limits: what each algorithm promises, and the figures of the sources.

use super::Tolerance::{Absolute, AtMost, Exact};
use super::{Law, asked, together};
use crate::blocks::limiter::{Algorithm, Limiter, Policy};
use crate::kernel::{Stream, Us};
use crate::questions::{distributed_rate_limit as distributed, rate_limiter_design as limiter};

const REDIS_CELL: (&str, &str) = ("B. Leach: redis-cell", "https://github.com/brandur/redis-cell");
const CLOUDFLARE: (&str, &str) = (
    "J. Desgats: How we built rate limiting capable of scaling to millions of domains, Cloudflare 2017",
    "https://blog.cloudflare.com/counting-things-a-lot-of-different-things/",
);
const TURNER: (&str, &str) = (
    "J. Turner: New Directions in Communications (or Which Way to the Information Age?), 1986",
    "https://doi.org/10.1109/MCOM.1986.1092946",
);
const DEFINITION: (&str, &str) = ("the definition of the algorithm", "");
const ARITHMETIC: (&str, &str) = ("arithmetic", "");

pub(super) fn laws() -> Vec<Law> {
    vec![bounds(), span(), gcra(), boundary(), trap(), come_back(), counter(), approximation(), exchange(), alone()]
}

/// A random policy and a random history of requests: (when, cost).
fn history(s: &mut Stream) -> (Policy, Vec<(u64, u64)>) {
    let policy = Policy { limit: 1 + s.below(30), window: Us(1_000 + s.below(4_000_000)), burst: 1 + s.below(40) };
    let mut now = 0;
    let requests = (0..200).map(|_| {
        now += match s.below(8) {
            0 | 1 => 0,
            2..=4 => 1 + s.below(2_000),
            5 | 6 => 1_000 + s.below(400_000),
            _ => 500_000 + s.below(8_000_000),
        };
        (now, if s.below(5) == 0 { 1 + s.below(5) } else { 1 })
    });
    let requests = requests.collect();
    (policy, requests)
}

/// The most that went on in any (t - W, t].
fn most(passed: &[(u64, u64)], window: Us) -> u64 {
    let ending_at =
        |end: u64| passed.iter().filter(|(t, _)| *t <= end && t + window.0 > end).map(|(_, cost)| cost).sum();
    passed.iter().map(|(end, _)| ending_at(*end)).max().unwrap_or(0)
}

fn bounds() -> Law {
    let law = Law::new("window-bounds", "The most in any window", AtMost(0.0))
        .says("300 random policies, each with a history of 200 requests from bursts to silences: the fullest window of any, as a share of what the algorithm allows.")
        .formula("fixed window 2N; log N; counter 2N − 1; bucket and GCRA B + N; queue N + 1")
        .source(DEFINITION.0, DEFINITION.1)
        .unit("% of the bound")
        .seeds(2);
    Algorithm::ALL.into_iter().fold(law, |law, algorithm| {
        law.case(algorithm.name(), 100.0, move |seed| {
            let mut s = Stream::new(seed, "accuracy", "window bounds", 0);
            let mut worst = 0.0f64;
            for _ in 0..300 {
                let (policy, requests) = history(&mut s);
                let mut limiter = Limiter::new(algorithm);
                let mut passed = Vec::new();
                for (now, cost) in requests {
                    // A queue moves whole requests: its bound is for requests that cost the same.
                    let cost = if algorithm == Algorithm::LeakyQueue { 1 } else { cost };
                    let d = limiter.ask(&policy, now as i64, cost);
                    if d.admitted {
                        passed.push((now + d.wait.0, cost));
                    }
                }
                worst = worst.max(most(&passed, policy.window) as f64 / policy.bound_in_window(algorithm) as f64);
            }
            100.0 * worst
        })
    })
}

fn span() -> Law {
    Law::new("bucket-bound", "A bucket over any span", AtMost(0.0))
        .says("The same histories and a token bucket: what any span of time admitted beyond the bucket and its refill.")
        .formula("≤ B + (N/W)·t")
        .source(TURNER.0, TURNER.1)
        .unit("tokens too many")
        .seeds(2)
        .case("all spans of 300 histories", 0.0, |seed| {
            let mut s = Stream::new(seed, "accuracy", "bucket bound", 0);
            let mut worst = f64::NEG_INFINITY;
            for _ in 0..300 {
                let (policy, requests) = history(&mut s);
                let mut limiter = Limiter::new(Algorithm::TokenBucket);
                let passed: Vec<(u64, u64)> = requests
                    .into_iter()
                    .filter(|(now, cost)| limiter.ask(&policy, *now as i64, *cost).admitted)
                    .collect();
                for (i, (from, _)) in passed.iter().enumerate() {
                    let mut sum = 0;
                    for (at, cost) in &passed[i..] {
                        sum += cost;
                        // In 1/W of a token, so that nothing is rounded.
                        let allowed = policy.burst * policy.window.0 + policy.limit * (at - from);
                        worst = worst.max((sum * policy.window.0) as f64 - allowed as f64);
                    }
                }
            }
            worst.max(0.0)
        })
}

fn gcra() -> Law {
    Law::new("gcra-bucket", "GCRA is a token bucket in one number", Exact)
        .says("100 random policies with 1,000 requests each: decisions on which the two differ, in any of what they say (admitted, remaining, when to come back).")
        .formula("TAT − now = missing tokens · W/N")
        .source(REDIS_CELL.0, REDIS_CELL.1)
        .unit("of 100,000 decisions")
        .seeds(3)
        .case("every decision", 0.0, |seed| {
            let mut chance = Stream::new(seed, "accuracy", "bucket", 0);
            let mut differ = 0;
            for round in 0..100 {
                let policy = Policy {
                    limit: 1 + chance.below(200),
                    window: Us(1 + chance.below(90_000_000)),
                    burst: 1 + chance.below(150),
                };
                let (mut bucket, mut gcra) = (Limiter::new(Algorithm::TokenBucket), Limiter::new(Algorithm::Gcra));
                let mut clock = 0i64;
                let pace = policy.window.0 / policy.limit + 1;
                for _ in 0..1_000 {
                    clock += chance.below(3 * pace) as i64;
                    let cost = 1 + chance.below(1 + round % 5);
                    differ += u32::from(bucket.ask(&policy, clock, cost) != gcra.ask(&policy, clock, cost));
                }
            }
            f64::from(differ)
        })
}

fn boundary() -> Law {
    let law = Law::new("boundary", "Straddling the edge", Exact)
        .says("100 a minute: 100 requests in the last 100 ms of a window and 100 in the first 100 ms of the next. The most within a second.")
        .formula("fixed window 2N; log, counter and buckets of N: N; queue: a second's worth")
        .source(DEFINITION.0, DEFINITION.1)
        .unit("requests");
    [
        ("fixed-window", 200.0),
        ("sliding-log", 100.0),
        ("sliding-counter", 100.0),
        ("token-bucket", 100.0),
        ("gcra", 100.0),
        ("leaky-queue", 2.0),
    ]
    .into_iter()
    .fold(law, |law, (algorithm, expected)| {
        law.case(algorithm.replace('-', " "), expected, move |seed| {
            let knobs = [("algorithm", algorithm), ("edge", "60")];
            asked(&limiter::QUESTION, seed, &knobs, &[], Us::s(61), ["worst_second"])[0]
        })
    })
}

fn trap() -> Law {
    let law = Law::new("bucket-trap", "The bucket trap", Exact)
        .says("Ten requests a second for three minutes, the last at 179.9 s, at 100 a minute: how many are admitted.")
        .formula("fixed window and log 3N; bucket ⌊B + 179.9 · N/W⌋")
        .source(DEFINITION.0, DEFINITION.1)
        .unit("requests");
    [
        ("fixed-window", "100", 300.0),
        ("sliding-log", "100", 300.0),
        ("token-bucket", "100", 399.0),
        ("gcra", "100", 399.0),
        ("token-bucket", "50", 349.0),
        ("gcra", "20", 319.0),
        ("token-bucket", "10", 309.0),
    ]
    .into_iter()
    .fold(law, |law, (algorithm, burst, expected)| {
        law.case(format!("{}, B = {burst}", algorithm.replace('-', " ")), expected, move |seed| {
            let knobs =
                [("algorithm", algorithm), ("pattern", "greedy"), ("load", "6"), ("edge", "0"), ("burst", burst)];
            asked(&limiter::QUESTION, seed, &knobs, &[], Us::ms(179_950), ["admitted"])[0]
        })
    })
}

fn come_back() -> Law {
    let law = Law::new("retry-after", "When to come back, to the microsecond", Exact)
        .says("GCRA, 100 a minute, B = 10: ten at once, and one more. How many of the eleven are refused.")
        .formula("T + T·B − τ = W/N = 600,000 µs")
        .source(REDIS_CELL.0, REDIS_CELL.1)
        .unit("refused");
    [(599_999u32, 1.0), (600_000, 0.0)].into_iter().fold(law, |law, (after, expected)| {
        law.case(format!("{after} µs later"), expected, move |seed| {
            let knobs = [("algorithm", "gcra"), ("burst", "10"), ("pattern", "taps")];
            let late = format!("{after}us tap");
            asked(&limiter::QUESTION, seed, &knobs, &["0s burst count=10", &late], Us::s(1), ["refused"])[0]
        })
    })
}

fn counter() -> Law {
    Law::new("sliding-counter", "A sliding counter's estimate", Exact)
        .says("42 requests in the last minute and 18 in the first quarter of this one: what the counter takes for the last minute.")
        .formula("42 · 0.75 + 18 = 49.5")
        .source(CLOUDFLARE.0, CLOUDFLARE.1)
        .unit("requests")
        .case("estimate at a quarter", 49.5, |_| {
            let minute = Policy { limit: 1_000, window: Us::s(60), burst: 1 };
            let mut l = Limiter::new(Algorithm::SlidingCounter);
            (0..42).for_each(|_| _ = l.ask(&minute, 0, 1));
            (0..18).for_each(|_| _ = l.ask(&minute, 60_000_000, 1));
            l.used(&minute, 75_000_000)
        })
}

/// The expected figures are our own: the means of 60 seeds.
fn approximation() -> Law {
    let mut law = Law::new("approximation", "How wrong a sliding counter is near its limit", Absolute(1.0))
        .says("Five hours of Poisson traffic around the limit: requests that the counter decides otherwise than an exact log of the same traffic. The expected figures are the means of 60 other runs, not a formula; the published 0.003 % is for traffic far below the limit.")
        .formula("previous · (1 − f) + current against the log")
        .source(CLOUDFLARE.0, CLOUDFLARE.1)
        .unit("% of requests")
        .seeds(4);
    for (load, too_many, too_few) in
        [("0.5", 0.0, 0.0), ("0.9", 5.1, 1.1), ("1", 10.7, 3.6), ("1.1", 12.9, 7.3), ("1.5", 8.4, 21.4)]
    {
        let [many, few] = together(move |seed| {
            let knobs = [("algorithm", "sliding-counter"), ("pattern", "poisson"), ("load", load)];
            asked(&limiter::QUESTION, seed, &knobs, &[], Us::s(18_000), ["wrongly_admitted", "wrongly_refused"])
        });
        law = law.case(format!("load {load}, wrongly admitted"), too_many, many);
        law = law.case(format!("load {load}, wrongly refused"), too_few, few);
    }
    law
}

fn exchange() -> Law {
    let law = Law::new("overshoot", "Telling the others later", AtMost(0.0))
        .says("k nodes count for themselves and exchange counts every s, 100 a minute are allowed: what is admitted beyond that. The bound adds the round trip of 2 ms and one request of each node.")
        .formula("≤ Σ over the other nodes of (admit rate · s)")
        .source(ARITHMETIC.0, ARITHMETIC.1)
        .unit("requests too many")
        .seeds(3);
    [(50u32, "1", 4u32), (200, "1", 4), (200, "0.1", 4), (200, "0.2", 8), (2_000, "0.05", 4)].into_iter().fold(
        law,
        |law, (rate, every, nodes)| {
            let (r, s, k) = (f64::from(rate), every.parse::<f64>().unwrap_or(f64::NAN), f64::from(nodes));
            // A round trip more, and one request of each node that falls on the tick; never more than all of them alone.
            let bound = (r * (k - 1.0) / k * (s + 0.002) + k).min((k - 1.0) * 100.0);
            law.case(format!("{rate} a second, {nodes} nodes, s = {every} s"), bound, move |seed| {
                let (rate, nodes) = (rate.to_string(), nodes.to_string());
                let knobs =
                    [("mode", "async"), ("abuser", &*rate), ("sync", every), ("nodes", &*nodes), ("users", "0")];
                user(seed, &knobs) - 100.0
            })
        },
    )
}

/// What one user gets within a minute.
fn user(seed: u64, knobs: &[(&str, &str)]) -> f64 {
    asked(&distributed::QUESTION, seed, knobs, &[], Us::ms(59_900), ["user_admitted(0)"])[0]
}

fn alone() -> Law {
    let law = Law::new("alone", "Each node for itself", Exact)
        .says("No shared store, four nodes, 100 a minute: what one user who never stops gets within the minute.")
        .formula("N each: kN, or N behind a sticky balancer; N/k each: N, or N/k")
        .source(ARITHMETIC.0, ARITHMETIC.1)
        .unit("requests");
    [
        ("local", "round-robin", 400.0),
        ("split", "round-robin", 100.0),
        ("local", "sticky", 100.0),
        ("split", "sticky", 25.0),
    ]
    .into_iter()
    .fold(law, |law, (mode, balance, expected)| {
        let each = if mode == "local" { "N each" } else { "N/k each" };
        law.case(format!("{each}, {}", balance.replace('-', " ")), expected, move |seed| {
            user(seed, &[("mode", mode), ("algorithm", "calendar"), ("balance", balance), ("users", "0")])
        })
    })
}
