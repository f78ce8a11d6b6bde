//! A session, as administrators see one.

use poem_openapi::Object;

use crate::domain::{session, user};

/// A session: one device that somebody is logged in on. Times are Unix seconds.
#[derive(Object)]
#[oai(rename = "AdminSession", skip_serializing_if_is_none)]
pub(crate) struct Session {
    /// The `sid` of its access tokens.
    id: String,
    /// The `sub` of its access tokens.
    user_id: String,
    /// The user's name.
    username: String,
    /// The client that it was opened with.
    client_id: String,
    /// What the device is called.
    device: Option<String>,
    /// When it was opened.
    created_at: i64,
    /// When it was last opened or refreshed.
    last_used_at: i64,
    /// When it expires unless it is used before.
    expires_at: i64,
    /// Why and when it was ended; absent where it was not.
    ended: Option<End>,
    /// What has been seen to change: `country`, `network`, `user_agent`.
    flags: Vec<String>,
    /// Where the login came from.
    opened_from: Place,
    /// Where the last login or refresh came from.
    last_from: Place,
}

/// The end of a session.
#[derive(Object)]
#[oai(rename = "SessionEnd")]
struct End {
    /// Why.
    reason: String,
    /// When.
    at: i64,
}

/// Where a request came from.
#[derive(Object)]
#[oai(rename = "SessionPlace", skip_serializing_if_is_none)]
struct Place {
    /// The address.
    ip: Option<String>,
    /// The country, ISO 3166-1 alpha-2.
    country: Option<String>,
    /// The `User-Agent` header.
    user_agent: Option<String>,
}

impl From<crate::domain::context::Context> for Place {
    fn from(context: crate::domain::context::Context) -> Self {
        Self {
            ip: context.ip.map(|ip| ip.to_string()),
            country: context.country,
            user_agent: context.user_agent,
        }
    }
}

impl From<(session::Session, user::User)> for Session {
    fn from((session, user): (session::Session, user::User)) -> Self {
        let expires_at = session.idle_expires_at.min(session.absolute_expires_at);
        let ended = session.ended.map(|ended| End {
            reason: ended.reason.as_str().to_owned(),
            at: ended.at.0,
        });
        let flags = session.flags.iter();
        Self {
            id: session.id.to_string(),
            user_id: user.id.to_string(),
            username: user.username.to_string(),
            device: session.device,
            created_at: session.created_at.0,
            last_used_at: session.last_used_at.0,
            expires_at: expires_at.0,
            ended,
            flags: flags.map(|flag| flag.as_str().to_owned()).collect(),
            opened_from: session.opened_from.into(),
            last_from: session.last_from.into(),
            client_id: session.client_id,
        }
    }
}
