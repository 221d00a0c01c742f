//! The picture of the question: one run, or two above each other.

use super::player::{Player, Side};
use super::{Handle, Panel, Selected};
use crate::draw::{self, Hit, Scene, View};
use crate::ui::NodeRef;
use crate::ui::el::{Piece, Tag, el, live, part};
#[cfg(not(feature = "csr"))]
use crate::ui::markup::Markup;
use sim::kernel::Us;
use sim::text::joined;
use web_sys::HtmlElement;

/// How a side is drawn.
#[derive(Clone, Copy, Default)]
pub struct Look {
    pub narrow: bool,
    /// In stills: the reader wants less motion.
    pub still: bool,
    pub selected: Option<Selected>,
    /// Only its particles.
    pub alone: bool,
}

/// Draws one side into a scene.
pub fn draw(player: &Player, side: Side, look: Look, scene: &mut Scene) {
    let Look { narrow, still, selected, alone } = look;
    let Some(run) = player.run(side) else { return };
    let picture = player.picture;
    let two = player.two_sided();
    let height = match (narrow, two) {
        (false, false) => picture.height.wide,
        (false, true) => picture.height.wide_ab,
        (true, false) => picture.height.narrow,
        (true, true) => picture.height.narrow_ab,
    };
    let mut view = if narrow { View::narrow(height) } else { View::wide(height) };
    view.now_us = run.moment().at.0;
    view.side = match (two, side) {
        (false, _) => draw::Side::Only,
        (true, Side::A) => draw::Side::A,
        (true, Side::B) => draw::Side::B,
    };
    view.reduced_motion = still;
    view.selected = selected.filter(|s| s.side == side).map(|s| s.request);
    if alone {
        scene.begin_particles(&view);
    } else {
        scene.begin(&view);
    }
    (picture.draw)(run, &view, scene);
}

pub fn label(player: &Player, side: Side) -> String {
    let which = if player.two_sided() { format!(", side {}", side.name()) } else { String::new() };
    format!("{}{which}. The same in words is under \"In words\".", player.meta.short)
}

/// An early moment of a preset as an SVG file, in the wide or the narrow layout: what stands in for the stage where
/// nothing runs. `css` is the text of the theme's variables and of `style/draw.css`.
#[cfg(not(feature = "csr"))]
pub fn poster(entry: &'static crate::entries::Entry, preset: &str, narrow: bool, css: &str) -> Option<String> {
    let mut player = Player::new(entry);
    let index = player.meta.presets.iter().position(|p| p.id == preset)?;
    player.load_preset(index);
    settle(&mut player);
    let mut scene = Scene::new();
    draw(&player, Side::A, Look { narrow, still: true, ..Look::default() }, &mut scene);
    Some(draw::svg::standalone(&scene, player.meta.short, css))
}

/// To a moment that means something: two seconds into the preset as the reader would see it.
#[cfg(not(feature = "csr"))]
fn settle(player: &mut Player) {
    let at = Us::from_s(2.0 * player.speed).min(player.end());
    player.seek(at);
}

/// The two hosts. Prerendered they hold the first pictures; in the browser they are drawn into.
pub fn view(h: Handle) -> Piece {
    let hosts = Hosts::default();
    #[cfg(feature = "csr")]
    super::frame::mount(h, hosts);
    let host = |side, node| with_still(h, side, el("div").class("side").node_ref(node));
    let caption = move |side: Side| {
        h.shape(|p| {
            if !p.two_sided() {
                return String::new();
            }
            let parts: Vec<String> = p
                .differing()
                .iter()
                .map(|(i, a, b)| {
                    let knob = &p.question.knobs[*i as usize];
                    format!("{} {}", knob.label, super::knobs::shown(knob, if side == Side::A { *a } else { *b }))
                })
                .collect();
            if parts.is_empty() { "the same so far".to_string() } else { joined(&parts, " · ") }
        })
    };
    let one_sided = move || !h.shape(Player::two_sided);
    let side_caption = move |side: Side| {
        el("p")
            .class("side-caption")
            .flag("hidden", one_sided)
            .kid(el("b").kid(side.name()))
            .kid(" ")
            .kid(live(move || caption(side)))
    };
    let differences = part(move || {
        h.shape(Player::two_sided).then(|| {
            let n = h.shape(|p| p.differing().len());
            el("p").class("visually-hidden").kid(format!("Two runs under the same traffic. They differ in {n} knobs."))
        })
    });
    el("div")
        .class("stage-picture")
        .kid(differences)
        .kid(side_caption(Side::A))
        .kid(host(Side::A, hosts.a))
        .kid(side_caption(Side::B))
        .kid(host(Side::B, hosts.b).flag("hidden", one_sided))
        .into()
}

/// The host with the first picture of its side in it, if there is that side.
#[cfg(not(feature = "csr"))]
fn with_still(h: Handle, side: Side, host: Tag) -> Tag {
    let still = h.quietly(|player| {
        if side == Side::B && !player.two_sided() {
            return Markup::default();
        }
        settle(player);
        // The style sheet shows the one whose layout the app will draw, so that nothing moves when it comes.
        let stills = [("wide", false), ("narrow", true)].map(|(class, narrow)| {
            let mut scene = Scene::new();
            draw(player, side, Look { narrow, still: true, ..Look::default() }, &mut scene);
            let svg = draw::svg::fragment(&scene, &label(player, side));
            format!(r#"<div class="still {class}">{svg}</div>"#)
        });
        player.seek(Us::ZERO);
        Markup::rendered(stills.concat())
    });
    host.html(still)
}

#[cfg(feature = "csr")]
fn with_still(_: Handle, _: Side, host: Tag) -> Tag {
    host
}

/// Where the drawings go.
#[derive(Clone, Copy, Default)]
pub struct Hosts {
    pub a: NodeRef<HtmlElement>,
    pub b: NodeRef<HtmlElement>,
}

/// What a click on the picture means.
pub fn click(h: Handle, side: Side, hit: Hit, fraction: f32) {
    match hit {
        Hit::Request(request) => {
            let near = h.with(|p| p.run(side).map_or(Us::ZERO, |r| r.moment().at));
            select(h, Selected { side, request, near });
        }
        Hit::Act { act, arg } => h.change(|p| {
            p.act_default(act, &[arg as f64]);
        }),
        Hit::Node(node) => h.change(|p| {
            let act = p.question.acts.iter().position(|a| a.args.first().is_some_and(|g| g.key == "node"));
            if let Some(act) = act {
                p.act_default(act as u8, &[f64::from(node)]);
            }
        }),
        Hit::Lane { lane, .. } => {
            let Some(at) = hit.time_us(fraction) else { return };
            h.change(|p| {
                if let Some(tap) = p.question.tap {
                    let names_lane = p.question.acts[tap as usize].args.first().is_some_and(|a| a.key == "lane");
                    let lane = [f64::from(lane)];
                    p.act_at(Us(at), tap, if names_lane { &lane } else { &[] });
                }
            });
        }
        // These are dragged.
        Hit::Input(_) | Hit::Carry { .. } | Hit::Onto(_) => {}
    }
}

/// Shows what happened to a request.
pub fn select(h: Handle, selected: Selected) {
    h.selected.set(Some(selected));
    h.panel.set(Panel::Request);
}
