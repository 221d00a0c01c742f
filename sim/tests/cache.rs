//! The cache block against the obvious implementation and against the closed forms.

use proptest::prelude::*;
use sim::blocks::cache::{Cache, Look, Policy, Stored};
use sim::blocks::popularity::Zipf;
use sim::kernel::{Tape, Us};
use sim::theory;

#[test]
fn fresh_then_stale_then_gone() {
    for mut c in [Cache::<()>::new(3), Cache::bounded(3, Policy::Lru)] {
        assert_eq!(c.look(Us::ZERO, 1), Look::Missing);
        c.fill(Us::s(1), 1, Us::s(10));
        assert_eq!(c.look(Us(10_999_999), 1), Look::Fresh);
        assert_eq!(c.look(Us::s(11), 1), Look::Stale);
        assert_eq!((c.look(Us::s(5), 2), c.fresh(Us::s(5))), (Look::Missing, 1));
        assert!(c.expire(Us::s(5), 1) && !c.expire(Us::s(5), 1) && !c.expire(Us::s(5), 2));
        assert_eq!((c.look(Us::s(5), 1), c.len()), (Look::Stale, 1));
        assert!(c.remove(1) && !c.remove(1));
        assert_eq!((c.look(Us::s(5), 1), c.len()), (Look::Missing, 0));
        c.fill(Us::s(5), 2, Us::s(10));
        c.flush();
        assert_eq!((c.look(Us::s(5), 2), c.len()), (Look::Missing, 0));
    }
}

#[test]
fn without_eviction_a_full_cache_waits_for_an_expiry() {
    let mut c = Cache::<()>::bounded(2, Policy::Refuse);
    c.fill(Us::s(0), 10, Us::s(10));
    c.fill(Us::s(1), 11, Us::s(10));
    assert_eq!(c.fill(Us::s(9), 12, Us::s(10)), Stored::Refused);
    assert_eq!(c.fill(Us::s(10), 12, Us::s(10)), Stored::Evicted(10));
    for policy in [Policy::Lru, Policy::Lfu, Policy::Fifo, Policy::Refuse] {
        assert_eq!(Cache::<()>::bounded(0, policy).fill(Us::s(0), 1, Us::s(1)), Stored::Refused);
    }
}

/// Hit ratio over `n` requests after as many to warm up.
fn hits(policy: Policy, keys: u32, skew: f64, capacity: u32, n: u64) -> f64 {
    let zipf = Zipf::new(keys, skew);
    let draws = Tape::new(11).purpose("key");
    let mut cache = Cache::<()>::bounded(capacity, policy);
    let mut hit = 0u64;
    for i in 0..2 * n {
        let key = zipf.rank(draws.at(i + 1));
        if cache.get(Us::ms(1), key).0 == Look::Fresh {
            hit += u64::from(i >= n);
        } else {
            cache.fill(Us::ms(1), key, Us::s(1_000_000));
        }
    }
    assert!(cache.len() <= capacity);
    100.0 * hit as f64 / n as f64
}

/// Che's approximation by the published-style table; the cache itself is held against it in `sim/src/accuracy/`.
#[test]
fn ches_table() {
    let table = [
        (0.8, [(100.0, 15.7), (1_000.0, 43.7), (2_000.0, 56.8)]),
        (1.0, [(100.0, 39.1), (1_000.0, 67.6), (2_000.0, 76.8)]),
        (1.2, [(100.0, 65.6), (1_000.0, 86.1), (2_000.0, 90.9)]),
    ];
    for (skew, row) in table {
        let classes = Zipf::new(10_000, skew).classes();
        for (capacity, expected) in row {
            let che = 100.0 * theory::che(&classes, capacity).unwrap().hit;
            assert!((che - expected).abs() < 0.1, "s={skew} C={capacity}: {che} for {expected}");
        }
    }
    let classes = Zipf::new(10_000, 0.8).classes();
    let (best, fifo) = (theory::static_best(&classes, 1_000.0), theory::fifo(&classes, 1_000.0).unwrap().hit);
    assert!((100.0 * best - 57.1).abs() < 0.1 && (100.0 * fifo - 39.4).abs() < 0.1, "{best} {fifo}");
}

/// The order between the policies, and LFU close below the best there is.
#[test]
fn counting_uses_beats_the_last_use_beats_the_first() {
    let best = 100.0 * theory::static_best(&Zipf::new(10_000, 0.8).classes(), 1_000.0);
    let of = |policy| hits(policy, 10_000, 0.8, 1_000, 200_000);
    let (lru, lfu, first) = (of(Policy::Lru), of(Policy::Lfu), of(Policy::Fifo));
    assert!(first < lru && lru < lfu && lfu < best, "{first} {lru} {lfu} {best}");
    assert!(lfu > best - 5.0, "LFU {lfu}, at best {best}");
}

/// The obvious cache: a list of (key, uses, last use, stored first, expiry).
#[derive(Clone, Copy, Debug, PartialEq)]
struct Plain {
    key: u32,
    uses: u32,
    used: usize,
    first: usize,
    stored: usize,
    expires_ms: u64,
}

fn plain_victim(policy: Policy, list: &[Plain]) -> usize {
    let rank = |p: &Plain| match policy {
        Policy::Lru => (0, p.used.max(p.stored)),
        Policy::Lfu => (p.uses, p.used),
        Policy::Fifo => (0, p.first),
        Policy::Refuse => (0, p.stored),
    };
    (0..list.len()).min_by_key(|i| rank(&list[*i])).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(200) })]

    /// Looking, storing, deleting and expiring in any order: what is in the cache, how it stands and
    /// who is evicted are those of the list.
    #[test]
    fn it_is_the_list(
        which in 0usize..4,
        capacity in 1u32..12,
        ops in prop::collection::vec((0u8..8, 0u32..30, 0u64..400), 1..400),
    ) {
        let policy = [Policy::Lru, Policy::Lfu, Policy::Fifo, Policy::Refuse][which];
        let mut cache = Cache::<u32>::bounded(capacity, policy);
        let mut list: Vec<Plain> = Vec::new();
        let mut ms = 1;
        for (step, (op, key, gap)) in ops.into_iter().enumerate() {
            ms += gap;
            let now = Us::ms(ms);
            let found = list.iter().position(|p| p.key == key);
            let state = |p: &Plain| if p.expires_ms > ms { Look::Fresh } else { Look::Stale };
            match op {
                0 => {
                    prop_assert_eq!(cache.remove(key), found.is_some());
                    found.map(|i| list.remove(i));
                }
                1 => {
                    let fresh = found.is_some_and(|i| state(&list[i]) == Look::Fresh);
                    prop_assert_eq!(cache.expire(now, key), fresh);
                    if fresh {
                        list[found.unwrap()].expires_ms = ms;
                    }
                }
                _ => {
                    let (look, value) = cache.get(now, key);
                    prop_assert_eq!(look, found.map_or(Look::Missing, |i| state(&list[i])));
                    if let Some(i) = found {
                        prop_assert_eq!(value, key + 7);
                        (list[i].uses, list[i].used) = (list[i].uses + 1, 2 * step);
                    }
                    if look != Look::Fresh {
                        let ttl = 100 * (1 + u64::from(key % 5));
                        let stored = cache.store(now, key, Us::ms(ttl), key + 7);
                        let fresh_one = Plain { key, uses: 1, used: 2 * step + 1, first: step, stored: 2 * step + 1, expires_ms: ms + ttl };
                        let expected = if let Some(i) = found {
                            (list[i].stored, list[i].expires_ms) = (2 * step + 1, ms + ttl);
                            Stored::Replaced
                        } else if list.len() < capacity as usize {
                            list.push(fresh_one);
                            Stored::Added
                        } else {
                            let v = plain_victim(policy, &list);
                            if policy == Policy::Refuse && state(&list[v]) == Look::Fresh {
                                Stored::Refused
                            } else {
                                let gone = list.swap_remove(v);
                                list.push(fresh_one);
                                Stored::Evicted(gone.key)
                            }
                        };
                        prop_assert_eq!(stored, expected);
                    }
                }
            }
            prop_assert_eq!(cache.len() as usize, list.len());
            prop_assert!(cache.len() <= capacity);
            for p in &list {
                prop_assert_eq!(cache.peek(p.key), Some((Us::ms(p.expires_ms), p.key + 7)));
            }
            prop_assert_eq!(cache.entries().count(), list.len());
            prop_assert_eq!(cache.fresh(now), list.iter().filter(|p| state(p) == Look::Fresh).count());
        }
    }
}
