//! Whether the site works without a network: what `xtask/web/offline.js` says, and what it can be asked.

use super::button;
use crate::ui::document;
use crate::ui::el::{Piece, el, live, part};
use crate::ui::{Signal, effect};
use sim::decimal;
use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{CustomEvent, CustomEventInit};

/// What it tells, and what it is asked with.
const TOLD: &str = "breakable-offline";
const ASK: &str = "breakable-offline-ask";

/// Where things stand, as the event's `detail` says.
#[derive(Clone, Default, PartialEq)]
struct Status {
    state: String,
    message: String,
    version: String,
    update: String,
    bytes: f64,
    bytes_all: f64,
}

impl Status {
    fn of(detail: &JsValue) -> Status {
        let get = |key: &str| js_sys::Reflect::get(detail, &key.into()).unwrap_or_default();
        let text = |key| get(key).as_string().unwrap_or_default();
        let number = |key| get(key).as_f64().unwrap_or_default();
        Status {
            state: text("state"),
            message: text("message"),
            version: text("version"),
            update: text("update"),
            bytes: number("bytes"),
            bytes_all: number("bytesAll"),
        }
    }

    fn figures(&self) -> String {
        let megabytes = |bytes: f64| decimal::fixed(bytes / 1e6, 1);
        let size = match (self.bytes, self.bytes_all) {
            (_, all) if all <= 0.0 => String::new(),
            (some, all) if some < all => format!("{} of {} MB on this device. ", megabytes(some), megabytes(all)),
            (_, all) => format!("{} MB on this device. ", megabytes(all)),
        };
        if self.version.is_empty() { size } else { format!("{size}Version {}.", self.version) }
    }
}

fn ask(action: &str) {
    let with = CustomEventInit::new();
    with.set_detail(&action.into());
    if let Ok(event) = CustomEvent::new_with_event_init_dict(ASK, &with) {
        _ = document().dispatch_event(&event);
    }
}

pub fn view() -> Piece {
    let status = Signal::new(Status::default());
    let answers = Signal::new(true);
    effect(move || {
        let host = document().get_element_by_id("app");
        if !host.is_some_and(|host| host.has_attribute("data-offline")) {
            return answers.set(false);
        }
        let listener = Closure::<dyn Fn(CustomEvent)>::new(move |ev: CustomEvent| {
            crate::ui::batch(|| status.set(Status::of(&ev.detail())));
        });
        _ = document().add_event_listener_with_callback(TOLD, listener.as_ref().unchecked_ref());
        // The page lives as long as its listener.
        listener.forget();
        ask("check");
    });
    let said = move || {
        let status = status.get();
        match (answers.get(), status.message.is_empty()) {
            (false, _) => "This copy of the site keeps nothing on this device, so it needs the network.".to_owned(),
            (true, true) => "Looking.".to_owned(),
            (true, false) => status.message,
        }
    };
    let buttons = part(move || status.with(|status| buttons(&status.state, &status.update)));
    [
        el("p").attr("role", "status").kid(live(said)).into(),
        part(move || {
            Some(status.with(Status::figures)).filter(|f| !f.is_empty()).map(|f| el("p").class("quiet").kid(f))
        }),
        Piece::from(el("div").class("setting-buttons").kid(buttons)),
    ]
    .into()
}

fn buttons(state: &str, update: &str) -> Piece {
    let action = |words, action: &'static str| button(words).click(move || ask(action));
    let mut list = Vec::new();
    if update == "ready" {
        list.push(action("Show the new version", "reload"));
    }
    match state {
        "off" => list.push(action("Save for offline", "save")),
        "failed" => list.extend([action("Go on saving", "save"), action("Remove", "remove")]),
        "saving" => list.push(action("Stop and remove", "remove")),
        "ready" => list.extend([action("Look for a new version", "check"), action("Remove", "remove")]),
        _ => {}
    }
    list.into_iter().map(Piece::from).collect::<Vec<_>>().into()
}
