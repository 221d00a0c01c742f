//! What a frame of each question may cost, in counts that are the same on every machine: elements on screen, elements
//! that change, elements that come, go or move, particles, and allocations of simulation and drawing together.

use super::picture;
use super::player::{Player, Side};
use crate::draw::diff::{Plan, Source};
use crate::draw::{Scene, Shape};

/// Two seconds after a second to warm up, at sixty frames a second.
const FRAMES: u32 = 120;
const WARM_UP: u32 = 60;

/// In the order of the columns below.
const COLUMNS: [&str; 5] = ["elements", "changes", "moves", "particles", "allocations"];

/// The most elements and particles of any frame; changes, moves and allocations of a frame on average.
const BUDGETS: [(&str, [u32; 5]); 19] = [
    ("rest-vs-graphql", [58, 3, 3, 1, 35]),
    ("service-communication", [138, 7, 3, 1, 22]),
    ("distributed-rate-limit", [101, 10, 3, 35, 50]),
    ("saga-consistency", [104, 6, 3, 1, 53]),
    ("traffic-spike-10x", [104, 11, 3, 543, 55]),
    ("monolith-vs-microservices", [109, 5, 3, 11, 57]),
    ("slow-db-queries", [330, 20, 3, 250, 40]),
    ("million-rpm-architecture", [142, 13, 1, 296, 128]),
    ("db-bottleneck-spikes", [108, 10, 3, 60, 75]),
    ("eventual-consistency", [116, 3, 3, 33, 61]),
    ("caching-benefits", [115, 35, 3, 55, 142]),
    ("rate-limiter-design", [85, 12, 1, 130, 149]),
    ("debug-latency", [185, 9, 4, 1, 115]),
    ("idempotent-api", [101, 7, 4, 1, 52]),
    ("backpressure", [105, 14, 3, 47, 44]),
    ("event-sourcing", [78, 9, 4, 156, 130]),
    ("api-versioning", [52, 11, 3, 541, 76]),
    ("queue-vs-direct-call", [115, 14, 4, 7, 21]),
    ("observability", [168, 10, 3, 53, 114]),
];

/// Whether the element that showed `old` has to be told anything to show `new`.
fn differs(before: &Scene, old: usize, after: &Scene, new: usize) -> bool {
    let (a, b) = (before.items()[old], after.items()[new]);
    let same_shape = match (a.shape, b.shape) {
        (Shape::Path { d: a }, Shape::Path { d: b }) => before.str(a) == after.str(b),
        (
            Shape::Text { x, y, size, anchor, bold, mono, halo, text },
            Shape::Text {
                x: x2,
                y: y2,
                size: size2,
                anchor: anchor2,
                bold: bold2,
                mono: mono2,
                halo: halo2,
                text: text2,
            },
        ) => {
            before.str(text) == after.str(text2)
                && (x, y, size, anchor, bold, mono, halo) == (x2, y2, size2, anchor2, bold2, mono2, halo2)
        }
        (a, b) => a == b,
    };
    let look = |item: crate::draw::Item| (item.fill, item.stroke, item.width, item.dash, item.opacity);
    !same_shape || look(a) != look(b) || before.str(a.tip) != after.str(b.tip)
}

fn measured(p: &mut Player) -> [u32; 5] {
    let (mut before, mut after, mut plan) = (Scene::new(), Scene::new(), Plan::default());
    let (mut elements, mut particles, mut changes, mut moves, mut allocations) = (0, 0, 0, 0, 0);
    for frame in 0..WARM_UP + FRAMES {
        let info = allocation_counter::measure(|| {
            p.frame(1_000.0 / 60.0);
            picture::draw(p, Side::A, picture::Look::default(), &mut after);
        });
        plan.make(&before, &after);
        if frame >= WARM_UP {
            elements = elements.max(after.items().len() as u64);
            particles = particles.max(after.particles().len() as u64);
            allocations += info.count_total;
            moves += plan.removed.len() as u64;
            for (new, source) in plan.sources.iter().enumerate() {
                match *source {
                    Source::Keep(old) => changes += u64::from(differs(&before, old, &after, new)),
                    Source::Move(_) | Source::Create => moves += 1,
                }
            }
        }
        std::mem::swap(&mut before, &mut after);
    }
    let a_frame = |sum: u64| sum.div_ceil(u64::from(FRAMES));
    [elements, a_frame(changes), a_frame(moves), particles, a_frame(allocations)].map(|n| n as u32)
}

#[test]
fn frames_of_every_question_stay_within_their_budgets() {
    let mut lines = String::new();
    let mut broken = Vec::new();
    for mut p in crate::entries::ALL.iter().copied().map(Player::new) {
        let slug = p.question.slug;
        let found = measured(&mut p);
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
            if bound > found + found / 3 + 4 {
                broken.push(format!("{slug}: {found} {column}, and the bound is {bound}; bring it closer"));
            }
        }
    }
    assert!(broken.is_empty(), "{}\n\nmeasured:\n{lines}", broken.join("\n"));
}
