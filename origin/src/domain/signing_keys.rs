//! The origin's signing keys: next → active → retiring → gone.
//!
//! A key's state ([`state`]) follows from times alone, so that replicas need no word with each
//! other: it is published from its creation on, signs from `activates_at` on until a younger one
//! is active, and stays published until whatever it signed has expired. A withdrawn key is none of
//! these any more, at once. [`rotation`] adds and withdraws them; here is what a replica knows.
//!
//! Invariant: whoever heard from this replica that a key is withdrawn gets nothing from it any more
//! that the key signed, and finds the key's successor in its key set.

mod rotation;
mod state;

pub use rotation::{KEY_SET_HARD_AGE, Rotation, ensure, rotate};
pub use state::{KeyState, StoredKey, states};

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use portcullis_shared::{
    ids::KeyId,
    keys::{KeySet, PublicJwk, PublicKeySet, SigningKey, VerifyingKey},
};

use crate::domain::{
    app::App,
    clock::{Clock, UnixMillis},
    entropy::EntropyError,
    master_key::{MasterKeys, UnsealError},
    store::{Seq, StoreError},
};

/// Why there is no key to sign with.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// No key is active; `portcullis serve` makes one when it starts.
    #[error("there is no active signing key")]
    NoActiveKey,
    /// The master key that sealed it is missing.
    #[error("the signing key {0} cannot be opened")]
    Sealed(KeyId, #[source] UnsealError),
    /// See [`EntropyError`].
    #[error(transparent)]
    Entropy(#[from] EntropyError),
    /// See [`StoreError`].
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// How long, in milliseconds, a replica works with what it read. A key that another replica
/// withdrew signs no longer than that, and no longer than until this one tells of it.
const REREAD_AFTER: i64 = 1000;

/// What a replica knows of the keys.
struct Snapshot {
    read_at: UnixMillis,
    /// What the feed's `seq` had reached, at least, before it was read.
    seq: u64,
    active: Option<StoredKey>,
    verifying: Option<Arc<KeySet>>,
    public: Arc<PublicKeySet>,
}

impl Snapshot {
    fn of(stored: &[StoredKey], seq: u64, now: UnixMillis, lifetime: i64) -> Self {
        let states = states(stored, now.seconds(), lifetime);
        let published: Vec<(&StoredKey, KeyState)> = stored
            .iter()
            .zip(states)
            .filter(|(_, state)| !matches!(state, KeyState::Gone | KeyState::Withdrawn))
            .collect();
        let keys = || published.iter().map(|(key, _)| key);
        let verifying = keys().filter_map(|key| VerifyingKey::new(key.id.clone(), &key.public));
        let public = keys().map(|key| PublicJwk::new(&key.id, &key.public));
        let mut active = published
            .iter()
            .filter(|(_, state)| *state == KeyState::Active);
        Self {
            read_at: now,
            seq,
            active: active.next().map(|(key, _)| (*key).clone()),
            verifying: KeySet::new(verifying.collect()).ok().map(Arc::new),
            public: Arc::new(PublicKeySet {
                keys: public.collect(),
            }),
        }
    }
}

/// The signing keys as this replica last read them.
#[derive(Default)]
pub struct SigningKeys {
    snapshot: Mutex<Option<Arc<Snapshot>>>,
    /// The newest `seq` of the feed that this replica has seen.
    heard: AtomicU64,
    /// Opened private keys, so that a key is opened once.
    opened: Mutex<HashMap<KeyId, Arc<SigningKey>>>,
    reading: tokio::sync::Mutex<()>,
    /// How many reads have failed.
    failures: AtomicU64,
}

impl SigningKeys {
    /// The key to sign with now.
    ///
    /// # Errors
    ///
    /// See [`KeyError`].
    pub async fn active(&self, app: &App) -> Result<Arc<SigningKey>, KeyError> {
        let snapshot = self.snapshot(app).await?;
        let key = snapshot.active.as_ref().ok_or(KeyError::NoActiveKey)?;
        self.open(key, &app.master)
    }

    /// The keys whose signatures count now.
    ///
    /// # Errors
    ///
    /// See [`KeyError`].
    pub async fn verifying(&self, app: &App) -> Result<Arc<KeySet>, KeyError> {
        self.snapshot(app)
            .await?
            .verifying
            .clone()
            .ok_or(KeyError::NoActiveKey)
    }

    /// The key set as it is published. Each call reads the feed's `seq`: who asks may have met, at
    /// another replica, a key that has just taken over, and would not ask again soon.
    ///
    /// # Errors
    ///
    /// See [`KeyError`].
    pub async fn public(&self, app: &App) -> Result<Arc<PublicKeySet>, KeyError> {
        self.heard(app.store.feed_place(Seq(0)).await?.seq);
        Ok(Arc::clone(&self.snapshot(app).await?.public))
    }

    /// The feed is at `seq`. Keys that were read before are read anew: from then on the replica tells
    /// of the keys that were withdrawn up to there.
    pub fn heard(&self, seq: Seq) {
        self.heard.fetch_max(seq.0, Ordering::SeqCst);
    }

    fn held(&self, now: UnixMillis) -> Option<Arc<Snapshot>> {
        let held = self
            .snapshot
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        let heard = self.heard.load(Ordering::SeqCst);
        held.filter(|held| held.seq >= heard)
            .filter(|held| (0..REREAD_AFTER).contains(&(now.0 - held.read_at.0)))
    }

    async fn snapshot(&self, app: &App) -> Result<Arc<Snapshot>, KeyError> {
        let clock: &dyn Clock = app.clock.as_ref();
        if let Some(held) = self.held(clock.now_millis()) {
            return Ok(held);
        }
        // One reads, the others wait for what it finds, be it nothing: a database that hangs is not
        // waited for by each in turn.
        let failures = self.failures.load(Ordering::SeqCst);
        let _reading = self.reading.lock().await;
        let now = clock.now_millis();
        if let Some(held) = self.held(now) {
            return Ok(held);
        }
        if self.failures.load(Ordering::SeqCst) != failures {
            let reason = "the signing keys could not be read a moment ago";
            return Err(StoreError::Unavailable(reason.into()).into());
        }
        let seq = self.heard.load(Ordering::SeqCst);
        let stored = app.store.signing_keys().await.inspect_err(|_| {
            self.failures.fetch_add(1, Ordering::SeqCst);
        })?;
        let fresh = Arc::new(Snapshot::of(
            &stored,
            seq,
            now,
            app.config.longest_signature(),
        ));
        *self.snapshot.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&fresh));
        Ok(fresh)
    }

    /// Forgets what was read, so that the next use reads anew.
    fn forget(&self) {
        *self.snapshot.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    fn open(&self, key: &StoredKey, master: &MasterKeys) -> Result<Arc<SigningKey>, KeyError> {
        let mut opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = opened.get(&key.id) {
            return Ok(Arc::clone(known));
        }
        let failed = |error| KeyError::Sealed(key.id.clone(), error);
        let seed = master.open(&key.sealed, key.id.as_str()).map_err(failed)?;
        let seed: &[u8; 32] = seed
            .as_slice()
            .try_into()
            .map_err(|_| failed(UnsealError))?;
        let secret = SigningKey::from_seed(seed).filter(|secret| *secret.id() == key.id);
        let secret = Arc::new(secret.ok_or_else(|| failed(UnsealError))?);
        opened.insert(key.id.clone(), Arc::clone(&secret));
        Ok(secret)
    }
}

impl std::fmt::Debug for SigningKeys {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("SigningKeys").finish_non_exhaustive()
    }
}
