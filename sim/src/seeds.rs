//! The experiments at many seeds: what the text says happens must happen to every reader, whichever seed is hers.
#![allow(clippy::disallowed_types, reason = "the tool is timed, not the run")]

use crate::cores;
use crate::declare::Question;
use crate::judge;
use crate::kernel::Us;
use crate::script::{self, Ask};
use press::{Article, Claim, Plan, Problem, Setup, Try};
use std::collections::BTreeMap;
use std::path::Path;
use std::time::Instant;

/// So many seeds that failed are named; more would not help anybody to find the reason.
const NAMED_MAX: usize = 5;

/// One claim of one experiment, ready to be run at any seed.
pub struct Asked<'a> {
    pub question: &'static Question,
    pub experiment: &'a Try,
    /// 0 for the claim that decides which choice is right, then the further checks.
    pub index: usize,
    pub line: usize,
    plan: &'a Plan,
    claim: &'a Claim,
    ask: Ask,
}

/// What a claim came to at the seeds from 1 on.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tally {
    pub seeds: u64,
    pub held: u64,
    /// The first seeds at which it did not hold.
    pub failed: Vec<u64>,
    /// The least and the greatest value that was measured.
    pub range: Option<(f64, f64)>,
    /// How long its share of all runs took, in seconds.
    pub seconds: f64,
}

impl Tally {
    fn note(&mut self, seed: u64, measured: Option<f64>, held: bool) {
        self.seeds += 1;
        if held {
            self.held += 1;
        } else if self.failed.len() < NAMED_MAX {
            self.failed.push(seed);
        }
        if let Some(m) = measured {
            self.range = Some(self.range.map_or((m, m), |(least, most)| (least.min(m), most.max(m))));
        }
    }

    /// As it stands in the file of [`Done`].
    fn line(&self) -> String {
        let failed: Vec<String> = self.failed.iter().map(u64::to_string).collect();
        let (least, most) = self.range.map_or(("-".into(), "-".into()), |(a, b)| (a.to_string(), b.to_string()));
        format!("{}\t{}\t{least}\t{most}\t{:.3}\t{}", self.seeds, self.held, self.seconds, failed.join(" "))
    }

    fn read(line: &str) -> Option<Tally> {
        let mut cells = line.split('\t');
        let mut next = || cells.next();
        let (seeds, held) = (next()?.parse().ok()?, next()?.parse().ok()?);
        let range = next()?.parse().ok().zip(next()?.parse().ok());
        let seconds = next()?.parse().ok()?;
        let failed = next()?.split(' ').filter_map(|seed| seed.parse().ok()).collect();
        Some(Tally { seeds, held, failed, range, seconds })
    }
}

impl Asked<'_> {
    /// Its name in the file: it changes when what is claimed does, so that an old result is not taken for a new one.
    pub fn key(&self) -> String {
        let setup = format!("{:?} {} {:?}", self.plan.a, self.plan.until_us, self.plan.b);
        let version = (self.question.version, crate::link::hash(&setup));
        format!(
            "{}/{}/{} v{}-{:04x} {} {}",
            self.question.slug,
            self.experiment.id,
            self.index,
            version.0,
            version.1,
            self.claim.measure,
            self.claim.expect
        )
    }

    /// The claim that decides which choice of its experiment is right, not a further check.
    pub fn decides(&self) -> bool {
        self.index == 0
    }

    /// When the run is over.
    pub fn until(&self) -> Us {
        Us(self.plan.until_us)
    }

    pub fn expect(&self) -> String {
        format!("{} {}", self.claim.measure, self.claim.expect)
    }
}

/// Claims that are read from one run, each at its moment: the same question, set up in the same way.
pub struct Together<'a> {
    setup: &'a Setup,
    /// By their moments.
    pub claims: Vec<&'a Asked<'a>>,
}

/// Puts together what one run answers, so that it is simulated once.
pub fn together<'a>(asked: &'a [Asked]) -> Vec<Together<'a>> {
    let mut groups: Vec<Together> = Vec::new();
    for claim in asked {
        // Validated when the claims were read.
        let Ok(setup) = judge::setup(claim.plan, claim.claim.side) else { continue };
        let same = |group: &&mut Together| group.claims[0].question.slug == claim.question.slug && group.setup == setup;
        match groups.iter_mut().find(same) {
            Some(group) => group.claims.push(claim),
            None => groups.push(Together { setup, claims: vec![claim] }),
        }
    }
    for group in &mut groups {
        group.claims.sort_by_key(|claim| claim.until().0);
    }
    groups
}

impl Together<'_> {
    /// Runs it at the seeds after those of the tallies, one for each claim, up to `seeds`, on all cores.
    ///
    /// # Errors
    /// A run whose laws were broken: the seed and the law.
    pub fn run(&self, tallies: &mut [Tally], seeds: u64) -> Result<(), String> {
        let start = Instant::now();
        let question = self.claims[0].question;
        let first = tallies.iter().map(|tally| tally.seeds).min().unwrap_or(0) + 1;
        let seeds: Vec<u64> = (first..=seeds).collect();
        let asks: Vec<(Us, &Ask)> = self.claims.iter().map(|claim| (claim.until(), &claim.ask)).collect();
        let outcomes = cores::each(&seeds, |seed| judge::answers(question, self.setup, *seed, &asks));
        for (seed, outcome) in seeds.iter().zip(outcomes) {
            let (answers, _) = outcome.map_err(|why| format!("{}: seed {seed}: {why}", self.claims[0].key()))?;
            for ((claim, tally), measured) in self.claims.iter().zip(tallies.iter_mut()).zip(answers) {
                if *seed > tally.seeds {
                    tally.note(*seed, measured, judge::holds(claim.experiment, claim.index, claim.claim, measured));
                }
            }
        }
        let share = start.elapsed().as_secs_f64() / self.claims.len() as f64;
        tallies.iter_mut().for_each(|tally| tally.seconds += share);
        Ok(())
    }
}

/// Every claim of these questions.
///
/// # Errors
/// What the engine does not know of the articles: knobs, acts, measures.
pub fn asked<'a>(questions: &[&'static Question], articles: &'a [Article]) -> Result<Vec<Asked<'a>>, Vec<Problem>> {
    let mut all = Vec::new();
    for q in questions {
        let Some(article) = articles.iter().find(|a| a.slug == q.slug) else { continue };
        let problems = judge::validate(q, &format!("content/{}.md", q.slug), &article.front);
        if !problems.is_empty() {
            return Err(problems);
        }
        for experiment in &article.front.tries {
            for (index, (line, plan, claim)) in experiment.claims().enumerate() {
                // Validated just now.
                let Ok(ask) = script::parse_ask(q, &claim.measure) else { continue };
                all.push(Asked { question: q, experiment, index, line, plan, claim, ask });
            }
        }
    }
    Ok(all)
}

/// What has been run already, as a file: a run of hours can be ended at any time and goes on where it was.
#[derive(Default)]
pub struct Done {
    rows: BTreeMap<String, Tally>,
}

impl Done {
    pub fn read(path: &Path) -> Done {
        let text = std::fs::read_to_string(path).unwrap_or_default();
        let row = |line: &str| {
            let (key, rest) = line.split_once('\t')?;
            Some((key.to_owned(), Tally::read(rest)?))
        };
        Done { rows: text.lines().filter_map(row).collect() }
    }

    pub fn get(&self, key: &str) -> Tally {
        self.rows.get(key).cloned().unwrap_or_default()
    }

    pub fn put(&mut self, key: String, tally: Tally) {
        self.rows.insert(key, tally);
    }

    /// # Errors
    /// The file cannot be written.
    pub fn write(&self, path: &Path) -> Result<(), String> {
        let text: String = self.rows.iter().map(|(key, tally)| format!("{key}\t{}\n", tally.line())).collect();
        std::fs::write(path, text).map_err(|why| format!("{}: {why}", path.display()))
    }
}

/// The tables of RELIABILITY.md: a line a question, and a line for each claim that did not hold at every seed.
pub fn markdown(asked: &[Asked], done: &Done) -> String {
    let mut text =
        "| question | experiments | seeds each | further checks | seeds each | runs | held | of all runs |\n\
                    |---|--:|--:|--:|--:|--:|--:|--:|\n"
            .to_owned();
    let mut others = String::new();
    let mut all = [0; 4];
    for of_one in asked.chunk_by(|a, b| a.question.slug == b.question.slug) {
        let tallies: Vec<(&Asked, Tally)> = of_one.iter().map(|a| (a, done.get(&a.key()))).collect();
        let seeds = |decides: bool| -> Vec<u64> {
            tallies.iter().filter(|(a, _)| a.decides() == decides).map(|(_, t)| t.seeds).collect()
        };
        let (own, further) = (seeds(true), seeds(false));
        let runs = tallies.iter().map(|(_, t)| t.seeds).sum();
        let held = tallies.iter().map(|(_, t)| t.held).sum();
        let counts = [own.len() as u64, further.len() as u64, runs, held];
        text.push_str(&row(of_one[0].question.slug, counts, &range(&own), &range(&further)));
        all.iter_mut().zip(counts).for_each(|(all, n)| *all += n);
        for (a, t) in tallies.iter().filter(|(_, t)| t.held < t.seeds) {
            let range = t.range.map_or("nothing".to_owned(), |(a, b)| format!("{a:.4} to {b:.4}"));
            others.push_str(&format!(
                "| {}/{} (line {}) | `{}` | {} of {} | {range} | {} |\n",
                a.question.slug,
                a.experiment.id,
                a.line,
                a.expect(),
                t.held,
                t.seeds,
                t.failed.iter().map(u64::to_string).collect::<Vec<_>>().join(", ")
            ));
        }
    }
    text.push_str(&row("all", all, "", ""));
    if !others.is_empty() {
        text.push_str("\n| not at every seed | claim | held | measured | failed first at |\n|---|---|--:|---|---|\n");
        text.push_str(&others);
    }
    text
}

fn range(seeds: &[u64]) -> String {
    match (seeds.iter().min(), seeds.iter().max()) {
        (Some(least), Some(most)) if least < most => format!("{least} to {most}"),
        (Some(each), _) => each.to_string(),
        _ => String::new(),
    }
}

fn row(name: &str, [own, further, runs, held]: [u64; 4], own_at: &str, further_at: &str) -> String {
    let share = if runs == 0 { 0.0 } else { held as f64 * 100.0 / runs as f64 };
    format!("| {name} | {own} | {own_at} | {further} | {further_at} | {runs} | {held} | {share:.3} % |\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tally_comes_back_from_its_line() {
        let mut tally = Tally { seconds: 1.5, ..Tally::default() };
        assert_eq!(Tally::read(&tally.line()), Some(tally.clone()));
        for seed in 1..=9 {
            tally.note(seed, (seed % 2 == 0).then_some(seed as f64 / 3.0), seed > 7);
        }
        assert_eq!((tally.seeds, tally.held, tally.failed.len()), (9, 2, NAMED_MAX));
        assert_eq!(tally.range, Some((2.0 / 3.0, 8.0 / 3.0)));
        assert_eq!(Tally::read(&tally.line()), Some(tally));
        assert_eq!(Tally::read("half a line"), None);
    }
}
