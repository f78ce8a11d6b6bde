//! The keys of one issuer, whoever that is: how old they are, and when they are fetched.
//!
//! Invariants: a bad document leaves the good one in place; and attempts for the sake of keys that are
//! not known have a budget of their own.

use sha2::{Digest as _, Sha256};

use crate::time::Millis;

use super::{
    Ages, Freshness, Held, Step, WAIT_FOR_FRESHER, age, begin, is_overtaken, patience,
    schedule::{Attempt, Budget, Schedule},
};

pub(super) struct KeyRoom<K> {
    held: Option<Held<K>>,
    /// SHA-256 of the document that they were read from.
    digest: Option<[u8; 32]>,
    pub(super) schedule: Schedule,
    /// For keys that tokens name.
    budget: Budget,
}

impl<K> Default for KeyRoom<K> {
    fn default() -> Self {
        Self {
            held: None,
            digest: None,
            schedule: Schedule::default(),
            budget: Budget::default(),
        }
    }
}

impl<K> KeyRoom<K> {
    /// With these keys in it, whose fetch began at `fetched`.
    #[cfg(feature = "explain")]
    pub(super) fn holding(value: K, fetched: Millis) -> Self {
        Self {
            held: Some(Held { value, fetched }),
            ..Self::default()
        }
    }

    pub(super) fn get(&self) -> Option<&K> {
        self.held.as_ref().map(|held| &held.value)
    }

    pub(super) fn get_mut(&mut self) -> Option<&mut K> {
        self.held.as_mut().map(|held| &mut held.value)
    }

    /// In milliseconds.
    pub(super) fn age(&self, now: Millis) -> Option<i64> {
        self.held.as_ref().and_then(|held| age(held.fetched, now))
    }

    pub(super) fn freshness(&self, ages: &Ages, now: Millis) -> Freshness {
        match self.age(now) {
            Some(age) if age <= ages.keys_fresh => Freshness::Fresh,
            Some(age) if age <= ages.keys_hard => Freshness::Ageing,
            _ => Freshness::Gone,
        }
    }

    /// The attempt that is to be made, and how long a request waits for one, in milliseconds.
    pub(super) fn advance(&mut self, ages: &Ages, now: Millis) -> (Option<Attempt>, i64) {
        let freshness = self.freshness(ages, now);
        let attempt = begin(&mut self.schedule, freshness, now);
        (attempt, patience(&self.schedule, freshness, now))
    }

    /// What a request has to do whose token names a key that is not in the set.
    pub(super) fn advance_for_key(&mut self, since: Millis, now: Millis) -> Step {
        let keys = if self.budget.take(now) {
            Some(self.schedule.begin_always(now))
        } else {
            None
        };
        Step {
            keys,
            feed: None,
            wait: self.schedule.is_busy(now) && now.since(since) < WAIT_FOR_FRESHER,
        }
    }

    /// Takes in a set that was read from `json`, and has it inherit from the one that it replaces.
    /// Says whether the document differs from the last one.
    pub(super) fn put(
        &mut self,
        attempt: Attempt,
        json: &[u8],
        mut value: K,
        inherit: impl FnOnce(&mut K, &K),
    ) -> bool {
        let fetched = attempt.started();
        if self
            .held
            .as_ref()
            .is_some_and(|held| is_overtaken(fetched, held.fetched))
        {
            return false;
        }
        let digest = Sha256::digest(json).into();
        let changed = self.digest != Some(digest);
        self.digest = Some(digest);
        if let Some(held) = &self.held {
            inherit(&mut value, &held.value);
        }
        self.held = Some(Held { value, fetched });
        changed
    }
}
