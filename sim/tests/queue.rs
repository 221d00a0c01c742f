//! Message or call: the experiments and reference figures, derived again; the laws under random
//! worlds; and the enumeration of everything that can go wrong once with one invoice.

mod common;

use common::{Acts, Trouble, acted, after, any_act, ask, cases, count, number, run, value};
use proptest::prelude::*;
use sim::questions::queue_vs_direct_call::{QUESTION, QueueVsDirectCall};
use sim::{Input, Live, Us, What};

/// Nothing varies and nothing fails by chance.
const EXACT: [(&str, &str); 3] = [("times", "fixed"), ("arrivals", "even"), ("available", "100")];

fn exact(more: &[(&'static str, &'static str)]) -> Vec<(&'static str, &'static str)> {
    EXACT.iter().chain(more).copied().collect()
}

fn go(knobs: &[(&str, &str)], inputs: &[&str], s: f64) -> Box<dyn Live> {
    after(run(&QUESTION, 1, knobs, inputs), Us::from_s(s))
}

fn model(run: &dyn Live) -> &QueueVsDirectCall {
    run.model().downcast_ref().unwrap()
}

// ---- experiment 1: what the user waits for ----

#[test]
fn what_the_user_waits_for() {
    let waits = |more: &[(&'static str, &'static str)]| ask(&*go(&exact(more), &[], 20.0), "user_mean");
    assert_eq!(waits(&[("path", "sequential")]), 340.0, "20 + 4 x 80");
    assert_eq!(waits(&[("path", "parallel")]), 100.0, "20 + 80");
    assert_eq!(waits(&[("publish", "plain")]), 25.0, "20 + 5");
    // With an outbox the event is a row of the commit: the ack is nobody's business any more.
    assert_eq!(waits(&[("publish", "outbox")]), 20.0);
    assert_eq!(waits(&[("tax", "inline")]), 100.0, "tax in line, the rest by message");
}

// ---- experiment 2: lost between two writes ----

#[test]
fn three_crashes_between_commit_and_publish() {
    let crashes = ["1s crash at=committed", "8s crash at=committed", "15s crash at=committed"];
    for seed in 1..=10 {
        let plain = after(run(&QUESTION, seed, &exact(&[("publish", "plain")]), &crashes), Us::s(60));
        assert_eq!((number(&*plain, "lost"), number(&*plain, "ghosts")), (3.0, 3.0), "seed {seed}");
        let outbox = after(run(&QUESTION, seed, &exact(&[("publish", "outbox")]), &crashes), Us::s(60));
        assert_eq!((number(&*outbox, "lost"), number(&*outbox, "doubled")), (0.0, 0.0));
    }
    // A relay that dies after publishing publishes again; the inbox makes one effect of it.
    let crashes = ["1s crash at=relay", "8s crash at=relay", "15s crash at=relay"];
    let with = |inbox| go(&exact(&[("inbox", inbox)]), &[&crashes[..], &["30s set rate=0"]].concat(), 60.0);
    let (on, off) = (with("on"), with("off"));
    assert_eq!((number(&*on, "lost"), number(&*on, "doubled")), (0.0, 0.0));
    assert!(ask(&*on, "repeats") >= 12.0, "each of the three rows at each of the four services");
    assert_eq!(ask(&*on, "effects"), ask(&*on, "saved"));
    assert!(number(&*off, "doubled") >= 12.0);
}

// ---- experiment 3: one bad message ----

#[test]
fn one_bad_message() {
    let knobs = exact(&[("changes", "0")]);
    let log = go(&knobs, &["10s poison service=tax"], 60.0);
    assert_eq!(ask(&*log, "stood_still"), 15.5, "5 x 0.1 + 1 + 2 + 4 + 8");
    assert_eq!((number(&*log, "dead"), number(&*log, "lost")), (1.0, 0.0));
    assert!(ask(&*log, "lag_max") >= 14.0);
    assert!(ask(&*log, "second_lag_max") < 3.0, "{}", ask(&*log, "second_lag_max"));
    // Without a limit: for ever, and the lag grows at the partition's arrival rate, 50/6.
    let rates: Vec<f64> = (1..=10)
        .map(|seed| {
            let knobs: Vec<_> = knobs.iter().copied().chain([("tries", "0")]).collect();
            let run = after(run(&QUESTION, seed, &knobs, &["10s poison service=tax"]), Us::s(310));
            assert_eq!(number(&*run, "dead"), 0.0);
            assert!(number(&*run, "lag") > 295.0);
            ask(&*run, "partition_growth(20s, 310s)")
        })
        .collect();
    let mean = rates.iter().sum::<f64>() / 10.0;
    println!("a partition falls behind by {mean}/s: {rates:?}");
    // Invoices spread by hash: the standard error of ten runs of 290 s is 0.05/s.
    assert!((mean - 50.0 / 6.0).abs() < 0.2, "{mean}");
    // In a queue nobody stands still: the message is tried five times, 30 s apart.
    let queue = go(&exact(&[("style", "queue"), ("changes", "0")]), &["10s poison service=tax"], 170.0);
    assert_eq!((number(&*queue, "dead"), ask(&*queue, "stood_still")), (1.0, 0.0));
    assert_eq!(number(&*queue, "handled").round(), 50.0);
}

// ---- experiment 4: more consumers ----

#[test]
fn more_consumers_than_partitions() {
    // More than they can do for half a minute, then nothing: a backlog that goes as fast as they can.
    let drain = |consumers: &'static str, style: &'static str, rate: &'static str| {
        let more = [("rate", rate), ("consumers", consumers), ("style", style), ("changes", "0"), ("refresh", "0")];
        let run = go(&exact(&more), &["30s set rate=0"], 40.0);
        (ask(&*run, "without_partition"), ask(&*run, "handled_rate(31s, 40s)"))
    };
    let (six, twelve) = (drain("6", "log", "120"), drain("12", "log", "120"));
    assert_eq!((six.0, twelve.0), (0.0, 6.0));
    assert_eq!(six.1, twelve.1, "the same drain rate");
    assert!((six.1 - 60.0).abs() < 1.0, "{}", six.1);
    // Competing consumers of a queue know no partitions.
    let queue = drain("12", "queue", "200").1;
    assert!((queue - 120.0).abs() < 1.0, "{queue}");
}

#[test]
fn order_is_kept_where_the_key_keeps_it() {
    let pairs = |key: &'static str, style: &'static str| {
        let knobs = [("key", key), ("style", style), ("changes", "30"), ("available", "100")];
        number(&*go(&knobs, &[], 120.0), "out_of_order")
    };
    let (random, invoice, customer, queue) =
        (pairs("random", "log"), pairs("invoice", "log"), pairs("customer", "log"), pairs("invoice", "queue"));
    println!("out of order: random {random}, invoice {invoice}, customer {customer}, queue {queue}");
    assert!(random > 0.0 && queue > 0.0);
    assert_eq!((invoice, customer), (0.0, 0.0));
}

// ---- reference figures ----

/// Tax takes 5 s for a minute. In line nobody is served; by message nobody notices, and the backlog
/// goes at the difference of the rates.
#[test]
fn slow_tax_in_line_and_by_message() {
    let slow = ["10s slow service=tax takes=5000 for=60"];
    let inline = go(&exact(&[("path", "parallel")]), &slow, 100.0);
    assert_eq!(ask(&*inline, "accepted_share(13s, 69s)"), 0.0);
    assert!(number(&*inline, "half_done") > 2_900.0, "the other three have worked for nothing");
    let message = go(&exact(&[]), &slow, 500.0);
    assert_eq!((ask(&*message, "availability"), number(&*message, "lost")), (100.0, 0.0));
    // 60 s x 50/s less the 12 or 13 that each of six consumers did; then 60/s against 50/s.
    let backlog = ask(&*message, "backlog_max");
    assert!((2_900.0..=2_960.0).contains(&backlog), "{backlog}");
    let caught_up = ask(&*message, "caught_up");
    println!("backlog {backlog}, caught up after {caught_up} s, formula {}", backlog / 10.0);
    // The hash does not give every partition a sixth: the worst one is last.
    assert!((backlog / 10.0 * 0.7..backlog / 10.0 * 1.6).contains(&caught_up), "{caught_up}");
    // A queue has no partitions: the formula to the second, less the 5 s at which it counts as gone.
    let queue = go(&exact(&[("style", "queue"), ("visibility", "60")]), &slow, 500.0);
    let (backlog, caught_up) = (ask(&*queue, "backlog_max"), ask(&*queue, "caught_up"));
    println!("queue: backlog {backlog}, caught up after {caught_up} s");
    assert!((caught_up - backlog / 10.0).abs() < 30.0, "{caught_up} for {backlog}");
}

/// The lag comes down if and only if consumers are faster than what arrives.
#[test]
fn the_lag_goes_only_where_consumers_are_faster() {
    let lag = |consumers: &'static str| {
        let knobs = exact(&[("style", "queue"), ("consumers", consumers), ("refresh", "0")]);
        let run = go(&knobs, &["10s broker for=20"], 300.0);
        (number(&*run, "lag"), number(&*run, "backlog"))
    };
    assert!(lag("6").0 < 1.0);
    let (lag, backlog) = lag("4");
    // 50/s against 40/s for 300 s, and 20 s of 40/s that were not done.
    assert!(lag > 70.0 && (backlog - 3_800.0).abs() < 30.0, "{lag} {backlog}");
}

#[test]
fn a_broker_that_is_down() {
    let down = ["10s broker for=20"];
    let plain = go(&exact(&[("publish", "plain")]), &down, 60.0);
    assert_eq!(number(&*plain, "ghosts"), number(&*plain, "lost"), "saved, told no, and nobody will hear of it");
    assert!(number(&*plain, "lost") >= 999.0);
    let outbox = go(&exact(&[]), &down, 60.0);
    assert_eq!((ask(&*outbox, "availability"), number(&*outbox, "lost")), (100.0, 0.0));
}

/// Committing before the work loses what was in hand, committing after it repeats it.
#[test]
fn what_a_crash_of_a_consumer_costs() {
    let cost = |commit: &'static str, at: &'static str, style: &'static str, inbox: &'static str| {
        let knobs = exact(&[("commit", commit), ("style", style), ("inbox", inbox), ("visibility", "5")]);
        let crashes = [format!("5s crash at={at}"), format!("12s crash at={at}"), format!("19s crash at={at}")];
        let inputs: Vec<&str> = crashes.iter().map(String::as_str).chain(["40s set rate=0"]).collect();
        let run = go(&knobs, &inputs, 80.0);
        (number(&*run, "lost"), number(&*run, "doubled"))
    };
    for style in ["log", "queue"] {
        assert_eq!(cost("before", "before-work", style, "on"), (3.0, 0.0));
        assert_eq!(cost("after", "before-work", style, "off"), (0.0, 0.0));
        assert_eq!(cost("after", "after-work", style, "off"), (0.0, 3.0));
        assert_eq!(cost("after", "after-work", style, "on"), (0.0, 0.0));
    }
}

/// Redriven into a log, a dead letter comes to all four services: three need an inbox to know it.
#[test]
fn a_redrive() {
    let inputs = ["5s poison service=ledger", "60s redrive service=all mended=on"];
    let end = |style: &'static str, inbox: &'static str| {
        let run = go(&exact(&[("style", style), ("inbox", inbox), ("visibility", "5")]), &inputs, 90.0);
        (number(&*run, "dead"), number(&*run, "doubled"), ask(&*run, "died"))
    };
    assert_eq!(end("log", "on"), (0.0, 0.0, 1.0));
    assert_eq!(end("log", "off"), (0.0, 3.0, 1.0));
    assert_eq!(end("queue", "off"), (0.0, 0.0, 1.0));
    // Not mended, it comes back.
    let inputs = ["5s poison service=ledger", "60s redrive service=all mended=off"];
    let run = go(&exact(&[]), &inputs, 120.0);
    assert_eq!((number(&*run, "dead"), ask(&*run, "died")), (1.0, 2.0));
    // Later than the inbox remembers, the others do it again.
    let run = go(&exact(&[("retention", "20")]), &["5s poison service=ledger", "60s redrive"], 90.0);
    assert_eq!(number(&*run, "doubled"), 3.0);
}

/// Without a status resource users send again what they do not find.
#[test]
fn users_who_are_told_nothing_send_again() {
    let again = |status: &'static str| {
        let run = go(&exact(&[("status", status)]), &["10s slow service=pdf takes=3000 for=30"], 80.0);
        number(&*run, "sent_again")
    };
    assert_eq!(again("on"), 0.0);
    assert!(again("off") > 100.0);
}

/// A late message overtaken by a later one is out of order whatever the key is; and a relay that does
/// not wait for confirmations can swap two events of an invoice by itself.
#[test]
fn what_the_key_cannot_repair() {
    let inputs = ["1s delay kind=publish by=3", "1s invoice correct=off", "1500ms invoice correct=on", "8s invoice"];
    let swapped = |ordered: &'static str| {
        let knobs = exact(&[("rate", "0"), ("ordered", ordered)]);
        number(&*go(&knobs, &inputs, 20.0), "out_of_order")
    };
    assert_eq!(swapped("on"), 0.0, "the correction waits until the broker has confirmed the invoice");
    assert_eq!(swapped("off"), 4.0, "at each of the four");
    let knobs = exact(&[("rate", "0"), ("publish", "plain")]);
    assert_eq!(number(&*go(&knobs, &inputs, 20.0), "out_of_order"), 4.0);
}

#[test]
fn consumers_can_be_added_and_taken_away_while_it_runs() {
    for style in ["log", "queue"] {
        let inputs = [
            "10s set consumers=12",
            "20s set consumers=2",
            "60s kill service=tax consumer=1 for=100",
            "100s set consumers=8",
            "200s set rate=0",
        ];
        let run = go(&[("style", style), ("available", "100")], &inputs, 400.0);
        assert_eq!(
            (count(&*run, "pending"), number(&*run, "lost"), number(&*run, "doubled")),
            (0, 0.0, 0.0),
            "{style}"
        );
        assert_eq!(number(&*run, "out_of_order") > 0.0, style == "queue");
    }
}

// ---- random worlds, against all laws ----

const TROUBLE: Trouble = Trouble {
    question: &QUESTION,
    base: &[("rate", 20.0), ("visibility", 5.0), ("session", 3.0)],
    fixed: &[],
    reach: 0.2,
    trouble_ms: 30_000,
    until: Us(40_000_000),
};

proptest! {
    #![proptest_config(cases(80))]

    /// Any knobs, any faults: requests are answered or wait, and every saved event has exactly one
    /// fate at every service that is to hear of it.
    #[test]
    fn the_laws_hold_whatever_happens(value in TROUBLE.runs()) {
        TROUBLE.laws_hold(value)?;
    }

    /// If faults stop, everything that was saved has had its effect, once, or lies with the dead
    /// letters: nothing is lost with an outbox and acknowledgements after the work.
    #[test]
    fn when_faults_stop_everything_has_its_effect(
        queue in any::<bool>(), key in 0usize..3, consumers in 4u32..14, seed in 0u64..1_000,
        acts in prop::collection::vec((0..30_000u64, 0usize..100, 0.0f64..1.0), 0..14),
    ) {
        let mut v = value(&QUESTION, seed, &[("rate", "20"), ("visibility", "5"), ("session", "3"), ("changes", "30")]);
        v.knobs.set(QUESTION.knob("style").unwrap(), f64::from(u8::from(queue)));
        v.knobs.set(QUESTION.knob("key").unwrap(), key as f64);
        v.knobs.set(QUESTION.knob("consumers").unwrap(), f64::from(consumers));
        v.inputs = acts.into_iter().map(|(ms, which, u)| any_act(&QUESTION, which, Us::ms(ms), u * u * 0.2)).collect();
        v.inputs.sort_by_key(|i| i.at);
        let stop = |key: &str, v: f64| Input { at: Us::s(31), what: What::Knob { knob: QUESTION.knob(key).unwrap(), value: v } };
        v.inputs.extend([stop("rate", 0.0), stop("available", 100.0)]);
        let mut run = QUESTION.run(v);
        run.advance(Us::s(1_150), 3_000_000);
        prop_assert_eq!(run.invariants(), Ok(()));
        prop_assert_eq!((count(&*run, "pending"), count(&*run, "lost"), count(&*run, "doubled")), (0, 0, 0));
        prop_assert_eq!(number(&*run, "backlog"), 0.0);
        let m = model(&*run);
        prop_assert_eq!((m.outbox_len(), m.waiting_users()), (0, 0));
    }
}

// ---- the enumeration ----

/// One invoice; one crash anywhere or none, one message lost or none, one doubled or none. What it
/// cost: (lost, effects doubled, services that never had it, points for a crash, messages).
fn ends(
    knobs: &[(&str, &str)],
    crash: Option<usize>,
    lose: Option<usize>,
    double: Option<usize>,
) -> (u64, u64, u64, u64, u64) {
    let crash_args = [0.0, crash.unwrap_or(0) as f64];
    let lose_args = [0.0, lose.unwrap_or(0) as f64];
    let double_args = [0.0, double.unwrap_or(0) as f64];
    let mut acts: Vec<(f64, &str, &[f64])> = Vec::new();
    if crash.is_some() {
        acts.push((0.0, "crash", &crash_args));
    }
    if lose.is_some() {
        acts.push((0.0, "lose", &lose_args));
    }
    if double.is_some() {
        acts.push((0.0, "double", &double_args));
    }
    acts.push((0.0, "invoice", &[0.0]));
    let acts: Acts = &acts;
    let mut run = QUESTION.run(acted(&QUESTION, 1, knobs, acts));
    run.advance(Us::s(30), u64::MAX);
    run.invariants()
        .unwrap_or_else(|law| panic!("{law}: {knobs:?}, crash {crash:?}, lost {lose:?}, doubled {double:?}"));
    let t = model(&*run).tally;
    assert_eq!(count(&*run, "pending"), 0, "{knobs:?}, crash {crash:?}, lost {lose:?}, doubled {double:?}");
    let never = t.lost_by.iter().sum::<u64>() + count(&*run, "dead");
    assert_eq!(t.saved * 4, never + t.done.iter().sum::<u64>());
    (t.lost, t.doubled, never, t.crash_points, t.messages)
}

/// (cases, cases that lose something, cases that do something twice).
fn enumerate(knobs: &[(&str, &str)]) -> (u64, u64, u64) {
    let (_, _, _, points, messages) = ends(knobs, None, None, None);
    // A fault makes the way longer: place the others also where only the longer way comes.
    let (points, messages) = (points as usize + 3, messages as usize + 4);
    let (mut cases, mut lost, mut doubled) = (0, 0, 0);
    let each = |n: usize| std::iter::once(None).chain((0..n).map(Some));
    for crash in each(points) {
        for lose in each(messages) {
            for double in each(messages) {
                let (l, d, ..) = ends(knobs, crash, lose, double);
                cases += 1;
                lost += u64::from(l > 0);
                doubled += u64::from(d > 0);
            }
        }
    }
    (cases, lost, doubled)
}

/// Every crash point times every single loss times every single repeat, for one invoice. With outbox
/// and inbox every service has it exactly once. Each of the two missing shows.
#[test]
fn every_single_crash_loss_and_repeat() {
    let base = exact(&[("rate", "0"), ("visibility", "4"), ("restart", "1"), ("session", "2"), ("refresh", "0")]);
    let with = |more: &[(&'static str, &'static str)]| base.iter().chain(more).copied().collect::<Vec<_>>();
    let mut total = 0;
    for style in ["log", "queue"] {
        let mut line = |what: &str, more: &[(&'static str, &'static str)]| {
            let more: Vec<_> = [("style", style)].iter().chain(more).copied().collect();
            let (cases, lost, doubled) = enumerate(&with(&more));
            println!("{style}, {what}: {cases} cases, {lost} lose something, {doubled} do something twice");
            total += cases;
            (cases, lost, doubled)
        };
        assert_eq!(line("outbox and inbox", &[]), (3_375, 0, 0));
        // The article quotes these.
        let repeats = if style == "log" { 1_386 } else { 2_210 };
        assert_eq!(line("outbox, no inbox", &[("inbox", "off")]), (3_375, 0, repeats));
        assert_eq!(line("plain publish", &[("publish", "plain")]), (3_375, 420, 0));
        let (_, lost, doubled) = line("acknowledged before", &[("commit", "before"), ("inbox", "off")]);
        assert!(lost > 0 && doubled > 0);
    }
    common::report(&format!("outbox and broker: {total} cases in all"));
}

/// Ten minutes at the defaults: its checkpoints are small, and what is done there changes nothing.
#[test]
fn ten_minutes_can_be_visited() {
    let mut run = go(&[], &[], 600.0);
    common::can_be_revisited(&mut *run, 32 << 20);
}
