//! A queue with two ends whose copy costs a few instructions.
//!
//! What models keep is copied into every checkpoint. The standard library copies a [`VecDeque`] element by element, in a
//! kilobyte of code for each kind of element, of which a question has up to ten; here the two halves are copied as they
//! lie.

use core::ops::{Deref, DerefMut};
use std::collections::VecDeque;

/// [`VecDeque`], copied differently.
///
/// ```
/// let mut line: sim::deque::Deque<u32> = [2, 3].into();
/// line.push_front(1);
/// assert_eq!(line.clone(), [1, 2, 3].into());
/// ```
#[derive(Debug, PartialEq, Eq)]
pub struct Deque<T>(VecDeque<T>);

impl<T> Deque<T> {
    pub const fn new() -> Deque<T> {
        Deque(VecDeque::new())
    }
}

impl<T> Default for Deque<T> {
    fn default() -> Deque<T> {
        Deque::new()
    }
}

impl<T: Clone> Clone for Deque<T> {
    fn clone(&self) -> Deque<T> {
        let (front, back) = self.0.as_slices();
        let mut all = Vec::with_capacity(front.len() + back.len());
        all.extend_from_slice(front);
        all.extend_from_slice(back);
        Deque(all.into())
    }
}

impl<T> Deref for Deque<T> {
    type Target = VecDeque<T>;
    fn deref(&self) -> &VecDeque<T> {
        &self.0
    }
}

impl<T> DerefMut for Deque<T> {
    fn deref_mut(&mut self) -> &mut VecDeque<T> {
        &mut self.0
    }
}

impl<T, const N: usize> From<[T; N]> for Deque<T> {
    fn from(all: [T; N]) -> Deque<T> {
        Deque(all.into())
    }
}

impl<T> FromIterator<T> for Deque<T> {
    fn from_iter<I: IntoIterator<Item = T>>(all: I) -> Deque<T> {
        Deque(all.into_iter().collect())
    }
}

impl<T> IntoIterator for Deque<T> {
    type Item = T;
    type IntoIter = std::collections::vec_deque::IntoIter<T>;
    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<'a, T> IntoIterator for &'a Deque<T> {
    type Item = &'a T;
    type IntoIter = std::collections::vec_deque::Iter<'a, T>;
    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}

impl<'a, T> IntoIterator for &'a mut Deque<T> {
    type Item = &'a mut T;
    type IntoIter = std::collections::vec_deque::IterMut<'a, T>;
    fn into_iter(self) -> Self::IntoIter {
        self.0.iter_mut()
    }
}
