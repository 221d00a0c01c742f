//! The picture of slow queries: who waits, which connection does what, and where on its curve the
//! database works; below, the plan of the query with its costs, and the cache or the facts.
//!
//! Each connection is a tile with the sign of what it is at. The curve is X₁·C(n): its height is what
//! n running statements complete a second. The level is the load. Where they meet on the left the
//! database keeps up; where they meet on the right it tips over.

use super::Heights;
use super::seen::{Seen, facts, fly};
use crate::draw::flights::{Tracks, rails, scatter};
use crate::draw::number::{Duration, count, duration_us, percent, short};
use crate::draw::pipe::{Pipe, pipe};
use crate::draw::plot::{Bound, Plot, Range, Series, plot};
use crate::draw::shelf::{Row, Shelf, shelf};
use crate::draw::{Area, Dash, Glyph, Hit, Outcome, Scene, Tone, View};
use sim::blocks::cache::Look;
use sim::blocks::planner::{Method, Plan};
use sim::questions::slow_db_queries::{Kind, Phase, SlowQueries, act, number};
use sim::{Live, Us};

pub static PICTURE: super::Picture = super::Picture {
    slug: "slow-db-queries",
    height: Heights { wide: 304.0, narrow: 452.0, wide_ab: 186.0, narrow_ab: 262.0 },
    draw,
};

/// How long a drawn request takes along its track: the picture's time, not the network's.
const FLIGHT: Us = Us::ms(600);
/// Tiles drawn at most; the rest is counted.
const TILES_MAX: u32 = 240;

fn draw(live: &dyn Live, view: &View, scene: &mut Scene) {
    Seen::<SlowQueries>::draw(live, view, scene, [Seen::wide, Seen::narrow, Seen::wide_side, Seen::narrow_side]);
}

/// What a connection is doing.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Doing {
    Idle,
    Running,
    Trip,
    Locked,
    Report,
    Opening,
    Leaked,
}

impl Doing {
    const ALL: [(Doing, &'static str); 7] = [
        (Doing::Running, "running"),
        (Doing::Trip, "on the network"),
        (Doing::Locked, "locked"),
        (Doing::Report, "reports"),
        (Doing::Opening, "opening"),
        (Doing::Leaked, "leaked"),
        (Doing::Idle, "idle"),
    ];

    fn of(phase: Phase) -> Doing {
        match phase {
            Phase::Running => Doing::Running,
            Phase::Trip => Doing::Trip,
            Phase::Locked => Doing::Locked,
            Phase::Report => Doing::Report,
            Phase::Opening | Phase::Pooler => Doing::Opening,
            Phase::Free | Phase::Waiting => Doing::Idle,
        }
    }

    fn look(self) -> (Tone, Option<Glyph>) {
        match self {
            Doing::Idle => (Tone::Line, None),
            Doing::Running => (Tone::Ok, Some(Glyph::Dot)),
            Doing::Trip => (Tone::Flight, Some(Glyph::Triangle)),
            Doing::Locked => (Tone::Waiting, Some(Glyph::Ring)),
            Doing::Report => (Tone::Stale, Some(Glyph::Diamond)),
            Doing::Opening => (Tone::Waiting, Some(Glyph::Square)),
            Doing::Leaked => (Tone::Rejected, Some(Glyph::Cross)),
        }
    }
}

fn name(m: Method) -> &'static str {
    match m {
        Method::SeqScan => "Seq Scan",
        Method::IndexScan => "Index Scan",
        Method::IndexOnlyScan => "Index Only Scan",
        Method::BitmapScan => "Bitmap Scan",
    }
}

impl Seen<'_, SlowQueries> {
    fn wide(&self, scene: &mut Scene) {
        self.clients(scene, Area::new(14.0, 4.0, 112.0, 70.0));
        self.queue(scene, Area::new(196.0, 6.0, 136.0, 74.0));
        self.flights(scene, (126.0, 190.0), 42.0, 12.0);
        self.parts(scene, Area::new(14.0, 98.0, 318.0, 56.0));
        scene.arrow((336.0, 43.0), (356.0, 43.0), Tone::Ink3);
        self.connections(scene, Area::new(362.0, 4.0, 196.0, 150.0));
        scene.arrow((562.0, 70.0), (580.0, 70.0), Tone::Ink3);
        self.curve(scene, Area::new(588.0, 2.0, 266.0, 158.0));
        scene.line(14.0, 168.0, 846.0, 168.0).width(1.0);
        self.plan(scene, Area::new(14.0, 176.0, 548.0, 124.0));
        if self.model.has_cache() {
            self.cache(scene, Area::new(588.0, 176.0, 258.0, 122.0));
        } else {
            self.facts(scene, Area::new(588.0, 178.0, 258.0, 120.0), 6);
        }
    }

    fn narrow(&self, scene: &mut Scene) {
        self.clients(scene, Area::new(12.0, 2.0, 112.0, 70.0));
        self.queue(scene, Area::new(186.0, 4.0, 192.0, 70.0));
        self.flights(scene, (124.0, 180.0), 38.0, 11.0);
        self.connections(scene, Area::new(12.0, 84.0, 366.0, 86.0));
        self.curve(scene, Area::new(12.0, 178.0, 366.0, 150.0));
        self.parts(scene, Area::new(12.0, 336.0, 366.0, 48.0));
        let y = 400.0;
        if self.model.has_cache() {
            self.line_of_plan(scene, 12.0, y, 366.0);
            self.line_of_cache(scene, 12.0, y + 18.0, 366.0);
        } else {
            self.line_of_plan(scene, 12.0, y, 366.0);
            self.facts(scene, Area::new(12.0, y + 8.0, 366.0, 40.0), 2);
        }
    }

    fn wide_side(&self, scene: &mut Scene) {
        self.queue(scene, Area::new(14.0, 2.0, 150.0, 68.0));
        scene.arrow((168.0, 36.0), (184.0, 36.0), Tone::Ink3);
        self.connections(scene, Area::new(190.0, 2.0, 262.0, 98.0));
        self.parts(scene, Area::new(14.0, 112.0, 438.0, 48.0));
        if self.model.has_cache() {
            self.line_of_cache(scene, 14.0, 178.0, 438.0);
        } else {
            self.line_of_plan(scene, 14.0, 178.0, 438.0);
        }
        self.curve(scene, Area::new(476.0, 0.0, 376.0, 184.0));
    }

    fn narrow_side(&self, scene: &mut Scene) {
        self.queue(scene, Area::new(12.0, 0.0, 130.0, 66.0));
        self.connections(scene, Area::new(158.0, 0.0, 220.0, 76.0));
        self.curve(scene, Area::new(12.0, 82.0, 366.0, 140.0));
        if self.model.has_cache() {
            self.line_of_cache(scene, 12.0, 238.0, 366.0);
        } else {
            self.line_of_plan(scene, 12.0, 238.0, 366.0);
        }
        self.line_of_parts(scene, 12.0, 255.0, 366.0);
    }

    /// Who asks, and how often.
    fn clients(&self, scene: &mut Scene, a: Area) {
        scene.text(a.x, a.y + 13.0, 13.0, "Requests").bold();
        let tone = if self.model.is_bursting() { Tone::Rejected } else { Tone::Ink };
        let rate = count(self.number(number::OFFERED) as u64);
        let w = scene.text(a.x, a.y + 33.0, 16.0, rate).mono().bold().tone(tone).text_width();
        scene.text(a.x + w + 5.0, a.y + 33.0, 11.0, "/s").tone(Tone::Ink3);
        let good = self.number(number::GOODPUT);
        let short_of = good < 0.9 * self.number(number::OFFERED) && self.now > Us::s(1);
        let tone = if short_of { Tone::Rejected } else { Tone::Ink3 };
        scene.text(a.x, a.y + 50.0, 11.0, format_args!("{} answered/s", count(good as u64))).tone(tone).fit(a.w);
        let drawn = self.model.drawn_one_in();
        if drawn > 1 {
            scene.text(a.x, a.y + 65.0, 11.0, format_args!("1 in {drawn} drawn")).tone(Tone::Ink3).fit(a.w);
        }
    }

    fn queue(&self, scene: &mut Scene, a: Area) {
        let (waiting, room) = self.model.queue();
        // A second's worth of the load fills it.
        let scale = (self.number(number::OFFERED) as u64).max(100).max(waiting);
        let full = waiting >= room;
        pipe(
            scene,
            &Pipe {
                area: a,
                title: &"Wait queue",
                count: waiting,
                scale,
                bound: (room <= scale).then_some(room),
                head_age_us: self.model.oldest(self.now).filter(|_| !full).map(|t| t.0),
                tone: Tone::Waiting,
            },
        );
    }

    /// Tracks between clients and the pool: requests to the right, their fates to the left.
    fn flights(&self, scene: &mut Scene, x: (f32, f32), y: f32, apart: f32) {
        let tracks = Tracks { x, y, apart, takes_us: FLIGHT.0 };
        rails(scene, &tracks);
        for s in self.model.samples() {
            let size = if s.what == Kind::Read { 3.5 } else { 4.5 };
            fly(scene, self.view, &tracks, s, size, scatter(s.id, self.model.drawn_one_in(), 2.4));
        }
    }

    /// A tile for each connection, with the sign of what it is at.
    fn connections(&self, scene: &mut Scene, a: Area) {
        let m = self.model;
        let (per_node, instances) = m.per_node();
        let nodes = m.databases().count() as u32;
        let all = per_node.saturating_mul(nodes);
        let title = scene.text(a.x, a.y + 12.0, 12.0, if m.pooled() { "Connections" } else { "No pool" }).bold();
        let w = title.text_width() + 8.0;
        let shape = match (m.pooled(), instances, nodes) {
            (false, ..) => format_args!("at most {}", count(u64::from(per_node))).to_string(),
            (_, 1, 1) => format_args!("{} in the pool", count(u64::from(per_node))).to_string(),
            (_, _, 1) => format_args!("{instances} × {}", count(u64::from(per_node) / instances as u64)).to_string(),
            _ => format_args!("{instances} × {} × {nodes} nodes", count(u64::from(per_node) / instances as u64))
                .to_string(),
        };
        scene.text(a.x + w, a.y + 12.0, 11.0, shape).tone(Tone::Ink3).fit(a.w - w);
        let shown = all.min(TILES_MAX);
        let mut counts = [0u32; 7];
        let leaked = m.leaked() as u32;
        let body = Area::new(a.x, a.y + 20.0, a.w, a.h - 36.0);
        let side = pitch(body, shown as usize);
        let cols = ((body.w / side + 0.001) as u32).max(1);
        let size = side - (side * 0.14).clamp(1.5, 5.0);
        for (i, place) in m.places(all as usize).enumerate() {
            let i = i as u32;
            // Leaked ones have no request any more; they take the last places.
            let doing = match place.held {
                Some((.., phase)) => Doing::of(phase),
                None if i + leaked >= all => Doing::Leaked,
                None => Doing::Idle,
            };
            if let Some(slot) = Doing::ALL.iter().position(|d| d.0 == doing) {
                counts[slot] += 1;
            }
            if i >= shown {
                continue;
            }
            let (x, y) = (body.x + (i % cols) as f32 * side, body.y + (i / cols) as f32 * side);
            let (tone, glyph) = doing.look();
            let tile = scene.rect(x, y, size, size).round((size * 0.2).min(5.0)).fill(Tone::Panel).stroke(tone);
            let tile = tile.width(if size < 16.0 { 1.0 } else { 1.5 });
            if let Some((id, ..)) = place.held {
                tile.hit(Hit::Request(id));
            } else if doing == Doing::Idle {
                tile.hit(Hit::Act { act: act::LEAK as u8, arg: 1 }).tip("leak this connection");
            }
            if let Some(glyph) = glyph {
                let (r, id) = ((size * 0.28).clamp(2.0, 7.0), place.held.map(|(id, ..)| id));
                scene.particle(x + size / 2.0, y + size / 2.0, glyph, tone, r, id);
            }
            if let Some((id, ..)) = place.held
                && self.view.selected == Some(id)
            {
                scene.rect(x - 1.0, y - 1.0, size + 2.0, size + 2.0).round(4.0).stroke(Tone::Ink).width(1.5);
            }
        }
        // What they are at, in words; the first that are there.
        let mut words = String::new();
        for ((_, word), n) in Doing::ALL.iter().zip(counts).filter(|(_, n)| *n > 0) {
            if !words.is_empty() {
                words += ", ";
            }
            words += &format_args!("{n} {word}").to_string();
        }
        if let Some((waiting, size)) = m.at_pooler() {
            words += &format_args!("; pooler {size}, {waiting} wait there").to_string();
        }
        let trouble = counts[2] + counts[3] + counts[5] > 0 || m.is_down();
        let tone = if trouble { Tone::Rejected } else { Tone::Ink2 };
        let words = if m.is_down() { "the database is down".to_string() } else { words };
        scene.text(a.x, a.bottom() - 2.0, 11.0, words).tone(tone).fit(a.w);
    }

    /// Completions a second over statements running, with the load as a level and the node at work.
    fn curve(&self, scene: &mut Scene, a: Area) {
        let m = self.model;
        let usl = m.usl();
        let load = m.offered_work(self.now);
        let balance = usl.equilibria(load);
        let tipping = balance.and_then(|b| b.1).filter(|t| *t < 5_000.0);
        let limit = f64::from(m.per_node().0);
        let active = m.databases().map(|d| d.active()).max().unwrap_or(0) as f64;
        let peak = usl.peak().unwrap_or(20.0);
        let n_max = (tipping.unwrap_or(0.0) * 1.35).max(peak * 2.5).max(active * 1.1).max(limit.min(260.0) * 1.08);
        let points: Vec<(f64, f64)> = (0..=60)
            // Closer together on the left, where it bends.
            .map(|i| n_max * f64::from(i * i) / 3_600.0)
            .map(|n| (n, if n < 1.0 { n * usl.throughput(1.0) } else { usl.throughput(n) }))
            .collect();
        let top = usl.throughput(peak.min(n_max)).max(load.min(usl.throughput(peak) * 2.0));
        let bounds = [Bound { y: load, label: "", tone: Tone::Ink2 }];
        let series = [Series::new("", &points, Tone::Flight)];
        let f = plot(
            scene,
            &Plot {
                area: a,
                x: Range::new(0.0, n_max, ""),
                y: Range::from_zero(top, "/s"),
                series: &series,
                bounds: &bounds[..usize::from(load > 0.0)],
                caption: &"Completed a second, by statements running",
                cursor: None,
                future_from: None,
            },
        );
        if limit <= n_max {
            let x = f.px(limit);
            scene.line(x, f.inner.y, x, f.inner.bottom()).stroke(Tone::Accent).width(1.5).dash(Dash::Fine);
            let text = format_args!("pool {}", count(limit as u64)).to_string();
            let label = scene.text(x + 4.0, f.inner.bottom() - 5.0, 11.0, text).tone(Tone::Accent).halo();
            let w = label.text_width();
            if x + 4.0 + w > f.inner.right() {
                label.at_x(x - 4.0).end();
            }
        }
        if let Some(t) = tipping {
            let (x, y) = (f.px(t), f.py(usl.throughput(t)));
            scene.glyph(x, y, Glyph::Diamond, Tone::Rejected, 5.0).tip("beyond this many the database cannot catch up");
            let text = format_args!("tipping point {}", (t + 0.5) as u64).to_string();
            let label = scene.text(x, y - 9.0, 11.0, text).tone(Tone::Rejected).halo();
            let w = label.text_width();
            let right = a.right() - 2.0;
            label.at_x(if x + w > right { right - w } else { x });
        }
        if load > usl.throughput(peak) * 2.0 {
            let text = format_args!("load {}/s, above the chart", short(load)).to_string();
            scene.text(f.inner.right() - 2.0, f.inner.y + 12.0, 11.0, text).end().tone(Tone::Rejected).halo();
        } else if load > 0.0 {
            // Under the level and the curve, where nothing else is.
            match balance {
                Some((good, Some(tipping))) => {
                    let x = f.px((good + tipping.min(n_max)) / 2.0);
                    let y = f.py(load);
                    // Low over the axis there is room only above.
                    let y = if y + 30.0 < f.inner.bottom() { y + 13.0 } else { y - 5.0 };
                    scene.text(x, y, 11.0, "load").middle().tone(Tone::Ink2).halo()
                }
                _ => scene.text(f.inner.right() - 2.0, f.py(load) - 4.0, 11.0, "load").end().tone(Tone::Ink2).halo(),
            };
        }
        for (i, d) in m.databases().enumerate() {
            let n = d.active() as f64;
            let slower = if d.is_stalled() { 0.0 } else { 1.0 / d.factor() };
            let rate = if n < 1.0 { 0.0 } else { usl.throughput(n) * slower };
            let (x, y) = (f.px(n), f.py(rate));
            let beyond = tipping.is_some_and(|t| n > t) || balance.is_none() && load > 0.0;
            let tone = if beyond { Tone::Rejected } else { Tone::Ok };
            let r = if i == 0 { 6.0 } else { 4.5 };
            scene.circle(x, y, r).fill(tone).stroke(Tone::Panel).width(1.5);
            if i == 0 {
                scene.line(x, y + r, x, f.inner.bottom()).stroke(tone).width(1.0).dash(Dash::Dotted);
            }
        }
    }

    /// Where a request's time goes, as one bar.
    fn parts(&self, scene: &mut Scene, a: Area) {
        let parts = self.model.parts(self.now);
        let total: f64 = parts.iter().sum();
        scene.text(a.x, a.y + 10.0, 11.0, "Mean time of a request").tone(Tone::Ink3);
        scene.text(a.right(), a.y + 10.0, 12.0, Duration(total)).end().mono().bold();
        let bar = Area::new(a.x, a.y + 16.0, a.w, 12.0);
        scene.rect(bar.x, bar.y, bar.w, bar.h).round(3.0).fill(Tone::Sunk);
        let named = [("waits", Outcome::Waiting), ("round trips", Outcome::Flight), ("runs", Outcome::Ok)];
        let (mut x, mut cx) = (bar.x, a.x);
        for ((label, outcome), us) in named.into_iter().zip(parts) {
            let w = if total > 0.0 { bar.w * (us / total) as f32 } else { 0.0 };
            scene.rect(x, bar.y, w, bar.h).fill(outcome.tone()).opacity(0.8);
            x += w;
            scene.outcome(cx + 5.0, a.y + 41.0, outcome, 4.5);
            let text = format_args!("{label} {}", Duration(us)).to_string();
            let words = scene.text(cx + 14.0, a.y + 45.0, 11.0, text).tone(Tone::Ink2).fit(a.right() - cx - 14.0);
            cx += 22.0 + words.text_width();
        }
    }

    fn line_of_parts(&self, scene: &mut Scene, x: f32, y: f32, width: f32) {
        let [wait, trips, exec] = self.model.parts(self.now).map(Duration);
        let text = format_args!("Waits {wait}, round trips {trips}, runs {exec}").to_string();
        scene.text(x, y, 11.0, text).tone(Tone::Ink2).fit(width);
    }

    /// The plan in use as its steps with their costs, and what else there was.
    fn plan(&self, scene: &mut Scene, a: Area) {
        let m = self.model;
        let (plans, real) = m.plans();
        let date = if m.by_date() { " AND created_at >= $2" } else { "" };
        let sql = format_args!("SELECT created_at, total FROM orders WHERE customer_id = $1{date}").to_string();
        scene.text(a.x, a.y + 10.0, 11.0, sql).mono().tone(Tone::Ink2).fit(a.w);
        let chosen = &plans[0];
        let mut x = a.x;
        let y = a.y + 20.0;
        let (w, h) = (126.0, 52.0);
        let index = SlowQueries::index_name(m.index_now());
        let step = |scene: &mut Scene, x: f32, title: &str, line: String, cost: f64| {
            scene.rect(x, y, w, h).round(7.0).fill(Tone::Panel).stroke(Tone::Ink2).width(1.5);
            scene.text(x + 8.0, y + 15.0, 11.0, title).bold().fit(w - 14.0);
            scene.text(x + 8.0, y + 29.0, 11.0, line).tone(Tone::Ink3).fit(w - 14.0);
            scene.text(x + 8.0, y + 44.0, 11.0, format_args!("cost {}", short(cost))).mono().fit(w - 14.0);
        };
        let arrow = |scene: &mut Scene, x: f32| {
            scene.arrow((x, y + h / 2.0), (x + 16.0, y + h / 2.0), Tone::Ink3);
        };
        if chosen.index > 0.0 {
            let entries = format_args!("{} entries", short(chosen.examined)).to_string();
            let title = if chosen.method == Method::BitmapScan { "Bitmap Index" } else { "Index" };
            step(scene, x, title, entries, chosen.index);
            arrow(scene, x + w + 1.0);
            x += w + 19.0;
        }
        let pages = format_args!("{} pages", short(chosen.heap_pages)).to_string();
        let title = if chosen.method == Method::BitmapScan { "Bitmap Heap" } else { "Heap" };
        step(scene, x, title, pages, chosen.heap);
        arrow(scene, x + w + 1.0);
        x += w + 19.0;
        let looked = if chosen.index > 0.0 { chosen.rows } else { chosen.examined };
        step(scene, x, "Rows", format_args!("{} looked at", short(looked)).to_string(), chosen.cpu);
        // Below: what the planner expected and what came, and the index.
        let off = chosen.rows != real.rows;
        let rows = format_args!(
            "{} rows expected, {} actual; {} alone",
            short(chosen.rows),
            short(real.rows),
            duration_us(m.alone().0)
        )
        .to_string();
        scene.text(a.x, y + h + 17.0, 11.0, rows).tone(if off { Tone::Rejected } else { Tone::Ink2 }).fit(410.0);
        let (text, tone) = match m.building() {
            Some(b) => {
                let since = duration_us((self.now - b.since).0);
                let how = if b.blocks { ", writes wait" } else { "" };
                let name = SlowQueries::index_name(b.index);
                (format_args!("Building {name} for {since}{how}").to_string(), Tone::Waiting)
            }
            None => (format_args!("Index: {index}").to_string(), Tone::Ink3),
        };
        scene.text(a.x, y + h + 33.0, 11.0, text).tone(tone).fit(410.0);
        if let Some((lines, batch)) = m.details() {
            let n = lines.div_ceil(batch);
            let text = format_args!("Then {n} statements for {lines} order lines").to_string();
            scene.text(a.x, y + h + 49.0, 11.0, text).tone(Tone::Waiting).fit(410.0);
        }
        self.considered(scene, Area::new(a.x + 436.0, a.y + 18.0, a.w - 436.0, a.h - 20.0), plans);
    }

    /// All plans by cost: the length is the cost on a scale of powers of ten.
    fn considered(&self, scene: &mut Scene, a: Area, plans: &[Plan]) {
        scene.text(a.x, a.y + 8.0, 11.0, "Plans by cost").tone(Tone::Ink3).fit(a.w);
        for (i, p) in plans.iter().enumerate() {
            let y = a.y + 16.0 + i as f32 * 29.0;
            let label = scene.text(a.x, y + 10.0, 11.0, name(p.method));
            let label = if i == 0 { label.bold() } else { label.tone(Tone::Ink3) };
            label.fit(a.w);
            let tone = if i == 0 { Tone::Ok } else { Tone::Line };
            let room = a.w - 48.0;
            let share = ((p.total.max(1.0).log10() + 0.2) / 6.0).clamp(0.02, 1.0) as f32;
            scene.rect(a.x, y + 15.0, room * share, 6.0).round(2.0).fill(tone);
            scene.text(a.x + room * share + 5.0, y + 22.0, 11.0, short(p.total)).mono().tone(Tone::Ink2);
        }
    }

    fn line_of_plan(&self, scene: &mut Scene, x: f32, y: f32, width: f32) {
        let chosen = &self.model.plans().0[0];
        let text = match self.model.building() {
            Some(b) => {
                let since = duration_us((self.now - b.since).0);
                let how = if b.blocks { ", writes wait" } else { "" };
                format_args!(
                    "{}, cost {}. Building an index for {since}{how}",
                    name(chosen.method),
                    short(chosen.total)
                )
                .to_string()
            }
            None => format_args!(
                "{}, cost {}, {} alone. Index {}",
                name(chosen.method),
                short(chosen.total),
                duration_us(self.model.alone().0),
                SlowQueries::index_name(self.model.index_now())
            )
            .to_string(),
        };
        scene.text(x, y, 11.0, text).tone(Tone::Ink2).fit(width);
    }

    /// The answers of the most popular customers, with their ages.
    fn cache(&self, scene: &mut Scene, a: Area) {
        const SHOWN: usize = 4;
        let mut keys: [String; SHOWN] = Default::default();
        let mut values: [String; SHOWN] = Default::default();
        let mut states = [(Outcome::Waiting, None); SHOWN];
        for i in 0..SHOWN {
            let Some((look, copy, row, age)) = self.model.cached(i as u32, self.now) else {
                continue;
            };
            keys[i] = format_args!("customer {}", i + 1).to_string();
            let fresh = look == Look::Fresh;
            values[i] = match (fresh, copy == row) {
                (false, _) => "not cached".to_string(),
                (true, true) => format_args!("v{copy}").to_string(),
                (true, false) => format_args!("v{copy}, row v{row}").to_string(),
            };
            states[i] = match (fresh, copy == row) {
                (false, _) => (Outcome::Waiting, None),
                (true, true) => (Outcome::Ok, Some(age.0)),
                (true, false) => (Outcome::Stale, Some(age.0)),
            };
        }
        let rows: Vec<Row<'_>> = (0..SHOWN)
            .filter(|i| !keys[*i].is_empty())
            .map(|i| Row {
                key: &keys[i],
                value: &values[i],
                age_us: states[i].1,
                state: states[i].0,
                hit: (i == 0).then_some(Hit::Act { act: act::UPDATE as u8, arg: 0 }),
            })
            .collect();
        shelf(scene, &Shelf { area: a, title: "Cache", rows: &rows });
        let hits = self.model.hit_share(self.now).unwrap_or(0.0);
        let text =
            format_args!("{} hits, {}/s stale", percent(hits), count(self.number(number::STALE) as u64)).to_string();
        let tone = if self.number(number::STALE) > 0.0 { Tone::Stale } else { Tone::Ink3 };
        scene.text(a.right(), a.y + 13.0, 11.0, text).end().tone(tone).fit(a.w - 60.0);
    }

    fn line_of_cache(&self, scene: &mut Scene, x: f32, y: f32, width: f32) {
        let hits = percent(self.model.hit_share(self.now).unwrap_or(0.0));
        let stale = count(self.number(number::STALE) as u64);
        let first = match self.model.cached(0, self.now) {
            Some((Look::Fresh, copy, row, age)) if copy == row => {
                format_args!("customer 1 is {} old", duration_us(age.0)).to_string()
            }
            Some((Look::Fresh, .., age)) => {
                format_args!("customer 1 is {} old and out of date", duration_us(age.0)).to_string()
            }
            _ => "customer 1 is not cached".to_string(),
        };
        let text = format_args!("Cache: {hits} hits, {stale}/s stale; {first}").to_string();
        let tone = if self.number(number::STALE) > 0.0 { Tone::Stale } else { Tone::Ink2 };
        scene.text(x, y, 11.0, text).tone(tone).fit(width);
    }

    fn facts(&self, scene: &mut Scene, a: Area, rows_max: usize) {
        let m = self.model;
        let (open, most) = m.connections_open();
        let locked = self.number(number::LOCKED) as u64;
        let lock = match (m.locked_until(self.now), m.stalled_until()) {
            (_, Some(until)) => format_args!("paused for {}", duration_us((until - self.now).0)).to_string(),
            (Some(until), _) => {
                format_args!("{} wait, {} more", count(locked), duration_us((until - self.now).0)).to_string()
            }
            _ if locked > 0 => format_args!("{} wait", count(locked)).to_string(),
            _ => "nobody waits".to_string(),
        };
        let busy = m.locked_until(self.now).is_some() || m.stalled_until().is_some() || locked > 0;
        let wasted = self.number(number::WASTED);
        let failed = self.number(number::FAILED);
        let write = self.live.number(number::WRITE_MS as u8);
        let rows = [
            ("Locks", lock, busy),
            ("Failed requests", format_args!("{}/s", count(failed as u64)).to_string(), failed > 0.0),
            ("A write takes", write.map_or("none".to_string(), |v| Duration(v * 1e3).to_string()), false),
            (
                "Rows examined per row",
                short(self.number(number::EXAMINED)).to_string(),
                self.number(number::EXAMINED) > 100.0,
            ),
            (
                "Open at the primary",
                format_args!("{} of {}", count(u64::from(open)), count(u64::from(most))).to_string(),
                open >= most,
            ),
            ("Work wasted", percent(wasted / 100.0).to_string(), wasted > 1.0),
        ];
        let shown = &rows[..rows_max.min(rows.len())];
        let a = Area { y: a.y + 1.0, h: a.h / rows_max as f32 * shown.len() as f32, ..a };
        facts(scene, a, shown, 15.0);
    }
}

/// The side of a tile, with its gap, so that `n` fit: at most 30 units.
fn pitch(area: Area, n: usize) -> f32 {
    let mut side = 30.0f32;
    while side > 5.0 {
        let cols = ((area.w / side) as usize).max(1);
        if n.div_ceil(cols) as f32 * side <= area.h + 2.0 {
            break;
        }
        side -= 0.5;
    }
    side
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::widgets::check;
    use sim::questions::slow_db_queries::QUESTION;

    /// Every layout, with everything switched on and broken; nothing overlaps or leaves the picture.
    #[test]
    fn it_draws_at_every_stage_and_stays_inside() {
        type Case<'a> = (&'a [(&'a str, &'a str)], &'a [&'a str]);
        let cases: [Case; 7] = [
            (&[], &[]),
            (&[("pool", "200")], &["14s report n=3"]),
            (&[("cache", "on"), ("instances", "4"), ("replicas", "2")], &["3s update", "5s restart"]),
            (&[("pooling", "none")], &["4s lock for=20", "6s stall for=9"]),
            (
                &[("shape", "details"), ("recent", "on"), ("concurrently", "off")],
                &["3s set index=covering", "5s drop", "6s create"],
            ),
            (
                &[("instances", "40"), ("pool", "20"), ("pooler", "17"), ("estimate", "0.01")],
                &["4s leak n=300", "8s slow"],
            ),
            (&[("index", "none"), ("rate", "20000"), ("room", "50")], &[]),
        ];
        for (knobs, inputs) in cases {
            let value = check::value(&QUESTION, knobs, inputs);
            check::stages(&PICTURE, value, &[0, 1_000, 4_000, 7_000, 12_000, 20_000], &["Wait queue"]);
        }
    }
}
