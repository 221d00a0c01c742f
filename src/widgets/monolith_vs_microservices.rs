//! The picture of a cut: which modules live together, what a request pays for the walls, and what waits for which
//! pipeline.
//!
//! The map is the control as well. A tile is a module, a box a deployable: carry a tile into another box, or onto the
//! dashed one for a deployable of its own.

use super::Heights;
use super::seen::{Seen, outcome};
use crate::draw::bars::{Bar, Bars, bars};
use crate::draw::flights::{along, dot};
use crate::draw::measure::{Font, text_width};
use crate::draw::number::{count, duration_us, short};
use crate::draw::{Area, Dash, Glyph, Hit, Scene, Tone, View};
use sim::look::{Fate, Sample};
use sim::questions::monolith_vs_microservices::{
    DeployableView, Down, ModuleView, OWN, Product, Segment, SegmentKind, Trip, act, module_name, number,
};
use sim::{Live, Us};

pub static PICTURE: super::Picture = super::Picture {
    slug: "monolith-vs-microservices",
    height: Heights { wide: 308.0, narrow: 412.0, wide_ab: 184.0, narrow_ab: 246.0 },
    draw,
};

/// How long a drawn page takes along its path: the picture's time, not the network's.
const TRIP: Us = Us::ms(1_400);
/// What the pipelines' strip shows.
const DAYS_SHOWN: u64 = 2;
const TILE_GAP: f32 = 3.0;

fn draw(live: &dyn Live, view: &View, scene: &mut Scene) {
    Seen::<Product>::draw(live, view, scene, [Seen::wide, Seen::narrow, Seen::wide_side, Seen::narrow_side]);
}

/// How large tiles and their boxes are.
#[derive(Clone, Copy)]
struct Size {
    tile: (f32, f32),
    /// Height of the line above the tiles; 0 for none.
    head: f32,
    /// Between the tiles and the edge of their box.
    rim: f32,
}

const SIZES: [Size; 7] = [
    Size { tile: (80.0, 30.0), head: 17.0, rim: 5.0 },
    Size { tile: (72.0, 24.0), head: 16.0, rim: 5.0 },
    Size { tile: (62.0, 20.0), head: 15.0, rim: 5.0 },
    Size { tile: (58.0, 17.0), head: 0.0, rim: 4.0 },
    Size { tile: (30.0, 15.0), head: 0.0, rim: 4.0 },
    Size { tile: (20.0, 11.0), head: 0.0, rim: 3.0 },
    Size { tile: (14.0, 8.0), head: 0.0, rim: 2.0 },
];

impl Size {
    fn fits(self, modules: usize, across: usize) -> (f32, f32) {
        let (cols, rows) = (modules.min(across), modules.div_ceil(across));
        let cols = if rows > 1 { modules.div_ceil(rows) } else { cols };
        let (w, h) = (self.tile.0 + TILE_GAP, self.tile.1 + TILE_GAP);
        (cols as f32 * w - TILE_GAP + 2.0 * self.rim, rows as f32 * h - TILE_GAP + 2.0 * self.rim + self.head)
    }
}

/// Boxes of so many modules each, side by side in shelves, as large as there is room for.
fn pack(a: Area, modules: &[usize]) -> (Size, usize, Vec<Area>) {
    let mut last = None;
    for size in SIZES {
        let across = ((a.w - 2.0 * size.rim + TILE_GAP) / (size.tile.0 + TILE_GAP)).max(1.0) as usize;
        let (mut x, mut y, mut shelf) = (a.x, a.y, 0.0f32);
        let mut boxes = Vec::with_capacity(modules.len());
        for n in modules {
            let (w, h) = size.fits(*n, across);
            if x > a.x && x + w > a.right() + 0.1 {
                (x, y, shelf) = (a.x, y + shelf + 5.0, 0.0);
            }
            boxes.push(Area::new(x, y, w, h));
            x += w + 6.0;
            shelf = shelf.max(h);
        }
        let fits = y + shelf <= a.bottom() + 0.1;
        last = Some((size, across, boxes));
        if fits {
            break;
        }
    }
    last.unwrap_or((SIZES[0], 1, Vec::new()))
}

impl Seen<'_, Product> {
    fn wide(&self, scene: &mut Scene) {
        self.map(scene, Area::new(14.0, 22.0, 566.0, 122.0));
        self.ribbon(scene, Area::new(14.0, 152.0, 566.0, 52.0));
        self.pipelines(scene, Area::new(14.0, 214.0, 566.0, 90.0), 6);
        self.clock(scene, Area::new(608.0, 4.0, 248.0, 42.0));
        self.gauge(scene, Area::new(608.0, 56.0, 240.0, 58.0));
        self.machines(scene, Area::new(608.0, 124.0, 240.0, 62.0));
        self.month(scene, Area::new(608.0, 196.0, 240.0, 108.0));
    }

    fn narrow(&self, scene: &mut Scene) {
        self.map(scene, Area::new(12.0, 22.0, 366.0, 128.0));
        self.ribbon(scene, Area::new(12.0, 156.0, 366.0, 48.0));
        self.pipelines(scene, Area::new(12.0, 212.0, 366.0, 88.0), 5);
        self.clock(scene, Area::new(12.0, 306.0, 366.0, 40.0));
        self.gauge(scene, Area::new(12.0, 358.0, 366.0, 52.0));
    }

    fn wide_side(&self, scene: &mut Scene) {
        self.map(scene, Area::new(14.0, 20.0, 392.0, 108.0));
        self.ribbon(scene, Area::new(14.0, 136.0, 392.0, 46.0));
        self.pipelines(scene, Area::new(424.0, 4.0, 220.0, 176.0), 9);
        self.gauge(scene, Area::new(660.0, 4.0, 190.0, 56.0));
        self.machines(scene, Area::new(660.0, 66.0, 190.0, 42.0));
        self.month(scene, Area::new(660.0, 112.0, 190.0, 70.0));
    }

    fn narrow_side(&self, scene: &mut Scene) {
        self.map(scene, Area::new(12.0, 20.0, 366.0, 96.0));
        self.ribbon(scene, Area::new(12.0, 122.0, 366.0, 44.0));
        self.pipelines(scene, Area::new(12.0, 172.0, 366.0, 72.0), 4);
    }

    // --- the map -------------------------------------------------------------------------------------------------

    /// Deployables with their modules, and the pages that go through them.
    fn map(&self, scene: &mut Scene, a: Area) {
        let all = self.model.deployables(self.now);
        let title = match all.len() {
            1 if self.model.is_mud() => "One deployable, no inner walls".to_string(),
            1 => "One deployable".to_string(),
            n => format!("{} deployables", count(n as u64)),
        };
        let w = scene.text(a.x, a.y - 7.0, 12.0, title).bold().text_width() + 10.0;
        let one_in = self.model.drawn_one_in();
        let hint = if a.w > 420.0 {
            format!("drag a module into another box; 1 page in {one_in} drawn")
        } else {
            format!("drag modules; 1 page in {one_in} drawn")
        };
        scene.text(a.x + w, a.y - 7.0, 11.0, hint).tone(Tone::Ink3).fit(a.w - w);
        // The place for a deployable of its own is one more box.
        let mut modules: Vec<usize> = all.iter().map(|d| d.modules).collect();
        modules.push(1);
        let (size, across, boxes) = pack(a, &modules);
        let mut centres = [(a.x, a.cy()); 64];
        for (d, at) in all.iter().zip(&boxes) {
            self.deployable(scene, d, *at, size, across, &mut centres);
        }
        if let Some(own) = boxes.last() {
            let b = scene.rect(own.x, own.y, own.w, own.h).round(6.0).stroke(Tone::Ink3).width(1.0).dash(Dash::Fine);
            b.hit(Hit::Onto(OWN)).tip("Put a module here, and it gets a deployable of its own");
            if own.w > 52.0 {
                scene.text(own.cx(), own.cy(), 11.0, "its own").middle().vcenter().tone(Tone::Ink3).fit(own.w - 6.0);
            }
        }
        for s in self.model.samples() {
            self.trip(scene, a, s, &centres);
        }
    }

    fn deployable(
        &self,
        scene: &mut Scene,
        d: &DeployableView,
        at: Area,
        size: Size,
        across: usize,
        centres: &mut [(f32, f32); 64],
    ) {
        let down = d.down != Down::Not;
        let (stroke, width) = if down { (Tone::Rejected, 2.5) } else { (Tone::Ink2, 1.5) };
        let b = scene.rect(at.x, at.y, at.w, at.h).round(6.0).fill(Tone::Panel).stroke(stroke).width(width);
        b.hit(Hit::Onto(d.lane));
        if let Some(leaked) = d.leaked {
            // Memory rises from the bottom; full is dead.
            let h = (at.h - 2.0) * leaked as f32;
            scene.rect(at.x + 1.0, at.bottom() - 1.0 - h, at.w - 2.0, h).round(5.0).fill(Tone::Stale).opacity(0.35);
        }
        if size.head > 0.0 {
            let (text, tone) = match d.down {
                Down::Not => (format!("\u{d7}{} {} GB", d.replicas, short(d.memory)), Tone::Ink3),
                Down::Outage => ("down".to_string(), Tone::Rejected),
                Down::BadRelease => ("bad release".to_string(), Tone::Rejected),
                Down::OutOfMemory => ("no memory".to_string(), Tone::Rejected),
            };
            let x = at.x + size.rim;
            scene.text(x, at.y + 14.0, 11.0, text).tone(tone).fit(at.right() - x - 3.0);
        }
        let rows = d.modules.div_ceil(across);
        let cols = if rows > 1 { d.modules.div_ceil(rows) } else { d.modules };
        for (i, m) in self.model.modules_of(d.lane).enumerate() {
            let x = at.x + size.rim + (i % cols) as f32 * (size.tile.0 + TILE_GAP);
            let y = at.y + size.rim + size.head + (i / cols) as f32 * (size.tile.1 + TILE_GAP);
            let tile = Area::new(x, y, size.tile.0, size.tile.1);
            centres[usize::from(m.module)] = (tile.cx(), tile.cy());
            self.tile(scene, &m, tile, down);
        }
    }

    fn tile(&self, scene: &mut Scene, m: &ModuleView, t: Area, down: bool) {
        let (state, tone) = match m {
            _ if down => (" is down", Tone::Rejected),
            ModuleView { leaking: true, .. } => (" leaks", Tone::Stale),
            ModuleView { slow: true, .. } => (" is slow", Tone::Waiting),
            ModuleView { hot: true, .. } => (" is hot", Tone::Flight),
            _ => ("", Tone::Line),
        };
        let marked = !state.is_empty();
        let name = module_name(m.module);
        let fill = if marked { tone } else { Tone::Sunk };
        scene.rect(t.x, t.y, t.w, t.h).round(4.0).fill(fill).opacity(if marked { 0.3 } else { 1.0 });
        let hit = Hit::Carry { act: act::MOVE as u8, what: m.module };
        let stroke = if m.picked { Tone::Ink } else { tone };
        let frame = scene.rect(t.x, t.y, t.w, t.h).round(4.0).stroke(stroke).width(if m.picked { 2.0 } else { 1.0 });
        let dash = if m.optional { Dash::Fine } else { Dash::Solid };
        let without = if m.optional { ", optional" } else { "" };
        frame.dash(dash).hit(hit).tip(format_args!("{name}, team {}{without}{state}", m.team + 1));
        // Without a head that says so, a cross does.
        let crossed = down && t.h < 20.0;
        if crossed {
            scene.glyph(t.right() - 6.0, t.cy(), Glyph::Cross, Tone::Rejected, 3.5);
        }
        if t.h < 14.0 || t.w < 26.0 {
            return;
        }
        let text = if t.w < 40.0 { format!("{}", m.module + 1) } else { name };
        let team = t.h >= 20.0 && self.model.teams() > 1;
        let ink = if down { Tone::Rejected } else { Tone::Ink };
        let item =
            scene.text(t.x + 4.0, t.cy(), 11.0, text).vcenter().tone(ink).fit(t.w - if crossed { 16.0 } else { 5.0 });
        let w = item.text_width();
        if team {
            let label = format!("t{}", m.team + 1);
            let wide = text_width(&label, 11.0, Font::Sans);
            if w + wide + 14.0 <= t.w {
                scene.text(t.right() - 4.0, t.cy(), 11.0, label).end().vcenter().tone(Tone::Ink3);
            }
        }
    }

    /// A drawn page: from module to module along its path, and no further than it came.
    fn trip(&self, scene: &mut Scene, a: Area, s: &Sample<Trip>, centres: &[(f32, f32); 64]) {
        let Some(way) = along(self.view, s.at.0, TRIP.0) else { return };
        let (trip, fate, id) = (&s.what, s.fate, s.id);
        let failed = !matches!(fate, Fate::Open | Fate::Good | Fate::Stale);
        let calls = trip.calls.max(1);
        let legs = way * f32::from(calls);
        let last = if failed { trip.reached.min(calls - 1) } else { calls - 1 };
        let centre = |place: u8| centres[usize::from(self.model.module_on(trip, place)) % 64];
        let leg = (legs as u8).min(last);
        let (from, to) = if leg == 0 { ((a.x - 8.0, centre(0).1), centre(0)) } else { (centre(leg - 1), centre(leg)) };
        let part = (legs - f32::from(leg)).min(1.0);
        let there = failed && legs >= f32::from(last) + 1.0;
        let x = from.0 + (to.0 - from.0) * part;
        let y = from.1 + (to.1 - from.1) * part + (id / self.model.drawn_one_in().max(1) % 3) as f32 * 3.0 - 3.0;
        let shown = if there || (fate == Fate::Stale && part > 0.9 && leg == last) { fate } else { Fate::Open };
        dot(scene, self.view, (x, y), outcome(shown), if there { 5.0 } else { 3.5 }, id);
    }

    // --- one page ------------------------------------------------------------------------------------------------

    /// Where the time of one page went: in a process, on the network, waiting.
    fn ribbon(&self, scene: &mut Scene, a: Area) {
        let (_, segments) = self.model.recorded();
        let (Some(from), Some(to)) =
            (segments.first().map(|s| s.from), segments.iter().map(|s| s.to).max().filter(|to| to.0 > 0))
        else {
            scene.text(a.x, a.y + 11.0, 12.0, "One page").bold();
            scene.text(a.x + 70.0, a.y + 11.0, 11.0, "the first is on its way").tone(Tone::Ink3).fit(a.w - 74.0);
            return;
        };
        let all = to.since(from).0.max(1);
        let network = covered(segments, SegmentKind::Network);
        let waits = covered(segments, SegmentKind::Wait);
        let w = scene.text(a.x, a.y + 11.0, 12.0, format!("One page: {}", duration_us(all))).bold().text_width() + 12.0;
        let mut x = a.x + w;
        for (kind, text) in [
            (SegmentKind::Work, "work".to_string()),
            (SegmentKind::Network, format!("network {}", duration_us(network))),
            (SegmentKind::Wait, format!("waits {}", duration_us(waits))),
        ] {
            let wide = text_width(&text, 11.0, Font::Sans);
            if (kind == SegmentKind::Wait && waits == 0) || x + wide + 16.0 > a.right() {
                continue;
            }
            piece(scene, kind, Area::new(x, a.y + 2.0, 10.0, 9.0));
            scene.text(x + 14.0, a.y + 11.0, 11.0, text).tone(Tone::Ink3);
            x += wide + 28.0;
        }
        // Calls made at once lie below each other.
        let mut rows: Vec<Us> = Vec::new();
        let placed: Vec<usize> = segments
            .iter()
            .map(|s| {
                let row = rows.iter().position(|end| *end <= s.from).unwrap_or(rows.len().min(7));
                if row == rows.len() {
                    rows.push(s.to);
                } else {
                    rows[row] = rows[row].max(s.to);
                }
                row
            })
            .collect();
        let body = Area::new(a.x, a.y + 18.0, a.w, a.h - 18.0);
        let rows = rows.len().max(1);
        let h = (body.h / rows as f32).min(20.0);
        for (s, row) in segments.iter().zip(placed) {
            let x = body.x + body.w * s.from.since(from).0 as f32 / all as f32;
            let w = body.w * s.to.since(s.from).0 as f32 / all as f32;
            let at = Area::new(x, body.y + h * row as f32, w.max(0.6), h - if rows > 1 { 1.0 } else { 0.0 });
            piece(scene, s.kind, at);
            if s.kind == SegmentKind::Work && rows == 1 {
                let name = module_name(s.module);
                if text_width(&name, 11.0, Font::Sans) + 6.0 < w {
                    scene.text(x + w / 2.0, body.y + h / 2.0, 11.0, name).middle().vcenter();
                }
            }
        }
    }

    // --- delivery ------------------------------------------------------------------------------------------------

    /// The runs of the last two working days, and who waits for the next.
    fn pipelines(&self, scene: &mut Scene, a: Area, rows_max: usize) {
        let m = self.model;
        let title = scene.text(a.x, a.y + 11.0, 12.0, "Pipelines").bold().text_width() + 10.0;
        let days = if a.w < 300.0 { 1 } else { DAYS_SHOWN };
        let talk = m.talking();
        let text = if talk > 0 {
            format!("{} changes wait until two teams agree", count(talk))
        } else {
            format!("runs of {}", if days == 1 { "a working day" } else { "two working days" })
        };
        let tone = if talk > 0 { Tone::Waiting } else { Tone::Ink3 };
        scene.text(a.x + title, a.y + 11.0, 11.0, text).tone(tone).fit(a.w - title);
        let body = Area::new(a.x, a.y + 18.0, a.w, a.h - 18.0);
        let mut all = m.deployables(self.now);
        let hidden = all.len().saturating_sub(rows_max);
        if hidden > 0 {
            // Those with the longest lines; the order of the map among equals.
            sim::order::by(&mut all, |a, b| a.waiting + a.in_batch > b.waiting + b.in_batch);
            all.truncate(rows_max - 1);
        }
        let rows = all.len() + usize::from(hidden > 0);
        let pitch = (body.h / rows.max(1) as f32).min(24.0);
        let wide = a.w > 400.0;
        let (label_w, line_w) = if wide { (82.0, 140.0) } else { (58.0, 62.0) };
        let strip = Area::new(body.x + label_w, body.y, body.w - label_w - line_w - 8.0, pitch * all.len() as f32);
        let from = self.now.since(m.day() * days);
        let span = (m.day() * days).0 as f32;
        let px = |t: Us| strip.x + strip.w * (t.since(from).0 as f32 / span).min(1.0);
        for day in 0..=days {
            // Where a day began.
            let (today, ..) = m.calendar(self.now);
            let Some(at) = today.checked_sub(day) else { continue };
            let begins = m.day() * at;
            if begins >= from {
                let x = px(begins);
                scene.line(x, strip.y, x, strip.bottom()).width(1.0).dash(Dash::Dotted);
            }
        }
        for (i, d) in all.iter().enumerate() {
            let y = body.y + pitch * i as f32;
            let (mid, h) = (y + pitch / 2.0, (pitch - 4.0).clamp(5.0, 14.0));
            let first = m.modules_of(d.lane).next().map_or(String::new(), |v| module_name(v.module));
            let name = if d.modules > 1 && wide { format!("{first} +{}", d.modules - 1) } else { first };
            if pitch >= 11.0 {
                scene.text(body.x, mid, 11.0, name).vcenter().tone(Tone::Ink2).fit(label_w - 4.0);
            }
            scene.line(strip.x, mid, strip.right(), mid).width(1.0);
            for run in m.runs().filter(|r| r.lane == d.lane && r.to > from) {
                let (x0, x1) = (px(run.from), px(run.to));
                let tone = if run.green { Tone::Ok } else { Tone::Rejected };
                scene.rect(x0, mid - h / 2.0, (x1 - x0 - 0.6).max(0.8), h).round(1.5).fill(tone).opacity(0.75);
                if !run.green {
                    scene.glyph((x0 + x1) / 2.0, mid, Glyph::Cross, Tone::Rejected, 3.0);
                }
            }
            if let Some(since) = d.running {
                let x0 = px(since);
                scene.rect(x0, mid - h / 2.0, (px(self.now) - x0).max(0.8), h).round(1.5).fill(Tone::Flight);
            }
            self.line(scene, d, Area::new(strip.right() + 6.0, y, line_w, pitch));
        }
        if hidden > 0 {
            let y = body.y + pitch * (all.len() as f32 + 0.5);
            let rest = format!("and {} more", count(hidden as u64 + 1));
            scene.text(body.x, y, 11.0, rest).vcenter().tone(Tone::Ink3).fit(strip.right() - body.x);
        }
    }

    /// Who waits for the next run of a pipeline, one square each.
    fn line(&self, scene: &mut Scene, d: &DeployableView, a: Area) {
        let mid = a.cy();
        if let Some(until) = d.red_until {
            let hours = until.since(self.now).0 as f64 / self.model.hour_span().0 as f64;
            let text = if a.w > 100.0 {
                format!("red, {} h, {} wait", short(hours.ceil()), count((d.waiting + d.in_batch) as u64))
            } else {
                format!("red, {} h", short(hours.ceil()))
            };
            scene.text(a.x, mid, 11.0, text).vcenter().tone(Tone::Rejected).fit(a.w);
            return;
        }
        if d.waiting == 0 {
            return;
        }
        let text = count(d.waiting as u64).to_string();
        let room = a.w - text_width(&text, 11.0, Font::Mono) - 8.0;
        let squares = d.waiting.min((room / 7.0) as usize);
        for i in 0..squares {
            scene.rect(a.x + 7.0 * i as f32, mid - 2.5, 5.0, 5.0).fill(Tone::Waiting);
        }
        scene.text(a.x + 7.0 * squares as f32 + 4.0, mid, 11.0, text).mono().vcenter().tone(Tone::Waiting);
    }

    // --- the calendar, and what it costs -------------------------------------------------------------------------

    fn clock(&self, scene: &mut Scene, a: Area) {
        let (day, hour, hours) = self.model.calendar(self.now);
        let text = format!("Day {}, hour {} of {}", count(day + 1), count(hour as u64 + 1), short(hours));
        scene.text(a.x, a.y + 13.0, 13.0, text).bold().fit(a.w);
        let day_s = short(self.model.day().as_s());
        let pace = format!("A working day passes in {day_s} s. Requests");
        scene.text(a.x, a.y + 28.0, 11.0, pace).tone(Tone::Ink3).fit(a.w);
        let sample = format!("keep their time: 1 in {} is simulated.", short(self.model.pace()));
        scene.text(a.x, a.y + 42.0, 11.0, sample).tone(Tone::Ink3).fit(a.w);
    }

    /// Hours of a year in which pages fail: measured, and on paper. Each step of the scale is ten times as much.
    fn gauge(&self, scene: &mut Scene, a: Area) {
        let measured = self.live.number(number::DOWNTIME as u8);
        let paper = (1.0 - self.model.on_paper()) * 8_760.0;
        let w = scene.text(a.x, a.y + 11.0, 12.0, "Down").bold().text_width() + 8.0;
        let text = match measured {
            Some(hours) => format!("{} h/yr, on paper {}", short(hours), short(paper)),
            None => format!("on paper {} h/yr", short(paper)),
        };
        scene.text(a.x + w, a.y + 11.0, 11.0, text).tone(Tone::Ink2).fit(a.w - w);
        let bar = Area::new(a.x, a.y + 20.0, a.w, 14.0);
        // From a tenth of an hour to a year: five powers of ten.
        let x = |hours: f64| bar.x + bar.w * ((hours.max(0.1) / 0.1).log10() / 5.0).min(1.0) as f32;
        scene.rect(bar.x, bar.y, bar.w, bar.h).round(3.0).fill(Tone::Sunk);
        if let Some(hours) = measured.filter(|h| *h > 0.0) {
            let tone = if hours > paper * 1.5 { Tone::Rejected } else { Tone::Ok };
            scene.rect(bar.x, bar.y, x(hours) - bar.x, bar.h).round(3.0).fill(tone).opacity(0.75);
        }
        let at = x(paper);
        scene.line(at, bar.y - 3.0, at, bar.bottom() + 3.0).stroke(Tone::Ink).width(2.0);
        let marks = [(1.0, "1 h"), (10.0, "10 h"), (100.0, "100 h"), (1_000.0, "1,000 h")];
        for (hours, text) in marks {
            let at = x(hours);
            scene.line(at, bar.y, at, bar.bottom()).width(1.0);
            if a.w > 200.0 || hours != 10.0 && hours != 1_000.0 {
                scene.text(at, bar.bottom() + 14.0, 11.0, text).middle().tone(Tone::Ink3);
            }
        }
    }

    fn machines(&self, scene: &mut Scene, a: Area) {
        let (replicas, memory) = (self.number(number::REPLICAS), self.number(number::MEMORY));
        let asked: f64 = self.model.deployables(self.now).iter().map(|d| d.asked).sum();
        let text = format!("{} cores, {} of them busy", short(replicas), short(asked));
        scene.text(a.x, a.y + 11.0, 11.0, text).tone(Tone::Ink2).fit(a.w);
        let wide = a.w / 40.0f32.max(replicas as f32);
        for i in 0..replicas as usize {
            let x = a.x + wide * i as f32;
            let busy = (i as f64) < asked;
            let tone = if busy { Tone::Flight } else { Tone::Line };
            scene.rect(x, a.y + 16.0, (wide - 1.5).max(1.0), 8.0).round(1.0).fill(tone);
        }
        scene.text(a.x, a.y + 38.0, 11.0, format!("{} GB of memory", short(memory))).tone(Tone::Ink2).fit(a.w);
        if a.h >= 56.0 {
            let w = a.w * (memory / 40.0f64.max(memory)) as f32;
            scene.rect(a.x, a.y + 43.0, a.w, 8.0).round(2.0).fill(Tone::Sunk);
            scene.rect(a.x, a.y + 43.0, w, 8.0).round(2.0).fill(Tone::Stale);
        }
    }

    /// What a month costs besides the work itself.
    fn month(&self, scene: &mut Scene, a: Area) {
        let costs = self.model.costs(self.now);
        let sum: f64 = costs.iter().sum();
        scene.text(a.x, a.y + 11.0, 12.0, format!("$ {} a month", short(sum))).bold().fit(a.w);
        let words = costs.map(|c| short(c).to_string());
        let tones = [Tone::Flight, Tone::Stale, Tone::Waiting];
        let rows: Vec<Bar> = ["machines", "upkeep", "talk"]
            .iter()
            .enumerate()
            .map(|(i, label)| Bar { label, value: costs[i], words: &words[i], tone: tones[i] })
            .collect();
        let area = Area::new(a.x, a.y + 15.0, a.w, a.h - 15.0);
        bars(scene, &Bars { area, bars: &rows, max: 10_000.0, label_w: 58.0, mark: None });
    }
}

/// The time in which at least one stretch of this kind was going on, in µs.
fn covered(segments: &[Segment], kind: SegmentKind) -> u64 {
    let (mut sum, mut end) = (0, Us::ZERO);
    let mut all: Vec<(Us, Us)> = segments.iter().filter(|s| s.kind == kind).map(|s| (s.from, s.to)).collect();
    sim::order::by_key(&mut all, |s| s.0);
    for (from, to) in all {
        sum += to.since(from.max(end)).0;
        end = end.max(to);
    }
    sum
}

/// A stretch of time by its kind: work is full, the network a thin line, waiting a frame.
fn piece(scene: &mut Scene, kind: SegmentKind, a: Area) {
    match kind {
        SegmentKind::Work => _ = scene.rect(a.x, a.y, a.w, a.h).round(2.0).fill(Tone::Flight).opacity(0.45),
        SegmentKind::Network => {
            _ = scene.rect(a.x, a.y + a.h * 0.3, a.w, a.h * 0.4).fill(Tone::Stale);
        }
        SegmentKind::Wait => {
            _ = scene.rect(a.x, a.y + 1.0, a.w, a.h - 2.0).stroke(Tone::Waiting).width(1.5);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::widgets::check;
    use sim::questions::monolith_vs_microservices::QUESTION;

    const AT: [u64; 6] = [0, 900, 5_000, 20_000, 60_000, 150_000];

    #[test]
    fn it_draws_every_cut() {
        let trouble =
            ["2s wrong", "3s leak what=3", "4s slow what=2", "5s hot what=5", "6s red what=1", "7s bad what=6"];
        for layout in ["mud", "modular", "hybrid", "teams", "services"] {
            check::stages(&PICTURE, check::value(&QUESTION, &[("layout", layout)], &trouble), &AT, &["deployable"]);
            let many =
                [("layout", layout), ("modules", "50"), ("calls", "30"), ("parallel", "20"), ("developers", "200")];
            check::stages(&PICTURE, check::value(&QUESTION, &many, &trouble), &AT[..4], &["Pipelines"]);
        }
    }

    /// Wherever the tiles are carried, each is there once, can be carried on, and every box can take one.
    #[test]
    fn what_is_carried_can_be_carried_on() {
        let inputs = ["1s move what=6 to=63", "2s move what=7 to=1", "3s move what=0 to=63", "4s split", "6s merge"];
        let mut run = QUESTION.run(check::value(&QUESTION, &[], &inputs));
        for second in 0..8 {
            run.advance(Us::ms(second * 1_000 + 500), u64::MAX);
            for view in check::views(&PICTURE) {
                let scene = check::drawn(&PICTURE, &*run, view);
                let hits = |which: fn(&Hit) -> bool| {
                    scene.items().iter().filter(|i| i.hit.as_ref().is_some_and(which)).count()
                };
                assert_eq!(hits(|h| matches!(h, Hit::Carry { .. })), 10);
                let boxes = run.number(number::DEPLOYABLES as u8).unwrap() as usize;
                assert_eq!(hits(|h| matches!(h, Hit::Onto(_))), boxes + 1);
            }
        }
    }

    #[test]
    fn boxes_find_room() {
        for (w, h) in [(566.0, 122.0), (366.0, 128.0), (392.0, 108.0), (366.0, 96.0)] {
            let a = Area::new(10.0, 10.0, w, h);
            for modules in [vec![10, 1], vec![1; 11], vec![50, 1], vec![1; 51], vec![5, 5, 1], vec![20, 20, 10, 1]] {
                let (_, _, boxes) = pack(a, &modules);
                let inside = |b: &Area| b.right() <= a.right() + 0.2 && b.bottom() <= a.bottom() + 0.2;
                assert!(boxes.iter().all(inside), "{w} by {h}, {modules:?}: {boxes:?}");
            }
        }
    }
}
