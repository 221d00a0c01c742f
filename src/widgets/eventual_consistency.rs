//! The picture of `eventual-consistency`: a map of the copies, what each person saw when, and how the versions of the
//! first key descend from each other.

use crate::draw::number::{duration_us, short, with_unit};
use sim::decimal::fixed;

use super::Heights;
use crate::draw::{
    Anchor, Area, Dash, Font, Glyph, Hit, Outcome, Placer, Scene, Side, TimeAxis, Tone, View, key, text_width, topology,
};
use sim::Live;
use sim::blocks::replica::{Entry, miss};
use sim::blocks::session::Session;
use sim::questions::eventual_consistency::declaration::{NODES, USERS, act, link_index, number};
use sim::questions::eventual_consistency::{Body, Done, EventualConsistency as Model, Packet};

pub static PICTURE: super::Picture = super::Picture {
    slug: "eventual-consistency",
    height: Heights { wide: 310.0, narrow: 464.0, wide_ab: 190.0, narrow_ab: 262.0 },
    draw,
};

/// How much of a node there is room for.
#[derive(Clone, Copy, PartialEq)]
enum Detail {
    /// Values and buttons.
    Full,
    /// Values; a click on the node writes there.
    Values,
}

fn draw(live: &dyn Live, view: &View, scene: &mut Scene) {
    let Some(model) = live.model().downcast_ref::<Model>() else {
        return;
    };
    let side = view.side != Side::Only;
    let n = model.replicas().len();
    let detail = if side || n > 4 || view.narrow && n > 3 { Detail::Values } else { Detail::Full };
    let whole = Area::new(0.0, 0.0, view.width, view.height).inset(10.0, 6.0);
    match (view.narrow, side) {
        (false, false) => {
            map(scene, live, model, view, Area { w: 430.0, ..whole }, detail);
            let right = Area { x: whole.x + 452.0, w: whole.w - 452.0, ..whole };
            people(scene, model, view, Area { h: 166.0, ..right }, true);
            versions(scene, model, Area { y: right.y + 176.0, h: right.h - 176.0, ..right });
        }
        (false, true) => {
            map(scene, live, model, view, Area { w: 430.0, ..whole }, detail);
            beside(scene, model, view, Area { x: whole.x + 452.0, w: whole.w - 452.0, ..whole }, true);
        }
        (true, false) => {
            map(scene, live, model, view, Area { h: 228.0, ..whole }, detail);
            people(scene, model, view, Area { y: whole.y + 234.0, h: 134.0, ..whole }, true);
            versions(scene, model, Area { y: whole.y + 376.0, h: whole.h - 376.0, ..whole });
        }
        (true, true) => {
            map(scene, live, model, view, Area { h: 178.0, ..whole }, detail);
            beside(scene, model, view, Area { y: whole.y + 182.0, h: whole.h - 182.0, ..whole }, false);
        }
    }
}

/// Where there is room for one thing only: what people see, or, when nobody asks by themselves, how the versions descend.
fn beside(scene: &mut Scene, m: &Model, view: &View, area: Area, rows_apart: bool) {
    if m.rates() > 0.0 {
        people(scene, m, view, area, rows_apart);
    } else {
        versions(scene, m, area);
    }
}

// ---------------------------------------------------------------- the map

/// Where the nodes stand: America on the left, Europe in the middle, Asia on the right; more nodes on a ring, those of
/// a region side by side.
fn boxes(n: usize, area: Area, size: (f32, f32)) -> Vec<Area> {
    let (w, h) = size;
    let at = |cx: f32, cy: f32| {
        Area::new(
            sim::order::between(cx - w / 2.0, area.x, (area.right() - w).max(area.x)),
            sim::order::between(cy - h / 2.0, area.y, (area.bottom() - h).max(area.y)),
            w,
            h,
        )
    };
    let (left, right, mid) = (area.x + w / 2.0, area.right() - w / 2.0, area.cx());
    let (top, low) = (area.y + h / 2.0, area.bottom() - h / 2.0);
    // By node: Europe, America, Asia, Europe, America, Asia, Europe.
    let third = area.w / 4.0;
    let places: &[(f32, f32)] = match n {
        1 => &[(mid, area.cy())],
        2 => &[(right, area.cy()), (left, area.cy())],
        3 => &[(mid, top), (left, low), (right, low)],
        4 => &[(mid - third * 0.55, top), (left, low), (right, low), (mid + third * 0.55, top)],
        5 => &[(mid - third * 0.6, top), (left, area.cy()), (right, area.cy()), (mid + third * 0.6, top), (mid, low)],
        6 => &[
            (mid - third * 0.6, top),
            (left, area.cy()),
            (right, area.cy()),
            (mid + third * 0.6, top),
            (mid - third * 0.6, low),
            (mid + third * 0.6, low),
        ],
        _ => &[
            (mid - third * 1.15, top),
            (left, area.cy()),
            (right, area.cy()),
            (mid, top),
            (mid - third * 0.6, low),
            (mid + third * 0.6, low),
            (mid + third * 1.15, top),
        ],
    };
    places.iter().take(n).map(|(x, y)| at(*x, *y)).collect()
}

fn map(scene: &mut Scene, live: &dyn Live, m: &Model, view: &View, area: Area, detail: Detail) {
    let n = m.replicas().len();
    let keys = m.keys();
    let foot = 17.0;
    let ground = Area { h: area.h - foot, ..area };
    let shown = if detail == Detail::Full { keys } else { keys.min(if n > 5 { 1 } else { 2 }) };
    let buttons = if detail == Detail::Full { 28.0 } else { 0.0 };
    let h = (24.0 + 15.0 * shown as f32 + buttons + 3.0).min(ground.h / 2.0);
    let w = if n > 5 || view.narrow && n > 3 { 92.0 } else { 118.0 };
    let places = boxes(n, ground, (w, h));
    links(scene, m, &places);
    for (i, place) in places.iter().enumerate() {
        node(scene, m, i, *place, shown, detail, view);
    }
    packets(scene, m, view, &places);
    visits(scene, m, view, ground, &places);
    promise(scene, m, area, view);
    if n < 7 {
        price(scene, live, area);
    }
}

/// What the quorums cost: the medians, in the corner that no node needs.
fn price(scene: &mut Scene, live: &dyn Live, area: Area) {
    for (i, (number, word)) in [(number::READ_P50, "read"), (number::WRITE_P50, "write")].into_iter().enumerate() {
        if let Some(ms) = live.number(number as u8) {
            scene
                .text(area.x, area.y + 11.0 + 15.0 * i as f32, 11.0, format_args!("{word} {}", with_unit(ms, "ms")))
                .tone(Tone::Ink2)
                .tip("Median of the last 30 s, at the coordinator")
                .key(key(19, i as u32));
        }
    }
}

fn links(scene: &mut Scene, m: &Model, places: &[Area]) {
    let n = places.len();
    for a in 0..n {
        for b in a + 1..n {
            let (from, to) = topology::ends(places[a], places[b], 2.0);
            let up = m.mesh().link(a, b).is_up() && m.mesh().link(b, a).is_up();
            let link = link_index(a, b);
            let k = link as u32;
            let line = scene.line(from.0, from.1, to.0, to.1).key(key(1, k));
            if up {
                line.tone(Tone::Line);
            } else {
                line.tone(Tone::Rejected).dash(Dash::Fine).opacity(0.7);
            }
            let (x, y) = ((from.0 + to.0) / 2.0, (from.1 + to.1) / 2.0);
            let delay = m.mesh().link(a, b).wire.delay.mean();
            if up && n <= 3 {
                scene.text(x, y + 4.0, 11.0, delay).middle().halo().tone(Tone::Ink3).key(key(2, k));
            } else if !up {
                scene.circle(x, y, 8.0).fill(Tone::Sunk).key(key(3, k));
                scene.glyph(x, y, Glyph::Cross, Tone::Rejected, 5.5).key(key(4, k));
            }
            // A line is too thin to hit: a wide one that cannot be seen takes the click.
            let (what, verb) = if up { (act::CUT, "cut") } else { (act::MEND, "mend") };
            scene
                .line(from.0, from.1, to.0, to.1)
                .width(18.0)
                .opacity(0.0)
                .key(key(5, k))
                .hit(Hit::Act { act: what as u8, arg: link as i64 })
                .tip(format_args!("{} to {}: click to {verb} the link", NODES[a], NODES[b]));
        }
    }
}

fn node(scene: &mut Scene, m: &Model, i: usize, a: Area, shown: usize, detail: Detail, view: &View) {
    let r = &m.replicas()[i];
    let k = i as u32 * 16;
    let apart = m.is_minority(i);
    let edge = if !r.up {
        Tone::Rejected
    } else if apart {
        Tone::Waiting
    } else {
        Tone::Ink2
    };
    let mut frame = scene.rect(a.x, a.y, a.w, a.h).round(10.0).fill(Tone::Panel).stroke(edge).key(key(6, k));
    if !r.up || apart {
        frame = frame.dash(Dash::Dashed);
    }
    if detail == Detail::Values {
        frame
            .hit(Hit::Act { act: act::WRITE as u8, arg: i as i64 })
            .tip(format_args!("{}: click to write here", NODES[i]));
    }
    let y = a.y + 17.0;
    let skew_ms = r.clock.skew / 1_000;
    if !r.up {
        let words = format_args!("{} down", NODES[i]);
        scene.text(a.x + 9.0, y, 13.0, words).bold().tone(Tone::Rejected).key(key(6, k + 1));
    } else {
        scene.text(a.x + 9.0, y, 13.0, NODES[i]).bold().key(key(6, k + 1));
        if apart {
            let words = if a.w < 100.0 { "cut" } else { "cut off" };
            scene.text(a.right() - 24.0, y, 11.0, words).end().tone(Tone::Waiting).key(key(6, k + 2));
        } else if skew_ms != 0 {
            let sign = if skew_ms > 0 { "+" } else { "\u{2212}" };
            let s = short(skew_ms.unsigned_abs() as f64 / 1e3);
            scene
                .text(a.right() - 24.0, y, 11.0, format_args!("{sign}{s} s"))
                .end()
                .tone(Tone::Stale)
                .tip("How far its clock is off")
                .key(key(6, k + 2));
        }
    }
    // The switch in the corner.
    let (what, verb) = if r.up { (act::DROP, "stop") } else { (act::RESTORE, "start") };
    let glyph = if r.up { Glyph::Square } else { Glyph::Triangle };
    scene.glyph(a.right() - 13.0, a.y + 12.5, glyph, Tone::Ink3, 4.0).opacity(0.75).key(key(6, k + 3));
    scene
        .rect(a.right() - 26.0, a.y, 26.0, 24.0)
        .fill(Tone::Panel)
        .opacity(0.0)
        .key(key(6, k + 4))
        .hit(Hit::Act { act: what as u8, arg: i as i64 })
        .tip(format_args!("{verb} {}", NODES[i]));
    for j in 0..shown {
        value(scene, m, i, j, Area::new(a.x + 9.0, a.y + 24.0 + 15.0 * j as f32, a.w - 18.0, 15.0), view);
    }
    if detail == Detail::Full {
        buttons(scene, m, i, a);
    }
}

/// One key at one node: its name, its value, and whether that is behind.
fn value(scene: &mut Scene, m: &Model, i: usize, j: usize, row: Area, view: &View) {
    let r = &m.replicas()[i];
    let state = r.state(j);
    let k = 8_192 + (i * 16 + j * 4) as u32;
    let behind = m.behind(i, j);
    let y = row.y + 11.0;
    let (tone, outcome) = match (&behind, state.siblings() > 1) {
        (_, true) => (Tone::Waiting, Outcome::Waiting),
        (Some(_), _) => (Tone::Stale, Outcome::Stale),
        (None, _) => (Tone::Ink, Outcome::Ok),
    };
    let mut text = m.shows(state);
    if text.len() > 9 {
        text = format!("{} siblings", state.siblings());
    }
    let words = scene.text(row.right(), y, 12.0, text).end().mono().bold().tone(tone).key(key(7, k + 1));
    let words = match &behind {
        Some(b) => {
            let age = view.now_us.saturating_sub(b.since.0);
            words.tip(format_args!("{} behind for {}", b.versions, duration_us(age)))
        }
        None => words.tip("has everything that was acknowledged"),
    };
    let wide = words.text_width();
    // Of the name, what the value leaves room for.
    scene.text(row.x, y, 11.0, m.key_name(j)).tone(Tone::Ink3).key(key(7, k)).fit((row.w - wide - 18.0).max(8.0));
    if outcome != Outcome::Ok {
        scene.outcome(row.right() - wide - 9.0, y - 4.0, outcome, 3.6).key(key(7, k + 2));
    }
}

/// What can be done at a node: write, read, like.
fn buttons(scene: &mut Scene, m: &Model, i: usize, a: Area) {
    let all: &[(usize, &str)] = if m.is_register() {
        &[(act::WRITE, "write"), (act::READ, "read"), (act::LIKE, "like")]
    } else {
        &[(act::LIKE, "like"), (act::READ, "read")]
    };
    let row = Area::new(a.x + 5.0, a.bottom() - 28.0, a.w - 10.0, 23.0);
    for (j, (what, word)) in all.iter().enumerate() {
        let b = row.col(j, all.len(), 3.0);
        let k = 16_384 + (i * 16 + j * 4) as u32;
        scene
            .rect(b.x, b.y, b.w, b.h)
            .round(6.0)
            .fill(Tone::Sunk)
            .key(key(8, k))
            .hit(Hit::Act { act: *what as u8, arg: i as i64 })
            .tip(format_args!("{word} at {}", NODES[i]));
        // The words take the click too: in SVG the topmost element does.
        scene
            .text(b.cx(), b.cy(), 11.0, word)
            .middle()
            .vcenter()
            .tone(Tone::Accent)
            .key(key(8, k + 1))
            .hit(Hit::Act { act: *what as u8, arg: i as i64 });
    }
}

/// How a message looks: sign, tone and size.
fn sign(m: &Model, p: &Packet) -> (Glyph, Tone, f32) {
    let to = &m.replicas()[p.to as usize];
    match &p.body {
        Body::Replicate { .. } | Body::Repair { .. } => (Glyph::Square, Tone::Flight, 5.0),
        Body::Ack { .. } => (Glyph::Dot, Tone::Ink3, 2.4),
        Body::Ask { .. } => (Glyph::Ring, Tone::Waiting, 4.0),
        Body::Answer { state, .. } => {
            if m.observer(p.key as usize).behind(state, p.sent).is_some() {
                (Glyph::Diamond, Tone::Stale, 4.5)
            } else {
                (Glyph::Dot, Tone::Ok, 4.5)
            }
        }
        // Most anti-entropy brings nothing new.
        Body::Sync { states } => {
            let news = states.iter().enumerate().any(|(k, s)| !to.state(k).includes(&s.seen()));
            if news { (Glyph::Square, Tone::Undo, 4.5) } else { (Glyph::Square, Tone::Ink3, 2.2) }
        }
    }
}

fn packets(scene: &mut Scene, m: &Model, view: &View, places: &[Area]) {
    for p in m.packets() {
        if view.now_us < p.sent.0 || view.now_us >= p.arrives.0 {
            continue;
        }
        let (a, b) = (places[p.from as usize], places[p.to as usize]);
        let (from, to) = topology::ends_aside(a, b, 2.0, 5.0);
        let f =
            if view.reduced_motion { 0.5 } else { (view.now_us - p.sent.0) as f32 / (p.arrives.0 - p.sent.0) as f32 };
        let (x, y) = topology::along(from, to, 0.0, f);
        let (glyph, tone, size) = sign(m, p);
        scene.particle(x, y, glyph, tone, size, p.request());
    }
}

/// Who has just been served at which node, and how fresh it was: signs that leave the node and are gone.
fn visits(scene: &mut Scene, m: &Model, view: &View, ground: Area, places: &[Area]) {
    let stay_us = span_us(m.rates()) / 8;
    for d in m.recent() {
        let age = view.now_us.saturating_sub(d.end.0);
        let Some(a) = places.get(d.node as usize).filter(|_| age < stay_us) else {
            continue;
        };
        let (glyph, tone) = look(d);
        let f = if view.reduced_motion { 0.0 } else { age as f32 / stay_us as f32 };
        let x = a.x + a.w * (0.14 + 0.18 * f32::from(d.user));
        let away = 8.0 + 9.0 * f;
        let y = if a.y < ground.cy() - a.h / 2.0 { a.bottom() + away } else { a.y - away };
        scene.particle(x, y, glyph, tone, 4.4 * (1.0 - 0.4 * f), Some(d.id));
    }
}

/// What the quorums promise, and what the signs mean.
fn promise(scene: &mut Scene, m: &Model, area: Area, view: &View) {
    let (n, r, w) = m.quorums();
    let y = area.bottom() - 2.0;
    let session = match m.session() {
        Session::None => "",
        Session::ReadYourWrites => ", own writes",
        Session::MonotonicReads => ", monotonic",
        Session::Both => ", both guarantees",
        Session::Sticky => ", sticky",
    };
    if r + w > n {
        scene
            .text(area.x, y, 12.0, format_args!("R {r} + W {w} > N {n}: read and write sets meet{session}"))
            .tone(Tone::Ink2);
    } else {
        let p = 100.0 * miss(n as u64, r as u64, w as u64);
        scene
            .text(
                area.x,
                y,
                12.0,
                format_args!("R {r} + W {w} \u{2264} N {n}: {} % miss a new write{session}", fixed(p, 1)),
            )
            .tone(Tone::Ink2)
            .tip("The chance that R random replicas hold none of the W copies, before anything spreads");
    }
    if view.narrow || view.side != Side::Only {
        return;
    }
    let mut x = area.right();
    for (glyph, tone, word) in [(Glyph::Square, Tone::Undo, "repair"), (Glyph::Square, Tone::Flight, "write")] {
        let wide = text_width(word, 11.0, Font::Sans);
        scene.text(x - wide, y, 11.0, word).tone(Tone::Ink3);
        scene.glyph(x - wide - 9.0, y - 4.0, glyph, tone, 4.0);
        x -= wide + 24.0;
    }
}

// ---------------------------------------------------------------- the people

/// A span of time that holds some twenty to forty requests, so that they can be told apart.
fn span_us(live_rate: f64) -> u64 {
    let wanted = 24.0 / live_rate.max(0.1);
    let s = [0.5, 1.0, 2.0, 5.0].into_iter().find(|s| *s >= wanted).unwrap_or(10.0);
    (s * 1e6) as u64
}

/// What everybody wrote and read, on one line of time.
fn people(scene: &mut Scene, m: &Model, view: &View, area: Area, rows_apart: bool) {
    let rate = m.rates();
    let axis_h = 20.0;
    let label_w = if rows_apart { 34.0 } else { 0.0 };
    let axis = TimeAxis::sliding(area.x + label_w + 4.0, area.right() - 8.0, view.now_us, span_us(rate));
    // The last row is the reader's: there once the reader has done something.
    let acted = m.recent().any(|d| d.user as usize == USERS.len() - 1);
    let rows = if !rows_apart { 1 } else { USERS.len() - usize::from(!acted) };
    let ground = Area { h: area.h - axis_h - 16.0, y: area.y + 16.0, ..area };
    let pitch = ground.h / rows as f32;
    legend(scene, area);
    for (u, name) in USERS.iter().enumerate().take(rows) {
        let y = ground.y + (u as f32 + 0.5) * pitch;
        scene.line(axis.x0, y, axis.x1, y).key(key(9, u as u32));
        if rows_apart {
            scene.text(area.x, y, 12.0, name).bold().vcenter().key(key(10, u as u32));
        }
    }
    axis.draw(scene, area.bottom() - 18.0);
    let row_of = |user: u8| if rows_apart { (user as usize).min(rows - 1) } else { 0 };
    let mut placer = Placer::new();
    // The newest first: they get the room for words.
    for d in m.recent().rev() {
        if !axis.contains(d.end.0) {
            continue;
        }
        let row = row_of(d.user);
        let y = ground.y + (row as f32 + 0.5) * pitch;
        // The read right after a write would lie on it: it stands beside.
        let after_write = !d.write
            && m.recent()
                .any(|w| w.write && w.user == d.user && w.end <= d.start && axis.x(d.end.0) - axis.x(w.end.0) < 10.0);
        let aside = if after_write { 10.0 } else { 0.0 };
        seen(scene, d, &axis, (aside, y), pitch, &mut placer);
    }
}

/// The sign of a finished request.
fn look(d: &Done) -> (Glyph, Tone) {
    match (d.ok, d.write, d.behind > 0) {
        (false, ..) => (Glyph::Cross, Tone::Rejected),
        (true, true, _) => (Glyph::Square, Tone::Flight),
        (true, false, true) => (Glyph::Diamond, Tone::Stale),
        (true, false, false) => (Glyph::Dot, Tone::Ok),
    }
}

/// One finished request of one person.
fn seen(scene: &mut Scene, d: &Done, axis: &TimeAxis, (aside, y): (f32, f32), pitch: f32, placer: &mut Placer) {
    let x = axis.x(d.end.0) + aside;
    let start = axis.x_clamped(d.start.0);
    if x - start > 3.0 {
        // How long it took.
        let tone = if d.ok { Tone::Ink3 } else { Tone::Rejected };
        scene.line(start, y, x, y).width(3.0).tone(tone).opacity(0.45).key(key(11, d.id));
    }
    let (glyph, tone) = look(d);
    let broken = d.own_write_missing || d.went_back;
    if broken {
        scene.circle(x, y, 8.5).stroke(Tone::Rejected).width(1.6).key(key(12, d.id));
    }
    // Words only where they fit, the longer ones first; signs always.
    let short = if d.ok { d.short() } else { String::new() };
    let late = if d.behind > 0 { format!("{short}, {} late", short_span(d.age.0)) } else { String::new() };
    let bounds = Area::new(axis.x0 - 4.0, y - 21.0, axis.x1 - axis.x0 + 14.0, 42.0);
    for word in [late, short].iter().filter(|w| !w.is_empty() && pitch >= 22.0) {
        let w = text_width(word, 11.0, Font::Sans);
        if let Some((tx, ty)) =
            placer.place(word, 11.0, Font::Sans, bounds, &[(x - w / 2.0, y - 8.0), (x + 7.0, y - 8.0)])
        {
            let tone = if glyph == Glyph::Dot { Tone::Ink3 } else { tone };
            scene.text(tx, ty, 11.0, word).tone(tone).key(key(13, d.id));
            break;
        }
    }
    scene.particle(x, y, glyph, tone, 4.6, Some(d.id));
}

/// A span of time in few letters: `30 ms`, `1.2 s`.
fn short_span(us: u64) -> String {
    match us {
        0..1_000 => "0 ms".to_string(),
        1_000..1_000_000 => format!("{} ms", us / 1_000),
        _ => format!("{}.{} s", us / 1_000_000, us / 100_000 % 10),
    }
}

fn legend(scene: &mut Scene, area: Area) {
    let mut x = area.x;
    for (glyph, tone, word) in [
        (Glyph::Square, Tone::Flight, "wrote"),
        (Glyph::Dot, Tone::Ok, "read the newest"),
        (Glyph::Diamond, Tone::Stale, "read an old one"),
        (Glyph::Cross, Tone::Rejected, "failed"),
    ] {
        scene.glyph(x + 5.0, area.y + 5.0, glyph, tone, 4.2);
        scene.text(x + 13.0, area.y + 5.0, 11.0, word).vcenter().tone(Tone::Ink3);
        x += 23.0 + text_width(word, 11.0, Font::Sans);
    }
    if area.right() - x > 80.0 {
        scene.circle(x + 5.0, area.y + 5.0, 5.5).stroke(Tone::Rejected).width(1.4);
        scene
            .text(x + 14.0, area.y + 5.0, 11.0, "promise broken")
            .vcenter()
            .tone(Tone::Ink3)
            .tip("The person had written or already read something newer");
    }
}

// ---------------------------------------------------------------- the versions

/// The last writes of the first key, a row for each coordinator, and which write each was made on top of. Forks are
/// conflicts; what no copy descends from is lost.
fn versions(scene: &mut Scene, m: &Model, area: Area) {
    let n = m.replicas().len();
    let label_w = 40.0;
    let observer = m.observer(0);
    let room = ((area.w - label_w - 30.0) / 30.0) as usize;
    let total = observer.entries().count();
    let from = total.saturating_sub(room);
    let all: Vec<&Entry> = observer.entries().collect();
    let last = &all[from..];
    let alive = observer.alive(m.replicas(), 0);
    let what = if m.is_register() { "what each was made on top of" } else { "what each had seen" };
    scene.text(area.x, area.y + 9.0, 11.0, format_args!("writes to {}, and {what}", m.key_name(0))).tone(Tone::Ink3);
    let ground = Area { y: area.y + 18.0, h: area.h - 18.0, ..area };
    let pitch = ground.h / n as f32;
    let row_y = |node: u8| ground.y + (f32::from(node) + 0.5) * pitch;
    for (i, name) in NODES.iter().enumerate().take(n) {
        let y = row_y(i as u8);
        if pitch >= 12.0 {
            scene.text(area.x, y, 11.0, name).vcenter().tone(Tone::Ink2).key(key(14, i as u32));
        }
        scene.line(area.x + label_w, y, area.right() - 8.0, y).width(1.0).key(key(15, i as u32));
    }
    let x = |write: u32| {
        let first = last.first().map_or(write, |e| e.write);
        area.x + label_w + 14.0 + (write - first) as f32 * 30.0
    };
    let here = |write: u32| last.first().is_some_and(|e| write >= e.write);
    for e in last {
        for parent in parents(m, &all, e).into_iter().filter(|p| here(*p)) {
            let Some(p) = observer.entry(parent) else { continue };
            let (a, b) = ((x(p.write), row_y(p.node)), (x(e.write), row_y(e.node)));
            let kept = e.kept || p.node == e.node;
            scene
                .path(|path| {
                    let mid = (a.0 + b.0) / 2.0;
                    path.move_to(a.0, a.1).cubic_to((mid, a.1), (mid, b.1), b);
                })
                .stroke(if kept { Tone::Ink3 } else { Tone::Stale })
                .width(1.6)
                .key(key(16, e.write * 8 + u32::from(p.node)));
        }
    }
    for (i, e) in last.iter().enumerate() {
        let (x, y) = (x(e.write), row_y(e.node));
        let lost = !alive[from + i] && e.acked != sim::Us::MAX;
        let waiting = e.acked == sim::Us::MAX;
        let k = key(17, e.write);
        if lost {
            scene
                .glyph(x, y, Glyph::Back, Tone::Undo, 5.0)
                .key(k)
                .tip(format_args!("write {} is lost: no copy descends from it", e.write));
        } else if waiting {
            scene.glyph(x, y, Glyph::Ring, Tone::Waiting, 5.0).key(k).tip("not acknowledged");
        } else {
            scene.glyph(x, y, Glyph::Square, Tone::Flight, 4.6).key(k).tip(format_args!("write {}", e.write));
        }
        // Which copies show it now.
        let shows = m.replicas().iter().map(|r| r.state(0)).find(|s| s.write() == Some(e.write));
        if let Some(state) = shows {
            let up = if e.node == 0 && pitch < 22.0 { 14.0 } else { -7.0 };
            scene.text(x, y + up, 11.0, m.shows(state)).anchor(Anchor::Middle).bold().halo().key(key(18, e.write));
        }
    }
    let lost = m.lost();
    if lost > 0 {
        scene.glyph(area.right() - 76.0, area.y + 5.0, Glyph::Back, Tone::Undo, 4.2);
        scene.text(area.right() - 8.0, area.y + 9.0, 11.0, format_args!("{lost} lost")).end().bold().tone(Tone::Undo);
    }
}

/// The writes that a write was made on top of: for a register the one that it replaced, for the rest the newest that
/// its coordinator had taken in from each node.
fn parents(m: &Model, all: &[&Entry], e: &Entry) -> Vec<u32> {
    if m.replicas()[0].state(0).stamp().is_some() {
        return vec![e.parent];
    }
    let before = |node: u8, n: u32| {
        all.iter().rev().find(|p| p.write < e.write && p.node == node && p.id.dot.n <= n).map(|p| p.write)
    };
    let own = before(e.node, u32::MAX);
    let knew = own.and_then(|w| all.iter().find(|p| p.write == w)).map(|p| p.seen);
    let mut list: Vec<u32> = own.into_iter().collect();
    for node in (0..m.replicas().len() as u8).filter(|n| *n != e.node) {
        // Only what is new since this coordinator's last write.
        if e.seen.get(node) > knew.map_or(0, |k| k.get(node)) {
            list.extend(before(node, e.seen.get(node)));
        }
    }
    list
}

#[cfg(test)]
mod tests {
    use super::*;
    use sim::questions::eventual_consistency::QUESTION;
    use sim::{Input, RunValue, Us, What};

    /// Every layout of every size under every rule: no panic, no key twice, nothing outside.
    #[test]
    fn every_layout_holds() {
        let rule = QUESTION.knob("rule").unwrap();
        let n = QUESTION.knob("n").unwrap();
        for (nodes, which) in (1..=7).flat_map(|n| (0..5).map(move |r| (n, r))) {
            let mut value = RunValue::new(&QUESTION);
            value.knobs.set(n, f64::from(nodes));
            value.knobs.set(rule, f64::from(which));
            for (at, act, args) in
                [(1, "partition", [2.0, 0.0, 0.0]), (1, "like", [0.0, 50.0, 0.0]), (2, "drop", [1.0, 0.0, 0.0])]
            {
                let act = QUESTION.act(act).unwrap();
                value.inputs.push(Input { at: Us::s(at), what: What::Act { act, args } });
            }
            let mut run = QUESTION.run(value);
            run.advance(Us::ms(2_500), u64::MAX);
            for (narrow, side) in [(false, Side::Only), (false, Side::A), (true, Side::Only), (true, Side::B)] {
                let picture = super::super::find("eventual-consistency").unwrap();
                let h = picture.height;
                let ab = side != Side::Only;
                let height = match (narrow, ab) {
                    (false, false) => h.wide,
                    (false, true) => h.wide_ab,
                    (true, false) => h.narrow,
                    (true, true) => h.narrow_ab,
                };
                let view =
                    View { side, ..if narrow { View::narrow(height) } else { View::wide(height) } }.at(2_500_000);
                let mut scene = Scene::new();
                scene.begin(&view);
                draw(&*run, &view, &mut scene);
                let mut keys: Vec<u32> = scene.items().iter().map(|i| i.key).filter(|k| *k != 0).collect();
                keys.sort_unstable();
                let all = keys.len();
                keys.dedup();
                assert_eq!(keys.len(), all, "a key twice with {nodes} nodes");
                for p in scene.particles() {
                    let inside = (0.0..=view.width).contains(&p.x) && (0.0..=view.height).contains(&p.y);
                    assert!(inside, "a particle at ({}, {}) with {nodes} nodes", p.x, p.y);
                }
            }
        }
    }
}
