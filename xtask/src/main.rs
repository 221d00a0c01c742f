//! The project's commands: `cargo xtask <command>`.
//!
//! Needs rustup with a stable toolchain, Node and a C compiler. Everything else is fetched on first
//! use, from crates.io, npm and (browser tests only) the distribution's package archive.

mod args;
mod audit;
mod bench;
mod browser;
mod bundle;
mod embed;
mod headers;
mod inspect;
mod lab;
mod merge;
mod monkey;
mod native;
mod node;
mod offline;
mod parts;
mod paths;
mod reliability;
mod results;
mod scaffold;
mod server;
mod shell;
mod site;
mod sizes;
mod slim;
mod step;
mod test;
mod watch;

use std::process::ExitCode;

use args::Args;

/// One line of the command table.
struct Command {
    name: &'static str,
    /// What may follow the name, as shown in the help.
    usage: &'static str,
    about: &'static str,
    run: fn(&mut Args) -> anyhow::Result<()>,
}

/// Every command there is. The help is printed from this table.
const COMMANDS: &[Command] = &[
    Command {
        name: "serve",
        usage: "[--port N] [--prefix /path/] [--dist | --offline]",
        about: "build, serve on http://127.0.0.1:8080, rebuild on change; --dist serves the finished site as it is, --offline \
                a quick one that keeps itself on the device",
        run: watch::serve,
    },
    Command {
        name: "build",
        usage: "[--release]",
        about: "build the browser bundle alone and say how big it is",
        run: bundle::command,
    },
    Command {
        name: "labs",
        usage: "",
        about: "build the labs alone, what a page fetches when a lab is opened, and say how big they are",
        run: lab::command,
    },
    Command {
        name: "dist",
        usage: "[--url https://host/path/]",
        about: "make the whole static site in dist/; --url fills in the addresses of sitemap.xml",
        run: site::command,
    },
    Command {
        name: "test",
        usage: "[--native | --browser]",
        about: "check everything; --native leaves out the browser, --browser runs the site's tests only",
        run: test::command,
    },
    Command {
        name: "bench",
        usage: "[--quick] [--rounds N] [--only PART[,PART]]",
        about: "measure engine and pages and write BENCHMARKS.md; parts: queue, topology, seek, frames, embeds, load, and by \
                name only minute",
        run: bench::command,
    },
    Command {
        name: "audit",
        usage: "",
        about: "hold the dependencies against deny.toml and the known advisories; installs cargo-deny when it is missing",
        run: audit::command,
    },
    Command {
        name: "monkey",
        usage: "[--minutes N] [--question slug] [--seed S] [--jobs N]",
        about: "random hands on the finished site, question by question; what they find is found again from its seed",
        run: monkey::command,
    },
    Command {
        name: "sizes",
        usage: "[--of compiled.wasm] [--part NAME] [--functions N]",
        about: "say where the bytes of the app are, by part, crate and function; writes docs/SIZES.md",
        run: sizes::command,
    },
    Command {
        name: "fuzz",
        usage: "[NAME] [--cases N]",
        about: "a million cases for each reader of links, messages, articles, files and labs; RELIABILITY.md has the last results",
        run: reliability::fuzz,
    },
    Command {
        name: "seeds",
        usage: "[SLUG] [--seeds N] [--into FILE]",
        about: "every experiment at the seeds 1 to 1000, as a table; goes on where it was ended",
        run: reliability::seeds,
    },
    Command {
        name: "soak",
        usage: "[SLUG] [--for 86400s] [--once]",
        about: "a simulated day of each question: memory, laws, and the same digest twice",
        run: reliability::soak,
    },
    Command {
        name: "mutants",
        usage: "[BLOCK...]",
        about: "which changes of the blocks no test notices; needs cargo-mutants, goes on where it was ended",
        run: reliability::mutants,
    },
    Command {
        name: "new-question",
        usage: "<slug>",
        about: "the three files of a new question and its lines in the lists; it works as it is",
        run: scaffold::command,
    },
    Command { name: "help", usage: "", about: "print this list", run: help },
];

fn main() -> ExitCode {
    let mut words = std::env::args().skip(1);
    let name = words.next().unwrap_or_else(|| "help".to_owned());
    let name = if matches!(name.as_str(), "-h" | "--help") { "help".to_owned() } else { name };
    let Some(command) = COMMANDS.iter().find(|command| command.name == name) else {
        let known: Vec<&str> = COMMANDS.iter().map(|command| command.name).collect();
        eprintln!("xtask: there is no command `{name}`; expected one of: {}", known.join(", "));
        return ExitCode::from(2);
    };
    let mut args = Args::new(words.collect());
    match (command.run)(&mut args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask {name}: {error:#}");
            if error.is::<args::Misuse>() {
                eprintln!("usage: cargo xtask {} {}", command.name, command.usage);
                return ExitCode::from(2);
            }
            ExitCode::FAILURE
        }
    }
}

fn help(args: &mut Args) -> anyhow::Result<()> {
    args.finish()?;
    println!("Commands of this project: cargo xtask <command>\n");
    for command in COMMANDS {
        println!("  {} {}", command.name, command.usage);
        println!("      {}", command.about);
    }
    Ok(())
}
