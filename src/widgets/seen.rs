//! What every picture begins with: the run, its model, the layout that is wanted, and the load drawn over time.

use crate::draw::flights::{Flight, Tracks, flight};
use crate::draw::number::count;
use crate::draw::plot::{Layer, Range, Series, Stacked, stacked};
use crate::draw::{Area, Dash, Outcome, Scene, Side, Tone, View};
use sim::look::{Fate, Sample};
use sim::{Live, Us};

/// A run with the model of its question, as a picture looks at it. A picture is a set of methods on `Seen` of its
/// model: one for each layout, and one for each part of it.
pub struct Seen<'a, M> {
    pub live: &'a dyn Live,
    pub model: &'a M,
    pub view: &'a View,
    pub now: Us,
}

/// The layouts of a picture: wide, narrow, and both again for a side of an A|B.
pub type Layouts<'a, M> = [fn(&Seen<'a, M>, &mut Scene); 4];

impl<'a, M: 'static> Seen<'a, M> {
    /// The layout that the view wants; nothing if the run is another question's.
    pub fn draw(live: &'a dyn Live, view: &'a View, scene: &mut Scene, layouts: Layouts<'a, M>) {
        if let Some(seen) = Seen::of(live, view) {
            let which = 2 * usize::from(view.side != Side::Only) + usize::from(view.narrow);
            layouts[which](&seen, scene);
        }
    }

    pub fn of(live: &'a dyn Live, view: &'a View) -> Option<Seen<'a, M>> {
        Some(Seen { live, model: live.model().downcast_ref()?, view, now: Us(view.now_us) })
    }
}

impl<M> Seen<'_, M> {
    /// A number of the question, 0 while it cannot be said.
    pub fn number(&self, which: usize) -> f64 {
        self.live.number(which as u8).unwrap_or(0.0)
    }
}

/// The sign of a fate.
pub fn outcome(fate: Fate) -> Outcome {
    match fate {
        Fate::Open => Outcome::Flight,
        Fate::Good | Fate::Loaded => Outcome::Ok,
        Fate::Stale | Fate::Late | Fate::Left => Outcome::Stale,
        Fate::Later => Outcome::Waiting,
        Fate::Refused | Fate::Failed | Fate::Lost => Outcome::Rejected,
    }
}

/// A request that is drawn, on its way out or back.
pub fn fly<W>(scene: &mut Scene, view: &View, tracks: &Tracks, s: &Sample<W>, size: f32, off: f32) {
    let back = (s.fate != Fate::Open).then(|| (s.end.0, outcome(s.fate)));
    flight(scene, view, tracks, &Flight { id: s.id, size, off, at_us: s.at.0, back });
}

/// A row of the history: its number by its index.
pub type Cell<'a> = &'a dyn Fn(usize) -> f64;

/// What became of the load, over time: answered in time and lost, stacked up to what was offered, with a line for what
/// could be done.
pub struct Load<'a> {
    pub area: Area,
    pub caption: &'a str,
    /// The name of the line.
    pub line: &'a str,
    /// In time, lost, and the line, a second, in a row of the history.
    pub row: &'a dyn Fn(Cell) -> [f64; 3],
}

impl Load<'_> {
    pub fn draw(&self, live: &dyn Live, now: Us, scene: &mut Scene) {
        let history = live.history();
        let rows = (0..history.rows()).take_while(|r| history.time(*r) <= now);
        let (mut xs, mut good, mut lost, mut line) = (vec![0.0], vec![0.0], vec![0.0], Vec::new());
        let mut top = 1.0f64;
        for r in rows {
            let at = history.time(r).0 as f64;
            let [g, l, c] = (self.row)(&|n| f64::from(history.get(r, n)).max(0.0));
            xs.push(at);
            good.push(g);
            lost.push(l);
            line.push((at, c));
            top = top.max(g + l).max(c);
        }
        if xs.len() == 1 {
            xs.clear();
        }
        stacked(
            scene,
            &Stacked {
                area: self.area,
                x: Range::time(0, now.0.max(20_000_000)),
                y: Range::from_zero(top, "/s"),
                xs: &xs,
                layers: &[
                    Layer { label: "in time", tone: Tone::Ok, values: &good },
                    Layer { label: "lost", tone: Tone::Rejected, values: &lost },
                ],
                lines: &[Series::new(self.line, &line, Tone::Ink).dash(Dash::Dashed).stepped()],
                bounds: &[],
                caption: &self.caption,
                cursor: None,
            },
        );
    }
}

/// A share in whole per cent, so that numbers beside moving things stand still.
pub fn whole(share: f64) -> String {
    format!("{} %", count((share * 100.0).max(0.0).round() as u64))
}

/// A list of facts: label on the left, value on the right, red where it is bad; as many rows as there are fill the
/// area. The lines between them lie `rule` above the text.
pub fn facts(scene: &mut Scene, a: Area, rows: &[(&str, String, bool)], rule: f32) {
    let step = a.h / rows.len() as f32;
    for (i, (label, value, bad)) in rows.iter().enumerate() {
        let y = a.y + step * i as f32 + 11.0;
        scene.text(a.x, y, 11.0, *label).tone(Tone::Ink3);
        scene.text(a.right(), y, 12.0, value.as_str()).end().tone(if *bad { Tone::Rejected } else { Tone::Ink });
        if i > 0 {
            scene.line(a.x, y - rule, a.right(), y - rule).width(1.0);
        }
    }
}
