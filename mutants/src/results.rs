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
        write(&self.path, &text)
    }

    /// The table of RELIABILITY.md, and the survivors.
    pub fn markdown(&self, mutants: &[Mutant]) -> String {
        let outcomes: Vec<&str> = STAGES.into_iter().chain([SURVIVED, OPEN, "unviable", "left out"]).collect();
        let heads = ["block", "mutants", "tried"].into_iter().chain(STAGES).chain([
            SURVIVED,
            OPEN,
            "do not compile",
            "left out",
        ]);
        let heads: Vec<&str> = heads.collect();
        let mut text = format!("| {} |\n|---|{}\n", heads.join(" | "), "--:|".repeat(heads.len() - 1));
        let row = |name: &str, here: &[&Mutant]| {
            let counts = outcomes.iter().map(|what| here.iter().filter(|m| self.is(&m.name, what)).count());
            let counts: Vec<usize> = counts.collect();
            let tried = counts[..STAGES.len() + 2].iter().sum();
            let cells: Vec<String> = [here.len(), tried].iter().chain(&counts).map(usize::to_string).collect();
            format!("| {name} | {} |\n", cells.join(" | "))
        };
        for name in mutants.iter().map(block).collect::<BTreeSet<_>>() {
            text.push_str(&row(name, &mutants.iter().filter(|m| block(m) == name).collect::<Vec<_>>()));
        }
        text.push_str(&row("all", &mutants.iter().collect::<Vec<_>>()));
        text.extend(mutants.iter().filter(|m| self.is(&m.name, SURVIVED)).map(|m| format!("\n- {}", m.name)));
        text
    }
}
