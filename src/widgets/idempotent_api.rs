//! The picture of the idempotency question: the attempts of one payment as a sequence diagram, the row that the server
//! keeps for its key, and the customer's statement.

use super::seen::Seen;
use super::{Heights, Picture};
use crate::draw::ledger::{Ledger, Line, ledger};
use crate::draw::swim::{Actor, Lock, Message, Step, Swim, busy, lock, message, step, swim};
use crate::draw::topology::NodeState;
use crate::draw::{Area, Hit, Outcome, Placer, Scene, Side, Tone, View, Words, number};
use sim::decimal::fixed;
use sim::questions::idempotent_api::{
    Answer, Body, CHARGED, IdempotentApi, Intent, Known, Mode, NODE_A, PROVIDER, STORE, Said, Sign, answer_name, knob,
    point_name,
};
use sim::{Live, Us};

pub static PICTURE: Picture = Picture {
    slug: "idempotent-api",
    height: Heights { wide: 312.0, narrow: 440.0, wide_ab: 208.0, narrow_ab: 330.0 },
    draw,
};

/// How much of the past the rolling window shows.
const ROLLING: Us = Us::s(4);
/// A silence longer than this ends a story: what came before it is not shown any more.
const SILENCE: Us = Us::ms(2_700);
/// How long the diagram stays with one payment while others come and go.
const STAY: Us = Us::s(3);

type Seeing<'a> = Seen<'a, IdempotentApi>;

fn draw(live: &dyn Live, view: &View, scene: &mut Scene) {
    Seen::<IdempotentApi>::draw(live, view, scene, [Seen::wide, Seen::narrow, Seen::wide_side, Seen::narrow_side]);
}

/// The stretch of time to show, and the payment that it is about.
struct Window {
    from: Us,
    to: Us,
    focus: Option<u32>,
    /// Nothing but the focus is spelled out, as others come all the time.
    rolling: bool,
}

impl Seeing<'_> {
    fn wide(&self, scene: &mut Scene) {
        let right = 236.0;
        let w = self.headline(scene, self.view.width - right - 40.0);
        let area = Area::new(12.0, 24.0, self.view.width - right - 40.0, self.view.height - 30.0);
        self.sequence(scene, &w, area, 88.0);
        let side = Area::new(self.view.width - right - 12.0, 4.0, right, self.view.height - 8.0);
        let h = self.row(scene, &w, side, true);
        self.statement(scene, &w, Area { y: side.y + h + 8.0, h: side.h - h - 8.0, ..side }, true);
    }

    fn wide_side(&self, scene: &mut Scene) {
        let right = 236.0;
        let w = self.headline(scene, self.view.width - right - 40.0);
        let area = Area::new(12.0, 20.0, self.view.width - right - 40.0, self.view.height - 22.0);
        self.sequence(scene, &w, area, 88.0);
        let side = Area::new(self.view.width - right - 12.0, 2.0, right, self.view.height - 4.0);
        let h = self.row(scene, &w, side, false);
        self.statement(scene, &w, Area { y: side.y + h + 4.0, h: side.h - h - 4.0, ..side }, true);
    }

    fn narrow(&self, scene: &mut Scene) {
        self.stacked(scene, 132.0);
    }

    fn narrow_side(&self, scene: &mut Scene) {
        self.stacked(scene, 90.0);
    }

    /// The tables below the diagram.
    fn stacked(&self, scene: &mut Scene, below: f32) {
        let w = self.headline(scene, self.view.width - 16.0);
        let area = Area::new(8.0, 22.0, self.view.width - 16.0, self.view.height - below - 28.0);
        self.sequence(scene, &w, area, 0.0);
        let tables = Area::new(8.0, self.view.height - below, self.view.width - 16.0, below - 2.0);
        self.row(scene, &w, tables.col(0, 2, 16.0), below > 100.0);
        self.statement(scene, &w, tables.col(1, 2, 16.0), false);
    }

    fn focus(&self, w: &Window) -> Option<&Intent> {
        w.focus.and_then(|no| self.model.intent(no))
    }

    /// The mode, and the one thing to look at.
    fn headline(&self, scene: &mut Scene, room: f32) -> Window {
        let m = self.model;
        let mode = match m.mode {
            Mode::NoKey => "No key",
            Mode::CheckThenStore => "Check, then store",
            Mode::ReserveFirst => "Reserve first",
            Mode::RecoveryPoints => "Recovery points",
            Mode::ProviderKey => "With the provider's key",
        };
        let side = match self.view.side {
            Side::Only => "",
            Side::A => "A  ",
            Side::B => "B  ",
        };
        let x = if self.view.narrow { 8.0 } else { 12.0 };
        let name = scene.text(x, 15.0, 13.0, format_args!("{side}{mode}")).bold().fit(room).text_width();
        let w = self.window();
        let rest = room - name - 12.0;
        if rest < 50.0 {
            return w;
        }
        let (words, tone) = self.moment(&w);
        scene.text(x + name + 12.0, 15.0, 12.0, words).tone(tone).fit(rest);
        w
    }

    fn moment(&self, w: &Window) -> (String, Tone) {
        let t = &self.model.tally;
        if w.rolling {
            let twice = t.charges - t.charged_intents;
            return match (t.unresolved, twice) {
                (0, 0) => (format!("{} charges, none twice", t.charges), Tone::Ink3),
                (n, 0) => (format!("{n} unresolved, none charged twice"), Tone::Waiting),
                (_, n) => (format!("{n} charges too many"), Tone::Rejected),
            };
        }
        let Some(i) = self.focus(w) else { return ("click to pay".to_string(), Tone::Ink3) };
        match (i.charges, i.known) {
            (2, _) => ("charged twice".to_string(), Tone::Rejected),
            (3.., _) => (format!("charged {} times", i.charges), Tone::Rejected),
            (_, Known::Unresolved) => ("the client does not know".to_string(), Tone::Waiting),
            (1, Known::NotYet) => ("charged, the client has not heard".to_string(), Tone::Waiting),
            (_, Known::NotYet) => ("not charged yet".to_string(), Tone::Ink3),
            (_, Known::Paid) if i.heard.is_some_and(|r| r.cents != i.cents) => {
                ("told that another amount is paid".to_string(), Tone::Rejected)
            }
            (_, Known::Paid) => ("charged once, and known".to_string(), Tone::Ok),
            (_, Known::Declined) => ("declined, and known".to_string(), Tone::Ink3),
            (_, Known::Refused) => ("refused, nothing charged".to_string(), Tone::Ok),
        }
    }

    fn window(&self) -> Window {
        let (m, now) = (self.model, self.now);
        let selected = self.view.selected.filter(|no| m.intent(*no).is_some());
        let rolling = selected.is_none() && self.live.knobs().get(knob::RATE) >= 1.0;
        let newest = m.recent.back().copied();
        if rolling {
            // What something happened to stays in sight for a while.
            let seen = |no: &u32| m.flights.iter().any(|f| f.msg.intent == *no && now.since(f.sent) < ROLLING);
            let trouble = Some(m.notable).filter(|no| seen(no) && m.intent(*no).is_some());
            let since = now - Us(now.0 % STAY.0) - Us::ms(600);
            let turn = || m.recent.iter().copied().find(|no| m.intent(*no).is_some_and(|i| i.at >= since));
            let focus = trouble.or_else(turn).or(newest);
            return Window { from: now - ROLLING, to: now.max(ROLLING), focus, rolling };
        }
        let focus = selected.or(m.mine).or(newest);
        // Back to the last silence.
        let mut from = now;
        let told = |no: u32| selected.is_none_or(|s| s == no);
        let mut began = None;
        for f in m.flights.iter().rev().filter(|f| told(f.msg.intent)) {
            if from.since(f.due.max(f.sent)) > SILENCE && began.is_some() {
                break;
            }
            from = from.min(f.sent);
            began = Some(from);
        }
        let from = began.unwrap_or(now).max(now - Us::s(14));
        let elapsed = now.since(from).0;
        let spans = [600, 1_000, 1_500, 2_000, 3_000, 4_000, 6_000, 8_000, 11_000, 15_000].map(Us::ms);
        let span = spans.into_iter().find(|s| s.0 * 24 / 25 >= elapsed).unwrap_or(Us::s(15));
        // Room at the left, so that the first arrows keep off the names.
        let pad = Us(span.0 / if self.view.narrow { 6 } else { 30 });
        Window { from: from - pad, to: from + span, focus, rolling }
    }

    fn sequence(&self, scene: &mut Scene, w: &Window, area: Area, label_w: f32) {
        let m = self.model;
        let state = |n: usize| if m.up[n] { NodeState::Up } else { NodeState::Down };
        let place = match (m.mode, m.cached) {
            (Mode::NoKey, _) => "not used",
            (_, true) => "cache",
            _ => "database",
        };
        let with = if m.mode == Mode::ProviderKey { "has keys" } else { "no keys" };
        let actor = |name, note, state| Actor { name, note, state, hit: None };
        let actors = [
            actor("Client", &"" as Words<'_>, NodeState::Up),
            actor("Node A", &"", state(0)),
            actor("Node B", &"", state(1)),
            actor("Key store", &place, NodeState::Up),
            actor("Provider", &with, NodeState::Up),
        ];
        let s = Swim { area, t0_us: w.from.0, t1_us: w.to.0, now_us: self.now.0, actors: &actors, label_w };
        let mine = |no: u32| !w.rolling || w.focus == Some(no);
        swim(scene, &s, |scene, placer| {
            self.work(scene, &s);
            if let Some(focus) = w.focus.filter(|_| !matches!(m.mode, Mode::NoKey | Mode::CheckThenStore)) {
                self.claims(scene, &s, placer, focus, area.h / 5.0 > 44.0);
            }
            for f in m.flights.iter().filter(|f| f.lost || mine(f.msg.intent)) {
                let (from, to) = f.msg.ends();
                let (outcome, words) = self.said(f.msg.body, f.msg.attempt);
                // What is no outcome is said at the client, where there is room for it.
                let refusal = matches!(f.msg.body, Body::Answer(a) if !matches!(a, Answer::Outcome { .. }));
                let label = match (f.lost, mine(f.msg.intent)) {
                    (true, true) => format!("lost: {words}"),
                    (false, true) if !refusal => words,
                    _ => String::new(),
                };
                let m = Message {
                    from: from as usize,
                    to: to as usize,
                    sent_us: f.sent.0,
                    arrive_us: f.due.0,
                    outcome,
                    lost: f.lost,
                    label: &label,
                    hit: Some(Hit::Request(f.msg.intent)),
                };
                message(scene, &s, placer, &m);
            }
            for k in m.marks.iter().filter(|k| k.to <= self.now && k.to >= w.from) {
                let no = k.intent;
                let ours = mine(no) || no == sim::Line::NO_REQUEST;
                let Some((outcome, words)) = self.happened(k.sign) else { continue };
                // Of the others: what they were charged, and what went wrong.
                if !ours && k.actor != PROVIDER && outcome != Outcome::Rejected {
                    continue;
                }
                if let Some(node) = k.node.filter(|_| ours) {
                    let x = s.axis().x_clamped(k.to.0);
                    let (y0, y1) = (s.row_y((NODE_A + node) as usize), s.row_y(STORE as usize));
                    scene.line(x, y0, x, y1).stroke(Tone::Ink3).width(1.0);
                }
                let label = if ours || matches!(k.sign, Sign::Crashed(_)) { words } else { String::new() };
                let hit = (no != sim::Line::NO_REQUEST).then_some(Hit::Request(no));
                step(scene, &s, placer, &Step { actor: k.actor as usize, at_us: k.to.0, outcome, label: &label, hit });
            }
        });
    }

    /// Stretches of work, and nodes that are down.
    fn work(&self, scene: &mut Scene, s: &Swim<'_>) {
        let m = self.model;
        for k in &m.marks {
            let tone = match k.sign {
                Sign::Busy => Tone::Flight,
                Sign::Down => Tone::Rejected,
                _ => continue,
            };
            busy(scene, s, k.actor as usize, k.from.0, Some(k.to.0), tone);
        }
        for node in 0..2u8 {
            let actor = (NODE_A + node) as usize;
            for (_, since) in m.in_hand(node) {
                busy(scene, s, actor, since.0, None, Tone::Flight);
            }
            if !m.up[node as usize] {
                busy(scene, s, actor, m.down_since[node as usize].0, None, Tone::Rejected);
            }
        }
    }

    /// How long the key of the payment in focus has been claimed, and by which attempt's work.
    fn claims(&self, scene: &mut Scene, s: &Swim<'_>, placer: &mut Placer, focus: u32, roomy: bool) {
        let mut taken = None;
        let mut bar = |scene: &mut Scene, from: Us, to: Option<Us>| {
            if roomy {
                let l =
                    Lock { actor: STORE as usize, taken_us: from.0, released_us: to.map(|t| t.0), holder: &"claimed" };
                lock(scene, s, placer, &l);
            } else {
                let tone = if to.is_none() { Tone::Waiting } else { Tone::Ink3 };
                busy(scene, s, STORE as usize, from.0, to.map(|t| t.0), tone);
            }
        };
        for k in self.model.marks.iter().filter(|k| k.to <= self.now) {
            let ours = k.intent == focus;
            match k.sign {
                Sign::Claimed if ours => taken = Some(k.to),
                Sign::Saved | Sign::FailedOver | Sign::Expired if ours || k.intent == sim::Line::NO_REQUEST => {
                    if let Some(from) = taken.take() {
                        bar(scene, from, Some(k.to));
                    }
                }
                _ => {}
            }
        }
        if let Some(from) = taken {
            bar(scene, from, None);
        }
    }

    /// A message in words.
    fn said(&self, body: Body, attempt: u16) -> (Outcome, String) {
        match body {
            Body::Request => (Outcome::Flight, format!("attempt {attempt}")),
            Body::Call => (Outcome::Flight, "charge".to_string()),
            Body::Result(Said::Outcome { reply, .. }) if reply.paid() => (Outcome::Ok, "yes".to_string()),
            Body::Result(Said::Outcome { .. }) => (Outcome::Rejected, "no".to_string()),
            Body::Result(Said::AtWork) => (Outcome::Waiting, "at work".to_string()),
            Body::Result(Said::Mismatch) => (Outcome::Rejected, "other payload".to_string()),
            Body::Answer(answer) => {
                let outcome = match answer {
                    Answer::Outcome { reply, .. } if reply.paid() => Outcome::Ok,
                    Answer::InProgress | Answer::Unknown | Answer::Busy => Outcome::Waiting,
                    _ => Outcome::Rejected,
                };
                (outcome, answer_name(self.model, answer))
            }
        }
    }

    /// A sign in words; `None` for stretches, which are bars, and for what a message has said already.
    fn happened(&self, sign: Sign) -> Option<(Outcome, String)> {
        let (outcome, words) = match sign {
            Sign::Busy | Sign::Down | Sign::Hears(Answer::Outcome { .. }) => return None,
            Sign::Hears(answer) => return Some(self.said(Body::Answer(answer), 0)),
            Sign::Nothing => (Outcome::Waiting, "nothing there"),
            Sign::Claimed => (Outcome::Ok, "claimed"),
            Sign::TakenOver(from) if from >= CHARGED => (Outcome::Ok, "goes on after the charge"),
            Sign::TakenOver(_) => (Outcome::Waiting, "goes on from the start"),
            Sign::Found => (Outcome::Ok, "saved reply"),
            Sign::InProgress => (Outcome::Waiting, "at work"),
            Sign::Mismatch => (Outcome::Rejected, "other payload"),
            Sign::Point => (Outcome::Ok, "point: charged"),
            Sign::Saved => (Outcome::Ok, "reply saved"),
            Sign::NotOwner => (Outcome::Rejected, "not its key"),
            Sign::FailedOver => (Outcome::Rejected, "failover"),
            Sign::Expired => (Outcome::Rejected, "keys expired"),
            Sign::Recorded => (Outcome::Ok, "committed"),
            Sign::Crashed(step) => return Some((Outcome::Rejected, format!("crash at {step}"))),
            Sign::Gone => (Outcome::Rejected, "nobody there"),
            Sign::Charge(1) => (Outcome::Ok, "charged"),
            Sign::Charge(_) => (Outcome::Rejected, "charged again"),
            Sign::Declined => (Outcome::Stale, "declined"),
            Sign::Recognised => (Outcome::Ok, "seen before"),
            Sign::Timeout => (Outcome::Waiting, "timeout"),
            Sign::GaveUp => (Outcome::Rejected, "gives up"),
        };
        Some((outcome, words.to_string()))
    }

    /// The row of the key store for the payment in focus. Returns the height used.
    fn row(&self, scene: &mut Scene, w: &Window, area: Area, full: bool) -> f32 {
        let (m, now) = (self.model, self.now);
        let Some(i) = self.focus(w) else {
            scene.text(area.x, area.y + 13.0, 13.0, "Key row").bold();
            scene.text(area.x, area.y + 36.0, 12.0, "no payment yet").tone(Tone::Ink3);
            return 50.0;
        };
        let title = if m.mode == Mode::NoKey {
            "No key is kept".to_string()
        } else {
            match self.view.narrow {
                true => format!("Row of key {}", i.key),
                false => format!("Row of customer {}, key {}", i.customer, i.key),
            }
        };
        let row = m.row(i, now);
        let (state, tone, print, point, lease) = match row {
            None => ("no row", Tone::Ink3, "-".to_string(), "-", "-".to_string()),
            Some(r) => {
                let print = hex(r.fingerprint);
                let left = r.lease_until.since(now);
                let (state, tone) = match r.result {
                    Some(reply) if r.finished() => (if reply.paid() { "200, saved" } else { "402, saved" }, Tone::Ok),
                    _ if left == Us::ZERO => ("free to take over", Tone::Waiting),
                    _ => ("in progress", Tone::Waiting),
                };
                let lease = match (r.finished(), r.lease_until) {
                    (true, _) => "-".to_string(),
                    (false, Us::MAX) => "none".to_string(),
                    (false, _) if left == Us::ZERO => "lapsed".to_string(),
                    (false, _) => number::duration_us(left.0).to_string(),
                };
                (state, tone, print, point_name(r.point), lease)
            }
        };
        let theirs = match m.provider.get(i.id(), now) {
            _ if m.mode != Mode::ProviderKey => "no keys",
            None => "no row",
            Some(r) if r.finished() => "saved",
            Some(_) => "at work",
        };
        let line = |label, value, tone| Line { label, value, tone, strong: false };
        let mut lines = vec![line(&"State" as Words<'_>, &state as Words<'_>, tone)];
        if full {
            lines.push(line(&"Fingerprint", &print, Tone::Ink));
        }
        lines.push(line(&"Recovery point", &point, Tone::Ink));
        lines.push(line(&"Lease", &lease, Tone::Ink));
        if full {
            lines.push(line(&"Provider", &theirs, Tone::Ink));
        }
        let h = crate::draw::ledger::height(lines.len(), true);
        ledger(scene, &Ledger { area: Area { h, ..area }, title: &title, lines: &lines });
        h
    }

    /// What the customer finds on the statement.
    fn statement(&self, scene: &mut Scene, w: &Window, area: Area, titled: bool) {
        let m = self.model;
        let customer = self.focus(w).map(|i| i.customer);
        let entries: Vec<_> = m.statement.iter().filter(|e| Some(e.customer) == customer).collect();
        let sum =
            |twice: bool| -> u64 { entries.iter().filter(|e| !twice || e.nth > 1).map(|e| u64::from(e.cents)).sum() };
        let (all, twice) = (sum(false), sum(true));
        let title = match customer {
            Some(c) if titled => format!("Statement of customer {c}"),
            _ => "Statement, EUR".to_string(),
        };
        let room = ((area.h - 28.0) / 20.0) as usize;
        let shown = entries.len().min(room.saturating_sub(if twice > 0 { 2 } else { 1 }));
        let texts: Vec<(String, String, bool)> = entries[entries.len() - shown..]
            .iter()
            .map(|e| {
                let again = if e.nth > 1 { ", again" } else { "" };
                (format!("payment {}{again}", e.intent), euros(e.cents.into()), e.nth > 1)
            })
            .collect();
        let mut lines: Vec<Line<'_>> = texts
            .iter()
            .map(|(label, value, again)| Line {
                label,
                value,
                tone: if *again { Tone::Rejected } else { Tone::Ink },
                strong: false,
            })
            .collect();
        let (all, twice_text) = (euros(all), euros(twice));
        lines.push(Line { label: &"Charged", value: &all, tone: Tone::Ink, strong: true });
        if twice > 0 {
            lines.push(Line { label: &"Too much", value: &twice_text, tone: Tone::Rejected, strong: true });
        }
        ledger(scene, &Ledger { area, title: &title, lines: &lines });
    }
}

fn euros(cents: u64) -> String {
    fixed(cents as f64 / 100.0, 2).to_string()
}

/// The first eight digits of a fingerprint.
fn hex(print: u64) -> String {
    (0..8).map(|i| char::from(b"0123456789abcdef"[(print >> (60 - 4 * i) & 15) as usize])).collect()
}

#[cfg(test)]
mod tests {
    use super::super::check;
    use super::*;
    use sim::questions::idempotent_api::QUESTION;

    #[test]
    fn every_choice_can_be_drawn() {
        let at = [0, 1_100, 2_030, 3_500, 7_000, 9_000, 12_000, 20_000];
        for rate in [0.0, 2.0, 30.0] {
            check::choices(&PICTURE, &QUESTION, &["mismatch"], &[("rate", rate)], &at, &["Client", "Provider"]);
        }
    }

    #[test]
    fn a_double_click_in_words() {
        let value = |mode| check::value(&QUESTION, &[("mode", mode), ("rate", "0")], &["100ms pay_twice"]);
        check::stages(&PICTURE, value("check-then-store"), &[1_000], &["charged again", "Too much", "19.00"]);
        check::stages(&PICTURE, value("recovery-points"), &[300], &["409 in progress", "attempt 1", "started"]);
        check::stages(&PICTURE, value("recovery-points"), &[2_000], &["200, saved", "charged once, and known"]);
    }
}
