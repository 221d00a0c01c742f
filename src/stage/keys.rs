//! Single keys: the same for every question, plus one for each fault.

use super::{Handle, Panel};
#[cfg(feature = "csr")]
use super::{bar, knobs, player::SPEEDS, share};
use leptos::html::Dialog;
use leptos::prelude::*;
use std::cell::RefCell;

thread_local! {
    static HELP: RefCell<Option<NodeRef<Dialog>>> = const { RefCell::new(None) };
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
pub fn listen(h: Handle, root: NodeRef<leptos::html::Div>) {
    use wasm_bindgen::JsCast;
    let listener = window_event_listener(leptos::ev::keydown, move |ev| {
        if ev.ctrl_key() || ev.alt_key() || ev.meta_key() || ev.default_prevented() || root.get_untracked().is_none() {
            return;
        }
        let target = ev.target().and_then(|t| t.dyn_into::<web_sys::Element>().ok());
        let inside = |selector: &str| target.as_ref().is_some_and(|t| t.closest(selector).ok().flatten().is_some());
        if inside("input:not([type=range]):not([type=checkbox]), select, textarea, dialog[open]") {
            return;
        }
        let key = ev.key();
        if key == "?" {
            ev.prevent_default();
            show_help();
            return;
        }
        if !h.keys.get_untracked() {
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
    on_cleanup(move || listener.remove());
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
        h.say(format!("Speed {}", h.with(|p| p.speed)));
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
        "s" | "S" => share::copy_link(h),
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
pub fn help(h: Handle) -> impl IntoView {
    let dialog = NodeRef::<Dialog>::new();
    HELP.set(Some(dialog));
    let row =
        |key: String, what: &str| view! { <tr><th scope="row"><kbd>{key}</kbd></th><td>{what.to_string()}</td></tr> };
    let own = h.with(|p| {
        let faults = p.question.acts.iter().filter(|a| a.fault);
        faults.map(|a| row(a.hotkey.to_ascii_uppercase().to_string(), a.label)).collect_view()
    });
    view! {
        <dialog class="stage-dialog" node_ref=dialog aria-label="Keys">
            <h2>"Keys"</h2>
            <table class="keys"><tbody>
                {KEYS.iter().map(|(k, what)| row((*k).to_string(), what)).collect_view()}
                {own}
            </tbody></table>
            <p><label><input type="checkbox" role="switch" prop:checked=move || h.keys.get()
                on:change=move |ev| h.keys.set(event_target_checked(&ev))/>" Single keys act"</label></p>
            <p><button class="button" on:click=move |_| {
                if let Some(d) = dialog.get_untracked() { d.close(); }
            }>"Close"</button></p>
        </dialog>
    }
}
