//! `GET /admin/sessions`: sessions by the criteria that they are revoked by, page by page.

use poem::{FromRequest, Request, RequestBody};
use poem_openapi::{Enum, Object, OpenApi, param::Query};
use portcullis_shared::problem::Code;
use serde::Deserialize;

use super::session_answer::Session;
use crate::{
    domain::{
        criteria::{SessionFilter, State, Written},
        plan::count,
    },
    http::{
        answer::Ok,
        bearer::Administrator,
        cursor,
        failure::Failure,
        page::Size,
        refused::{self, Declared, Refused},
        service::Shared,
    },
};

/// The operation whose criteria are described as those of the request to revoke.
pub(crate) const OPERATION: &str = "listAllSessions";

/// A page of sessions.
#[derive(Object)]
#[oai(rename = "SessionPage", skip_serializing_if_is_none)]
struct Page {
    /// In the order of their ids.
    sessions: Vec<Session>,
    /// For the next page; absent on the last one.
    next_cursor: Option<String>,
}

/// Which sessions, by whether they are over.
#[derive(Enum)]
#[oai(rename = "SessionState", rename_all = "lowercase")]
enum Which {
    /// Not ended, with a refresh token or an access token that has not expired.
    Active,
    /// All others.
    Over,
    /// All.
    Any,
}

/// The criteria, as parameters of the query. They would be a dozen arguments; the OpenAPI document
/// takes their descriptions from the body of the request to revoke.
#[derive(Deserialize, Default)]
#[serde(default)]
struct Criteria {
    user_id: Option<String>,
    username: Option<String>,
    role: Option<String>,
    client_id: Option<String>,
    countries: Option<String>,
    network: Option<String>,
    user_agent: Option<String>,
    device: Option<String>,
    created_after: Option<i64>,
    created_before: Option<i64>,
    last_used_after: Option<i64>,
    last_used_before: Option<i64>,
}

impl<'a> FromRequest<'a> for Criteria {
    async fn from_request(request: &'a Request, _: &mut RequestBody) -> poem::Result<Self> {
        let off = |_| Failure::new(Code::InvalidRequest).detail("a criterion is not one");
        Result::Ok(request.params().map_err(off)?)
    }
}

impl From<Criteria> for Written {
    fn from(query: Criteria) -> Self {
        let countries = query.countries.unwrap_or_default();
        let countries = countries.split(',').filter(|code| !code.is_empty());
        Self {
            countries: countries.map(str::to_owned).collect(),
            user_id: query.user_id,
            username: query.username,
            role: query.role,
            client_id: query.client_id,
            network: query.network,
            user_agent: query.user_agent,
            device: query.device,
            created_after: query.created_after,
            created_before: query.created_before,
            last_used_after: query.last_used_after,
            last_used_before: query.last_used_before,
        }
    }
}

struct Failures;

impl Declared for Failures {
    const PROBLEMS: &'static [&'static [Code]] = &[refused::ADMIN, &[Code::ValidationFailed]];
}

/// The endpoint.
pub(crate) struct Api;

#[OpenApi]
impl Api {
    /// List sessions
    ///
    /// Of all users, by the criteria that sessions are revoked by.
    #[oai(
        path = "/admin/sessions",
        method = "get",
        operation_id = "listAllSessions"
    )]
    async fn list(
        &self,
        service: Shared<'_>,
        _admin: Administrator,
        criteria: Criteria,
        /// Those that are `active`, which counts where nothing is said, `over`, or `any`.
        state: Query<Option<Which>>,
        /// How many at most: from 1 to 200, 50 where nothing is said.
        limit: Query<Option<i64>>,
        /// `next_cursor` of the page before.
        cursor: Query<Option<String>>,
    ) -> Result<Ok<Page>, Refused<Failures>> {
        let app = &service.app;
        let size = Size::asked(limit.0);
        let filter = SessionFilter {
            state: match state.0 {
                None | Some(Which::Active) => State::Active,
                Some(Which::Over) => State::Over,
                Some(Which::Any) => State::Any,
            },
            after: cursor::after(cursor.0.as_deref(), &app.master)?,
            ..SessionFilter::active(
                Written::from(criteria).parse()?,
                app.clock.now(),
                size.sought(),
            )
        };
        let found = count::list(app, &filter).await?;
        let (sessions, next_cursor) = size.cut(found, |(session, _)| session.id, &app.master);
        Result::Ok(Ok(Page {
            sessions: sessions.into_iter().map(Session::from).collect(),
            next_cursor,
        }))
    }
}
