//! The judge: runs what `content/` claims and holds it against what the text says.

use crate::declare::{Knobs, Question};
use crate::kernel::{Live, RunValue, Us};
use crate::script::{self, Ask};
use press::{Claim, Front, Plan, Problem, Setup, Side, Try};

/// The run value of one side of a preset or an experiment.
pub fn value(q: &'static Question, setup: &Setup, seed: u64) -> Result<RunValue, String> {
    let mut knobs = Knobs::defaults(q);
    for (key, text) in &setup.set {
        script::set_knob(q, &mut knobs, key, text)?;
    }
    let mut inputs = Vec::new();
    for i in &setup.inputs {
        let args = i.args.iter().map(|(k, v)| (k.as_str(), v.as_str()));
        inputs.push(script::input(q, Us(i.at_us), &i.act, args)?);
    }
    crate::order::by_key(&mut inputs, |i| i.at);
    Ok(RunValue { question: q, seed, knobs, inputs })
}

/// Everything in a question's front matter that the engine does not know: knobs, acts, ranges, measures.
pub fn validate(q: &'static Question, file: &str, front: &Front) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut check = |line: usize, what: &str, outcome: Result<(), String>| {
        if let Err(why) = outcome {
            problems.push(Problem { file: file.to_owned(), line, message: format!("{what}: {why}") });
        }
    };
    for p in &front.presets {
        for setup in std::iter::once(&p.a).chain(&p.b) {
            check(p.line, &format!("preset {}", p.id), value(q, setup, 1).map(drop));
        }
    }
    for t in &front.tries {
        for (line, plan, claim) in t.claims() {
            for setup in std::iter::once(&plan.a).chain(&plan.b) {
                check(line, &format!("experiment {}", t.id), value(q, setup, 1).map(drop));
            }
            check(line, &format!("experiment {}", t.id), script::parse_ask(q, &claim.measure).map(drop));
            if claim.side == Side::B && plan.b.is_none() {
                check(line, &format!("experiment {}", t.id), Err("measures side b, but there is no set_b".to_string()));
            }
        }
    }
    problems
}

/// One claim of one experiment, executed.
#[derive(Debug)]
pub struct Verdict {
    pub experiment: String,
    /// 0 for the claim that decides which choice is right, then the further checks.
    pub claim: usize,
    /// What a further check sets otherwise than the experiment, in words.
    pub with: String,
    pub line: usize,
    pub measure: String,
    pub expect: String,
    pub seed: u64,
    /// `None` when the run could not say.
    pub measured: Option<f64>,
    pub passed: bool,
    pub digest: u64,
    /// For the experiment's own claim: which choice the run marks right.
    pub right: Option<String>,
}

/// How the side that is measured is set up.
///
/// # Errors
/// There is no such side.
pub(crate) fn setup(plan: &Plan, side: Side) -> Result<&Setup, String> {
    match side {
        Side::A => Ok(&plan.a),
        Side::B => plan.b.as_ref().ok_or_else(|| "measures side b, but there is no set_b".to_owned()),
    }
}

/// One run at a seed: what it measured at these moments, which are in order, and its digest at the last of them.
///
/// # Errors
/// The law that was broken, or what the engine does not know of the set-up.
pub(crate) fn answers(
    q: &'static Question,
    setup: &Setup,
    seed: u64,
    asks: &[(Us, &Ask)],
) -> Result<(Vec<Option<f64>>, u64), String> {
    let mut run = q.run(value(q, setup, seed)?);
    let mut answers = Vec::with_capacity(asks.len());
    for (until, ask) in asks {
        run.advance(*until, u64::MAX);
        run.invariants().map_err(|law| format!("invariant broken: {law}"))?;
        answers.push(script::answer(&*run, ask));
    }
    Ok((answers, run.digest()))
}

/// Whether the run bears out what the text says; for the experiment's own claim also one of the choices on screen.
pub(crate) fn holds(t: &Try, index: usize, claim: &Claim, measured: Option<f64>) -> bool {
    measured.is_some_and(|m| claim.expect.holds(m) && (index > 0 || t.right_choice(m).is_some()))
}

/// What a further check does otherwise than its experiment: `algorithm = gcra, other acts, until 3s`.
fn otherwise(experiment: &Plan, check: &Plan, side: Side) -> String {
    let setup = |plan: &Plan| match side {
        Side::A => plan.a.clone(),
        Side::B => plan.b.clone().unwrap_or_default(),
    };
    let (before, now) = (setup(experiment), setup(check));
    let mut parts: Vec<String> = now
        .set
        .iter()
        .filter(|pair| !before.set.contains(pair))
        .map(|(key, value)| format!("{key} = {value}"))
        .collect();
    if before.inputs != now.inputs {
        parts.push(if now.inputs.is_empty() { "no acts" } else { "other acts" }.to_string());
    }
    if experiment.until_us != check.until_us {
        parts.push(format!("until {}", press::duration_text(check.until_us)));
    }
    if side == Side::B {
        parts.push("side B".to_string());
    }
    parts.join(", ")
}

/// Executes every claim of a question's experiments.
pub fn judge(q: &'static Question, file: &str, front: &Front) -> Result<Vec<Verdict>, Vec<Problem>> {
    let problems = validate(q, file, front);
    if !problems.is_empty() {
        return Err(problems);
    }
    let mut verdicts = Vec::new();
    let mut problems = Vec::new();
    for t in &front.tries {
        for (index, (line, plan, claim)) in t.claims().enumerate() {
            let first = plan.seed.unwrap_or(1);
            for seed in first..first + u64::from(plan.seeds.max(1)) {
                let problem = |message| Problem { file: file.to_owned(), line, message };
                let ask = match script::parse_ask(q, &claim.measure) {
                    Ok(ask) => ask,
                    Err(why) => {
                        problems.push(problem(why));
                        continue;
                    }
                };
                let asks = [(Us(plan.until_us), &ask)];
                match setup(plan, claim.side).and_then(|side| answers(q, side, seed, &asks)) {
                    Err(why) => problems.push(problem(format!("experiment {}: {why}", t.id))),
                    Ok((measured, digest)) => {
                        let measured = measured[0];
                        let right = (index == 0).then(|| measured.and_then(|m| t.right_choice(m))).flatten();
                        verdicts.push(Verdict {
                            experiment: t.id.clone(),
                            claim: index,
                            with: if index == 0 { String::new() } else { otherwise(&t.plan, plan, claim.side) },
                            line,
                            measure: claim.measure.clone(),
                            expect: claim.expect.to_string(),
                            seed,
                            measured,
                            passed: holds(t, index, claim, measured),
                            digest,
                            right: right.map(|i| t.choices[i].label.clone()),
                        });
                    }
                }
            }
        }
    }
    if problems.is_empty() { Ok(verdicts) } else { Err(problems) }
}

/// Every claim of every question, on all cores, in the order of the questions.
///
/// # Errors
/// Every problem with the content, and every run whose laws were broken.
pub fn judge_all(
    questions: &[&'static Question],
    articles: &[press::Article],
) -> Result<Vec<(&'static Question, Vec<Verdict>)>, Vec<Problem>> {
    let judged = crate::cores::each(questions, |q| {
        let file = format!("content/{}.md", q.slug);
        match articles.iter().find(|a| a.slug == q.slug) {
            Some(article) => judge(q, &file, &article.front),
            None => {
                let message = "missing; every question of the engine has its content file".to_string();
                Err(vec![Problem { file, line: 1, message }])
            }
        }
    });
    let mut all = Vec::new();
    let mut problems = Vec::new();
    for (q, judged) in questions.iter().zip(judged) {
        match judged {
            Ok(verdicts) => all.push((*q, verdicts)),
            Err(found) => problems.extend(found),
        }
    }
    if problems.is_empty() { Ok(all) } else { Err(problems) }
}

/// What [`judge_all`] came to, one object for each run.
pub fn to_json(judged: &[(&'static Question, Vec<Verdict>)]) -> serde_json::Value {
    let rows = judged.iter().flat_map(|(q, verdicts)| {
        verdicts.iter().map(|v| {
            serde_json::json!({
                "slug": q.slug, "experiment": v.experiment, "claim": v.claim, "with": v.with, "measure": v.measure,
                "expect": v.expect, "seed": v.seed, "measured": v.measured, "passed": v.passed, "right": v.right,
                "digest": format!("{:016x}", v.digest),
            })
        })
    });
    rows.collect::<Vec<_>>().into()
}

/// The preset's two sides as run values, for golden digests and posters.
pub fn preset_values(q: &'static Question, p: &press::Preset) -> Result<(RunValue, Option<RunValue>), String> {
    let seed = p.seed.unwrap_or(1);
    let b = p.b.as_ref().map(|b| value(q, b, seed)).transpose()?;
    Ok((value(q, &p.a, seed)?, b))
}

/// A run's report in the shape of `--json`; the knobs are those in force at its moment.
pub fn report(run: &dyn Live) -> serde_json::Value {
    let v = run.value();
    let q = v.question;
    let knobs: serde_json::Map<_, _> = q
        .knobs
        .iter()
        .enumerate()
        .map(|(i, k)| {
            let x = run.knobs().get(i);
            let shown = match k.kind {
                crate::declare::Kind::Choice(_) => serde_json::Value::from(k.show(x)),
                crate::declare::Kind::Toggle => serde_json::Value::from(x != 0.0),
                crate::declare::Kind::Int => serde_json::Value::from(x as i64),
                crate::declare::Kind::Float => serde_json::Value::from(x),
            };
            (k.key.to_string(), shown)
        })
        .collect();
    let numbers: serde_json::Map<_, _> = q
        .numbers
        .iter()
        .enumerate()
        .map(|(i, n)| (n.key.to_string(), run.number(i as u8).map_or(serde_json::Value::Null, serde_json::Value::from)))
        .collect();
    let counts: serde_json::Map<_, _> =
        run.counts().into_iter().map(|(k, n)| (k.to_string(), serde_json::Value::from(n))).collect();
    serde_json::json!({
        "slug": q.slug, "version": q.version, "seed": v.seed, "knobs": knobs,
        "until_us": run.moment().at.0, "events": run.moment().events,
        "numbers": numbers, "words": run.words(), "counts": counts, "digest": format!("{:016x}", run.digest()),
    })
}
