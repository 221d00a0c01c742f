//! Cutting the compiled app into parts that are downloaded when a page needs them.
//!
//! The app marks functions as the doors of its parts (`wasm_split` in `src/entries.rs` and `src/pages/mod.rs`). What is
//! reachable through one door alone goes into a module of that part; what several doors lead to but the app itself does
//! not, into modules that those share; the rest is the main module.
//!
//! A part is one download: its own module, with the shared ones it needs inside, as custom sections. `link.js` loads a
//! part once, and each shared module with the first part that brings it. In a release the shared code is in each part
//! that needs it (see [`crate::merge`]), and what is inside is data alone.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow, bail};
use wasmparser::{BinaryReader, ConstExpr, ElementItems, ElementKind, ElementSectionReader, Operator};

/// What cutting left in its folder.
pub struct Cut {
    /// The main module, to be bound to JavaScript like a whole app.
    pub main: PathBuf,
    /// The other modules.
    pub modules: Vec<PathBuf>,
    /// The stems of the modules that a part needs, its own last, by the part's name.
    pub needs: BTreeMap<String, Vec<String>>,
    /// What the parts share of the main module's exports.
    shares: String,
    /// What they are given besides: with debug assertions, the mark by which a part knows its main module.
    given: String,
}

impl Cut {
    /// Leaves out all parts but these.
    pub fn keep(&mut self, parts: &[String]) -> anyhow::Result<()> {
        if let Some(unknown) = parts.iter().find(|part| !self.needs.contains_key(*part)) {
            let known: Vec<&str> = self.needs.keys().map(String::as_str).collect();
            bail!("there is no part {unknown}; expected one of {}", known.join(", "));
        }
        self.needs.retain(|part, _| parts.contains(part));
        self.forget_unneeded();
        Ok(())
    }

    /// Leaves out the modules that no part needs.
    pub fn forget_unneeded(&mut self) {
        let stem = |path: &Path| path.file_stem().and_then(|stem| stem.to_str()).map(str::to_owned);
        self.modules.retain(|path| self.needs.values().flatten().any(|needed| stem(path).as_ref() == Some(needed)));
    }
}

/// What the glue is called by the loaders, before names get their hashes.
pub const GLUE: &str = "app.js";
/// What the loaders are called by the glue.
pub const LINK: &str = "link.js";

/// Cuts `compiled`, which must have been linked with `--emit-relocs`, into files in `out`.
pub fn cut(compiled: &Path, out: &Path) -> anyhow::Result<Cut> {
    let input = fs::read(compiled).with_context(|| format!("reading {}", compiled.display()))?;
    let main = out.join("main.wasm");
    let (glue, link) = (format!("./{GLUE}"), format!("./{LINK}"));
    let mut options = wasm_split_cli_support::Options::new(&input);
    options.output_dir = out;
    options.main_out_path = &main;
    options.link_name = &link;
    options.main_module = &glue;
    let cut = wasm_split_cli_support::transform(options).map_err(|e| anyhow!("{e:?}"))?;
    let loaders = fs::read_to_string(out.join(LINK)).context("reading what cutting wrote")?;
    let between = |start: &str| {
        let (_, rest) = loaders.split_once(start)?;
        Some(rest.split_once('}')?.0.trim().trim_end_matches(',').trim().to_owned())
    };
    let other = "the loaders do not say what the parts share; this version of wasm_split_cli_support writes others";
    let shares = between("Object.assign(sharedImports.__wasm_split, {").context(other)?;
    let given = between("sharedImports = { __wasm_split: {").context(other)?;
    Ok(Cut { modules: cut.split_modules, needs: cut.prefetch_map.into_iter().collect(), main, shares, given })
}

/// The section that names the modules inside a part, with spaces between them.
const INSIDE: &str = "inside";

/// The section with what goes into the memory: where, how many bytes, and the bytes, again and again. Most of what
/// parts share is a few constants, for which a module is a large wrapping.
const DATA: &str = "data";

/// The bytes of a part: its own module with the `shared` ones inside.
pub fn packed(own: &[u8], shared: &[(&str, &[u8])]) -> anyhow::Result<Vec<u8>> {
    let (mut modules, mut names, mut data) = (Vec::new(), Vec::new(), Vec::new());
    for &(name, module) in shared {
        match constants(module).with_context(|| format!("reading {name}"))? {
            Some(constants) => data.extend(constants),
            None => {
                names.push(name);
                modules.push((name, module));
            }
        }
    }
    let names = names.join(" ");
    let mut bytes = own.to_vec();
    for (name, content) in modules.into_iter().chain([(INSIDE, names.as_bytes()), (DATA, &*data)]) {
        let mut section = leb(name.len());
        section.extend_from_slice(name.as_bytes());
        section.extend_from_slice(content);
        bytes.push(0);
        bytes.extend(leb(section.len()));
        bytes.extend(section);
    }
    Ok(bytes)
}

/// What a module without code puts into the memory, as [`DATA`] has it; `None` if it does anything else.
pub fn constants(module: &[u8]) -> anyhow::Result<Option<Vec<u8>>> {
    const CUSTOM: u8 = 0;
    const TYPES: u8 = 1;
    const IMPORTS: u8 = 2;
    const DATA_SECTION: u8 = 11;
    const DATA_COUNT: u8 = 12;
    let mut out = None;
    let mut at = 8;
    while at < module.len() {
        let (size, body) = read_leb(module, at + 1)?;
        let section = module.get(body..body + size).context("a section goes beyond the module")?;
        match module[at] {
            CUSTOM | TYPES | IMPORTS | DATA_COUNT => {}
            // A list without entries, as cutting leaves them: of functions, of exports, of code.
            _ if section == [0] => {}
            DATA_SECTION => {
                let (count, mut at) = read_leb(section, 0)?;
                let mut records = Vec::new();
                for _ in 0..count {
                    // An active segment of the one memory, at an address that is a constant: `i32.const n end`.
                    if section.get(at..at + 2) != Some(&[0, 0x41]) {
                        return Ok(None);
                    }
                    let (place, after) = read_leb(section, at + 2)?;
                    let (size, start) = read_leb(section, after + 1)?;
                    let bytes = section.get(start..start + size).context("data goes beyond its section")?;
                    records.extend(u32::try_from(place)?.to_le_bytes());
                    records.extend(u32::try_from(size)?.to_le_bytes());
                    records.extend_from_slice(bytes);
                    at = start + size;
                }
                out = Some(records);
            }
            _ => return Ok(None),
        }
        at = body + size;
    }
    Ok(out)
}

/// The loaders. `files` has the file of each part, as [`packed`].
pub fn loaders(cut: &Cut, files: &BTreeMap<String, String>) -> anyhow::Result<String> {
    let (shares, given) = (&cut.shares, &cut.given);
    let comma = if given.is_empty() { "" } else { ", " };
    let mut js = format!(
        r#"import {{ initSync }} from "./{GLUE}";
let imports;
const shared = () => {{
  if (!imports) {{
    const {{ {shares} }} = initSync();
    imports = {{ __wasm_split: {{ {given}{comma}{shares} }} }};
  }}
  return imports;
}};
const loads = new Map();
const written = new Set();
// Loads that failed are forgotten, so that they can be tried again.
const once = (name, load) => {{
  if (!loads.has(name)) loads.set(name, load().catch((error) => {{ loads.delete(name); throw error; }}));
  return loads.get(name);
}};
const part = (file) => async (callback, data) => {{
  let done = true;
  try {{
    await once(file, async () => {{
      const module = await WebAssembly.compileStreaming(fetch(new URL(file, import.meta.url), {{ mode: "no-cors", credentials: "include" }}));
      const section = (name) => WebAssembly.Module.customSections(module, name)[0];
      for (const name of new TextDecoder().decode(section("{INSIDE}")).split(" ").filter(Boolean)) {{
        await once(name, () => WebAssembly.instantiate(section(name), shared()));
      }}
      const data = section("{DATA}");
      for (let at = 0; at < data.byteLength; ) {{
        const [place, size] = new Uint32Array(data.slice(at, (at += 8)));
        if (!written.has(place)) new Uint8Array(shared().__wasm_split.memory.buffer).set(new Uint8Array(data, at, size), place);
        written.add(place);
        at += size;
      }}
      await WebAssembly.instantiate(module, shared());
    }});
  }} catch (error) {{
    console.error(error);
    done = false;
  }}
  shared().__wasm_split.__indirect_function_table.get(callback)(data, done);
}};
"#
    );
    for part in cut.needs.keys() {
        let file = files.get(part).with_context(|| format!("the part {part} has no file"))?;
        writeln!(js, "export const __wasm_split_load_{part} = part(\"./{file}\");")?;
    }
    Ok(js)
}

/// Leaves out what cutting keeps in the main module's table for the parts: for each of them a list of nothing, a thousand
/// in all. The places themselves stay, since the table keeps its length.
pub fn without_placeholders(wasm: &[u8]) -> anyhow::Result<Vec<u8>> {
    const ELEMENTS: u8 = 9;
    let mut out = wasm.get(..8).context("a module has a header")?.to_vec();
    let mut at = 8;
    while at < wasm.len() {
        let id = wasm[at];
        let (size, body) = read_leb(wasm, at + 1)?;
        let section = wasm.get(body..body + size).context("a section goes beyond the module")?;
        if id == ELEMENTS {
            let filled = filled_segments(section)?;
            out.push(id);
            out.extend(leb(filled.len()));
            out.extend(filled);
        } else {
            out.extend_from_slice(&wasm[at..body + size]);
        }
        at = body + size;
    }
    Ok(out)
}

/// The section of elements without the segments that hold no function.
fn filled_segments(section: &[u8]) -> anyhow::Result<Vec<u8>> {
    let reader = ElementSectionReader::new(BinaryReader::new(section, 0))?;
    let (mut count, mut filled) = (0, Vec::new());
    for element in reader {
        let element = element?;
        let empty = match element.items {
            ElementItems::Functions(functions) => functions.count() == 0,
            ElementItems::Expressions(_, expressions) => {
                let null = |expression: ConstExpr| {
                    expression
                        .get_operators_reader()
                        .into_iter()
                        .next()
                        .is_some_and(|operator| matches!(operator, Ok(Operator::RefNull { .. })))
                };
                expressions.into_iter().all(|expression| expression.is_ok_and(null))
            }
        };
        if !(empty && matches!(element.kind, ElementKind::Active { .. })) {
            count += 1;
            filled.extend_from_slice(&section[element.range.start as usize..element.range.end as usize]);
        }
    }
    let mut out = leb(count);
    out.extend(filled);
    Ok(out)
}

/// Gives the functions that the main module imports from the glue and the loaders names of a letter or two, in all three.
pub fn with_short_names(wasm: &[u8], scripts: [&str; 2]) -> anyhow::Result<(Vec<u8>, [String; 2])> {
    let mut names = BTreeMap::new();
    let mut out = wasm.get(..8).context("a module has a header")?.to_vec();
    let mut at = 8;
    while at < wasm.len() {
        let id = wasm[at];
        let (size, body) = read_leb(wasm, at + 1)?;
        let end = body + size;
        let section = wasm.get(body..end).context("a section goes beyond the module")?;
        if id == 2 {
            let renamed = renamed_imports(section, &mut names)?;
            out.push(2);
            out.extend(leb(renamed.len()));
            out.extend(renamed);
        } else {
            out.extend_from_slice(&wasm[at..end]);
        }
        at = end;
    }
    Ok((out, scripts.map(|script| renamed(script, &names))))
}

fn renamed(script: &str, names: &BTreeMap<String, String>) -> String {
    let mut js = String::with_capacity(script.len());
    let mut word = String::new();
    for c in script.chars().chain(Some('\n')) {
        if c.is_ascii_alphanumeric() || c == '_' || c == '$' {
            word.push(c);
            continue;
        }
        js.push_str(names.get(&word).unwrap_or(&word));
        word.clear();
        js.push(c);
    }
    js
}

/// The glue imports the loaders once for each of them, and all of it each time. Once is enough.
pub fn without_repeated_imports(glue: &str) -> String {
    let (import, entry) = ("import * as import", format!("\"./{LINK}\": import"));
    let from = format!("from \"./{LINK}\"");
    let mut seen = [false; 2];
    let mut repeated = |line: &str| {
        let line = line.trim_start();
        let kinds = [line.starts_with(import) && line.contains(&from), line.starts_with(&entry)];
        kinds.into_iter().zip(&mut seen).any(|(is, seen)| is && std::mem::replace(seen, true))
    };
    glue.split_inclusive('\n').filter(|line| !repeated(line)).collect()
}

fn renamed_imports(section: &[u8], names: &mut BTreeMap<String, String>) -> anyhow::Result<Vec<u8>> {
    let (count, mut at) = read_leb(section, 0)?;
    let mut out = leb(count);
    for _ in 0..count {
        let mut words = [""; 2];
        for word in &mut words {
            let (size, start) = read_leb(section, at)?;
            let bytes = section.get(start..start + size).context("a name goes beyond its section")?;
            *word = std::str::from_utf8(bytes).context("a name is not UTF-8")?;
            at = start + size;
        }
        let [module, mut name] = words;
        let fresh = format!("_{}", names.len());
        // The few that a whole program could mean something by keep their names.
        let (loader, of_glue) = (module.strip_prefix("./") == Some(LINK), name.starts_with("__wb"));
        if loader || module == "./app_bg.js" && of_glue {
            name = names.entry(name.to_owned()).or_insert(fresh);
        }
        for word in [module, name] {
            out.extend(leb(word.len()));
            out.extend_from_slice(word.as_bytes());
        }
        let kind = *section.get(at).context("an import without a kind")?;
        let start = at;
        at += 1;
        match kind {
            0 => at = read_leb(section, at)?.1,
            1 | 2 => {
                at += usize::from(kind == 1);
                let flags = section[at];
                at = read_leb(section, at + 1)?.1;
                if flags & 1 == 1 {
                    at = read_leb(section, at)?.1;
                }
            }
            3 => at += 2,
            4 => at = read_leb(section, at + 1)?.1,
            _ => bail!("an import of the unknown kind {kind}"),
        }
        out.extend_from_slice(&section[start..at]);
    }
    Ok(out)
}

/// An unsigned number as WebAssembly writes it.
pub fn leb(mut value: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let byte = (value & 127) as u8;
        value >>= 7;
        if value == 0 {
            bytes.push(byte);
            return bytes;
        }
        bytes.push(byte | 128);
    }
}

/// The number at `at`, and where it ends.
pub fn read_leb(bytes: &[u8], mut at: usize) -> anyhow::Result<(usize, usize)> {
    let mut value = 0;
    for shift in (0..35).step_by(7) {
        let byte = *bytes.get(at).context("a number goes beyond the module")?;
        at += 1;
        value |= usize::from(byte & 127) << shift;
        if byte < 128 {
            return Ok((value, at));
        }
    }
    bail!("a number of more than 35 bits")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_come_back() {
        for value in [0, 1, 127, 128, 16_383, 16_384, 4_000_000_000] {
            let bytes = leb(value);
            assert_eq!(read_leb(&bytes, 0).unwrap(), (value, bytes.len()));
        }
        assert!(read_leb(&[128, 128], 0).is_err());
    }

    #[test]
    fn imports_get_short_names_on_both_sides() {
        let import = |module: &str, name: &str| {
            let mut bytes = vec![module.len() as u8];
            bytes.extend(module.bytes());
            bytes.push(name.len() as u8);
            bytes.extend(name.bytes());
            bytes.extend([0, 5]);
            bytes
        };
        let mut section = vec![2];
        section.extend(import("./app_bg.js", "__wbg_log_1234"));
        section.extend(import("./link.js", "__wasm_split_load_x"));
        let mut wasm = b"\0asm\x01\0\0\0".to_vec();
        wasm.push(2);
        wasm.extend(leb(section.len()));
        wasm.extend(section);
        wasm.extend([0, 1, 0]);
        let glue = "const i = { __wbg_log_1234: f, __wbg_log_12345: g };";
        let loader = "export const __wasm_split_load_x = part(\"./x.wasm\");";
        let (short, [glue, loader]) = with_short_names(&wasm, [glue, loader]).unwrap();
        assert_eq!(glue.trim_end(), "const i = { _0: f, __wbg_log_12345: g };");
        assert_eq!(loader.trim_end(), "export const _1 = part(\"./x.wasm\");");
        assert_eq!(short.len(), wasm.len() - "__wbg_log_1234__wasm_split_load_x".len() + "_0_1".len());
        assert!(short.ends_with(&[0, 1, 0]));
    }

    #[test]
    fn the_loaders_are_imported_once() {
        let glue = "import * as import1 from \"./link.js\"\nimport * as import2 from \"./link.js\"\n\
                    import * as import3 from \"./snippets/a.js\"\nconst i = {\n  \"./link.js\": import1,\n  \
                    \"./link.js\": import2,\n  \"./snippets/a.js\": import3,\n};\n";
        let once = "import * as import1 from \"./link.js\"\nimport * as import3 from \"./snippets/a.js\"\n\
                    const i = {\n  \"./link.js\": import1,\n  \"./snippets/a.js\": import3,\n};\n";
        assert_eq!(without_repeated_imports(glue), once);
        assert_eq!(without_repeated_imports(once), once);
    }

    #[test]
    fn placeholders_of_parts_leave_the_table() {
        // Function 3 at place 1, nothing at 2, no reference at 3, function 4 at 5.
        let segments: [&[u8]; 4] = [
            &[0, 0x41, 1, 0x0b, 1, 3],
            &[0, 0x41, 2, 0x0b, 0],
            &[4, 0x41, 3, 0x0b, 2, 0xd0, 0x70, 0x0b, 0xd0, 0x70, 0x0b],
            &[0, 0x41, 5, 0x0b, 1, 4],
        ];
        let module = |segments: &[&[u8]]| {
            let mut section = vec![segments.len() as u8];
            segments.iter().for_each(|segment| section.extend_from_slice(segment));
            let mut wasm = b"\0asm\x01\0\0\0\x09".to_vec();
            wasm.extend(leb(section.len()));
            wasm.extend(section);
            wasm.extend([0, 1, 0]);
            wasm
        };
        let tidy = without_placeholders(&module(&segments)).unwrap();
        assert_eq!(tidy, module(&[segments[0], segments[3]]));
    }

    #[test]
    fn a_part_carries_the_modules_it_shares() {
        let code = b"\0asm\x01\0\0\0\x0a\x01\0";
        let data = b"\0asm\x01\0\0\0\x0b\x09\x01\0\x41\x88\x01\x0b\x02hi";
        let part = packed(b"own", &[("chunk_1", code), ("chunk_2", data)]).unwrap();
        let mut expected = b"own\0\x13\x07chunk_1".to_vec();
        expected.extend(code);
        expected.extend(b"\0\x0e\x06insidechunk_1\0\x0f\x04data\x88\0\0\0\x02\0\0\0hi");
        assert_eq!(part, expected);
    }
}
