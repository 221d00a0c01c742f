//! Faults that wait for their moment: the next crash at this step, the third reply that gets lost.
//!
//! With `skip` every moment of a run can be reached in turn, which is how tests enumerate them all.

/// Faults that have been armed and have not struck yet.
#[derive(Clone, Debug)]
pub struct Armed<T> {
    /// Each with the matching moments that it still lets pass.
    waiting: Vec<(T, u32)>,
}

impl<T> Default for Armed<T> {
    fn default() -> Armed<T> {
        Armed { waiting: Vec::new() }
    }
}

impl<T> Armed<T> {
    /// Arms a fault that lets `skip` matching moments pass.
    pub fn arm(&mut self, fault: T, skip: u32) {
        self.waiting.push((fault, skip));
    }

    /// A moment has come. The first fault that matches it and lets no more pass strikes, once; those
    /// armed before it that match have let one more pass.
    pub fn strikes(&mut self, matches: impl Fn(&T) -> bool) -> Option<T> {
        let at = self.waiting.iter_mut().position(|(fault, skip)| {
            let here = matches(fault);
            let now = here && *skip == 0;
            if here && !now {
                *skip -= 1;
            }
            now
        })?;
        Some(self.waiting.remove(at).0)
    }

    pub fn len(&self) -> usize {
        self.waiting.len()
    }
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }
    /// Bytes on the heap.
    pub fn weight(&self) -> usize {
        self.waiting.capacity() * core::mem::size_of::<(T, u32)>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_strikes_once_at_its_moment() {
        let mut armed = Armed::default();
        armed.arm('a', 2);
        armed.arm('b', 0);
        let mut moments = (0..6).map(|i| armed.strikes(|fault| *fault == 'a' || i % 2 == 0));
        // b strikes at the first moment, while a lets two pass.
        assert_eq!([(); 6].map(|()| moments.next().unwrap()), [Some('b'), None, Some('a'), None, None, None]);
        assert!(armed.is_empty());
    }
}
