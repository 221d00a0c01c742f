//! The picture of backpressure.
//!
//! A service: producers, the queue with the ages of those who wait, workers and database above; what
//! became of the load and how long answers took below. A log: what each consumer was at, and three
//! lines, written, processed and committed: the gap between them is the lag, in records from top to
//! bottom and in time from left to right.

use super::Heights;
use super::seen::{Layouts, Seen, fly};
use crate::draw::flights::{Tracks, dot, rails};
use crate::draw::number::{bytes, count, duration_us, percent, short};
use crate::draw::plot::{Layer, Plot, Range, Series, Stacked, plot, stacked};
use crate::draw::{Area, Dash, Font, Glyph, Hit, Outcome, Scene, TimeAxis, Tone, View, load_tone, text_width};
use sim::look::{Fate, Sample};
use sim::questions::backpressure::{Backpressure, SpanKind, act, number, span_word};
use sim::{Live, Us};

pub static PICTURE: super::Picture = super::Picture {
    slug: "backpressure",
    height: Heights { wide: 300.0, narrow: 468.0, wide_ab: 180.0, narrow_ab: 272.0 },
    draw,
};

/// How long a drawn request takes along its track, in simulated time: the picture's time, not the
/// network's, which the model leaves out.
const FLIGHT: Us = Us::ms(600);

fn draw(live: &dyn Live, view: &View, scene: &mut Scene) {
    let Some(seen) = Seen::<Backpressure>::of(live, view) else {
        return;
    };
    let layouts: Layouts<Backpressure> = if seen.model.is_log() {
        [Seen::log_wide, Seen::log_narrow, Seen::log_wide_side, Seen::log_narrow_side]
    } else {
        [Seen::service_wide, Seen::service_narrow, Seen::service_wide_side, Seen::service_narrow_side]
    };
    Seen::draw(live, view, scene, layouts);
}

impl Seen<'_, Backpressure> {
    fn service_wide(&self, scene: &mut Scene) {
        self.producers(scene, Area::new(14.0, 6.0, 150.0, 118.0), 5);
        self.flights(scene, (168.0, 236.0), 64.0, 17.0);
        self.queue(scene, Area::new(242.0, 22.0, 214.0, 84.0));
        scene.arrow((460.0, 64.0), (484.0, 64.0), Tone::Ink3);
        self.workers(scene, Area::new(490.0, 34.0, 110.0, 60.0));
        scene.arrow((604.0, 64.0), (626.0, 64.0), Tone::Ink3);
        self.database(scene, Area::new(632.0, 34.0, 118.0, 60.0));
        self.memory(scene, Area::new(772.0, 16.0, 76.0, 92.0));
        self.load(scene, Area::new(14.0, 132.0, 520.0, 164.0));
        self.histogram(scene, Area::new(556.0, 132.0, 292.0, 164.0));
    }

    fn service_narrow(&self, scene: &mut Scene) {
        self.producers(scene, Area::new(12.0, 2.0, 124.0, 104.0), 4);
        self.flights(scene, (138.0, 182.0), 52.0, 15.0);
        self.queue(scene, Area::new(186.0, 12.0, 192.0, 82.0));
        self.workers(scene, Area::new(12.0, 114.0, 116.0, 52.0));
        self.database(scene, Area::new(138.0, 114.0, 136.0, 52.0));
        self.memory(scene, Area::new(290.0, 108.0, 88.0, 62.0));
        self.load(scene, Area::new(12.0, 178.0, 366.0, 146.0));
        self.histogram(scene, Area::new(12.0, 334.0, 366.0, 130.0));
    }

    fn service_wide_side(&self, scene: &mut Scene) {
        self.producers(scene, Area::new(14.0, 2.0, 114.0, 84.0), 4);
        self.flights(scene, (134.0, 184.0), 44.0, 13.0);
        self.queue(scene, Area::new(190.0, 6.0, 178.0, 76.0));
        self.workers(scene, Area::new(14.0, 96.0, 104.0, 50.0));
        self.database(scene, Area::new(128.0, 96.0, 116.0, 50.0));
        self.memory(scene, Area::new(262.0, 90.0, 106.0, 60.0));
        self.facts(scene, 14.0, 170.0, 360.0);
        self.load(scene, Area::new(392.0, 2.0, 460.0, 174.0));
    }

    fn service_narrow_side(&self, scene: &mut Scene) {
        self.producers(scene, Area::new(12.0, 0.0, 120.0, 84.0), 4);
        self.flights(scene, (138.0, 182.0), 44.0, 12.0);
        self.queue(scene, Area::new(186.0, 2.0, 192.0, 78.0));
        self.load(scene, Area::new(12.0, 92.0, 366.0, 158.0));
        self.facts(scene, 12.0, 266.0, 366.0);
    }

    fn log_wide(&self, scene: &mut Scene) {
        self.producers(scene, Area::new(14.0, 6.0, 132.0, 112.0), 5);
        self.lag(scene, Area::new(160.0, 22.0, 138.0, 84.0));
        self.some_records(scene, 14.0, 132.0, 284.0);
        self.lanes(scene, Area::new(318.0, 4.0, 534.0, 120.0));
        self.facts(scene, 318.0, 140.0, 530.0);
        self.totals(scene, Area::new(14.0, 142.0, 530.0, 154.0));
        self.partitions(scene, Area::new(566.0, 154.0, 282.0, 140.0));
    }

    fn log_narrow(&self, scene: &mut Scene) {
        self.producers(scene, Area::new(12.0, 2.0, 150.0, 88.0), 4);
        self.lag(scene, Area::new(186.0, 10.0, 192.0, 76.0));
        self.some_records(scene, 12.0, 98.0, 366.0);
        self.lanes(scene, Area::new(12.0, 106.0, 366.0, 122.0));
        self.facts(scene, 12.0, 242.0, 366.0);
        self.totals(scene, Area::new(12.0, 252.0, 366.0, 142.0));
        self.partitions(scene, Area::new(12.0, 400.0, 366.0, 64.0));
    }

    fn log_wide_side(&self, scene: &mut Scene) {
        self.lag(scene, Area::new(14.0, 8.0, 128.0, 76.0));
        self.lanes(scene, Area::new(160.0, 2.0, 358.0, 150.0));
        self.facts(scene, 14.0, 170.0, 506.0);
        self.totals(scene, Area::new(540.0, 2.0, 312.0, 174.0));
    }

    fn log_narrow_side(&self, scene: &mut Scene) {
        self.lanes(scene, Area::new(12.0, 0.0, 366.0, 112.0));
        self.totals(scene, Area::new(12.0, 114.0, 366.0, 138.0));
        self.facts(scene, 12.0, 266.0, 366.0);
    }

    /// Who sends how much, who is held back, and the credits in use. At most `rows` of them.
    fn producers(&self, scene: &mut Scene, a: Area, rows: usize) {
        let title = scene.text(a.x, a.y + 13.0, 13.0, "Producers").bold();
        let x = a.x + title.text_width() + 6.0;
        let rate = self.number(number::OFFERED);
        scene
            .text(x, a.y + 13.0, 11.0, format_args!("{}/s", count(rate as u64)))
            .mono()
            .tone(Tone::Ink2)
            .fit(a.right() - x);
        let all = self.model.producers(self.now).count();
        let shown = if all > rows { rows - 1 } else { all };
        let window = self.model.window();
        for (i, t) in self.model.producers(self.now).take(shown).enumerate() {
            let y = a.y + 31.0 + i as f32 * 17.0;
            let (glyph, tone) = match (t.connected, t.held_back) {
                (false, _) => (Glyph::Cross, Tone::Rejected),
                (_, true) => (Glyph::Ring, Tone::Waiting),
                _ => (Glyph::Triangle, Tone::Flight),
            };
            scene.glyph(a.x + 6.0, y - 4.0, glyph, tone, 4.0).hit(Hit::Act { act: act::OFF as u8, arg: i as i64 + 1 });
            scene.text(a.x + 16.0, y, 11.0, i + 1).bold();
            let words = match (t.connected, t.held_back) {
                (false, _) => "gone".to_string(),
                (_, true) => "held back".to_string(),
                _ => format!("{}/s", short(t.rate)),
            };
            // What of it waits, with the sign of waiting; or, with credits, how many of them are in use.
            let waits = !self.model.is_log() && window.is_none() && t.waiting > 0;
            let mut room = if window.is_some() { 56.0 } else { a.w - 28.0 };
            if waits {
                let n = scene.text(a.right(), y, 11.0, count(u64::from(t.waiting))).end().mono().tone(Tone::Waiting);
                let w = n.text_width();
                n.tip(format_args!("{} of producer {} wait", t.waiting, i + 1));
                scene.glyph(a.right() - w - 8.0, y - 4.0, Glyph::Ring, Tone::Waiting, 4.0);
                room -= w + 18.0;
            }
            scene.text(a.x + 28.0, y, 11.0, words).tone(if t.held_back { Tone::Waiting } else { Tone::Ink2 }).fit(room);
            if let Some(window) = window {
                // Its credits, as a bar: what is filled is not answered yet.
                let bar = Area::new(a.x + 88.0, y - 8.0, (a.w - 90.0).max(12.0), 8.0);
                let used = (t.unanswered as f32 / window as f32).min(1.0);
                scene.rect(bar.x, bar.y, bar.w, bar.h).round(2.0).fill(Tone::Panel).stroke(Tone::Line);
                scene
                    .rect(bar.x, bar.y, bar.w * used, bar.h)
                    .round(2.0)
                    .fill(Tone::Flight)
                    .tip(format_args!("{} of {window} credits in use", t.unanswered));
            }
        }
        if shown < all {
            let y = a.y + 31.0 + shown as f32 * 17.0;
            scene.text(a.x + 16.0, y, 11.0, format_args!("and {} more", all - shown)).tone(Tone::Ink3);
        } else if self.model.drawn_one_in() > 1 && !self.model.is_log() {
            let y = a.y + 31.0 + shown as f32 * 17.0;
            if y < a.bottom() {
                scene
                    .text(a.x, y, 11.0, format_args!("1 in {} drawn", self.model.drawn_one_in()))
                    .tone(Tone::Ink3)
                    .fit(a.w);
            }
        }
    }

    /// The queue as a pipe, its head at the right. Colours are ages: fresh, half of the patience gone,
    /// all of it gone.
    fn queue(&self, scene: &mut Scene, a: Area) {
        let m = self.model;
        let (inside, room) = m.room_now();
        let in_service = m.workers().0;
        let bands = m.ages(self.now, [Us(m.patience().0 / 2), m.patience()]);
        let waiting: u64 = bands.iter().sum();
        // Room for those who wait: the room less those in service. Without a bound the scale grows by steps.
        let scale = match room {
            Some(room) => u64::from(room).saturating_sub(in_service).max(waiting).max(1),
            None => [50, 200, 1_000, 5_000, 20_000]
                .into_iter()
                .find(|s| *s >= waiting)
                .unwrap_or(u64::from(m.memory().1))
                .max(1),
        };
        let body = Area::new(a.x, a.y + 18.0, a.w, (a.h - 36.0).max(14.0));
        let title = scene.text(a.x, body.y - 6.0, 12.0, "Waiting").tone(Tone::Ink2);
        let w = title.text_width() + 6.0;
        let note = match (room, m.adaptive()) {
            (None, _) => "no bound".to_string(),
            (Some(r), Some((true, _))) => format!("room {}, measuring", count(u64::from(r))),
            (Some(r), Some(_)) => format!("room {}, adaptive", count(u64::from(r))),
            (Some(r), None) => format!("room K = {}", count(u64::from(r))),
        };
        scene.text(a.right(), body.y - 6.0, 11.0, note).end().tone(Tone::Ink3).fit(a.w - w);
        scene.rect(body.x, body.y, body.w, body.h).round(6.0).fill(Tone::Panel);
        // The oldest are at the head when it is first in, first out; otherwise colours show the ages, not the order.
        let mut x = body.right();
        let words = ["fresh", "half of the patience gone", "caller gone"];
        for (i, tone) in [(2, Tone::Stale), (1, Tone::Waiting), (0, Tone::Flight)] {
            let w = body.w * (bands[i] as f32 / scale as f32).min(1.0);
            let w = w.min(x - body.x);
            if w > 0.0 {
                x -= w;
                scene.rect(x, body.y, w, body.h).fill(tone).opacity(0.6).tip(format_args!("{} {}", bands[i], words[i]));
            }
        }
        scene
            .path(|d| {
                d.move_to(body.x, body.y).line_to(body.right(), body.y);
                d.move_to(body.x, body.bottom()).line_to(body.right(), body.bottom());
            })
            .stroke(Tone::Ink2);
        if room.is_some() {
            scene.line(body.x, body.y - 3.0, body.x, body.bottom() + 3.0).stroke(Tone::Rejected).dash(Dash::Fine);
        }
        scene.text(body.cx(), body.cy(), 14.0, count(waiting)).mono().bold().middle().vcenter().halo();
        let below = body.bottom() + 14.0;
        let age = m.oldest(self.now);
        let late = age.is_some_and(|age| age >= m.patience());
        let full = room.is_some_and(|r| inside >= u64::from(r));
        let left = match (m.trouble(self.now), late, full) {
            (Some((what, left)), ..) => Some((format!("{what} {}", duration_us(left.0)), Tone::Rejected)),
            (_, true, _) if bands[2] > 0 => Some((format!("{} too old", count(bands[2])), Tone::Stale)),
            (_, _, true) => Some(("no room".to_string(), Tone::Rejected)),
            _ => None,
        };
        let mut free = a.w;
        if let Some(age) = age {
            let tone = if late { Tone::Stale } else { Tone::Ink3 };
            let t = scene.text(a.right(), below, 11.0, format_args!("oldest {}", duration_us(age.0))).end().tone(tone);
            free -= t.text_width() + 8.0;
        }
        if let Some((text, tone)) = left {
            scene.text(a.x, below, 11.0, text).bold().tone(tone).fit(free);
        }
    }

    /// A box with a title, a line, and how full it is.
    fn node(&self, scene: &mut Scene, a: Area, title: &str, line: &str, load: f32, alarm: bool) {
        let stroke = if alarm { Tone::Rejected } else { Tone::Ink2 };
        scene.rect(a.x, a.y, a.w, a.h).round(8.0).fill(Tone::Panel).stroke(stroke);
        scene.text(a.x + 9.0, a.y + 17.0, 12.0, title).bold().fit(a.w - 18.0);
        scene
            .text(a.x + 9.0, a.y + 32.0, 11.0, line)
            .tone(if alarm { Tone::Rejected } else { Tone::Ink2 })
            .fit(a.w - 18.0);
        let bar = Area::new(a.x + 9.0, a.bottom() - 11.0, a.w - 18.0, 5.0);
        scene.rect(bar.x, bar.y, bar.w, bar.h).round(2.5).fill(Tone::Line);
        let load = if load.is_finite() { load.clamp(0.0, 1.0) } else { 0.0 };
        scene.rect(bar.x, bar.y, bar.w * load, bar.h).round(2.5).fill(if alarm {
            Tone::Rejected
        } else {
            load_tone(load)
        });
    }

    fn workers(&self, scene: &mut Scene, a: Area) {
        let (busy, all) = self.model.workers();
        let line = format!("{} of {} busy", count(busy), count(all));
        let alarm = self.model.trouble(self.now).is_some();
        self.node(scene, a, "Workers", &line, busy as f32 / all.max(1) as f32, alarm);
    }

    /// How many queries run at once, and what the law leaves of the best throughput.
    fn database(&self, scene: &mut Scene, a: Area) {
        let (running, pool, asking, factor) = self.model.database();
        let (line, load, alarm) = match (self.model.uses_database(), self.model.knee()) {
            (false, _) => ("not asked".to_string(), 0.0, false),
            (_, Some((knee, of_peak))) if running > knee => (format!("{running} run, {}", percent(of_peak)), 1.0, true),
            (_, Some((knee, _))) => (format!("{running} run, best {knee}"), running as f32 / knee as f32, false),
            _ => (format!("{running} of {pool}"), running as f32 / pool as f32, false),
        };
        let title = if factor > 1.0 { format!("Database ×{}", short(factor)) } else { "Database".to_string() };
        let line = if asking > 0 { format!("{line}, {asking} wait") } else { line };
        self.node(scene, a, &title, &line, load, alarm || factor > 1.0);
    }

    /// What the process holds in memory, against what fits. 64 KiB a request, to give it a size.
    fn memory(&self, scene: &mut Scene, a: Area) {
        let (held, fits) = self.model.memory();
        let share = (held as f32 / fits.max(1) as f32).min(1.0);
        scene.text(a.x, a.y + 11.0, 12.0, "Memory").bold();
        let bar = Area::new(a.x, a.y + 18.0, 14.0, (a.h - 18.0).max(20.0));
        scene.rect(bar.x, bar.y, bar.w, bar.h).round(3.0).fill(Tone::Panel).stroke(Tone::Ink2);
        let h = bar.h * share;
        scene.rect(bar.x + 1.0, bar.bottom() - h, bar.w - 2.0, h).fill(load_tone(share));
        let x = bar.right() + 6.0;
        scene
            .text(x, bar.y + 11.0, 11.0, bytes(held * 65_536))
            .mono()
            .tone(if share > 0.9 { Tone::Rejected } else { Tone::Ink2 })
            .fit(a.right() - x);
        scene.text(x, bar.y + 26.0, 11.0, "of").tone(Tone::Ink3);
        scene.text(x, bar.y + 41.0, 11.0, bytes(u64::from(fits) * 65_536)).mono().tone(Tone::Ink3).fit(a.right() - x);
    }

    /// The tracks between producers and queue: attempts to the right, their fates to the left.
    fn flights(&self, scene: &mut Scene, x: (f32, f32), y: f32, apart: f32) {
        let tracks = Tracks { x, y, apart, takes_us: FLIGHT.0 };
        rails(scene, &tracks);
        for s in self.model.samples() {
            // Scattered across the track, by number, so that neighbours do not hide each other.
            let off = (s.id.wrapping_mul(0x9e37_79b1) >> 28) as f32 * 0.8 - 6.0;
            fly(scene, self.view, &tracks, s, size(s), off);
        }
    }

    /// Rows of the history up to now.
    fn rows(&self) -> impl Iterator<Item = usize> + '_ {
        let history = self.live.history();
        (0..history.rows()).take_while(move |r| history.time(*r) <= self.now)
    }

    /// What was answered in time, too late, and turned away, up to what was sent.
    fn load(&self, scene: &mut Scene, a: Area) {
        let history = self.live.history();
        let (mut xs, mut good, mut late, mut away, mut offered) =
            (vec![0.0], vec![0.0], vec![0.0], vec![0.0], Vec::new());
        let mut top = 1.0f64;
        for r in self.rows() {
            let value = |n: usize| f64::from(history.get(r, n)).max(0.0);
            let at = history.time(r).0 as f64;
            let parts = [value(number::GOODPUT), value(number::LATE), value(number::REFUSED) + value(number::DROPPED)];
            xs.push(at);
            good.push(parts[0]);
            late.push(parts[1]);
            away.push(parts[2]);
            offered.push((at, value(number::OFFERED)));
            top = top.max(parts[0] + parts[1] + parts[2]).max(value(number::OFFERED));
        }
        if xs.len() == 1 {
            xs.clear();
        }
        let layers = [
            Layer { label: "in time", tone: Tone::Ok, values: &good },
            Layer { label: "too late", tone: Tone::Stale, values: &late },
            Layer { label: "turned away", tone: Tone::Rejected, values: &away },
        ];
        // The upper ones only once there is something of them: an edge without an area says nothing.
        let some = |values: &[f64]| values.iter().any(|v| *v > 0.0);
        let shown = if some(&away) { 3 } else { 1 + usize::from(some(&late)) };
        stacked(
            scene,
            &Stacked {
                area: a,
                x: Range::time(0, self.now.0.max(15_000_000)),
                y: Range::from_zero(top, "/s"),
                xs: &xs,
                layers: &layers[..shown],
                lines: &[Series::new("produced", &offered, Tone::Ink).dash(Dash::Dashed)],
                bounds: &[],
                caption: &"What became of it, each second",
                cursor: None,
            },
        );
    }

    /// How long the answers of the last seconds took, with the patience marked.
    fn histogram(&self, scene: &mut Scene, a: Area) {
        const BINS: usize = 24;
        let hist = self.model.delays(self.now);
        let patience = self.model.patience().0 as f64;
        // Twice the patience, or what it takes for most answers to be in the picture.
        let mid = self.live.number(number::P50 as u8).unwrap_or(0.0) * 1e3;
        let end = [2.0, 5.0, 20.0, 100.0]
            .into_iter()
            .map(|k| k * patience)
            .find(|e| *e > mid * 1.3)
            .unwrap_or(patience * 400.0);
        let mut bins = [0u64; BINS];
        for (value, n) in hist.buckets() {
            let i = (value.0 as f64 / end * BINS as f64) as usize;
            bins[i.min(BINS - 1)] += u64::from(n);
        }
        let caption =
            scene.text(a.x, a.y + 11.0, 11.0, "Time inside, answers of the last 12 s").tone(Tone::Ink3).fit(a.w);
        let used = caption.text_width();
        let body = Area::new(a.x, a.y + 34.0, a.w, (a.h - 54.0).max(20.0));
        let most = bins.iter().copied().max().unwrap_or(0).max(1);
        let pitch = body.w / BINS as f32;
        for (i, n) in bins.iter().enumerate().filter(|(_, n)| **n > 0) {
            let late = (i as f64 + 0.5) / BINS as f64 * end > patience;
            let h = (body.h * *n as f32 / most as f32).max(1.0);
            let tone = if late { Tone::Stale } else { Tone::Ok };
            scene.rect(body.x + i as f32 * pitch + 0.5, body.bottom() - h, pitch - 1.0, h).fill(tone).opacity(0.7);
        }
        scene.line(body.x, body.bottom(), body.right(), body.bottom()).width(1.0).stroke(Tone::Ink3);
        let x = body.x + body.w * (patience / end) as f32;
        scene.line(x, body.y - 4.0, x, body.bottom()).stroke(Tone::Ink).width(1.0).dash(Dash::Fine);
        let label = scene
            .text(x, body.y - 8.0, 11.0, format_args!("patience {}", duration_us(patience as u64)))
            .middle()
            .tone(Tone::Ink2);
        let half = label.text_width() / 2.0;
        label.at_x(sim::order::between(x, a.x + half, a.right() - half));
        let below = body.bottom() + 15.0;
        scene.text(body.x, below, 11.0, "0").tone(Tone::Ink3);
        scene
            .text(body.right(), below, 11.0, format_args!("{} and more", duration_us(end as u64)))
            .end()
            .tone(Tone::Ink3);
        if let Some(p) = self.live.number(number::P95 as u8)
            && a.w - used > 90.0
        {
            scene
                .text(a.right(), a.y + 11.0, 11.0, format_args!("p95 {}", duration_us((p * 1e3) as u64)))
                .end()
                .tone(Tone::Ink2);
        }
    }

    /// The lag as a pipe without a bound.
    fn lag(&self, scene: &mut Scene, a: Area) {
        let lag = self.model.waiting();
        let body = Area::new(a.x, a.y + 18.0, a.w, (a.h - 36.0).max(14.0));
        scene.text(a.x, body.y - 6.0, 12.0, "Lag of the log").tone(Tone::Ink2).fit(a.w);
        let scale = [100u64, 1_000, 10_000, 100_000].into_iter().find(|s| *s >= lag).unwrap_or(lag.max(1));
        scene.rect(body.x, body.y, body.w, body.h).round(6.0).fill(Tone::Panel);
        let w = body.w * (lag as f32 / scale as f32).min(1.0);
        scene.rect(body.right() - w, body.y, w, body.h).fill(Tone::Waiting).opacity(0.6);
        scene
            .path(|d| {
                d.move_to(body.x, body.y).line_to(body.right(), body.y);
                d.move_to(body.x, body.bottom()).line_to(body.right(), body.bottom());
            })
            .stroke(Tone::Ink2);
        scene.text(body.cx(), body.cy(), 14.0, count(lag)).mono().bold().middle().vcenter().halo();
        let below = body.bottom() + 14.0;
        match self.model.oldest(self.now) {
            Some(age) => scene.text(a.right(), below, 11.0, format_args!("oldest {}", duration_us(age.0))).end(),
            None => scene.text(a.right(), below, 11.0, "all committed").end(),
        }
        .tone(Tone::Ink3)
        .fit(a.w);
    }

    /// A few records, the newest at the right: waiting or processed. A click tells what happened to one.
    fn some_records(&self, scene: &mut Scene, x: f32, y: f32, width: f32) {
        let label = "Some records";
        scene.text(x, y, 11.0, label).tone(Tone::Ink3);
        // Measured by itself: particles are drawn without the texts around them, too.
        let from = x + text_width(label, 11.0, Font::Sans) + 12.0;
        let fitting = ((x + width - from) / 12.0) as usize;
        let written = self.model.samples().filter(|s| s.at <= self.now).count();
        let shown = self.model.samples().skip(written.saturating_sub(fitting)).take(fitting);
        for (i, s) in shown.enumerate() {
            let outcome = if s.fate == Fate::Good && s.end <= self.now { Outcome::Ok } else { Outcome::Waiting };
            dot(scene, self.view, (from + 6.0 + i as f32 * 12.0, y - 4.0), outcome, size(s), s.id);
        }
    }

    /// What each consumer was at, and when the group rebalanced.
    fn lanes(&self, scene: &mut Scene, a: Area) {
        let m = self.model;
        let (interval, pool, _) = m.poll_rules();
        let n = m.members().count().max(1);
        scene.text(a.x, a.y + 11.0, 11.0, "Consumers: what their poll loops do").tone(Tone::Ink3).fit(a.w);
        let top = a.y + 20.0;
        let pitch = ((a.bottom() - 18.0 - top) / n as f32).min(38.0);
        let label_w = if a.w > 480.0 { 176.0 } else { 84.0 };
        let span = (interval.0 * 2 + interval.0 / 4).clamp(20_000_000, 1_500_000_000);
        // It grows until two intervals are in sight, and slides then.
        let end = self.now.0.max(20_000_000);
        let axis = TimeAxis::new(a.x + label_w, a.right() - 4.0, end.saturating_sub(span), end);
        let bottom = top + pitch * n as f32;
        let row = |i: usize| top + pitch * i as f32;
        let bar = |scene: &mut Scene, i: usize, kind: SpanKind, from: Us, to: Us| {
            if to.0 <= axis.t0_us || from == to {
                return;
            }
            let (x0, x1) = (axis.x_clamped(from.0), axis.x_clamped(to.0));
            let tone = match kind {
                SpanKind::Polling => Tone::Ok,
                SpanKind::Batch => Tone::Flight,
                SpanKind::Paused => Tone::Waiting,
                SpanKind::Blocked => Tone::Undo,
                SpanKind::Out => Tone::Stale,
                SpanKind::Frozen | SpanKind::Dead => Tone::Rejected,
            };
            let h = (pitch - 6.0).min(16.0);
            let y = row(i) + (pitch - h) / 2.0;
            scene.rect(x0, y, (x1 - x0).max(1.0), h).round(2.0).fill(tone).opacity(0.55).tip(format_args!(
                "consumer {}: {} for {}",
                i + 1,
                span_word(kind),
                duration_us(to.since(from).0)
            ));
            let word = span_word(kind);
            let w = crate::draw::text_width(word, 11.0, crate::draw::Font::Sans);
            if h >= 13.0 && x1 - x0 > w + 10.0 {
                scene.text(x0 + 5.0, y + h / 2.0, 11.0, word).vcenter();
            }
        };
        for (i, member) in m.members().enumerate() {
            let y = row(i) + pitch / 2.0;
            scene.line(axis.x0, y, axis.x1, y).width(1.0);
            // Where eight of them leave no room for eight names, every second one has its name.
            if pitch < 12.5 && i % 2 == 1 {
                continue;
            }
            let down = member.kind == SpanKind::Dead;
            let name = scene.text(a.x, y, 12.0, i + 1).bold().vcenter();
            let name = if down { name.tone(Tone::Rejected) } else { name };
            name.hit(Hit::Act { act: act::KILL as u8, arg: i as i64 + 1 });
            let text = if label_w > 100.0 {
                format!("{} part., {} of {} busy", member.owns, member.busy, count(u64::from(pool)))
            } else {
                format!("{} part.", member.owns)
            };
            scene.text(a.x + 14.0, y, 11.0, text).vcenter().tone(Tone::Ink2).fit(label_w - 26.0);
            // Its memory: records that it has polled and that are not done.
            let (h, held) = ((pitch - 6.0).min(16.0), member.buffered as f32 + member.busy as f32);
            let share = (held / m.memory().1.max(1) as f32).min(1.0);
            let bar = Area::new(axis.x0 - 9.0, y - h / 2.0, 5.0, h);
            scene.rect(bar.x, bar.y, bar.w, bar.h).round(1.0).fill(Tone::Panel).stroke(Tone::Line).width(1.0);
            scene.rect(bar.x, bar.bottom() - h * share, bar.w, h * share).fill(load_tone(share)).tip(format_args!(
                "{} of {} records in memory",
                count(held as u64),
                count(u64::from(m.memory().1))
            ));
        }
        for s in m.spans().filter(|s| s.from < self.now) {
            bar(scene, s.member as usize, s.kind, s.from, s.to.min(self.now));
        }
        for (i, member) in m.members().enumerate() {
            bar(scene, i, member.kind, member.since, self.now);
        }
        for r in m.rebalances().filter(|r| axis.contains(r.at.0) && r.at <= self.now) {
            let x = axis.x(r.at.0);
            let tone = if r.came { Tone::Ok } else { Tone::Rejected };
            let tip = if r.came { "joins" } else { "is out" };
            scene
                .line(x, top - 3.0, x, bottom + 1.0)
                .stroke(tone)
                .width(1.5)
                .dash(Dash::Fine)
                .tip(format_args!("rebalance: consumer {} {tip}", r.member + 1));
        }
        axis.draw(scene, bottom + 1.0);
    }

    /// Written, processed and committed records so far.
    fn totals(&self, scene: &mut Scene, a: Area) {
        let history = self.live.history();
        let (mut written, mut processed, mut committed) = (Vec::new(), Vec::new(), Vec::new());
        let mut top = 10.0f64;
        for r in self.rows() {
            let at = history.time(r).0 as f64;
            let value = |n: usize| f64::from(history.get(r, n));
            written.push((at, value(number::WRITTEN)));
            processed.push((at, value(number::PROCESSED)));
            committed.push((at, value(number::COMMITTED)));
            top = top.max(value(number::WRITTEN));
        }
        plot(
            scene,
            &Plot {
                area: a,
                x: Range::time(0, self.now.0.max(20_000_000)),
                y: Range::from_zero(top, ""),
                series: &[
                    Series::new("written", &written, Tone::Ink),
                    Series::new("processed", &processed, Tone::Flight).dash(Dash::Dashed),
                    Series::new("committed", &committed, Tone::Ok),
                ],
                bounds: &[],
                caption: &"Records so far",
                cursor: None,
                future_from: None,
            },
        );
    }

    /// The lag of each partition, with its owner below.
    fn partitions(&self, scene: &mut Scene, a: Area) {
        let all: Vec<(u32, Option<usize>)> =
            self.model.partitions().map(|(end, done, owner)| (end - done, owner)).collect();
        let most = all.iter().map(|p| p.0).max().unwrap_or(0).max(1);
        let caption = format!("Lag by partition and its consumer, at most {}", count(u64::from(most)));
        scene.text(a.x, a.y + 11.0, 11.0, caption).tone(Tone::Ink3).fit(a.w);
        let body = Area::new(a.x, a.y + 20.0, a.w, (a.h - 38.0).max(10.0));
        let pitch = body.w / all.len().max(1) as f32;
        for (i, (lag, owner)) in all.iter().enumerate() {
            let x = body.x + i as f32 * pitch;
            let h = (body.h * *lag as f32 / most as f32).max(1.0);
            let tone = if owner.is_some() { Tone::Waiting } else { Tone::Rejected };
            scene.rect(x + 1.0, body.bottom() - h, (pitch - 2.0).max(1.0), h).fill(tone).opacity(0.6);
            match owner {
                Some(owner) => scene.text(x + pitch / 2.0, body.bottom() + 13.0, 11.0, owner + 1).tone(Tone::Ink2),
                None => scene.text(x + pitch / 2.0, body.bottom() + 13.0, 11.0, "-").tone(Tone::Rejected),
            }
            .middle();
        }
        scene.line(body.x, body.bottom(), body.right(), body.bottom()).width(1.0).stroke(Tone::Ink3);
    }

    /// In one line, where there is no room for more.
    fn facts(&self, scene: &mut Scene, x: f32, y: f32, width: f32) {
        let median = match self.live.number(number::P50 as u8) {
            Some(ms) => duration_us((ms * 1e3) as u64).to_string(),
            None => "too few".to_string(),
        };
        let (text, bad) = if self.model.is_log() {
            let again = self.live.number(number::DUPLICATES as u8).unwrap_or(0.0);
            let mut text = format!(
                "Expelled {} times, {} rebalances, {} done before",
                count(self.model.expelled()),
                count(self.number(number::REBALANCES) as u64),
                percent(again / 100.0)
            );
            if width > 400.0 {
                text += &format!(", {} in one memory", count(self.model.memory().0));
            }
            (text, again > 1.0)
        } else {
            let late = self.number(number::LATE);
            let text = format!(
                "In time {}/s, too late {}/s, turned away {}/s. Median {median}.",
                count(self.number(number::GOODPUT) as u64),
                count(late as u64),
                count((self.number(number::REFUSED) + self.number(number::DROPPED)) as u64)
            );
            (text, late > 0.05 * self.number(number::OFFERED))
        };
        scene.text(x, y, 11.0, text).tone(if bad { Tone::Stale } else { Tone::Ink2 }).fit(width);
    }
}

/// What the first producer made is larger.
fn size(s: &Sample<u8>) -> f32 {
    if s.what == 0 { 4.0 } else { 3.2 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::widgets::check;
    use sim::questions::backpressure::QUESTION;

    /// Every choice and switch in both systems, with everything broken, in every layout.
    #[test]
    fn every_mode_can_be_drawn() {
        for system in [0.0, 1.0] {
            let at = [0, 2_000, 5_000, 9_000, 40_000];
            check::choices(&PICTURE, &QUESTION, &["system"], &[("system", system)], &at, &["<line"]);
        }
    }

    #[test]
    fn extremes_can_be_drawn() {
        let sets: [&[(&str, &str)]; 4] = [
            &[
                ("tenants", "8"),
                ("bound", "0"),
                ("rate", "2000"),
                ("memory", "200000"),
                ("workers", "2000"),
                ("source", "credit"),
            ],
            &[("system", "consumer"), ("members", "8"), ("partitions", "32"), ("rate", "2000"), ("backlog", "200000")],
            &[
                ("system", "consumer"),
                ("members", "1"),
                ("partitions", "1"),
                ("service", "120000"),
                ("interval", "3600"),
            ],
            &[("bound", "1"), ("patience", "60000"), ("knee", "1"), ("db_share", "100"), ("workers", "2000")],
        ];
        for set in sets {
            check::stages(&PICTURE, check::value(&QUESTION, set, &[]), &[1_000, 30_000], &[]);
        }
    }

    #[test]
    fn the_trap_and_the_too_old_are_in_words() {
        let mut run = QUESTION.run(check::value(&QUESTION, &[("bound", "0")], &[]));
        run.advance(Us::s(10), u64::MAX);
        let [wide, narrow, ..] = check::views(&PICTURE);
        for view in [wide, narrow] {
            let text = check::text(&PICTURE, &*run, view);
            for words in ["too old", "no bound", "patience 1.00 s"] {
                assert!(text.contains(words), "{words} in {text}");
            }
        }
    }
}
