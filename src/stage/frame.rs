//! The frame loop: advances the player and mutates the drawings, once per animation frame.
//!
//! Nothing here goes through signals except a tick ten times a second, so that a frame costs what
//! the simulation and the changed attributes cost.

use super::picture::{self, Hosts};
use super::player::{Player, Side};
use super::{Handle, Panel, chart, timeline};
use crate::draw::dom::{Pace, Renderer};
use crate::draw::{Hit, Scene, Shape};
use crate::prefs::use_prefs;
use crate::ui::{NodeRef, Signal, batch, document, effect, every_frame, on_cleanup, window};
use std::cell::RefCell;
use std::rc::Rc;
use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;
use web_sys::{Element, HtmlElement, Node, PointerEvent};

/// Below this width on screen the narrow layout is drawn.
pub const NARROW_BELOW_PX: f64 = 560.0;
/// With reduced motion the picture moves on in still steps of this length.
const STILL_MS: f64 = 500.0;

struct Sheet {
    renderer: Renderer,
    scene: Scene,
}

impl Sheet {
    fn new(host: Element) -> Option<Sheet> {
        Renderer::new(&host).ok().map(|renderer| Sheet { renderer, scene: Scene::new() })
    }
    /// A sheet for a picture: [`listen`] tells it where the pointer is.
    fn for_picture(host: Element) -> Option<Sheet> {
        let mut sheet = Sheet::new(host)?;
        sheet.renderer.let_tips_wait();
        Some(sheet)
    }
    fn width(&self) -> f64 {
        self.renderer.host_width()
    }
}

/// Whether the system asks for less motion.
pub fn reduced_motion() -> bool {
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
    let prefs = use_prefs();
    effect(move || {
        let (Some(a), Some(b)) = (hosts.a.get(), hosts.b.get()) else { return };
        let (a, b): (Element, Element) = (a.into(), b.into());
        let visible = watch_visibility(&a);
        let sheets: Rc<RefCell<[Option<Sheet>; 2]>> = Rc::new(RefCell::new([Sheet::for_picture(a.clone()), None]));
        for (host, side) in [(a, Side::A), (b.clone(), Side::B)] {
            listen(h, &host, side, sheets.clone());
        }
        let system_still = reduced_motion();
        let mut last = None::<f64>;
        let mut drawn = (u32::MAX, None, 0.0, false);
        let mut owed = 0.0;
        let mut owes_texts = false;
        every_frame(move |now| {
            let still = system_still || prefs.wants_stills();
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
                sheets[1] = Sheet::for_picture(b.clone());
            }
            let width = sheets[0].as_ref().map_or(0.0, Sheet::width);
            let face = (h.shape.get_untracked(), h.selected.get_untracked(), width, two);
            let playing = h.with(|p| p.playing);
            let runs = moved && playing;
            let beat = h.beat(now);
            h.beats.update(|beats| beats.runs = runs);
            let turned = face != drawn;
            let pace = match runs && !turned {
                true => Pace::Part { texts: beat.texts(), rests: beat.rests(), keeps_up: beat.keeps_up },
                false => Pace::Whole,
            };
            let owed_texts = std::mem::replace(&mut owes_texts, runs);
            if moved || turned || owed_texts {
                drawn = face;
                let narrow = width < NARROW_BELOW_PX;
                h.with(|p| {
                    for (sheet, side) in sheets.iter_mut().zip([Side::A, Side::B]) {
                        if let Some(s) = sheet.as_mut().filter(|_| side == Side::A || two) {
                            if turned {
                                s.renderer.set_label(&picture::label(p, side));
                            }
                            let alone = s.renderer.set_pace(pace);
                            let selected = h.selected.get_untracked();
                            picture::draw(p, side, picture::Look { narrow, still, selected, alone }, &mut s.scene);
                            if alone {
                                s.renderer.show_particles(&s.scene);
                            } else {
                                s.renderer.render(&mut s.scene);
                            }
                        }
                    }
                });
            }
            if was_playing != playing {
                h.changed();
            }
            if beat.figures() {
                h.tick.update(|t| *t = t.wrapping_add(1));
            }
        });
    });
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

/// Where something that is carried would land: the last drawn lies on top.
fn onto_at(scene: &Scene, x: f32, y: f32) -> Option<u8> {
    scene.items().iter().rev().find_map(|item| match (item.hit, item.shape) {
        (Some(Hit::Onto(onto)), Shape::Rect { x: left, y: top, w, h, .. }) => {
            (x >= left && x <= left + w && y >= top && y <= top + h).then_some(onto)
        }
        _ => None,
    })
}

/// What the pointer holds.
#[derive(Clone, Copy)]
enum Held {
    /// One of the reader's own inputs, along its lane.
    Input(u32),
    /// A thing of the picture, picked up at this point of the window.
    Thing { act: u8, what: u8, x: i32, y: i32 },
}

/// A press that moves less than this is a click: it leaves the thing in hand, and the next click puts it down.
const CLICK_WITHIN_PX: i32 = 6;

/// Clicks act; the reader's own inputs can be dragged along their lane, and things onto places.
fn listen(h: Handle, host: &Element, side: Side, sheets: Rc<RefCell<[Option<Sheet>; 2]>>) {
    let index = usize::from(side == Side::B);
    let held = Rc::new(std::cell::Cell::new(None::<Held>));
    // Whether the press that is going on is a finger's.
    let finger = Rc::new(std::cell::Cell::new(false));
    // Shows what is in hand while it moves.
    let ghost: HtmlElement = document().create_element("div").expect("a div").unchecked_into();
    ghost.set_class_name("carried");
    let on = |name: &str, mut f: Box<dyn FnMut(PointerEvent)>| {
        let closure = Closure::<dyn FnMut(PointerEvent)>::new(move |ev| batch(|| f(ev)));
        _ = host.add_event_listener_with_callback(name, closure.as_ref().unchecked_ref());
        // Lives as long as the host, which keeps the only reference to it.
        closure.forget();
    };
    {
        let (sheets, held, host, ghost) = (sheets.clone(), held.clone(), host.clone(), ghost.clone());
        let finger = finger.clone();
        on(
            "pointerdown",
            Box::new(move |ev| {
                finger.set(ev.pointer_type() == "touch");
                // A second finger, or another button than the first.
                if !ev.is_primary() || ev.button() != 0 {
                    return;
                }
                let hit = sheets.borrow()[index].as_ref().and_then(|s| s.renderer.hit_event(&ev, finger.get()));
                match hit {
                    Some((Hit::Input(i), _)) => held.set(Some(Held::Input(i))),
                    Some((Hit::Carry { act, what }, _)) => {
                        held.set(Some(Held::Thing { act, what, x: ev.client_x(), y: ev.client_y() }));
                        _ = host.set_attribute("data-carrying", "");
                        if let Some(thing) = ev.target().and_then(|t| t.dyn_into::<Element>().ok()) {
                            let bounds = thing.get_bounding_client_rect();
                            place(&ghost, &[("width", bounds.width()), ("height", bounds.height())]);
                            place(&ghost, &[("left", bounds.left()), ("top", bounds.top())]);
                        }
                    }
                    _ => return,
                }
                _ = host.set_pointer_capture(ev.pointer_id());
            }),
        );
    }
    {
        let sheets = sheets.clone();
        on(
            "pointerover",
            Box::new(move |ev| {
                let target = ev.target().and_then(|t| t.dyn_into::<Node>().ok());
                if let (Some(target), Some(sheet)) = (target, &mut sheets.borrow_mut()[index]) {
                    sheet.renderer.point(&target);
                }
            }),
        );
    }
    {
        let (held, host, ghost) = (held.clone(), host.clone(), ghost.clone());
        on(
            "pointermove",
            Box::new(move |ev| {
                let Some(Held::Thing { x, y, .. }) = held.get().filter(|_| ev.buttons() != 0) else { return };
                let by = (ev.client_x() - x, ev.client_y() - y);
                let shift = format!("translate({}px, {}px)", by.0, by.1);
                _ = ghost.style().set_property("transform", &shift);
                if by.0.abs().max(by.1.abs()) >= CLICK_WITHIN_PX && ghost.parent_node().is_none() {
                    _ = host.append_child(&ghost);
                }
            }),
        );
    }
    let put_down = {
        let (held, host) = (held.clone(), host.clone());
        let sheets = sheets.clone();
        Rc::new(move |act: u8, what: u8, ev: &PointerEvent| {
            held.set(None);
            _ = host.remove_attribute("data-carrying");
            let onto = sheets.borrow()[index].as_ref().and_then(|s| {
                let (x, y) = s.renderer.to_scene(f64::from(ev.client_x()), f64::from(ev.client_y()));
                onto_at(s.renderer.scene(), x, y)
            });
            if let Some(onto) = onto {
                h.change(|p| p.act_default(act, &[f64::from(what), f64::from(onto)]));
            }
        })
    };
    for name in ["pointerup", "pointercancel"] {
        let (sheets, held, host, ghost) = (sheets.clone(), held.clone(), host.clone(), ghost.clone());
        let put_down = put_down.clone();
        on(
            name,
            Box::new(move |ev| {
                ghost.remove();
                match held.get() {
                    // The browser has taken the finger for scrolling: nothing was put anywhere.
                    Some(_) if name == "pointercancel" => {
                        held.set(None);
                        _ = host.remove_attribute("data-carrying");
                    }
                    Some(Held::Input(i)) => {
                        held.set(None);
                        let to = sheets.borrow()[index].as_ref().and_then(|s| {
                            let (x, y) = s.renderer.to_scene(f64::from(ev.client_x()), f64::from(ev.client_y()));
                            let (hit, fraction) = lane_at(s.renderer.scene(), x, y)?;
                            hit.time_us(fraction)
                        });
                        if let Some(to) = to {
                            h.change(|p| p.move_input(i as usize, sim::kernel::Us(to)));
                        }
                    }
                    // Also the press after a click that has picked it up.
                    Some(Held::Thing { act, what, x, y })
                        if (ev.client_x() - x).abs().max((ev.client_y() - y).abs()) >= CLICK_WITHIN_PX =>
                    {
                        put_down(act, what, &ev);
                    }
                    _ => {}
                }
            }),
        );
    }
    on(
        "click",
        Box::new(move |ev| {
            let hit = sheets.borrow()[index].as_ref().and_then(|s| s.renderer.hit_event(&ev, finger.get()));
            if let Some((hit, fraction)) = hit {
                picture::click(h, side, hit, fraction);
            }
        }),
    );
}

fn place(element: &HtmlElement, lengths_px: &[(&str, f64)]) {
    for (name, px) in lengths_px {
        _ = element.style().set_property(name, &format!("{}px", *px as i32));
    }
}

/// The timeline follows the picture's clock, in its own drawing.
pub fn mount_timeline(h: Handle, host: NodeRef<HtmlElement>) {
    effect(move || {
        let Some(host) = host.get() else { return };
        let Some(mut sheet) = Sheet::new(host.into()) else { return };
        let mut drawn = (u32::MAX, 0, 0.0);
        _ = sheet.renderer.svg().set_attribute("aria-hidden", "true");
        every_frame(move |now| {
            let (width, beat) = (sheet.width(), h.beat(now));
            let at = h.with(|p| match p.playing {
                true if !beat.timeline() => drawn.1,
                true => timeline::head_px(p, width),
                false => p.now().0,
            });
            let face = (h.shape.get_untracked(), at, width);
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
        every_frame(move |now| {
            let beat = h.beat(now);
            if h.panel.get_untracked() != Panel::Numbers {
                return;
            }
            let face = (h.shape.get_untracked().wrapping_add(1), h.tick.get_untracked(), sheet.width());
            let only_time = h.with(|p| p.playing) && (face.0, face.2) == (drawn.0, drawn.2);
            let waits = only_time && !beat.chart();
            if face != drawn && face.2 > 0.0 && !waits {
                drawn = face;
                h.with(|p| chart::draw(p, group.get_untracked(), face.2 as f32, &mut sheet.scene));
                sheet.renderer.render(&mut sheet.scene);
            }
        });
    });
}
