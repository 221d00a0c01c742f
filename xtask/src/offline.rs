//! What makes the site work without a network and lets it be installed: the service worker with its list of files, the
//! module that registers it, the web app manifest and the icons.
//!
//! ```text
//! xtask/web/sw.js + every file that is kept, with its hash --> sw.js, or xtask/web/sw-off.js while developing
//! xtask/web/offline.js -------------------------------------> assets/offline-<hash>.js
//! xtask/web/icon-*.png -------------------------------------> assets/icon-*-<hash>.png
//! names, colours of style/tokens.css -----------------------> manifest.webmanifest
//! ```
//!
//! `sw.js` has the same name for ever and is never kept by hosts or browsers for long: it is how they learn of a new
//! version. The pictures are of `icon.svg`; `e2e/support/icons.js` makes them, and a test looks at them.

use std::fs;
use std::path::Path;

use anyhow::{Context, bail};

use crate::bundle::{Kind, write_hashed, write_module};
use crate::paths;
use crate::site::{File, hash_hex};

/// Whether the site's pages keep the site on the reader's device.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Keeping {
    On,
    /// As it is while developing: what an earlier site kept at the same address is removed.
    Off,
}

/// What pages name of all this.
pub struct Offline {
    /// The module in `assets/` that registers the worker.
    pub module: Option<String>,
    touch_icon: String,
    /// The page's colour, light and dark.
    paper: [String; 2],
}

const MANIFEST: &str = "manifest.webmanifest";

impl Offline {
    /// Writes everything but the worker, whose list has to be the last to be made. `icon` is the SVG's name in `assets/`.
    pub fn prepare(out: &Path, icon: &str, kind: Kind, keeping: Keeping) -> anyhow::Result<Self> {
        let assets = out.join("assets");
        let module = match keeping {
            Keeping::On => {
                let text = String::from_utf8(web("offline.js")?).context("xtask/web/offline.js is not UTF-8")?;
                Some(write_module(&assets, "offline", &text, kind)?)
            }
            Keeping::Off => None,
        };
        let picture = |stem: &str| write_hashed(&assets, stem, "png", &web(&format!("{stem}.png"))?);
        let pictures = Pictures {
            icon,
            small: &picture("icon-192")?,
            large: &picture("icon-512")?,
            maskable: &picture("icon-maskable-512")?,
        };
        let tokens = fs::read_to_string(paths::root().join("style/tokens.css")).context("reading style/tokens.css")?;
        let paper = papers(&tokens).context("style/tokens.css is expected to set --paper for light and for dark")?;
        fs::write(out.join(MANIFEST), manifest(&pictures, &paper[0])).context("writing the web app manifest")?;
        Ok(Self { module, touch_icon: picture("icon-touch-180")?, paper })
    }

    #[cfg(test)]
    pub fn for_tests(module: &str) -> Self {
        let paper = ["#fff", "#000"].map(str::to_owned);
        Self { module: Some(module.to_owned()), touch_icon: "icon-touch-1.png".to_owned(), paper }
    }

    /// What a page that can be installed says in its head.
    pub fn head(&self, root: &str) -> String {
        let Self { touch_icon, paper: [light, dark], .. } = self;
        format!(
            r#"
<link rel="manifest" href="{root}{MANIFEST}">
<link rel="apple-touch-icon" href="{root}assets/{touch_icon}">
<meta name="theme-color" content="{light}" media="(prefers-color-scheme: light)">
<meta name="theme-color" content="{dark}" media="(prefers-color-scheme: dark)">"#
        )
    }
}

fn web(name: &str) -> anyhow::Result<Vec<u8>> {
    fs::read(paths::root().join("xtask/web").join(name)).with_context(|| format!("reading xtask/web/{name}"))
}

/// The icons by their names in `assets/`.
struct Pictures<'a> {
    icon: &'a str,
    small: &'a str,
    large: &'a str,
    /// Filled to the edge, the drawing within the middle that every mask leaves.
    maskable: &'a str,
}

/// All addresses are relative to the manifest. Without an `id` the start page identifies the app, so copies of the site
/// below different paths of one host are different apps.
fn manifest(pictures: &Pictures, paper: &str) -> String {
    let icon = |name: &str, sizes: &str, kind: &str, purpose: &str| serde_json::json!({ "src": format!("assets/{name}"), "sizes": sizes, "type": kind, "purpose": purpose });
    let said = serde_json::json!({
        "name": "Breakable: backend interview questions",
        "short_name": "Breakable",
        "description": "Backend interview questions you can break: each with a simulation that runs in the browser.",
        "lang": "en",
        "start_url": "./",
        "scope": "./",
        "display": "standalone",
        "background_color": paper,
        "theme_color": paper,
        "categories": ["education", "developer"],
        "icons": [
            icon(pictures.icon, "any", "image/svg+xml", "any"),
            icon(pictures.small, "192x192", "image/png", "any"),
            icon(pictures.large, "512x512", "image/png", "any"),
            icon(pictures.maskable, "512x512", "image/png", "maskable"),
        ],
    });
    format!("{said:#}\n")
}

/// The page's colour, light and dark.
fn papers(tokens: &str) -> Option<[String; 2]> {
    let mut found = tokens.split("--paper:").skip(1).filter_map(|rest| Some(rest.split_once(';')?.0.trim().to_owned()));
    Some([found.next()?, found.next()?])
}

/// `sw.js` for a site of these files.
pub fn worker(out: &Path, files: &[File], keeping: Keeping) -> anyhow::Result<Vec<u8>> {
    if keeping == Keeping::Off {
        return web("sw-off.js");
    }
    let pages: Vec<String> = files
        .iter()
        .filter(|file| file.path.ends_with(".html"))
        .map(|file| fs::read_to_string(out.join(&file.path)).with_context(|| format!("reading {}", file.path)))
        .collect::<anyhow::Result<_>>()?;
    let kept: Vec<&File> = files.iter().filter(|file| is_kept(&file.path, &pages)).collect();
    let source = String::from_utf8(web("sw.js")?).context("xtask/web/sw.js is not UTF-8")?;
    filled(&source, &kept).map(String::into_bytes)
}

/// Whether a page needs this file without a network. What only others ask for is not kept: search engines, and the
/// pages elsewhere that show an embed or its poster. Nor what is for the host, which may not even serve it.
fn is_kept(path: &str, pages: &[String]) -> bool {
    match path.split_once('/') {
        Some(("posters", _)) => pages.iter().any(|page| page.contains(path)),
        Some(("hosting", _)) => false,
        _ => {
            !["sw.js", "_headers"].contains(&path) && ![".json", ".xml", ".d.ts"].iter().any(|end| path.ends_with(end))
        }
    }
}

const PLACE: &str = "SITE_FILES;";

/// The worker with its list. Its id changes with any file, and with the worker itself.
fn filled(source: &str, kept: &[&File]) -> anyhow::Result<String> {
    if source.matches(PLACE).count() != 1 {
        bail!("xtask/web/sw.js is expected to say `{PLACE}` once, where the list of files goes");
    }
    let list: Vec<String> =
        kept.iter().map(|file| serde_json::json!([file.path, file.sha256, file.bytes]).to_string()).collect();
    let list = list.join(",\n");
    let id = &hash_hex(format!("{source}{list}").as_bytes())[..12];
    let version = env!("CARGO_PKG_VERSION");
    let site = format!("{{ \"version\": \"{version}\", \"id\": \"{id}\", \"files\": [\n{list}\n] }};");
    Ok(source.replacen(PLACE, &site, 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, sha256: &str) -> File {
        File { path: path.to_owned(), bytes: 3, sha256: sha256.to_owned() }
    }

    #[test]
    fn what_a_page_needs_is_kept_and_the_rest_is_not() {
        let pages = ["<img src=\"./posters/a/one-narrow.svg\">".to_owned()];
        for path in
            ["index.html", "404.html", "q/a/index.html", "assets/x-1.wasm", "texts.txt", "posters/a/one-narrow.svg"]
        {
            assert!(is_kept(path, &pages), "{path}");
        }
        for path in
            ["posters/a/two.svg", "sitemap.xml", "sw.js", "oembed/a.json", "embed.d.ts", "_headers", "hosting/a"]
        {
            assert!(!is_kept(path, &pages), "{path}");
        }
    }

    #[test]
    fn the_id_of_a_version_is_that_of_its_files_and_of_the_worker() {
        let (a, b) = (file("index.html", "00"), file("index.html", "01"));
        let id = |source: &str, file: &File| {
            let text = filled(source, &[file]).unwrap();
            text.split_once("\"id\": \"").unwrap().1[..12].to_owned()
        };
        let source = "const SITE = SITE_FILES;";
        assert_eq!(id(source, &a), id(source, &a));
        assert_ne!(id(source, &a), id(source, &b));
        assert_ne!(id(source, &a), id("const SITE = SITE_FILES; more();", &a));
        assert!(filled("nothing", &[&a]).is_err());
    }

    #[test]
    fn the_manifest_names_the_icons_and_the_colour_of_the_page() {
        let tokens = ":root { --paper: #faf9f6; }\n@media (prefers-color-scheme: dark) { :root { --paper: #16171a; } }";
        let paper = papers(tokens).unwrap();
        assert_eq!(paper, ["#faf9f6", "#16171a"]);
        let pictures = Pictures { icon: "i.svg", small: "s.png", large: "l.png", maskable: "m.png" };
        let said: serde_json::Value = serde_json::from_str(&manifest(&pictures, &paper[0])).unwrap();
        assert_eq!(said["background_color"], "#faf9f6");
        assert_eq!(said["start_url"], "./");
        assert_eq!(said["icons"][3]["purpose"], "maskable");
        assert_eq!(said["icons"][3]["src"], "assets/m.png");
    }
}
