//! The picture of the cache: the shelf sorted by popularity with the database behind it, the miss
//! curve with its formula, and the comb.
//!
//! A column of the shelf is a class of keys of neighbouring popularity, filled as far as its keys are
//! in the cache. The comb puts what has happened left of now (queries at the database) and what will
//! happen right of it (entries that expire): a tooth on the right becomes a peak on the left.

use super::Heights;
use super::seen::{Seen, outcome};
use crate::draw::flights::{Flight, Tracks, flight, rails, scatter};
use crate::draw::number::{count, duration_us, percent, short};
use crate::draw::pipe::{Pipe, pipe};
use crate::draw::plot::{Plot, Range, Series, plot};
use crate::draw::{Area, Dash, Font, Glyph, Hit, Scene, Tone, View, text_width};
use sim::blocks::cache::Policy;
use sim::look::Fate;
use sim::questions::caching_benefits::{Bin, COMB_BINS, Caching, act, number};
use sim::{Live, Us};

pub static PICTURE: super::Picture = super::Picture {
    slug: "caching-benefits",
    height: Heights { wide: 306.0, narrow: 474.0, wide_ab: 180.0, narrow_ab: 258.0 },
    draw,
};

/// How long a drawn read takes along a track, in simulated time: the picture's time, not the
/// network's.
const FLIGHT: Us = Us::ms(350);
const COLUMNS: usize = 36;

fn draw(live: &dyn Live, view: &View, scene: &mut Scene) {
    Seen::<Caching>::draw(live, view, scene, [Seen::wide, Seen::narrow, Seen::wide_side, Seen::narrow_side]);
}

impl Seen<'_, Caching> {
    fn wide(&self, scene: &mut Scene) {
        self.readers(scene, Area::new(14.0, 8.0, 108.0, 100.0));
        self.shelf(scene, Area::new(196.0, 6.0, 384.0, 116.0));
        self.queue(scene, Area::new(656.0, 6.0, 190.0, 62.0));
        self.database(scene, Area::new(656.0, 70.0, 190.0, 51.0));
        self.flights(scene, (124.0, 190.0), (588.0, 648.0), 54.0, 16.0);
        self.curve(scene, Area::new(14.0, 130.0, 330.0, 172.0));
        self.comb(scene, Area::new(366.0, 130.0, 480.0, 150.0));
        self.facts(scene, 366.0, 299.0, 480.0);
    }

    fn narrow(&self, scene: &mut Scene) {
        self.readers(scene, Area::new(12.0, 2.0, 108.0, 70.0));
        self.database(scene, Area::new(206.0, 3.0, 172.0, 51.0));
        self.flights(scene, (124.0, 162.0), (162.0, 200.0), 28.0, 10.0);
        self.waiting_line(scene, 206.0, 68.0, 172.0);
        self.shelf(scene, Area::new(12.0, 80.0, 366.0, 110.0));
        self.comb(scene, Area::new(12.0, 196.0, 366.0, 108.0));
        self.curve(scene, Area::new(12.0, 310.0, 366.0, 144.0));
        self.facts(scene, 12.0, 469.0, 366.0);
    }

    fn wide_side(&self, scene: &mut Scene) {
        self.shelf(scene, Area::new(14.0, 4.0, 400.0, 102.0));
        self.queue(scene, Area::new(14.0, 110.0, 190.0, 62.0));
        self.database(scene, Area::new(222.0, 117.0, 192.0, 51.0));
        self.comb(scene, Area::new(440.0, 2.0, 406.0, 150.0));
        self.facts(scene, 440.0, 171.0, 406.0);
    }

    fn narrow_side(&self, scene: &mut Scene) {
        self.shelf(scene, Area::new(12.0, 2.0, 366.0, 92.0));
        self.comb(scene, Area::new(12.0, 98.0, 366.0, 104.0));
        self.waiting_line(scene, 12.0, 226.0, 366.0);
        self.facts(scene, 12.0, 246.0, 366.0);
    }

    fn readers(&self, scene: &mut Scene, a: Area) {
        scene.text(a.x, a.y + 13.0, 13.0, "Readers").bold();
        let tone = if self.model.surge() > 1.0 { Tone::Rejected } else { Tone::Ink };
        let rate = count(self.number(number::READS) as u64);
        let text = scene.text(a.x, a.y + 34.0, 16.0, rate).mono().bold().tone(tone);
        let w = text.text_width();
        scene.text(a.x + w + 5.0, a.y + 34.0, 11.0, "/s").tone(Tone::Ink3);
        match self.model.drawn_one_in() {
            1 => scene.text(a.x, a.y + 51.0, 11.0, "every read drawn"),
            n => scene.text(a.x, a.y + 51.0, 11.0, format_args!("1 in {n} drawn")),
        }
        .tone(Tone::Ink3)
        .fit(a.w);
        let failed = self.number(number::FAILED) as u64;
        let scan = self.model.scan_left();
        if failed > 0 {
            scene.text(a.x, a.y + 67.0, 11.0, format_args!("{} fail", count(failed))).tone(Tone::Rejected).fit(a.w);
        } else if scan > 0 {
            let text = format_args!("scan: {} to go", count(u64::from(scan))).to_string();
            scene.text(a.x, a.y + 67.0, 11.0, text).tone(Tone::Waiting).fit(a.w);
        }
    }

    /// Classes of keys by popularity, each filled as far as its keys are in the cache.
    fn shelf(&self, scene: &mut Scene, a: Area) {
        let bins = self.model.shelf(self.now, COLUMNS);
        let title = scene.text(a.x, a.y + 13.0, 13.0, "Cache").bold();
        let mut x = a.x + title.text_width() + 8.0;
        let held =
            format_args!("{} of {}", count(u64::from(self.model.entries())), count(u64::from(self.model.capacity())))
                .to_string();
        let stale: u32 = bins.iter().map(|b| b.stale).sum();
        let down = self.model.nodes().filter(|up| !up).count();
        let all = self.model.nodes().count();
        let text = match (all, down) {
            (_, 0) if stale > 0 => format_args!("{held}, {} out of date", count(u64::from(stale))).to_string(),
            (1, 0) => held,
            (1, _) => "down".to_string(),
            (_, 0) => format_args!("{held} on {all} nodes").to_string(),
            _ => format_args!("{down} of {all} nodes down").to_string(),
        };
        let tone = match (down, stale) {
            (0, 0) => Tone::Ink3,
            (0, _) => Tone::Stale,
            _ => Tone::Rejected,
        };
        let text = scene.text(x, a.y + 13.0, 11.0, text).tone(tone).fit(a.w * 0.55);
        x += text.text_width();
        let hits = self
            .model
            .hit_share(self.now)
            .map_or("no reads yet".to_string(), |h| format_args!("hits {}", percent(h)).to_string());
        let right =
            scene.text(a.right(), a.y + 13.0, 13.0, hits).mono().bold().end().tone(Tone::Ok).fit(a.right() - x - 8.0);
        let left = a.right() - right.text_width() - 10.0;
        let says = format_args!("{} {}", self.formula(), percent(self.model.theory().predicted)).to_string();
        if left - x > 84.0 {
            scene.text(left, a.y + 13.0, 11.0, says).end().tone(Tone::Ink3).fit(left - x - 8.0);
        }

        let body = Area::new(a.x, a.y + 20.0, a.w, a.h - 36.0);
        scene.rect(body.x, body.y, body.w, body.h).round(6.0).fill(Tone::Panel).stroke(Tone::Ink2);
        let inner = body.inset(3.0, 3.0);
        let step = inner.w / bins.len().max(1) as f32;
        let gap = if step > 6.0 { 2.0 } else { 1.0 };
        // One path for each state, whatever the number of columns.
        for (tone, from, to) in [
            (Tone::Ok, (|_: &Bin| 0) as fn(&Bin) -> u32, (|b: &Bin| b.fresh) as fn(&Bin) -> u32),
            (Tone::Stale, |b| b.fresh, |b| b.fresh + b.stale),
            (Tone::Line, |b| b.fresh + b.stale, |b| b.fresh + b.stale + b.expired),
        ] {
            scene
                .path(|p| {
                    for (i, b) in bins.iter().enumerate() {
                        let keys = (b.last - b.first + 1) as f32;
                        let y = |n: u32| inner.bottom() - inner.h * (n as f32 / keys).min(1.0);
                        let (low, high) = (y(from(b)), y(to(b)));
                        if low - high > 0.2 {
                            let x0 = inner.x + step * i as f32;
                            p.move_to(x0, low)
                                .line_to(x0, high)
                                .line_to(x0 + step - gap, high)
                                .line_to(x0 + step - gap, low)
                                .close();
                        }
                    }
                })
                .fill(tone)
                .opacity(if tone == Tone::Ok { 0.75 } else { 1.0 });
        }
        // How much of the reads the keys up to here make.
        let mut sum = 0.0;
        let line: Vec<(f32, f32)> = bins
            .iter()
            .enumerate()
            .map(|(i, b)| {
                sum += b.share;
                (inner.x + step * (i as f32 + 1.0) - gap, inner.bottom() - inner.h * (sum as f32).min(1.0))
            })
            .collect();
        scene.polyline(line).stroke(Tone::Ink2).width(1.0).dash(Dash::Fine);
        // Loads that are under way, and where to click.
        for (i, b) in bins.iter().enumerate() {
            let x0 = inner.x + step * i as f32;
            let all = b.last - b.first + 1;
            let keys = if all == 1 {
                format!("Key {}", b.first)
            } else {
                format!("Keys {} to {}", count(u64::from(b.first)), count(u64::from(b.last)))
            };
            let tip = format!(
                "{keys}: {} of {} in the cache, {} out of date, {} expired, {} being loaded; {} of the reads. Click: key {} expires.",
                b.fresh + b.stale,
                all,
                b.stale,
                b.expired,
                b.loading,
                percent(b.share),
                b.first
            );
            scene
                .rect(x0, inner.y, step, inner.h)
                .hit(Hit::Act { act: act::EXPIRE as u8, arg: i64::from(b.first) })
                .tip(tip);
        }
        for (i, b) in bins.iter().enumerate().filter(|(_, b)| b.loading > 0) {
            let size = if b.loading > 20 { 4.5 } else { 3.0 };
            let x = inner.x + step * (i as f32 + 0.5) - gap / 2.0;
            scene.particle(
                x,
                inner.y + 7.0,
                Glyph::Triangle,
                if b.loading > 20 { Tone::Rejected } else { Tone::Flight },
                size,
                None,
            );
        }
        // Ranks below.
        let y = a.bottom() - 3.0;
        let last = scene
            .text(a.right(), y, 11.0, format_args!("key {}", count(u64::from(self.model.keys()))))
            .end()
            .tone(Tone::Ink3);
        let free = a.right() - last.text_width() - 8.0;
        let first = scene.text(a.x, y, 11.0, "key 1: most popular").tone(Tone::Ink3);
        let taken = a.x + first.text_width() + 8.0;
        for rank in [10u32, 100, 1_000, 10_000] {
            if let Some(i) = bins.iter().position(|b| b.first <= rank && rank <= b.last) {
                let x = inner.x + step * (i as f32 + 0.5);
                let label = count(u64::from(rank)).to_string();
                let half = text_width(&label, 11.0, Font::Sans) / 2.0;
                if x - half > taken && x + half < free && rank < self.model.keys() {
                    scene.text(x, y, 11.0, label).middle().tone(Tone::Ink3);
                }
            }
        }
    }

    fn formula(&self) -> &'static str {
        match self.model.policy() {
            Policy::Lru => "Che",
            Policy::Fifo => "formula",
            Policy::Lfu | Policy::Refuse => "at best",
        }
    }

    fn queue(&self, scene: &mut Scene, a: Area) {
        let (_, _, waiting, bound) = self.model.database();
        pipe(
            scene,
            &Pipe {
                area: a,
                title: &"Queue",
                count: waiting,
                scale: bound.max(1),
                bound: Some(bound),
                head_age_us: self.model.oldest_query(self.now).map(|a| a.0),
                tone: Tone::Waiting,
            },
        );
    }

    /// The queue in one line, where there is no room for a pipe.
    fn waiting_line(&self, scene: &mut Scene, x: f32, y: f32, width: f32) {
        let (_, _, waiting, bound) = self.model.database();
        let full = waiting >= bound;
        let text = format_args!("{} of {} queries waiting", count(waiting), count(bound)).to_string();
        scene.text(x, y, 11.0, text).tone(if full { Tone::Rejected } else { Tone::Ink3 }).fit(width);
    }

    fn database(&self, scene: &mut Scene, a: Area) {
        let (busy, servers, waiting, _) = self.model.database();
        let slow = self.model.database_factor();
        let stroke = if slow > 1.0 || waiting > 0 { Tone::Rejected } else { Tone::Ink2 };
        scene.rect(a.x, a.y, a.w, a.h).round(8.0).fill(Tone::Panel).stroke(stroke).width(2.0);
        let title = scene.text(a.x + 10.0, a.y + 17.0, 12.0, "Database").bold();
        let w = title.text_width() + 18.0;
        let unit = if a.w < 180.0 { "/s" } else { " queries/s" };
        let rate = format_args!("{}{unit}", count(self.number(number::DB) as u64)).to_string();
        scene.text(a.right() - 10.0, a.y + 17.0, 11.0, rate).end().tone(Tone::Ink2).fit(a.w - w - 10.0);
        let bar = Area::new(a.x + 10.0, a.y + 23.0, a.w - 20.0, 7.0);
        scene.rect(bar.x, bar.y, bar.w, bar.h).round(3.5).fill(Tone::Sunk);
        let share = busy as f32 / servers.max(1) as f32;
        let tone = if busy == servers { Tone::Rejected } else { Tone::Flight };
        scene.rect(bar.x, bar.y, bar.w * share, bar.h).round(3.5).fill(tone);
        let mut text = format_args!("{} of {} busy", count(busy), count(servers)).to_string();
        if slow > 1.0 {
            text += &format!(", {}× slower", short(slow));
        }
        scene.text(a.x + 10.0, a.y + 44.0, 11.0, text).tone(stroke).fit(a.w - 20.0);
    }

    /// Reads fly to the cache, and those that miss on to the database; answers come back below.
    fn flights(&self, scene: &mut Scene, near: (f32, f32), far: (f32, f32), y: f32, apart: f32) {
        let [near, far] = [near, far].map(|x| Tracks { x, y, apart, takes_us: FLIGHT.0 });
        rails(scene, &near);
        rails(scene, &far);
        for s in self.model.samples() {
            let missed = matches!(s.fate, Fate::Open | Fate::Loaded | Fate::Failed) || s.end > s.at;
            let back = (s.fate != Fate::Open).then(|| outcome(s.fate));
            let seen = Flight {
                id: s.id,
                size: 3.5,
                off: scatter(s.id, self.model.drawn_one_in(), 2.0),
                at_us: s.at.0,
                back: None,
            };
            let turned = if missed { s.end } else { s.at };
            let home = turned.0.saturating_add(FLIGHT.0);
            flight(scene, self.view, &near, &seen);
            if missed {
                let end = back.map(|o| (s.end.0, o));
                flight(scene, self.view, &far, &Flight { at_us: s.at.0 + FLIGHT.0, back: end, ..seen });
            }
            flight(scene, self.view, &near, &Flight { at_us: u64::MAX, back: back.map(|o| (home, o)), ..seen });
        }
    }

    /// The miss ratio of every size, measured and by formula, and where this cache is.
    fn curve(&self, scene: &mut Scene, area: Area) {
        let miss = |points: Vec<(f64, f64)>| -> Vec<(f64, f64)> {
            points.into_iter().map(|(c, hit)| (c, 100.0 * (1.0 - hit))).collect()
        };
        let measured = miss(self.model.curve(48));
        let theory = miss(self.model.theory().curve.clone());
        let name = match self.model.policy() {
            Policy::Lru => "Che",
            Policy::Fifo => "FIFO by formula",
            Policy::Lfu | Policy::Refuse => "best possible",
        };
        let series = [Series::new("LRU, measured", &measured, Tone::Flight), Series::theory(name, &theory)];
        let frame = plot(
            scene,
            &Plot {
                area,
                x: Range::new(10.0, f64::from(self.model.keys()).max(100.0), "").log(),
                y: Range::new(0.0, 100.0, "%"),
                series: &series,
                bounds: &[],
                caption: &"Misses by cache size: all sizes from one pass",
                cursor: None,
                future_from: None,
            },
        );
        if let Some(hit) = self.model.hit_share(self.now) {
            let (x, y) = (frame.px(f64::from(self.model.capacity())), frame.py(100.0 * (1.0 - hit)));
            let x = sim::order::between(x, frame.inner.x, frame.inner.right());
            scene.line(x, y, x, frame.inner.bottom()).stroke(Tone::Ink3).width(1.0).dash(Dash::Fine);
            scene.circle(x, y, 4.5).fill(Tone::Panel).stroke(Tone::Accent).width(2.0);
            let text = scene.text(x + 9.0, y - 5.0, 11.0, "this cache").bold().halo().tone(Tone::Accent);
            if x + 9.0 + text.text_width() > frame.inner.right() {
                text.at(x - 9.0, y - 5.0).end();
            }
        }
    }

    /// Queries of the past on the left of now, expiries to come on the right.
    fn comb(&self, scene: &mut Scene, a: Area) {
        let (bin, past, ahead) = self.model.comb(self.now);
        let body = Area::new(a.x, a.y + 24.0, a.w, a.h - 42.0);
        let middle = body.cx();
        let most = |n: &[u32; COMB_BINS]| n.iter().copied().max().unwrap_or(0);
        let (most_past, most_ahead) = (most(&past), most(&ahead));
        let width = duration_us(bin.0).to_string();
        let per = if a.w < 400.0 { String::new() } else { format_args!(" in {width}").to_string() };
        let left = format_args!("Queries{per}: up to {}", count(u64::from(most_past))).to_string();
        let right = format_args!("Expiries{per}: up to {}", count(u64::from(most_ahead))).to_string();
        let half = body.w / 2.0 - 8.0;
        scene.text(a.x, a.y + 13.0, 11.0, left).bold().tone(Tone::Flight).fit(half);
        scene.text(a.right(), a.y + 13.0, 11.0, right).bold().end().tone(Tone::Waiting).fit(half);
        scene.rect(body.x, body.y, body.w, body.h).round(4.0).fill(Tone::Panel);
        let step = body.w / 2.0 / COMB_BINS as f32;
        // Not less than ten to a full height, so that single queries stay small.
        for (counts, most, x0, tone) in
            [(&past, most_past, body.x, Tone::Flight), (&ahead, most_ahead, middle, Tone::Waiting)]
        {
            let scale = (body.h - 4.0) / most.max(10) as f32;
            scene
                .path(|p| {
                    for (i, n) in counts.iter().enumerate().filter(|(_, n)| **n > 0) {
                        let (x, top) = (x0 + step * i as f32, body.bottom() - scale * *n as f32);
                        let right = x + step - 1.0;
                        p.move_to(x, body.bottom())
                            .line_to(x, top)
                            .line_to(right, top)
                            .line_to(right, body.bottom())
                            .close();
                    }
                })
                .fill(tone);
        }
        scene.line(body.x, body.bottom(), body.right(), body.bottom()).width(1.0);
        scene.line(middle, body.y, middle, body.bottom() + 4.0).stroke(Tone::Ink2).width(1.0);
        let span = duration_us(bin.0 * COMB_BINS as u64).to_string();
        let y = a.bottom() - 4.0;
        scene.text(middle, y, 11.0, "now").middle().bold();
        scene.text(a.x, y, 11.0, format_args!("{span} ago")).tone(Tone::Ink3);
        scene.text(a.right(), y, 11.0, format_args!("in {span}")).end().tone(Tone::Ink3);
    }

    /// What the picture cannot show, in one line.
    fn facts(&self, scene: &mut Scene, x: f32, y: f32, width: f32) {
        let (loading, last) = self.model.hottest();
        let hottest = match (self.model.hottest_stale(self.now), loading) {
            (Some(age), _) => format_args!("Key 1 out of date for {}", duration_us(age.0)).to_string(),
            (None, 0) if last == 0 => "Key 1 not asked for yet".to_string(),
            (None, 0) if last == 1 => "Key 1 last took one query".to_string(),
            (None, 0) => format_args!("Key 1 last took {} queries", count(u64::from(last))).to_string(),
            (None, n) => format_args!("Key 1: {} queries under way", count(n as u64)).to_string(),
        };
        let bad = loading > 1 || self.model.hottest_stale(self.now).is_some();
        let text = scene
            .text(x, y, 11.0, hottest)
            .bold()
            .tone(if bad { Tone::Rejected } else { Tone::Ink2 })
            .fit(width * 0.62);
        let w = text.text_width() + 12.0;
        let saved = self.number(number::SAVED) as u64;
        let stale = format_args!("{} stale answers", count(self.model.stale_all())).to_string();
        let rest = match width {
            w if w < 420.0 => stale,
            _ => format_args!("{stale}; work of {} servers saved", count(saved)).to_string(),
        };
        scene.text(x + w, y, 11.0, rest).tone(Tone::Ink3).fit(width - w);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::widgets::check;
    use sim::RunValue;
    use sim::questions::caching_benefits::QUESTION;

    /// Every choice and switch, with everything broken, in every layout and at several moments.
    #[test]
    fn every_mode_can_be_drawn() {
        let at = [0, 2_000, 6_000, 12_000];
        check::choices(&PICTURE, &QUESTION, &[], &[("reads", 2_000.0)], &at, &["Cache", "now"]);
    }

    /// From ten keys to a hundred thousand, from no reads to very many.
    #[test]
    fn every_scale_can_be_drawn() {
        for (keys, capacity, reads, hot, nodes) in [
            (10.0, 10.0, 0.0, 2_000.0, 1.0),
            (100_000.0, 100_000.0, 20_000.0, 10_000.0, 16.0),
            (150.0, 40_000.0, 0.0, 0.0, 3.0),
        ] {
            let mut value = RunValue::new(&QUESTION);
            for (key, v) in [("keys", keys), ("capacity", capacity), ("reads", reads), ("hot", hot), ("nodes", nodes)] {
                value.knobs.set(QUESTION.knob(key).unwrap(), v);
            }
            check::stages(&PICTURE, value, &[0, 400, 3_000], &[]);
        }
    }

    #[test]
    fn the_stampede_and_the_old_value_are_in_words() {
        let mut value = RunValue::new(&QUESTION);
        for (key, v) in [("reads", 0.0), ("hot", 2_000.0), ("writes", 0.0), ("write", 1.0)] {
            value.knobs.set(QUESTION.knob(key).unwrap(), v);
        }
        value.inputs = check::value(&QUESTION, &[], &["2s expire key=1", "4s update key=1"]).inputs;
        check::stages(&PICTURE, value.clone(), &[2_150], &["queries under way"]);
        check::stages(&PICTURE, value, &[6_500], &["out of date for 2."]);
    }
}
