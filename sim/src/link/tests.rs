use super::*;
use crate::kernel::Input;
use crate::questions;
use proptest::prelude::*;

proptest! {
    /// Whatever stands in the address, there is an answer and no panic, and what is read is something that can run.
    #[test]
    fn nothing_in_a_link_panics(text in "[A-Za-z0-9_-]{0,80}", bytes in prop::collection::vec(any::<u8>(), 0..120), version in 0u8..5) {
        for q in questions::ALL {
            let mut body = vec![version];
            body.extend(&bytes);
            for text in [text.clone(), Base64UrlUnpadded::encode_string(&body)] {
                if let Ok((shared, notes)) = decode(q, &text) {
                    prop_assert!(notes.len() <= NOTES_MAX + 1);
                    prop_assert!(shared.moment.at <= q.last() && shared.furthest <= q.last());
                    for (k, v) in q.knobs.iter().zip(shared.a.knobs.values()) {
                        prop_assert!(k.allows(*v));
                    }
                }
            }
        }
    }

    /// A link in which one byte is another is read or refused, in words; what it says is within bounds.
    #[test]
    fn a_link_with_a_slip_is_read_or_refused(which in 0usize..100, at in 0usize..400, byte: u8, seed: u64) {
        let q = questions::ALL[which % questions::ALL.len()];
        let mut bytes = body(&busy(q, seed), &[]);
        let at = at % bytes.len();
        bytes[at] = byte;
        if let Err(why) = decode(q, &Base64UrlUnpadded::encode_string(&bytes)) {
            prop_assert!(why.ends_with('.'));
        }
    }

    #[test]
    fn any_run_comes_back(which in 0usize..100, seed: u64, count in 0usize..60) {
        let q = questions::ALL[which % questions::ALL.len()];
        let mut shared = busy(q, seed);
        shared.a.inputs = acts(q, seed, count);
        // Side B and what was left behind share some of A's acts, and have some of their own at the same times.
        let some = |keep: u64, own: usize| {
            let mut value = shared.a.clone();
            let mut i = 0;
            value.inputs.retain(|_| { i += 1; i % keep != 0 });
            value.inputs.extend(acts(q, seed ^ keep, own));
            crate::order::by_key(&mut value.inputs, |i| i.at);
            value
        };
        shared.b = Some(some(3, 2));
        shared.futures = vec![
            Future { forked_at: Us(5), value: some(2, 0) },
            Future { forked_at: Us::s(7), value: some(7, count) },
        ];
        let (back, notes) = decode(q, &format!("#r={}", encode(&shared))).expect("reads back");
        prop_assert_eq!(notes, Vec::<String>::new());
        prop_assert_eq!(back, shared);
    }
}

/// So many acts and knobs, anywhere in two minutes, some at one time.
fn acts(q: &'static Question, seed: u64, count: usize) -> Vec<Input> {
    let mut state = seed | 1;
    let mut draw = move |below: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    };
    let mut inputs: Vec<Input> = (0..count)
        .map(|_| {
            let at = if draw(4) == 0 { Us::s(draw(9)) } else { Us(draw(120_000_000)) };
            let live: Vec<usize> = (0..q.knobs.len()).filter(|k| q.knobs[*k].live).collect();
            let what = if draw(3) == 0 && !live.is_empty() {
                let knob = live[draw(live.len() as u64) as usize];
                What::Knob { knob: knob as u8, value: [q.knobs[knob].min, q.knobs[knob].max][draw(2) as usize] }
            } else {
                let act = draw(q.acts.len() as u64) as usize;
                let mut args = [0.0; 3];
                for (slot, arg) in args.iter_mut().zip(q.acts[act].args) {
                    *slot = [arg.min, arg.default, arg.max][draw(3) as usize];
                }
                What::Act { act: act as u8, args }
            };
            Input { at, what }
        })
        .collect();
    inputs.sort_by_key(|i| i.at);
    inputs
}

/// A run with everything in it.
fn busy(q: &'static Question, seed: u64) -> Shared {
    let mut a = RunValue::new(q);
    a.seed = seed;
    for (i, k) in q.knobs.iter().enumerate() {
        a.knobs.set(i as u8, if i % 2 == 0 { k.max } else { k.min });
    }
    a.inputs = acts(q, seed, 20);
    Shared {
        b: Some(RunValue::new(q)),
        moment_b: Moment { at: Us(2_000_001), events: u64::MAX },
        furthest: Us::s(3),
        speed_milli: 250,
        playing: true,
        until: Some(Us::ms(62_500).min(q.horizon)),
        origin: Some(Origin::Experiment(hash("boundary"), Some(2))),
        check: Some(0xbeef),
        ..Shared::one(a, Moment { at: Us(2_000_001), events: 99 })
    }
}

#[test]
fn a_link_gives_the_same_run_back() {
    for q in questions::ALL {
        let shared = busy(q, 77);
        let (back, notes) = decode(q, &format!("#r={}", encode(&shared))).expect("reads back");
        assert_eq!(notes, Vec::<String>::new());
        assert_eq!(back, shared);
    }
}

/// A thousand acts with several runs left behind: right, and a fork costs only what it differs in.
#[test]
fn a_thousand_inputs_come_back() {
    for q in questions::ALL {
        let mut shared = busy(q, 5);
        shared.a.inputs = acts(q, 9, 1_000);
        shared.b = Some(shared.a.clone());
        let alone = encode(&shared).len();
        for fork in 1..=FUTURES_MAX {
            let mut value = shared.a.clone();
            value.inputs.remove(fork * 100);
            shared.futures.push(Future { forked_at: value.inputs[fork * 100].at, value });
        }
        let text = encode(&shared);
        assert_eq!(decode(q, &text).map(|(back, _)| back), Ok(shared), "{}", q.slug);
        assert!(alone < 16_000, "{}: {alone} characters", q.slug);
        assert!(text.len() - alone < 20 * FUTURES_MAX, "{}: the forks take {}", q.slug, text.len() - alone);
    }
}

/// Three links as they were copied when their format was the newest. What they say must never change.
#[test]
fn links_of_every_version_are_read() {
    let q = questions::find("rate-limiter-design").expect("a question");
    let knob = |run: &RunValue, key: &str| run.knobs.get(q.knob(key).expect("a knob") as usize);
    for (version, link) in FROZEN {
        let (shared, notes) = decode(q, link).unwrap_or_else(|why| panic!("version {version}: {why}"));
        assert!(notes.iter().all(|n| n.contains("older version") || n.contains("has been changed")), "{notes:?}");
        assert_eq!((shared.a.seed, shared.moment.at), (9, Us(61_500_000)), "version {version}");
        assert_eq!(knob(&shared.a, "limit"), 50.0, "version {version}");
        let inputs: Vec<String> = shared.a.inputs.iter().map(|i| crate::script::show_input(q, i)).collect();
        assert_eq!(inputs, ["59.9s burst count=40 spread_ms=0 client=1", "60.25s set load=2"], "version {version}");
        let b = shared.b.expect("two sides");
        assert_eq!((b.seed, knob(&b, "limit"), b.inputs.len()), (9, 60.0, 1), "version {version}");
    }
}

const FROZEN: [(u8, &str); 3] = [
    (
        1,
        "#r=AXNlZWQgOQphdCA2MS41cwpsaW1pdD01MAo1OS45cyBidXJzdCBjb3VudD00MAo2MC4yNXMgc2V0IGxvYWQ9MgpiOnNlZWQgOQpiOmxpbWl0PTYwCmI6NTkuOXMgYnVyc3QgY291bnQ9NDA",
    ),
    (2, "#r=AgEJAQFkAALggMgcAQNQAAAAAgCwrhWFAQQAAQkBAXgAAeCAyBwBA1AAAAACAODUqR2JBqsE9AMA"),
    (3, "#r=AwIPAT2eEwOgH-sCGzI0EgcJAZADAALeEgnAAvkKLBAFAeADAQEBAA"),
];

#[test]
fn what_cannot_be_used_is_said_in_words() {
    let Some(q) = questions::ALL.first() else { return };
    let bytes = body(&busy(q, 7), &[]);
    let read = |bytes: &[u8]| decode(q, &Base64UrlUnpadded::encode_string(bytes));
    for version in [4, 9, 255] {
        let forged: Vec<u8> = std::iter::once(version).chain(bytes[1..].iter().copied()).collect();
        assert!(read(&forged).is_err_and(|e| e.contains("newer version of this page")));
    }
    for cut in 1..bytes.len() {
        assert!(read(&bytes[..cut]).is_err_and(|e| e.contains("damaged")), "cut after {cut} bytes");
    }
    assert!(read(&[&bytes[..], &[0]].concat()).is_err_and(|e| e.contains("damaged")), "something behind its end");
    assert!(read(&[]).is_err() && read(&[0, 1, 2]).is_err());
    assert!(decode(q, &"A".repeat(1 << 20)).is_err_and(|e| e.contains("1048576 characters")));
    assert!(decode(q, "%%%").is_err_and(|e| e.contains("damaged")));
    let mut newer = bytes.clone();
    newer[3] = 127;
    assert!(read(&newer).is_err_and(|e| e.contains("newer version of this question")));
    let mut other = bytes;
    other[1] ^= 1;
    let (shared, notes) = read(&other).expect("is read all the same");
    assert!(notes.len() == 1 && notes[0].contains("has been changed"), "{notes:?}");
    assert_eq!((shared.check, shared.moment.events), (None, u64::MAX), "what was counted then says nothing now");
}

/// The largest link there can be, forged to repeat itself: bounded work, bounded memory, few sentences.
#[test]
fn a_forged_link_costs_no_more_than_a_long_one() {
    for q in questions::ALL {
        let mut w = Writer(body(&Shared::one(RunValue::new(q), Moment::default()), &[]));
        w.0.pop();
        // Side A: no knobs, no stretches dropped, more acts than there are bytes.
        for n in [1, 0, u64::MAX] {
            w.whole(n);
        }
        while w.0.len() < LINK_CHARS_MAX * 3 / 4 - 8 {
            w.0.extend([0, 0xf0, 1]);
        }
        assert!(decode(q, &Base64UrlUnpadded::encode_string(&w.0)).is_err(), "the acts it promises are not there");
        let mut far = Shared::one(RunValue::new(q), Moment { at: q.horizon * 3, events: 0 });
        let what = act_of(q, 0, &[]).expect("the first act as declared");
        far.a.inputs = vec![Input { at: Us::ZERO, what }; INPUTS_MAX + 500];
        far.futures = vec![Future { forked_at: Us::ZERO, value: far.a.clone() }; FUTURES_MAX];
        let (back, notes) = decode(q, &encode(&far)).expect("is read");
        assert_eq!(back.moment.at, q.horizon);
        assert!(back.a.inputs.len() == INPUTS_MAX && back.futures.iter().all(|f| f.value.inputs.len() <= INPUTS_MAX));
        assert!(notes.iter().any(|n| n.contains("beyond the end")), "{notes:?}");
        assert_eq!(notes.iter().filter(|n| n.contains("more than 20000 acts")).count(), 1, "{notes:?}");
    }
}

#[test]
fn what_is_done_after_the_end_is_left_out() {
    for q in questions::ALL {
        let what = act_of(q, 0, &[]).expect("the first act as declared");
        let of = |times: &[Us]| RunValue {
            inputs: times.iter().map(|at| Input { at: *at, what }).collect(),
            ..RunValue::new(q)
        };
        let mut shared = Shared::one(of(&[Us(1), q.horizon, q.last(), q.last() + Us(1)]), Moment::default());
        shared.b = Some(of(&[Us(u64::MAX / 8)]));
        shared.futures = vec![Future { forked_at: Us(u64::MAX / 8), value: of(&[q.horizon + Us::s(1)]) }];
        let (back, notes) = decode(q, &encode(&shared)).expect("is read");
        assert_eq!(back.a, of(&[Us(1), q.horizon, q.last()]));
        assert_eq!(back.b, Some(of(&[])));
        assert_eq!(back.futures, [Future { forked_at: q.last(), value: of(&[]) }]);
        assert_eq!(notes, ["The link has acts after the end of the timeline (3), which were left out."]);
        assert_eq!(decode(q, &encode(&back)), Ok((back, Vec::new())));
    }
}
