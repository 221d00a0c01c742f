//! The HTML around the app: everything of a page that is outside `<div id="app">`.
//!
//! All addresses are relative to the page, so the site works under any path. Only `404.html` is shown at
//! addresses of unknown depth; it finds the root of the site with a few lines of script, which its policy
//! allows by their hash.

use crate::bundle::Bundle;
use crate::offline::Offline;
use crate::site::hash_base64;

/// What one page says about itself.
pub struct Page<'a> {
    /// Address below the root of the site, `/` at both ends: `/`, `/q/saga-consistency/`.
    pub path: &'a str,
    pub title: &'a str,
    pub description: &'a str,
    /// The prerendered app.
    pub html: &'a str,
    /// Whether search engines may list the page.
    pub listed: bool,
    /// The file in `assets/` that opens the page's lab, if it has one.
    pub lab: Option<&'a str>,
    pub offline: &'a Offline,
    /// The whole address of the page's oEmbed answer, if it is known.
    pub oembed: Option<&'a str>,
    /// The whole address of the site with a slash at its end, if it is known.
    pub url: Option<&'a str>,
}

/// What every page's policy says. Everything comes from the site itself; `wasm-unsafe-eval` allows compiling WebAssembly
/// and nothing else; and no text becomes markup, code or the address of a script.
pub const MUST: &[&str] = &[
    "default-src 'self'",
    "script-src 'self' 'wasm-unsafe-eval'",
    "object-src 'none'",
    "base-uri 'none'",
    "form-action 'none'",
    "require-trusted-types-for 'script'",
];

/// The names of the two who may make the address of a script, one address each, for a worker: xtask/web/offline.js and
/// lab/sql-database.js.
const WORKERS: &str = "breakable-offline breakable-lab";

fn policy(extra_script_source: &str, trusted: &str) -> String {
    let scripts = |part: &&str| {
        if part.starts_with("script-src") { format!("{part}{extra_script_source}") } else { (*part).to_owned() }
    };
    let parts: Vec<String> = MUST.iter().map(scripts).chain([format!("trusted-types {trusted}")]).collect();
    parts.join("; ")
}

/// The path that a site at this address lives under, with a slash at both ends.
pub fn site_path(url: Option<&str>) -> Option<&str> {
    let after_host = url?.split_once("://").map_or("", |(_, rest)| rest);
    Some(after_host.find('/').map_or("/", |at| &after_host[at..]))
}

/// The way from a page back to the root of the site: `./`, `../../`.
pub fn way_to_root(path: &str) -> String {
    match path.split('/').filter(|part| !part.is_empty()).count() {
        0 => "./".to_owned(),
        depth => "../".repeat(depth),
    }
}

/// The part that the library and the page for unknown addresses need.
const LISTS: &str = "lists";
/// The part of the page that sets how the site behaves.
const SETTINGS: &str = "settings";

/// The part of the app that the page at `path` needs.
fn part_of(path: &str) -> String {
    let mut parts = path.split('/').filter(|part| !part.is_empty());
    match (parts.next(), parts.next()) {
        (Some("q" | "embed" | "present" | "speaker" | "candidate"), Some(slug)) => slug.replace('-', "_"),
        (Some("settings"), None) => SETTINGS.to_owned(),
        _ => LISTS.to_owned(),
    }
}

/// What the pages of a question have around the stage.
const SITE: &str = "site";

fn has_site(path: &str) -> bool {
    ["/q/", "/candidate/"].iter().any(|kind| path.starts_with(kind))
}

fn is_embed(path: &str) -> bool {
    path.starts_with("/embed/")
}

/// Whether a visit of this page keeps the site on the device. An embed keeps nothing, a talk has better things to do
/// with the network, and a candidate's page loads nothing that holds an answer; without a network all are served like
/// any other page.
fn keeps_the_site(path: &str) -> bool {
    !["/embed/", "/present/", "/speaker/", "/candidate/"].iter().any(|kind| path.starts_with(kind))
}

/// A page of the site.
pub fn page(page: &Page, bundle: &Bundle) -> String {
    let root = way_to_root(page.path);
    let Bundle { boot, theme, js, link, wasm, css, embed_css, lists_css, present_css, icon, .. } = bundle;
    let part = part_of(page.path);
    let more_css = match page.path.split('/').nth(1) {
        Some("present" | "speaker") => Some(present_css),
        _ => [LISTS, SETTINGS].contains(&&*part).then_some(lists_css),
    };
    let more_css =
        more_css.map(|css| format!("\n<link rel=\"stylesheet\" href=\"{root}assets/{css}\">")).unwrap_or_default();
    let css = if is_embed(page.path) { embed_css } else { css };
    // Not a module: it must have run before the first paint.
    let keeps = if is_embed(page.path) { " data-keeps-nothing" } else { "" };
    let modules: Vec<String> = std::iter::once(wasm)
        .chain(bundle.parts.get(&part))
        .chain(has_site(page.path).then(|| bundle.parts.get(SITE)).flatten())
        .map(|module| {
            // Without `crossorigin`, and fetched as such: it is the one way in which no engine fetches them twice.
            format!(r#"<link rel="preload" href="{root}assets/{module}" as="fetch" type="application/wasm">"#)
        })
        .collect();
    let modules = modules.join("\n");
    // A frame on somebody's page is not what one installs.
    let installs = if is_embed(page.path) { String::new() } else { page.offline.head(&root) };
    let loads = format!(
        r#"<link rel="icon" href="{root}assets/{icon}" type="image/svg+xml">{installs}
<script src="{root}assets/{theme}"{keeps}></script>
<link rel="stylesheet" href="{root}assets/{css}">{more_css}
<link rel="modulepreload" href="{root}assets/{js}">
<link rel="modulepreload" href="{root}assets/{link}">
{modules}
<script type="module" src="{root}assets/{boot}"></script>"#
    );
    document(page, &policy("", WORKERS), &root, &loads)
}

/// The page for addresses that do not exist. `site_path` is where the site will live, if that is known.
pub fn not_found(page: &Page, bundle: &Bundle, site_path: Option<&str>) -> String {
    let script = find_root_script(bundle, site_path);
    let hash = format!(" 'sha256-{}'", hash_base64(script.as_bytes()));
    let policy = policy(&hash, &format!("{ROOT_POLICY} {WORKERS}"));
    document(page, &policy, "./", &format!("<script>{script}</script>"))
}

/// What the script of `404.html` may make the address of a script with.
const ROOT_POLICY: &str = "breakable-root";

/// Finds the root of the site from the address, then loads the style and the app from there.
///
/// A static host shows `404.html` at any depth. The part before a known first segment is the root; with
/// none of them in the address it is the folder of the address.
fn find_root_script(bundle: &Bundle, site_path: Option<&str>) -> String {
    let known = site_path.map_or("null".to_owned(), |path| serde_json::Value::from(path).to_string());
    let Bundle { boot, css, lists_css, icon, .. } = bundle;
    format!(
        r##"(() => {{
const path = location.pathname, known = {known};
const at = path.search(/\/(q|embed|present|speaker|candidate|accuracy|settings|code|posters|assets)(\/|$)/);
const root = known !== null && path.startsWith(known) ? known : path.slice(0, (at < 0 ? path.lastIndexOf("/") : at) + 1);
const boot = globalThis.trustedTypes?.createPolicy("{ROOT_POLICY}", {{ createScriptURL: () => root + "assets/{boot}" }});
const add = (tag, attributes) => document.head.append(Object.assign(document.createElement(tag), attributes));
add("link", {{ rel: "icon", href: root + "assets/{icon}" }});
for (const style of ["{css}", "{lists_css}"]) add("link", {{ rel: "stylesheet", href: root + "assets/" + style }});
addEventListener("DOMContentLoaded", () => {{
document.getElementById("app").dataset.base = root;
for (const link of document.querySelectorAll("#app a[href]")) link.href = new URL(link.getAttribute("href"), location.origin + root).href;
add("script", {{ type: "module", src: boot ? boot.createScriptURL("") : root + "assets/{boot}" }});
}});
}})();"##
    )
}

fn document(page: &Page, policy: &str, root: &str, loads: &str) -> String {
    let Page { title, description, html, lab, offline, oembed, .. } = page;
    let (title, description) = (escape(title), escape(description));
    let robots = robots(page);
    let lab = lab.map(|name| format!("\n<script type=\"module\" src=\"{root}assets/{name}\"></script>"));
    let lab = lab.unwrap_or_default();
    let offline = offline.module.as_ref().filter(|_| keeps_the_site(page.path));
    let offline = offline.map(|name| format!(" data-offline=\"{name}\"")).unwrap_or_default();
    let oembed = oembed.map(|address| {
        let address = escape(address);
        format!("\n<link rel=\"alternate\" type=\"application/json+oembed\" href=\"{address}\" title=\"{title}\">")
    });
    let oembed = oembed.unwrap_or_default();
    format!(
        r#"<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="referrer" content="no-referrer">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{title}</title>
<meta name="description" content="{description}">{robots}{oembed}
{loads}{lab}
</head>
<body>
<div id="app" data-base="{root}"{offline} data-static>{html}</div>
</body>
</html>
"#
    )
}

/// What search engines are told. An embed is part of somebody's page, which they may read; what it says is found at its
/// question.
fn robots(page: &Page) -> String {
    let Page { path, listed, url, .. } = page;
    match (path.strip_prefix("/embed/"), url) {
        (Some(question), Some(url)) => {
            format!("\n<link rel=\"canonical\" href=\"{}\">", escape(&format!("{url}q/{question}")))
        }
        (None, _) if !listed => "\n<meta name=\"robots\" content=\"noindex\">".to_owned(),
        _ => String::new(),
    }
}

/// Text as HTML text or attribute value.
pub fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bundle() -> Bundle {
        let name = |name: &str| name.to_owned();
        Bundle {
            boot: name("boot-1.js"),
            theme: name("theme-1.js"),
            js: name("app-1.js"),
            link: name("link-1.js"),
            wasm: name("app-1.wasm"),
            parts: [("lists", "lists-1.wasm"), ("saga_consistency", "saga_consistency-1.wasm")]
                .map(|(part, module)| (part.to_owned(), module.to_owned()))
                .into(),
            css: name("style-1.css"),
            embed_css: name("embed-1.css"),
            lists_css: name("lists-1.css"),
            present_css: name("present-1.css"),
            icon: name("icon-1.svg"),
        }
    }

    fn offline() -> Offline {
        Offline::for_tests("offline-1.js")
    }

    #[test]
    fn the_root_is_found_from_any_depth() {
        assert_eq!(way_to_root("/"), "./");
        assert_eq!(way_to_root("/accuracy/"), "../");
        assert_eq!(way_to_root("/q/saga-consistency/"), "../../");
    }

    #[test]
    fn a_page_has_no_absolute_address_and_no_inline_script() {
        let page = page(
            &Page {
                path: "/q/x/",
                title: "A \"b\" & c",
                description: "d",
                html: "<p>e</p>",
                listed: true,
                lab: Some("lab-1.js"),
                offline: &offline(),
                oembed: Some("https://h/oembed/x.json"),
                url: Some("https://h/"),
            },
            &bundle(),
        );
        assert!(page.contains("<title>A &quot;b&quot; &amp; c</title>"));
        assert!(page.contains(r#"src="../../assets/boot-1.js""#));
        assert!(page.contains(r#"type="application/json+oembed" href="https://h/oembed/x.json""#), "{page}");
        assert!(page.contains(r#"<script src="../../assets/theme-1.js"></script>"#));
        assert!(!page.contains("href=\"/") && !page.contains("src=\"/"), "{page}");
        assert!(!page.contains("<script>"), "{page}");
        assert!(page.contains(r#"<script type="module" src="../../assets/lab-1.js"></script>"#), "{page}");
    }

    #[test]
    fn embeds_keep_nothing_and_are_not_installed() {
        let at = |path| {
            let page = Page {
                path,
                title: "t",
                description: "d",
                html: "",
                listed: true,
                lab: None,
                offline: &offline(),
                oembed: None,
                url: Some("https://h/"),
            };
            super::page(&page, &bundle())
        };
        let question = at("/q/x/");
        assert!(question.contains(r#" data-offline="offline-1.js""#), "{question}");
        assert!(question.contains(r#"<link rel="manifest" href="../../manifest.webmanifest">"#), "{question}");
        let embed = at("/embed/x/");
        assert!(!embed.contains("data-offline") && !embed.contains("manifest"), "{embed}");
        assert!(embed.contains(r#"<link rel="canonical" href="https://h/q/x/">"#), "{embed}");
        assert!(embed.contains("assets/embed-1.css") && !embed.contains("style-1.css"), "{embed}");
        assert!(!at("/present/x/").contains("data-offline"));
    }

    #[test]
    fn the_policy_of_not_found_names_the_hash_of_its_script() {
        let page = not_found(
            &Page {
                path: "/",
                title: "t",
                description: "d",
                html: "",
                listed: false,
                lab: None,
                offline: &offline(),
                oembed: None,
                url: Some("https://h/"),
            },
            &bundle(),
            Some("/a/"),
        );
        let script = page.split_once("<script>").unwrap().1.split_once("</script>").unwrap().0;
        assert!(page.contains(&format!("'sha256-{}'", hash_base64(script.as_bytes()))));
        assert!(script.contains(r#"known = "/a/""#));
        assert!(page.contains("noindex"));
    }
}
