//! Renderer two: keeps SVG elements in step with a scene by setting only what changed.
//!
//! ```ignore
//! let mut renderer = dom::Renderer::new(&host)?;      // makes <svg> and <canvas> in the host
//! renderer.set_label("Two limiters under the same arrivals");
//! let mut scene = Scene::new();
//! // every frame:
//! scene.begin(&view);
//! picture(&model, &view, &mut scene);
//! renderer.render(&mut scene);                        // takes the scene and hands back the one before
//! // on a click:
//! if let Some((hit, x)) = renderer.hit_event(&event) { ... }
//! ```
//!
//! The host gets the class `scene-host` (it must be positioned: the canvas lies over the SVG). The tree is never
//! rebuilt; see `diff` for how elements are kept.

use super::canvas::{Fit, ParticleLayer};
use super::diff::{Plan, Source};
use super::scene::{Hit, Item, Scene, Shape, Tone, push_fixed, push_num};
use super::svg::{classes, tag};
use std::cell::{Cell, RefCell};
use std::fmt::Write;
use std::rc::Rc;
use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{Document, Element, MediaQueryList, MouseEvent, Node, ResizeObserver, Window};

const SVG: &str = "http://www.w3.org/2000/svg";

/// The element that shows an item.
struct Slot {
    element: Element,
    /// The text node of a text.
    text: Option<Node>,
    /// The `<title>` that holds the tooltip: where it never waits for the pointer, or while the pointer is there.
    title: Option<Element>,
    /// A newer text waits to be shown.
    late: bool,
}

/// What decides the colours: whether the system is dark, whether it forces its own, and what the page asks for.
type Theme = ([bool; 2], Option<String>);

/// How much of a scene a frame shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// All of it.
    Whole,
    /// One of the frames of a run that plays. Figures that stay at their place change in it if they are of this half, and
    /// wait otherwise: nobody reads sixty numbers a second, and each costs the browser a layout. A frame that rests shows
    /// its particles alone if no item goes anywhere, so that what only grows or changes its colour does so in the others;
    /// where the device does not keep up, it does so whatever goes where.
    Part { texts: Option<usize>, rests: bool, keeps_up: bool },
}

impl Pace {
    /// Whether the frame writes the text of this item, if it is one.
    fn writes(self, item: usize) -> bool {
        match self {
            Pace::Whole => true,
            Pace::Part { texts, .. } => texts == Some(item % 2),
        }
    }
}

/// Shows scenes in a host element.
pub struct Renderer {
    window: Window,
    document: Document,
    svg: Element,
    slots: Vec<Option<Slot>>,
    spare: Vec<Option<Slot>>,
    shown: Scene,
    plan: Plan,
    particles: Rc<RefCell<ParticleLayer>>,
    observer: ResizeObserver,
    _resized: Closure<dyn FnMut()>,
    media: [Option<MediaQueryList>; 2],
    theme: Theme,
    label: RefCell<String>,
    buffer: String,
    writes: Cell<u32>,
    pace: Pace,
    /// Whether an item was on its way in the last scene that was shown whole.
    moves: bool,
    /// Whether the last frame showed particles alone.
    passed: bool,
    /// Whether tooltips are written only where the pointer is.
    tips_wait: bool,
    width: Rc<Cell<f64>>,
}

impl Renderer {
    /// Makes the elements inside `host`, after whatever it holds.
    ///
    /// # Errors
    ///
    /// Whatever the browser refuses; in practice only a browser without SVG or canvas does.
    pub fn new(host: &Element) -> Result<Renderer, JsValue> {
        let window = web_sys::window().ok_or_else(|| JsValue::from_str("there is no window to draw in"))?;
        let document = window.document().ok_or_else(|| JsValue::from_str("there is no document to draw in"))?;
        host.class_list().add_1("scene-host")?;
        let svg = document.create_element_ns(Some(SVG), "svg")?;
        svg.set_attribute("class", "scene")?;
        svg.set_attribute("role", "img")?;
        host.append_child(&svg)?;
        let particles = Rc::new(RefCell::new(ParticleLayer::new(window.clone(), &document, host)?));
        let width = Rc::new(Cell::new(f64::from(host.client_width())));
        let resized = {
            let (svg, particles, host, width) = (svg.clone(), Rc::clone(&particles), host.clone(), Rc::clone(&width));
            Closure::<dyn FnMut()>::new(move || {
                // Layout is done when this runs, so the box is read for nothing.
                let shown = svg.get_bounding_client_rect();
                width.set(f64::from(host.client_width()));
                if let Ok(mut particles) = particles.try_borrow_mut() {
                    particles.set_shown(shown.width(), shown.height());
                    particles.draw();
                }
            })
        };
        let observer = ResizeObserver::new(resized.as_ref().unchecked_ref())?;
        observer.observe(&svg);
        let media = ["(prefers-color-scheme:dark)", "(forced-colors:active)"];
        let media = media.map(|query| window.match_media(query).ok().flatten());
        let mut renderer = Renderer {
            window,
            document,
            svg,
            slots: Vec::new(),
            spare: Vec::new(),
            shown: Scene::new(),
            plan: Plan::default(),
            particles,
            observer,
            _resized: resized,
            media,
            theme: Default::default(),
            label: RefCell::default(),
            buffer: String::new(),
            writes: Cell::new(0),
            pace: Pace::Whole,
            moves: false,
            passed: false,
            tips_wait: false,
            width,
        };
        renderer.theme = renderer.current_theme();
        Ok(renderer)
    }

    /// What the picture is, for those who do not see it.
    pub fn set_label(&self, label: &str) {
        // Callers say it every frame; the browser need only hear it once.
        if *self.label.borrow() == label {
            return;
        }
        label.clone_into(&mut self.label.borrow_mut());
        let _ = self.svg.set_attribute("aria-label", label);
    }

    /// The `<svg>` element: for listeners.
    pub fn svg(&self) -> &Element {
        &self.svg
    }

    /// The width of the host in CSS pixels, as of the last layout: asking the host itself in the middle of a frame would
    /// make the browser do all of its layout there and then.
    pub fn host_width(&self) -> f64 {
        self.width.get()
    }

    /// How much of the next scene is shown. Whether it is its particles alone: then [`Scene::begin_particles`] will do
    /// for it, and [`Renderer::show_particles`].
    pub fn set_pace(&mut self, pace: Pace) -> bool {
        self.pace = pace;
        matches!(pace, Pace::Part { rests: true, keeps_up, .. } if !(keeps_up && self.moves))
    }

    /// From now on tooltips are written where [`Renderer::point`] says that the pointer is: a picture can have hundreds
    /// that change with every frame, and one of them is read.
    pub fn let_tips_wait(&mut self) {
        self.tips_wait = true;
    }

    /// The pointer has come to this element.
    pub fn point(&mut self, target: &Node) {
        for slot in self.slots.iter_mut().flatten() {
            if let Some(title) = slot.title.take() {
                title.remove();
            }
        }
        let on = |slot: &Option<Slot>| slot.as_ref().is_some_and(|s| s.element.is_same_node(Some(target)));
        if let Some(i) = self.slots.iter().position(on)
            && let Some(mut slot) = self.slots[i].take()
        {
            let tip = self.shown.str(self.shown.items()[i].tip).to_owned();
            self.tip(&mut slot, &tip);
            self.slots[i] = Some(slot);
        }
    }

    /// How many attributes and texts the last frame set: for tests and budgets.
    pub fn writes(&self) -> u32 {
        self.writes.get()
    }

    fn current_theme(&self) -> Theme {
        let on = |query: &Option<MediaQueryList>| query.as_ref().is_some_and(MediaQueryList::matches);
        let [dark, forced] = &self.media;
        ([on(dark), on(forced)], self.document.document_element().and_then(|root| root.get_attribute("data-theme")))
    }

    /// Reads the colours again. The renderer notices the system's theme and `data-theme` on the root by itself; this is
    /// for other changes of the variables.
    pub fn theme_changed(&mut self) {
        let mut particles = self.particles.borrow_mut();
        particles.theme_changed();
        particles.draw();
    }

    /// Shows a scene. The scene is swapped with the one shown before, so that neither copies nor allocates: call
    /// [`Scene::begin`] on it before drawing the next frame, as always.
    pub fn render(&mut self, scene: &mut Scene) {
        self.writes.set(0);
        let changed = self.plan.make(&self.shown, scene);
        let frames = if std::mem::take(&mut self.passed) { 2.0 } else { 1.0 };
        self.moves = self.pace != Pace::Whole && self.moves_by(frames, scene);
        if scene.width() != self.shown.width() || scene.height() != self.shown.height() {
            self.buffer.clear();
            self.buffer.push_str("0 0 ");
            push_num(&mut self.buffer, scene.width());
            self.buffer.push(' ');
            push_num(&mut self.buffer, scene.height());
            self.set(&self.svg, "viewBox");
        }
        if changed {
            self.restructure(scene);
        }
        // Where the structure changed, `restructure` has brought the slots in order; what each of them showed before is
        // still named by the plan.
        for i in 0..scene.items().len() {
            if let Some(from) = self.plan.sources[i].old() {
                self.patch(i, from, scene);
            }
        }
        std::mem::swap(&mut self.shown, scene);
        // Everything else follows the theme by itself.
        if !self.shown.particles().is_empty() && self.pace.writes(0) {
            let theme = self.current_theme();
            if theme != self.theme {
                self.theme = theme;
                self.particles.borrow_mut().theme_changed();
            }
        }
        self.put_particles(&self.shown);
    }

    /// Shows the particles of a scene; its items stay as they are shown.
    pub fn show_particles(&mut self, scene: &Scene) {
        self.passed = true;
        self.put_particles(scene);
    }

    fn put_particles(&self, scene: &Scene) {
        self.particles.borrow_mut().show((scene.width(), scene.height()), scene.particles());
    }

    /// Whether any item stands elsewhere than in the scene that is shown, which was so many frames ago, and has gone
    /// further a frame than can wait for one.
    fn moves_by(&self, frames: f32, scene: &Scene) -> bool {
        const STEP: f32 = 0.75;
        let far = |a: f32, b: f32| (a - b).abs() > STEP * frames;
        let far_from = |a: (f32, f32), b: (f32, f32)| far(a.0, b.0) || far(a.1, b.1);
        let pairs = scene.items().iter().zip(&self.plan.sources);
        pairs.filter_map(|(new, source)| Some((new.shape, source.old()?))).any(|(new, from)| {
            let old = self.shown.items()[from].shape;
            let ((_, a), (_, b)) = (numbers(old), numbers(new));
            let far: [bool; 5] = std::array::from_fn(|i| far(a[i], b[i]));
            let place = far[0] || far[1];
            match (old, new) {
                (Shape::Line { .. }, _) => place && (far[2] || far[3]),
                // One that grows to the left or upwards has its corner elsewhere, too.
                (Shape::Rect { .. }, _) => place && !far[2] && !far[3],
                (Shape::Text { text, .. }, Shape::Text { text: new, .. }) => {
                    place && self.shown.str(text) == scene.str(new)
                }
                (Shape::Path { d }, Shape::Path { d: new }) => {
                    let (old, new) = (self.shown.str(d), scene.str(new));
                    old != new && begin(old).zip(begin(new)).is_some_and(|(a, b)| far_from(a, b))
                }
                _ => place,
            }
        })
    }

    /// Sets an attribute to the text in the buffer. The browser refuses no attribute that we set.
    fn set(&self, element: &Element, name: &str) {
        let _ = element.set_attribute(name, &self.buffer);
        self.writes.set(self.writes.get() + 1);
    }

    /// Removes, creates and moves elements until they stand in the order of the new scene.
    fn restructure(&mut self, scene: &Scene) {
        std::mem::swap(&mut self.slots, &mut self.spare);
        self.slots.clear();
        for &i in &self.plan.removed {
            if let Some(slot) = self.spare[i].take() {
                slot.element.remove();
            }
        }
        for i in 0..scene.items().len() {
            let slot = match self.plan.sources[i] {
                Source::Keep(from) | Source::Move(from) => self.spare[from].take(),
                Source::Create => self.create(scene, &scene.items()[i]),
            };
            self.slots.push(slot);
        }
        self.spare.clear();
        // From the end, so that the element after each one already stands where it belongs.
        let mut after: Option<Node> = None;
        for i in (0..self.slots.len()).rev() {
            let Some(slot) = &self.slots[i] else { continue };
            let node: &Node = slot.element.as_ref();
            if !matches!(self.plan.sources[i], Source::Keep(_)) {
                let _ = self.svg.insert_before(node, after.as_ref());
            }
            after = Some(node.clone());
        }
    }

    fn create(&mut self, scene: &Scene, item: &Item) -> Option<Slot> {
        let element = self.document.create_element_ns(Some(SVG), tag(&item.shape)).ok()?;
        let text = if let Shape::Text { text, .. } = item.shape {
            let node: Node = self.document.create_text_node(scene.str(text)).into();
            let _ = element.append_child(&node);
            Some(node)
        } else {
            None
        };
        let mut slot = Slot { element, text, title: None, late: false };
        self.attributes(&slot.element, None, item, scene);
        if !self.tips_wait {
            self.tip(&mut slot, scene.str(item.tip));
        }
        Some(slot)
    }

    fn tip(&mut self, slot: &mut Slot, tip: &str) {
        match &slot.title {
            _ if tip.is_empty() => {
                if let Some(title) = slot.title.take() {
                    title.remove();
                }
            }
            Some(title) => title.set_text_content(Some(tip)),
            None => {
                if let Ok(title) = self.document.create_element_ns(Some(SVG), "title") {
                    title.set_text_content(Some(tip));
                    let _ = slot.element.append_child(&title);
                    slot.title = Some(title);
                }
            }
        }
        self.writes.set(self.writes.get() + 1);
    }

    /// Sets what differs between item `from` of the scene that is shown and item `i` of the new one.
    fn patch(&mut self, i: usize, from: usize, scene: &Scene) {
        let (old, new) = (self.shown.items()[from], scene.items()[i]);
        let Some(slot) = &mut self.slots[i] else { return };
        let told = !self.tips_wait || slot.title.is_some();
        let tips_differ = told && self.shown.str(old.tip) != scene.str(new.tip);
        if let (Some(node), Shape::Text { text: a, .. }, Shape::Text { text: b, .. }) =
            (&slot.text, old.shape, new.shape)
        {
            let (a, b) = (self.shown.str(a), scene.str(b));
            let differs = slot.late || a != b;
            slot.late = differs && !self.pace.writes(i) && words(a).eq(words(b)) && same_look(&old, &new);
            if differs && !slot.late {
                node.set_node_value(Some(b));
                self.writes.set(self.writes.get() + 1);
            }
        }
        if same_look(&old, &new) && !path_differs(&self.shown, &old, scene, &new) && !tips_differ {
            return;
        }
        let element = slot.element.clone();
        self.attributes(&element, Some(&old), &new, scene);
        if tips_differ && let Some(mut slot) = self.slots[i].take() {
            self.tip(&mut slot, scene.str(new.tip));
            self.slots[i] = Some(slot);
        }
    }

    /// Sets the attributes of an item that are not those of `old`, or all of them.
    fn attributes(&mut self, element: &Element, old: Option<&Item>, new: &Item, scene: &Scene) {
        let ((names, values), before) = (numbers(new.shape), old.map(|o| numbers(o.shape).1));
        for (i, name) in names.iter().enumerate() {
            self.number(element, name, values[i], before.map(|b| b[i]));
        }
        match (new.shape, old.map(|o| o.shape)) {
            (Shape::Text { anchor, .. }, before) => {
                let before = match before {
                    Some(Shape::Text { anchor, .. }) => anchor.name(),
                    _ => "",
                };
                self.optional(element, "text-anchor", anchor.name(), before);
            }
            (Shape::Path { d }, before) => {
                let before = match before {
                    Some(Shape::Path { d }) => self.shown.str(d),
                    _ => "",
                };
                self.optional(element, "d", scene.str(d), before);
            }
            _ => {}
        }
        // A width without a stroke is not written, so a stroke that appears brings its width.
        let stroked = |item: &Item| item.stroke != Tone::None;
        if stroked(new) {
            self.number(element, "stroke-width", new.width, old.filter(|o| stroked(o)).map(|o| o.width));
        }
        let dash = |item: &Item| if stroked(item) { item.dash.array() } else { "" };
        self.optional(element, "stroke-dasharray", dash(new), old.map_or("", dash));
        self.opacity(element, old, new);
        if old.is_none_or(|o| !same_class(o, new)) {
            self.buffer.clear();
            classes(&mut self.buffer, new);
            self.set(element, "class");
        }
        if old.and_then(|o| o.hit) != new.hit {
            self.buffer.clear();
            match new.hit {
                // A name that tests and styles can select by; clicks are resolved by identity.
                // Which one it is changes with every frame where requests pass through.
                Some(Hit::Request(_)) => self.buffer.push_str("request"),
                Some(Hit::Act { act, arg }) => drop(write!(self.buffer, "act-{act}-{arg}")),
                Some(Hit::Input(id)) => drop(write!(self.buffer, "input-{id}")),
                // Its times change every frame; its name does not.
                Some(Hit::Lane { lane, .. }) => drop(write!(self.buffer, "lane-{lane}")),
                Some(Hit::Node(id)) => drop(write!(self.buffer, "node-{id}")),
                Some(Hit::Carry { act, what }) => drop(write!(self.buffer, "carry-{act}-{what}")),
                Some(Hit::Onto(id)) => drop(write!(self.buffer, "onto-{id}")),
                None => {}
            }
            let same_name = match (old.and_then(|o| o.hit), new.hit) {
                (Some(Hit::Lane { lane: a, .. }), Some(Hit::Lane { lane: b, .. })) => a == b,
                (Some(Hit::Request(_)), Some(Hit::Request(_))) => true,
                _ => false,
            };
            if self.buffer.is_empty() {
                let _ = element.remove_attribute("data-hit");
            } else if !same_name {
                self.set(element, "data-hit");
            }
        }
    }

    /// Sets an attribute that is a number, if it is another one than before.
    fn number(&mut self, element: &Element, name: &str, value: f32, before: Option<f32>) {
        if before != Some(value) {
            self.buffer.clear();
            push_num(&mut self.buffer, value);
            self.set(element, name);
        }
    }

    /// What is only filled or only stroked is made lighter as a colour: an opacity of the element as a whole makes the
    /// browser paint it as a group of its own, and put the layers of the page together anew whenever it changes.
    fn opacity(&mut self, element: &Element, old: Option<&Item>, new: &Item) {
        let name = |item: &Item| match (item.fill, item.stroke, item.shape) {
            (_, _, Shape::Text { halo: true, .. }) => "opacity",
            (_, Tone::None, _) => "fill-opacity",
            (Tone::None, _, _) => "stroke-opacity",
            _ => "opacity",
        };
        let before = old.filter(|o| o.opacity != 1.0);
        if let Some(before) = before.filter(|o| name(o) != name(new)) {
            let _ = element.remove_attribute(name(before));
        }
        let same_name = before.is_none_or(|o| name(o) == name(new));
        if !same_name || before.map_or(1.0, |o| o.opacity) != new.opacity {
            self.buffer.clear();
            push_fixed(&mut self.buffer, (new.opacity * 100.0).round() as i32, 2);
            self.set(element, name(new));
        }
    }

    /// Sets an attribute that is absent while its value is empty.
    fn optional(&self, element: &Element, name: &str, value: &str, before: &str) {
        if value == before {
            return;
        }
        if value.is_empty() {
            let _ = element.remove_attribute(name);
        } else {
            let _ = element.set_attribute(name, value);
        }
        self.writes.set(self.writes.get() + 1);
    }

    /// The place in scene units of a point of the window (`clientX`, `clientY`).
    pub fn to_scene(&self, client_x: f64, client_y: f64) -> (f32, f32) {
        let shown = self.svg.get_bounding_client_rect();
        let fit = Fit::new((self.shown.width(), self.shown.height()), (shown.width(), shown.height()));
        let scale = fit.scale.max(1e-6);
        (((client_x - shown.left() - fit.dx) / scale) as f32, ((client_y - shown.top() - fit.dy) / scale) as f32)
    }

    /// What a point of the window means, and how far across it the point lies (0 left, 1 right). `target` is the
    /// element that the event names. Buttons and draggable inputs win over particles, particles over everything else;
    /// in a lane a particle must be met exactly, since between the marks a tap means the lane. A finger may miss a
    /// particle or an item by twelve units.
    pub fn hit_test(&self, target: Option<&Node>, client_x: f64, client_y: f64, finger: bool) -> Option<(Hit, f32)> {
        let below = target.and_then(|t| self.hit_of(t));
        if let Some((i, hit @ (Hit::Act { .. } | Hit::Input(_) | Hit::Carry { .. }))) = below {
            return Some((hit, self.across(i, client_x)));
        }
        let (x, y) = self.to_scene(client_x, client_y);
        let reach = match below {
            Some((_, Hit::Lane { .. })) => 1.0,
            _ if finger => 12.0,
            _ => 6.0,
        };
        if let Some(hit) = self.shown.particle_at(x, y, reach) {
            return Some((hit, 0.5));
        }
        let found = below.or_else(|| {
            let i = self.shown.item_near(x, y, 12.0).filter(|_| finger)?;
            Some((i, self.shown.items()[i].hit?))
        });
        found.map(|(i, hit)| (hit, self.across(i, client_x)))
    }

    /// [`Renderer::hit_test`] for a mouse or pointer event. The caller knows whether it was a finger: the clicks
    /// of older WebKits do not tell.
    pub fn hit_event(&self, event: &MouseEvent, finger: bool) -> Option<(Hit, f32)> {
        let target = event.target().and_then(|t| t.dyn_into::<Node>().ok());
        self.hit_test(target.as_ref(), f64::from(event.client_x()), f64::from(event.client_y()), finger)
    }

    /// The scene that is shown now.
    pub fn scene(&self) -> &Scene {
        &self.shown
    }

    fn hit_of(&self, target: &Node) -> Option<(usize, Hit)> {
        self.shown.items().iter().enumerate().find_map(|(i, item)| {
            let hit = item.hit?;
            let slot = self.slots[i].as_ref()?;
            slot.element.is_same_node(Some(target)).then_some((i, hit))
        })
    }

    fn across(&self, i: usize, client_x: f64) -> f32 {
        let Some(slot) = &self.slots[i] else {
            return 0.5;
        };
        let bounds = slot.element.get_bounding_client_rect();
        if bounds.width() <= 0.0 {
            return 0.5;
        }
        ((client_x - bounds.left()) / bounds.width()).clamp(0.0, 1.0) as f32
    }

    /// The window this renderer draws in.
    pub fn window(&self) -> &Window {
        &self.window
    }
}

impl Drop for Renderer {
    fn drop(&mut self) {
        self.observer.disconnect();
        self.svg.remove();
    }
}

/// The attributes of a shape that are numbers.
fn numbers(shape: Shape) -> (&'static [&'static str], [f32; 5]) {
    match shape {
        Shape::Line { x1, y1, x2, y2 } => (&["x1", "y1", "x2", "y2"], [x1, y1, x2, y2, 0.0]),
        Shape::Rect { x, y, w, h, r } => (&["x", "y", "width", "height", "rx"], [x, y, w, h, r]),
        Shape::Circle { cx, cy, r } => (&["cx", "cy", "r"], [cx, cy, r, 0.0, 0.0]),
        Shape::Text { x, y, size, .. } => (&["x", "y", "font-size"], [x, y, size, 0.0, 0.0]),
        Shape::Path { .. } => (&[], [0.0; 5]),
    }
}

/// What of a text is no figure. A name that is another one does not wait: its row may have gone elsewhere.
fn words(text: &str) -> impl Iterator<Item = u8> {
    text.bytes().filter(u8::is_ascii_alphabetic)
}

/// Whether everything but texts, tooltips and path data is the same.
fn same_look(a: &Item, b: &Item) -> bool {
    let same_shape = match (a.shape, b.shape) {
        (Shape::Path { .. }, Shape::Path { .. }) => true,
        (
            Shape::Text { x, y, size, anchor, bold, mono, halo, .. },
            Shape::Text { x: x2, y: y2, size: size2, anchor: anchor2, bold: bold2, mono: mono2, halo: halo2, .. },
        ) => (x, y, size, anchor, bold, mono, halo) == (x2, y2, size2, anchor2, bold2, mono2, halo2),
        (a, b) => a == b,
    };
    same_shape && Item { shape: b.shape, tip: b.tip, key: b.key, ..*a } == *b
}

fn path_differs(old_scene: &Scene, old: &Item, new_scene: &Scene, new: &Item) -> bool {
    match (old.shape, new.shape) {
        (Shape::Path { d: a }, Shape::Path { d: b }) => old_scene.str(a) != new_scene.str(b),
        _ => false,
    }
}

/// Where a path begins.
fn begin(d: &str) -> Option<(f32, f32)> {
    let (x, rest) = d.strip_prefix('M')?.split_once(' ')?;
    let end = rest.find(|c: char| c != '.' && c != '-' && !c.is_ascii_digit()).unwrap_or(rest.len());
    Some((sim::decimal::parse(x)? as f32, sim::decimal::parse(&rest[..end])? as f32))
}

/// Whether two items of one kind have the same value of `class`.
fn same_class(a: &Item, b: &Item) -> bool {
    let kind_of_text = |item: &Item| match item.shape {
        Shape::Text { bold, mono, halo, .. } => (bold, mono, halo),
        _ => (false, false, false),
    };
    (a.fill, a.stroke, a.hit.is_some(), kind_of_text(a)) == (b.fill, b.stroke, b.hit.is_some(), kind_of_text(b))
}
