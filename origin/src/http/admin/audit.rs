//! `GET /admin/audit`: what happened, the newest first, page by page.

use poem_openapi::{Object, OpenApi, param::Query};
use portcullis_shared::{problem::Code, time::UnixSeconds};

use crate::{
    domain::{
        audit::{
            self, Action, Actor,
            query::{By, Entry, Filter, Order},
        },
        network::Network,
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

/// A page of the audit trail.
#[derive(Object)]
#[oai(rename = "AuditPage", skip_serializing_if_is_none)]
struct Page {
    /// The newest first.
    events: Vec<Event>,
    /// For the next page; absent on the last one.
    next_cursor: Option<String>,
}

/// Something that happened.
#[derive(Object)]
#[oai(rename = "AuditEvent", skip_serializing_if_is_none)]
struct Event {
    /// Its number in the trail.
    id: i64,
    /// When, in Unix seconds.
    at: i64,
    /// What.
    action: String,
    /// Who: `user`, `operator` (at the command line), `bearer` (of a refresh or setup token) or
    /// `service`.
    actor: String,
    /// Which user did it.
    actor_id: Option<String>,
    /// To which user.
    user_id: Option<String>,
    /// To which session.
    session_id: Option<String>,
    /// From which address.
    ip: Option<String>,
    /// From which country, ISO 3166-1 alpha-2.
    country: Option<String>,
    /// More, for people.
    detail: Option<String>,
}

impl From<Entry> for Event {
    fn from(entry: Entry) -> Self {
        let Entry { id, event } = entry;
        let actor_id = match event.actor {
            Actor::User(id) => Some(id.to_string()),
            Actor::Operator | Actor::Bearer | Actor::Service => None,
        };
        Self {
            id: id.0,
            at: event.at.0,
            action: event.action.as_str().to_owned(),
            actor: event.actor.kind().to_owned(),
            actor_id,
            user_id: event.user_id.map(|id| id.to_string()),
            session_id: event.session_id.map(|id| id.to_string()),
            ip: event.ip.map(|ip| ip.to_string()),
            country: event.country,
            detail: event.detail,
        }
    }
}

struct Failures;

impl Declared for Failures {
    const PROBLEMS: &'static [&'static [Code]] = &[refused::ADMIN];
}

/// The endpoint.
pub(crate) struct Api;

#[OpenApi]
impl Api {
    /// Look through the audit trail
    #[oai(path = "/admin/audit", method = "get", operation_id = "audit")]
    #[expect(clippy::too_many_arguments, reason = "one for each parameter")]
    async fn audit(
        &self,
        service: Shared<'_>,
        _admin: Administrator,
        /// Only what was done to the user of this identifier.
        user: Query<Option<String>>,
        /// Only what was done by this user (an identifier), or by any `user`, an `operator`, a
        /// `bearer`, the `service`.
        actor: Query<Option<String>>,
        /// Only this action, or one of several that are separated by commas.
        action: Query<Option<String>>,
        /// Only what was done to this session.
        session: Query<Option<String>>,
        /// Only from this address or network, such as `192.0.2.0/24`.
        network: Query<Option<String>>,
        /// Only at this time, in Unix seconds, or later.
        since: Query<Option<i64>>,
        /// Only before this time, in Unix seconds.
        until: Query<Option<i64>>,
        /// How many at most: from 1 to 200, 50 where nothing is said.
        limit: Query<Option<i64>>,
        /// `next_cursor` of the page before.
        cursor: Query<Option<String>>,
    ) -> Result<Ok<Page>, Refused<Failures>> {
        let app = &service.app;
        let filter = Filter {
            user: parsed("user", user.0)?,
            session: parsed("session", session.0)?,
            by: actor.0.as_deref().map(by).transpose()?,
            actions: actions(action.0.as_deref())?,
            network: parsed::<Network>("network", network.0)?,
            since: since.0.map(UnixSeconds),
            until: until.0.map(UnixSeconds),
        };
        let size = Size::asked(limit.0);
        let query = audit::query::Query {
            filter,
            order: Order::Newest {
                before: cursor::after(cursor.0.as_deref(), &app.master)?,
            },
            limit: size.sought(),
        };
        let found = app.store.audit(&query).await?;
        let place = |entry: &Entry| (entry.event.at, entry.id);
        let (entries, next_cursor) = size.cut(found, place, &app.master);
        Result::Ok(Ok(Page {
            events: entries.into_iter().map(Event::from).collect(),
            next_cursor,
        }))
    }
}

fn off(parameter: &str, why: impl std::fmt::Display) -> Failure {
    Failure::new(Code::InvalidRequest).detail(format!("{parameter}: {why}"))
}

fn parsed<T: std::str::FromStr<Err: std::fmt::Display>>(
    parameter: &str,
    text: Option<String>,
) -> Result<Option<T>, Failure> {
    let value = text.map(|text| text.parse::<T>());
    value.transpose().map_err(|error| off(parameter, error))
}

fn by(text: &str) -> Result<By, Failure> {
    text.parse().map_err(|error| off("actor", error))
}

fn actions(list: Option<&str>) -> Result<Vec<Action>, Failure> {
    let names = list.into_iter().flat_map(|list| list.split(','));
    names
        .map(|name| Action::from_name(name).ok_or_else(|| off("action", "there is no such action")))
        .collect()
}
