//! `GET /admin/api-keys`: API keys in the order of their ids, page by page.

use poem_openapi::{Enum, Object, OpenApi, param::Query};
use portcullis_shared::problem::Code;

use super::api_key_answer::ApiKey;
use crate::{
    domain::{admin, api_key::KeyFilter},
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

/// A page of API keys.
#[derive(Object)]
#[oai(rename = "ApiKeyPage", skip_serializing_if_is_none)]
struct Page {
    /// In the order of their ids.
    api_keys: Vec<ApiKey>,
    /// For the next page; absent on the last one.
    next_cursor: Option<String>,
}

/// Which keys, by whether they are over.
#[derive(Enum)]
#[oai(rename = "ApiKeyState", rename_all = "lowercase")]
enum Which {
    /// Those that can be exchanged.
    Usable,
    /// Those that have expired or were revoked.
    Over,
    /// All.
    Any,
}

struct Failures;

impl Declared for Failures {
    const PROBLEMS: &'static [&'static [Code]] = &[refused::ADMIN];
}

/// The endpoint.
pub(crate) struct Api;

#[OpenApi]
impl Api {
    /// List API keys
    #[oai(path = "/admin/api-keys", method = "get", operation_id = "listApiKeys")]
    async fn list(
        &self,
        service: Shared<'_>,
        _admin: Administrator,
        /// Only this user's.
        user_id: Query<Option<String>>,
        /// Those that are `usable`, which counts where nothing is said, `over`, or `any`.
        state: Query<Option<Which>>,
        /// How many at most: from 1 to 200, 50 where nothing is said.
        limit: Query<Option<i64>>,
        /// `next_cursor` of the page before.
        cursor: Query<Option<String>>,
    ) -> Result<Ok<Page>, Refused<Failures>> {
        let (app, now) = (&service.app, service.app.clock.now());
        let size = Size::asked(limit.0);
        let off = |_| Failure::new(Code::InvalidRequest).detail("user_id: not an identifier");
        let filter = KeyFilter {
            owner: user_id.0.map(|id| id.parse()).transpose().map_err(off)?,
            usable: match state.0 {
                None | Some(Which::Usable) => Some(true),
                Some(Which::Over) => Some(false),
                Some(Which::Any) => None,
            },
            now,
            after: cursor::after(cursor.0.as_deref(), &app.master)?,
            limit: size.sought(),
        };
        let found = admin::list_api_keys(app, &filter).await?;
        let (keys, next_cursor) = size.cut(found, |(key, _)| key.id, &app.master);
        let keys = keys.into_iter();
        Result::Ok(Ok(Page {
            api_keys: keys
                .map(|(key, owner)| ApiKey::of(key, &owner, now))
                .collect(),
            next_cursor,
        }))
    }
}
