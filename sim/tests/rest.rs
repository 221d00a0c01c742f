//! REST or GraphQL: the counts that can be derived by hand, and the laws. What the experiments of the page hold is not
//! repeated here.

mod common;

use common::{Trouble, after, ask, cases, count, number};
use proptest::prelude::*;
use sim::kernel::{Live, Us};
use sim::questions::rest_vs_graphql::QUESTION;

fn run(knobs: &[(&str, &str)], inputs: &[&str], until: u64) -> Box<dyn Live> {
    after(common::run(&QUESTION, 1, knobs, inputs), Us::s(until))
}

/// One screen, opened every other second, header fields left out.
const QUIET: [(&str, &str); 5] =
    [("rate", "0.5"), ("screens", "1"), ("arrivals", "even"), ("headers", "0"), ("shapes", "1")];

fn quiet<'a>(more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    QUIET.iter().chain(more).copied().collect()
}

/// 1 + N against 1 + levels, for any N and D, and with a second level below.
#[test]
fn statements_are_those_of_the_tree() {
    for (n, d) in [("20", "5"), ("7", "7"), ("100", "1")] {
        let ask = |mode: &str, comment: &str| {
            let knobs = quiet(&[("mode", mode), ("articles", n), ("authors", d), ("comment", comment)]);
            let run = run(&knobs, &[], 10);
            [ask(&*run, "last_queries"), ask(&*run, "last_keys")]
        };
        let (articles, authors): (f64, f64) = (n.parse().unwrap(), d.parse().unwrap());
        assert_eq!(ask("plain", "off"), [1.0 + articles, 1.0]);
        assert_eq!(ask("loader", "off"), [2.0, authors]);
        assert_eq!(ask("tailored", "off"), [2.0, authors]);
        assert_eq!(ask("persisted", "off"), [2.0, authors]);
        assert_eq!(ask("plain", "on"), [1.0 + 3.0 * articles, 1.0]);
        // Articles, authors, comments: the comments' authors are known by then.
        assert_eq!(ask("loader", "on")[0], 3.0);
    }
}

/// Round trips, bytes and queries of a POST: 50 + 20 ms, the bytes, 2 + 19 · 0.05 ms for the list and 2 + 4 · 0.05 ms
/// for the authors, and 40 objects of a microsecond.
#[test]
fn a_post_takes_the_sum_of_its_parts() {
    let run = run(&quiet(&[("mode", "loader")]), &[], 30);
    let expected = 50.0 + 20.0 + 24_000.0 * 8.0 / 10_000.0 + 2.95 + 2.2 + 0.04;
    assert!((ask(&*run, "mean_ms(4s, 30s)") - expected).abs() < 0.01, "{}", ask(&*run, "mean_ms(4s, 30s)"));
    assert_eq!(ask(&*run, "bytes_in(4s, 30s)"), 24_000.0);
    assert_eq!(ask(&*run, "hit_share(0s, 30s)"), 0.0);
    assert_eq!(number(&*run, "queries"), 2.0);
}

/// Whole resources out of the edge: two round trips with HTTP/2; with HTTP/1.1 twenty authors take four more.
#[test]
fn whole_resources_take_a_call_for_each_author() {
    for (connections, trips) in [("http2", 2.0), ("http1", 5.0)] {
        let knobs = quiet(&[("mode", "rest"), ("authors", "20"), ("connections", connections)]);
        let run = run(&knobs, &[], 30);
        assert_eq!(ask(&*run, "trips_in(4s, 30s)"), trips);
        assert_eq!(ask(&*run, "bytes_in(4s, 30s)"), 240_000.0 + 20.0 * 800.0);
        assert_eq!(ask(&*run, "hit_share(4s, 30s)"), 100.0);
        let bytes = 256_000.0 * 8.0 / 10_000.0;
        let took = ask(&*run, "mean_ms(4s, 30s)");
        assert!(took >= 100.0 + bytes - 0.01 && took <= trips * 50.0 + bytes + 0.01, "{took}");
    }
}

/// A hash costs the whole answer and saves its way; a version costs one query; without an ETag all of it comes again.
#[test]
fn what_a_304_saves_and_what_it_does_not() {
    let ask = |validator: &str| {
        let run = run(&quiet(&[("mode", "tailored"), ("ttl", "0"), ("validator", validator)]), &[], 30);
        [ask(&*run, "queries_in(5s, 29s)"), ask(&*run, "not_modified(5s, 29s)"), ask(&*run, "origin_bytes(5s, 29s)")]
    };
    assert_eq!(ask("body"), [2.0, 100.0, 0.0]);
    assert_eq!(ask("version"), [1.0, 100.0, 0.0]);
    assert_eq!(ask("none"), [2.0, 0.0, 12_000.0]);
}

/// Readers who hold the same copy get no body; after an edit they get the new one.
#[test]
fn a_reader_who_comes_back_downloads_nothing() {
    for (mode, bytes) in [("tailored", 0.0), ("rest", 0.0), ("persisted", 0.0), ("loader", 24_000.0)] {
        let run = run(&quiet(&[("mode", mode), ("returns", "100"), ("purge", "on")]), &["40s edit"], 130);
        assert_eq!(ask(&*run, "bytes_in(4s, 40s)"), bytes, "{mode}");
        let whole = if mode == "rest" { 240_000.0 } else { 24_000.0 };
        assert_eq!(ask(&*run, "bytes_in(42s, 98s)"), whole, "{mode}");
        assert_eq!(ask(&*run, "bytes_in(102s, 130s)"), bytes, "{mode}");
    }
}

/// After an edit the edge shows the old article for the rest of its lifetime, with a purge for a few milliseconds.
#[test]
fn an_edit_is_seen_when_the_copy_ends_or_is_purged() {
    let stale = |more: &[(&str, &str)]| {
        let knobs = quiet(&[&[("mode", "persisted"), ("shapes", "20"), ("rate", "10")], more].concat());
        let run = run(&knobs, &["70s edit"], 300);
        [ask(&*run, "stale_s"), ask(&*run, "stale_share(71s, 300s)"), ask(&*run, "purged")]
    };
    let [wait, ..] = stale(&[]);
    assert!(wait > 40.0 && wait <= 60.0, "{wait}");
    let [longer, ..] = stale(&[("swr", "30")]);
    assert!(longer > wait && longer <= 90.0, "{longer}");
    let [purged, later, entries] = stale(&[("purge", "on")]);
    assert!(purged < 0.1 && later == 0.0 && entries == 20.0, "{purged} s, {later} %, {entries} entries");
}

/// One table is down: who says so with a status, and who inside a 200.
#[test]
fn a_partial_failure_looks_different_in_each_api() {
    let outage = |mode: &str, ttl: &str| {
        let run = run(&quiet(&[("mode", mode), ("rate", "2"), ("ttl", ttl)]), &["10s authors for=30"], 40);
        ["shown(11s, 39s)", "partial_in(11s, 39s)", "failed_in(11s, 39s)"].map(|text| ask(&*run, text))
    };
    assert_eq!(outage("loader", "0"), [100.0, 56.0, 0.0]);
    assert_eq!(outage("persisted", "0"), [100.0, 56.0, 0.0]);
    assert_eq!(outage("tailored", "0"), [0.0, 0.0, 56.0]);
    assert_eq!(outage("rest", "0"), [100.0, 0.0, 5.0 * 56.0]);
    // What the edge has is not touched by it, and half an answer is not kept.
    assert_eq!(outage("persisted", "60"), [100.0, 0.0, 0.0]);
    let run = run(&quiet(&[("mode", "persisted")]), &["1s authors for=9", "2s flush"], 30);
    assert!(ask(&*run, "partial_in(2s, 10s)") >= 3.0);
    assert_eq!(count(&*run, "partial"), ask(&*run, "partial_in(0s, 30s)") as u64);
}

/// Six levels of a hundred: two million objects. What stops it, and where.
#[test]
fn a_greedy_query_is_stopped_by_a_limit_or_by_the_list() {
    let greedy = |mode: &str, more: &[(&str, &str)]| {
        let run = run(&quiet(&[&[("mode", mode)], more].concat()), &["10s greedy levels=6"], 60);
        assert_eq!(ask(&*run, "greedy_cost"), 2.0 * (100.0 + 10_000.0 + 1_000_000.0));
        ask(&*run, "greedy_queries")
    };
    assert_eq!(greedy("plain", &[]), 10_000.0);
    // A loader fetches each author and each author's articles once: few queries, and still two million objects.
    assert_eq!(greedy("loader", &[]), 3.0);
    assert_eq!(greedy("plain", &[("depth", "5")]), 0.0);
    assert_eq!(greedy("loader", &[("cost", "1000")]), 0.0);
    for mode in ["persisted", "rest", "tailored"] {
        assert_eq!(greedy(mode, &[]), 0.0);
    }
}

/// A limit below what the screens themselves need refuses them too.
#[test]
fn a_limit_does_not_know_whose_query_it_is() {
    for (depth, shown) in [("1", 0.0), ("2", 100.0)] {
        assert_eq!(ask(&*run(&quiet(&[("mode", "loader"), ("depth", depth)]), &[], 20), "shown(2s, 20s)"), shown);
    }
}

/// A file through the API, and with a signed address past it.
#[test]
fn an_upload_goes_through_the_api_or_past_it() {
    let upload = |mode: &str| {
        let run = run(&quiet(&[("mode", mode)]), &["5s upload mb=5"], 20);
        [ask(&*run, "upload_s"), ask(&*run, "upload_api")]
    };
    assert_eq!(upload("tailored"), [4.07, 5e6]);
    assert_eq!(upload("loader"), [4.122, 0.0]);
}

/// Another mode, another edge: the taps, the screens and the shapes stay the same.
#[test]
fn both_sides_of_an_a_b_are_tapped_alike() {
    let taps = |mode: &str| count(&*run(&[("mode", mode)], &[], 60), "taps");
    let first = taps("rest");
    assert!(["tailored", "plain", "loader", "persisted"].iter().all(|mode| taps(mode) == first));
}

/// Requests for what is being fetched wait for it: a burst on a cold edge is one request to the origin.
#[test]
fn requests_for_the_same_are_collapsed() {
    let knobs = quiet(&[("mode", "tailored"), ("origin_rtt", "200"), ("rate", "100")]);
    let run = run(&knobs, &[], 2);
    assert!(count(&*run, "waited") > 15);
    assert_eq!(count(&*run, "asked"), 1);
}

const TROUBLE: Trouble = Trouble {
    question: &QUESTION,
    base: &[("rate", 1.0)],
    fixed: &["rate"],
    reach: 0.5,
    trouble_ms: 30_000,
    until: Us::s(35),
};

proptest! {
    #![proptest_config(cases(40))]

    /// Taps, requests, questions to the origin and statements are all accounted for; nothing is served older than
    /// allowed and no screen gets less than it shows. These are the model's own laws, looked at all along the run.
    #[test]
    fn nothing_is_lost_or_invented(value in TROUBLE.runs()) {
        TROUBLE.laws_hold(value)?;
    }
}

/// Ten minutes at the defaults stay within what a page may hold, and can be gone back in.
#[test]
fn ten_minutes_can_be_rewound() {
    let mut run = run(&[("mode", "plain"), ("shapes", "200")], &["100s greedy", "200s flush"], 600);
    common::can_be_revisited(&mut *run, sim::kernel::CHECKPOINT_BYTES_MAX);
}
