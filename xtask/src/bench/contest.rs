//! The engine against others, and against itself on other machines: native, Node, Chromium.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context, bail};
use serde::Deserialize;

use super::Section;
use super::document::table;
use super::session::{Session, Timed, understood};
use super::statistics::{mean, median, quantile};
use crate::paths;
use crate::step::{run, step};

const CUSTOMERS: u32 = 1_000_000;
/// An arrival and a departure each.
const QUEUE_EVENTS: f64 = 2.0 * CUSTOMERS as f64;
/// A turn of SimPy takes as long as a hundred of the others.
const SIMPY_ROUNDS: usize = 2;
const SIMPY: &str = "simpy==4.1.2";
/// The mean wait of a million customers scatters by 1.2 % (standard deviation over many seeds); four of
/// that is what one round may be off, and the mean of more of them less by their square root.
const WAIT_ERROR_MAX: f64 = 0.05;
/// Simulated seconds of the topology in one turn.
const TOPOLOGY_S: u32 = 30;

/// Who measures, and where.
#[derive(Clone, Copy, PartialEq)]
enum Where {
    Native,
    Node,
    Chromium,
    Python,
}

/// One contestant and its runs.
struct Lane {
    name: &'static str,
    place: Where,
    which: &'static str,
    ms: Vec<f64>,
    values: Vec<f64>,
}

impl Lane {
    fn new(name: &'static str, place: Where, which: &'static str) -> Lane {
        Lane { name, place, which, ms: Vec::new(), values: Vec::new() }
    }

    fn turn(
        &mut self,
        session: &mut Session,
        amount: u32,
        seed: usize,
        python: Option<&PathBuf>,
    ) -> anyhow::Result<()> {
        let (amount_text, seed_text) = (amount.to_string(), seed.to_string());
        let timed: Timed = match self.place {
            Where::Native => session.told("bench-native", &[self.which, &amount_text, &seed_text]),
            Where::Node => session.under_node(self.which, &amount_text, &seed_text),
            Where::Chromium => session.in_chromium(self.which, amount, seed),
            Where::Python => {
                let python = python.context("there is no Python")?;
                let script = paths::e2e().join("bench/simpy_queue.py");
                understood(Command::new(python).arg(script).args([&amount_text, &seed_text]))
            }
        }
        .with_context(|| self.name)?;
        self.ms.push(timed.ms);
        self.values.push(timed.value);
        Ok(())
    }

    fn millions_a_second(&self, events: f64) -> f64 {
        events / median(&self.ms) / 1e3
    }
}

/// A Python with SimPy, in a folder of its own below the target folder.
fn python() -> anyhow::Result<PathBuf> {
    let folder = paths::target().join("xtask/simpy");
    let python = folder.join("bin/python");
    let has_it = |python: &PathBuf| {
        let mut command = Command::new(python);
        command.args(["-c", "import simpy"]).stdout(Stdio::null()).stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    };
    if !has_it(&python) {
        step(&format!("python3 -m venv, pip install {SIMPY}"), || {
            run(Command::new("python3").args(["-m", "venv"]).arg(&folder))?;
            run(Command::new(&python).args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", SIMPY]))
        })?;
    }
    Ok(python)
}

/// The engine, the same queue by hand, simjs and SimPy; means held against Erlang C.
pub fn queue(session: &mut Session) -> anyhow::Result<Section> {
    let python = python();
    let mut lanes = vec![
        Lane::new("by hand, native", Where::Native, "hand"),
        Lane::new("engine, native", Where::Native, "engine"),
        Lane::new("by hand, wasm under Node", Where::Node, "hand"),
        Lane::new("engine, wasm under Node", Where::Node, "engine"),
        Lane::new("by hand, wasm in Chromium", Where::Chromium, "hand"),
        Lane::new("engine, wasm in Chromium", Where::Chromium, "engine"),
        Lane::new("simjs under Node", Where::Node, "simjs"),
    ];
    if python.is_ok() {
        lanes.push(Lane::new("SimPy", Where::Python, "simpy"));
    }
    for round in 0..session.rounds {
        for lane in &mut lanes {
            if lane.place != Where::Python || round < SIMPY_ROUNDS {
                lane.turn(session, CUSTOMERS, round + 1, python.as_ref().ok())?;
            }
        }
        eprintln!("    round {} of {}", round + 1, session.rounds);
    }
    #[derive(Deserialize)]
    struct Theory {
        value: f64,
    }
    let theory: Theory = session.told("bench-native", &["theory"])?;
    let missing = python.err().map(|error| format!("SimPy is missing here: {error:#}.\n\n")).unwrap_or_default();
    Ok(queue_section(&lanes, theory.value, &missing))
}

fn queue_section(lanes: &[Lane], theory: f64, missing: &str) -> Section {
    let mut breaches = Vec::new();
    let mut rows = Vec::new();
    for lane in lanes {
        let wait = mean(&lane.values);
        let off = wait / theory - 1.0;
        let bound = WAIT_ERROR_MAX / (lane.values.len() as f64).sqrt();
        if off.abs() > bound {
            breaches.push(format!(
                "{} waits {:.4} ms on average where Erlang C says {:.4} ms: {:+.1} %, allowed are {:.1} %",
                lane.name,
                wait * 1e3,
                theory * 1e3,
                off * 100.0,
                bound * 100.0
            ));
        }
        rows.push(vec![
            lane.name.to_owned(),
            format!("{:.0}", median(&lane.ms)),
            format!("{:.0} to {:.0}", quantile(&lane.ms, 0.0), quantile(&lane.ms, 1.0)),
            format!("{:.1}", lane.millions_a_second(QUEUE_EVENTS)),
            format!("{:.4}", wait * 1e3),
            format!("{:+.1} % (±{:.1})", off * 100.0, bound * 100.0),
        ]);
    }
    let head = ["contestant", "median ms", "from, to", "million events/s", "mean wait ms", "off theory"];
    let of = |name: &str| lanes.iter().find(|lane| lane.name == name).map_or(f64::NAN, |lane| median(&lane.ms));
    let ratio = |what: &str, a: &str, b: &str, wanted: &str| {
        vec![what.to_owned(), format!("{:.2}", of(a) / of(b)), wanted.to_owned()]
    };
    let mut ratios = vec![
        ratio("engine / by hand, native", "engine, native", "by hand, native", "at most 2"),
        ratio("engine / by hand, Chromium", "engine, wasm in Chromium", "by hand, wasm in Chromium", "at most 2"),
        ratio("engine: wasm in Chromium / native", "engine, wasm in Chromium", "engine, native", "at most 1.5"),
        ratio("engine: wasm under Node / native", "engine, wasm under Node", "engine, native", "at most 1.5"),
        ratio("simjs / engine, both under Node", "simjs under Node", "engine, wasm under Node", "at least 6"),
    ];
    if missing.is_empty() {
        ratios.push(ratio("SimPy / engine, native", "SimPy", "engine, native", "at least 50"));
    }
    let text = format!(
        "Four servers, one line, Poisson arrivals, exponential service, utilisation 0.8, a million customers: two events \
         each. The engine does for it what it does for every question: it keeps checkpoints, draws from named streams \
         and folds every event into the digest. The loop by hand does nothing of that; it is std's `BinaryHeap` with \
         libm's logarithm. The wait is the mean over all rounds, held against Erlang C ({:.4} ms); the command fails \
         beyond the bound in brackets. Wanted: at least 15 million events a second in wasm.\n\n{}\n{}\n{missing}{}",
        theory * 1e3,
        table(&head, &rows),
        table(&["ratio of medians", "is", "wanted"], &ratios),
        ELSEWHERE_QUEUE,
    );
    Section { text, breaches }
}

const ELSEWHERE_QUEUE: &str = "\
Measured elsewhere, on a machine like CI's, for the same queue, in million events a second: a loop by hand with a 4-ary \
heap and libm's logarithm 25 native and 24.5 in wasm, with std's `BinaryHeap` 22.8 and 20; odem-rs 15; simrs 12; nexosim \
2.6; simjs 1.7; SimPy 0.2.
";

/// The largest topology of the questions.
pub fn topology(session: &mut Session) -> anyhow::Result<Section> {
    let mut lanes = [
        Lane::new("native", Where::Native, "topology"),
        Lane::new("wasm under Node", Where::Node, "topology"),
        Lane::new("wasm in Chromium", Where::Chromium, "topology"),
    ];
    for round in 0..session.rounds {
        for lane in &mut lanes {
            lane.turn(session, TOPOLOGY_S, round + 1, None)?;
        }
    }
    let (first, others) = lanes.split_first().context("nobody ran")?;
    for lane in others {
        if lane.values != first.values {
            bail!("{}: the same runs took {:?} events, and {:?} natively", lane.name, lane.values, first.values);
        }
    }
    #[derive(Deserialize)]
    struct Requests {
        requests: f64,
    }
    let Requests { requests } = session.told("bench-native", &["requests", &TOPOLOGY_S.to_string(), "1"])?;
    let events = mean(&first.values);
    let rows: Vec<Vec<String>> = lanes
        .iter()
        .map(|lane| {
            let seconds = median(&lane.ms) / 1e3;
            vec![
                lane.name.to_owned(),
                format!("{:.0}", median(&lane.ms)),
                format!("{:.0} to {:.0}", quantile(&lane.ms, 0.0), quantile(&lane.ms, 1.0)),
                format!("{:.1}", lane.millions_a_second(events)),
                format!("{:.2}", requests / seconds / 1e6),
                format!("{:.0}", f64::from(TOPOLOGY_S) / seconds),
                format!("{:.2}", seconds / f64::from(TOPOLOGY_S) / 60.0 * 1e3),
            ]
        })
        .collect();
    let head = [
        "where",
        "median ms",
        "from, to",
        "million events/s",
        "million requests/s",
        "simulated s per s",
        "ms of a frame at speed 1",
    ];
    Ok(format!(
        "The whole of `million-rpm-architecture` at its defaults: 16,667 requests a second through edge, balancers, \
         servers, cache cluster, sharded database, broker and jobs, with the client's timer on every request and a \
         second one on every wait for the database; {TOPOLOGY_S} simulated seconds, {events:.0} events. What happens \
         between two events is folded into the first of them, so a request takes {:.1} events here where a model with \
         an event a hop takes 8; requests a second and simulated seconds a second compare across models. Wanted: at \
         least 8 million events a second in wasm.\n\n{}\n\
         Measured elsewhere: a client, balancer, 100 servers, cache, pool and database at the same rate, with about 8 \
         events a request, ran at 9 to 12 million events a second in wasm: 1.1 to 1.5 million requests a second, 68 to \
         90 simulated seconds a second, 0.2 to 0.4 ms of a frame.\n",
        events / requests,
        table(&head, &rows)
    )
    .into())
}

#[derive(Deserialize)]
struct Seeks {
    length_s: f64,
    events: f64,
    run_ms: f64,
    ms: Vec<f64>,
    bytes: f64,
}

#[derive(Deserialize)]
struct Checkpoints {
    with_ms: f64,
    without_ms: f64,
}

/// Jumps through a long run of every question, and what keeping the way back costs.
pub fn seek(session: &mut Session) -> anyhow::Result<Section> {
    let (_, address) = session.wasm()?;
    let mut rows = Vec::new();
    for slug in press::SLUGS {
        let ask = serde_json::json!({"do": "seeks", "address": address, "slug": slug});
        let seeks: Seeks = session.ask(&ask).with_context(|| slug.to_string())?;
        let cost: Checkpoints = session.told("bench-native", &["checkpoints", slug, "600"])?;
        rows.push(vec![
            slug.to_string(),
            format!("{:.0}", seeks.length_s),
            format!("{:.0}", seeks.events),
            format!("{:.0}", seeks.run_ms),
            format!("{:.1}", median(&seeks.ms)),
            format!("{:.1}", quantile(&seeks.ms, 0.95)),
            format!("{:.1}", quantile(&seeks.ms, 1.0)),
            format!("{:.1}", seeks.bytes / f64::from(1 << 20)),
            format!("{:+.0} %", (cost.with_ms / cost.without_ms - 1.0) * 100.0),
        ]);
    }
    let head =
        ["question", "run s", "events", "whole run ms", "seek p50 ms", "p95", "slowest", "checkpoints MiB", "they add"];
    Ok(format!(
        "Ten minutes of every question at its defaults, or to its horizon, in Chromium; then 200 jumps all over it. \
         Wanted: no jump over 50 ms, and never more than 64 MiB of checkpoints. The last column holds the same run, \
         natively, against one that keeps none.\n\n{}",
        table(&head, &rows)
    )
    .into())
}

/// What `sim presets` says of one.
#[derive(Deserialize, Clone)]
pub struct Preset {
    pub slug: String,
    pub preset: String,
    pub speed: f64,
    pub events_per_s: f64,
}

/// Every preset of every question, in the order of the pages.
pub fn presets(session: &mut Session) -> anyhow::Result<Vec<Preset>> {
    let content = paths::root().join("content");
    session.told("sim", &["presets", "--json", "--content", &content.to_string_lossy()])
}
