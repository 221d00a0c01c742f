//! What a host should say beside each file: one list, from which our own server, `_headers` for hosts that read such a
//! file, and the lines for nginx and Caddy are made. SECURITY.md says what each is for.
//!
//! The site needs none of them to work: the policy against foreign scripts is in the pages themselves. What a page
//! cannot say of itself is here, above all who may put it into a frame.
//!
//! No two groups that match one file say the same header: hosts would send both, and of two policies the stricter holds.

use std::fs;
use std::path::Path;

use anyhow::Context;

use crate::shell;

/// Files below the root of the site, by patterns, and what is said beside them.
struct Group {
    /// Why, as a comment in what is generated.
    about: &'static str,
    /// Below the root. `*` at the end stands for anything; an empty one is the start page.
    paths: &'static [&'static str],
    headers: &'static [(&'static str, &'static str)],
}

const GROUPS: &[Group] = &[
    Group {
        about: "Every file",
        paths: &["*"],
        headers: &[
            ("X-Content-Type-Options", "nosniff"),
            ("Referrer-Policy", "no-referrer"),
            (
                "Permissions-Policy",
                "camera=(), display-capture=(), geolocation=(), hid=(), microphone=(), midi=(), payment=(), serial=(), usb=()",
            ),
        ],
    },
    Group {
        about: "Pages that nobody may put into a frame",
        paths: &[
            "",
            "index.html",
            "q/*",
            "present/*",
            "speaker/*",
            "candidate/*",
            "accuracy/*",
            "settings/*",
            "404.html",
        ],
        headers: &[
            ("Content-Security-Policy", "frame-ancestors 'self'"),
            ("Cross-Origin-Opener-Policy", "same-origin"),
            ("Cross-Origin-Resource-Policy", "same-origin"),
        ],
    },
    Group {
        about: "Embeds: in a frame on any page, also on one that is isolated from other origins",
        paths: &["embed/*"],
        headers: &[("Cross-Origin-Embedder-Policy", "require-corp"), ("Cross-Origin-Resource-Policy", "cross-origin")],
    },
    Group {
        about: "What other sites load: the element, its types, oEmbed",
        paths: &["embed.js", "embed.d.ts", "oembed/*"],
        headers: &[("Access-Control-Allow-Origin", "*"), ("Cross-Origin-Resource-Policy", "cross-origin")],
    },
    Group {
        about: "Posters, shown by other sites: a picture that runs nothing, also when opened by itself",
        paths: &["posters/*"],
        headers: &[
            ("Access-Control-Allow-Origin", "*"),
            ("Cross-Origin-Resource-Policy", "cross-origin"),
            ("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'"),
        ],
    },
    Group {
        about: "Files whose names carry the hash of what is in them; some are workers, whose policy is their own",
        paths: &["assets/*"],
        headers: &[
            ("Cache-Control", "public, max-age=31536000, immutable"),
            ("Content-Security-Policy", "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'"),
            ("Cross-Origin-Resource-Policy", "same-origin"),
        ],
    },
    Group {
        about: "The service worker: how browsers learn of a new version",
        paths: &["sw.js"],
        headers: &[
            ("Cache-Control", "no-cache"),
            ("Content-Security-Policy", "default-src 'self'"),
            ("Cross-Origin-Resource-Policy", "same-origin"),
        ],
    },
    Group {
        about: "The rest",
        paths: &["code/*", "texts.txt", "build.json", "manifest.webmanifest"],
        headers: &[("Cross-Origin-Resource-Policy", "same-origin")],
    },
];

/// What is said beside the file at `path`, which is relative to the root of the site and does not begin with a slash.
pub fn of(path: &str) -> impl Iterator<Item = (&'static str, &'static str)> {
    let path = path.to_owned();
    let matches = move |pattern: &&str| match pattern.strip_suffix('*') {
        Some(start) => path.starts_with(start),
        None => path == *pattern,
    };
    GROUPS.iter().filter(move |group| group.paths.iter().any(&matches)).flat_map(|group| group.headers).copied()
}

/// Writes `_headers` for Netlify, Cloudflare Pages and their like, and `hosting/` with lines for nginx and Caddy.
/// `url` is where the site will live, if that is known.
pub fn write(out: &Path, url: Option<&str>) -> anyhow::Result<()> {
    let root = shell::site_path(url).unwrap_or("/");
    let hosting = out.join("hosting");
    fs::create_dir_all(&hosting)?;
    for (file, text) in [
        ("_headers", for_static_hosts(root)),
        ("hosting/nginx.conf", for_nginx(root)),
        ("hosting/Caddyfile", for_caddy(root)),
    ] {
        fs::write(out.join(file), text).with_context(|| format!("writing {file}"))?;
    }
    Ok(())
}

/// <https://docs.netlify.com/manage/routing/headers/>, <https://developers.cloudflare.com/pages/configuration/headers/>
fn for_static_hosts(root: &str) -> String {
    let mut text = String::new();
    for Group { about, paths, headers } in GROUPS {
        text.push_str(&format!("# {about}\n"));
        for path in *paths {
            text.push_str(&format!("{root}{path}\n"));
            headers.iter().for_each(|(name, value)| text.push_str(&format!("  {name}: {value}\n")));
        }
    }
    text
}

/// A `location` of its own would forget what the others say, so each header is a variable that depends on the path.
/// One that is empty is not sent.
fn for_nginx(root: &str) -> String {
    let mut text = "# Into `http { ... }`:\n".to_owned();
    let mut sent = String::from("# Into the `server { ... }` of the site:\n");
    for name in names() {
        let variable = format!("$breakable_{}", name.to_lowercase().replace('-', "_"));
        text.push_str(&format!("map $uri {variable} {{\n  default \"\";\n"));
        for (pattern, value) in said_by_path(name) {
            text.push_str(&format!("  \"~^{}\" \"{value}\";\n", regex(root, pattern)));
        }
        text.push_str("}\n");
        sent.push_str(&format!("add_header {name} {variable} always;\n"));
    }
    text + &sent
}

fn for_caddy(root: &str) -> String {
    let mut text = "# Into the block of the site:\n".to_owned();
    for (at, Group { about, paths, headers }) in GROUPS.iter().enumerate() {
        let paths: Vec<String> = paths.iter().map(|path| format!("{root}{path}")).collect();
        text.push_str(&format!("# {about}\n@breakable{at} path {}\nheader @breakable{at} {{\n", paths.join(" ")));
        headers.iter().for_each(|(name, value)| text.push_str(&format!("  {name} \"{value}\"\n")));
        text.push_str("}\n");
    }
    text
}

/// Every header there is, once.
fn names() -> Vec<&'static str> {
    let mut names: Vec<&str> = GROUPS.iter().flat_map(|group| group.headers).map(|(name, _)| *name).collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// The patterns beside which this header is said, and its value.
fn said_by_path(name: &str) -> impl Iterator<Item = (&'static str, &'static str)> {
    GROUPS.iter().flat_map(move |group| {
        let value = group.headers.iter().find(|(known, _)| *known == name).map(|(_, value)| *value);
        group.paths.iter().filter_map(move |path| Some((*path, value?)))
    })
}

/// A pattern as a regular expression after the root. nginx looks at the path after it has found the index of a folder.
fn regex(root: &str, pattern: &str) -> String {
    let whole = format!("{root}{pattern}").replace('.', "\\.");
    whole.strip_suffix('*').map_or_else(|| format!("{whole}$"), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(path: &str, name: &str) -> Vec<&'static str> {
        of(path).filter(|(known, _)| *known == name).map(|(_, value)| value).collect()
    }

    #[test]
    fn only_embeds_may_be_framed() {
        for path in ["", "index.html", "q/a/index.html", "settings/index.html", "speaker/a/index.html", "404.html"] {
            assert_eq!(said(path, "Content-Security-Policy"), ["frame-ancestors 'self'"], "{path}");
        }
        assert!(said("embed/a/index.html", "Content-Security-Policy").is_empty());
        assert_eq!(said("embed.js", "Access-Control-Allow-Origin"), ["*"]);
        assert_eq!(said("assets/a-1.js", "Cross-Origin-Resource-Policy"), ["same-origin"]);
    }

    #[test]
    fn nothing_is_said_twice_of_one_file() {
        let files = GROUPS.iter().flat_map(|group| group.paths).map(|path| path.replace('*', "a/index.html"));
        for file in files {
            let mut names: Vec<&str> = of(&file).map(|(name, _)| name).collect();
            let all = names.len();
            names.sort_unstable();
            names.dedup();
            assert_eq!(names.len(), all, "{file}");
            assert!(names.contains(&"X-Content-Type-Options"), "{file}");
        }
    }

    #[test]
    fn every_host_is_told_the_same() {
        let url = Some("https://example.org/a/b/");
        let root = shell::site_path(url).unwrap();
        assert_eq!(root, "/a/b/");
        let (pages, nginx, caddy) = (for_static_hosts(root), for_nginx(root), for_caddy(root));
        assert!(pages.contains("/a/b/embed/*\n  Cross-Origin-Embedder-Policy: require-corp\n"), "{pages}");
        assert!(nginx.contains("\"~^/a/b/settings/\" \"frame-ancestors 'self'\";"), "{nginx}");
        assert!(nginx.contains("\"~^/a/b/$\" \"frame-ancestors 'self'\";"), "{nginx}");
        for (name, value) in GROUPS.iter().flat_map(|group| group.headers) {
            assert!(
                pages.contains(&format!("  {name}: {value}\n")) && caddy.contains(&format!("  {name} \"{value}\"\n"))
            );
            assert!(nginx.contains(&format!("add_header {name} ")) && nginx.contains(&format!("\"{value}\";")));
        }
    }
}
