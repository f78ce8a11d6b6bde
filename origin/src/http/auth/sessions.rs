//! `GET /auth/sessions`: where the caller is logged in, page by page. Whoever may have few sessions, as
//! by default, has them all on the first one.

use poem_openapi::{Object, OpenApi, param::Query};
use portcullis_shared::{ids::SessionId, problem::Code};

use crate::{
    domain::{context::Context, session, sessions},
    http::{
        answer::Ok,
        bearer::Bearer,
        cursor,
        failure::Failure,
        refused::{self, Declared, Refused},
        service::Shared,
    },
};

/// How many sessions a page has at least, at most, and where nothing is said.
const LIMITS: (i64, i64, i64) = (1, 200, 100);

/// A page of the caller's active sessions.
#[derive(Object)]
#[oai(skip_serializing_if_is_none)]
struct Sessions {
    /// The last used first.
    sessions: Vec<Session>,
    /// For the next page; absent on the last one.
    next_cursor: Option<String>,
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
        /// How many at most: from 1 to 200, 100 where nothing is said.
        limit: Query<Option<i64>>,
        /// `next_cursor` of the page before.
        cursor: Query<Option<String>>,
    ) -> Result<Ok<Sessions>, Refused<Failures>> {
        let app = &service.app;
        let (min, max, default) = LIMITS;
        let limit = usize::try_from(limit.0.unwrap_or(default).clamp(min, max)).unwrap_or(1);
        let after = cursor.0.map(|text| {
            let off = || Failure::new(Code::InvalidRequest).detail("cursor: not one of ours");
            cursor::read(&text, &app.master).ok_or_else(off)
        });
        // One more than the page holds tells whether there is another.
        let more = u32::try_from(limit).unwrap_or(1).saturating_add(1);
        let mut found = sessions::list(app, &caller.0, after.transpose()?, more).await?;
        let is_last = found.len() <= limit;
        found.truncate(limit);
        let last = found.last().filter(|_| !is_last);
        let next_cursor =
            last.and_then(|last| cursor::write(&(last.last_used_at, last.id), &app.master));
        let current = caller.0.session.id;
        let sessions = found.into_iter();
        Result::Ok(Ok(Sessions {
            sessions: sessions
                .map(|session| Session::new(session, current))
                .collect(),
            next_cursor,
        }))
    }
}
