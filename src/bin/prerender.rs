//! Renders the site natively: `prerender <folder> <style> [<results>]`. Started by `cargo xtask dist` and `serve`.
//!
//! Writes into the folder
//!
//! ```text
//! routes.json             for every route: path, title, description, listed, html (what stands in #app)
//! embeds.json             for every question: slug, title, short, presets, and how high its picture is
//! texts.txt               what the articles and experiments say, for the search of the library
//! posters/<slug>/<preset>.svg   an early moment of every preset, as a picture; <style> is the CSS file it carries
//! posters/<slug>/<preset>-narrow.svg    the same in the layout of a phone, for small places
//! ```
//!
//! `<results>` is the folder with what the runner measured, for the page `/accuracy`.
//!
//! The HTML around `#app` is xtask's: it knows the names of the bundle's files.

use std::fs;
use std::path::Path;
use std::process::ExitCode;

use breakable::entries::{self, Entry};
use breakable::pages::accuracy::Results;
use breakable::{app, content, stage, texts};

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let (folder, style, results) = match words.as_slice() {
        [folder, style] => (folder, style, None),
        [folder, style, results] => (folder, style, Some(Path::new(results))),
        _ => {
            eprintln!(
                "prerender: expected the folder to write into, the CSS file of the posters and, if there are any, the \
                 folder of what the runner measured"
            );
            return ExitCode::from(2);
        }
    };
    match write_all(Path::new(folder), Path::new(style), results) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("prerender: writing into {folder} failed: {error}");
            ExitCode::FAILURE
        }
    }
}

fn write_all(folder: &Path, style: &Path, results: Option<&Path>) -> std::io::Result<()> {
    let style = fs::read_to_string(style)?;
    let results = results.map(Results::read).transpose()?;
    let mut routes = app::routes();
    routes.push(app::NOT_FOUND_ROUTE.to_owned());
    let routes: Vec<serde_json::Value> = routes.iter().map(|path| route(path, results.as_ref())).collect();
    fs::write(folder.join("routes.json"), serde_json::Value::from(routes).to_string())?;

    let embeds: Vec<serde_json::Value> = entries::ALL.iter().copied().map(embed).collect();
    fs::write(folder.join("embeds.json"), serde_json::Value::from(embeds).to_string())?;

    let mut said = String::new();
    for entry in entries::ALL {
        let slug = entry.meta.slug;
        texts::append(slug, content::article_html(slug), &mut said);
        for t in entry.meta.tries {
            let text = format!("{} {}", t.words.ask, t.words.after);
            texts::line(slug, &format!("try-{}", t.id), t.words.title, &text, &mut said);
        }
        write_posters(entry, &folder.join("posters").join(slug), &style)?;
    }
    fs::write(folder.join("texts.txt"), said)
}

fn write_posters(entry: &'static Entry, folder: &Path, style: &str) -> std::io::Result<()> {
    fs::create_dir_all(folder)?;
    for preset in entry.meta.presets {
        for (narrow, name) in [(false, format!("{}.svg", preset.id)), (true, format!("{}-narrow.svg", preset.id))] {
            if let Some(svg) = stage::poster(entry, preset.id, narrow, style) {
                fs::write(folder.join(name), svg)?;
            }
        }
    }
    Ok(())
}

/// What whoever embeds the question has to know of it.
fn embed(entry: &'static Entry) -> serde_json::Value {
    let (meta, height) = (entry.meta, &entry.picture.height);
    let preset = |p: &content::PresetMeta| serde_json::json!({ "id": p.id, "two_sided": p.b.is_some() });
    serde_json::json!({
        "slug": meta.slug,
        "title": meta.title,
        "short": meta.short,
        "heights": [height.wide, height.narrow, height.wide_ab, height.narrow_ab],
        "presets": meta.presets.iter().map(preset).collect::<Vec<_>>(),
    })
}

fn route(path: &str, results: Option<&Results>) -> serde_json::Value {
    let head = app::head_for(path);
    serde_json::json!({
        "path": path,
        "title": head.title,
        "description": head.description,
        "listed": head.listed,
        "html": app::render_route(path, results),
    })
}
