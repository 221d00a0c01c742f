//! The simulated queue against the closed forms.

use sim::{plain_queue, theory};

/// n >= 20/(eps^2 (1-rho)^2) customers make eps two standard errors.
fn customers(rho: f64, eps: f64) -> u64 {
    (20.0 / (eps * eps * (1.0 - rho) * (1.0 - rho))).ceil() as u64
}

/// Mean waits of c servers at three loads, within 3 % of Erlang C. Where almost nobody waits (16
/// servers half busy: one in a hundred) the few waits need a longer run than the rule for one
/// server says.
#[test]
fn mean_waits_are_erlangs() {
    for servers in [1u32, 4, 16] {
        for rho in [0.5, 0.8, 0.9] {
            let (mu, lambda) = (10.0, rho * 10.0 * f64::from(servers));
            let rare = 1.0 / theory::erlang_c(servers, lambda, mu).unwrap();
            let n = customers(rho, 0.03).max((rare * 60_000.0) as u64).max(400_000);
            let got = plain_queue(servers, lambda, mu, None, n, 1).unwrap();
            let expected = theory::mmc_wait_mean(servers, lambda, mu).unwrap();
            let off = got.mean_wait_s / expected - 1.0;
            assert!(off.abs() < 0.03, "c={servers} rho={rho}: {} for {expected} ({off:+.3})", got.mean_wait_s);
            assert_eq!((got.customers, got.blocked), (n, 0));
            let p99 = theory::mmc_wait_quantile(servers, lambda, mu, 0.99).unwrap();
            let got_p99 = got.p99_wait_s.unwrap();
            assert!((got_p99 - p99).abs() <= p99 * 0.06 + 0.0005, "c={servers} rho={rho}: p99 {got_p99} for {p99}");
        }
    }
}

#[test]
fn a_bounded_queue_blocks_as_it_should() {
    for (lambda, room) in [(0.8, 3), (1.0, 5), (2.0, 10)] {
        let got = plain_queue(1, lambda * 10.0, 10.0, Some(room), 600_000, 3).unwrap();
        let expected = theory::mm1k(lambda * 10.0, 10.0, room).unwrap();
        let blocked = got.blocked as f64 / got.customers as f64;
        assert!((blocked / expected.blocked - 1.0).abs() < 0.03, "{blocked} for {}", expected.blocked);
        assert!((got.mean_wait_s / expected.wait_mean - 1.0).abs() < 0.03);
    }
}

#[test]
fn same_value_same_bits_and_bad_arguments_are_explained() {
    let run = |seed| plain_queue(4, 30.0, 10.0, None, 50_000, seed).unwrap();
    assert_eq!(run(7), run(7));
    assert_ne!(run(7).digest, run(8).digest);
    for (servers, lambda, mu, room) in
        [(0, 1.0, 2.0, None), (1, 2.0, 1.0, None), (1, f64::NAN, 1.0, None), (4, 1.0, 1.0, Some(3))]
    {
        let error = plain_queue(servers, lambda, mu, room, 10, 1).unwrap_err();
        assert!(error.contains("expected"), "{error}");
    }
}
