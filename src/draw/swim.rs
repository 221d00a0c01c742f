//! Swim lanes: who did what when, and what was said between them.

use super::axis::TimeAxis;
use super::measure::{Font, text_width};
use super::place::Placer;
use super::scene::{Area, Dash, Glyph, Hit, Outcome, Scene, Tone, Words};
use super::topology::NodeState;

/// One row.
pub struct Actor<'a> {
    pub name: &'a str,
    /// Under (or after) the name.
    pub note: Words<'a>,
    pub state: NodeState,
    pub hit: Option<Hit>,
}

/// Rows of actors over one line of time. The lowest 20 units are the axis.
pub struct Swim<'a> {
    pub area: Area,
    pub t0_us: u64,
    pub t1_us: u64,
    pub now_us: u64,
    pub actors: &'a [Actor<'a>],
    /// Width for the names at the left; 0 puts each name above its line (for the narrow layout).
    pub label_w: f32,
}

impl Swim<'_> {
    pub fn axis(&self) -> TimeAxis {
        TimeAxis::new(self.area.x + self.label_w + 6.0, self.area.right() - 6.0, self.t0_us, self.t1_us)
    }

    fn pitch(&self) -> f32 {
        (self.area.h - 20.0) / self.actors.len().max(1) as f32
    }

    /// The height of an actor's line.
    pub fn row_y(&self, actor: usize) -> f32 {
        let down = if self.label_w > 0.0 { 0.5 } else { 0.66 };
        self.area.y + (actor as f32 + down) * self.pitch()
    }

    fn bounds(&self) -> Area {
        let a = self.axis();
        Area::new(a.x0 - 6.0, self.area.y, a.x1 - a.x0 + 12.0, self.area.h - 20.0)
    }
}

/// Draws rows, axis and the line of now, then whatever `events` draws (in the order: busy stretches and locks, messages,
/// steps), then the names, which stay readable over the arrows. `events` gets the placer that keeps labels apart.
pub fn swim(scene: &mut Scene, s: &Swim<'_>, events: impl FnOnce(&mut Scene, &mut Placer)) {
    let axis = s.axis();
    let mut placer = Placer::new();
    for (i, actor) in s.actors.iter().enumerate() {
        let y = s.row_y(i);
        let up = actor.state == NodeState::Up;
        if let Some(hit) = actor.hit {
            scene.rect(s.area.x, s.area.y + i as f32 * s.pitch(), s.area.w, s.pitch()).hit(hit);
        }
        scene.line(axis.x0, y, axis.x1, y).stroke(if up { Tone::Line } else { actor.state.tone() }).dash(if up {
            Dash::Solid
        } else {
            Dash::Fine
        });
        // Labels keep off the lines of the actors.
        placer.take(Area::new(axis.x0, y - 1.0, axis.x1 - axis.x0, 2.0));
        if s.label_w <= 0.0 {
            let w = text_width(actor.name, 13.0, Font::SansBold);
            placer.take(Area::new(s.area.x, y - 25.0, w + 8.0, 17.0));
        }
    }
    axis.draw(scene, s.area.bottom() - 18.0);
    if axis.contains(s.now_us) {
        let x = axis.x(s.now_us);
        scene.line(x, s.area.y, x, s.area.bottom() - 18.0).stroke(Tone::Accent).width(1.0);
    }
    events(scene, &mut placer);
    for (i, actor) in s.actors.iter().enumerate() {
        name(scene, s, &placer, actor, s.row_y(i));
    }
}

/// The name of an actor, with its state or, while it is up, its note: under the name, or after it where the name stands
/// above the line and nothing else is there.
fn name(scene: &mut Scene, s: &Swim<'_>, placer: &Placer, actor: &Actor<'_>, y: f32) {
    let up = actor.state == NodeState::Up;
    let tone = if up { Tone::Ink } else { Tone::Ink3 };
    let (word, word_tone): (Words<'_>, Tone) =
        if up { (actor.note, Tone::Ink3) } else { (&actor.state.word(), actor.state.tone()) };
    if s.label_w > 0.0 {
        scene.text(s.area.x, y - 2.0, 13.0, actor.name).bold().tone(tone).fit(s.label_w - 6.0);
        scene.text(s.area.x, y + 13.0, 11.0, word).tone(word_tone).fit(s.label_w - 6.0);
        return;
    }
    let name = scene.text(s.area.x, y - 12.0, 13.0, actor.name).bold().halo().tone(tone).fit(s.area.w * 0.5);
    let x = s.area.x + name.text_width() + 8.0;
    let words = word.to_string();
    let w = text_width(&words, 11.0, Font::Sans);
    if !up || placer.is_free(Area::new(x, y - 23.0, w, 14.0)) {
        scene.text(x, y - 12.0, 11.0, &words).halo().tone(word_tone).fit(s.area.right() - x);
    }
}

/// Something said by one actor to another.
pub struct Message<'a> {
    pub from: usize,
    pub to: usize,
    pub sent_us: u64,
    /// When it arrives, or would have arrived.
    pub arrive_us: u64,
    pub outcome: Outcome,
    /// It never arrives: the arrow ends in a cross on the way.
    pub lost: bool,
    pub label: Words<'a>,
    pub hit: Option<Hit>,
}

/// Draws a message: an arrow once it has arrived, a growing line with its sign while it is under way, nothing before it
/// is sent. A label that finds no room becomes a tooltip.
pub fn message(scene: &mut Scene, s: &Swim<'_>, placer: &mut Placer, m: &Message<'_>) {
    let axis = s.axis();
    if m.sent_us > s.now_us || m.sent_us > axis.t1_us || m.arrive_us < axis.t0_us {
        return;
    }
    let a = (axis.x(m.sent_us), s.row_y(m.from));
    let b = (axis.x(m.arrive_us), s.row_y(m.to));
    // The whole flight is a straight line; what lies outside the axis or in the future is not drawn.
    let cut = |x: f32| {
        if (b.0 - a.0).abs() < 0.01 { 1.0 } else { ((x - a.0) / (b.0 - a.0)).clamp(0.0, 1.0) }
    };
    let at = |f: f32| (a.0 + (b.0 - a.0) * f, a.1 + (b.1 - a.1) * f);
    let start = cut(axis.x0);
    let reach = if m.lost { 0.6 } else { 1.0 };
    let now = axis.x_clamped(s.now_us);
    let flying = s.now_us < m.arrive_us && cut(now) < reach;
    let end = cut(now.min(axis.x1)).min(reach);
    let end = if m.arrive_us <= s.now_us && !m.lost { end.max(cut(axis.x1)) } else { end };
    let tone = if m.lost { Tone::Rejected } else { m.outcome.tone() };
    let (p, q) = (at(start), at(end));
    let landed = !flying && !m.lost && end >= 1.0;
    let mut shaft = if landed {
        scene.arrow(p, q, tone)
    } else {
        scene.polyline([p, q]).stroke(tone).dash(if m.lost { Dash::Fine } else { Dash::Solid })
    };
    shaft = shaft.width(1.6);
    if let Some(hit) = m.hit {
        shaft = shaft.hit(hit);
    }
    let text = m.label.to_string();
    if !text.is_empty() {
        shaft.tip(&text);
    }
    if m.lost && !flying {
        scene.glyph(q.0, q.1, Glyph::Cross, Tone::Rejected, 5.0);
    } else if flying {
        scene.glyph(q.0, q.1, m.outcome.glyph(), tone, 4.5);
    }
    if text.is_empty() {
        placer.take_line(p, q);
        return;
    }
    let w = text_width(&text, 11.0, Font::Sans);
    let spots = [0.5f32, 0.35, 0.65, 0.25, 0.75, 0.15, 0.85];
    let mut candidates = [(0.0, 0.0); 14];
    for (i, f) in spots.into_iter().enumerate() {
        let (x, y) = at(f);
        candidates[i * 2] = (x + 7.0, y + 4.0);
        candidates[i * 2 + 1] = (x - w - 7.0, y + 4.0);
    }
    if let Some((x, y)) = placer.place(&text, 11.0, Font::Sans, s.bounds(), &candidates) {
        scene.text(x, y, 11.0, &text).tone(if m.lost { Tone::Rejected } else { Tone::Ink2 }).halo();
    }
    // The labels of what comes later keep off this line; its own had to come first, as it stands right beside it.
    placer.take_line(p, q);
}

/// A moment on an actor's line: a step done, refused, undone.
pub struct Step<'a> {
    pub actor: usize,
    pub at_us: u64,
    pub outcome: Outcome,
    pub label: Words<'a>,
    pub hit: Option<Hit>,
}

/// Draws a step if it has happened and is in sight.
pub fn step(scene: &mut Scene, s: &Swim<'_>, placer: &mut Placer, step: &Step<'_>) {
    let axis = s.axis();
    if step.at_us > s.now_us || !axis.contains(step.at_us) {
        return;
    }
    let (x, y) = (axis.x(step.at_us), s.row_y(step.actor));
    scene.circle(x, y, 9.0).fill(Tone::Sunk);
    let mut sign = scene.outcome(x, y, step.outcome, 6.0);
    if let Some(hit) = step.hit {
        sign = sign.hit(hit);
    }
    let text = step.label.to_string();
    if text.is_empty() {
        return;
    }
    sign.tip(&text);
    let w = text_width(&text, 11.0, Font::Sans);
    let places = [
        (x - w / 2.0, y - 12.0),
        (x - w / 2.0, y + 20.0),
        (x + 10.0, y - 8.0),
        (x - w - 10.0, y - 8.0),
        (x + 10.0, y + 16.0),
        (x - w - 10.0, y + 16.0),
    ];
    placer.take(Area::new(x - 6.0, y - 6.0, 12.0, 12.0));
    if let Some((x, y)) = placer.place(&text, 11.0, Font::Sans, s.bounds(), &places) {
        scene.text(x, y, 11.0, &text).tone(step.outcome.tone()).halo();
    }
}

/// Draws a stretch of work on an actor's line: from `t0_us` until `t1_us`, or until now if it has not ended. Draw it
/// before the messages.
pub fn busy(scene: &mut Scene, s: &Swim<'_>, actor: usize, t0_us: u64, t1_us: Option<u64>, tone: Tone) {
    let axis = s.axis();
    let end = t1_us.unwrap_or(s.now_us).min(s.now_us);
    if t0_us > end || t0_us > axis.t1_us || end < axis.t0_us {
        return;
    }
    let (x0, x1) = (axis.x_clamped(t0_us), axis.x_clamped(end));
    let y = s.row_y(actor);
    scene.rect(x0, y - 5.0, (x1 - x0).max(2.0), 10.0).round(3.0).fill(tone).opacity(0.45);
}

/// A lock held by someone on an actor's line.
pub struct Lock<'a> {
    pub actor: usize,
    pub taken_us: u64,
    /// When it was released; `None` while it is held.
    pub released_us: Option<u64>,
    pub holder: Words<'a>,
}

/// Draws a lock (before the messages and steps, which keep clear of its words): a bar under the line for as long as it is held, with the sign of a lock, its holder and, while it is
/// held, its age.
pub fn lock(scene: &mut Scene, s: &Swim<'_>, placer: &mut Placer, lock: &Lock<'_>) {
    let axis = s.axis();
    let end = lock.released_us.unwrap_or(s.now_us).min(s.now_us);
    if lock.taken_us > end || lock.taken_us > axis.t1_us || end < axis.t0_us {
        return;
    }
    let held = lock.released_us.is_none_or(|t| t > s.now_us);
    let tone = if held { Tone::Waiting } else { Tone::Ink3 };
    let (x0, x1) = (axis.x_clamped(lock.taken_us), axis.x_clamped(end));
    let y = s.row_y(lock.actor) + 9.0;
    scene.rect(x0, y, (x1 - x0).max(2.0), 3.0).round(1.5).fill(tone);
    lock_sign(scene, x0 + 5.0, y + 11.0, tone, held);
    let words = if held {
        scene.text(
            x0 + 14.0,
            y + 15.0,
            11.0,
            format_args!("{}, {}", lock.holder, super::number::duration_us(end - lock.taken_us)),
        )
    } else {
        scene.text(x0 + 14.0, y + 15.0, 11.0, lock.holder)
    };
    let words = words.tone(tone).halo().fit((axis.x1 - x0 - 8.0).max(0.0));
    placer.take(Area::new(x0, y + 4.0, 16.0 + words.text_width(), 14.0));
}

/// The sign of a lock, 9 units wide, around (x, y): closed or open.
pub fn lock_sign(scene: &mut Scene, x: f32, y: f32, tone: Tone, closed: bool) {
    let lift = if closed { 0.0 } else { -2.0 };
    scene
        .path(|p| {
            p.move_to(x - 2.8, y - 1.0 + lift).line_to(x - 2.8, y - 2.5 + lift).arc_to(
                2.8,
                true,
                x + 2.8,
                y - 2.5 + lift,
            );
            if closed {
                p.line_to(x + 2.8, y - 1.0);
            }
        })
        .stroke(tone)
        .width(1.5);
    scene.rect(x - 4.5, y - 1.0, 9.0, 6.5).round(1.5).fill(tone);
}

#[cfg(test)]
mod tests {
    use super::super::{View, svg};
    use super::*;

    fn draw(now_us: u64) -> String {
        let actors = [
            Actor { name: "client", note: &"", state: NodeState::Up, hit: None },
            Actor { name: "store", note: &"", state: NodeState::Down, hit: Some(Hit::Node(1)) },
        ];
        let s = Swim {
            area: Area::new(0.0, 0.0, 400.0, 140.0),
            t0_us: 0,
            t1_us: 1_000_000,
            now_us,
            actors: &actors,
            label_w: 80.0,
        };
        let mut scene = Scene::new();
        scene.begin(&View::wide(140.0));
        swim(&mut scene, &s, |scene, placer| {
            let m = |lost, sent_us, label| Message {
                from: 0,
                to: 1,
                sent_us,
                arrive_us: sent_us + 200_000,
                outcome: Outcome::Ok,
                lost,
                label,
                hit: None,
            };
            message(scene, &s, placer, &m(false, 100_000, &"reserve"));
            message(scene, &s, placer, &m(true, 500_000, &"charge"));
            step(
                scene,
                &s,
                placer,
                &Step { actor: 1, at_us: 300_000, outcome: Outcome::Undo, label: &"undone", hit: None },
            );
            busy(scene, &s, 1, 300_000, None, Tone::Flight);
            lock(scene, &s, placer, &Lock { actor: 1, taken_us: 300_000, released_us: None, holder: &"order 7" });
        });
        svg::fragment(&scene, "")
    }

    #[test]
    fn nothing_is_drawn_before_it_happens() {
        let early = draw(50_000);
        assert!(!early.contains("reserve") && !early.contains("charge") && !early.contains("undone"));
        let mid = draw(200_000);
        assert!(mid.contains(">reserve<") && mid.contains("<circle"));
        let late = draw(900_000);
        assert!(late.contains(">undone<") && late.contains(">order 7, 600 ms<") && late.contains(">down<"), "{late}");
        assert!(late.contains("s-rejected"));
    }
}
