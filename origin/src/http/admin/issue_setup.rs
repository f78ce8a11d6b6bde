//! `POST /admin/users/{id}/setup`: a one-time token with which the user chooses a password.

use poem_openapi::{Object, OpenApi, param::Path};
use portcullis_shared::problem::Code;

use super::{acting::Acting, not_found, user_answer::User, user_id};
use crate::{
    domain::admin,
    http::{
        answer::Created,
        refused::{self, Declared, Refused},
        service::Shared,
    },
};

/// A setup token, and whose it is.
#[derive(Object)]
#[oai(skip_serializing_if_is_none)]
struct IssuedSetup {
    /// The user.
    user: User,
    /// With which the user chooses a password, once, at `POST /auth/setup`. It is not shown again.
    setup_token: String,
    /// When the setup token expires, in Unix seconds.
    setup_expires_at: Option<i64>,
}

struct Failures;

impl Declared for Failures {
    const PROBLEMS: &'static [&'static [Code]] = &[refused::ADMIN, &[Code::NotFound]];
}

/// The endpoint.
pub(crate) struct Api;

#[OpenApi]
impl Api {
    /// Give out a setup token
    ///
    /// For a user who lost the password, or whose first token expired. The token takes the place of
    /// any other. Nothing else changes until it is used; then all of the user's sessions end.
    #[oai(
        path = "/admin/users/:id/setup",
        method = "post",
        operation_id = "issueSetup"
    )]
    async fn issue(
        &self,
        service: Shared<'_>,
        acting: Acting,
        /// The user.
        id: Path<String>,
    ) -> Result<Created<IssuedSetup>, Refused<Failures>> {
        let id = user_id(&id.0)?;
        let link = admin::issue_setup(&service.app, acting.authority(), id).await?;
        let link = link.ok_or_else(not_found)?;
        Ok(Created(IssuedSetup {
            setup_token: link.token.as_str().to_owned(),
            setup_expires_at: link.user.setup.as_ref().map(|setup| setup.expires_at.0),
            user: link.user.into(),
        }))
    }
}
