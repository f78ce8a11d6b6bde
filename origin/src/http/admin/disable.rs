//! `POST /admin/users/{id}/disable`: an account is out of use, everywhere, in seconds.

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
        acting: Acting,
        /// The user.
        id: Path<String>,
    ) -> Result<InFeed<ChangedUser>, Refused<OneUser>> {
        let id = user_id(&id.0)?;
        let changed = admin::disable(&service.app, acting.authority(), id).await?;
        Ok(changed.ok_or_else(not_found)?.into())
    }
}
