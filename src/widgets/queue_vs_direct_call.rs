//! The picture of message or call.
//!
//! At the left what users see and what goes on behind their backs: for a few requests the bar of the
//! user's wait, and below it a lane for each service until it has had its turn. At the right how the
//! work gets there: the API, the outbox, the broker with its partitions as tubes, the consumers of the
//! four services, and a bin for each one's dead letters.

use super::Heights;
use super::seen::Seen;
use crate::draw::flights::sign;
use crate::draw::number::{count, duration_us, percent};
use crate::draw::plot::{Plot, Range, Series, plot};
use crate::draw::topology::{Node, NodeState, node};
use crate::draw::{Area, Dash, Glyph, Hit, Outcome, PathBuilder, Scene, TimeAxis, Tone, View, key};
use sim::look::{Fate, Sample};
use sim::questions::queue_vs_direct_call::{
    Doing, Health, NAMES, QueueVsDirectCall, SERVICES, Trail, act, doing_word, number,
};
use sim::{Live, Us};

pub static PICTURE: super::Picture = super::Picture {
    slug: "queue-vs-direct-call",
    height: Heights { wide: 312.0, narrow: 500.0, wide_ab: 190.0, narrow_ab: 272.0 },
    draw,
};

fn draw(live: &dyn Live, view: &View, scene: &mut Scene) {
    Seen::<QueueVsDirectCall>::draw(live, view, scene, [Seen::wide, Seen::narrow, Seen::wide_side, Seen::narrow_side]);
}

impl Seen<'_, QueueVsDirectCall> {
    fn wide(&self, scene: &mut Scene) {
        self.trails(scene, Area::new(14.0, 4.0, 366.0, 182.0), 6);
        self.nodes(scene, Area::new(400.0, 4.0, 448.0, 48.0));
        if self.model.s.messaged != 0 {
            self.tubes(scene, Area::new(400.0, 62.0, 206.0, 124.0), 6);
            self.services(scene, Area::new(626.0, 62.0, 222.0, 124.0));
        } else {
            self.services(scene, Area::new(400.0, 62.0, 448.0, 124.0));
        }
        self.times(scene, Area::new(14.0, 194.0, 430.0, 116.0));
        let right = Area::new(462.0, 194.0, 386.0, 116.0);
        if self.model.s.messaged != 0 {
            self.backlog(scene, right);
        } else {
            self.accepted(scene, right);
        }
    }

    fn narrow(&self, scene: &mut Scene) {
        self.nodes(scene, Area::new(12.0, 2.0, 366.0, 46.0));
        self.trails(scene, Area::new(12.0, 54.0, 366.0, 154.0), 5);
        if self.model.s.messaged != 0 {
            self.tubes(scene, Area::new(12.0, 216.0, 150.0, 132.0), 6);
            self.services(scene, Area::new(174.0, 216.0, 204.0, 132.0));
        } else {
            self.services(scene, Area::new(12.0, 216.0, 366.0, 132.0));
        }
        self.times(scene, Area::new(12.0, 356.0, 366.0, 142.0));
    }

    fn wide_side(&self, scene: &mut Scene) {
        self.trails(scene, Area::new(14.0, 2.0, 316.0, 160.0), 5);
        if self.model.s.messaged != 0 {
            self.tubes(scene, Area::new(350.0, 2.0, 220.0, 160.0), 7);
            self.services(scene, Area::new(592.0, 2.0, 256.0, 160.0));
        } else {
            self.services(scene, Area::new(350.0, 2.0, 498.0, 160.0));
        }
        self.facts(scene, 14.0, 182.0, 834.0);
    }

    fn narrow_side(&self, scene: &mut Scene) {
        self.trails(scene, Area::new(12.0, 0.0, 366.0, 122.0), 4);
        if self.model.s.messaged != 0 {
            self.tubes(scene, Area::new(12.0, 128.0, 150.0, 118.0), 5);
            self.services(scene, Area::new(174.0, 128.0, 204.0, 118.0));
        } else {
            self.services(scene, Area::new(12.0, 128.0, 366.0, 118.0));
        }
        self.facts(scene, 12.0, 264.0, 366.0);
    }

    // ---- what users see, and what goes on behind ----

    /// A few requests, one below the other: how long the user waits, and when each service has had it.
    fn trails(&self, scene: &mut Scene, a: Area, rows: usize) {
        let title = scene.text(a.x, a.y + 12.0, 13.0, "Users").bold();
        let x = a.x + title.text_width() + 8.0;
        let waiting = self.model.waiting_users();
        let (words, tone) = match self.model.longest_wait(self.now) {
            Some(longest) if waiting == 1 => (format!("1 waits, for {}", duration_us(longest.0)), Tone::Waiting),
            Some(longest) => {
                (format!("{} wait, longest {}", count(waiting as u64), duration_us(longest.0)), Tone::Waiting)
            }
            None => ("nobody waits".to_string(), Tone::Ink3),
        };
        let w = scene.text(x, a.y + 12.0, 11.0, words).tone(tone).fit(a.right() - x).text_width();
        let legend = "bar: user, lines: the four services";
        let room = a.right() - x - w - 10.0;
        if crate::draw::text_width(legend, 11.0, crate::draw::Font::Sans) <= room {
            scene.text(a.right(), a.y + 12.0, 11.0, legend).end().tone(Tone::Ink3);
        }
        let all: Vec<&Sample<Trail>> = self.model.samples().filter(|s| s.at <= self.now).collect();
        let shown = &all[all.len().saturating_sub(rows)..];
        let body = Area::new(a.x, a.y + 20.0, a.w, a.h - 40.0);
        // A little more than what is to be seen, in steps, so that the axis does not crawl.
        let first = shown.first().map_or(self.now, |s| s.at);
        let spans = [1u64, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30, 60, 120, 300, 600].map(Us::s);
        let passed = self.now.since(first);
        let span = spans.into_iter().find(|s| *s > passed).unwrap_or(Us::s(1_200));
        let end = self.now.max(span);
        let axis = TimeAxis::new(body.x + 2.0, body.right() - 2.0, (end - span).0, end.0);
        let pitch = body.h / rows as f32;
        for (i, s) in shown.iter().enumerate() {
            self.trail(scene, &axis, body.y + i as f32 * pitch, pitch, s);
        }
        // The lanes of a service are one shape for each tone: most of them move in every frame.
        for (g, name) in NAMES.into_iter().enumerate() {
            for tone in [Tone::Line, Tone::Flight, Tone::Rejected, Tone::Ok] {
                let draw = |p: &mut PathBuilder<'_>| {
                    for (i, s) in shown.iter().enumerate() {
                        self.lane(p, &axis, body.y + i as f32 * pitch, pitch, s, (g, tone));
                    }
                };
                scene.path(draw).fill(tone).tip(name);
            }
        }
        axis.draw(scene, body.bottom() + 2.0);
    }

    fn thick(pitch: f32) -> f32 {
        (pitch * 0.34).min(9.0)
    }

    /// The bar of the user's wait.
    fn trail(&self, scene: &mut Scene, axis: &TimeAxis, y: f32, pitch: f32, s: &Sample<Trail>) {
        let waits = s.fate == Fate::Open;
        let end = if waits { self.now } else { s.end };
        let (x0, x1) = (axis.x_clamped(s.at.0), axis.x_clamped(end.0));
        let (outcome, word) = match s.fate {
            Fate::Open => (Outcome::Waiting, "waits for"),
            Fate::Good => (Outcome::Ok, "answered after"),
            _ => (Outcome::Rejected, "told no after"),
        };
        let thick = Self::thick(pitch);
        scene
            .rect(x0, y, (x1 - x0).max(2.0), thick)
            .round(2.0)
            .fill(outcome.tone())
            .key(key(1, s.id))
            .hit(Hit::Request(s.id))
            .tip(format_args!("request {} {word} {}", s.id, duration_us(end.since(s.at).0)));
        sign(
            scene,
            self.view,
            ((x1 + 6.0).min(axis.x1), y + thick / 2.0),
            (outcome.glyph(), outcome.tone()),
            4.0,
            s.id,
        );
    }

    /// What of the lane of service `g` under a trail has this tone: in the background, or in the middle of the user's
    /// wait.
    fn lane(
        &self,
        p: &mut PathBuilder<'_>,
        axis: &TimeAxis,
        y: f32,
        pitch: f32,
        s: &Sample<Trail>,
        (g, wanted): (usize, Tone),
    ) {
        let thick = Self::thick(pitch);
        let lane = ((pitch - thick - 5.0) / SERVICES as f32).max(2.0);
        let messaged = self.model.s.messaged & 1 << g != 0;
        let (begun, ended) = (s.what.begun[g], s.what.ended[g]);
        let ly = y + thick + 1.5 + lane * g as f32;
        let h = (lane - 1.0).max(1.2);
        let saved = s.fate == Fate::Good || begun < Us::MAX;
        // From the answer it waits, from its begin it is worked on.
        if wanted == Tone::Line && messaged && saved {
            let (from, to) = (axis.x_clamped(s.at.0), axis.x_clamped(begun.min(self.now).0));
            if to > from {
                p.rect(from, ly, to - from, h);
            }
        }
        if begun <= self.now {
            let over = ended <= self.now || (!messaged && s.fate != Fate::Open);
            let tone = match (ended <= self.now, over) {
                (true, _) => Tone::Ok,
                (_, true) => Tone::Rejected,
                _ => Tone::Flight,
            };
            let until = if ended <= self.now { ended } else { self.now };
            let until = if over && ended > self.now { s.end } else { until };
            let (from, to) = (axis.x_clamped(begun.0), axis.x_clamped(until.0));
            if tone == wanted {
                p.rect(from, ly, (to - from).max(1.5), h);
            }
        }
    }

    // ---- how the work gets there ----

    /// API, outbox and broker, with arrows.
    fn nodes(&self, scene: &mut Scene, a: Area) {
        let m = self.model;
        let roomy = a.w > 400.0;
        let w = if roomy { 118.0 } else { 108.0 };
        let gap = (a.w - 3.0 * w) / 2.0;
        let at = |i: usize| Area::new(a.x + i as f32 * (w + gap), a.y, w, a.h);
        let up = |up: bool| if up { NodeState::Up } else { NodeState::Down };
        let requests = format!("{} open", count(m.waiting_users() as u64));
        node(
            scene,
            &Node {
                area: at(0),
                title: "Invoice API",
                lines: &[(&requests, Tone::Ink2)],
                state: up(m.api_up()),
                hit: Some(Hit::Act { act: act::CRASH as u8, arg: 2 }),
                tip: "click: the API crashes after its next commit",
                ..Node::default()
            },
        );
        if m.s.messaged == 0 {
            let x = at(0).right() + 14.0;
            scene.text(x, a.y + 20.0, 12.0, "calls the four and waits").tone(Tone::Ink2).fit(a.right() - x);
            let how = if m.s.parallel { "all at the same time" } else { "one after another" };
            scene.text(x, a.y + 36.0, 11.0, how).tone(Tone::Ink3).fit(a.right() - x);
            return;
        }
        let rows = m.outbox_len() as u64;
        let words = if m.s.outbox { format!("{} rows", count(rows)) } else { "none".to_string() };
        let tone = if rows > 0 { Tone::Waiting } else { Tone::Ink2 };
        let broker = match m.broker_away(self.now) {
            Some(left) => format!("{} more", duration_us(left.0)),
            None if m.log() => format!("{} partitions", m.tubes()),
            None => "4 queues".to_string(),
        };
        if m.s.outbox {
            let title = if m.relay_up() { "Outbox" } else { "Outbox, relay" };
            let lines: &[(crate::draw::Words<'_>, Tone)] = &[(&words, tone)];
            node(scene, &Node { area: at(1), title, lines, state: up(m.relay_up()), ..Node::default() });
            scene.arrow((at(0).right() + 3.0, a.cy()), (at(1).x - 3.0, a.cy()), Tone::Ink3);
            scene.arrow((at(1).right() + 3.0, a.cy()), (at(2).x - 3.0, a.cy()), Tone::Ink3);
        } else {
            scene.arrow((at(0).right() + 3.0, a.cy()), (at(2).x - 3.0, a.cy()), Tone::Ink3);
            scene.text(at(1).cx(), a.cy() - 8.0, 11.0, "commit, then publish").middle().tone(Tone::Ink3).fit(w + gap);
        }
        node(
            scene,
            &Node {
                area: at(2),
                title: "Broker",
                lines: &[(&broker, Tone::Ink2)],
                state: up(m.broker_away(self.now).is_none()),
                hit: Some(Hit::Act { act: act::BROKER as u8, arg: 20 }),
                tip: "click: the broker is down for 20 s",
                ..Node::default()
            },
        );
    }

    /// Partitions, or queues, as tubes. What is read next is at the right.
    fn tubes(&self, scene: &mut Scene, a: Area, rows: usize) {
        let m = self.model;
        let all = m.tubes();
        let caption = if m.log() { "Partitions" } else { "Queues" };
        let more = if all > rows { format!("{caption}, the first {rows} of {all}") } else { caption.to_string() };
        scene.text(a.x, a.y + 10.0, 11.0, more).tone(Tone::Ink3).fit(a.w);
        let shown = all.min(rows);
        let body = Area::new(a.x, a.y + 16.0, a.w, a.h - 16.0);
        let pitch = (body.h / shown as f32).min(28.0);
        let ages = 52.0;
        for i in 0..shown {
            let t = m.tube(i, self.now);
            let (y, h) = (body.y + i as f32 * pitch, (pitch - 5.0).min(17.0));
            let label_w = if m.log() { 16.0 } else { 44.0 };
            let cy = y + h / 2.0;
            if m.log() {
                scene.text(a.x, cy, 11.0, i + 1).vcenter().tone(Tone::Ink2);
            } else {
                scene.text(a.x, cy, 11.0, NAMES[i % SERVICES]).vcenter().tone(Tone::Ink2).fit(label_w - 4.0);
            }
            let tube = Area::new(a.x + label_w, y, a.w - label_w - ages, h);
            let late = t.oldest > Us::s(5);
            let tip = if m.log() {
                let behind: Vec<String> = (0..SERVICES).map(|g| format!("{} {}", NAMES[g], t.behind[g])).collect();
                format!("to be read by {}", behind.join(", "))
            } else {
                format!("{} hidden from other consumers", t.behind[0])
            };
            scene
                .rect(tube.x, tube.y, tube.w, tube.h)
                .round(h / 2.0)
                .fill(Tone::Panel)
                .stroke(if late { Tone::Rejected } else { Tone::Line })
                .tip(tip);
            let step = 9.0;
            let room = ((tube.w - 10.0) / step) as usize;
            let fits = if t.len > room { room.saturating_sub(4) } else { t.len };
            for (k, msg) in m.in_tube(i).take(fits).enumerate() {
                let x = tube.right() - 8.0 - k as f32 * step;
                let event = m.event(msg.event);
                let (glyph, tone) = match event {
                    Some(e) if e.poison != 0 => (Glyph::Cross, Tone::Rejected),
                    Some(_) => (Glyph::Dot, Tone::Waiting),
                    None => (Glyph::Dot, Tone::Stale),
                };
                match event {
                    Some(e) => sign(scene, self.view, (x, cy), (glyph, tone), 3.4, e.request),
                    None => scene.particle(x, cy, glyph, tone, 3.4, None),
                }
            }
            if t.len > room {
                scene.text(tube.x + 6.0, cy, 11.0, count(t.len as u64)).mono().vcenter().tone(Tone::Ink2).fit(34.0);
            }
            let age = if t.len == 0 { String::new() } else { duration_us(t.oldest.0).to_string() };
            let tone = if late { Tone::Rejected } else { Tone::Ink3 };
            scene.text(a.right(), cy, 11.0, age).end().vcenter().tone(tone).fit(ages - 4.0);
        }
    }

    /// The four services: how they are, their consumers or calls, and their dead letters.
    fn services(&self, scene: &mut Scene, a: Area) {
        let pitch = a.h / SERVICES as f32;
        for g in 0..SERVICES {
            let health = self.model.health(g, self.now);
            self.service(scene, g, &health, Area::new(a.x, a.y + g as f32 * pitch, a.w, pitch));
        }
    }

    fn service(&self, scene: &mut Scene, g: usize, h: &Health, a: Area) {
        let bin = 42.0;
        let ill = h.slow.is_some() || h.down.is_some();
        let name = scene.text(a.x, a.y + 11.0, 12.0, NAMES[g]).bold();
        let name = if ill { name.tone(Tone::Rejected) } else { name };
        let name = name.hit(Hit::Act { act: act::SLOW as u8, arg: g as i64 }).tip("click: slow for a minute");
        let x = a.x + name.text_width() + 8.0;
        let (words, tone) = match (h.down, h.slow) {
            (Some(left), _) => (format!("down, {} more", duration_us(left.0)), Tone::Rejected),
            (_, Some((takes, left))) => {
                (format!("takes {}, {} more", duration_us(takes.0), duration_us(left.0)), Tone::Rejected)
            }
            _ if !h.messaged => (format!("in line, {} calls", count(u64::from(h.calls))), Tone::Ink2),
            _ if h.backlog == 0 => ("nothing waits".to_string(), Tone::Ink3),
            _ => (format!("{}, lag {}", count(h.backlog), duration_us(h.lag.0)), Tone::Ink2),
        };
        let room = if h.messaged { a.right() - bin - x } else { a.right() - x };
        scene.text(x, a.y + 11.0, 11.0, words).tone(tone).fit(room);
        let y = a.y + 16.0;
        if !h.messaged {
            // Calls that it has now, each with a user at the other end.
            let most = ((a.w - 4.0) / 7.0) as u32;
            for k in 0..h.calls.min(most) {
                scene.rect(a.x + k as f32 * 7.0, y, 5.0, 8.0).round(1.0).fill(Tone::Flight);
            }
            return;
        }
        let step = 12.0;
        let most = ((a.w - bin) / step) as usize;
        let members: Vec<_> = self.model.members(g).collect();
        let n = members.len();
        let shown = if n > most { most.saturating_sub(2) } else { n };
        let idle_from = n - self.model.without_partition(g).min(n);
        for (k, (alive, doing, since, _)) in members.into_iter().enumerate().take(shown) {
            let x = a.x + k as f32 * step;
            let fill = match (alive, doing) {
                (false, _) => Tone::Sunk,
                (_, Doing::Idle | Doing::Fetching) => Tone::Panel,
                (_, Doing::Working) => Tone::Flight,
                (_, Doing::Pausing) => Tone::Waiting,
                (_, Doing::Skipping) => Tone::Stale,
            };
            let spare = doing == Doing::Idle && k >= idle_from && alive;
            let square = scene.rect(x, y, 9.0, 9.0).round(2.0).fill(fill).stroke(Tone::Ink3).width(1.0);
            let square = if spare { square.dash(Dash::Fine) } else { square };
            let word = if spare { "owns no partition" } else { doing_word(alive, doing) };
            square.tip(format_args!("consumer {}: {word} for {}", k + 1, duration_us(self.now.since(since).0)));
            if !alive {
                scene.glyph(x + 4.5, y + 4.5, Glyph::Cross, Tone::Rejected, 3.5);
            } else if doing == Doing::Pausing {
                scene.glyph(x + 4.5, y + 4.5, Glyph::Ring, Tone::Ink, 2.4);
            }
        }
        if shown < n {
            let x = a.x + shown as f32 * step + 2.0;
            scene.text(x, y + 9.0, 11.0, format_args!("+{}", n - shown)).tone(Tone::Ink3).fit(a.right() - bin - x);
        }
        self.bin(scene, g, h.dead, Area::new(a.right() - bin + 8.0, a.y + 2.0, bin - 8.0, 22.0));
    }

    /// The dead letters of a service, in a bin that somebody has to empty.
    fn bin(&self, scene: &mut Scene, g: usize, dead: usize, a: Area) {
        let tone = if dead > 0 { Tone::Rejected } else { Tone::Ink3 };
        scene
            .path(|p| {
                p.move_to(a.x, a.y + 4.0).line_to(a.x + 14.0, a.y + 4.0);
                p.move_to(a.x + 5.0, a.y + 4.0).line_to(a.x + 5.0, a.y + 1.0).line_to(a.x + 9.0, a.y + 1.0);
                p.line_to(a.x + 9.0, a.y + 4.0);
                p.move_to(a.x + 1.5, a.y + 4.0).line_to(a.x + 3.0, a.y + 19.0).line_to(a.x + 11.0, a.y + 19.0);
                p.line_to(a.x + 12.5, a.y + 4.0);
            })
            .stroke(tone)
            .width(1.3);
        scene.text(a.x + 19.0, a.y + 16.0, 12.0, dead).bold().tone(tone).fit(a.right() - a.x - 18.0);
        scene
            .rect(a.x - 3.0, a.y - 2.0, a.w + 3.0, a.h + 2.0)
            .hit(Hit::Act { act: act::REDRIVE as u8, arg: g as i64 + 1 })
            .tip(format_args!("{dead} dead letters of {}: click to redrive", NAMES[g]));
    }

    // ---- over time ----

    fn rows(&self) -> impl Iterator<Item = usize> + '_ {
        let history = self.live.history();
        (0..history.rows()).take_while(|r| history.time(*r) <= self.now)
    }

    fn line(&self, which: usize) -> Vec<(f64, f64)> {
        let history = self.live.history();
        self.rows().map(|r| (history.time(r).0 as f64, f64::from(history.get(r, which)))).collect()
    }

    /// How long until the answer, and until all is done.
    fn times(&self, scene: &mut Scene, a: Area) {
        let (user, done) = (self.line(number::USER), self.line(number::DONE));
        let top = user.iter().chain(&done).map(|p| p.1).filter(|v| v.is_finite()).fold(1_000.0, f64::max);
        plot(
            scene,
            &Plot {
                area: a,
                x: Range::time(0, self.now.0.max(20_000_000)),
                y: Range::new(10.0, top * 1.5, "ms").log(),
                series: &[
                    Series::new("all done", &done, Tone::Flight).dash(Dash::Dashed),
                    Series::new("user waits", &user, Tone::Ok),
                ],
                bounds: &[],
                caption: &"Median of the last 12 s: until the answer, and until all is done",
                cursor: None,
                future_from: None,
            },
        );
    }

    /// How many of the requests are accepted: with nothing that could wait, the rest fail.
    fn accepted(&self, scene: &mut Scene, a: Area) {
        let accepted = self.line(number::AVAILABLE);
        plot(
            scene,
            &Plot {
                area: a,
                x: Range::time(0, self.now.0.max(20_000_000)),
                y: Range::from_zero(100.0, "%"),
                series: &[Series::new("", &accepted, Tone::Ok)],
                bounds: &[],
                caption: &"Requests accepted, of those of the last 10 s",
                cursor: None,
                future_from: None,
            },
        );
    }

    /// What waits in the broker and in the outbox.
    fn backlog(&self, scene: &mut Scene, a: Area) {
        let (backlog, outbox) = (self.line(number::BACKLOG), self.line(number::OUTBOX));
        let top = backlog.iter().chain(&outbox).map(|p| p.1).fold(20.0, f64::max);
        plot(
            scene,
            &Plot {
                area: a,
                x: Range::time(0, self.now.0.max(20_000_000)),
                y: Range::from_zero(top, ""),
                series: &[
                    Series::new("worst service", &backlog, Tone::Waiting),
                    Series::new("outbox", &outbox, Tone::Ink2).dash(Dash::Dashed),
                ],
                bounds: &[],
                caption: &"Messages that wait",
                cursor: None,
                future_from: None,
            },
        );
    }

    /// In one line, where there is no room for more.
    fn facts(&self, scene: &mut Scene, x: f32, y: f32, width: f32) {
        let t = &self.model.tally;
        let ok = self.number(number::AVAILABLE) / 100.0;
        let median = match self.live.number(number::USER as u8) {
            Some(ms) => duration_us((ms * 1e3) as u64).to_string(),
            None => "(too few to say)".to_string(),
        };
        let mut text = format!("User waits {median}, accepted {}, lost {}", percent(ok), count(t.lost));
        if width > 400.0 || self.model.s.messaged == 0 {
            text += &format!(", half done {}", count(t.half));
        }
        if self.model.s.messaged != 0 {
            text += &format!(", lag {}", duration_us((self.number(number::LAG) * 1e6) as u64));
        }
        if width > 400.0 && self.model.s.messaged != 0 {
            text += &format!(", doubled {}, out of order {}", count(t.doubled), count(t.disorder));
        }
        let bad = ok < 0.95 && self.live.number(number::AVAILABLE as u8).is_some() || t.lost > 0;
        scene.text(x, y, 11.0, text).tone(if bad { Tone::Rejected } else { Tone::Ink2 }).fit(width);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::widgets::check;
    use sim::questions::queue_vs_direct_call::QUESTION;

    #[test]
    fn every_mode_can_be_drawn() {
        for style in [0.0, 1.0] {
            check::choices(
                &PICTURE,
                &QUESTION,
                &["style"],
                &[("style", style)],
                &[0, 2_000, 9_000, 20_000, 90_000],
                &["Users", "Tax"],
            );
        }
    }

    #[test]
    fn extremes_can_be_drawn() {
        let sets: [&[(&str, &str)]; 4] = [
            &[("consumers", "64"), ("partitions", "64"), ("rate", "1000"), ("work", "10")],
            &[("style", "queue"), ("consumers", "64"), ("rate", "1000"), ("visibility", "0.5"), ("work", "2000")],
            &[("consumers", "1"), ("partitions", "1"), ("rate", "200"), ("poison", "20"), ("tries", "0")],
            &[("path", "parallel"), ("call", "10000"), ("timeout", "60"), ("rate", "500")],
        ];
        for set in sets {
            check::stages(&PICTURE, check::value(&QUESTION, set, &[]), &[1_000, 30_000], &["Users"]);
        }
    }

    #[test]
    fn what_matters_is_in_words() {
        let inputs = ["1s slow service=tax", "2s poison service=pdf"];
        let value = check::value(&QUESTION, &[], &inputs);
        check::stages(&PICTURE, value, &[5_000, 25_000], &["takes 5.00 s", "Partitions", "dead letters of PDF"]);
        let inline = check::value(&QUESTION, &[("path", "sequential")], &[]);
        check::stages(&PICTURE, inline, &[5_000], &["in line", "wait"]);
    }
}
