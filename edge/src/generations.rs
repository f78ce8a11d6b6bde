//! A map that is bounded in bytes by two generations: what is used stays in the young one, and when
//! that is full it becomes the old one, and the former old one is forgotten.
//!
//! Invariant: whatever is put in, it never weighs more than its limit; and nothing that is in use is
//! forgotten before as much as half of the limit has been put in after its last use.

use std::collections::HashMap;

use crate::cache::Fingerprint;

/// What an entry costs beside its value: its key, its weight, a slot in the map, twice.
const OVERHEAD: usize = 128;

#[derive(Debug)]
struct Entry<V> {
    value: V,
    weight: usize,
}

/// The map.
#[derive(Debug)]
pub struct Generations<V> {
    /// How many bytes one generation may hold.
    limit: usize,
    young: HashMap<Fingerprint, Entry<V>>,
    old: HashMap<Fingerprint, Entry<V>>,
    /// Of the young ones.
    weight: usize,
}

impl<V> Generations<V> {
    /// A map of about `bytes` bytes at most; 0 keeps nothing.
    pub fn new(bytes: usize) -> Self {
        Self {
            limit: bytes / 2,
            young: HashMap::new(),
            old: HashMap::new(),
            weight: 0,
        }
    }

    /// The value of this key, which is in use from now on.
    pub fn get(&mut self, key: &Fingerprint) -> Option<&V> {
        self.get_mut(key).map(|value| &*value)
    }

    /// The value of this key, to be changed; it weighs what it did.
    pub fn get_mut(&mut self, key: &Fingerprint) -> Option<&mut V> {
        if let Some(entry) = self.old.remove(key) {
            self.put(*key, entry);
        }
        self.young.get_mut(key).map(|entry| &mut entry.value)
    }

    /// The value of this key, whether or not it is in use.
    pub fn peek(&self, key: &Fingerprint) -> Option<&V> {
        let entry = self.young.get(key).or_else(|| self.old.get(key));
        entry.map(|entry| &entry.value)
    }

    /// Keeps a value that takes so many bytes outside of itself; one that is too large is not kept.
    pub fn insert(&mut self, key: Fingerprint, value: V, bytes: usize) {
        self.remove(&key);
        let weight = bytes + size_of::<V>() + OVERHEAD;
        self.put(key, Entry { value, weight });
    }

    /// Forgets a value.
    pub fn remove(&mut self, key: &Fingerprint) {
        if let Some(entry) = self.young.remove(key) {
            self.weight -= entry.weight;
        }
        self.old.remove(key);
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.young.clear();
        self.old.clear();
        self.weight = 0;
    }

    /// How many values are kept.
    pub fn len(&self) -> usize {
        self.young.len() + self.old.len()
    }

    /// Whether none is kept.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Puts an entry, whose key is in neither generation, into the young one.
    fn put(&mut self, key: Fingerprint, entry: Entry<V>) {
        if entry.weight > self.limit {
            return;
        }
        if self.weight + entry.weight > self.limit {
            self.old = std::mem::take(&mut self.young);
            self.weight = 0;
        }
        self.weight += entry.weight;
        self.young.insert(key, entry);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(number: u32) -> Fingerprint {
        Fingerprint::of(&number.to_string())
    }

    const WEIGHT: usize = 8 + OVERHEAD + 100;

    #[test]
    fn it_never_weighs_more_than_its_limit_and_keeps_what_is_used() {
        let mut map = Generations::new(20 * WEIGHT);
        map.insert(key(0), 0_u64, 100);
        for number in 1..200 {
            map.insert(key(number), u64::from(number), 100);
            assert!(map.len() <= 20, "{}", map.len());
            assert_eq!(map.get(&key(0)), Some(&0), "{number}");
        }
        assert_eq!(map.peek(&key(1)), None);
        map.clear();
        assert!(map.is_empty());
    }

    #[test]
    fn what_is_replaced_or_removed_weighs_nothing() {
        let mut map = Generations::new(2 * WEIGHT);
        for value in 0..100_u64 {
            map.insert(key(1), value, 100);
            assert_eq!((map.len(), map.peek(&key(1))), (1, Some(&value)));
        }
        for number in 2..100 {
            map.insert(key(number), 7, 100);
            map.remove(&key(number));
        }
        assert_eq!(map.peek(&key(1)), Some(&99), "nothing has pushed it out");
        assert_eq!(map.len(), 1);
    }

    #[test]
    fn what_is_too_large_is_not_kept() {
        let mut map = Generations::new(4 * WEIGHT);
        map.insert(key(1), 1_u64, 10 * WEIGHT);
        assert!(map.is_empty());
        let mut none = Generations::new(0);
        none.insert(key(1), 1_u64, 0);
        assert!(none.is_empty());
    }
}
