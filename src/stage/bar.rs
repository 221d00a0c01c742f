//! The bars of the stage: what is shown, the transport, and the ways to break it.

use super::player::SPEEDS;
use super::{Columns, Handle, StageMode, button, more, share, timeline};
use crate::draw::number;
use crate::ui::el::{Piece, Tag, each, el, live, part};
use crate::ui::{NodeRef, Signal};
use sim::decimal;
use sim::declare::show;
use sim::kernel::Us;
use sim::script;
use web_sys::HtmlElement;

/// An icon from one path on a 16-unit grid. Decorative: the button has the words.
pub fn icon(path: &'static str) -> Tag {
    el("svg")
        .attrs(&[
            ("class", "icon"),
            ("viewBox", "0 0 16 16"),
            ("width", "16"),
            ("height", "16"),
            ("aria-hidden", "true"),
        ])
        .kid(el("path").attr("d", path))
}

const PLAY: &str = "M4 2.5v11l9-5.5z";
const PAUSE: &str = "M4 2.5h3v11H4zM9 2.5h3v11H9z";
const BACK: &str = "M11.5 3v10L5 8zM3 3h1.6v10H3z";
const FORWARD: &str = "M4.5 3v10L11 8zM11.4 3H13v10h-1.6z";
const WHOLE: &str = "M2 2h5v1.6H3.6V7H2zM9 2h5v5h-1.6V3.6H9zM2 9h1.6v3.4H7V14H2zM12.4 9H14v5H9v-1.6h3.4z";
const AGAIN: &str = "M8 2.5a5.5 5.5 0 1 1-5.2 3.7l1.5.5A3.9 3.9 0 1 0 8 4.1V6.5L4.4 3.3 8 .2z";

/// A button that only works where the program runs.
fn tool(words: impl Into<Piece>) -> Tag {
    el("button").class("button needs-app").kid(words)
}

/// Title, preset, and what is done with the stage as a whole.
pub fn head(h: Handle, mode: StageMode, root: NodeRef<HtmlElement>) -> Piece {
    let presets = h.meta.presets;
    let options = each(presets.iter().enumerate(), |(i, p)| {
        el("option")
            .attr("value", i.to_string())
            .flag("selected", move || h.shape(|s| s.preset == Some(i)))
            .kid(p.title)
    });
    let own = part(move || {
        h.shape(|p| p.preset.is_none().then(|| super::sheet::name(p)))
            .map(|title| el("option").attrs(&[("value", ""), ("selected", "")]).kid(title))
    });
    let choose = move |value: String| {
        if let Ok(i) = value.parse::<usize>() {
            h.change(|p| p.load_preset(i));
            h.say(format!("Preset: {}", presets[i].title));
        }
    };
    let sides = tool("A | B")
        .live("aria-pressed", move || h.shape(|p| p.two_sided()).to_string())
        .attr("title", "Two runs under the same traffic")
        .click(move || {
            h.change(|p| p.toggle_sides());
        });
    let whole = el("button")
        .attrs(&[("class", "button needs-app icon-only"), ("aria-label", "Full screen"), ("title", "Full screen")])
        .click(move || share::full_screen(root))
        .kid(icon(WHOLE));
    el("div")
        .class("stage-head")
        .kid(el("strong").kid(h.meta.short))
        .kid(el("select").class("field").attr("aria-label", "Preset").change(choose).kid(options).kid(own))
        .kid(el("span").class("grow"))
        .kid(sides)
        .kid(tool("Copy link").click(move || more::with(h, move |m| (m.copy_link)(h))))
        .kid(tool("Share").attr("title", "Link, picture, clip, numbers").click(move || more::open_sharing(h)))
        .kid((mode == StageMode::Page).then(|| tool("Embed").click(move || more::with(h, move |m| (m.open_embed)(h)))))
        .kid(whole)
        .into()
}

/// Play, steps, the timeline, the clock and the speed.
pub fn transport(h: Handle) -> Piece {
    let playing = move || h.shape(|p| p.playing);
    let speeds = each(SPEEDS.iter(), |s| {
        let s = *s;
        el("option").attr("value", show(s)).flag("selected", move || h.shape(|p| p.speed == s)).kid(show(s) + "×")
    });
    let other = part(move || {
        let speed = h.shape(|p| p.speed);
        (!SPEEDS.contains(&speed))
            .then(|| el("option").attr("value", show(speed)).attr("selected", "").kid(show(speed) + "×"))
    });
    let step = |label: &'static str, title: &'static str, path: &'static str| {
        el("button").attrs(&[("class", "round"), ("aria-label", label), ("title", title)]).kid(icon(path))
    };
    let play = el("button")
        .class("round play")
        .live("aria-label", move || if playing() { "Pause" } else { "Play" }.to_string())
        .attr("title", "Play or pause  Space")
        .click(move || h.change(|p| p.toggle_play()))
        .kid(part(move || icon(if playing() { PAUSE } else { PLAY })));
    let buttons = el("div")
        .attrs(&[("class", "stage-buttons needs-app"), ("role", "group"), ("aria-label", "Transport")])
        .kid(step("Step back", "Back one event  [", BACK).click(move || h.change(|p| p.step_back())))
        .kid(play)
        .kid(step("Step forward", "Forward one event  ]", FORWARD).click(move || h.change(|p| p.step_forward())))
        .kid(step("Start again", "Start again  0", AGAIN).click(move || h.change(|p| p.reset())));
    let clock = el("span")
        .class("stage-time")
        .attr("data-testid", "time")
        .kid(live(move || h.live(|p| number::clock_us(p.now().0).to_string())));
    let speed = el("select")
        .class("field needs-app")
        .attr("aria-label", "Speed")
        .change(move |value| {
            if let Some(s) = decimal::parse(&value) {
                h.change(|p| p.speed = s);
            }
        })
        .kid(speeds)
        .kid(other);
    let behind = el("span")
        .class("stage-behind")
        .toggle("on", move || h.live(|p| p.behind && p.playing))
        .kid("simulation is behind");
    let bar = el("div").class("stage-transport").kid(buttons).kid(timeline::view(h));
    bar.kid(clock).kid(speed).kid(behind).into()
}

/// Everything the reader can break, each with its key.
pub fn faults(h: Handle) -> Tag {
    let acts = h.with(|p| p.question.acts);
    let buttons = each(acts.iter().enumerate().filter(|(_, a)| a.fault), |(i, a)| {
        el("button")
            .class("break")
            .live("title", move || h.help(|all| all.acts, i))
            .click(move || press(h, i as u8))
            .kid(a.label)
            .kid(" ")
            .kid(el("kbd").attr("aria-hidden", "true").kid(a.hotkey.to_ascii_uppercase().to_string()))
    });
    let futures = part(move || {
        let futures = h.shape(|p| p.futures.iter().map(|f| f.forked_at).collect::<Vec<Us>>());
        each(futures.into_iter().enumerate(), |(i, at)| {
            button(format!("Future left at {}", number::clock_us(at.0)))
                .attr("title", "Put the run you left beside this one, at the same moment")
                .click(move || h.change(|p| p.compare_future(i)))
        })
    });
    let row = el("div")
        .attrs(&[("class", "break-row needs-app"), ("role", "group"), ("aria-label", "Break it")])
        .kid(el("span").attr("aria-hidden", "true").kid("Break it"))
        .kid(buttons);
    el("div").class("stage-faults").kid(row).kid(el("div").class("future-row").kid(futures))
}

/// The button of an embed that unfolds knobs and numbers, which come with the first press.
pub fn unfold(h: Handle, columns: Signal<Option<Columns>>) -> Tag {
    tool("Knobs and numbers").live("aria-expanded", move || h.unfolded.get().to_string()).click(move || {
        // What a press means is settled when it happens: a second one while the first waits means the same.
        let unfolded = !h.unfolded.get_untracked();
        more::with(h, move |more| {
            if columns.get_untracked().is_none() {
                columns.set(Some(more.columns));
            }
            h.unfolded.set(unfolded);
        });
    })
}

/// Breaks something, with what is selected in the picture as its target where that makes sense.
pub fn press(h: Handle, act: u8) {
    h.change(|p| {
        p.act_default(act, &[]);
        // What the reader has broken should be seen to have an effect.
        p.playing = true;
    });
    let said = h.with(|p| p.inputs().last().map(|i| script::tell_input(p.question, i)));
    let at = h.with(|p| number::clock_us(p.now().0).to_string());
    h.say(format!("{} at {at}", said.unwrap_or_default()));
}
