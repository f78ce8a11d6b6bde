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
        page::Size,
        refused::{self, Declared, Refused},
        service::Shared,
    },
};

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
        let after = cursor::after(cursor.0.as_deref(), &app.master)?;
        let size = Size::asked(limit.0);
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
        let filter = UserFilter {
            search,
            banned: banned.0,
            disabled: disabled.0,
            after,
            limit: size.sought(),
        };
        let found = admin::list_users(app, &filter).await?;
        let (users, next_cursor) = size.cut(found, |user| user.username.clone(), &app.master);
        Result::Ok(Ok(Page {
            users: users.into_iter().map(User::from).collect(),
            next_cursor,
        }))
    }
}
