//! How API keys are printed: a key itself by what made it, and never again.

use portcullis_shared::{scope::Scope, time::UnixSeconds};
use serde_json::{Value, json};

use crate::{
    cli::{Error, output, when},
    domain::{
        admin::{CreatedKey, RevokedKey, RotatedKey},
        api_key::StoredApiKey,
        audit::Actor,
        user::User,
    },
};

/// A key for programs.
fn value(key: &StoredApiKey, owner: &User, now: UnixSeconds) -> Value {
    let scopes: Vec<&str> = key.scopes.iter().map(Scope::as_str).collect();
    let created_by = match key.created_by {
        Actor::User(id) => Some(id.to_string()),
        Actor::Operator | Actor::Bearer | Actor::Service => None,
    };
    json!({
        "id": key.id.to_string(),
        "user_id": owner.id.to_string(),
        "username": owner.username.as_str(),
        "name": key.name.as_str(),
        "client_id": key.client_id,
        "scopes": scopes,
        "state": key.state(now).as_str(),
        "created_at": key.created_at.0,
        "created_by": created_by,
        "expires_at": key.expires_at.map(|at| at.0),
        "last_used_at": key.last_used_at.map(|at| at.0),
        "revoked_at": key.revoked_at.map(|at| at.0),
        "replaced_by": key.replaced_by.map(|id| id.to_string()),
        "master_key": key.hash.master_key,
    })
}

/// A key for people.
fn line(key: &StoredApiKey, owner: &User, now: UnixSeconds) -> String {
    let written = |at: Option<UnixSeconds>| at.map_or_else(|| "never".to_owned(), when::written);
    let line = format!(
        "{}  {}  {}  scopes [{}]  {}  used {}  expires {}  {}",
        key.id,
        owner.username,
        key.client_id,
        key.scopes,
        key.state(now).as_str(),
        written(key.last_used_at),
        written(key.expires_at),
        key.name
    );
    output::one_line(&line)
}

/// A key that was found.
pub(super) fn listed(
    json: bool,
    key: &StoredApiKey,
    owner: &User,
    now: UnixSeconds,
) -> Result<(), Error> {
    output::either(json, &value(key, owner, now), &line(key, owner, now))
}

/// A key that was made.
pub(super) fn created(json: bool, created: &CreatedKey, now: UnixSeconds) -> Result<(), Error> {
    let CreatedKey { stored, owner, key } = created;
    let key = key.expose();
    let text = format!(
        "Created {}\nAPI key, shown this once: {}",
        line(stored, owner, now),
        key.as_str()
    );
    let value = json!({ "api_key": value(stored, owner, now), "key": key.as_str() });
    output::either(json, &value, &text)
}

/// A key that was rotated.
pub(super) fn rotated(json: bool, rotated: &RotatedKey, now: UnixSeconds) -> Result<(), Error> {
    let RotatedKey {
        created: CreatedKey { stored, owner, key },
        old,
        seq,
    } = rotated;
    let key = key.expose();
    let end = match (old.revoked_at, old.expires_at) {
        (None, Some(at)) => format!("goes on until {}", when::written(at)),
        (Some(_), _) | (None, None) => {
            format!(
                "is revoked, in force where the feed's seq is {} or more",
                seq.0
            )
        }
    };
    let text = format!(
        "Created {}\nThe old key, {}, {end}.\nAPI key, shown this once: {}",
        line(stored, owner, now),
        old.id,
        key.as_str()
    );
    let value = json!({
        "api_key": value(stored, owner, now),
        "key": key.as_str(),
        "old": value(old, owner, now),
        "seq": seq.0,
    });
    output::either(json, &value, &text)
}

/// A key that was revoked.
pub(super) fn revoked(json: bool, revoked: &RevokedKey, now: UnixSeconds) -> Result<(), Error> {
    let RevokedKey { stored, owner, seq } = revoked;
    let text = format!(
        "The API key {} of {} is revoked; in force where the feed's seq is {} or more.",
        stored.id, owner.username, seq.0
    );
    let value = json!({ "api_key": value(stored, owner, now), "seq": seq.0 });
    output::either(json, &value, &text)
}
