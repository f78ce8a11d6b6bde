//! `GET /admin/users/{id}`: one user.

use poem_openapi::{OpenApi, param::Path};
use portcullis_shared::problem::Code;

use super::{not_found, user_answer::User, user_id};
use crate::http::{
    answer::Ok,
    bearer::Administrator,
    refused::{self, Declared, Refused},
    service::Shared,
};

struct Failures;

impl Declared for Failures {
    const PROBLEMS: &'static [&'static [Code]] = &[refused::ADMIN, &[Code::NotFound]];
}

/// The endpoint.
pub(crate) struct Api;

#[OpenApi]
impl Api {
    /// Read a user
    #[oai(path = "/admin/users/:id", method = "get", operation_id = "readUser")]
    async fn user(
        &self,
        service: Shared<'_>,
        _admin: Administrator,
        /// The user.
        id: Path<String>,
    ) -> Result<Ok<User>, Refused<Failures>> {
        let user = service
            .app
            .store
            .user(user_id(&id.0)?)
            .await?
            .ok_or_else(not_found)?;
        Result::Ok(Ok(user.into()))
    }
}
