//! The browser bundle: Rust to WebAssembly, its JavaScript glue, one stylesheet, the starter and the icon.
//!
//! ```text
//! cargo (wasm32, feature csr) -> cut -> wasm-bindgen (library) -> wasm-opt -> assets/app-<hash>.wasm
//!                                 |              '-> glue ------------------> assets/app-<hash>.js
//!                                 |-> parts --------------------> wasm-opt -> assets/<part>-<hash>.wasm
//!                                 '-> loaders ------------------------------> assets/link-<hash>.js
//! xtask/web/boot.js --------------------------------------------------> assets/boot-<hash>.js
//! xtask/web/theme.js -------------------------------------------------> assets/theme-<hash>.js
//! style/tokens.css, style/*.css in order of name ---------------------> assets/style-<hash>.css
//! style/lists.css ----------------------------------------------------> assets/lists-<hash>.css
//! ```
//!
//! Names carry a hash of the content, so a host may let browsers keep them for ever.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, bail};
use wasm_bindgen_cli_support::Bindgen;

use crate::args::Args;
use crate::site::hash_hex;
use crate::step::{cargo, output, run, step};
use crate::{node, parts, paths};

const WASM_TARGET: &str = "wasm32-unknown-unknown";

/// What wasm-opt may use: exactly what rustc's wasm32 target emits. With `--all-features` it goes on to
/// use proposals that browsers refuse.
const WASM_FEATURES: &[&str] = &[
    "--enable-bulk-memory",
    "--enable-bulk-memory-opt",
    "--enable-call-indirect-overlong",
    "--enable-multivalue",
    "--enable-mutable-globals",
    "--enable-nontrapping-float-to-int",
    "--enable-reference-types",
    "--enable-sign-ext",
];

/// How much work goes into the bundle.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Small and fast to load; minutes to build.
    Release,
    /// Quick to rebuild; for `serve`.
    Dev,
}

/// The files of a bundle, by their names in `assets/`.
#[derive(Clone)]
pub struct Bundle {
    pub boot: String,
    pub theme: String,
    /// The glue of the main module.
    pub js: String,
    /// The loaders of the parts.
    pub link: String,
    /// The main module.
    pub wasm: String,
    /// The files of the parts, by name: `lists`, `rate_limiter_design`.
    pub parts: BTreeMap<String, String>,
    pub css: String,
    /// What pages that list questions need besides.
    pub lists_css: String,
    pub icon: String,
}

/// `cargo xtask build [--release]`
pub fn command(args: &mut Args) -> anyhow::Result<()> {
    let kind = if args.flag("--release") { Kind::Release } else { Kind::Dev };
    args.finish()?;
    let out = paths::target().join("xtask/bundle");
    let bundle = build(kind, &out)?;
    for name in
        [&bundle.wasm, &bundle.js, &bundle.link, &bundle.css, &bundle.boot].into_iter().chain(bundle.parts.values())
    {
        let bytes = fs::metadata(out.join("assets").join(name))?.len();
        println!("{bytes:>9} bytes  {}", out.join("assets").join(name).display());
    }
    Ok(())
}

/// Builds the bundle into `site/assets/`, which is emptied first.
pub fn build(kind: Kind, site: &Path) -> anyhow::Result<Bundle> {
    ensure_target()?;
    let compiled = compile(kind)?;
    if kind == Kind::Release {
        without_std_floats(&compiled)?;
    }
    let glue = paths::target().join(match kind {
        Kind::Release => "xtask/glue-release",
        Kind::Dev => "xtask/glue-dev",
    });
    empty(&glue)?;
    let cut = step("cutting the app into parts", || parts::cut(&compiled, &glue))?;
    step("wasm-bindgen", || bind(&cut.main, "app", kind, &glue))?;
    let mut wasm = glue.join("app_bg.wasm");
    let mut modules = cut.modules.clone();
    if kind == Kind::Release {
        step("wasm-opt", || {
            wasm = optimise(&wasm)?;
            for module in &mut modules {
                *module = optimise(module)?;
            }
            Ok(())
        })?;
    }

    let assets = site.join("assets");
    empty(&assets)?;
    // Inline JavaScript of dependencies, if there is any: the glue imports it by these paths.
    copy_tree(&glue.join("snippets"), &assets.join("snippets"))?;
    let glue = fs::read_to_string(glue.join("app.js")).context("reading the glue")?;
    let (wasm, glue) = parts::with_short_names(&fs::read(wasm)?, &glue)?;
    let wasm = write_hashed(&assets, "app", "wasm", &wasm)?;
    let mut built = BTreeMap::new();
    for module in &modules {
        let stem = module.file_name().and_then(|name| name.to_str()?.split('.').next());
        built.insert(stem.context("a module without a name")?.to_owned(), fs::read(module)?);
    }
    let mut files = BTreeMap::new();
    for (part, stems) in &cut.needs {
        let Some((own, shared)) = stems.split_last() else { bail!("the part {part} is empty") };
        let shared: Vec<(&str, &[u8])> = shared.iter().map(|stem| (stem.as_str(), &*built[stem])).collect();
        let name = write_hashed(&assets, part, "wasm", &parts::packed(&built[own], &shared)?)?;
        files.insert(part.clone(), name);
    }
    let link = parts::loaders(&cut, &files)?;
    let (js, link) = write_glue(&assets, &glue, &link, kind)?;
    let boot = fs::read_to_string(paths::root().join("xtask/web/boot.js")).context("reading xtask/web/boot.js")?;
    let boot = boot.replace("APP_JS", &js).replace("APP_WASM", &wasm);
    let boot = write_hashed(&assets, "boot", "js", boot.as_bytes())?;
    let theme = fs::read(paths::root().join("xtask/web/theme.js")).context("reading xtask/web/theme.js")?;
    let theme = write_hashed(&assets, "theme", "js", &theme)?;
    let css = write_hashed(&assets, "style", "css", stylesheet()?.as_bytes())?;
    let lists_css = write_hashed(&assets, "lists", "css", style_of(&[LISTS_CSS])?.as_bytes())?;
    let icon = fs::read(paths::root().join("xtask/web/icon.svg")).context("reading xtask/web/icon.svg")?;
    let icon = write_hashed(&assets, "icon", "svg", &icon)?;
    Ok(Bundle { boot, theme, js, link, wasm, parts: files, css, lists_css, icon })
}

/// The glue and the loaders import each other, so both carry the hash of both.
fn write_glue(assets: &Path, glue: &str, link: &str, kind: Kind) -> anyhow::Result<(String, String)> {
    let hash = &hash_hex(format!("{glue}{link}").as_bytes())[..12];
    let (js, loaders) = (format!("app-{hash}.js"), format!("link-{hash}.js"));
    // Only where they import: the module itself asks for the loaders under their old name.
    let from = |name: &str| format!("from \"./{name}\"");
    if !glue.contains(&from(parts::LINK)) || !link.contains(&from(parts::GLUE)) {
        bail!("the glue and the loaders are expected to import each other and do not");
    }
    let glue = glue.replace(&from(parts::LINK), &from(&loaders));
    let link = link.replace(&from(parts::GLUE), &from(&js));
    for (name, text) in [(&js, glue), (&loaders, link)] {
        let path = assets.join(name);
        fs::write(&path, text).with_context(|| format!("writing {name}"))?;
        if kind == Kind::Release {
            minify(&path)?;
        }
    }
    Ok((js, loaders))
}

/// Makes a module of JavaScript shorter, in place.
pub fn minify(path: &Path) -> anyhow::Result<()> {
    run(node::terser()?.args(["--module", "--compress", "--mangle", "--output"]).arg(path).arg(path))
}

/// Adds the wasm target to the toolchain in use when it lacks it.
fn ensure_target() -> anyhow::Result<()> {
    let libdir = output(Command::new("rustc").args(["--print", "target-libdir", "--target", WASM_TARGET]))?;
    if Path::new(libdir.trim()).is_dir() {
        return Ok(());
    }
    step("rustup target add wasm32-unknown-unknown", || {
        run(Command::new("rustup").args(["target", "add", WASM_TARGET]))
            .context("the wasm32-unknown-unknown target is missing and rustup could not add it")
    })
}

/// Compiles the app and returns the path of the raw wasm file.
fn compile(kind: Kind) -> anyhow::Result<PathBuf> {
    let (profile, label) = match kind {
        Kind::Release => ("release", "cargo: the app for the browser, release"),
        Kind::Dev => ("wasm-dev", "cargo: the app for the browser, quick build"),
    };
    let features = ["--no-default-features", "--features", "csr"];
    let mut command = cargo(compile_args("breakable", profile));
    command.args(features);
    // Cutting follows the relocations.
    command.args(["--", "-Clink-arg=--emit-relocs"]);
    if kind == Kind::Release {
        command.env("CARGO_ENCODED_RUSTFLAGS", release_flags().join("\u{1f}"));
    }
    step(label, || run(&mut command))?;
    Ok(paths::target().join(WASM_TARGET).join(profile).join("breakable.wasm"))
}

/// Refuses a program that writes floats the way std does: that costs every page with one of them 7 kB after brotli.
fn without_std_floats(compiled: &Path) -> anyhow::Result<()> {
    let bytes = fs::read(compiled).with_context(|| format!("reading {}", compiled.display()))?;
    if bytes.windows(7).any(|name| name == b"flt2dec") {
        bail!(
            "the app writes a float with `{{}}` or `{{:.1}}`, which brings 19 kB of std's code into a page; use \
             draw::number::short, sim::decimal::fixed or their like"
        );
    }
    Ok(())
}

/// Builds the wasm of what `cargo xtask bench` measures, under the rules of the release bundle, into
/// `out/bench.js` and `out/bench_bg.wasm`.
pub fn build_bench(out: &Path) -> anyhow::Result<()> {
    build_small("bench", "bench", out)
}

/// Builds a crate that is not the app for the browser, into `out/<name>.js` and `out/<name>_bg.wasm`.
pub fn build_small(package: &str, name: &str, out: &Path) -> anyhow::Result<()> {
    ensure_target()?;
    step(&format!("cargo: {package} for the browser, release"), || {
        run(cargo(compile_args(package, "release")).env("CARGO_ENCODED_RUSTFLAGS", release_flags().join("\u{1f}")))
    })?;
    let file = format!("{}.wasm", package.replace('-', "_"));
    let compiled = paths::target().join(WASM_TARGET).join("release").join(file);
    // Seconds each time that `serve` rebuilds, for a module that is the same.
    let (made_of, stamp) = (hash_hex(&fs::read(&compiled)?), out.join("made-of"));
    if fs::read_to_string(&stamp).is_ok_and(|before| before == made_of) {
        return Ok(());
    }
    empty(out)?;
    step("wasm-bindgen", || bind(&compiled, name, Kind::Release, out))?;
    let wasm = out.join(format!("{name}_bg.wasm"));
    let small = step("wasm-opt", || optimise(&wasm))?;
    fs::rename(small, wasm).context("putting the optimised module in place")?;
    fs::write(stamp, made_of).context("writing what the module was made of")
}

/// Messages of panics name no folder of the machine that built the site: smaller, and the same bytes everywhere.
fn release_flags() -> Vec<String> {
    let home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| std::env::home_dir().map(|home| home.join(".cargo"))).unwrap_or_default();
    vec![
        format!("--remap-path-prefix={}=cargo", home.display()),
        format!("--remap-path-prefix={}=.", paths::root().display()),
    ]
}

/// Features are unified within one invocation, so each browser build is one of its own.
fn compile_args<'a>(package: &'a str, profile: &'a str) -> Vec<&'a str> {
    vec!["rustc", "-p", package, "--lib", "--crate-type", "cdylib", "--target", WASM_TARGET, "--profile", profile]
}

/// Splits the raw module into a module the browser can load and its JavaScript.
fn bind(compiled: &Path, name: &str, kind: Kind, glue: &Path) -> anyhow::Result<()> {
    Bindgen::new()
        .input_path(compiled)
        .web(true)?
        .typescript(false)
        .out_name(name)
        // The parts use what the main module has.
        .keep_lld_exports(true)
        .remove_producers_section(true)
        .remove_name_section(kind == Kind::Release)
        .generate(glue)
}

/// Shrinks the module; returns the path of the result.
fn optimise(wasm: &Path) -> anyhow::Result<PathBuf> {
    let out = wasm.with_extension("small.wasm");
    run(node::wasm_opt()?
        .args(WASM_FEATURES)
        // Twice, and flat in between: 1.4 kB less for a page.
        .args([
            "--flatten",
            "--rereloop",
            "-Oz",
            "-Oz",
            "--strip-debug",
            "--strip-target-features",
            "--strip-producers",
        ])
        .arg(wasm)
        .arg("-o")
        .arg(&out))?;
    Ok(out)
}

const LISTS_CSS: &str = "lists.css";

/// One stylesheet for every page: the tokens first because the others use them, then the parts by name.
fn stylesheet() -> anyhow::Result<String> {
    let mut parts = files_of(&paths::root().join("style"), "css")?;
    parts.retain(|path| path.file_name() != Some(LISTS_CSS.as_ref()));
    parts.sort_by_key(|path| (path.file_stem() != Some("tokens".as_ref()), path.clone()));
    if parts.is_empty() {
        bail!("style/ holds no .css file; expected tokens.css and one file a part");
    }
    joined(&parts)
}

/// These files of `style/`, joined.
pub fn style_of(names: &[&str]) -> anyhow::Result<String> {
    let dir = paths::root().join("style");
    joined(&names.iter().map(|name| dir.join(name)).collect::<Vec<_>>())
}

fn joined(parts: &[PathBuf]) -> anyhow::Result<String> {
    let mut css = String::new();
    for part in parts {
        let text = fs::read_to_string(part).with_context(|| format!("reading {}", part.display()))?;
        css.push_str(&minified(&text));
        css.push('\n');
    }
    Ok(css)
}

/// The files of a folder with this extension, sorted.
pub fn files_of(dir: &Path, extension: &str) -> anyhow::Result<Vec<PathBuf>> {
    let mut files: Vec<PathBuf> = fs::read_dir(dir)
        .with_context(|| format!("listing {}", dir.display()))?
        .map(|entry| Ok(entry?.path()))
        .collect::<anyhow::Result<_>>()?;
    files.retain(|path| path.extension().is_some_and(|found| found == extension));
    files.sort();
    Ok(files)
}

/// Comments and room to breathe are for the authors. No string of ours has one of these characters in it.
fn minified(css: &str) -> String {
    let mut out = String::with_capacity(css.len());
    let mut rest = css;
    while let Some(start) = rest.find("/*") {
        out.push_str(&rest[..start]);
        rest = rest[start..].split_once("*/").map_or("", |(_, after)| after);
    }
    out.push_str(rest);
    let lines: Vec<&str> = out.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let mut out = lines.join(" ");
    for mark in ["{", "}", ";", ","] {
        out = out.replace(&format!(" {mark}"), mark).replace(&format!("{mark} "), mark);
    }
    out.replace(": ", ":").replace(";}", "}")
}

/// Writes a file under a name that carries the hash of its content; returns that name.
pub fn write_hashed(dir: &Path, stem: &str, extension: &str, bytes: &[u8]) -> anyhow::Result<String> {
    let name = format!("{stem}-{}.{extension}", &hash_hex(bytes)[..12]);
    fs::write(dir.join(&name), bytes).with_context(|| format!("writing {name}"))?;
    Ok(name)
}

/// An empty folder at `dir`, whatever was there.
pub fn empty(dir: &Path) -> anyhow::Result<()> {
    if dir.exists() {
        fs::remove_dir_all(dir).with_context(|| format!("emptying {}", dir.display()))?;
    }
    fs::create_dir_all(dir).with_context(|| format!("making {}", dir.display()))
}

/// Copies a folder with all below it; a missing one counts as empty.
pub fn copy_tree(from: &Path, to: &Path) -> anyhow::Result<()> {
    if !from.exists() {
        return Ok(());
    }
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_tree(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}

/// Clippy on the code that only the browser build compiles.
pub fn clippy() -> anyhow::Result<()> {
    ensure_target()?;
    run(cargo([
        "clippy",
        "-p",
        "breakable",
        "--lib",
        "--no-default-features",
        "--features",
        "csr",
        "--target",
        WASM_TARGET,
        "--",
        "-D",
        "warnings",
    ])
    .stdin(Stdio::null()))
}

#[cfg(test)]
mod tests {
    use super::minified;

    #[test]
    fn comments_go_and_rules_stay() {
        let css = "/* head */\n:root {\n  --a: 1px; /* why */\n}\n\n/* open";
        assert_eq!(minified(css), ":root{--a:1px}");
        assert_eq!(
            minified("a :hover, b { c: d e; }\n@media (x: 1px) { f {} }"),
            "a :hover,b{c:d e}@media (x:1px){f{}}"
        );
    }
}
