//! Where data lies and what it weighs: plans, shards, batches, bytes.

use super::Tolerance::{Absolute, AtMost, Exact, Percent};
use super::{Law, asked};
use crate::blocks::batcher::Costs;
use crate::blocks::codec::{Comment, Order};
use crate::blocks::planner;
use crate::blocks::shard::{Placement, ShardMap};
use crate::kernel::{Stream, Us};
use crate::questions::{db_bottleneck_spikes as dbspike, slow_db_queries as slow};
use crate::theory;

const POSTGRES: (&str, &str) = (
    "PostgreSQL documentation, Planner Cost Constants; checked against PostgreSQL 15",
    "https://www.postgresql.org/docs/current/runtime-config-query.html#RUNTIME-CONFIG-QUERY-CONSTANTS",
);
const OLD_MANUAL: (&str, &str) =
    ("PostgreSQL 7.3 documentation, Using EXPLAIN", "https://www.postgresql.org/docs/7.3/performance-tips.html");
const MACKERT: (&str, &str) =
    ("L. F. Mackert, G. M. Lohman: Index Scans Using a Finite LRU Buffer, 1989", "https://doi.org/10.1145/68012.68016");
const KARGER: (&str, &str) =
    ("D. Karger and others: Consistent Hashing and Random Trees, 1997", "https://dl.acm.org/doi/10.1145/258533.258660");
const PROTOBUF: (&str, &str) =
    ("Protocol Buffers documentation: Encoding", "https://protobuf.dev/programming-guides/encoding/");

pub(super) fn laws() -> Vec<Law> {
    vec![manual(), costs(), crossovers(), pages(), ring(), modulo(), spread(), fullest(), live_move(), celebrity()]
        .into_iter()
        .chain([batches(), first_row(), bytes()])
        .collect()
}

/// What the planner of the question says before anything runs.
fn plan(seed: u64, knobs: &[(&str, &str)], what: &str) -> f64 {
    asked(&slow::QUESTION, seed, knobs, &[], Us::ZERO, [what])[0]
}

fn manual() -> Law {
    Law::new("planner-manual", "The manual's old example", Exact)
        .says("233 pages, 10,000 rows, without and with one condition: the cost of reading all of it.")
        .formula("pages + rows · (0.01 + 0.0025 a condition)")
        .source(OLD_MANUAL.0, OLD_MANUAL.1)
        .unit("cost")
        .case("no condition", 333.0, |_| {
            let table = planner::Table { rows: 10_000.0, pages: 233.0, all_visible: 0.0 };
            planner::seq_scan(&planner::Costs::DEFAULT, &table, 0, 1.0).total
        })
        .case("one condition", 358.0, |seed| {
            plan(seed, &[("pages", "233"), ("rows", "10000"), ("index", "none")], "cost_seq")
        })
}

const PAPER: (&str, &str) = ("rounding", "formula");

fn costs() -> Law {
    Law::new("planner-costs", "What plans cost", Absolute(0.5))
        .says("A million rows on 10,000 pages: the planner's estimate on paper, in shares of pages, and as EXPLAIN prints it.")
        .formula("Σ pages × their cost + rows × (0.01 + 0.005 + 0.0025)")
        .source(POSTGRES.0, POSTGRES.1)
        .unit("cost")
        .case("sequential scan", 22_500.0, |seed| plan(seed, &[], "cost_seq"))
        .case("index scan of one row, on paper", 4.03, |seed| plan(seed, &[PAPER, ("match", "0.0001")], "cost_index"))
        .case("index scan of one row, EXPLAIN", 8.44, |seed| plan(seed, &[("match", "0.0001")], "cost_index"))
        .case("index scan of a tenth, table in its order, on paper", 3_851.0, |seed| {
            plan(seed, &[PAPER, ("correlation", "1"), ("match", "10")], "cost_index")
        })
        .case("index scan of a tenth, table in its order, EXPLAIN", 3_853.42, |seed| {
            plan(seed, &[("correlation", "1"), ("match", "10")], "cost_index")
        })
}

fn crossovers() -> Law {
    Law::new("planner-crossover", "When the index is refused", Absolute(0.2))
        .says("The share of the rows from which on reading the whole table is cheaper.")
        .formula("where the two costs meet")
        .source(POSTGRES.0, POSTGRES.1)
        .unit("% of rows")
        .case("index scan, random_page_cost 4", 0.77, |seed| plan(seed, &[PAPER], "crossover_pct"))
        .case("index scan, random_page_cost 1.1", 56.0, |seed| {
            plan(seed, &[PAPER, ("random_page", "1.1")], "crossover_pct")
        })
        .case("bitmap scan, random_page_cost 4", 40.0, |seed| plan(seed, &[], "crossover_bitmap_pct"))
}

/// The formula of the planner, against rows that are really thrown onto pages.
fn pages() -> Law {
    let law = Law::new("mackert-lohman", "Pages that random rows touch", Percent(12.0))
        .says("N rows thrown at random onto T pages: how many different pages they lie on. The formula is the planner's approximation; it is furthest off in the middle, so the tolerance is wide.")
        .formula("2TN / (2T + N)")
        .source(MACKERT.0, MACKERT.1)
        .unit("pages");
    [100u32, 1_000, 5_000].into_iter().fold(law, |law, rows| {
        let table = planner::Table { rows: 1e6, pages: 1e4, all_visible: 0.0 };
        law.case(format!("N = {rows}, T = 10,000"), planner::pages_touched(&table, f64::from(rows)), move |seed| {
            let mut s = Stream::new(seed, "accuracy", "pages", 0);
            let mut touched = vec![false; 10_000];
            (0..rows).for_each(|_| touched[s.below(10_000) as usize] = true);
            touched.iter().filter(|t| **t).count() as f64
        })
    })
}

const KEYS: u64 = 40_000;

fn moved(before: &ShardMap, after: &ShardMap) -> f64 {
    100.0 * (0..KEYS).filter(|k| before.owner(*k) != after.owner(*k)).count() as f64 / KEYS as f64
}

/// A ring of `n` nodes that no other ring shares.
fn a_ring(points: u16, n: u16, number: u64) -> ShardMap {
    let mut map = ShardMap::new(Placement::Ring { virtual_nodes: points }, 0);
    (0..n).for_each(|node| map.add(number as u16 * 80 + node));
    map
}

fn ring() -> Law {
    let law = Law::new("ring", "One shard more on a ring", Absolute(1.0))
        .says("n shards with 100 points each on a hash ring, and one more: keys that move, mean of 40 rings.")
        .formula("1 / (n + 1)")
        .source(KARGER.0, KARGER.1)
        .unit("% of keys")
        .seeds(40);
    [4u16, 10].into_iter().fold(law, |law, n| {
        law.case(format!("n = {n}"), 100.0 / f64::from(n + 1), move |seed| {
            let before = a_ring(100, n, seed);
            let mut after = before.clone();
            after.add(seed as u16 * 80 + n);
            moved(&before, &after)
        })
    })
}

fn modulo() -> Law {
    let law = Law::new("modulo", "One shard more by modulo", Absolute(1.0))
        .says("The same with hash mod n.")
        .formula("n / (n + 1)")
        .source(KARGER.0, KARGER.1)
        .unit("% of keys");
    [4u16, 10].into_iter().fold(law, |law, n| {
        law.case(format!("n = {n}"), 100.0 * f64::from(n) / f64::from(n + 1), move |_| {
            moved(&ShardMap::new(Placement::Modulo, n), &ShardMap::new(Placement::Modulo, n + 1))
        })
    })
}

fn spread() -> Law {
    let law = Law::new("ring-spread", "How even a ring is", Percent(12.0))
        .says("64 shards with V points each: the standard deviation of their shares over the mean, times the root of V. Mean of ten rings.")
        .formula("σ ≈ 1 / √V")
        .source("the shares are sums of V nearly exponential gaps", "")
        .unit("times 1/√V")
        .seeds(10);
    [1u16, 16, 256].into_iter().fold(law, |law, points| {
        law.case(format!("V = {points}"), 1.0, move |seed| {
            let map = a_ring(points, 64, seed);
            let off = |node: &u16| (map.share(*node) * 64.0 - 1.0) * (map.share(*node) * 64.0 - 1.0);
            let variance = map.nodes().iter().map(off).sum::<f64>() / 64.0;
            libm::sqrt(variance * f64::from(points))
        })
    })
}

/// H(n) for one point: the largest of n gaps of a circle.
fn fullest() -> Law {
    let law = Law::new("ring-fullest", "The fullest shard of ten", Percent(6.0))
        .says("Ten shards with V points each: how many times the mean the fullest has, mean of 100 rings. With one point it is the largest of ten gaps on a circle; the others are the figures of the article.")
        .formula("V = 1: 1 + 1/2 + … + 1/10")
        .source(KARGER.0, KARGER.1)
        .unit("times the mean")
        .seeds(100);
    let harmonic = (1..=10).map(|i| 1.0 / f64::from(i)).sum::<f64>();
    [(1u16, harmonic), (10, 1.52), (100, 1.16), (1_000, 1.05)].into_iter().fold(law, |law, (points, expected)| {
        law.case(format!("V = {points}"), expected, move |seed| {
            let map = a_ring(points, 10, seed);
            map.nodes().iter().map(|n| map.share(*n) * 10.0).fold(0.0, f64::max)
        })
    })
}

fn live_move() -> Law {
    let law = Law::new("reshard", "Growing while it runs", Absolute(1.0))
        .says("The question's database goes from ten shards to eleven under load: keys that were moved.")
        .formula("ring 1 / (n + 1); modulo n / (n + 1)")
        .source(KARGER.0, KARGER.1)
        .unit("% of keys");
    [("ring", "1000", 100.0 / 11.0), ("modulo", "100", 1_000.0 / 11.0)].into_iter().fold(
        law,
        |law, (placement, points, expected)| {
            law.case(placement, expected, move |seed| {
                let knobs = [
                    ("shards", "10"),
                    ("replicas", "1"),
                    ("reads", "4000"),
                    ("lag", "20"),
                    ("lookers", "100"),
                    ("route", "sticky"),
                    ("placement", placement),
                    ("points", points),
                    ("chunk", "500"),
                ];
                asked(&dbspike::QUESTION, seed, &knobs, &["2s reshard"], Us::s(40), ["moved_share"])[0]
            })
        },
    )
}

fn celebrity() -> Law {
    let law = Law::new("celebrity", "One key bounds any number of shards", AtMost(0.0))
        .says("32 shards, one key with a tenth of the requests: how many times one machine they do together, offered more than that.")
        .formula("≤ 1 / share of the top key")
        .source("arithmetic: one key lives on one shard", "")
        .unit("times one machine")
        .seeds(2);
    [("1", 0.102170), ("1.2", 0.208186)].into_iter().fold(law, |law, (skew, top)| {
        law.case(format!("s = {skew}"), theory::shard_speed_up_max(top), move |seed| {
            let knobs = [
                ("shards", "32"),
                ("replicas", "0"),
                ("capacity", "4000"),
                ("lookers", "0"),
                ("reads", "15000"),
                ("skew", skew),
            ];
            asked(&dbspike::QUESTION, seed, &knobs, &[], Us::s(6), ["speed_up(2s, 6s)"])[0]
        })
    })
}

fn batches() -> Law {
    let costs = Costs { fsync: Us::ms(2), row: Us(50), further: 0.2 };
    let law = Law::new("batches", "Rows that share a commit", Percent(0.2))
        .says("One session, 2 ms to make a commit durable and 0.05 ms a row: rows a second, measured in the question.")
        .formula("n / (2 ms + n · 0.05 ms)")
        .source("arithmetic", "")
        .unit("rows a second");
    [(1u32, "off"), (10, "batch"), (100, "batch")].into_iter().fold(law, |law, (rows, mode)| {
        law.case(format!("n = {rows}"), costs.ceiling(rows, 1, 1e9), move |seed| {
            let size = rows.to_string();
            let mut knobs = vec![
                ("sessions", "1"),
                ("arrivals", "even"),
                ("lookers", "0"),
                ("reads", "100"),
                ("law", "fixed"),
                ("replicas", "0"),
                ("writes", "20000"),
            ];
            if rows > 1 {
                knobs.extend([("batching", mode), ("batch", &*size)]);
            }
            asked(&dbspike::QUESTION, seed, &knobs, &[], Us::s(8), ["commit_rate(2s, 8s)"])[0]
        })
    })
}

fn first_row() -> Law {
    Law::new("first-row", "What the first row of a batch waits", Absolute(0.5))
        .says("1,000 evenly spaced rows a second, batches of a hundred: how long the first waits for the last.")
        .formula("(n − 1) / λ")
        .source("arithmetic", "")
        .unit("ms")
        .case("n = 100", 99.0, |seed| {
            let knobs = [
                ("sessions", "1"),
                ("arrivals", "even"),
                ("lookers", "0"),
                ("reads", "100"),
                ("law", "fixed"),
                ("replicas", "0"),
                ("batching", "batch"),
            ];
            asked(&dbspike::QUESTION, seed, &knobs, &[], Us::s(8), ["first_row_wait"])[0]
        })
}

fn bytes() -> Law {
    let law = Law::new("bytes", "Bytes of three messages", Exact)
        .says("An order with 3 and with 100 items and a comment of 1,080 characters, written by our encoders; the lab's tests hold them against prost and serde_json.")
        .formula("tag · varint or length · bytes; 150 in field 1 is 08 96 01")
        .source(PROTOBUF.0, PROTOBUF.1)
        .unit("bytes")
        .case("150 in field 1", 3.0, |_| {
            let bytes = Comment { id: 150, text: String::new() }.protobuf();
            if bytes == [0x08, 0x96, 0x01] { bytes.len() as f64 } else { f64::NAN }
        });
    let law = [(3u64, 79.0, 282.0), (100, 1_923.0, 5_909.0)].into_iter().fold(law, |law, (items, binary, text)| {
        law.case(format!("{items} items, protobuf"), binary, move |_| Order::example(items).protobuf().len() as f64)
            .case(format!("{items} items, JSON"), text, move |_| Order::example(items).json().len() as f64)
    });
    law.case("a comment, protobuf", 1_085.0, |_| Comment::example(1_080).protobuf().len() as f64).case(
        "a comment, JSON",
        1_098.0,
        |_| Comment::example(1_080).json().len() as f64,
    )
}
