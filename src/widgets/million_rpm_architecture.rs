//! The picture of a million requests a minute: the plan as it was built, part by part, with every
//! server in it, and the run beside what was planned.
//!
//! Servers are particles: as large as they are busy, a square when they are full, a cross when they
//! are dead. So two thousand of them cost no elements. Every n-th request flies to its zone, to the
//! database if it asks there, and back as what became of it.

use super::seen::{Load, Seen, outcome, whole};
use super::{Heights, Picture};
use crate::draw::flights::{along, scatter, sign};
use crate::draw::number::{count, duration_us, short};
use crate::draw::{Area, Dash, Glyph, Hit, Outcome, Scene, Tone, View, load_tone};
use sim::questions::million_rpm_architecture::{Million, NodeView, ServerView, Way, act, number};
use sim::{Live, Us};

pub static PICTURE: Picture = Picture {
    slug: "million-rpm-architecture",
    height: Heights { wide: 310.0, narrow: 484.0, wide_ab: 184.0, narrow_ab: 262.0 },
    draw,
};

/// How long a drawn request takes along its track, in simulated time: the picture's, not the
/// network's, which is two milliseconds.
const FLIGHT: Us = Us::ms(600);

fn draw(live: &dyn Live, view: &View, scene: &mut Scene) {
    Seen::<Million>::draw(live, view, scene, [Seen::wide, Seen::narrow, Seen::wide_side, Seen::narrow_side]);
}

/// Where the parts stand, for what flies between them.
struct Places {
    clients: (f32, f32),
    zones: Area,
    database: Option<(f32, f32)>,
}

/// The tone of an outline: the next limit stands out.
fn outline(used: f64, binding: bool) -> (Tone, f32) {
    match (binding, used) {
        (_, u) if u >= 0.95 => (Tone::Rejected, 3.0),
        (true, _) => (Tone::Ink, 2.5),
        _ => (Tone::Line, 1.5),
    }
}

impl Seen<'_, Million> {
    fn wide(&self, scene: &mut Scene) {
        let zones = Area::new(196.0, 6.0, 290.0, 146.0);
        self.clients(scene, Area::new(14.0, 8.0, 110.0, 90.0));
        self.zones(scene, zones);
        self.cache(scene, Area::new(536.0, 6.0, 128.0, 66.0));
        self.broker(scene, Area::new(536.0, 86.0, 128.0, 66.0));
        self.database(scene, Area::new(704.0, 6.0, 142.0, 146.0));
        scene.arrow((490.0, 39.0), (531.0, 39.0), Tone::Ink3);
        scene.arrow((490.0, 79.0), (699.0, 79.0), Tone::Ink3);
        scene.arrow((490.0, 119.0), (531.0, 119.0), Tone::Ink3);
        self.flights(scene, &Places { clients: (128.0, 79.0), zones, database: Some((699.0, 79.0)) });
        self.load(scene, Area::new(14.0, 160.0, 372.0, 146.0));
        self.table(scene, Area::new(408.0, 166.0, 250.0, 140.0), 8);
        self.fullest(scene, Area::new(684.0, 166.0, 162.0, 140.0));
    }

    fn narrow(&self, scene: &mut Scene) {
        self.clients_line(scene, 12.0, 16.0, 366.0);
        let zones = Area::new(84.0, 30.0, 294.0, 132.0);
        self.zones(scene, zones);
        self.flights(scene, &Places { clients: (14.0, 96.0), zones, database: None });
        self.cache(scene, Area::new(12.0, 172.0, 114.0, 64.0));
        self.database(scene, Area::new(138.0, 172.0, 114.0, 64.0));
        self.broker(scene, Area::new(264.0, 172.0, 114.0, 64.0));
        self.load(scene, Area::new(12.0, 242.0, 366.0, 112.0));
        self.table(scene, Area::new(12.0, 358.0, 366.0, 98.0), 5);
        self.fullest_line(scene, 12.0, 474.0, 366.0);
    }

    fn wide_side(&self, scene: &mut Scene) {
        self.clients(scene, Area::new(14.0, 4.0, 110.0, 90.0));
        let zones = Area::new(176.0, 4.0, 216.0, 140.0);
        self.zones(scene, zones);
        self.cache(scene, Area::new(408.0, 4.0, 124.0, 64.0));
        self.database(scene, Area::new(408.0, 80.0, 124.0, 64.0));
        self.flights(scene, &Places { clients: (122.0, 74.0), zones, database: Some((408.0, 112.0)) });
        self.fullest_line(scene, 14.0, 172.0, 518.0);
        self.load(scene, Area::new(552.0, 2.0, 300.0, 176.0));
    }

    fn narrow_side(&self, scene: &mut Scene) {
        self.clients_line(scene, 12.0, 14.0, 366.0);
        let zones = Area::new(84.0, 22.0, 294.0, 84.0);
        self.zones(scene, zones);
        self.flights(scene, &Places { clients: (14.0, 64.0), zones, database: None });
        self.cache(scene, Area::new(12.0, 112.0, 178.0, 36.0));
        self.database(scene, Area::new(200.0, 112.0, 178.0, 36.0));
        self.load(scene, Area::new(12.0, 152.0, 366.0, 92.0));
        self.fullest_line(scene, 12.0, 256.0, 366.0);
    }

    fn drawn(&self) -> String {
        match self.model.drawn_one_in() {
            1 => "every request drawn".to_string(),
            n => format!("1 in {} drawn", count(u64::from(n))),
        }
    }

    /// Who asks, how often, and who is over the tier.
    fn clients(&self, scene: &mut Scene, a: Area) {
        let offered = self.number(number::OFFERED);
        scene.text(a.x, a.y + 13.0, 13.0, "Clients and edge").bold().fit(a.w + 20.0);
        let rate = scene.text(a.x, a.y + 34.0, 16.0, count(offered as u64)).mono().bold();
        let w = rate.text_width();
        scene.text(a.x + w + 5.0, a.y + 34.0, 11.0, "req/s").tone(Tone::Ink3);
        let minute = format!("{} a minute", short(offered * 60.0));
        scene.text(a.x, a.y + 51.0, 11.0, minute).tone(Tone::Ink2).fit(a.w);
        let limited = self.number(number::LIMITED);
        let below = if limited >= 1.0 { format!("{}/s over their tier", count(limited as u64)) } else { self.drawn() };
        let tone = if limited >= 1.0 { Tone::Rejected } else { Tone::Ink3 };
        scene.text(a.x, a.y + 66.0, 11.0, below).tone(tone).fit(a.w);
    }

    fn clients_line(&self, scene: &mut Scene, x: f32, y: f32, width: f32) {
        let offered = self.number(number::OFFERED);
        let text = format!("{} req/s, {} a minute", count(offered as u64), short(offered * 60.0));
        let w = scene.text(x, y, 12.0, text).bold().fit(width * 0.62).text_width();
        let limited = self.number(number::LIMITED);
        let more = if limited >= 1.0 { format!("{}/s limited", count(limited as u64)) } else { self.drawn() };
        let tone = if limited >= 1.0 { Tone::Rejected } else { Tone::Ink3 };
        scene.text(x + width, y, 11.0, more).end().tone(tone).fit(width - w - 10.0);
    }

    /// The zones, each a box with its balancers and its servers.
    fn zones(&self, scene: &mut Scene, a: Area) {
        let zones = self.model.zones();
        let gap = 5.0;
        let h = (a.h + gap) / zones.len() as f32 - gap;
        let used = self.number(number::BUSY) / 100.0;
        let binding = self.model.saturation()[0].name == "API servers";
        // Zones in which a server stands, in the order of the servers.
        let mut servers: Vec<Vec<ServerView>> = vec![Vec::new(); zones.len()];
        for s in self.model.servers() {
            servers[s.zone as usize].push(s);
        }
        for (i, z) in zones.iter().enumerate() {
            let b = Area::new(a.x, a.y + i as f32 * (h + gap), a.w, h);
            let dead = z.servers > 0 && z.servers_up == 0;
            let (stroke, width) = if dead { (Tone::Rejected, 1.5) } else { outline(used, binding) };
            scene
                .rect(b.x, b.y, b.w, b.h)
                .round(7.0)
                .fill(Tone::Panel)
                .stroke(stroke)
                .width(width)
                .dash(if dead { Dash::Fine } else { Dash::Solid })
                .hit(Hit::Act { act: act::ZONE as u8, arg: i as i64 + 1 })
                .tip("A zone: click to lose it");
            let all = z.servers_up * self.model.workers_each();
            let busy = f64::from(z.busy) / f64::from(all.max(1));
            let state = match (dead, z.servers_up == z.servers) {
                (true, _) => "lost".to_string(),
                (_, true) if b.h < 32.0 => whole(busy),
                (_, true) => format!("{} servers, {}", count(u64::from(z.servers)), whole(busy)),
                _ => format!("{} of {} servers, {}", z.servers_up, z.servers, whole(busy)),
            };
            let tone = if dead { Tone::Rejected } else { Tone::Ink2 };
            let top = if b.h < 32.0 { b.y + b.h / 2.0 + 4.0 } else { b.y + 13.0 };
            let name = scene.text(b.x + 8.0, top, 11.0, format_args!("Zone {}", i + 1)).bold();
            let w = name.text_width();
            let mut x = if b.h < 32.0 { b.x + b.w * 0.54 } else { b.right() - 8.0 };
            if z.waiting > 0 && b.h >= 32.0 {
                let text = format!("{} wait", short(f64::from(z.waiting)));
                x -= scene.text(x, top, 11.0, text).end().tone(Tone::Rejected).text_width() + 8.0;
            }
            scene.text(b.x + 14.0 + w, top, 11.0, state).tone(tone).fit(x - b.x - 14.0 - w);
            let left = b.x + 8.0;
            if b.h < 32.0 {
                // No room below the words: the servers stand beside them.
                let x = b.x + b.w * 0.56;
                self.servers(scene, Area::new(x, b.y + 4.0, b.right() - 6.0 - x, b.h - 8.0), &servers[i]);
                continue;
            }
            // Balancers stand at the entrance.
            for k in 0..z.balancers.min(4) {
                let up = k < z.balancers_up;
                let y = b.y + 22.0 + (b.h - 26.0) * (k as f32 + 0.5) / z.balancers.min(4) as f32;
                let (glyph, tone) = if up { (Glyph::Triangle, Tone::Ink2) } else { (Glyph::Cross, Tone::Rejected) };
                scene.particle(left + 4.0, y, glyph, tone, 4.5, None);
            }
            self.servers(scene, Area::new(left + 14.0, b.y + 18.0, b.w - 28.0, b.h - 22.0), &servers[i]);
        }
    }

    /// Servers as particles; where there are more than fit, one stands for several.
    fn servers(&self, scene: &mut Scene, a: Area, all: &[ServerView]) {
        if all.is_empty() || a.h < 4.0 {
            return;
        }
        let room = ((a.w / 4.4) as usize * (a.h / 4.4) as usize).max(1);
        let each = all.len().div_ceil(room);
        let n = all.len().div_ceil(each);
        let mut pitch = (a.w * a.h / n as f32).sqrt().min(13.0);
        let cols = loop {
            let cols = ((a.w / pitch) as usize).max(1);
            if n.div_ceil(cols) as f32 * pitch <= a.h + 0.5 || pitch < 2.0 {
                break cols;
            }
            pitch *= 0.97;
        };
        for (i, group) in all.chunks(each).enumerate() {
            let (x, y) = (a.x + ((i % cols) as f32 + 0.5) * pitch, a.y + ((i / cols) as f32 + 0.5) * pitch);
            let up = group.iter().filter(|s| s.up).count() as f32;
            let load = group.iter().map(|s| s.load).sum::<f32>() / up.max(1.0);
            let waits = group.iter().any(|s| s.waiting > 0);
            let (glyph, tone, size) = if up == 0.0 {
                (Glyph::Cross, Tone::Rejected, pitch * 0.3)
            } else if group.iter().any(|s| s.slow) {
                (Glyph::Diamond, Tone::Stale, pitch * 0.45)
            } else if waits || load > 0.999 {
                (Glyph::Square, Tone::Rejected, pitch * 0.4)
            } else {
                (Glyph::Dot, Tone::Ok, pitch * (0.16 + 0.28 * load))
            };
            scene.particle(x, y, glyph, tone, size.max(1.0), None);
        }
    }

    fn frame(&self, scene: &mut Scene, a: Area, title: &str, used: f64, bad: bool, hit: Option<(usize, &str)>) -> f32 {
        let binding = self.model.saturation()[0].name == title;
        let (stroke, width) = if bad { (Tone::Rejected, 2.5) } else { outline(used, binding) };
        let frame = scene.rect(a.x, a.y, a.w, a.h).round(7.0).fill(Tone::Panel).stroke(stroke).width(width);
        if let Some((act, tip)) = hit {
            frame.hit(Hit::Act { act: act as u8, arg: if act == act::CACHE { 64 } else { 1 } }).tip(tip);
        }
        let title = scene.text(a.x + 9.0, a.y + 16.0, 12.0, title).bold();
        title.text_width()
    }

    /// Small upright bars, one a node, as far as there is room; the words say the fullest.
    fn bars(&self, scene: &mut Scene, a: Area, nodes: impl Iterator<Item = (bool, f64, bool)>) {
        let room = (a.w / 10.0) as usize;
        for (i, (up, load, marked)) in nodes.take(room).enumerate() {
            let x = a.x + i as f32 * 10.0;
            scene.rect(x, a.y, 7.0, a.h).round(2.0).fill(Tone::Sunk);
            let h = a.h * load.clamp(0.0, 1.0) as f32;
            scene.rect(x, a.bottom() - h, 7.0, h).round(2.0).fill(load_tone(load as f32)).opacity(if up {
                1.0
            } else {
                0.0
            });
            if !up {
                scene.glyph(x + 3.5, a.y + a.h / 2.0, Glyph::Cross, Tone::Rejected, 3.0);
            } else if marked {
                scene.rect(x - 1.0, a.y - 1.0, 9.0, a.h + 2.0).round(2.5).stroke(Tone::Ink).width(1.0);
            }
        }
    }

    fn cache(&self, scene: &mut Scene, a: Area) {
        let m = self.model;
        let used = self.number(number::CACHE_BUSY) / 100.0;
        let away = m.caches() && m.cache_nodes().all(|(up, _)| !up);
        let hits = m.hit_share(self.now);
        let cold = m.caches() && hits.is_some_and(|h| h < 0.5);
        let w = self.frame(scene, a, "Cache", used, away || cold, Some((act::CACHE, "The cache: click to empty it")));
        let words = match (m.caches(), away, hits) {
            (false, ..) => "off".to_string(),
            (_, true, _) => "away".to_string(),
            (.., Some(h)) if a.w < 120.0 => whole(h),
            (.., Some(h)) => format!("{} hits", whole(h)),
            _ => "no lookups".to_string(),
        };
        let tone = if away || cold { Tone::Rejected } else { Tone::Ink2 };
        scene.text(a.right() - 9.0, a.y + 16.0, 11.0, words).end().tone(tone).fit(a.w - w - 24.0);
        let body = Area::new(a.x + 9.0, a.y + 24.0, a.w - 18.0, a.h - if a.h > 50.0 { 42.0 } else { 30.0 });
        self.bars(scene, body, m.cache_nodes().map(|(up, share)| (up, f64::from(share), false)));
        if a.h > 50.0 {
            let text = format!("fullest {}", whole(used));
            scene.text(a.x + 9.0, a.bottom() - 6.0, 11.0, text).tone(Tone::Ink3).fit(a.w - 18.0);
        }
    }

    fn broker(&self, scene: &mut Scene, a: Area) {
        let (waiting, busy, workers, stopped) = self.model.jobs();
        let used = f64::from(busy) / f64::from(workers.max(1));
        let hit = Some((act::WORKERS, "The job workers: click to stop them for a while"));
        self.frame(scene, a, "Job workers", used, stopped, hit);
        if !self.model.brokers() {
            scene.text(a.x + 9.0, a.y + 34.0, 11.0, "off: requests wait").tone(Tone::Ink3).fit(a.w - 18.0);
            return;
        }
        let text = if stopped {
            "stopped".to_string()
        } else {
            format!("{} of {} busy", count(u64::from(busy)), count(u64::from(workers)))
        };
        let tone = if stopped { Tone::Rejected } else { Tone::Ink2 };
        scene.text(a.x + 9.0, a.y + 34.0, 11.0, text).tone(tone).fit(a.w - 18.0);
        let text = format!("{} jobs wait", count(waiting as u64));
        let tone = if waiting > 0 { Tone::Waiting } else { Tone::Ink3 };
        scene.text(a.x + 9.0, a.bottom() - 8.0, 11.0, text).tone(tone).fit(a.w - 18.0);
    }

    fn database(&self, scene: &mut Scene, a: Area) {
        let m = self.model;
        let used = self.number(number::DB_BUSY) / 100.0;
        let down = m.shards_down();
        let hit = Some((act::PRIMARY, "The database: click to lose the primary"));
        let without = m.servers_without();
        let w = self.frame(scene, a, "Database", used, down > 0 || without > 0, hit);
        let (words, tone) = match (down, without) {
            (0, 0) => (whole(used), Tone::Ink2),
            (0, n) => (format!("{n} without"), Tone::Rejected),
            (1, _) => ("no primary".to_string(), Tone::Rejected),
            (n, _) => (format!("{n} primaries gone"), Tone::Rejected),
        };
        scene.text(a.right() - 9.0, a.y + 16.0, 11.0, words).end().tone(tone).fit(a.w - w - 24.0);
        let queries = self.number(number::QUERIES);
        let waiting = self.number(number::DB_WAITING);
        if a.h < 100.0 {
            let body = Area::new(a.x + 9.0, a.y + 24.0, a.w - 18.0, a.h - if a.h > 50.0 { 42.0 } else { 30.0 });
            self.bars(scene, body, m.nodes().map(|n| (n.up, f64::from(n.load), n.primary)));
            if a.h > 50.0 {
                let text = match waiting {
                    w if w >= 1.0 => format!("{} q/s, {} wait", count(queries as u64), short(w)),
                    _ => format!("{} q/s", count(queries as u64)),
                };
                let tone = if waiting > 100.0 { Tone::Rejected } else { Tone::Ink3 };
                scene.text(a.x + 9.0, a.bottom() - 6.0, 11.0, text).tone(tone).fit(a.w - 18.0);
            }
            return;
        }
        let nodes: Vec<NodeView> = m.nodes().collect();
        let shown = nodes.len().min(4);
        for (i, n) in nodes.iter().take(shown).enumerate() {
            let y = a.y + 36.0 + i as f32 * 17.0;
            let name = match (n.up, n.primary) {
                (false, _) => "down",
                (_, true) => "primary",
                _ => "replica",
            };
            let tone = if n.up { Tone::Ink2 } else { Tone::Rejected };
            scene.text(a.x + 9.0, y, 11.0, name).tone(tone);
            let bar = Area::new(a.x + 56.0, y - 8.0, a.w - 66.0, 8.0);
            scene.rect(bar.x, bar.y, bar.w, bar.h).round(3.0).fill(Tone::Sunk);
            let load = n.load.clamp(0.0, 1.0);
            scene.rect(bar.x, bar.y, bar.w * load, bar.h).round(3.0).fill(load_tone(load));
        }
        let mut y = a.bottom() - 39.0;
        if nodes.len() > shown {
            let text = format!("and {} more nodes", nodes.len() - shown);
            scene.text(a.x + 9.0, y, 11.0, text).tone(Tone::Ink3).fit(a.w - 18.0);
        }
        y += 16.0;
        let text = match waiting {
            w if w >= 1.0 => format!("{} q/s, {} wait", count(queries as u64), short(w)),
            _ => format!("{} q/s", count(queries as u64)),
        };
        let tone = if waiting > 100.0 { Tone::Rejected } else { Tone::Ink3 };
        scene.text(a.x + 9.0, y, 11.0, text).tone(tone).fit(a.w - 18.0);
        let (wanted, accepted) = m.connections();
        let over = m.is_direct() && wanted > u64::from(accepted);
        let text = format!("{} want {} places", count(wanted), count(u64::from(accepted)));
        let text = if over { text } else { format!("{} connections each", count(wanted)) };
        let tone = if over { Tone::Rejected } else { Tone::Ink3 };
        scene.text(a.x + 9.0, y + 15.0, 11.0, text).tone(tone).fit(a.w - 18.0);
    }

    /// Requests to their zones, to the database, and back as what became of them.
    fn flights(&self, scene: &mut Scene, p: &Places) {
        let zones = self.model.zones().len().max(1);
        let row = p.zones.h / zones as f32;
        let door = |zone: u8| match zone {
            Way::NOWHERE => (p.zones.x - 6.0, p.zones.y + p.zones.h / 2.0),
            z => (p.zones.x - 4.0, p.zones.y + (f32::from(z) + 0.5) * row),
        };
        for z in 0..zones {
            let (x, y) = door(z as u8);
            scene.line(p.clients.0, p.clients.1, x, y).width(1.0);
        }
        let between = |a: (f32, f32), b: (f32, f32), f: f32| (a.0 + (b.0 - a.0) * f, a.1 + (b.1 - a.1) * f);
        let along = |left: Us| along(self.view, left.0, FLIGHT.0);
        for s in self.model.samples() {
            let lane = scatter(s.id, self.model.drawn_one_in(), 2.4);
            let to = door(s.what.zone);
            let put = |scene: &mut Scene, (x, y): (f32, f32), glyph, tone| {
                sign(scene, self.view, (x, y + lane), (glyph, tone), 3.2, s.id);
            };
            if let Some(f) = along(s.at) {
                let glyph = if s.what.write { Glyph::Square } else { Outcome::Flight.glyph() };
                put(scene, between(p.clients, to, f), glyph, Tone::Flight);
            }
            if let (Some(db), Some(f)) = (p.database, along(s.what.asked)) {
                let from = (p.zones.right() + 4.0, db.1);
                put(scene, between(from, db, f), Glyph::Square, Tone::Waiting);
            }
            if let Some(f) = along(s.end) {
                let (x, y) = between(to, p.clients, f);
                put(scene, (x, y + 9.0), outcome(s.fate).glyph(), outcome(s.fate).tone());
            }
        }
    }

    /// Offered = answered in time + lost, and what the servers could do over it.
    fn load(&self, scene: &mut Scene, area: Area) {
        let caption = "Requests each second: in time, or lost";
        let row = |at: &dyn Fn(usize) -> f64| [at(number::GOODPUT), at(number::LOST), at(number::CAPACITY)];
        Load { area, caption, line: "servers could do", row: &row }.draw(self.live, self.now, scene);
    }

    /// The plan beside the run.
    fn table(&self, scene: &mut Scene, a: Area, rows: usize) {
        let (c1, c2) = (a.right() - 76.0, a.right());
        scene.text(a.x, a.y + 8.0, 11.0, "Plan and run").bold();
        scene.text(c1, a.y + 8.0, 11.0, "planned").end().tone(Tone::Ink3);
        scene.text(c2, a.y + 8.0, 11.0, "measured").end().tone(Tone::Ink3);
        let all = self.model.table(self.now);
        // What there is no room for is what the boxes show anyway.
        let order: &[usize] = if rows >= all.len() { &[0, 1, 2, 3, 4, 5, 6, 7] } else { &[2, 3, 5, 6, 7] };
        let step = (a.h - 14.0) / order.len().min(rows) as f32;
        for (i, r) in order.iter().take(rows).map(|i| &all[*i]).enumerate() {
            let y = a.y + 14.0 + step * (i as f32 + 1.0) - 4.0;
            scene.line(a.x, y - step + 4.0, a.right(), y - step + 4.0).width(1.0);
            scene.text(a.x, y, 11.0, r.label).tone(Tone::Ink2);
            let show = |v: Option<f64>| v.map_or("none".to_string(), |v| value(v, r.unit));
            scene.text(c1, y, 11.0, show(r.planned)).end().mono();
            // Half as much again as planned, or half of it, is news.
            let off = match (r.planned, r.measured) {
                (Some(p), Some(m)) => (m - p).abs() > 0.5 * p.abs() + 1.0,
                (p, m) => p.is_some() != m.is_some(),
            };
            let tone = if off { Tone::Rejected } else { Tone::Ink };
            scene.text(c2, y, 11.0, show(r.measured)).end().mono().tone(tone);
        }
    }

    /// What saturates next, and what it costs.
    fn fullest(&self, scene: &mut Scene, a: Area) {
        scene.text(a.x, a.y + 8.0, 11.0, "Fullest first").bold();
        scene.text(a.right(), a.y + 8.0, 11.0, "full at").end().tone(Tone::Ink3);
        let parts = self.model.saturation();
        let step = 20.0;
        for (i, p) in parts.iter().enumerate() {
            let y = a.y + 14.0 + step * (i as f32 + 1.0) - 4.0;
            scene.text(a.x, y, 11.0, p.name).tone(Tone::Ink2);
            let room = match p.used {
                u if u >= 0.999 => "full".to_string(),
                u if u > 0.005 => format!("{}\u{d7} load", tenth(1.0 / u)),
                _ => "idle".to_string(),
            };
            let tone = if p.used >= 0.95 { Tone::Rejected } else { Tone::Ink };
            scene.text(a.right(), y, 11.0, room).end().mono().tone(tone);
            scene.rect(a.x, y + 3.0, a.w, 2.5).round(1.0).fill(Tone::Sunk);
            let used = p.used.clamp(0.0, 1.0) as f32;
            scene.rect(a.x, y + 3.0, a.w * used, 2.5).round(1.0).fill(load_tone(used));
        }
        let cost = format!("${} an hour", count(self.model.cost_per_hour(self.now) as u64));
        scene.text(a.x, a.bottom() - 2.0, 11.0, cost).tone(Tone::Ink3).fit(a.w);
    }

    fn fullest_line(&self, scene: &mut Scene, x: f32, y: f32, width: f32) {
        let parts = self.model.saturation();
        let p99 = self.live.number(number::P99 as u8);
        let p99 = p99.map_or(String::new(), |v| format!("p99 {}. ", duration_us((v * 1e3) as u64)));
        let text = format!(
            "{p99}Fullest: {} {}, {} {}. ${} an hour.",
            parts[0].name,
            whole(parts[0].used),
            parts[1].name,
            whole(parts[1].used),
            count(self.model.cost_per_hour(self.now) as u64)
        );
        let tone = if parts[0].used >= 0.95 { Tone::Rejected } else { Tone::Ink2 };
        scene.text(x, y, 11.0, text).tone(tone).fit(width);
    }
}

/// One decimal below ten.
fn tenth(v: f64) -> String {
    if v < 9.95 {
        let t = (v * 10.0).round() as u64;
        format!("{}.{}", t / 10, t % 10)
    } else {
        count(v.round() as u64).to_string()
    }
}

fn value(v: f64, unit: &str) -> String {
    let whole = count(v.max(0.0).round() as u64);
    match unit {
        "%" => format!("{whole} %"),
        "ms" => format!("{whole} ms"),
        "/s" => format!("{whole}/s"),
        _ => whole.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::widgets::check;
    use sim::RunValue;
    use sim::questions::million_rpm_architecture::QUESTION;

    /// Every layout, with everything broken one after the other; nothing overlaps or leaves the picture.
    #[test]
    fn it_draws_at_every_stage_and_stays_inside() {
        for knobs in [
            &[("peak", 1.0)][..],
            &[("connect", 1.0), ("servers", 200.0)],
            &[("zones", 6.0), ("shards", 4.0), ("rate", 60_000.0)],
            &[("broker", 0.0), ("cache", 0.0), ("zones", 1.0)],
        ] {
            let mut value = check::value(
                &QUESTION,
                &[],
                &["1s zone zone=1", "2s slow", "3s workers for=3", "4s cache for=2", "5s flash factor=8 for=2"],
            );
            for (key, v) in knobs {
                value.knobs.set(QUESTION.knob(key).unwrap(), *v);
            }
            check::stages(&PICTURE, value, &[0, 500, 1_500, 3_200, 4_500, 6_500, 8_000], &["Zone 1"]);
        }
    }

    /// Drawing is bounded however many servers and requests there are.
    #[test]
    fn drawing_is_bounded() {
        let mut value = RunValue::new(&QUESTION);
        value.knobs.set(QUESTION.knob("rate").unwrap(), 166_667.0);
        value.knobs.set(QUESTION.knob("servers").unwrap(), 20_000.0);
        let mut run = QUESTION.run(value);
        run.advance(Us::s(1), u64::MAX);
        let scene = check::drawn(&PICTURE, &*run, check::views(&PICTURE)[0]);
        assert!(scene.items().len() < 250, "{} items", scene.items().len());
        assert!(scene.particles().len() < 2_000, "{} particles", scene.particles().len());
    }
}
