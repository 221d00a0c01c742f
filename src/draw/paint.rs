//! Renderer four: a whole sheet as pixels, for pictures and clips. It repaints everything, so it is not what the stage
//! itself is shown with.

use super::scene::{Anchor, Item, Scene, Shape, Tone};
use super::sheet::{MONO, Palette, SANS, Sheet};
use std::f64::consts::TAU;
use wasm_bindgen::JsValue;
use web_sys::{CanvasRenderingContext2d, Path2d};

/// Paints a sheet at so many pixels a unit. Whatever the canvas held is painted over.
pub fn paint(on: &CanvasRenderingContext2d, sheet: &Sheet, palette: &Palette, scale: f64) {
    // A canvas refuses none of these calls while its numbers are finite; there is nobody to tell if it did.
    let _ = on.set_transform(scale, 0.0, 0.0, scale, 0.0, 0.0);
    for layer in &sheet.layers {
        on.save();
        let _ = on.translate(f64::from(layer.x), f64::from(layer.y));
        on.begin_path();
        on.rect(0.0, 0.0, f64::from(layer.scene.width()), f64::from(layer.scene.height()));
        on.clip();
        scene(on, &layer.scene, palette);
        on.restore();
    }
}

fn scene(on: &CanvasRenderingContext2d, scene: &Scene, palette: &Palette) {
    for i in scene.items() {
        item(on, scene, i, palette);
    }
    let mut mark = Scene::new();
    for p in scene.particles() {
        mark.clear_items();
        mark.glyph(p.x, p.y, p.glyph, p.tone, p.size);
        for i in mark.items() {
            item(on, &mark, i, palette);
        }
    }
}

fn item(on: &CanvasRenderingContext2d, scene: &Scene, item: &Item, palette: &Palette) {
    on.set_global_alpha(f64::from(item.opacity));
    if let Shape::Text { .. } = item.shape {
        return text(on, scene, item, palette);
    }
    let path = match item.shape {
        Shape::Path { d } => Path2d::new_with_path_string(scene.str(d)).ok(),
        _ => None,
    };
    trace(on, item);
    if item.fill != Tone::None {
        on.set_fill_style_str(palette.fill(item.fill));
        match &path {
            Some(path) => on.fill_with_path_2d(path),
            None => on.fill(),
        }
    }
    if item.stroke != Tone::None {
        on.set_stroke_style_str(palette.line(item.stroke));
        on.set_line_width(f64::from(item.width));
        dash(on, item.dash.array());
        match &path {
            Some(path) => on.stroke_with_path(path),
            None => on.stroke(),
        }
    }
}

fn dash(on: &CanvasRenderingContext2d, array: &str) {
    let lengths: js_sys::Array = array.split(' ').filter_map(sim::decimal::parse).map(JsValue::from_f64).collect();
    let _ = on.set_line_dash(&lengths);
    on.set_line_cap(if array.is_empty() { "round" } else { "butt" });
    on.set_line_join("round");
}

/// Begins the path of every shape that is not a path itself.
fn trace(on: &CanvasRenderingContext2d, item: &Item) {
    on.begin_path();
    match item.shape {
        Shape::Line { x1, y1, x2, y2 } => {
            on.move_to(f64::from(x1), f64::from(y1));
            on.line_to(f64::from(x2), f64::from(y2));
        }
        Shape::Rect { x, y, w, h, r } => {
            let [x, y, w, h] = [x, y, w, h].map(f64::from);
            let r = f64::from(r).min(w / 2.0).min(h / 2.0);
            if r <= 0.0 {
                return on.rect(x, y, w, h);
            }
            on.move_to(x + r, y);
            for (corner, end) in
                [((x + w, y), (x + w, y + h)), ((x + w, y + h), (x, y + h)), ((x, y + h), (x, y)), ((x, y), (x + w, y))]
            {
                let _ = on.arc_to(corner.0, corner.1, end.0, end.1, r);
            }
            on.close_path();
        }
        Shape::Circle { cx, cy, r } => {
            let _ = on.arc(f64::from(cx), f64::from(cy), f64::from(r).max(0.0), 0.0, TAU);
        }
        Shape::Path { .. } | Shape::Text { .. } => {}
    }
}

fn text(on: &CanvasRenderingContext2d, scene: &Scene, item: &Item, palette: &Palette) {
    let Shape::Text { x, y, size, anchor, bold, mono, halo, text } = item.shape else { return };
    let (x, y, text) = (f64::from(x), f64::from(y), scene.str(text));
    let weight = if bold { "600 " } else { "" };
    let size = sim::decimal::Plain(f64::from(size));
    on.set_font(&format!("{weight}{size}px {}", if mono { MONO } else { SANS }));
    on.set_text_align(match anchor {
        Anchor::Start => "left",
        Anchor::Middle => "center",
        Anchor::End => "right",
    });
    if halo {
        on.set_stroke_style_str(palette.line(Tone::Sunk));
        on.set_line_width(4.0);
        dash(on, "");
        let _ = on.stroke_text(text, x, y);
    }
    on.set_fill_style_str(palette.line(item.fill));
    let _ = on.fill_text(text, x, y);
}
