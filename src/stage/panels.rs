//! The lower right: numbers, log, one request's story, the picture in words, the code that runs.

use super::player::Side;
use super::{Handle, Panel, Selected, numbers, picture};
use crate::app::use_root;
use crate::draw::number;
use crate::fetch;
use leptos::prelude::*;
use sim::Tone;
use sim::kernel::Us;

const TABS: [(Panel, &str); 5] = [
    (Panel::Numbers, "Numbers"),
    (Panel::Log, "Log"),
    (Panel::Request, "Request"),
    (Panel::Words, "In words"),
    (Panel::Code, "Code"),
];

fn tab_id(p: Panel) -> String {
    format!("tab-{p:?}").to_lowercase()
}

pub fn view(h: Handle) -> impl IntoView {
    let keys = move |ev: leptos::ev::KeyboardEvent| {
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
    let tabs = TABS
        .iter()
        .map(|(p, name)| {
            let p = *p;
            let on = move || h.panel.get() == p;
            view! {
                <button role="tab" id=tab_id(p) aria-controls="stage-panel" aria-selected=move || on().to_string()
                    tabindex=move || if on() { "0" } else { "-1" } on:click=move |_| h.panel.set(p)>{*name}</button>
            }
        })
        .collect_view();
    view! {
        <div class="panels">
            <div class="tabs needs-app" role="tablist" aria-label="What to show" on:keydown=keys>{tabs}</div>
            <div class="panel" id="stage-panel" role="tabpanel" tabindex="0" aria-labelledby=move || tab_id(h.panel.get())>
                // The numbers stay mounted: their chart is drawn by the frame loop.
                <div hidden=move || h.panel.get() != Panel::Numbers>{numbers::view(h).into_any()}</div>
                {move || match h.panel.get() {
                    Panel::Numbers => ().into_any(),
                    Panel::Log => log(h).into_any(),
                    Panel::Request => request(h).into_any(),
                    Panel::Words => words(h).into_any(),
                    Panel::Code => code(h).into_any(),
                }}
            </div>
        </div>
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

fn log(h: Handle) -> impl IntoView {
    let filter = RwSignal::new("all");
    let wanted = move |t: Tone| match filter.get() {
        "trouble" => matches!(t, Tone::Rejected | Tone::Stale | Tone::Undo | Tone::Fault),
        "yours" => t == Tone::Fault,
        _ => true,
    };
    let side = move || if h.edited.get() == Side::B { Side::B } else { Side::A };
    let rows =
        Memo::new(move |_| h.live(|p| (p.log(side(), wanted, LINES), p.run(side()).map_or(0, |r| r.log_forgotten()))));
    let jump = move |at: Us| {
        h.change(|p| {
            p.playing = false;
            p.seek(at);
        });
    };
    view! {
        <div class="log-head">
            <select class="field" aria-label="Show" on:change=move |ev| {
                filter.set(match event_target_value(&ev).as_str() { "trouble" => "trouble", "yours" => "yours", _ => "all" });
            }>
                <option value="all">"Everything"</option>
                <option value="trouble">"Trouble only"</option>
                <option value="yours">"What you did"</option>
            </select>
            {move || { let n = rows.read().1; (n > 0).then(|| view! { <span class="quiet">{format!("{n} older lines were dropped")}</span> }) }}
        </div>
        <ol class="log">
            {move || {
                let rows = rows.read();
                if rows.0.is_empty() {
                    return view! { <li class="quiet">"Nothing notable so far."</li> }.into_any();
                }
                rows.0.iter().cloned().map(|r| {
                    let at = r.at;
                    let request = r.request;
                    view! {
                        <li class=format!("tone-{}", tone_class(r.tone))>
                            <button class="bare" title="Go to this moment" on:click=move |_| jump(at)>
                                <span class="at">{number::clock_us(at.0).to_string()}</span>
                                <span class="glyph" aria-hidden="true">{tone_glyph(r.tone)}</span>
                                <span>{r.text}</span>
                            </button>
                            {request.map(|request| view! {
                                <button class="bare why" on:click=move |_| picture::select(h, Selected { side: side(), request, near: at })>"why?"</button>
                            })}
                        </li>
                    }
                }).collect_view().into_any()
            }}
        </ol>
    }
}

fn request(h: Handle) -> impl IntoView {
    move || {
        let Some(s) = h.selected.get() else {
            return view! {
                <p class="quiet">"Click a request in the picture, or \u{201c}why?\u{201d} in the log. Its path and the reason for its fate appear here."</p>
            }
            .into_any();
        };
        h.shape.track();
        let (lines, own) = h.with(|p| {
            let story = p.story(s.side, s.request, s.near);
            let lines: Vec<_> = story
                .lines
                .iter()
                .map(|l| (l.at, l.tone, p.run(s.side).map_or_else(String::new, |r| r.tell(l))))
                .collect();
            (lines, p.two_sided())
        });
        let title = if own {
            format!("Request {} on side {}", s.request, s.side.name())
        } else {
            format!("Request {}", s.request)
        };
        view! {
            <div class="story">
                <p><b>{title}</b>
                    <button class="bare" on:click=move |_| h.selected.set(None)>"Clear"</button></p>
                <ol class="log">
                    {if lines.is_empty() {
                        view! { <li class="quiet">"Nothing is recorded of this request around this moment."</li> }.into_any()
                    } else {
                        lines.into_iter().map(|(at, tone, text)| view! {
                            <li class=format!("tone-{}", tone_class(tone))>
                                <button class="bare" title="Go to this moment" on:click=move |_| h.change(|p| { p.playing = false; p.seek(at); })>
                                    <span class="at">{number::clock_us(at.0).to_string()}</span>
                                    <span class="glyph" aria-hidden="true">{tone_glyph(tone)}</span>
                                    <span>{text}</span>
                                </button>
                            </li>
                        }).collect_view().into_any()
                    }}
                </ol>
            </div>
        }
        .into_any()
    }
}

fn words(h: Handle) -> impl IntoView {
    let table = move |side: Side| {
        move || {
            let rows = h.live(|p| p.run(side).map(|r| r.words()))?;
            let caption = if h.shape(|p| p.two_sided()) {
                format!("Side {}", side.name())
            } else {
                "What the picture shows".to_string()
            };
            Some(view! {
                <table class="rest"><caption>{caption}</caption><tbody>
                    {rows.into_iter().map(|(what, how)| view! { <tr><th scope="row">{what}</th><td>{how}</td></tr> }).collect_view()}
                </tbody></table>
            })
        }
    };
    view! { {table(Side::A)}{table(Side::B)} }
}

/// The source of the blocks in this run. It is fetched when asked for and never part of the program.
fn code(h: Handle) -> impl IntoView {
    let files = h.with(|p| p.question.code);
    let root = use_root();
    let chosen = RwSignal::new(files.first().copied().unwrap_or(""));
    let html = RwSignal::new(Err::<String, String>("Loading.".to_string()));
    Effect::new(move |_| {
        let url = root.link(&format!("code/{}.html", chosen.get()));
        html.set(Err("Loading.".to_string()));
        leptos::task::spawn_local(async move {
            let result = fetch::text(&url).await.map_err(|e| format!("The source could not be shown: {e}."));
            html.try_set(result);
        });
    });
    let options = files.iter().map(|f| view! { <option value=*f>{format!("{f}.rs")}</option> }).collect_view();
    view! {
        <div class="log-head">
            <select class="field" aria-label="Source file" on:change=move |ev| {
                let wanted = event_target_value(&ev);
                if let Some(f) = files.iter().find(|f| **f == wanted) { chosen.set(f); }
            }>{options}</select>
            <span class="quiet">"the code that is running now"</span>
        </div>
        {move || match html.get() {
            Ok(html) => view! { <div class="source" inner_html=html></div> }.into_any(),
            Err(why) => view! { <p class="quiet">{why}</p> }.into_any(),
        }}
    }
}
