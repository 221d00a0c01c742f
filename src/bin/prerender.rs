//! Renders the site natively: `prerender <folder>`. Started by `cargo xtask dist` and `serve`.
//!
//! Writes into the folder
//!
//! ```text
//! routes.json             for every route: path, title, description, listed, html (what stands in #app)
//! articles/<slug>.html    the article alone, for navigation inside the app
//! ```
//!
//! The HTML around `#app` is xtask's: it knows the names of the bundle's files.

use std::fs;
use std::path::Path;
use std::process::ExitCode;

use breakable::{app, content};

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [folder] = words.as_slice() else {
        eprintln!("prerender: expected one argument, the folder to write into");
        return ExitCode::from(2);
    };
    match write_all(Path::new(folder)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("prerender: writing into {folder} failed: {error}");
            ExitCode::FAILURE
        }
    }
}

fn write_all(folder: &Path) -> std::io::Result<()> {
    let mut routes = app::routes();
    routes.push(app::NOT_FOUND_ROUTE.to_owned());
    let routes: Vec<serde_json::Value> = routes.iter().map(|path| route(path)).collect();
    fs::write(folder.join("routes.json"), serde_json::Value::from(routes).to_string())?;

    let articles = folder.join("articles");
    fs::create_dir_all(&articles)?;
    for article in content::ARTICLES {
        fs::write(articles.join(format!("{}.html", article.slug)), content::article_html(article.slug))?;
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
