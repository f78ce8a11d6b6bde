//! `POST /admin/users/{id}/disable`: an account is out of use, everywhere, in seconds.

use poem_openapi::{OpenApi, param::Path};
use portcullis_shared::problem::Code;

use super::{authority, not_found, user_answer::ChangedUser, user_id};
use crate::{
    domain::admin,
    http::{
        answer::InFeed,
        bearer::Administrator,
        origin::From,
        refused::{self, Declared, Refused},
        service::Shared,
    },
};

struct Failures;

impl Declared for Failures {
    const PROBLEMS: &'static [&'static [Code]] =
        &[refused::ADMIN, &[Code::NotFound, Code::Conflict]];
}

/// The endpoint.
pub(crate) struct Api;

#[OpenApi]
impl Api {
    /// Disable a user
    ///
    /// All sessions end, all access tokens are revoked, no login works. A user who is banned, and
    /// the last administrator, cannot be disabled.
    #[oai(
        path = "/admin/users/:id/disable",
        method = "post",
        operation_id = "disableUser"
    )]
    async fn disable(
        &self,
        service: Shared<'_>,
        admin: Administrator,
        from: From,
        /// The user.
        id: Path<String>,
    ) -> Result<InFeed<ChangedUser>, Refused<Failures>> {
        let (id, authority) = (user_id(&id.0)?, authority(&admin, &from));
        let changed = admin::disable(&service.app, authority, id).await?;
        Ok(changed.ok_or_else(not_found)?.into())
    }
}
