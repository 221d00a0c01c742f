//! Renderer three: particles on a canvas that lies over the SVG.
//!
//! The pixels are made in `raster`, in device pixels and in the colours of the theme, and handed over in one call a
//! frame. The sprites are made again when the theme, the scale or the pixel ratio changes.

use super::raster::{Look, Raster, Rgba, Sprite};
use super::scene::{Glyph, Particle, Tone};
use sim::text::joined;
use wasm_bindgen::{Clamped, JsCast, JsValue};
use web_sys::{CanvasRenderingContext2d, Document, Element, HtmlCanvasElement, ImageData, Window};

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
        Fit { scale, dx: (shown.0 - w * scale) / 2.0, dy: (shown.1 - h * scale) / 2.0 }
    }
}

/// Glyph, tone and size in halves of a unit: enough to tell sizes apart, few enough to keep them all.
type Kind = (Glyph, Tone, u16);

/// The canvas and its sprites.
pub struct ParticleLayer {
    window: Window,
    canvas: HtmlCanvasElement,
    context: CanvasRenderingContext2d,
    raster: Raster,
    /// A short list, searched from the front: a picture uses a dozen kinds.
    sprites: Vec<(Kind, Sprite)>,
    /// Device pixels per scene unit that the sprites were made for; 0 when they must be made again.
    scale: f64,
    particles: Vec<Particle>,
    scene: (f32, f32),
    shown: (f64, f64),
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
        let context = canvas.get_context("2d")?.ok_or_else(|| JsValue::from_str("this browser has no 2d canvas"))?;
        Ok(ParticleLayer {
            window,
            context: context.unchecked_into(),
            canvas,
            raster: Raster::default(),
            sprites: Vec::new(),
            scale: 0.0,
            particles: Vec::new(),
            scene: (0.0, 0.0),
            shown: (0.0, 0.0),
        })
    }

    /// The size in CSS pixels in which the scene is shown now.
    pub fn set_shown(&mut self, width: f64, height: f64) {
        self.shown = (width, height);
    }

    /// Forgets the colours: they are read again at the next drawing.
    pub fn theme_changed(&mut self) {
        self.scale = 0.0;
    }

    /// Takes the particles of a frame and draws them.
    pub fn show(&mut self, scene: (f32, f32), particles: &[Particle]) {
        if self.scene == scene && self.particles == particles && self.scale > 0.0 {
            return;
        }
        self.scene = scene;
        self.particles.clear();
        self.particles.extend_from_slice(particles);
        self.draw();
    }

    /// Draws what was shown last: after a change of size or theme.
    pub fn draw(&mut self) {
        let ratio = self.window.device_pixel_ratio().clamp(0.5, 4.0);
        let pixels = |css: f64| (css * ratio).round().clamp(0.0, 8192.0) as usize;
        let (w, h) = (pixels(self.shown.0), pixels(self.shown.1));
        if w == 0 || h == 0 {
            return;
        }
        if self.raster.size() != (w, h) {
            if self.particles.is_empty() {
                // Most pictures have none most of the time: they get no pixels before they need them. What may have
                // been shown at another size must go.
                if self.raster.size().0 > 0 {
                    self.raster = Raster::default();
                    self.canvas.set_width(1);
                    self.canvas.set_height(1);
                }
                return;
            }
            self.raster.resize(w, h);
            self.canvas.set_width(w as u32);
            self.canvas.set_height(h as u32);
        }
        self.raster.clear();
        self.stamp_all(ratio);
        let Some((patch, bytes)) = self.raster.changed() else {
            return;
        };
        // Neither call fails for a picture of a legal size; there is nobody to tell if one did.
        if let Ok(image) = ImageData::new_with_u8_clamped_array(Clamped(bytes), w as u32) {
            let ((left, right), (from, to)) = (patch.columns, patch.rows);
            let [left, width, from, height] = [left, right - left, from, to - from].map(|n| n as f64);
            // Of the rows only the columns that changed: each pixel is translated on its way.
            let put =
                CanvasRenderingContext2d::put_image_data_with_dirty_x_and_dirty_y_and_dirty_width_and_dirty_height;
            let _ = put(&self.context, &image, 0.0, from, left, 0.0, width, height);
        }
    }

    fn stamp_all(&mut self, ratio: f64) {
        let fit = Fit::new(self.scene, self.shown);
        let scale = fit.scale * ratio;
        if scale <= 0.0 {
            return;
        }
        if (scale - self.scale).abs() > 1e-6 {
            self.sprites.clear();
            self.scale = scale;
        }
        let (dx, dy) = ((fit.dx * ratio) as f32, (fit.dy * ratio) as f32);
        for i in 0..self.particles.len() {
            let p = self.particles[i];
            let kind = (p.glyph, p.tone, (p.size * 2.0).round().clamp(1.0, 200.0) as u16);
            let sprite = match self.sprites.iter().position(|(k, _)| *k == kind) {
                Some(found) => found,
                None => {
                    let sprite = self.make(kind);
                    self.sprites.push((kind, sprite));
                    self.sprites.len() - 1
                }
            };
            self.raster.stamp(&self.sprites[sprite].1, p.x * scale as f32 + dx, p.y * scale as f32 + dy);
        }
    }

    /// The same outlines as `PathBuilder::glyph`, in the colours of the theme.
    fn make(&self, (glyph, tone, halves): Kind) -> Sprite {
        let scale = self.scale as f32;
        let look = Look {
            glyph,
            radius: f32::from(halves) / 2.0 * scale,
            stroke: if glyph == Glyph::Cross { 2.6 } else { 2.0 } * scale,
            color: self.color(if glyph.stroked() { tone.line_var() } else { tone.fill_var() }),
            inside: self.color(Tone::Panel.fill_var()),
        };
        Sprite::new(&look, if scale < 1.5 { 4 } else { 2 })
    }

    /// The colour of a CSS variable, asked for as the canvas's own text colour: so the browser resolves it, also where it
    /// is one of the system's (forced colours). Without a style sheet, or with a colour that the canvas does not spell
    /// in RGB, the particles are grey but to be seen.
    fn color(&self, variable: &str) -> Rgba {
        const GREY: Rgba = [128, 128, 128, 255];
        _ = self.canvas.style().set_property("color", &joined(&["var(", variable, ",#808080)"], ""));
        let value = self
            .window
            .get_computed_style(&self.canvas)
            .ok()
            .flatten()
            .and_then(|style| style.get_property_value("color").ok())
            .unwrap_or_default();
        // The canvas translates any way of writing a colour into one of two; an illegal one leaves it as it was.
        self.context.set_fill_style_str("#808080");
        self.context.set_fill_style_str(value.trim_ascii());
        let value = self.context.fill_style().as_string().unwrap_or_default();
        super::raster::parse_color(&value).unwrap_or(GREY)
    }
}

impl Drop for ParticleLayer {
    fn drop(&mut self) {
        self.canvas.remove();
    }
}
