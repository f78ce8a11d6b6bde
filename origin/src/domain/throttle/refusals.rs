//! Refusals of the last moments, so that whoever goes on guessing against one costs neither a
//! place in the hashing pool nor a query.
//!
//! Invariant: what is refused here, the database refused [`KEPT_FOR`] ago at most. So this is never
//! more lenient than the database, and lags for a moment behind a count that was given back, or a
//! network that became known, meanwhile.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use portcullis_shared::time::UnixSeconds;

use super::{Throttled, key::Key};

/// For how many seconds a refusal is remembered.
const KEPT_FOR: i64 = 2;

/// How many are remembered.
const CAPACITY: usize = 8192;

/// The refusals of this process.
#[derive(Debug, Default)]
pub struct Refusals(Mutex<HashMap<Key, Refused>>);

#[derive(Debug, Clone, Copy)]
struct Refused {
    at: UnixSeconds,
    ready_at: UnixSeconds,
}

impl Refused {
    /// A clock that was put back makes it void.
    fn holds(&self, now: UnixSeconds) -> bool {
        self.at <= now && now < self.ready_at.min(self.at.plus(KEPT_FOR))
    }
}

impl Refusals {
    /// Remembers that attempts which this counts are refused.
    pub(super) fn remember(&self, key: Key, throttled: Throttled, now: UnixSeconds) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= CAPACITY {
            all.retain(|_, refused| refused.holds(now));
            // Seldom enough to cost little for each that is remembered.
            if all.len() > CAPACITY / 2 {
                all.clear();
            }
        }
        let ready_at = now.plus(throttled.wait);
        all.insert(key, Refused { at: now, ready_at });
    }

    /// The longest refusal that is remembered of any of these.
    pub(super) fn find(
        &self,
        keys: impl Iterator<Item = Key>,
        now: UnixSeconds,
    ) -> Option<Throttled> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let holding = keys.filter_map(|key| all.get(&key).filter(|refused| refused.holds(now)));
        let ready_at = holding.map(|refused| refused.ready_at).max()?;
        Some(Throttled {
            wait: ready_at.0.saturating_sub(now.0),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UnixSeconds = UnixSeconds(1_767_225_600);
    const ANN: Key = Key([1; 16]);
    const BEN: Key = Key([2; 16]);

    #[test]
    fn a_refusal_holds_until_it_ends_and_for_two_seconds_at_most() {
        let refusals = Refusals::default();
        refusals.remember(ANN, Throttled { wait: 1 }, NOW);
        refusals.remember(BEN, Throttled { wait: 60 }, NOW);
        let wait = |keys: &[Key], after| {
            let found = refusals.find(keys.iter().copied(), NOW.plus(after));
            found.map(|throttled| throttled.wait)
        };
        assert_eq!(wait(&[ANN], 0), Some(1));
        assert_eq!(wait(&[ANN], 1), None);
        assert_eq!(wait(&[BEN], 1), Some(59));
        assert_eq!(wait(&[ANN, BEN], 0), Some(60));
        assert_eq!(wait(&[BEN], 2), None);
        assert_eq!(wait(&[BEN], -1), None);
        assert_eq!(wait(&[], 0), None);
    }

    #[test]
    fn no_more_are_remembered_than_there_is_room_for() {
        let refusals = Refusals::default();
        for number in 0..3 * CAPACITY {
            let mut key = Key([0; 16]);
            key.0[..8].copy_from_slice(&number.to_be_bytes());
            refusals.remember(key, Throttled { wait: 60 }, NOW);
            assert!(refusals.0.lock().unwrap().len() <= CAPACITY);
        }
        refusals.remember(ANN, Throttled { wait: 60 }, NOW);
        assert!(refusals.find([ANN].into_iter(), NOW).is_some());
    }
}
