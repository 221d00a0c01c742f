//! A shelf of keys and values with their ages: a cache, a replica, a store.

use super::number;
use super::scene::{Area, Hit, Outcome, Scene, Tone, Words};

/// One key of a shelf.
pub struct Row<'a> {
    pub key: Words<'a>,
    /// The value as text; `&""` shows an empty place.
    pub value: Words<'a>,
    /// How old the value is, in microseconds.
    pub age_us: Option<u64>,
    /// How it stands: `Ok` fresh, `Stale`, `Waiting` being loaded, `Rejected` lost.
    pub state: Outcome,
    pub hit: Option<Hit>,
}

/// A titled shelf. Rows are 24 units high, the title takes 22; rows that do not fit are counted in a last line.
pub struct Shelf<'a> {
    pub area: Area,
    pub title: &'a str,
    pub rows: &'a [Row<'a>],
}

/// Draws a shelf.
pub fn shelf(scene: &mut Scene, shelf: &Shelf<'_>) {
    let a = shelf.area;
    let top = if shelf.title.is_empty() { 0.0 } else { 22.0 };
    if top > 0.0 {
        scene.text(a.x, a.y + 13.0, 13.0, shelf.title).bold().fit(a.w);
    }
    let frame = Area::new(a.x, a.y + top, a.w, a.h - top);
    scene.rect(frame.x, frame.y, frame.w, frame.h).round(10.0).fill(Tone::Panel).stroke(Tone::Ink2);
    let fitting = ((frame.h - 4.0) / 24.0).max(0.0) as usize;
    let shown = if shelf.rows.len() > fitting { fitting.saturating_sub(1) } else { shelf.rows.len() };
    for (i, row) in shelf.rows[..shown].iter().enumerate() {
        let y = frame.y + 2.0 + i as f32 * 24.0;
        if i > 0 {
            scene.line(frame.x + 10.0, y, frame.right() - 10.0, y).width(1.0);
        }
        if let Some(hit) = row.hit {
            scene.rect(frame.x + 2.0, y, frame.w - 4.0, 24.0).hit(hit);
        }
        let mid = y + 12.0;
        scene.outcome(frame.x + 14.0, mid, row.state, 4.5);
        // Key, value and age share the width; the age is the shortest and keeps its place at the right.
        let age_w = if row.age_us.is_some() { 62.0 } else { 0.0 };
        let room = frame.w - 26.0 - 10.0 - age_w;
        scene.text(frame.x + 26.0, mid, 12.0, row.key).mono().vcenter().tone(Tone::Ink2).fit(room * 0.5 - 6.0);
        let value = scene.text(frame.x + 26.0 + room, mid, 12.0, row.value).mono().bold().vcenter().end();
        value.tone(if row.state == Outcome::Ok { Tone::Ink } else { row.state.tone() }).fit(room * 0.5);
        if let Some(age) = row.age_us {
            scene
                .text(frame.right() - 10.0, mid, 11.0, number::duration_us(age))
                .mono()
                .vcenter()
                .end()
                .tone(Tone::Ink3)
                .fit(age_w - 6.0);
        }
    }
    if shown < shelf.rows.len() {
        let y = frame.y + 2.0 + shown as f32 * 24.0 + 12.0;
        scene
            .text(frame.x + 26.0, y, 11.0, format_args!("and {} more", shelf.rows.len() - shown))
            .vcenter()
            .tone(Tone::Ink3);
    }
}

#[cfg(test)]
mod tests {
    use super::super::{View, svg};
    use super::*;

    #[test]
    fn rows_have_key_value_age_and_state() {
        let mut s = Scene::new();
        s.begin(&View::wide(200.0));
        let row =
            |v| Row { key: &"cart", value: v, age_us: Some(1_500_000), state: Outcome::Stale, hit: Some(Hit::Node(1)) };
        let rows = [row(&"v1"), row(&"v2"), row(&"v3"), row(&"v4")];
        shelf(&mut s, &Shelf { area: Area::new(0.0, 0.0, 200.0, 22.0 + 76.0), title: "replica 1", rows: &rows });
        let svg = svg::fragment(&s, "");
        assert!(
            svg.contains(">replica 1<") && svg.contains(">cart<") && svg.contains(">v2<") && svg.contains(">1.50 s<")
        );
        assert!(svg.contains(">and 2 more<") && !svg.contains(">v3<"), "{svg}");
        assert!(svg.contains("f-stale"));
    }
}
