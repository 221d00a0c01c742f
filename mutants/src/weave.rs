//! Puts every mutant of a file into it, each behind a question whether it is the one that is asked for.
//!
//! `a < b` with two mutants becomes `(if on(7) { a <= b } else if on(8) { a > b } else { a < b })`. What a mutant's own
//! branch holds is the source as it is: only one mutant is ever on.

use proc_macro2::{LineColumn, Span};
use std::collections::BTreeMap;
use std::ops::Range;
use syn::spanned::Spanned;
use syn::visit::{self, Visit};

/// A mutant as `cargo mutants --list --json` names it.
#[derive(Clone, Debug)]
pub struct Mutant {
    pub id: usize,
    pub file: String,
    pub name: String,
    pub genre: String,
    pub replacement: String,
    /// Lines and columns from 1, the end behind its last character.
    pub start: (usize, usize),
    pub end: (usize, usize),
}

/// A file with mutants in it.
pub struct Woven {
    pub text: String,
    /// Where in `text` each mutant's branch is.
    pub branches: Vec<(usize, Range<usize>)>,
    /// Those that have no place where the program could ask: in constants, where a pattern stands in
    /// the condition, and for the whole value of a function that hides its type.
    pub left_out: Vec<usize>,
}

/// # Errors
/// The file is not Rust.
pub fn weave(source: &str, mutants: &[Mutant]) -> Result<Woven, String> {
    let tree = syn::parse_file(source).map_err(|why| why.to_string())?;
    let lines = line_starts(source);
    let mut weaver = Weaver {
        source,
        lines,
        mutants,
        sites: BTreeMap::new(),
        inserts: BTreeMap::new(),
        placed: Vec::new(),
        open: Vec::new(),
    };
    weaver.visit_file(&tree);
    let mut text = String::new();
    weaver.emit(0..source.len(), &mut text);
    let branches = mutants.iter().filter_map(|m| branch(&text, m.id).map(|range| (m.id, range))).collect();
    let left_out = mutants.iter().map(|m| m.id).filter(|id| !weaver.placed.contains(id)).collect();
    Ok(Woven { text, branches, left_out })
}

fn branch(text: &str, id: usize) -> Option<Range<usize>> {
    let from = text.find(&format!("/*<{id}>*/"))?;
    let to = text[from..].find(&format!("/*</{id}>*/"))?;
    Some(from..from + to)
}

/// Byte offset of each line.
fn line_starts(source: &str) -> Vec<usize> {
    std::iter::once(0).chain(source.match_indices('\n').map(|(at, _)| at + 1)).collect()
}

/// Start and end of an expression, in an order that has the outer before the inner.
type Site = (usize, std::cmp::Reverse<usize>);

struct Weaver<'a> {
    source: &'a str,
    lines: Vec<usize>,
    mutants: &'a [Mutant],
    /// Expressions with what each mutant makes of them.
    sites: BTreeMap<Site, Vec<(usize, String)>>,
    /// Text that goes in at a place: early returns, guards.
    inserts: BTreeMap<usize, String>,
    placed: Vec<usize>,
    /// Of each match that is being visited, whether it needs all of its arms.
    open: Vec<bool>,
}

impl Weaver<'_> {
    /// `column` counts characters from 0.
    fn offset(&self, line: usize, column: usize) -> usize {
        let from = self.lines[line - 1];
        self.source[from..].char_indices().nth(column).map_or(self.source.len(), |(at, _)| from + at)
    }

    fn at(&self, place: LineColumn) -> usize {
        self.offset(place.line, place.column)
    }

    fn range(&self, span: Span) -> Range<usize> {
        self.at(span.start())..self.at(span.end())
    }

    fn of(&self, mutant: &Mutant) -> Range<usize> {
        self.offset(mutant.start.0, mutant.start.1 - 1)..self.offset(mutant.end.0, mutant.end.1 - 1)
    }

    /// The mutants of this genre whose own span begins at `start`.
    fn found(&self, genre: &str, start: usize) -> Vec<Mutant> {
        let here = |m: &&Mutant| m.genre == genre && self.of(m).start == start;
        self.mutants.iter().filter(here).cloned().collect()
    }

    /// The mutants of a place inside an expression: each makes of it the expression with that place replaced.
    fn replace(&mut self, whole: Range<usize>, genre: &str, place: usize) {
        for mutant in self.found(genre, place) {
            let cut = self.of(&mutant);
            if cut.end > whole.end {
                continue;
            }
            let text =
                [&self.source[whole.start..cut.start], &mutant.replacement, &self.source[cut.end..whole.end]].concat();
            self.sites.entry((whole.start, std::cmp::Reverse(whole.end))).or_default().push((mutant.id, text));
            self.placed.push(mutant.id);
        }
    }

    fn insert(&mut self, at: usize, text: &str) {
        self.inserts.entry(at).or_default().push_str(text);
    }

    /// The source of a range with everything that is woven into it.
    fn emit(&self, range: Range<usize>, out: &mut String) {
        self.emit_inner(range, None, out);
    }

    fn emit_inner(&self, range: Range<usize>, done: Option<std::cmp::Reverse<usize>>, out: &mut String) {
        let mut at = range.start;
        // At the same start the outer comes first; `done` is the one that is being written.
        let mut limit = done;
        loop {
            let site = self
                .sites
                .range((at, std::cmp::Reverse(usize::MAX))..)
                .find(|((from, to), _)| to.0 <= range.end && (*from > at || limit.is_none_or(|done| *to > done)));
            let next = site.map_or(range.end, |((from, _), _)| *from);
            self.plain(at..next, done.is_some() && at == range.start, out);
            let Some(((from, to), all)) = site else { return };
            if let Some(text) = self.inserts.get(from)
                && !(done.is_some() && *from == range.start)
            {
                out.push_str(text);
            }
            out.push('(');
            for (id, text) in all {
                out.push_str(&format!("if crate::mutant::on({id}) {{ /*<{id}>*/ {text} /*</{id}>*/ }} else "));
            }
            out.push_str("{ ");
            self.emit_inner(*from..to.0, Some(*to), out);
            out.push_str(" })");
            at = to.0;
            limit = None;
            if at >= range.end {
                return;
            }
        }
    }

    /// Source without expressions that change, with what is inserted into it. What is inserted at its very beginning may
    /// have been written already.
    fn plain(&self, range: Range<usize>, begun: bool, out: &mut String) {
        let mut at = range.start;
        for (place, text) in self.inserts.range(range.clone()) {
            if *place == range.start && begun {
                continue;
            }
            out.push_str(&self.source[at..*place]);
            out.push_str(text);
            at = *place;
        }
        out.push_str(&self.source[at..range.end]);
    }
}

fn takes_all(pat: &syn::Pat) -> bool {
    match pat {
        syn::Pat::Wild(_) => true,
        syn::Pat::Ident(name) => {
            name.subpat.is_none() && name.ident.to_string().starts_with(|c: char| c.is_lowercase())
        }
        syn::Pat::Tuple(tuple) => tuple.elems.iter().all(takes_all),
        _ => false,
    }
}

fn quoted(ty: &syn::Type) -> String {
    quote::ToTokens::to_token_stream(ty).to_string()
}

fn is_test(attrs: &[syn::Attribute]) -> bool {
    attrs.iter().any(|attr| {
        attr.path().is_ident("cfg") && attr.meta.require_list().is_ok_and(|l| l.tokens.to_string().contains("test"))
    })
}

/// Whether a `let` stands in a condition, where nothing can be put around it.
fn has_let(expr: &syn::Expr) -> bool {
    match expr {
        syn::Expr::Let(_) => true,
        syn::Expr::Binary(b) => has_let(&b.left) || has_let(&b.right),
        _ => false,
    }
}

impl Weaver<'_> {
    fn body(&mut self, sig: &syn::Signature, block: &syn::Block) {
        if sig.constness.is_some() {
            return;
        }
        // One function has one type, also where it does not say which: `impl Trait` cannot return two.
        let hidden = |ty: &syn::Type| quoted(ty).contains("impl ");
        let hides = matches!(&sig.output, syn::ReturnType::Type(_, ty) if hidden(ty));
        if let Some(first) = block.stmts.first()
            && !hides
        {
            let at = self.at(first.span().start());
            for mutant in self.found("FnValue", at) {
                let Mutant { id, replacement, .. } = &mutant;
                self.insert(
                    at,
                    &format!("if crate::mutant::on({id}) {{ /*<{id}>*/ return {replacement} /*</{id}>*/; }}\n"),
                );
                self.placed.push(*id);
            }
        }
        visit::visit_block(self, block);
    }
}

impl<'ast> Visit<'ast> for Weaver<'_> {
    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        if !is_test(&item.attrs) {
            visit::visit_item_mod(self, item);
        }
    }
    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        if !is_test(&item.attrs) {
            self.body(&item.sig, &item.block);
        }
    }
    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        if !is_test(&item.attrs) {
            self.body(&item.sig, &item.block);
        }
    }
    fn visit_trait_item_fn(&mut self, item: &'ast syn::TraitItemFn) {
        if let Some(block) = &item.default {
            self.body(&item.sig, block);
        }
    }
    // What must be known when the program is built cannot ask anything when it runs.
    fn visit_item_const(&mut self, _: &'ast syn::ItemConst) {}
    fn visit_item_static(&mut self, _: &'ast syn::ItemStatic) {}
    fn visit_impl_item_const(&mut self, _: &'ast syn::ImplItemConst) {}
    fn visit_variant(&mut self, _: &'ast syn::Variant) {}
    fn visit_type(&mut self, _: &'ast syn::Type) {}
    fn visit_pat(&mut self, _: &'ast syn::Pat) {}
    fn visit_expr_const(&mut self, _: &'ast syn::ExprConst) {}
    fn visit_expr_repeat(&mut self, expr: &'ast syn::ExprRepeat) {
        self.visit_expr(&expr.expr);
    }

    fn visit_expr(&mut self, expr: &'ast syn::Expr) {
        let whole = self.range(expr.span());
        match expr {
            syn::Expr::Binary(b) if !has_let(expr) => {
                self.replace(whole, "BinaryOperator", self.at(b.op.span().start()))
            }
            syn::Expr::Unary(u) => self.replace(whole, "UnaryOperator", self.at(u.op.span().start())),
            syn::Expr::Struct(s) => {
                for field in &s.fields {
                    self.replace(whole.clone(), "StructField", self.at(field.span().start()));
                }
            }
            _ => {}
        }
        visit::visit_expr(self, expr);
    }

    fn visit_expr_match(&mut self, expr: &'ast syn::ExprMatch) {
        // Without an arm that takes everything, a match needs each of its arms.
        let open = !expr.arms.iter().any(|arm| arm.guard.is_none() && takes_all(&arm.pat));
        self.open.push(open);
        visit::visit_expr_match(self, expr);
        self.open.pop();
    }

    fn visit_arm(&mut self, arm: &'ast syn::Arm) {
        let mut gone = self.found("MatchArm", self.at(arm.span().start()));
        if self.open.last() == Some(&true) || arm.guard.is_none() && takes_all(&arm.pat) {
            gone.clear();
        }
        let asked: String =
            gone.iter().map(|m| format!("/*<{0}>*/ !crate::mutant::on({0}) /*</{0}>*/ ", m.id)).collect();
        match &arm.guard {
            Some((_, guard)) if !has_let(guard) => {
                let range = self.range(guard.span());
                self.replace(range.clone(), "MatchArmGuard", range.start);
                if !gone.is_empty() {
                    self.insert(range.start, &format!("{asked} && "));
                    self.placed.extend(gone.iter().map(|m| m.id));
                }
            }
            None if !gone.is_empty() => {
                self.insert(self.at(arm.pat.span().end()), &format!(" if {asked}"));
                self.placed.extend(gone.iter().map(|m| m.id));
            }
            _ => {}
        }
        visit::visit_arm(self, arm);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mutant(id: usize, genre: &str, replacement: &str, start: (usize, usize), end: (usize, usize)) -> Mutant {
        let (file, name) = ("f.rs".to_owned(), id.to_string());
        Mutant { id, file, name, genre: genre.to_owned(), replacement: replacement.to_owned(), start, end }
    }

    fn woven(source: &str, mutants: &[Mutant]) -> String {
        let text = weave(source, mutants).unwrap().text;
        let text = text.replace("crate::mutant::", "");
        let mut out = String::new();
        let mut rest = text.as_str();
        while let Some((before, after)) = rest.split_once("/*<") {
            out.push_str(before);
            rest = after.split_once("*/").unwrap().1;
        }
        (out + rest).split_whitespace().collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn inner_and_outer_are_asked_each() {
        let all = [
            mutant(0, "BinaryOperator", "-", (1, 27), (1, 28)),
            mutant(1, "BinaryOperator", ">", (1, 31), (1, 32)),
            mutant(2, "FnValue", "true", (1, 25), (1, 34)),
        ];
        assert_eq!(woven("fn f(a: u8) -> bool { /**/a + 1 < a }", &[]), "fn f(a: u8) -> bool { /**/a + 1 < a }");
        assert_eq!(
            woven("fn f(a: u8) -> bool   { a + 1 < 9 }", &all),
            "fn f(a: u8) -> bool { if on(2) { return true ; } (if on(1) { a + 1 > 9 } else { (if on(0) { a - 1 } else { a + 1 }) < 9 }) }"
        );
    }

    #[test]
    fn arms_get_guards_and_constants_are_left_alone() {
        let source = "const A: u8 = 1 + 2;\nfn f(a: u8) -> u8 { match a {\n1 => 2,\n2 if a > 1 => 3,\n_ => 4 } }";
        let all = [
            mutant(0, "BinaryOperator", "-", (1, 17), (1, 18)),
            mutant(1, "MatchArm", "", (3, 1), (3, 8)),
            mutant(2, "MatchArm", "", (4, 1), (4, 17)),
            mutant(3, "MatchArmGuard", "true", (4, 6), (4, 11)),
        ];
        assert_eq!(weave(source, &all).unwrap().left_out, [0]);
        assert_eq!(
            woven(source, &all),
            "const A: u8 = 1 + 2; fn f(a: u8) -> u8 { match a { 1 if !on(1) => 2, 2 if !on(2) && (if on(3) { true } else { a > 1 }) => 3, _ => 4 } }"
        );
    }
}
