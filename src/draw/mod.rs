//! Drawing: how a question's picture is described, independent of where it is shown.
//!
//! A picture is a pure function, called once a frame:
//!
//! ```
//! use breakable::draw::{Glyph, Hit, Scene, Tone, View};
//!
//! struct Model { used: u32, limit: u32, sent_us: Vec<u64> }
//!
//! fn draw(model: &Model, view: &View, scene: &mut Scene) {
//!     // Each picture has its own narrow layout; `view.narrow` says which one is wanted.
//!     let x = if view.narrow { 12.0 } else { 24.0 };
//!     scene.text(x, 28.0, 14.0, "Fixed window").bold();
//!     // Anything that implements Display is text, so no String is needed for numbers.
//!     scene.text(x, 46.0, 12.0, format_args!("{} of {}", model.used, model.limit)).tone(Tone::Ink3);
//!     scene.rect(x, 60.0, 120.0, 40.0).round(8.0).fill(Tone::Panel).stroke(Tone::Ink2)
//!         .hit(Hit::Node(0)).tip("The API: click to kill it");
//!     scene.arrow((x + 130.0, 80.0), (x + 170.0, 80.0), Tone::Ink3);
//!     // What there are many of goes to the canvas: (x, y), glyph, tone, radius, request id.
//!     for (id, &at) in model.sent_us.iter().enumerate() {
//!         let age = view.now_us.saturating_sub(at) as f32 / 1e6;
//!         scene.particle(view.width - age * 40.0, 80.0, Glyph::Dot, Tone::Ok, 5.0, Some(id as u32));
//!     }
//! }
//!
//! let view = View::wide(160.0);
//! let mut scene = Scene::new();
//! scene.begin(&view); // empties the buffers and keeps their memory
//! draw(&Model { used: 3, limit: 10, sent_us: vec![0] }, &view, &mut scene);
//! assert!(breakable::draw::svg::fragment(&scene, "A limiter").contains("3 of 10"));
//! ```
//!
//! Rules of the house:
//!
//! - **Units.** Scene units are CSS pixels at the reference width: 860 wide, 390 narrow. Text is never under 11
//!   (debug builds assert it). `y` of a text is its baseline; [`ItemMut::vcenter`] centres it instead.
//! - **Tones, not colours.** A [`Tone`] names a meaning; the theme decides its colour. An outcome always appears with
//!   its [`Glyph`] or in words: `Outcome` pairs the two, so use [`Scene::outcome`] and `Outcome::tone`.
//! - **Stable structure.** The browser keeps the elements of the last frame and sets only what changed. Items are
//!   matched by position, so a list that grows in the middle of a scene should give its items a [`ItemMut::key`]
//!   (make one with [`key`]; unique within the scene), or be drawn last.
//! - **Many or moving every frame: particles.** They live on one canvas over the SVG and cost almost nothing. A
//!   particle with an id answers clicks as [`Hit::Request`].
//! - **No clock, no randomness.** Everything comes from the model and from [`View`]: `now_us` is simulated time.
//!   With `view.reduced_motion` things appear at their stations instead of flying between them.
//! - Later items lie over earlier ones; particles lie over all items.
//!
//! The renderers: [`svg`] makes text (posters, tests, copying a picture), `dom` keeps SVG elements in step in the
//! browser, `canvas` draws the particles. The primitives are functions that add items to a scene; each takes an
//! [`Area`] to fill and never draws outside it unless its documentation says so:
//!
//! | module | draws |
//! |---|---|
//! | [`lanes`] | requests along a line of time, window edges, brackets with counts |
//! | [`bucket`] | what drains and refills |
//! | [`topology`] | boxes with values and utilisation, arrows between them, packets on the arrows |
//! | [`pipe`] | a queue: how full, how many, how old, where the bound is |
//! | [`shelf`] | keys and values with their ages |
//! | [`tiles`] | pods, slots, machines |
//! | [`bars`] | horizontal bars with names and values |
//! | [`plot`] | lines, stacked areas, sparklines |
//! | [`swim`] | who did what when, messages, locks |
//! | [`waterfall`] | the spans of a trace |
//! | [`ledger`] | a table of labels and values |
//! | [`legend`] | signs and their words |
//!
//! `cargo run --example gallery` shows them all. [`check::text_problems`] finds texts that overlap or stick out: hold
//! every picture against it in its tests.

mod axis;
pub mod bars;
pub mod bucket;
#[cfg(feature = "csr")]
pub mod canvas;
pub mod check;
#[cfg(any(test, feature = "csr"))]
mod diff;
#[cfg(feature = "csr")]
pub mod dom;
pub mod lanes;
pub mod ledger;
pub mod legend;
pub mod measure;
pub mod number;
pub mod pipe;
mod place;
pub mod plot;
#[cfg(any(test, feature = "csr"))]
mod raster;
mod scene;
pub mod shelf;
pub mod svg;
pub mod swim;
pub mod tiles;
pub mod topology;
pub mod waterfall;

pub use axis::TimeAxis;
pub use measure::{Font, fits, text_width};
pub use place::Placer;
pub use scene::{
    Anchor, Area, Dash, Glyph, Hit, Item, ItemMut, NARROW, Outcome, Particle, PathBuilder, Scene, Shape, Side, Span,
    Tone, View, WIDE, Words, key,
};

/// The tone of a utilisation: fine below 0.7, tight below 0.9, then too much. Always shown with a length or a number.
pub fn load_tone(load: f32) -> Tone {
    if load < 0.7 {
        Tone::Ok
    } else if load < 0.9 {
        Tone::Waiting
    } else {
        Tone::Rejected
    }
}
