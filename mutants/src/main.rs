//! Mutation tests of `sim/src/blocks`: which changes of the code does no test notice?
//!
//! The mutants are those of cargo-mutants (`cargo mutants --list`). Building the crate once for each of some five thousand
//! takes days on two cores, so all are built into one program, each behind a question whether it is on, and the tests
//! are started once for each. Mutants that do not compile are found by the compiler's own complaints and taken out.
//! The blocks' own tests are asked first; what none of them notices is held against the digests of the golden runs, and
//! then against the other tests of the engine, of which most are about a question.
//!
//! `mutants LIST.json SIM_DIR WORK_DIR OUT.tsv [BLOCK...]`: the list, the crate, where to build, what came out so far (it
//! goes on there), and the blocks to try, in this order; all if none is named, and none, only the table, with `--table`.

mod asked;
mod results;
mod weave;

use asked::{GOLDEN, QUESTIONS, Tests};
use results::{OPEN, Results, SURVIVED, is_explained};
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use weave::Mutant;

type Outcome<T> = Result<T, String>;

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
    if blocks == ["--table"] {
        println!("{}", Results::read(out).markdown(&mutants));
        return Ok(());
    }
    fs::create_dir_all(work).map_err(|why| format!("{}: {why}", work.display()))?;
    // Cargo is started in there, so that a path from here would mean something else.
    let work = &work.canonicalize().map_err(|why| format!("{}: {why}", work.display()))?;
    let mut results = Results::read(out);
    let program = build(&mutants, sim, work, &mut results)?;
    let scratch = work.join("asked");
    fs::create_dir_all(&scratch).map_err(|why| format!("{}: {why}", scratch.display()))?;
    let tests = Tests::find(program, &scratch)?;
    let mut todo = results.left(&mutants);
    if !blocks.is_empty() {
        todo.retain(|m| blocks.iter().any(|b| b == block(m)));
        todo.sort_by_key(|m| blocks.iter().position(|b| b == block(m)));
    }
    let noted = Mutex::new(&mut results);
    let put =
        |mutant: &Mutant, outcome: &str| noted.lock().map_err(|_| "a thread panicked")?.put(&mutant.name, outcome);
    in_parallel(&todo, |mutant| {
        let (id, block) = (mutant.id, block(mutant));
        // Whatever is known not to show would go through everything.
        if is_explained(mutant) {
            return put(mutant, tests.noticed_by_blocks(id, block)?.unwrap_or(SURVIVED));
        }
        let noticed = match tests.noticed_by_blocks(id, block)? {
            None => tests.noticed_by(id, GOLDEN)?,
            noticed => noticed,
        };
        put(mutant, noticed.unwrap_or(OPEN))
    })?;
    todo.retain(|mutant| noted.lock().is_ok_and(|results| results.is(&mutant.name, OPEN)));
    in_parallel(&todo, |mutant| put(mutant, tests.noticed_by(mutant.id, QUESTIONS)?.unwrap_or(SURVIVED)))?;
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
    let press = sim.join("../press").canonicalize().map_err(|why| format!("press: {why}"))?;
    write(&work.join("Cargo.toml"), &MANIFEST.replace("PRESS", &press.to_string_lossy()))?;
    copy(&sim.join("src"), &work.join("src"))?;
    let laws = copy_laws(&sim.join("tests"), &work.join("src/laws"))?;
    let lib = read(&sim.join("src/lib.rs"))?;
    // The tests beside the crate name it `sim`.
    let more = "#[cfg(test)]\nextern crate self as sim;\n#[cfg(test)]\nmod laws;\npub mod mutant;\n";
    write(&work.join("src/lib.rs"), &format!("{lib}\n{more}"))?;
    write(&work.join("src/laws/mod.rs"), &laws)?;
    write(&work.join("src/mutant.rs"), &ASKED.replace("MUTANTS", &mutants.len().to_string()))?;
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
default = ["runner"]
runner = ["questions"]
questions = []

[dependencies]
libm = "0.2"
postcard = { version = "1.1", default-features = false, features = ["alloc"] }
serde = { version = "1", default-features = false, features = ["derive", "alloc"] }
base64ct = { version = "1", default-features = false, features = ["alloc"] }
press = { path = "PRESS", default-features = false }
serde_json = "1"

[dev-dependencies]
proptest = { version = "1", default-features = false, features = ["std"] }

[profile.dev]
debug = false
opt-level = 1
incremental = false
"#;

const ASKED: &str = r#"//! Which mutant is on, and which are come by.
use std::io::Write;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
/// Stands for a run that notes each mutant that it comes by.
const EACH: usize = usize::MAX - 1;
static ON: OnceLock<usize> = OnceLock::new();
static NOTED: [AtomicBool; MUTANTS] = [const { AtomicBool::new(false) }; MUTANTS];
#[inline]
pub fn on(id: usize) -> bool {
    let on = *ON.get_or_init(which);
    if on == EACH {
        note(id);
    }
    on == id
}
fn which() -> usize {
    match std::env::var("MUTANT") {
        Ok(word) if word == "each" => EACH,
        Ok(word) => word.parse().unwrap_or(usize::MAX),
        Err(_) => usize::MAX,
    }
}
#[cold]
fn note(id: usize) {
    if !NOTED[id].swap(true, Ordering::Relaxed) {
        let path = std::env::var("MUTANT_ASKED").unwrap();
        let mut file = std::fs::File::options().create(true).append(true).open(path).unwrap();
        writeln!(file, "{id}").unwrap();
    }
}
"#;

/// The tests of `sim/tests` that stay out: they take a minute, or measure time and memory, which asking takes too.
const NOT_ASKED: [&str; 5] = ["accuracy.rs", "budget.rs", "content.rs", "reliability.rs", "runner.rs"];

/// The crate without the runner's own program.
fn copy(from: &Path, to: &Path) -> Outcome<()> {
    let entries = fs::read_dir(from).map_err(|why| format!("{}: {why}", from.display()))?;
    for entry in entries.flatten() {
        let (path, name) = (entry.path(), entry.file_name());
        if path.is_dir() {
            if name != "bin" {
                copy(&path, &to.join(name))?;
            }
        } else if name == "lib.rs" || from.ends_with("blocks") && name != "mod.rs" {
            // Something is added to these.
        } else {
            write(&to.join(name), &read(&path)?)?;
        }
    }
    Ok(())
}

/// The tests beside the crate become modules of it: one program instead of two dozen. What `mod.rs` says of them.
fn copy_laws(from: &Path, to: &Path) -> Outcome<String> {
    let entries = fs::read_dir(from).map_err(|why| format!("{}: {why}", from.display()))?;
    let mut names = BTreeSet::from(["common".to_owned()]);
    write(&to.join("common.rs"), &read(&from.join("common/mod.rs"))?)?;
    for path in entries.flatten().map(|entry| entry.path()).filter(|path| path.extension().is_some_and(|e| e == "rs")) {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if !NOT_ASKED.contains(&name.as_str()) {
            write(&to.join(&name), &read(&path)?.replace("\nmod common;\n", "\nuse super::common;\n"))?;
            names.insert(name.trim_end_matches(".rs").to_owned());
        }
    }
    Ok(names.iter().map(|name| format!("mod {name};\n")).collect())
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

/// Does it with each, on all cores.
fn in_parallel<T: Sync>(all: &[T], each: impl Fn(&T) -> Outcome<()> + Sync) -> Outcome<()> {
    let next = AtomicUsize::new(0);
    let work = || -> Outcome<()> {
        while let Some(one) = all.get(next.fetch_add(1, Ordering::Relaxed)) {
            each(one)?;
        }
        Ok(())
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        let all: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        all.into_iter().try_for_each(|thread| thread.join().map_err(|_| "a thread panicked".to_owned())?)
    })
}
