//! What the page shows: the response as serde_json wrote it, the statements, and what the same would be as resources.

use serde::{Serialize, Serializer};
use sim::blocks::resolver::{Limits, Over};

use crate::data::{Row, Value};
use crate::form::{Form, Mistake, OBJECTS_MAX, QUERY_BYTES_MAX, limit};
use crate::plan::{Plan, plan};
use crate::run::{Outcome, Statement, run};
use crate::schema::Type;

/// What came of a query.
#[derive(Serialize)]
struct Report {
    /// 200 whatever is in `errors`.
    status: u16,
    /// With line breaks, to be read.
    response: String,
    /// Of the response without blanks, as it is sent.
    bytes: usize,
    errors: usize,
    depth: u32,
    cost: u64,
    objects: usize,
    asked: usize,
    statements: Vec<Statement>,
    /// Statements of the same query with the other setting of the loader.
    otherwise: usize,
    resources: Resources,
    notes: Vec<String>,
}

/// The same rows as whole resources.
#[derive(Serialize)]
struct Resources {
    bytes: usize,
    /// `GET` requests: a list is one, every other row one.
    calls: usize,
    /// Those that had to wait for another's answer.
    trips: usize,
}

#[derive(Serialize)]
struct Refused {
    /// 400: nothing was executed.
    status: u16,
    mistakes: Vec<Mistake>,
    depth: Option<u32>,
    cost: Option<u64>,
}

/// A form as JSON in, a report or `{ "mistakes": [..] }` as JSON out.
///
/// # Panics
///
/// Never: the answer has text keys, texts and whole numbers only.
pub fn execute(form: &str) -> String {
    match answer(form) {
        Ok(report) => serde_json::to_string(&report),
        Err(refused) => serde_json::to_string(&refused),
    }
    .expect("text keys, texts and whole numbers")
}

fn answer(form: &str) -> Result<Report, Refused> {
    let refused = |mistakes| Refused { status: 400, mistakes, depth: None, cost: None };
    let form: Form = serde_json::from_str(form)
        .map_err(|e| refused(vec![Mistake::new("query", format!("The form could not be read: {e}."))]))?;
    if form.query.len() > QUERY_BYTES_MAX {
        let says = format!("The query has {} bytes; this page takes at most {QUERY_BYTES_MAX}.", form.query.len());
        return Err(refused(vec![Mistake::new("query", says)]));
    }
    let depth = limit("depth", &form.depth).map_err(|m| refused(vec![m]))?;
    let cost = limit("cost", &form.cost).map_err(|m| refused(vec![m]))?;
    let plan = plan(&form.query, &form.variables, &form.operation).map_err(refused)?;
    let limits = Limits { depth: depth.min(u32::MAX.into()) as u32, cost };
    if let Err(over) = limits.check(plan.depth, plan.cost) {
        let says = match over {
            Over::Depth => {
                format!("Refused before it ran: it is nested {} levels deep, and the limit is {depth}.", plan.depth)
            }
            Over::Cost => format!(
                "Refused before it ran: it could yield {} objects, and the limit is {}.",
                grouped(plan.cost),
                grouped(cost)
            ),
        };
        let within = if over == Over::Depth { "depth" } else { "cost" };
        let mistakes = vec![Mistake::new(within, says)];
        return Err(Refused { status: 400, mistakes, depth: Some(plan.depth), cost: Some(plan.cost) });
    }
    Ok(report(&form, &plan))
}

fn report(form: &Form, plan: &Plan) -> Report {
    let outcome = run(plan, form.loader, form.fails);
    let otherwise = run(plan, !form.loader, form.fails).statements.len();
    let response = serde_json::to_string_pretty(&outcome).unwrap_or_default();
    let bytes = serde_json::to_string(&outcome).unwrap_or_default().len();
    Report {
        status: 200,
        response,
        bytes,
        errors: outcome.errors.len(),
        depth: plan.depth,
        cost: plan.cost,
        objects: outcome.objects(),
        asked: outcome.asked,
        otherwise,
        resources: resources(plan, &outcome),
        notes: notes(&outcome, form.loader),
        statements: outcome.statements,
    }
}

/// A whole row, as JSON.
struct Whole(Row);

impl Serialize for Whole {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_map(self.0.columns().into_iter().map(|(name, value)| {
            let value = match value {
                Value::Text(text) => serde_json::Value::from(text),
                Value::Whole(number) => serde_json::Value::from(number),
            };
            (name, value)
        }))
    }
}

/// Lists of the root are one call, authors and single articles one each, and the comments of an article one.
fn resources(plan: &Plan, outcome: &Outcome) -> Resources {
    use crate::plan::What;
    let of = |of: Type| outcome.rows.iter().filter(move |row| row.of == of);
    let mut bodies = 0;
    let mut calls = 0;
    let written = |rows: &[Whole]| serde_json::to_string(rows).unwrap_or_default().len();
    let listed = |of: Type| {
        plan.nodes.iter().any(|n| matches!(&n.what, What::Objects { fetch, .. } if fetch.is_list() && fetch.of() == of))
    };
    for each in [Type::Article, Type::Author] {
        let rows: Vec<Whole> = of(each).map(|row| Whole(*row)).collect();
        if rows.is_empty() {
            continue;
        }
        if listed(each) {
            bodies += written(&rows);
            calls += 1;
        } else {
            // Each by itself, without the brackets of a list.
            bodies += written(&rows) - 1 - rows.len();
            calls += rows.len();
        }
    }
    let mut articles: Vec<u32> = of(Type::Comment).map(|row| row.id / 10).collect();
    articles.dedup();
    for article in &articles {
        let rows: Vec<Whole> = of(Type::Comment).filter(|row| row.id / 10 == *article).map(|row| Whole(*row)).collect();
        bodies += written(&rows);
        calls += 1;
    }
    Resources { bytes: bodies, calls, trips: plan.depth as usize }
}

fn notes(outcome: &Outcome, loader: bool) -> Vec<String> {
    let mut notes = Vec::new();
    if !outcome.errors.is_empty() {
        notes.push(format!(
            "The status is 200, and {} of the answer is missing. A monitor that counts statuses sees nothing.",
            if outcome.errors.len() == 1 { "one part".to_owned() } else { format!("{} parts", outcome.errors.len()) }
        ));
    }
    if outcome.stopped {
        notes.push(format!("It was ended at {} objects, the most that this page makes. A limit on cost would have refused it before it ran.", grouped(OBJECTS_MAX as u64)));
    }
    let keys: usize = outcome.statements.iter().map(|s| s.keys).sum();
    if loader && keys < outcome.asked {
        notes.push(format!(
            "Resolvers asked for {} keys; the loader fetched {}: the others were asked for twice, or it had them already.",
            grouped(outcome.asked as u64),
            grouped(keys as u64)
        ));
    }
    notes
}

/// `1,000,000`.
fn grouped(number: u64) -> String {
    sim::decimal::grouped(i64::try_from(number).unwrap_or(i64::MAX))
}
