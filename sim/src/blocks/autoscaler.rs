//! Autoscaler: how many replicas there should be, judged by an average that is already old.
//!
//! ```text
//!   [ pods ] --metrics, seconds late--> [ autoscaler ] --replicas--> [ new pods boot ] --> [ pods ]
//! ```
//!
//! The rule is that of the Kubernetes HorizontalPodAutoscaler (documentation, "Algorithm details"):
//!
//! - desired = ceil(current × metric / target), and nothing happens while the ratio is within the
//!   tolerance (10 %) of 1;
//! - pods that are not ready yet count as 0 % when scaling up, and so do pods without metrics;
//!   when scaling down, pods without metrics count as 100 %;
//! - up: at most +100 % or +4 pods in 15 s, whichever is more, without waiting;
//! - down: to the highest recommendation of the last 300 s.
//!
//! A utilisation cannot exceed 100 %, so one step multiplies by at most 1/target: the metric hides
//! how large an overload is. Requests per pod has no such ceiling.
//!
//! Leaves out: several metrics at once, and nodes that must be bought before a pod fits.

use crate::deque::Deque;
use crate::kernel::Us;

/// What the autoscaler can see of the pods.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Seen {
    /// Pods that are ready and have metrics, and the sum of their metric.
    pub ready: u32,
    pub sum: f64,
    /// Pods that are still starting.
    pub unready: u32,
    /// Pods that are ready but without metrics.
    pub missing: u32,
}

#[derive(Clone, Copy, Debug)]
pub struct Rules {
    /// The metric per pod that is wanted, in the metric's own unit.
    pub target: f64,
    /// What the metric reads for a fully busy pod; stands in for pods without metrics.
    pub full: f64,
    pub tolerance: f64,
    pub replicas_min: u32,
    pub replicas_max: u32,
}

/// The formula alone: how many replicas the metric asks for, before limits of pace and number.
pub fn desired(current: u32, seen: &Seen, rules: &Rules) -> u32 {
    if seen.ready == 0 {
        // Nothing to divide by: the controller reports an error and leaves things as they are.
        return current;
    }
    let first = seen.sum / f64::from(seen.ready) / rules.target;
    let (sum, pods) = if first > 1.0 {
        (seen.sum, seen.ready + seen.unready + seen.missing)
    } else {
        (seen.sum + f64::from(seen.missing) * rules.full, seen.ready + seen.missing)
    };
    let ratio = sum / f64::from(pods) / rules.target;
    let turned_round = (first > 1.0) != (ratio > 1.0);
    if (ratio - 1.0).abs() <= rules.tolerance || turned_round {
        return current;
    }
    // The tiny step down forgives a product that should be whole and is a hair more.
    let replicas = libm::ceil(ratio * f64::from(pods) - 1e-9).max(0.0) as u32;
    // Counting absent pods must not turn an increase into a decrease, nor the other way round.
    if (first > 1.0 && replicas < current) || (first < 1.0 && replicas > current) { current } else { replicas }
}

/// The controller: the formula, and how fast it may be followed.
#[derive(Clone, Debug, Default)]
pub struct Autoscaler {
    /// Increases of the last period: (when, by how many).
    increases: Deque<(Us, u32)>,
    /// Recommendations of the stabilisation window, oldest first.
    recommended: Deque<(Us, u32)>,
}

/// How long an increase counts against the pace.
pub const PERIOD: Us = Us::s(15);
/// How far back the highest recommendation is looked for before scaling down.
pub const STABILISATION: Us = Us::s(300);

impl Autoscaler {
    /// One look: returns the number of replicas from now on.
    pub fn sync(&mut self, now: Us, current: u32, seen: &Seen, rules: &Rules) -> u32 {
        let wanted = desired(current, seen, rules).clamp(rules.replicas_min, rules.replicas_max);
        self.recommended.push_back((now, wanted));
        while self.recommended.front().is_some_and(|(at, _)| now.since(*at) > STABILISATION) {
            self.recommended.pop_front();
        }
        while self.increases.front().is_some_and(|(at, _)| now.since(*at) >= PERIOD) {
            self.increases.pop_front();
        }
        if wanted > current {
            let added: u32 = self.increases.iter().map(|(_, n)| n).sum();
            let start = current.saturating_sub(added);
            let pace = (start * 2).max(start + 4).max(current);
            let next = wanted.min(pace);
            if next > current {
                self.increases.push_back((now, next - current));
            }
            return next;
        }
        let highest = self.recommended.iter().map(|(_, n)| *n).max().unwrap_or(current);
        highest.min(current)
    }

    pub fn weight(&self) -> usize {
        (self.increases.len() + self.recommended.len()) * 16
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const CPU: Rules = Rules { target: 0.6, full: 1.0, tolerance: 0.1, replicas_min: 10, replicas_max: 100 };

    fn all_ready(ready: u32, metric: f64) -> Seen {
        Seen { ready, sum: f64::from(ready) * metric, unready: 0, missing: 0 }
    }

    #[test]
    fn without_metrics_nothing_moves() {
        assert_eq!(desired(8, &all_ready(0, 0.0), &CPU), 8, "nothing to go by");
    }

    /// Pods that say nothing count as idle on the way up and as busy on the way down: they damp, and never turn it round.
    #[test]
    fn absent_pods_damp_what_the_others_ask_for() {
        let rates = Rules { target: 60.0, full: 100.0, ..CPU };
        let seen = |ready: u32, metric: f64, unready, missing| Seen { unready, missing, ..all_ready(ready, metric) };
        assert_eq!(desired(8, &seen(8, 80.0, 0, 0), &rates), 11);
        assert_eq!(desired(10, &seen(8, 80.0, 1, 1), &rates), 10, "64 a pod with the absent: within the tolerance");
        assert_eq!(desired(10, &seen(5, 80.0, 3, 2), &rates), 10, "40 a pod would be a step down");
        assert_eq!(desired(8, &seen(8, 30.0, 0, 0), &rates), 4);
        assert_eq!(desired(10, &seen(8, 30.0, 0, 2), &rates), 8, "(8 × 30 + 2 × 100) / 60");
        assert_eq!(desired(10, &seen(2, 30.0, 0, 8), &rates), 10, "86 a pod would be a step up");
        assert_eq!(desired(10, &seen(5, 60.0, 0, 5), &rates), 10, "those that are seen are at the target");
    }

    #[test]
    fn within_the_tolerance_or_against_the_metric_nothing_moves() {
        assert_eq!(desired(10, &all_ready(10, 0.65), &CPU), 10, "8 % above the target");
        assert_eq!(desired(10, &all_ready(10, 0.67), &CPU), 12, "12 % above");
        assert_eq!(desired(20, &all_ready(10, 0.9), &CPU), 20, "ten pods need help, twenty are on order");
        assert_eq!(desired(5, &all_ready(10, 0.45), &CPU), 5, "ten pods are too many, five are on order");
    }

    /// At most double what there was 15 s ago, in however many steps.
    #[test]
    fn steps_of_one_period_add_up() {
        let mut a = Autoscaler::default();
        assert_eq!(a.sync(Us::s(0), 10, &all_ready(10, 0.72), &CPU), 12);
        assert_eq!(a.sync(Us::s(5), 12, &all_ready(12, 6.0), &CPU), 20);
        assert_eq!(a.sync(Us::s(10), 20, &all_ready(20, 6.0), &CPU), 20);
        assert_eq!(a.sync(Us::s(15), 20, &all_ready(20, 6.0), &CPU), 24, "the eight of 5 s still count");
    }

    #[test]
    fn up_at_once_down_after_five_minutes() {
        let mut a = Autoscaler::default();
        assert_eq!(a.sync(Us::s(0), 20, &all_ready(20, 0.9), &CPU), 30);
        for t in (15..300).step_by(15) {
            assert_eq!(a.sync(Us::s(t), 30, &all_ready(30, 0.3), &CPU), 30, "at {t} s");
        }
        assert_eq!(a.sync(Us::s(300), 30, &all_ready(30, 0.3), &CPU), 30);
        assert_eq!(a.sync(Us::s(315), 30, &all_ready(30, 0.3), &CPU), 15);
    }

    proptest! {
        /// Whatever the metrics say: within the limits, and at most doubling or +4 in any 15 s.
        #[test]
        fn limits_and_pace(steps in prop::collection::vec((1u64..40, 0.0f64..6.0, 0u32..30), 1..60), start in 1u32..40) {
            let rules = Rules { replicas_min: 1, ..CPU };
            let (mut a, mut now, mut replicas) = (Autoscaler::default(), Us::ZERO, start);
            let mut history = vec![(Us::ZERO, start)];
            for (gap, metric, unready) in steps {
                now += Us::s(gap);
                let ready = replicas.saturating_sub(unready);
                let seen = Seen { unready: replicas - ready, ..all_ready(ready, metric) };
                replicas = a.sync(now, replicas, &seen, &rules);
                prop_assert!((1..=100).contains(&replicas));
                // The least that was in force within the period that ends now.
                let mut base = replicas;
                for (i, (_, n)) in history.iter().enumerate() {
                    let ends = history.get(i + 1).map_or(now, |h| h.0);
                    if ends + PERIOD > now { base = base.min(*n); }
                }
                prop_assert!(replicas <= (base * 2).max(base + 4), "{} from {}", replicas, base);
                history.push((now, replicas));
            }
        }
    }
}
