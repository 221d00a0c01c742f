//! The browser, driven by `e2e/bench/driver.js`: one line of JSON there, one back.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::paths;

/// Longer than anything that is asked for takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(150);

pub struct Driver {
    child: Child,
    stdin: Option<ChildStdin>,
    lines: Receiver<String>,
}

#[derive(Deserialize)]
enum Answer {
    #[serde(rename = "ok")]
    Ok(Value),
    #[serde(rename = "error")]
    Error(String),
}

impl Driver {
    pub fn start(chromium: &Path) -> anyhow::Result<Driver> {
        let mut child = Command::new("node")
            .arg(paths::e2e().join("bench/driver.js"))
            .env("CHROMIUM", chromium)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("could not start Node")?;
        let stdin = child.stdin.take();
        let stdout = child.stdout.take().context("the driver has no output")?;
        let (sender, lines) = channel();
        thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        Ok(Driver { child, stdin, lines })
    }

    /// The outer error means that this driver is of no more use, the inner one that it could not do what was asked.
    pub fn ask<T: DeserializeOwned>(&mut self, what: &Value) -> anyhow::Result<anyhow::Result<T>> {
        let stdin = self.stdin.as_mut().context("the driver hears nothing more")?;
        writeln!(stdin, "{what}").context("the driver has gone away")?;
        let line =
            self.lines.recv_timeout(PATIENCE).map_err(|error| anyhow!("the browser does not answer: {error}"))?;
        let answer = serde_json::from_str(&line).with_context(|| format!("understanding {line}"))?;
        Ok(match answer {
            Answer::Ok(value) => serde_json::from_value(value).context("understanding what the browser measured"),
            Answer::Error(error) => Err(anyhow!("in the browser: {error}")),
        })
    }

    /// Lets it close its browser; one that does not is ended.
    fn end(&mut self) -> anyhow::Result<()> {
        self.stdin = None;
        for _ in 0..50 {
            if self.child.try_wait()?.is_some() {
                return Ok(());
            }
            thread::sleep(Duration::from_millis(100));
        }
        self.child.kill()?;
        self.child.wait()?;
        bail!("the driver did not end by itself")
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        if let Err(error) = self.end() {
            eprintln!("    {error:#}");
        }
    }
}
