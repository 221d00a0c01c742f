//! Single keys: the same for every question, plus one for each fault.

use super::{Handle, Panel, button};
#[cfg(feature = "csr")]
use super::{bar, knobs, more, player::SPEEDS};
use crate::prefs::{Switch, use_prefs};
use crate::ui::el::{Piece, each, el};
#[cfg(feature = "csr")]
use crate::ui::on_window;
use crate::ui::{NodeRef, is_checked};
use std::cell::RefCell;
use web_sys::HtmlDialogElement;
#[cfg(feature = "csr")]
use web_sys::{HtmlElement, KeyboardEvent};

thread_local! {
    static HELP: RefCell<Option<NodeRef<HtmlDialogElement>>> = const { RefCell::new(None) };
}

const KEYS: [(&str, &str); 9] = [
    ("Space or K", "play or pause"),
    ("[ and ]", "one event back, one forward"),
    ("J and L", "five per cent of the timeline back, forward"),
    ("< and >", "slower, faster"),
    ("0", "start again"),
    ("N", "new seed"),
    ("S", "copy a link to this moment"),
    ("1 to 5", "numbers, log, request, in words, code"),
    ("?", "these keys"),
];

fn panel(key: &str) -> Option<Panel> {
    Some(match key {
        "1" => Panel::Numbers,
        "2" => Panel::Log,
        "3" => Panel::Request,
        "4" => Panel::Words,
        "5" => Panel::Code,
        _ => return None,
    })
}

/// Listens on the whole window, but leaves alone what is typed into a field or pressed on a control.
#[cfg(feature = "csr")]
pub fn listen(h: Handle, root: NodeRef<HtmlElement>) {
    use wasm_bindgen::JsCast;
    on_window("keydown", move |ev: KeyboardEvent| {
        if ev.ctrl_key() || ev.alt_key() || ev.meta_key() || ev.default_prevented() || root.get_untracked().is_none() {
            return;
        }
        let target = ev.target().and_then(|t| t.dyn_into::<web_sys::Element>().ok());
        let inside = |selector: &str| target.as_ref().is_some_and(|t| t.closest(selector).ok().flatten().is_some());
        if inside("input:not([type=range]):not([type=checkbox]), select, textarea, dialog[open]") {
            return;
        }
        let key = ev.key();
        if !h.keys.get_untracked() {
            return;
        }
        if key == "?" {
            ev.prevent_default();
            more::with(h, |m| (m.show_help)());
            return;
        }
        // A focused control keeps the keys that work it.
        if key == " " && inside("button, a, summary, input, [role=slider]") {
            return;
        }
        if handle(h, &key) {
            ev.prevent_default();
        }
    });
}

#[cfg(feature = "csr")]
fn handle(h: Handle, key: &str) -> bool {
    use sim::kernel::Us;
    let jump = |forward: bool| {
        h.change(|p| {
            let twentieth = Us(p.span().0 / 20);
            p.seek(if forward { p.now() + twentieth } else { p.now() - twentieth });
        });
    };
    let faster = |by: isize| {
        h.change(|p| {
            let here = SPEEDS.iter().position(|s| *s >= p.speed).unwrap_or(SPEEDS.len() - 1);
            p.speed = SPEEDS[here.saturating_add_signed(by).min(SPEEDS.len() - 1)];
        });
        h.say(format!("Speed {}", sim::declare::show(h.with(|p| p.speed))));
    };
    match key {
        " " | "k" | "K" => h.change(|p| p.toggle_play()),
        "[" => h.change(|p| p.step_back()),
        "]" => h.change(|p| p.step_forward()),
        "j" | "J" => jump(false),
        "l" | "L" => jump(true),
        "<" => faster(-1),
        ">" => faster(1),
        "0" => h.change(|p| p.reset()),
        "n" | "N" => knobs::new_seed(h),
        "s" | "S" => more::with(h, move |m| (m.copy_link)(h)),
        _ => {
            if let Some(p) = panel(key) {
                h.panel.set(p);
                return true;
            }
            let letter = key.chars().next().filter(|_| key.chars().count() == 1).map(|c| c.to_ascii_lowercase());
            let act = h.with(|p| {
                p.question.acts.iter().position(|a| a.fault && Some(a.hotkey.to_ascii_lowercase()) == letter)
            });
            let Some(act) = act else { return false };
            bar::press(h, act as u8);
        }
    }
    true
}

/// Shows which keys there are.
pub fn show_help() {
    HELP.with_borrow(|d| {
        if let Some(d) = d.and_then(|d| d.get_untracked()) {
            _ = d.show_modal();
        }
    });
}

/// The dialog of the keys, closed.
pub fn help(h: Handle) -> Piece {
    let prefs = use_prefs();
    let dialog = NodeRef::<HtmlDialogElement>::new();
    HELP.set(Some(dialog));
    let own = h.with(|p| p.question.acts).iter().filter(|a| a.fault);
    let own = own.map(|a| (a.hotkey.to_ascii_uppercase().to_string(), a.label));
    let all = KEYS.iter().map(|(k, what)| ((*k).to_string(), *what)).chain(own);
    let rows = each(all, |(key, what)| {
        el("tr").kid(el("th").attr("scope", "row").kid(el("kbd").kid(key))).kid(el("td").kid(what))
    });
    let switch = el("input")
        .attrs(&[("type", "checkbox"), ("role", "switch")])
        .checked(move || h.keys.get())
        .on("change", move |ev| prefs.turn(Switch::Keys, is_checked(&ev)));
    let close = button("Close").click(move || {
        if let Some(d) = dialog.get_untracked() {
            d.close();
        }
    });
    el("dialog")
        .attrs(&[("class", "stage-dialog"), ("aria-label", "Keys")])
        .node_ref(dialog)
        .kid(el("h2").kid("Keys"))
        .kid(el("table").class("keys").kid(el("tbody").kid(rows)))
        .kid(el("p").kid(el("label").kid(switch).kid(" Single keys act")))
        .kid(el("p").class("quiet").kid("Turned off, they come back in the settings."))
        .kid(el("p").kid(close))
        .into()
}
