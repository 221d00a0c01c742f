//! The long runs of RELIABILITY.md. `cargo xtask test` has a short version of each; these take minutes to hours.

use std::process::{Command, Stdio};

use anyhow::{Context, bail};

use crate::args::Args;
use crate::paths;
use crate::step::{cargo, output, run, step};

/// `cargo xtask fuzz [NAME] [--cases N]`
pub fn fuzz(args: &mut Args) -> anyhow::Result<()> {
    let cases = args.option("--cases")?.unwrap_or_else(|| "1000000".to_owned()).replace('_', "");
    let only = args.word();
    args.finish()?;
    let guided = answers(cargo_of_nightly().args(["fuzz", "--version"]));
    if !guided {
        println!(
            "cargo-fuzz or a nightly toolchain is missing (`rustup toolchain install nightly`, `cargo install cargo-fuzz`): \
             the cases come from seeds and slips alone, not guided by coverage."
        );
        return step("fuzz, unguided", || run(probes().args(&only).args(["--cases", &cases])));
    }
    let names: Vec<String> = match only {
        Some(name) => vec![name],
        None => output(probes().arg("--list"))?.lines().map(str::to_owned).collect(),
    };
    let corpora = paths::target().join("fuzz-corpus");
    run(probes().arg("--write").arg(&corpora))?;
    for name in &names {
        let (corpus, words) = (corpora.join(name), corpora.join(format!("{name}.dict")));
        step(&format!("fuzz {name}, {cases} cases"), || {
            run(cargo_of_nightly()
                .args(["fuzz", "run", "--target-dir"])
                .arg(paths::target().join("fuzz"))
                .arg(name)
                .arg(&corpus)
                .args(["--", &format!("-runs={cases}"), "-print_final_stats=1", "-max_len=4096"])
                .arg(format!("-dict={}", words.display())))
        })?;
    }
    Ok(())
}

/// `cargo xtask soak [SLUG] [--for 86400s] [--once]`
pub fn soak(args: &mut Args) -> anyhow::Result<()> {
    step("soak", || run(sim().arg("soak").args(args.rest())))
}

/// `cargo xtask seeds [SLUG] [--seeds N]`
pub fn seeds(args: &mut Args) -> anyhow::Result<()> {
    let seeds = args.option("--seeds")?.unwrap_or_else(|| "1000".to_owned());
    step("seeds", || run(sim().arg("check").args(args.rest()).args(["--seeds", &seeds])))
}

/// `cargo xtask mutants [BLOCK...]`
pub fn mutants(args: &mut Args) -> anyhow::Result<()> {
    let blocks = args.rest();
    if !answers(cargo(["mutants", "--version"])) {
        bail!("cargo-mutants is missing; `cargo install --locked cargo-mutants` gets it");
    }
    let work = paths::target().join("mutants");
    std::fs::create_dir_all(&work).context("making target/mutants")?;
    let list = work.join("list.json");
    let all = step("cargo mutants --list", || {
        output(cargo(["mutants", "--list", "--json", "-p", "sim", "-f", "sim/src/blocks/**"]).stdin(Stdio::null()))
    })?;
    std::fs::write(&list, all).with_context(|| format!("writing {}", list.display()))?;
    step("mutants", || {
        run(cargo(["run", "--manifest-path", "mutants/Cargo.toml", "--"])
            .env("CARGO_TARGET_DIR", paths::target().join("mutants/tool"))
            .arg(&list)
            .args(["sim", "target/mutants/work", "target/mutants/out.tsv"])
            .args(&blocks))
    })
}

/// The headless runner, built to be quick.
fn sim() -> Command {
    cargo(["run", "-q", "--profile", "native", "-p", "sim", "--"])
}

fn probes() -> Command {
    cargo(["run", "-q", "--profile", "native", "-p", "probes", "--"])
}

/// The rustup wrapper, not the cargo that runs us: only it knows `+nightly`.
fn cargo_of_nightly() -> Command {
    let mut command = Command::new("cargo");
    command.current_dir(paths::root()).env_remove("RUSTUP_TOOLCHAIN").env_remove("CARGO").arg("+nightly");
    command
}

fn answers(mut command: impl std::borrow::BorrowMut<Command>) -> bool {
    let asked = command.borrow_mut().stdout(Stdio::null()).stderr(Stdio::null()).status();
    asked.is_ok_and(|status| status.success())
}
