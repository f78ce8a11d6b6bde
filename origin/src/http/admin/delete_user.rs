//! `DELETE /admin/users/{id}`: a user is gone, and all of the user's sessions.

use poem_openapi::{OpenApi, param::Path};
use portcullis_shared::problem::Code;

use super::{authority, not_found, user_id};
use crate::{
    domain::admin,
    http::{
        answer::{InFeed, Revoked},
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
    /// Delete a user
    ///
    /// User and sessions are gone, all access tokens are revoked; the audit trail stays. The name
    /// is free again. The last administrator cannot be deleted.
    #[oai(
        path = "/admin/users/:id",
        method = "delete",
        operation_id = "deleteUser"
    )]
    async fn delete(
        &self,
        service: Shared<'_>,
        admin: Administrator,
        from: From,
        /// The user.
        id: Path<String>,
    ) -> Result<InFeed<Revoked>, Refused<Failures>> {
        let (id, authority) = (user_id(&id.0)?, authority(&admin, &from));
        let seq = admin::delete_user(&service.app, authority, id).await?;
        Ok(InFeed::at(Some(seq.ok_or_else(not_found)?)))
    }
}
