//! The timeline: where the run is, what went wrong when, and the reader's own inputs.

use super::Handle;
use super::player::Player;
use crate::draw::{Glyph, Hit, Scene, Tone, View, key, number};
use crate::ui::el::{Piece, el};
use crate::ui::{Kept, NodeRef};
use sim::decimal::fixed;
use sim::kernel::Us;
use sim::script;
use wasm_bindgen::JsCast;
use web_sys::{HtmlElement, KeyboardEvent, PointerEvent};

pub const HEIGHT: f32 = 40.0;
const EDGE: f32 = 9.0;
/// Marks are gathered into so many bins, so that a storm of refusals stays readable.
const BINS: usize = 140;

/// Where the head stands, in whole pixels: while the run plays, a smaller step is not worth a drawing.
#[cfg(feature = "csr")]
pub fn head_px(p: &Player, width: f64) -> u64 {
    (p.now().0 as f64 / p.span().0.max(1) as f64 * (width - 2.0 * f64::from(EDGE))).round() as u64
}

/// Draws the timeline at its size on screen.
pub fn draw(p: &Player, width: f32, scene: &mut Scene) {
    let mut view = View::wide(HEIGHT);
    view.width = width.max(80.0);
    scene.begin(&view);
    let span = p.span().0.max(1) as f64;
    let x = |t: Us| EDGE + (view.width - 2.0 * EDGE) * (t.0 as f64 / span).min(1.0) as f32;
    let y = 20.0;
    let (left, right, now) = (x(Us::ZERO), x(Us(span as u64)), x(p.now()));
    scene.line(left, y, right, y).stroke(Tone::Line).width(4.0);
    scene.line(left, y, x(p.frontier()), y).stroke(Tone::Ink3).width(4.0).opacity(0.45);
    scene.line(left, y, now, y).stroke(Tone::Accent).width(4.0);
    marks(p, scene, &x, y);
    for (i, input) in p.inputs().iter().enumerate().filter(|(_, input)| !p.hidden.contains(&input.at)) {
        let at = x(input.at);
        scene
            .path(|d| {
                d.move_to(at, y + 6.0).line_to(at + 5.5, y + 16.0).line_to(at - 5.5, y + 16.0).close();
            })
            .fill(Tone::Undo)
            .key(key(2, i as u32))
            .hit(Hit::Input(i as u32))
            .tip(format_args!(
                "{} at {}. Drag to move it.",
                script::tell_input(p.question, input),
                number::clock_us(input.at.0)
            ));
    }
    for (i, f) in p.futures.iter().enumerate() {
        scene.glyph(x(f.forked_at), y, Glyph::Diamond, Tone::Undo, 4.0).key(key(3, i as u32));
    }
    scene.circle(now, y, 8.0).fill(Tone::Accent).stroke(Tone::Panel).width(2.0);
}

/// One small cross a bin in which something was refused, lost or failed; as high as it was bad.
fn marks(p: &Player, scene: &mut Scene, x: &dyn Fn(Us) -> f32, y: f32) {
    let mut bins = [0u32; BINS];
    let span = p.span().0.max(1);
    let history = p.a().history();
    for (row, bad) in history.bad.iter().enumerate() {
        let t = (history.every * row as u64).0;
        bins[((t as u128 * BINS as u128 / span as u128) as usize).min(BINS - 1)] += bad;
    }
    let most = bins.iter().copied().max().unwrap_or(0).max(1) as f32;
    scene
        .path(|d| {
            for (i, bad) in bins.iter().enumerate().filter(|(_, b)| **b > 0) {
                let at = x(Us((i as u64 * 2 + 1) * span / (2 * BINS as u64)));
                let r = 1.6 + 1.6 * (*bad as f32 / most).sqrt();
                let top = y - 11.0;
                d.move_to(at - r, top - r).line_to(at + r, top + r).move_to(at - r, top + r).line_to(at + r, top - r);
            }
        })
        .stroke(Tone::Rejected)
        .width(1.6);
}

/// The time that a point of the timeline means.
pub fn time_at(p: &Player, fraction_px: f64, width: f64) -> Us {
    let inner = (width - 2.0 * f64::from(EDGE)).max(1.0);
    Us::from_us(sim::order::between(fraction_px - f64::from(EDGE), 0.0, inner) / inner * p.span().0 as f64)
}

fn text(p: &Player) -> String {
    format!("{} of {}", number::clock_us(p.now().0), number::clock_us(p.span().0))
}

pub fn view(h: Handle) -> Piece {
    let host = NodeRef::<HtmlElement>::new();
    #[cfg(feature = "csr")]
    super::frame::mount_timeline(h, host);
    // The input being dragged, if it is not the clock.
    let dragged = Kept::new(None::<u32>);
    let pressed = Kept::new(false);
    let time = move |ev: &PointerEvent| {
        let Some(el) = host.get_untracked() else { return Us::ZERO };
        let bounds = el.get_bounding_client_rect();
        h.with(|p| time_at(p, f64::from(ev.client_x()) - bounds.left(), bounds.width()))
    };
    let down = move |ev: PointerEvent| {
        if ev.button() != 0 || !ev.is_primary() {
            return;
        }
        let mark = ev
            .target()
            .and_then(|t| t.dyn_into::<web_sys::Element>().ok())
            .and_then(|el| el.get_attribute("data-hit"))
            .and_then(|_| nearest_input(h, time(&ev)));
        dragged.set(mark);
        pressed.set(true);
        if let Some(el) = host.get_untracked() {
            _ = el.set_pointer_capture(ev.pointer_id());
        }
        if mark.is_none() {
            h.seek_to.set(Some(time(&ev)));
        }
    };
    let moved = move |ev: PointerEvent| {
        if pressed.with(|p| *p) && dragged.with(|d| *d).is_none() {
            h.seek_to.set(Some(time(&ev)));
        }
    };
    let up = move |ev: PointerEvent| {
        // The browser may have taken the finger away for something else: then nothing was put anywhere.
        let put = pressed.with(|p| *p) && ev.type_() != "pointercancel";
        if let Some(i) = dragged.with(|d| *d).filter(|_| put) {
            let to = time(&ev);
            h.change(|p| p.move_input(i as usize, to));
            h.say(format!("Moved to {}", number::clock_us(to.0)));
        }
        pressed.set(false);
        dragged.set(None);
    };
    let keys = move |ev: KeyboardEvent| {
        if ev.ctrl_key() || ev.alt_key() || ev.meta_key() {
            return;
        }
        let span = h.with(Player::span).0;
        let (small, large) = ((span / 200).max(1), (span / 20).max(1));
        let now = h.with(Player::now);
        let to = match ev.key().as_str() {
            "ArrowLeft" | "ArrowDown" => now - Us(small),
            "ArrowRight" | "ArrowUp" => now + Us(small),
            "PageDown" => now - Us(large),
            "PageUp" => now + Us(large),
            "Home" => Us::ZERO,
            "End" => Us(span),
            _ => return,
        };
        ev.prevent_default();
        ev.stop_propagation();
        h.change(|p| p.seek(to));
    };
    el("div")
        .attrs(&[
            ("class", "stage-timeline needs-app"),
            ("role", "slider"),
            ("tabindex", "0"),
            ("aria-label", "Timeline"),
            ("aria-valuemin", "0"),
        ])
        .node_ref(host)
        .live("aria-valuemax", move || h.live(|p| fixed(p.span().as_s(), 3).to_string()))
        .live("aria-valuenow", move || h.live(|p| fixed(p.now().as_s(), 3).to_string()))
        .live("aria-valuetext", move || h.live(text))
        .on("pointerdown", move |ev| down(ev.unchecked_into()))
        .on("pointermove", move |ev| moved(ev.unchecked_into()))
        .on("pointerup", move |ev| up(ev.unchecked_into()))
        .on("pointercancel", move |ev| up(ev.unchecked_into()))
        .on("keydown", move |ev| keys(ev.unchecked_into()))
        .into()
}

/// The reader's input that a press near this time means.
fn nearest_input(h: Handle, at: Us) -> Option<u32> {
    h.with(|p| {
        let near = p.span().0 / 40;
        let best = p.inputs().iter().enumerate().min_by_key(|(_, i)| i.at.0.abs_diff(at.0))?;
        (best.1.at.0.abs_diff(at.0) <= near).then_some(best.0 as u32)
    })
}
