//! The static site: the bundle, every route prerendered, the texts to search in, the posters, and the list of it all.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::args::{Args, Misuse};
use crate::bundle::{self, Bundle, Kind};
use crate::offline::{self, Keeping, Offline};
use crate::shell::{self, Page};
use crate::step::{run, step};
use crate::{embed, headers, inspect, lab, native, paths, results};

/// What `src/bin/prerender.rs` writes into `routes.json` for one route.
#[derive(Deserialize)]
struct Route {
    path: String,
    title: String,
    description: String,
    html: String,
    /// Whether the page belongs into the sitemap.
    listed: bool,
}

/// One file in `build.json`.
#[derive(Serialize)]
pub struct File {
    pub path: String,
    pub bytes: u64,
    pub sha256: String,
}

/// The route that static hosts show for addresses that do not exist.
const NOT_FOUND: &str = "/404.html";

/// `cargo xtask dist [--url URL]`
pub fn command(args: &mut Args) -> anyhow::Result<()> {
    let url = args.option("--url")?.map(|url| site_url(&url)).transpose()?;
    args.finish()?;
    build_dist(url.as_deref())
}

/// Checks the address the site will have; returns it with a slash at its end.
fn site_url(url: &str) -> anyhow::Result<String> {
    let host = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://")).unwrap_or_default();
    if host.is_empty() || url.contains(['?', '#', ' ', '"', '<', '&']) {
        return Err(Misuse(format!("--url {url}: expected an address such as https://example.org/breakable/")).into());
    }
    Ok(if url.ends_with('/') { url.to_owned() } else { format!("{url}/") })
}

/// Makes `dist/`. The old one stays until the new one is complete.
pub fn build_dist(url: Option<&str>) -> anyhow::Result<()> {
    let next = paths::target().join("xtask/dist-next");
    build(Kind::Release, Keeping::On, &next, url)?;
    let dist = paths::dist();
    if dist.exists() {
        fs::remove_dir_all(&dist).context("removing the old dist/")?;
    }
    // The target folder may lie on another file system, where renaming does not reach.
    if fs::rename(&next, &dist).is_err() {
        bundle::copy_tree(&next, &dist)?;
    }
    let files: Vec<PathBuf> = list_files(&dist)?;
    eprintln!(
        "dist/ is complete: {} files. Any static file server will do; `cargo xtask serve --dist` is one.",
        files.len()
    );
    Ok(())
}

/// Makes the site in `out`, which is emptied first.
pub fn build(kind: Kind, keeping: Keeping, out: &Path, url: Option<&str>) -> anyhow::Result<()> {
    if out.exists() {
        fs::remove_dir_all(out).with_context(|| format!("emptying {}", out.display()))?;
    }
    fs::create_dir_all(out)?;
    let bundle = bundle::build(kind, out)?;
    let lab = lab::build(&out.join("assets"))?;
    let offline = Offline::prepare(out, &bundle.icon, kind, keeping)?;
    let prerender = native::prerender()?;
    // A rebuild while somebody writes does not wait for half a minute of measuring: the page then says what is missing.
    let results = match kind {
        Kind::Release => Some(results::fresh()?),
        Kind::Dev => results::if_fresh()?,
    };
    step("prerender", || {
        let staging = paths::target().join("xtask/prerender");
        bundle::empty(&staging)?;
        let style = staging.join("poster.css");
        fs::write(&style, bundle::style_of(&["tokens.css", "draw.css"])?)?;
        run(Command::new(prerender).arg(&staging).arg(&style).args(results).current_dir(paths::root()))?;
        let routes = fs::read(staging.join("routes.json")).context("reading what prerender wrote")?;
        let routes: Vec<Route> = serde_json::from_slice(&routes).context("understanding routes.json")?;
        write_pages(&routes, &Made { bundle: &bundle, lab: &lab, offline: &offline }, out, url)?;
        bundle::copy_tree(&staging.join("posters"), &out.join("posters"))?;
        fs::copy(staging.join("texts.txt"), out.join("texts.txt")).context("copying the texts for the search")?;
        embed::write(&staging, out, kind, url)?;
        write_code(&out.join("code"))?;
        headers::write(out, url)?;
        fs::write(out.join("sitemap.xml"), sitemap(&routes, url))?;
        write_manifest(out, keeping)
    })?;
    match kind {
        Kind::Release => step("looking at every file as an auditor would", || inspect::inspect(out, url)),
        Kind::Dev => Ok(()),
    }
}

/// What pages are made with.
struct Made<'a> {
    bundle: &'a Bundle,
    /// The file in `assets/` that opens a lab.
    lab: &'a str,
    offline: &'a Offline,
}

fn write_pages(routes: &[Route], made: &Made, out: &Path, url: Option<&str>) -> anyhow::Result<()> {
    let Made { bundle, lab, offline } = *made;
    let site_path = shell::site_path(url);
    for route in routes {
        let Route { path, title, description, html, listed } = route;
        let lab = html.contains(" data-lab=").then_some(lab);
        let oembed = embed::oembed_address(path, url);
        let oembed = oembed.as_deref();
        let page = Page { path, title, description, html, listed: *listed, lab, offline, oembed, url };
        if path == NOT_FOUND {
            fs::write(out.join("404.html"), shell::not_found(&page, bundle, site_path))?;
            continue;
        }
        let dir = out.join(path.trim_matches('/'));
        fs::create_dir_all(&dir)?;
        fs::write(dir.join("index.html"), shell::page(&page, bundle))?;
    }
    if !out.join("index.html").exists() || !out.join("404.html").exists() {
        bail!("prerender wrote no page for `/` or none for `{NOT_FOUND}`; both are expected");
    }
    Ok(())
}

/// `code/<block>.html`: the source of every block as the stage shows it, coloured.
fn write_code(out: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(out)?;
    for path in bundle::files_of(&paths::root().join("sim/src/blocks"), "rs")? {
        let stem = path.file_stem().and_then(|stem| stem.to_str()).context("a file name that is not UTF-8")?;
        if stem != "mod" {
            let source = fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
            fs::write(out.join(format!("{stem}.html")), press::highlight_rust(&source))?;
        }
    }
    Ok(())
}

/// The pages for search engines. The protocol wants whole addresses; without `--url` nobody knows them, and
/// the entries are the paths alone.
fn sitemap(routes: &[Route], url: Option<&str>) -> String {
    let mut xml = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n".to_owned();
    if url.is_none() {
        xml.push_str("<!-- Made without an address; `cargo xtask dist --url https://host/path/` fills it in. -->\n");
    }
    xml.push_str("<urlset xmlns=\"http://www.sitemaps.org/schemas/sitemap/0.9\">\n");
    for route in routes.iter().filter(|route| route.listed) {
        let address = match url {
            Some(url) => format!("{url}{}", route.path.trim_start_matches('/')),
            None => route.path.clone(),
        };
        xml.push_str(&format!("<url><loc>{}</loc></url>\n", shell::escape(&address)));
    }
    xml.push_str("</urlset>\n");
    xml
}

/// `build.json`: every other file of the site with its size and hash, in order of path.
/// Just before it, the service worker, which lists those that are kept for offline.
fn write_manifest(out: &Path, keeping: Keeping) -> anyhow::Result<()> {
    let mut files = Vec::new();
    let file = |path: String, bytes: &[u8]| File { path, bytes: bytes.len() as u64, sha256: hash_hex(bytes) };
    for path in list_files(out)? {
        let bytes = fs::read(out.join(&path))?;
        let path = path.to_str().context("a file name that is not UTF-8")?.replace('\\', "/");
        files.push(file(path, &bytes));
    }
    let worker = offline::worker(out, &files, keeping)?;
    fs::write(out.join("sw.js"), &worker).context("writing sw.js")?;
    files.push(file("sw.js".to_owned(), &worker));
    files.sort_by(|a, b| a.path.cmp(&b.path));
    let manifest = BTreeMap::from([
        ("version", serde_json::Value::from(env!("CARGO_PKG_VERSION"))),
        ("files", serde_json::to_value(files)?),
    ]);
    fs::write(out.join("build.json"), serde_json::to_string_pretty(&manifest)? + "\n").context("writing build.json")
}

/// Every file below `dir`, relative to it, sorted.
pub fn list_files(dir: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    let mut folders = vec![dir.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).with_context(|| format!("listing {}", folder.display()))? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else {
                files.push(path.strip_prefix(dir)?.to_owned());
            }
        }
    }
    files.sort();
    Ok(files)
}

/// SHA-256 in hexadecimal.
pub fn hash_hex(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// SHA-256 as a Content-Security-Policy spells it.
pub fn hash_base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let digest = Sha256::digest(bytes);
    let mut text = String::with_capacity(44);
    for chunk in digest.chunks(3) {
        let bits = (0..3).fold(0_u32, |bits, at| bits << 8 | u32::from(chunk.get(at).copied().unwrap_or(0)));
        for sextet in 0..4 {
            let index = (bits >> (18 - 6 * sextet) & 63) as usize;
            text.push(if sextet <= chunk.len() { char::from(ALPHABET[index]) } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_match_the_published_vectors() {
        // FIPS 180-2, "abc".
        assert_eq!(hash_hex(b"abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assert_eq!(hash_base64(b"abc"), "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=");
    }

    #[test]
    fn an_address_is_checked_and_ends_with_a_slash() {
        assert_eq!(site_url("https://example.org/a").unwrap(), "https://example.org/a/");
        assert!(site_url("example.org").is_err());
        assert!(site_url("https://").is_err());
    }

    #[test]
    fn the_sitemap_lists_what_is_for_readers() {
        let route = |path: &str, listed| Route {
            path: path.to_owned(),
            title: String::new(),
            description: String::new(),
            html: String::new(),
            listed,
        };
        let xml = sitemap(&[route("/", true), route("/q/a/", true), route("/embed/a/", false)], Some("https://h/p/"));
        assert!(xml.contains("<loc>https://h/p/</loc>") && xml.contains("<loc>https://h/p/q/a/</loc>"), "{xml}");
        assert!(!xml.contains("embed"), "{xml}");
    }
}
