//! Caches: hit ratios by size and by time to live, stampedes and what tames them.

use super::Tolerance::{Absolute, AtMost, Exact, Percent};
use super::{Law, asked, together};
use crate::blocks::cache::{Cache, Look, Policy};
use crate::blocks::miss_curve::MissCurve;
use crate::blocks::popularity::Zipf;
use crate::blocks::stampede::early;
use crate::kernel::{Stream, Tape, Us};
use crate::questions::caching_benefits::QUESTION;
use crate::theory;

const FRICKER: (&str, &str) = (
    "C. Fricker, P. Robert, J. Roberts: A versatile and accurate approximation for LRU cache performance, 2012",
    "https://arxiv.org/abs/1202.3974",
);
const MATTSON: (&str, &str) = (
    "R. L. Mattson and others: Evaluation techniques for storage hierarchies, 1970",
    "https://doi.org/10.1147/sj.92.0078",
);
const VATTANI: (&str, &str) = (
    "A. Vattani, F. Chierichetti, K. Lowenstein: Optimal Probabilistic Cache Stampede Prevention, VLDB 2015",
    "https://www.vldb.org/pvldb/vol8/p886-vattani.pdf",
);
const BRESLAU: (&str, &str) = (
    "L. Breslau and others: Web Caching and Zipf-like Distributions, INFOCOM 1999",
    "https://doi.org/10.1109/INFCOM.1999.749260",
);
const RENEWAL: (&str, &str) = ("renewal theory: one miss, then λT hits until it expires", "");

pub(super) fn laws() -> Vec<Law> {
    let mut laws = vec![che(), fifo(), best(), curve(), zipf(), ttl_hits(), ttl_misses(), stampede(), single_flight()];
    laws.extend(xfetch());
    laws
}

/// Hit ratio in percent over `n` requests after as many to warm up.
fn hits(policy: Policy, skew: f64, capacity: u32, n: u64, seed: u64) -> f64 {
    let zipf = Zipf::new(10_000, skew);
    let draws = Tape::new(seed).purpose("key");
    let mut cache = Cache::<()>::bounded(capacity, policy);
    let mut hit = 0u64;
    for i in 0..2 * n {
        let key = zipf.rank(draws.at(i + 1));
        if cache.get(Us::ms(1), key).0 == Look::Fresh {
            hit += u64::from(i >= n);
        } else {
            cache.fill(Us::ms(1), key, Us::s(1_000_000));
        }
    }
    100.0 * hit as f64 / n as f64
}

fn che() -> Law {
    let mut law = Law::new("che", "A cache for the least recently used", Absolute(1.0))
        .says("10,000 keys whose popularity follows Zipf's law with exponent s, room for C: the hit ratio of LRU, by Che's approximation.")
        .formula("h = Σ qᵢ(1 − e^(−qᵢt)), with t such that Σ (1 − e^(−qᵢt)) = C")
        .source(FRICKER.0, FRICKER.1)
        .unit("% of requests");
    for skew in [0.8, 1.0, 1.2] {
        for capacity in [100u32, 1_000, 2_000] {
            let classes = Zipf::new(10_000, skew).classes();
            let expected = theory::che(&classes, f64::from(capacity)).map_or(f64::NAN, |c| 100.0 * c.hit);
            law = law.case(format!("s = {skew}, C = {capacity}"), expected, move |seed| {
                hits(Policy::Lru, skew, capacity, 200_000, seed)
            });
        }
    }
    law
}

fn fifo() -> Law {
    let classes = Zipf::new(10_000, 0.8).classes();
    let law = Law::new("fifo", "First in, first out", Absolute(1.0))
        .says("The same with a cache that evicts what came in first: each key is there like with a time to live.")
        .formula("h = Σ qᵢ · qᵢt / (1 + qᵢt), with t such that the entries fill the cache")
        .source(FRICKER.0, FRICKER.1)
        .unit("% of requests");
    [100u32, 1_000, 2_000].into_iter().fold(law, |law, capacity| {
        let expected = theory::fifo(&classes, f64::from(capacity)).map_or(f64::NAN, |c| 100.0 * c.hit);
        law.case(format!("s = 0.8, C = {capacity}"), expected, move |seed| {
            hits(Policy::Fifo, 0.8, capacity, 200_000, seed)
        })
    })
}

fn best() -> Law {
    let classes = Zipf::new(10_000, 0.8).classes();
    let law = Law::new("static-best", "What no cache can beat", AtMost(0.0))
        .says("Requests that are independent of each other: no policy hits more than a cache that holds the C most popular keys for ever.")
        .formula("h ≤ q₁ + q₂ + … + q_C")
        .source(FRICKER.0, FRICKER.1)
        .unit("% of requests")
        .seeds(2);
    [("LRU", Policy::Lru), ("LFU", Policy::Lfu), ("FIFO", Policy::Fifo)].into_iter().fold(law, |law, (name, policy)| {
        law.case(format!("{name}, C = 1,000"), 100.0 * theory::static_best(&classes, 1_000.0), move |seed| {
            hits(policy, 0.8, 1_000, 200_000, seed)
        })
    })
}

/// One pass of stack distances.
fn curve() -> Law {
    let classes = Zipf::new(5_000, 0.9).classes();
    let measures = together(|seed| {
        let zipf = Zipf::new(5_000, 0.9);
        let draws = Tape::new(seed).purpose("key");
        let mut curve = MissCurve::new(5_001);
        for i in 0..300_000u64 {
            // The first requests of the keys count as misses of every size; leave them out.
            if i == 100_000 {
                (0..20).for_each(|_| curve.fade());
            }
            curve.touch(zipf.rank(draws.at(i + 1)));
        }
        [10.0, 50.0, 200.0, 1_000.0, 3_000.0].map(|c| 100.0 * curve.hit_ratio(c).unwrap_or(f64::NAN))
    });
    let law = Law::new("miss-curve", "All sizes at once", Absolute(1.0))
        .says("5,000 keys, s = 0.9: one pass over the requests gives the hit ratio of every size; here against Che's approximation.")
        .formula("the share of requests whose stack distance is at most C")
        .source(MATTSON.0, MATTSON.1)
        .unit("% of requests");
    [10.0, 50.0, 200.0, 1_000.0, 3_000.0].into_iter().zip(measures).fold(law, |law, (capacity, measure)| {
        let expected = theory::che(&classes, capacity).map_or(f64::NAN, |c| 100.0 * c.hit);
        law.case(format!("C = {capacity}"), expected, measure)
    })
}

fn zipf() -> Law {
    let mut law = Law::new("zipf", "A few keys do most of the work", Percent(2.0))
        .says("400,000 draws of 10,000 keys: the share of requests that ask for the most popular one.")
        .formula("q₁ = 1 / Σ r^(−s)")
        .source(BRESLAU.0, BRESLAU.1)
        .unit("% of requests");
    for skew in [0.8, 1.0, 1.2] {
        let expected = 100.0 / (1..=10_000).map(|r| libm::pow(f64::from(r), -skew)).sum::<f64>();
        law = law.case(format!("s = {skew}"), expected, move |seed| {
            let zipf = Zipf::new(10_000, skew);
            let mut draws = Stream::new(seed, "accuracy", "zipf", 0);
            let n = 400_000;
            100.0 * (0..n).filter(|_| zipf.rank(draws.bits()) == 1).count() as f64 / f64::from(n)
        });
    }
    law
}

fn ttl_hits() -> Law {
    let mut law = Law::new("ttl-hit", "Kept for a time", Percent(1.0))
        .says("One key that is asked for λ times a second and kept for T seconds after each load: the share of hits.")
        .formula("h = λT / (1 + λT)")
        .source(RENEWAL.0, RENEWAL.1)
        .unit("% of requests");
    for (rate, ttl) in [(1.0, 0.5), (2.0, 3.0), (10.0, 2.0)] {
        law = law.case(format!("λ = {rate}/s, T = {ttl} s"), 100.0 * theory::ttl_hit(rate, ttl), move |seed| {
            let mut gaps = Stream::new(seed, "accuracy", "ttl", 0);
            let mut cache = Cache::<()>::new(1);
            let (mut now, mut hits, n) = (Us::ms(1), 0, 200_000);
            for _ in 0..n {
                now += gaps.exp(Us::from_s(1.0 / rate));
                match cache.look(now, 0) {
                    Look::Fresh => hits += 1,
                    _ => _ = cache.fill(now, 0, Us::from_s(ttl)),
                }
            }
            100.0 * f64::from(hits) / f64::from(n)
        });
    }
    law
}

fn ttl_misses() -> Law {
    let mut law = Law::new("ttl-misses", "At most one query a key and lifetime", Percent(3.0))
        .says("The question's own readers, 5,000 a second by s = 0.9, a cache that never evicts, one load at a time: queries a second that reach the database.")
        .formula("Σ λᵢ / (1 + λᵢT) ≤ keys / T")
        .source(RENEWAL.0, RENEWAL.1)
        .unit("queries a second");
    for (keys, ttl, until) in [(1_000u32, 5u64, 60u64), (3_000, 5, 60), (10_000, 10, 60)] {
        let classes = Zipf::new(keys, 0.9).classes();
        let expected = theory::ttl_misses(&classes, 5_000.0, ttl as f64);
        law = law.case(format!("{keys} keys, T = {ttl} s"), expected, move |seed| {
            let (k, t) = (keys.to_string(), ttl.to_string());
            let knobs = [
                ("policy", "ttl"),
                ("capacity", "100000"),
                ("keys", &*k),
                ("ttl", &*t),
                ("guard", "single-flight"),
                ("writes", "0"),
                ("recompute", "1"),
                ("db_time", "1"),
                ("warm", "on"),
            ];
            asked(&QUESTION, seed, &knobs, &[], Us::s(until), ["db_rate(20s, 60s)"])[0]
        });
    }
    law
}

fn hot(seed: u64, more: &[(&str, &str)], ask: &str) -> f64 {
    let base = [("reads", "0"), ("hot", "2000"), ("writes", "0"), ("arrivals", "even")];
    let knobs: Vec<_> = base.iter().chain(more).copied().collect();
    asked(&QUESTION, seed, &knobs, &["2s expire key=1"], Us::s(4), [ask])[0]
}

fn stampede() -> Law {
    Law::new("stampede", "The hottest key expires", Exact)
        .says("2,000 evenly spaced reads a second of one page that takes 200 ms to make: how many queries one expiry starts.")
        .formula("1 + λδ")
        .source(VATTANI.0, VATTANI.1)
        .unit("queries")
        .seeds(3)
        .case("no guard", 401.0, |seed| hot(seed, &[], "db_calls(2s, 4s)"))
}

fn single_flight() -> Law {
    let law = Law::new("single-flight", "One load a process", AtMost(0.0))
        .says("The same expiry with single flight in each of n processes: the most loads of the key at the same time.")
        .formula("≤ n")
        .source("Package singleflight, Go documentation", "https://pkg.go.dev/golang.org/x/sync/singleflight")
        .unit("loads")
        .seeds(3);
    [1u32, 7, 50].into_iter().fold(law, |law, n| {
        law.case(format!("n = {n}"), f64::from(n), move |seed| {
            hot(seed, &[("guard", "single-flight"), ("apps", &n.to_string())], "loads_max")
        })
    })
}

/// (recomputations, lead of the first in seconds) around one expiry, averaged over many.
fn expiries(rate: f64, delta: Us, beta: f64, n: u32, seed: u64) -> [f64; 2] {
    let mut s = Stream::new(seed, "accuracy", "expiries", 0);
    // Far enough back that nobody recomputes yet: e^-12 of a first trigger.
    let expiry = Us::from_s(theory::xfetch_lead(rate, delta.as_s(), beta) + 12.0 * beta * delta.as_s());
    let (mut all, mut lead) = (0u64, 0.0);
    for _ in 0..n {
        let (mut now, mut refreshed) = (Us::ZERO, Us::MAX);
        loop {
            now += s.exp(Us::from_s(1.0 / rate));
            if now >= refreshed {
                break;
            }
            if now >= expiry || early(now, expiry, delta, beta, s.bits()) {
                if refreshed == Us::MAX {
                    refreshed = now + delta;
                    lead += expiry.as_s() - now.as_s();
                }
                all += 1;
            }
        }
    }
    [all as f64 / f64::from(n), lead / f64::from(n)]
}

fn xfetch() -> [Law; 3] {
    let mut read = Law::new("xfetch-read", "Early, at random: one read", Absolute(0.5))
        .says("XFetch, a value that takes δ to make: the chance that a read recomputes it with so much left until it expires.")
        .formula("e^(−x / βδ)")
        .source(VATTANI.0, VATTANI.1)
        .unit("% of reads");
    for (left, beta) in [(1.0, 1.0), (2.0, 1.0), (1.0, 0.5), (1.0, 2.0)] {
        read = read.case(format!("x = {left} δ, β = {beta}"), 100.0 * libm::exp(-left / beta), move |seed| {
            let mut s = Stream::new(seed, "accuracy", "xfetch", 0);
            let (n, expiry) = (200_000, Us::s(100));
            let now = expiry - Us::from_s(left);
            let yes = (0..n).filter(|_| early(now, expiry, Us::s(1), beta, s.bits())).count();
            100.0 * yes as f64 / f64::from(n)
        });
    }
    let mut mean = Law::new("xfetch-mean", "Early, at random: one expiry", Percent(6.0))
        .says("How many recompute around one expiry, averaged over 4,000 expiries. Neither the rate nor δ matters.")
        .formula("e^(1/β)")
        .source(VATTANI.0, VATTANI.1)
        .unit("recomputations");
    let mut lead = Law::new("xfetch-lead", "Early, at random: how early", Percent(3.0))
        .says("How long before the expiry the first of them begins.")
        .formula("βδ(ln(λβδ) + γ)")
        .source(VATTANI.0, VATTANI.1)
        .unit("s");
    for (rate, delta, beta) in [(1_000.0, 100, 1.0), (200.0, 500, 1.0), (1_000.0, 100, 2.0), (1_000.0, 100, 0.5)] {
        let label = format!("λ = {rate}/s, δ = {delta} ms, β = {beta}");
        let delta = Us::ms(delta);
        let [recomputed, first] = together(move |seed| expiries(rate, delta, beta, 4_000, seed));
        mean = mean.case(&label, theory::xfetch_recomputations(beta), recomputed);
        lead = lead.case(label, theory::xfetch_lead(rate, delta.as_s(), beta), first);
    }
    [read, mean, lead]
}
