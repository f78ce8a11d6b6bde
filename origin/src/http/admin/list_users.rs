//! `GET /admin/users`: users in the order of their names, page by page.

use poem_openapi::{Object, OpenApi, param::Query};
use portcullis_shared::problem::Code;

use super::user_answer::User;
use crate::{
    domain::{admin, store::UserFilter, user::part_of_name},
    http::{
        answer::Ok,
        bearer::Administrator,
        cursor,
        failure::Failure,
        refused::{self, Declared, Refused},
        service::Shared,
    },
};

/// How many users a page has at least, at most, and where nothing is said.
const LIMITS: (i64, i64, i64) = (1, 200, 50);

/// A page of users.
#[derive(Object)]
#[oai(skip_serializing_if_is_none)]
struct Page {
    /// In the order of their names.
    users: Vec<User>,
    /// For the next page; absent on the last one.
    next_cursor: Option<String>,
}

struct Failures;

impl Declared for Failures {
    const PROBLEMS: &'static [&'static [Code]] = &[refused::ADMIN];
}

/// The endpoint.
pub(crate) struct Api;

#[OpenApi]
impl Api {
    /// List users
    #[expect(
        clippy::too_many_arguments,
        reason = "each is a parameter of the query, and the document is made of them"
    )]
    #[oai(path = "/admin/users", method = "get", operation_id = "listUsers")]
    async fn list(
        &self,
        service: Shared<'_>,
        _admin: Administrator,
        /// Only users whose name contains this, in any case and form.
        search: Query<Option<String>>,
        /// Only users that are banned, or only those that are not.
        banned: Query<Option<bool>>,
        /// Only users that are disabled, or only those that are not.
        disabled: Query<Option<bool>>,
        /// How many at most: from 1 to 200, 50 where nothing is said.
        limit: Query<Option<i64>>,
        /// `next_cursor` of the page before.
        cursor: Query<Option<String>>,
    ) -> Result<Ok<Page>, Refused<Failures>> {
        let app = &service.app;
        let after = match cursor.0 {
            None => None,
            Some(text) => {
                let off = || Failure::new(Code::InvalidRequest).detail("cursor: not one of ours");
                Some(cursor::read(&text, &app.master).ok_or_else(off)?)
            }
        };
        let (min, max, default) = LIMITS;
        let limit = usize::try_from(limit.0.unwrap_or(default).clamp(min, max)).unwrap_or(1);
        let search = match search.0.as_deref().map(part_of_name) {
            None => None,
            Some(Some(part)) => Some(part),
            // What no name can contain need not get near a database.
            Some(None) => {
                return Result::Ok(Ok(Page {
                    users: vec![],
                    next_cursor: None,
                }));
            }
        };
        // One more than the page holds tells whether there is another.
        let more = u32::try_from(limit).unwrap_or(1).saturating_add(1);
        let filter = UserFilter {
            search,
            banned: banned.0,
            disabled: disabled.0,
            after,
            limit: more,
        };
        let mut users = admin::list_users(app, &filter).await?;
        let is_last = users.len() <= limit;
        users.truncate(limit);
        let last = users.last().filter(|_| !is_last);
        let next_cursor = last.and_then(|user| cursor::write(&user.username, &app.master));
        Result::Ok(Ok(Page {
            users: users.into_iter().map(User::from).collect(),
            next_cursor,
        }))
    }
}
