//! Elements as data.
//!
//! Where every shape of a view is a type of its own, each brings its own copy of the code that builds, updates and
//! removes it: with such views this program was half as large again. Here an element is data, so that code exists
//! once. What a closure reads is followed, and only that text, attribute or part changes.
//!
//! A [`Part`](Piece::Part) that runs again is compared with what stands there, so that a list which
//! grows several times a second keeps its elements, with the focus and the press that may be on them.

use super::markup::Markup;
use super::{NodeRef, batch, document, follow, value_of};
use std::borrow::Cow;
use std::cell::RefCell;
use std::rc::Rc;
use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;
use web_sys::Event;

type Words = Cow<'static, str>;
type Load = Box<dyn FnOnce(&web_sys::Element)>;
type Listener = Box<dyn Fn(Event)>;

/// Something that can stand in an element.
pub enum Piece {
    Text(Words),
    /// Text that follows signals.
    Live(Box<dyn Fn() -> String>),
    /// Any piece that follows signals.
    Part(Box<dyn Fn() -> Piece>),
    Tag(Box<Tag>),
    List(Vec<Piece>),
}

/// A value that follows signals.
enum Value {
    Text(Box<dyn Fn() -> String>),
    Flag(Box<dyn Fn() -> bool>),
}

/// What of an element follows a value.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Where {
    /// A flag is there without a value, or not there.
    Attribute,
    /// A name in the list of classes.
    Class,
    /// A property of the element, such as what is typed into a field.
    Property,
}

/// An element to be.
pub struct Tag {
    name: &'static str,
    fixed: Vec<(&'static str, Words)>,
    moving: Vec<(Where, &'static str, Value)>,
    events: Vec<(&'static str, Listener)>,
    kids: Vec<Piece>,
    html: Option<Markup>,
    load: Option<Load>,
}

/// An element of this name.
pub fn el(name: &'static str) -> Tag {
    Tag { name, fixed: Vec::new(), moving: Vec::new(), events: Vec::new(), kids: Vec::new(), html: None, load: None }
}

/// Text that follows signals.
pub fn live(f: impl Fn() -> String + 'static) -> Piece {
    Piece::Live(Box::new(f))
}

/// A piece that follows signals.
pub fn part<P: Into<Piece>>(f: impl Fn() -> P + 'static) -> Piece {
    Piece::Part(Box::new(move || f().into()))
}

impl Tag {
    pub fn class(self, class: impl Into<Words>) -> Tag {
        self.attr("class", class)
    }

    pub fn attr(mut self, name: &'static str, value: impl Into<Words>) -> Tag {
        self.fixed.push((name, value.into()));
        self
    }

    /// Several attributes that stay as they are.
    pub fn attrs(mut self, all: &[(&'static str, &'static str)]) -> Tag {
        self.fixed.extend(all.iter().map(|(name, value)| (*name, Words::Borrowed(*value))));
        self
    }

    /// An attribute that follows signals; while its text is empty, there is none.
    pub fn live(mut self, name: &'static str, f: impl Fn() -> String + 'static) -> Tag {
        self.moving.push((Where::Attribute, name, Value::Text(Box::new(f))));
        self
    }

    pub fn flag(mut self, name: &'static str, f: impl Fn() -> bool + 'static) -> Tag {
        self.moving.push((Where::Attribute, name, Value::Flag(Box::new(f))));
        self
    }

    pub fn toggle(mut self, class: &'static str, f: impl Fn() -> bool + 'static) -> Tag {
        self.moving.push((Where::Class, class, Value::Flag(Box::new(f))));
        self
    }

    /// What stands in a field.
    pub fn value(mut self, f: impl Fn() -> String + 'static) -> Tag {
        self.moving.push((Where::Property, "value", Value::Text(Box::new(f))));
        self
    }

    pub fn checked(mut self, f: impl Fn() -> bool + 'static) -> Tag {
        self.moving.push((Where::Property, "checked", Value::Flag(Box::new(f))));
        self
    }

    pub fn on(mut self, event: &'static str, f: impl Fn(Event) + 'static) -> Tag {
        self.events.push((event, Box::new(f)));
        self
    }

    pub fn click(self, f: impl Fn() + 'static) -> Tag {
        self.on("click", move |_| f())
    }

    /// What a field or a choice holds after the reader has changed it.
    pub fn change(self, f: impl Fn(String) + 'static) -> Tag {
        self.on("change", move |ev| f(value_of(&ev)))
    }

    pub fn kid(mut self, kid: impl Into<Piece>) -> Tag {
        self.kids.push(kid.into());
        self
    }

    /// What stands in it before its pieces.
    pub fn html(mut self, html: Markup) -> Tag {
        self.html = Some(html);
        self
    }

    pub fn node_ref<E: JsCast + Clone>(mut self, node: NodeRef<E>) -> Tag {
        self.load = Some(Box::new(move |el| node.load(el)));
        self
    }

    /// Whether an element made from `made` can become this one.
    fn fits(&self, made: &MadeTag) -> bool {
        self.name == made.name
            && self.load.is_none()
            && self.moving.iter().map(|m| (m.0, m.1)).eq(made.moving.iter().copied())
            && self.events.iter().map(|e| e.0).eq(made.events.iter().map(|e| e.0))
    }
}

impl From<Tag> for Piece {
    fn from(tag: Tag) -> Piece {
        Piece::Tag(Box::new(tag))
    }
}

impl From<&'static str> for Piece {
    fn from(text: &'static str) -> Piece {
        Piece::Text(Words::Borrowed(text))
    }
}

impl From<String> for Piece {
    fn from(text: String) -> Piece {
        Piece::Text(Words::Owned(text))
    }
}

impl<P: Into<Piece>, const N: usize> From<[P; N]> for Piece {
    fn from(list: [P; N]) -> Piece {
        Piece::List(list.into_iter().map(Into::into).collect())
    }
}

impl From<Vec<Piece>> for Piece {
    fn from(list: Vec<Piece>) -> Piece {
        Piece::List(list)
    }
}

impl From<Option<Piece>> for Piece {
    fn from(piece: Option<Piece>) -> Piece {
        Piece::List(piece.into_iter().collect())
    }
}

impl From<Option<Tag>> for Piece {
    fn from(tag: Option<Tag>) -> Piece {
        Piece::List(tag.map(Piece::from).into_iter().collect())
    }
}

/// One piece for each of several things.
pub fn each<T, P: Into<Piece>>(things: impl IntoIterator<Item = T>, piece: impl FnMut(T) -> P) -> Piece {
    Piece::List(things.into_iter().map(piece).map(Into::into).collect())
}

type Slot = Rc<RefCell<Option<Made>>>;
/// What an event calls, which may change while the element stays.
type Called = Rc<RefCell<Rc<dyn Fn(Event)>>>;
type Listening = (&'static str, Called, Closure<dyn FnMut(Event)>);

/// A piece on screen.
enum Made {
    Text(web_sys::Node, Words),
    Live(web_sys::Node),
    /// What stands there now, and an empty text after it, which says where.
    Part(Slot, web_sys::Node),
    Tag(Box<MadeTag>),
    /// The list, and an empty text after it.
    List(Vec<Made>, web_sys::Node),
}

/// An element on screen.
struct MadeTag {
    name: &'static str,
    el: web_sys::Element,
    fixed: Vec<(&'static str, Words)>,
    moving: Vec<(Where, &'static str)>,
    events: Vec<Listening>,
    kids: Vec<Made>,
    html: Option<Markup>,
}

fn text_node(text: &str) -> web_sys::Node {
    document().create_text_node(text).into()
}

fn follow_text(node: web_sys::Node, f: Box<dyn Fn() -> String>) {
    follow(move || {
        let text = f();
        if node.node_value().as_deref() != Some(&text) {
            node.set_node_value(Some(&text));
        }
    });
}

/// The first run fills the slot before anything is on the page; later runs change what stands there. What an earlier
/// run followed has ended by then.
fn follow_part(slot: Slot, f: Box<dyn Fn() -> Piece>) {
    follow(move || {
        let piece = f();
        let mut slot = slot.borrow_mut();
        match &mut *slot {
            Some(made) => piece.patch(made),
            None => *slot = Some(piece.make()),
        }
    });
}

fn follow_value(el: web_sys::Element, place: Where, name: &'static str, value: Value) {
    let mut last = None;
    follow(move || {
        let now = match &value {
            Value::Text(f) => Some(f()).filter(|text| place != Where::Attribute || !text.is_empty()),
            Value::Flag(f) => f().then(String::new),
        };
        if last.as_ref() == Some(&now) {
            return;
        }
        match place {
            Where::Attribute => match &now {
                Some(text) => _ = el.set_attribute(name, text),
                None => _ = el.remove_attribute(name),
            },
            Where::Class => _ = el.class_list().toggle_with_force(name, now.is_some()),
            Where::Property => {
                let to = match &value {
                    Value::Text(_) => now.as_deref().unwrap_or_default().into(),
                    Value::Flag(_) => now.is_some().into(),
                };
                _ = js_sys::Reflect::set(&el, &name.into(), &to);
            }
        }
        last = Some(now);
    });
}

impl Piece {
    fn make(self) -> Made {
        match self {
            Piece::Text(text) => Made::Text(text_node(&text), text),
            Piece::Live(f) => {
                let node = text_node("");
                follow_text(node.clone(), f);
                Made::Live(node)
            }
            Piece::Part(f) => {
                let slot = Slot::default();
                follow_part(slot.clone(), f);
                Made::Part(slot, text_node(""))
            }
            Piece::Tag(tag) => Made::Tag(Box::new(tag.make())),
            Piece::List(list) => Made::List(list.into_iter().map(Piece::make).collect(), text_node("")),
        }
    }

    /// Turns what stands there into this, keeping the elements that can be kept.
    fn patch(self, made: &mut Made) {
        match (self, made) {
            (Piece::Text(new), Made::Text(node, old)) => {
                if new != *old {
                    node.set_node_value(Some(&new));
                    *old = new;
                }
            }
            (Piece::Live(f), Made::Live(node)) => follow_text(node.clone(), f),
            (Piece::Part(f), Made::Part(slot, _)) => follow_part(slot.clone(), f),
            (Piece::List(new), Made::List(old, end)) => patch_list(new, old, &|made| {
                if let Some(parent) = end.parent_node() {
                    made.place(&parent, Some(end));
                }
            }),
            (Piece::Tag(tag), Made::Tag(made)) if tag.fits(made) => tag.patch(made),
            (new, old) => {
                let made = new.make();
                let first = old.first();
                if let Some(parent) = first.parent_node() {
                    made.place(&parent, Some(&first));
                }
                old.remove();
                *old = made;
            }
        }
    }

    /// Puts it at the end of an element of the page, for ever.
    pub fn mount(self, into: &web_sys::Element) {
        let made = self.make();
        made.place(into, None);
        // What it follows and what its events call live in the closures; the handles of the nodes are not needed on.
        std::mem::forget(made);
    }

    /// As HTML, for the prerendered page.
    #[cfg(not(feature = "csr"))]
    pub fn into_html(self) -> String {
        let mut html = String::new();
        self.write(&mut html);
        html
    }

    #[cfg(not(feature = "csr"))]
    fn write(self, out: &mut String) {
        match self {
            Piece::Text(text) => escape(&text, out),
            Piece::Live(f) => escape(&f(), out),
            Piece::Part(f) => f().write(out),
            Piece::Tag(tag) => tag.write(out),
            Piece::List(list) => list.into_iter().for_each(|p| p.write(out)),
        }
    }
}

fn patch_list(new: Vec<Piece>, old: &mut Vec<Made>, append: &dyn Fn(&Made)) {
    for gone in old.drain(new.len().min(old.len())..) {
        gone.remove();
    }
    for (i, piece) in new.into_iter().enumerate() {
        if let Some(made) = old.get_mut(i) {
            piece.patch(made);
        } else {
            let made = piece.make();
            append(&made);
            old.push(made);
        }
    }
}

impl Tag {
    fn make(self) -> MadeTag {
        let el = match self.name {
            "svg" | "path" | "circle" => document().create_element_ns(Some("http://www.w3.org/2000/svg"), self.name),
            name => document().create_element(name),
        }
        .expect("the names of elements are our own");
        for (name, value) in &self.fixed {
            _ = el.set_attribute(name, value);
        }
        if let Some(html) = &self.html {
            html.put(&el);
        }
        let kids: Vec<Made> = self.kids.into_iter().map(Piece::make).collect();
        kids.iter().for_each(|k| k.place(&el, None));
        let moving = self
            .moving
            .into_iter()
            .map(|(place, name, value)| {
                follow_value(el.clone(), place, name, value);
                (place, name)
            })
            .collect();
        let events = self
            .events
            .into_iter()
            .map(|(name, f)| {
                let slot: Called = Rc::new(RefCell::new(Rc::from(f as Box<_>)));
                let called = slot.clone();
                let closure = Closure::<dyn FnMut(Event)>::new(move |ev| {
                    let f = called.borrow().clone();
                    batch(|| f(ev));
                });
                _ = el.add_event_listener_with_callback(name, closure.as_ref().unchecked_ref());
                (name, slot, closure)
            })
            .collect();
        if let Some(load) = self.load {
            load(&el);
        }
        MadeTag { name: self.name, el, fixed: self.fixed, moving, events, kids, html: self.html }
    }

    fn patch(self, made: &mut MadeTag) {
        for (name, _) in made.fixed.iter().filter(|(n, _)| self.fixed.iter().all(|(m, _)| m != n)) {
            _ = made.el.remove_attribute(name);
        }
        for new in self.fixed.iter().filter(|a| !made.fixed.contains(a)) {
            _ = made.el.set_attribute(new.0, &new.1);
        }
        made.fixed = self.fixed;
        if self.html != made.html {
            self.html.clone().unwrap_or_default().put(&made.el);
            made.html = self.html;
        }
        for (place, name, value) in self.moving {
            follow_value(made.el.clone(), place, name, value);
        }
        for ((_, f), old) in self.events.into_iter().zip(&made.events) {
            *old.1.borrow_mut() = Rc::from(f as Box<_>);
        }
        let el = &made.el;
        patch_list(self.kids, &mut made.kids, &|kid| kid.place(el, None));
    }

    #[cfg(not(feature = "csr"))]
    fn write(self, out: &mut String) {
        let mut classes = String::new();
        out.push('<');
        out.push_str(self.name);
        let mut attribute = |name: &str, value: &str| {
            out.push(' ');
            out.push_str(name);
            if !value.is_empty() || name == "value" {
                out.push_str("=\"");
                escape(value, out);
                out.push('"');
            }
        };
        for (name, value) in &self.fixed {
            if *name == "class" {
                classes.push_str(value);
            } else {
                attribute(name, value);
            }
        }
        for (place, name, value) in &self.moving {
            match (place, value) {
                (Where::Attribute, Value::Text(f)) => {
                    let text = f();
                    if !text.is_empty() {
                        attribute(name, &text);
                    }
                }
                (Where::Attribute, Value::Flag(f)) => {
                    if f() {
                        attribute(name, "");
                    }
                }
                (Where::Class, Value::Flag(f)) => {
                    if f() {
                        classes.push(' ');
                        classes.push_str(name);
                    }
                }
                (Where::Class, Value::Text(_)) | (Where::Property, _) => {}
            }
        }
        if !classes.is_empty() {
            attribute("class", classes.trim_start());
        }
        out.push('>');
        if matches!(self.name, "input" | "img") {
            return;
        }
        out.push_str(self.html.as_ref().map_or("", Markup::as_str));
        self.kids.into_iter().for_each(|k| k.write(out));
        out.push_str("</");
        out.push_str(self.name);
        out.push('>');
    }
}

#[cfg(not(feature = "csr"))]
fn escape(text: &str, out: &mut String) {
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            c => out.push(c),
        }
    }
}

impl Made {
    /// Puts it into an element, before a node or at the end.
    fn place(&self, parent: &web_sys::Node, before: Option<&web_sys::Node>) {
        self.nodes(&mut |node| {
            _ = parent.insert_before(node, before);
        });
    }

    fn remove(&self) {
        self.nodes(&mut |node| {
            if let Some(parent) = node.parent_node() {
                _ = parent.remove_child(node);
            }
        });
    }

    /// The outermost nodes, in order.
    fn nodes(&self, f: &mut dyn FnMut(&web_sys::Node)) {
        match self {
            Made::Text(node, _) | Made::Live(node) => f(node),
            Made::Tag(tag) => f(&tag.el),
            Made::Part(slot, end) => {
                if let Some(made) = &*slot.borrow() {
                    made.nodes(f);
                }
                f(end);
            }
            Made::List(list, end) => {
                list.iter().for_each(|m| m.nodes(f));
                f(end);
            }
        }
    }

    fn first(&self) -> web_sys::Node {
        let mut first = None;
        self.nodes(&mut |node| {
            first.get_or_insert_with(|| node.clone());
        });
        first.expect("every piece has a node")
    }
}
