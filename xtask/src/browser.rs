//! The browsers for the tests: those that are there, or those from the distribution's archive.

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
    if let Some(path) = find(NAMES) {
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
    install(&["chromium", "fonts-dejavu-core"])?;
    match find(NAMES) {
        Some(path) => Ok(path),
        // Ubuntu's package is a stand-in for a snap, and containers have no snapd.
        None => bail!(
            "apt-get installed `chromium`, but it does not run (Ubuntu's is a snap); install Google Chrome's .deb, or set CHROMIUM to a Chromium that runs"
        ),
    }
}

/// An engine that the tests of `e2e/cross` run in beside Chromium.
struct Engine {
    /// As the tests call it.
    name: &'static str,
    /// Programs that must be there, each under one of its names.
    programs: &'static [&'static [&'static str]],
    /// Where Debian and Ubuntu have it.
    packages: &'static [&'static str],
    /// What to do elsewhere.
    elsewhere: &'static str,
}

const FIREFOX: &[&str] = &["firefox-esr", "firefox", "/Applications/Firefox.app/Contents/MacOS/firefox"];

const ENGINES: [Engine; 2] = [
    Engine {
        name: "firefox",
        programs: &[FIREFOX],
        packages: &["firefox-esr"],
        elsewhere: "install Firefox 140 or newer, and put `firefox` on PATH",
    },
    // It has no headless mode, and draws on a display of its own.
    Engine {
        name: "webkit",
        programs: &[&["WebKitWebDriver"], &["Xvfb"]],
        packages: &["webkit2gtk-driver", "xvfb"],
        elsewhere: "install WebKitGTK's WebKitWebDriver with its MiniBrowser, and Xvfb; there is neither for macOS nor for Windows",
    },
];

impl Engine {
    fn is_there(&self) -> bool {
        self.programs.iter().all(|names| find(names).is_some())
    }
}

/// What the tests of `e2e/cross` are told: the engines that are here, and where Firefox is.
pub struct Engines {
    pub names: String,
    pub firefox: Option<PathBuf>,
}

/// Finds the other engines; installs them on Debian and Ubuntu when we are root. Where one is missing all the same,
/// continuous integration fails, since "not tested" must not look like "passed"; a developer is told.
pub fn engines() -> anyhow::Result<Engines> {
    let missing = || ENGINES.iter().filter(|engine| !engine.is_there());
    let packages: Vec<&str> = missing().flat_map(|engine| engine.packages).copied().collect();
    let can_install = has_program("apt-get") && is_root();
    if can_install && !packages.is_empty() {
        install(&packages)?;
    }
    for Engine { name, packages, elsewhere, .. } in missing() {
        let how = match has_program("apt-get") {
            true => format!("run `apt-get install {}` as root", packages.join(" ")),
            false => (*elsewhere).to_owned(),
        };
        if env::var_os("CI").is_some() {
            bail!("the tests in {name} cannot run: it is not installed; {how}");
        }
        println!("NOT TESTED in {name}: it is not installed. To test in it, too, {how}.");
    }
    let names = ENGINES.iter().filter(|engine| engine.is_there()).map(|engine| engine.name);
    let names: Vec<&str> = std::iter::once("chromium").chain(names).collect();
    Ok(Engines { names: names.join(","), firefox: find(FIREFOX) })
}

fn install(packages: &[&str]) -> anyhow::Result<()> {
    step(&format!("apt-get install {}", packages.join(" ")), || {
        let apt = |args: &[&str]| run(Command::new("apt-get").env("DEBIAN_FRONTEND", "noninteractive").args(args));
        apt(&["update", "-qq"])?;
        apt(&[&["install", "-y", "-qq", "--no-install-recommends"], packages].concat())
    })
}

/// The first of these programs that is on PATH, or at its own path, and runs.
fn find(names: &[&str]) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    names
        .iter()
        .flat_map(|name| env::split_paths(&path).map(move |folder| folder.join(name)))
        .find(|candidate| candidate.exists() && works(candidate))
}

/// Ubuntu's stand-in exists and fails, so existing is not enough.
fn works(path: &PathBuf) -> bool {
    // These know no such word, and are no stand-ins.
    if path.ends_with("Xvfb") || path.ends_with("WebKitWebDriver") {
        return true;
    }
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
