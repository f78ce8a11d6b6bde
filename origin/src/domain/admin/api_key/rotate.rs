//! An API key gets a successor; both work for a while, so that whoever uses the old one has time to
//! change over.
//!
//! Invariant: the old key is over when the overlap is, and its last access tokens with it: none is
//! minted that lives beyond the key's end. One that was minted before the rotation may, by less than
//! the lifetime of an access token; without an overlap these are revoked at once.

use std::str::FromStr;

use portcullis_shared::{api_key::ApiKeyId, time::UnixSeconds};

use super::{CreatedKey, TooManyKeys, check_room, generate};
use crate::domain::{
    admin::{Authority, NotAdmin},
    api_key::{KeyState, KeyedHash, StoredApiKey},
    app::App,
    audit::{Action, Event},
    ending::Tokens,
    entropy::EntropyError,
    store::{Seq, Standing, StoreError, UserChange},
    user::User,
};

/// The longest overlap, in seconds: a year.
pub const OVERLAP_LIMIT: i64 = 366 * 86_400;

/// The number is no overlap.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an overlap is from 0 to {OVERLAP_LIMIT} seconds")]
pub struct InvalidOverlap;

/// For how long a key goes on beside its successor, in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Overlap(i64);

impl Overlap {
    /// An overlap of so many seconds.
    ///
    /// # Errors
    ///
    /// [`InvalidOverlap`].
    pub fn new(seconds: i64) -> Result<Self, InvalidOverlap> {
        if (0..=OVERLAP_LIMIT).contains(&seconds) {
            Ok(Self(seconds))
        } else {
            Err(InvalidOverlap)
        }
    }
}

impl FromStr for Overlap {
    type Err = InvalidOverlap;

    fn from_str(text: &str) -> Result<Self, InvalidOverlap> {
        text.parse().map_err(|_| InvalidOverlap).and_then(Self::new)
    }
}

/// A key that was rotated.
#[derive(Debug)]
pub struct RotatedKey {
    /// The successor.
    pub created: CreatedKey,
    /// The old key, as it is now.
    pub old: StoredApiKey,
    /// The feed's `seq`: where the overlap is none, an edge that reports it, or a greater one,
    /// refuses whatever the old key gave.
    pub seq: Seq,
}

/// Why a key was not rotated.
#[derive(Debug, thiserror::Error)]
pub enum RotateKeyError {
    /// See [`NotAdmin`].
    #[error(transparent)]
    NotAdmin(#[from] NotAdmin),
    /// It was revoked, or its time is over.
    #[error("the API key is over")]
    Over,
    /// It has a successor already.
    #[error("the API key was rotated before")]
    Replaced,
    /// See [`TooManyKeys`].
    #[error(transparent)]
    TooManyKeys(#[from] TooManyKeys),
    /// See [`EntropyError`].
    #[error(transparent)]
    Entropy(#[from] EntropyError),
    /// See [`StoreError`].
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Makes a key with the rights of another, and has that be over after the overlap. The new one lives
/// as long as the old one was meant to. `None` when there is no such key.
///
/// # Errors
///
/// See [`RotateKeyError`].
pub async fn rotate_api_key(
    app: &App,
    authority: Authority,
    id: ApiKeyId,
    overlap: Overlap,
) -> Result<Option<RotatedKey>, RotateKeyError> {
    let Some((found, _)) = app.store.api_key(id).await? else {
        return Ok(None);
    };
    let key = generate(app)?;
    let (now, tokens) = (app.now(), app.tokens());
    let rotation = Rotation {
        id,
        successor: key.id(),
        hash: KeyedHash::of(&key, &app.master),
        overlap,
        now: now.seconds(),
        tokens,
    };
    let decide =
        move |authority: &Authority, standing: &Standing<'_>| rotation.decide(authority, standing);
    let done = authority.decide(app, found.user_id, now, decide).await?;
    let Some((Some(Keys { stored, old, owner }), seq)) = done else {
        return Ok(None);
    };
    Ok(Some(RotatedKey {
        created: CreatedKey { stored, owner, key },
        old,
        seq,
    }))
}

/// What the decision came to.
struct Keys {
    stored: StoredApiKey,
    old: StoredApiKey,
    owner: User,
}

struct Rotation {
    id: ApiKeyId,
    successor: ApiKeyId,
    hash: KeyedHash,
    overlap: Overlap,
    now: UnixSeconds,
    tokens: Tokens,
}

impl Rotation {
    fn decide(
        self,
        authority: &Authority,
        standing: &Standing<'_>,
    ) -> Result<(UserChange, Option<Keys>), RotateKeyError> {
        let now = self.now;
        let Some(key) = standing.api_keys.iter().find(|key| key.id == self.id) else {
            return Ok((UserChange::default(), None));
        };
        match key.state(now) {
            KeyState::Active => {}
            KeyState::Replaced => return Err(RotateKeyError::Replaced),
            KeyState::Expired | KeyState::Revoked => return Err(RotateKeyError::Over),
        }
        check_room(standing.api_keys, now)?;
        let lifetime = key.expires_at.map(|at| at.since(key.created_at));
        let successor = StoredApiKey {
            id: self.successor,
            hash: self.hash,
            created_by: authority.actor,
            created_at: now,
            expires_at: lifetime.map(|seconds| now.plus(seconds).min(UnixSeconds::MAX)),
            last_used_at: None,
            last_iat: UnixSeconds(0),
            last_exp: UnixSeconds(0),
            ..key.clone()
        };
        let Overlap(seconds) = self.overlap;
        let end = now.plus(seconds);
        let old = StoredApiKey {
            expires_at: Some(key.expires_at.map_or(end, |at| at.min(end))),
            replaced_by: Some(successor.id),
            revoked_at: (seconds == 0).then_some(now),
            ..key.clone()
        };
        let entry = old
            .revoked_at
            .and_then(|_| self.tokens.api_key_entry(&old, now));
        let event = Event {
            detail: Some(format!(
                "{} by {}, overlap {seconds} s",
                old.id, successor.id
            )),
            ..authority.event(now, Action::ApiKeyRotated, key.user_id)
        };
        let change = UserChange {
            api_keys: vec![successor.clone(), old.clone()],
            revocations: entry.into_iter().collect(),
            events: vec![event],
            ..UserChange::default()
        };
        let keys = Keys {
            stored: successor,
            old,
            owner: standing.user.clone(),
        };
        Ok((change, Some(keys)))
    }
}
