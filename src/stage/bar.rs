//! The bars of the stage: what is shown, the transport, and the ways to break it.

use super::player::SPEEDS;
use super::{Handle, StageMode, share, timeline};
use crate::draw::number;
use leptos::prelude::*;
use sim::kernel::Us;
use sim::script;

/// An icon from one path on a 16-unit grid. Decorative: the button has the words.
pub fn icon(path: &'static str) -> impl IntoView {
    view! { <svg class="icon" viewBox="0 0 16 16" width="16" height="16" aria-hidden="true"><path d=path/></svg> }
}

const PLAY: &str = "M4 2.5v11l9-5.5z";
const PAUSE: &str = "M4 2.5h3v11H4zM9 2.5h3v11H9z";
const BACK: &str = "M11.5 3v10L5 8zM3 3h1.6v10H3z";
const FORWARD: &str = "M4.5 3v10L11 8zM11.4 3H13v10h-1.6z";
const WHOLE: &str = "M2 2h5v1.6H3.6V7H2zM9 2h5v5h-1.6V3.6H9zM2 9h1.6v3.4H7V14H2zM12.4 9H14v5H9v-1.6h3.4z";
const AGAIN: &str = "M8 2.5a5.5 5.5 0 1 1-5.2 3.7l1.5.5A3.9 3.9 0 1 0 8 4.1V6.5L4.4 3.3 8 .2z";

/// Title, preset, and what is done with the stage as a whole.
pub fn head(h: Handle, mode: StageMode, root: NodeRef<leptos::html::Div>) -> impl IntoView {
    let presets = h.meta.presets;
    let options = presets
        .iter()
        .enumerate()
        .map(|(i, p)| view! { <option value=i.to_string() selected=move || h.shape(|s| s.preset == Some(i))>{p.title}</option> })
        .collect_view();
    let own = move || {
        h.shape(|p| match (p.preset, p.trial) {
            (Some(_), _) => None,
            (None, Some(t)) => Some(t.experiment.title),
            (None, None) => Some("A run of your own"),
        })
        .map(|title| view! { <option value="" selected=true>{title}</option> })
    };
    let choose = move |ev| {
        if let Ok(i) = event_target_value(&ev).parse::<usize>() {
            h.change(|p| p.load_preset(i));
            h.say(format!("Preset: {}", presets[i].title));
        }
    };
    view! {
        <div class="stage-head">
            <strong>{h.meta.short}</strong>
            <select class="field" aria-label="Preset" on:change=choose>{options}{own}</select>
            <span class="grow"></span>
            <button class="button needs-app" aria-pressed=move || h.shape(|p| p.two_sided()).to_string()
                title="Two runs under the same traffic"
                on:click=move |_| { h.change(|p| p.toggle_sides()); }>"A | B"</button>
            <button class="button needs-app" on:click=move |_| share::copy_link(h)>"Copy link"</button>
            {(mode == StageMode::Page).then(|| view! {
                <button class="button needs-app" on:click=move |_| share::open_embed(h)>"Embed"</button>
            })}
            <button class="button needs-app icon-only" aria-label="Full screen" title="Full screen"
                on:click=move |_| share::full_screen(root)>{icon(WHOLE)}</button>
        </div>
    }
}

/// Play, steps, the timeline, the clock and the speed.
pub fn transport(h: Handle) -> impl IntoView {
    let playing = move || h.shape(|p| p.playing);
    let clock = move || h.live(|p| number::clock_us(p.now().0).to_string());
    let speeds = SPEEDS
        .iter()
        .map(|s| {
            let s = *s;
            view! { <option value=s.to_string() selected=move || h.shape(|p| p.speed == s)>{format!("{s}×")}</option> }
        })
        .collect_view();
    let other = move || {
        let speed = h.shape(|p| p.speed);
        (!SPEEDS.contains(&speed))
            .then(|| view! { <option value=speed.to_string() selected=true>{format!("{speed}×")}</option> })
    };
    view! {
        <div class="stage-transport">
            <div class="stage-buttons needs-app" role="group" aria-label="Transport">
                <button class="round" aria-label="Step back" title="Back one event  ["
                    on:click=move |_| h.change(|p| p.step_back())>{icon(BACK)}</button>
                <button class="round play" aria-label=move || if playing() { "Pause" } else { "Play" }
                    title="Play or pause  Space"
                    on:click=move |_| h.change(|p| p.toggle_play())>
                    {move || icon(if playing() { PAUSE } else { PLAY })}
                </button>
                <button class="round" aria-label="Step forward" title="Forward one event  ]"
                    on:click=move |_| h.change(|p| p.step_forward())>{icon(FORWARD)}</button>
                <button class="round" aria-label="Start again" title="Start again  0"
                    on:click=move |_| h.change(|p| p.reset())>{icon(AGAIN)}</button>
            </div>
            {timeline::view(h)}
            <span class="stage-time" data-testid="time">{clock}</span>
            <select class="field needs-app" aria-label="Speed"
                on:change=move |ev| {
                    if let Ok(s) = event_target_value(&ev).parse::<f64>() { h.change(|p| p.speed = s); }
                }>{speeds}{other}</select>
            <span class="stage-behind" class:on=move || h.live(|p| p.behind && p.playing)>"simulation is behind"</span>
        </div>
    }
}

/// Everything the reader can break, each with its key.
pub fn faults(h: Handle, details: RwSignal<bool>, embed: bool) -> impl IntoView {
    let acts = h.with(|p| p.question.acts);
    let buttons = acts
        .iter()
        .enumerate()
        .filter(|(_, a)| a.fault)
        .map(|(i, a)| {
            view! {
                <button class="break" title=a.help on:click=move |_| press(h, i as u8)>
                    {a.label}" "<kbd aria-hidden="true">{a.hotkey.to_ascii_uppercase().to_string()}</kbd>
                </button>
            }
        })
        .collect_view();
    let futures = move || {
        let futures = h.shape(|p| p.futures.iter().map(|f| f.forked_at).collect::<Vec<Us>>());
        futures
            .into_iter()
            .enumerate()
            .map(|(i, at)| {
                view! {
                    <button class="button" title="Put the run you left beside this one, at the same moment"
                        on:click=move |_| h.change(|p| p.compare_future(i))>
                        {format!("Future left at {}", number::clock_us(at.0))}
                    </button>
                }
            })
            .collect_view()
    };
    view! {
        <div class="stage-faults">
            <div class="break-row needs-app" role="group" aria-label="Break it">
                <span aria-hidden="true">"Break it"</span>
                {buttons}
            </div>
            <div class="future-row">{futures}</div>
            {embed.then(|| view! {
                <button class="button needs-app" aria-expanded=move || details.get().to_string()
                    on:click=move |_| details.update(|d| *d = !*d)>"Knobs and numbers"</button>
            })}
        </div>
    }
}

/// Breaks something, with what is selected in the picture as its target where that makes sense.
pub fn press(h: Handle, act: u8) {
    h.change(|p| {
        p.act_default(act, None);
        // What the reader has broken should be seen to have an effect.
        p.playing = true;
    });
    let said = h.with(|p| p.inputs().last().map(|i| script::tell_input(p.question, i)));
    let at = h.with(|p| number::clock_us(p.now().0).to_string());
    h.say(format!("{} at {at}", said.unwrap_or_default()));
}
