//! One limit, many servers: the figures of its experiments, derived again, and its laws.

mod common;

use common::{Acts, Trouble, acted, after, number};
use proptest::prelude::*;
use sim::questions::distributed_rate_limit::{DistributedLimit, Fate, QUESTION};
use sim::{Live, Us};

/// A run with these knobs, written as addresses write them, and these acts.
fn run(knobs: &[(&str, &str)], acts: Acts, seed: u64) -> Box<dyn Live> {
    QUESTION.run(acted(&QUESTION, seed, knobs, acts))
}

fn until(run: Box<dyn Live>, s: f64) -> Box<dyn Live> {
    after(run, Us::from_s(s))
}

fn model(run: &dyn Live) -> &DistributedLimit {
    run.model().downcast_ref().unwrap()
}

/// These knobs and some more.
fn with<'a>(base: &[(&'a str, &'a str)], more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    base.iter().chain(more).copied().collect()
}

const QUIET: &[(&str, &str)] = &[("abuser", "0"), ("users", "0")];

/// A count of 99, and four requests in one instant at four nodes.
#[test]
fn at_99_four_nodes_race() {
    for (mode, algorithm, total) in [
        ("get-set", "window", 103),
        ("incr-expire", "window", 100),
        ("script", "window", 100),
        ("script", "calendar", 100),
        ("script", "log", 100),
        ("script", "counter", 100),
        ("script", "bucket", 100),
        ("script", "gcra", 100),
    ] {
        let knobs = with(QUIET, &[("mode", mode), ("algorithm", algorithm)]);
        let acts: Acts = &[(1.0, "burst", &[99.0, 500.0]), (1.55, "burst", &[4.0])];
        let run = until(run(&knobs, acts, 1), 2.0);
        let m = model(&*run);
        // A bucket has refilled a little less than one in the half second.
        assert_eq!(m.users[0].admitted, total, "{mode} {algorithm}");
        assert_eq!(number(&*run, "lost_updates"), if mode == "get-set" { 3.0 } else { 0.0 });
        let nodes: std::collections::BTreeSet<u8> = m.recent.iter().rev().take(4).map(|m| m.node).collect();
        assert_eq!(nodes.len(), 4, "one request at each node");
    }
}

/// The node dies between INCR and EXPIRE on the user's first request; 5 a second for 20 windows.
#[test]
fn a_crash_between_two_commands_locks_the_user_out_for_ever() {
    let knobs = |mode| [("users", "0"), ("abuser", "5"), ("mode", mode), ("algorithm", "window")];
    let acts: Acts = &[(0.1, "crash", &[0.0])];
    let two = until(run(&knobs("incr-expire"), acts, 1), 1_200.1);
    let one = until(run(&knobs("script"), acts, 1), 1_200.1);
    assert_eq!(model(&*two).arrivals(), 6_000);
    // Requests 2 to 100, then none for ever.
    assert_eq!(model(&*two).users[0].admitted, 99);
    assert_eq!(number(&*two, "stuck_keys"), 1.0);
    assert_eq!(model(&*two).expiry(0, Us::s(1_200)).as_deref(), Some("never expires"));
    assert_eq!(number(&*two, "false_denials"), 1_901.0);
    // Twenty windows of 100, less the request that died with its node after it had been counted.
    assert_eq!(model(&*one).users[0].admitted, 1_999);
    assert_eq!(number(&*one, "stuck_keys"), 0.0);
    assert_eq!(number(&*one, "worst_window"), 100.0);
    // Without the crash the two commands do what they should.
    let calm = until(run(&knobs("incr-expire"), &[], 1), 1_200.1);
    assert_eq!(number(&*calm, "stuck_keys"), 0.0);
    assert_eq!(model(&*calm).users[0].admitted, 2_000);
}

/// The store is away for 30 s from the beginning of a window.
#[test]
fn what_happens_without_the_store_is_a_decision() {
    let at = |policy, balance| {
        let knobs = [("mode", "script"), ("algorithm", "calendar"), ("on-failure", policy), ("balance", balance)];
        let run = until(run(&knobs, &[(60.0, "store_down", &[30.0])], 1), 90.0);
        let m = |key: &str, args: &[f64]| {
            let i = QUESTION.measures.iter().position(|m| m.key == key).unwrap();
            run.measure(i as u8, args).unwrap()
        };
        (m("since_admitted", &[0.0]), m("since_normal_ok", &[]))
    };
    assert_eq!(at("open", "round-robin"), (1_500.0, 100.0));
    assert_eq!(at("closed", "round-robin"), (0.0, 0.0));
    assert_eq!(at("split", "round-robin"), (100.0, 100.0));
    assert_eq!(at("local", "round-robin"), (400.0, 100.0));
    // Sticky: the abuser meets one node and gets its part only.
    assert_eq!(at("split", "sticky"), (25.0, 100.0));
    assert_eq!(at("local", "sticky"), (100.0, 100.0));
}

/// A bucket under two clocks ten seconds apart, 100 requests a second for 20 s.
#[test]
fn two_clocks_and_one_bucket() {
    let passed = |clock| {
        let knobs = [
            ("mode", "script"),
            ("algorithm", "bucket"),
            ("limit", "60"),
            ("burst", "10"),
            ("nodes", "2"),
            ("skew", "10"),
            ("abuser", "100"),
            ("users", "0"),
            ("clock", clock),
        ];
        let run = until(run(&knobs, &[], 1), 20.005);
        assert_eq!(model(&*run).arrivals(), 2_000);
        model(&*run).users[0].admitted
    };
    assert_eq!(passed("trusting"), 2_000);
    assert_eq!(passed("caller"), 30);
    assert_eq!(passed("store"), 29);
}

/// 1 at the start, 99 just before the key expires, 100 just after.
#[test]
fn the_sample_is_a_fixed_window_and_has_its_edge() {
    let acts: Acts = &[(0.5, "burst", &[1.0]), (60.4, "burst", &[99.0]), (60.51, "burst", &[100.0])];
    let at = |mode, algorithm| {
        let run = until(run(&with(QUIET, &[("mode", mode), ("algorithm", algorithm)]), acts, 1), 61.0);
        number(&*run, "worst_second")
    };
    assert_eq!(at("incr-expire", "window"), 199.0);
    assert_eq!(at("script", "window"), 199.0);
    assert_eq!(at("script", "log"), 100.0);
    assert_eq!(at("script", "gcra"), 100.0);
}

/// A failover forgets the end of the story: what was forgotten can be spent again.
#[test]
fn a_failover_gives_back_what_it_forgets() {
    let knobs = [("mode", "script"), ("algorithm", "calendar"), ("users", "0"), ("abuser", "40")];
    let at = |lost: f64| {
        let run = until(run(&knobs, &[(2.0, "failover", &[lost])], 1), 59.9);
        model(&*run).users[0].admitted
    };
    assert_eq!(at(0.0), 100);
    assert_eq!(at(500.0), 120);
    let flushed = until(run(&knobs, &[(2.0, "flush", &[])], 1), 59.9);
    assert_eq!(model(&*flushed).users[0].admitted, 179);
}

/// GET-then-SET has a second way to make an immortal key: read before it expires, write after.
#[test]
fn the_end_of_a_window_can_make_a_key_immortal() {
    let knobs = with(QUIET, &[("mode", "get-set"), ("rtt", "10")]);
    // SET arrives at 1.015 s, so the key goes at 61.015 s; GET reads at 61.005, SET writes at 61.015.
    let acts: Acts = &[(1.0, "burst", &[1.0]), (61.0, "burst", &[1.0])];
    let run = until(run(&knobs, acts, 1), 63.0);
    assert_eq!(number(&*run, "stuck_keys"), 1.0);
}

#[test]
fn a_silent_store_costs_every_request_its_patience() {
    let knobs = [("mode", "script"), ("users", "0")];
    let silent = until(run(&knobs, &[(1.0, "store_down", &[10.0, 1.0])], 1), 10.9);
    let refusing = until(run(&knobs, &[(1.0, "store_down", &[10.0, 0.0])], 1), 10.9);
    assert!(number(&*silent, "added") > 40.0, "{}", number(&*silent, "added"));
    assert!(number(&*refusing, "added") < 1.2);
    // A node that is cut off alone gives its part on top of the shared limit.
    let cut = until(run(&with(&knobs, &[("algorithm", "calendar")]), &[(0.01, "cut", &[1.0, 50.0])], 1), 49.0);
    assert_eq!(model(&*cut).users[0].admitted, 125);
}

#[test]
fn tiers_have_their_own_limits() {
    let knobs = with(QUIET, &[("mode", "script"), ("paying", "1"), ("paid-factor", "3")]);
    let acts: Acts = &[(1.0, "burst", &[1_000.0, 0.0, 1.0]), (1.0, "burst", &[1_000.0, 0.0, 2.0])];
    let run = until(run(&knobs, acts, 1), 2.0);
    assert_eq!((model(&*run).users[1].admitted, model(&*run).users[2].admitted), (300, 100));
}

/// With a store that takes no time, one user's traffic changes nothing for another.
#[test]
fn an_abuser_takes_nothing_from_the_others() {
    for algorithm in ["window", "calendar", "log", "counter", "bucket", "gcra"] {
        let decisions = |abuser| {
            let knobs = [
                ("mode", "script"),
                ("algorithm", algorithm),
                ("op", "0"),
                ("abuser", abuser),
                ("users", "6"),
                ("paying", "0"),
                ("limit", "20"),
                ("burst", "5"),
                ("window", "10"),
                ("user-rate", "3"),
            ];
            let run = until(run(&knobs, &[], 9), 60.0);
            model(&*run).users[1..].iter().map(|u| (u.admitted, u.refused)).collect::<Vec<_>>()
        };
        assert_eq!(decisions("0"), decisions("500"), "{algorithm}");
    }
}

/// Only a script says 429 and when to come back; the sample says 200.
#[test]
fn what_the_client_hears() {
    let acts: Acts = &[(1.0, "burst", &[11.0])];
    let told = |mode, algorithm| {
        let knobs =
            with(QUIET, &[("mode", mode), ("algorithm", algorithm), ("limit", "10"), ("burst", "10"), ("window", "6")]);
        let run = until(run(&knobs, acts, 1), 1.5);
        let m = model(&*run);
        let mark = m.last_refusal.unwrap();
        assert_eq!(mark.fate, Fate::Refused);
        (m.status(&mark), m.response(&mark), m.body(&mark))
    };
    assert_eq!(told("incr-expire", "window"), ("200 OK", Vec::new(), "{error: 'Rate limit exceeded'}"));
    let (status, fields, body) = told("script", "gcra");
    assert_eq!((status, body), ("429 Too Many Requests", "#quota-exceeded"));
    assert_eq!(fields[0], ("Retry-After", "1".to_string()));
    assert_eq!(fields[1], ("RateLimit-Policy", "\"default\";q=10;w=6".to_string()));
    assert_eq!(fields[2], ("RateLimit", "\"default\";r=0;t=1".to_string()));
}

#[test]
fn the_story_of_a_request_says_why() {
    let knobs = with(QUIET, &[("mode", "get-set"), ("limit", "1")]);
    let run = until(run(&knobs, &[(1.0, "burst", &[2.0])], 1), 2.0);
    let text: Vec<String> = run.story(1, Us::s(2)).lines.iter().map(|l| run.tell(l)).collect();
    let text = text.join("\n");
    for part in [
        "A request of the abuser reaches node 2.",
        "Node 2 sends GET.",
        "The store has run GET: there is no such key.",
        "Node 2 sends SET.",
        "The store has run SET: done.",
        "One true counter had no room for it: over-admitted.",
    ] {
        assert!(text.contains(part), "missing \"{part}\" in:\n{text}");
    }
}

const TROUBLE: Trouble =
    Trouble { question: &QUESTION, base: &[], fixed: &[], reach: 1.0, trouble_ms: 20_000, until: Us::s(25) };

proptest! {
    #![proptest_config(ProptestConfig::with_cases(80))]

    /// Whatever is set and done, no request is lost from the books, and one atomic script by the
    /// store's clock is never wrong unless the store was.
    #[test]
    fn conservation_and_exactness(value in TROUBLE.runs()) {
        TROUBLE.laws_hold(value)?;
    }

    /// The bounds of every mode, under an abuser of any rate on any number of nodes.
    #[test]
    fn bounds_of_the_modes(
        rate in 1..400u32, nodes in 1..9u64, limit in 1..60u64, burst in 1..40u64, rtt in 1..40u32, algorithm in 0..6usize, seed in 0..99u64
    ) {
        let names = ["window", "calendar", "log", "counter", "bucket", "gcra"];
        let (rate, k, n, b, rtt) = (rate.to_string(), nodes.to_string(), limit.to_string(), burst.to_string(), rtt.to_string());
        let base = [
            ("abuser", rate.as_str()), ("pattern", "poisson"), ("nodes", &k), ("limit", &n), ("burst", &b), ("rtt", &rtt),
            ("window", "4"), ("users", "0"), ("algorithm", names[algorithm]),
        ];
        let worst = |mode| number(&*until(run(&with(&base, &[("mode", mode)]), &[], seed), 20.0), "worst_window") as u64;
        // In any span of W: what one counter allows, and k times that for nodes that count alone.
        let one = match algorithm {
            2 => limit,
            4 | 5 => burst + limit,
            _ => 2 * limit,
        };
        prop_assert!(worst("script") <= one);
        prop_assert!(worst("local") <= nodes * one);
        // Parts add up to the whole; each bucket rounds up by at most one.
        prop_assert!(worst("split") <= one + nodes);
        prop_assert!(worst("incr-expire") <= 2 * limit);
        prop_assert!(worst("async") <= nodes * 2 * limit);
        prop_assert!(worst("gateway") <= nodes * (burst + limit));
    }
}
