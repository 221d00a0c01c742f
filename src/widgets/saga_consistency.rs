//! The picture of the saga question: a lane for each service, what it committed and what it holds;
//! beside them the orders in between and the ledger.

use super::{Heights, Picture};
use crate::draw::ledger::{Ledger, Line, ledger};
use crate::draw::swim::{Actor, Lock, Message, Step, Swim, busy, lock, lock_sign, message, step, swim};
use crate::draw::topology::NodeState;
use crate::draw::{Area, Font, Glyph, Hit, Outcome, Placer, Scene, Side, Tone, View, number, text_width};
use sim::blocks::coordinator::Part;
use sim::questions::saga_consistency::{
    BROKER, Body, COORDINATOR, INVENTORY, Mode, Purchase, STATES, SagaConsistency, SpanKind, Via, Why, body_name, knob,
};
use sim::{Live, Us};

pub static PICTURE: Picture = Picture { slug: "saga-consistency", height: HEIGHTS, draw };

const HEIGHTS: Heights = Heights { wide: 310.0, narrow: 400.0, wide_ab: 206.0, narrow_ab: 300.0 };

/// How much of the past the rolling window shows.
const ROLLING: Us = Us::s(3);

const QUIET: [&str; 3] = ["at least once", "outbox empty", "no outbox"];
/// The states in between, where there is little room.
const STATES_SHORT: [&str; 7] = ["begun", "charged", "shipped", "undoing", "in doubt", "waiting", "stuck"];

fn draw(live: &dyn Live, view: &View, scene: &mut Scene) {
    let Some(m) = live.model().downcast_ref::<SagaConsistency>() else { return };
    let now = Us(view.now_us);
    let lanes = lanes(m);
    let split = view.side != Side::Only;
    // The wide layout has the tables at the right, the narrow one below.
    let (area, tables) = match (view.narrow, split) {
        (false, _) => {
            let right = 232.0;
            (
                Area::new(12.0, 22.0, view.width - right - 36.0, view.height - 28.0),
                Area::new(view.width - right - 12.0, 8.0, right, view.height - 14.0),
            )
        }
        (true, split) => {
            let below = if split { 62.0 } else { 116.0 };
            (
                Area::new(8.0, 20.0, view.width - 16.0, view.height - below - 26.0),
                Area::new(8.0, view.height - below, view.width - 16.0, below - 4.0),
            )
        }
    };
    headline(scene, m, view, now);
    timeline(scene, live, m, &lanes, area, view, now);
    if view.narrow {
        states(scene, m, tables.col(0, 2, 14.0), now, if split { 2 } else { 5 });
        money(scene, m, tables.col(1, 2, 14.0), now, split);
    } else if split {
        states(scene, m, Area { h: 96.0, ..tables }, now, 4);
        money(scene, m, Area { y: tables.y + 100.0, h: tables.h - 100.0, ..tables }, now, true);
    } else {
        states(scene, m, Area { h: 138.0, ..tables }, now, 7);
        money(scene, m, Area { y: tables.y + 142.0, h: tables.h - 142.0, ..tables }, now, false);
    }
}

/// The parts that have a lane, in the order of the lanes.
fn lanes(m: &SagaConsistency) -> Vec<u8> {
    match m.mode {
        Mode::TwoPhase => vec![COORDINATOR, 0, 1, 2, 3],
        Mode::Orchestrated => vec![COORDINATOR, BROKER, 0, 1, 2, 3],
        Mode::DualWrite | Mode::Choreographed => vec![0, BROKER, 1, 2, 3],
    }
}

/// The sentence of the moment: the one thing to look at.
fn headline(scene: &mut Scene, m: &SagaConsistency, view: &View, now: Us) {
    let mode = match m.mode {
        Mode::DualWrite => "Dual write",
        Mode::TwoPhase => "Two-phase commit",
        Mode::Orchestrated => "Saga, orchestrated",
        Mode::Choreographed => "Saga, choreographed",
    };
    let x = if view.narrow { 8.0 } else { 12.0 };
    let side = match view.side {
        Side::Only => "",
        Side::A => "A  ",
        Side::B => "B  ",
    };
    let room = if view.narrow { view.width - 16.0 } else { view.width - 280.0 };
    let w = scene.text(x, 16.0, 13.0, format_args!("{side}{mode}")).bold().fit(room).text_width();
    let rest = room - w - 12.0;
    if rest < 60.0 {
        return;
    }
    let at = x + w + 12.0;
    let t = &m.tally;
    let doubt = m.in_doubt(true);
    if doubt > 0 {
        let waiting = t.blocked;
        scene
            .text(at, 16.0, 12.0, format_args!("{doubt} locks in doubt, coordinator dead, {waiting} orders wait"))
            .tone(Tone::Waiting)
            .fit(rest);
    } else if m.orphans() > 0 {
        scene
            .text(at, 16.0, 12.0, format_args!("orchestrator dead: {} pending, nobody blocked", m.orphans()))
            .tone(Tone::Waiting)
            .fit(rest);
    } else if t.stuck > 0 {
        scene.text(at, 16.0, 12.0, format_args!("{} stuck for ever", t.stuck)).tone(Tone::Rejected).fit(rest);
    } else if t.double > 0 {
        scene.text(at, 16.0, 12.0, format_args!("{} effects applied twice", t.double)).tone(Tone::Rejected).fit(rest);
    } else if now > Us::ZERO && t.arrived > 0 {
        scene
            .text(at, 16.0, 12.0, format_args!("{} completed, {} taken back", t.completed, t.compensated))
            .tone(Tone::Ink3)
            .fit(rest);
    }
}

/// The stretch of time to show, and the order whose messages are spelled out.
struct Window {
    from: Us,
    to: Us,
    /// All messages carry their words, not only those of the order looked at.
    close: bool,
    focus: Option<u32>,
}

/// With many orders the window rolls; with few, or with one selected, it fits what they do.
fn window(live: &dyn Live, m: &SagaConsistency, view: &View, now: Us) -> Window {
    let selected = view.selected.filter(|id| m.orders.contains_key(id));
    let rare = live.knobs().get(knob::RATE) < 1.0;
    if selected.is_none() && !rare {
        let focus = m.recent.iter().rev().copied().find(|id| m.orders.get(id).is_some_and(|o| !o.finished()));
        // A crash, a lost message: its order stays in sight for a while.
        let notable = m.orders.get(&m.last_notable).filter(|o| now.since(o.at) < ROLLING).map(|_| m.last_notable);
        return Window { from: now - ROLLING, to: now.max(ROLLING), close: false, focus: notable.or(focus) };
    }
    let open = m.orders.iter().filter(|(_, o)| !o.finished()).map(|(_, o)| o.at).min();
    let last = m.recent.back().and_then(|id| m.orders.get(id)).map(|o| o.at);
    let from = match selected {
        Some(id) => m.orders[&id].at,
        None => open.into_iter().chain(last).min().unwrap_or(now - Us::ms(100)),
    };
    let from = from.max(now - Us::s(90));
    let end = match selected.map(|id| &m.orders[&id]) {
        Some(o) if o.finished() => o.changed + Us::ms(20),
        _ => now,
    };
    let elapsed = end.since(from).0;
    let spans = [100, 200, 500, 1_000, 2_000, 4_000, 8_000, 15_000, 30_000, 60_000, 100_000].map(Us::ms);
    let span = spans.into_iter().find(|s| s.0 * 19 / 20 >= elapsed).unwrap_or(Us::s(100));
    Window { from, to: from + span, close: true, focus: selected }
}

fn timeline(scene: &mut Scene, live: &dyn Live, m: &SagaConsistency, lanes: &[u8], area: Area, view: &View, now: Us) {
    let w = window(live, m, view, now);
    let roomy = !view.narrow && view.side == Side::Only;
    let mut notes: Vec<String> = lanes.iter().map(|l| note(m, *l, now, roomy)).collect();
    if lanes.len() > 5 && !roomy {
        // Six lanes stand close: only what is out of the ordinary is said.
        notes.iter_mut().filter(|n| QUIET.contains(&n.as_str()) || n.ends_with("instances")).for_each(String::clear);
    }
    let actors: Vec<Actor<'_>> = lanes
        .iter()
        .zip(&notes)
        .map(|(lane, note)| Actor { name: name(m, *lane), note, state: state(m, *lane), hit: None })
        .collect();
    let s = Swim {
        area,
        t0_us: w.from.0,
        t1_us: w.to.0,
        now_us: now.0,
        actors: &actors,
        label_w: if view.narrow { 0.0 } else { 108.0 },
    };
    let row = |node: u8| lanes.iter().position(|l| *l == node);
    let mine = |order: u32| w.close && w.focus.is_none_or(|f| f == order) || w.focus == Some(order);
    swim(scene, &s, |scene, placer| {
        // The word "down" after a name above its line has to stay readable.
        for (i, actor) in actors.iter().enumerate().filter(|(_, a)| view.narrow && a.state != NodeState::Up) {
            let x = area.x + text_width(actor.name, 13.0, Font::SansBold) + 8.0;
            placer.take(Area::new(x, s.row_y(i) - 24.0, 36.0, 16.0));
        }
        for mark in &m.marks {
            let Some(actor) = row(mark.node) else { continue };
            match mark.kind {
                SpanKind::Down => busy(scene, &s, actor, mark.from.0, Some(mark.to.0), Tone::Rejected),
                SpanKind::Lock => busy(scene, &s, actor, mark.from.0, Some(mark.to.0), Tone::Waiting),
                SpanKind::Work(Body::Commit) | SpanKind::Failed(_) | SpanKind::NoEffect(_) => {}
                SpanKind::Work(_) => busy(scene, &s, actor, mark.from.0, Some(mark.to.0), Tone::Flight),
            }
        }
        for (actor, lane) in lanes.iter().enumerate() {
            down_now(scene, &s, m, actor, *lane);
            if *lane < 4 {
                lock_of(scene, &s, placer, m, (actor, *lane), roomy);
            }
        }
        messages(scene, &s, placer, m, &row, &mine, w.close);
        for mark in m.marks.iter().filter(|k| k.to <= now) {
            let Some(actor) = row(mark.node) else { continue };
            let (outcome, words) = match mark.kind {
                // Two-phase commit works before it commits: the sign comes with the commit.
                SpanKind::Work(Body::Do(_)) if m.mode == Mode::TwoPhase => continue,
                SpanKind::Work(body @ (Body::Do(_) | Body::Undo(_)))
                    if failed_there(m, mark.order, mark.node, mark.to, body) =>
                {
                    continue;
                }
                SpanKind::Work(Body::Commit) => (Outcome::Ok, "committed"),
                SpanKind::Work(body @ Body::Undo(_)) => (Outcome::Undo, body_name(body)),
                SpanKind::Work(body) => (Outcome::Ok, body_name(body)),
                SpanKind::Failed(body @ Body::Declined(_)) => (Outcome::Rejected, body_name(body)),
                SpanKind::Failed(body @ Body::Undo(_)) if m.up[mark.node as usize % 4] => {
                    (Outcome::Rejected, body_name(body))
                }
                SpanKind::Failed(_) => (Outcome::Rejected, "crash"),
                SpanKind::NoEffect(Why::Waits) => (Outcome::Waiting, "waits"),
                SpanKind::NoEffect(Why::SeenBefore) => (Outcome::Stale, "seen before"),
                SpanKind::NoEffect(Why::RolledBack) => (Outcome::Stale, "rolled back"),
                _ => continue,
            };
            let (full, number);
            let label: &dyn std::fmt::Display = if mine(mark.order) || outcome == Outcome::Rejected {
                full = format!("#{} {words}", mark.order);
                &full
            } else if w.close || actor == 0 || outcome == Outcome::Undo {
                number = format!("#{}", mark.order);
                &number
            } else {
                &""
            };
            step(
                scene,
                &s,
                placer,
                &Step { actor, at_us: mark.to.0, outcome, label, hit: Some(Hit::Request(mark.order)) },
            );
        }
        if let Some(actor) = row(INVENTORY) {
            queue(scene, &s, m, actor);
        }
    });
}

fn name(m: &SagaConsistency, lane: u8) -> &'static str {
    match lane {
        0 => "Order",
        1 => "Payment",
        2 => "Inventory",
        3 => "Shipping",
        COORDINATOR if m.mode == Mode::TwoPhase => "Coordinator",
        COORDINATOR => "Orchestrator",
        _ => "Broker",
    }
}

fn state(m: &SagaConsistency, lane: u8) -> NodeState {
    let up = match lane {
        COORDINATOR => m.instance_up.iter().any(|u| *u),
        n if n < 4 => m.up[n as usize],
        _ => true,
    };
    if up { NodeState::Up } else { NodeState::Down }
}

fn note(m: &SagaConsistency, lane: u8, now: Us, roomy: bool) -> String {
    if lane < 4
        && !roomy
        && let Some((id, o)) = oldest_lock(m, lane, now)
    {
        let age = number::duration_us(now.since(o.lock_since[lane as usize]).0);
        let waits = if lane == INVENTORY && m.tally.blocked > 0 {
            format!(", {} wait", m.tally.blocked)
        } else {
            String::new()
        };
        return format!("#{id} {age}{waits}");
    }
    match lane {
        COORDINATOR => {
            let up = m.instance_up.iter().filter(|u| **u).count();
            let all = m.instance_up.len();
            if up == all { format!("{all} instances") } else { format!("{} of {all} down", all - up) }
        }
        BROKER => match m.broker_len() {
            0 => "at least once".to_string(),
            n => format!("holds {n}"),
        },
        lane if m.mode == Mode::TwoPhase => {
            let held = m.orders.values().filter(|o| o.parts[lane as usize].holds_locks()).count();
            let waits = if lane == INVENTORY { m.tally.blocked } else { 0 };
            match (held, waits) {
                (0, _) => "no locks".to_string(),
                (n, 0) => format!("{n} {}", if n == 1 { "lock" } else { "locks" }),
                (n, w) => format!("{n} held, {w} wait"),
            }
        }
        lane => match (m.outbox_on, m.outbox_len(lane)) {
            (false, _) => "no outbox".to_string(),
            (true, 0) => "outbox empty".to_string(),
            (true, n) => format!("outbox {n}"),
        },
    }
}

/// A part that is down now: a red stretch until now.
fn down_now(scene: &mut Scene, s: &Swim<'_>, m: &SagaConsistency, actor: usize, lane: u8) {
    let down = match lane {
        COORDINATOR => m.instance_up.iter().any(|u| !u),
        n if n < 4 => !m.up[n as usize],
        _ => false,
    };
    if down {
        busy(scene, s, actor, m.down_since[lane as usize].0, None, Tone::Rejected);
    }
}

/// The oldest lock of a service that has been held for longer than a moment, those in doubt first.
fn oldest_lock(m: &SagaConsistency, lane: u8, now: Us) -> Option<(u32, &Purchase)> {
    let p = lane as usize;
    let held = |o: &Purchase| o.parts[p].holds_locks() && now.since(o.lock_since[p]) > Us::ms(150);
    let locks = m.orders.iter().filter(|(_, o)| held(o));
    locks.min_by_key(|(_, o)| (!o.parts[p].in_doubt(), o.lock_since[p])).map(|(id, o)| (*id, o))
}

/// Draws that lock. Where lanes are close together its holder and age stand beside the lane's name instead.
fn lock_of(scene: &mut Scene, s: &Swim<'_>, placer: &mut Placer, m: &SagaConsistency, at: (usize, u8), roomy: bool) {
    let (actor, lane) = at;
    let Some((id, o)) = oldest_lock(m, lane, Us(s.now_us)) else { return };
    let since = o.lock_since[lane as usize].0;
    if roomy {
        let doubt = o.parts[lane as usize] == Part::Prepared && !m.instance_up[o.instance as usize];
        let holder = format!("#{id}{}", if doubt { " in doubt" } else { "" });
        lock(scene, s, placer, &Lock { actor, taken_us: since, released_us: None, holder: &holder });
    } else {
        busy(scene, s, actor, since, None, Tone::Waiting);
        lock_sign(scene, s.axis().x_clamped(since) + 5.0, s.row_y(actor) - 1.5, Tone::Waiting, true);
    }
}

fn messages(
    scene: &mut Scene,
    s: &Swim<'_>,
    placer: &mut Placer,
    m: &SagaConsistency,
    row: &dyn Fn(u8) -> Option<usize>,
    mine: &dyn Fn(u32) -> bool,
    close: bool,
) {
    for f in &m.flights {
        // Confirmations and acknowledgements to the broker would double every line.
        let quiet = matches!(f.msg.via, Via::Published(_) | Via::Consumed(_));
        if !f.lost && (quiet || !mine(f.msg.order)) {
            continue;
        }
        let (Some(from), Some(to)) = (row(f.msg.from), row(f.msg.to)) else { continue };
        let outcome = match f.msg.body {
            Body::Undo(_) | Body::Undone(_) | Body::Abort => Outcome::Undo,
            Body::Declined(_) | Body::WorkFailed | Body::No => Outcome::Rejected,
            _ => Outcome::Flight,
        };
        let lost;
        let label: &dyn std::fmt::Display = if f.lost {
            lost = format!("lost: {}", body_name(f.msg.body));
            &lost
        } else if close && !matches!(f.msg.via, Via::Publish(_)) {
            &body_name(f.msg.body)
        } else {
            &""
        };
        message(
            scene,
            s,
            placer,
            &Message {
                from,
                to,
                sent_us: f.sent.0,
                arrive_us: f.due.0,
                outcome,
                lost: f.lost,
                label,
                hit: Some(Hit::Request(f.msg.order)),
            },
        );
    }
}

/// Orders that wait for a lock stand in a line at Inventory.
fn queue(scene: &mut Scene, s: &Swim<'_>, m: &SagaConsistency, actor: usize) {
    let axis = s.axis();
    let y = s.row_y(actor) - 12.0;
    let waiting = m.orders.iter().filter(|(_, o)| o.waits);
    let room = ((axis.x1 - axis.x0 - 20.0) / 9.0) as usize;
    for (i, (id, _)) in waiting.take(room).enumerate() {
        scene.particle(axis.x1 - 6.0 - i as f32 * 9.0, y, Glyph::Ring, Tone::Waiting, 4.0, Some(*id));
    }
    if m.tally.blocked > 0 && m.mode != Mode::TwoPhase {
        lock_sign(scene, axis.x1 - 12.0 - (m.tally.blocked as f32).min(room as f32) * 9.0, y, Tone::Waiting, true);
    }
}

/// Whether the work that ended here came to nothing: its sign is the failure's.
fn failed_there(m: &SagaConsistency, order: u32, node: u8, at: Us, body: Body) -> bool {
    m.marks.iter().any(|k| {
        let here = k.order == order && k.node == node && k.to == at;
        here && match (k.kind, body) {
            (SpanKind::Failed(Body::Declined(declined)), Body::Do(step)) => declined == step,
            (SpanKind::Failed(failed), _) => failed == body,
            (SpanKind::NoEffect(_), _) => true,
            _ => false,
        }
    })
}

/// How many orders are in each state in between, and how long the oldest has been on its way.
fn states(scene: &mut Scene, m: &SagaConsistency, area: Area, now: Us, rows_max: usize) {
    let title = if area.w < 200.0 { "In between" } else { "Orders in between, oldest" };
    scene.text(area.x, area.y + 13.0, 13.0, title).bold().fit(area.w);
    let mut y = area.y + 24.0;
    let mut drawn = 0;
    let rows = m.by_state();
    let names = if area.w < 200.0 { STATES_SHORT } else { STATES };
    // The worst states first, where there is little room.
    for i in (0..STATES.len()).rev() {
        let (count, oldest) = rows[i];
        if count == 0 || drawn == rows_max || y + 14.0 > area.bottom() + 2.0 {
            continue;
        }
        let (outcome, tone) = match i {
            6 => (Outcome::Rejected, Tone::Rejected),
            5 | 4 => (Outcome::Waiting, Tone::Waiting),
            3 => (Outcome::Undo, Tone::Undo),
            _ => (Outcome::Flight, Tone::Ink2),
        };
        scene.outcome(area.x + 5.0, y + 7.0, outcome, 5.0);
        let age = now.since(oldest);
        let value = scene
            .text(area.right(), y + 11.0, 12.0, format_args!("{count} · {}", number::duration_us(age.0)))
            .mono()
            .end()
            .fit(area.w * 0.55)
            .text_width();
        scene.text(area.x + 15.0, y + 11.0, 12.0, names[i]).tone(tone).fit(area.w - value - 22.0);
        y += 17.0;
        drawn += 1;
    }
    if drawn == 0 {
        scene.text(area.x, y + 11.0, 12.0, "none").tone(Tone::Ink3);
    }
}

/// The ledger over all four databases.
fn money(scene: &mut Scene, m: &SagaConsistency, area: Area, now: Us, short: bool) {
    let euros = |cents: u64| format!("{}.{:02}", cents / 100, cents % 100);
    let charged = euros(m.charged_cents);
    let refunded = euros(m.refunded_cents);
    let settled = m.settled_cents();
    let balance = m.charged_cents as i64 - m.refunded_cents as i64 - settled as i64;
    let open = format!("{}{}", if balance < 0 { "-" } else { "" }, euros(balance.unsigned_abs()));
    let units = format!("{} / {}", m.reserved.iter().sum::<u32>(), m.shipped.iter().sum::<u32>());
    let done = euros(settled);
    let lag = format!("{}", number::duration_us(m.feed_lag(now).0));
    let tone = if balance == 0 { Tone::Ok } else { Tone::Waiting };
    let line = |label, value, tone, strong| Line { label, value, tone, strong };
    if short {
        let lines = [
            line(&"Charged", &charged as &dyn std::fmt::Display, Tone::Ink, false),
            line(&"Refunded", &refunded, Tone::Undo, false),
            line(&"Not settled yet", &open, tone, true),
        ];
        ledger(scene, &Ledger { area, title: "", lines: &lines });
    } else {
        let lines = [
            line(&"Charged, EUR", &charged as &dyn std::fmt::Display, Tone::Ink, false),
            line(&"Refunded", &refunded, Tone::Undo, false),
            line(&"Completed orders", &done, Tone::Ink, false),
            line(&"Not settled yet", &open, tone, true),
            line(&"Units reserved / shipped", &units, Tone::Ink, false),
            line(&"Read model behind", &lag, Tone::Ink, false),
        ];
        ledger(scene, &Ledger { area, title: if area.h > 130.0 { "Ledger" } else { "" }, lines: &lines });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draw::{check, svg};
    use sim::{Input, Kind, RunValue, What, golden};

    fn views() -> [View; 4] {
        let side = |side, view| View { side, ..view };
        [
            View::wide(HEIGHTS.wide),
            View::narrow(HEIGHTS.narrow),
            side(Side::A, View::wide(HEIGHTS.wide_ab)),
            side(Side::B, View::narrow(HEIGHTS.narrow_ab)),
        ]
    }

    fn picture(live: &dyn Live, view: View) -> (String, Vec<String>) {
        let view = view.at(live.moment().at.0);
        let mut scene = Scene::new();
        scene.begin(&view);
        draw(live, &view, &mut scene);
        (svg::fragment(&scene, ""), check::text_problems(&scene))
    }

    #[test]
    fn every_mode_can_be_drawn() {
        let q = &sim::questions::saga_consistency::QUESTION;
        for (i, k) in q.knobs.iter().enumerate() {
            if !matches!(k.kind, Kind::Choice(_) | Kind::Toggle) {
                continue;
            }
            for v in 0..=k.max as usize {
                let mut value = golden::value(q, 1);
                value.knobs.set(i as u8, v as f64);
                let mut run = q.run(value);
                for s in [0, 2, 9, 20] {
                    run.advance(Us::s(s), u64::MAX);
                    for mut view in views() {
                        let m = run.model().downcast_ref::<SagaConsistency>().unwrap();
                        for selected in [None, m.recent.back().copied()] {
                            view.selected = selected;
                            let (text, problems) = picture(&*run, view);
                            assert!(text.contains("<line"), "{}={v}", k.key);
                            assert!(problems.is_empty(), "{}={v} at {s} s, {view:?}: {problems:#?}", k.key);
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn the_lock_in_doubt_is_in_words() {
        let q = &sim::questions::saga_consistency::QUESTION;
        let mut value = RunValue::new(q);
        value.knobs.set(q.knob("mode").unwrap(), 1.0);
        let kill = What::Act { act: q.act("kill_after_votes").unwrap(), args: [1.0, 0.0, 0.0] };
        value.inputs.push(Input { at: Us::s(2), what: kill });
        let mut run = q.run(value);
        run.advance(Us::s(20), u64::MAX);
        for view in views() {
            let (text, _) = picture(&*run, view);
            assert!(text.contains("in doubt"), "{text}");
        }
    }
}
