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
//! browser, `canvas` draws the particles, `paint` a whole [`sheet`] as pixels. The primitives are functions that add items to a scene; each takes an
//! [`Area`] to fill and never draws outside it unless its documentation says so:
//!
//! | module | draws |
//! |---|---|
//! | [`lanes`] | requests along a line of time, window edges, brackets with counts |
//! | [`bucket`] | what drains and refills |
//! | [`topology`] | boxes with values and utilisation, arrows between them, packets on the arrows |
//! | [`flights`] | requests that fly out and come back as what became of them |
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
pub(crate) mod diff;
#[cfg(feature = "csr")]
pub mod dom;
pub mod flights;
pub mod lanes;
pub mod ledger;
pub mod legend;
pub mod measure;
pub mod number;
#[cfg(feature = "csr")]
pub mod paint;
pub mod pipe;
mod place;
pub mod plot;
#[cfg(any(test, feature = "csr"))]
mod raster;
mod scene;
pub mod sheet;
pub mod shelf;
pub mod svg;
pub mod swim;
pub mod tiles;
pub mod topology;
#[cfg(test)]
pub mod vision;
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

#[cfg(test)]
mod tests {
    use super::plot::{Bound, Layer, Plot, Range, Series, Stacked};
    use super::*;

    /// Draws in both layouts and looks at the texts.
    fn draw(picture: impl Fn(&mut Scene, Area)) -> Vec<String> {
        let mut scene = Scene::new();
        let mut problems = Vec::new();
        for view in [View::wide(200.0), View::narrow(200.0)] {
            scene.begin(&view);
            picture(&mut scene, Area::new(8.0, 8.0, view.width - 16.0, 184.0));
            problems.extend(check::text_problems(&scene));
        }
        problems
    }

    #[test]
    fn plots_take_what_runs_really_give() {
        let none: [(f64, f64); 0] = [];
        let one = [(5e5, 3.0)];
        let odd = [(0.0, f64::NAN), (1e5, f64::INFINITY), (2e5, -4.0), (3e5, 1e12), (9e5, 0.0)];
        for points in [&none[..], &one, &odd] {
            for y in [
                Range::from_zero(0.0, "/s"),
                Range::from_zero(f64::NAN, "ms"),
                Range::from_zero(1e9, "requests"),
                Range::new(3.0, 3.0, ""),
                Range::new(0.0, 1e6, "us").log(),
                Range::from_zero(0.004, "s"),
            ] {
                let problems = draw(|scene, area| {
                    let series = [Series::new("simulated", points, Tone::Ok), Series::theory("theory", points)];
                    let bounds = [Bound { y: 2.0, label: "a limit with a rather long name", tone: Tone::Rejected }];
                    let cursor = Some(f64::NAN);
                    let x = Range::time(0, 1_000_000);
                    let caption = &"requests per second, at the gateway";
                    plot::plot(
                        scene,
                        &Plot { area, x, y, series: &series, bounds: &bounds, caption, cursor, future_from: Some(2e6) },
                    );
                });
                assert_eq!(problems, Vec::<String>::new(), "{points:?} on {y:?}");
            }
        }
    }

    #[test]
    fn stacks_take_any_number_of_points() {
        for n in [0usize, 1, 2, 3, 1000, 10_001] {
            let xs: Vec<f64> = (0..n).map(|i| i as f64 * 1e3).collect();
            let values: Vec<f64> = xs.iter().map(|x| if *x == 5e3 { f64::NAN } else { x / 1e6 }).collect();
            let layers = [
                Layer { label: "served", tone: Tone::Ok, values: &values },
                Layer { label: "refused", tone: Tone::Rejected, values: &values },
            ];
            let problems = draw(|scene, area| {
                plot::stacked(
                    scene,
                    &Stacked {
                        area,
                        x: Range::time(0, 10_000_000),
                        y: Range::from_zero(20.0, "/s"),
                        xs: &xs,
                        layers: &layers,
                        lines: &[],
                        bounds: &[],
                        caption: &"",
                        cursor: None,
                    },
                );
            });
            assert_eq!(problems, Vec::<String>::new(), "{n} points");
        }
    }

    #[test]
    fn empty_things_are_drawn_empty() {
        let problems = draw(|scene, area| {
            tiles::tiles(scene, area, &[]);
            bars::bars(scene, &bars::Bars { area, bars: &[], max: 0.0, label_w: 80.0, mark: None });
            ledger::ledger(scene, &ledger::Ledger { area, title: "", lines: &[] });
            shelf::shelf(scene, &shelf::Shelf { area, title: "", rows: &[] });
            plot::sparkline(scene, area, &[f64::NAN, f64::NAN], f64::NAN, Tone::Ok);
        });
        assert_eq!(problems, Vec::<String>::new());
        let problems = draw(|scene, area| {
            waterfall::waterfall(scene, &waterfall::Waterfall { area, spans: &[], label_w: 80.0, pitch: 20.0 });
        });
        assert_eq!(problems, Vec::<String>::new());
        let problems = draw(|scene, area| {
            let s = swim::Swim { area, t0_us: 0, t1_us: 0, now_us: 0, actors: &[], label_w: 0.0 };
            swim::swim(scene, &s, |_, _| {});
        });
        assert_eq!(problems, Vec::<String>::new());
    }

    #[test]
    fn axes_of_every_length_are_legible() {
        for span_us in [1, 10, 999, 12_345, 1_000_000, 7_500_000, 61_000_000, 3_600_000_000, 400_000_000_000] {
            for from_us in [0, 1, 59_900_000, 119_999_999, 7_200_000_000] {
                let problems = draw(|scene, area| {
                    TimeAxis::new(area.x, area.right(), from_us, from_us + span_us).draw(scene, 100.0);
                });
                assert_eq!(problems, Vec::<String>::new(), "{span_us} us from {from_us}");
            }
        }
    }
}
