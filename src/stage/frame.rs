//! The frame loop: advances the player and mutates the drawings, once per animation frame.
//!
//! Nothing here goes through signals except a tick ten times a second, so that a frame costs what
//! the simulation and the changed attributes cost.

use super::picture::{self, Hosts};
use super::player::{Player, Side};
use super::{Handle, Panel, chart, timeline};
use crate::draw::dom::Renderer;
use crate::draw::{Hit, Scene, Shape};
use crate::ui::{Kept, NodeRef, Signal, batch, effect, next_frame, on_cleanup, window};
use sim::decimal::fixed;
use sim::order;
use std::cell::RefCell;
use std::rc::Rc;
use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;
use web_sys::{Element, HtmlElement, PointerEvent};

/// Below this width on screen the narrow layout is drawn.
const NARROW_BELOW_PX: f64 = 560.0;
/// How often the numbers on screen change while time passes.
const TICK_MS: f64 = 100.0;
/// With reduced motion the picture moves on in still steps of this length.
const STILL_MS: f64 = 500.0;

struct Sheet {
    renderer: Renderer,
    scene: Scene,
    host: Element,
}

impl Sheet {
    fn new(host: Element) -> Option<Sheet> {
        Renderer::new(&host).ok().map(|renderer| Sheet { renderer, scene: Scene::new(), host })
    }
    fn width(&self) -> f64 {
        f64::from(self.host.client_width())
    }
}

/// Runs `step(now_ms)` every animation frame for as long as the component lives.
fn every_frame(step: impl FnMut(f64) + 'static) {
    // Goes with the component that owns it.
    let alive = Kept::new(());
    fn again(alive: Kept<()>, step: Rc<RefCell<dyn FnMut(f64)>>) {
        next_frame(move || {
            if alive.alive() {
                let now = window().performance().map_or(0.0, |p| p.now());
                (step.borrow_mut())(now);
                again(alive, step);
            }
        });
    }
    again(alive, Rc::new(RefCell::new(step)));
}

fn reduced_motion() -> bool {
    window().match_media("(prefers-reduced-motion: reduce)").ok().flatten().is_some_and(|m| m.matches())
}

/// Whether any part of the stage can be seen; off-screen stages stand still.
fn watch_visibility(host: &Element) -> Rc<std::cell::Cell<bool>> {
    let visible = Rc::new(std::cell::Cell::new(true));
    let seen = visible.clone();
    let callback = Closure::<dyn FnMut(js_sys::Array)>::new(move |entries: js_sys::Array| {
        if let Some(entry) = entries.iter().last().and_then(|e| e.dyn_into::<web_sys::IntersectionObserverEntry>().ok())
        {
            seen.set(entry.is_intersecting());
        }
    });
    if let Ok(observer) = web_sys::IntersectionObserver::new(callback.as_ref().unchecked_ref()) {
        observer.observe(host);
        // The observer and its callback live as long as the page's stage.
        on_cleanup(move || {
            observer.disconnect();
            drop(callback);
        });
    }
    visible
}

/// The picture, and with it the clock of the whole stage.
pub fn mount(h: Handle, hosts: Hosts) {
    effect(move || {
        let (Some(a), Some(b)) = (hosts.a.get(), hosts.b.get()) else { return };
        let (a, b): (Element, Element) = (a.into(), b.into());
        a.set_inner_html("");
        let visible = watch_visibility(&a);
        let sheets: Rc<RefCell<[Option<Sheet>; 2]>> = Rc::new(RefCell::new([Sheet::new(a.clone()), None]));
        for (host, side) in [(a, Side::A), (b.clone(), Side::B)] {
            listen(h, &host, side, sheets.clone());
        }
        let still = reduced_motion();
        let mut last = None::<f64>;
        let mut ticked = 0.0;
        let mut drawn = (u32::MAX, None, 0.0, false);
        let mut owed = 0.0;
        let mut meter = Meter::default();
        every_frame(move |now| {
            let begun = now;
            let elapsed = last.map_or(0.0, |l| now - l);
            last = Some(now);
            let mut sheets = sheets.borrow_mut();
            if let Some(at) = h.seek_to.get_untracked() {
                h.seek_to.set(None);
                h.quietly(|p| p.seek(at));
                h.tick.update(|t| *t = t.wrapping_add(1));
                drawn.0 = u32::MAX;
            }
            let was_playing = h.with(|p| p.playing);
            let mut moved = false;
            if visible.get() {
                owed += elapsed.min(100.0);
                if !still || owed >= STILL_MS {
                    let span = std::mem::take(&mut owed);
                    // Reduced motion: the same time passes, shown as stills.
                    for part in 0..(span / 100.0).ceil().max(1.0) as u32 {
                        moved |= h.quietly(|p| p.frame((span - f64::from(part) * 100.0).clamp(0.0, 100.0)));
                    }
                }
            }
            let two = h.with(Player::two_sided);
            if two && sheets[1].is_none() {
                sheets[1] = Sheet::new(b.clone());
            }
            let width = sheets[0].as_ref().map_or(0.0, Sheet::width);
            let face = (h.shape.get_untracked(), h.selected.get_untracked(), width, two);
            if moved || face != drawn {
                drawn = face;
                let narrow = width < NARROW_BELOW_PX;
                h.with(|p| {
                    for (sheet, side) in sheets.iter_mut().zip([Side::A, Side::B]) {
                        if let Some(s) = sheet.as_mut().filter(|_| side == Side::A || two) {
                            picture::draw(p, side, narrow, still, h.selected.get_untracked(), &mut s.scene);
                            s.renderer.set_label(&picture::picture_label(p, side));
                            s.renderer.render(&mut s.scene);
                        }
                    }
                });
            }
            let playing = h.with(|p| p.playing);
            if was_playing != playing {
                h.changed();
            }
            if moved && now - ticked >= TICK_MS {
                ticked = now;
                h.tick.update(|t| *t = t.wrapping_add(1));
            }
            if moved && let (Some(p), Some(sheet)) = (window().performance(), sheets[0].as_ref()) {
                meter.note(p.now() - begun, elapsed, &sheet.host);
            }
        });
    });
}

/// Frame costs of the last seconds, written where a benchmark can read them.
#[derive(Default)]
struct Meter {
    work: Vec<f64>,
    gaps: Vec<f64>,
}

impl Meter {
    fn note(&mut self, work_ms: f64, gap_ms: f64, host: &Element) {
        self.work.push(work_ms);
        self.gaps.push(gap_ms);
        if self.work.len() == 120 {
            order::by(&mut self.work, |a, b| a < b);
            order::by(&mut self.gaps, |a, b| a < b);
            let at = |v: &[f64], q: f64| fixed(v[((v.len() - 1) as f64 * q) as usize], 2);
            let text = format!(
                "work p50 {} p95 {} max {} gap p50 {} p95 {} max {}",
                at(&self.work, 0.5),
                at(&self.work, 0.95),
                at(&self.work, 1.0),
                at(&self.gaps, 0.5),
                at(&self.gaps, 0.95),
                at(&self.gaps, 1.0)
            );
            _ = host.set_attribute("data-frame-ms", &text);
            self.work.clear();
            self.gaps.clear();
        }
    }
}

/// The lane at a height of the drawing: for inputs that are dragged along it.
fn lane_at(scene: &Scene, x: f32, y: f32) -> Option<(Hit, f32)> {
    scene.items().iter().find_map(|item| {
        let (Some(hit @ Hit::Lane { .. }), Shape::Rect { x: left, y: top, w, h, .. }) = (item.hit, item.shape) else {
            return None;
        };
        (y >= top - 20.0 && y <= top + h + 20.0 && w > 0.0).then(|| (hit, ((x - left) / w).clamp(0.0, 1.0)))
    })
}

/// Clicks act; the reader's own inputs can be dragged along their lane.
fn listen(h: Handle, host: &Element, side: Side, sheets: Rc<RefCell<[Option<Sheet>; 2]>>) {
    let index = usize::from(side == Side::B);
    let dragged = Rc::new(std::cell::Cell::new(None::<u32>));
    let on = |name: &str, mut f: Box<dyn FnMut(PointerEvent)>| {
        let closure = Closure::<dyn FnMut(PointerEvent)>::new(move |ev| batch(|| f(ev)));
        _ = host.add_event_listener_with_callback(name, closure.as_ref().unchecked_ref());
        // Lives as long as the host, which keeps the only reference to it.
        closure.forget();
    };
    {
        let (sheets, dragged, host) = (sheets.clone(), dragged.clone(), host.clone());
        on(
            "pointerdown",
            Box::new(move |ev| {
                let hit = sheets.borrow()[index].as_ref().and_then(|s| s.renderer.hit_event(&ev));
                if let Some((Hit::Input(i), _)) = hit {
                    dragged.set(Some(i));
                    _ = host.set_pointer_capture(ev.pointer_id());
                }
            }),
        );
    }
    {
        let (sheets, dragged) = (sheets.clone(), dragged.clone());
        on(
            "pointerup",
            Box::new(move |ev| {
                let Some(i) = dragged.take() else { return };
                let to = sheets.borrow()[index].as_ref().and_then(|s| {
                    let (x, y) = s.renderer.to_scene(f64::from(ev.client_x()), f64::from(ev.client_y()));
                    let (hit, fraction) = lane_at(s.renderer.scene(), x, y)?;
                    hit.time_us(fraction)
                });
                if let Some(to) = to {
                    h.change(|p| p.move_input(i as usize, sim::kernel::Us(to)));
                }
            }),
        );
    }
    on(
        "click",
        Box::new(move |ev| {
            let hit = sheets.borrow()[index].as_ref().and_then(|s| s.renderer.hit_event(&ev));
            if let Some((hit, fraction)) = hit {
                picture::click(h, side, hit, fraction);
            }
        }),
    );
}

/// The timeline follows the picture's clock, in its own drawing.
pub fn mount_timeline(h: Handle, host: NodeRef<HtmlElement>) {
    effect(move || {
        let Some(host) = host.get() else { return };
        let Some(mut sheet) = Sheet::new(host.into()) else { return };
        let mut drawn = (u32::MAX, sim::kernel::Us::MAX, 0.0);
        _ = sheet.renderer.svg().set_attribute("aria-hidden", "true");
        every_frame(move |_| {
            let face = (h.shape.get_untracked(), h.with(Player::now), sheet.width());
            if face != drawn {
                drawn = face;
                h.with(|p| timeline::draw(p, face.2 as f32, &mut sheet.scene));
                sheet.renderer.render(&mut sheet.scene);
            }
        });
    });
}

/// The chart changes with the tick, while the numbers are shown.
pub fn mount_chart(h: Handle, host: NodeRef<HtmlElement>, group: Signal<&'static str>) {
    effect(move || {
        let Some(host) = host.get() else { return };
        let Some(mut sheet) = Sheet::new(host.into()) else { return };
        sheet.renderer.set_label("The numbers over time");
        let mut drawn = (0, 0, 0.0);
        every_frame(move |_| {
            if h.panel.get_untracked() != Panel::Numbers {
                return;
            }
            let face = (h.shape.get_untracked().wrapping_add(1), h.tick.get_untracked(), sheet.width());
            if face != drawn && face.2 > 0.0 {
                drawn = face;
                h.with(|p| chart::draw(p, group.get_untracked(), face.2 as f32, &mut sheet.scene));
                sheet.renderer.render(&mut sheet.scene);
            }
        });
    });
}
