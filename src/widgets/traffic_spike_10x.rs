//! The picture of the spike: clients, queues and pods above, and what became of the load below.
//!
//! Requests fly to the queues on the upper track and their fates come back on the lower one: every
//! n-th request is drawn, and the picture says what n is. The chart stacks what was answered in
//! time and what was lost up to what was offered, with the capacity as a line over both.

use super::Heights;
use super::seen::{Load, Seen, facts, fly};
use crate::draw::flights::{Tracks, rails, scatter};
use crate::draw::number::{count, duration_us, percent, short};
use crate::draw::pipe::{Pipe, pipe};
use crate::draw::tiles::{Tile, TileState, tiles};
use crate::draw::{Area, Dash, Hit, Scene, Tone, View};
use sim::blocks::breaker;
use sim::decimal::fixed;
use sim::questions::traffic_spike_10x::{Spike, Stage, act, number};
use sim::{Live, Us};

pub static PICTURE: super::Picture = super::Picture {
    slug: "traffic-spike-10x",
    height: Heights { wide: 300.0, narrow: 372.0, wide_ab: 178.0, narrow_ab: 262.0 },
    draw,
};

/// How long a drawn request takes along its track, in simulated time: the picture's time, not the
/// network's, which the model leaves out.
const FLIGHT: Us = Us::ms(700);

fn draw(live: &dyn Live, view: &View, scene: &mut Scene) {
    Seen::<Spike>::draw(live, view, scene, [Seen::wide, Seen::narrow, Seen::wide_side, Seen::narrow_side]);
}

impl Seen<'_, Spike> {
    fn wide(&self, scene: &mut Scene) {
        self.clients(scene, Area::new(14.0, 8.0, 122.0, 100.0));
        self.queue(scene, Area::new(214.0, 14.0, 160.0, 88.0));
        self.pods(scene, Area::new(412.0, 14.0, 262.0, 102.0));
        self.database(scene, Area::new(704.0, 32.0, 142.0, 66.0));
        scene.arrow((378.0, 58.0), (404.0, 58.0), Tone::Ink3);
        scene.arrow((678.0, 64.0), (700.0, 64.0), Tone::Ink3);
        self.flights(scene, (140.0, 208.0), 58.0, 20.0);
        self.load(scene, Area::new(14.0, 126.0, 610.0, 168.0));
        self.facts(scene, Area::new(650.0, 136.0, 196.0, 158.0));
    }

    fn narrow(&self, scene: &mut Scene) {
        self.clients(scene, Area::new(12.0, 4.0, 116.0, 88.0));
        self.queue(scene, Area::new(186.0, 6.0, 192.0, 80.0));
        self.flights(scene, (130.0, 180.0), 46.0, 14.0);
        self.pods(scene, Area::new(12.0, 98.0, 366.0, 72.0));
        let (busy, all, asking) = self.model.database();
        let text = format_args!("Database: {} of {} connections, {} waiting", busy, all, asking).to_string();
        let full = busy == all;
        scene.text(12.0, 188.0, 11.0, text).tone(if full { Tone::Rejected } else { Tone::Ink3 }).fit(366.0);
        self.load(scene, Area::new(12.0, 196.0, 366.0, 150.0));
        self.line_of_facts(scene, 12.0, 364.0, 366.0);
    }

    fn wide_side(&self, scene: &mut Scene) {
        self.clients(scene, Area::new(14.0, 6.0, 122.0, 80.0));
        self.queue(scene, Area::new(200.0, 6.0, 150.0, 76.0));
        self.flights(scene, (138.0, 194.0), 44.0, 13.0);
        self.pods(scene, Area::new(14.0, 88.0, 336.0, 62.0));
        self.line_of_facts(scene, 14.0, 168.0, 340.0);
        self.load(scene, Area::new(374.0, 4.0, 478.0, 170.0));
    }

    fn narrow_side(&self, scene: &mut Scene) {
        self.clients(scene, Area::new(12.0, 2.0, 116.0, 74.0));
        self.queue(scene, Area::new(186.0, 2.0, 192.0, 70.0));
        self.flights(scene, (130.0, 180.0), 40.0, 10.0);
        self.pods(scene, Area::new(12.0, 76.0, 366.0, 48.0));
        self.load(scene, Area::new(12.0, 122.0, 366.0, 122.0));
        self.line_of_facts(scene, 12.0, 256.0, 366.0);
    }

    /// Who asks, how often, and how often again.
    fn clients(&self, scene: &mut Scene, a: Area) {
        let (offered, attempts) = (self.number(number::OFFERED), self.number(number::ATTEMPTS));
        scene.text(a.x, a.y + 13.0, 13.0, "Clients").bold();
        let tone = if self.model.is_spiking() { Tone::Rejected } else { Tone::Ink };
        let rate = scene.text(a.x, a.y + 34.0, 16.0, count(offered as u64)).mono().bold().tone(tone);
        let w = rate.text_width();
        scene.text(a.x + w + 5.0, a.y + 34.0, 11.0, "req/s").tone(Tone::Ink3);
        let again = attempts > offered * 1.05 + 5.0;
        let tone = if again { Tone::Rejected } else { Tone::Ink3 };
        let text = format_args!("{} attempts/s", count(attempts as u64)).to_string();
        scene.text(a.x, a.y + 51.0, 11.0, text).tone(tone).fit(a.w);
        match self.model.drawn_one_in() {
            1 => scene.text(a.x, a.y + 66.0, 11.0, "every request drawn"),
            n => scene.text(a.x, a.y + 66.0, 11.0, format_args!("1 in {n} drawn")),
        }
        .tone(Tone::Ink3)
        .fit(a.w);
    }

    /// All queues as one pipe, with the mark beyond which nobody waits any more.
    fn queue(&self, scene: &mut Scene, a: Area) {
        let (waiting, room) = self.model.queue();
        let age = self.model.oldest(self.now);
        let late = age.is_some_and(|a| a >= self.model.patience());
        pipe(
            scene,
            &Pipe {
                area: a,
                title: &"Queues",
                count: waiting,
                scale: room.max(1),
                bound: (!self.model.unbounded()).then_some(room),
                head_age_us: age.map(|a| a.0),
                tone: if late { Tone::Stale } else { Tone::Waiting },
            },
        );
        // One patience-worth of work: who joins behind this mark is served after having left.
        let useful = self.number(number::CAPACITY) * self.model.patience().as_s();
        let body = Area::new(a.x, a.y + 18.0, a.w, (a.h - 36.0).max(14.0));
        if useful > 0.0 && useful < room as f64 {
            let x = body.right() - body.w * (useful / room as f64) as f32;
            scene.line(x, body.y, x, body.bottom()).stroke(Tone::Ink).width(1.0).dash(Dash::Fine).tip(format_args!(
                "left of this line: more than {} of work, longer than clients wait",
                duration_us(self.model.patience().0)
            ));
        }
        if late && self.model.unbounded() {
            scene.text(body.x, body.bottom() + 14.0, 11.0, "clients gone").tone(Tone::Rejected).fit(body.w - 78.0);
        }
        if let Some(until) = self.model.outage_until(self.now) {
            let left = duration_us((until - self.now).0);
            scene
                .text(body.cx(), body.y + 10.0, 11.0, format_args!("outage, {left} left"))
                .bold()
                .middle()
                .tone(Tone::Rejected);
        }
    }

    fn pods(&self, scene: &mut Scene, a: Area) {
        let (ready, booting, stopping, dead) = self.model.pod_counts();
        let title = scene.text(a.x, a.y + 12.0, 12.0, "Pods").bold();
        let w = title.text_width() + 8.0;
        let mut text = format!("{ready} ready");
        for (n, what) in [(booting, "starting"), (stopping, "stopping"), (dead, "dead")] {
            if n > 0 {
                text += &format!(", {n} {what}");
            }
        }
        let kept_out = self.model.pods().filter(|p| p.stage == Stage::Ready && !p.in_rotation).count();
        if kept_out > 0 {
            text += &format!(", {kept_out} kept out");
        }
        let tone = if ready == 0 || kept_out > 0 { Tone::Rejected } else { Tone::Ink3 };
        scene.text(a.x + w, a.y + 12.0, 11.0, text).tone(tone).fit(a.w - w);
        let mut alive = 0;
        let all: Vec<Tile> = self
            .model
            .pods()
            .map(|p| {
                // The act counts those that are alive, from one.
                alive += i64::from(p.stage.serves());
                Tile {
                    state: match p.stage {
                        Stage::Booting => TileState::Booting,
                        Stage::Stopping => TileState::Draining,
                        Stage::Ready => TileState::Ready,
                        Stage::Dead | Stage::Gone => TileState::Dead,
                    },
                    load: Some(p.busy as f32 / p.workers.max(1) as f32),
                    hit: p.stage.serves().then_some(Hit::Act { act: act::KILL as u8, arg: alive }),
                }
            })
            .collect();
        tiles(scene, Area::new(a.x, a.y + 20.0, a.w, a.h - 20.0), &all);
    }

    fn database(&self, scene: &mut Scene, a: Area) {
        let (busy, all, asking) = self.model.database();
        let share = f64::from(busy) / f64::from(all.max(1));
        let full = busy == all;
        let slow = self.model.database_factor();
        let stroke = if slow > 1.0 || full { Tone::Rejected } else { Tone::Ink2 };
        scene.rect(a.x, a.y, a.w, a.h).round(8.0).fill(Tone::Panel).stroke(stroke).width(2.0);
        let title = scene.text(a.x + 10.0, a.y + 18.0, 12.0, "Database").bold();
        let w = title.text_width() + 16.0;
        if slow > 1.0 {
            let text = format_args!("{}× slower", short(slow)).to_string();
            scene.text(a.x + w, a.y + 18.0, 11.0, text).tone(Tone::Rejected).fit(a.w - w - 6.0);
        }
        let bar = Area::new(a.x + 10.0, a.y + 26.0, a.w - 20.0, 8.0);
        scene.rect(bar.x, bar.y, bar.w, bar.h).round(4.0).fill(Tone::Sunk);
        let tone = if full { Tone::Rejected } else { Tone::Flight };
        scene.rect(bar.x, bar.y, bar.w * share as f32, bar.h).round(4.0).fill(tone);
        let text = format!("{} of {} in use", count(u64::from(busy)), count(u64::from(all)));
        scene.text(a.x + 10.0, a.y + 49.0, 11.0, text).tone(Tone::Ink2).fit(a.w - 20.0);
        let below = match (asking, self.model.breaker(self.now)) {
            (_, Some(breaker::State::Open)) => "breaker open".to_string(),
            (_, Some(breaker::State::HalfOpen)) => "breaker half open".to_string(),
            (0, Some(breaker::State::Closed)) => "breaker closed".to_string(),
            (0, None) => String::new(),
            (n, _) => format!("{} workers wait", count(n as u64)),
        };
        scene.text(a.x + 10.0, a.y + 61.0, 11.0, below).tone(stroke).fit(a.w - 20.0);
        if let Some(hits) = self.model.hit_share(self.now) {
            scene.text(a.x, a.bottom() + 15.0, 11.0, format_args!("cache hits {}", percent(hits))).tone(Tone::Ink3);
        }
    }

    /// The tracks between clients and queues: requests to the right, their fates to the left.
    fn flights(&self, scene: &mut Scene, x: (f32, f32), y: f32, apart: f32) {
        let tracks = Tracks { x, y, apart, takes_us: FLIGHT.0 };
        rails(scene, &tracks);
        for s in self.model.samples() {
            // Critical requests are larger.
            let size = if s.what == 0 { 4.0 } else { 3.0 };
            fly(scene, self.view, &tracks, s, size, scatter(s.id, self.model.drawn_one_in(), 2.6));
        }
    }

    /// Offered = answered in time + lost, and the capacity over it.
    fn load(&self, scene: &mut Scene, area: Area) {
        let caption = "Requests offered each second: answered in time, or lost";
        let row = |at: &dyn Fn(usize) -> f64| {
            let good = at(number::GOODPUT);
            [good, (at(number::OFFERED) - good).max(0.0), at(number::CAPACITY)]
        };
        Load { area, caption, line: "capacity", row: &row }.draw(self.live, self.now, scene);
    }

    fn rows(&self) -> [(&'static str, String, bool); 6] {
        let m = self.model;
        let (waiting, room) = m.queue();
        let fill = match m.time_to_fill(self.now) {
            _ if room > 0 && waiting * 50 >= room * 49 => "full".to_string(),
            None => "they drain".to_string(),
            Some(s) => duration_us((s * 1e6) as u64).to_string(),
        };
        let filling = fill != "they drain";
        let wasted = self.live.number(number::WASTED as u8);
        let work = match m.queue_work_s(self.now) {
            Some(s) => duration_us((s * 1e6) as u64).to_string(),
            None => "nothing moves".to_string(),
        };
        let late = m.queue_work_s(self.now).is_none_or(|s| s > m.patience().as_s());
        let reads = match (m.autoscales(), m.is_blind(self.now), m.metric()) {
            (false, ..) => "off".to_string(),
            (_, true, _) => "no metrics".to_string(),
            (.., Some(v)) => percent(v).to_string(),
            _ => "nothing yet".to_string(),
        };
        let paid = self.number(number::PODS) as u64;
        [
            ("Time to fill the queues", fill, filling),
            ("Work waiting", work, late),
            (
                "Answers too late",
                wasted.map_or("none".into(), |w| percent(w / 100.0).to_string()),
                wasted.is_some_and(|w| w > 5.0),
            ),
            (
                "Critical answered",
                self.live
                    .number(number::CRITICAL as u8)
                    .map_or("none asked".into(), |c| percent((c / 100.0).min(1.0)).to_string()),
                self.number(number::CRITICAL) < 90.0,
            ),
            ("Autoscaler reads", reads, m.is_blind(self.now)),
            ("Cost", format!("{} pod-hours, {paid} pods", fixed(m.pod_hours(self.now), 2)), false),
        ]
    }

    fn facts(&self, scene: &mut Scene, a: Area) {
        facts(scene, a, &self.rows(), 16.0);
    }

    /// The same in one line, where there is no room for a list.
    fn line_of_facts(&self, scene: &mut Scene, x: f32, y: f32, width: f32) {
        let rows = self.rows();
        let fill = match rows[0].1.as_str() {
            "full" => "Queues full".to_string(),
            "they drain" => "Queues drain".to_string(),
            time => format!("Queues full in {time}"),
        };
        let text = format!("{fill}. Too late: {}. {}.", rows[2].1, rows[5].1);
        let tone = if rows[2].2 { Tone::Rejected } else { Tone::Ink2 };
        scene.text(x, y, 11.0, text).tone(tone).fit(width);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::widgets::check;
    use sim::questions::traffic_spike_10x::QUESTION;

    /// Every layout, before, during and after the spike and its faults.
    #[test]
    fn it_draws_at_every_stage() {
        let value = check::value(
            &QUESTION,
            &[("spike_at", "2"), ("spike_for", "60"), ("rate", "300")],
            &["4s kill pod=2", "5s db factor=20", "30s stall for=3"],
        );
        let at = [0, 1_000, 3_000, 6_000, 20_000, 31_000, 60_000, 100_000];
        check::stages(&PICTURE, value, &at, &["Clients", "Pods"]);
    }
}
