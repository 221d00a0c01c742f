//! Saga: a long transaction as a sequence of local ones, each with a compensation.
//!
//! ```text
//!   T1 --> T2 --> T3 --> T4 --> T5        either all of them
//!          |
//!   C1 <-- C2 <-- (T3 declined)           or a beginning, and its compensations backwards
//! ```
//!
//! H. Garcia-Molina and K. Salem, "Sagas", SIGMOD 1987: either T1...Tn, or T1...Tj Cj...C1.
//! C. Richardson, *Microservices Patterns* (2018), section 4.3, names three kinds of step:
//! *compensatable* ones, then the *pivot* (the last that can fail for business reasons; once it
//! succeeds the saga will complete), then *retriable* ones that must succeed in the end.
//!
//! The same plan is followed in two ways. *Orchestrated*: one process keeps the [`Progress`] in a
//! durable log, sends commands and waits for replies. *Choreographed*: nobody does; each service
//! knows what to do after which event, which is [`Plan::after_done`] and its two neighbours.
//!
//! A compensation is a new fact (a refund), not an undo: others may have seen and used what it takes
//! back. It must be idempotent and it is retried until it succeeds.
//!
//! Leaves out: parallel steps, sagas within sagas, forward recovery by save-points.

/// What happens to a saga when this step is declined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Compensatable,
    Pivot,
    Retriable,
}

/// The steps of a saga in order, by the question's own numbers, and where the pivot stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plan {
    pub steps: &'static [u8],
    /// Index of the pivot.
    pub pivot: usize,
}

/// One thing to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    Do(u8),
    Compensate(u8),
    Completed,
    Compensated,
}

impl Plan {
    pub fn kind(&self, step: u8) -> Kind {
        match self.index(step).cmp(&self.pivot) {
            core::cmp::Ordering::Less => Kind::Compensatable,
            core::cmp::Ordering::Equal => Kind::Pivot,
            core::cmp::Ordering::Greater => Kind::Retriable,
        }
    }
    pub fn index(&self, step: u8) -> usize {
        self.steps.iter().position(|s| *s == step).unwrap_or(self.steps.len())
    }
    pub fn first(&self) -> Next {
        Next::Do(self.steps[0])
    }
    /// The step succeeded: the next one.
    pub fn after_done(&self, step: u8) -> Next {
        match self.steps.get(self.index(step) + 1) {
            Some(next) => Next::Do(*next),
            None => Next::Completed,
        }
    }
    /// The step was declined, so it left nothing behind: compensate the one before it.
    pub fn after_declined(&self, step: u8) -> Next {
        self.before(step)
    }
    pub fn after_compensated(&self, step: u8) -> Next {
        self.before(step)
    }
    fn before(&self, step: u8) -> Next {
        match self.index(step) {
            0 => Next::Compensated,
            i => Next::Compensate(self.steps[i - 1]),
        }
    }
}

/// What an orchestrator has in its durable log for one saga: the thing it waits for. A restart sends
/// the command again; the participant's inbox recognises a repeat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    pub next: Next,
}

/// What a participant answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reply {
    Done(u8),
    Declined(u8),
    Compensated(u8),
}

impl Progress {
    pub fn start(plan: &Plan) -> Progress {
        Progress { next: plan.first() }
    }
    /// Takes a reply. False: it is not what this saga waits for (a repeat, or late), and is ignored.
    pub fn reply(&mut self, plan: &Plan, reply: Reply) -> bool {
        let next = match (self.next, reply) {
            (Next::Do(s), Reply::Done(r)) if s == r => plan.after_done(r),
            (Next::Do(s), Reply::Declined(r)) if s == r => plan.after_declined(r),
            (Next::Compensate(s), Reply::Compensated(r)) if s == r => plan.after_compensated(r),
            _ => return false,
        };
        self.next = next;
        true
    }
    pub fn ended(&self) -> bool {
        matches!(self.next, Next::Completed | Next::Compensated)
    }
}

/// The chance that an order needs no compensation: every step that can be declined is not.
pub fn no_compensation(declines: &[f64]) -> f64 {
    declines.iter().fold(1.0, |p, d| p * (1.0 - d))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const PLAN: Plan = Plan { steps: &[10, 20, 30, 40], pivot: 2 };

    #[test]
    fn the_reference_figure() {
        assert!((no_compensation(&[0.03, 0.02]) - 0.9506).abs() < 1e-12);
    }

    #[test]
    fn kinds_follow_from_the_pivot() {
        assert_eq!(
            [10, 20, 30, 40].map(|s| PLAN.kind(s)),
            [Kind::Compensatable, Kind::Compensatable, Kind::Pivot, Kind::Retriable]
        );
    }

    proptest! {
        /// T1...Tn, or T1...Tj Cj...C1, whatever repeats and stale replies come in between.
        #[test]
        fn all_forward_or_all_the_way_back(declined in prop::option::of(0usize..=2), noise in prop::collection::vec((0u8..3, 0usize..4), 0..40)) {
            let mut p = Progress::start(&PLAN);
            let mut noise = noise.into_iter();
            let (mut done, mut undone) = (Vec::new(), Vec::new());
            while !p.ended() {
                if let Some((kind, i)) = noise.next() {
                    let s = PLAN.steps[i];
                    let stale = match kind { 0 => Reply::Done(s), 1 => Reply::Declined(s), _ => Reply::Compensated(s) };
                    let awaited = matches!((p.next, stale), (Next::Do(n), Reply::Done(r) | Reply::Declined(r)) if n == r)
                        || matches!((p.next, stale), (Next::Compensate(n), Reply::Compensated(r)) if n == r);
                    if !awaited {
                        let before = p;
                        prop_assert!(!p.reply(&PLAN, stale));
                        prop_assert_eq!(p, before);
                    }
                }
                match p.next {
                    Next::Do(s) if Some(PLAN.index(s)) == declined => { p.reply(&PLAN, Reply::Declined(s)); }
                    Next::Do(s) => { done.push(s); p.reply(&PLAN, Reply::Done(s)); }
                    Next::Compensate(s) => { undone.push(s); p.reply(&PLAN, Reply::Compensated(s)); }
                    _ => {}
                }
            }
            match declined {
                None => prop_assert!(p.next == Next::Completed && done == PLAN.steps && undone.is_empty()),
                Some(_) => {
                    done.reverse();
                    prop_assert!(p.next == Next::Compensated && done == undone);
                }
            }
        }
    }
}
