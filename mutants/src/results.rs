//! What came out of each mutant.

use crate::asked::STAGES;
use crate::weave::Mutant;
use crate::{Outcome, block, write};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// What is said of a mutant that nobody has noticed, and of one that the questions have not been asked about yet.
pub const SURVIVED: &str = "survived";
pub const OPEN: &str = "open";

const EXPLAINED: &str = include_str!("../explained.txt");

/// The reasons of `explained.txt`, each with the parts of names that it is about.
fn reasons() -> Vec<(String, Vec<&'static str>)> {
    let mut reasons: Vec<(String, Vec<&str>)> = Vec::new();
    for line in EXPLAINED.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        match (line.strip_prefix(": "), reasons.last_mut()) {
            (Some(more), Some((reason, names))) if names.is_empty() => *reason += &format!(" {more}"),
            (Some(reason), _) => reasons.push((reason.to_owned(), Vec::new())),
            (None, Some((_, names))) => names.push(line),
            (None, None) => {}
        }
    }
    reasons
}

/// Which of the reasons is this mutant's.
fn reason(name: &str) -> Option<usize> {
    reasons().iter().position(|(_, parts)| parts.iter().any(|part| name.contains(part)))
}

pub fn is_explained(mutant: &Mutant) -> bool {
    reason(&mutant.name).is_some()
}

/// What came out, by the mutants' names; a file with a line each.
pub struct Results {
    path: PathBuf,
    of: BTreeMap<String, String>,
}

impl Results {
    pub fn read(path: &Path) -> Results {
        let text = fs::read_to_string(path).unwrap_or_default();
        let of = text.lines().filter_map(|l| l.split_once('\t')).map(|(o, n)| (n.to_owned(), o.to_owned())).collect();
        Results { path: path.to_owned(), of }
    }

    /// What is still to be tried: survivors too, for there may be a test for them by now, but last.
    pub fn left<'a>(&self, mutants: &'a [Mutant]) -> Vec<&'a Mutant> {
        let rank = |m: &&Mutant| match self.of.get(&m.name).map(String::as_str) {
            None => Some(0),
            Some(OPEN) => Some(1),
            Some(SURVIVED) => Some(2),
            Some(_) => None,
        };
        let mut left: Vec<&Mutant> = mutants.iter().filter(|m| rank(m).is_some()).collect();
        left.sort_by_key(rank);
        left
    }

    pub fn is(&self, name: &str, outcome: &str) -> bool {
        self.of.get(name).is_some_and(|o| o == outcome)
    }

    pub fn put(&mut self, name: &str, outcome: &str) -> Outcome<()> {
        self.of.insert(name.to_owned(), outcome.to_owned());
        let text: String = self.of.iter().map(|(name, outcome)| format!("{outcome}\t{name}\n")).collect();
        // Whoever is ended here, or reads it meanwhile, finds all of it.
        let beside = self.path.with_extension("new");
        write(&beside, &text)?;
        fs::rename(&beside, &self.path).map_err(|why| format!("{}: {why}", self.path.display()))
    }

    /// The column in which a mutant is counted.
    fn column(&self, m: &Mutant) -> &str {
        match self.of.get(&m.name).map_or("", String::as_str) {
            SURVIVED if is_explained(m) => "explained",
            SURVIVED => "unexplained",
            "unviable" => "do not compile",
            other => other,
        }
    }

    /// The table of RELIABILITY.md, how many survivors each reason explains, and those without one.
    pub fn markdown(&self, mutants: &[Mutant]) -> String {
        let tried = STAGES.into_iter().chain(["explained", "unexplained", OPEN]);
        let columns: Vec<&str> = tried.clone().chain(["do not compile", "left out"]).collect();
        let heads = ["block", "mutants", "tried"].into_iter().chain(columns.iter().copied());
        let mut text =
            format!("| {} |\n|---|{}\n", heads.collect::<Vec<_>>().join(" | "), "--:|".repeat(columns.len() + 2));
        let row = |name: &str, here: &[&Mutant]| {
            let count = |column: &str| here.iter().filter(|m| self.column(m) == column).count();
            let sums = [here.len(), tried.clone().map(count).sum()];
            let cells = sums.into_iter().chain(columns.iter().map(|column| count(column)));
            format!("| {name} | {} |\n", cells.map(|n| n.to_string()).collect::<Vec<_>>().join(" | "))
        };
        for name in mutants.iter().map(block).collect::<BTreeSet<_>>() {
            text.push_str(&row(name, &mutants.iter().filter(|m| block(m) == name).collect::<Vec<_>>()));
        }
        text.push_str(&row("all", &mutants.iter().collect::<Vec<_>>()));
        text.push('\n');
        for (at, (why, _)) in reasons().iter().enumerate() {
            let here = mutants.iter().filter(|m| self.column(m) == "explained" && reason(&m.name) == Some(at));
            text.push_str(&format!("- {}: {why}\n", here.count()));
        }
        let left = mutants.iter().filter(|m| self.column(m) == "unexplained");
        text.extend(left.map(|m| format!("\n- {}", m.name)));
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_has_names_and_every_name_a_reason() {
        let all = reasons();
        assert!(!all.is_empty() && all.iter().all(|(why, names)| why.ends_with('.') && !names.is_empty()));
        let names: Vec<&str> = all.iter().flat_map(|(_, names)| names.iter().copied()).collect();
        assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len(), "none is there twice");
        assert_eq!(reason("sim/src/blocks/x.rs:1:2: replace X::weight -> usize with 0"), Some(0));
        assert_eq!(reason("sim/src/blocks/x.rs:1:2: replace X::wait -> usize with 0"), None);
    }
}
