//! What every picture must keep, in every layout: texts are legible and apart, nothing leaves the picture.

use super::Picture;
use crate::draw::{Scene, Side, View, check, svg};
use sim::{Kind, Live, Question, RunValue, Us, golden, script};

/// The four layouts at their heights: wide, narrow, and a side of an A|B of each.
pub fn views(picture: &Picture) -> [View; 4] {
    let h = picture.height;
    [
        View::wide(h.wide),
        View::narrow(h.narrow),
        View { side: Side::A, ..View::wide(h.wide_ab) },
        View { side: Side::B, ..View::narrow(h.narrow_ab) },
    ]
}

/// The picture of the run at its moment, where all must be well.
pub fn drawn(picture: &Picture, live: &dyn Live, view: View) -> Scene {
    let view = view.at(live.moment().at.0);
    let mut scene = Scene::new();
    scene.begin(&view);
    (picture.draw)(live, &view, &mut scene);
    let problems = check::text_problems(&scene);
    assert!(problems.is_empty(), "{} at {} µs, {view:?}: {problems:#?}", picture.slug, view.now_us);
    let mut alone = Scene::new();
    alone.begin_particles(&view);
    (picture.draw)(live, &view, &mut alone);
    let moment = view.now_us;
    assert_eq!(alone.particles(), scene.particles(), "{} at {moment} µs: the particles alone are others", picture.slug);
    for p in scene.particles() {
        let inside = (0.0..=view.width).contains(&p.x) && (0.0..=view.height).contains(&p.y);
        assert!(inside, "{} at {} µs, {view:?}: {p:?}", picture.slug, view.now_us);
    }
    scene
}

/// The same as text: `contains` finds words and elements.
pub fn text(picture: &Picture, live: &dyn Live, view: View) -> String {
    svg::fragment(&drawn(picture, live, view), "")
}

/// A run with these knobs and these inputs, as addresses write them: `10s outage(lasts=2)`.
pub fn value(q: &'static Question, knobs: &[(&str, &str)], inputs: &[&str]) -> RunValue {
    let mut value = RunValue::new(q);
    for (key, text) in knobs {
        script::set_knob(q, &mut value.knobs, key, text).unwrap();
    }
    value.inputs = inputs.iter().map(|i| script::parse_input(q, i).unwrap()).collect();
    value
}

/// Draws every layout at these moments of a run; all of these words must be in each.
pub fn stages(picture: &Picture, value: RunValue, at_ms: &[u64], words: &[&str]) {
    let mut run = value.question.run(value);
    for ms in at_ms {
        run.advance(Us::ms(*ms), u64::MAX);
        for view in views(picture) {
            let text = text(picture, &*run, view);
            for word in words {
                assert!(text.contains(word), "{} at {ms} ms, {view:?}: no \"{word}\"", picture.slug);
            }
        }
    }
}

/// The same for every option of every choice and switch but these, with everything broken (the golden run's inputs).
pub fn choices(
    picture: &Picture,
    q: &'static Question,
    but: &[&str],
    set: &[(&str, f64)],
    at_ms: &[u64],
    words: &[&str],
) {
    for (i, k) in q.knobs.iter().enumerate() {
        if !matches!(k.kind, Kind::Choice(_) | Kind::Toggle) || but.contains(&k.key) {
            continue;
        }
        for v in 0..=k.max as usize {
            let mut value = golden::value(q, 1);
            for (key, v) in set {
                value.knobs.set(q.knob(key).unwrap(), *v);
            }
            value.knobs.set(i as u8, v as f64);
            println!("{}={v}", k.key);
            stages(picture, value, at_ms, words);
        }
    }
}
