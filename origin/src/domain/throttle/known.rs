//! Which accounts are at home in which networks, so that who is gets his place in the hashing pool
//! though strangers have theirs.
//!
//! The database knows. What it said of late is remembered, and it is asked only where no stranger
//! finds a place any more: some at a time, of whom a network, and all of them together, have a part
//! (`shares`). So a flood costs the database no more than these reads, one for each pair of an
//! account and a network within [`UNKNOWN_FOR`].
//!
//! Invariant: what is remembered gives a place and nothing else. Whether the password is looked at
//! the database decides, by the counts.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Mutex, MutexGuard, PoisonError},
};

use portcullis_shared::time::UnixSeconds;

use super::{Throttled, bucket::Bucket, claims, key::Key, refusals::Refusals};
use crate::domain::{
    app::App,
    shares::{Share, Shares},
    store::StoreError,
};

/// How many are remembered to be at home.
const CAPACITY: usize = 32_768;

/// For how many seconds at most it is remembered that an account is not.
const UNKNOWN_FOR: i64 = 2;

/// Strangers, whom all are as long as nothing is known of them, have half of these.
const ASKING: usize = 32;

/// What this process remembers, and who asks.
#[derive(Debug)]
pub struct Known {
    at_home: Mutex<HashMap<Key, UnixSeconds>>,
    /// A moment's, in a memory of its own: strangers are many, and make nobody else forgotten.
    unknown: Refusals,
    asking: Shares,
}

impl Default for Known {
    fn default() -> Self {
        Self {
            at_home: Mutex::default(),
            unknown: Refusals::default(),
            asking: Shares::of(ASKING),
        }
    }
}

impl Known {
    /// Remembers that the account is at home in the network, until then.
    pub(super) fn remember(&self, place: Key, until: UnixSeconds, now: UnixSeconds) {
        let mut all = self.at_home();
        if all.len() >= CAPACITY {
            all.retain(|_, until| now < *until);
            // Seldom enough to cost little for each that is remembered.
            if all.len() > CAPACITY / 2 {
                all.clear();
            }
        }
        all.insert(place, until);
    }

    /// As [`Self::remember`], of what the database holds.
    pub(super) fn remember_read(&self, place: Key, bucket: &Bucket, now: UnixSeconds) {
        if let Some(until) = bucket.known_until.filter(|until| now < *until) {
            self.remember(place, until, now);
        }
    }

    /// Whether the account is remembered to be at home in the network.
    pub fn is_at_home(&self, place: Key, now: UnixSeconds) -> bool {
        self.at_home().get(&place).is_some_and(|until| now < *until)
    }

    fn at_home(&self) -> MutexGuard<'_, HashMap<Key, UnixSeconds>> {
        self.at_home.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_unknown(&self, place: Key, now: UnixSeconds) -> bool {
        self.unknown.find([place].into_iter(), now).is_some()
    }
}

/// A turn to ask; none where too many do.
fn turn(app: &App, ip: Option<IpAddr>) -> Option<Share<'_>> {
    // Not for the account: whoever floods its name is not to keep its owner from asking.
    app.known.asking.take(&claims::of_stranger(app, ip, None))
}

/// Asks the database whether the account is at home in the network. Who finds no turn to ask is
/// told that it is not.
///
/// # Errors
///
/// See [`StoreError`].
pub async fn ask(app: &App, place: Key, ip: Option<IpAddr>) -> Result<bool, StoreError> {
    if app.known.is_unknown(place, app.clock.now()) {
        return Ok(false);
    }
    let Some(_turn) = turn(app, ip) else {
        return Ok(false);
    };
    let buckets = app.store.throttle(&[place]).await?;
    let now = app.clock.now();
    let Some(bucket) = buckets.first().filter(|bucket| bucket.is_known(now)) else {
        let until = Throttled { wait: UNKNOWN_FOR };
        app.known.unknown.remember(place, until, now);
        return Ok(false);
    };
    app.known.remember_read(place, bucket, now);
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UnixSeconds = UnixSeconds(1_767_225_600);
    const ANN: Key = Key([1; 16]);
    const BEN: Key = Key([2; 16]);

    #[test]
    fn who_is_at_home_is_so_until_then_and_who_is_not_known_to_be_is_not() {
        let known = Known::default();
        known.remember(ANN, NOW.plus(900), NOW);
        assert!(known.is_at_home(ANN, NOW.plus(899)) && !known.is_at_home(ANN, NOW.plus(900)));
        assert!(!known.is_at_home(BEN, NOW));
        for (until, at_home) in [(None, false), (Some(NOW), false), (Some(NOW.plus(1)), true)] {
            let bucket = Bucket {
                known_until: until,
                ..Bucket::default()
            };
            known.remember_read(BEN, &bucket, NOW);
            assert_eq!(known.is_at_home(BEN, NOW), at_home, "{until:?}");
        }
    }

    #[test]
    fn no_more_are_remembered_than_there_is_room_for() {
        let known = Known::default();
        for number in 0..2 * CAPACITY {
            let mut key = Key([0; 16]);
            key.0[..8].copy_from_slice(&number.to_be_bytes());
            known.remember(key, NOW.plus(900), NOW);
        }
        assert!(known.at_home().len() <= CAPACITY);
        known.remember(ANN, NOW.plus(900), NOW);
        assert!(known.is_at_home(ANN, NOW));
    }
}
