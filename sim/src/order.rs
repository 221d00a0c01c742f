//! Sorting in few bytes.
//!
//! The standard library's sorts are fast for any input, and each type that is sorted brings four kilobytes of them into
//! what a reader downloads. Here lists are short, or nearly in order, or rarely sorted.

/// Sorts by insertion: what is equal keeps its order. Quick for lists that are short or nearly in order.
pub fn by<T>(list: &mut [T], before: impl Fn(&T, &T) -> bool) {
    for end in 1..list.len() {
        let mut at = end;
        while at > 0 && before(&list[at], &list[at - 1]) {
            list.swap(at, at - 1);
            at -= 1;
        }
    }
}

/// [`by`] a key.
pub fn by_key<T, K: PartialOrd>(list: &mut [T], key: impl Fn(&T) -> K) {
    by(list, |a, b| key(a) < key(b));
}

/// Sorts with a heap: quick for every list, and without regard for the order of equals.
pub fn sort<T: Ord>(list: &mut [T]) {
    let sink = |list: &mut [T], mut at: usize| {
        loop {
            let mut child = 2 * at + 1;
            if child >= list.len() {
                return;
            }
            if child + 1 < list.len() && list[child] < list[child + 1] {
                child += 1;
            }
            if list[at] >= list[child] {
                return;
            }
            list.swap(at, child);
            at = child;
        }
    };
    for root in (0..list.len() / 2).rev() {
        sink(list, root);
    }
    for end in (1..list.len()).rev() {
        list.swap(0, end);
        sink(&mut list[..end], 0);
    }
}

/// `value`, or the end of the range that it lies beyond. Unlike `clamp` it has nothing to say about a range whose ends are
/// the wrong way round, for which `clamp` brings along how floats are written.
pub fn between<T: PartialOrd>(value: T, low: T, high: T) -> T {
    if value < low {
        low
    } else if value > high {
        high
    } else {
        value
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn insertion_is_stable(mut list in prop::collection::vec((0_u8..8, any::<u16>()), 0..60)) {
            let mut expected = list.clone();
            expected.sort_by_key(|e| e.0);
            super::by_key(&mut list, |e| e.0);
            prop_assert_eq!(list, expected);
        }

        #[test]
        fn the_heap_sorts(mut list in prop::collection::vec(any::<u16>(), 0..300)) {
            let mut expected = list.clone();
            expected.sort_unstable();
            super::sort(&mut list);
            prop_assert_eq!(list, expected);
        }
    }
}
