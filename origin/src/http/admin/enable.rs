//! `POST /admin/users/{id}/enable`: a disabled account is in use again.

use poem_openapi::{OpenApi, param::Path};

use super::{OneUser, acting::Acting, not_found, user_answer::ChangedUser, user_id};
use crate::{
    domain::admin,
    http::{answer::InFeed, refused::Refused, service::Shared},
};

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
        acting: Acting,
        /// The user.
        id: Path<String>,
    ) -> Result<InFeed<ChangedUser>, Refused<OneUser>> {
        let id = user_id(&id.0)?;
        let changed = admin::enable(&service.app, acting.authority(), id).await?;
        Ok(changed.ok_or_else(not_found)?.into())
    }
}
