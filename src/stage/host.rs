//! The page around an embed: hears what it asks for, does it, and tells it what happens. A part of the program of its
//! own, which only an embed within a frame downloads.
//!
//! Nothing here waits for the host, and nothing that it sends can hold the stage up: messages are read at once, and what
//! they ask for is done in turns of a few milliseconds, in order. `protocol` says what the messages are.

use super::Handle;
use super::player::{Player, Side};
use super::protocol::{self, Changes, Command, FIELDS_MAX, Refused, Value, Wanted, Watch};
use crate::prefs::Prefs;
use crate::ui::{NodeRef, after, clear_timeout, effect, on_cleanup, on_window, window};
use sim::kernel::{Moment, Us};
use sim::link::LINK_CHARS_MAX;
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{Element, HtmlElement, MessageEvent, ResizeObserver, Window};

/// The door of this part.
pub struct Host {
    pub open: fn(Handle, Prefs, NodeRef<HtmlElement>),
}

pub static HOST: Host = Host { open };

/// A turn of work takes no longer than half a frame.
const TURN_MS: f64 = 8.0;
/// And its last step of a run about as long: what the frame loop does at once.
const EVENTS_A_STEP: u64 = 60_000;
/// So many messages may wait for their turn.
const WAITING_MAX: usize = 256;
/// So many are read within a second.
const A_SECOND_MAX: u32 = 500;
/// Changes are told together, at most this often.
const TELL_MS: i32 = 250;
/// A change of height this soon after something that the reader or the host did is what they asked for.
const ASKED_MS: f64 = 1_000.0;
/// A message is an object of objects of values.
const DEPTH_MAX: u32 = 4;

struct Desk {
    h: Handle,
    prefs: Prefs,
    parent: Window,
    /// Where answers go: to who has asked, and before anybody has, to whoever is there.
    origin: RefCell<String>,
    waiting: RefCell<VecDeque<Wanted>>,
    /// A way through the run that takes more than one turn.
    going: RefCell<Option<Going>>,
    /// Whether a turn is due.
    due: Cell<bool>,
    /// The second that messages are counted in, and how many came.
    counted: Cell<(f64, u32)>,
    watch: RefCell<Watch>,
    telling: Cell<bool>,
    /// How often the host wants to be told, and the timer for it.
    every: Cell<(u32, Option<i32>)>,
    /// When somebody last did something that may change the height.
    asked: Cell<f64>,
    height: Cell<f64>,
}

struct Going {
    to: Us,
    exactly: Option<(Moment, Moment)>,
    /// It plays on from there.
    playing: bool,
    id: Option<Value>,
}

fn now_ms() -> f64 {
    window().performance().map_or(0.0, |p| p.now())
}

fn open(h: Handle, prefs: Prefs, root: NodeRef<HtmlElement>) {
    let Ok(Some(parent)) = window().parent() else { return };
    let desk = Rc::new(Desk {
        h,
        prefs,
        parent,
        origin: RefCell::new("*".into()),
        waiting: RefCell::default(),
        going: RefCell::default(),
        due: Cell::new(false),
        counted: Cell::default(),
        watch: RefCell::new(h.with(Watch::of)),
        telling: Cell::new(false),
        every: Cell::default(),
        asked: Cell::new(-ASKED_MS),
        height: Cell::default(),
    });
    let hearing = desk.clone();
    on_window("message", move |ev: MessageEvent| hear(&hearing, &ev));
    for name in ["pointerdown", "keydown"] {
        let desk = desk.clone();
        on_window(name, move |_: web_sys::Event| desk.asked.set(now_ms()));
    }
    // What is unfolded may have to be downloaded first.
    let unfolding = desk.clone();
    let mut begun = false;
    effect(move || {
        h.unfolded.track();
        if std::mem::replace(&mut begun, true) {
            unfolding.asked.set(now_ms());
        }
    });
    desk.post(&h.with(protocol::ready));
    watch_height(&desk, root);
    watch_run(&desk);
}

/// Answers only the page around this one; a message from elsewhere was meant for somebody else.
fn hear(desk: &Rc<Desk>, ev: &MessageEvent) {
    let parent: &JsValue = desk.parent.as_ref();
    if !ev.source().is_some_and(|source| JsValue::from(source) == *parent) {
        return;
    }
    match desk.room() {
        Room::Enough => {}
        Room::Full => {
            let why = format!("more than {A_SECOND_MAX} messages in a second; the rest of this second is ignored");
            return desk.post(&protocol::error(why, None));
        }
        Room::Overfull => return,
    }
    let message = read_js(&ev.data(), 0);
    let Some(read) = desk.h.with(|p| protocol::read(&message, p)) else { return };
    // A file or a sandboxed frame has no origin to send to.
    *desk.origin.borrow_mut() =
        Some(ev.origin()).filter(|o| o != "null" && !o.is_empty()).unwrap_or_else(|| "*".into());
    match read {
        Err(Refused { id, why }) => desk.post(&protocol::error(why, id)),
        Ok(wanted) if desk.waiting.borrow().len() >= WAITING_MAX => {
            let why = format!("{WAITING_MAX} messages are waiting to be done; this one is ignored");
            desk.post(&protocol::error(why, wanted.id));
        }
        Ok(wanted) => {
            desk.waiting.borrow_mut().push_back(wanted);
            if !desk.due.get() {
                work(desk);
            }
        }
    }
}

enum Room {
    Enough,
    /// The first message too many.
    Full,
    Overfull,
}

/// One turn: what is waiting, in order, until the turn is over.
fn work(desk: &Rc<Desk>) {
    let begun = now_ms();
    desk.due.set(false);
    while desk.step() {
        if now_ms() - begun > TURN_MS {
            desk.due.set(true);
            let desk = desk.clone();
            after(0, move || work(&desk));
            return;
        }
    }
}

impl Desk {
    fn post(&self, message: &Value) {
        // A host that is gone hears nothing; nobody waits for it.
        _ = self.parent.post_message(&write_js(message), &self.origin.borrow());
    }

    fn room(&self) -> Room {
        let (since, count) = self.counted.get();
        let now = now_ms();
        let (since, count) = if now - since >= 1_000.0 { (now, 1) } else { (since, count + 1) };
        self.counted.set((since, count));
        match count {
            ..=A_SECOND_MAX => Room::Enough,
            n if n == A_SECOND_MAX + 1 => Room::Full,
            _ => Room::Overfull,
        }
    }

    /// One step of what is waiting. False when there is nothing left.
    fn step(self: &Rc<Self>) -> bool {
        if self.going.borrow().is_some() {
            self.go();
            return true;
        }
        let next = self.waiting.borrow_mut().pop_front();
        let Some(Wanted { id, command }) = next else { return false };
        self.asked.set(now_ms());
        match command {
            Command::Seek(to) => self.set_out(to, None, id),
            Command::SeekExact { moment, moment_b } => self.set_out(moment.at, Some((moment, moment_b)), id),
            Command::Query { every_ms } => {
                if let Some(ms) = every_ms {
                    tell_every(self, ms);
                }
                self.answer(id);
            }
            command => {
                let theme = self.h.change(|p| perform(p, command));
                if let Some(theme) = theme {
                    self.prefs.set_theme(theme);
                }
                if id.is_some() {
                    self.answer(id);
                }
            }
        }
        true
    }

    /// A run that has a long way to go goes it in steps, and stands still for everybody else meanwhile.
    fn set_out(&self, to: Us, exactly: Option<(Moment, Moment)>, id: Option<Value>) {
        let playing = self.h.quietly(|p| std::mem::replace(&mut p.playing, false));
        *self.going.borrow_mut() = Some(Going { to, exactly, playing, id });
    }

    fn go(&self) {
        let Some(going) = self.going.borrow_mut().take() else { return };
        if !self.h.quietly(|p| p.approach(going.to, EVENTS_A_STEP)) {
            *self.going.borrow_mut() = Some(going);
            return;
        }
        self.h.change(|p| {
            if let Some((moment, moment_b)) = going.exactly {
                p.seek_exact(moment, moment_b);
            }
            p.playing = going.playing;
        });
        if going.id.is_some() {
            self.answer(going.id);
        }
    }

    fn answer(&self, id: Option<Value>) {
        let theme = self.prefs.theme();
        self.post(&self.h.with(|p| protocol::state(p, theme, id)));
    }
}

/// Does what was asked for. The theme, if it changes, is the page's to show.
fn perform(p: &mut Player, command: Command) -> Option<crate::prefs::Theme> {
    match command {
        Command::Link(code) => p.load_link(&code),
        Command::Load(pairs) => {
            p.notes.clear();
            p.load_preset(0);
            p.load_query(&pairs);
            return pairs.iter().find(|(key, _)| key == "theme").and_then(|(_, v)| crate::prefs::Theme::parse(v));
        }
        Command::Set(changes) => return set(p, &changes),
        Command::Act { act, args, at: None } => p.act(act, args),
        Command::Act { act, args, at: Some(at) } => p.put_act(at, act, args),
        Command::Play if !p.playing => p.toggle_play(),
        Command::Pause => p.playing = false,
        Command::Play | Command::Seek(_) | Command::SeekExact { .. } | Command::Query { .. } => {}
    }
    None
}

fn set(p: &mut Player, changes: &Changes) -> Option<crate::prefs::Theme> {
    if let Some(seed) = changes.seed {
        p.set_seed(seed);
    }
    if let Some(speed) = changes.speed {
        p.speed = speed;
    }
    let side = if changes.side_b { Side::B } else { Side::A };
    for (knob, value) in &changes.knobs {
        p.set_knob(side, *knob, *value);
    }
    changes.theme
}

/// Tells the state every so many milliseconds from now on, if the run has moved.
fn tell_every(desk: &Rc<Desk>, ms: u32) {
    if let (_, Some(timer)) = desk.every.get() {
        clear_timeout(timer);
    }
    desk.every.set((ms, None));
    tell_again(desk, None);
}

fn tell_again(desk: &Rc<Desk>, told: Option<Moment>) {
    let (ms, _) = desk.every.get();
    if ms == 0 {
        return;
    }
    let next = desk.clone();
    let timer = after(ms as i32, move || {
        let now = next.h.with(|p| p.a().moment());
        if told.is_some_and(|told| told != now) {
            next.answer(None);
        }
        tell_again(&next, Some(now));
    });
    desk.every.set((ms, timer));
}

/// Tells what happens, and the state when something other than time has changed.
fn watch_run(desk: &Rc<Desk>) {
    let events = desk.clone();
    effect(move || {
        let news = events.h.live(|p| events.watch.borrow_mut().news(p));
        news.iter().for_each(|event| events.post(event));
    });
    let state = desk.clone();
    let mut first = true;
    effect(move || {
        state.h.shape.track();
        if std::mem::take(&mut first) || state.telling.replace(true) {
            return;
        }
        let state = state.clone();
        after(TELL_MS, move || {
            state.telling.set(false);
            state.answer(None);
        });
    });
}

/// Tells how high the stage is, whenever that changes. It depends on the frame's width alone, so a host may follow it.
fn watch_height(desk: &Rc<Desk>, root: NodeRef<HtmlElement>) {
    let Some(root) = root.get_untracked() else { return };
    let (desk, stage) = (desk.clone(), root.clone());
    let closure = Closure::<dyn Fn()>::new(move || {
        let height = Element::get_bounding_client_rect(&stage).height().ceil();
        if height > 0.0 && desk.height.replace(height) != height {
            let asked = now_ms() - desk.asked.get() < ASKED_MS;
            desk.post(&protocol::message("height", [("height", height.into()), ("asked", asked.into())]));
        }
    });
    if let Ok(observer) = ResizeObserver::new(closure.as_ref().unchecked_ref()) {
        observer.observe(&root);
        on_cleanup(move || {
            observer.disconnect();
            drop(closure);
        });
    }
}

/// What a message holds, up to the depth and the size that any of ours has.
fn read_js(js: &JsValue, depth: u32) -> Value {
    if js.is_null() || js.is_undefined() {
        return Value::Nothing;
    }
    if let Some(flag) = js.as_bool() {
        return Value::Flag(flag);
    }
    if let Some(number) = js.as_f64() {
        return Value::Number(number);
    }
    if let Some(text) = js.dyn_ref::<js_sys::JsString>() {
        let long = text.length() as usize > 2 * LINK_CHARS_MAX;
        return if long { Value::Other("a text longer than any link") } else { Value::Text(text.into()) };
    }
    if js_sys::Array::is_array(js) {
        return Value::Other("a list");
    }
    let Some(object) = js.dyn_ref::<js_sys::Object>() else { return Value::Other("no plain value") };
    let keys = js_sys::Object::keys(object);
    if depth == DEPTH_MAX || keys.length() as usize > FIELDS_MAX {
        return Value::Other("an object larger than any message");
    }
    let one = |key: JsValue| {
        let value = js_sys::Reflect::get(object, &key).unwrap_or(JsValue::UNDEFINED);
        // A key is a text, and one too long to be read is one that nobody knows.
        let name = if let Value::Text(name) = read_js(&key, depth) { name } else { "?".into() };
        (name, read_js(&value, depth + 1))
    };
    Value::Fields(keys.iter().map(one).collect())
}

fn write_js(value: &Value) -> JsValue {
    match value {
        Value::Nothing | Value::Other(_) => JsValue::NULL,
        Value::Flag(flag) => (*flag).into(),
        Value::Number(number) => (*number).into(),
        Value::Text(text) => text.into(),
        Value::List(list) => list.iter().map(write_js).collect::<js_sys::Array>().into(),
        Value::Fields(fields) => {
            let object = js_sys::Object::new();
            for (name, value) in fields {
                _ = js_sys::Reflect::set(&object, &name.into(), &write_js(value));
            }
            object.into()
        }
    }
}
