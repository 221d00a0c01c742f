//! The picture of a slow path: the service map by self time, a trace with its critical path, the heat map of latency with
//! traces to open, and what the last probe showed.
//!
//! Services, probes and dots are buttons: a service is looked at, a word probes it, a dot opens its trace.

use super::Heights;
use super::seen::{Seen, facts};
use crate::draw::number::{duration_us, short};
use crate::draw::waterfall::{SpanBar, Waterfall, label_width, waterfall};
use crate::draw::{Area, Dash, Glyph, Hit, Outcome, Scene, TimeAxis, Tone, View, key};
use sim::blocks::tracer::{Segment, Span, critical_path};
use sim::questions::debug_latency::{
    DebugLatency, Doing, HEAT_ROWS, Kind, PLACES, Path, Probe, SERVICES, act, number, span_label,
};
use sim::{Live, Us};

pub static PICTURE: super::Picture = super::Picture {
    slug: "debug-latency",
    height: Heights { wide: 308.0, narrow: 396.0, wide_ab: 182.0, narrow_ab: 250.0 },
    draw,
};

fn draw(live: &dyn Live, view: &View, scene: &mut Scene) {
    Seen::<DebugLatency>::draw(live, view, scene, [Seen::wide, Seen::narrow, Seen::wide_side, Seen::narrow_side]);
}

/// A row of the waterfall, before it is drawn.
struct Row {
    label: String,
    depth: u8,
    span: Span,
    failed: bool,
    bold: Vec<(u64, u64, Tone)>,
    steps: Vec<(u64, u64)>,
}

impl Row {
    fn new(label: String, depth: u8, span: Span) -> Row {
        Row { label, depth, span, failed: span.failed, bold: Vec::new(), steps: Vec::new() }
    }
    fn add(&mut self, segments: &[Segment], span: usize, tone: Tone) {
        let mine = segments.iter().filter(|s| usize::from(s.span) == span);
        self.bold.extend(mine.map(|s| (s.from.0, s.to.0, tone)));
    }
}

fn is(span: &Span, kind: Kind) -> bool {
    span.name >> 4 == kind as u8
}

/// The rows of a trace: each call with its server in one row, statements for the items in another, and what takes a
/// noticeable part of the whole.
fn rows(spans: &[Span]) -> Vec<Row> {
    let path = critical_path(spans);
    let Some(root) = spans.first() else { return Vec::new() };
    let little = root.duration().0 / 60;
    let mut rows = Vec::new();
    for (i, s) in spans.iter().enumerate() {
        let below = |kind| is(s, kind) && s.duration().0 > little;
        let depth = match s.parent {
            Span::NONE => 0,
            0 => 1,
            1 => 2,
            _ => 3,
        };
        if is(s, Kind::Call) {
            let name = PLACES.get(usize::from(s.name & 15)).map_or("", |p| p.1);
            let mut row = Row::new(name.to_string(), depth, *s);
            row.add(&path, i, Tone::Waiting);
            let inner = spans.iter().position(|t| usize::from(t.parent) == i && is(t, Kind::Server));
            if let Some(inner) = inner {
                let served = spans[inner];
                // With clocks that differ the server may lie anywhere.
                row.span.start = row.span.start.min(served.start);
                row.span.end = row.span.end.max(served.end);
                row.add(&path, inner, Tone::Flight);
            }
            rows.push(row);
        } else if is(s, Kind::Root) || is(s, Kind::Leaf) || (is(s, Kind::Server) && s.parent == 0) {
            let mut row = Row::new(span_label(s.name), depth, *s);
            row.add(&path, i, Tone::Flight);
            rows.push(row);
        } else if is(s, Kind::Item) {
            let same = rows.iter_mut().find(|r| is(&r.span, Kind::Item) && r.span.parent == s.parent);
            if let Some(row) = same {
                row.span.end = row.span.end.max(s.end);
                row.steps.push((s.start.0, s.end.0));
                row.add(&path, i, Tone::Stale);
            } else {
                let mut row = Row::new(String::new(), depth, *s);
                row.steps.push((s.start.0, s.end.0));
                row.add(&path, i, Tone::Stale);
                rows.push(row);
            }
        } else if below(Kind::Select) || below(Kind::Load) || below(Kind::Cache) {
            let mut row = Row::new(span_label(s.name), depth, *s);
            row.add(&path, i, Tone::Stale);
            rows.push(row);
        } else if below(Kind::Connect) || below(Kind::Transfer) {
            let mut row = Row::new(span_label(s.name), depth, *s);
            row.add(&path, i, Tone::Undo);
            rows.push(row);
        }
    }
    for row in rows.iter_mut().filter(|r| is(&r.span, Kind::Item)) {
        row.label = format!("select × {}", row.steps.len());
    }
    rows
}

impl Seen<'_, DebugLatency> {
    fn wide(&self, scene: &mut Scene) {
        self.system(scene, Area::new(14.0, 4.0, 224.0, 152.0));
        self.trace(scene, Area::new(254.0, 4.0, 592.0, 156.0));
        self.probes(scene, Area::new(14.0, 165.0, 832.0, 20.0));
        self.heat(scene, Area::new(14.0, 192.0, 396.0, 114.0));
        self.finding(scene, Area::new(428.0, 192.0, 244.0, 114.0));
        self.status(scene, Area::new(690.0, 192.0, 156.0, 114.0));
    }

    fn narrow(&self, scene: &mut Scene) {
        self.system(scene, Area::new(12.0, 4.0, 366.0, 50.0));
        self.trace(scene, Area::new(12.0, 60.0, 366.0, 148.0));
        self.heat(scene, Area::new(12.0, 212.0, 366.0, 88.0));
        self.finding(scene, Area::new(12.0, 306.0, 224.0, 88.0));
        self.status(scene, Area::new(250.0, 306.0, 128.0, 88.0));
    }

    fn wide_side(&self, scene: &mut Scene) {
        self.heat(scene, Area::new(14.0, 4.0, 330.0, 120.0));
        self.system(scene, Area::new(14.0, 130.0, 330.0, 50.0));
        self.trace(scene, Area::new(360.0, 4.0, 330.0, 176.0));
        self.status(scene, Area::new(706.0, 6.0, 140.0, 130.0));
    }

    fn narrow_side(&self, scene: &mut Scene) {
        self.heat(scene, Area::new(12.0, 2.0, 240.0, 104.0));
        self.status(scene, Area::new(264.0, 4.0, 114.0, 102.0));
        self.trace(scene, Area::new(12.0, 112.0, 366.0, 136.0));
    }

    fn system(&self, scene: &mut Scene, a: Area) {
        match self.model.path() {
            Path::Checkout if a.h > 100.0 => self.map(scene, a),
            Path::Checkout => self.strip(scene, a),
            Path::Station => self.station(scene, a),
            Path::Fan => self.fan(scene, a),
        }
    }

    /// Checkout and whom it asks.
    fn map(&self, scene: &mut Scene, a: Area) {
        let own = self.model.map(self.now);
        let (w, h) = (96.0, 32.0);
        let from = Area::new(a.x, a.cy() - 20.0, w, 40.0);
        for s in 1..SERVICES {
            let to = Area::new(a.right() - w, a.y + (a.h - h) / 3.0 * (s - 1) as f32, w, h);
            scene.arrow((from.right() + 2.0, from.cy()), (to.x - 3.0, to.cy()), Tone::Line);
            self.service(scene, to, s, &own);
        }
        self.service(scene, from, 0, &own);
        scene.text(a.x, a.y + 11.0, 11.0, "Self time by").tone(Tone::Ink3);
        scene.text(a.x, a.y + 25.0, 11.0, "service, 20 s").tone(Tone::Ink3);
    }

    /// The same in one row.
    fn strip(&self, scene: &mut Scene, a: Area) {
        let own = self.model.map(self.now);
        scene.text(a.x, a.y + 11.0, 11.0, "Self time by service, last 20 s").tone(Tone::Ink3).fit(a.w);
        let row = Area::new(a.x, a.y + 17.0, a.w, a.h - 19.0);
        for s in 0..SERVICES {
            self.service(scene, row.col(s, SERVICES, 5.0), s, &own);
        }
    }

    fn service(&self, scene: &mut Scene, a: Area, service: usize, own: &[f32; SERVICES]) {
        let all: f32 = own.iter().filter(|v| v.is_finite()).sum();
        let mine = own[service];
        let share = if mine.is_finite() && all > 0.0 { mine / all } else { 0.0 };
        let here = self.model.looked_at() == service;
        scene.rect(a.x, a.y, a.w, a.h).round(6.0).fill(Tone::Panel);
        // Hotter where more of the time goes.
        let tone = if share > 0.45 { Tone::Rejected } else { Tone::Waiting };
        scene.rect(a.x, a.y, a.w, a.h).round(6.0).fill(tone).opacity((share * share * 1.8).min(0.55));
        let (stroke, width) = if here { (Tone::Accent, 2.5) } else { (Tone::Ink3, 1.0) };
        let hit = Hit::Act { act: act::LOOK as u8, arg: service as i64 };
        let tip = format!("Look at {}", PLACES[service].1);
        scene.rect(a.x, a.y, a.w, a.h).round(6.0).stroke(stroke).width(width).hit(hit).tip(tip);
        let text = scene.text(a.x + 7.0, a.y + 13.0, 11.0, PLACES[service].1);
        if here { text.bold() } else { text }.fit(a.w - 10.0);
        let words = if mine.is_finite() { format!("{} ms", short(mine.round().into())) } else { "no trace".into() };
        scene.text(a.x + 7.0, a.y + 27.0, 11.0, words).tone(Tone::Ink2).fit(a.w - 10.0);
    }

    /// One service alone: its workers, and who waits.
    fn station(&self, scene: &mut Scene, a: Area) {
        let (instances, busy, workers, line) = self.model.service(2);
        scene.rect(a.x, a.y, a.w, a.h.min(110.0)).round(8.0).fill(Tone::Panel).stroke(Tone::Ink3).width(1.0);
        let text = format!("{instances} × {} workers", workers / instances.max(1));
        scene.text(a.x + 10.0, a.y + 17.0, 12.0, text).bold().fit(a.w - 20.0);
        let text = format!("{busy} busy, {line} in line");
        scene.text(a.x + 10.0, a.y + 34.0, 11.0, text).tone(Tone::Ink2).fit(a.w - 20.0);
        if a.h > 70.0 {
            let side = ((a.w - 20.0) / workers.max(1) as f32).min(18.0);
            for i in 0..workers {
                let x = a.x + 10.0 + side * i as f32;
                let tone = if i < busy { Tone::Flight } else { Tone::Sunk };
                scene.rect(x, a.y + 46.0, side * 0.85, side.min(14.0)).round(1.5).fill(tone);
            }
        }
    }

    fn fan(&self, scene: &mut Scene, a: Area) {
        scene.text(a.x, a.y + 14.0, 12.0, "One asks many").bold().fit(a.w);
        scene.text(a.x, a.y + 31.0, 11.0, "all at once, and waits for all").tone(Tone::Ink2).fit(a.w);
        if a.h > 55.0 {
            let slow = short(self.number(number::SLOW));
            let text = format!("{slow} % slower than {}", duration_us(self.model.promise().0));
            scene.text(a.x, a.y + 48.0, 11.0, text).tone(Tone::Ink2).fit(a.w);
        }
    }

    fn trace(&self, scene: &mut Scene, a: Area) {
        let Some((trace, asked)) = self.model.open_trace_now() else {
            scene.text(a.x, a.y + 11.0, 11.0, "No trace has been kept yet").tone(Tone::Ink3);
            return;
        };
        let what = if asked { "Trace" } else { "A trace, for comparison:" };
        let wrong = self.model.misplaced_spans();
        let skewed = if wrong > 0 { format!(", {wrong} spans outside their parents") } else { String::new() };
        let tone = if wrong > 0 { Tone::Rejected } else { Tone::Ink2 };
        let text = format!("{what} {}, {}{skewed}. Bold: the critical path", trace.id, duration_us(trace.took.0));
        scene.text(a.x, a.y + 11.0, 11.0, text).tone(tone).fit(a.w);
        let rows = rows(&trace.spans);
        let bars: Vec<SpanBar> = rows
            .iter()
            .map(|r| SpanBar {
                label: &r.label,
                depth: r.depth,
                t0_us: r.span.start.0,
                t1_us: r.span.end.0,
                outcome: if r.failed { Outcome::Rejected } else { Outcome::Flight },
                critical: !r.bold.is_empty(),
                bold: &r.bold,
                steps: &r.steps,
                hit: None,
            })
            .collect();
        let area = Area::new(a.x, a.y + 16.0, a.w, a.h - 16.0);
        let label_w = label_width(&bars).min(a.w * 0.3);
        waterfall(scene, &Waterfall { area, spans: &bars, label_w, pitch: 13.0 });
    }

    /// What can be looked at, as words to click.
    fn probes(&self, scene: &mut Scene, a: Area) {
        if self.model.path() != Path::Checkout {
            return;
        }
        let left = self.model.probes_left();
        let text = left.map_or("Probe".to_string(), |n| format!("{n} probes left"));
        let mut x = a.x + scene.text(a.x, a.cy(), 11.0, text).vcenter().tone(Tone::Ink2).text_width() + 10.0;
        for (i, kind) in Probe::ALL.into_iter().enumerate() {
            let at = PLACES[self.model.looked_at()].1;
            let tip = format!("{} of {at}: takes {}", kind.label(), duration_us(kind.takes().0));
            let w = scene.text(x + 8.0, a.cy(), 11.0, kind.label()).vcenter().text_width() + 16.0;
            let busy = self.model.task().is_some_and(|t| matches!(t.doing, Doing::Probe { kind: k, .. } if k == kind));
            let hit = Hit::Act { act: act::PROBE as u8, arg: i as i64 + 1 };
            let (stroke, width) = if busy { (Tone::Accent, 2.0) } else { (Tone::Ink3, 1.0) };
            scene.rect(x, a.y, w, a.h).round(5.0).stroke(stroke).width(width).hit(hit).tip(tip);
            x += w + 7.0;
        }
    }

    /// Latency over time: how many requests took how long, and the traces that were kept.
    fn heat(&self, scene: &mut Scene, a: Area) {
        let m = self.model;
        let axis_h = 18.0;
        let plot = Area::new(a.x + 44.0, a.y + 14.0, a.w - 44.0, a.h - 14.0 - axis_h);
        scene.text(a.x, a.y + 10.0, 11.0, "Latency over time; a dot opens its trace").tone(Tone::Ink3).fit(a.w);
        let span = self.now.0.max(60_000_000);
        let axis = TimeAxis::new(plot.x, plot.right(), 0, span);
        scene.rect(plot.x, plot.y, plot.w, plot.h).fill(Tone::Sunk).opacity(0.5);
        let row_h = plot.h / HEAT_ROWS as f32;
        let y_of = |took: Us| {
            let rows = sim::order::between(DebugLatency::heat_height(took), 0.2, HEAT_ROWS as f64 - 0.2);
            plot.bottom() - rows as f32 * row_h
        };
        // So many columns in one that no more than sixty are drawn.
        let column_us = 5_000_000u64;
        let step = (span / column_us).div_ceil(60).max(1);
        let columns: Vec<&[u16; HEAT_ROWS]> = m.heat().collect();
        for (i, group) in columns.chunks(step as usize).enumerate() {
            let t0 = i as u64 * step * column_us;
            if t0 > self.now.0 {
                break;
            }
            let (x0, x1) = (axis.x_clamped(t0), axis.x_clamped(t0 + step * column_us));
            let sum = |row: usize| group.iter().map(|c| u32::from(c[row])).sum::<u32>();
            let most = (0..HEAT_ROWS).map(sum).max().unwrap_or(0).max(1) as f32;
            for row in (0..HEAT_ROWS).filter(|row| sum(*row) > 0) {
                let share = (sum(row) as f32 / most).sqrt();
                let slow = row > 0 && DebugLatency::heat_edge(row - 1) >= m.promise();
                let tone = if slow { Tone::Rejected } else { Tone::Flight };
                let y = plot.bottom() - (row + 1) as f32 * row_h;
                let cell = scene.rect(x0, y, (x1 - x0).max(1.0), row_h).fill(tone);
                cell.opacity(0.12 + 0.78 * share).key(key(3, (i * HEAT_ROWS + row) as u32));
            }
        }
        for (ms, label) in [(100, "100 ms"), (1_000, "1 s"), (4_000, "4 s")] {
            let y = y_of(Us::ms(ms));
            scene.text(plot.x - 6.0, y, 11.0, label).end().vcenter().tone(Tone::Ink3);
        }
        let y = y_of(m.promise());
        scene.line(plot.x, y, plot.right(), y).stroke(Tone::Ink2).width(1.0).dash(Dash::Fine);
        let onset = m.onset_at();
        if m.has_case() && onset <= self.now && m.path() == Path::Checkout {
            let x = axis.x(onset.0);
            scene.line(x, plot.y, x, plot.bottom()).stroke(Tone::Rejected).width(1.0).dash(Dash::Dashed);
        }
        if let Some(mended) = m.mended().filter(|at| *at <= self.now) {
            let x = axis.x(mended.0);
            scene.line(x, plot.y, x, plot.bottom()).stroke(Tone::Ok).width(1.5);
        }
        let open = m.open_trace_now().filter(|(_, asked)| *asked).map(|(t, _)| t.id);
        for t in m.kept().filter(|t| t.at <= self.now) {
            let (x, y) = (axis.x_clamped(t.at.0), y_of(t.took));
            let hit = Hit::Act { act: act::OPEN as u8, arg: i64::from(t.id) };
            let tip = format!("Trace {}: {}", t.id, duration_us(t.took.0));
            let (glyph, tone) = if t.failed { (Glyph::Cross, Tone::Rejected) } else { (Glyph::Dot, Tone::Ink) };
            scene.glyph(x, y, glyph, tone, 2.6).hit(hit).tip(tip).key(key(4, t.id));
            if open == Some(t.id) {
                scene.circle(x, y, 5.5).stroke(Tone::Accent).width(2.0);
            }
        }
        axis.draw(scene, plot.bottom());
    }

    /// What the last probe showed.
    fn finding(&self, scene: &mut Scene, a: Area) {
        let Some(f) = self.model.findings().next_back() else {
            let words =
                ["Nothing has been probed yet.", "Choose a service, then how to", "look. Each look takes time."];
            for (i, line) in words.iter().enumerate() {
                scene.text(a.x, a.y + 11.0 + 15.0 * i as f32, 11.0, *line).tone(Tone::Ink3).fit(a.w);
            }
            return;
        };
        let search = f.kind == Probe::Search;
        let place = if search { "all services" } else { PLACES[f.place].1 };
        let title = format!("{}, {place}", f.kind.label());
        scene.text(a.x, a.y + 11.0, 11.0, title).bold().fit(a.w - 96.0);
        let heads = if search { ("fast", "slow") } else { ("before", "now") };
        scene.text(a.right() - 56.0, a.y + 11.0, 11.0, heads.0).end().tone(Tone::Ink3);
        scene.text(a.right(), a.y + 11.0, 11.0, heads.1).end().tone(Tone::Ink3);
        let all = f.kind.rows();
        let room = ((a.h - 14.0) / 12.0) as usize;
        for (i, ((label, unit), (now, before))) in all.iter().zip(f.rows).take(room).enumerate() {
            let y = a.y + 24.0 + 12.3 * i as f32;
            scene.text(a.x, y, 11.0, *label).tone(Tone::Ink2).fit(a.w - 116.0);
            let cell = |v: f32| if v.is_finite() { short(tidy(v)).to_string() } else { "–".to_string() };
            scene.text(a.right() - 56.0, y, 11.0, cell(before)).end().tone(Tone::Ink3);
            let changed = now.is_finite() && (now > before * 1.5 + 1.0 || now < before * 0.6 - 1.0);
            let text = format!("{} {unit}", cell(now));
            let text = scene.text(a.right(), y, 11.0, text.trim_end()).end();
            if changed {
                text.bold().tone(Tone::Rejected)
            } else {
                text.tone(Tone::Ink)
            };
        }
    }

    fn status(&self, scene: &mut Scene, a: Area) {
        let m = self.model;
        let (used, changes, guesses) = m.score();
        if m.path() != Path::Checkout {
            let ms = |n| self.live.number(n as u8).map_or("–".to_string(), |v| format!("{} ms", short(v)));
            let kept = self.live.number(number::KEPT as u8).map_or("–".to_string(), |v| format!("{} %", short(v)));
            let rows = [("p50", ms(number::P50), false), ("p99", ms(number::P99), false), ("traces kept", kept, false)];
            return facts(scene, Area::new(a.x, a.y, a.w, 66.0_f32.min(a.h)), &rows, 13.0);
        }
        let since = self.now.since(m.onset_at());
        let took = m.named().map_or(since, |at| at.since(m.onset_at()));
        let (title, tone) = match (m.named(), m.case_shown()) {
            (Some(_), Some(case)) => (case.cause.label().to_string(), Tone::Ok),
            (None, Some(case)) => (case.cause.label().to_string(), Tone::Rejected),
            (_, None) if !m.has_case() => ("All is well".to_string(), Tone::Ink2),
            _ if since == Us::ZERO => ("All is well so far".to_string(), Tone::Ink2),
            _ => ("Cause unknown".to_string(), Tone::Ink),
        };
        scene.text(a.x, a.y + 11.0, 12.0, title).bold().tone(tone).fit(a.w);
        let place = m.case_shown().map(|c| format!("at {}", PLACES[c.place].1));
        let second = match (m.task(), place, m.changed()) {
            (Some(task), ..) => {
                let share = self.now.since(task.from).0 as f32 / task.until.since(task.from).0.max(1) as f32;
                scene.rect(a.x, a.y + 30.0, a.w, 3.0).fill(Tone::Sunk);
                scene.rect(a.x, a.y + 30.0, a.w * share.min(1.0), 3.0).fill(Tone::Accent);
                match task.doing {
                    Doing::Probe { kind, .. } => format!("{} …", kind.label()),
                    Doing::Change { change, .. } => format!("{} …", change.label()),
                    Doing::Astray => "a wrong idea …".to_string(),
                }
            }
            (None, _, Some((change, at))) => format!("{}: {}", PLACES[at].1, change.label()),
            (None, Some(place), None) => place,
            _ => String::new(),
        };
        scene.text(a.x, a.y + 26.0, 11.0, second).tone(Tone::Ink2).fit(a.w);
        let suffered = self.number(number::SUFFERED);
        let rows = [
            ("since", duration_us(took.0 / 1_000_000 * 1_000_000).to_string(), false),
            ("suffered", short(suffered).to_string(), suffered > 0.0),
            ("probes", used.to_string(), false),
            ("wrong", (changes + guesses).to_string(), changes + guesses > 0),
        ];
        let room = a.h - 40.0;
        let fitting = ((room / 13.0) as usize).min(rows.len());
        let area = Area::new(a.x, a.y + 38.0, a.w, (fitting as f32 * 18.0).min(room));
        facts(scene, area, &rows[..fitting], 11.0 + 1.0);
    }
}

/// So many digits as somebody reads off: tenths below ten.
fn tidy(v: f32) -> f64 {
    let v = f64::from(v);
    if v.abs() < 10.0 { (v * 10.0).round() / 10.0 } else { v.round() }
}

#[cfg(test)]
mod tests {
    use super::super::check;
    use super::*;
    use sim::questions::debug_latency::QUESTION;

    #[test]
    fn every_case_is_legible() {
        let acts =
            ["16s probe what=trace", "30s probe what=database", "44s change what=rollback", "90s probe what=split"];
        for cause in ["hidden", "n-plus-one", "timeout", "retries", "payload", "lock"] {
            let value = check::value(&QUESTION, &[("cause", cause), ("sampling", "tail"), ("wait", "2")], &acts);
            check::stages(&PICTURE, value, &[0, 1_500, 12_000, 28_000, 45_000, 110_000], &[]);
        }
        check::choices(&PICTURE, &QUESTION, &["cause"], &[("cause", 7.0)], &[2_000, 14_000, 26_000], &[]);
    }

    /// What is drawn of a hidden case is what is drawn of the same case by name, until somebody knows.
    #[test]
    fn a_hidden_case_shows_nothing_of_itself() {
        for seed in 1..6 {
            let mut value = check::value(&QUESTION, &[], &["20s probe what=database"]);
            value.seed = seed;
            let mut run = value.question.run(value);
            run.advance(Us::s(40), u64::MAX);
            let text = check::text(&PICTURE, &*run, check::views(&PICTURE)[0]);
            let m = run.model().downcast_ref::<DebugLatency>().unwrap();
            assert!(m.case_shown().is_none() && text.contains("Cause unknown"));
            for cause in sim::questions::debug_latency::Cause::ALL {
                assert!(!text.contains(cause.label()), "{} is on the picture", cause.label());
            }
        }
    }
}
