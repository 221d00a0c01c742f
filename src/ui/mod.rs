//! What the pages are made of: signals, elements that follow them, and the browser's clock and events.
//!
//! Signals are those of `sycamore-reactive`; [`el`] turns data into elements. Natively the same pieces are written as
//! HTML, and effects do not run.

pub mod el;
pub mod markup;
#[cfg(feature = "csr")]
pub mod media;

use sycamore_reactive as reactive;
use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;

pub use reactive::on_cleanup;
use web_sys::Event;

/// A value that tells who read it when it changes. Reading with `get` and `with` is followed, the untracked kind is not.
pub struct Signal<T: 'static>(reactive::Signal<T>);

impl<T> Clone for Signal<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Signal<T> {}

impl<T> Signal<T> {
    pub fn new(value: T) -> Signal<T> {
        Signal(reactive::create_signal(value))
    }

    pub fn track(self) {
        self.0.track();
    }

    pub fn with<U>(self, f: impl FnOnce(&T) -> U) -> U {
        self.0.with(f)
    }

    pub fn with_untracked<U>(self, f: impl FnOnce(&T) -> U) -> U {
        self.0.with_untracked(f)
    }

    /// A signal whose part of the page is gone has nobody to tell.
    pub fn set(self, value: T) {
        if self.0.is_alive() {
            self.0.set(value);
        }
    }

    pub fn update(self, f: impl FnOnce(&mut T)) {
        if self.0.is_alive() {
            self.0.update(f);
        }
    }
}

impl<T: Clone> Signal<T> {
    pub fn get(self) -> T {
        self.0.get_clone()
    }

    pub fn get_untracked(self) -> T {
        self.0.get_clone_untracked()
    }
}

/// Hands a value to everything that is made after this, within the same part of the page.
pub fn provide<T: 'static>(value: T) {
    reactive::provide_context(value);
}

/// What was handed down, if it was.
pub fn context<T: Clone + 'static>() -> Option<T> {
    reactive::try_use_context()
}

/// A value computed from signals; it tells on only when it differs from before.
pub fn memo<T: PartialEq + Clone + 'static>(f: impl FnMut() -> T + 'static) -> impl Fn() -> T + Copy {
    let value = reactive::create_selector(f);
    move || value.get_clone()
}

/// Runs `f` when the page stands, and again whenever a signal that it read has changed. Not natively.
#[cfg_attr(not(feature = "csr"), allow(unused_variables))]
pub fn effect(f: impl FnMut() + 'static) {
    #[cfg(feature = "csr")]
    boxed_effect(Box::new(f));
}

/// One for all effects, not one for each: they are many.
#[cfg(feature = "csr")]
fn boxed_effect(f: Box<dyn FnMut()>) {
    let (scope, alive) = (reactive::use_current_scope(), reactive::create_signal(()));
    wasm_bindgen_futures::spawn_local(async move {
        if alive.is_alive() {
            scope.run_in(|| reactive::create_effect(f));
        }
    });
}

/// Runs `f` at once, and again whenever a signal that it read has changed.
pub(crate) fn follow(f: impl FnMut() + 'static) {
    reactive::create_effect(Box::new(f) as Box<dyn FnMut()>);
}

/// What `f` changes is told when it is done, all at once.
pub fn batch<T>(f: impl FnOnce() -> T) -> T {
    let (mut f, mut result) = (Some(f), None);
    batch_of(&mut || result = f.take().map(|f| f()));
    result.expect("what is batched runs at once")
}

/// One for all, as [`boxed_effect`].
fn batch_of(f: &mut dyn FnMut()) {
    match ROOT.get() {
        // Events come from outside of everything that is followed.
        Some(root) => root.run_in(|| reactive::batch(f)),
        None => reactive::batch(f),
    }
}

thread_local! {
    /// What everything on this page belongs to.
    static ROOT: std::cell::Cell<Option<reactive::RootHandle>> = const { std::cell::Cell::new(None) };
}

/// Natively: what `f` makes lives until its result is there.
#[cfg(not(feature = "csr"))]
pub fn in_scope<T: 'static>(f: impl FnOnce() -> T) -> T {
    let mut result = None;
    let root = reactive::create_root(|| result = Some(f()));
    root.dispose();
    result.expect("the scope has run")
}

/// In the browser: what `f` makes lives as long as the page.
#[cfg(feature = "csr")]
pub fn for_ever(f: impl FnOnce()) {
    ROOT.set(Some(reactive::create_root(f)));
}

/// A value of a part of the page that nobody follows.
pub struct Kept<T: 'static>(reactive::Signal<std::rc::Rc<std::cell::RefCell<T>>>);

impl<T> Clone for Kept<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Kept<T> {}

impl<T> Kept<T> {
    pub fn new(value: T) -> Kept<T> {
        Kept(reactive::create_signal(std::rc::Rc::new(std::cell::RefCell::new(value))))
    }

    pub fn with<U>(self, f: impl FnOnce(&T) -> U) -> U {
        f(&self.0.get_clone_untracked().borrow())
    }

    pub fn update<U>(self, f: impl FnOnce(&mut T) -> U) -> U {
        f(&mut self.0.get_clone_untracked().borrow_mut())
    }

    pub fn set(self, value: T) {
        self.update(|old| *old = value);
    }

    /// Whether its part of the page still stands.
    #[cfg(feature = "csr")]
    pub fn alive(self) -> bool {
        self.0.is_alive()
    }
}

/// An element, once it has been made.
pub struct NodeRef<E: 'static>(Signal<Option<E>>);

impl<E> Clone for NodeRef<E> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<E> Copy for NodeRef<E> {}

impl<E: JsCast + Clone> NodeRef<E> {
    pub fn new() -> NodeRef<E> {
        NodeRef(Signal::new(None))
    }

    pub fn get(self) -> Option<E> {
        self.0.get()
    }

    pub fn get_untracked(self) -> Option<E> {
        self.0.get_untracked()
    }

    fn load(self, element: &web_sys::Element) {
        self.0.set(element.dyn_ref::<E>().cloned());
    }
}

impl<E: JsCast + Clone> Default for NodeRef<E> {
    fn default() -> NodeRef<E> {
        NodeRef::new()
    }
}

pub fn window() -> web_sys::Window {
    web_sys::window().expect("the app runs in a page")
}

pub fn document() -> web_sys::Document {
    window().document().expect("a window of a page has a document")
}

#[cfg(feature = "csr")]
pub fn location() -> web_sys::Location {
    window().location()
}

/// Whether this page stands in a frame of another one, which may lay anything over it.
pub fn is_framed() -> bool {
    window().parent().ok().flatten().is_some_and(|parent| parent != window())
}

/// What the page's address says of this name in its query; the first, if it says it twice.
#[cfg(feature = "csr")]
pub fn asked(name: &str) -> Option<String> {
    web_sys::UrlSearchParams::new_with_str(&location().search().ok()?).ok()?.get(name)
}

/// Calls `f` at every event of this name that reaches the window, as long as this part of the page stands.
#[cfg_attr(not(feature = "csr"), allow(unused_variables))]
pub fn on_window<E: JsCast>(name: &'static str, f: impl Fn(E) + 'static) {
    #[cfg(feature = "csr")]
    {
        let closure = Closure::<dyn Fn(Event)>::new(move |ev: Event| batch(|| f(ev.unchecked_into())));
        _ = window().add_event_listener_with_callback(name, closure.as_ref().unchecked_ref());
        on_cleanup(move || {
            _ = window().remove_event_listener_with_callback(name, closure.as_ref().unchecked_ref());
        });
    }
}

#[cfg(feature = "csr")]
type Step = (Kept<()>, Box<dyn FnMut(f64)>);

#[cfg(feature = "csr")]
thread_local! {
    /// What is done before each frame.
    static STEPS: std::cell::RefCell<Vec<Step>> = const { std::cell::RefCell::new(Vec::new()) };
    /// Whether frames are asked for; once begun, one asks for the next.
    static RUNS: std::cell::Cell<bool> = const { std::cell::Cell::new(false) };
    /// What the browser calls, made once: a closure made anew for every frame costs as much as a small picture.
    static FRAME: Closure<dyn FnMut(f64)> = Closure::new(|now| batch(|| frame(now)));
}

/// Calls `step(now_ms)` before every frame is painted, as long as this part of the page stands. All steps share one
/// request for a frame.
#[cfg(feature = "csr")]
pub fn every_frame(step: impl FnMut(f64) + 'static) {
    STEPS.with_borrow_mut(|steps| steps.push((Kept::new(()), Box::new(step))));
    if !RUNS.replace(true) {
        request_frame();
    }
}

#[cfg(feature = "csr")]
fn request_frame() {
    FRAME.with(|frame| _ = window().request_animation_frame(frame.as_ref().unchecked_ref()));
}

#[cfg(feature = "csr")]
fn frame(now: f64) {
    // Asked for first, so that the next one does not wait for what this one does.
    request_frame();
    // A step may bring others.
    let mut steps = STEPS.take();
    steps.retain_mut(|(owner, step)| {
        let stands = owner.alive();
        if stands {
            step(now);
        }
        stands
    });
    STEPS.with_borrow_mut(|new| {
        steps.append(new);
        *new = steps;
    });
}

/// Calls `f` once, after so many milliseconds. Returns what [`clear_timeout`] takes.
pub fn after(ms: i32, f: impl FnOnce() + 'static) -> Option<i32> {
    let f = Closure::once_into_js(move || batch(f));
    window().set_timeout_with_callback_and_timeout_and_arguments_0(f.unchecked_ref(), ms).ok()
}

pub fn clear_timeout(timer: i32) {
    window().clear_timeout_with_handle(timer);
}

/// What stands in the field or the choice that the event is of.
pub fn value_of(ev: &Event) -> String {
    let target = ev.target();
    let field = target.as_ref().and_then(|t| t.dyn_ref::<web_sys::HtmlInputElement>().map(|e| e.value()));
    let choice = || target.as_ref().and_then(|t| t.dyn_ref::<web_sys::HtmlSelectElement>().map(|e| e.value()));
    field.or_else(choice).unwrap_or_default()
}

/// Whether the box that the event is of is ticked.
pub fn is_checked(ev: &Event) -> bool {
    ev.target().is_some_and(|t| t.dyn_ref::<web_sys::HtmlInputElement>().is_some_and(|e| e.checked()))
}
