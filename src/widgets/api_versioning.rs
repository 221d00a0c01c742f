//! The picture of API versioning: the clients on their versions, the order's schema with the verdict on every change,
//! a response as it is on the wire, and the calls day by day.

use super::seen::{Cell, Seen, facts};
use super::{Heights, Picture};
use crate::draw::legend::legend;
use crate::draw::number::{count, percent};
use crate::draw::plot::{Layer, Range, Stacked, stacked};
use crate::draw::{Area, Dash, Font, Glyph, Hit, Outcome, Scene, Tone, View, key, text_width};
use sim::blocks::deprecation::{DAY, day_name};
use sim::blocks::versions::{FIELDS, What};
use sim::questions::api_versioning::{Answer, ApiVersioning, Client, Tally, act, number};
use sim::{Live, Us};

pub static PICTURE: Picture = Picture {
    slug: "api-versioning",
    height: Heights { wide: 304.0, narrow: 424.0, wide_ab: 190.0, narrow_ab: 250.0 },
    draw,
};

/// At most about so many clients are drawn.
const DOTS: usize = 600;
/// A client that moves is seen on its way for so long.
const FLIGHT: Us = Us::ms(700);
/// Characters of a line of the inspector take so much.
const CHARACTER: f32 = 6.7;
const WEEK_US: u64 = 7 * DAY.0;

fn draw(live: &dyn Live, view: &View, scene: &mut Scene) {
    Seen::<ApiVersioning>::draw(live, view, scene, [Seen::wide, Seen::narrow, Seen::wide_side, Seen::narrow_side]);
}

impl Seen<'_, ApiVersioning> {
    fn wide(&self, scene: &mut Scene) {
        self.population(scene, Area::new(14.0, 6.0, 420.0, 194.0));
        let below = Area::new(14.0, 208.0, 420.0, 92.0);
        if self.model.is_listed() {
            self.callers(scene, below);
        } else {
            self.calls(scene, below);
        }
        self.editor(scene, Area::new(456.0, 6.0, 390.0, 166.0), 118.0);
        self.inspector(scene, Area::new(456.0, 184.0, 390.0, 116.0));
    }

    fn narrow(&self, scene: &mut Scene) {
        self.population(scene, Area::new(12.0, 4.0, 366.0, 158.0));
        self.editor(scene, Area::new(12.0, 170.0, 366.0, 150.0), 100.0);
        let below = Area::new(12.0, 330.0, 366.0, 90.0);
        if self.model.is_listed() {
            self.callers(scene, below);
        } else {
            self.inspector(scene, below);
        }
    }

    fn wide_side(&self, scene: &mut Scene) {
        self.population(scene, Area::new(14.0, 2.0, 490.0, 186.0));
        self.inspector(scene, Area::new(524.0, 2.0, 322.0, 102.0));
        self.toll(scene, Area::new(524.0, 114.0, 322.0, 74.0));
    }

    fn narrow_side(&self, scene: &mut Scene) {
        self.population(scene, Area::new(12.0, 2.0, 366.0, 164.0));
        self.toll(scene, Area::new(12.0, 176.0, 366.0, 72.0));
    }

    /// The day, the way to the end, and the clients in a box for each version.
    fn population(&self, scene: &mut Scene, a: Area) {
        let m = self.model;
        let w = scene.text(a.x, a.y + 12.0, 13.0, format_args!("Day {}", self.now.0 / DAY.0)).bold().text_width();
        scene.text(a.x + w + 8.0, a.y + 12.0, 12.0, day_name(self.now)).tone(Tone::Ink2);
        scene.text(a.right(), a.y + 12.0, 11.0, "one second is one day").end().tone(Tone::Ink3);
        self.way(scene, Area::new(a.x, a.y + 19.0, a.w, 24.0));

        let tallies = m.tallies();
        let boxes = Area::new(a.x, a.y + 50.0, a.w, a.h - 50.0 - 22.0);
        for (i, t) in tallies.iter().enumerate() {
            self.version(scene, boxes.col(i, tallies.len(), 8.0), t, tallies.len());
        }
        let clients = m.clients();
        let one_in = clients.len().div_ceil(DOTS);
        let field = |version: u8| {
            let col = boxes.col(version as usize - 1, tallies.len(), 8.0);
            Area::new(col.x, col.y + 17.0, col.w, col.h - 17.0).inset(4.0, 4.0)
        };
        let newest = tallies.len() as u8;
        let grid = Grid::new(field(1), clients.len().div_ceil(one_in));
        let heaviest = m.share(0).max(1e-9);
        for (who, c) in clients.iter().enumerate().step_by(one_in) {
            let at = |version: u8| grid.at(field(version.min(newest)), who / one_in);
            let way = if self.view.reduced_motion { 1.0 } else { c.moved(self.now, FLIGHT) };
            let (from, to) = (at(c.from), at(c.version));
            let (x, y) = (from.0 + (to.0 - from.0) * way, from.1 + (to.1 - from.1) * way);
            let size = grid.pitch * (0.2 + 0.3 * (m.share(who) / heaviest).sqrt().sqrt() as f32);
            let (glyph, tone) = sign(c, newest);
            scene.particle(x, y, glyph, tone, size.max(1.0), Some(c.call));
        }
        let words: &[(Outcome, &str)] = &[
            (Outcome::Ok, "reads well"),
            (Outcome::Waiting, "knows"),
            (Outcome::Flight, "will move"),
            (Outcome::Stale, "wrong"),
            (Outcome::Rejected, "broken"),
        ];
        legend(scene, a.x, a.bottom() - 7.0, a.w, words);
    }

    /// From the announcement to the sunset, with the brownouts and today.
    fn way(&self, scene: &mut Scene, a: Area) {
        let m = self.model;
        let version = m.target();
        let end = m.end_of(version);
        let y = a.y + 4.0;
        let words = match (end.deprecated, end.sunset) {
            (Some(from), Some(to)) => {
                let whole = to.since(from).0.max(1) as f32;
                let x = |t: Us| a.x + a.w * (t.since(from).0 as f32 / whole).min(1.0);
                scene.rect(a.x, y - 2.0, a.w, 4.0).round(2.0).fill(Tone::Sunk);
                scene.rect(a.x, y - 2.0, x(self.now) - a.x, 4.0).round(2.0).fill(Tone::Waiting);
                for weeks in 1..=u64::from(m.settings().brownouts) {
                    if to.0 > from.0 + weeks * WEEK_US {
                        scene.glyph(x(Us(to.0 - weeks * WEEK_US)), y, Glyph::Diamond, Tone::Rejected, 4.0);
                    }
                }
                scene.glyph(a.right() - 4.0, y, Glyph::Cross, Tone::Rejected, 4.0);
                match (end.gone, to.since(self.now).0 / DAY.0) {
                    (true, _) => format!("v{version} ended on {}", day_name(to)),
                    (false, days) => format!("v{version} ends on {}: in {} days", day_name(to), count(days)),
                }
            }
            (Some(_), None) => format!("v{version} is deprecated, its end is open"),
            _ => format!("v{version}: no end is announced"),
        };
        let t = scene.text(a.x, a.y + 21.0, 12.0, words).tone(if end.gone { Tone::Rejected } else { Tone::Ink2 });
        let used = t.fit(a.w).text_width();
        if !end.gone && !end.answers(self.now) && a.w - used > 80.0 {
            scene.text(a.right(), a.y + 21.0, 12.0, "brownout").end().bold().tone(Tone::Rejected);
        }
    }

    fn version(&self, scene: &mut Scene, a: Area, t: &Tally, of: usize) {
        let dark = !t.end.gone && !t.end.answers(self.now);
        let (tone, dash) = match (t.end.gone, dark) {
            (true, _) => (Tone::Rejected, Dash::Fine),
            (_, true) => (Tone::Waiting, Dash::Dashed),
            _ => (Tone::Line, Dash::Solid),
        };
        let k = |part| key(part, u32::from(t.version));
        let w = scene.text(a.x, a.y + 12.0, 13.0, format_args!("v{}", t.version)).bold().key(k(1)).text_width();
        let mut room = a.w - w - 4.0;
        let name = match (of, t.clients) {
            (5.., _) => "",
            (_, 1) => " client",
            _ => " clients",
        };
        let words = format!("{}{name}", count(u64::from(t.clients)));
        if text_width(&words, 12.0, Font::Sans) <= room {
            let n = scene.text(a.right(), a.y + 12.0, 12.0, words).end().tone(Tone::Ink2).key(k(2));
            room -= n.text_width() + 8.0;
        }
        let state = match (t.end.gone, t.end.deprecated) {
            (true, _) => "ended",
            (_, Some(_)) => "deprecated",
            _ => "",
        };
        if text_width(state, 11.0, Font::Sans) <= room {
            scene.text(a.x + w + 6.0, a.y + 12.0, 11.0, state).tone(Tone::Rejected).key(k(3));
        }
        let fill = if t.end.gone { Tone::Sunk } else { Tone::Panel };
        scene
            .rect(a.x, a.y + 17.0, a.w, a.h - 17.0)
            .round(6.0)
            .fill(fill)
            .stroke(tone)
            .dash(dash)
            .width(if dark { 2.0 } else { 1.0 })
            .key(k(4));
    }

    /// Calls a day, by what became of them.
    fn calls(&self, scene: &mut Scene, area: Area) {
        let history = self.live.history();
        let rows = (0..history.rows()).take_while(|r| history.time(*r) <= self.now);
        let mut xs = Vec::new();
        let mut layers: [Vec<f64>; 4] = Default::default();
        let mut top = 1.0f64;
        const OF: [usize; 4] = [number::RIGHT, number::REFUSED, number::MISLED, number::BROKEN];
        for r in rows {
            // The first day is not over before it is over.
            if history.time(r) < DAY {
                continue;
            }
            let cell: Cell = &|n| f64::from(history.get(r, n)).max(0.0);
            xs.push(history.time(r).0 as f64 / DAY.0 as f64);
            let mut sum = 0.0;
            for (layer, n) in layers.iter_mut().zip(OF) {
                layer.push(cell(n));
                sum += cell(n);
            }
            top = top.max(sum);
        }
        let y = Range::from_zero(top, "");
        let most = count(y.max as u64);
        let named = |i: usize, label, tone| Layer { label, tone, values: &layers[i] };
        stacked(
            scene,
            &Stacked {
                area,
                x: Range::new(0.0, (self.now.0 as f64 / DAY.0 as f64).max(30.0), "days"),
                y,
                xs: &xs,
                layers: &[
                    named(0, "right", Tone::Ok),
                    named(1, "brownout", Tone::Waiting),
                    named(2, "wrong", Tone::Stale),
                    named(3, "broken", Tone::Rejected),
                ],
                lines: &[],
                bounds: &[],
                caption: &format_args!("Calls a day, up to {most}"),
                cursor: None,
            },
        );
    }

    /// Who still calls: the ten heaviest.
    fn callers(&self, scene: &mut Scene, a: Area) {
        let m = self.model;
        let target = m.target();
        let left: Vec<u32> = m.left_by_volume(target).collect();
        let words = format_args!("Still on v{target} or older: {}", count(left.len() as u64)).to_string();
        scene.text(a.x, a.y + 12.0, 13.0, words).bold().fit(a.w);
        let heaviest = left.first().map_or(1.0, |w| m.share(*w as usize));
        for (i, who) in left.iter().take(10).enumerate() {
            let row = Area::new(a.x, a.y + 18.0, a.w, a.h - 18.0).col(i / 5, 2, 14.0).row(i % 5, 5, 2.0);
            let c = &m.clients()[*who as usize];
            let share = m.share(*who as usize);
            let bar = Area::new(row.x + 62.0, row.y + 2.0, row.w - 154.0, row.h - 4.0);
            scene.text(row.x, row.cy(), 11.0, format_args!("client {}", who + 1)).vcenter().tone(Tone::Ink2).fit(60.0);
            let w = bar.w * (share / heaviest) as f32;
            scene.rect(bar.x, bar.y, w, bar.h).round(2.0).fill(Tone::Flight).hit(Hit::Request(c.call));
            scene.text(bar.right() + 44.0, row.cy(), 11.0, percent(share)).end().vcenter().mono().fit(42.0);
            let knows = match (c.mailed, c.seen_header) {
                (true, _) => "e-mail",
                (_, true) => "header",
                _ => "",
            };
            scene.text(row.right(), row.cy(), 11.0, knows).end().vcenter().tone(Tone::Ink3).fit(46.0);
        }
    }

    /// The newest shape, and what each change would do to whom.
    fn editor(&self, scene: &mut Scene, a: Area, fields_w: f32) {
        let m = self.model;
        let head = m.registry().head();
        let newest = m.registry().newest();
        let w = scene.text(a.x, a.y + 12.0, 13.0, format_args!("Order, v{newest}")).bold().text_width();
        let adapters: usize = m.registry().adapters(1);
        if adapters > 0 && fields_w - w > 62.0 {
            let words = format_args!("{adapters} to v1").to_string();
            scene.text(a.x + fields_w, a.y + 12.0, 11.0, words).end().tone(Tone::Ink3).fit(fields_w - w - 6.0);
        }
        let list = Area::new(a.x, a.y + 19.0, fields_w, a.h - 19.0);
        let step = (list.h / 6.0).min(list.h / (0..FIELDS).filter(|f| head.has(*f)).count().max(1) as f32);
        for (i, f) in (0..FIELDS).filter(|f| head.has(*f)).enumerate() {
            let row = Area::new(list.x, list.y + i as f32 * step, list.w, step - 2.0);
            let k = |part| key(part, u32::from(f));
            let picked = f == m.picked();
            let (stroke, width) = if picked { (Tone::Accent, 2.0) } else { (Tone::Line, 1.0) };
            scene
                .rect(row.x, row.y, row.w, row.h)
                .round(4.0)
                .fill(Tone::Panel)
                .stroke(stroke)
                .width(width)
                .key(k(5))
                .tip(format_args!("{}: {}", head.name(f), head.kind(f)))
                .hit(Hit::Act { act: act::PICK as u8, arg: i64::from(f) });
            let name = scene.text(row.x + 6.0, row.cy(), 12.0, head.name(f)).mono().vcenter().key(k(6));
            let used = name.fit(row.w - 10.0).text_width();
            if text_width(head.kind(f), 11.0, Font::Sans) <= row.w - used - 18.0 {
                let kind = scene.text(row.right() - 6.0, row.cy(), 11.0, head.kind(f)).end().vcenter();
                kind.tone(Tone::Ink3).key(k(7));
            }
        }

        let right = Area::new(a.x + fields_w + 14.0, a.y, a.w - fields_w - 14.0, a.h);
        let how = if m.settings().new_version {
            format!("Ship as v{}", newest + 1)
        } else {
            format!("Ship as v{newest}, in place")
        };
        let verdicts = m.verdicts();
        let of = verdicts.first().map_or(0, |v| v.of);
        let w = scene.text(right.x, a.y + 12.0, 13.0, how).bold().fit(right.w).text_width();
        let words = format_args!("{} read v{newest}", count(u64::from(of))).to_string();
        scene.text(right.right(), a.y + 12.0, 11.0, words).end().tone(Tone::Ink3).fit(right.w - w - 6.0);
        let cells = Area::new(right.x, right.y + 19.0, right.w, right.h - 19.0);
        for (i, what) in What::ALL.into_iter().enumerate() {
            let b = cells.col(i / 6, 2, 6.0).row(i % 6, 6, 2.0);
            let verdict = verdicts.iter().find(|v| v.what == what);
            let k = |part| key(part, i as u32);
            let frame = scene.rect(b.x, b.y, b.w, b.h).round(4.0).stroke(Tone::Line).width(1.0).key(k(8));
            let Some(v) = verdict else {
                frame.fill(Tone::Sunk);
                scene.text(b.x + 20.0, b.cy(), 11.0, label(what)).vcenter().tone(Tone::Ink3).key(k(9)).fit(b.w - 24.0);
                continue;
            };
            let hit = Hit::Act { act: act::CHANGE as u8, arg: i as i64 };
            frame
                .fill(Tone::Panel)
                .hit(hit)
                .tip(format_args!("breaks {}, misleads {} of {}", v.breaks, v.misleads, v.of));
            let (outcome, n) = match (v.breaks, v.misleads) {
                (0, 0) => (Outcome::Ok, 0),
                (0, n) => (Outcome::Stale, n),
                (n, _) => (Outcome::Rejected, n),
            };
            scene.outcome(b.x + 10.0, b.cy(), outcome, 4.0).key(k(10));
            let n = scene.text(b.right() - 5.0, b.cy(), 11.0, count(u64::from(n))).end().vcenter().mono();
            let used = n.tone(outcome.tone()).key(k(11)).text_width();
            scene.text(b.x + 20.0, b.cy(), 11.0, label(what)).vcenter().key(k(9)).fit(b.w - used - 28.0);
        }
    }

    /// The last response that has something to say, as it is on the wire.
    fn inspector(&self, scene: &mut Scene, a: Area) {
        let Some(s) = self.model.shown() else {
            scene.text(a.x, a.y + 12.0, 13.0, "No call yet").bold();
            return;
        };
        let who = s.client.map_or("A caller".to_string(), |c| format!("Client {}", c + 1));
        let w = scene.text(a.x, a.y + 12.0, 13.0, who).bold().fit(a.w).text_width();
        let tone = match s.answer {
            Answer::Right => Tone::Ok,
            Answer::Misled => Tone::Stale,
            Answer::Brownout => Tone::Waiting,
            _ => Tone::Rejected,
        };
        scene.text(a.right(), a.y + 12.0, 12.0, s.answer.words()).end().tone(tone).fit(a.w - w - 8.0);
        let sheet = Area::new(a.x, a.y + 19.0, a.w, a.h - 19.0);
        scene.rect(sheet.x, sheet.y, sheet.w, sheet.h).round(6.0).fill(Tone::Sunk).hit(Hit::Request(s.call));
        let room = ((sheet.w - 16.0) / CHARACTER) as usize;
        let lines: Vec<String> =
            self.model.exchange(s).iter().filter(|l| !l.is_empty()).flat_map(|l| wrap(l, room)).collect();
        let most = ((sheet.h - 6.0) / 13.0) as usize;
        for (i, line) in lines.iter().take(most).enumerate() {
            let y = sheet.y + 13.0 + i as f32 * 13.0;
            let says = line.starts_with("Deprecation") || line.starts_with("Sunset") || line.starts_with("Vary");
            let tone = if says { Tone::Accent } else { Tone::Ink2 };
            scene.text(sheet.x + 8.0, y, 11.0, line.as_str()).mono().tone(tone).fit(sheet.w - 12.0);
        }
    }

    /// What it costs clients and makers, in an A|B.
    fn toll(&self, scene: &mut Scene, a: Area) {
        let broken = self.number(number::BROKEN);
        let whole = |n: f64| count(n.max(0.0) as u64).to_string();
        let days = self.live.number(number::DAYS as u8);
        let rows = [
            ("Broken calls a day", whole(broken), broken > 0.0),
            ("Clients left", whole(self.number(number::LEFT)), false),
            ("Their share of calls", percent(self.number(number::VOLUME) / 100.0).to_string(), false),
            ("Days to 1 %", days.map_or("over 100 years".into(), whole), false),
            ("Upkeep to date", format!("{} h", whole(self.number(number::COST))), false),
        ];
        facts(scene, a, &rows, 11.5);
    }
}

/// Places for so many dots in boxes of one size.
struct Grid {
    columns: usize,
    pitch: f32,
}

impl Grid {
    fn new(a: Area, n: usize) -> Grid {
        let n = n.max(1);
        let mut pitch = (a.w * a.h / n as f32).sqrt().min(16.0);
        // Whole columns and rows need a little more room than the mean.
        loop {
            let columns = ((a.w / pitch) as usize).max(1);
            if n.div_ceil(columns) as f32 * pitch <= a.h || pitch < 1.5 {
                return Grid { columns, pitch };
            }
            pitch *= 0.97;
        }
    }
    fn at(&self, a: Area, i: usize) -> (f32, f32) {
        let (column, row) = (i % self.columns, i / self.columns);
        let y = a.y + (row as f32 + 0.5) * self.pitch;
        (a.x + (column as f32 + 0.5) * self.pitch, y.min(a.bottom()))
    }
}

/// How a client is.
fn sign(c: &Client, newest: u8) -> (Glyph, Tone) {
    let outcome = match c.last {
        Some(Answer::Misled) => Outcome::Stale,
        Some(answer) if answer.is_broken() => Outcome::Rejected,
        _ if c.version == newest => Outcome::Ok,
        _ if c.decided => Outcome::Flight,
        _ if c.seen_header || c.mailed || c.last == Some(Answer::Brownout) => Outcome::Waiting,
        _ => Outcome::Ok,
    };
    (outcome.glyph(), outcome.tone())
}

fn label(what: What) -> &'static str {
    match what {
        What::AddField => "Add field",
        What::AddValue => "Add status",
        What::Rename => "Rename",
        What::Remove => "Remove",
        What::Retype => "New type",
        What::Remean => "New meaning",
        What::Async => "201 / 202",
        What::Require => "Require field",
        What::Allow => "Allow field",
        What::Tighten => "Shorter notes",
        What::Loosen => "Longer notes",
    }
}

/// A line in pieces of at most so many characters, cut after commas.
fn wrap(line: &str, room: usize) -> Vec<String> {
    let mut out = vec![String::new()];
    for piece in line.split_inclusive(',') {
        let last = out.len() - 1;
        if !out[last].is_empty() && out[last].len() + piece.len() > room {
            out.push(format!("  {piece}"));
        } else {
            out[last].push_str(piece);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::super::check;
    use super::*;
    use sim::questions::api_versioning::QUESTION;

    #[test]
    fn every_choice_with_everything_broken() {
        check::choices(&PICTURE, &QUESTION, &[], &[], &[0, 2_500, 4_100, 6_300, 20_000], &["Day "]);
    }

    #[test]
    fn the_ends_of_the_ranges() {
        let inputs =
            ["1s announce", "2s change what=add", "3s change what=remean", "4s email", "5s brownout", "6s sunset"];
        for knobs in [
            &[("clients", "10"), ("calls", "0"), ("versions", "1")] as &[_],
            &[("clients", "10000"), ("calls", "5000"), ("versions", "8"), ("release", "new"), ("style", "header")],
            &[
                ("clients", "11"),
                ("skew", "2"),
                ("versions", "5"),
                ("notice", "0"),
                ("style", "pin"),
                ("brownouts", "12"),
            ],
        ] {
            let value = check::value(&QUESTION, knobs, &inputs);
            check::stages(&PICTURE, value, &[0, 900, 1_500, 2_500, 5_100, 6_100, 9_000], &["Day "]);
        }
    }

    #[test]
    fn words_for_what_happens() {
        let value = check::value(&QUESTION, &[], &["1s announce"]);
        check::stages(&PICTURE, value, &[3_000], &["ends on 1 Jul 2025", "one second is one day"]);
        let value = check::value(&QUESTION, &[("notice", "10")], &["1s announce"]);
        check::stages(&PICTURE, value, &[14_000], &["ended on 12 Jan 2025", "Day 14"]);
        let value = check::value(&QUESTION, &[("versions", "1")], &["1s brownout", "2s who", "3s change"]);
        check::stages(&PICTURE, value, &[5_000], &["v1: no end is announced"]);
    }

    #[test]
    fn long_lines_are_cut_after_commas() {
        assert_eq!(wrap("{\"a\":1,\"b\":2,\"c\":3}", 13), ["{\"a\":1,\"b\":2,", "  \"c\":3}"]);
        assert_eq!(wrap("no comma in this long one", 5), ["no comma in this long one"]);
    }
}
