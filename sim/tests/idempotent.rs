//! The idempotency question: its experiments, its reference figures derived again, its laws, and the
//! enumeration of every crash, loss and repeat that one payment can meet.

mod common;

use common::{Acts, Trouble, acted, after, ask, count, number};
use proptest::prelude::*;
use sim::questions::idempotent_api::{IdempotentApi, Known, QUESTION, Reply};
use sim::{Input, Live, Us, What};

const MODES: [&str; 5] = ["none", "check-then-store", "reserve-first", "recovery-points", "provider-key"];

/// A run of scripted payments only, at this time.
fn until(knobs: &[(&str, &str)], acts: Acts, seconds: f64) -> Box<dyn Live> {
    let calm = [("rate", "0"), ("lose-request", "0"), ("lose-reply", "0")];
    let knobs: Vec<_> = calm.iter().chain(knobs).copied().collect();
    after(QUESTION.run(acted(&QUESTION, 1, &knobs, acts)), Us::from_s(seconds))
}

fn model(run: &dyn Live) -> &IdempotentApi {
    run.model().downcast_ref().unwrap()
}

fn charges(run: &dyn Live) -> u64 {
    count(run, "charges")
}

/// What the client of the first payment heard.
fn heard(run: &dyn Live) -> Option<Reply> {
    model(run).intent(0).unwrap().heard
}

// ---- the experiments ----

/// Two clicks 5 ms apart, the provider takes 400 ms.
#[test]
fn double_click() {
    for (mode, expected) in MODES.iter().zip([2, 2, 1, 1, 1]) {
        let run = until(&[("mode", mode)], &[(1.0, "pay_twice", &[]), (5.0, "send_again", &[])], 1.9);
        assert_eq!(charges(&*run), expected, "{mode}");
        assert_eq!(number(&*run, "conflicts"), if expected == 1 { 1.0 } else { 0.0 }, "{mode}");
        let first = heard(&*run).unwrap();
        // A later retry: where there are keys it hears the same bytes, and nothing more happens.
        let run = until(&[("mode", mode)], &[(1.0, "pay_twice", &[]), (5.0, "send_again", &[])], 8.0);
        let replayed = u64::from(*mode != "none");
        assert_eq!(charges(&*run), expected + 1 - replayed, "{mode}");
        assert_eq!(number(&*run, "replays"), replayed as f64, "{mode}");
        assert_eq!(heard(&*run).unwrap().body(), first.body());
        // Check-then-store told the two clicks two outcomes; the last to write is the one replayed.
        let differing = match *mode {
            "none" => 2.0,
            "check-then-store" => 2.0,
            _ => 0.0,
        };
        assert_eq!(number(&*run, "differing"), differing, "{mode}");
    }
}

/// The node dies with the provider's yes in its hand. What the customer pays, and what he learns.
#[test]
fn a_crash_after_the_provider_said_yes() {
    let crash: Acts = &[(0.5, "crash", &[2.0]), (1.0, "pay", &[])];
    for (mode, lease, expected) in [
        ("none", "60", 2),
        ("check-then-store", "60", 2),
        ("reserve-first", "0", 1),
        ("reserve-first", "60", 2),
        ("recovery-points", "60", 2),
        ("provider-key", "60", 1),
    ] {
        let run = until(&[("mode", mode), ("lease", lease)], crash, 200.0);
        assert_eq!(charges(&*run), expected, "{mode}, lease {lease}");
        let stuck = mode == "reserve-first" && lease == "0";
        let known = model(&*run).intent(0).unwrap().known;
        assert_eq!(known, if stuck { Known::Unresolved } else { Known::Paid }, "{mode}, lease {lease}");
        if stuck {
            assert!(number(&*run, "conflicts") > 3.0);
        }
    }
    // Until expiry: then the key is free, and the retry charges again.
    let knobs = [("mode", "reserve-first"), ("lease", "0"), ("retention", "100")];
    assert_eq!(charges(&*until(&knobs, crash, 99.0)), 1);
    assert_eq!(charges(&*until(&knobs, crash, 200.0)), 2);
}

/// Every place where a node can die, in every mode: how many charges the customer ends with.
#[test]
fn what_a_crash_costs_at_each_step() {
    for (mode, store, expected) in [
        ("none", "database", [1, 2, 2, 2]),
        ("check-then-store", "database", [1, 2, 2, 1]),
        ("reserve-first", "database", [1, 2, 2, 1]),
        ("recovery-points", "database", [1, 2, 1, 1]),
        // The payment is committed, its recovery point is not: two writes, and a crash fits between.
        ("recovery-points", "cache", [1, 2, 2, 1]),
        ("provider-key", "database", [1, 1, 1, 1]),
        ("provider-key", "cache", [1, 1, 1, 1]),
    ] {
        for (step, charged) in expected.into_iter().enumerate() {
            let at = [step as f64 + 1.0];
            let acts: Acts = &[(0.5, "crash", &at), (1.0, "pay", &[])];
            let run = until(&[("mode", mode), ("store", store), ("lease", "5")], acts, 100.0);
            assert_eq!(charges(&*run), charged, "{mode}, keys in the {store}, crash at step {}", step + 1);
            assert_eq!(model(&*run).intent(0).unwrap().known, Known::Paid, "{mode} {store} {step}");
        }
    }
}

/// The store fails over half a second after the reply was saved, with a second of lag.
#[test]
fn a_cache_is_not_a_ledger() {
    let acts: Acts = &[(1.0, "pay", &[]), (1.9, "failover", &[]), (2.0, "send_again", &[])];
    for mode in ["check-then-store", "reserve-first", "recovery-points"] {
        for (store, expected) in [("cache", 2), ("database", 1)] {
            let run = until(&[("mode", mode), ("store", store)], acts, 10.0);
            assert_eq!(charges(&*run), expected, "{mode}, {store}");
            assert_eq!(ask(&*run, "lost_writes") > 0.0, store == "cache");
        }
    }
    // The provider's key saves even this.
    assert_eq!(charges(&*until(&[("mode", "provider-key"), ("store", "cache")], acts, 10.0)), 1);
}

/// The right key on the wrong cart.
#[test]
fn the_same_key_with_another_amount() {
    let acts: Acts = &[(1.0, "pay", &[]), (3.0, "other_amount", &[]), (5.0, "send_again", &[])];
    for mode in ["reserve-first", "recovery-points", "provider-key"] {
        let run = until(&[("mode", mode)], acts, 9.0);
        assert_eq!((charges(&*run), number(&*run, "mismatches")), (1, 1.0), "{mode}");
        // The original is as it was: its retry is replayed to the byte.
        assert_eq!((number(&*run, "replays"), number(&*run, "differing")), (1.0, 0.0), "{mode}");
        let other = model(&*run).intent(1).unwrap();
        assert_eq!((other.known, other.charges), (Known::Refused, 0));
    }
    // Without a comparison the second cart is told that it is paid.
    for knobs in
        [[("mode", "check-then-store"), ("mismatch", "422")], [("mode", "provider-key"), ("mismatch", "ignore")]]
    {
        let run = until(&knobs, acts, 9.0);
        assert_eq!((charges(&*run), number(&*run, "misled")), (1, 1.0));
        assert_eq!(ask(&*run, "imbalance"), -29.0);
    }
    for status in ["422", "409", "400"] {
        let run = until(&[("mismatch", status)], acts, 9.0);
        assert_eq!(model(&*run).codes.mismatch.to_string(), status);
    }
}

#[test]
fn two_nodes_in_the_same_microsecond() {
    for (mode, expected) in MODES.iter().zip([2, 2, 1, 1, 1]) {
        let run = until(&[("mode", mode)], &[(1.0, "two_nodes", &[])], 20.0);
        assert_eq!(charges(&*run), expected, "{mode}");
        assert_eq!(model(&*run).intent(0).unwrap().known, Known::Paid, "{mode}");
    }
}

/// The client's key is its own promise: break it, and no server can keep it.
#[test]
fn a_new_key_on_the_retry_is_a_new_payment() {
    let acts: Acts = &[(0.5, "new_key", &[]), (0.6, "drop", &[2.0]), (1.0, "pay", &[])];
    for mode in &MODES[1..] {
        assert_eq!(charges(&*until(&[("mode", mode)], acts, 20.0)), 2, "{mode}");
        assert_eq!(charges(&*until(&[("mode", mode)], &acts[1..], 20.0)), 1, "{mode}, key kept");
    }
}

/// A retry after the retention is a new request, to us; the provider may still know better.
#[test]
fn expired_keys() {
    let acts = |whose: f64, f: &dyn Fn(Acts) -> Box<dyn Live>| {
        f(&[(1.0, "pay", &[]), (3.0, "expire", &[whose]), (4.0, "send_again", &[])])
    };
    for (mode, whose, expected) in
        [("check-then-store", 0.0, 2), ("recovery-points", 0.0, 2), ("provider-key", 0.0, 1), ("provider-key", 1.0, 2)]
    {
        let run = acts(whose, &|acts| until(&[("mode", mode)], acts, 9.0));
        assert_eq!(charges(&*run), expected, "{mode} {whose}");
    }
    // The same by the clock.
    let run = until(
        &[("mode", "recovery-points"), ("retention", "2")],
        &[(1.0, "pay", &[]), (2.9, "send_again", &[]), (3.5, "send_again", &[])],
        9.0,
    );
    assert_eq!((charges(&*run), number(&*run, "replays")), (2, 1.0));
}

/// A cache that is full forgets the oldest keys, finished or not.
#[test]
fn a_cache_evicts_keys_that_stood_for_money() {
    let mut acts: Vec<(f64, &str, &[f64])> = vec![(0.5, "pay", &[])];
    let fill: Vec<f64> = (0..12).map(|i| 2.0 + f64::from(i) * 0.1).collect();
    acts.extend(fill.iter().map(|at| (*at, "pay", &[] as &[f64])));
    let knobs = [("mode", "recovery-points"), ("store", "cache"), ("room", "10")];
    let run = until(&knobs, &acts, 5.0);
    assert_eq!(ask(&*run, "evicted"), 3.0);
    assert_eq!(number(&*run, "keys"), 10.0);
}

/// Without a key a request is refused before anything happens.
#[test]
fn a_required_key_that_is_missing() {
    let knobs = [("rate", "20"), ("keyless", "100")];
    for (mode, refused) in [("none", false), ("check-then-store", true), ("provider-key", true)] {
        let run = until(&[knobs[0], knobs[1], ("mode", mode)], &[], 20.0);
        assert_eq!(ask(&*run, "without_key") > 300.0, refused, "{mode}");
        assert_eq!(charges(&*run) == 0, refused, "{mode}");
    }
}

// ---- figures ----

/// Without keys: attempt k is made when the k - 1 before it all failed, and charges if its request
/// arrives. Of n payments, 1 - q^4 are charged at all.
#[test]
fn what_lost_messages_cost_without_keys() {
    for (request, reply) in [(0.0, 10.0), (10.0, 0.0), (20.0, 20.0), (5.0, 30.0)] {
        let (q, r) = (request / 100.0, reply / 100.0);
        let fails: f64 = 1.0 - (1.0 - q) * (1.0 - r);
        let charges: f64 = (1.0 - q) * (1.0 + fails + fails * fails + fails * fails * fails);
        let expected = charges / (1.0 - q * q * q * q);
        let (request, reply) = (request.to_string(), reply.to_string());
        let knobs = [
            ("mode", "none"),
            ("rate", "50"),
            ("lose-request", &request),
            ("lose-reply", &reply),
            ("provider", "50"),
            ("decline", "0"),
        ];
        let run = until(&knobs, &[], 400.0);
        let n = ask(&*run, "intents");
        let measured = number(&*run, "charges_per_intent");
        // The variance of the charges of one payment is below 1.
        assert!((measured - expected).abs() < 3.0 / n.sqrt(), "{request} {reply}: {measured}, expected {expected}");
        assert!(
            (number(&*run, "attempts_per_intent") - (1.0 + fails + fails * fails + fails * fails * fails)).abs()
                < 3.0 / n.sqrt()
        );
    }
}

/// The price of a key, in store operations: a read and a write; with recovery points in the
/// payment's own transaction no more than that; in a cache one more.
#[test]
fn what_keys_cost() {
    for (mode, store, operations) in [
        ("none", "database", 0.0),
        ("check-then-store", "database", 2.0),
        ("reserve-first", "cache", 2.0),
        ("recovery-points", "database", 2.0),
        ("provider-key", "database", 2.0),
        ("provider-key", "cache", 3.0),
    ] {
        let run = until(&[("mode", mode), ("store", store), ("store-time", "3")], &[(1.0, "pay", &[])], 5.0);
        assert_eq!(number(&*run, "extra_latency"), operations * 3.0, "{mode} {store}");
    }
}

/// Two customers have the same keys all the time, and nobody ever gets the other's reply.
#[test]
fn keys_of_two_customers_are_two_keys() {
    let run = until(&[("rate", "20"), ("lose-reply", "20")], &[], 60.0);
    let m = model(&*run);
    let keys: Vec<_> = m.recent.iter().map(|no| m.intent(*no).unwrap().id()).collect();
    assert!(keys.iter().any(|a| keys.iter().any(|b| a.key == b.key && a.customer != b.customer)));
    assert_eq!((ask(&*run, "duplicates"), number(&*run, "misled"), number(&*run, "differing")), (0.0, 0.0, 0.0));
}

/// Both sides of a comparison meet the same customers, cards and losses.
#[test]
fn a_mode_changes_nothing_but_itself() {
    let of = |mode| until(&[("rate", "10"), ("mode", mode), ("lose-reply", "5")], &[], 60.0);
    let (a, b) = (of("none"), of("provider-key"));
    assert_eq!(count(&*a, "arrived"), count(&*b, "arrived"));
    assert_eq!(count(&*a, "charged_cents") - count(&*a, "duplicate_cents"), count(&*b, "charged_cents"));
    assert!(count(&*a, "duplicate_cents") > 0);
}

// ---- laws ----

const TROUBLE: Trouble = Trouble {
    question: &QUESTION,
    base: &[("rate", 5.0), ("ask-again", 5.0), ("lease", 5.0), ("retention", 20.0)],
    fixed: &[],
    reach: 1.0,
    trouble_ms: 30_000,
    until: Us::s(45),
};

fn acts() -> impl Strategy<Value = Vec<Input>> {
    prop::collection::vec((0u64..30_000_000, 0usize..QUESTION.acts.len(), 0.0f64..=1.0), 0..16).prop_map(|list| {
        let mut list: Vec<Input> =
            list.into_iter().map(|(at, act, u)| common::any_act(&QUESTION, act, Us(at), u * u * u)).collect();
        list.sort_by_key(|i| i.at);
        list
    })
}

proptest! {
    #![proptest_config(common::cases(300))]

    /// Any knobs, any faults: every payment is accounted for, none hangs without a future, and the
    /// strongest mode keeps its promise.
    #[test]
    fn the_laws_hold_whatever_happens(value in TROUBLE.runs()) {
        TROUBLE.laws_hold(value)?;
    }

    /// When faults stop, every payment ends known, what was charged is what clients know as paid, and
    /// nobody was charged twice: whatever happened before, in the mode with the provider's key.
    #[test]
    fn when_faults_stop_every_payment_ends_known(
        cached in any::<bool>(), lease in 1u64..20, acts in acts(), seed in 0u64..1_000, loss in 0u64..50,
    ) {
        let (lease, loss) = (lease.to_string(), loss.to_string());
        let knobs = [
            ("rate", "5"), ("lose-request", &loss), ("lose-reply", &loss), ("lease", &lease), ("ask-again", "10"),
            ("store", if cached { "cache" } else { "database" }),
        ];
        let mut v = common::value(&QUESTION, seed, &knobs);
        // Beyond this promise: a client that makes a new key or uses one for two carts, and a provider that forgets.
        v.inputs = acts;
        v.inputs.retain(|i| match i.what {
            What::Act { act, args } => match QUESTION.acts[act as usize].key {
                "new_key" | "other_amount" => false,
                "expire" => args[0] == 0.0,
                _ => true,
            },
            What::Knob { .. } => true,
        });
        for i in &mut v.inputs {
            if let What::Act { act, args } = &mut i.what
                && matches!(QUESTION.acts[*act as usize].key, "crash" | "drop" | "duplicate")
            {
                args[1] = args[1].min(20.0);
            }
        }
        for (key, text) in [("rate", "0"), ("lose-request", "0"), ("lose-reply", "0")] {
            let knob = QUESTION.knob(key).unwrap();
            let value = QUESTION.knobs[knob as usize].parse(text).unwrap();
            v.inputs.push(Input { at: Us::s(31), what: What::Knob { knob, value } });
        }
        let mut run = QUESTION.run(v);
        run.advance(Us::s(300), 5_000_000);
        prop_assert_eq!(run.invariants(), Ok(()));
        prop_assert_eq!((count(&*run, "open"), count(&*run, "unresolved")), (0, 0));
        prop_assert_eq!(count(&*run, "charged_cents"), count(&*run, "succeeded_cents"));
        prop_assert_eq!(ask(&*run, "duplicates"), 0.0);
    }
}

// ---- the enumeration ----

/// One crash anywhere or none, one message lost or none, one message doubled (or the button) or none.
#[derive(Clone, Copy, Debug)]
struct Case {
    crash: Option<usize>,
    lost: Option<usize>,
    doubled: Option<Doubled>,
}

#[derive(Clone, Copy, Debug)]
enum Doubled {
    Message(usize),
    Click,
    Nodes,
}

fn play(knobs: &[(&str, &str)], card: f64, case: Case) -> Box<dyn Live> {
    let (crash, lost) = ([0.0, case.crash.unwrap_or(0) as f64], [0.0, case.lost.unwrap_or(0) as f64]);
    let doubled = [0.0, if let Some(Doubled::Message(n)) = case.doubled { n as f64 } else { 0.0 }];
    let (pay, click, nodes) = ([card], [5.0, card], [card]);
    let mut acts: Vec<(f64, &str, &[f64])> = Vec::new();
    if case.crash.is_some() {
        acts.push((0.0, "crash", &crash));
    }
    if case.lost.is_some() {
        acts.push((0.0, "drop", &lost));
    }
    match case.doubled {
        Some(Doubled::Message(_)) => acts.extend([(0.0, "duplicate", &doubled[..]), (0.0, "pay", &pay[..])]),
        Some(Doubled::Click) => acts.push((0.0, "pay_twice", &click)),
        Some(Doubled::Nodes) => acts.push((0.0, "two_nodes", &nodes)),
        None => acts.push((0.0, "pay", &pay)),
    }
    // Afterwards the client asks once more: the reply must be the one it has. Without keys that is no question.
    if !knobs.contains(&("mode", "none")) {
        acts.push((60.0, "send_again", &[]));
    }
    until(knobs, &acts, 70.0)
}

/// All of one world; returns how many cases there were, and in how many of them a customer was charged twice.
fn enumerate(knobs: &[(&str, &str)], safe: bool) -> (usize, usize) {
    let (mut cases, mut twice) = (0, 0);
    // The card is good; the card is declined.
    for card in [2.0, 1.0] {
        let clean = play(knobs, card, Case { crash: None, lost: None, doubled: None });
        let t = model(&*clean).tally;
        // A fault makes the way longer: place the others also where only the longer way comes.
        let (points, messages) = (t.crash_points as usize + 3, t.messages as usize + 4);
        let doubles = (0..messages).map(Doubled::Message).chain([Doubled::Click, Doubled::Nodes]);
        let doubles: Vec<_> = std::iter::once(None).chain(doubles.map(Some)).collect();
        for crash in std::iter::once(None).chain((0..points).map(Some)) {
            for lost in std::iter::once(None).chain((0..messages).map(Some)) {
                for doubled in &doubles {
                    let case = Case { crash, lost, doubled: *doubled };
                    let run = play(knobs, card, case);
                    let m = model(&*run);
                    let i = m.intent(0).unwrap();
                    cases += 1;
                    twice += usize::from(i.charges > 1);
                    if !safe {
                        continue;
                    }
                    assert_eq!(u64::from(i.charges), u64::from(card == 2.0), "{knobs:?}, card {card}, {case:?}");
                    let known = if card == 2.0 { Known::Paid } else { Known::Declined };
                    assert_eq!(i.known, known, "{knobs:?}, card {card}, {case:?}");
                    assert_eq!(m.tally.differing, 0, "{knobs:?}, card {card}, {case:?}");
                    assert_eq!(m.tally.charged_cents, m.tally.succeeded_cents, "{knobs:?}, card {card}, {case:?}");
                    // The saved reply is the one that was heard, byte for byte.
                    let row = m.row(i, Us::s(70)).and_then(|r| r.result).unwrap();
                    assert_eq!(i.heard.unwrap().body(), row.body(), "{knobs:?}, card {card}, {case:?}");
                }
            }
        }
    }
    (cases, twice)
}

/// Every crash point times every single loss times one repeat, for one payment: with recovery points
/// and a key for the provider the customer is charged once, and everybody knows.
#[test]
fn every_crash_loss_and_repeat_charges_once() {
    let base = [("lease", "4"), ("ask-again", "5"), ("restart", "1"), ("provider-timeout", "1")];
    let with = |mode, store| base.iter().copied().chain([("mode", mode), ("store", store)]).collect::<Vec<_>>();
    let mut total = 0;
    for store in ["database", "cache"] {
        let (cases, twice) = enumerate(&with("provider-key", store), true);
        println!("provider-key, keys in the {store}: {cases} cases, {twice} charged twice");
        total += cases;
    }
    common::report(&format!("idempotency: {total} cases, every one charged at most once and known to its client"));
    assert!(total > 200);
    for mode in &MODES[..4] {
        let (cases, twice) = enumerate(&with(mode, "database"), false);
        println!("{mode}: {twice} of {cases} charged twice");
        assert!(twice > 0, "{mode} is not safe");
    }
}
