//! Takes out of the compiled app what it would say when it panics.
//!
//! A released app has nobody to say it to: the console of the browser has the stack, and the page says that the
//! simulation stopped. Nightly compilers leave those messages out themselves (`panic = "immediate-abort"`); here every
//! call of a function of the standard library that never returns becomes the trap that it ends in, and with it go its
//! arguments, the places in the source that they name, and all the code that only serves to write them.
//!
//! It happens before the app is cut into parts, because cutting follows the relocations: what nothing refers to any more
//! is in no part.

use std::collections::HashSet;
use std::ops::Range;

use anyhow::{Context, bail};
use wasmparser::{
    CompositeInnerType, FunctionBody, KnownCustom, Linking, Operator, Parser, Payload, RelocSectionReader, SymbolInfo,
    TypeRef,
};

/// The opcode of the instruction that traps.
const UNREACHABLE: u8 = 0;
/// The opcode of the instruction that does nothing.
const NOP: u8 = 1;

/// What is known of the module.
#[derive(Default)]
struct Module<'a> {
    imported: usize,
    /// Parameters of each type.
    types: Vec<usize>,
    /// The type of each function that is not imported.
    functions: Vec<usize>,
    bodies: Vec<FunctionBody<'a>>,
    /// The functions of the standard library, by number.
    std: HashSet<u32>,
    /// Where the content of the code section begins.
    code: u64,
    /// The relocations of the code: where their section lies with its header, and which section of the file they are for.
    relocations: Option<(Range<u64>, RelocSectionReader<'a>)>,
}

/// The module without its messages of panics, and how many calls became traps.
pub fn without_panic_messages(wasm: &[u8]) -> anyhow::Result<(Vec<u8>, usize)> {
    let module = read(wasm)?;
    let never_return = never_return(&module)?;
    let mut out = wasm.to_vec();
    let mut gone = Vec::new();
    for body in &module.bodies {
        for range in calls(&module, body, &never_return)? {
            let bytes = &mut out[within(&range)];
            bytes.fill(NOP);
            bytes[0] = UNREACHABLE;
            gone.push(range);
        }
    }
    let (section, relocations) = module.relocations.context("the app is linked without the relocations of its code")?;
    let kept = kept_relocations(wasm, &relocations, module.code, &gone)?;
    out.splice(within(&section), kept);
    Ok((out, gone.len()))
}

/// A range of the file as one of its bytes in memory.
fn within(range: &Range<u64>) -> Range<usize> {
    range.start as usize..range.end as usize
}

fn read(wasm: &[u8]) -> anyhow::Result<Module<'_>> {
    let mut module = Module::default();
    let mut before = 8;
    for payload in Parser::new(0).parse_all(wasm) {
        let payload = payload?;
        let end = match payload.as_section() {
            Some((_, range)) => range.end,
            None => before,
        };
        match payload {
            Payload::TypeSection(types) => {
                for types in types {
                    for ty in types?.into_types() {
                        let CompositeInnerType::Func(ty) = ty.composite_type.inner else {
                            bail!("a type that is not a function's");
                        };
                        module.types.push(ty.params().len());
                    }
                }
            }
            Payload::ImportSection(imports) => {
                for import in imports.into_imports() {
                    module.imported += usize::from(matches!(import?.ty, TypeRef::Func(_)));
                }
            }
            Payload::FunctionSection(functions) => {
                for ty in functions {
                    module.functions.push(ty? as usize);
                }
            }
            Payload::CodeSectionStart { range, .. } => module.code = range.start,
            Payload::CodeSectionEntry(body) => module.bodies.push(body),
            Payload::CustomSection(custom) => match custom.as_known() {
                KnownCustom::Linking(linking) => {
                    for subsection in linking {
                        if let Linking::SymbolTable(symbols) = subsection? {
                            for symbol in symbols {
                                if let SymbolInfo::Func { index, name: Some(name), .. } = symbol?
                                    && is_of_std(name)
                                {
                                    module.std.insert(index);
                                }
                            }
                        }
                    }
                }
                KnownCustom::Reloc(reader) if custom.name() == "reloc.CODE" => {
                    module.relocations = Some((before..end, reader));
                }
                _ => {}
            },
            _ => {}
        }
        before = end;
    }
    Ok(module)
}

/// Whether a symbol belongs to `core`, `alloc` or `std` itself: `_ZN4core9panicking...`.
fn is_of_std(name: &str) -> bool {
    let name = format!("{:#}", rustc_demangle::demangle(name));
    ["core::", "alloc::", "std::"].iter().any(|root| name.starts_with(root))
}

/// The functions of the standard library that cannot return.
fn never_return(module: &Module) -> anyhow::Result<HashSet<u32>> {
    let mut found = HashSet::new();
    for (at, body) in module.bodies.iter().enumerate() {
        let index = u32::try_from(module.imported + at)?;
        if module.std.contains(&index) && cannot_return(body)? {
            found.insert(index);
        }
    }
    Ok(found)
}

/// Whether a body ends in a trap and nothing in it leads past that.
fn cannot_return(body: &FunctionBody) -> anyhow::Result<bool> {
    let mut depth = 0;
    let mut trapped = false;
    for operator in body.get_operators_reader()? {
        let operator = operator?;
        let leaves = match &operator {
            Operator::Return => true,
            Operator::Br { relative_depth } | Operator::BrIf { relative_depth } => *relative_depth == depth,
            Operator::BrTable { targets } => {
                targets.default() == depth || targets.targets().any(|target| target.is_ok_and(|target| target == depth))
            }
            _ => false,
        };
        if leaves {
            return Ok(false);
        }
        match operator {
            Operator::Block { .. } | Operator::Loop { .. } | Operator::If { .. } => depth += 1,
            Operator::End if depth > 0 => depth -= 1,
            Operator::End => return Ok(trapped),
            _ => {}
        }
        trapped = matches!(operator, Operator::Unreachable);
    }
    bail!("a body without an end")
}

/// Where `body` calls one of `never_return`, from the first of its arguments that is a constant or a variable.
fn calls(module: &Module, body: &FunctionBody, never_return: &HashSet<u32>) -> anyhow::Result<Vec<Range<u64>>> {
    let mut reader = body.get_operators_reader()?;
    // Where the plain arguments start that stand directly before the next instruction.
    let mut plain: Vec<u64> = Vec::new();
    let mut found = Vec::new();
    while !reader.eof() {
        let (operator, start) = reader.read_with_offset()?;
        match operator {
            Operator::I32Const { .. }
            | Operator::I64Const { .. }
            | Operator::F64Const { .. }
            | Operator::F32Const { .. }
            | Operator::LocalGet { .. } => plain.push(start),
            Operator::Call { function_index } if never_return.contains(&function_index) => {
                let ty = module.functions[function_index as usize - module.imported];
                let arguments = module.types[ty].min(plain.len());
                let first = if arguments == 0 { start } else { plain[plain.len() - arguments] };
                found.push(first..reader.original_position());
                plain.clear();
            }
            _ => plain.clear(),
        }
    }
    Ok(found)
}

/// The section of relocations without those that lie in what is `gone`, which is in order.
fn kept_relocations(
    wasm: &[u8],
    relocations: &RelocSectionReader,
    code: u64,
    gone: &[Range<u64>],
) -> anyhow::Result<Vec<u8>> {
    let mut kept = Vec::new();
    let mut count = 0;
    let mut entries = relocations.entries().into_iter_with_offsets();
    let ends = relocations.range().end;
    let mut next = entries.next().transpose()?;
    while let Some((start, entry)) = next {
        next = entries.next().transpose()?;
        let end = next.as_ref().map_or(ends, |(start, _)| *start);
        let at = code + u64::from(entry.offset);
        let range = gone.partition_point(|range| range.end <= at);
        if gone.get(range).is_none_or(|range| at < range.start) {
            kept.extend_from_slice(&wasm[within(&(start..end))]);
            count += 1;
        }
    }
    let mut body = Vec::new();
    let name = "reloc.CODE";
    body.extend(crate::parts::leb(name.len()));
    body.extend(name.bytes());
    body.extend(crate::parts::leb(relocations.section_index() as usize));
    body.extend(crate::parts::leb(count));
    body.extend(kept);
    let mut section = vec![0];
    section.extend(crate::parts::leb(body.len()));
    section.extend(body);
    Ok(section)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parts::leb;

    fn section(id: u8, body: &[u8]) -> Vec<u8> {
        [&[id][..], &leb(body.len()), body].concat()
    }

    fn named(text: &str) -> Vec<u8> {
        [&leb(text.len())[..], text.as_bytes()].concat()
    }

    /// Two functions: one that ends in a trap, called `name`, and `run`, which calls itself, then that one with a
    /// constant. The last instruction of the first is the one given.
    fn module(name: &str, last: u8) -> Vec<u8> {
        let number = [0x80, 0x80, 0x80, 0x80, 0];
        let first = [0, last, 0x0b];
        let run = [&[0, 0x10, 0x81, 0x80, 0x80, 0x80, 0][..], &[0x41], &number, &[0x10], &number, &[0, 0x0b]].concat();
        let code = [&[2][..], &leb(first.len()), &first, &leb(run.len()), &run].concat();
        let symbols = [&[2, 0, 0, 0][..], &named(name), &[0, 0, 1], &named("_ZN3app3run17h0123456789abcdefE")].concat();
        let linking = [&named("linking")[..], &[2, 8], &leb(symbols.len()), &symbols].concat();
        // Both calls; the first function takes four bytes after the count, the second begins two bytes later.
        let relocations = [&named("reloc.CODE")[..], &[2, 2, 0, 8, 1, 0, 20, 0]].concat();
        [
            b"\0asm\x01\0\0\0".to_vec(),
            section(1, &[2, 0x60, 1, 0x7f, 0, 0x60, 0, 0]),
            section(3, &[2, 0, 1]),
            section(10, &code),
            section(0, &linking),
            section(0, &relocations),
        ]
        .concat()
    }

    const PANIC: &str = "_ZN4core9panicking5panic17h0123456789abcdefE";

    #[test]
    fn a_call_that_never_returns_becomes_a_trap() {
        let (slim, calls) = without_panic_messages(&module(PANIC, UNREACHABLE)).unwrap();
        assert_eq!(calls, 1);
        let read = read(&slim).unwrap();
        let run = read.bodies[1].as_bytes();
        assert_eq!(run[..7], [0, 0x10, 0x81, 0x80, 0x80, 0x80, 0], "the call of itself stays");
        assert_eq!(run[7..], [[UNREACHABLE].as_slice(), &[NOP; 11], &[UNREACHABLE, 0x0b]].concat());
        let (_, relocations) = read.relocations.unwrap();
        let offsets: Vec<u32> = relocations.entries().into_iter().map(|entry| entry.unwrap().offset).collect();
        assert_eq!(offsets, [8]);
    }

    #[test]
    fn what_may_return_or_is_not_of_std_is_called() {
        for (name, last) in [(PANIC, NOP), ("_ZN3app5panic17h0123456789abcdefE", UNREACHABLE)] {
            let before = module(name, last);
            let (after, calls) = without_panic_messages(&before).unwrap();
            assert_eq!((calls, after), (0, before));
        }
    }
}
