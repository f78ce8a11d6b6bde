//! The origin's signing keys: next → active → retiring → gone.
//!
//! A key's state follows from times alone, so that replicas need no word with each other: it is
//! published from its creation on, signs from `activates_at` on until a younger one is active, and
//! stays published until whatever it signed has expired. A withdrawn key is none of these any
//! more, at once.

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
    revocation::{Digest, Kind, Record},
    time::{LEEWAY, UnixSeconds},
};

use crate::domain::{
    app::App,
    audit::{Action, Actor, Event},
    clock::{Clock, UnixMillis},
    ending::{MAX_TOKEN_LIFETIME, refused_for_age},
    entropy::{self, Entropy, EntropyError},
    master_key::{MasterKeys, UnsealError},
    store::{KeysChange, Seq, StoreError},
    transaction,
};

/// How long an edge may hold a key set, in seconds; the entry of a withdrawn key stands longer.
pub const KEY_SET_HARD_AGE: i64 = 24 * 60 * 60;

/// How far clocks may be apart beyond the leeway, in seconds, where times decide what is kept.
const MARGIN: i64 = 10;

/// A signing key as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredKey {
    /// Its `kid`, the RFC 7638 thumbprint.
    pub id: KeyId,
    /// The 32 bytes of the public half.
    pub public: [u8; 32],
    /// The private half, sealed with a master key.
    pub sealed: Vec<u8>,
    /// Since when it is published.
    pub created_at: UnixSeconds,
    /// From when on it signs, unless a younger key does.
    pub activates_at: UnixSeconds,
    /// Since when it counts for nothing.
    pub withdrawn_at: Option<UnixSeconds>,
}

/// What a key is at some time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyState {
    /// Published, not yet signing.
    Next,
    /// Signing.
    Active,
    /// Published for what it signed.
    Retiring,
    /// Not published any more.
    Gone,
    /// Taken out of service at once; its tokens are refused.
    Withdrawn,
}

impl KeyState {
    /// The state's name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Next => "next",
            Self::Active => "active",
            Self::Retiring => "retiring",
            Self::Gone => "gone",
            Self::Withdrawn => "withdrawn",
        }
    }
}

/// The state of each of `keys` at `now`, where access tokens live `token_lifetime` seconds.
///
/// Where no key is active yet, the first to be is: a replica whose clock is a little behind the
/// one that made the key works with it all the same.
pub fn states(keys: &[StoredKey], now: UnixSeconds, token_lifetime: i64) -> Vec<KeyState> {
    let in_use = || keys.iter().filter(|key| key.withdrawn_at.is_none());
    let first = in_use().map(|key| key.activates_at).min();
    let active_at = first.map_or(now, |first| first.max(now));
    let activation = |key: &StoredKey| (key.activates_at, key.created_at, key.id.clone());
    let state = |key: &StoredKey| {
        if key.withdrawn_at.is_some() {
            return KeyState::Withdrawn;
        }
        if key.activates_at > active_at {
            return KeyState::Next;
        }
        // The first younger key that took over; only times decide, so all replicas agree.
        let successor = in_use()
            .filter(|other| other.activates_at <= active_at)
            .filter(|other| activation(other) > activation(key))
            .map(|other| other.activates_at)
            .min();
        match successor {
            None => KeyState::Active,
            Some(at) if now <= at.plus(token_lifetime + LEEWAY + MARGIN) => KeyState::Retiring,
            Some(_) => KeyState::Gone,
        }
    };
    keys.iter().map(state).collect()
}

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
/// withdrew signs no longer than that.
const REREAD_AFTER: i64 = 1000;

/// What a replica knows of the keys.
struct Snapshot {
    read_at: UnixMillis,
    active: Option<StoredKey>,
    verifying: Option<Arc<KeySet>>,
    public: Arc<PublicKeySet>,
}

impl Snapshot {
    fn of(stored: &[StoredKey], now: UnixMillis, token_lifetime: i64) -> Self {
        let states = states(stored, now.seconds(), token_lifetime);
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

    /// The key set as it is published.
    ///
    /// # Errors
    ///
    /// See [`KeyError`].
    pub async fn public(&self, app: &App) -> Result<Arc<PublicKeySet>, KeyError> {
        Ok(Arc::clone(&self.snapshot(app).await?.public))
    }

    fn held(&self, now: UnixMillis) -> Option<Arc<Snapshot>> {
        let held = self
            .snapshot
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        held.filter(|held| (0..REREAD_AFTER).contains(&(now.0 - held.read_at.0)))
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
        let stored = app.store.signing_keys().await.inspect_err(|_| {
            self.failures.fetch_add(1, Ordering::SeqCst);
        })?;
        let fresh = Arc::new(Snapshot::of(&stored, now, app.config.token_lifetime));
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

/// How a new key takes over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rotation {
    /// It is published first, and signs when every edge can know it.
    Scheduled,
    /// It signs at once, and the keys before it are withdrawn: they are presumed stolen.
    Withdraw,
}

/// Makes sure that a key is active, or will be when the one that is grows too old; does nothing
/// otherwise. Every replica does this at its start and from time to time.
///
/// # Errors
///
/// See [`KeyError`].
pub async fn ensure(app: &App) -> Result<(), KeyError> {
    let now = app.clock.now();
    let (lifetime, config) = (app.config.token_lifetime, &app.config);
    let (rotate_every, publish_before) = (config.key_rotate_every, config.key_publish_before);
    let needed = move |keys: &[StoredKey]| -> Option<UnixSeconds> {
        let states = states(keys, now, lifetime);
        if states.contains(&KeyState::Next) {
            return None;
        }
        let active = keys
            .iter()
            .zip(&states)
            .find(|(_, state)| **state == KeyState::Active);
        match active {
            None => Some(now),
            Some((key, _)) => {
                let old = rotate_every > 0 && now.since(key.activates_at) >= rotate_every;
                old.then(|| now.plus(publish_before))
            }
        }
    };
    if needed(&app.store.signing_keys().await?).is_none() {
        return Ok(());
    }
    let candidate = generate(app, now)?;
    let decide = move |keys: &[StoredKey]| {
        // Another replica may have done it meanwhile.
        let Some(activates_at) = needed(keys) else {
            return KeysChange::default();
        };
        let gone = keys.iter().zip(states(keys, now, lifetime));
        let gone = gone.filter(|(key, state)| {
            let forgotten = key
                .withdrawn_at
                .is_some_and(|at| now.since(at) > KEY_SET_HARD_AGE * 2);
            *state == KeyState::Gone || forgotten
        });
        KeysChange {
            removed: gone.map(|(key, _)| key.id.clone()).collect(),
            events: vec![key_event(
                now,
                Action::KeyAdded,
                Actor::Service,
                &candidate.id,
            )],
            added: vec![StoredKey {
                activates_at,
                ..candidate
            }],
            ..KeysChange::default()
        }
    };
    transaction::with_keys(app.store.as_ref(), app.now(), decide).await?;
    app.signing.forget();
    Ok(())
}

/// Adds a key now; gives its id and the feed's `seq`.
///
/// # Errors
///
/// See [`KeyError`].
pub async fn rotate(app: &App, rotation: Rotation, actor: Actor) -> Result<(KeyId, Seq), KeyError> {
    // Where the master key at hand does not open the key in use, servers would not open the new one.
    if rotation == Rotation::Scheduled {
        match app.signing.active(app).await {
            Ok(_) | Err(KeyError::NoActiveKey) => {}
            Err(error) => return Err(error),
        }
    }
    let now = app.clock.now();
    let mut key = generate(app, now)?;
    if rotation == Rotation::Scheduled {
        key.activates_at = now.plus(app.config.key_publish_before);
    }
    let id = key.id.clone();
    let tokens = app.tokens();
    let decide = move |keys: &[StoredKey]| {
        let mut change = KeysChange {
            events: vec![key_event(now, Action::KeyAdded, actor, &key.id)],
            added: vec![key],
            ..KeysChange::default()
        };
        if rotation == Rotation::Withdraw {
            for old in keys.iter().filter(|old| old.withdrawn_at.is_none()) {
                change.withdrawn.push((old.id.clone(), now));
                change
                    .events
                    .push(key_event(now, Action::KeyWithdrawn, actor, &old.id));
                change.revocations.push(Record {
                    kind: Kind::SigningKey,
                    digest: Digest::of(&tokens.issuer, Kind::SigningKey, old.id.as_str()),
                    not_before: now,
                    // Edges may hold a key set with it for a day, and its thief keeps minting.
                    drop_at: refused_for_age(now.plus(KEY_SET_HARD_AGE + MAX_TOKEN_LIFETIME)),
                });
            }
        }
        change
    };
    let seq = transaction::with_keys(app.store.as_ref(), app.now(), decide).await?;
    app.signing.forget();
    Ok((id, seq))
}

/// A new key that is active from `now` on.
fn generate(app: &App, now: UnixSeconds) -> Result<StoredKey, KeyError> {
    let entropy: &dyn Entropy = app.entropy.as_ref();
    let seed = zeroize::Zeroizing::new(entropy::random::<32>(entropy)?);
    let key = SigningKey::from_seed(&seed).ok_or(EntropyError)?;
    Ok(StoredKey {
        id: key.id().clone(),
        public: key.public_bytes(),
        sealed: app
            .master
            .seal(seed.as_slice(), key.id().as_str(), entropy)?,
        created_at: now,
        activates_at: now,
        withdrawn_at: None,
    })
}

fn key_event(at: UnixSeconds, action: Action, actor: Actor, id: &KeyId) -> Event {
    Event {
        detail: Some(id.to_string()),
        ..Event::new(at, action, actor)
    }
}
