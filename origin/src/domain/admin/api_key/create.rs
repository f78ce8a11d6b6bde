//! An API key is made for a user.

use portcullis_shared::{api_key::ApiKey, ids::UserId, scope::ScopeSet, time::UnixSeconds};

use super::{TooManyKeys, check_room, generate};
use crate::domain::{
    admin::{Authority, NotAdmin},
    api_key::{KeyName, KeyedHash, StoredApiKey},
    app::{ADMIN_CLIENT, App, DEFAULT_CLIENT},
    audit::{Action, Event},
    entropy::EntropyError,
    store::{Standing, StoreError, UserChange},
    user::{Roles, TooManyGrants, User, check_grants},
};

/// A key to be.
#[derive(Debug, Clone)]
pub struct NewKey {
    /// Whose it is to be.
    pub owner: UserId,
    /// What it is to be called.
    pub name: KeyName,
    /// The client whose audiences its access tokens get; [`DEFAULT_CLIENT`] where none is named.
    pub client_id: Option<String>,
    /// The most that its access tokens may do.
    pub scopes: ScopeSet,
    /// From when on it is over, if ever.
    pub expires_at: Option<UnixSeconds>,
}

/// A key that was made.
#[derive(Debug)]
pub struct CreatedKey {
    /// As stored.
    pub stored: StoredApiKey,
    /// Whose it is.
    pub owner: User,
    /// The key itself, for its owner; it is nowhere else.
    pub key: ApiKey,
}

/// Why no key was made.
#[derive(Debug, thiserror::Error)]
pub enum CreateKeyError {
    /// See [`NotAdmin`].
    #[error(transparent)]
    NotAdmin(#[from] NotAdmin),
    /// No client of that id is in the settings, or it is the administration's.
    #[error("there is no such client, or none that keys are made for")]
    NoSuchClient,
    /// The key would be over at once, or at a time that no token can say.
    #[error("the expiry must be in the future, and before the year 10000")]
    InvalidExpiry,
    /// See [`TooManyGrants`].
    #[error(transparent)]
    TooManyGrants(#[from] TooManyGrants),
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

/// Makes a key. Its scopes need not be the owner's: what it gives is cut to what the owner may do
/// each time that it is exchanged. `None` when there is no such user.
///
/// # Errors
///
/// See [`CreateKeyError`].
pub async fn create_api_key(
    app: &App,
    authority: Authority,
    new: NewKey,
) -> Result<Option<CreatedKey>, CreateKeyError> {
    check_grants(&Roles::new(), &new.scopes)?;
    let client_id = new.client_id.as_deref().unwrap_or(DEFAULT_CLIENT);
    let client = app.config.client(client_id);
    let client = client.filter(|client| client.id != ADMIN_CLIENT);
    let client_id = client.ok_or(CreateKeyError::NoSuchClient)?.id.clone();
    let now = app.now();
    let future = now.seconds().plus(1)..=UnixSeconds::MAX;
    if new.expires_at.is_some_and(|at| !future.contains(&at)) {
        return Err(CreateKeyError::InvalidExpiry);
    }
    let key = generate(app)?;
    let stored = StoredApiKey {
        id: key.id(),
        user_id: new.owner,
        name: new.name,
        client_id,
        scopes: new.scopes,
        hash: KeyedHash::of(&key, &app.master),
        created_by: authority.actor,
        created_at: now.seconds(),
        expires_at: new.expires_at,
        last_used_at: None,
        last_iat: UnixSeconds(0),
        last_exp: UnixSeconds(0),
        revoked_at: None,
        replaced_by: None,
    };
    let owner = new.owner;
    let decide = move |authority: &Authority, standing: &Standing<'_>| {
        check_room(standing.api_keys, now.seconds())?;
        let event = Event {
            detail: Some(format!("{}, scopes [{}]", stored.id, stored.scopes)),
            ..authority.event(now.seconds(), Action::ApiKeyCreated, owner)
        };
        let change = UserChange {
            api_keys: vec![stored.clone()],
            events: vec![event],
            ..UserChange::default()
        };
        Ok::<_, CreateKeyError>((change, (stored, standing.user.clone())))
    };
    let done = authority.decide(app, owner, now, decide).await?;
    Ok(done.map(|((stored, owner), _)| CreatedKey { stored, owner, key }))
}
