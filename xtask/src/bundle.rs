//! The browser bundle: Rust to WebAssembly, its JavaScript glue, one stylesheet, the starter and the icon.
//!
//! ```text
//! cargo (wasm32, feature csr) -> cut -> wasm-bindgen (library) -> wasm-opt -> assets/app-<hash>.wasm
//!                                 |              '-> glue ------------------> assets/app-<hash>.js
//!                                 |-> parts -> merge -----------> wasm-opt -> assets/<part>-<hash>.wasm
//!                                 '-> loaders ------------------------------> assets/link-<hash>.js
//! xtask/web/boot.js --------------------------------------------------> assets/boot-<hash>.js
//! xtask/web/theme.js -------------------------------------------------> assets/theme-<hash>.js
//! style/tokens.css, style/*.css in order of name ---------------------> assets/style-<hash>.css
//! the same without the text around a stage ----------------------------> assets/embed-<hash>.css
//! style/lists.css ----------------------------------------------------> assets/lists-<hash>.css
//! style/present.css --------------------------------------------------> assets/present-<hash>.css
//! ```
//!
//! Names carry a hash of the content, so a host may let browsers keep them for ever.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;

use anyhow::{Context, anyhow, bail};
use wasm_bindgen_cli_support::Bindgen;

use crate::args::Args;
use crate::parts::Cut;
use crate::site::hash_hex;
use crate::step::{cargo, output, run, step};
use crate::{merge, node, parts, paths, slim};

const WASM_TARGET: &str = "wasm32-unknown-unknown";

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
    /// What an embed needs of that.
    pub embed_css: String,
    /// What pages that list questions need besides.
    pub lists_css: String,
    /// What the two windows of a talk need besides.
    pub present_css: String,
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
    let folder = paths::target().join(match kind {
        Kind::Release => "xtask/glue-release",
        Kind::Dev => "xtask/glue-dev",
    });
    let Program { cut, main, modules } = program(&compiled, kind, Names::Removed, None, &folder)?;

    let assets = site.join("assets");
    empty(&assets)?;
    // Inline JavaScript of dependencies, if there is any: the glue imports it by these paths.
    copy_tree(&folder.join("snippets"), &assets.join("snippets"))?;
    let glue = fs::read_to_string(folder.join("app.js")).context("reading the glue")?;
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
    let main = parts::without_placeholders(&fs::read(main)?)?;
    let scripts = [&*parts::without_repeated_imports(&glue), &*parts::loaders(&cut, &files)?];
    let (wasm, [glue, link]) = parts::with_short_names(&main, scripts)?;
    let wasm = write_hashed(&assets, "app", "wasm", &wasm)?;
    let (js, link) = write_glue(&assets, &glue, &link, kind)?;
    let web = |name: &str| {
        fs::read_to_string(paths::root().join("xtask/web").join(name))
            .with_context(|| format!("reading xtask/web/{name}"))
    };
    let hints = write_module(&assets, "hints", &web("hints.js")?, kind)?;
    let boot = web("boot.js")?.replace("APP_JS", &js).replace("APP_WASM", &wasm).replace("HINTS_JS", &hints);
    let boot = write_module(&assets, "boot", &boot, kind)?;
    let theme = fs::read(paths::root().join("xtask/web/theme.js")).context("reading xtask/web/theme.js")?;
    let theme = write_hashed(&assets, "theme", "js", &theme)?;
    let css = write_hashed(&assets, "style", "css", stylesheet(&[LISTS_CSS, PRESENT_CSS])?.as_bytes())?;
    let embed_css = stylesheet(&[LISTS_CSS, PRESENT_CSS, ARTICLE_CSS, PAGES_CSS])?;
    let embed_css = write_hashed(&assets, "embed", "css", embed_css.as_bytes())?;
    let lists_css = write_hashed(&assets, "lists", "css", style_of(&[LISTS_CSS])?.as_bytes())?;
    let present_css = write_hashed(&assets, "present", "css", style_of(&[PRESENT_CSS])?.as_bytes())?;
    let icon = fs::read(paths::root().join("xtask/web/icon.svg")).context("reading xtask/web/icon.svg")?;
    let icon = write_hashed(&assets, "icon", "svg", &icon)?;
    Ok(Bundle { boot, theme, js, link, wasm, parts: files, css, embed_css, lists_css, present_css, icon })
}

/// Whether functions keep their names, which is for those who count bytes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Names {
    Kept,
    Removed,
}

/// The modules of the app.
pub struct Program {
    pub cut: Cut,
    /// The main module.
    pub main: PathBuf,
    /// The others, by the stems of their file names.
    pub modules: Vec<PathBuf>,
}

/// Cuts the compiled app, binds it to JavaScript and, for a release, makes it small; all of it in `folder`, which is
/// emptied first. With `only`, all but the main module and these parts are left out.
pub fn program(
    compiled: &Path,
    kind: Kind,
    names: Names,
    only: Option<&[String]>,
    folder: &Path,
) -> anyhow::Result<Program> {
    empty(folder)?;
    let mut compiled = compiled.to_owned();
    if kind == Kind::Release {
        let slim = folder.join("slim.wasm");
        step("taking out the messages of panics", || {
            let (wasm, calls) = slim::without_panic_messages(&fs::read(&compiled)?)?;
            eprintln!("    {calls} calls became traps");
            fs::write(&slim, wasm).context("writing the app without messages")
        })?;
        compiled = slim;
    }
    let mut cut = step("cutting the app into parts", || parts::cut(&compiled, folder))?;
    if kind == Kind::Release {
        step("making each part one module", || merge::merge(&compiled, &cut.main, folder, &mut cut.needs))?;
        cut.forget_unneeded();
    }
    if let Some(only) = only {
        cut.keep(only)?;
    }
    step("wasm-bindgen", || bind(&cut.main, "app", names, folder))?;
    let mut main = folder.join("app_bg.wasm");
    let mut modules = cut.modules.clone();
    if kind == Kind::Release {
        step("wasm-opt", || {
            modules.push(main.clone());
            optimise(&mut modules, names)?;
            main = modules.pop().context("no main module")?;
            Ok(())
        })?;
    }
    Ok(Program { cut, main, modules })
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

/// Writes a module of `xtask/web/` under a hashed name, without its comments if it is to be published.
pub fn write_module(assets: &Path, stem: &str, text: &str, kind: Kind) -> anyhow::Result<String> {
    if kind == Kind::Dev {
        return write_hashed(assets, stem, "js", text.as_bytes());
    }
    let path = paths::target().join("xtask").join(format!("{stem}.js"));
    fs::write(&path, text).with_context(|| format!("writing {}", path.display()))?;
    minify(&path)?;
    write_hashed(assets, stem, "js", &fs::read(&path)?)
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
pub fn compile(kind: Kind) -> anyhow::Result<PathBuf> {
    let (profile, label) = match kind {
        Kind::Release => ("release", "cargo: the app for the browser, release"),
        Kind::Dev => ("wasm-dev", "cargo: the app for the browser, quick build"),
    };
    let features = ["--no-default-features", "--features", "csr"];
    let mut command = cargo(compile_args("breakable", profile));
    command.args(features);
    // Cutting follows the relocations. The stack lies before the data: with a third of the usual megabyte every address
    // of a constant has three bytes in the code instead of four, and what needs more than that is a recursion gone wrong.
    command.args(["--", "-Clink-arg=--emit-relocs", "-Clink-arg=-zstack-size=393216"]);
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
    step("wasm-bindgen", || bind(&compiled, name, Names::Removed, out))?;
    let wasm = out.join(format!("{name}_bg.wasm"));
    let mut module = [wasm.clone()];
    step("wasm-opt", || optimise(&mut module, Names::Removed))?;
    fs::rename(&module[0], wasm).context("putting the optimised module in place")?;
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
fn bind(compiled: &Path, name: &str, names: Names, glue: &Path) -> anyhow::Result<()> {
    Bindgen::new()
        .input_path(compiled)
        .web(true)?
        .typescript(false)
        .out_name(name)
        // The parts use what the main module has.
        .keep_lld_exports(true)
        .remove_producers_section(true)
        .remove_name_section(names == Names::Removed)
        .generate(glue)
}

/// Shrinks those modules that have code, on every core, and puts the paths of the results in their places.
fn optimise(modules: &mut [PathBuf], names: Names) -> anyhow::Result<()> {
    let mut with_code = Vec::new();
    for module in modules {
        let bytes = fs::read(&*module).with_context(|| format!("reading {}", module.display()))?;
        if parts::constants(&bytes)?.is_none() {
            with_code.push((bytes.len(), module));
        }
    }
    // The largest first, each to the one who has least to do.
    with_code.sort_by_key(|(bytes, _)| std::cmp::Reverse(*bytes));
    let workers = thread::available_parallelism().map_or(1, |n| n.get()).min(with_code.len());
    let mut hands = vec![(0, Vec::new()); workers];
    for (bytes, module) in &with_code {
        if let Some((load, hand)) = hands.iter_mut().min_by_key(|(load, _)| *load) {
            *load += bytes;
            hand.push(&**module);
        }
    }
    // Once, before two of them do it at the same time.
    node::ensure_packages()?;
    let flags = if names == Names::Kept { &["--names"][..] } else { &[] };
    let work = |hand: &[&PathBuf]| node::wasm_opt().and_then(|mut command| run(command.args(flags).args(hand)));
    thread::scope(|scope| {
        let started: Vec<_> = hands.iter().map(|(_, hand)| scope.spawn(|| work(hand))).collect();
        started.into_iter().try_for_each(|worker| worker.join().map_err(|_| anyhow!("a worker has panicked"))?)
    })?;
    for (_, module) in with_code {
        *module = module.with_extension("small.wasm");
    }
    Ok(())
}

const LISTS_CSS: &str = "lists.css";
const PRESENT_CSS: &str = "present.css";
const ARTICLE_CSS: &str = "article.css";
const PAGES_CSS: &str = "pages.css";

/// One stylesheet of all but `without`: the tokens first because the others use them, then the parts by name.
fn stylesheet(without: &[&str]) -> anyhow::Result<String> {
    let mut parts = files_of(&paths::root().join("style"), "css")?;
    parts.retain(|path| !without.iter().any(|own| path.file_name() == Some(own.as_ref())));
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
