//! The HTML around the app: everything of a page that is outside `<div id="app">`.
//!
//! All addresses are relative to the page, so the site works under any path. Only `404.html` is shown at
//! addresses of unknown depth; it finds the root of the site with a few lines of script, which its policy
//! allows by their hash.

use crate::bundle::Bundle;
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
}

/// Everything comes from the site itself. `wasm-unsafe-eval` allows compiling WebAssembly and nothing else.
fn policy(extra_script_source: &str) -> String {
    format!(
        "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'{extra_script_source}; object-src 'none'; base-uri 'none'; form-action 'none'"
    )
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

/// The part of the app that the page at `path` needs.
fn part_of(path: &str) -> String {
    let mut parts = path.split('/').filter(|part| !part.is_empty());
    match (parts.next(), parts.next()) {
        (Some("q" | "embed"), Some(slug)) => slug.replace('-', "_"),
        _ => LISTS.to_owned(),
    }
}

/// A page of the site.
pub fn page(page: &Page, bundle: &Bundle) -> String {
    let root = way_to_root(page.path);
    let Bundle { boot, theme, js, link, wasm, css, lists_css, icon, .. } = bundle;
    let part = part_of(page.path);
    let lists = if part == LISTS {
        format!("\n<link rel=\"stylesheet\" href=\"{root}assets/{lists_css}\">")
    } else {
        String::new()
    };
    // Not a module: it must have run before the first paint.
    let keeps = if page.path.starts_with("/embed/") { " data-keeps-nothing" } else { "" };
    let modules: Vec<String> = std::iter::once(wasm)
        .chain(bundle.parts.get(&part))
        .map(|module| {
            format!(
                r#"<link rel="preload" href="{root}assets/{module}" as="fetch" type="application/wasm" crossorigin>"#
            )
        })
        .collect();
    let modules = modules.join("\n");
    let loads = format!(
        r#"<link rel="icon" href="{root}assets/{icon}" type="image/svg+xml">
<script src="{root}assets/{theme}"{keeps}></script>
<link rel="stylesheet" href="{root}assets/{css}">{lists}
<link rel="modulepreload" href="{root}assets/{js}">
<link rel="modulepreload" href="{root}assets/{link}">
{modules}
<script type="module" src="{root}assets/{boot}"></script>"#
    );
    document(page, &policy(""), &root, &loads)
}

/// The page for addresses that do not exist. `site_path` is where the site will live, if that is known.
pub fn not_found(page: &Page, bundle: &Bundle, site_path: Option<&str>) -> String {
    let script = find_root_script(bundle, site_path);
    let policy = policy(&format!(" 'sha256-{}'", hash_base64(script.as_bytes())));
    document(page, &policy, "./", &format!("<script>{script}</script>"))
}

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
const at = path.search(/\/(q|embed|present|accuracy|articles|code|posters|assets)(\/|$)/);
const root = known !== null && path.startsWith(known) ? known : path.slice(0, (at < 0 ? path.lastIndexOf("/") : at) + 1);
const add = (tag, attributes) => document.head.append(Object.assign(document.createElement(tag), attributes));
add("link", {{ rel: "icon", href: root + "assets/{icon}" }});
for (const style of ["{css}", "{lists_css}"]) add("link", {{ rel: "stylesheet", href: root + "assets/" + style }});
addEventListener("DOMContentLoaded", () => {{
document.getElementById("app").dataset.base = root;
for (const link of document.querySelectorAll("#app a[href]")) link.href = new URL(link.getAttribute("href"), location.origin + root).href;
add("script", {{ type: "module", src: root + "assets/{boot}" }});
}});
}})();"##
    )
}

fn document(page: &Page, policy: &str, root: &str, loads: &str) -> String {
    let Page { title, description, html, listed, lab, .. } = page;
    let (title, description) = (escape(title), escape(description));
    let robots = if *listed { "" } else { "\n<meta name=\"robots\" content=\"noindex\">" };
    let lab = lab.map(|name| format!("\n<script type=\"module\" src=\"{root}assets/{name}\"></script>"));
    let lab = lab.unwrap_or_default();
    format!(
        r#"<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{title}</title>
<meta name="description" content="{description}">{robots}
{loads}{lab}
</head>
<body>
<div id="app" data-base="{root}" data-static>{html}</div>
</body>
</html>
"#
    )
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
            lists_css: name("lists-1.css"),
            icon: name("icon-1.svg"),
        }
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
            },
            &bundle(),
        );
        assert!(page.contains("<title>A &quot;b&quot; &amp; c</title>"));
        assert!(page.contains(r#"src="../../assets/boot-1.js""#));
        assert!(page.contains(r#"<script src="../../assets/theme-1.js"></script>"#));
        assert!(!page.contains("href=\"/") && !page.contains("src=\"/"), "{page}");
        assert!(!page.contains("<script>"), "{page}");
        assert!(page.contains(r#"<script type="module" src="../../assets/lab-1.js"></script>"#), "{page}");
    }

    #[test]
    fn the_policy_of_not_found_names_the_hash_of_its_script() {
        let page = not_found(
            &Page { path: "/", title: "t", description: "d", html: "", listed: false, lab: None },
            &bundle(),
            Some("/a/"),
        );
        let script = page.split_once("<script>").unwrap().1.split_once("</script>").unwrap().0;
        assert!(page.contains(&format!("'sha256-{}'", hash_base64(script.as_bytes()))));
        assert!(script.contains(r#"known = "/a/""#));
        assert!(page.contains("noindex"));
    }
}
