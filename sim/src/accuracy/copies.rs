//! Copies of data and promises across services: staleness, quorums, replicas, atomic commitment, availability.

use super::Tolerance::{Absolute, AtMost, Exact, Percent};
use super::{Law, asked, together};
use crate::blocks::coordinator::hot_row_ceiling_per_s;
use crate::blocks::replica::miss;
use crate::kernel::Us;
use crate::questions::{
    db_bottleneck_spikes as dbspike, event_sourcing, eventual_consistency as eventual, queue_vs_direct_call as queue,
    saga_consistency as saga,
};
use crate::theory;

const PBS: (&str, &str) = (
    "P. Bailis and others: Probabilistically Bounded Staleness for Practical Partial Quorums, VLDB 2012",
    "https://www.vldb.org/pvldb/vol5/p776_peterbailis_vldb2012.pdf",
);
const GIFFORD: (&str, &str) =
    ("D. Gifford: Weighted Voting for Replicated Data, 1979", "https://doi.org/10.1145/800215.806583");
const CHANCE: (&str, &str) = ("the product of independent chances", "");

/// A saga question in which nothing goes wrong by itself.
fn calm<'a>(more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let none = ["lose", "duplicate", "decline-payment", "decline-stock", "reads"].map(|key| (key, "0"));
    none.iter().chain(more).copied().collect()
}

pub(super) fn laws() -> Vec<Law> {
    let mut laws: Vec<Law> = pbs().into();
    laws.extend([overlap(), order_statistic(), exponential_lag(), replicas(), straight(), hot_row()]);
    laws.extend([up(), availability(), messages(), catch_up()]);
    laws
}

/// Writes followed at once by a read, before anything has spread: the share of reads at least one and two behind.
fn photo(n: u64, w: u64, r: u64, more: &[(&str, &str)], until: u64, seed: u64) -> [f64; 2] {
    let [n, w, r] = [n, w, r].map(|x| x.to_string());
    let base = [("n", &*n), ("w", &*w), ("r", &*r), ("keys", "4"), ("reads", "0"), ("anti_entropy", "20")];
    let knobs: Vec<_> = base.iter().chain(more).copied().collect();
    asked(&eventual::QUESTION, seed, &knobs, &[], Us::s(until), ["behind(1)", "behind(2)"])
}

fn pbs() -> [Law; 3] {
    let mut once = Law::new("pbs", "Looking at once", Absolute(2.0))
        .says("N copies; a write is acknowledged by W of them, and a read asks R at once, before anything has spread: how often it misses the write.")
        .formula("C(N − W, R) / C(N, R)")
        .source(PBS.0, PBS.1)
        .unit("% of reads")
        .seeds(2);
    for (n, w, r) in [(3, 1, 1), (5, 1, 1), (3, 2, 1), (2, 1, 1), (7, 2, 1), (3, 1, 2), (5, 2, 2), (5, 1, 3)] {
        once = once.case(format!("N = {n}, W = {w}, R = {r}"), 100.0 * miss(n, r, w), move |seed| {
            // A quorum of more than one takes a round trip, and other writes must not come in between.
            let (writes, until) = if w == 1 && r == 1 { ("20", 1_000) } else { ("0.5", 10_000) };
            let more = [("delay", "fixed"), ("fanout", "needed"), ("writes", writes)];
            photo(n, w, r, &more, until, seed)[0]
        });
    }
    let [one, two] = together(|seed| {
        photo(3, 1, 1, &[("delay", "fixed"), ("fanout", "needed"), ("writes", "20"), ("quick", "2")], 1_000, seed)
    });
    let twice = Law::new("pbs-versions", "Two versions behind", Absolute(1.3))
        .says("Two quick writes, N = 3, W = R = 1: a read is k or more versions behind as often as it misses k times.")
        .formula("p^k")
        .source(PBS.0, PBS.1)
        .unit("% of reads")
        .case("k = 1", 200.0 / 3.0, one)
        .case("k = 2", 400.0 / 9.0, two);
    let mut all = Law::new("pbs-bound", "Sending to all copies", AtMost(1.5))
        .says("When the coordinator sends to all copies at once, quorums grow while the read is under way: the formula is then an upper bound.")
        .formula("≤ C(N − W, R) / C(N, R)")
        .source(PBS.0, PBS.1)
        .unit("% of reads");
    for (n, w, r) in [(3, 1, 1), (3, 1, 2), (5, 2, 2), (5, 1, 2), (7, 3, 2)] {
        all = all.case(format!("N = {n}, W = {w}, R = {r}"), 100.0 * miss(n, r, w), move |seed| {
            photo(n, w, r, &[("writes", "0.5")], 4_000, seed)[0]
        });
    }
    [once, twice, all]
}

fn overlap() -> Law {
    let mut law = Law::new("quorum-overlap", "Quorums that overlap", Exact)
        .says("R + W > N, nothing fails: reads that miss an acknowledged write, of some 12,000.")
        .formula("R + W > N ⇒ 0")
        .source(GIFFORD.0, GIFFORD.1)
        .unit("stale reads")
        .seeds(2);
    for (n, w, r) in [(3, 2, 2), (3, 3, 1), (3, 1, 3), (5, 3, 3), (4, 2, 3), (7, 4, 4)] {
        law = law.case(format!("N = {n}, W = {w}, R = {r}"), 0.0, move |seed| {
            let [n, w, r] = [n, w, r].map(|x: u32| x.to_string());
            let knobs = [("n", &*n), ("w", &*w), ("r", &*r), ("writes", "20"), ("reads", "200"), ("timeout", "10000")];
            asked(&eventual::QUESTION, seed, &knobs, &[], Us::s(60), ["stale_total"])[0]
        });
    }
    law
}

fn order_statistic() -> Law {
    Law::new("quorum-latency", "What a quorum waits for", Percent(2.0))
        .says("Europe, America and Asia, 40 and 90 ms apart one way, fixed delays: a read of two waits for the nearer of the other two, there and back. Every node coordinates equally often.")
        .formula("(80 + 80 + 180) / 3")
        .source("the second smallest of three", "")
        .unit("ms")
        .seeds(3)
        .case("R = 2 of 3", 340.0 / 3.0, |seed| {
            let knobs = [("r", "2"), ("delay", "fixed"), ("reads", "200"), ("writes", "0")];
            asked(&eventual::QUESTION, seed, &knobs, &[], Us::s(60), ["read_mean"])[0]
        })
}

fn exponential_lag() -> Law {
    let law = Law::new("lag", "Where did my comment go?", Absolute(1.0))
        .says("A replica that is late by an exponential time of mean 200 ms: how often an author who looks after τ does not find what they wrote.")
        .formula("e^(−τ/D)")
        .source("the tail of the exponential distribution", "")
        .unit("% of looks");
    [50u32, 200, 400].into_iter().fold(law, |law, look| {
        let expected = 100.0 * theory::stale_after(f64::from(look) / 1e3, 0.200);
        law.case(format!("τ = {look} ms"), expected, move |seed| {
            let look = look.to_string();
            let knobs = [
                ("lag_kind", "bursts"),
                ("lookers", "100"),
                ("look", &*look),
                ("writes", "60"),
                ("reads", "10"),
                ("replicas", "15"),
                ("capacity", "100000"),
                ("fsync", "0"),
                ("row", "0"),
            ];
            asked(&dbspike::QUESTION, seed, &knobs, &[], Us::s(400), ["missed_share(2s, 400s)"])[0]
        })
    })
}

fn replicas() -> Law {
    let law = Law::new("replicas", "What replicas add", Percent(1.0))
        .says("Nodes of 10,000 units a second, each of which repeats all w writes: reads a second that n replicas and the primary answer, offered 40,000.")
        .formula("(n + 1)(C − w)")
        .source("arithmetic: every copy applies every write", "")
        .unit("reads a second");
    [(8_000u32, 0u32), (8_000, 2), (8_000, 10), (1_000, 2)].into_iter().fold(law, |law, (writes, n)| {
        let expected = theory::read_capacity(f64::from(n + 1), 10_000.0, f64::from(writes));
        law.case(format!("w = {writes}, n = {n}"), expected, move |seed| {
            let (w, n) = (writes.to_string(), n.to_string());
            let knobs = [
                ("writes", &*w),
                ("reads", "40000"),
                ("replicas", &*n),
                ("route", "all"),
                ("lookers", "0"),
                ("arrivals", "even"),
                ("law", "fixed"),
            ];
            asked(&dbspike::QUESTION, seed, &knobs, &[], Us::s(7), ["read_rate(3s, 7s)"])[0]
        })
    })
}

fn straight() -> Law {
    let law = Law::new("no-compensation", "Orders that need no compensation", Absolute(0.54))
        .says("3 % of the cards and 2 % of the reservations are declined; some 14,500 orders, three standard errors: the share that goes straight through.")
        .formula("0.97 · 0.98 = 0.9506")
        .source(CHANCE.0, CHANCE.1)
        .unit("% of orders");
    ["two-phase-commit", "orchestrated", "choreographed"].into_iter().fold(law, |law, mode| {
        law.case(mode.replace('-', " "), 95.06, move |seed| {
            let knobs = [("mode", mode), ("rate", "50"), ("stock", "100000"), ("lose", "0")];
            asked(&saga::QUESTION, seed, &knobs, &[], Us::s(290), ["straight_share"])[0]
        })
    })
}

fn hot_row() -> Law {
    let law = Law::new("hot-row", "The ceiling of a hot row", Percent(3.0))
        .says("A rush of orders for one row by two-phase commit, nothing else to do: completed a second, counted in whole orders and seconds.")
        .formula("1 / (2 RTT + 3 forced writes)")
        .source("arithmetic: one holder of the lock at a time", "")
        .unit("orders a second");
    [("0.8", 400u32), ("40", 40)].into_iter().fold(law, |law, (delay, n)| {
        let one_way: f64 = delay.parse().unwrap_or(f64::NAN);
        let ceiling = hot_row_ceiling_per_s(Us::from_ms(one_way * 2.0), Us::ms(1), Us::ZERO);
        law.case(format!("{delay} ms one way"), ceiling, move |seed| {
            let knobs = calm(&[
                ("mode", "two-phase-commit"),
                ("rate", "0"),
                ("step", "0"),
                ("stock", "1000"),
                ("delay", delay),
            ]);
            // Whole seconds in which the row is never idle.
            let until = (f64::from(n) / ceiling) as u64;
            let burst = format!("0s burst count={n}");
            asked(&saga::QUESTION, seed, &knobs, &[&burst], Us::s(until), ["completed"])[0] / until as f64
        })
    })
}

/// Each service is down for a tenth of the time, in phases that drift against each other.
fn downs() -> Vec<String> {
    let mut downs: Vec<(u64, String)> = Vec::new();
    for (service, period, phase) in [
        ("order", 20_000, 1_000),
        ("payment", 19_000, 4_700),
        ("inventory", 21_000, 9_100),
        ("shipping", 23_000, 13_900),
    ] {
        let length: f64 = period as f64 / 10_000.0;
        let times = (0..).map(|i| phase + i * period).take_while(|at| *at < 290_000);
        downs.extend(times.map(|at| (at, format!("{at}ms down service={service} seconds={length}"))));
    }
    downs.sort();
    downs.into_iter().map(|(_, text)| text).collect()
}

fn up() -> Law {
    let law = Law::new("all-up", "Everybody has to be up", Absolute(5.0))
        .says("Four participants that are each up 90 % of the time: orders that go straight through. A saga waits instead.")
        .formula("aⁿ = 0.9⁴; saga: 1")
        .source(CHANCE.0, CHANCE.1)
        .unit("% of orders");
    [("two-phase-commit", 65.61), ("orchestrated", 100.0)].into_iter().fold(law, |law, (mode, expected)| {
        law.case(mode.replace('-', " "), expected, move |seed| {
            let knobs = calm(&[
                ("mode", mode),
                ("rate", "20"),
                ("hot-share", "0"),
                ("step", "1"),
                ("delay", "1"),
                ("stock", "100000"),
            ]);
            let downs = downs();
            let inputs: Vec<&str> = downs.iter().map(String::as_str).collect();
            asked(&saga::QUESTION, seed, &knobs, &inputs, Us::s(299), ["straight_share"])[0]
        })
    })
}

fn availability() -> Law {
    let law = Law::new("availability", "The product of availabilities", Absolute(0.1))
        .says("Parts that are each there for 99.9 % of the requests: how many requests are answered, of 120,000.")
        .formula("0.999ⁿ")
        .source(CHANCE.0, CHANCE.1)
        .unit("% of requests");
    [
        ("in line, one after the other", "sequential", "plain", 5),
        ("in line, at the same time", "parallel", "plain", 5),
        ("by message", "message", "plain", 2),
        ("by message, with an outbox", "message", "outbox", 1),
    ]
    .into_iter()
    .fold(law, |law, (label, path, publish, parts)| {
        law.case(format!("{label}: n = {parts}"), 100.0 * libm::pow(0.999, f64::from(parts)), move |seed| {
            let knobs = [
                ("path", path),
                ("publish", publish),
                ("rate", "200"),
                ("work", "10"),
                ("consumers", "8"),
                ("refresh", "0"),
            ];
            asked(&queue::QUESTION, seed, &knobs, &[], Us::s(600), ["availability"])[0]
        })
    })
}

fn messages() -> Law {
    let law = Law::new("messages", "Messages for one order", Exact)
        .says("One order of four steps, counted message by message.")
        .formula("2PC: 6n, of which 4n are the protocol; events: 4 a step with an outbox, 3 without; orchestrated: 3 a command, 4 a reply")
        .source(
            "C. Mohan, B. Lindsay, R. Obermarck: Transaction Management in the R* Distributed Database System, 1986",
            "https://doi.org/10.1145/7239.7266",
        )
        .unit("messages");
    [
        ("two-phase commit, n = 4", "two-phase-commit", "on", 24.0),
        ("choreographed, outbox", "choreographed", "on", 16.0),
        ("choreographed, no outbox", "choreographed", "off", 12.0),
        ("published after the commit", "dual-write", "on", 12.0),
        ("orchestrated, outbox", "orchestrated", "on", 35.0),
        ("orchestrated, no outbox", "orchestrated", "off", 30.0),
    ]
    .into_iter()
    .fold(law, |law, (label, mode, outbox, expected)| {
        law.case(label, expected, move |seed| {
            let knobs = calm(&[("mode", mode), ("rate", "0"), ("outbox", outbox)]);
            asked(
                &saga::QUESTION,
                seed,
                &knobs,
                &["0s order sku=0 payment=approved"],
                Us::s(30),
                ["messages_per_order"],
            )[0]
        })
    })
}

fn catch_up() -> Law {
    let law = Law::new("catch-up", "How long a rebuild takes", Absolute(0.002))
        .says("A projector reads N old events at r a second while λ new ones come each second: when it has caught up.")
        .formula("N / (r − λ)")
        .source("arithmetic: what is left shrinks by r − λ", "")
        .unit("s");
    [(10_000_000u32, 20_000u32, 2_000u32), (1_000_000, 5_000, 3_000), (100_000, 20_000, 0)].into_iter().fold(
        law,
        |law, (history, speed, live)| {
            let expected = f64::from(history) / f64::from(speed - live);
            law.case(format!("N = {history}, r = {speed}, λ = {live}"), expected, move |seed| {
                let [n, r, l] = [history, speed, live].map(|x| x.to_string());
                let knobs = [("rate", "0"), ("history", &*n), ("speed", &*r), ("live", &*l)];
                let until = expected as u64 + 2;
                asked(&event_sourcing::QUESTION, seed, &knobs, &["0s rebuild"], Us::s(until), ["rebuild_took"])[0]
            })
        },
    )
}
