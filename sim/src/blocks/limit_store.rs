//! Limit store: the shared memory of a rate limiter on many servers. A store of keys in the manner
//! of Redis, reduced to what limiters use: single commands, atomic scripts, keys that expire, and a
//! replica that lags.
//!
//! ```text
//!   node 1 --\                       /-- keys: limit:{7} = 57, expires in 12 s
//!   node 2 ---+-- one command or ---+
//!   node 3 --/    one script at a    \.. copied a moment later ..> replica
//!                 time
//! ```
//!
//! Each command runs alone, and so does each script, whatever it reads and writes: nobody sees the
//! store between two of its lines. Between two *commands* of one client anything can happen: others
//! run theirs, the client dies.
//!
//! Sources: the Redis documentation of `INCR` (its pattern "Rate limiter 2" and the leak it warns
//! of), `EXPIRE`, `SET` (with `KEEPTTL`) and `EVAL`; of replication ("asynchronous by default"). The
//! limiters that scripts keep are those of `limiter.rs`.
//!
//! Rules that hold, and that the tests check:
//! - A key whose time has come is gone for every command, at that very microsecond.
//! - `INCR` keeps the expiry of a key and gives a new key none. Only `EXPIRE`, `SET` and scripts
//!   give one.
//! - A script that refuses writes nothing.
//! - After a failover the store is what it was at an earlier moment: commands are lost from the end,
//!   never from the middle.
//!
//! Leaves out: several shards, memory limits and eviction, `MULTI`, clients that wait for replicas.

use super::limiter::{Algorithm, Decision, Limiter, Policy};
use crate::deque::Deque;
use crate::kernel::Us;

/// The name of a key: a user and, for calendar windows, the window's number, as in `limit:{7}:42`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    pub user: u32,
    pub window: i64,
}

impl Key {
    pub const fn of(user: u32) -> Key {
        Key { user, window: 0 }
    }
}

/// Whose clock a script goes by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clock {
    /// The store's own: `TIME` inside the script.
    Store,
    /// An argument of the caller, in microseconds.
    Caller(i64),
}

/// What an atomic script does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Script {
    /// `INCR` and `EXPIRE` in one step: the window begins with the first request.
    FromFirst,
    /// A counter for each window of the calendar, with the window's number in the key's name.
    Calendar,
    /// A limiter whose state is the key's value.
    Limiter(Algorithm),
    /// A token bucket that stores its caller's time as it comes, even if it runs backwards.
    TrustingBucket,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    Get(Key),
    /// With a span: `SET key value PX span`. Without: `SET key value KEEPTTL`, which gives a key
    /// that has expired in the meantime no expiry at all.
    Set {
        key: Key,
        value: u64,
        expire: Option<Us>,
    },
    Incr {
        key: Key,
        by: u64,
    },
    Expire {
        key: Key,
        span: Us,
    },
    Eval {
        user: u32,
        script: Script,
        policy: Policy,
        clock: Clock,
    },
}

impl Command {
    /// The command's name as a log of the store would show it.
    pub fn name(&self) -> &'static str {
        match self {
            Command::Get(_) => "GET",
            Command::Set { .. } => "SET",
            Command::Incr { .. } => "INCR",
            Command::Expire { .. } => "EXPIRE",
            Command::Eval { .. } => "EVAL",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Reply {
    /// There is no such key.
    Nil,
    Count(u64),
    Done,
    Decision(Decision),
}

/// A reply, and whether the command found no key: the first request of a new window.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Answer {
    pub reply: Reply,
    pub fresh: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Count(u64),
    Limiter(Limiter),
    Trusting(TrustingBucket),
}

#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    pub key: Key,
    pub value: Value,
    pub expires: Option<Us>,
    /// When the key was made.
    pub made: Us,
}

impl Entry {
    fn is_gone(&self, now: Us) -> bool {
        self.expires.is_some_and(|at| at <= now)
    }
    /// The count, of a key that holds one.
    pub fn count(&self) -> u64 {
        match self.value {
            Value::Count(n) => n,
            _ => 0,
        }
    }
}

/// A token bucket as it is often written: `elapsed = now - last`, then `last = now`.
///
/// With one clock it is right. With two it refills every time the faster one asks: what the slower
/// one stores as `last` lies in the faster one's past, again and again.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TrustingBucket {
    /// In shares of a token, W of them (in microseconds) to one.
    tokens: u64,
    last: i64,
}

impl TrustingBucket {
    fn full(policy: &Policy, clock: i64) -> TrustingBucket {
        TrustingBucket { tokens: policy.burst * policy.window.0, last: clock }
    }

    fn ask(&mut self, policy: &Policy, clock: i64) -> Decision {
        let token = policy.window.0;
        let size = policy.burst * token;
        let elapsed = clock.saturating_sub(self.last).max(0) as u64;
        let tokens = self.tokens.saturating_add(elapsed.saturating_mul(policy.limit)).min(size);
        let admitted = tokens >= token;
        if admitted {
            *self = TrustingBucket { tokens: tokens - token, last: clock };
        }
        let left = if admitted { tokens - token } else { tokens };
        let time = |shares: u64| Us(shares.div_ceil(policy.limit));
        Decision {
            admitted,
            wait: Us::ZERO,
            remaining: left / token,
            retry_after: (!admitted).then(|| time(token - tokens)),
            more_after: Some(time(token - left % token)),
            reset_after: time(size - left),
        }
    }
}

/// The decision of a counter that ends `left` from now, after this request has been counted (or
/// not, if it was refused).
fn of_counter(policy: &Policy, count: u64, admitted: bool, left: Us) -> Decision {
    Decision {
        admitted,
        wait: Us::ZERO,
        remaining: policy.limit.saturating_sub(count),
        retry_after: (!admitted).then_some(left),
        more_after: Some(left),
        reset_after: left,
    }
}

/// All keys, in the order of their names: the state that a replica is a late copy of.
#[derive(Clone, Debug, Default, PartialEq)]
struct Keys {
    entries: Vec<Entry>,
    writes: u32,
}

impl Keys {
    fn find(&self, key: Key) -> Result<usize, usize> {
        self.entries.binary_search_by_key(&key, |e| e.key)
    }

    /// The entry of a key that exists now.
    fn live(&self, now: Us, key: Key) -> Option<&Entry> {
        self.find(key).ok().map(|i| &self.entries[i]).filter(|e| !e.is_gone(now))
    }

    /// The entry of a key, made new by `value` if there is none now.
    fn live_or(&mut self, now: Us, key: Key, value: impl FnOnce() -> Value) -> &mut Entry {
        let fresh = |value| Entry { key, value, expires: None, made: now };
        let i = match self.find(key) {
            Ok(i) => {
                if self.entries[i].is_gone(now) {
                    self.entries[i] = fresh(value());
                }
                i
            }
            Err(i) => {
                self.entries.insert(i, fresh(value()));
                i
            }
        };
        &mut self.entries[i]
    }

    /// Executes one command or script. The flag says whether anything was written.
    fn execute(&mut self, now: Us, command: &Command) -> (Answer, bool) {
        // Keys that nobody asks for again are swept now and then, as every store does.
        self.writes = self.writes.wrapping_add(1);
        if self.writes.is_multiple_of(256) {
            self.entries.retain(|e| !e.is_gone(now));
        }
        match *command {
            Command::Get(key) => {
                let found = self.live(now, key).map(Entry::count);
                let reply = found.map_or(Reply::Nil, Reply::Count);
                (Answer { reply, fresh: found.is_none() }, false)
            }
            Command::Set { key, value, expire } => {
                let fresh = self.live(now, key).is_none();
                let entry = self.live_or(now, key, || Value::Count(0));
                entry.value = Value::Count(value);
                if let Some(span) = expire {
                    entry.expires = Some(now + span);
                }
                (Answer { reply: Reply::Done, fresh }, true)
            }
            Command::Incr { key, by } => {
                let fresh = self.live(now, key).is_none();
                let entry = self.live_or(now, key, || Value::Count(0));
                let count = entry.count() + by;
                entry.value = Value::Count(count);
                (Answer { reply: Reply::Count(count), fresh }, true)
            }
            Command::Expire { key, span } => {
                let found = self.live(now, key).is_some();
                if found && let Ok(i) = self.find(key) {
                    self.entries[i].expires = Some(now + span);
                }
                (Answer { reply: if found { Reply::Done } else { Reply::Nil }, fresh: !found }, found)
            }
            Command::Eval { user, script, policy, clock } => {
                let clock = match clock {
                    Clock::Store => now.0 as i64,
                    Clock::Caller(clock) => clock,
                };
                let (decision, fresh) = self.eval(now, user, script, &policy, clock);
                (Answer { reply: Reply::Decision(decision), fresh }, decision.admitted)
            }
        }
    }

    fn eval(&mut self, now: Us, user: u32, script: Script, policy: &Policy, clock: i64) -> (Decision, bool) {
        match script {
            Script::FromFirst => self.count(now, Key::of(user), policy, policy.window, None),
            Script::Calendar => {
                let window = policy.window.0 as i64;
                let key = Key { user, window: clock.div_euclid(window) };
                let left = policy.window - Us(clock.rem_euclid(window) as u64);
                // Kept for twice the window: another caller's clock may still be in it.
                self.count(now, key, policy, policy.window * 2, Some(left))
            }
            Script::Limiter(algorithm) => {
                let key = Key::of(user);
                let found = self.live(now, key);
                let fresh = found.is_none();
                let decision = match found.map(|e| &e.value) {
                    Some(Value::Limiter(l)) => l.peek(policy, clock, 1),
                    _ => Limiter::new(algorithm).peek(policy, clock, 1),
                };
                if decision.admitted {
                    let entry = self.live_or(now, key, || Value::Limiter(Limiter::new(algorithm)));
                    if let Value::Limiter(limiter) = &mut entry.value {
                        limiter.ask(policy, clock, 1);
                    }
                    // By its own time the key is as good as new after `reset_after`. Callers whose
                    // clocks lag reckon from earlier, so it is kept for a window more.
                    entry.expires = Some(now + decision.reset_after + policy.window);
                }
                (decision, fresh)
            }
            Script::TrustingBucket => {
                let key = Key::of(user);
                let found = self.live(now, key);
                let fresh = found.is_none();
                let mut bucket = match found.map(|e| &e.value) {
                    Some(Value::Trusting(b)) => *b,
                    _ => TrustingBucket::full(policy, clock),
                };
                let decision = bucket.ask(policy, clock);
                if decision.admitted {
                    let entry = self.live_or(now, key, || Value::Count(0));
                    entry.value = Value::Trusting(bucket);
                    entry.expires = Some(now + decision.reset_after + policy.window);
                }
                (decision, fresh)
            }
        }
    }

    /// The script around a counter: read, compare, and only then write count and expiry together.
    /// `left` is what the window still has, if the key's own expiry does not say it.
    fn count(&mut self, now: Us, key: Key, policy: &Policy, keep: Us, left: Option<Us>) -> (Decision, bool) {
        let found = self.live(now, key);
        let fresh = found.is_none();
        let count = found.map_or(0, Entry::count);
        let ends = found.and_then(|e| e.expires).unwrap_or(now + keep);
        let left = left.unwrap_or(ends - now);
        let admitted = count < policy.limit;
        if admitted {
            let entry = self.live_or(now, key, || Value::Count(0));
            entry.value = Value::Count(count + 1);
            entry.expires = Some(ends);
        }
        (of_counter(policy, count + u64::from(admitted), admitted, left), fresh)
    }

    fn weight(&self) -> usize {
        let heap = |e: &Entry| match &e.value {
            Value::Limiter(l) => l.heap_bytes(),
            _ => 0,
        };
        self.entries.len() * size_of::<Entry>() + self.entries.iter().map(heap).sum::<usize>()
    }
}

/// How far back a failover can go.
pub const LAG_MAX: Us = Us::s(5);
/// At most so many commands wait to be copied; beyond it the oldest are copied early, and a failover
/// loses fewer than was asked for.
pub const PENDING_MAX: usize = 16_384;

/// The store and its replica.
#[derive(Clone, Debug, Default)]
pub struct LimitStore {
    keys: Keys,
    replica: Keys,
    /// Written here and not yet there.
    pending: Deque<(Us, Command)>,
    /// Commands and scripts executed.
    pub commands: u64,
    /// `SET`s that wrote over a count that somebody else had raised since it was read.
    pub lost_updates: u64,
}

impl LimitStore {
    /// Executes one command or one script: the only way in, one at a time.
    pub fn execute(&mut self, now: Us, command: Command) -> Answer {
        self.commands += 1;
        if let Command::Set { key, value, .. } = command {
            self.lost_updates += u64::from(self.keys.live(now, key).is_some_and(|e| e.count() >= value));
        }
        let (answer, wrote) = self.keys.execute(now, &command);
        if wrote {
            self.pending.push_back((now, command));
        }
        while self.pending.front().is_some_and(|(at, _)| *at + LAG_MAX < now) || self.pending.len() > PENDING_MAX {
            self.copy_one();
        }
        answer
    }

    /// The replica does what the store did, with the store's time of then.
    fn copy_one(&mut self) {
        if let Some((at, command)) = self.pending.pop_front() {
            self.replica.execute(at, &command);
        }
    }

    /// The replica takes over, without the last `lag` of writes. Returns how many those were.
    pub fn fail_over(&mut self, now: Us, lag: Us) -> u64 {
        while self.pending.front().is_some_and(|(at, _)| *at + lag <= now) {
            self.copy_one();
        }
        let lost = self.pending.len() as u64;
        self.pending.clear();
        self.keys = self.replica.clone();
        lost
    }

    /// Everything is forgotten, here and on the replica.
    pub fn flush(&mut self) {
        self.keys = Keys::default();
        self.replica = Keys::default();
        self.pending.clear();
    }

    /// What a key holds now, without asking the store.
    pub fn peek(&self, now: Us, key: Key) -> Option<&Entry> {
        self.keys.live(now, key)
    }

    /// The keys that exist now, in the order of their names.
    pub fn keys(&self, now: Us) -> impl Iterator<Item = &Entry> {
        self.keys.entries.iter().filter(move |e| !e.is_gone(now))
    }

    /// Keys that nobody will ever expire: without an expiry for longer than a client takes to set it.
    pub fn stuck(&self, now: Us, patience: Us) -> u64 {
        self.keys(now).filter(|e| e.expires.is_none() && e.made + patience < now).count() as u64
    }

    pub fn weight(&self) -> usize {
        self.keys.weight() + self.replica.weight() + self.pending.len() * size_of::<(Us, Command)>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const POLICY: Policy = Policy { limit: 3, window: Us::s(60), burst: 3 };
    const KEY: Key = Key::of(7);

    fn eval(script: Script, clock: Clock) -> Command {
        Command::Eval { user: 7, script, policy: POLICY, clock }
    }

    fn admitted(answer: Answer) -> bool {
        matches!(answer.reply, Reply::Decision(Decision { admitted: true, .. }))
    }

    #[test]
    fn a_new_key_has_no_expiry_until_somebody_sets_one() {
        let mut store = LimitStore::default();
        let first = store.execute(Us::s(1), Command::Incr { key: KEY, by: 1 });
        assert_eq!(first, Answer { reply: Reply::Count(1), fresh: true });
        assert_eq!(store.peek(Us::s(100_000), KEY).map(Entry::count), Some(1));
        assert_eq!([Us::s(2), Us(2_000_001), Us::s(9)].map(|now| store.stuck(now, Us::s(1))), [0, 1, 1]);
        assert!(!store.execute(Us::s(9), Command::Expire { key: KEY, span: Us::s(60) }).fresh);
        assert_eq!(store.stuck(Us::s(10), Us::s(1)), 0);
        // Counting on does not move the end, and at that microsecond the key is gone.
        store.execute(Us::s(20), Command::Incr { key: KEY, by: 1 });
        assert_eq!(store.peek(Us(68_999_999), KEY).map(Entry::count), Some(2));
        assert_eq!(store.execute(Us::s(69), Command::Get(KEY)).reply, Reply::Nil);
        let late = store.execute(Us::s(69), Command::Expire { key: KEY, span: Us::s(1) });
        assert_eq!(late, Answer { reply: Reply::Nil, fresh: true });
    }

    /// Read before the key expires, written after: KEEPTTL has nothing to keep.
    #[test]
    fn keeping_the_expiry_of_a_key_that_has_just_gone_makes_an_immortal_one() {
        let mut store = LimitStore::default();
        store.execute(Us::ZERO, Command::Set { key: KEY, value: 57, expire: Some(Us::s(60)) });
        assert_eq!(store.execute(Us(59_999_999), Command::Get(KEY)).reply, Reply::Count(57));
        store.execute(Us(60_000_500), Command::Set { key: KEY, value: 58, expire: None });
        assert_eq!(store.stuck(Us::s(62), Us::s(1)), 1);
    }

    #[test]
    fn a_set_over_a_count_that_has_moved_on_is_a_lost_update() {
        let mut store = LimitStore::default();
        for value in [1, 2, 2, 3] {
            store.execute(Us::ZERO, Command::Set { key: KEY, value, expire: None });
        }
        assert_eq!(store.lost_updates, 1);
    }

    #[test]
    fn a_failover_goes_back_in_time() {
        let mut store = LimitStore::default();
        for s in 0..10 {
            store.execute(Us::s(s), Command::Incr { key: KEY, by: 1 });
        }
        assert_eq!(store.fail_over(Us::s(9), Us::ms(2_500)), 3);
        assert_eq!(store.peek(Us::s(9), KEY).map(Entry::count), Some(7));
        // What was lost stays lost, and the next failover starts from here.
        assert_eq!(store.fail_over(Us::s(9), Us::s(5)), 0);
        store.flush();
        assert_eq!(store.keys(Us::s(9)).count(), 0);
        // However far back it is asked to go: what is older than the longest lag is safe.
        for s in [0, 3, 7] {
            store.execute(Us::s(s), Command::Incr { key: KEY, by: 1 });
        }
        assert_eq!(store.execute(Us::s(9), Command::Get(KEY)).reply, Reply::Count(3));
        assert_eq!(store.fail_over(Us::s(9), Us::s(60)), 1);
        assert_eq!(store.peek(Us::s(9), KEY).map(Entry::count), Some(2));
    }

    /// The bucket that trusts its callers, under two clocks ten seconds apart that take turns.
    #[test]
    fn two_clocks_fill_a_bucket_that_trusts_them() {
        let policy = Policy { limit: 1, window: Us::s(1), burst: 10 };
        let run = |script, skew: i64, own: bool| {
            let mut store = LimitStore::default();
            (0..2_000i64)
                .filter(|i| {
                    let now = i * 10_000;
                    let caller = Clock::Caller(now + if i % 2 == 1 { skew } else { 0 });
                    let clock = if own { Clock::Store } else { caller };
                    admitted(store.execute(Us(now as u64), Command::Eval { user: 7, script, policy, clock }))
                })
                .count()
        };
        assert_eq!(run(Script::TrustingBucket, 10_000_000, false), 2_000);
        assert_eq!(run(Script::Limiter(Algorithm::TokenBucket), 10_000_000, false), 30);
        assert_eq!(run(Script::Limiter(Algorithm::Gcra), 10_000_000, false), 30);
        for script in [Script::TrustingBucket, Script::Limiter(Algorithm::TokenBucket)] {
            assert_eq!(run(script, 10_000_000, true), 29);
            assert_eq!(run(script, 0, false), 29, "one clock: nothing to trust");
        }
    }

    /// A refusal says when to come back, an admission how much is left, both until when: the key's own end where the
    /// window begins with its first request, the calendar's where it does not.
    #[test]
    fn counters_say_what_is_left_and_until_when() {
        for (script, left) in [(Script::FromFirst, Us::s(40)), (Script::Calendar, Us::s(20))] {
            let mut store = LimitStore::default();
            let mut ask = |s: u64| match store.execute(Us::s(s), eval(script, Clock::Store)).reply {
                Reply::Decision(decision) => decision,
                other => panic!("{other:?}"),
            };
            let decisions = [ask(80), ask(80), ask(90), ask(100)];
            assert_eq!(decisions.map(|d| (d.admitted, d.remaining)), [(true, 2), (true, 1), (true, 0), (false, 0)]);
            assert_eq!(decisions[3].retry_after, Some(left), "{script:?}");
            assert!(decisions[..3].iter().all(|d| d.retry_after.is_none()));
            let until = |d: Decision, now: u64| (d.more_after.map(|t| Us::s(now) + t), Us::s(now) + d.reset_after);
            let end = Us::s(100) + left;
            assert_eq!([until(decisions[0], 80), until(decisions[3], 100)], [(Some(end), end); 2]);
            assert!(ask(100 + left.0 / 1_000_000).admitted);
        }
    }

    #[test]
    fn beyond_its_bound_the_replica_is_told_early() {
        let mut store = LimitStore::default();
        for _ in 0..PENDING_MAX + 100 {
            store.execute(Us::ZERO, Command::Incr { key: KEY, by: 1 });
        }
        assert_eq!(store.commands, PENDING_MAX as u64 + 100);
        assert_eq!(store.fail_over(Us::s(1), Us::s(5)), PENDING_MAX as u64);
        assert_eq!(store.peek(Us::s(1), KEY).map(Entry::count), Some(100));
    }

    const SCRIPTS: [Script; 7] = [
        Script::FromFirst,
        Script::Calendar,
        Script::Limiter(Algorithm::SlidingLog),
        Script::Limiter(Algorithm::SlidingCounter),
        Script::Limiter(Algorithm::TokenBucket),
        Script::Limiter(Algorithm::Gcra),
        Script::TrustingBucket,
    ];

    proptest! {
        /// A script never leaves a key without an expiry, and a refusal changes nothing.
        #[test]
        fn scripts_leave_no_key_without_an_expiry(
            gaps in proptest::collection::vec(0..30_000_000u64, 1..200), which in 0..7usize
        ) {
            let mut store = LimitStore::default();
            let mut now = Us::ZERO;
            for gap in gaps {
                now += Us(gap);
                let before = store.keys.entries.clone();
                let decided = store.execute(now, eval(SCRIPTS[which], Clock::Store));
                prop_assert!(store.keys(now).all(|e| e.expires.is_some()));
                if !admitted(decided) {
                    prop_assert_eq!(&store.keys.entries, &before);
                }
            }
        }

        /// What the store decides for one key is what a limiter with all requests in one place does.
        #[test]
        fn a_script_is_the_limiter_it_holds(
            gaps in proptest::collection::vec(0..40_000_000u64, 1..200), which in 2..6usize
        ) {
            let Script::Limiter(algorithm) = SCRIPTS[which] else { unreachable!("the middle four are") };
            let mut store = LimitStore::default();
            let mut alone = Limiter::new(algorithm);
            let mut now = Us::ZERO;
            for gap in gaps {
                now += Us(gap);
                let said = store.execute(now, eval(SCRIPTS[which], Clock::Store)).reply;
                prop_assert_eq!(said, Reply::Decision(alone.ask(&POLICY, now.0 as i64, 1)));
            }
        }

        /// With one clock the bucket that trusts it says what a token bucket says, of what is left and when as well.
        #[test]
        fn one_clock_may_be_trusted(gaps in proptest::collection::vec(0..40_000_000u64, 1..200), burst in 1..9u64) {
            let policy = Policy { burst, ..POLICY };
            let mut store = LimitStore::default();
            let mut alone = Limiter::new(Algorithm::TokenBucket);
            let mut now = Us::ZERO;
            for gap in gaps {
                now += Us(gap);
                let command = Command::Eval { user: 7, script: Script::TrustingBucket, policy, clock: Clock::Store };
                let said = store.execute(now, command).reply;
                prop_assert_eq!(said, Reply::Decision(alone.ask(&policy, now.0 as i64, 1)));
            }
        }

        /// The calendar script is the fixed window; no aligned window ever gets more than N.
        #[test]
        fn no_window_of_the_calendar_gets_more_than_its_limit(
            gaps in proptest::collection::vec(0..20_000_000u64, 1..300)
        ) {
            let mut store = LimitStore::default();
            let mut alone = Limiter::new(Algorithm::FixedWindow);
            let mut now = Us::ZERO;
            let mut passed = std::collections::BTreeMap::new();
            for gap in gaps {
                now += Us(gap);
                let said = admitted(store.execute(now, eval(Script::Calendar, Clock::Store)));
                prop_assert_eq!(said, alone.ask(&POLICY, now.0 as i64, 1).admitted);
                let count = passed.entry(now.0 / POLICY.window.0).or_insert(0);
                *count += u64::from(said);
                prop_assert!(*count <= POLICY.limit);
            }
        }

        /// One user's keys are nobody else's.
        #[test]
        fn users_do_not_touch_each_other(
            steps in proptest::collection::vec((0..9_000_000u64, 0..3u32), 1..200), which in 0..7usize
        ) {
            let ask = |steps: &[(u64, u32)], only: Option<u32>| {
                let mut store = LimitStore::default();
                let mut now = Us::ZERO;
                let mut said = Vec::new();
                for (gap, user) in steps {
                    now += Us(*gap);
                    if only.is_none_or(|u| u == *user) {
                        let command = Command::Eval { user: *user, script: SCRIPTS[which], policy: POLICY, clock: Clock::Store };
                        let answer = store.execute(now, command);
                        if *user == 1 {
                            said.push(answer);
                        }
                    }
                }
                said
            };
            prop_assert_eq!(ask(&steps, None), ask(&steps, Some(1)));
        }

        /// Whatever is written and whenever it fails over, the store is what it was `lag` ago.
        #[test]
        fn a_failover_is_the_store_of_an_earlier_moment(
            steps in proptest::collection::vec((0..1_500_000u64, 0..4u8), 1..150), lag in 0..5_000_000u64
        ) {
            let command = |kind: u8| match kind {
                0 => Command::Incr { key: KEY, by: 1 },
                1 => Command::Expire { key: KEY, span: Us::s(3) },
                2 => Command::Set { key: KEY, value: 2, expire: None },
                _ => eval(Script::Calendar, Clock::Store),
            };
            let mut store = LimitStore::default();
            let mut now = Us::ZERO;
            let mut history = Vec::new();
            for (gap, kind) in steps {
                now += Us(gap);
                store.execute(now, command(kind));
                history.push((now, command(kind)));
            }
            store.fail_over(now, Us(lag));
            let mut earlier = LimitStore::default();
            for (at, command) in history.into_iter().filter(|(at, _)| *at + Us(lag) <= now) {
                earlier.execute(at, command);
            }
            let shown = |s: &LimitStore| s.keys(now).cloned().collect::<Vec<_>>();
            prop_assert_eq!(shown(&store), shown(&earlier));
        }
    }
}
