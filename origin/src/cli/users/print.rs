//! How users are printed.

use serde_json::{Value, json};

use crate::{
    cli::{Error, output},
    domain::{
        admin::{Changed, Created},
        store::Seq,
        user::{Role, User, UserStatus},
    },
};

/// A user for programs.
pub(super) fn value(user: &User) -> Value {
    let scopes: Vec<&str> = user
        .scopes
        .iter()
        .map(portcullis_shared::scope::Scope::as_str)
        .collect();
    let roles: Vec<&str> = user.roles.iter().map(Role::as_str).collect();
    let (status, reason) = match &user.status {
        UserStatus::Active => ("active", None),
        UserStatus::Banned { reason, .. } => ("banned", Some(reason)),
        UserStatus::Disabled { .. } => ("disabled", None),
    };
    json!({
        "id": user.id.to_string(),
        "username": user.username.as_str(),
        "status": status,
        "reason": reason,
        "roles": roles,
        "scopes": scopes,
    })
}

/// A user for people.
pub(super) fn line(user: &User) -> String {
    let roles: Vec<&str> = user.roles.iter().map(Role::as_str).collect();
    let status = match &user.status {
        UserStatus::Active => String::new(),
        UserStatus::Disabled { .. } => "  disabled".to_owned(),
        UserStatus::Banned { reason, .. } => {
            format!(
                "  banned: {}",
                reason.chars().flat_map(output::visible).collect::<String>()
            )
        }
    };
    let (name, id) = (&user.username, user.id);
    format!(
        "{name}  {id}  roles [{}]  scopes [{}]{status}",
        roles.join(" "),
        user.scopes
    )
}

pub(super) fn created(json: bool, created: &Created) -> Result<(), Error> {
    let user = &created.user;
    let mut value = value(user);
    let mut text = format!("Created {}.", line(user));
    if let (Some(token), Some(object)) = (&created.setup_token, value.as_object_mut()) {
        object.insert("setup_token".to_owned(), token.as_str().into());
        text = format!("{text}\nSetup token, shown this once: {}", token.as_str());
    }
    output::either(json, &value, &text)
}

/// What a ban or its lifting came to; the user may have been deleted meanwhile.
pub(super) fn changed(
    json: bool,
    what: &str,
    changed: Option<Changed>,
    user: User,
) -> Result<(), Error> {
    let Changed { user, seq } = changed.ok_or(Error::NoSuchUser(user.username))?;
    let text = format!(
        "{} {what}; in force where the feed's seq is {} or more.",
        user.username, seq.0
    );
    output::either(json, &json!({ "user": value(&user), "seq": seq.0 }), &text)
}

pub(super) fn password(json: bool, user: &User, seq: Seq) -> Result<(), Error> {
    let text = format!("{} has a new password, and no session.", user.username);
    output::either(
        json,
        &json!({ "id": user.id.to_string(), "seq": seq.0 }),
        &text,
    )
}
