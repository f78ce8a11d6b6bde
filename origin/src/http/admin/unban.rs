//! `POST /admin/users/{id}/unban`: a ban is lifted.

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
    /// Lift a ban
    ///
    /// The user may log in again. Sessions that ended stay ended; a disabled user stays disabled.
    #[oai(
        path = "/admin/users/:id/unban",
        method = "post",
        operation_id = "unbanUser"
    )]
    async fn unban(
        &self,
        service: Shared<'_>,
        acting: Acting,
        /// The user.
        id: Path<String>,
    ) -> Result<InFeed<ChangedUser>, Refused<OneUser>> {
        let id = user_id(&id.0)?;
        let changed = admin::unban(&service.app, acting.authority(), id).await?;
        Ok(changed.ok_or_else(not_found)?.into())
    }
}
