//! The picture of observability: every request with the curve that is reported over it, the buckets it was counted in, and
//! from an exemplar beside a bucket to its trace and its log lines. Below: who is paged and when, how busy things are,
//! what it costs.

use super::seen::{Seen, facts, outcome, whole};
use super::{Heights, Picture};
use crate::draw::bars::{Bar, Bars, bars};
use crate::draw::number::{self, count, duration_us, short};
use crate::draw::waterfall::{SpanBar, Waterfall, waterfall};
use crate::draw::{Area, Dash, Glyph, Hit, Outcome, Scene, TimeAxis, Tone, View, key, load_tone};
use sim::blocks::burn_rate::RULES;
use sim::blocks::tracer::{Kept, critical_times};
use sim::decimal::{fixed, grouped};
use sim::questions::observability::{
    Lines, Observability, Opened, Paging, Record, SERVICES, Sampling, TraceState, act, hex, number as n,
};
use sim::{Live, Us};

pub static PICTURE: Picture = Picture {
    slug: "observability",
    height: Heights { wide: 306.0, narrow: 440.0, wide_ab: 190.0, narrow_ab: 250.0 },
    draw,
};

/// How much of the past is drawn of requests, and of alerts.
const RECENT_US: u64 = 20_000_000;
const ALERTS_US: u64 = 60_000_000;
/// Where the scale of latencies ends, in ms, and where it begins: lower for a load tester, whose requests are short.
const LONGEST_MS: f32 = 15_000.0;
const SHORTEST_MS: f32 = 3.0;
const TEST_SHORTEST_MS: f32 = 0.6;

fn draw(live: &dyn Live, view: &View, scene: &mut Scene) {
    Seen::<Observability>::draw(live, view, scene, [Seen::wide, Seen::narrow, Seen::wide_side, Seen::narrow_side]);
}

/// A p99 that may not be known.
fn millis(ms: Option<f64>) -> String {
    ms.filter(|v| v.is_finite()).map_or_else(|| "\u{2013}".into(), |v| number::Duration(v * 1e3).to_string())
}

impl Seen<'_, Observability> {
    fn wide(&self, scene: &mut Scene) {
        self.metric(scene, Area::new(14.0, 4.0, 372.0, 182.0));
        self.trace(scene, Area::new(404.0, 4.0, 244.0, 182.0));
        self.logs(scene, Area::new(664.0, 4.0, 182.0, 182.0));
        self.alerts(scene, Area::new(14.0, 200.0, 372.0, 104.0));
        self.use_or_test(scene, Area::new(404.0, 200.0, 244.0, 104.0));
        self.cost(scene, Area::new(664.0, 200.0, 182.0, 104.0));
    }

    fn narrow(&self, scene: &mut Scene) {
        self.metric(scene, Area::new(12.0, 2.0, 366.0, 134.0));
        if self.model.tester().is_some() {
            self.use_or_test(scene, Area::new(12.0, 150.0, 366.0, 104.0));
        } else {
            self.trace(scene, Area::new(12.0, 140.0, 366.0, 146.0));
            self.logs(scene, Area::new(12.0, 290.0, 366.0, 66.0));
        }
        self.alerts(scene, Area::new(12.0, 358.0, 366.0, 80.0));
    }

    fn wide_side(&self, scene: &mut Scene) {
        self.metric(scene, Area::new(14.0, 2.0, 440.0, 186.0));
        self.alerts(scene, Area::new(474.0, 2.0, 372.0, 84.0));
        self.facts(scene, Area::new(474.0, 96.0, 372.0, 92.0), 5);
    }

    fn narrow_side(&self, scene: &mut Scene) {
        self.metric(scene, Area::new(12.0, 2.0, 366.0, 150.0));
        self.facts(scene, Area::new(12.0, 160.0, 366.0, 90.0), 5);
    }

    // The metric: requests, the two curves, the buckets.

    fn metric(&self, scene: &mut Scene, a: Area) {
        let m = self.model;
        let title = |scene: &mut Scene, x: f32, label: &str, value: String, tone: Tone| {
            scene.line(x, a.y + 8.0, x + 14.0, a.y + 8.0).stroke(tone).width(2.5);
            let w = scene.text(x + 19.0, a.y + 12.0, 12.0, label).tone(Tone::Ink2).text_width();
            let vw = scene.text(x + 24.0 + w, a.y + 12.0, 12.0, value).bold().text_width();
            x + 24.0 + w + vw
        };
        let name = ["p99 reported", "mean of p99s", "weighted p99s"][m.report() as usize];
        let x = title(scene, a.x, name, millis(m.reported()[2]), Tone::Accent);
        title(scene, x + 14.0, "in truth", millis(self.live.number(n::TRUE_99 as u8)), Tone::Ink);
        if a.w > 360.0 {
            let at = ["at the handler", "at the balancer", "at the client"][m.point() as usize];
            scene.text(a.right(), a.y + 12.0, 11.0, at).end().tone(Tone::Ink3);
        }
        let (buckets_w, left) = (64.0, 36.0);
        let plot = Area::new(a.x + left, a.y + 22.0, a.w - left - buckets_w - 26.0, a.h - 42.0);
        let beside = Area::new(plot.right() + 8.0, plot.y, buckets_w, plot.h);
        for (ms, label) in [(10.0, "10 ms"), (100.0, "100 ms"), (1_000.0, "1 s"), (10_000.0, "10 s")] {
            let y = self.level(plot, ms);
            scene.line(plot.x, y, plot.right(), y).width(1.0).dash(Dash::Dotted);
            scene.text(plot.x - 5.0, y, 11.0, label).end().vcenter().tone(Tone::Ink3);
        }
        let axis = TimeAxis::sliding(plot.x, plot.right(), self.view.now_us, RECENT_US);
        axis.draw(scene, plot.bottom());
        if let Some((from, mended)) = m.trouble() {
            self.trouble_mark(scene, &axis, plot, from, mended);
        }
        self.requests(scene, plot, &axis);
        self.curve(scene, plot, &axis, n::TRUE_99, Tone::Ink);
        self.curve(scene, plot, &axis, n::REPORTED_99, Tone::Accent);
        self.opened_one(scene, plot, &axis);
        self.buckets(scene, beside);
        if m.is_blind(self.now) {
            scene.text(plot.cx(), plot.y + 12.0, 11.0, "scrapes fail").middle().tone(Tone::Rejected).halo();
        }
    }

    /// The height of a latency on a logarithmic scale.
    fn level(&self, a: Area, ms: f32) -> f32 {
        let low = if self.model.tester().is_some() { TEST_SHORTEST_MS } else { SHORTEST_MS };
        let f = (ms.max(low).min(LONGEST_MS) / low).log10() / (LONGEST_MS / low).log10();
        a.bottom() - f * a.h
    }

    fn trouble_mark(&self, scene: &mut Scene, axis: &TimeAxis, plot: Area, from: Us, mended: Option<Us>) {
        for (at, tone) in [(Some(from), Tone::Rejected), (mended, Tone::Ok)] {
            if let Some(at) = at.filter(|t| axis.contains(t.0)) {
                let x = axis.x(at.0);
                scene.line(x, plot.y, x, plot.bottom()).stroke(tone).width(1.0).dash(Dash::Fine);
            }
        }
    }

    fn requests(&self, scene: &mut Scene, plot: Area, axis: &TimeAxis) {
        let way = self.model.on_the_way();
        for s in self.model.samples() {
            let end = if s.end == Us::MAX { self.now } else { s.end };
            if !axis.contains(end.0) {
                continue;
            }
            let waited = end.since(s.at) + if s.what.test { Us::ZERO } else { way };
            let y = self.level(plot, waited.as_ms() as f32);
            let o = outcome(s.fate);
            let size = if s.what.test { 3.2 } else { 2.4 };
            let selected = self.view.selected == Some(s.id);
            if selected {
                scene.circle(axis.x(end.0), y, 7.0).stroke(Tone::Accent).width(2.0);
            }
            scene.particle(axis.x(end.0), y, o.glyph(), o.tone(), size, Some(s.id));
        }
    }

    /// The request whose trace is open, where it was.
    fn opened_one(&self, scene: &mut Scene, plot: Area, axis: &TimeAxis) {
        let Some(r) = self.record().filter(|r| axis.contains((r.at + r.took).0)) else { return };
        let (x, y) = (axis.x((r.at + r.took).0), self.level(plot, r.took.as_ms() as f32));
        scene.circle(x, y, 6.0).fill(Tone::Accent).stroke(Tone::Panel).width(1.5);
        let id = scene.text(x, y - 10.0, 11.0, hex(r.id)).mono().bold().middle().halo().tone(Tone::Accent);
        let half = id.text_width() / 2.0;
        id.at_x(x.max(plot.x + half).min(plot.right() - half));
    }

    /// A number of the history as a line that holds its value; broken where it was not known.
    fn curve(&self, scene: &mut Scene, plot: Area, axis: &TimeAxis, number: usize, tone: Tone) {
        let history = self.live.history();
        let rows = (0..history.rows()).filter(|r| axis.contains(history.time(*r).0) && history.time(*r) <= self.now);
        scene
            .path(|p| {
                let mut last: Option<f32> = None;
                for r in rows {
                    let ms = history.get(r, number);
                    if !ms.is_finite() {
                        last = None;
                        continue;
                    }
                    let (x, y) = (axis.x(history.time(r).0), self.level(plot, ms));
                    match last {
                        None => p.move_to(x, y),
                        Some(before) => p.line_to(x, before).line_to(x, y),
                    };
                    last = Some(y);
                }
            })
            .stroke(tone)
            .width(2.5);
    }

    /// The histogram on its side: each bucket as high as it is wide, with its exemplar at the right.
    fn buckets(&self, scene: &mut Scene, a: Area) {
        let m = self.model;
        let (bounds, histogram) = (m.bounds(), m.histogram());
        let most = (0..=bounds.all().len()).map(|i| histogram.bucket(i)).max().unwrap_or(0).max(1) as f32;
        scene.rect(a.x, a.y, a.w, a.h).fill(Tone::Sunk).round(3.0);
        for i in 0..=bounds.all().len() {
            let (low, high) = bounds.edges(i);
            let (y1, y0) = (self.level(a, low.as_ms() as f32), high.map_or(a.y, |h| self.level(a, h.as_ms() as f32)));
            let n = histogram.bucket(i);
            if n > 0 && y1 > y0 {
                let w = (n as f32 / most * a.w).max(2.0);
                let to = high.map_or("no end".into(), |h| h.to_string());
                scene
                    .rect(a.x, y0 + 0.5, w, (y1 - y0 - 1.0).max(1.0))
                    .fill(Tone::Flight)
                    .opacity(0.55)
                    .key(key(3, i as u32))
                    .tip(format_args!("above {low}, up to {to}: {}", count(n.into())));
            }
            if bounds.all().len() <= 20 && y0 > a.y {
                scene.line(a.x, y0, a.right(), y0).width(1.0);
            }
        }
        for (ms, tone) in [(self.live.number(n::TRUE_99 as u8), Tone::Ink), (m.reported()[2], Tone::Accent)] {
            if let Some(ms) = ms {
                let y = self.level(a, ms as f32);
                scene.line(a.x, y, a.right(), y).stroke(tone).width(2.0);
            }
        }
        scene.text(a.right(), a.bottom() + 16.0, 11.0, "buckets").end().tone(Tone::Ink3);
        self.exemplars(scene, a);
    }

    fn exemplars(&self, scene: &mut Scene, a: Area) {
        let opened = self.record().map(|r| r.id);
        let mut above = f32::INFINITY;
        for e in self.model.exemplars() {
            // Neighbours keep apart; a bucket too low for the scale sits on its edge.
            let y = self.level(a, e.value.as_ms() as f32).min(above - 9.0);
            if y < a.y {
                break;
            }
            above = y;
            let x = a.right() + 9.0;
            let (glyph, tone, how) = match e.trace {
                Some(TraceState::Kept) => (Glyph::Diamond, Tone::Flight, "open its trace"),
                Some(TraceState::Undecided) => (Glyph::Ring, Tone::Waiting, "its trace is not decided yet"),
                _ => (Glyph::Cross, Tone::Ink3, "its trace is gone"),
            };
            scene.glyph(x, y, glyph, tone, 4.5).key(key(4, e.bucket as u32));
            scene
                .rect(x - 8.0, y - 5.0, 16.0, 10.0)
                .key(key(5, e.bucket as u32))
                .hit(Hit::Act { act: act::OPEN as u8, arg: e.bucket as i64 + 1 })
                .tip(format_args!("{}, {}: {how}", hex(e.id), e.value));
            if opened == Some(e.id) {
                scene.circle(x, y, 8.0).stroke(Tone::Accent).width(2.0);
            }
        }
    }

    // The trace and the log lines of one request.

    fn record(&self) -> Option<&Record> {
        self.model.opened().and_then(|o| o.record.as_ref())
    }

    /// A pane's title with the id that all three share.
    fn title(&self, scene: &mut Scene, a: Area, title: &str) {
        let w = scene.text(a.x, a.y + 12.0, 13.0, title).bold().text_width();
        if let Some(r) = self.record() {
            let id = scene.text(a.x + w + 12.0, a.y + 12.0, 12.0, hex(r.id)).mono().bold().tone(Tone::Accent);
            let iw = id.text_width();
            scene.rect(a.x + w + 8.0, a.y, iw + 8.0, 17.0).round(4.0).stroke(Tone::Accent).width(1.0);
        }
    }

    fn trace(&self, scene: &mut Scene, a: Area) {
        self.title(scene, a, "Trace");
        let say = |scene: &mut Scene, lines: &[&str]| {
            for (i, line) in lines.iter().enumerate() {
                scene.text(a.x, a.y + 38.0 + 16.0 * i as f32, 12.0, *line).tone(Tone::Ink2).fit(a.w);
            }
        };
        let r = match self.model.opened() {
            None if self.model.sampling() == Sampling::None => return say(scene, &["No traces are kept."]),
            None => return say(scene, &["\u{25c6} beside a bucket is an exemplar:", "click one to open its trace."]),
            Some(Opened { record: None, .. }) => {
                return say(scene, &["No exemplar there leads to a trace.", "Few are kept, so few buckets have one."]);
            }
            Some(Opened { record: Some(r), .. }) => r,
        };
        match r.trace {
            TraceState::Kept => {}
            TraceState::Undecided => {
                let left = (r.at + self.model.wait()).since(self.now);
                let text = format!("Not decided yet: {} left.", duration_us(left.0));
                let then = match r.verdict {
                    Some(Kept::Failed) => "It will be kept: it failed.",
                    Some(Kept::Slow) => "It will be kept: it was slow.",
                    Some(Kept::Chance) => "It will be kept, by chance.",
                    None => "It will be dropped: nothing was wrong.",
                };
                return say(scene, &[&text, "Its spans wait in memory.", then]);
            }
            TraceState::Dropped => {
                return say(
                    scene,
                    &["Dropped: the exemplar points nowhere.", "It was counted before anybody decided."],
                );
            }
        }
        let spans = r.spans();
        let critical = critical_times(&spans);
        let root = spans.first().map_or(1, |s| s.duration().0.max(1));
        let deep = |mut i: usize| {
            let mut depth = 0;
            while let Some(p) = spans.get(usize::from(spans[i].parent)) {
                (depth, i) = (depth + 1, spans.iter().position(|s| core::ptr::eq(s, p)).unwrap_or(0));
            }
            depth
        };
        let row = |(i, s): (usize, &sim::blocks::tracer::Span)| SpanBar {
            label: if s.name == Record::WAIT { "db wait" } else { SERVICES[s.name as usize].name },
            depth: deep(i),
            t0_us: s.start.0,
            t1_us: s.end.0,
            outcome: if s.failed { Outcome::Rejected } else { Outcome::Ok },
            critical: critical[i].0 * 10 >= root,
            bold: &[],
            steps: &[],
            hit: None,
        };
        let rows: Vec<SpanBar> = spans.iter().enumerate().map(row).collect();
        let kind = scene.text(a.right(), a.y + 12.0, 11.0, r.kind.name()).end().tone(Tone::Ink3);
        kind.fit(a.w - 128.0);
        let area = Area::new(a.x, a.y + 22.0, a.w, (a.h - 24.0).min(rows.len() as f32 * 20.0 + 22.0));
        waterfall(scene, &Waterfall { area, spans: &rows, label_w: 92.0, pitch: 20.0 });
    }

    fn logs(&self, scene: &mut Scene, a: Area) {
        self.title(scene, a, "Logs");
        let (_, lines) = self.model.logs();
        let mut y = a.y + 36.0;
        let mut say = |scene: &mut Scene, text: &str, tone: Tone| {
            if y <= a.bottom() {
                scene.text(a.x, y, 12.0, text).tone(tone).fit(a.w);
            }
            y += 16.0;
        };
        match self.record() {
            None => say(scene, "Its lines, by the same id.", Tone::Ink2),
            Some(r) if r.lines == 0 => {
                say(scene, "None of its lines was kept.", Tone::Ink2);
            }
            Some(r) if lines != Lines::Ids => {
                let what = if lines == Lines::Text { "Plain text without an id." } else { "No trace id in the lines." };
                say(scene, what, Tone::Rejected);
                say(scene, &format!("Its {} are among", r.lines.count_ones()), Tone::Ink2);
                say(scene, &format!("{} a second.", count(self.model.lines_per_s(self.now) as u64)), Tone::Ink2);
            }
            Some(r) => {
                let bad = !matches!(r.end, sim::questions::observability::End::Good);
                for (service, text) in r.log_lines(lines) {
                    say(scene, &format!("{service} \u{b7} user {}", grouped(r.user.into())), Tone::Ink2);
                    let says = text.split("\"msg\":\"").nth(1).unwrap_or(&text).trim_end_matches("\"}");
                    say(scene, &format!("   {says}"), if bad { Tone::Rejected } else { Tone::Ink });
                }
            }
        }
        if let Some((_, [all, logs, traces])) = self.model.answer()
            && a.h > 100.0
        {
            let y = a.bottom() - 18.0;
            scene.line(a.x, y - 14.0, a.right(), y - 14.0).width(1.0);
            scene.text(a.x, y, 12.0, format_args!("{} users had errors.", count(all))).bold().fit(a.w);
            let known = format_args!("Logs name {}, traces {}.", count(logs), count(traces)).to_string();
            scene.text(a.x, y + 15.0, 12.0, known).tone(Tone::Ink2).fit(a.w);
        }
    }

    // Who is paged.

    fn alerts(&self, scene: &mut Scene, a: Area) {
        let m = self.model;
        let w = scene.text(a.x, a.y + 12.0, 13.0, "Alerts").bold().text_width();
        let (text, tone) = match m.paged_after() {
            Some(d) => (format!("paged {} after it began", duration_us(d.0)), Tone::Rejected),
            None if m.trouble().is_some_and(|t| t.1.is_none()) => ("nobody is paged".into(), Tone::Ink2),
            None => ("quiet".into(), Tone::Ink2),
        };
        let tw = scene.text(a.x + w + 10.0, a.y + 12.0, 12.0, text).tone(tone).text_width();
        if m.clock() > 1 {
            let per = if m.clock() == 60 { "1 s is 1 min".into() } else { format!("1 s is {} s", m.clock()) };
            scene.text(a.right(), a.y + 12.0, 11.0, per).end().tone(Tone::Ink3).fit(a.w - w - tw - 20.0);
        }
        let names: &[&str] = match m.paging() {
            Paging::Burn => &["14.4x  1 h, 5 min", "6x  6 h, 30 min", "1x  3 d, ticket"],
            Paging::Share => &["errors > 1 %, 5 min"],
            Paging::Cpu => &["CPU > 80 %, 5 min"],
        };
        let (left, right) = (112.0, 82.0);
        let lanes = Area::new(a.x + left, a.y + 20.0, a.w - left - right, a.h - 38.0);
        let axis = TimeAxis::sliding(lanes.x, lanes.right(), self.view.now_us, ALERTS_US);
        let step = lanes.h / 3.0;
        for (rule, name) in names.iter().enumerate() {
            let y = lanes.y + step * rule as f32;
            let mid = y + step / 2.0;
            scene.text(a.x, mid, 11.0, *name).vcenter().tone(Tone::Ink2).fit(left - 6.0);
            scene.rect(lanes.x, y + 2.0, lanes.w, step - 4.0).round(2.0).fill(Tone::Sunk);
            let tone = if rule == 2 { Tone::Waiting } else { Tone::Rejected };
            for (from, to) in self.firing(rule as u8) {
                let (x0, x1) = (axis.x_clamped(from.0), axis.x_clamped(to.0));
                if x1 > x0 {
                    scene.rect(x0, y + 2.0, x1 - x0, step - 4.0).round(2.0).fill(tone);
                }
            }
            let alert = &m.alerts()[rule];
            let threshold = if m.paging() == Paging::Burn { RULES[rule].burn } else { 1.0 };
            let times = format!("{} of {}", short(alert.seen.long), fixed(threshold, u32::from(rule == 0)));
            let tone = if alert.seen.fires { tone } else { Tone::Ink2 };
            scene.text(a.right(), mid, 11.0, times).end().vcenter().tone(tone).fit(right - 4.0);
        }
        if let Some((from, mended)) = m.trouble() {
            self.trouble_mark(scene, &axis, lanes, from, mended);
        }
        axis.draw(scene, lanes.bottom());
    }

    /// When a rule fired, oldest first.
    fn firing(&self, rule: u8) -> Vec<(Us, Us)> {
        let mut spans: Vec<(Us, Us)> = Vec::new();
        for (at, _, on) in self.model.changes().filter(|c| c.1 == rule) {
            match spans.last_mut() {
                _ if *on => spans.push((*at, self.now)),
                Some(last) => last.1 = *at,
                None => spans.push((Us::ZERO, *at)),
            }
        }
        spans
    }

    // How busy, how dear.

    fn use_or_test(&self, scene: &mut Scene, a: Area) {
        let Some(t) = self.model.tester() else {
            return self.resources(scene, a);
        };
        let how = if t.is_open() { "by the clock" } else { "one connection" };
        let w = scene.text(a.x, a.y + 12.0, 13.0, "Load tester").bold().text_width();
        scene.text(a.x + w + 8.0, a.y + 12.0, 12.0, how).tone(Tone::Ink2).fit(a.w - w - 8.0);
        let rows = self.test_rows();
        facts(scene, Area::new(a.x, a.y + 24.0, a.w, 76.0), &rows, 15.0);
    }

    fn test_rows(&self) -> Vec<(&'static str, String, bool)> {
        let Some(t) = self.model.tester() else { return Vec::new() };
        let p99 = |h: &sim::measure::hist::Hist| millis(h.quantile(0.99).map(Us::as_ms));
        let omitted = t.omitted(Us::ZERO, self.now);
        vec![
            ("Sent", count(t.count().into()).to_string(), false),
            ("Meant to be sent, and not", count(omitted).to_string(), omitted > 0),
            ("p99 that it reports", p99(t.measured()), false),
            ("With those put back", p99(t.corrected()), false),
        ]
    }

    /// Utilisation, saturation, errors of each resource.
    fn resources(&self, scene: &mut Scene, a: Area) {
        scene.text(a.x, a.y + 12.0, 13.0, "Resources").bold();
        scene.text(a.right(), a.y + 12.0, 11.0, "busy, waiting").end().tone(Tone::Ink3);
        let step = (a.h - 18.0) / 6.0;
        for (i, u) in self.model.services().enumerate() {
            let mid = a.y + 18.0 + step * (i as f32 + 0.5);
            let down = u.up.0 < u.up.1;
            let name = if down { format!("{} {}/{}", u.name, u.up.0, u.up.1) } else { u.name.into() };
            let tone = if down { Tone::Rejected } else { Tone::Ink2 };
            scene.text(a.x, mid, 11.0, name).vcenter().tone(tone).fit(82.0);
            let bar = Area::new(a.x + 86.0, mid - 4.0, a.w - 86.0 - 84.0, 8.0);
            let busy = (u.utilisation as f32).clamp(0.0, 1.0);
            scene.rect(bar.x, bar.y, bar.w, bar.h).round(2.0).fill(Tone::Sunk);
            scene.rect(bar.x, bar.y, bar.w * busy, bar.h).round(2.0).fill(load_tone(busy));
            scene.text(bar.right() + 40.0, mid, 11.0, whole(u.utilisation)).end().vcenter();
            let tone = if u.saturation > 0 { Tone::Rejected } else { Tone::Ink3 };
            scene.text(a.right(), mid, 11.0, count(u.saturation as u64)).end().vcenter().tone(tone);
        }
    }

    fn cost(&self, scene: &mut Scene, a: Area) {
        let bill = self.model.bill(self.now);
        let w = scene.text(a.x, a.y + 12.0, 13.0, "Cost").bold().text_width();
        let total = format!("{} $ a month", count(bill.total() as u64));
        scene.text(a.x + w + 8.0, a.y + 12.0, 12.0, total).tone(Tone::Ink2).fit(a.w - w - 8.0);
        let words = [bill.metrics, bill.logs, bill.traces].map(|v| format!("{} $", short(v.round())));
        let list = [("series", bill.metrics), ("logs", bill.logs), ("spans", bill.traces)];
        let rows: Vec<Bar> = list
            .iter()
            .zip(&words)
            .map(|((label, value), words)| Bar { label, value: *value, words, tone: Tone::Flight })
            .collect();
        let area = Area::new(a.x, a.y + 20.0, a.w, 62.0);
        bars(scene, &Bars { area, bars: &rows, max: 2_000.0, label_w: 42.0, mark: None });
        let series = format!("{} series", short(self.model.series() as f64));
        scene.text(a.x, a.bottom() - 6.0, 11.0, series).tone(Tone::Ink3).fit(a.w);
    }

    /// What differs between two sides, as a list.
    fn facts(&self, scene: &mut Scene, a: Area, most: usize) {
        let m = self.model;
        let mut rows: Vec<(&str, String, bool)> = self.test_rows();
        if rows.is_empty() {
            let each: Vec<String> = m.instances().iter().map(|p| millis(*p)).collect();
            rows.push(("p99 of web-1 to 4", each.join(", "), false));
            let percent = |which: usize| {
                self.live.number(which as u8).map_or("\u{2013}".into(), |v| format!("{} %", fixed(v, 2)))
            };
            rows.push((
                "Errors reported, in truth",
                format!("{}, {}", percent(n::REPORTED_BAD), percent(n::TRUE_BAD)),
                false,
            ));
            let kept = format!("{}/s, {}", short(self.number(n::KEPT)), number::bytes(m.buffer() as u64));
            rows.push(("Traces kept, in memory", kept, false));
            rows.push(("Series", short(m.series() as f64).to_string(), m.is_blind(self.now)));
            rows.push(("Cost", format!("{} $ a month", count(m.bill(self.now).total() as u64)), false));
        }
        rows.truncate(most);
        facts(scene, a, &rows, 14.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::widgets::check;
    use sim::questions::observability::QUESTION;

    /// Every layout, quiet and in every kind of trouble, with an exemplar open.
    #[test]
    fn it_draws_at_every_stage() {
        let inputs = [
            "500ms open",
            "2s database factor=3",
            "4s open",
            "6s who",
            "8s crash which=web-2",
            "9s network",
            "12s blind for=4",
            "18s mend",
            "20s bad",
            "22s open bucket=9",
            "24s errors share=60",
        ];
        let value = check::value(&QUESTION, &[("sampling", "all")], &inputs);
        let at = [0, 300, 1_000, 3_000, 5_000, 7_000, 10_000, 14_000, 19_000, 23_000, 30_000, 90_000];
        check::stages(&PICTURE, value, &at, &["in truth"]);
        let value = check::value(&QUESTION, &[("rate", "0"), ("tester", "closed")], &["20s freeze for=10"]);
        check::stages(&PICTURE, value, &[0, 10_000, 25_000, 40_000], &["in truth"]);
    }

    #[test]
    fn it_draws_every_choice() {
        let at = [0, 6_000, 12_500, 19_000];
        check::choices(&PICTURE, &QUESTION, &["short", "even"], &[("rate", 200.0)], &at, &["in truth"]);
    }

    /// The three panes show one id, and a click on an exemplar opens its trace.
    #[test]
    fn one_id_in_three_panes() {
        let value = check::value(&QUESTION, &[("sampling", "all")], &["3s open"]);
        let mut run = value.question.run(value);
        run.advance(Us::s(4), u64::MAX);
        let model = run.model().downcast_ref::<Observability>().unwrap();
        let id = hex(model.opened().unwrap().record.unwrap().id);
        let scene = check::drawn(&PICTURE, &*run, View::wide(PICTURE.height.wide));
        let text = crate::draw::svg::fragment(&scene, "");
        assert_eq!(text.matches(&format!(">{id}<")).count(), 3);
        let hits = scene.items().iter().filter(|i| matches!(i.hit, Some(Hit::Act { .. }))).count();
        assert_eq!(hits, model.exemplars().count());
        assert!(hits > 2);
    }
}
