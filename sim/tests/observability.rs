//! The observability question: its experiments derived again, its laws, and what telemetry makes of the truth.

mod common;

use common::{Trouble, after, ask, count, number, run};
use proptest::prelude::*;
use sim::blocks::burn_rate::{RULES, holds_after};
use sim::questions::observability::QUESTION;
use sim::{Live, Us};

/// No users: only what is given.
fn given(knobs: &[(&'static str, &'static str)], inputs: &[&str], until: Us) -> Box<dyn Live> {
    let knobs: Vec<_> = [("rate", "0")].iter().chain(knobs).copied().collect();
    after(run(&QUESTION, 1, &knobs, inputs), until)
}

fn number_of(run: &dyn Live, key: &str) -> Option<f64> {
    run.number(QUESTION.number(key).unwrap())
}

// ---- the experiments ----

#[test]
fn averaged_percentiles() {
    let inputs = ["0s given count=900 ms=100 on=1", "0s given count=100 ms=2000 on=2"];
    // In real time: the dashboard looks back two minutes.
    let r = given(&[("clock", "1")], &inputs, Us::s(16));
    assert_eq!((ask(&*r, "mean_p99"), ask(&*r, "weighted_p99")), (1_050.0, 290.0));
    assert_eq!(number(&*r, "true_p99"), 2_000.0);
    // 900 lie below 1 s, rank 990 is the 90th of the hundred in (1 s, 2.5 s].
    assert_eq!(ask(&*r, "merged_p99"), 2_350.0);
    for (report, says) in [("merged", 2_350.0), ("average", 1_050.0), ("weighted", 290.0)] {
        let r = given(&[("clock", "1"), ("report", report)], &inputs, Us::s(16));
        assert_eq!(number(&*r, "reported_p99"), says);
    }
    // Exponential buckets of 10 % are never further off than that.
    let r = given(&[("clock", "1"), ("bounds", "fine")], &inputs, Us::s(16));
    assert!((number(&*r, "reported_p99") / 2_000.0 - 1.0).abs() < 0.1);
}

#[test]
fn a_bucket_edge() {
    for (inputs, says) in [(&["1s given ms=260"][..], 497.5), (&["0s bound ms=300", "1s given ms=260"], 299.5)] {
        for point in ["server", "balancer", "client"] {
            let r = given(&[("clock", "1"), ("point", point)], inputs, Us::s(16));
            assert_eq!((number(&*r, "reported_p99"), number(&*r, "true_p99")), (says, 260.0), "{point}");
        }
    }
}

/// 0.0144/e hours in real time, and the same on a clock that is sixty times as fast.
#[test]
fn how_fast_do_we_page() {
    for (clock, share, until_s) in [("1", "100", 80), ("1", "10", 540), ("60", "10", 15), ("60", "2", 50)] {
        let knobs = [("clock", clock), ("rate", "100"), ("even", "on")];
        let errors = format!("0s errors share={share}");
        let r = after(run(&QUESTION, 1, &knobs, &[&errors]), Us::s(until_s));
        let bad = share.parse::<f64>().unwrap() / 100.0;
        let expected = holds_after(&RULES[0], 0.999, bad).unwrap().as_s();
        let held = ask(&*r, "held(1)") * 60.0;
        // One more failure than the threshold, and the 20 ms until it has failed, on the telemetry clock.
        let slack = clock.parse::<f64>().unwrap() * (1.0 / (100.0 * bad) + 0.05);
        assert!(held >= expected && held - expected < slack, "{share} % at {clock}: {held} for {expected}");
        // The monitor sees it at the next scrape.
        let fired = ask(&*r, "fired_after(1)") * 60.0;
        assert!((fired - (held / 15.0).ceil() * 15.0).abs() < 0.01, "{fired} {held}");
        assert_eq!(number(&*r, "delay") * 60.0, fired);
    }
}

#[test]
fn the_slow_rules_see_what_the_fast_one_misses() {
    let knobs = [("rate", "50"), ("even", "on")];
    let r = after(run(&QUESTION, 1, &knobs, &["0s errors share=1"]), Us::s(230));
    assert_eq!((ask(&*r, "fired(1)"), ask(&*r, "fired(2)")), (0.0, 1.0));
    let hours = ask(&*r, "held(2)") / 60.0;
    assert!((hours - 3.6).abs() < 0.04, "{hours}");
    // Half a percent pages nobody. The ticket comes after 14.4 h.
    let mut r = run(&QUESTION, 1, &knobs, &["0s errors share=0.5"]);
    r.advance(Us::s(880), u64::MAX);
    assert_eq!(["fired(1)", "fired(2)", "fired(3)"].map(|a| ask(&*r, a)), [0.0, 0.0, 1.0]);
    let hours = ask(&*r, "held(3)") / 60.0;
    assert!((hours - 14.4).abs() < 0.07, "{hours}");
    assert_eq!(number_of(&*r, "delay"), None);
}

#[test]
fn the_short_window_lets_go_soon() {
    let knobs = [("rate", "100"), ("even", "on")];
    let inputs = ["0s errors share=50", "10s mend"];
    let [both, long] = ["on", "off"].map(|short| {
        let knobs: Vec<_> = knobs.iter().copied().chain([("short", short)]).collect();
        after(run(&QUESTION, 1, &knobs, &inputs), Us::s(80))
    });
    // Five minutes, less what of them may still be bad; an hour, likewise.
    assert!((ask(&*both, "let_go_after(1)") - 4.9).abs() < 0.3);
    assert!((ask(&*long, "let_go_after(1)") - 58.3).abs() < 0.6, "{}", ask(&*long, "let_go_after(1)"));
}

#[test]
fn coordinated_omission() {
    let p99 = |tester| given(&[("tester", tester)], &["50s freeze for=10"], Us::s(120));
    let (closed, open) = (p99("closed"), p99("open"));
    assert!((ask(&*closed, "test_p99") - 1.0).abs() < 0.01);
    assert_eq!((ask(&*closed, "test_sent"), ask(&*closed, "test_omitted")), (9_001.0, 999.0));
    let s = ask(&*open, "test_p99") / 1_000.0;
    assert!((8.9..9.2).contains(&s), "{s}");
    assert_eq!(ask(&*open, "test_sent"), 10_000.0);
    let corrected = ask(&*closed, "test_p99_corrected") / 1_000.0;
    assert!((8.9..9.2).contains(&corrected), "{corrected}");
}

#[test]
fn one_more_label() {
    let r = after(run(&QUESTION, 1, &[], &[]), Us::s(30));
    assert_eq!((ask(&*r, "label_sets"), ask(&*r, "series_possible")), (60_000.0, 840_000.0));
    let u = after(run(&QUESTION, 1, &[("user_label", "on")], &[]), Us::s(30));
    assert_eq!(ask(&*u, "label_sets"), 6e9);
    // Nearly each of 30,000 requests makes a label set of its own.
    assert!(ask(&*u, "label_sets_seen") > 25_000.0);
    assert!(ask(&*r, "label_sets_seen") < ask(&*u, "label_sets_seen") / 3.0);
    // A limit on series takes the whole target away.
    let l = after(run(&QUESTION, 1, &[("user_label", "on"), ("limit", "100000")], &[]), Us::s(30));
    assert_eq!(number_of(&*l, "reported_p99"), None);
    assert!(ask(&*l, "failed_scrapes") > 50.0);
}

// ---- what else the text says ----

/// Users wait, and the handler does not know.
#[test]
fn it_depends_on_where_it_is_measured() {
    let at = |point: &'static str, inputs: &[&str]| after(run(&QUESTION, 1, &[("point", point)], inputs), Us::s(12));
    let network = ["2s network ms=300 loss=5"];
    let [server, client] = ["server", "client"].map(|p| at(p, &network));
    assert!(number(&*server, "true_p50") > 320.0 && number(&*server, "reported_p50") < 60.0);
    assert!((number(&*client, "reported_errors") - number(&*client, "true_errors")).abs() < 0.5);
    assert_eq!(number(&*server, "reported_errors"), 0.0);
    // All of web is down: the handlers have nothing to report.
    let down = ["2s crash which=web-1", "2s crash which=web-2", "2s crash which=web-3", "2s crash which=web-4"];
    let [server, balancer] = ["server", "balancer"].map(|p| after(run(&QUESTION, 1, &[("point", p)], &down), Us::s(6)));
    assert_eq!(number_of(&*server, "reported_errors").unwrap_or(0.0), 0.0);
    assert!(number(&*balancer, "reported_errors") > 95.0 && number(&*server, "true_errors") > 95.0);
    assert_eq!(ask(&*server, "fired(1)"), 0.0);
    assert_eq!(ask(&*balancer, "fired(1)"), 1.0);
}

/// A monitor that is down for a while loses no counts; an instance that restarts does.
#[test]
fn gaps_are_filled_and_restarts_are_not() {
    let knobs = [("clock", "1"), ("rate", "200")];
    let blind = after(run(&QUESTION, 1, &knobs, &["20s blind for=30", "100s set rate=0"]), Us::s(121));
    assert_eq!((ask(&*blind, "failed_scrapes"), ask(&*blind, "lost_counts")), (2.0, 0.0));
    assert_eq!(count(&*blind, "read"), count(&*blind, "requests"));
    let crash = after(run(&QUESTION, 1, &knobs, &["29s crash", "100s set rate=0"]), Us::s(121));
    // 14 s of a quarter of 200 a second.
    assert!((ask(&*crash, "lost_counts") - 700.0).abs() < 120.0);
}

/// CPU falls when requests fail fast; and it is high when nobody is harmed.
#[test]
fn a_page_for_cpu_is_about_something_else() {
    let page =
        |paging: &'static str, inputs: &[&str]| after(run(&QUESTION, 1, &[("paging", paging)], inputs), Us::s(30));
    let failing = ["2s errors share=100"];
    assert_eq!(ask(&*page("cpu", &failing), "fired(1)"), 0.0);
    assert_eq!(ask(&*page("burn", &failing), "fired(1)"), 1.0);
    let busy = ["2s surge factor=1.75"];
    let cpu = page("cpu", &busy);
    assert_eq!(ask(&*cpu, "fired(1)"), 1.0, "{} % busy", number(&*cpu, "db_busy"));
    assert!(number(&*cpu, "true_errors") < 0.1);
    assert_eq!(ask(&*page("burn", &busy), "fired(1)"), 0.0);
}

/// 30 s x 1,000/s x 20 x 500 B; room for 50,000 traces is 50 s of them.
#[test]
fn what_a_tail_sampler_holds() {
    let tail = |knobs: &[(&'static str, &'static str)], until| {
        let knobs: Vec<_> = [("sampling", "tail"), ("even", "on")].iter().chain(knobs).copied().collect();
        after(run(&QUESTION, 1, &knobs, &[]), Us::s(until))
    };
    let r = tail(&[], 40);
    assert!((number(&*r, "buffer") - 300.0).abs() < 2.0, "{}", number(&*r, "buffer"));
    assert_eq!(ask(&*r, "traces_evicted"), 0.0);
    // A wait of 60 s would need 60,000.
    let r = tail(&[("wait", "60")], 55);
    assert_eq!(ask(&*r, "traces_waiting"), 50_000.0);
    assert!((ask(&*r, "traces_evicted") - 5_000.0).abs() < 100.0);
}

#[test]
fn what_sampling_keeps_of_failures() {
    let kept = |sampling: &'static str| {
        let knobs = [("sampling", sampling), ("wait", "2")];
        after(run(&QUESTION, 1, &knobs, &["2s errors share=0.5", "20s set rate=0"]), Us::s(30))
    };
    assert!(ask(&*kept("head"), "failed_kept") < 6.0);
    assert_eq!(ask(&*kept("tail"), "failed_kept"), 100.0);
    assert_eq!(ask(&*kept("all"), "failed_kept"), 100.0);
    assert_eq!(ask(&*kept("none"), "failed_kept"), 0.0);
    // And tail keeps little else: slow ones, and 1 %.
    assert!(count(&*kept("tail"), "good") > 15_000);
}

/// From the metric to the trace to its log lines, by one id; without the id the chain breaks.
#[test]
fn one_id_leads_through() {
    let open = |lines: &'static str, sampling: &'static str| {
        let knobs = [("lines", lines), ("sampling", sampling), ("logs", "all"), ("wait", "10")];
        after(run(&QUESTION, 1, &knobs, &["2s database factor=3", "6s open"]), Us::s(7))
    };
    let r = open("ids", "all");
    assert!(ask(&*r, "lines_found") >= 2.0);
    let rows = r.words();
    let of = |what: &str| rows.iter().find(|(w, _)| w == what).map(|(_, how)| how.clone()).unwrap_or_default();
    let id = of("Open trace").split(',').next().unwrap().to_string();
    assert_eq!(id.len(), 8);
    assert!(rows.iter().any(|(w, how)| w.starts_with("Exemplar") && how.contains(&id)) || !id.is_empty());
    assert!(rows.iter().any(|(w, _)| w == "Span wait for a connection"), "{rows:#?}");
    assert_eq!(ask(&*open("json", "all"), "lines_found"), 0.0);
    // A tail sampler has not decided yet.
    assert!(open("ids", "tail").words().iter().any(|(w, how)| w == "Open trace" && how.contains("not decided")));
    // Without traces an exemplar has nothing to point to.
    assert!(open("ids", "none").words().iter().any(|(w, how)| w == "Open trace" && how.contains("none")));
}

/// Which user? Logs with fields know, text does not; a share of the traces knows a share of them.
#[test]
fn which_user() {
    let asked = |knobs: &[(&'static str, &'static str)]| {
        after(run(&QUESTION, 1, knobs, &["2s errors share=1", "12s who"]), Us::s(13))
    };
    let r = asked(&[]);
    let (all, logs, traces) = (ask(&*r, "affected"), ask(&*r, "affected_in_logs"), ask(&*r, "affected_in_traces"));
    assert!(all > 80.0 && logs == all && traces < all / 10.0, "{all} {logs} {traces}");
    let r = asked(&[("lines", "text")]);
    assert_eq!(ask(&*r, "affected_in_logs"), 0.0);
    let one = after(run(&QUESTION, 1, &[], &["2s customer"]), Us::s(20));
    assert_eq!(ask(&*one, "affected"), 1.0);
    // One customer of 0.5 % pages nobody.
    assert_eq!((ask(&*one, "fired(1)"), ask(&*one, "fired(2)")), (0.0, 0.0));
}

#[test]
fn ten_minutes_fit_and_are_found_again() {
    let mut run = after(run(&QUESTION, 1, &[], &[]), Us::s(600));
    common::can_be_revisited(&mut *run, 32 << 20);
}

// ---- random worlds ----

const TROUBLE: Trouble = Trouble {
    question: &QUESTION,
    base: &[("rate", 200.0)],
    fixed: &["rate"],
    reach: 0.5,
    trouble_ms: 12_000,
    until: Us::s(15),
};

proptest! {
    #![proptest_config(common::cases(40))]

    /// Any knobs, any faults: every request has one fate, every count is read, waits to be read, or died with its
    /// counter, and kept traces are whole.
    #[test]
    fn nothing_is_lost_or_invented(value in TROUBLE.runs()) {
        TROUBLE.laws_hold(value)?;
    }
}
