//! What the parts share: programs that are built once, a browser that is started when it is first asked for.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use anyhow::Context;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::browser_side::Driver;
use crate::server::{Server, Site};
use crate::step::{cargo, output, run, step};
use crate::{browser, bundle, node, paths, site};

pub struct Session {
    /// How often the contestants take turns.
    pub rounds: usize,
    /// Shorter everywhere, for a look.
    pub quick: bool,
    chromium: PathBuf,
    driver: Option<Driver>,
    native: Option<PathBuf>,
    wasm: Option<(PathBuf, String)>,
    site: Option<String>,
}

/// One timed run.
#[derive(Deserialize)]
pub struct Timed {
    pub ms: f64,
    /// What the run came to: a mean wait in seconds, or a number of events.
    pub value: f64,
}

impl Session {
    pub fn new(rounds: usize, quick: bool) -> anyhow::Result<Self> {
        node::ensure_packages()?;
        let chromium = browser::ensure()?;
        Ok(Session { rounds, quick, chromium, driver: None, native: None, wasm: None, site: None })
    }

    /// How it was measured, for the line under a title.
    pub fn note(&self) -> String {
        format!("{} rounds{}", self.rounds, if self.quick { ", --quick" } else { "" })
    }

    /// Something measured in the browser. One that hangs is replaced.
    pub fn ask<T: DeserializeOwned>(&mut self, what: &Value) -> anyhow::Result<T> {
        let driver = match &mut self.driver {
            Some(driver) => driver,
            none => none.insert(Driver::start(&self.chromium)?),
        };
        driver.ask(what).unwrap_or_else(|broken| {
            self.driver = None;
            Err(broken)
        })
    }

    /// The folder of the native programs `bench-native` and `sim`, both as fast as they get.
    fn native(&mut self) -> anyhow::Result<&Path> {
        if self.native.is_none() {
            step("cargo: bench and the runner, native", || {
                run(&mut cargo(["build", "-p", "bench", "-p", "sim", "--bins", "--profile", "native"]))
            })?;
            self.native = Some(paths::target().join("native"));
        }
        self.native.as_deref().context("no native programs")
    }

    /// Runs one of them and understands the JSON that it prints.
    pub fn told<T: DeserializeOwned>(&mut self, program: &str, words: &[&str]) -> anyhow::Result<T> {
        let path = self.native()?.join(format!("{program}{}", env::consts::EXE_SUFFIX));
        understood(Command::new(path).args(words))
    }

    /// The folder of the engine as wasm, and its address.
    pub fn wasm(&mut self) -> anyhow::Result<(PathBuf, String)> {
        if self.wasm.is_none() {
            let folder = paths::target().join("xtask/bench");
            bundle::build_bench(&folder)?;
            fs::copy(paths::e2e().join("bench/bench.html"), folder.join("index.html")).context("copying bench.html")?;
            let address = serve(folder.clone())?;
            self.wasm = Some((folder, address));
        }
        self.wasm.clone().context("no engine")
    }

    /// The address of the finished site, which is made if there is none.
    pub fn site(&mut self) -> anyhow::Result<String> {
        if self.site.is_none() {
            if !paths::dist().join("build.json").exists() {
                site::build_dist(None)?;
            }
            self.site = Some(serve(paths::dist())?);
        }
        self.site.clone().context("no site")
    }

    /// One timed run under Node.
    pub fn under_node(&mut self, which: &str, amount: &str, seed: &str) -> anyhow::Result<Timed> {
        let (folder, _) = self.wasm()?;
        let script = paths::e2e().join("bench/node.js");
        understood(Command::new("node").arg(script).args([which, amount, seed]).arg(folder))
    }

    /// One timed run in Chromium.
    pub fn in_chromium(&mut self, which: &str, amount: u32, seed: usize) -> anyhow::Result<Timed> {
        let (_, address) = self.wasm()?;
        let what =
            serde_json::json!({"do": "engine", "address": address, "which": which, "amount": amount, "seed": seed});
        self.ask(&what)
    }
}

fn serve(folder: PathBuf) -> anyhow::Result<String> {
    let server = Server::bind(None, None)?;
    let address = server.address()?;
    server.start(Site::new(folder, false));
    Ok(address)
}

/// Runs a program and understands the JSON that it prints.
pub fn understood<T: DeserializeOwned>(command: &mut Command) -> anyhow::Result<T> {
    let printed = output(command)?;
    serde_json::from_str(&printed).with_context(|| format!("understanding what was printed: {printed}"))
}
