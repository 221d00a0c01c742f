//! Records by number, in the order of their numbers: a map for ids that grow with time.
//!
//! The numbers stand sorted in a queue of pairs with the places of the records. What is new comes near its end and what
//! goes leaves near its front, so little moves, and looking one up reads neighbouring pairs. A tree does the same in six
//! times the code, which a page would download for each kind of record.

use crate::deque::Deque;
use core::ops::Index;

/// A map from `u32`, in order.
///
/// ```
/// let mut orders = sim::rows::Rows::default();
/// orders.insert(7, 'b');
/// orders.insert(3, 'a');
/// assert_eq!(orders.iter().collect::<Vec<_>>(), [(&3, &'a'), (&7, &'b')]);
/// assert_eq!((orders.remove(&3), orders.get(&3), orders[&7]), (Some('a'), None, 'b'));
/// ```
#[derive(Clone, Debug)]
pub struct Rows<V> {
    /// Id and place, by id.
    order: Deque<(u32, u32)>,
    places: Vec<Option<V>>,
    free: Vec<u32>,
}

impl<V> Default for Rows<V> {
    fn default() -> Rows<V> {
        Rows { order: Deque::new(), places: Vec::new(), free: Vec::new() }
    }
}

/// Where the pair of an id is, or would be.
fn search(order: &Deque<(u32, u32)>, id: u32) -> Result<usize, usize> {
    // Ids that come in order are looked for behind all others.
    match order.back() {
        Some((last, _)) if *last >= id => order.binary_search_by_key(&id, |(id, _)| *id),
        _ => Err(order.len()),
    }
}

impl<V> Rows<V> {
    fn place(&self, id: u32) -> Option<usize> {
        search(&self.order, id).ok().map(|at| self.order[at].1 as usize)
    }

    pub fn get(&self, id: &u32) -> Option<&V> {
        self.places[self.place(*id)?].as_ref()
    }
    pub fn get_mut(&mut self, id: &u32) -> Option<&mut V> {
        let place = self.place(*id)?;
        self.places[place].as_mut()
    }
    pub fn contains_key(&self, id: &u32) -> bool {
        self.place(*id).is_some()
    }

    /// Puts a record under an id; one that was there is gone.
    pub fn insert(&mut self, id: u32, row: V) {
        match search(&self.order, id) {
            Ok(at) => self.places[self.order[at].1 as usize] = Some(row),
            Err(at) => {
                let place = self.free.pop().unwrap_or_else(|| {
                    self.places.push(None);
                    self.places.len() as u32 - 1
                });
                self.places[place as usize] = Some(row);
                self.order.insert(at, (id, place));
            }
        }
    }

    pub fn remove(&mut self, id: &u32) -> Option<V> {
        let at = search(&self.order, *id).ok()?;
        let (_, place) = self.order.remove(at)?;
        self.free.push(place);
        self.places[place as usize].take()
    }

    pub fn iter(&self) -> impl Iterator<Item = (&u32, &V)> {
        self.order.iter().filter_map(|(id, place)| Some((id, self.places[*place as usize].as_ref()?)))
    }
    pub fn values(&self) -> impl Iterator<Item = &V> {
        self.iter().map(|(_, row)| row)
    }
    pub fn keys(&self) -> impl Iterator<Item = &u32> {
        self.order.iter().map(|(id, _)| id)
    }
    pub fn len(&self) -> usize {
        self.order.len()
    }
    pub fn is_empty(&self) -> bool {
        self.order.is_empty()
    }
    /// Bytes that a copy costs, without what the records hold elsewhere.
    pub fn weight(&self) -> usize {
        self.order.len() * 8 + self.places.len() * core::mem::size_of::<Option<V>>() + self.free.len() * 4
    }
}

impl<V> Index<&u32> for Rows<V> {
    type Output = V;
    fn index(&self, id: &u32) -> &V {
        self.get(id).expect("a record under this id")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    proptest! {
        /// Against the map of the standard library.
        #[test]
        fn a_map_in_order(ops in prop::collection::vec((0u8..4, 0u32..40), 0..300)) {
            let (mut rows, mut map) = (Rows::default(), BTreeMap::new());
            for (i, (op, id)) in ops.into_iter().enumerate() {
                match op {
                    0 | 1 => {
                        rows.insert(id, i);
                        map.insert(id, i);
                    }
                    2 => prop_assert_eq!(rows.remove(&id), map.remove(&id)),
                    _ => {
                        if let Some(row) = rows.get_mut(&id) {
                            *row += 1;
                        }
                        map.entry(id).and_modify(|row| *row += 1);
                    }
                }
                prop_assert_eq!((rows.get(&id), rows.contains_key(&id)), (map.get(&id), map.contains_key(&id)));
                prop_assert!(rows.clone().iter().eq(map.iter()));
                prop_assert!(rows.keys().eq(map.keys()) && rows.values().eq(map.values()));
                prop_assert_eq!(rows.len(), map.len());
            }
        }
    }
}
