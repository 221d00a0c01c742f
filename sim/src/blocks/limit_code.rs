//! Limiter code: the few lines that every node runs against the shared store, step by step.
//!
//! ```text
//!   request --> [ line 1 ]--command--> store
//!               [ line 2 ]<--reply----          <- the node can die between any two lines
//!               [ line 3 ]--> go on, or refuse
//! ```
//!
//! Three programs that all say "N per window", as they are found in real services:
//!
//! | program | commands | what can go wrong between them |
//! |---|---|---|
//! | `GET`, then `SET` | 2 | two nodes read the same count, and both write it plus one |
//! | `INCR`, then `EXPIRE` | 1 or 2 | the node dies, and the key never expires |
//! | one script | 1 | nothing: there is no between |
//!
//! A program here is a state machine: given the line it is at and the store's answer, it says which
//! command comes next or what it has decided. So a crash between two lines is simply not being
//! asked for the next step.
//!
//! Source: the second one is the pattern that the Redis documentation of `INCR` shows together with
//! its flaw.
//!
//! Leaves out: retries of a command whose answer was lost. `INCR` counts twice when repeated.

use super::limit_store::{Answer, Clock, Command, Key, Reply, Script};
use super::limiter::{Algorithm, Decision, Policy};
use crate::kernel::Us;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    GetThenSet,
    IncrThenExpire,
    OneScript(Script),
}

/// Whose request it is, under which rule, and what the node's clock says.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Call {
    pub user: u32,
    pub policy: Policy,
    pub clock: Clock,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Step {
    Send(Command),
    Decide(Decision),
}

/// A decision made from a count alone: this code never asks how long the key still lives, so it
/// has nothing to tell the client about when to come back.
fn from_count(policy: &Policy, count: u64) -> Decision {
    Decision {
        admitted: count <= policy.limit,
        wait: Us::ZERO,
        remaining: policy.limit.saturating_sub(count),
        retry_after: None,
        more_after: None,
        reset_after: Us::ZERO,
    }
}

impl Code {
    /// What is sent first.
    pub fn first(self, call: &Call) -> Command {
        let key = Key::of(call.user);
        match self {
            Code::GetThenSet => Command::Get(key),
            Code::IncrThenExpire => Command::Incr { key, by: 1 },
            Code::OneScript(script) => {
                Command::Eval { user: call.user, script, policy: call.policy, clock: call.clock }
            }
        }
    }

    /// What follows the answer to the command of line `line` (0 is the first). `count` is what an
    /// earlier line has read; the new value comes back with the step.
    pub fn next(self, call: &Call, line: u8, count: u64, answer: &Answer) -> (Step, u64) {
        let (key, policy) = (Key::of(call.user), &call.policy);
        match (self, line, answer.reply) {
            (Code::OneScript(_), _, Reply::Decision(d)) => (Step::Decide(d), count),
            (Code::GetThenSet, 0, reply) => {
                let (read, expire) = match reply {
                    Reply::Count(n) => (n, None),
                    _ => (0, Some(policy.window)),
                };
                let wanted = read + 1;
                if wanted > policy.limit {
                    (Step::Decide(from_count(policy, wanted)), wanted)
                } else {
                    (Step::Send(Command::Set { key, value: wanted, expire }), wanted)
                }
            }
            (Code::IncrThenExpire, 0, Reply::Count(1)) => (Step::Send(Command::Expire { key, span: policy.window }), 1),
            (Code::IncrThenExpire, 0, Reply::Count(n)) => (Step::Decide(from_count(policy, n)), n),
            _ => (Step::Decide(from_count(policy, count)), count),
        }
    }

    /// The program as people write it, line by line, with the command that each line belongs to:
    /// lines of one command run as one step, and [`IN_NODE`] marks what the node does by itself.
    pub fn listing(self) -> &'static [(&'static str, u8)] {
        match self {
            Code::GetThenSet => &[("n = GET key", 0), ("n + 1 > N ? refuse", IN_NODE), ("SET key n + 1", 1)],
            Code::IncrThenExpire => &[("n = INCR key", 0), ("n == 1 ? EXPIRE key W", 1), ("n > N ? refuse", IN_NODE)],
            Code::OneScript(script) => match script {
                Script::FromFirst => {
                    &[("n = GET key", 0), ("n >= N ? refuse", 0), ("INCR key", 0), ("n == 0 ? EXPIRE key W", 0)]
                }
                Script::Calendar => {
                    &[("key = user + floor(now / W)", 0), ("GET key >= N ? refuse", 0), ("INCR key, EXPIRE key 2W", 0)]
                }
                Script::TrustingBucket => {
                    &[("tokens += (now - last) N/W", 0), ("tokens < 1 ? refuse", 0), ("tokens -= 1, last = now", 0)]
                }
                Script::Limiter(Algorithm::SlidingLog) => {
                    &[("drop times <= now - W", 0), ("ZCARD key >= N ? refuse", 0), ("ZADD key now, EXPIRE key", 0)]
                }
                Script::Limiter(Algorithm::SlidingCounter) => {
                    &[("e = prev (1 - f) + cur", 0), ("e + 1 > N ? refuse", 0), ("cur += 1, EXPIRE key", 0)]
                }
                Script::Limiter(Algorithm::TokenBucket) => &[
                    ("now = max(now, last)", 0),
                    ("tokens += (now - last) N/W", 0),
                    ("tokens < 1 ? refuse", 0),
                    ("tokens -= 1, last = now", 0),
                ],
                Script::Limiter(_) => {
                    &[("tat = max(GET key, now)", 0), ("tat+T-tau > now ? refuse", 0), ("SET key tat + T, EXPIRE", 0)]
                }
            },
        }
    }
}

/// A line that needs no command.
pub const IN_NODE: u8 = u8::MAX;

#[cfg(test)]
mod tests {
    use super::super::limit_store::LimitStore;
    use super::super::limiter::Limiter;
    use super::*;
    use proptest::prelude::*;

    const POLICY: Policy = Policy { limit: 100, window: Us::s(60), burst: 100 };
    const CALL: Call = Call { user: 1, policy: POLICY, clock: Clock::Store };

    /// Runs a program without interruption; `None` if it died after `lines` lines.
    fn run(store: &mut LimitStore, now: Us, code: Code, lines: usize) -> Option<Decision> {
        let mut command = code.first(&CALL);
        let mut count = 0;
        for line in 0..lines {
            let answer = store.execute(now, command);
            if line + 1 == lines {
                return None;
            }
            match code.next(&CALL, line as u8, count, &answer) {
                (Step::Send(next), n) => (command, count) = (next, n),
                (Step::Decide(d), _) => return Some(d),
            }
        }
        None
    }

    const WHOLE: usize = 9;

    #[test]
    fn alone_all_programs_admit_the_limit_and_no_more() {
        for code in [Code::GetThenSet, Code::IncrThenExpire, Code::OneScript(Script::FromFirst)] {
            let mut store = LimitStore::default();
            let passed = |store: &mut LimitStore, s| {
                (0..300).filter(|_| run(store, Us::s(s), code, WHOLE).is_some_and(|d| d.admitted)).count()
            };
            assert_eq!(passed(&mut store, 5), 100, "{code:?}");
            assert_eq!(passed(&mut store, 64), 0, "{code:?}");
            assert_eq!(passed(&mut store, 65), 100, "{code:?}");
            assert_eq!(store.stuck(Us::s(1_000), Us::s(1)), 0, "{code:?}");
        }
    }

    /// Four nodes at a count of 99, all between their lines at once.
    #[test]
    fn four_that_read_before_any_writes_all_pass() {
        for (code, expected) in [
            (Code::GetThenSet, 4),
            (Code::IncrThenExpire, 1),
            (Code::OneScript(Script::FromFirst), 1),
            (Code::OneScript(Script::Limiter(Algorithm::Gcra)), 1),
        ] {
            let mut store = LimitStore::default();
            for _ in 0..99 {
                run(&mut store, Us::ZERO, code, WHOLE);
            }
            let firsts: Vec<_> = (0..4).map(|_| store.execute(Us::ZERO, code.first(&CALL))).collect();
            let passed = firsts.iter().filter(|answer| match code.next(&CALL, 0, 0, answer) {
                (Step::Decide(d), _) => d.admitted,
                (Step::Send(command), count) => {
                    let answer = store.execute(Us::ZERO, command);
                    matches!(code.next(&CALL, 1, count, &answer), (Step::Decide(d), _) if d.admitted)
                }
            });
            assert_eq!(passed.count(), expected, "{code:?}");
        }
    }

    /// Death after the first line: only one program leaves a key that never expires.
    #[test]
    fn only_two_commands_can_be_torn_apart() {
        for (code, stuck) in [
            (Code::GetThenSet, 0),
            (Code::IncrThenExpire, 1),
            (Code::OneScript(Script::FromFirst), 0),
            (Code::OneScript(Script::Calendar), 0),
        ] {
            let mut store = LimitStore::default();
            assert_eq!(run(&mut store, Us::ZERO, code, 1), None);
            assert_eq!(store.stuck(Us::s(5), Us::s(1)), stuck, "{code:?}");
            // Twenty windows later the stuck user is still locked out.
            let later: usize = (1..=20)
                .map(|w| {
                    let now = Us::s(60 * w);
                    (0..300).filter(|_| run(&mut store, now, code, WHOLE).is_some_and(|d| d.admitted)).count()
                })
                .sum();
            assert_eq!(later, if stuck == 1 { 99 } else { 2_000 }, "{code:?}");
        }
    }

    /// The window that begins with the first request: 199 within a moment of its end.
    #[test]
    fn a_window_from_the_first_request_has_an_edge_too() {
        let mut store = LimitStore::default();
        let mut passed = |us: u64, n: usize| {
            (0..n).filter(|_| run(&mut store, Us(us), Code::IncrThenExpire, WHOLE).is_some_and(|d| d.admitted)).count()
        };
        assert_eq!(passed(0, 1), 1);
        assert_eq!(passed(59_900_000, 99) + passed(60_000_000, 100), 199);
    }

    proptest! {
        /// Crashes at any line of any request: a script loses at most the request itself.
        #[test]
        fn a_crash_costs_a_script_one_request_and_nothing_more(
            steps in proptest::collection::vec((0..3_000_000u64, 0..6usize), 1..300)
        ) {
            let code = Code::OneScript(Script::Limiter(Algorithm::Gcra));
            let mut store = LimitStore::default();
            let mut alone = Limiter::new(Algorithm::Gcra);
            let mut now = Us::ZERO;
            for (gap, lines) in steps {
                now += Us(gap);
                let crashed = lines == 1;
                let said = run(&mut store, now, code, if crashed { 1 } else { WHOLE });
                let expected = alone.ask(&POLICY, now.0 as i64, 1);
                prop_assert_eq!(said, (!crashed).then_some(expected));
                prop_assert_eq!(store.stuck(now + Us::s(9), Us::s(1)), 0);
            }
        }
    }
}
