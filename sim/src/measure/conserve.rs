//! Conservation and Little's law: the two laws that every queueing simulation must keep.

use crate::kernel::Us;

/// Checks that `whole` is the sum of its parts; the message names both sides.
///
/// ```
/// let parts = [("served", 7), ("rejected", 2), ("in flight", 1)];
/// assert!(sim::measure::conserve::balance("arrivals", 10, &parts).is_ok());
/// assert!(sim::measure::conserve::balance("arrivals", 11, &parts).is_err());
/// ```
pub fn balance(whole: &str, total: u64, parts: &[(&str, u64)]) -> Result<(), String> {
    let sum: u64 = parts.iter().map(|(_, n)| n).sum();
    if sum == total {
        return Ok(());
    }
    let names: Vec<String> = parts.iter().map(|(name, n)| format!("{n} {name}")).collect();
    Err(format!("{total} {whole}, but {} make {sum}", names.join(" + ")))
}

/// Little's law, L = λ·W (Little, 1961), as an exact identity: over a stretch that begins and ends
/// empty, the area under "how many are inside" is the sum of everybody's time inside.
#[derive(Clone, Copy, Debug, Default)]
pub struct Little {
    inside: u64,
    since: Us,
    /// Visitors × µs.
    area: u128,
    entered: u64,
    /// Sum of the times inside of those who have left.
    stays: u128,
}

impl Little {
    #[inline]
    fn pass(&mut self, now: Us) {
        self.area += u128::from(self.inside) * u128::from(now.since(self.since).0);
        self.since = now;
    }
    #[inline]
    pub fn enter(&mut self, now: Us) {
        self.pass(now);
        self.inside += 1;
        self.entered += 1;
    }
    /// Somebody who entered at `entered` leaves.
    #[inline]
    pub fn leave(&mut self, now: Us, entered: Us) {
        self.pass(now);
        self.inside = self.inside.saturating_sub(1);
        self.stays += u128::from(now.since(entered).0);
    }
    pub fn inside(&self) -> u64 {
        self.inside
    }
    /// Mean number inside up to now.
    pub fn mean_inside(&self, now: Us) -> f64 {
        let mut at_now = *self;
        at_now.pass(now);
        if now.0 == 0 { 0.0 } else { at_now.area as f64 / now.0 as f64 }
    }
    /// The identity, when nobody is inside.
    pub fn check(&self) -> Result<(), String> {
        if self.inside > 0 || self.area == self.stays {
            return Ok(());
        }
        Err(format!("Little's law: area {} but the stays add up to {}", self.area, self.stays))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn little_holds_whenever_empty(steps in prop::collection::vec((0u64..100, any::<bool>()), 1..200)) {
            let mut little = Little::default();
            let (mut now, mut inside) = (0, Vec::new());
            for (gap, enter) in steps {
                now += gap;
                if enter {
                    little.enter(Us(now));
                    inside.push(Us(now));
                } else if let Some(entered) = inside.pop() {
                    little.leave(Us(now), entered);
                }
                prop_assert_eq!(little.check(), Ok(()));
                prop_assert_eq!(little.inside(), inside.len() as u64);
            }
        }
    }
}
