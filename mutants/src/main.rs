//! Mutation tests of `sim/src/blocks`: which changes of the code does no test notice?
//!
//! The mutants are those of cargo-mutants (`cargo mutants --list`). Building the crate once for each of some five thousand
//! takes days on two cores, so all are built into one program, each behind a question whether it is on, and the tests
//! are started once for each. Mutants that do not compile are found by the compiler's own complaints and taken out.
//!
//! `mutants LIST.json SIM_DIR WORK_DIR OUT.tsv [BLOCK...]`: the list, the crate, where to build, what came out so far (it
//! goes on there), and the blocks to try, in this order; all if none is named.

mod weave;

use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use weave::Mutant;

type Outcome<T> = Result<T, String>;

/// Processor seconds that a mutant's tests may take: those of all blocks take two and a half.
const CPU_SECONDS_MAX: u32 = 10;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [list, sim, work, out, blocks @ ..] = args.as_slice() else {
        eprintln!("usage: mutants LIST.json SIM_DIR WORK_DIR OUT.tsv [BLOCK...]");
        return ExitCode::from(2);
    };
    match all(list, Path::new(sim), Path::new(work), Path::new(out), blocks) {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("{why}");
            ExitCode::FAILURE
        }
    }
}

fn all(list: &str, sim: &Path, work: &Path, out: &Path, blocks: &[String]) -> Outcome<()> {
    let mutants = read_list(list)?;
    fs::create_dir_all(work).map_err(|why| format!("{}: {why}", work.display()))?;
    // Cargo is started in there, so that a path from here would mean something else.
    let work = &work.canonicalize().map_err(|why| format!("{}: {why}", work.display()))?;
    let mut results = Results::read(out);
    let tests = build(&mutants, sim, work, &mut results)?;
    let mut todo: Vec<&Mutant> = mutants.iter().filter(|m| !results.has(&m.name)).collect();
    if !blocks.is_empty() {
        todo.retain(|m| blocks.iter().any(|b| b == block(m)));
        todo.sort_by_key(|m| blocks.iter().position(|b| b == block(m)));
    }
    if !passes(&tests, "blocks::", usize::MAX)? {
        return Err("the tests fail without any mutant".to_owned());
    }
    try_each(&todo, &tests, &Mutex::new(&mut results))?;
    println!("{}", results.markdown(&mutants));
    Ok(())
}

/// The block that a mutant is in: `limiter` of `sim/src/blocks/limiter.rs`.
fn block(m: &Mutant) -> &str {
    Path::new(&m.file).file_stem().and_then(|stem| stem.to_str()).unwrap_or_default()
}

fn read(path: &Path) -> Outcome<String> {
    fs::read_to_string(path).map_err(|why| format!("{}: {why}", path.display()))
}

fn write(path: &Path, text: &str) -> Outcome<()> {
    // What has not changed is not built again.
    if fs::read_to_string(path).is_ok_and(|there| there == text) {
        return Ok(());
    }
    let folder = path.parent().map_or(Ok(()), fs::create_dir_all);
    folder.and_then(|()| fs::write(path, text)).map_err(|why| format!("{}: {why}", path.display()))
}

fn read_list(path: &str) -> Outcome<Vec<Mutant>> {
    let list: Vec<Value> = serde_json::from_str(&read(Path::new(path))?).map_err(|why| format!("{path}: {why}"))?;
    let text = |v: &Value, key: &str| v[key].as_str().unwrap_or_default().to_owned();
    let place = |v: &Value| (v["line"].as_u64().unwrap_or(1) as usize, v["column"].as_u64().unwrap_or(1) as usize);
    let mutant = |(id, v): (usize, &Value)| Mutant {
        id,
        file: text(v, "file"),
        name: text(v, "name"),
        genre: text(v, "genre"),
        replacement: text(v, "replacement"),
        start: place(&v["span"]["start"]),
        end: place(&v["span"]["end"]),
    };
    Ok(list.iter().enumerate().map(mutant).collect())
}

/// Builds the tests with all mutants that can be; where the program is.
fn build(mutants: &[Mutant], sim: &Path, work: &Path, results: &mut Results) -> Outcome<PathBuf> {
    write(&work.join("Cargo.toml"), MANIFEST)?;
    copy(&sim.join("src"), &work.join("src"))?;
    let lib = read(&sim.join("src/lib.rs"))?;
    write(&work.join("src/lib.rs"), &format!("{lib}\npub mod mutant;\n"))?;
    write(&work.join("src/mutant.rs"), ASKED)?;
    loop {
        let mut branches = Vec::new();
        for file in mutants.iter().map(|m| &m.file).collect::<BTreeSet<_>>() {
            let built = |m: &&Mutant| m.file == *file && !results.is(&m.name, "unviable");
            let here: Vec<Mutant> = mutants.iter().filter(built).cloned().collect();
            let name = file.strip_prefix("sim/").unwrap_or(file);
            let woven = weave::weave(&read(&sim.join(name))?, &here).map_err(|why| format!("{file}: {why}"))?;
            for id in woven.left_out {
                results.put(&mutants[id].name, "left out")?;
            }
            branches.extend(woven.branches.into_iter().map(|(id, range)| (name.to_owned(), id, range)));
            write(&work.join(name), &woven.text)?;
        }
        let wrong = complaints(work, &branches)?;
        eprintln!("{} mutants in {} places, {} do not compile", mutants.len(), branches.len(), wrong.len());
        if wrong.is_empty() {
            return program(work);
        }
        for id in wrong {
            results.put(&mutants[id].name, "unviable")?;
        }
    }
}

const MANIFEST: &str = r#"[package]
name = "sim"
version = "0.1.0"
edition = "2024"

[workspace]

[features]
runner = []
questions = []

[dependencies]
libm = "0.2"
postcard = { version = "1.1", default-features = false, features = ["alloc"] }
serde = { version = "1", default-features = false, features = ["derive", "alloc"] }
base64ct = { version = "1", default-features = false, features = ["alloc"] }

[dev-dependencies]
proptest = { version = "1", default-features = false, features = ["std"] }

[profile.dev]
debug = false
opt-level = 1
incremental = false
"#;

const ASKED: &str = r#"//! Which mutant is on.
use std::sync::OnceLock;
static ON: OnceLock<usize> = OnceLock::new();
pub fn on(id: usize) -> bool {
    *ON.get_or_init(|| std::env::var("MUTANT").ok().and_then(|id| id.parse().ok()).unwrap_or(usize::MAX)) == id
}
"#;

/// The crate without the questions, which no block needs.
fn copy(from: &Path, to: &Path) -> Outcome<()> {
    let entries = fs::read_dir(from).map_err(|why| format!("{}: {why}", from.display()))?;
    for entry in entries.flatten() {
        let (path, name) = (entry.path(), entry.file_name());
        if path.is_dir() {
            if !["questions", "accuracy", "bin"].contains(&name.to_string_lossy().as_ref()) {
                copy(&path, &to.join(name))?;
            }
        } else if from.ends_with("blocks") && name != "mod.rs" {
            // These are woven.
        } else {
            write(&to.join(name), &read(&path)?)?;
        }
    }
    Ok(())
}

fn cargo(work: &Path, words: &[&str]) -> Outcome<Vec<Value>> {
    let output = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args(words)
        .arg("--message-format=json")
        .current_dir(work)
        .env("RUSTFLAGS", "-Awarnings")
        .env("CARGO_TARGET_DIR", work.join("target"))
        .stderr(Stdio::inherit())
        .output()
        .map_err(|why| format!("cargo: {why}"))?;
    let text = String::from_utf8_lossy(&output.stdout);
    Ok(text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect())
}

/// The mutants that the compiler complains about.
///
/// # Errors
/// A complaint that is about none of them.
fn complaints(work: &Path, branches: &[(String, usize, std::ops::Range<usize>)]) -> Outcome<BTreeSet<usize>> {
    let mut wrong = BTreeSet::new();
    let mut others = Vec::new();
    for line in cargo(work, &["check", "--lib", "--tests"])? {
        let message = &line["message"];
        let spans: Vec<&Value> = message["spans"].as_array().into_iter().flatten().collect();
        if message["level"] != "error" || spans.is_empty() {
            continue;
        }
        let about = spans.iter().filter_map(|span| {
            let (from, to) = (span["byte_start"].as_u64()? as usize, span["byte_end"].as_u64()? as usize);
            let file = span["file_name"].as_str()?;
            let inside = branches.iter().filter(|(name, _, r)| name == file && r.start <= from && to <= r.end);
            // Branches hold plain source, so none is inside another.
            inside.map(|(_, id, _)| *id).next()
        });
        let about: Vec<usize> = about.collect();
        if about.is_empty() {
            others.push(message["rendered"].as_str().unwrap_or_default().to_owned());
        }
        wrong.extend(about);
    }
    match others.first() {
        Some(first) if wrong.is_empty() => {
            Err(format!("{} complaints about no mutant; the first:\n{first}", others.len()))
        }
        _ => Ok(wrong),
    }
}

fn program(work: &Path) -> Outcome<PathBuf> {
    let lines = cargo(work, &["test", "--lib", "--no-run"])?;
    let path = lines.iter().rev().find_map(|line| line["executable"].as_str());
    path.map(PathBuf::from).ok_or_else(|| "the tests were not built".to_owned())
}

/// Whether the tests whose names begin with `filter` pass with this mutant on. One that runs away is stopped, and has
/// not passed.
fn passes(tests: &Path, filter: &str, id: usize) -> Outcome<bool> {
    let limits = format!("ulimit -t {CPU_SECONDS_MAX}; ulimit -v 4000000; exec \"$@\"");
    let status = Command::new("sh")
        .args(["-c", &limits, "sh"])
        .arg(tests)
        .args([filter, "--test-threads=1", "-q"])
        .env("MUTANT", id.to_string())
        // A failure is enough; what the smallest one looks like is of no interest.
        .env("PROPTEST_MAX_SHRINK_ITERS", "0")
        .env("RUST_BACKTRACE", "0")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .map_err(|why| format!("sh: {why}"))?;
    Ok(status.success())
}

fn try_each(todo: &[&Mutant], tests: &Path, results: &Mutex<&mut Results>) -> Outcome<()> {
    let next = AtomicUsize::new(0);
    let work = || -> Outcome<()> {
        while let Some(mutant) = todo.get(next.fetch_add(1, Ordering::Relaxed)) {
            let own = format!("blocks::{}::", block(mutant));
            // Its own tests first: they are quick, and notice most.
            let noticed = !passes(tests, &own, mutant.id)? || !passes(tests, "blocks::", mutant.id)?;
            let outcome = if noticed { "killed" } else { "survived" };
            results.lock().map_err(|_| "a thread panicked")?.put(&mutant.name, outcome)?;
        }
        Ok(())
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        let all: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        all.into_iter().try_for_each(|thread| thread.join().map_err(|_| "a thread panicked".to_owned())?)
    })
}

/// What came out, by the mutants' names; a file with a line each.
struct Results {
    path: PathBuf,
    of: BTreeMap<String, String>,
}

impl Results {
    fn read(path: &Path) -> Results {
        let text = fs::read_to_string(path).unwrap_or_default();
        let of = text.lines().filter_map(|l| l.split_once('\t')).map(|(o, n)| (n.to_owned(), o.to_owned())).collect();
        Results { path: path.to_owned(), of }
    }

    /// Survivors are tried again: there may be a test for them by now.
    fn has(&self, name: &str) -> bool {
        self.of.get(name).is_some_and(|outcome| outcome != "survived")
    }

    fn is(&self, name: &str, outcome: &str) -> bool {
        self.of.get(name).is_some_and(|o| o == outcome)
    }

    fn put(&mut self, name: &str, outcome: &str) -> Outcome<()> {
        self.of.insert(name.to_owned(), outcome.to_owned());
        let text: String = self.of.iter().map(|(name, outcome)| format!("{outcome}\t{name}\n")).collect();
        write(&self.path, &text)
    }

    /// The table of RELIABILITY.md, and the survivors.
    fn markdown(&self, mutants: &[Mutant]) -> String {
        let mut text = "| block | mutants | tried | killed | survived | do not compile | left out |\n|---|--:|--:|--:|--:|--:|--:|\n".to_owned();
        let blocks: BTreeSet<&str> = mutants.iter().map(block).collect();
        let mut sums = [0; 6];
        for name in blocks {
            let here: Vec<&Mutant> = mutants.iter().filter(|m| block(m) == name).collect();
            let count = |what: &str| here.iter().filter(|m| self.of.get(&m.name).is_some_and(|o| o == what)).count();
            let (killed, survived) = (count("killed"), count("survived"));
            let row = [here.len(), killed + survived, killed, survived, count("unviable"), count("left out")];
            sums = std::array::from_fn(|i| sums[i] + row[i]);
            text.push_str(&line(name, row));
        }
        text.push_str(&line("all", sums));
        let left = mutants.iter().filter(|m| self.of.get(&m.name).is_some_and(|o| o == "survived"));
        text.extend(left.map(|m| format!("\n- {}", m.name)));
        text
    }
}

fn line(name: &str, row: [usize; 6]) -> String {
    let cells: Vec<String> = row.iter().map(usize::to_string).collect();
    format!("| {name} | {} |\n", cells.join(" | "))
}
