//! The picture of event sourcing: the log with the projectors that read it, the tape of one account with the state that
//! it folds to, and what a load and a mistake cost.

use super::seen::{Seen, facts};
use super::{Heights, Picture};
use crate::draw::number::{self, count, duration_us, short};
use crate::draw::{Area, Glyph, Hit, Outcome, Scene, Tone, View, key};
use sim::blocks::account::Kind;
use sim::decimal::fixed;
use sim::questions::event_sourcing::{Cell, EventSourcing, Progress, What, euros};
use sim::{Live, Us};

pub static PICTURE: Picture = Picture {
    slug: "event-sourcing",
    height: Heights { wide: 300.0, narrow: 392.0, wide_ab: 190.0, narrow_ab: 250.0 },
    draw,
};

/// How much of the recent past the log shows event by event.
const RECENT: Us = Us::s(10);
/// At most about so many events of it.
const DOTS: f64 = 500.0;
const CELL_GAP: f32 = 6.0;
/// A projector that is no further behind is live: it looks for new events so often.
const SOON: Us = Us::ms(60);

fn draw(live: &dyn Live, view: &View, scene: &mut Scene) {
    Seen::<EventSourcing>::draw(live, view, scene, [Seen::wide, Seen::narrow, Seen::wide_side, Seen::narrow_side]);
}

impl Seen<'_, EventSourcing> {
    fn wide(&self, scene: &mut Scene) {
        self.log(scene, Area::new(14.0, 6.0, 832.0, 74.0));
        self.tape(scene, Area::new(14.0, 96.0, 832.0, 114.0), 80.0);
        self.load(scene, Area::new(14.0, 226.0, 470.0, 66.0));
        self.costs(scene, Area::new(520.0, 224.0, 326.0, 72.0), 4);
    }

    fn narrow(&self, scene: &mut Scene) {
        self.log(scene, Area::new(12.0, 4.0, 366.0, 74.0));
        self.tape(scene, Area::new(12.0, 94.0, 366.0, 114.0), 72.0);
        self.load(scene, Area::new(12.0, 226.0, 366.0, 66.0));
        self.costs(scene, Area::new(12.0, 310.0, 366.0, 80.0), 4);
    }

    fn wide_side(&self, scene: &mut Scene) {
        self.log(scene, Area::new(14.0, 2.0, 590.0, 66.0));
        self.tape(scene, Area::new(14.0, 76.0, 590.0, 112.0), 76.0);
        self.costs(scene, Area::new(632.0, 10.0, 214.0, 104.0), 5);
        self.load(scene, Area::new(632.0, 128.0, 214.0, 58.0));
    }

    fn narrow_side(&self, scene: &mut Scene) {
        self.log(scene, Area::new(12.0, 2.0, 366.0, 66.0));
        self.tape(scene, Area::new(12.0, 74.0, 366.0, 112.0), 72.0);
        self.costs(scene, Area::new(12.0, 196.0, 366.0, 54.0), 3);
    }

    /// The whole log: what was there before, and the last seconds event by event, with the projectors on it.
    fn log(&self, scene: &mut Scene, a: Area) {
        let m = self.model;
        let head = m.head(self.now);
        let w = scene.text(a.x, a.y + 12.0, 13.0, "Log").bold().text_width();
        scene
            .text(a.x + w + 8.0, a.y + 12.0, 12.0, format_args!("{} events", count(u64::from(head))))
            .tone(Tone::Ink2)
            .fit(a.w - w - 100.0);
        scene.text(a.right(), a.y + 12.0, 11.0, "last 10 s").end().tone(Tone::Ink3);
        let bar = Area::new(a.x, a.y + 19.0, a.w, 24.0);
        let before = Area::new(bar.x, bar.y, bar.w * 0.26, bar.h);
        let recent = Area::new(before.right() + 4.0, bar.y, bar.w - before.w - 4.0, bar.h);
        scene.rect(before.x, before.y, before.w, before.h).round(4.0).fill(Tone::Sunk);
        scene.rect(recent.x, recent.y, recent.w, recent.h).round(4.0).fill(Tone::Sunk);
        let [live, beside] = m.projectors(self.now);
        // What a rebuild has read of the past fills it.
        let past = |p: &Progress| p.position as f32 / m.history().max(1) as f32;
        let building = |p: &&Progress| p.rebuild.is_some_and(|r| r.caught_up.is_none());
        let reading = beside.as_ref().or(live.as_ref()).filter(building).map(past).filter(|f| *f < 1.0);
        if let Some(f) = reading {
            scene.rect(before.x, before.y, before.w * f, before.h).round(4.0).fill(Tone::Flight).opacity(0.45);
        }
        if reading.is_none() {
            let words = format_args!("{} before", short(f64::from(m.history()))).to_string();
            scene.text(before.cx(), before.cy(), 11.0, words).vcenter().middle().tone(Tone::Ink2).fit(before.w - 8.0);
        }
        self.dots(scene, recent);

        let place = |p: &Progress| match p.since {
            _ if p.position < m.history() => before.x + before.w * past(p),
            None => recent.right(),
            Some(t) => self.x(recent, t),
        };
        if let Some(p) = &beside {
            pointer(scene, place(p), bar, Tone::Flight, 1);
        }
        if let Some(p) = &live {
            let wrong = p.difference > 0 || !p.up || p.stuck;
            let tone = if wrong { Tone::Rejected } else { Tone::Ok };
            pointer(scene, place(p), bar, tone, 0);
            let left = if beside.is_some() { a.w * 0.5 } else { 0.0 };
            let text = format_args!("\u{25b2} read table: {}", self.state(p)).to_string();
            let tone = if !p.up || p.stuck { Tone::Rejected } else { Tone::Ink2 };
            scene.text(a.right(), a.y + 65.0, 11.0, text).end().tone(tone).fit(a.w - left - 6.0);
        }
        if let Some(p) = &beside {
            let text = format_args!("\u{25c6} rebuild: {}", self.state(p)).to_string();
            let tone = if !p.up || p.stuck { Tone::Rejected } else { Tone::Ink2 };
            scene.text(a.x, a.y + 65.0, 11.0, text).tone(tone).fit(a.w * 0.5 - 6.0);
        }
    }

    /// Where a moment of the last seconds lies.
    fn x(&self, a: Area, at: Us) -> f32 {
        let age = self.now.since(at).0.min(RECENT.0) as f32 / RECENT.0 as f32;
        a.right() - age * a.w
    }

    /// The events of the accounts, and what went wrong with some.
    fn dots(&self, scene: &mut Scene, a: Area) {
        let from = self.now - RECENT;
        let one_in = (self.model.rate() * RECENT.as_s() / DOTS) as u32 + 1;
        for (at, command, account) in self.model.appended_since(from) {
            let x = self.x(a, at).min(a.right() - 3.0).max(a.x + 3.0);
            if account == 0 {
                scene.particle(x, height(a, 0), Glyph::Square, Tone::Accent, 4.0, Some(command));
            } else if command % one_in == 0 {
                scene.particle(x, height(a, account), Glyph::Dot, Tone::Ink3, 1.8, Some(command));
            }
        }
        for mark in self.model.marks().rev().take_while(|k| k.at >= from) {
            let outcome = match mark.what {
                What::Refused => continue,
                What::Conflict => Outcome::Waiting,
                What::Unreadable | What::Repeated => Outcome::Rejected,
            };
            let x = self.x(a, mark.at).min(a.right() - 5.0).max(a.x + 5.0);
            scene.mark(x, height(a, mark.account), outcome, Some(mark.command));
        }
    }

    /// How a projector is, in a few words.
    fn state(&self, p: &Progress) -> String {
        let done = || number::percent(f64::from(p.position) / f64::from(self.model.head(self.now).max(1)));
        if p.stuck {
            return "stands before a v1 event".into();
        }
        if !p.up {
            return "down".into();
        }
        match (p.rebuild.filter(|r| r.caught_up.is_none()), p.left_s) {
            (Some(_), Some(s)) => format!("{}, {} s left", done(), count(s as u64)),
            (Some(_), None) => format!("{}, never gets there", done()),
            _ if p.rebuild.is_some_and(|r| r.beside) && p.behind == 0 => "has caught up".into(),
            _ => match p.since {
                Some(t) if self.now.since(t) > SOON => format!("{} behind", duration_us(self.now.since(t).0)),
                _ => "live".into(),
            },
        }
    }

    /// Account 1: its last events, the state after each, and up to where the read table has them.
    fn tape(&self, scene: &mut Scene, a: Area, cell_w: f32) {
        let m = self.model;
        let cursor = m.cursor();
        // As many as have room for `cell_w`, and then as wide as there is room.
        let room = a.w - 52.0;
        let n = (room / (cell_w + CELL_GAP)) as u32;
        let cell_w = room / n as f32 - CELL_GAP;
        let end = cursor.map_or(m.version(), |(_, v)| m.version().min(v + n / 3));
        let cells = m.tape(end, n);
        let first = cells.first().map_or(end, |c| c.version - 1);

        let mut x = a.x + scene.text(a.x, a.y + 12.0, 13.0, "Account 1").bold().text_width() + 10.0;
        if let Some((at, version)) = cursor {
            let held = euros(m.state_shown().cents);
            let ago = duration_us(self.now.since(at).0);
            let text = format_args!("{ago} ago: version {}, held {held}", count(u64::from(version))).to_string();
            scene.text(x, a.y + 12.0, 12.0, text).tone(Tone::Accent).fit(a.right() - x);
        } else {
            let text = format_args!("version {}", count(u64::from(m.version()))).to_string();
            x += scene.text(x, a.y + 12.0, 12.0, text).tone(Tone::Ink2).fit(a.right() - x).text_width() + 12.0;
            let codec = m.codec();
            let (words, tone) = match (codec.schema, codec.upcaster) {
                (1, _) => ("code: v1", Tone::Ink3),
                (_, true) => ("code: v2, upcasts v1", Tone::Ink3),
                _ => ("code: v2, cannot read v1", Tone::Rejected),
            };
            scene.text(a.right(), a.y + 12.0, 11.0, words).end().tone(tone).fit(a.right() - x);
        }

        let top = a.y + 20.0;
        let stub = Area::new(a.x, top, 52.0, 46.0);
        scene.rect(stub.x, stub.y, stub.w, stub.h).round(4.0).fill(Tone::Sunk);
        scene.text(stub.cx(), top + 19.0, 12.0, short(f64::from(first))).mono().middle().fit(stub.w - 4.0);
        scene.text(stub.cx(), top + 35.0, 11.0, "earlier").middle().tone(Tone::Ink3);
        let start = cells.first().map_or(m.state_shown().cents, |c| c.after - signed(c));
        let base = top + 62.0;
        scene.text(stub.cx(), base, 11.0, whole(start)).mono().middle().tone(Tone::Ink3).fit(stub.w + 4.0);

        let snapshot = m.snapshot_version();
        let mut has_until = None;
        for (i, c) in cells.iter().enumerate() {
            let x = stub.right() + CELL_GAP + i as f32 * (cell_w + CELL_GAP);
            let later = cursor.is_some_and(|(_, v)| c.version > v);
            self.cell(scene, Area::new(x, top, cell_w, 46.0), c, later);
            if snapshot == Some(c.version) {
                let sx = x + cell_w + CELL_GAP / 2.0;
                scene
                    .line(sx, top - 3.0, sx, top + 49.0)
                    .stroke(Tone::Waiting)
                    .width(2.0)
                    .key(key(7, c.version))
                    .tip(format_args!("snapshot of version {}: a load begins here", count(u64::from(c.version))));
            }
            if cursor.is_some_and(|(_, v)| v == c.version) {
                let sx = x + cell_w + CELL_GAP / 2.0;
                scene.line(sx, top - 5.0, sx, base + 4.0).stroke(Tone::Accent).width(2.0);
                scene.glyph(sx, top - 5.0, Glyph::Diamond, Tone::Accent, 4.0);
            }
            if c.projected {
                has_until = Some(x + cell_w);
            }
        }

        // What the read table has of it, and what it makes of it.
        let y = base + 12.0;
        let (said, off) = m.table();
        let tone = if off == 0 { Tone::Ok } else { Tone::Rejected };
        if let Some(x) = has_until {
            scene.line(a.x, y, x, y).stroke(tone).width(2.0);
            scene.glyph(x - 3.0, y, Glyph::Dot, tone, 3.5);
        }
        let text = match off {
            0 => format!("read table: {}", euros(said)),
            off => {
                let how = if off > 0 { "too much" } else { "too little" };
                format!("read table: {}, {} {how}", euros(said), euros(off.abs()))
            }
        };
        let tone = if off == 0 { Tone::Ink2 } else { Tone::Rejected };
        let taken = scene.text(a.x, y + 16.0, 12.0, text).tone(tone).fit(a.w).text_width();
        let snapshot = match (m.snapshots_on(), snapshot) {
            (false, _) => return,
            (_, None) => "no usable snapshot".to_string(),
            (_, Some(v)) => format!("snapshot at {}", count(u64::from(v))),
        };
        if a.w - taken > 130.0 {
            scene.text(a.right(), y + 16.0, 11.0, snapshot).end().tone(Tone::Ink3);
        }
    }

    fn cell(&self, scene: &mut Scene, a: Area, c: &Cell, later: bool) {
        let k = |part: u8| key(part, c.version);
        let selected = c.command.is_some() && c.command == self.view.selected;
        let frame = scene.rect(a.x, a.y, a.w, a.h).round(4.0).fill(Tone::Panel).key(k(1));
        let frame = if selected { frame.stroke(Tone::Accent).width(2.0) } else { frame.stroke(Tone::Line).width(1.0) };
        let frame = frame.tip(format_args!("{}, written as v{}", c.kind.name(), c.schema));
        if let Some(command) = c.command {
            frame.hit(Hit::Request(command));
        }
        let faint = if later { Tone::Ink3 } else { Tone::Ink };
        scene.text(a.x + 5.0, a.y + 15.0, 11.0, count(u64::from(c.version))).tone(Tone::Ink3).key(k(2)).fit(a.w - 26.0);
        let schema = format_args!("v{}", c.schema).to_string();
        let tone = if c.schema == 2 { Tone::Accent } else { Tone::Ink3 };
        scene.text(a.right() - 5.0, a.y + 15.0, 11.0, schema).end().tone(tone).key(k(3));
        let (words, tone) = match c.kind {
            Kind::Deposited => (format!("+{}", euros(c.cents)), faint),
            Kind::Withdrawn => (format!("\u{2212}{}", euros(c.cents)), faint),
            Kind::Corrected => (format!("corr. {}", whole(c.cents)), Tone::Undo),
            kind => (kind.name().to_string(), Tone::Ink2),
        };
        scene.text(a.cx(), a.y + 36.0, 13.0, words).middle().tone(tone).key(k(4)).fit(a.w - 6.0);
        let tone = if later { Tone::Ink3 } else { Tone::Ink2 };
        let after = format_args!("={}", whole(c.after)).to_string();
        scene.text(a.cx(), a.y + 62.0, 12.0, after).mono().middle().tone(tone).key(k(5)).fit(a.w);
    }

    /// What the last load of account 1 took, against what it takes without a snapshot.
    fn load(&self, scene: &mut Scene, a: Area) {
        let t = scene.text(a.x, a.y + 12.0, 13.0, "Load of account 1").bold().fit(a.w).text_width();
        let Some((l, read, fold)) = self.model.last_load() else {
            scene.text(a.x, a.y + 34.0, 12.0, "not loaded yet").tone(Tone::Ink3).fit(a.w);
            return;
        };
        let took = duration_us((read + fold).0);
        if a.w - t > 70.0 {
            scene.text(a.right(), a.y + 12.0, 13.0, took).end().mono().fit(a.w - t - 8.0);
        }
        let each = if l.folded > 0 { fold.0 as f64 / f64::from(l.folded) } else { 0.0 };
        let without = each * f64::from(self.model.version()) + read.0 as f64 / f64::from(l.reads);
        let whole = without.max((read + fold).0 as f64).max(1.0);
        let bar = Area::new(a.x, a.y + 21.0, a.w, 16.0);
        scene.rect(bar.x, bar.y, bar.w, bar.h).round(3.0).fill(Tone::Sunk);
        let len = |us: u64| (us as f64 / whole) as f32 * bar.w;
        let (r, f) = (len(read.0).max(2.0), len(fold.0));
        scene.rect(bar.x, bar.y, r, bar.h).round(2.0).fill(Tone::Waiting);
        scene.rect(bar.x + r, bar.y, f.min(bar.w - r).max(0.0), bar.h).round(2.0).fill(Tone::Flight);
        let reads = if l.reads == 1 { "1 read" } else { "2 reads" };
        let more = match (l.stale, l.reads) {
            (true, _) => ", a stale snapshot ignored".to_string(),
            (_, 2) => format!("; {} without a snapshot", duration_us(without as u64)),
            _ => String::new(),
        };
        let text = format_args!("{reads}, {} events folded{more}", count(u64::from(l.folded))).to_string();
        scene.text(a.x, a.y + 53.0, 11.0, text).tone(if l.stale { Tone::Rejected } else { Tone::Ink3 }).fit(a.w);
    }

    /// What mistakes have cost, the worst first.
    fn costs(&self, scene: &mut Scene, a: Area, n: usize) {
        let m = self.model;
        let (sent, again) = m.mails();
        let (conflicts, failed, overdrawn) = m.troubles();
        let difference = m.projectors(self.now)[0].map_or(0, |p| p.difference);
        let mails = format!("{}, {} again", count(sent), count(again));
        let off = format!("{} EUR", fixed(difference as f64 / 100.0, 2));
        let mut rows = vec![
            ("Table \u{2212} fold", off, difference > 0),
            ("E-mails sent", mails, again > 0),
            ("Conflicts", count(conflicts).to_string(), false),
        ];
        let names = ("Name readable in", format!("{} places", m.personal().2), false);
        let lost = ("Commands failed", count(failed).to_string(), failed > 0);
        let blind = ("Overdrawn", count(overdrawn).to_string(), overdrawn > 0);
        // What is bad comes before what is quiet.
        let mut rest = vec![blind, lost, names];
        sim::order::by_key(&mut rest, |r| !r.2);
        rows.extend(rest);
        rows.truncate(n);
        facts(scene, a, &rows, 14.0);
    }
}

/// A projector's place in the log: a line through it, with a triangle below, or a diamond for a rebuild.
fn pointer(scene: &mut Scene, x: f32, bar: Area, tone: Tone, which: u32) {
    let (x, y) = (x.min(bar.right() - 4.0).max(bar.x + 4.0), bar.bottom() + 2.0);
    scene.line(x, bar.y - 2.0, x, y).stroke(tone).width(2.0).key(key(9, which));
    if which == 1 {
        scene.glyph(x, y + 4.0, Glyph::Diamond, tone, 4.5).key(key(10, which));
    } else {
        let sign = scene.path(|p| {
            p.move_to(x, y).line_to(x + 5.0, y + 8.0).line_to(x - 5.0, y + 8.0).close();
        });
        sign.fill(tone).key(key(10, which));
    }
}

/// Account 1 in the middle, the others above and below.
fn height(a: Area, account: u16) -> f32 {
    a.y + 3.0 + ((u32::from(account) * 7 + 9) % 19) as f32
}

/// What an event does to the balance.
fn signed(c: &Cell) -> i64 {
    match c.kind {
        Kind::Deposited | Kind::Corrected => c.cents,
        Kind::Withdrawn => -c.cents,
        _ => 0,
    }
}

/// Without its cents if there are none.
fn whole(cents: i64) -> String {
    let text = euros(cents);
    text.strip_suffix(".00").map_or(text.clone(), str::to_string)
}

#[cfg(test)]
mod tests {
    use super::super::check;
    use super::*;
    use sim::questions::event_sourcing::QUESTION;

    #[test]
    fn every_choice_with_everything_broken() {
        check::choices(&PICTURE, &QUESTION, &[], &[], &[0, 3_000, 9_300, 20_000], &["Account 1", "read table"]);
    }

    #[test]
    fn the_ends_of_the_ranges() {
        let inputs = ["1s rebuild", "2s crash", "3s forget", "4s command do=correct amount=-10000", "5s travel back=3"];
        for knobs in [
            &[("oldest", "1"), ("history", "0"), ("rate", "0")] as &[_],
            &[("oldest", "1000000"), ("history", "100000000"), ("snapshot", "100"), ("rate", "1000")],
            &[("accounts", "1"), ("live", "100000"), ("snapshot", "10"), ("duplicate", "50"), ("projector", "naive")],
        ] {
            let value = check::value(&QUESTION, knobs, &inputs);
            check::stages(&PICTURE, value, &[0, 900, 2_500, 4_500, 6_000, 30_000], &["Account 1", "rebuild"][..1]);
        }
    }

    #[test]
    fn words_for_what_happens() {
        let value = check::value(&QUESTION, &[("history", "10000000")], &["1s rebuild"]);
        check::stages(&PICTURE, value, &[2_000, 60_000], &["rebuild: ", "left"]);
        let value = check::value(&QUESTION, &[("snapshot", "100")], &["1s travel back=0.5"]);
        check::stages(&PICTURE, value, &[3_000], &["snapshot at", " ago: version"]);
        let value = check::value(&QUESTION, &[("rate", "0"), ("projector", "naive")], &["0s command", "2s twice"]);
        check::stages(&PICTURE, value, &[3_000], &["40.00 too much"]);
    }
}
