//! New keys take over: in time, so that nobody notices, or at once, because the old ones were stolen.

use portcullis_shared::{
    ids::KeyId,
    keys::SigningKey,
    link::MAX_LINK_LIFETIME,
    revocation::{Digest, Kind, Record},
    time::UnixSeconds,
};

use super::{KeyError, KeyState, StoredKey, states};
use crate::domain::{
    app::App,
    audit::{Action, Actor, Event},
    ending::refused_for_age,
    entropy::{self, Entropy, EntropyError},
    store::{KeysChange, Seq},
    transaction,
};

/// How long an edge may hold a key set, in seconds; the entry of a withdrawn key stands longer.
pub const KEY_SET_HARD_AGE: i64 = 24 * 60 * 60;

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
    let (lifetime, config) = (app.config.longest_signature(), &app.config);
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
                    // Edges may hold a key set with it for a day, and its thief keeps signing,
                    // links among it, which live longest.
                    drop_at: refused_for_age(now.plus(KEY_SET_HARD_AGE + MAX_LINK_LIFETIME)),
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
