//! The rate limiter's picture: one line of time for each algorithm, all under the same requests.
//!
//! What went through stands above the line, what was refused hangs below it, so a burst is a column
//! and no two outcomes look alike. The lane in force is the wide one; the panel on the right is the
//! answer that a client got. In A|B each side shows its lane in force, with its bucket and the API.

use super::{Heights, Picture};
use crate::draw::bucket::{Bucket, bucket};
use crate::draw::lanes::{Bracket, bracket};
use crate::draw::legend::legend;
use crate::draw::{Area, Dash, Glyph, Hit, Outcome, Scene, Side, TimeAxis, Tone, View, key};
use sim::blocks::headers;
use sim::blocks::limiter::Algorithm;
use sim::decimal::fixed;
use sim::order;
use sim::questions::rate_limiter_design::{Mark, RateLimiter, act, client_name, level};
use sim::{Live, Us, What};

pub static PICTURE: Picture = Picture {
    slug: "rate-limiter-design",
    height: Heights { wide: 300.0, narrow: 380.0, wide_ab: 170.0, narrow_ab: 200.0 },
    draw,
};

/// Part of the axis that lies in the past once the run is longer than the axis.
const PAST: f64 = 0.86;
/// Width of a column of marks.
const BIN: f32 = 5.0;
/// More marks than this in one column look like this many, closer together.
const COLUMN_MAX: usize = 14;
const SIGNS: [(Outcome, &str); 2] = [(Outcome::Ok, "let through"), (Outcome::Rejected, "refused")];

fn draw(live: &dyn Live, view: &View, scene: &mut Scene) {
    let Some(model) = live.model().downcast_ref::<RateLimiter>() else {
        return;
    };
    match (view.side, view.narrow) {
        (Side::Only, false) => all_wide(live, model, view, scene),
        (Side::Only, true) => all_narrow(live, model, view, scene),
        (_, false) => one_wide(live, model, view, scene),
        (_, true) => one_narrow(live, model, view, scene),
    }
}

/// The stretch of time on screen: two windows and a bit, with room for what comes next; of very long windows only as
/// much as one can watch.
fn axis(model: &RateLimiter, view: &View, x0: f32, x1: f32) -> TimeAxis {
    let span = (model.policy().window.0 as f64 * 2.4).clamp(1e6, 180e6);
    let t0 = (view.now_us as f64 - span * PAST).max(0.0);
    TimeAxis::new(x0, x1, t0 as u64, (t0 + span) as u64)
}

/// The marks of one lane as columns: admitted upwards, refused downwards, at most `up` and `down`.
fn columns(
    scene: &mut Scene,
    model: &RateLimiter,
    view: &View,
    lane: usize,
    axis: &TimeAxis,
    y: f32,
    reach: (f32, f32),
) {
    let queue = lane == Algorithm::LeakyQueue as usize;
    // Columns are stretches of time, not of the screen: they move with the axis and keep their marks.
    let width = f64::from(axis.x1 - axis.x0);
    let bin_us = ((axis.t1_us - axis.t0_us) as f64 * f64::from(BIN) / width).max(1.0) as u64;
    let mut bin: (u64, Vec<(u32, Outcome)>) = (u64::MAX, Vec::new());
    // One burst must not flatten all the rest: beyond this a column is cut off.
    let tallest = tallest(model, view, axis, bin_us).min(24.0);
    // Marks that have to overlap are smaller, so that the columns keep their heights.
    let size = if tallest * 5.0 <= reach.1 { 3.4f32 } else { 2.4 };
    let flush = |scene: &mut Scene, bin: &(u64, Vec<(u32, Outcome)>)| {
        if bin.1.is_empty() {
            return;
        }
        let x = axis.x_clamped(bin.0.saturating_mul(bin_us) + bin_us / 2);
        for (good, room) in [(true, reach.0), (false, reach.1)] {
            let side: Vec<&(u32, Outcome)> = bin.1.iter().filter(|(_, o)| (*o != Outcome::Rejected) == good).collect();
            let shown = side.len().min(COLUMN_MAX);
            let step = (2.0 * size + 0.6).min((room - size) / tallest);
            let step = step * (side.len() as f32).min(tallest) / shown.max(1) as f32;
            for i in 0..shown {
                // Evenly chosen, so that a click reaches the early and the late ones alike.
                let (id, outcome) = *side[i * side.len() / shown];
                let away = size + i as f32 * step;
                let y = if good { y - away } else { y + away };
                scene.particle(x, y, outcome.glyph(), outcome.tone(), size, Some(id));
                if view.selected == Some(id) {
                    scene.circle(x, y, 7.0).stroke(Tone::Ink).width(1.6);
                }
            }
        }
    };
    let mut put = |scene: &mut Scene, at: Us, id: u32, outcome: Outcome| {
        if !axis.contains(at.0) || at.0 > view.now_us {
            return;
        }
        let column = at.0 / bin_us;
        if column != bin.0 {
            flush(scene, &bin);
            bin = (column, Vec::new());
        }
        bin.1.push((id, outcome));
    };
    if queue {
        // The queue lets its requests go later: in the order in which they go, not come.
        let mut gone: Vec<(Us, u32, Outcome)> = Vec::new();
        for m in &model.recent {
            match m.passed(lane) {
                Some(true) => gone.push((m.at + m.held, m.request, Outcome::Ok)),
                Some(false) => gone.push((m.at, m.request, Outcome::Rejected)),
                None => {}
            }
        }
        order::by_key(&mut gone, |(at, ..)| *at);
        for (at, id, outcome) in gone {
            put(scene, at, id, outcome);
        }
    } else {
        for m in &model.recent {
            let outcome = match m.passed(lane) {
                Some(true) => Outcome::Ok,
                Some(false) => Outcome::Rejected,
                None => continue,
            };
            put(scene, m.at, m.request, outcome);
        }
    }
    flush(scene, &bin);
}

/// The most requests in one column: all lanes share the scale, so that their columns compare.
fn tallest(model: &RateLimiter, view: &View, axis: &TimeAxis, bin_us: u64) -> f32 {
    let (mut most, mut here, mut column) = (1, 0, u64::MAX);
    for m in &model.recent {
        if axis.contains(m.at.0) && m.at.0 <= view.now_us {
            here = if m.at.0 / bin_us == column { here + 1 } else { 1 };
            column = m.at.0 / bin_us;
            most = most.max(here);
        }
    }
    most as f32
}

/// The line, its target for taps, and the moments at which the calendar turns over.
fn line(scene: &mut Scene, axis: &TimeAxis, y: f32, half: f32, lane: usize) {
    scene.line(axis.x0, y, axis.x1, y);
    scene
        .rect(axis.x0, y - half, axis.x1 - axis.x0, 2.0 * half)
        .hit(Hit::Lane { lane: lane as u8, t0_us: axis.t0_us, t1_us: axis.t1_us })
        .tip("Click to send one request at this moment");
}

fn edges(scene: &mut Scene, model: &RateLimiter, axis: &TimeAxis, top: f32, bottom: f32, named: bool) {
    for (i, at) in model.edges(Us(axis.t0_us), Us(axis.t1_us), 8).enumerate() {
        let x = axis.x(at.0);
        scene.line(x, top, x, bottom).stroke(Tone::Ink3).width(1.0).dash(Dash::Fine).key(key(1, i as u32));
        if named && i == 0 {
            let words = "window edge";
            let text = scene.text(x, top - 4.0, 11.0, words).tone(Tone::Ink3).middle();
            let half = text.text_width() / 2.0;
            text.at_x(sim::order::between(x, axis.x0 + half, axis.x1 - half));
        }
    }
}

fn now_line(scene: &mut Scene, axis: &TimeAxis, view: &View, top: f32, bottom: f32) {
    let x = axis.x_clamped(view.now_us);
    scene.line(x, top, x, bottom).stroke(Tone::Accent).width(1.2).opacity(0.6);
}

/// The reader's own taps and bursts, as handles that can be dragged.
fn handles(scene: &mut Scene, live: &dyn Live, axis: &TimeAxis, y: f32) {
    for (i, input) in live.value().inputs.iter().enumerate() {
        let What::Act { act, args } = input.what else {
            continue;
        };
        let tip = match act as usize {
            act::TAP => "Your request: drag it along the time",
            act::BURST => "Your burst: drag it along the time",
            _ => continue,
        };
        if !axis.contains(input.at.0) {
            continue;
        }
        let x = axis.x(input.at.0);
        let size = if act as usize == act::BURST && args[0] > 1.0 { 6.0 } else { 4.5 };
        scene
            .path(|p| {
                p.move_to(x, y - size).line_to(x + size, y + size).line_to(x - size, y + size).close();
            })
            .fill(Tone::Undo)
            .key(key(2, i as u32))
            .hit(Hit::Input(i as u32))
            .tip(tip);
    }
}

/// A span in words that fit under a bracket.
fn short(span: Us) -> String {
    match span.0 {
        0 => "one instant".to_string(),
        us if us < 10_000 => format!("{} ms", fixed(us as f64 / 1e3, 1)),
        us if us < 1_000_000 => format!("{} ms", fixed(us as f64 / 1e3, 0)),
        us if us < 100_000_000 => format!("{} s", fixed(us as f64 / 1e6, 1)),
        us => format!("{} s", fixed(us as f64 / 1e6, 0)),
    }
}

/// The fullest window so far, once it holds more than was promised.
fn broken_promise(model: &RateLimiter, lane: usize) -> Option<(Us, Us, String)> {
    let (count, from, to) = model.worst_bracket(lane)?;
    let limit = model.keys_present().map(|k| k.policy.limit).max().unwrap_or(1);
    let verdict = match count {
        c if c > 2 * limit => "more than twice the limit",
        c if c == 2 * limit => "twice the limit",
        c if c > limit => "more than the limit",
        _ => return None,
    };
    let whose = if model.keys_present().count() > 1 { " of one client" } else { "" };
    Some((from, to, format!("{count}{whose} pass within {}: {verdict}", short(to - from))))
}

/// The bracket of width W that ends now, or the fullest one if that broke the promise.
fn brackets(scene: &mut Scene, model: &RateLimiter, view: &View, lane: usize, axis: &TimeAxis, y: f32) {
    let bounds = (axis.x0, axis.x1);
    if let Some((from, to, words)) = broken_promise(model, lane)
        && to.0 >= axis.t0_us
    {
        let worst = Bracket { t0_us: from.0, t1_us: to.0, words: &words, tone: Tone::Rejected, bounds };
        bracket(scene, axis, y, &worst);
        return;
    }
    let window = model.policy().window;
    let count = model.in_window(lane, Us(view.now_us));
    if count == 0 {
        return;
    }
    let sliding = Bracket {
        t0_us: view.now_us.saturating_sub(window.0).max(axis.t0_us),
        t1_us: view.now_us,
        words: &format_args!("{count} through in the last {window}"),
        tone: Tone::Ink3,
        bounds,
    };
    bracket(scene, axis, y, &sliding);
}

/// The outage, while it lasts.
fn outage(scene: &mut Scene, model: &RateLimiter, view: &View, axis: &TimeAxis, top: f32, bottom: f32) {
    if let Some(until) = model.store_down_until() {
        let (x0, x1) = (axis.x_clamped(view.now_us), axis.x_clamped(until.0));
        scene.rect(x0, top, x1 - x0, bottom - top).fill(Tone::Stale).opacity(0.18);
        // The narrow rows have no room for a name here; there the answer's line says it.
        if view.narrow {
            return;
        }
        let name = scene.text(x0 - 4.0, top + 10.0, 11.0, "store down").tone(Tone::Stale).halo();
        if x0 - axis.x0 > name.text_width() + 8.0 {
            name.end()
        } else {
            name.at_x(x0 + 4.0)
        };
    }
}

/// Lanes that are switched on, with the one in force made larger.
fn rows(model: &RateLimiter) -> Vec<usize> {
    (0..6).filter(|i| model.lanes[*i].on).collect()
}

fn note(model: &RateLimiter, lane: usize, now: Us) -> String {
    let state = &model.keys[0].lanes[lane];
    let text = level(Algorithm::ALL[lane], &state.limiter, model.policy(), model.clock(now));
    format!("{text}, {} B", model.stored_bytes(lane))
}

/// What a lane promised and what it let through in its fullest window.
fn worst(scene: &mut Scene, model: &RateLimiter, lane: usize, x: f32, y: f32) {
    let n = model.worst_window(lane);
    let over = n > model.keys_present().map(|k| k.policy.limit).max().unwrap_or(0);
    scene.text(x, y, 12.0, n).mono().end().bold().tone(if over { Tone::Rejected } else { Tone::Ink });
}

/// How full it is, as a bar.
fn gauge(scene: &mut Scene, model: &RateLimiter, lane: usize, area: Area, now: Us) {
    let fill = model.keys[0].lanes[lane].limiter.fill(model.policy(), model.clock(now)) as f32;
    scene.rect(area.x, area.y, area.w, area.h).round(3.0).fill(Tone::Panel).stroke(Tone::Ink3).width(1.0);
    if fill > 0.0 {
        scene
            .rect(area.x + 1.0, area.y + 1.0, (area.w - 2.0) * fill, area.h - 2.0)
            .round(2.0)
            .fill(Tone::Flight)
            .opacity(0.7);
    }
}

fn all_wide(live: &dyn Live, model: &RateLimiter, view: &View, scene: &mut Scene) {
    let now = Us(view.now_us);
    let axis = axis(model, view, 178.0, 500.0);
    let rows = rows(model);
    let (top, bottom) = (26.0, view.height - 24.0);
    let in_force = model.lane_in_force();
    // The lane in force has room for its bracket.
    let unit = (bottom - top - 34.0) / rows.len().max(1) as f32;
    let before = rows.iter().take_while(|lane| **lane != in_force).count() as f32;
    scene.rect(12.0, top + before * unit, 656.0, unit + 34.0).round(8.0).fill(Tone::Panel);
    outage(scene, model, view, &axis, top, bottom);
    edges(scene, model, &axis, top, bottom, true);
    now_line(scene, &axis, view, top, bottom);
    scene.text(516.0, 16.0, 11.0, "used").tone(Tone::Ink3);
    scene.text(606.0, 16.0, 11.0, "through").end().tone(Tone::Ink3);
    scene
        .text(658.0, 16.0, 11.0, "worst W")
        .end()
        .tone(Tone::Ink3)
        .tip("The most that went through in any span of length W, wherever it starts");
    let mut y = top;
    for lane in rows {
        let forced = lane == in_force;
        let h = if forced { unit + 34.0 } else { unit };
        let base = y + if forced { unit * 0.62 + 2.0 } else { unit * 0.56 };
        line(scene, &axis, base, unit * 0.46, lane);
        scene.text(20.0, base - 3.0, 13.0, Algorithm::ALL[lane].name()).bold().tone(if forced {
            Tone::Ink
        } else {
            Tone::Ink2
        });
        scene.text(20.0, base + 12.0, 11.0, note(model, lane, now)).tone(Tone::Ink3).fit(152.0);
        columns(scene, model, view, lane, &axis, base, (unit * 0.52, unit * 0.44));
        gauge(scene, model, lane, Area::new(516.0, base - 5.0, 44.0, 10.0), now);
        scene.text(606.0, base + 4.0, 12.0, model.lanes[lane].admitted).mono().end().tone(Tone::Ok);
        worst(scene, model, lane, 658.0, base + 4.0);
        if forced {
            scene.text(20.0, base + 28.0, 11.0, "in force").tone(Tone::Accent);
            brackets(scene, model, view, lane, &axis, base + unit * 0.42);
            handles(scene, live, &axis, base + unit * 0.38);
        }
        y += h;
    }
    axis.draw(scene, view.height - 18.0);
    legend(scene, 20.0, view.height - 12.0, 150.0, &SIGNS);
    inspector(scene, model, view, Area::new(673.0, 12.0, 182.0, view.height - 24.0));
}

/// The request that the reader has clicked, else the latest refusal, else the latest request.
fn inspected(model: &RateLimiter, view: &View) -> Option<Mark> {
    let clicked = view.selected.and_then(|id| model.recent.iter().rev().find(|m| m.request == id).copied());
    clicked.or(model.last_refusal).or_else(|| model.recent.back().copied())
}

/// The answer as it is on the wire.
fn inspector(scene: &mut Scene, model: &RateLimiter, view: &View, area: Area) {
    let inner = area.inset(9.0, 0.0);
    scene.rect(area.x, area.y, area.w, area.h).round(8.0).fill(Tone::Panel).stroke(Tone::Line).width(1.0);
    let Some(mark) = inspected(model, view) else {
        scene.text(inner.x, area.y + 22.0, 12.0, "No request yet").tone(Tone::Ink3);
        return;
    };
    let refused = !mark.said.admitted;
    let (glyph, tone) = if refused { (Glyph::Cross, Tone::Rejected) } else { (Glyph::Dot, Tone::Ok) };
    scene.glyph(inner.x + 5.0, area.y + 18.0, glyph, tone, 4.5);
    let (code, reason) = model.status(&mark).split_once(' ').unwrap_or_default();
    scene.text(inner.x + 15.0, area.y + 23.0, 15.0, code).bold().mono().tone(tone);
    scene.text(inner.x + 48.0, area.y + 22.0, 11.0, reason).tone(tone).fit(inner.w - 48.0);
    let mut y = area.y + 39.0;
    let who = client_name(mark.client as usize);
    scene
        .text(inner.x, y, 11.0, format_args!("#{}, {who}, try {}", mark.request + 1, mark.attempt))
        .tone(Tone::Ink3)
        .fit(inner.w);
    let mut row = |scene: &mut Scene, name: &str, value: &str| {
        if y + 34.0 > area.bottom() {
            return;
        }
        scene.text(inner.x, y + 18.0, 11.0, name).tone(Tone::Ink3).fit(inner.w);
        scene.text(inner.x, y + 32.0, 11.0, value).mono().fit(inner.w).tip(value);
        y += 33.0;
    };
    if let (true, Some(after)) = (refused, mark.said.retry_after) {
        row(scene, "would pass in exactly", &after.to_string());
    }
    for (name, value) in model.response(&mark) {
        if name != "Content-Type" {
            row(scene, name, &value);
        }
    }
    if refused && !mark.blind {
        row(scene, "problem type", headers::PROBLEM_TYPE.rsplit("types").next().unwrap_or_default());
    }
    // Several clients: who is refused how often.
    let present: Vec<usize> = model.present().collect();
    if present.len() > 1 {
        let words: Vec<String> = present
            .iter()
            .map(|c| {
                let t = &model.clients[*c];
                let name = if *c == 6 { "nb".to_string() } else { client_name(*c).split_off(7) };
                let share = 100 * t.refused / (t.admitted + t.refused).max(1);
                format!("{name} {share}%")
            })
            .collect();
        for chunk in words.chunks(3) {
            row(scene, "refused, by client", &chunk.join("  "));
        }
    }
}

fn one_wide(live: &dyn Live, model: &RateLimiter, view: &View, scene: &mut Scene) {
    let now = Us(view.now_us);
    let lane = model.lane_in_force();
    let axis = axis(model, view, 190.0, 540.0);
    let y = view.height * 0.47;
    let p = model.policy();
    let letter = if view.side == Side::A { "A" } else { "B" };
    scene.text(24.0, y - 4.0, 14.0, format_args!("{letter}  {}", model.force.name())).bold().fit(158.0);
    let promise = match model.force {
        Algorithm::FixedWindow | Algorithm::SlidingLog | Algorithm::SlidingCounter => {
            format!("{} per {}", p.limit, p.window)
        }
        _ => format!("{} per {}, B = {}", p.limit, p.window, p.burst),
    };
    scene.text(24.0, y + 14.0, 12.0, promise).tone(Tone::Ink3).fit(158.0);
    outage(scene, model, view, &axis, 26.0, y + 34.0);
    edges(scene, model, &axis, 26.0, y + 34.0, true);
    now_line(scene, &axis, view, 26.0, y + 34.0);
    line(scene, &axis, y, 40.0, lane);
    columns(scene, model, view, lane, &axis, y, (y - 30.0, 34.0));
    brackets(scene, model, view, lane, &axis, y + 38.0);
    handles(scene, live, &axis, y + 36.0);
    axis.draw(scene, view.height - 18.0);
    legend(scene, 24.0, view.height - 12.0, 160.0, &SIGNS);
    level_bucket(scene, model, lane, Area::new(572.0, 24.0, 92.0, view.height - 56.0), now);
    let (x, cy) = (716.0, view.height / 2.0 - 8.0);
    scene.arrow((676.0, cy), (x - 6.0, cy), Tone::Ink3);
    api(scene, model, lane, Area::new(x, cy - 34.0, 120.0, 68.0));
}

/// What is left, as a bucket: of tokens, of the counter, of the queue's places.
fn level_bucket(scene: &mut Scene, model: &RateLimiter, lane: usize, area: Area, now: Us) {
    let limiter = &model.keys[0].lanes[lane].limiter;
    let (p, clock) = (model.policy(), model.clock(now));
    let used = limiter.used(p, clock);
    let (number, caption, fill) = match model.force {
        Algorithm::TokenBucket | Algorithm::Gcra => {
            let left = p.burst as f64 - used;
            // Tenths matter near empty; a full bucket of a hundred has no room for them.
            let number = fixed(left, if left < 99.95 { 1 } else { 0 }).to_string();
            (number, "tokens left".to_string(), 1.0 - limiter.fill(p, clock))
        }
        Algorithm::LeakyQueue => (fixed(used, 1).to_string(), format!("of {} queued", p.burst), limiter.fill(p, clock)),
        Algorithm::SlidingCounter => {
            (fixed(used, 1).to_string(), format!("of {} (estimate)", p.limit), limiter.fill(p, clock))
        }
        _ => (fixed(used, 0).to_string(), format!("of {} counted", p.limit), limiter.fill(p, clock)),
    };
    // Several keys: this is the first one's.
    let caption = if model.keys_present().count() > 1 { format!("A: {caption}") } else { caption };
    bucket(scene, &Bucket { area, level: fill as f32, number: &number, caption: &caption, tone: Tone::Flight });
}

fn api(scene: &mut Scene, model: &RateLimiter, lane: usize, area: Area) {
    let l = &model.lanes[lane];
    scene.rect(area.x, area.y, area.w, area.h).round(10.0).fill(Tone::Panel).stroke(Tone::Ink2);
    scene.text(area.cx(), area.y + 26.0, 14.0, "API").bold().middle();
    scene
        .text(area.cx(), area.y + 48.0, 13.0, format_args!("{} of {}", l.admitted, l.offered))
        .mono()
        .middle()
        .tone(Tone::Ok)
        .fit(area.w - 8.0);
}

fn all_narrow(live: &dyn Live, model: &RateLimiter, view: &View, scene: &mut Scene) {
    let axis = axis(model, view, 16.0, 374.0);
    let rows = rows(model);
    let in_force = model.lane_in_force();
    let (top, bottom) = (4.0, view.height - 66.0);
    let unit = (bottom - top - 24.0) / rows.len().max(1) as f32;
    let before = rows.iter().take_while(|lane| **lane != in_force).count() as f32;
    scene.rect(6.0, top + before * unit, 378.0, unit + 24.0).round(8.0).fill(Tone::Panel);
    outage(scene, model, view, &axis, top, bottom);
    edges(scene, model, &axis, top, bottom, false);
    now_line(scene, &axis, view, top, bottom);
    let mut y = top;
    for lane in rows {
        let forced = lane == in_force;
        let h = if forced { unit + 24.0 } else { unit };
        let base = y + unit * 0.68;
        line(scene, &axis, base, (unit * 0.5).max(20.0), lane);
        scene.text(16.0, y + 13.0, 12.5, Algorithm::ALL[lane].name()).bold().halo().tone(if forced {
            Tone::Ink
        } else {
            Tone::Ink2
        });
        let over = model.worst_window(lane) > model.policy().limit;
        scene
            .text(
                374.0,
                y + 13.0,
                11.0,
                format_args!("{} through, worst {}", model.lanes[lane].admitted, model.worst_window(lane)),
            )
            .end()
            .halo()
            .tone(if over { Tone::Rejected } else { Tone::Ink3 });
        columns(scene, model, view, lane, &axis, base, (unit * 0.36, unit * 0.3));
        if forced {
            brackets(scene, model, view, lane, &axis, base + unit * 0.28);
            handles(scene, live, &axis, base + unit * 0.25);
        }
        y += h;
    }
    axis.draw(scene, bottom + 6.0);
    if let Some(mark) = inspected(model, view) {
        let refused = !mark.said.admitted;
        let (glyph, tone) = if refused { (Glyph::Cross, Tone::Rejected) } else { (Glyph::Dot, Tone::Ok) };
        scene.glyph(21.0, view.height - 30.0, glyph, tone, 4.5);
        scene.text(32.0, view.height - 26.0, 12.0, model.status(&mark)).bold().tone(tone);
        let fields: Vec<String> = model
            .response(&mark)
            .iter()
            .filter(|(name, _)| *name == "Retry-After" || *name == "RateLimit" || *name == "RateLimit-Reset")
            .map(|(name, value)| format!("{name}: {value}"))
            .collect();
        let fields = match model.store_down_until() {
            Some(until) => format!("The store is down until {until}."),
            None => fields.join("   "),
        };
        scene.text(16.0, view.height - 9.0, 11.0, fields).mono().tone(Tone::Ink2).fit(358.0);
    }
}

fn one_narrow(live: &dyn Live, model: &RateLimiter, view: &View, scene: &mut Scene) {
    let now = Us(view.now_us);
    let lane = model.lane_in_force();
    let axis = axis(model, view, 16.0, 282.0);
    let letter = if view.side == Side::A { "A" } else { "B" };
    let l = &model.lanes[lane];
    scene.text(16.0, 22.0, 14.0, format_args!("{letter}  {}", model.force.name())).bold().fit(250.0);
    scene.text(374.0, 22.0, 12.0, format_args!("{} of {}", l.admitted, l.offered)).mono().end().tone(Tone::Ok);
    let y = view.height * 0.5;
    outage(scene, model, view, &axis, 34.0, y + 26.0);
    edges(scene, model, &axis, 34.0, y + 26.0, false);
    now_line(scene, &axis, view, 34.0, y + 26.0);
    line(scene, &axis, y, 26.0, lane);
    columns(scene, model, view, lane, &axis, y, (y - 38.0, 24.0));
    brackets(scene, model, view, lane, &axis, y + 28.0);
    handles(scene, live, &axis, y + 26.0);
    axis.draw(scene, view.height - 18.0);
    level_bucket(scene, model, lane, Area::new(296.0, 40.0, 84.0, view.height - 62.0), now);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draw::{check, svg};
    use sim::{Kind, RunValue, golden};

    fn views() -> [View; 4] {
        let side = |side, view| View { side, ..view };
        [View::wide(300.0), View::narrow(380.0), side(Side::A, View::wide(170.0)), side(Side::B, View::narrow(200.0))]
    }

    fn picture(live: &dyn Live, view: View) -> String {
        let view = view.at(live.moment().at.0);
        let mut scene = Scene::new();
        scene.begin(&view);
        draw(live, &view, &mut scene);
        let problems = check::text_problems(&scene);
        assert!(problems.is_empty(), "{problems:?}");
        svg::fragment(&scene, "")
    }

    /// Every choice and switch, with everything broken, in every layout and at several moments: no
    /// coordinate is lost, no text is too small (the kit asserts both), over another or cut off.
    #[test]
    fn every_mode_can_be_drawn() {
        let q = &sim::questions::rate_limiter_design::QUESTION;
        for (i, k) in q.knobs.iter().enumerate() {
            if !matches!(k.kind, Kind::Choice(_) | Kind::Toggle) {
                continue;
            }
            for v in 0..=k.max as usize {
                let mut value = golden::value(q, 1);
                value.knobs.set(i as u8, v as f64);
                let mut run = q.run(value);
                for s in [0, 2, 9] {
                    run.advance(Us::s(s), u64::MAX);
                    for view in views() {
                        assert!(picture(&*run, view).contains("<line"), "{}={v}", k.key);
                    }
                }
            }
        }
    }

    #[test]
    fn the_broken_promise_and_the_answer_are_in_words() {
        let q = &sim::questions::rate_limiter_design::QUESTION;
        let mut value = RunValue::new(q);
        value
            .inputs
            .push(sim::Input { at: Us::ms(2_500), what: What::Act { act: act::TAP as u8, args: [1.0, 0.0, 0.0] } });
        let mut run = q.run(value);
        run.advance(Us::s(3), u64::MAX);
        let [wide, narrow, a, _] = views();
        for view in [wide, narrow, a] {
            assert!(picture(&*run, view).contains("200 pass within 199 ms: twice the limit"));
        }
        let text = picture(&*run, wide);
        for part in ["Too Many Requests", "Retry-After", "#quota-exceeded", "Sliding counter", "window edge"] {
            assert!(text.contains(part), "{part}");
        }
    }
}
