//! `POST /admin/users/{id}/ban`: a user is out, everywhere, in seconds.

use poem_openapi::{Object, OpenApi, param::Path};
use portcullis_shared::problem::Code;
use serde::Deserialize;

use super::{acting::Acting, not_found, user_answer::ChangedUser, user_id};
use crate::{
    domain::admin,
    http::{
        answer::InFeed,
        body::Strict,
        mapping::unacceptable,
        refused::{self, Declared, Refused},
        service::Shared,
    },
};

/// Why.
#[derive(Object, Deserialize)]
#[oai(rename = "BanRequest")]
#[serde(deny_unknown_fields)]
struct Body {
    /// For people: at most 500 characters, none of them for control.
    #[oai(validator(max_length = 500, pattern = r"^[^\x00-\x1f\x7f-\x9f]*$"))]
    reason: String,
}

struct Failures;

impl Declared for Failures {
    const PROBLEMS: &'static [&'static [Code]] = &[
        refused::ADMIN,
        refused::BODY,
        &[Code::NotFound, Code::Conflict],
    ];
}

/// The endpoint.
pub(crate) struct Api;

#[OpenApi]
impl Api {
    /// Ban a user
    ///
    /// All sessions end, all access tokens are revoked, no login works. Banning again changes the
    /// reason. A user who is disabled, and the last administrator, cannot be banned.
    #[oai(
        path = "/admin/users/:id/ban",
        method = "post",
        operation_id = "banUser"
    )]
    async fn ban(
        &self,
        service: Shared<'_>,
        acting: Acting,
        /// The user.
        id: Path<String>,
        body: Strict<Body>,
    ) -> Result<InFeed<ChangedUser>, Refused<Failures>> {
        let authority = acting.still(&service.app).await?;
        let reason = body
            .0
            .reason
            .parse()
            .map_err(|error| unacceptable("reason", error))?;
        let id = user_id(&id.0)?;
        let changed = admin::ban(&service.app, authority, id, reason).await?;
        Ok(changed.ok_or_else(not_found)?.into())
    }
}
