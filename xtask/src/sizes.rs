//! Where the bytes of the app are: `docs/SIZES.md`.
//!
//! Counted in the modules as they are published, only with the names of the functions kept. What a crate or a function
//! weighs is its code before compression; what a page loads is counted after brotli.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use wasmparser::{KnownCustom, Name, Parser, Payload, TypeRef};

use crate::args::Args;
use crate::bundle::{self, Kind, Names, Program};
use crate::step::output;
use crate::{node, parts, paths};

/// The parts of the questions' pages begin with these when they are not what the page itself needs.
const LATER: [&str; 2] = ["told_", "tries_"];

/// The parts that are no question's.
const NOT_QUESTIONS: [&str; 10] =
    ["address", "host", "interview", "keeping", "lists", "more", "present", "settings", "share", "site"];

/// The code and the data of modules.
#[derive(Default)]
struct Weight {
    /// Bytes by the function that they are of.
    functions: BTreeMap<String, usize>,
    data: usize,
    rest: usize,
}

/// `cargo xtask sizes [--of compiled.wasm] [--part NAME] [--functions N]`
pub fn command(args: &mut Args) -> anyhow::Result<()> {
    let compiled = args.option("--of")?.map(PathBuf::from);
    let part = args.option("--part")?;
    let most: usize =
        args.option("--functions")?.map_or(Ok(40), |n| n.parse()).context("--functions takes a number")?;
    args.finish()?;
    let compiled = match compiled {
        Some(path) => path,
        None => bundle::compile(Kind::Release)?,
    };
    let folder = paths::target().join("xtask/sizes");
    let only = part.map(|part| [part]);
    let only = only.as_ref().map(|only| &only[..]);
    let program = bundle::program(&compiled, Kind::Release, Names::Kept, only, &folder)?;
    let text = report(&program, &folder, most)?;
    print!("{text}");
    if only.is_some() {
        return Ok(());
    }
    let path = paths::root().join("docs/SIZES.md");
    fs::write(&path, &text).with_context(|| format!("writing {}", path.display()))
}

fn report(program: &Program, folder: &Path, most: usize) -> anyhow::Result<String> {
    let files: BTreeMap<&str, &PathBuf> =
        program.modules.iter().map(|path| Ok((stem(path)?, path))).collect::<anyhow::Result<_>>()?;
    let main = fs::read(&program.main)?;
    let mut packed = vec![("main".to_owned(), parts::without_placeholders(&without_names(&main)?)?)];
    let mut weights = vec![weigh([&*main])?];
    for (part, stems) in &program.cut.needs {
        let modules: Vec<Vec<u8>> =
            stems.iter().map(|stem| Ok(fs::read(files[&**stem])?)).collect::<anyhow::Result<_>>()?;
        let bare: Vec<Vec<u8>> = modules.iter().map(|module| without_names(module)).collect::<anyhow::Result<_>>()?;
        let Some((own, _)) = bare.split_last() else { bail!("the part {part} is empty") };
        let shared: Vec<(&str, &[u8])> = stems.iter().map(|stem| &**stem).zip(bare.iter().map(|b| &**b)).collect();
        packed.push((part.clone(), parts::packed(own, &shared[..shared.len() - 1])?));
        weights.push(weigh(modules.iter().map(|module| &**module))?);
    }
    let brotli = brotli(&packed, folder)?;
    let mut text = HEAD.to_owned();
    text.push_str("\n## Parts\n\n| part | functions | code | data | other | file | after brotli |\n|---|--:|--:|--:|--:|--:|--:|\n");
    for (((name, bytes), weight), brotli) in packed.iter().zip(&weights).zip(&brotli) {
        let code: usize = weight.functions.values().sum();
        let Weight { functions, data, rest } = weight;
        writeln!(text, "| {name} | {} | {code} | {data} | {rest} | {} | {brotli} |", functions.len(), bytes.len())?;
    }
    let mut crates: BTreeMap<String, (usize, Vec<usize>)> = BTreeMap::new();
    for (function, bytes) in &weights[0].functions {
        crates.entry(home(function)).or_default().0 += bytes;
    }
    let mut questions = 0;
    for ((name, _), weight) in packed.iter().zip(&weights).skip(1) {
        if NOT_QUESTIONS.contains(&&**name) || LATER.iter().any(|later| name.starts_with(later)) {
            continue;
        }
        questions += 1;
        let mut of: BTreeMap<String, usize> = BTreeMap::new();
        for (function, bytes) in &weight.functions {
            *of.entry(home(function)).or_default() += bytes;
        }
        for (home, bytes) in of {
            crates.entry(home).or_default().1.push(bytes);
        }
    }
    // A part that was asked for alone may be no question's.
    let questions = questions.max(1);
    let mut crates: Vec<_> = crates.into_iter().collect();
    crates.sort_by_key(|(name, (main, of))| {
        (std::cmp::Reverse(main + of.iter().sum::<usize>() / questions), name.clone())
    });
    text.push_str(
        "\n## Crates\n\n| crate and module | main | a question, mean | a question, most |\n|---|--:|--:|--:|\n",
    );
    for (name, (main, of)) in crates {
        let (mean, most) = (of.iter().sum::<usize>() / questions, of.iter().max().unwrap_or(&0));
        if main + most >= 500 {
            writeln!(text, "| `{name}` | {main} | {mean} | {most} |")?;
        }
    }
    let (of, weight) = match (&packed[..], &weights[..]) {
        ([_, (part, _)], [_, weight]) => (format!("part `{part}`"), weight),
        (_, weights) => ("main module".to_owned(), &weights[0]),
    };
    writeln!(text, "\n## The largest functions of the {of}\n\n| bytes | function |\n|--:|---|")?;
    let mut functions: Vec<_> = weight.functions.iter().collect();
    functions.sort_by_key(|(name, bytes)| (std::cmp::Reverse(**bytes), (*name).clone()));
    for (name, bytes) in functions.iter().take(most) {
        writeln!(text, "| {bytes} | `{}` |", name.replace('|', "\\|"))?;
    }
    Ok(text)
}

const HEAD: &str = "\
# Where the bytes are

Written by `cargo xtask sizes`. Code and data in bytes before compression; the last column of the first table is what a
host with brotli sends. The main module still has the long names of what it imports; the published one has short ones,
4 kB less.
";

fn stem(path: &Path) -> anyhow::Result<&str> {
    path.file_name().and_then(|name| name.to_str()?.split('.').next()).context("a module without a name")
}

/// What the modules weigh together; two functions of one name count as one.
fn weigh<'a>(modules: impl IntoIterator<Item = &'a [u8]>) -> anyhow::Result<Weight> {
    let mut weight = Weight::default();
    for module in modules {
        let (mut imported, mut sizes, mut names) = (0, Vec::new(), BTreeMap::new());
        let mut bytes = module.len();
        for payload in Parser::new(0).parse_all(module) {
            match payload? {
                Payload::ImportSection(imports) => {
                    for import in imports.into_imports() {
                        imported += usize::from(matches!(import?.ty, TypeRef::Func(_)));
                    }
                }
                Payload::CodeSectionEntry(body) => sizes.push((body.range().end - body.range().start) as usize),
                Payload::DataSection(data) => {
                    weight.data += (data.range().end - data.range().start) as usize;
                    bytes -= (data.range().end - data.range().start) as usize;
                }
                Payload::CustomSection(custom) => {
                    bytes -= custom.range().end as usize - custom.range().start as usize;
                    if let KnownCustom::Name(subsections) = custom.as_known() {
                        for subsection in subsections {
                            // Binaryen writes subsections of proposals that the reader does not know.
                            if let Ok(Name::Function(map)) = subsection {
                                for naming in map {
                                    let naming = naming?;
                                    names.insert(naming.index as usize, readable(naming.name));
                                }
                            }
                        }
                    }
                }
                _ => {}
            }
        }
        for (at, size) in sizes.into_iter().enumerate() {
            let name = names.get(&(imported + at)).cloned().unwrap_or_else(|| "(without a name)".to_owned());
            *weight.functions.entry(name).or_default() += size;
            bytes -= size;
        }
        weight.rest += bytes;
    }
    Ok(weight)
}

/// A function's name as it is written in the source, without the hashes of crates and of its own that tell it from
/// others of that name.
fn readable(name: &str) -> String {
    let name = format!("{:#}", rustc_demangle::demangle(name));
    let is_hash = |text: &str| text.len() == 16 && text.bytes().all(|b| b.is_ascii_hexdigit());
    let name = name.trim_matches('"');
    let name = name.rsplit_once("::h").filter(|(_, hash)| is_hash(hash)).map_or(name, |(name, _)| name);
    let mut out = String::with_capacity(name.len());
    for (i, piece) in name.split('[').enumerate() {
        match piece.split_once(']').filter(|(hash, _)| is_hash(hash)) {
            Some((_, after)) if i > 0 => out.push_str(after),
            _ if i > 0 => out.extend(["[", piece]),
            _ => out.push_str(piece),
        }
    }
    out
}

/// The crate of a function, with its first module where that says more.
fn home(function: &str) -> String {
    let name = function.trim_start_matches(['<', '&', '*', '[', '(']);
    let name = name.strip_prefix("dyn ").or_else(|| name.strip_prefix("mut ")).unwrap_or(name);
    let end = name.find(|c: char| !(c.is_alphanumeric() || c == '_' || c == ':')).unwrap_or(name.len());
    let mut words = name[..end].split("::");
    match (words.next(), words.next()) {
        (Some(root @ ("breakable" | "sim" | "core" | "alloc" | "std")), Some(module)) => format!("{root}::{module}"),
        (Some(root), Some(_)) => root.to_owned(),
        _ => "(other)".to_owned(),
    }
}

/// A module without its names.
fn without_names(module: &[u8]) -> anyhow::Result<Vec<u8>> {
    let mut out = module.get(..8).context("a module has a header")?.to_vec();
    let mut at = 8;
    while at < module.len() {
        let (size, body) = parts::read_leb(module, at + 1)?;
        if module[at] != 0 {
            out.extend_from_slice(&module[at..body + size]);
        }
        at = body + size;
    }
    Ok(out)
}

/// The sizes after brotli.
fn brotli(files: &[(String, Vec<u8>)], folder: &Path) -> anyhow::Result<Vec<usize>> {
    let paths: Vec<PathBuf> = files.iter().map(|(name, _)| folder.join(format!("{name}.packed"))).collect();
    for ((_, bytes), path) in files.iter().zip(&paths) {
        fs::write(path, bytes)?;
    }
    let sizes = output(node::brotli()?.args(paths))?;
    sizes.lines().map(|line| line.parse().context("a size that is no number")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_without_their_hashes() {
        assert_eq!(readable("_ZN3app3run17h0123456789abcdefE"), "app::run");
        assert_eq!(readable("core[0123456789abcdef]::str::count"), "core::str::count");
        assert_eq!(readable("<[T] as a::B>::c::h0123456789abcdef"), "<[T] as a::B>::c");
    }

    #[test]
    fn a_function_has_a_home() {
        assert_eq!(home("<dyn breakable::ui::el::Piece as core::fmt::Debug>::fmt"), "breakable::ui");
        assert_eq!(home("sycamore_reactive::root::batch"), "sycamore_reactive");
        assert_eq!(home("memcpy"), "(other)");
    }
}
