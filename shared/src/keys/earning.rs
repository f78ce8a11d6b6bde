//! Which keys of a set have tables of multiples ([`crate::ed25519`]).
//!
//! Invariants: tables belong to the bytes of a key, whatever it is called, and go when no key of
//! the set has these bytes any more; at most [`MOST`] keys have some; and nothing is earned by
//! signatures that do not match.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use super::{KeySet, VerifyingKey};
use crate::ed25519::{BaseTables, KeyTables};

/// Good signatures after which a key has earned its tables: their cost is that of about fifty
/// verifications.
const EARNED: u32 = 64;

/// Keys that have tables at the same time.
const MOST: usize = 4;

/// How many signatures a key has verified since tables were last handed out. Threads may count at
/// the same time; one more or less does not matter.
#[derive(Debug, Default)]
pub(super) struct Count(AtomicU32);

impl Count {
    pub(super) fn increase(&self) {
        self.set(self.get().saturating_add(1));
    }

    fn get(&self) -> u32 {
        self.0.load(Ordering::Relaxed)
    }

    fn set(&self, count: u32) {
        self.0.store(count, Ordering::Relaxed);
    }
}

impl Clone for Count {
    fn clone(&self) -> Self {
        Self(AtomicU32::new(self.get()))
    }
}

/// A key whose tables are to be built, in two steps, between which others may have their turn.
#[derive(Debug, Clone)]
pub struct Order {
    key: VerifyingKey,
    base: Option<Arc<BaseTables>>,
}

impl Order {
    /// The first step: the multiples of the base point, unless they are there.
    #[must_use]
    pub fn prepare(mut self) -> Self {
        self.base
            .get_or_insert_with(|| Arc::new(BaseTables::build()));
        self
    }

    /// The second step: the key's own.
    pub fn build(self) -> KeyTables {
        let base = self.base.unwrap_or_else(|| Arc::new(BaseTables::build()));
        KeyTables::build(&self.key, base)
    }
}

impl VerifyingKey {
    fn has(&self, public: &[u8; 32]) -> bool {
        self.point.as_bytes() == public
    }
}

impl KeySet {
    /// The key that has earned tables and has none. Where as many have some as may, it has to have
    /// verified twice as much as one of these, so that keys do not take them from each other by
    /// turns.
    pub fn awaits_tables(&self) -> Option<Order> {
        let key = self
            .keys
            .iter()
            .find(|key| key.tables.is_none() && key.verified.get() >= EARNED)?;
        if self.with_tables() >= MOST {
            let least = self.least_used()?.verified.get();
            if key.verified.get() / 2 < least {
                return None;
            }
        }
        let base = self.keys.iter().find_map(|key| key.tables.as_ref());
        Some(Order {
            key: key.clone(),
            base: base.map(|tables| Arc::clone(tables.base())),
        })
    }

    /// Hands tables out to the key that they are of, if it is still there, and takes them from the
    /// key that has verified least since the last time, if there would be too many.
    pub fn give_tables(&mut self, tables: KeyTables) {
        let public = *tables.public();
        let lacks = |key: &VerifyingKey| key.has(&public) && key.tables.is_none();
        if !self.keys.iter().any(lacks) {
            return;
        }
        if self.with_tables() >= MOST
            && let Some(least) = self.least_used().map(|key| *key.point.as_bytes())
        {
            self.set_tables(&least, None);
        }
        self.set_tables(&public, Some(&Arc::new(tables)));
        for key in &self.keys {
            key.verified.set(0);
        }
    }

    /// Takes over what keys of the same bytes have earned in the set that this one replaces.
    pub fn inherit(&mut self, former: &Self) {
        for key in &mut self.keys {
            let same = former
                .keys
                .iter()
                .find(|other| other.has(key.point.as_bytes()));
            if let Some(same) = same {
                key.verified = same.verified.clone();
                key.tables = same.tables.clone();
            }
        }
    }

    /// How many keys have tables.
    pub fn with_tables(&self) -> usize {
        self.keys.iter().filter(|key| key.tables.is_some()).count()
    }

    fn least_used(&self) -> Option<&VerifyingKey> {
        self.keys
            .iter()
            .filter(|key| key.tables.is_some())
            .min_by_key(|key| key.verified.get())
    }

    fn set_tables(&mut self, public: &[u8; 32], tables: Option<&Arc<KeyTables>>) {
        for key in &mut self.keys {
            if key.has(public) {
                key.tables = tables.cloned();
            }
        }
    }
}

#[cfg(test)]
mod tests;
