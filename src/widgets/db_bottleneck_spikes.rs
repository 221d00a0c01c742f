//! The picture of a database that is the bottleneck: how far each copy has come in the log, the shards
//! by how much they have to do, and what became of reads and of writes.
//!
//! The log runs from left to right and ends now. A copy's bar ends where its readers stand; the gap is
//! its lag. Every n-th read flies to its copy and comes back fresh, stale or refused; every n-th write
//! to the primary; and each author who looks for their own write has a track of their own.

use super::seen::{Seen, facts, fly, whole};
use super::{Heights, Picture};
use crate::draw::flights::{Tracks, along, rails, scatter, sign};
use crate::draw::number::{count, duration_us, percent};
use crate::draw::plot::{Layer, Range, Series, Stacked, stacked};
use crate::draw::{Area, Dash, Glyph, Hit, Outcome, Scene, Tone, View, load_tone};
use sim::decimal::fixed;
use sim::look::Fate;
use sim::questions::db_bottleneck_spikes::{NodeView, ShardView, Spikes, act, number};
use sim::{Live, Us};

pub static PICTURE: Picture = Picture {
    slug: "db-bottleneck-spikes",
    height: Heights { wide: 306.0, narrow: 484.0, wide_ab: 184.0, narrow_ab: 250.0 },
    draw,
};

fn draw(live: &dyn Live, view: &View, scene: &mut Scene) {
    Seen::<Spikes>::draw(live, view, scene, [Seen::wide, Seen::narrow, Seen::wide_side, Seen::narrow_side]);
}

/// How long a drawn request takes along its track: the picture's time, not the network's.
const FLIGHT_US: u64 = 600_000;

type Of<'a> = &'a dyn Fn(&dyn Fn(usize) -> f64) -> f64;

impl Seen<'_, Spikes> {
    fn wide(&self, scene: &mut Scene) {
        self.clients(scene, Area::new(14.0, 6.0, 112.0, 146.0));
        self.log(scene, Area::new(232.0, 6.0, 360.0, 146.0), 130.0);
        self.shards(scene, Area::new(622.0, 6.0, 224.0, 146.0), true);
        self.reads(scene, Area::new(14.0, 160.0, 428.0, 142.0));
        self.writes(scene, Area::new(462.0, 160.0, 384.0, 142.0));
    }

    fn narrow(&self, scene: &mut Scene) {
        self.clients_line(scene, 12.0, 14.0, 366.0);
        self.log(scene, Area::new(52.0, 24.0, 326.0, 118.0), 12.0);
        self.shards(scene, Area::new(12.0, 150.0, 366.0, 82.0), true);
        self.reads(scene, Area::new(12.0, 238.0, 366.0, 120.0));
        self.writes(scene, Area::new(12.0, 362.0, 366.0, 118.0));
    }

    fn wide_side(&self, scene: &mut Scene) {
        self.clients_line(scene, 14.0, 14.0, 400.0);
        self.log(scene, Area::new(60.0, 24.0, 354.0, 110.0), 16.0);
        self.shards(scene, Area::new(14.0, 140.0, 400.0, 40.0), false);
        self.reads(scene, Area::new(436.0, 2.0, 200.0, 178.0));
        self.writes(scene, Area::new(652.0, 2.0, 200.0, 178.0));
    }

    fn narrow_side(&self, scene: &mut Scene) {
        self.clients_line(scene, 12.0, 14.0, 366.0);
        self.log(scene, Area::new(52.0, 22.0, 326.0, 88.0), 12.0);
        self.shards(scene, Area::new(12.0, 114.0, 366.0, 34.0), false);
        self.reads(scene, Area::new(12.0, 152.0, 178.0, 94.0));
        self.writes(scene, Area::new(200.0, 152.0, 178.0, 94.0));
    }

    /// What is asked for, what the authors find, and what waits for its commit.
    fn clients(&self, scene: &mut Scene, a: Area) {
        let text = |scene: &mut Scene, y: f32, what: &str, v: f64| {
            let w = scene.text(a.x, y, 15.0, count(v.round() as u64)).mono().bold().text_width();
            scene.text(a.x + w + 4.0, y, 11.0, what).tone(Tone::Ink3).fit(a.w - w - 4.0);
        };
        scene.text(a.x, a.y + 12.0, 13.0, "Clients").bold();
        text(scene, a.y + 32.0, "reads/s", self.number(number::OFFERED_READS));
        text(scene, a.y + 51.0, "writes/s", self.number(number::OFFERED_WRITES));
        let missing = self.live.number(number::MISSING as u8);
        let (line, bad) = match missing {
            Some(m) => (format!("{} of authors", whole(m / 100.0)), m >= 0.5),
            None => ("nobody looks".to_string(), false),
        };
        let tone = if bad { Tone::Stale } else { Tone::Ink2 };
        scene.text(a.x, a.y + 74.0, 11.0, line).tone(tone).fit(a.w);
        if missing.is_some() {
            scene.text(a.x, a.y + 87.0, 11.0, "miss their own write").tone(Tone::Ink3).fit(a.w);
        }
        let (batched, rows, queued) = self.model.write_path();
        let mut y = a.y + 108.0;
        let mut waits = |scene: &mut Scene, what: &str, n: u64, bad: bool| {
            let tone = if bad { Tone::Rejected } else { Tone::Ink2 };
            scene.text(a.x, y, 11.0, what).tone(Tone::Ink3);
            scene.text(a.right(), y, 11.0, count(n)).end().mono().tone(tone);
            y += 14.0;
        };
        if queued > 0 {
            waits(scene, "in the queue", queued, queued > 2_000);
        }
        if self.model.batch_size() > 1 {
            waits(scene, "in batches", batched, false);
        }
        waits(scene, "to commit", rows, rows > 300);
    }

    fn clients_line(&self, scene: &mut Scene, x: f32, y: f32, width: f32) {
        let (reads, writes) = (self.number(number::OFFERED_READS), self.number(number::OFFERED_WRITES));
        let text = format!("{} reads/s, {} writes/s", count(reads.round() as u64), count(writes.round() as u64));
        let w = scene.text(x, y, 12.0, text).bold().fit(width * 0.6).text_width();
        let missing = self.live.number(number::MISSING as u8).unwrap_or(0.0);
        let (text, tone) = match (missing >= 0.5, self.model.write_path()) {
            (true, _) => (format!("{} miss their own write", whole(missing / 100.0)), Tone::Stale),
            (_, (_, _, queued)) if queued > 0 => (format!("{} queued", count(queued)), Tone::Ink3),
            (_, (_, rows, _)) => (format!("{} to be committed", count(rows)), Tone::Ink3),
        };
        scene.text(x + width, y, 11.0, text).end().tone(tone).fit(width - w - 10.0);
    }

    /// The copies of the shard that has most to do, each as far as it has come. `from`: where clients stand.
    fn log(&self, scene: &mut Scene, a: Area, from: f32) {
        let h = self.model.fullest();
        let (nodes, committed) = self.model.nodes(h, self.now);
        let several = self.model.shards_count() > 1;
        let title =
            if several { format!("The log of shard {}, the fullest", h + 1) } else { "The log, up to now".to_string() };
        let w = scene.text(a.x, a.y + 10.0, 11.0, title).bold().fit(a.w * 0.6).text_width();
        let text = format!("{} committed", count(u64::from(committed)));
        scene.text(a.right(), a.y + 10.0, 11.0, text).end().tone(Tone::Ink3).fit(a.w - w - 12.0);
        // The last row is the authors' own.
        let looks = self.live.number(number::MISSING as u8).is_some();
        let body = Area::new(a.x, a.y + 16.0, a.w, a.h - 16.0 - if looks { 15.0 } else { 0.0 });
        let room = ((body.h / 15.0) as usize).max(2);
        let shown = if nodes.len() > room { room - 1 } else { nodes.len() };
        let step = (body.h / nodes.len().min(room) as f32).min(30.0);
        let worst = nodes.iter().filter(|n| n.up).map(|n| n.behind).fold(Us::ZERO, Us::max);
        // A round span, so that the bars do not breathe.
        let span = [1u64, 2, 5, 10, 20, 50, 100, 200, 500].into_iter().map(Us::s).find(|s| s.0 > worst.0 * 5 / 4);
        let span = span.unwrap_or(Us::s(1_000));
        let bar = Area::new(a.x + 96.0, 0.0, a.w - 96.0 - 62.0, (step - 6.0).clamp(8.0, 16.0));
        let still: Vec<f32> = (0..shown).map(|i| body.y + (i as f32 + 0.5) * step).collect();
        for (n, y) in nodes.iter().zip(&still) {
            self.row(scene, n, h, Area { y: y - bar.h / 2.0, ..bar }, a, span);
        }
        if nodes.len() > shown {
            let y = body.y + (shown as f32 + 0.5) * step + 4.0;
            scene.text(a.x, y, 11.0, format_args!("and {} more", nodes.len() - shown)).tone(Tone::Ink3);
        }
        let x = (from, a.x - 6.0);
        let tracks = |y: f32| Tracks { x, y, apart: 3.0, takes_us: FLIGHT_US };
        for y in &still {
            rails(scene, &tracks(*y));
        }
        let one_in = self.model.drawn_one_in();
        for s in self.model.samples() {
            let place = match s.what.write {
                // Without a primary, to where it was.
                true => nodes.iter().position(|n| n.primary).or(Some(0)),
                false => nodes.iter().position(|n| n.member == s.what.member),
            };
            let nowhere = !s.what.write && s.what.shard == u8::MAX && s.fate == Fate::Open;
            let y = place.and_then(|i| still.get(i)).or(still.last());
            if let (Some(y), false) = (y, nowhere) {
                let off = scatter(s.id >> 1, if s.what.write { one_in.1 } else { one_in.0 }, 1.2);
                fly(scene, self.view, &tracks(*y), s, if s.what.write { 4.2 } else { 3.0 }, off);
            }
        }
        if !looks {
            return;
        }
        let y = a.bottom() - 6.0;
        scene.text(a.x, y + 4.0, 11.0, "What the authors find").tone(Tone::Ink3).fit(a.w);
        scene.line(x.0, y, x.1, y).width(1.0);
        for s in self.model.samples().filter(|s| s.what.looked <= self.now) {
            if let Some(way) = along(self.view, s.what.looked.0, FLIGHT_US) {
                let mark = if s.what.saw { Outcome::Ok } else { Outcome::Stale };
                let at = (x.1 + (x.0 - x.1) * way, y);
                sign(scene, self.view, at, (mark.glyph(), mark.tone()), 4.2, s.id);
            }
        }
    }

    /// One copy: who it is, how busy, and how far.
    fn row(&self, scene: &mut Scene, n: &NodeView, h: usize, bar: Area, a: Area, span: Us) {
        let y = bar.cy() + 4.0;
        let name = match (n.primary, n.store, n.member) {
            (true, ..) => "Primary".to_string(),
            (_, true, _) => "Read store".to_string(),
            (.., 0) => "Old primary".to_string(),
            (.., m) => format!("Replica {m}"),
        };
        scene.text(a.x, y, 11.0, name).fit(66.0);
        // How busy it is: a small column beside its name.
        let load = n.load.clamp(0.0, 1.0);
        let column = Area::new(a.x + 72.0, bar.y, 14.0, bar.h);
        scene.rect(column.x, column.y, column.w, column.h).round(2.0).fill(Tone::Sunk);
        let high = column.h * load;
        scene.rect(column.x, column.bottom() - high, column.w, high).round(2.0).fill(load_tone(load));
        let (hit, tip) = match n.primary {
            true => (act::PRIMARY, "The primary: click to kill it"),
            false => (act::REPLICA, "A copy: click to kill the first replica"),
        };
        let hit = Hit::Act { act: hit as u8, arg: h as i64 + 1 };
        if !n.up {
            let (text, tone) = if n.seeding { ("being copied", Tone::Waiting) } else { ("down", Tone::Rejected) };
            let w = scene.text(bar.x, y, 11.0, text).tone(tone).hit(hit).text_width();
            scene.line(bar.x + w + 8.0, bar.cy(), bar.right(), bar.cy()).stroke(tone).dash(Dash::Fine).width(1.0);
            return;
        }
        let frame = scene.rect(bar.x, bar.y, bar.w, bar.h).round(3.0).fill(Tone::Sunk).stroke(Tone::Line);
        frame.hit(hit).tip(tip);
        let late = n.behind.0 as f32 / span.0 as f32;
        let reach = bar.w * (1.0 - late.min(1.0));
        let tone = if n.primary { Tone::Ink2 } else { Tone::Flight };
        scene.rect(bar.x, bar.y, reach, bar.h).round(3.0).fill(tone).opacity(if n.primary { 0.55 } else { 0.75 });
        let text = match (n.primary, n.behind) {
            (true, _) => whole(f64::from(n.load)),
            (_, Us::ZERO) => "up to date".to_string(),
            (_, behind) => format!("\u{2212}{}", duration_us(behind.0 / 1_000 * 1_000)),
        };
        let tone = if n.slow || n.behind >= Us::s(1) { Tone::Rejected } else { Tone::Ink2 };
        scene.text(a.right(), y, 11.0, text).end().mono().tone(tone).fit(60.0);
    }

    /// The shards by their work, and what the keys do to them.
    fn shards(&self, scene: &mut Scene, a: Area, full: bool) {
        let shards: Vec<ShardView> = self.model.shards();
        let n = self.model.shards_count();
        let map = if full {
            Area::new(a.x, a.y + 16.0, a.w, if a.h > 100.0 { 44.0 } else { 18.0 })
        } else {
            Area::new(a.x + a.w * 0.56, a.y + 4.0, a.w * 0.44, a.h - 8.0)
        };
        let spread = self.live.number(number::SPREAD as u8);
        let title = match (n, self.model.moving(), spread) {
            (_, Some((done, all, twice)), _) => {
                format!("{} of {} keys moved, {twice} on two", count(done as u64), count(all as u64))
            }
            (1, ..) => "One shard".to_string(),
            (n, _, Some(s)) => format!("{n} shards, fullest {}\u{d7} the mean", fixed(s, 1)),
            (n, ..) => format!("{n} shards"),
        };
        let top = self.model.top();
        if full {
            scene.text(a.x, a.y + 10.0, 11.0, title).bold().fit(a.w);
        } else {
            scene.text(a.x, a.y + 12.0, 11.0, title).bold().fit(a.w * 0.54);
            let text = format!("top key {}, lost writes {}", whole(top), count(self.model.lost()));
            scene.text(a.x, a.y + 28.0, 11.0, text).tone(Tone::Ink3).fit(a.w * 0.54);
        }
        let drawn = shards.len();
        let mut cols = drawn.min(8);
        let (mut rows, gap) = (drawn.div_ceil(cols), 2.0);
        // As square as the room allows.
        while rows > 1 && (map.h + gap) / (rows as f32) < 9.0 {
            cols += 1;
            rows = drawn.div_ceil(cols);
        }
        let (w, h) = ((map.w + gap) / cols as f32 - gap, (map.h + gap) / rows as f32 - gap);
        for (i, s) in shards.iter().enumerate() {
            let (x, y) = (map.x + (i % cols) as f32 * (w + gap), map.y + (i / cols) as f32 * (h + gap));
            let tile = scene.rect(x, y, w, h).round(2.0).fill(Tone::Sunk).stroke(if s.led {
                Tone::Line
            } else {
                Tone::Rejected
            });
            tile.dash(if s.active { Dash::Solid } else { Dash::Fine }).tip(format_args!("Shard {}", i + 1));
            let load = s.load.clamp(0.0, 1.0);
            scene.rect(x, y + h * (1.0 - load), w, h * load).round(2.0).fill(load_tone(load));
            if w > 40.0 && h > 15.0 && s.led {
                let text = whole(f64::from(s.load));
                scene.text(x + w / 2.0, y + h / 2.0 + 4.0, 11.0, text).middle().tone(Tone::Ink).halo();
            }
            if !s.led {
                scene.glyph(x + w / 2.0, y + h / 2.0, Glyph::Cross, Tone::Rejected, 4.0_f32.min(h / 3.0));
            }
        }
        if !full {
            return;
        }
        let possible = 1.0 / top.max(1e-9);
        let parts = self.model.parts_of_top();
        let key =
            if parts > 1 { format!("{} in each of {parts} parts", percent(top)) } else { percent(top).to_string() };
        let lost = self.model.lost();
        let list = Area::new(a.x, map.bottom() + 10.0, a.w, a.bottom() - map.bottom() - 12.0);
        let stale = self.number(number::STALE);
        facts(
            scene,
            list,
            &[
                ("Top key has", key, false),
                ("Shards can speed up at most", format!("{}\u{d7}", fixed(possible, 1)), false),
                ("Stale reads", whole(stale / 100.0), false),
                ("Acknowledged writes lost", count(lost).to_string(), lost > 0),
            ][..if list.h > 60.0 { 4 } else { 2 }],
            13.0,
        );
    }

    fn reads(&self, scene: &mut Scene, a: Area) {
        let stale = |row: &dyn Fn(usize) -> f64| row(number::READ) * row(number::STALE) / 100.0;
        self.over_time(
            scene,
            a,
            "Reads a second",
            &[
                ("fresh", Tone::Ok, &move |row| row(number::READ) - stale(row)),
                ("stale", Tone::Stale, &stale),
                ("not served", Tone::Rejected, &|row| row(number::OFFERED_READS) - row(number::READ)),
            ],
            number::READ_CAPACITY,
        );
    }

    fn writes(&self, scene: &mut Scene, a: Area) {
        self.over_time(
            scene,
            a,
            "Writes a second",
            &[
                ("done", Tone::Ok, &|row| row(number::WRITTEN)),
                ("not served", Tone::Rejected, &|row| row(number::OFFERED_WRITES) - row(number::WRITTEN)),
            ],
            number::CEILING,
        );
    }

    /// What became of a load over time, and a line for what is possible.
    fn over_time(&self, scene: &mut Scene, area: Area, caption: &str, layers: &[(&str, Tone, Of)], possible: usize) {
        let history = self.live.history();
        let rows = (0..history.rows()).take_while(|r| history.time(*r) <= self.now);
        let (mut xs, mut line) = (vec![0.0], Vec::new());
        let mut values: Vec<Vec<f64>> = vec![vec![0.0]; layers.len()];
        let (mut top, mut most) = (1.0f64, 0.0f64);
        for r in rows {
            let at = history.time(r).0 as f64;
            let get = |n: usize| f64::from(history.get(r, n)).max(0.0);
            xs.push(at);
            let mut sum = 0.0;
            for (i, (.., of)) in layers.iter().enumerate() {
                let v = of(&get).max(0.0);
                values[i].push(v);
                sum += v;
            }
            line.push((at, get(possible)));
            top = top.max(sum);
            most = most.max(get(possible));
        }
        if xs.len() == 1 {
            xs.clear();
        }
        // A ceiling far above the load would press the load flat: it leaves the picture instead.
        let top = top.max(most.min(2.0 * top));
        let line: Vec<(f64, f64)> = line.into_iter().map(|(x, y)| (x, y.min(top * 1.02))).collect();
        let stack: Vec<Layer> =
            layers.iter().zip(&values).map(|((label, tone, _), values)| Layer { label, tone: *tone, values }).collect();
        stacked(
            scene,
            &Stacked {
                area,
                x: Range::time(0, self.now.0.max(20_000_000)),
                y: Range::from_zero(top, "/s"),
                xs: &xs,
                layers: &stack,
                lines: &[Series::new("possible", &line, Tone::Ink).dash(Dash::Dashed).stepped()],
                bounds: &[],
                caption: &caption,
                cursor: None,
            },
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::widgets::check;
    use sim::questions::db_bottleneck_spikes::QUESTION;

    const AT_MS: [u64; 6] = [0, 600, 2_500, 5_200, 9_000, 14_000];

    #[test]
    fn every_layout_of_every_choice() {
        let small = [("reads", 1_500.0), ("writes", 200.0), ("capacity", 1_000.0), ("lookers", 60.0)];
        check::choices(&PICTURE, &QUESTION, &["arrivals", "law"], &small, &AT_MS, &["Reads a second"]);
    }

    #[test]
    fn many_shards_and_many_copies() {
        let acts = ["1s reshard", "2s add replicas=8", "3s primary", "4s lag by=30000 for=5", "5s split", "6s slow"];
        for knobs in [
            &[("shards", "64"), ("replicas", "1"), ("reads", "3000")][..],
            &[("shards", "7"), ("replicas", "15"), ("ready", "3"), ("lookers", "100"), ("reads", "3000")],
            &[
                ("shards", "3"),
                ("cqrs", "on"),
                ("placement", "modulo"),
                ("ack", "queue"),
                ("batching", "batch"),
                ("reads", "3000"),
            ],
        ] {
            let value = check::value(&QUESTION, knobs, &acts);
            check::stages(&PICTURE, value, &AT_MS, &["Writes a second", "Primary"]);
        }
    }

    /// Drawing is bounded however much there is.
    #[test]
    fn drawing_is_bounded() {
        let value = check::value(&QUESTION, &[("shards", "64"), ("replicas", "15"), ("reads", "100000")], &[]);
        let mut run = QUESTION.run(value);
        run.advance(Us::ms(1_500), u64::MAX);
        let [wide, ..] = check::views(&PICTURE);
        let scene = check::drawn(&PICTURE, &*run, wide);
        assert!(scene.items().len() < 300, "{} items", scene.items().len());
        assert!(scene.particles().len() < 300, "{} particles", scene.particles().len());
    }
}
