//! What a scene promises to the pictures and the renderers.

use super::*;

fn num(v: f32) -> String {
    let mut s = String::new();
    push_num(&mut s, v);
    s
}

#[test]
fn numbers_are_short_and_exact_to_a_tenth() {
    assert_eq!(num(0.0), "0");
    assert_eq!(num(12.0), "12");
    assert_eq!(num(12.34), "12.3");
    assert_eq!(num(-0.26), "-0.3");
    assert_eq!(num(-0.01), "0");
    assert_eq!(num(859.96), "860");
    let mut s = String::new();
    push_fixed(&mut s, 5, 2);
    assert_eq!(s, "0.05");
    s.clear();
    push_fixed(&mut s, i32::MIN, 1);
    assert_eq!(s, "-214748364.8");
}

#[test]
fn a_frame_reuses_the_memory_of_the_last() {
    let mut scene = Scene::new();
    let view = View::wide(100.0);
    let fill = |scene: &mut Scene| {
        scene.begin(&view);
        for i in 0..200u16 {
            scene.text(0.0, 20.0, 12.0, format_args!("request {i}"));
            scene.mark(f32::from(i), 0.0, Outcome::Ok, None);
        }
    };
    fill(&mut scene);
    let before = (scene.items.capacity(), scene.arena.capacity(), scene.particles.capacity());
    fill(&mut scene);
    assert_eq!(before, (scene.items.capacity(), scene.arena.capacity(), scene.particles.capacity()));
}

#[test]
fn fit_shortens_only_what_is_too_wide() {
    let mut scene = Scene::new();
    scene.begin(&View::wide(100.0));
    scene.text(0.0, 20.0, 12.0, "short").fit(100.0);
    scene.text(0.0, 20.0, 12.0, "a label that is far too long").fit(60.0).tip("whole");
    let texts: Vec<&str> = scene
        .items()
        .iter()
        .filter_map(|i| match i.shape {
            Shape::Text { text, .. } => Some(scene.str(text)),
            _ => None,
        })
        .collect();
    assert_eq!(texts[0], "short");
    assert!(texts[1].ends_with('\u{2026}') && texts[1].len() < 16, "{}", texts[1]);
    assert_eq!(scene.str(scene.items()[1].tip), "whole");
}

#[test]
#[should_panic(expected = "at least 11")]
#[cfg(debug_assertions)]
fn small_text_is_refused() {
    let mut scene = Scene::new();
    scene.begin(&View::wide(100.0));
    scene.text(0.0, 0.0, 10.0, "no");
}

#[test]
fn a_click_in_a_lane_is_a_time() {
    let lane = Hit::Lane { lane: 0, t0_us: 1_000_000, t1_us: 3_000_000 };
    assert_eq!(lane.time_us(0.25), Some(1_500_000));
    assert_eq!(lane.time_us(2.0), Some(3_000_000));
    assert_eq!(Hit::Node(1).time_us(0.5), None);
}

#[test]
fn a_finger_finds_what_it_just_missed() {
    let mut scene = Scene::new();
    scene.begin(&View::wide(100.0));
    scene.rect(0.0, 0.0, 20.0, 20.0).hit(Hit::Node(1));
    scene.circle(40.0, 10.0, 5.0).hit(Hit::Node(2));
    scene.circle(28.0, 10.0, 1.0);
    assert_eq!(scene.item_near(26.0, 10.0, 12.0), Some(0));
    assert_eq!(scene.item_near(30.0, 10.0, 12.0), Some(1));
    assert_eq!(scene.item_near(30.0, 60.0, 12.0), None);
}

#[test]
fn the_nearest_particle_answers() {
    let mut scene = Scene::new();
    scene.begin(&View::wide(100.0));
    scene.mark(10.0, 10.0, Outcome::Ok, Some(1));
    scene.mark(16.0, 10.0, Outcome::Ok, Some(2));
    scene.mark(12.0, 10.0, Outcome::Ok, None);
    assert_eq!(scene.particle_at(11.0, 10.0, 4.0), Some(Hit::Request(1)));
    assert_eq!(scene.particle_at(15.0, 11.0, 4.0), Some(Hit::Request(2)));
    assert_eq!(scene.particle_at(60.0, 10.0, 4.0), None);
}
