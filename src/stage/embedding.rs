//! The dialog with the lines that put this simulation into somebody's page.
//!
//! The preview in it is an embed like any other: it is made when the dialog opens and goes when it closes, and it tells
//! how high the frame has to be.

use super::player::Player;
use super::{Handle, button, share};
use crate::app::{Root, use_root};
use crate::ui::el::{Piece, Tag, each, el, live};
use crate::ui::{NodeRef, Signal, after, clear_timeout, effect, is_checked, on_window, window};
use wasm_bindgen::JsValue;
use web_sys::{Element, HtmlDialogElement, HtmlElement, MessageEvent};

/// How wide a frame to try: a phone, a column of text, a page.
const WIDTHS: [(&str, &str, u32); 3] =
    [("phone", "Phone, 390 px", 390), ("column", "Column, 680 px", 680), ("wide", "Wide, 960 px", 960)];
/// What a frame can sensibly be.
const HEIGHT_PX: std::ops::RangeInclusive<u32> = 200..=2_000;
/// Typing and picking settle before the preview loads anew.
const SETTLE_MS: i32 = 250;

/// What the reader has chosen.
#[derive(Clone, Copy)]
struct Choices {
    /// The link to the moment at which the dialog was opened, or nothing while it is closed.
    moment: Signal<Option<String>>,
    this_moment: Signal<bool>,
    autoplay: Signal<bool>,
    theme: Signal<&'static str>,
    widget: Signal<bool>,
    width: Signal<u32>,
    /// What the preview says it needs, at this width.
    needed: Signal<u32>,
    /// What the reader wants instead.
    own_height: Signal<Option<u32>>,
}

type Dialog = (NodeRef<HtmlDialogElement>, Choices);

thread_local! {
    /// For the function that opens it.
    static DIALOG: std::cell::RefCell<Option<Dialog>> = const { std::cell::RefCell::new(None) };
}

/// Opens the dialog. The run stands meanwhile: the preview has the reader's eye, and the machine.
pub fn open(h: Handle) {
    let Some((dialog, choices)) = DIALOG.with(|d| *d.borrow()) else { return };
    h.change(|p| p.playing = false);
    choices.moment.set(Some(h.with(Player::link)));
    if let Some(dialog) = dialog.get_untracked() {
        _ = dialog.show_modal();
    }
}

impl Choices {
    fn new() -> Choices {
        Choices {
            moment: Signal::new(None),
            this_moment: Signal::new(false),
            autoplay: Signal::new(true),
            theme: Signal::new(""),
            widget: Signal::new(true),
            width: Signal::new(680),
            needed: Signal::new(480),
            own_height: Signal::new(None),
        }
    }

    fn height(self) -> u32 {
        self.own_height.get().unwrap_or_else(|| self.needed.get())
    }

    /// What the frame shows besides the question: attributes of the element, parameters of the address.
    fn asked(self, h: Handle) -> Vec<(&'static str, String)> {
        let mut asked = Vec::new();
        if self.this_moment.get() {
            asked.push(("link", self.moment.get().unwrap_or_default()));
        } else if let Some(i) = h.shape(|p| p.preset) {
            asked.push(("preset", h.meta.presets[i].id.to_owned()));
        }
        if !self.autoplay.get() && !self.this_moment.get() {
            asked.push(("autoplay", "0".to_owned()));
        }
        if !self.theme.get().is_empty() {
            asked.push(("theme", self.theme.get().to_owned()));
        }
        asked
    }

    /// The address of the embed.
    fn address(self, h: Handle, root: &Root) -> String {
        let asked = self.asked(h);
        let query: Vec<String> =
            asked.iter().filter(|(key, _)| *key != "link").map(|(key, value)| format!("{key}={value}")).collect();
        let query = if query.is_empty() { String::new() } else { format!("?{}", query.join("&")) };
        let link = asked.iter().find(|(key, _)| *key == "link").map_or("", |(_, link)| link);
        format!("{}{query}{link}", whole(root, &format!("embed/{}/", h.meta.slug)))
    }

    /// The lines for the post.
    fn code(self, h: Handle, root: &Root) -> String {
        let title = format!("{}: a simulation you can break", h.meta.short);
        if !self.widget.get() {
            return format!(
                "<iframe src=\"{}\" title=\"{}\"\n  width=\"100%\" height=\"{}\" loading=\"lazy\" allow=\"fullscreen; clipboard-write\"></iframe>",
                attribute(&self.address(h, root)),
                attribute(&title),
                self.height()
            );
        }
        let attributes: String =
            self.asked(h).iter().map(|(key, value)| format!(" {key}=\"{}\"", attribute(value))).collect();
        let height = self.own_height.get().map(|px| format!(" height=\"{px}\"")).unwrap_or_default();
        format!(
            "<script async src=\"{}\"></script>\n<breakable-widget question=\"{}\"{attributes}{height}\n  style=\"display:block;min-height:{}px\"><a href=\"{}\">{}</a></breakable-widget>",
            whole(root, "embed.js"),
            h.meta.slug,
            self.height(),
            root_address(root, h.meta.slug),
            attribute(&title)
        )
    }
}

fn attribute(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;")
}

fn root_address(root: &Root, slug: &str) -> String {
    whole(root, &format!("q/{slug}/"))
}

/// With the site's origin: the post is elsewhere.
fn whole(root: &Root, path: &str) -> String {
    let origin = if cfg!(feature = "csr") { window().location().origin().unwrap_or_default() } else { String::new() };
    format!("{origin}{}", root.link(path))
}

/// The dialog, closed.
pub fn dialog(h: Handle) -> Piece {
    let node = NodeRef::<HtmlDialogElement>::new();
    let choices = Choices::new();
    DIALOG.with(|d| *d.borrow_mut() = Some((node, choices)));
    let root = use_root();
    let code = move || choices.code(h, &root);
    let text = code.clone();
    let area = el("textarea")
        .attrs(&[("class", "field wide"), ("rows", "4"), ("readonly", ""), ("aria-label", "HTML for the post")])
        .attr("spellcheck", "false")
        .value(text);
    let buttons = el("p")
        .class("dialog-row")
        .kid(button("Copy").click(move || share::copy(h, code(), "HTML copied.")))
        .kid(share::close_button(node));
    share::dialog_of(node, "Embed")
        .on("close", move |_| choices.moment.set(None))
        .kid(el("h2").kid("Put this into a post"))
        .kid(fields(choices))
        .kid(preview(h, choices))
        .kid(area)
        .kid(buttons)
        .into()
}

/// A choice between a few words. The picked one's index comes back.
fn choice(label: &'static str, options: &[&'static str], first: usize, picked: impl Fn(usize) + 'static) -> Tag {
    let options = each(options.iter().enumerate(), |(i, words)| {
        let option = el("option").attr("value", i.to_string());
        if i == first { option.attr("selected", "") } else { option }.kid(*words)
    });
    let select = el("select").class("field").kid(options).change(move |value| {
        if let Ok(i) = value.parse() {
            picked(i);
        }
    });
    el("label").kid(label).kid(select)
}

fn fields(choices: Choices) -> Tag {
    const THEMES: [&str; 3] = ["", "light", "dark"];
    let show = choice("Show ", &["the preset", "this very moment"], 0, move |i| choices.this_moment.set(i == 1));
    let theme = choice("Theme ", &["as the page's", "light", "dark"], 0, move |i| choices.theme.set(THEMES[i]));
    let width = choice("Try at ", &WIDTHS.map(|(_, words, _)| words), 1, move |i| choices.width.set(WIDTHS[i].2));
    let form = choice("As ", &["<breakable-widget>", "<iframe>"], 0, move |i| choices.widget.set(i == 0));
    let height = el("input")
        .attrs(&[("class", "field"), ("type", "number"), ("min", "200"), ("max", "2000"), ("step", "10")])
        .value(move || choices.height().to_string())
        .change(move |value| choices.own_height.set(value.parse().ok().filter(|px| HEIGHT_PX.contains(px))));
    let plays = el("input")
        .attr("type", "checkbox")
        .checked(move || choices.autoplay.get())
        .flag("disabled", move || choices.this_moment.get())
        .on("change", move |ev| choices.autoplay.set(is_checked(&ev)));
    el("div")
        .class("dialog-row embed-choices")
        .kid(form)
        .kid(show)
        .kid(theme)
        .kid(width)
        .kid(el("label").kid("Height ").kid(height))
        .kid(el("label").kid(plays).kid(" Plays by itself"))
}

/// The embed as the post will show it, made smaller where the dialog is narrower.
fn preview(h: Handle, choices: Choices) -> Tag {
    let (place, frame) = (NodeRef::<HtmlElement>::new(), NodeRef::<HtmlElement>::new());
    load(h, choices, frame);
    hear(choices, frame);
    effect(move || fit(choices, place, frame));
    on_window("resize", move |_: web_sys::Event| fit(choices, place, frame));
    let iframe = el("iframe").attr("title", "Preview").attr("tabindex", "0").node_ref(frame);
    let said = live(move || format!("{} by {} px", choices.width.get(), choices.height()));
    el("figure").class("embed-preview").kid(el("div").node_ref(place).kid(iframe)).kid(el("figcaption").kid(said))
}

/// Loads what is chosen while the dialog is open, and nothing while it is closed.
fn load(h: Handle, choices: Choices, frame: NodeRef<HtmlElement>) {
    let root = use_root();
    let timer = std::cell::Cell::new(None);
    effect(move || {
        let address = choices.moment.with(Option::is_some).then(|| choices.address(h, &root));
        let Some(frame) = frame.get() else { return };
        if let Some(before) = timer.take() {
            clear_timeout(before);
        }
        timer.set(after(SETTLE_MS, move || {
            let shown = frame.get_attribute("src");
            if shown == address {
                return;
            }
            // Put in anew: a frame that only changes its fragment stays where it is, and one that goes from page to page
            // makes the reader's way back longer.
            let place = frame.parent_node();
            frame.remove();
            match &address {
                Some(address) => _ = frame.set_attribute("src", address),
                None => _ = frame.remove_attribute("src"),
            }
            if let Some(place) = place {
                _ = place.append_child(&frame);
            }
        }));
    });
}

/// The preview tells how high it is.
fn hear(choices: Choices, frame: NodeRef<HtmlElement>) {
    on_window("message", move |ev: MessageEvent| {
        let Some(frame) = frame.get_untracked() else { return };
        let own = js_sys::Reflect::get(&frame, &"contentWindow".into()).unwrap_or(JsValue::NULL);
        if !ev.source().is_some_and(|source| JsValue::from(source) == own) {
            return;
        }
        let data = ev.data();
        let height = js_sys::Reflect::get(&data, &"height".into()).ok().and_then(|v| v.as_f64());
        if let Some(height) = height.filter(|px| *px >= f64::from(*HEIGHT_PX.start())) {
            choices.needed.set((height as u32).min(*HEIGHT_PX.end()));
        }
    });
}

/// The frame in its true size, scaled into the dialog.
fn fit(choices: Choices, place: NodeRef<HtmlElement>, frame: NodeRef<HtmlElement>) {
    let (width, height) = (choices.width.get(), choices.height());
    choices.moment.track();
    let (Some(place), Some(frame)) = (place.get(), frame.get()) else { return };
    let room = place.parent_element().as_ref().map_or(0, Element::client_width);
    if room == 0 {
        return;
    }
    let scale = (f64::from(room) / f64::from(width)).min(1.0);
    let px = |v: f64| format!("{}px", v.ceil() as i64);
    let shown = place.style();
    _ = shown.set_property("width", &px(f64::from(width) * scale));
    _ = shown.set_property("height", &px(f64::from(height) * scale));
    let style = frame.style();
    _ = style.set_property("width", &px(f64::from(width)));
    _ = style.set_property("height", &px(f64::from(height)));
    _ = style.set_property("transform", &format!("scale({})", sim::decimal::fixed(scale, 4)));
}
