//! How users are printed.

use serde_json::{Value, json};

use crate::{
    cli::{Error, output},
    domain::{
        admin::{Changed, Created, SetupLink},
        store::Seq,
        user::{Email, User, UserStatus},
    },
};

/// A user for programs.
pub(super) fn value(user: &User) -> Value {
    let (status, reason) = match &user.status {
        UserStatus::Active => ("active", None),
        UserStatus::Banned { reason, .. } => ("banned", Some(reason)),
        UserStatus::Disabled { .. } => ("disabled", None),
    };
    json!({
        "id": user.id.to_string(),
        "username": user.username.as_str(),
        "email": user.email.as_ref().map(Email::as_str),
        "status": status,
        "reason": reason,
        "roles": user.role_names(),
        "scopes": user.scope_names(),
    })
}

/// A user for people.
pub(super) fn line(user: &User) -> String {
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
        user.role_names().join(" "),
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

/// What a deletion came to.
pub(super) fn deleted(json: bool, seq: Option<Seq>, user: &User) -> Result<(), Error> {
    let Seq(seq) = seq.ok_or_else(|| Error::NoSuchUser(user.username.clone()))?;
    let text = format!(
        "{} is deleted; in force where the feed's seq is {seq} or more.",
        user.username
    );
    let value =
        json!({ "id": user.id.to_string(), "username": user.username.as_str(), "seq": seq });
    output::either(json, &value, &text)
}

/// A setup token that was given out.
pub(super) fn setup(json: bool, link: Option<SetupLink>, user: User) -> Result<(), Error> {
    let SetupLink { user, token } = link.ok_or(Error::NoSuchUser(user.username))?;
    let expires_at = user.setup.as_ref().map(|setup| setup.expires_at.0);
    let mut value = value(&user);
    if let Some(object) = value.as_object_mut() {
        object.insert("setup_token".to_owned(), token.as_str().into());
        object.insert("setup_expires_at".to_owned(), expires_at.into());
    }
    let text = format!(
        "Setup token of {}, shown this once: {}",
        user.username,
        token.as_str()
    );
    output::either(json, &value, &text)
}

pub(super) fn password(json: bool, user: &User, seq: Seq) -> Result<(), Error> {
    let text = format!("{} has a new password, and no session.", user.username);
    output::either(
        json,
        &json!({ "id": user.id.to_string(), "seq": seq.0 }),
        &text,
    )
}
