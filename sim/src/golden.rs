//! Golden runs: each question at its defaults with everything broken once, in two seeds. Their
//! digests must be the same natively and in every browser, and those of `golden.txt`: whoever has shared a link to a
//! moment is to find it as it was, and a change that should change nothing shows that it has not.

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

/// As `golden.txt` has them: a line for each run, its name and its digest.
pub fn lines(questions: &[&'static Question]) -> String {
    runs(questions).into_iter().map(|g| format!("{} {:016x}\n", g.name, g.digest)).collect()
}

/// As JSON, for the tests of the pages: `{"slug/seed": {"digest": "hex", "link": "#r=..."}, ...}`.
pub fn json(questions: &[&'static Question]) -> String {
    let rows: Vec<String> = runs(questions)
        .into_iter()
        .map(|g| format!("\"{}\":{{\"digest\":\"{:016x}\",\"link\":\"#r={}\"}}", g.name, g.digest, g.link))
        .collect();
    format!("{{{}}}", rows.join(","))
}

#[cfg(all(test, feature = "questions"))]
mod tests {
    use super::*;
    use crate::questions;

    /// A model that was changed on purpose gets new digests with
    /// `cargo run -q -p sim -- golden --lines > sim/src/golden.txt`.
    const COMMITTED: &str = include_str!("golden.txt");

    /// What `golden.txt` says of this run.
    fn committed(name: &str) -> &'static str {
        let digest = COMMITTED.lines().filter_map(|line| line.split_once(' ')).find(|(of, _)| *of == name);
        digest.unwrap_or_else(|| panic!("golden.txt has no {name}")).1
    }

    /// That runs come back the same from their past is a test of its own, `golden_runs_rewind_to_themselves`.
    fn hold(q: &'static Question) {
        for seed in [1, 7] {
            let mut run = q.run(value(q, seed));
            run.advance(UNTIL, u64::MAX);
            let name = format!("{}/{seed}", q.slug);
            assert_eq!(format!("{:016x}", run.digest()), committed(&name), "{name} has another digest than it had");
        }
    }

    /// A test for each question, so that a failure says which, and the mutation tests ask those that a block is in.
    macro_rules! hold_each {
        ($($question:ident)*) => {
            $(
                #[test]
                fn $question() {
                    hold(&questions::$question::QUESTION);
                }
            )*
            const HELD: &[&str] = &[$(questions::$question::QUESTION.slug),*];
        };
    }

    hold_each! {
        api_versioning backpressure caching_benefits db_bottleneck_spikes debug_latency distributed_rate_limit
        event_sourcing eventual_consistency idempotent_api million_rpm_architecture monolith_vs_microservices
        observability queue_vs_direct_call rate_limiter_design rest_vs_graphql saga_consistency service_communication
        slow_db_queries traffic_spike_10x
    }

    #[test]
    fn every_question_has_its_two_digests() {
        let names = |slugs: &mut dyn Iterator<Item = &str>| -> std::collections::BTreeSet<String> {
            slugs.flat_map(|slug| [format!("{slug}/1"), format!("{slug}/7")]).collect()
        };
        let all = names(&mut questions::ALL.iter().map(|q| q.slug));
        assert_eq!(names(&mut HELD.iter().copied()), all);
        let said: Vec<&str> = COMMITTED.lines().filter_map(|line| Some(line.split_once(' ')?.0)).collect();
        assert_eq!(said.len(), all.len());
        assert!(said.iter().all(|name| all.contains(*name)));
    }
}
