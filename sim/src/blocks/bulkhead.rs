//! Bulkhead: a part of the room for each kind of work, so that no kind can take all of it.
//!
//! ```text
//!   tenant 1 --> ( at most 10 inside ) --\
//!   tenant 2 --> ( at most 10 inside ) ---+--> [ line ] ( workers )
//!   tenant 3 --> ( at most 10 inside ) --/
//!          |refused
//!          v
//! ```
//!
//! Named after the walls that keep one leak from sinking the ship (Nygard, *Release It!*, 2007). What
//! is counted is *how many at once*, not how many a second: by Little's law a compartment of B lets B/W
//! a second through when its work takes W, so slow work is held back without anybody having to set a
//! rate. A compartment without a line behind it loses what Erlang's B formula says.
//!
//! The walls cost something: room that one kind does not need is not there for the others.
//!
//! Leaves out: waiting for a place (the line behind it is where one waits), and walls that move.

/// Compartments that a bulkhead can have.
pub const COMPARTMENTS: usize = 8;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bulkhead {
    /// How many may be in each; 0 means no wall at all.
    room: u32,
    inside: [u32; COMPARTMENTS],
    refused: u64,
}

impl Bulkhead {
    /// Compartments of this size; 0 for none.
    pub fn new(room: u32) -> Bulkhead {
        Bulkhead { room, inside: [0; COMPARTMENTS], refused: 0 }
    }

    /// The walls are moved. Those who are inside stay; until enough have left, nobody comes in.
    pub fn resize(&mut self, room: u32) {
        self.room = room;
    }

    /// Whether this kind has room for one more, who then is inside.
    #[inline]
    pub fn enter(&mut self, kind: usize) -> bool {
        let inside = &mut self.inside[kind % COMPARTMENTS];
        let fits = self.room == 0 || *inside < self.room;
        *inside += u32::from(fits);
        self.refused += u64::from(!fits);
        fits
    }

    /// One of this kind has left, for whatever reason.
    #[inline]
    pub fn leave(&mut self, kind: usize) {
        let inside = &mut self.inside[kind % COMPARTMENTS];
        debug_assert!(*inside > 0, "kind {kind} leaves a compartment that is empty");
        *inside = inside.saturating_sub(1);
    }

    /// All at once: what was behind it has died.
    pub fn clear(&mut self) {
        self.inside = [0; COMPARTMENTS];
    }

    pub fn inside(&self, kind: usize) -> u32 {
        self.inside[kind % COMPARTMENTS]
    }
    pub fn total(&self) -> u32 {
        self.inside.iter().sum()
    }
    pub fn room(&self) -> u32 {
        self.room
    }
    /// Those who found their compartment full.
    pub fn refused(&self) -> u64 {
        self.refused
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use proptest::prelude::*;

    #[test]
    fn one_kind_cannot_take_the_room_of_another() {
        let mut b = Bulkhead::new(2);
        assert_eq!([b.enter(0), b.enter(0), b.enter(0), b.enter(1)], [true, true, false, true]);
        b.leave(0);
        assert!(b.enter(0));
        assert_eq!((b.inside(0), b.inside(1), b.total(), b.refused(), b.room()), (2, 1, 3, 1, 2));
        assert!(!b.enter(0));
        assert_eq!(b.refused(), 2);
        b.resize(1);
        b.leave(0);
        assert!(!b.enter(0), "smaller now");
        b.resize(0);
        assert!(b.enter(0), "no wall");
        b.clear();
        assert_eq!((b.total(), b.room()), (0, 0));
    }

    proptest! {
        #[test]
        fn nobody_is_let_in_twice_and_the_walls_hold(
            room in 0u32..5,
            moves in prop::collection::vec((any::<bool>(), 0usize..COMPARTMENTS), 0..300),
        ) {
            let mut b = Bulkhead::new(room);
            let mut inside = [0u32; COMPARTMENTS];
            for (enter, kind) in moves {
                if enter {
                    let fits = room == 0 || inside[kind] < room;
                    prop_assert_eq!(b.enter(kind), fits);
                    inside[kind] += u32::from(fits);
                } else if inside[kind] > 0 {
                    b.leave(kind);
                    inside[kind] -= 1;
                }
                prop_assert_eq!(b.inside, inside);
                prop_assert_eq!(b.total(), inside.iter().sum::<u32>());
            }
        }
    }
}
