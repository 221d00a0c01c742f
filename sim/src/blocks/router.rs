//! Router: which copy answers a read.
//!
//! ```text
//!   read [I wrote position 41, 50 ms ago] --> router --> primary    has everything, and is one
//!                                                  \--> replica 1   has 43
//!                                                   \-> replica 2   has 39: not for this reader
//! ```
//!
//! Copies that lag answer quickly and sometimes wrongly. Most readers do not notice. The one who has
//! just written does: their own change is missing (*read your writes*; Terry and others, *Session
//! Guarantees for Weakly Consistent Replicated Data*, PDIS 1994). So a router needs to know only who
//! wrote lately, or up to which position of the log.
//!
//! - *sticky*: for a while after a write its author reads from the primary;
//! - *token*: the author carries the position of the write, and any copy that has applied it will do;
//! - *primary*: no copies for anybody.
//!
//! Leaves out: reads inside transactions that write, tokens that pass from one user to another.

use super::replication::Position;
use crate::kernel::Us;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Route {
    /// Any copy, the primary too.
    All,
    /// Replicas only, while there is one.
    Replicas,
    /// Replicas, but the primary for whoever wrote less than this ago.
    Sticky(Us),
    /// Replicas, but only those that have what the reader has written.
    Token,
    Primary,
}

/// How one of several replicas is chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice {
    Random,
    /// The same one for the same user, so that nobody goes back in time.
    User,
    /// The one with the shortest line.
    Shortest,
}

/// What the reader knows of its own writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Own {
    Nothing,
    /// A write was acknowledged then. Without a position it was only accepted: it waits somewhere to
    /// be committed, and there is nothing to look for yet.
    Wrote(Us, Option<Position>),
}

/// A reader at the router.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ask {
    pub own: Own,
    pub now: Us,
    /// Fair bits of the request or, for [`Choice::User`], of the user.
    pub fair: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    To(usize),
    /// This replica does not have the position yet: wait for it, or ask the primary.
    Behind(usize, Position),
    /// No copy is left that could answer.
    Nobody,
}

/// The copies of one shard, as the router sees them.
pub struct Copies<'a> {
    pub leader: Option<usize>,
    /// Those that take reads, without the leader.
    pub followers: &'a [u8],
}

impl Copies<'_> {
    /// `line` and `applied` tell a member's queue and its position.
    #[inline]
    pub fn way(
        &self,
        route: Route,
        choice: Choice,
        ask: Ask,
        line: impl Fn(usize) -> usize,
        applied: impl Fn(usize) -> Position,
    ) -> Way {
        let Ask { own, now, fair } = ask;
        let primary = self.leader.map_or(Way::Nobody, Way::To);
        let wants_primary = match (route, own) {
            (Route::Primary, _) => true,
            (Route::Sticky(span), Own::Wrote(at, _)) => now.since(at) < span,
            (Route::Token, Own::Wrote(_, None)) => true,
            _ => false,
        };
        if wants_primary || self.followers.is_empty() {
            return primary;
        }
        let everybody = route == Route::All && self.leader.is_some();
        let n = self.followers.len() + usize::from(everybody);
        let member = |i: usize| self.followers.get(i).map_or(self.leader.unwrap_or(0), |f| usize::from(*f));
        let pick = match choice {
            // Ties go to whom the bits name, so that nobody is favoured.
            Choice::Shortest => {
                let start = below(fair, n);
                let mut best = member(start);
                for i in 1..n {
                    let next = member((start + i) % n);
                    if line(next) < line(best) {
                        best = next;
                    }
                }
                best
            }
            _ => member(below(fair, n)),
        };
        match (route, own) {
            (Route::Token, Own::Wrote(_, Some(position))) if applied(pick) < position => Way::Behind(pick, position),
            _ => Way::To(pick),
        }
    }
}

#[inline(always)]
fn below(fair: u32, n: usize) -> usize {
    ((u64::from(fair) * n as u64) >> 32) as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ROUTES: [Route; 5] = [Route::All, Route::Replicas, Route::Sticky(Us::s(1)), Route::Token, Route::Primary];

    #[test]
    fn all_copies_get_their_share() {
        for (route, n) in [(Route::All, 5), (Route::Replicas, 4)] {
            let mut counts = [0u32; 5];
            for i in 0..5_000u32 {
                let copies = Copies { leader: Some(4), followers: &[0, 1, 2, 3] };
                let fair = i.wrapping_mul(859_007);
                let ask = Ask { own: Own::Nothing, now: Us::ZERO, fair };
                match copies.way(route, Choice::Random, ask, |_| 0, |_| 0) {
                    Way::To(m) => counts[m] += 1,
                    other => panic!("{other:?}"),
                }
            }
            for c in &counts[..n] {
                assert!(c.abs_diff(5_000 / n as u32) < 60, "{route:?}: {counts:?}");
            }
        }
    }

    proptest! {
        /// A reader with a token never gets a copy that lacks it; a sticky one gets the primary for
        /// as long as it sticks; and while anybody is up, somebody answers.
        #[test]
        fn every_reader_gets_what_the_rule_promises(
            route in 0usize..5, choice in 0usize..3, leader in prop::option::of(3usize..5), up in prop::collection::vec(0u8..3, 0..3),
            applied in prop::collection::vec(0u32..10, 5), token in prop::option::of(0u32..10), since in 0u64..2_000, fair: u32,
        ) {
            let route = ROUTES[route];
            let choice = [Choice::Random, Choice::User, Choice::Shortest][choice];
            let now = Us::s(10);
            let own = Own::Wrote(now - Us::ms(since), token);
            let copies = Copies { leader, followers: &up };
            let way = copies.way(route, choice, Ask { own, now, fair }, |m| m, |m| applied[m]);
            match way {
                Way::To(m) => {
                    prop_assert!(Some(m) == leader || up.contains(&(m as u8)));
                    if let (Route::Token, Some(t)) = (route, token) {
                        prop_assert!(Some(m) == leader || applied[m] >= t);
                    }
                    if matches!(route, Route::Sticky(_)) && since < 1_000 {
                        prop_assert_eq!(Some(m), leader);
                    }
                    if route == Route::Replicas && !up.is_empty() {
                        prop_assert_ne!(Some(m), leader);
                    }
                }
                Way::Behind(m, t) => prop_assert!(route == Route::Token && applied[m] < t && Some(t) == token),
                Way::Nobody => prop_assert!(leader.is_none() && (up.is_empty() || matches!(route, Route::Primary | Route::Sticky(_) | Route::Token))),
            }
        }
    }

    #[test]
    fn the_shortest_line_is_taken_and_among_equals_the_one_that_the_bits_name() {
        let copies = Copies { leader: None, followers: &[0, 1, 2, 3] };
        for i in 0..64u32 {
            let ask = Ask { own: Own::Nothing, now: Us::ZERO, fair: i << 26 };
            let way = |choice, lines: [usize; 4]| copies.way(Route::Replicas, choice, ask, |m| lines[m], |_| 0);
            for best in 0..4 {
                let mut lines = [2, 5, 3, 4];
                lines[best] = 1;
                assert_eq!(way(Choice::Shortest, lines), Way::To(best));
            }
            assert_eq!(way(Choice::Shortest, [7; 4]), way(Choice::Random, [7; 4]));
        }
    }

    #[test]
    fn an_author_reads_from_the_primary_while_it_sticks_and_while_there_is_no_position() {
        let copies = Copies { leader: Some(1), followers: &[0] };
        let way = |route, since: u64, token| {
            let now = Us::s(10);
            let ask = Ask { own: Own::Wrote(now - Us(since), token), now, fair: 0 };
            copies.way(route, Choice::Random, ask, |_| 0, |_| 5)
        };
        let sticky = Route::Sticky(Us::s(1));
        assert_eq!((way(sticky, 999_999, None), way(sticky, 1_000_000, None)), (Way::To(1), Way::To(0)));
        let token = [None, Some(5), Some(6)].map(|token| way(Route::Token, 0, token));
        assert_eq!(token, [Way::To(1), Way::To(0), Way::Behind(0, 6)]);
    }
}
