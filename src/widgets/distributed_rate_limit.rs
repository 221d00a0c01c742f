//! The picture of the shared limit: nodes, the code they run line by line, the store's keys with
//! what is left of their lives, and below what became of the requests.
//!
//! Lines of one atomic step share a frame; between two frames a node can die, and where one did is
//! marked there. A key's bar is its time to live: a key that will never expire has a bar that is
//! full and red. In the lanes what went through stands above the line, what was refused hangs below.

use super::seen::Seen;
use super::{Heights, Picture as Entry};
use crate::draw::lanes::{Bracket, bracket};
use crate::draw::number::{count, duration_us};
use crate::draw::{Area, Dash, Glyph, Hit, Outcome, Scene, Side, TimeAxis, Tone, View, key};
use sim::blocks::limit_code::IN_NODE;
use sim::questions::distributed_rate_limit::{
    By, DistributedLimit, Fate, Mark, Mode, Verdict, declare::act, tenths, user_name,
};
use sim::{Live, What};

const HEIGHTS: Heights = Heights { wide: 304.0, narrow: 436.0, wide_ab: 186.0, narrow_ab: 262.0 };

pub static PICTURE: Entry = Entry { slug: "distributed-rate-limit", height: HEIGHTS, draw };

/// Part of the axis that lies in the past once the run is longer than the axis.
const PAST: f64 = 0.86;
/// Width of a column of marks.
const BIN: f32 = 5.0;
/// More marks than this in one column look like this many, closer together.
const COLUMN_MAX: usize = 12;
fn draw(live: &dyn Live, view: &View, scene: &mut Scene) {
    Seen::<DistributedLimit>::draw(live, view, scene, [Seen::wide, Seen::narrow, Seen::wide_side, Seen::narrow_side]);
}

/// Where the two lanes lie.
struct Lanes {
    axis: TimeAxis,
    top: f32,
    /// The abuser's line and how far its columns reach up and down; the same for all others.
    first: (f32, f32, f32),
    second: (f32, f32, f32),
    bottom: f32,
}

impl Seen<'_, DistributedLimit> {
    fn wide(&self, scene: &mut Scene) {
        self.nodes(scene, Area::new(12.0, 8.0, 156.0, 140.0));
        scene.arrow((172.0, 78.0), (184.0, 78.0), Tone::Ink3);
        self.code(scene, Area::new(190.0, 8.0, 222.0, 140.0));
        if self.has_store() {
            scene.arrow((416.0, 78.0), (428.0, 78.0), if self.is_down() { Tone::Rejected } else { Tone::Ink3 });
        }
        self.store(scene, Area::new(434.0, 8.0, 230.0, 140.0), 4);
        let h = self.view.height;
        let lanes = Lanes {
            axis: self.axis(122.0, 582.0),
            top: 158.0,
            first: (200.0, 34.0, 22.0),
            second: (262.0, 16.0, 12.0),
            bottom: h - 24.0,
        };
        self.lanes(scene, &lanes);
        self.labels(scene, 14.0, 104.0, &lanes);
        self.totals(scene, 664.0, &lanes);
        self.inspector(scene, Area::new(674.0, 8.0, 178.0, h - 16.0));
    }

    fn narrow(&self, scene: &mut Scene) {
        self.code(scene, Area::new(8.0, 4.0, 212.0, 112.0));
        self.nodes(scene, Area::new(228.0, 4.0, 154.0, 112.0));
        self.store(scene, Area::new(8.0, 122.0, 374.0, 84.0), 2);
        let h = self.view.height;
        let lanes = Lanes {
            axis: self.axis(12.0, 378.0),
            top: 212.0,
            first: (262.0, 28.0, 18.0),
            second: (340.0, 14.0, 10.0),
            bottom: h - 84.0,
        };
        self.lanes(scene, &lanes);
        self.names_above(scene, 12.0, 378.0, &lanes);
        self.answer_lines(scene, 12.0, h - 48.0, 366.0);
    }

    fn wide_side(&self, scene: &mut Scene) {
        self.code(scene, Area::new(10.0, 6.0, 214.0, 116.0));
        self.strip(scene, Area::new(10.0, 128.0, 214.0, 52.0));
        self.store(scene, Area::new(234.0, 6.0, 190.0, 174.0), 5);
        let h = self.view.height;
        let lanes = Lanes {
            axis: self.axis(440.0, 850.0),
            top: 6.0,
            first: (62.0, 34.0, 22.0),
            second: (140.0, 14.0, 10.0),
            bottom: h - 26.0,
        };
        self.lanes(scene, &lanes);
        self.names_above(scene, 440.0, 850.0, &lanes);
    }

    fn narrow_side(&self, scene: &mut Scene) {
        self.code(scene, Area::new(8.0, 4.0, 204.0, 106.0));
        self.store(scene, Area::new(220.0, 4.0, 162.0, 72.0), 1);
        self.strip(scene, Area::new(220.0, 80.0, 162.0, 30.0));
        let h = self.view.height;
        let lanes = Lanes {
            axis: self.axis(12.0, 378.0),
            top: 116.0,
            first: (162.0, 26.0, 16.0),
            second: (232.0, 12.0, 8.0),
            bottom: h - 22.0,
        };
        self.lanes(scene, &lanes);
        self.names_above(scene, 12.0, 378.0, &lanes);
    }

    fn has_store(&self) -> bool {
        self.model.mode.asks() || self.model.mode == Mode::Async
    }

    fn is_down(&self) -> bool {
        self.model.store_down_until().is_some()
    }

    fn letter(&self) -> &'static str {
        match self.view.side {
            Side::Only => "",
            Side::A => "A  ",
            Side::B => "B  ",
        }
    }

    /// Two windows and a bit, or as much as is remembered; in steps, so that it does not breathe.
    fn axis(&self, x0: f32, x1: f32) -> TimeAxis {
        let m = self.model;
        let mut span = m.users[0].policy.window.0 as f64 * 2.4;
        let full = m.recent.len() == sim::questions::distributed_rate_limit::RECENT_MAX;
        if let Some(oldest) = m.recent.front().filter(|_| full) {
            let known = (self.now - oldest.at).0 as f64 / PAST;
            let mut step = 1e6;
            while step * 1.5 <= known {
                step *= 1.5;
            }
            span = span.min(step);
        }
        let span = span.clamp(1e6, 150e6);
        let t0 = (self.view.now_us as f64 - span * PAST).max(0.0);
        TimeAxis::new(x0, x1, t0 as u64, (t0 + span) as u64)
    }

    /// The program, with a frame around the lines of each atomic step.
    fn code(&self, scene: &mut Scene, a: Area) {
        let m = self.model;
        scene.rect(a.x, a.y, a.w, a.h).round(8.0).fill(Tone::Panel).stroke(Tone::Line).width(1.0);
        let title = format_args!("{}{}", self.letter(), m.mode.name()).to_string();
        scene.text(a.x + 10.0, a.y + 17.0, 13.0, title).bold().fit(a.w - 18.0);
        let scripted = matches!(m.mode, Mode::Script | Mode::Local | Mode::Split);
        let mut top = a.y + 26.0;
        if scripted && a.h > 120.0 {
            scene.text(a.x + 10.0, a.y + 32.0, 11.0, m.algorithm_name()).tone(Tone::Ink3).fit(a.w - 18.0);
            top += 14.0;
        }
        let lines = m.listing();
        let crash = m.crash.filter(|c| m.mode.asks() || c.line == 0);
        let note = if crash.is_some() || m.trap().is_some() { 18.0 } else { 0.0 };
        let step = ((a.bottom() - top - note - 4.0) / lines.len() as f32).min(20.0);
        let (x, w) = (a.x + 10.0, a.w - 20.0);
        // One frame for each step that the store makes at once.
        let mut i = 0;
        while i < lines.len() {
            let n = lines[i..].iter().take_while(|l| l.1 == lines[i].1).count();
            if lines[i].1 != IN_NODE {
                let y = top + step * i as f32;
                scene
                    .rect(x, y + 1.0, w, step * n as f32 - 2.0)
                    .round(4.0)
                    .fill(Tone::Sunk)
                    .stroke(Tone::Flight)
                    .width(1.0);
            }
            i += n;
        }
        for (i, (words, owner)) in lines.iter().enumerate() {
            let y = top + step * (i as f32 + 0.5);
            let at_work = m.last_line.is_some_and(|(line, _)| line == *owner) && m.mode.asks();
            let tone = if at_work || *owner == IN_NODE { Tone::Ink } else { Tone::Ink2 };
            scene.text(x + 8.0, y, 11.0, words).mono().vcenter().tone(tone).fit(w - 12.0);
        }
        let y = a.bottom() - 13.0;
        match (m.trap(), crash) {
            (Some(user), _) => {
                scene.glyph(x + 5.0, y, Glyph::Ring, Tone::Waiting, 4.5);
                let text = format_args!("a crash waits for {}", user_name(user as usize)).to_string();
                scene.text(x + 15.0, y, 11.0, text).vcenter().tone(Tone::Waiting).fit(w - 16.0);
            }
            (None, Some(c)) => {
                scene.glyph(x + 5.0, y, Glyph::Cross, Tone::Rejected, 5.0);
                let place = match m.mode {
                    Mode::IncrExpire => "before EXPIRE",
                    Mode::GetSet => "before SET",
                    Mode::Script => "after the script",
                    _ => "with its counts",
                };
                let text = format_args!("node {} died {place}", c.node + 1).to_string();
                scene.text(x + 15.0, y, 11.0, text).vcenter().bold().tone(Tone::Rejected).fit(w - 16.0);
                // The cut: where the next line was never run.
                if m.mode == Mode::IncrExpire || m.mode == Mode::GetSet {
                    let next = lines.iter().position(|l| l.1 == c.line + 1).unwrap_or(1);
                    let cut = top + step * next as f32;
                    scene.line(a.x + 2.0, cut, a.right() - 2.0, cut).stroke(Tone::Rejected).width(2.0).dash(Dash::Fine);
                }
            }
            _ => {}
        }
    }

    fn node_tone(&self, i: usize) -> (Tone, &'static str) {
        let n = &self.model.nodes[i];
        match () {
            () if !n.up => (Tone::Rejected, "down"),
            () if n.paused_until > self.now => (Tone::Waiting, "paused"),
            () if n.cut => (Tone::Stale, "cut off"),
            () => (Tone::Ink3, "up"),
        }
    }

    /// Each node with what it believes, as far as there is room for words.
    fn nodes(&self, scene: &mut Scene, a: Area) {
        let k = self.model.k();
        let cols = if k <= 4 {
            1
        } else if k <= 8 {
            2
        } else {
            4
        };
        let rows = k.div_ceil(cols).max(4);
        for i in 0..k {
            let cell = a.row(i / cols, rows, 4.0).col(i % cols, cols, 4.0);
            self.node(scene, i, cell);
        }
    }

    fn node(&self, scene: &mut Scene, i: usize, a: Area) {
        let m = self.model;
        let (tone, state) = self.node_tone(i);
        let up = m.nodes[i].up;
        let mut frame = scene.rect(a.x, a.y, a.w, a.h).round(6.0).fill(Tone::Panel).stroke(tone).width(1.2);
        if !up {
            frame = frame.dash(Dash::Dashed);
        }
        frame.hit(Hit::Node(i as u8 + 1)).tip("Click to kill this node");
        let mid = a.cy();
        let believed = m.believed(i, 0, self.now).map(|b| b as u64);
        if a.w < 60.0 {
            scene.text(a.cx(), mid, 11.0, i + 1).middle().vcenter().tone(if up { Tone::Ink } else { tone });
            return;
        }
        let roomy = a.w >= 100.0;
        let name = if roomy { format!("node {}", i + 1) } else { (i + 1).to_string() };
        let name = scene.text(a.x + 8.0, mid, 12.0, name).bold().vcenter().tone(if up { Tone::Ink } else { tone });
        let room = a.w - name.text_width() - 24.0;
        let skew = m.nodes[i].skew / 1_000_000;
        let own = m.own_limit(i, 0);
        let (words, tone) = match (state, believed) {
            ("up", Some(n)) if a.w >= 130.0 => {
                (format!("{n} of {own}"), if n > own { Tone::Rejected } else { Tone::Ink2 })
            }
            ("up", Some(n)) => (n.to_string(), Tone::Ink2),
            ("up", None) if roomy && skew == 0 => (format!("{} decided", count(m.nodes[i].decided)), Tone::Ink3),
            ("up", None) => (String::new(), Tone::Ink3),
            _ => (state.to_string(), tone),
        };
        // A clock that is off says so, where there is room beside a count or nothing to count.
        let clock = match skew {
            _ if state != "up" => String::new(),
            0 => String::new(),
            s if s > 0 => format!("+{s} s"),
            s => format!("\u{2212}{} s", -s),
        };
        let words = if clock.is_empty() || (roomy && !words.is_empty()) {
            [words, clock].join(" ").trim_end().to_string()
        } else {
            clock
        };
        scene.text(a.right() - 8.0, mid, 11.0, words).end().vcenter().tone(tone).fit(room);
    }

    /// The nodes as a row of small tiles with their numbers.
    fn strip(&self, scene: &mut Scene, a: Area) {
        let k = self.model.k();
        if a.h > 40.0 && k <= 4 {
            for i in 0..k {
                self.node(scene, i, a.row(i / 2, 2, 4.0).col(i % 2, 2, 4.0));
            }
            return;
        }
        let rows = k.div_ceil(16);
        for i in 0..k {
            let cell = a.row(i / 16, rows.max(1), 3.0).col(i % 16, k.min(16), 3.0);
            let (tone, state) = self.node_tone(i);
            let mut frame =
                scene.rect(cell.x, cell.y, cell.w, cell.h).round(3.0).fill(Tone::Panel).stroke(tone).width(1.2);
            if !self.model.nodes[i].up {
                frame = frame.dash(Dash::Dashed);
            }
            frame.hit(Hit::Node(i as u8 + 1)).tip(format_args!("node {}: {state}", i + 1));
            if cell.h >= 12.0 && cell.w >= 16.0 {
                let tone = if state == "up" { Tone::Ink2 } else { tone };
                scene.text(cell.cx(), cell.cy(), 11.0, i + 1).middle().vcenter().tone(tone);
            }
        }
    }

    /// The store with its keys, or a word about there being none.
    fn store(&self, scene: &mut Scene, a: Area, rows: usize) {
        let m = self.model;
        let down = self.is_down();
        let mut frame = scene.rect(a.x, a.y, a.w, a.h).round(10.0).fill(Tone::Panel);
        frame = frame.stroke(if down { Tone::Rejected } else { Tone::Ink2 }).width(1.4);
        if down || !self.has_store() {
            frame = frame.dash(Dash::Dashed);
        }
        let _ = frame;
        let (x, w) = (a.x + 12.0, a.w - 24.0);
        if !self.has_store() {
            scene.text(x, a.y + 18.0, 13.0, "No shared store").bold().tone(Tone::Ink3).fit(w);
            let words: &[&str] = if m.mode == Mode::Gateway {
                &["Somebody else counts,", "and exchanges late."]
            } else {
                &["Each node knows only", "what it let through."]
            };
            for (i, line) in words.iter().enumerate().filter(|_| a.h > 60.0) {
                scene.text(x, a.y + 38.0 + 16.0 * i as f32, 12.0, *line).tone(Tone::Ink3).fit(w);
            }
            return;
        }
        // Where there is room for one key only, it is the abuser's.
        let only = rows == 1;
        let name = if only && !down { "The abuser's key" } else { "Store" };
        let title = scene.text(x, a.y + 18.0, 13.0, name).bold();
        let after = title.text_width() + 8.0;
        let (state, tone) = match m.store_down_until() {
            Some(_) if only => ("down".to_string(), Tone::Rejected),
            Some(until) => (format!("down for {}", tenths(until - self.now)), Tone::Rejected),
            None if m.is_slow() => ("slow".to_string(), Tone::Waiting),
            None => (String::new(), Tone::Ink3),
        };
        let caption = if only { "" } else { "time to live" };
        if state.is_empty() {
            scene.text(a.right() - 12.0, a.y + 18.0, 11.0, caption).end().tone(Tone::Ink3).fit(w - after);
        } else {
            scene.text(a.right() - 12.0, a.y + 18.0, 12.0, state).bold().end().tone(tone).fit(w - after);
        }
        // The abuser first, then keys that are stuck, then the rest.
        let present = |u: &usize| self.entry(*u).is_some();
        let all = || (1..m.users.len()).filter(present);
        let stuck = all().filter(|u| self.is_stuck(*u));
        let order: Vec<usize> =
            (0..1).filter(present).chain(stuck).chain(all().filter(|u| !self.is_stuck(*u))).collect();
        let order = if only { order.into_iter().take_while(|u| *u == 0).collect() } else { order };
        let step = ((a.h - 26.0) / rows as f32).min(30.0);
        let shown = if order.len() > rows { rows - usize::from(rows > 2) } else { order.len() };
        for (i, user) in order.iter().take(shown).enumerate() {
            self.key_row(scene, Area::new(x, a.y + 26.0 + step * i as f32, w, step), *user);
        }
        let y = a.y + 26.0 + step * shown as f32 + 13.0;
        if order.is_empty() {
            scene.text(x, y, 12.0, "no key yet").tone(Tone::Ink3);
        } else if shown < order.len() && y < a.bottom() - 4.0 {
            scene.text(x, y, 11.0, format_args!("and {} more keys", order.len() - shown)).tone(Tone::Ink3).fit(w);
        }
    }

    fn entry(&self, user: usize) -> Option<&sim::blocks::limit_store::Entry> {
        self.model.store.peek(self.now, self.model.key_of(user, self.now))
    }

    fn is_stuck(&self, user: usize) -> bool {
        self.entry(user).is_some_and(|e| e.expires.is_none())
    }

    /// One key: whose, how much is used, and the bar of its time to live.
    fn key_row(&self, scene: &mut Scene, a: Area, user: usize) {
        let m = self.model;
        let Some(entry) = self.entry(user) else {
            return;
        };
        let policy = &m.users[user].policy;
        let window = policy.window.0 as f32;
        let (life, words, tone) = match entry.expires {
            Some(at) => ((at - self.now).0 as f32 / window, tenths(at - self.now), Tone::Flight),
            None => (1.0, "never".to_string(), Tone::Rejected),
        };
        let stuck = entry.expires.is_none();
        let base = a.y + 13.0;
        let time = scene.text(a.right(), base, 11.0, words).mono().end();
        let time_w = time.tone(if stuck { Tone::Rejected } else { Tone::Ink3 }).text_width();
        let used = m.counted(user, self.now).map_or(0, |n| n as u64);
        let size = if m.has_bucket() { policy.burst } else { policy.limit };
        let value = format_args!("{}/{}", count(used), count(size)).to_string();
        let tone_used = if used > size { Tone::Rejected } else { Tone::Ink };
        let value = scene.text(a.right() - time_w.max(46.0) - 8.0, base, 11.0, value).mono().end().tone(tone_used);
        let room = a.w - time_w.max(46.0) - 12.0 - value.text_width() - 4.0;
        if room > 30.0 {
            let name = if user == 0 { "abuser".to_string() } else { user_name(user) };
            scene.text(a.x, base, 11.0, name).tone(if user == 0 { Tone::Ink } else { Tone::Ink2 }).fit(room);
        }
        scene.rect(a.x, base + 4.0, a.w, 5.0).round(2.5).fill(Tone::Line);
        scene.rect(a.x, base + 4.0, a.w * life.min(1.0), 5.0).round(2.5).fill(tone);
    }

    /// Both lanes with their edges, their marks and what the fullest window held.
    fn lanes(&self, scene: &mut Scene, l: &Lanes) {
        let axis = &l.axis;
        self.outage(scene, l);
        self.edges(scene, l);
        let x = axis.x_clamped(self.view.now_us);
        scene.line(x, l.top, x, l.bottom).stroke(Tone::Accent).width(1.2).opacity(0.6);
        for (lane, (y, up, down)) in [l.first, l.second].into_iter().enumerate() {
            scene.line(axis.x0, y, axis.x1, y);
            scene
                .rect(axis.x0, y - up, axis.x1 - axis.x0, up + down)
                .hit(Hit::Lane { lane: lane as u8, t0_us: axis.t0_us, t1_us: axis.t1_us })
                .tip("Click to send one request at this moment");
            self.columns(scene, axis, lane, y, up, down);
        }
        self.held(scene, axis, l.first.0 + l.first.2 + 1.0);
        self.handles(scene, axis, l.first.0 + 6.0);
        axis.draw(scene, l.bottom + 4.0);
    }

    /// What the fullest window held once that was too much, else what the last one holds.
    fn held(&self, scene: &mut Scene, axis: &TimeAxis, y: f32) {
        let user = &self.model.users[0];
        let window = user.policy.window;
        // A bucket promises its size on top of the rate.
        let limit = user.policy.limit + if self.model.has_bucket() { user.policy.burst } else { 0 };
        let bounds = (axis.x0, axis.x1);
        let (from, to) = user.window.worst_span();
        let worst = user.window.worst();
        if worst > limit && to.0 >= axis.t0_us {
            let span = if to == from { "one instant".to_string() } else { duration_us((to - from).0).to_string() };
            let words = format!("{} pass within {span}, {} allowed", count(worst), count(limit));
            bracket(
                scene,
                axis,
                y,
                &Bracket { t0_us: from.0, t1_us: to.0, words: &words, tone: Tone::Rejected, bounds },
            );
            return;
        }
        let now = user.window.count(self.now);
        let (words, tone) = match now {
            0 if user.refused > 0 && self.is_stuck(0) => {
                ("locked out: the key never expires".to_string(), Tone::Rejected)
            }
            0 => return,
            n => (format!("{} of {} through in the last {window}", count(n), count(limit)), Tone::Ink3),
        };
        let from = self.view.now_us.saturating_sub(window.0).max(axis.t0_us);
        bracket(scene, axis, y, &Bracket { t0_us: from, t1_us: self.view.now_us, words: &words, tone, bounds });
    }

    /// Where windows end: by the calendar, or when the abuser's key expires.
    fn edges(&self, scene: &mut Scene, l: &Lanes) {
        let m = self.model;
        let axis = &l.axis;
        let mut put = |at: u64, i: u32| {
            if axis.contains(at) && at > 0 {
                let x = axis.x(at);
                scene.line(x, l.top, x, l.bottom).stroke(Tone::Ink3).width(1.0).dash(Dash::Fine).key(key(1, i));
            }
        };
        if m.has_calendar() {
            let w = m.users[0].policy.window.0;
            let first = axis.t0_us / w;
            for i in 0..6 {
                put((first + i) * w, i as u32);
            }
        } else if let Some(at) = self.entry(0).and_then(|e| e.expires).filter(|_| !m.has_bucket()) {
            put(at.0, 0);
        }
    }

    fn outage(&self, scene: &mut Scene, l: &Lanes) {
        if let Some(until) = self.model.store_down_until() {
            let (x0, x1) = (l.axis.x_clamped(self.view.now_us), l.axis.x_clamped(until.0));
            scene.rect(x0, l.top, x1 - x0, l.bottom - l.top).fill(Tone::Stale).opacity(0.18);
        }
    }

    /// One lane's marks as columns: through upwards, refused and lost downwards.
    fn columns(&self, scene: &mut Scene, axis: &TimeAxis, lane: usize, y: f32, up: f32, down: f32) {
        let width = f64::from(axis.x1 - axis.x0);
        let bin_us = ((axis.t1_us - axis.t0_us) as f64 * f64::from(BIN) / width).max(1.0) as u64;
        let shown = |m: &&Mark| (m.user > 0) as usize == lane && axis.contains(m.at.0) && m.at.0 <= self.view.now_us;
        let mut tallest = 1usize;
        let (mut column, mut here) = (u64::MAX, 0);
        for m in self.model.recent.iter().filter(shown) {
            here = if m.at.0 / bin_us == column { here + 1 } else { 1 };
            column = m.at.0 / bin_us;
            tallest = tallest.max(here);
        }
        let tallest = (tallest as f32).min(24.0);
        let size = if tallest * 5.0 <= up { 3.4f32 } else { 2.4 };
        let mut bin: Vec<&Mark> = Vec::new();
        let mut column = u64::MAX;
        let flush = |scene: &mut Scene, bin: &mut Vec<&Mark>, column: u64| {
            let x = axis.x_clamped(column.saturating_mul(bin_us) + bin_us / 2);
            for (good, room) in [(true, up), (false, down)] {
                let side = bin.iter().filter(|m| (m.fate == Fate::Admitted) == good).count();
                let drawn = side.min(COLUMN_MAX);
                let step =
                    (2.0 * size + 0.6).min((room - size) / tallest) * (side as f32).min(tallest) / drawn.max(1) as f32;
                for i in 0..drawn {
                    // Evenly chosen, so that a click reaches the early and the late ones alike.
                    let pick = i * side / drawn;
                    let Some(m) = bin.iter().filter(|m| (m.fate == Fate::Admitted) == good).nth(pick) else {
                        continue;
                    };
                    let outcome = sign(m);
                    let away = size + i as f32 * step;
                    let y = if good { y - away } else { y + away };
                    scene.particle(x, y, outcome.glyph(), outcome.tone(), size, Some(m.request));
                    if self.view.selected == Some(m.request) {
                        scene.circle(x, y, 7.0).stroke(Tone::Ink).width(1.6);
                    }
                }
            }
            bin.clear();
        };
        for m in self.model.recent.iter().filter(shown) {
            let c = m.at.0 / bin_us;
            if c != column && !bin.is_empty() {
                flush(scene, &mut bin, column);
            }
            column = c;
            bin.push(m);
        }
        if !bin.is_empty() {
            flush(scene, &mut bin, column);
        }
    }

    /// The reader's own taps and bursts, as handles that can be dragged.
    fn handles(&self, scene: &mut Scene, axis: &TimeAxis, y: f32) {
        for (i, input) in self.live.value().inputs.iter().enumerate() {
            let What::Act { act, .. } = input.what else {
                continue;
            };
            let tip = match act as usize {
                act::TAP => "Your request: drag it along the time",
                act::BURST => "Your burst: drag it along the time",
                _ => continue,
            };
            if axis.contains(input.at.0) {
                let x = axis.x(input.at.0);
                scene
                    .path(|p| {
                        p.move_to(x, y - 5.0).line_to(x + 5.0, y + 5.0).line_to(x - 5.0, y + 5.0).close();
                    })
                    .fill(Tone::Undo)
                    .key(key(2, i as u32))
                    .hit(Hit::Input(i as u32))
                    .tip(tip);
            }
        }
    }

    /// Names beside the lanes.
    fn labels(&self, scene: &mut Scene, x: f32, w: f32, l: &Lanes) {
        let m = self.model;
        scene.text(x, l.first.0 - 8.0, 13.0, "The abuser").bold().fit(w);
        let p = &m.users[0].policy;
        let text = format_args!("{} per {}", count(p.limit), p.window).to_string();
        scene.text(x, l.first.0 + 8.0, 11.0, text).tone(Tone::Ink3).fit(w);
        let text = format_args!("{} other users", m.present() - 1).to_string();
        scene.text(x, l.second.0 + 4.0, 12.0, text).bold().fit(w);
    }

    /// Names above the lanes, with totals at the right.
    fn names_above(&self, scene: &mut Scene, x0: f32, x1: f32, l: &Lanes) {
        let m = self.model;
        let [first, second] = self.sums();
        for (name, (ok, not), (y, up, _)) in [("The abuser", first, l.first), ("The others", second, l.second)] {
            let base = y - up - 6.0;
            let text = match self.model.over {
                over if over > 0 && name == "The abuser" => {
                    format!("{} ok, {} no, {} over", count(ok), count(not), count(over))
                }
                _ => format!("{} ok, {} no", count(ok), count(not)),
            };
            let totals = scene.text(x1, base, 11.0, text).mono().end().tone(Tone::Ink3).halo();
            let room = x1 - x0 - totals.text_width() - 10.0;
            let limit = m.users[0].policy.limit;
            let name = if name == "The abuser" {
                format!("{name}, {} per {}", count(limit), m.users[0].policy.window)
            } else {
                name.to_string()
            };
            scene.text(x0, base, 12.0, name).bold().halo().fit(room);
        }
    }

    fn sums(&self) -> [(u64, u64); 2] {
        let m = self.model;
        let of = |users: &[sim::questions::distributed_rate_limit::User]| {
            users.iter().fold((0, 0), |(ok, not), u| (ok + u.admitted, not + u.refused + u.lost))
        };
        [of(&m.users[..1]), of(&m.users[1..])]
    }

    /// Totals at the right end of the lanes, with the signs they are drawn with.
    fn totals(&self, scene: &mut Scene, x: f32, l: &Lanes) {
        let [first, second] = self.sums();
        let row = |scene: &mut Scene, y: f32, outcome: Outcome, n: u64, word: &str| {
            scene.outcome(x - 66.0, y - 4.0, outcome, 4.0);
            scene.text(x - 57.0, y, 11.0, word).tone(Tone::Ink3);
            scene.text(x, y, 11.0, count(n)).mono().end().tone(outcome.tone());
        };
        for ((ok, not), y, over) in [(first, l.first.0, true), (second, l.second.0, false)] {
            row(scene, y - 12.0, Outcome::Ok, ok, "ok");
            row(scene, y + 2.0, Outcome::Rejected, not, "no");
            if over {
                row(scene, y + 16.0, Outcome::Stale, self.model.over, "over");
            }
        }
    }

    /// The request that the reader has clicked, else the latest refusal, else the latest request.
    fn inspected(&self) -> Option<Mark> {
        let m = self.model;
        let clicked = self.view.selected.and_then(|id| m.recent.iter().rev().find(|r| r.request == id).copied());
        clicked.or(m.last_refusal).or_else(|| m.recent.back().copied())
    }

    /// The answer as it is on the wire, who decided it, and whether that was right.
    fn inspector(&self, scene: &mut Scene, a: Area) {
        let m = self.model;
        scene.rect(a.x, a.y, a.w, a.h).round(8.0).fill(Tone::Panel).stroke(Tone::Line).width(1.0);
        let (x, w) = (a.x + 10.0, a.w - 20.0);
        let Some(mark) = self.inspected() else {
            scene.text(x, a.y + 22.0, 12.0, "No request yet").tone(Tone::Ink3);
            return;
        };
        let outcome = sign(&mark);
        scene.outcome(x + 5.0, a.y + 18.0, outcome, 4.5);
        let (code, reason) = m.status(&mark).split_once(' ').unwrap_or_default();
        scene.text(x + 15.0, a.y + 23.0, 15.0, code).bold().mono().tone(outcome.tone());
        scene.text(x + 48.0, a.y + 22.0, 11.0, reason).tone(outcome.tone()).fit(w - 48.0);
        let who = user_name(mark.user as usize);
        let text = format_args!("#{}, {who}, node {}", mark.request + 1, mark.node + 1).to_string();
        scene.text(x, a.y + 39.0, 11.0, text).tone(Tone::Ink3).fit(w);
        let mut y = a.y + 41.0;
        let bottom = a.bottom();
        let mut row = |scene: &mut Scene, name: &str, value: &str, tone: Tone| {
            if y + 32.0 <= bottom {
                scene.text(x, y + 16.0, 11.0, name).tone(Tone::Ink3).fit(w);
                scene.text(x, y + 29.0, 11.0, value).mono().tone(tone).fit(w).tip(value);
                y += 31.0;
            }
        };
        let fields = m.response(&mark);
        let mut told = false;
        for (name, value) in &fields {
            if *name != "Content-Type" {
                told = true;
                row(scene, name, value, Tone::Ink);
            }
        }
        let body = m.body(&mark);
        if !body.is_empty() {
            let name = if body.starts_with('#') { "problem type" } else { "body" };
            row(scene, name, body, Tone::Ink);
        }
        if !told {
            row(scene, "about the limit", "not a word", Tone::Ink2);
        }
        if let By::Fallback(f) = mark.by {
            row(scene, "without the store", f.name(), Tone::Waiting);
        }
        let (words, tone) = truth(&mark);
        row(scene, "one true counter", words, tone);
        row(scene, "decided in", &duration_us(mark.took.0).to_string(), Tone::Ink);
    }

    /// The same in three lines, where there is no room for a panel.
    fn answer_lines(&self, scene: &mut Scene, x: f32, y: f32, w: f32) {
        let m = self.model;
        let Some(mark) = self.inspected() else {
            scene.text(x, y, 12.0, "No request yet").tone(Tone::Ink3);
            return;
        };
        let outcome = sign(&mark);
        scene.outcome(x + 5.0, y - 4.0, outcome, 4.5);
        let status = scene.text(x + 16.0, y, 12.0, m.status(&mark)).bold().tone(outcome.tone());
        let used = status.text_width() + 26.0;
        let text = format_args!("{}, node {}", user_name(mark.user as usize), mark.node + 1).to_string();
        scene.text(x + w, y, 11.0, text).end().tone(Tone::Ink3).fit(w - used);
        let fields: Vec<String> = m
            .response(&mark)
            .iter()
            .filter(|(name, _)| *name == "Retry-After" || *name == "RateLimit" || *name == "RateLimit-Reset")
            .map(|(name, value)| format!("{name}: {value}"))
            .collect();
        let fields = if fields.is_empty() { m.body(&mark).to_string() } else { fields.join("   ") };
        let fields = if fields.is_empty() { "not a word about the limit".to_string() } else { fields };
        scene.text(x, y + 18.0, 11.0, fields).mono().tone(Tone::Ink2).fit(w);
        let (words, tone) = truth(&mark);
        let text = match mark.by {
            By::Fallback(f) => format!("Store away: {}. Truth: {words}.", f.name()),
            _ => format!("One true counter: {words}. Decided in {}.", duration_us(mark.took.0)),
        };
        scene.text(x, y + 36.0, 11.0, text).tone(tone).fit(w);
    }
}

/// How a mark is drawn: what went through and should not have is neither plainly well nor refused.
fn sign(mark: &Mark) -> Outcome {
    match (mark.fate, mark.verdict) {
        (Fate::Admitted, Verdict::Over) => Outcome::Stale,
        (Fate::Admitted, _) => Outcome::Ok,
        (Fate::Refused | Fate::Lost, _) => Outcome::Rejected,
    }
}

/// What one true counter would have said.
fn truth(mark: &Mark) -> (&'static str, Tone) {
    match (mark.fate, mark.verdict) {
        (Fate::Lost, _) => ("never asked", Tone::Ink2),
        (_, Verdict::Over) => ("no room: over-admitted", Tone::Stale),
        (_, Verdict::FalseDenial) => ("had room: false denial", Tone::Rejected),
        (Fate::Admitted, _) => ("agrees: there was room", Tone::Ok),
        (Fate::Refused, _) => ("agrees: no room", Tone::Ink2),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draw::{check, svg};
    use sim::questions::distributed_rate_limit::QUESTION;
    use sim::{Kind, RunValue, Us, golden};

    fn views() -> [View; 4] {
        let side = |side, view| View { side, ..view };
        [
            View::wide(HEIGHTS.wide),
            View::narrow(HEIGHTS.narrow),
            side(Side::A, View::wide(HEIGHTS.wide_ab)),
            side(Side::B, View::narrow(HEIGHTS.narrow_ab)),
        ]
    }

    fn picture(live: &dyn Live, view: View, scene: &mut Scene) -> Vec<String> {
        let view = view.at(live.moment().at.0);
        scene.begin(&view);
        draw(live, &view, scene);
        for p in scene.particles() {
            assert!(p.x >= 0.0 && p.x <= view.width && p.y >= 0.0 && p.y <= view.height);
        }
        check::text_problems(scene)
    }

    /// Every choice and switch, few nodes and many, with everything broken, in every layout.
    #[test]
    fn every_mode_can_be_drawn() {
        let mut scene = Scene::new();
        let mut settings: Vec<(usize, f64)> = Vec::new();
        for (i, k) in QUESTION.knobs.iter().enumerate() {
            match k.kind {
                Kind::Choice(_) => settings.extend((0..=k.max as usize).map(|v| (i, v as f64))),
                _ if ["nodes", "limit", "window"].contains(&k.key) => settings.extend([(i, k.min), (i, k.max)]),
                _ => {}
            }
        }
        for (i, v) in settings {
            // Scripts have algorithms, and the two-command code has none.
            for mode in [0.0, 1.0] {
                let mut value = golden::value(&QUESTION, 1);
                value.knobs.set(QUESTION.knob("mode").unwrap(), mode);
                value.knobs.set(i as u8, v);
                let mut run = QUESTION.run(value);
                for s in [0, 2, 9, 19] {
                    run.advance(Us::s(s), u64::MAX);
                    for view in views() {
                        let problems = picture(&*run, view, &mut scene);
                        assert!(
                            problems.is_empty(),
                            "{}={v} at {s} s, {}: {problems:#?}",
                            QUESTION.knobs[i].key,
                            view.width
                        );
                    }
                }
            }
        }
    }

    #[test]
    fn the_stuck_key_and_the_crash_are_in_words() {
        let mut value = RunValue::new(&QUESTION);
        for (key, v) in [("limit", 10.0), ("window", 2.0), ("abuser", 10.0)] {
            value.knobs.set(QUESTION.knob(key).unwrap(), v);
        }
        value.inputs = vec![sim::script::parse_input(&QUESTION, "0.05s crash user=0").unwrap()];
        let mut run = QUESTION.run(value);
        run.advance(Us::s(9), u64::MAX);
        let mut scene = Scene::new();
        for view in views() {
            assert_eq!(picture(&*run, view, &mut scene), Vec::<String>::new());
            let text = svg::fragment(&scene, "");
            for part in [">never<", "died before EXPIRE", "locked out: the key never expires"] {
                assert!(text.contains(part), "{part}");
            }
        }
        picture(&*run, views()[0], &mut scene);
        let text = svg::fragment(&scene, "");
        for part in ["n = INCR key", "Rate limit exceeded", "not a word", "had room: false denial"] {
            assert!(text.contains(part), "{part}");
        }
    }
}
