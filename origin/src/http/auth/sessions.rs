//! `GET /auth/sessions`: where the caller is logged in.

use poem_openapi::{Object, OpenApi};
use portcullis_shared::{ids::SessionId, problem::Code};

use crate::{
    domain::{context::Context, session, sessions},
    http::{
        answer::Ok,
        bearer::Bearer,
        refused::{self, Declared, Refused},
        service::Shared,
    },
};

/// The caller's active sessions.
#[derive(Object)]
struct Sessions {
    /// The last used first.
    sessions: Vec<Session>,
}

/// A session: one device that somebody is logged in on. Times are Unix seconds.
#[derive(Object)]
#[oai(skip_serializing_if_is_none)]
struct Session {
    /// For `DELETE /auth/sessions/{id}`.
    id: String,
    /// Whether it is the one of this request's token.
    current: bool,
    /// The client that it was opened with.
    client_id: String,
    /// The device: what the client called it, else what its user agent says, such as
    /// `Firefox on Windows`.
    device: Option<String>,
    /// What was seen to change and is worth a look: `country`, `network`, `user_agent`.
    flags: Vec<String>,
    /// When it was opened: first seen.
    created_at: i64,
    /// When it was last opened or refreshed: last seen.
    last_used_at: i64,
    /// When it ends unless it is used before.
    expires_at: i64,
    /// Where the login came from.
    opened_from: Place,
    /// Where the last login or refresh came from.
    last_from: Place,
}

/// Where a request came from.
#[derive(Object)]
#[oai(skip_serializing_if_is_none)]
struct Place {
    /// The address.
    ip: Option<String>,
    /// The country, ISO 3166-1 alpha-2.
    country: Option<String>,
    /// The `User-Agent` header.
    user_agent: Option<String>,
}

impl From<Context> for Place {
    fn from(context: Context) -> Self {
        Self {
            ip: context.ip.map(|ip| ip.to_string()),
            country: context.country,
            user_agent: context.user_agent,
        }
    }
}

impl Session {
    fn new(session: session::Session, current: SessionId) -> Self {
        let expires_at = session.idle_expires_at.min(session.absolute_expires_at);
        Self {
            id: session.id.to_string(),
            current: session.id == current,
            client_id: session.client_id,
            device: session.device,
            flags: session
                .flags
                .iter()
                .map(|flag| flag.as_str().to_owned())
                .collect(),
            created_at: session.created_at.0,
            last_used_at: session.last_used_at.0,
            expires_at: expires_at.0,
            opened_from: session.opened_from.into(),
            last_from: session.last_from.into(),
        }
    }
}

struct Failures;

impl Declared for Failures {
    const PROBLEMS: &'static [&'static [Code]] = &[refused::BEARER];
}

/// The endpoint.
pub(crate) struct Api;

#[OpenApi]
impl Api {
    /// List my sessions
    #[oai(path = "/auth/sessions", method = "get", operation_id = "listSessions")]
    async fn list(
        &self,
        service: Shared<'_>,
        caller: Bearer,
    ) -> Result<Ok<Sessions>, Refused<Failures>> {
        let current = caller.0.session.id;
        let found = sessions::list(&service.app, &caller.0).await?;
        let sessions = found
            .into_iter()
            .map(|session| Session::new(session, current))
            .collect();
        Result::Ok(Ok(Sessions { sessions }))
    }
}
