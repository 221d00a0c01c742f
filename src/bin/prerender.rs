//! Renders the site natively: `prerender <folder> <style>`. Started by `cargo xtask dist` and `serve`.
//!
//! Writes into the folder
//!
//! ```text
//! routes.json             for every route: path, title, description, listed, html (what stands in #app)
//! articles/<slug>.html    the text of the article alone
//! posters/<slug>/<preset>.svg   an early moment of every preset, as a picture; <style> is the CSS file it carries
//! posters/<slug>/<preset>-narrow.svg    the same in the layout of a phone, for small places
//! ```
//!
//! The HTML around `#app` is xtask's: it knows the names of the bundle's files.

use std::fs;
use std::path::Path;
use std::process::ExitCode;

use breakable::entries::{self, Entry};
use breakable::{app, content, stage};

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [folder, style] = words.as_slice() else {
        eprintln!("prerender: expected two arguments, the folder to write into and the CSS file of the posters");
        return ExitCode::from(2);
    };
    match write_all(Path::new(folder), Path::new(style)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("prerender: writing into {folder} failed: {error}");
            ExitCode::FAILURE
        }
    }
}

fn write_all(folder: &Path, style: &Path) -> std::io::Result<()> {
    let style = fs::read_to_string(style)?;
    let mut routes = app::routes();
    routes.push(app::NOT_FOUND_ROUTE.to_owned());
    let routes: Vec<serde_json::Value> = routes.iter().map(|path| route(path)).collect();
    fs::write(folder.join("routes.json"), serde_json::Value::from(routes).to_string())?;

    let articles = folder.join("articles");
    fs::create_dir_all(&articles)?;
    for entry in entries::ALL {
        let slug = entry.meta.slug;
        fs::write(articles.join(format!("{slug}.html")), content::article_html(slug))?;
        write_posters(entry, &folder.join("posters").join(slug), &style)?;
    }
    Ok(())
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

fn route(path: &str) -> serde_json::Value {
    let head = app::head_for(path);
    serde_json::json!({
        "path": path,
        "title": head.title,
        "description": head.description,
        "listed": head.listed,
        "html": app::render_route(path),
    })
}
