//! Renderer one: a scene as SVG text. Used for posters, for tests and for copying a picture.

use super::scene::{Glyph, Item, Scene, Shape, Tone, push_fixed, push_num};
use super::sheet::{MONO, Palette, SANS, Sheet};

/// Where the colours come from: classes that a style sheet knows, or written into each element.
#[derive(Clone, Copy)]
enum Dress<'a> {
    Classes,
    Colors(&'a Palette),
}

/// An `<svg>` element for use inside a page that has `style/draw.css`: colours come from classes, nothing inline.
/// `label` becomes its `aria-label`.
pub fn fragment(scene: &Scene, label: &str) -> String {
    let mut out = String::with_capacity(256 + 160 * (scene.items().len() + scene.particles().len()));
    open(&mut out, scene, label, "");
    body(&mut out, scene);
    out.push_str("</svg>");
    out
}

/// A whole SVG file that carries its own style sheet, for use as an image. `css` is the text of the theme's variables
/// and of `style/draw.css`.
pub fn standalone(scene: &Scene, label: &str, css: &str) -> String {
    let mut out = String::with_capacity(256 + css.len() + 160 * (scene.items().len() + scene.particles().len()));
    open(&mut out, scene, label, " xmlns=\"http://www.w3.org/2000/svg\"");
    // In XML a style sheet is ordinary text: `<` and `&` would end it early, `>` is a child combinator and may stay.
    out.push_str("<style>");
    out.push_str(&css.replace('&', "&amp;").replace('<', "&lt;"));
    out.push_str("</style>");
    out.push_str("<rect class=\"f-sunk\" width=\"100%\" height=\"100%\"/>");
    body(&mut out, scene);
    out.push_str("</svg>");
    out
}

fn open(out: &mut String, scene: &Scene, label: &str, extra: &str) {
    out.push_str("<svg");
    out.push_str(extra);
    out.push_str(" class=\"scene\" viewBox=\"0 0 ");
    push_num(out, scene.width());
    out.push(' ');
    push_num(out, scene.height());
    out.push_str("\" role=\"img\"");
    string(out, "aria-label", label);
    out.push('>');
}

/// A sheet as a file that needs nothing else: colours written out, fonts that every system has.
pub fn file(sheet: &Sheet, palette: &Palette) -> String {
    let mut out = String::with_capacity(1 << 15);
    let number = |out: &mut String, name, v| number(out, name, v);
    out.push_str("<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 ");
    push_num(&mut out, sheet.width);
    out.push(' ');
    push_num(&mut out, sheet.height);
    out.push('"');
    number(&mut out, "width", sheet.width);
    number(&mut out, "height", sheet.height);
    out.push_str(" role=\"img\" stroke-linecap=\"round\" stroke-linejoin=\"round\"");
    string(&mut out, "font-family", SANS);
    out.push_str("><title>");
    escape(&mut out, &sheet.title);
    out.push_str("</title>");
    for layer in &sheet.layers {
        out.push_str("<svg");
        number(&mut out, "x", layer.x);
        number(&mut out, "y", layer.y);
        number(&mut out, "width", layer.scene.width());
        number(&mut out, "height", layer.scene.height());
        out.push('>');
        dressed(&mut out, &layer.scene, Dress::Colors(palette));
        out.push_str("</svg>");
    }
    out.push_str("</svg>");
    out
}

fn body(out: &mut String, scene: &Scene) {
    dressed(out, scene, Dress::Classes);
}

fn dressed(out: &mut String, scene: &Scene, dress: Dress) {
    for item in scene.items() {
        element(out, scene, item, dress);
    }
    let mut mark = Scene::new();
    for p in scene.particles() {
        mark.clear_items();
        mark.glyph(p.x, p.y, p.glyph, p.tone, p.size);
        for item in mark.items() {
            element(out, &mark, item, dress);
        }
    }
}

/// The name of the element that shows a shape.
pub(super) fn tag(shape: &Shape) -> &'static str {
    match shape {
        Shape::Line { .. } => "line",
        Shape::Path { .. } => "path",
        Shape::Rect { .. } => "rect",
        Shape::Circle { .. } => "circle",
        Shape::Text { .. } => "text",
    }
}

/// Writes the value of `class`: `f-` fills, `s-` strokes, `t-` texts, and the kind of text.
pub(super) fn classes(out: &mut String, item: &Item) {
    let start = out.len();
    let mut add = |prefix: &str, name: &str| {
        if out.len() > start {
            out.push(' ');
        }
        out.push_str(prefix);
        out.push_str(name);
    };
    if let Shape::Text { bold, mono, halo, .. } = item.shape {
        add("t-", item.fill.name());
        if mono {
            add("mono", "");
        }
        if bold {
            add("bold", "");
        }
        if halo {
            add("halo", "");
        }
    } else {
        if item.fill != Tone::None {
            add("f-", item.fill.name());
        } else {
            add("f-", "none");
        }
        if item.stroke != Tone::None {
            add("s-", item.stroke.name());
        }
    }
    if item.hit.is_some() {
        add("hit", "");
    }
}

/// Writes what [`classes`] stand for.
fn colors(out: &mut String, item: &Item, palette: &Palette) {
    if let Shape::Text { bold, mono, halo, .. } = item.shape {
        string(out, "fill", palette.line(item.fill));
        if mono {
            string(out, "font-family", MONO);
        }
        if bold {
            string(out, "font-weight", "600");
        }
        if halo {
            out.push_str(" paint-order=\"stroke\" stroke-width=\"4\"");
            string(out, "stroke", palette.line(Tone::Sunk));
        }
        return;
    }
    string(out, "fill", palette.fill(item.fill));
    if item.stroke != Tone::None {
        string(out, "stroke", palette.line(item.stroke));
    }
    if !item.dash.array().is_empty() {
        string(out, "stroke-linecap", "butt");
    }
}

fn element(out: &mut String, scene: &Scene, item: &Item, dress: Dress) {
    let tag = tag(&item.shape);
    let on_paper = matches!(dress, Dress::Colors(_));
    // On paper nothing is pressed: targets that are not painted have no place there.
    if on_paper && item.fill == Tone::None && item.stroke == Tone::None {
        return;
    }
    out.push('<');
    out.push_str(tag);
    match dress {
        Dress::Classes => {
            out.push_str(" class=\"");
            classes(out, item);
            out.push('"');
        }
        Dress::Colors(palette) => colors(out, item, palette),
    }
    match item.shape {
        Shape::Line { x1, y1, x2, y2 } => {
            number(out, "x1", x1);
            number(out, "y1", y1);
            number(out, "x2", x2);
            number(out, "y2", y2);
        }
        Shape::Path { d } => string(out, "d", scene.str(d)),
        Shape::Rect { x, y, w, h, r } => {
            number(out, "x", x);
            number(out, "y", y);
            number(out, "width", w);
            number(out, "height", h);
            if r > 0.0 {
                number(out, "rx", r);
            }
        }
        Shape::Circle { cx, cy, r } => {
            number(out, "cx", cx);
            number(out, "cy", cy);
            number(out, "r", r);
        }
        Shape::Text { x, y, size, anchor, .. } => {
            number(out, "x", x);
            number(out, "y", y);
            number(out, "font-size", size);
            if !anchor.name().is_empty() {
                string(out, "text-anchor", anchor.name());
            }
        }
    }
    if item.stroke != Tone::None {
        number(out, "stroke-width", item.width);
        if !item.dash.array().is_empty() {
            string(out, "stroke-dasharray", item.dash.array());
        }
    }
    if item.opacity < 1.0 {
        out.push_str(" opacity=\"");
        push_fixed(out, (item.opacity * 100.0).round() as i32, 2);
        out.push('"');
    }
    let text = match item.shape {
        Shape::Text { text, .. } => scene.str(text),
        _ => "",
    };
    let tip = if on_paper { "" } else { scene.str(item.tip) };
    if text.is_empty() && tip.is_empty() {
        out.push_str("/>");
        return;
    }
    out.push('>');
    escape(out, text);
    if !tip.is_empty() {
        out.push_str("<title>");
        escape(out, tip);
        out.push_str("</title>");
    }
    out.push_str("</");
    out.push_str(tag);
    out.push('>');
}

fn number(out: &mut String, name: &str, value: f32) {
    out.push(' ');
    out.push_str(name);
    out.push_str("=\"");
    push_num(out, value);
    out.push('"');
}

fn string(out: &mut String, name: &str, value: &str) {
    out.push(' ');
    out.push_str(name);
    out.push_str("=\"");
    escape(out, value);
    out.push('"');
}

/// Escapes text for both element content and attribute values.
fn escape(out: &mut String, text: &str) {
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            c => out.push(c),
        }
    }
}

/// The path data of a glyph of radius `size` around (0, 0), for those who draw glyphs outside a scene (the canvas, the
/// timeline of the stage).
pub fn glyph_path(glyph: Glyph, size: f32) -> String {
    let mut scene = Scene::new();
    scene.path(|p| p.glyph(0.0, 0.0, glyph, size));
    match scene.items()[0].shape {
        Shape::Path { d } => scene.str(d).to_owned(),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::scene::{Hit, Outcome, View};
    use super::*;

    #[test]
    fn every_shape_has_its_element() {
        let mut s = Scene::new();
        s.begin(&View::wide(100.0));
        s.line(1.0, 2.0, 3.04, 4.0);
        s.rect(0.0, 0.0, 10.0, 5.0).round(4.0).fill(Tone::Panel).stroke(Tone::Ink2).hit(Hit::Node(0)).tip("A & B");
        s.circle(5.0, 5.0, 2.0).fill(Tone::Ok).opacity(0.55);
        s.text(1.0, 12.0, 12.0, "a < b").mono().bold().middle().tone(Tone::Rejected);
        s.path(|p| {
            p.move_to(0.0, 0.0).line_to(1.5, 2.0).close();
        })
        .stroke(Tone::Flight);
        let svg = fragment(&s, "Say \"what\"");
        assert_eq!(
            svg,
            concat!(
                "<svg class=\"scene\" viewBox=\"0 0 860 100\" role=\"img\" aria-label=\"Say &quot;what&quot;\">",
                "<line class=\"f-none s-line\" x1=\"1\" y1=\"2\" x2=\"3\" y2=\"4\" stroke-width=\"2\"/>",
                "<rect class=\"f-panel s-ink-2 hit\" x=\"0\" y=\"0\" width=\"10\" height=\"5\" rx=\"4\" stroke-width=\"2\">",
                "<title>A &amp; B</title></rect>",
                "<circle class=\"f-ok\" cx=\"5\" cy=\"5\" r=\"2\" opacity=\"0.55\"/>",
                "<text class=\"t-rejected mono bold\" x=\"1\" y=\"12\" font-size=\"12\" text-anchor=\"middle\">a &lt; b</text>",
                "<path class=\"f-none s-flight\" d=\"M0 0L1.5 2Z\" stroke-width=\"2\"/>",
                "</svg>"
            )
        );
    }

    #[test]
    fn particles_become_small_glyphs() {
        let mut s = Scene::new();
        s.begin(&View::narrow(50.0));
        s.mark(10.0, 10.0, Outcome::Ok, Some(1));
        s.mark(20.0, 10.0, Outcome::Rejected, None);
        let svg = fragment(&s, "");
        assert!(svg.contains("<circle class=\"f-ok\" cx=\"10\""));
        assert!(svg.contains("s-rejected"));
    }

    #[test]
    fn a_standalone_file_carries_its_style() {
        let mut s = Scene::new();
        s.begin(&View::wide(20.0));
        let svg = standalone(&s, "x", ".a>.b{fill:var(--ok)}");
        assert!(svg.contains("xmlns=") && svg.contains("<style>.a>.b{fill:var(--ok)}</style>"));
    }

    #[test]
    fn the_drawn_style_knows_every_tone() {
        let css = include_str!("../../style/draw.css");
        for tone in Tone::ALL {
            for prefix in ["f", "s", "t"] {
                assert!(
                    css.contains(&format!(".{prefix}-{} ", tone.name())),
                    "style/draw.css has no .{prefix}-{}",
                    tone.name()
                );
            }
        }
    }
}
