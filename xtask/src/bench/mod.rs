//! `cargo xtask bench`: how fast the engine and the pages are, written into `BENCHMARKS.md`.
//!
//! Milliseconds differ from machine to machine and from minute to minute; two programs that take turns on the
//! same machine meet the same weather, so the ratio of their medians says something.
//!
//! Each part is measured by itself. One that fails says so in the report, the rest goes on, and the command fails at
//! the end. What is measured alone (`--only`) leaves the other parts of the report as they were.

mod browser_side;
mod contest;
mod document;
mod machine;
mod pages;
mod session;
mod statistics;

use std::fs;

use anyhow::{Context, bail};

use crate::args::{Args, Misuse};
use crate::paths;
use session::Session;

/// One section of the report and how to measure it.
struct Part {
    /// After `--only`, and in the markers around the section.
    name: &'static str,
    title: &'static str,
    measure: fn(&mut Session) -> anyhow::Result<Section>,
    /// Whether `cargo xtask bench` measures it without being asked.
    always: bool,
}

/// The text of a section, and what in it should not have been.
struct Section {
    text: String,
    breaches: Vec<String>,
}

impl From<String> for Section {
    fn from(text: String) -> Self {
        Section { text, breaches: Vec::new() }
    }
}

/// In the order of the report.
const PARTS: &[Part] = &[
    Part { name: "queue", title: "A queue of a million customers", measure: contest::queue, always: true },
    Part { name: "topology", title: "A million requests a minute", measure: contest::topology, always: true },
    Part { name: "seek", title: "Seeking, and what checkpoints cost", measure: contest::seek, always: true },
    Part { name: "frames", title: "Frames of every question", measure: pages::frames, always: true },
    Part { name: "minute", title: "A minute of every question", measure: pages::minute, always: false },
    Part { name: "embeds", title: "Ten embeds in a post", measure: pages::embeds, always: true },
    Part {
        name: "load",
        title: "What a first visit weighs, and how long it takes",
        measure: pages::load,
        always: true,
    },
];

const ROUNDS_DEFAULT: usize = 7;
const ROUNDS_QUICK: usize = 3;

/// `cargo xtask bench [--quick] [--rounds N] [--only PART[,PART]]`
pub fn command(args: &mut Args) -> anyhow::Result<()> {
    let quick = args.flag("--quick");
    let rounds = match args.option("--rounds")? {
        None if quick => ROUNDS_QUICK,
        None => ROUNDS_DEFAULT,
        Some(text) => match text.parse() {
            Ok(rounds) if (1..=99).contains(&rounds) => rounds,
            _ => return Err(Misuse(format!("--rounds {text}: expected a number from 1 to 99")).into()),
        },
    };
    let only = args.option("--only")?;
    args.finish()?;
    let parts = chosen(only.as_deref())?;
    let mut session = Session::new(rounds, quick)?;
    let machine = machine::describe();
    let path = paths::root().join("BENCHMARKS.md");
    let mut problems = Vec::new();
    for part in parts {
        eprintln!("==> {}", part.title);
        let begun = std::time::Instant::now();
        let text = match (part.measure)(&mut session) {
            Ok(Section { text, breaches }) => {
                problems.extend(breaches.into_iter().map(|breach| format!("{}: {breach}", part.name)));
                text
            }
            Err(error) => {
                problems.push(format!("{}: {error:#}", part.name));
                format!("This part could not be measured: {error:#}.\n")
            }
        };
        let note = session.note();
        let section = format!("## {}\n\n{}\n{text}", part.title, machine.line(&note));
        // After each part, so that what has been measured is there whatever happens next.
        let before = fs::read_to_string(&path).unwrap_or_default();
        let report = document::with_section(&before, &machine.head(), part.name, &section, &order());
        fs::write(&path, report).context("writing BENCHMARKS.md")?;
        eprintln!("    {}: {:.0} s", part.name, begun.elapsed().as_secs_f64());
    }
    eprintln!("the report: {}", path.display());
    if problems.is_empty() { Ok(()) } else { bail!("{}", problems.join("\n")) }
}

fn order() -> Vec<&'static str> {
    PARTS.iter().map(|part| part.name).collect()
}

fn chosen(only: Option<&str>) -> anyhow::Result<Vec<&'static Part>> {
    let Some(only) = only else {
        return Ok(PARTS.iter().filter(|part| part.always).collect());
    };
    only.split(',')
        .map(|name| {
            PARTS.iter().find(|part| part.name == name).ok_or_else(|| {
                Misuse(format!("--only {name}: expected one or some of {}, with commas", order().join(", "))).into()
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::chosen;

    #[test]
    fn parts_are_chosen_by_name_and_long_ones_only_so() {
        let names = |only| chosen(only).unwrap().iter().map(|part| part.name).collect::<Vec<_>>();
        assert_eq!(names(Some("seek,minute")), ["seek", "minute"]);
        assert!(names(None).contains(&"queue") && !names(None).contains(&"minute"));
        assert!(chosen(Some("speed")).err().unwrap().to_string().contains("queue, topology"));
    }
}
