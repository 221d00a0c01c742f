//! Renderer three: particles on a canvas that lies over the SVG.
//!
//! Each combination of glyph, tone and size is painted once into an atlas, in device pixels and in the colours of the
//! theme; a frame then only copies from it. The atlas is made again when the theme, the scale or the pixel ratio
//! changes.

use super::scene::{Glyph, Particle, Tone};
use std::collections::HashMap;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{CanvasRenderingContext2d, Document, Element, HtmlCanvasElement, Window};

/// How the scene's units map to the CSS pixels of the box it is shown in: `preserveAspectRatio="xMidYMid meet"`, as the
/// SVG itself does it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fit {
    pub scale: f64,
    pub dx: f64,
    pub dy: f64,
}

impl Fit {
    /// The mapping for a scene of `scene` units shown in a box of `shown` CSS pixels.
    pub fn new(scene: (f32, f32), shown: (f64, f64)) -> Fit {
        let (w, h) = (f64::from(scene.0.max(1.0)), f64::from(scene.1.max(1.0)));
        let scale = (shown.0 / w).min(shown.1 / h);
        Fit {
            scale,
            dx: (shown.0 - w * scale) / 2.0,
            dy: (shown.1 - h * scale) / 2.0,
        }
    }
}

/// A place in the atlas: x in device pixels and the side of the square.
#[derive(Clone, Copy)]
struct Sprite {
    x: f64,
    side: f64,
}

const ATLAS_W: u32 = 2048;
const ATLAS_H: u32 = 96;

/// The canvas and its atlas.
pub struct ParticleLayer {
    window: Window,
    canvas: HtmlCanvasElement,
    context: CanvasRenderingContext2d,
    atlas: HtmlCanvasElement,
    atlas_context: CanvasRenderingContext2d,
    sprites: HashMap<(Glyph, Tone, u16), Sprite>,
    atlas_next_x: f64,
    /// Device pixels per scene unit that the atlas was painted for.
    atlas_scale: f64,
    particles: Vec<Particle>,
    scene: (f32, f32),
    shown: (f64, f64),
    blank: bool,
}

fn context_of(canvas: &HtmlCanvasElement) -> Result<CanvasRenderingContext2d, JsValue> {
    let context = canvas
        .get_context("2d")?
        .ok_or_else(|| JsValue::from_str("this browser has no 2d canvas"))?;
    Ok(context.unchecked_into())
}

impl ParticleLayer {
    /// Makes a canvas in `host`, which must be positioned. It is hidden from assistive technology: the stage shows the
    /// same as text.
    pub fn new(window: Window, document: &Document, host: &Element) -> Result<Self, JsValue> {
        let canvas: HtmlCanvasElement = document.create_element("canvas")?.unchecked_into();
        canvas.set_class_name("scene-particles");
        canvas.set_attribute("aria-hidden", "true")?;
        canvas.set_width(1);
        canvas.set_height(1);
        host.append_child(&canvas)?;
        let atlas: HtmlCanvasElement = document.create_element("canvas")?.unchecked_into();
        atlas.set_width(1);
        atlas.set_height(1);
        Ok(ParticleLayer {
            window,
            context: context_of(&canvas)?,
            canvas,
            atlas_context: context_of(&atlas)?,
            atlas,
            sprites: HashMap::new(),
            atlas_next_x: 0.0,
            atlas_scale: 0.0,
            particles: Vec::new(),
            scene: (0.0, 0.0),
            shown: (0.0, 0.0),
            blank: true,
        })
    }

    /// The size in CSS pixels in which the scene is shown now.
    pub fn set_shown(&mut self, width: f64, height: f64) {
        self.shown = (width, height);
    }

    /// Forgets the colours: they are read again at the next drawing.
    pub fn theme_changed(&mut self) {
        self.atlas_scale = 0.0;
    }

    /// Takes the particles of a frame and draws them.
    pub fn show(&mut self, scene: (f32, f32), particles: &[Particle]) {
        self.scene = scene;
        self.particles.clear();
        self.particles.extend_from_slice(particles);
        self.draw();
    }

    /// Draws what was shown last: after a change of size or theme.
    pub fn draw(&mut self) {
        if self.particles.is_empty() && self.blank {
            return;
        }
        let ratio = self.window.device_pixel_ratio().clamp(0.5, 4.0);
        let (w, h) = (
            (self.shown.0 * ratio).round().clamp(1.0, 8192.0) as u32,
            (self.shown.1 * ratio).round().clamp(1.0, 8192.0) as u32,
        );
        if self.canvas.width() != w || self.canvas.height() != h {
            // Setting the size also clears it.
            self.canvas.set_width(w);
            self.canvas.set_height(h);
        } else {
            self.context
                .clear_rect(0.0, 0.0, f64::from(w), f64::from(h));
        }
        self.blank = self.particles.is_empty();
        let fit = Fit::new(self.scene, self.shown);
        if self.blank || fit.scale <= 0.0 {
            return;
        }
        let scale = fit.scale * ratio;
        if (scale - self.atlas_scale).abs() > 1e-6 {
            self.restart_atlas(scale);
        }
        let (dx, dy) = (fit.dx * ratio, fit.dy * ratio);
        // Neighbours are mostly alike: remember the last sprite instead of looking it up again.
        let mut last: Option<((Glyph, Tone, u16), Sprite)> = None;
        for i in 0..self.particles.len() {
            let p = self.particles[i];
            // Sizes in halves of a unit: enough to tell them apart, few enough for the atlas.
            let key = (
                p.glyph,
                p.tone,
                (p.size * 2.0).round().clamp(1.0, 60.0) as u16,
            );
            let sprite = match last {
                Some((k, s)) if k == key => s,
                _ => {
                    let Some(s) = self.sprite(key) else { continue };
                    last = Some((key, s));
                    s
                }
            };
            let half = sprite.side / 2.0;
            // A failure here would repeat for every particle of every frame; there is nobody to tell.
            let _ = self
                .context
                .draw_image_with_html_canvas_element_and_sw_and_sh_and_dx_and_dy_and_dw_and_dh(
                    &self.atlas,
                    sprite.x,
                    0.0,
                    sprite.side,
                    sprite.side,
                    f64::from(p.x) * scale + dx - half,
                    f64::from(p.y) * scale + dy - half,
                    sprite.side,
                    sprite.side,
                );
        }
    }

    fn restart_atlas(&mut self, scale: f64) {
        self.atlas.set_width(ATLAS_W);
        self.atlas.set_height(ATLAS_H);
        self.sprites.clear();
        self.atlas_next_x = 0.0;
        self.atlas_scale = scale;
    }

    /// The place of a sprite in the atlas, painting it there first if need be. `None` when the atlas is full, which
    /// takes some fifty different sprites at the highest pixel ratio.
    fn sprite(&mut self, key: (Glyph, Tone, u16)) -> Option<Sprite> {
        if let Some(s) = self.sprites.get(&key) {
            return Some(*s);
        }
        let (glyph, tone, halves) = key;
        let radius = f64::from(halves) / 2.0 * self.atlas_scale;
        // Room for the longest glyph (the diamond) and for the rim of a stroke, and one pixel for the filter.
        let side = (radius * 2.4 + 4.0).ceil().min(f64::from(ATLAS_H));
        if self.atlas_next_x + side > f64::from(ATLAS_W) {
            return None;
        }
        let sprite = Sprite {
            x: self.atlas_next_x,
            side,
        };
        self.atlas_next_x += side + 1.0;
        self.paint(glyph, tone, radius, sprite.x + side / 2.0, side / 2.0);
        self.sprites.insert(key, sprite);
        Some(sprite)
    }

    fn color(&self, variable: &str) -> String {
        self.window
            .get_computed_style(&self.canvas)
            .ok()
            .flatten()
            .and_then(|style| style.get_property_value(variable).ok())
            .map(|value| value.trim().to_owned())
            .filter(|value| !value.is_empty())
            // Without a style sheet the particles are still to be seen.
            .unwrap_or_else(|| "#888".to_owned())
    }

    /// The same outlines as `PathBuilder::glyph`, in device pixels.
    fn paint(&self, glyph: Glyph, tone: Tone, s: f64, x: f64, y: f64) {
        let c = &self.atlas_context;
        let stroke_w = 2.0 * self.atlas_scale;
        c.begin_path();
        let polygon = |points: &[(f64, f64)]| {
            for (i, &(px, py)) in points.iter().enumerate() {
                if i == 0 {
                    c.move_to(x + px, y + py)
                } else {
                    c.line_to(x + px, y + py)
                }
            }
            c.close_path();
        };
        match glyph {
            Glyph::Dot | Glyph::Ring => {
                let r = if glyph == Glyph::Ring {
                    (s - stroke_w / 2.0).max(0.5)
                } else {
                    s
                };
                let _ = c.arc(x, y, r, 0.0, std::f64::consts::TAU);
            }
            Glyph::Cross => {
                let k = s * 0.8;
                c.move_to(x - k, y - k);
                c.line_to(x + k, y + k);
                c.move_to(x - k, y + k);
                c.line_to(x + k, y - k);
            }
            Glyph::Triangle => polygon(&[(-0.8 * s, -s), (s, 0.0), (-0.8 * s, s)]),
            Glyph::Back => polygon(&[(0.8 * s, -s), (-s, 0.0), (0.8 * s, s)]),
            Glyph::Square => polygon(&[
                (-0.85 * s, -0.85 * s),
                (0.85 * s, -0.85 * s),
                (0.85 * s, 0.85 * s),
                (-0.85 * s, 0.85 * s),
            ]),
            Glyph::Diamond => polygon(&[
                (0.0, -1.1 * s),
                (1.1 * s, 0.0),
                (0.0, 1.1 * s),
                (-1.1 * s, 0.0),
            ]),
        }
        if glyph.stroked() {
            if glyph == Glyph::Ring {
                c.set_fill_style_str(&self.color(Tone::Panel.fill_var()));
                c.fill();
            }
            c.set_stroke_style_str(&self.color(tone.line_var()));
            c.set_line_cap("round");
            c.set_line_width(if glyph == Glyph::Cross {
                2.6 * self.atlas_scale
            } else {
                stroke_w
            });
            c.stroke();
        } else {
            c.set_fill_style_str(&self.color(tone.fill_var()));
            c.fill();
        }
    }
}

impl Drop for ParticleLayer {
    fn drop(&mut self) {
        self.canvas.remove();
    }
}
