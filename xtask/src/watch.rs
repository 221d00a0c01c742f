//! `cargo xtask serve`: the site on this machine, rebuilt when a file changes.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context, bail};

use crate::args::{Args, Misuse};
use crate::bundle::Kind;
use crate::offline::Keeping;
use crate::server::{Server, Site};
use crate::{paths, site};

/// What the site is made of.
const WATCHED: &[&str] =
    &["src", "sim/src", "press/src", "content", "style", "lab", "labs", "xtask/web", "Cargo.toml", "build.rs"];
const LOOK_EVERY: Duration = Duration::from_millis(400);

/// `cargo xtask serve [--port N] [--prefix /path/] [--dist | --offline]`
pub fn serve(args: &mut Args) -> anyhow::Result<()> {
    let (finished, offline) = (args.flag("--dist"), args.flag("--offline"));
    let port = args.option("--port")?.map(|text| parse_port(&text)).transpose()?;
    let prefix = args.option("--prefix")?;
    args.finish()?;
    if finished && offline {
        return Err(Misuse("--dist and --offline exclude each other; the finished site keeps itself".to_owned()).into());
    }
    // A page that is kept has to be the one that was built: no script that reloads it is put in.
    let keeping = if offline { Keeping::On } else { Keeping::Off };
    // The port first: a mistake in it should not cost the minutes of a build.
    let server = Server::bind(port, prefix)?;
    if finished { serve_dist(server) } else { serve_and_rebuild(server, keeping) }
}

fn parse_port(text: &str) -> anyhow::Result<u16> {
    match text.parse() {
        Ok(port) if port > 0 => Ok(port),
        _ => Err(Misuse(format!("--port {text}: expected a number from 1 to 65535")).into()),
    }
}

fn serve_dist(server: Server) -> anyhow::Result<()> {
    let dist = paths::dist();
    if !dist.join("build.json").exists() {
        bail!("there is no finished site in {}; make it with `cargo xtask dist`", dist.display());
    }
    let address = server.address()?;
    server.start(Site::new(dist, false));
    println!("Serving dist/ on {address} (stop with Ctrl-C)");
    loop {
        thread::park();
    }
}

fn serve_and_rebuild(server: Server, keeping: Keeping) -> anyhow::Result<()> {
    let mut seen = snapshot();
    let mut folders = Folders::default();
    let first = folders.next();
    let start = Instant::now();
    site::build(Kind::Dev, keeping, &first, None)?;
    let site = Site::new(first, keeping == Keeping::Off);
    let address = server.address()?;
    server.start(Arc::clone(&site));
    println!(
        "Built in {:.0} s. Serving on {address} and rebuilding on change (stop with Ctrl-C)",
        start.elapsed().as_secs_f64()
    );
    loop {
        thread::sleep(LOOK_EVERY);
        let now = snapshot();
        if now == seen {
            continue;
        }
        seen = now;
        let start = Instant::now();
        let next = folders.next();
        match site::build(Kind::Dev, keeping, &next, None) {
            Ok(()) => {
                site.replace(next);
                println!("Rebuilt in {:.1} s. Serving on {address}", start.elapsed().as_secs_f64());
            }
            Err(error) => {
                eprintln!("The change did not build; still serving what was there before. {error:#}");
                site.report(format!("{error:#}"));
            }
        }
    }
}

/// Two folders in turn, so that the one being served is never half-written.
#[derive(Default)]
struct Folders {
    turn: bool,
}

impl Folders {
    fn next(&mut self) -> PathBuf {
        self.turn = !self.turn;
        paths::target().join(if self.turn { "xtask/serve-a" } else { "xtask/serve-b" })
    }
}

/// Every watched file with the time it was last written, in order of path.
fn snapshot() -> Vec<(PathBuf, SystemTime)> {
    let mut files = Vec::new();
    for name in WATCHED {
        // A file that vanishes while we look shows up as a difference the next time.
        _ = collect(&paths::root().join(name), &mut files);
    }
    files.sort();
    files
}

fn collect(path: &Path, files: &mut Vec<(PathBuf, SystemTime)>) -> anyhow::Result<()> {
    let metadata = fs::metadata(path).with_context(|| format!("looking at {}", path.display()))?;
    if metadata.is_dir() {
        for entry in fs::read_dir(path)? {
            collect(&entry?.path(), files)?;
        }
    } else {
        files.push((path.to_owned(), metadata.modified()?));
    }
    Ok(())
}
