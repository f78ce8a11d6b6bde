//! API keys are made, rotated, revoked and listed. Decided while the owner and all of the owner's
//! keys are held, as everything else that is done to a user.
//!
//! A key's text is handed out once, by what makes it; nobody can read it again.

mod create;
mod revoke;
mod rotate;

pub use create::{CreateKeyError, CreatedKey, NewKey, create_api_key};
pub use revoke::{RevokeKeyError, RevokedKey, revoke_api_key};
pub use rotate::{
    InvalidOverlap, OVERLAP_LIMIT, Overlap, RotateKeyError, RotatedKey, rotate_api_key,
};

use portcullis_shared::{
    api_key::{ApiKey, ApiKeyId},
    time::UnixSeconds,
};

use crate::domain::{
    api_key::{KeyFilter, StoredApiKey},
    app::App,
    entropy::{self, EntropyError},
    store::StoreError,
    user::User,
};

/// The most keys that a user may have at a time, those that are over not counted.
pub const KEYS_LIMIT: usize = 1000;

/// A user has [`KEYS_LIMIT`] keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the user has {KEYS_LIMIT} API keys, and cannot have more")]
pub struct TooManyKeys;

/// Room for one more key.
fn check_room(keys: &[StoredApiKey], now: UnixSeconds) -> Result<(), TooManyKeys> {
    let usable = keys.iter().filter(|key| key.is_usable(now)).count();
    if usable >= KEYS_LIMIT {
        return Err(TooManyKeys);
    }
    Ok(())
}

/// A new key.
fn generate(app: &App) -> Result<ApiKey, EntropyError> {
    let id = ApiKeyId::from_bytes(entropy::random(app.entropy.as_ref())?);
    Ok(ApiKey::new(id, entropy::random(app.entropy.as_ref())?))
}

/// API keys with their owners, in the order of the keys' ids.
///
/// # Errors
///
/// See [`StoreError`].
pub async fn list_api_keys(
    app: &App,
    filter: &KeyFilter,
) -> Result<Vec<(StoredApiKey, User)>, StoreError> {
    app.store.api_keys(filter).await
}
