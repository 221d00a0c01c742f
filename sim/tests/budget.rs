//! What the engine may cost, in counts that are the same on every machine.

use sim::kernel::{RunValue, Us};
use sim::questions;

/// Events in ten simulated seconds at the defaults, after ten to warm up; the bytes of all checkpoints then; and the
/// allocations of a simulated second. An event more a request is a tenth to a half of the time of a question.
const BUDGETS: [(&str, [u64; 3]); 19] = [
    ("rate-limiter-design", [18, 13_000, 2]),
    ("saga-consistency", [3_600, 13_000, 23]),
    ("traffic-spike-10x", [32_000, 71_000, 30]),
    ("eventual-consistency", [530, 12_000, 76]),
    ("backpressure", [4_400, 7_600, 15]),
    ("slow-db-queries", [45_000, 490_000, 82]),
    ("distributed-rate-limit", [3_300, 35_000, 5]),
    ("caching-benefits", [99_000, 1_500_000, 41]),
    ("million-rpm-architecture", [420_000, 8_000_000, 74]),
    ("queue-vs-direct-call", [5_100, 9_400, 110]),
    ("idempotent-api", [210, 3_900, 4]),
    ("event-sourcing", [4_200, 31_000, 27]),
    ("service-communication", [2_400, 11_000, 4]),
    ("db-bottleneck-spikes", [400_000, 1_900_000, 58]),
    ("api-versioning", [11_000, 21_000, 20]),
    ("observability", [44_000, 340_000, 680]),
    ("rest-vs-graphql", [1_100, 5_900, 7]),
    ("monolith-vs-microservices", [1_400, 8_200, 7]),
    ("debug-latency", [49_000, 190_000, 56]),
];

const COLUMNS: [&str; 3] = ["events in ten seconds", "bytes of checkpoints", "allocations a second"];

fn measured(question: &'static sim::Question) -> [u64; 3] {
    let mut run = question.run(RunValue::new(question));
    run.advance(Us::s(10), u64::MAX);
    let before = run.moment().events;
    let info = allocation_counter::measure(|| {
        run.advance(Us::s(20), u64::MAX);
    });
    [run.moment().events - before, run.checkpoint_bytes() as u64, info.count_total / 10]
}

#[test]
fn every_question_stays_within_its_budget() {
    let mut lines = String::new();
    let mut broken = Vec::new();
    for question in questions::ALL {
        let slug = question.slug;
        let found = measured(question);
        lines += &format!("    ({slug:?}, {found:?}),\n");
        let Some((_, budget)) = BUDGETS.iter().find(|(known, _)| *known == slug) else {
            broken.push(format!("{slug} has no budget"));
            continue;
        };
        for ((column, found), bound) in COLUMNS.iter().zip(found).zip(*budget) {
            if found > bound {
                broken.push(format!("{slug}: {found} {column}, allowed are {bound}"));
            }
            // A bound that nothing comes near holds nothing back.
            if bound > found + found / 3 + 10 {
                broken.push(format!("{slug}: {found} {column}, and the bound is {bound}; bring it closer"));
            }
        }
    }
    assert!(broken.is_empty(), "{}\n\nmeasured:\n{lines}", broken.join("\n"));
}
