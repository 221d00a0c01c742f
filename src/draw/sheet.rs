//! What leaves the page as a picture: scenes laid out on one sheet, in the colours of a theme.

use super::scene::{Scene, Tone};

/// Fonts that every system has something for.
pub const SANS: &str = "system-ui, sans-serif";
pub const MONO: &str = "ui-monospace, monospace";

/// A scene and where its upper left corner lies on the sheet. It shows nothing outside its own size.
pub struct Layer {
    pub scene: Scene,
    pub x: f32,
    pub y: f32,
}

/// A picture of several scenes, the later over the earlier ones.
pub struct Sheet {
    pub title: String,
    pub width: f32,
    pub height: f32,
    pub layers: Vec<Layer>,
}

/// A theme, read once: what each tone's variables stand for.
pub struct Palette {
    fills: Vec<String>,
    lines: Vec<String>,
}

impl Palette {
    /// `color` knows the values of the CSS variables.
    pub fn new(color: impl Fn(&'static str) -> String) -> Palette {
        Palette {
            fills: Tone::ALL.iter().map(|t| color(t.fill_var())).collect(),
            lines: Tone::ALL.iter().map(|t| color(t.line_var())).collect(),
        }
    }

    /// For areas.
    pub fn fill(&self, tone: Tone) -> &str {
        named(&self.fills, tone)
    }

    /// For strokes and texts.
    pub fn line(&self, tone: Tone) -> &str {
        named(&self.lines, tone)
    }
}

fn named(colors: &[String], tone: Tone) -> &str {
    Tone::ALL.iter().position(|t| *t == tone).and_then(|i| colors.get(i)).map_or("none", String::as_str)
}
