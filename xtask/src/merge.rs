//! Making each part one module.
//!
//! Cutting leaves what several parts use in modules that those share, and every call from one module to another goes
//! through the function table. A question's page would load a hundred of them, most with one small function in a
//! wrapping as large, and no optimiser sees beyond its own. Here a part gets a copy of all the code that it needs: calls
//! within it are calls again, and the table keeps only what is called from elsewhere or through a pointer.
//!
//! A page that loads two parts has two copies of what both use; which of them the table names makes no difference. Data
//! has no copies: it stays in the modules it came in, for the loader to write each once.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs;
use std::path::Path;

use anyhow::{Context, bail, ensure};
use wasm_encoder::reencode::{Reencode, RoundtripReencoder};
use wasm_encoder::{
    CodeSection, ConstExpr, DataSection, ElementSection, Elements, EntityType, FunctionSection, ImportSection,
    Module as Writer, NameMap, NameSection, TypeSection,
};
use wasmparser::{
    CompositeInnerType, ElementItems, ElementKind, FuncType, FunctionBody, KnownCustom, Name, Operator, Parser,
    Payload, TypeRef,
};

/// A module as cutting writes it.
#[derive(Default)]
struct Module<'a> {
    types: Vec<FuncType>,
    imported_functions: u32,
    /// Of the imports that are no functions: module, name and type.
    imports: Vec<(&'a str, &'a str, TypeRef)>,
    /// The type of each function that is not imported.
    functions: Vec<u32>,
    bodies: Vec<FunctionBody<'a>>,
    /// Function by its place in the table.
    placed: Vec<(u32, u32)>,
    names: HashMap<u32, &'a str>,
    /// Address and bytes.
    data: Vec<(u32, &'a [u8])>,
}

/// Makes each of the parts, given with the stems of the modules it needs, its own last, one module with all the code. In
/// `folder` its own module is replaced by that, and the others, of which `needs` names on only those with data, by
/// modules with their data alone.
pub fn merge(
    compiled: &Path,
    main: &Path,
    folder: &Path,
    needs: &mut BTreeMap<String, Vec<String>>,
) -> anyhow::Result<()> {
    let file = |stem: &str| folder.join(format!("{stem}.wasm"));
    let mut bytes: BTreeMap<String, Vec<u8>> = BTreeMap::new();
    for stem in needs.values().flatten() {
        if !bytes.contains_key(stem) {
            bytes.insert(stem.clone(), fs::read(file(stem)).with_context(|| format!("reading {stem}"))?);
        }
    }
    let modules: BTreeMap<&str, Module> = bytes
        .iter()
        .map(|(stem, bytes)| Ok((&**stem, read(bytes).with_context(|| format!("reading {stem}"))?)))
        .collect::<anyhow::Result<_>>()?;
    let (main, compiled) = (fs::read(main)?, fs::read(compiled)?);
    // What is called through the table by somebody who has no copy of it, and what a pointer may lead to.
    let mut called: HashSet<u32> = read(&main)?.shims()?.into_values().collect();
    for stems in needs.values() {
        let own: HashSet<u32> =
            stems.iter().flat_map(|stem| &modules[&**stem].placed).map(|&(place, _)| place).collect();
        for stem in stems {
            called.extend(modules[&**stem].shims()?.into_values().filter(|place| !own.contains(place)));
        }
    }
    let compiled = read(&compiled)?;
    let pointed: HashSet<&str> =
        compiled.placed.iter().filter_map(|(_, function)| compiled.names.get(function).copied()).collect();
    ensure!(pointed.len() > 100, "the app's functions have no names, so none is known to be pointed at");
    let mut out = BTreeMap::new();
    for (part, stems) in &*needs {
        let parts: Vec<&Module> = stems.iter().map(|stem| &modules[&**stem]).collect();
        let stem = stems.last().with_context(|| format!("the part {part} is empty"))?;
        out.insert(stem.clone(), merged(&parts, &called, &pointed).with_context(|| format!("merging {part}"))?);
    }
    let own: HashSet<String> = out.keys().cloned().collect();
    for (stem, module) in &modules {
        if !own.contains(*stem) {
            out.insert((*stem).to_owned(), only_data(module));
        }
    }
    let with_data: HashSet<&str> =
        modules.iter().filter(|(_, module)| !module.data.is_empty()).map(|(stem, _)| *stem).collect();
    for stems in needs.values_mut() {
        stems.retain(|stem| own.contains(stem) || with_data.contains(&**stem));
    }
    for (stem, bytes) in out {
        fs::write(file(&stem), bytes).with_context(|| format!("writing {stem}"))?;
    }
    Ok(())
}

fn read(wasm: &[u8]) -> anyhow::Result<Module<'_>> {
    let mut module = Module::default();
    for payload in Parser::new(0).parse_all(wasm) {
        match payload? {
            Payload::TypeSection(types) => {
                for types in types {
                    for ty in types?.into_types() {
                        let CompositeInnerType::Func(ty) = ty.composite_type.inner else {
                            bail!("a type that is not a function's");
                        };
                        module.types.push(ty);
                    }
                }
            }
            Payload::ImportSection(imports) => {
                for import in imports.into_imports() {
                    let import = import?;
                    match import.ty {
                        TypeRef::Func(_) => module.imported_functions += 1,
                        ty => module.imports.push((import.module, import.name, ty)),
                    }
                }
            }
            Payload::FunctionSection(functions) => {
                module.functions = functions.into_iter().collect::<Result<_, _>>()?
            }
            Payload::CodeSectionEntry(body) => module.bodies.push(body),
            Payload::ElementSection(elements) => {
                for element in elements {
                    let element = element?;
                    // Others are declarations, and what wasm-bindgen keeps in tables of its own.
                    if let (ElementKind::Active { offset_expr, .. }, ElementItems::Functions(functions)) =
                        (element.kind, element.items)
                    {
                        let first = constant(&offset_expr).context("functions at a place that is no constant")?;
                        for (place, function) in (first..).zip(functions) {
                            module.placed.push((place, function?));
                        }
                    }
                }
            }
            Payload::DataSection(data) => {
                for data in data {
                    let data = data?;
                    let wasmparser::DataKind::Active { memory_index: 0, offset_expr } = data.kind else {
                        bail!("data that is not written at the start");
                    };
                    let at = constant(&offset_expr).context("data at an address that is no constant")?;
                    if !data.data.is_empty() {
                        module.data.push((at, data.data));
                    }
                }
            }
            Payload::CustomSection(custom) => {
                if let KnownCustom::Name(subsections) = custom.as_known() {
                    for subsection in subsections {
                        if let Ok(Name::Function(names)) = subsection {
                            for naming in names {
                                let naming = naming?;
                                module.names.insert(naming.index, naming.name);
                            }
                        }
                    }
                }
            }
            _ => {}
        }
    }
    Ok(module)
}

fn constant(expression: &wasmparser::ConstExpr) -> Option<u32> {
    match expression.get_operators_reader().read() {
        Ok(Operator::I32Const { value }) => Some(value.cast_unsigned()),
        _ => None,
    }
}

impl Module<'_> {
    /// The functions that only call the function at a place of the table with their own arguments, and that place.
    fn shims(&self) -> anyhow::Result<HashMap<u32, u32>> {
        let mut found = HashMap::new();
        for (at, (body, ty)) in self.bodies.iter().zip(&self.functions).enumerate() {
            let arguments = self.types[*ty as usize].params().len();
            if let Some(place) = shim(body, arguments, *ty)? {
                found.insert(self.imported_functions + u32::try_from(at)?, place);
            }
        }
        Ok(found)
    }
}

fn shim(body: &FunctionBody, arguments: usize, ty: u32) -> anyhow::Result<Option<u32>> {
    if body.get_locals_reader()?.get_count() > 0 {
        return Ok(None);
    }
    let mut reader = body.get_operators_reader()?;
    for argument in 0..arguments {
        if !matches!(reader.read()?, Operator::LocalGet { local_index } if local_index as usize == argument) {
            return Ok(None);
        }
    }
    let Operator::I32Const { value } = reader.read()? else { return Ok(None) };
    let calls = matches!(reader.read()?, Operator::CallIndirect { type_index, table_index: 0 } if type_index == ty);
    Ok((calls && matches!(reader.read()?, Operator::End) && reader.eof()).then_some(value.cast_unsigned()))
}

/// What a function of one of the modules becomes.
#[derive(Clone, Copy)]
enum Fate {
    /// The function of this number.
    Stays(u32),
    /// Another one is called in its place.
    Is { module: usize, function: u32 },
}

/// Numbers of one of the modules as those of all.
struct Renumber<'a> {
    types: &'a [u32],
    globals: &'a [u32],
    functions: &'a dyn Fn(u32) -> u32,
}

impl Reencode for Renumber<'_> {
    type Error = core::convert::Infallible;
    fn type_index(&mut self, ty: u32) -> Result<u32, wasm_encoder::reencode::Error> {
        Ok(self.types[ty as usize])
    }
    fn global_index(&mut self, global: u32) -> Result<u32, wasm_encoder::reencode::Error> {
        Ok(self.globals[global as usize])
    }
    fn function_index(&mut self, function: u32) -> Result<u32, wasm_encoder::reencode::Error> {
        Ok((self.functions)(function))
    }
}

/// One module of the code of all, with the data of the last.
fn merged(modules: &[&Module], called: &HashSet<u32>, pointed: &HashSet<&str>) -> anyhow::Result<Vec<u8>> {
    let mut round = RoundtripReencoder;
    let (mut types, mut type_numbers) = (TypeSection::new(), HashMap::new());
    let (mut imports, mut import_numbers, mut globals) = (ImportSection::new(), HashMap::new(), 0);
    let mut renumbered: Vec<(Vec<u32>, Vec<u32>)> = Vec::new();
    for module in modules {
        ensure!(module.imported_functions == 0, "a part imports a function");
        let mut of_types = Vec::new();
        for ty in &module.types {
            let next = u32::try_from(type_numbers.len())?;
            let number = *type_numbers.entry(ty.clone()).or_insert(next);
            if number == next {
                types.ty().func_type(&round.func_type(ty.clone())?);
            }
            of_types.push(number);
        }
        let mut of_globals = Vec::new();
        for &(from, name, ty) in &module.imports {
            let ty: EntityType = round.entity_type(ty)?;
            let is_global = matches!(ty, EntityType::Global(_));
            let number = *import_numbers.entry((from, name)).or_insert_with(|| {
                imports.import(from, name, ty);
                globals += u32::from(is_global);
                globals.wrapping_sub(1)
            });
            if is_global {
                of_globals.push(number);
            }
        }
        renumbered.push((of_types, of_globals));
    }
    // Where the function of each place is defined, and what takes the place of each function.
    let mut places = HashMap::new();
    for (at, module) in modules.iter().enumerate() {
        for &(place, function) in &module.placed {
            places.insert(place, (at, function));
        }
    }
    let mut first_shim = HashMap::new();
    let mut fates: Vec<Vec<Fate>> = Vec::new();
    let mut count = 0;
    for (at, module) in modules.iter().enumerate() {
        let shims = module.shims()?;
        let mut of_module = Vec::new();
        for function in 0..u32::try_from(module.functions.len())? {
            let other = shims.get(&function).and_then(|place| {
                let first = *first_shim.entry(*place).or_insert((at, function));
                Some(*places.get(place).unwrap_or(&first)).filter(|found| *found != (at, function))
            });
            of_module.push(match other {
                Some((module, function)) => Fate::Is { module, function },
                None => {
                    count += 1;
                    Fate::Stays(count - 1)
                }
            });
        }
        fates.push(of_module);
    }
    let number = |mut module: usize, mut function: u32| loop {
        match fates[module][function as usize] {
            Fate::Stays(number) => return number,
            Fate::Is { module: to, function: other } => (module, function) = (to, other),
        }
    };
    let (mut functions, mut code, mut names) = (FunctionSection::new(), CodeSection::new(), NameMap::new());
    let mut placed = BTreeMap::new();
    for (at, module) in modules.iter().enumerate() {
        let (of_types, of_globals) = &renumbered[at];
        let mut renumber =
            Renumber { types: of_types, globals: of_globals, functions: &|function| number(at, function) };
        for (function, body) in module.bodies.iter().enumerate() {
            if let Fate::Stays(number) = fates[at][function] {
                functions.function(of_types[module.functions[function] as usize]);
                renumber.parse_function_body(&mut code, body.clone())?;
                if let Some(name) = module.names.get(&u32::try_from(function)?) {
                    names.append(number, name);
                }
            }
        }
        for &(place, function) in &module.placed {
            if called.contains(&place) || module.names.get(&function).is_none_or(|name| pointed.contains(name)) {
                placed.insert(place, number(at, function));
            }
        }
    }
    let mut out = Writer::new();
    out.section(&types).section(&imports).section(&functions).section(&elements(&placed)).section(&code);
    if let Some(module) = modules.last() {
        out.section(&data(module));
    }
    let mut section = NameSection::new();
    section.functions(&names);
    out.section(&section);
    Ok(out.finish())
}

/// The table's places with their functions, those that follow on one another together.
fn elements(placed: &BTreeMap<u32, u32>) -> ElementSection {
    let mut runs: Vec<(u32, Vec<u32>)> = Vec::new();
    for (&place, &function) in placed {
        match runs.last_mut() {
            Some((first, run)) if *first as usize + run.len() == place as usize => run.push(function),
            _ => runs.push((place, vec![function])),
        }
    }
    let mut section = ElementSection::new();
    for (first, run) in runs {
        section.active(None, &ConstExpr::i32_const(first.cast_signed()), Elements::Functions(run.into()));
    }
    section
}

fn data(module: &Module) -> DataSection {
    let mut section = DataSection::new();
    for (at, bytes) in &module.data {
        section.active(0, &ConstExpr::i32_const(at.cast_signed()), bytes.iter().copied());
    }
    section
}

/// A module without the code.
fn only_data(module: &Module) -> Vec<u8> {
    let mut out = Writer::new();
    out.section(&data(module));
    out.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use wasm_encoder::{Function, Instruction, MemoryType, RefType, TableType, ValType};

    /// A module with functions from a number to a number, each at its place of the table, and data at 64 if there is any.
    fn module(functions: &[(&str, u32, &[Instruction])], bytes: &[u8]) -> Vec<u8> {
        let mut types = TypeSection::new();
        types.ty().function([ValType::I32], [ValType::I32]);
        let mut imports = ImportSection::new();
        let memory = MemoryType { minimum: 1, maximum: None, memory64: false, shared: false, page_size_log2: None };
        let table =
            TableType { element_type: RefType::FUNCREF, minimum: 9, maximum: None, table64: false, shared: false };
        imports.import("host", "memory", memory).import("host", "table", table);
        let (mut numbers, mut code, mut names) = (FunctionSection::new(), CodeSection::new(), NameMap::new());
        let mut placed = BTreeMap::new();
        for (at, (name, place, body)) in (0..).zip(functions) {
            numbers.function(0);
            let mut function = Function::new([]);
            body.iter().for_each(|instruction| _ = function.instruction(instruction));
            code.function(function.instruction(&Instruction::End));
            names.append(at, name);
            if *place > 0 {
                placed.insert(*place, at);
            }
        }
        let mut out = Writer::new();
        out.section(&types).section(&imports).section(&numbers).section(&elements(&placed)).section(&code);
        let bytes = if bytes.is_empty() { Vec::new() } else { vec![(64, bytes)] };
        out.section(&data(&Module { data: bytes, ..Module::default() }));
        let mut section = NameSection::new();
        section.functions(&names);
        out.section(&section);
        out.finish()
    }

    const ARGUMENT: Instruction = Instruction::LocalGet(0);
    const CALL: Instruction = Instruction::CallIndirect { type_index: 0, table_index: 0 };

    fn operators<'a>(module: &Module<'a>, function: usize) -> Vec<Operator<'a>> {
        module.bodies[function].get_operators_reader().unwrap().into_iter().map(Result::unwrap).collect()
    }

    #[test]
    fn a_call_through_the_table_to_a_function_of_the_part_is_a_call() {
        let shared =
            module(&[("doubled", 3, &[ARGUMENT, ARGUMENT, Instruction::I32Add]), ("free", 4, &[ARGUMENT])], b"hi");
        let own = module(
            &[
                ("door", 5, &[ARGUMENT, Instruction::Call(1), Instruction::Call(2)]),
                ("to doubled", 0, &[ARGUMENT, Instruction::I32Const(3), CALL]),
                ("to main", 0, &[ARGUMENT, Instruction::I32Const(7), CALL]),
            ],
            b"own",
        );
        let modules = [read(&shared).unwrap(), read(&own).unwrap()];
        assert_eq!(modules[1].shims().unwrap(), HashMap::from([(1, 3), (2, 7)]));
        let out = merged(&[&modules[0], &modules[1]], &HashSet::from([5]), &HashSet::from(["free"])).unwrap();
        let out = read(&out).unwrap();
        let names: Vec<&str> = (0..4).map(|function| out.names[&function]).collect();
        assert_eq!(names, ["doubled", "free", "door", "to main"]);
        assert!(matches!(
            operators(&out, 2)[..],
            [_, Operator::Call { function_index: 0 }, Operator::Call { function_index: 3 }, Operator::End]
        ));
        assert!(matches!(operators(&out, 3)[1], Operator::I32Const { value: 7 }));
        // What is called from elsewhere, and what a pointer may lead to.
        assert_eq!(out.placed, [(4, 1), (5, 2)]);
        assert_eq!(out.imports.len(), 2);
        assert_eq!(out.data, [(64, &b"own"[..])]);
        let rest = only_data(&modules[0]);
        assert_eq!(read(&rest).unwrap().data, [(64, &b"hi"[..])]);
        assert!(crate::parts::constants(&rest).unwrap().is_some());
    }

    #[test]
    fn a_function_that_does_more_than_pass_on_stays() {
        let more = module(&[("more", 1, &[ARGUMENT, Instruction::I32Const(3), CALL, Instruction::I32Clz])], &[]);
        let other = module(&[("other", 1, &[Instruction::I32Const(1), Instruction::I32Const(3), CALL])], &[]);
        for module in [more, other] {
            assert!(read(&module).unwrap().shims().unwrap().is_empty());
        }
    }
}
