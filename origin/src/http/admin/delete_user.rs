//! `DELETE /admin/users/{id}`: a user is gone, and all of the user's sessions.

use poem_openapi::{OpenApi, param::Path};

use super::{OneUser, acting::Acting, not_found, user_id};
use crate::{
    domain::admin,
    http::{
        answer::{InFeed, Revoked},
        refused::Refused,
        service::Shared,
    },
};

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
        acting: Acting,
        /// The user.
        id: Path<String>,
    ) -> Result<InFeed<Revoked>, Refused<OneUser>> {
        let id = user_id(&id.0)?;
        let seq = admin::delete_user(&service.app, acting.authority(), id).await?;
        Ok(InFeed::at(Some(seq.ok_or_else(not_found)?)))
    }
}
