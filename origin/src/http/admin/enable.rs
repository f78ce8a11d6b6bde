//! `POST /admin/users/{id}/enable`: a disabled account is in use again.

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
    /// Enable a user
    ///
    /// The user may log in again. Sessions that ended stay ended; a ban is not lifted.
    #[oai(
        path = "/admin/users/:id/enable",
        method = "post",
        operation_id = "enableUser"
    )]
    async fn enable(
        &self,
        service: Shared<'_>,
        admin: Administrator,
        from: From,
        /// The user.
        id: Path<String>,
    ) -> Result<InFeed<ChangedUser>, Refused<Failures>> {
        let (id, authority) = (user_id(&id.0)?, authority(&admin, &from));
        let changed = admin::enable(&service.app, authority, id).await?;
        Ok(changed.ok_or_else(not_found)?.into())
    }
}
