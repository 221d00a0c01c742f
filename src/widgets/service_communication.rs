//! The picture of services that talk: the workers of Orders by what they wait for, what stands between them and
//! Payment, and how the two endpoints fare.
//!
//! A slot says what its worker does by its form as well as by its colour: empty is idle, half full is its own work,
//! full waits for Payment, a ring waits to try again. The other endpoint needs slots and nothing else.

use super::Heights;
use super::seen::{Seen, fly};
use crate::draw::flights::{Tracks, rails, scatter};
use crate::draw::number::{bytes, count, duration_us, percent, short};
use crate::draw::pipe::{Pipe, pipe};
use crate::draw::plot::{Plot, Range, Series, plot};
use crate::draw::{Area, Dash, Glyph, Hit, Scene, Tone, View};
use sim::blocks::breaker::State;
use sim::questions::service_communication::{Doing, Endpoint, Health, Mode, Services, act, number};
use sim::{Live, Us};

pub static PICTURE: super::Picture = super::Picture {
    slug: "service-communication",
    height: Heights { wide: 304.0, narrow: 388.0, wide_ab: 182.0, narrow_ab: 250.0 },
    draw,
};

/// How long a drawn request takes along its track: the picture's time, not the network's.
const FLIGHT: Us = Us::ms(700);
const GROUPS: [&str; 3] = ["payments", "analytics", "audit"];

fn draw(live: &dyn Live, view: &View, scene: &mut Scene) {
    Seen::<Services>::draw(live, view, scene, [Seen::wide, Seen::narrow, Seen::wide_side, Seen::narrow_side]);
}

impl Seen<'_, Services> {
    fn wide(&self, scene: &mut Scene) {
        self.callers(scene, Area::new(14.0, 8.0, 104.0, 110.0));
        self.flights(scene, (122.0, 184.0), 62.0, 18.0);
        self.orders(scene, Area::new(188.0, 6.0, 284.0, 126.0));
        if self.is_sync() {
            self.guard(scene, Area::new(484.0, 6.0, 196.0, 126.0));
        } else {
            self.broker(scene, Area::new(490.0, 6.0, 184.0, 126.0));
            scene.arrow((474.0, 69.0), (486.0, 69.0), Tone::Ink3);
        }
        scene.arrow((680.0, 69.0), (698.0, 69.0), Tone::Ink3);
        self.payment(scene, Area::new(702.0, 18.0, 144.0, 102.0));
        self.over_time(scene, Area::new(14.0, 142.0, 570.0, 158.0));
        self.tree(scene, Area::new(612.0, 146.0, 234.0, 84.0));
        self.wire(scene, Area::new(612.0, 244.0, 234.0, 54.0));
    }

    fn narrow(&self, scene: &mut Scene) {
        self.callers(scene, Area::new(12.0, 4.0, 92.0, 88.0));
        self.flights(scene, (108.0, 150.0), 50.0, 14.0);
        self.orders(scene, Area::new(154.0, 4.0, 224.0, 108.0));
        self.between(scene, Area::new(12.0, 118.0, 224.0, 100.0));
        self.payment(scene, Area::new(250.0, 124.0, 128.0, 88.0));
        self.over_time(scene, Area::new(12.0, 222.0, 366.0, 110.0));
        self.wire(scene, Area::new(12.0, 338.0, 366.0, 48.0));
    }

    fn wide_side(&self, scene: &mut Scene) {
        self.orders(scene, Area::new(14.0, 4.0, 236.0, 90.0));
        self.between(scene, Area::new(260.0, 4.0, 150.0, 90.0));
        self.payment(scene, Area::new(14.0, 102.0, 150.0, 76.0));
        self.tree(scene, Area::new(180.0, 100.0, 230.0, 78.0));
        self.over_time(scene, Area::new(430.0, 4.0, 422.0, 174.0));
    }

    fn narrow_side(&self, scene: &mut Scene) {
        self.orders(scene, Area::new(12.0, 4.0, 214.0, 90.0));
        self.payment(scene, Area::new(238.0, 6.0, 140.0, 76.0));
        self.guard_line(scene, 12.0, 112.0, 366.0);
        self.over_time(scene, Area::new(12.0, 122.0, 366.0, 126.0));
    }

    fn is_sync(&self) -> bool {
        self.model.mode() == Mode::Sync
    }

    fn between(&self, scene: &mut Scene, a: Area) {
        if self.is_sync() { self.guard(scene, a) } else { self.broker(scene, a) }
    }

    fn callers(&self, scene: &mut Scene, a: Area) {
        scene.text(a.x, a.y + 13.0, 13.0, "Callers").bold();
        let tone = if self.model.is_spiking() { Tone::Rejected } else { Tone::Ink };
        let rate = count(self.number(number::OFFERED) as u64);
        let w = scene.text(a.x, a.y + 34.0, 16.0, rate).mono().bold().tone(tone).text_width();
        scene.text(a.x + w + 5.0, a.y + 34.0, 11.0, "req/s").tone(Tone::Ink3);
        let patience = duration_us(self.model.patience().0);
        scene.text(a.x, a.y + 51.0, 11.0, format_args!("wait {patience}")).tone(Tone::Ink3).fit(a.w);
        scene.text(a.x, a.y + 70.0, 11.0, "large: checkout").tone(Tone::Ink3).fit(a.w);
        let text = format_args!("1 in {} drawn", self.model.drawn_one_in()).to_string();
        scene.text(a.x, a.y + 85.0, 11.0, text).tone(Tone::Ink3).fit(a.w);
    }

    fn flights(&self, scene: &mut Scene, x: (f32, f32), y: f32, apart: f32) {
        let tracks = Tracks { x, y, apart, takes_us: FLIGHT.0 };
        rails(scene, &tracks);
        for s in self.model.samples() {
            let size = if s.what == Endpoint::Checkout { 4.0 } else { 2.8 };
            fly(scene, self.view, &tracks, s, size, scatter(s.id, self.model.drawn_one_in(), 2.4));
        }
    }

    /// The workers, lit by what they wait for, and who waits for them.
    fn orders(&self, scene: &mut Scene, a: Area) {
        let m = self.model;
        let (idle, own) = (m.count(Doing::Idle), m.count(Doing::Own));
        let (waits, again) = (m.count(Doing::Payment), m.count(Doing::Backoff));
        let all = idle + own + waits + again;
        let full = idle == 0;
        let stroke = if full { Tone::Rejected } else { Tone::Ink2 };
        scene.rect(a.x, a.y, a.w, a.h).round(8.0).fill(Tone::Panel).stroke(stroke).width(2.0);
        let w = scene.text(a.x + 10.0, a.y + 17.0, 12.0, "Orders").bold().text_width() + 18.0;
        let (waiting, oldest) = m.line(self.now);
        let line = match oldest {
            Some(age) => format!("{} in line, {}", count(waiting as u64), duration_us(age.0)),
            None => "nobody in line".to_string(),
        };
        let late = oldest.is_some_and(|age| age >= m.patience());
        let tone = if late { Tone::Rejected } else { Tone::Ink3 };
        scene.text(a.x + w, a.y + 17.0, 11.0, line).tone(tone).fit(a.w - w - 8.0);
        let grid = Area::new(a.x + 10.0, a.y + 26.0, a.w - 20.0, a.h - 46.0);
        self.slots(scene, grid, all);
        let mut text = format!("{waits} wait for Payment, {own} work, {idle} idle");
        if again > 0 {
            text = format!("{waits} wait for Payment, {again} to retry, {own} work");
        }
        let tone = if full { Tone::Rejected } else { Tone::Ink2 };
        scene.text(a.x + 10.0, a.bottom() - 7.0, 11.0, text).tone(tone).fit(a.w - 20.0);
    }

    fn slots(&self, scene: &mut Scene, a: Area, all: usize) {
        // The largest side with which all of them fit.
        let mut cols = 1usize;
        let side = loop {
            let side = (a.w / cols as f32).min(22.0);
            let across = ((a.w / side + 0.001) as usize).max(1);
            if all.div_ceil(across) as f32 * side <= a.h || cols > 400 {
                cols = across;
                break side;
            }
            cols += 1;
        };
        let size = side * 0.8;
        for (i, w) in self.model.workers().enumerate() {
            let (x, y) = (a.x + (i % cols) as f32 * side, a.y + (i / cols) as f32 * side);
            let tone = match w.doing {
                Doing::Idle => Tone::Line,
                Doing::Own => Tone::Flight,
                Doing::Payment => Tone::Waiting,
                Doing::Backoff => Tone::Stale,
            };
            match w.doing {
                Doing::Own => _ = scene.rect(x, y + size / 2.0, size, size / 2.0).fill(tone),
                Doing::Payment => _ = scene.rect(x, y, size, size).round(size * 0.2).fill(tone),
                _ => {}
            }
            let frame = scene.rect(x, y, size, size).round(size * 0.2).stroke(tone);
            frame.width(if w.doing == Doing::Backoff { 2.0 } else { 1.0 });
        }
    }

    /// What stands between a worker and Payment.
    fn guard(&self, scene: &mut Scene, a: Area) {
        let m = self.model;
        let title = if m.has_mesh() { "In the sidecars" } else { "In the client of Orders" };
        scene.text(a.x + 4.0, a.y + 13.0, 11.0, title).tone(Tone::Ink3).fit(a.w - 8.0);
        let row = |i: usize| a.y + 20.0 + (a.h - 22.0) / 3.0 * i as f32;
        let h = (a.h - 22.0) / 3.0 - 4.0;
        let (name, tone, glyph) = self.breaker();
        let bulkhead =
            m.bulkhead().map_or("no bulkhead".to_string(), |(inside, room)| format!("bulkhead: {inside} of {room}"));
        let full = m.bulkhead().is_some_and(|(inside, room)| inside >= room);
        let timeout = m.timeout().map_or("no timeout".to_string(), |t| format!("timeout {}", duration_us(t.0)));
        let timeouts = self.number(number::TIMEOUTS);
        let timeout = if timeouts > 0.0 { format!("{timeout}: {}/s", short(timeouts)) } else { timeout };
        let rows = [
            (name, tone, glyph),
            (bulkhead, if full { Tone::Rejected } else { Tone::Ink2 }, if full { Glyph::Cross } else { Glyph::Ring }),
            (timeout, if timeouts > 0.0 { Tone::Rejected } else { Tone::Ink2 }, Glyph::Ring),
        ];
        let is_set = [m.breaker().is_some(), m.bulkhead().is_some(), m.timeout().is_some()];
        for (i, (text, tone, glyph)) in rows.into_iter().enumerate() {
            let (y, set) = (row(i), is_set[i]);
            let tone = if set { tone } else { Tone::Ink3 };
            let stroke = if set { tone } else { Tone::Line };
            let dash = if set { Dash::Solid } else { Dash::Fine };
            scene.rect(a.x, y, a.w, h).round(6.0).fill(Tone::Panel).stroke(stroke).width(1.0).dash(dash);
            scene.glyph(a.x + 12.0, y + h / 2.0, glyph, stroke, 4.0);
            scene.text(a.x + 22.0, y + h / 2.0, 11.0, text).vcenter().tone(tone).fit(a.w - 28.0);
        }
    }

    fn breaker(&self) -> (String, Tone, Glyph) {
        let Some(breaker) = self.model.breaker() else { return ("no breaker".to_string(), Tone::Ink3, Glyph::Ring) };
        let (failures, known) = breaker.failures();
        match breaker.state(self.now) {
            State::Closed if known == 0 => ("breaker closed".to_string(), Tone::Ok, Glyph::Dot),
            State::Closed => (format!("closed, {} of {known} failed", percent(failures)), Tone::Ok, Glyph::Dot),
            State::Open => {
                let over = breaker.since() + breaker.thresholds.open_for;
                (format!("open, {} more", duration_us(over.since(self.now).0)), Tone::Rejected, Glyph::Cross)
            }
            State::HalfOpen => {
                let (out, all) = (breaker.probes_out(), breaker.thresholds.probes);
                (format!("half open, {out} of {all} probes"), Tone::Waiting, Glyph::Ring)
            }
        }
    }

    /// The same in one line.
    fn guard_line(&self, scene: &mut Scene, x: f32, y: f32, width: f32) {
        let m = self.model;
        if !self.is_sync() {
            let (hired, ..) = m.consumers(0);
            let text = format!("{} messages waiting, {hired} consumers", count(m.backlog(0)));
            scene.text(x, y, 11.0, text).tone(Tone::Ink2).fit(width);
            return;
        }
        let (breaker, tone, _) = self.breaker();
        let bulkhead =
            m.bulkhead().map_or("no bulkhead".to_string(), |(inside, room)| format!("bulkhead {inside}/{room}"));
        let timeout = m.timeout().map_or("no timeout".to_string(), |t| format!("timeout {}", duration_us(t.0)));
        scene.text(x, y, 11.0, format!("{breaker}; {bulkhead}; {timeout}")).tone(tone).fit(width);
    }

    /// A queue as a pipe, a log as its partitions with what each group has not read.
    fn broker(&self, scene: &mut Scene, a: Area) {
        let m = self.model;
        let backlog = m.backlog(0);
        let oldest = m.oldest(self.now);
        let (hired, alive, _) = m.consumers(0);
        let idle = m.idle_consumers();
        let who = if idle > 0 {
            format!("{hired} consumers, {idle} idle")
        } else if alive < hired {
            format!("{alive} of {hired} consumers alive")
        } else {
            format!("{hired} consumers, {}/s", short(self.number(number::CONSUMED)))
        };
        let bad = idle > 0 || alive < hired;
        let text = scene.text(a.x, a.bottom() - 3.0, 11.0, who);
        text.tone(if bad { Tone::Rejected } else { Tone::Ink3 }).fit(a.w);
        let body = Area::new(a.x, a.y, a.w, a.h - 18.0);
        if m.mode() == Mode::Queue {
            let waits = Pipe {
                area: body,
                title: &"Queue",
                count: backlog,
                scale: backlog.max(100),
                bound: None,
                head_age_us: oldest.map(|age| age.0),
                tone: Tone::Waiting,
            };
            return pipe(scene, &waits);
        }
        let groups = m.groups();
        for (group, name) in GROUPS.iter().enumerate().take(groups) {
            let row = body.row(group, groups, 6.0);
            let text = format!("{name}: {} behind", count(m.backlog(group)));
            scene.text(row.x, row.y + 11.0, 11.0, text).tone(Tone::Ink2).fit(row.w);
            let partitions = m.partitions();
            let most = (0..partitions).map(|p| m.lag(group, p)).max().unwrap_or(0).max(20);
            let high = row.h - 16.0;
            let step = row.w / partitions as f32;
            for p in 0..partitions {
                let x = row.x + step * p as f32;
                scene.rect(x, row.y + 15.0, step * 0.8, high).fill(Tone::Sunk);
                let h = high * m.lag(group, p) as f32 / most as f32;
                scene.rect(x, row.y + 15.0 + high - h, step * 0.8, h).fill(Tone::Waiting);
            }
        }
    }

    fn payment(&self, scene: &mut Scene, a: Area) {
        let m = self.model;
        let (text, ill) = match m.health() {
            Health::Well => (format!("answers in {}", duration_us(m.payment_time().0)), false),
            Health::Slow(span) => (format!("slow: {}", duration_us(span.0)), true),
            Health::Down => ("down".to_string(), true),
            Health::Hung => ("hangs".to_string(), true),
        };
        let tone = if ill { Tone::Rejected } else { Tone::Ink2 };
        let hit = Hit::Act { act: if ill { act::MEND } else { act::DOWN } as u8, arg: 0 };
        scene.rect(a.x, a.y, a.w, a.h).round(8.0).fill(Tone::Panel).stroke(tone).width(2.0).hit(hit);
        scene.text(a.x + 10.0, a.y + 18.0, 12.0, "Payment").bold();
        scene.text(a.x + 10.0, a.y + 35.0, 11.0, text).tone(tone).fit(a.w - 20.0);
        let calls = format_args!("{} calls/s", short(self.number(number::CALLS))).to_string();
        scene.text(a.x + 10.0, a.y + 51.0, 11.0, calls).tone(Tone::Ink2).fit(a.w - 20.0);
        let (running, hung) = m.in_payment();
        let running = if self.is_sync() { running as usize } else { m.consumers(0).2 };
        let inside = if hung > 0 { format!("{running} in it, {hung} hang") } else { format!("{running} in it") };
        scene
            .text(a.x + 10.0, a.y + 66.0, 11.0, inside)
            .tone(if hung > 0 { Tone::Rejected } else { Tone::Ink3 })
            .fit(a.w - 20.0);
    }

    /// How both endpoints fare, or what waits in the broker.
    fn over_time(&self, scene: &mut Scene, area: Area) {
        let history = self.live.history();
        let points = |which: usize| -> Vec<(f64, f64)> {
            let rows = (0..history.rows()).take_while(|r| history.time(*r) <= self.now);
            let all = rows.map(|r| (history.time(r).0 as f64, f64::from(history.get(r, which))));
            all.filter(|(_, v)| v.is_finite()).collect()
        };
        let x = Range::time(0, self.now.0.max(20_000_000));
        let mut draw = |series: &[Series], y, caption: &str| {
            plot(scene, &Plot { area, x, y, series, bounds: &[], caption: &caption, cursor: None, future_from: None });
        };
        if self.is_sync() {
            let (list, checkout) = (points(number::LIST), points(number::CHECKOUT));
            let series = [
                Series::new("order list", &list, Tone::Flight),
                Series::new("checkout", &checkout, Tone::Stale).dash(Dash::Dashed),
            ];
            draw(&series, Range::new(0.0, 100.0, "%"), "Answered in time, % of the last 5 s");
        } else {
            let backlog = points(number::BACKLOG);
            let top = backlog.iter().fold(20.0f64, |top, (_, v)| top.max(*v));
            draw(&[Series::new("waiting", &backlog, Tone::Waiting)], Range::from_zero(top, ""), "Messages waiting");
        }
    }

    /// Attempts in each layer, multiplied: every row is a layer, every tick a call it may make.
    fn tree(&self, scene: &mut Scene, a: Area) {
        let (attempts, layers, calls) = self.model.tree();
        if !self.is_sync() {
            return;
        }
        if calls == 1 {
            scene.text(a.x, a.y + 11.0, 11.0, "Each layer tries once").tone(Tone::Ink3).fit(a.w);
            return;
        }
        let title = format!("Retries: up to {} calls", count(calls));
        let w = scene.text(a.x, a.y + 11.0, 11.0, title).bold().fit(a.w * 0.62).text_width() + 8.0;
        let now = self.number(number::AMPLIFICATION);
        let tone = if now > 1.5 { Tone::Rejected } else { Tone::Ink3 };
        scene.text(a.right(), a.y + 11.0, 11.0, format_args!("now {} each", short(now))).end().tone(tone).fit(a.w - w);
        let body = Area::new(a.x, a.y + 18.0, a.w - 40.0, a.h - 18.0);
        for layer in 0..layers {
            let row = body.row(layer, layers, 3.0);
            let here = u64::from(attempts).pow(layer as u32 + 1);
            // More than that cannot be told apart.
            let ticks = here.min(96) as usize;
            let step = row.w / ticks as f32;
            for i in 0..ticks {
                let bar = scene.rect(row.x + step * i as f32, row.y, (step - 1.0).max(step * 0.6), row.h.min(14.0));
                bar.round(2.0).fill(if i == 0 { Tone::Flight } else { Tone::Stale }).opacity(0.8);
            }
            scene.text(a.right(), row.y + row.h.min(14.0) / 2.0, 11.0, count(here)).end().vcenter().tone(Tone::Ink3);
        }
    }

    /// The message, both ways.
    fn wire(&self, scene: &mut Scene, a: Area) {
        let ([protobuf, json], sent) = self.model.wire();
        let most = protobuf.max(json).max(1) as f32;
        scene.text(a.x, a.y + 10.0, 11.0, "One message on the wire").bold().fit(a.w);
        for (i, (name, size, is_sent)) in [("protobuf", protobuf, sent), ("JSON", json, !sent)].into_iter().enumerate()
        {
            let y = a.y + 17.0 + 18.0 * i as f32;
            let tone = if is_sent { Tone::Flight } else { Tone::Line };
            scene.text(a.x, y + 6.0, 11.0, name).vcenter().tone(if is_sent { Tone::Ink } else { Tone::Ink3 });
            let wide = (a.w - 130.0) * size as f32 / most;
            scene.rect(a.x + 58.0, y, wide.max(1.0), 12.0).round(3.0).fill(tone);
            scene.text(a.right(), y + 6.0, 11.0, bytes(u64::from(size))).end().vcenter().tone(Tone::Ink2);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::widgets::check;
    use sim::questions::service_communication::QUESTION;

    /// Every layout, before, during and after the fault, with everything that can be in between.
    #[test]
    fn it_draws_at_every_stage() {
        let at = [0, 1_000, 6_000, 20_000, 40_000, 70_000];
        let fault = [("fault_at", "5"), ("fault_for", "30")];
        check::stages(&PICTURE, check::value(&QUESTION, &fault, &[]), &at, &["Orders", "Payment"]);
        let guarded = [
            fault[0],
            fault[1],
            ("timeout", "1000"),
            ("breaker", "own"),
            ("open_for", "10"),
            ("bulkhead", "10"),
            ("attempts", "3"),
            ("mesh", "on"),
            ("fallback", "on"),
        ];
        check::stages(
            &PICTURE,
            check::value(&QUESTION, &guarded, &["8s hang", "30s mend"]),
            &at,
            &["Orders", "Payment"],
        );
        let crowd = [("workers", "500"), ("rate", "500"), ("attempts", "6"), ("layers", "5"), ("text", "20000")];
        check::stages(
            &PICTURE,
            check::value(&QUESTION, &crowd, &["2s down", "3s spike times=10"]),
            &at[..4],
            &["Orders"],
        );
    }

    #[test]
    fn it_draws_the_broker() {
        let at = [0, 5_000, 30_000, 90_000];
        for mode in ["queue", "log"] {
            let knobs = [("mode", mode), ("consumers", "9"), ("groups", "3"), ("rate", "100")];
            let inputs = ["5s spike times=10 for=20", "8s crash", "12s down"];
            check::stages(&PICTURE, check::value(&QUESTION, &knobs, &inputs), &at, &["Orders", "consumers"]);
        }
    }
}
