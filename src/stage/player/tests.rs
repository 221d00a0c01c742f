//! What must hold of the player, for every question.

use super::*;

fn players() -> Vec<Player> {
    crate::entries::ALL.iter().copied().map(Player::new).collect()
}

/// Plays for so many seconds of the reader's time.
fn watch(p: &mut Player, seconds: f64) {
    for _ in 0..(seconds * 60.0) as u32 {
        p.frame(1000.0 / 60.0);
    }
}

#[test]
fn every_preset_plays_by_itself_and_shows_something_within_two_seconds() {
    for mut p in players() {
        for i in 0..p.meta.presets.len() {
            p.load_preset(i);
            watch(&mut p, 2.0);
            assert!(p.now() > Us::ZERO, "{}: preset {} stands still", p.question.slug, p.meta.presets[i].id);
            // Others may wait for the reader's own hand; the one that greets must not.
            assert!(i > 0 || p.a().moment().events > 0, "{}: nothing happens at first", p.question.slug);
            assert!(p.notes.is_empty(), "{:?}", p.notes);
            if let Some(b) = p.run(Side::B) {
                // In their knobs from the start, or in what is done to them later.
                let differ = !p.differing().is_empty() || b.value().inputs != p.inputs();
                assert!(differ, "{}: both sides of {} are the same", p.question.slug, p.meta.presets[i].id);
            }
        }
    }
}

#[test]
fn a_link_brings_somebody_else_to_the_same_moment() {
    for mut p in players() {
        for i in 0..p.meta.presets.len() {
            p.load_preset(i);
            watch(&mut p, 1.0);
            for act in 0..p.question.acts.len() {
                p.act_default(act as u8, &[]);
                watch(&mut p, 0.2);
            }
            p.step_forward();
            p.step_forward();
            let mut other = Player::new(crate::entries::find(p.question.slug).unwrap());
            other.load_link(&p.link());
            assert_eq!(other.notes, Vec::<String>::new());
            assert_eq!((other.now(), other.digest()), (p.now(), p.digest()), "{}", p.question.slug);
            assert_eq!(other.inputs(), p.inputs());
            assert!(!other.playing, "a shared moment waits to be looked at");
        }
    }
}

#[test]
fn what_is_done_at_the_end_comes_back_too() {
    let quick = ["rate-limiter-design", "saga-consistency", "eventual-consistency", "rest-vs-graphql"];
    for mut p in players().into_iter().filter(|p| quick.contains(&p.question.slug)) {
        p.seek(p.question.horizon);
        for act in 0..p.question.acts.len() {
            p.act_default(act as u8, &[]);
            p.act_default(act as u8, &[]);
        }
        let mut other = Player::new(crate::entries::find(p.question.slug).unwrap());
        other.load_link(&p.link());
        assert_eq!(other.notes, Vec::<String>::new());
        assert_eq!((other.now(), other.digest()), (p.now(), p.digest()), "{}", p.question.slug);
        assert_eq!(other.inputs(), p.inputs());
        p.move_input(0, p.question.horizon * 2);
        assert!(p.inputs().iter().all(|input| input.at <= p.question.last()), "{}", p.question.slug);
    }
}

/// Anything in range.
fn draw(state: &mut u64, below: u64) -> u64 {
    *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    (*state >> 33) % below.max(1)
}

/// A value that the reader could have set: a step of a knob or an argument.
fn some_value(k: &sim::Knob, state: &mut u64) -> f64 {
    let steps = ((k.max - k.min) / k.step).round() as u64;
    let v = k.min + draw(state, steps + 1) as f64 * k.step;
    ((v * 1e6).round() / 1e6).clamp(k.min, k.max)
}

/// Something that a reader could do: break something as the button does or with any arguments, or move a knob.
fn something(q: &Question, state: &mut u64) -> What {
    let live: Vec<usize> = (0..q.knobs.len()).filter(|k| q.knobs[*k].live).collect();
    if draw(state, 4) == 0 && !live.is_empty() {
        let knob = live[draw(state, live.len() as u64) as usize];
        return What::Knob { knob: knob as u8, value: some_value(&q.knobs[knob], state) };
    }
    let act = draw(state, q.acts.len() as u64) as usize;
    let as_declared = draw(state, 2) == 0;
    let mut args = [0.0; 3];
    for (slot, arg) in args.iter_mut().zip(q.acts[act].args) {
        *slot = if as_declared { arg.default } else { some_value(arg, state) };
    }
    What::Act { act: act as u8, args }
}

/// Every preset with ten things done to it at any time: short enough for a chat.
#[test]
fn links_of_ordinary_runs_are_short() {
    let mut lengths = Vec::new();
    for mut p in players() {
        for i in 0..p.meta.presets.len() {
            let state = &mut (i as u64 * 77 + 5);
            p.load_preset(i);
            let end = p.end().min(Us::s(120));
            let done = (0..10).map(|_| Input { at: Us(draw(state, end.0)), what: something(p.question, state) });
            let done: Vec<Input> = done.collect();
            let more = |run: &dyn Live| {
                let mut value = run.value().clone();
                value.inputs.extend(&done);
                order::by_key(&mut value.inputs, |i| i.at);
                value
            };
            let (a, b) = (more(&*p.a), p.b.as_deref().map(more));
            p.start(a, b);
            p.seek(Us(1_234_567));
            lengths.push((p.link().len(), format!("{}/{}", p.question.slug, p.meta.presets[i].id)));
        }
    }
    lengths.sort();
    let (median, longest) = (&lengths[lengths.len() / 2], &lengths[lengths.len() - 1]);
    println!("{} presets with ten acts: median {median:?}, longest {longest:?}", lengths.len());
    assert!(longest.0 <= 200, "{longest:?}");
}

#[test]
fn a_link_brings_the_forks_the_end_and_the_name_along() {
    for mut p in players() {
        p.load_preset(0);
        let state = &mut 11;
        watch(&mut p, 1.0);
        let far = p.now();
        for fork in 1..4 {
            p.seek(Us(far.0 * fork / 5));
            match something(p.question, state) {
                What::Act { act, args } => p.act(act, args),
                What::Knob { knob, value } => p.set_knob(Side::A, knob, value),
            }
            watch(&mut p, 0.3);
        }
        p.seek(Us(far.0 / 3));
        let mut other = Player::new(crate::entries::find(p.question.slug).unwrap());
        other.load_link(&p.link());
        assert_eq!(other.notes, Vec::<String>::new(), "{}", p.question.slug);
        assert_eq!((other.futures.len(), &other.futures), (p.futures.len(), &p.futures), "{}", p.question.slug);
        assert_eq!((other.preset, other.until, other.speed), (p.preset, p.until, p.speed));
        assert_eq!((other.now(), other.frontier(), other.span()), (p.now(), p.frontier(), p.span()));
        assert_eq!(other.digest(), p.digest());
    }
}

#[test]
fn a_link_of_an_experiment_is_one() {
    for mut p in players() {
        let Some(t) = p.meta.tries.iter().find(|t| t.until_us <= 60_000_000) else { continue };
        p.load_experiment(t, Some(1));
        p.seek(Us(t.until_us));
        let measured = p.trial.map(|t| t.measured);
        // Before its end, at its end, and rewound from there.
        for at in [t.until_us, t.until_us / 2] {
            p.seek(Us(at));
            let mut other = Player::new(crate::entries::find(p.question.slug).unwrap());
            other.load_link(&p.link());
            let trial = other.trial.expect("an experiment");
            assert_eq!((trial.experiment.id, trial.guess), (t.id, Some(1)));
            assert_eq!((other.preset, other.digest()), (None, p.digest()));
            assert_eq!(Some(trial.measured), measured, "{}/{} at {at}", p.question.slug, t.id);
        }
    }
}

#[test]
fn a_link_of_another_simulation_says_so() {
    let mut p = Player::new(crate::entries::ALL[0]);
    p.seek(Us::s(3));
    let shared = Shared { check: Some(1), ..Shared::one(p.a.value().clone(), p.a.moment()) };
    p.load_link(&link::encode(&shared));
    assert_eq!(p.notes, [link::ANOTHER_RUN]);
    assert_eq!(p.now(), Us::s(3));
    let gone = Shared { origin: Some(Origin::Preset(1)), ..Shared::one(p.a.value().clone(), Moment::default()) };
    p.notes.clear();
    p.load_link(&link::encode(&gone));
    assert!(p.notes.len() == 1 && p.notes[0].contains("no longer part"), "{:?}", p.notes);
    p.notes.clear();
    // Events that cannot have happened by then: it stands somewhere sensible and plays on.
    let forged = Shared { check: Some(1), ..Shared::one(p.a.value().clone(), Moment { at: Us::s(60), events: 3 }) };
    p.load_link(&link::encode(&forged));
    assert_eq!((p.now(), p.notes.len()), (Us::s(60), 1));
    p.playing = true;
    watch(&mut p, 0.2);
}

#[test]
fn the_names_in_links_tell_presets_apart() {
    for p in players() {
        let ids = p.meta.presets.iter().map(|p| p.id).chain(p.meta.tries.iter().map(|t| t.id));
        let ids: std::collections::BTreeSet<&str> = ids.collect();
        let hashes: std::collections::BTreeSet<u16> = ids.iter().map(|id| link::hash(id)).collect();
        assert_eq!(hashes.len(), ids.len(), "{}", p.question.slug);
    }
}

#[test]
fn another_window_shows_the_same_run_and_may_change_it() {
    for mut main in players() {
        let mut other = Player::new(crate::entries::find(main.question.slug).unwrap());
        let told = |p: &Player| Reflection::parse(&p.reflection().to_line()).unwrap();
        let Some(act) = main.question.acts.iter().position(|a| a.fault) else { continue };
        for i in 0..main.meta.presets.len() {
            main.load_preset(i);
            watch(&mut main, 0.5);
            other.follow(&told(&main), 0.25);
            assert_eq!((other.digest(), other.preset), (main.digest(), Some(i)), "{}", main.question.slug);

            // The other leads by a little when it breaks something: here that happens now.
            watch(&mut other, 0.1);
            let (before, inputs) = (main.now(), main.inputs().len());
            other.act_default(act as u8, &[]);
            let new = main.take(&told(&other), 0.25);
            assert_eq!(new.len(), 1, "{}: {}", main.question.slug, main.meta.presets[i].id);
            assert!(main.now() >= before && main.now().0 <= before.0 + 2, "nothing jumps");
            assert_eq!((main.inputs().len(), main.futures.len()), (inputs + 1, 0));
            main.playing = false;
            other.follow(&told(&main), 0.25);
            assert_eq!(other.digest(), main.digest());
            assert!(!other.playing);

            // It seeks.
            other.seek(Us(main.now().0 * 3 / 7));
            assert_eq!(main.take(&told(&other), 0.25), []);
            let here = format!(
                "{} {}: {:?} {:?}",
                main.question.slug,
                main.meta.presets[i].id,
                main.a().moment(),
                other.a().moment()
            );
            assert_eq!((main.now(), main.digest()), (other.now(), other.digest()), "{here}");
        }
        for t in main.tries.iter().take(2) {
            main.load_experiment(t, Some(1));
            main.playing = false;
            other.follow(&told(&main), 0.25);
            assert_eq!(other.trial.map(|t| (t.experiment.id, t.guess)), Some((t.id, Some(1))));
            assert_eq!((other.span(), other.digest()), (main.span(), main.digest()));
        }
    }
    for foreign in ["", "run", "run\t1", "run\t\t\t\t\t\t\t\t\t"] {
        assert_eq!(Reflection::parse(foreign), None, "{foreign:?}");
    }
}

#[test]
fn what_is_hidden_leaves_no_line() {
    let mut p = players().remove(0);
    let act = p.question.acts.iter().position(|a| a.fault).unwrap();
    watch(&mut p, 1.0);
    p.act_default(act as u8, &[]);
    let own = |p: &Player| {
        p.log(Side::A, |t| t == Tone::Fault, 80, |_| String::new())
            .iter()
            .filter(|r| r.text.starts_with("You:"))
            .count()
    };
    let before = own(&p);
    p.hidden.push(p.inputs().last().unwrap().at);
    assert_eq!(own(&p), before - 1);
}

#[test]
fn acting_in_the_past_keeps_the_future_for_comparison() {
    for mut p in players() {
        let Some(act) = p.question.acts.iter().position(|a| a.fault) else { continue };
        p.load_preset(0);
        watch(&mut p, 2.0);
        let (end, before) = (p.now(), p.digest());
        p.seek(Us(end.0 / 2));
        p.act_default(act as u8, &[]);
        assert_eq!(p.futures.len(), 1, "{}", p.question.slug);
        p.compare_future(0);
        p.seek(end);
        let b = p.run(Side::B).map(|b| format!("{:016x}", b.digest()));
        assert!(
            p.meta.presets[0].b.is_some() || b.as_deref() == Some(&before[..16]),
            "{}: the old future is side B",
            p.question.slug
        );
    }
}

#[test]
fn what_an_address_gets_wrong_is_said_and_the_rest_is_used() {
    for mut p in players() {
        let pairs =
            |list: &[(&str, &str)]| list.iter().map(|(k, v)| ((*k).to_string(), (*v).to_string())).collect::<Vec<_>>();
        p.load_query(&pairs(&[
            ("seed", "7"),
            ("nosuch", "1"),
            ("speed", "99"),
            ("preset", "nowhere"),
            ("autoplay", "0"),
            ("theme", "dark"),
        ]));
        assert_eq!(p.seed(), 7);
        assert!(!p.playing);
        assert_eq!(p.notes.len(), 3, "{:?}", p.notes);
        let knob = &p.question.knobs[0];
        p.notes.clear();
        p.load_query(&pairs(&[(knob.key, "not a value"), ("seed", "minus one")]));
        assert!(p.notes.iter().all(|n| n.contains("expected")), "{:?}", p.notes);
        p.notes.clear();
        p.load_link("#r=%%%");
        p.load_link("#r=AAAA");
        assert_eq!(p.notes.len(), 2);
        watch(&mut p, 0.1);
    }
}

#[test]
fn an_experiment_is_measured_in_the_run_that_was_watched() {
    for mut p in players() {
        for t in p.tries.iter().filter(|t| t.until_us <= 120_000_000) {
            p.load_experiment(t, Some(0));
            p.seek(Us(t.until_us));
            let measured = p.trial.and_then(|t| t.measured).flatten();
            assert!(
                measured.is_some_and(|m| t.right_choice(m).is_some()),
                "{}/{}: {measured:?}",
                p.question.slug,
                t.id
            );
        }
    }
}

#[test]
fn both_sides_keep_one_clock() {
    for mut p in players() {
        p.load_preset(0);
        if !p.two_sided() {
            p.toggle_sides();
        }
        watch(&mut p, 1.0);
        for (i, k) in p.question.knobs.iter().enumerate().filter(|(_, k)| k.live) {
            let v = if p.knob(Side::B, i as u8) == k.max { k.min } else { k.max };
            p.set_knob(Side::B, i as u8, v);
            assert_eq!(p.run(Side::B).map(|b| b.moment().at), Some(p.now()), "{}: {}", p.question.slug, k.key);
            watch(&mut p, 0.1);
        }
        p.act_default(0, &[]);
        assert_eq!(p.run(Side::B).map(|b| b.moment().at), Some(p.now()));
    }
}
