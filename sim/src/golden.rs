//! Golden runs: each question at its defaults with everything broken once, in two seeds. Their
//! digests must be the same natively and in every browser.

use crate::declare::Question;
use crate::kernel::{Input, RunValue, Us, What};
use crate::link::{self, Shared};

/// How long a golden run is; short enough for a phone.
const UNTIL: Us = Us::s(20);

/// The golden run of a question: act number i happens at i + 1 seconds, with its default arguments.
pub fn value(q: &'static Question, seed: u64) -> RunValue {
    let mut value = RunValue::new(q);
    value.seed = seed;
    for (i, act) in q.acts.iter().enumerate() {
        let mut args = [0.0; 3];
        for (slot, arg) in args.iter_mut().zip(act.args) {
            *slot = arg.default;
        }
        let at = Us::s(i as u64 % 18 + 1);
        value.inputs.push(Input { at, what: What::Act { act: i as u8, args } });
    }
    crate::order::by_key(&mut value.inputs, |i| i.at);
    value
}

/// What a golden run must come to.
pub struct Golden {
    /// The question and the seed: `saga-consistency/7`.
    pub name: String,
    /// After a detour through the past, which must not show: 0 if it does.
    pub digest: u64,
    /// The fragment that brings a page to the run's last moment.
    pub link: String,
}

pub fn runs(questions: &[&'static Question]) -> Vec<Golden> {
    let mut all = Vec::new();
    for q in questions {
        for seed in [1, 7] {
            let mut run = q.run(value(q, seed));
            run.advance(UNTIL, u64::MAX);
            let straight = run.digest();
            run.seek(Us::s(7));
            run.seek(UNTIL);
            // A difference is a defect of rewinding; marked so that it cannot equal any golden digest.
            let digest = if run.digest() == straight { straight } else { 0 };
            let (a, moment) = (run.value().clone(), run.moment());
            let shared = Shared { check: Some(link::check(straight, None)), ..Shared::one(a, moment) };
            all.push(Golden { name: format!("{}/{seed}", q.slug), digest, link: link::encode(&shared) });
        }
    }
    all
}

/// As JSON, for the tests of the pages: `{"slug/seed": {"digest": "hex", "link": "#r=..."}, ...}`.
pub fn json(questions: &[&'static Question]) -> String {
    let rows: Vec<String> = runs(questions)
        .into_iter()
        .map(|g| format!("\"{}\":{{\"digest\":\"{:016x}\",\"link\":\"#r={}\"}}", g.name, g.digest, g.link))
        .collect();
    format!("{{{}}}", rows.join(","))
}
