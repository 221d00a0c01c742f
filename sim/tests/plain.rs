//! The plain queue as a run and as a command: the same value gives the same bits. Its waits are held against Erlang's
//! in `sim/src/accuracy/queues.rs`.

use sim::plain_queue;

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
