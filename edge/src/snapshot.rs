//! What the edge knows: the origin's keys and revocations, and how old each is.
//!
//! Plain data. It fetches nothing and waits for nothing; it says what is to be fetched, whether a
//! request should wait for it, and takes in what came back.
//!
//! Invariants: age runs from the moment a fetch began; a document that is not genuine, not fresh
//! or older than what is held changes nothing; and however many requests ask, attempts start at
//! most once a second.

mod key_room;
mod schedule;

use portcullis_shared::{
    ed25519::KeyTables,
    foreign::{Issuer, PublicKeys},
    ids::KeyId,
    keys::{KeySet, KeySetError, Order},
    revocation::{Document, DocumentError, MergeError, Revocations},
    routes::RevocationMode,
};

use crate::time::Millis;

use key_room::KeyRoom;
pub use schedule::Attempt;
use schedule::{Budget, Schedule, Urgency};

/// How long a request that could be served waits for something fresher, in milliseconds: until a
/// fetch has had its time, so that a slow origin delays no ban.
const WAIT_FOR_FRESHER: i64 = 2_100;

/// How long a request waits that cannot be served otherwise, in milliseconds.
const WAIT_FOR_ANY: i64 = 2_500;

/// How far, in milliseconds, the clock may be put back before ages count for nothing.
const CLOCK_STEP: i64 = 1_000;

/// By how much, in milliseconds, an attempt may have begun after another that ends later. What is
/// further in the future was fetched by a clock that has been put back since.
const OVERLAP: i64 = 10_000;

/// How old what is held may be, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ages {
    /// Revocations to this age serve.
    pub feed_fresh: i64,
    /// Revocations to this age serve, and are fetched anew meanwhile; older ones are fetched first.
    pub feed_ageing: i64,
    /// Revocations beyond this age serve nobody.
    pub feed_hard: i64,
    /// Keys to this age serve; older ones are fetched anew meanwhile.
    pub keys_fresh: i64,
    /// Keys beyond this age serve nobody.
    pub keys_hard: i64,
}

impl Default for Ages {
    fn default() -> Self {
        Self {
            feed_fresh: 2_000,
            feed_ageing: 3_500,
            feed_hard: 30_000,
            keys_fresh: 5 * 60_000,
            keys_hard: 24 * 3_600_000,
        }
    }
}

/// What the age of something means for a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Freshness {
    /// It serves.
    Fresh,
    /// It serves, and is to be fetched anew meanwhile.
    Ageing,
    /// It is to be fetched anew first, but serves if that fails.
    Stale,
    /// It does not serve, or there is none.
    Gone,
}

/// What has to be known before a request is judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Needs {
    /// The origin's keys, and its revocations as fresh as the route asks for.
    Ours(RevocationMode),
    /// The keys of the foreign issuer at this place of the table, from 0. The origin's feed does not
    /// know its tokens.
    Foreign(usize),
}

impl From<RevocationMode> for Needs {
    fn from(mode: RevocationMode) -> Self {
        Self::Ours(mode)
    }
}

/// What is to be done before a request is judged.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Step {
    /// Fetch the keys of the issuer that was asked for.
    pub keys: Option<Attempt>,
    /// Fetch the revocations.
    pub feed: Option<Attempt>,
    /// Wait a little and ask again.
    pub wait: bool,
}

/// Why a feed was not taken.
#[derive(Debug, thiserror::Error)]
pub enum FeedError {
    /// There are no keys to verify it with.
    #[error("there are no keys yet")]
    NoKeys,
    /// Not genuine, or not of now.
    #[error(transparent)]
    Document(#[from] DocumentError),
    /// Signed with a key that the revocations held name.
    #[error("signed with the withdrawn key {0}")]
    WithdrawnKey(KeyId),
    /// It does not continue what is held.
    #[error(transparent)]
    Merge(#[from] MergeError),
}

struct Held<T> {
    value: T,
    /// When the fetch that brought or confirmed it began.
    fetched: Millis,
}

/// Keys and revocations with their ages.
#[derive(Default)]
pub struct Snapshot {
    ages: Ages,
    keys: KeyRoom<KeySet>,
    /// In the order of the table.
    foreign: Vec<KeyRoom<PublicKeys>>,
    feed: Option<Held<Revocations>>,
    feed_schedule: Schedule,
    feed_key_budget: Budget,
    /// The key that the budget was last spent for.
    feed_key: Option<KeyId>,
    /// The building of a key's tables.
    tables_schedule: Schedule,
}

impl Snapshot {
    /// Nothing yet, to be judged by these ages.
    pub fn new(ages: Ages) -> Self {
        Self {
            ages,
            ..Self::default()
        }
    }

    /// What an explanation goes by: these keys and revocations, and the keys of the foreign issuer at a
    /// place of the table, all as fresh at `now` as can be.
    #[cfg(feature = "explain")]
    pub fn assumed(
        keys: KeySet,
        revocations: Revocations,
        foreign: Option<(usize, PublicKeys)>,
        now: Millis,
    ) -> Self {
        let mut snapshot = Self {
            keys: KeyRoom::holding(keys, now),
            feed: Some(Held {
                value: revocations,
                fetched: now,
            }),
            ..Self::default()
        };
        if let Some((number, keys)) = foreign {
            snapshot = snapshot.with_issuers(number);
            snapshot.foreign.push(KeyRoom::holding(keys, now));
        }
        snapshot
    }

    /// With room for the keys of so many foreign issuers.
    #[must_use]
    pub fn with_issuers(mut self, number: usize) -> Self {
        self.foreign.resize_with(number, KeyRoom::default);
        self
    }

    /// The keys, if there are any.
    pub fn keys(&self) -> Option<&KeySet> {
        self.keys.get()
    }

    /// The keys of a foreign issuer, unless there are none or they are too old to serve.
    pub fn foreign_keys(&self, issuer: usize, now: Millis) -> Option<&PublicKeys> {
        let room = self.foreign.get(issuer)?;
        let gone = room.freshness(&self.ages, now) == Freshness::Gone;
        room.get().filter(|_| !gone)
    }

    /// The revocations, if they are known.
    pub fn revocations(&self) -> Option<&Revocations> {
        self.feed.as_ref().map(|held| &held.value)
    }

    /// Up to which `seq` revocations are known.
    pub fn seq(&self) -> Option<u64> {
        self.revocations().map(Revocations::seq)
    }

    /// The age of the keys, in milliseconds.
    pub fn keys_age(&self, now: Millis) -> Option<i64> {
        self.keys.age(now)
    }

    /// The age of the revocations, in milliseconds.
    pub fn feed_age(&self, now: Millis) -> Option<i64> {
        self.feed.as_ref().and_then(|held| age(held.fetched, now))
    }

    /// What the age of the keys means.
    pub fn keys_freshness(&self, now: Millis) -> Freshness {
        self.keys.freshness(&self.ages, now)
    }

    /// What the age of the revocations means for a route of this mode.
    pub fn feed_freshness(&self, mode: RevocationMode, now: Millis) -> Freshness {
        let ages = &self.ages;
        let ageing = match mode {
            RevocationMode::Strict => ages.feed_ageing,
            RevocationMode::Relaxed => ages.feed_hard,
        };
        match self.feed_age(now) {
            Some(age) if age <= ages.feed_fresh => Freshness::Fresh,
            Some(age) if age <= ageing => Freshness::Ageing,
            Some(age) if age <= ages.feed_hard => Freshness::Stale,
            _ => Freshness::Gone,
        }
    }

    /// What a request that began to wait at `since` has to do before it is judged. Whoever is given
    /// an [`Attempt`] has to carry it out, and to report its end.
    pub fn advance(&mut self, needs: impl Into<Needs>, since: Millis, now: Millis) -> Step {
        let mode = match needs.into() {
            Needs::Ours(mode) => mode,
            Needs::Foreign(issuer) => {
                let ages = self.ages;
                let room = self.foreign.get_mut(issuer);
                let advanced = room.map(|room| room.advance(&ages, now));
                let (keys, limit) = advanced.unwrap_or_default();
                return Step {
                    keys,
                    feed: None,
                    wait: now.since(since) < limit,
                };
            }
        };
        let feed = self.feed_freshness(mode, now);
        let (keys_attempt, keys_limit) = self.keys.advance(&self.ages, now);
        let feed_attempt = begin(&mut self.feed_schedule, feed, now);
        let limit = keys_limit.max(patience(&self.feed_schedule, feed, now));
        Step {
            keys: keys_attempt,
            feed: feed_attempt,
            wait: now.since(since) < limit,
        }
    }

    /// What a request has to do whose token names a key that is not in the set. Unknown keys start
    /// a fetch each 30 seconds at most.
    pub fn advance_for_key(&mut self, key: &KeyId, since: Millis, now: Millis) -> Step {
        if self.keys().is_some_and(|keys| keys.get(key).is_some()) {
            return Step::default();
        }
        self.keys.advance_for_key(since, now)
    }

    /// As [`Self::advance_for_key`], for a foreign issuer, which has a budget of its own.
    pub fn advance_for_foreign_key(
        &mut self,
        issuer: usize,
        key: &KeyId,
        since: Millis,
        now: Millis,
    ) -> Step {
        match self.foreign.get_mut(issuer) {
            Some(room) if room.get().is_none_or(|keys| keys.get(key).is_none()) => {
                room.advance_for_key(since, now)
            }
            _ => Step::default(),
        }
    }

    /// Whether a fetch of the keys seems to be under way.
    pub fn is_fetching_keys(&self, now: Millis) -> bool {
        self.keys.schedule.is_busy(now)
    }

    /// Whether a request can be judged with nothing to be done first.
    pub fn is_fresh(&self, needs: impl Into<Needs>, now: Millis) -> bool {
        match needs.into() {
            Needs::Ours(mode) => {
                self.keys_freshness(now) == Freshness::Fresh
                    && self.feed_freshness(mode, now) == Freshness::Fresh
            }
            Needs::Foreign(issuer) => {
                let room = self.foreign.get(issuer);
                room.is_some_and(|room| room.freshness(&self.ages, now) == Freshness::Fresh)
            }
        }
    }

    /// The fetch of the keys that the feed asked for came to nothing; it may be tried again.
    pub fn repay_keys_for_feed(&mut self) {
        self.feed_key_budget.repay();
    }

    /// Whether the keys may be fetched because the feed names `key`, which is not in the set; a
    /// budget of its own, so that unknown keys of tokens cannot use it up. A key that the feed has
    /// not named before is news, and has the whole budget: keys may change twice in a short time.
    pub fn begin_keys_for_feed(&mut self, key: &KeyId, now: Millis) -> Option<Attempt> {
        if self.feed_key.as_ref() != Some(key) {
            self.feed_key = Some(key.clone());
            self.feed_key_budget.repay();
        }
        self.feed_key_budget
            .take(now)
            .then(|| self.keys.schedule.begin_always(now))
    }

    /// Takes in a key set. Says whether it differs from the one held before, so that signatures
    /// which that one satisfied have to be checked again.
    ///
    /// # Errors
    ///
    /// [`KeySetError`]; the set held stays.
    pub fn put_keys(&mut self, attempt: Attempt, json: &[u8]) -> Result<bool, KeySetError> {
        let value = KeySet::parse(json)?;
        Ok(self.keys.put(attempt, json, value, KeySet::inherit))
    }

    /// Takes in the key set of a foreign issuer, which is declared as `declared`. Says whether it
    /// differs from the one held before.
    ///
    /// # Errors
    ///
    /// [`KeySetError`]; the set held stays.
    pub fn put_foreign_keys(
        &mut self,
        issuer: usize,
        declared: &Issuer,
        attempt: Attempt,
        json: &[u8],
    ) -> Result<bool, KeySetError> {
        let value = PublicKeys::parse(json, declared)?;
        let room = self.foreign.get_mut(issuer);
        Ok(room.is_some_and(|room| room.put(attempt, json, value, |_, _| ())))
    }

    /// Whether a key has verified so much that tables for it are worth their while.
    pub fn awaits_tables(&self) -> bool {
        self.keys()
            .is_some_and(|keys| keys.awaits_tables().is_some())
    }

    /// What is to be built for that key, unless that seems to be under way.
    pub fn begin_tables(&mut self, now: Millis) -> Option<Order> {
        let order = self.keys()?.awaits_tables()?;
        self.tables_schedule.begin(Urgency::Behind, now)?;
        Some(order)
    }

    /// Takes in what was built. A key that has left the set meanwhile gets nothing.
    pub fn put_tables(&mut self, tables: KeyTables) {
        if let Some(keys) = self.keys.get_mut() {
            keys.give_tables(tables);
        }
    }

    /// Takes in a revocation document that arrived at the time `now`.
    ///
    /// # Errors
    ///
    /// [`FeedError`]; what is held stays.
    pub fn put_feed(
        &mut self,
        attempt: Attempt,
        text: &str,
        issuer: &str,
        now: Millis,
    ) -> Result<(), FeedError> {
        let keys = self.keys().ok_or(FeedError::NoKeys)?;
        let document = Document::verify(text, keys, issuer, now.seconds())?;
        let held = self.revocations();
        if held.is_some_and(|held| held.refuses_key(issuer, document.key_id())) {
            return Err(FeedError::WithdrawnKey(document.key_id().clone()));
        }
        let started = attempt.started();
        if let Some(held) = &mut self.feed {
            held.value.merge(&document, now.seconds())?;
            if !is_overtaken(started, held.fetched) {
                held.fetched = started;
            }
        } else {
            let mut value = Revocations::default();
            value.merge(&document, now.seconds())?;
            self.feed = Some(Held {
                value,
                fetched: started,
            });
        }
        Ok(())
    }

    /// The attempt to fetch the keys is over, well or badly.
    pub fn end_keys(&mut self, attempt: Attempt) {
        self.keys.schedule.end(attempt);
    }

    /// The attempt to fetch the keys of a foreign issuer is over, well or badly.
    pub fn end_foreign_keys(&mut self, issuer: usize, attempt: Attempt) {
        if let Some(room) = self.foreign.get_mut(issuer) {
            room.schedule.end(attempt);
        }
    }

    /// The attempt to fetch the revocations is over, well or badly.
    pub fn end_feed(&mut self, attempt: Attempt) {
        self.feed_schedule.end(attempt);
    }
}

/// Whether an attempt that began at `started` ends after one that began later, at `held`.
fn is_overtaken(started: Millis, held: Millis) -> bool {
    (1..=OVERLAP).contains(&held.since(started))
}

/// Milliseconds since `fetched`; `None` when the clock was put back so far that nobody knows.
fn age(fetched: Millis, now: Millis) -> Option<i64> {
    let age = now.since(fetched);
    (age >= -CLOCK_STEP).then_some(age)
}

fn begin(schedule: &mut Schedule, freshness: Freshness, now: Millis) -> Option<Attempt> {
    match freshness {
        Freshness::Fresh => None,
        Freshness::Ageing => schedule.begin(Urgency::Behind, now),
        Freshness::Stale | Freshness::Gone => schedule.begin(Urgency::First, now),
    }
}

/// How long a request waits for an attempt that is under way. Where none is, the last one failed a
/// moment ago, and waiting would not help.
fn patience(schedule: &Schedule, freshness: Freshness, now: Millis) -> i64 {
    match freshness {
        Freshness::Stale if schedule.is_busy(now) => WAIT_FOR_FRESHER,
        Freshness::Gone if schedule.is_busy(now) => WAIT_FOR_ANY,
        _ => 0,
    }
}

#[cfg(test)]
mod tests;
