//! `cargo xtask audit`: what the project is made of, and whether that is still good.
//!
//! Two halves. The first is done in seconds and in every test run, from what cargo and npm have locked: every package
//! comes from crates.io or the npm registry with its hash, under a licence of `deny.toml`, in one version, and is not
//! withdrawn. The second asks others what they know: cargo-deny for RustSec's advisories, `npm audit` for npm's. They
//! may be out of reach; then a line says so, and nobody has to wonder.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, bail, ensure};
use serde::Deserialize;
use serde_json::Value;

use crate::args::Args;
use crate::paths;
use crate::step::{cargo, output, run, step};

const CRATES_IO: &str = "registry+https://github.com/rust-lang/crates.io-index";
const NPM: &str = "https://registry.npmjs.org/";

/// `cargo xtask audit`
pub fn command(args: &mut Args) -> anyhow::Result<()> {
    args.finish()?;
    locked()?;
    let deny = match cargo_deny() {
        Some(deny) => deny,
        None => install_cargo_deny()?,
    };
    advisories(Some(&deny))
}

/// The part of every test run.
pub fn test() -> anyhow::Result<()> {
    locked()?;
    advisories(cargo_deny().as_deref())
}

/// The lists of `deny.toml` that are held against both lock files here.
#[derive(Deserialize)]
struct Rules {
    licenses: Licences,
    bans: Bans,
}

#[derive(Deserialize)]
struct Licences {
    allow: BTreeSet<String>,
}

#[derive(Deserialize)]
struct Bans {
    skip: Vec<Skip>,
}

#[derive(Deserialize)]
struct Skip {
    #[serde(rename = "crate")]
    name: String,
}

/// What `cargo metadata` says of one package.
#[derive(Deserialize)]
struct Package {
    name: String,
    version: String,
    license: Option<String>,
    source: Option<String>,
}

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

/// Holds what is locked against the rules, and says how much that was.
fn locked() -> anyhow::Result<()> {
    step("audit of Cargo.lock and package-lock.json", || {
        let rules = fs::read_to_string(paths::root().join("deny.toml")).context("reading deny.toml")?;
        let rules: Rules = toml::from_str(&rules).context("understanding deny.toml")?;
        let metadata = output(&mut cargo(["metadata", "--locked", "--format-version", "1"]))?;
        let Metadata { packages } = serde_json::from_str(&metadata).context("understanding cargo metadata")?;
        let lock = fs::read_to_string(paths::root().join("Cargo.lock")).context("reading Cargo.lock")?;
        let lock: toml::Table = toml::from_str(&lock).context("understanding Cargo.lock")?;
        let npm = fs::read_to_string(paths::e2e().join("package-lock.json")).context("reading package-lock.json")?;
        let npm: Value = serde_json::from_str(&npm).context("understanding package-lock.json")?;

        let mut wrong = of_cargo(&packages, &hashes(&lock), &rules);
        wrong.extend(of_npm(&npm, &rules.licenses.allow));
        let (withdrawn, unknown) = withdrawn(&packages);
        wrong.extend(withdrawn);
        ensure!(wrong.is_empty(), "{}", wrong.join("\n"));
        let crates = packages.iter().filter(|package| package.source.is_some()).count();
        let modules = npm["packages"].as_object().map_or(0, |all| all.len().saturating_sub(1));
        eprintln!(
            "    {crates} crates and {modules} npm packages: sources, hashes, licences, versions as deny.toml wants"
        );
        if unknown > 0 {
            eprintln!(
                "    whether they were withdrawn is not known of {unknown} crates: cargo's index of them is not here"
            );
        }
        Ok(())
    })
}

/// The crates that Cargo.lock has a hash of.
fn hashes(lock: &toml::Table) -> BTreeSet<(String, String)> {
    let text = |package: &toml::Value, key: &str| package.get(key).and_then(toml::Value::as_str).map(str::to_owned);
    let packages = lock.get("package").and_then(toml::Value::as_array);
    let with_hash = packages.into_iter().flatten().filter(|package| package.get("checksum").is_some());
    with_hash.filter_map(|package| Some((text(package, "name")?, text(package, "version")?))).collect()
}

/// What is wrong with the crates, a sentence each.
fn of_cargo(packages: &[Package], hashes: &BTreeSet<(String, String)>, rules: &Rules) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut versions = BTreeMap::<&str, BTreeSet<&str>>::new();
    for Package { name, version, license, source } in packages {
        versions.entry(name).or_default().insert(version);
        let license = license.as_deref().unwrap_or_default();
        if !allowed(license, &rules.licenses.allow) {
            wrong.push(format!("{name} {version}: the licence \"{license}\" is not among those of deny.toml"));
        }
        match source.as_deref() {
            None => {}
            Some(CRATES_IO) if hashes.contains(&(name.clone(), version.clone())) => {}
            Some(CRATES_IO) => wrong.push(format!("{name} {version}: Cargo.lock has no hash of it")),
            Some(other) => wrong.push(format!("{name} {version}: it comes from {other}, expected crates.io")),
        }
    }
    for (name, versions) in versions {
        let is_known = rules.bans.skip.iter().any(|skip| skip.name == name);
        let all = || versions.iter().copied().collect::<Vec<_>>().join(" and ");
        match (versions.len(), is_known) {
            (1, true) => {
                wrong.push(format!("{name}: deny.toml expects several versions and there is one; take it out"))
            }
            (1, false) | (_, true) => {}
            (_, false) => {
                wrong.push(format!("{name}: it is here as {}; expected one version, or a reason in deny.toml", all()))
            }
        }
    }
    wrong
}

/// What is wrong with the npm packages, a sentence each.
fn of_npm(lock: &Value, licences: &BTreeSet<String>) -> Vec<String> {
    let mut wrong = Vec::new();
    let packages = lock["packages"].as_object().into_iter().flatten();
    for (path, package) in packages.filter(|(path, _)| !path.is_empty()) {
        let name = path.rsplit("node_modules/").next().unwrap_or(path);
        let text = |key: &str| package[key].as_str().unwrap_or_default();
        if !allowed(text("license"), licences) {
            wrong.push(format!("npm {name}: the licence \"{}\" is not among those of deny.toml", text("license")));
        }
        if !text("integrity").starts_with("sha512-") {
            wrong.push(format!("npm {name}: package-lock.json has no SHA-512 of it"));
        }
        // Without an address npm asks the registry that it is set up with.
        if package.get("resolved").is_some() && !text("resolved").starts_with(NPM) {
            wrong.push(format!("npm {name}: it comes from {}, expected {NPM}", text("resolved")));
        }
        // Playwright's own, on macOS only.
        if package["hasInstallScript"] == true && name != "fsevents" {
            wrong.push(format!("npm {name}: it runs a script when it is installed"));
        }
    }
    wrong
}

/// Whether a licence expression can be met with the licences that are allowed. A slash is an old way to say OR.
fn allowed(expression: &str, licences: &BTreeSet<String>) -> bool {
    let spaced = expression.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ");
    let mut words = spaced.split_whitespace().peekable();
    either(&mut words, licences) && words.peek().is_none()
}

type Words<'a> = std::iter::Peekable<std::str::SplitWhitespace<'a>>;

fn either(words: &mut Words, licences: &BTreeSet<String>) -> bool {
    let mut met = both(words, licences);
    while words.next_if_eq(&"OR").is_some() {
        // Both sides are read, whatever the first one came to.
        met |= both(words, licences);
    }
    met
}

fn both(words: &mut Words, licences: &BTreeSet<String>) -> bool {
    let mut met = single(words, licences);
    while words.next_if_eq(&"AND").is_some() {
        met &= single(words, licences);
    }
    met
}

fn single(words: &mut Words, licences: &BTreeSet<String>) -> bool {
    match words.next() {
        Some("(") => {
            let met = either(words, licences);
            words.next() == Some(")") && met
        }
        Some(name) => {
            // An exception takes something away from what a licence asks for.
            if words.next_if_eq(&"WITH").is_some() {
                words.next();
            }
            licences.contains(name)
        }
        None => false,
    }
}

/// The crates that their authors have withdrawn, by what cargo's own copy of the index says, which is as old as the last
/// time that cargo asked; and of how many it says nothing.
fn withdrawn(packages: &[Package]) -> (Vec<String>, usize) {
    let (mut wrong, mut unknown) = (Vec::new(), 0);
    let caches = index_caches();
    for Package { name, version, .. } in packages.iter().filter(|package| package.source.is_some()) {
        let entry = caches.iter().find_map(|cache| fs::read(cache.join(index_path(name))).ok());
        match entry.and_then(|entry| is_withdrawn(&entry, version)) {
            Some(true) => wrong.push(format!("{name} {version}: its authors have withdrawn it from crates.io")),
            Some(false) => {}
            None => unknown += 1,
        }
    }
    (wrong, unknown)
}

/// `~/.cargo/registry/index/<name of a registry>/.cache`
fn index_caches() -> Vec<PathBuf> {
    let home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| std::env::home_dir().map(|home| home.join(".cargo"))).unwrap_or_default();
    let registries = fs::read_dir(home.join("registry/index")).into_iter().flatten().flatten();
    registries.map(|registry| registry.path().join(".cache")).collect()
}

/// Where the index has a crate: `1/a`, `2/ab`, `3/a/abc`, `ab/cd/abcd`.
fn index_path(name: &str) -> PathBuf {
    let name = name.to_lowercase();
    match name.len() {
        1 | 2 => Path::new(&name.len().to_string()).join(name),
        3 => Path::new("3").join(&name[..1]).join(name),
        _ => Path::new(&name[..2]).join(&name[2..4]).join(name),
    }
}

/// What an entry of cargo's copy says of a version. Between zero bytes it has the version and the line of the index.
fn is_withdrawn(entry: &[u8], version: &str) -> Option<bool> {
    let lines = entry.split(|byte| *byte == 0).filter(|line| line.starts_with(b"{"));
    let mut lines = lines.filter_map(|line| serde_json::from_slice::<Value>(line).ok());
    lines.find(|line| line["vers"] == version)?["yanked"].as_bool()
}

/// Asks those who collect holes. What could not be asked is said, and is no failure: it says nothing of the project.
fn advisories(deny: Option<&Path>) -> anyhow::Result<()> {
    step("advisories", || {
        match deny {
            Some(deny) => ask_rustsec(deny)?,
            None => eprintln!(
                "    NOT CHECKED: RustSec's advisories on crates, since cargo-deny is not installed; `cargo xtask audit` installs and asks it"
            ),
        }
        ask_npm()
    })
}

fn ask_rustsec(deny: &Path) -> anyhow::Result<()> {
    let check = |what: &[&str]| {
        let mut command = Command::new(deny);
        command.current_dir(paths::root()).args(["--log-level", "error", "check", "--hide-inclusion-graph"]).args(what);
        command
    };
    run(&mut check(&["bans", "licenses", "sources"]))?;
    let fetched = Command::new(deny).current_dir(paths::root()).args(["fetch", "db"]).stdin(Stdio::null()).output();
    let fetched = fetched.with_context(|| format!("could not start {}", deny.display()))?;
    if fetched.status.success() {
        return run(&mut check(&["--disable-fetch", "advisories"]));
    }
    let why = String::from_utf8_lossy(&fetched.stderr);
    let why = why.lines().rfind(|line| !line.trim().is_empty()).unwrap_or("it does not say why").trim().to_owned();
    eprintln!("    NOT CHECKED: RustSec's advisories on crates: their database could not be fetched ({why})");
    Ok(())
}

fn ask_npm() -> anyhow::Result<()> {
    let mut command = Command::new("npm");
    let audit = command.args(["audit", "--json", "--package-lock-only"]).current_dir(paths::e2e()).output();
    let audit = audit.context("could not start npm")?;
    let answer: Value = serde_json::from_slice(&audit.stdout).unwrap_or_default();
    match answer["metadata"]["vulnerabilities"]["total"].as_u64() {
        Some(0) => {
            eprintln!("    npm knows of no hole in the packages of e2e/");
            Ok(())
        }
        Some(_) => bail!("npm knows of holes; `npm audit` in e2e/ tells them:\n{:#}", answer["vulnerabilities"]),
        None => {
            let why = answer["message"].as_str().unwrap_or("npm gave no answer that could be read");
            eprintln!("    NOT CHECKED: npm's advisories: {why}");
            Ok(())
        }
    }
}

/// The cargo-deny that is there: on PATH, or the one that was installed for this.
fn cargo_deny() -> Option<PathBuf> {
    let works = |path: &PathBuf| {
        let version = Command::new(path).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
        version.is_ok_and(|status| status.success())
    };
    [PathBuf::from("cargo-deny"), installed("cargo-deny")].into_iter().find(works)
}

fn installed(name: &str) -> PathBuf {
    paths::target().join("xtask/tools/bin").join(format!("{name}{}", std::env::consts::EXE_SUFFIX))
}

fn install_cargo_deny() -> anyhow::Result<PathBuf> {
    let root = paths::target().join("xtask/tools");
    step("cargo install cargo-deny (some minutes, once)", || {
        run(cargo(["install", "cargo-deny", "--locked", "--root"]).arg(&root))
    })?;
    Ok(installed("cargo-deny"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn licences() -> BTreeSet<String> {
        ["MIT", "Apache-2.0", "Unicode-3.0"].map(str::to_owned).into()
    }

    fn rules(skip: &[&str]) -> Rules {
        let skip = skip.iter().map(|name| Skip { name: (*name).to_owned() }).collect();
        Rules { licenses: Licences { allow: licences() }, bans: Bans { skip } }
    }

    fn package(name: &str, version: &str, source: Option<&str>) -> Package {
        let [name, version, license] = [name, version, "MIT"].map(str::to_owned);
        Package { name, version, license: Some(license), source: source.map(str::to_owned) }
    }

    #[test]
    fn licence_expressions_are_met_or_not() {
        for met in [
            "MIT",
            "MIT/Apache-2.0",
            "GPL-3.0 OR MIT",
            "(MIT OR GPL-3.0) AND Unicode-3.0",
            "Apache-2.0 WITH LLVM-exception OR GPL-2.0",
        ] {
            assert!(allowed(met, &licences()), "{met}");
        }
        for unmet in ["", "GPL-3.0", "MIT AND GPL-3.0", "(MIT OR GPL-3.0) AND GPL-2.0", "(MIT", "MIT)", "MIT MIT", "OR"]
        {
            assert!(!allowed(unmet, &licences()), "{unmet}");
        }
    }

    #[test]
    fn crates_from_elsewhere_without_a_hash_or_twice_are_told() {
        let known: BTreeSet<(String, String)> =
            [("a", "1"), ("b", "1"), ("b", "2")].map(|(n, v)| (n.to_owned(), v.to_owned())).into();
        let wrong = |packages: &[Package], skip: &[&str]| of_cargo(packages, &known, &rules(skip));
        assert!(wrong(&[package("a", "1", Some(CRATES_IO)), package("own", "0", None)], &[]).is_empty());
        assert!(wrong(&[package("a", "2", Some(CRATES_IO))], &[])[0].contains("no hash"));
        assert!(wrong(&[package("a", "1", Some("git+https://example.org"))], &[])[0].contains("expected crates.io"));
        let twice = [package("b", "1", Some(CRATES_IO)), package("b", "2", Some(CRATES_IO))];
        assert!(wrong(&twice, &[])[0].contains("1 and 2"));
        assert!(wrong(&twice, &["b"]).is_empty());
        assert!(wrong(&twice[..1], &["b"])[0].contains("take it out"));
    }

    #[test]
    fn npm_packages_are_held_to_the_same() {
        let lock = |package: Value| serde_json::json!({ "packages": { "": {}, "node_modules/@a/b": package } });
        let good = serde_json::json!({ "license": "MIT", "integrity": "sha512-x" });
        assert!(of_npm(&lock(good.clone()), &licences()).is_empty());
        for (key, value, word) in [
            ("license", "GPL-3.0", "licence"),
            ("integrity", "sha1-x", "SHA-512"),
            ("resolved", "https://example.org/b.tgz", "expected"),
        ] {
            let mut package = good.clone();
            package[key] = value.into();
            let wrong = of_npm(&lock(package), &licences());
            assert!(wrong.len() == 1 && wrong[0].starts_with("npm @a/b: ") && wrong[0].contains(word), "{wrong:?}");
        }
        let mut package = good;
        package["hasInstallScript"] = true.into();
        assert!(of_npm(&lock(package), &licences())[0].contains("runs a script"));
    }

    #[test]
    fn the_index_tells_what_was_withdrawn() {
        let entry = b"\x03\x02\0\0\0tag\x001.0.0\0{\"vers\":\"1.0.0\",\"yanked\":true}\x001.0.1\0{\"vers\": \"1.0.1\", \"yanked\": false}\0";
        assert_eq!(
            [is_withdrawn(entry, "1.0.0"), is_withdrawn(entry, "1.0.1"), is_withdrawn(entry, "2.0.0")],
            [Some(true), Some(false), None]
        );
        assert_eq!(index_path("Serde"), Path::new("se/rd/serde"));
        assert_eq!([index_path("a"), index_path("syn")], [PathBuf::from("1/a"), PathBuf::from("3/s/syn")]);
    }
}
