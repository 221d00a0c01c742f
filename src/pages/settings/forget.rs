//! Throwing away what is remembered. Each asks once more, where its button was.

use super::exchange::listed;
use super::{button, focus_soon};
use crate::keeping::ASIDE_KEY;
use crate::prefs::{KEY, Prefs, is_progress, storage};
use crate::records;
use crate::ui::el::{Piece, Tag, each, el, live, part};
use crate::ui::{NodeRef, Signal};
use wasm_bindgen::JsCast;
use web_sys::HtmlElement;

/// Where `xtask/web/offline.js` keeps whether the site is to be kept for offline.
const OFFLINE_KEY: &str = "breakable.offline";

/// What is to be forgotten.
#[derive(Clone, Copy, PartialEq, Eq)]
enum What {
    Progress,
    Notes,
    Everything,
}

impl What {
    const ALL: [What; 3] = [What::Progress, What::Notes, What::Everything];

    fn words(self) -> &'static str {
        match self {
            What::Progress => "Forget progress",
            What::Notes => "Forget notes",
            What::Everything => "Forget everything",
        }
    }

    fn holds(self, name: &str) -> bool {
        match self {
            What::Progress => is_progress(name),
            What::Notes => name.starts_with("notes/"),
            What::Everything => true,
        }
    }

    fn forget(self, prefs: Prefs) {
        if self == What::Everything {
            // Also what is no record, and what a newer version has written: the reader has said so twice.
            _ = storage::write(ASIDE_KEY, None);
            _ = storage::write(KEY, None);
            _ = storage::write(OFFLINE_KEY, None);
            prefs.refresh(true);
        }
        prefs.change(&|text| match self {
            What::Everything => String::new(),
            _ => records::without(text, &|name| self.holds(name)),
        });
    }
}

pub fn view(prefs: Prefs) -> Piece {
    let asked = Signal::new(None::<What>);
    let said = Signal::new(String::new());
    let (no, first) = (NodeRef::<HtmlElement>::new(), NodeRef::<HtmlElement>::new());
    let buttons = part(move || match asked.get() {
        Some(what) => question(prefs, what, asked, said, no, first),
        None => each(What::ALL, |what| {
            let button = button(what.words()).click(move || {
                said.set(String::new());
                asked.set(Some(what));
                focus_soon(no);
            });
            if what == What::Progress { button.node_ref(first) } else { button }
        }),
    });
    let intro = "Progress is which questions you opened, the experiments you did and the results of your interviews. \
                 Everything is all of that with your notes and settings.";
    [
        el("p").kid(intro),
        el("div").class("setting-buttons").kid(buttons),
        el("p").attr("role", "status").kid(live(move || said.get())),
    ]
    .into()
}

fn question(
    prefs: Prefs,
    what: What,
    asked: Signal<Option<What>>,
    said: Signal<String>,
    no: NodeRef<HtmlElement>,
    first: NodeRef<HtmlElement>,
) -> Piece {
    let names = |text: &str| {
        let names: Vec<&str> =
            records::records(text).map(|record| record.name).filter(|name| what.holds(name)).collect();
        listed(&names)
    };
    let back = move || {
        asked.set(None);
        focus_soon(first);
    };
    let yes = move || {
        what.forget(prefs);
        said.set("Forgotten.".to_owned());
        back();
    };
    let holds = prefs.kept(names);
    let holds = if holds.is_empty() {
        "There is nothing of it at the moment.".to_owned()
    } else {
        format!("It holds {holds}.")
    };
    let sentence = format!("{}? {holds} Only a file that you have saved brings it back.", what.words());
    let group = el("div").attrs(&[("class", "ask"), ("role", "group"), ("aria-labelledby", "forget-question")]);
    let escape = move |ev: web_sys::Event| {
        if ev.dyn_ref::<web_sys::KeyboardEvent>().is_some_and(|ev| ev.key() == "Escape") {
            back();
        }
    };
    let buttons: [Tag; 2] = [button("Keep it").node_ref(no).click(back), button("Yes, forget it").click(yes)];
    group
        .on("keydown", escape)
        .kid(el("p").attr("id", "forget-question").kid(sentence))
        .kid(el("div").class("setting-buttons").kid(buttons))
        .into()
}
