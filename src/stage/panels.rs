//! The lower right: numbers, log, one request's story, the picture in words, the code that runs.

use super::player::Side;
use super::{Handle, Lent, Panel, Selected, button, more, numbers, picture, words};
use crate::app::use_root;
use crate::draw::number;
use crate::fetch;
use crate::ui::el::{Piece, Tag, each, el, part};
use crate::ui::markup::Markup;
use crate::ui::{Signal, document, effect, memo};
use sim::Tone;
use sim::kernel::{Told, Us};

const TABS: [(Panel, &str); 5] = [
    (Panel::Numbers, "Numbers"),
    (Panel::Log, "Log"),
    (Panel::Request, "Request"),
    (Panel::Words, "In words"),
    (Panel::Code, "Code"),
];

fn tab_id(p: Panel) -> String {
    format!("tab-{p:?}").to_ascii_lowercase()
}

pub fn view(h: Handle, lent: &'static Lent) -> Piece {
    let keys = move |ev: web_sys::KeyboardEvent| {
        let now = TABS.iter().position(|(p, _)| *p == h.panel.get_untracked()).unwrap_or(0);
        let to = match ev.key().as_str() {
            "ArrowRight" => (now + 1) % TABS.len(),
            "ArrowLeft" => (now + TABS.len() - 1) % TABS.len(),
            "Home" => 0,
            "End" => TABS.len() - 1,
            _ => return,
        };
        ev.prevent_default();
        ev.stop_propagation();
        h.panel.set(TABS[to].0);
        if let Some(el) = document().get_element_by_id(&tab_id(TABS[to].0)) {
            use wasm_bindgen::JsCast;
            if let Ok(el) = el.dyn_into::<web_sys::HtmlElement>() {
                _ = el.focus();
            }
        }
    };
    let tabs = each(TABS, |(p, name)| {
        let on = move || h.panel.get() == p;
        el("button")
            .attr("role", "tab")
            .attr("id", tab_id(p))
            .attr("aria-controls", "stage-panel")
            .live("aria-selected", move || on().to_string())
            .live("tabindex", move || if on() { "0" } else { "-1" }.to_string())
            .click(move || h.panel.set(p))
            .kid(name)
    });
    let list = el("div")
        .attrs(&[("class", "tabs needs-app"), ("role", "tablist"), ("aria-label", "What to show")])
        .on("keydown", move |ev| keys(wasm_bindgen::JsCast::unchecked_into(ev)))
        .kid(tabs);
    // The numbers stay mounted: their chart is drawn by the frame loop.
    let numbers = el("div").flag("hidden", move || h.panel.get() != Panel::Numbers).kid(numbers::view(h, lent));
    let panel = el("div")
        .attrs(&[("class", "panel"), ("id", "stage-panel"), ("role", "tabpanel"), ("tabindex", "0")])
        .live("aria-labelledby", move || tab_id(h.panel.get()))
        .kid(numbers)
        .kid(part(move || {
            let (panel, later) = (h.panel.get(), h.more.get());
            match later {
                Some(later) => (later.more.panel)(h, later.told, panel),
                None => {
                    if panel != Panel::Numbers {
                        more::with(h, |_| ());
                    }
                    Piece::List(Vec::new())
                }
            }
        }));
    el("div").class("panels").kid(list).kid(panel).into()
}

/// What stands in a panel. The numbers are always there.
pub fn panel(h: Handle, told: &'static Told, panel: Panel) -> Piece {
    match panel {
        Panel::Numbers => Piece::List(Vec::new()),
        Panel::Log => log(h, told),
        Panel::Request => request(h, told),
        Panel::Words => words::view(h, told),
        Panel::Code => code(h),
    }
}

fn tone_class(t: Tone) -> &'static str {
    match t {
        Tone::Ok => "ok",
        Tone::Rejected => "rejected",
        Tone::Waiting => "waiting",
        Tone::Flight => "flight",
        Tone::Stale => "stale",
        Tone::Undo => "undo",
        Tone::Fault => "fault",
        Tone::Info => "info",
    }
}

/// The glyph that goes with a tone: colour is never alone.
fn tone_glyph(t: Tone) -> &'static str {
    match t {
        Tone::Ok => "●",
        Tone::Rejected => "×",
        Tone::Waiting => "○",
        Tone::Flight => "■",
        Tone::Stale => "◆",
        Tone::Undo => "◀",
        Tone::Fault => "▲",
        Tone::Info => "·",
    }
}

/// At most so many lines are shown; the filter finds the others.
const LINES: usize = 80;

/// A line of a log: when, what kind, what; a press goes there.
fn line(h: Handle, at: Us, tone: Tone, text: String) -> Tag {
    let go = el("button")
        .class("bare")
        .attr("title", "Go to this moment")
        .click(move || {
            h.change(|p| {
                p.playing = false;
                p.seek(at);
            });
        })
        .kid(el("span").class("at").kid(number::clock_us(at.0).to_string()))
        .kid(el("span").class("glyph").attr("aria-hidden", "true").kid(tone_glyph(tone)))
        .kid(el("span").kid(text));
    el("li").class(format!("tone-{}", tone_class(tone))).kid(go)
}

fn log(h: Handle, told: &'static Told) -> Piece {
    let filter = Signal::new("all");
    let wanted = move |t: Tone| match filter.get() {
        "trouble" => matches!(t, Tone::Rejected | Tone::Stale | Tone::Undo | Tone::Fault),
        "yours" => t == Tone::Fault,
        _ => true,
    };
    let side = move || if h.edited.get() == Side::B { Side::B } else { Side::A };
    let rows = memo(move || {
        h.live(|p| (p.log(side(), wanted, LINES, told.line), p.run(side()).map_or(0, |r| r.log_forgotten())))
    });
    let filters = [("all", "Everything"), ("trouble", "Trouble only"), ("yours", "What you did")];
    let select = el("select").class("field").attr("aria-label", "Show").change(move |value| {
        filter.set(match value.as_str() {
            "trouble" => "trouble",
            "yours" => "yours",
            _ => "all",
        });
    });
    let select = select.kid(each(filters, |(value, words)| el("option").attr("value", value).kid(words)));
    let dropped = part(move || {
        let n = rows().1;
        (n > 0).then(|| el("span").class("quiet").kid(format!("{n} older lines were dropped")))
    });
    let lines = part(move || {
        let rows = rows();
        if rows.0.is_empty() {
            return el("li").class("quiet").kid("Nothing notable so far.").into();
        }
        each(rows.0.iter(), |r| {
            let at = r.at;
            let why = r.request.map(|request| {
                el("button")
                    .class("bare why")
                    .click(move || picture::select(h, Selected { side: side(), request, near: at }))
                    .kid("why?")
            });
            line(h, at, r.tone, r.text.clone()).kid(why)
        })
    });
    let head = el("div").class("log-head").kid(select).kid(dropped);
    Piece::List(vec![head.into(), el("ol").class("log").kid(lines).into()])
}

/// A request by its number, for those who do not point at it.
fn by_number(h: Handle) -> Tag {
    let wanted = Signal::new(String::new());
    let show = move || match wanted.get_untracked().trim().parse() {
        Ok(request) => {
            let (side, near) = (h.edited.get_untracked(), h.with(super::Player::now));
            h.selected.set(Some(Selected { side, request, near }));
        }
        Err(_) => h.say("The number of a request is a whole number from 0."),
    };
    let field = el("input")
        .attrs(&[
            ("class", "field"),
            ("type", "text"),
            ("inputmode", "numeric"),
            ("size", "6"),
            ("autocomplete", "off"),
        ])
        .change(move |text| wanted.set(text));
    el("div").class("log-head").kid(el("label").kid("Request number ").kid(field)).kid(button("Show").click(show))
}

fn request(h: Handle, told: &'static Told) -> Piece {
    let story = part(move || {
        let Some(s) = h.selected.get() else {
            return el("p").class("quiet").kid(
                "Click a request in the picture, or \u{201c}why?\u{201d} in the log. Its path and the reason for its fate appear here.",
            );
        };
        h.shape.track();
        let (lines, two) = h.with(|p| {
            let story = p.story(s.side, s.request, s.near);
            let lines: Vec<_> = story.lines.iter().map(|l| line(h, l.at, l.tone, (told.line)(l)).into()).collect();
            (lines, p.two_sided())
        });
        let title = if two {
            format!("Request {} on side {}", s.request, s.side.name())
        } else {
            format!("Request {}", s.request)
        };
        let lines = if lines.is_empty() {
            el("li").class("quiet").kid("Nothing is recorded of this request around this moment.").into()
        } else {
            Piece::List(lines)
        };
        let clear = el("button").class("bare").click(move || h.selected.set(None)).kid("Clear");
        el("div").class("story").kid(el("p").kid(el("b").kid(title)).kid(clear)).kid(el("ol").class("log").kid(lines))
    });
    Piece::List(vec![by_number(h).into(), story])
}

/// The source of the blocks in this run. It is fetched when asked for and never part of the program.
fn code(h: Handle) -> Piece {
    let files = h.with(|p| p.question.code);
    let root = use_root();
    let chosen = Signal::new(files.first().copied().unwrap_or(""));
    let html = Signal::new(Err::<Markup, String>("Loading.".to_string()));
    effect(move || {
        let url = root.link(&format!("code/{}.html", chosen.get()));
        html.set(Err("Loading.".to_string()));
        wasm_bindgen_futures::spawn_local(async move {
            let result = fetch::markup(&url).await.map_err(|e| format!("The source could not be shown: {e}."));
            html.set(result);
        });
    });
    let options = each(files.iter(), |f| el("option").attr("value", *f).kid(format!("{f}.rs")));
    let select = el("select").class("field").attr("aria-label", "Source file").change(move |wanted| {
        if let Some(f) = files.iter().find(|f| **f == wanted) {
            chosen.set(f);
        }
    });
    let head = el("div")
        .class("log-head")
        .kid(select.kid(options))
        .kid(el("span").class("quiet").kid("the code that is running now"));
    let source = part(move || match html.get() {
        Ok(html) => el("div").class("source").html(html),
        Err(why) => el("p").class("quiet").kid(why),
    });
    Piece::List(vec![head.into(), source])
}
