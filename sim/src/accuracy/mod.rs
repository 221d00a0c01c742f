//! What is known from elsewhere, held against the simulation: closed forms of textbooks, figures of papers, examples of
//! specifications.
//!
//! Each is declared once, as a [`Law`] with its cases. The tests hold all of them (`sim/tests/accuracy.rs`), `sim
//! accuracy` prints them, and the site's page `/accuracy` shows them with what was measured. To add one, put it into the
//! file of its family, or a new family into [`FAMILIES`]:
//!
//! ```
//! use sim::accuracy::{Law, Tolerance, asked};
//!
//! let law = Law::new("cheap-no", "What a refusal costs", Tolerance::Absolute(10.0))
//!     .says("A server that spends the share κ of a request on each refusal has that much less left to do.")
//!     .formula("(C − κλ) / (1 − κ)")
//!     .source("arithmetic", "")
//!     .unit("requests a second")
//!     .case("κ = 2 %", sim::theory::goodput_with_refusals(1_700.0, 10_000.0, 0.02), |seed| {
//!         let q = &sim::questions::traffic_spike_10x::QUESTION;
//!         let knobs = [("arrivals", "even"), ("law", "fixed"), ("attempts", "1"), ("bound", "17"), ("autoscale", "off"),
//!             ("spike_at", "0"), ("kappa", "2")];
//!         asked(q, seed, &knobs, &[], sim::Us::s(30), ["goodput_rate(20s, 30s)"])[0]
//!     });
//! assert!(law.outcome(&law.cases[0]).passed);
//! ```

mod caches;
mod copies;
mod cuts;
mod data;
mod limits;
mod queues;
pub(crate) mod retries;
mod telemetry;
mod traces;
mod versions;

use crate::declare::Question;
use crate::kernel::{RunValue, Us};
use crate::{cores, script};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

/// Laws that belong together on the page.
pub struct Family {
    pub id: &'static str,
    pub title: &'static str,
    pub laws: fn() -> Vec<Law>,
}

pub const FAMILIES: &[Family] = &[
    Family { id: "queues", title: "Queues and pools", laws: queues::laws },
    Family { id: "limits", title: "Rate limits", laws: limits::laws },
    Family { id: "caches", title: "Caches", laws: caches::laws },
    Family { id: "copies", title: "Copies and commitments", laws: copies::laws },
    Family { id: "retries", title: "Retries, balancing, scaling", laws: retries::laws },
    Family { id: "versions", title: "Versions of an API", laws: versions::laws },
    Family { id: "data", title: "Data on disk and on the wire", laws: data::laws },
    Family { id: "telemetry", title: "Telemetry", laws: telemetry::laws },
    Family { id: "cuts", title: "Cuts, pipelines and people", laws: cuts::laws },
    Family { id: "traces", title: "Traces and tails", laws: traces::laws },
];

/// How far what was measured may lie from what is expected.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Tolerance {
    /// The same number with every seed.
    Exact,
    /// The mean over the seeds, within this share of the expected value, in percent.
    Percent(f64),
    /// The mean over the seeds, within this much, in the law's unit.
    Absolute(f64),
    /// No seed above the expected value by more than this.
    AtMost(f64),
}

impl Tolerance {
    fn holds(self, expected: f64, seen: &Seen) -> bool {
        let off = seen.mean - expected;
        match self {
            Tolerance::Exact => (seen.least - expected).abs() < 1e-9 && (seen.most - expected).abs() < 1e-9,
            Tolerance::Percent(p) => off.abs() <= expected.abs() * p / 100.0,
            Tolerance::Absolute(by) => off.abs() <= by,
            Tolerance::AtMost(slack) => seen.most <= expected + slack,
        }
    }

    /// As the page and the runner show it.
    pub fn show(self) -> String {
        match self {
            Tolerance::Exact => "exact".to_string(),
            Tolerance::Percent(p) => format!("± {p} %"),
            Tolerance::Absolute(by) => format!("± {by}"),
            Tolerance::AtMost(0.0) => "at most".to_string(),
            Tolerance::AtMost(slack) => format!("at most, + {slack}"),
        }
    }
}

/// What a run came to with a seed.
pub type Measure = Box<dyn Fn(u64) -> f64 + Send + Sync>;

/// One setting in which a law is held against a run.
pub struct Case {
    pub label: String,
    pub expected: f64,
    pub measure: Measure,
}

/// Something that is known from elsewhere.
pub struct Law {
    /// Stable, for links and for finding it in the output.
    pub id: &'static str,
    pub name: &'static str,
    /// In a sentence or two, with what was run.
    pub says: &'static str,
    pub formula: &'static str,
    /// Who says so, and where it can be read (may be empty).
    pub source: (&'static str, &'static str),
    pub unit: &'static str,
    pub tolerance: Tolerance,
    /// Seeds 1 to this are run.
    pub seeds: u64,
    pub cases: Vec<Case>,
}

/// What the seeds of a case came to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Seen {
    pub mean: f64,
    pub least: f64,
    pub most: f64,
}

/// A case, executed.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    pub expected: f64,
    pub seen: Seen,
    pub passed: bool,
}

impl Law {
    pub fn new(id: &'static str, name: &'static str, tolerance: Tolerance) -> Law {
        Law { id, name, says: "", formula: "", source: ("", ""), unit: "", tolerance, seeds: 1, cases: Vec::new() }
    }
    pub fn says(self, says: &'static str) -> Law {
        Law { says, ..self }
    }
    pub fn formula(self, formula: &'static str) -> Law {
        Law { formula, ..self }
    }
    pub fn source(self, who: &'static str, url: &'static str) -> Law {
        Law { source: (who, url), ..self }
    }
    pub fn unit(self, unit: &'static str) -> Law {
        Law { unit, ..self }
    }
    pub fn seeds(self, seeds: u64) -> Law {
        Law { seeds, ..self }
    }
    pub fn case(
        mut self,
        label: impl Into<String>,
        expected: f64,
        measure: impl Fn(u64) -> f64 + Send + Sync + 'static,
    ) -> Law {
        self.cases.push(Case { label: label.into(), expected, measure: Box::new(measure) });
        self
    }

    /// Runs a case with all seeds.
    pub fn outcome(&self, case: &Case) -> Outcome {
        let all: Vec<f64> = (1..=self.seeds).map(|seed| (case.measure)(seed)).collect();
        let seen = Seen {
            mean: all.iter().sum::<f64>() / all.len() as f64,
            least: all.iter().copied().fold(f64::INFINITY, f64::min),
            most: all.iter().copied().fold(f64::NEG_INFINITY, f64::max),
        };
        // A run that could not say makes the mean NaN, and the least and the most pass over it.
        let passed = !seen.mean.is_nan() && self.tolerance.holds(case.expected, &seen);
        Outcome { expected: case.expected, seen, passed }
    }
}

/// One run that answers several questions: each of what is returned gives one of its figures.
pub fn together<const N: usize>(run: impl Fn(u64) -> [f64; N] + Send + Sync + 'static) -> [Measure; N] {
    let ran: Arc<Mutex<BTreeMap<u64, [f64; N]>>> = Arc::default();
    let run = Arc::new(run);
    std::array::from_fn(|i| {
        let (ran, run) = (Arc::clone(&ran), Arc::clone(&run));
        Box::new(move |seed| match ran.lock() {
            // Whoever comes second waits for the figures of the first.
            Ok(mut ran) => ran.entry(seed).or_insert_with(|| run(seed))[i],
            Err(_) => f64::NAN,
        }) as Measure
    })
}

/// A run of a question with these knobs and inputs (`10s stall for=2`) at this moment: what its measures and
/// numbers say (`loss(10s, 60s)`, `stuck`). NaN for what it cannot say. The run's laws must hold.
///
/// # Panics
/// When a name or a value is none of the question's, or one of its laws is broken.
pub fn asked<const N: usize>(
    q: &'static Question,
    seed: u64,
    knobs: &[(&str, &str)],
    inputs: &[&str],
    until: Us,
    asks: [&str; N],
) -> [f64; N] {
    let mut value = RunValue::new(q);
    value.seed = seed;
    let ours = |why: String| -> ! { panic!("{}: {why}", q.slug) };
    for (key, text) in knobs {
        script::set_knob(q, &mut value.knobs, key, text).unwrap_or_else(|why| ours(why));
    }
    value.inputs = inputs.iter().map(|text| script::parse_input(q, text).unwrap_or_else(|why| ours(why))).collect();
    let mut run = q.run(value);
    run.advance(until, u64::MAX);
    run.invariants().unwrap_or_else(|why| ours(why));
    asks.map(|text| {
        let ask = script::parse_ask(q, text).unwrap_or_else(|why| ours(why));
        script::answer(&*run, &ask).unwrap_or(f64::NAN)
    })
}

/// The laws of a family and what their cases came to.
pub type Held = (&'static Family, Vec<(Law, Vec<Outcome>)>);

/// Every family with its laws and what each case came to, on all cores; or one law alone.
///
/// # Errors
/// When no law has this id.
pub fn run(only: Option<&str>) -> Result<Vec<Held>, String> {
    let mut families: Vec<(&Family, Vec<Law>)> = FAMILIES.iter().map(|f| (f, (f.laws)())).collect();
    if let Some(id) = only {
        families.iter_mut().for_each(|(_, laws)| laws.retain(|law| law.id == id));
        families.retain(|(_, laws)| !laws.is_empty());
        if families.is_empty() {
            return Err(format!("no law is called \"{id}\"; `sim accuracy` lists them"));
        }
    }
    let laws = families.iter().flat_map(|(_, laws)| laws);
    let cases: Vec<(&Law, &Case)> = laws.flat_map(|law| law.cases.iter().map(move |case| (law, case))).collect();
    let mut outcomes = cores::each(&cases, |(law, case)| law.outcome(case)).into_iter();
    let mut hold = |law: Law| {
        let outcomes = outcomes.by_ref().take(law.cases.len()).collect();
        (law, outcomes)
    };
    Ok(families.into_iter().map(|(family, laws)| (family, laws.into_iter().map(&mut hold).collect())).collect())
}

/// What [`run`] came to, for the page `/accuracy`.
pub fn to_json(families: &[Held]) -> Value {
    let case = |(case, o): (&Case, &Outcome)| {
        json!({
            "label": case.label, "expected": o.expected, "measured": o.seen.mean, "least": o.seen.least,
            "most": o.seen.most, "passed": o.passed,
        })
    };
    let law = |(law, outcomes): &(Law, Vec<Outcome>)| {
        json!({
            "id": law.id, "name": law.name, "says": law.says, "formula": law.formula, "source": law.source.0,
            "url": law.source.1, "unit": law.unit, "tolerance": law.tolerance.show(), "seeds": law.seeds,
            "cases": law.cases.iter().zip(outcomes).map(case).collect::<Vec<_>>(),
        })
    };
    let family = |(family, laws): &Held| json!({ "id": family.id, "title": family.title, "laws": laws.iter().map(law).collect::<Vec<_>>() });
    families.iter().map(family).collect::<Vec<_>>().into()
}

/// One line a case, as the runner prints it.
pub fn line(law: &Law, case: &Case, outcome: &Outcome) -> String {
    let Outcome { expected, seen, passed } = outcome;
    let mark = if *passed { "ok    " } else { "FAILED" };
    let off = match law.tolerance {
        Tolerance::Percent(_) => format!("{:+.2} %", 100.0 * (seen.mean / expected - 1.0)),
        _ => format!("{:+.4}", seen.mean - expected),
    };
    let spread = if law.seeds > 1 { format!(" ({:.6} to {:.6})", seen.least, seen.most) } else { String::new() };
    format!(
        "{mark}  {}: {}: measured {:.6}{spread}, expected {:.6} {}, off by {off}, tolerance {}, {} seed{}",
        law.id,
        case.label,
        seen.mean,
        expected,
        law.unit,
        law.tolerance.show(),
        law.seeds,
        if law.seeds == 1 { "" } else { "s" }
    )
}
