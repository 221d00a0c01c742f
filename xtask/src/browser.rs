//! The browser for the tests: one that is there, or one from the distribution's archive.

use std::env;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::bail;

use crate::step::{output, run, step};

/// Programs that Playwright can drive as Chromium, best first.
const NAMES: &[&str] = &["chromium", "chromium-browser", "google-chrome-stable", "google-chrome"];

/// Where a Chromium is; installs it on Debian and Ubuntu when we are root.
pub fn ensure() -> anyhow::Result<PathBuf> {
    if let Some(named) = env::var_os("CHROMIUM") {
        let path = PathBuf::from(named);
        if works(&path) {
            return Ok(path);
        }
        bail!("CHROMIUM names {}, which does not run; expected the path of a Chromium or Chrome", path.display());
    }
    if let Some(path) = find() {
        return Ok(path);
    }
    let has_apt = has_program("apt-get");
    if !has_apt || !is_root() {
        let how = if has_apt {
            "run `apt-get install chromium` as root"
        } else {
            "install Chromium or Chrome with your system's package manager"
        };
        bail!("the browser tests need Chromium and there is none on PATH: {how}, or set CHROMIUM to its path");
    }
    step("apt-get install chromium", || {
        let apt = |args: &[&str]| run(Command::new("apt-get").env("DEBIAN_FRONTEND", "noninteractive").args(args));
        apt(&["update", "-qq"])?;
        apt(&["install", "-y", "-qq", "--no-install-recommends", "chromium", "fonts-dejavu-core"])
    })?;
    match find() {
        Some(path) => Ok(path),
        // Ubuntu's package is a stand-in for a snap, and containers have no snapd.
        None => bail!(
            "apt-get installed `chromium`, but it does not run (Ubuntu's is a snap); install Google Chrome's .deb, or set CHROMIUM to a Chromium that runs"
        ),
    }
}

fn find() -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    NAMES
        .iter()
        .flat_map(|name| env::split_paths(&path).map(move |folder| folder.join(name)))
        .find(|candidate| candidate.exists() && works(candidate))
}

/// Ubuntu's stand-in exists and fails, so existing is not enough.
fn works(path: &PathBuf) -> bool {
    Command::new(path)
        .arg("--version")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

fn has_program(name: &str) -> bool {
    env::var_os("PATH").is_some_and(|path| env::split_paths(&path).any(|folder| folder.join(name).exists()))
}

fn is_root() -> bool {
    output(Command::new("id").arg("-u")).is_ok_and(|id| id.trim() == "0")
}
