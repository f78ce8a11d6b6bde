//! An API key, as administrators see one: everything but its secret.

use poem_openapi::Object;
use portcullis_shared::time::UnixSeconds;

use crate::domain::{api_key::StoredApiKey, audit::Actor, user::User};

/// An API key, without its secret. Times are Unix seconds.
#[derive(Object)]
#[oai(skip_serializing_if_is_none)]
pub(crate) struct ApiKey {
    /// The first part of the key, and the `client_id` of its access tokens.
    id: String,
    /// Its owner, the `sub` of its access tokens.
    user_id: String,
    /// The owner's name.
    username: String,
    /// What it is called, for people.
    name: String,
    /// The client whose audiences its access tokens get.
    client_id: String,
    /// The most that its access tokens may do; less where the owner may do less.
    scopes: Vec<String>,
    /// `active`; `replaced` where another took its place and it will be over; `expired`, `revoked`.
    state: String,
    /// When it was made.
    created_at: i64,
    /// The administrator who made it; absent where it was an operator.
    created_by: Option<String>,
    /// From when on it is over; absent where it has no end.
    expires_at: Option<i64>,
    /// When it was last exchanged; absent where it never was.
    last_used_at: Option<i64>,
    /// When it was revoked, where it was.
    revoked_at: Option<i64>,
    /// The key that took its place, where one did.
    replaced_by: Option<String>,
}

impl ApiKey {
    /// What is told of a key at `now`.
    pub(crate) fn of(key: StoredApiKey, owner: &User, now: UnixSeconds) -> Self {
        let created_by = match key.created_by {
            Actor::User(id) => Some(id.to_string()),
            Actor::Operator | Actor::Bearer | Actor::Service => None,
        };
        let scopes = key.scopes.iter();
        Self {
            id: key.id.to_string(),
            user_id: key.user_id.to_string(),
            username: owner.username.to_string(),
            name: key.name.to_string(),
            scopes: scopes.map(|scope| scope.as_str().to_owned()).collect(),
            state: key.state(now).as_str().to_owned(),
            created_at: key.created_at.0,
            created_by,
            expires_at: key.expires_at.map(|at| at.0),
            last_used_at: key.last_used_at.map(|at| at.0),
            revoked_at: key.revoked_at.map(|at| at.0),
            replaced_by: key.replaced_by.map(|id| id.to_string()),
            client_id: key.client_id,
        }
    }
}
