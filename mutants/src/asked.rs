//! The tests of the program, and which mutants each of them comes by.
//!
//! A mutant that a test never comes by cannot change what the test sees, so only the others are run against it: a dozen
//! of a thousand, mostly.

use crate::Outcome;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// Who is asked about a mutant, in this order. The word is what is said of one that is noticed there.
pub const STAGES: [&str; 3] = ["killed", "killed by golden", "killed by questions"];
pub const GOLDEN: usize = 1;
pub const QUESTIONS: usize = 2;
/// Whoever survives is held against all of the questions' tests that come by it: those that take longer than this are
/// spared, or a survivor would cost minutes.
const TAKES_MAX: Duration = Duration::from_secs(10);
/// Processor seconds after which it is clear without a mutant, too. No block's test and no golden run takes as many.
const SECONDS_MAX: u64 = 40;

pub struct Test {
    pub name: String,
    pub stage: usize,
    /// How long it takes without a mutant.
    takes: Duration,
}

pub struct Tests {
    program: PathBuf,
    /// Quick ones first.
    all: Vec<Test>,
    /// Of each mutant, the tests that come by it, as places in `all`.
    by: BTreeMap<usize, Vec<usize>>,
}

/// What the project's own `cargo xtask test` sets: the same cases for every mutant.
const SEED: (&str, &str) = ("PROPTEST_RNG_SEED", "1122");

fn stage(name: &str) -> usize {
    match name.split("::").next() {
        Some("blocks") => 0,
        Some("golden") => GOLDEN,
        _ => QUESTIONS,
    }
}

impl Tests {
    /// Runs each test once without a mutant.
    ///
    /// # Errors
    /// One of the blocks' tests, or a golden run, fails without any mutant. Others that do, for want of a file that the
    /// copy does not have, are left out.
    pub fn find(program: PathBuf, scratch: &Path) -> Outcome<Tests> {
        let list = Command::new(&program).args(["--list", "--format=terse"]).output();
        let list = list.map_err(|why| format!("{}: {why}", program.display()))?;
        let names: Vec<String> = String::from_utf8_lossy(&list.stdout)
            .lines()
            .filter_map(|line| line.strip_suffix(": test"))
            .map(str::to_owned)
            .collect();
        let found = Mutex::new(Vec::new());
        crate::in_parallel(&names, |name| {
            match come_by(&program, name, &scratch.join(name.replace("::", ".")))? {
                (Some(takes), _) if stage(name) == QUESTIONS && takes > TAKES_MAX => {
                    eprintln!("{name} takes {} s, and is not asked", takes.as_secs());
                }
                (Some(takes), asked) => {
                    let test = Test { name: name.clone(), stage: stage(name), takes };
                    found.lock().map_err(|_| "a thread panicked")?.push((test, asked));
                }
                (None, _) if stage(name) == QUESTIONS => {
                    eprintln!("{name} fails or takes too long without any mutant, and is not asked")
                }
                (None, _) => return Err(format!("{name} fails without any mutant")),
            }
            Ok(())
        })?;
        let mut found = found.into_inner().map_err(|_| "a thread panicked")?;
        found.sort_by_key(|(test, _)| test.takes);
        let mut by = BTreeMap::<usize, Vec<usize>>::new();
        let mut all = Vec::new();
        for (at, (test, asked)) in found.into_iter().enumerate() {
            asked.into_iter().for_each(|id| by.entry(id).or_default().push(at));
            all.push(test);
        }
        eprintln!("{} tests, {} mutants that one of them comes by", all.len(), by.len());
        Ok(Tests { program, all, by })
    }

    /// Whether one of the blocks' tests fails or runs away with this mutant on.
    pub fn noticed_by_blocks(&self, id: usize, block: &str) -> Outcome<Option<&'static str>> {
        let own = format!("blocks::{block}::");
        // The block's own tests first: they notice most.
        let (own, others): (Vec<&Test>, _) = self.by(id, 0).partition(|test| test.name.starts_with(&own));
        self.first(id, own.into_iter().chain(others))
    }

    /// The same of a later stage.
    pub fn noticed_by(&self, id: usize, stage: usize) -> Outcome<Option<&'static str>> {
        self.first(id, self.by(id, stage))
    }

    /// The first failure is enough.
    fn first<'a>(&self, id: usize, tests: impl Iterator<Item = &'a Test>) -> Outcome<Option<&'static str>> {
        for test in tests {
            if !self.passes(test, id)? {
                return Ok(Some(STAGES[test.stage]));
            }
        }
        Ok(None)
    }

    /// The tests of a stage that come by this mutant.
    fn by(&self, id: usize, stage: usize) -> impl Iterator<Item = &Test> + '_ {
        self.by.get(&id).into_iter().flatten().map(|at| &self.all[*at]).filter(move |test| test.stage == stage)
    }

    fn passes(&self, test: &Test, id: usize) -> Outcome<bool> {
        // One that takes four times as long as without the mutant, and a second, has run away. The machine may be busy with
        // other things: the time it took is more than its processor's, so that the limit is on the safe side.
        let seconds = 1 + (4 * test.takes).as_secs_f64().ceil() as u64;
        let status = command(&self.program, seconds, &test.name).env("MUTANT", id.to_string()).status();
        Ok(status.map_err(|why| format!("sh: {why}"))?.success())
    }
}

/// How long a test takes without a mutant, if it passes, and the mutants that it comes by. `file` keeps it for as long as
/// the program is the same.
fn come_by(program: &Path, name: &str, file: &Path) -> Outcome<(Option<Duration>, Vec<usize>)> {
    let changed = |path: &Path| fs::metadata(path).and_then(|about| about.modified()).ok();
    let kept = || -> Option<(Option<Duration>, Vec<usize>)> {
        let text = (changed(file)? > changed(program)?).then(|| fs::read_to_string(file).ok())??;
        // Without its last line the file is of a run that was ended.
        let millis = text.lines().find_map(|line| line.strip_prefix("ms "))?;
        let takes = millis.parse().ok().map(Duration::from_millis);
        Some((takes, text.lines().filter_map(|id| id.parse().ok()).collect()))
    };
    if let Some(kept) = kept() {
        return Ok(kept);
    }
    let _ = fs::remove_file(file);
    let start = Instant::now();
    let status = command(program, SECONDS_MAX, name).env("MUTANT", "each").env("MUTANT_ASKED", file).status();
    let (passed, takes) = (status.map_err(|why| format!("sh: {why}"))?.success(), start.elapsed());
    let asked = fs::read_to_string(file).unwrap_or_default();
    let millis = if passed { takes.as_millis().to_string() } else { "failed".to_owned() };
    crate::write(file, &format!("{asked}ms {millis}\n"))?;
    Ok((passed.then_some(takes), asked.lines().filter_map(|id| id.parse().ok()).collect()))
}

/// A test, with a limit to its processor time and memory.
fn command(program: &Path, seconds: u64, name: &str) -> Command {
    let mut command = Command::new("sh");
    command
        .args(["-c", &format!("ulimit -t {seconds}; ulimit -v 4000000; exec \"$@\""), "sh"])
        .arg(program)
        .args([name, "--exact", "--test-threads=1", "-q"])
        .env(SEED.0, SEED.1)
        // A failure is enough; what the smallest one looks like, and whether it comes again, is of no interest.
        .env("PROPTEST_MAX_SHRINK_ITERS", "0")
        .env("PROPTEST_DISABLE_FAILURE_PERSISTENCE", "1")
        .env("RUST_BACKTRACE", "0")
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command
}
