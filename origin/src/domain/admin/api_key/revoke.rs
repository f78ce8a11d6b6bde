//! An API key is revoked: it gives nothing more, and what it gave is refused everywhere in seconds.

use portcullis_shared::api_key::ApiKeyId;

use crate::domain::{
    admin::{Authority, NotAdmin},
    api_key::StoredApiKey,
    app::App,
    audit::{Action, Event},
    store::{Seq, Standing, StoreError, UserChange},
    user::User,
};

/// A key that was revoked.
#[derive(Debug)]
pub struct RevokedKey {
    /// As stored.
    pub stored: StoredApiKey,
    /// Whose it is.
    pub owner: User,
    /// An edge that reports this `seq` of the feed, or a greater one, refuses whatever the key gave.
    pub seq: Seq,
}

/// Why a key was not revoked.
#[derive(Debug, thiserror::Error)]
pub enum RevokeKeyError {
    /// See [`NotAdmin`].
    #[error(transparent)]
    NotAdmin(#[from] NotAdmin),
    /// See [`StoreError`].
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Revokes a key, and all access tokens that it gave. One that was revoked before stays so, one whose
/// time is over is revoked as well, since its last access tokens may be alive. `None` when there is
/// no such key.
///
/// # Errors
///
/// See [`RevokeKeyError`].
pub async fn revoke_api_key(
    app: &App,
    authority: Authority,
    id: ApiKeyId,
) -> Result<Option<RevokedKey>, RevokeKeyError> {
    let Some((found, _)) = app.store.api_key(id).await? else {
        return Ok(None);
    };
    let (now, tokens) = (app.now(), app.tokens());
    let decide = move |authority: &Authority, standing: &Standing<'_>| {
        let Some(key) = standing.api_keys.iter().find(|key| key.id == id) else {
            return Ok((UserChange::default(), None));
        };
        if key.revoked_at.is_some() {
            return Ok((
                UserChange::default(),
                Some((key.clone(), standing.user.clone())),
            ));
        }
        let revoked = StoredApiKey {
            revoked_at: Some(now.seconds()),
            ..key.clone()
        };
        let event = Event {
            detail: Some(id.to_string()),
            ..authority.event(now.seconds(), Action::ApiKeyRevoked, key.user_id)
        };
        let entry = tokens.api_key_entry(&revoked, now.seconds());
        let change = UserChange {
            api_keys: vec![revoked.clone()],
            revocations: entry.into_iter().collect(),
            events: vec![event],
            ..UserChange::default()
        };
        Ok::<_, RevokeKeyError>((change, Some((revoked, standing.user.clone()))))
    };
    let done = authority.decide(app, found.user_id, now, decide).await?;
    Ok(
        done.and_then(|(found, seq)| {
            found.map(|(stored, owner)| RevokedKey { stored, owner, seq })
        }),
    )
}
