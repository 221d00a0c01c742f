//! The picture of a screen that is asked for: what the edge keeps, what the API asks the database, one screen call by
//! call, and which of its bytes are shown.
//!
//! A place on the shelf says how long its copy is still fresh by how full it is; a copy from before an edit has a mark.
//! A statement is a dot with the number of keys in it.

use super::Heights;
use super::seen::{Seen, whole};
use crate::draw::flights::{Flight, Tracks, flight, rails, scatter};
use crate::draw::number::{bytes, count, duration_us, short};
use crate::draw::plot::{Plot, Range, Series, plot};
use crate::draw::waterfall::{SpanBar, Waterfall, waterfall};
use crate::draw::{Area, Dash, Glyph, Hit, Outcome, Scene, Tone, View};
use sim::decimal::{Plain, fixed};
use sim::look::{Fate, Sample};
use sim::questions::rest_vs_graphql::{Flown, How, Kind, Mode, Screens, Span, act, number, table};
use sim::{Live, Us};

pub static PICTURE: super::Picture = super::Picture {
    slug: "rest-vs-graphql",
    height: Heights { wide: 304.0, narrow: 388.0, wide_ab: 184.0, narrow_ab: 250.0 },
    draw,
};

/// How long a drawn tap takes along its track: the picture's time, not the network's.
const FLIGHT: Us = Us::ms(500);
/// More places than that on the shelf cannot be told apart.
const PLACES_MAX: u32 = 360;

fn draw(live: &dyn Live, view: &View, scene: &mut Scene) {
    Seen::<Screens>::draw(live, view, scene, [Seen::wide, Seen::narrow, Seen::wide_side, Seen::narrow_side]);
}

impl Seen<'_, Screens> {
    fn wide(&self, scene: &mut Scene) {
        self.clients(scene, Area::new(14.0, 8.0, 104.0, 92.0));
        self.flights(scene, (122.0, 182.0), (470.0, 518.0), 56.0);
        self.edge(scene, Area::new(186.0, 6.0, 280.0, 102.0));
        self.api(scene, Area::new(522.0, 6.0, 324.0, 102.0));
        self.screen(scene, Area::new(14.0, 120.0, 440.0, 180.0));
        self.bytes(scene, Area::new(480.0, 120.0, 366.0, 44.0));
        self.over_time(scene, Area::new(480.0, 176.0, 366.0, 124.0));
    }

    fn narrow(&self, scene: &mut Scene) {
        self.edge(scene, Area::new(12.0, 4.0, 158.0, 104.0));
        scene.arrow((172.0, 56.0), (184.0, 56.0), Tone::Ink3);
        self.api(scene, Area::new(188.0, 4.0, 190.0, 104.0));
        self.screen(scene, Area::new(12.0, 116.0, 366.0, 124.0));
        self.bytes(scene, Area::new(12.0, 246.0, 366.0, 42.0));
        self.over_time(scene, Area::new(12.0, 294.0, 366.0, 92.0));
    }

    fn wide_side(&self, scene: &mut Scene) {
        self.edge(scene, Area::new(14.0, 4.0, 210.0, 122.0));
        self.bytes(scene, Area::new(14.0, 138.0, 210.0, 44.0));
        scene.arrow((227.0, 66.0), (240.0, 66.0), Tone::Ink3);
        self.api(scene, Area::new(244.0, 4.0, 230.0, 122.0));
        self.load(scene, 244.0, 149.0, 230.0);
        self.screen(scene, Area::new(492.0, 4.0, 358.0, 178.0));
    }

    fn narrow_side(&self, scene: &mut Scene) {
        self.edge(scene, Area::new(12.0, 4.0, 158.0, 90.0));
        scene.arrow((172.0, 49.0), (184.0, 49.0), Tone::Ink3);
        self.api(scene, Area::new(188.0, 4.0, 190.0, 90.0));
        self.screen(scene, Area::new(12.0, 102.0, 366.0, 104.0));
        self.bytes(scene, Area::new(12.0, 208.0, 366.0, 40.0));
    }

    fn clients(&self, scene: &mut Scene, a: Area) {
        let m = self.model;
        scene.text(a.x, a.y + 13.0, 13.0, "Clients").bold();
        let tone = if m.is_spiking() { Tone::Rejected } else { Tone::Ink2 };
        let line = format!("{} away", duration_us(m.rtt().0));
        scene.text(a.x, a.y + 30.0, 11.0, line).tone(Tone::Ink2).fit(a.w);
        scene.text(a.x, a.y + 45.0, 11.0, format!("{} Mbit/s", Plain(m.bandwidth()))).tone(Tone::Ink2).fit(a.w);
        let shapes = m.shapes();
        let shapes = if shapes == 1 { "one shape".to_string() } else { format!("{shapes} shapes") };
        let taps = format!("{} taps/s", short(m.tapped()));
        scene.text(a.x, a.y + 60.0, 11.0, taps).tone(tone).fit(a.w);
        scene.text(a.x, a.y + 75.0, 11.0, shapes).tone(Tone::Ink2).fit(a.w);
        if let Some(upload) = m.uploads().last() {
            let span = upload.until.since(upload.at).0.max(1) as f32;
            let done = (self.now.since(upload.at).0 as f32 / span).clamp(0.0, 1.0);
            let way = if upload.signed { "file to storage" } else { "file to the API" };
            scene.text(a.x, a.y + 90.0, 11.0, way).tone(Tone::Flight).fit(a.w);
            scene.rect(a.x, a.y + 95.0, a.w, 5.0).round(2.0).fill(Tone::Sunk);
            scene.rect(a.x, a.y + 95.0, a.w * done, 5.0).round(2.0).fill(Tone::Flight);
            return;
        }
        let drawn = m.drawn_one_in();
        let drawn = if drawn == 1 { "every tap drawn".to_string() } else { format!("1 in {drawn} drawn") };
        scene.text(a.x, a.y + 90.0, 11.0, drawn).tone(Tone::Ink3).fit(a.w);
    }

    /// Taps: to the edge, and from there to the origin if they have to.
    fn flights(&self, scene: &mut Scene, to_edge: (f32, f32), to_origin: (f32, f32), y: f32) {
        let [first, second] = [to_edge, to_origin].map(|x| Tracks { x, y, apart: 14.0, takes_us: FLIGHT.0 });
        rails(scene, &first);
        rails(scene, &second);
        for s in self.model.samples() {
            let off = scatter(s.id, self.model.drawn_one_in(), 2.4);
            let mut fly = |tracks: &Tracks, at: Us, back: Option<(u64, Outcome)>| {
                flight(scene, self.view, tracks, &Flight { id: s.id, size: 3.4, off, at_us: at.0, back });
            };
            let came = (s.fate != Fate::Open).then(|| (s.end.0, fate(s)));
            fly(&first, s.at, came);
            if s.what.out != Us::MAX {
                let bad = if s.what.errors { Outcome::Rejected } else { Outcome::Ok };
                fly(&second, s.what.out, (s.what.back != Us::MAX).then_some((s.what.back.0, bad)));
            }
        }
    }

    /// The shelf of the shared cache.
    fn edge(&self, scene: &mut Scene, a: Area) {
        let m = self.model;
        let hit = Hit::Act { act: act::FLUSH as u8, arg: 0 };
        scene.rect(a.x, a.y, a.w, a.h).round(8.0).fill(Tone::Panel).stroke(Tone::Ink2).width(2.0).hit(hit);
        let w = scene.text(a.x + 10.0, a.y + 17.0, 12.0, "Edge").bold().text_width() + 20.0;
        let kept: usize = m.entries().filter(|e| m.place(e).is_some()).count();
        let fresh = m.entries().filter(|e| m.place(e).is_some() && e.is_fresh(self.now)).count();
        let text = match (m.mode().is_post(), a.w > 200.0) {
            (true, _) => "a POST passes by".to_string(),
            (_, true) => format!("{} copies, {} fresh", count(kept as u64), count(fresh as u64)),
            _ => format!("{} fresh", count(fresh as u64)),
        };
        scene.text(a.right() - 10.0, a.y + 17.0, 11.0, text).end().tone(Tone::Ink3).fit(a.w - w - 6.0);
        let (rows, cols) = match m.mode() {
            Mode::Rest => (2, u32::from(m.screens()).max(m.sizes().1)),
            _ => (u32::from(m.screens()), m.shapes()),
        };
        let shown = cols.min(PLACES_MAX / rows);
        let below = if a.h > 95.0 { 22.0 } else { 8.0 };
        let grid = Area::new(a.x + 10.0, a.y + 25.0, a.w - 20.0, a.h - 25.0 - below);
        let side = (grid.w / shown as f32).min(26.0);
        let high = (grid.h / rows as f32).min(20.0);
        let (w, h) = (side * 0.82, high * 0.8);
        if below > 10.0 {
            let what = match m.mode() {
                Mode::Rest if a.w < 200.0 => "lists, then authors".to_string(),
                Mode::Rest => "above the lists, below the authors".to_string(),
                mode if mode.is_post() => "nothing is kept".to_string(),
                _ if shown < cols && a.w >= 200.0 => format!("a row a screen; {shown} of {cols} shapes"),
                _ if shown < cols => format!("{shown} of {cols} shapes"),
                _ if a.w < 200.0 => "screens by shapes".to_string(),
                _ => "a row a screen, a column a shape".to_string(),
            };
            scene.text(a.x + 10.0, a.bottom() - 7.0, 11.0, what).tone(Tone::Ink3).fit(a.w - 20.0);
        }
        let places = match m.mode() {
            Mode::Rest => [u32::from(m.screens()), m.sizes().1],
            _ => [shown, shown],
        };
        let at = |row: u32, col: u32| (grid.x + col as f32 * side, grid.y + row as f32 * high);
        for row in 0..rows {
            let many = places[(row as usize).min(1)].min(shown);
            let (x, y) = at(row, 0);
            // One line for a row of places: they are many.
            let width = (many as f32 - 1.0) * side + w;
            let mut line = scene.rect(x, y, width, h).round(2.0).fill(Tone::Sunk);
            if m.mode() != Mode::Rest || row == 0 {
                line = line.hit(Hit::Act { act: act::EDIT as u8, arg: i64::from(row) + 1 });
            }
            line.opacity(if m.mode().is_post() { 0.5 } else { 1.0 });
        }
        for entry in m.entries() {
            let Some((row, col)) = m.place(entry).filter(|(row, col)| *row < rows && *col < shown) else { continue };
            let (x, y) = at(row, col);
            let lifetime = entry.control.lifetime().0.max(1) as f32;
            let left = (1.0 - entry.age(self.now).0 as f32 / lifetime).clamp(0.0, 1.0);
            let old = m.is_old(entry);
            let tone = if old { Tone::Stale } else { Tone::Ok };
            scene.rect(x, y + h * (1.0 - left), w, h * left).fill(tone);
            if left == 0.0 {
                scene.rect(x, y, w, h).stroke(tone).width(1.0).dash(if side > 6.0 { Dash::Fine } else { Dash::Solid });
            }
            if old && side > 7.0 {
                scene.glyph(x + w / 2.0, y + h / 2.0, Glyph::Diamond, Tone::Ink, 2.6);
            }
        }
    }

    /// What the API asks the database for one screen: a dot is a statement, its number the keys in it.
    fn api(&self, scene: &mut Scene, a: Area) {
        let m = self.model;
        let o = m.operation();
        let (running, waiting) = m.database();
        let ill = m.authors_are_down() || m.slow() > 1.0;
        let hit = Hit::Act { act: if m.authors_are_down() { act::SLOW } else { act::AUTHORS } as u8, arg: 20 };
        let stroke = if ill || waiting > 0 { Tone::Rejected } else { Tone::Ink2 };
        scene.rect(a.x, a.y, a.w, a.h).round(8.0).fill(Tone::Panel).stroke(stroke).width(2.0).hit(hit);
        let w = scene.text(a.x + 10.0, a.y + 17.0, 12.0, "API").bold().text_width() + 20.0;
        let text = if a.w > 250.0 { long_name(m.mode()) } else { short_name(m.mode()) };
        scene.text(a.right() - 10.0, a.y + 17.0, 11.0, text).end().tone(Tone::Ink3).fit(a.w - w - 4.0);
        // A row for each field that was asked for.
        let mut fields: Vec<(u8, u8)> = Vec::new();
        for s in &o.statements {
            let of = (s.field, s.table);
            if !fields.contains(&of) && fields.len() < 5 {
                fields.push(of);
            }
        }
        let label = 62.0;
        let body = Area::new(a.x + 10.0, a.y + 24.0, a.w - 20.0, a.h - 24.0 - 20.0);
        let rows = fields.len().max(2);
        let step = (body.h / rows as f32).min(22.0);
        for (i, (field, of)) in fields.iter().enumerate() {
            let y = body.y + step * (i as f32 + 0.5);
            if step >= 12.0 || i == 0 {
                scene.text(body.x, y, 11.0, name(*of)).vcenter().tone(Tone::Ink2).fit(label - 4.0);
            }
            let of_field = || o.statements.iter().filter(|s| (s.field, s.table) == (*field, *of));
            let all = of_field().count();
            let wide = body.w - label;
            let apart = (wide / all as f32).min(16.0);
            for (n, s) in of_field().enumerate() {
                let x = body.x + label + apart * (n as f32 + 0.5);
                let (tone, glyph) = match (s.end == Us::MAX, s.ok) {
                    (true, _) => (Tone::Waiting, Glyph::Ring),
                    (_, true) => (Tone::Flight, Glyph::Dot),
                    _ => (Tone::Rejected, Glyph::Cross),
                };
                scene.glyph(x, y, glyph, tone, (apart * 0.4).min(4.5));
            }
            if let Some(s) = of_field().next().filter(|s| s.keys > 1 && all == 1) {
                let text = format!("{} keys in one query", s.keys);
                scene.text(body.x + label + 20.0, y, 11.0, text).vcenter().tone(Tone::Ink3).fit(wide - 22.0);
            }
        }
        if fields.is_empty() {
            let text = "no query has come through yet";
            scene.text(body.x, body.y + 14.0, 11.0, text).tone(Tone::Ink3).fit(body.w);
        }
        let total = o.total();
        let queries = if total == 1 { "1 query".to_string() } else { format!("{} queries", count(total.into())) };
        let took = if o.end == Us::MAX { String::new() } else { format!(", {}", duration_us(o.end.since(o.at).0)) };
        let of = if matches!(o.kind, Kind::Greedy(_)) { " (greedy)" } else { "" };
        let left = if total == 0 { String::new() } else { format!("{queries}{of}{took}") };
        let line = match (m.authors_are_down(), m.slow() > 1.0, waiting) {
            (true, ..) => "authors down".to_string(),
            (_, true, 0) => format!("slow: ×{}", short(m.slow())),
            (.., 0) => format!("{running} running"),
            _ => format!("{} wait", count(waiting as u64)),
        };
        let tone = if ill || waiting > 0 { Tone::Rejected } else { Tone::Ink3 };
        let w = scene.text(a.right() - 10.0, a.bottom() - 7.0, 11.0, line).end().tone(tone).text_width();
        scene.text(a.x + 10.0, a.bottom() - 7.0, 11.0, left).tone(Tone::Ink2).fit(a.w - 26.0 - w);
    }

    /// The origin's load in a line, for where there is no room for a plot.
    fn load(&self, scene: &mut Scene, x: f32, y: f32, w: f32) {
        let hits = whole(self.number(number::HITS) / 100.0);
        let [origin, queries] = [number::ORIGIN, number::QUERIES].map(|n| fixed(self.number(n), 1));
        let text = format!("hit ratio {hits}, origin {origin} req/s");
        scene.text(x, y, 11.0, text).tone(Tone::Ink2).fit(w);
        scene.text(x, y + 18.0, 11.0, format!("{queries} queries a screen")).tone(Tone::Ink2).fit(w);
    }

    /// One screen, call by call.
    fn screen(&self, scene: &mut Scene, a: Area) {
        let w = self.model.watched();
        let end = if w.end == Us::MAX { self.now } else { w.end };
        let title = scene.text(a.x, a.y + 11.0, 12.0, "One screen").bold().text_width() + 10.0;
        if w.spans.is_empty() {
            scene.text(a.x + title, a.y + 11.0, 11.0, "nobody has tapped yet").tone(Tone::Ink3).fit(a.w - title);
            return;
        }
        let took = duration_us(end.since(w.at).0).to_string();
        let calls = w.spans.len() + w.more as usize;
        let trips = if calls == 1 { "1 call".to_string() } else { format!("{calls} calls") };
        let text = format!("{trips}, {took}");
        scene.text(a.x + title, a.y + 11.0, 11.0, text).tone(Tone::Ink3).fit(a.w - title);
        let body = Area::new(a.x, a.y + 17.0, a.w, a.h - 17.0);
        let fitting = ((body.h - 20.0) / 20.0) as usize;
        let label = if a.w > 400.0 { 122.0 } else { 104.0 };
        let names: Vec<String> = w.spans.iter().take(fitting).map(|s| path(s.kind, w.mode)).collect();
        let bars: Vec<SpanBar> = names
            .iter()
            .zip(&w.spans)
            .map(|(label, s)| SpanBar {
                label,
                depth: u8::from(matches!(s.kind, Kind::Author(_) | Kind::Comment(_))),
                t0_us: s.sent.0,
                t1_us: if s.got == Us::MAX { self.now.0 } else { s.got.0 },
                outcome: match s.how {
                    _ if s.errors => Outcome::Rejected,
                    How::Open => Outcome::Waiting,
                    How::Fresh => Outcome::Ok,
                    How::Stale => Outcome::Stale,
                    How::Fetched | How::Waited => Outcome::Flight,
                },
                // The list, and of what comes after it the last.
                critical: s.got == end || calls == 1 || s.kind == Kind::List,
                bold: &[],
                steps: &[],
                hit: Some(Hit::Request(w.id)),
            })
            .collect();
        // Where all have no row, the last row counts the others.
        let shown = if calls > bars.len() { bars.len().saturating_sub(1) } else { bars.len() };
        waterfall(scene, &Waterfall { area: body, spans: &bars[..shown], label_w: label, pitch: 20.0 });
        if shown < calls {
            let y = body.y + shown as f32 * 20.0 + 10.0;
            scene.text(body.x, y, 11.0, format!("and {} more", calls - shown)).vcenter().tone(Tone::Ink3);
        }
        if calls == 1 {
            self.parts(scene, body, label, &w.spans[0], end);
        }
    }

    /// What one call spent its time on, below its bar.
    fn parts(&self, scene: &mut Scene, a: Area, label: f32, s: &Span, end: Us) {
        let y = a.y + 34.0;
        if s.edge == Us::MAX || a.h < 76.0 {
            return;
        }
        let (x0, x1) = (a.x + label, a.right() - 58.0);
        let scale = (x1 - x0) / end.since(s.sent).0.max(1) as f32;
        let x = |t: Us| x0 + t.since(s.sent).0 as f32 * scale;
        let served = if s.served == Us::MAX { self.now } else { s.served };
        // There and back take the same; what is left after the answer is its bytes.
        let there = s.edge.since(s.sent);
        let last = if s.got == Us::MAX { end } else { s.got };
        let bytes_until = Us(last.0.saturating_sub(there.0)).max(served);
        let parts = [
            ("to the edge", s.sent, s.edge, Tone::Line),
            ("at the origin", s.edge, served, Tone::Waiting),
            ("bytes", served, bytes_until, Tone::Flight),
            ("back", bytes_until, last, Tone::Line),
        ];
        let mut row = 0;
        for (name, from, to, tone) in parts {
            let span = to.since(from);
            if span == Us::ZERO {
                continue;
            }
            let at = y + 18.0 * row as f32;
            if at + 26.0 > a.bottom() {
                return;
            }
            scene.text(a.x + 10.0, at, 11.0, name).vcenter().tone(Tone::Ink3).fit(label - 14.0);
            scene.rect(x(from), at - 4.0, (x(to) - x(from)).max(1.5), 8.0).round(2.0).fill(tone);
            let text = duration_us(span.0);
            scene.text(a.right(), at, 11.0, text).end().vcenter().mono().tone(Tone::Ink3);
            row += 1;
        }
    }

    /// The bytes of that screen: shown, and for nothing.
    fn bytes(&self, scene: &mut Scene, a: Area) {
        let w = self.model.watched();
        let used = w.needed.min(w.bytes);
        let over = if a.w > 300.0 { " over the line" } else { "" };
        let title = format!("{}{over}", bytes(u64::from(w.bytes)));
        let wide = scene.text(a.x, a.y + 11.0, 12.0, title).bold().fit(a.w * 0.62).text_width();
        let note = match (w.bytes, w.spans.iter().any(|s| s.unchanged)) {
            (0, _) => String::new(),
            (_, true) => "304: its copy is good".to_string(),
            _ => format!("{} shown", whole(f64::from(used) / f64::from(w.bytes.max(1)))),
        };
        scene.text(a.right(), a.y + 11.0, 11.0, note).end().tone(Tone::Ink3).fit(a.w - wide - 10.0);
        let y = a.y + 19.0;
        scene.rect(a.x, y, a.w, 14.0).round(3.0).fill(Tone::Sunk);
        // Against the largest that any mode sends, so that modes can be compared.
        let (articles, authors) = self.model.sizes();
        let most =
            (f64::from(articles) * self.model.whole_article() + f64::from(authors) * 1_000.0).max(f64::from(w.bytes));
        let width = |n: u32| (f64::from(n) / most.max(1.0)) as f32 * a.w;
        scene.rect(a.x, y, width(w.bytes).max(2.0), 14.0).round(3.0).fill(Tone::Stale).opacity(0.55);
        scene.rect(a.x, y, width(used).max(2.0), 14.0).round(3.0).fill(Tone::Flight);
    }

    /// How often the edge answers by itself, against what theory says of steady taps. Where it never does, what the
    /// database pays.
    fn over_time(&self, scene: &mut Scene, area: Area) {
        let history = self.live.history();
        let is_post = self.model.mode().is_post();
        let which = if is_post { number::QUERIES } else { number::HITS };
        let rows = (0..history.rows()).take_while(|r| history.time(*r) <= self.now);
        let all = rows.map(|r| (history.time(r).0 as f64, f64::from(history.get(r, which))));
        let points: Vec<(f64, f64)> = all.filter(|(_, v)| v.is_finite()).collect();
        let until = self.now.0.max(20_000_000);
        let x = Range::time(0, until);
        let mut draw = |series: &[Series], y: Range, caption: &str| {
            plot(scene, &Plot { area, x, y, series, bounds: &[], caption: &caption, cursor: None, future_from: None });
        };
        if is_post {
            let most = points.iter().fold(0.0f64, |top, (_, v)| top.max(*v));
            let top = [5.0, 25.0, 100.0, 500.0, 2_500.0].into_iter().find(|top| most <= *top).unwrap_or(12_500.0);
            let series = [Series::new("queries", &points, Tone::Flight)];
            return draw(&series, Range::new(0.0, top, ""), "Database queries for each screen, over 10 s");
        }
        let expected = 100.0 * self.model.expected_hits();
        let theory = [(0.0, expected), (until as f64, expected)];
        let series = [Series::new("measured", &points, Tone::Flight), Series::theory("in the long run", &theory)];
        draw(&series, Range::new(0.0, 100.0, "%"), "Edge hit ratio, % of the last 10 s");
    }
}

/// How a tap came back.
fn fate(s: &Sample<Flown>) -> Outcome {
    super::seen::outcome(s.fate)
}

fn long_name(mode: Mode) -> &'static str {
    match mode {
        Mode::Rest => "REST, whole resources",
        Mode::Tailored => "REST, tailored",
        Mode::Plain => "GraphQL POST, plain resolvers",
        Mode::Loader => "GraphQL POST, with a loader",
        Mode::Persisted => "GraphQL GET, persisted, loader",
    }
}

fn short_name(mode: Mode) -> &'static str {
    match mode {
        Mode::Rest => "REST, whole",
        Mode::Tailored => "REST, tailored",
        Mode::Plain => "GraphQL, plain",
        Mode::Loader => "GraphQL, loader",
        Mode::Persisted => "GraphQL, GET",
    }
}

fn name(of: u8) -> &'static str {
    match of {
        table::AUTHORS => "authors",
        table::COMMENTS => "comments",
        table::BY_AUTHOR => "by author",
        _ => "articles",
    }
}

/// What a call asks for, as its first line begins.
fn path(kind: Kind, mode: Mode) -> String {
    match kind {
        Kind::List => "GET /articles".to_string(),
        Kind::Author(n) => format!("/authors/{}", n + 1),
        Kind::Comment(n) => format!("/{}/comments", n + 1),
        Kind::Screen if mode == Mode::Tailored => "GET ?fields=".to_string(),
        Kind::Screen if mode == Mode::Persisted => "GET /graphql".to_string(),
        Kind::Screen | Kind::Greedy(_) => "POST /graphql".to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::widgets::check;
    use sim::questions::rest_vs_graphql::QUESTION;

    const AT: [u64; 6] = [0, 700, 2_000, 12_000, 30_000, 90_000];

    /// Every mode, before, during and after everything that can go wrong.
    #[test]
    fn it_draws_every_mode_at_every_stage() {
        let inputs = ["5s edit", "8s authors for=6", "11s slow times=50 for=3", "11.5s greedy", "11.8s upload mb=20"];
        for mode in ["rest", "tailored", "plain", "loader", "persisted"] {
            check::stages(&PICTURE, check::value(&QUESTION, &[("mode", mode)], &inputs), &AT, &["Edge", "API"]);
        }
    }

    /// As large as the knobs allow.
    #[test]
    fn it_draws_the_largest() {
        for mode in ["rest", "plain", "persisted"] {
            let knobs = [
                ("mode", mode),
                ("shapes", "200"),
                ("screens", "12"),
                ("articles", "100"),
                ("authors", "100"),
                ("comment", "on"),
                ("full", "100000"),
                ("rate", "20"),
                ("db_connections", "1"),
                ("connections", "http1"),
                ("bandwidth", "0.4"),
                ("rtt", "400"),
            ];
            let inputs = ["2s spike times=20", "3s greedy levels=12"];
            check::stages(&PICTURE, check::value(&QUESTION, &knobs, &inputs), &AT[..4], &["One screen"]);
        }
    }

    #[test]
    fn it_draws_every_choice() {
        check::choices(&PICTURE, &QUESTION, &["mode", "arrivals"], &[("mode", 4.0)], &[0, 9_000], &["Edge"]);
    }
}
