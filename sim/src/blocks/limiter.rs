//! Rate limiters: six answers to "N requests per W".
//!
//! ```text
//!   clients --> [limiter] --admitted--> API
//!                  | \--refused, 429--> back to the client
//!               state of one key: a few numbers
//! ```
//!
//! Each algorithm keeps a little state for one key (a user, an API key, an address) and decides one
//! request at a time from the reading of its clock. They agree on the average and differ in which
//! burst they allow:
//!
//! | algorithm | state of a key | admitted at most |
//! |---|---|---|
//! | fixed window | 1 counter | N in each window of the calendar, 2N across an edge |
//! | sliding log | one entry per admitted request | N in every window |
//! | sliding counter | 2 counters | 2N - 1 in a window |
//! | token bucket | tokens, time | B + (N/W)·t in any time t |
//! | GCRA | 1 time | the same decisions as the token bucket |
//! | leaky bucket as a queue | 1 time, and the requests that wait | one each W/N after the other |
//!
//! Sources: the sliding counter is Cloudflare's ("How we built rate limiting capable of scaling to
//! millions of domains", 2017). GCRA is the Generic Cell Rate Algorithm of ATM (ITU-T I.371) in the
//! form redis-cell uses. The queue is what nginx's `limit_req` does without `nodelay`; its
//! `burst=b` is a capacity of b + 1 here.
//!
//! Rules that hold for all of them, and that the tests check on random histories:
//! - A refusal changes nothing. (Counting refused requests too is a choice some make; then a client
//!   that keeps knocking is never let in.)
//! - `retry_after` is exact: the same request, alone, is admitted then and not a microsecond before.
//! - All arithmetic is on whole numbers, so there is no drift and no rounding at a boundary.
//!
//! Leaves out: the store's latency and two nodes that race for one key (another question), keys
//! that expire, and more than one policy for a request.

use crate::deque::Deque;
use crate::kernel::Us;

/// What was promised: at most `limit` per `window`, and how big a burst the buckets allow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// N: cost units per window.
    pub limit: u64,
    /// W.
    pub window: Us,
    /// B: what a bucket holds, GCRA tolerates, a queue has places for. The other three ignore it.
    pub burst: u64,
}

impl Policy {
    /// The burst that this algorithm lets through at one instant after a long silence.
    pub fn burst_of(&self, algorithm: Algorithm) -> u64 {
        match algorithm {
            Algorithm::FixedWindow | Algorithm::SlidingLog | Algorithm::SlidingCounter => self.limit,
            Algorithm::TokenBucket | Algorithm::Gcra => self.burst,
            Algorithm::LeakyQueue => 1,
        }
    }

    /// The most that can pass in any span of length `window`, if clock and store behave.
    pub fn bound_in_window(&self, algorithm: Algorithm) -> u64 {
        match algorithm {
            Algorithm::FixedWindow => 2 * self.limit,
            Algorithm::SlidingLog => self.limit,
            Algorithm::SlidingCounter => (2 * self.limit - 1).max(1),
            // The span is open at one end, so the token that ripens at its very end is one too many.
            Algorithm::TokenBucket | Algorithm::Gcra => self.burst + self.limit - 1,
            Algorithm::LeakyQueue => self.limit,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Algorithm {
    FixedWindow,
    SlidingLog,
    SlidingCounter,
    TokenBucket,
    Gcra,
    LeakyQueue,
}

impl Algorithm {
    pub const ALL: [Algorithm; 6] = [
        Algorithm::FixedWindow,
        Algorithm::SlidingLog,
        Algorithm::SlidingCounter,
        Algorithm::TokenBucket,
        Algorithm::Gcra,
        Algorithm::LeakyQueue,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Algorithm::FixedWindow => "Fixed window",
            Algorithm::SlidingLog => "Sliding log",
            Algorithm::SlidingCounter => "Sliding counter",
            Algorithm::TokenBucket => "Token bucket",
            Algorithm::Gcra => "GCRA",
            Algorithm::LeakyQueue => "Leaky bucket",
        }
    }
}

/// What a limiter says to one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decision {
    pub admitted: bool,
    /// How long it is held before it may go on: zero for all but the queue.
    pub wait: Us,
    /// Cost units that could be spent right after this decision.
    pub remaining: u64,
    /// After a refusal: the time until the same request would pass if nobody else came. `None` if
    /// it costs more than the limiter can ever give at once.
    pub retry_after: Option<Us>,
    /// Until one more unit becomes free; `None` when nothing is missing.
    pub more_after: Option<Us>,
    /// Until everything is as if nobody had ever come: what older headers call reset.
    pub reset_after: Us,
}

/// The limiter of one key. `clock` is the reading of the limiter's own clock in microseconds, which
/// may jump, also backwards.
#[derive(Clone, Debug, PartialEq)]
pub enum Limiter {
    FixedWindow(FixedWindow),
    SlidingLog(SlidingLog),
    SlidingCounter(SlidingCounter),
    TokenBucket(TokenBucket),
    Gcra(Gcra),
    LeakyQueue(Gcra),
}

impl Limiter {
    /// A key that nobody has used yet.
    pub fn new(algorithm: Algorithm) -> Limiter {
        match algorithm {
            Algorithm::FixedWindow => Limiter::FixedWindow(FixedWindow::default()),
            Algorithm::SlidingLog => Limiter::SlidingLog(SlidingLog::default()),
            Algorithm::SlidingCounter => Limiter::SlidingCounter(SlidingCounter::default()),
            Algorithm::TokenBucket => Limiter::TokenBucket(TokenBucket::default()),
            Algorithm::Gcra => Limiter::Gcra(Gcra::default()),
            Algorithm::LeakyQueue => Limiter::LeakyQueue(Gcra::default()),
        }
    }

    /// Decides about a request of this cost, and pays for it if it is admitted.
    pub fn ask(&mut self, policy: &Policy, clock: i64, cost: u64) -> Decision {
        match self {
            Limiter::FixedWindow(l) => l.ask(policy, clock, cost),
            Limiter::SlidingLog(l) => l.ask(policy, clock, cost),
            Limiter::SlidingCounter(l) => l.ask(policy, clock, cost),
            Limiter::TokenBucket(l) => l.ask(policy, clock, cost),
            Limiter::Gcra(l) => l.ask(policy, clock, cost),
            Limiter::LeakyQueue(l) => l.ask_queue(policy, clock, cost),
        }
    }

    /// What a request would hear now, without asking: the state stays as it is.
    pub fn peek(&self, policy: &Policy, clock: i64, cost: u64) -> Decision {
        match self {
            // The log is the only one whose copy costs something, and the only one that can tell
            // without pruning.
            Limiter::SlidingLog(l) => l.judge(policy, clock, cost),
            other => other.clone().ask(policy, clock, cost),
        }
    }

    /// How full it is, from 0 (unused) to 1 (nothing left): counter, bucket or queue.
    pub fn fill(&self, policy: &Policy, clock: i64) -> f64 {
        let used = self.used(policy, clock);
        let size = match self {
            Limiter::FixedWindow(_) | Limiter::SlidingLog(_) | Limiter::SlidingCounter(_) => policy.limit,
            _ => policy.burst,
        };
        (used / size as f64).clamp(0.0, 1.0)
    }

    /// Cost units in use now: counted, estimated, or taken and not yet refilled.
    pub fn used(&self, policy: &Policy, clock: i64) -> f64 {
        match self {
            Limiter::FixedWindow(l) => l.count_at(policy, clock) as f64,
            Limiter::SlidingLog(l) => l.count_at(policy, clock) as f64,
            Limiter::SlidingCounter(l) => l.estimate(policy, clock),
            Limiter::TokenBucket(l) => l.missing(policy, clock) as f64 / policy.window.0 as f64,
            Limiter::Gcra(l) | Limiter::LeakyQueue(l) => l.debt(policy, clock) as f64 / policy.window.0 as f64,
        }
    }

    /// Bytes of values that a store keeps for this key, without the key's name and the store's own
    /// overhead: 8 a number; 16 a log entry (its time and a unique member, as in a sorted set).
    pub fn stored_bytes(&self) -> usize {
        match self {
            Limiter::FixedWindow(_) => 8,
            Limiter::SlidingLog(l) => 16 * l.entries.len(),
            Limiter::SlidingCounter(_) | Limiter::TokenBucket(_) => 16,
            Limiter::Gcra(_) | Limiter::LeakyQueue(_) => 8,
        }
    }

    /// Bytes on the heap, for the weight of a checkpoint.
    pub fn heap_bytes(&self) -> usize {
        match self {
            Limiter::SlidingLog(l) => l.entries.len() * size_of::<(i64, u64)>(),
            _ => 0,
        }
    }
}

/// The number of the calendar window that a clock reading lies in, and how far into it.
fn window_of(policy: &Policy, clock: i64) -> (i64, u64) {
    let w = policy.window.0 as i64;
    (clock.div_euclid(w), clock.rem_euclid(w) as u64)
}

/// One counter, set to zero whenever the clock enters another window: ⌊clock / W⌋.
///
/// Windows are aligned to the calendar, not to the first request, so everybody's counter is reset
/// at the same moment, and a client can spend N just before an edge and N just after it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct FixedWindow {
    window: i64,
    count: u64,
}

impl FixedWindow {
    fn count_at(&self, policy: &Policy, clock: i64) -> u64 {
        if window_of(policy, clock).0 == self.window { self.count } else { 0 }
    }

    fn ask(&mut self, policy: &Policy, clock: i64, cost: u64) -> Decision {
        let (window, elapsed) = window_of(policy, clock);
        let count = self.count_at(policy, clock);
        let left = policy.window - Us(elapsed);
        let admitted = count + cost <= policy.limit;
        let count = if admitted { count + cost } else { count };
        if admitted {
            *self = FixedWindow { window, count };
        }
        Decision {
            admitted,
            wait: Us::ZERO,
            // A limit that has shrunk may already be passed.
            remaining: policy.limit.saturating_sub(count),
            retry_after: (!admitted && cost <= policy.limit).then_some(left),
            more_after: (count > 0).then_some(left),
            reset_after: if count > 0 { left } else { Us::ZERO },
        }
    }
}

/// The time of every admitted request of the last W: exact, and as big as the limit.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SlidingLog {
    /// (time, cost), oldest first.
    entries: Deque<(i64, u64)>,
    used: u64,
}

impl SlidingLog {
    fn is_live(policy: &Policy, clock: i64, at: i64) -> bool {
        // An entry of time s counts in the window (clock - W, clock], so it leaves at s + W. One
        // from the future (the clock was set back) counts until the clock has passed it again.
        at + policy.window.0 as i64 > clock
    }

    fn count_at(&self, policy: &Policy, clock: i64) -> u64 {
        let gone = self
            .entries
            .iter()
            .take_while(|(at, _)| !Self::is_live(policy, clock, *at))
            .map(|(_, cost)| cost)
            .sum::<u64>();
        self.used - gone
    }

    fn ask(&mut self, policy: &Policy, clock: i64, cost: u64) -> Decision {
        while let Some(&(at, gone)) = self.entries.front()
            && !Self::is_live(policy, clock, at)
        {
            self.entries.pop_front();
            self.used -= gone;
        }
        let decision = self.judge(policy, clock, cost);
        if decision.admitted {
            // Kept in order even if the clock was set back, so that the oldest leaves first.
            let after = self.entries.partition_point(|(at, _)| *at <= clock);
            self.entries.insert(after, (clock, cost));
            self.used += cost;
        }
        decision
    }

    /// The decision, and what remains after it, without changing the log.
    fn judge(&self, policy: &Policy, clock: i64, cost: u64) -> Decision {
        let used = self.count_at(policy, clock);
        let admitted = used + cost <= policy.limit;
        let live = self
            .entries
            .iter()
            .map(|(at, cost)| (at + policy.window.0 as i64 - clock, *cost))
            .skip_while(|(leaves_in, _)| *leaves_in <= 0);
        let first = live.clone().next();
        let last = self.entries.back().filter(|_| first.is_some());
        let last = last.map(|(at, _)| Us((at + policy.window.0 as i64 - clock) as u64));
        // The request fits once enough of the oldest have left.
        let mut to_free = (used + cost).saturating_sub(policy.limit);
        let retry_after = live
            .take_while(|(_, freed)| {
                let needed = to_free > 0;
                to_free = to_free.saturating_sub(*freed);
                needed
            })
            .last();
        let own = admitted.then_some(policy.window);
        Decision {
            admitted,
            wait: Us::ZERO,
            remaining: policy.limit.saturating_sub(used + if admitted { cost } else { 0 }),
            retry_after: retry_after.filter(|_| cost <= policy.limit).map(|(leaves_in, _)| Us(leaves_in as u64)),
            more_after: first.map(|(leaves_in, _)| Us(leaves_in as u64)).or(own),
            reset_after: last.max(own).unwrap_or(Us::ZERO),
        }
    }
}

/// Two counters. The last W is estimated as if the previous window's requests had come evenly:
/// `previous · (1 - elapsed/W) + current`.
///
/// Cloudflare's example: 42 requests in the last minute, 18 in this one, 15 seconds into it:
/// 42 · 0.75 + 18 = 49.5.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct SlidingCounter {
    window: i64,
    current: u64,
    previous: u64,
}

impl SlidingCounter {
    /// The counters as they stand in the window that `clock` lies in.
    fn rolled(&self, policy: &Policy, clock: i64) -> (SlidingCounter, u64) {
        let (window, elapsed) = window_of(policy, clock);
        let (current, previous) = match window - self.window {
            0 => (self.current, self.previous),
            1 => (0, self.current),
            _ => (0, 0),
        };
        let rolled = SlidingCounter { window, current, previous };
        (rolled, elapsed)
    }

    fn estimate(&self, policy: &Policy, clock: i64) -> f64 {
        let (now, elapsed) = self.rolled(policy, clock);
        let rest = (policy.window.0 - elapsed) as f64 / policy.window.0 as f64;
        now.previous as f64 * rest + now.current as f64
    }

    /// The estimate with `cost` more, in units of 1/W, so that the comparison is exact.
    fn load(&self, policy: &Policy, elapsed: u64, cost: u64) -> u64 {
        self.previous * (policy.window.0 - elapsed) + (self.current + cost) * policy.window.0
    }

    fn ask(&mut self, policy: &Policy, clock: i64, cost: u64) -> Decision {
        let (mut now, elapsed) = self.rolled(policy, clock);
        let full = policy.limit * policy.window.0;
        let admitted = now.load(policy, elapsed, cost) <= full;
        if admitted {
            now.current += cost;
            *self = now;
        }
        let remaining = full.saturating_sub(now.load(policy, elapsed, 0)) / policy.window.0;
        let retry_after = if admitted { None } else { now.room_after(policy, elapsed, cost) };
        let left = policy.window - Us(elapsed);
        Decision {
            admitted,
            wait: Us::ZERO,
            remaining,
            retry_after,
            more_after: if remaining >= policy.limit { None } else { now.room_after(policy, elapsed, remaining + 1) },
            reset_after: match (now.current, now.previous) {
                (0, 0) => Us::ZERO,
                (0, _) => left,
                _ => left + policy.window,
            },
        }
    }

    /// How long until `cost` more fits: in this window as the previous one fades, else in the next
    /// as this one fades.
    fn room_after(&self, policy: &Policy, elapsed: u64, cost: u64) -> Option<Us> {
        if cost > policy.limit {
            return None;
        }
        let w = policy.window.0;
        // The least e with previous · (W - e) <= room · W.
        let fades_at = |previous: u64, room: u64| w.saturating_sub((room * w).checked_div(previous).unwrap_or(w));
        if self.current + cost <= policy.limit {
            let room = policy.limit - self.current - cost;
            let at = fades_at(self.previous, room);
            if at < w {
                return Some(Us(at) - Us(elapsed));
            }
        }
        let in_next = fades_at(self.current, policy.limit - cost);
        Some(Us(w - elapsed) + Us(in_next))
    }
}

/// A bucket of B tokens, refilled at N/W. A request takes its cost or is refused.
///
/// Counted in shares of a token, W of them (in microseconds) to one, so that a microsecond adds
/// exactly N shares. What is stored is how many are missing: a new key has a full bucket.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct TokenBucket {
    missing: u64,
    /// When `missing` was right. Never moves back: a clock that is set back must not refill twice.
    last: i64,
}

impl TokenBucket {
    /// Shares missing now.
    fn missing(&self, policy: &Policy, clock: i64) -> u64 {
        let passed = clock.saturating_sub(self.last).max(0) as u64;
        // While the clock is behind `last`, the lost time is counted as missing too: it has to pass
        // again before the first token ripens.
        let behind = self.last.saturating_sub(clock).max(0) as u64;
        if self.missing == 0 {
            return 0;
        }
        (self.missing + behind.saturating_mul(policy.limit)).saturating_sub(passed.saturating_mul(policy.limit))
    }

    fn ask(&mut self, policy: &Policy, clock: i64, cost: u64) -> Decision {
        let token = policy.window.0;
        let size = policy.burst * token;
        let missing = self.missing(policy, clock);
        let wanted = missing + cost * token;
        let admitted = wanted <= size;
        if admitted {
            *self = TokenBucket { missing: wanted, last: clock };
        }
        let missing = if admitted { wanted } else { missing };
        in_units(policy, admitted, missing, wanted.saturating_sub(size), cost)
    }
}

/// The Generic Cell Rate Algorithm: one time per key, the theoretical arrival time (TAT) at which
/// the key would be unused again.
///
/// Each admitted request moves it by T = W/N a unit. A request is early by TAT - now; it is refused
/// if that would exceed the tolerance τ = B · T. This is the token bucket with the bucket's level
/// written as a time, so there is no refill to compute and nothing but one number to store.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Gcra {
    /// In units of 1/N microseconds, so that T is the whole number W. `None`: never used.
    tat: Option<i128>,
}

impl Gcra {
    /// How far TAT lies in the future, in 1/N microseconds.
    fn debt(&self, policy: &Policy, clock: i64) -> u64 {
        let now = i128::from(clock) * i128::from(policy.limit);
        self.tat.map_or(0, |tat| (tat - now).max(0) as u64)
    }

    fn ask(&mut self, policy: &Policy, clock: i64, cost: u64) -> Decision {
        let step = policy.window.0;
        let tolerance = policy.burst * step;
        let early = self.debt(policy, clock);
        let wanted = early + cost * step;
        let admitted = wanted <= tolerance;
        if admitted {
            let now = i128::from(clock) * i128::from(policy.limit);
            self.tat = Some(now + i128::from(wanted));
        }
        let debt = if admitted { wanted } else { early };
        in_units(policy, admitted, debt, wanted.saturating_sub(tolerance), cost)
    }

    /// The same meter in front of a queue with B places: the same requests are accepted, but each
    /// goes on only when its own time has come, T after the one before. Bursts become waiting.
    fn ask_queue(&mut self, policy: &Policy, clock: i64, cost: u64) -> Decision {
        let ahead = self.debt(policy, clock);
        let mut decision = self.ask(policy, clock, cost);
        if decision.admitted {
            decision.wait = Us(ahead.div_ceil(policy.limit));
        }
        decision
    }
}

/// The decision of the bucket and of GCRA from the level after it, both counted in 1/W of a token,
/// which is also 1/N of a microsecond of refill.
fn in_units(policy: &Policy, admitted: bool, missing: u64, excess: u64, cost: u64) -> Decision {
    let token = policy.window.0;
    let size = policy.burst * token;
    let time = |shares: u64| Us(shares.div_ceil(policy.limit));
    let remaining = size.saturating_sub(missing) / token;
    Decision {
        admitted,
        wait: Us::ZERO,
        remaining,
        retry_after: (!admitted && cost <= policy.burst).then(|| time(excess)),
        more_after: (missing > 0).then(|| {
            let next = (remaining + 1).min(policy.burst) * token;
            time(missing.saturating_sub(size - next))
        }),
        reset_after: time(missing),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MINUTE: Policy = Policy { limit: 100, window: Us::s(60), burst: 10 };

    #[test]
    fn gcra_says_when_to_come_back_to_the_microsecond() {
        let mut l = Limiter::new(Algorithm::Gcra);
        for left in (0..10).rev() {
            let d = l.ask(&MINUTE, 0, 1);
            assert!(d.admitted && d.remaining == left);
        }
        let refused = l.ask(&MINUTE, 0, 1);
        assert_eq!(refused.retry_after, Some(Us(600_000)));
        assert!(!l.peek(&MINUTE, 599_999, 1).admitted);
        assert!(l.peek(&MINUTE, 600_000, 1).admitted);
    }

    #[test]
    fn what_is_used_is_counted_estimated_or_not_yet_refilled() {
        for a in Algorithm::ALL {
            let mut l = Limiter::new(a);
            assert_eq!((l.used(&MINUTE, 0), l.fill(&MINUTE, 0)), (0.0, 0.0));
            assert!(l.ask(&MINUTE, 0, 5).admitted);
            let counts = matches!(a, Algorithm::FixedWindow | Algorithm::SlidingLog | Algorithm::SlidingCounter);
            let size = if counts { 100.0 } else { 10.0 };
            assert_eq!((l.used(&MINUTE, 0), l.fill(&MINUTE, 0)), (5.0, 5.0 / size), "{a:?}");
            // A bucket has two of them back after 1.2 s, a counter none.
            let later = if counts { 5.0 } else { 3.0 };
            assert_eq!((l.used(&MINUTE, 1_200_000), l.fill(&MINUTE, 1_200_000)), (later, later / size), "{a:?}");
        }
        // Cloudflare's example: 42 in the last minute, 18 in this one, 15 seconds into it.
        let mut l = Limiter::new(Algorithm::SlidingCounter);
        assert!(l.ask(&MINUTE, 1_000_000, 42).admitted && l.ask(&MINUTE, 61_000_000, 18).admitted);
        assert_eq!(l.used(&MINUTE, 75_000_000), 49.5);
    }

    /// 8 bytes a number and 16 an entry of the log.
    #[test]
    fn what_a_store_keeps_for_a_key() {
        let bytes = Algorithm::ALL.map(|a| {
            let mut l = Limiter::new(a);
            assert!((0..3).all(|i| l.ask(&MINUTE, i * 600_000, 1).admitted));
            l.stored_bytes()
        });
        assert_eq!(bytes, [8, 3 * 16, 16, 16, 8, 8]);
    }

    /// The worst case of each comes up: just before an edge and just after it, or a burst and then all that ripens.
    #[test]
    fn bounds_are_reached() {
        let policy = Policy { limit: 10, window: Us::s(10), burst: 4 };
        let edge = 9_999_999;
        let asked = |a: Algorithm| -> Vec<i64> {
            match a {
                Algorithm::FixedWindow => [[edge; 10], [edge + 1; 10]].concat(),
                Algorithm::SlidingCounter => {
                    [vec![edge; 10], (1..10).map(|k| 10_000_000 + k * 1_000_000).collect()].concat()
                }
                Algorithm::TokenBucket | Algorithm::Gcra => {
                    [vec![0; 4], (1..10).map(|k| k * 1_000_000).collect()].concat()
                }
                _ => (0..10).map(|k| k * 1_000_000).collect(),
            }
        };
        for a in Algorithm::ALL {
            let (mut l, times) = (Limiter::new(a), asked(a));
            assert!(times.iter().all(|at| l.ask(&policy, *at, 1).admitted), "{a:?}");
            assert!(times[times.len() - 1] - times[0] < 10_000_000);
            assert_eq!(times.len() as u64, policy.bound_in_window(a), "{a:?}");
        }
    }

    /// When more fits and when nothing is left of it, also where nothing has been counted yet.
    #[test]
    fn counters_say_when_they_are_as_new() {
        for a in [Algorithm::FixedWindow, Algorithm::SlidingLog, Algorithm::SlidingCounter] {
            let unused = Limiter::new(a).ask(&MINUTE, 20_000_000, 101);
            assert_eq!((unused.more_after, unused.reset_after), (None, Us::ZERO), "{a:?}");
            let mut l = Limiter::new(a);
            assert!(l.ask(&MINUTE, 1_000_000, 60).admitted && l.ask(&MINUTE, 10_000_000, 40).admitted);
            let full = l.ask(&MINUTE, 20_000_000, 1);
            let (more, reset) = match a {
                Algorithm::FixedWindow => (40, 40),
                Algorithm::SlidingLog => (41, 50),
                // The first of a hundred has faded 0.6 s into the next window, the last at its end.
                _ => (40, 100),
            };
            let more = Us::s(more) + if a == Algorithm::SlidingCounter { Us::ms(600) } else { Us::ZERO };
            assert_eq!((full.more_after, full.reset_after), (Some(more), Us::s(reset)), "{a:?}");
        }
        // Nothing of this window, and all of the one before still fading.
        let mut l = Limiter::new(Algorithm::SlidingCounter);
        assert!(l.ask(&MINUTE, 59_000_000, 100).admitted);
        let refused = l.ask(&MINUTE, 61_000_000, 50);
        assert_eq!((refused.admitted, refused.reset_after), (false, Us::s(59)));
    }

    /// What passes at one instant after a long silence is what the policy says it is.
    #[test]
    fn a_burst_after_silence_is_as_long_as_it_is_said_to_be() {
        for a in Algorithm::ALL {
            let mut l = Limiter::new(a);
            l.ask(&MINUTE, 0, 1);
            let passed =
                (0..200).map(|_| l.ask(&MINUTE, 3_600_000_000, 1)).filter(|d| d.admitted && d.wait == Us::ZERO);
            assert_eq!(passed.count() as u64, MINUTE.burst_of(a), "{a:?}");
        }
    }

    #[test]
    fn a_request_that_costs_more_than_there_can_be_is_told_never() {
        for a in Algorithm::ALL {
            let d = Limiter::new(a).ask(&MINUTE, 0, 101);
            assert!(!d.admitted && d.retry_after.is_none(), "{a:?}");
        }
    }

    #[test]
    fn the_queue_accepts_what_gcra_admits_and_spaces_it_out() {
        let mut l = Limiter::new(Algorithm::LeakyQueue);
        for i in 0..10 {
            let d = l.ask(&MINUTE, 0, 1);
            assert!(d.admitted);
            assert_eq!(d.wait, Us(600_000 * i));
        }
        assert!(!l.ask(&MINUTE, 0, 1).admitted);
    }

    /// Requests as (gap before it in µs, cost), from bursts to silences longer than the window.
    fn requests() -> impl Strategy<Value = Vec<(u64, u64)>> {
        let gap = prop_oneof![
            3 => Just(0u64),
            4 => 1..2_000u64,
            3 => 1_000..400_000u64,
            1 => 500_000..9_000_000u64
        ];
        proptest::collection::vec((gap, prop_oneof![4 => Just(1u64), 1 => 1..6u64]), 1..220)
    }

    fn policies() -> impl Strategy<Value = Policy> {
        (1..30u64, 1..4_000u64, 1..40u64).prop_map(|(limit, ms, burst)| Policy {
            limit,
            window: Us::ms(ms) + Us(ms % 7),
            burst,
        })
    }

    /// The most that went on in any (t - W, t].
    fn most(passed: &[(u64, u64)], window: Us) -> u64 {
        passed
            .iter()
            .map(|(end, _)| passed.iter().filter(|(t, _)| t <= end && t + window.0 > *end).map(|(_, cost)| cost).sum())
            .max()
            .unwrap_or(0)
    }

    proptest! {
        #[test]
        fn each_keeps_its_bound(policy in policies(), requests in requests()) {
            for a in Algorithm::ALL {
                let mut l = Limiter::new(a);
                let mut now = 0;
                let mut passed = Vec::new();
                let mut windows = std::collections::BTreeMap::new();
                for (gap, cost) in &requests {
                    now += gap;
                    let d = l.ask(&policy, now as i64, *cost);
                    if d.admitted {
                        passed.push((now + d.wait.0, *cost));
                        *windows.entry(now / policy.window.0).or_insert(0) += cost;
                    }
                }
                // A queue moves whole requests: one of cost c may start when the one before is
                // paid for, so the last one to start adds its cost on top.
                let slack = if a == Algorithm::LeakyQueue { 4 } else { 0 };
                let bound = policy.bound_in_window(a) + slack;
                let worst = most(&passed, policy.window);
                prop_assert!(worst <= bound, "{a:?}: {worst} in one window, bound {bound}");
                if a == Algorithm::FixedWindow {
                    prop_assert!(windows.values().all(|n| *n <= policy.limit));
                }
            }
        }

        #[test]
        fn buckets_keep_their_bound_over_every_span(policy in policies(), requests in requests()) {
            let mut l = Limiter::new(Algorithm::TokenBucket);
            let mut now = 0;
            let mut passed = Vec::new();
            for (gap, cost) in &requests {
                now += gap;
                if l.ask(&policy, now as i64, *cost).admitted {
                    passed.push((now, *cost));
                }
            }
            for from in 0..passed.len() {
                let mut sum = 0;
                for (at, cost) in &passed[from..] {
                    sum += cost;
                    let span = at - passed[from].0;
                    // sum <= B + (N/W) · span, without dividing.
                    prop_assert!(sum * policy.window.0 <= policy.burst * policy.window.0 + policy.limit * span);
                }
            }
        }

        #[test]
        fn a_refusal_changes_nothing_and_its_retry_after_is_exact(
            policy in policies(), requests in requests()
        ) {
            for a in Algorithm::ALL {
                let mut l = Limiter::new(a);
                let mut now = 0i64;
                for (gap, cost) in &requests {
                    now += *gap as i64;
                    let before = l.clone();
                    let peeked = l.peek(&policy, now, *cost);
                    let d = l.ask(&policy, now, *cost);
                    prop_assert_eq!(peeked, d, "{:?}: peek", a);
                    if d.admitted {
                        prop_assert!(d.retry_after.is_none());
                        continue;
                    }
                    // The log forgets what has left the window; nothing that could be counted.
                    if a == Algorithm::SlidingLog {
                        prop_assert_eq!(before.used(&policy, now), l.used(&policy, now));
                    } else {
                        prop_assert_eq!(&before, &l, "{:?}", a);
                    }
                    let Some(after) = d.retry_after else {
                        let most = match a {
                            Algorithm::FixedWindow | Algorithm::SlidingLog | Algorithm::SlidingCounter => policy.limit,
                            _ => policy.burst,
                        };
                        prop_assert!(*cost > most);
                        continue;
                    };
                    let then = now + after.0 as i64;
                    prop_assert!(after > Us::ZERO, "{:?}", a);
                    prop_assert!(l.peek(&policy, then, *cost).admitted, "{:?} not at {after}", a);
                    prop_assert!(!l.peek(&policy, then - 1, *cost).admitted, "{:?} before {after}", a);
                }
            }
        }

        #[test]
        fn what_remains_can_be_spent_and_no_more(policy in policies(), requests in requests()) {
            for a in Algorithm::ALL {
                let mut l = Limiter::new(a);
                let mut now = 0i64;
                for (gap, cost) in &requests {
                    now += *gap as i64;
                    let d = l.ask(&policy, now, *cost);
                    if d.remaining > 0 {
                        prop_assert!(l.peek(&policy, now, d.remaining).admitted, "{:?}", a);
                    }
                    prop_assert!(!l.peek(&policy, now, d.remaining + 1).admitted, "{:?}", a);
                    if let Some(more) = d.more_after {
                        let then = now + more.0 as i64;
                        prop_assert!(l.peek(&policy, then, d.remaining + 1).admitted, "{:?} {d:?}", a);
                    }
                    let idle = l.peek(&policy, now + d.reset_after.0 as i64, 1);
                    let fresh = Limiter::new(a).peek(&policy, now + d.reset_after.0 as i64, 1);
                    prop_assert_eq!(idle.remaining, fresh.remaining, "{:?} {:?}", a, d);
                }
            }
        }

        #[test]
        fn memory_is_constant_except_for_the_log(policy in policies(), requests in requests()) {
            for a in Algorithm::ALL {
                let mut l = Limiter::new(a);
                let mut now = 0i64;
                for (gap, cost) in &requests {
                    now += *gap as i64;
                    l.ask(&policy, now, *cost);
                    let bound = if a == Algorithm::SlidingLog { 16 * policy.limit as usize } else { 16 };
                    prop_assert!(l.stored_bytes() <= bound, "{a:?}");
                }
            }
        }

        /// Clocks that jump both ways neither panic nor let a bucket's burst grow.
        #[test]
        fn the_bucket_and_gcra_agree_on_any_clock(
            policy in policies(),
            steps in proptest::collection::vec((-3_000_000..3_000_000i64, 1..4u64), 1..300)
        ) {
            let mut all: Vec<Limiter> = Algorithm::ALL.iter().map(|a| Limiter::new(*a)).collect();
            let mut clock = 0i64;
            for (step, cost) in steps {
                clock += step;
                let d: Vec<Decision> = all.iter_mut().map(|l| l.ask(&policy, clock, cost)).collect();
                prop_assert_eq!(d[3], d[4]);
            }
        }
    }
}
