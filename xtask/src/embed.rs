//! What other sites use of this one: `embed.js` with its types, and for each question an oEmbed answer.
//!
//! ```text
//! xtask/web/embed.js + the presets and heights of all questions --> embed.js     under a name that posts can rely on
//! xtask/web/embed.d.ts ----------------------------------------> embed.d.ts
//! oembed/<slug>.json                                             https://oembed.com, type "rich"
//! ```

use std::fs;
use std::path::Path;

use anyhow::{Context, bail};
use serde::Deserialize;
use serde_json::json;

use crate::bundle::{self, Kind};
use crate::{paths, shell};

/// What stands around the picture of an embed, in CSS pixels, rounded up: the same at any width of a column of text.
/// e2e/tests/embed.spec.js holds it against what the browser lays out.
const BARS_PX: f64 = 287.0;
/// The width for which an oEmbed answer is made: a column of text.
const COLUMN_PX: u32 = 720;
/// The picture's own width, in the wide layout.
const PICTURE_PX: f64 = 860.0;
/// The captions of the two sides of an A|B.
const CAPTIONS_PX: f64 = 50.0;

/// What `src/bin/prerender.rs` writes into `embeds.json` for one question.
#[derive(Deserialize)]
pub struct Embed {
    slug: String,
    title: String,
    short: String,
    /// Of the picture: wide, narrow, and both for each side of an A|B.
    heights: [f64; 4],
    presets: Vec<Preset>,
}

#[derive(Deserialize)]
struct Preset {
    id: String,
    two_sided: bool,
}

/// Writes all of it into `out`; `staging` is where prerender wrote.
pub fn write(staging: &Path, out: &Path, kind: Kind, url: Option<&str>) -> anyhow::Result<()> {
    let embeds = fs::read(staging.join("embeds.json")).context("reading what prerender wrote")?;
    let embeds: Vec<Embed> = serde_json::from_slice(&embeds).context("understanding embeds.json")?;
    let web = paths::root().join("xtask/web");
    let source = fs::read_to_string(web.join("embed.js")).context("reading xtask/web/embed.js")?;
    let script = out.join("embed.js");
    fs::write(&script, with_questions(&source, &embeds)?)?;
    if kind == Kind::Release {
        bundle::minify(&script)?;
    }
    fs::copy(web.join("embed.d.ts"), out.join("embed.d.ts")).context("copying xtask/web/embed.d.ts")?;
    let folder = out.join("oembed");
    fs::create_dir_all(&folder)?;
    for embed in &embeds {
        let text = serde_json::to_string_pretty(&answer(embed, url))? + "\n";
        fs::write(folder.join(format!("{}.json", embed.slug)), text)?;
    }
    Ok(())
}

/// Where a question's oEmbed answer is; what discovers it wants the whole address.
pub fn oembed_address(path: &str, url: Option<&str>) -> Option<String> {
    let slug = path.strip_prefix("/q/")?.trim_end_matches('/');
    url.map(|url| format!("{url}oembed/{slug}.json"))
}

/// `embed.js` with what it has to know of the questions.
fn with_questions(source: &str, embeds: &[Embed]) -> anyhow::Result<String> {
    let table: serde_json::Map<String, serde_json::Value> =
        embeds.iter().map(|embed| (embed.slug.clone(), entry(embed).into())).collect();
    let table = format!("QUESTIONS = {}", serde_json::Value::from(table));
    let bars = format!("[{BARS_PX}, {CAPTIONS_PX}]");
    for place in ["QUESTIONS = {}", "[BARS_PX, CAPTIONS_PX]"] {
        if !source.contains(place) {
            bail!("xtask/web/embed.js has no `{place}`, where what it knows of the questions goes");
        }
    }
    Ok(source.replace("QUESTIONS = {}", &table).replace("[BARS_PX, CAPTIONS_PX]", &bars))
}

/// `322,400,322,400|edge,edge-gcra*`
fn entry(embed: &Embed) -> String {
    let heights: Vec<String> = embed.heights.iter().map(f64::to_string).collect();
    let preset = |p: &Preset| format!("{}{}", p.id, if p.two_sided { "*" } else { "" });
    let presets: Vec<String> = embed.presets.iter().map(preset).collect();
    format!("{}|{}", heights.join(","), presets.join(","))
}

/// The answer for one question. It is for other sites, so its addresses are whole; without `--url` nobody knows them,
/// and they are relative to the answer, which says so. Then no page leads to it.
fn answer(embed: &Embed, url: Option<&str>) -> serde_json::Value {
    let Embed { slug, title, short, heights, presets } = embed;
    let site = url.unwrap_or("../");
    let (two_sided, poster) = presets.first().map_or((false, ""), |p| (p.two_sided, &*p.id));
    let picture = if two_sided { 2.0 * heights[2] } else { heights[0] };
    let captions = if two_sided { CAPTIONS_PX } else { 0.0 };
    let height = (picture * f64::from(COLUMN_PX) / PICTURE_PX + captions + BARS_PX).ceil() as u32;
    let html = format!(
        "<iframe src=\"{}\" title=\"{}: a simulation you can break\" width=\"{COLUMN_PX}\" height=\"{height}\" \
         loading=\"lazy\" allow=\"fullscreen; clipboard-write\"></iframe>",
        shell::escape(&format!("{site}embed/{slug}/")),
        shell::escape(short)
    );
    let mut answer = json!({
        "type": "rich",
        "version": "1.0",
        "title": title,
        "provider_name": "Breakable",
        "provider_url": site,
        "cache_age": 86_400,
        "html": html,
        "width": COLUMN_PX,
        "height": height,
        "thumbnail_url": format!("{site}posters/{slug}/{poster}.svg"),
        "thumbnail_width": PICTURE_PX,
        "thumbnail_height": if two_sided { heights[2] } else { heights[0] },
    });
    if url.is_none() {
        answer["note"] = "Made without the site's address, so the addresses here are relative to this file; \
                          `cargo xtask dist --url https://host/path/` makes them whole."
            .into();
    }
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    fn embed() -> Embed {
        Embed {
            slug: "a-b".into(),
            title: "Why \"a\"?".into(),
            short: "A & B".into(),
            heights: [300.0, 390.5, 200.0, 250.0],
            presets: vec![Preset { id: "one".into(), two_sided: false }, Preset { id: "two".into(), two_sided: true }],
        }
    }

    #[test]
    fn the_script_knows_every_question() {
        let source = "const QUESTIONS = {}; const [BARS] = [BARS_PX, CAPTIONS_PX];";
        let script = with_questions(source, &[embed()]).unwrap();
        assert!(script.contains(r#"QUESTIONS = {"a-b":"300,390.5,200,250|one,two*"};"#), "{script}");
        assert!(script.contains("[BARS] = [287, 50]"), "{script}");
        assert!(with_questions("", &[]).is_err());
    }

    #[test]
    fn an_answer_has_what_oembed_asks_of_a_rich_one() {
        let answer = answer(&embed(), Some("https://h/p/"));
        assert_eq!((&answer["type"], &answer["version"]), (&"rich".into(), &"1.0".into()));
        assert!(answer["width"].is_u64() && answer["height"].is_u64(), "{answer}");
        let html = answer["html"].as_str().unwrap();
        assert!(html.contains("src=\"https://h/p/embed/a-b/\"") && html.contains("A &amp; B"), "{html}");
        assert!(html.contains(&format!("height=\"{}\"", answer["height"])), "{html}");
        assert_eq!(answer["thumbnail_url"], "https://h/p/posters/a-b/one.svg");
        assert!(answer.get("note").is_none());
    }

    #[test]
    fn without_an_address_nothing_pretends_to_have_one() {
        let answer = answer(&embed(), None);
        assert!(answer["html"].as_str().unwrap().contains("src=\"../embed/a-b/\""), "{answer}");
        assert!(answer["note"].as_str().unwrap().contains("--url"), "{answer}");
        assert_eq!(oembed_address("/q/a-b/", None), None);
        assert_eq!(oembed_address("/q/a-b/", Some("https://h/")).as_deref(), Some("https://h/oembed/a-b.json"));
        assert_eq!(oembed_address("/embed/a-b/", Some("https://h/")), None);
    }
}
