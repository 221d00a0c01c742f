//! Work for all cores of the machine that tests; the engine itself has one thread.

use std::num::NonZero;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// What `f` makes of each item, in their order. Whoever is free takes the next one, so put the long ones first.
pub fn each<T: Sync, R: Send>(items: &[T], f: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let cores = thread::available_parallelism().map_or(1, NonZero::get);
    let next = AtomicUsize::new(0);
    let work = || {
        let mut done = Vec::new();
        while let Some((i, item)) = items.iter().enumerate().nth(next.fetch_add(1, Ordering::Relaxed)) {
            done.push((i, f(item)));
        }
        done
    };
    let mut all = thread::scope(|scope| {
        let workers: Vec<_> = (0..cores.min(items.len())).map(|_| scope.spawn(work)).collect();
        let joined = workers.into_iter().map(|w| w.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        joined.flatten().collect::<Vec<_>>()
    });
    all.sort_by_key(|(i, _)| *i);
    all.into_iter().map(|(_, r)| r).collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn everything_is_done_once_and_in_order() {
        let items: Vec<u32> = (0..1_000).collect();
        assert_eq!(super::each(&items, |i| i * 2), (0..2_000).step_by(2).collect::<Vec<u32>>());
        assert!(super::each(&[] as &[u32], |i| *i).is_empty());
    }
}
